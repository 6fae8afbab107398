from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import httpx
import pytest

from cobot.errors import Rejected, Unreachable
from cobot.net import Http, TimeLimits
from net.servers import Peer, always, answer, hang, left_in, once, serve

HERE = ["127.0.0.0/8"]
"""What the tests have to allow, since the internet is not at hand."""

pytestmark = pytest.mark.skipif(
    not socket.gethostbyname("localhost").startswith("127."), reason="localhost is elsewhere"
)


async def test_a_file_is_fetched(http: Http, tmp_path: Path) -> None:
    """What lies on a web server arrives in a file."""
    path = tmp_path / "photo.jpg"
    async with serve(always(answer(b"picture", kind="image/jpeg"))) as server:
        told = await http.fetch(
            "media", f"{server.url}/a?b=c", most_bytes=7, path=path, allow=HERE
        )

    assert (told.status, told.headers["Content-Type"]) == (200, "image/jpeg")
    assert path.read_bytes() == b"picture"
    assert server.requests[0].target == "/a?b=c"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "0",
    ],
)
async def test_nothing_is_fetched_from_ourselves(http: Http, host: str) -> None:
    """However this machine is called, it is not asked."""
    async with serve(always(answer())) as server:
        with pytest.raises((Rejected, Unreachable)) as caught:
            await http.fetch("media", f"http://{host}:{server.port}/", most_bytes=9)

        assert server.connections == 0
    # Some of these are addresses to some systems, and nonsense to others.
    assert re.search(
        "we do not go there|only http and|connect to|ValueError$", str(caught.value)
    )


async def test_a_name_that_stands_for_ourselves_is_rejected(http: Http) -> None:
    """A name is as good as the address that it stands for when we connect."""
    async with serve(always(answer())) as server:
        with pytest.raises(Rejected, match="is not an address on the internet"):
            await http.fetch("media", f"http://localhost:{server.port}/", most_bytes=9)

        assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "photo.jpg",
        "file:///etc/passwd",
        "ftp://loft.test/a",
        "gopher://loft.test/",
        "data:text/plain,hello",
        "http://",
        "http://[::1",
        "http://me:secret@127.0.0.1/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "https://[fe80::1%25lo]/",
    ],
)
async def test_only_the_web_is_fetched_from(http: Http, url: str) -> None:
    """What is no address on the internet is not even tried."""
    with pytest.raises(Rejected) as caught:
        await http.fetch("media", url, most_bytes=9, allow=HERE)

    assert "secret" not in str(caught.value)


def to(where: str, status: str = "302 Found") -> bytes:
    """Return an answer that sends us elsewhere."""
    return answer(b"elsewhere", status, location=where)


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
async def test_a_redirect_is_followed(http: Http, tmp_path: Path, status: str) -> None:
    """A file that has moved is found, and only the file is kept."""

    async def behave(peer: Peer) -> None:
        while (request := await peer.read()) is not None:
            moved = request.target == "/old"
            await peer.write(to("../new", status) if moved else answer(b"file"))

    path = tmp_path / "file"
    async with serve(behave) as server:
        told = await http.fetch(
            "media", f"{server.url}/old", most_bytes=4, path=path, allow=HERE
        )

    assert told.status == 200
    assert path.read_bytes() == b"file"
    assert [request.target for request in server.requests] == ["/old", "/new"]


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:{port}/", "//localhost:{port}/", "http://[::1]:{port}/"]
)
async def test_a_redirect_to_ourselves_is_rejected(http: Http, where: str) -> None:
    """Whoever is allowed may not send us to who is not."""
    async with serve(always(answer())) as inside:
        location = where.format(port=inside.port)
        async with serve(always(to(location)), host="127.0.0.2") as outside:
            with pytest.raises(Rejected, match="is not an address on the internet"):
                await http.fetch("media", outside.url, most_bytes=99, allow=["127.0.0.2/32"])

        assert inside.connections == 0


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "http://a:b@127.0.0.1/", "http://[::1"]
)
async def test_a_redirect_off_the_web_is_rejected(http: Http, where: str) -> None:
    """A redirect leads to the web or nowhere."""
    async with serve(always(to(where))) as server:
        with pytest.raises(Rejected):
            await http.fetch("media", server.url, most_bytes=99, allow=HERE)


async def test_going_in_circles_is_rejected(http: Http) -> None:
    """We are sent elsewhere three times and not a fourth."""
    async with serve(always(to("/again"))) as server:
        with pytest.raises(Rejected, match="elsewhere more than 3 times"):
            await http.fetch("media", server.url, most_bytes=99, allow=HERE)

        assert len(server.requests) == 4


async def test_a_redirect_to_nowhere_is_the_answer(http: Http) -> None:
    """A redirect without a place to go to is told as it is."""
    async with serve(always(answer(status="300 Multiple Choices"))) as server:
        told = await http.fetch("media", server.url, most_bytes=99, allow=HERE)

    assert told.status == 300


async def test_what_is_too_large_is_rejected(http: Http, tmp_path: Path) -> None:
    """The limit holds, and nothing is left of what was fetched."""
    async with serve(once(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1000))) as server:
        with pytest.raises(Rejected, match="too large"):
            await http.fetch(
                "media", server.url, most_bytes=999, path=tmp_path / "file", allow=HERE
            )

    assert left_in(tmp_path) == []


async def test_no_connection_of_a_fetch_is_kept(http: Http) -> None:
    """What one fetch was allowed to connect to is not there for the next."""
    async with serve(always(answer())) as server:
        await http.fetch("media", server.url, most_bytes=9, allow=HERE)
        await server.until_open(0)
        with pytest.raises(Rejected):
            await http.fetch("media", server.url, most_bytes=9)

        assert server.connections == 1


async def test_nothing_secret_is_sent(http: Http) -> None:
    """A stranger learns what we are, and nothing that belongs to the channel."""
    async with serve(always(answer())) as server:
        await http.fetch("media", server.url, most_bytes=9, allow=HERE)

    names = set(server.requests[0].headers)
    assert names == {"host", "accept", "accept-encoding", "user-agent", "connection"}


async def test_all_of_it_has_one_limit(http: Http, tmp_path: Path) -> None:
    """Whoever sends a little now and then does not keep us for ever."""

    async def behave(peer: Peer) -> None:
        await peer.read()
        await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        loop = asyncio.get_running_loop()
        while True:
            ticked = loop.create_future()
            loop.call_later(0.02, ticked.set_result, None)
            await ticked
            await peer.write(b"x")

    limits = TimeLimits(stall_s=0.1, total_s=0.2)
    async with serve(behave) as server:
        with pytest.raises(Unreachable, match=r"did not arrive within 0\.2 s"):
            await http.fetch(
                "media",
                server.url,
                most_bytes=1000,
                path=tmp_path / "file",
                allow=HERE,
                limits=limits,
            )
        await server.until_open(0)

    assert left_in(tmp_path) == []


async def test_closing_ends_a_fetch() -> None:
    """Nothing that a client does outlives it."""
    async with serve(hang) as server:
        http = Http("pigeon")
        fetch = asyncio.create_task(http.fetch("media", server.url, most_bytes=9, allow=HERE))
        await server.until_open(1)
        await http.aclose()
        with pytest.raises(Unreachable):
            await fetch
        await server.until_open(0)


async def test_a_transport_that_is_given_is_used_and_its_literals_looked_at() -> None:
    """A transport in the slot fetches too; an address in figures is refused before it."""

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"x")

    async with Http("pigeon", transport=httpx.MockTransport(handle)) as http:
        told = await http.fetch("media", "https://loft.test/a", most_bytes=1)
        with pytest.raises(Rejected):
            await http.fetch("media", "https://10.0.0.1/a", most_bytes=1)

    assert told.body == b"x"
