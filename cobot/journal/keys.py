"""Keys that are the same each time they are computed, in this process or in the next."""

from __future__ import annotations

import hashlib
from random import Random

from cobot.journal import Key
from cobot.messages import Address


def message_key(channel: str, key: Key) -> str:
    """Return an incoming message's own key: the same for the same message, for ever."""
    chat, thread, kind, id_, version = (
        key.channel_id,
        key.thread_id,
        key.kind,
        key.id,
        key.version,
    )
    in_thread = "-" if thread is None else f"{len(thread)}:{thread}"
    # With lengths: an id may hold any character.
    return _digest(
        f"{len(channel)}:{channel}{len(chat)}:{chat}{in_thread}"
        f"{len(kind)}:{kind}{len(id_)}:{id_}{len(version)}:{version}"
    )


def operation_key(cause: str, index: int) -> str:
    """Return the key of the n-th operation that has a cause: the same if it comes again."""
    return _digest(f"{cause}\0{index}")


def turn_key(job: int, cause: str, index: int) -> str:
    """Return the key of a turn's n-th operation, which rises with the number of its job.

    In the index of keys those that are stored together lie together, then, and not each in a
    page of its own.
    """
    return f"{job % 16**9:09x}{operation_key(cause, index)[:15]}"


def conversation_key(address: Address) -> str:
    """Return the key of the conversation that an address is by itself."""
    key = f"{quoted(address.channel_type)}/{quoted(address.channel_id)}"
    return key if address.thread_id is None else f"{key}/{quoted(address.thread_id)}"


def quoted(part: str) -> str:
    """Return a part of a conversation's key, without the slash that stands between parts."""
    return part.replace("%", "%25").replace("/", "%2F")


def random_key(random: Random) -> str:
    """Return a key for what has no cause: a message that somebody sends."""
    return _digest(str(random.getrandbits(128)))


def _digest(text: str) -> str:
    # 24 of the 25 characters that a key may have.
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
