"""Files in messages: which there are, and how ours are sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from cobot import Media
from cobot_discord.contents import Wire

UPLOAD_BYTES = 10 * 1024 * 1024
"""The largest file everywhere; boosted servers take more, and do not say so to bots.
docs.discord.com/developers/reference#uploading-files"""

REQUEST_BYTES = 25 * 1024 * 1024 - 64 * 1024
"""The largest request, with room for what is around the files."""

MOST_FILES = 10
"""Files of one message."""

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Where files of messages are."""

_STICKERS = {
    1: ("png", "image/png", "cdn.discordapp.com"),
    2: ("png", "image/png", "cdn.discordapp.com"),
    3: ("json", "application/json", "cdn.discordapp.com"),
    4: ("gif", "image/gif", "media.discordapp.net"),
}

_DESCRIBED = ("description", "width", "height", "duration_secs", "title")


def media_of(message: Wire) -> list[Media]:
    """Return the files of a message, and of those that it forwards."""
    found = [*_files(message, message)]
    for snapshot in message.get("message_snapshots") or ():
        found += _files(snapshot["message"], message)
    return found


def _files(message: Wire, around: Wire) -> Iterator[Media]:
    for attachment in message.get("attachments") or ():
        remote = {
            "attachment_id": attachment["id"],
            "channel_id": around["channel_id"],
            "message_id": around["id"],
            "url": attachment["url"],
        }
        remote |= {key: attachment[key] for key in _DESCRIBED if attachment.get(key)}
        size = attachment.get("size")
        yield Media.from_remote(
            remote,
            name=attachment["filename"],
            content_type=attachment.get("content_type"),
            size_bytes=size if isinstance(size, int) else None,
        )
    for sticker in message.get("sticker_items") or ():
        kind = _STICKERS.get(sticker.get("format_type"))
        if kind is not None:
            ending, content_type, host = kind
            url = f"https://{host}/stickers/{sticker['id']}.{ending}"
            remote = {"sticker_id": sticker["id"], "url": url}
            name = f"{sticker['name']}.{ending}"
            yield Media.from_remote(remote, name=name, content_type=content_type)


def fresh_url(message: Wire, attachment_id: str) -> str | None:
    """Return the address that a file has by now; None if the message has it no more."""
    snapshots = [one["message"] for one in message.get("message_snapshots") or ()]
    for holder in (message, *snapshots):
        for attachment in holder.get("attachments") or ():
            if str(attachment["id"]) == attachment_id:
                return str(attachment["url"])
    return None


def is_discords(url: str, own_host: str) -> bool:
    """Tell whether a file's address is one of Discord's.

    Args:
        url: The address.
        own_host: Where the API is, with its port: in tests files are there, too.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname in HOSTS:
        return True
    return own_host not in ("", "discord.com") and parts.netloc == own_host


def groups_of(media: Sequence[Media]) -> list[list[Media]]:
    """Return files in order, together those that fit into one message."""
    groups: list[list[Media]] = []
    size = 0
    for one in media:
        bytes_ = one.size_bytes or 0
        if not groups or len(groups[-1]) == MOST_FILES or size + bytes_ > REQUEST_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(one)
        size += bytes_
    return groups


def described(media: Sequence[Media]) -> list[dict[str, Any]]:
    """Return what is told of the files of a message beside them."""
    told: list[dict[str, Any]] = []
    for number, one in enumerate(media):
        told.append({"id": number, "filename": one.name})
        words = (one.remote or {}).get("description")
        if words:
            told[-1]["description"] = words
    return told
