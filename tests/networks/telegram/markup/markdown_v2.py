"""`parse_mode` MarkdownV2."""

from __future__ import annotations

import re

from networks.telegram.chats import Wire
from networks.telegram.markup.parts import Open, link_of, place_of, wrong
from networks.telegram.text import units

RESERVED = "_*[]()~`>#+-=|{}.!"
"""What MarkdownV2 wants escaped outside of entities."""

_MARKS = ("```", "`", "__", "_", "*", "~", "||", "![", "[")
_NAMES = {
    "```": "Pre",
    "`": "Code",
    "__": "Underline",
    "_": "Italic",
    "*": "Bold",
    "~": "Strikethrough",
    "||": "Spoiler",
    "![": "CustomEmoji",
    "[": "TextUrl",
    ">": "BlockQuote",
}
_TYPES = {
    "```": "pre",
    "`": "code",
    "__": "underline",
    "_": "italic",
    "*": "bold",
    "~": "strikethrough",
    "||": "spoiler",
    ">": "blockquote",
}


class MarkdownV2:
    """One text on its way from MarkdownV2 to entities."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.index = 0
        self.plain: list[str] = []
        self.offset = 0
        self.stack: list[Open] = []
        self.entities: list[Wire] = []
        self.may_quote = True  # at the start of a line

    def parse(self) -> tuple[str, list[Wire]]:
        """Return the text without markup, and the entities."""
        while self.index < len(self.text):
            self._step()
        if self._quote():
            self._end_quote()
        if self.stack:
            self._fail_open(self.stack[-1])
        return "".join(self.plain), self.entities

    def _step(self) -> None:
        character = self.text[self.index]
        following = self.text[self.index + 1 : self.index + 2]
        if character == "\\" and following and "\0" < following <= "~":
            self._emit(following)
            self.index += 2
            self.may_quote = False
        elif self.stack and self.stack[-1].name in ("`", "```"):
            if self.text.startswith(self.stack[-1].name, self.index):
                self._close()
            else:
                self._emit(character)
                self.index += 1
        elif character == "\n":
            self._line_end()
        elif self._is_end():
            self._close()
        elif character in RESERVED:
            self._open(character)
        else:
            self._emit(character)
            self.index += 1
            self.may_quote = False

    def _emit(self, part: str) -> None:
        self.plain.append(part)
        self.offset += units(part)

    def _line_end(self) -> None:
        if self._quote() and not self.text.startswith(">", self.index + 1):
            self._end_quote()
        self._emit("\n")
        self.index += 1
        self.may_quote = True

    def _quote(self) -> bool:
        return any(one.name == ">" for one in self.stack)

    def _end_quote(self) -> None:
        kind = "blockquote"
        last = self.stack[-1]
        if last.name == "||" and last.index == self.index - 2:
            kind = "expandable_blockquote"  # marked by a spoiler's sign that opens nothing
            self.stack.pop()
        if self.stack[-1].name != ">":
            self._fail_open(self.stack[-1])
        self._add(self.stack.pop(), {"type": kind})

    def _is_end(self) -> bool:
        if not self.stack:
            return False
        name = self.stack[-1].name
        if name in ("[", "!["):
            return self.text.startswith("]", self.index)
        if name == "_" and self.text.startswith("__", self.index):
            return False  # `__` is read greedily, as underline
        return name != ">" and self.text.startswith(name, self.index)

    def _open(self, character: str) -> None:
        place = place_of(self.text, self.index)
        mark = next((one for one in _MARKS if self.text.startswith(one, self.index)), None)
        if character == ">" and self.may_quote:
            if not self._quote():
                self.stack.append(Open(">", "", self.offset, place, self.index))
            self.index += 1
            self.may_quote = False
            return
        if mark is None:
            raise wrong(
                f"Character '{character}' is reserved and must be escaped with the preceding "
                "'\\'"
            )
        start = self.index
        self.index += len(mark)
        self.may_quote = False
        language = ""
        if mark == "```":
            match = re.compile(r"(?:([^\s`]+)(?=\s))?(\r\n|\n\r|\n|\r)?").match(
                self.text, self.index
            )
            assert match
            language = match[1] or ""
            self.index = match.end()
        self.stack.append(Open(mark, language, self.offset, place, start))

    def _close(self) -> None:
        opened = self.stack.pop()
        self.index += 1 if opened.name in ("[", "![") else len(opened.name)
        if opened.name not in ("[", "!["):
            one: Wire = {"type": _TYPES[opened.name]}
            if opened.argument:
                one["language"] = opened.argument
            self._add(opened, one)
            return
        url = self._url()
        if opened.name == "[":
            covered = "".join(self.plain).encode("utf-16-le")[2 * opened.offset :]
            link = link_of(covered.decode("utf-16-le") if url is None else url)
            if link:
                self._add(opened, link)
            return
        if url is None:
            raise wrong("The entity must contain a tg://emoji or tg://time URL")
        match = re.match(r"^tg://emoji\?id=(\d+)$", url)
        if not match:
            raise wrong("Invalid tg://emoji or tg://time URL specified")
        self._add(opened, {"type": "custom_emoji", "custom_emoji_id": match[1]})

    def _url(self) -> str | None:
        if not self.text.startswith("(", self.index):
            return None
        place = place_of(self.text, self.index + 1)
        match = re.compile(r"\(((?:\\.|[^)\\])*)\)", re.DOTALL).match(self.text, self.index)
        if not match:
            raise wrong(f"Can't find end of a URL at byte offset {place}")
        self.index = match.end()
        return re.sub(r"\\(.)", r"\1", match[1])

    def _add(self, opened: Open, one: Wire) -> None:
        if self.offset > opened.offset:
            length = self.offset - opened.offset
            self.entities.append({**one, "offset": opened.offset, "length": length})

    def _fail_open(self, opened: Open) -> None:
        name = _NAMES[opened.name]
        raise wrong(f"Can't find end of {name} entity at byte offset {opened.place}")
