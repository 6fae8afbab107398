"""Sending: events made and signed once, and sent to the relays where they are looked for.

What `prepare` makes is stored before the first attempt, so that each attempt sends the same
bytes: a relay that has them already says `duplicate`, which is success.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from cobot import (
    Context,
    Forbidden,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Rejected,
    Unsupported,
)
from cobot.text import Rendered
from cobot_nostr import compose
from cobot_nostr.addresses import Chat, read_chat
from cobot_nostr.compose import Target
from cobot_nostr.crypto import Signer
from cobot_nostr.delivery import Delivery, post
from cobot_nostr.events import DIRECT, FILE, NIP04, NOTE, Draft, Event, Tag
from cobot_nostr.intake import Intake
from cobot_nostr.memory import Memory
from cobot_nostr.minting import Mint
from cobot_nostr.relays import Relays
from cobot_nostr.tags import has_secret
from cobot_nostr.uploads import Uploads
from cobot_nostr.wire import Place
from cobot_nostr.wraps import wrap

LOOK_UP_S = 2.0
"""How long to look for the message that is answered, in seconds."""


class Sending:
    """Makes events of messages, and publishes them."""

    def __init__(
        self,
        context: Context,
        signer: Signer,
        relays: Relays,
        intake: Intake,
        memory: Memory,
        uploads: Uploads,
        delivery: Delivery,
    ) -> None:
        self._context = context
        self._name = context.name
        self._random: Random = context.random
        self._signer = signer
        self._relays = relays
        self._intake = intake
        self._memory = memory
        self._uploads = uploads
        self._delivery = delivery
        self._mint = Mint(signer, context.clock)

    # Messages.

    async def prepare(self, message: OutgoingMessage) -> dict[str, Any] | None:
        """Make and sign what every attempt sends; None: the channel cannot send it.

        Raises:
            ChannelError: It cannot be made.
        """
        chat = self._chat("send", message.channel_id)
        text = self._without_secret("send", Rendered.of(message).text)
        if chat.is_private:
            return await self._prepare_private(chat, message, text)
        links, tags = await self._uploads.public(message.media)
        if links is None:
            return None
        text = "\n".join(filter(None, [text, *links]))
        draft = await self._public(chat, text, message.reply_to, tags)
        event = self._mint.event(draft, chat.id, message.created_at)
        return {"id": event.id, "ids": [event.id], "posts": [post(event, self._where(chat))]}

    async def _prepare_private(
        self, chat: Chat, message: OutgoingMessage, text: str
    ) -> dict[str, Any] | None:
        others = await self._others("send", chat)
        if await self._memory.is_old_fashioned(chat.value):
            # It knows no encrypted files, and a private one is not for a public server.
            links, _ = await self._uploads.public(message.media, only_links=True)
            if links is None:
                return None
            text = "\n".join(filter(None, [compose.cleaned(text), *links]))
            encrypted = self._signer.encrypt_nip04(chat.value, text)
            draft = compose.old_private(chat.value, encrypted, message.reply_to)
            event = self._mint.event(draft, chat.id, message.created_at)
            return {"ids": [event.id], "posts": [post(event, f"old:{chat.value}")]}
        files = await self._uploads.private(message.media)
        if files is None:
            return None
        drafts = [
            Draft(kind=FILE, tags=(*_to(others), *tags), content=url) for url, tags in files
        ]
        rumors = [self._mint.rumor(draft, chat.id, message.created_at) for draft in drafts]
        if text or not rumors:
            # A caption answers its file, so that it is read as one.
            about = rumors[0].id if rumors else message.reply_to
            draft = compose.private(text, others, about)
            rumors.append(self._mint.rumor(draft, chat.id, message.created_at))
        posts = [one for rumor in rumors for one in self._wrapped("send", rumor, others)]
        return {"ids": [rumor.id for rumor in rumors], "kind": rumors[0].kind, "posts": posts}

    async def send(self, message: OutgoingMessage, operation: str) -> Receipt:
        """Publish what was prepared.

        Raises:
            ChannelError: Not enough relays took it.
        """
        prepared = message.prepared or await self.prepare(message)
        if prepared is None:
            detail = "there is no Blossom server in the settings, or it is another network's"
            raise Unsupported(self._name, "media", detail)
        chat = read_chat(message.channel_id)
        took = await self._delivery.publish(operation, prepared["posts"])
        ids = prepared["ids"]
        for id_ in ids:
            kind = _kind_in(prepared, id_)
            self._memory.note(id_, Place(chat.id, self._signer.pubkey, kind))
        refs = [MessageRef(self._name, message.channel_id, id_) for id_ in ids]
        return Receipt(refs, metadata={"relays": took})

    # Changes.

    async def edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        """Publish a new text for one of our notes (kind 1010).

        Raises:
            Unsupported: It is no note.
        """
        chat = self._chat("edit", ref.channel_id)
        if chat.kind not in ("note", "notes"):
            raise Unsupported(self._name, "edit", "only public notes can be edited")
        text = self._without_secret("edit", Rendered.of(message).text)
        draft = compose.edit(await self._target(chat, ref.id), text)
        await self._publish_now("edit", draft, chat)

    async def delete(self, ref: MessageRef) -> None:
        """Ask relays, or who is in a private chat, to delete a message."""
        chat = self._chat("delete", ref.channel_id)
        target = await self._target(chat, ref.id)
        if chat.is_private and target.kind != NIP04:
            others = await self._others("delete", chat)
            if target.kind is None and await self._memory.is_old_fashioned(chat.value):
                target = Target(id=ref.id, kind=NIP04)
            else:
                known = Target(id=ref.id, kind=target.kind or DIRECT)
                await self._whisper("delete", compose.deletion(known, _to(others)), others)
                return
        is_ours = target.author in (None, self._signer.pubkey)
        if chat.kind == "group" and not is_ours:
            draft = compose.removal(target, chat.value)
        else:
            draft = compose.deletion(target, _in_group(chat))
        await self._publish_now("delete", draft, chat)

    async def react(self, ref: MessageRef, emoji: str | None) -> None:
        """Put our reaction on a message in place of the last one; None takes it off."""
        chat = self._chat("react", ref.channel_id)
        last = await self._memory.get("reaction", ref.id)
        if last is not None and last["emoji"] != emoji:
            await self._unreact(chat, last["id"])
            await self._memory.put("reaction", ref.id, None)
            last = None
        if emoji is None:
            return
        if last is None:
            last = await self._reaction(chat, ref, emoji)
            # Before it is sent, so that each attempt sends the same.
            await self._memory.put("reaction", ref.id, last)
        if last.get("posts"):
            await self._delivery.publish("react", last["posts"])
            await self._memory.put("reaction", ref.id, {**last, "posts": []})

    async def _reaction(self, chat: Chat, ref: MessageRef, emoji: str) -> dict[str, Any]:
        """Make a reaction: its id, which it is, and what has to be published."""
        target = await self._target(chat, ref.id)
        if chat.is_private:
            others = await self._others("react", chat)
            known = Target(
                id=ref.id, author=target.author or others[0], kind=target.kind or DIRECT
            )
            if await self._is_old(chat, target):
                raise Unsupported(self._name, "react", "NIP-04 has no reactions")
            more = [one for one in _to(others) if one[1] != known.author]
            made = self._mint.rumor(compose.reaction(known, emoji, more), ",".join(others))
            posts = self._wrapped("react", made, others)
        else:
            draft = compose.reaction(target, emoji, _in_group(chat))
            made = self._mint.event(draft, chat.id)
            posts = [post(made, self._where(chat))]
        return {"id": made.id, "emoji": emoji, "posts": posts}

    async def _unreact(self, chat: Chat, id_: str) -> None:
        gone = Target(id=id_, kind=7)
        if chat.is_private:
            others = await self._others("react", chat)
            await self._whisper("react", compose.deletion(gone, _to(others)), others)
            return
        draft = compose.deletion(gone, _in_group(chat))
        await self._publish_now("react", draft, chat)

    async def _is_old(self, chat: Chat, target: Target) -> bool:
        if target.kind is not None:
            return target.kind == NIP04
        return await self._memory.is_old_fashioned(chat.value)

    async def show(self, status: str, text: str) -> None:
        """Publish our status (NIP-38)."""
        text = self._without_secret("presence", text)
        now = int(self._context.clock.now().timestamp())
        # Of two in one second relays keep the one with the lower id: the mint makes two of it.
        event = self._mint.event(compose.status(status, text, now), "status")
        await self._delivery.publish("presence", [post(event, "any")])

    # Making.

    def _chat(self, operation: str, channel_id: str) -> Chat:
        try:
            return read_chat(channel_id)
        except ValueError as error:
            raise Rejected(self._name, operation, str(error)) from error

    def _without_secret(self, operation: str, text: str) -> str:
        if has_secret(text):
            detail = "the text has a secret key (nsec1...) in it, and is not sent"
            raise Rejected(self._name, operation, detail, field="text")
        return text

    async def _others(self, operation: str, chat: Chat) -> list[str]:
        """Return who is in a private chat besides us."""
        if chat.kind == "dm":
            return [chat.value]
        members = await self._memory.get("room", chat.id)
        if members is None:
            detail = f"nobody has written in {chat.id} yet, and so it is not known who is in it"
            raise Forbidden(self._name, operation, detail)
        return [one for one in members if one != self._signer.pubkey]

    async def _public(
        self, chat: Chat, text: str, reply_to: str | None, more: Sequence[Tag]
    ) -> Draft:
        root_id = chat.value if chat.kind == "note" else None
        if chat.kind == "comment":
            _, name, about = chat.value.split(":", 2)
            root_id = about if name == "E" else None
        root = await self._target(chat, root_id) if root_id else None
        parent = await self._target(chat, reply_to) if reply_to else None
        return compose.public(
            chat,
            text,
            self._signer.pubkey,
            root=root,
            parent=parent,
            relay=self._relays.ours[0],
            previous=self._memory.previous(chat.id),
            more=more,
        )

    async def _target(self, chat: Chat, id_: str) -> Target:
        """Return what is known of a message; relays are asked for a public one."""
        # What is private no relay knows, nor is it to hear of it.
        event = None if chat.is_private else await self._find(id_)
        if event is not None:
            return Target.of(event)
        place = self._memory.place(id_)
        if place is not None:
            return Target(id=id_, author=place.author, kind=place.kind)
        return Target(id=id_)

    async def _find(self, id_: str) -> Event | None:
        asked = {"ids": [id_]}
        urls = [relay.url for relay in self._relays if relay.is_open and relay.is_ours]
        if not urls:
            return None
        check = self._intake.verified([asked])
        found = await self._relays.query([asked], check, wait_s=LOOK_UP_S, urls=urls)
        return found.events[0] if found.events else None

    def _wrapped(
        self, operation: str, rumor: Event, others: Sequence[str]
    ) -> list[dict[str, Any]]:
        now = int(self._context.clock.now().timestamp())
        try:
            return [
                post(wrap(self._signer, rumor, one, now, self._random), f"inbox:{one}")
                for one in others
            ]
        except ValueError as error:
            raise Rejected(self._name, operation, str(error), field="text") from error

    async def _publish_now(self, operation: str, draft: Draft, chat: Chat) -> str:
        """Publish something public that is no message; return its id."""
        event = self._mint.event(draft, chat.id)
        await self._delivery.publish(operation, [post(event, self._where(chat))])
        return event.id

    async def _whisper(self, operation: str, draft: Draft, others: Sequence[str]) -> str:
        """Publish something private that is no message; return its id."""
        rumor = self._mint.rumor(draft, ",".join(others))
        await self._delivery.publish(operation, self._wrapped(operation, rumor, others))
        return rumor.id

    def _where(self, chat: Chat) -> str:
        return f"relay:{chat.relay}" if chat.kind == "group" else "public"


def _to(others: Sequence[str]) -> list[Tag]:
    return [("p", one) for one in others]


def _in_group(chat: Chat) -> list[Tag]:
    return [("h", chat.value)] if chat.kind == "group" else []


def _kind_in(prepared: Mapping[str, Any], id_: str) -> int:
    for one in prepared["posts"]:
        if one["event"]["id"] == id_:
            return int(one["event"]["kind"])
    is_file = id_ == prepared["ids"][0]
    return int(prepared.get("kind", NOTE)) if is_file else DIRECT
