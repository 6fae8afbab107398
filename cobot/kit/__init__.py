"""What channels share above the network: how they are set up, read, ask, and move files.

Nothing of it is compulsory: a channel is what implements the hooks, and a small one needs none
of this. It comes with the extra `cobot-core[net]`.
"""

from __future__ import annotations

from cobot.errors import first_line, incomplete, is_final
from cobot.kit.asking import insist
from cobot.kit.files import Fetch, Files
from cobot.kit.found import UNREADABLE, Found
from cobot.kit.inlet import Inlet
from cobot.kit.keeper import Keeper
from cobot.kit.settings import address, between, matching
from cobot.recent import Recent
from cobot.tasks import Tasks, within

__all__ = [
    "UNREADABLE",
    "Fetch",
    "Files",
    "Found",
    "Inlet",
    "Keeper",
    "Recent",
    "Tasks",
    "address",
    "between",
    "first_line",
    "incomplete",
    "insist",
    "is_final",
    "matching",
    "within",
]
