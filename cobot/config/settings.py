"""The core's own keys of `cobot.yml`. Times are seconds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import attrs

from cobot.config.values import Id

DAY_S = 86_400.0
YEAR_S = 365 * DAY_S
"""The most that a time may be: what is longer is a slip, and overflows calendars."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S*")


def _between(least: float, most: float | None = None) -> Any:
    def check(_settings: object, _field: object, value: float) -> None:
        if value < least or (most is not None and value > most):
            span = f"{least} or more" if most is None else f"{least:.10g} to {most:.10g}"
            raise ValueError(f"expected {span}, got {value:g}")

    return check


def _above(least: float, most: float) -> Any:
    def check(_settings: object, _field: object, value: float) -> None:
        if not value > least:
            raise ValueError(f"expected more than {least:g}, got {value:g}")
        if value > most:
            raise ValueError(f"expected at most {most:.10g}, got {value:g}")

    return check


def _no_blank_text(_settings: object, _field: object, value: str) -> None:
    # No network takes it, so it would be a dead letter each time.
    if value and not value.strip():
        raise ValueError("expected text, or '' for no message at all; got only spaces")


def _is_url(_settings: object, _field: object, value: str) -> None:
    if not _URL.fullmatch(value):  # not quoted: it may hold a password
        raise ValueError("expected a URL such as 'sqlite:', which is a file in the workspace")


def _is_built(_settings: object, _field: object, value: str) -> None:
    if value in BUSY_NOT_BUILT:
        raise ValueError(f"{value!r} is not built yet in this version; only 'queue' is")


@attrs.frozen
class NoSettings:
    """For a plugin that has no settings of its own: any key is an error."""


@attrs.frozen(kw_only=True)
class FloodSettings:
    """How much one person may write: more is stored as refused."""

    messages: int = attrs.field(validator=_between(1))
    """How many messages are taken ..."""
    seconds: float = attrs.field(validator=_above(0, YEAR_S))
    """... in this time."""


@attrs.frozen(kw_only=True)
class AccessKeys:
    """One section `access` as it is written; None for a key that is not.

    A channel's own keys win over the top level's one by one: `effective_access` joins both.
    """

    direct: Literal["pairing", "allow", "open", "closed"] | None = None
    allow: tuple[Id, ...] | None = None
    groups: Literal["listed", "open", "closed"] | None = None
    mention: bool | None = None
    bots: bool | None = None
    flood: FloodSettings | Literal["off"] | None = None
    policy: str | None = None


@attrs.frozen(kw_only=True)
class AccessSettings:
    """Who may talk to the bot on one channel: the keys that are written, and the defaults."""

    direct: Literal["pairing", "allow", "open", "closed"] = "pairing"
    """Direct chats: who brings a code that the owner admits, who is in `allow`, all, none."""
    allow: tuple[Id, ...] = ()
    """Ids of people who may talk, and of chats that count as listed; under pairing too."""
    groups: Literal["listed", "open", "closed"] = "listed"
    """Groups: those in the channel's own settings, all, none."""
    mention: bool = True
    """Whether in groups only what names the bot, or replies to it, is answered."""
    bots: bool = False
    """Whether other bots are answered."""
    flood: FloodSettings | None = None
    """How much one person may write; None: no limit."""
    policy: str | None = None
    """The plugin that decides alone, in place of all of the above."""


def effective_access(top: AccessKeys | None, own: AccessKeys | None) -> AccessSettings:
    """Return what holds on a channel: its own keys, else the top level's, else the defaults.

    Args:
        top: The file's `access`; None if there is none.
        own: The one in the channel's section; None if there is none.
    """
    written: dict[str, Any] = {}
    for keys in (top, own):
        if keys is not None:
            every = attrs.asdict(keys, recurse=False)
            written |= {key: value for key, value in every.items() if value is not None}
    if written.get("flood") == "off":
        written["flood"] = None
    return AccessSettings(**written)


@attrs.frozen(kw_only=True)
class RateSettings:
    """How fast a channel sends, in messages a second."""

    channel: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_above(0, 1e6))
    )
    """All of it together; None: as the channel's own limits say."""
    address: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_above(0, 1e6))
    )
    """To one chat or thread; None: as the channel's own limits say."""


@attrs.frozen(kw_only=True)
class PluginSettings:
    """The core's keys in every plugin's section, besides `plugin` and `enabled`."""

    sync_threads: int = attrs.field(default=8, validator=_between(1, 1000))
    """How many threads run the plugin's plain `def` hooks, receiving apart."""


@attrs.frozen(kw_only=True)
class ChannelSettings(PluginSettings):
    """The core's keys in a channel's section, besides `plugin` and `enabled`."""

    access: AccessKeys | None = None
    """Who may talk to the bot on this channel; see `effective_access`."""
    scope: Literal["chat", "sender"] = "chat"
    """What a conversation is: a chat (or thread), or one person in it."""
    busy: Literal["queue", "merge", "interrupt"] = attrs.field(
        default="queue", validator=_is_built
    )
    """What becomes of a message while its conversation has a turn: it waits (`queue`)."""
    history: Literal["addressed", "all"] = "addressed"
    """Whether what was not meant for the bot enters history too."""
    max_age: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_above(0, 100 * YEAR_S))
    )
    """Messages older than this enter history and are not answered; None: all are."""
    default: Id | None = None
    """The chat for broadcasts; None: as the channel's `session_default_target` says."""
    rate: RateSettings | Literal["off"] | None = None
    """How fast it sends; `off`: no limit; None (not written): the channel's own limits."""
    resend: Literal["resend", "dead-letter"] = "resend"
    """What becomes of a send that may have arrived, where the network cannot tell."""
    poll_interval: float = attrs.field(default=1.0, validator=_between(0))
    """Wait between two calls of a receiver that had nothing."""


@attrs.frozen(kw_only=True)
class SessionSettings:
    """The section `plugins.session`."""

    default_channel: str | None = None
    """The channel that broadcasts, and sends without a channel, go to."""
    typing_after: float = attrs.field(default=0.3, validator=_between(0, YEAR_S))
    """How long a reply takes before "is typing" is shown."""
    agent_timeout: float = attrs.field(default=300.0, validator=_above(0, YEAR_S))
    """How long a turn of the agent may take; longer is a failed try."""
    agent_tries: int = attrs.field(default=3, validator=_between(1, 1000))
    """How often a message is given to the agent before it is a dead letter."""
    call_timeout: float = attrs.field(default=60.0, validator=_above(0, YEAR_S))
    """How long a channel's operation may take; then nobody knows whether it happened."""
    send_tries: int = attrs.field(default=8, validator=_between(1, 1_000_000))
    """How often a send is tried at least before it is a dead letter ..."""
    send_age: float = attrs.field(default=3600.0, validator=_between(0, YEAR_S))
    """... and how old it is at least by then."""
    failure_text: str = attrs.field(
        default="Sorry, I could not answer that.", validator=_no_blank_text
    )
    """What a person is told whose message the agent failed to answer; empty: nothing."""


@attrs.frozen(kw_only=True)
class LogSettings:
    """The section `log`."""

    format: Literal["text", "json"] = "text"
    """One line of text, or one JSON object, for each record."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""


@attrs.frozen(kw_only=True)
class JournalSettings:
    """The section `journal`; text in its place is its `url`."""

    url: str = attrs.field(default="sqlite:", validator=_is_url, repr=False)
    """Where it is; `sqlite:` is the workspace's own file."""
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    """`FULL` survives a power failure; with `NORMAL` the last moments before one may go."""
    dedupe_days: float = attrs.field(default=30.0, validator=_between(1, 36_500))
    """How long a message that comes again is known as one that was there, in days."""
    keep_days: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(_above(0, 36_500))
    )
    """How long history is kept, in days; None: for ever."""


@attrs.frozen(kw_only=True)
class TopSettings:
    """The top level of the file, besides `plugins` and `agent`."""

    access: AccessKeys | None = None
    """Who may talk to the bot, on every channel that does not say itself."""
    journal: JournalSettings = JournalSettings()
    """Where and how messages are kept."""
    log: LogSettings = LogSettings()
    """What is logged, and how."""
    stop_timeout: float = attrs.field(default=10.0, validator=_between(0))
    """How long a stop may take to finish what runs."""
    workspace: Path | None = None
    """Where the session keeps its files; a relative one starts at the file's folder."""


TOP_NOT_BUILT = ("identities",)
BUSY_NOT_BUILT = ("merge", "interrupt")
"""Keys and values that the design has and this version has not: an error says so."""
