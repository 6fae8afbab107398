"""A document as a line of positions, so that it can be cut anywhere.

Its leaves follow one another. A slice between two positions is a document again: what is
around the leaves is built anew, and marked as continued where it began before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby

import attrs

from cobot.limits import Unit, measure
from cobot.text.breaks import Break, find_break, gap_before, letters_end
from cobot.text.document import (
    Block,
    Document,
    Fence,
    Heading,
    Item,
    Listing,
    Paragraph,
    Quote,
    Table,
    row_text,
)
from cobot.text.leaves import Frame, Leaf

_LARGE_HEADER = 4
"""A header that takes more than one in so many of a part is not repeated in each."""

_SHORT = 4
"""A part is worth its message from one in so many of what fits."""

_Placed = tuple[tuple[Frame, ...], Block]
"""A leaf's block and what is around it."""


class Pieces:
    """The leaves of a document, one after the other."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._leaves = leaves
        self._starts = [*accumulate([leaf.length for leaf in leaves], initial=0)]

    @classmethod
    def of(cls, document: Document) -> Pieces:
        """Return the leaves of a document."""
        leaves: list[Leaf] = []
        _collect(document.blocks, (), leaves)
        return cls(leaves)

    @property
    def length(self) -> int:
        """How many positions there are."""
        return self._starts[-1]

    def slice(self, start: int, end: int, limit: int, unit: Unit) -> Document:
        """Return the document between two positions.

        Args:
            start: The first position.
            end: The first that is not in it.
            limit: The room for a part: says which headers are worth repeating.
            unit: How it is counted.
        """
        first, last = self._at(start), self._at(end - 1)
        placed: list[_Placed] = []
        for index in range(first, last + 1):
            leaf, before = self._leaves[index], self._starts[index]
            has_header = True
            if start > before and isinstance(leaf.block, Table):
                header = measure(row_text(leaf.block.header), unit)
                has_header = header * _LARGE_HEADER <= limit
            block = leaf.slice(max(start - before, 0), end - before, has_header=has_header)
            placed.append((leaf.path, block))
        began = first + (start > self._starts[first])
        return Document(_assembled(placed, 0, began))

    def cuts(self, start: int, most: int) -> Iterator[Break]:
        """Yield good places to end a part, the best first.

        Between blocks, else between paragraphs or lines, else between words, if one of these
        is in the second half of what fits; else between letters. Links are kept whole where
        something is before them, and code and tables that fit into a part where what is
        before them is more than a little.

        Args:
            start: Where the part begins.
            most: The latest end.
        """
        index = self._at(most)
        leaf, before = self._leaves[index], self._starts[index]
        least = least_before = start + (most - start + 1) // 2
        if isinstance(leaf.block, Fence | Table) and leaf.length <= most - start:
            least_before = start + (most - start + _SHORT - 1) // _SHORT
        block_end = self._block_end(least_before, most)
        if block_end is not None:
            yield block_end, block_end
        if before == most:
            return
        floor = max(start - before, 0)
        found = find_break(leaf.text, floor, max(least - before, floor), most - before)
        if found is None:
            place = letters_end(leaf.text, floor, most - before)
            found = place, place
        link = leaf.link_start(floor, found[0])
        if link is not None:
            found = gap_before(leaf.text, floor, link)
        yield before + found[0], before + found[1]

    def leaf_end(self, place: int) -> int:
        """Return where the leaf ends that a position is in."""
        return self._starts[self._at(place) + 1]

    def simpler(self, place: int, limit: int, unit: Unit) -> Pieces | None:
        """Return the rest of the leaf at a position, without some of what takes up room.

        None: it is plain text already.
        """
        index = self._at(place)
        leaf, before = self._leaves[index], self._starts[index]
        began = index + (place > before)
        path = [Frame(one.container, -int(one.first < began)) for one in leaf.path]
        rest = leaf.simpler(place - before, tuple(path), limit, unit)
        return None if rest is None else Pieces([rest])

    def _at(self, place: int) -> int:
        """Return the number of the leaf that a position is in."""
        return bisect_right(self._starts, place) - 1

    def _block_end(self, least: int, most: int) -> int | None:
        """Return the last end of a block within a range, of the least nested ones.

        Never the end of a heading: it belongs to what is below it.
        """
        found = None
        found_depth = 0
        for index in range(self._at(most), 0, -1):
            if self._starts[index] < least:
                break
            before, after = self._leaves[index - 1], self._leaves[index]
            if isinstance(before.block, Heading):
                continue
            depth = sum(
                one is other for one, other in zip(before.path, after.path, strict=False)
            )
            if found is None or depth < found_depth:
                found, found_depth = self._starts[index], depth
        return found


def _collect(blocks: Iterable[Block], path: tuple[Frame, ...], leaves: list[Leaf]) -> None:
    for block in blocks:
        match block:
            case Quote():
                inner = (*path, Frame(block, len(leaves)))
                _collect(block.blocks or (Paragraph(()),), inner, leaves)
            case Listing():
                around = (*path, Frame(block, len(leaves)))
                for item in block.items:
                    inner = (*around, Frame(item, len(leaves)))
                    _collect(item.blocks or (Paragraph(()),), inner, leaves)
            case _:
                leaves.append(Leaf(block, path))


def _assembled(placed: Iterable[_Placed], depth: int, began: int) -> tuple[Block, ...]:
    """Build what is around leaves anew.

    Args:
        placed: The leaves.
        depth: How much of what is around them is built already.
        began: What is around an earlier leaf than this one began in the part before.
    """
    blocks: list[Block] = []
    for frame, group in groupby(placed, lambda one: _frame(one, depth)):
        match frame and frame.container:
            case None:
                blocks += [block for _, block in group]
            case Quote():
                blocks.append(Quote(_assembled(group, depth + 1, began)))
            case Listing() as listing:
                items = _items(group, depth + 1, began)
                blocks.append(attrs.evolve(listing, items=items))
    return tuple(blocks)


def _frame(placed: _Placed, depth: int) -> Frame | None:
    path, _ = placed
    return path[depth] if len(path) > depth else None


def _items(placed: Iterable[_Placed], depth: int, began: int) -> tuple[Item, ...]:
    items = []
    for frame, group in groupby(placed, lambda one: one[0][depth]):
        assert isinstance(frame.container, Item)
        items.append(
            attrs.evolve(
                frame.container,
                blocks=_assembled(group, depth + 1, began),
                is_continued=frame.container.is_continued or frame.first < began,
            )
        )
    return tuple(items)
