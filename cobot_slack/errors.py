"""What Slack says in place of doing something, and which of our errors that is. Pure.

Words: the method references of https://docs.slack.dev/reference/methods. What is not known is
refused for good.
"""

from __future__ import annotations

from collections.abc import Mapping
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

USUAL_WAIT_S = 30.0
"""How long to wait where Slack does not say, in seconds."""

NO_MESSAGE = ("message_not_found", "thread_not_found")
NOT_INSIDE = ("not_in_channel", "channel_not_found")

_LIMITED = ("ratelimited", "rate_limited")
_NO_TOKEN = (
    "account_inactive",
    "app_uninstalled",
    "invalid_auth",
    "not_allowed_token_type",
    "not_authed",
    "team_access_not_granted",
    "team_disabled",
    "token_expired",
    "token_revoked",
    "user_removed_from_team",
)
_BROKEN = (
    "fatal_error",
    "internal_error",
    "request_timeout",
    "service_unavailable",
)
_FOR_LATER = ("org_login_required", "team_added_to_org")
_GONE = ("channel_not_found", "is_archived", "is_inactive", "user_not_found", "user_disabled")
_NO_RIGHTS = (
    "cannot_reply_to_message",
    "ekm_access_denied",
    "messages_tab_disabled",
    "missing_scope",
    "no_permission",
    "not_in_channel",
    "posting_to_channel_denied",
    "thread_locked",
)
_UNCHANGEABLE = (
    "block_mismatch",
    "cant_delete_message",
    "cant_update_message",
    "edit_window_closed",
    "streaming_state_conflict",
)
_NOT_SHOWN = ("invalid_name", "not_reactable", "too_many_emoji", "too_many_reactions")
_NO_UPLOADS = (
    "file_type_not_allowed",
    "file_upload_size_restricted",
    "file_uploads_disabled",
    "storage_limit_reached",
)
_TEXT = ("msg_too_long", "msg_blocks_too_long", "no_text")
_MARKUP = ("invalid_blocks", "invalid_blocks_format", "markdown_text_conflict")

_TEXTS: Mapping[str, str] = {
    "channel_not_found": "there is no such channel, or it is private and the bot not in it",
    "is_archived": "the channel is archived",
    "messages_tab_disabled": (
        "people cannot write to the bot: switch on the Messages tab (App Home) in the app's"
        " settings"
    ),
    "not_in_channel": "the bot is not in it: write /invite @ and its name there",
    "not_allowed_token_type": (
        "it is a token of another kind: bot_token begins with xoxb-, app_token with xapp-"
    ),
}

UNKNOWN_TO_SLACK = (
    "Slack does not take the token; look it up at api.slack.com/apps and set bot_token (OAuth"
    " & Permissions) and app_token (Basic Information, App-Level Tokens)"
)


@attrs.frozen
class Refusal:
    """An answer that is not ok."""

    word: str
    """What Slack said, as `channel_not_found`; `status 502` where it said nothing."""
    status: int = 200
    """That of HTTP."""
    details: tuple[str, ...] = ()
    """What it said besides."""
    needed: str = ""
    """The scope that is missing."""
    retry_after_s: float | None = None
    """How long to wait, in seconds, if it said so."""

    @classmethod
    def of(cls, told: Mapping[str, Any], status: int, waits_s: float | None) -> Refusal:
        """Read an answer.

        Args:
            told: Its JSON.
            status: Its status.
            waits_s: What its headers say of waiting.
        """
        metadata = told.get("response_metadata")
        messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
        return cls(
            str(told.get("error") or f"status {status}"),
            status,
            tuple(map(str, messages)) if isinstance(messages, list) else (),
            str(told.get("needed") or ""),
            waits_s,
        )

    @property
    def is_limit(self) -> bool:
        """Whether it came too soon, and nothing else is wrong with it."""
        return self.status == 429 or self.word in _LIMITED

    @property
    def passes(self) -> bool:
        """Whether there may be an answer if it is asked again."""
        is_broken = self.status >= 500 or self.word in _BROKEN
        return self.is_limit or is_broken or self.word in _FOR_LATER

    @property
    def wait_s(self) -> float:
        """How long to wait after it, in seconds."""
        return USUAL_WAIT_S if self.retry_after_s is None else self.retry_after_s

    @property
    def detail(self) -> str:
        """What it says, for the owner."""
        known = _TEXTS.get(self.word)
        said = f"Slack says: {self.word}"
        if self.needed:
            known = f"the app needs the scope {self.needed}: add it and install the app again"
        detail = f"{known}; {said}" if known else said
        return f"{detail}: {'; '.join(self.details)}" if self.details else detail

    def error(
        self, channel_type: str, operation: str, *, is_repeatable: bool = False
    ) -> ChannelError:
        """Return which error it is.

        Args:
            channel_type: The section's name.
            operation: What was tried.
            is_repeatable: Whether doing it again does no harm.
        """
        if self.is_limit:
            detail = "Slack takes no more for the moment"
            return RateLimited(channel_type, operation, detail, retry_after_s=self.wait_s)
        if self.status >= 500 or self.word in _BROKEN:
            kind: type[ChannelError] = Unreachable if is_repeatable else DeliveryUnknown
            return kind(channel_type, operation, self.detail, retry_after_s=self.retry_after_s)
        if self.word in _FOR_LATER:
            return Unreachable(channel_type, operation, self.detail, retry_after_s=60.0)
        if self.word in _NO_TOKEN:
            detail = f"{UNKNOWN_TO_SLACK}; {self.detail}"
            return AuthFailed(channel_type, operation, detail)
        kind, field = self._refused(operation)
        return kind(channel_type, operation, self.detail, field=field)

    def _refused(self, operation: str) -> tuple[type[ChannelError], str | None]:
        """Return the error for what is refused for good, and its field or operation."""
        sends = operation in ("send", "media")
        if operation == "typing":
            return Unsupported, None
        if self.word in NO_MESSAGE:
            return MessageNotFound, None
        if self.word in _UNCHANGEABLE or self.word in _NOT_SHOWN:
            return Unsupported, None
        if operation == "media" and (
            self.word in _NO_UPLOADS or self.needed.startswith("files:")
        ):
            return Unsupported, "media"  # a link can still arrive
        if self.word in _GONE:
            return ChatGone, None
        if self.word in _NO_RIGHTS or self.word.startswith("restricted_action"):
            # What else goes to a channel is in vain only if we may not write there.
            return (Forbidden if sends else Unsupported), None
        if self.word in _TEXT:
            return Rejected, "text"
        return Rejected, "markup" if self.word in _MARKUP else None
