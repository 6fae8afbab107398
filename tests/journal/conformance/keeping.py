"""What is kept and what goes: dead letters, small state, prune."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import START

from cobot import Address
from cobot.journal import Backlog, Journal, Ownership
from journal.conformance.harness import (
    DEDUPE_DAYS,
    KEEP_DAYS,
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    conversation,
    give_up,
    parts,
    row,
    send,
    send_all,
    settle_with,
    take,
    take_one,
    texts,
)

DAY_S = 86_400.0


class TestDeadLetters(Suite):
    """What was given up, until somebody decides."""

    async def test_they_come_oldest_first(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Turns and sends that were given up stand in one list, with when and why."""
        await journal.enqueue([send("lost")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)
        journals.clock.advance(1)
        await journal.publish(pigeon, [row("bad")], {})
        await give_up(journal, "boom")

        first, second = await journal.dead()

        assert (first.kind, first.content, first.reason, first.at) == (
            "send",
            "lost",
            "gone",
            START,
        )
        assert (second.kind, second.content, second.reason) == ("turn", "bad", "boom")
        assert second.at == START + timedelta(seconds=1)
        assert first.id != second.id

    async def test_a_retried_turn_comes_at_the_end_of_its_line(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that is tried again is answered after those that came meanwhile."""
        await journal.publish(pigeon, [row("bad"), row("good")], {})
        await give_up(journal)
        (letter,) = await journal.dead()

        assert await journal.retry_dead(letter.id) is True

        assert not await journal.dead()
        assert await journal.backlog() == Backlog(jobs=2)
        assert await answer_all(journal) == ["good", "bad"]

    async def test_a_retried_send_comes_at_the_end_of_its_line(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that is sent again leaves after those that were stored meanwhile."""
        await journal.enqueue([send("bad"), send("good")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)
        (letter,) = await journal.dead()

        assert await journal.retry_dead(letter.id) is True

        assert not await journal.dead()
        standing = await journal.standing(PIGEON, "bad")
        assert standing is not None
        assert standing.state == "waiting"
        assert await send_all(journal, pigeon) == ["good", "bad"]

    async def test_a_retried_message_in_parts_stays_together(self, journals: Journals) -> None:
        """Nothing comes between the parts of a message that is sent again, now or later."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.enqueue([*parts("p1", "p2", "p3", "p4"), send("before")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)
        (letter,) = await journal.dead()
        await journal.retry_dead(letter.id)
        await journal.enqueue([send("next 1"), send("next 2"), send("next 3")])

        journal = await journals.crash()

        assert await send_all(journal, await journal.own(PIGEON)) == [
            *("before", "p1", "p2", "p3", "p4"),
            *("next 1", "next 2", "next 3"),
        ]

    async def test_a_retried_group_keeps_its_place_over_a_crash(
        self, journals: Journals
    ) -> None:
        """What came before a retry is answered before it, what came after it after it."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        album = [row(name, group="album") for name in ("a1", "a2", "a3")]
        await journal.publish(pigeon, [*album, row("before")], {})
        await give_up(journal)
        for letter in await journal.dead():
            await journal.retry_dead(letter.id)
        await journal.publish(pigeon, [row(f"after {number}") for number in range(3)], {})

        journal = await journals.crash()

        answered = await answer_all(journal)
        assert answered == ["before", "a1", "a2", "a3", "after 0", "after 1", "after 2"]

    async def test_retried_ones_keep_their_place_when_the_chat_moves(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The end of the line is the end of the line under the new name too."""
        await journal.publish(pigeon, [row("bad", "old"), row("good", "old")], {})
        await give_up(journal)
        await journal.enqueue([send("lost", "old"), send("fine", "old")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)
        for letter in await journal.dead():
            await journal.retry_dead(letter.id)

        await journal.rename(Address(PIGEON, "old"), Address(PIGEON, "new"))

        assert await answer_all(journal) == ["good", "bad"]
        assert await send_all(journal, pigeon) == ["fine", "lost"]

    async def test_a_letter_is_retried_where_its_chat_is_now(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was given up before its chat moved is tried again in the new one."""
        await journal.publish(pigeon, [row("bad", "old")], {})
        await give_up(journal)
        await journal.enqueue([send("lost", "old")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)
        new = Address(PIGEON, "new")
        await journal.rename(Address(PIGEON, "old"), new)

        assert {letter.address for letter in await journal.dead()} == {new}
        for letter in await journal.dead():
            await journal.retry_dead(letter.id)

        job = await claim_one(journal)
        assert (job.messages[0].address, job.conversation) == (new, conversation("new"))
        assert (await take_one(journal, pigeon)).operation.address == new

    async def test_a_retried_one_starts_anew(self, journal: Journal, pigeon: Ownership) -> None:
        """What was given up for its tries gets as many as before."""
        await journal.publish(pigeon, [row("bad")], {})
        await journal.fail(await claim_one(journal), "boom", 0.0)
        await give_up(journal)
        (letter,) = await journal.dead()
        await journal.retry_dead(letter.id)

        assert (await claim_one(journal)).tries == 0

    async def test_a_retried_turn_keeps_its_key_and_group(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The agent sees the same message: what it did under its key it can find again."""
        published = row("one", group="x")
        await journal.publish(pigeon, [published, row("two", group="x")], {})
        await give_up(journal)
        for letter in await journal.dead():
            await journal.retry_dead(letter.id)

        asked = [one for job in await claim(journal) for one in job.messages]
        assert asked[0] == published.item

    async def test_what_may_have_arrived_stays_marked_when_it_is_retried(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A retry does not forget that an earlier attempt may have arrived."""
        await journal.enqueue([send("maybe")])
        delivery = await take_one(journal, pigeon)
        await journal.not_sent(pigeon, delivery, "timeout", None, is_unknown=True)
        (letter,) = await journal.dead()
        await journal.retry_dead(letter.id)

        assert (await take_one(journal, pigeon)).unknowns == 1

    async def test_a_dropped_one_is_gone(self, journal: Journal, pigeon: Ownership) -> None:
        """What the owner has seen and drops comes back neither as letter nor as message."""
        await journal.publish(pigeon, [row("bad")], {})
        await give_up(journal)
        (letter,) = await journal.dead()

        assert await journal.drop_dead(letter.id) is True

        assert not await journal.dead()
        assert not await claim(journal)
        assert not await journal.publish(pigeon, [row("bad")], {})

    async def test_a_letter_that_is_not_there_is_told(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Each letter can be decided once; numbers that name none are no letters."""
        await journal.publish(pigeon, [row("a", "a"), row("b", "b")], {})
        for job in await claim(journal):
            await journal.fail(job, "boom", None)
        first, second = await journal.dead()
        assert await journal.retry_dead(first.id)
        assert await journal.drop_dead(second.id)

        for letter in (first.id, second.id, 10_000, -1):
            assert await journal.retry_dead(letter) is False
            assert await journal.drop_dead(letter) is False

    async def test_they_survive_a_crash(self, journals: Journals) -> None:
        """A dead letter waits for its owner as long as it takes."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("bad")], {})
        await give_up(journal, "boom")
        before = list(await journal.dead())

        journal = await journals.crash()

        assert list(await journal.dead()) == before
        assert await journal.retry_dead(before[0].id)
        assert texts(await claim(journal)) == ["bad"]


class TestState(Suite):
    """Small values by key."""

    @pytest.mark.parametrize(
        "value",
        [0, False, "", [], {}, 1.5, "ü\U0001f426\u2028", {"a": [None, {"b": True}]}, 2**53],
        ids=repr,
    )
    async def test_a_value_comes_back_as_it_was(
        self, journals: Journals, value: object
    ) -> None:
        """Any JSON value survives, also the ones that count as nothing."""
        journal = await journals.open()
        await journal.put({"key": value})

        journal = await journals.crash()

        kept = await journal.get("key")
        assert (kept, type(kept)) == (value, type(value))

    async def test_none_removes(self, journal: Journal) -> None:
        """What is put away is as if it had never been."""
        await journal.put({"a": 1, "b": 2})
        await journal.put({"a": None, "c": 3})

        assert [await journal.get(key) for key in "abc"] == [None, 2, 3]

    async def test_several_are_kept_together_or_not_at_all(self, journal: Journal) -> None:
        """A value that is no JSON keeps the others of its call out too."""
        with pytest.raises((TypeError, ValueError)):
            await journal.put({"a": 1, "odd": object()})

        assert await journal.get("a") is None

    async def test_what_was_handed_out_can_be_changed_without_effect(
        self, journal: Journal
    ) -> None:
        """What somebody does with a value moves nothing in the journal."""
        value = {"list": [1]}
        await journal.put({"key": value})
        value["list"].append(2)
        (await journal.get("key"))["list"].append(3)

        assert await journal.get("key") == {"list": [1]}

    async def test_notes_of_a_conversation_are_no_small_state(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An agent's notes and the session's values do not share their names."""
        await journal.publish(pigeon, [row("1"), row("2")], {})
        await journal.put({conversation(): "mine", "step": "mine"})
        await journal.settle(await claim_one(journal), [], state={"step": 1})

        assert await journal.get("step") == "mine"
        assert await journal.get(conversation()) == "mine"
        assert (await claim_one(journal)).state == {"step": 1}


class TestPrune(Suite):
    """What need not be kept any longer."""

    async def test_what_waits_and_dead_letters_never_go(self, journals: Journals) -> None:
        """However old, what is not decided is kept, and stays known."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("bad", "a"), row("waits", "b")], {})
        await journal.fail((await claim(journal, 1))[0], "boom", None)
        await journal.enqueue([send("lost", "a")])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)
        await journal.enqueue([send("waits", "b")])
        journals.clock.advance(400 * DAY_S)

        await journal.prune(journals.clock.now())

        pigeon = await journal.own(PIGEON)
        assert [one.content for one in await journal.dead()] == ["bad", "lost"]
        assert await journal.backlog() == Backlog(jobs=1, operations=1)
        assert not await journal.publish(pigeon, [row("waits", "b")], {})
        assert texts(await claim(journal)) == ["waits"]
        assert texts(await take(journal, pigeon)) == ["waits"]
        for letter in await journal.dead():
            assert await journal.retry_dead(letter.id)

    async def test_keys_are_kept_for_their_time(self, journals: Journals) -> None:
        """What a network may hand over again is known for so long, and then forgotten."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        rows = [row("answered"), row("refused", verdict="refused"), row("x", verdict="dropped")]
        await journal.publish(pigeon, rows, {})
        await settle_with(journal, send("answer"))
        await send_all(journal, pigeon)

        journals.clock.advance((DEDUPE_DAYS - 1) * DAY_S)
        await journal.prune(journals.clock.now())
        keys = [one.key for one in rows]
        assert set(await journal.known(PIGEON, keys)) == set(keys)
        (standing,) = await journal.enqueue([send("answer")])
        assert (standing.state, standing.is_new) == ("done", False)

        journals.clock.advance(2 * DAY_S)
        assert await journal.prune(journals.clock.now()) > 0
        assert not await journal.known(PIGEON, keys)
        assert await journal.standing(PIGEON, "answer") is None

    async def test_texts_are_kept_for_their_time(self, journals: Journals) -> None:
        """What was said is remembered for so long, though its keys stay known."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("1"), row("refused", verdict="refused")], {})
        await settle_with(journal, send("answer"))
        await send_all(journal, pigeon)

        journals.clock.advance((KEEP_DAYS - 1) * DAY_S)
        await journal.prune(journals.clock.now())
        assert texts(await journal.history(conversation(), 10)) == ["1", "answer"]

        journals.clock.advance(2 * DAY_S)
        assert await journal.prune(journals.clock.now()) > 0
        assert not await journal.history(conversation(), 10)
        assert not await journal.publish(await journal.own(PIGEON), [row("1")], {})
        assert not await claim(journal)

    async def test_what_is_young_stays_beside_what_is_old(self, journals: Journals) -> None:
        """A conversation loses its old end, and reads on from there."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("old")], {})
        await settle_with(journal)
        journals.clock.advance((KEEP_DAYS + 1) * DAY_S)
        await journal.publish(await journal.own(PIGEON), [row("young")], {})
        await settle_with(journal)

        await journal.prune(journals.clock.now())

        assert texts(await journal.history(conversation(), 10)) == ["young"]

    async def test_cursors_state_and_notes_stay(self, journals: Journals) -> None:
        """What is not a message has no age."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("1")], {"": "5"}, state={"a": 1})
        await journal.settle(await claim_one(journal), [], state={"step": 1})
        journals.clock.advance(400 * DAY_S)

        await journal.prune(journals.clock.now())

        pigeon = await journal.own(PIGEON)
        assert pigeon.cursors == {"": "5"}
        assert await journal.get("a") == 1
        await journal.publish(pigeon, [row("2")], {})
        assert (await claim_one(journal)).state == {"step": 1}

    @pytest.mark.parametrize("end", ["open", "crash"])
    async def test_no_number_comes_again(self, journals: Journals, end: str) -> None:
        """Whoever reads events by a cursor misses nothing after all before it was removed."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("old")], {})
        await settle_with(journal)
        (old,) = await journal.events(0)
        journals.clock.advance(400 * DAY_S)
        await journal.prune(journals.clock.now())

        journal = await (journals.open() if end == "open" else journals.crash())
        await journal.publish(await journal.own(PIGEON), [row("new")], {})

        (new,) = await journal.events(old.seq)
        assert new.item == row("new").item

    async def test_there_is_nothing_left_for_a_second_time(self, journals: Journals) -> None:
        """What went is gone; pruning an empty store removes nothing."""
        journal = await journals.open()
        assert await journal.prune(journals.clock.now()) == 0
        await journal.publish(await journal.own(PIGEON), [row("1")], {})
        await settle_with(journal)
        journals.clock.advance(400 * DAY_S)

        assert await journal.prune(journals.clock.now()) > 0
        assert await journal.prune(journals.clock.now()) == 0
