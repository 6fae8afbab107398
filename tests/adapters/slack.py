"""The fake Slack, with one person's direct messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from networks.slack import ApiError, FakeSlack, Fault, Message, Room, page, rate_limited
from networks.slack.emoji import emoji_of
from networks.slack.methods.sending import post
from networks.slack.record import Event

from adapters.faked import Faked
from cobot import (
    AuthFailed,
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    MessageNotFound,
    RateLimited,
    Rejected,
)
from cobot.testing import Arrival, Kind

METHODS = {
    "receive": "apps.connections.open",
    "send": "chat.postMessage",
    "media": "files.completeUploadExternal",
    "edit": "chat.update",
    "delete": "chat.delete",
    "react": "reactions.add",
}
STATUSES = {"auto": "online", "away": "away"}
BREAK = "\u200b"


class Slack(Faked[Message]):
    """A bot and Ann."""

    _network: FakeSlack
    _room: Room
    channel: ClassVar[type | str] = "slack"

    async def start(self) -> Mapping[str, Any]:
        """Listen, with Ann in direct messages."""
        self._network = network = FakeSlack(clock=self.clock)
        await network.listen()
        self._room = network.private_chat(network.user("Ann"))
        self.chat, self.person = self._room.id, self._room.person.id
        # What is being written is shown below a message.
        post(network.world, self._room.channel, network.world.laid_out("hello"), None, None)
        network.world.record.listeners.append(self._note)
        return {
            "bot_token": network.bot_token,
            "app_token": network.app_token,
            "base_url": network.url,
        }

    async def person_writes(self, text: str) -> str:
        """Write as Ann, once the bot is there: Slack keeps nothing for one that never was."""
        await self._met()
        return self._keep(self._room.text(text))

    async def person_sends(self, name: str, content: bytes, caption: str) -> str:
        """Send a file as Ann."""
        await self._met()
        return self._keep(self._room.file(content, name, text=caption))

    async def person_deletes(self, id: str) -> None:  # noqa: A002
        """Delete as Ann."""
        self._room.delete(self._written[id])

    async def bot_writes(self, text: str) -> None:
        """Let a message of the bot's own come, as another process would send it."""
        await self._met()
        world = self._network.world
        post(world, self._room.channel, world.laid_out(text), None, None)

    def confirmed(self) -> Collection[str]:
        """Return what was acknowledged."""
        if self._network.links:
            self._network.retry_now()  # what was told to nobody is told again, now or soon
        told = [one for one in self._network.deliveries if one.state == "acked"]
        return [str(one.payload.get("event", {}).get("ts")) for one in told]

    async def redeliver(self) -> None:
        """Tell of everything once more."""
        for delivery in [*self._network.deliveries]:
            self._network.repeat(delivery)

    async def cause(
        self, error: type[ChannelError], operation: str, retry_after_s: float
    ) -> None:
        """Let the next request of the operation fail."""
        failures: Mapping[type[ChannelError], Any] = {
            AuthFailed: ApiError("invalid_auth"),
            ChatGone: ApiError("channel_not_found"),
            Forbidden: ApiError("restricted_action"),
            Rejected: ApiError("msg_too_long"),
            MessageNotFound: ApiError("message_not_found"),
            RateLimited: rate_limited(int(retry_after_s)),
            DeliveryUnknown: Fault.LOST,
            ChannelError: page(502),
        }
        self._network.fail_next(METHODS[operation], failures[error])
        if operation == "receive":
            # An address is asked for where a connection begins, and nowhere else.
            for link in self._network.links:
                link.drop()

    async def _met(self) -> None:
        """Wait until the bot was there."""
        if not self._network.socket_mode.links:
            await self._network.wait_for_links()

    def _keep(self, message: Message) -> str:
        self._written[message.ts] = message
        return message.ts

    def _note(self, event: Event) -> None:
        message, channel = event.message, event.channel
        chat = None if channel is None else channel.id
        if event.kind == "presence":
            status = STATUSES[event.detail]
            self._arrived.append(Arrival(kind="presence", status=status))
        elif event.kind == "status" and event.detail["status"]:
            self._arrived.append(Arrival(kind="typing", chat=chat))
        if message is None:
            return
        text = message.shown.replace(BREAK, "")
        if event.kind in ("reacted", "unreacted"):
            emoji = emoji_of(event.detail) if event.kind == "reacted" else None
            self._arrived.append(Arrival(kind="react", id=message.ts, emoji=emoji, chat=chat))
        elif event.kind in ("edited", "deleted"):
            kind: Kind = "edit" if event.kind == "edited" else "delete"
            self._arrived.append(Arrival(kind=kind, id=message.ts, text=text, chat=chat))
        elif event.kind == "sent":
            self._sent(message, text, chat)

    def _sent(self, message: Message, text: str, chat: str | None) -> None:
        stored = self._network.world.files.by_id
        files = tuple(stored[one["id"]].content or b"" for one in message.files)
        self._arrived.append(
            Arrival(
                kind="media" if files else "send",
                id=message.ts,
                text=text,
                files=files,
                reply_to=message.thread_ts,
                chat=chat,
            )
        )
