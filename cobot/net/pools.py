"""Which connections a request takes: by what it is for, by its server's kind and its proxy."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Literal, TypeAlias

import httpx

from cobot.net.transport import Connections, Guard

Purpose: TypeAlias = Literal["sends", "polls", "downloads"]
"""What connections are for. A poll that waits takes no send's place, nor does a download."""


class UnusableProxy(Exception):
    """The environment names a proxy that we cannot use. The text says what to do."""


class Pools:
    """Connections to many servers, for each purpose apart."""

    def __init__(self, *, most: int, trust_env: bool) -> None:
        """Connect to nothing yet.

        Args:
            most: How many connections there may be for each purpose.
            trust_env: Whether the environment says which proxy and which certificates.
        """
        self._most = most
        self._trust_env = trust_env
        self._kept: dict[tuple[Purpose, bool, str | None], httpx.AsyncBaseTransport] = {}
        self._lent: set[httpx.AsyncBaseTransport] = set()

    def transport(self, purpose: Purpose, url: httpx.URL) -> httpx.AsyncBaseTransport:
        """Return the transport for requests to an address.

        Raises:
            UnusableProxy: The environment names one of another kind.
        """
        proxy = self.proxy(url)
        key = purpose, url.scheme == "https", proxy
        transport = self._kept.get(key)
        if transport is None:
            transport = self._kept[key] = self._make(key[1], proxy)
        return transport

    @asynccontextmanager
    async def guarded(
        self, url: httpx.URL, guard: Guard
    ) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """Give a transport that connects to no address the guard refuses.

        No connection of it is kept: a stricter guard may come next. The address of a proxy is
        not the guard's business.
        """
        proxy = self.proxy(url)
        guard_ = guard if proxy is None else None
        transport = self._make(url.scheme == "https", proxy, guard_)
        self._lent.add(transport)
        try:
            yield transport
        finally:
            self._lent.discard(transport)
            await transport.aclose()

    def proxy(self, url: httpx.URL) -> str | None:
        """Return the proxy that the environment names for an address, by httpx's rules.

        Raises:
            UnusableProxy: It is of another kind.
        """
        if not self._trust_env or urllib.request.proxy_bypass(url.host):
            return None
        known = urllib.request.getproxies()
        proxy = known.get(url.scheme) or known.get("all")
        if not proxy:
            return None
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        if not proxy.startswith(("http://", "https://")):
            raise UnusableProxy(
                "the environment names a proxy that is neither http nor https; unset it, or"
                f" add {url.host} to NO_PROXY"
            )
        return proxy

    async def aclose(self) -> None:
        """Close all connections, those in use too."""
        for transport in (*self._kept.values(), *self._lent):
            await transport.aclose()
        self._kept.clear()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Made once, and not for plain HTTP: reading the certificates takes 20 ms.
        return httpx.create_ssl_context(trust_env=self._trust_env)

    def _make(
        self, is_https: bool, proxy: str | None, guard: Guard | None = None
    ) -> httpx.AsyncBaseTransport:
        needs_tls = is_https or (proxy or "").startswith("https://")
        tls = self._tls if needs_tls else None
        return Connections(most=self._most, tls=tls, proxy=proxy, guard=guard)
