"""What people do, and which events the app gets of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from networks.client import Clock
from networks.slack import FakeSlack, Room
from networks.slack_client import SlackClient, SlackSocket


@pytest.fixture
async def link(app: SlackClient) -> AsyncIterator[SlackSocket]:
    """A connection over which events come."""
    link = await app.connect()
    yield link
    await link.socket.close()


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


async def test_a_message_of_a_person(slack: FakeSlack, link: SlackSocket, ann: Room) -> None:
    """In the body that every event has."""
    message = ann.text("hi")
    payload = (await link.take())["payload"]
    event = payload["event"]

    assert (payload["type"], payload["team_id"]) == ("event_callback", ann.person.team_id)
    assert payload["event_id"] == slack.deliveries[0].event_id
    assert payload["authorizations"][0]["user_id"] == slack.bot.id
    assert payload["event_time"] == int(float(message.ts))
    assert (event["channel"], event["channel_type"]) == (ann.id, "im")
    assert (event["user"], event["text"]) == (ann.person.id, "hi")
    assert event["ts"] == event["event_ts"] == message.ts
    assert event["client_msg_id"]
    assert {"thread_ts", "edited", "reactions", "bot_id"}.isdisjoint(event)


@pytest.mark.parametrize("kind", ["im", "mpim", "channel", "group"])
async def test_every_kind_of_channel_is_named(
    slack: FakeSlack, link: SlackSocket, kind: str
) -> None:
    """By its type; the id begins as the ids of its kind do."""
    rooms: dict[str, Callable[[], Room]] = {
        "im": slack.private_chat,
        "mpim": slack.group_chat,
        "channel": slack.channel,
        "group": lambda: slack.channel("crew", is_private=True),
    }
    room = rooms[kind]()
    room.text("x")

    event = await link.event()
    assert event["channel_type"] == kind
    assert room.id[0] == ("D" if kind == "im" else "C")


async def test_a_mention_is_told_twice(slack: FakeSlack, link: SlackSocket) -> None:
    """With the same timestamp and different ids; the second one tells less."""
    lab = slack.channel("lab", person=slack.user("Ann"))
    root = lab.text("root")
    await link.event()
    lab.text("@test_bot hi", thread=root)
    first, second = await link.take(), await link.take()
    message, mention = first["payload"]["event"], second["payload"]["event"]

    assert message["text"] == mention["text"] == f"<@{slack.bot.id}> hi"
    assert (message["type"], mention["type"]) == ("message", "app_mention")
    assert message["ts"] == mention["ts"]
    assert mention["thread_ts"] == root.ts
    assert "channel_type" not in mention
    assert first["payload"]["event_id"] != second["payload"]["event_id"]


async def test_direct_messages_know_no_mention(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """They are for the bot anyway."""
    ann.text("@test_bot hi")

    await link.event()
    assert [one.payload["event"]["type"] for one in slack.deliveries] == ["message"]


async def test_a_reply_and_its_broadcast(link: SlackSocket, ann: Room) -> None:
    """Both name the parent; a reply to a reply is one to the parent."""
    root = ann.text("root")
    reply = ann.text("a", thread=root)
    ann.text("b", thread=reply, is_broadcast=True)
    _, first, second = [await link.event() for _ in range(3)]

    assert (first["thread_ts"], first["parent_user_id"]) == (root.ts, ann.person.id)
    assert "subtype" not in first
    assert (second["subtype"], second["thread_ts"]) == ("thread_broadcast", root.ts)
    assert second["root"]["text"] == "root"


async def test_edits_and_deletions_are_messages_about_messages(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """Hidden ones with timestamps of their own."""
    message = ann.text("old")
    ann.edit(message, "new & improved")
    ann.unfurl(message)
    ann.delete(message)
    _, edited, unfurled, deleted = [await link.event() for _ in range(4)]

    assert (edited["subtype"], edited["hidden"]) == ("message_changed", True)
    assert edited["ts"] != edited["message"]["ts"] == message.ts
    assert edited["message"]["text"] == "new &amp; improved"
    assert edited["previous_message"]["text"] == "old"
    assert edited["message"]["edited"]["user"] == ann.person.id
    assert unfurled["message"]["text"] == unfurled["previous_message"]["text"]
    assert unfurled["message"]["edited"] == edited["message"]["edited"]
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", message.ts)
    assert ann.messages == []


async def test_a_parent_leaves_a_placeholder(link: SlackSocket, ann: Room) -> None:
    """Its deletion is told as a change."""
    root = ann.text("root")
    ann.text("reply", thread=root)
    ann.delete(root)
    event = [await link.event() for _ in range(3)][-1]

    assert event["subtype"] == "message_changed"
    assert event["message"]["subtype"] == "tombstone"


async def test_reactions_are_told(
    slack: FakeSlack, link: SlackSocket, app: SlackClient, ann: Room
) -> None:
    """With whose the message is; an emoji becomes its name."""
    await app.send("chat.postMessage", channel=ann.id, text="x")
    (message,) = slack.sent
    ann.react(message, "👍🏽")
    ann.react(message, "👍🏽")
    ann.unreact(message, "+1::skin-tone-4")
    _, added, removed = [await link.event() for _ in range(3)]

    assert (added["type"], removed["type"]) == ("reaction_added", "reaction_removed")
    assert (added["reaction"], added["item_user"]) == ("+1::skin-tone-4", slack.bot.id)
    assert added["item"] == {"type": "message", "channel": ann.id, "ts": message.ts}
    assert added["user"] == ann.person.id


async def test_what_the_bot_does_comes_back(
    slack: FakeSlack, link: SlackSocket, app: SlackClient, ann: Room
) -> None:
    """As what anybody does: it has to know itself."""
    sent = await app.send("chat.postMessage", channel=ann.id, text="x")
    place = {"channel": ann.id, "ts": sent["ts"]}
    await app.send("chat.update", text="y", **place)
    await app.send("reactions.add", channel=ann.id, timestamp=sent["ts"], name="eyes")
    await app.send("chat.delete", **place)
    message, changed, reacted, deleted = [await link.event() for _ in range(4)]

    assert (message["user"], message["bot_id"]) == (slack.bot.id, slack.bot.bot_id)
    assert changed["message"]["bot_id"] == slack.bot.bot_id
    assert reacted["user"] == slack.bot.id
    assert deleted["previous_message"]["user"] == slack.bot.id


async def test_bots_are_told_apart_in_three_ways(slack: FakeSlack, link: SlackSocket) -> None:
    """New ones have no subtype, old ones have no user; a person has no bot id."""
    lab = slack.channel("lab")
    robot = slack.user("Robot", is_bot=True)
    lab.text("from a new one", by=robot)
    lab.react(lab.webhook("from an old one"), "eyes")
    new, old, reaction = [await link.event() for _ in range(3)]

    assert (new["user"], new["bot_id"], "subtype" in new) == (robot.id, robot.bot_id, False)
    assert (old["subtype"], old["username"], "user" in old) == ("bot_message", "Build", False)
    assert "item_user" not in reaction


async def test_other_kinds_of_messages(slack: FakeSlack, link: SlackSocket, ann: Room) -> None:
    """Files, /me, and what the network itself writes."""
    ann.file(b"x", "a.txt")
    ann.me("waves")
    ann.notice("channel_topic", "set the topic")
    file, me, notice = [await link.event() for _ in range(3)]

    assert (file["subtype"], file["text"], file["files"][0]["name"]) == (
        "file_share",
        "",
        "a.txt",
    )
    assert "blocks" not in file
    assert (me["subtype"], me["text"]) == ("me_message", "waves")
    assert notice["subtype"] == "channel_topic"


async def test_strangers_are_told_apart(slack: FakeSlack, link: SlackSocket) -> None:
    """By their team, in a channel that is shared."""
    eve = slack.user("Eve", team_id="T0OTHER001")
    shared = slack.channel("shared", person=eve, is_ext_shared=True)
    shared.text("x")
    payload = (await link.take())["payload"]

    assert payload["is_ext_shared_channel"] is True
    assert payload["event"]["team"] == "T0OTHER001"


async def test_the_bot_is_invited_and_removed(slack: FakeSlack, link: SlackSocket) -> None:
    """It is told, and hears nothing before and after."""
    lab, bob = slack.channel("lab", has_bot=False), slack.user("Bob")
    lab.text("unheard")
    lab.invite_bot()
    lab.join(bob)
    lab.leave(bob)
    lab.kick_bot()
    lab.text("unheard")
    events = [await link.event() for _ in range(4)]

    assert [(event["type"], event["user"]) for event in events] == [
        ("member_joined_channel", slack.bot.id),
        ("member_joined_channel", bob.id),
        ("member_left_channel", bob.id),
        ("member_left_channel", slack.bot.id),
    ]
    assert (events[0]["inviter"], events[0]["channel_type"]) == (lab.person.id, "C")
    assert len(slack.deliveries) == 4
    slack.channel("crew", is_private=True).invite_bot()
    assert (await link.event())["channel_type"] == "G"


async def test_only_what_was_subscribed_to_is_told(slack: FakeSlack, ann: Room) -> None:
    """By kind of event, and of channel."""
    slack.subscribe("message.im", "message.groups", "reaction_added")
    lab, crew = slack.channel("lab"), slack.channel("crew", is_private=True)
    message = ann.text("1")
    lab.text("2")
    crew.text("3 @test_bot")
    ann.react(message, "+1")
    ann.unreact(message, "+1")

    assert [one.payload["event"]["type"] for one in slack.deliveries] == [
        "message",
        "message",
        "reaction_added",
    ]
    assert slack.push({"type": "app_uninstalled"}) is None


async def test_what_the_token_may_not_see_is_not_told(slack: FakeSlack, ann: Room) -> None:
    """Though it was subscribed to."""
    slack.scopes.difference_update({"channels:history", "reactions:read"})
    lab = slack.channel("lab")
    lab.text("@test_bot hi")
    ann.react(ann.text("x"), "+1")

    told = [one.payload["event"] for one in slack.deliveries]
    assert [(one["type"], one["channel"]) for one in told] == [
        ("app_mention", lab.id),
        ("message", ann.id),
    ]


async def test_any_event_can_be_pushed(slack: FakeSlack, link: SlackSocket) -> None:
    """For those that nobody here makes."""
    slack.push({"type": "tokens_revoked", "tokens": {}})

    slack.push_body({"type": "app_rate_limited", "minute_rate_limited": 1})

    assert (await link.event())["type"] == "tokens_revoked"
    assert (await link.take())["payload"]["type"] == "app_rate_limited"


async def test_an_event_may_come_twice(slack: FakeSlack, link: SlackSocket, ann: Room) -> None:
    """Though it was acknowledged: only its id tells."""
    ann.text("x")
    first = await link.take()
    slack.repeat(slack.deliveries[0])
    second = await link.take()

    assert first["payload"] == second["payload"]
    assert first["envelope_id"] != second["envelope_id"]


# --- commands and buttons ---


async def test_a_command_is_answered_at_once(
    slack: FakeSlack, link: SlackSocket, ann: Room
) -> None:
    """For the one who typed it, or for all."""
    quiet = ann.slash("/ask", "what & why")
    envelope = await link.take(payload={"text": "only you"})
    ann.slash("/ask")
    await link.take(payload={"response_type": "in_channel", "text": "all"})
    await slack.wait_for_sent()
    silent = ann.slash("/ask")
    await link.event()
    await link.take()
    await slack.wait_for(lambda: silent.is_acked)

    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert envelope["payload"]["text"] == "what & why"
    assert "retry_attempt" not in envelope
    assert (quiet.is_acked, quiet.answer) == (True, {"text": "only you"})
    assert [event.kind for event in slack.events] == ["answered", "sent"]


async def test_a_button_is_pressed(
    slack: FakeSlack, link: SlackSocket, app: SlackClient, ann: Room
) -> None:
    """On a message that has it."""
    button = {"type": "button", "action_id": "ok", "value": "yes"}
    blocks: list[dict[str, Any]] = [{"type": "actions", "elements": [button]}]
    root = ann.text("x")
    await app.send("chat.postMessage", channel=ann.id, blocks=blocks, thread_ts=root.ts)
    (message,) = slack.sent
    ann.press(message, "ok")
    envelopes = [await link.take() for _ in range(3)]
    payload = envelopes[-1]["payload"]

    assert (envelopes[-1]["type"], payload["type"]) == ("interactive", "block_actions")
    assert payload["actions"][0]["value"] == "yes"
    assert payload["container"]["thread_ts"] == root.ts
    assert (payload["user"]["id"], payload["channel"]["id"]) == (ann.person.id, ann.id)
    message.thread_ts = None
    assert "thread_ts" not in ann.press(message, "ok").payload["container"]
    with pytest.raises(LookupError, match="no button 'no'"):
        ann.press(message, "no")


async def test_an_answer_may_come_later(
    slack: FakeSlack, app: SlackClient, ann: Room, clock: Clock
) -> None:
    """To an address of its own, five times, for half an hour."""
    urls = [ann.slash("/ask").response_url for _ in range(2)]

    async def answer(url: str, **body: Any) -> tuple[int, str]:
        response = await app.http.post(url, json=body)
        return response.status_code, response.text

    assert await answer(urls[0], text="psst") == (200, "ok")
    assert await answer(urls[0], text="all", response_type="in_channel") == (200, "ok")
    assert await answer(urls[0], delete_original=True) == (200, "ok")
    assert (await answer(urls[0]))[1] == '{"ok": false, "error": "no_text"}'
    assert (await app.http.post(urls[0], content=b"{")).status_code == 400
    for _ in range(2):
        await answer(urls[0], text="more")
    used = await answer(urls[0], text="too many")
    clock.advance(1800)
    expired = await answer(urls[1], text="too late")

    assert [message.text for message in slack.sent] == ["all"]
    assert (used[0], expired[0]) == (404, 404)
    assert ("used_url" in used[1], "expired_url" in expired[1]) == (True, True)


async def test_nobody_answers_a_command(slack: FakeSlack, link: SlackSocket, ann: Room) -> None:
    """It is not tried again: the person sees that it failed."""
    slack.timing.ack_s = 0.01
    command = ann.slash("/ask")
    await link.take(is_acked=False)
    await slack.wait_for(lambda: command.has_failed)

    assert command.delivery.reasons == ["timeout"]
    assert slack.lost == [command.delivery]
