"""One process owns a workspace, and the commands find it by the rules of `cobot run`."""

from __future__ import annotations

import pytest
from pigeons import Loft

ASKING = [
    ["status"],
    ["send", "pigeon", "loft", "x"],
    ["broadcast", "x"],
    ["history", "pigeon", "loft"],
    ["why", "pigeon", "loft", "1"],
    ["dead", "list"],
    ["dead", "show", "1"],
    ["dead", "retry", "1"],
    ["dead", "drop", "1"],
    ["pair", "CODE"],
]
ASKS = pytest.mark.parametrize("words", ASKING, ids=lambda words: "-".join(words[:2]))


def test_a_second_run_is_refused_with_the_owner_s_pid(loft: Loft) -> None:
    """Two on one journal would answer everything twice; the first one goes on."""
    loft.configure(stays="true")
    bot = loft.starts()

    done = loft.run("run")

    (line,) = done.stderr.splitlines()[-1:]
    assert f"in use by process {bot.process.pid}" in line
    assert (done.stdout, done.returncode) == ("", 1)
    assert loft.run("status").returncode == 0


def test_a_workspace_is_free_when_its_owner_was_killed(loft: Loft) -> None:
    """No file has to be removed by hand."""
    loft.configure(stays="true")
    bot = loft.starts()
    bot.process.kill()
    bot.end()

    loft.starts()

    assert loft.run("status").returncode == 0


@ASKS
def test_without_a_workspace_one_line_says_what_to_name(loft: Loft, words: list[str]) -> None:
    """A bot on the console has a workspace that nobody else can find."""
    (loft.folder / "cobot.yml").unlink()

    done = loft.run(*words)

    (line,) = done.stderr.splitlines()
    assert line.startswith("cobot: there is no workspace to ask")
    assert (done.stdout, done.returncode) == ("", 78)


@pytest.mark.parametrize("words", [["status"], ["send", "pigeon", "loft", "x"]])
def test_a_workspace_that_cannot_be_is_named(loft: Loft, words: list[str]) -> None:
    """A misspelt folder is no bot that does not run."""
    done = loft.run(*words, "--workspace", "cobot.yml")

    (line,) = done.stderr.splitlines()
    assert line.startswith("cobot: --workspace: ")
    assert "is no folder" in line
    assert (done.stdout, done.returncode) == ("", 78)


@pytest.mark.parametrize("words", [["dead", "list"], ["pair", "CODE"]])
def test_a_configuration_that_is_not_there_is_named(loft: Loft, words: list[str]) -> None:
    """As by every other command."""
    done = loft.run(*words, "-c", "missing.yml")

    assert done.stderr.startswith("cobot: missing.yml: does not exist")
    assert done.returncode == 78


@pytest.mark.parametrize("by", ["option", "variable", "configuration"])
def test_the_workspace_is_found_as_by_run(loft: Loft, by: str) -> None:
    """--workspace, then $COBOT_WORKSPACE, then the configuration's."""
    work = loft.folder / "work"
    words = ["--workspace", str(work)] if by == "option" else []
    variables = {"COBOT_WORKSPACE": str(work)} if by == "variable" else {}
    loft.configure(stays="true", top="workspace: work" if by == "configuration" else "")
    loft.environment |= variables
    loft.starts(*words)

    done = loft.run("status", *words)

    assert done.returncode == 0
    assert str(work) in done.stdout
    assert not loft.workspace.exists()


@ASKS
def test_every_command_has_help(loft: Loft, words: list[str]) -> None:
    """It needs no bot, and tells what each exit code means."""
    group = words[:2] if words[0] == "dead" else words[:1]

    done = loft.run(*group, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: cobot {' '.join(group)}")
