"""Who we are, and what the app has to be allowed for all of the channel to work. Pure."""

from __future__ import annotations

from collections.abc import Collection

import attrs

NEEDED = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "reactions:read",
    "reactions:write",
    "users:read",
    "users:write",
)
"""Scopes of the bot's token. The app's token has `connections:write`."""


@attrs.frozen
class Bot:
    """Who we are, as `auth.test` says."""

    id: str
    """As people mention it: `U1`."""
    bot_id: str
    """As its messages have it: `B1`."""
    name: str
    team_id: str
    team: str
    """The workspace's name."""
    scopes: frozenset[str] = frozenset()
    """What the token may do; empty: it was not told."""


def missing_scopes(told: Collection[str]) -> list[str]:
    """Return the scopes that are missing; none if it was not told which there are."""
    return [scope for scope in NEEDED if scope not in told] if told else []
