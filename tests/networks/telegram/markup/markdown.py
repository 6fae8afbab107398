"""`parse_mode` Markdown, the old one."""

from __future__ import annotations

import re

from networks.telegram.chats import Wire
from networks.telegram.markup.parts import link_of, place_of, wrong
from networks.telegram.text import units


def parse(text: str) -> tuple[str, list[Wire]]:
    """Return the text without its marks, and the entities."""
    plain = ""
    entities: list[Wire] = []
    index = 0
    while index < len(text):
        character = text[index]
        if character == "\\" and text[index + 1 : index + 2] in tuple("_*`["):
            plain += text[index + 1]
            index += 2
            continue
        if character not in "_*`[":
            plain += character
            index += 1
            continue
        mark = "```" if text.startswith("```", index) else character
        end = text.find("]" if mark == "[" else mark, index + len(mark))
        if end < 0:
            place = place_of(text, index)
            raise wrong(f"Can't find end of the entity starting at byte offset {place}")
        inside = text[index + len(mark) : end]
        after = end + len(mark)
        one: Wire | None = {"type": {"_": "italic", "*": "bold", "`": "code"}.get(mark, "pre")}
        if mark == "```":
            inside, language = _fenced(inside)
            if one and language:
                one["language"] = language
        elif mark == "[":
            url = inside
            if text.startswith("(", after):
                closing = text.find(")", after)
                url = text[after + 1 : closing if closing >= 0 else len(text)]
                after = closing + 1 if closing >= 0 else len(text)
            one = link_of(url)
        if one and inside:
            entities.append({**one, "offset": units(plain), "length": units(inside)})
        plain += inside
        index = after
    return plain, entities


def _fenced(inside: str) -> tuple[str, str]:
    """Return the text of a code block, and its language."""
    match = re.match(r"([^\s`]+)?(\r\n|\n\r|\n|\r)?", inside)
    assert match
    if match[1] and len(match[1]) < len(inside):
        return inside[match.end() :], match[1]
    return inside[match.end() if not match[1] else 0 :], ""
