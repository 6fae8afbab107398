"""Where the body of an answer goes: into memory or into a file, up to a limit."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

PIECE_BYTES = 256 * 1024
"""How much is written at once: a hop to a thread costs as much as writing this."""


class TooLarge(Exception):
    """There is more than was allowed."""


class Unwritable(Exception):
    """The file cannot be written."""


class Memory:
    """Keeps a body."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._pieces: list[bytes] = []

    def expect(self, length: int) -> None:
        """Take note of how long the body is going to be.

        Raises:
            TooLarge: That is too long.
        """
        if length > self._left:
            raise TooLarge

    async def write(self, piece: bytes) -> None:
        """Keep a piece.

        Raises:
            TooLarge: There was too much of it.
            Unwritable: There is no room on the disk, or we must not write there.
        """
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge
        self._pieces.append(piece)

    async def finish(self) -> bytes:
        """Return the body, or what of it is in memory. Raises as `write`."""
        return b"".join(self._pieces)

    def discard(self) -> None:
        """Leave nothing behind that is not finished."""


class File(Memory):
    """Writes a body to a file, which is there when all of it is and not before."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self._path = path
        self._waiting = 0
        self._file: BinaryIO | None = None
        self._draft: Path | None = None

    async def write(self, piece: bytes) -> None:
        """Write a piece, or keep it until there is enough to write. Raises as above."""
        await super().write(piece)
        self._waiting += len(piece)
        if self._waiting >= PIECE_BYTES:
            await self._flush()

    async def finish(self) -> bytes:
        """Put the file in its place; nothing of it is in memory. Raises as above."""
        draft = await self._flush()
        # In this turn of the loop: whoever is cancelled finds the file or does not.
        self.discard(keep=True)
        try:
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise Unwritable(str(error)) from error
        return b""

    def discard(self, *, keep: bool = False) -> None:
        """Close the file, and unless it is kept remove it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._draft is not None and not keep:
            self._draft.unlink(missing_ok=True)
        self._draft = None

    async def _flush(self) -> Path:
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        try:
            if self._draft is None or self._file is None:
                # Beside the place where it belongs: it is moved there in one step. And on
                # the loop, so that none is made after we were cancelled.
                number, name = tempfile.mkstemp(prefix=".download-", dir=self._path.parent)
                self._draft, self._file = Path(name), os.fdopen(number, "wb")
            await asyncio.to_thread(_write, self._file, pieces)
        except OSError as error:
            raise Unwritable(str(error)) from error
        return self._draft


def _write(file: BinaryIO, pieces: list[bytes]) -> None:
    file.write(b"".join(pieces))
    file.flush()
