"""Telegram's refusals as our errors: every row of what is known of them."""

from __future__ import annotations

import pytest

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
from cobot_telegram.errors import Refusal

CHAT = Address("telegram", "-42", "7")


def error(
    code: int, description: str, operation: str = "send", *, is_repeatable: bool = False
) -> ChannelError | ChatMoved:
    """Return the error for a refusal."""
    refusal = Refusal(code, description)
    return refusal.error("telegram", operation, address=CHAT, is_repeatable=is_repeatable)


@pytest.mark.parametrize(
    ("code", "description", "kind"),
    [
        (400, "Bad Request: chat not found", ChatGone),
        (400, "Bad Request: PEER_ID_INVALID", ChatGone),
        (400, "Bad Request: not enough rights to send text messages to the chat", Forbidden),
        (400, "Bad Request: have no write access to the chat", Forbidden),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN", Forbidden),
        (400, "Bad Request: need administrator rights in the channel chat", Forbidden),
        (400, "Bad Request: TOPIC_CLOSED", Forbidden),
        (400, "Bad Request: something that is new this year", Rejected),
        (401, "Unauthorized", AuthFailed),
        (403, "Forbidden: bot was blocked by the user", Forbidden),
        (403, "Forbidden: user is deactivated", ChatGone),
        (403, "Forbidden: bot can't initiate conversation with a user", Forbidden),
        (403, "Forbidden: bot was kicked from the supergroup chat", Forbidden),
        (403, "Forbidden: bot is not a member of the channel chat", Forbidden),
        (403, "Forbidden: the group chat was deleted", ChatGone),
        (403, "Forbidden: the bot can't send messages to the bot", Forbidden),
        (403, "Forbidden: something that is new this year", Forbidden),
        (404, "Not Found", AuthFailed),
        (404, "Not Found: method not found", Unsupported),
        (409, "Conflict: terminated by other getUpdates request", TokenInUse),
        (421, "Misdirected Request", AuthFailed),
        (500, "Internal Server Error: restart", DeliveryUnknown),
        (503, "Service Unavailable", DeliveryUnknown),
        (418, "I'm a teapot", Rejected),
    ],
)
def test_a_refused_send_is_the_error_that_fits(
    code: int, description: str, kind: type[ChannelError]
) -> None:
    """The class says what the session does; the detail says what Telegram said."""
    raised = error(code, description)

    assert type(raised) is kind
    assert description in str(raised)


@pytest.mark.parametrize(
    ("description", "field"),
    [
        ("Bad Request: can't parse entities: can't find end of the entity", "markup"),
        ("Bad Request: entity begins after the end of the text at UTF-16 offset 9", "markup"),
        ("Bad Request: message is too long", "text"),
        ("Bad Request: MESSAGE_TOO_LONG", "text"),
        ("Bad Request: message text is empty", "text"),
        ("Bad Request: text must be non-empty", "text"),
        ("Bad Request: message caption is too long", "text"),
        ("Bad Request: file must be non-empty", "media"),
        ("Bad Request: IMAGE_PROCESS_FAILED", "media"),
    ],
)
def test_a_rejection_says_which_part_it_is_about(description: str, field: str) -> None:
    """For markup the session tries once more without."""
    raised = error(400, description)

    assert isinstance(raised, Rejected)
    assert raised.field == field


@pytest.mark.parametrize(
    ("operation", "code", "description", "kind"),
    [
        ("edit", 400, "Bad Request: message to edit not found", MessageNotFound),
        ("edit", 400, "Bad Request: message can't be edited", Unsupported),
        ("edit", 400, "Bad Request: CHAT_ADMIN_REQUIRED", Unsupported),
        ("delete", 400, "Bad Request: message can't be deleted for everyone", Unsupported),
        ("delete", 400, "Bad Request: not enough rights to delete a message", Unsupported),
        ("react", 400, "Bad Request: message to react not found", MessageNotFound),
        ("react", 400, "Bad Request: REACTION_INVALID", Unsupported),
        ("react", 403, "Forbidden: bot was blocked by the user", Forbidden),
        ("fetch", 400, "Bad Request: file is too big", Rejected),
        ("media", 413, "Request Entity Too Large", Unsupported),
        (
            "media",
            400,
            "Bad Request: not enough rights to send photos to the chat",
            Unsupported,
        ),
        ("media", 400, "Bad Request: VOICE_MESSAGES_FORBIDDEN", Unsupported),
        ("media", 400, "Bad Request: failed to get HTTP URL content", Unsupported),
        ("media", 400, "Bad Request: wrong file identifier/HTTP URL specified", Unsupported),
        ("media", 400, "Bad Request: CHAT_WRITE_FORBIDDEN", Forbidden),
        ("send", 413, "Request Entity Too Large", Rejected),
    ],
)
def test_other_operations_have_errors_of_their_own(
    operation: str, code: int, description: str, kind: type[ChannelError]
) -> None:
    """What is refused to one operation is no reason to give up the chat for all others."""
    raised = error(code, description, operation)

    assert type(raised) is kind
    assert isinstance(raised, ChannelError)
    assert raised.operation == operation


def test_what_can_be_repeated_is_only_unreachable() -> None:
    """When the server breaks over a read or an edit, it is asked once more."""
    assert type(error(500, "Internal Server Error", is_repeatable=True)) is Unreachable


@pytest.mark.parametrize(
    ("seconds", "is_wide"), [(5, False), (60, False), (61, True), (None, False)]
)
def test_a_wait_is_for_the_chat_or_for_all(seconds: int | None, is_wide: bool) -> None:
    """What is longer than the minute in which a group is counted is meant for the bot."""
    parameters = {} if seconds is None else {"retry_after": seconds}
    answer = {"ok": False, "error_code": 429, "description": "x", "parameters": parameters}
    raised = Refusal.of(answer, 429, None).error("telegram", "send")

    assert isinstance(raised, RateLimited)
    assert (raised.retry_after_s, raised.is_wide) == (seconds, is_wide)


def test_a_wait_is_also_read_from_the_header() -> None:
    """Where the answer itself does not say."""
    refusal = Refusal.of({"ok": False, "error_code": 429}, 429, 3.0)

    assert refusal.retry_after_s == 3
    assert refusal.description == "status 429"


@pytest.mark.parametrize("parameters", [None, [], "x", {"retry_after": "soon"}])
def test_a_wait_that_cannot_be_read_is_not_known(parameters: object) -> None:
    """Odd answers are no reason to fail in another way."""
    answer = {"ok": False, "error_code": 429, "parameters": parameters}

    assert Refusal.of(answer, 429, None).retry_after_s is None


def test_an_upgraded_group_has_moved() -> None:
    """The new id comes with the refusal; the thread is kept."""
    answer = {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -100_1},
    }
    moved = Refusal.of(answer, 400, None).error("telegram", "send", address=CHAT)

    assert moved == ChatMoved(CHAT, Address("telegram", "-1001", "7"))


def test_texts_are_found_in_any_case() -> None:
    """Telegram changes its texts; they are looked for in small letters and in parts."""
    assert type(error(400, "BAD REQUEST: Chat Not Found (1)")) is ChatGone
