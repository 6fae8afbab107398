"""Official clients as judges of the fake networks, each in an environment of its own.

Their pins collide with each other and with ours, so none of them is installed where the tests
run. An environment is made when a test first wants it and kept for the next run, in the folder
that the environment variable `COBOT_JUDGES` names, or in the cache of pytest.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

OFFICIALS = Path(__file__).parent / "officials"

FOLDER = "COBOT_JUDGES"
INSTALL_S = 120.0
"""How long an installation may take, in seconds; with an index at hand it takes 5 to 15."""

ANSWER_S = 60.0

UNREACHABLE = ("(from versions: none)", "connection", "proxy", "name resolution", "timed out")
"""What pip says when it cannot reach a registry, in lower case."""


class RegistryUnreachable(Exception):
    """An environment cannot be made here and now."""


@attrs.frozen
class Client:
    """An official client."""

    name: str
    """Of the program in `officials`, without its suffix."""
    requirements: tuple[str, ...]
    """Pinned."""


CLIENTS = (
    Client("aiogram_judge", ("aiogram==3.31.0",)),
    Client("ptb_judge", ("python-telegram-bot==22.8",)),
)
"""Telegram's."""

DISCORD_CLIENTS = (
    Client("discord_py_judge", ("discord.py==2.7.1",)),
    Client("hikari_judge", ("hikari==2.7.0",)),
)


def python_of(client: Client, cache: Path) -> Path:
    """Return the interpreter that has a client, made if it is not there yet.

    Args:
        client: Which.
        cache: Where environments are kept unless `COBOT_JUDGES` says where.

    Raises:
        RegistryUnreachable: It is not there, and pip reaches no registry, or one that is too
            slow.
    """
    folder = Path(os.environ.get(FOLDER) or cache)
    folder.mkdir(parents=True, exist_ok=True)
    version = ".".join(map(str, sys.version_info[:3]))
    # The interpreter under the environment that the tests run in, which may be a new one each
    # time.
    wanted = json.dumps([version, sys.base_prefix, *client.requirements])
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    home = folder / f"{client.name}-{digest}"
    ready = home / "ready"
    with (folder / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests at once make it once
        if not ready.exists():
            _make(home, client.requirements)
            ready.touch()
    return home / "bin" / "python"


def _make(home: Path, requirements: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    pip = (str(home / "bin" / "python"), "-m", "pip", "install", "-q")
    options = ("--disable-pip-version-check", "--retries", "1")
    names = ", ".join(requirements)
    try:
        done = subprocess.run(
            [*pip, *options, *requirements],
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RegistryUnreachable(f"pip did not get {names} in {INSTALL_S:g} s") from None
    if done.returncode == 0:
        return
    said = done.stderr.strip()
    if any(words in said.lower() for words in UNREACHABLE):
        last = said.rpartition("\n")[2]
        raise RegistryUnreachable(f"pip reaches no registry for {names}: {last}")
    raise RuntimeError(f"pip cannot install {names}:\n{said}")


class Refusal(Exception):
    """A call that failed, as the client reports it.

    Args:
        kind: The class of the client's error.
        text: Its message.
        details: What else it carries: `retry_after`, `migrate_to`.
    """

    def __init__(self, kind: str, text: str, **details: Any) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.details = details


class Judge:
    """A client that runs in a process of its own and does what it is asked, line by line.

    It serves many tests, each with a loop of its own: starting a client takes seconds. That is
    why it is no subprocess of asyncio.
    """

    def __init__(self, client: Client, python: Path) -> None:
        self.client = client
        self._process = subprocess.Popen(
            [python, OFFICIALS / f"{client.name}.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Let the client do something; return what it returned, as its models have it.

        Raises:
            Refusal: The client raised an error.
        """
        line = json.dumps({"command": command, "arguments": arguments})
        said = await asyncio.to_thread(self._talk, line)
        if not said:
            raise RuntimeError(f"{self.client.name} has gone")
        answer: Mapping[str, Any] = json.loads(said)
        if "error" in answer:
            raise Refusal(**answer["error"])
        return answer["result"]

    def _talk(self, line: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        guard = threading.Timer(ANSWER_S, self._process.kill)  # else nothing ends the read
        guard.start()
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            return self._process.stdout.readline()
        finally:
            guard.cancel()

    def close(self) -> None:
        """End the process, by the end of its input."""
        try:
            self._process.communicate(timeout=ANSWER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
