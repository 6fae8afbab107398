from __future__ import annotations

import httpx
import pytest

from cobot.errors import DeliveryUnknown, Unreachable
from cobot.net import CALL, Answer
from cobot.net.calls import Call


def answered(status: int, body: bytes, *, repeatable: bool = False, **headers: str) -> Answer:
    """Return an answer of `loft.test`; names of headers are written with `_`."""
    request = httpx.Request("POST", "https://loft.test/fly")
    call = Call("pigeon", "send", request, "loft.test", CALL, repeatable, str)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, httpx.Headers(named), body, call)


@pytest.mark.parametrize("status", [200, 302, 500, 502, 503])
def test_a_page_in_place_of_json_is_unknown(status: int) -> None:
    """A server in between that answers for the network does not tell what became of it."""
    page = b"<html>\r\n<head><title>Bad Gateway</title></head>"

    with pytest.raises(DeliveryUnknown) as caught:
        answered(status, page, content_type="text/html").json()

    assert str(caught.value) == (
        f"pigeon: send: loft.test answered {status} and no JSON (text/html):"
        " <html> <head><title>Bad Gateway</title></head>"
    )


@pytest.mark.parametrize("status", [400, 404, 413, 429])
def test_a_refusal_that_is_no_json_is_unreachable(status: int) -> None:
    """With 4xx the server says that it did nothing."""
    with pytest.raises(Unreachable, match=f"answered {status} and no JSON$"):
        answered(status, b"").json()


def test_a_page_in_place_of_json_is_unreachable_if_it_can_be_repeated() -> None:
    """A poll that met an overloaded server is asked again."""
    with pytest.raises(Unreachable):
        answered(502, b"<html>", repeatable=True).json()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"\x00" * 50])
def test_what_is_no_json_says_so(body: bytes) -> None:
    """No body whatever breaks more than its own answer."""
    with pytest.raises(DeliveryUnknown, match="answered 200 and no JSON") as caught:
        answered(200, body).json()

    assert len(str(caught.value)) < 300


def test_a_channel_says_what_else_is_wrong() -> None:
    """JSON that is not what was expected is told in the same form."""
    error = answered(200, b"[1, 2]").not_understood("a list")

    assert isinstance(error, DeliveryUnknown)
    assert str(error) == "pigeon: send: loft.test answered 200 and a list: [1, 2]"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("5", 5.0),
        ("0.3", 0.3),
        ("0", 0.0),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_told_in_seconds(told: str, seconds: float | None) -> None:
    """Both forms of the header are read, a date by the clock of whoever wrote it."""
    answer = answered(429, b"", retry_after=told, date="Tue, 24 Nov 2026 10:00:00 GMT")

    assert answer.retry_after_s == seconds


def test_without_retry_after_there_is_no_time() -> None:
    """Nothing is made up where nothing was said, nor where it cannot be reckoned."""
    assert answered(429, b"").retry_after_s is None
    assert answered(429, b"", retry_after="Tue, 24 Nov 2026 10:00:30 GMT").retry_after_s is None
