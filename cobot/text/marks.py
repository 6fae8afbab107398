"""The linear form of a document: its text, and marks that say how ranges of it look."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal, TypeAlias

import attrs

from cobot.limits import Unit, measure

Kind: TypeAlias = Literal[
    "quote", "pre", "heading", "link", "bold", "italic", "strike", "bullet", "code"
]

# Of two marks over the same text, the one that comes first here holds the other.
_OUTER_FIRST: tuple[Kind, ...] = (
    "quote",
    "pre",
    "heading",
    "link",
    "bold",
    "italic",
    "strike",
    "bullet",
    "code",
)
_RANK = {kind: rank for rank, kind in enumerate(_OUTER_FIRST)}

_VERBATIM = frozenset({"pre", "code"})
"""What is shown letter by letter: no escape is taken for one in there."""


@attrs.frozen
class Mark:
    """How a range of a text looks."""

    start: int
    """Where it begins."""
    end: int
    """Where it ends: the first position after it. Never where it begins."""
    kind: Kind
    """What it is. `pre` is a block of code or a table drawn with letters, `bullet` what
    stands in front of a list item, which is no text of the author's."""
    value: str = ""
    """Of a link its address, of `pre` the language, of a heading its level."""


Writer: TypeAlias = Callable[[str, str], str]
"""Writes markup around a text: gets the text, with the markup of what is in it, and the
mark's value."""


@attrs.frozen
class Flat:
    """A text and its marks.

    Marks are in order, an outer one before what it holds, and no mark crosses another.
    `code` and `pre` hold nothing.
    """

    text: str
    """What is shown where nothing is marked."""
    marks: tuple[Mark, ...] = ()
    """Ranges of `text`, in code points."""

    def drop(self, inside: Mapping[Kind, Collection[Kind]]) -> Flat:
        """Leave marks out of others that cannot hold them.

        Args:
            inside: For a kind of mark, the kinds that it may not be in.
        """
        if not self.marks:
            return self
        kept: list[Mark] = []
        around: list[Mark] = []
        for mark in self.marks:
            while around and around[-1].end <= mark.start:
                around.pop()
            unwanted = inside.get(mark.kind, ())
            if any(outer.kind in unwanted for outer in around):
                continue
            around.append(mark)
            kept.append(mark)
        return attrs.evolve(self, marks=tuple(kept))

    def cut(self, kinds: Collection[Kind], holes: Collection[Kind]) -> Flat:
        """Cut marks so that they end before others, and go on after them.

        Args:
            kinds: The kinds of marks to cut.
            holes: The kinds that these may not hold, such as `code`.
        """
        gaps: list[tuple[int, int]] = []
        for mark in self.marks:
            # What begins before the last one ends is inside it.
            if mark.kind in holes and not (gaps and mark.start < gaps[-1][1]):
                gaps.append((mark.start, mark.end))
        if not gaps:
            return self
        marks: list[Mark] = []
        for mark in self.marks:
            if mark.kind in kinds:
                marks += _around(mark, gaps)
            else:
                marks.append(mark)
        return attrs.evolve(self, marks=tuple(in_order(marks)))

    def marks_in(self, unit: Unit) -> tuple[Mark, ...]:
        """Return the marks with their positions counted in a unit."""
        if unit == "codepoints" or not self.marks or self.text.isascii():
            return self.marks
        places = sorted({place for mark in self.marks for place in (mark.start, mark.end)})
        counted = {}
        before = length = 0
        for place in places:
            length += measure(self.text[before:place], unit)
            counted[place] = length
            before = place
        return tuple(
            attrs.evolve(mark, start=counted[mark.start], end=counted[mark.end])
            for mark in self.marks
        )

    def write(
        self,
        writers: Mapping[Kind, Writer],
        escape: Callable[[str], str] | None = None,
    ) -> str:
        """Return the text with markup written around what is marked.

        Args:
            writers: How to write the kinds of marks; what has no writer stays unmarked.
            escape: Makes of text what the network shows as that very text. It is not asked
                for bullets, nor for `code` and `pre` where these have a writer, which then
                must see to it.
        """
        text = self.text
        pieces: list[str] = []
        open_marks: list[tuple[Mark, list[str]]] = []
        verbatim = {"bullet"} | (_VERBATIM & writers.keys())
        at = 0

        def copy(end: int) -> None:
            nonlocal at
            if at < end:
                is_verbatim = open_marks and open_marks[-1][0].kind in verbatim
                piece = text[at:end]
                pieces.append(piece if escape is None or is_verbatim else escape(piece))
                at = end

        def close() -> None:
            nonlocal pieces
            mark, outer = open_marks[-1]
            copy(mark.end)
            open_marks.pop()
            inner = "".join(pieces)
            writer = writers.get(mark.kind)
            outer.append(writer(inner, mark.value) if writer else inner)
            pieces = outer

        for mark in self.marks:
            while open_marks and open_marks[-1][0].end <= mark.start:
                close()
            copy(mark.start)
            open_marks.append((mark, pieces))
            pieces = []
        while open_marks:
            close()
        copy(len(text))
        return "".join(pieces)


def in_order(marks: Iterable[Mark]) -> list[Mark]:
    """Sort marks: by where they begin, an outer one before what it holds."""
    return sorted(marks, key=lambda mark: (mark.start, -mark.end, _RANK[mark.kind]))


def _around(mark: Mark, gaps: list[tuple[int, int]]) -> list[Mark]:
    """Return what of a mark lies outside of gaps, which are in order."""
    rest = []
    start = mark.start
    for index in range(bisect_right(gaps, start, key=lambda gap: gap[1]), len(gaps)):
        gap_start, gap_end = gaps[index]
        if gap_start >= mark.end:
            break
        if start < gap_start:
            rest.append(Mark(start, gap_start, mark.kind, mark.value))
        start = gap_end
    if start == mark.start:
        return [mark]
    if start < mark.end:
        rest.append(Mark(start, mark.end, mark.kind, mark.value))
    return rest
