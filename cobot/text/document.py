"""A document: what a message says, apart from any network's way to write it.

Blocks hold blocks or spans. A span is a piece of text in one style; spans lie side by side
and are not nested, so a document can be cut anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

import attrs

Style: TypeAlias = Literal["bold", "italic", "strike", "code"]
Alignment: TypeAlias = Literal["left", "center", "right", ""]

NO_STYLES: frozenset[Style] = frozenset()


@attrs.frozen
class Span:
    """Text in one style. A line break in it is "\\n"."""

    text: str
    """What is read; never empty in a parsed document."""
    styles: frozenset[Style] = NO_STYLES
    """How it looks."""
    link: str = ""
    """Where it leads; empty: nowhere."""


Spans: TypeAlias = tuple[Span, ...]
Row: TypeAlias = tuple[Spans, ...]
"""The cells of one row of a table."""


@attrs.frozen
class Paragraph:
    """Running text."""

    spans: Spans


@attrs.frozen
class Heading:
    """A title."""

    level: int
    """1 is the highest, 6 the lowest."""
    spans: Spans


@attrs.frozen
class Fence:
    """Text that stands as it is, most often code."""

    text: str
    """Its lines, without a line break after the last."""
    language: str = ""
    """What it is written in, if that is known: one word."""


@attrs.frozen
class Rule:
    """A line across."""


@attrs.frozen
class Table:
    """Rows of cells, each with as many cells as there are columns."""

    header: Row
    """The titles of the columns; empty: none."""
    rows: tuple[Row, ...]
    """What is below."""
    alignments: tuple[Alignment, ...] = ()
    """One for each column, or none at all."""
    is_continued: bool = False
    """Whether the part before this one ends with the rows above, so that the header is
    there a second time."""


@attrs.frozen
class Quote:
    """What somebody else said."""

    blocks: tuple[Block, ...]


@attrs.frozen
class Item:
    """One entry of a list."""

    blocks: tuple[Block, ...]
    number: int | None = None
    """Its number; None: it has a bullet."""
    is_continued: bool = False
    """Whether its beginning, bullet or number included, is in the part before."""


@attrs.frozen
class Listing:
    """A list, with bullets or with numbers."""

    items: tuple[Item, ...]
    is_tight: bool = True
    """Whether its items stand close together, without a blank line between them."""


Block: TypeAlias = Paragraph | Heading | Fence | Rule | Table | Quote | Listing


@attrs.frozen
class Document:
    """What a message says. `parse` makes one of Markdown."""

    blocks: tuple[Block, ...] = ()

    @classmethod
    def plain(cls, text: str) -> Document:
        """Return a document that says a text exactly as it is."""
        return cls((Paragraph((Span(text),)),) if text else ())

    @property
    def bare_text(self) -> str | None:
        """The text, if that is all there is to say: one paragraph without style or link.

        Else None. It costs next to nothing: most messages are that simple, and a channel's
        `session_render` may return early for them.
        """
        if len(self.blocks) != 1:
            return None if self.blocks else ""
        block = self.blocks[0]
        if not isinstance(block, Paragraph) or len(block.spans) != 1:
            return None
        span = block.spans[0]
        return None if span.styles or span.link else span.text

    def with_lines(self, *lines: Span) -> Document:
        """Return the document with more lines at its end."""
        *before, last = self.blocks or (Paragraph(()),)
        spans = last.spans if isinstance(last, Paragraph) else ()
        for line in lines:
            spans = (*spans, Span("\n"), line) if spans else (line,)
        kept = before if isinstance(last, Paragraph) else self.blocks
        return Document((*kept, Paragraph(spans)) if spans else self.blocks)

    @property
    def text(self) -> str:
        """What is read: all text in order, blocks and rows on lines of their own.

        Without what stands for structure (bullets, numbers, lines), without the addresses of
        links, and without the header that a continued table repeats.
        """
        return "\n".join(_texts(self.blocks))


def text_of(spans: Iterable[Span]) -> str:
    """Return what is read in spans."""
    return "".join([span.text for span in spans])


def row_text(row: Row) -> str:
    """Return what is read in a row of a table, a tab between two cells."""
    return "\t".join([text_of(cell) for cell in row])


def _texts(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Paragraph(spans=spans) | Heading(spans=spans):
                yield text_of(spans)
            case Fence(text=text):
                yield text
            case Table():
                if block.header and not block.is_continued:
                    yield row_text(block.header)
                yield from map(row_text, block.rows)
            case Quote():
                yield from _texts(block.blocks)
            case Listing():
                for item in block.items:
                    yield from _texts(item.blocks)
            case Rule():
                pass
