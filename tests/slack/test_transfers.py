"""Files that are sent, and files that come."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from fakes import ManualClock
from networks.slack import ApiError, FakeSlack, Fault, Room, rate_limited
from networks.web import Response

from cobot import DeliveryUnknown, Media, RateLimited, Rejected, Unreachable, Unsupported
from cobot_slack import Slack
from slack.bots import bot_on, passing, receiving, session, to

CAT = Media.from_bytes(b"a cat", name="cat.png", content_type="image/png")


def _contents(network: FakeSlack) -> list[list[bytes | None]]:
    stored = network.world.files.by_id
    return [[stored[one["id"]].content for one in message.files] for message in network.sent]


async def test_files_arrive_with_their_caption(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """From memory and from the disk, in a thread; the receipt names the message."""
    file = tmp_path / "notes.txt"
    file.write_bytes(b"notes")
    parent = general.text("plans")
    message = to(general, "see <this>", media=[CAT, Media.from_path(file)], thread_id=parent.ts)
    receipt = await passing(clock, channel.session_media(message))

    assert _contents(network) == [[b"a cat", b"notes"]]
    assert network.sent[0].shown == "see <this>"
    assert network.sent[0].thread_ts == parent.ts
    assert [one.id for one in receipt.refs] == [network.sent[0].ts]


async def test_more_than_ten_files_are_several_messages(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """The caption stands once."""
    message = to(general, "see", media=[CAT] * 11)
    receipt = await passing(clock, channel.session_media(message))

    assert [len(one) for one in _contents(network)] == [10, 1]
    assert [one.text for one in network.sent] == ["see", ""]
    assert len(receipt.refs) == 2


async def test_a_lost_answer_shows_a_file_once(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """The bytes are sent once for all attempts; by their ids it is seen what arrived."""
    message = to(general, "see", media=[CAT])
    message = attrs.evolve(message, prepared=await channel.session_prepare(message))
    network.fail_next("files.completeUploadExternal", Fault.LOST)
    with pytest.raises(DeliveryUnknown):
        await channel.session_media(message)
    again = attrs.evolve(message, unknown=True)
    receipt = await passing(clock, channel.session_media(again))

    assert [one.id for one in receipt.refs] == [one.ts for one in network.sent]
    assert len(network.calls("files.completeUploadExternal")) == 1


async def test_what_did_not_arrive_is_shown_with_the_next_attempt(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """Without sending its bytes again."""
    message = to(general, "see", media=[CAT])
    message = attrs.evolve(message, prepared=await channel.session_prepare(message))
    receipt = await passing(clock, channel.session_media(attrs.evolve(message, unknown=True)))

    assert [one.id for one in receipt.refs] == [one.ts for one in network.sent]
    assert len(network.calls("upload")) == 1


async def test_what_slack_does_not_take_becomes_a_link(
    channel: Slack, network: FakeSlack, general: Room
) -> None:
    """An empty file, or a file in a workspace that takes none."""
    empty = to(general, media=[Media.from_bytes(b"", name="empty")])
    assert await channel.session_prepare(empty) is None
    with pytest.raises(Unsupported, match="empty"):
        await channel.session_media(empty)
    network.scopes.discard("files:write")
    with pytest.raises(Unsupported, match="the scope files:write"):
        await channel.session_media(to(general, media=[CAT]))


async def test_a_message_without_a_trace_has_arrived(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """Slack does not tell which it is: it cannot be changed, and is no failure."""
    network.fail_next("files.info", ApiError("file_not_found"), times=None)
    receipt = await passing(clock, channel.session_media(to(general, media=[CAT])))

    assert receipt.refs == ()
    assert len(network.sent) == 1


async def test_a_file_that_waited_too_long_is_sent_again(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """Slack does not keep for ever what is shown nowhere."""
    for is_unknown in (False, True):
        message = to(general, "see", media=[CAT], unknown=is_unknown)
        message = attrs.evolve(message, prepared=await channel.session_prepare(message))
        network.world.files.by_id.clear()
        receipt = await passing(clock, channel.session_media(message))
        assert [one.id for one in receipt.refs] == [network.sent[-1].ts]

    assert [one.text for one in network.sent] == ["see", "see"]


async def test_a_look_up_that_fails_shows_no_file_again(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """It is tried later."""
    message = to(general, "see", media=[CAT])
    message = attrs.evolve(message, prepared=await channel.session_prepare(message))
    again = attrs.evolve(message, unknown=True)
    network.fail_next("files.info", rate_limited(5))
    with pytest.raises(RateLimited):
        await channel.session_media(again)
    clock.advance(5)
    network.fail_next("files.info", ApiError("missing_scope", needed="files:read"))
    receipt = await passing(clock, channel.session_media(again))

    assert len(network.sent) == 1
    assert receipt.maybe_repeated is True


async def test_messages_that_arrived_in_part_are_completed(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock
) -> None:
    """The first ten files are not shown again, and do not keep the eleventh back."""
    trouble = network.fail_next("files.completeUploadExternal", rate_limited(5))
    trouble.chance = iter([False, True]).__next__
    async with session(channel, clock) as opened:
        await network.wait_for_links()
        sending = opened.media(to(general, "see", media=[CAT] * 11))
        receipt = await passing(clock, sending)

    assert [len(one) for one in _contents(network)] == [10, 1]
    assert [one.id for one in receipt.refs] == [one.ts for one in network.sent]


# In.


async def _file_of(channel: Slack, room: Room, **described: object) -> Media:
    async with receiving(channel) as received:
        await received.ready()
        room.file(b"the notes", **described)  # type: ignore[arg-type]
        message = await received.message()
    return message.media[0]


@pytest.mark.parametrize("is_stub", [False, True])
async def test_a_file_is_fetched_with_the_token(
    channel: Slack, network: FakeSlack, direct: Room, tmp_path: Path, is_stub: bool
) -> None:
    """Of another organisation's only the id is told: it is asked for."""
    media = await _file_of(channel, direct, is_stub=is_stub)
    path = tmp_path / "file"
    await channel.session_fetch("slack", media, path, 1000)

    assert path.read_bytes() == b"the notes"


async def test_a_file_that_is_not_told_of_at_once_can_be_had_later(
    channel: Slack, network: FakeSlack, direct: Room, tmp_path: Path
) -> None:
    """It is not refused for good."""
    media = await _file_of(channel, direct, is_stub=True)
    network.fail_next("files.info", ApiError("internal_error"))
    with pytest.raises(Unreachable):
        await channel.session_fetch("slack", media, tmp_path / "file", 1000)


async def test_a_page_to_sign_in_on_is_no_file(
    channel: Slack, network: FakeSlack, direct: Room, tmp_path: Path
) -> None:
    """Slack gives it with status 200 where the app may not read files."""
    media = await _file_of(channel, direct)
    network.scopes.discard("files:read")
    path = tmp_path / "file"
    with pytest.raises(Rejected, match="the scope files:read"):
        await channel.session_fetch("slack", media, path, 1000)

    assert not path.exists()


async def test_the_token_goes_to_slack_alone(
    channel: Slack, network: FakeSlack, direct: Room, tmp_path: Path
) -> None:
    """Neither an address in a message nor a redirect takes it elsewhere."""
    media = await _file_of(channel, direct)
    away = Response(302, headers={"Location": "https://slack.com.away.test/"})
    network.fail_next("download", away)
    with pytest.raises(Rejected, match="not on a server of Slack's"):
        await channel.session_fetch("slack", media, tmp_path / "file", 1000)
    other = Media.from_remote({"url": "http://127.0.0.1:9/"}, name="x")
    with pytest.raises(Rejected, match="not on a server of Slack's"):
        await channel.session_fetch("slack", other, tmp_path / "file", 1000)


async def test_what_is_too_large_is_not_fetched(
    channel: Slack, network: FakeSlack, direct: Room, tmp_path: Path
) -> None:
    """Whether it says so before, or only shows it."""
    honest = await _file_of(channel, direct)
    for media in (honest, attrs.evolve(honest, size_bytes=None)):
        with pytest.raises(Rejected):
            await channel.session_fetch("slack", media, tmp_path / "file", 5)


async def test_a_file_is_passed_on(
    network: FakeSlack, general: Room, direct: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """What came in one channel goes to another."""
    async with bot_on(network, clock, tmp_path, general) as channel:
        media = await _file_of(channel, direct)
        await passing(clock, channel.session_media(to(general, media=[media])))

    assert _contents(network) == [[b"the notes"]]
