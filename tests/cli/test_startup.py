from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from cobot.cli import BUILT_IN

COBOT = str(Path(sys.executable).with_name("cobot"))
GUARD_S = 60.0  # a process that takes longer hangs, and is killed

# Runs the command in this process and tells at its end which modules it has imported.
OBSERVED = """
import atexit, json, runpy, sys
known = open(sys.argv.pop(1), "w")
atexit.register(lambda: known.write(json.dumps(sorted(sys.modules))) and known.close())
runpy.run_module("cobot", run_name="__main__")
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """Return the modules that a command imports, standard input being empty."""
    subprocess.run(
        [sys.executable, "-P", "-c", OBSERVED, str(folder / "modules"), *arguments],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env=clean_environment(folder),
        timeout=GUARD_S,
    )
    return set(json.loads((folder / "modules").read_text()))


def clean_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing of the machine's owner counts."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COBOT_")}
    return {**kept, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["--help"], ["-h"]])
def test_what_needs_no_bot_imports_none(tmp_path: Path, arguments: list[str]) -> None:
    """The version and the help come at once: imports are what starting costs."""
    modules = imported(tmp_path, *arguments)

    heavy = {"asyncio", "attr", "attrs", "cattrs", "httpx", "pluggy", "prompt_toolkit", "yaml"}
    assert "cobot.cli" in modules
    assert modules & heavy == set()
    assert {one for one in modules if one.startswith("cobot.")} == {"cobot.cli"} | (
        modules & {"cobot.__main__"}
    )


@pytest.mark.parametrize("command", list(BUILT_IN))
def test_the_help_of_a_command_imports_no_channel(tmp_path: Path, command: str) -> None:
    """A broken plugin cannot break the help: nothing of it is imported."""
    modules = imported(tmp_path, command, "--help")

    assert f"cobot.cli.{command}" in modules
    assert not any(one.startswith("cobot.channels.") for one in modules)
    assert "prompt_toolkit" not in modules


def test_a_pipe_needs_no_prompt(tmp_path: Path) -> None:
    """What a terminal needs is not imported where there is none."""
    modules = imported(tmp_path, "run")

    assert "cobot.channels.console" in modules
    assert "prompt_toolkit" not in modules
    assert "httpx" not in modules


def test_the_package_itself_imports_nothing(tmp_path: Path) -> None:
    """`import cobot` is cheap; a public name is loaded when it is first asked for."""
    code = "import sys, cobot; print(*(one for one in sys.modules if one.startswith('cobot')))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        check=True,
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        timeout=GUARD_S,
    )

    assert done.stdout.split() == ["cobot"]


@pytest.mark.parametrize("command", [[COBOT], [sys.executable, "-P", "-m", "cobot"]])
def test_the_version_is_the_distributions(tmp_path: Path, command: list[str]) -> None:
    """What the command says of itself is what the installer knows."""
    done = subprocess.run(
        [*command, "--version"],
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        timeout=GUARD_S,
    )

    assert done.stdout == f"cobot {version('cobot-core')}\n"
    assert (done.stderr, done.returncode) == ("", 0)
