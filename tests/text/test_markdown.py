from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cobot.text import (
    Block,
    Document,
    Fence,
    Heading,
    Item,
    Listing,
    Paragraph,
    Quote,
    Rule,
    Span,
    Table,
    is_plain,
    parse,
    plain_text,
)
from text.strategies import MARKDOWN, SOME, TEXTS, styles

BOLD = styles("bold")


def paragraph(*texts: str) -> Paragraph:
    """Return a paragraph of plain spans."""
    return Paragraph(tuple(map(Span, texts)))


def blocks(text: str) -> tuple[Block, ...]:
    """Return the blocks of a text in Markdown."""
    return parse(text).blocks


def spans(text: str) -> tuple[Span, ...]:
    """Return the spans of a text in Markdown that is a single paragraph."""
    (block,) = blocks(text)
    assert isinstance(block, Paragraph)
    return block.spans


# What there is.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo", [paragraph("one\ntwo")]),
        ("one  \ntwo\\\nthree", [paragraph("one\ntwo\nthree")]),
        ("one\n\n\n\ntwo", [paragraph("one"), paragraph("two")]),
        ("## Title ##", [Heading(2, (Span("Title"),))]),
        ("Title\n===", [Heading(1, (Span("Title"),))]),
        ("***", [Paragraph((Span("***"),))]),  # nothing else is there, so it is text
        ("a\n\n***", [paragraph("a"), Rule()]),
        ("> a\n> > b", [Quote((paragraph("a"), Quote((paragraph("b"),))))]),
        ("```py\na\n\n  b\n```", [Fence("a\n\n  b", "py")]),
        ("~~~\na", [Fence("a")]),
        ("    indented", [Fence("indented")]),
    ],
)
def test_blocks_of_markdown(text: str, expected: list[Block]) -> None:
    """Each kind of block is told apart."""
    assert blocks(text) == tuple(expected)


def test_lists_have_numbers_depth_and_tightness() -> None:
    """Items keep the numbers that they were given, and what is in them."""
    assert blocks("3. a\n   - b\n7. c\n7. d") == (
        Listing(
            (
                Item((paragraph("a"), Listing((Item((paragraph("b"),)),))), 3),
                Item((paragraph("c"),), 7),
                Item((paragraph("d"),), 8),
            )
        ),
    )
    assert blocks("- a\n\n- b") == (
        Listing((Item((paragraph("a"),)), Item((paragraph("b"),))), is_tight=False),
    )


def test_a_table_has_a_header_rows_and_alignments() -> None:
    """Cells are spans, and a missing cell is an empty one."""
    assert blocks("|a|**b**|\n|:-|-:|\n|c|") == (
        Table(
            ((Span("a"),), (Span("b", BOLD),)),
            (((Span("c"),), ()),),
            ("left", "right"),
        ),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a **b** c", [Span("a "), Span("b", BOLD), Span(" c")]),
        ("*a **b***", [Span("a ", styles("italic")), Span("b", styles("bold", "italic"))]),
        ("~~a~~", [Span("a", styles("strike"))]),
        ("**`a`**", [Span("a", styles("bold", "code"))]),
        ("`` ` ``", [Span("`", styles("code"))]),
        ("[a **b**](u)", [Span("a ", link="u"), Span("b", BOLD, "u")]),
        ("[](u)", [Span("u", link="u")]),
        ("<http://u>", [Span("http://u", link="http://u")]),
        ("[x]\n\n[x]: u", [Span("x", link="u")]),
        ("![a](u)![](v)", [Span("a", link="u"), Span("v", link="v")]),
        ("\\*a\\* &lt;", [Span("*a* <")]),
        ("<b>a</b>", [Span("<b>a</b>")]),
        ("snake_case_name 2 * 3", [Span("snake_case_name 2 * 3")]),
        ("[a](javascript:x)", [Span("[a](javascript:x)")]),
        ("http://x/_a_/~~b_ *c*", [Span("http://x/_a_/~~b_ "), Span("c", styles("italic"))]),
        ("**http://x/_a_**", [Span("http://x/_a_", BOLD)]),
        ("_see http://x/_a_", [Span("see http://x/_a", styles("italic"))]),
        ("[http://x/_a_](u)", [Span("http://x/_a_", link="u")]),
        ("http://x/\\_a&lt;", [Span("http://x/_a<")]),
    ],
)
def test_spans_of_markdown(text: str, expected: list[Span]) -> None:
    """Styles, links and escapes are understood; HTML and what is no mark-up are text."""
    assert spans(text) == tuple(expected)


# What a document has no place for is kept as text.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('[a](u "title")', 'a (u) "title"'),
        ("[![a](image)](page)", "a (image) (page)"),
        ("[a]: u\n[b]: v\n\n[b]", "[a]: u\n\nb (v)"),
        ("[a]: u\n[a]: v 't'\n\n[a]", '[a]: v "t"\n\na (u)'),
        ("|a|\n|-|\n|b|c|d|", "a\n---------\nb | c | d"),
        ("```not a language\nx\n```", "not a language\nx"),
        ("a\n\n```py\n```", "a\n\n```py"),
        ("~~~ a`b\nx\n~~~", "a`b\nx"),
        ("a\n\n#", "a\n\n#"),
        ("a\n\n>", "a\n\n>"),
        ("a\n\n-\n- b", "a\n\n•\n• b"),
        ("#", "#"),
        (">", ">"),
        ("a\0b*c*", "a\ufffdbc"),
        ("&#xD800;*a* <http://%FF>", "\ufffda http://\ufffd (http://%FF)"),
        ("a\r\n*b*\rc", "a\nb\nc"),
    ],
)
def test_what_a_document_cannot_express_is_kept_as_text(text: str, shown: str) -> None:
    """Titles, spare cells, unused definitions and empty blocks can still be read."""
    assert plain_text(parse(text)) == shown


def test_a_definition_is_either_followed_or_kept() -> None:
    """Also where something looks like a reference and is none."""
    for text in ("`[x]`", "\\[x]", "[x][y]", "[a [x] b](u)", "![a [x] b](u)", "[*x]*", "<[x]>"):
        document = parse(f"{text}\n\n[x]: http://there")

        assert "http://there" in document.text + "".join(links_and_languages(document.blocks))


def test_several_threads_may_parse() -> None:
    """A long text is parsed beside the loop, and so may be several."""
    texts = [f"**{n}** [a](u{n})\n\n- b\n\n|c|\n|-|\n|`{n}`|" * 20 for n in range(20)]
    expected = [parse(text) for text in texts]

    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(parse, texts)] == expected


def test_what_is_nested_too_deeply_is_kept_as_text() -> None:
    """The parser would leave it out."""
    deep = "> " * 10_000 + "word\n" + "> " * 3 + "lazy"

    text = parse(deep).text

    assert text.endswith("word\nlazy")
    assert text.count(">") > 9_900


def test_what_is_in_too_many_lists_is_kept_as_text() -> None:
    """A list counts twice for the parser, and what follows it is still a list."""
    text = "".join(f"{'  ' * depth}- {depth}\n" for depth in range(50))

    document = parse(text + "- last")

    assert [int(word) for word in document.text.split() if word.isdigit()] == [*range(50)]
    assert document.text.endswith("last")


def links_and_languages(blocks: tuple[Block, ...]) -> Iterator[str]:
    """Yield what a document knows beside its text."""
    for block in blocks:
        match block:
            case Paragraph(spans=spans) | Heading(spans=spans):
                yield from (span.link for span in spans)
            case Fence(language=language):
                yield language
            case Quote(blocks=inner):
                yield from links_and_languages(inner)
            case Listing(items=items):
                for item in items:
                    yield from links_and_languages(item.blocks)
            case Table():
                for row in (block.header, *block.rows):
                    yield from (span.link for cell in row for span in cell)


@SOME
@given(text=MARKDOWN | TEXTS)
@example(text="|a|\n|-|\n|b|c|")
@example(text="[l](u)[l](u)")
def test_no_letter_of_markdown_is_lost(text: str) -> None:
    """Each letter is read, or is in the address of a link or the language of a fence.

    Names of characters, escapes and labels of links are notation, and so left out here.
    """
    text = text.replace("&", "").replace("[x]", "").replace("\\", "")

    document = parse(text)

    known = document.text + "".join(links_and_languages(document.blocks)) * 40
    letters = Counter(filter(str.isalpha, text))
    assert not letters - Counter(filter(str.isalpha, known))


@SOME
@given(text=MARKDOWN | TEXTS)
def test_what_can_be_seen_leaves_something_to_see(text: str) -> None:
    """No text becomes an empty message."""
    assert bool(parse(text).text.strip()) == bool(text.strip())


# Text without mark-up.


@SOME
@given(text=TEXTS | st.text("ab1.->#=: \n") | st.text("ab \n").map(str.strip))
@example(text="a\n\nb\nc")
@example(text="1.a")
@example(text="a\u2028b c\u00a0d")
def test_text_that_is_not_parsed_would_be_the_same(text: str) -> None:
    """Leaving the parser out changes nothing but the time it takes."""
    document = parse(text)

    if is_plain(text):
        assert parse(f"{text}\n\n*marked*").blocks[:-1] == document.blocks
        assert plain_text(document) == text


@pytest.mark.parametrize(
    "text", ["", "Hello!", "one, two\nthree", "a\n\nb", "3 dogs (not 4): a-b", "¿Qué? 日本 😀"]
)
def test_ordinary_text_is_plain(text: str) -> None:
    """What most people write most of the time is not parsed."""
    assert is_plain(text)


@SOME
@given(text=TEXTS | MARKDOWN)
def test_plain_text_stays_as_it_is(text: str) -> None:
    """A document of plain text says that very text, however often."""
    document = Document.plain(text)

    assert document.text == text
    assert plain_text(document) == text
    assert Document.plain(plain_text(document)) == document


# Texts that are made to be slow: what takes more than one walk takes minutes.

SLOW = 15_000  # characters


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        *("[", "![", "[](", "*a_ ", "**a* ", "`a ", "``", "~~a", "<a:", "&#x", "\\", "(", "|"),
        *("> a\n", "- a\n", "- a\n\n", "[a]: b\n", "[a]: b '\n", "a\n", "```\n", "|-|\n|a|\n"),
        *(
            "> - ",
            "1. ",
            "*",
            "_",
            "[a](<b",
            "![a](b)",
            " ",
            "\t",
            "\n",
            "\0",
            "# a\n",
            "a://.",
            "://",
            ":",
        ),
    ],
)
def test_no_text_is_too_much_for_the_parser(piece: str) -> None:
    """It ends, soon, and nothing is missing."""
    text = piece * (SLOW // len(piece)) + "end"

    assert parse(text).text.endswith("end")


def test_wide_tables_stay_tables_or_text() -> None:
    """Rows of nothing but missing cells cannot fill the memory."""
    text = "|" + "a|" * 1_000 + "\n|" + "-|" * 1_000 + "\n" + "|b\n" * 30

    shown = parse(text).text

    assert shown.count("b") == 30
    assert len(shown) < 40_000
