"""Everything that cobot raises on purpose.

CobotError
├── ConfigError           the configuration is wrong; all problems at once
├── PluginError           a plugin cannot be loaded, or broke its contract
│   └── HookFailed        a hook raised something that is no ChannelError
├── UnknownChannel        a message is addressed to a channel that is not loaded
├── JournalError          the journal cannot be used
│   ├── WorkspaceInUse    another process has the workspace
│   └── OwnershipLost     somebody else owns the channel by now
└── ChannelError          the network, or the channel on its behalf, said no
    ├── AuthFailed        the credentials are refused
    ├── TokenInUse        somebody else is using this token now
    ├── RateLimited       too many requests; the network said how long to wait
    ├── ChatGone          the chat does not exist any more
    ├── Forbidden         the chat exists, but we may not do this there
    ├── MessageNotFound   the message to edit, delete or react to is gone
    ├── Rejected          the network will never take this content
    ├── Unreachable       provably nothing happened
    ├── DeliveryUnknown   it may have happened, or not
    └── Unsupported       the channel has no such operation

`cobot.messages` has one more, ChatMoved, which is an event too.

What the session does about a ChannelError is the class's `remedy`. Texts of errors are for
the owner of the bot: none is ever shown to a chat user, and none may hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import ClassVar

import attrs


def first_line(error: BaseException) -> str:
    """Return an exception's type and the first line of what it says."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001 -- a stranger's __str__
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def shown(value: object) -> str:
    """Return how a stranger's value is shown in an error: short, and without fail."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 -- a stranger's __repr__
        return f"a {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:100]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or nothing if no known word is near."""
    from difflib import get_close_matches  # most runs have no error

    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class CobotError(Exception):
    """Base of every error that cobot raises on purpose."""


@attrs.frozen
class Problem:
    """One thing that is wrong in a configuration."""

    path: str
    """Where in the configuration, as `plugins.telegram.bot_token`; empty for the whole file."""
    detail: str
    """What is wrong and what would be right, in one line."""
    source: str = ""
    """The file, or what stands for it (`--agent`)."""
    line: int | None = None
    """Line in the file, counted from 1; None if there is no file."""

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        line = ": ".join(part for part in (where, self.path, self.detail) if part)
        # One line, whatever a name or somebody's exception brought in.
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


class ConfigError(CobotError, ValueError):
    """The configuration is wrong. Carries every problem found, not only the first."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class PluginError(CobotError):
    """A plugin cannot be loaded, or broke its contract. The text names it."""


class HookFailed(PluginError):
    """A plugin's hook raised something that is no ChannelError: the plugin's own fault."""

    def __init__(self, plugin: str, hook: str, detail: str) -> None:
        super().__init__(f"plugin {plugin!r} failed in {hook}: {detail}")
        self.plugin = plugin
        self.hook = hook


class UnknownChannel(CobotError, LookupError):
    """A message is addressed to a channel that is not loaded."""

    def __init__(self, name: str, loaded: Iterable[str]) -> None:
        known = ", ".join(loaded) or "none"
        super().__init__(f"no channel is called {name!r}; loaded: {known}")
        self.name = name


class JournalError(CobotError):
    """The journal cannot be used. The text says which file, what is wrong, what to do."""


class WorkspaceInUse(JournalError):
    """Another process has the workspace; `pid` is its number, if it told."""

    def __init__(self, folder: str, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"the workspace {folder!r} is in use by {who}; stop it, or give this bot a"
            " workspace of its own with --workspace"
        )
        self.pid = pid


class OwnershipLost(JournalError):
    """Somebody else receives and sends for the channel by now."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"channel {channel!r} is owned by somebody else by now")
        self.channel = channel


class Remedy(Enum):
    """What the session does about a ChannelError."""

    PARK = "stop the channel until its configuration changes"
    BACK_OFF = "wait longer each time, say so loudly, and go on trying"
    WAIT = "wait exactly as long as the network said; not an attempt"
    DEAD_LETTER = "give this operation up and keep it with its reason"
    RETRY = "try again, waiting longer each time"
    SETTLE = "find out whether it happened, by what the network offers"
    DEGRADE = "do the nearest thing the channel can do"


class ChannelError(CobotError):
    """The network, or the channel on its behalf, said no.

    A channel turns everything its network says into one of the subclasses, at its edge,
    with `raise ... from`.
    """

    remedy: ClassVar[Remedy] = Remedy.SETTLE

    def __init__(
        self,
        channel_type: str,
        operation: str,
        detail: str,
        *,
        retry_after_s: float | None = None,
        scope: str | None = None,
        field: str | None = None,
    ) -> None:
        """Describe a refusal.

        Args:
            channel_type: The section's name.
            operation: What was tried: `send`, `receive`, `edit` ...
            detail: What the network said, without secrets.
            retry_after_s: Seconds to wait, when the network said so.
            scope: What the wait is for: `address` or `channel`; None: the network did not say.
            field: Which part of the content was refused: `text`, `media` ...
        """
        if retry_after_s is not None and not (
            isinstance(retry_after_s, int | float) and 0 <= retry_after_s < float("inf")
        ):
            raise ValueError(f"retry_after_s: expected seconds or None, got {retry_after_s!r}")
        super().__init__(channel_type, operation, detail)
        self.channel_type = channel_type
        self.operation = operation
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.scope = scope
        self.field = field

    def __str__(self) -> str:
        return f"{self.channel_type}: {self.operation}: {self.detail}"


class AuthFailed(ChannelError):
    """The credentials are refused."""

    remedy = Remedy.PARK


class TokenInUse(ChannelError):
    """Somebody else is using this token now."""

    remedy = Remedy.BACK_OFF


LONG_WAIT_S = 60.0
"""A longer wait is for all chats, if nobody says: what one takes is counted in a minute."""


class RateLimited(ChannelError):
    """Too many requests. `retry_after_s` and `scope` say how long and for what."""

    remedy = Remedy.WAIT

    @property
    def is_wide(self) -> bool:
        """Whether the wait is for all chats of the channel, and not for one."""
        if self.scope is not None:
            return self.scope == "channel"
        return self.retry_after_s is not None and self.retry_after_s > LONG_WAIT_S


class ChatGone(ChannelError):
    """The chat does not exist any more."""

    remedy = Remedy.DEAD_LETTER


class Forbidden(ChannelError):
    """The chat exists, but we may not do this there."""

    remedy = Remedy.DEAD_LETTER


class MessageNotFound(ChannelError):
    """The message to edit, delete or react to is gone."""

    remedy = Remedy.DEAD_LETTER


class Rejected(ChannelError):
    """The network will never take this content. `field` says which part."""

    remedy = Remedy.DEAD_LETTER


class Unreachable(ChannelError):
    """Provably nothing happened: no connection, or refused before it was read."""

    remedy = Remedy.RETRY


class DeliveryUnknown(ChannelError):
    """It may have happened or not: the connection broke between request and answer."""

    remedy = Remedy.SETTLE


class Unsupported(ChannelError):
    """The channel has no such operation, or cannot do a part of one.

    The part is `field`, or in place of the operation: `reply`, `media`.
    """

    remedy = Remedy.DEGRADE

    @property
    def part(self) -> str:
        """What cannot be done: the part, or else all of the operation."""
        return self.field or self.operation


def is_final(error: ChannelError) -> bool:
    """Tell whether to try the same again is in vain."""
    return error.remedy in (Remedy.DEAD_LETTER, Remedy.DEGRADE)


def incomplete(error: ChannelError, arrived: int, total: int) -> ChannelError:
    """Return what a failure means if several messages were sent, and some of them arrived.

    What the network will never take is a dead letter that says so: to send it all again, or
    something in its place, would double what has arrived. Of the rest nobody knows.

    Args:
        error: What the next one failed with.
        arrived: How many arrived before it.
        total: How many there are.
    """
    detail = f"{arrived} of {total} messages arrived; {error.detail}"
    name, operation = error.channel_type, error.operation
    if not is_final(error):
        return DeliveryUnknown(name, operation, detail, retry_after_s=error.retry_after_s)
    kind = Rejected if isinstance(error, Unsupported) else type(error)
    return kind(name, operation, detail)
