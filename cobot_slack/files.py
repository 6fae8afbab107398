"""Files in messages: which there are, and where they may be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cobot import Media
from cobot_slack.contents import Wire

UPLOAD_BYTES = 1024 * 1024 * 1024
"""The largest file. https://slack.com/help/articles/201330736"""

MOST_FILES = 10
"""Files of one message."""

_GONE = ("tombstone", "hidden_by_limit")
_DOMAINS = ("slack.com", "slack-edge.com", "slack-files.com", "slack-gov.com")


def media_of(message: Wire) -> list[Media]:
    """Return the files of a message; those that were deleted are left out."""
    return [*_files(message.get("files") or ())]


def _files(files: Any) -> Iterator[Media]:
    for file in files:
        if file.get("mode") in _GONE:
            continue
        name = str(file.get("name") or file.get("title") or file["id"])
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        if file.get("mode") == "external" and url:
            yield Media.from_url(url, name=name, content_type=file.get("mimetype"))
            continue
        size = file.get("size")
        remote = {"file_id": str(file["id"])}
        if url:
            remote["url"] = url
        yield Media.from_remote(
            remote,
            name=name,
            content_type=file.get("mimetype"),
            size_bytes=size if isinstance(size, int) else None,
        )


def is_slacks(url: str, own_host: str) -> bool:
    """Tell whether an address is Slack's, so that our token may be told there.

    Args:
        url: The address.
        own_host: Where the API is, with its port: in tests files are there, too.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and any(
        host == one or host.endswith(f".{one}") for one in _DOMAINS
    ):
        return True
    return own_host not in ("", "slack.com") and parts.netloc == own_host


def ts_of_share(file: Wire, channel: str) -> str | None:
    """Return the message that a file stands in, in a channel; None: in none yet."""
    shares = file.get("shares") or {}
    for kind in ("public", "private"):
        for share in (shares.get(kind) or {}).get(channel) or ():
            return str(share["ts"])
    return None
