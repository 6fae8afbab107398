"""Chats that have another id from now on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from fakes import START

from cobot import Address
from cobot.journal import Journal, Ownership
from journal.conformance.harness import (
    PIGEON,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    conversation,
    move,
    row,
    send,
    send_all,
    take,
    take_one,
    texts,
)

Rename: TypeAlias = Callable[[Journal, Ownership], Awaitable[None]]


async def by_call(journal: Journal, _ownership: Ownership) -> None:
    """Rename the chat."""
    await journal.rename(Address(PIGEON, "old"), Address(PIGEON, "new"))


async def by_event(journal: Journal, ownership: Ownership) -> None:
    """Have the network say that the chat moved."""
    await journal.publish(ownership, [move("old", "new")], {})


@pytest.mark.parametrize("rename", [by_call, by_event], ids=lambda f: f.__name__)
class TestRename(Suite):
    """Everything of an address belongs to another, called or told by the network."""

    async def test_what_waits_to_be_answered_moves(
        self, journal: Journal, pigeon: Ownership, rename: Rename
    ) -> None:
        """A message of the old chat is answered in the new one, before what came there."""
        await journal.publish(pigeon, [row("1", "old"), row("2", "old")], {})
        await rename(journal, pigeon)
        await journal.publish(pigeon, [row("3", "new")], {})

        job = await claim_one(journal)

        assert job.messages[0].address == Address(PIGEON, "new")
        assert job.conversation == conversation("new")
        assert await journal.settle(job, [])
        assert await answer_all(journal) == ["2", "3"]

    async def test_what_waits_to_be_sent_moves(
        self, journal: Journal, pigeon: Ownership, rename: Rename
    ) -> None:
        """A message to the old chat is sent to the new one, in order, one at a time."""
        await journal.enqueue([send("1", "old"), send("2", "old")])
        await rename(journal, pigeon)
        await journal.enqueue([send("3", "new")])

        delivery = await take_one(journal, pigeon)

        new = Address(PIGEON, "new")
        assert delivery.operation.address == new
        assert delivery.operation.message is not None
        assert delivery.operation.message.address == new
        await journal.not_sent(pigeon, delivery, "again", START)
        assert await send_all(journal, pigeon) == ["1", "2", "3"]

    async def test_history_and_notes_move(
        self, journal: Journal, pigeon: Ownership, rename: Rename
    ) -> None:
        """The conversation goes on in the new chat as if it had always been there."""
        await journal.publish(pigeon, [row("1", "old")], {})
        job = await claim_one(journal)
        await journal.settle(job, [send("answer", "old")], state={"step": 1})
        await send_all(journal, pigeon)
        await rename(journal, pigeon)
        await journal.publish(pigeon, [row("2", "new")], {})

        assert (await claim_one(journal)).state == {"step": 1}
        entries = await journal.history(conversation("new"), 10)
        assert texts(entries) == ["1", "answer", "2"]
        assert {one.address for one in entries} == {Address(PIGEON, "new")}
        assert not await journal.history(conversation("old"), 10)

    async def test_all_threads_of_the_chat_move(
        self, journal: Journal, pigeon: Ownership, rename: Rename
    ) -> None:
        """A chat moves with its threads, each of which stays what it is."""
        await journal.publish(pigeon, [row("1", "old", thread="7"), row("2", "old")], {})
        await journal.enqueue([send("3", "old", thread="7")])
        await rename(journal, pigeon)

        jobs = await claim(journal)

        assert [job.messages[0].address for job in jobs] == [
            Address(PIGEON, "new", "7"),
            Address(PIGEON, "new"),
        ]
        assert [job.conversation for job in jobs] == [
            conversation("new", "7"),
            conversation("new"),
        ]
        assert (await take_one(journal, pigeon)).operation.address == Address(
            PIGEON, "new", "7"
        )

    async def test_other_chats_stay(
        self, journal: Journal, pigeon: Ownership, rename: Rename
    ) -> None:
        """Chats whose ids look alike, and the same id on another channel, do not move."""
        owl = await journal.own("owl")
        await journal.publish(pigeon, [row("1", "old2"), row("2", "ol")], {})
        await journal.enqueue([send("3", "old2"), send("4", "old", channel="owl")])
        await rename(journal, pigeon)

        assert {job.conversation for job in await claim(journal)} == {
            conversation("old2"),
            conversation("ol"),
        }
        assert (await take_one(journal, pigeon)).operation.address.channel_id == "old2"
        assert (await take_one(journal, owl)).operation.address.channel_id == "old"

    async def test_a_turn_that_runs_meanwhile_ends_well(
        self, journal: Journal, pigeon: Ownership, rename: Rename
    ) -> None:
        """Whoever answers while the chat moves keeps its job, and alone."""
        await journal.publish(pigeon, [row("1", "old"), row("2", "old")], {})
        job = await claim_one(journal)
        await rename(journal, pigeon)
        await journal.publish(pigeon, [row("3", "new")], {})

        assert not await claim(journal)
        assert await journal.settle(job, [send("answer", "new")], state={"step": 1})

        job = await claim_one(journal)
        assert (texts([job]), job.state) == (["2"], {"step": 1})
        assert texts(await take(journal, pigeon)) == ["answer"]

    async def test_a_turn_that_comes_to_nothing_meanwhile_is_run_again_there(
        self, journals: Journals, rename: Rename
    ) -> None:
        """What has to be asked again is asked in the new chat, also by the next process."""
        journal = await journals.open()
        pigeon = await journal.own(PIGEON)
        await journal.publish(pigeon, [row("1", "old"), row("2", "old")], {})
        job = await claim_one(journal)
        await rename(journal, pigeon)
        assert await journal.release(job)
        job = await claim_one(journal)
        assert (texts([job]), job.messages[0].channel_id) == (["1"], "new")

        journal = await journals.crash()

        job = await claim_one(journal)
        assert (texts([job]), job.conversation) == (["1"], conversation("new"))
        assert job.messages[0].address == Address(PIGEON, "new")

    async def test_a_send_that_is_under_way_meanwhile_ends_well(
        self, journal: Journal, pigeon: Ownership, rename: Rename
    ) -> None:
        """A send that failed because the chat moved is repeated at the new address, first."""
        await journal.enqueue([send("1", "old"), send("2", "old")])
        delivery = await take_one(journal, pigeon)
        await rename(journal, pigeon)

        assert not await take(journal, pigeon)
        await journal.not_sent(pigeon, delivery, "the chat moved", START, is_attempt=False)

        again = await take_one(journal, pigeon)
        assert again.operation.address == Address(PIGEON, "new")
        assert texts([again]) == ["1"]
