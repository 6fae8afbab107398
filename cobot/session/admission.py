"""Whether a message is answered: what plugins say, and the built-in policy."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cobot.errors import ChannelError, HookFailed, PluginError, shown
from cobot.hookspecs import Refuse
from cobot.messages import IncomingMessage
from cobot.plugins import Caller, Plugins
from cobot.session.access import Decision, Gate

log = logging.getLogger(__name__)

ADMITTED = Decision("accepted", None)


class Admission:
    """Asks every plugin that has `session_admit`, and the channel's gate."""

    def __init__(self, plugins: Plugins, gate: Gate, policy: str | None) -> None:
        """Put the two together.

        Args:
            plugins: Who is asked.
            gate: The built-in policy of one channel.
            policy: The plugin that decides alone; None: all of them, and the gate.
        """
        self._plugins = plugins
        self._gate = gate
        self._policy = policy

    async def decide(self, message: IncomingMessage) -> Decision:
        """Decide about one message."""
        callers = self._callers()
        if self._policy is not None and not callers:
            # Without the one who keeps the door it stays shut.
            return Decision("refused", f"nobody decides: {self._policy!r} has no session_admit")
        for caller in callers:
            reason = await self._refusal(caller, message)
            if reason is not None:
                return Decision("refused", f"{reason} ({caller.plugin_name})")
        return ADMITTED if self._policy is not None else self._gate.decide(message)

    def _callers(self) -> Sequence[Caller]:
        if self._policy is None:
            return self._plugins.callers("session_admit")
        caller = self._plugins.caller(self._policy, "session_admit")
        return () if caller is None else (caller,)

    async def _refusal(self, caller: Caller, message: IncomingMessage) -> str | None:
        """Return why a plugin refuses a message; None if it does not."""
        try:
            answer = await caller(message=message)
            if answer is None:
                return None
            if isinstance(answer, Refuse):
                return answer.reason
            detail = f"expected Refuse or None, got {shown(answer)}"
            raise HookFailed(caller.plugin_name, caller.hook, detail)
        except (ChannelError, PluginError) as error:
            # Who keeps a door and falls over has not opened it.
            log.warning("%s; the message is refused", error)
            return "its session_admit failed"
