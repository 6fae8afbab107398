"""Events of ours: how large they get, and how they are dated."""

from __future__ import annotations

from random import Random

import pytest

from cobot.testing import ManualClock
from cobot_nostr.api import SWELL, TEXT_BYTES
from cobot_nostr.compose import private
from cobot_nostr.crypto import Signer
from cobot_nostr.events import NOTE, Draft, dumps
from cobot_nostr.minting import Mint
from cobot_nostr.wraps import wrap

ALICE = Signer.generate()
ID = "a" * 64


@pytest.mark.parametrize("others", [1, 10])
@pytest.mark.parametrize("limit", [16_384, 32_768, 65_536, 131_072])
def test_longest_text_fits_its_envelopes(limit: int, others: int) -> None:
    """Also where each of its characters takes two, and several people are named."""
    text = '"' * min(TEXT_BYTES, int(limit / SWELL))
    draft = private(text, [Signer.generate().pubkey] * others, ID)
    sent = wrap(
        ALICE, ALICE.rumor(draft, 1_700_000_000), ALICE.pubkey, 1_700_000_000, Random(1)
    )

    assert len(dumps(["EVENT", sent.json])) <= min(limit, 65_536)


def test_part_made_after_a_restart_is_later_than_those_before() -> None:
    """Parts of one text keep their order, though the first were made by another process."""
    clock = ManualClock()
    stored_at = clock.now()
    before = Mint(ALICE, clock)
    made = [before.event(Draft(kind=NOTE, content=f"{n}"), "notes", stored_at) for n in (1, 2)]
    clock.advance(5)
    made.append(Mint(ALICE, clock).event(Draft(kind=NOTE, content="3"), "notes", stored_at))

    times = [event.created_at for event in made]
    assert times == sorted(set(times))
