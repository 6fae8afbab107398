"""What programs and plugins ask of a session beside sending text."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from fakes import (
    START,
    EchoAgent,
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
    AuthFailed,
    ChatGone,
    CobotError,
    Conversation,
    IncomingMessage,
    Limits,
    Media,
    MessageRef,
    OutgoingMessage,
    PluginError,
    Receipt,
    UnknownChannel,
    Unreachable,
    Unsupported,
    hookimpl,
)
from cobot.config import ChannelSettings
from cobot.config.values import Id
from cobot.journal import Backlog
from cobot.session import State

REF = MessageRef("net", "chat", "17")


def outgoing(text: str = "hello", channel: str = "net", **fields: Any) -> OutgoingMessage:
    """Return a message to a chat."""
    return OutgoingMessage(channel, "chat", text, **fields)


@attrs.define(eq=False)
class Full(FakeChannel):
    """A channel that can do everything, and notes what."""

    done: list[tuple[Any, ...]] = attrs.field(factory=list)
    refuses: Exception | None = None

    @hookimpl
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        self.done.append(("edit", ref.id, message.content))

    @hookimpl
    async def session_delete(self, ref: MessageRef) -> None:
        self.done.append(("delete", ref.id))

    @hookimpl
    async def session_react(self, ref: MessageRef, emoji: str | None) -> None:
        self.done.append(("react", ref.id, emoji))

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> str:
        self.done.append(("media", message.content, [one.name for one in message.media]))
        return "m1"

    @hookimpl
    async def session_typing(
        self, channel_type: str, channel_id: str, thread_id: str | None
    ) -> None:
        self.done.append(("typing", channel_type, channel_id))

    @hookimpl
    async def session_presence(self, channel_type: str, status: str, text: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.done.append(("presence", channel_type, status, text))

    @hookimpl
    async def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return Limits(typing_s=5.0)

    def did(self, what: str) -> list[tuple[Any, ...]]:
        """Return what was done of a kind."""
        return [one for one in self.done if one[0] == what]


# Operations.


async def test_a_channel_does_what_it_can_itself() -> None:
    """Editing, deleting, reacting and media each have a hook, and each a receipt."""
    net = Full()
    picture = Media.from_bytes(b"png", name="cat.png")
    async with running(session_of(registry(net=net))) as session:
        receipts = [
            await session.edit(REF, "new"),
            await session.delete(REF),
            await session.react(REF, "👍"),
            await session.react(REF, None),
            await session.media(outgoing("a cat", media=[picture])),
        ]

    assert net.done == [
        ("edit", "17", "new"),
        ("delete", "17"),
        ("react", "17", "👍"),
        ("react", "17", None),
        ("media", "a cat", ["cat.png"]),
    ]
    assert [one.degraded for one in receipts] == [()] * 5
    assert [one.refs[0].id for one in receipts] == ["17", "17", "17", "17", "m1"]


async def test_the_session_does_the_next_best_thing_and_says_so() -> None:
    """What a channel has no hook for is done in another way, or not at all."""
    net = FakeChannel()
    picture = Media.from_url("https://example.test/cat.png", name="cat.png")
    async with running(session_of(registry(net=net))) as session:
        receipts = [
            await session.edit(REF, "new"),
            await session.delete(REF),
            await session.react(REF, "👍"),
            await session.media(outgoing("a cat", media=[picture])),
        ]

    assert net.texts == ["new", "a cat\nhttps://example.test/cat.png"]
    assert [one.degraded for one in receipts] == [
        ("edit->send",),
        ("delete->nothing",),
        ("react->nothing",),
        ("media->link",),
    ]


async def test_what_is_required_and_not_there_is_refused_before_anything_is_done() -> None:
    """Who wants an edit or nothing gets an error, and no new message in the chat."""
    net = FakeChannel()
    async with running(session_of(registry(net=net))) as session:
        with pytest.raises(Unsupported, match="no session_edit, and it is required"):
            await session.edit(REF, "new", require={"edit"})
        with pytest.raises(ValueError, match="no operation is called 'fly'"):
            await session.send(outgoing(), require={"fly"})
        waiting = await session.journal.backlog()

    assert (net.sent, waiting) == ([], Backlog())


async def test_what_was_sent_can_be_edited_by_its_receipt() -> None:
    """The references of a receipt are what edit and delete take."""
    net = Full()
    async with running(session_of(registry(net=net))) as session:
        receipt = await session.send(outgoing())
        await session.edit(receipt.refs[0], "better")

    assert net.done == [("edit", "sent-1", "better")]


async def test_media_without_media_is_an_error() -> None:
    """The right method is named."""
    async with running(session_of(registry(net=Full()))) as session:
        with pytest.raises(ValueError, match=r"Session\.send sends text"):
            await session.media(outgoing())


async def test_an_agent_can_change_later_what_it_sent_in_an_earlier_turn() -> None:
    """The id of a handle stands for a message, also before the network has named it."""

    class Correcting:
        @hookimpl
        async def agent_reply(
            self, message: IncomingMessage, conversation: Conversation
        ) -> None:
            if "sent" not in conversation.state:
                handle = conversation.send("worknig ...")
                conversation.react(handle.id, "⏳")
                conversation.state["sent"] = handle.id
                return
            sent = conversation.state["sent"]
            receipt = await conversation.receipt(sent)
            assert receipt is not None
            conversation.edit(sent, f"it was {receipt.refs[0].id}")

    net = Full()
    async with running(session_of(registry(net=net, agent=Correcting()))):
        net.hand(incoming("one"))
        await until(lambda: net.did("react"))
        net.hand(incoming("two"))
        await until(lambda: net.did("edit"))

    assert net.texts == ["worknig ..."]
    assert net.done == [("react", "sent-1", "⏳"), ("edit", "sent-1", "it was sent-1")]


# Handles.


async def test_a_handle_tells_when_a_message_is_stored_and_when_it_is_sent() -> None:
    """`enqueue` returns at once; what it returns can be waited for twice."""
    net = FakeChannel()
    async with running(session_of(registry(net=net))) as session:
        handle = session.enqueue(outgoing(), key="k-1")
        standing = await handle.stored()
        receipts = await asyncio.gather(handle.receipt(), handle.receipt())

    assert (handle.id, standing.key, standing.is_new) == ("k-1", "k-1", True)
    assert [[ref.id for ref in one.refs] for one in receipts] == [["sent-1"], ["sent-1"]]


async def test_two_with_one_key_are_one_message() -> None:
    """Both who wait get the one receipt."""
    net = FakeChannel()
    async with running(session_of(registry(net=net))) as session:
        one, two = (session.enqueue(outgoing(text), key="k-1") for text in ("one", "two"))
        receipts = await asyncio.gather(one.receipt(), two.receipt())
        later = await session.send(outgoing("three"), key="k-1")

    assert net.texts == ["one"]
    assert receipts[0] == receipts[1] == later


async def test_a_message_may_leave_only_at_its_time() -> None:
    """Until then what is behind it on its address waits too; other addresses do not."""
    net, clock = FakeChannel(), ManualClock()
    async with running(session_of(registry(net=net), clock=clock)) as session:
        later = session.enqueue(outgoing("later"), not_before=START + timedelta(seconds=60))
        behind = session.enqueue(outgoing("behind"))
        await asyncio.gather(later.stored(), behind.stored())
        await session.send(OutgoingMessage("net", "other", "elsewhere"))
        before = net.texts.copy()
        wait = await clock.next_sleep()
        clock.advance(wait)
        await behind.receipt()

    assert (before, wait) == (["elsewhere"], 60.0)
    assert net.texts == ["elsewhere", "later", "behind"]


@pytest.mark.parametrize("key", ["", "with spaces", "x" * 26])
async def test_a_key_that_no_network_would_take_is_refused(key: str) -> None:
    """The rule is told where the key is made."""
    async with running(session_of(registry(net=FakeChannel()))) as session:
        with pytest.raises(ValueError, match=r"expected .*25 characters of A-Z a-z 0-9 -"):
            session.enqueue(outgoing(), key=key)


async def test_nobody_can_send_before_the_run_or_from_another_thread() -> None:
    """Both are the caller's slip, and told as such."""
    made = session_of(registry(net=FakeChannel()))
    with pytest.raises(Unreachable, match="the session does not run"):
        await made.send(outgoing())
    async with running(made) as session:
        raised: list[BaseException] = []

        def elsewhere() -> None:
            try:
                asyncio.run(session.send(outgoing()))
            except PluginError as error:
                raised.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        while thread.is_alive():  # noqa: ASYNC110
            await asyncio.sleep(0)

    assert "belongs to the session's event loop" in str(raised[0])


# Broadcasts.


class Homely(FakeChannel):
    """A channel that knows where a broadcast goes."""

    @hookimpl
    def session_default_target(self, channel_type: str) -> str:
        return f"home of {channel_type}"


async def test_a_broadcast_goes_to_each_channels_default_chat() -> None:
    """The section's own `default` comes first; a channel that has no such chat is left out."""
    one, two, three, four = Homely(), Homely(), FakeChannel(), Homely()
    configured = plugin("two", two, settings=ChannelSettings(default=Id("lounge")))
    made = session_of(registry(one=one, two=configured, three=three, four=four))
    async with running(made) as session:
        results = await session.broadcast("news", exclude=["four"])

    assert set(results) == {"one", "two"}
    assert all(isinstance(one, Receipt) for one in results.values())
    assert [message.channel_id for message in one.sent] == ["home of one"]
    assert [message.channel_id for message in two.sent] == ["lounge"]
    assert (three.sent, four.sent) == ([], [])


async def test_a_broadcast_tells_of_each_channel_what_came_of_it() -> None:
    """One channel's failure is its own, and the others have the text."""
    gone = ChatGone("bad", "send", "the lounge was deleted")

    class Bad(Homely):
        @hookimpl
        async def session_send(self, message: OutgoingMessage) -> str:
            raise gone

    good = Homely()
    async with running(session_of(registry(bad=Bad(), good=good))) as session:
        results = await session.broadcast("news")

    assert (results["bad"], good.texts) == (gone, ["news"])


async def test_a_broadcast_with_a_key_is_sent_once() -> None:
    """Who is not sure whether it went out may ask again."""
    one, two = Homely(), Homely()
    async with running(session_of(registry(one=one, two=two))) as session:
        first = await session.broadcast("news", key="news-1")
        second = await session.broadcast("news", key="news-1")

    assert (one.texts, two.texts, first) == (["news"], ["news"], second)


async def test_a_broadcast_that_excludes_nobody_known_is_an_error() -> None:
    """A misspelt channel would otherwise get the text that it was to be spared."""
    net = Homely()
    async with running(session_of(registry(net=net))) as session:
        with pytest.raises(UnknownChannel, match="'nte'"):
            await session.broadcast("news", exclude=["nte"])

    assert net.sent == []


# Presence.


async def test_presence_is_shown_on_every_channel_that_can() -> None:
    """A channel that cannot, or fails, keeps no other from showing it."""
    one, two, three = Full(), FakeChannel(), Full(refuses=Unreachable("three", "x", "no"))
    async with running(session_of(registry(one=one, two=two, three=three))) as session:
        await started(session, "one", "three")
        await session.presence("away", "at lunch")

    assert one.did("presence") == [("presence", "one", "away", "at lunch")]


async def test_presence_is_shown_again_after_each_connection() -> None:
    """Networks forget it; the channel reports a connection from whichever thread."""
    net = Full()
    async with running(session_of(registry(net=net))) as session:
        await started(session, "net")
        await session.presence("online", channel_type="net")
        assert net.context is not None
        net.context.connected()
        await until(lambda: len(net.done) == 2)
        await net.context.in_thread(net.context.connected)
        await until(lambda: len(net.done) == 3)

    assert net.done == [("presence", "net", "online", "")] * 3


async def test_presence_before_a_channel_has_started_is_shown_when_it_has() -> None:
    """No hook of a channel is called before its start."""
    may_start = asyncio.Event()

    class Slow(Full):
        @hookimpl
        async def cobot_start(self) -> None:
            await may_start.wait()

    net = Slow()
    async with running(session_of(registry(net=net))) as session:
        await session.presence("online")
        before = net.done.copy()
        may_start.set()
        await until(lambda: net.done)

    assert (before, net.done) == ([], [("presence", "net", "online", "")])


async def test_presence_on_one_channel_says_what_keeps_it() -> None:
    """A channel without it, an unknown one, or what the network says is an error."""
    no = Unreachable("full", "presence", "no route")
    net, full = FakeChannel(), Full(refuses=no)
    async with running(session_of(registry(net=net, full=full))) as session:
        await started(session, "full")
        with pytest.raises(Unsupported, match="session_presence"):
            await session.presence("online", channel_type="net")
        with pytest.raises(UnknownChannel):
            await session.presence("online", channel_type="owl")
        with pytest.raises(Unreachable) as raised:
            await session.presence("online", channel_type="full")

    assert raised.value is no


async def test_a_parked_channel_shows_nothing() -> None:
    """Its credentials are refused: it is not asked, and says so."""
    net, other = Full(), FakeChannel()
    net.network.put_nowait(AuthFailed("net", "receive", "the token is revoked"))
    async with running(session_of(registry(net=net, other=other))) as session:
        await until(lambda: session.supervisors["net"].state is State.PARKED)
        with pytest.raises(AuthFailed):
            await session.presence("online", channel_type="net")

    assert net.done == []


async def started(session: Any, *names: str) -> None:
    """Wait until channels have started."""
    for name in names:
        await session.supervisors[name].started.wait()


# Typing.


async def test_typing_is_shown_while_the_block_lasts() -> None:
    """It is renewed before the network lets it expire, and not after the end."""
    net, clock = Full(), ManualClock()
    async with running(session_of(registry(net=net), clock=clock)) as session:
        async with session.typing("net", "chat"):
            await until(lambda: len(net.done) == 1)
            for _ in range(41):  # a tenth of a second each
                clock.advance(await clock.next_sleep())
            await until(lambda: len(net.done) == 2)
        clock.advance(60)
        await session.send(outgoing())

    assert net.done == [("typing", "net", "chat")] * 2


async def test_typing_on_a_channel_that_cannot_shows_nothing() -> None:
    """It is a courtesy, and no error."""
    async with running(session_of(registry(net=FakeChannel()))) as session:
        async with session.typing("net", "chat"):
            pass
        with pytest.raises(UnknownChannel):
            async with session.typing("owl", "chat"):
                pass


async def test_a_slow_turn_shows_typing_and_a_quick_one_does_not() -> None:
    """Who answers at once need not say that it will."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    class Slow:
        @hookimpl
        async def agent_reply(self, message: IncomingMessage) -> str:
            if message.content == "slow":
                asked.set()
                await may_answer.wait()
            return message.content

    net, clock = Full(), ManualClock()
    async with running(session_of(registry(net=net, agent=Slow()), clock=clock)):
        net.hand(incoming("quick"))
        await until(lambda: net.sent)
        quick = net.done.copy()
        net.hand(incoming("slow"))
        await asked.wait()
        while not net.done:
            clock.advance(await clock.next_sleep())
            await asyncio.sleep(0)
        may_answer.set()
        await until(lambda: len(net.sent) == 2)

    assert (quick, net.done[0]) == ([], ("typing", "net", "chat"))
    assert clock.monotonic() >= 0.3


# What the owner asks.


async def test_the_status_is_json_and_says_how_each_channel_is() -> None:
    """What waits, what runs and what is closed, with the names that programs rely on."""
    net, parked = FakeChannel(), FakeChannel()
    parked.network.put_nowait(AuthFailed("parked", "receive", "the token is revoked"))
    made = session_of(registry(net=net, parked=parked, agent=EchoAgent()))
    async with running(made) as session:
        await until(lambda: session.supervisors["parked"].state is State.PARKED)
        await session.enqueue(outgoing(), not_before=START + timedelta(hours=1)).stored()
        status = json.loads(json.dumps(await session.status()))

    assert status["channels"]["parked"]["state"] == "parked"
    assert "the token is revoked" in status["channels"]["parked"]["reason"]
    assert status["channels"]["net"]["waiting"] == 1
    assert status["channels"]["net"]["closed_s"] == 0
    assert status["waiting"] == {"messages": 0, "operations": 1}
    assert (status["agent"], status["answering"], status["trouble"]) == ("agent", 0, None)


@pytest.mark.parametrize(
    "ask",
    [
        lambda session: session.status(),
        lambda session: session.pair("ABC"),
        lambda session: session.retry_dead(1),
        lambda session: session.drop_dead(1),
    ],
)
async def test_a_session_that_is_not_open_says_so(ask: Callable[[Any], Any]) -> None:
    """What rests on the journal is only there inside the block."""
    made = session_of(registry(net=FakeChannel()))

    with pytest.raises(CobotError, match="the session is not open"):
        await ask(made)


async def test_a_session_that_is_open_and_does_not_run_can_be_asked() -> None:
    """`cobot dead` and `cobot pair` need no run."""
    async with session_of(registry(net=FakeChannel())) as session:
        status = await session.status()
        dropped = await session.drop_dead(7)
        with pytest.raises(CobotError):
            await session.pair("ABC")

    assert (status["channels"], dropped) == ({}, False)


async def test_a_session_is_entered_once() -> None:
    """A second time would open a second journal on the same file."""
    made = session_of(registry(net=FakeChannel()))
    async with made:
        pass

    with pytest.raises(CobotError, match="is entered once"):
        async with made:
            pass


async def test_a_run_that_does_not_receive_sends_all_the_same() -> None:
    """`cobot send` uses it where no bot runs: nobody is answered meanwhile."""
    net, agent = FakeChannel(), EchoAgent()
    net.hand(incoming("hello"))
    async with asyncio.timeout(5), session_of(registry(net=net, agent=agent)) as session:
        run = asyncio.create_task(session.run(receive=False))
        await until(lambda: session.supervisors)
        receipt = await session.send(outgoing())
        session.stop()
        outcome = await run

    assert (outcome.stopped, bool(receipt)) == (True, True)
    assert (net.cursors, net.network.qsize(), agent.asked) == ([], 1, [])
