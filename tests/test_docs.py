"""What the documentation says is what the code does."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import yaml

from cobot import __version__
from cobot.agents.command import CommandSettings
from cobot.channels.console import ConsoleSettings
from cobot.config.settings import (
    AccessKeys,
    ChannelSettings,
    FloodSettings,
    JournalSettings,
    LogSettings,
    RateSettings,
    SessionSettings,
    TopSettings,
)
from cobot.plugins import discover
from cobot.plugins.refusals import HOOKS

CHECKOUT = Path(__file__).parent.parent
COBOT = Path(sys.executable).with_name("cobot")


NETWORKS: dict[str, dict[str, str]] = {
    "telegram": {"bot_token": "1:fake"},
    "discord": {"bot_token": "a.b.c"},
    "slack": {"bot_token": "xoxb-1", "app_token": "xapp-1", "signing_secret": "0" * 32},
    "nostr": {"nsec": "0" * 63 + "1"},
}
"""Tokens in place of the variables that the example has."""


def _read(name: str) -> str:
    return (CHECKOUT / name).read_text()


def _block(text: str, language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert match is not None
    return match[1]


def _names(cls: type) -> set[str]:
    return {field.name for field in attrs.fields(cls)}


def _run(folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COBOT, *words],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_every_hook_is_in_the_list_with_its_arguments() -> None:
    """The table of hooks is complete and names each hook's arguments in order."""
    listed = re.findall(r"^\| `(\w+)\((.*?)\)`", _read("docs/hooks.md"), re.MULTILINE)

    assert {name: tuple(filter(None, words.split(", "))) for name, words in listed} == HOOKS


def test_every_key_is_in_the_reference() -> None:
    """The configuration's reference lists every key that the core reads."""
    listed = set(
        re.findall(r"^\|[^|]*\| `(\w+)`", _read("docs/configuration.md"), re.MULTILINE)
    )
    read = {"plugins", "agent", "plugin", "enabled"}.union(
        *map(
            _names,
            (
                TopSettings,
                SessionSettings,
                ChannelSettings,
                ConsoleSettings,
                AccessKeys,
                FloodSettings,
                JournalSettings,
                RateSettings,
            ),
        )
    )

    assert listed == read


def test_every_key_of_the_command_agent_is_in_the_reference() -> None:
    """The agent's own table is complete, and its example has the keys that there are."""
    page = _read("docs/configuration.md")
    table = page.split("| key of `command` ")[1].split("\n\n")[0]

    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == _names(CommandSettings)
    assert set(json.loads(_block(page, "json"))) == {"message", "conversation", "history"}


def test_the_example_has_every_key_and_is_valid() -> None:
    """The example configuration shows all keys, and cobot accepts it."""
    example = yaml.safe_load(_read("cobot.example.yml"))
    second = example["plugins"]["second-console"]
    sections = [one for name, one in example["plugins"].items() if name not in NETWORKS]
    shown = {key for section in sections for key in section}

    assert set(example) == _names(TopSettings) | {"plugins", "agent"}
    assert set(example["log"]) == _names(LogSettings)
    assert set(example["journal"]) == _names(JournalSettings)
    # A policy is somebody's plugin: the example can name none.
    assert set(example["access"]) == _names(AccessKeys) - {"policy"}
    assert "# policy:" in _read("cobot.example.yml")
    assert set(example["access"]["flood"]) == _names(FloodSettings)
    assert set(second["rate"]) == _names(RateSettings)
    assert shown == _names(SessionSettings) | _names(ChannelSettings) | _names(
        ConsoleSettings
    ) | {"plugin", "enabled"}
    assert _run(CHECKOUT, "check", "-c", "cobot.example.yml").returncode == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_the_example_has_every_key_of_a_network_and_is_valid(tmp_path: Path, name: str) -> None:
    """Switched on, its section says all that the channel understands, and is accepted."""
    section = yaml.safe_load(_read("cobot.example.yml"))["plugins"][name]
    settings = discover()[name].entry_points[0].load().Settings
    del section["enabled"]
    config = {"plugins": {name: {**section, **NETWORKS[name]}}}
    (tmp_path / "cobot.yml").write_text(yaml.safe_dump(config))

    assert set(section) == _names(settings) - {"nsec_file"}  # in place of nsec
    assert _run(tmp_path, "check").stderr == ""


def test_the_changelog_knows_the_version_or_what_is_unreleased() -> None:
    """A version that is out has its section; else its changes stand under Unreleased."""
    changelog = _read("CHANGELOG.md")

    assert f"## {__version__}" in changelog or "## Unreleased" in changelog


def test_the_readme_s_agent_answers(tmp_path: Path) -> None:
    """The function that the README shows works as shown."""
    (tmp_path / "bot.py").write_text(_block(_read("README.md"), "python"))

    done = _run(tmp_path, "run", "--agent", "function:bot:reply", given="hello\n")

    assert done.returncode == 0
    assert done.stdout.startswith("You said hello, ")  # a terminal shows plain text


def test_the_readme_s_faulty_configuration_is_reported_as_shown(tmp_path: Path) -> None:
    """The README's example of a fault prints what the README says."""
    readme = _read("README.md")
    (tmp_path / "cobot.yml").write_text(_block(readme, "yaml").split("agent:")[0])

    done = _run(tmp_path, "check")

    assert done.returncode == 78
    assert done.stderr in readme


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's channel, installed from what the page shows."""
    project = tmp_path_factory.mktemp("cobot-tcp")
    page = _read("docs/tutorial.md")
    (project / "pyproject.toml").write_text(_block(page, "toml"))
    (project / "cobot_tcp.py").write_text(_block(page, "python"))
    (project / "cobot.yml").write_text(_block(page, "yaml"))
    install = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    subprocess.run(
        [sys.executable, *install, "--target", project / "installed", project],
        check=True,
        timeout=120,
        capture_output=True,
    )
    return project


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_the_tutorial_s_channel_answers_over_a_socket(tutorial: Path) -> None:
    """Who follows the tutorial gets a channel that answers each line of each caller."""
    port = _free_port()
    configuration = (tutorial / "cobot.yml").read_text().replace("7070", str(port))
    (tutorial / "cobot.yml").write_text(configuration)
    environment = {**os.environ, "PYTHONPATH": str(tutorial / "installed")}
    with subprocess.Popen(
        [COBOT, "run", "-v"], cwd=tutorial, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            # Its server listens once the channel has started.
            assert any("channel 'tcp' is running" in line for line in process.stderr)
            with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
                caller.sendall(b"hello\nagain\n")
                heard = caller.makefile().readlines(11)
        finally:
            process.terminate()

    assert heard == ["hello\n", "again\n"]
    assert process.returncode == 0
