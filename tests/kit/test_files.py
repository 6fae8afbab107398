from __future__ import annotations

import asyncio
from pathlib import Path

import attrs
import pytest

from cobot import Media, Rejected, Unreachable, Unsupported
from cobot.kit import Files
from cobot.testing import make_context

MOST = 10
HERE = Media.from_bytes(b"12345", name="here.txt")
THERE = Media.from_url("https://loft.example/there.txt", name="there.txt")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Files of a network that takes ten bytes."""
    return Files(make_context("pigeon", workspace=tmp_path), "Pigeon Post", MOST)


class Carrier:
    """Fetches these bytes, or fails."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.limits: list[int] = []

    async def fetch(self, _media: Media, path: Path, limit_bytes: int) -> None:
        """Put them at a path, and note how many they may be."""
        self.limits.append(limit_bytes)
        if isinstance(self.content, Exception):
            raise self.content
        await asyncio.to_thread(path.write_bytes, self.content)


def names_in(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return [one.name for one in folder.iterdir()]


async def test_a_file_that_is_here_is_left_alone(files: Files, tmp_path: Path) -> None:
    """Nothing is fetched or written."""
    carrier = Carrier(b"")

    assert await files.here(HERE, tmp_path / "x", carrier.fetch) == HERE
    assert carrier.limits == []


async def test_a_file_from_elsewhere_is_brought_here(files: Files, tmp_path: Path) -> None:
    """With its name, and its size that is known by now; no more than the network takes."""
    carrier = Carrier(b"abc")
    with files.folder([HERE, THERE]) as folder:
        found = await files.here(THERE, folder / "0", carrier.fetch)
        assert found.path is not None
        content = found.path.read_bytes()

    assert (found.name, found.size_bytes, content) == ("there.txt", 3, b"abc")
    assert carrier.limits == [MOST]
    assert names_in(tmp_path) == []  # and nothing stays behind


@pytest.mark.parametrize("error", [Rejected, Unreachable])
async def test_what_cannot_be_brought_here_goes_as_a_link(
    files: Files, tmp_path: Path, error: type[Rejected]
) -> None:
    """People can still follow it."""
    carrier = Carrier(error("pigeon", "fetch", "not to be had"))

    with pytest.raises(Unsupported, match="pigeon: media: not to be had"):
        await files.here(THERE, tmp_path / "x", carrier.fetch)


def test_what_is_too_large_is_told_with_both_sizes(files: Files, tmp_path: Path) -> None:
    """Also where only the disk knows how large it is."""
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * (MOST + 1))

    with pytest.raises(Unsupported, match=r"'large\.bin' has 11 bytes, Pigeon Post takes 10"):
        files.checked(Media.from_path(path))
    assert files.checked(Media.from_path(tmp_path / "no such")).size_bytes is None


def test_a_folder_is_made_only_if_something_is_fetched(files: Files, tmp_path: Path) -> None:
    """Most messages with files have them at hand."""
    with files.folder([HERE]):
        assert names_in(tmp_path) == []
    with files.folder([attrs.evolve(THERE, url=None, remote={"id": 1})]):
        assert [one.partition("-")[0] for one in names_in(tmp_path)] == ["pigeon post"]


@pytest.mark.parametrize("size", [None, MOST])
def test_what_is_small_enough_is_fetched(files: Files, size: int | None) -> None:
    """And so is what does not say how large it is: fetching it stops at the limit."""
    files.check_size(THERE, size, MOST)


def test_what_is_known_to_be_too_large_is_not_fetched(files: Files) -> None:
    """It is refused for good."""
    with pytest.raises(
        Rejected, match=r"'there\.txt' has 11 bytes; at most 10 can be had"
    ) as it:
        files.check_size(THERE, MOST + 1, MOST)

    assert (it.value.operation, it.value.field) == ("fetch", "media")


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, Rejected), (403, Rejected), (429, Unreachable), (502, Unreachable)],
)
def test_what_a_server_does_not_give_is_refused_or_comes_later(
    files: Files, status: int, expected: type[Exception]
) -> None:
    """Only what may be given later is asked for again."""
    with pytest.raises(expected, match=f"'there.txt' cannot be had: the server says {status}"):
        files.check_given(THERE, status)


def test_what_a_server_gives_is_good(files: Files) -> None:
    """Whole, or the part that was asked for."""
    files.check_given(THERE, 200)
    files.check_given(THERE, 206)
