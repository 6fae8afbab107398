"""`parse_mode`: texts with markup into texts with entities, and the errors of that."""

from __future__ import annotations

from collections.abc import Callable

from networks.telegram.chats import Wire
from networks.telegram.errors import bad_request
from networks.telegram.markup import html, markdown
from networks.telegram.markup.markdown_v2 import MarkdownV2

PARSERS: dict[str, Callable[[str], tuple[str, list[Wire]]]] = {
    "html": html.parse,
    "markdownv2": lambda text: MarkdownV2(text).parse(),
    "markdown": markdown.parse,
}


def parse(text: str, mode: str) -> tuple[str, list[Wire]]:
    """Return the text without its markup, and the entities.

    Args:
        text: With markup.
        mode: `HTML`, `MarkdownV2` or `Markdown`, in any case.

    Raises:
        ApiError: The mode is unknown, or the markup is wrong.
    """
    if mode.lower() not in PARSERS:
        raise bad_request("unsupported parse_mode")
    plain, entities = PARSERS[mode.lower()](text)
    entities.sort(key=lambda one: (one["offset"], -one["length"]))
    return plain, entities
