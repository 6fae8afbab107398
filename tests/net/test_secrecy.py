from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest

from cobot.errors import ChannelError, DeliveryUnknown, Unreachable
from cobot.net import Http, TimeLimits, raw
from net.servers import Behaviour, always, answer, echo, hang, serve
from net.test_failures import BROKEN, nobody

TOKEN = "123456:AAbbCCddEEffGGhhIIjj%2Fkk"
PLAIN = "123456:AAbbCCddEEffGGhhIIjj/kk"
"""The same as a server sees it."""


def everything(error: BaseException) -> str:
    """Return all that an error could show to anybody."""
    told = "".join(traceback.format_exception(error))
    return told + repr(error) + str(error) + repr(error.args) + repr(vars(error))


@pytest.mark.parametrize("behaviour", [*BROKEN.values(), hang], ids=[*BROKEN, "silence"])
async def test_no_error_shows_the_address(
    http: Http, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    """However a request fails, neither error nor log has the token, nor what led to it."""
    caplog.set_level(logging.DEBUG)
    async with serve(behaviour) as server:
        with pytest.raises(DeliveryUnknown) as caught:
            await http.call(
                "send", f"{server.url}/bot{TOKEN}/fly", {}, limits=TimeLimits(total_s=0.5)
            )

    told = everything(caught.value) + caplog.text
    assert "AAbb" not in told
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    "url", [nobody, lambda: "https://nobody.invalid"], ids=["nobody", "no name"]
)
async def test_no_connection_shows_no_address(
    http: Http, url: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that fails names the host and not the rest of the address."""
    caplog.set_level(logging.DEBUG)

    with pytest.raises(Unreachable) as caught:
        await http.call("send", f"{url()}/bot{TOKEN}/fly?key={TOKEN}", {})

    assert "AAbb" not in everything(caught.value) + caplog.text
    assert caught.value.__cause__ is caught.value.__context__ is None


async def test_a_broken_upload_shows_no_address(
    http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    """aiohttp writes the address into what it says of a body that could not be sent."""
    caplog.set_level(logging.DEBUG)
    async with serve(BROKEN["reset before it was read"]) as server:
        body = raw(bytes(10_000_000), "image/png")
        with pytest.raises(ChannelError) as caught:
            await http.upload("media", f"{server.url}/bot{TOKEN}/fly", body)

    assert "AAbb" not in everything(caught.value) + caplog.text


async def test_what_goes_well_is_not_logged(
    http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    """A message costs no line in anybody's log, at no level."""
    caplog.set_level(logging.DEBUG)
    async with serve(echo) as server:
        await http.call("send", f"{server.url}/bot{TOKEN}/fly", {})

    assert [record for record in caplog.records if record.name != "asyncio"] == []


@pytest.mark.parametrize("shown", [TOKEN, PLAIN, f"bot{PLAIN}", f"/bot{TOKEN}/fly"])
async def test_a_server_that_quotes_the_address_is_not_quoted(http: Http, shown: str) -> None:
    """Error pages like to show what was asked for; the token is taken out of them."""
    page = f"<html><h1>404</h1> The address {shown} was not found".encode()
    async with serve(always(answer(page, "404 Not Found", "text/html"))) as server:
        told = await http.call("send", f"{server.url}/bot{TOKEN}/fly", {})
        with pytest.raises(Unreachable) as caught:
            told.json()

    assert "AAbb" not in everything(caught.value)
    assert "The address" in str(caught.value)
    assert "***" in str(caught.value)


async def test_a_server_that_quotes_a_header_is_not_quoted(http: Http) -> None:
    """The same holds for a token in a header."""
    headers = {"Authorization": f"Bearer {PLAIN}"}
    page = f"who is {PLAIN}?".encode()
    async with serve(always(answer(page, "401 Unauthorized", "text/plain"))) as server:
        told = await http.call("send", server.url, headers=headers)
        with pytest.raises(Unreachable) as caught:
            told.json()

    assert "AAbb" not in everything(caught.value)


async def test_known_secrets_are_taken_out_of_everything() -> None:
    """Whatever else is secret is known to whoever made the client."""
    async with (
        serve(
            always(answer(b"password: swordfish", "502 Bad Gateway", "text/plain"))
        ) as server,
        Http("pigeon", redact=lambda text: text.replace("swordfish", "***")) as http,
    ):
        told = await http.call("send", server.url, {})
        with pytest.raises(DeliveryUnknown, match=r"password: \*\*\*$"):
            told.json()


async def test_half_a_secret_at_the_edge_is_not_shown(http: Http) -> None:
    """A long page is looked at in part, and what is cut in two there is left out."""
    # So many secrets that, once they are taken out, the end of what was read is shown.
    page = (f"/bot{TOKEN} " * 1000).encode()
    async with serve(always(answer(page, "502 Bad Gateway", "text/html"))) as server:
        told = await http.call("send", f"{server.url}/bot{TOKEN}/fly", {})
        with pytest.raises(DeliveryUnknown) as caught:
            told.json()

    assert "AA" not in everything(caught.value)


async def test_an_answer_shows_nothing_of_itself(http: Http) -> None:
    """Tickets and addresses come in answers, so none shows more than its size."""
    async with serve(always(answer(b'{"ticket": "swordfish"}'))) as server:
        told = await http.call("send", server.url, {}, headers={"X-Key": "swordfish"})

    assert repr(told) == "<Answer 200, 23 bytes>"
    assert "swordfish" not in repr(told._call)
