"""Pigeon channel: one that keeps the contract, over the network of `loft.py`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import attrs

from cobot import (
    AuthFailed,
    Batch,
    ChannelError,
    ChannelSpec,
    ChatGone,
    Context,
    DeliveryUnknown,
    Forbidden,
    IncomingMessage,
    Limits,
    Media,
    MessageDeleted,
    MessageEdited,
    MessageNotFound,
    MessageRef,
    OutgoingMessage,
    RateLimited,
    ReactionChanged,
    Rejected,
    Secret,
    TokenInUse,
    Unreachable,
    hookimpl,
)
from cobot.hookspecs import Status
from cobot.messages import Item

LINE_BYTES = 1 << 20
LETTER_CHARS = 300

ERRORS: Mapping[int, type[ChannelError]] = {
    401: AuthFailed,
    403: Forbidden,
    404: ChatGone,
    409: TokenInUse,
    410: MessageNotFound,
    422: Rejected,
    429: RateLimited,
}


@attrs.frozen
class PigeonSettings:
    """The section of a pigeon."""

    port: int
    """Where the loft is, on this machine."""
    token: Secret
    """Who we are."""


@attrs.define(eq=False)
class Pigeon(ChannelSpec):
    """One loft."""

    Settings: ClassVar = PigeonSettings

    settings: PigeonSettings
    context: Context

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        offset = int(cursors.get("", "1"))
        while True:
            letters = (await self.call("poll", offset=offset))["letters"]
            offset = max([offset, *(one["number"] + 1 for one in letters)])
            items = [self.item(one) for one in letters if self.is_wanted(one)]
            yield Batch(items, {"": str(offset)})

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        answer = await self.call(
            "send",
            chat=message.channel_id,
            text=message.content,
            reply_to=message.reply_to,
        )
        return answer["id"]

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> Any:
        parcels = [(await one.read(limit_bytes=LINE_BYTES)).hex() for one in message.media]
        answer = await self.call(
            "media", chat=message.channel_id, text=message.content, parcels=parcels
        )
        return answer["id"]

    @hookimpl
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        await self.call("edit", id=ref.id, text=message.content)

    @hookimpl
    async def session_delete(self, ref: MessageRef) -> None:
        await self.call("delete", id=ref.id)

    @hookimpl
    async def session_react(self, ref: MessageRef, emoji: str | None) -> None:
        await self.call("react", id=ref.id, emoji=emoji)

    @hookimpl
    async def session_typing(
        self, channel_type: str, channel_id: str, thread_id: str | None
    ) -> None:
        await self.call("typing", chat=channel_id)

    @hookimpl
    async def session_presence(self, channel_type: str, status: Status, text: str) -> None:
        await self.call("presence", mood=status)

    @hookimpl
    async def session_fetch(
        self, channel_type: str, media: Media, path: Path, limit_bytes: int
    ) -> None:
        assert media.remote is not None
        answer = await self.call("parcel", id=media.remote["id"])
        path.write_bytes(bytes.fromhex(answer["hex"]))  # noqa: ASYNC240 -- it is small

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return Limits(text=LETTER_CHARS)

    def is_wanted(self, letter: Mapping[str, Any]) -> bool:
        """Tell whether a letter is somebody else's."""
        return not str(letter["by"]).startswith("bot-")

    def time(self, seconds: float) -> datetime:
        """Return a time of the network's."""
        return datetime.fromtimestamp(seconds, UTC)

    def item(self, letter: Mapping[str, Any]) -> Item:
        """Return what a letter says."""
        name, chat, time = self.context.name, letter["chat"], self.time(letter["at"])
        if letter["kind"] == "revocation":
            return MessageDeleted(MessageRef(name, chat, letter["of"]), time)
        if letter["kind"] == "feeling":
            ref = MessageRef(name, chat, letter["of"])
            return ReactionChanged(ref, letter["by"], letter["emoji"], True, time)
        message = IncomingMessage(
            id=letter.get("of") or letter["id"],
            channel_type=name,
            channel_id=chat,
            sender_id=letter["by"],
            sender_name="Ann",
            content=letter["text"],
            timestamp=time,
            direct=True,
            media=self.parcels(letter),
            edited_at=time if letter["kind"] == "correction" else None,
        )
        return MessageEdited(message) if message.edited_at else message

    def parcels(self, letter: Mapping[str, Any]) -> list[Media]:
        """Return what came with a letter."""
        parcel = letter.get("parcel")
        return [Media.from_remote({"id": letter["id"]}, name=parcel["name"])] if parcel else []

    async def call(self, call: str, **fields: Any) -> dict[str, Any]:
        """Ask the network something."""
        asked = {"call": call, "token": self.settings.token.reveal(), **fields}
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.settings.port, limit=LINE_BYTES
            )
        except OSError as error:
            raise self.error(Unreachable, call, "nobody is there") from error
        try:
            writer.write(json.dumps(asked).encode() + b"\n")
            line = await reader.readline()
        except OSError:
            line = b""
        finally:
            writer.close()
        if not line:
            kind = Unreachable if call == "poll" else DeliveryUnknown
            raise self.error(kind, call, "the pigeon did not come back")
        return self.understood(call, line)

    def understood(self, call: str, line: bytes) -> dict[str, Any]:
        """Return what an answer says."""
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise self.error(DeliveryUnknown, call, "no answer, but something else") from error
        status = answer["status"]
        if status == 200:
            return answer
        kind = ERRORS.get(status, DeliveryUnknown)
        wait_s = answer.get("wait") if kind is RateLimited else None
        raise self.error(kind, call, f"status {status}", retry_after_s=wait_s)

    def error(
        self, kind: type[ChannelError], call: str, detail: str, **fields: Any
    ) -> ChannelError:
        """Return an error of this channel."""
        operation = "receive" if call == "poll" else call
        return kind(self.context.name, operation, detail, **fields)
