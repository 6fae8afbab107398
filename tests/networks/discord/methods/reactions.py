"""Reactions."""

from __future__ import annotations

from networks.discord import emoji as emojis
from networks.discord import happenings
from networks.discord.calls import Call
from networks.discord.entities import Message, User, Wire
from networks.discord.errors import ApiError, unknown
from networks.discord.methods.messages import find
from networks.discord.permissions import need
from networks.discord.record import Event
from networks.discord.world import World

MOST = 20


def _named(world: World, call: Call) -> tuple[Message, Wire]:
    """Return the message and the emoji that a path names."""
    message = find(world, call)
    emoji = emojis.parse(call.args["emoji"], [*world.guilds.values()])
    # An emoji that is there already may be a guild's that the bot is not in.
    here = message.reactions.get(emojis.key_of(emoji))
    return message, here.emoji if here else emoji


def react(world: World, call: Call) -> None:
    """Put the bot's emoji below a message."""
    message, emoji = _named(world, call)
    need(message.channel, "READ_MESSAGE_HISTORY")
    is_new = emojis.key_of(emoji) not in message.reactions
    if is_new:
        need(message.channel, "ADD_REACTIONS")
    if message.author.has_blocked_bot:
        raise ApiError(403, 90001, "Reaction was blocked")
    if is_new and len(message.reactions) >= MOST:
        raise ApiError(400, 30010, f"Maximum number of reactions reached ({MOST})")
    if happenings.react(world, message, world.bot, emoji):
        world.note(Event("reacted", message.channel, message, emoji))


def unreact(world: World, call: Call) -> None:
    """Take the bot's emoji back."""
    message, emoji = _named(world, call)
    _take(world, message, world.bot, emoji)


def unreact_other(world: World, call: Call) -> None:
    """Take somebody's emoji away."""
    message, emoji = _named(world, call)
    user = world.users.get(call.args["user"])
    if user is None:
        raise unknown("User")
    if user is not world.bot:
        need(message.channel, "MANAGE_MESSAGES")
    _take(world, message, user, emoji)


def _take(world: World, message: Message, user: User, emoji: Wire) -> None:
    if happenings.unreact(world, message, user, emoji):
        world.note(Event("unreacted", message.channel, message, emoji))


def clear_reactions(world: World, call: Call) -> None:
    """Take all reactions away."""
    message = find(world, call)
    need(message.channel, "MANAGE_MESSAGES")
    happenings.clear_reactions(world, message)


def clear_reactions_of(world: World, call: Call) -> None:
    """Take all reactions of one emoji away."""
    message, emoji = _named(world, call)
    need(message.channel, "MANAGE_MESSAGES")
    happenings.clear_reactions(world, message, emoji)


def list_reactions(world: World, call: Call) -> list[Wire]:
    """Return who put an emoji below a message."""
    message, emoji = _named(world, call)
    need(message.channel, "READ_MESSAGE_HISTORY")
    reaction = message.reactions.get(emojis.key_of(emoji))
    return [user.wire() for user in reaction.users] if reaction else []
