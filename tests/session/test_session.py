from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import pytest
from fakes import EchoAgent, FakeChannel, JournalAround, incoming, registry, session_of

from cobot import (
    DROP,
    AuthFailed,
    Batch,
    ChannelError,
    ChatGone,
    CobotError,
    IncomingMessage,
    JournalError,
    OutgoingMessage,
    PluginError,
    Receipt,
    Rejected,
    UnknownChannel,
    Unreachable,
    hookimpl,
)
from cobot.context import Context
from cobot.journal import Backlog, Journal
from cobot.plugins import Plugins
from cobot.session import Outcome, Session


class Post:
    """A channel that only sends, and notes what."""

    channel = True
    error: Exception | None = None

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.asked.set()
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(message.content)
        return f"id of {message.content}"


@attrs.define(eq=False)
class Letters(FakeChannel):
    """A channel that hands over its messages one by one, and then nothing more, ever."""

    messages: tuple[IncomingMessage, ...] = ()

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        for message in self.messages:
            yield Batch((message,))
        self.end()


def letters(*texts: str) -> Letters:
    """Return a channel with messages, each in a chat of its own."""
    return Letters(messages=tuple(incoming(text, channel_id=text) for text in texts))


class Hanging:
    """An agent that never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    @hookimpl
    async def agent_reply(self) -> None:
        self.asked.set()
        await asyncio.Event().wait()


class Bracketed:
    """A plugin that notes when it is started and stopped."""

    def __init__(self, name: str, notes: list[str], priority: int = 25) -> None:
        self.name = name
        self.notes = notes
        self.priority = priority
        self.error: Exception | None = None

    @hookimpl
    async def cobot_start(self) -> None:
        self.notes.append(f"start {self.name}")
        if self.error is not None:
            raise self.error

    @hookimpl
    async def cobot_stop(self) -> None:
        self.notes.append(f"stop {self.name}")


class BracketedChannel(Bracketed):
    """A channel that notes when it is started and stopped."""

    channel = True


class Sending:
    """A plugin that sends by itself."""

    context: Context | None = None

    @hookimpl
    async def session_on_receive(self, message: IncomingMessage) -> None:
        assert self.context is not None
        await self.context.in_thread(str, message)  # as a plugin that looks something up
        await self.context.session.send(OutgoingMessage("post", "owner", message.content))


def outgoing(text: str = "hello", channel: str = "post", **fields: Any) -> OutgoingMessage:
    """Return a message to a chat."""
    return OutgoingMessage(channel, "chat", text, **fields)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that nobody tells of."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


@asynccontextmanager
async def running(plugins: Plugins, **more: Any) -> AsyncIterator[Session]:
    """Run a session for the length of a test."""
    session = session_of(plugins, stop_timeout_s=1, **more)
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        await until(lambda: len(session.supervisors) == len(plugins.channels) or run.done())
        try:
            yield session
        finally:
            session.stop()
            await run


async def run(session: Session) -> Outcome:
    """Run a session to its end."""
    async with asyncio.timeout(5):
        return await session.run()


def others() -> set[str]:
    """Return the names of the tasks that run beside this one."""
    return {one.get_name() for one in asyncio.all_tasks() if one is not asyncio.current_task()}


# Sending.


async def test_send_returns_the_receipt() -> None:
    """Whoever sends waits until it is delivered, and gets the network's id."""
    post = Post()
    async with running(registry(post=post)) as session:
        receipt = await session.send(outgoing())

    assert [ref.id for ref in receipt.refs] == ["id of hello"]
    assert post.sent == ["hello"]


async def test_a_plugin_sends_through_its_context() -> None:
    """A plugin may send by itself, to any channel."""
    post, pigeon, sending = Post(), FakeChannel(), Sending()
    plugins = registry(post=post, pigeon=pigeon, sending=sending, agent=EchoAgent())
    async with running(plugins):
        pigeon.hand(incoming("hello"))
        await until(lambda: post.sent)

    assert post.sent == ["hello"]


async def test_what_an_observer_sends_at_the_end_is_delivered() -> None:
    """The end of the input does not cut off who is still looking at the last message."""
    post, plugins = Post(), {"sending": Sending(), "agent": EchoAgent()}
    session = session_of(
        registry(post=post, pigeon=letters("the last"), **plugins), stop_timeout_s=1
    )

    await run(session)

    assert post.sent == ["the last"]


async def test_send_to_an_unknown_channel_names_what_is_loaded() -> None:
    """A misspelt channel fails and the error says what would have worked."""
    async with running(registry(post=Post(), owl=Post())) as session:
        with pytest.raises(
            UnknownChannel, match=r"no channel is called 'pots'; loaded: post, owl"
        ):
            await session.send(outgoing(channel="pots"))


async def test_send_while_plugins_start_waits_for_the_channel() -> None:
    """A channel that is loaded is known, also before its turn to start has come."""
    sends: list[asyncio.Task[Receipt]] = []

    class Early:
        context: Context | None = None

        @hookimpl
        async def cobot_start(self) -> None:
            assert self.context is not None
            sends.append(asyncio.create_task(self.context.session.send(outgoing())))
            await self.context.in_thread(int)

    post = Post()
    async with running(registry(early=Early(), post=post)):
        await until(lambda: sends)
        assert await sends[0]

    assert post.sent == ["hello"]


async def test_send_goes_through_the_filters() -> None:
    """What a plugin sends is filtered as answers are."""

    class Louder:
        @hookimpl
        def session_outgoing(self, message: OutgoingMessage) -> OutgoingMessage:
            return attrs.evolve(message, content=message.content.upper())

    post = Post()
    async with running(registry(post=post, louder=Louder())) as session:
        await session.send(outgoing())

    assert post.sent == ["HELLO"]


@pytest.mark.parametrize("how", ["drops", "fails"])
async def test_send_says_which_filter_stopped_it(how: str) -> None:
    """A message that a filter stops is rejected, and the filter is named."""

    class Guard:
        fail_closed = True

        @hookimpl
        def session_outgoing(self, message: OutgoingMessage) -> Any:
            if how == "fails":
                raise ZeroDivisionError
            return DROP

    post = Post()
    async with running(registry(post=post, guard=Guard())) as session:
        with pytest.raises(Rejected, match="the filter of guard"):
            await session.send(outgoing())

    assert post.sent == []


async def test_send_that_a_filter_readdresses_wrongly_is_an_error() -> None:
    """A filter that sends a message to no channel gets an error, and leaves nothing behind."""

    class Moving:
        @hookimpl
        def session_outgoing(self, message: OutgoingMessage) -> OutgoingMessage:
            return attrs.evolve(message, channel_type="owl")

    session = session_of(registry(post=Post(), moving=Moving()), stop_timeout_s=0.1)
    run = asyncio.create_task(session.run())
    await until(lambda: session.supervisors)
    with pytest.raises(UnknownChannel, match="no channel is called 'owl'"):
        await session.send(outgoing())
    session.stop()

    assert not (await run).left


@pytest.mark.parametrize(
    "error", [ChatGone("post", "send", "deleted"), Unreachable("post", "send", "no route")]
)
async def test_send_raises_what_the_channel_raised(error: ChannelError) -> None:
    """Whoever sends learns what the network said."""
    post = Post()
    post.error = error
    async with running(registry(post=post)) as session:
        with pytest.raises(ChannelError) as raised:
            await session.send(outgoing())

    assert raised.value is error


async def test_send_to_a_channel_parked_at_its_start_fails() -> None:
    """A channel that was given up delivers nothing, and says why."""
    post = BracketedChannel("post", [])
    post.error = AuthFailed("post", "start", "the token is wrong")
    async with running(registry(post=post)) as session:
        with pytest.raises(AuthFailed, match="the token is wrong"):
            await session.send(outgoing())


async def test_send_to_a_channel_parked_while_running_fails() -> None:
    """A channel whose credentials are refused while it receives delivers nothing either."""
    pigeon = FakeChannel()
    pigeon.network.put_nowait(AuthFailed("pigeon", "receive", "the token is revoked"))
    plugins = registry(pigeon=pigeon, owl=FakeChannel())
    async with running(plugins) as session:
        await until(lambda: session.supervisors["pigeon"].parked_by)
        with pytest.raises(AuthFailed, match="the token is revoked"):
            await session.send(outgoing(channel="pigeon"))

    assert pigeon.texts == []


async def test_cancelling_the_wait_does_not_cancel_the_send() -> None:
    """Who stops waiting for a receipt has sent the message all the same."""
    post = Post()
    post.may_answer.clear()
    async with running(registry(post=post)) as session:
        sending = asyncio.create_task(session.send(outgoing()))
        await post.asked.wait()
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        post.may_answer.set()
        await session.send(outgoing("afterwards"))

    assert post.sent == ["hello", "afterwards"]


async def test_two_sends_with_one_key_both_end() -> None:
    """Whoever sends under a key that is in use is not left waiting."""
    async with running(registry(post=Post())) as session:
        sends = [session.send(outgoing(text, key="same")) for text in ("one", "two")]
        async with asyncio.timeout(1):
            ended = await asyncio.gather(*sends, return_exceptions=True)

    assert all(isinstance(one, Receipt | CobotError) for one in ended)


async def test_send_after_the_end_is_an_error() -> None:
    """A session that has ended delivers nothing, and says so instead of waiting for ever."""
    session = session_of(registry(post=Post(), pigeon=letters()))
    await run(session)

    with pytest.raises(CobotError):
        await asyncio.wait_for(session.send(outgoing()), 1)


async def test_a_send_that_is_left_at_the_end_is_an_error() -> None:
    """Who waits for a receipt when the session stops is told that none will come."""
    post = Post()
    post.may_answer.clear()
    session = session_of(registry(post=post), stop_timeout_s=0.1)
    running = asyncio.create_task(session.run())
    await until(lambda: session.supervisors)
    sending = asyncio.create_task(session.send(outgoing()))
    await post.asked.wait()
    session.stop()
    outcome = await running

    assert outcome.left == Backlog(operations=1)
    with pytest.raises(CobotError):
        await asyncio.wait_for(sending, 1)


# The end of the input.


async def test_a_run_ends_when_everything_is_answered() -> None:
    """When nothing more will arrive, what has arrived is answered, and delivered."""
    one, two = letters("a", "b"), letters("c")

    outcome = await run(session_of(registry(one=one, two=two, agent=EchoAgent())))

    assert outcome == Outcome(stopped=False, failures=0, left=Backlog(), parked=(), abandoned=0)
    assert (sorted(one.texts), two.texts) == (["a", "b"], ["c"])


async def test_a_run_goes_on_while_one_channel_may_still_receive() -> None:
    """The end of one channel's input is not the end of the run."""
    ended, other = letters("a"), FakeChannel()
    async with running(registry(ended=ended, other=other, agent=EchoAgent())):
        await until(lambda: ended.texts)
        other.hand(incoming("b"))
        await until(lambda: other.texts)

    assert (ended.texts, other.texts) == (["a"], ["b"])


async def test_a_run_leaves_no_task_behind() -> None:
    """After a run nothing of it goes on in the background."""
    before = others()
    plugins = registry(pigeon=letters("a", "b"), sending=Sending(), agent=EchoAgent())

    await run(session_of(plugins, stop_timeout_s=1))

    assert others() == before


# Stopping.


async def test_stop_receives_nothing_more_and_finishes_what_runs() -> None:
    """What was handed over before the stop is answered; the rest stays with the network."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    class Slow:
        @hookimpl
        async def agent_reply(self, message: IncomingMessage) -> str:
            asked.set()
            await may_answer.wait()
            return message.content

    pigeon = FakeChannel()
    session = session_of(registry(pigeon=pigeon, agent=Slow()))
    running = asyncio.create_task(run(session))
    pigeon.hand(incoming("before"))
    await asked.wait()
    session.stop()
    await until(lambda: pigeon.closed)
    pigeon.hand(incoming("after"))
    may_answer.set()
    outcome = await running

    assert (outcome.stopped, bool(outcome.left)) == (True, False)
    assert (pigeon.texts, len(pigeon.acked), pigeon.closed) == (["before"], 1, 1)
    assert pigeon.network.qsize() == 1


async def test_a_channel_that_fails_while_stopping_is_not_called_again() -> None:
    """An error in a channel's `finally` does not keep it receiving after the stop."""
    calls = 0
    connected = asyncio.Event()

    class Clumsy:
        @hookimpl
        async def session_receive(self) -> AsyncIterator[Batch]:
            nonlocal calls
            calls += 1
            connected.set()
            try:
                await asyncio.Event().wait()
                yield Batch()
            finally:
                raise OSError("the connection is broken already")

    session = session_of(registry(pigeon=Clumsy()), stop_timeout_s=0.1)
    running = asyncio.create_task(session.run())
    await connected.wait()
    session.stop()
    await asyncio.wait_for(running, 5)

    assert calls == 1
    assert others() == set()


async def test_stop_with_an_agent_that_hangs_says_what_is_left() -> None:
    """A stop takes no longer than `stop_timeout`; what was not answered is counted."""
    pigeon, agent = FakeChannel(), Hanging()
    session = session_of(registry(pigeon=pigeon, agent=agent), stop_timeout_s=0.1)
    running = asyncio.create_task(run(session))
    pigeon.hand(incoming("one"), incoming("two"))
    await agent.asked.wait()
    session.stop()

    outcome = await running

    assert outcome.left == Backlog(jobs=2)
    assert (pigeon.closed, others()) == (1, set())


async def test_stop_does_not_wait_for_an_agent_that_cleans_up_for_ever() -> None:
    """`stop_timeout` holds for an agent, too, that does something long when it is cancelled."""
    asked = asyncio.Event()

    class Tidy:
        @hookimpl
        async def agent_reply(self) -> None:
            try:
                asked.set()
                await asyncio.Event().wait()
            finally:
                await asyncio.Event().wait()

    pigeon = FakeChannel()
    session = session_of(registry(pigeon=pigeon, agent=Tidy()), stop_timeout_s=0.1)
    running = asyncio.create_task(session.run())
    pigeon.hand(incoming("hello"))
    await asked.wait()
    session.stop()

    ended, _ = await asyncio.wait([running], timeout=3)
    assert ended


async def test_stop_while_a_plugin_starts_ends_the_run() -> None:
    """A plugin whose start hangs does not keep the session from stopping."""
    asked = asyncio.Event()

    class Stuck:
        @hookimpl
        async def cobot_start(self) -> None:
            asked.set()
            await asyncio.Event().wait()

    session = session_of(registry(stuck=Stuck()), stop_timeout_s=0.1)
    running = asyncio.create_task(session.run())
    await asked.wait()
    session.stop()

    ended, _ = await asyncio.wait([running], timeout=3)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert ended


async def test_stop_before_the_run_ends_it_at_once() -> None:
    """A stop that comes early is not forgotten."""
    session = session_of(registry(pigeon=FakeChannel(), agent=EchoAgent()))
    session.stop()

    outcome = await run(session)

    assert outcome.stopped


# Starting and stopping the plugins.


async def test_plugins_stop_in_reverse_order() -> None:
    """What was started last is stopped first."""
    notes: list[str] = []
    plugins = registry(
        late=Bracketed("late", notes, 27),
        early=Bracketed("early", notes, 5),
        post=BracketedChannel("post", notes, 30),
        middle=Bracketed("middle", notes, 25),
    )
    async with running(plugins) as session:
        await session.supervisors["post"].started.wait()

    names = ["early", "middle", "late", "post"]
    assert notes == [
        *(f"start {one}" for one in names),
        *(f"stop {one}" for one in names[::-1]),
    ]


async def test_a_plugin_that_starts_after_the_channels_stops_before_them() -> None:
    """The reverse order holds for channels as well."""
    notes: list[str] = []
    plugins = registry(
        post=BracketedChannel("post", notes), last=Bracketed("last", notes, priority=40)
    )
    async with running(plugins) as session:
        await session.supervisors["post"].started.wait()
        await until(lambda: "start last" in notes)

    assert [one for one in notes if one.startswith("stop")] == ["stop last", "stop post"]


async def test_no_hook_of_a_plugin_is_called_before_its_start() -> None:
    """A filter that starts late sees no message before it is ready."""
    notes: list[str] = []

    class LateFilter:
        priority = 40

        @hookimpl
        async def cobot_start(self) -> None:
            for _ in range(100):  # it has something to wait for
                await asyncio.sleep(0)
            notes.append("started")

        @hookimpl
        def session_incoming(self, message: IncomingMessage) -> None:
            notes.append("asked")

    plugins = registry(pigeon=letters("a"), late=LateFilter(), agent=EchoAgent())
    await run(session_of(plugins))

    assert notes == ["started", "asked"]


async def test_a_plugin_that_cannot_start_ends_the_run() -> None:
    """A plugin that is no channel is needed; what was started before it is stopped."""
    notes: list[str] = []
    broken = Bracketed("broken", notes)
    broken.error = OSError("no such database")
    pigeon = FakeChannel()
    plugins = registry(first=Bracketed("first", notes), broken=broken, pigeon=pigeon)

    with pytest.raises(PluginError, match=r"'broken' failed in cobot_start.*no such database"):
        await run(session_of(plugins))

    assert notes == ["start first", "start broken", "stop broken", "stop first"]
    assert (pigeon.cursors, others()) == ([], set())


async def test_a_plugin_that_fails_to_stop_stops_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every plugin gets to close what it opened."""

    class Clumsy:
        @hookimpl
        async def cobot_stop(self) -> None:
            raise OSError("closed already")

    notes: list[str] = []
    plugins = registry(first=Bracketed("first", notes), clumsy=Clumsy(), pigeon=letters())
    await run(session_of(plugins))

    assert notes == ["start first", "stop first"]
    assert "plugin 'clumsy' failed in cobot_stop: OSError: closed already" in caplog.text


# A journal that fails.


class Broken(JournalAround):
    """A journal that fails in some of its methods."""

    methods: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name in self.methods:
            raise JournalError(f"cannot {name}")
        return super().__getattr__(name)


def breaking(*methods: str) -> Callable[[Journal], Broken]:
    """Return what makes a journal fail in some methods."""

    def around(journal: Journal) -> Broken:
        broken = Broken(journal)
        broken.methods = methods
        return broken

    return around


@pytest.mark.parametrize(
    "methods",
    [
        ("own",),
        ("publish",),
        ("claim",),
        ("settle_all",),
        ("take",),
        ("sent",),
        ("beat",),
        ("prune",),
        ("publish", "backlog"),
    ],
    ids="+".join,
)
async def test_a_journal_that_fails_ends_the_run_with_its_error(
    methods: tuple[str, ...],
) -> None:
    """Without a journal nothing may go on; everything is closed and the error comes out."""
    notes: list[str] = []
    pigeon = FakeChannel()
    plugins = registry(first=Bracketed("first", notes), pigeon=pigeon, agent=EchoAgent())
    session = session_of(plugins, stop_timeout_s=1, around=breaking(*methods))
    pigeon.hand(incoming("hello"))

    with pytest.raises(JournalError, match=f"cannot {methods[0]}"):
        await run(session)

    assert notes == ["start first", "stop first"]
    assert others() == set()


async def test_a_journal_that_fails_during_the_stop_ends_it_with_its_error() -> None:
    """A stop does not wait for what can never be stored, nor keep quiet about it."""
    pigeon = FakeChannel()
    asked, may_answer = asyncio.Event(), asyncio.Event()

    class Slow:
        @hookimpl
        async def agent_reply(self, message: IncomingMessage) -> str:
            asked.set()
            await may_answer.wait()
            return message.content

    plugins = registry(pigeon=pigeon, agent=Slow())
    async with session_of(plugins, stop_timeout_s=60, around=Broken) as session:
        running = asyncio.create_task(run(session))
        pigeon.hand(incoming("hello"))
        await asked.wait()
        session.stop()
        await until(lambda: pigeon.closed)
        assert isinstance(session.journal, Broken)
        session.journal.methods = ("settle_all",)
        may_answer.set()

        with pytest.raises(JournalError, match="cannot settle"):
            await running


# Cancelling.


async def test_cancelling_a_run_stops_the_plugins() -> None:
    """A program around the session may cancel it; everything is closed all the same."""
    notes: list[str] = []
    pigeon, agent = FakeChannel(), Hanging()
    plugins = registry(first=Bracketed("first", notes), pigeon=pigeon, agent=agent)
    session = session_of(plugins, stop_timeout_s=1)
    running = asyncio.create_task(session.run())
    pigeon.hand(incoming("hello"))
    await agent.asked.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert notes == ["start first", "stop first"]
    assert (pigeon.closed, others()) == (1, set())
