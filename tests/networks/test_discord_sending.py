"""Messages as the bot sends them."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import Clock
from networks.discord import FakeDiscord, Hall, Room
from networks.discord_client import BareGateway, BareRest

NONE: dict[str, Any] = {"parse": []}
DEFAULT, REPLY = 0, 19


async def test_a_message_appears(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """In the channel, in the answer, and as an event that the bot gets of itself."""
    await gateway.start()
    sent = await rest.say(general.id, "hello 🚀", nonce="n")
    echo = await gateway.event("MESSAGE_CREATE")

    message = discord.sent[0]
    assert (message.content, message.channel_id, message.nonce) == ("hello 🚀", general.id, "n")
    assert (sent["id"], sent["nonce"], sent["type"]) == (message.id, "n", DEFAULT)
    assert sent["timestamp"] == "2026-01-01T00:00:00+00:00"
    assert echo["id"] == sent["id"]
    assert echo["author"]["id"] == discord.bot.id
    assert (echo["guild_id"], echo["channel_type"]) == (general.channel.guild.id, 0)  # type: ignore[union-attr]
    assert message.request.route == "create_message"


async def test_ids_hold_the_time(rest: BareRest, general: Room, clock: Clock) -> None:
    """And are later than all before them."""
    first = await rest.say(general.id)
    clock.advance(10)
    second = await rest.say(general.id)

    times = [(int(one["id"]) >> 22) + 1_420_070_400_000 for one in (first, second)]
    assert times[1] - times[0] == 10_000
    assert int(second["id"]) > int(first["id"])


@pytest.mark.parametrize(
    ("fields", "path", "problem"),
    [
        ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
        ({"content": ["x"]}, "content", "STRING_TYPE_CONVERT"),
        ({"nonce": "x" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": ["x"]}, "embeds.0", "DICT_TYPE_CONVERT"),
        ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
        (
            {"embeds": [{"fields": [{"name": "n", "value": "x" * 1025}]}]},
            "embeds.0.fields.0.value",
            "BASE_TYPE_MAX_LENGTH",
        ),
        ({"embeds": [{"fields": [{}] * 26}]}, "embeds.0.fields", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"description": "x" * 3001}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
        (
            {"allowed_mentions": {"parse": ["all"]}},
            "allowed_mentions.parse.0",
            "BASE_TYPE_CHOICES",
        ),
        (
            {"allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            "allowed_mentions",
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
        (
            {"allowed_mentions": {"users": ["1"] * 101}},
            "allowed_mentions.users",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            {"message_reference": {"message_id": "42"}},
            "message_reference",
            "REPLIES_UNKNOWN_MESSAGE",
        ),
    ],
)
async def test_an_invalid_form_is_refused(
    rest: BareRest,
    discord: FakeDiscord,
    general: Room,
    fields: dict[str, Any],
    path: str,
    problem: str,
) -> None:
    """With code 50035; errors are nested as the form is."""
    path_of_messages = f"/channels/{general.id}/messages"
    refused = await rest.refusal("POST", path_of_messages, {"content": "x", **fields})

    place = refused.errors
    for step in path.split("."):
        place = place[step]
    assert (refused.status, refused.code) == (400, 50035)
    assert place["_errors"][0]["code"] == problem
    assert discord.sent == []


@pytest.mark.parametrize("content", ["x" * 2000, "🚀" * 2000])
async def test_a_text_may_have_2000_code_points(
    rest: BareRest, general: Room, content: str
) -> None:
    """Not bytes, and not units of UTF-16."""
    assert (await rest.say(general.id, content))["content"] == content


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": " \n"}, {"nonce": "x"}])
async def test_an_empty_message_is_refused(
    rest: BareRest, general: Room, body: dict[str, Any]
) -> None:
    """With a code of its own."""
    refused = await rest.refusal("POST", f"/channels/{general.id}/messages", body)

    assert (refused.status, refused.code) == (400, 50006)


async def test_an_embed_alone_is_a_message(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """Or a sticker; the flag that suppresses embeds hides them."""
    path = f"/channels/{general.id}/messages"
    sent = await rest.ask("POST", path, {"embeds": [{"title": "t"}]})
    hidden = await rest.ask("POST", path, {"embeds": [{"title": "t"}], "flags": 4 | 64})
    sticker = await rest.ask("POST", path, {"sticker_ids": ["9"]})

    assert sent["embeds"] == [{"type": "rich", "title": "t"}]
    assert (hidden["embeds"], hidden["flags"]) == ([], 4)
    assert sticker["sticker_items"][0]["id"] == "9"


# --- nonces ---


async def test_an_enforced_nonce_makes_one_message(
    rest: BareRest, discord: FakeDiscord, lab: Hall, general: Room, clock: Clock
) -> None:
    """For some minutes, in whatever form it comes; the first message is the answer."""
    first = await rest.say(general.id, "one", nonce=7, enforce_nonce=True)
    clock.advance(discord.world.nonce_life_s - 1)
    again = await rest.say(general.id, "two", nonce="7", enforce_nonce=True)
    clock.advance(1)
    later = await rest.say(general.id, "three", nonce="7", enforce_nonce=True)

    assert again == first
    assert later["id"] != first["id"]
    assert [message.content for message in general.messages] == ["one", "three"]


async def test_a_nonce_alone_enforces_nothing(rest: BareRest, general: Room) -> None:
    """It only comes back."""
    for _ in range(2):
        await rest.say(general.id, nonce="n")

    assert [message.nonce for message in general.messages] == ["n", "n"]


async def test_a_deleted_first_message_fails_the_second(rest: BareRest, general: Room) -> None:
    """On purpose: it was sent, and is gone."""
    fields: dict[str, Any] = {"content": "x", "nonce": "n", "enforce_nonce": True}
    sent = await rest.say(general.id, **fields)
    await rest.ask("DELETE", f"/channels/{general.id}/messages/{sent['id']}")
    refused = await rest.refusal("POST", f"/channels/{general.id}/messages", fields)

    assert (refused.status, refused.code) == (404, 10008)


# --- replies and forwards ---


async def test_a_reply_refers_to_its_message(
    rest: BareRest, gateway: BareGateway, general: Room
) -> None:
    """And holds it; null when it is deleted; a reply of a reply goes one level deep."""
    await gateway.start()
    asked = general.text("first", reply_to=general.text("zero"))
    reply = await rest.say(general.id, message_reference={"message_id": asked.id})
    general.delete(asked)
    later = await rest.ask("GET", f"/channels/{general.id}/messages/{reply['id']}")

    assert reply["type"] == REPLY
    assert reply["message_reference"]["message_id"] == asked.id
    assert reply["referenced_message"]["content"] == "first"
    assert "referenced_message" not in reply["referenced_message"]
    assert later["referenced_message"] is None


async def test_a_reply_to_nothing_may_be_wanted(rest: BareRest, general: Room) -> None:
    """Then it is no reply."""
    reference = {"message_id": "42", "fail_if_not_exists": False}
    sent = await rest.say(general.id, message_reference=reference)

    assert sent["type"] == DEFAULT
    assert "message_reference" not in sent


async def test_system_messages_have_no_replies(rest: BareRest, general: Room) -> None:
    """Whatever the request says."""
    joined = general.post(kind=7)
    reference = {"message_id": joined.id, "fail_if_not_exists": False}
    body = {"content": "x", "message_reference": reference}
    refused = await rest.refusal("POST", f"/channels/{general.id}/messages", body)

    problem = refused.errors["message_reference"]["_errors"][0]["code"]
    assert problem == "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"


async def test_replies_need_the_history(rest: BareRest, general: Room) -> None:
    """Else they are refused with a code of their own."""
    asked = general.text("x")
    general.deny("READ_MESSAGE_HISTORY")
    body = {"content": "x", "message_reference": {"message_id": asked.id}}
    refused = await rest.refusal("POST", f"/channels/{general.id}/messages", body)

    assert refused.code == 160002


async def test_a_forward_holds_a_copy(rest: BareRest, lab: Hall, general: Room) -> None:
    """Which does not say whose it is."""
    message = lab.channel("other").text("news")
    reference = {"type": 1, "message_id": message.id, "channel_id": message.channel_id}
    path = f"/channels/{general.id}/messages"
    sent = await rest.ask("POST", path, {"message_reference": reference})

    assert (sent["content"], sent["flags"]) == ("", 1 << 14)
    assert sent["message_snapshots"][0]["message"]["content"] == "news"
    assert "author" not in sent["message_snapshots"][0]["message"]
    reference["message_id"] = "42"
    gone = await rest.refusal("POST", path, {"message_reference": reference})
    reference["message_id"] = message.id
    more = await rest.refusal("POST", path, {"message_reference": reference, "content": "x"})
    assert (gone.code, more.code) == (10008, 50035)


# --- whom it pings ---


async def test_everything_pings_unless_it_is_said(
    rest: BareRest, discord: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Users, the one who is answered, roles that may be, everyone if the bot may."""
    bob = discord.user("Bob")
    loud, quiet = lab.role("loud", is_mentionable=True), lab.role("quiet")
    asked = general.text("x")
    text = f"{bob.mention} <@&{loud.id}> <@&{quiet.id}> @everyone"
    reply = {"message_reference": {"message_id": asked.id}}

    all_of_it = await rest.say(general.id, text, **reply)
    none = await rest.say(general.id, text, **reply, allowed_mentions=NONE)
    lab.grant("MENTION_EVERYONE")
    more = await rest.say(general.id, text, allowed_mentions={"parse": ["roles", "everyone"]})
    some = await rest.say(
        general.id,
        text,
        **reply,
        allowed_mentions={"users": [bob.id], "roles": ["1"], "replied_user": True},
    )

    assert pinged(all_of_it) == ([bob.id, general.person.id], [loud.id], False)
    assert pinged(none) == ([], [], False)
    assert pinged(more) == ([], [loud.id, quiet.id], True)
    assert pinged(some) == ([bob.id, general.person.id], [], False)


def pinged(message: dict[str, Any]) -> tuple[list[str], list[str], bool]:
    """Return users, roles, and whether it was everyone."""
    users = [user["id"] for user in message["mentions"]]
    return users, message["mention_roles"], message["mention_everyone"]


# --- typing ---


async def test_typing_is_seen(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """It has no content in its answer."""
    await gateway.start()
    response = await rest.request("POST", f"/channels/{general.id}/typing")
    told = await gateway.event("TYPING_START")

    assert (response.status_code, response.content) == (204, b"")
    assert [event.channel for event in discord.happened("typing")] == [general.channel]
    assert (told["user_id"], told["timestamp"]) == (discord.bot.id, 1_767_225_600)
