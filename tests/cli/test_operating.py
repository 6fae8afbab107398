"""The page on operating a bot names commands, options and exit codes that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from pigeons import Loft

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
SHOWN = re.findall(r"^\$ (?:.*\| )?cobot (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_of_the_page_exists_with_its_options(loft: Loft, line: str) -> None:
    """Its help knows each option, and its usage as many arguments."""
    words = shlex.split(line)
    group = words[:2] if words[0] == "dead" else words[:1]

    done = loft.run(*group, "--help")

    assert done.returncode == 0
    for option in re.findall(r"--[a-z-]+", line):
        assert option in done.stdout


def test_every_command_for_operating_is_on_the_page(loft: Loft) -> None:
    """Who looks for a command finds what it is for."""
    for command in ("status", "send", "broadcast", "history", "why", "dead", "pair"):
        assert f"cobot {command}" in PAGE


def test_the_exit_codes_are_those_of_the_help(loft: Loft) -> None:
    """The page and the command say the same."""
    codes = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    said = loft.run("send", "--help").stdout.partition("Exit codes:")[2]

    assert codes == re.findall(r"\b(0|1|2|75|78)\b", said.partition("Options:")[0])


def test_the_tables_of_the_page_have_the_columns_that_are_printed(loft: Loft) -> None:
    """A person recognises what the page shows."""
    loft.configure(stays="true", target="square")
    loft.run("send", "pigeon", "shut", "coo")
    loft.starts()

    printed = [
        loft.run("status").stdout.splitlines()[-2],
        loft.run("broadcast", "hear").stdout.splitlines()[0],
        loft.run("dead", "list").stdout.splitlines()[0],
    ]

    shown = {" ".join(line.split()) for line in PAGE.splitlines()}
    assert {" ".join(line.split()) for line in printed} <= shown
