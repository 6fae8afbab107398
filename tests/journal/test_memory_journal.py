from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from fakes import START, ManualClock, incoming
from hypothesis import given, settings
from hypothesis import strategies as st

from cobot import MessageDeleted, MessageRef, OutgoingMessage, Receipt
from cobot.journal import Backlog, Job, Key, Operation, Row
from cobot.journal.keys import message_key
from cobot.journal.memory import MemoryJournal

PIGEON = "pigeon"


def row(text: str, conversation: str = "chat", **fields: Any) -> Row:
    """Return a message on its way in, whose chat is its conversation."""
    key = Key(conversation, None, "message", text)
    message = incoming(
        text, channel_type=PIGEON, channel_id=conversation, key=message_key(PIGEON, key)
    )
    return Row(key, message, conversation, **fields)


def outgoing(text: str, chat: str = "chat", channel: str = PIGEON) -> OutgoingMessage:
    """Return a message on its way out."""
    return OutgoingMessage(channel, chat, text)


def texts(several: Sequence[Job] | Sequence[Operation]) -> list[str]:
    """Return what they say."""
    return [one.message.content for one in several]


@pytest.fixture
def journal() -> MemoryJournal:
    """Return an empty journal."""
    return MemoryJournal(ManualClock())


async def claim_one(journal: MemoryJournal) -> Job:
    """Claim the only job there is."""
    (job,) = await journal.claim(10)
    return job


# What arrives.


async def test_publish_returns_the_keys_that_are_new(journal: MemoryJournal) -> None:
    """Who publishes learns which of the items nobody had published before."""
    first, second = row("first"), row("second")
    await journal.publish(PIGEON, [first], {})

    new = await journal.publish(PIGEON, [first, second], {})

    assert set(new) == {second.key}


async def test_an_item_published_twice_is_one_job(journal: MemoryJournal) -> None:
    """What a network delivers again is answered once."""
    await journal.publish(PIGEON, [row("hello"), row("hello")], {})
    await journal.publish(PIGEON, [row("hello")], {})

    jobs = [*await journal.claim(10), *await journal.claim(10)]

    assert texts(jobs) == ["hello"]
    assert await journal.backlog() == Backlog(jobs=1)


async def test_known_returns_the_stored_keys_of_that_channel_only(
    journal: MemoryJournal,
) -> None:
    """Two networks may use the same ids, so keys are kept for each channel apart."""
    stored, other = row("stored"), row("other")
    await journal.publish(PIGEON, [stored], {})

    assert set(await journal.known(PIGEON, [stored.key, other.key])) == {stored.key}
    assert not await journal.known("owl", [stored.key])


async def test_an_answered_message_stays_known(journal: MemoryJournal) -> None:
    """A message that comes again after its answer is still a repetition."""
    await journal.publish(PIGEON, [row("hello")], {})
    await journal.settle(await claim_one(journal), [])

    new = await journal.publish(PIGEON, [row("hello")], {})

    assert not new
    assert not await journal.claim(10)


async def test_cursors_are_merged_by_name_and_kept_per_channel(journal: MemoryJournal) -> None:
    """A channel may move one of its cursors and finds all of them when it comes back."""
    await journal.publish(PIGEON, [], {"north": "1", "south": "1"})
    await journal.publish(PIGEON, [], {"north": "2"})
    await journal.publish("owl", [], {"north": "9"})

    assert await journal.own(PIGEON) == {"north": "2", "south": "1"}
    assert await journal.own("raven") == {}


async def test_cursors_that_were_handed_out_can_be_changed_without_effect(
    journal: MemoryJournal,
) -> None:
    """What a channel does with the cursors it was given moves nothing in the journal."""
    await journal.publish(PIGEON, [], {"": "1"})
    handed_out = await journal.own(PIGEON)
    assert isinstance(handed_out, dict)
    handed_out[""] = "2"

    assert await journal.own(PIGEON) == {"": "1"}


@pytest.mark.parametrize("verdict", ["refused", "dropped"])
async def test_what_is_not_accepted_is_known_and_never_claimed(
    journal: MemoryJournal, verdict: str
) -> None:
    """A message that a filter stopped is stored, so it is neither answered nor seen again."""
    stopped = row("spam", verdict=verdict, reason="by the filter")

    assert await journal.publish(PIGEON, [stopped], {}) == {stopped.key}
    assert not await journal.claim(10)
    assert not await journal.backlog()


async def test_an_event_is_known_and_never_claimed(journal: MemoryJournal) -> None:
    """Deletions and the like are stored; only messages are answered."""
    event = MessageDeleted(MessageRef(PIGEON, "chat", "1"), START)
    key = Key("chat", None, "delete", "1")
    await journal.publish(PIGEON, [Row(key, event, "chat")], {})

    assert set(await journal.known(PIGEON, [key])) == {key}
    assert not await journal.claim(10)


async def test_the_oldest_keys_are_forgotten_first() -> None:
    """Memory is bounded: only the newest keys of a channel are remembered."""
    journal = MemoryJournal(ManualClock(), keys_kept=2)
    rows = [row(text) for text in ("one", "two", "three")]
    for one in rows:
        await journal.publish(PIGEON, [one], {})

    known = await journal.known(PIGEON, [one.key for one in rows])

    assert set(known) == {rows[1].key, rows[2].key}


async def test_publish_waits_for_room_and_goes_on() -> None:
    """When too many messages wait, whoever receives is held back until one is answered."""
    journal = MemoryJournal(ManualClock(), rows_kept=1)
    await journal.publish(PIGEON, [row("first")], {})
    publishing = asyncio.create_task(journal.publish(PIGEON, [row("second")], {"": "2"}))
    job = await claim_one(journal)

    assert not publishing.done()
    assert await journal.own(PIGEON) == {}

    await journal.settle(job, [])
    async with asyncio.timeout(5):
        assert await publishing == {row("second").key}
    assert texts(await journal.claim(10)) == ["second"]
    assert await journal.own(PIGEON) == {"": "2"}


async def test_several_who_wait_for_room_all_get_through() -> None:
    """Room for one message after the other lets everybody in, in the end."""
    journal = MemoryJournal(ManualClock(), rows_kept=1)
    publishing = [
        asyncio.create_task(journal.publish(name, [row(name)], {})) for name in ("a", "b", "c")
    ]
    answered: list[str] = []

    async with asyncio.timeout(5):
        while len(answered) < 3:
            for job in await journal.claim(1):
                answered += texts([job])
                await journal.settle(job, [])
            await asyncio.sleep(0)  # a turn for those who wait

    assert sorted(answered) == ["a", "b", "c"]
    assert all(one.done() for one in publishing)


# Turns.


async def test_a_conversation_has_one_owner_at_a_time(journal: MemoryJournal) -> None:
    """While a message is being answered, the next one of its conversation waits."""
    await journal.publish(PIGEON, [row("first"), row("second")], {})
    job = await claim_one(journal)

    assert not await journal.claim(10)

    await journal.settle(job, [])
    assert texts(await journal.claim(10)) == ["second"]


async def test_claim_takes_the_conversations_that_wait_longest(journal: MemoryJournal) -> None:
    """Among several conversations the one that became ready first is answered first."""
    await journal.publish(PIGEON, [row("1", "a"), row("2", "a"), row("3", "b")], {})
    (job,) = await journal.claim(1)
    await journal.publish(PIGEON, [row("4", "c")], {})
    await journal.settle(job, [])

    jobs = await journal.claim(10)

    assert texts([job, *jobs]) == ["1", "3", "4", "2"]


@pytest.mark.parametrize(("limit", "expected"), [(0, 0), (1, 1), (2, 2), (9, 3)])
async def test_claim_takes_no_more_than_its_limit(
    journal: MemoryJournal, limit: int, expected: int
) -> None:
    """A worker is given no more jobs than it has hands for."""
    await journal.publish(PIGEON, [row("1", "a"), row("2", "b"), row("3", "c")], {})

    assert len(await journal.claim(limit)) == expected


async def test_job_ids_rise_in_the_order_of_arrival(journal: MemoryJournal) -> None:
    """A job's number says who came first."""
    await journal.publish(PIGEON, [row("1", "a"), row("2", "b")], {})
    await journal.publish(PIGEON, [row("3", "c")], {})

    ids = [job.id for job in await journal.claim(10)]

    assert ids == sorted(set(ids))


async def test_settle_stores_what_is_sent_with_time_and_cause(journal: MemoryJournal) -> None:
    """The end of a turn and the messages it sends are stored together."""
    await journal.publish(PIGEON, [row("hello")], {})
    job = await claim_one(journal)

    assert await journal.settle(job, [outgoing("one"), outgoing("two", "other")])

    operations = await journal.take(PIGEON, 10)
    assert texts(operations) == ["one", "two"]
    assert {one.cause for one in operations} == {job.id}
    assert {one.message.created_at for one in operations} == {START}
    assert await journal.backlog() == Backlog(jobs=0, operations=2)


async def test_settle_of_a_job_that_is_not_ours_stores_nothing(journal: MemoryJournal) -> None:
    """Who has lost a job cannot end it: its answer would be sent twice."""
    await journal.publish(PIGEON, [row("hello")], {})
    job = await claim_one(journal)
    await journal.settle(job, [outgoing("answer")])

    assert not await journal.settle(job, [outgoing("again")])
    assert texts(await journal.take(PIGEON, 10)) == ["answer"]


async def test_a_released_job_cannot_be_settled(journal: MemoryJournal) -> None:
    """Who has given a job back has no say in it any more."""
    await journal.publish(PIGEON, [row("hello")], {})
    job = await claim_one(journal)
    await journal.release(job)

    assert not await journal.settle(job, [outgoing("late")])
    assert not await journal.take(PIGEON, 10)
    assert texts(await journal.claim(10)) == ["hello"]


async def test_operations_have_the_same_keys_when_the_turn_runs_again() -> None:
    """A turn that is run again after a crash sends under the keys of the first run."""
    keys = []
    for _ in range(2):
        journal = MemoryJournal(ManualClock())
        await journal.publish(PIGEON, [row("hello")], {})
        await journal.settle(await claim_one(journal), [outgoing("one"), outgoing("two", "b")])
        keys.append([one.message.key for one in await journal.take(PIGEON, 10)])

    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


async def test_operations_of_different_messages_have_different_keys(
    journal: MemoryJournal,
) -> None:
    """The same answer to two messages is two messages."""
    await journal.publish(PIGEON, [row("one", "a"), row("two", "b")], {})
    for job in await journal.claim(10):
        await journal.settle(job, [outgoing("same", job.conversation)])

    first, second = await journal.take(PIGEON, 10)

    assert first.message.key != second.message.key


async def test_fail_ends_the_turn_and_the_next_message_is_ready(journal: MemoryJournal) -> None:
    """A message that cannot be answered does not hold up its conversation."""
    await journal.publish(PIGEON, [row("bad"), row("good")], {})

    await journal.fail(await claim_one(journal), "the agent failed")

    assert texts(await journal.claim(10)) == ["good"]
    assert await journal.backlog() == Backlog(jobs=1)


async def test_a_released_job_is_the_next_one_of_its_conversation(
    journal: MemoryJournal,
) -> None:
    """A job that is given back keeps its place, before whatever came later."""
    await journal.publish(PIGEON, [row("first", "a"), row("second", "a"), row("x", "b")], {})
    (job,) = await journal.claim(1)

    await journal.release(job)

    assert texts(await journal.claim(10)) == ["first", "x"]
    assert await journal.backlog() == Backlog(jobs=3)


@pytest.mark.parametrize("ending", ["release", "fail"])
async def test_ending_a_job_twice_changes_nothing(journal: MemoryJournal, ending: str) -> None:
    """What was given back or given up once cannot be so again."""
    await journal.publish(PIGEON, [row("first"), row("second")], {})
    job = await claim_one(journal)
    await journal.settle(job, [])

    if ending == "release":
        await journal.release(job)
    else:
        await journal.fail(job, "again")

    assert texts(await journal.claim(10)) == ["second"]
    assert await journal.backlog() == Backlog(jobs=1)


# What goes out.


async def test_an_address_has_one_operation_under_way(journal: MemoryJournal) -> None:
    """The second message to a chat is not sent before the first has been answered for."""
    await journal.enqueue([outgoing("one"), outgoing("two")])
    (first,) = await journal.take(PIGEON, 10)

    assert first.message.content == "one"
    assert not await journal.take(PIGEON, 10)

    await journal.sent(first, Receipt())
    assert texts(await journal.take(PIGEON, 10)) == ["two"]


async def test_threads_of_a_chat_are_addresses_of_their_own(journal: MemoryJournal) -> None:
    """A thread does not wait for the chat around it."""
    in_thread = OutgoingMessage(PIGEON, "chat", "in the thread", thread_id="7")
    await journal.enqueue([outgoing("in the chat"), in_thread])

    assert texts(await journal.take(PIGEON, 10)) == ["in the chat", "in the thread"]


async def test_take_hands_out_one_channel_up_to_a_limit(journal: MemoryJournal) -> None:
    """A sender gets its own channel's messages and no more than it asked for."""
    several = [outgoing(chat, chat) for chat in "abc"]
    await journal.enqueue([*several, outgoing("owl", channel="owl")])

    assert texts(await journal.take(PIGEON, 2)) == ["a", "b"]
    assert texts(await journal.take(PIGEON, 2)) == ["c"]
    assert texts(await journal.take("owl", 2)) == ["owl"]


async def test_take_of_a_channel_without_messages_is_empty(journal: MemoryJournal) -> None:
    """A channel that nothing was ever sent to has nothing to send."""
    assert not await journal.take("raven", 10)


async def test_not_sent_makes_way_for_the_next(journal: MemoryJournal) -> None:
    """A message that is given up does not hold up its chat."""
    await journal.enqueue([outgoing("one"), outgoing("two")])
    (first,) = await journal.take(PIGEON, 10)

    await journal.not_sent(first, "the chat is gone")

    assert texts(await journal.take(PIGEON, 10)) == ["two"]
    assert await journal.backlog() == Backlog(operations=1)


async def test_enqueue_keeps_the_key_it_is_given(journal: MemoryJournal) -> None:
    """A message that answers nothing goes out under its sender's key, and has no cause."""
    message = OutgoingMessage(PIGEON, "chat", "hello", key="my-key")

    (operation,) = await journal.enqueue([message])

    assert (operation.message.key, operation.cause) == ("my-key", None)
    assert operation.message.created_at == START
    assert await journal.take(PIGEON, 10) == [operation]


async def test_backlog_counts_what_waits_and_what_runs(journal: MemoryJournal) -> None:
    """Nothing is done before it is done: what runs still counts."""
    await journal.publish(PIGEON, [row("1"), row("2")], {})
    job = await claim_one(journal)
    await journal.settle(job, [outgoing("answer")])
    (operation,) = await journal.take(PIGEON, 10)

    assert await journal.backlog() == Backlog(jobs=1, operations=1)

    await journal.sent(operation, Receipt())
    await journal.settle(await claim_one(journal), [])
    assert not await journal.backlog()


# Whatever happens, in whatever order.

STEPS = st.one_of(
    st.tuples(st.just("publish"), st.lists(st.sampled_from("abc"), max_size=3)),
    st.tuples(st.just("repeat"), st.integers(0, 99)),
    st.tuples(st.just("claim"), st.integers(0, 3)),
    st.tuples(st.just("settle"), st.integers(0, 99)),
    st.tuples(st.just("release"), st.integers(0, 99)),
    st.tuples(st.just("take"), st.integers(0, 3)),
    st.tuples(st.just("sent"), st.integers(0, 99)),
)


class _Checked:
    """A journal together with what it must do; each message is answered with its own text."""

    def __init__(self) -> None:
        self.journal = MemoryJournal(ManualClock())
        self.published: dict[str, list[str]] = defaultdict(list)
        self.settled: dict[str, list[str]] = defaultdict(list)
        self.delivered: dict[str, list[str]] = defaultdict(list)
        self.rows: list[Row] = []
        self.jobs: list[Job] = []
        self.operations: list[Operation] = []

    async def publish(self, conversations: list[str]) -> None:
        rows = [row(str(len(self.rows) + at), one) for at, one in enumerate(conversations)]
        assert len(await self.journal.publish(PIGEON, rows, {})) == len(rows)
        self.rows += rows
        for one, conversation in zip(rows, conversations, strict=True):
            self.published[conversation].append(one.key.id)

    async def repeat(self, at: int) -> None:
        if self.rows:
            assert not await self.journal.publish(PIGEON, [self.rows[at % len(self.rows)]], {})

    async def claim(self, limit: int) -> None:
        jobs = await self.journal.claim(limit)
        assert len(jobs) <= limit
        for job in jobs:
            done = len(self.settled[job.conversation])
            assert job.message.content == self.published[job.conversation][done]
        self.jobs += jobs
        owned = [job.conversation for job in self.jobs]
        assert len(owned) == len(set(owned))

    async def settle(self, at: int) -> None:
        if self.jobs:
            job = self.jobs.pop(at % len(self.jobs))
            answer = outgoing(job.message.content, job.conversation)
            assert await self.journal.settle(job, [answer])
            self.settled[job.conversation].append(answer.content)

    async def release(self, at: int) -> None:
        if self.jobs:
            await self.journal.release(self.jobs.pop(at % len(self.jobs)))

    async def take(self, limit: int) -> None:
        operations = await self.journal.take(PIGEON, limit)
        assert len(operations) <= limit
        self.operations += operations
        under_way = [one.message.address for one in self.operations]
        assert len(under_way) == len(set(under_way))

    async def sent(self, at: int) -> None:
        if self.operations:
            operation = self.operations.pop(at % len(self.operations))
            await self.journal.sent(operation, Receipt())
            self.delivered[operation.message.channel_id].append(operation.message.content)

    async def finish(self) -> None:
        while await self.journal.backlog():
            await self.claim(9)
            await self.settle(0)
            await self.take(9)
            await self.sent(0)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_nothing_is_lost_doubled_or_overtaken(steps: list[tuple[str, Any]]) -> None:
    """Whatever workers do, each conversation is answered once, in order, by one at a time."""

    async def act() -> _Checked:
        checked = _Checked()
        for name, argument in steps:
            await getattr(checked, name)(argument)
        await checked.finish()
        return checked

    checked = asyncio.run(act())

    assert checked.settled == checked.published
    assert checked.delivered == checked.published
