"""Guilds as their people use them."""

from __future__ import annotations

from typing import Any

import attrs

from networks.discord import happenings
from networks.discord.entities import CATEGORY, FORUM, TEXT, Emoji, Guild, Member, Role, User
from networks.discord.permissions import bits
from networks.discord.rooms import Room
from networks.discord.wires import guild_create_wire
from networks.discord.world import World


@attrs.frozen(eq=False)
class Hall:
    """A guild, seen from the people's side."""

    world: World
    guild: Guild
    person: User
    """Who writes in its channels unless somebody else is named."""

    @property
    def id(self) -> str:
        """The guild's id."""
        return self.guild.id

    def channel(self, name: str = "general", kind: int = TEXT, **fields: Any) -> Room:
        """Open a channel.

        Args:
            name: Its name; others may have the same.
            kind: Of channel.
            fields: More of `Channel`: `parent`, `id`, `denied` ...
        """
        parent = fields.pop("parent", None)
        if isinstance(parent, Room):
            parent = parent.channel
        channel = self.world.add_channel(
            kind, name=name, guild=self.guild, parent=parent, **fields
        )
        happenings.change_channel(self.world, channel, how="CREATE")
        return Room(self.world, channel, self.person)

    def category(self, name: str) -> Room:
        """Open a category; nobody can write there."""
        return self.channel(name, CATEGORY)

    def forum(
        self, name: str = "questions", *, tags: tuple[str, ...] = (), **fields: Any
    ) -> Room:
        """Open a forum.

        Args:
            name: Its name.
            tags: The names of tags that posts can have.
            fields: More of `Channel`: `needs_tag` ...
        """
        ids = {self.world.next_id(): tag for tag in tags}
        return self.channel(name, FORUM, tags=ids, **fields)

    # --- people ---

    def join(
        self, user: User, *, nick: str | None = None, roles: tuple[Role, ...] = ()
    ) -> Member:
        """Let somebody join."""
        member = self.world.join(self.guild, user, nick=nick, roles=[*roles])
        payload = {**member.wire(), "guild_id": self.id}
        self.world.publish("GUILD_MEMBER_ADD", payload)
        return member

    def role(self, name: str, **fields: Any) -> Role:
        """Make a role: `is_mentionable`, `permissions` ..."""
        role = Role(id=self.world.next_id(), name=name, **fields)
        self.guild.roles[role.id] = role
        payload = {"guild_id": self.id, "role": role.wire()}
        self.world.publish("GUILD_ROLE_CREATE", payload)
        return role

    def emoji(self, name: str, *, is_animated: bool = False) -> Emoji:
        """Make an emoji of the guild's own."""
        emoji = Emoji(id=self.world.next_id(), name=name, is_animated=is_animated)
        self.guild.emojis[emoji.id] = emoji
        listed = [one.wire() for one in self.guild.emojis.values()]
        payload = {"guild_id": self.id, "emojis": listed}
        self.world.publish("GUILD_EMOJIS_UPDATE", payload)
        return emoji

    # --- the bot ---

    def grant(self, *permissions: str) -> None:
        """Give the bot permissions in the whole guild, by the API's names."""
        self.guild.permissions |= bits(*permissions)
        self._tell_of_rights()

    def withdraw(self, *permissions: str) -> None:
        """Take permissions from the bot in the whole guild."""
        self.guild.permissions &= ~bits(*permissions)
        self._tell_of_rights()

    def _tell_of_rights(self) -> None:
        everyone = self.guild.everyone
        everyone.permissions = self.guild.permissions
        payload = {"guild_id": self.id, "role": everyone.wire()}
        self.world.publish("GUILD_ROLE_UPDATE", payload)

    def kick_bot(self) -> None:
        """Throw the bot out."""
        self.guild.has_bot = False
        self.guild.members.pop(self.world.bot.id, None)
        self.world.publish("GUILD_DELETE", {"id": self.id})

    def invite_bot(self) -> None:
        """Let the bot in again."""
        self.guild.has_bot = True
        self.world.join(self.guild, self.world.bot)
        self._tell_all()

    def fail(self) -> None:
        """Let the guild be unavailable, as in an outage; to requests it is there."""
        self.guild.is_available = False
        self.world.publish("GUILD_DELETE", {"id": self.id, "unavailable": True})

    def recover(self) -> None:
        """Let the guild be available again."""
        self.guild.is_available = True
        self._tell_all()

    def _tell_all(self) -> None:
        self.world.publish("GUILD_CREATE", guild_create_wire(self.world, self.guild))
