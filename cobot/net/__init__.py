"""What channels share for talking to their networks. Nothing here knows any one of them.

Comes with the extra `cobot-core[net]`, which channels require.

    http = Http("pigeon", redact=redact)
    answer = await http.call("send", f"{base_url}/{token}/fly", {"loft": 7, "text": "hello"})
    if answer.status == 429:
        raise RateLimited("pigeon", "send", "too many", retry_after_s=answer.retry_after_s)
    flight = answer.json()

WebSockets and webhooks are loaded when first asked for: they take as long to import as all the
rest of a command, and a channel that polls needs none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cobot.encoding import dumps, loads
from cobot.net.answers import Answer
from cobot.net.http import Http, ReadyHeaders
from cobot.net.timing import CALL, FETCH, TRANSFER, TimeLimits
from cobot.net.uploads import Part, Upload, multipart, raw

if TYPE_CHECKING:
    from cobot.net.addresses import is_public
    from cobot.net.closing import Closed, HandshakeRefused, SocketClosed
    from cobot.net.heartbeats import Heartbeat
    from cobot.net.links import SocketOptions
    from cobot.net.pacing import Pace
    from cobot.net.ports import Ports, ServerOptions
    from cobot.net.reconnecting import Attempt, Attempts, Backoff
    from cobot.net.requests import Reply, Request
    from cobot.net.signatures import is_secret, is_signed_v0, signature_v0
    from cobot.net.sockets import Socket, Sockets
    from cobot.net.webhooks import Inbox, Webhooks

_LATER = {
    "Attempt": "reconnecting",
    "Attempts": "reconnecting",
    "Backoff": "reconnecting",
    "Closed": "closing",
    "HandshakeRefused": "closing",
    "Heartbeat": "heartbeats",
    "Inbox": "webhooks",
    "Pace": "pacing",
    "Ports": "ports",
    "Reply": "requests",
    "Request": "requests",
    "ServerOptions": "ports",
    "Socket": "sockets",
    "SocketClosed": "closing",
    "SocketOptions": "links",
    "Sockets": "sockets",
    "Webhooks": "webhooks",
    "is_public": "addresses",
    "is_secret": "signatures",
    "is_signed_v0": "signatures",
    "signature_v0": "signatures",
}
"""In which module each of them is."""

__all__ = [
    "CALL",
    "FETCH",
    "TRANSFER",
    "Answer",
    "Attempt",
    "Attempts",
    "Backoff",
    "Closed",
    "HandshakeRefused",
    "Heartbeat",
    "Http",
    "Inbox",
    "Pace",
    "Part",
    "Ports",
    "ReadyHeaders",
    "Reply",
    "Request",
    "ServerOptions",
    "Socket",
    "SocketClosed",
    "SocketOptions",
    "Sockets",
    "TimeLimits",
    "Upload",
    "Webhooks",
    "dumps",
    "is_public",
    "is_secret",
    "is_signed_v0",
    "loads",
    "multipart",
    "raw",
    "signature_v0",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value  # the next time it is found without this function
    return value
