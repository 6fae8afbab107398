from __future__ import annotations

import pytest
from hypothesis import given

from cobot.text import (
    Document,
    Flat,
    Item,
    Listing,
    Mark,
    Paragraph,
    Span,
    Table,
    flatten,
    parse,
    plain_text,
)
from text.forms import entity_faults, telegram
from text.strategies import DOCUMENTS, MARKDOWN, SOME, styles


def marked(flat: Flat) -> list[tuple[str, str, str]]:
    """Return the marks as kind, value and the text that they are on."""
    return [(one.kind, one.value, flat.text[one.start : one.end]) for one in flat.marks]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# A\nb\n\n***", "A\n\nb\n\n———"),
        ("- a\n  b\n- c\n\nd", "• a\n  b\n• c\n\nd"),
        ("- a\n\n- b", "• a\n\n• b"),
        ("9. a\n10. b\n    - c\n      d", "9. a\n10. b\n    ◦ c\n      d"),
        ("- ```\n  x\n    y\n  ```\n- z", "•\nx\n  y\n• z"),
        ("- - a\n  - b", "•\n  ◦ a\n  ◦ b"),
        ("> a\n> b\n>\n> > c", "> a\n> b\n> \n> > c"),
        ("- > a\n  > b", "•\n> a\n> b"),
        ("a [b](u) <http://v>", "a b (u) http://v"),
        ("<me@there.example>", "me@there.example"),
        ("**a** `b`", "a b"),
    ],
)
def test_plain_text_is_readable(text: str, shown: str) -> None:
    """Structure shows without markup; where a link leads stands behind it."""
    assert plain_text(parse(text)) == shown


def test_a_table_is_drawn_with_letters() -> None:
    """Columns are aligned, also under letters that are twice as wide."""
    text = "|name|value|\n|-|-:|\n|日本|**1**|\n|e\u0301|222|"

    flat = flatten(parse(text))

    assert flat.text.splitlines() == [
        "name | value",
        "-----+------",
        "日本 |     1",
        "e\u0301    |   222",
    ]
    assert [mark.kind for mark in flat.marks] == ["pre"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("|a|b|\n|-|-|\n|[x](u)|*y*|", "a | b\nx (u) | y"),
        ("|a|b|\n|-|-|\n|" + "long " * 20 + "|y|", "a | b\n" + "long " * 19 + "long | y"),
    ],
)
def test_a_wide_table_or_one_with_links_has_a_line_for_each_row(text: str, shown: str) -> None:
    """A drawing would be broken into pieces on a telephone, and cannot hold a link."""
    document = parse(text)

    assert plain_text(document) == shown
    assert ("bold", "", "a") in marked(flatten(document))


def test_marks_say_how_text_looks() -> None:
    """Each mark is on what it is about, an outer one before what it holds."""
    text = "## A *b*\n\n> **[c](u) d**\n\n```py\ne\n```\n\n1. `f`"

    assert marked(flatten(parse(text))) == [
        ("heading", "2", "A b"),
        ("italic", "", "b"),
        ("quote", "", "c d"),
        ("bold", "", "c d"),
        ("link", "u", "c"),
        ("pre", "py", "e"),
        ("bullet", "", "1."),
        ("code", "", "f"),
    ]


def test_styles_that_cross_are_cut_where_they_do() -> None:
    """What begins in one and ends after it becomes two marks."""
    spans = (
        Span("a", styles("bold")),
        Span("b", styles("bold", "italic")),
        Span("c", styles("italic")),
    )

    assert marked(flatten(Document((Paragraph(spans),)))) == [
        ("bold", "", "ab"),
        ("italic", "", "b"),
        ("italic", "", "c"),
    ]


def test_code_is_always_the_innermost() -> None:
    """Code that goes on after a link is two pieces of code, not one around the link."""
    code = styles("code")
    spans = (Span("a", code, "u"), Span("b", code))

    assert marked(flatten(Document((Paragraph(spans),)))) == [
        ("link", "u", "a"),
        ("code", "", "a"),
        ("code", "", "b"),
    ]


def test_what_is_continued_says_so_by_leaving_out_its_beginning() -> None:
    """An item that goes on is indented as before, without a second bullet."""
    items = (Item((Paragraph((Span("a\nb"),)),), 7, is_continued=True), Item((), 8))

    assert plain_text(Document((Listing(items),))) == "   a\n   b\n8."


def test_how_things_are_drawn_can_be_chosen() -> None:
    """A network with lists and lines of its own gets its signs for them."""
    flat = flatten(parse("- a\n\n***\n\n|b|\n|-|"), bullets="-", rule="***", table_columns=0)

    assert flat.text == "- a\n\n***\n\nb"


def test_lines_can_be_added_to_a_document() -> None:
    """They go on where the last paragraph ends, or stand by themselves."""
    lines = (Span("http://u", link="http://u"), Span("c"))

    assert plain_text(parse("a *b*").with_lines(*lines)) == "a b\nhttp://u\nc"
    assert plain_text(parse("> a").with_lines(*lines)) == "> a\n\nhttp://u\nc"
    assert plain_text(Document().with_lines(*lines)) == "http://u\nc"
    assert Document().with_lines() == Document()


def test_a_document_knows_whether_it_is_bare_text() -> None:
    """What is more than one paragraph without a look has to be rendered."""
    assert [Document().bare_text, Document.plain("a\nb *c*").bare_text] == ["", "a\nb *c*"]
    for text in ("*a*", "[a](u)", "# a", "a\n\nb", "a `b`", "> a"):
        assert parse(text).bare_text is None


def test_an_empty_document_is_empty() -> None:
    """Nothing is drawn where there is nothing."""
    assert flatten(Document()) == Flat("")
    assert plain_text(Document((Table((), ()), Listing(()), Paragraph(())))).strip() == ""


@SOME
@given(document=DOCUMENTS | MARKDOWN.map(parse))
def test_marks_are_in_order_and_never_cross(document: Document) -> None:
    """Each mark is on some text, and inside or outside of each other mark."""
    flat = flatten(document)
    around: list[Mark] = []
    for mark in flat.marks:
        while around and around[-1].end <= mark.start:
            around.pop()
        assert 0 <= mark.start < mark.end <= len(flat.text)
        assert not around or mark.end <= around[-1].end
        assert not around or around[-1].kind not in ("code", "pre")
        around.append(mark)
    assert [mark.start for mark in flat.marks] == sorted(mark.start for mark in flat.marks)


@SOME
@given(document=DOCUMENTS | MARKDOWN.map(parse))
def test_ranges_are_such_as_telegram_takes(document: Document) -> None:
    """Nothing has to be mended or dropped, and no character is cut in half."""
    rendered = telegram(document)

    assert entity_faults(rendered.text, rendered.marks) == []


@SOME
@given(document=DOCUMENTS)
def test_all_text_is_shown_in_order(document: Document) -> None:
    """What a document says is in its plain text, among what was drawn."""
    shown = iter(plain_text(document))

    assert all(letter in shown for letter in document.text if not letter.isspace())
