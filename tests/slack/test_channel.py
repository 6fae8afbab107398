"""The channel as a plugin: settings, limits, what `cobot check` says."""

from __future__ import annotations

import ast
import json
from functools import partial
from pathlib import Path

import pytest
from channel_bots import command_line
from fakes import ManualClock, registry
from networks.slack import ApiError, FakeSlack, Room

import cobot_slack
from cobot import AuthFailed, Id, Secret
from cobot_slack import Slack, SlackChannel, SlackSettings
from slack.bots import bot_on, receiving

FOLDER = Path(cobot_slack.__file__).parent
TOKEN = "xoxb-0-0-fake"

_cobot = partial(command_line, "slack")


def test_the_channel_is_found_and_described(tmp_path: Path) -> None:
    """By its entry point; all eight operations are its own."""
    section = f"    bot_token: {TOKEN}\n    channels: [{{id: C0123456789}}]\n"
    done = _cobot(tmp_path, section, "channels", "--json")

    assert done.returncode == 0, done.stderr
    (described,) = json.loads(done.stdout)
    assert set(described["operations"].values()) == {"native"}
    assert described["distribution"] == "cobot-slack"
    assert described["limits"]["text"] == 3900


def test_wrong_settings_are_told_with_their_place(tmp_path: Path) -> None:
    """All of them at once, and without the tokens."""
    section = (
        "    bot_token: 'secret words'\n    app_token: xoxb-wrong\n    base_url: ftp://x\n"
        "    signing_secret: no secret\n    channels: [{id: '#general'}]\n"
        "    connections: 11\n    port: 70000\n    path: events\n"
    )
    done = _cobot(tmp_path, section, "check")

    assert done.returncode == 78
    for words in (
        "plugins.slack.bot_token: expected a bot's token",
        "plugins.slack.app_token: expected an app-level token",
        "plugins.slack.signing_secret: expected the signing secret",
        "plugins.slack.base_url: expected an address such as https://slack.com/api",
        "plugins.slack.channels[0].id: expected a channel's id",
        "plugins.slack.connections: expected a number from 1 to 10",
        "plugins.slack.port: expected a port",
        "plugins.slack.path: expected a path",
    ):
        assert words in done.stderr
    for secret in ("secret words", "xoxb-wrong", "no secret"):
        assert secret not in done.stderr


async def test_without_a_way_to_receive_it_says_so(
    network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """A token for sending is enough for sending only."""
    async with (
        bot_on(network, clock, tmp_path, general, app_token=None) as channel,
        receiving(channel) as received,
    ):
        with pytest.raises(AuthFailed, match="set app_token"):
            await received.ready()


async def test_secrets_are_in_nothing_that_can_be_shown(
    channel: Slack, network: FakeSlack
) -> None:
    """A channel ends up in tracebacks."""
    shown = [repr(channel), repr(channel._api), repr(channel._entries)]

    assert not any(network.bot_token in one or network.app_token in one for one in shown)


async def test_broadcasts_go_to_the_first_channel(
    channel: Slack, network: FakeSlack, general: Room, clock: ManualClock, tmp_path: Path
) -> None:
    """And nowhere if none is listed."""
    assert channel.session_default_target("slack") == general.id
    async with bot_on(network, clock, tmp_path) as other:
        assert other.session_default_target("slack") is None


def test_the_registry_takes_the_channel(channel: Slack) -> None:
    """Its hooks are spelt right and take the arguments that there are."""
    assert registry(slack=channel)["slack"].is_channel


async def test_a_check_says_who_the_bot_is(channel: Slack, network: FakeSlack) -> None:
    """And what the app may not do; without a connection that would take events away."""
    line = await channel.session_check("slack")
    network.scopes.discard("files:read")
    poor = await channel.session_check("slack")

    assert line == f"@lab_bot (id {network.bot.id}) in Test, Socket Mode on, all scopes"
    assert "scopes missing: files:read" in poor
    assert network.links == []


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_a_check_finds_wrong_tokens(
    channel: Slack, network: FakeSlack, method: str
) -> None:
    """Either of them, before the first start."""
    network.fail_next(method, ApiError("not_allowed_token_type"))
    with pytest.raises(AuthFailed, match="bot_token begins with xoxb-"):
        await channel.session_check("slack")


@pytest.mark.parametrize("channel_id", ["general", "#general", "U012", "c012"])
def test_a_channel_goes_by_its_id(channel_id: str) -> None:
    """A name would never be found in what arrives."""
    with pytest.raises(ValueError, match="expected a channel's id"):
        SlackChannel(Id(channel_id))


def test_a_token_with_a_line_break_is_refused() -> None:
    """As it comes out of a file."""
    with pytest.raises(ValueError, match="begins with xoxb-"):
        SlackSettings(bot_token=Secret(f"{TOKEN}\n"))


def test_only_one_file_asks_the_api() -> None:
    """All else goes through it."""
    for file in FOLDER.glob("*.py"):
        tree = ast.parse(file.read_text())
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "http" not in names or file.name == "api.py", file.name
