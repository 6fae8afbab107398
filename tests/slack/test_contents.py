"""Text as Slack has it, and as people read and write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobot.text import Document, parse
from cobot_slack.contents import decoded, without_address, words_of
from cobot_slack.emoji import emoji_of, name_of
from cobot_slack.markup import BREAK, escape, render

NAMES = {"U1": "Ann", "C1": "lab"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt;", "&lt;"),
        ("<@U1> <@U1|ann> <@U2|bob> <@W3>", "@Ann @Ann @bob @W3"),
        ("<#C1> <#C1|> <#C2|ops> <#C3|>", "#lab #lab #ops #C3"),
        ("<!here> <!subteam^S1|@crew> <!subteam^S1>", "@here @crew @subteam"),
        ("<!date^1^{date}|today>", "today"),
        ("<https://x.io/?a=1&amp;b=2>", "https://x.io/?a=1&b=2"),
        ("<https://x.io|x>", "x (https://x.io)"),
        ("<http://x.io|x.io>", "http://x.io"),
        ("<mailto:a@b.io|a@b.io> <tel:+31|+31>", "a@b.io +31"),
        (":wave::skin-tone-3: :nonsense: 10:30:45", "👋🏼 :nonsense: 10:30:45"),
        ("<>", "<>"),
    ],
)
def test_text_is_read_as_people_see_it(text: str, read: str) -> None:
    """Names for ids, addresses behind their text, signs unescaped once."""
    assert decoded(text, lambda _, thing_id: NAMES.get(thing_id)) == read


def test_the_address_is_left_out_where_more_follows() -> None:
    """A mention alone is all that there is."""
    assert without_address("<@U9>: hi", "U9") == "hi"
    assert without_address("<@U9|bot> hi", "U9") == "hi"
    assert without_address("<@U9>", "U9") == "<@U9>"
    assert without_address("<@U8> hi", "U9") == "<@U8> hi"


def test_without_a_text_it_is_looked_for_elsewhere() -> None:
    """In blocks, and in what old integrations attach."""
    elements = [
        {"type": "text", "text": "hi "},
        {"type": "user", "user_id": "U1"},
        {"type": "emoji", "name": "wave"},
        {"type": "link", "url": "https://x.io"},
        {"type": "broadcast", "range": "here"},
    ]
    section = {"type": "rich_text_section", "elements": elements}
    rich = {"type": "rich_text", "elements": [section]}
    plain = {"type": "section", "text": {"type": "mrkdwn", "text": "a &amp; b"}}
    message = {"text": "", "blocks": [rich, plain], "attachments": [{"fallback": "built"}]}
    read = words_of(message, lambda _, thing_id: NAMES.get(thing_id))

    assert read == "hi @Ann👋https://x.io@here\n\na & b\n\nbuilt"


def test_what_is_passed_on_is_quoted() -> None:
    """Behind what is said of it."""
    shared = {"is_share": True, "text": "one\ntwo"}
    assert words_of({"text": "see", "attachments": [shared]}) == "see\n\n> one\n> two"


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("**b** *i* ~~s~~ `c < d`", "*b* _i_ ~s~ `c &lt; d`"),
        ("# Title", "*Title*"),
        ("# A **bold** title", "*A bold title*"),
        ("[x](https://x.io?a=1&b=2)", "<https://x.io?a=1&amp;b=2|x>"),
        ("<https://x.io>", "https://x.io"),
        ("[x](ftp://x.io)", "x (ftp://x.io)"),
        ("> one\n> two", ">one\n>two"),
        ("```py\na < b\n```", "```\na &lt; b\n```"),
        ("- one\n- two", "• one\n• two"),
        ("<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;"),
        ("snake_case_name 2 * 3", "snake_case_name 2 * 3"),
    ],
)
def test_markdown_is_written_as_mrkdwn(markdown: str, mrkdwn: str) -> None:
    """What Slack has no sign for is plain, or bold."""
    assert render(parse(markdown)).text == mrkdwn


@pytest.mark.parametrize("text", ["*not bold*", "_so_", "~x~", "`y`", "> z", "&lt;"])
def test_signs_of_the_author_are_shown_as_such(text: str) -> None:
    """Kept apart by what is shown as nothing."""
    written = escape(text)

    assert written != text
    assert decoded(written).replace(BREAK, "") == text


_SIGNS = st.characters(exclude_characters=f"{BREAK}:", exclude_categories=["Cs"])


@given(st.text(alphabet=st.one_of(_SIGNS, st.sampled_from("<>&*_~`|"))))
def test_any_text_goes_there_and_back(text: str) -> None:
    """Escaped for Slack and read again it is the same, but for signs that nobody sees."""
    written = render(Document.plain(text)).text

    assert decoded(written).replace(BREAK, "") == text


@pytest.mark.parametrize(
    ("emoji", "name"),
    [
        ("👍", "+1"),
        ("❤️", "heart"),
        ("❤", "heart"),
        ("👋🏽", "wave::skin-tone-4"),
        ("⭐", "star"),
    ],
)
def test_emoji_have_names(emoji: str, name: str) -> None:
    """Both ways."""
    assert name_of(emoji) == name
    assert emoji_of(name).replace("\ufe0f", "") == emoji.replace("\ufe0f", "")


def test_names_are_taken_as_they_are() -> None:
    """Those of a workspace, and others of the same emoji."""
    assert (name_of(":party:"), name_of("party"), name_of("🫥")) == ("party", "party", None)
    assert (emoji_of("thumbsup"), emoji_of("party")) == ("👍", ":party:")
