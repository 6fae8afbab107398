"""How often the bot may ask, and what goes wrong when a test wants it to."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from networks.client import Clock
from networks.discord import (
    ApiError,
    FakeDiscord,
    Fault,
    Room,
    old_edits,
    page,
    server_error,
    too_many_requests,
)
from networks.discord.rates import Bucket
from networks.discord_client import BareRest, Refused, rest_of


async def send(rest: BareRest, room: Room, text: str = "hello") -> httpx.Response:
    """Send a text; return the answer, whatever it is."""
    return await rest.request("POST", f"/channels/{room.id}/messages", json={"content": text})


# --- limits ---


async def test_headers_tell_what_is_left(
    rest: BareRest, discord: FakeDiscord, general: Room, clock: Clock
) -> None:
    """The limit, what remains, when it is whole again, and which bucket it is."""
    discord.rates.is_on = True
    first = await send(rest, general)
    clock.advance(2)
    second = await send(rest, general)
    clock.advance(3)
    fresh = await send(rest, general)

    assert {name: one for name, one in first.headers.items() if "ratelimit" in name} == {
        "x-ratelimit-limit": "5",
        "x-ratelimit-remaining": "4",
        "x-ratelimit-reset": "1767225605.000",
        "x-ratelimit-reset-after": "5.000",
        "x-ratelimit-bucket": first.headers["x-ratelimit-bucket"],
    }
    assert second.headers["x-ratelimit-remaining"] == "3"
    assert second.headers["x-ratelimit-reset-after"] == "3.000"
    assert fresh.headers["x-ratelimit-remaining"] == "4"


async def test_one_too_many_is_refused(
    rest: BareRest, discord: FakeDiscord, general: Room, clock: Clock
) -> None:
    """With the time to wait, in body and headers; then it goes on."""
    discord.rates.is_on = True
    discord.rates.buckets["create_message"] = Bucket(1, 1.25)
    await send(rest, general)
    refused = await send(rest, general)
    clock.advance(1.25)
    later = await send(rest, general)

    assert refused.status_code == 429
    assert refused.json() == {
        "message": "You are being rate limited.",
        "retry_after": 1.25,
        "global": False,
    }
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["x-ratelimit-scope"] == "user"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert later.status_code == 200
    assert len(discord.sent) == 2


async def test_channels_have_limits_of_their_own(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """Of the same bucket, whose name does not have the channel."""
    discord.rates.is_on = True
    discord.rates.buckets["create_message"] = Bucket(1, 9.0)
    answers = [await send(rest, room) for room in (general, discord.dm(), general)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert len({answer.headers["x-ratelimit-bucket"] for answer in answers}) == 1


async def test_all_requests_have_a_limit(
    rest: BareRest, discord: FakeDiscord, general: Room, clock: Clock
) -> None:
    """Fifty a second; the answer says that it is the global one; interactions are exempt."""
    discord.rates.is_on = True
    discord.rates.total = 2
    await rest.ask("GET", "/users/@me")
    clock.advance(0.5)
    await rest.ask("GET", "/applications/@me")
    refused = await rest.request("GET", f"/channels/{general.id}")
    answered = await rest.request("POST", "/interactions/1/x/callback", json={"type": 5})

    assert refused.json()["global"] is True
    assert refused.json()["retry_after"] == 0.5
    assert refused.headers["x-ratelimit-global"] == "true"
    assert refused.headers["x-ratelimit-scope"] == "global"
    assert answered.status_code == 404


async def test_reactions_share_a_bucket(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """Whatever the emoji, the message, and what is done."""
    discord.rates.is_on = True
    paths = [f"/channels/{general.id}/messages/{general.text('x').id}/reactions" for _ in "12"]
    first = await rest.request("PUT", f"{paths[0]}/%F0%9F%91%8D/@me")
    second = await rest.request("DELETE", f"{paths[1]}/%F0%9F%91%8E/@me")

    assert (first.status_code, second.status_code) == (204, 429)


@pytest.mark.parametrize(("scope", "status"), [("user", 429), ("shared", 200)])
async def test_invalid_requests_ban_the_address(
    rest: BareRest, discord: FakeDiscord, clock: Clock, scope: Any, status: int
) -> None:
    """For ten minutes, by a page that is no JSON; shared limits are no fault of the bot."""
    discord.rates.most_invalid = 3
    discord.fail_next("get_me", too_many_requests(scope=scope), times=3)
    for _ in range(3):
        await rest.request("GET", "/users/@me")
    banned = await rest.request("GET", "/users/@me")
    clock.advance(601)

    assert banned.status_code == status
    if status == 429:
        assert banned.headers["content-type"].startswith("text/html")
        assert "via" not in banned.headers
        assert banned.headers["retry-after"] == "600"
    assert (await rest.request("GET", "/users/@me")).status_code == 200


async def test_invalid_requests_are_forgotten(
    rest: BareRest, discord: FakeDiscord, clock: Clock
) -> None:
    """After ten minutes; the real number is ten thousand."""
    assert discord.rates.most_invalid == 10_000
    discord.rates.most_invalid = 2
    for _ in range(3):
        response = await rest.request("GET", "/users/@me", headers={"Authorization": "x"})
        assert response.status_code == 401
        clock.advance(601)


# --- what a test wants ---


@pytest.mark.parametrize(
    ("failure", "status", "body"),
    [
        (too_many_requests(0.75), 429, {"retry_after": 0.75}),
        (too_many_requests(3, scope="global"), 429, {"global": True}),
        (too_many_requests(3, code=20028), 429, {"code": 20028}),
        (old_edits(), 429, {"code": 30046}),
        (server_error(), 500, {"code": 0}),
        (ApiError(400, 130000, "API resource is overloaded"), 400, {"code": 130000}),
    ],
)
async def test_the_next_requests_are_refused(
    rest: BareRest,
    discord: FakeDiscord,
    general: Room,
    failure: ApiError,
    status: int,
    body: dict[str, Any],
) -> None:
    """So often as it was said, and nothing is done meanwhile."""
    trouble = discord.fail_next("create_message", failure, times=2)
    for _ in range(2):
        answer = await send(rest, general)
        assert answer.status_code == status
        assert body.items() <= answer.json().items()
    assert discord.sent == []
    await send(rest, general)

    assert trouble.is_over
    assert len(discord.sent) == 1


async def test_a_page_is_no_json(rest: BareRest, discord: FakeDiscord, general: Room) -> None:
    """What stands before the API answers in HTML."""
    discord.fail_next(None, page(502))
    answer = await send(rest, general)

    assert (answer.status_code, answer.headers["content-type"]) == (
        502,
        "text/html; charset=UTF-8",
    )
    assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("fault", "is_done"), [(Fault.RESET, False), (Fault.LOST, True), (Fault.CUT, True)]
)
async def test_the_connection_breaks(
    rest: BareRest, discord: FakeDiscord, general: Room, fault: Fault, is_done: bool
) -> None:
    """Before the request is done, or after."""
    discord.fail_next("create_message", fault, room=general)
    await send(rest, discord.dm())
    with pytest.raises(httpx.TransportError):
        await send(rest, general)

    assert [message.channel for message in discord.sent][1:] == [general.channel] * is_done


@pytest.mark.parametrize(("fault", "is_done"), [(Fault.HANG, False), (Fault.SILENT, True)])
async def test_no_answer_comes(
    rest: BareRest, discord: FakeDiscord, general: Room, fault: Fault, is_done: bool
) -> None:
    """Whether it was done or not."""
    discord.fail_next("create_message", fault)
    asked = asyncio.create_task(send(rest, general))
    await discord.wait_for(lambda: discord.calls("create_message"))

    assert not asked.done()
    assert len(discord.sent) == is_done
    asked.cancel()


async def test_answers_wait_at_a_gate(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """What they answer is done, or not yet; opened, they come in order."""
    before = discord.hold("create_message", is_before=True, room=general)
    after = discord.hold("typing")
    tasks = [
        asyncio.create_task(send(rest, general)),
        asyncio.create_task(rest.request("POST", f"/channels/{general.id}/typing")),
    ]
    await discord.wait_for(lambda: before.waiting and after.waiting)

    assert [event.kind for event in discord.events] == ["typing"]
    after.open()
    before.open()
    assert [(await task).status_code for task in tasks] == [200, 204]


async def test_answers_come_late(rest: BareRest, discord: FakeDiscord, general: Room) -> None:
    """Until it is ended."""
    slow = discord.slow_down("get_me", 0.02)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rest.ask("GET", "/users/@me")
    took = loop.time() - began
    slow.end()
    await rest.ask("GET", "/users/@me")

    assert took >= 0.02


def test_routes_have_names(discord: FakeDiscord) -> None:
    """One that there is not is a mistake of the test."""
    with pytest.raises(ValueError, match="create_message"):
        discord.fail_next("sendMessage", page(502))


async def test_the_network_goes_away(discord: FakeDiscord, rest: BareRest) -> None:
    """And comes back at the same place."""
    await rest.ask("GET", "/users/@me")
    url = discord.url
    discord.refuse()
    discord.drop_all()
    with pytest.raises(httpx.TransportError):
        await rest.ask("GET", "/users/@me")
    await discord.listen()

    assert discord.url == url
    async with rest_of(discord) as again:
        assert await again.ask("GET", "/users/@me")


async def test_requests_are_kept(rest: BareRest, discord: FakeDiscord, general: Room) -> None:
    """Each with what became of it."""
    await rest.say(general.id, "x")
    with pytest.raises(Refused):
        await rest.say(general.id, "")

    first, second = discord.calls("create_message")
    assert [message.content for message in await discord.wait_for_sent()] == ["x"]
    assert (first.status, first.result["content"]) == (200, "x")
    assert (second.status, second.result, second.channel_id) == (400, None, general.id)
    assert first.headers["user-agent"].startswith("DiscordBot")


async def test_waiting_ends_by_itself(discord: FakeDiscord) -> None:
    """With an error of its own."""
    with pytest.raises(TimeoutError):
        await discord.wait_for_sent(timeout_s=0.01)
    with pytest.raises(TimeoutError):
        await discord.wait_for_bot(timeout_s=0.01)


async def test_a_failure_of_the_network_itself_is_told() -> None:
    """It must not look like one of the bot."""
    with pytest.raises(RuntimeError, match="fake network itself"):
        await break_it()


async def break_it() -> None:
    """Let a network fail in the middle of a request."""
    async with FakeDiscord() as network, rest_of(network) as rest:
        network.world.bot = None  # type: ignore[assignment]
        await rest.request("GET", "/users/@me")
