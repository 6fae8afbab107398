"""What the page on networking says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cobot.errors import AuthFailed, DeliveryUnknown, Rejected
from cobot.net import Http
from cobot.net.exchange import ANSWER_BYTES
from cobot.net.http import POLL_GRACE_S
from cobot.net.timing import CALL, FETCH, TRANSFER
from net.servers import Peer, always, answer, serve

PAGE = (Path(__file__).parents[2] / "docs" / "networking.md").read_text()


@pytest.fixture
def api() -> Any:
    """The class that the page shows."""
    namespace: dict[str, Any] = {}
    block, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(block, "networking.md", "exec"), namespace)
    return namespace["PigeonApi"]


async def pigeons(peer: Peer) -> None:
    """Answer as the Pigeon API does."""
    while (request := await peer.read()) is not None:
        assert request.headers["x-loft"] == "north"
        _, token, method = request.target.split("/", 2)
        assert token == "loftsecret"
        if method.startswith("arrivals"):
            await peer.answer(b'[{"text": "hello"}]')
        elif method == "pictures/a.jpg":
            await peer.answer(b"picture", kind="image/jpeg")
        elif b"nobody" in request.body:
            await peer.answer(b'{"error": "no such pigeon"}', "404 Not Found")
        else:
            await peer.answer(b'{"id": 7}')


async def test_the_example_talks_to_its_network(http: Http, api: Any, tmp_path: Path) -> None:
    """Each kind of call works as shown."""
    sent, got = tmp_path / "sent.jpg", tmp_path / "got.jpg"
    sent.write_bytes(b"picture")
    async with serve(pigeons) as server:
        client = api(http, server.url, "secret")

        assert await client.send("carl", "hello") == "7"
        assert await client.rename("carl", "Carl") is None
        assert await client.arrivals("6") == [{"text": "hello"}]
        assert await client.send_picture("carl", sent) == "7"
        await client.picture("a.jpg", got, 7)
        with pytest.raises(Rejected, match=r"^pigeon: send: no such pigeon$"):
            await client.send("nobody", "hello")

    assert got.read_bytes() == b"picture"


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (answer(b'{"error": "who?"}', "401 Unauthorized"), AuthFailed),
        (answer(b'{"error": "oh"}', "500 Internal Server Error"), DeliveryUnknown),
        (answer(b"<html>", "502 Bad Gateway", "text/html"), DeliveryUnknown),
    ],
)
async def test_the_example_tells_errors_apart(
    http: Http, api: Any, page: bytes, error: type[Exception]
) -> None:
    """What the network says becomes the error that the session acts on."""
    async with serve(always(page)) as server:
        with pytest.raises(error):
            await api(http, server.url, "secret").send("carl", "hello")


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    """Limits are told as they are."""
    assert f"{CALL.total_s:g} s (`CALL`)" in PAGE
    assert f"and {POLL_GRACE_S:g} s |" in PAGE
    assert f"{TRANSFER.stall_s:g} s in which nothing moves (`TRANSFER`)" in PAGE
    assert f"{FETCH.stall_s:g} s in which nothing moves, {FETCH.total_s:g} s in all" in PAGE
    assert f"within {CALL.connect_s:g} s" in PAGE
    assert f"ends at {ANSWER_BYTES // 2**20} MB" in PAGE
