"""`parse_mode` HTML."""

from __future__ import annotations

import html
import re

from networks.telegram.chats import Wire
from networks.telegram.markup.parts import Open, link_of, place_of, wrong
from networks.telegram.text import units

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
}

_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+)))?""")


def _unescaped(text: str) -> str:
    return _REFERENCE.sub(lambda match: html.unescape(match[0]), text)


def parse(text: str) -> tuple[str, list[Wire]]:
    """Return the text without its tags, and the entities."""
    plain: list[str] = []
    stack: list[Open] = []
    entities: list[Wire] = []
    offset = index = 0
    while index < len(text):
        start = text.find("<", index)
        part = _unescaped(text[index : start if start >= 0 else len(text)])
        plain.append(part)
        offset += units(part)
        if start < 0:
            break
        if text[start + 1 : start + 2] == "/":
            index = _end_tag(text, start, stack, offset, entities, plain)
        else:
            index = _start_tag(text, start, stack, offset)
    if stack:
        raise wrong(f'Can\'t find end tag corresponding to start tag "{stack[-1].name}"')
    for one in entities:
        if one["type"] == "code":
            one.pop("language", None)
    return "".join(plain), entities


def _start_tag(text: str, start: int, stack: list[Open], offset: int) -> int:
    place = place_of(text, start)
    match = re.compile(r"[^\s>]*").match(text, start + 1)
    assert match
    name = match[0].lower()
    index = match.end()
    if index == len(text):
        raise wrong(f"Unclosed start tag at byte offset {place}")
    if name not in TAGS:
        raise wrong(f'Unsupported start tag "{name}" at byte offset {place}')
    argument = ""
    while True:
        attribute = _ATTRIBUTE.match(text, index)
        if not attribute:
            break
        index = attribute.end()
        value = _unescaped(next((one for one in attribute.groups()[1:] if one is not None), ""))
        argument = _argument(name, attribute[1].lower(), value) or argument
    closing = re.compile(r"\s*>").match(text, index)
    if not closing:
        raise wrong(f"Unclosed start tag at byte offset {place}")
    if name == "span" and argument != "spoiler":
        raise wrong(f'Tag "span" must have class "tg-spoiler" at byte offset {place}')
    stack.append(Open(name, argument, offset, place, start))
    return closing.end()


def _argument(tag: str, attribute: str, value: str) -> str:
    match tag, attribute:
        case ("a", "href") | ("tg-emoji", "emoji-id") | ("tg-time", "unix"):
            return value
        case ("code", "class") if value.startswith("language-"):
            return value.removeprefix("language-")
        case ("span", "class") if value.startswith("tg-"):
            return value.removeprefix("tg-")
        case ("blockquote", "expandable"):
            return "expandable"
    return ""


def _end_tag(
    text: str,
    start: int,
    stack: list[Open],
    offset: int,
    entities: list[Wire],
    plain: list[str],
) -> int:
    place = place_of(text, start)
    if not stack:
        raise wrong(f"Unexpected end tag at byte offset {place}")
    match = re.compile(r"</([^\s>]*)\s*(>?)").match(text, start)
    assert match
    if not match[2]:
        raise wrong(f"Unclosed end tag at byte offset {place}")
    name = match[1].lower()
    opened = stack[-1]
    if name and name != opened.name:
        raise wrong(
            f'Unmatched end tag at byte offset {place}, expected "</{opened.name}>", '
            f'found "</{name}>"'
        )
    stack.pop()
    if offset > opened.offset:
        _close_tag(opened, offset, entities, "".join(plain))
    return match.end()


def _close_tag(opened: Open, end: int, entities: list[Wire], plain: str) -> None:
    one: Wire = {
        "type": TAGS[opened.name],
        "offset": opened.offset,
        "length": end - opened.offset,
    }
    inner = entities[-1] if entities else {}
    is_same = (inner.get("offset"), inner.get("length")) == (one["offset"], one["length"])
    match opened.name:
        case "a":
            raw = plain.encode("utf-16-le")[2 * opened.offset : 2 * end].decode("utf-16-le")
            link = link_of(opened.argument or raw)
            if link is None:
                return
            one |= link
        case "code":
            if is_same and inner["type"] == "pre":
                inner["language"] = opened.argument
                return
            one["language"] = opened.argument
        case "pre" if is_same and inner["type"] == "code" and inner.get("language"):
            inner["type"] = "pre"
            return
        case "blockquote" if opened.argument:
            one["type"] = "expandable_blockquote"
        case "tg-emoji":
            if not opened.argument.isdecimal():
                raise wrong("Invalid custom emoji identifier specified")
            one["custom_emoji_id"] = opened.argument
        case "tg-time":
            one["unix_time"] = int(opened.argument or 0)
    entities.append(one)
