"""The plugins that are loaded, and who is asked, in which order, for each hook."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
import pluggy

from cobot.config.settings import ChannelSettings, PluginSettings
from cobot.context import Context
from cobot.errors import (
    ChannelError,
    HookFailed,
    PluginError,
    Remedy,
    UnknownChannel,
    first_line,
    shown,
)
from cobot.hookspecs import DROP, PROJECT, SPECS, WORKING
from cobot.messages import IncomingMessage, OutgoingMessage
from cobot.plugins.calling import Caller, is_async
from cobot.plugins.observing import Observer
from cobot.plugins.refusals import is_channel, refusals
from cobot.plugins.threads import ThreadPool

log = logging.getLogger(__name__)

M = TypeVar("M", IncomingMessage, OutgoingMessage)

PRIORITY = 25
CHANNEL_PRIORITY = 30
"""Start order of a plugin that names none: lower starts first."""


@attrs.define(eq=False)
class Plugin:
    """A plugin that was built and may be registered."""

    name: str
    """Its name in this configuration; a channel's `channel_type`."""
    instance: Any
    """The object or module with the hookimpls."""
    settings: PluginSettings = attrs.field(factory=PluginSettings)
    """The core's keys of its section."""
    context: Context | None = None
    """What it was built with; None for a module."""
    distribution: str = ""
    """Where it comes from."""
    version: str = ""
    """The distribution's version."""
    is_channel: bool = attrs.field(init=False)
    """Whether it is a channel."""
    observer: Observer = attrs.field(init=False)
    """Its queue of observations."""
    receiving: ThreadPool = attrs.field(init=False)
    """The thread of a plain `def session_receive`."""
    bracketing: ThreadPool = attrs.field(init=False)
    """The thread of its plain `def` start and stop: a stop must not wait behind other calls."""
    working: ThreadPool = attrs.field()
    """The threads of its other plain `def` hooks that work."""

    def __attrs_post_init__(self) -> None:
        self.is_channel = is_channel(self.instance)
        self.observer = Observer(self.name)
        self.receiving = ThreadPool(f"{self.name}-receive", 1)
        self.bracketing = ThreadPool(f"{self.name}-bracket", 1)

    @working.default
    def _own_threads(self) -> ThreadPool:
        return ThreadPool(self.name, self.settings.sync_threads)

    @property
    def priority(self) -> int:
        """When it starts: lower is earlier."""
        default = CHANNEL_PRIORITY if self.is_channel else PRIORITY
        return int(getattr(self.instance, "priority", default))

    @property
    def poll_interval_s(self) -> float:
        """Wait between two calls of a receiver that had nothing, in seconds."""
        settings = self.settings
        channel = settings if isinstance(settings, ChannelSettings) else ChannelSettings()
        return channel.poll_interval


@attrs.frozen
class Verdict:
    """What a chain of filters made of a message."""

    message: Any
    """The message as it left the chain."""
    dropped_by: str | None = None
    """The plugin that dropped it."""
    refused_by: str | None = None
    """The plugin that failed and fails closed."""


@attrs.frozen
class _Callers:
    """All callers, by how they are asked for. Never changed, only replaced as a whole."""

    by_hook: Mapping[str, tuple[Caller, ...]] = attrs.field(factory=dict)
    by_plugin: Mapping[tuple[str, str], Caller] = attrs.field(factory=dict)
    interceptors: Mapping[str, tuple[Caller, ...]] = attrs.field(factory=dict)


class Plugins:
    """The loaded plugins.

    Callers are kept per plugin and hook. They are made from `HookCaller.get_hookimpls()`
    each time a plugin comes or goes, all of them, in one place, and replaced whole: a caller
    can reach no plugin but its own. (`PluginManager.subset_hook_caller` keeps what it leaves
    out, so it would leak to plugins registered later, and it looks through all
    implementations of a hook at every call.)
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        for spec in SPECS:
            self._manager.add_hookspecs(spec)
        self._plugins: dict[str, Plugin] = {}
        self._callers = _Callers()

    def register(self, *plugins: Plugin) -> None:
        """Add plugins.

        Raises:
            PluginError: One cannot be registered; none of them was. The text says why.
        """
        there = list(self._plugins.values())
        for plugin in plugins:
            faults = refusals(plugin.instance)
            for other in there:
                if other.name == plugin.name:
                    faults.append("another plugin has this name; rename its section")
                elif not faults and other.instance == plugin.instance:
                    faults.append(
                        f"it is the same object as plugin {other.name!r}; only a class can"
                        " serve two sections"
                    )
            if faults:
                raise PluginError(f"plugin {plugin.name!r}: {'; '.join(faults)}")
            there.append(plugin)
        for plugin in plugins:
            self._manager.register(plugin.instance, plugin.name)
            self._plugins[plugin.name] = plugin
        self._rebuild()

    def unregister(self, name: str) -> Plugin:
        """Take a plugin out and return it."""
        plugin = self._plugins.pop(name)
        self._manager.unregister(plugin.instance)
        self._rebuild()
        return plugin

    def __getitem__(self, name: str) -> Plugin:
        return self._plugins[name]

    def __contains__(self, name: str) -> bool:
        return name in self._plugins

    @property
    def in_start_order(self) -> list[Plugin]:
        """All plugins: lower priority first, then the order in which they came."""
        return sorted(self._plugins.values(), key=lambda plugin: plugin.priority)

    @property
    def channels(self) -> list[Plugin]:
        """The channels, in start order."""
        return [plugin for plugin in self.in_start_order if plugin.is_channel]

    def require_channel(self, name: str) -> None:
        """Make sure that a channel is loaded.

        Raises:
            UnknownChannel: No channel has that name.
        """
        plugin = self._plugins.get(name)
        if plugin is None or not plugin.is_channel:
            raise UnknownChannel(name, [one.name for one in self.channels])

    def caller(self, plugin_name: str, hook: str) -> Caller | None:
        """Return one plugin's caller for a hook; None if it does not implement it."""
        return self._callers.by_plugin.get((plugin_name, hook))

    def callers(self, hook: str) -> tuple[Caller, ...]:
        """Return the callers of all plugins that implement a hook, in the order of asking."""
        return self._callers.by_hook.get(hook, ())

    def hooks(self, plugin_name: str) -> list[str]:
        """Return the names of the hooks that a plugin implements."""
        return sorted(hook for name, hook in self._callers.by_plugin if name == plugin_name)

    def timings(self) -> list[str]:
        """Say what the hooks have cost so far, a line each, for the log."""
        return [
            f"plugin {caller.plugin_name!r}: {caller.hook}: {caller.timing}"
            for callers in self._callers.by_hook.values()
            for caller in callers
            if caller.timing.calls
        ]

    def routed(self, hook: str, channel: str) -> tuple[Caller, ...]:
        """Return who is asked for an operation on a channel, in order: the channel last."""
        callers = self._callers
        own = callers.by_plugin.get((channel, hook))
        before = callers.interceptors.get(hook, ())
        return before if own is None else (*before, own)

    async def first(self, hook: str, **arguments: Any) -> tuple[Caller, Any] | None:
        """Ask one plugin after the other; return the first result that is not None."""
        for caller in self.callers(hook):
            result = await caller(**arguments)
            if result is not None:
                return caller, result
        return None

    async def route(
        self, hook: str, channel: str, /, **arguments: Any
    ) -> tuple[Caller, Any] | None:
        """Offer an operation to the interceptors, then give it to the addressed channel.

        Returns:
            Who did it and the result, which is None only from the channel itself. None if
            no interceptor took it and there is no such channel, or it has no such hook.

        Raises:
            ChannelError: As the plugin raised it.
            HookFailed: A plugin failed; the error names it.
        """
        callers = self._callers
        for caller in callers.interceptors.get(hook, ()):
            try:
                result = await caller(**arguments)
            except ChannelError as error:
                if error.remedy is Remedy.PARK:
                    # Its own credentials: that is no reason to park the channel.
                    detail = first_line(error)
                    raise HookFailed(caller.plugin_name, hook, detail) from error
                raise
            if result is not None:
                return caller, result
        own = callers.by_plugin.get((channel, hook))
        if own is None:
            return None
        return own, await own(**arguments)

    async def filter(self, hook: str, message: M) -> Verdict:
        """Send a message through the chain of filters of a hook."""
        for caller in self.callers(hook):
            try:
                result = await caller(message=message)
                if result is None:
                    continue
                if result is not DROP and not _is_same(result, message):
                    raise HookFailed(caller.plugin_name, hook, _not_a_verdict(result, message))
            except HookFailed as error:
                # It may have gone meanwhile, and then nobody vouches for the message.
                plugin = self._plugins.get(caller.plugin_name)
                closed = getattr(plugin.instance if plugin else None, "fail_closed", False)
                log.warning(
                    "%s; its filter is %s",
                    error,
                    "closed" if closed else "passed over",
                )
                log.debug("the failure in full", exc_info=error)
                if closed:
                    return Verdict(message, refused_by=caller.plugin_name)
                continue
            if result is DROP:
                return Verdict(message, dropped_by=caller.plugin_name)
            message = result
        return Verdict(message)

    def observe(self, hook: str, **arguments: Any) -> None:
        """Queue a call for every plugin that observes."""
        for caller in self.callers(hook):
            plugin = self._plugins.get(caller.plugin_name)
            if plugin is not None:
                plugin.observer.put(caller, arguments)

    def _rebuild(self) -> None:
        by_hook: dict[str, tuple[Caller, ...]] = {}
        by_plugin: dict[tuple[str, str], Caller] = {}
        interceptors: dict[str, tuple[Caller, ...]] = {}
        position = {plugin.name: at for at, plugin in enumerate(self.in_start_order)}
        for hook, specified in vars(self._manager.hook).items():
            if not isinstance(specified, pluggy.HookCaller):
                continue
            implementations = sorted(
                specified.get_hookimpls(),
                key=lambda one: (not one.tryfirst, one.trylast, position[one.plugin_name]),
            )
            callers = tuple(self._caller(hook, one) for one in implementations)
            by_hook[hook] = callers
            by_plugin.update({(one.plugin_name, hook): one for one in callers})
            interceptors[hook] = tuple(
                one for one in callers if not self._plugins[one.plugin_name].is_channel
            )
        self._callers = _Callers(by_hook, by_plugin, interceptors)

    def _caller(self, hook: str, implementation: pluggy.HookImpl) -> Caller:
        plugin = self._plugins[implementation.plugin_name]
        function = implementation.function
        threads = None
        if hook in WORKING and not is_async(function):
            threads = {
                "session_receive": plugin.receiving,
                "cobot_start": plugin.bracketing,
                "cobot_stop": plugin.bracketing,
            }.get(hook, plugin.working)
        kept = self._callers.by_plugin.get((plugin.name, hook))
        if kept is not None and (kept.function, kept.threads) == (function, threads):
            return kept  # with what it has measured so far
        return Caller(plugin.name, hook, function, implementation.argnames, threads)


def _is_same(result: object, message: IncomingMessage | OutgoingMessage) -> bool:
    if type(result) is not type(message):
        return False
    if isinstance(result, IncomingMessage) and isinstance(message, IncomingMessage):
        return result.ref == message.ref
    return True


def _not_a_verdict(result: object, message: object) -> str:
    if type(result) is type(message):
        return "it changed the message's id or address; change the content only"
    return f"expected a message, DROP or None, got {shown(result)}"
