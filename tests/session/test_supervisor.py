from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from fakes import (
    EchoAgent,
    FakeChannel,
    JournalAround,
    ManualClock,
    incoming,
    plugin,
    registry,
    session_of,
)

from cobot import (
    AuthFailed,
    Batch,
    OutgoingMessage,
    RateLimited,
    TokenInUse,
    Unreachable,
    hookimpl,
)
from cobot.config import ChannelSettings
from cobot.context import Context
from cobot.journal import Key
from cobot.plugins import Plugins
from cobot.session import Session, State, Supervisor
from cobot.waits import MOST_S

OFFLINE = Unreachable("pigeon", "receive", "connection refused")


class Flaky:
    """A channel that does what it was made with: raise, yield or return, one for each call."""

    def __init__(self, *acts: Any) -> None:
        self.acts = deque(acts)
        self.calls = 0
        self.context: Context | None = None

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Any]:
        self.calls += 1
        act = self.acts.popleft() if self.acts else OFFLINE
        if isinstance(act, Batch):
            yield act
            act = OFFLINE
        if act is not None:
            raise act


class Polled:
    """A channel that returns lists."""

    def __init__(self, *lists: list[Any]) -> None:
        self.lists = deque(lists)
        self.calls: asyncio.Queue[None] = asyncio.Queue()

    @hookimpl
    async def session_receive(self) -> list[Any]:
        self.calls.put_nowait(None)
        return self.lists.popleft() if self.lists else []


class Starting(FakeChannel):
    """A channel whose start may fail; it notes what it is called for."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failures = deque(failures)
        self.called: list[str] = []

    @hookimpl
    async def cobot_start(self) -> None:
        self.called.append("start")
        if self.failures:
            raise self.failures.popleft()

    @hookimpl
    async def cobot_stop(self) -> None:
        self.called.append("stop")

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        self.called.append("receive")
        await asyncio.Event().wait()
        yield Batch()

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.called.append("send")
        return "id"


@asynccontextmanager
async def running(plugins: Plugins, clock: ManualClock) -> AsyncIterator[Session]:
    """Run a session for the length of a test."""
    session = session_of(plugins, clock=clock, stop_timeout_s=1)
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        try:
            yield session
        finally:
            session.stop()
            await run


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody tells of."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


async def started(session: Session) -> Supervisor:
    """Return the channel's supervisor when it has started the channel."""
    await until(lambda: "pigeon" in session.supervisors)
    supervisor = session.supervisors["pigeon"]
    await supervisor.started.wait()
    return supervisor


async def waits(clock: ManualClock, number: int) -> list[float]:
    """Return how long the next waits are, and let them pass."""
    lengths = []
    for _ in range(number):
        lengths.append(await clock.next_sleep())
        clock.advance(lengths[-1])
    return lengths


def state_of(session: Session) -> State:
    """Return what the channel is doing."""
    return session.supervisors["pigeon"].state


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


# Waiting after a failure.


async def test_waits_double_up_to_a_minute(clock: ManualClock) -> None:
    """A network that is gone is tried less and less often; chance takes off up to half."""
    async with running(registry(pigeon=Flaky()), clock):
        lengths = await waits(clock, 9)

    longest = [min(2.0**number, 60) for number in range(9)]
    assert all(
        most / 2 <= length <= most for length, most in zip(lengths, longest, strict=True)
    )
    assert lengths != longest


async def test_waits_stay_bounded_for_ever(clock: ManualClock) -> None:
    """After a week without network a channel is still tried every minute."""
    async with running(registry(pigeon=Flaky()), clock):
        lengths = await waits(clock, 2000)

    assert max(lengths) <= MOST_S
    assert min(lengths[6:]) >= MOST_S / 2


async def test_waits_begin_anew_after_a_sign_of_life(clock: ManualClock) -> None:
    """What arrived shows that the network is back, so the next failure is a first one."""
    acts = [OFFLINE, OFFLINE, OFFLINE, OFFLINE, Batch((incoming("hello"),)), OFFLINE]
    async with running(registry(pigeon=Flaky(*acts), agent=EchoAgent()), clock):
        lengths = await waits(clock, 6)

    assert lengths[3] >= 4
    assert 0.5 <= lengths[4] <= 1
    assert 1 <= lengths[5] <= 2


async def test_a_rate_limit_is_waited_out_exactly(clock: ManualClock) -> None:
    """When the network says how long to wait, that is how long; it counts as no failure."""
    limit = RateLimited("pigeon", "receive", "slow down", retry_after_s=37.25)
    async with running(registry(pigeon=Flaky(limit, limit, OFFLINE)), clock):
        lengths = await waits(clock, 3)

    assert lengths[:2] == [37.25, 37.25]
    assert 0.5 <= lengths[2] <= 1


async def test_a_token_in_use_is_said_loudly_and_tried_again(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else may let go of the token, so the channel goes on trying."""
    error = TokenInUse("pigeon", "receive", "another poll is running")
    channel = Flaky(error, error)
    async with running(registry(pigeon=channel), clock):
        await waits(clock, 2)
        await clock.next_sleep()

    loud = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert len(loud) == 2
    assert "another poll is running" in loud[0]
    assert channel.calls == 3


async def test_a_failure_of_the_network_is_a_warning(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what failed and when it is tried again."""
    async with running(registry(pigeon=Flaky()), clock):
        await clock.next_sleep()

    (warning,) = [one for one in caplog.records if "trying again in" in one.getMessage()]
    assert warning.levelno == logging.WARNING
    assert "pigeon: receive: connection refused" in warning.getMessage()


async def test_a_mistake_in_a_channel_is_named_and_tried_again(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug may show with one message only, so the channel is not given up for it."""
    channel = Flaky(KeyError("chat"))
    async with running(registry(pigeon=channel), clock):
        await waits(clock, 1)
        await clock.next_sleep()

    assert channel.calls == 2
    assert "plugin 'pigeon' failed in session_receive: KeyError: 'chat'" in caplog.text


async def test_a_channel_that_cancels_something_of_its_own_is_tried_again(
    clock: ManualClock,
) -> None:
    """A CancelledError that nobody asked for is a failure like any, and no end of input."""
    channel = Flaky(asyncio.CancelledError())
    async with running(registry(pigeon=channel), clock) as session:
        await waits(clock, 1)
        await clock.next_sleep()

        assert state_of(session) is State.DEGRADED

    assert channel.calls == 2


async def test_a_channel_that_fails_while_closing_is_tried_again(clock: ManualClock) -> None:
    """A failing `finally` is one channel's trouble, and does not end the run."""
    calls = 0

    class Clumsy:
        @hookimpl
        async def session_receive(self) -> AsyncIterator[Any]:
            nonlocal calls
            calls += 1
            try:
                yield "no item"
            finally:
                raise OSError("cannot close")

    async with running(registry(pigeon=Clumsy()), clock):
        await waits(clock, 1)
        await clock.next_sleep()

    assert calls == 2


# Parking.


async def test_refused_credentials_park_that_channel_only(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A channel with a wrong token is given up with its reason; the others go on."""
    refused = AuthFailed("pigeon", "receive", "the token is revoked")
    parked, owl = Flaky(refused), Polled()
    async with running(registry(pigeon=parked, owl=owl, agent=EchoAgent()), clock) as session:
        supervisor = await started(session)
        await until(lambda: supervisor.state is State.PARKED)
        for _ in range(3):
            await owl.calls.get()
            await waits(clock, 1)

        assert (supervisor.state, supervisor.parked_by) == (State.PARKED, refused)
        assert "the token is revoked" in supervisor.reason
    assert parked.calls == 1
    assert "the channel is parked" in caplog.text


async def test_a_run_ends_when_every_channel_is_parked(clock: ManualClock) -> None:
    """Where nothing can ever arrive any more there is nothing to wait for."""
    channel = Flaky(AuthFailed("pigeon", "receive", "the token is revoked"))
    session = session_of(registry(pigeon=channel, agent=EchoAgent()), clock=clock)

    async with asyncio.timeout(5):
        outcome = await session.run()

    assert (outcome.parked, outcome.stopped) == (("pigeon",), False)


async def test_credentials_refused_at_the_start_park_the_channel(clock: ManualClock) -> None:
    """A channel that cannot log in is stopped, and never received from."""
    channel = Starting(AuthFailed("pigeon", "start", "the token is wrong"))
    session = session_of(registry(pigeon=channel, agent=EchoAgent()), clock=clock)

    async with asyncio.timeout(5):
        outcome = await session.run()

    assert outcome.parked == ("pigeon",)
    assert channel.called == ["start", "stop"]


async def test_a_parked_channel_stays_parked(clock: ManualClock) -> None:
    """A late report of the channel's own does not make it look alive."""
    parked: list[Exception] = []
    supervisor = Supervisor(
        plugin("pigeon", Flaky()),
        registry(),
        clock,
        Random(1),
        on_parked=parked.append,
        on_connected=lambda: None,
        on_closed=lambda _time, _chat: None,
    )
    supervisor.park(AuthFailed("pigeon", "receive", "the token is wrong"))

    supervisor.degraded("a shard is away")
    supervisor.alive()

    assert supervisor.state is State.PARKED
    assert parked == [supervisor.parked_by]


# Starting.


@pytest.mark.parametrize(
    "error", [Unreachable("pigeon", "start", "connection refused"), KeyError("url")]
)
async def test_a_channel_whose_start_fails_is_stopped_and_started_again(
    clock: ManualClock, error: Exception
) -> None:
    """What `cobot_start` opened half-way is closed before it is tried again."""
    channel = Starting(error, error)
    async with running(registry(pigeon=channel), clock) as session:
        assert 0.5 <= (await waits(clock, 1))[0] <= 1
        assert 1 <= (await waits(clock, 1))[0] <= 2
        await session.supervisors["pigeon"].started.wait()

        assert channel.called[:5] == ["start", "stop", "start", "stop", "start"]


async def test_a_channel_is_stopped_once_for_each_start(clock: ManualClock) -> None:
    """A channel that waits for its next start has been stopped, and is not stopped again."""
    channel = Starting(Unreachable("pigeon", "start", "connection refused"))
    async with running(registry(pigeon=channel), clock):
        await clock.next_sleep()

    assert channel.called == ["start", "stop"]


async def test_nothing_is_received_or_sent_before_the_start_is_done(
    clock: ManualClock,
) -> None:
    """`cobot_start` comes before any other hook; what is to be sent waits for it."""
    channel = Starting(Unreachable("pigeon", "start", "connection refused"))
    async with running(registry(pigeon=channel), clock) as session:
        await clock.next_sleep()
        sending = asyncio.create_task(session.send(OutgoingMessage("pigeon", "chat", "hello")))
        waiting = asyncio.create_task(session.supervisors["pigeon"].started.wait())
        before = list(channel.called)
        clock.advance(1)
        await asyncio.gather(sending, waiting)

    assert before == ["start", "stop"]
    assert channel.called[:3] == ["start", "stop", "start"]
    assert {"receive", "send"} <= set(channel.called[3:])


# Calling again.


async def test_a_generator_that_returns_is_called_again_after_the_interval(
    clock: ManualClock,
) -> None:
    """The end of a connection is not the end of the input."""
    plugins = Plugins()
    channel = Flaky(None, None)
    settings = ChannelSettings(poll_interval=7.5)
    plugins.register(plugin("pigeon", channel, settings=settings))
    async with running(plugins, clock):
        lengths = await waits(clock, 2)
        await clock.next_sleep()

    assert lengths == [7.5, 7.5]
    assert channel.calls == 3


async def test_a_full_list_is_followed_by_a_call_at_once(clock: ManualClock) -> None:
    """Where there was something there may be more; where nothing was, a poll waits."""
    channel = Polled([incoming("1")], [incoming("2")], [], [incoming("3")])
    async with running(registry(pigeon=channel, agent=EchoAgent()), clock):
        first = await waits(clock, 1)
        calls_before = channel.calls.qsize()
        second = await clock.next_sleep()

    assert (first, second) == ([1.0], 1.0)
    assert calls_before == 3
    assert channel.calls.qsize() == 5


# Finishing.


async def test_a_channel_that_has_finished_is_not_called_again(clock: ManualClock) -> None:
    """At the end of a file the run ends, with everything answered."""

    class File(FakeChannel):
        @hookimpl
        async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
            self.cursors.append(dict(cursors))
            yield Batch((incoming("hello"),))
            self.end()

    channel = File()
    session = session_of(registry(pigeon=channel, agent=EchoAgent()), clock=clock)
    async with asyncio.timeout(5):
        outcome = await session.run()

    assert (len(channel.cursors), channel.texts) == (1, ["hello"])
    assert not outcome.stopped


async def test_a_thread_can_report_the_end(clock: ManualClock) -> None:
    """A channel that reads in a thread may say from there that nothing more will come."""

    class Reading(FakeChannel):
        @hookimpl
        async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
            yield Batch((incoming("hello"),))
            assert self.context is not None
            await self.context.in_thread(self.context.finished)

    channel = Reading()
    session = session_of(registry(pigeon=channel, agent=EchoAgent()), clock=clock)
    async with asyncio.timeout(5):
        await session.run()

    assert channel.texts == ["hello"]


async def test_what_is_returned_with_the_end_is_answered(clock: ManualClock) -> None:
    """A channel that polls may find the end of its input together with the last messages."""

    class Last:
        context: Context | None = None

        @hookimpl
        async def session_receive(self) -> list[Any]:
            assert self.context is not None
            self.context.finished()
            await self.context.in_thread(str)  # as a channel that still parses what it read
            return [incoming("the last")]

        @hookimpl
        async def session_send(self) -> str:
            return "id"

    agent = EchoAgent()
    async with asyncio.timeout(5):
        await session_of(registry(pigeon=Last(), agent=agent), clock=clock).run()

    assert [message.content for message in agent.asked] == ["the last"]


async def test_what_is_being_stored_at_the_end_is_stored(clock: ManualClock) -> None:
    """The end may be reported while the last batch is on its way to the disk."""

    class Slow(JournalAround):
        async def publish(self, *what: Any, **more: Any) -> Collection[Key]:
            asked.set()
            await written.wait()
            return await self.journal.publish(*what, **more)

    asked, written = asyncio.Event(), asyncio.Event()
    channel, agent = FakeChannel(), EchoAgent()
    plugins = registry(pigeon=channel, agent=agent)
    session = session_of(plugins, clock=clock, around=Slow)
    running = asyncio.create_task(session.run())
    channel.hand(incoming("the last"))
    async with asyncio.timeout(5):
        await asked.wait()
        channel.end()
        await asyncio.wait([running], timeout=0.1)  # as long as the disk needs
        written.set()
        await running

    assert [message.content for message in agent.asked] == ["the last"]


# What a channel reports of itself.


async def test_a_channel_can_report_that_it_works_in_part(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A reason is kept and logged once, until the channel reports a sign of life."""
    channel = FakeChannel()
    async with running(registry(pigeon=channel), clock) as session:
        supervisor = await started(session)
        assert channel.context is not None
        channel.context.degraded("one of two relays is away")
        channel.context.degraded("one of two relays is away")
        before = (supervisor.state, supervisor.reason)
        channel.context.alive()

        assert before == (State.DEGRADED, "one of two relays is away")
        assert (supervisor.state, supervisor.reason) == (State.RUNNING, "")
    assert caplog.text.count("one of two relays is away") == 1


async def test_a_channel_that_fails_is_degraded_until_it_lives(clock: ManualClock) -> None:
    """While it waits for its next try a channel says why."""
    async with running(registry(pigeon=Flaky()), clock) as session:
        await clock.next_sleep()
        supervisor = session.supervisors["pigeon"]

        assert supervisor.state is State.DEGRADED
        assert supervisor.reason == "pigeon: receive: connection refused"


async def test_a_sign_of_life_has_a_time(clock: ManualClock) -> None:
    """Health is the age of the last sign of life, which receiving is and sending is not."""
    polled = Polled()
    async with running(registry(pigeon=polled), clock) as session:
        await clock.next_sleep()
        first = session.supervisors["pigeon"].alive_at
        clock.advance(1)
        await clock.next_sleep()

        assert (first, session.supervisors["pigeon"].alive_at) == (0, 1)


async def test_a_channel_that_only_sends_is_kept_running(clock: ManualClock) -> None:
    """A channel that receives nothing is started, sent through, and stopped."""

    class Post:
        channel = True
        called: tuple[str, ...] = ()

        @hookimpl
        def cobot_start(self) -> None:
            self.called += ("start",)

        @hookimpl
        def session_send(self, message: OutgoingMessage) -> str:
            self.called += ("send",)
            return "id"

        @hookimpl
        def cobot_stop(self) -> None:
            self.called += ("stop",)

    post = Post()
    async with running(registry(pigeon=post), clock) as session:
        await started(session)
        await session.send(OutgoingMessage("pigeon", "chat", "hello"))

        assert state_of(session) is State.RUNNING
    assert post.called == ("start", "send", "stop")
