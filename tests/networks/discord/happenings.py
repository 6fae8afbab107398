"""What happens on the network, whoever does it: it is kept, and the bot is told."""

from __future__ import annotations

from collections.abc import Sequence

from networks.discord.emoji import key_of
from networks.discord.entities import HAS_THREAD, Channel, Message, Reaction, User, Wire
from networks.discord.wires import channel_wire, event_wire
from networks.discord.world import World


def appear(world: World, message: Message) -> None:
    """Tell of a new message."""
    payload = event_wire(world, message)
    world.publish("MESSAGE_CREATE", payload, channel=message.channel, message=message)


def change(world: World, message: Message) -> None:
    """Tell that a message is no longer what it was."""
    payload = event_wire(world, message)
    world.publish("MESSAGE_UPDATE", payload, channel=message.channel, message=message)


def vanish(world: World, message: Message) -> None:
    """Delete a message."""
    message.is_deleted = True
    payload = {"id": message.id, **place(message.channel)}
    world.publish("MESSAGE_DELETE", payload, channel=message.channel)


def vanish_together(world: World, channel: Channel, ids: Sequence[str]) -> list[Message]:
    """Delete several messages at once; return those that were there."""
    found = [message for one in ids if (message := channel.find(one))]
    for message in found:
        message.is_deleted = True
    payload = {"ids": [message.id for message in found], **place(channel)}
    world.publish("MESSAGE_DELETE_BULK", payload, channel=channel)
    return found


def react(world: World, message: Message, user: User, emoji: Wire) -> bool:
    """Put an emoji below a message; return whether it was not there yet."""
    reaction = message.reactions.setdefault(key_of(emoji), Reaction(emoji=emoji))
    if user in reaction.users:
        return False
    reaction.users.append(user)
    payload = {**_reaction(message, user, emoji), "message_author_id": message.author.id}
    guild = message.channel.guild
    if guild and user.id in guild.members:
        payload["member"] = guild.members[user.id].wire()
    world.publish("MESSAGE_REACTION_ADD", payload, channel=message.channel)
    return True


def unreact(world: World, message: Message, user: User, emoji: Wire) -> bool:
    """Take an emoji back; return whether it was there."""
    reaction = message.reactions.get(key_of(emoji))
    if reaction is None or user not in reaction.users:
        return False
    reaction.users.remove(user)
    if not reaction.users:
        del message.reactions[key_of(emoji)]
    payload = _reaction(message, user, emoji)
    world.publish("MESSAGE_REACTION_REMOVE", payload, channel=message.channel)
    return True


def clear_reactions(world: World, message: Message, emoji: Wire | None = None) -> None:
    """Take all reactions away, or all of one emoji."""
    where = {"message_id": message.id, **place(message.channel)}
    if emoji is None:
        message.reactions.clear()
        world.publish("MESSAGE_REACTION_REMOVE_ALL", where, channel=message.channel)
    elif message.reactions.pop(key_of(emoji), None):
        payload = {**where, "emoji": emoji}
        world.publish("MESSAGE_REACTION_REMOVE_EMOJI", payload, channel=message.channel)


def _reaction(message: Message, user: User, emoji: Wire) -> Wire:
    return {
        "user_id": user.id,
        "message_id": message.id,
        **place(message.channel),
        "emoji": emoji,
        "burst": False,
        "type": 0,
    }


def type_in(world: World, channel: Channel, user: User) -> None:
    """Tell that somebody writes."""
    payload = {"user_id": user.id, **place(channel)}
    payload["timestamp"] = int(world.clock.now().timestamp())
    if channel.guild and user.id in channel.guild.members:
        payload["member"] = channel.guild.members[user.id].wire()
    world.publish("TYPING_START", payload, channel=channel)


def open_thread(
    world: World,
    parent: Channel,
    kind: int,
    name: str,
    owner: User,
    *,
    message: Message | None = None,
    thread_id: str | None = None,
    archive_minutes: int = 1440,
    tags: Sequence[str] = (),
) -> Channel:
    """Open a thread, and tell of it.

    Args:
        world: The network.
        parent: In which channel.
        kind: Of thread.
        name: Its name.
        owner: Who opens it.
        message: At which message; its id is the thread's as well.
        thread_id: Its id; None: the message's, or a new one.
        archive_minutes: After how much silence it is archived.
        tags: Those of a forum's post.
    """
    thread = world.add_channel(
        kind,
        id=message.id if message else thread_id,
        name=name,
        guild=parent.guild,
        parent=parent,
        owner_id=owner.id,
        has_bot=owner is world.bot,
        archive_minutes=archive_minutes,
        applied_tags=[*tags],
    )
    if message:
        message.thread = thread
        message.flags |= HAS_THREAD
        change(world, message)
    payload = {**channel_wire(thread), "newly_created": True}
    world.publish("THREAD_CREATE", payload, channel=thread)
    return thread


def change_channel(world: World, channel: Channel, *, how: str = "UPDATE") -> None:
    """Tell that a channel or thread was made, changed or deleted.

    Args:
        world: The network.
        channel: Which.
        how: `CREATE`, `UPDATE` or `DELETE`.
    """
    if channel.is_thread and how == "DELETE":
        payload: Wire = {"id": channel.id, "type": channel.kind}
        payload["parent_id"] = channel.parent.id if channel.parent else None
        payload["guild_id"] = channel.guild.id if channel.guild else None
    else:
        payload = channel_wire(channel)
    kind = "THREAD" if channel.is_thread else "CHANNEL"
    world.publish(f"{kind}_{how}", payload, channel=channel)


def wake(world: World, thread: Channel) -> None:
    """Take a thread out of the archive, as every message in it does."""
    if thread.is_thread and thread.is_archived:
        archive(world, thread, is_archived=False)
        change_channel(world, thread)


def archive(world: World, thread: Channel, *, is_archived: bool) -> None:
    """Put a thread into the archive, or take it out."""
    thread.is_archived, thread.archived = is_archived, world.clock.now()


def place(channel: Channel) -> Wire:
    """Return where something happened, as events tell it."""
    wire: Wire = {"channel_id": channel.id}
    if channel.guild:
        wire["guild_id"] = channel.guild.id
    return wire
