"""Files on their way through a channel: brought here, measured, and refused in words."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from cobot.context import Context
from cobot.errors import Rejected, Unreachable, Unsupported
from cobot.messages import Media

Fetch = Callable[[Media, Path, int], Awaitable[None]]
"""Puts the bytes of a file at a path; as `session_fetch`, without the channel."""


@attrs.frozen
class Files:
    """What every network wants of files, and says of them."""

    context: Context
    """The channel's."""
    network: str
    """What the network is called."""
    upload_bytes: int
    """The largest file that it takes."""

    # Out.

    def checked(self, media: Media) -> Media:
        """Return a file with its size, as far as that can be known, if it is not too large.

        Raises:
            Unsupported: It is; a link or a text can go in its place.
        """
        media = media.measured()
        if (media.size_bytes or 0) > self.upload_bytes:
            detail = (
                f"{media.name!r} has {media.size_bytes} bytes, {self.network} takes"
                f" {self.upload_bytes}"
            )
            self.context.log.warning("%s; a text goes in its place", detail)
            raise Unsupported(self.context.name, "media", detail)
        return media

    @contextmanager
    def folder(self, media: Sequence[Media]) -> Iterator[Path]:
        """Make a folder for files that have to be fetched, for as long as it is needed."""
        if not any(one.url is not None or one.remote is not None for one in media):
            yield Path()
            return
        cache = self.context.workspace("cache")
        prefix = f"{self.network.lower()}-"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=cache) as folder:
            yield Path(folder)

    async def here(self, media: Media, path: Path, fetch: Fetch) -> Media:
        """Return a file from here, for networks that take none from an address.

        Args:
            media: The file.
            path: Where to put it if it lies elsewhere.
            fetch: Gets it.

        Raises:
            Unsupported: It is not to be had, or too large; people can still follow the link.
        """
        if media.url is not None or media.remote is not None:
            try:
                await fetch(media, path, self.upload_bytes)
            except (Rejected, Unreachable) as error:
                raise Unsupported(self.context.name, "media", error.detail) from error
            media = Media.from_path(path, name=media.name, content_type=media.content_type)
        return self.checked(media)

    # In.

    def check_size(self, media: Media, size_bytes: int | None, most_bytes: int) -> None:
        """Refuse a file that is known to be too large, before it is fetched.

        Raises:
            Rejected: It is.
        """
        if size_bytes is not None and size_bytes > most_bytes:
            detail = f"{media.name!r} has {size_bytes} bytes; at most {most_bytes} can be had"
            raise self.refused(detail)

    def check_given(self, media: Media, status: int) -> None:
        """Look at a server's status, whether it has given a file.

        Raises:
            Unreachable: It may give it later.
            Rejected: It will not.
        """
        if 200 <= status < 300:
            return
        kind = Unreachable if status == 429 or status >= 500 else Rejected
        detail = f"{media.name!r} cannot be had: the server says {status}"
        raise kind(self.context.name, "fetch", detail, field="media")

    def refused(self, detail: str) -> Rejected:
        """Return that a file will never be given."""
        return Rejected(self.context.name, "fetch", detail, field="media")
