"""Files that came with a message, where an agent can read them."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cobot.errors import DeliveryUnknown, HookFailed, Rejected, Unsupported
from cobot.messages import IncomingMessage, Media
from cobot.plugins import Plugins
from cobot.session.capabilities import Capabilities

NAME_BYTES = 200
"""How much of a file's own name is kept; file systems take 255 with what stands before it."""

KEPT_DAYS = 30
"""How long a file is kept after it was fetched; asked for again, it is fetched again."""

UNTOLD_BYTES = 100_000_000
"""How large a file may be where neither the agent nor the network says."""


class Fetcher:
    """Gets files through the channel that they came by, once, into the workspace."""

    def __init__(self, plugins: Plugins, capabilities: Capabilities) -> None:
        self._plugins = plugins
        self._capabilities = capabilities

    async def fetch(
        self, message: IncomingMessage, media: Media, limit_bytes: int | None
    ) -> Path:
        """Return where a file of a message is, after getting it if need be.

        Args:
            message: The message.
            media: One of its media.
            limit_bytes: How large it may be; None: as the network allows.

        Raises:
            Rejected: It is larger, or the network does not give it.
            Unsupported: The channel cannot get it.
            ChannelError: The network said no.
        """
        if media.path is not None:
            return media.path
        channel = message.channel_type
        limits = await self._capabilities.limits(channel, message.channel_id)
        most = UNTOLD_BYTES if limits.download_bytes is None else limits.download_bytes
        if limit_bytes is not None:
            most = min(most, limit_bytes)
        if media.size_bytes is not None and media.size_bytes > most:
            detail = f"{media.name!r} has {media.size_bytes} bytes; at most {most} are fetched"
            raise Rejected(channel, "fetch", detail, field="media")
        folder = await self._folder(message)
        path = folder / f"{message.media.index(media)}-{_short(media.name)}"
        if _size(path) is None:
            # A name of its own until all of it is there: a killed process must leave no half.
            with _partial(path) as partial:
                await self._get(channel, media, partial, most)
        return path

    async def prune(self, now: datetime) -> int:
        """Remove what was fetched long ago; return how many messages' files that were."""
        root = await self._root()
        if root is None:
            return 0
        return await asyncio.to_thread(_prune, root, (now - timedelta(days=KEPT_DAYS)))

    async def _get(self, channel: str, media: Media, path: Path, most: int) -> None:
        if media.content is not None:
            _write(path, media.content)
            return
        try:
            done = await self._plugins.route(
                "session_fetch",
                channel,
                channel_type=channel,
                media=media,
                path=path,
                limit_bytes=most,
            )
        except HookFailed as error:
            raise DeliveryUnknown(channel, "fetch", str(error)) from error
        if done is None:
            raise Unsupported(channel, "fetch", "the channel has no session_fetch")
        size = _size(path)
        if size is None:
            detail = f"plugin {done[0].plugin_name!r} put no file where it was to"
            raise DeliveryUnknown(channel, "fetch", detail)
        if size > most:
            detail = f"{media.name!r} has {size} bytes; at most {most} are fetched"
            raise Rejected(channel, "fetch", detail, field="media")

    async def _folder(self, message: IncomingMessage) -> Path:
        root = await self._root()
        if root is None:
            detail = "no plugin says where files belong"
            raise Unsupported(message.channel_type, "fetch", detail)
        # Of ids only a digest: a network's may be anything, a way out of the folder too.
        folder = root / hashlib.sha256(message.key.encode()).hexdigest()[:24]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def _root(self) -> Path | None:
        done = await self._plugins.first("workspace_path", purpose="media")
        root: Path | None = None if done is None else done[1]
        return root


def _prune(root: Path, before: datetime) -> int:
    old = [
        folder
        for folder in root.iterdir()
        if folder.is_dir() and folder.stat().st_mtime < before.timestamp()
    ]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    partial = path.with_name(f".{path.name}.part")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _size(path: Path) -> int | None:
    """Return how large a file is, in bytes; None if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _short(name: str) -> str:
    """Return a file's name, cut at its front if it is too long: its end says what it is."""
    encoded = name.encode(errors="replace")
    if len(encoded) <= NAME_BYTES:
        return name
    return encoded[-NAME_BYTES:].decode(errors="ignore")
