"""Rig network channel: what cobot knows of the network of the tests.

Not supported: everything but receiving and sending.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import attrs

from cobot import (
    AuthFailed,
    Batch,
    ChannelError,
    ChannelSpec,
    Context,
    DeliveryUnknown,
    Forbidden,
    IncomingMessage,
    OutgoingMessage,
    RateLimited,
    Secret,
    Unreachable,
    hookimpl,
)
from cobot.limits import Limits
from rig.control import Boundary, ControlSettings, Reporter
from rig.network import LINE_BYTES, Mode

BUGGY = "buggy"
"""Sending a text that has it in it shows a bug of the channel's own."""
SLACK_S = 5.0
"""How much longer than it should a poll may take."""


@attrs.frozen(kw_only=True)
class NetworkSettings(ControlSettings):
    """Where the network is."""

    port: int
    token: Secret
    mode: Mode = "none"
    limit: int = 100
    """Messages in one answer at most."""
    wait_s: float = 10.0
    """How long an answer may take when nothing arrives."""
    tells: Literal["little", "much"] = "little"
    """`much`: errors quote the whole request, with the token in it."""


class RigChannel(ChannelSpec):
    """One bot on the network."""

    Settings = NetworkSettings

    def __init__(self, settings: NetworkSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._reporter = Reporter(settings)

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        offset = int(cursors.get("", "1"))
        while True:
            messages = await self._poll(offset)
            if not messages:
                yield Batch()
                continue
            offset = messages[-1][0] + 1
            items = [self._message(*one) for one in messages]
            await self._reporter.reached(Boundary.RECEIVED)
            yield Batch(items, {"": str(offset)})
            await self._reporter.reached(Boundary.HANDED_BACK)

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        if message.unknown and self._settings.mode == "lookup":
            found = await self._call("find", key=message.key)
            if found["id"] is not None:
                return str(found["id"])
        if BUGGY in message.content:
            raise RuntimeError(f"a bug with {self._settings.token.reveal()!r}")
        await self._reporter.reached(Boundary.BEFORE_REQUEST)
        answer = await self._call(
            "send",
            chat=message.channel_id,
            text=message.content,
            key=message.key,
            unknown=message.unknown,
        )
        return str(answer["id"])

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return Limits(idempotency=self._settings.mode)

    async def _poll(self, offset: int) -> list[list[Any]]:
        settings = self._settings
        reported = {"tasks": len(asyncio.all_tasks())}
        try:
            async with asyncio.timeout(settings.wait_s + SLACK_S):
                answer = await self._call(
                    "poll",
                    offset=offset,
                    limit=settings.limit,
                    wait_s=settings.wait_s,
                    reported=reported,
                )
        except TimeoutError:
            raise self._error(Unreachable, "poll", "the network does not answer") from None
        messages: list[list[Any]] = answer["messages"]
        return messages

    async def _call(self, call: str, **fields: Any) -> dict[str, Any]:
        settings = self._settings
        request = {"call": call, "token": settings.token.reveal(), **fields}
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", settings.port, limit=LINE_BYTES
            )
        except OSError as error:
            raise self._error(Unreachable, call, f"no connection: {error}") from error
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            line = await reader.readline()
        except OSError as error:
            raise self._broken(call, f"the connection broke: {error}") from error
        finally:
            writer.close()
        if not line.endswith(b"\n"):
            raise self._broken(call, "the connection broke before the answer")
        answer: dict[str, Any] = json.loads(line)
        if answer["status"] != 200:
            raise self._denied(call, answer)
        return answer

    def _broken(self, call: str, detail: str) -> ChannelError:
        # Whether a send was taken is not known; a poll that was does no harm.
        return self._error(DeliveryUnknown if call == "send" else Unreachable, call, detail)

    def _denied(self, call: str, answer: Mapping[str, Any]) -> ChannelError:
        status = answer["status"]
        if status == 429:
            return self._error(
                RateLimited,
                call,
                "429",
                retry_after_s=answer["retry_after"],
                scope="address" if call == "send" else "channel",
            )
        return self._error(AuthFailed if status == 401 else Forbidden, call, str(status))

    def _error(
        self, kind: type[ChannelError], call: str, detail: str, **fields: Any
    ) -> ChannelError:
        if self._settings.tells == "much":
            token = self._settings.token.reveal()
            detail = f"{detail}; asked POST /bot{token}/{call} as {token!r}"
        return kind(self._context.name, call, detail, **fields)

    def _message(self, seq: int, chat: str, text: str) -> IncomingMessage:
        return IncomingMessage(
            id=str(seq),
            channel_type=self._context.name,
            channel_id=chat,
            sender_id=f"person-of-{chat}",
            sender_name=f"Person of {chat}",
            content=text,
            timestamp=datetime.now(UTC),
            direct=True,
        )
