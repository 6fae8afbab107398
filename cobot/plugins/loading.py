"""From a section of the configuration to a registered plugin, or to the reason why not."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from types import ModuleType
from typing import Any, Literal, NoReturn

import attrs

from cobot.config import ChannelSettings, Configuration, PluginSettings, Section
from cobot.config.document import kind_of
from cobot.config.settings import NoSettings
from cobot.config.structure import as_mapping, structure
from cobot.context import Context
from cobot.errors import ConfigError, PluginError, first_line, nearest
from cobot.hookspecs import PROJECT
from cobot.plugins.discovery import Candidate
from cobot.plugins.refusals import is_channel, unmarked
from cobot.plugins.registry import Plugin, Plugins
from cobot.plugins.threads import ThreadPool

log = logging.getLogger(__name__)

KNOWN = ("telegram", "discord", "slack", "nostr")
"""Channels of this project that come as distributions of their own, `cobot-NAME`."""

MakeContext = Callable[[str, ThreadPool], Context]


@attrs.define
class Report:
    """What became of one plugin, as `cobot plugins` shows it."""

    name: str
    """The section's name, or the entry point's where there is no section."""
    distribution: str = ""
    """Where it comes from."""
    version: str = ""
    """The distribution's version."""
    state: Literal["enabled", "installed", "blocked", "broken"] = "installed"
    """`installed`: there, but no section enables it."""
    reason: str = ""
    """Why it is broken, in one line."""
    hooks: list[str] = attrs.field(factory=list)
    """The hooks it implements; empty for what was not imported."""


class _NotConfigured(Exception):
    """The configuration is at fault; the problems are noted in its document."""


class Loader:
    """Loads plugins one by one, so that a broken one stops no other."""

    def __init__(
        self,
        configuration: Configuration,
        candidates: Mapping[str, Candidate],
        make_context: MakeContext,
    ) -> None:
        self.plugins = Plugins()
        self.reports: dict[str, Report] = {}
        self.failures: list[str] = []  # of plugins that are broken, a line each
        self._configuration = configuration
        self._candidates = candidates
        self._make_context = make_context

    def load(self, section: Section) -> Plugin | None:
        """Import, build and register the plugin of a section.

        Returns:
            The plugin; None if it cannot be had. Then its report has the reason, and what
            is the configuration's fault is noted in the configuration.
        """
        report = self.reports[section.name] = Report(section.name)
        problems = self._configuration.problems
        before = len(problems)
        try:
            plugin = self._load(section, report)
            self.plugins.register(plugin)
        except _NotConfigured:
            report.state = "broken"
            report.reason = "; ".join(str(one) for one in problems[before:])
            return None
        except PluginError as error:
            report.state = "broken"
            report.reason = str(error)
            away = f"go on without it: -p no:{section.name}"
            said = str(error)
            self.failures.append(f"{said}{' or ' if said.endswith('?') else '; '}{away}")
            # The cause may quote settings; -v is for people who look at their own machine.
            log.debug("%s", error, exc_info=error)
            return None
        report.state = "enabled"
        report.hooks = self.plugins.hooks(section.name)
        return plugin

    def note(self, name: str, state: Literal["installed", "blocked"]) -> None:
        """Report a plugin that is not to be loaded."""
        section = self._configuration.sections.get(name)
        candidate = self._candidates.get(section.plugin if section else name)
        self.reports[name] = Report(
            name,
            candidate.distribution if candidate else "",
            candidate.version if candidate else "",
            state,
            (candidate.conflict or "") if candidate else "",
        )

    def _load(self, section: Section, report: Report) -> Plugin:
        candidate = self._candidates.get(section.plugin)
        if candidate is None:
            self._problem(section, self._not_installed(section))
        report.distribution = candidate.distribution
        report.version = candidate.version
        if candidate.conflict:
            raise PluginError(candidate.conflict)
        source = _imported(section, candidate)
        # Before the settings: what is wrong with a channel's hooks makes it look like none.
        faults = unmarked(source)
        if faults:
            raise PluginError(f"plugin {section.name!r}: {'; '.join(faults)}")
        core, settings = self._settings(section, source)
        threads = ThreadPool(section.name, core.sync_threads)
        if isinstance(source, ModuleType):
            instance: Any = source
            context = None
        else:
            context = self._make_context(section.name, threads)
            instance = self._built(section, source, settings, context)
        return Plugin(
            section.name,
            instance,
            core,
            context,
            report.distribution,
            report.version,
            working=threads,
        )

    def _built(
        self, section: Section, source: type, settings: object, context: Context
    ) -> object:
        try:
            inspect.signature(source).bind(settings, context)
        except TypeError as error:
            raise PluginError(
                f"plugin {section.name!r}: {source.__name__} is built with (settings, context),"
                f" but its constructor says: {error}"
            ) from None
        try:
            return source(settings, context)
        except ConfigError as error:
            for problem in error.problems:
                self._configuration.document.problem(section.path, problem.detail)
            log.debug("plugin %r refuses its settings", section.name, exc_info=error)
            raise _NotConfigured from error
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"plugin {section.name!r} cannot be built: {first_line(error)}"
            ) from error

    def _settings(self, section: Section, source: Any) -> tuple[PluginSettings, object]:
        document = self._configuration.document
        problems = len(document.problems)
        value = document.expand(section.value, section.path)
        shorthand = getattr(source, "shorthand", None)
        mapping = as_mapping(value)
        if mapping is None and shorthand is not None:
            mapping = {shorthand: value}
        if mapping is None:
            self._problem(section, f"expected keys with values, got {kind_of(value)}")
        if not mapping and shorthand is not None:
            self._problem(section, f"says not enough; write {source.usage}")
        in_plugins = section.path[0] == "plugins"
        core_cls = ChannelSettings if is_channel(source) else PluginSettings
        core_names = {field.name for field in attrs.fields(core_cls)}
        cls = (
            NoSettings if isinstance(source, ModuleType) else getattr(source, "Settings", None)
        )
        for_core = {key: mapping[key] for key in mapping if key in core_names}
        settings: object = {key: mapping[key] for key in mapping if key not in core_names}
        core = structure(document, section.path, for_core, core_cls)
        if cls is not None:
            _check_settings_class(section, cls, core_names)
            settings = structure(
                document,
                section.path,
                settings,
                cls,
                known=[*core_names, *(("plugin", "enabled") if in_plugins else ())],
            )
        if core is None or settings is None or len(document.problems) > problems:
            raise _NotConfigured
        return core, settings

    def _problem(self, section: Section, detail: str) -> NoReturn:
        self._configuration.document.problem(section.path, detail)
        raise _NotConfigured

    def _not_installed(self, section: Section) -> str:
        name = section.plugin
        said = f"no plugin called {name!r} is installed"
        hint = nearest(name, [*self._candidates, *KNOWN]).removeprefix("; ")
        if name in KNOWN:
            hint = f"pip install cobot-{name}"
        elif _is_installed(f"cobot-{name}"):
            hint = f"cobot-{name} is, but it has no entry point {name!r} in group {PROJECT!r}"
        elif not hint:
            hint = f"install the distribution that has it, perhaps cobot-{name}"
        if section.path[0] in ("agent", "--agent"):
            if isinstance(section.value, str):
                hint = f"for a function of yours write function:{name}:{section.value}"
            return f"{said}; {hint}"
        away = f"go on without it: -p no:{section.name}"
        if str(section.path[0]).startswith("-"):
            away = f"leave out {section.path[0]}"
        return f"{said}; {hint}{' ' if hint.endswith('?') else ', '}or {away}"


def _is_installed(distribution_name: str) -> bool:
    try:
        distribution(distribution_name)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _imported(section: Section, candidate: Candidate) -> Any:
    (entry_point,) = candidate.entry_points
    try:
        source = entry_point.load()
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"plugin {section.name!r} ({candidate.distribution}) cannot be imported:"
            f" {first_line(error)}"
        ) from error
    if not isinstance(source, type | ModuleType):
        raise PluginError(
            f"plugin {section.name!r}: its entry point {entry_point.value!r} names neither a"
            " class nor a module"
        )
    return source


def _check_settings_class(section: Section, cls: Any, core_names: set[str]) -> None:
    if not (isinstance(cls, type) and attrs.has(cls)):
        raise PluginError(
            f"plugin {section.name!r}: its Settings is no attrs class; put @attrs.frozen on it"
        )
    clash = sorted(core_names & {field.alias or field.name for field in attrs.fields(cls)})
    if clash:
        raise PluginError(
            f"plugin {section.name!r}: its Settings has {', '.join(clash)}, which is a key of"
            " the core; rename it"
        )
