"""What may be asked of a running session: one JSON object in, one out.

The control socket carries these objects between processes. A command that finds no running
bot becomes one for a moment and carries the same objects out itself, so there is one code
for both.

`do` names the order; beside it stand what it needs and, after the semicolon, what it takes:

    status
    send       channel, chat, text; thread, reply_to, media (paths), key, timeout_s
    broadcast  text; exclude (channels), key, timeout_s
    pair       code
    retry      id (of a dead letter)
    drop       id

The response has `ok` with what came of it, or `error` with one line and `code` with the exit
code that fits. That of `broadcast` has one of the two for each channel. Before that of `send`
comes `{"stored": KEY}` as soon as it is so: should the bot end now, the message is not lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol, TypeAlias

from cobot.errors import CobotError, UnknownChannel, first_line, nearest, shown
from cobot.journal import Standing
from cobot.messages import Json, Media, OutgoingMessage, Receipt

log = logging.getLogger(__name__)

Request: TypeAlias = Mapping[str, Json]
Response: TypeAlias = dict[str, Json]
Tell: TypeAlias = Callable[[Response], None]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_WAITING = 75  # EX_TEMPFAIL of sysexits.h: stored, and still waiting
EXIT_CONFIG = 78

TIMEOUT_S = 30.0
"""How long a message may take when the request does not say."""

STORING_S = 5.0
"""How long storing may take, however short the rest may be."""


class Handle(Protocol):
    """A message that is on its way. See `Session.enqueue`."""

    @property
    def id(self) -> str:
        """Its key."""
        ...

    async def stored(self) -> object:
        """Wait until it is durable."""
        ...

    async def receipt(self) -> Receipt:
        """Wait until it is delivered."""
        ...


class Stands(Protocol):
    """What is asked of a journal. See `Journal`."""

    async def standing(self, channel: str, key: str) -> Standing | None:
        """Return how a message stands."""
        ...


class Controlled(Protocol):
    """What is asked of a session. See `Session`."""

    @property
    def journal(self) -> Stands:
        """Where messages are kept."""
        ...

    async def status(self) -> dict[str, Json]:
        """Return how it is, as JSON."""
        ...

    def enqueue(self, message: OutgoingMessage, *, key: str | None = None) -> Handle:
        """Begin to deliver a message."""
        ...

    async def broadcast(
        self, text: str, *, exclude: Collection[str] = (), key: str | None = None
    ) -> Mapping[str, Receipt | CobotError]:
        """Deliver a text on every channel."""
        ...

    async def pair(self, code: str) -> str:
        """Let somebody in; return a line that says whom."""
        ...

    async def retry_dead(self, id: int) -> bool:  # noqa: A002
        """Try a dead letter again."""
        ...

    async def drop_dead(self, id: int) -> bool:  # noqa: A002
        """Forget a dead letter."""
        ...


class Refused(CobotError):
    """An order that is not carried out; `code` is the exit code that fits."""

    def __init__(self, detail: str, code: int) -> None:
        super().__init__(detail)
        self.code = code


async def carry_out(
    session: Controlled, request: Request, tell: Tell = lambda _response: None
) -> Response:
    """Do what a request asks. Cancelling stops the waiting, not the sending.

    Args:
        session: Who does it.
        request: What to do.
        tell: Called with what is to be said before the response.
    """
    try:
        do = _text(request, "do")
        order = ORDERS.get(do)
        if order is None:
            raise Refused(f"nobody can {do!r} here{nearest(do, ORDERS)}", EXIT_USAGE)
        return {"ok": await order(session, request, tell)}
    except Refused as error:
        return failure(error, error.code)
    except UnknownChannel as error:
        return failure(error, EXIT_CONFIG)
    except CobotError as error:
        return failure(error, EXIT_FAILED)
    except Exception as error:  # a fault of ours: the bot goes on
        log.exception("order %s failed; please report this", shown(request.get("do")))
        return failure(first_line(error), EXIT_FAILED)


def waiting(key: str | None) -> str:
    """Say of a message that it is stored, and how to learn what became of it."""
    return (
        "stored, and not delivered yet; it stays in line. To learn what became of it, send the"
        f" same again with --key {key}: that is still one message"
    )


def failure(error: CobotError | str, code: int) -> Response:
    """Return a response that says in one line what went wrong."""
    return {"error": "; ".join(str(error).splitlines()), "code": code}


async def _status(session: Controlled, _request: Request, _tell: Tell) -> Json:
    return await session.status()


async def _send(session: Controlled, request: Request, tell: Tell) -> Json:
    timeout_s = _seconds(request, "timeout_s", TIMEOUT_S)
    deadline = asyncio.get_running_loop().time() + timeout_s
    message = _message(request)
    handle = session.enqueue(message, key=message.key or None)
    try:
        async with asyncio.timeout(max(timeout_s, STORING_S)):
            await handle.stored()
    except TimeoutError:
        detail = "the journal does not store it; the bot's log says why"
        raise Refused(detail, EXIT_FAILED) from None
    tell({"stored": handle.id})
    try:
        async with asyncio.timeout_at(deadline):
            receipt = await handle.receipt()
    except TimeoutError:
        raise Refused(waiting(handle.id), EXIT_WAITING) from None
    except CobotError as error:
        # Where a channel is parked, or the bot is stopped, it failed for now only.
        standing = await session.journal.standing(message.channel_type, handle.id)
        if standing is None or standing.state != "waiting":
            raise
        raise Refused(f"{error}; {waiting(handle.id)}", EXIT_WAITING) from error
    return {"key": handle.id, **_of_receipt(receipt)}


async def _broadcast(session: Controlled, request: Request, _tell: Tell) -> Json:
    text, exclude = _text(request, "text"), _texts(request, "exclude")
    key = _optional_text(request, "key")
    timeout_s = _seconds(request, "timeout_s", TIMEOUT_S)
    channels = list((await session.status())["channels"])
    for name in exclude:
        if name not in channels:
            raise UnknownChannel(name, channels)

    async def on_one(name: str) -> Response:
        # By itself, so that what became of it is known even where another one is waiting.
        others = [one for one in channels if one != name]
        try:
            async with asyncio.timeout(max(timeout_s, STORING_S)):
                outcomes = await session.broadcast(text, exclude=others, key=key)
        except TimeoutError:
            return {name: failure(waiting(key), EXIT_WAITING)}
        return {
            name: failure(outcome, EXIT_FAILED)
            if isinstance(outcome, CobotError)
            else {"ok": _of_receipt(outcome)}
            for name, outcome in outcomes.items()
        }

    outcomes: Response = {}
    named = [name for name in channels if name not in exclude]
    for outcome in await asyncio.gather(*map(on_one, named)):
        outcomes |= outcome
    if not outcomes:
        raise Refused(
            f"no channel has a chat for broadcasts (asked: {', '.join(named) or 'none'});"
            " write 'default: CHAT' in the section of one",
            EXIT_CONFIG,
        )
    return outcomes


async def _pair(session: Controlled, request: Request, _tell: Tell) -> Json:
    return await session.pair(_text(request, "code"))


async def _retry(session: Controlled, request: Request, _tell: Tell) -> Json:
    return await session.retry_dead(_number(request, "id"))


async def _drop(session: Controlled, request: Request, _tell: Tell) -> Json:
    return await session.drop_dead(_number(request, "id"))


ORDERS: Mapping[str, Callable[[Controlled, Request, Tell], Awaitable[Json]]] = {
    "status": _status,
    "send": _send,
    "broadcast": _broadcast,
    "pair": _pair,
    "retry": _retry,
    "drop": _drop,
}


# What a request may hold. It comes from another process, perhaps of another version.


def _message(request: Request) -> OutgoingMessage:
    media = [Media.from_path(path) for path in _texts(request, "media")]
    try:
        return OutgoingMessage(
            _text(request, "channel"),
            _text(request, "chat"),
            _text(request, "text"),
            reply_to=_optional_text(request, "reply_to"),
            thread_id=_optional_text(request, "thread"),
            key=_optional_text(request, "key") or "",
            media=media,
        )
    except ValueError as error:
        raise Refused(str(error), EXIT_USAGE) from error


def _field(request: Request, name: str, expected: str, value: Json) -> Refused:
    do = shown(request.get("do"))
    detail = f"the order {do} has {shown(value)} for {name!r}, and {expected} is wanted"
    return Refused(detail, EXIT_USAGE)


def _text(request: Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str):
        raise _field(request, name, "text", value)
    return value


def _optional_text(request: Request, name: str) -> str | None:
    return None if request.get(name) is None else _text(request, name)


def _texts(request: Request, name: str) -> list[str]:
    value = request.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _field(request, name, "a list of texts", value)
    return value


def _number(request: Request, name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _field(request, name, "a whole number", value)
    return value


def _seconds(request: Request, name: str, default: float) -> float:
    value = request.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 0:
        raise _field(request, name, "a number of seconds", value)
    return float(value)


def _of_receipt(receipt: Receipt) -> Response:
    return {
        "ids": [ref.id for ref in receipt.refs],
        "degraded": list(receipt.degraded),
        "maybe_repeated": receipt.maybe_repeated,
    }


def with_texts(value: Json, change: Callable[[str], str]) -> Json:
    """Return a JSON value with every text in it changed, the keys of objects left alone."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: with_texts(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_texts(one, change) for one in value]
    return value
