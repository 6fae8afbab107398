"""Nostr as the contract suite uses it: a relay, a person, and a server for files."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, ClassVar

from cobot import ChannelError, DeliveryUnknown, Forbidden, RateLimited, Rejected, Unreachable
from cobot.testing import Arrival, ManualClock, Network
from cobot_nostr import Nostr
from cobot_nostr.crypto import FileKey, Signer, sha256
from cobot_nostr.events import DELETION, DIRECT, FILE, GIFT_WRAP, REACTION, STATUS, Draft, Event
from nostr.meddling import Meddler, Message
from nostr.people import Person
from nostr.servers import FileServer, local_relay

_ANSWERS: Mapping[type[ChannelError], str | None] = {
    Rejected: "invalid: it is too large",
    Forbidden: "blocked: not here",
    RateLimited: "rate-limited: slow down",
    DeliveryUnknown: None,
    ChannelError: "<html>502 Bad Gateway</html>",
}


class NostrNetwork(Network):
    """One relay, on which a person and the bot write to each other privately."""

    channel: ClassVar[type] = Nostr
    cannot: ClassVar[Mapping[str, str]] = {
        "NIP-17 has no edits, only a deletion and a new message": "edit person_edits",
        "there is no standard for it": "typing",
        "relays are never told what has arrived": "confirmed",
    }

    errors: ClassVar[Mapping[str, Collection[type[ChannelError]]]] = {
        "media": (Rejected, Unreachable),
        "react": (Rejected, Forbidden),
        "delete": (Rejected, Forbidden),
        "presence": (Rejected, Forbidden),
        # Unreachable is the last of all: what is cut stays cut.
        "send": (Rejected, Forbidden, DeliveryUnknown, RateLimited, ChannelError, Unreachable),
    }

    def __init__(self) -> None:
        self.key = Signer.generate()
        """The bot's."""
        self._rumors: list[Event] = []
        self._stack = AsyncExitStack()

    async def start(self) -> Mapping[str, Any]:
        """Start relay and file server, with a way between that can be cut."""
        enter = self._stack.enter_async_context
        # nostr-sdk's relay goes by the machine's time, and refuses what has expired.
        self.clock = ManualClock(datetime.now(UTC))
        relay = await enter(local_relay())
        url = str(await relay.url())
        self.between = await enter(Meddler(url).running())
        self.files = await enter(FileServer().running())
        self.someone = await enter(Person(url, self.clock))
        bot = self.key.pubkey
        await self.someone.watch({"kinds": [STATUS], "authors": [bot]})
        await self.someone.announce(self.between.url)
        self.person, self.chat = self.someone.id, f"dm:{self.someone.id}"
        return {
            "nsec": self.key.nsec(),
            "relays": [self.between.url],
            "blossom": [self.files.url],
        }

    async def stop(self) -> None:
        """Stop them."""
        await self._stack.aclose()

    async def person_writes(self, text: str) -> str:
        """Write to the bot."""
        return await self._whisper(Draft(kind=DIRECT, tags=self._to_bot, content=text))

    async def person_sends(self, name: str, content: bytes, caption: str) -> str:
        """Encrypt a file, upload it, and send what opens it."""
        key = FileKey.generate()
        encrypted = key.encrypt(content)
        hash_ = sha256(encrypted)
        self.files.files[hash_] = encrypted
        tags = (
            *self._to_bot,
            ("file-type", "text/plain"),
            ("encryption-algorithm", "aes-gcm"),
            ("decryption-key", key.key),
            ("decryption-nonce", key.nonce),
            ("x", hash_),
            ("alt", caption),
            ("filename", name),
        )
        draft = Draft(kind=FILE, tags=tags, content=f"{self.files.url}/{hash_}")
        return await self._whisper(draft)

    async def person_deletes(self, id: str) -> None:  # noqa: A002
        """Delete privately."""
        tags = (*self._to_bot, ("e", id), ("k", "14"))
        await self._whisper(Draft(kind=DELETION, tags=tags))

    async def person_reacts(self, id: str, emoji: str) -> None:  # noqa: A002
        """React privately."""
        tags = (*self._to_bot, ("e", id), ("k", "14"))
        await self._whisper(Draft(kind=REACTION, tags=tags, content=emoji))

    async def bot_writes(self, text: str) -> None:
        """Let another client of the bot's send it a copy of what it wrote."""
        other = Person("", self.clock, signer=self.key)
        draft = Draft(kind=DIRECT, tags=(("p", self.someone.id),), content=text)
        rumor = other.signer.rumor(draft, other.now)
        await self.someone.publish(other.wrapped(rumor, self.key.pubkey))

    def arrived(self) -> Sequence[Arrival]:
        """Read what was sent to the person, and the bot's status."""
        arrivals: list[Arrival] = []
        reactions: dict[str, str] = {}
        for rumor in self.someone.rumors:
            about = rumor.last("e")
            if rumor.kind == FILE:
                file = self._decrypted(rumor)
                arrivals.append(Arrival(kind="media", id=rumor.id, files=(file,)))
            elif rumor.kind == DIRECT and arrivals and arrivals[-1].id == about:
                files = arrivals[-1].files
                if arrivals[-1].kind != "media":
                    arrivals.append(self._sent(rumor))
                    continue
                arrivals[-1] = Arrival(kind="media", id=about, text=rumor.content, files=files)
            elif rumor.kind == DIRECT:
                arrivals.append(self._sent(rumor))
            elif rumor.kind == REACTION and about:
                reactions[rumor.id] = about
                arrivals.append(Arrival(kind="react", id=about, emoji=rumor.content))
            elif rumor.kind == DELETION and about in reactions:
                arrivals.append(Arrival(kind="react", id=reactions[about], emoji=None))
            elif rumor.kind == DELETION and about:
                arrivals.append(Arrival(kind="delete", id=about))
        for event in self.someone.events:
            if event.kind == STATUS:
                status = event.content or "offline"
                arrivals.append(Arrival(kind="presence", status=status))
        return arrivals

    async def redeliver(self) -> None:
        """Hand over the same envelopes again, and the same messages in others."""
        for rumor in self._rumors:
            await self.someone.publish(self.someone.wrapped(rumor, self.key.pubkey))
        self.between.drop()

    async def goes_down(self) -> None:
        """Cut the way to the relay."""
        await self.between.cut()

    async def comes_back(self) -> None:
        """Mend it."""
        await self.between.mend()

    async def cause(
        self, error: type[ChannelError], operation: str, retry_after_s: float
    ) -> None:
        """Let the relay, or the file server, refuse what comes next."""
        if operation == "media":
            self.files.status = 413 if error is Rejected else 503
        elif error is Unreachable:
            await self.between.cut()
        else:
            kind = STATUS if operation == "presence" else GIFT_WRAP
            self._answer(kind, _ANSWERS[error])

    def _answer(self, kind: int, text: str | None) -> None:
        def on_ask(message: Message) -> list[Message] | None:
            if message[0] != "EVENT" or message[1]["kind"] != kind:
                return None
            self.between.on_ask = lambda message: None
            if text is not None:
                self._telling = asyncio.ensure_future(
                    self.between.tell(["OK", message[1]["id"], False, text])
                )
            return []

        self.between.on_ask = on_ask

    @property
    def _to_bot(self) -> tuple[tuple[str, ...], ...]:
        return (("p", self.key.pubkey),)

    async def _whisper(self, draft: Draft) -> str:
        someone = self.someone
        rumor = someone.signer.rumor(draft, someone.now)
        self._rumors.append(rumor)
        accepted, text = await someone.publish(someone.wrapped(rumor, self.key.pubkey))
        assert accepted, text
        return rumor.id

    def _sent(self, rumor: Event) -> Arrival:
        return Arrival(
            kind="send",
            id=rumor.id,
            text=rumor.content,
            reply_to=rumor.last("e"),
            chat=self.chat,
        )

    def _decrypted(self, rumor: Event) -> bytes:
        hash_ = rumor.value("x") or ""
        key = FileKey(
            rumor.value("decryption-key") or "", rumor.value("decryption-nonce") or ""
        )
        return key.decrypt(self.files.files[hash_])
