from __future__ import annotations

import base64
import logging
import ssl
import subprocess
import sys
import traceback

import pytest
from fakes import ManualClock

from cobot.errors import Unreachable
from cobot.net.closing import HandshakeRefused, SocketClosed
from cobot.net.links import SocketOptions
from cobot.net.sockets import Sockets
from net.certificates import Authority
from net.gateways import TEXT, accept, breaks_off, farewell, frame, gateway
from net.servers import Behaviour, Peer, answer, hang, once, serve
from net.test_failures import nobody
from net.test_pools import proxy, seen

TOKEN = "123456:AAbbCCddEEffGGhhIIjj"


@pytest.fixture
def sockets() -> Sockets:
    """The WebSockets of a channel `pigeon`."""
    return Sockets("pigeon", clock=ManualClock())


async def attempt(sockets: Sockets, url: str, connect_s: float = 10.0) -> Unreachable:
    """Return why there is no connection."""
    options = SocketOptions(connect_s=connect_s)
    with pytest.raises(Unreachable) as caught:
        async with sockets.connect(url, options=options, headers={"Authorization": TOKEN}):
            pytest.fail("connected")
    return caught.value


def everything(error: BaseException) -> str:
    """Return all that an error could show to anybody."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


async def close_at_once(peer: Peer) -> None:
    """Read nothing, and close."""


async def reset_unanswered(peer: Peer) -> None:
    """Read the request, and break off."""
    await peer.read()
    peer.reset()


async def quoting(peer: Peer) -> None:
    """Refuse, and show what was asked for."""
    head = await peer.read_head()
    assert head is not None
    await peer.answer(f"no {head[1]} for {head[2]['authorization']}".encode(), "403 Forbidden")


BROKEN: dict[str, Behaviour] = {
    "closed at once": close_at_once,
    "reset": reset_unanswered,
    "closed in the headers": once(b"HTTP/1.1 101 Switching Pro"),
    "no HTTP": once(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "zeros": once(bytes(1000)),
    "headers without end": once(SWITCH + b"X: y\r\n" * 5_000 + b"\r\n"),
    "a header without end": once(SWITCH + b"X: " + b"x" * 200_000),
    "another key": once(SWITCH + b"Sec-WebSocket-Accept: c29tZXRoaW5n\r\n\r\n"),
    "no key": once(SWITCH + b"\r\n"),
    "a subprotocol unasked": once(SWITCH + b"Sec-WebSocket-Protocol: x\r\n\r\n"),
    "silence": hang,
    "a page": once(answer(b"<html>hello</html>", kind="text/html")),
    "a refusal that quotes": quoting,
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
async def test_a_broken_handshake_is_unreachable(
    sockets: Sockets, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    """However a handshake fails nothing happened, and nobody is shown address or token."""
    caplog.set_level(logging.DEBUG)
    async with serve(behaviour) as server:
        url = f"ws://localhost:{server.port}/bot{TOKEN}?ticket={TOKEN}"
        error = await attempt(sockets, url, 0.2 if behaviour is hang else 10.0)
        await server.until_open(0)

    assert "AAbb" not in everything(error) + caplog.text
    assert f"localhost:{server.port}" in str(error)
    assert error.__cause__ is error.__context__ is None


async def test_a_refusal_is_told_with_its_status(sockets: Sockets) -> None:
    """What a server answers instead is for the channel to understand: too many, say."""
    refusal = answer(b'{"ok": false}', "429 Too Many Requests", Retry_After="30")
    async with serve(once(refusal)) as server:
        error = await attempt(sockets, f"ws://localhost:{server.port}")

    assert isinstance(error, HandshakeRefused)
    assert (error.status, error.retry_after_s) == (429, 30.0)
    assert error.answer.json() == {"ok": False}
    assert "answered 429 and no WebSocket" in str(error)


async def test_nobody_sends_us_elsewhere(sockets: Sockets) -> None:
    """A redirect is not followed: the token in our headers is for one server alone."""
    async with gateway() as other:
        moved = answer(b"", "302 Found", Location=other.url)
        async with serve(once(moved)) as server:
            error = await attempt(sockets, f"ws://localhost:{server.port}")

        assert isinstance(error, HandshakeRefused)
        assert error.status == 302
        assert other.links == []


async def test_where_nobody_listens_is_unreachable(sockets: Sockets) -> None:
    """A connection that is refused says so."""
    url = nobody().replace("http", "ws", 1)

    error = await attempt(sockets, f"{url}/{TOKEN}")

    host = url.removeprefix("ws://")
    assert str(error) == f"pigeon: receive: cannot connect to {host}: Connection refused"


async def test_silence_is_not_waited_for(sockets: Sockets) -> None:
    """A handshake that does not come is given up in time."""
    async with serve(hang) as server:
        error = await attempt(sockets, f"ws://localhost:{server.port}", 0.2)

    assert str(error).endswith(f"no connection to localhost:{server.port} in time")


@pytest.mark.parametrize(
    "url",
    ["", "loft", "http://loft.test", "ws://", "ws://loft.test:99999", "ws://loft.test/#x"],
)
async def test_what_is_no_address_is_said(sockets: Sockets, url: str) -> None:
    """A wrong address is an error of ours, whatever is wrong with it."""
    error = await attempt(sockets, url)

    assert "ws or wss address" in str(error)


@pytest.mark.parametrize("is_believed", [True, False])
async def test_certificates_are_looked_at(
    authority: Authority, is_believed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who can prove who he is, by those whom the environment believes, is talked to."""
    if is_believed:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    sockets = Sockets("pigeon", clock=ManualClock())
    tls: ssl.SSLContext = authority.server()
    async with serve(breaks_off(frame(TEXT, b"coo"), farewell(1000)), tls=tls) as server:
        url = f"wss://localhost:{server.port}"
        if not is_believed:
            assert "certificate not accepted" in str(await attempt(sockets, url))
            return
        async with sockets.connect(url) as socket:
            assert await socket.receive() == "coo"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used(
    sockets: Sockets, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way to the server is the one that the environment names, by the rules of HTTP."""
    seen.clear()
    async with (
        gateway() as server,
        serve(proxy) as through,
    ):
        monkeypatch.setenv(name, f"http://ann:pass@127.0.0.1:{through.port}")
        async with sockets.connect(server.url) as socket:
            await socket.send("coo")
            assert await server.heard.get() == "coo"

    ((method, target, headers),) = seen
    assert (method, target) == ("CONNECT", server.url.removeprefix("ws://"))
    assert base64.b64decode(headers["proxy-authorization"].split()[1]) == b"ann:pass"


async def test_what_goes_through_a_proxy_stays_secret(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy sees where an encrypted connection goes, and not what it says."""
    seen.clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    sockets = Sockets("pigeon", clock=ManualClock())
    behaviour = breaks_off(frame(TEXT, b"coo"), farewell(1000))
    async with (
        serve(behaviour, tls=authority.server()) as server,
        serve(proxy) as through,
    ):
        monkeypatch.setenv("HTTPS_PROXY", through.url)
        async with sockets.connect(f"wss://localhost:{server.port}/{TOKEN}") as socket:
            assert await socket.receive() == "coo"

    assert [(method, target) for method, target, _ in seen] == [
        ("CONNECT", f"localhost:{server.port}")
    ]


async def test_a_proxy_that_refuses_is_said(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a proxy does not let through has not happened; its password is not told."""
    seen.clear()
    async with serve(once(answer(b"", "407 Proxy Authentication Required"))) as through:
        monkeypatch.setenv("ALL_PROXY", f"http://ann:AAbb@127.0.0.1:{through.port}")
        error = await attempt(sockets, "ws://loft.test")

    assert "the proxy does not connect to loft.test: it answered 407" in str(error)
    assert "AAbb" not in everything(error)


async def test_a_proxy_of_another_kind_is_said(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that we cannot use is not passed over in silence."""
    monkeypatch.setenv("ALL_PROXY", "socks5://ann:AAbb@127.0.0.1:1")

    error = await attempt(sockets, "wss://loft.test")

    assert "neither http nor https" in str(error)
    assert "AAbb" not in everything(error)


async def test_no_proxy_means_none(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that the environment excepts are reached directly."""
    monkeypatch.setenv("ALL_PROXY", nobody())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with gateway() as server, sockets.connect(server.url) as socket:
        await socket.send("coo")

        assert await server.heard.get() == "coo"


async def test_what_goes_well_is_not_logged(
    sockets: Sockets, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither addresses nor messages are in anybody's log, at no level."""
    caplog.set_level(logging.DEBUG)
    async with serve(breaks_off(frame(TEXT, b"coo"), farewell(1000))) as server:
        url = f"ws://localhost:{server.port}/{TOKEN}"
        async with sockets.connect(url) as socket:
            await socket.receive()

    assert [record for record in caplog.records if record.name != "asyncio"] == []


async def test_a_goodbye_that_quotes_is_not_quoted() -> None:
    """Secrets are taken out of what the other side says, those of the address too."""
    sockets = Sockets(
        "pigeon",
        clock=ManualClock(),
        redact=lambda text: text.replace("swordfish", "***"),
    )

    async def behave(peer: Peer) -> None:
        await accept(peer)
        await peer.write(farewell(4004, f"{TOKEN}, swordfish"))

    async with (
        serve(behave) as server,
        sockets.connect(f"ws://localhost:{server.port}/{TOKEN}") as socket,
    ):
        with pytest.raises(SocketClosed) as caught:
            await socket.receive()

    assert caught.value.closed.reason == "***, ***"
    assert "AAbb" not in everything(caught.value)


def test_who_opens_no_socket_does_not_load_any() -> None:
    """A channel that polls does not pay for websockets; who asks gets every public name."""
    code = (
        "import sys, cobot.net as net;"
        "assert 'websockets' not in sys.modules;"
        "assert all(getattr(net, name) for name in net.__all__);"
        "assert 'websockets' in sys.modules;"
        "assert not hasattr(net, 'Pigeon')"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
