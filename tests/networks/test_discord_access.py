"""What every request has to be, and what the bot may do."""

from __future__ import annotations

from typing import Any

import pytest

from networks.discord import FakeDiscord, Hall, Room
from networks.discord.network import TOKEN
from networks.discord.world import bot_id_of
from networks.discord_client import BareGateway, BareRest


async def test_the_bot_knows_who_it_is(rest: BareRest, discord: FakeDiscord) -> None:
    """Itself, its application, others."""
    me = await rest.ask("GET", "/users/@me")
    application = await rest.ask("GET", "/applications/@me")
    ann = discord.user("Ann")

    assert (me["id"], me["username"], me["bot"]) == (bot_id_of(TOKEN), "test_bot", True)
    assert application["id"] == me["id"]
    assert application["flags"] == 1 << 13 | 1 << 15 | 1 << 19
    assert (await rest.ask("GET", f"/users/{ann.id}"))["global_name"] == "Ann"
    assert (await rest.refusal("GET", "/users/42")).code == 10013


async def test_the_gateway_is_told_to_everybody(rest: BareRest, discord: FakeDiscord) -> None:
    """Where it is; how often one may come only to the bot."""
    response = await rest.http.get(f"{discord.url}/gateway")
    limits = await rest.http.get(
        f"{discord.url}/gateway/bot", headers={"User-Agent": "DiscordBot (x, 1)"}
    )

    assert response.json() == {"url": discord.gateway_url}
    assert limits.status_code == 401


@pytest.mark.parametrize("header", ["", TOKEN, f"bot {TOKEN}", f"Bearer {TOKEN}", "Bot x.y.z"])
async def test_the_token_is_checked(rest: BareRest, header: str) -> None:
    """It follows the word `Bot`."""
    response = await rest.request("GET", "/users/@me", headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json() == {"message": "401: Unauthorized", "code": 0}


async def test_a_token_is_revoked(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord
) -> None:
    """Requests are refused, sessions closed."""
    await gateway.start()
    discord.revoke_token()

    assert (await rest.refusal("GET", "/users/@me")).status == 401
    assert await gateway.closing() == 4004


def test_a_token_begins_with_an_id() -> None:
    """Else there is no bot."""
    with pytest.raises(ValueError, match="base64"):
        FakeDiscord("no-token")


@pytest.mark.parametrize("agent", ["python-httpx/0.28", "", "DiscordBot"])
async def test_the_agent_is_checked(rest: BareRest, agent: str) -> None:
    """At the edge of the network."""
    response = await rest.request("GET", "/users/@me", headers={"User-Agent": agent})

    assert (response.status_code, response.json()["code"]) == (403, 40333)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v5/users/@me", 400, 50041),
        ("/api/users/@me", 400, 50041),
        ("/api/v10/nothing", 404, 0),
        ("/nothing", 404, 0),
        ("/api/v10/channels/x/messages", 400, 50035),
        ("/api/v10/channels/42", 404, 10003),
    ],
)
async def test_the_path_is_checked(
    rest: BareRest, discord: FakeDiscord, path: str, status: int, code: int
) -> None:
    """The version, what it names."""
    response = await rest.http.get(f"{discord.origin}{path}", headers=rest.headers)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["via"] == "1.1 google"


async def test_the_method_is_checked(rest: BareRest) -> None:
    """A path that is known by others is told apart."""
    assert (await rest.refusal("PUT", "/users/@me")).status == 405


async def test_version_9_still_works(rest: BareRest, discord: FakeDiscord) -> None:
    """As version 10 does."""
    url = f"{discord.origin}/api/v9/users/@me"

    assert (await rest.http.get(url, headers=rest.headers)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("", b'{"content": "x"}', 50035),
        ("text/plain", b'{"content": "x"}', 50035),
        ("application/json", b"{", 50109),
        ("multipart/form-data", b"x", 50109),
        ("multipart/form-data; boundary=x", b"--x--", 50006),
    ],
)
async def test_the_body_is_checked(
    rest: BareRest, general: Room, kind: str, content: bytes, code: int
) -> None:
    """It has to be what its type says, and its type one of three."""
    path = f"/channels/{general.id}/messages"
    options: dict[str, Any] = {"headers": {"Content-Type": kind}, "content": content}
    response = await rest.request("POST", path, **options)

    assert (response.status_code, response.json()["code"]) == (400, code)


async def test_forms_need_no_json(rest: BareRest, discord: FakeDiscord, general: Room) -> None:
    """A text can come urlencoded."""
    path = f"/channels/{general.id}/messages"
    response = await rest.request("POST", path, data={"content": "x y"})

    assert response.status_code == 200
    assert discord.sent[0].content == "x y"


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("POST", "/messages", "SEND_MESSAGES"),
        ("POST", "/typing", "SEND_MESSAGES"),
        ("GET", "/messages/{message}", "READ_MESSAGE_HISTORY"),
        ("PUT", "/messages/{message}/reactions/%F0%9F%91%8D/@me", "ADD_REACTIONS"),
        ("PUT", "/messages/{message}/reactions/%F0%9F%91%8D/@me", "READ_MESSAGE_HISTORY"),
        ("POST", "/messages/{message}/threads", "CREATE_PUBLIC_THREADS"),
        ("POST", "/threads", "CREATE_PRIVATE_THREADS"),
    ],
)
async def test_permissions_are_needed(
    rest: BareRest, lab: Hall, general: Room, method: str, path: str, permission: str
) -> None:
    """Denied in the channel, or withdrawn in the guild; given back it works."""
    message = general.text("x")
    where = f"/channels/{general.id}{path.format(message=message.id)}"
    body = {"content": "x", "name": "x"} if method == "POST" else None
    general.deny(permission)
    denied = await rest.refusal(method, where, body)
    general.allow(permission)
    lab.withdraw(permission)
    withdrawn = await rest.refusal(method, where, body)
    lab.grant(permission)

    assert (denied.status, denied.code) == (withdrawn.status, withdrawn.code) == (403, 50013)
    assert (await rest.request(method, where, json=body)).is_success


async def test_what_is_not_seen_is_not_accessed(rest: BareRest, general: Room) -> None:
    """Whatever is asked of it."""
    general.deny("VIEW_CHANNEL")
    for method, path in (("GET", ""), ("GET", "/messages"), ("POST", "/typing")):
        refused = await rest.refusal(method, f"/channels/{general.id}{path}")
        assert (refused.status, refused.code) == (403, 50001)


async def test_a_bot_that_was_thrown_out_sees_nothing(
    rest: BareRest, gateway: BareGateway, lab: Hall, general: Room
) -> None:
    """And is told once; let in again it gets the guild."""
    await gateway.start()
    lab.kick_bot()
    told = await gateway.event("GUILD_DELETE")
    guild = await rest.refusal("GET", f"/guilds/{lab.id}")
    channel = await rest.refusal("GET", f"/channels/{general.id}")
    lab.invite_bot()

    assert told == {"id": lab.id}
    assert (guild.code, channel.code) == (10004, 50001)
    assert (await gateway.event("GUILD_CREATE"))["id"] == lab.id


async def test_an_outage_is_told_apart(
    gateway: BareGateway, discord: FakeDiscord, lab: Hall
) -> None:
    """By its field; a session that begins meanwhile gets the guild later."""
    lab.fail()
    ready = await gateway.start()
    lab.recover()
    lab.fail()

    assert ready["guilds"] == [{"id": lab.id, "unavailable": True}]
    assert (await gateway.receive())["t"] == "GUILD_CREATE"
    assert (await gateway.event("GUILD_DELETE"))["unavailable"] is True


async def test_a_deleted_channel_is_unknown(
    rest: BareRest, gateway: BareGateway, general: Room
) -> None:
    """And the bot is told."""
    await gateway.start()
    thread = general.thread("Plans")
    thread.remove()
    general.remove()
    refused = await rest.refusal("GET", f"/channels/{general.id}")

    assert (await gateway.event("THREAD_DELETE"))["parent_id"] == general.id
    assert (await gateway.event("CHANNEL_DELETE"))["id"] == general.id
    assert (refused.status, refused.code) == (404, 10003)
