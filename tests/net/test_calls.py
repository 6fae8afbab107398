from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest

from cobot import __version__
from cobot.errors import DeliveryUnknown, Rejected, Unreachable
from cobot.net import Http, TimeLimits
from cobot.net.exchange import ANSWER_BYTES
from net.servers import Peer, always, answer, once, serve

CHUNKS = b'2\r\n{"\r\n6\r\na": 1}\r\n0\r\n\r\n'


async def test_json_is_posted_and_answered(http: Http) -> None:
    """A small call is one POST with a length, and the answer has status, headers and JSON."""
    async with serve(always(answer(b'{"id": 7}', loft="north"))) as server:
        told = await http.call("send", f"{server.url}/fly", {"text": "hé 😀"})

    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/fly")
    assert request.json == {"text": "hé 😀"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["user-agent"] == f"cobot/{__version__}"
    assert (told.status, told.headers["Loft"], told.json()) == (200, "north", {"id": 7})


async def test_without_a_body_it_is_a_get(http: Http) -> None:
    """A call that sends nothing is a GET, and says nothing of a body."""
    async with serve(always(answer())) as server:
        await http.call("receive", f"{server.url}/new?from=7&name=a%20b")

    (request,) = server.requests
    assert (request.method, request.target, request.body) == (
        "GET",
        "/new?from=7&name=a%20b",
        b"",
    )
    assert "content-type" not in request.headers


async def test_an_address_is_sent_as_it_is(http: Http) -> None:
    """An address may be signed: no percent sign is put in or taken away."""
    target = "/a%2Fb%41/+~c?sig=%2f%41+b/=&x=%E2%82%AC"
    async with serve(always(answer())) as server:
        await http.call("send", server.url + target, {})
        await http.download("media", server.url + target, most_bytes=9)

    assert [request.target for request in server.requests] == [target, target]


async def test_methods_forms_and_headers_are_as_asked(http: Http) -> None:
    """The caller says the method, sends form fields, and adds headers made beforehand."""
    ready = http.headers({"Authorization": "Bird abc", "User-Agent": "own"})
    async with serve(always(answer())) as server:
        await http.call("edit", server.url, form={"a": "1&2"}, method="PATCH", headers=ready)
        await http.call("delete", server.url, method="DELETE", headers={"X-Loft": "north"})

    patch, delete = server.requests
    assert (patch.method, patch.body) == ("PATCH", b"a=1%262")
    assert patch.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (patch.headers["authorization"], patch.headers["user-agent"]) == ("Bird abc", "own")
    assert (delete.method, delete.headers["x-loft"]) == ("DELETE", "north")
    assert delete.headers["content-length"] == "0"


async def test_an_empty_json_value_is_sent(http: Http) -> None:
    """An empty object is a body, too."""
    async with serve(always(answer())) as server:
        await http.call("send", server.url, {})

    assert server.requests[0].body == b"{}"


async def test_connections_are_kept(http: Http) -> None:
    """One call after another uses one connection."""
    async with serve(always(answer())) as server:
        for _ in range(3):
            await http.call("send", server.url, {})

        assert server.connections == 1


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
        b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}',
        b'HTTP/1.0 200 OK\r\nServer: old\r\n\r\n{"a": 1}',
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b'{"a": 1}'),
    ],
    ids=["chunked", "until the end", "HTTP/1.0", "early hints"],
)
async def test_answers_come_in_many_forms(http: Http, wire: bytes) -> None:
    """However an answer tells where it ends, all of it is read and nothing else."""
    async with serve(once(wire)) as server:
        told = await http.call("send", server.url, {})

    assert told.json() == {"a": 1}


async def test_an_answer_comes_byte_by_byte(http: Http) -> None:
    """It does not matter how the network cuts an answer."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        for byte in answer(b'{"a": 1}'):
            await peer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with serve(behave) as server:
        told = await http.call("send", server.url, {})

    assert told.json() == {"a": 1}


async def test_a_packed_answer_is_unpacked(http: Http) -> None:
    """A server that packs although it was asked not to is understood all the same."""
    packed = gzip.compress(b'{"a": 1}')
    async with serve(always(answer(packed, content_encoding="gzip"))) as server:
        told = await http.call("send", server.url, {})

    assert told.json() == {"a": 1}
    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_what_says_it_is_packed_and_is_not_is_told(http: Http) -> None:
    """An answer that cannot be unpacked leaves open what happened."""
    async with serve(always(answer(b"{}", content_encoding="gzip"))) as server:
        with pytest.raises(DeliveryUnknown, match="broke off"):
            await http.call("send", server.url, {})


async def test_an_endless_answer_is_not_read(http: Http) -> None:
    """Nobody fills our memory with an answer, packed or not."""
    packed = gzip.compress(bytes(ANSWER_BYTES + 1))
    async with serve(always(answer(packed, content_encoding="gzip"))) as server:
        with pytest.raises(DeliveryUnknown, match=f"longer than {ANSWER_BYTES} bytes"):
            await http.call("send", server.url, {})

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.write(bytes(100_000))

    async with serve(behave) as server:
        with pytest.raises(DeliveryUnknown, match=f"longer than {ANSWER_BYTES} bytes"):
            await http.call("send", server.url, {})
        await server.until_open(0)


async def test_redirects_are_not_followed(http: Http) -> None:
    """A call goes where it was sent and nowhere else; its token with it."""
    async with serve(always(answer(status="302 Found", location="http://127.0.0.1:1/"))) as one:
        told = await http.call("send", one.url, {})

    assert (told.status, told.headers["location"]) == (302, "http://127.0.0.1:1/")


async def test_cookies_are_not_kept(http: Http) -> None:
    """What one call brought back is not sent with the next."""
    async with serve(always(answer(set_cookie="crumb=1"))) as server:
        for _ in range(2):
            await http.call("send", server.url, {})

    assert "cookie" not in server.requests[1].headers


async def test_what_is_no_json_is_rejected_before_anything_is_sent(http: Http) -> None:
    """A value that JSON cannot say is never sent, and never tried again."""
    async with serve(always(answer())) as server:
        with pytest.raises(Rejected, match="cannot be written as JSON"):
            await http.call("send", server.url, {"x": object()})

    assert server.requests == []


@pytest.mark.parametrize(
    "url", ["", "fly", "ftp://loft.test/", "http://", "http://[::1", "http:///x"]
)
async def test_what_is_no_address_is_unreachable(http: Http, url: str) -> None:
    """A misspelt base address fails with a sentence, which does not quote it."""
    with pytest.raises(Unreachable, match=r"pigeon: send: .* no http or https address$"):
        await http.call("send", url, {})


async def test_more_addresses_than_are_kept_work(http: Http) -> None:
    """Addresses that differ each time do not add up."""
    async with serve(always(answer())) as server:
        for number in range(1100):
            await http.call("send", f"{server.url}/{number}")

        assert server.connections == 1
    assert len(http._addresses) == 1024


async def test_any_transport_fits_into_the_slot() -> None:
    """A transport that is given does all requests, with httpx's own objects."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"id": 7}, headers={"Retry-After": "3"})

    async with Http("pigeon", transport=httpx.MockTransport(handle)) as http:
        told = await http.call("send", "https://loft.test/fly", {"a": 1})

    assert (told.status, told.json(), told.retry_after_s) == (201, {"id": 7}, 3.0)
    assert (seen[0].content, seen[0].headers["content-length"]) == (b'{"a":1}', "7")


async def test_httpx_own_transport_fits_into_the_slot() -> None:
    """The slot has no favourite: httpx's own transport works with bodies and without."""
    async with (
        serve(always(answer(b'{"id": 7}'))) as server,
        Http("pigeon", transport=httpx.AsyncHTTPTransport()) as http,
    ):
        with_body = await http.call("send", server.url, {"a": 1})
        without = await http.call("send", server.url)

    assert with_body.json() == without.json() == {"id": 7}
    assert [request.body for request in server.requests] == [b'{"a":1}', b""]


async def test_a_cancelled_call_leaves_nothing_behind(http: Http) -> None:
    """Whoever stops waiting has the connection closed, not put back half used."""
    arrived = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.read()
        arrived.set()
        await peer.reader.read()

    async with serve(behave) as server:
        call = asyncio.create_task(http.call("send", server.url, {}))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        await server.until_open(0)


async def test_limits_of_time_are_told_apart(http: Http) -> None:
    """An answer that is late is unknown; the text says whose and how late."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        await peer.reader.read()

    async with serve(behave) as server:
        detail = rf"^pigeon: send: no answer from 127.0.0.1:{server.port} within 0.05 s$"
        with pytest.raises(DeliveryUnknown, match=detail):
            await http.call("send", server.url, {}, limits=TimeLimits(total_s=0.05))
        await server.until_open(0)
