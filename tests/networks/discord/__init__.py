"""A fake Discord.

    async with FakeDiscord() as network:
        lab = network.guild("Lab").channel("general")
        await network.wait_for_bot()
        lab.text("hello")
        await network.wait_for_sent()

`python tests/networks/discord` starts it by hand.
"""

from networks.discord.entities import (
    ANNOUNCEMENT,
    CATEGORY,
    FORUM,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    VOICE,
    Channel,
    Emoji,
    Guild,
    Message,
    Role,
    User,
)
from networks.discord.errors import ApiError, old_edits, page, server_error, too_many_requests
from networks.discord.gateway import Gateway
from networks.discord.halls import Hall
from networks.discord.network import FakeDiscord
from networks.discord.record import Event
from networks.discord.rooms import Room
from networks.discord.world import GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT, Interaction
from networks.faults import Fault, Gate, Slow, Trouble

__all__ = [
    "ANNOUNCEMENT",
    "CATEGORY",
    "FORUM",
    "GUILD_MEMBERS",
    "GUILD_PRESENCES",
    "MESSAGE_CONTENT",
    "PRIVATE_THREAD",
    "PUBLIC_THREAD",
    "TEXT",
    "VOICE",
    "ApiError",
    "Channel",
    "Emoji",
    "Event",
    "FakeDiscord",
    "Fault",
    "Gate",
    "Gateway",
    "Guild",
    "Hall",
    "Interaction",
    "Message",
    "Role",
    "Room",
    "Slow",
    "Trouble",
    "User",
    "old_edits",
    "page",
    "server_error",
    "too_many_requests",
]
