"""Which chats are asked for what was missed."""

from __future__ import annotations

from typing import Any

from cobot_discord.gaps import CHATS_MOST, STRANGERS_MOST, Gap, Position, floor_before
from cobot_discord.places import Place, Places
from cobot_discord.snowflakes import id_at, time_of

FLOOR = 1 << 60
GUILD: dict[str, Any] = {"id": "900"}


def guild(*channels: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a guild with channels."""
    return {**GUILD, "channels": channels, "threads": [], **fields}


def channel(number: int, last: int | None, kind: int = 0) -> dict[str, Any]:
    """Return a channel in which a message was the last."""
    told = None if last is None else str(last)
    return {"id": str(number), "type": kind, "name": f"c{number}", "last_message_id": told}


def asked(
    wire: dict[str, Any],
    cursors: dict[str, str],
    floor: int | None = FLOOR,
    listed: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return which chats are asked, and since when."""
    places = Places("42", cursors)
    inside = places.add_guild(wire)
    gap = Gap(floor, {"900"})
    found = gap.of_guild(wire, inside, places, cursors, listed)
    return {one.place.id: one.after for one in found}


def test_a_position_comes_back_as_it_was() -> None:
    """And what is none is none."""
    position = Position("42", "s", "wss://x", 17, FLOOR)

    assert Position.of(position.text()) == position
    for text in (None, "", "{}", "[1]", '{"bot": "42"}'):
        assert Position.of(text) is None


def test_only_chats_that_spoke_are_asked() -> None:
    """By what Discord says was the last message there."""
    wire = guild(channel(1, 11), channel(2, 10), channel(3, None))

    assert asked(wire, {"1": "10", "2": "10", "3": "10"}) == {"1": "10"}


def test_listed_chats_are_asked_in_any_case() -> None:
    """What is told of the last message may be old."""
    assert asked(guild(channel(1, 10)), {"1": "10"}, listed=("1",)) == {"1": "10"}


def test_chats_in_which_nothing_is_stored_are_asked_for_what_is_new() -> None:
    """Newer than all that is stored; at the very first nothing was missed."""
    wire = guild(channel(1, FLOOR + 1), channel(2, FLOOR - 1), channel(4, FLOOR + 1, kind=4))

    assert asked(wire, {}) == {"1": f"{FLOOR}"}
    assert asked(wire, {}, floor=None) == {}


def test_what_was_said_before_the_bot_came_is_not_asked_for() -> None:
    """It was not said to it."""
    joined = time_of(str(FLOOR + (1 << 40)))
    wire = guild(
        channel(1, FLOOR + 1), channel(2, FLOOR + (1 << 41)), joined_at=joined.isoformat()
    )

    assert asked(wire, {}) == {"2": f"{id_at(joined)}"}


def test_threads_that_are_closed_by_now_are_asked() -> None:
    """They are not told of any more; somebody may have written before they were closed."""
    cursors = {"1/5": "10", "7/8": "10", "@9": "10"}

    places = Places("42", cursors)
    inside = places.add_guild(guild(channel(1, None)))
    (closed,) = Gap(FLOOR, {"900"}).of_guild(GUILD, inside, places, cursors, ())

    assert (closed.place.id, closed.place.guild_id, closed.after) == ("5", "900", "10")
    assert [one.place.id for one in Gap(FLOOR, set()).of_direct(cursors)] == ["9"]


def test_there_is_an_end_to_it() -> None:
    """Those that spoke last are asked first; of strangers no others."""
    channels = [channel(number, FLOOR + number) for number in range(1, 2 * CHATS_MOST)]
    known = {str(number): "10" for number in range(1, 2 * CHATS_MOST)}

    assert len(asked(guild(*channels), {})) == STRANGERS_MOST
    first, *_, last = asked(guild(*channels), known)
    assert (first, last) == (str(2 * CHATS_MOST - 1), "1")


def test_a_chat_that_speaks_before_its_guild_is_told_of_is_asked_first() -> None:
    """Else its newest message would hide those that were missed."""
    gap = Gap(FLOOR, {"900"})
    known, unknown = Place("1", 0, guild_id="900"), Place("2", 0, guild_id="900")
    elsewhere = Place("3", 0, guild_id="901")

    assert [one.after for one in gap.of_chat(known, {"1": "10"})] == ["10"]
    assert [one.after for one in gap.of_chat(unknown, {})] == [f"{FLOOR}"]
    assert gap.of_chat(elsewhere, {"3": "10"}) == []
    gap.looked.add("1")
    assert gap.of_chat(known, {"1": "10"}) == []


def test_events_of_several_chats_may_come_out_of_order() -> None:
    """What was written a minute before the newest is stored for certain, and no more."""
    newest = time_of(str(FLOOR))
    floor = time_of(str(floor_before(FLOOR)))

    assert (newest - floor).total_seconds() == 60
    assert floor_before(17) == 0
