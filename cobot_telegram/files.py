"""Files in messages: which there are, and how one of ours is sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from cobot import Media
from cobot_telegram.contents import Wire, blocks_in

# From here on each kind stands before what it brings along for old clients: an animation
# comes as a document too, a live photo as a photo.
_USUAL: Mapping[str, tuple[str, str]] = {
    "animation": ("animation.mp4", "video/mp4"),
    "live_photo": ("live_photo.mp4", "video/mp4"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video_note.mp4", "video/mp4"),
    "voice": ("voice.ogg", "audio/ogg"),
    "voice_note": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
    "sticker": ("sticker.webp", "image/webp"),
    "document": ("document", "application/octet-stream"),
    "photo": ("photo.jpg", "image/jpeg"),
}
"""Name and type of a file of each kind that tells neither."""

FILES = frozenset({*_USUAL, "paid_media"} - {"voice_note"})
"""Fields of a message that are files."""

_DESCRIBED = ("width", "height", "duration", "length", "title", "performer", "emoji")

PHOTO_BYTES = 10 * 1024 * 1024
"""The largest photo; a larger one goes as a document. core.telegram.org/bots/api#sendphoto"""

MOST_IN_ALBUM = 10

ALBUMS: Mapping[str, str] = {
    "photo": "pictures",
    "video": "pictures",
    "audio": "audio",
    "document": "document",
}
"""What may be in one album with what."""

WITHOUT_CAPTION = frozenset({"sticker", "video_note"})

_KIND_OF: Mapping[str, str] = {
    "image/jpeg": "photo",
    "image/png": "photo",
    "image/webp": "photo",
    "image/gif": "animation",
    "video/mp4": "video",
    "audio/mpeg": "audio",
    "audio/mp3": "audio",
    "audio/mp4": "audio",
    "audio/x-m4a": "audio",
    "audio/ogg": "voice",
    "audio/opus": "voice",
}

_TYPE_OF: Mapping[str, str] = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
"""Not Python's own table, which depends on the machine."""

_DOCUMENTS_BY_URL = frozenset({"image/gif", "application/pdf", "application/zip"})
"""What `sendDocument` takes from an address."""


def media_of(message: Wire) -> list[Media]:
    """Return the files of a message, each once."""
    if "paid_media" in message:
        items = message["paid_media"]["paid_media"]
        return [media for item in items for media in _files(item)]
    if "rich_message" in message:
        blocks = blocks_in(message["rich_message"])
        return [media for block in blocks for media in _files(block)]
    return [*_files(message)]


def _files(message: Wire) -> Iterator[Media]:
    for kind in _USUAL:
        file = message.get(kind)
        if file:
            # Of a photo the sizes are told, the largest last.
            yield _media(kind, file[-1] if kind == "photo" else file)
            return


def _media(kind: str, file: Wire) -> Media:
    if kind == "voice_note":  # as rich messages call it
        kind = "voice"
    name, content_type = _USUAL[kind]
    if file.get("is_animated"):
        name, content_type = "sticker.tgs", "application/x-tgsticker"
    elif file.get("is_video"):
        name, content_type = "sticker.webm", "video/webm"
    remote = {"kind": kind, "file_id": file["file_id"]}
    if "file_unique_id" in file:
        remote["file_unique_id"] = file["file_unique_id"]
    remote |= {key: file[key] for key in _DESCRIBED if key in file}
    size = file.get("file_size")
    return Media.from_remote(
        remote,
        name=file.get("file_name") or name,
        content_type=file.get("mime_type") or content_type,
        size_bytes=size if isinstance(size, int) else None,
    )


@attrs.frozen
class Piece:
    """A file on its way out, as one kind of media."""

    media: Media
    kind: str
    """`photo`, `document` ...: the method's name, and its parameter's."""

    @property
    def known_as(self) -> str | None:
        """What Telegram can find it by: its id there or its address. None: it is uploaded."""
        if self.media.remote is not None:
            return str(self.media.remote["file_id"])
        content_type = _type_of(self.media)
        if self.kind == "document" and content_type not in _DOCUMENTS_BY_URL:
            return None
        return self.media.url

    @property
    def is_elsewhere(self) -> bool:
        """Whether it has to be fetched before it can be uploaded."""
        return self.media.url is not None


def piece_of(media: Media) -> Piece | None:
    """Return how a file is sent; None if it is another network's, and cannot be."""
    if media.remote is not None:
        kind, file_id = media.remote.get("kind"), media.remote.get("file_id")
        if kind not in FILES or kind in ("live_photo", "paid_media") or not file_id:
            return None
        return Piece(media, str(kind))
    kind = _KIND_OF.get(_type_of(media), "document")
    if kind == "photo" and (media.size_bytes or 0) > PHOTO_BYTES:
        kind = "document"
    return Piece(media, kind)


def as_document(piece: Piece) -> Piece:
    """Return a photo that is to go as a file."""
    is_uploaded = piece.kind == "photo" and piece.media.remote is None
    return Piece(piece.media, "document") if is_uploaded else piece


def runs_of(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return pieces in order, together those that can be one album."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        album = ALBUMS.get(piece.kind)
        if (
            runs
            and album is not None
            and ALBUMS.get(runs[-1][-1].kind) == album
            and len(runs[-1]) < MOST_IN_ALBUM
        ):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def upload_name(piece: Piece) -> str:
    """Return a file's name as it is uploaded: a voice is one only with the right ending."""
    name = piece.media.name
    if piece.kind == "voice" and not name.lower().endswith((".ogg", ".oga", ".opus")):
        return f"{name}.ogg"
    return name


def upload_type(piece: Piece) -> str:
    """Return the MIME type with which a file is uploaded."""
    return _type_of(piece.media) or "application/octet-stream"


def _type_of(media: Media) -> str:
    if media.content_type:
        return media.content_type.partition(";")[0].strip().lower()
    return _TYPE_OF.get(media.name.rpartition(".")[2].lower(), "")
