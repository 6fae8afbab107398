"""Telegram in a flood: thousands of messages, a real process, kills at random moments.

    python tests/rig/flood.py --messages 5000 --chats 1000
    python tests/rig/flood.py --kills 5 --agent-ms 200 --send-ms 50
    python tests/rig/flood.py --messages 500 --limited 0.05

Counts what was lost, answered twice, and answered in the wrong order, and whether each answer
that came twice is marked in the journal as one that may have been repeated.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import attrs
import click

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from networks.telegram.chats import Message
from networks.telegram.errors import too_many_requests
from networks.telegram.faults import Trouble
from networks.telegram.network import FakeTelegram

from cobot import MessageRef
from cobot.journal.reader import SqliteReader, open_reader
from rig.network import Arrived, Posted
from rig.workload import Counts, judge
from rig.world import COBOT, TESTS, Process

AGENT = """import asyncio

async def reply(message, conversation):
    await asyncio.sleep({seconds})
    return "re: " + message.content
"""

GUARD_S = 60.0
"""A flood in which so long nothing new is answered has come to a halt."""

LULL_S = 0.05
"""How often progress is looked at."""


@attrs.frozen(kw_only=True)
class Flood:
    """What a flood is made of."""

    messages: int = 5000
    chats: int = 1000
    kills: int = 0
    agent_s: float = 0.0
    """Seconds that each answer takes to be made."""
    send_s: float = 0.0
    """Seconds that the network takes for each message."""
    limited: float = 0.0
    """Share of the sends that are refused with 429."""
    seed: int = 1


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of it."""

    counts: Counts
    seconds: float
    """From the first start to the last answer."""
    starts: int
    refused: int
    """Sends that were answered with 429."""

    def __str__(self) -> str:
        counts = self.counts
        return (
            f"{counts.messages} messages in {self.seconds:.1f} s"
            f" ({counts.messages / self.seconds:.0f}/s), {self.starts} starts,"
            f" {self.refused} refused: {counts.lost} lost, {counts.doubled} doubled"
            f" ({counts.unmarked} without mark), {counts.reordered} reordered"
        )


async def run_flood(flood: Flood) -> Outcome:
    """Let people write, and the bot answer, however often it is killed."""
    with tempfile.TemporaryDirectory(prefix="cobot-flood-") as name:
        async with FakeTelegram() as network:
            return await _Run(flood, Path(name), network).run()


class _Run:
    def __init__(self, flood: Flood, folder: Path, network: FakeTelegram) -> None:
        self._flood = flood
        self._folder = folder
        self._network = network
        self._random = Random(flood.seed)
        self._starts = 0
        self._posted: list[Posted] = []

    async def run(self) -> Outcome:
        flood, network = self._flood, self._network
        self._write_files()
        self._post()
        if flood.send_s:
            network.slow_down("sendMessage", flood.send_s)
        limiting = Trouble(
            failure=too_many_requests(1),
            methods=frozenset({"sendmessage"}),
            times=None,
            chance=lambda: self._random.random() < flood.limited,
        )
        network.troubles.add(limiting)
        began = time.monotonic()
        process = await self._start()
        answers = sorted(self._random.sample(range(flood.messages), flood.kills))
        for threshold in answers:
            await self._answered(threshold, process)
            await process.kill()
            process = await self._start()
        await self._answered(flood.messages, process)
        seconds = time.monotonic() - began
        process.process.terminate()
        code = await process.ended()
        assert code == 0, process.lines[-20:]
        counts = judge(self._posted, await self._arrived())
        return Outcome(
            counts=counts, seconds=seconds, starts=self._starts, refused=limiting.hits
        )

    def _write_files(self) -> None:
        (self._folder / "flood.py").write_text(AGENT.format(seconds=self._flood.agent_s))
        config = {
            "plugins": {
                "telegram": {
                    "bot_token": self._network.token,
                    "base_url": self._network.url,
                    "rate": "off",
                    "access": {"direct": "open"},
                }
            },
            "agent": {"function": "flood:reply"},
        }
        (self._folder / "cobot.yml").write_text(json.dumps(config))

    def _post(self) -> None:
        rooms = [self._network.private_chat() for _ in range(self._flood.chats)]
        written = 0
        while written < self._flood.messages:
            room = self._random.choice(rooms)
            # Some write many at once.
            burst = self._random.choice((1, 1, 1, 2, 8))
            for _ in range(min(burst, self._flood.messages - written)):
                written += 1
                room.text(f"message {written}")
                self._posted.append(
                    Posted(seq=written, chat=str(room.id), text=f"message {written}", at=0.0)
                )

    async def _start(self) -> Process:
        self._starts += 1
        process = await asyncio.create_subprocess_exec(
            *COBOT,
            "run",
            cwd=self._folder,
            env={
                "PYTHONPATH": f"{self._folder}:{TESTS}",
                "PATH": "",
                "HOME": str(self._folder),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return Process(process)

    async def _answered(self, count: int, process: Process) -> None:
        """Wait until so many different messages are answered."""
        answered, since = 0, time.monotonic()
        while answered < count:
            await asyncio.sleep(LULL_S)
            now = len({(one.chat_id, one.text) for one in self._network.sent})
            if now > answered:
                answered, since = now, time.monotonic()
            is_stuck = time.monotonic() - since > GUARD_S
            assert not is_stuck, f"{answered} answered, and no more"
            assert process.is_running, process.lines[-20:]

    async def _arrived(self) -> Sequence[Arrived]:
        """Return what arrived; of two of a kind the later one says whether it is marked."""
        reader = await open_reader(self._folder / ".cobot" / "journal" / "journal.db")
        try:
            return [
                Arrived(
                    chat=str(one.chat_id),
                    text=one.text,
                    key="",
                    is_marked=await _is_marked(reader, one),
                    is_absorbed=False,
                    at=0.0,
                )
                for one in self._network.sent
            ]
        finally:
            await reader.close()


async def _is_marked(reader: SqliteReader, message: Message) -> bool:
    receipt = await reader.receipt(MessageRef("telegram", message.chat_id, message.id))
    return bool(receipt and receipt.maybe_repeated)


@click.command()
@click.option("--messages", default=5000, show_default=True)
@click.option("--chats", default=1000, show_default=True)
@click.option("--kills", default=0, show_default=True)
@click.option("--agent-ms", default=0, show_default=True)
@click.option("--send-ms", default=0, show_default=True)
@click.option("--limited", default=0.0, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(
    messages: int,
    chats: int,
    kills: int,
    agent_ms: int,
    send_ms: int,
    limited: float,
    seed: int,
) -> None:
    """Run one flood and say what came of it."""
    flood = Flood(
        messages=messages,
        chats=chats,
        kills=kills,
        agent_s=agent_ms / 1000,
        send_s=send_ms / 1000,
        limited=limited,
        seed=seed,
    )
    outcome = asyncio.run(run_flood(flood))
    click.echo(str(outcome))
    if outcome.counts.faults(may_double=kills > 0):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
