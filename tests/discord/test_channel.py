"""The channel as a plugin: settings, limits, what `cobot check` says."""

from __future__ import annotations

import json
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from channel_bots import command_line
from fakes import ManualClock, registry
from networks.discord import MESSAGE_CONTENT, FakeDiscord, Room, page
from networks.discord.errors import ApiError, unauthorized

import cobot
import cobot_discord
from cobot import AuthFailed, Id, Limits, Secret, Unreachable
from cobot_discord import Discord, DiscordCommand, DiscordGuild, DiscordOption, DiscordSettings
from discord.bots import bot_on, receiving, to

FOLDER = Path(cobot_discord.__file__).parent
TOKEN = "MTEx.GfZabc.k2b-_x"


# Settings.

_cobot = partial(command_line, "discord")


def test_the_channel_is_found_and_described(tmp_path: Path) -> None:
    """By its entry point; all eight operations are its own."""
    section = f"    bot_token: {TOKEN}\n    guilds: [{{id: '123456789', channel: general}}]\n"
    done = _cobot(tmp_path, section, "channels", "--json")

    assert done.returncode == 0, done.stderr
    (described,) = json.loads(done.stdout)
    assert set(described["operations"].values()) == {"native"}
    assert described["distribution"] == "cobot-discord"
    assert described["limits"]["text"] == 2000


def test_wrong_settings_are_told_with_their_place(tmp_path: Path) -> None:
    """All of them at once, and without the token."""
    section = (
        "    bot_token: 'secret words'\n    base_url: ftp://x\n    gateway_url: http://x\n"
        "    guilds: [{channel: x}]\n    commands: [{name: Ask Me, description: ''}]\n"
    )
    done = _cobot(tmp_path, section, "check")

    assert done.returncode == 78
    for words in (
        "plugins.discord.bot_token: expected a bot's token",
        "plugins.discord.base_url: expected an address such as https://discord.com/api/v10",
        "plugins.discord.gateway_url: expected an address such as wss://gateway.discord.gg",
        "plugins.discord.guilds[0].id: is missing",
        "plugins.discord.commands[0].name: expected 1 to 32 small letters",
    ):
        assert words in done.stderr
    assert "secret words" not in done.stderr


@pytest.mark.parametrize("token", ["", "abc", "Bot a.b.c", "a.b.c\n", "a.b", "a.b.c/d", "a..c"])
def test_what_can_be_no_token_is_refused(token: str) -> None:
    """Before anybody is asked, and without showing it."""
    with pytest.raises(ValueError, match="expected a bot's token") as caught:
        DiscordSettings(bot_token=Secret(token))

    assert not token or token not in str(caught.value)


def test_a_guild_goes_by_its_number() -> None:
    """A name would never be found in what arrives."""
    with pytest.raises(ValueError, match=r"expected a number such as .*, got 'Lab'"):
        DiscordGuild(Id("Lab"), "general")


def test_options_have_kinds_that_there_are() -> None:
    """Discord has more, which the agent could do nothing with."""
    with pytest.raises(ValueError, match="expected one of string, integer, boolean, number"):
        DiscordOption(name="x", description="x", type="user")
    with pytest.raises(ValueError, match="expected 1 to 100 characters"):
        DiscordCommand(name="x", description="x" * 101)


async def test_addresses_may_end_with_a_slash(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Of the API and of the gateway."""
    urls: dict[str, Any] = {
        "base_url": f"{network.url}/",
        "gateway_url": f"{network.gateway_url}/",
    }
    async with (
        bot_on(network, clock, tmp_path, general, **urls) as channel,
        receiving(channel) as received,
    ):
        await received.ready()
        await channel.session_send(to(general))

    assert len(network.sent) == 1


async def test_the_gateway_is_where_the_api_says(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Unless the settings say something else."""
    async with (
        bot_on(network, clock, tmp_path, general, gateway_url=None) as channel,
        receiving(channel) as received,
    ):
        await received.ready()

    assert len(network.gateway.identifies) == 1


async def test_the_token_is_in_nothing_that_can_be_shown(channel: Discord) -> None:
    """A channel ends up in tracebacks."""
    token = channel.settings.bot_token.reveal()

    assert token not in repr(channel)
    assert token not in repr(channel._api)
    assert token not in repr(channel._gateway)


# Limits and targets.


def test_limits_are_those_of_discord(channel: Discord) -> None:
    """With a key, for the few minutes that it is kept."""
    assert channel.session_limits("discord", None) == Limits(
        text=2000,
        unit="codepoints",
        caption=2000,
        upload_bytes=10 * 1024 * 1024,
        typing_s=10,
        idempotency="key",
        idempotency_window_s=120,
        rate_channel=45,
        rate_address=1,
    )


async def test_broadcasts_go_to_the_first_channel(
    channel: Discord, network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """And nowhere if none is listed."""
    assert await channel.session_default_target("discord") == general.id
    async with bot_on(network, clock, tmp_path) as other:
        assert await other.session_default_target("discord") is None


def test_the_registry_takes_the_channel(channel: Discord) -> None:
    """Its hooks are spelt right and take the arguments that there are."""
    assert registry(discord=channel)["discord"].is_channel


# `cobot check --online`.


@pytest.mark.parametrize(("is_on", "said"), [(True, "on"), (False, "off: switch it on")])
async def test_a_check_says_who_the_bot_is(
    channel: Discord, network: FakeDiscord, is_on: bool, said: str
) -> None:
    """In one line, without a session: another process may be running the bot."""
    if not is_on:
        network.world.privileged &= ~MESSAGE_CONTENT
    line = await channel.session_check("discord")

    assert line.startswith(f"@lab_bot (id {network.bot.id}), message content intent {said}")
    assert network.gateway.opened == []


async def test_a_check_finds_wrong_names(
    network: FakeDiscord, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """Before the first start."""
    assert general.channel.guild is not None
    guilds = (DiscordGuild(Id(general.channel.guild.id), "genral"),)
    async with bot_on(network, clock, tmp_path, guilds=guilds) as channel:
        with pytest.raises(AuthFailed, match="there are: #general"):
            await channel.session_check("discord")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(unauthorized(), AuthFailed), (page(502), Unreachable)],
    ids=repr,
)
async def test_a_check_fails_as_the_network_does(
    channel: Discord,
    network: FakeDiscord,
    failure: ApiError,
    expected: type[Exception],
) -> None:
    """A wrong token is told from a network that is down."""
    network.fail_next("get_me", failure)
    with pytest.raises(expected):
        await channel.session_check("discord")


# The distribution.


def test_core_and_channel_have_one_version() -> None:
    """They move together."""
    assert version("cobot-discord") == cobot.__version__


TALKING = ("__init__.py", "api.py", "commands.py", "gateway.py", "names.py", "receiving.py")


def test_only_two_files_talk() -> None:
    """One asks the API, one has the socket; the pure files do not wait for anything."""
    for path in FOLDER.glob("*.py"):
        text = path.read_text()
        assert (".http." in text) == (path.name == "api.py")
        assert ("Sockets" in text) == (path.name == "gateway.py")
        if path.name not in (*TALKING, "transfers.py"):
            assert "async " not in text
            assert "Context" not in text
