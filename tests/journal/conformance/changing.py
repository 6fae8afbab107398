"""What happens to messages afterwards: edits, deletions, reactions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes import START

from cobot import IncomingMessage
from cobot.journal import Journal, Ownership
from journal.conformance.harness import (
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    conversation,
    deletion,
    edit,
    reaction,
    row,
    send,
    settle_with,
    take,
    texts,
)

LATER = START + timedelta(seconds=1)
LATEST = START + timedelta(seconds=2)


class TestEdits(Suite):
    """A new form of a message."""

    async def test_what_still_waits_is_replaced(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The agent is asked what the person means now, once, and under the same key."""
        published = row("teh question", id="1")
        await journal.publish(pigeon, [published, row("behind")], {})
        await journal.publish(pigeon, [edit("1", "the question", LATER)], {})

        job = await claim_one(journal)

        (asked,) = job.messages
        assert isinstance(published.item, IncomingMessage)
        assert (asked.content, asked.edited_at) == ("the question", LATER)
        assert (asked.id, asked.key) == ("1", published.item.key)
        assert await journal.settle(job, [])
        assert await answer_all(journal) == ["behind"]

    async def test_the_newest_form_counts(self, journal: Journal, pigeon: Ownership) -> None:
        """Edits may come in any order; the one that was made last is the message."""
        await journal.publish(pigeon, [row("1")], {})
        await journal.publish(pigeon, [edit("1", "newest", LATEST)], {})
        await journal.publish(pigeon, [edit("1", "older", LATER)], {})

        assert texts(await claim(journal)) == ["newest"]
        assert texts(await journal.history(conversation(), 10)) == ["newest"]

    async def test_in_one_batch_with_its_message_it_replaces_it(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A network that hands over both at once means the second."""
        await journal.publish(pigeon, [row("1"), edit("1", "edited", LATER)], {})

        assert await answer_all(journal) == ["edited"]

    async def test_of_an_answered_message_history_changes(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was answered is not asked again; whoever looks back sees the new form."""
        await journal.publish(pigeon, [row("1")], {})
        await settle_with(journal, send("answer"))

        new = await journal.publish(pigeon, [edit("1", "edited", LATER)], {})

        assert len(new) == 1
        assert not await claim(journal)
        question, answer = await journal.history(conversation(), 10)
        assert (question.content, question.edited) == ("edited", True)
        assert (answer.content, answer.edited) == ("answer", False)

    async def test_while_it_is_answered_the_answer_stands(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An edit during the turn ends nothing: it changes history, and is not asked again."""
        await journal.publish(pigeon, [row("1")], {})
        job = await claim_one(journal)
        await journal.publish(pigeon, [edit("1", "edited", LATER)], {})

        assert await journal.settle(job, [])
        assert not await claim(journal)
        (entry,) = await journal.history(conversation(), 10)
        assert (entry.content, entry.edited, entry.state) == ("edited", True, "answered")

    async def test_of_an_unknown_message_it_is_stored_and_asks_nothing(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An edit of what was never seen is news for observers, and no question."""
        one = edit("never seen", "edited", LATER)

        assert set(await journal.publish(pigeon, [one], {})) == {one.key}
        assert not await claim(journal)
        assert not await journal.backlog()

    async def test_the_same_edit_again_is_a_duplicate(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Each form of a message is one event."""
        await journal.publish(pigeon, [row("1"), edit("1", "edited", LATER)], {})

        assert not await journal.publish(pigeon, [edit("1", "edited", LATER)], {})
        assert len(await journal.publish(pigeon, [edit("1", "again", LATEST)], {})) == 1

    async def test_it_survives_a_crash(self, journals: Journals) -> None:
        """The next process asks the new form."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("1")], {})
        await journal.publish(pigeon, [edit("1", "edited", LATER)], {})

        journal = await journals.crash()

        assert texts(await claim(journal)) == ["edited"]

    async def test_of_a_turn_that_failed_the_new_form_is_asked(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A turn that runs again runs with what the person means by then."""
        await journal.publish(pigeon, [row("1")], {})
        job = await claim_one(journal)
        await journal.publish(pigeon, [edit("1", "edited", LATER)], {})
        await journal.fail(job, "boom", 0.0)

        assert texts(await claim(journal)) == ["edited"]

    async def test_a_member_of_a_group_is_replaced_in_its_place(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The album keeps its order when a caption is mended."""
        await journal.publish(pigeon, [row("1", group="x"), row("2", group="x")], {})
        await journal.publish(pigeon, [edit("1", "one", LATER)], {})

        assert texts(await claim(journal)) == ["one", "2"]

    async def test_an_edit_of_a_refused_message_asks_nothing(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Nobody gets in by editing what was refused."""
        await journal.publish(pigeon, [row("1", verdict="refused", reason="closed")], {})
        await journal.publish(pigeon, [edit("1", "edited", LATER)], {})

        assert not await claim(journal)
        assert not await journal.history(conversation(), 10)


class TestDeletions(Suite):
    """A message that is gone."""

    async def test_what_still_waits_is_withdrawn(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What its author took back is not answered; the next one is."""
        await journal.publish(pigeon, [row("1"), row("2")], {})
        await journal.publish(pigeon, [deletion("1", LATER)], {})

        assert await answer_all(journal) == ["2"]
        assert not await journal.backlog()

    async def test_history_keeps_a_mark_and_not_the_text(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """That something was said is remembered, what it was is not."""
        await journal.publish(pigeon, [row("waiting"), row("other", "other")], {})
        await journal.publish(pigeon, [deletion("waiting", LATER)], {})

        (entry,) = await journal.history(conversation(), 10)

        assert (entry.content, entry.deleted, entry.ids) == ("", True, ("waiting",))

    async def test_of_an_answered_message_only_the_mark_is_left(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The answer stays where it is; the question is marked as deleted."""
        await journal.publish(pigeon, [row("1")], {})
        await settle_with(journal, send("answer"))
        await journal.publish(pigeon, [deletion("1", LATER)], {})

        question, answer = await journal.history(conversation(), 10)

        assert (question.content, question.deleted) == ("", True)
        assert (answer.content, answer.deleted) == ("answer", False)

    async def test_while_it_is_answered_the_answer_stands(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A deletion during the turn ends nothing."""
        await journal.publish(pigeon, [row("1")], {})
        job = await claim_one(journal)
        await journal.publish(pigeon, [deletion("1", LATER)], {})

        assert await journal.settle(job, [send("answer")])
        assert texts(await take(journal, pigeon)) == ["answer"]
        assert not await claim(journal)

    @pytest.mark.parametrize("end", ["release", "fail", "crash"])
    async def test_deleted_during_a_turn_that_comes_to_nothing_it_is_not_asked_again(
        self, journals: Journals, end: str
    ) -> None:
        """A turn that has to be run again is not, once its question was taken back."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("1"), row("2")], {})
        job = await claim_one(journal)
        await journal.publish(pigeon, [deletion("1", LATER)], {})

        if end == "release":
            await journal.release(job)
        elif end == "fail":
            await journal.fail(job, "boom", 0.0)
        else:
            journal = await journals.crash()

        assert await answer_all(journal) == ["2"]

    async def test_a_member_of_a_group_leaves_it(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Of an album, the picture that was taken back is missing."""
        await journal.publish(pigeon, [row(name, group="x") for name in ("1", "2", "3")], {})
        await journal.publish(pigeon, [deletion("1", LATER)], {})

        assert texts(await claim(journal)) == ["2", "3"]

    async def test_a_member_deleted_during_a_turn_that_failed_leaves_its_group(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The next run of an album's turn is asked what is left of it."""
        await journal.publish(pigeon, [row("1", group="x"), row("2", group="x")], {})
        job = await claim_one(journal)
        await journal.publish(pigeon, [deletion("1", LATER)], {})
        await journal.fail(job, "boom", 0.0)

        job = await claim_one(journal)

        assert (texts([job]), job.tries) == (["2"], 1)
        assert await journal.settle(job, [])
        assert not await journal.backlog()

    async def test_the_next_one_need_not_wait_for_a_withdrawn_one(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that failed holds up its conversation no longer than it exists."""
        await journal.publish(pigeon, [row("bad"), row("next")], {})
        await journal.fail(await claim_one(journal), "boom", 60.0)
        await journal.publish(pigeon, [deletion("bad", LATER)], {})

        claimed = await journal.claim(10)

        assert texts(claimed.jobs) == ["next"]
        assert claimed.wait_s is None

    async def test_its_conversation_keeps_its_place(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Taking back a later message puts nobody behind those who came afterwards."""
        rows = [row("a1", "a"), row("a2", "a"), row("b", "b"), row("c", "c")]
        await journal.publish(pigeon, rows, {})
        await journal.publish(pigeon, [deletion("a2", LATER, "a")], {})

        assert texts(await claim(journal)) == ["a1", "b", "c"]

    async def test_a_withdrawn_message_does_not_come_back(self, journals: Journals) -> None:
        """Neither a crash nor the network's repetition asks it again."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("1"), deletion("1", LATER)], {})

        journal = await journals.crash()

        assert not await journal.publish(await journal.own(PIGEON), [row("1")], {})
        assert not await claim(journal)

    async def test_an_edit_after_it_brings_nothing_back(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Deleted is deleted, whatever arrives late."""
        await journal.publish(pigeon, [row("1"), deletion("1", LATEST)], {})
        await journal.publish(pigeon, [edit("1", "edited", LATER)], {})

        assert not await claim(journal)
        (entry,) = await journal.history(conversation(), 10)
        assert (entry.content, entry.deleted) == ("", True)

    async def test_of_an_unknown_message_it_is_stored(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A deletion of what was never seen is news for observers."""
        one = deletion("never seen", LATER)

        assert set(await journal.publish(pigeon, [one], {})) == {one.key}
        assert not await journal.backlog()

    async def test_its_text_is_not_kept(self, journal: Journal, pigeon: Ownership) -> None:
        """Of what was taken back nobody who looks later finds the text."""
        await journal.publish(pigeon, [row("a very private text", id="1")], {})
        await journal.publish(pigeon, [deletion("1", LATER)], {})

        told = [await journal.why(PIGEON, "chat", "1"), await journal.events(0)]

        assert "private" not in repr(told)


class TestReactions(Suite):
    """Reactions are news, and no questions."""

    async def test_they_are_stored_and_never_claimed(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A reaction reaches observers; the agent is not asked."""
        liked = reaction("1", "\U0001f44d", LATER)
        await journal.publish(pigeon, [row("1"), liked], {})

        assert await answer_all(journal) == ["1"]
        assert set(await journal.known(PIGEON, [liked.key])) == {liked.key}
        assert not await journal.publish(pigeon, [liked], {})
        assert texts(await journal.history(conversation(), 10)) == ["1"]

    async def test_another_reaction_to_the_message_is_another_event(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Its version tells one reaction from the next."""
        await journal.publish(pigeon, [reaction("1", "\U0001f44d", LATER)], {})

        assert len(await journal.publish(pigeon, [reaction("1", "\u2764", LATER)], {})) == 1
