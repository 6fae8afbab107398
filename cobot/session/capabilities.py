"""What each channel can do, and within which limits."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Literal, TypeAlias

from cobot.errors import ChannelError, HookFailed, PluginError, Unsupported, shown
from cobot.hookspecs import DEGRADABLE, OPERATIONS
from cobot.limits import Limits
from cobot.plugins import Plugins

Ability: TypeAlias = Literal["native", "degraded", "absent"]

log = logging.getLogger(__name__)

NO_LIMITS = Limits()


class Capabilities:
    """Answers from the plugins' hooks, never from what a call returned."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins

    def has(self, channel: str, operation: str) -> bool:
        """Tell whether a channel, or an interceptor for it, does an operation itself."""
        hook = OPERATIONS[operation]
        if self._plugins.caller(channel, hook) is not None:
            return True
        return any(
            not self._plugins[caller.plugin_name].is_channel
            for caller in self._plugins.callers(hook)
        )

    def ability(self, channel: str, operation: str) -> Ability:
        """Say how an operation is done on a channel."""
        if self._plugins.caller(channel, OPERATIONS[operation]) is not None:
            return "native"
        if operation in DEGRADABLE and self._plugins.caller(channel, "session_send"):
            return "degraded"
        return "absent"

    def require(self, channel: str, operations: Collection[str]) -> None:
        """Make sure that a channel does some operations itself.

        Raises:
            ValueError: There is no operation of a name.
            Unsupported: The channel does not do one of them itself.
        """
        for operation in operations:
            if operation not in OPERATIONS:
                known = ", ".join(OPERATIONS)
                raise ValueError(f"no operation is called {operation!r}; there are {known}")
            if not self.has(channel, operation):
                hook = OPERATIONS[operation]
                detail = f"the channel has no {hook}, and it is required"
                raise Unsupported(channel, operation, detail)

    async def limits(self, channel: str, channel_id: str | None) -> Limits:
        """Return the limits of a channel, or of a chat on it; none where it cannot tell."""
        if not self._plugins.callers("session_limits"):
            return NO_LIMITS
        try:
            done = await self._plugins.route(
                "session_limits", channel, channel_type=channel, channel_id=channel_id
            )
            if done is None or done[1] is None:
                return NO_LIMITS
            caller, limits = done
            if not isinstance(limits, Limits):
                detail = f"expected Limits, got {shown(limits)}"
                raise HookFailed(caller.plugin_name, caller.hook, detail)
        except (ChannelError, PluginError) as error:
            log.warning("%s; going on as if the channel had no limits", error)
            return NO_LIMITS
        return limits
