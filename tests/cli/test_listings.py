from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cobot.hookspecs import OPERATIONS

COBOT = str(Path(sys.executable).with_name("cobot"))
GUARD_S = 60.0  # a process that takes longer hangs, and is killed
COMMANDS = ["run", "check", "plugins", "channels"]
BROKEN_SECTION = "plugins:\n  console: {promt: x}\n"

PIGEON = """
from cobot import ChannelSpec, hookimpl

class Pigeon(ChannelSpec):
    def __init__(self, settings, context):
        pass
    @hookimpl
    async def session_send(self, message):
        return "1"

    channel = True
"""

Cobot = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cobot(tmp_path: Path) -> Cobot:
    """Run the command to its end, in an empty folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COBOT_")}
    environment = {
        **kept,
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PYTHONPATH": str(tmp_path / "site"),
    }

    def cobot(*arguments: str, command: tuple[str, ...] = (COBOT,)) -> Any:
        return subprocess.run(
            [*command, *arguments],
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            cwd=tmp_path,
            env=environment,
            timeout=GUARD_S,
        )

    return cobot


def install(folder: Path, name: str, source: str, *, group: str = "cobot") -> None:
    """Install a distribution with one plugin, whose class has the name in capitals."""
    info = folder / f"cobot_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cobot-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {name}:{name.capitalize()}\n")
    (folder / f"{name}.py").write_text(source)


# Plugins.


def test_plugins_without_a_configuration_are_the_built_in_ones(cobot: Cobot) -> None:
    """The console and the echo agent stand in; the others are only installed."""
    done = cobot("plugins", "--json")

    listed = {
        one["name"]: (one["state"], one["hooks"])
        for one in json.loads(done.stdout)
        if one["distribution"] == "cobot-core"  # channels may be installed besides
    }
    assert listed == {
        "command": ("installed", []),
        "console": ("enabled", ["session_receive", "session_send"]),
        "dry-run": ("installed", []),
        "echo": ("enabled", ["agent_reply"]),
        "function": ("installed", []),
        "sqlite": ("enabled", ["open_journal"]),
        "workspace": ("enabled", ["workspace_path"]),
    }
    assert (done.stderr, done.returncode) == ("", 0)


def test_plugins_as_json_have_these_keys(cobot: Cobot, tmp_path: Path) -> None:
    """Programs rely on the names, and get a text or a list in each."""
    install(tmp_path / "site", "halting", "1 / 0\n")

    listed = json.loads(cobot("plugins", "--json", "-p", "halting", "-p", "no:echo").stdout)

    assert len(listed) >= 8
    for one in listed:
        assert list(one) == ["name", "distribution", "version", "state", "reason", "hooks"]
        is_ours = one["distribution"] != "cobot-halting"
        assert one["version"] == (version(one["distribution"]) if is_ours else "1.0")


def test_plugins_are_a_table_for_people(cobot: Cobot) -> None:
    """A line for each, under a heading, with where it comes from."""
    heading, *rows = cobot("plugins").stdout.splitlines()

    assert heading.split() == ["plugin", "state", "from", "hooks"]
    assert rows[1].split()[:4] == ["console", "enabled", "cobot-core", version("cobot-core")]


def test_a_broken_plugin_is_listed_with_the_reason(cobot: Cobot, tmp_path: Path) -> None:
    """A plugin that cannot be imported hides no other, and says why it is broken."""
    install(tmp_path / "site", "halting", "1 / 0\n")

    done = cobot("plugins", "--json", "-p", "halting")

    listed = {one["name"]: one for one in json.loads(done.stdout)}
    assert listed["halting"]["state"] == "broken"
    assert "ZeroDivisionError: division by zero" in listed["halting"]["reason"]
    assert listed["halting"]["distribution"] == "cobot-halting"
    assert done.returncode == 0


def test_a_broken_section_is_listed_with_the_reason(cobot: Cobot, tmp_path: Path) -> None:
    """A mistake in a section is its plugin's reason, with the line, and told once."""
    (tmp_path / "cobot.yml").write_text(BROKEN_SECTION)

    done = cobot("plugins", "--json")

    listed = {one["name"]: one for one in json.loads(done.stdout)}
    assert listed["console"]["state"] == "broken"
    assert listed["console"]["reason"].startswith("cobot.yml:2: plugins.console.promt: unknown")
    assert done.stderr == ""


def test_a_blocked_plugin_is_listed_as_such(cobot: Cobot, tmp_path: Path) -> None:
    """Blocked is told apart from broken and from installed; its section is not read."""
    (tmp_path / "cobot.yml").write_text("plugins: {dry-run: {nothing: x}}\n")

    listed = {
        one["name"]: one
        for one in json.loads(cobot("plugins", "--json", "-p", "no:dry-run").stdout)
    }

    assert listed["dry-run"]["state"] == "blocked"
    assert listed["dry-run"]["reason"] == ""


def test_two_distributions_with_one_name_are_a_conflict(cobot: Cobot, tmp_path: Path) -> None:
    """Neither is loaded, and the reason names both."""
    install(tmp_path / "site", "echo", "class Echo: pass\n")

    listed = {one["name"]: one for one in json.loads(cobot("plugins", "--json").stdout)}

    assert listed["echo"]["state"] == "broken"
    assert (
        "more than one distribution provides 'echo': cobot-core, cobot-echo"
        in (listed["echo"]["reason"])
    )


# Channels.


def test_channels_as_json_have_these_keys(cobot: Cobot) -> None:
    """What a channel can do, by operation; what it cannot is absent, not left out."""
    done = cobot("channels", "--json")

    (console,) = json.loads(done.stdout)
    assert list(console) == [
        "channel",
        "plugin",
        "distribution",
        "version",
        "operations",
        "limits",
    ]
    assert (console["channel"], console["plugin"]) == ("console", "console")
    assert console["operations"] == {
        "receive": "native",
        "send": "native",
        "typing": "absent",
        "presence": "absent",
        "edit": "degraded",
        "delete": "degraded",
        "react": "absent",
        "media": "degraded",
    }
    assert (console["limits"]["text"], console["limits"]["unit"]) == (None, "codepoints")
    assert done.returncode == 0


def test_a_channel_is_listed_by_its_sections_name(cobot: Cobot, tmp_path: Path) -> None:
    """A second account of a plugin has a name of its own; an absent hook is absent."""
    install(tmp_path / "site", "pigeon", PIGEON)
    (tmp_path / "cobot.yml").write_text(
        "plugins: {loft: {plugin: pigeon, access: {direct: open}}}\n"
    )

    (loft,) = json.loads(cobot("channels", "--json").stdout)

    assert (loft["channel"], loft["plugin"]) == ("loft", "pigeon")
    assert (loft["distribution"], loft["version"]) == ("cobot-pigeon", "1.0")
    assert (loft["operations"]["receive"], loft["operations"]["send"]) == ("absent", "native")


def test_channels_are_a_table_for_people(cobot: Cobot) -> None:
    """A line for each channel, a column for each operation."""
    heading, row = cobot("channels").stdout.splitlines()

    assert heading.split() == ["channel", *OPERATIONS, "plugin"]
    assert row.split()[:3] == ["console", "native", "native"]


# Check.


def test_check_says_that_all_is_right(cobot: Cobot, tmp_path: Path) -> None:
    """One line names the file, the channels and the agent."""
    without = cobot("check")
    (tmp_path / "cobot.yml").write_text("plugins: {console: {prompt: ':'}}\nagent: echo\n")
    done = cobot("check")

    assert without.stdout.startswith("no configuration file: all is right; channels: console")
    assert done.stdout == "cobot.yml: all is right; channels: console; agent: echo\n"
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("command", ["check", "channels", "run"])
def test_a_broken_section_is_one_line_and_78(
    cobot: Cobot, tmp_path: Path, command: str
) -> None:
    """Nothing that needs the configuration works with half of it."""
    (tmp_path / "cobot.yml").write_text(BROKEN_SECTION)

    done = cobot(command)

    assert done.stderr == (
        "cobot: cobot.yml:2: plugins.console.promt: unknown key; did you mean 'prompt'?\n"
    )
    assert (done.stdout, done.returncode) == ("", 78)


@pytest.mark.parametrize("command", ["check", "channels", "run"])
def test_a_broken_plugin_is_one_line_and_1(cobot: Cobot, tmp_path: Path, command: str) -> None:
    """The line names the plugin, its distribution, the reason and the way around it."""
    install(tmp_path / "site", "halting", "1 / 0\n")

    done = cobot(command, "-p", "halting")

    assert done.stderr == (
        "cobot: plugin 'halting' (cobot-halting) cannot be imported: ZeroDivisionError:"
        " division by zero; go on without it: -p no:halting\n"
    )
    assert (done.stdout, done.returncode) == ("", 1)


KNOWN = (
    PIGEON
    + """
    @hookimpl
    async def session_check(self, channel_type):
        return "@lab_bot"
"""
)

REVOKED = """
import attrs
from cobot import AuthFailed, hookimpl
from cobot.config import Secret

@attrs.frozen
class OwlSettings:
    token: Secret

class Owl:
    Settings = OwlSettings
    channel = True

    def __init__(self, settings, context):
        self.settings = settings
    @hookimpl
    def session_check(self, channel_type):
        raise AuthFailed(channel_type, "check", f"{self.settings.token.reveal()} was revoked")
"""


def test_check_asks_no_network_unless_it_is_told_to(cobot: Cobot, tmp_path: Path) -> None:
    """Without --online nothing leaves the machine; with it each network says who we are."""
    install(tmp_path / "site", "pigeon", KNOWN)
    (tmp_path / "cobot.yml").write_text("plugins: {pigeon: {}, console: {}}\n")

    offline, online = cobot("check"), cobot("check", "--online")

    assert "@lab_bot" not in offline.stdout
    assert online.stdout.splitlines()[1:] == [
        "pigeon: @lab_bot",
        "console: there is nothing to ask",
    ]
    assert (online.stderr, online.returncode) == ("", 0)


def test_check_says_which_network_does_not_know_us(cobot: Cobot, tmp_path: Path) -> None:
    """The others are asked all the same, the exit code is 1, and no secret is shown."""
    install(tmp_path / "site", "pigeon", KNOWN)
    install(tmp_path / "site", "owl", REVOKED)
    (tmp_path / "cobot.yml").write_text("plugins: {owl: {token: abc-secret}, pigeon: {}}\n")

    done = cobot("check", "--online")

    assert done.stderr == "cobot: owl: check: *** was revoked\n"
    assert "pigeon: @lab_bot" in done.stdout
    assert done.returncode == 1


def test_check_names_a_foreign_distribution(cobot: Cobot, tmp_path: Path) -> None:
    """The distribution `cobot` of the package index is somebody else's, and in the way."""
    info = tmp_path / "site" / "cobot-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cobot\nVersion: 9.9\n")

    done = cobot("check")

    assert "the distribution 'cobot' 9.9 is installed and is somebody else's" in done.stderr
    assert done.returncode == 0


# Help.


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cobot: Cobot, command: str, option: str) -> None:
    """The help names the options that say which bot it is about."""
    done = cobot(command, option)

    assert done.stdout.startswith(f"Usage: cobot {command} [OPTIONS]")
    for name in ("--config", "--workspace", "--agent", "-p NAME|no:NAME"):
        assert name in done.stdout
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_command_alone_shows_its_help(cobot: Cobot) -> None:
    """Who types `cobot` and nothing else learns which commands there are."""
    done = cobot()

    shown = done.stdout + done.stderr
    assert "Usage: cobot [OPTIONS] COMMAND [ARGS]..." in shown
    for command in COMMANDS:
        assert f"\n  {command} " in shown


def test_an_unknown_command_is_wrong_usage(cobot: Cobot) -> None:
    """A misspelt command is named, and the exit code is 2."""
    done = cobot("rnu")

    assert "No such command 'rnu'" in done.stderr
    assert (done.stdout, done.returncode) == ("", 2)


def test_the_module_is_the_command(cobot: Cobot) -> None:
    """`python -m cobot` does what `cobot` does, and calls itself by a name one can type."""
    module = (sys.executable, "-P", "-m", "cobot")

    done = cobot("check", command=module)
    wrong = cobot("rnu", command=module)

    assert done.stdout == cobot("check").stdout
    assert wrong.returncode == 2
    assert "Usage: python -m cobot" in wrong.stderr


# Commands of plugins.


def test_a_plugins_command_is_listed_and_called(cobot: Cobot, tmp_path: Path) -> None:
    """A distribution may bring a command, which works before it has any section."""
    source = "import click\n@click.command()\ndef Loft(): click.echo('3 pigeons')\n"
    install(tmp_path / "site", "loft", source, group="cobot.commands")

    assert re.search(r"^ +loft +From cobot-loft\.$", cobot("--help").stdout, re.MULTILINE)
    assert cobot("loft").stdout == "3 pigeons\n"


@pytest.mark.parametrize("source", ["1 / 0\n", "Loft = 5\n", "raise SystemExit('no')\n"])
def test_a_broken_command_breaks_nothing_else(
    cobot: Cobot, tmp_path: Path, source: str
) -> None:
    """The help is there as ever; calling it says in words why it cannot be called."""
    install(tmp_path / "site", "loft", source, group="cobot.commands")

    called = cobot("loft")

    assert cobot("--help").returncode == 0
    assert called.returncode != 0
    assert "loft" in called.stderr
    assert "Traceback" not in called.stderr
