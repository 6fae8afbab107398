"""The fake Telegram, with one private chat."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from networks.faults import Failure
from networks.telegram import FakeTelegram, Fault, Message, Room
from networks.telegram.errors import (
    OTHER_POLLER,
    bad_request,
    conflict,
    forbidden,
    page,
    too_many_requests,
    unauthorized,
)
from networks.telegram.record import Event

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
    TokenInUse,
)
from cobot.testing import Arrival, Kind

METHODS = {
    "receive": "getUpdates",
    "send": "sendMessage",
    "media": "sendDocument",
    "edit": "editMessageText",
    "delete": "deleteMessage",
    "react": "setMessageReaction",
}


class Telegram(Faked[Message]):
    """A bot and Ann."""

    _network: FakeTelegram
    _room: Room
    channel: ClassVar[type | str] = "telegram"
    cannot: ClassVar[Mapping[str, str]] = {
        "bots have no presence": "presence",
        "bots are not told of deletions": "person_deletes",
    }
    errors: ClassVar[Mapping[str, Collection[type[ChannelError]]]] = {
        **Faked.errors,
        "receive": (*Faked.errors["receive"], TokenInUse),
        "media": (*Faked.errors["media"], Forbidden),
    }

    def __init__(self) -> None:
        super().__init__()
        self._updates: dict[str, int] = {}  # by a message's id, which update brought it

    async def start(self) -> Mapping[str, Any]:
        """Listen, with Ann in a private chat."""
        self._network = network = FakeTelegram(clock=self.clock)
        await network.listen()
        self._room = network.private_chat()
        self.chat, self.person = str(self._room.id), str(self._room.person.id)
        network.world.record.listeners.append(self._note)
        return {"bot_token": network.token, "base_url": network.url}

    async def person_writes(self, text: str) -> str:
        """Write as Ann."""
        return self._keep(self._room.text(text))

    async def person_sends(self, name: str, content: bytes, caption: str) -> str:
        """Send a document as Ann."""
        return self._keep(self._room.document(content, name, caption=caption))

    async def bot_writes(self, text: str) -> None:
        """Hand over what a bot is never sent by this network, but by others."""
        network = self._network
        message = network.world.add_message(
            self._room.chat, {"text": text}, sender=network.bot, is_outgoing=True
        )
        network.push("message", message.wire())

    def confirmed(self) -> Collection[str]:
        """Return what lies before the offset of a poll."""
        offset = max((one or 0 for one in self._network.poll_offsets), default=0)
        return [id_ for id_, update in self._updates.items() if update < offset]

    async def redeliver(self) -> None:
        """Hand every message over once more."""
        for message in self._written.values():
            self._network.push("message", message.wire())

    async def cause(
        self, error: type[ChannelError], operation: str, retry_after_s: float
    ) -> None:
        """Let the next call of the operation's method fail."""
        what = {"edit": "edit", "react": "react"}.get(operation, "delete")
        failures: Mapping[type[ChannelError], Failure] = {
            AuthFailed: unauthorized(),
            TokenInUse: conflict(OTHER_POLLER),
            ChatGone: bad_request("chat not found"),
            Forbidden: forbidden("bot was blocked by the user"),
            Rejected: bad_request("message is too long"),
            MessageNotFound: bad_request(f"message to {what} not found"),
            RateLimited: too_many_requests(int(retry_after_s)),
            DeliveryUnknown: Fault.LOST,
            ChannelError: page(502),
        }
        self._network.fail_next(METHODS[operation], failures[error])

    def _keep(self, message: Message) -> str:
        id_ = str(message.id)
        self._written[id_] = message
        self._updates[id_] = self._network.world.updates.next_id - 1
        return id_

    def _note(self, event: Event) -> None:
        message = event.message
        chat = str(event.chat.id) if event.chat else None
        if event.kind == "action":
            self._arrived.append(Arrival(kind="typing", chat=chat))
        if message is None:
            return
        id_ = str(message.id)
        if event.kind == "reacted":
            emoji = event.detail[0]["emoji"] if event.detail else None
            self._arrived.append(Arrival(kind="react", id=id_, emoji=emoji, chat=chat))
        elif event.kind in ("edited", "deleted"):
            kind: Kind = "edit" if event.kind == "edited" else "delete"
            self._arrived.append(Arrival(kind=kind, id=id_, text=message.text, chat=chat))
        elif event.kind == "sent":
            document = message.content.get("document")
            stored = self._network.world.files.get(document["file_id"]) if document else None
            self._arrived.append(
                Arrival(
                    kind="media" if stored else "send",
                    id=id_,
                    text=message.text,
                    files=(stored.content,) if stored else (),
                    reply_to=str(message.reply_to.id) if message.reply_to else None,
                    chat=chat,
                )
            )
