"""Events as Discord sends them, for the tests of what reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cobot import IncomingMessage
from cobot_discord.places import DM, Place, Places
from cobot_discord.wire import Bot, Dispatch, Found, Reader

Wire = dict[str, Any]

BOT = Bot(id="42", username="lab_bot")
GUILD, GENERAL, DIRECT, THREAD = "900", "901", "902", "903"
NOW = datetime(2026, 10, 1, tzinfo=UTC)
WHEN = datetime(2026, 9, 1, 12, 30, 15, 250_000, tzinfo=UTC)

ANN: Wire = {"id": "5", "username": "ann_lee", "global_name": "Ann", "discriminator": "0"}
US: Wire = {"id": "42", "username": "lab_bot", "bot": True}
OTHER_BOT: Wire = {"id": "43", "username": "other_bot", "bot": True}


def message(**fields: Any) -> Wire:
    """Return a message of Ann's in the guild; a field that is None is left out."""
    wire = {
        "id": "1000",
        "channel_id": GENERAL,
        "guild_id": GUILD,
        "type": 0,
        "author": ANN,
        "member": {"nick": "Annie", "roles": ["7"]},
        "content": "hello",
        "timestamp": WHEN.isoformat(),
        "edited_timestamp": None,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "flags": 0,
        **fields,
    }
    kept = {name: value for name, value in wire.items() if value is not None}
    return {**kept, "edited_timestamp": wire["edited_timestamp"]}


def places() -> Places:
    """Return a guild with a channel, a thread and roles; and a direct chat."""
    found = Places(BOT.id)
    found.add(Place(GENERAL, 0, "general", GUILD))
    found.add(Place(THREAD, 11, "plans", GUILD, parent_id=GENERAL))
    found.add(Place(DIRECT, DM))
    found.add_role({"id": "7", "name": "crew"})
    found.add_role({"id": "8", "name": "lab_bot", "tags": {"bot_id": BOT.id}})
    return found


def read(
    payload: Wire,
    name: str = "MESSAGE_CREATE",
    *,
    listed: tuple[str, ...] = (),
    cursors: dict[str, str] | None = None,
) -> Found:
    """Read an event for the bot."""
    found = Found()
    reader = Reader("discord", BOT, places(), listed, cursors)
    reader.read(found, Dispatch(name, payload, 17, "s"), NOW)
    return found


def one(**fields: Any) -> IncomingMessage:
    """Read one message; it is handed over."""
    (item,) = read(message(**fields)).items
    assert isinstance(item, IncomingMessage)
    return item
