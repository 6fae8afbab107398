"""What went wrong between us and a server, told without what must not be told.

What a transport raises is never shown: its text, its fields and what it was raised from hold
the address that was asked, and that may hold a token. What can be said is taken from the
numbers of the operating system and from TLS; the rest is said in our own words.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

import attrs
import httpx

_NOTHING_WAS_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@attrs.frozen
class Failure:
    """A request that has no answer."""

    detail: str
    """What happened, for the owner."""
    is_harmless: bool = False
    """Whether provably nothing happened at the other end."""
    is_broken: bool = False
    """Whether the connection died, as an idle one does when its server goes away."""


def failure_of(error: Exception, host: str, *, has_answer: bool) -> Failure:
    """Say what an exception of a transport means.

    Args:
        error: What it raised.
        host: Whom was asked, as it may be shown.
        has_answer: Whether the head of an answer had arrived.
    """
    why = why_of(error)
    if has_answer:
        return Failure(f"the answer of {host} broke off{why}")
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return Failure(f"no connection to {host} in time{why}", is_harmless=True)
    if isinstance(error, _NOTHING_WAS_SENT):
        return Failure(f"cannot connect to {host}{why}", is_harmless=True)
    if isinstance(error, httpx.TimeoutException):
        return Failure(f"no answer from {host} in time")
    if isinstance(error, httpx.RemoteProtocolError):
        return Failure(f"no proper answer from {host}{why}", is_broken=True)
    if isinstance(error, httpx.TransportError):
        detail = f"{host} closed the connection before it answered{why}"
        return Failure(detail, is_broken=True)
    return Failure(f"the request to {host} failed: {type(error).__name__}")


def why_of(error: BaseException) -> str:
    """Return `: connection refused` or the like, if the system or TLS said so."""
    for one in _chain(error):
        # By exact type: a subclass of somebody else's may have put anything into its text.
        if type(one) is ssl.SSLCertVerificationError:
            return f": certificate not accepted: {one.verify_message}"
        if type(one) is socket.gaierror:
            return f": {one.strerror}"
        if isinstance(one, ssl.SSLError):
            if type(one).__module__ == "ssl" and one.reason:
                return f": TLS: {one.reason}"
        elif isinstance(one, OSError) and one.errno is not None:
            return f": {os.strerror(one.errno)}"
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an exception and what it came from, the first cause first."""
    chain = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return reversed(chain)
