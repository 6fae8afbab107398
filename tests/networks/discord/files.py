"""Files of messages, and the links that lead to them."""

from __future__ import annotations

import hashlib
import hmac
import mimetypes
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import quote

import attrs

from networks.discord.entities import Attachment, Wire

PNG = b"\x89PNG\r\n\x1a\n"
MEGABYTE = 1024 * 1024


@attrs.define
class FileLimits:
    """What may be uploaded."""

    file_bytes: int = 10 * MEGABYTE
    request_bytes: int = 25 * MEGABYTE
    count: int = 10


class Files:
    """The store, and its signed links.

    Args:
        now: The time of day.
        base_url: Returns where the store is reached.
    """

    def __init__(self, now: Callable[[], datetime], base_url: Callable[[], str]) -> None:
        self.limits = FileLimits()
        self.link_life_s = 24 * 3600.0
        """How long a link leads anywhere."""
        self._now = now
        self._base_url = base_url
        self._stored: dict[str, Attachment] = {}

    def add(self, attachment: Attachment) -> Attachment:
        """Keep a file."""
        attachment.fields = {**_measured(attachment.content), **attachment.fields}
        if attachment.content_type is None:
            attachment.content_type = mimetypes.guess_type(attachment.filename)[0]
        self._stored[attachment.id] = attachment
        return attachment

    def url(self, attachment: Attachment) -> str:
        """Return a link that leads to a file for a while."""
        issued = int(self._now().timestamp())
        expires = int(issued + self.link_life_s)
        path = f"attachments/{attachment.channel_id}/{attachment.id}"
        signature = _sign(attachment.id, expires, issued)
        name = quote(attachment.filename, safe="")
        return f"{self._base_url()}/{path}/{name}?ex={expires:x}&is={issued:x}&hm={signature}&"

    def wire(self, attachment: Attachment) -> Wire:
        """Return the API's attachment, with a fresh link."""
        url = self.url(attachment)
        wire: Wire = {
            "id": attachment.id,
            "filename": attachment.filename,
            "size": attachment.size,
            "url": url,
            "proxy_url": url,
        }
        if attachment.content_type:
            wire["content_type"] = attachment.content_type
        if attachment.description:
            wire["description"] = attachment.description
        return {**wire, **attachment.fields}

    def download(
        self, channel_id: str, attachment_id: str, query: dict[str, str]
    ) -> Attachment | None:
        """Return the file that a link leads to; None: it leads nowhere, or no longer."""
        stored = self._stored.get(attachment_id)
        if stored is None or stored.channel_id != channel_id:
            return None
        try:
            expires, issued = int(query.get("ex", ""), 16), int(query.get("is", ""), 16)
        except ValueError:
            return None
        is_signed = query.get("hm") == _sign(attachment_id, expires, issued)
        return stored if is_signed and self._now().timestamp() < expires else None


def safe_name(name: str) -> str:
    """Return a file's name without a path."""
    return PurePosixPath(name.replace("\\", "/")).name or "file"


def _sign(attachment_id: str, expires: int, issued: int) -> str:
    text = f"{attachment_id} {expires} {issued}"
    return hmac.new(b"the store's own", text.encode(), hashlib.sha256).hexdigest()


def _measured(content: bytes) -> Wire:
    """Return what is told of a picture."""
    if content.startswith(PNG) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return {"width": width, "height": height}
    return {}
