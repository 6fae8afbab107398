"""Editing, deleting, reacting, and what is shown beside messages."""

from __future__ import annotations

import pytest
from networks.slack import ApiError, FakeSlack, Room, rate_limited

from cobot import MessageNotFound, RateLimited, Receipt, Unsupported
from cobot_slack import Slack
from slack.bots import receiving, ref, to


async def _sent(channel: Slack, room: Room) -> str:
    sent = await channel.session_send(to(room))
    assert isinstance(sent, Receipt)
    return sent.refs[0].id


async def test_a_message_is_edited_and_deleted(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """To delete what is gone is no error, to edit it is one."""
    sent = await _sent(channel, general)
    await channel.session_edit(ref(general, sent), to(general, "a < b"))
    text = network.sent[0].text
    await channel.session_delete(ref(general, sent))
    await channel.session_delete(ref(general, sent))
    with pytest.raises(MessageNotFound):
        await channel.session_edit(ref(general, sent), to(general, "again"))

    assert text == "a &lt; b"
    assert network.sent[0].is_deleted


@pytest.mark.parametrize("word", ["cant_update_message", "edit_window_closed"])
async def test_what_cannot_be_edited_is_sent_anew(
    channel: Slack, network: FakeSlack, general: Room, word: str
) -> None:
    """The session does it, when it is told that there is no editing here."""
    network.fail_next("chat.update", ApiError(word))
    with pytest.raises(Unsupported):
        await channel.session_edit(ref(general, "1767268800.000100"), to(general))


@pytest.mark.parametrize("operation", ["edit", "delete", "react"])
async def test_the_use_of_a_command_cannot_be_changed(
    channel: Slack, network: FakeSlack, general: Room, operation: str
) -> None:
    """It has an id of ours, and no timestamp."""
    target = ref(general, "cmd:0123")
    work = {
        "edit": lambda: channel.session_edit(target, to(general)),
        "delete": lambda: channel.session_delete(target),
        "react": lambda: channel.session_react(target, "👍"),
    }
    with pytest.raises(Unsupported, match="no message of Slack's"):
        await work[operation]()
    assert network.requests == []


async def test_reactions_are_put_and_taken_off(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Several of ours, by emoji or by a name of the workspace's; others' stay."""
    network.world.emoji.add("party")
    message = general.text("plans")
    general.react(message, "👍")
    for emoji in ("👍", "👍", "❤️", "👋🏽", ":party:"):
        await channel.session_react(ref(general, message.ts), emoji)
    names = set(message.reactions)
    await channel.session_react(ref(general, message.ts), None)

    assert names == {"+1", "heart", "wave::skin-tone-4", "party"}
    assert message.reactions == {"+1": [general.person.id]}


async def test_an_emoji_without_a_name_is_said_to_be_none(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """Nothing is asked then; nor is a name taken that Slack does not know."""
    message = general.text("plans")
    with pytest.raises(Unsupported, match="has no name"):
        await channel.session_react(ref(general, message.ts), "🫥")
    with pytest.raises(Unsupported, match="invalid_name"):
        await channel.session_react(ref(general, message.ts), "nonsense")

    assert len(network.calls("reactions.add")) == 1


async def test_writing_is_shown_below_a_thread(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """A reply takes it away by itself."""
    parent = general.text("plans")
    await channel.session_typing("slack", general.id, parent.ts)
    shown = general.status(parent)
    await channel.session_send(to(general, thread_id=parent.ts))

    assert shown == "is writing..."
    assert general.status(parent) == ""
    assert len(network.calls("assistant.threads.setStatus")) == 1


async def test_writing_is_shown_below_the_newest_message(
    channel: Slack, network: FakeSlack, direct: Room
) -> None:
    """Where there is no thread; the answer stands elsewhere, so we take it away."""
    before = direct.text("before")
    await channel.session_typing("slack", direct.id, None)
    first = direct.status(before)
    async with receiving(channel) as received:
        await received.ready()
        newest = direct.text("newest")
        await received.message()
    await channel.session_typing("slack", direct.id, None)
    second = direct.status(newest)
    await channel.session_send(to(direct))

    assert (first, second) == ("is writing...", "is writing...")
    assert direct.status(newest) == ""


async def test_writing_that_cannot_be_shown_is_unsupported(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """The session leaves it out for a while; a limit is another matter."""
    parent = general.text("plans")
    network.fail_next("assistant.threads.setStatus", rate_limited(1))
    with pytest.raises(RateLimited):
        await channel.session_typing("slack", general.id, parent.ts)
    network.scopes.discard("chat:write")
    channel.context.clock.advance(1)  # type: ignore[attr-defined]
    with pytest.raises(Unsupported):
        await channel.session_typing("slack", general.id, parent.ts)


async def test_presence_is_what_slack_has(channel: Slack, network: FakeSlack) -> None:
    """Away, or as Slack finds."""
    seen = []
    for status in ("away", "online", "offline"):
        await channel.session_presence("slack", status, "busy")
        seen.append(network.presence)

    assert seen == ["away", "auto", "away"]
