"""What becomes of sends and turns that fail, through a whole session."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from fakes import (
    START,
    EchoAgent,
    ManualClock,
    Net,
    incoming,
    plugin,
    registry,
    running,
    session_of,
    until,
)

from cobot import (
    Address,
    ChatGone,
    ChatMoved,
    DeliveryUnknown,
    IncomingMessage,
    Limits,
    OutgoingMessage,
    RateLimited,
    Rejected,
    TokenInUse,
    Unreachable,
    hookimpl,
)
from cobot.config import ChannelSettings, PluginSettings
from cobot.config.settings import RateSettings, SessionSettings
from cobot.session import Session

OFFLINE = Unreachable("net", "send", "connection refused")
UNKNOWN = DeliveryUnknown("net", "send", "the connection broke")


def outgoing(text: str = "hello", chat: str = "chat", **fields: Any) -> OutgoingMessage:
    """Return a message to a chat."""
    return OutgoingMessage("net", chat, text, **fields)


def limited(scope: str, seconds: float = 30.0) -> RateLimited:
    """Return what a network says that is asked too often."""
    return RateLimited("net", "send", "slow down", retry_after_s=seconds, scope=scope)


@asynccontextmanager
async def sending(
    net: object,
    clock: ManualClock,
    settings: SessionSettings | None = None,
    path: Path | None = None,
    **others: object,
) -> AsyncIterator[Session]:
    """Run a session over one channel."""
    session = session_of(
        registry(net=net, **others),
        clock=clock,
        settings=settings or SessionSettings(),
        path=path,
        stop_timeout_s=0.2,
    )
    async with running(session):
        yield session


async def next_wait(clock: ManualClock) -> float:
    """Return how long the next wait is, and let it pass."""
    length = await clock.next_sleep()
    clock.advance(length)
    return length


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


# Sends that are tried again.


async def test_a_send_that_did_not_happen_is_tried_again(clock: ManualClock) -> None:
    """A network that cannot be reached is tried later and later, until it takes the message."""
    net = Net(failures=deque([OFFLINE, OFFLINE]))
    async with sending(net, clock) as session:
        waiting = asyncio.create_task(session.send(outgoing()))
        waits = [await next_wait(clock), await next_wait(clock)]
        receipt = await waiting

    assert (0.5 <= waits[0] <= 1, 1 <= waits[1] <= 2) == (True, True)
    assert [ref.id for ref in receipt.refs] == ["sent-1"]
    assert [one.key for one in net.tried] == [net.tried[0].key] * 3
    assert not any(one.unknown for one in net.tried)


async def test_a_send_to_a_chat_that_has_moved_follows_it(clock: ManualClock) -> None:
    """It is done again at the new address at once, and so is what waits behind it."""
    moved = ChatMoved(Address("", "chat"), Address("", "new"))
    net = Net(failures=deque([moved]))
    async with sending(net, clock) as session:
        sends = [session.enqueue(outgoing(text)) for text in ("first", "second")]
        receipts = [await one.receipt() for one in sends]
        later = await session.send(outgoing("third", "new"))

    assert [(one.channel_id, one.content) for one in net.tried] == [
        ("chat", "first"),
        ("new", "first"),
        ("new", "second"),
        ("new", "third"),
    ]
    assert [one.refs[0].channel_id for one in [*receipts, later]] == ["new"] * 3


async def test_a_network_that_sends_us_round_in_circles_is_not_asked_in_a_hurry(
    clock: ManualClock,
) -> None:
    """Two chats that have each moved to the other are tried later and later."""
    here, there = Address("net", "chat"), Address("net", "new")
    net = Net(failures=deque([ChatMoved(here, there), ChatMoved(there, here)]))
    async with sending(net, clock) as session:
        waiting = asyncio.create_task(session.send(outgoing()))
        length = await next_wait(clock)
        receipt = await waiting

    assert 1 <= length <= 2
    assert receipt.refs[0].channel_id == "chat"


async def test_a_send_is_given_up_when_it_was_tried_often_and_is_old(
    clock: ManualClock,
) -> None:
    """Who waits is told only then; the message is kept as a dead letter, with the reason."""
    net = Net(failures=deque([OFFLINE] * 9))
    async with sending(net, clock, SessionSettings(send_tries=2, send_age=20)) as session:
        waiting = asyncio.create_task(session.send(outgoing()))
        while not waiting.done():
            await next_wait(clock)
            await asyncio.wait([waiting], timeout=0.05)
        with pytest.raises(Unreachable, match="connection refused"):
            await waiting
        (letter,) = await session.journal.dead()

    assert clock.monotonic() >= 20
    assert (letter.kind, letter.content) == ("send", "hello")
    assert "tried 6 times in" in letter.reason


async def test_what_waits_for_its_next_try_keeps_its_address_in_order(
    clock: ManualClock,
) -> None:
    """Nothing overtakes a message on its address, and nobody else waits for it."""
    net = Net(failures=deque([OFFLINE]))
    async with sending(net, clock) as session:
        first = session.enqueue(outgoing("first"))
        await until(lambda: net.tried)
        second = session.enqueue(outgoing("second"))
        await session.send(outgoing("elsewhere", "other"))
        before = net.texts.copy()
        await next_wait(clock)
        await asyncio.gather(first.receipt(), second.receipt())

    assert before == ["elsewhere"]
    assert net.texts == ["elsewhere", "first", "second"]


@pytest.mark.parametrize(
    ("scope", "expected"), [("address", ["elsewhere"]), ("channel", [])], ids=str
)
async def test_a_rate_limit_is_waited_out_where_it_holds(
    clock: ManualClock, scope: str, expected: list[str]
) -> None:
    """After "too many" one address, or the whole channel, is left alone, as long as told."""
    net = Net(failures=deque([limited(scope)]))
    async with sending(net, clock) as session:
        first = session.enqueue(outgoing("first"))
        await until(lambda: net.tried)
        wait = await clock.next_sleep()
        elsewhere = session.enqueue(outgoing("elsewhere", "other"))
        await elsewhere.stored()
        if expected:
            await elsewhere.receipt()
        clock.advance(29)
        await first.stored()
        before = net.texts.copy()
        clock.advance(1)
        await asyncio.gather(first.receipt(), elsewhere.receipt())

    assert (wait, before) == (30.0, expected)
    assert sorted(net.texts) == ["elsewhere", "first"]


@pytest.mark.parametrize("scope", ["address", "channel"])
async def test_a_rate_limit_holds_after_a_restart(
    clock: ManualClock, tmp_path: Path, scope: str
) -> None:
    """A new process asks no sooner than the network told the old one."""
    net = Net(failures=deque([limited(scope)]))
    async with sending(net, clock, path=tmp_path / "journal.db") as session:
        session.enqueue(outgoing())
        await clock.next_sleep()
    clock.advance(10)
    again = Net()
    async with sending(again, clock, path=tmp_path / "journal.db") as session:
        # With a key: chance begins anew with each session of a test.
        elsewhere = session.enqueue(outgoing("elsewhere", "other"), key="k-2")
        await elsewhere.stored()
        if scope == "address":
            await elsewhere.receipt()
        wait = await clock.next_sleep()
        before = again.texts.copy()
        clock.advance(wait)
        await until(lambda: len(again.sent) == 2)

    assert (len(net.tried), wait) == (1, 20.0)
    assert before == (["elsewhere"] if scope == "address" else [])
    assert "hello" in again.texts


# Sends that may have arrived.


async def test_a_send_that_may_have_arrived_is_repeated_once_and_marked(
    clock: ManualClock,
) -> None:
    """The channel is told that an attempt may have arrived, and the receipt says so too."""
    net = Net(failures=deque([UNKNOWN]))
    async with sending(net, clock) as session:
        waiting = asyncio.create_task(session.send(outgoing()))
        await next_wait(clock)
        receipt = await waiting

    assert [one.unknown for one in net.tried] == [False, True]
    assert receipt.maybe_repeated


async def test_a_send_that_may_have_arrived_twice_is_given_up(clock: ManualClock) -> None:
    """A third time would be a nuisance in the chat; the error reaches who waits."""
    net = Net(failures=deque([UNKNOWN, UNKNOWN]))
    async with sending(net, clock) as session:
        waiting = asyncio.create_task(session.send(outgoing()))
        await next_wait(clock)
        with pytest.raises(DeliveryUnknown):
            await waiting

    assert len(net.tried) == 2


async def test_the_owner_can_forbid_to_repeat(clock: ManualClock) -> None:
    """`resend: dead-letter` rather loses a message than shows it twice."""
    net = Net(failures=deque([UNKNOWN]))
    careful = plugin("net", net, settings=ChannelSettings(resend="dead-letter"))
    async with sending(careful, clock) as session:
        with pytest.raises(DeliveryUnknown):
            await session.send(outgoing())

    assert len(net.tried) == 1


@attrs.define(eq=False)
class Keyed(Net):
    """A channel whose network knows a key that it has seen, or takes ten characters."""

    limits: Limits = attrs.field(factory=lambda: Limits(idempotency="key"))

    @hookimpl
    async def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return self.limits


async def test_where_the_network_knows_the_key_nothing_is_marked(clock: ManualClock) -> None:
    """A repetition that cannot appear twice is none; and it may be repeated again."""
    net = Keyed(failures=deque([UNKNOWN, UNKNOWN, UNKNOWN]))
    async with sending(net, clock) as session:
        waiting = asyncio.create_task(session.send(outgoing()))
        for _ in range(3):
            await next_wait(clock)
        receipt = await waiting

    assert (len(net.tried), receipt.maybe_repeated) == (4, False)


async def test_a_send_that_hangs_is_cut_off(clock: ManualClock) -> None:
    """After `call_timeout` nobody knows whether it happened, and the next one is sent."""

    class Deaf(Net):
        @hookimpl
        async def session_send(self, message: OutgoingMessage) -> str:
            if message.content == "hang":
                await asyncio.Event().wait()
            return await super().session_send(message)

    net = Deaf()
    quick = SessionSettings(call_timeout=0.05, send_tries=1, send_age=0)
    async with sending(net, clock, quick) as session:
        with pytest.raises(DeliveryUnknown, match=r"no answer within 0\.05 s"):
            await session.send(outgoing("hang"))

        assert await session.send(outgoing("after"))


async def test_the_owner_s_word_overrules_that_nothing_is_repeated(clock: ManualClock) -> None:
    """A letter that may have arrived is sent once more when its owner orders it, and marked."""
    net = Net(failures=deque([UNKNOWN]))
    settings = ChannelSettings(resend="dead-letter")
    async with sending(plugin("net", net, settings=settings), clock) as session:
        with pytest.raises(DeliveryUnknown):
            await session.send(outgoing(), key="k")
        (letter,) = await session.journal.dead()
        await session.retry_dead(letter.id)
        receipt = await session.send(outgoing(), key="k")

    assert net.texts == ["hello"]
    assert receipt.maybe_repeated
    assert [one.unknown for one in net.tried] == [False, True]


async def test_a_token_that_is_in_use_gives_no_message_up(clock: ManualClock) -> None:
    """It ends when somebody else's bot ends: until then it is tried, however often."""
    in_use = TokenInUse("net", "send", "terminated by other request")
    net = Net(failures=deque([in_use] * 4))
    async with sending(net, clock, SessionSettings(send_tries=1, send_age=0)) as session:
        waiting = asyncio.create_task(session.send(outgoing()))
        for _ in range(4):
            await next_wait(clock)
        receipt = await waiting

    assert receipt.refs
    assert len(net.tried) == 5


async def test_no_secret_gets_into_the_journal_s_reasons(clock: ManualClock) -> None:
    """What a network or an agent says may hold one; what is kept of it does not."""
    net = Net(failures=deque([Rejected("net", "send", "bad token hunter2")]))

    class Leaky:
        @hookimpl
        async def agent_reply(self) -> str:
            raise ValueError("hunter2 is my password")

    plugins = registry(net=net, agent=Leaky())
    redacted = session_of(
        plugins, clock=clock, redact=lambda text: text.replace("hunter2", "***")
    )
    async with running(redacted) as session:
        with pytest.raises(Rejected):
            await session.send(outgoing())
        net.hand(incoming())
        while len(letters := await session.journal.dead()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)

    assert sorted(letter.reason for letter in letters) == [
        "net: send: bad token ***",
        "plugin 'agent' failed in agent_reply: ValueError: *** is my password",
    ]


async def test_what_is_prepared_is_the_same_in_every_attempt(
    clock: ManualClock, tmp_path: Path
) -> None:
    """`session_prepare` is asked once; its result outlives the process."""
    made: list[str] = []

    class Signing(Net):
        @hookimpl
        async def session_prepare(self, message: OutgoingMessage) -> Any:
            made.append(message.content)
            return {"signature": len(made)}

    net, again = Signing(failures=deque([OFFLINE, OFFLINE])), Signing()
    async with sending(net, clock, path=tmp_path / "journal.db") as session:
        session.enqueue(outgoing())
        await next_wait(clock)
        await clock.next_sleep()
    clock.advance(60)
    async with sending(again, clock, path=tmp_path / "journal.db"):
        await until(lambda: again.sent)

    prepared = [one.prepared for one in [*net.tried, *again.tried]]
    assert (made, prepared) == (["hello"], [{"signature": 1}] * 3)


# A chat that is gone.


async def test_what_is_queued_for_a_chat_that_is_gone_is_not_tried(clock: ManualClock) -> None:
    """One refusal is enough; everything else for that chat is given up with it."""
    net = Net(failures=deque([ChatGone("net", "send", "the group was deleted")]))
    async with sending(net, clock) as session:
        several = [session.enqueue(outgoing(text)) for text in "abc"]
        ended = await asyncio.gather(
            *(one.receipt() for one in several), return_exceptions=True
        )
        elsewhere = await session.send(outgoing("elsewhere", "other"))

    assert all(isinstance(one, ChatGone) for one in ended)
    assert [one.content for one in net.tried] == ["a", "elsewhere"]
    assert elsewhere


async def test_a_chat_where_somebody_writes_is_not_gone_any_more(clock: ManualClock) -> None:
    """A person who comes back is answered."""
    net = Net(failures=deque([ChatGone("net", "send", "the bot was blocked")]))
    async with sending(net, clock, agent=EchoAgent()) as session:
        with pytest.raises(ChatGone):
            await session.send(outgoing())
        net.hand(incoming("here I am"))
        await until(lambda: net.sent)

    assert net.texts == ["here I am"]


# Long texts.


async def test_a_long_text_leaves_in_parts_and_in_order(clock: ManualClock) -> None:
    """The receipt has the ids of all parts, and nothing of the text is lost."""
    net = Keyed(limits=Limits(text=12))
    async with sending(net, clock) as session:
        receipt = await session.send(outgoing("one two three four five six"))

    assert [ref.id for ref in receipt.refs] == [
        f"sent-{n}" for n in range(1, len(net.sent) + 1)
    ]
    assert " ".join(net.texts).split() == ["one", "two", "three", "four", "five", "six"]
    assert all(len(text) <= 12 for text in net.texts)
    assert len({one.key for one in net.sent}) == len(net.sent)


async def test_a_dead_part_holds_its_followers_back(clock: ManualClock) -> None:
    """What a part's failure leaves is one dead letter; retried, the rest is sent."""
    net = Keyed(limits=Limits(text=5))
    rejected = Rejected("net", "send", "a bad word")

    class Picky:
        @hookimpl
        async def session_send(self, message: OutgoingMessage) -> None:
            if "three" in message.content and self.refuses:
                raise rejected

        refuses = True

    picky = Picky()
    async with sending(net, clock, picky=picky) as session:
        with pytest.raises(Rejected) as raised:
            await session.send(outgoing("one\ntwo\nthree\nfour"))
        await session.send(outgoing("after"))
        before = " ".join(net.texts).split()
        (letter,) = await session.journal.dead()
        picky.refuses = False
        retried = await session.retry_dead(letter.id)
        await until(lambda: "four" in net.texts[-1])

    assert (raised.value, retried) == (rejected, True)
    assert before == ["one", "two", "after"]
    assert " ".join(net.texts).split() == ["one", "two", "after", "three", "four"]


# The rate.


async def test_an_address_is_sent_to_at_its_rate(clock: ManualClock) -> None:
    """What the configuration allows is kept to; other addresses do not wait."""
    net = Net()
    slow = plugin("net", net, settings=ChannelSettings(rate=RateSettings(address=0.5)))
    async with sending(slow, clock) as session:
        for text in "abcde":
            session.enqueue(outgoing(text))
        await session.send(outgoing("elsewhere", "other"))
        await until(lambda: "c" in net.texts)
        before = sorted(net.texts)
        waits = [await next_wait(clock)]
        await until(lambda: "d" in net.texts)
        waits.append(await next_wait(clock))
        await until(lambda: "e" in net.texts)

    assert (before, waits) == (["a", "b", "c", "elsewhere"], [2.0, 2.0])


class Crowded(Net):
    """A channel on which groups take less than other chats."""

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return Limits(rate_address=0.1 if channel_id == "group" else 1.0)


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        (ChannelSettings(), 10.0),
        (ChannelSettings(rate=RateSettings(address=0.5)), 2.0),
    ],
)
async def test_a_chat_is_sent_to_at_its_own_rate(
    clock: ManualClock, settings: ChannelSettings, length: float
) -> None:
    """What the network allows one chat counts for it, unless the configuration says else."""
    net = Crowded()
    async with sending(plugin("net", net, settings=settings), clock) as session:
        for text in "abcd":
            session.enqueue(outgoing(text, "group"))
        await until(lambda: "c" in net.texts)
        wait_s = await next_wait(clock)
        await until(lambda: "d" in net.texts)

    assert wait_s == length


async def test_a_channel_can_close_itself(clock: ManualClock) -> None:
    """A channel that knows, from whichever thread, is asked nothing until the time it told."""
    net = Net()
    async with sending(net, clock) as session:
        await session.supervisors["net"].started.wait()
        assert net.context is not None
        in_a_minute = START + timedelta(minutes=1)
        await net.context.in_thread(net.context.closed_until, in_a_minute)
        waiting = session.enqueue(outgoing())
        await waiting.stored()
        wait = await next_wait(clock)
        await waiting.receipt()

    assert wait == 60.0


# Turns.


class Failing:
    """An agent that fails so often, and then answers."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked: list[str] = []

    @hookimpl
    async def agent_reply(self, message: IncomingMessage) -> str:
        self.asked.append(message.content)
        if message.content == "bad" and self.times > 0:
            self.times -= 1
            raise ZeroDivisionError("division by a secret")
        return f"answer to {message.content}"


async def test_a_turn_that_fails_is_tried_again(clock: ManualClock) -> None:
    """Its conversation waits for it, in order; others do not."""
    net, agent = Net(), Failing(2)
    async with sending(net, clock, agent=agent):
        net.hand(incoming("bad"), incoming("next"), incoming("other", channel_id="other"))
        await until(lambda: net.sent)
        before = net.texts.copy()
        waits = [await next_wait(clock), await next_wait(clock)]
        await until(lambda: len(net.sent) == 3)

    assert before == ["answer to other"]
    assert (0.5 <= waits[0] <= 1, 1 <= waits[1] <= 2) == (True, True)
    assert net.texts[1:] == ["answer to bad", "answer to next"]


async def test_after_the_last_try_the_chat_is_told_and_nothing_more(
    clock: ManualClock,
) -> None:
    """The person gets one neutral sentence in place of an answer; the owner, the reason."""
    failed: list[Exception] = []

    class Watch:
        @hookimpl
        def session_on_failure(self, error: Exception) -> None:
            failed.append(error)

    net, agent = Net(), Failing(9)
    async with sending(net, clock, agent=agent, watch=Watch()) as session:
        net.hand(incoming("bad"), incoming("next"))
        await next_wait(clock)
        await next_wait(clock)
        await until(lambda: len(net.sent) == 2)
        await until(lambda: failed)
        (letter,) = await session.journal.dead()

    assert agent.asked == ["bad", "bad", "bad", "next"]
    assert net.texts == ["Sorry, I could not answer that.", "answer to next"]
    assert net.sent[0].reply_to == "bad"
    assert (letter.kind, letter.content) == ("turn", "bad")
    assert "division by a secret" in letter.reason
    assert len(failed) == 1


async def test_a_failed_turn_that_is_retried_by_the_owner_is_answered(
    clock: ManualClock,
) -> None:
    """A dead letter can be had answered after all, when what was wrong has been mended."""
    net, agent = Net(), Failing(1)
    quiet = SessionSettings(agent_tries=1, failure_text="")
    async with sending(net, clock, quiet, agent=agent) as session:
        net.hand(incoming("bad"))
        await until(lambda: agent.asked)
        while not (letters := await session.journal.dead()):  # noqa: ASYNC110
            await asyncio.sleep(0)
        retried = await session.retry_dead(letters[0].id)
        again = await session.retry_dead(letters[0].id)
        await until(lambda: net.sent)

    assert (retried, again, net.texts) == (True, False, ["answer to bad"])


async def test_an_agent_that_hangs_is_cut_off(clock: ManualClock) -> None:
    """After `agent_timeout` the turn has failed, and its conversation goes on."""
    cancelled: list[str] = []

    class Hanging:
        @hookimpl
        async def agent_reply(self, message: IncomingMessage) -> str:
            if message.content == "hang":
                try:
                    await asyncio.Event().wait()
                finally:
                    cancelled.append(message.content)
            return message.content

    net = Net()
    quick = SessionSettings(agent_timeout=0.05, agent_tries=1, failure_text="later")
    async with sending(net, clock, quick, agent=Hanging()) as session:
        net.hand(incoming("hang"), incoming("next"))
        await until(lambda: len(net.sent) == 2)
        (letter,) = await session.journal.dead()

    assert (net.texts, cancelled) == (["later", "next"], ["hang"])
    assert "no answer within 0.05 s" in letter.reason


@pytest.mark.parametrize("says_so", [True, False])
async def test_an_agent_gets_no_more_turns_than_it_can_begin(
    clock: ManualClock, *, says_so: bool
) -> None:
    """What it could not begin waits in the journal, where no time limit runs."""

    class Two:
        at_once = 2
        begun = 0

        @hookimpl
        async def agent_reply(self) -> None:
            self.begun += 1
            await asyncio.Event().wait()

    class TwoThreads:
        begun = 0

        def __init__(self) -> None:
            self.may_end = threading.Event()

        @hookimpl
        def agent_reply(self) -> None:
            self.begun += 1
            self.may_end.wait(10)

    agent = Two() if says_so else TwoThreads()
    net, settings = Net(), PluginSettings(sync_threads=2)
    plugins = registry(net=net, agent=plugin("agent", agent, settings=settings))
    async with running(session_of(plugins, clock=clock, stop_timeout_s=0.2)) as session:
        net.hand(*(incoming(channel_id=str(number)) for number in range(5)))
        await until(lambda: agent.begun == 2)
        status = await session.status()
        begun = agent.begun
        if isinstance(agent, TwoThreads):
            agent.may_end.set()

    assert (begun, status["answering"]) == (2, 2)
    assert status["waiting"]["messages"] == 5


async def test_a_run_waits_for_turns_that_are_tried_again(clock: ManualClock) -> None:
    """The end of the input does not cut short who has failed once."""
    net, agent = Net(), Failing(1)
    session = session_of(
        registry(net=net, agent=agent), clock=clock, settings=SessionSettings()
    )
    net.hand(incoming("bad"))
    net.end()
    async with asyncio.timeout(5):
        run = asyncio.create_task(session.run())
        await until(lambda: agent.asked)
        await next_wait(clock)
        outcome = await run

    assert (net.texts, outcome.failures) == (["answer to bad"], 0)
