"""A folder, a network, and the real process between them, which is killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs

from cobot.clock import SystemClock
from cobot.journal import Backlog, DeadLetter
from cobot.journal.reader import open_reader
from cobot.journal.sqlite import SqliteJournal
from rig.agent import asked
from rig.control import Boundary, Control, Held
from rig.network import Mode, Network
from rig.workload import Workload

TESTS = Path(__file__).resolve().parent.parent
COBOT = (sys.executable, "-P", "-m", "cobot")
CHANNEL = "net"
GUARD_S = 60.0
"""Whatever is waited for takes no longer than this."""

QUIET_S = 2.0
"""After so many seconds without the last answer dead letters are looked for."""

STARTS_MOST = 3
"""How often a process is started again because something is left to do."""

ENTRY_POINTS = """[cobot]
rig-network = rig.channel:RigChannel
rig-journal = rig.journal:RigJournal
rig-agent = rig.agent:RigAgent
"""


def install(site: Path) -> None:
    """Write the distribution that the rig's plugins come in; its modules lie in the tests."""
    info = site / "cobot_rig-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cobot-rig\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)


class Process:
    """A process under way, and what it says on standard output and error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    async def said(self, words: str, times: int = 1) -> None:
        """Wait until so many of its lines have had these words in them."""
        while sum(words in line for line in self.lines) < times:
            if self._reading.done():
                raise AssertionError(f"it ended without saying {words!r}: {self.lines[-20:]}")
            await self._changed.wait()

    async def ended(self) -> int:
        """Wait until it has ended and all is read; return its exit code."""
        code = await self.process.wait()
        await self._reading
        return code

    async def kill(self) -> None:
        """Kill it, if it still runs."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        await self.ended()

    async def stop(self) -> None:
        """Stop it in its tracks, and wait until it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        flags = os.WSTOPPED | os.WNOWAIT
        await asyncio.to_thread(os.waitid, os.P_PID, self.pid, flags)

    def go_on(self) -> None:
        """Let it run again, if it has not ended."""
        if self.is_running:
            self.process.send_signal(signal.SIGCONT)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            self._pulse()
        self._pulse()

    def _pulse(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@attrs.define(eq=False, kw_only=True)
class World:
    """Everything that one run needs, and no trace of it afterwards.

    Settings of the process may be changed between two starts.
    """

    mode: Mode = "none"
    token: str = "token"
    root: Path | None = None
    """Where the workspace lies; None: in the world's own folder."""
    channel: dict[str, Any] = attrs.field(factory=dict)
    """More settings of the channel."""
    agent: dict[str, Any] = attrs.field(factory=dict)
    """More settings of the agent."""
    session: dict[str, Any] = attrs.field(factory=dict)
    """Settings of the session."""
    sections: dict[str, Any] = attrs.field(factory=dict)
    """More sections of plugins."""
    words: tuple[str, ...] = ()
    """More words of the command line."""
    stop_timeout_s: float = 10.0
    log_level: str = "info"
    has_reports: bool = True
    """Whether the journal reports boundaries; else it is the one that everybody has."""
    control: Control = attrs.field(factory=Control, init=False)
    network: Network = attrs.field(init=False)
    processes: list[Process] = attrs.field(factory=list, init=False)
    """All that were started; the last one is the present one."""
    folder: Path = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.network = Network(self.mode, token=self.token, passed=self.control.reached)

    async def __aenter__(self) -> World:
        self.folder = Path(tempfile.mkdtemp(prefix="cobot-rig-"))
        install(self.folder / "site")
        await self.control.__aenter__()
        await self.network.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.processes:
            await process.kill()
        await self.network.__aexit__(kind, error, trace)
        await self.control.__aexit__(kind, error, trace)
        shutil.rmtree(self.folder)

    @property
    def process(self) -> Process:
        """The process that was started last."""
        return self.processes[-1]

    @property
    def workspace(self) -> Path:
        """The workspace."""
        return self.root or self.folder / "workspace"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.workspace / "journal" / "journal.db"

    @property
    def environment(self) -> Mapping[str, str]:
        """What every command of this world sees."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("COBOT_")}
        folders = [str(self.folder / "site"), str(TESTS), kept.get("PYTHONPATH", "")]
        path = os.pathsep.join(filter(None, folders))
        return {**kept, "HOME": str(self.folder), "PYTHONPATH": path, "RIG_TOKEN": self.token}

    async def start(self, *armed: Boundary) -> Process:
        """Start the process, which will report these boundaries."""
        self.write_configuration(armed)
        process = await self.spawn("run", "-c", str(self.folder / "cobot.yml"), *self.words)
        self.processes.append(process)
        return process

    async def spawn(self, *words: str) -> Process:
        """Start a command of cobot in this world; who starts it ends it."""
        return Process(
            await asyncio.create_subprocess_exec(
                *COBOT,
                *words,
                cwd=self.folder,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=1024 * 1024,
            )
        )

    async def ask(self, *words: str) -> tuple[int, str]:
        """Run a command of cobot to its end; return its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *COBOT,
            *words,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return process.returncode, printed.decode()

    async def terminate(self) -> int:
        """Ask the process to stop, wait until it has, return its exit code."""
        if self.process.is_running:
            self.process.process.terminate()
        return await self.process.ended()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds on the network; see `guarded`."""
        await self.guarded(self.network.until(holds))

    async def until_settled(self, work: Workload) -> None:
        """Wait until every message of a workload is answered or a dead letter."""

        async def settled() -> None:
            while not work.is_answered():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(QUIET_S):
                        await self.network.until(work.is_answered)
                        return
                # It may be a dead letter, which no network hears of.
                if work.unanswered() <= _names(await self._dead()):
                    return

        await self.guarded(settled())

    async def _dead(self) -> Sequence[DeadLetter]:
        reader = await open_reader(self.journal)
        try:
            return await reader.dead()
        finally:
            await reader.close()

    async def caught(
        self, trap: asyncio.Future[Held], *, unless: Callable[[], bool]
    ) -> Held | None:
        """Wait for a trap; return None if something else holds on the network before."""

        async def either() -> None:
            other = asyncio.create_task(self.network.until(unless))
            first: set[asyncio.Future[Any]] = {trap, other}
            try:
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            finally:
                other.cancel()

        await self.guarded(either())
        return trap.result() if trap.done() else None

    async def guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for something, but not for ever, and not for a process that has ended.

        Raises:
            AssertionError: It took too long, or the process ended.
        """
        waiting = asyncio.create_task(work)
        ended = asyncio.create_task(self.process.ended())
        try:
            done, _ = await asyncio.wait(
                {waiting, ended}, timeout=GUARD_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (waiting, ended):
                task.cancel()
        if waiting in done:
            waiting.result()
            return
        last = "\n".join(self.process.lines[-30:])
        why = f"the process ended with {ended.result()}" if ended in done else "it takes long"
        raise AssertionError(f"{why}; answered {len(self.network.first)}; it said\n{last}")

    async def finish(self) -> set[tuple[str, str]]:
        """Let the process finish what is stored and end; return chat and text of the dead.

        Raises:
            AssertionError: Something is left in the end.
        """
        starts = 0
        while True:
            if self.process.is_running and await self.terminate() != 0:
                raise AssertionError("\n".join(["it did not stop", *self.process.lines[-30:]]))
            backlog, dead = await self.left()
            if not backlog:
                return _names(dead)
            if starts == STARTS_MOST:
                raise AssertionError(f"after {starts} more starts there is left: {backlog}")
            starts += 1
            await self.start()
            # Nothing on the network tells that a receipt was stored or a wait has passed.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    await self.process.ended()

    async def left(self) -> tuple[Backlog, Sequence[DeadLetter]]:
        """Return what waits in the journal, and what was given up; no process may run."""
        journal = await SqliteJournal.open(self.journal, clock=SystemClock())
        try:
            return await journal.backlog(), await journal.dead()
        finally:
            await journal.close()

    def write_configuration(self, armed: Collection[Boundary] = ()) -> None:
        """Write the file that the process reads."""
        rig = {"control": self.control.port, "armed": [one.value for one in armed]}
        channel = {
            "plugin": "rig-network",
            "port": self.network.port,
            "token": "${RIG_TOKEN}",
            "mode": self.mode,
            **rig,
            **self.channel,
        }
        plugins: dict[str, Any] = {CHANNEL: channel, "session": self.session, **self.sections}
        configuration: dict[str, Any] = {
            "plugins": plugins,
            "agent": {"rig-agent": {**rig, **self.agent}},
            "access": {"direct": "open"},
            "workspace": str(self.workspace),
            "stop_timeout": self.stop_timeout_s,
            "log": {"level": self.log_level},
        }
        if self.has_reports:
            plugins["rig-journal"] = rig
            configuration["journal"] = "rig:"
        # JSON is YAML too.
        (self.folder / "cobot.yml").write_text(json.dumps(configuration))


def _names(dead: Sequence[DeadLetter]) -> set[tuple[str, str]]:
    """Return chat and text of the messages that dead letters are about."""
    return {(one.address.channel_id, asked(one.content)) for one in dead}
