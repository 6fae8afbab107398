from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fakes import registry, session_of

from cobot import (
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Rejected,
    Unsupported,
    hookimpl,
)
from cobot.plugins import Plugins
from cobot.session import Session


class Post:
    """A channel that only sends, and has a function say what comes of it."""

    channel = True

    def __init__(self, answer: Callable[[OutgoingMessage], Any] = lambda _: "id") -> None:
        self.answer = answer
        self.sent: list[str] = []

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        self.sent.append(message.content)
        return self.answer(message)


class Slow:
    """A channel whose network answers each message when the test says so."""

    channel = True

    def __init__(self) -> None:
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.may_answer: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.asked.put_nowait(message.content)
        await self.may_answer[message.content].wait()
        return message.content


class Interceptor:
    """A plugin that is no channel and has a function look at what is sent."""

    def __init__(self, answer: Callable[[OutgoingMessage], Any]) -> None:
        self.answer = answer

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        return self.answer(message)


class Watcher:
    """A plugin that notes what was sent and what was not."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    @hookimpl
    def session_on_send(self, message: OutgoingMessage, receipt: Receipt) -> None:
        self.seen.put_nowait((message.content, receipt))

    @hookimpl
    def session_on_failure(self, message: OutgoingMessage, error: Exception) -> None:
        self.seen.put_nowait((message.content, error))


def raising(error: Exception) -> Callable[[object], Any]:
    """Return a function that raises."""

    def fail(_: object) -> Any:
        raise error

    return fail


def outgoing(text: str = "hello", chat: str = "chat", **fields: Any) -> OutgoingMessage:
    """Return a message to a chat."""
    return OutgoingMessage("post", chat, text, **fields)


@asynccontextmanager
async def running(plugins: Plugins) -> AsyncIterator[Session]:
    """Run a session for the length of a test."""
    session = session_of(plugins, stop_timeout_s=1)
    run = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        while "post" not in session.supervisors:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0)
        try:
            yield session
        finally:
            session.stop()
            await run


# Order.


async def test_messages_to_an_address_leave_one_after_the_other() -> None:
    """The next message is sent when the network has answered for the one before."""
    post = Slow()
    async with running(registry(post=post)) as session:
        sends = [asyncio.create_task(session.send(outgoing(text))) for text in "abc"]
        asked = []
        for text in "abc":
            asked.append(await post.asked.get())
            nothing_else = post.asked.empty()
            post.may_answer[text].set()
            await sends["abc".index(text)]

            assert nothing_else

    assert asked == ["a", "b", "c"]


async def test_addresses_are_sent_to_at_the_same_time() -> None:
    """A chat, or a thread of it, does not wait for another."""
    post = Slow()
    several = [outgoing("a", "one"), outgoing("b", "two"), outgoing("c", "two", thread_id="t")]
    async with running(registry(post=post)) as session:
        sends = [asyncio.create_task(session.send(message)) for message in several]

        assert {await post.asked.get() for _ in several} == {"a", "b", "c"}

        for text in "cba":
            post.may_answer[text].set()
        await asyncio.gather(*sends)


async def test_a_channel_that_hangs_delays_no_other() -> None:
    """A dead network is its own channel's trouble."""
    post, owl = Slow(), Post()
    async with running(registry(post=post, owl=owl)) as session:
        hanging = asyncio.create_task(session.send(outgoing()))
        await post.asked.get()

        assert await session.send(OutgoingMessage("owl", "chat", "hello"))
        assert not hanging.done()

        post.may_answer["hello"].set()
        await hanging


async def test_a_message_that_fails_makes_way_for_the_next() -> None:
    """A refused message does not hold up its chat."""
    error = Rejected("post", "send", "too long")
    post = Post(lambda one: raising(error)(one) if one.content == "bad" else "id")
    async with running(registry(post=post)) as session:
        bad, good = await asyncio.gather(
            session.send(outgoing("bad")),
            session.send(outgoing("good")),
            return_exceptions=True,
        )

    assert bad is error
    assert isinstance(good, Receipt)
    assert post.sent == ["bad", "good"]


# What `session_send` returns.


def refs(*ids: str) -> tuple[MessageRef, ...]:
    """Return references to messages in the thread that the tests send to."""
    return tuple(MessageRef("post", "chat", one, "t") for one in ids)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("17", refs("17")),
        (17, refs("17")),
        (0, refs("0")),
        (["1", 2], refs("1", "2")),
        (("1", "2"), refs("1", "2")),
        (True, ()),
        (Receipt(refs("5"), degraded=["reply->quote"]), refs("5")),
    ],
)
async def test_a_result_becomes_a_receipt(result: Any, expected: tuple[MessageRef]) -> None:
    """A channel returns the id that the network gave, several ids, a Receipt, or True."""
    async with running(registry(post=Post(lambda _: result))) as session:
        receipt = await session.send(outgoing(thread_id="t"))

    assert receipt
    assert receipt.refs == expected
    assert receipt is result or not isinstance(result, Receipt)


@pytest.mark.parametrize(
    "result", [False, None, 1.5, "", b"17", {"id": 1}, [None], [True], [[1]]]
)
async def test_a_result_that_says_nothing_leaves_the_delivery_unknown(result: Any) -> None:
    """A result that is no id says not how far the message came; plugin and hook are named."""
    async with running(registry(post=Post(lambda _: result))) as session:
        with pytest.raises(DeliveryUnknown) as raised:
            await session.send(outgoing())

    assert f"plugin 'post' returned {result!r} from session_send" in str(raised.value)
    assert raised.value.channel_type == "post"


async def test_a_plain_function_sends() -> None:
    """A channel that blocks sends in a thread of its own."""

    class Plain:
        channel = True

        @hookimpl
        def session_send(self, message: OutgoingMessage) -> str:
            return message.content

    async with running(registry(post=Plain())) as session:
        receipt = await session.send(outgoing("17"))

    assert [ref.id for ref in receipt.refs] == ["17"]


async def test_a_channel_without_session_send_cannot_send() -> None:
    """An operation that a channel does not have is an error, and no silence."""

    class Silent:
        channel = True

        @hookimpl
        def cobot_start(self) -> None:
            pass

    async with running(registry(post=Silent())) as session:
        with pytest.raises(Unsupported, match="the channel has no session_send"):
            await session.send(outgoing())


# What `session_send` raises.


async def test_a_channel_error_comes_through_as_it_is() -> None:
    """What the network said reaches whoever sends."""
    error = ChatGone("post", "send", "the group was deleted")
    async with running(registry(post=Post(raising(error)))) as session:
        with pytest.raises(ChatGone) as raised:
            await session.send(outgoing())

    assert raised.value is error


async def test_any_other_error_leaves_the_delivery_unknown() -> None:
    """After a mistake in the plugin nobody knows how far the message came."""
    async with running(registry(post=Post(raising(KeyError("id"))))) as session:
        with pytest.raises(DeliveryUnknown) as raised:
            await session.send(outgoing())

    assert "plugin 'post' failed in session_send: KeyError: 'id'" in str(raised.value)


async def test_a_channel_that_cancels_something_of_its_own_has_failed() -> None:
    """A CancelledError that nobody asked for is an error like any; the next message leaves."""
    post = Post(lambda one: raising_cancelled() if one.content == "bad" else "id")
    async with running(registry(post=post)) as session:
        with pytest.raises(DeliveryUnknown, match="post"):
            await asyncio.wait_for(session.send(outgoing("bad")), 1)

        assert await session.send(outgoing("good"))


def raising_cancelled() -> Any:
    """Raise what cancelling raises."""
    raise asyncio.CancelledError


# Interceptors.


@pytest.mark.parametrize(("result", "ids"), [(True, []), ("made-up", ["made-up"])])
async def test_an_interceptor_can_take_over(result: Any, ids: list[str]) -> None:
    """A plugin that is no channel is asked first; what it returns is the result."""
    post = Post()
    plugins = registry(post=post, taker=Interceptor(lambda _: result))
    async with running(plugins) as session:
        receipt = await session.send(outgoing())

    assert ([ref.id for ref in receipt.refs], post.sent) == (ids, [])


async def test_an_interceptor_that_declines_passes_the_message_on() -> None:
    """None means: not mine."""
    post = Post()
    async with running(registry(post=post, shy=Interceptor(lambda _: None))) as session:
        receipt = await session.send(outgoing())

    assert ([ref.id for ref in receipt.refs], post.sent) == (["id"], ["hello"])


async def test_an_interceptor_that_fails_is_not_blamed_on_the_channel() -> None:
    """The error names the plugin at fault, and the channel is not asked."""
    post = Post()
    plugins = registry(post=post, broken=Interceptor(raising(KeyError("id"))))
    async with running(plugins) as session:
        with pytest.raises(ChannelError) as raised:
            await session.send(outgoing())

    assert "plugin 'broken' failed in session_send: KeyError: 'id'" in str(raised.value)
    assert "plugin 'post'" not in str(raised.value)
    assert post.sent == []


async def test_a_wrong_result_of_an_interceptor_is_not_blamed_on_the_channel() -> None:
    """The error names the plugin that returned it."""
    async with running(registry(post=Post(), odd=Interceptor(lambda _: 1.5))) as session:
        with pytest.raises(DeliveryUnknown, match=r"plugin 'odd' returned 1\.5"):
            await session.send(outgoing())


async def test_no_channel_sees_what_is_addressed_to_another() -> None:
    """A message reaches the channel that it names, and no other."""
    post, owl = Post(), Post()
    async with running(registry(owl=owl, post=post)) as session:
        await session.send(outgoing())

    assert (post.sent, owl.sent) == (["hello"], [])


# Observers.


async def test_a_delivered_message_is_observed_with_its_receipt() -> None:
    """Who watches sees what was sent and which id it got."""
    watcher = Watcher()
    async with running(registry(post=Post(), watcher=watcher)) as session:
        receipt = await session.send(outgoing())

        assert await watcher.seen.get() == ("hello", receipt)


async def test_a_message_that_is_not_delivered_is_observed_with_its_error() -> None:
    """Who watches sees what was not sent, and why."""
    watcher, error = Watcher(), ChatGone("post", "send", "deleted")
    async with running(registry(post=Post(raising(error)), watcher=watcher)) as session:
        with pytest.raises(ChatGone):
            await session.send(outgoing())

        assert await watcher.seen.get() == ("hello", error)


async def test_a_message_carries_a_key_and_a_time() -> None:
    """A channel gets with each message what its network can tell repetitions by."""
    seen: list[OutgoingMessage] = []

    def note(message: OutgoingMessage) -> str:
        seen.append(message)
        return "id"

    async with running(registry(post=Post(note))) as session:
        await session.send(outgoing("one"))
        await session.send(outgoing("two"))

    assert len({one.key for one in seen} - {""}) == 2
    assert all(one.created_at is not None for one in seen)
