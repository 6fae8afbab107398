"""Slash commands: offered, used, answered."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import Clock
from networks.discord import FakeDiscord, Hall, Interaction, Room
from networks.discord_client import BareGateway, BareRest, Refused

PING = {"name": "ping", "description": "Answers."}
MESSAGE, DEFERRED, EPHEMERAL, LOADING = 4, 5, 64, 128


def offered(discord: FakeDiscord, guild: Hall | None = None) -> str:
    """Return the path of commands."""
    place = f"/guilds/{guild.id}" if guild else ""
    return f"/applications/{discord.bot.id}{place}/commands"


def callback(used: Interaction) -> str:
    """Return the path of the first answer."""
    return f"/interactions/{used.id}/{used.token}/callback"


def webhook(discord: FakeDiscord, used: Interaction, message: str = "") -> str:
    """Return the path of more answers, or of one."""
    path = f"/webhooks/{discord.bot.id}/{used.token}"
    return f"{path}/messages/{message}" if message else path


async def test_commands_are_offered(rest: BareRest, discord: FakeDiscord, lab: Hall) -> None:
    """In all guilds or in one; of the same name there is one; all at once or singly."""
    first = await rest.ask("POST", offered(discord), PING)
    again = await rest.ask("POST", offered(discord), {**PING, "description": "Still."})
    mine = await rest.ask("PUT", offered(discord, lab), [PING, {**PING, "name": "pong"}])
    await rest.ask("DELETE", f"{offered(discord)}/{first['id']}")

    assert (again["id"], again["description"]) == (first["id"], "Still.")
    assert [command["guild_id"] for command in mine] == [lab.id] * 2
    assert await rest.ask("GET", offered(discord)) == []
    assert [command["name"] for command in discord.commands] == ["ping", "pong"]
    gone = await rest.refusal("DELETE", f"{offered(discord)}/{first['id']}")
    assert gone.code == 10063
    assert (await rest.refusal("GET", "/applications/42/commands")).code == 50001


@pytest.mark.parametrize(
    ("command", "field", "problem"),
    [
        ({"description": "x"}, "name", "BASE_TYPE_REQUIRED"),
        ({**PING, "name": "Ping"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        ({**PING, "name": "x" * 33}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        ({"name": "ping"}, "description", "BASE_TYPE_REQUIRED"),
        ({**PING, "description": "x" * 101}, "description", "BASE_TYPE_BAD_LENGTH"),
    ],
)
async def test_a_commands_form_is_checked(
    rest: BareRest, discord: FakeDiscord, command: dict[str, Any], field: str, problem: str
) -> None:
    """One by one, or all at once with its place in the list."""
    single = await rest.refusal("POST", offered(discord), command)
    many = await rest.refusal("PUT", offered(discord), [PING, command])

    assert single.errors[field]["_errors"][0]["code"] == problem
    assert many.errors["1"][field]["_errors"][0]["code"] == problem


async def test_a_use_is_told(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """With what it was given, and who gave it: a member in guilds, else a user."""
    command = await rest.ask("POST", offered(discord), PING)
    await gateway.start()
    used = general.use("ping", {"text": "hi", "number": 3, "flag": True})
    discord.dm(general.person).use("ping")
    first, second = [await gateway.event("INTERACTION_CREATE") for _ in range(2)]

    assert (first["id"], first["token"], first["type"]) == (used.id, used.token, 2)
    assert (first["data"]["id"], first["channel_id"]) == (command["id"], general.id)
    assert [(one["name"], one["type"], one["value"]) for one in first["data"]["options"]] == [
        ("text", 3, "hi"),
        ("number", 4, 3),
        ("flag", 5, True),
    ]
    assert first["member"]["user"]["id"] == second["user"]["id"] == general.person.id
    assert "user" not in first
    assert "member" not in second


async def test_it_is_answered_at_once(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """By a message of the bot's that says what it answers."""
    await gateway.start()
    used = general.use("ping")
    body = {"type": MESSAGE, "data": {"content": "pong"}}
    assert await rest.ask("POST", callback(used), body) is None
    told = await gateway.event("MESSAGE_CREATE")

    assert [message.content for message in discord.sent] == ["pong"]
    assert (told["type"], told["author"]["id"]) == (20, discord.bot.id)
    assert (told["webhook_id"], told["application_id"]) == (discord.bot.id, discord.bot.id)
    assert told["interaction_metadata"]["user"]["id"] == general.person.id
    assert discord.happened("answered")[0].detail == MESSAGE


async def test_the_answer_can_be_asked_for(rest: BareRest, general: Room) -> None:
    """By a parameter."""
    used = general.use("ping")
    body = {"type": MESSAGE, "data": {"content": "pong", "flags": EPHEMERAL}}
    told = await rest.ask("POST", f"{callback(used)}?with_response=true", body)

    assert told["resource"]["message"]["content"] == "pong"
    assert told["interaction"]["response_message_ephemeral"] is True


async def test_it_is_answered_later(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room, clock: Clock
) -> None:
    """What was deferred is seen as being thought of, until it is given."""
    await gateway.start()
    used = general.use("ping")
    await rest.ask("POST", callback(used), {"type": DEFERRED})
    waiting = await gateway.event("MESSAGE_CREATE")
    assert discord.sent == []
    clock.advance(600)
    original = webhook(discord, used, "@original")
    given = await rest.ask("PATCH", original, {"content": "pong"})
    edited = await rest.ask("PATCH", original, {"content": "PONG"})

    assert (waiting["flags"], waiting["content"]) == (LOADING, "")
    assert (given["id"], given["flags"], given["content"]) == (waiting["id"], 0, "pong")
    assert (await rest.ask("GET", original))["content"] == edited["content"] == "PONG"
    assert [event.kind for event in discord.events[1:]] == ["answered", "sent", "edited"]


async def test_there_can_be_more_answers(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """The first after a deferral takes its place; each is changed and deleted by its id."""
    used = general.use("ping")
    await rest.ask("POST", callback(used), {"type": DEFERRED})
    body = {"content": "x", "nonce": "n", "enforce_nonce": True}
    first = await rest.ask("POST", webhook(discord, used), body)
    second = await rest.ask("POST", webhook(discord, used), body)
    await rest.ask("DELETE", webhook(discord, used, second["id"]))
    gone = await rest.refusal("GET", webhook(discord, used, second["id"]))

    assert first["id"] == used.original.id if used.original else False
    assert second["id"] != first["id"]
    assert gone.code == 10008


async def test_an_answer_for_one_person_is_in_no_guild(
    rest: BareRest, gateway: BareGateway, general: Room
) -> None:
    """As the event tells it."""
    await gateway.start()
    used = general.use("ping")
    body = {"type": MESSAGE, "data": {"content": "psst", "flags": EPHEMERAL}}
    await rest.ask("POST", callback(used), body)
    told = await gateway.event("MESSAGE_CREATE")

    assert told["flags"] == EPHEMERAL
    assert "guild_id" not in told


async def test_the_first_answer_has_three_seconds(
    rest: BareRest, general: Room, clock: Clock
) -> None:
    """Then the interaction is unknown; answered, it cannot be answered so again."""
    late, used = general.use("ping"), general.use("ping")
    await rest.ask("POST", callback(used), {"type": DEFERRED})
    again = await rest.refusal("POST", callback(used), {"type": DEFERRED})
    clock.advance(3.1)
    refused = await rest.refusal("POST", callback(late), {"type": DEFERRED})

    assert (again.status, again.code) == (400, 40060)
    assert (refused.status, refused.code) == (404, 10062)


async def test_a_token_lives_fifteen_minutes(
    rest: BareRest, discord: FakeDiscord, general: Room, clock: Clock
) -> None:
    """And is good for nothing before the first answer."""
    used = general.use("ping")
    early = await rest.refusal("POST", webhook(discord, used), {"content": "x"})
    await rest.ask("POST", callback(used), {"type": DEFERRED})
    clock.advance(901)
    late = await rest.refusal("POST", webhook(discord, used), {"content": "x"})

    assert (early.status, early.code) == (404, 10015)
    assert (late.status, late.code) == (401, 50027)


async def test_an_answer_is_checked(rest: BareRest, general: Room) -> None:
    """Its type, its text; and it can be given after that."""
    used = general.use("ping")
    wrong = await rest.refusal("POST", callback(used), {"type": 99})
    with pytest.raises(Refused) as empty:
        await rest.ask("POST", callback(used), {"type": MESSAGE, "data": {"content": ""}})
    await rest.ask("POST", callback(used), {"type": MESSAGE, "data": {"content": "x"}})

    assert (wrong.code, empty.value.code) == (50035, 50006)
