"""What is an emoji, and which are the same."""

from __future__ import annotations

import re
import unicodedata

from networks.discord.entities import Guild, Wire
from networks.discord.errors import unknown_emoji

CUSTOM = re.compile(r"(?:a:)?(\w{2,32}):(\d{15,20})")

VARIATION = "\ufe0f"
KEYCAP = "\u20e3"
JOINER = "\u200d"
LETTERS_TOO = "0123456789#*"
"""What is an emoji with a keycap, and a letter without."""
SYMBOLS_TOO = "‼⁉↔◽◾〰〽©®™ℹ"  # noqa: RUF001 - an emoji that looks like a letter


def key_of(emoji: Wire) -> str:
    """Return what tells an emoji from others; clients differ in variation selectors."""
    return str(emoji["id"] or emoji["name"].replace(VARIATION, ""))


def parse(text: str, guilds: list[Guild]) -> Wire:
    """Return the API's emoji for what a path says.

    Args:
        text: A Unicode emoji, or `name:id`.
        guilds: Whose emoji may be used.

    Raises:
        ApiError: It is none.
    """
    if match := CUSTOM.fullmatch(text):
        for guild in guilds:
            if found := guild.emojis.get(match[2]):
                wire: Wire = {"id": found.id, "name": found.name}
                return {**wire, "animated": True} if found.is_animated else wire
        raise unknown_emoji()
    if not is_unicode(text):
        raise unknown_emoji()
    return {"id": None, "name": text}


def is_unicode(text: str) -> bool:
    """Tell whether a text is an emoji of Unicode."""
    marks = (VARIATION, KEYCAP, JOINER)
    bare = [one for one in text if one not in marks and not _is_modifier(one)]
    if not bare or len(bare) > 8:
        return False
    if KEYCAP in text:
        return len(bare) == 1 and bare[0] in LETTERS_TOO
    if len(bare) > 1 and JOINER not in text and not all(_is_region(one) for one in bare):
        return False
    return all(unicodedata.category(one) == "So" or one in SYMBOLS_TOO for one in bare)


def _is_modifier(one: str) -> bool:
    return "\U0001f3fb" <= one <= "\U0001f3ff" or "\U000e0020" <= one <= "\U000e007f"


def _is_region(one: str) -> bool:
    return "\U0001f1e6" <= one <= "\U0001f1ff"
