"""Methods that only tell."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from networks.slack.calls import Call
from networks.slack.chats import Channel, Message, Wire
from networks.slack.errors import ApiError
from networks.slack.world import APP_ID, TEAM_ID, World

KINDS = {"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}
HISTORY = {
    "channel": "channels:history",
    "group": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}
"""By kind of a channel: the scope that reading it needs."""
READ = {
    "channel": "channels:read",
    "group": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}
"""By kind of a channel: the scope that asking about it needs."""


def auth_test(world: World, call: Call) -> Wire:
    """Tell whose the token is."""
    return {
        "url": "https://test.slack.com/",
        "team": "Test",
        "user": world.bot.name,
        "team_id": TEAM_ID,
        "user_id": world.bot.id,
        "bot_id": world.bot.bot_id,
        "app_id": APP_ID,
        "is_enterprise_install": False,
    }


def users_info(world: World, call: Call) -> Wire:
    """Tell of one person."""
    user = world.users.get(call.text("user"))
    if user is None:
        raise ApiError("user_not_found")
    return {"user": user.wire()}


def users_list(world: World, call: Call) -> Wire:
    """Tell of all people."""
    users, cursor = paged(list(world.users.values()), call, 100)
    return {
        "members": [user.wire() for user in users],
        "response_metadata": {"next_cursor": cursor},
    }


def bots_info(world: World, call: Call) -> Wire:
    """Tell of a bot."""
    for user in world.users.values():
        if user.bot_id and user.bot_id == call.text("bot"):
            return {"bot": user.bot_profile() | {"user_id": user.id}}
    raise ApiError("bot_not_found")


def get_presence(world: World, call: Call) -> Wire:
    """Tell whether somebody is there."""
    is_away = call.text("user") in ("", world.bot.id) and world.presence == "away"
    return {"presence": "away" if is_away else "active"}


def conversations_info(world: World, call: Call) -> Wire:
    """Tell of one channel."""
    return {"channel": _known(world, call).wire()}


def _known(world: World, call: Call) -> Channel:
    channel = world.reach(call.text("channel"), needs_member=False)
    world.need(READ[channel.kind])
    return channel


def conversations_list(world: World, call: Call) -> Wire:
    """Tell of all channels that the bot can see."""
    names = (call.text("types") or "public_channel").split(",")
    if unknown := [name for name in names if name.strip() not in KINDS]:
        raise ApiError("invalid_types", f"[ERROR] unknown type: {unknown[0]}")
    kinds = {KINDS[name.strip()] for name in names}
    for kind in sorted(kinds):
        world.need(READ[kind])
    seen = [
        one
        for one in world.channels.values()
        if one.kind in kinds
        and (one.has_bot or one.kind == "channel")
        and not (one.is_archived and call.flag("exclude_archived"))
    ]
    channels, cursor = paged(seen, call, 100)
    return {
        "channels": [one.wire() for one in channels],
        "response_metadata": {"next_cursor": cursor},
    }


def conversations_members(world: World, call: Call) -> Wire:
    """Tell who is in a channel."""
    channel = _known(world, call)
    members = [*([world.bot] if channel.has_bot else []), *channel.members]
    users, cursor = paged(members, call, 100)
    return {
        "members": [user.id for user in users],
        "response_metadata": {"next_cursor": cursor},
    }


def conversations_history(world: World, call: Call) -> Wire:
    """Tell what stands in a channel, the newest first; replies are left out."""
    channel = _readable(world, call)
    there = [one for one in channel.messages.values() if not one.is_deleted or one.is_tombstone]
    shown = [one for one in there if not one.thread_ts or one.is_broadcast]
    messages, cursor = _page(
        [*reversed(_between(shown, call))], call, 100, 999, is_falling=True
    )
    return _read(messages, cursor, call) | {"pin_count": 0}


def conversations_replies(world: World, call: Call) -> Wire:
    """Tell what stands in a thread, the oldest first; the parent is always the first."""
    channel = _readable(world, call)
    ts = call.text("ts")
    parent = channel.messages.get(ts)
    if parent is None or (parent.is_deleted and not parent.is_tombstone):
        raise ApiError("thread_not_found")
    messages, cursor = _page(_between(channel.replies(ts), call), call, 1000, 1000)
    return _read([parent, *messages], cursor, call)


def _readable(world: World, call: Call) -> Channel:
    channel = world.reach(call.text("channel"))
    world.need(HISTORY[channel.kind])
    return channel


def _read(messages: list[Message], cursor: str, call: Call) -> Wire:
    has_all = call.flag("include_all_metadata")
    found: Wire = {
        "messages": [one.wire(all_metadata=has_all) for one in messages],
        "has_more": bool(cursor),
    }
    return found | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


def _between(messages: list[Message], call: Call) -> list[Message]:
    """Return the messages that a call's `oldest` and `latest` let through."""
    oldest, latest = _micros(call, "oldest"), _micros(call, "latest")
    margin = 1 if call.flag("inclusive") else 0
    return [
        one
        for one in messages
        if (oldest is None or _as_micros(one.ts) > oldest - margin)
        and (latest is None or _as_micros(one.ts) < latest + margin)
    ]


def _micros(call: Call, name: str) -> int | None:
    text = call.text(name)
    try:
        return _as_micros(text) if text and text != "0" else None
    except ValueError:
        raise ApiError(f"invalid_ts_{name}") from None


def _as_micros(ts: str) -> int:
    seconds, _, rest = ts.partition(".")
    return int(seconds) * 1_000_000 + int(rest.ljust(6, "0")[:6] or "0")


def _page(
    messages: list[Message], call: Call, default: int, most: int, *, is_falling: bool = False
) -> tuple[list[Message], str]:
    """Return a page of messages, and the cursor of the next.

    The cursor is a timestamp: messages that come meanwhile move no page.
    """
    limit = _limit(call, default, most)
    start = _decoded(call, "next_ts")
    if start is not None:
        sign = -1 if is_falling else 1
        messages = [one for one in messages if sign * (_as_micros(one.ts) - start) >= 0]
    rest = messages[limit:]
    return messages[:limit], _encoded("next_ts", _as_micros(rest[0].ts)) if rest else ""


def paged(items: Sequence[Any], call: Call, default: int) -> Any:
    """Return a page, and the cursor of the next; the cursor is empty after the last page.

    Raises:
        ApiError: The cursor that came is none, or the limit is no number that can be.
    """
    start = _decoded(call, "offset") or 0
    end = start + _limit(call, default, 1000)
    return [*items[start:end]], _encoded("offset", end) if end < len(items) else ""


def _limit(call: Call, default: int, most: int) -> int:
    limit = call.integer("limit", default)
    if not 0 < limit <= most:
        raise ApiError("invalid_limit")
    return limit


def _encoded(word: str, number: int) -> str:
    return base64.b64encode(f"{word}:{number}".encode()).decode()


def _decoded(call: Call, word: str) -> int | None:
    """Return the number in a call's cursor; None: it has no cursor."""
    cursor = call.text("cursor")
    if not cursor:
        return None
    try:
        found, number = base64.b64decode(cursor, validate=True).decode().split(":")
        if found == word:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise ApiError("invalid_cursor")
