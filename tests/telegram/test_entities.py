"""Markdown as Telegram shows it: texts, entities, and what Telegram says of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from networks.telegram.text import cut, fix
from text.strategies import DOCUMENTS, MARKDOWN, SOME

from cobot.text import Document, Rendered, parse, parts
from cobot_telegram.entities import MOST_ENTITIES, render

Entity = dict[str, Any]


def shown(markdown: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a text, and what of it looks how."""
    rendered = render(parse(markdown))
    return rendered.text, [
        (one["type"], cut(rendered.text, one["offset"], one["length"]))
        for one in rendered.marks
    ]


@pytest.mark.parametrize(
    ("markdown", "text", "looks"),
    [
        ("plain", "plain", []),
        ("*a* **b** ~~c~~ `d`", "a b c d", ["italic", "bold", "strikethrough", "code"]),
        ("# Title\n\ntext", "Title\n\ntext", ["bold"]),
        ("[here](https://x.y/z)", "here", ["text_link"]),
        ("> said", "said", ["blockquote"]),
        ("```py\nx = 1\n```", "x = 1", ["pre"]),
        ("- one\n- two", "• one\n• two", []),
        ("1 < 2 & _3_ * 4", "1 < 2 & 3 * 4", ["italic"]),
    ],
)
def test_each_kind_of_markup_has_its_entity(markdown: str, text: str, looks: list[str]) -> None:
    """And what has none is plain text, with nothing to escape."""
    rendered = render(parse(markdown))

    assert rendered.text == text
    assert [one["type"] for one in rendered.marks] == looks


def test_positions_are_counted_in_utf16() -> None:
    """An emoji in front of something bold counts two."""
    rendered = render(parse("\U0001f600 **bold** \U0001f468\u200d\U0001f4bb *it*"))

    assert rendered.marks == [
        {"type": "bold", "offset": 3, "length": 4},
        {"type": "italic", "offset": 14, "length": 2},
    ]


def test_links_and_languages_are_told() -> None:
    """An entity of a link has its address, and one of code its language."""
    assert render(parse("[x](https://a.b)")).marks[0]["url"] == "https://a.b"
    assert render(parse("```py\nx\n```")).marks[0]["language"] == "py"
    assert "language" not in render(parse("```\nx\n```")).marks[0]


def test_bold_ends_where_code_begins() -> None:
    """Telegram has no code in anything bold, so bold goes around it."""
    _, looks = shown("**one `two` three**")

    assert looks == [("bold", "one "), ("code", "two"), ("bold", " three")]


def test_a_link_around_code_stays_a_link() -> None:
    """One of both has to go, and the address is worth more than the look."""
    _, looks = shown("[`f()`](https://a.b)")

    assert looks == [("text_link", "f()")]


def test_a_quote_in_a_quote_is_one_quote() -> None:
    """Quotes are not nested at Telegram; what is in them stays."""
    text, looks = shown("> one\n>\n> > **two**")

    assert looks == [("blockquote", text), ("bold", "two")]


def test_a_bold_title_is_bold_once() -> None:
    """A title is bold already."""
    assert shown("# **One** two")[1] == [("bold", "One two")]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("see [the docs](docs/a.md) now", "see the docs (docs/a.md) now"),
        ("[Ann](mailto:ann@x.org)", "Ann (ann@x.org)"),
        ("<mailto:ann@x.org>", "mailto:ann@x.org"),
        ("<ann@x.org>", "ann@x.org"),
        ("[a](x) [b](y)", "a (x) b (y)"),
    ],
)
def test_an_address_that_telegram_does_not_take_is_spelled_out(
    markdown: str, text: str
) -> None:
    """A link to anything but the web would lose its address without a word."""
    assert render(parse(markdown)).text == text


def test_what_is_spelled_out_moves_what_is_behind() -> None:
    """Marks before, around and after the address stay with their words."""
    text, looks = shown("**\U0001f600 [the docs](a.md) more** `code` [b](b.md)*it*")

    assert text == "\U0001f600 the docs (a.md) more code b (b.md)it"
    assert looks == [
        ("bold", "\U0001f600 the docs (a.md) more"),
        ("code", "code"),
        ("italic", "it"),
    ]


def test_what_is_spelled_out_at_an_end_looks_like_nothing() -> None:
    """The address behind something bold is not bold itself."""
    assert shown("**[docs](a.md)**, `x`") == (
        "docs (a.md), x",
        [("bold", "docs"), ("code", "x")],
    )


def test_a_plain_text_is_rendered_as_it_is() -> None:
    """With signs that would be markup elsewhere."""
    text = "*not* <b>bold</b> _at_ all & [none](x)"

    assert render(Document.plain(text)) == Rendered(text)


def test_more_entities_than_telegram_shows_are_split() -> None:
    """What is more than a hundred is dropped by Telegram, so it goes into the next message."""
    markdown = " ".join(f"**w{number}** https://x.org/{number}" for number in range(120))
    found = parts(markdown, render, 4096, "utf16")

    assert len(found) >= 3
    for part in found:
        assert part.rendered is not None
        _, accepted = fix(part.rendered.text, [*part.rendered.marks], may_be_empty=False)
        bold = [one for one in accepted if one["type"] == "bold"]
        assert len(accepted) <= MOST_ENTITIES
        assert len(bold) == len(part.rendered.marks)


def _check(rendered: Rendered) -> None:
    """Make sure that Telegram takes a form, and shows all of it as it is meant."""
    marks: list[Entity] = [*rendered.marks]
    for one in marks:
        assert one["length"] > 0
    for one, other in combinations(marks, 2):
        assert _is_allowed(one, other), (one, other)
    if rendered.text.strip():
        # Raises if an entity does not fit: too far, or in the middle of a character.
        fix(rendered.text, marks, may_be_empty=True)


def _is_allowed(one: Entity, other: Entity) -> bool:
    start, end = one["offset"], one["offset"] + one["length"]
    other_start, other_end = other["offset"], other["offset"] + other["length"]
    if end <= other_start or other_end <= start:
        return True
    kinds = {one["type"], other["type"]}
    is_nested = (start <= other_start and other_end <= end) or (
        other_start <= start and end <= other_end
    )
    if kinds & {"code", "pre"}:
        return is_nested and "blockquote" in kinds and len(kinds) == 2
    return is_nested and len(kinds) == 2


@SOME
@given(DOCUMENTS)
def test_every_document_is_taken(document: Document) -> None:
    """Entities fit the text, are nested as Telegram has it, and hold something."""
    _check(render(document))


@SOME
@given(MARKDOWN)
def test_every_text_is_taken(markdown: str) -> None:
    """The same for Markdown of any kind, mostly broken."""
    _check(render(parse(markdown)))


@SOME
@given(DOCUMENTS)
def test_every_part_is_taken(document: Document) -> None:
    """Of a text that is split each part is valid and within the limit."""
    for part in parts(document, render, 100, "utf16"):
        if part.rendered is not None:
            _check(part.rendered)
            assert len(part.rendered.text.encode("utf-16-le")) // 2 <= 100


@SOME
@given(DOCUMENTS)
def test_nothing_is_lost(document: Document) -> None:
    """All that is read in a document is read in its form."""
    text = "".join(render(document).text.split())

    for word in document.text.split():
        assert word in text
