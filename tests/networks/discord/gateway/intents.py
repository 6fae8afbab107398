"""What a bot has to ask for to be told of something."""

from __future__ import annotations

from networks.discord.world import GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT

GUILDS = 1 << 0
GUILD_MODERATION = 1 << 2
GUILD_EXPRESSIONS = 1 << 3
GUILD_MESSAGES = 1 << 9
GUILD_MESSAGE_REACTIONS = 1 << 10
GUILD_MESSAGE_TYPING = 1 << 11
DIRECT_MESSAGES = 1 << 12
DIRECT_MESSAGE_REACTIONS = 1 << 13
DIRECT_MESSAGE_TYPING = 1 << 14

KNOWN = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))
"""All that there are."""

IN_GUILDS = (
    ("MESSAGE_REACTION_", GUILD_MESSAGE_REACTIONS),
    ("MESSAGE_", GUILD_MESSAGES),
    ("TYPING_", GUILD_MESSAGE_TYPING),
    ("GUILD_MEMBER_", GUILD_MEMBERS),
    ("GUILD_BAN_", GUILD_MODERATION),
    ("GUILD_EMOJIS_", GUILD_EXPRESSIONS),
    ("GUILD_", GUILDS),
    ("CHANNEL_", GUILDS),
    ("THREAD_", GUILDS),
    ("PRESENCE_", GUILD_PRESENCES),
)
IN_DMS = (
    ("MESSAGE_REACTION_", DIRECT_MESSAGE_REACTIONS),
    ("MESSAGE_", DIRECT_MESSAGES),
    ("TYPING_", DIRECT_MESSAGE_TYPING),
    ("CHANNEL_PINS_", DIRECT_MESSAGES),
)
"""By how an event's name begins: the intent; the first that fits is taken."""


def intent_of(name: str, *, in_dm: bool) -> int:
    """Return the intent that an event needs; 0: none."""
    table = IN_DMS if in_dm else IN_GUILDS
    return next((intent for start, intent in table if name.startswith(start)), 0)


__all__ = ["GUILDS", "KNOWN", "MESSAGE_CONTENT", "intent_of"]
