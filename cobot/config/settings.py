"""The core's own keys of `cobot.yml`. Times are seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import attrs


def _between(least: float, most: float | None = None) -> Any:
    def check(_settings: object, _field: object, value: float) -> None:
        if value < least or (most is not None and value > most):
            span = f"{least} or more" if most is None else f"{least} to {most}"
            raise ValueError(f"expected {span}, got {value:g}")

    return check


@attrs.frozen
class NoSettings:
    """For a plugin that has no settings of its own: any key is an error."""


@attrs.frozen(kw_only=True)
class AccessSettings:
    """Who may talk to the bot."""

    direct: Literal["open"]
    """`open`: everybody. What else the design has is not built yet."""


@attrs.frozen(kw_only=True)
class PluginSettings:
    """The core's keys in every plugin's section, besides `plugin` and `enabled`."""

    sync_threads: int = attrs.field(default=8, validator=_between(1, 1000))
    """How many threads run the plugin's plain `def` hooks, receiving apart."""


@attrs.frozen(kw_only=True)
class ChannelSettings(PluginSettings):
    """The core's keys in a channel's section, besides `plugin` and `enabled`."""

    access: AccessSettings | None = None
    """Who may talk to the bot on this channel."""
    poll_interval: float = attrs.field(default=1.0, validator=_between(0))
    """Wait between two calls of a receiver that had nothing."""


@attrs.frozen(kw_only=True)
class SessionSettings:
    """The section `plugins.session`."""

    default_channel: str | None = None
    """The channel that broadcasts, and sends without a channel, go to."""


@attrs.frozen(kw_only=True)
class LogSettings:
    """The section `log`."""

    format: Literal["text", "json"] = "text"
    """One line of text, or one JSON object, for each record."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""


@attrs.frozen(kw_only=True)
class TopSettings:
    """The top level of the file, besides `plugins` and `agent`."""

    access: AccessSettings | None = None
    """Who may talk to the bot, on every channel that does not say itself."""
    log: LogSettings = LogSettings()
    """What is logged, and how."""
    stop_timeout: float = attrs.field(default=10.0, validator=_between(0))
    """How long a stop may take to finish what runs."""
    workspace: Path | None = None
    """Where the session keeps its files; a relative one starts at the file's folder."""


TOP_NOT_BUILT = ("identities", "journal")
SESSION_NOT_BUILT = (
    "typing_after",
    "agent_timeout",
    "agent_tries",
    "call_timeout",
    "send_tries",
    "send_age",
    "failure_text",
)
SECTION_NOT_BUILT = ("scope", "busy", "history", "max_age", "default", "rate", "resend")
ACCESS_NOT_BUILT = ("allow", "groups", "mention", "bots", "flood", "policy")
"""Keys that the design has and this version has not: an error says so."""
