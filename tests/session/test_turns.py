from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import attrs
import pytest
from fakes import EchoAgent, FakeChannel, incoming, registry, session_of

from cobot import (
    DROP,
    Address,
    Batch,
    Conversation,
    IncomingMessage,
    OutgoingMessage,
    Rejected,
    hookimpl,
)
from cobot.session import Outcome, Session


@attrs.define(eq=False)
class Letters(FakeChannel):
    """A channel that hands over its messages at once, and then nothing more, ever."""

    messages: tuple[IncomingMessage, ...] = ()

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        yield Batch(self.messages)
        self.end()


def letters(*messages: IncomingMessage) -> Letters:
    """Return a channel with messages."""
    return Letters(messages=messages)


class Agent:
    """An agent that has a function answer."""

    def __init__(self, answer: Callable[[IncomingMessage], Any]) -> None:
        self.answer = answer

    @hookimpl
    async def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> Any:
        return self.answer(message)


class Watcher:
    """A plugin that notes what failed."""

    def __init__(self) -> None:
        self.failed: list[tuple[str, Exception]] = []

    @hookimpl
    def session_on_failure(self, message: Any, error: Exception) -> None:
        self.failed.append((message.content, error))


class Guard:
    """A plugin that has a function look at what goes out."""

    def __init__(
        self, look: Callable[[OutgoingMessage], Any], *, fail_closed: bool = False
    ) -> None:
        self.look = look
        self.fail_closed = fail_closed

    @hookimpl
    def session_outgoing(self, message: OutgoingMessage) -> Any:
        return self.look(message)


def failing(_message: object) -> Any:
    """Fail, as a plugin with a mistake in it."""
    raise ZeroDivisionError("division by zero")


async def run(session: Session) -> Outcome:
    """Run a session to the end of its input."""
    async with asyncio.timeout(5):
        return await session.run()


async def answers_of(answer: Callable[[IncomingMessage], Any]) -> tuple[Outcome, list[str]]:
    """Return how a run with one message and this agent ended, and what was sent."""
    channel = letters(incoming("hello"))
    outcome = await run(session_of(registry(pigeon=channel, agent=Agent(answer))))
    return outcome, channel.texts


# Order.


class Controlled:
    """An agent that answers each message when the test says so."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[str] = asyncio.Queue()
        self.may_answer: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @hookimpl
    async def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> str:
        self.started.put_nowait(message.content)
        await self.may_answer[message.content].wait()
        return message.content


async def test_messages_of_a_conversation_are_answered_in_order() -> None:
    """The agent is given a message when the one before has been answered, and not sooner."""
    agent, channel = Controlled(), letters(*(incoming(text) for text in "abc"))
    running = asyncio.create_task(run(session_of(registry(pigeon=channel, agent=agent))))
    agent.may_answer["c"].set()
    agent.may_answer["b"].set()

    assert await agent.started.get() == "a"
    assert agent.started.empty()

    agent.may_answer["a"].set()
    await running
    assert channel.texts == ["a", "b", "c"]


async def test_conversations_are_answered_at_the_same_time() -> None:
    """A person for whom the agent needs long keeps nobody else waiting."""
    channel = letters(*(incoming(chat, channel_id=chat) for chat in "abc"))
    agent = Controlled()
    running = asyncio.create_task(run(session_of(registry(pigeon=channel, agent=agent))))

    assert {await agent.started.get() for _ in "abc"} == {"a", "b", "c"}

    for chat in "cba":
        agent.may_answer[chat].set()
    await running
    assert sorted(channel.texts) == ["a", "b", "c"]


async def test_a_fast_conversation_overtakes_a_slow_one() -> None:
    """Order is kept within a conversation only."""
    slow = [incoming(text, channel_id="slow") for text in ("s1", "s2")]
    fast = [incoming(text, channel_id="fast") for text in ("f1", "f2")]
    agent, channel = Controlled(), letters(slow[0], fast[0], slow[1], fast[1])
    running = asyncio.create_task(run(session_of(registry(pigeon=channel, agent=agent))))
    for text in ("f1", "f2", "s2"):
        agent.may_answer[text].set()

    started = [await agent.started.get() for _ in range(3)]
    agent.may_answer["s1"].set()
    await running

    assert started == ["s1", "f1", "f2"]
    assert channel.texts.index("s1") < channel.texts.index("s2")


async def test_a_plugin_can_join_chats_to_one_conversation() -> None:
    """Messages of one conversation wait for each other, wherever they were written."""

    class Namer:
        @hookimpl
        def session_conversation(self, message: IncomingMessage) -> str:
            return message.sender_id

    agent = Controlled()
    channel = letters(incoming("a", channel_id="a"), incoming("b", channel_id="b"))
    plugins = registry(namer=Namer(), pigeon=channel, agent=agent)
    running = asyncio.create_task(run(session_of(plugins)))
    agent.may_answer["b"].set()

    assert await agent.started.get() == "a"
    assert agent.started.empty()

    agent.may_answer["a"].set()
    await running
    assert [(one.channel_id, one.content) for one in channel.sent] == [("a", "a"), ("b", "b")]


async def test_the_agent_is_told_the_conversation_and_the_address() -> None:
    """An agent sees which conversation it is in and where its answer goes."""
    seen: list[Conversation] = []

    class Noting:
        @hookimpl
        def agent_reply(self, conversation: Conversation) -> None:
            seen.append(conversation)

    message = incoming("hello", channel_id="a/b", thread_id="7")
    await run(session_of(registry(pigeon=letters(message), agent=Noting())))

    assert [one.key for one in seen] == ["pigeon/a%2Fb/7"]
    assert seen[0].address == Address("pigeon", "a/b", "7")


# The forms of an answer.


async def chunks(*texts: Any) -> AsyncIterator[Any]:
    """Yield texts, as a language model does."""
    for text in texts:
        yield text


def parts(*texts: Any) -> Iterator[Any]:
    """Yield texts, as a plain generator."""
    yield from texts


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _: "text", ["text"]),
        (lambda _: "", []),
        (lambda _: None, []),
        (lambda _: [], []),
        (lambda message: message.reply("message"), ["message"]),
        (lambda _: ["one", "two"], ["one", "two"]),
        (lambda _: ("one", "", None, "two"), ["one", "two"]),
        (lambda message: ["text", message.reply("message")], ["text", "message"]),
        (lambda _: parts("one", parts("two", ["three"])), ["one", "two", "three"]),
        (lambda _: chunks("Hel", "", "lo"), ["Hello"]),
        (lambda _: chunks(), []),
    ],
)
async def test_every_form_of_an_answer_is_sent(answer: Any, expected: list[str]) -> None:
    """An agent may answer with text, messages, several of them, chunks, or silence."""
    outcome, sent = await answers_of(answer)

    assert sent == expected
    assert (outcome.failures, bool(outcome.left)) == (0, False)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: 7,
        lambda _: True,
        lambda _: b"bytes",
        lambda _: bytearray(b"bytes"),
        lambda _: {"text": "hello"},
        lambda _: ["good", {"text": "bad"}],
        lambda _: ["good", 7],
        lambda _: object(),
        lambda message: message,
        lambda _: chunks("good", 7),
        lambda _: chunks("good", None),
        lambda _: [chunks("nested")],
    ],
)
async def test_a_wrong_answer_is_a_failure_and_nothing_is_sent(
    caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    """An answer of another type is the agent's mistake: it is named, and all of it dropped."""
    outcome, sent = await answers_of(answer)

    assert (outcome.failures, sent) == (1, [])
    assert "plugin 'agent' failed in agent_reply: " in caplog.text


def broken_parts() -> Iterator[str]:
    """Yield a text and fail."""
    yield "good"
    raise KeyError("no such thing")


async def broken_chunks() -> AsyncIterator[str]:
    """Yield a text and fail."""
    yield "good"
    raise KeyError("no such thing")


class Odd:
    """A value that cannot be compared, as an array of numbers cannot."""

    def __eq__(self, other: object) -> bool:
        raise KeyError("which of them?")

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize(
    "answer", [broken_chunks, broken_parts, Odd], ids=lambda one: one.__name__
)
async def test_an_answer_that_fails_half_way_is_the_agents_failure(
    caplog: pytest.LogCaptureFixture, answer: Callable[[], Any]
) -> None:
    """An agent that fails while it is being read from fails in that turn, and no further."""
    outcome, sent = await answers_of(lambda _: answer())

    assert (outcome.failures, sent) == (1, [])
    assert "plugin 'agent' failed in agent_reply" in caplog.text


async def test_an_async_generator_is_an_agent() -> None:
    """An agent may itself yield the chunks of its answer."""

    class Streaming:
        @hookimpl
        async def agent_reply(self, message: IncomingMessage) -> AsyncIterator[str]:
            for word in message.content.split():
                yield word

    channel = letters(incoming("to get her"))
    await run(session_of(registry(pigeon=channel, agent=Streaming())))

    assert channel.texts == ["together"]


async def test_a_plain_function_is_an_agent() -> None:
    """An agent that blocks runs in a thread and answers just so."""

    class Plain:
        @hookimpl
        def agent_reply(self, message: IncomingMessage) -> str:
            return message.content.upper()

    channel = letters(incoming("hello"))
    await run(session_of(registry(pigeon=channel, agent=Plain())))

    assert channel.texts == ["HELLO"]


@pytest.mark.parametrize(("direct", "reply_to"), [(False, "17"), (True, None)])
async def test_an_answer_points_at_the_question_in_groups_only(
    direct: bool, reply_to: str | None
) -> None:
    """Between two it is plain what is answered; among several it is not."""
    channel = letters(incoming("hello", id="17", direct=direct, thread_id="t"))

    await run(session_of(registry(pigeon=channel, agent=EchoAgent())))

    (sent,) = channel.sent
    assert (sent.reply_to, sent.channel_id, sent.thread_id) == (reply_to, "chat", "t")


async def test_an_agent_can_answer_on_another_channel() -> None:
    """A message that the agent makes itself goes where it says."""
    asking, other = letters(incoming("hello")), letters()
    agent = Agent(lambda _: OutgoingMessage("owl", "elsewhere", "by owl"))

    await run(session_of(registry(pigeon=asking, owl=other, agent=agent)))

    assert (asking.texts, other.texts) == ([], ["by owl"])


# Agents that fail.


async def test_a_message_that_the_agent_fails_on_counts_and_is_observed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who watches learns of the message and of the error, which names the agent."""
    watcher, channel = Watcher(), letters(incoming("hello"))
    plugins = registry(watcher=watcher, pigeon=channel, agent=Agent(failing))

    outcome = await run(session_of(plugins))

    assert (outcome.failures, outcome.left.jobs, channel.sent) == (1, 0, [])
    ((content, error),) = watcher.failed
    assert content == "hello"
    assert str(error) == (
        "plugin 'agent' failed in agent_reply: ZeroDivisionError: division by zero"
    )
    assert "is not answered" in caplog.text


async def test_the_next_message_is_answered_after_a_failure() -> None:
    """A message that the agent fails on does not hold up its conversation."""
    channel = letters(incoming("bad"), incoming("good"))
    agent = Agent(lambda message: failing(message) if message.content == "bad" else "fine")

    outcome = await run(session_of(registry(pigeon=channel, agent=agent)))

    assert (outcome.failures, channel.texts) == (1, ["fine"])


async def test_a_channel_error_of_the_agent_is_a_failure_like_any() -> None:
    """An agent may use a network of its own; what goes wrong there parks nothing."""

    def refuse(_message: IncomingMessage) -> None:
        raise Rejected("model", "complete", "the question is too long")

    outcome, sent = await answers_of(refuse)

    assert (outcome.failures, outcome.parked, sent) == (1, (), [])


async def test_an_agent_that_cancels_something_of_its_own_has_failed() -> None:
    """A CancelledError that nobody asked for is the agent's failure; the run goes on."""
    calls = 0

    class Tangled:
        @hookimpl
        async def agent_reply(self, message: IncomingMessage) -> str:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise asyncio.CancelledError
            return "on a second try"

    channel = letters(incoming("hello"))
    outcome = await run(session_of(registry(pigeon=channel, agent=Tangled())))

    assert (calls, outcome.failures, channel.texts) == (1, 1, [])


@pytest.mark.parametrize("name", ["owl", "agent"])
async def test_an_answer_to_a_channel_that_is_not_loaded_is_a_failure(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """The error says which channels there are; a plugin that is no channel is none."""
    outcome, sent = await answers_of(lambda _: OutgoingMessage(name, "chat", "hello"))

    assert (outcome.failures, sent, bool(outcome.left)) == (1, [], False)
    assert f"no channel is called '{name}'; loaded: pigeon" in caplog.text


async def test_no_part_of_an_answer_is_sent_when_one_cannot_be() -> None:
    """An answer leaves as a whole or not at all."""
    outcome, sent = await answers_of(lambda _: ["good", OutgoingMessage("owl", "chat", "bad")])

    assert (outcome.failures, sent) == (1, [])


# Filters of what goes out.


async def guarded(guard: Guard) -> tuple[Outcome, list[str]]:
    """Return how a run of two messages with this filter ended, and what was sent."""
    channel = letters(incoming("one"), incoming("two"))
    plugins = registry(guard=guard, pigeon=channel, agent=EchoAgent())
    outcome = await run(session_of(plugins))
    return outcome, channel.texts


async def test_a_filter_can_drop_an_answer() -> None:
    """A dropped answer is not sent, which is no failure."""
    outcome, sent = await guarded(Guard(lambda one: DROP if one.content == "one" else None))

    assert (outcome.failures, sent) == (0, ["two"])


async def test_a_filter_can_change_an_answer() -> None:
    """What is sent is what the filters made of it."""
    _, sent = await guarded(Guard(lambda one: attrs.evolve(one, content=f"<{one.content}>")))

    assert sent == ["<one>", "<two>"]


async def test_an_outgoing_filter_that_fails_is_passed_over() -> None:
    """A mistake in a filter costs its opinion, and no answer."""
    outcome, sent = await guarded(Guard(failing))

    assert (outcome.failures, sent) == (0, ["one", "two"])


async def test_an_outgoing_filter_that_fails_closed_stops_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where a filter guards something, its failure stops the answer, and is named."""
    outcome, sent = await guarded(Guard(failing, fail_closed=True))

    assert (outcome.failures, sent) == (2, [])
    assert "guard" in caplog.text


async def test_a_filter_that_sends_an_answer_to_no_channel_is_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An answer that a filter readdressed wrongly fails by itself, and the run goes on."""
    moving = Guard(
        lambda one: attrs.evolve(one, channel_type="owl") if one.content == "one" else None
    )

    outcome, sent = await guarded(moving)

    assert (outcome.failures, sent, bool(outcome.left)) == (1, ["two"], False)
    assert "no channel is called 'owl'" in caplog.text
