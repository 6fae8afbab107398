"""The HTTP server under the fake networks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from networks import forms
from networks.forms import Malformed
from networks.web import Exchange, Head, Request, Response, Server

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that answers with the path and body of what it was asked."""

    def echo(exchange: Exchange) -> None:
        request = exchange.request
        exchange.answer(Response(body=request.path.encode() + b" " + request.body))

    server = Server(echo, body_bytes=1000)
    await server.listen()
    yield server
    await server.close()


async def talk(server: Server, *parts: bytes, answers: int = 1) -> list[bytes]:
    """Write parts, each by itself; return the bodies of the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    bodies = []
    for part in parts:
        writer.write(part)
        await writer.drain()
    for _ in range(answers):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
        )
        bodies.append(await reader.readexactly(int(length.split(b":")[1])))
    writer.close()
    await writer.wait_closed()
    return bodies


async def test_requests_of_one_connection_are_answered_in_order(server: Server) -> None:
    """A connection stays open, and what is asked ahead of an answer waits its turn."""
    second = b"GET /b HTTP/1.1\r\n\r\n"

    assert await talk(server, GET + second, GET, answers=3) == [b"/a ", b"/b ", b"/a "]


async def test_a_request_may_come_in_pieces(server: Server) -> None:
    """Where the network cuts a request does not matter."""
    whole = b"POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"

    assert await talk(server, *(bytes([byte]) for byte in whole)) == [b"/p abc"]


async def test_a_chunked_body_is_joined(server: Server) -> None:
    """The chunks' lengths and trailers are no part of the body."""
    head = b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"3\r\nabc\r\n2;x=y\r\n\r\n\r\n0\r\nTrailer: 1\r\n\r\n"

    bodies = await talk(server, head, *(bytes([byte]) for byte in body), GET, answers=2)

    assert bodies == [b"/p abc\r\n", b"/a "]


async def test_a_client_that_asks_may_send_its_body(server: Server) -> None:
    """A client that waits for leave to send its body gets it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /p HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")

    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_is_too_large_is_read_and_refused(server: Server) -> None:
    """The client sees its 413 and can use the connection again."""
    large = b"POST /p HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001

    assert await talk(server, large, GET, answers=2) == [b"", b"/a "]


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
    ],
)
async def test_what_is_not_http_is_refused(server: Server, head: bytes) -> None:
    """The connection is closed after a 400."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head)

    assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()
    await writer.wait_closed()


async def test_what_is_not_admitted_is_reset() -> None:
    """A request can be reset before its body is read."""

    def admit(head: Head) -> bool:
        return head.path != "/a"

    server = Server(lambda exchange: None, admit=admit)
    await server.listen()

    with pytest.raises(ConnectionResetError):
        await talk(server, GET)
    await server.close()


async def test_a_server_that_refuses_can_listen_again_where_it_was(server: Server) -> None:
    """Between `refuse` and `listen` nobody can connect; after it everybody can."""
    port = server.port
    server.refuse()
    with pytest.raises(ConnectionRefusedError):
        await talk(server, GET)

    await server.listen()

    assert server.port == port
    assert await talk(server, GET) == [b"/a "]


async def test_an_answer_to_a_client_that_has_gone_is_dropped() -> None:
    """Who holds an exchange is told that the client has gone, and may answer all the same."""
    held: asyncio.Queue[Exchange] = asyncio.Queue()
    gone = asyncio.Event()

    def hold(exchange: Exchange) -> None:
        exchange.on_gone = gone.set
        held.put_nowait(exchange)

    server = Server(hold)
    await server.listen()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(GET)
    exchange = await held.get()
    writer.close()
    await writer.wait_closed()
    await gone.wait()

    exchange.answer(Response())

    assert exchange.is_over
    await server.close()


def form(body: bytes, content_type: str, query: str = "") -> forms.Form:
    """Read a form."""
    return forms.parse(Request("POST", "/", query, {"content-type": content_type}, body))


def test_a_form_is_read_in_all_its_forms() -> None:
    """Query, urlencoded, JSON and multipart say the same."""
    multipart = (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1 \xc3\xa9\r\n--B--\r\n'
    )

    read = [
        form(b"", "", "a=1+%C3%A9"),
        form(b"a=1+%C3%A9", "application/x-www-form-urlencoded; charset=utf-8"),
        form('{"a": "1 é"}'.encode(), "application/json"),
        form(multipart, "multipart/form-data; boundary=B"),
    ]

    assert [one.values for one in read] == [{"a": "1 é"}] * 4


def test_what_a_body_says_wins_over_the_query() -> None:
    """A parameter that is given twice has the body's value."""
    assert form(b"a=body", "application/x-www-form-urlencoded", "a=query&b=2").values == {
        "a": "body",
        "b": "2",
    }


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'filename="a;b.txt"', "a;b.txt"),
        (b'filename="a\\"b.txt"', 'a"b.txt'),
        (b'filename="a%22b.txt"', 'a"b.txt'),
        (b"filename*=utf-8''%C3%A9.txt", "é.txt"),
        ('filename="é.txt"'.encode(), "é.txt"),
    ],
)
def test_a_file_keeps_its_name_and_every_byte(disposition: bytes, name: str) -> None:
    """Line ends, boundaries' beginnings and zeros in a file are part of it."""
    content = b"\r\n--\r\n\0--Bx\r\n"
    body = (
        b"--B\r\nContent-Type: text/x\r\nContent-Disposition: form-data; "
        b'name="f"; ' + disposition + b"\r\n\r\n" + content + b"\r\n--B--\r\n"
    )

    upload = form(body.replace(b"--Bx", b"-Bx"), 'multipart/form-data; boundary="B"').files["f"]

    assert (upload.name, upload.content_type) == (name, "text/x")
    assert upload.content == content.replace(b"--Bx", b"-Bx")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"a=\xff", "application/x-www-form-urlencoded"),
        (b"x", "multipart/form-data"),
        (b"--B\r\n\r\nx", "multipart/form-data; boundary=B"),
        (b"--B\r\nx\r\n--B--", "multipart/form-data; boundary=B"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_malformed(body: bytes, content_type: str) -> None:
    """It is told from an empty one."""
    with pytest.raises(Malformed):
        form(body, content_type)
