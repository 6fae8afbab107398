"""Files in events: those that come in, and the tags of those that go out. Pure.

A public file is an address in the text, described by an `imeta` tag (NIP-92). A private one is
a message of its own, kind 15, that says where the encrypted file lies and how to decrypt it.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from urllib.parse import urlsplit

from cobot import Media
from cobot_nostr.crypto import FileKey
from cobot_nostr.events import FILE, Event, Tag, is_hex

_HASH = re.compile(r"/([0-9a-f]{64})(?:\.\w+)?$")
_KEY_BYTES, _NONCE_BYTES = (32,), (12, 16)


def media_of(event: Event) -> list[Media]:
    """Return the files of an event."""
    if event.kind == FILE:
        media = _encrypted(event)
        return [media] if media is not None else []
    return [media for tag in event.tags if tag[:1] == ("imeta",) for media in _described(tag)]


def _described(tag: Tag) -> list[Media]:
    facts: dict[str, str] = {}
    for part in tag[1:]:
        name, _, value = part.partition(" ")
        facts.setdefault(name, value)
    url = facts.get("url", "")
    if not _is_address(url):
        return []
    remote = {"url": url}
    hash_ = facts.get("x") or hash_in(url)
    if hash_ and is_hex(hash_):
        remote["x"] = hash_
    name, content_type = _name(url), facts.get("m") or None
    return [
        Media.from_remote(
            remote, name=name, content_type=content_type, size_bytes=_size(facts.get("size"))
        )
    ]


def _encrypted(event: Event) -> Media | None:
    key = _bytes(event.value("decryption-key"), _KEY_BYTES)
    nonce = _bytes(event.value("decryption-nonce"), _NONCE_BYTES)
    url, hash_ = event.content.strip(), event.value("x")
    if key is None or nonce is None or not _is_address(url):
        return None
    if event.value("encryption-algorithm") not in ("aes-gcm", None):
        return None
    remote = {"url": url, "key": key.hex(), "nonce": nonce.hex()}
    if hash_ and is_hex(hash_):
        remote["x"] = hash_
    content_type = event.value("file-type")
    ending = mimetypes.guess_extension(content_type or "") or ""
    name = event.value("filename") or event.value("name") or f"{_name(url)[:16]}{ending}"
    return Media.from_remote(
        remote, name=name, content_type=content_type, size_bytes=_size(event.value("size"))
    )


def _bytes(text: str | None, lengths: tuple[int, ...]) -> bytes | None:
    # NIP-17 does not say how it is written: clients write hex, some base64.
    for decode in (bytes.fromhex, lambda one: base64.b64decode(one, validate=True)):
        try:
            made = decode(text or "")
        except (ValueError, binascii.Error):
            continue
        if len(made) in lengths:
            return made
    return None


def _size(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) < 16
    return int(text) if text is not None and is_number else None


def _is_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:  # half an IPv6 address, say
        return False


def _name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2] or "file"


def hash_in(url: str) -> str | None:
    """Return the hash that a Blossom address has in it; None: it is no such address."""
    found = _HASH.search(urlsplit(url).path)
    return found[1] if found else None


def imeta(url: str, media: Media, hash_: str, size: int) -> Tag:
    """Return the tag that describes a public file (NIP-92)."""
    parts = [f"url {url}", f"x {hash_}", f"size {size}"]
    if media.content_type:
        parts.append(f"m {media.content_type}")
    return ("imeta", *parts, f"alt {media.name}")


def file_tags(
    media: Media, key: FileKey, *, encrypted_hash: str, plain_hash: str, size: int
) -> tuple[Tag, ...]:
    """Return the tags of a private file (NIP-17, kind 15)."""
    return (
        ("file-type", media.content_type or "application/octet-stream"),
        ("encryption-algorithm", "aes-gcm"),
        ("decryption-key", key.key),
        ("decryption-nonce", key.nonce),
        ("x", encrypted_hash),
        ("ox", plain_hash),
        ("size", str(size)),
        ("filename", media.name),
    )
