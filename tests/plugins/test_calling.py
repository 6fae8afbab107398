from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from time import perf_counter
from typing import Any

import attrs
import pytest
from fakes import START, EchoAgent, FakeChannel, ManualClock, incoming, registry, session_of

from cobot import (
    Batch,
    ChannelError,
    Context,
    Conversation,
    IncomingMessage,
    MessageDeleted,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Unreachable,
    hookimpl,
)
from cobot.errors import HookFailed
from cobot.hookspecs import OBSERVING
from cobot.plugins import Caller, Plugins

OUTGOING = OutgoingMessage("net", "chat", "hello")

COLOURS = [
    "async def",
    "plain def",
    "plain def that returns a coroutine",
    "plain def that returns a future-like object",
]
LAZY = ["async generator", "plain def that returns an async generator"]

ARGUMENTS: dict[str, dict[str, Any]] = {
    "session_on_receive": {"message": incoming()},
    "session_on_send": {"message": OUTGOING, "receipt": Receipt()},
    "session_on_failure": {"message": incoming(), "error": Unreachable("net", "send", "no")},
    "session_on_event": {
        "event": MessageDeleted(MessageRef("net", "chat", "1"), START),
    },
}


class Hooks:
    """A plugin made of the functions that a test gives it."""

    context: Context | None = None
    channel = False

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self.add(**functions)

    def add(self, **functions: Callable[..., Any]) -> None:
        """Add functions, which may then use the plugin's context."""
        for hook, function in functions.items():
            setattr(self, hook, hookimpl(function))

    def end(self) -> None:
        """Report that nothing more will arrive."""
        assert self.context is not None
        self.context.finished()


class Later:
    """Something to await that is no coroutine."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __await__(self) -> Generator[None, None, Any]:
        yield
        return self._make()


class OneMessage(FakeChannel):
    """A channel on which one message arrives, and nothing after."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        yield Batch([incoming()])
        self.end()


def painted(colour: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same hook in another colour."""

    @functools.wraps(function)
    async def coroutine(*values: Any) -> Any:
        return function(*values)

    @functools.wraps(function)
    def plain_to_coroutine(*values: Any) -> Any:
        return coroutine(*values)

    @functools.wraps(function)
    def plain_to_future(*values: Any) -> Any:
        return Later(lambda: function(*values))

    @functools.wraps(function)
    async def generator(*values: Any) -> AsyncIterator[Any]:
        for one in function(*values) or ():
            yield one

    @functools.wraps(function)
    def plain_to_generator(*values: Any) -> Any:
        return generator(*values)

    colours: list[Callable[..., Any]] = [coroutine, function, plain_to_coroutine]
    colours += [plain_to_future, generator, plain_to_generator]
    return colours[[*COLOURS, *LAZY].index(colour)]


def caller_of(hook: str, function: Callable[..., Any]) -> Caller:
    """Return the caller of a plugin `p` that has one hook."""
    caller = registry(p=Hooks(**{hook: function})).caller("p", hook)
    assert caller is not None
    return caller


async def run(plugins: Plugins) -> None:
    """Run a session that must end by itself."""
    async with asyncio.timeout(10):
        await session_of(plugins).run()


# Each hook in each colour that it allows.


@pytest.mark.parametrize("colour", COLOURS)
async def test_receiver_of_any_colour_hands_over_a_list(colour: str) -> None:
    """`session_receive` may return a list, at once or later, and is then called again."""
    channel, to_come, sent = Hooks(), [[incoming("b")], [incoming("a")]], []

    def receive(cursors: Mapping[str, str]) -> list[IncomingMessage]:
        if not to_come:
            channel.end()
        return to_come.pop() if to_come else []

    def send(message: OutgoingMessage) -> bool:
        sent.append(message.content)
        return True

    channel.add(session_receive=painted(colour, receive), session_send=send)
    await run(registry(net=channel, agent=EchoAgent()))

    assert sent == ["a", "b"]


@pytest.mark.parametrize("is_plain", [False, True], ids=LAZY)
async def test_receiver_may_be_a_stream(is_plain: bool) -> None:
    """`session_receive` may be an async generator, or a plain function that returns one."""
    channel, sent = Hooks(), []

    async def stream(cursors: Mapping[str, str]) -> AsyncIterator[IncomingMessage]:
        yield incoming("a")
        yield incoming("b")
        channel.end()

    def plain(cursors: Mapping[str, str]) -> AsyncIterator[IncomingMessage]:
        return stream(cursors)

    def send(message: OutgoingMessage) -> bool:
        sent.append(message.content)
        return True

    channel.add(session_receive=plain if is_plain else stream, session_send=send)
    await run(registry(net=channel, agent=EchoAgent()))

    assert sent == ["a", "b"]


@pytest.mark.parametrize("colour", COLOURS)
async def test_sender_of_any_colour_delivers(colour: str) -> None:
    """`session_send` may be `async def` or plain `def`, whatever is to be awaited."""
    send = painted(colour, lambda message: f"id of {message.content}")
    channel = Hooks(session_send=send)
    channel.channel = True
    plugins = registry(net=channel)

    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert done is not None
    assert done[1] == "id of hello"


@pytest.mark.parametrize("colour", COLOURS)
async def test_sender_of_any_colour_is_used_by_a_running_session(colour: str) -> None:
    """A reply leaves through `session_send` of any colour, and its result becomes a receipt."""
    channel = OneMessage()
    sent: list[str] = []
    receipts: list[str] = []

    def send(message: OutgoingMessage) -> str:
        sent.append(message.content)
        return "77"

    def seen(message: OutgoingMessage, receipt: Receipt) -> None:
        receipts.extend(ref.id for ref in receipt.refs)

    interceptor = Hooks(session_send=painted(colour, send), session_on_send=seen)
    await run(registry(net=channel, agent=EchoAgent(), other=interceptor))

    assert (sent, channel.sent, receipts) == (["hello"], [], ["77"])


@pytest.mark.parametrize("colour", [*COLOURS, *LAZY])
async def test_agent_of_any_colour_answers(colour: str) -> None:
    """`agent_reply` may be any kind of function that ends in text."""
    channel = OneMessage()

    def reply(message: IncomingMessage, conversation: Conversation) -> str:
        return message.content.upper()

    agent = Hooks(agent_reply=painted(colour, reply))
    await run(registry(net=channel, agent=agent))

    assert channel.texts == ["HELLO"]


@pytest.mark.parametrize("colour", COLOURS)
async def test_start_and_stop_of_any_colour_bracket_the_run(colour: str) -> None:
    """`cobot_start` comes before everything and `cobot_stop` after, once each."""
    channel, told = OneMessage(), []

    def reply(message: IncomingMessage) -> None:
        told.append("answered")

    agent = Hooks(
        cobot_start=painted(colour, lambda: told.append("started")),
        cobot_stop=painted(colour, lambda: told.append("stopped")),
        agent_reply=reply,
    )
    await run(registry(net=channel, agent=agent))

    assert told == ["started", "answered", "stopped"]


@pytest.mark.parametrize("colour", COLOURS)
async def test_start_and_stop_of_a_channel_may_have_any_colour(colour: str) -> None:
    """A channel is started before it receives, and stopped once."""
    told: list[str] = []
    channel = Hooks()

    async def receive() -> list[IncomingMessage]:
        told.append("receives")
        channel.end()
        return []

    channel.add(
        session_receive=receive,
        cobot_start=painted(colour, lambda: told.append("started")),
        cobot_stop=painted(colour, lambda: told.append("stopped")),
    )
    await run(registry(net=channel, agent=EchoAgent()))

    assert told == ["started", "receives", "stopped"]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("hook", ["session_incoming", "session_outgoing"])
async def test_filter_of_any_colour_changes_the_message(hook: str, colour: str) -> None:
    """A filter may say at once or later what it makes of the message."""
    change = painted(colour, lambda message: attrs.evolve(message, content="changed"))
    plugins = registry(p=Hooks(**{hook: change}))
    message = incoming() if hook == "session_incoming" else OUTGOING

    verdict = await plugins.filter(hook, message)  # type: ignore[type-var]

    assert verdict.message.content == "changed"


@pytest.mark.parametrize("colour", COLOURS)
async def test_conversation_of_any_colour_decides(colour: str) -> None:
    """The key that a plugin gives is the one that the agent sees."""
    channel, keys = OneMessage(), []

    def reply(conversation: Conversation) -> None:
        keys.append(conversation.key)

    decide = painted(colour, lambda message: f"of {message.sender_id}")
    plugins = registry(
        net=channel, agent=Hooks(agent_reply=reply), p=Hooks(session_conversation=decide)
    )
    await run(plugins)

    assert keys == ["of person"]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("hook", sorted(OBSERVING))
async def test_observer_of_any_colour_sees_what_happens(hook: str, colour: str) -> None:
    """An observer is called with what happened, and awaited if need be."""
    seen: list[object] = []
    (first, *_) = ARGUMENTS[hook]
    observe = {"message": lambda message: seen.append(message)}
    observe["event"] = lambda event: seen.append(event)
    plugins = registry(p=Hooks(**{hook: painted(colour, observe[first])}))

    plugins.observe(hook, **ARGUMENTS[hook])
    await plugins["p"].observer.close(5)

    assert seen == [ARGUMENTS[hook][first]]


# Who declines is passed over, whatever the colour.


@pytest.mark.parametrize("colour", COLOURS)
async def test_interceptor_that_declines_leaves_it_to_the_channel(colour: str) -> None:
    """None from an interceptor, also an awaited None, passes the message on."""
    channel = FakeChannel()
    first, second = (Hooks(session_send=painted(colour, lambda message: None)) for _ in "12")
    plugins = registry(first=first, net=channel, second=second)

    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert done is not None
    assert (done[0].plugin_name, done[1], channel.texts) == ("net", "sent-1", ["hello"])


@pytest.mark.parametrize("falsy", ["", 0, False, []])
async def test_falsy_result_of_an_interceptor_takes_the_message_over(falsy: object) -> None:
    """Only None declines: an empty or false result is a result."""
    channel = FakeChannel()
    plugins = registry(net=channel, p=Hooks(session_send=lambda message: falsy))

    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert done is not None
    assert (done[0].plugin_name, done[1], channel.sent) == ("p", falsy, [])


# Failures.


@pytest.mark.parametrize("colour", COLOURS)
async def test_channel_error_passes_as_it_was_raised(colour: str) -> None:
    """What the network said reaches the session unchanged."""
    refusal = Unreachable("net", "send", "no route")

    def send(message: OutgoingMessage) -> str:
        raise refusal

    with pytest.raises(ChannelError) as caught:
        await caller_of("session_send", painted(colour, send))(message=OUTGOING)

    assert caught.value is refusal


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("bad luck"), "ValueError: bad luck"),
        (ValueError(), "ValueError"),
        (KeyError("id"), "KeyError: 'id'"),
        (ExceptionGroup("two", [ValueError("a")]), "ExceptionGroup: two (1 sub-exception)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_other_error_blames_plugin_and_hook(
    colour: str, error: Exception, says: str
) -> None:
    """Anything that is no ChannelError is the plugin's own fault and says whose and where."""

    def send(message: OutgoingMessage) -> str:
        raise error

    with pytest.raises(HookFailed) as caught:
        await caller_of("session_send", painted(colour, send))(message=OUTGOING)

    assert str(caught.value) == f"plugin 'p' failed in session_send: {says}"
    assert (caught.value.plugin, caught.value.hook) == ("p", "session_send")
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("hook", ["session_send", "session_outgoing"])
async def test_stop_iteration_blames_plugin_and_hook(hook: str, colour: str) -> None:
    """A stray StopIteration, say of `next()`, ends nothing silently."""

    def stray(message: OutgoingMessage) -> object:
        return next(iter(()))

    with pytest.raises(HookFailed, match=f"'p' failed in {hook}.*StopIteration"):
        await caller_of(hook, painted(colour, stray))(message=OUTGOING)


@pytest.mark.parametrize("colour", COLOURS)
async def test_exit_inside_a_hook_blames_plugin_and_hook(colour: str) -> None:
    """`sys.exit` in one plugin's hook does not end the bot."""

    def leave(message: OutgoingMessage) -> str:
        raise SystemExit(3)

    caller = caller_of("session_send", painted(colour, leave))
    caught: BaseException | None = None
    try:
        await caller(message=OUTGOING)
    except BaseException as error:  # noqa: BLE001 -- the loop must not see a SystemExit
        caught = error

    assert isinstance(caught, HookFailed)


@pytest.mark.parametrize("colour", COLOURS)
async def test_cancellation_of_its_own_blames_plugin_and_hook(colour: str) -> None:
    """A plugin that awaits a task which was cancelled has failed; nobody cancelled the call."""

    def cancelled(message: OutgoingMessage) -> str:
        raise asyncio.CancelledError

    caller = caller_of("session_send", painted(colour, cancelled))
    caught: BaseException | None = None
    try:
        await caller(message=OUTGOING)
    except BaseException as error:  # noqa: BLE001 -- the runner must not see a cancellation
        caught = error

    assert isinstance(caught, HookFailed)


async def test_agent_whose_inner_task_was_cancelled_fails_once() -> None:
    """A message on which the agent stumbles over a cancelled task is not tried for ever."""
    channel, asked = OneMessage(), 0

    async def reply(message: IncomingMessage) -> str:
        nonlocal asked
        asked += 1
        if asked > 3:
            return "tried again and again"
        inner = asyncio.create_task(asyncio.Event().wait())
        inner.cancel()
        await inner
        return "never"

    await run(registry(net=channel, agent=Hooks(agent_reply=reply)))

    assert (asked, channel.texts) == (1, [])


async def test_failing_lazy_reply_is_the_agents_failure() -> None:
    """An iterable that fails when it is read fails its message, and the session goes on."""
    channel, failures = OneMessage(), []
    agent = Hooks(agent_reply=lambda: (str(1 // zero) for zero in [0]))
    watch = Hooks(session_on_failure=lambda error: failures.append(str(error)))

    await run(registry(net=channel, agent=agent, watch=watch))

    (failure,) = failures
    assert failure.startswith("plugin 'agent' failed in agent_reply: ZeroDivisionError: ")


@pytest.mark.parametrize("streams", [False, True], ids=["coroutine", "async generator"])
async def test_receiver_whose_inner_task_was_cancelled_is_called_again(streams: bool) -> None:
    """A channel that stumbles over a cancelled task of its own has failed, and not ended."""
    channel, clock, calls = Hooks(), ManualClock(), asyncio.Queue[None]()

    async def receive(cursors: Mapping[str, str]) -> list[IncomingMessage]:
        calls.put_nowait(None)
        inner = asyncio.create_task(asyncio.Event().wait())
        inner.cancel()
        await inner
        return []

    async def stream(cursors: Mapping[str, str]) -> AsyncIterator[list[IncomingMessage]]:
        yield await receive(cursors)

    channel.add(session_receive=stream if streams else receive)
    session = session_of(registry(net=channel, agent=EchoAgent()), clock=clock)
    running = asyncio.create_task(session.run())
    await calls.get()
    sleeping = asyncio.create_task(clock.next_sleep())
    await asyncio.wait({running, sleeping}, return_when=asyncio.FIRST_COMPLETED, timeout=10)

    assert sleeping.done()
    session.stop()
    await running


async def test_receiver_that_fails_while_it_is_stopped_does_not_hold_up_the_stop() -> None:
    """An error in a channel's `finally` is logged; the session stops as if there were none."""
    channel = Hooks()

    async def stream(cursors: Mapping[str, str]) -> AsyncIterator[IncomingMessage]:
        try:
            yield incoming()
            await asyncio.Event().wait()
        finally:
            raise OSError("the socket was closed already")

    asked = asyncio.Event()

    async def reply(message: IncomingMessage) -> None:
        asked.set()

    channel.add(session_receive=stream)
    session = session_of(registry(net=channel, agent=Hooks(agent_reply=reply)))
    running = asyncio.create_task(session.run())
    await asked.wait()
    session.stop()
    done, _ = await asyncio.wait({running}, timeout=2)

    assert done == {running}


@pytest.mark.parametrize("elsewhere", ["nobody", "agent"])
@pytest.mark.parametrize("who", ["agent", "filter"])
async def test_reply_to_what_is_no_channel_fails_alone(who: str, elsewhere: str) -> None:
    """A reply to a channel that is not there fails its message, and not the session."""
    channel, failures = OneMessage(), []

    def reply(message: IncomingMessage) -> OutgoingMessage:
        return OutgoingMessage(elsewhere if who == "agent" else "net", "chat", "hello")

    def address(message: OutgoingMessage) -> OutgoingMessage:
        return attrs.evolve(message, channel_type=elsewhere)

    watch = Hooks(session_on_failure=lambda error: failures.append(str(error)))
    if who == "filter":
        watch.add(session_outgoing=address)
    await run(registry(net=channel, agent=Hooks(agent_reply=reply), watch=watch))

    (failure,) = failures
    assert repr(elsewhere) in failure


async def test_cancelling_a_call_cancels_the_hook() -> None:
    """Who stops waiting for an `async def` hook stops the hook; that is no failure."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def send(message: OutgoingMessage) -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    call = asyncio.create_task(caller_of("session_send", send)(message=OUTGOING))
    await began.wait()
    call.cancel()
    await asyncio.wait([call])

    assert call.cancelled()
    assert ended.is_set()


# What calls cost.


@pytest.mark.parametrize("colour", COLOURS)
async def test_calls_and_failures_are_counted_and_timed(colour: str) -> None:
    """Each call counts, a failed one also as a failure, and each with its time."""
    results: list[Exception | str] = ["1", ValueError("no"), Unreachable("p", "send", "no")]

    def send(message: OutgoingMessage) -> str:
        result = results.pop()
        if isinstance(result, Exception):
            raise result
        return result

    caller = caller_of("session_send", painted(colour, send))
    for _ in range(3):
        await asyncio.gather(caller(message=OUTGOING), return_exceptions=True)

    assert (caller.timing.calls, caller.timing.failures) == (3, 2)
    assert 0 < caller.timing.longest_s < caller.timing.total_s


async def test_time_of_a_call_lasts_until_its_result() -> None:
    """The time of a call counts also what is awaited, not only the call itself."""
    spent_s = 0.0

    async def slow(message: OutgoingMessage) -> str:
        nonlocal spent_s
        began = perf_counter()
        await asyncio.get_running_loop().run_in_executor(None, sum, range(100_000))
        spent_s = perf_counter() - began
        return "1"

    caller = caller_of("session_send", slow)
    await caller(message=OUTGOING)

    assert caller.timing.longest_s >= spent_s > 0


async def test_timings_are_said_a_line_for_each_hook_that_was_called() -> None:
    """What the hooks cost is said for the log, and what was never called is left out."""
    plugins = registry(
        p=Hooks(session_send=lambda: "1", session_outgoing=lambda: None),
        net=FakeChannel(),
    )

    await plugins.route("session_send", "net", message=OUTGOING)
    (line,) = plugins.timings()

    assert line.startswith("plugin 'p': session_send: 1 calls, 0 failed, ")


async def test_hook_gets_the_arguments_that_it_names() -> None:
    """A plugin takes of a hook's arguments those that it needs, in any order."""
    seen: list[object] = []

    def only_receipt(receipt: Receipt) -> None:
        seen.append(receipt)

    def turned_round(receipt: Receipt, message: OutgoingMessage) -> None:
        seen.extend([receipt, message])

    arguments = ARGUMENTS["session_on_send"]
    for function in (only_receipt, turned_round):
        await caller_of("session_on_send", function)(**arguments)

    assert seen == [arguments["receipt"], arguments["receipt"], arguments["message"]]
