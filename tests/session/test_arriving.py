"""What arrives in pieces, late, or changes what is there, through a whole session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from fakes import (
    START,
    FakeChannel,
    ManualClock,
    incoming,
    plugin,
    registry,
    running,
    session_of,
    until,
)

from cobot import (
    DROP,
    Address,
    Batch,
    ChatMoved,
    IncomingMessage,
    Media,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    ReactionChanged,
    hookimpl,
)
from cobot.config import AccessSettings, ChannelSettings
from cobot.session import Session
from cobot.session.receiving import GROUP_WAIT_S


class Thinking:
    """An agent that answers each message when it may."""

    def __init__(self) -> None:
        self.asked: list[IncomingMessage] = []
        self.may_answer = asyncio.Event()

    @hookimpl
    async def agent_reply(self, message: IncomingMessage) -> str:
        self.asked.append(message)
        await self.may_answer.wait()
        return message.content

    @property
    def texts(self) -> list[str]:
        """What it was asked."""
        return [message.content for message in self.asked]


class Watcher:
    """A plugin that notes events."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @hookimpl
    def session_on_event(self, event: Any) -> None:
        self.seen.append(event)


@asynccontextmanager
async def session(
    net: FakeChannel, agent: Thinking, clock: ManualClock | None = None, **others: Any
) -> AsyncIterator[Session]:
    """Run a session with one channel for the length of a block."""
    settings = others.pop("settings", ChannelSettings())
    plugins = registry(net=plugin("net", net, settings=settings), agent=agent, **others)
    async with running(session_of(plugins, clock=clock, stop_timeout_s=0.2)) as made:
        yield made


def edited(text: str, **fields: Any) -> MessageEdited:
    """Return the new form of a message."""
    return MessageEdited(incoming(text, edited_at=START + timedelta(seconds=9), **fields))


# Events.


async def test_an_edit_of_a_message_that_waits_changes_what_the_agent_sees() -> None:
    """Whoever corrects himself in time is answered to what he meant, once."""
    net, agent, watcher = FakeChannel(), Thinking(), Watcher()
    async with session(net, agent, watcher=watcher):
        net.hand(incoming("first"), incoming("wrnog", id="2"))
        await until(lambda: agent.asked)
        net.network.put_nowait(Batch([edited("wrong", id="2")]))
        await until(lambda: watcher.seen)
        agent.may_answer.set()
        await until(lambda: len(net.sent) == 2)

    assert net.texts == ["first", "wrong"]
    assert watcher.seen[0].message.content == "wrong"
    assert agent.asked[1].key == watcher.seen[0].message.key


@pytest.mark.parametrize("how", ["drops", "fails"])
async def test_an_edit_cannot_get_past_a_filter(how: str) -> None:
    """What a filter would have stopped does not come in as a correction."""

    class Guard:
        fail_closed = True

        @hookimpl
        def session_incoming(self, message: IncomingMessage) -> Any:
            if "spam" not in message.content:
                return None
            if how == "fails":
                raise ZeroDivisionError
            return DROP

    net, agent, watcher = FakeChannel(), Thinking(), Watcher()
    async with session(net, agent, watcher=watcher, guard=Guard()):
        net.hand(incoming("first"), incoming("ham", id="2"))
        await until(lambda: agent.asked)
        net.network.put_nowait(Batch([edited("spam", id="2")]))
        net.network.put_nowait(Batch([edited("eggs", id="first")]))
        await until(lambda: watcher.seen)
        agent.may_answer.set()
        await until(lambda: len(net.sent) == 2)

    assert net.texts[1] == "ham"
    assert [event.message.content for event in watcher.seen] == ["eggs"]


async def test_an_edit_that_comes_too_late_changes_the_history_alone() -> None:
    """A message that has been answered is not answered again for a slip of the finger."""
    net, agent, watcher = FakeChannel(), Thinking(), Watcher()
    agent.may_answer.set()
    async with session(net, agent, watcher=watcher) as made:
        net.hand(incoming("wrnog", id="2"))
        await until(lambda: net.sent)
        net.network.put_nowait(Batch([edited("wrong", id="2")]))
        await until(lambda: watcher.seen)
        history = await made.journal.history("net/chat", 10)

    assert agent.texts == ["wrnog"]
    assert [(one.content, one.edited) for one in history] == [("wrong", True), ("wrnog", False)]


async def test_a_message_that_is_deleted_while_it_waits_is_not_answered() -> None:
    """Who takes back a question gets no answer to it; the next one is answered."""
    net, agent, watcher = FakeChannel(), Thinking(), Watcher()
    async with session(net, agent, watcher=watcher) as made:
        net.hand(incoming("first"), incoming("taken back", id="2"), incoming("third"))
        await until(lambda: agent.asked)
        deleted = MessageDeleted(MessageRef("net", "chat", "2"), START)
        net.network.put_nowait(Batch([deleted]))
        await until(lambda: watcher.seen)
        agent.may_answer.set()
        await until(lambda: len(net.sent) == 2)
        history = await made.journal.history("net/chat", 10)

    assert (net.texts, watcher.seen) == (["first", "third"], [deleted])
    assert [one.content for one in history if one.deleted] == [""]


async def test_a_run_ends_though_its_last_message_was_taken_back() -> None:
    """What nobody asks any more is nothing to wait for."""
    net, agent = FakeChannel(), Thinking()
    made = session_of(registry(net=net, agent=agent))
    net.hand(incoming("first"), incoming("taken back", id="2"))
    net.network.put_nowait(Batch([MessageDeleted(MessageRef("net", "chat", "2"), START)]))
    net.end()
    agent.may_answer.set()
    async with asyncio.timeout(5):
        outcome = await made.run()

    assert (net.texts[0], outcome.failures, bool(outcome.left)) == ("first", 0, False)


async def test_a_reaction_is_an_event_and_no_message() -> None:
    """Plugins see it; the agent is not asked."""
    net, agent, watcher = FakeChannel(), Thinking(), Watcher()
    reaction = ReactionChanged(MessageRef("net", "chat", "1"), "ann", "👍", True, START)
    async with session(net, agent, watcher=watcher):
        net.network.put_nowait(Batch([reaction, reaction]))
        await until(lambda: watcher.seen)
        await until(lambda: net.acked)

    assert (watcher.seen, agent.asked) == ([reaction], [])


async def test_what_waits_for_a_chat_that_moved_goes_to_the_new_one() -> None:
    """A group that becomes a supergroup loses no answer."""
    net, agent, watcher = FakeChannel(), Thinking(), Watcher()
    moved = ChatMoved(Address("net", "chat"), Address("net", "new"))
    async with session(net, agent, watcher=watcher):
        net.hand(incoming("first", channel_id="other"), incoming("second"))
        await until(lambda: len(agent.asked) == 2)
        net.hand(incoming("third"))
        await until(lambda: len(net.acked) == 2)
        net.network.put_nowait(Batch([moved]))
        await until(lambda: watcher.seen)
        agent.may_answer.set()
        await until(lambda: len(net.sent) == 3)

    assert watcher.seen == [moved]
    assert net.sent[-1].content == "third"
    assert net.sent[-1].channel_id == "new"


# Albums.


async def test_an_album_is_one_message() -> None:
    """The pictures come one by one and are shown to the agent together, under one text."""
    net, agent, clock = FakeChannel(), Thinking(), ManualClock()
    agent.may_answer.set()
    pictures = [
        incoming(
            "look!" if number == 1 else "",
            id=str(number),
            group="album",
            media=[Media.from_bytes(bytes([number]), name=f"{number}.png")],
        )
        for number in range(3)
    ]
    async with session(net, agent, clock):
        net.hand(pictures[0], pictures[1])
        await until(lambda: net.acked)
        clock.advance(GROUP_WAIT_S / 2)
        net.hand(pictures[2])
        await until(lambda: len(net.acked) == 2)
        clock.advance(GROUP_WAIT_S / 2)
        left = await clock.next_sleep()
        early = agent.texts.copy()
        clock.advance(left)
        await until(lambda: net.sent)

    (asked,) = agent.asked
    assert (early, left) == ([], GROUP_WAIT_S / 2)
    assert (asked.id, asked.content) == ("0", "look!")
    assert [media.name for media in asked.media] == ["0.png", "1.png", "2.png"]
    assert net.texts == ["look!"]


# What is not answered, and what is answered apart.


async def test_a_message_that_is_too_old_is_remembered_and_not_answered() -> None:
    """After a long time away a bot does not answer what nobody waits for any more."""
    net, agent, clock = FakeChannel(), Thinking(), ManualClock()
    agent.may_answer.set()
    settings = ChannelSettings(max_age=3600)
    async with session(net, agent, clock, settings=settings) as made:
        net.hand(
            incoming("old", timestamp=START - timedelta(hours=2)),
            incoming("new", timestamp=START - timedelta(minutes=50)),
        )
        await until(lambda: net.sent)
        history = await made.journal.history("net/chat", 10)
        why = await made.journal.why("net", "chat", "old")

    assert agent.texts == ["new"]
    assert [one.content for one in history] == ["old", "new", "new"]
    assert any("older than max_age (3600 s)" in step.text for step in why)


@pytest.mark.parametrize(("scope", "expected"), [("sender", 2), ("chat", 1)])
async def test_a_conversation_can_be_one_persons(scope: Any, expected: int) -> None:
    """Under `scope: sender` two people of one group do not wait for each other."""
    net, agent = FakeChannel(), Thinking()
    async with session(net, agent, settings=ChannelSettings(scope=scope)) as made:
        net.hand(incoming("a", sender_id="a/n"), incoming("b", sender_id="bo"))
        await until(lambda: len(agent.asked) == expected)
        at_once = len(agent.asked)
        agent.may_answer.set()
        await until(lambda: len(net.sent) == 2)
        history = await made.journal.history("net/chat/a%2Fn", 10)

    assert at_once == expected
    assert [one.content for one in history] == (["a", "a"] if scope == "sender" else [])


# Who may talk.


async def test_a_stranger_is_answered_once_the_owner_has_let_him_in() -> None:
    """A person gets a code; with it the owner pairs him through the session."""
    net, agent = FakeChannel(), Thinking()
    agent.may_answer.set()
    plugins = registry(net=net, agent=agent)
    made = session_of(plugins, access=AccessSettings(), stop_timeout_s=0.2)
    async with running(made):
        net.hand(incoming("hello", direct=True))
        await until(lambda: net.sent)
        code = net.texts[0].partition("cobot pair ")[2].partition("\n")[0]
        told = await made.pair(code)
        net.hand(incoming("hello again", direct=True))
        await until(lambda: len(net.sent) == 2)

    assert "person" in told
    assert (agent.texts, net.texts[1]) == (["hello again"], "hello again")
