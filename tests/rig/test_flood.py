"""Small floods; `python tests/rig/flood.py` and its neighbours make large ones."""

from __future__ import annotations

import pytest

from rig.flood import telegram
from rig.flood_discord import discord
from rig.flood_slack import slack, slack_by_http
from rig.flooding import Flood, run_flood

FLOODS = {
    "at rest": Flood(messages=400, chats=80),
    "killed twice": Flood(messages=400, chats=80, kills=2, losses=1, agent_s=0.02, send_s=0.02),
    "refused and reset": Flood(messages=400, chats=80, limited=0.05, drops=2),
}


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize(
    ("network", "has_keys"),
    [(telegram, False), (discord, True), (slack, True), (slack_by_http, True)],
)
async def test_every_message_is_answered_in_order(
    network: object, has_keys: bool, name: str
) -> None:
    """Nothing is lost or overtaken; what is doubled was in flight, and is marked."""
    flood = FLOODS[name]
    outcome = await run_flood(flood, network())  # type: ignore[operator]

    is_risky = not has_keys and bool(flood.kills or flood.drops)
    assert outcome.counts.faults(may_double=is_risky) == [], str(outcome)
    assert outcome.starts == flood.kills + 1
    assert bool(outcome.refused) == bool(flood.limited)
