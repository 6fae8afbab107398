"""Sending files: uploads, files that the network has, files at an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from networks.telegram import pictures
from networks.telegram.access import check_open, check_rights, target
from networks.telegram.calls import Call
from networks.telegram.chats import Wire
from networks.telegram.errors import ApiError, bad_request
from networks.telegram.files import KINDS, Kind, StoredFile, content_of
from networks.telegram.methods.sending import appear, caption, deliver, reply_markup
from networks.telegram.world import World

MOST_IN_ALBUM = 10
LEAST_IN_ALBUM = 2
ALBUM_KINDS = ("photo", "video", "audio", "document")

URL_DOCUMENTS = {"image/gif", "application/pdf", "application/zip"}
"""What `sendDocument` takes from an address."""

SPOKEN = (".ogg", ".oga", ".opus", ".mp3", ".m4a")
"""What `sendVoice` shows as something spoken."""

TOO_LARGE = ApiError(413, "Request Entity Too Large")


def sender(name: str) -> Callable[[World, Call], Wire]:
    """Return the method that sends one kind of media."""
    kind = KINDS[name]

    def send(world: World, call: Call) -> Wire:
        given = source(call, kind, call.params.get(name), name)
        if given is None:
            raise bad_request(f"there is no {name.replace('_', ' ')} in the request")
        words = caption(world, call.params) if kind.has_caption else {}
        keyboard = reply_markup(call)
        place = target(world, call)
        stored = store(world, kind, given)
        check_rights(place.chat, kind.right, kind.plural)
        content = content_of(stored, world.files, described(call.params))
        content |= words | keyboard
        if call.flag("has_spoiler"):
            content["has_media_spoiler"] = True
        return deliver(world, call, place, content).wire()

    return send


def described(given: dict[str, Any]) -> Wire:
    """Return what the sender says of a file."""
    wire: Wire = {}
    part = Call(at=0.0, method="", params=given)
    for name in ("width", "height", "duration", "length"):
        if name in given:
            wire[name] = part.integer(name)
    for name in ("title", "performer", "emoji"):
        if name in given:
            wire[name] = given[name]
    return wire


def source(call: Call, kind: Kind, value: Any, field: str) -> Any:
    """Return where a file comes from: an `Upload`, an id or an address; None: nowhere.

    Args:
        call: Has the uploads.
        kind: What it is to be.
        value: The parameter.
        field: Its name, under which an upload may stand as well.
    """
    if field in call.files:
        return call.files[field]
    if isinstance(value, str) and value.startswith("attach://"):
        return call.files.get(value.removeprefix("attach://"))
    if isinstance(value, str) and value:
        return value
    return None


def store(world: World, kind: Kind, given: Any) -> StoredFile:
    """Return the file, kept if it is new.

    Raises:
        ApiError: It cannot be had, or is not what it should be.
    """
    if not isinstance(given, str):
        if kind.name == "voice" and not given.name.lower().endswith(SPOKEN):
            kind = KINDS["document"]  # it is taken, and does not show as something spoken
        return _uploaded(world, kind, given.content, given.name, given.content_type)
    if given.startswith(("http://", "https://")):
        return _fetched(world, kind, given)
    stored = world.files.get(given)
    if stored is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if stored.kind is not kind:
        raise bad_request(f"can't use file of type {stored.kind.type_name} as {kind.type_name}")
    return stored


def _uploaded(world: World, kind: Kind, content: bytes, name: str, mime: str) -> StoredFile:
    limits = world.files.limits
    if len(content) > limits.upload_bytes:
        raise TOO_LARGE
    if not content:
        raise bad_request("file must be non-empty")
    if kind.name == "photo":
        if len(content) > limits.photo_bytes:
            raise bad_request(f"file of size {len(content)} bytes is too big for a photo")
        sides = pictures.size(content)
        if sides is None:
            raise bad_request("IMAGE_PROCESS_FAILED")
        if sum(sides) > limits.photo_sides or max(sides) > limits.photo_ratio * min(sides):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        mime = ""
    if mime == "application/octet-stream":
        mime = ""
    return world.files.add(kind, content, name=name, mime=mime)


def _fetched(world: World, kind: Kind, url: str) -> StoredFile:
    limits = world.files.limits
    if kind.name == "video_note":
        raise bad_request("wrong file identifier/HTTP URL specified")
    if url not in world.files.pages:
        raise bad_request("failed to get HTTP URL content")
    content, mime = world.files.pages[url]
    is_photo = kind.name == "photo"
    if is_photo and not mime.startswith("image/"):
        raise bad_request("wrong type of the web page content")
    if kind.name == "document" and mime not in URL_DOCUMENTS:
        raise bad_request("wrong type of the web page content")
    if len(content) > (limits.photo_url_bytes if is_photo else limits.url_bytes):
        raise bad_request("failed to get HTTP URL content")
    return world.files.add(kind, content, name=url.rpartition("/")[2] or None, mime=mime)


def send_media_group(world: World, call: Call) -> list[Wire]:
    """Send an album."""
    items = call.parsed("media", list, "media")
    if not items:
        raise bad_request("there are no messages to send")
    if len(items) > MOST_IN_ALBUM:
        raise bad_request("too many messages to send as an album")
    if len(items) < LEAST_IN_ALBUM:
        # The server itself may take one; the documentation promises nothing below two.
        raise bad_request("there must be at least 2 messages in an album")
    sources = [_item(world, call, item) for item in items]
    place = target(world, call)
    _check_mixture([str(item["type"]) for item in items])
    contents = []
    for item, (kind, given, words) in zip(items, sources, strict=True):
        check_rights(place.chat, kind.right, kind.plural)
        stored = store(world, kind, given)
        contents.append(content_of(stored, world.files, described(item)) | words)
    world.rates.take(place.chat, len(contents))
    check_open(world, place)
    album = {"media_group_id": str(13_900_000_000_000_000 + world.next_id())}
    return [appear(world, call, place, {**album, **one}).wire() for one in contents]


def _item(world: World, call: Call, item: Any) -> tuple[Kind, Any, Wire]:
    if not isinstance(item, dict):
        raise bad_request("can't parse InputMedia: expected an Object")
    name = str(item.get("type"))
    if name not in ALBUM_KINDS:
        raise bad_request(
            f"can't parse InputMedia: type \"{name}\" can't be used in sendMediaGroup"
        )
    given = source(call, KINDS[name], item.get("media"), "")
    if given is None:
        raise bad_request("can't parse InputMedia: media not found")
    return KINDS[name], given, caption(world, item)


def _check_mixture(names: list[str]) -> None:
    for name in ("audio", "document"):
        if name in names and set(names) != {name}:
            raise bad_request(f"{name.capitalize()} can't be mixed with other media types")
