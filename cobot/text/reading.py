"""The parser of Markdown, and what keeps it from leaving anything out.

The only file that imports markdown-it-py, so that starting up does not.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.rules_inline import StateInline

_NESTING = 20
"""Levels at which the parser stops looking, where it would leave out the rest."""

_DEEPEST = 16
"""Levels from which the rest is text; a list item takes two at once, a quote one."""

_SCHEME = re.compile(r"(?<![^\W_])[A-Za-z][A-Za-z0-9+.-]{0,15}\Z")
_SCHEME_MOST = 16
_REST = re.compile(r"://(?:(?!&#?\w+;|~~)[^\s<>\[\]`\"*\\|])+(?<![?!.,:;_~')])")


def make_parser() -> MarkdownIt:
    """Return a parser that is ready to be used, by several threads at a time."""
    options = {"html": False, "maxNesting": _NESTING, "inline_definitions": True}
    parser = MarkdownIt("commonmark", options)
    parser.enable(["table", "strikethrough"])
    rules = parser.block.ruler
    rules.at("table", _whole_table, {"alt": ["paragraph", "reference"]})
    rules.before("table", "too_deep", _too_deep)
    parser.inline.ruler.after("text", "address", _address)
    # It sorts its rules when it is first used, which two threads must not do at once.
    parser.parse("|a|\n|-|\n|*b*|")
    return parser


def _too_deep(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """Take lines for a paragraph, whatever they are, where the nesting becomes too deep."""
    if silent or state.level < _DEEPEST:
        return False
    last = line + 1
    while last < end and not state.isEmpty(last) and state.sCount[last] >= state.blkIndent:
        last += 1
    state.line = last
    token = state.push("paragraph_open", "p", 1)
    token.map = [line, last]
    token = state.push("inline", "", 0)
    token.content = state.getLines(line, last, state.blkIndent, False).strip()
    token.map = [line, last]
    token.children = []
    state.push("paragraph_close", "p", -1)
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """Take the address of a page as it is: underscores in it are no emphasis."""
    start = state.pos
    if state.src[start] != ":":
        return False
    found = _REST.match(state.src, start, state.posMax)
    before = state.src[max(start - _SCHEME_MOST, 0) : start]
    if found is None or _SCHEME.search(before) is None:
        return False
    if not silent:
        state.pending += found.group()
    state.pos = found.end()
    return True


def _whole_table(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """Read a table; cells for which there is no column go on in the last one."""
    first = len(state.tokens)
    if not table(state, line, end, silent):
        return False
    if silent:
        return True
    columns = 0
    row = 0
    for index in range(first, len(state.tokens)):
        token = state.tokens[index]
        if token.type == "tr_open":
            assert token.map
            row = token.map[0]
            columns = 0
        elif token.type in ("th_open", "td_open"):
            columns += 1
        elif token.type == "tr_close" and columns:
            cells = _cells(getLine(state, row))
            if len(cells) > columns:
                last = state.tokens[index - 2]
                last.content = " | ".join([last.content, *cells[columns:]])
    return True


def _cells(line: str) -> list[str]:
    cells = [cell.strip() for cell in escapedSplit(line.strip())]
    if cells and not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return cells
