"""The codes with which the gateway closes a connection, and what follows from them. Pure.

https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from cobot import AuthFailed, ChannelError, Unreachable
from cobot_discord.errors import UNKNOWN_TO_DISCORD

FAULTS_MOST = 3
"""So many connections in a row that are closed for a fault of ours, and we give up."""


@attrs.frozen(kw_only=True)
class Ending:
    """What follows from a closed connection. As it is: the session is resumed."""

    is_new: bool = False
    """Whether a new session has to begin."""
    is_our_fault: bool = False
    """Whether we sent what cannot be understood."""
    wait_s: float | None = None
    """How long to wait at least, in seconds; None: as usual."""
    fatal: str = ""
    """Why it is in vain to try again, and what to do; empty: it is not."""

    def error(self, channel_type: str, detail: str, faults: int) -> ChannelError:
        """Return the error that it is.

        Args:
            channel_type: The section's name.
            detail: How the connection ended.
            faults: How many connections in a row were closed for a fault of ours.
        """
        if self.fatal:
            return AuthFailed(channel_type, "receive", f"{self.fatal}; {detail}")
        if faults >= FAULTS_MOST:
            blame = "the gateway does not understand us, which is a fault of cobot-discord's"
            return AuthFailed(channel_type, "receive", f"{blame}; {detail}")
        return Unreachable(channel_type, "receive", detail, retry_after_s=self.wait_s)


RESUMED = Ending()
_NEW = Ending(is_new=True)
_FAULT = Ending(is_our_fault=True)

_ENDINGS: Mapping[int, Ending] = {
    4001: _FAULT,
    4002: _FAULT,
    4003: _NEW,
    4004: Ending(fatal=UNKNOWN_TO_DISCORD),
    4005: _NEW,
    4007: _NEW,
    4008: Ending(wait_s=10.0),
    4009: _NEW,
    4010: Ending(fatal="the shard is not valid"),
    4011: Ending(fatal="the bot is in too many servers for one connection, and has only one"),
    4012: Ending(fatal="Discord no longer speaks this version; update cobot-discord"),
    4013: Ending(fatal="an intent is not known any more; update cobot-discord"),
    4014: Ending(
        fatal=(
            "the bot may not see what messages say: switch on Message Content Intent in the"
            " developer portal (Bot, Privileged Gateway Intents)"
        )
    ),
}


def ending_of(code: int | None) -> Ending:
    """Return what follows from a code; None: the connection broke, or we closed it."""
    return RESUMED if code is None else _ENDINGS.get(code, RESUMED)
