"""The Events API: signed posts, retries, the challenge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from networks.slack import FakeSlack, Room
from networks.slack.posting import Poster, signature
from networks.slack_client import SlackClient
from networks.web import Exchange, Request, Response, Server

CHUNKS = b"4\r\nin p\r\n4;x=1\r\narts\r\n0\r\n\r\n"
SECRET = "0123456789abcdef0123456789abcdef"


def plain(text: str) -> Response:
    """Return an answer that is a text."""
    return Response(200, text.encode(), "text/plain")


class Endpoint:
    """An app that gets events posted, and answers as it is told to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Response | None] = []
        """Of the next requests, in order; None: none. When it is empty: 200."""
        self.challenge: Callable[[str], Response] = plain
        self.server = Server(self.handle)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.port}/slack/events?x=1"

    def handle(self, exchange: Exchange) -> None:
        """Answer a post."""
        request = exchange.request
        if b"url_verification" in request.body:
            exchange.answer(self.challenge(json.loads(request.body)["challenge"]))
            return
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else Response()
        if answer:
            exchange.answer(answer)


@pytest.fixture
async def endpoint(slack: FakeSlack) -> AsyncIterator[Endpoint]:
    """An app that the network posts to."""
    endpoint = Endpoint()
    await endpoint.server.listen()
    assert await slack.post_events_to(endpoint.url)
    slack.timing.retry_s = (0.0, 0.0, 0.0)
    yield endpoint
    await endpoint.server.close()


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


@pytest.mark.parametrize(
    ("body", "signed"),
    [
        (
            '{"type":"url_verification","challenge":"abc123"}',
            "v0=5219fa4ea682ef76fd622ee6e20473895b648e18dbdc108b21e18e0377ed1d7a",
        ),
        (
            "token=x&team_id=T1&text=h%C3%A9llo",
            "v0=63be8f64f02045e512d0db24ab55134c376b84c3b1f619821c3301707a9f415d",
        ),
    ],
)
def test_signatures_are_those_that_were_computed_elsewhere(body: str, signed: str) -> None:
    """With the same secret at the same time."""
    assert signature(SECRET, "1700000000", body.encode()) == signed


async def test_an_event_is_posted_and_signed(
    slack: FakeSlack, endpoint: Endpoint, ann: Room
) -> None:
    """The body is the one that Socket Mode has in its envelope."""
    ann.text("héllo")
    await slack.wait_for(lambda: not slack.pending)
    (request,) = endpoint.requests
    timestamp = request.headers["x-slack-request-timestamp"]

    assert (request.method, request.path, request.query) == ("POST", "/slack/events", "x=1")
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == slack.deliveries[0].payload
    assert timestamp == str(int(slack.world.now()))
    assert request.headers["x-slack-signature"] == signature(SECRET, timestamp, request.body)
    assert "x-slack-retry-num" not in request.headers


async def test_posts_can_be_old_or_forged(
    slack: FakeSlack, endpoint: Endpoint, ann: Room
) -> None:
    """For tests of those who check them."""
    assert slack.poster
    slack.poster.age_s, slack.poster.secret = 301, "another"
    ann.text("x")
    await slack.wait_for(lambda: not slack.pending)
    (request,) = endpoint.requests
    timestamp = request.headers["x-slack-request-timestamp"]

    assert int(timestamp) == int(slack.world.now()) - 301
    assert request.headers["x-slack-signature"] != signature(SECRET, timestamp, request.body)


@pytest.mark.parametrize(
    ("make", "is_verified"),
    [
        (plain, True),
        (lambda text: Response(200, json.dumps({"challenge": text}).encode()), True),
        (
            lambda text: Response(
                200, f"challenge={text}".encode(), "application/x-www-form-urlencoded"
            ),
            True,
        ),
        (lambda text: Response(200, b"ok", "text/plain"), False),
        (lambda text: Response(200, b"{", "application/json"), False),
        (lambda text: Response(200, b"[]", "application/json"), False),
        (lambda text: Response(500, text.encode(), "text/plain"), False),
    ],
)
async def test_the_challenge_is_to_come_back(
    slack: FakeSlack, make: Callable[[str], Response], is_verified: bool
) -> None:
    """In one of three forms; else events keep to Socket Mode."""
    endpoint = Endpoint()
    endpoint.challenge = make
    await endpoint.server.listen()

    assert await slack.post_events_to(endpoint.url) == is_verified
    assert (slack.poster is not None) == is_verified
    await endpoint.server.close()


async def test_failures_are_retried_and_counted(
    slack: FakeSlack, endpoint: Endpoint, ann: Room
) -> None:
    """The same event, with the number of the retry and why the last attempt failed."""
    slack.timing.ack_s = 0.3
    endpoint.answers = [Response(500), None, Response(404), Response(204)]
    ann.text("x")
    await slack.wait_for(lambda: not slack.pending)
    headers = [request.headers for request in endpoint.requests]

    assert [one.get("x-slack-retry-num") for one in headers] == [None, "1", "2", "3"]
    assert [one.get("x-slack-retry-reason") for one in headers] == [
        None,
        "http_error",
        "http_timeout",
        "http_error",
    ]
    assert len({request.body for request in endpoint.requests}) == 1
    assert not slack.lost


async def test_after_three_retries_it_is_lost(
    slack: FakeSlack, endpoint: Endpoint, ann: Room
) -> None:
    """And not tried again."""
    endpoint.answers = [Response(500)] * 4
    ann.text("x")
    await slack.wait_for(lambda: slack.lost)

    assert len(endpoint.requests) == 4


async def test_an_app_may_want_no_retry(
    slack: FakeSlack, endpoint: Endpoint, ann: Room
) -> None:
    """It says so in a header of its refusal."""
    endpoint.answers = [Response(500, headers={"X-Slack-No-Retry": "1"})]
    ann.text("x")
    await slack.wait_for(lambda: slack.lost)

    assert len(endpoint.requests) == 1


async def test_redirects_are_followed_twice(
    slack: FakeSlack, endpoint: Endpoint, ann: Room
) -> None:
    """And not a third time."""
    away = Response(302, headers={"Location": endpoint.url})
    endpoint.answers = [away, away]
    ann.text("x")
    await slack.wait_for(lambda: not slack.pending)
    endpoint.answers = [away] * 3
    ann.text("y")
    await slack.wait_for(lambda: slack.deliveries[1].attempts)

    assert slack.deliveries[0].reasons == []
    assert slack.deliveries[1].reasons == ["too_many_redirects"]


async def test_nobody_listens(slack: FakeSlack, endpoint: Endpoint, ann: Room) -> None:
    """The network notices, and loses the event in the end."""
    await endpoint.server.close()
    ann.text("x")
    await slack.wait_for(lambda: slack.lost)

    assert slack.lost[0].reasons == ["connection_failed"] * 4


@pytest.mark.parametrize(
    ("answer", "reasons", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nwhole", [], "whole"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
            [],
            "in parts",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", ["connection_failed"], None),
        (b"nonsense\r\n\r\n", ["connection_failed"], None),
        (b"HTTP/1.1 200", ["connection_failed"], None),
        (b"", ["connection_failed"], None),
    ],
)
async def test_answers_come_in_every_form(
    slack: FakeSlack, ann: Room, answer: bytes, reasons: list[str], said: str | None
) -> None:
    """With a length, in chunks, or until the end; half of one is a failure."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        poster = Poster(slack.world, SECRET, f"http://127.0.0.1:{port}")
        poster.outbox = slack.outbox
        slack.outbox.way = poster
        command = ann.slash("/ask")
        await slack.wait_for(lambda: command.is_acked or command.has_failed)
        await poster.close()

    assert command.delivery.reasons == reasons
    assert command.answer == (said and {"text": said})


@pytest.mark.parametrize(
    ("answer", "kind", "understood"),
    [
        (b'{"text": "only you"}', "application/json", {"text": "only you"}),
        (b"only you", "text/plain", {"text": "only you"}),
        (b"", "text/plain", None),
    ],
)
async def test_commands_are_forms(
    slack: FakeSlack, endpoint: Endpoint, ann: Room, answer: bytes, kind: str, understood: Any
) -> None:
    """What they are answered with is shown to the one who typed."""
    endpoint.answers = [Response(200, answer, kind)]
    command = ann.slash("/ask", "a & b")
    await slack.wait_for(lambda: command.is_acked)
    (request,) = endpoint.requests
    form = parse_qs(request.body.decode())

    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (form["command"], form["text"]) == (["/ask"], ["a & b"])
    assert command.answer == understood
    assert [event.kind for event in slack.events] == ["answered"] * bool(understood)


async def test_buttons_are_json_in_a_form(
    slack: FakeSlack, endpoint: Endpoint, app: SlackClient, ann: Room
) -> None:
    """In the field `payload`."""
    button = {"type": "button", "action_id": "ok", "value": "yes"}
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "?"}, "accessory": button}]
    await app.send("chat.postMessage", channel=ann.id, blocks=blocks)
    pressed = ann.press(slack.sent[0], "ok")
    await slack.wait_for(lambda: pressed.is_acked)
    form = parse_qs(endpoint.requests[-1].body.decode())

    assert json.loads(form["payload"][0])["actions"][0]["action_id"] == "ok"


async def test_a_command_is_not_retried(
    slack: FakeSlack, endpoint: Endpoint, ann: Room
) -> None:
    """The person sees that it failed."""
    endpoint.answers = [Response(500)]
    command = ann.slash("/ask")
    await slack.wait_for(lambda: command.has_failed)

    assert len(endpoint.requests) == 1
