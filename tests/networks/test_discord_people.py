"""What people do, as the bot is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import Clock
from networks.discord import FakeDiscord, Hall, Room
from networks.discord_client import BareGateway, BareRest

DEFAULT, REPLY = 0, 19


@pytest.fixture
async def told(gateway: BareGateway, general: Room) -> BareGateway:
    """The gateway, once the bot is told of what happens."""
    await gateway.start()
    await gateway.event("GUILD_CREATE")
    return gateway


async def test_a_text_has_its_author(
    told: BareGateway, discord: FakeDiscord, lab: Hall, general: Room
) -> None:
    """As a user, and as a member of the guild without the user inside."""
    staff = lab.role("staff")
    bob = discord.user("Bob", username="bob_u")
    lab.join(bob, nick="Bobby", roles=(staff,))
    message = general.text("hello", by=bob, nonce="theirs")
    event = await told.event("MESSAGE_CREATE")

    assert (event["id"], event["content"], event["type"]) == (message.id, "hello", DEFAULT)
    assert (event["author"]["username"], event["author"]["global_name"]) == ("bob_u", "Bob")
    assert (event["member"]["nick"], event["member"]["roles"]) == ("Bobby", [staff.id])
    assert "user" not in event["member"]
    assert "bot" not in event["author"]
    assert (event["nonce"], event["pinned"], event["flags"]) == ("theirs", False, 0)


async def test_events_may_be_lost_or_come_twice(
    told: BareGateway, rest: BareRest, general: Room
) -> None:
    """The message is there all the same, and the same."""
    lost = general.text("lost", is_told=False)
    twice = general.text("twice")
    general.tell_again(twice)
    events = [await told.event("MESSAGE_CREATE") for _ in range(2)]
    page = await rest.ask("GET", f"/channels/{general.id}/messages")

    assert events[0] == events[1]
    assert [message["id"] for message in page] == [twice.id, lost.id]


async def test_mentions_and_replies_ping(
    told: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """A reply pings its author though the text has no mention, unless that was switched off."""
    own = discord.world.add_message(general.channel, discord.bot, content="own")
    general.text(f"hi <@!{discord.bot.id}>")
    general.text("yes", reply_to=own)
    general.text("no", reply_to=own, ping=False)
    events = [await told.event("MESSAGE_CREATE") for _ in range(3)]

    assert [[user["id"] for user in one["mentions"]] for one in events] == [
        [discord.bot.id],
        [discord.bot.id],
        [],
    ]
    assert [one["type"] for one in events] == [DEFAULT, REPLY, REPLY]
    assert events[1]["message_reference"]["message_id"] == own.id


async def test_everything_that_people_send(told: BareGateway, lab: Hall, general: Room) -> None:
    """Files, sounds, stickers, polls, forwards; each without a text has an empty one."""
    news = lab.channel("news").text("news")
    general.attach(b"12", "n.txt", text="see", description="two", size=99)
    general.speak()
    general.sticker("wave")
    general.post(poll={"question": {"text": "?"}})
    general.forward(news)
    events = [await told.event("MESSAGE_CREATE") for _ in range(6)][1:]

    file = events[0]["attachments"][0]
    assert (file["filename"], file["size"], file["description"]) == ("n.txt", 99, "two")
    assert file["content_type"] == "text/plain"
    assert (events[1]["flags"], events[1]["attachments"][0]["duration_secs"]) == (1 << 13, 3.2)
    assert events[2]["sticker_items"][0]["name"] == "wave"
    assert events[3]["poll"]["question"]["text"] == "?"
    assert events[4]["message_snapshots"][0]["message"]["content"] == "news"
    assert events[4]["message_reference"]["type"] == 1
    assert [event["content"] for event in events] == ["see", "", "", "", ""]


async def test_a_webhook_is_nobody(
    told: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """It chooses its name and is no member."""
    general.webhook("deployed", name="Ann", webhook_id="77")
    event = await told.event("MESSAGE_CREATE")

    assert (event["webhook_id"], event["author"]["id"]) == ("77", "77")
    assert (event["author"]["username"], event["author"]["bot"]) == ("Ann", True)
    assert event["author"]["discriminator"] == "0000"
    assert "member" not in event


async def test_other_bots_and_the_system_are_told_apart(
    told: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """By what their users say."""
    general.text("beep", by=discord.user("Robot", is_bot=True))
    general.post(kind=7, by=discord.user("Discord", is_system=True))
    robot, system = [await told.event("MESSAGE_CREATE") for _ in range(2)]

    assert (robot["author"]["bot"], system["author"]["system"], system["type"]) == (
        True,
        True,
        7,
    )


async def test_an_edit_is_told_apart_from_a_link_that_is_shown(
    told: BareGateway, general: Room, clock: Clock
) -> None:
    """And from a pin: only an edit has a time."""
    message = general.text("see https://a.test")
    general.resolve_link(message, title="A")
    general.pin(message)
    clock.advance(3)
    general.edit(message, "edited")
    events = [await told.event("MESSAGE_UPDATE") for _ in range(3)]

    times = [event["edited_timestamp"] for event in events]
    assert times == [None, None, "2026-01-01T00:00:03+00:00"]
    assert (events[0]["embeds"][0]["title"], events[1]["pinned"]) == ("A", True)
    assert events[2]["content"] == "edited"


async def test_an_edit_keeps_the_ping_of_a_reply(
    told: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """If there was one."""
    own = discord.world.add_message(general.channel, discord.bot, content="own")
    for ping in (True, False):
        message = general.edit(general.text("x", reply_to=own, ping=ping), "y")
        assert (discord.bot in message.mentions) is ping


async def test_deletions_say_only_what_is_gone(told: BareGateway, general: Room) -> None:
    """One, or several together."""
    one, two, three = (general.text(text) for text in "123")
    general.delete(one)
    general.delete(two, three)
    single = await told.event("MESSAGE_DELETE")
    bulk = await told.event("MESSAGE_DELETE_BULK")

    assert set(single) == {"id", "channel_id", "guild_id"}
    assert (single["id"], bulk["ids"]) == (one.id, [two.id, three.id])


async def test_reactions_name_their_emoji(told: BareGateway, lab: Hall, general: Room) -> None:
    """A guild's own has an id; taken away one by one, of one emoji, or all."""
    party = lab.emoji("party")
    message = general.text("x")
    general.react(message, "👍")
    general.react(message, party)
    general.unreact(message, "👍")
    general.clear_reactions(message, party)
    general.clear_reactions(message)
    await told.event("MESSAGE_CREATE")
    events = [await told.receive() for _ in range(5)]

    assert [event["t"].removeprefix("MESSAGE_REACTION_") for event in events] == [
        "ADD",
        "ADD",
        "REMOVE",
        "REMOVE_EMOJI",
        "REMOVE_ALL",
    ]
    first, second = events[0]["d"], events[1]["d"]
    assert first["emoji"] == {"id": None, "name": "👍"}
    assert second["emoji"] == {"id": party.id, "name": "party"}
    assert first["user_id"] == first["member"]["user"]["id"] == general.person.id
    assert "member" not in events[2]["d"]


async def test_typing_has_seconds(
    told: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """And who it is, also in a direct channel."""
    general.type()
    discord.dm(general.person).type()
    first, second = [await told.event("TYPING_START") for _ in range(2)]

    assert (first["timestamp"], first["user_id"]) == (1_767_225_600, general.person.id)
    assert "guild_id" in first
    assert "guild_id" not in second


async def test_threads_and_posts_are_told_of(
    told: BareGateway, lab: Hall, general: Room
) -> None:
    """Opened, written in, archived; channels as well: opened, renamed."""
    thread = general.thread("Plans", general.text("x"))
    thread.text("inside")
    post = lab.forum("help", tags=("bug",)).forum_post("How?", "so")
    thread.archive()
    general.rename("common")
    kinds = await told.names("CHANNEL_UPDATE")

    assert kinds == [
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "THREAD_CREATE",
        "MESSAGE_CREATE",
        "CHANNEL_CREATE",
        "THREAD_CREATE",
        "MESSAGE_CREATE",
        "THREAD_UPDATE",
        "CHANNEL_UPDATE",
    ]
    assert post.messages[0].id == post.id


async def test_a_guild_changes(told: BareGateway, discord: FakeDiscord, lab: Hall) -> None:
    """Members, roles, rights."""
    lab.join(discord.user("Bob"))
    lab.role("staff")
    lab.grant("MANAGE_MESSAGES")
    events: list[Any] = [await told.receive() for _ in range(3)]

    assert [event["t"] for event in events] == [
        "GUILD_MEMBER_ADD",
        "GUILD_ROLE_CREATE",
        "GUILD_ROLE_UPDATE",
    ]


async def test_what_is_told_does_not_change_afterwards(
    discord: FakeDiscord, general: Room, gateway: BareGateway
) -> None:
    """An event is what was so when it happened."""
    await gateway.start()
    message = general.text("first")
    general.edit(message, "second")

    assert (await gateway.event("MESSAGE_CREATE"))["content"] == "first"


async def test_a_message_is_found_by_its_id(rest: BareRest, general: Room) -> None:
    """As the bot sees it: with its reactions."""
    message = general.text("x")
    general.react(message, "👍")
    found = await rest.ask("GET", f"/channels/{general.id}/messages/{message.id}")

    assert found["reactions"][0]["count"] == 1
    assert found["reactions"][0]["me"] is False
