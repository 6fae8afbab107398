"""From a text or a document to the parts that a network takes."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

import attrs

from cobot.limits import Unit, measure
from cobot.messages import Json
from cobot.text.document import Document
from cobot.text.flattening import plain_text
from cobot.text.markdown import is_plain, parse
from cobot.text.pieces import Pieces
from cobot.text.rendering import Render, Rendered

_GUESSES = 5
"""How often the end of a part is guessed from the length of the last try; then by halves."""

_PRECISION = 32
"""How near to the longest part is near enough: within one in so many of its characters."""


@attrs.frozen
class Part:
    """What becomes one message."""

    text: str
    """The part as plain text."""
    rendered: Rendered | None = None
    """The network's own form; None where that is the plain text and nothing else."""

    @property
    def json(self) -> Json:
        """What is stored of the form as `OutgoingMessage.rendered`; None for plain text."""
        return None if self.rendered is None else self.rendered.json


def parts(
    source: Document | str,
    render: Render | None,
    limit: int | None,
    unit: Unit = "codepoints",
    first_limit: int | None = None,
) -> list[Part]:
    """Return the parts of a text, in order, each within the limit; at least one.

    Nothing is lost but white space where one part ends and the next begins. A part ends with
    a block, else with a line, else with a word, if that fills half of it. Code, quotes, lists
    and formatting that go on begin anew in the next part, and a table has its header once
    more. A link is not broken where it fits, nor code or a table if a quarter of the part is
    before it. Parts with nothing to see are left out.

    A sensible limit is 100 or more. With a smaller one formatting gives way to text, and a
    character that is longer than the limit is a part of its own.

    Args:
        source: A document, or Markdown; without halves of surrogate pairs, of which messages
            have none.
        render: Makes the network's form; None: it takes plain text.
        limit: The most that the text of that form may measure; None: no limit.
        unit: How it is measured.
        first_limit: The limit of the first part where it is another, as for a caption. Where
            nothing fits in it, the first part is empty.
    """
    limit = sys.maxsize if limit is None else limit
    room = limit if first_limit is None else first_limit
    if isinstance(source, str):
        if render is None and measure(source, unit) <= room and is_plain(source):
            return [Part(source)]
        source = parse(source)
    form = render or _plain_form
    whole = form(source)
    size = _size(whole, room, unit)
    if size <= room:
        return [_part(source, whole)]
    splitter = _Splitter(form, unit, limit, len(source.text) / size)
    split = splitter.split(source, first_limit)
    found = [_part(document, rendered) for document, rendered in split]
    return found or [Part("")]


def _plain_form(document: Document) -> Rendered:
    return Rendered(plain_text(document))


def _part(document: Document, rendered: Rendered) -> Part:
    text = plain_text(document)
    is_plain_text = rendered.text == text and not rendered.marks
    return Part(text, None if is_plain_text else rendered)


def _size(rendered: Rendered, room: int, unit: Unit) -> int:
    """Return how much of a room a form takes; more than there is if it does not fit."""
    size = measure(rendered.text, unit)
    if rendered.load <= 0:
        return size
    return max(size, int(rendered.load * room), room + 1 if rendered.load > 1 else 0)


@attrs.define
class _Place:
    """How far pieces are read."""

    pieces: Pieces
    at: int = 0


@attrs.frozen
class _Cut:
    """Where a part ends, where the next begins, and the part if there is anything in it."""

    stop: int
    resume: int
    document: Document
    rendered: Rendered


@attrs.define(eq=False)
class _Splitter:
    """Cuts part after part off a document."""

    form: Render
    unit: Unit
    limit: int
    _density: float
    """How many characters there are to a unit of their form, as far as is known."""

    def split(
        self, document: Document, first_limit: int | None
    ) -> Iterator[tuple[Document, Rendered]]:
        """Yield the parts, each with its form.

        Args:
            document: What is to be split.
            first_limit: The limit of the first part, which may be empty; None: as the others.
        """
        room = self.limit if first_limit is None else first_limit
        may_be_empty = first_limit is not None
        # The innermost last: what does not fit as it is, in a simpler form, and what is
        # behind it.
        places = [_Place(Pieces.of(document))]
        while places:
            place = places[-1]
            if place.at == place.pieces.length:
                places.pop()
                continue
            cut = self._cut(place.pieces, place.at, room)
            if cut is None and not may_be_empty:
                simpler = place.pieces.simpler(place.at, room, self.unit)
                if simpler is not None:
                    place.at = place.pieces.leaf_end(place.at)
                    places.append(_Place(simpler))
                    continue
                # Not even one character fits.
                cut = self._try(place.pieces, place.at, place.at + 1, room)
            if cut is None:
                yield Document(), Rendered("")
            else:
                assert cut.resume > place.at
                place.at = cut.resume
                if not cut.rendered.text.strip():
                    continue
                yield cut.document, cut.rendered
            room, may_be_empty = self.limit, False

    def _cut(self, pieces: Pieces, start: int, room: int) -> _Cut | None:
        """Return the part that begins at a position; None if nothing fits."""
        longest = self._longest(pieces, start, room)
        if longest is None or longest.stop == pieces.length:
            return longest
        for stop, resume in pieces.cuts(start, longest.stop):
            if stop == longest.stop:
                return attrs.evolve(longest, resume=resume)
            cut = self._try(pieces, start, stop, room)
            # A shorter part is longer at times, as when a table can be drawn in it.
            if _size(cut.rendered, room, self.unit) <= room:
                return attrs.evolve(cut, resume=resume)
        return longest

    def _longest(self, pieces: Pieces, start: int, room: int) -> _Cut | None:
        """Return about the longest part that fits, wherever it ends."""
        longest = None
        low, high = start, pieces.length + 1  # what fits, and what does not
        guess = start + int(room * self._density)
        for tries in itertools.count(1):
            guess = min(max(guess, low + 1), high - 1)
            cut = self._try(pieces, start, guess, room)
            size = _size(cut.rendered, room, self.unit)
            if size <= room:
                low, longest = guess, cut
                if guess == pieces.length or room - size <= room // _PRECISION:
                    self._density = (guess - start) / max(size, 1)
                    break
            else:
                high = guess
            if high - low <= 1 + (low - start) // _PRECISION:
                break
            if tries <= _GUESSES and size:
                aim = room - room // (2 * _PRECISION)
                guess = start + (guess - start) * aim // size
            elif high > pieces.length:
                guess = start + 2 * (guess - start)
            else:
                guess = (low + high) // 2
        return longest

    def _try(self, pieces: Pieces, start: int, stop: int, room: int) -> _Cut:
        """Return a part, whether it fits or not."""
        is_empty = stop <= start
        document = Document() if is_empty else pieces.slice(start, stop, room, self.unit)
        return _Cut(stop, stop, document, self.form(document))
