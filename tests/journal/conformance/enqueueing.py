"""Operations that answer nothing: stored once by key."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from fakes import START

from cobot import Media, OutgoingMessage
from cobot.journal import Backlog, Journal, Operation, Ownership
from journal.conformance.harness import (
    OWL,
    PIGEON,
    Journals,
    Suite,
    receipt,
    send,
    send_all,
    take,
    take_one,
)


class TestEnqueue(Suite):
    """Operations that answer nothing; the same key is the same operation."""

    async def test_what_is_new_waits(self, journal: Journal) -> None:
        """A stored operation waits to be sent, also before anybody owns its channel."""
        (standing,) = await journal.enqueue([send("hello", key="k")])

        assert (standing.key, standing.state, standing.is_new) == ("k", "waiting", True)
        assert (standing.receipt, standing.reason) == (None, None)
        assert await journal.standing(PIGEON, "k") is not None
        assert await journal.backlog() == Backlog(operations=1)

    async def test_it_comes_out_as_it_went_in(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The sender gets what was stored, with when that was."""
        operation = send("hello", thread="7", require=frozenset({"send"}), conversation="c")
        await journal.enqueue([operation])

        delivery = await take_one(journal, pigeon)

        assert delivery.operation == operation
        assert (delivery.created_at, delivery.attempts, delivery.unknowns) == (START, 0, 0)
        assert (delivery.refs, delivery.target_is_gone, delivery.prepared) == ((), False, None)

    async def test_nothing_of_a_message_is_forgotten(
        self, journals: Journals, journal: Journal
    ) -> None:
        """Files, options, rendered form and marks of a message are as they were stored."""
        message = OutgoingMessage(
            PIGEON,
            "chat",
            "a\0b \U0001f426 \u2028",
            "7",
            (
                Media.from_bytes(b"\0\xff", name="a.bin"),
                Media.from_path("files/b.txt", name="b", content_type="text/plain"),
                Media.from_url("https://pigeon.test/c", name="c"),
                Media.from_remote({"id": [1, None]}, name="d", size_bytes=9),
            ),
            {"silent": True, "deep": {"x": [0.5]}},
            format="plain",
            rendered={"text": "a", "entities": [{"offset": 0}]},
            key="k",
        )
        stored = Operation(kind="media", address=message.address, key="k", message=message)
        await journal.enqueue([stored])

        journal = await journals.crash()

        operation = (await take_one(journal, await journal.own(PIGEON))).operation
        assert operation == stored
        assert operation.message is not None
        assert operation.message.metadata == message.metadata

    async def test_what_cannot_be_stored_keeps_all_of_its_call_out(
        self, journal: Journal
    ) -> None:
        """Several operations are stored together or not at all."""
        odd = OutgoingMessage(PIGEON, "chat", "odd", metadata={"odd": object()}, key="odd")
        bad = Operation(kind="send", address=odd.address, key="odd", message=odd)
        with pytest.raises((TypeError, ValueError)):
            await journal.enqueue([send("good"), bad])

        assert not await journal.backlog()
        assert await journal.standing(PIGEON, "good") is None

    async def test_a_known_key_is_the_same_operation(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Whoever is not sure that its message was stored may store it again."""
        await journal.enqueue([send("first", key="k")])

        (standing,) = await journal.enqueue([send("again", key="k")])

        assert (standing.state, standing.is_new) == ("waiting", False)
        assert await send_all(journal, pigeon) == ["first"]

    async def test_twice_in_one_call_is_once(self, journal: Journal, pigeon: Ownership) -> None:
        """A key that stands twice in one call is one operation too."""
        standings = await journal.enqueue([send("one", key="k"), send("two", key="k")])

        assert [one.is_new for one in standings] == [True, False]
        assert await send_all(journal, pigeon) == ["one"]

    async def test_what_was_sent_stays_known(self, journal: Journal, pigeon: Ownership) -> None:
        """A message that went out is not sent again, and its receipt is given."""
        await journal.enqueue([send("hello", key="k")])
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1"))])

        (standing,) = await journal.enqueue([send("hello", key="k")])

        assert (standing.state, standing.is_new) == ("done", False)
        assert standing.receipt == receipt("1")
        assert not await take(journal, pigeon)

    async def test_what_was_given_up_stays_known_with_its_reason(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A dead letter is not sent by storing it again."""
        await journal.enqueue([send("hello", key="k")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "chat is gone", None)

        (standing,) = await journal.enqueue([send("hello", key="k")])

        assert (standing.state, standing.is_new) == ("dead", False)
        assert standing.reason == "chat is gone"
        assert not await take(journal, pigeon)

    async def test_channels_have_keys_of_their_own(self, journal: Journal) -> None:
        """A broadcast uses one key on every channel."""
        standings = await journal.enqueue(
            [send("hello", key="k"), send("hello", key="k", channel=OWL)]
        )

        assert [one.is_new for one in standings] == [True, True]
        assert await journal.backlog([OWL]) == Backlog(operations=1)

    async def test_known_keys_survive_a_crash(self, journals: Journals) -> None:
        """What was stored before the process died is not stored again after it."""
        journal = await journals.open()
        await journal.enqueue([send("hello", key="k")])

        journal = await journals.crash()
        (standing,) = await journal.enqueue([send("hello", key="k")])

        assert not standing.is_new
        assert await send_all(journal, await journal.own(PIGEON)) == ["hello"]

    async def test_not_before_holds_it_and_what_is_behind_it(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A later message does not overtake one of its address that is not yet due."""
        later = START + timedelta(seconds=60)
        await journal.enqueue([send("late", not_before=later), send("next")])

        taken = await journal.take(pigeon, 10, {})

        assert not taken.deliveries
        assert taken.wait_s == pytest.approx(60)
        journals.clock.advance(60)
        assert await send_all(journal, pigeon) == ["late", "next"]

    async def test_an_unknown_key_has_no_standing(self, journal: Journal) -> None:
        """Of what was never stored nothing is known."""
        await journal.enqueue([send("hello", key="k")])

        assert await journal.standing(PIGEON, "other") is None
        assert await journal.standing(OWL, "k") is None

    async def test_storing_nothing_is_no_error(self, journal: Journal) -> None:
        """An empty list has no standings."""
        assert list(await journal.enqueue([])) == []

    async def test_callers_at_the_same_time_store_a_key_once(self, journal: Journal) -> None:
        """Of many who store the same key together, one was first."""
        standings = await asyncio.gather(
            *(journal.enqueue([send(str(number), key="k")]) for number in range(20))
        )

        assert sum(one.is_new for (one,) in standings) == 1
        assert await journal.backlog() == Backlog(operations=1)
