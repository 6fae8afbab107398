"""Files on Blossom servers: signed uploads, checked downloads (BUD-01, BUD-02, BUD-11)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cobot import ChannelError, Clock, Context, Media, Rejected, Unreachable, Unsupported
from cobot.net import Answer, raw
from cobot_nostr.crypto import FileKey, Signer, Undecryptable, sha256
from cobot_nostr.events import BLOSSOM, Draft, dumps

UPLOAD_BYTES = 32 * 1024 * 1024
"""The largest file that is sent: it is hashed and encrypted in memory."""

DOWNLOAD_BYTES = 64 * 1024 * 1024
"""The largest file that is fetched."""

VALID_S = 300
"""How long an authorisation is valid, in seconds."""

SEALED_MORE = 16
"""How much longer an encrypted file is, in bytes."""


class Blossom:
    """The servers of the settings, the first one first."""

    def __init__(self, servers: Sequence[str], signer: Signer, context: Context) -> None:
        self._servers = tuple(one.rstrip("/") for one in servers)
        self._signer = signer
        self._context = context
        self._clock: Clock = context.clock

    @property
    def is_there(self) -> bool:
        """Whether there is a server to upload to."""
        return bool(self._servers)

    async def read(self, media: Media) -> bytes:
        """Return the bytes of a file that is to be sent.

        Raises:
            Rejected: It is too large, or cannot be read.
        """
        name = self._context.name
        try:
            return await media.read(limit_bytes=UPLOAD_BYTES, fetch=self._fetch)
        except (OSError, ValueError) as error:
            detail = f"{media.name!r} cannot be sent: {error}"
            raise Rejected(name, "media", detail, field="media") from error

    async def _fetch(self, media: Media, limit_bytes: int) -> bytes:
        name = self._context.name
        if media.url is None:
            raise Unsupported(name, "media", f"{media.name!r} is in another network")
        answer = await self._context.http.fetch("media", media.url, most_bytes=limit_bytes)
        if answer.status != 200:
            detail = f"{media.name!r} cannot be had: status {answer.status}"
            raise Rejected(name, "media", detail, field="media")
        return answer.body

    async def upload(self, content: bytes, hash_: str, content_type: str) -> str:
        """Put a file on the first server that takes it; return its address.

        Args:
            content: The file. Doing it twice is as good as once.
            hash_: Its SHA-256, in hex.
            content_type: Its MIME type.

        Raises:
            Unreachable: No server took it, and some may take it later.
            Rejected: No server will ever take it.
        """
        failures: list[str] = []
        may_help = False
        for server in self._servers:
            try:
                answer = await self._put(server, content, hash_, content_type)
            except ChannelError as error:
                failures.append(error.detail)
                may_help = True
                continue
            url = _address(answer, hash_)
            if url is not None:
                return url
            may_help |= _may_help(answer.status)
            failures.append(f"{server}: status {answer.status}")
        kind = Unreachable if may_help else Rejected
        detail = f"no Blossom server took the file; {'; '.join(failures)}"
        raise kind(self._context.name, "media", detail, field="media")

    async def _put(self, server: str, content: bytes, hash_: str, content_type: str) -> Answer:
        answer = await self._put_as(server, content, hash_, content_type, is_padded=False)
        if answer.status == 401:
            # Older servers read the usual base64 and not the one for addresses.
            answer = await self._put_as(server, content, hash_, content_type, is_padded=True)
        return answer

    async def _put_as(
        self, server: str, content: bytes, hash_: str, content_type: str, *, is_padded: bool
    ) -> Answer:
        headers = {
            "X-SHA-256": hash_,
            "Authorization": self._authorisation(server, hash_, is_padded=is_padded),
        }
        body = raw(content, content_type, length=len(content))
        return await self._context.http.upload(
            "media", f"{server}/upload", body, method="PUT", headers=headers
        )

    def _authorisation(self, server: str, hash_: str, *, is_padded: bool) -> str:
        now = int(self._clock.now().timestamp())
        host = urlsplit(server).hostname or ""
        tags = (
            ("t", "upload"),
            ("x", hash_),
            ("expiration", str(now + VALID_S)),
            ("server", host),
        )
        draft = Draft(kind=BLOSSOM, tags=tags, content="Upload a file")
        event = dumps(self._signer.sign(draft, now - 1).json).encode()
        if is_padded:
            return f"Nostr {base64.b64encode(event).decode()}"
        return f"Nostr {base64.urlsafe_b64encode(event).decode().rstrip('=')}"

    async def download(self, remote: Any, path: Path, limit_bytes: int) -> None:
        """Get a file that came with a message, and decrypt it if it is encrypted.

        Args:
            remote: What `files.media_of` made of it.
            path: Where to put it.
            limit_bytes: How large it may be.

        Raises:
            Rejected: It is larger, is not what was announced, or cannot be had.
            Unreachable: It did not arrive.
        """
        url, hash_, key = remote["url"], remote.get("x"), remote.get("key")
        most = limit_bytes + (SEALED_MORE if key else 0)
        places = [url, *(f"{server}/{hash_}" for server in self._servers if hash_)]
        failure: ChannelError | None = None
        for place in dict.fromkeys(places):
            try:
                content = await self._get(place, most)
                plain = await self._context.in_thread(_opened, content, hash_, key, remote)
                await self._context.in_thread(path.write_bytes, plain)
                return
            except (Undecryptable, ValueError) as error:
                failure = self._rejected(f"the file at {_host(place)} {error}")
            except ChannelError as error:
                failure = failure or error
        assert failure is not None
        raise failure

    async def _get(self, url: str, most_bytes: int) -> bytes:
        http = self._context.http
        if any(_place(url) == _place(server) for server in self._servers):
            answer = await http.download("media", url, most_bytes=most_bytes)
        else:  # chosen by a stranger
            answer = await http.fetch("media", url, most_bytes=most_bytes)
        if answer.status == 200:
            return answer.body
        detail = f"{_host(url)} answered status {answer.status}"
        if _may_help(answer.status):
            raise Unreachable(self._context.name, "media", detail)
        raise self._rejected(detail)

    def _rejected(self, detail: str) -> Rejected:
        return Rejected(self._context.name, "media", detail, field="media")


def _opened(content: bytes, hash_: str | None, key: str | None, remote: Any) -> bytes:
    if hash_ and sha256(content) != hash_:
        raise ValueError("is not the one that was announced")
    if not key:
        return content
    try:
        return FileKey(key, remote["nonce"]).decrypt(content)
    except Undecryptable as error:
        raise Undecryptable(f"is of no use: {error}") from None


def _address(answer: Answer, hash_: str) -> str | None:
    if answer.status not in (200, 201):
        return None
    try:
        told = answer.json()
    except (ChannelError, ValueError):
        return None
    if not isinstance(told, dict) or told.get("sha256") != hash_:
        return None
    url = told.get("url")
    is_address = isinstance(url, str) and url.startswith(("http://", "https://"))
    return str(url) if is_address else None


def _may_help(status: int) -> bool:
    """Tell whether trying again may help."""
    return status in (408, 429) or status >= 500


def _host(url: str) -> str:
    return urlsplit(url).hostname or "nowhere"


def _place(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
