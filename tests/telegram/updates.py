"""Updates as Telegram sends them, for the tests of what reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cobot import IncomingMessage
from cobot_telegram.wire import Bot, Found, Reader

BOT = Bot(id=42, username="lab_bot", reads_all=True)
ANN = {
    "id": 5_000_000_001,
    "is_bot": False,
    "first_name": "Ann",
    "last_name": "Lee",
    "username": "ann_lee",
    "language_code": "en",
}
US = {"id": 42, "is_bot": True, "first_name": "Lab", "username": "lab_bot"}
PRIVATE = {"id": 5_000_000_001, "type": "private", "first_name": "Ann"}
GROUP = {"id": -1001234567890, "type": "supergroup", "title": "Lab"}
CHANNEL = {"id": -100777, "type": "channel", "title": "News"}
DATE = 1_790_000_000
WHEN = datetime.fromtimestamp(DATE, UTC)
NOW = datetime(2026, 10, 1, tzinfo=UTC)

Wire = dict[str, Any]


def message(chat: Wire = GROUP, **fields: Any) -> Wire:
    """Return a message of Ann's; a field that is None is left out."""
    wire = {"message_id": 41, "date": DATE, "chat": chat, "from": ANN, **fields}
    return {name: value for name, value in wire.items() if value is not None}


def update(kind: str = "message", payload: Wire | None = None, number: int = 900_001) -> Wire:
    """Return an update."""
    return {"update_id": number, kind: payload}


def read(
    *updates: Any, listed: tuple[str, ...] = (), cursors: dict[str, str] | None = None
) -> Found:
    """Read updates for the bot."""
    return Reader("telegram", BOT, listed, cursors).read(updates, NOW)


def one(chat: Wire = GROUP, **fields: Any) -> IncomingMessage:
    """Read one message; it is handed over."""
    (item,) = read(update("message", message(chat, **fields))).items
    assert isinstance(item, IncomingMessage)
    return item


def entity(kind: str, text: str, part: str, **fields: Any) -> Wire:
    """Return an entity over a part of a text."""
    offset = len(text[: text.index(part)].encode("utf-16-le")) // 2
    return {
        "type": kind,
        "offset": offset,
        "length": len(part.encode("utf-16-le")) // 2,
        **fields,
    }
