"""For those who write a channel: the contract suite, and what runs a channel in a test.

    from cobot.testing import ChannelContract, Network

    class PigeonNetwork(Network):
        ...  # the network as people and the suite use it

    class TestContract(ChannelContract):
        def make(self) -> Network:
            return PigeonNetwork()

`docs/testing.md` shows one whole. Needs the extra `cobot-core[testing]`.
"""

from cobot.testing.broken import ContractBroken
from cobot.testing.clock import ManualClock
from cobot.testing.context import make_context
from cobot.testing.contract import ChannelContract
from cobot.testing.journal import WatchedJournal
from cobot.testing.network import Arrival, Kind, Network
from cobot.testing.proxy import Proxy
from cobot.testing.running import Running, running

__all__ = [
    "Arrival",
    "ChannelContract",
    "ContractBroken",
    "Kind",
    "ManualClock",
    "Network",
    "Proxy",
    "Running",
    "WatchedJournal",
    "make_context",
    "running",
]
