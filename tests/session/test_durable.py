"""What a session finds when it begins, and what others do to what it holds."""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from fakes import (
    EchoAgent,
    FakeChannel,
    JournalAround,
    ManualClock,
    Net,
    incoming,
    registry,
    running,
    session_of,
    until,
)

from cobot import (
    AuthFailed,
    ChannelError,
    Conversation,
    DeliveryUnknown,
    IncomingMessage,
    OutgoingMessage,
    Receipt,
    Unreachable,
    hookimpl,
)
from cobot.config.settings import SessionSettings
from cobot.journal import Backlog, Beat, Claimed, Job, Ownership
from cobot.session import Session
from cobot.session.holding import OWN_AGAIN_S
from cobot.session.upkeep import BEAT_S


def outgoing(text: str = "hello", **fields: Any) -> OutgoingMessage:
    """Return a message to a chat."""
    return OutgoingMessage("net", "chat", text, **fields)


def killed(file: Path) -> Path:
    """Return a copy of a journal as a process would leave it that is killed now."""
    copy = file.with_name("killed.db")
    for ending in ("", "-wal"):
        shutil.copy(f"{file}{ending}", f"{copy}{ending}")
    return copy


@asynccontextmanager
async def session(file: Path, net: object, **others: Any) -> AsyncIterator[Session]:
    """Run a session on a journal for the length of a block, with one channel."""
    settings = others.pop("settings", SessionSettings())
    clock = others.pop("clock", None)
    around = others.pop("around", lambda journal: journal)
    plugins = registry(net=net, **others)
    made = session_of(
        plugins, clock=clock, settings=settings, path=file, around=around, stop_timeout_s=0.2
    )
    async with running(made):
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a journal may be."""
    return tmp_path / "journal.db"


class Thinking:
    """An agent that answers when it may."""

    def __init__(self) -> None:
        self.asked: list[IncomingMessage] = []
        self.cancelled = 0
        self.may_answer = asyncio.Event()

    @hookimpl
    async def agent_reply(self, message: IncomingMessage) -> str:
        self.asked.append(message)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return f"answer to {message.content}"


@attrs.define(eq=False)
class Hanging(FakeChannel):
    """A channel whose network takes a message and says nothing."""

    tried: list[OutgoingMessage] = attrs.field(factory=list)
    may_answer: asyncio.Event = attrs.field(factory=asyncio.Event)

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.tried.append(message)
        await self.may_answer.wait()
        return await super().session_send(message)


class Receipts:
    """A plugin that notes receipts."""

    def __init__(self) -> None:
        self.seen: list[Receipt] = []

    @hookimpl
    def session_on_send(self, receipt: Receipt) -> None:
        self.seen.append(receipt)


# After an unclean end.


async def test_what_was_being_answered_when_the_process_died_is_answered(file: Path) -> None:
    """The next process asks the agent again, for the same message with the same key."""
    first, second = FakeChannel(), FakeChannel()
    thinking, agent = Thinking(), EchoAgent()
    async with session(file, first, agent=thinking):
        first.hand(incoming("one"), incoming("two"))
        await until(lambda: thinking.asked)
        copy = killed(file)
    async with session(copy, second, agent=agent):
        await until(lambda: len(second.sent) == 2)

    assert second.texts == ["one", "two"]
    assert agent.asked[0].key == thinking.asked[0].key != ""


async def test_an_answer_that_was_stored_when_the_process_died_is_not_made_again(
    file: Path,
) -> None:
    """It is sent once more, since it may have arrived, and marked; the agent is not asked."""
    first, second = Hanging(), FakeChannel()
    agent, receipts = EchoAgent(), Receipts()
    async with session(file, first, agent=EchoAgent()):
        first.hand(incoming("hello"))
        await until(lambda: first.tried)
        copy = killed(file)
    async with session(copy, second, agent=agent, receipts=receipts):
        await until(lambda: receipts.seen)

    assert (second.texts, agent.asked) == (["hello"], [])
    assert (first.tried[0].unknown, second.sent[0].unknown) == (False, True)
    assert second.sent[0].key == first.tried[0].key
    assert receipts.seen[0].maybe_repeated


async def test_what_was_only_waiting_to_be_sent_is_not_marked(file: Path) -> None:
    """Of what waited behind another message it is known that it did not leave."""
    first, second = Hanging(), FakeChannel()
    async with session(file, first) as one:
        for text in ("one", "two"):
            await one.enqueue(outgoing(text)).stored()
        await until(lambda: first.tried)
        copy = killed(file)
    async with session(copy, second):
        await until(lambda: len(second.sent) == 2)

    assert [one.unknown for one in second.sent] == [True, False]


async def test_what_was_received_is_not_answered_twice(file: Path) -> None:
    """A network that hands a message over again after a crash is told that it is known."""
    first, second = FakeChannel(), FakeChannel()
    agent = EchoAgent()
    async with session(file, first, agent=EchoAgent()):
        first.hand(incoming("hello"), cursor="7")
        await until(lambda: first.acked and first.sent)
    async with session(file, second, agent=agent):
        second.hand(incoming("hello"))
        await until(lambda: second.acked)

    assert (second.cursors, second.sent, agent.asked) == ([{"cursor": "7"}], [], [])


# After a stop.


async def test_a_stop_leaves_in_the_journal_what_the_next_start_answers(file: Path) -> None:
    """What runs is given its time and then given back; nothing of it counts as a try."""
    first, second = FakeChannel(), FakeChannel()
    thinking = Thinking()
    once = SessionSettings(agent_tries=1, failure_text="")
    async with session(file, first, agent=thinking, settings=once):
        first.hand(incoming("one"), incoming("two"))
        await until(lambda: thinking.asked)
    async with session(file, second, agent=EchoAgent(), settings=once):
        await until(lambda: len(second.sent) == 2)

    assert (second.texts, first.sent) == (["one", "two"], [])


async def test_a_stop_sends_what_it_can_and_begins_no_send_that_it_would_cut_short(
    file: Path,
) -> None:
    """Of many messages that wait, only what was under way may have arrived."""
    first, second = Hanging(), FakeChannel()
    async with session(file, first) as one:
        handles = [one.enqueue(outgoing(str(number))) for number in range(3)]
        await until(lambda: first.tried)
    with pytest.raises(ChannelError):
        await handles[0].receipt()
    async with session(file, second):
        await until(lambda: len(second.sent) == 3)

    assert [one.content for one in first.tried] == ["0"]
    assert [one.unknown for one in second.sent] == [True, False, False]


async def test_a_stop_in_the_middle_of_much_work_leaves_nothing_unknown(file: Path) -> None:
    """Time is kept to finish what is under way, so that nothing need be sent twice."""

    class Slow(FakeChannel):
        @hookimpl
        async def session_send(self, message: OutgoingMessage) -> str:
            waiting = asyncio.get_running_loop().create_future()
            await asyncio.wait([waiting], timeout=0.01)  # as long as the network needs
            return await super().session_send(message)

    first, second = Slow(), FakeChannel()
    async with session(file, first) as one:
        for number in range(100):
            one.enqueue(outgoing(str(number)))
        await until(lambda: first.sent)
    async with session(file, second):
        await until(lambda: len(first.sent) + len(second.sent) == 100)

    assert [*first.texts, *second.texts] == [str(number) for number in range(100)]
    assert not any(message.unknown for message in second.sent)


async def test_what_a_parked_channel_has_waiting_is_sent_after_the_next_start(
    file: Path,
) -> None:
    """A revoked token loses no message; who waits for one is told at once."""
    refused = AuthFailed("net", "send", "the token was revoked")
    first, second = Net(failures=deque([refused])), Net()
    async with session(file, first) as one:
        with pytest.raises(AuthFailed):
            await one.send(outgoing("one"))
        with pytest.raises(AuthFailed):
            await one.send(outgoing("two"))
    async with session(file, second):
        await until(lambda: second.sent)

    assert [message.content for message in first.tried] == ["one"]
    assert (second.texts, second.tried[0].unknown) == (["one"], False)


async def test_the_same_key_is_the_same_message_after_a_restart(file: Path) -> None:
    """A program that repeats what it sent gets the receipt of the first time."""
    first, second = FakeChannel(), FakeChannel()
    async with session(file, first) as one:
        receipt = await one.send(outgoing(), key="daily-1")
    async with session(file, second) as other:
        handle = other.enqueue(outgoing("something else"), key="daily-1")
        standing = await handle.stored()
        again = await handle.receipt()

    assert (again, handle.id, standing.is_new) == (receipt, "daily-1", False)
    assert (first.texts, second.texts) == (["hello"], [])


async def test_the_same_key_of_a_message_that_waits_is_waited_for(file: Path) -> None:
    """Who sends a message again in the next process gets its receipt when there is one."""
    offline = Unreachable("net", "send", "connection refused")
    first, second = Net(failures=deque([offline])), FakeChannel()
    clock = ManualClock()
    async with session(file, first, clock=clock) as one:
        one.enqueue(outgoing(), key="daily-1")
        await clock.next_sleep()
    async with session(file, second, clock=clock) as other:
        waiting = asyncio.create_task(other.send(outgoing(), key="daily-1"))
        clock.advance(await clock.next_sleep())
        receipt = await waiting

    assert (second.texts, [ref.id for ref in receipt.refs]) == (["hello"], ["sent-1"])


async def test_the_same_key_of_a_dead_letter_says_why(file: Path) -> None:
    """What was given up is not sent by asking again; `cobot dead retry` does that."""
    unknown = DeliveryUnknown("net", "send", "the connection broke")
    net = Net(failures=deque([unknown]))
    once = SessionSettings(send_tries=1, send_age=0)
    async with session(file, net, settings=once) as one:
        with pytest.raises(DeliveryUnknown):
            await one.send(outgoing(), key="daily-1")
        with pytest.raises(ChannelError, match="the connection broke"):
            await one.send(outgoing(), key="daily-1")

    assert len(net.tried) == 1


async def test_an_agents_notes_outlive_the_process(file: Path) -> None:
    """`conversation.state` is stored with the turn, and `history` has both sides."""

    class Counting:
        @hookimpl
        async def agent_reply(self, conversation: Conversation) -> str:
            count = conversation.state.get("count", 0) + 1
            conversation.state["count"] = count
            said = [one.content for one in await conversation.history()]
            return f"{count}: {said}"

    first, second = FakeChannel(), FakeChannel()
    async with session(file, first, agent=Counting()):
        first.hand(incoming("a"))
        await until(lambda: first.sent)
    async with session(file, second, agent=Counting()):
        second.hand(incoming("b"))
        await until(lambda: second.sent)

    assert first.texts == ["1: ['a']"]
    assert second.texts == ["2: ['a', \"1: ['a']\", 'b']"]


# A job that was lost.


async def test_the_answer_of_a_job_that_was_lost_is_not_sent(file: Path) -> None:
    """Who works on the message now answers it; this one's answer is worth nothing."""
    net, agent = FakeChannel(), Thinking()
    async with session(file, net, agent=agent) as one:
        net.hand(incoming("hello"))
        await until(lambda: agent.asked)
        await one.journal.hold_only(())
        agent.may_answer.set()
        await until(lambda: len(agent.asked) == 2 and net.sent)

    assert net.texts == ["answer to hello"]


async def test_a_run_ends_though_its_last_job_was_lost(file: Path) -> None:
    """What somebody else answers is nothing to wait for."""
    net, agent = FakeChannel(), Thinking()
    made = session_of(registry(net=net, agent=agent), path=file, around=Telling)
    net.hand(incoming("hello"))
    net.end()
    async with asyncio.timeout(5), made:
        run = asyncio.create_task(made.run())
        await until(lambda: agent.asked)
        (job,) = held(made)
        await made.journal.fail(job, "answered elsewhere", None)
        agent.may_answer.set()
        outcome = await run

    assert (outcome.failures, net.sent) == (0, [])


class Emptying(JournalAround):
    """A journal whose messages turn out to be withdrawn when they are claimed."""

    def __init__(self, journal: Any) -> None:
        super().__init__(journal)
        self.looked_at = asyncio.Event()

    async def claim(self, limit: int) -> Claimed:
        """Claim nothing, but end what waits; not before somebody waits for the end."""
        claimed = await self.journal.claim(limit)
        for job in claimed.jobs:
            await self.looked_at.wait()
            await self.journal.fail(job, "withdrawn", None)
        return Claimed((), None)

    async def backlog(self, channels: Any = None) -> Backlog:
        """Note that it was asked for."""
        left = await self.journal.backlog(channels)
        self.looked_at.set()
        return left


async def test_a_run_ends_though_its_last_message_was_withdrawn(file: Path) -> None:
    """What is not there any more when it is claimed is nothing to wait for."""
    net, agent = FakeChannel(), EchoAgent()
    made = session_of(registry(net=net, agent=agent), path=file, around=Emptying)
    net.hand(incoming("hello"))
    net.end()
    async with asyncio.timeout(5):
        outcome = await made.run()

    assert (agent.asked, bool(outcome.left)) == ([], False)


class Telling(JournalAround):
    """A journal that tells of the jobs that it handed out, and can take them away."""

    def __init__(self, journal: Any) -> None:
        super().__init__(journal)
        self.jobs: list[Job] = []
        self.takes_away = False

    async def claim(self, limit: int) -> Any:
        """Note what is claimed."""
        claimed = await self.journal.claim(limit)
        self.jobs += claimed.jobs
        return claimed

    async def beat(self) -> Beat:
        """Take everything away, if that is wanted."""
        if not self.takes_away:
            return await self.journal.beat()
        self.takes_away = False
        await self.journal.hold_only(())
        return Beat(frozenset(job.id for job in self.jobs))


async def test_an_agent_whose_job_is_lost_is_stopped(file: Path) -> None:
    """There is no use in thinking on; that it was stopped is no failed try."""
    net, agent, clock = FakeChannel(), Thinking(), ManualClock()
    once = SessionSettings(agent_tries=1, failure_text="sorry")
    async with session(
        file, net, agent=agent, clock=clock, settings=once, around=Telling
    ) as one:
        net.hand(incoming("hello"))
        await until(lambda: agent.asked)
        assert isinstance(one.journal, Telling)
        one.journal.takes_away = True
        clock.advance(BEAT_S)
        await until(lambda: agent.cancelled)
        agent.may_answer.set()
        await until(lambda: net.sent)

    assert (net.texts, len(agent.asked)) == (["answer to hello"], 2)


# A channel that was lost.


async def test_a_receiver_that_lost_its_channel_takes_it_again(file: Path) -> None:
    """What it could not store was not confirmed, so the network hands it over again."""
    net, clock = FakeChannel(), ManualClock()
    async with session(file, net, agent=EchoAgent(), clock=clock) as one:
        await until(lambda: net.cursors)
        await one.journal.own("net")
        net.hand(incoming("hello"))
        await until(lambda: one.supervisors["net"].reason)
        refused = (net.acked.copy(), one.supervisors["net"].reason)
        clock.advance(OWN_AGAIN_S)
        net.hand(incoming("hello"))
        await until(lambda: net.sent)

    assert refused == ([], "net: receive: channel 'net' is owned by somebody else by now")
    assert (net.texts, len(net.acked), net.closed) == (["hello"], 1, 2)


async def test_a_sender_that_lost_its_channel_takes_it_again(file: Path) -> None:
    """Nothing is sent without the right to, and nothing is lost by waiting for it."""
    net, clock = FakeChannel(), ManualClock()
    async with session(file, net, clock=clock) as one:
        await one.send(outgoing("before"))
        await one.journal.own("net")
        waiting = one.enqueue(outgoing("after"))
        wait = await clock.next_sleep()
        before = net.texts.copy()
        clock.advance(wait)
        await waiting.receipt()

    assert (wait, before, net.texts) == (OWN_AGAIN_S, ["before"], ["before", "after"])


async def test_what_was_on_its_way_when_the_channel_was_lost_is_marked(file: Path) -> None:
    """Its end was not recorded, so it is sent again, as what may have arrived."""
    net, clock = Hanging(), ManualClock()
    async with session(file, net, clock=clock) as one:
        waiting = one.enqueue(outgoing())
        await until(lambda: net.tried)
        await one.journal.own("net")
        net.may_answer.set()
        await until(lambda: net.sent)
        one.enqueue(outgoing("wakes the sender", thread_id="t"))
        receipt = await waiting.receipt()

    assert [message.unknown for message in net.tried][:2] == [False, True]
    assert receipt.maybe_repeated


async def test_a_channel_is_given_back_at_the_end(file: Path) -> None:
    """Whoever comes next need not wait until the right has run out."""
    given: list[str] = []

    class Noting(JournalAround):
        async def disown(self, ownership: Ownership) -> None:
            given.append(ownership.channel)
            await self.journal.disown(ownership)

    async with session(file, FakeChannel(), around=Noting) as one:
        await one.send(outgoing())

    assert given == ["net"]


def held(made: Session) -> list[Job]:
    """Return the jobs that a session's journal handed out."""
    assert isinstance(made.journal, Telling)
    return made.journal.jobs
