"""Chats as their people use them: what they do here reaches the bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from networks.telegram import pictures
from networks.telegram.chats import Chat, Membership, Message, Topic, User, Wire
from networks.telegram.files import KINDS, content_of
from networks.telegram.membership import Memberships
from networks.telegram.text import find
from networks.telegram.world import ANONYMOUS_ADMIN, CHANNEL_STAND_IN, SERVICE, World

QUERY_S = 150.0
"""How long the press of a button can be answered."""


class Room(Memberships):
    """A chat, seen from the people's side.

    Every method does one thing that a person can do, and queues the updates that the bot gets
    of it. `by` is who does it; it may be left out: then it is the person of a private chat, or
    the one with whom the room was opened.
    """

    def text(self, text: str, **options: Any) -> Message:
        """Write a text.

        Args:
            text: As its author's client sends it.
            options: `entities` (besides those that the network finds itself), and those of
                `post`.
        """
        entities = [*options.pop("entities", ())]
        entities += find(text, entities)
        content: Wire = {"text": text}
        if entities:
            content["entities"] = sorted(entities, key=lambda one: int(one["offset"]))
        return self.post(content, **options)

    def post(
        self,
        content: Mapping[str, Any],
        *,
        by: User | None = None,
        as_chat: Room | None = None,
        reply_to: Message | None = None,
        thread: Topic | int | None = None,
        **fields: Any,
    ) -> Message:
        """Let a message appear.

        Args:
            content: The fields that its kind has.
            by: Its author.
            as_chat: The chat in whose name it is written: this one for an anonymous
                administrator, or a channel.
            reply_to: What it answers.
            thread: The topic in which it stands, or the thread of replies.
            fields: More of the API's Message, such as `via_bot` or `forward_origin`.
        """
        thread_id = thread.id if isinstance(thread, Topic) else thread
        chat = self.chat
        sender: User | None = by or self.person
        speaker: Chat | None = None
        if chat.kind == "channel":
            sender, speaker = None, chat
        elif as_chat:
            speaker = as_chat.chat
            sender = ANONYMOUS_ADMIN if speaker is chat else CHANNEL_STAND_IN
        message = self.world.add_message(
            chat,
            {**content, **fields},
            sender=sender,
            sender_chat=speaker,
            thread_id=thread_id,
            reply_to=reply_to,
        )
        self._meet(sender)
        self.deliver(message)
        return message

    def _meet(self, sender: User | None) -> None:
        if self.chat.kind == "private":
            self.chat.is_known = True
        if sender:
            self.world.met.add(sender.id)

    # --- media ---

    def media(
        self,
        kind: str,
        content: bytes | None = None,
        *,
        name: str | None = None,
        mime: str | None = None,
        size: int | None = None,
        caption: str = "",
        **options: Any,
    ) -> Message:
        """Send a file as photo, document, voice, audio, video, animation, sticker ...

        Args:
            kind: The field of the API's Message.
            content: Its bytes; None: some that fit the kind.
            name: The file's name.
            mime: Its type; None: what is usual for the kind.
            size: What is told of it instead of what it is.
            caption: What is written with it.
            options: `width`, `height`, `duration`, `title`, `performer`, `emoji`, and those
                of `post`.
        """
        described = {
            key: options.pop(key)
            for key in ("width", "height", "duration", "length", "title", "performer", "emoji")
            if key in options
        }
        file = (kind, content, name, mime, size)
        return self.post(
            {**self._file(*file, **described), **_captioned(caption, options)}, **options
        )

    def _file(
        self,
        kind: str,
        content: bytes | None,
        name: str | None,
        mime: str | None,
        size: int | None,
        **described: Any,
    ) -> Wire:
        if content is None:
            content = pictures.png(1280, 960) if kind == "photo" else f"a {kind}".encode()
        files = self.world.files
        stored = files.add(KINDS[kind], content, name=name, mime=mime, size=size)
        return content_of(stored, files, described)

    def photo(self, content: bytes | None = None, **options: Any) -> Message:
        """Send a photo; options as for `media`."""
        return self.media("photo", content, **options)

    def document(
        self, content: bytes | None = None, name: str = "notes.txt", **options: Any
    ) -> Message:
        """Send a file as it is; options as for `media`."""
        return self.media("document", content, name=name, **options)

    def voice(self, content: bytes | None = None, **options: Any) -> Message:
        """Send something spoken; options as for `media`."""
        return self.media("voice", content, **{"duration": 3, **options})

    def sticker(self, emoji: str = "👍", **options: Any) -> Message:
        """Send a sticker; options as for `media`."""
        return self.media("sticker", emoji=emoji, **options)

    def album(self, items: Sequence[Mapping[str, Any]], **options: Any) -> list[Message]:
        """Send several files together; each is a message of its own.

        Args:
            items: Of each file the arguments of `media` up to its caption; a photo need not
                name its kind.
            options: As for `post`.
        """
        group = {"media_group_id": str(13_900_000_000_000_000 + self.world.next_id())}
        messages = []
        for item in items:
            file = [item.get(name) for name in ("content", "name", "mime", "size")]
            content = self._file(item.get("kind", "photo"), *file)
            content |= _captioned(item.get("caption", ""), {})
            messages.append(self.post({**group, **content}, **options))
        return messages

    def location(self, latitude: float, longitude: float, **options: Any) -> Message:
        """Send a place; options as for `post`."""
        place = {"latitude": latitude, "longitude": longitude}
        return self.post({"location": place}, **options)

    def contact(self, phone_number: str, first_name: str, **options: Any) -> Message:
        """Send somebody's number; options as for `post`."""
        contact = {"phone_number": phone_number, "first_name": first_name}
        return self.post({"contact": contact}, **options)

    def forward_post(self, post: Message) -> Message:
        """Let a post of the channel that is linked to this group appear here by itself."""
        origin = {"type": "channel", "date": post.date, "chat": post.chat.wire()}
        origin["message_id"] = post.id
        return self.post(
            post.content,
            by=SERVICE,
            sender_chat=post.chat.wire(),
            is_automatic_forward=True,
            forward_origin=origin,
        )

    # --- changing what was written ---

    def edit(self, message: Message, text: str, **fields: Any) -> Message:
        """Give a message another text, or another caption when it has media.

        The bot is told also when the text is the one that it was.
        """
        words = ("text", "entities") if "text" in message.content else ()
        name, entities_name = words or ("caption", "caption_entities")
        entities = [*fields.pop("entities", ())]
        entities += find(text, entities)
        kept = {key: one for key, one in message.content.items() if key != entities_name}
        message.content = {**kept, name: text, **fields}
        if entities:
            message.content[entities_name] = entities
        message.edit_date = self.world.date()
        kind = "edited_channel_post" if self.chat.kind == "channel" else "edited_message"
        if self._reaches_bot(message):
            self.world.updates.add(kind, message.wire(), float(message.edit_date))
        return message

    def delete(self, message: Message) -> None:
        """Delete a message. The bot is never told."""
        message.is_deleted = True

    def react(
        self,
        message: Message,
        *emoji: str,
        by: User | None = None,
        as_chat: Room | None = None,
    ) -> None:
        """Replace somebody's reactions to a message; none: take them back.

        In groups and channels only a bot that is an administrator is told.

        Args:
            message: What is reacted to.
            emoji: The new reactions.
            by: Who reacts.
            as_chat: The chat in whose name it is done, instead of a person.
        """
        user = by or self.person
        key = as_chat.id if as_chat else user.id
        new = [{"type": "emoji", "emoji": one} for one in emoji]
        payload: Wire = {
            "chat": self.chat.wire(),
            "message_id": message.id,
            "date": self.world.date(),
            "old_reaction": message.given.get(key, []),
            "new_reaction": new,
        }
        payload |= {"actor_chat": as_chat.chat.wire()} if as_chat else {"user": user.wire()}
        message.given[key] = new
        self._tell_of_reaction("message_reaction", payload)

    def react_anonymously(self, message: Message, counts: Mapping[str, int]) -> None:
        """Let a message have so many reactions, of which nobody is told whose they are."""
        payload = {
            "chat": self.chat.wire(),
            "message_id": message.id,
            "date": self.world.date(),
            "reactions": [
                {"type": {"type": "emoji", "emoji": emoji}, "total_count": count}
                for emoji, count in counts.items()
            ],
        }
        self._tell_of_reaction("message_reaction_count", payload)

    def _tell_of_reaction(self, kind: str, payload: Wire) -> None:
        if self.chat.kind == "private" or self.chat.bot.is_admin:
            self.world.updates.add(kind, payload)

    def press(self, message: Message, data: str, by: User | None = None) -> str:
        """Press a button below a message of the bot; return the query's id."""
        query_id = str(4_000_000_000_000 + self.world.next_id())
        self.world.queries[query_id] = self.world.now() + QUERY_S
        shown = message.wire()
        if message.is_deleted:
            shown = {"chat": self.chat.wire(), "message_id": message.id, "date": 0}
        payload = {
            "id": query_id,
            "from": (by or self.person).wire(),
            "message": shown,
            "chat_instance": str(-self.chat.id),
            "data": data,
        }
        self.world.updates.add("callback_query", payload)
        return query_id

    # --- topics ---

    def topic(self, name: str, by: User | None = None) -> Topic:
        """Open a topic."""
        topic, message = self.world.add_topic(self.chat, name, by or self.person)
        self.deliver(message)
        return topic

    def close_topic(self, topic: Topic) -> None:
        """Close a topic: only those who may manage topics can write there."""
        topic.is_closed = True
        self.post({"forum_topic_closed": {}}, thread=topic)

    def reopen_topic(self, topic: Topic) -> None:
        """Open a closed topic again."""
        topic.is_closed = False
        self.post({"forum_topic_reopened": {}}, thread=topic)

    def delete_topic(self, topic: Topic) -> None:
        """Delete a topic with all that is in it. The bot is not told."""
        topic.is_deleted = True
        for message in self.chat.messages.values():
            if message.thread_id == topic.id:
                message.is_deleted = True


def _captioned(caption: str, options: dict[str, Any]) -> Wire:
    """Return the fields of a caption; its entities are taken out of the options."""
    if not caption:
        return {}
    entities = [*options.pop("entities", ())]
    entities += find(caption, entities)
    return {"caption": caption} | ({"caption_entities": entities} if entities else {})


def opened(world: World, chat: Chat, person: User) -> Room:
    """Return a chat as a person uses it.

    A channel's bot is an administrator, as it has to be to be there at all.
    """
    if chat.kind == "channel":
        rights = frozenset({"can_post_messages", "can_delete_messages"})
        chat.bot = Membership(status="administrator", rights=rights)
    return Room(world, chat, person)
