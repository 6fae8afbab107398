"""The channels in the settings, and what their names mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ManualClock
from networks.discord import FORUM, VOICE, FakeDiscord, Hall, Room

from cobot import AuthFailed, Id
from cobot_discord import DiscordGuild
from cobot_discord.errors import WrongSettings
from discord.bots import bot_on, receiving


async def listed(
    network: FakeDiscord, clock: ManualClock, folder: Path, guild: str, channel: str | None
) -> tuple[list[str], str | None]:
    """Return which channels settings mean, and where broadcasts go."""
    guilds = (DiscordGuild(Id(guild), channel),)
    async with bot_on(network, clock, folder, guilds=guilds) as bot:
        return [*await bot._names.listed()], await bot.session_default_target("discord")


@pytest.mark.parametrize("name", ["general", "#general", "General", "GENERAL"])
async def test_a_channel_is_found_by_its_name(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path, name: str
) -> None:
    """With the sign or without; a category of that name is no channel."""
    lab.category("general")
    room = lab.channel("general")

    found = await listed(network, clock, tmp_path, lab.id, name)
    assert found == ([room.id], room.id)


async def test_spaces_and_ids_are_understood(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """Discord shows hyphens for spaces; and an id is never ambiguous."""
    first, second = lab.channel("off-topic"), lab.channel("off-topic")
    other = lab.channel("the-lab", VOICE)

    for name, room in (("the lab", other), (first.id, first), (second.id, second)):
        assert (await listed(network, clock, tmp_path, lab.id, name))[0] == [room.id]


async def test_a_name_that_means_nothing_shows_what_there_is(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """The channel is parked: only the owner can mend it."""
    lab.channel("general")
    lab.channel("random")
    with pytest.raises(WrongSettings, match=r"'genral'.*there are: #general, #random"):
        await listed(network, clock, tmp_path, lab.id, "genral")
    assert issubclass(WrongSettings, AuthFailed)


async def test_a_name_that_means_several_shows_their_ids(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """Nobody guesses which one was meant."""
    first, second = lab.channel("general"), lab.channel("general")
    with pytest.raises(WrongSettings, match=f"{first.id}.*{second.id}"):
        await listed(network, clock, tmp_path, lab.id, "general")


async def test_a_guild_without_the_bot_shows_where_it_is(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """It has to be invited first."""
    with pytest.raises(WrongSettings, match=rf"invite it.*{lab.id} \(Lab\)"):
        await listed(network, clock, tmp_path, "123456789", "general")


async def test_a_guild_without_a_channel_is_listed_as_a_whole(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """And is no place for broadcasts."""
    found = await listed(network, clock, tmp_path, lab.id, None)
    assert found == ([lab.id], None)


async def test_broadcasts_go_to_no_forum(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """There has to be a post first; its posts are listed all the same."""
    forum = lab.channel("questions", FORUM)

    found = await listed(network, clock, tmp_path, lab.id, "questions")
    assert found == ([forum.id], None)


async def test_a_new_name_changes_nothing(
    network: FakeDiscord, lab: Hall, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """The channel that was meant at the start stays the one, whoever takes its name."""
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        general.rename("old-general")
        imposter = lab.channel("general")
        general.text("one")
        imposter.text("two")
        items = [*(await received.batch()).items]
        while len(items) < 2:
            items += (await received.batch()).items

    assert [item.listed for item in items] == [True, False]  # type: ignore[union-attr]


async def test_a_channel_that_is_deleted_is_noted(
    network: FakeDiscord,
    general: Room,
    clock: ManualClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The settings still name it."""
    caplog.set_level("INFO")
    direct = network.dm()
    async with (
        bot_on(network, clock, tmp_path, general) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        general.remove()
        direct.text("after it")
        await received.batch()

    assert "#general was deleted" in caplog.text


async def test_a_check_finds_whole_servers_as_well(
    network: FakeDiscord, lab: Hall, clock: ManualClock, tmp_path: Path
) -> None:
    """An id that is wrong would be seen by nobody."""
    for guild_id, is_good in ((lab.id, True), ("1100000000000000001", False)):
        guilds = (DiscordGuild(Id(guild_id)),)
        async with bot_on(network, clock, tmp_path, guilds=guilds) as bot:
            if is_good:
                await bot.session_check("discord")
            else:
                with pytest.raises(WrongSettings, match="the bot is not in the server"):
                    await bot.session_check("discord")
