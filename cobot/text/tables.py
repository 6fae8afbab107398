"""Tables drawn with letters, for a font in which all letters are equally wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import chain, zip_longest

from cobot.text.document import Alignment, Table, text_of

TABLE_COLUMNS = 60
"""The widest table that is drawn: a telephone shows 40 to 60 letters in a line of code."""

_BESIDE = " | "


def has_links(table: Table) -> bool:
    """Tell whether there is a link in a table: a drawing could not show where it leads."""
    cells = chain(table.header, *table.rows)
    return any(span.link for cell in cells for span in cell)


def drawn(table: Table, most_columns: int) -> str | None:
    """Return a table as lines of letters; None if they would be too long.

    Args:
        table: The table.
        most_columns: How wide it may be.
    """
    widths: list[int] = []
    texts: list[list[str]] = []
    for row in [table.header, *table.rows] if table.header else table.rows:
        cells = [text_of(cell).replace("\n", " ") for cell in row]
        texts.append(cells)
        pairs = zip_longest(widths, map(columns, cells), fillvalue=0)
        widths = [max(pair) for pair in pairs]
        if sum(widths) + len(_BESIDE) * (len(widths) - 1) > most_columns:
            return None
    lines = [_line(cells, widths, table.alignments) for cells in texts]
    if table.header:
        lines.insert(1, "-+-".join(["-" * width for width in widths]))
    return "\n".join(lines)


def columns(text: str) -> int:
    """Return how many columns a text takes: two for a Chinese letter or an emoji."""
    if text.isascii():
        return len(text)
    return sum(map(_letter_columns, text))


def _letter_columns(letter: str) -> int:
    if unicodedata.east_asian_width(letter) in "WF":
        return 2
    # Marks on top of letters and signs that are not seen.
    return 0 if unicodedata.category(letter) in ("Mn", "Me", "Cf") else 1


def _line(cells: Sequence[str], widths: Sequence[int], alignments: Sequence[Alignment]) -> str:
    padded = []
    for cell, width, alignment in zip_longest(cells, widths, alignments, fillvalue=""):
        assert isinstance(cell, str)
        room = int(width or 0) - columns(cell)
        left = room if alignment == "right" else room // 2 if alignment == "center" else 0
        padded.append(" " * left + cell + " " * (room - left))
    return _BESIDE.join(padded).rstrip()
