"""Files on the network: what they are, where they lie, how a message names them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import attrs

from networks.telegram import pictures
from networks.telegram.chats import Wire
from networks.telegram.errors import bad_request

LINK_S = 3600.0
"""How long a file's link is good after `getFile`."""


@attrs.frozen(kw_only=True)
class FileLimits:
    """Sizes at which the network refuses; tests may shrink them."""

    photo_bytes: int = 10 * 1024 * 1024
    upload_bytes: int = 50 * 1024 * 1024
    download_bytes: int = 20 * 1024 * 1024
    photo_url_bytes: int = 5 * 1024 * 1024
    url_bytes: int = 20 * 1024 * 1024
    photo_sides: int = 10_000
    """Width and height of a photo together."""
    photo_ratio: int = 20
    """How many times the one may be the other."""


@attrs.frozen(kw_only=True)
class Kind:
    """A kind of media that is one file."""

    name: str
    """The field of messages, and of requests."""
    type_name: str
    """As errors call it."""
    folder: str
    mime: str
    suffix: str
    has_caption: bool = True
    right: str = "can_send_documents"
    """What one restricted needs to send it."""
    plural: str = "documents"
    """As errors call several."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="photo",
            type_name="Photo",
            folder="photos",
            mime="image/jpeg",
            suffix=".jpg",
            right="can_send_photos",
            plural="photos",
        ),
        Kind(
            name="document",
            type_name="Document",
            folder="documents",
            mime="application/octet-stream",
            suffix="",
        ),
        Kind(
            name="video",
            type_name="Video",
            folder="videos",
            mime="video/mp4",
            suffix=".mp4",
            right="can_send_videos",
            plural="videos",
        ),
        Kind(
            name="audio",
            type_name="Audio",
            folder="music",
            mime="audio/mpeg",
            suffix=".mp3",
            right="can_send_audios",
            plural="music",
        ),
        Kind(
            name="voice",
            type_name="VoiceNote",
            folder="voice",
            mime="audio/ogg",
            suffix=".oga",
            right="can_send_voice_notes",
            plural="voice notes",
        ),
        Kind(
            name="animation",
            type_name="Animation",
            folder="animations",
            mime="video/mp4",
            suffix=".mp4",
            right="can_send_other_messages",
            plural="animations",
        ),
        Kind(
            name="video_note",
            type_name="VideoNote",
            folder="video_notes",
            mime="video/mp4",
            suffix=".mp4",
            has_caption=False,
            right="can_send_video_notes",
            plural="video notes",
        ),
        Kind(
            name="sticker",
            type_name="Sticker",
            folder="stickers",
            mime="image/webp",
            suffix=".webp",
            has_caption=False,
            right="can_send_other_messages",
            plural="stickers",
        ),
    )
}


@attrs.define(eq=False, kw_only=True)
class StoredFile:
    """A file as the server keeps it."""

    id: str
    unique_id: str
    kind: Kind
    content: bytes
    size: int
    """What is told of it; a test may tell more than there is."""
    name: str | None
    mime: str
    path: str
    """Below `/file/bot<token>/`."""
    link_until: float = 0.0
    """Until when the link is good; 0: nobody has asked for it."""
    tells_size: bool = True


class Files:
    """All files of the network.

    Args:
        now: The time of day in seconds; links age by it.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.limits = FileLimits()
        self.pages: dict[str, tuple[bytes, str]] = {}
        """What the network finds at an address: content and MIME type. The rest it cannot
        reach."""
        self._now = now
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}

    def add(
        self,
        kind: Kind,
        content: bytes,
        *,
        name: str | None = None,
        mime: str | None = None,
        size: int | None = None,
    ) -> StoredFile:
        """Keep a file.

        Args:
            kind: What it is.
            content: Its bytes.
            name: As its sender calls it; downloads are called otherwise.
            mime: None: what is usual for the kind.
            size: What is told of it; None: what it is.
        """
        number = len(self._by_id)
        digest = hashlib.sha256(content + kind.name.encode()).digest()
        raw = kind.name.encode() + b":" + number.to_bytes(4, "big") + digest[:12]
        stored = StoredFile(
            id=base64.urlsafe_b64encode(raw).decode().rstrip("="),
            unique_id=base64.urlsafe_b64encode(digest[:9]).decode(),
            kind=kind,
            content=content,
            size=len(content) if size is None else size,
            name=name,
            mime=mime or kind.mime,
            path=f"{kind.folder}/file_{number}{kind.suffix or _suffix(name)}",
        )
        self._by_id[stored.id] = stored
        self._by_path[stored.path] = stored
        return stored

    def get(self, file_id: str) -> StoredFile | None:
        """Return a file by its id."""
        return self._by_id.get(file_id)

    def link(self, file_id: str) -> StoredFile:
        """Renew a file's link.

        Raises:
            ApiError: There is no such file, or it is too large to be downloaded.
        """
        if not file_id:
            raise bad_request("file_id not specified")
        stored = self.get(file_id)
        if stored is None:
            raise bad_request("invalid file_id")
        if stored.size > self.limits.download_bytes:
            raise bad_request("file is too big")
        stored.link_until = self._now() + LINK_S
        return stored

    def download(self, path: str) -> StoredFile | None:
        """Return the file behind a link that is still good."""
        stored = self._by_path.get(path)
        return stored if stored and self._now() < stored.link_until else None


def _suffix(name: str | None) -> str:
    dot = (name or "").rfind(".")
    return (name or "")[dot:] if dot > 0 else ""


def identity(stored: StoredFile) -> Wire:
    """Return the fields that every object of a file has."""
    wire: Wire = {"file_id": stored.id, "file_unique_id": stored.unique_id}
    if stored.tells_size:
        wire["file_size"] = stored.size
    return wire


def content_of(stored: StoredFile, files: Files, given: Wire) -> Wire:
    """Return the fields of a message that show a file.

    Args:
        stored: The file.
        files: Where small versions of photos are kept.
        given: What the sender says of it: width, height, duration, title ...
    """
    name = stored.kind.name
    if name == "photo":
        return {"photo": photo_sizes(stored, files)}
    wire = identity(stored)
    if name != "sticker" and name != "video_note":
        wire["mime_type"] = stored.mime
    if stored.name is not None and name in ("document", "audio", "video", "animation"):
        wire["file_name"] = stored.name
    defaults: dict[str, Wire] = {
        "video": {"width": 0, "height": 0, "duration": 0},
        "animation": {"width": 0, "height": 0, "duration": 0},
        "audio": {"duration": 0},
        "voice": {"duration": 0},
        "video_note": {"length": 240, "duration": 0},
        "sticker": {
            "type": "regular",
            "width": 512,
            "height": 512,
            "is_animated": False,
            "is_video": False,
        },
    }
    optional = {"audio": ("performer", "title"), "sticker": ("emoji", "set_name")}
    for key, value in defaults.get(name, {}).items():
        wire[key] = type(value)(given.get(key, value))
    for key in optional.get(name, ()):
        if key in given:
            wire[key] = given[key]
    if name == "animation":
        # Clients that know no animations show it as a document.
        document = {**identity(stored), "mime_type": stored.mime}
        if stored.name is not None:
            document["file_name"] = stored.name
        return {"animation": wire, "document": document}
    return {name: wire}


def photo_sizes(stored: StoredFile, files: Files) -> list[Wire]:
    """Return a photo's sizes, the largest last; that one is the file itself, byte by byte."""
    width, height = pictures.size(stored.content) or (1280, 960)
    sizes = []
    if max(width, height) > 90:
        scale = 90 / max(width, height)
        small_width, small_height = max(1, int(width * scale)), max(1, int(height * scale))
        # What follows a picture's end does not show, and makes each photo's small one its own.
        content = pictures.png(small_width, small_height) + stored.unique_id.encode()
        small = files.add(stored.kind, content)
        sizes.append({**identity(small), "width": small_width, "height": small_height})
    sizes.append({**identity(stored), "width": width, "height": height})
    return sizes
