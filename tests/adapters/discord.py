"""The fake Discord, with one direct chat."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from networks.discord import (
    ApiError,
    FakeDiscord,
    Fault,
    Message,
    Room,
    page,
    too_many_requests,
)
from networks.discord.errors import (
    invalid,
    missing_permissions,
    unauthorized,
    unknown,
)
from networks.discord.happenings import appear
from networks.discord.record import Event
from networks.discord.wires import event_wire
from networks.faults import Failure

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

ROUTES = {
    "receive": "get_gateway_bot",
    "send": "create_message",
    "media": "create_message",
    "edit": "edit_message",
    "delete": "delete_message",
    "react": "react",
}
STATUSES = {"online": "online", "idle": "away", "invisible": "offline"}
ESCAPED = re.compile(r"\\([^\w\s])")


class Discord(Faked[Message]):
    """A bot and Ann."""

    _network: FakeDiscord
    _room: Room
    channel: ClassVar[type | str] = "discord"

    def __init__(self) -> None:
        super().__init__()
        self._sequences: dict[str, int] = {}  # by a message's id, which event told of it

    async def start(self) -> Mapping[str, Any]:
        """Listen, with Ann in a direct chat."""
        self._network = network = FakeDiscord(clock=self.clock)
        await network.listen()
        self._room = network.dm()
        self.chat, self.person = self._room.id, self._room.person.id
        network.world.record.listeners.append(self._note)
        return {
            "bot_token": network.token,
            "base_url": network.url,
            "gateway_url": network.gateway_url,
        }

    async def person_writes(self, text: str) -> str:
        """Write as Ann, once the bot is there: nobody is told of a chat it never had."""
        await self._met()
        return self._keep(self._room.text(text))

    async def person_sends(self, name: str, content: bytes, caption: str) -> str:
        """Send a file as Ann."""
        await self._met()
        return self._keep(self._room.attach(content, name, text=caption))

    async def person_deletes(self, id: str) -> None:  # noqa: A002
        """Delete as Ann."""
        self._room.delete(self._written[id])

    async def bot_writes(self, text: str) -> None:
        """Let a message of the bot's own come, as another process would send it."""
        await self._met()
        network = self._network
        appear(
            network.world,
            network.world.add_message(self._room.channel, network.bot, content=text),
        )

    def confirmed(self) -> Collection[str]:
        """Return what lies before the events that the bot names: it will not ask for them."""
        gateway = self._network.gateway
        named = [resume["seq"] for resume in gateway.resumes]
        named += [beat or 0 for line in gateway.opened for _, beat in line.beats]
        return [id_ for id_, one in self._sequences.items() if one <= max(named, default=0)]

    async def redeliver(self) -> None:
        """Hand every message over once more."""
        for message in self._written.values():
            payload = event_wire(self._network.world, message)
            self._network.push("MESSAGE_CREATE", payload)

    async def cause(
        self, error: type[ChannelError], operation: str, retry_after_s: float
    ) -> None:
        """Let the next request of the operation fail."""
        failures: Mapping[type[ChannelError], Failure] = {
            AuthFailed: unauthorized(),
            ChatGone: unknown("Channel"),
            Forbidden: missing_permissions(),
            Rejected: invalid("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer"),
            MessageNotFound: unknown("Message"),
            RateLimited: too_many_requests(retry_after_s),
            DeliveryUnknown: Fault.LOST,
            ChannelError: page(502),
        }
        failure = failures[error]
        if operation == "receive" and not isinstance(failure, ApiError):
            self._network.gateway.refuse_next()
            return
        self._network.fail_next(ROUTES[operation], failure)
        if operation == "receive":
            # Where a session begins it is asked for, and nowhere else.
            self._network.gateway.close(4009)

    async def _met(self) -> None:
        """Wait until the bot was there: of chats from before it is told nothing."""
        if not self._network.gateway.sessions:
            await self._network.wait_for_bot()

    def _keep(self, message: Message) -> str:
        self._written[message.id] = message
        (session,) = self._network.gateway.sessions.values()
        self._sequences[message.id] = session.sequence
        return message.id

    def _note(self, event: Event) -> None:
        message = event.message
        if event.kind == "presence":
            status = STATUSES[event.detail["status"]]
            self._arrived.append(Arrival(kind="presence", status=status))
        elif event.kind == "typing":
            assert event.channel is not None
            self._arrived.append(Arrival(kind="typing", chat=event.channel.id))
        if message is None:
            return
        id_, chat, text = message.id, message.channel.id, ESCAPED.sub(r"\1", message.content)
        if event.kind in ("reacted", "unreacted"):
            emoji = event.detail["name"] if event.kind == "reacted" else None
            self._arrived.append(Arrival(kind="react", id=id_, emoji=emoji, chat=chat))
        elif event.kind in ("edited", "deleted"):
            kind: Kind = "edit" if event.kind == "edited" else "delete"
            self._arrived.append(Arrival(kind=kind, id=id_, text=text, chat=chat))
        elif event.kind == "sent":
            files = tuple(one.content for one in message.attachments)
            self._arrived.append(
                Arrival(
                    kind="media" if files else "send",
                    id=id_,
                    text=text,
                    files=files,
                    reply_to=message.reply_to.id if message.reply_to else None,
                    chat=chat,
                )
            )
