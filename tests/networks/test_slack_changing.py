"""Reactions, status, presence, channels opened and joined."""

from __future__ import annotations

from typing import Any

import pytest

from networks.client import Clock
from networks.slack import FakeSlack, Message, Room
from networks.slack_client import SlackClient


@pytest.fixture
def ann(slack: FakeSlack) -> Room:
    """Somebody's direct messages."""
    return slack.private_chat(slack.user("Ann"))


def place(message: Message) -> dict[str, Any]:
    """Return the parameters that name a message."""
    return {"channel": message.channel.id, "timestamp": message.ts}


async def test_a_reaction_is_added_and_taken_back(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """Once each; several stand beside each other."""
    message = ann.text("x")
    await app.send("reactions.add", name="thumbsup", **place(message))
    await app.send("reactions.add", name="wave::skin-tone-3", **place(message))
    told = await app.ask("reactions.get", **place(message))
    again = await app.refusal("reactions.add", name="+1", **place(message))
    await app.send("reactions.remove", name="+1", **place(message))
    gone = await app.refusal("reactions.remove", name="+1", **place(message))

    assert [one["name"] for one in told["message"]["reactions"]] == ["+1", "wave::skin-tone-3"]
    assert (again, gone) == ("already_reacted", "no_reaction")
    assert message.reactions == {"wave::skin-tone-3": [slack.bot.id]}
    assert [(event.kind, event.detail) for event in slack.events] == [
        ("reacted", "+1"),
        ("reacted", "wave::skin-tone-3"),
        ("unreacted", "+1"),
    ]


@pytest.mark.parametrize("name", ["👍", ":+1:", "nonsense", "", "+1::skin-tone-9"])
async def test_only_names_are_reactions(app: SlackClient, ann: Room, name: str) -> None:
    """Known ones, without colons."""
    refused = await app.refusal("reactions.add", name=name, **place(ann.text("x")))

    assert refused == "invalid_name"


async def test_a_workspace_has_emoji_of_its_own(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """Which do as well."""
    slack.world.emoji.add("shipit")
    message = ann.text("x")

    await app.send("reactions.add", name="shipit", **place(message))

    assert message.reactions == {"shipit": [slack.bot.id]}


async def test_a_message_takes_so_many_kinds(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """More of the same kind are not counted."""
    slack.limits.reactions = 2
    message = ann.text("x")
    ann.react(message, "🚀")
    ann.react(message, "tada")

    error = await app.refusal("reactions.add", name="eyes", **place(message))
    await app.send("reactions.add", name="rocket", **place(message))

    assert error == "too_many_emoji"
    assert message.reactions["rocket"] == [ann.person.id, slack.bot.id]


async def test_some_messages_take_no_reactions(
    slack: FakeSlack, app: SlackClient, ann: Room
) -> None:
    """What is not there, where the bot is not, what is locked or archived."""
    message = ann.text("x")
    lab = slack.channel("lab", has_bot=False)
    errors = [
        await app.refusal("reactions.add", name="+1", channel=ann.id, timestamp="1"),
        await app.refusal("reactions.add", name="+1", **place(lab.text("x"))),
    ]
    ann.lock(message)
    errors.append(await app.refusal("reactions.add", name="+1", **place(message)))
    ann.archive()
    errors.append(await app.refusal("reactions.add", name="+1", **place(message)))

    assert errors == ["message_not_found", "not_in_channel", "thread_locked", "is_archived"]


# --- what the assistant does ---


async def test_a_status_is_shown_below_a_thread(
    slack: FakeSlack, app: SlackClient, ann: Room, clock: Clock
) -> None:
    """For two minutes, or until the bot replies there, or says that it is over."""
    root, other = ann.text("x"), ann.text("y")
    status = {"channel_id": ann.id, "thread_ts": root.ts, "status": "is thinking"}

    await app.send("assistant.threads.setStatus", **status)
    shown = [ann.status(root), ann.status(other)]
    clock.advance(120)
    shown.append(ann.status(root))
    await app.send("assistant.threads.setStatus", **status)
    await app.send("chat.postMessage", channel=ann.id, text="other", thread_ts=other.ts)
    shown.append(ann.status(root))
    await app.send("chat.postMessage", channel=ann.id, text="done", thread_ts=root.ts)
    shown.append(ann.status(root))
    await app.send("assistant.threads.setStatus", **status)
    await app.send("assistant.threads.setStatus", **{**status, "status": ""})

    assert [*shown, ann.status(root)] == ["is thinking", "", "", "is thinking", "", ""]
    assert slack.events[0].detail == {"thread_ts": root.ts, "status": "is thinking"}


async def test_a_status_needs_a_thread(app: SlackClient, ann: Room) -> None:
    """In a channel that is there."""
    method = "assistant.threads.setStatus"
    many = '["a"' + ', "b"' * 10 + "]"
    there = {"channel_id": ann.id, "thread_ts": ann.text("x").ts, "status": "x"}

    for change, error in (
        ({"thread_ts": ""}, "invalid_thread_ts"),
        ({"thread_ts": "1700000000.000100"}, "invalid_thread_ts"),
        ({"channel_id": "C0NOWHERE1"}, "channel_not_found"),
        ({"loading_messages": many}, "invalid_arguments"),
    ):
        assert await app.refusal(method, **{**there, **change}) == error


async def test_the_bot_can_be_away(slack: FakeSlack, app: SlackClient) -> None:
    """Or as the network finds; nothing else."""
    await app.send("users.setPresence", presence="away")
    told = await app.ask("users.getPresence", user=slack.bot.id)
    others = await app.ask("users.getPresence", user=slack.user().id)

    assert (slack.presence, told["presence"], others["presence"]) == ("away", "away", "active")
    assert slack.events[0].detail == "away"
    assert await app.refusal("users.setPresence", presence="busy") == "invalid_presence"


# --- channels ---


async def test_direct_messages_are_opened(slack: FakeSlack, app: SlackClient) -> None:
    """Of one, or of several; the second time they are the same."""
    bob, eve = slack.user("Bob"), slack.user("Eve")
    first = await app.send("conversations.open", users=bob.id)
    again = await app.send("conversations.open", users=bob.id, return_im=True)
    group = await app.send("conversations.open", users=f"{bob.id},{eve.id}")
    same = await app.send("conversations.open", users=f"{bob.id},{eve.id}")
    known = await app.send("conversations.open", channel=first["channel"]["id"])

    assert "already_open" not in first
    assert set(first["channel"]) == {"id"}
    assert first["channel"]["id"] == slack.private_chat(bob).id == known["channel"]["id"]
    assert (again["already_open"], again["channel"]["user"]) == (True, bob.id)
    assert group["channel"] == same["channel"]
    assert slack.world.channels[group["channel"]["id"]].kind == "mpim"


@pytest.mark.parametrize(
    ("users", "error"),
    [("", "users_list_not_supplied"), ("U0NOBODY01", "user_not_found")],
)
async def test_only_with_people(app: SlackClient, users: str, error: str) -> None:
    """Who are there; the bot does not talk with itself."""
    assert await app.refusal("conversations.open", users=users) == error
    me = app.network.bot.id
    assert await app.refusal("conversations.open", users=me) == "cannot_dm_bot"


async def test_public_channels_can_be_joined(slack: FakeSlack, app: SlackClient) -> None:
    """Others not."""
    lab = slack.channel("lab", has_bot=False)
    await app.send("conversations.join", channel=lab.id)
    crew = slack.channel("crew", is_private=True)
    lab_is_joined = lab.channel.has_bot
    lab.archive()

    errors = [await app.refusal("conversations.join", channel=one.id) for one in (crew, lab)]
    assert lab_is_joined
    assert errors == ["method_not_supported_for_channel_type", "is_archived"]
