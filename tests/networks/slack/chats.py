"""People, channels, messages, and how the network writes them down."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

from networks.slack import text as texts

Wire: TypeAlias = dict[str, Any]

ChannelKind: TypeAlias = Literal["channel", "group", "im", "mpim"]
"""As `channel_type` in events calls it; a group is a private channel."""


@attrs.define(eq=False, kw_only=True)
class User:
    """A person or a bot."""

    id: str
    name: str
    """The handle, in lower case."""
    real_name: str
    display_name: str = ""
    """What clients show; empty: the real name."""
    team_id: str
    bot_id: str | None = None
    """Of a bot: how its messages call it."""
    app_id: str | None = None
    is_restricted: bool = False
    """Whether it is a guest."""
    is_deleted: bool = False

    @property
    def shown_name(self) -> str:
        """What clients show."""
        return self.display_name or self.real_name

    def wire(self) -> Wire:
        """Return the API's User."""
        profile: Wire = {
            "real_name": self.real_name,
            "display_name": self.display_name,
            "team": self.team_id,
        }
        if self.bot_id:
            profile |= {"bot_id": self.bot_id, "api_app_id": self.app_id}
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.is_deleted,
            "tz": "Europe/Amsterdam",
            "profile": profile,
            "is_bot": self.bot_id is not None,
            "is_app_user": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": False,
            "updated": 1_700_000_000,
        }

    def bot_profile(self) -> Wire:
        """Return what a bot's messages tell of it."""
        return {
            "id": self.bot_id,
            "app_id": self.app_id,
            "name": self.real_name,
            "deleted": False,
            "updated": 1_700_000_000,
            "team_id": self.team_id,
        }


@attrs.define(eq=False, kw_only=True)
class Message:
    """A message, as it is now."""

    ts: str
    channel: Channel
    user: User | None
    fields: Wire
    """The rest of the API's Message: `text`, `blocks`, `files`, `metadata`, `subtype` ..."""
    thread_ts: str | None = None
    """Of a reply: its parent."""
    is_outgoing: bool = False
    """Whether the bot under test wrote it."""
    is_deleted: bool = False
    edited: Wire | None = None
    reactions: dict[str, list[str]] = attrs.field(factory=dict)
    """By name: the ids of those who reacted, in order."""
    request: Any = None
    """The call that made it; None: a person did."""

    @property
    def text(self) -> str:
        """The text as the network has it: escaped, with mentions and links in brackets."""
        return str(self.fields.get("text", ""))

    @property
    def shown(self) -> str:
        """The text as people read it; the marks of mrkdwn stay."""
        return texts.shown(self.text)

    @property
    def blocks(self) -> list[Wire]:
        """What it is laid out of."""
        found: list[Wire] = self.fields.get("blocks", [])
        return found

    @property
    def metadata(self) -> Wire | None:
        """What its sender attached for programs."""
        return self.fields.get("metadata")

    @property
    def files(self) -> list[Wire]:
        """Its files, as the network describes them."""
        found: list[Wire] = self.fields.get("files", [])
        return found

    @property
    def is_broadcast(self) -> bool:
        """Whether it is a reply that the channel shows too."""
        return self.fields.get("subtype") == "thread_broadcast"

    @property
    def is_tombstone(self) -> bool:
        """Whether it stands for a parent that was deleted."""
        return self.fields.get("subtype") == "tombstone"

    def wire(self, *, all_metadata: bool = True) -> Wire:
        """Return the API's Message.

        Args:
            all_metadata: Whether metadata have their payload, and not only their type.
        """
        wire: Wire = {"type": "message", **self.fields, "ts": self.ts}
        if self.user:
            wire["user"] = self.user.id
        if self.metadata and not all_metadata:
            wire["metadata"] = {"event_type": self.metadata["event_type"]}
        if self.edited:
            wire["edited"] = self.edited
        if self.reactions:
            wire["reactions"] = [
                {"name": name, "users": users, "count": len(users)}
                for name, users in self.reactions.items()
            ]
        return wire | self._thread()

    def _thread(self) -> Wire:
        if self.thread_ts:
            parent = self.channel.messages.get(self.thread_ts)
            author = {"parent_user_id": parent.user.id} if parent and parent.user else {}
            return {"thread_ts": self.thread_ts, **author}
        replies = self.channel.replies(self.ts)
        if not replies:
            return {}
        users = list(dict.fromkeys(one.user.id for one in replies if one.user))
        return {
            "thread_ts": self.ts,
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "reply_users": users,
            "latest_reply": replies[-1].ts,
            "is_locked": False,
            "subscribed": any(one.is_outgoing for one in replies),
        }


@attrs.define(eq=False, kw_only=True)
class Channel:
    """A conversation."""

    id: str
    kind: ChannelKind
    name: str = ""
    members: list[User] = attrs.field(factory=list)
    """Without the bot under test."""
    has_bot: bool = True
    """Whether the bot under test is a member."""
    is_archived: bool = False
    is_ext_shared: bool = False
    """Whether people of other organisations are in it."""
    is_read_only: bool = False
    """Whether its rules let the bot post nothing."""
    takes_messages: bool = True
    """Of a direct message: whether the app's Messages tab is on."""
    locked_threads: set[str] = attrs.field(factory=set)
    messages: dict[str, Message] = attrs.field(factory=dict)
    """By ts, in order."""

    @property
    def standing(self) -> list[Message]:
        """What was not deleted, in order."""
        return [one for one in self.messages.values() if not one.is_deleted]

    def find(self, ts: str) -> Message | None:
        """Return a message that was not deleted."""
        found = self.messages.get(ts)
        return None if found is None or found.is_deleted else found

    def replies(self, thread_ts: str) -> list[Message]:
        """Return the replies of a thread, in order."""
        return [one for one in self.standing if one.thread_ts == thread_ts]

    def wire(self) -> Wire:
        """Return the API's Conversation."""
        wire: Wire = {
            "id": self.id,
            "is_channel": self.kind == "channel",
            "is_group": False,
            "is_im": self.kind == "im",
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "is_archived": self.is_archived,
            "is_ext_shared": self.is_ext_shared,
            "is_shared": self.is_ext_shared,
            "is_org_shared": False,
            "created": 1_700_000_000,
        }
        if self.kind == "im":
            return wire | {"user": self.members[0].id, "is_user_deleted": False}
        return wire | {
            "name": self.name,
            "name_normalized": self.name,
            "is_member": self.has_bot,
            "num_members": len(self.members) + self.has_bot,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }
