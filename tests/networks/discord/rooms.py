"""Channels as their people use them: what they do here reaches the bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from networks.discord import happenings, mentions
from networks.discord.emoji import parse
from networks.discord.entities import (
    DM,
    FORUMS,
    HAS_SNAPSHOT,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    REPLY,
    VOICE_MESSAGE,
    Attachment,
    Channel,
    Emoji,
    Message,
    User,
    Wire,
)
from networks.discord.methods.messages import reference_to, snapshot
from networks.discord.permissions import bits
from networks.discord.using import use
from networks.discord.world import Interaction, World


@attrs.frozen(eq=False)
class Room:
    """A channel or thread, seen from the people's side.

    Every method does one thing that a person can do, and tells the bot of it. `by` is who does
    it; it may be left out: then it is the person of a direct channel, or the one with whom the
    room was opened.
    """

    world: World
    channel: Channel
    person: User

    @property
    def id(self) -> str:
        """The channel's id."""
        return self.channel.id

    @property
    def messages(self) -> list[Message]:
        """What stands there now, the oldest first."""
        return self.channel.history

    # --- writing ---

    def text(self, text: str, **options: Any) -> Message:
        """Write a text; options as for `post`."""
        return self.post(text, **options)

    def post(
        self,
        content: str = "",
        *,
        by: User | None = None,
        reply_to: Message | None = None,
        ping: bool = True,
        kind: int | None = None,
        flags: int = 0,
        embeds: Sequence[Wire] = (),
        files: Sequence[Attachment] = (),
        webhook_id: str | None = None,
        nonce: str | int | None = None,
        is_told: bool = True,
        **fields: Any,
    ) -> Message:
        """Let a message appear.

        Args:
            content: Its text.
            by: Its author.
            reply_to: What it answers.
            ping: Whether a reply pings the author of what it answers.
            kind: The API's type of message; None: a usual one, or a reply.
            flags: Its flags.
            embeds: What is shown below the text.
            files: What it brings; see `file`.
            webhook_id: The webhook that writes it.
            nonce: What its author's client put there.
            is_told: Whether the bot gets the event. Else it is lost on its way: the network
                promises none.
            fields: More of the API's message, such as `sticker_items` or `poll`.
        """
        usual = REPLY if reply_to else 0
        message = self.world.add_message(
            self.channel,
            by or self.person,
            content=content,
            kind=usual if kind is None else kind,
            flags=flags,
            embeds=[*embeds],
            attachments=[*files],
            reply_to=reply_to,
            reference=reference_to(reply_to) if reply_to else None,
            webhook_id=webhook_id,
            nonce=nonce,
            fields=fields,
        )
        allowed = None if ping else {"parse": [*mentions.KINDS]}
        mentions.ping(self.world, message, allowed)
        happenings.wake(self.world, self.channel)
        if is_told:
            self.tell_again(message)
        return message

    def tell_again(self, message: Message) -> None:
        """Let the bot get the event of a message once more, as the network may do."""
        happenings.appear(self.world, message)

    def file(
        self,
        content: bytes = b"a file",
        name: str = "notes.txt",
        *,
        content_type: str | None = None,
        description: str | None = None,
        size: int | None = None,
        **fields: Any,
    ) -> Attachment:
        """Upload a file for `post`, in which it is to stand.

        Args:
            content: Its bytes.
            name: Its name.
            content_type: Its type; None: what its name says.
            description: What it shows, for those who do not see it.
            size: What is told of it instead of what it is.
            fields: More of the API's attachment.
        """
        return self.world.files.add(
            Attachment(
                id=self.world.next_id(),
                channel_id=self.id,
                filename=name,
                content=content,
                content_type=content_type,
                description=description,
                size=len(content) if size is None else size,
                fields=fields,
            )
        )

    def attach(
        self,
        content: bytes = b"a file",
        name: str = "notes.txt",
        *,
        text: str = "",
        **options: Any,
    ) -> Message:
        """Send a file; options as for `file`, and `by` and `reply_to` as for `post`."""
        more = {key: options.pop(key) for key in ("by", "reply_to") if key in options}
        return self.post(text, files=[self.file(content, name, **options)], **more)

    def speak(self, content: bytes = b"OggS spoken", **options: Any) -> Message:
        """Send a voice message; options as for `post`."""
        file = self.file(
            content,
            "voice-message.ogg",
            content_type="audio/ogg",
            duration_secs=3.2,
            waveform="AAAA",
        )
        return self.post(files=[file], flags=VOICE_MESSAGE, **options)

    def sticker(self, name: str = "wave", **options: Any) -> Message:
        """Send a sticker; options as for `post`."""
        item = {"id": self.world.next_id(), "name": name, "format_type": 1}
        return self.post(sticker_items=[item], **options)

    def forward(self, message: Message, **options: Any) -> Message:
        """Forward a message to here; options as for `post`."""
        copy = [snapshot(self.world, message)]
        reference = reference_to(message, kind=1)
        return self.post(
            flags=HAS_SNAPSHOT, message_snapshots=copy, message_reference=reference, **options
        )

    def webhook(self, text: str, *, name: str = "Deploys", webhook_id: str = "") -> Message:
        """Let a webhook write, under a name that it chooses.

        Args:
            text: What it writes.
            name: Its name.
            webhook_id: Its id; empty: a new one.
        """
        webhook_id = webhook_id or self.world.next_id()
        author = User(id=webhook_id, username=name, is_bot=True)
        return self.post(text, by=author, webhook_id=webhook_id)

    def type(self, by: User | None = None) -> None:
        """Begin to write."""
        happenings.type_in(self.world, self.channel, by or self.person)

    # --- changing what was written ---

    def edit(self, message: Message, text: str) -> Message:
        """Give a message another text."""
        message.content = text
        message.edited = self.world.clock.now()
        asked = message.reply_to
        is_pinged = asked is not None and asked.author in message.mentions
        allowed = {"parse": [*mentions.KINDS], "replied_user": is_pinged}
        mentions.ping(self.world, message, allowed)
        happenings.change(self.world, message)
        return message

    def resolve_link(self, message: Message, **embed: Any) -> None:
        """Let a link in a message be shown: it changes, and is not edited."""
        message.embeds.append({"type": "link", "url": "https://a.test/", **embed})
        happenings.change(self.world, message)

    def pin(self, message: Message) -> None:
        """Pin a message: it changes, and is not edited."""
        message.is_pinned = True
        happenings.change(self.world, message)

    def delete(self, *messages: Message) -> None:
        """Delete messages; more than one: together, as moderators do."""
        if len(messages) == 1:
            happenings.vanish(self.world, messages[0])
        else:
            ids = [message.id for message in messages]
            happenings.vanish_together(self.world, self.channel, ids)

    def react(self, message: Message, emoji: str | Emoji, by: User | None = None) -> None:
        """Put an emoji below a message."""
        happenings.react(self.world, message, by or self.person, self._emoji(emoji))

    def unreact(self, message: Message, emoji: str | Emoji, by: User | None = None) -> None:
        """Take an emoji back."""
        happenings.unreact(self.world, message, by or self.person, self._emoji(emoji))

    def clear_reactions(self, message: Message, emoji: str | Emoji | None = None) -> None:
        """Take all reactions away, or all of one emoji."""
        wire = None if emoji is None else self._emoji(emoji)
        happenings.clear_reactions(self.world, message, wire)

    def _emoji(self, emoji: str | Emoji) -> Wire:
        if isinstance(emoji, Emoji):
            emoji = f"{emoji.name}:{emoji.id}"
        return parse(emoji, [*self.world.guilds.values()])

    # --- commands ---

    def use(
        self, command: str, options: dict[str, Any] | None = None, by: User | None = None
    ) -> Interaction:
        """Use a slash command.

        Args:
            command: Its name; the bot need not have registered it.
            options: Texts, numbers or truths by name.
            by: Who uses it.
        """
        return use(self.world, self.channel, by or self.person, command, options or {})

    # --- threads ---

    def thread(
        self,
        name: str,
        message: Message | None = None,
        *,
        by: User | None = None,
        is_private: bool = False,
    ) -> Room:
        """Open a thread, at a message or of its own.

        Args:
            name: Its name.
            message: The message.
            by: Who opens it.
            is_private: Whether only its members see it; the bot is none.
        """
        kind = PRIVATE_THREAD if is_private else PUBLIC_THREAD
        owner = by or self.person
        thread = happenings.open_thread(
            self.world, self.channel, kind, name, owner, message=message
        )
        return Room(self.world, thread, owner)

    def forum_post(
        self, name: str, text: str, *, by: User | None = None, tags: Sequence[str] = ()
    ) -> Room:
        """Open a post of a forum: a thread whose first message has its id.

        Args:
            name: The post's title.
            text: Its first message.
            by: Who opens it.
            tags: Ids of tags.
        """
        assert self.channel.kind in FORUMS
        owner = by or self.person
        thread = happenings.open_thread(
            self.world, self.channel, PUBLIC_THREAD, name, owner, tags=tags
        )
        message = self.world.add_message(thread, owner, id=thread.id, content=text)
        mentions.ping(self.world, message, None)
        happenings.appear(self.world, message)
        return Room(self.world, thread, owner)

    def archive(self, *, is_locked: bool = False) -> None:
        """Put the thread into the archive; locked: only moderators get it out."""
        happenings.archive(self.world, self.channel, is_archived=True)
        self.channel.is_locked = is_locked
        happenings.change_channel(self.world, self.channel)

    # --- the channel ---

    def rename(self, name: str) -> None:
        """Give the channel another name."""
        self.channel.name = name
        happenings.change_channel(self.world, self.channel)

    def remove(self) -> None:
        """Delete the channel."""
        self.channel.is_deleted = True
        happenings.change_channel(self.world, self.channel, how="DELETE")

    def deny(self, *permissions: str) -> None:
        """Take permissions from the bot here, by the API's names."""
        self._permit(self.channel.denied | bits(*permissions))

    def allow(self, *permissions: str) -> None:
        """Give permissions back that were denied here."""
        self._permit(self.channel.denied & ~bits(*permissions))

    def _permit(self, denied: int) -> None:
        assert self.channel.kind != DM
        self.channel.denied = denied
        happenings.change_channel(self.world, self.channel)
