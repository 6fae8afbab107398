"""Puts the parts together from a configuration."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

import attrs

from cobot.clock import Clock
from cobot.config import SESSION, Configuration, Section
from cobot.config.redaction import Redactor
from cobot.config.settings import AccessSettings, ChannelSettings, effective_access
from cobot.context import Context
from cobot.errors import ConfigError, JournalError, PluginError, Problem, nearest
from cobot.journal import Journal
from cobot.plugins import KNOWN, Candidate, Loader, Plugins, Report
from cobot.plugins.threads import ThreadPool
from cobot.session import ANYTHING, Options, Session
from cobot.workspace import Workspace

if TYPE_CHECKING:
    from cobot.net import Ports

S = TypeVar("S", bound=Session)

CONSOLE = "console"
ECHO = "echo"
WORKSPACE = "workspace"
SQLITE = "sqlite"
ALWAYS = (WORKSPACE, SQLITE)
"""Built-in plugins that need no section."""


@attrs.define(eq=False)
class App:
    """The parts of a bot, loaded and not yet running."""

    configuration: Configuration
    """What it was made from, and what is wrong with that."""
    plugins: Plugins
    """What is loaded."""
    reports: list[Report]
    """What became of every plugin, those that are only installed too; by name."""
    failures: list[str]
    """What is wrong with enabled plugins that are broken, a line each."""
    agent: str | None
    """The plugin that answers; None if there is none to be had."""
    agent_is_default: bool
    """Whether nobody asked for an agent."""
    workspace: Workspace
    """The folder for files."""
    clock: Clock
    """Time."""
    random: Random
    """Chance."""

    def check(self) -> None:
        """Make sure that all that is enabled is there and can run.

        Raises:
            ConfigError: The configuration is wrong; it has every problem, and a line for
                each enabled plugin that is broken too.
            PluginError: Plugins that are enabled are broken; it has a line for each.
        """
        problems = sorted(self.configuration.problems, key=lambda problem: problem.line or 0)
        if problems:
            raise ConfigError(*problems, *(Problem("", one) for one in self.failures))
        if self.failures:
            raise PluginError("\n".join(self.failures))

    def session(self) -> Session:
        """Return a session over all of it. Call `check` first."""
        return self.session_of(Session)

    def session_of(self, cls: type[S]) -> S:
        """Return a session of a class over all of it. Call `check` first."""
        assert self.agent is not None
        return cls(
            self.plugins,
            self._journal,
            self.agent,
            clock=self.clock,
            random=self.random,
            options=Options(
                settings=self.configuration.session,
                access={
                    plugin.name: self.access(plugin.name) for plugin in self.plugins.channels
                },
                stop_timeout_s=self.configuration.top.stop_timeout,
                redact=Redactor(self.configuration.document.secrets),
            ),
        )

    def access(self, channel: str) -> AccessSettings:
        """Return who may talk on a channel."""
        section = self.configuration.sections.get(channel)
        if (section.plugin if section else channel) == CONSOLE:
            return ANYTHING  # whoever sits there
        settings = self.plugins[channel].settings
        own = settings.access if isinstance(settings, ChannelSettings) else None
        return effective_access(self.configuration.top.access, own)

    @asynccontextmanager
    async def _journal(self) -> AsyncIterator[Journal]:
        """Lock the workspace and open the journal."""
        settings = self.configuration.top.journal
        self.workspace.lock()
        try:
            done = await self.plugins.first(
                "open_journal",
                url=settings.url,
                settings=attrs.asdict(settings, filter=lambda field, _: field.name != "url"),
            )
            if done is None:
                scheme = settings.url.partition(":")[0]
                raise JournalError(
                    f"journal: no plugin opens {scheme!r}: addresses; 'sqlite:' is built in"
                )
            journal: Journal = done[1]
            try:
                yield journal
            finally:
                await journal.close()
        finally:
            self.workspace.remove()


def assemble(
    configuration: Configuration,
    candidates: Mapping[str, Candidate],
    *,
    block: Collection[str] = (),
    workspace: Workspace,
    clock: Clock,
    random: Random,
) -> App:
    """Load what a configuration enables.

    Args:
        configuration: As `configure` read it.
        candidates: The installed plugins.
        block: Names of plugins to leave out.
        workspace: Where plugins keep files.
        clock: Time.
        random: Chance.

    Returns:
        The parts. What could not be loaded is in the reports and problems; see `App.check`.
    """

    def folder(purpose: str) -> Path:
        for caller in loader.plugins.callers("workspace_path"):
            path: Path | None = caller.now(purpose=purpose)
            if path is not None:
                return path
        raise PluginError(f"no plugin says where files for {purpose!r} belong")

    @cache
    def open_ports() -> Ports:
        from cobot.net import Ports  # where nothing listens, there is no server

        return Ports()

    def make_context(name: str, threads: ThreadPool) -> Context:
        return Context(
            name=name,
            log=logging.getLogger(f"cobot.{name}"),
            clock=clock,
            random=random,
            # The built-in plugin is the one that knows; it answers everybody else.
            workspace=workspace.folder if name == WORKSPACE else folder,
            in_thread=threads.run,
            redact=Redactor(configuration.document.secrets),
            ports=open_ports,
        )

    loader = Loader(configuration, candidates, make_context)
    _check_blocked(configuration, candidates, block)
    for name in ALWAYS:
        if name in candidates and name not in {*block, *configuration.sections}:
            loader.load(Section(name, name, ("plugins", name)))
    for section in configuration.sections.values():
        if section.enabled:
            loader.load(section)
    agent, by_default = _load_agent(configuration, loader, block)
    if not loader.plugins.channels:
        _load_console(configuration, loader, block)
    _check_policies(configuration, loader.plugins)
    _check_journal(configuration, loader.plugins)
    for name in [*configuration.sections, *candidates]:
        if name not in loader.reports:
            loader.note(name, "blocked" if name in block else "installed")
    reports = sorted(loader.reports.values(), key=lambda report: report.name)
    return App(
        configuration,
        loader.plugins,
        reports,
        loader.failures,
        agent,
        by_default,
        workspace,
        clock,
        random,
    )


def _check_blocked(
    configuration: Configuration, candidates: Mapping[str, Candidate], block: Collection[str]
) -> None:
    """Note what is blocked and cannot be meant: a misspelt name blocks nothing."""
    for name in sorted(block):
        path = (f"-p no:{name}",)
        if name == SESSION:
            detail = "the session is no plugin; it is always there"
            configuration.document.problem(path, detail)
        elif name not in {*configuration.sections, *candidates, *KNOWN}:
            known = [*configuration.sections, *candidates]
            detail = f"no plugin and no section is called {name!r}{nearest(name, known)}"
            configuration.document.problem(path, detail)


def _load_agent(
    configuration: Configuration, loader: Loader, block: Collection[str]
) -> tuple[str | None, bool]:
    """Return the agent's name and whether nobody asked for it."""
    problem = configuration.document.problem
    asked = configuration.agent
    if asked is not None:
        if asked.name in block:
            problem(asked.path, f"{asked.name!r} is blocked by -p no:{asked.name}")
            return None, False
        if asked.name not in loader.reports and loader.load(asked) is None:
            return None, False
        if asked.name not in loader.plugins:
            return None, False  # its section failed to load, and has said why
        if loader.plugins.caller(asked.name, "agent_reply") is None:
            problem(asked.path, f"plugin {asked.name!r} is no agent: it has no agent_reply")
        return asked.name, False
    agents = [caller.plugin_name for caller in loader.plugins.callers("agent_reply")]
    if len(agents) > 1:
        names = " and ".join(map(repr, agents))
        problem(("agent",), f"{names} can both answer; choose one with 'agent: NAME'")
    if agents:
        return agents[0], False
    if ECHO in block:
        problem(("-p no:echo",), "nobody is left to answer; name an agent with --agent")
        return None, False
    loader.load(Section(ECHO, ECHO, ("agent",)))
    return ECHO, True


def _load_console(configuration: Configuration, loader: Loader, block: Collection[str]) -> None:
    if any(report.state == "broken" for report in loader.reports.values()):
        return  # what is broken may be the channel
    if configuration.problems:
        return  # what is wrong may be why there is none
    section = configuration.sections.get(CONSOLE)
    if CONSOLE in block or section is not None:
        path = (f"-p no:{CONSOLE}",) if section is None else section.path
        detail = "no channel is left; enable one below 'plugins', or with -p NAME"
        configuration.document.problem(path, detail)
    else:
        loader.load(Section(CONSOLE, CONSOLE, ("plugins", CONSOLE)))


def _check_policies(configuration: Configuration, plugins: Plugins) -> None:
    """Note where `access.policy` names nobody who could decide."""
    for plugin in plugins.channels:
        settings = plugin.settings
        own = settings.access if isinstance(settings, ChannelSettings) else None
        policy = effective_access(configuration.top.access, own).policy
        if policy is None or plugins.caller(policy, "session_admit") is not None:
            continue
        able = [caller.plugin_name for caller in plugins.callers("session_admit")]
        known = ", ".join(able) or "none"
        where = ("plugins", plugin.name) if own is not None and own.policy else ()
        configuration.document.problem(
            (*where, "access", "policy"),
            f"no enabled plugin called {policy!r} has session_admit; those that have: {known}",
        )


def _check_journal(configuration: Configuration, plugins: Plugins) -> None:
    """Note where nobody could open the journal; what a plugin can open, only it knows."""
    url = configuration.top.journal.url
    openers = {caller.plugin_name for caller in plugins.callers("open_journal")}
    if openers <= {SQLITE} and not (openers and url.startswith("sqlite:")):
        scheme = url.partition(":")[0]
        hint = "'sqlite:' is built in" if openers else f"leave out -p no:{SQLITE}"
        configuration.document.problem(
            ("journal",), f"no enabled plugin opens {scheme!r}: addresses; {hint}"
        )
