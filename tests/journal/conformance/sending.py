"""What goes out: take, sent, not_sent, prepare, receipts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import START

from cobot import Address, MessageRef, Receipt
from cobot.journal import Backlog, Journal, Operation, Ownership
from journal.conformance.harness import (
    OWL,
    PIGEON,
    Journals,
    Suite,
    receipt,
    ref,
    send,
    send_all,
    take,
    take_one,
    texts,
)


class TestTake(Suite):
    """The next operation of each address: in order, one at a time, in parallel across."""

    async def test_an_address_has_one_under_way(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The second message to a chat is not sent before the first has been answered for."""
        await journal.enqueue([send("one"), send("two")])
        first = await take_one(journal, pigeon)

        assert not await take(journal, pigeon)

        await journal.sent(pigeon, [(first, Receipt())])
        assert texts(await take(journal, pigeon)) == ["two"]

    async def test_addresses_do_not_wait_for_one_another(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A chat that hangs delays no other, and a thread does not wait for its chat."""
        await journal.enqueue([send("slow", "a"), send("behind", "a")])
        await take_one(journal, pigeon)
        await journal.enqueue([send("1", "b"), send("2", "b"), send("3", "a", thread="7")])

        assert sorted(await send_all(journal, pigeon)) == ["1", "2", "3"]

    async def test_order_is_that_of_storing(self, journal: Journal, pigeon: Ownership) -> None:
        """What an address is sent arrives in the order in which it was stored."""
        names = [str(number) for number in range(50)]
        for at in range(0, 50, 10):
            await journal.enqueue([send(name) for name in names[at : at + 10]])

        assert await send_all(journal, pigeon) == names

    @pytest.mark.parametrize(("limit", "expected"), [(0, 0), (1, 1), (2, 2), (9, 3)])
    async def test_no_more_than_the_limit_are_taken(
        self, journal: Journal, pigeon: Ownership, limit: int, expected: int
    ) -> None:
        """A sender is given no more than it has hands for."""
        await journal.enqueue([send(chat, chat) for chat in "abc"])

        assert len(await take(journal, pigeon, limit)) == expected
        assert len(await take(journal, pigeon)) == 3 - expected

    async def test_a_channel_is_handed_its_own_only(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A sender gets nothing of another channel."""
        owl = await journal.own(OWL)
        await journal.enqueue([send("ours"), send("theirs", channel=OWL)])

        assert texts(await take(journal, pigeon)) == ["ours"]
        assert texts(await take(journal, owl)) == ["theirs"]

    async def test_closed_addresses_are_passed_over_until_their_time(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A flood wait of one chat stops its own messages, and no others."""
        await journal.enqueue([send("held", "a"), send("1", "b"), send("2", "c")])
        closed = {Address(PIGEON, "a"): journals.clock.monotonic() + 30}

        taken = await journal.take(pigeon, 10, closed)

        assert texts(taken.deliveries) == ["1", "2"]
        assert taken.wait_s == pytest.approx(30)
        journals.clock.advance(30)
        assert texts((await journal.take(pigeon, 10, closed)).deliveries) == ["held"]

    async def test_the_soonest_of_all_times_is_waited_for(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Closed addresses and delayed operations are waited for together."""
        await journal.enqueue(
            [send("closed", "a"), send("late", "b", not_before=START + timedelta(seconds=20))]
        )
        closed = {Address(PIGEON, "a"): journals.clock.monotonic() + 30}

        assert (await journal.take(pigeon, 10, closed)).wait_s == pytest.approx(20)
        closed = {Address(PIGEON, "a"): journals.clock.monotonic() + 10}
        assert (await journal.take(pigeon, 10, closed)).wait_s == pytest.approx(10)

    async def test_a_closed_address_may_be_opened_early(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """What is closed is the caller's to say, each time anew."""
        await journal.enqueue([send("held")])
        closed = {Address(PIGEON, "chat"): journals.clock.monotonic() + 30}
        assert not (await journal.take(pigeon, 10, closed)).deliveries

        assert texts(await take(journal, pigeon)) == ["held"]

    async def test_closed_addresses_do_not_use_up_the_limit(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Any number of closed chats in front hide none of the open ones."""
        await journal.enqueue([send(str(number), f"chat {number}") for number in range(50)])
        await journal.enqueue([send("open", "open")])
        later = journals.clock.monotonic() + 30
        closed = {Address(PIGEON, f"chat {number}"): later for number in range(50)}

        assert texts((await journal.take(pigeon, 1, closed)).deliveries) == ["open"]

    async def test_closed_addresses_keep_their_place(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Who was passed over is next when it opens, in the order in which they waited."""
        await journal.enqueue([send(chat, chat) for chat in "abcd"])
        later = journals.clock.monotonic() + 30
        closed = {Address(PIGEON, chat): later for chat in "ab"}
        assert texts((await journal.take(pigeon, 1, closed)).deliveries) == ["c"]

        assert texts(await take(journal, pigeon)) == ["a", "b", "d"]

    async def test_a_closed_address_without_messages_is_nothing_to_wait_for(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """No time makes ready what does not exist."""
        closed = {Address(PIGEON, "chat"): journals.clock.monotonic() + 30}

        assert (await journal.take(pigeon, 10, closed)).wait_s is None

    async def test_what_is_under_way_is_nothing_to_wait_for(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Only its sender can say how it ended."""
        await journal.enqueue([send("one"), send("two")])
        await take_one(journal, pigeon)

        assert (await journal.take(pigeon, 10, {})).wait_s is None

    @pytest.mark.parametrize("how", ["crash", "own", "disown", "reopen"])
    async def test_what_was_taken_and_not_reported_comes_again_first(
        self, journals: Journals, how: str
    ) -> None:
        """What may have arrived comes again before what is behind it, and is marked."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.enqueue([send("maybe"), send("behind"), send("other", "other")])
        (first,) = await take(journal, pigeon, 1)
        assert first.unknowns == 0

        if how == "crash":
            journal = await journals.crash()
        elif how == "reopen":
            journal = await journals.open()
        elif how == "disown":
            await journal.disown(pigeon)
        pigeon = await journal.own(PIGEON)

        again = await take(journal, pigeon)
        assert [(texts([one]), one.unknowns) for one in again] == [
            (["maybe"], 1),
            (["other"], 0),
        ]
        assert again[0].id == first.id

    async def test_unknowns_add_up(self, journals: Journals) -> None:
        """Each attempt that nobody reported may have arrived."""
        journal = await journals.open()
        await journal.enqueue([send("maybe")])
        unknowns = []
        for _ in range(3):
            unknowns.append((await take_one(journal, await journal.own(PIGEON))).unknowns)
            journal = await journals.crash()

        assert unknowns == [0, 1, 2]

    async def test_what_was_not_taken_is_not_marked(self, journals: Journals) -> None:
        """Only what was in flight when the process died is unknown."""
        journal = await journals.open()
        await journal.own(PIGEON)
        await journal.enqueue([send("one")])

        journal = await journals.crash()

        assert (await take_one(journal, await journal.own(PIGEON))).unknowns == 0

    async def test_operations_of_all_kinds_share_the_line_of_their_address(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A reaction does not overtake the message before it."""
        address = Address(PIGEON, "chat")
        react = Operation(
            kind="react", address=address, key="r", ref=ref("9"), emoji="\U0001f44d"
        )
        await journal.enqueue([send("one"), react])
        first = await take_one(journal, pigeon)
        await journal.sent(pigeon, [(first, Receipt())])

        second = await take_one(journal, pigeon)

        assert (second.operation, second.refs) == (react, (ref("9"),))


class TestSent(Suite):
    """What came of an operation."""

    async def test_the_receipt_is_found_by_key_and_by_message(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Who knows either the key or the network's id learns what came of a message."""
        await journal.enqueue([send("hello", key="k")])
        made = Receipt(
            (ref("1"), ref("2")), ("reply->quote",), maybe_repeated=True, metadata={"n": 1}
        )
        await journal.sent(pigeon, [(await take_one(journal, pigeon), made)])

        standing = await journal.standing(PIGEON, "k")

        assert standing is not None
        assert (standing.state, standing.receipt) == ("done", made)
        assert await journal.receipt(ref("1")) == made
        found = await journal.receipt(ref("2"))
        assert found is not None
        assert (found, found.metadata) == (made, {"n": 1})

    async def test_a_message_that_nobody_made_has_no_receipt(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The same id in another chat is another message."""
        await journal.enqueue([send("hello")])
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1"))])

        assert await journal.receipt(ref("1", "other")) is None
        assert await journal.receipt(MessageRef(OWL, "chat", "1")) is None
        assert await journal.receipt(ref("2")) is None

    async def test_several_are_recorded_at_once(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Results that come in together are stored together."""
        await journal.enqueue([send(chat, chat) for chat in "abc"])
        deliveries = await take(journal, pigeon)

        await journal.sent(pigeon, [(one, Receipt()) for one in deliveries])

        assert not await journal.backlog()
        states = [await journal.standing(PIGEON, chat) for chat in "abc"]
        assert [one.state for one in states if one] == ["done"] * 3

    async def test_an_empty_receipt_is_done_too(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A network that tells no ids has delivered all the same."""
        await journal.enqueue([send("hello")])
        await journal.sent(pigeon, [(await take_one(journal, pigeon), Receipt())])

        standing = await journal.standing(PIGEON, "hello")

        assert standing is not None
        assert (standing.state, standing.receipt) == ("done", Receipt())

    async def test_it_survives_a_crash(self, journals: Journals) -> None:
        """What was recorded as sent is not sent again, and its receipt is still there."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.enqueue([send("one"), send("two")])
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1"))])

        journal = await journals.crash()

        assert await journal.receipt(ref("1")) == receipt("1")
        assert await send_all(journal, await journal.own(PIGEON)) == ["two"]

    async def test_a_result_that_is_told_twice_counts_once(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was sent stays sent, whatever is said of it afterwards."""
        await journal.enqueue([send("one"), send("two")])
        delivery = await take_one(journal, pigeon)
        await journal.sent(pigeon, [(delivery, receipt("1"))])

        await journal.sent(pigeon, [(delivery, receipt("2"))])
        await journal.not_sent(pigeon, delivery, "late", None)
        await journal.not_sent(pigeon, delivery, "late", START)

        assert await journal.receipt(ref("1")) == receipt("1")
        assert await journal.receipt(ref("2")) is None
        assert not await journal.dead()
        assert [one.kind for one in await journal.events(0)] == ["sent"]
        assert await send_all(journal, pigeon) == ["two"]

    async def test_recording_nothing_is_no_error(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An empty list of results changes nothing."""
        await journal.enqueue([send("one")])

        await journal.sent(pigeon, [])

        assert await journal.backlog() == Backlog(operations=1)


class TestNotSent(Suite):
    """What was not done, or not for certain."""

    async def test_it_waits_and_what_is_behind_it_too(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that is tried again later is not overtaken on its address."""
        await journal.enqueue([send("one"), send("two"), send("other", "other")])
        first, _ = await take(journal, pigeon)

        await journal.not_sent(pigeon, first, "no connection", START + timedelta(seconds=5))

        taken = await journal.take(pigeon, 10, {})
        assert not taken.deliveries
        assert taken.wait_s == pytest.approx(5)
        journals.clock.advance(5)
        again = await take_one(journal, pigeon)
        assert (texts([again]), again.attempts, again.unknowns) == (["one"], 1, 0)

    @pytest.mark.parametrize(
        ("is_attempt", "is_unknown", "expected"),
        [
            (True, False, (1, 0)),
            (False, False, (0, 0)),
            (True, True, (1, 1)),
            (False, True, (0, 1)),
        ],
    )
    async def test_attempts_and_unknowns_are_counted_apart(
        self,
        journal: Journal,
        pigeon: Ownership,
        is_attempt: bool,
        is_unknown: bool,
        expected: tuple[int, int],
    ) -> None:
        """A wait that the network asked for is no attempt; what may have arrived is unknown."""
        await journal.enqueue([send("one")])
        await journal.not_sent(
            pigeon,
            await take_one(journal, pigeon),
            "reason",
            START,
            is_attempt=is_attempt,
            is_unknown=is_unknown,
        )

        again = await take_one(journal, pigeon)

        assert (again.attempts, again.unknowns) == expected

    async def test_the_counts_and_the_time_survive_a_crash(self, journals: Journals) -> None:
        """A crash makes a failed message neither due nor new."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.enqueue([send("one")])
        later = journals.clock.now() + timedelta(seconds=3600)
        delivery = await take_one(journal, pigeon)
        await journal.not_sent(pigeon, delivery, "reason", later, is_unknown=True)

        journal = await journals.crash()
        pigeon = await journal.own(PIGEON)
        assert not await take(journal, pigeon)
        journals.clock.advance(3600)
        again = await take_one(journal, pigeon)

        assert (again.attempts, again.unknowns, again.created_at) == (1, 1, START)

    async def test_without_a_time_it_is_a_dead_letter_and_the_next_ones_turn(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that is given up does not hold up its chat."""
        await journal.enqueue([send("one"), send("two")])

        await journal.not_sent(pigeon, await take_one(journal, pigeon), "chat is gone", None)

        assert await send_all(journal, pigeon) == ["two"]
        (letter,) = await journal.dead()
        assert (letter.kind, letter.content, letter.reason) == ("send", "one", "chat is gone")
        assert (letter.address, letter.at) == (Address(PIGEON, "chat"), START)


class TestPrepare(Suite):
    """What all attempts of an operation share."""

    async def test_each_later_attempt_gets_it(self, journals: Journals) -> None:
        """What was signed once is sent again as it was, also by the next process."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.enqueue([send("one")])
        delivery = await take_one(journal, pigeon)
        prepared = {"event": ["id", 1, None], "sig": "ü"}
        await journal.prepare(pigeon, delivery, prepared)
        await journal.not_sent(pigeon, delivery, "no connection", START)

        assert (await take_one(journal, pigeon)).prepared == prepared
        journal = await journals.crash()
        again = await take_one(journal, await journal.own(PIGEON))
        assert (again.prepared, again.unknowns) == (prepared, 1)

    async def test_a_retried_dead_letter_still_has_it(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What may have arrived is sent again as the same thing, also on the owner's word."""
        await journal.enqueue([send("one")])
        delivery = await take_one(journal, pigeon)
        await journal.prepare(pigeon, delivery, {"event": 1})
        await journal.not_sent(pigeon, delivery, "gone", None)
        (letter,) = await journal.dead()
        await journal.retry_dead(letter.id)

        assert (await take_one(journal, pigeon)).prepared == {"event": 1}

    async def test_it_belongs_to_one_operation(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The next message on the address has nothing prepared yet."""
        await journal.enqueue([send("one"), send("two")])
        first = await take_one(journal, pigeon)
        await journal.prepare(pigeon, first, {"event": 1})
        await journal.sent(pigeon, [(first, Receipt())])

        assert (await take_one(journal, pigeon)).prepared is None
