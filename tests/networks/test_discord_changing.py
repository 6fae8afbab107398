"""Messages read, edited, deleted, reacted to."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from networks.client import Clock
from networks.discord import MESSAGE_CONTENT, FakeDiscord, Hall, Room
from networks.discord_client import BareGateway, BareRest

DAY_S = 24 * 3600


def at(room: Room, message_id: str) -> str:
    """Return the path of a message."""
    return f"/channels/{room.id}/messages/{message_id}"


def reaction(room: Room, message_id: str, emoji: str, who: str = "@me") -> str:
    """Return the path of a reaction."""
    return f"{at(room, message_id)}/reactions/{quote(emoji, safe='')}/{who}"


# --- reading ---


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("", "98765"),
        ("after=2", "76543"),
        ("before=2", "10"),
        ("before=5", "43210"),
        ("around=5", "76543"),
        ("around=0", "43210"),
        ("after=9", ""),
    ],
)
async def test_pages_hold_the_newest_first(
    rest: BareRest, general: Room, query: str, texts: str
) -> None:
    """After an id those that follow it at once; before it those that precede."""
    ids = [general.text(str(number)).id for number in range(10)]
    name, _, number = query.partition("=")
    bounds = f"&{name}={ids[int(number)]}" if number else ""
    page = await rest.ask("GET", f"/channels/{general.id}/messages?limit=5{bounds}")

    assert "".join(message["content"] for message in page) == texts


async def test_a_page_has_fifty_unless_it_is_said(rest: BareRest, general: Room) -> None:
    """And a hundred at most; ids that no message has any more serve as well."""
    messages = [general.text(str(number)) for number in range(110)]
    general.delete(messages[4])
    path = f"/channels/{general.id}/messages"

    assert len(await rest.ask("GET", path)) == 50
    assert len(await rest.ask("GET", f"{path}?limit=100&after={messages[4].id}")) == 100
    for query in ("limit=101", "limit=0", "limit=x", "after=x"):
        refused = await rest.refusal("GET", f"{path}?{query}")
        assert (refused.status, refused.code) == (400, 50035)


async def test_history_is_a_permission(rest: BareRest, general: Room) -> None:
    """Without it a page is empty, and one message is refused."""
    message = general.text("x")
    general.deny("READ_MESSAGE_HISTORY")

    assert await rest.ask("GET", f"/channels/{general.id}/messages") == []
    assert (await rest.refusal("GET", at(general, message.id))).code == 50013


async def test_requests_hide_content_as_well(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """When the intent is not switched on in the portal."""
    message = general.text("secret")
    shown = await rest.ask("GET", at(general, message.id))
    discord.world.privileged &= ~MESSAGE_CONTENT
    hidden = await rest.ask("GET", at(general, message.id))

    assert (shown["content"], hidden["content"]) == ("secret", "")


# --- editing ---


async def test_an_edit_changes_what_it_names(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room, clock: Clock
) -> None:
    """The rest stays; the time of the edit is told; whoever saw it is told."""
    await gateway.start()
    sent = await rest.say(general.id, "old", embeds=[{"title": "t"}])
    clock.advance(5)
    edited = await rest.ask("PATCH", at(general, sent["id"]), {"content": "new"})
    told = await gateway.event("MESSAGE_UPDATE")

    assert (edited["content"], edited["embeds"]) == ("new", sent["embeds"])
    assert edited["edited_timestamp"] == "2026-01-01T00:00:05+00:00"
    assert (told["id"], told["content"]) == (sent["id"], "new")
    assert discord.happened("edited")[0].detail == "old"


async def test_an_edit_pings_by_its_own_rules(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """Those of the first sending are not remembered."""
    ann = general.person.mention
    sent = await rest.say(general.id, ann, allowed_mentions={"parse": []})
    edited = await rest.ask("PATCH", at(general, sent["id"]), {"content": f"{ann}!"})

    assert (sent["mentions"], len(edited["mentions"])) == ([], 1)


async def test_an_edit_may_leave_nothing_only_if_something_stays(
    rest: BareRest, general: Room
) -> None:
    """A text is taken away from an embed, and not from itself."""
    both = await rest.say(general.id, "x", embeds=[{"title": "t"}])
    text = await rest.say(general.id, "x")

    assert (await rest.ask("PATCH", at(general, both["id"]), {"content": ""}))["content"] == ""
    assert (
        await rest.refusal("PATCH", at(general, text["id"]), {"content": None})
    ).code == 50006


async def test_only_own_messages_are_edited(
    rest: BareRest, discord: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Of others' the flags, with a permission; that is no edit."""
    message = general.post("x", embeds=[{"type": "link"}])
    refused = await rest.refusal("PATCH", at(general, message.id), {"content": "y"})
    muted = await rest.refusal("PATCH", at(general, message.id), {"flags": 4})
    lab.grant("MANAGE_MESSAGES")
    changed = await rest.ask("PATCH", at(general, message.id), {"flags": 4})

    assert (refused.status, refused.code) == (403, 50005)
    assert muted.code == 50013
    assert (changed["embeds"], changed["edited_timestamp"]) == ([], None)


async def test_hiding_embeds_is_no_edit(rest: BareRest, general: Room) -> None:
    """Also of an own message."""
    sent = await rest.say(general.id, "x", embeds=[{"title": "t"}])
    hidden = await rest.ask("PATCH", at(general, sent["id"]), {"flags": 4})
    shown = await rest.ask("PATCH", at(general, sent["id"]), {"flags": 0})

    assert (hidden["embeds"], hidden["edited_timestamp"]) == ([], None)
    assert len(shown["embeds"]) == 1


# --- deleting ---


async def test_a_deletion_is_told(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room
) -> None:
    """Once: then the message is unknown."""
    await gateway.start()
    sent = await rest.say(general.id)
    await rest.ask("DELETE", at(general, sent["id"]))
    told = await gateway.event("MESSAGE_DELETE")
    again = await rest.refusal("DELETE", at(general, sent["id"]))

    assert told["id"] == sent["id"]
    assert (again.status, again.code) == (404, 10008)
    assert discord.sent[0].is_deleted
    assert len(discord.happened("deleted")) == 1


async def test_others_messages_need_a_permission(
    rest: BareRest, discord: FakeDiscord, lab: Hall, general: Room
) -> None:
    """In direct channels there is none; system messages nobody deletes."""
    message, joined = general.text("x"), general.post(kind=1)
    private = discord.dm(general.person)
    theirs = private.text("x")
    refused = await rest.refusal("DELETE", at(general, message.id))
    lab.grant("MANAGE_MESSAGES")
    await rest.ask("DELETE", at(general, message.id))

    assert refused.code == 50013
    assert (await rest.refusal("DELETE", at(private, theirs.id))).code == 50003
    assert (await rest.refusal("DELETE", at(general, joined.id))).code == 50021


async def test_many_are_deleted_together(
    rest: BareRest, gateway: BareGateway, lab: Hall, general: Room
) -> None:
    """Two to a hundred; one that is not there counts."""
    lab.grant("MANAGE_MESSAGES")
    await gateway.start()
    ids = [general.text(str(number)).id for number in range(3)]
    await rest.ask(
        "POST", f"/channels/{general.id}/messages/bulk-delete", {"messages": [*ids, "42"]}
    )

    assert sorted((await gateway.event("MESSAGE_DELETE_BULK"))["ids"]) == ids
    assert general.messages == []


@pytest.mark.parametrize(
    ("number", "code"), [(1, 50016), (101, 50016), (-1, 50035), (2, 50034)]
)
async def test_not_so_many(
    rest: BareRest, lab: Hall, general: Room, clock: Clock, number: int, code: int
) -> None:
    """Too few, too many, one twice, one that is older than two weeks."""
    lab.grant("MANAGE_MESSAGES")
    ids = [general.text("x").id for _ in range(abs(number))] * (2 if number < 0 else 1)
    clock.advance(14 * DAY_S + 1)
    path = f"/channels/{general.id}/messages/bulk-delete"

    assert (await rest.refusal("POST", path, {"messages": ids})).code == code


async def test_many_need_a_permission_and_a_guild(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """Each with its code."""
    body = {"messages": ["1", "2"]}
    for room, code in ((general, 50013), (discord.dm(), 50003)):
        path = f"/channels/{room.id}/messages/bulk-delete"
        assert (await rest.refusal("POST", path, body)).code == code


# --- reacting ---


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "❤️", "❤", "#️⃣", "🇩🇪", "👩‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
async def test_a_reaction_is_seen(
    rest: BareRest, gateway: BareGateway, discord: FakeDiscord, general: Room, emoji: str
) -> None:
    """And taken back; doing it twice does it once."""
    await gateway.start()
    message = general.text("x")
    for _ in range(2):
        await rest.ask("PUT", reaction(general, message.id, emoji))
    added = await gateway.event("MESSAGE_REACTION_ADD")
    assert message.reacted(discord.bot) == [emoji]
    wire = (await rest.ask("GET", at(general, message.id)))["reactions"][0]
    await rest.ask("DELETE", reaction(general, message.id, emoji))
    removed = await gateway.event("MESSAGE_REACTION_REMOVE")

    assert added["emoji"] == removed["emoji"] == {"id": None, "name": emoji}
    assert added["message_author_id"] == general.person.id
    assert (wire["count"], wire["me"]) == (1, True)
    assert message.reactions == {}
    assert [event.kind for event in discord.events[1:]] == ["reacted", "unreacted"]


async def test_a_guilds_own_emoji_has_an_id(
    rest: BareRest, lab: Hall, general: Room, discord: FakeDiscord
) -> None:
    """One that is in no guild is unknown."""
    party = lab.emoji("party", is_animated=True)
    message = general.text("x")
    await rest.ask("PUT", reaction(general, message.id, f"party:{party.id}"))
    refused = await rest.refusal(
        "PUT", reaction(general, message.id, "party:123456789012345678")
    )

    assert message.reacted(discord.bot) == [f"party:{party.id}"]
    assert (refused.status, refused.code) == (400, 10014)


@pytest.mark.parametrize("emoji", ["x", "thumbsup", ":+1:", "12", "👍x", "👍👍", "\ufe0f"])
async def test_what_is_no_emoji_is_refused(rest: BareRest, general: Room, emoji: str) -> None:
    """With a code of its own."""
    message = general.text("x")
    refused = await rest.refusal("PUT", reaction(general, message.id, emoji))

    assert (refused.status, refused.code) == (400, 10014)


async def test_variants_are_the_same_emoji(rest: BareRest, general: Room) -> None:
    """Clients differ in the selector that follows."""
    message = general.text("x")
    general.react(message, "❤️")
    await rest.ask("PUT", reaction(general, message.id, "❤"))

    assert len(message.reactions) == 1
    assert len(await rest.ask("GET", reaction(general, message.id, "❤", "")[:-1])) == 2


async def test_reactions_have_limits(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """Twenty kinds; the history; adding what is new; who has blocked the bot."""
    message, other = general.text("x"), general.text("y")
    for number in range(20):
        general.react(message, chr(0x1F600 + number))
    path = reaction(general, message.id, "👍")
    assert (await rest.refusal("PUT", path)).code == 30010
    general.deny("ADD_REACTIONS")
    assert (await rest.refusal("PUT", reaction(general, other.id, "👍"))).code == 50013
    await rest.ask("PUT", reaction(general, message.id, chr(0x1F600)))
    general.person.has_blocked_bot = True
    assert (
        await rest.refusal("PUT", reaction(general, message.id, chr(0x1F601)))
    ).code == 90001
    general.deny("READ_MESSAGE_HISTORY")
    assert (
        await rest.refusal("PUT", reaction(general, message.id, chr(0x1F601)))
    ).code == 50013


async def test_what_is_not_there_is_not_taken_back(
    rest: BareRest, discord: FakeDiscord, general: Room
) -> None:
    """It is no error, and nothing happens; somebody who is not there is one."""
    message = general.text("x")
    await rest.ask("DELETE", reaction(general, message.id, "👍"))
    refused = await rest.refusal("DELETE", reaction(general, message.id, "👍", "42"))

    assert discord.events == []
    assert refused.code == 10013


async def test_others_reactions_are_taken_away(
    rest: BareRest, gateway: BareGateway, lab: Hall, general: Room
) -> None:
    """One, all of one emoji, all; with a permission."""
    message = general.text("x")
    for emoji in "👍👎🎉":
        general.react(message, emoji)
    ann = general.person.id
    paths = [
        reaction(general, message.id, "👍", ann),
        reaction(general, message.id, "👎", "")[:-1],
        f"{at(general, message.id)}/reactions",
    ]
    for path in paths:
        assert (await rest.refusal("DELETE", path)).code == 50013
    await gateway.start()
    lab.grant("MANAGE_MESSAGES")
    for path in paths:
        await rest.ask("DELETE", path)

    kinds: list[Any] = await gateway.names("MESSAGE_REACTION_REMOVE_ALL")
    assert kinds[-3:] == [
        "MESSAGE_REACTION_REMOVE",
        "MESSAGE_REACTION_REMOVE_EMOJI",
        "MESSAGE_REACTION_REMOVE_ALL",
    ]
    assert message.reactions == {}
