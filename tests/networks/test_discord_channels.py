"""Channels, threads, forums, direct channels, guilds."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from networks.client import Clock
from networks.discord import (
    CATEGORY,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    VOICE,
    FakeDiscord,
    Hall,
    Room,
)
from networks.discord_client import BareGateway, BareRest


async def test_a_guild_lists_its_channels(rest: BareRest, lab: Hall, general: Room) -> None:
    """All kinds, names twice, hidden ones as well; no threads, nothing deleted."""
    lab.category("general")
    lab.channel("General", VOICE)
    lab.channel("general").deny("VIEW_CHANNEL")
    lab.channel("gone").remove()
    general.thread("Plans")
    listed = await rest.ask("GET", f"/guilds/{lab.id}/channels")

    assert [(one["name"], one["type"]) for one in listed] == [
        ("general", 0),
        ("general", CATEGORY),
        ("General", VOICE),
        ("general", 0),
    ]
    assert listed[3]["permission_overwrites"][0]["deny"] == str(1 << 10)


async def test_a_channel_is_told_of(rest: BareRest, lab: Hall) -> None:
    """With its parent."""
    work = lab.category("work")
    room = lab.channel("plans", parent=work)
    room.text("x")
    told = await rest.ask("GET", f"/channels/{room.id}")

    assert (told["name"], told["parent_id"], told["guild_id"]) == ("plans", work.id, lab.id)
    assert told["last_message_id"] == room.messages[0].id


async def test_guilds_and_members_are_told_of(
    rest: BareRest, lab: Hall, discord: FakeDiscord
) -> None:
    """Those that the bot is in, and who is there."""
    bob = discord.user("Bob")
    lab.join(bob, nick="Bobby")
    mine = await rest.ask("GET", "/users/@me/guilds")
    member = await rest.ask("GET", f"/guilds/{lab.id}/members/{bob.id}")

    assert [guild["name"] for guild in mine] == ["Lab"]
    assert (await rest.ask("GET", f"/guilds/{lab.id}"))["name"] == "Lab"
    assert (member["nick"], member["user"]["global_name"]) == ("Bobby", "Bob")
    assert (await rest.refusal("GET", f"/guilds/{lab.id}/members/42")).code == 10007
    assert (await rest.refusal("GET", "/guilds/42/channels")).code == 10004


async def test_a_direct_channel_is_opened_once(
    rest: BareRest, discord: FakeDiscord, gateway: BareGateway
) -> None:
    """No event tells of it; the same one comes back."""
    ann = discord.user("Ann")
    body = {"recipient_id": ann.id}
    first = await rest.ask("POST", "/users/@me/channels", body)
    again = await rest.ask("POST", "/users/@me/channels", body)
    await gateway.start()
    room = discord.dm(ann)
    room.text("hi")
    told = await gateway.receive()

    assert first["id"] == again["id"] == room.id
    assert (first["type"], first["recipients"][0]["id"]) == (1, ann.id)
    assert told["t"] == "MESSAGE_CREATE"
    assert "guild_id" not in told["d"]
    assert "member" not in told["d"]
    assert told["d"]["channel_type"] == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("takes_dms", False, 50007),
        ("has_blocked_bot", True, 50007),
        ("shares_guild", False, 50278),
    ],
)
async def test_people_may_not_want_to_be_written_to(
    rest: BareRest, discord: FakeDiscord, field: str, value: bool, code: int
) -> None:
    """Or be nowhere where the bot is."""
    ann = discord.user("Ann", **{field: value})
    channel = await rest.ask("POST", "/users/@me/channels", {"recipient_id": ann.id})
    refused = await rest.refusal(
        "POST", f"/channels/{channel['id']}/messages", {"content": "x"}
    )

    assert (refused.status, refused.code) == (403, code)


@pytest.mark.parametrize("recipient", ["42", None])
async def test_nobody_has_no_direct_channel(rest: BareRest, recipient: Any) -> None:
    """It needs somebody."""
    refused = await rest.refusal("POST", "/users/@me/channels", {"recipient_id": recipient})

    assert refused.code == 50033


# --- threads ---


async def test_a_thread_begins_at_a_message(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """Once; it has the message's id; the message says so."""
    await gateway.start()
    message = general.text("x")
    path = f"/channels/{general.id}/messages/{message.id}"
    thread = await rest.ask("POST", f"{path}/threads", {"name": "Plans"})
    changed = await gateway.event("MESSAGE_UPDATE")
    opened = await gateway.event("THREAD_CREATE")
    again = await rest.refusal("POST", f"{path}/threads", {"name": "Plans"})

    assert (thread["id"], thread["type"]) == (message.id, PUBLIC_THREAD)
    assert (thread["parent_id"], thread["owner_id"]) == (general.id, discord.bot.id)
    assert (changed["flags"], changed["thread"]["name"]) == (1 << 5, "Plans")
    assert changed["edited_timestamp"] is None
    assert opened["newly_created"] is True
    assert again.code == 160004
    assert discord.happened("thread")[0].channel is discord.world.channels[thread["id"]]


async def test_a_thread_of_its_own_is_private_unless_it_is_said(
    rest: BareRest, lab: Hall, general: Room
) -> None:
    """Active ones are listed, also private ones that the bot is in."""
    path = f"/channels/{general.id}/threads"
    private = await rest.ask("POST", path, {"name": "one"})
    public = await rest.ask("POST", path, {"name": "two", "type": 11})
    general.thread("three", is_private=True)
    general.thread("four").archive()
    active = await rest.ask("GET", f"/guilds/{lab.id}/threads/active")

    assert (private["type"], public["type"]) == (PRIVATE_THREAD, PUBLIC_THREAD)
    assert [thread["name"] for thread in active["threads"]] == ["one", "two"]


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "x" * 101}, {"name": "x", "auto_archive_duration": 5}]
)
async def test_a_threads_form_is_checked(
    rest: BareRest, general: Room, body: dict[str, Any]
) -> None:
    """Its name, and when it is archived."""
    refused = await rest.refusal("POST", f"/channels/{general.id}/threads", body)

    assert refused.code == 50035


async def test_messages_stand_in_the_thread(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """Its id is the channel's; another permission counts there."""
    await gateway.start()
    thread = general.thread("Plans")
    thread.text("inside")
    told = await gateway.event("MESSAGE_CREATE")
    general.deny("SEND_MESSAGES")
    await rest.say(thread.id)
    await rest.ask("POST", f"/channels/{thread.id}/typing")
    general.deny("SEND_MESSAGES_IN_THREADS")
    refused = await rest.refusal("POST", f"/channels/{thread.id}/messages", {"content": "x"})

    assert (told["channel_id"], told["channel_type"]) == (thread.id, PUBLIC_THREAD)
    assert discord.sent[0].channel is thread.channel
    assert refused.code == 50013


async def test_writing_takes_a_thread_out_of_the_archive(
    rest: BareRest, gateway: BareGateway, lab: Hall, general: Room
) -> None:
    """Unless it is locked."""
    thread, locked, shut = (general.thread(name) for name in "abc")
    thread.archive()
    locked.archive(is_locked=True)
    shut.channel.is_locked = True
    await gateway.start()
    await rest.say(thread.id)
    told = await gateway.event("THREAD_UPDATE")
    codes = []
    for room in (locked, shut):
        path = f"/channels/{room.id}/messages"
        codes.append((await rest.refusal("POST", path, {"content": "x"})).code)
    lab.grant("MANAGE_THREADS")
    await rest.say(locked.id)

    assert told["thread_metadata"]["archived"] is False
    assert codes == [50083, 160005]


async def test_the_archive_is_listed(rest: BareRest, general: Room, clock: Clock) -> None:
    """Public threads, the last closed first, by pages; only to who may read what was said."""
    threads = [general.thread(name) for name in ("a", "b", "c")]
    general.thread("open")
    general.thread("secret", is_private=True).archive()
    for thread in reversed(threads):
        clock.passed_s += 1
        thread.archive()
    path = f"/channels/{general.id}/threads/archived/public"
    first = await rest.ask("GET", f"{path}?limit=2")
    before = first["threads"][-1]["thread_metadata"]["archive_timestamp"]
    rest_of_it = await rest.ask("GET", f"{path}?limit=2&before={quote(before)}")
    general.deny("READ_MESSAGE_HISTORY")

    assert [one["name"] for one in first["threads"]] == ["a", "b"]
    assert [one["name"] for one in rest_of_it["threads"]] == ["c"]
    assert (first["has_more"], rest_of_it["has_more"]) == (True, False)
    assert (await rest.refusal("GET", path)).code == 50013
    inner = f"/channels/{threads[0].id}/threads/archived/public"
    assert (await rest.refusal("GET", inner)).code == 50024


async def test_the_bot_changes_its_threads(rest: BareRest, general: Room) -> None:
    """Others' only with a permission."""
    own = await rest.ask("POST", f"/channels/{general.id}/threads", {"name": "a", "type": 11})
    theirs = general.thread("b")
    changed = await rest.ask("PATCH", f"/channels/{own['id']}", {"name": "c", "archived": True})
    refused = await rest.refusal("PATCH", f"/channels/{theirs.id}", {"archived": True})

    assert (changed["name"], changed["thread_metadata"]["archived"]) == ("c", True)
    assert refused.code == 50013
    assert (await rest.refusal("PATCH", f"/channels/{general.id}", {"name": "x"})).code == 50013


async def test_private_threads_are_hidden(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """From a bot that is not in them; in public ones it need not be."""
    private, public = general.thread("a", is_private=True), general.thread("b")
    refused = await rest.refusal("GET", f"/channels/{private.id}")
    await rest.ask("PUT", f"/channels/{public.id}/thread-members/@me")

    assert (refused.status, refused.code) == (403, 50001)
    assert public.channel.has_bot
    path = f"/channels/{private.id}/thread-members/@me"
    assert (await rest.refusal("PUT", path)).code == 50001
    assert (
        await rest.refusal("PUT", f"/channels/{general.id}/thread-members/@me")
    ).code == 10003


# --- forums ---


async def test_a_forum_takes_posts_only(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, lab: Hall
) -> None:
    """A post is a thread; its first message has its id."""
    forum = lab.forum()
    await gateway.start()
    refused = await rest.refusal("POST", f"/channels/{forum.id}/messages", {"content": "x"})
    body = {"name": "How?", "message": {"content": "so"}}
    post = await rest.ask("POST", f"/channels/{forum.id}/threads", body)
    told = await gateway.event("MESSAGE_CREATE")

    assert refused.code == 40058
    assert (post["type"], post["parent_id"]) == (PUBLIC_THREAD, forum.id)
    assert post["message"]["id"] == post["id"] == told["id"] == told["channel_id"]
    assert [message.content for message in discord.sent] == ["so"]


async def test_a_forum_may_need_a_tag(rest: BareRest, lab: Hall) -> None:
    """And a post always needs a message."""
    forum = lab.forum(tags=("bug",), needs_tag=True)
    told = (await rest.ask("GET", f"/channels/{forum.id}"))["available_tags"]
    path = f"/channels/{forum.id}/threads"
    body: dict[str, Any] = {"name": "x", "message": {"content": "y"}}
    untagged = await rest.refusal("POST", path, body)
    tags = {"applied_tags": [told[0]["id"]]}
    post = await rest.ask("POST", path, {**body, **tags})
    empty = await rest.refusal("POST", path, {"name": "x", **tags})

    assert untagged.code == 40067
    assert (told[0]["name"], post["applied_tags"]) == ("bug", tags["applied_tags"])
    assert empty.code == 50006


async def test_other_channels_have_no_threads(rest: BareRest, lab: Hall) -> None:
    """Such as those for speaking."""
    voice = lab.channel("talk", VOICE)
    message = voice.text("x")
    for path in (f"/channels/{voice.id}", f"/channels/{voice.id}/messages/{message.id}"):
        assert (await rest.refusal("POST", f"{path}/threads", {"name": "x"})).code == 50024
