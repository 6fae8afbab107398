from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import httpx
import pytest

from cobot.errors import ChannelError, DeliveryUnknown, Unreachable
from cobot.net import Http, TimeLimits, raw
from cobot.net.failures import failure_of
from net.certificates import Authority
from net.servers import Behaviour, Peer, always, answer, hang, once, serve

SOON = TimeLimits(connect_s=0.05, total_s=0.2)


def nobody() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


async def test_a_refused_connection_is_unreachable(http: Http) -> None:
    """Where nobody listens nothing can have happened, and the text says who and why."""
    url = nobody()

    with pytest.raises(Unreachable) as caught:
        await http.call("send", url, {})

    where = url.removeprefix("http://")
    assert str(caught.value) == f"pigeon: send: cannot connect to {where}: Connection refused"
    assert (caught.value.channel_type, caught.value.operation) == ("pigeon", "send")


async def test_a_name_that_nobody_has_is_unreachable(http: Http) -> None:
    """A name without an address means that nothing happened."""
    with pytest.raises(Unreachable, match=r"cannot connect to nobody.invalid"):
        await http.call("send", "http://nobody.invalid/", {})


async def test_a_strange_certificate_is_unreachable(http: Http, authority: Authority) -> None:
    """What we say is not told to somebody who cannot prove who he is."""
    async with serve(always(answer()), tls=authority.server()) as server:
        with pytest.raises(Unreachable, match=r"certificate not accepted: .*certificate"):
            await http.call("send", f"https://localhost:{server.port}", {})

    assert server.requests == []


async def test_another_name_in_the_certificate_is_unreachable(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate for somebody else is no proof either."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with (
        serve(always(answer()), tls=authority.server("loft.test")) as server,
        Http("pigeon") as http,
    ):
        with pytest.raises(Unreachable, match="Hostname mismatch"):
            await http.call("send", f"https://localhost:{server.port}", {})

    assert server.requests == []


async def test_a_server_without_tls_is_unreachable(http: Http) -> None:
    """Nothing is told to a server that does not speak TLS where it should."""

    async def behave(peer: Peer) -> None:
        await peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.reader.read()

    async with serve(behave) as server:
        with pytest.raises(Unreachable, match=r"cannot connect to .*: TLS: "):
            await http.call("send", f"https://localhost:{server.port}", {})


async def test_a_connection_that_takes_too_long_is_unreachable(http: Http) -> None:
    """As long as there is no connection nothing is sent."""

    async def behave(peer: Peer) -> None:
        await peer.reader.read()  # it takes the greeting of TLS, and says nothing

    async with serve(behave) as server:
        with pytest.raises(Unreachable, match=r"no connection to localhost.* in time"):
            await http.call("send", f"https://localhost:{server.port}", {}, limits=SOON)
        await server.until_open(0)


async def test_no_free_connection_is_unreachable() -> None:
    """Who waits for a connection in vain has sent nothing."""
    async with serve(hang) as server, Http("pigeon", connections=1) as http:
        first = asyncio.create_task(http.call("send", server.url, {}))
        await server.until_open(1)
        with pytest.raises(Unreachable, match=r"no connection to .* in time"):
            await http.call("send", server.url, {}, limits=SOON)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

        assert server.connections == 1


async def close_at_once(peer: Peer) -> None:
    """Read nothing, and close."""


async def reset_at_once(peer: Peer) -> None:
    """Read nothing, and break off."""
    peer.reset()


async def close_unanswered(peer: Peer) -> None:
    """Read the request, and close."""
    await peer.read()


async def reset_unanswered(peer: Peer) -> None:
    """Read the request, and break off."""
    await peer.read()
    peer.reset()


def then_reset(response: bytes) -> Behaviour:
    """Answer, and break off."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(response)
        peer.reset()

    return behave


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

BROKEN: dict[str, Behaviour] = {
    "closed before it was read": close_at_once,
    "reset before it was read": reset_at_once,
    "closed after it was read": close_unanswered,
    "reset after it was read": reset_unanswered,
    "closed in the first line": once(b"HTTP/1.1 20"),
    "closed in the headers": once(HEAD + b"Content-Le"),
    "closed in the body": once(HEAD + b"Content-Length: 5\r\n\r\nab"),
    "closed before the body": once(HEAD + b"Content-Length: 5\r\n\r\n"),
    "reset in the body": then_reset(HEAD + b"Content-Length: 5\r\n\r\nab"),
    "closed in a chunk": once(CHUNKED + b"5\r\nab"),
    "closed between chunks": once(CHUNKED + b"2\r\nab\r\n"),
    "closed before the last chunk ended": once(CHUNKED + b"2\r\nab\r\n0\r\n"),
    "chunks of no length": once(CHUNKED + b"zz\r\nab\r\n0\r\n\r\n"),
    "no HTTP": once(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no status": once(b"HTTP/1.1 fine\r\n\r\n"),
    "a length that is none": once(HEAD + b"Content-Length: -5\r\n\r\nabcde"),
    "two lengths": once(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    "a length and chunks": once(
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    ),
    "a header without end": once(HEAD + b"X: " + b"x" * 200_000),
    "headers without end": once(HEAD + b"X: y\r\n" * 5_000 + b"\r\n"),
    "zeros": once(bytes(1000)),
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
async def test_whatever_breaks_after_sending_is_unknown(
    http: Http, behaviour: Behaviour
) -> None:
    """Once a request may have been read nobody knows; it is not sent again by itself."""
    async with serve(behaviour) as server:
        with pytest.raises(DeliveryUnknown):
            await http.call("send", server.url, {}, limits=TimeLimits(total_s=5))

        assert server.connections == 1
        await server.until_open(0)


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
async def test_whatever_breaks_is_unreachable_if_it_can_be_repeated(
    http: Http, behaviour: Behaviour
) -> None:
    """What can be asked again without harm is tried twice at most, and then later."""
    async with serve(behaviour) as server:
        with pytest.raises(Unreachable):
            await http.call(
                "edit", server.url, {}, repeatable=True, limits=TimeLimits(total_s=5)
            )

        assert server.connections <= 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_no_method_is_repeated_unasked(http: Http, method: str) -> None:
    """Whether something may be done twice is for the caller to say, not for the method."""
    async with serve(close_unanswered) as server:
        with pytest.raises(DeliveryUnknown):
            await http.call("send", server.url, method=method)

        assert server.connections == 1


async def stale(peer: Peer) -> None:
    """Answer the first request of the first connection, and none after it."""
    await peer.read()
    await peer.answer()
    if peer.number == 0:
        await peer.read()
        return
    while await peer.read():
        await peer.answer()


async def test_a_kept_connection_that_dies_is_replaced_for_what_can_be_repeated(
    http: Http,
) -> None:
    """A server that closes just as we ask again costs a poll nothing."""
    async with serve(stale) as server:
        for _ in range(3):
            told = await http.poll("receive", server.url, {}, wait_s=1)

            assert told.status == 200
        assert server.connections == 2
        assert len(server.requests) == 4


async def test_a_kept_connection_that_dies_leaves_a_send_unknown(http: Http) -> None:
    """The same for a send is for the session to settle: it may have been read."""
    async with serve(stale) as server:
        await http.call("send", server.url, {})
        with pytest.raises(DeliveryUnknown, match="closed the connection before it answered"):
            await http.call("send", server.url, {})

        assert len(server.requests) == 2


async def test_connections_that_were_closed_meanwhile_are_not_used(http: Http) -> None:
    """However often a server closes after its answer, each poll is answered."""
    async with serve(once(answer())) as server:
        for _ in range(20):
            told = await http.poll("receive", server.url, {}, wait_s=1)
            await server.until_open(0)

            assert told.status == 200


async def test_a_poll_without_an_answer_is_unreachable(http: Http) -> None:
    """A poll has lost nothing: the same will be told to the next."""
    async with serve(close_unanswered) as server:
        with pytest.raises(Unreachable, match=r"pigeon: receive: .* closed the connection"):
            await http.poll("receive", server.url, {}, wait_s=1)


async def test_a_late_poll_is_unreachable(http: Http) -> None:
    """A poll whose answer does not come has lost nothing either."""
    limits = TimeLimits(total_s=0.05)
    async with serve(hang) as server:
        with pytest.raises(Unreachable, match=r"no answer from .* within 0\.05 s"):
            await http.call(
                "receive", server.url, {}, limits=limits, repeatable=True, purpose="polls"
            )


@pytest.mark.parametrize(
    ("error", "is_harmless"),
    [
        (httpx.ConnectError, True),
        (httpx.ConnectTimeout, True),
        (httpx.PoolTimeout, True),
        (httpx.ProxyError, True),
        (httpx.UnsupportedProtocol, True),
        (httpx.ReadTimeout, False),
        (httpx.WriteTimeout, False),
        (httpx.ReadError, False),
        (httpx.WriteError, False),
        (httpx.CloseError, False),
        (httpx.RemoteProtocolError, False),
        (httpx.LocalProtocolError, False),
        (httpx.DecodingError, False),
        (RuntimeError, False),
    ],
)
def test_exceptions_mean_what_their_names_say(
    error: Callable[[str], Exception], is_harmless: bool
) -> None:
    """Any transport's exceptions are understood; what is not known is no proof of anything."""
    failure = failure_of(error("with a secret"), "loft.test", has_answer=False)

    assert failure.is_harmless == is_harmless
    assert "secret" not in failure.detail


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.PoolTimeout, httpx.ReadError])
def test_with_an_answer_nothing_is_harmless(error: Callable[[str], Exception]) -> None:
    """Once an answer began the request was read, whatever the exception is called."""
    failure = failure_of(error(""), "loft.test", has_answer=True)

    assert not failure.is_harmless
    assert failure.detail == "the answer of loft.test broke off"


async def test_after_closing_nothing_is_asked(http: Http) -> None:
    """A closed client says so, before anything happens."""
    async with serve(always(answer())) as server:
        await http.call("send", server.url, {})
        await http.aclose()
        with pytest.raises(Unreachable, match="closed"):
            await http.call("send", server.url, {})

        assert http.closed
        assert len(server.requests) == 1
        await server.until_open(0)


async def test_closing_ends_what_is_under_way() -> None:
    """Who waits for an answer is told it is unknown, who waits for a connection nothing."""
    async with serve(hang) as server:
        http = Http("pigeon", connections=1)
        asked = asyncio.create_task(http.call("send", server.url, {}))
        await server.until_open(1)
        waiting = asyncio.create_task(http.call("send", server.url, {}))
        await asyncio.sleep(0)
        await http.aclose()
        outcomes = await asyncio.gather(asked, waiting, return_exceptions=True)

        assert [type(one) for one in outcomes] == [DeliveryUnknown, Unreachable]
        await server.until_open(0)


@pytest.mark.parametrize("is_secure", [False, True])
async def test_closing_does_not_wait_for_who_takes_nothing(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, is_secure: bool
) -> None:
    """A server that reads nothing of a large body does not keep a client from closing."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    began = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.read_head()
        began.set()
        await asyncio.get_running_loop().create_future()

    async with serve(behave, tls=authority.server() if is_secure else None) as server:
        http = Http("pigeon")
        body = raw(bytes(50_000_000), "image/png")
        url = f"{server.scheme}://localhost:{server.port}"
        upload = asyncio.create_task(http.upload("media", url, body))
        await began.wait()
        async with asyncio.timeout(5):
            await http.aclose()
            with pytest.raises(Unreachable):
                await upload


async def test_closing_leaves_no_task_and_no_timer() -> None:
    """After closing the loop has nothing of ours any more."""
    async with serve(always(answer())) as server:
        async with Http("pigeon") as http:
            await http.call("send", server.url, {})
            await http.poll("receive", server.url, wait_s=100)
        await server.until_open(0)

    assert asyncio.all_tasks() == {asyncio.current_task()}
    timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    assert [timer for timer in timers if not timer.cancelled()] == []


async def test_a_channel_error_can_be_caught_as_one(http: Http) -> None:
    """Whatever goes wrong at the network is one kind of error to the session."""
    with pytest.raises(ChannelError):
        await http.call("send", nobody(), {})
