"""From a document to its linear form, and to plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from cobot.text.document import (
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
from cobot.text.marks import Flat, Kind, Mark, Writer, in_order
from cobot.text.tables import TABLE_COLUMNS, drawn, has_links
from cobot.text.writers import before_lines, text_and_address

BULLETS = ("•", "◦", "▪")
"""What stands in front of items without a number; one for each depth, then the last."""

RULE = "———"

_PLAIN_WRITERS: Mapping[Kind, Writer] = {"link": text_and_address, "quote": before_lines("> ")}

_Feature = tuple[Kind, str]
"""What spans have in common if one mark is on them: a style, or a link and its address."""

_STYLES: tuple[Style, ...] = ("bold", "italic", "strike")


def flatten(
    document: Document,
    *,
    bullets: Sequence[str] = BULLETS,
    rule: str = RULE,
    table_columns: int = TABLE_COLUMNS,
) -> Flat:
    """Return a document as one text with marks.

    Blocks are a blank line apart. Items of a list begin with a bullet or their number; their
    further lines are indented. A table is drawn with letters and marked `pre`, or has a line
    for each row where it is wide or has links.

    Args:
        document: What to show.
        bullets: What stands in front of items without a number, by depth.
        rule: How a line across is drawn.
        table_columns: The widest table that is drawn with letters, in columns of a font in
            which all letters are equally wide.
    """
    text = document.bare_text
    if text is not None:
        return Flat(text)
    writer = _Writer(bullets or ("",), rule, table_columns)
    writer.blocks(document.blocks, indent="", depth=0, is_tight=False)
    return Flat("".join(writer.pieces), tuple(in_order(writer.marks)))


def plain_text(document: Document) -> str:
    """Return a document as text without markup: the form for networks that have none.

    As `flatten` shows it, with the addresses of links in brackets behind them and quoted
    lines behind a ">". The text of `Document.plain` comes back as it was.
    """
    text = document.bare_text
    return flatten(document).write(_PLAIN_WRITERS) if text is None else text


@attrs.define(eq=False)
class _Writer:
    """Collects the text and the marks of a document."""

    bullets: Sequence[str]
    rule: str
    table_columns: int
    pieces: list[str] = attrs.field(factory=list)
    marks: list[Mark] = attrs.field(factory=list)
    at: int = 0
    """How many characters there are so far."""

    def blocks(
        self, blocks: Iterable[Block], *, indent: str, depth: int, is_tight: bool
    ) -> None:
        """Write blocks, a blank line between two of them or none.

        Args:
            blocks: What to write.
            indent: What each line begins with, except the very first.
            depth: How many lists these are in.
            is_tight: Whether there are no blank lines.
        """
        gap = "\n" if is_tight else "\n\n"
        is_first = True
        for block in blocks:
            if not is_first:
                self._write(gap)
                if _is_indented(block):
                    self._write(indent)
            is_first = False
            self._block(block, indent, depth)

    def _block(self, block: Block, indent: str, depth: int) -> None:
        start = self.at
        match block:
            case Paragraph(spans=spans):
                self._spans(spans, "\n" + indent)
            case Heading(level=level, spans=spans):
                # A heading is a line of its own in every markup that has them.
                self._spans(spans, " ")
                self._mark(start, "heading", str(level))
            case Fence(text=text, language=language):
                self._write(text)
                self._mark(start, "pre", language)
            case Rule():
                self._write(self.rule)
            case Table():
                self._table(block)
            case Quote(blocks=blocks):
                self.blocks(blocks, indent="", depth=depth, is_tight=False)
                self._mark(start, "quote")
            case Listing():
                self._listing(block, indent, depth)

    def _listing(self, listing: Listing, indent: str, depth: int) -> None:
        for index, item in enumerate(listing.items):
            if index:
                self._write(("\n" if listing.is_tight else "\n\n") + indent)
            self._item(item, indent, depth, is_tight=listing.is_tight)

    def _item(self, item: Item, indent: str, depth: int, *, is_tight: bool) -> None:
        if item.number is not None:
            sign = f"{item.number}."
        else:
            sign = self.bullets[min(depth, len(self.bullets) - 1)]
        inner = indent + " " * (len(sign) + 1)
        first = item.blocks[0] if item.blocks else None
        is_indented = first is not None and _is_indented(first)
        if item.is_continued:
            self._write(inner[len(indent) :] if is_indented else "")
        else:
            start = self.at
            self._write(sign)
            self._mark(start, "bullet")
            if isinstance(first, Paragraph | Heading):
                self._write(" ")
            elif first is not None:
                self._write("\n" + (inner if is_indented else ""))
        self.blocks(item.blocks, indent=inner, depth=depth + 1, is_tight=is_tight)

    def _table(self, table: Table) -> None:
        picture = None if has_links(table) else drawn(table, self.table_columns)
        if picture is not None:
            start = self.at
            self._write(picture)
            self._mark(start, "pre")
            return
        rows = [table.header, *table.rows] if table.header else table.rows
        for index, row in enumerate(rows):
            if index:
                self._write("\n")
            for number, cell in enumerate(row):
                if number:
                    self._write(" | ")
                is_title = table.header and not index
                self._spans(_bold(cell) if is_title else cell, " ")

    def _spans(self, spans: Spans, line_break: str) -> None:
        places = []
        for span in spans:
            places.append(self.at)
            text = span.text
            if line_break != "\n" and "\n" in text:
                text = text.replace("\n", line_break)
            self._write(text)
        if any(span.styles or span.link for span in spans):
            places.append(self.at)
            self.marks += _marked(spans, places)

    def _write(self, text: str) -> None:
        self.pieces.append(text)
        self.at += len(text)

    def _mark(self, start: int, kind: Kind, value: str = "") -> None:
        if start < self.at:
            self.marks.append(Mark(start, self.at, kind, value))


def _is_indented(block: Block) -> bool:
    """Tell whether a block in a list follows its indentation.

    Code, tables and quotes have a look of their own, and code is there to be copied.
    """
    return not isinstance(block, Fence | Table | Quote)


def _bold(cell: Spans) -> Spans:
    return tuple(attrs.evolve(span, styles=span.styles | {"bold"}) for span in cell)


def _features(span: Span) -> list[_Feature]:
    features: list[_Feature] = [("link", span.link)] if span.link else []
    if span.styles:
        features += [(style, "") for style in _STYLES if style in span.styles]
        if "code" in span.styles:
            # Named for all that is around it, so that it ends where any of that ends: then
            # it is always the innermost mark.
            features.append(("code", repr(features) if features else ""))
    return features


def _marked(spans: Spans, places: Sequence[int]) -> Iterator[Mark]:
    """Yield the marks of spans: what reaches further holds what does not.

    Args:
        spans: The spans.
        places: Where each begins, and where the last one ends.
    """
    run: list[list[_Feature]] = []  # of spans with features, side by side
    for index, span in enumerate((*spans, Span(""))):
        features = _features(span)
        if features:
            run.append(features)
            continue
        first = index - len(run)
        if len(run) == 1:
            for kind, value in run[0]:
                yield _mark(places[first], places[index], kind, value)
        elif run:
            yield from _nested(run, places[first : index + 1])
        run = []


def _nested(run: Sequence[Sequence[_Feature]], places: Sequence[int]) -> Iterator[Mark]:
    # For each span, up to which one each of its features goes on.
    reach: list[dict[_Feature, int]] = [{} for _ in (*run, None)]
    for index in range(len(run) - 1, -1, -1):
        reach[index] = {one: reach[index + 1].get(one, index + 1) for one in run[index]}
    stack: list[tuple[_Feature, int]] = []  # what goes on, innermost last, and since where
    for here, place in zip(reach, places, strict=True):
        kept = 0
        while kept < len(stack) and stack[kept][0] in here:
            kept += 1
        # What is inside of something that ends here ends too, and begins once more.
        for (kind, value), start in stack[kept:]:
            yield _mark(start, place, kind, value)
        del stack[kept:]
        going_on = {feature for feature, _ in stack}
        # The sort keeps the order of those that reach equally far: a link first.
        new = [feature for feature in here if feature not in going_on]
        stack += [(one, place) for one in sorted(new, key=lambda one: -here[one])]


def _mark(start: int, end: int, kind: Kind, value: str) -> Mark:
    return Mark(start, end, kind, value if kind == "link" else "")
