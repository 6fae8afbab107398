"""One pass over all boundaries with SIGKILL, and a sample of what else can happen there.

`python tests/rig/kill.py` runs every boundary with every fault on every kind of network.
"""

from __future__ import annotations

import pytest

from rig.control import Boundary
from rig.kill import Cell, run_cell
from rig.network import MODES

CELLS = [
    *(Cell(one, "SIGKILL", MODES[place % 3]) for place, one in enumerate(Boundary)),
    Cell(Boundary.REQUEST_TAKEN, "SIGKILL", "key"),
    Cell(Boundary.REQUEST_TAKEN, "SIGKILL", "none"),
    Cell(Boundary.IN_AGENT, "SIGTERM", "key"),
    Cell(Boundary.BEFORE_REQUEST, "SIGTERM, held", "none"),
    Cell(Boundary.REQUEST_TAKEN, "SIGSTOP", "lookup"),
    Cell(Boundary.RECEIVED, "refused", "key"),
    Cell(Boundary.SETTLED, "answer lost", "none"),
    Cell(Boundary.BEFORE_REQUEST, "429", "none"),
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_nothing_is_lost_doubled_or_reordered(cell: Cell) -> None:
    """Struck at a boundary, the bot answers all, in order, and repeats only with a mark."""
    result = await run_cell(cell)

    assert result.faults(cell) == [], result.complaint
