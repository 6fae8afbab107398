"""Files from addresses that anybody may have chosen.

Somebody may send a link that leads into the network we are in: to a router, a database, the
service that hands out the credentials of a virtual machine. So what is connected to is looked
at when the connection is made, each time, and not only the name before: by then a name may
stand for another address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from contextlib import suppress

import httpx

from cobot.errors import Unreachable
from cobot.net.addresses import within
from cobot.net.answers import Answer
from cobot.net.calls import Call
from cobot.net.exchange import Exchanges
from cobot.net.failures import Failure
from cobot.net.lookups import looked_up, refusal
from cobot.net.pools import Pools, UnusableProxy

REDIRECTS = 3
"""How often we are sent elsewhere before we give up."""


class Fetching:
    """Gets a file, by plain GETs in which nothing is secret."""

    def __init__(
        self,
        exchanges: Exchanges,
        pools: Pools,
        transport: httpx.AsyncBaseTransport | None,
        allow: Collection[str],
    ) -> None:
        """Get nothing yet.

        Args:
            exchanges: Does the requests.
            pools: Makes connections.
            transport: Does all requests instead, and has to watch its connections itself.
            allow: Networks that are allowed besides the internet.
        """
        self._exchanges = exchanges
        self._pools = pools
        self._transport = transport
        self._allows = within(allow)

    async def get(self, url: httpx.URL, make_call: Callable[[httpx.URL], Call]) -> Answer:
        """Get what is at an address, or wherever we are sent from there.

        Raises:
            Unreachable: It did not arrive.
            Rejected: We do not go there, or it is too large.
        """
        redirects = 0
        while True:
            call = make_call(url)
            answer = await self._get(call)
            where = answer.headers.get("Location")
            if not 300 <= answer.status < 400 or where is None:
                return answer
            redirects += 1
            if redirects > REDIRECTS:
                raise call.rejected(f"we are sent elsewhere more than {REDIRECTS} times")
            try:
                url = url.join(where)
            except httpx.InvalidURL:
                raise call.rejected(f"{call.host} sends us to what is no address") from None

    async def _get(self, call: Call) -> Answer:
        url = call.request.url
        if url.scheme not in ("http", "https") or not url.host:
            raise call.rejected("only http and https addresses are fetched")
        if url.userinfo:
            raise call.rejected("an address with a password is not fetched")
        if not self._may_connect(url.host):
            raise refusal(call, url.host)
        if self._transport is not None:
            return await self._exchanges.transfer(call, self._transport)
        try:
            if self._pools.proxy(url) is not None:
                await self._look_up(call)
        except UnusableProxy as error:
            raise call.error(Failure(str(error), is_harmless=True)) from error
        refused: list[str] = []

        def guard(address: str) -> bool:
            if self._allows(address):
                return True
            refused.append(address)
            return False

        async with self._pools.guarded(url, guard) as transport:
            try:
                return await self._exchanges.transfer(call, transport)
            except Unreachable:
                if not refused:
                    raise
        raise refusal(call, refused[0])

    def _may_connect(self, host: str) -> bool:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return True  # a name: what it stands for is seen when we connect
        return self._allows(host)

    async def _look_up(self, call: Call) -> None:
        """Refuse a name that stands for an address which is not allowed, as far as we know.

        A proxy connects to where it thinks is right. A name that only the proxy knows is
        left to the proxy, too.
        """
        with suppress(OSError):
            await looked_up(call, self._allows)
