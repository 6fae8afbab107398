"""What messages say that are no text, and the files in them."""

from __future__ import annotations

from typing import Any

import pytest

from cobot import Media
from telegram.updates import one

Wire = dict[str, Any]

PLACE = {"latitude": 52.5, "longitude": 13.4}


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"location": PLACE}, "location: 52.5, 13.4"),
        (
            {"location": PLACE, "venue": {"location": PLACE, "title": "Bar", "address": "A 1"}},
            "venue: Bar, A 1 (52.5, 13.4)",
        ),
        (
            {"contact": {"phone_number": "+49 1", "first_name": "Ann", "last_name": "Lee"}},
            "contact: Ann Lee, +49 1",
        ),
        (
            {"poll": {"question": "When?", "options": [{"text": "now"}, {"text": "later"}]}},
            "poll: When?\n- now\n- later",
        ),
        (
            {
                "checklist": {
                    "title": "Trip",
                    "tasks": [{"text": "pack", "completion_date": 1}, {"text": "go"}],
                }
            },
            "checklist: Trip\n[x] pack\n[ ] go",
        ),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        ({"game": {"title": "Chess"}}, "game: Chess"),
        ({"story": {"id": 1}}, "story"),
    ],
)
def test_what_is_neither_text_nor_file_is_put_into_words(fields: Wire, content: str) -> None:
    """An agent that knows nothing of Telegram can still answer it."""
    read_one = one(**fields)

    assert read_one.content == content
    assert read_one.media == ()


def _text(*pieces: Any, **fields: Any) -> Wire:
    return {"type": "paragraph", "text": [*pieces], **fields}


def test_a_rich_message_is_flattened() -> None:
    """Its blocks in order, with all that can be read in them."""
    blocks = [
        {"type": "heading", "text": "Title", "size": 1},
        _text("say ", {"type": "bold", "text": ["it ", {"type": "italic", "text": "loud"}]}),
        {
            "type": "list",
            "items": [
                {"label": "1.", "blocks": [_text("one")]},
                {"label": "2.", "blocks": [_text("two")], "has_checkbox": True},
                {"blocks": [_text("three")], "has_checkbox": True, "is_checked": True},
            ],
        },
        {"type": "table", "cells": [[{"text": "a"}, {"text": "b"}], [{"text": "c"}, {}]]},
        {"type": "blockquote", "blocks": [_text("said")], "credit": "Ann"},
        {"type": "details", "summary": "More", "blocks": [_text("hidden")]},
        {"type": "mathematical_expression", "expression": "x^2"},
        _text({"type": "custom_emoji", "custom_emoji_id": "1", "alternative_text": "🔥"}),
        {"type": "divider"},
        {"type": "thinking", "text": "hm"},
        {
            "type": "photo",
            "photo": [{"file_id": "s"}, {"file_id": "L"}],
            "caption": {"text": "a cat", "credit": "Bob"},
        },
        {"type": "kind_of_next_year", "text": "still read"},
    ]
    read_one = one(rich_message={"blocks": blocks})

    assert read_one.content == (
        "Title\n\nsay it loud\n\n1. one\n[ ] two\n[x] three\n\na | b\nc | \n\nsaid\nAnn\n\n"
        "More\nhidden\n\nx^2\n\n🔥\n\na cat\nBob\n\nstill read"
    )
    assert [media.remote for media in read_one.media] == [{"kind": "photo", "file_id": "L"}]


def test_a_rich_message_can_mention_the_bot() -> None:
    """It has no entities; the name stands in its text."""
    assert one(rich_message={"blocks": [_text("dear @Lab_Bot, hi")]}).mentioned
    assert not one(rich_message={"blocks": [_text("dear @lab_bot2, hi")]}).mentioned


def _file(**fields: Any) -> Wire:
    return {"file_id": "F", "file_unique_id": "u", "file_size": 7, **fields}


@pytest.mark.parametrize(
    ("fields", "kind", "name", "content_type"),
    [
        ({"document": _file(file_name="a.pdf", mime_type="application/pdf")},
         "document", "a.pdf", "application/pdf"),
        ({"document": _file()}, "document", "document", "application/octet-stream"),
        ({"photo": [_file(file_id="s"), _file()]}, "photo", "photo.jpg", "image/jpeg"),
        ({"video": _file(width=1, height=2, duration=3)}, "video", "video.mp4", "video/mp4"),
        ({"voice": _file(duration=3)}, "voice", "voice.ogg", "audio/ogg"),
        ({"audio": _file(title="Song")}, "audio", "audio.mp3", "audio/mpeg"),
        ({"video_note": _file(length=240)}, "video_note", "video_note.mp4", "video/mp4"),
        ({"animation": _file(), "document": _file(file_id="other")},
         "animation", "animation.mp4", "video/mp4"),
        ({"live_photo": _file(), "photo": [_file(file_id="other")]},
         "live_photo", "live_photo.mp4", "video/mp4"),
        ({"sticker": _file()}, "sticker", "sticker.webp", "image/webp"),
        ({"sticker": _file(is_animated=True)},
         "sticker", "sticker.tgs", "application/x-tgsticker"),
        ({"sticker": _file(is_video=True)}, "sticker", "sticker.webm", "video/webm"),
        ({"paid_media": {"star_count": 1, "paid_media": [
            {"type": "preview"}, {"type": "photo", "photo": [_file()]}]}},
         "photo", "photo.jpg", "image/jpeg"),
    ],
)  # fmt: skip
def test_a_file_comes_once_and_as_what_it_is(
    fields: Wire, kind: str, name: str, content_type: str
) -> None:
    """The most specific kind, with its largest form, and what is needed to get it."""
    (media,) = one(**fields).media

    assert (media.name, media.content_type, media.size_bytes) == (name, content_type, 7)
    assert media.remote is not None
    assert (media.remote["kind"], media.remote["file_id"]) == (kind, "F")


def test_a_caption_is_what_is_said_with_a_file() -> None:
    """A sticker says its emoji, and a file without a caption nothing."""
    assert one(document=_file(), caption="look").content == "look"
    assert one(document=_file()).content == ""
    assert one(sticker=_file(emoji="👋")).content == "👋"


def test_a_size_that_is_not_told_is_not_known() -> None:
    """Telegram leaves it out at times."""
    (media,) = one(document={"file_id": "F"}).media

    assert media.size_bytes is None


def test_a_name_cannot_lead_out_of_a_folder() -> None:
    """A file's name is somebody's text."""
    (media,) = one(document=_file(file_name="../../etc/passwd")).media

    assert media.name == "passwd"
    assert isinstance(media, Media)
