"""Blocks that hold no blocks, as lines of positions that can be cut anywhere."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, groupby
from typing import TypeAlias

import attrs

from cobot.limits import Unit, measure
from cobot.text.document import (
    Block,
    Fence,
    Heading,
    Item,
    Listing,
    Paragraph,
    Quote,
    Row,
    Rule,
    Span,
    Spans,
    Table,
    row_text,
    text_of,
)
from cobot.text.writers import text_and_address

LeafBlock: TypeAlias = Paragraph | Heading | Fence | Rule | Table


@attrs.define(eq=False)
class Frame:
    """What is around leaves: a quote, a list, or one item of it."""

    container: Quote | Listing | Item
    first: int
    """The number of the first leaf in it; negative: it began before all of them."""


@attrs.define(eq=False)
class Leaf:
    """A block that holds no blocks, and what it is in.

    It has as many positions as its text has characters, and at least one.
    """

    block: LeafBlock
    path: tuple[Frame, ...] = ()
    """What is around it, from the outside."""
    text: str = attrs.field(init=False)
    length: int = attrs.field(init=False)
    _rows: Sequence[Row] = attrs.field(init=False, default=())
    _starts: list[int] = attrs.field(init=False, factory=list)
    _cut_row: tuple[int, _Cells] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        block = self.block
        match block:
            case Table():
                self._rows = [block.header, *block.rows] if block.header else block.rows
                self.text = "\n".join(map(row_text, self._rows))
            case Fence():
                self.text = block.text
            case Rule():
                self.text = ""
            case _:
                self.text = text_of(block.spans)
        self.length = max(len(self.text), 1)

    def slice(self, start: int, end: int, *, has_header: bool = True) -> Block:
        """Return the block between two positions.

        Args:
            start: The first position.
            end: The first position that is not in it.
            has_header: Whether what is cut off a table has the table's header once more.
        """
        block = self.block
        if start <= 0 and end >= self.length:
            return block
        match block:
            case Table():
                return self._slice_table(block, start, end, has_header=has_header)
            case Fence():
                return attrs.evolve(block, text=self.text[start:end])
            case Rule():
                return block
            case _:
                spans = _slice_spans(block.spans, self._span_starts(block.spans), start, end)
                return attrs.evolve(block, spans=spans)

    def link_start(self, start: int, place: int) -> int | None:
        """Return where a link begins that a cut at a place would break; None: it breaks none.

        Addresses in the text are links too: that is what the networks make of them.

        Args:
            start: Where the part begins; nobody asks about links that begin before.
            place: Where it is to be cut.
        """
        block = self.block
        if not isinstance(block, Paragraph | Heading) or not 0 < place < self.length:
            return None
        spans = block.spans
        starts = self._span_starts(spans)
        index = bisect_right(starts, place) - 1
        link = spans[index].link
        before = index - (starts[index] == place)
        if link and spans[before].link == link:
            while starts[before] > start and spans[before - 1].link == link:
                before -= 1
            return starts[before] if starts[before] > start else None
        if self.text[place].isspace():
            return None
        word = place
        while word > start and not self.text[word - 1].isspace():
            word -= 1
        return word if word > start and "://" in self.text[word:place] else None

    def simpler(
        self, place: int, path: tuple[Frame, ...], limit: int, unit: Unit
    ) -> Leaf | None:
        """Return what is left from a position, without some of what takes up room.

        Addresses of links become text, a table loses its header, and at last anything is
        plain text with nothing around it; None if it is that already.

        Args:
            place: Where it begins.
            path: What is around the rest.
            limit: The room for one part.
            unit: How it is counted.
        """
        block = self.slice(place, self.length, has_header=False)
        match block:
            case Paragraph(spans=spans) | Heading(spans=spans) if spans and spans[0].link:
                return Leaf(attrs.evolve(block, spans=_spelled_out(spans, limit, unit)), path)
            case Table(header=()) if isinstance(self.block, Table) and self.block.header:
                return Leaf(block, path)
        text = self.text[place:]
        plain = Paragraph((Span(text),) if text else ())
        return Leaf(plain) if path or plain != block else None

    def _span_starts(self, spans: Spans) -> list[int]:
        if not self._starts:
            self._starts = _starts(spans)
        return self._starts

    def _slice_table(self, table: Table, start: int, end: int, *, has_header: bool) -> Table:
        if not self._starts:
            lengths = [len(row_text(row)) + 1 for row in self._rows]
            self._starts = [*accumulate(lengths, initial=0)]
        starts = self._starts
        rows = {}
        for index in range(bisect_right(starts, start) - 1, len(self._rows)):
            if starts[index] >= end:
                break
            length = starts[index + 1] - 1 - starts[index]
            row_start = max(start - starts[index], 0)
            row_end = min(end - starts[index], length)
            if row_start == 0 and row_end == length:
                rows[index] = self._rows[index]
            elif row_start < row_end:
                rows[index] = self._cells(index).slice(row_start, row_end)
        if table.header and 0 in rows:
            header = rows.pop(0)
            return attrs.evolve(table, header=header, rows=tuple(rows.values()))
        header = table.header if has_header else ()
        is_continued = bool(header)
        return attrs.evolve(
            table, header=header, rows=tuple(rows.values()), is_continued=is_continued
        )

    def _cells(self, index: int) -> _Cells:
        if self._cut_row is None or self._cut_row[0] != index:
            self._cut_row = index, _Cells(self._rows[index])
        return self._cut_row[1]


class _Cells:
    """A row of a table that has to be cut."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._span_starts = [_starts(cell) for cell in row]
        lengths = [starts[-1] + 1 for starts in self._span_starts]
        self._starts = [*accumulate(lengths, initial=0)]

    def slice(self, start: int, end: int) -> Row:
        """Return the row with what is between two positions; the other cells are empty."""
        cells: list[Spans] = [()] * len(self._row)
        for index in range(bisect_right(self._starts, start) - 1, len(self._row)):
            before = self._starts[index]
            if before >= end:
                break
            spans, starts = self._row[index], self._span_starts[index]
            cells[index] = _slice_spans(spans, starts, max(start - before, 0), end - before)
        return tuple(cells)


def _starts(spans: Spans) -> list[int]:
    return [*accumulate([len(span.text) for span in spans], initial=0)]


def _slice_spans(spans: Spans, starts: Sequence[int], start: int, end: int) -> Spans:
    """Return what is between two positions.

    Args:
        spans: The whole.
        starts: Where each span begins, and where the last one ends.
        start: The first position.
        end: The first position that is not wanted.
    """
    found = []
    for index in range(max(bisect_right(starts, start) - 1, 0), len(spans)):
        before = starts[index]
        if before >= end:
            break
        text = spans[index].text[max(start - before, 0) : end - before]
        if text:
            found.append(attrs.evolve(spans[index], text=text))
    return tuple(found)


def _spelled_out(spans: Spans, limit: int, unit: Unit) -> Spans:
    """Return spans with the address of the first link, and those of all too long, as text."""
    first = spans[0].link
    written: list[Span] = []
    for link, group in groupby(spans, key=lambda span: span.link):
        linked = list(group)
        if not link or (link != first and measure(link, unit) <= limit):
            written += linked
            continue
        written += [attrs.evolve(span, link="") for span in linked]
        text = text_of(linked)
        written.append(Span(text_and_address(text, link)[len(text) :]))
    return tuple(span for span in written if span.text)
