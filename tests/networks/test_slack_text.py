"""Text as the network stores it."""

from __future__ import annotations

import pytest

from networks.slack import FakeSlack
from networks.slack.emoji import ALIASES, EMOJI, emoji_of, name_of
from networks.slack.text import elements, escape, posted, rich_text, shown, unescape


@pytest.mark.parametrize(
    ("plain", "stored"),
    [
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("&lt;", "&amp;lt;"),
        ("&amp;lt;", "&amp;amp;lt;"),
    ],
)
def test_three_characters_are_escaped(plain: str, stored: str) -> None:
    """Once, and back again once."""
    assert escape(plain) == stored
    assert unescape(stored) == plain


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a & b < c", "a &amp; b &lt; c"),
        ("a &amp; b &lt; c", "a &amp; b &lt; c"),
        ("<@U1> in <#C1|lab>, <!here>", "<@U1> in <#C1|lab>, <!here>"),
        ("<https://a.test|A & B>", "<https://a.test|A & B>"),
        ("<b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"),
        ("see https://a.test/x?y=1&z=2.", "see <https://a.test/x?y=1&amp;z=2>."),
        ("(http://a.test/b)", "(<http://a.test/b>)"),
        ("🚀 👍🏽 ❤️ ❤", ":rocket: :+1::skin-tone-4: :heart: :heart:"),
        ("<!date^1700000000^{date}|then>", "<!date^1700000000^{date}|then>"),
    ],
)
def test_what_programs_post_is_brought_into_form(sent: str, stored: str) -> None:
    """Tokens stay, the rest is escaped, addresses become links, emoji become names."""
    assert posted(sent) == stored


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("1 &lt; 2 &amp;lt;", "1 < 2 &lt;"),
        ("<https://a.test|there> <https://a.test>", "there https://a.test"),
        ("<!here> <!subteam^S1|crew>", "@here crew"),
        ("<mailto:a@b.test|a@b.test>", "a@b.test"),
        (":rocket: :+1::skin-tone-4: :unknown: 10:30:00", "🚀 👍🏽 :unknown: 10:30:00"),
    ],
)
def test_people_read_it_without_brackets(stored: str, read: str) -> None:
    """Labels instead of addresses, emoji instead of names."""
    assert shown(stored) == read


async def test_what_people_type_is_written_as_their_client_does(slack: FakeSlack) -> None:
    """Mentions of those who are there, channels, broadcasts, addresses."""
    ann = slack.user("Ann Lee")
    slack.channel("other", person=ann)
    lab = slack.channel("lab", person=ann)

    message = lab.text("@Ann.Lee @nobody a@b.test @here #lab <3 https://a.test 👍")

    assert message.text == (
        f"<@{ann.id}> @nobody a@b.test <!here> <#{lab.id}|lab> &lt;3 <https://a.test> :+1:"
    )


async def test_text_can_be_written_as_the_network_has_it(slack: FakeSlack) -> None:
    """For tokens that nobody types."""
    ann = slack.private_chat()
    message = ann.text("<tel:1|1>", is_raw=True)
    before = message.text
    ann.edit(message, "<tel:2|2>", is_raw=True)

    assert (before, message.text) == ("<tel:1|1>", "<tel:2|2>")


def test_texts_become_rich_text() -> None:
    """With an element for each thing in it."""
    assert elements("hi <@U1> see <https://a.test?x=1&amp;y=2|it> in <#C1|>, <!here>") == [
        {"type": "text", "text": "hi "},
        {"type": "user", "user_id": "U1"},
        {"type": "text", "text": " see "},
        {"type": "link", "url": "https://a.test?x=1&y=2", "text": "it"},
        {"type": "text", "text": " in "},
        {"type": "channel", "channel_id": "C1"},
        {"type": "text", "text": ", "},
        {"type": "broadcast", "range": "here"},
    ]
    assert elements("<https://a.test> 🚀") == [
        {"type": "link", "url": "https://a.test"},
        {"type": "text", "text": " 🚀"},
    ]
    assert rich_text("", "b1") == []


@pytest.mark.parametrize("name", [*EMOJI, *ALIASES])
def test_every_name_has_an_emoji(name: str) -> None:
    """Which leads back to the name, or to the one that it is another of."""
    emoji = emoji_of(name)

    assert emoji
    assert name_of(emoji) == ALIASES.get(name, name)


def test_tones_are_counted_from_two() -> None:
    """As the network does; other numbers are none."""
    assert emoji_of("wave::skin-tone-2") == "👋🏻"
    assert name_of("👋🏿") == "wave::skin-tone-6"
    assert emoji_of("wave::skin-tone-7") is None
    assert emoji_of("nothing") is None
    assert name_of("no emoji") is None
