"""Posting, editing and deleting."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import Clock
from networks.slack import FakeSlack, Room
from networks.slack_client import SlackClient, SlackRefused

LONG = [{"type": "mrkdwn", "text": "x" * 2000}]
TAG = {"event_type": "cobot_key", "event_payload": {"key": "k1"}}


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


def section(text: str) -> dict[str, Any]:
    """Return a block with text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def header(text: str) -> dict[str, Any]:
    """Return a block with a title."""
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


async def refused(app: SlackClient, method: str, **params: Any) -> str:
    """Call a method with JSON that is to be refused; return the error."""
    with pytest.raises(SlackRefused) as error:
        await app.send(method, **params)
    return error.value.error


async def test_a_message_appears(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """Told with its channel and timestamp, which only together are its name."""
    answer = await app.send("chat.postMessage", channel=ann.id, text="*hi* & <@U1>")
    (message,) = slack.sent

    assert (answer["channel"], answer["ts"]) == (ann.id, message.ts)
    assert answer["message"] == message.wire()
    assert (message.text, message.user) == ("*hi* &amp; <@U1>", slack.bot)
    assert message.request is slack.calls("chat.postMessage")[0]
    assert (message.wire()["bot_id"], message.blocks[0]["type"]) == (
        slack.bot.bot_id,
        "rich_text",
    )
    assert {"subtype", "mrkdwn", "icons", "thread_ts"}.isdisjoint(message.wire())


async def test_a_form_does_as_well(app: SlackClient, ann: Room) -> None:
    """What is nested is JSON in it."""
    answer = await app.ask(
        "chat.postMessage",
        channel=ann.id,
        text="x",
        blocks='[{"type": "divider"}]',
        metadata='{"event_type": "a", "event_payload": {}}',
        mrkdwn="false",
    )

    message = answer["message"]
    assert [block["type"] for block in message["blocks"]] == ["divider"]
    assert (message["metadata"]["event_type"], message["mrkdwn"]) == ("a", False)


async def test_a_person_stands_for_direct_messages(slack: FakeSlack, app: SlackClient) -> None:
    """They are opened; what comes back is their own id."""
    slack.private_chat(slack.user("Ann"))
    bob = slack.user("Bob")
    answer = await app.send("chat.postMessage", channel=bob.id, text="x")
    again = await app.send("chat.postMessage", channel=bob.id, text="y")

    assert answer["channel"] == again["channel"] == slack.private_chat(bob).id
    assert answer["channel"].startswith("D")


async def test_a_name_stands_for_a_channel(slack: FakeSlack, app: SlackClient) -> None:
    """With or without its sign."""
    lab = slack.channel("lab")

    for name in ("#lab", "lab"):
        answer = await app.send("chat.postMessage", channel=name, text="x")
        assert answer["channel"] == lab.id


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"is_archived": True}, "is_archived"),
        ({"is_read_only": True}, "restricted_action_read_only_channel"),
        ({"has_bot": False}, "not_in_channel"),
        ({"has_bot": False, "is_private": True}, "channel_not_found"),
    ],
)
async def test_a_channel_may_be_shut(
    slack: FakeSlack, app: SlackClient, fields: dict[str, Any], error: str
) -> None:
    """Each in its own way."""
    lab = slack.channel("lab", **fields)

    assert await refused(app, "chat.postMessage", channel=lab.id, text="x") == error
    assert not slack.sent


async def test_direct_messages_may_be_off(slack: FakeSlack, app: SlackClient) -> None:
    """By a switch in the app's settings that is easy to forget."""
    room = slack.private_chat(takes_messages=False)

    error = await refused(app, "chat.postMessage", channel=room.id, text="x")
    assert error == "messages_tab_disabled"


async def test_a_scope_opens_public_channels(slack: FakeSlack, app: SlackClient) -> None:
    """To one who is no member; editing needs no membership either."""
    lab = slack.channel("lab", has_bot=False)
    slack.scopes.add("chat:write.public")

    answer = await app.send("chat.postMessage", channel=lab.id, text="x")
    await app.send("chat.update", channel=lab.id, ts=answer["ts"], text="y")

    assert slack.sent[0].text == "y"


# --- threads ---


async def test_a_reply_stands_in_its_thread(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """And in the channel too when it is to."""
    root = ann.text("root")
    place = {"channel": ann.id, "thread_ts": root.ts}

    await app.send("chat.postMessage", text="a", **place)
    await app.send("chat.postMessage", text="b", reply_broadcast=True, **place)

    assert [message.thread_ts for message in slack.sent] == [root.ts] * 2
    assert [message.is_broadcast for message in slack.sent] == [False, True]
    assert slack.sent[1].wire()["root"]["ts"] == root.ts
    assert root.wire()["reply_users"] == [slack.bot.id]


async def test_the_timestamp_of_a_reply_opens_a_thread_of_its_own(
    app: SlackClient, ann: Room
) -> None:
    """The network takes it; the answer is not where the conversation is."""
    root = ann.text("root")
    reply = ann.text("reply", thread=root)

    await app.send("chat.postMessage", channel=ann.id, text="x", thread_ts=reply.ts)

    assert [one.text for one in ann.channel.replies(root.ts)] == ["reply"]


async def test_a_thread_may_be_shut(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """Locked; of a message that takes no replies; or no thread at all."""
    locked, joined = ann.text("x"), ann.notice("channel_join", "joined")
    ann.lock(locked)
    place = {"channel": ann.id, "text": "x"}

    errors = [
        await refused(app, "chat.postMessage", thread_ts=ts, **place)
        for ts in (locked.ts, joined.ts, "17")
    ]

    assert errors == [
        "restricted_action_thread_locked",
        "cannot_reply_to_message",
        "invalid_thread_ts",
    ]


# --- sizes and forms ---


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"text": "x" * 4001}, "msg_too_long"),
        ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"markdown_text": "y", "blocks": [section("x")]}, "markdown_text_conflict"),
        ({"markdown_text": "y" * 12_001}, "msg_too_long"),
        ({"text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
        ({"text": "x", "attachments": "{"}, "invalid_attachments"),
        ({"text": "x", "blocks": "["}, "invalid_blocks_format"),
        ({"text": "x", "blocks": {"type": "section"}}, "invalid_blocks_format"),
        ({"blocks": [section("x")] * 51}, "invalid_blocks"),
        ({"blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"blocks": [section("")]}, "invalid_blocks"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            {"blocks": [{"type": "section", "fields": [section("x")["text"]] * 11}]},
            "invalid_blocks",
        ),
        (
            {"blocks": [{"type": "section", "fields": [{"type": "x", "text": "y"}]}]},
            "invalid_blocks",
        ),
        ({"blocks": [header("x" * 151)]}, "invalid_blocks"),
        ({"blocks": [{"type": "poem"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "markdown"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "markdown", "text": "x" * 12_001}]}, "invalid_blocks"),
        ({"blocks": [section("x" * 2900)] * 5}, "msg_blocks_too_long"),
        ({"blocks": [{"type": "section", "fields": LONG * 7}]}, "msg_blocks_too_long"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_payload": {}}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": "["}, "invalid_metadata_format"),
    ],
)
async def test_what_the_network_does_not_take(
    slack: FakeSlack, app: SlackClient, ann: Room, content: dict[str, Any], error: str
) -> None:
    """It says why, and nothing appears."""
    assert await refused(app, "chat.postMessage", channel=ann.id, **content) == error
    assert not slack.sent


@pytest.mark.parametrize(
    "content",
    [
        {"text": "x" * 4000},
        {"markdown_text": "y" * 12_000},
        {"blocks": [section("x" * 200)] * 50},
        {"blocks": [section("x" * 3000), header("x" * 150)]},
        {"blocks": [{"type": "section", "fields": [section("x")["text"]] * 10}]},
        {"attachments": [{"fallback": "x"}] * 100},
    ],
)
async def test_what_just_fits(
    slack: FakeSlack, app: SlackClient, ann: Room, content: dict[str, Any]
) -> None:
    """Appears."""
    await app.send("chat.postMessage", channel=ann.id, **content)

    assert len(slack.sent) == 1


async def test_invalid_blocks_are_pointed_at(app: SlackClient, ann: Room) -> None:
    """In the metadata of the answer."""
    with pytest.raises(SlackRefused) as error:
        await app.send("chat.postMessage", channel=ann.id, blocks=[header("x"), {}])

    (message,) = error.value.answer["response_metadata"]["messages"]
    assert message == "[ERROR] unsupported type [json-pointer:/blocks/1/type]"


async def test_long_text_may_be_split(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """Into messages of which only the first one is told; and cut far behind."""
    slack.limits.is_long_text_split = True
    answer = await app.send("chat.postMessage", channel=ann.id, text="ab" * 25_000)

    assert [len(message.text) for message in slack.sent] == [4000] * 10
    assert answer["ts"] == slack.sent[0].ts


async def test_a_message_may_look_like_another_sender(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """If the bot may do that."""
    given = {"channel": ann.id, "text": "x", "username": "Other", "icon_emoji": ":robot:"}
    await app.send("chat.postMessage", **given)
    slack.scopes.discard("chat:write.customize")
    await app.send("chat.postMessage", channel=ann.id, text="as itself")

    assert slack.sent[0].fields["username"] == "Other"
    assert slack.sent[0].fields["icons"] == {"emoji": ":robot:"}
    assert await refused(app, "chat.postMessage", **given) == "missing_scope"


# --- editing and deleting ---


async def test_a_message_is_edited(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """Text without blocks takes the blocks away; metadata stay, unless there are new ones."""
    sent = await app.send(
        "chat.postMessage",
        channel=ann.id,
        text="old",
        blocks=[header("x")],
        attachments=[{}],
        metadata=TAG,
    )
    answer = await app.send("chat.update", channel=ann.id, ts=sent["ts"], text="new & <b>")
    (message,) = slack.sent

    assert answer["text"] == message.text == "new &amp; &lt;b&gt;"
    assert [block["type"] for block in message.blocks] == ["rich_text"]
    assert "attachments" not in message.fields
    assert message.metadata == TAG
    assert message.edited
    assert (slack.events[-1].kind, slack.events[-1].detail) == ("edited", "old")


@pytest.mark.parametrize("method", ["chat.update", "chat.delete"])
async def test_only_what_is_its_own_is_changed(
    slack: FakeSlack, app: SlackClient, ann: Room, method: str
) -> None:
    """And what is there."""
    theirs = ann.text("x")
    word = method.removeprefix("chat.")
    place = {"text": "y", "channel": ann.id}

    assert await refused(app, method, ts=theirs.ts, **place) == f"cant_{word}_message"
    assert await refused(app, method, ts="1.000000", **place) == "message_not_found"
    place["channel"] = ann.person.id
    assert await refused(app, method, ts=theirs.ts, **place) == "channel_not_found"


async def test_an_edit_has_limits(
    slack: FakeSlack, app: SlackClient, ann: Room, clock: Clock
) -> None:
    """Of size, also where posting would split; of time; and of place."""
    sent = await app.send("chat.postMessage", channel=ann.id, text="old")
    place = {"channel": ann.id, "ts": sent["ts"]}
    slack.limits.is_long_text_split = True

    assert await refused(app, "chat.update", text="x" * 4001, **place) == "msg_too_long"
    assert await refused(app, "chat.update", **place) == "no_text"
    slack.limits.edit_window_s = 60
    clock.advance(61)
    assert await refused(app, "chat.update", text="x", **place) == "edit_window_closed"
    ann.archive()
    assert await refused(app, "chat.update", text="x", **place) == "is_inactive"


async def test_a_message_is_deleted(slack: FakeSlack, app: SlackClient, ann: Room) -> None:
    """Once; its thread stays behind a placeholder."""
    alone = await app.send("chat.postMessage", channel=ann.id, text="x")
    root = await app.send("chat.postMessage", channel=ann.id, text="y")
    ann.text("reply", thread=root["ts"])
    for sent in (alone, root):
        await app.send("chat.delete", channel=ann.id, ts=sent["ts"])

    again = await refused(app, "chat.delete", channel=ann.id, ts=alone["ts"])
    thread = await app.ask("conversations.replies", channel=ann.id, ts=root["ts"])

    history = await app.ask("conversations.history", channel=ann.id)

    assert again == "message_not_found"
    assert [one["subtype"] for one in history["messages"]] == ["tombstone"]
    assert [message.is_deleted for message in slack.sent] == [True, True]
    assert [one["text"] for one in thread["messages"]] == [
        "This message was deleted.",
        "reply",
    ]


async def test_something_is_shown_to_one(slack: FakeSlack, app: SlackClient) -> None:
    """Who has to be there; it is no message."""
    lab = slack.channel("lab")
    await app.send("chat.postEphemeral", channel=lab.id, user=lab.person.id, text="psst")

    assert not slack.sent
    assert slack.events[0].detail["text"] == "psst"
    nobody = slack.user("Bob").id
    error = await refused(app, "chat.postEphemeral", channel=lab.id, user=nobody, text="x")
    assert error == "user_not_in_channel"


async def test_a_message_has_an_address(app: SlackClient, ann: Room) -> None:
    """In which its timestamp has no point."""
    message = ann.text("x")
    answer = await app.ask("chat.getPermalink", channel=ann.id, message_ts=message.ts)

    assert answer["permalink"].endswith(f"/{ann.id}/p{message.ts.replace('.', '')}")
    error = await app.refusal("chat.getPermalink", channel=ann.id, message_ts="1")
    assert error == "message_not_found"
