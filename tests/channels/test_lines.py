from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from cobot.channels.lines import BLOCK_BYTES, LINES_AHEAD, Lines

PIPE_BYTES = 1024 * 1024  # no system keeps more in a pipe unless it is asked to
STALLED_S = 1.0  # a pipe that takes nothing for so long has a reader that waits


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: where to read, where to write."""
    reading, writing = os.pipe()
    inode = os.fstat(reading).st_ino
    yield reading, writing
    for descriptor in (reading, writing):
        # The test may have closed it, and somebody else may have its number by now.
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_ino == inode:
                os.close(descriptor)


async def read_all(lines: Lines) -> list[str]:
    """Return every line up to the end of input."""
    async with asyncio.timeout(10):
        return [line async for several in lines for line in several]


def write_until_stalled(descriptor: int, line: bytes, limit: int) -> int:
    """Write a line again and again until nobody takes more; return how many bytes went."""
    os.set_blocking(descriptor, False)
    written = 0
    while written < limit and select.select([], [descriptor], [], STALLED_S)[1]:
        written += os.write(descriptor, line * 512)
    return written


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"one\r\n\r\ntwo\r", ["one", "", "two"]),
        (b"a\rb\x0bc\x0cd\x85\n", ["a\rb\x0bc\x0cd\ufffd"]),
        ("a\u2028b\n".encode(), ["a\u2028b"]),
        (b"\xff\xfe ok\n", ["\ufffd\ufffd ok"]),
        (b"nul\0inside\n", ["nul\0inside"]),
    ],
)
async def test_bytes_become_lines(
    pipe: tuple[int, int], raw: bytes, expected: list[str]
) -> None:
    """Only a line feed ends a line, a carriage return before it goes, and nothing is lost."""
    reading, writing = pipe
    os.write(writing, raw)
    os.close(writing)

    assert await read_all(Lines(reading)) == expected


async def test_a_line_written_in_pieces_comes_whole(pipe: tuple[int, int]) -> None:
    """A line may arrive in any pieces, also with a cut inside a character or a line end."""
    reading, writing = pipe
    first = asyncio.create_task(next_of(aiter(Lines(reading))))
    async with asyncio.timeout(10):
        for piece in ("zwei \u20ac".encode()[:6], "zwei \u20ac".encode()[6:], b"!\r", b"\n"):
            os.write(writing, piece)
            await drained(reading)

        assert await first == ["zwei \u20ac!"]


async def next_of(lines: AsyncIterator[list[str]]) -> list[str]:
    """Return the lines that come next."""
    return await anext(lines)


async def drained(reading: int) -> None:
    """Wait until the thread on the other side has read what was written."""
    # Nothing tells when a pipe has become empty.
    while select.select([reading], [], [], 0)[0]:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_a_line_is_handed_over_before_the_next_one_is_written(
    pipe: tuple[int, int],
) -> None:
    """A line does not wait for a buffer to fill: a person expects an answer at once."""
    reading, writing = pipe
    lines = aiter(Lines(reading))
    async with asyncio.timeout(10):
        for text in ("one", "two", "three"):
            os.write(writing, f"{text}\n".encode())

            assert await anext(lines) == [text]


async def test_a_line_longer_than_many_blocks_comes_whole(pipe: tuple[int, int]) -> None:
    """There is no limit to the length of a line."""
    reading, writing = pipe
    text = "x" * (40 * BLOCK_BYTES + 1)
    writer = threading.Thread(target=write_and_close, args=(writing, f"{text}\nend".encode()))
    writer.start()

    assert await read_all(Lines(reading)) == [text, "end"]
    writer.join(10)


def write_and_close(descriptor: int, raw: bytes) -> None:
    """Write all of it, however long it takes to be read."""
    with open(descriptor, "wb") as file:
        file.write(raw)


async def test_reading_stops_when_nobody_takes_the_lines(pipe: tuple[int, int]) -> None:
    """Who writes faster than lines are taken is held back, so that memory stays small."""
    reading, writing = pipe
    line = b"x" * 99 + b"\n"
    lines = aiter(Lines(reading))
    os.write(writing, b"first\n")
    assert await anext(lines) == ["first"]

    written = write_until_stalled(writing, line, 16 * PIPE_BYTES)

    assert written < LINES_AHEAD * len(line) + 3 * BLOCK_BYTES + PIPE_BYTES


async def test_reading_goes_on_when_the_lines_are_taken(pipe: tuple[int, int]) -> None:
    """What was held back is all there, in order, once somebody takes it."""
    reading, writing = pipe
    texts = [str(number) for number in range(50 * LINES_AHEAD)]
    raw = "\n".join(texts).encode()
    writer = threading.Thread(target=write_and_close, args=(writing, raw))
    writer.start()

    assert await read_all(Lines(reading)) == texts
    writer.join(10)


async def test_no_descriptor_is_the_end_of_input() -> None:
    """A process without standard input has nothing to read, and that is no fault."""
    assert await read_all(Lines(None)) == []


async def test_a_descriptor_that_cannot_be_read_is_the_end_of_input(
    pipe: tuple[int, int],
) -> None:
    """A terminal that is gone gives an error, and that is the end of its input."""
    _, writing = pipe

    assert await read_all(Lines(writing)) == []


def test_reading_ends_quietly_after_the_loop_was_closed(pipe: tuple[int, int]) -> None:
    """A program that ends in the middle of its input hears nothing from the reader."""
    reading, writing = pipe
    before = set(threading.enumerate())

    async def take_one() -> list[str]:
        os.write(writing, b"one\n")
        return await anext(aiter(Lines(reading)))

    taken = asyncio.run(take_one())
    (reader,) = set(threading.enumerate()) - before
    os.write(writing, b"two\nthree\n")
    os.close(writing)
    reader.join(10)

    assert taken == ["one"]
    assert not reader.is_alive()
    assert reader.daemon
