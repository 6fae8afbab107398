"""Checks of what goes wrong."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

from cobot.config.redaction import Redactor
from cobot.errors import ChannelError, HookFailed, RateLimited, first_line, shown
from cobot.messages import ChatMoved, Media, MessageRef
from cobot.testing.bench import Bench
from cobot.testing.broken import ContractBroken
from cobot.testing.receiving import AFTER, CONTENT, FILE, TEXT
from cobot.testing.running import Running
from cobot.testing.sending import ANSWER, NEW

WAIT_S = 30.0
"""What a network asks for that has had too many requests, in the channel's seconds."""

LATE_S = 15.0
"""How much later than asked a request may come, in the channel's seconds."""

DOWN_S = 0.05
"""How long a network is down; of the machine's time."""

WAIT_PACE = 500.0
"""How fast the channel's time goes until then."""


async def classes(bench: Bench) -> None:
    """Cause every error that the network can cause, and see as what it arrives."""
    wrong: list[str] = []
    async with bench.running(receive=bench.network.chat is None) as bot:
        for operation, kind in _causes(bench):
            if kind not in (ChannelError, RateLimited):
                result = await _attempt(bench, bot, operation, kind)
                wrong += _judged(bot, operation, kind, result)
    if wrong:
        raise ContractBroken(
            "What a network refuses arrives as the class of error that it is",
            "; ".join(wrong),
            "map the network's answers to cobot's errors where they are read",
        )


async def unknown(bench: Bench) -> None:
    """Let a network answer what no channel knows: that is no success."""
    async with bench.running(receive=bench.network.chat is None) as bot:
        for operation, kind in _causes(bench):
            if kind is not ChannelError:
                continue
            result = await _attempt(bench, bot, operation, kind)
            # False from a send says that it failed, and that nobody knows more.
            if not isinstance(result, BaseException) and result is not False:
                raise ContractBroken(
                    "What a channel does not understand is an error",
                    f"session_{operation} returned {shown(result)} as if all was well",
                    "catch only what you know, and raise ChannelError for the rest",
                )


async def rate_limit(bench: Bench) -> None:
    """Let a network ask for patience, and see when the next request comes."""
    async with bench.running() as bot:
        message = await bench.message(bot, ANSWER)
        await bench.network.cause(RateLimited, "send", WAIT_S)
        asked_at = bot.clock.monotonic()

        def waited_s() -> float:
            return bot.clock.monotonic() - asked_at

        def has_arrived() -> bool:
            return any(one.text == ANSWER for one in bench.network.arrived())

        sending = asyncio.create_task(bot.session.send(message))
        rule = "What a network has no time for now is sent later"
        remedy = "raise RateLimited(..., retry_after_s=...) with the wait that it asks for"
        try:
            await bot.until(
                lambda: has_arrived() or waited_s() >= WAIT_S, rule, remedy, pace=WAIT_PACE
            )
            await bot.until(has_arrived, rule, remedy, found=lambda: _outcome(sending))
        finally:
            sending.cancel()
        if not WAIT_S <= waited_s() <= WAIT_S + LATE_S:
            raise ContractBroken(
                "A network that asks for patience gets it, as long as it says",
                f"it asked for {WAIT_S:g} s, and the next one came after {waited_s():.1f} s",
                "raise RateLimited(..., retry_after_s=...), and wait by context.clock alone",
            )
        for operation, kind in _causes(bench):
            if kind is RateLimited and operation not in ("send", "receive"):
                _patient(operation, await _attempt(bench, bot, operation, kind))
    if RateLimited in bench.network.errors.get("receive", ()):
        async with bench.running(receive=False) as bot:
            _patient("receive", await _attempt(bench, bot, "receive", RateLimited))


def _patient(operation: str, result: Any) -> None:
    if not isinstance(result, RateLimited) or result.retry_after_s != WAIT_S:
        what = first_line(result) if isinstance(result, BaseException) else shown(result)
        waits = f", with retry_after_s {getattr(result, 'retry_after_s', None)}"
        raise ContractBroken(
            "A network that asks for patience gets it, as long as it says",
            f"it asked for {WAIT_S:g} s, and session_{operation} gave {what}{waits}",
            "raise RateLimited(..., retry_after_s=...) with what the network says",
        )


async def reconnect(bench: Bench) -> None:
    """Break the connection while both sides have something to say."""
    network = bench.network
    receives = network.why_not("receive") is None
    keeps = receives and network.why_not("confirmed") is None
    async with bench.running() as bot:
        first = await bench.message(bot, ANSWER)
        if receives:
            await network.person_writes(TEXT)
            await bot.question(TEXT)
        await network.goes_down()
        if keeps:
            await network.person_writes(AFTER)
        sending = asyncio.create_task(bot.session.send(first))
        async for _ in bench.for_a_while(DOWN_S):
            pass  # an attempt is made
        await network.comes_back()
        if receives and not keeps:
            await network.person_writes(AFTER)
        try:
            if receives:
                await bot.question(AFTER, "raise Unreachable, or return: it is called again")
            await bench.arrival(
                bot,
                "send",
                "A message is not lost for a connection that breaks",
                "raise Unreachable or DeliveryUnknown, and connect anew for the next one",
                text=ANSWER,
            )
        finally:
            sending.cancel()
        often = sum(message.content == TEXT for message in bot.asked)
        if often > 1:
            raise ContractBroken(
                "After a lost connection nothing is answered twice",
                f"one message was answered {often} times",
                "give messages the network's own ids, and go on from the cursors",
            )


async def secrets(bench: Bench) -> None:
    """Look for secrets in all that is logged and raised, when all goes well and when not."""
    network = bench.network
    async with bench.running(log_level=logging.DEBUG) as bot:
        await bench.send(bot, await bench.message(bot, ANSWER))
        _look(bot, [], "when all goes well")
        if not bot.secrets:
            return
    receive = network.chat is None
    async with bench.running(receive=receive, log_level=logging.DEBUG) as bot:
        for operation, kind in _causes(bench):
            result = await _attempt(bench, bot, operation, kind)
            _look(bot, _told(result), f"after {kind.__name__} in session_{operation}")
        if network.why_not("goes_down") is None:
            message = await bench.message(bot, ANSWER)
            await network.goes_down()
            try:
                result = await bot.call("session_send", message=message)
            except (ChannelError, HookFailed) as error:
                result = error
            _look(bot, _told(result), "after a connection that failed")
            await network.comes_back()


def _told(result: Any) -> list[str]:
    if isinstance(result, BaseException):
        return ["".join(traceback.format_exception(result))]
    return []


def _look(bot: Running, told: list[str], when: str) -> None:
    redact = Redactor(bot.secrets)
    for text in (*told, *(line for _, line in bot.log.lines)):
        redacted = redact(text)
        if redacted != text:
            at = redacted.find("***")
            raise ContractBroken(
                "No secret stands in a log or an error",
                f"one does {when}, where *** is: {redacted[max(at - 60, 0) : at + 60]!r}",
                "leave addresses with a token in them out of what you raise and log",
            )


def _causes(bench: Bench) -> Iterator[tuple[str, type[ChannelError]]]:
    for operation, kinds in bench.network.errors.items():
        for kind in kinds:
            yield operation, kind


async def _attempt(bench: Bench, bot: Running, operation: str, kind: type[ChannelError]) -> Any:
    """Call an operation's hook when it is to fail; return the error, or what came instead."""
    arguments = await _arguments(bench, bot, operation)
    await bench.network.cause(kind, operation, WAIT_S)
    try:
        result = await bot.call(f"session_{operation}", **arguments)
        if isinstance(result, AsyncIterator):
            result = await _handed_over(bot, result)
    except (ChannelError, HookFailed, ChatMoved) as error:
        return error
    except ContractBroken:
        raise
    except Exception as error:  # noqa: BLE001 -- an iterator of the channel's, by itself
        return HookFailed(bot.name, f"session_{operation}", first_line(error))
    return result


class _Nothing:
    """What a receiver hands over that does not even notice a failure."""

    def __repr__(self) -> str:
        return "nothing, and went on as before"


_NOTHING = _Nothing()


async def _handed_over(bot: Running, receiver: AsyncIterator[Any]) -> Any:
    """Return what a receiver hands over next; what it does instead, if it does nothing."""

    async def handed_over() -> Any:  # an iterator's own awaitable is no coroutine
        return await anext(receiver)

    try:
        return await bot.done(handed_over(), "session_receive")
    except ContractBroken:
        return _NOTHING
    finally:
        if hasattr(receiver, "aclose"):
            await receiver.aclose()


async def _arguments(bench: Bench, bot: Running, operation: str) -> dict[str, Any]:
    if operation == "receive":
        return {"cursors": {}}
    chat = await bench.chat(bot)
    if operation == "typing":
        return {"channel_type": bot.name, "channel_id": chat, "thread_id": None}
    if operation == "presence":
        return {"channel_type": bot.name, "status": "away", "text": ""}
    if operation in ("send", "media"):
        files = [Media.from_bytes(CONTENT, name=FILE)] if operation == "media" else []
        return {"message": await bench.message(bot, ANSWER, media=files)}
    ref: MessageRef = await bench.post(bot, ANSWER)
    if operation == "edit":
        return {"ref": ref, "message": await bench.message(bot, NEW)}
    return {"ref": ref, **({"emoji": bench.network.emoji} if operation == "react" else {})}


def _judged(
    bot: Running, operation: str, kind: type[ChannelError], result: Any
) -> Iterator[str]:
    """Say what is wrong with what came of a failure, if anything is."""
    hook = f"session_{operation}"
    if not isinstance(result, BaseException):
        yield f"{hook} returned {shown(result)} instead of raising {kind.__name__}"
    elif not isinstance(result, kind):
        yield f"{hook} raised {first_line(result)} instead of {kind.__name__}"
    elif result.channel_type != bot.name:
        yield (
            f"{kind.__name__} of {hook} names the channel {result.channel_type!r} and not"
            f" {bot.name!r}, which is context.name"
        )


def _outcome(sending: asyncio.Task[Any]) -> str:
    if not sending.done():
        return "it still waits"
    if sending.cancelled() or sending.exception() is None:
        return "the session counts it as sent, and nothing arrived"
    return f"it was given up: {first_line(sending.exception() or Exception())}"
