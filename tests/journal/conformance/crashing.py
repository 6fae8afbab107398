"""Messages that were being answered when a process died."""

from __future__ import annotations

from cobot.journal import CRASHES_MOST, Job, Journal
from journal.conformance.harness import (
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    row,
    send,
    send_all,
    settle_with,
    texts,
)


async def _die_with(
    journals: Journals, journal: Journal, killers: set[str], limit: int = 20
) -> tuple[Journal, list[str]]:
    """Answer until nothing is ready, dying each time that one of the killers is claimed."""
    answered: list[str] = []
    while jobs := await claim(journal, limit):
        if killers.intersection(texts(jobs)):
            journal = await journals.crash()
            continue
        for job in jobs:
            assert await journal.settle(job, [])
        answered += texts(jobs)
    return journal, answered


class TestCrashes(Suite):
    """A message that kills its worker ends by itself, and drags no other along."""

    async def test_what_was_claimed_is_asked_again_and_counted_apart_from_tries(
        self, journals: Journals
    ) -> None:
        """A death is not the message's failure, but it is remembered."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("hello"), row("behind")], {})
        await journal.fail(await claim_one(journal), "boom", 0.0)
        await claim_one(journal)

        journal = await journals.crash()
        job = await claim_one(journal)

        assert (texts([job]), job.tries, job.crashes) == (["hello"], 1, 1)
        assert await journal.settle(job, [])
        job = await claim_one(journal)
        assert (texts([job]), job.tries, job.crashes) == (["behind"], 0, 0)

    async def test_what_was_not_claimed_is_not_suspected(self, journals: Journals) -> None:
        """Waiting while a process dies says nothing about a message."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("1", "a"), row("2", "b"), row("3", "c")], {})
        released, settled = await claim(journal, 2)
        await journal.release(released)
        await journal.settle(settled, [])

        journal = await journals.crash()

        assert [job.crashes for job in await claim(journal)] == [0, 0]

    async def test_a_stop_is_no_crash(self, journals: Journals) -> None:
        """A journal that is closed gives everything back, and nothing is suspected."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("hello")], {})
        await claim_one(journal)

        journal = await journals.open()

        job = await claim_one(journal)
        assert (job.tries, job.crashes) == (0, 0)

    async def test_a_killer_ends_as_a_dead_letter(self, journals: Journals) -> None:
        """After so many deaths it is given up, with the reason, and the next one answered."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("killer"), row("behind")], {})
        asked: list[str] = []
        while (now_asked := texts(await claim(journal))) == ["killer"]:
            asked += now_asked
            journal = await journals.crash()

        assert asked == ["killer"] * CRASHES_MOST
        assert now_asked == ["behind"]
        (letter,) = await journal.dead()
        assert (letter.kind, letter.content) == ("turn", "killer")
        assert str(CRASHES_MOST) in letter.reason

    async def test_bystanders_are_answered(self, journals: Journals) -> None:
        """All twenty that were asked beside a killer are answered, and none is given up."""
        journal = await journals.open()
        rows = [row(str(number), f"chat {number}") for number in range(20)]
        rows.insert(7, row("killer", "killer"))
        await journal.publish(await journal.own(PIGEON), rows, {})

        journal, answered = await _die_with(journals, journal, {"killer"})

        assert sorted(answered, key=int) == [str(number) for number in range(20)]
        assert [letter.content for letter in await journal.dead()] == ["killer"]
        assert not await journal.backlog()

    async def test_several_killers_at_once_take_nobody_along(self, journals: Journals) -> None:
        """Three killers that are claimed together die each for itself."""
        journal = await journals.open()
        names = [*map(str, range(12)), "killer 1", "killer 2", "killer 3"]
        rows = [row(name, f"chat {name}") for name in names]
        await journal.publish(await journal.own(PIGEON), rows, {})
        killers = {"killer 1", "killer 2", "killer 3"}

        journal, answered = await _die_with(journals, journal, killers)

        assert sorted(answered, key=int) == [str(number) for number in range(12)]
        assert {letter.content for letter in await journal.dead()} == killers

    async def test_bystanders_that_arrive_later_are_answered_too(
        self, journals: Journals
    ) -> None:
        """A killer that comes back meets new neighbours each time, and harms none."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("killer", "killer")], {})
        answered: list[str] = []
        for number in range(6):
            rows = [row(f"{number}{one}", f"chat {number}{one}") for one in "abc"]
            await journal.publish(await journal.own(PIGEON), rows, {})
            journal, now_answered = await _die_with(journals, journal, {"killer"})
            answered += now_answered

        assert sorted(answered) == [f"{number}{one}" for number in range(6) for one in "abc"]
        assert [letter.content for letter in await journal.dead()] == ["killer"]

    async def test_after_a_crash_they_come_a_few_at_a_time(self, journals: Journals) -> None:
        """A worker that died with two hundred messages does not take all of them again."""
        journal = await journals.open()
        rows = [row(str(number), f"chat {number}") for number in range(200)]
        await journal.publish(await journal.own(PIGEON), rows, {})
        assert len(await claim(journal, 200)) == 200

        journal = await journals.crash()

        assert 1 <= len(await claim(journal, 200)) < 200

    async def test_two_deaths_make_a_suspect_which_comes_alone(
        self, journals: Journals
    ) -> None:
        """Of those that were there at two deaths, no two are answered at the same time."""
        journal = await journals.open()
        rows = [row(name, name) for name in ("a", "b")]
        await journal.publish(await journal.own(PIGEON), rows, {})
        for _ in range(CRASHES_MOST - 1):
            while len(await claim(journal)) != 0:
                pass
            journal = await journals.crash()

        seen: list[Job] = []
        while jobs := await claim(journal):
            assert sum(job.crashes >= CRASHES_MOST - 1 for job in jobs) <= 1
            assert not await claim(journal)
            for job in jobs:
                await journal.settle(job, [])
            seen += jobs

        assert sorted(texts(seen)) == ["a", "b"]

    async def test_a_suspect_holds_up_no_one_else(self, journals: Journals) -> None:
        """While a suspect is being answered, other conversations go on."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("suspect", "a")], {})
        for _ in range(CRASHES_MOST - 1):
            await claim_one(journal)
            journal = await journals.crash()
        suspect = await claim_one(journal)
        rows = [row(name, name) for name in ("b", "c")]
        await journal.publish(await journal.own(PIGEON), rows, {})

        assert sorted(await answer_all(journal)) == ["b", "c"]
        assert await journal.settle(suspect, [])

    async def test_a_message_behind_a_suspect_is_none(self, journals: Journals) -> None:
        """Suspicion belongs to the message and ends with it."""
        journal = await journals.open()
        rows = [row("suspect"), row("next")]
        await journal.publish(await journal.own(PIGEON), rows, {})
        for _ in range(CRASHES_MOST - 1):
            await claim_one(journal)
            journal = await journals.crash()
        await settle_with(journal)

        assert (await claim_one(journal)).crashes == 0

    async def test_a_retried_killer_starts_anew(self, journals: Journals) -> None:
        """Whoever mended the agent has the message tried again in earnest."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("killer")], {})
        journal, _ = await _die_with(journals, journal, {"killer"})
        (letter,) = await journal.dead()
        assert await journal.retry_dead(letter.id)

        job = await claim_one(journal)

        assert (texts([job]), job.crashes) == (["killer"], 0)
        assert await journal.settle(job, [send("answer")])
        assert await send_all(journal, await journal.own(PIGEON)) == ["answer"]
