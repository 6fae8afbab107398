"""Texts on their way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import FakeDiscord, Fault, Hall, Room, page, too_many_requests
from networks.discord.errors import ApiError, server_error
from networks.web import Response

from cobot import (
    AuthFailed,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    MessageNotFound,
    RateLimited,
    Rejected,
    Unreachable,
)
from cobot_discord import Discord
from discord.bots import Reports, bot_on, marked, receiving, to


async def test_a_text_arrives_as_it_was_written(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """With its formatting, and with its id in return."""
    sent = await channel.session_send(marked(general, "**hello** *you*"))

    assert [one.id for one in network.sent] == [sent]
    assert network.sent[0].content == "**hello** *you*"


async def test_nobody_is_pinged_who_was_not_named(
    channel: Discord, network: FakeDiscord, lab: Hall, general: Room
) -> None:
    """Neither by a mention in the text, nor by a reply; unless the message asks for it."""
    ann, role = lab.person, lab.role("crew", is_mentionable=True)
    asked = general.text("hello?")
    text = f"@everyone {ann.mention} <@&{role.id}>"
    allowed = {"users": [ann.id]}
    await channel.session_send(to(general, text, reply_to=asked.id))
    await channel.session_send(to(general, text, metadata={"allowed_mentions": allowed}))

    first, second = network.sent
    assert (first.mentions, first.mention_roles, first.mention_everyone) == ([], [], False)
    assert (second.mentions, second.mention_roles) == ([ann], [])


async def test_a_reply_points_at_its_message(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """As long as that is there."""
    asked, gone = general.text("one"), general.text("two")
    general.delete(gone)
    await channel.session_send(to(general, "to one", reply_to=asked.id))
    await channel.session_send(to(general, "to two", reply_to=gone.id))

    assert [one.reply_to for one in network.sent] == [asked, None]


async def test_a_reply_that_cannot_be_arrives_without(
    channel: Discord, network: FakeDiscord, general: Room, lab: Hall
) -> None:
    """To a system message, or where the bot may not read what was said."""
    network.fail_next("create_message", ApiError(404, 10008, "Unknown Message"))
    asked = general.text("zero")
    await channel.session_send(to(general, "zeroth", reply_to=asked.id, key="k0"))
    pinned = general.post(kind=6)
    asked = general.text("one")
    await channel.session_send(to(general, "first", reply_to=pinned.id, key="k1"))
    general.deny("READ_MESSAGE_HISTORY")
    await channel.session_send(to(general, "second", reply_to=asked.id, key="k2"))

    assert [(one.content, one.reply_to) for one in network.sent] == [
        ("zeroth", None),
        ("first", None),
        ("second", None),
    ]


async def test_the_same_key_twice_is_one_message(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """A repeated send gives back the message that is there."""
    network.fail_next("create_message", Fault.LOST)
    message = to(general, "hello", key="a-key")
    with pytest.raises(DeliveryUnknown):
        await channel.session_send(message)
    again = await channel.session_send(message)

    assert [one.id for one in network.sent] == [again]
    assert network.sent[0].nonce == "a-key"


async def test_what_has_arrived_is_not_sent_again(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock
) -> None:
    """The gateway told of it: that is known for longer than Discord keeps a key."""
    async with receiving(channel) as received:
        await received.ready()
        network.fail_next("create_message", Fault.LOST)
        with pytest.raises(DeliveryUnknown):
            await channel.session_send(to(general, "hello", key="a-key"))
        general.text("after it")
        await received.message()
        clock.advance(3600)
        again = await channel.session_send(to(general, "hello", key="a-key", unknown=True))

    assert [one.id for one in network.sent] == [again]


async def test_threads_are_written_to(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """A thread is part of its channel."""
    thread = general.thread("plans")
    await channel.session_send(to(general, "in it", thread_id=thread.id))

    assert network.sent[0].channel is thread.channel


async def test_previews_can_be_left_out(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """For one message, or for all in the settings; a message may be silent as well."""
    await channel.session_send(to(general, "a", metadata={"previews": False}))
    await channel.session_send(to(general, "b", metadata={"silent": True}))
    async with bot_on(network, clock, tmp_path, general, previews=False) as other:
        await other.session_send(to(general, "c"))
        await other.session_send(to(general, "d", metadata={"previews": True}))

    assert [one.flags for one in network.sent] == [4, 4096, 4, 0]


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (ApiError(401, 0, "401: Unauthorized"), AuthFailed, "set bot_token"),
        (ApiError(404, 10003, "Unknown Channel"), ChatGone, "was deleted"),
        (ApiError(403, 50001, "Missing Access"), ChatGone, "View Channel"),
        (ApiError(403, 50007, "Cannot send messages to this user"), ChatGone, "50007"),
        (ApiError(403, 50013, "Missing Permissions"), Forbidden, "Send Messages"),
        (ApiError(400, 160005, "Thread is locked"), Forbidden, "locked"),
        (ApiError(404, 10008, "Unknown Message"), MessageNotFound, "10008"),
        (ApiError(400, 40058, "Cannot message"), Rejected, "one of its posts"),
        (ApiError(400, 200000, "Blocked"), Rejected, "AutoMod"),
        (ApiError(500, 130000, "overloaded"), Unreachable, "overloaded"),
        (server_error(500), DeliveryUnknown, "500"),
        (page(502), DeliveryUnknown, "502"),
    ],
)
async def test_refusals_are_told_apart(
    channel: Discord,
    network: FakeDiscord,
    general: Room,
    failure: ApiError,
    kind: type[Exception],
    said: str,
) -> None:
    """Each as what the session can do about it, with what the owner can."""
    network.fail_next("create_message", failure)
    with pytest.raises(kind, match=said):
        await channel.session_send(to(general))


async def test_a_forum_takes_no_messages(
    channel: Discord, network: FakeDiscord, lab: Hall
) -> None:
    """Only its posts do."""
    with pytest.raises(Rejected, match="write into one of its posts"):
        await channel.session_send(to(lab.forum()))


async def test_a_wait_is_told_as_long_as_it_is(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """To the part of a second, and for whom."""
    for scope, is_wide in (("user", False), ("shared", False), ("global", True)):
        network.fail_next("create_message", too_many_requests(1.234, scope=scope))  # type: ignore[arg-type]
        with pytest.raises(RateLimited) as caught:
            await channel.session_send(to(general))

        assert caught.value.retry_after_s is not None
        assert 1.234 <= caught.value.retry_after_s <= 2.0
        assert caught.value.is_wide == is_wide


async def test_an_empty_bucket_is_not_asked(
    network: FakeDiscord, general: Room, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """After the last request that it takes, none is made before it is full again."""
    network.rates.is_on = True
    health = Reports()
    async with bot_on(network, clock, tmp_path, general, health=health) as channel:
        for _ in range(5):
            await channel.session_send(to(general))
        with pytest.raises(RateLimited) as caught:
            await channel.session_send(to(general))
        other = lab.channel("other")
        await channel.session_send(to(other))
        clock.advance(5)
        await channel.session_send(to(general))

    assert caught.value.retry_after_s == 5
    assert {call.status for call in network.calls("create_message")} == {200}
    assert health.signs == [f"closed until 2026-01-01 12:00:05+00:00 for {general.id}"]


async def test_a_global_limit_closes_all(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Nothing is even asked until it has passed, in no channel."""
    health = Reports()
    network.fail_next("create_message", too_many_requests(3, scope="global"))
    async with bot_on(network, clock, tmp_path, general, health=health) as channel:
        for room in (general, network.dm()):
            with pytest.raises(RateLimited):
                await channel.session_send(to(room))
        clock.advance(3)
        await channel.session_send(to(general))

    assert len(network.requests) == 2
    assert health.signs == ["closed until 2026-01-01 12:00:03+00:00 for None"]


@pytest.mark.parametrize(
    "failure",
    [
        page(429, Retry_After="600"),
        page(403),
        ApiError(403, 40333, "internal network error"),
    ],
    ids=repr,
)
async def test_a_banned_address_keeps_quiet(
    network: FakeDiscord,
    general: Room,
    clock: ManualClock,
    tmp_path: Path,
    failure: ApiError | Response,
) -> None:
    """A page in place of an answer comes from what stands before the API."""
    network.fail_next("create_message", failure)
    async with bot_on(network, clock, tmp_path, general) as channel:
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                await channel.session_send(to(general))
            assert caught.value.scope == "channel"
            assert caught.value.retry_after_s == 600

    assert len(network.requests) == 1


async def test_requests_look_as_discord_wants_them(
    channel: Discord, network: FakeDiscord, general: Room
) -> None:
    """Odd user agents are blocked before they are read."""
    await channel.session_send(to(general))

    (request,) = network.requests
    assert request.headers["user-agent"].startswith("DiscordBot (https://")
    assert request.headers["content-type"] == "application/json"
