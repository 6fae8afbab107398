"""Ids, which begin with the time. docs.discord.com/developers/reference#snowflakes. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH_MS = 1_420_070_400_000
"""Where the times in ids begin."""


def time_of(thing_id: str) -> datetime:
    """Return when something with an id was made."""
    ms = (int(thing_id) >> 22) + EPOCH_MS
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)


def id_at(time: datetime) -> int:
    """Return the first id of a time."""
    return max(int(time.timestamp() * 1000) - EPOCH_MS, 0) << 22
