from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import START, incoming, registry

from cobot import (
    DeliveryUnknown,
    IncomingMessage,
    Limits,
    Media,
    Rejected,
    Unreachable,
    Unsupported,
    hookimpl,
)
from cobot.session.capabilities import Capabilities
from cobot.session.fetching import KEPT_DAYS, Fetcher


class Gallery:
    """A channel that gives files, as a function says."""

    channel = True

    def __init__(self, give: Callable[[Path], Any], limits: Limits | None = None) -> None:
        self.give = give
        self.limits = limits
        self.asked: list[tuple[str, int]] = []

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits | None:
        return self.limits

    @hookimpl
    async def session_fetch(
        self, channel_type: str, media: Media, path: Path, limit_bytes: int
    ) -> None:
        self.asked.append((media.name, limit_bytes))
        self.give(path)


class Workspace:
    """A plugin that says where files belong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @hookimpl
    def workspace_path(self, purpose: str) -> Path:
        return self.folder / purpose


def picture(name: str = "picture.png", size_bytes: int | None = None) -> Media:
    """Return a file that is at the network."""
    return Media.from_remote({"id": name}, name=name, size_bytes=size_bytes)


def message(*media: Media, key: str = "k") -> IncomingMessage:
    """Return a message with files."""
    return incoming(channel_type="gallery", media=media, key=key)


def fetcher(gallery: object, folder: Path) -> Fetcher:
    """Return what gets files of a channel `gallery` into a folder."""
    plugins = registry(gallery=gallery, workspace=Workspace(folder))
    return Fetcher(plugins, Capabilities(plugins))


def writing(content: bytes) -> Callable[[Path], Any]:
    """Return what puts a file where it is asked to."""
    return lambda path: path.write_bytes(content)


async def test_a_file_is_put_into_the_workspace_once(tmp_path: Path) -> None:
    """A turn that runs again finds what it has got, also after a restart."""
    gallery = Gallery(writing(b"a picture"))
    several = message(picture("a.png"), picture("b.png"))
    first = await fetcher(gallery, tmp_path).fetch(several, several.media[1], None)
    again = await fetcher(gallery, tmp_path).fetch(several, several.media[1], None)

    assert first == again
    assert first.read_bytes() == b"a picture"
    assert first.name == "1-b.png"
    assert first.is_relative_to(tmp_path / "media")
    assert [name for name, _ in gallery.asked] == ["b.png"]


async def test_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    """Two messages, or two files of one, never share a path."""
    gallery = Gallery(writing(b""))
    fetches = fetcher(gallery, tmp_path)
    twice = message(picture(), picture(size_bytes=0), key="x")
    other = message(picture(), key="y")

    paths = [
        await fetches.fetch(twice, twice.media[0], None),
        await fetches.fetch(twice, twice.media[1], None),
        await fetches.fetch(other, other.media[0], None),
    ]
    assert len({*paths}) == 3


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "/etc/passwd", "x" * 300 + ".png", "ü" * 200 + ".png"]
)
@pytest.mark.parametrize("key", ["k", "../../k", "/"])
async def test_no_name_leads_out_of_the_workspace(tmp_path: Path, name: str, key: str) -> None:
    """Ids and file names come from strangers; every system takes what is made of them."""
    odd = message(picture(name), key=key)
    path = await fetcher(Gallery(writing(b"")), tmp_path).fetch(odd, odd.media[0], None)

    assert path.resolve().is_relative_to(tmp_path / "media")
    assert path.name.endswith(".png") == name.endswith(".png")


@pytest.mark.parametrize(
    ("limits", "asked", "most"),
    [(Limits(download_bytes=20), None, 20), (Limits(download_bytes=20), 10, 10), (None, 5, 5)],
)
async def test_the_smaller_limit_counts(
    tmp_path: Path, limits: Limits | None, asked: int | None, most: int
) -> None:
    """What is known to be larger is not asked for, and what turns out to be is refused."""
    gallery = Gallery(writing(b"." * (most + 1)), limits)
    fetches = fetcher(gallery, tmp_path)
    known, unknown = message(picture(size_bytes=most + 1)), message(picture())

    with pytest.raises(Rejected, match=f"has {most + 1} bytes; at most {most} are fetched"):
        await fetches.fetch(known, known.media[0], asked)
    assert gallery.asked == []
    with pytest.raises(Rejected, match=f"has {most + 1} bytes; at most {most} are fetched"):
        await fetches.fetch(unknown, unknown.media[0], asked)
    assert gallery.asked == [("picture.png", most)]


def files_in(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def failing(path: Path) -> None:
    """Write half a file and fail."""
    path.write_bytes(b"half")
    raise Unreachable("gallery", "fetch", "the connection broke")


async def test_half_a_file_is_never_found(tmp_path: Path) -> None:
    """What breaks off is begun anew, and nothing is left of it."""
    one = message(picture())
    with pytest.raises(Unreachable, match="the connection broke"):
        await fetcher(Gallery(failing), tmp_path).fetch(one, one.media[0], None)

    assert files_in(tmp_path) == []
    path = await fetcher(Gallery(writing(b"all")), tmp_path).fetch(one, one.media[0], None)
    assert path.read_bytes() == b"all"


def mistaken(path: Path) -> None:
    """Fail, as a plugin with a mistake in it."""
    raise KeyError(path.name)


async def test_a_channel_that_does_not_do_it_is_named(tmp_path: Path) -> None:
    """No hook, no file, or a mistake: each is said, and whose it is."""

    class Mute:
        channel = True

        @hookimpl
        def session_limits(self, channel_type: str, channel_id: str | None) -> None:
            return None

    one = message(picture())
    with pytest.raises(Unsupported, match="the channel has no session_fetch"):
        await fetcher(Mute(), tmp_path).fetch(one, one.media[0], None)
    with pytest.raises(DeliveryUnknown, match="plugin 'gallery' put no file where it was to"):
        await fetcher(Gallery(lambda _: None), tmp_path).fetch(one, one.media[0], None)
    with pytest.raises(DeliveryUnknown, match="plugin 'gallery' failed in session_fetch: Key"):
        await fetcher(Gallery(mistaken), tmp_path).fetch(one, one.media[0], None)


async def test_what_was_fetched_long_ago_is_removed(tmp_path: Path) -> None:
    """A month later a file is gone, and is fetched anew when somebody asks for it."""
    gallery = Gallery(writing(b"a picture"))
    fetches = fetcher(gallery, tmp_path)
    old, new = message(picture(), key="old"), message(picture(), key="new")
    paths = [await fetches.fetch(one, one.media[0], None) for one in (old, new)]
    long_ago = (START - timedelta(days=KEPT_DAYS, hours=1)).timestamp()
    os.utime(paths[0].parent, (long_ago, long_ago))
    os.utime(paths[1].parent, (START.timestamp(), START.timestamp()))

    assert await fetches.prune(START) == 1
    assert [path.exists() for path in paths] == [False, True]
    again = await fetches.fetch(old, old.media[0], None)
    assert again.read_bytes() == b"a picture"


async def test_what_is_here_is_not_fetched(tmp_path: Path) -> None:
    """Bytes become a file, and a file is where it is."""
    letter = Media.from_bytes(b"Dear ...", name="letter.txt")
    own = tmp_path / "own.txt"
    own.write_bytes(b"mine")
    both = message(letter, Media.from_path(own))
    gallery = Gallery(writing(b"other"))
    fetches = fetcher(gallery, tmp_path)

    written = await fetches.fetch(both, both.media[0], None)
    assert written.read_bytes() == b"Dear ..."
    assert await fetches.fetch(both, both.media[1], None) == own
    assert gallery.asked == []
