"""Messages in parts, and operations on earlier messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import START

from cobot import Receipt
from cobot.journal import Backlog, Journal, Ownership
from journal.conformance.harness import (
    PIGEON,
    Journals,
    Suite,
    own_delete,
    own_edit,
    parts,
    receipt,
    ref,
    send,
    send_all,
    take,
    take_one,
    texts,
)


class TestParts(Suite):
    """What becomes of one part becomes of the message."""

    async def test_parts_leave_in_order_and_make_one_receipt(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A long text arrives in its order, and its receipt names all that was made."""
        await journal.enqueue([*parts("p1", "p2", "p3"), send("next")])

        assert await send_all(journal, pigeon) == ["p1", "p2", "p3", "next"]

        whole = receipt("id-p1", "id-p2", "id-p3")
        standing = await journal.standing(PIGEON, "p1")
        assert standing is not None
        assert (standing.state, standing.receipt) == ("done", whole)
        assert await journal.receipt(ref("id-p2")) == whole

    async def test_a_message_is_done_when_its_last_part_is(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Half a message is still waiting."""
        await journal.enqueue(parts("p1", "p2"))
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1"))])

        standing = await journal.standing(PIGEON, "p1")

        assert standing is not None
        assert (standing.state, standing.receipt) == ("waiting", None)

    async def test_the_receipt_joins_what_befell_the_parts(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """If one part may have arrived twice, the message may have; so with degradations."""
        await journal.enqueue(parts("p1", "p2"))
        first = Receipt((ref("1"),), ("reply->quote",))
        await journal.sent(pigeon, [(await take_one(journal, pigeon), first)])
        second = Receipt((ref("2"),), maybe_repeated=True)
        await journal.sent(pigeon, [(await take_one(journal, pigeon), second)])

        standing = await journal.standing(PIGEON, "p1")

        assert standing is not None
        assert standing.receipt == Receipt((ref("1"), ref("2")), ("reply->quote",), True)

    @pytest.mark.parametrize("sent_before", [0, 1, 2])
    async def test_a_dead_part_holds_its_followers_back(
        self, journal: Journal, pigeon: Ownership, sent_before: int
    ) -> None:
        """No message is sent with a hole in it: it is one dead letter, and the next goes on."""
        await journal.enqueue([*parts("p1", "p2", "p3"), send("next")])
        for number in range(sent_before):
            delivery = await take_one(journal, pigeon)
            await journal.sent(pigeon, [(delivery, receipt(str(number)))])

        await journal.not_sent(pigeon, await take_one(journal, pigeon), "too long", None)

        (letter,) = await journal.dead()
        assert (letter.kind, letter.reason) == ("send", "too long")
        assert "p3" in letter.content
        standing = await journal.standing(PIGEON, "p1")
        assert standing is not None
        assert (standing.state, standing.reason) == ("dead", "too long")
        assert await send_all(journal, pigeon) == ["next"]
        assert not await journal.backlog()

    async def test_a_part_that_waits_holds_its_followers_back(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """The rest of a message waits for the part that is tried again."""
        await journal.enqueue(parts("p1", "p2", "p3"))
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1"))])
        later = START + timedelta(seconds=5)
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "again", later)

        assert not await take(journal, pigeon)
        journals.clock.advance(5)
        assert await send_all(journal, pigeon) == ["p2", "p3"]

    async def test_a_retried_dead_letter_sends_what_had_not_left(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A dead message that is tried again goes on at the part that was not sent."""
        await journal.enqueue(parts("p1", "p2", "p3"))
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1"))])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)
        (letter,) = await journal.dead()

        assert await journal.retry_dead(letter.id)

        assert await send_all(journal, pigeon) == ["p2", "p3"]
        standing = await journal.standing(PIGEON, "p1")
        assert standing is not None
        assert standing.receipt == receipt("1", "id-p2", "id-p3")

    async def test_parts_survive_a_crash_in_the_middle(self, journals: Journals) -> None:
        """The next process goes on at the part that was under way."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.enqueue(parts("p1", "p2", "p3"))
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("id-p1"))])
        await take_one(journal, pigeon)

        journal = await journals.crash()

        assert await send_all(journal, await journal.own(PIGEON)) == ["p2", "p3"]
        assert await journal.receipt(ref("id-p1")) == receipt("id-p1", "id-p2", "id-p3")

    async def test_known_parts_are_passed_over(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message in parts that is stored again is the same message."""
        await journal.enqueue(parts("p1", "p2"))

        standings = await journal.enqueue(parts("p1", "p2"))

        assert not any(one.is_new for one in standings)
        assert await journal.backlog() == Backlog(operations=2)


class TestTargets(Suite):
    """Operations on an earlier one's message, whose id nobody knew when they were stored."""

    async def test_the_target_is_looked_up_when_it_is_taken(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An edit of a message that was still to be sent finds its id, all parts in order."""
        edit = own_edit("new", target="p1")
        await journal.enqueue([*parts("p1", "p2"), edit])
        for name in ("1", "2"):
            await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt(name))])

        delivery = await take_one(journal, pigeon)

        assert delivery.operation == edit
        assert (delivery.refs, delivery.target_is_gone) == ((ref("1"), ref("2")), False)

    async def test_a_target_that_was_given_up_is_gone(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """There is nothing to delete of a message that was never sent."""
        await journal.enqueue([send("one"), own_delete(target="one")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "chat is gone", None)

        delivery = await take_one(journal, pigeon)

        assert (delivery.refs, delivery.target_is_gone) == ((), True)

    async def test_a_target_whose_ids_nobody_knows_is_gone(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that the network gave no id can be sent, and not edited."""
        await journal.enqueue([send("one"), own_edit("new", target="one")])
        await journal.sent(pigeon, [(await take_one(journal, pigeon), Receipt())])

        delivery = await take_one(journal, pigeon)

        assert (delivery.refs, delivery.target_is_gone) == ((), True)

    async def test_a_target_that_was_never_stored_is_gone(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A key that names nothing is no reason to wait for ever."""
        await journal.enqueue([own_delete(target="nothing")])

        delivery = await take_one(journal, pigeon)

        assert (delivery.refs, delivery.target_is_gone) == ((), True)

    async def test_a_ref_is_what_is_meant(self, journal: Journal, pigeon: Ownership) -> None:
        """Who knows the id names it, also of a message that the journal never saw."""
        await journal.enqueue([own_edit("new", ref=ref("elsewhere"))])

        delivery = await take_one(journal, pigeon)

        assert (delivery.refs, delivery.target_is_gone) == ((ref("elsewhere"),), False)

    async def test_a_target_is_found_after_a_crash(self, journals: Journals) -> None:
        """The next process knows the ids that the last one was told."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.enqueue([send("one")])
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1"))])

        journal = await journals.crash()
        await journal.enqueue([own_edit("new", target="one")])
        delivery = await take_one(journal, await journal.own(PIGEON))

        assert texts([delivery]) == ["new"]
        assert delivery.refs == (ref("1"),)

    async def test_a_target_in_another_chat_of_the_channel_is_found(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A key counts on its channel; the message may lie in another thread."""
        await journal.enqueue([send("one", "a")])
        await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("1", chat="a"))])
        await journal.enqueue([own_edit("new", chat="b", target="one")])

        assert (await take_one(journal, pigeon)).refs == (ref("1", "a"),)
