"""Conversations as their people use them: what they do here reaches the app."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

from networks.slack import text as texts
from networks.slack.chats import Channel, Message, User, Wire
from networks.slack.delivery import Delivery, DeliveryKind, Outbox
from networks.slack.emoji import name_of
from networks.slack.methods.sending import respond
from networks.slack.world import APP_ID, TEAM_ID, World

Thread: TypeAlias = Message | str | None
"""A message whose thread is meant, or a timestamp."""


@attrs.define(eq=False)
class Interaction:
    """A command that was typed, or a button that was pressed."""

    payload: Wire
    delivery: Delivery

    @property
    def response_url(self) -> str:
        """Where the app may answer later."""
        return str(self.payload["response_url"])

    @property
    def answer(self) -> Any:
        """What the app answered at once; None: nothing, or not yet."""
        return self.delivery.answer

    @property
    def is_acked(self) -> bool:
        """Whether the app took it in time."""
        return self.delivery.state == "acked"

    @property
    def has_failed(self) -> bool:
        """Whether the person was shown that the app does not answer."""
        return self.delivery.state == "lost"


@attrs.define(eq=False)
class Room:
    """A conversation, seen from the people's side.

    Every method does one thing that a person can do, and tells the app of it. `by` is who does
    it; it may be left out: then it is the person of direct messages, or the one with whom the
    room was opened.
    """

    world: World
    outbox: Outbox
    channel: Channel
    person: User

    @property
    def id(self) -> str:
        """The channel's id."""
        return self.channel.id

    @property
    def messages(self) -> list[Message]:
        """What stands here, in order: of people and of bots."""
        return self.channel.standing

    def status(self, thread: Message | str) -> str:
        """Return what the assistant is shown to do below a thread; empty: nothing."""
        found = self.world.statuses.get((self.id, _ts(thread) or ""))
        if found is None or self.world.clock.monotonic() >= found[1]:
            return ""
        return found[0]

    # --- writing ---

    def text(self, text: str, *, is_raw: bool = False, **options: Any) -> Message:
        """Write a text.

        Args:
            text: As it is typed: `@Name` of somebody here and `#channel` become mentions, and
                addresses become links.
            is_raw: Whether it is written as the network has it, with `<@U1>` and `&lt;`.
            options: Those of `post`.
        """
        stored = text if is_raw else texts.written(text, self._mentioned)
        return self.post(self.world.laid_out(stored), **options)

    def post(
        self,
        content: Wire,
        *,
        by: User | None = None,
        thread: Thread = None,
        is_broadcast: bool = False,
        **fields: Any,
    ) -> Message:
        """Let a message appear.

        Args:
            content: The fields that its kind has.
            by: Its author; a bot's message tells that it is one.
            thread: The message that it replies to, or any other of its thread.
            is_broadcast: Whether a reply is shown in the channel too.
            fields: More of the API's Message.
        """
        user = by or self.person
        own: Wire = {"team": user.team_id, "client_msg_id": self._client_id()}
        if user.bot_id:
            own = {
                "team": user.team_id,
                "bot_id": user.bot_id,
                "app_id": user.app_id,
                "bot_profile": user.bot_profile(),
            }
        if is_broadcast:
            own["subtype"] = "thread_broadcast"
        return self.world.add_message(
            self.channel, user, {**own, **content, **fields}, thread_ts=_ts(thread)
        )

    def me(self, text: str, **options: Any) -> Message:
        """Write what somebody does, with `/me`."""
        return self.text(text, subtype="me_message", **options)

    def webhook(self, text: str, username: str = "Build") -> Message:
        """Let an old integration write, which is no user."""
        fields = {"subtype": "bot_message", "bot_id": "B0WEBHOOK1", "username": username}
        return self.world.add_message(self.channel, None, {**fields, "text": text})

    def notice(self, subtype: str, text: str, **options: Any) -> Message:
        """Let the network itself write: `channel_topic`, `channel_join`, `channel_name` ..."""
        return self.post({"text": text}, subtype=subtype, **options)

    # --- files ---

    def file(
        self,
        content: bytes = b"some notes\n",
        name: str | None = "notes.txt",
        *,
        text: str = "",
        is_stub: bool = False,
        by: User | None = None,
        thread: Thread = None,
        **described: Any,
    ) -> Message:
        """Send a file.

        Args:
            content: Its bytes.
            name: Its name; None: it has none.
            text: What is written with it.
            is_stub: Whether the event tells only its id, as of other organisations' files.
            by: Its author.
            thread: As for `post`.
            described: `mimetype`, `size`, `title`, `mode`, `external_url`.
        """
        item = {"content": content, "name": name, "is_stub": is_stub, **described}
        return self.files([item], text=text, by=by, thread=thread)

    def files(
        self,
        items: Sequence[Wire],
        *,
        text: str = "",
        by: User | None = None,
        thread: Thread = None,
        **options: Any,
    ) -> Message:
        """Send several files in one message; the keys of items are the arguments of `file`."""
        user, kept = by or self.person, self.world.files
        wires = []
        for item in items:
            described = {"content": b"some notes\n", "name": "notes.txt", **item}
            is_stub = described.pop("is_stub", False)
            content, name = described.pop("content"), described.pop("name")
            stored = kept.add(name, content, user.id, **described)
            wires.append(kept.wire(stored, is_stub=is_stub))
        stored_text = texts.written(text, self._mentioned)
        content = {"files": wires, "upload": False, **self.world.laid_out(stored_text)}
        return self.post(content, by=by, thread=thread, subtype="file_share", **options)

    # --- changing what was written ---

    def edit(self, message: Message, text: str, *, is_raw: bool = False) -> None:
        """Give a message another text; its author does it."""
        stored = text if is_raw else texts.written(text, self._mentioned)
        self.world.edit(message, message.user or self.person, self.world.laid_out(stored))

    def unfurl(self, message: Message, title: str = "A page") -> None:
        """Let the network show what a link leads to: the message changes, its text does not."""
        before = message.wire()
        message.fields["attachments"] = [{"id": 1, "title": title, "fallback": title}]
        self.world.tell_changed(message, before)

    def delete(self, message: Message) -> None:
        """Delete a message."""
        self.world.delete(message)

    def react(self, message: Message, name: str, *, by: User | None = None) -> None:
        """React to a message, with an emoji or its name."""
        self._react(message, name, by, is_added=True)

    def unreact(self, message: Message, name: str, *, by: User | None = None) -> None:
        """Take a reaction back."""
        self._react(message, name, by, is_added=False)

    def _react(self, message: Message, name: str, by: User | None, *, is_added: bool) -> None:
        known = name_of(name) or name
        self.world.react(message, by or self.person, known, is_added=is_added)

    # --- commands and buttons ---

    def press(
        self, message: Message, action_id: str, value: str = "", *, by: User | None = None
    ) -> Interaction:
        """Press a button of a message.

        Args:
            message: Which.
            action_id: The button's.
            value: The button's; empty: the one that it has.
            by: Who presses it.
        """
        button, block_id = _button(message, action_id)
        user = by or self.person
        action = {
            "action_id": action_id,
            "block_id": block_id,
            "type": "button",
            "text": button.get("text", {"type": "plain_text", "text": action_id}),
            "value": value or button.get("value", ""),
            "action_ts": self.world.next_ts(),
        }
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": self.id,
            "is_ephemeral": False,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload: Wire = {
            "type": "block_actions",
            "user": {"id": user.id, "username": user.name, "team_id": user.team_id},
            "api_app_id": APP_ID,
            "team": {"id": TEAM_ID, "domain": "test"},
            "channel": {"id": self.id, "name": self.channel.name or "directmessage"},
            "container": container,
            "message": message.wire(),
            "actions": [action],
        }
        return self._interact("interactive", payload, "actions")

    def slash(self, command: str, text: str = "", *, by: User | None = None) -> Interaction:
        """Type a command of the app, with its slash; threads know none."""
        user = by or self.person
        payload: Wire = {
            "command": command,
            "text": text,
            "user_id": user.id,
            "user_name": user.name,
            "channel_id": self.id,
            "channel_name": self.channel.name or "directmessage",
            "team_id": TEAM_ID,
            "team_domain": "test",
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
        }
        return self._interact("slash_commands", payload, "commands")

    def _interact(self, kind: DeliveryKind, payload: Wire, path: str) -> Interaction:
        payload["token"] = "legacy-token"
        payload["trigger_id"] = f"{self.world.next_ts()}.{self.world.next_id('t')}"
        payload["response_url"] = self.world.add_hook(self.channel, path)

        def answered(answer: Any) -> None:
            if isinstance(answer, dict) and answer:
                respond(self.world, self.channel, answer)

        return Interaction(payload, self.outbox.add(kind, payload, answered))

    # --- who is here ---

    def join(self, user: User) -> None:
        """Let somebody join."""
        self.channel.members.append(user)
        self._member("member_joined_channel", user)

    def leave(self, user: User) -> None:
        """Let somebody leave."""
        self.channel.members.remove(user)
        self._member("member_left_channel", user)

    def invite_bot(self, by: User | None = None) -> None:
        """Make the bot a member."""
        self.channel.has_bot = True
        inviter = (by or self.person).id
        self._member("member_joined_channel", self.world.bot, inviter=inviter)

    def kick_bot(self) -> None:
        """Remove the bot; it is told, and of nothing more."""
        self._member("member_left_channel", self.world.bot)
        self.channel.has_bot = False

    def archive(self) -> None:
        """Close the channel for good."""
        self.channel.is_archived = True
        self.world.tell(
            self.channel,
            {"type": "channel_archive", "channel": self.id, "user": self.person.id},
        )

    def lock(self, thread: Message) -> None:
        """Let nobody reply any more."""
        self.channel.locked_threads.add(thread.ts)

    def _member(self, kind: str, user: User, **fields: Any) -> None:
        event = {
            "type": kind,
            "user": user.id,
            "channel": self.id,
            "channel_type": "C" if self.channel.kind == "channel" else "G",
            "team": user.team_id,
            **fields,
        }
        self.world.tell(self.channel, event)

    # --- words ---

    def _mentioned(self, word: str) -> str | None:
        """Return the token of a mention."""
        if word in ("@here", "@channel", "@everyone"):
            return f"<!{word[1:]}>"
        if word.startswith("@"):
            for user in self.world.users.values():
                if word[1:].lower() in (user.name, user.shown_name.lower()):
                    return f"<@{user.id}>"
            return None
        for channel in self.world.channels.values():
            if channel.name and channel.name == word[1:]:
                return f"<#{channel.id}|{channel.name}>"
        return None

    def _client_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.world.next_id("M")))


def _ts(thread: Thread) -> str | None:
    return thread.thread_ts or thread.ts if isinstance(thread, Message) else thread


def _button(message: Message, action_id: str) -> tuple[Wire, str]:
    """Return a button of a message and its block's id.

    Raises:
        LookupError: It has none of that id.
    """
    for block in message.blocks:
        elements = [*block.get("elements", ()), block.get("accessory") or {}]
        for element in elements:
            if element.get("action_id") == action_id:
                return element, str(block.get("block_id", ""))
    raise LookupError(f"the message has no button {action_id!r}")
