"""What messages say that are no plain text."""

from __future__ import annotations

from typing import Any

import pytest

from discord.wires import ANN, one


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("hi <@5> and <@!5>", "hi @Ann and @Ann"),
        ("hi <@6>", "hi <@6>"),
        ("<@&7> look at <#901>", "@crew look at #general"),
        ("nice <:party:123> <a:wave:456>", "nice :party: :wave:"),
        ("use </ask:123>", "use /ask"),
        ("1 < 2 > 0", "1 < 2 > 0"),
    ],
)
def test_names_stand_for_ids(content: str, said: str) -> None:
    """As people see it, as far as the names are known."""
    assert one(content=content, mentions=[ANN]).content == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sticker_items": [{"id": "1", "name": "wave", "format_type": 3}]}, "sticker: wave"),
        (
            {
                "poll": {
                    "question": {"text": "Lunch?"},
                    "answers": [{"poll_media": {"text": "Now"}}, {"poll_media": {}}],
                }
            },
            "poll: Lunch?\n- Now\n- ",
        ),
        (
            {"embeds": [{"title": "News", "description": "All of it"}], "webhook_id": "9"},
            "News\nAll of it",
        ),
        (
            {"message_snapshots": [{"message": {"content": "one\ntwo"}}], "flags": 1 << 14},
            "> one\n> two",
        ),
    ],
)
def test_what_is_no_text_is_put_into_words(fields: dict[str, Any], said: str) -> None:
    """Stickers, polls, embeds, and what was forwarded."""
    assert one(content="", **fields).content == said


def test_embeds_below_a_text_say_nothing_new() -> None:
    """They show what is behind its links."""
    assert one(content="see", embeds=[{"title": "News"}]).content == "see"


def test_files_are_media() -> None:
    """Attachments, stickers, and files of what was forwarded."""
    plan = {
        "id": "1",
        "filename": "plan.txt",
        "content_type": "text/plain",
        "size": 8,
        "url": "https://cdn.discordapp.com/attachments/901/1/plan.txt?ex=1",
        "description": "The plan",
    }
    sticker = {"id": "2", "name": "wave", "format_type": 4}
    forward = {"message": {"content": "", "attachments": [{**plan, "id": "3"}]}}
    media = one(attachments=[plan], sticker_items=[sticker], message_snapshots=[forward]).media

    assert [(one.name, one.content_type, one.size_bytes) for one in media] == [
        ("plan.txt", "text/plain", 8),
        ("wave.gif", "image/gif", None),
        ("plan.txt", "text/plain", 8),
    ]
    assert media[0].remote is not None
    assert media[0].remote["description"] == "The plan"
    assert media[1].remote is not None
    assert media[1].remote["url"] == "https://media.discordapp.net/stickers/2.gif"
