"""Telegram under a real session: what a person sees in the end."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from fakes import ManualClock, until
from networks.telegram import FakeTelegram, errors, page, pictures

from cobot import Conversation, IncomingMessage, Media
from cobot.config.settings import AccessSettings, SessionSettings
from cobot.session.supervisor import State
from cobot_telegram import Telegram
from telegram.bots import Agent, bot_on, session, to


async def test_every_message_is_answered_once_and_in_order(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """Several chats at once, each in the order in which it was written."""
    rooms = [network.private_chat() for _ in range(5)]
    async with session(channel, clock):
        for number in range(10):
            for room in rooms:
                room.text(f"{number}")
        await network.wait_for_sent(50)

    for room in rooms:
        texts = [one.text for one in network.sent if one.chat is room.chat]
        assert texts == [str(number) for number in range(10)]


async def test_what_comes_twice_is_answered_once(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """As after a crash before the poll that confirms; also under numbers that begin anew."""
    room = network.private_chat()
    async with session(channel, clock):
        written = room.text("one")
        await network.wait_for_sent()
        network.push("message", written.wire())
        network.world.updates.next_id = 17
        network.push("message", written.wire())
        room.text("two")
        await network.wait_for_sent(2)

    assert [one.text for one in network.sent] == ["one", "two"]


async def test_a_restart_goes_on_where_it_was(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """What was answered before is confirmed, and what came meanwhile is answered."""
    room = network.private_chat()
    file = tmp_path / "journal.db"
    for count, text in enumerate(("one", "two"), 1):
        room.text(text)
        async with (
            bot_on(network, clock, tmp_path) as channel,
            session(channel, clock, path=file),
        ):
            await network.wait_for_sent(count)

    assert [one.text for one in network.sent] == ["one", "two"]


async def test_a_long_answer_arrives_whole(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """20,000 characters with fences, tables and emoji, in parts that Telegram takes."""
    block = (
        "## Part {0} \U0001f600\n\nSome *text* with [a link](https://x.org/{0}) and `code`.\n\n"
        "```python\nprint({0})\n```\n\n| a | b |\n|---|---|\n| {0} | \U0001f44d |\n\n"
        "> quoted **{0}**\n\n- one\n  - two\n\n"
    )
    answer = "".join(block.format(number) for number in range(130))

    async def act(message: IncomingMessage, conversation: Conversation) -> str:
        return answer

    async with session(channel, clock, Agent(act)):
        network.private_chat().text("go")
        await network.wait_for(lambda: network.sent and "quoted 129" in network.sent[-1].text)

    whole = "\n".join(one.text for one in network.sent)
    assert len(answer) > 20_000
    for number in range(130):
        assert f"Part {number} " in whole
        assert f"print({number})" in whole
    assert {call.status for call in network.calls("sendMessage")} == {200}
    assert all(len(one.entities) <= 100 for one in network.sent)


async def test_formatting_that_is_refused_gives_way(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """The text arrives without it."""

    async def act(message: IncomingMessage, conversation: Conversation) -> str:
        return "**bold**"

    network.fail_next("sendMessage", errors.bad_request("can't parse entities: oh"))
    async with session(channel, clock, Agent(act)):
        network.private_chat().text("go")
        await network.wait_for_sent()

    assert (network.sent[0].text, network.sent[0].entities) == ("bold", [])


async def test_an_album_is_one_turn(
    channel: Telegram, network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """The agent gets all its files, and can read them."""
    contents: list[bytes] = []

    async def act(message: IncomingMessage, conversation: Conversation) -> str:
        for media in message.media:
            path = await conversation.fetch(media)
            contents.append(await asyncio.to_thread(path.read_bytes))
        return f"{message.content}: {len(message.media)}"

    one, other = pictures.png(10, 20), pictures.png(20, 10)
    async with session(channel, clock, Agent(act, tmp_path)):
        network.private_chat().album([{"content": one, "caption": "two"}, {"content": other}])
        await until(lambda: network.poll_offsets[-1:] and network.poll_offsets[-1] is not None)
        assert network.sent == []
        clock.advance(await clock.next_sleep())
        await network.wait_for_sent()

    assert [message.text for message in network.sent] == ["two: 2"]
    assert contents == [one, other]


async def test_what_is_for_a_group_follows_it(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """A send finds out that the group has moved, and arrives all the same."""
    room = network.group()
    async with (
        bot_on(network, clock, tmp_path) as channel,
        session(channel, clock) as opened,
    ):
        new = room.upgrade()
        receipt = await opened.send(to(room, "hello"))

    assert network.sent[0].chat is new.chat
    assert receipt.refs[0].channel_id == str(new.id)


async def test_every_operation_reaches_the_network(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """Sent, edited, deleted, reacted to, with media: natively, so nothing is degraded."""
    room = network.private_chat()
    picture = Media.from_bytes(pictures.png(10, 10), name="p.png")
    async with session(channel, clock) as opened:
        sent = await opened.send(to(room, "one"))
        edited = await opened.edit(sent.refs[0], "**two**")
        reacted = await opened.react(sent.refs[0], "👍")
        media = await opened.media(to(room, "see", media=[picture]))
        deleted = await opened.delete(sent.refs[0])

    assert [event.kind for event in network.events] == [
        "sent",
        "edited",
        "reacted",
        "sent",
        "deleted",
    ]
    for receipt in (sent, edited, reacted, media, deleted):
        assert receipt.degraded == ()


async def test_what_telegram_has_not_is_degraded(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """And the receipt says so."""
    room = network.private_chat()
    foreign = Media.from_remote({"url_private": "x"}, name="plan.pdf")
    async with session(channel, clock) as opened:
        sent = await opened.send(to(room, "one"))
        reacted = await opened.react(sent.refs[0], "✅")
        media = await opened.media(to(room, "see", media=[foreign]))
        network.sent[0].date -= 49 * 3600
        deleted = await opened.delete(sent.refs[0])

    assert reacted.degraded == ("react->nothing",)
    assert media.degraded == ("media->link",)
    assert deleted.degraded == ("delete->edit",)
    assert network.sent[1].text == "see\n[plan.pdf]"


async def test_a_wait_is_kept_to_and_is_the_chats_own(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """After 429 that chat waits as long as it was told, and another one does not."""
    waits, other = network.private_chat(), network.private_chat()
    network.fail_next("sendMessage", errors.too_many_requests(5), chat=waits)
    async with session(channel, clock):
        waits.text("one")
        await network.wait_for(lambda: network.calls("sendMessage"))
        other.text("two")
        await network.wait_for_sent()
        clock.advance(4.9)
        other.text("three")
        await network.wait_for_sent(2)
        clock.advance(0.2)
        await network.wait_for_sent(3)

    assert [one.text for one in network.sent] == ["two", "three", "one"]


async def test_a_bad_gateway_is_waited_out(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """HTML in place of updates: asked again later, and nothing is lost."""
    network.fail_next("getUpdates", page(502), times=2)
    async with session(channel, clock):
        network.private_chat().text("hi")
        for _ in range(2):
            clock.advance(await clock.next_sleep())
        await network.wait_for_sent()

    assert network.sent[0].text == "hi"


async def test_a_revoked_token_parks(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """It does not get better by itself; the state says what to do."""
    network.revoke_token()
    async with session(channel, clock) as opened:
        supervisor = opened.supervisors["telegram"]
        await until(lambda: supervisor.state is State.PARKED)

    assert "@BotFather" in supervisor.reason
    assert network.token not in supervisor.reason


async def test_another_poller_is_waited_for(
    channel: Telegram,
    network: FakeTelegram,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As in a deployment in which the old process goes on for a while: it is said loudly."""
    network.fail_next("getUpdates", errors.conflict(errors.OTHER_POLLER))
    async with session(channel, clock):
        network.private_chat().text("hi")
        clock.advance(await clock.next_sleep())
        await network.wait_for_sent()

    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert "somebody else is receiving with this token" in record.getMessage()


async def test_typing_is_shown_while_the_agent_thinks(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """Again before it fades, and no more once the answer is there."""
    may_answer = asyncio.Event()

    async def act(message: IncomingMessage, conversation: Conversation) -> str:
        await may_answer.wait()
        return "done"

    async with session(channel, clock, Agent(act), settings=SessionSettings()):
        network.private_chat().text("hi")
        while len(network.calls("sendChatAction")) < 3:
            clock.advance(await clock.next_sleep())
            await asyncio.sleep(0)
        may_answer.set()
        await network.wait_for_sent()

    shown = network.calls("sendChatAction")
    assert [event.kind for event in network.events] == ["action"] * len(shown) + ["sent"]
    assert max(b.at - a.at for a, b in pairwise(shown)) < 5


async def test_groups_are_answered_when_they_name_the_bot(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """With the defaults: in listed groups, when mentioned or replied to."""
    listed, other = network.supergroup(), network.supergroup()
    access = AccessSettings(direct="open")
    async with (
        bot_on(network, clock, tmp_path, listed.id) as channel,
        session(channel, clock, access=access),
    ):
        other.text("@lab_bot not here")
        listed.text("not to us")
        listed.text("@lab_bot hello")
        answer = (await network.wait_for_sent())[0]
        listed.text("and again", reply_to=answer)
        network.private_chat().text("direct")
        await network.wait_for_sent(3)

    assert sorted(one.text for one in network.sent) == ["@lab_bot hello", "and again", "direct"]
    assert network.sent[0].reply_to is not None


async def test_an_edit_waits_in_the_queue_like_its_message(
    channel: Telegram, network: FakeTelegram, clock: ManualClock
) -> None:
    """What is edited before it is answered is answered in its new form."""
    room = network.private_chat()
    first, second = room.text("one"), room.text("two")
    room.edit(second, "two, mended")
    async with session(channel, clock):
        await network.wait_for_sent(2)

    assert [one.text for one in network.sent] == ["one", "two, mended"]
    assert first.text == "one"
