"""What Discord says in place of doing something, and which of our errors that is. Pure.

Codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes. What is not known
goes by its status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from cobot import (
    AuthFailed,
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    MessageNotFound,
    RateLimited,
    Rejected,
    Unreachable,
    Unsupported,
)

BAN_S = 600.0
"""How long an address stays banned that asked too often what it may not, in seconds."""

UNKNOWN_MESSAGE = 10008
UNKNOWN_EMOJI = 10014
NO_HISTORY = 160002
INVALID_FORM = 50035
ACKNOWLEDGED = 40060
OLD_EDITS = 30046
BLOCKED = 40333

NOT_ANSWERABLE = (UNKNOWN_MESSAGE, 10015, 10062, 50027)
"""An interaction whose token is no longer good, or whose answer was deleted."""

_NO_TOKEN = (40001, 50014)
_GONE = (10003, 10004, 50001, 50007, 50033, 50278)
_NO_RIGHTS = (20001, 50013, 50083, 160005, 340015)
_CLOSED_FOR_A_WHILE = (20016, 20022, 20028, 20029, 30046, 31001, 31002, 40003)
_FOR_LATER = (40006, 110000, 130000)
_NOT_SHOWN = (UNKNOWN_EMOJI, 30010, 50151, 90001)
_UNCHANGEABLE = (50003, 50005, 50021, 50024, 160007, OLD_EDITS)
_TOO_LARGE = (40005, 50045)
_NO_UPLOADS = (50013, 400001)
"""Without a right Discord does not say which: that to attach files, or that to write."""

_TEXTS: Mapping[int, str] = {
    10003: "there is no such channel, or it was deleted",
    50001: "the bot cannot see it: give it View Channel there",
    50013: (
        "the bot may not do that there: give it Send Messages, Send Messages in Threads, Read"
        " Message History, Add Reactions or Attach Files, whichever is missing"
    ),
    40058: "a forum takes posts and no messages; write into one of its posts",
    40067: "posts in this forum need a tag",
    200000: "blocked by a rule of the server (AutoMod)",
    240000: "blocked for a link that the server does not allow",
}

UNKNOWN_TO_DISCORD = (
    "Discord does not know the token; look it up in the developer portal (Bot, Reset Token)"
    " and set bot_token"
)
_BLOCKED = "blocked before it reached Discord; too many refused requests, or a bad User-Agent"


class WrongSettings(AuthFailed):
    """The settings name what is not there. As with a bad token, only the owner can mend it."""


@attrs.frozen
class Refusal:
    """An answer that is not ok."""

    status: int
    """That of HTTP."""
    code: int
    """Discord's own; 0: none."""
    message: str
    """What Discord said."""
    problems: tuple[tuple[str, str], ...] = ()
    """Of an invalid form: which field, and the code of what is wrong with it."""
    retry_after_s: float | None = None
    """How long to wait, in seconds, if it said so."""
    scope: str = ""
    """For 429: `user`, `shared` or `global`."""
    is_ban: bool = False
    """Whether it came from what stands before the API, and not from the API."""

    @classmethod
    def of(
        cls, told: Mapping[str, Any], status: int, waits_s: float | None, scope: str
    ) -> Refusal:
        """Read an answer.

        Args:
            told: Its JSON.
            status: Its status.
            waits_s: What its headers say of waiting.
            scope: What its headers say of whose limit it is.
        """
        code, told_s = told.get("code"), told.get("retry_after")
        if isinstance(told_s, int | float) and told_s >= 0:
            waits_s = max(float(told_s), waits_s or 0.0)
        errors = told.get("errors")
        return cls(
            status,
            code if isinstance(code, int) else 0,
            str(told.get("message") or f"status {status}"),
            tuple(_problems(errors)) if isinstance(errors, Mapping) else (),
            waits_s,
            "global" if told.get("global") is True else scope,
        )

    @classmethod
    def of_page(cls, status: int, waits_s: float | None) -> Refusal:
        """Return what a page means that stands before the API, with 403 or 429."""
        wait_s = BAN_S if waits_s is None else waits_s
        return cls(status, 0, _BLOCKED, (), wait_s, "global", is_ban=True)

    @property
    def is_of_reply(self) -> bool:
        """Whether it is about the message that is replied to, and nothing else."""
        if self.code == NO_HISTORY:
            return True
        fields = {path.partition(".")[0] for path, _ in self.problems}
        return self.code == INVALID_FORM and fields == {"message_reference"}

    def error(
        self, channel_type: str, operation: str, *, is_repeatable: bool = False
    ) -> ChannelError:
        """Return which error it is.

        Args:
            channel_type: The section's name.
            operation: What was tried.
            is_repeatable: Whether doing it again does no harm.
        """
        if self.is_ban or (self.status == 429 and self.code not in _UNCHANGEABLE):
            return self._rate_limited(channel_type, operation)
        detail = f"{_TEXTS[self.code]}; " if self.code in _TEXTS else ""
        detail += f"Discord says: {self.message}" + (f" ({self.code})" if self.code else "")
        if self.problems:
            detail += ": " + ", ".join(
                f"{path or 'it'}: {what}" for path, what in self.problems
            )
        if self.status >= 500 or self.code in _FOR_LATER:
            is_harmless = is_repeatable or self.code in _FOR_LATER
            kind: type[ChannelError] = Unreachable if is_harmless else DeliveryUnknown
            return kind(channel_type, operation, detail, retry_after_s=self.retry_after_s)
        if self.status == 401 or self.code in _NO_TOKEN:
            return AuthFailed(channel_type, operation, f"{UNKNOWN_TO_DISCORD}; {detail}")
        if self.code in _CLOSED_FOR_A_WHILE and self.code not in _UNCHANGEABLE:
            return self._rate_limited(channel_type, operation)
        kind, field = self._refused(operation)
        return kind(channel_type, operation, detail, field=field)

    def _rate_limited(self, channel_type: str, operation: str) -> RateLimited:
        return RateLimited(
            channel_type,
            operation,
            self.message,
            retry_after_s=self.retry_after_s,
            scope="channel" if self.scope == "global" else None,
        )

    def _refused(self, operation: str) -> tuple[type[ChannelError], str | None]:
        """Return the error for a 4xx, and its field or what is not supported."""
        sends = operation in ("send", "media")
        if self.code in _GONE:
            return ChatGone, None
        if self.code == UNKNOWN_MESSAGE:
            return MessageNotFound, None
        if self.code in _NOT_SHOWN or self.code in _UNCHANGEABLE:
            return Unsupported, None
        is_large = self.code in _TOO_LARGE or self.status == 413
        if operation == "media" and (is_large or self.code in _NO_UPLOADS):
            return Unsupported, "media"  # a link can still arrive
        if self.code in _NO_RIGHTS or (self.status == 403 and not self.code):
            # What else goes to a channel is in vain only if we may not write there.
            return (Forbidden if sends else Unsupported), None
        if self.code == INVALID_FORM:
            return Rejected, _field_of(self.problems)
        if self.status == 404 and not sends:
            return MessageNotFound, None
        return Rejected, "media" if is_large else None


def _problems(errors: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield where something is wrong with a form, and the code of what."""
    for name, inner in errors.items():
        if name == "_errors" and isinstance(inner, list):
            for one in inner:
                yield path, str(one.get("code") if isinstance(one, Mapping) else one)
        elif isinstance(inner, Mapping):
            yield from _problems(inner, f"{path}.{name}" if path else name)


def _field_of(problems: tuple[tuple[str, str], ...]) -> str | None:
    fields = {path.partition(".")[0] for path, _ in problems}
    if "content" in fields:
        return "text"
    return "media" if fields & {"attachments", "files"} else None
