"""Polls that fail, and how that is told."""

from __future__ import annotations

import asyncio
import logging

import pytest
from networks.telegram import FakeTelegram, Fault, errors, page
from networks.web import Response

from cobot import (
    AuthFailed,
    ChannelError,
    RateLimited,
    Rejected,
    TokenInUse,
    Unreachable,
)
from cobot_telegram import Telegram
from telegram.bots import receiving


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (page(502), Unreachable),
        (Response(502), Unreachable),
        (Response(body=b"[]"), Unreachable),
        (Response(body=b"null"), Unreachable),
        (Response(body=b'{"ok":true}'), Unreachable),
        (Response(body=b'{"ok":true,"result":{}}'), Unreachable),
        (Response(body=b'{"ok":true,"result":['), Unreachable),
        (Response(body=b'{"ok":true,"result":[{"message":{}}]}'), Unreachable),
        (Response(429, b'{"ok":false,"parameters":[7]}'), RateLimited),
        (errors.server_error(), Unreachable),
        (Fault.RESET, None),
        (errors.too_many_requests(7), RateLimited),
        (errors.unauthorized(), AuthFailed),
        (errors.ApiError(404, "Not Found"), AuthFailed),
        (errors.conflict(errors.OTHER_POLLER), TokenInUse),
        (errors.bad_request("something new"), Rejected),
    ],
    ids=repr,
)
async def test_a_poll_that_fails_says_how(
    channel: Telegram,
    network: FakeTelegram,
    failure: object,
    expected: type[ChannelError] | None,
) -> None:
    """Each failure is one of our errors; what can be asked again at once is."""
    network.private_chat().text("hi")
    network.fail_next("getUpdates", failure)  # type: ignore[arg-type]
    async with receiving(channel) as receiver:
        if expected is not None:
            with pytest.raises(expected) as caught:
                await receiver.batch()
            assert network.token not in str(caught.value)
    async with receiving(channel) as receiver:
        message = await receiver.message()

    assert message.content == "hi"


async def test_another_poller_is_named_so(channel: Telegram, network: FakeTelegram) -> None:
    """Two programs with one token: the owner is told which it is and what to do."""
    async with receiving(channel) as first, receiving(channel) as second:
        one = asyncio.create_task(first.batch())
        await network.wait_for(lambda: network.is_polled)
        other = asyncio.create_task(second.batch())
        with pytest.raises(TokenInUse, match="somebody else is receiving with this token"):
            await one
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)


async def test_a_webhook_is_named_so(channel: Telegram, network: FakeTelegram) -> None:
    """It is no second program, and needs something else to be done."""
    network.world.webhook = {"url": "https://example.com/secret-path"}
    async with receiving(channel) as receiver:
        with pytest.raises(TokenInUse, match=r"a webhook is set .* deleteWebhook") as caught:
            await receiver.batch()

    assert "somebody else" not in str(caught.value)


async def test_a_refused_token_says_what_to_do(
    channel: Telegram, network: FakeTelegram
) -> None:
    """The error parks the channel, and has no token in it."""
    network.revoke_token()
    async with receiving(channel) as receiver:
        with pytest.raises(AuthFailed, match="@BotFather") as caught:
            await receiver.batch()

    assert network.token not in str(caught.value)
    assert network.token.partition(":")[2] not in repr(caught.value)


async def test_waiting_is_for_as_long_as_was_said(
    channel: Telegram, network: FakeTelegram
) -> None:
    """Telegram says how many seconds, and nothing else counts."""
    network.fail_next("getUpdates", errors.too_many_requests(7))
    async with receiving(channel) as receiver:
        with pytest.raises(RateLimited) as caught:
            await receiver.batch()

    assert caught.value.retry_after_s == 7


async def test_what_cannot_be_read_is_logged_and_passed_over(
    channel: Telegram, network: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named without what it says; what comes with it arrives."""
    network.push("message", {"message_id": 5, "text": "private words"})
    network.private_chat().text("hi")
    async with receiving(channel) as receiver:
        batch = await receiver.batch()

    assert len(batch.items) == 1
    assert "update 900000001 (message): KeyError cannot be read" in caplog.text
    assert "private words" not in caplog.text


async def test_the_token_is_in_no_log(
    channel: Telegram, network: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    """Addresses of the Bot API have it in them, and libraries like to log addresses."""
    caplog.set_level(logging.DEBUG)
    network.private_chat().text("hi")
    network.fail_next("getMe", page(502))
    async with receiving(channel) as receiver:
        with pytest.raises(Unreachable):
            await receiver.batch()
    async with receiving(channel) as receiver:
        await receiver.batch()

    assert network.token not in caplog.text
