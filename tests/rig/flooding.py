"""A flood on any network: people who write, a real process that is killed, and the count."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random
from typing import Any, Generic, TypeVar

import attrs
import click
from networks.faults import Failure, Fault, Refusal, Trouble
from networks.network import Network

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
    losses: int = 0
    """How many of the kills the network takes for so long that it forgets us."""
    agent_s: float = 0.0
    """Seconds that each answer takes to be made."""
    send_s: float = 0.0
    """Seconds that the network takes for each message."""
    limited: float = 0.0
    """Share of the sends that are refused with 429."""
    lost: float = 0.0
    """Share of the sends that arrive, and whose answers do not."""
    drops: int = 0
    """How often all connections are reset."""
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


@attrs.frozen
class Answer:
    """What the bot sent."""

    chat: str
    id: str
    text: str


NetworkT = TypeVar("NetworkT", bound=Network[Any, Any, Any])


class Stage(ABC, Generic[NetworkT]):
    """A fake network with chats, as a flood uses it."""

    channel: str
    """The channel's name."""
    send: str
    """What a send is called."""
    refusal: Refusal
    """How one too many is refused: with 429."""

    def __init__(self, network: NetworkT) -> None:
        self._network = network
        self._limiting: Trouble | None = None

    @property
    @abstractmethod
    def section(self) -> dict[str, Any]:
        """The channel's section, but for what all have."""

    @property
    @abstractmethod
    def answers(self) -> Sequence[Answer]:
        """What the bot has sent, in order."""

    @property
    def refused(self) -> int:
        """How many sends were refused."""
        return self._limiting.hits if self._limiting else 0

    def trouble(self, flood: Flood, random: Random) -> None:
        """Let sends be slow, be refused, or their answers be lost."""
        if flood.send_s:
            self._network.slow_down(self.send, flood.send_s)
        self._limiting = self._often(self.refusal, flood.limited, random)
        self._often(Fault.LOST, flood.lost, random)

    def _often(self, failure: Failure, share: float, random: Random) -> Trouble:
        """Let a share of the sends fail."""
        return self._network.troubles.add(
            Trouble(
                failure=failure,
                methods={self.send.lower()},
                times=None,
                chance=lambda: random.random() < share,
            )
        )

    @abstractmethod
    async def ready(self) -> None:
        """Wait until the bot is there."""

    @abstractmethod
    def open_chat(self) -> tuple[str, Callable[[str], object]]:
        """Open a chat; return its id, and what writes a text there."""

    @abstractmethod
    def forget(self) -> None:
        """Forget the bot: what it missed is not told again."""

    def drop_all(self) -> None:
        """Reset all connections."""
        self._network.drop_all()


async def run_flood(flood: Flood, network: AbstractAsyncContextManager[Stage[Any]]) -> Outcome:
    """Let people write, and the bot answer, however often it is killed."""
    with tempfile.TemporaryDirectory(prefix="cobot-flood-") as name:
        async with network as stage:
            return await _Run(flood, Path(name), stage).run()


class _Run:
    def __init__(self, flood: Flood, folder: Path, stage: Stage[Any]) -> None:
        self._flood = flood
        self._folder = folder
        self._stage = stage
        self._random = Random(flood.seed)
        self._starts = 0
        self._posted: list[Posted] = []
        self._chats: list[tuple[str, Callable[[str], object]]] = []

    async def run(self) -> Outcome:
        flood, stage = self._flood, self._stage
        self._write_files()
        stage.trouble(flood, self._random)
        began = time.monotonic()
        process = await self._start()
        # Some networks tell nobody of direct chats: each has to be known before.
        self._chats = [stage.open_chat() for _ in range(flood.chats)]
        for chat in self._chats:
            self._write(chat)
        await self._answered(len(self._posted), process)
        share = max((flood.messages - len(self._posted)) // (2 * flood.kills + 1), 1)
        for number in range(flood.kills):
            self._post(share)
            await self._answered(len(self._posted) - self._random.randrange(share), process)
            await process.kill()
            if number < flood.losses:
                stage.forget()
            self._post(share)
            process = await self._start()
        for left in range(flood.drops, -1, -1):
            self._post((flood.messages - len(self._posted)) // (left + 1))
            if left:
                await self._answered(len(self._posted) - share // 2, process)
                stage.drop_all()
        await self._answered(len(self._posted), process)
        seconds = time.monotonic() - began
        process.process.terminate()
        code = await process.ended()
        assert code == 0, process.lines[-20:]
        counts = judge(self._posted, await self._arrived())
        return Outcome(
            counts=counts, seconds=seconds, starts=self._starts, refused=stage.refused
        )

    def _write_files(self) -> None:
        (self._folder / "flood.py").write_text(AGENT.format(seconds=self._flood.agent_s))
        ours = {"rate": "off", "access": {"direct": "open"}}
        config = {
            "plugins": {self._stage.channel: self._stage.section | ours},
            "agent": {"function": "flood:reply"},
        }
        (self._folder / "cobot.yml").write_text(json.dumps(config))

    def _post(self, count: int) -> None:
        while count > 0:
            chat = self._random.choice(self._chats)
            # Some write many at once.
            burst = min(self._random.choice((1, 1, 1, 2, 8)), count)
            for _ in range(burst):
                self._write(chat)
            count -= burst

    def _write(self, chat: tuple[str, Callable[[str], object]]) -> None:
        name, write = chat
        text = f"message {len(self._posted) + 1}"
        write(text)
        self._posted.append(Posted(seq=len(self._posted) + 1, chat=name, text=text, at=0.0))

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
        await self._stage.ready()
        return Process(process)

    async def _answered(self, count: int, process: Process) -> None:
        """Wait until so many different messages are answered."""
        answered, since = 0, time.monotonic()
        while answered < count:
            await asyncio.sleep(LULL_S)
            now = len({(one.chat, one.text) for one in self._stage.answers})
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
                    chat=one.chat,
                    text=one.text,
                    key="",
                    is_marked=await self._is_marked(reader, one),
                    is_absorbed=False,
                    at=0.0,
                )
                for one in self._stage.answers
            ]
        finally:
            await reader.close()

    async def _is_marked(self, reader: SqliteReader, answer: Answer) -> bool:
        ref = MessageRef(self._stage.channel, answer.chat, answer.id)
        receipt = await reader.receipt(ref)
        return bool(receipt and receipt.maybe_repeated)


def command(
    make_network: Callable[[], AbstractAsyncContextManager[Stage[Any]]], *, may_double: bool
) -> click.Command:
    """Return the command line that floods a network.

    Args:
        make_network: Makes it.
        may_double: Whether it offers nothing against doubles after a kill.
    """

    def flood(agent_ms: int, send_ms: int, **rest: Any) -> None:
        """Run one flood and say what came of it."""
        asked = Flood(agent_s=agent_ms / 1000, send_s=send_ms / 1000, **rest)
        outcome = asyncio.run(run_flood(asked, make_network()))
        click.echo(str(outcome))
        if outcome.counts.faults(may_double=may_double and asked.kills > 0):
            raise SystemExit(1)

    defaults = attrs.asdict(Flood()) | {"agent_ms": 0, "send_ms": 0}
    for name in ("agent_s", "send_s"):
        del defaults[name]
    for name, default in defaults.items():
        option = f"--{name.replace('_', '-')}"
        flood = click.option(option, default=default, show_default=True)(flood)
    return click.command()(flood)
