"""One channel in a real session, on a real journal, in a time that a test moves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import attrs

from cobot.app import App, assemble
from cobot.config import configure
from cobot.config.document import Document
from cobot.config.settings import NoSettings
from cobot.config.values import Secret
from cobot.context import Context
from cobot.hookspecs import PROJECT, Conversation, hookimpl
from cobot.messages import IncomingMessage, Receipt
from cobot.plugins import Candidate, discover
from cobot.session import Session
from cobot.session.run import Outcome
from cobot.testing.broken import ContractBroken
from cobot.testing.clock import ManualClock
from cobot.testing.journal import SCHEME, WatchedJournal, WatchedJournals
from cobot.workspace import Workspace

T = TypeVar("T")

NAME = "contract"
"""The section's name unless a test says otherwise; no channel has it as its own."""

TICK_S = 0.002
"""How often it is looked whether something has come; of the machine's time."""

PACE = 50.0
"""How much faster the channel's time goes while something is waited for."""

STOP_S = 2.0
"""What the session is given to stop at most, in seconds of the machine's time."""

LETTING_GO_S = 1.0
"""How long something that was cancelled is waited for; of the machine's time."""

SAID_LINES = 8
"""How much of the log a failure shows."""

NOT_RUNNING = "A channel starts when its network is there"

Answer = Callable[[IncomingMessage, Conversation], Coroutine[Any, Any, str | None]]


class Log(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[tuple[int, str]] = []
        """Level and text, tracebacks included."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.lines.append((record.levelno, f"{record.name}: {self.format(record)}"))

    def warnings(self) -> str:
        """Return the last lines that warn."""
        lines = [text for level, text in self.lines if level >= logging.WARNING]
        return "\n".join(f"  {line}" for line in lines[-SAID_LINES:])


class Agent:
    """Remembers what it is asked, and says what a test wants."""

    Settings = NoSettings

    def __init__(self, settings: NoSettings, context: Context) -> None:
        self.asked: list[IncomingMessage] = []
        self.answer: Answer | None = None

    @hookimpl
    async def agent_reply(
        self, message: IncomingMessage, conversation: Conversation
    ) -> str | None:
        self.asked.append(message)
        return None if self.answer is None else await self.answer(message, conversation)


@attrs.define(eq=False, kw_only=True)
class Running:
    """A channel in a session that runs."""

    name: str
    """The section's name: the channel's `channel_type`."""
    app: App
    """Its parts, put together as `cobot run` does it."""
    session: Session
    """The session."""
    clock: ManualClock
    """The channel's time. It moves while something is waited for, and by `advance`."""
    journal: WatchedJournal
    """What is stored."""
    limit_s: float
    """How long something may be waited for, in seconds of the machine's time."""
    secrets: list[Secret]
    """The secrets of its configuration."""
    log: Log
    """What was logged since it runs."""
    run: asyncio.Task[Outcome]
    """The session's `run`."""

    @property
    def channel(self) -> Any:
        """The channel itself."""
        return self.app.plugins[self.name].instance

    @property
    def agent(self) -> Agent:
        """Who answers: silence, unless `agent.answer` is set."""
        agent: Agent = self.app.plugins[_AGENT].instance
        return agent

    @property
    def asked(self) -> list[IncomingMessage]:
        """What the agent was asked, in order."""
        return self.agent.asked

    def has(self, hook: str) -> bool:
        """Tell whether the channel implements a hook."""
        return self.app.plugins.caller(self.name, hook) is not None

    async def call(self, hook: str, **arguments: Any) -> Any:
        """Call one of the channel's hooks as the session does; return what it returned.

        Raises:
            ChannelError: As the channel raised it.
            HookFailed: It raised anything else.
            ContractBroken: It did not come back in time, or is not there.
        """
        caller = self.app.plugins.caller(self.name, hook)
        if caller is None:
            raise ContractBroken(
                f"{hook} is called", "the channel has no such hook", "write it"
            )
        return await self.done(caller(**arguments), hook)

    async def done(self, work: Coroutine[Any, Any, T], what: str) -> T:
        """Wait for something of the session's or the channel's, while its time goes on.

        Raises:
            ContractBroken: It does not end in time.
        """
        task = asyncio.create_task(work)
        try:
            await self.until(
                task.done,
                f"{what} comes back within {self.limit_s:g} s",
                "give every request a time limit, and let none wait for ever",
            )
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=LETTING_GO_S)

    async def until(
        self,
        condition: Callable[[], T | None],
        rule: str,
        remedy: str,
        *,
        found: str | Callable[[], str] = "it did not",
        pace: float = PACE,
    ) -> T:
        """Wait for something that nobody tells of, while the channel's time goes on.

        Args:
            condition: What is waited for; its result is returned once it is true.
            rule: What must be so.
            remedy: What to do if it is not.
            found: What is so instead.
            pace: How much faster the channel's time goes.

        Raises:
            ContractBroken: It does not come in time, or the session breaks.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.limit_s
        while not (value := condition()):
            if self.run.done() and not self.run.cancelled() and self.run.exception():
                raise self.run.exception() or AssertionError
            if loop.time() > deadline:
                instead = found if isinstance(found, str) else found()
                raise ContractBroken(rule, instead, remedy, self.log.warnings())
            await asyncio.sleep(TICK_S)
            self.clock.advance(pace * TICK_S)
        return value

    async def question(self, text: str, remedy: str = "") -> IncomingMessage:
        """Wait until the agent was asked a text; return the message.

        Raises:
            ContractBroken: It was not.
        """
        return await self.until(
            lambda: next((one for one in self.asked if one.content == text), None),
            f"What a person writes reaches the agent within {self.limit_s:g} s",
            remedy or "hand it over in session_receive",
            found=lambda: f"{text!r} did not; it got {[one.content for one in self.asked]}",
        )

    async def send(self, message: Any, **options: Any) -> Receipt:
        """Send a message through the session; return its receipt.

        Raises:
            ChannelError: It was given up.
            ContractBroken: Nothing was said of it in time.
        """
        return await self.done(self.session.send(message, **options), "session_send")

    async def stop(self) -> Outcome:
        """Stop the session; what is not durable is lost, as in a crash.

        Raises:
            ContractBroken: It does not stop in time.
        """
        self.session.stop()
        done, _ = await asyncio.wait({self.run}, timeout=2 * STOP_S + self.limit_s)
        if not done:
            self.run.cancel()
            raise ContractBroken(
                "A session stops when it is asked to",
                "it still runs",
                "let session_receive and cobot_stop end when they are cancelled",
                self.log.warnings(),
            )
        return self.run.result()


class _Given(EntryPoint):
    """An entry point of a class that no distribution brought."""

    def __init__(self, name: str, source: type) -> None:
        super().__init__(name, f"{source.__module__}:{source.__qualname__}", PROJECT)
        vars(self)["source"] = source

    def load(self) -> Any:
        """Return the class."""
        return vars(self)["source"]


_AGENT = "contract-agent"
_JOURNALS = "contract-journals"
_CHANNEL = "contract-channel"


def load(
    channel: type | str,
    settings: Mapping[str, Any],
    *,
    name: str = NAME,
    clock: ManualClock,
    workspace: Path,
    stop_s: float = STOP_S,
) -> App:
    """Build a channel from a configuration as `cobot run` does, with all around it.

    Raises:
        ContractBroken: It cannot be loaded, or its settings are wrong.
    """
    candidates = discover()
    given: dict[str, type] = {_AGENT: Agent, _JOURNALS: WatchedJournals}
    if not isinstance(channel, str):
        given[_CHANNEL] = channel
    for plugin, source in given.items():
        candidates[plugin] = Candidate(plugin, (_Given(plugin, source),))
    section = {
        "plugin": channel if isinstance(channel, str) else _CHANNEL,
        "access": {"direct": "open", "groups": "open", "mention": False, "bots": True},
        "poll_interval": 0.1,
        "rate": "off",
        **settings,
    }
    values = {
        "plugins": {name: section, _JOURNALS: {}, "session": {"typing_after": 0}},
        "agent": _AGENT,
        "journal": SCHEME,
        "stop_timeout": stop_s,
    }
    document = Document("", value=values)
    app = assemble(
        configure(document),
        candidates,
        workspace=Workspace(workspace),
        clock=clock,
        random=Random(1),
    )
    reasons = [report.reason for report in app.reports if report.state == "broken"]
    if reasons or app.configuration.problems:
        raise ContractBroken(
            "A channel is built by the loader from its class and its settings",
            "; ".join(reasons or map(str, app.configuration.problems)),
            "mend the class, or what Network.start returns",
        )
    return app


@asynccontextmanager
async def running(
    channel: type | str,
    settings: Mapping[str, Any],
    *,
    workspace: Path,
    name: str = NAME,
    clock: ManualClock | None = None,
    limit_s: float = 5.0,
    receive: bool = True,
    log_level: int = logging.INFO,
) -> AsyncIterator[Running]:
    """Run a channel in a session for the length of a block, beside a silent agent.

    Args:
        channel: Its class, or the name of its entry point.
        settings: Its section of the configuration. Who may talk is everybody.
        workspace: A folder; the same one again is a restart on the same journal.
        name: The section's name.
        clock: The channel's time; None: one of its own.
        limit_s: How long anything may take, in seconds of the machine's time.
        receive: Whether to receive, or only to send.
        log_level: What of the log is kept.

    Raises:
        ContractBroken: It cannot be loaded, does not start, or does not stop.
    """
    clock = clock or ManualClock()
    app = load(
        channel,
        settings,
        name=name,
        clock=clock,
        workspace=workspace,
        stop_s=min(STOP_S, limit_s),
    )
    session = app.session()
    with _logged(log_level) as log:
        async with session:
            task = asyncio.create_task(session.run(receive=receive), name="contract-run")
            journals: WatchedJournals = app.plugins[_JOURNALS].instance
            assert journals.opened is not None
            one = Running(
                name=name,
                app=app,
                session=session,
                clock=clock,
                journal=journals.opened,
                limit_s=limit_s,
                secrets=app.configuration.document.secrets,
                log=log,
                run=task,
            )
            try:
                await _started(one)
                yield one
            except BaseException:
                with suppress(ContractBroken):  # the first failure is the one to show
                    await one.stop()
                raise
            await one.stop()


async def _started(one: Running) -> None:
    def is_started() -> bool:
        supervisor = one.session.supervisors.get(one.name)
        return supervisor is not None and supervisor.started.is_set()

    def reason() -> str:
        supervisor = one.session.supervisors.get(one.name)
        return (supervisor and supervisor.reason) or "cobot_start has not returned"

    await one.until(
        is_started, NOT_RUNNING, "let cobot_start return, or raise a ChannelError", found=reason
    )
    supervisor = one.session.supervisors[one.name]
    if supervisor.parked_by is not None:
        raise ContractBroken(NOT_RUNNING, supervisor.reason, "see what the network was asked")


@contextmanager
def _logged(level: int) -> Iterator[Log]:
    """Keep what is logged for the length of a block."""
    log, root = Log(level), logging.getLogger()
    before = root.level
    root.addHandler(log)
    root.setLevel(min(before, level))
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(before)
