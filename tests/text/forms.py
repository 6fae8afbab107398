"""Forms of a document as four kinds of networks want them, and how to look at them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from cobot.limits import Unit
from cobot.text import (
    Document,
    Kind,
    Mark,
    Part,
    Render,
    Rendered,
    Writer,
    backticks,
    before_lines,
    between,
    fenced,
    flatten,
    inline_link,
    parts,
    plain_text,
    sparing_addresses,
)

# Ranges with a type: no code inside anything but a quote, no quote inside a quote.
_TYPES: Mapping[Kind, str] = {
    "bold": "bold",
    "heading": "bold",
    "italic": "italic",
    "strike": "strikethrough",
    "code": "code",
    "pre": "pre",
    "link": "text_link",
    "quote": "blockquote",
}
MOST_ENTITIES = 100


def telegram(document: Document) -> Rendered:
    """Return text with ranges in UTF-16."""
    flat = flatten(document)
    flat = flat.drop({"code": {"link"}, "quote": {"quote"}, "bold": {"heading"}})
    flat = flat.cut({"bold", "italic", "strike", "heading"}, {"code", "pre"})
    entities = [_entity(mark) for mark in flat.marks_in("utf16") if mark.kind in _TYPES]
    return Rendered(flat.text, entities, load=len(entities) / MOST_ENTITIES)


def _entity(mark: Mark) -> dict[str, Any]:
    entity = {
        "type": _TYPES[mark.kind],
        "offset": mark.start,
        "length": mark.end - mark.start,
    }
    name = {"link": "url", "pre": "language"}.get(mark.kind)
    return {**entity, name: mark.value} if name and mark.value else entity


_MARKDOWN: Mapping[Kind, Writer] = {
    "bold": between("**"),
    "italic": between("*"),
    "strike": between("~~"),
    "code": backticks,
    "pre": fenced,
    "link": inline_link,
    "quote": before_lines("> "),
    "heading": lambda inner, level: f"{'#' * min(int(level), 3)} {inner}",
}
_MARKUP = re.compile(r"(?:^(\d*)(?=[-+#=.)])|(?=[\\*_~`|<>\[\]()@]))(.)", re.MULTILINE)


def markdown(document: Document) -> Rendered:
    """Return Markdown in which each sign that could be taken for markup has a backslash."""
    flat = flatten(document, bullets="-")
    escape = sparing_addresses(lambda text: _MARKUP.sub(r"\1\\\2", text))
    return Rendered(flat.write(_MARKDOWN, escape))


_MRKDWN: Mapping[Kind, Writer] = {
    "bold": between("*"),
    "heading": between("*"),
    "italic": between("_"),
    "strike": between("~"),
    "code": lambda inner, _: f"`{_escaped(inner)}`",
    "pre": lambda inner, _: f"```\n{_escaped(inner)}\n```",
    "link": lambda inner, address: (
        f"<{address.replace('>', '%3E').replace('|', '%7C')}|{inner}>"
    ),
    "quote": before_lines("> "),
}


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def mrkdwn(document: Document) -> Rendered:
    """Return text with signs around, in which `&`, `<` and `>` are entities."""
    return Rendered(flatten(document).drop({"bold": {"heading"}}).write(_MRKDWN, _escaped))


def plain(document: Document) -> Rendered:
    """Return plain text."""
    return Rendered(plain_text(document))


RENDERS: Sequence[Render] = [telegram, markdown, mrkdwn, plain]

_SPLITTABLE = {"bold", "italic", "strikethrough"}


def entity_faults(text: str, entities: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what Telegram's client core would mend or drop in silence."""
    faults = []
    units = text.encode("utf-16-le")
    around: list[Mapping[str, Any]] = []
    for entity in entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        what = f"{entity['type']} {start}-{end}"
        if not 0 <= start < end <= len(units) // 2:
            faults.append(f"{what}: not in the text")
        if _is_second_half(units, start) or _is_second_half(units, end):
            faults.append(f"{what}: half a character")
        while around and around[-1]["offset"] + around[-1]["length"] <= start:
            around.pop()
        types = {one["type"] for one in around}
        if around and end > around[-1]["offset"] + around[-1]["length"]:
            faults.append(f"{what}: crosses {around[-1]['type']}")
        if entity["type"] in types:
            faults.append(f"{what}: inside of its own kind")
        if types & {"code", "pre"}:
            faults.append(f"{what}: inside code")
        if entity["type"] in ("code", "pre") and types - {"blockquote"}:
            faults.append(f"{what}: code inside {types}")
        if entity["type"] == "blockquote" and types & (_SPLITTABLE | {"text_link"}):
            faults.append(f"{what}: a quote inside {types}")
        around.append(entity)
    order = [(one["offset"], -one["length"]) for one in entities]
    if order != sorted(order):
        faults.append("not in order")
    return faults


def _is_second_half(units: bytes, place: int) -> bool:
    return 0xDC00 <= int.from_bytes(units[2 * place : 2 * place + 2], "little") < 0xE000


def form_of(part: Part) -> Rendered:
    """Return what a network is sent."""
    return part.rendered or Rendered(part.text)


class Watched:
    """A render that remembers of which documents the parts were made."""

    def __init__(self, render: Render) -> None:
        self.render = render
        self.documents: list[Document] = []
        self.letters = 0

    def __call__(self, document: Document) -> Rendered:
        """Return the form, with the number of its document for marks."""
        rendered = self.render(document)
        self.letters += len(rendered.text)
        self.documents.append(document)
        return attrs.evolve(rendered, marks=[len(self.documents) - 1])

    def parts(self, source: Document, limit: int, unit: Unit = "codepoints") -> list[Document]:
        """Return the parts of a document as documents."""
        marks = [form_of(part).marks for part in parts(source, self, limit, unit)]
        # None where there was nothing to see and so no document either.
        return [self.documents[number] for numbers in marks for number in numbers]


def visible(document: Document) -> str:
    """Return what can be seen of a document's text: all of it but white space."""
    return "".join(document.text.split())
