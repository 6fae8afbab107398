"""Keys that are the same each time they are computed, in this process or in the next."""

from __future__ import annotations

import hashlib
from random import Random

from cobot.journal import Key
from cobot.messages import Address


def message_key(channel: str, key: Key) -> str:
    """Return an incoming message's own key: the same for the same message, for ever."""
    parts = (channel, key.channel_id, key.thread_id, key.kind, key.id, key.version)
    # With lengths: an id may hold any character.
    return _digest("".join("-" if part is None else f"{len(part)}:{part}" for part in parts))


def operation_key(cause: str, index: int) -> str:
    """Return the key of a turn's n-th operation: the same if the turn runs again."""
    return _digest(f"{cause}\0{index}")


def conversation_key(address: Address) -> str:
    """Return the key of the conversation that an address is by itself."""
    parts = (address.channel_type, address.channel_id, address.thread_id)
    return "/".join(
        part.replace("%", "%25").replace("/", "%2F") for part in parts if part is not None
    )


def random_key(random: Random) -> str:
    """Return a key for what has no cause: a message that somebody sends."""
    return _digest(str(random.getrandbits(128)))


def _digest(text: str) -> str:
    # 24 of the 25 characters that a key may have.
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
