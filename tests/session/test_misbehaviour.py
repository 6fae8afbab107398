"""What one plugin does wrong is its own affair: another channel still answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest
from fakes import EchoAgent, FakeChannel, JournalAround, incoming, registry, session_of

from cobot import (
    AuthFailed,
    Batch,
    CobotError,
    Conversation,
    IncomingMessage,
    JournalError,
    OutgoingMessage,
    PluginError,
    RateLimited,
    Receipt,
    hookimpl,
)
from cobot.journal import Job, Operation, Standing
from cobot.messages import Item
from cobot.session import Session


class Odd:
    """Something that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


class OddError(Exception):
    """An error that cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def cancel_this_task() -> None:
    """Do what a home-made time limit does."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


class Misbehaving(FakeChannel):
    """Does as it is told, and that is wrong."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> Any:  # type: ignore[override]
        match self.what:
            case "cancels itself":
                cancel_this_task()
                await asyncio.Event().wait()
            case "raises what cannot be told":
                raise OddError
            case "returns what cannot be shown":
                return Odd()
            case "hands over what cannot be shown":
                return [Odd()]
            case "is limited for ever":
                raise RateLimited("bad", "receive", "later", retry_after_s=float("nan"))
            case "never waits":
                return [incoming("known already")]
        return []


@pytest.mark.parametrize(
    "what",
    [
        "cancels itself",
        "raises what cannot be told",
        "returns what cannot be shown",
        "hands over what cannot be shown",
        "is limited for ever",
        "never waits",
    ],
)
async def test_a_misbehaving_receiver_stops_no_other_channel(what: str) -> None:
    """Whatever a receiver does, the others answer, and the run can be stopped."""
    good = FakeChannel()
    session = session_of(registry(bad=Misbehaving(what), good=good, agent=EchoAgent()))
    good.hand(incoming("hello"))
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(10):
        while good.texts != ["hello"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
        session.stop()
        outcome = await run

    assert outcome.stopped


class OddAgent:
    """Answers one message as it should, and the others wrongly."""

    def __init__(self) -> None:
        self.asked = 0

    @hookimpl
    async def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> Any:
        self.asked += 1
        match message.content:
            case "cancel":
                cancel_this_task()
                await asyncio.Event().wait()
            case "raise":
                raise OddError
            case "return":
                return Odd()
        return message.content


@pytest.mark.parametrize("wrong", ["cancel", "raise", "return"])
async def test_a_misbehaving_turn_fails_once_and_the_next_is_answered(wrong: str) -> None:
    """A turn that ends in an odd way is a failed turn, and no reason to run it for ever."""
    channel, agent = FakeChannel(), OddAgent()
    channel.hand(incoming(wrong), incoming("hello"))
    channel.end()
    async with asyncio.timeout(5):
        outcome = await session_of(registry(net=channel, agent=agent)).run()

    assert (channel.texts, agent.asked, outcome.failures) == (["hello"], 2, 1)


class OddSender(FakeChannel):
    """Sends one message as it should, and the others wrongly."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        match message.content:
            case "cancel":
                cancel_this_task()
                await asyncio.Event().wait()
            case "odd":
                return Odd()
            case "nothing":
                return []
        return await super().session_send(message)


@pytest.mark.parametrize("wrong", ["cancel", "odd", "nothing"])
async def test_a_misbehaving_send_fails_once_and_the_next_is_sent(wrong: str) -> None:
    """A send that ends in an odd way does not block its address."""
    channel = OddSender()
    channel.hand(incoming(wrong), incoming("hello"))
    channel.end()
    async with asyncio.timeout(5):
        outcome = await session_of(registry(net=channel, agent=EchoAgent())).run()

    assert (channel.texts, outcome.failures) == (["hello"], 1)


class Bracketed:
    """Notes its stop, or never comes back from it."""

    def __init__(self, stopped: list[str], name: str, *, hangs: bool = False) -> None:
        self.stopped, self.name, self.hangs = stopped, name, hangs

    @hookimpl
    async def cobot_stop(self) -> None:
        self.stopped.append(self.name)
        if self.hangs:
            await asyncio.Event().wait()


async def test_a_stop_that_hangs_keeps_no_other_plugin_from_stopping() -> None:
    """Each plugin has its share of the time to stop."""
    stopped: list[str] = []
    plugins = registry(
        first=Bracketed(stopped, "first"),
        hangs=Bracketed(stopped, "hangs", hangs=True),
        net=FakeChannel(),
        agent=EchoAgent(),
    )
    session = session_of(plugins, stop_timeout_s=0.2)
    session.stop()
    async with asyncio.timeout(5):
        await session.run()

    assert stopped == ["hangs", "first"]


async def test_a_second_cancellation_does_not_cut_the_stop_short() -> None:
    """Who cancels a run twice still gets his plugins closed."""
    stopped: list[str] = []
    slow = Bracketed(stopped, "slow", hangs=True)
    plugins = registry(first=Bracketed(stopped, "first"), slow=slow, net=FakeChannel())
    session = session_of(plugins, stop_timeout_s=0.2)
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        while not session.supervisors:  # noqa: ASYNC110
            await asyncio.sleep(0)
        run.cancel()
        while not stopped:  # noqa: ASYNC110
            await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    assert stopped == ["slow", "first"]


async def test_a_session_runs_once() -> None:
    """A second run is refused in words instead of doing half of the work."""
    channel = FakeChannel()
    channel.end()
    session = session_of(registry(net=channel, agent=EchoAgent()))
    await session.run()

    with pytest.raises(CobotError, match="runs once"):
        await session.run()


async def test_one_key_on_two_channels_is_two_messages() -> None:
    """A key tells messages of one channel apart; each channel has its own."""
    one, two = FakeChannel(), FakeChannel()
    session = session_of(registry(one=one, two=two, agent=EchoAgent()))
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        while not session.supervisors:  # noqa: ASYNC110
            await asyncio.sleep(0)
        receipts = await asyncio.gather(
            *(session.send(OutgoingMessage(to, "c", to, key="k")) for to in ("one", "two"))
        )
        session.stop()
        await run

    assert [receipt.refs[0].channel_type for receipt in receipts] == ["one", "two"]
    assert (one.texts, two.texts) == (["one"], ["two"])


class SlowJournal(JournalAround):
    """Takes longer to say that something is stored than the network to take it."""

    async def enqueue(self, operations: Sequence[Operation]) -> Sequence[Standing]:
        """Store, slowly."""
        stored = await self.journal.enqueue(operations)
        while (await self.journal.backlog()).operations:  # noqa: ASYNC110
            await asyncio.sleep(0)
        return stored

    async def release(self, job: Job) -> bool:
        """Give back, slowly."""
        await asyncio.sleep(0)
        return await self.journal.release(job)


def slow_session(*channels: FakeChannel, agent: object) -> Session:
    """Return a session over channels `net0`, `net1` ... on a slow journal."""
    named = {f"net{number}": channel for number, channel in enumerate(channels)}
    plugins = registry(**named, agent=agent)
    return session_of(plugins, stop_timeout_s=0.2, around=SlowJournal)


async def test_a_message_sent_before_storing_returns_has_its_receipt() -> None:
    """The network may be quicker than the journal's answer."""
    ahead, net = FakeChannel(), FakeChannel()
    session = slow_session(net, ahead, agent=EchoAgent())
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        while not session.supervisors:  # noqa: ASYNC110
            await asyncio.sleep(0)
        sending = asyncio.create_task(session.send(OutgoingMessage("net0", "c", "hello")))
        net.hand(incoming("an answer wakes the sender"))
        receipt = await sending
        session.stop()
        await run

    assert isinstance(receipt, Receipt)
    assert "hello" in net.texts


class BrokenJournal(JournalAround):
    """Cannot store what is sent, and says so late."""

    async def enqueue(self, operations: Sequence[Operation]) -> Sequence[Standing]:
        """Fail, slowly."""
        for _ in range(5):
            await asyncio.sleep(0)
        raise JournalError("the file is damaged")


async def test_all_who_wait_for_one_key_hear_that_it_was_not_stored() -> None:
    """Whoever sends a message under a key that others use hears when it is not stored."""
    plugins = registry(net=FakeChannel(), agent=EchoAgent())
    session = session_of(plugins, around=BrokenJournal)
    run = asyncio.create_task(session.run())
    message = OutgoingMessage("net", "chat", "hello", key="k")
    async with asyncio.timeout(5):
        while not session.supervisors:  # noqa: ASYNC110
            await asyncio.sleep(0)
        first, second = await asyncio.gather(
            session.send(message), session.send(message), return_exceptions=True
        )
        session.stop()
        await run

    assert isinstance(first, JournalError)
    assert isinstance(second, JournalError)


class Never:
    """An agent that thinks for ever."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    @hookimpl
    async def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> None:
        self.asked.set()
        await asyncio.Event().wait()


async def test_a_turn_that_a_stop_cancels_goes_back_to_the_journal() -> None:
    """What was not finished is there for the next start, as if it had not been begun."""
    net, agent = FakeChannel(), Never()
    net.hand(incoming("hello"))
    async with asyncio.timeout(5), slow_session(net, agent=agent) as session:
        run = asyncio.create_task(session.run())
        await agent.asked.wait()
        session.stop()
        outcome = await run
        jobs = (await session.journal.claim(10)).jobs

    assert outcome.left.jobs == 1
    assert [job.messages[0].content for job in jobs] == ["hello"]
    assert (jobs[0].tries, jobs[0].crashes) == (0, 0)


class ParkedBySend(FakeChannel):
    """Its token is taken away while it runs."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        await super().session_send(message)
        raise AuthFailed("net", "send", "the token was revoked")


async def test_a_channel_parked_by_a_send_takes_nothing_more() -> None:
    """What waits for a parked channel stays in the journal."""
    net, other = ParkedBySend(), FakeChannel()
    session = session_of(registry(net=net, other=other, agent=EchoAgent()))
    net.hand(*(incoming(str(number)) for number in range(5)))
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        while not session.supervisors or session.supervisors["net"].parked_by is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        session.stop()
        outcome = await run

    assert (net.texts, outcome.parked) == (["0"], ("net",))
    assert outcome.left.jobs + outcome.left.operations == 5


class Talkative(JournalAround):
    """Lets something happen between storing that a send failed and saying so."""

    meanwhile: Callable[[], Awaitable[object]]

    async def not_sent(self, *what: Any, **more: Any) -> None:
        """Store it, and take one's time."""
        await self.journal.not_sent(*what, **more)
        await self.meanwhile()


async def test_a_channel_parked_by_a_send_is_not_asked_once_more() -> None:
    """What it refused is back in the journal before the channel is known to be parked."""
    net, other = ParkedBySend(), FakeChannel()
    async with session_of(registry(net=net, other=other), around=Talkative) as session:

        async def send_elsewhere() -> None:
            await session.enqueue(OutgoingMessage("net", "elsewhere", "two")).stored()
            for _ in range(50):
                await session.journal.backlog()
                await asyncio.sleep(0)

        assert isinstance(session.journal, Talkative)
        session.journal.meanwhile = send_elsewhere
        run = asyncio.create_task(session.run())
        async with asyncio.timeout(5):
            while not session.supervisors:  # noqa: ASYNC110
                await asyncio.sleep(0)
            with pytest.raises(AuthFailed):
                await session.send(OutgoingMessage("net", "chat", "one"))
            session.stop()
            outcome = await run

    assert (net.texts, outcome.left.operations) == (["one"], 2)


class Interceptor:
    """Its own credentials are refused."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> None:
        raise AuthFailed("archive", "send", "no such key")


async def test_an_interceptor_whose_credentials_fail_parks_no_channel() -> None:
    """What an interceptor does wrong is never blamed on the channel."""
    net = FakeChannel()
    net.hand(incoming("hello"))
    net.end()
    outcome = await session_of(
        registry(archive=Interceptor(), net=net, agent=EchoAgent())
    ).run()

    assert (outcome.parked, outcome.failures) == ((), 1)


async def test_a_wait_that_is_no_number_is_refused_where_it_is_made() -> None:
    """A header handed on as it came would break the wait much later."""
    with pytest.raises(ValueError, match="retry_after_s"):
        RateLimited("net", "send", "slow down", retry_after_s="30")  # type: ignore[arg-type]


async def test_metadata_that_is_not_json_is_refused_before_it_is_stored() -> None:
    """An answer whose metadata cannot be stored fails as a turn, with the key's name."""

    class Agent:
        @hookimpl
        async def agent_reply(
            self, message: IncomingMessage, conversation: Conversation
        ) -> OutgoingMessage:
            return OutgoingMessage("net", "chat", "hello", metadata={"at": object()})

    failures: list[str] = []

    class Watch:
        @hookimpl
        def session_on_failure(self, error: Exception) -> None:
            assert isinstance(error, PluginError)
            failures.append(str(error))

    net = FakeChannel()
    net.hand(incoming("hello"))
    net.end()
    await session_of(registry(net=net, agent=Agent(), watch=Watch())).run()

    assert failures == [
        "a message to net/chat cannot be sent: its metadata.at is object; only JSON"
    ]


async def test_an_agent_s_generator_is_closed_when_a_chunk_is_wrong() -> None:
    """What an agent opened for its answer is closed, also when the answer fails."""
    closed: list[bool] = []

    class Agent:
        @hookimpl
        async def agent_reply(
            self, message: IncomingMessage, conversation: Conversation
        ) -> AsyncIterator[Any]:
            try:
                yield 5
            finally:
                closed.append(True)

    net = FakeChannel()
    net.hand(incoming("hello"))
    net.end()
    await session_of(registry(net=net, agent=Agent())).run()

    assert closed == [True]


async def test_a_polled_channel_may_hand_over_a_batch_with_cursors() -> None:
    """A channel that polls has cursors too."""

    class Polled(FakeChannel):
        @hookimpl
        async def session_receive(self, cursors: Mapping[str, str]) -> Any:  # type: ignore[override]
            self.cursors.append(dict(cursors))
            if cursors:
                self.end()
                return []
            items: list[Item] = [incoming("hello")]
            return Batch(items, {"": "7"})

    net = Polled()
    await session_of(registry(net=net, agent=EchoAgent())).run()

    assert (net.texts, net.cursors) == (["hello"], [{}, {"": "7"}])
