"""What Telegram says in place of doing something, and which of our errors that is. Pure.

Codes and texts may change, so texts are looked for in parts and in small letters, and what is
not known goes by its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from cobot import (
    Address,
    AuthFailed,
    ChannelError,
    ChatGone,
    ChatMoved,
    DeliveryUnknown,
    Forbidden,
    MessageNotFound,
    RateLimited,
    Rejected,
    TokenInUse,
    Unreachable,
    Unsupported,
)

NOT_MODIFIED = ("message is not modified",)
NO_TEXT = ("there is no text in the message to edit",)
NO_CAPTION = ("there is no caption in the message to edit", "message caption is too long")
NOT_THERE = ("message to delete not found",)
NO_THREAD = ("message thread not found", "topic_deleted")
NO_REPLY = (
    "message to be replied not found",
    "replied message not found",
    "reply message not found",
)
NOT_A_PHOTO = (
    "image_process_failed",
    "photo_invalid_dimensions",
    "photo_ext_invalid",
    "photo_save_file_invalid",
    "too big for a photo",
)
NOT_FETCHED = (
    "failed to get http url content",
    "wrong file identifier/http url specified",
    "wrong type of the web page content",
    "webpage_curl_failed",
    "webpage_media_empty",
)

_TOO_LARGE = ("file is too big", "request entity too large")
_NO_MESSAGE = ("message to edit not found", "message to react not found", "message_id_invalid")
_UNCHANGEABLE = ("message can't be edited", "message can't be deleted", "reaction_invalid")
_GONE = (
    "chat not found",
    "user is deactivated",
    "group chat was deleted",
    "peer_id_invalid",
)
_NO_MEDIA_RIGHTS = (
    "not enough rights to send audio",
    "not enough rights to send document",
    "not enough rights to send music",
    "not enough rights to send photo",
    "not enough rights to send sticker",
    "not enough rights to send video",
    "not enough rights to send voice",
    "not enough rights to send animation",
    "chat_send_audios_forbidden",
    "chat_send_docs_forbidden",
    "chat_send_gifs_forbidden",
    "chat_send_media_forbidden",
    "chat_send_photos_forbidden",
    "chat_send_roundvideos_forbidden",
    "chat_send_stickers_forbidden",
    "chat_send_videos_forbidden",
    "chat_send_voices_forbidden",
    "voice_messages_forbidden",
)
_NO_RIGHTS = (
    "not enough rights",
    "have no rights",
    "have no write access",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_admin_required",
    "chat_restricted",
    "chat_send_plain_forbidden",
    "user_banned_in_channel",
    "topic_closed",
)
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "markup": (
        "can't parse entities",
        "can't parse messageentity",
        "receive an entity",
        "entity begin",
        "entity_bounds_invalid",
    ),
    "text": (
        "message is too long",
        "message_too_long",
        "message caption is too long",
        "media_caption_too_long",
        "text is too long",
        "text must be non-empty",
        "message text is empty",
    ),
    "media": (*_TOO_LARGE, *NOT_FETCHED, *NOT_A_PHOTO, "file must be non-empty"),
}

_OTHER_POLLER = (
    "somebody else is receiving with this token, and Telegram allows one: stop the other"
    " program, or give this one a bot of its own (@BotFather, /newbot)"
)
_WEBHOOK = (
    "a webhook is set for this bot, so nothing can be received here: stop the program that"
    " set it, then call deleteWebhook (see the README of cobot-telegram)"
)


@attrs.frozen
class Refusal:
    """An answer that is not ok."""

    code: int
    """As the status of HTTP."""
    description: str
    """What Telegram said."""
    retry_after_s: float | None = None
    """How long to wait, in seconds, if it said so."""
    migrated_to: str | None = None
    """The id that the chat has now, if it said so."""

    @classmethod
    def of(cls, answer: Mapping[str, Any], status: int, waits_s: float | None) -> Refusal:
        """Read an answer.

        Args:
            answer: Its JSON.
            status: Its status.
            waits_s: What its headers say of waiting.
        """
        code, parameters = answer.get("error_code"), answer.get("parameters")
        if not isinstance(parameters, Mapping):
            parameters = {}
        told_s = parameters.get("retry_after")
        migrated_to = parameters.get("migrate_to_chat_id")
        return cls(
            code if isinstance(code, int) else status,
            str(answer.get("description") or f"status {status}"),
            max(float(told_s), 0.0) if isinstance(told_s, int | float) else waits_s,
            str(migrated_to) if isinstance(migrated_to, int) else None,
        )

    def says(self, *texts: str) -> bool:
        """Tell whether it says one of some texts, which are in small letters."""
        said = self.description.lower()
        return any(text in said for text in texts)

    def error(
        self,
        channel_type: str,
        operation: str,
        *,
        address: Address | None = None,
        is_repeatable: bool = False,
    ) -> ChannelError | ChatMoved:
        """Return which error it is.

        Args:
            channel_type: The section's name.
            operation: What was tried.
            address: Where.
            is_repeatable: Whether doing it again does no harm.
        """
        if self.migrated_to is not None and address is not None:
            return ChatMoved(address, attrs.evolve(address, channel_id=self.migrated_to))
        if self.code == 429:
            waits_s = self.retry_after_s
            return RateLimited(channel_type, operation, self.description, retry_after_s=waits_s)
        kind: type[ChannelError]
        field = None
        detail = self.description
        if self.code >= 500:
            kind = Unreachable if is_repeatable else DeliveryUnknown
        elif self.code == 409:
            kind = TokenInUse
            told = _WEBHOOK if self.says("webhook") else _OTHER_POLLER
            detail = f"{told}; Telegram says: {self.description}"
        elif self.code in (401, 421) or (self.code == 404 and not self.says("method")):
            kind = AuthFailed
            detail = (
                "Telegram does not know the token; look it up with @BotFather (/mybots) and set"
                f" bot_token; Telegram says: {self.description}"
            )
        elif self.code == 404:
            kind = Unsupported
        else:
            kind, field = self._refused(operation)
        return kind(channel_type, operation, detail, field=field)

    def _refused(self, operation: str) -> tuple[type[ChannelError], str | None]:
        """Return the error for a 400, 403 or 413, and its field or what is not supported."""
        sends = operation in ("send", "media")
        if self.says(*_GONE):
            return ChatGone, None
        if self.says(*_NO_MESSAGE):
            return MessageNotFound, None
        if self.says(*_UNCHANGEABLE):
            return Unsupported, None
        if operation == "media" and (self.code == 413 or self.says(*_TOO_LARGE)):
            return Unsupported, "media"
        if operation == "media" and self.says(*_NO_MEDIA_RIGHTS, *NOT_FETCHED):
            return Unsupported, "media"  # what is said beside them can still arrive
        if self.code == 403:
            return Forbidden, None
        if self.says(*_NO_RIGHTS):
            # What else goes to a chat is in vain only if we may not write there.
            return (Forbidden if sends else Unsupported), None
        for field, texts in _FIELDS.items():
            if self.says(*texts):
                return Rejected, field
        return Rejected, "media" if self.code == 413 else None
