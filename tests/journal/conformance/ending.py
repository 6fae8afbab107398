"""How turns end: settle, fail, release; and what they leave behind on the way."""

from __future__ import annotations

import pytest
from fakes import START

from cobot.journal import Backlog, End, Journal, Ownership
from journal.conformance.harness import (
    OWL,
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    deletion,
    give_up,
    ref,
    row,
    send,
    send_all,
    settle_with,
    take,
    texts,
)


class TestSettle(Suite):
    """The end of a turn, what it sends, and its notes: all of it or nothing."""

    async def test_the_answer_is_stored_and_the_next_message_is_ready(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The end of a turn stores what it sends and lets the conversation go on."""
        await journal.publish(pigeon, [row("first"), row("second")], {})
        job = await claim_one(journal)

        assert await journal.settle(job, [send("one"), send("two", "other")]) is True

        assert sorted(texts(await take(journal, pigeon))) == ["one", "two"]
        assert texts(await claim(journal)) == ["second"]

    async def test_a_turn_may_send_nothing(self, journal: Journal, pigeon: Ownership) -> None:
        """Silence is an answer."""
        await journal.publish(pigeon, [row("hello")], {})

        assert await journal.settle(await claim_one(journal), [])
        assert not await journal.backlog()

    async def test_it_survives_a_crash_whole(self, journals: Journals) -> None:
        """What a settled turn sends and notes is there after a crash, and the turn is over."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("first"), row("second")], {})
        await journal.settle(await claim_one(journal), [send("answer")], state={"n": 1})

        journal = await journals.crash()

        job = await claim_one(journal)
        assert (texts([job]), job.state) == (["second"], {"n": 1})
        assert await send_all(journal, await journal.own(PIGEON)) == ["answer"]

    async def test_a_crash_before_it_leaves_nothing_of_it(self, journals: Journals) -> None:
        """A turn that had not ended when the process died has sent and noted nothing."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("hello")], {})
        await claim_one(journal)

        journal = await journals.crash()

        assert not await take(journal, await journal.own(PIGEON))
        job = await claim_one(journal)
        assert (texts([job]), job.tries, job.state) == (["hello"], 0, {})

    async def test_what_cannot_be_stored_leaves_the_job_with_its_owner(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Notes that are no JSON are a mistake: nothing is stored, and the turn may fail."""
        await journal.publish(pigeon, [row("hello")], {})
        job = await claim_one(journal)

        with pytest.raises((TypeError, ValueError)):
            await journal.settle(job, [send("answer")], state={"odd": object()})

        assert await journal.backlog() == Backlog(jobs=1)
        assert await journal.fail(job, "no JSON", 0.0)
        assert (await claim_one(journal)).state == {}

    async def test_an_operation_whose_key_is_known_is_not_sent_twice(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A turn that ran twice sends under the same keys, and each key is one message."""
        await journal.publish(pigeon, [row("hello")], {})
        await journal.enqueue([send("early", key="same")])

        await settle_with(journal, send("late", key="same"))

        assert await send_all(journal, pigeon) == ["early"]

    async def test_an_answer_may_go_to_another_channel(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Where a turn sends to is its own affair."""
        await journal.publish(pigeon, [row("hello")], {})
        await settle_with(journal, send("answer", channel=OWL))

        assert not await take(journal, pigeon)
        assert await send_all(journal, await journal.own(OWL)) == ["answer"]

    async def test_state_is_kept_until_it_is_changed(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An agent's notes belong to the conversation, and None leaves them as they were."""
        await journal.publish(pigeon, [row(name) for name in ("one", "two", "three")], {})
        await journal.publish(pigeon, [row("other", "other")], {})
        notes = {"step": 2, "names": ["a", None], "deep": {"x": 0.5}}

        first, other = await claim(journal)
        await journal.settle(first, [], state=notes)
        await journal.settle(await claim_one(journal), [])

        assert (await claim_one(journal)).state == notes
        assert other.state == {}

    async def test_state_may_be_emptied(self, journal: Journal, pigeon: Ownership) -> None:
        """Empty notes are not the same as no new notes."""
        await journal.publish(pigeon, [row(name) for name in ("one", "two", "three")], {})
        await journal.settle(await claim_one(journal), [], state={"step": 1})
        await journal.settle(await claim_one(journal), [], state={})

        assert (await claim_one(journal)).state == {}


class TestSettleAll(Suite):
    """The ends of several turns at once: each as if it were alone, all in one transaction."""

    async def test_each_turn_ends_with_its_own_answer(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """All that they send is stored, and each conversation goes on."""
        rows = [row("a", chat="a"), row("b", chat="b"), row("next", chat="b")]
        await journal.publish(pigeon, rows, {})
        first, second = await claim(journal)

        ends = [End(first, [send("to a", "a")], {"n": 1}), End(second, [send("to b", "b")])]
        assert [*await journal.settle_all(ends)] == [True, True]

        assert sorted(await send_all(journal, pigeon)) == ["to a", "to b"]
        assert texts(await claim(journal)) == ["next"]

    async def test_what_they_send_to_one_address_leaves_in_their_order(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Who is named first has ended first."""
        await journal.publish(pigeon, [row("a", chat="a"), row("b", chat="b")], {})
        first, second = await claim(journal)

        await journal.settle_all([End(second, [send("one")]), End(first, [send("two")])])

        assert await send_all(journal, pigeon) == ["one", "two"]

    async def test_one_that_is_lost_takes_nothing_from_the_others(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Of a job that was given back nothing is stored; the answer says which it was."""
        await journal.publish(pigeon, [row("a", chat="a"), row("b", chat="b")], {})
        first, second = await claim(journal)
        await journal.release(first)

        ends = [End(first, [send("late", "a")]), End(second, [send("answer", "b")])]
        assert [*await journal.settle_all(ends)] == [False, True]

        assert await send_all(journal, pigeon) == ["answer"]
        assert texts(await claim(journal)) == ["a"]

    async def test_a_turn_ends_once(self, journal: Journal, pigeon: Ownership) -> None:
        """The same job twice is the first one's end."""
        await journal.publish(pigeon, [row("hello")], {})
        job = await claim_one(journal)

        ends = [End(job, [send("one")]), End(job, [send("two")])]
        assert [*await journal.settle_all(ends)] == [True, False]

        assert await send_all(journal, pigeon) == ["one"]

    async def test_what_cannot_be_stored_leaves_all_jobs_with_their_owner(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """It is one transaction: all of it or nothing."""
        await journal.publish(pigeon, [row("a", chat="a"), row("b", chat="b")], {})
        first, second = await claim(journal)

        with pytest.raises((TypeError, ValueError)):
            await journal.settle_all([End(first), End(second, state={"odd": object()})])

        assert await journal.backlog() == Backlog(jobs=2)
        assert [*await journal.settle_all([End(first), End(second)])] == [True, True]

    async def test_no_turns_end_at_once(self, journal: Journal) -> None:
        """Nothing to say is no mistake."""
        assert [*await journal.settle_all([])] == []

    async def test_they_survive_a_crash(self, journals: Journals) -> None:
        """When it returns all of it is stored."""
        journal = await journals.open()
        rows = [row("a", chat="a"), row("b", chat="b")]
        await journal.publish(await journal.own(PIGEON), rows, {})
        first, second = await claim(journal)
        await journal.settle_all(
            [End(first, [send("one", "a")]), End(second, [send("two", "b")])]
        )

        journal = await journals.crash()

        assert not await claim(journal)
        assert sorted(await send_all(journal, await journal.own(PIGEON))) == ["one", "two"]


class TestFail(Suite):
    """Turns that came to nothing."""

    async def test_a_delay_blocks_its_own_conversation_only(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that is tried again later holds up those behind it, and no other chat."""
        await journal.publish(pigeon, [row("bad"), row("next"), row("other", "other")], {})
        bad, _ = await claim(journal)

        assert await journal.fail(bad, "the agent failed", 5.0)

        claimed = await journal.claim(10)
        assert not claimed.jobs
        assert claimed.wait_s == pytest.approx(5.0)
        journals.clock.advance(5.0)
        assert texts([await claim_one(journal)]) == ["bad"]

    async def test_the_soonest_of_several_delays_is_waited_for(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Whoever waits for the next one to become ready waits for the first of them."""
        await journal.publish(pigeon, [row(chat, chat) for chat in "abc"], {})
        for job, delay_s in zip(await claim(journal), (9.0, 3.0, 6.0), strict=True):
            await journal.fail(job, "boom", delay_s)
        seen = []
        while (claimed := await journal.claim(10)).wait_s is not None:
            seen.append((texts(claimed.jobs), claimed.wait_s))
            journals.clock.advance(claimed.wait_s)

        assert seen == [([], 3.0), (["b"], 3.0), (["c"], 3.0)]
        assert texts(claimed.jobs) == ["a"]

    async def test_tries_are_counted(self, journal: Journal, pigeon: Ownership) -> None:
        """Each failure is a try, so that somebody can tell when it is enough."""
        await journal.publish(pigeon, [row("bad")], {})
        tries = []
        for _ in range(3):
            job = await claim_one(journal)
            tries.append((job.tries, job.crashes))
            await journal.fail(job, "the agent failed", 0.0)

        assert tries == [(0, 0), (1, 0), (2, 0)]

    async def test_the_delay_and_the_tries_survive_a_crash(self, journals: Journals) -> None:
        """A crash makes a failed message neither due nor new."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("bad")], {})
        await journal.fail(await claim_one(journal), "the agent failed", 3600.0)

        journal = await journals.crash()
        assert not await claim(journal)
        journals.clock.advance(3600.0)
        job = await claim_one(journal)

        assert (job.tries, job.crashes) == (1, 0)

    async def test_without_a_delay_it_is_a_dead_letter_and_the_next_ones_turn(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A message that is given up does not hold up its conversation."""
        await journal.publish(pigeon, [row("bad"), row("good")], {})

        await give_up(journal, "no answer in 300 s")

        assert await answer_all(journal) == ["good"]
        (letter,) = await journal.dead()
        assert (letter.kind, letter.content, letter.reason) == (
            "turn",
            "bad",
            "no answer in 300 s",
        )
        assert (letter.address.channel_id, letter.at) == ("chat", START)

    @pytest.mark.parametrize("delay_s", [5.0, None])
    async def test_what_a_failed_turn_says_all_the_same_is_sent(
        self, journal: Journal, pigeon: Ownership, delay_s: float | None
    ) -> None:
        """The chat may be told that something went wrong."""
        await journal.publish(pigeon, [row("bad")], {})

        job = await claim_one(journal)
        assert await journal.fail(job, "boom", delay_s, operations=[send("sorry")])

        assert await send_all(journal, pigeon) == ["sorry"]

    async def test_a_failed_turn_leaves_the_notes_as_they_were(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Only a turn that ended well changes the agent's notes."""
        await journal.publish(pigeon, [row("one"), row("bad")], {})
        await journal.settle(await claim_one(journal), [], state={"step": 1})
        await journal.fail(await claim_one(journal), "boom", 0.0)

        assert (await claim_one(journal)).state == {"step": 1}

    async def test_a_group_fails_together(self, journal: Journal, pigeon: Ownership) -> None:
        """An album that could not be answered is tried again as a whole."""
        await journal.publish(pigeon, [row("one", group="x"), row("two", group="x")], {})
        await journal.fail(await claim_one(journal), "boom", 0.0)

        job = await claim_one(journal)

        assert (texts([job]), job.tries) == (["one", "two"], 1)
        assert await journal.fail(job, "boom", None)
        assert not await journal.backlog()
        assert {letter.reason for letter in await journal.dead()} == {"boom"}


class TestRelease(Suite):
    """Jobs that are given back."""

    async def test_it_costs_no_try_and_keeps_its_place(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A job that is given back is as if it had never been claimed."""
        await journal.publish(
            pigeon, [row("first", "a"), row("second", "a"), row("x", "b")], {}
        )
        (job,) = await claim(journal, 1)

        assert await journal.release(job) is True

        again = await claim(journal)
        assert texts(again) == ["first", "x"]
        assert (again[0].tries, again[0].crashes) == (0, 0)
        assert await journal.backlog() == Backlog(jobs=3)

    async def test_tries_are_kept(self, journal: Journal, pigeon: Ownership) -> None:
        """Giving a job back does not forget how often it failed."""
        await journal.publish(pigeon, [row("bad")], {})
        await journal.fail(await claim_one(journal), "boom", 0.0)
        await journal.release(await claim_one(journal))

        assert (await claim_one(journal)).tries == 1


class TestDrafts(Suite):
    """What is visible of a turn before its end."""

    @pytest.mark.parametrize("end", ["release", "fail", "crash", "reopen"])
    async def test_drafts_come_back_with_the_next_claim(
        self, journals: Journals, end: str
    ) -> None:
        """The next run of a turn edits what the first has shown instead of showing it again."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("hello")], {})
        job = await claim_one(journal)
        assert await journal.draft(job, "stream", ref("1")) is True
        assert await journal.draft(job, "progress", ref("2", "other"))

        if end == "release":
            await journal.release(job)
        elif end == "fail":
            await journal.fail(job, "boom", 0.0)
        elif end == "crash":
            journal = await journals.crash()
        else:
            journal = await journals.open()

        again = await claim_one(journal)
        assert again.drafts == {"stream": ref("1"), "progress": ref("2", "other")}

    async def test_the_last_draft_of_a_key_counts(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A draft that had to be sent anew is found where it is now."""
        await journal.publish(pigeon, [row("hello")], {})
        job = await claim_one(journal)
        await journal.draft(job, "stream", ref("1"))
        await journal.draft(job, "stream", ref("2"))
        await journal.release(job)

        assert (await claim_one(journal)).drafts == {"stream": ref("2")}

    async def test_drafts_of_a_group_survive_each_of_its_members(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What is visible of an album's turn is found though its first picture is gone."""
        await journal.publish(pigeon, [row("1", group="x"), row("2", group="x")], {})
        job = await claim_one(journal)
        await journal.draft(job, "stream", ref("9"))
        await journal.release(job)
        await journal.publish(pigeon, [deletion("1", START)], {})

        job = await claim_one(journal)

        assert (texts([job]), job.drafts) == (["2"], {"stream": ref("9")})

    async def test_drafts_end_with_their_turn(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """The next message of the conversation starts with none."""
        await journal.publish(pigeon, [row("first"), row("second")], {})
        job = await claim_one(journal)
        await journal.draft(job, "stream", ref("1"))
        await journal.settle(job, [])

        assert (await claim_one(journal)).drafts == {}
