"""From a parser's inline tokens to spans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import attrs

from cobot.text.document import NO_STYLES, Span, Spans, Style

if TYPE_CHECKING:
    from markdown_it.token import Token

_OPENINGS: Final[dict[str, Style]] = {
    "strong_open": "bold",
    "em_open": "italic",
    "s_open": "strike",
}
_CLOSINGS: Final = frozenset({"strong_close", "em_close", "s_close"})
_CODE: Final[frozenset[Style]] = frozenset({"code"})


def read_spans(tokens: Iterable[Token]) -> Spans:
    """Return the spans that inline tokens stand for; spans of one look are one."""
    reader = _Reader()
    reader.read(tokens)
    return reader.spans()


@attrs.define(eq=False)
class _Reader:
    """Keeps track of what is open."""

    found: list[Span] = attrs.field(factory=list)
    pieces: list[str] = attrs.field(factory=list)
    """The text of a span that may go on."""
    look: tuple[frozenset[Style], str] = (NO_STYLES, "")
    """Styles and link of that span."""
    styles: list[Style] = attrs.field(factory=list)
    links: list[tuple[str, str, int]] = attrs.field(factory=list)
    """Address, title and, for an empty one, how much there was before."""
    count: int = 0
    """How many characters there are so far."""

    def spans(self) -> Spans:
        """Return what was read."""
        self._end_span()
        return tuple(self.found)

    def read(self, tokens: Iterable[Token]) -> None:
        """Read tokens."""
        for token in tokens:
            kind = token.type
            if kind == "text":
                self._add(token.content)
            elif kind in ("softbreak", "hardbreak"):
                self._add("\n")
            elif kind == "code_inline":
                self._add(token.content, _CODE)
            elif kind in _OPENINGS:
                self.styles.append(_OPENINGS[kind])
            elif kind in _CLOSINGS:
                self.styles.pop()
            elif kind == "link_open":
                self._open_link(token, "href")
            elif kind == "link_close":
                self._close_link()
            elif kind == "image":
                # What a network cannot show in a text is a link with the image's caption.
                self._open_link(token, "src")
                self.read(token.children or ())
                self._close_link()
            else:
                self._add(token.content)

    def _open_link(self, token: Token, attribute: str) -> None:
        address = str(token.attrGet(attribute) or "")
        title = str(token.attrGet("title") or "")
        self.links.append((address, title, self.count))

    def _close_link(self) -> None:
        address, title, before = self.links[-1]
        is_empty = self.count == before
        if is_empty:
            self._add(address)
        self.links.pop()
        if not is_empty and self.links and address:
            # A span leads to one place only: where the outer one leads.
            self._add(f" ({address})")
        if title:
            self._add(f' "{title}"')

    def _add(self, text: str, extra: frozenset[Style] = NO_STYLES) -> None:
        if not text:
            return
        styles = frozenset(self.styles) | extra if self.styles else extra
        look = (styles, self.links[0][0] if self.links else "")
        if look != self.look:
            self._end_span()
            self.look = look
        self.pieces.append(text)
        self.count += len(text)

    def _end_span(self) -> None:
        if self.pieces:
            self.found.append(Span("".join(self.pieces), *self.look))
            self.pieces = []
