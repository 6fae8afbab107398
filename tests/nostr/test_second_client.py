"""A client on another library, nostr-tools, writes to the bot and reads what it answers."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cobot.hookspecs import Conversation
from cobot.messages import IncomingMessage
from cobot_nostr.crypto import Signer
from nostr.conftest import Bot

PACKAGES = ("nostr-tools@2.25.2", "ws@8.18.3")
"""Pinned; both without dependencies that have to be built."""

INSTALL_S = 60.0
ANSWER_S = 15.0
SCRIPT = Path(__file__).parent / "clients" / "second.cjs"


@pytest.fixture(scope="module")
def modules(request: pytest.FixtureRequest) -> Path:
    """The folder of node's modules, made when it is not there yet."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed, and nostr-tools needs them")
    kept = os.environ.get("COBOT_JUDGES") or request.config.cache.mkdir("judges")
    folder = Path(kept) / "-".join(PACKAGES).replace("@", "-")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests at once make it once
        if not (folder / "ready").exists():
            _install(folder)
            (folder / "ready").touch()
    return folder / "node_modules"


def _install(folder: Path) -> None:
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
    command = ["npm", "install", "--prefix", str(folder), *options, *PACKAGES]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not get nostr-tools within {INSTALL_S:g} s")
    if done.returncode != 0:
        pytest.skip(f"npm cannot get nostr-tools: {done.stderr.strip()[-200:] or 'no reason'}")


async def test_nostr_tools_writes_and_reads_in_both_forms(
    bot: Bot, key: Signer, url: str, modules: Path
) -> None:
    """What one library wraps or encrypts the other opens, both ways."""

    async def answer(message: IncomingMessage, conversation: Conversation) -> str:
        return f"you wrote {message.content}"

    secret = _hex_of(Signer.generate())
    async with bot() as running:
        running.agent.answer = answer
        process = await asyncio.create_subprocess_exec(
            *("node", str(SCRIPT), url, secret, key.pubkey),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(modules)},
        )
        talking = asyncio.create_task(process.communicate())
        try:
            await running.until(lambda: len(running.asked) == 2, "both come", "")
            async with asyncio.timeout(ANSWER_S):
                told, said = await talking
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    assert not said, said.decode()
    assert [json.loads(line) for line in told.splitlines()] == [
        {"form": "nip17", "by": key.pubkey, "text": "you wrote in the new form \U0001f99c"},
        {"form": "nip04", "by": key.pubkey, "text": "you wrote in the old form"},
    ]


def _hex_of(signer: Signer) -> str:
    import nostr_sdk  # type: ignore[import-untyped]

    return str(nostr_sdk.Keys.parse(signer.nsec()).secret_key().to_hex())
