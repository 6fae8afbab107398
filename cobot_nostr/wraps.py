"""Gift wraps (NIP-59): private messages in their two envelopes, made and opened.

    wrap 1059, signed by a key used once, dated up to two days back
      └ seal 13, signed by the sender, dated up to two days back
          └ rumor 14, 15, 7, 5: signed by nobody, and dated truly

Each layer is checked, and the layers against each other: without that anybody could write in
anybody's name.
"""

from __future__ import annotations

from random import Random

import attrs

from cobot_nostr.crypto import Signer, Undecryptable, rumor_id, verify
from cobot_nostr.events import (
    DELETION,
    DIRECT,
    FILE,
    GIFT_WRAP,
    REACTION,
    SEAL,
    Draft,
    Event,
    Refused,
    dumps,
    read_event,
    read_json,
    read_rumor,
)

RUMORS = (DIRECT, FILE, REACTION, DELETION)
"""What may be in a wrap. Anything else would pass a private word off as one that was said in
public, or in a group that the sender cannot write to."""

BACKDATED_S = 2 * 86_400
"""How far back a layer may be dated, in seconds (NIP-59)."""


def wrap(
    signer: Signer, rumor: Event, receiver: str, now_s: int, random: Random | None
) -> Event:
    """Put a rumor in a seal and a wrap for one receiver.

    Args:
        signer: Who sends.
        rumor: What; the same for all receivers.
        receiver: Whose public key, in hex.
        now_s: The time, in Unix seconds.
        random: By how much each layer is dated back; None: not at all.

    Raises:
        ValueError: It is too long.
    """

    def dated() -> int:
        return now_s - (random.randrange(BACKDATED_S) if random else 1)

    sealed = signer.encrypt(receiver, dumps(rumor.json))
    seal = signer.sign(Draft(kind=SEAL, content=sealed), dated())
    once = Signer.generate()
    wrapped = once.encrypt(receiver, dumps(seal.json))
    return once.sign(Draft(kind=GIFT_WRAP, tags=(("p", receiver),), content=wrapped), dated())


def unwrap(signer: Signer, wrapped: Event) -> Event:
    """Return the rumor in a wrap whose own signature has been verified.

    Raises:
        Refused: A layer is not what it has to be.
    """
    if wrapped.kind != GIFT_WRAP or signer.pubkey not in wrapped.values("p"):
        raise Refused("receiver")
    seal = read_event(read_json(_decrypt(signer, wrapped)))
    if seal.kind != SEAL or seal.tags:
        raise Refused("seal")
    fault = verify(seal)
    if fault:
        raise Refused(fault)
    rumor = read_rumor(read_json(_decrypt(signer, seal)))
    if rumor.pubkey != seal.pubkey:
        raise Refused("author")
    if rumor.kind not in RUMORS:
        raise Refused("kind")
    computed = rumor_id(rumor)
    if rumor.id and rumor.id != computed:
        raise Refused("id")
    return attrs.evolve(rumor, id=computed)


def _decrypt(signer: Signer, layer: Event) -> str:
    try:
        return signer.decrypt(layer.pubkey, layer.content)
    except Undecryptable:
        raise Refused("undecryptable") from None
