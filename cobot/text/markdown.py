"""From Markdown to a document. Nothing that was written is lost on the way.

CommonMark with tables and strikethrough, read by markdown-it-py. HTML stays text, and a line
break stays a line break, as everywhere in chats. Where a reader of Markdown would leave
something out (a cell too many, a definition that nothing refers to, what is nested too
deeply), it is kept as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

import attrs

from cobot.text.document import (
    Alignment,
    Block,
    Document,
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
)
from cobot.text.spans import read_spans

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# Lines with something to see at both ends, none of which begins like a block, and in which
# nothing could be mark-up; at most one empty line between two of them.
_PLAIN = re.compile(
    r"(?:"
    r"(?![#>+=-]|\d++[.)])"
    r"[^\s\\`*_\[<&|~\0][^\n\\`*_\[<&|~\t\r\0]*+(?<=\S)"
    r"(?:\n\n?+(?=.)|\Z)"
    r")*+\Z"
)


def is_plain(text: str) -> bool:
    """Tell whether a text certainly is the same as Markdown and as plain text.

    A hundredth of what parsing it costs. False says nothing.
    """
    return _PLAIN.match(text) is not None


def parse(markdown: str) -> Document:
    """Return the document that Markdown stands for.

    Mark-up takes about a millisecond for a thousand characters, so a long text is best parsed
    in a thread.

    Args:
        markdown: The text. With nothing in it that would be seen, such as a lone "#", it is
            taken for plain text.
    """
    # White space at the end never means anything; models often leave a line break there.
    text = markdown.rstrip()
    if not text:
        return Document()
    if is_plain(text):
        return Document(tuple(Paragraph((Span(part),)) for part in text.split("\n\n")))
    references = _References() if "]:" in text else None
    env = {} if references is None else {"references": references}
    tokens = _Tokens(_parser().parse(text, env), references)
    document = Document(tuple(tokens.blocks()))
    return document if document.text.strip() else Document.plain(text)


class _References(dict[str, dict[str, str]]):
    """Definitions of links by label; remembers which ones were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def get(self, label: str, default: object = None) -> dict[str, str] | None:  # type: ignore[override]
        """Return a definition, or None."""
        found = super().get(label)
        if found is not None:
            self.used.add(label)
        return found


@cache
def _parser() -> MarkdownIt:
    # Imported with the first text that has mark-up: it takes longer than all of the core.
    from cobot.text.reading import make_parser

    return make_parser()


@attrs.define(eq=False)
class _Tokens:
    """Reads blocks from what the parser gives: a flat list with openings and closings."""

    tokens: Sequence[Token]
    references: _References | None
    at: int = 0
    defined: set[str] = attrs.field(factory=set)

    def blocks(self, closing: str = "") -> Iterator[Block]:
        """Yield blocks up to a closing token, which is passed over."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.type == closing:
                self.at += 1
                return
            yield from self._block(token)

    def _block(self, token: Token) -> Iterable[Block]:
        self.at += 1
        match token.type:
            case "paragraph_open":
                spans = self._inline()
                return [Paragraph(spans)] if spans else []
            case "heading_open":
                spans = self._inline()
                level = int(token.tag.removeprefix("h"))
                return [Heading(level, spans) if spans else _as_text(token.markup)]
            case "fence" | "code_block":
                return [_fence(token)]
            case "hr":
                return [Rule()]
            case "blockquote_open":
                inner = tuple(self.blocks("blockquote_close"))
                return [Quote(inner) if inner else _as_text(token.markup)]
            case "bullet_list_open" | "ordered_list_open":
                return [self._listing(token)]
            case "table_open":
                return [self._table()]
            case "definition":
                self.at -= 1
                return self._definitions()
            case _:
                raise AssertionError(f"no block is called {token.type!r}")

    def _inline(self) -> Spans:
        """Return the spans of a paragraph, heading or cell, and pass over its end."""
        inline = self.tokens[self.at]
        self.at += 2
        return read_spans(inline.children or ())

    def _listing(self, opening: Token) -> Listing:
        closing = opening.type.replace("open", "close")
        start = self.at
        items: list[Item] = []
        number = None
        while self.tokens[self.at].type != closing:
            token = self.tokens[self.at]
            self.at += 1
            if token.info:
                # Numbers as they were written, if they rise; "1. 1. 1." counts up.
                own = int(token.info)
                number = own if number is None else max(own, number + 1)
            items.append(Item(tuple(self.blocks("list_item_close")), number))
        is_tight = not any(
            token.type == "paragraph_open"
            and not token.hidden
            and token.level == opening.level + 2
            for token in self.tokens[start : self.at]
        )
        self.at += 1
        return Listing(tuple(items), is_tight)

    def _table(self) -> Table:
        rows: list[Row] = []
        alignments: list[Alignment] = []
        cells: list[Spans] = []
        while (token := self.tokens[self.at]).type != "table_close":
            self.at += 1
            if token.type in ("th_open", "td_open"):
                if not rows:
                    alignments.append(_alignment(token))
                cells.append(self._inline())
            elif token.type == "tr_close":
                rows.append(tuple(cells))
                cells = []
        self.at += 1
        return Table(rows[0], tuple(rows[1:]), tuple(alignments) if any(alignments) else ())

    def _definitions(self) -> Iterable[Block]:
        """Return definitions that follow one another, but only what nothing refers to."""
        assert self.references is not None
        spans: list[Span] = []
        while self.at < len(self.tokens) and self.tokens[self.at].type == "definition":
            meta = self.tokens[self.at].meta
            self.at += 1
            # Of two for one label the first is meant.
            if meta["id"] in self.references.used and meta["id"] not in self.defined:
                self.defined.add(meta["id"])
                continue
            spans.append(Span("\n" * bool(spans) + f"[{meta['label']}]: "))
            if meta["url"]:
                spans.append(Span(meta["url"], link=meta["url"]))
            if meta["title"]:
                spans.append(Span(f' "{meta["title"]}"'))
        return [Paragraph(tuple(spans))] if spans else []


def _fence(token: Token) -> Block:
    text = token.content.removesuffix("\n")
    info = token.info.strip()
    if len(info.split()) > 1 or "`" in info:
        # More than the name of a language, and nothing else shows it.
        text, info = f"{info}\n{text}", ""
    return Fence(text, info) if text else _as_text(token.markup + info)


def _as_text(text: str) -> Paragraph:
    return Paragraph((Span(text),))


def _alignment(cell: Token) -> Alignment:
    for alignment in ("left", "center", "right"):
        if cell.attrGet("style") == f"text-align:{alignment}":
            return alignment
    return ""
