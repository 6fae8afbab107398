"""Texts and documents of every kind, for the property tests."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from cobot.text import (
    Alignment,
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
    Spans,
    Style,
    Table,
)


def styles(*names: Style) -> frozenset[Style]:
    """Return the styles of a span."""
    return frozenset(names)


SOME = settings(max_examples=40, deadline=None)
"""Fewer examples than usual, as these are large ones, and no limit of time for each."""

UNITS = st.sampled_from(["codepoints", "utf16", "bytes"])

# What is counted, drawn or joined in strange ways, and what can be cut at.
LETTERS = "ab \n\t\r\u00a0\u2028.é\u0301\u200d😀👩🏽🇩🇪\u202e日本。각क\u094dष\0"
TEXTS = st.text() | st.text(LETTERS) | st.text("ab \n")

_MARKUP = st.sampled_from(
    [
        *(
            "word ",
            "two words",
            "\n",
            "\n\n",
            "  \n",
            "\r\n",
            "    ",
            "\t",
            "😀",
            "e\u0301",
            "\0",
        ),
        *("> ", "- ", "* ", "1. ", "7) ", "# ", "## H\n", "===\n", "---\n", "***\n"),
        *("```", "```py\n", "~~~\n", "`", "``", "*", "**", "_", "~~", "\\", "<b>", "&amp;"),
        *(
            "[",
            "](",
            ")",
            "[l](u)",
            '![i](p "t")',
            "[x]",
            '[x]: http://d "t"\n',
            "<http://q.r>",
        ),
        *("|", "|a|b|\n|-|:-:|\n", "| c | d | e |\n", "http://bare.example/path "),
    ]
)
MARKDOWN = st.lists(_MARKUP | st.text(LETTERS, max_size=5), max_size=40).map("".join)
"""Text in which nearly everything is mark-up, most of it broken."""

_WORDS = st.sampled_from(["one", "two words", "e\u0301", "😀 👩🏽", "日本", "a\nb", "*", "<&>"])
_SPANS: st.SearchStrategy[Spans] = st.lists(
    st.builds(
        Span,
        _WORDS,
        st.frozensets(st.sampled_from(["bold", "italic", "strike", "code"])),
        st.sampled_from(["", "", "http://x.y"]),
    ),
    min_size=1,
    max_size=6,
).map(tuple)
_ROWS = st.integers(1, 3).flatmap(
    lambda columns: st.lists(
        st.lists(_SPANS | st.just(()), min_size=columns, max_size=columns).map(tuple),
        min_size=1,
        max_size=5,
    )
)


def _right(columns: int) -> tuple[Alignment, ...]:
    right: Alignment = "right"
    return (right,) * columns


_LEAVES: st.SearchStrategy[Block] = st.one_of(
    st.builds(Paragraph, _SPANS),
    st.builds(Heading, st.integers(1, 6), _SPANS),
    st.builds(Fence, st.lists(_WORDS, min_size=1).map("\n".join), st.sampled_from(["", "py"])),
    st.builds(Rule),
    st.builds(lambda rows: Table(rows[0], tuple(rows[1:])), _ROWS),
    st.builds(lambda rows: Table((), tuple(rows), _right(len(rows[0]))), _ROWS),
)


def _nested(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    blocks = st.lists(inner, min_size=1, max_size=3).map(tuple)
    items = st.builds(Item, blocks, st.none() | st.integers(1, 99))
    listings = st.builds(
        Listing, st.lists(items, min_size=1, max_size=3).map(tuple), st.booleans()
    )
    return st.builds(Quote, blocks) | listings


_BLOCKS = st.recursive(_LEAVES, _nested, max_leaves=6)
DOCUMENTS = st.lists(_BLOCKS, min_size=1, max_size=4).map(
    lambda blocks: Document(tuple(blocks))
)
"""Documents with every kind of block, in one another and side by side."""
