"""Fake networks as a person starts them: what is the same for all."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from networks import discord, slack, telegram
from networks.discord.by_hand import ByHand as OnDiscord
from networks.person import Person
from networks.slack.by_hand import ByHand as OnSlack
from networks.telegram.by_hand import ByHand as OnTelegram

NETWORKS = Path(__file__).parent
NAMES = ("discord", "slack", "telegram")
GUARD_S = 60.0
BEGINNING: Mapping[str, str] = {
    "discord": "#general",
    "slack": "direct messages",
    "telegram": "private",
}
"""Where Ann is at first."""
LIBRARIES: Mapping[str, set[str]] = {"discord": {"websockets"}}


def person_on(name: str, folder: Path, said: list[str]) -> Person[Any]:
    """Return Ann at a network on which nothing has happened."""
    if name == "discord":
        return OnDiscord(discord.FakeDiscord(), folder, said.append)
    if name == "slack":
        return OnSlack(slack.FakeSlack(), folder, said.append)
    return OnTelegram(telegram.FakeTelegram(), folder, said.append)


@pytest.mark.parametrize("name", NAMES)
async def test_help_lists_every_command(name: str, tmp_path: Path) -> None:
    """With what it does; and one ends it all."""
    said: list[str] = []
    person = person_on(name, tmp_path, said)
    person.do("/help")
    was_over = person.is_over
    person.do("/quit")

    listed = "\n".join(said)
    assert len(person.commands) > 10
    assert all(f"  {word}" in listed for word in person.commands)
    assert (was_over, person.is_over) == (False, True)


@pytest.mark.parametrize("name", NAMES)
async def test_the_end_of_a_terminals_input_ends_it(name: str, tmp_path: Path) -> None:
    """As a person expects of Ctrl-D."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        NETWORKS / name,
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    os.close(theirs)
    assert process.stdout
    async with asyncio.timeout(GUARD_S):
        await process.stdout.readuntil(b"You are Ann")
        os.write(ours, b"hello\n\x04")
        said = await process.stdout.read()

        assert await process.wait() == 0
    os.close(ours)
    assert f"Ann in {BEGINNING[name]} #1: hello" in said.decode()


@pytest.mark.parametrize(
    ("name", "option", "says"),
    [
        ("discord", "--gateway-port", "cannot listen: .*{port}.*\n"),
        ("slack", "--port", "cannot listen on port {port}: .*\n"),
        ("telegram", "--port", "cannot listen on port {port}: .*\n"),
    ],
)
async def test_a_port_that_is_taken_is_said(
    name: str, option: str, says: str, tmp_path: Path
) -> None:
    """In one line, not in a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            NETWORKS / name,
            *(option, port),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )
        _, said = await process.communicate()

    assert process.returncode == 1
    assert re.fullmatch(says.format(port=port), said.decode())


@pytest.mark.parametrize("name", NAMES)
async def test_it_runs_as_a_module_too(name: str) -> None:
    """From the folder of the tests."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"networks.{name}", "--help"),
        stdout=asyncio.subprocess.PIPE,
        cwd=NETWORKS.parent,
    )
    told, _ = await process.communicate()

    assert f"python tests/networks/{name}" in told.decode()


@pytest.mark.parametrize("name", NAMES)
def test_clients_are_not_needed_by_hand(name: str) -> None:
    """A network and what it imports need attrs, Python, and hardly anything else."""
    imported: set[str] = set()
    found, left = set(), {*(NETWORKS / name).rglob("*.py")}
    while left:
        path = left.pop()
        found.add(path)
        for module in re.findall(r"^(?:from|import) (\S+)", path.read_text(), re.MULTILINE):
            imported.add(module.partition(".")[0])
            file = NETWORKS.parent / f"{module.replace('.', '/')}.py"
            left |= {file} - found if file.is_file() else set()

    ours = {"attrs", "networks"} | LIBRARIES.get(name, set())
    assert imported - set(sys.stdlib_module_names) == ours
