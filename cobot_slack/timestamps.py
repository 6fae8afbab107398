"""Timestamps, which are the ids of messages. Pure.

A timestamp is text such as `1790000000.000100`: as a number it would lose digits.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_TS = re.compile(r"\d{1,12}\.\d{6}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_ts(text: str) -> bool:
    """Tell whether a text is a timestamp."""
    return _TS.fullmatch(text) is not None


def order_of(ts: str) -> tuple[int, int]:
    """Return what timestamps are compared by."""
    seconds, _, micros = ts.partition(".")
    return int(seconds), int((micros or "0").ljust(6, "0")[:6])


def time_of(ts: str) -> datetime:
    """Return the time that a timestamp is about."""
    seconds, micros = order_of(ts)
    return _EPOCH + timedelta(seconds=seconds, microseconds=micros)


def ts_at(time: datetime) -> str:
    """Return the timestamp of a moment; time is aware."""
    since = max(time - _EPOCH, timedelta(0))
    return f"{since.days * 86_400 + since.seconds}.{since.microseconds:06d}"
