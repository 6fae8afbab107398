"""What a plugin is given when it is built."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

from cobot.clock import Clock
from cobot.errors import PluginError
from cobot.journal import Journal
from cobot.messages import OutgoingMessage, Receipt

if TYPE_CHECKING:
    from cobot.net import Http, Ports, Sockets, Webhooks

T = TypeVar("T")


class Sends(Protocol):
    """What a plugin may ask of the session."""

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver a message and return its receipt. See `Session.send`."""
        ...


class Health(Protocol):
    """Where a channel's reports arrive: its supervisor."""

    def alive(self) -> None:
        """Note an inbound sign of life."""

    def connected(self) -> None:
        """Note a connection, the first or a new one."""

    def degraded(self, reason: str) -> None:
        """Note that it works in part only."""

    def closed_until(self, time: datetime, channel_id: str | None = None) -> None:
        """Note that the network takes no request until a time."""

    def finished(self) -> None:
        """Note that nothing more will ever arrive."""


@attrs.define(eq=False)
class Context:
    """The world of one plugin: its name, its log, time, chance, folders, the session."""

    name: str
    """The section's name; for a channel its `channel_type`."""
    log: logging.Logger
    """The plugin's own logger. It must never be given a secret."""
    clock: Clock
    """Time. Use it instead of `time` and `datetime.now`."""
    random: Random
    """Chance. Use it instead of the module `random`."""
    _workspace: Callable[[str], Path] = attrs.field(alias="workspace")
    _in_thread: Callable[..., Awaitable[Any]] = attrs.field(alias="in_thread")
    _session: Sends | None = attrs.field(default=None, alias="session")
    _health: Health | None = attrs.field(default=None, alias="health")
    _redact: Callable[[str], str] = attrs.field(default=str, alias="redact")
    _http: Http | None = attrs.field(default=None, init=False)
    _sockets: Sockets | None = attrs.field(default=None, init=False)
    _webhooks: Webhooks | None = attrs.field(default=None, init=False)
    _journal: Journal | None = attrs.field(default=None, alias="journal")
    _ports: Callable[[], Ports] | None = attrs.field(default=None, alias="ports")

    def workspace(self, purpose: str) -> Path:
        """Return the workspace's folder for a purpose (`media`, `cache`); made if missing."""
        return self._workspace(purpose)

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that blocks in one of the plugin's own threads."""
        result: T = await self._in_thread(function, *arguments)
        return result

    @property
    def http(self) -> Http:
        """The plugin's own HTTP connections, made on first use and closed after `cobot_stop`.

        Secrets of the configuration are taken out of what goes into errors.

        Raises:
            PluginError: The extra `cobot-core[net]` is not installed.
        """
        if self._http is None or self._http.closed:
            self._http = self._of_net("Http")(self.name, redact=self._redact)
        return self._http

    @property
    def sockets(self) -> Sockets:
        """What opens the plugin's WebSockets. Who opens one closes it, by leaving its block.

        Secrets of the configuration are taken out of what goes into errors.

        Raises:
            PluginError: The extra `cobot-core[net]` is not installed.
        """
        if self._sockets is None:
            sockets = self._of_net("Sockets")
            self._sockets = sockets(self.name, clock=self.clock, redact=self._redact)
        return self._sockets

    @property
    def webhooks(self) -> Webhooks:
        """What opens the plugin's webhooks. Who listens stops, by leaving its block.

        Plugins of one session may share a port. Secrets of the configuration are taken out
        of what goes into errors.

        Raises:
            PluginError: The extra `cobot-core[net]` is not installed.
        """
        if self._webhooks is None:
            self._webhooks = self._of_net("Webhooks")(
                self.name,
                clock=self.clock,
                ports=None if self._ports is None else self._ports(),
                redact=self._redact,
                log=self.log,
            )
        return self._webhooks

    def _of_net(self, name: str) -> Any:
        """Return a class of `cobot.net`, which is imported where somebody needs it."""
        try:
            return getattr(import_module("cobot.net"), name)
        except ModuleNotFoundError as error:
            raise PluginError(
                f"plugin {self.name!r} needs {error.name!r} for its network; install it"
                " with: pip install 'cobot-core[net]'"
            ) from error

    async def close(self) -> None:
        """Close what the plugin has used of ours. The session calls it, after `cobot_stop`."""
        if self._http is not None:
            await self._http.aclose()

    @property
    def journal(self) -> Journal:
        """The journal, for plugins that must miss nothing: see `Journal.events`.

        Raises:
            PluginError: The session does not run yet (in the constructor), or not at all.
        """
        if self._journal is None:
            raise PluginError(f"plugin {self.name!r} asked for the journal before it is open")
        return self._journal

    @property
    def session(self) -> Sends:
        """The session, for plugins that send by themselves.

        Raises:
            PluginError: The session does not run yet (in the constructor), or not at all.
        """
        if self._session is None:
            raise PluginError(f"plugin {self.name!r} asked for the session before it runs")
        return self._session

    def alive(self) -> None:
        """Report an inbound sign of life: an answered poll, a heartbeat."""
        if self._health is not None:
            self._health.alive()

    def connected(self) -> None:
        """Report a connection, the first or a new one."""
        if self._health is not None:
            self._health.connected()

    def degraded(self, reason: str) -> None:
        """Report that the channel works in part only, until it is `alive` again."""
        if self._health is not None:
            self._health.degraded(reason)

    def closed_until(self, time: datetime, channel_id: str | None = None) -> None:
        """Report that the network takes no request until a time.

        Args:
            time: Until when; aware UTC.
            channel_id: For which chat; None: for none at all.
        """
        if self._health is not None:
            self._health.closed_until(time, channel_id)

    def finished(self) -> None:
        """Report that nothing more will ever arrive, as at the end of a file.

        `session_receive` is not called again once it has returned, and what it still hands
        over is stored. When that is so for every channel that receives, the session answers
        what it has and ends. A network's end of a connection is no such thing: return
        without this, and `session_receive` is called again.
        """
        if self._health is not None:
            self._health.finished()

    def attach(self, session: Sends, journal: Journal, health: Health | None) -> None:
        """Connect the plugin to a session that is about to run. The session calls it."""
        self._session = session
        self._journal = journal
        self._health = health
