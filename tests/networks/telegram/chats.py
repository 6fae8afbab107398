"""Who and what there is on the network: people, chats, topics, messages."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

Wire: TypeAlias = dict[str, Any]
"""An object of the Bot API as JSON has it."""

ChatKind: TypeAlias = Literal["private", "group", "supergroup", "channel"]
Status: TypeAlias = Literal[
    "creator", "administrator", "member", "restricted", "left", "kicked"
]

GENERAL_TOPIC = 1
"""A forum's first topic: absent in messages, and refused as a parameter."""

ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
)
CHANNEL_RIGHTS = ("can_post_messages", "can_edit_messages")
GROUP_RIGHTS = ("can_pin_messages", "can_manage_topics")

SEND_RIGHTS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)


@attrs.define(eq=False, kw_only=True)
class User:
    """A person, or a bot."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = "en"
    is_bot: bool = False
    is_deactivated: bool = False
    """Whether the account was deleted."""

    def wire(self) -> Wire:
        """Return the API's User."""
        wire: Wire = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        for name in ("last_name", "username", "language_code"):
            if value := getattr(self, name):
                wire[name] = value
        return wire


@attrs.frozen(kw_only=True)
class Membership:
    """What somebody is in a chat, and may do there."""

    status: Status = "member"
    rights: frozenset[str] = frozenset()
    """Of an administrator: what they may; of one restricted: what is left."""
    is_member: bool = True
    """Of one restricted: whether they are in the chat at all."""

    @property
    def is_present(self) -> bool:
        """Whether they are in the chat."""
        return self.status not in ("left", "kicked") and self.is_member

    @property
    def is_admin(self) -> bool:
        """Whether they are an administrator, or the owner."""
        return self.status in ("creator", "administrator")

    def may(self, right: str) -> bool:
        """Tell whether an administrator has a right."""
        return self.status == "creator" or (self.is_admin and right in self.rights)

    def may_send(self, right: str) -> bool:
        """Tell whether a member has one of the rights that all have if not restricted."""
        return self.status != "restricted" or right in self.rights

    def wire(self, user: User, kind: ChatKind) -> Wire:
        """Return the API's ChatMember."""
        wire: Wire = {"status": self.status, "user": user.wire()}
        if self.status == "creator":
            wire["is_anonymous"] = False
        elif self.status == "administrator":
            special = CHANNEL_RIGHTS if kind == "channel" else GROUP_RIGHTS
            wire |= {"can_be_edited": False, "is_anonymous": False}
            wire |= {right: right in self.rights for right in (*ADMIN_RIGHTS, *special)}
        elif self.status == "restricted":
            wire |= {"is_member": self.is_member, "until_date": 0}
            wire |= {right: right in self.rights for right in SEND_RIGHTS}
        elif self.status == "kicked":
            wire["until_date"] = 0
        return wire


@attrs.define(eq=False, kw_only=True)
class Topic:
    """A topic of a forum. Its id is that of the service message that opened it."""

    id: int
    name: str
    is_closed: bool = False
    is_deleted: bool = False


@attrs.define(eq=False, kw_only=True)
class Chat:
    """A chat as the server keeps it. `Room` is how its people use it."""

    id: int
    kind: ChatKind
    title: str | None = None
    username: str | None = None
    user: User | None = None
    """Whose private chat it is."""
    is_forum: bool = False
    bot: Membership = attrs.field(factory=Membership)
    is_known: bool = True
    """Whether the bot has met it: of a private chat, whether the person has started it."""
    is_deleted: bool = False
    migrated_to: int | None = None
    available_reactions: frozenset[str] | None = None
    """The emoji that the chat allows; None: all."""
    messages: dict[int, Message] = attrs.field(factory=dict)
    topics: dict[int, Topic] = attrs.field(factory=dict)
    last_id: int = 0
    """Of a supergroup or channel: the last message's id. The others count together."""
    bot_spoke_last: bool = False

    def wire(self) -> Wire:
        """Return the API's Chat."""
        wire: Wire = {"id": self.id, "type": self.kind}
        if self.user:
            wire["first_name"] = self.user.first_name
            for name in ("last_name", "username"):
                if value := getattr(self.user, name):
                    wire[name] = value
        else:
            wire["title"] = self.title or ""
            if self.username:
                wire["username"] = self.username
        if self.is_forum:
            wire["is_forum"] = True
        return wire

    def find(self, message_id: int) -> Message | None:
        """Return a message that was not deleted."""
        message = self.messages.get(message_id)
        return None if message is None or message.is_deleted else message


@attrs.define(eq=False, kw_only=True)
class Message:
    """A message, whoever wrote it."""

    id: int
    chat: Chat
    date: int
    sender: User | None = None
    """None: a channel's post."""
    sender_chat: Chat | None = None
    content: Wire = attrs.field(factory=dict)
    """The fields of the API's Message that depend on its kind: text, entities, photo ..."""
    thread_id: int | None = None
    reply_to: Message | None = None
    is_outgoing: bool = False
    """Whether the bot wrote it."""
    edit_date: int | None = None
    is_deleted: bool = False
    reactions: list[Wire] = attrs.field(factory=list)
    """The bot's."""
    given: dict[int, list[Wire]] = attrs.field(factory=dict)
    """The reactions of others, by user or chat id."""
    request: Any = None
    """The `Call` that sent it; None: no bot did."""

    @property
    def chat_id(self) -> int:
        """The id of its chat."""
        return self.chat.id

    @property
    def text(self) -> str:
        """Its text or caption; empty: neither."""
        text: str = self.content.get("text") or self.content.get("caption") or ""
        return text

    @property
    def entities(self) -> list[Wire]:
        """The entities of its text or caption."""
        found: list[Wire] = (
            self.content.get("entities") or self.content.get("caption_entities") or []
        )
        return found

    @property
    def kind(self) -> str:
        """What it mainly is: `text`, `photo`, `document`, ... or a service message's field."""
        for name in ("text", "animation", "venue", "live_photo"):
            if name in self.content:  # before what they bring along for old clients
                return name
        other = {"caption", "caption_entities", "media_group_id", "reply_markup"}
        return next((name for name in self.content if name not in other), "")

    def wire(self, *, with_reply: bool = True) -> Wire:
        """Return the API's Message."""
        wire: Wire = {"message_id": self.id, "date": self.date, "chat": self.chat.wire()}
        if self.sender:
            wire["from"] = self.sender.wire()
        if self.sender_chat:
            wire["sender_chat"] = self.sender_chat.wire()
        if self.edit_date is not None:
            wire["edit_date"] = self.edit_date
        if self.thread_id is not None:
            wire["message_thread_id"] = self.thread_id
            if self.chat.is_forum or self.chat.kind == "private":
                wire["is_topic_message"] = True
        if with_reply and self.reply_to and not self.reply_to.is_deleted:
            # Of a reply's target the target is never told: one level is all that the API gives.
            wire["reply_to_message"] = self.reply_to.wire(with_reply=False)
        return {**wire, **self.content}
