"""Text for networks: Markdown to a document, a document to what a network shows, in parts.

For authors of channels. A channel's `session_render` gets a `Document` and returns its own
form of it, `Rendered`. Most begin with `flatten`, which gives a text and marks:

* A network that takes ranges (Telegram) makes them of `Flat.marks_in(unit)`, after
  `Flat.drop` and `Flat.cut` have taken away what may not be in one another there.
* A network that takes markup (Discord, Slack) has it written by `Flat.write`, with a writer
  for each kind of mark and an escape for what is none.
* A network of plain text needs no hook: `plain_text` is what everybody gets.
"""

from cobot.text.breaks import split_off
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
    Style,
    Table,
)
from cobot.text.flattening import flatten, plain_text
from cobot.text.markdown import is_plain, parse
from cobot.text.marks import Flat, Kind, Mark, Writer
from cobot.text.rendering import Render, Rendered
from cobot.text.splitting import Part, parts
from cobot.text.writers import (
    backslashed,
    backticks,
    before_lines,
    between,
    fenced,
    inline_link,
    sparing_addresses,
    text_and_address,
)

__all__ = [
    "Alignment",
    "Block",
    "Document",
    "Fence",
    "Flat",
    "Heading",
    "Item",
    "Kind",
    "Listing",
    "Mark",
    "Paragraph",
    "Part",
    "Quote",
    "Render",
    "Rendered",
    "Row",
    "Rule",
    "Span",
    "Spans",
    "Style",
    "Table",
    "Writer",
    "backslashed",
    "backticks",
    "before_lines",
    "between",
    "fenced",
    "flatten",
    "inline_link",
    "is_plain",
    "parse",
    "parts",
    "plain_text",
    "sparing_addresses",
    "split_off",
    "text_and_address",
]
