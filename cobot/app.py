"""Puts the parts together from a configuration."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from random import Random

import attrs

from cobot.clock import Clock
from cobot.config import SESSION, ChannelSettings, Configuration, Section
from cobot.context import Context
from cobot.errors import ConfigError, PluginError, Problem, nearest
from cobot.journal.memory import MemoryJournal
from cobot.plugins import KNOWN, Candidate, Loader, Plugins, Report
from cobot.plugins.threads import ThreadPool
from cobot.session import Session

CONSOLE = "console"
ECHO = "echo"


class Workspace:
    """The folder for a bot's files. It is made when the first file needs it."""

    def __init__(self, root: Path | None) -> None:
        """Name the folder; None: a temporary one, which `remove` removes."""
        self._root = root
        self._temporary: Path | None = None

    def folder(self, purpose: str) -> Path:
        """Return the folder for a purpose; only its owner can read it."""
        if self._root is None:
            self._root = self._temporary = Path(tempfile.mkdtemp(prefix="cobot-"))
        # Apart: `parents=True` gives the mode to the last folder alone.
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._root / purpose
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def remove(self) -> None:
        """Remove the folder if it was temporary."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


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
        assert self.agent is not None
        return Session(
            self.plugins,
            MemoryJournal(self.clock),
            self.agent,
            clock=self.clock,
            random=self.random,
            stop_timeout_s=self.configuration.top.stop_timeout,
        )


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

    def make_context(name: str, threads: ThreadPool) -> Context:
        return Context(
            name=name,
            log=logging.getLogger(f"cobot.{name}"),
            clock=clock,
            random=random,
            workspace=workspace.folder,
            in_thread=threads.run,
        )

    loader = Loader(configuration, candidates, make_context)
    _check_blocked(configuration, candidates, block)
    for section in configuration.sections.values():
        if section.enabled:
            loader.load(section)
    agent, by_default = _load_agent(configuration, loader, block)
    if not loader.plugins.channels:
        _load_console(configuration, loader, block)
    _check_access(configuration, loader.plugins)
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
        if asked.name == "command":
            problem(asked.path, "the agent 'command' is not built yet in this version")
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


def _check_access(configuration: Configuration, plugins: Plugins) -> None:
    if configuration.top.access is not None:
        return
    for plugin in plugins.channels:
        section = configuration.sections.get(plugin.name)
        if (section.plugin if section else plugin.name) == CONSOLE:
            continue
        if isinstance(plugin.settings, ChannelSettings) and plugin.settings.access is None:
            path = section.path if section else ("plugins", plugin.name)
            configuration.document.problem(
                path,
                "says not who may talk, and only 'everybody' is built yet;"
                " write access: {direct: open} in its section",
            )
