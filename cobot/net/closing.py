"""How a WebSocket ended, or why there was none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxyStatus,
    InvalidURI,
    ProxyError,
)
from websockets.frames import CloseCode

from cobot.errors import Unreachable
from cobot.net.answers import Answer
from cobot.net.failures import Failure, why_of

FIRST_PRIVATE_CODE = 3000
"""Codes from here on have a meaning of their own; https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2"""


@attrs.frozen
class Closed:
    """The end of a connection."""

    by: Literal["peer", "us", "network"]
    """Who ended it: the other side, we (also because it broke the rules), or neither."""
    code: int | None
    """The code that the one who ended it sent; None: none, as when the connection broke."""
    reason: str
    """What was said beside the code, without secrets. The other side may write anything."""
    detail: str
    """What happened in one line, for the owner."""


class SocketClosed(Unreachable):
    """The connection is closed. Nothing was sent."""

    def __init__(self, channel_type: str, operation: str, closed: Closed) -> None:
        super().__init__(channel_type, operation, closed.detail)
        self.closed = closed


class HandshakeRefused(Unreachable):
    """The server answered, and opened no WebSocket. `retry_after_s` is what it said."""

    def __init__(self, channel_type: str, operation: str, detail: str, answer: Answer) -> None:
        super().__init__(channel_type, operation, detail, retry_after_s=answer.retry_after_s)
        self.answer = answer

    @property
    def status(self) -> int:
        """The status it answered with, as 403."""
        return self.answer.status


def closed_by(error: ConnectionClosed, host: str, shown: Callable[[str], str]) -> Closed:
    """Say what websockets means.

    Args:
        error: What it raised.
        host: Who is at the other end, as it may be shown.
        shown: Takes secrets out of a text.
    """
    theirs, ours = error.rcvd, error.sent
    if theirs is not None and ours is not None and not error.rcvd_then_sent:
        # Usually a mere echo of our code, or 1000. A code of its own crossed ours on the
        # way, and says more than we know.
        is_echo = theirs.code == ours.code or theirs.code < FIRST_PRIVATE_CODE
        if is_echo:
            theirs = None
    if theirs is not None:
        code = None if theirs.code == CloseCode.NO_STATUS_RCVD else theirs.code
        reason = shown(theirs.reason)
        detail = f"{host} closed the connection {_words(code, reason)}"
        return Closed("peer", code, reason, detail)
    if ours is not None:
        reason = shown(ours.reason)
        detail = f"we closed the connection to {host} {_words(ours.code, reason)}"
        return Closed("us", ours.code, reason, detail)
    return Closed("network", None, "", f"the connection to {host} broke{why_of(error)}")


def failure_to_connect(error: Exception, host: str) -> Failure:
    """Say why there is no connection; as with HTTP nothing of the exception is shown."""
    return Failure(_no_connection(error, host), is_harmless=True)


def _no_connection(error: Exception, host: str) -> str:
    if isinstance(error, InvalidProxyStatus):
        status = error.response.status_code
        return f"the proxy does not connect to {host}: it answered {status}"
    if isinstance(error, ProxyError):
        return f"the proxy does not connect to {host}{why_of(error)}"
    if isinstance(error, InvalidHandshake):
        return f"{host} does not speak WebSocket{why_of(error)}"
    if isinstance(error, TimeoutError):
        return f"no connection to {host} in time{why_of(error)}"
    if isinstance(error, OSError):
        return f"cannot connect to {host}{why_of(error)}"
    # Last: an SSL error of Python's is a ValueError, too.
    if isinstance(error, InvalidURI | ValueError):
        return "what is to be connected to is no proper ws or wss address"
    return f"cannot connect to {host}: {type(error).__name__}"


def _words(code: int | None, reason: str) -> str:
    if code is None:
        return "without a code"
    # As repr: whoever is at the other end may have put lines into it.
    return f"with code {code}: {reason!r}" if reason else f"with code {code}"
