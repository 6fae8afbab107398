"""Who is in a chat and may do what; and what becomes of the chat itself."""

from __future__ import annotations

from typing import Any, Self

from networks.telegram.chats import (
    ADMIN_RIGHTS,
    GROUP_RIGHTS,
    SEND_RIGHTS,
    Chat,
    Membership,
    Message,
    Topic,
    User,
    Wire,
)
from networks.telegram.text import cut
from networks.telegram.world import World, evolve

_NOT_SERVICE = {
    "text",
    "caption",
    "photo",
    "document",
    "audio",
    "voice",
    "video",
    "video_note",
    "animation",
    "sticker",
    "contact",
    "location",
    "venue",
    "poll",
    "dice",
    "game",
    "story",
    "rich_message",
}
"""What privacy hides. Service messages reach every bot."""


class Memberships:
    """A chat, as far as it is about who is in it.

    Args:
        world: The network's memory.
        chat: The chat.
        person: Who does what nobody is named for.
    """

    def __init__(self, world: World, chat: Chat, person: User) -> None:
        self.world = world
        self.chat = chat
        self.person = person

    @property
    def id(self) -> int:
        """The chat's id."""
        return self.chat.id

    @property
    def messages(self) -> list[Message]:
        """What stands in the chat, in order, whoever wrote it."""
        return [one for one in self.chat.messages.values() if not one.is_deleted]

    # --- what reaches the bot ---

    def deliver(self, message: Message) -> None:
        """Tell the bot of a message, if it is to know of it."""
        kind = "channel_post" if self.chat.kind == "channel" else "message"
        if self._reaches_bot(message):
            self.world.updates.add(kind, message.wire(), float(message.date))

    def _reaches_bot(self, message: Message) -> bool:
        chat = self.chat
        if chat.kind == "private":
            return chat.bot.status != "kicked"
        if not chat.bot.is_present:
            return False
        is_hidden = self.world.privacy and chat.kind != "channel" and not chat.bot.is_admin
        return not is_hidden or self._is_for_bot(message)

    def _is_for_bot(self, message: Message) -> bool:
        """Tell whether a bot in privacy mode gets a message."""
        if not _NOT_SERVICE & message.content.keys():
            return True
        bot = self.world.bot
        if message.reply_to and message.reply_to.is_outgoing:
            return True
        if message.content.get("via_bot", {}).get("id") == bot.id:
            return True
        for entity in message.entities:
            if entity["type"] == "bot_command":
                command = cut(message.text, entity["offset"], entity["length"])
                _, at, name = command.partition("@")
                if (
                    name.lower() == (bot.username or "").lower()
                    if at
                    else self._spoke_before(message)
                ):
                    return True
        return False

    def _spoke_before(self, message: Message) -> bool:
        before = [one for one in self.chat.messages.values() if one is not message]
        return bool(before) and before[-1].is_outgoing

    def service(self, by: User | None = None, **fields: Any) -> Message:
        """Let a service message appear: `pinned_message`, `new_chat_title` ..."""
        is_channel = self.chat.kind == "channel"
        message = self.world.add_message(
            self.chat,
            fields,
            sender=None if is_channel else by or self.person,
            sender_chat=self.chat if is_channel else None,
        )
        self.deliver(message)
        return message

    # --- people ---

    def join(self, user: User) -> Message:
        """Let somebody in."""
        self._tell_of_member(user, Membership(status="left"), Membership())
        return self.service(user, new_chat_members=[user.wire()])

    def leave(self, user: User) -> Message:
        """Let somebody go."""
        self._tell_of_member(user, Membership(), Membership(status="left"))
        return self.service(user, left_chat_member=user.wire())

    def _tell_of_member(self, user: User, old: Membership, new: Membership) -> None:
        if self.chat.bot.is_admin:
            kind = self.chat.kind
            payload: Wire = {"chat": self.chat.wire(), "from": user.wire()}
            payload["date"] = self.world.date()
            payload["old_chat_member"] = old.wire(user, kind)
            payload["new_chat_member"] = new.wire(user, kind)
            self.world.updates.add("chat_member", payload)

    def rename(self, title: str) -> Message:
        """Give the chat another title."""
        self.chat.title = title
        return self.service(new_chat_title=title)

    def pin(self, message: Message) -> Message:
        """Pin a message."""
        return self.service(pinned_message=message.wire(with_reply=False))

    # --- the bot ---

    def _change_bot(self, membership: Membership) -> None:
        self.world.change_bot(self.chat, membership, self.person)

    def start(self) -> None:
        """Press start in a private chat: from then on the bot may write there."""
        self.chat.is_known = True
        self.world.met.add(self.person.id)

    def block(self) -> None:
        """Block the bot in a private chat."""
        self._change_bot(Membership(status="kicked"))

    def unblock(self) -> None:
        """Take the block back."""
        self._change_bot(Membership())

    def kick_bot(self) -> None:
        """Throw the bot out for good."""
        self._change_bot(Membership(status="kicked"))

    def remove_bot(self) -> None:
        """Remove the bot; it may be added again."""
        self._change_bot(Membership(status="left"))

    def add_bot(self) -> None:
        """Add the bot as a plain member."""
        self._change_bot(Membership())

    def promote_bot(self, *rights: str) -> None:
        """Make the bot an administrator; no rights named: with all of them."""
        everything = (*ADMIN_RIGHTS, *GROUP_RIGHTS, "can_post_messages", "can_edit_messages")
        granted = frozenset(rights or everything)
        self._change_bot(Membership(status="administrator", rights=granted))

    def restrict_bot(self, *denied: str) -> None:
        """Take rights to send from the bot; none named: all of them."""
        left = frozenset(SEND_RIGHTS) - frozenset(denied or SEND_RIGHTS)
        self._change_bot(evolve(Membership(status="restricted"), rights=left))

    # --- the chat itself ---

    def dissolve(self) -> None:
        """Delete a group."""
        self.chat.is_deleted = True

    def upgrade(self) -> Self:
        """Turn a group into a supergroup, under another id; return it.

        The bot gets a service message in each; what it sends to the old one is refused with
        the new id.
        """
        new = self.world.add_chat("supergroup", None, title=self.chat.title)
        new.bot = self.chat.bot
        room = type(self)(self.world, new, self.person)
        self.service(migrate_to_chat_id=new.id)
        self.chat.migrated_to = new.id
        room.service(migrate_from_chat_id=self.chat.id)
        return room

    def narrow_reactions(self, *emoji: str) -> None:
        """Allow only these reactions in the chat."""
        self.chat.available_reactions = frozenset(emoji)

    def find_topic(self, name: str) -> Topic:
        """Return a topic by its name.

        Raises:
            LookupError: There is none.
        """
        for topic in self.chat.topics.values():
            if topic.name == name and not topic.is_deleted:
                return topic
        raise LookupError(f"there is no topic {name!r}")
