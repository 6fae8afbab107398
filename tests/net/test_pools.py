from __future__ import annotations

import asyncio
import base64

import pytest

from cobot.errors import Rejected, Unreachable
from cobot.net import Http
from net.certificates import Authority
from net.servers import Peer, always, answer, serve


async def proxy(peer: Peer) -> None:
    """Answer what is asked without a tunnel, and carry what is asked through one."""
    head = await peer.read_head()
    assert head is not None
    method, target, headers = head
    peer.server.faults += [] if method else [ValueError("no method")]
    seen.append((method, target, headers))
    if method != "CONNECT":
        await peer.answer(b'{"via": "proxy"}')
        return
    if "refused" in headers.get("proxy-authorization", ""):
        await peer.answer(status="407 Proxy Authentication Required")
        return
    port = int(target.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(65536):
            sink.write(piece)
        sink.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(carry(peer.reader, writer))
        group.create_task(carry(reader, peer.writer))


seen: list[tuple[str, str, dict[str, str]]] = []


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


async def test_certificates_of_the_environment_are_believed(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has an authority of his own says so as httpx's users do."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with serve(always(answer()), tls=authority.server()) as server:
        async with Http("pigeon") as http:
            url = f"https://localhost:{server.port}"
            for _ in range(2):
                await http.call("send", url, {})

            assert server.connections == 1
        await server.until_open(0)


async def test_the_environment_counts_only_if_it_may(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `trust_env=False` neither its certificates nor its proxies are used."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    async with (
        serve(always(answer()), tls=authority.server()) as server,
        Http("pigeon", trust_env=False) as http,
    ):
        with pytest.raises(Unreachable, match="certificate not accepted"):
            await http.call("send", f"https://localhost:{server.port}", {})


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_plain_http_goes_through_a_proxy(
    http: Http, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A proxy of the environment is asked instead of the server."""
    async with serve(proxy) as through:
        if name == "HTTP_PROXY":
            monkeypatch.setenv(name, f"127.0.0.1:{through.port}")
        else:
            monkeypatch.setenv(name, through.url)
        told = await http.call("send", "http://loft.test/fly", {"a": 1})

    assert told.json() == {"via": "proxy"}
    assert seen[0][:2] == ("POST", "http://loft.test/fly")


async def test_https_goes_through_a_tunnel(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy sees where an encrypted request goes, and not what it says."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with (
        serve(always(answer(b'{"a": 1}')), tls=authority.server("loft.test")) as server,
        serve(proxy) as through,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass%20word@127.0.0.1:{through.port}")
        async with Http("pigeon") as http:
            told = await http.call("send", f"https://loft.test:{server.port}/secret", {})

    assert told.json() == {"a": 1}
    ((method, target, headers),) = seen
    assert (method, target) == ("CONNECT", f"loft.test:{server.port}")
    scheme, _, encoded = headers["proxy-authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded)) == ("Basic", b"me:pass word")


@pytest.mark.parametrize("rule", ["loft.test", ".test", "*", "other,loft.test"])
async def test_exceptions_of_the_environment_count(
    http: Http, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    """`NO_PROXY` names what is asked directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", rule.replace("loft.test", "127.0.0.1"))
    async with serve(always(answer())) as server:
        if rule == ".test":
            with pytest.raises(Unreachable):
                await http.call("send", server.url, {})
        else:
            await http.call("send", server.url, {})

    assert len(server.requests) == (rule != ".test")


async def test_a_proxy_that_is_not_there_is_unreachable(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the proxy nothing is sent; its password is not told."""
    monkeypatch.setenv("HTTP_PROXY", "http://me:swordfish@127.0.0.1:1")

    with pytest.raises(Unreachable, match=r"cannot connect to loft.test") as caught:
        await http.call("send", "http://loft.test/", {})

    assert "swordfish" not in str(caught.value)


async def test_a_proxy_that_refuses_is_unreachable(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a proxy does not let through has not been sent."""

    async def refuse(peer: Peer) -> None:
        await peer.read()
        await peer.answer(status="403 Forbidden")

    async with serve(refuse) as through:
        monkeypatch.setenv("HTTPS_PROXY", through.url)
        with pytest.raises(Unreachable, match=r"cannot connect to loft.test"):
            await http.call("send", "https://loft.test/", {})


async def test_a_proxy_of_another_kind_is_said(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that we cannot use is not passed over in silence."""
    monkeypatch.setenv("ALL_PROXY", "socks5://me:swordfish@127.0.0.1:1")

    with pytest.raises(Unreachable, match=r"neither http nor https.*NO_PROXY") as caught:
        await http.call("send", "http://loft.test/", {})
    with pytest.raises(Unreachable, match="neither http nor https"):
        await http.fetch("media", "http://loft.test/", most_bytes=1)

    assert "swordfish" not in str(caught.value)


async def test_a_fetch_through_a_proxy_is_looked_at_as_far_as_we_can(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy may be anywhere; a name that we know to stand for ourselves is refused."""
    async with serve(proxy) as through:
        monkeypatch.setenv("HTTP_PROXY", through.url)
        told = await http.fetch("media", "http://nobody.invalid/a", most_bytes=99)
        with pytest.raises(Rejected, match="is not an address on the internet"):
            await http.fetch("media", "http://localhost/a", most_bytes=99)

    assert told.json() == {"via": "proxy"}
    assert [target for _, target, _ in seen] == ["http://nobody.invalid/a"]
