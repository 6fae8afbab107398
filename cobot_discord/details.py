"""What messages tell beside their text: who, where, to what. Pure."""

from __future__ import annotations

from typing import Any

from cobot_discord.contents import Wire
from cobot_discord.places import Place

REPLY = 19
"""The type of a message that answers another."""


def name_of(user: Wire, member: Wire | None) -> str:
    """Return how a person is shown: by the name in the server, if there is one."""
    nick = None if member is None else member.get("nick")
    return str(nick or user.get("global_name") or user.get("username") or user["id"])


def replied_to(message: Wire) -> str | None:
    """Return the id of the message that this one answers; forwards answer none."""
    reference = message.get("message_reference")
    if message["type"] != REPLY or not reference or reference.get("type"):
        return None
    message_id = reference.get("message_id")
    return None if message_id is None else str(message_id)


def where_of(place: Place) -> dict[str, Any]:
    """Return what is told of a place."""
    where = {"guild_id": place.guild_id, "channel_name": place.name}
    return {name: value for name, value in where.items() if value}


def metadata_of(message: Wire, place: Place, raw: str | None) -> dict[str, Any]:
    """Return what is told of a message beside it; `raw`: its text, if that was changed."""
    author = message["author"]
    metadata: dict[str, Any] = {"message_type": message["type"], **where_of(place)}
    if raw is not None:
        metadata["raw_content"] = raw
    if author.get("username"):
        metadata["username"] = author["username"]
    for name in ("webhook_id", "flags"):
        if message.get(name):
            metadata[name] = message[name]
    roles = (message.get("member") or {}).get("roles")
    if roles:
        metadata["roles"] = [*map(str, roles)]
    if message.get("mention_everyone"):
        metadata["mentions_everyone"] = True
    if message.get("message_snapshots"):
        metadata["forward"] = dict(message.get("message_reference") or {})
    replied = message.get("referenced_message")
    if replied:
        metadata["replied"] = {
            "author_id": replied["author"]["id"],
            "content": str(replied.get("content") or ""),
        }
    return metadata


def emoji_of(emoji: Wire) -> str:
    """Return an emoji: a sign as such, or `name:id` of a server's own."""
    name, emoji_id = emoji.get("name"), emoji.get("id")
    if emoji_id is None:
        return str(name)
    return f"{name or '_'}:{emoji_id}"
