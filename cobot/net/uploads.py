"""Bodies that are sent piece by piece: files, and forms with files in them.

A body is made for one request and read once, a piece at a time, so that a large file is
never in memory. Its length is told beforehand wherever it can be known: many servers refuse
a body without one.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, TypeAlias

import attrs
import httpx

PIECE_BYTES = 256 * 1024
"""How much of a file is read at once: a hop to a thread costs as much as reading this."""

CLOSING_TURNS = 20
"""How many turns of the loop a reader that was cancelled gets to let go of its source."""

Content: TypeAlias = bytes | Path | AsyncIterable[bytes]
"""What is sent: bytes, a file, or pieces that somebody makes as they are asked for."""


class UnreadableContent(Exception):
    """What was to be sent could not be read, or not as much of it as was announced."""


@attrs.frozen
class Part:
    """One part of a form: a plain value, or a file."""

    name: str
    """What the receiver calls it."""
    content: str | Content
    """Its value. Text is sent as UTF-8."""
    filename: str | None = None
    """What the file is to be called; None: it is a plain value."""
    content_type: str | None = None
    """The kind of file, as `image/png`."""
    length: int | None = None
    """Bytes in all, where the content is pieces; None: not known."""


@attrs.define
class _Section:
    content: Content
    length: int | None
    file: BinaryIO | None = None


class Upload(httpx.AsyncByteStream):
    """A body for one request. Made by `multipart` and `raw`."""

    def __init__(
        self, sections: Sequence[tuple[Content, int | None]], headers: Mapping[str, str]
    ) -> None:
        self._sections = [_Section(content, length) for content, length in sections]
        self.headers = dict(headers)
        """What the request has to say of the body."""
        self.length: int | None = None
        """Bytes in all, once it is open; None: not known, it is sent in chunks."""
        self.failure: Exception | None = None
        """What went wrong with reading it; what went wrong with sending it is not here."""
        self.on_progress: Callable[[], None] | None = None
        """Called whenever the next piece is asked for."""
        self._was_opened = False
        self._handed = 0
        self._is_at_end = False
        self._pieces: AsyncGenerator[bytes] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of it was handed over. Until then nobody can have received it."""
        return self._is_at_end or (self.length is not None and self._handed >= self.length)

    async def open(self) -> None:
        """Open the files, and find out how long it is. What cannot be read is in `failure`."""
        if self._was_opened:
            raise RuntimeError("a body can be sent once")
        self._was_opened = True
        try:
            for section in self._sections:
                if isinstance(section.content, bytes):
                    section.length = len(section.content)
                elif isinstance(section.content, Path):
                    section.file = await asyncio.to_thread(_open, section.content)
                    section.length = os.fstat(section.file.fileno()).st_size
        except (OSError, UnreadableContent) as error:
            self.failure = error
            return
        known = [one.length for one in self._sections if one.length is not None]
        if len(known) == len(self._sections):
            self.length = sum(known)

    def __aiter__(self) -> Upload:
        if self._pieces is None:
            self._pieces = self._read()
        return self

    async def __anext__(self) -> bytes:
        assert self._pieces is not None
        if self.on_progress is not None:
            self.on_progress()
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            self._is_at_end = True
            raise
        except Exception as error:
            self.failure = error
            raise
        self._handed += len(piece)
        return piece

    async def aclose(self) -> None:
        """Close the files and the makers of pieces, also if it was not read to its end."""
        for one in (self._pieces, *(section.content for section in self._sections)):
            await _close(one)
        for section in self._sections:
            if section.file is not None:
                section.file.close()

    async def _read(self) -> AsyncGenerator[bytes]:
        for section in self._sections:
            count = 0
            async with aclosing(_pieces(section)) as pieces:
                async for piece in pieces:
                    count += len(piece)
                    if section.length is not None and count > section.length:
                        raise UnreadableContent(f"it is longer than {section.length} bytes")
                    if piece:
                        yield piece
            if section.length is not None and count < section.length:
                raise UnreadableContent(f"it ends after {count} of {section.length} bytes")


def multipart(parts: Sequence[Part]) -> Upload:
    """Return a form with files, as `multipart/form-data`."""
    boundary = secrets.token_hex(16)
    sections: list[tuple[Content, int | None]] = []
    for number, part in enumerate(parts):
        before = "\r\n" if number else ""
        sections.append((_encoded(f"{before}--{boundary}\r\n{_head(part)}\r\n"), None))
        content = part.content
        sections.append(
            (_encoded(content) if isinstance(content, str) else content, part.length)
        )
    before = "\r\n" if parts else ""
    sections.append((_encoded(f"{before}--{boundary}--\r\n"), None))
    return Upload(sections, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def raw(content: Content, content_type: str, *, length: int | None = None) -> Upload:
    """Return a body that is one file and nothing else.

    Args:
        content: What is sent.
        content_type: The kind of file, as `image/png`.
        length: Bytes in all, where the content is pieces; None: not known.
    """
    return Upload([(content, length)], {"Content-Type": content_type})


def _head(part: Part) -> str:
    head = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
    if part.filename is not None:
        head += f'; filename="{_quoted(part.filename)}"'
        kind = _quoted(part.content_type or "application/octet-stream")
        head += f"\r\nContent-Type: {kind}"
    return head + "\r\n"


def _quoted(text: str) -> str:
    # As browsers do it, and what servers therefore understand:
    # https://html.spec.whatwg.org/#multipart-form-data
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")


def _open(path: Path) -> BinaryIO:
    # A pipe would never open, and a device never end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnreadableContent(f"{str(path)!r} is no file")
    return path.open("rb")


async def _pieces(section: _Section) -> AsyncGenerator[bytes]:
    content, file = section.content, section.file
    if isinstance(content, bytes):
        for start in range(0, len(content), PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]
    elif file is not None:
        # What is written to the file meanwhile does not count.
        left = section.length or 0
        while left and (piece := await asyncio.to_thread(file.read, min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece
    else:
        assert not isinstance(content, Path)
        async for piece in content:
            yield piece


async def _close(source: object) -> None:
    close = getattr(source, "aclose", None)
    if close is None:
        return
    for _ in range(CLOSING_TURNS):
        try:
            await close()
        except RuntimeError:
            # It is being read: by a task that is cancelled, and wakes with the next turn.
            await asyncio.sleep(0)
        else:
            return
