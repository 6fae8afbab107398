"""What becomes of messages that are there: edits, deletions, reactions; and typing."""

from __future__ import annotations

import attrs
import pytest
from networks.discord import FakeDiscord, Hall, Room, old_edits
from networks.discord.errors import ApiError

from cobot import MessageNotFound, RateLimited, Unsupported
from cobot_discord import Discord
from discord.bots import marked, ref, to


async def test_an_edit_changes_the_text_and_keeps_the_files(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """And pings nobody, like the message before it."""
    sent = await channel.session_send(to(general, "one"))
    await channel.session_edit(ref(general, sent), marked(general, "**two** @everyone"))

    assert network.sent[0].content == "**two** @everyone"
    assert not network.sent[0].mention_everyone
    assert "attachments" not in network.calls("edit_message")[0].fields


async def test_edits_in_threads_are_made_there(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """A message's address has the thread."""
    thread = general.thread("plans")
    message = to(general, "one", thread_id=thread.id)
    sent = await channel.session_send(message)
    where = attrs.evolve(ref(general, sent), thread_id=thread.id)
    await channel.session_edit(where, attrs.evolve(message, content="two"))
    await channel.session_react(where, "👍")
    await channel.session_delete(where)

    assert [event.kind for event in network.events] == ["sent", "edited", "reacted", "deleted"]


async def test_what_cannot_be_edited_is_sent_anew(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """Others' messages, and old ones that were edited too often."""
    theirs = general.text("one")
    with pytest.raises(Unsupported):
        await channel.session_edit(ref(general, theirs.id), to(general))
    sent = await channel.session_send(to(general))
    network.fail_next("edit_message", old_edits())
    with pytest.raises(Unsupported):
        await channel.session_edit(ref(general, sent), to(general))


async def test_what_is_gone_cannot_be_edited(channel: Discord, general: Room) -> None:
    """It is told apart from what may not be edited."""
    with pytest.raises(MessageNotFound):
        await channel.session_edit(ref(general, "1100000000000000009"), to(general))
    with pytest.raises(Unsupported, match="no message of Discord's"):
        await channel.session_edit(ref(general, "slash:17"), to(general))


async def test_deleting_twice_is_done(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """What is gone is gone."""
    sent = await channel.session_send(to(general))
    for _ in range(2):
        await channel.session_delete(ref(general, sent))

    assert general.messages == []


async def test_others_messages_are_deleted_where_that_is_allowed(
    channel: Discord, network: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Otherwise the session does what is next best."""
    theirs = general.text("one")
    with pytest.raises(Unsupported):
        await channel.session_delete(ref(general, theirs.id))
    lab.grant("MANAGE_MESSAGES")
    await channel.session_delete(ref(general, theirs.id))

    assert theirs.is_deleted


async def test_reactions_are_put_on_and_taken_off(
    channel: Discord, network: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Signs, those with a hash in them, and the server's own, in each way to write them."""
    message = general.text("one")
    party, wave = lab.emoji("party"), lab.emoji("wave", is_animated=True)
    custom = [f"party:{party.id}", f"<a:wave:{wave.id}>"]
    for emoji in ("👍", "#️⃣", *custom):
        await channel.session_react(ref(general, message.id), emoji)
    put = message.reacted(network.bot)
    general.react(message, "👀")
    await channel.session_react(ref(general, message.id), None)

    assert put == ["👍", "#️⃣", f"party:{party.id}", f"wave:{wave.id}"]
    assert message.reacted(network.bot) == []
    assert len(message.reactions) == 1


async def test_an_emoji_is_tried_in_colour_too(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """Discord knows some with the sign for it only."""
    message = general.text("one")
    network.fail_next("react", ApiError(400, 10014, "Unknown Emoji"))
    await channel.session_react(ref(general, message.id), "❤")

    assert [call.args["emoji"] for call in network.calls("react")] == ["❤", "❤\ufe0f"]


async def test_what_is_no_emoji_is_not_supported(channel: Discord, general: Room) -> None:
    """The session leaves it out."""
    message = general.text("one")
    with pytest.raises(Unsupported):
        await channel.session_react(ref(general, message.id), "well done")


async def test_typing_is_shown(channel: Discord, network: FakeDiscord, general: Room) -> None:
    """In a channel and in its thread."""
    thread = general.thread("plans")
    await channel.session_typing("discord", general.id, None)
    await channel.session_typing("discord", general.id, thread.id)

    shown = [event.channel for event in network.happened("typing")]
    assert shown == [general.channel, thread.channel]


async def test_typing_that_is_refused_is_unsupported_there(
    channel: Discord, general: Room
) -> None:
    """The session leaves it out for a while; nothing else is in vain for it."""
    general.deny("SEND_MESSAGES")
    with pytest.raises(Unsupported):
        await channel.session_typing("discord", general.id, None)


async def test_too_many_refusals_end_all_requests(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """Before Discord bans the address for ten minutes."""
    import cobot_discord.rates as rates

    for number in range(rates.INVALID_MOST):
        channel._api._rates.end("GET /x", "", 403, {}, float(number) / 1000)
    with pytest.raises(RateLimited) as caught:
        await channel.session_send(to(general))

    assert caught.value.scope == "channel"
    assert network.requests == []
