from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import attrs
import pytest
from fakes import START, ManualClock, incoming

from cobot import CobotError, IncomingMessage
from cobot.config import AccessSettings
from cobot.errors import JournalError
from cobot.journal.keys import operation_key
from cobot.messages import Json
from cobot.session.access import Decision, Gate, pair
from cobot.session.pairing import CODE_CHARS, CODE_LENGTH, CODES_MOST, Pairing

HOUR_S = 3600.0


class Notes:
    """What a journal keeps of small state: text, so that only JSON gets through."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.is_full = False
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def get(self, key: str) -> Json:
        """Return what was put under a key."""
        return json.loads(self.texts.get(key, "null"))

    async def put(self, values: Mapping[str, Json]) -> None:
        """Store values, and say so when the test lets it."""
        self.store(values)
        self.asked.set()
        await self.may_answer.wait()

    def store(self, values: Mapping[str, Json]) -> None:
        """Store values, as `publish` does with the state of a decision."""
        if self.is_full:
            raise JournalError("the disk is full")
        self.texts.update({key: json.dumps(value) for key, value in values.items()})


class WallClock(ManualClock):
    """A clock whose time of day can be set."""

    set_by = timedelta()

    def now(self) -> datetime:
        """Return the time of day, as it was set."""
        return super().now() + self.set_by


@pytest.fixture
def clock() -> WallClock:
    """Return a clock that stands still."""
    return WallClock()


@pytest.fixture
def notes() -> Notes:
    """Return a journal that knows nobody."""
    return Notes()


@pytest.fixture
async def gate(notes: Notes, clock: WallClock) -> Gate:
    """Return the open gate of a channel with the default settings."""
    return await opened(notes, clock)


async def opened(notes: Notes, clock: ManualClock, seed: int = 1, **keys: Any) -> Gate:
    """Return an open gate of the channel `pigeon`, or of the one that is named."""
    channel = keys.pop("channel", "pigeon")
    gate = Gate(channel, AccessSettings(**keys), notes, clock, Random(seed))
    await gate.open()
    return gate


def from_(person: str, content: str = "hello", **fields: Any) -> IncomingMessage:
    """Return a message in a person's direct chat with the bot."""
    values = {"channel_id": f"chat of {person}", "sender_id": person, "direct": True}
    key = f"{fields.get('channel_id', person)} {content}"
    return incoming(content, **{"channel_type": "pigeon", "key": key, **values, **fields})


def code_in(decision: Decision) -> str:
    """Return the code that a stranger was told."""
    (operation,) = decision.operations
    assert operation.message is not None
    return operation.message.content.split("cobot pair ")[1][:CODE_LENGTH]


async def test_a_stranger_gets_a_code_and_is_refused(gate: Gate) -> None:
    """The first message of an unknown person is answered with a code, in its own chat."""
    message = from_("ann", thread_id="topic")
    decision = gate.decide(message)
    (operation,) = decision.operations

    assert decision.verdict == "refused"
    assert operation.kind == "send"
    assert operation.address == message.address
    assert operation.key == operation_key(message.key, 0)
    assert operation.message is not None
    assert operation.message.format == "plain"
    assert operation.message.address == message.address
    assert "one hour" in operation.message.content


async def test_the_owner_can_tell_from_the_reason_what_to_type(gate: Gate) -> None:
    """The reason that is stored names person, command, and until when it works."""
    decision = gate.decide(from_("ann"))

    assert decision.reason == (
        '"ann" is not paired; to let them in until 2026-01-01 13:00 UTC:'
        f" cobot pair {code_in(decision)}"
    )


async def test_codes_are_short_and_of_plain_characters(gate: Gate) -> None:
    """A code can be read aloud: six characters, of which no two look alike."""
    codes = [code_in(gate.decide(from_(f"person {number}"))) for number in range(50)]

    assert {len(code) for code in codes} == {6}
    assert set("".join(codes)) <= set(CODE_CHARS)
    assert set(CODE_CHARS).isdisjoint("0O1IL2Z5S6G8BAEU")


async def test_a_stranger_is_told_once_in_an_hour(gate: Gate, clock: WallClock) -> None:
    """Further messages within the hour are refused in silence, also in the same batch."""
    first, second = gate.decide(from_("ann")), gate.decide(from_("ann", "are you there?"))
    clock.advance(HOUR_S - 1)
    third = gate.decide(from_("ann", "hello?"))

    assert [bool(one.operations) for one in (first, second, third)] == [True, False, False]
    assert [one.verdict for one in (first, second, third)] == ["refused"] * 3
    assert second.reason == third.reason == first.reason
    assert not second.state


async def test_after_an_hour_there_is_a_new_code(gate: Gate, clock: WallClock) -> None:
    """The next message after a code has expired is answered with another one."""
    old = code_in(gate.decide(from_("ann")))
    clock.advance(HOUR_S)
    new = code_in(gate.decide(from_("ann", "once more")))

    assert new != old
    with pytest.raises(CobotError, match=f"no code '{old}' waits to be used"):
        await pair(old, {"pigeon": gate})
    assert "may now talk" in await pair(new, {"pigeon": gate})


async def test_who_is_paired_may_talk(gate: Gate) -> None:
    """With the code the owner lets its person in, and nobody else."""
    decisions = [gate.decide(from_(person)) for person in ("ann", "bob")]
    line = await pair(code_in(decisions[0]), {"pigeon": gate})

    assert line == "pigeon: \"ann\", who goes by 'A Person', may now talk"
    assert gate.decide(from_("ann", "thank you")) == Decision("accepted")
    assert gate.decide(from_("bob", "and me?")).verdict == "refused"


async def test_a_code_expires(gate: Gate, clock: WallClock) -> None:
    """After an hour a code lets nobody in, also when no other has taken its place."""
    code = code_in(gate.decide(from_("ann")))
    clock.advance(HOUR_S)

    with pytest.raises(CobotError, match="or it has expired: a code is valid for one hour"):
        await pair(code, {"pigeon": gate})


@pytest.mark.parametrize(
    "typed", [str.lower, lambda code: f" {code[:3]}-{code[3:]}\n"], ids=["small", "spaced"]
)
async def test_a_code_may_be_typed_as_people_do(gate: Gate, typed: Any) -> None:
    """Small letters, spaces and dashes do not matter."""
    code = code_in(gate.decide(from_("ann")))

    assert "may now talk" in await pair(typed(code), {"pigeon": gate})


@pytest.mark.parametrize("typed", ["", "CCCCCC", "CCC", "ÄÖÜ", "\udcff"])
async def test_a_wrong_code_is_one_line_that_tells_no_other(gate: Gate, typed: str) -> None:
    """Whoever guesses learns that it was wrong, and nothing of the codes that exist."""
    code = code_in(gate.decide(from_("ann")))
    with pytest.raises(CobotError) as raised:
        await pair(typed, {"pigeon": gate})

    assert repr(typed) in str(raised.value)
    assert "writes to the bot" in str(raised.value)
    assert code not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_a_code_works_once(gate: Gate) -> None:
    """A code that was used is unknown."""
    code = code_in(gate.decide(from_("ann")))
    await pair(code, {"pigeon": gate})

    with pytest.raises(CobotError, match="waits to be used"):
        await pair(code, {"pigeon": gate})


async def test_pairing_is_for_one_channel(notes: Notes, clock: WallClock) -> None:
    """The same id on another channel is somebody else."""
    gates = {name: await opened(notes, clock, channel=name) for name in ("pigeon", "owl")}
    line = await pair(code_in(gates["owl"].decide(from_("ann"))), gates)

    assert line.startswith("owl: ")
    assert gates["owl"].decide(from_("ann", "2")).verdict == "accepted"
    assert gates["pigeon"].decide(from_("ann", "2")).verdict == "refused"


async def test_a_code_of_two_people_lets_nobody_in(notes: Notes, clock: WallClock) -> None:
    """Should two channels come by the same code, the owner is told and nobody is paired."""
    gates = {name: await opened(notes, clock, channel=name) for name in ("pigeon", "owl")}
    code, same = (code_in(gates[name].decide(from_(name))) for name in gates)

    assert code == same
    with pytest.raises(CobotError, match="somebody on each of pigeon, owl"):
        await pair(code, gates)
    assert all(gate.decide(from_(name, "2")).operations == () for name, gate in gates.items())


async def test_a_code_is_not_given_out_twice(notes: Notes, clock: WallClock) -> None:
    """A code that waits already is passed over."""

    class Stuck(Random):
        """Chance that repeats the first code once."""

        def choice(self, _seq: Any) -> Any:
            """Return the next of the characters that it was made for."""
            return next(drawn)

    drawn = iter("CCCCCCCCCCCCDDDDDD")
    pairing = Pairing("pigeon", notes, clock, Stuck())
    await pairing.open()
    codes = [pairing.invite(from_(person)) for person in ("ann", "bob")]

    assert [one and one.code for one in codes] == ["CCCCCC", "DDDDDD"]


async def test_strangers_cannot_have_codes_without_end(gate: Gate, clock: WallClock) -> None:
    """Beyond the limit a stranger gets no code; the reason says what lets them in."""
    decisions = [gate.decide(from_(f"person {number}")) for number in range(CODES_MOST)]
    last = gate.decide(from_("ann"))

    assert all(one.operations for one in decisions)
    assert not last.operations
    assert not last.state
    assert last.reason == (
        '"ann" is not paired, and 100 others have codes now; to allow it,'
        " write access: {allow: [\"ann\"]} in the section 'pigeon'"
    )
    clock.advance(HOUR_S)
    after = gate.decide(from_("ann", "once more"))

    assert code_in(after)
    assert len(after.state["access.codes/pigeon"]) == 1


async def test_a_used_code_makes_room(gate: Gate) -> None:
    """Who is paired takes no code from others."""
    codes = [code_in(gate.decide(from_(f"person {number}"))) for number in range(CODES_MOST)]
    await pair(codes[0], {"pigeon": gate})

    assert code_in(gate.decide(from_("ann")))


async def test_long_names_are_cut(gate: Gate) -> None:
    """A stranger cannot fill the journal with a name."""
    decision = gate.decide(from_("ann", sender_name="n" * 100_000))

    assert len(json.dumps(decision.state)) < 500


async def test_the_next_process_knows_codes_and_people(notes: Notes, clock: WallClock) -> None:
    """Codes that were stored with their message, and people who were let in, are kept."""
    before = await opened(notes, clock)
    decisions = [before.decide(from_(person)) for person in ("ann", "bob")]
    notes.store(decisions[-1].state)
    await pair(code_in(decisions[-1]), {"pigeon": before})
    after = await opened(notes, clock, seed=2)

    assert after.decide(from_("bob", "2")).verdict == "accepted"
    assert after.decide(from_("ann", "2")).operations == ()
    assert after.decide(from_("ann", "2")).reason == before.decide(from_("ann", "2")).reason


async def test_pairing_works_where_nobody_runs(notes: Notes, clock: WallClock) -> None:
    """Gates that were opened for it alone pair for the process that runs next."""
    decision = (await opened(notes, clock)).decide(from_("ann"))
    notes.store(decision.state)
    await pair(code_in(decision), {"pigeon": await opened(notes, clock)})

    assert (await opened(notes, clock)).decide(from_("ann", "2")).verdict == "accepted"


async def test_a_message_that_comes_again_gets_the_same_code(gate: Gate) -> None:
    """What could not be stored and is handed over again is answered as the first time."""
    first = gate.decide(from_("ann"))
    gate.decide(from_("ann", "second"))
    again = gate.decide(from_("ann"))

    assert again == first
    assert again.operations
    assert again.state == first.state


async def test_later_state_holds_earlier_codes(gate: Gate) -> None:
    """The state of a batch's last decision holds the codes of those before it."""
    state: dict[str, Json] = {}
    for person in ("ann", "bob"):
        state |= gate.decide(from_(person)).state

    assert list(state["access.codes/pigeon"]) == ["ann", "bob"]


async def test_a_pairing_that_is_not_stored_did_not_happen(gate: Gate, notes: Notes) -> None:
    """When the journal fails, the owner is told, and the code may be used later."""
    code = code_in(gate.decide(from_("ann")))
    notes.is_full = True
    with pytest.raises(JournalError, match="the disk is full"):
        await pair(code, {"pigeon": gate})

    assert gate.decide(from_("ann", "2")).verdict == "refused"
    notes.is_full = False
    assert "may now talk" in await pair(code, {"pigeon": gate})


async def test_who_stops_waiting_does_not_undo_a_pairing(gate: Gate, notes: Notes) -> None:
    """The journal stores what it was asked, also when `cobot pair` has gone away."""
    code = code_in(gate.decide(from_("ann")))
    notes.may_answer.clear()
    pairing = asyncio.create_task(pair(code, {"pigeon": gate}))
    await notes.asked.wait()
    pairing.cancel()
    await asyncio.gather(pairing, return_exceptions=True)

    assert gate.decide(from_("ann", "2")).verdict == "accepted"


async def test_two_pairings_at_once_are_both_kept(
    gate: Gate, notes: Notes, clock: WallClock
) -> None:
    """Neither of two codes that are entered at the same time is forgotten."""
    codes = [code_in(gate.decide(from_(person))) for person in ("ann", "bob")]
    await asyncio.gather(*(pair(code, {"pigeon": gate}) for code in codes))
    after = await opened(notes, clock)

    for person in ("ann", "bob"):
        assert after.decide(from_(person, "2")).verdict == "accepted"


@pytest.mark.parametrize("holds", [{"direct": "allow"}, {"direct": "closed"}])
async def test_settings_win_over_pairing(
    notes: Notes, clock: WallClock, holds: dict[str, Any]
) -> None:
    """Who was paired is out again once the settings know no pairing."""
    before = await opened(notes, clock)
    await pair(code_in(before.decide(from_("ann"))), {"pigeon": before})
    after = await opened(notes, clock, **holds)

    assert after.decide(from_("ann", "2")).verdict == "refused"


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        ({"direct": "closed"}, "direct: closed"),
        ({"direct": "allow"}, "direct: allow"),
        ({"direct": "open"}, "direct: open"),
        ({"policy": "bouncer"}, "policy: bouncer"),
    ],
)
async def test_pairing_that_would_change_nothing_says_so(
    notes: Notes, clock: WallClock, holds: dict[str, Any], said: str
) -> None:
    """A code from before the settings changed is refused with what holds now."""
    decision = (await opened(notes, clock)).decide(from_("ann"))
    notes.store(decision.state)
    after = await opened(notes, clock, **holds)

    with pytest.raises(
        CobotError, match=f"lets nobody in on 'pigeon', where access says {said}"
    ):
        await pair(code_in(decision), {"pigeon": after})


@pytest.mark.parametrize("hours", [-0.9, 0.9])
async def test_a_clock_that_is_set_a_little_spoils_no_code(
    gate: Gate, clock: WallClock, hours: float
) -> None:
    """A code stays valid when the time of day is set by less than an hour, back or on."""
    code = code_in(gate.decide(from_("ann")))
    clock.set_by = timedelta(hours=hours)

    assert "may now talk" in await pair(code, {"pigeon": gate})


async def test_a_code_from_the_future_does_not_last(gate: Gate, clock: WallClock) -> None:
    """After the clock is set back by a year, a stranger gets a new code at once."""
    gate.decide(from_("ann"))
    clock.set_by = -timedelta(days=365)

    assert code_in(gate.decide(from_("ann", "2")))


async def test_a_bot_gets_no_code(notes: Notes, clock: WallClock) -> None:
    """Two bots that know nobody do not exchange codes."""
    unwanted = (await opened(notes, clock)).decide(from_("robot", sender_is_bot=True))
    gate = await opened(notes, clock, bots=True)
    decision = gate.decide(from_("robot", sender_is_bot=True))

    assert unwanted.operations == decision.operations == ()
    assert str(unwanted.reason).startswith('"robot" is a bot; to let bots in, ')
    assert decision.reason == (
        '"robot" is not in access.allow; to allow it,'
        " write access: {allow: [\"robot\"]} in the section 'pigeon'"
    )


async def test_a_stranger_is_logged_once_for_each_code(
    gate: Gate, clock: WallClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names who wrote, by id and by the name they give themselves, and the way in."""
    caplog.set_level(logging.INFO, "cobot")
    code = code_in(gate.decide(from_("ann", sender_name="Ann\nOwner")))
    gate.decide(from_("ann", "2"))
    (line,) = caplog.messages
    clock.advance(HOUR_S)
    gate.decide(from_("ann", "3"))

    assert line.startswith(
        "channel 'pigeon': refused a message of \"ann\", who goes by 'Ann\\nOwner', in chat"
    )
    assert line.endswith(f"cobot pair {code}")
    assert len(caplog.messages) == 2


async def test_a_paired_person_is_known_by_id(gate: Gate) -> None:
    """A new name changes nothing, and the same name lets nobody in."""
    await pair(code_in(gate.decide(from_("ann", sender_name="Ann"))), {"pigeon": gate})

    assert gate.decide(from_("ann", "2", sender_name="Annie")).verdict == "accepted"
    assert gate.decide(from_("eve", sender_name="Ann")).verdict == "refused"


async def test_a_stored_code_is_read_as_it_was_written(notes: Notes, clock: WallClock) -> None:
    """Nothing of a code changes on its way through the journal."""
    first, second = (Pairing("pigeon", notes, clock, Random(1)) for _ in range(2))
    made = first.invite(from_("ann"))
    assert made is not None
    notes.store(first.to_json())
    await second.open()

    assert second.find(made.code) == made
    assert made.made == START
    assert attrs.asdict(made)["cause"] == from_("ann").key
