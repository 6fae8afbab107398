"""Whether a request comes from whom it says it does."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

WINDOW_S = 300.0
"""How old or how far ahead a signed request may be, in seconds."""

_DIGITS = re.compile(r"[0-9]{1,15}")


def is_secret(given: str | None, secret: str) -> bool:
    """Say whether a secret was given, in a time that tells nothing about it.

    Args:
        given: What came, as a header; None: nothing did.
        secret: What it should be. An empty one is never given: a secret that somebody forgot
            to set opens no door.
    """
    if not given or not secret:
        return False
    return hmac.compare_digest(_bytes(given), _bytes(secret))


def signature_v0(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature `v0=...` of a body: HMAC-SHA256 of `v0:TIMESTAMP:BODY` in hex."""
    signed = b"v0:" + _bytes(timestamp) + b":" + body
    return "v0=" + hmac.new(_bytes(secret), signed, hashlib.sha256).hexdigest()


def is_signed_v0(
    secret: str,
    body: bytes,
    *,
    timestamp: str | None,
    signature: str | None,
    now: datetime,
    window_s: float = WINDOW_S,
) -> bool:
    """Say whether a body was signed with a secret, and lately.

    Args:
        secret: What both sides know. Nothing is signed with an empty one.
        body: What came, byte for byte.
        timestamp: When it was signed, as it came: seconds since 1970; None: nothing came.
        signature: The signature that came with it; None: nothing came.
        now: The time of day; aware.
        window_s: How far the timestamp may be from it, in seconds, either way. Who has
            overheard a request can repeat it for so long.
    """
    if timestamp is None or not _DIGITS.fullmatch(timestamp):
        return False
    is_recent = abs(now.timestamp() - int(timestamp)) <= window_s
    is_ours = bool(secret) and is_secret(signature, signature_v0(secret, timestamp, body))
    return is_recent and is_ours


def _bytes(text: str) -> bytes:
    # A header can be anything; half a surrogate pair is no reason to fail.
    return text.encode("utf-8", "surrogatepass")
