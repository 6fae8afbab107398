from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fakes import START, ManualClock, until

from cobot.net.requests import Reply, Request
from cobot.net.webhooks import Inbox, Webhooks
from net.callers import calling, network, post, posted


@pytest.fixture
def clock() -> ManualClock:
    """Time that stands still."""
    return ManualClock()


@pytest.fixture
def webhooks(clock: ManualClock) -> Webhooks:
    """The webhooks of a channel `pigeon`."""
    return Webhooks("pigeon", clock=clock)


class Arrivals:
    """A check that lets everything pass, and counts."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, request: Request) -> None:
        """Count a request."""
        self.bodies.append(request.body)

    async def are(self, number: int) -> None:
        """Wait until so many requests are here."""
        await until(lambda: len(self.bodies) >= number)


async def go_on(inbox: Inbox) -> None:
    """Ask for more, as a channel does when control has come back; nothing may come."""
    more = asyncio.create_task(anext(inbox))
    await asyncio.sleep(0)
    more.cancel()
    await asyncio.gather(more, return_exceptions=True)


async def test_a_request_is_answered_when_control_comes_back(webhooks: Webhooks) -> None:
    """It is answered with 200 when the channel asks for more, and not before."""
    async with webhooks.listen("/loft", port=0) as inbox:
        (call,) = network(inbox, b"coo")
        (request,) = await anext(inbox)
        was_answered = request.is_answered
        await go_on(inbox)
        answer = await call

    assert (request.body, was_answered) == (b"coo", False)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_what_arrives_together_is_one_batch(webhooks: Webhooks) -> None:
    """What came while the channel was busy is handed out as one list, the oldest first."""
    arrivals = Arrivals()
    async with webhooks.listen("/loft", port=0, check=arrivals) as inbox:
        calls = network(inbox, b"first")
        await anext(inbox)
        calls += network(inbox, *(b"%d" % number for number in range(30)))
        await arrivals.are(31)
        batch = await anext(inbox)
        await go_on(inbox)
        answers = await asyncio.gather(*calls)

    assert [request.body for request in batch] == arrivals.bodies[1:]
    assert len(batch) == 30
    assert {answer.status_code for answer in answers} == {200}


async def test_a_request_has_all_that_came(webhooks: Webhooks, clock: ManualClock) -> None:
    """Its bytes are untouched; headers are found in any case; the rest is taken apart."""
    clock.advance(5)
    async with (
        webhooks.listen("/löft/b", port=0, methods=("PUT",)) as inbox,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
    ):
        url = f"{inbox.url}?a=1&b=&a=%C3%BC"
        put = client.put(url, content=b"x=1&y=%20\x00", headers={"X-Ring": "7"})
        call = asyncio.create_task(put)
        (request,) = await anext(inbox)
        await go_on(inbox)
        await call

    assert (request.method, request.path, request.body) == ("PUT", "/löft/b", b"x=1&y=%20\x00")
    assert (request.headers["x-ring"], request.query) == ("7", {"a": "ü", "b": ""})
    assert (request.sender, request.form) == ("127.0.0.1", {"x": "1", "y": " \x00"})
    assert request.arrived_at == START + timedelta(seconds=5)


async def test_a_channel_answers_by_itself(webhooks: Webhooks) -> None:
    """What it says goes out at once, and is not said twice."""
    async with webhooks.listen("/loft", port=0) as inbox:
        (call,) = network(inbox, b'{"coo": 1}')
        (request,) = await anext(inbox)
        was_first = request.answer(201, "überflogen", {"X-Ring": "7"})
        answer = await call
        was_second = request.answer(500)
        await go_on(inbox)

    assert (was_first, was_second, request.json) == (True, False, {"coo": 1})
    assert (answer.status_code, answer.text) == (201, "überflogen")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-ring"] == "7"


async def test_headers_of_a_channel_take_the_place_of_ours(webhooks: Webhooks) -> None:
    """However they are written, each is sent once; the length is the true one."""
    headers = {"content-TYPE": "text/x-coo", "Content-length": "7", "date": "today"}
    async with webhooks.listen(
        "/loft", port=0, check=lambda _: Reply(200, "coo", headers)
    ) as it:
        answer = await posted(it.url)

    told = answer.headers
    assert (told["content-type"], told["content-length"]) == ("text/x-coo", "3")
    assert (told["date"], answer.text) == ("today", "coo")


async def test_no_content_is_none(webhooks: Webhooks) -> None:
    """With 204 nothing follows the head, and the connection goes on."""
    check = Replies(Reply(204, "too much"), Reply(200, "coo"))
    async with (
        webhooks.listen("/loft", port=0, check=check) as inbox,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
    ):
        answers = [await client.post(inbox.url) for _ in range(2)]

    assert [(one.status_code, one.text) for one in answers] == [(204, ""), (200, "coo")]
    assert "content-length" not in answers[0].headers


class Replies:
    """A check that gives one answer after the other."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)

    def __call__(self, request: Request) -> Reply:
        """Return the next."""
        return self._replies.pop(0)


@pytest.mark.parametrize(
    ("status", "headers", "detail"),
    [
        (100, {}, "status: expected one from 200 to 599, got 100"),
        (600, {}, "status: expected one from 200 to 599, got 600"),
        (200, {"X": "a\r\nb"}, "headers: 'X' has what no header may have"),
        (200, {"X Y": "a"}, "headers: 'X Y' has what no header may have"),
    ],
)
def test_what_cannot_be_said_is_refused(
    status: int, headers: dict[str, str], detail: str
) -> None:
    """A mistake is told where it is made, and never sent."""
    with pytest.raises(ValueError, match=re.escape(detail)):
        Reply(status, b"", headers)


async def test_a_check_answers_at_once(webhooks: Webhooks) -> None:
    """What the check answers is in no batch, and waits for no channel."""

    def check(request: Request) -> Reply | None:
        if request.body == b"hello?":
            return Reply.json({"hello": "yes"})
        return None if request.body == b"coo" else Reply(401)

    async with webhooks.listen("/loft", port=0, check=check) as inbox:
        handshake = await posted(inbox.url, b"hello?")
        stranger = await posted(inbox.url, b"caw")
        network(inbox, b"coo")
        batch = await anext(inbox)

    assert (handshake.status_code, handshake.json()) == (200, {"hello": "yes"})
    assert handshake.headers["content-type"] == "application/json"
    assert (stranger.status_code, stranger.content) == (401, b"")
    assert [request.body for request in batch] == [b"coo"]


async def test_a_check_that_fails_tells_nobody_but_the_log(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller sees 500 and nothing else; the log has no secret; the next one is taken."""

    def check(request: Request) -> Any:
        if request.body == b"caw":
            raise KeyError("swordfish is no pigeon")
        return True if request.body == b"true" else None

    webhooks = Webhooks(
        "pigeon",
        clock=clock,
        redact=lambda text: text.replace("swordfish", "***"),
        log=logging.getLogger("cobot.pigeon"),
    )
    async with webhooks.listen("/loft", port=0, check=check) as inbox:
        broken = await posted(inbox.url, b"caw")
        mistaken = await posted(inbox.url, b"true")
        network(inbox, b"coo")
        batch = await anext(inbox)

    assert (broken.status_code, broken.content) == (500, b"")
    assert (mistaken.status_code, mistaken.content) == (500, b"")
    assert [request.body for request in batch] == [b"coo"]
    assert [record.getMessage() for record in caplog.records] == [
        "a request cannot be checked: KeyError: '*** is no pigeon'",
        "a request cannot be checked: TypeError: expected a Reply or None, got True",
    ]
    assert caplog.records[0].exc_info is None


async def test_who_is_not_answered_in_time_is_told_to_come_again(
    webhooks: Webhooks, clock: ManualClock
) -> None:
    """After three seconds the answer is 503, though the channel has the requests."""
    arrivals = Arrivals()
    async with webhooks.listen("/loft", port=0, check=arrivals) as inbox:
        calls = network(inbox, b"one", b"two")
        await arrivals.are(2)
        request, _ = await anext(inbox)
        assert await clock.next_sleep() == 3
        clock.advance(3)
        answers = await asyncio.gather(*calls)
        was_first = request.answer()
        await go_on(inbox)

    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].headers["retry-after"] == "1"
    assert (was_first, inbox.late) == (False, 2)


async def test_what_was_too_late_is_handed_out_all_the_same(
    webhooks: Webhooks, clock: ManualClock
) -> None:
    """The network may give up: what is here once is in a batch at least once."""
    async with webhooks.listen("/loft", port=0) as inbox:
        (call,) = network(inbox, b"coo")
        await clock.next_sleep()
        clock.advance(3)
        answer = await call
        batch = await anext(inbox)

    assert answer.status_code == 503
    assert [request.body for request in batch] == [b"coo"]


async def test_time_is_counted_from_each_arrival(
    webhooks: Webhooks, clock: ManualClock
) -> None:
    """Of two requests each has all of its time, and what is answered needs none."""
    arrivals = Arrivals()
    async with webhooks.listen("/loft", port=0, check=arrivals) as inbox:
        (quick, first) = network(inbox, b"quick", b"first")
        await arrivals.are(2)
        for request in await anext(inbox):
            if request.body == b"quick":
                request.answer()
        await clock.next_sleep()
        clock.advance(2)
        (second,) = network(inbox, b"second")
        await arrivals.are(3)
        clock.advance(1)
        statuses = [(await quick).status_code, (await first).status_code]
        left_s = await clock.next_sleep()
        was_done = second.done()
        clock.advance(2)
        statuses.append((await second).status_code)

    assert statuses == [200, 503, 503]
    assert (left_s, was_done) == (2, False)


async def channel(webhooks: Webhooks, port: int = 0) -> AsyncIterator[list[Request]]:
    """Receive as a channel does."""
    async with webhooks.listen("/loft", port=port) as inbox:
        async for requests in inbox:
            yield requests


async def test_a_channel_that_is_stopped_before_it_is_durable_says_come_again(
    webhooks: Webhooks,
) -> None:
    """What was handed out and not stored is answered with 503, and taken the next time."""
    async with webhooks.listen("/keeps/the/port", port=0) as keeper:
        port = httpx.URL(keeper.url).port or 0
        url = keeper.url.replace("/keeps/the/port", "/loft")
        async with aclosing(channel(webhooks, port)) as receiving:  # type: ignore[type-var]
            step = asyncio.ensure_future(anext(receiving))
            await asyncio.sleep(0)
            call = asyncio.create_task(posted(url))
            (request,) = await step
            was_answered = request.is_answered
        refused = await call
        meanwhile = await posted(url)
        async with aclosing(channel(webhooks, port)) as receiving:  # type: ignore[type-var]
            step = asyncio.ensure_future(anext(receiving))
            await asyncio.sleep(0)
            call = asyncio.create_task(posted(url))
            (request,) = await step
            more = asyncio.ensure_future(anext(receiving))
            taken = await call
            more.cancel()
            await asyncio.gather(more, return_exceptions=True)

    assert not was_answered
    assert [refused.status_code, meanwhile.status_code, taken.status_code] == [503, 503, 200]
    assert request.body == b"coo"


@pytest.mark.parametrize("is_handed_out", [False, True])
async def test_a_channel_that_fails_says_come_again(
    webhooks: Webhooks, is_handed_out: bool
) -> None:
    """Its error goes its way, and whoever waits is answered with 503."""
    arrivals = Arrivals()
    calls: list[asyncio.Task[httpx.Response]] = []

    async def receive() -> None:
        async with webhooks.listen("/loft", port=0, check=arrivals) as inbox:
            calls.extend(network(inbox, b"one", b"two"))
            await arrivals.are(2)
            if is_handed_out:
                await anext(inbox)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await receive()

    assert [(await call).status_code for call in calls] == [503, 503]


async def test_an_inbox_ends_with_its_block(webhooks: Webhooks) -> None:
    """Who still asks is told that there will be nothing more."""
    async with webhooks.listen("/loft", port=0) as inbox:
        waiting = asyncio.create_task(anext(inbox, None))
        await asyncio.sleep(0)

    assert await waiting is None
    assert [batch async for batch in inbox] == []


async def test_waiting_for_requests_can_be_cancelled(webhooks: Webhooks) -> None:
    """Who is cancelled while waiting has taken nothing."""
    arrivals = Arrivals()
    async with webhooks.listen("/loft", port=0, check=arrivals) as inbox:
        waiting = asyncio.create_task(anext(inbox))
        await asyncio.sleep(0)
        network(inbox, b"coo")
        await arrivals.are(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        batch = await anext(inbox)

    assert [request.body for request in batch] == [b"coo"]


async def test_more_than_may_wait_come_again(webhooks: Webhooks) -> None:
    """What a busy channel cannot take is answered with 503 at once, and costs no memory."""
    arrivals = Arrivals()
    async with webhooks.listen("/loft", port=0, check=arrivals, most=2) as inbox:
        network(inbox, b"one", b"two")
        await arrivals.are(2)
        answer = await posted(inbox.url, b"three")
        batch = await anext(inbox)

    assert answer.status_code == 503
    assert sorted(request.body for request in batch) == [b"one", b"two"]


async def test_who_hangs_up_is_heard_all_the_same(webhooks: Webhooks) -> None:
    """A request that is here in full is in a batch, though nobody waits for its answer."""
    arrivals = Arrivals()
    async with webhooks.listen("/loft", port=0, check=arrivals) as inbox:
        async with calling(inbox.url) as caller:
            caller.write(post(inbox.url, b"coo"))
            await arrivals.are(1)
        batch = await anext(inbox)
        await go_on(inbox)

    assert [request.body for request in batch] == [b"coo"]


async def test_half_a_request_is_none(webhooks: Webhooks) -> None:
    """Who hangs up in the middle of a body has said nothing."""
    arrivals = Arrivals()
    async with webhooks.listen("/loft", port=0, check=arrivals) as inbox:
        async with calling(inbox.url) as caller:
            caller.write(post(inbox.url, b"co", length=3))
            caller.writer.write_eof()
            told = await caller.read()
        network(inbox, b"coo")
        await anext(inbox)

    assert told == b""
    assert arrivals.bodies == [b"coo"]


async def test_requests_on_one_connection_are_answered_in_order(webhooks: Webhooks) -> None:
    """Who asks before being answered waits, on a connection that is kept."""
    async with webhooks.listen("/loft", port=0) as inbox, calling(inbox.url) as caller:
        caller.write(post(inbox.url, b"one"), post(inbox.url, b"two"))
        bodies = []
        for status in (200, 202):
            (request,) = await anext(inbox)
            bodies.append(request.body)
            request.answer(status)
        statuses = [await caller.status(), await caller.status()]

    assert (bodies, statuses) == ([b"one", b"two"], [200, 202])


async def test_nothing_secret_is_shown(webhooks: Webhooks) -> None:
    """Neither a request nor a reply shows where it went, what it had, or who sent it."""
    async with webhooks.listen("/swordfish", port=0) as inbox, calling(inbox.url) as caller:
        caller.write(post(inbox.url, b"swordfish", "X-Secret: swordfish"))
        (request,) = await anext(inbox)
        request.answer(200, "swordfish", {"X-Secret": "swordfish"})
        shown = repr(request) + repr(request.reply.result())

    assert "swordfish" not in shown
    assert "<9 bytes>" in shown
