from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cobot.text import (
    Document,
    Flat,
    Mark,
    Writer,
    backslashed,
    backticks,
    before_lines,
    between,
    fenced,
    flatten,
    inline_link,
    parse,
    text_and_address,
)
from text.forms import markdown, mrkdwn
from text.strategies import DOCUMENTS, MARKDOWN, SOME, TEXTS


def test_positions_are_counted_as_the_network_counts() -> None:
    """An emoji is two units of UTF-16 and four bytes."""
    flat = Flat("é😀b", (Mark(0, 2, "bold"), Mark(1, 3, "italic")))

    assert flat.marks_in("codepoints") == flat.marks
    assert flat.marks_in("utf16") == (Mark(0, 3, "bold"), Mark(1, 4, "italic"))
    assert flat.marks_in("bytes") == (Mark(0, 6, "bold"), Mark(2, 7, "italic"))


def test_marks_are_left_out_of_what_cannot_hold_them() -> None:
    """Only the inner ones go, and only where they are inside."""
    flat = Flat("abcd", (Mark(0, 2, "link", "u"), Mark(0, 1, "code"), Mark(2, 3, "code")))

    assert flat.drop({"code": {"link"}}).marks == (flat.marks[0], flat.marks[2])


def test_marks_are_cut_around_what_they_cannot_hold() -> None:
    """They end before it and go on behind it; what is all inside is gone."""
    flat = Flat(
        "abcdef",
        (
            Mark(0, 6, "quote"),
            Mark(0, 5, "bold"),
            Mark(1, 2, "italic"),
            Mark(1, 2, "code"),
            Mark(3, 4, "code"),
        ),
    )

    assert flat.cut({"bold", "italic"}, {"code"}).marks == (
        Mark(0, 6, "quote"),
        Mark(0, 1, "bold"),
        Mark(1, 2, "code"),
        Mark(2, 3, "bold"),
        Mark(3, 4, "code"),
        Mark(4, 5, "bold"),
    )


@pytest.mark.parametrize(
    ("writer", "inner", "value", "written"),
    [
        (between("**"), "a", "", "**a**"),
        (between("<", ">"), " a\n", "", " <a>\n"),
        (between("*"), " ", "", " "),
        (before_lines("> "), "a\n\nb", "", "> a\n> \n> b"),
        (backticks, "a", "", "`a`"),
        (backticks, "a`b", "", "``a`b``"),
        (backticks, "`", "", "`` ` ``"),
        (backticks, " a ", "", "`  a  `"),
        (fenced, "a\nb", "py", "```py\na\nb\n```"),
        (fenced, "```", "", "````\n```\n````"),
        (inline_link, "a", "http://x/(y) z", "[a](http://x/%28y%29%20z)"),
        (text_and_address, "a", "u", "a (u)"),
        (text_and_address, "u", "u", "u"),
        (text_and_address, "a@b", "mailto:a@b", "a@b"),
    ],
)
def test_writers_write_markup(writer: Writer, inner: str, value: str, written: str) -> None:
    """Signs stand where readers of such markup see them."""
    assert writer(inner, value) == written


def test_markup_is_written_around_marks_and_text_is_escaped() -> None:
    """Code is written letter by letter, and so is what was drawn in front of items."""
    flat = flatten(parse("- \\*a\\* **b `*`**\n\n> c"), bullets="*")

    written = flat.write(
        {"bold": between("**"), "code": backticks, "quote": before_lines("> ")},
        backslashed("*"),
    )

    assert written == "* \\*a\\* **b `*`**\n\n> c"


def test_code_without_a_writer_is_escaped_like_text() -> None:
    """A network that has no code must not take code for its markup."""
    assert flatten(parse("`*`")).write({}, backslashed("*")) == "\\*"


def test_addresses_are_not_escaped() -> None:
    """A network would take the backslashes for a part of them."""
    text = "a_b http://x.y/_z_ <http://x.y/_z_> [c_d](http://x.y/_z_)"

    assert markdown(parse(text)).text == (
        "a\\_b http://x.y/_z_ http://x.y/_z_ [c\\_d](http://x.y/_z_)"
    )


@SOME
@given(document=DOCUMENTS | MARKDOWN.map(parse))
def test_without_writers_the_text_is_the_text(document: Document) -> None:
    """Nothing is lost or doubled between the marks."""
    flat = flatten(document)

    assert flat.write({}) == flat.text


@SOME
@given(text=st.text("ab*_`~[]()<>|\\#-+=1. \n!&@", max_size=60) | TEXTS)
@example(text="1.")
@example(text="12) a\n- b\n==")
def test_escaped_text_is_no_markup(text: str) -> None:
    """A text full of signs is read as that very text by a reader of Markdown."""
    text = "\n".join(line.strip() for line in text.split("\n"))
    written = markdown(Document.plain(text)).text.replace("&", "&amp;")
    tokens = MarkdownIt("commonmark", {"html": False}).parse(written)

    inline = [one for token in tokens for one in (*(token.children or ()), token)]
    read = "".join(one.content if one.type == "text" else "\n" for one in inline)
    assert read.split() == text.replace("\0", "\ufffd").split()


@SOME
@given(text=TEXTS)
def test_escaped_text_calls_nobody(text: str) -> None:
    """No text can make a mention or a link where these begin with a "<"."""
    written = mrkdwn(Document.plain(f"<!channel> {text}")).text

    assert "<" not in written
    assert ">" not in written
