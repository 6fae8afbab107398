"""Everything that happened, with a cursor."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from fakes import START

from cobot import IncomingMessage, MessageDeleted, Receipt
from cobot.journal import Happened, Journal, Ownership
from journal.conformance.harness import (
    OWL,
    PIGEON,
    Journals,
    Suite,
    deletion,
    edit,
    give_up,
    reaction,
    receipt,
    row,
    send,
    send_all,
    settle_with,
    take,
    take_one,
)

LATER = START + timedelta(seconds=1)


class TestEvents(Suite):
    """Everything that happened, once and in order, for those who must miss nothing."""

    async def test_each_thing_that_happens_is_told(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What comes in, what goes out and what is given up are all there."""
        await journal.publish(pigeon, [row("1"), row("bad"), reaction("1", "+", LATER)], {})
        await settle_with(journal, send("answer"))
        await give_up(journal, "boom")
        await send_all(journal, pigeon)
        await journal.enqueue([send("lost")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)

        happened = await journal.events(0)

        assert [one.kind for one in happened] == [
            "received",
            "received",
            "event",
            "dead",
            "sent",
            "dead",
        ]
        assert [one.seq for one in happened] == sorted({one.seq for one in happened})
        assert happened[0].item == row("1").item
        assert happened[0].verdict == "accepted"
        assert happened[2].item == reaction("1", "+", LATER).item
        assert happened[3].reason == "boom"
        assert happened[4].receipt == receipt("id-answer")
        assert [_text(one) for one in happened[4:]] == ["answer", "lost"]
        assert happened[5].reason == "gone"

    async def test_edits_and_deletions_are_told_as_they_came(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Observers see each event, also of what was answered long ago."""
        rows = [row("1"), edit("1", "edited", LATER), deletion("1", LATER)]
        await journal.publish(pigeon, rows, {})

        happened = await journal.events(0)

        assert [one.kind for one in happened] == ["received", "event", "event"]
        assert isinstance(happened[2].item, MessageDeleted)

    @pytest.mark.parametrize("verdict", ["history", "refused", "dropped"])
    async def test_what_is_not_answered_is_told_with_its_verdict(
        self, journal: Journal, pigeon: Ownership, verdict: str
    ) -> None:
        """Who counts spam misses none of it."""
        await journal.publish(pigeon, [row("x", verdict=verdict, reason="filter")], {})

        (happened,) = await journal.events(0)

        assert (happened.kind, happened.verdict, happened.reason) == (
            "received",
            verdict,
            "filter",
        )

    async def test_of_what_was_dropped_the_text_is_not_kept(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """That something was dropped is remembered, what it said is not."""
        dropped = row("a very private text", id="1", verdict="dropped", reason="by filter x")
        await journal.publish(pigeon, [dropped], {})

        told = [await journal.events(0), await journal.why(PIGEON, "chat", "1")]

        assert "private" not in repr(told)
        assert "by filter x" in repr(told)

    async def test_duplicates_are_not_told_again(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What is passed over did not happen."""
        await journal.publish(pigeon, [row("1"), row("1")], {})
        await journal.publish(pigeon, [row("1")], {})

        assert len(await journal.events(0)) == 1

    async def test_a_limit_is_kept_and_the_last_seq_goes_on(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Whoever reads in steps reads everything once."""
        await journal.publish(pigeon, [row(str(number)) for number in range(10)], {})

        steps = []
        after = 0
        while happened := await journal.events(after, 3):
            steps.append([_text(one) for one in happened])
            after = happened[-1].seq

        assert steps == [list("012"), list("345"), list("678"), ["9"]]

    @pytest.mark.parametrize("seed", range(3))
    async def test_a_cursor_misses_nothing_and_sees_nothing_twice(
        self, journals: Journals, seed: int
    ) -> None:
        """Reading at any moment, in any steps, across crashes too, gives all of it in order."""
        random = Random(seed)
        journal = await journals.open()
        read: list[Happened] = []
        expected: list[tuple[str, str]] = []
        for number in range(60):
            pigeon = await journal.own(PIGEON)
            expected += await _something_happens(journal, pigeon, random, str(number))
            if random.random() < 0.1:
                journal = await journals.crash()
            if random.random() < 0.5:
                after = read[-1].seq if read else 0
                read += await journal.events(after, random.randint(1, 5))
        while happened := await journal.events(read[-1].seq if read else 0):
            read += happened

        assert [(one.kind, _text(one)) for one in read] == expected
        assert [one.seq for one in read] == sorted({one.seq for one in read})

    async def test_sends_of_all_channels_stand_in_one_line(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """One cursor is enough for a whole bot."""
        owl = await journal.own(OWL)
        await journal.enqueue([send("1"), send("2", channel=OWL)])
        (theirs,) = await take(journal, owl)
        await journal.sent(owl, [(theirs, Receipt())])
        (ours,) = await take(journal, pigeon)
        await journal.sent(pigeon, [(ours, Receipt())])

        assert [_text(one) for one in await journal.events(0)] == ["2", "1"]


async def _something_happens(
    journal: Journal, pigeon: Ownership, random: Random, name: str
) -> list[tuple[str, str]]:
    """Have one thing happen; return what an observer is to see of it."""
    chance = random.random()
    chat = f"chat {name}"
    if chance < 0.5:
        await journal.publish(pigeon, [row(name, chat), row(f"{name}b", chat)], {})
        return [("received", name), ("received", f"{name}b")]
    await journal.enqueue([send(name, chat)])
    (delivery,) = await take(journal, pigeon)
    if chance < 0.8:
        await journal.sent(pigeon, [(delivery, Receipt())])
        return [("sent", name)]
    await journal.not_sent(pigeon, delivery, "gone", None)
    return [("dead", name)]


def _text(one: Happened) -> str:
    if isinstance(one.item, IncomingMessage):
        return one.item.content
    return one.operation.message.content if one.operation and one.operation.message else ""
