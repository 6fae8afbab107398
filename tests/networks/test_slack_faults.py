"""What goes wrong when a test wants it to, and limits on calls."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from networks.client import Clock
from networks.slack import ApiError, FakeSlack, Fault, Room, page, rate_limited
from networks.slack_client import SlackClient, SlackRefused
from networks.web import Response


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


async def say(app: SlackClient, room: Room, text: str = "x") -> dict[str, Any]:
    """Post a text."""
    return await app.send("chat.postMessage", channel=room.id, text=text)


async def test_the_next_calls_are_refused(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """So often as it was said, and nothing is done meanwhile."""
    trouble = slack.fail_next("chat.postMessage", ApiError("fatal_error"), times=2)
    for _ in range(2):
        with pytest.raises(SlackRefused, match="fatal_error"):
            await say(app, ann)
    await say(app, ann)

    assert trouble.is_over
    assert len(slack.sent) == 1
    assert len(slack.calls("chat.postMessage")) == 3


async def test_only_the_calls_that_are_meant_are_hit(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """Of these methods, to this conversation; the oldest trouble hits first."""
    bob = slack.private_chat(slack.user("Bob"))
    slack.fail_next(("chat.postmessage", "chat.update"), ApiError("one"), chat=bob)
    slack.fail_next(None, ApiError("two"), chat=bob)
    await app.ask("auth.test")
    await say(app, ann)

    for word in ("one", "two"):
        with pytest.raises(SlackRefused, match=word):
            await say(app, bob)
    await say(app, bob)

    assert [message.channel.id for message in slack.sent] == [ann.id, bob.id]


async def test_a_trouble_without_a_number_stands_until_it_is_ended(
    slack: FakeSlack, app: SlackClient
) -> None:
    """It counts what it hits."""
    trouble = slack.fail_next(None, page(502), times=None)
    statuses = [(await app.post("auth.test")).status_code for _ in range(3)]
    trouble.end()

    assert (statuses, trouble.hits) == ([502] * 3, 3)
    assert await app.ask("auth.test")


async def test_a_page_is_html(slack: FakeSlack, app: SlackClient) -> None:
    """As what stands in front of the API answers when the API does not."""
    slack.fail_next(None, page(502))
    response = await app.post("auth.test")

    assert response.headers["content-type"] == "text/html"
    assert "<title>502 Bad Gateway</title>" in response.text


@pytest.mark.parametrize("is_json", [True, False])
async def test_a_limit_tells_how_long(
    slack: FakeSlack, app: SlackClient, is_json: bool
) -> None:
    """In a header; the body may be anything."""
    slack.fail_next("auth.test", rate_limited(7, is_json=is_json))
    response = await app.post("auth.test")

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert ("ratelimited" in response.text) == is_json


@pytest.mark.parametrize(
    ("fault", "error", "arrived"),
    [
        (Fault.RESET, httpx.ReadError, 0),
        (Fault.LOST, httpx.ReadError, 1),
        (Fault.CUT, httpx.RemoteProtocolError, 1),
        (Fault.HANG, httpx.ReadTimeout, 0),
        (Fault.SILENT, httpx.ReadTimeout, 1),
    ],
)
async def test_a_connection_fails_before_or_after_the_message_arrived(
    slack: FakeSlack,
    app: SlackClient,
    ann: Room,
    fault: Fault,
    error: type[Exception],
    arrived: int,
) -> None:
    """The client cannot tell which, unless it looks into the conversation."""
    slack.fail_next("chat.postMessage", fault)
    if error is httpx.ReadTimeout:
        app.http.timeout = httpx.Timeout(10, read=0.05)
    with pytest.raises(error):
        await say(app, ann)
    app.http.timeout = httpx.Timeout(10)
    found = await app.ask("conversations.history", channel=ann.id)

    assert len(slack.sent) == len(found["messages"]) == arrived


@pytest.mark.parametrize("method", ["upload", "download"])
async def test_what_has_no_method_fails_as_well(
    slack: FakeSlack, app: SlackClient, ann: Room, method: str
) -> None:
    """Before it is read, or in the middle of the answer."""
    url = ann.file(b"x" * 100).files[0]["url_private"]
    if method == "upload":
        place = await app.ask("files.getUploadURLExternal", filename="a", length="5")
        url = place["upload_url"]
    slack.fail_next(method, Fault.RESET)
    slack.fail_next(method, Fault.CUT)

    with pytest.raises(httpx.ReadError):
        await app.http.post(url, content=b"12345")
    with pytest.raises(httpx.RemoteProtocolError):
        await app.http.post(url, content=b"12345")


async def test_a_download_can_lead_elsewhere(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """By an answer of the test's own."""
    url = ann.file().files[0]["url_private"]
    slack.fail_next("download", Response(302, headers={"Location": "http://away.test/"}))

    assert (await app.get(url)).headers["location"] == "http://away.test/"
    assert (await app.get(url)).content == b"some notes\n"


async def test_answers_come_late(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """What was asked is done before."""
    trouble = slack.slow_down("chat.postMessage", 0.05)
    app.http.timeout = httpx.Timeout(10, read=0.01)
    with pytest.raises(httpx.ReadTimeout):
        await say(app, ann)
    trouble.end()

    assert len(slack.sent) == 1


@pytest.mark.parametrize("is_before", [True, False])
async def test_calls_wait_at_a_gate(
    slack: FakeSlack, app: SlackClient, ann: Room, is_before: bool
) -> None:
    """Done before it or behind it; the gate says who waits."""
    gate = slack.hold("chat.postMessage", is_before=is_before, chat=ann)
    app.http.timeout = httpx.Timeout(10, read=0.05)
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            await say(app, ann)
    before = len(slack.sent)
    gate.open(1)
    one = len(slack.sent)
    gate.open()
    app.http.timeout = httpx.Timeout(10)
    await say(app, ann)

    assert (before, one) == ((0, 1) if is_before else (2, 2))
    assert (len(slack.sent), gate.waiting) == (3, [])


def test_a_reset_knows_no_conversation(slack: FakeSlack) -> None:
    """It happens before the body is read."""
    room = Room(slack.world, slack.outbox, slack.world.add_channel("im"), slack.bot)

    with pytest.raises(ValueError, match=r"use Fault\.LOST"):
        slack.fail_next(None, Fault.RESET, chat=room)


# --- limits ---


async def test_limits_are_off_unless_they_are_wanted(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """Most tests mean something else."""
    for _ in range(5):
        await say(app, ann)

    assert len(slack.sent) == 5


async def test_a_channel_takes_one_message_a_second(
    slack: FakeSlack, app: SlackClient, ann: Room, clock: Clock
) -> None:
    """After a few at once; other channels are not held up."""
    slack.rates.is_on = True
    bob = slack.private_chat(slack.user("Bob"))
    for _ in range(3):
        await say(app, ann)
    response = await app.post("chat.postMessage", json={"channel": ann.id, "text": "x"})
    await say(app, bob)
    clock.advance(1)
    await say(app, ann)

    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert response.json() == {"ok": False, "error": "ratelimited"}
    assert len(slack.sent) == 5


@pytest.mark.parametrize(
    ("method", "count"),
    [
        ("apps.connections.open", 1),
        ("conversations.list", 20),
        ("conversations.info", 50),
        ("users.info", 100),
    ],
)
async def test_a_method_may_be_called_so_often_a_minute(
    slack: FakeSlack, app: SlackClient, clock: Clock, method: str, count: int
) -> None:
    """By its tier; each has a count of its own."""
    slack.rates.is_on = True
    token = slack.app_token if method.startswith("apps") else None
    for _ in range(count):
        assert (await app.post(method, token)).status_code == 200
    clock.advance(45)
    limited = await app.post(method, token)
    other = await app.post("bots.info")
    clock.advance(15)
    again = await app.post(method, token)

    assert (limited.status_code, limited.headers["retry-after"]) == (429, "15")
    assert [other.status_code, again.status_code] == [200, 200]


async def test_who_is_asked_for_is_not_limited(slack: FakeSlack, app: SlackClient) -> None:
    """`auth.test` may be called far more often than is tested here."""
    slack.rates.is_on = True

    assert {(await app.post("auth.test")).status_code for _ in range(120)} == {200}


async def broken(clock: Clock) -> int:
    """Use a network that has a fault of its own; return how it answers."""
    async with FakeSlack(clock=clock) as slack, httpx.AsyncClient(trust_env=False) as http:
        slack.world.record.calls = None  # type: ignore[assignment]
        return (await http.get(f"{slack.url}/auth.test")).status_code


async def test_a_fault_of_the_network_itself_is_not_hidden(clock: Clock) -> None:
    """Whatever a test would make of it."""
    with pytest.raises(RuntimeError, match="the fake network itself failed"):
        await broken(clock)


async def test_a_condition_that_fails_is_the_waiters(
    slack: FakeSlack, app: SlackClient
) -> None:
    """It is raised where it is waited for; and nobody waits for ever."""
    waiting = asyncio.create_task(slack.wait_for(lambda: slack.requests and 1 / 0))
    await app.ask("auth.test")

    with pytest.raises(ZeroDivisionError):
        await waiting
    with pytest.raises(TimeoutError):
        await slack.wait_for_sent(timeout_s=0.01)
    with pytest.raises(TimeoutError):
        await slack.wait_for_links(timeout_s=0.01)
