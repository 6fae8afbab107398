"""Looking back: history, why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import START

from cobot import Address
from cobot.journal import Journal, Ownership
from journal.conformance.harness import (
    OWL,
    PIGEON,
    Journals,
    Suite,
    claim,
    claim_one,
    conversation,
    deletion,
    give_up,
    own_delete,
    own_edit,
    parts,
    ref,
    row,
    send,
    send_all,
    settle_with,
    take_one,
    texts,
)

LATER = START + timedelta(seconds=1)


class TestHistory(Suite):
    """Who said what in a conversation, as it is now."""

    async def test_questions_and_answers_stand_in_order(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A conversation reads as it was led, with who, where, when and under which ids."""
        await journal.publish(pigeon, [row("question")], {})
        journals.clock.advance(3)
        await settle_with(journal, send("answer"))
        await send_all(journal, pigeon)

        asked, answered = await journal.history(conversation(), 10)

        address = Address(PIGEON, "chat")
        assert (asked.role, asked.content, asked.address) == ("user", "question", address)
        assert (asked.sender_id, asked.sender_name) == ("person", "A Person")
        assert (asked.ids, asked.timestamp, asked.state) == (("question",), START, "answered")
        assert (answered.role, answered.content, answered.address) == (
            "agent",
            "answer",
            address,
        )
        assert (answered.sender_id, answered.sender_name) == ("", "")
        assert (answered.ids, answered.state) == (("id-answer",), "sent")
        assert answered.timestamp == START + timedelta(seconds=3)

    async def test_the_newest_come_oldest_first(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A limit cuts off what is old, and the rest reads forward."""
        for number in range(5):
            await journal.publish(pigeon, [row(f"q{number}")], {})
            await settle_with(journal, send(f"a{number}"))

        assert texts(await journal.history(conversation(), 3)) == ["a3", "q4", "a4"]
        assert len(await journal.history(conversation(), 100)) == 10
        assert list(await journal.history(conversation(), 0)) == []

    async def test_what_came_in_after_a_job_can_be_left_out(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Who answers a message looks back from it; our answers to earlier ones are there."""
        await journal.publish(pigeon, [row("q1"), row("q2"), row("q3")], {})
        await settle_with(journal, send("a1"))
        (job,) = (await journal.claim(1)).jobs

        entries = await journal.history(conversation(), 10, until=job.id)

        assert texts(entries) == ["q1", "q2", "a1"]

    async def test_what_waits_is_in_it(self, journal: Journal, pigeon: Ownership) -> None:
        """A question belongs to it before it is answered, an answer before it has left."""
        await journal.publish(pigeon, [row("1"), row("2")], {})
        await settle_with(journal, send("answer"))

        entries = await journal.history(conversation(), 10)

        states = {one.content: one.state for one in entries}
        assert states == {"1": "answered", "2": "waiting", "answer": "waiting"}
        assert {one.content: one.ids for one in entries}["answer"] == ()

    async def test_a_claimed_message_still_waits(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """While it is being answered it is not yet answered."""
        await journal.publish(pigeon, [row("1")], {})
        await claim_one(journal)

        (entry,) = await journal.history(conversation(), 10)

        assert entry.state == "waiting"

    async def test_what_is_history_only_is_in_it(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was said in the room without asking the bot is remembered."""
        await journal.publish(pigeon, [row("chatter", verdict="history"), row("question")], {})

        chatter, question = await journal.history(conversation(), 10)

        assert (chatter.content, chatter.state) == ("chatter", "unanswered")
        assert question.content == "question"

    @pytest.mark.parametrize("verdict", ["refused", "dropped"])
    async def test_what_was_refused_or_dropped_is_not(
        self, journal: Journal, pigeon: Ownership, verdict: str
    ) -> None:
        """A stranger's words do not enter a conversation."""
        await journal.publish(pigeon, [row("spam", verdict=verdict, reason="filter")], {})

        assert not await journal.history(conversation(), 10)

    async def test_dead_letters_are_in_it_as_what_they_are(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was not answered or not delivered is told from what was."""
        await journal.publish(pigeon, [row("1"), row("2")], {})
        await give_up(journal)
        await settle_with(journal, send("answer"))
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "gone", None)

        states = {one.content: one.state for one in await journal.history(conversation(), 10)}

        assert states["answer"] == "dead"
        assert states["1"] in ("dead", "unanswered")

    async def test_parts_are_one_entry(self, journal: Journal, pigeon: Ownership) -> None:
        """A message that was split is one message with several ids."""
        await journal.enqueue(parts("p1", "p2", "p3"))
        await send_all(journal, pigeon)

        (entry,) = await journal.history(conversation(), 10)

        assert entry.ids == ("id-p1", "id-p2", "id-p3")
        assert [entry.content.find(part) for part in ("p1", "p2", "p3")] == sorted(
            entry.content.find(part) for part in ("p1", "p2", "p3")
        )
        assert "p1" in entry.content
        assert entry.state == "sent"

    async def test_a_limit_counts_messages_and_not_parts(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The newest two messages are two, however long they were."""
        await journal.enqueue([send("one"), *parts("p1", "p2", "p3"), *parts("q1", "q2")])

        entries = await journal.history(conversation(), 2)

        assert len(entries) == 2
        assert "p1" in entries[0].content
        assert "p3" in entries[0].content
        assert "q1" in entries[1].content

    async def test_own_edits_and_deletions_are_applied_when_they_are_done(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """History shows what people see: our own messages in their newest form."""
        await journal.enqueue([send("one"), send("two")])
        await journal.enqueue([own_edit("uno", target="one"), own_delete(target="two")])
        await send_all(journal, pigeon)

        first, second = await journal.history(conversation(), 10)

        assert (first.content, first.edited, first.ids) == ("uno", True, ("id-one",))
        assert (second.content, second.deleted, second.ids) == ("", True, ("id-two",))

    async def test_an_own_edit_that_failed_changes_nothing(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What people do not see is not in the history."""
        await journal.enqueue([send("one")])
        await send_all(journal, pigeon)
        await journal.enqueue([own_edit("uno", ref=ref("id-one"))])
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "too old", None)

        (entry,) = await journal.history(conversation(), 10)

        assert (entry.content, entry.edited) == ("one", False)

    async def test_an_operation_may_belong_to_another_conversation(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that a turn sends elsewhere stands where the turn was."""
        await journal.publish(pigeon, [row("question")], {})
        elsewhere = send("told them", "other", conversation=conversation())
        await settle_with(journal, elsewhere)

        asked, told = await journal.history(conversation(), 10)

        assert (asked.content, told.content) == ("question", "told them")
        assert told.address == Address(PIGEON, "other")
        assert not await journal.history(conversation("other"), 10)

    async def test_without_one_it_belongs_to_its_address(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that answers nothing stands in the history of where it goes."""
        await journal.enqueue([send("hello", thread="7")])

        assert texts(await journal.history(conversation("chat", "7"), 10)) == ["hello"]
        assert not await journal.history(conversation(), 10)

    async def test_it_survives_a_crash_and_keeps_its_order(self, journals: Journals) -> None:
        """The next process remembers what was said."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("q1")], {})
        await settle_with(journal, send("a1"))
        await send_all(journal, pigeon)
        before = list(await journal.history(conversation(), 10))

        journal = await journals.crash()

        assert list(await journal.history(conversation(), 10)) == before

    async def test_an_unknown_conversation_has_none(self, journal: Journal) -> None:
        """Where nobody spoke there is nothing to read."""
        assert not await journal.history("never heard of", 10)


class TestWhy(Suite):
    """Every decision about a message, in words."""

    async def test_an_answered_message_is_explained_from_end_to_end(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """From its arrival to its answer's delivery each step is told, in order of time."""
        await journal.publish(pigeon, [row("1")], {})
        waiting = await journal.why(PIGEON, "chat", "1")
        journals.clock.advance(1)
        await settle_with(journal, send("answer"))
        answered = await journal.why(PIGEON, "chat", "1")
        journals.clock.advance(1)
        await send_all(journal, pigeon)
        delivered = await journal.why(PIGEON, "chat", "1")

        assert waiting
        assert waiting[0].at == START
        assert _words(answered) != _words(waiting)
        assert _words(delivered) != _words(answered)
        times = [step.at for step in delivered if step.at]
        assert times == sorted(times)

    @pytest.mark.parametrize("verdict", ["history", "refused", "dropped"])
    async def test_what_is_not_answered_is_explained_with_its_reason(
        self, journal: Journal, pigeon: Ownership, verdict: str
    ) -> None:
        """The owner learns who decided, and why."""
        await journal.publish(pigeon, [row("1", verdict=verdict, reason="not paired")], {})

        steps = await journal.why(PIGEON, "chat", "1")

        assert "not paired" in _words(steps)

    async def test_a_withdrawn_message_is_explained(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """That its author took it back is the reason why nobody answered."""
        await journal.publish(pigeon, [row("1")], {})
        waiting = await journal.why(PIGEON, "chat", "1")
        await journal.publish(pigeon, [deletion("1", LATER)], {})

        assert _words(await journal.why(PIGEON, "chat", "1")) != _words(waiting)

    async def test_failures_on_the_way_are_told(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Why an answer took so long is a decision too."""
        await journal.publish(pigeon, [row("1")], {})
        await journal.fail(await claim_one(journal), "the agent took too long", 0.0)

        assert "the agent took too long" in _words(await journal.why(PIGEON, "chat", "1"))

    async def test_a_dead_letter_is_explained_with_its_reason(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The owner learns why there was no answer."""
        await journal.publish(pigeon, [row("1")], {})
        await give_up(journal, "the agent raised KeyError")

        assert "the agent raised KeyError" in _words(await journal.why(PIGEON, "chat", "1"))

    async def test_an_answer_that_was_not_delivered_is_explained(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that was answered, and whose answer died, is told as such."""
        await journal.publish(pigeon, [row("1")], {})
        await settle_with(journal, send("answer"))
        await journal.not_sent(pigeon, await take_one(journal, pigeon), "chat is gone", None)

        assert "chat is gone" in _words(await journal.why(PIGEON, "chat", "1"))

    async def test_a_message_of_our_own_is_explained(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Where a message of the bot came from can be asked by the network's id."""
        await journal.enqueue([send("hello")])
        await send_all(journal, pigeon)

        assert await journal.why(PIGEON, "chat", "id-hello")

    async def test_a_message_in_a_thread_is_found_there(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Ids count within chat and thread."""
        await journal.publish(pigeon, [row("1", thread="7", verdict="refused", reason="x")], {})

        assert await journal.why(PIGEON, "chat", "1", "7")
        assert not await journal.why(PIGEON, "chat", "1", "8")

    async def test_of_an_unknown_message_nothing_is_told(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was never seen was never decided."""
        await journal.publish(pigeon, [row("1")], {})

        assert not await journal.why(PIGEON, "chat", "2")
        assert not await journal.why(PIGEON, "other", "1")
        assert not await journal.why(OWL, "chat", "1")

    async def test_it_survives_a_crash(self, journals: Journals) -> None:
        """The command line asks a store that nobody has open."""
        journal = await journals.open()
        refused = row("1", verdict="refused", reason="not paired")
        await journal.publish(await journal.own(PIGEON), [refused], {})

        journal = await journals.crash()

        assert "not paired" in _words(await journal.why(PIGEON, "chat", "1"))
        assert not await claim(journal)


def _words(steps: object) -> str:
    assert isinstance(steps, list | tuple)
    return "\n".join(step.text for step in steps)
