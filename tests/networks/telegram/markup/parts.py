"""What the readers of markup share."""

from __future__ import annotations

import re

import attrs

from networks.telegram.chats import Wire
from networks.telegram.errors import ApiError, bad_request

_LINK = re.compile(r"^(?:https?|tg|ton|mailto):|^[^\s/]+\.[^\s/]{2,}", re.IGNORECASE)
_USER = re.compile(r"^tg://user\?id=(\d+)$")


@attrs.define
class Open:
    """An entity whose end is yet to come."""

    name: str
    argument: str
    offset: int
    """In UTF-16 code units of the result."""
    place: int
    """In the source: bytes."""
    index: int
    """In the source: characters."""


def wrong(text: str) -> ApiError:
    """Return the refusal of markup."""
    return bad_request(f"can't parse entities: {text}")


def place_of(text: str, index: int) -> int:
    """Return how many bytes stand before a character, which is how errors name places."""
    return len(text[:index].encode())


def link_of(url: str) -> Wire | None:
    """Return the entity of a link, without its place; None: nothing one could open."""
    if user := _USER.match(url):
        return {"type": "text_mention", "user": {"id": int(user[1])}}
    if _LINK.match(url):
        full = url if re.match(r"^\w+:", url) else f"http://{url}"
        return {"type": "text_link", "url": full}
    return None
