"""A small flood on Telegram; `python tests/rig/flood.py` makes large ones."""

from __future__ import annotations

import pytest

from rig.flood import Flood, run_flood

FLOODS = {
    "at rest": Flood(messages=400, chats=80),
    "killed twice": Flood(messages=400, chats=80, kills=2, agent_s=0.02, send_s=0.02),
    "limited": Flood(messages=400, chats=80, limited=0.05),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_every_message_is_answered_in_order(name: str) -> None:
    """Nothing is lost or overtaken; a kill may double what was in flight, with a mark."""
    flood = FLOODS[name]
    outcome = await run_flood(flood)

    assert outcome.counts.faults(may_double=flood.kills > 0) == [], str(outcome)
    assert outcome.starts == flood.kills + 1
    assert bool(outcome.refused) == bool(flood.limited)
