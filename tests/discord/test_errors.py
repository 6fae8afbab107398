"""What Discord says in place of doing something, and which of our errors that is."""

from __future__ import annotations

from typing import Any

import pytest

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
from cobot_discord.errors import Refusal


def error(status: int, code: int = 0, operation: str = "send", **told: Any) -> ChannelError:
    """Return which error an answer is."""
    refusal = Refusal.of({"message": "No", "code": code, **told}, status, None, "user")
    return refusal.error("discord", operation)


@pytest.mark.parametrize(
    ("status", "code", "operation", "kind"),
    [
        (400, 40003, "send", RateLimited),
        (400, 20016, "send", RateLimited),
        (429, 0, "send", RateLimited),
        (429, 30046, "edit", Unsupported),
        (400, 40006, "send", Unreachable),
        (503, 110000, "send", Unreachable),
        (503, 0, "send", DeliveryUnknown),
        (401, 50014, "send", AuthFailed),
        (404, 10003, "delete", ChatGone),
        (403, 50278, "send", ChatGone),
        (403, 50013, "send", Forbidden),
        (403, 50013, "react", Unsupported),
        (403, 50013, "media", Unsupported),
        (403, 0, "send", Forbidden),
        (404, 10008, "edit", MessageNotFound),
        (404, 0, "edit", MessageNotFound),
        (403, 50005, "edit", Unsupported),
        (403, 50021, "delete", Unsupported),
        (400, 30010, "react", Unsupported),
        (403, 90001, "react", Unsupported),
        (413, 40005, "media", Unsupported),
        (413, 40005, "send", Rejected),
        (400, 400001, "media", Unsupported),
        (400, 50006, "send", Rejected),
        (400, 99999, "send", Rejected),
    ],
)
def test_codes_are_told_apart(
    status: int, code: int, operation: str, kind: type[ChannelError]
) -> None:
    """By what the session can do about them; what is not known goes by its status."""
    assert type(error(status, code, operation)) is kind


def test_a_repeated_request_did_no_harm() -> None:
    """What can be repeated is never of unknown fate."""
    refusal = Refusal.of({"message": "No"}, 500, None, "")

    assert type(refusal.error("discord", "edit", is_repeatable=True)) is Unreachable


@pytest.mark.parametrize(
    ("path", "field"), [("content", "text"), ("attachments", "media"), ("embeds", None)]
)
def test_an_invalid_form_says_what_is_wrong(path: str, field: str | None) -> None:
    """By the field, and by Discord's name of the problem."""
    problems = {path: {"0": {"_errors": [{"code": "TOO_LONG", "message": "no"}]}}}
    rejected = error(400, 50035, errors=problems)

    assert type(rejected) is Rejected
    assert rejected.field == field
    assert f"{path}.0: TOO_LONG" in rejected.detail


@pytest.mark.parametrize(
    ("told", "is_of_reply"),
    [
        ({"code": 160002}, True),
        ({"code": 50035, "errors": {"message_reference": {"_errors": [{"code": "X"}]}}}, True),
        ({"code": 50035, "errors": {"content": {"_errors": [{"code": "X"}]}}}, False),
        ({"code": 50035, "errors": {"_errors": [{"code": "X"}]}}, False),
    ],
)
def test_what_is_wrong_with_a_reply_is_found(told: dict[str, Any], is_of_reply: bool) -> None:
    """And is all that is wrong: then the message can go without it."""
    assert Refusal.of({"message": "No", **told}, 400, None, "").is_of_reply is is_of_reply


@pytest.mark.parametrize(
    ("seconds", "scope", "is_wide"),
    [(5, "user", False), (5, "shared", False), (5, "global", True), (61, "user", True)],
)
def test_a_wait_is_for_a_chat_or_for_all(seconds: float, scope: str, is_wide: bool) -> None:
    """By what Discord says, and by how long it is."""
    refusal = Refusal.of({"message": "No", "retry_after": seconds}, 429, 1.0, scope)
    limited = refusal.error("discord", "send")

    assert isinstance(limited, RateLimited)
    assert (limited.retry_after_s, limited.is_wide) == (seconds, is_wide)
