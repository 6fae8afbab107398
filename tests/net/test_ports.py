from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import attrs
import httpx
import pytest
from fakes import ManualClock

from cobot.context import Context
from cobot.errors import Unreachable
from cobot.net.ports import Ports, ServerOptions
from cobot.net.webhooks import Webhooks
from cobot.plugins.threads import ThreadPool
from net.callers import calling, network, post, posted

HASTY = ServerOptions(body_bytes=100, head_bytes=1000, read_s=0.05, connections=3, stop_s=0.05)


@pytest.fixture
def ports() -> Ports:
    """Where channels find each other."""
    return Ports()


@pytest.fixture
def webhooks(ports: Ports) -> Webhooks:
    """The webhooks of a channel `pigeon`."""
    return Webhooks("pigeon", clock=ManualClock(), ports=ports)


@pytest.fixture
def others(ports: Ports) -> Webhooks:
    """Those of another channel, `owl`."""
    return Webhooks("owl", clock=ManualClock(), ports=ports)


def port_of(url: str) -> int:
    """Return the port of an address."""
    return httpx.URL(url).port or 0


async def is_open(url: str) -> bool:
    """Say whether somebody listens there."""
    try:
        async with calling(url):
            return True
    except ConnectionError:
        return False


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404),
        ("POST", "/loft/", 404),
        ("POST", "/LOFT", 404),
        ("POST", "//loft", 404),
        ("GET", "/loft", 405),
        ("DELETE", "/loft", 405),
        ("GET", "/nowhere", 404),
    ],
)
async def test_only_the_path_is_served(
    webhooks: Webhooks, method: str, path: str, status: int
) -> None:
    """Other paths are 404, other methods 405, and what they sent is thrown away."""
    async with webhooks.listen("/loft", port=0) as inbox, calling(inbox.url) as caller:
        caller.write(
            post(inbox.url, b"coo").replace(b"POST /loft", f"{method} {path}".encode())
        )
        statuses = [await caller.status()]
        caller.write(post(inbox.url, b"coo"))
        (request,) = await anext(inbox)
        request.answer()
        statuses.append(await caller.status())

    assert statuses == [status, 200]


async def test_an_answer_says_nothing_about_us(webhooks: Webhooks) -> None:
    """It has no banner, and only the headers that it needs."""
    async with webhooks.listen("/loft", port=0) as inbox:
        answer = await posted(inbox.url.replace("/loft", "/nowhere"))
        network(inbox, b"coo")
        await anext(inbox)
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            wrong = await client.get(inbox.url)

    assert dict(answer.headers) == {
        "date": "Thu, 01 Jan 2026 12:00:00 GMT",
        "content-length": "0",
    }
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"caw\r\n\r\n",
        b"POST /loft HTTP/1.1\r\n\r\n",  # no host
        b"POST /loft HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /loft HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /l\xc3\xb6ft HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS where none is spoken
    ],
)
async def test_rubbish_is_refused_in_silence(
    webhooks: Webhooks, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no HTTP is answered with a 4xx or 501 that tells nothing; no log has a line."""
    caplog.set_level(logging.DEBUG)
    async with webhooks.listen("/loft", port=0) as inbox, calling(inbox.url) as caller:
        caller.write(rubbish)
        told = await caller.read()

    assert told.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert b"Traceback" not in told
    assert [one for one in caplog.records if one.name != "asyncio"] == []


async def test_rubbish_after_an_answer_ends_the_connection(
    webhooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is answered before his body came, and then breaks the rules, is cut off."""
    head = post("http://x/nowhere").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    async with webhooks.listen("/loft", port=0) as inbox, calling(inbox.url) as caller:
        caller.write(head)
        status = await caller.status()
        caller.write(b"caw\r\n")
        told = await caller.read()

    assert (status, told) == (404, b"")
    assert caplog.records == []


async def test_a_body_has_a_limit(webhooks: Webhooks) -> None:
    """One of just the size is taken, one that says it is longer is refused unread."""
    async with webhooks.listen("/loft", port=0, options=HASTY) as inbox:
        (call,) = network(inbox, b"c" * 100)
        (request,) = await anext(inbox)
        request.answer()
        await call
        async with calling(inbox.url) as caller:
            caller.write(post(inbox.url, length=101))
            status = await caller.status()
            told = await caller.read()  # nothing more, though the body never comes

    assert (len(request.body), status, told) == (100, 413, b"")


async def test_a_body_in_pieces_has_the_same_limit(webhooks: Webhooks) -> None:
    """Who does not say how long it gets is refused when it gets too long."""
    head = post("http://x/loft").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    async with (
        webhooks.listen("/loft", port=0, options=HASTY) as inbox,
        calling(inbox.url) as caller,
    ):
        caller.write(head, b"32\r\n", b"c" * 50, b"\r\n", b"33\r\n", b"c" * 51, b"\r\n")
        status = await caller.status()

    assert status == 413


@pytest.mark.parametrize("size", [1000, 300_000])
async def test_a_head_has_a_limit(webhooks: Webhooks, size: int) -> None:
    """A long one is refused, whether it comes at once or in pieces."""
    async with (
        webhooks.listen("/loft", port=0, options=HASTY) as inbox,
        calling(inbox.url) as caller,
    ):
        caller.write(post(inbox.url, b"coo", "X-Ring: " + "7" * size))
        head = await caller.reader.readline()

    assert head.split()[1] in (b"400", b"431")


async def test_a_head_without_an_end_has_the_same_limit(webhooks: Webhooks) -> None:
    """It is refused when it gets too long, and not only when its time is over."""
    options = attrs.evolve(HASTY, read_s=1000)
    async with (
        asyncio.timeout(5),
        webhooks.listen("/loft", port=0, options=options) as inbox,
        calling(inbox.url) as caller,
    ):
        caller.write(b"POST /loft HTTP/1.1\r\nX-Ring: " + b"7" * 1000)
        told = await caller.read()

    assert told.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "beginning",
    [b"POST /lo", post("http://x/loft", b"co", length=3)],
    ids=["head", "body"],
)
async def test_a_request_that_comes_too_slowly_is_ended(
    webhooks: Webhooks, beginning: bytes
) -> None:
    """It is answered with 408, and its place is free."""
    async with (
        webhooks.listen("/loft", port=0, options=HASTY) as inbox,
        calling(inbox.url) as caller,
    ):
        caller.write(beginning)
        told = await caller.read()

    assert told.startswith(b"HTTP/1.1 408 ")


async def test_a_request_that_goes_on_for_ever_is_ended(webhooks: Webhooks) -> None:
    """The time is for all of the request, however often something comes."""
    head = post("http://x/loft").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    options = attrs.evolve(HASTY, body_bytes=1_000_000_000)
    async with (
        webhooks.listen("/loft", port=0, options=options) as inbox,
        calling(inbox.url) as caller,
    ):
        caller.write(head)
        reading = asyncio.create_task(caller.read())
        while not (reading.done() or caller.writer.is_closing()):
            caller.write(b"1\r\nc\r\n")
            await asyncio.sleep(0)
        told = await reading

    assert told[:13] in (b"HTTP/1.1 408 ", b"")  # it may be lost, as we were still talking


async def test_a_connection_on_which_nothing_comes_is_ended(webhooks: Webhooks) -> None:
    """Without a word: nothing was asked."""
    async with (
        webhooks.listen("/loft", port=0, options=HASTY) as inbox,
        calling(inbox.url) as caller,
    ):
        told = await caller.read()

    assert told == b""


async def test_a_second_request_has_the_same_limit(webhooks: Webhooks) -> None:
    """A connection that is kept has to send its next request in time, too."""
    async with (
        webhooks.listen("/loft", port=0, options=HASTY) as inbox,
        calling(inbox.url) as caller,
    ):
        caller.write(post(inbox.url, b"coo"))
        (request,) = await anext(inbox)
        request.answer()
        status = await caller.status()
        caller.write(b"POST /lo")
        told = await caller.read()

    assert status == 200
    assert told.startswith(b"HTTP/1.1 408 ")


async def test_what_waits_for_its_answer_has_arrived(webhooks: Webhooks) -> None:
    """The time for reading ends with the last byte, not with the answer."""
    async with (
        webhooks.listen("/loft", port=0, options=HASTY) as inbox,
        calling(inbox.url) as caller,
        calling(inbox.url) as silent,
    ):
        caller.write(post(inbox.url, b"coo"))
        (request,) = await anext(inbox)
        await silent.read()  # its time is over, and the caller's would be
        async with calling(inbox.url) as later:
            await later.read()
        request.answer()
        status = await caller.status()

    assert status == 200


async def test_a_crowd_is_told_to_come_again(webhooks: Webhooks) -> None:
    """More connections than may be are answered with 503, and twice as many with nothing."""
    options = ServerOptions(connections=3)
    async with (
        webhooks.listen("/loft", port=0, options=options) as inbox,
        AsyncExitStack() as callers,
    ):
        crowd = [await callers.enter_async_context(calling(inbox.url)) for _ in range(3)]
        statuses = []
        crowd[0].write(post("http://x/nowhere"))
        statuses.append(await crowd[0].status())
        crowd += [await callers.enter_async_context(calling(inbox.url)) for _ in range(4)]
        told = await crowd[6].read()
        for number in (5, 4, 3, 2):
            crowd[number].write(post("http://x/nowhere"))
            statuses.append(await crowd[number].status())
            if number > 2:  # who is refused is sent away
                await crowd[number].read()

    assert told == b""
    assert statuses == [404, 503, 503, 503, 404]


async def test_who_asks_whether_to_go_on_is_told_to(webhooks: Webhooks) -> None:
    """`Expect: 100-continue` works, as curl sends it with long bodies."""
    async with webhooks.listen("/loft", port=0) as inbox, calling(inbox.url) as caller:
        caller.write(post(inbox.url, b"", "Expect: 100-continue", length=3))
        interim = await caller.reader.readuntil(b"\r\n\r\n")
        caller.write(b"coo")
        (request,) = await anext(inbox)

    assert interim.startswith(b"HTTP/1.1 100 ")
    assert request.body == b"coo"


@pytest.mark.parametrize(
    ("trusted", "sender"),
    [((), "127.0.0.1"), (("10.0.0.0/8",), "127.0.0.1"), (("127.0.0.1",), "203.0.113.7")],
)
async def test_a_proxy_is_believed_if_it_is_trusted(
    webhooks: Webhooks, trusted: tuple[str, ...], sender: str
) -> None:
    """Anybody can say whom a request comes from; only who is named is believed."""
    options = ServerOptions(trusted_proxies=trusted)
    async with (
        webhooks.listen("/loft", port=0, options=options) as inbox,
        calling(inbox.url) as caller,
    ):
        caller.write(post(inbox.url, b"coo", "X-Forwarded-For: 203.0.113.7"))
        (request,) = await anext(inbox)

    assert request.sender == sender


async def test_channels_share_a_port(webhooks: Webhooks, others: Webhooks) -> None:
    """Each has its path, and the last one that leaves closes the port."""
    async with others.listen("/nest", port=0) as nest:
        port = port_of(nest.url)
        async with webhooks.listen("/loft", port=port) as loft:
            network(loft, b"coo")
            network(nest, b"hoot")
            heard = [(await anext(loft))[0].body, (await anext(nest))[0].body]
        was_open = await is_open(nest.url)

    assert heard == [b"coo", b"hoot"]
    assert was_open
    assert not await is_open(nest.url)


async def test_what_arrives_when_the_channel_has_gone(
    webhooks: Webhooks, others: Webhooks
) -> None:
    """A body that was begun while it was there is answered with 503 when it is complete."""
    async with (
        asyncio.timeout(5),
        others.listen("/nest", port=0) as nest,
        calling(nest.url) as caller,
    ):
        async with webhooks.listen("/loft", port=port_of(nest.url)) as loft:
            caller.write(post(loft.url, b"", "Expect: 100-continue", length=3))
            await caller.reader.readuntil(b"\r\n\r\n")
        caller.write(b"coo")
        status = await caller.status()

    assert status == 503


async def test_a_path_belongs_to_one_channel(webhooks: Webhooks, others: Webhooks) -> None:
    """The second one is told so, and the first one keeps it."""
    async with others.listen("/nest", port=0) as nest:
        port = port_of(nest.url)
        with pytest.raises(Unreachable, match=f"127.0.0.1:{port}/nest: another channel has"):
            async with webhooks.listen("/nest", port=port):
                pass
        network(nest, b"hoot")
        batch = await anext(nest)

    assert [request.body for request in batch] == [b"hoot"]


async def test_who_shares_a_port_has_to_agree(webhooks: Webhooks, others: Webhooks) -> None:
    """One port has one set of limits."""
    async with others.listen("/nest", port=0) as nest:
        with pytest.raises(Unreachable, match="share this port and want other options"):
            async with webhooks.listen("/loft", port=port_of(nest.url), options=HASTY):
                pass


@pytest.mark.parametrize("steps", range(10))
async def test_a_start_that_is_cancelled_leaves_nothing(webhooks: Webhooks, steps: int) -> None:
    """Wherever it is cancelled, the port is free again."""
    async with webhooks.listen("/loft", port=0) as inbox:
        port = port_of(inbox.url)

    async def start() -> None:
        async with webhooks.listen("/loft", port=port):
            await asyncio.Event().wait()

    starting = asyncio.create_task(start())
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert not await is_open(inbox.url)


@pytest.mark.parametrize(
    ("host", "port"), [("203.0.113.7", 0), ("127.0.0.1", 70000), ("nobody.invalid", 0)]
)
async def test_an_address_that_is_not_to_be_had(
    webhooks: Webhooks, host: str, port: int
) -> None:
    """The error says where, why, and what to do."""
    with pytest.raises(Unreachable, match=f"cannot listen on {host}:{port}/loft: .*; choose"):
        async with webhooks.listen("/loft", port=port, host=host):
            pass


async def test_a_port_that_somebody_else_has(webhooks: Webhooks) -> None:
    """Who has ports of its own finds it taken, and the secret in the path is not told."""
    stranger = Webhooks(
        "owl", clock=ManualClock(), redact=lambda text: text.replace("swordfish", "***")
    )
    async with webhooks.listen("/loft", port=0) as inbox:
        with pytest.raises(Unreachable, match=r"/\*\*\*: .* in use; choose another") as caught:
            async with stranger.listen("/swordfish", port=port_of(inbox.url)):
                pass

    assert caught.value.__cause__ is None


async def test_a_path_begins_with_a_stroke(webhooks: Webhooks) -> None:
    """What could never be asked for is a mistake of the channel's."""
    with pytest.raises(ValueError, match="begins with '/', got 'loft'"):
        async with webhooks.listen("loft", port=0):
            pass


async def test_the_same_port_again_and_again(webhooks: Webhooks) -> None:
    """A port is free at once, also with connections that were just open."""
    port = 0
    for _ in range(3):
        async with webhooks.listen("/loft", port=port) as inbox:
            port = port_of(inbox.url)
            (call,) = network(inbox, b"coo")
            (request,) = await anext(inbox)
            request.answer()
            assert (await call).status_code == 200


async def test_channels_that_start_at_once_open_a_port_once(
    webhooks: Webhooks, others: Webhooks
) -> None:
    """The second waits until the first has opened it, and joins."""
    async with webhooks.listen("/", port=0) as inbox:
        port = port_of(inbox.url)

    async def receive(which: Webhooks, path: str) -> bytes:
        async with which.listen(path, port=port) as inbox:
            network(inbox, path.encode())
            return (await anext(inbox))[0].body

    heard = await asyncio.gather(receive(webhooks, "/loft"), receive(others, "/nest"))

    assert list(heard) == [b"/loft", b"/nest"]


async def test_nothing_is_left_behind(webhooks: Webhooks) -> None:
    """When the block is left, there is no task, no connection and no listener."""
    before = asyncio.all_tasks()
    options = ServerOptions(stop_s=1000)
    async with asyncio.timeout(5), AsyncExitStack() as callers:
        async with webhooks.listen("/loft", port=0, options=options) as inbox:
            idle = await callers.enter_async_context(calling(inbox.url))
            slow = await callers.enter_async_context(calling(inbox.url))
            waiting = await callers.enter_async_context(calling(inbox.url))
            slow.write(post(inbox.url, b"co", length=3))
            waiting.write(post(inbox.url, b"coo"))
            await anext(inbox)
        tasks = asyncio.all_tasks()
        status = await waiting.status()
        told = [await one.read() for one in (idle, slow, waiting)]

    assert tasks == before
    assert status == 503
    assert told == [b""] * 3
    assert not await is_open(inbox.url)


async def test_who_does_not_read_holds_up_no_stop(webhooks: Webhooks) -> None:
    """An answer that nobody takes is given up after a while."""
    async with asyncio.timeout(5), AsyncExitStack() as callers:
        async with webhooks.listen("/loft", port=0, options=HASTY) as inbox:
            caller = await callers.enter_async_context(calling(inbox.url))
            caller.read_no_more()
            caller.write(post(inbox.url, b"coo"))
            (request,) = await anext(inbox)
            request.answer(200, b"c" * 30_000_000)
        was_open = await is_open(inbox.url)

    assert not was_open


async def test_a_stop_that_is_cancelled_leaves_nothing_either(webhooks: Webhooks) -> None:
    """Who cannot wait for the last answers cuts them off."""
    before = asyncio.all_tasks()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def receive() -> None:
        options = ServerOptions(stop_s=1000)
        async with webhooks.listen("/loft", port=0, options=options) as inbox:
            url.set_result(inbox.url)
            (request,) = await anext(inbox)
            request.answer(200, b"c" * 30_000_000)

    receiving = asyncio.create_task(receive())
    async with asyncio.timeout(5), calling(await url) as caller:
        caller.read_no_more()
        caller.write(post(await url, b"coo"))
        while await is_open(await url):
            pass  # the listener goes first
        was_done = receiving.done()
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving
        tasks = asyncio.all_tasks()

    assert (was_done, tasks) == (False, before)


async def test_a_context_brings_channels_to_one_port() -> None:
    """Plugins of one session share what is open; one without a session has its own."""
    ports = Ports()
    pigeon, owl = (_context(name, lambda: ports) for name in ("pigeon", "owl"))
    alone = _context("crow", None)
    async with pigeon.webhooks.listen("/loft", port=0) as loft:
        port = port_of(loft.url)
        async with owl.webhooks.listen("/nest", port=port) as nest:
            network(nest, b"hoot")
            batch = await anext(nest)
        with pytest.raises(Unreachable, match="crow: receive: cannot listen on"):
            async with alone.webhooks.listen("/tree", port=port):
                pass

    assert [request.body for request in batch] == [b"hoot"]
    assert pigeon.webhooks is pigeon.webhooks


def _context(name: str, ports: Callable[[], Ports] | None) -> Context:
    return Context(
        name=name,
        log=logging.getLogger(f"cobot.{name}"),
        clock=ManualClock(),
        random=Random(1),
        workspace=Path,
        in_thread=ThreadPool(name, 1).run,
        ports=ports,
    )


async def test_signals_and_loggers_are_left_alone(webhooks: Webhooks) -> None:
    """A server in somebody's process is a guest there."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    loggers = _loggers()

    async with webhooks.listen("/loft", port=0) as inbox:
        await posted(inbox.url.replace("/loft", "/nowhere"))
        during = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
        loggers_during = _loggers()

    assert during == before
    assert loggers_during == loggers


def _loggers() -> list[tuple[object, ...]]:
    names = ("", "uvicorn", "uvicorn.access", "uvicorn.error")
    loggers = map(logging.getLogger, names)
    return [(one.handlers[:], one.level, one.propagate, one.disabled) for one in loggers]


def test_a_channel_that_polls_loads_no_server() -> None:
    """What webhooks need is imported when they are first asked for."""
    program = (
        "import sys, cobot.net\n"
        "assert 'uvicorn' not in sys.modules\n"
        "cobot.net.Webhooks\n"
        "assert 'uvicorn' in sys.modules\n"
    )

    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert told.stderr == ""
