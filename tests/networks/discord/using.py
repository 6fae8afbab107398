"""Slash commands as people use them."""

from __future__ import annotations

from typing import Any

from networks.discord.entities import Channel, User, Wire
from networks.discord.permissions import rights
from networks.discord.wires import channel_wire
from networks.discord.world import Interaction, World

TEXT, NUMBER, TRUTH, FRACTION = 3, 4, 5, 10
KINDS = {str: TEXT, int: NUMBER, bool: TRUTH, float: FRACTION}
"""The API's types of options."""


def use(
    world: World, channel: Channel, user: User, command: str, options: dict[str, Any]
) -> Interaction:
    """Use a command, and tell the bot."""
    interaction_id = world.next_id()
    interaction = Interaction(
        id=interaction_id,
        token=f"interaction-{interaction_id}-token",
        name=command,
        channel=channel,
        user=user,
        at=world.clock.monotonic(),
    )
    world.interactions[interaction.token] = interaction
    payload: Wire = {
        "id": interaction.id,
        "application_id": world.bot.id,
        "type": 2,
        "token": interaction.token,
        "version": 1,
        "data": _command(world, channel, command, options),
        "channel_id": channel.id,
        "channel": channel_wire(channel),
        "locale": "en-US",
        "app_permissions": str(rights(channel)),
        "entitlements": [],
        "attachment_size_limit": world.files.limits.file_bytes,
        **_user(channel, user),
    }
    world.publish("INTERACTION_CREATE", payload)
    return interaction


def _user(channel: Channel, user: User) -> Wire:
    """Return who uses a command, as is told of it: in guilds a member."""
    guild = channel.guild
    if guild is None or user.id not in guild.members:
        owners = {"0": "0"}
        return {"user": user.wire(), "context": 1, "authorizing_integration_owners": owners}
    return {
        "guild_id": guild.id,
        "guild": {"id": guild.id, "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "member": {**guild.members[user.id].wire(), "permissions": str(guild.permissions)},
        "context": 0,
        "authorizing_integration_owners": {"0": guild.id},
    }


def _command(world: World, channel: Channel, name: str, options: dict[str, Any]) -> Wire:
    """Return which command is used: that of the guild before that of all."""
    offered = [
        command
        for place in (channel.guild.id if channel.guild else "", "")
        for command in world.commands.get(place, {}).values()
        if command["name"] == name
    ]
    return {
        "id": offered[0]["id"] if offered else world.next_id(),
        "name": name,
        "type": 1,
        "options": [
            {"name": key, "type": KINDS[type(value)], "value": value}
            for key, value in options.items()
        ],
    }
