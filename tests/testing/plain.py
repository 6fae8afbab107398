"""Pigeon channels of other kinds: one that blocks in threads, one that only sends."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs

from cobot import (
    Batch,
    Context,
    DeliveryUnknown,
    Limits,
    Media,
    MessageRef,
    OutgoingMessage,
    Unreachable,
    hookimpl,
)
from cobot.hookspecs import Status
from testing.pigeon import LETTER_CHARS, LINE_BYTES, Pigeon, PigeonSettings


class PlainPigeon(Pigeon):
    """Every hook is a plain `def`, on a socket that blocks."""

    @hookimpl
    def session_receive(self, cursors: Mapping[str, str]) -> Batch:  # type: ignore[override]
        offset = int(cursors.get("", "1"))
        letters = self.ask("poll", offset=offset)["letters"]
        offset = max([offset, *(one["number"] + 1 for one in letters)])
        items = [self.item(one) for one in letters if self.is_wanted(one)]
        return Batch(items, {"": str(offset)})

    @hookimpl
    def session_send(self, message: OutgoingMessage) -> Any:
        chat, text = message.channel_id, message.content
        return self.ask("send", chat=chat, text=text, reply_to=message.reply_to)["id"]

    @hookimpl
    def session_media(self, message: OutgoingMessage) -> Any:
        parcels = [(one.content or b"").hex() for one in message.media]
        chat, text = message.channel_id, message.content
        return self.ask("media", chat=chat, text=text, parcels=parcels)["id"]

    @hookimpl
    def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> None:  # type: ignore[override]
        self.ask("edit", id=ref.id, text=message.content)

    @hookimpl
    def session_delete(self, ref: MessageRef) -> None:  # type: ignore[override]
        self.ask("delete", id=ref.id)

    @hookimpl
    def session_react(self, ref: MessageRef, emoji: str | None) -> None:  # type: ignore[override]
        self.ask("react", id=ref.id, emoji=emoji)

    @hookimpl
    def session_typing(self, channel_type: str, channel_id: str) -> None:  # type: ignore[override]
        self.ask("typing", chat=channel_id)

    @hookimpl
    def session_presence(self, status: Status) -> None:  # type: ignore[override]
        self.ask("presence", mood=status)

    @hookimpl
    def session_fetch(self, media: Media, path: Path) -> None:  # type: ignore[override]
        assert media.remote is not None
        path.write_bytes(bytes.fromhex(self.ask("parcel", id=media.remote["id"])["hex"]))

    def ask(self, call: str, **fields: Any) -> dict[str, Any]:
        """Ask the network something, and wait here."""
        asked = {"call": call, "token": self.settings.token.reveal(), **fields}
        try:
            with socket.create_connection(("127.0.0.1", self.settings.port), timeout=5) as line:
                line.sendall(json.dumps(asked).encode() + b"\n")
                answer = b""
                while len(answer) < LINE_BYTES and (block := line.recv(LINE_BYTES)):
                    answer += block
        except ConnectionRefusedError as error:
            raise self.error(Unreachable, call, "nobody is there") from error
        except OSError:
            answer = b""
        if not answer:
            kind = Unreachable if call == "poll" else DeliveryUnknown
            raise self.error(kind, call, "the pigeon did not come back")
        return self.understood(call, answer)


@attrs.define(eq=False)
class Herald:
    """Sends, and does nothing else."""

    Settings: ClassVar = PigeonSettings
    channel: ClassVar = True

    settings: PigeonSettings
    context: Context

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> bool:
        pigeon = Pigeon(self.settings, self.context)
        await pigeon.session_send(message)
        return True

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return Limits(text=LETTER_CHARS)
