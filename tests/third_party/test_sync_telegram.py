"""A channel from elsewhere that blocks, installed with pip, and a bot that runs on it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from adapters.telegram import Telegram
from networks.telegram import FakeTelegram

from cobot.testing import ChannelContract, ContractBroken, Network

COBOT = str(Path(sys.executable).with_name("cobot"))
PROJECT = Path(__file__).with_name("sync_telegram")
MODULE = "cobot_sync_telegram"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip has put the distribution."""
    copy = tmp_path_factory.mktemp("sync-telegram") / "project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    install = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    folder = copy.parent / "installed"
    subprocess.run(
        [sys.executable, *install, "--target", folder, copy],
        check=True,
        timeout=100,
        capture_output=True,
    )
    return folder


@asynccontextmanager
async def bot(
    network: FakeTelegram, installed: Path, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `cobot run` on the network for the length of a block."""
    (folder / "cobot.yml").write_text(
        "plugins:\n"
        "  sync-telegram:\n"
        "    bot_token: ${TOKEN}\n"
        f"    base_url: {network.url}\n"
        "    access: {groups: open, mention: false}\n"  # it does not tell what is direct
        "    poll_interval: 0\n"
    )
    path = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH")]))
    process = await asyncio.create_subprocess_exec(
        COBOT,
        "run",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "TOKEN": network.token},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_channel_that_blocks_answers(installed: Path, tmp_path: Path) -> None:
    """A list from each poll and a bool from each send are enough for a bot that answers."""
    async with FakeTelegram() as network, bot(network, installed, tmp_path) as process:
        room = network.private_chat()
        room.text("one")
        room.text("two")
        sent = await network.wait_for_sent(2)
        process.terminate()
        _, said = await process.communicate()

    assert [message.text for message in sent] == ["one", "two"]
    assert process.returncode == 0
    assert network.token not in said.decode()


async def test_channel_that_moves_its_offset_first_loses_what_it_moved_past(
    installed: Path, tmp_path: Path
) -> None:
    """A failure between moving on and returning loses what was read: nobody asks again."""
    async with FakeTelegram() as network:
        room = network.private_chat()
        room.text("read, and lost")
        room.photo()  # which the channel cannot read
        async with bot(network, installed, tmp_path):
            await network.wait_for(lambda: network.pending == 0)
            room.text("after it")
            sent = await network.wait_for_sent()

    assert [message.text for message in sent] == ["after it"]


BROKEN: Collection[str] = {
    "test_times_are_aware",
    "test_errors_are_told_apart",
    "test_long_text_arrives_complete",
    "test_rate_limit_is_kept",
    "test_secrets_are_kept",
}
"""What the contract suite finds in it: the price of the old style."""
BY_CHANCE: Collection[str] = {"test_stop_leaves_nothing_behind"}
"""What depends on the moment: it closes its client while a thread may be using it."""


class SyncNetwork(Telegram):
    """What the channel can do of Telegram."""

    cannot: ClassVar[Any] = {
        "it takes text alone": (
            "presence edit delete react media person_edits person_deletes person_reacts"
            " person_sends"
        ),
        "Telegram sends no bot what it wrote": "bot_writes",
    }
    errors: ClassVar[Any] = {
        operation: kinds
        for operation, kinds in Telegram.errors.items()
        if operation in ("receive", "send")
    }

    async def start(self) -> Mapping[str, Any]:
        """Let polls return at once: nothing ends one that waits in a thread."""
        return {**await super().start(), "poll_s": 0}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_contract_suite_says_what_the_old_style_costs(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the rules of the contract the channel breaks some, and keeps all others."""
    monkeypatch.syspath_prepend(str(installed))
    found = importlib.import_module(MODULE).SyncTelegram

    class Sync(SyncNetwork):
        channel = found

    class Contract(ChannelContract):
        limit_s = 1.0

        def make(self) -> Network:
            return Sync()

    broken = {}
    for name in vars(ChannelContract):
        if name.startswith("test_"):
            try:
                getattr(Contract(), name)()
            except ContractBroken as error:
                broken[name] = str(error)
            except pytest.skip.Exception:
                pass

    gc.collect()  # while what it has left open is still excused

    assert broken.keys() - BY_CHANCE == BROKEN, broken
