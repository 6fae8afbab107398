"""As what a file is sent, and together with which."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobot import Media
from cobot_telegram.files import (
    ALBUMS,
    PHOTO_BYTES,
    Piece,
    as_document,
    piece_of,
    runs_of,
    upload_name,
    upload_type,
)


def _media(name: str, content_type: str | None = None) -> Media:
    return Media.from_bytes(b"x", name=name, content_type=content_type)


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("a.png", "image/png", "photo"),
        ("a.jpg", "image/jpeg; charset=x", "photo"),
        ("a.JPG", None, "photo"),
        ("a.gif", None, "animation"),
        ("a.mp4", "video/mp4", "video"),
        ("a.mkv", "video/x-matroska", "document"),
        ("a.mp3", None, "audio"),
        ("a.ogg", "audio/ogg", "voice"),
        ("a.svg", "image/svg+xml", "document"),
        ("a.pdf", None, "document"),
        ("a", None, "document"),
        ("a.png", "application/octet-stream", "document"),
    ],
)
def test_a_file_is_sent_as_what_it_is(name: str, content_type: str | None, kind: str) -> None:
    """By its type, else by its name's ending; what Telegram does not show is a document."""
    piece = piece_of(_media(name, content_type))

    assert piece is not None
    assert piece.kind == kind


def test_a_photo_that_is_too_large_is_a_document() -> None:
    """Telegram takes photos of 10 MB, and documents of 50."""
    piece = piece_of(Media.from_bytes(b"x" * (PHOTO_BYTES + 1), name="a.png"))

    assert piece is not None
    assert piece.kind == "document"


def test_what_came_through_telegram_goes_by_its_id() -> None:
    """As the kind that it came as: an id is good for that alone."""
    remote = {"kind": "voice", "file_id": "F"}
    piece = piece_of(Media.from_remote(remote, name="a.png", size_bytes=99_999_999))

    assert piece is not None
    assert (piece.kind, piece.known_as) == ("voice", "F")
    assert as_document(piece) == piece


@pytest.mark.parametrize(
    "remote",
    [{"url_private": "x"}, {"kind": "photo"}, {"kind": "poll", "file_id": "F"}],
)
def test_what_came_through_another_network_is_no_piece(remote: dict[str, str]) -> None:
    """Nobody here can get it."""
    assert piece_of(Media.from_remote(remote, name="a.png")) is None


@pytest.mark.parametrize(
    ("name", "known_as"),
    [
        ("a.png", "https://x.y/f"),
        ("a.pdf", "https://x.y/f"),
        ("a.zip", "https://x.y/f"),
        ("a.txt", None),
    ],
)
def test_telegram_gets_some_files_by_itself(name: str, known_as: str | None) -> None:
    """Of documents only those that it says that it takes."""
    piece = piece_of(Media.from_url("https://x.y/f", name=name))

    assert piece is not None
    assert (piece.known_as, piece.is_elsewhere) == (known_as, True)


@pytest.mark.parametrize(
    ("kinds", "runs"),
    [
        ("photo", ["photo"]),
        ("photo video photo", ["photo video photo"]),
        ("document document", ["document document"]),
        ("audio document", ["audio", "document"]),
        ("photo document photo", ["photo", "document", "photo"]),
        ("voice voice", ["voice", "voice"]),
        ("photo " * 12, ["photo " * 10, "photo photo"]),
        ("photo " * 11, ["photo " * 10, "photo"]),
    ],
)
def test_what_can_be_an_album_is_one(kinds: str, runs: list[str]) -> None:
    """Pictures with pictures, documents with documents, songs with songs, ten at most."""
    found = runs_of([Piece(_media("x"), kind) for kind in kinds.split()])

    assert [[piece.kind for piece in run] for run in found] == [one.split() for one in runs]


@given(st.lists(st.sampled_from(["photo", "video", "audio", "document", "voice", "sticker"])))
def test_no_file_is_lost_or_moved(kinds: list[str]) -> None:
    """Albums are made of neighbours, and are such that Telegram takes them."""
    found = runs_of([Piece(_media("x"), kind) for kind in kinds])

    assert [piece.kind for run in found for piece in run] == kinds
    for run in found:
        assert 1 <= len(run) <= 10
        assert len(run) == 1 or len({ALBUMS[piece.kind] for piece in run}) == 1


def test_a_voice_has_the_ending_of_one() -> None:
    """Or Telegram takes it for a document."""
    assert upload_name(Piece(_media("said.bin"), "voice")) == "said.bin.ogg"
    assert upload_name(Piece(_media("said.OGA"), "voice")) == "said.OGA"
    assert upload_name(Piece(_media("a.bin"), "document")) == "a.bin"


def test_what_has_no_type_is_bytes(tmp_path: Path) -> None:
    """A type has to be named with an upload."""
    assert upload_type(Piece(Media.from_path(tmp_path / "a"), "document")) == (
        "application/octet-stream"
    )
    assert upload_type(Piece(_media("a.pdf"), "document")) == "application/pdf"
