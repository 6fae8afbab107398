"""The connections of websockets, opened and told apart as we need them."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import State
from websockets.typing import Subprotocol

from cobot import __version__
from cobot.errors import ChannelError
from cobot.net.answers import Answer
from cobot.net.calls import Call
from cobot.net.closing import HandshakeRefused, failure_to_connect
from cobot.net.timing import CALL

# Belongs to nobody and writes nothing: what websockets logs has addresses and headers in it,
# and what goes wrong is raised as well.
_SILENT = logging.Logger("cobot.net.sockets", level=logging.CRITICAL + 1)  # noqa: LOG001


@attrs.frozen
class SocketOptions:
    """How a connection behaves. None: no limit, or not at all."""

    connect_s: float = CALL.connect_s
    """Until the connection is open, handshake included, in seconds."""
    send_s: float = 10.0
    """Until a message has left for the network, in seconds. Who takes nothing is dead."""
    close_s: float = 5.0
    """Until the other side has said goodbye, in seconds."""
    silence_s: float | None = None
    """After so many seconds in which nothing came, not even a part, the connection is dead.

    Counted only while somebody waits in `receive`: what came and is not read is no silence.
    """
    ping_s: float | None = None
    """Seconds between our pings. An answer to one ends a silence."""
    received_bytes: int = 1024 * 1024
    """The longest message we take; a longer one ends the connection, with code 1009."""
    sent_bytes: int | None = None
    """The longest message that the other side takes."""
    unread: int = 16
    """After so many unread messages no more are taken from the network."""
    compression: bool = False
    """Whether messages may be packed, if the other side wants to."""


USUAL = SocketOptions()
"""No pings, no watch, no compression."""


class Link(ClientConnection):
    """A connection of websockets that tells when something came, and ends when it should."""

    on_data: Callable[[], None] | None = None
    """Called with whatever comes, be it only a part of a message."""
    _hang_up: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self.on_data is not None:
            self.on_data()
        super().data_received(data)
        if self.state is State.CLOSING and self._hang_up is None:
            # Nobody else sees to it that a server which said goodbye hangs up.
            assert self.close_timeout is not None
            self._hang_up = self.loop.call_later(self.close_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end."""
        if self._hang_up is not None:
            self._hang_up.cancel()
        super().connection_lost(exc)


async def open_link(
    call: Call,
    url: str,
    headers: Mapping[str, str],
    subprotocols: Sequence[str],
    options: SocketOptions,
    *,
    proxy: str | None,
    tls: ssl.SSLContext | None,
    host: str | None = None,
) -> Link:
    """Connect.

    Args:
        call: What belongs to it, for errors.
        url: Where.
        headers: Besides the usual ones.
        subprotocols: Which we speak, the preferred one first.
        options: How it behaves.
        proxy: Through which proxy; None: none.
        tls: Whom we believe, where TLS is spoken.
        host: The address to connect to in place of the name; None: whatever that stands for.

    Raises:
        HandshakeRefused: The server answered with a status.
        Unreachable: There is no connection.
    """
    more: dict[str, Any] = {} if host is None else {"host": host}
    if call.request.url.scheme == "wss":
        more["ssl"] = tls
    if proxy is not None and proxy.startswith("https:"):
        more["proxy_ssl"] = tls
    error: ChannelError
    try:
        link = await _Connect(
            url,
            additional_headers=headers,
            user_agent_header=f"cobot/{__version__}",
            subprotocols=[Subprotocol(one) for one in subprotocols] or None,
            proxy=proxy,
            compression="deflate" if options.compression else None,
            open_timeout=options.connect_s,
            close_timeout=options.close_s,
            ping_interval=None,  # ours go by our clock
            max_size=options.received_bytes,
            max_queue=options.unread,
            logger=_SILENT,
            create_connection=Link,
            **more,
        )
        assert isinstance(link, Link)
        return link
    except InvalidStatus as refused:
        error = _refusal(refused, call)
    except Exception as failed:  # noqa: BLE001 -- a transport is a stranger
        error = call.error(failure_to_connect(failed, call.host))
    # Not raised where it was caught, so that nothing of the transport's hangs on to it.
    raise error


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        # Whoever sends us elsewhere would have our token told there.
        return exc


def _refusal(refused: InvalidStatus, call: Call) -> HandshakeRefused:
    response = refused.response
    headers = httpx.Headers(list(response.headers.raw_items()))
    answer = Answer(response.status_code, headers, bytes(response.body or b""), call)
    detail = answer.not_understood("no WebSocket").detail
    return HandshakeRefused(call.channel_type, call.operation, detail, answer)
