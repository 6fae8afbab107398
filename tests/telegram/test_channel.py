"""The channel as a plugin: settings, limits, what `cobot check` says."""

from __future__ import annotations

import json
from functools import partial
from importlib.metadata import version
from pathlib import Path

import attrs
import pytest
from channel_bots import command_line
from fakes import ManualClock, registry
from networks.telegram import FakeTelegram, errors, page

import cobot
import cobot_telegram
from cobot import AuthFailed, Id, Limits, Secret, Unreachable
from cobot_telegram import Telegram, TelegramGroup, TelegramSettings
from telegram.bots import bot_on, receiving

FOLDER = Path(cobot_telegram.__file__).parent
TOKEN = "123456:ABC-DEF_ghi"


# Settings.

_cobot = partial(command_line, "telegram")


def test_the_channel_is_found_and_described(tmp_path: Path) -> None:
    """By its entry point; seven of the eight operations are its own, all but presence."""
    section = (
        f"    bot_token: {TOKEN}\n    groups:\n      - id: -1001234567890\n        name: Main\n"
    )
    done = _cobot(tmp_path, section, "channels", "--json")

    assert done.returncode == 0, done.stderr
    (described,) = json.loads(done.stdout)
    operations = described["operations"]
    assert {name for name, ability in operations.items() if ability != "native"} == {"presence"}
    assert described["distribution"] == "cobot-telegram"
    assert described["limits"]["text"] == 4096


def test_wrong_settings_are_told_with_their_place(tmp_path: Path) -> None:
    """All of them at once, and without the token."""
    section = "    bot_token: 'secret words'\n    base_url: ftp://x\n    groups: [{name: x}]\n"
    done = _cobot(tmp_path, section, "check")

    assert done.returncode == 78
    for words in (
        "plugins.telegram.bot_token: expected a token of @BotFather's",
        "plugins.telegram.base_url: expected an address such as https://api.telegram.org",
        "plugins.telegram.groups[0].id: is missing",
    ):
        assert words in done.stderr
    assert "secret words" not in done.stderr


@pytest.mark.parametrize(
    "token", ["", "777", "0777:abc", "777:a b", "777:abc\n", ":abc", "1:a/b"]
)
def test_what_can_be_no_token_is_refused(token: str) -> None:
    """Before anybody is asked, and without showing it."""
    with pytest.raises(ValueError, match="expected a token") as caught:
        TelegramSettings(bot_token=Secret(token))

    assert not token or token not in str(caught.value)


async def test_addresses_may_end_with_a_slash(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """Of methods and of files, which may be somewhere else."""
    network.private_chat().document(b"data")
    base_url, file_url = f"{network.url}/", f"{network.file_url}/"
    async with bot_on(
        network, clock, tmp_path, base_url=base_url, file_url=file_url
    ) as channel:
        async with receiving(channel) as receiver:
            (media,) = (await receiver.message()).media
        await channel.session_fetch("telegram", media, tmp_path / "file", 100)

    assert (tmp_path / "file").read_bytes() == b"data"


async def test_the_token_is_in_nothing_that_can_be_shown(channel: Telegram) -> None:
    """A channel ends up in tracebacks."""
    token = channel.settings.bot_token.reveal()

    assert token not in repr(channel)
    assert token not in repr(channel._api)
    assert token not in repr(channel._transfers)


def test_a_group_goes_by_its_number() -> None:
    """A name would never be found in what arrives."""
    with pytest.raises(
        ValueError, match="expected a number such as -1001234567890, got '@lab'"
    ):
        TelegramGroup(Id("@lab"))


# Limits and targets.


def test_limits_are_those_of_telegram(channel: Telegram) -> None:
    """There is no key: what may have arrived may be seen twice."""
    assert channel.session_limits("telegram", None) == Limits(
        text=4096,
        unit="utf16",
        caption=1024,
        upload_bytes=50 * 1024 * 1024,
        download_bytes=20 * 1024 * 1024,
        typing_s=5,
        idempotency="none",
        redelivery_days=1,
        rate_channel=30,
        rate_address=1,
    )


def test_groups_take_less(channel: Telegram) -> None:
    """Twenty messages a minute; all else is as in other chats."""
    group = channel.session_limits("telegram", "-100123")
    person = channel.session_limits("telegram", "100123")

    assert group.rate_address == pytest.approx(20 / 60)
    assert attrs.evolve(group, rate_address=1.0) == person


async def test_broadcasts_go_to_the_first_group(
    network: FakeTelegram, clock: ManualClock, tmp_path: Path
) -> None:
    """And nowhere if none is listed."""
    async with bot_on(network, clock, tmp_path, -2, -1) as channel:
        assert channel.session_default_target("telegram") == "-2"
    async with bot_on(network, clock, tmp_path) as channel:
        assert channel.session_default_target("telegram") is None


def test_the_registry_takes_the_channel(channel: Telegram) -> None:
    """Its hooks are spelt right and take the arguments that there are."""
    plugins = registry(telegram=channel)

    assert plugins["telegram"].is_channel
    assert plugins.caller("telegram", "session_presence") is None


def test_settings_are_values() -> None:
    """Two sections with the same keys are equal, and say what they are."""
    group = TelegramGroup(Id("-1"), "Main")

    assert TelegramSettings(bot_token=Secret(TOKEN), groups=(group,)).base_url == (
        "https://api.telegram.org"
    )
    assert TOKEN not in repr(TelegramSettings(bot_token=Secret(TOKEN)))


# `cobot check --online`.


@pytest.mark.parametrize(("privacy", "mode"), [(False, "off"), (True, "on")])
async def test_a_check_says_who_the_bot_is(
    clock: ManualClock, tmp_path: Path, privacy: bool, mode: str
) -> None:
    """In one line, without a poll: another process may be running the bot."""
    async with (
        FakeTelegram(username="lab_bot", clock=clock, privacy=privacy) as network,
        bot_on(network, clock, tmp_path) as channel,
    ):
        line = await channel.session_check("telegram")

    assert line == f"@lab_bot (id 123456), privacy mode {mode}"
    assert network.poll_offsets == []


async def test_a_check_finds_what_keeps_groups_away(clock: ManualClock, tmp_path: Path) -> None:
    """Privacy mode is all right for a bot that is in no group."""
    async with (
        FakeTelegram(username="lab_bot", clock=clock, privacy=True) as network,
        bot_on(network, clock, tmp_path, -42) as channel,
    ):
        line = await channel.session_check("telegram")

    assert line.endswith(
        "in groups it gets only commands and replies (@BotFather: /setprivacy)"
    )


async def test_a_check_finds_a_webhook(channel: Telegram, network: FakeTelegram) -> None:
    """With which nothing arrives; its address may hold a secret, so its host will do."""
    network.world.webhook = {"url": "https://hooks.example.com/secret-path"}
    line = await channel.session_check("telegram")

    assert "a webhook at hooks.example.com is set" in line
    assert "secret-path" not in line


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(errors.unauthorized(), AuthFailed), (page(502), Unreachable)],
    ids=repr,
)
async def test_a_check_fails_as_the_network_does(
    channel: Telegram,
    network: FakeTelegram,
    failure: errors.ApiError,
    expected: type[Exception],
) -> None:
    """A wrong token is told from a network that is down."""
    network.fail_next("getMe", failure)
    with pytest.raises(expected):
        await channel.session_check("telegram")


# The distribution.


def test_core_and_channel_have_one_version() -> None:
    """They move together."""
    assert version("cobot-telegram") == cobot.__version__


def test_only_one_file_talks() -> None:
    """`context.http` is used in `api.py` alone; the pure files do not wait for anything."""
    for path in FOLDER.glob("*.py"):
        text = path.read_text()
        assert (".http." in text) == (path.name == "api.py")
        if path.name not in ("__init__.py", "api.py", "transfers.py"):
            assert "async " not in text
            assert "Context" not in text
