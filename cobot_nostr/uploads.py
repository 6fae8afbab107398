"""Files on their way out: uploaded, encrypted where they are private, and described."""

from __future__ import annotations

from collections.abc import Sequence

from cobot import Context, Media
from cobot_nostr.blossom import Blossom
from cobot_nostr.crypto import FileKey, sha256
from cobot_nostr.events import Tag
from cobot_nostr.files import file_tags, imeta

USUAL_TYPE = "application/octet-stream"


class Uploads:
    """Puts files on Blossom servers; those that are there already are only named."""

    def __init__(self, blossom: Blossom, context: Context) -> None:
        self._blossom = blossom
        self._context = context

    async def public(
        self, media: Sequence[Media], *, only_links: bool = False
    ) -> tuple[list[str] | None, list[Tag]]:
        """Return addresses of files and the tags that describe them.

        Args:
            media: The files.
            only_links: Whether nothing is uploaded.

        Returns:
            None in place of the addresses: they cannot be sent.

        Raises:
            ChannelError: They cannot be sent now, or this one never.
        """
        links: list[str] = []
        tags: list[Tag] = []
        for one in media:
            if one.url is not None:
                links.append(one.url)
                continue
            known = one.remote.get("url") if one.remote is not None else None
            if known and one.remote is not None and "key" not in one.remote:
                links.append(str(known))
                continue
            if only_links or not self._can(one):
                return None, []
            content = await self._blossom.read(one)
            hash_ = await self._context.in_thread(sha256, content)
            url = await self._blossom.upload(content, hash_, one.content_type or USUAL_TYPE)
            links.append(url)
            tags.append(imeta(url, one, hash_, len(content)))
        return links, tags

    async def private(self, media: Sequence[Media]) -> list[tuple[str, Sequence[Tag]]] | None:
        """Return addresses of encrypted files, each with the tags of its message.

        Returns:
            None: They cannot be sent.

        Raises:
            ChannelError: They cannot be sent now, or this one never.
        """
        made: list[tuple[str, Sequence[Tag]]] = []
        for one in media:
            if not self._can(one):
                return None
            content = await self._blossom.read(one)
            key = FileKey.generate()
            encrypted = await self._context.in_thread(key.encrypt, content)
            hash_ = await self._context.in_thread(sha256, encrypted)
            # Its real type would tell the server what it is.
            url = await self._blossom.upload(encrypted, hash_, USUAL_TYPE)
            plain = await self._context.in_thread(sha256, content)
            tags = file_tags(
                one, key, encrypted_hash=hash_, plain_hash=plain, size=len(encrypted)
            )
            made.append((url, tags))
        return made

    def _can(self, media: Media) -> bool:
        return self._blossom.is_there and media.remote is None
