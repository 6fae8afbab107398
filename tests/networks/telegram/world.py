"""The network's memory: people, chats, files, updates, and what the bot did."""

from __future__ import annotations

import attrs

from networks.clocks import Clock
from networks.telegram.chats import (
    GENERAL_TOPIC,
    Chat,
    ChatKind,
    Membership,
    Message,
    Topic,
    User,
    Wire,
)
from networks.telegram.files import Files
from networks.telegram.rates import Rates
from networks.telegram.record import Event, Record
from networks.telegram.updates import Updates

FIRST_UPDATE_ID = 900_000_001
FIRST_PERSON_ID = 5_000_000_001
"""Above 2^31, as the ids of new accounts are."""
FIRST_GROUP_ID = -4_000_000_001
FIRST_SUPERGROUP_ID = -1_002_000_000_001

ANONYMOUS_ADMIN = User(
    id=1087968824,
    first_name="Group",
    username="GroupAnonymousBot",
    is_bot=True,
    language_code=None,
)
CHANNEL_STAND_IN = User(
    id=136817688,
    first_name="Channel",
    username="Channel_Bot",
    is_bot=True,
    language_code=None,
)
SERVICE = User(id=777000, first_name="Telegram", language_code=None)
"""Posts of a channel reach its discussion group in this account's name."""


class World:
    """Everything that the server knows."""

    def __init__(self, token: str, clock: Clock, *, username: str, privacy: bool) -> None:
        self.token: str | None = token
        """None: it was revoked."""
        self.clock = clock
        self.privacy = privacy
        """Whether the bot gets only what is meant for it in groups."""
        self.bot = User(
            id=int(token.partition(":")[0]),
            first_name="Test bot",
            username=username,
            is_bot=True,
            language_code=None,
        )
        self.webhook: Wire = {}
        """The parameters of the webhook that is set; empty: none is."""
        self.webhook_set_at: float | None = None
        self.users: dict[int, User] = {}
        self.chats: dict[int, Chat] = {}
        self.met: set[int] = set()
        """Ids of people whom the bot has seen write somewhere."""
        self.queries: dict[str, float] = {}
        """Presses of buttons that were not answered: until when they may be."""
        self.files = Files(self.now)
        self.updates = Updates(self.now, FIRST_UPDATE_ID)
        self.rates = Rates(clock.monotonic)
        self.record = Record()
        self._last_message_id = 0  # of private chats and groups, which count together
        self._last_group_id = 0
        self._last_id = 0  # of albums and queries

    def now(self) -> float:
        """Return the time of day in seconds."""
        return self.clock.now().timestamp()

    def date(self) -> int:
        """Return the time of day as messages have it."""
        return int(self.now())

    def add_user(self, first_name: str, **fields: object) -> User:
        """Let a person, or another bot, join the network."""
        fields.setdefault("id", FIRST_PERSON_ID + len(self.users))
        user = User(first_name=first_name, **fields)  # type: ignore[arg-type]
        self.users[user.id] = user
        return user

    def add_chat(self, kind: ChatKind, chat_id: int | None, **fields: object) -> Chat:
        """Open a chat.

        Args:
            kind: Its kind.
            chat_id: Its id; None: one that fits its kind.
            fields: The others of `Chat`.
        """
        if chat_id is None:
            first = FIRST_GROUP_ID if kind == "group" else FIRST_SUPERGROUP_ID
            chat_id = first - self._last_group_id
            self._last_group_id += 1
        chat = Chat(id=chat_id, kind=kind, **fields)  # type: ignore[arg-type]
        if chat.is_forum:
            # Its first message says that it was made: no topic has the general one's id.
            chat.last_id = GENERAL_TOPIC
        self.chats[chat.id] = chat
        return chat

    def next_id(self) -> int:
        """Return a number that nothing else has: for albums, queries."""
        self._last_id += 1
        return self._last_id

    def next_message_id(self, chat: Chat) -> int:
        """Return the id of a chat's next message."""
        if chat.kind in ("supergroup", "channel"):
            chat.last_id += 1
            return chat.last_id
        self._last_message_id += 1
        return self._last_message_id

    def add_message(
        self,
        chat: Chat,
        content: Wire,
        *,
        sender: User | None,
        sender_chat: Chat | None = None,
        thread_id: int | None = None,
        reply_to: Message | None = None,
        is_outgoing: bool = False,
    ) -> Message:
        """Keep a message."""
        message = Message(
            id=self.next_message_id(chat),
            chat=chat,
            date=self.date(),
            sender=sender,
            sender_chat=sender_chat,
            content=content,
            thread_id=thread_id,
            reply_to=reply_to,
            is_outgoing=is_outgoing,
        )
        if thread_id is not None and reply_to is None and chat.is_forum:
            # The server lets what is in a topic reply to the topic's beginning.
            message.reply_to = chat.messages.get(thread_id)
        chat.messages[message.id] = message
        chat.bot_spoke_last = message.is_outgoing
        return message

    def add_topic(self, chat: Chat, name: str, sender: User) -> tuple[Topic, Message]:
        """Open a topic; return it, and the service message that says so."""
        content = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        message = self.add_message(chat, content, sender=sender)
        message.thread_id = message.id
        topic = Topic(id=message.id, name=name)
        chat.topics[topic.id] = topic
        return topic, message

    def note(self, event: Event) -> None:
        """Take note of what the bot did."""
        self.record.note(event)

    def change_bot(self, chat: Chat, membership: Membership, by: User) -> None:
        """Change what the bot is in a chat, and tell it."""
        payload = {
            "chat": chat.wire(),
            "from": by.wire(),
            "date": self.date(),
            "old_chat_member": chat.bot.wire(self.bot, chat.kind),
            "new_chat_member": membership.wire(self.bot, chat.kind),
        }
        chat.bot = membership
        self.updates.add("my_chat_member", payload)


def evolve(membership: Membership, **changes: object) -> Membership:
    """Return a membership with changes."""
    return attrs.evolve(membership, **changes)  # type: ignore[arg-type]
