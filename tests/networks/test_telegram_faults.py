"""What goes wrong when a test wants it to."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from networks.client import BareClient, Refused, client_of
from networks.telegram import (
    ApiError,
    FakeTelegram,
    Fault,
    Room,
    page,
    server_error,
    too_many_requests,
)


@pytest.fixture
def ann(network: FakeTelegram) -> Room:
    """Somebody's private chat."""
    return network.private_chat()


async def say(bot: BareClient, room: Room, text: str = "hello") -> None:
    """Send a text."""
    await bot.ask("sendMessage", chat_id=room.id, text=text)


@pytest.mark.parametrize(
    ("error", "code", "retry_after"),
    [
        (too_many_requests(7), 429, 7),
        (server_error(), 500, None),
        (ApiError(400, "Bad Request: anything"), 400, None),
    ],
)
async def test_the_next_calls_are_refused(
    network: FakeTelegram,
    bot: BareClient,
    ann: Room,
    error: ApiError,
    code: int,
    retry_after: int | None,
) -> None:
    """So often as it was said, and nothing is done meanwhile."""
    trouble = network.fail_next("sendMessage", error, times=2)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await say(bot, ann)
        assert refused.value.code == code
        assert refused.value.parameters.get("retry_after") == retry_after

    await say(bot, ann)

    assert trouble.is_over
    assert len(network.sent) == 1
    assert [call.status for call in network.requests] == [code, code, 200]


async def test_only_the_calls_that_are_meant_are_hit(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """Of these methods, to this chat; the first trouble that fits is the one that hits."""
    bob = network.private_chat(network.user("Bob"))
    network.fail_next(("sendMessage", "sendphoto"), too_many_requests(1), chat=bob)
    network.fail_next(None, too_many_requests(2), chat=bob)
    await bot.ask("getMe")
    await say(bot, ann)

    for seconds in (1, 2):
        with pytest.raises(Refused, match=f"retry after {seconds}"):
            await say(bot, bob)
    await say(bot, bob)

    assert [message.chat_id for message in network.sent] == [ann.id, bob.id]


async def test_a_trouble_without_a_number_stands_until_it_is_ended(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """It counts what it hits."""
    trouble = network.fail_next("sendMessage", server_error(), times=None)
    for _ in range(3):
        with pytest.raises(Refused):
            await say(bot, ann)

    trouble.end()
    await say(bot, ann)

    assert trouble.hits == 3


async def test_a_page_is_html(network: FakeTelegram, bot: BareClient) -> None:
    """As what stands in front of the API answers when the API does not."""
    network.fail_next("getUpdates", page(502))

    response = await bot.http.get(bot.url("getUpdates"))

    assert response.status_code == 502
    assert response.headers["content-type"] == "text/html"
    assert "<title>502 Bad Gateway</title>" in response.text


@pytest.mark.parametrize(
    ("fault", "error", "arrived"),
    [
        (Fault.RESET, httpx.ReadError, 0),
        (Fault.LOST, httpx.ReadError, 1),
        (Fault.CUT, httpx.RemoteProtocolError, 1),
        (Fault.HANG, httpx.ReadTimeout, 0),
        (Fault.SILENT, httpx.ReadTimeout, 1),
    ],
)
async def test_a_connection_fails_before_or_after_the_message_arrived(
    network: FakeTelegram,
    bot: BareClient,
    ann: Room,
    fault: Fault,
    error: type[Exception],
    arrived: int,
) -> None:
    """The client cannot tell which; the network knows."""
    network.fail_next("sendMessage", fault)
    bot.http.timeout = httpx.Timeout(10, read=0.1)

    with pytest.raises(error):
        await say(bot, ann)
    bot.http.timeout = httpx.Timeout(10)
    await say(bot, ann)

    assert len(network.sent) == arrived + 1


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.LOST, Fault.CUT])
async def test_downloads_fail_as_calls_do(
    network: FakeTelegram, bot: BareClient, ann: Room, fault: Fault
) -> None:
    """Under a name of their own; the next one is whole."""
    message = ann.document(b"content")
    file = await bot.ask("getFile", file_id=message.content["document"]["file_id"])
    network.fail_next("download", fault)

    with pytest.raises(httpx.TransportError):
        await bot.download(file["file_path"])
    again = await bot.download(file["file_path"])

    assert again.content == b"content"
    assert network.calls("download")[-1].params == {"path": file["file_path"]}


async def test_a_reset_cannot_know_the_chat(network: FakeTelegram, ann: Room) -> None:
    """It happens before the chat is read."""
    with pytest.raises(ValueError, match=r"use Fault\.LOST"):
        network.fail_next("sendMessage", Fault.RESET, chat=ann)


async def test_a_lost_poll_loses_no_update(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """What was handed out and not confirmed comes again."""
    network.fail_next("getUpdates", Fault.LOST)
    poll = asyncio.create_task(bot.updates(timeout=50))
    await network.wait_for(lambda: network.is_polled)
    ann.text("hello")
    with pytest.raises(httpx.ReadError):
        await poll

    assert len(await bot.updates()) == 1


async def test_answers_wait_at_a_gate(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """The messages have appeared already; the gate lets go one by one, then all."""
    gate = network.hold("sendMessage")
    async with client_of(network) as other:
        sends = [asyncio.create_task(say(one, ann)) for one in (bot, other)]
        await network.wait_for(lambda: len(gate.waiting) == 2)
        appeared = len(network.sent)
        gate.open(1)
        await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)
        done = sum(send.done() for send in sends)
        gate.open()
        await asyncio.gather(*sends)
    await say(bot, ann)

    assert (appeared, done) == (2, 1)


async def test_calls_wait_before_a_gate(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """Nothing has appeared until it opens."""
    gate = network.hold("sendMessage", is_before=True, chat=ann)
    send = asyncio.create_task(say(bot, ann))
    await network.wait_for(lambda: gate.waiting)
    appeared = len(network.sent)

    gate.open()
    await send

    assert (appeared, len(network.sent)) == (0, 1)


async def test_slow_answers_come_late(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """The message has appeared before."""
    loop = asyncio.get_running_loop()
    trouble = network.slow_down("sendMessage", 0.05)
    begun = loop.time()
    await say(bot, ann)
    waited = loop.time() - begun
    trouble.end()

    assert waited >= 0.05


async def test_a_network_that_refuses_comes_back_as_it_was(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """Connections are refused meanwhile; the address stays, and so does what is pending."""
    ann.text("hello")
    await bot.ask("getMe")
    url = network.url
    network.refuse()
    network.drop_all()
    async with client_of(network) as other:
        with pytest.raises(httpx.ConnectError):
            await other.ask("getMe")
    await network.listen()

    async with client_of(network) as other:
        assert len(await other.updates()) == 1
    assert network.url == url


async def test_waiting_ends_with_an_error_when_nothing_comes(network: FakeTelegram) -> None:
    """And with the condition's own error when it has one."""

    def fails() -> object:
        return network.requests and 1 / 0

    with pytest.raises(TimeoutError):
        await network.wait_for(lambda: False, timeout_s=0.01)
    async with client_of(network) as other:
        waiting = asyncio.create_task(network.wait_for(fails))
        asking = asyncio.create_task(other.ask("getMe"))
        with pytest.raises(ZeroDivisionError):
            await waiting
        await asking


async def test_a_mistake_of_the_network_itself_does_not_pass() -> None:
    """A test whose network failed fails, whatever the client made of it."""

    async def provoke() -> None:
        async with FakeTelegram() as network, client_of(network) as bot:
            network.push("poll", {})
            network.world.updates.poll = None  # type: ignore[assignment, method-assign]
            await bot.http.get(bot.url("getUpdates"))

    with pytest.raises(RuntimeError, match="the fake network itself failed"):
        await provoke()


async def test_everything_that_was_asked_is_recorded(
    network: FakeTelegram, bot: BareClient, ann: Room
) -> None:
    """With its time, parameters, files and headers, and what it was answered."""
    await bot.upload(
        "sendDocument", {"document": ("a.txt", b"x", "text/x")}, chat_id=str(ann.id)
    )

    (call,) = network.calls("sendDocument")

    upload = call.files["document"]
    assert (upload.name, upload.content_type, upload.content) == ("a.txt", "text/x", b"x")
    assert call.params == {"chat_id": str(ann.id)}
    assert call.headers["user-agent"].startswith("python-httpx")
    assert call.result["document"]["file_name"] == "a.txt"
    assert network.sent[0].request is call
