"""`cobot.yml`: finding it, reading it, and what the core itself wants of it.

What a plugin wants of its section is read when the plugin is loaded: only then is its
`Settings` class known, and the variables of a section that is switched off are never looked
up.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import attrs

from cobot.config.document import Document, Expanded, KeyPath, kind_of
from cobot.config.settings import (
    TOP_NOT_BUILT,
    AccessKeys,
    AccessSettings,
    ChannelSettings,
    FloodSettings,
    JournalSettings,
    PluginSettings,
    RateSettings,
    SessionSettings,
    TopSettings,
    effective_access,
)
from cobot.config.structure import as_mapping, structure, unknown_key
from cobot.config.values import Id, Secret
from cobot.errors import ConfigError, Problem, nearest

__all__ = [
    "SESSION",
    "AccessKeys",
    "AccessSettings",
    "ChannelSettings",
    "Configuration",
    "FloodSettings",
    "Id",
    "JournalSettings",
    "PluginSettings",
    "RateSettings",
    "Secret",
    "Section",
    "SessionSettings",
    "TopSettings",
    "configure",
    "effective_access",
    "find",
    "parse_agent",
]

FILE_NAME = "cobot.yml"
SESSION = "session"
"""The one key below `plugins` that is no plugin: the session's own settings."""


@attrs.frozen
class Section:
    """What the file says about one plugin."""

    name: str
    """The plugin's name in this configuration; a channel's `channel_type`."""
    plugin: str
    """The entry point it comes from; the same as `name` unless `plugin:` says otherwise."""
    path: KeyPath
    """The way to it in the file."""
    value: Any = None
    """Its settings as they stand, variables not yet looked up."""
    enabled: bool = True
    """Whether it is to be loaded."""


@attrs.define(eq=False)
class Configuration:
    """A configuration file as the core reads it. Problems gather in `document`."""

    document: Document
    """The file, its lines, and the problems found so far."""
    top: TopSettings = attrs.field(factory=TopSettings)
    """The top level's own keys."""
    session: SessionSettings = attrs.field(factory=SessionSettings)
    """The section `plugins.session`."""
    sections: dict[str, Section] = attrs.field(factory=dict)
    """Each plugin's section, in the file's order."""
    agent: Section | None = None
    """The agent that is asked for; None where the file leaves it open."""

    @property
    def problems(self) -> list[Problem]:
        """Everything wrong that was found so far."""
        return self.document.problems


def find(option: str | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    """Return the configuration file: `-c`, `$COBOT_CONFIG`, or `cobot.yml` in the folder.

    What was named must exist; `cobot.yml` may be missing, and then the answer is None.

    Raises:
        ConfigError: `-c` names nothing.
    """
    if option is not None:
        if not option:
            raise ConfigError(Problem("-c", "the name is empty; name a file"))
        return Path(option)
    named = environ.get("COBOT_CONFIG")
    if named:
        return Path(named)
    here = folder / FILE_NAME
    # A dangling link is a mistake to report, not a missing file.
    return Path(FILE_NAME) if here.exists() or here.is_symlink() else None


def parse_agent(text: str) -> str | dict[str, Any]:
    """Read what `--agent` takes: NAME, function:MODULE:NAME or command:WORDS.

    Raises:
        ValueError: A quotation mark in WORDS is not closed.
    """
    kind, colon, rest = text.partition(":")
    if not colon:
        return text
    return {kind: shlex.split(rest) if kind == "command" else rest}


def configure(
    document: Document,
    *,
    enable: Collection[str] = (),
    block: Collection[str] = (),
    agent: str | dict[str, Any] | None = None,
) -> Configuration:
    """Read what the core itself wants of a configuration.

    Args:
        document: The file, or an empty document.
        enable: Names of plugins to enable besides those with a section (`-p NAME`).
        block: Names of plugins to leave out (`-p no:NAME`).
        agent: What stands in for the file's `agent:`.

    Returns:
        The configuration; what is wrong with it has been noted in its document.
    """
    configuration = Configuration(document)
    known = [field.name for field in attrs.fields(TopSettings)]
    values = dict(document.value)
    plugins = values.pop("plugins", {})
    asked = values.pop("agent", None)
    for key in list(values):
        if key in TOP_NOT_BUILT:
            document.problem((key,), "is not built yet in this version; remove it")
            del values[key]
        elif key not in known:
            document.problem((key,), unknown_key(key, [*known, "plugins", "agent"]))
            del values[key]
    _drop_worded_access(document, values, ())
    configuration.top = _top(document, values) or configuration.top
    _read_plugins(configuration, plugins, enable, block)
    if agent is not None:
        configuration.agent = _read_agent(configuration, agent, ("--agent",))
    elif "agent" in document.value:
        configuration.agent = _agent_of_file(configuration, asked)
    return configuration


def _agent_of_file(configuration: Configuration, asked: Any) -> Section | None:
    path = ("agent",)
    if isinstance(asked, str):
        text = configuration.document.expand(asked, path)
        try:
            asked = parse_agent(text)
        except ValueError as error:  # the text may hold a secret, and is not quoted
            configuration.document.problem(path, f"cannot be split into words: {error}")
            return None
    return _read_agent(configuration, asked, path)


def _read_plugins(
    configuration: Configuration, plugins: Any, enable: Collection[str], block: Collection[str]
) -> None:
    document = configuration.document
    if not isinstance(plugins, dict):
        detail = f"expected a section for each plugin, got {kind_of(plugins)}"
        document.problem(("plugins",), detail)
        plugins = {}
    for name, value in plugins.items():
        if name == SESSION:
            configuration.session = _session(document, value)
        else:
            configuration.sections[name] = _section(
                document, name, value, blocked=name in block, asked=name in enable
            )
    for name in enable:
        path = (f"-p {name}",)
        if name == SESSION:
            document.problem(path, "the session is no plugin; it is always there")
        elif not name:
            document.problem(("-p",), "the name is empty; name a plugin")
        elif name not in configuration.sections:
            section = Section(name, name, path, enabled=name not in block)
            configuration.sections[name] = section
    default = configuration.session.default_channel
    if default is not None and default not in configuration.sections:
        document.problem(
            ("plugins", SESSION, "default_channel"),
            f"no section below 'plugins' is called {default!r}"
            + (nearest(default, configuration.sections) or "; add one, if only 'NAME: {}'"),
        )


def _top(document: Document, values: dict[str, Any]) -> TopSettings | None:
    if isinstance(values.get("journal"), str):
        values["journal"] = {"url": values["journal"]}
    top = structure(document, (), document.expand(values, ()), TopSettings)
    if top is not None and (password := _password(top.journal.url)):
        document.secrets.append(Secret(password))
    return top


def _password(url: str) -> str | None:
    """Return the password in a URL, as it is written there; None if there is none."""
    _, _, rest = url.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    return user.partition(":")[2] or None if at else None


def _session(document: Document, value: Any) -> SessionSettings:
    path = ("plugins", SESSION)
    mapping = as_mapping(value)
    if mapping is None:
        document.problem(path, f"expected keys with values, got {kind_of(value)}")
        return SessionSettings()
    return structure(document, path, document.expand(mapping, path), SessionSettings) or (
        SessionSettings()
    )


def _section(
    document: Document, name: str, value: Any, *, blocked: bool, asked: bool
) -> Section:
    path = ("plugins", name)
    section = Section(name, name, path, value, enabled=not blocked)
    if blocked or not isinstance(value, dict):
        return section
    own = dict(value)
    enabled = document.expand(own.pop("enabled", True), (*path, "enabled"))
    if isinstance(enabled, Expanded) and enabled in ("true", "false"):
        enabled = enabled == "true"
    if not isinstance(enabled, bool):
        document.problem((*path, "enabled"), f"expected true or false, got {kind_of(enabled)}")
        enabled = True  # so that what else is wrong is found too
    enabled = enabled or asked
    plugin = own.pop("plugin", name)
    if enabled:
        plugin = document.expand(plugin, (*path, "plugin"))
    if not isinstance(plugin, str):
        document.problem((*path, "plugin"), f"expected text, got {kind_of(plugin)}")
        plugin = name
    if enabled:
        _drop_worded_access(document, own, path)
    return attrs.evolve(section, plugin=plugin, value=own, enabled=enabled)


def _drop_worded_access(document: Document, section: dict[str, Any], path: KeyPath) -> None:
    """Say how `access: open`, the likeliest slip, is written."""
    access = section.get("access")
    if isinstance(access, str):
        detail = f"expected keys with values, got {kind_of(access)}; write {{direct: open}}"
        document.problem((*path, "access"), detail)
        del section["access"]


def _read_agent(configuration: Configuration, value: Any, path: KeyPath) -> Section | None:
    document = configuration.document
    if isinstance(value, str) and value:
        value = str(value)
        return configuration.sections.get(value) or Section(value, value, path)
    if not isinstance(value, dict) or len(value) != 1:
        got = f"{len(value)} names" if isinstance(value, dict) else kind_of(value)
        document.problem(path, f"expected NAME or {{NAME: settings}}, got {got}")
        return None
    ((name, settings),) = value.items()
    if name in configuration.sections and settings is not None:
        document.problem(
            (*path, name), f"has settings here and in plugins.{name}; keep one of the two"
        )
    inner = path if path == ("--agent",) else (*path, name)
    return Section(name, name, inner, settings)
