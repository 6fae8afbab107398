"""A fake Slack.

    async with FakeSlack() as network:
        ann = network.private_chat(network.user("Ann"))
        await network.wait_for_links()
        ann.text("hello")
        await network.wait_for_sent()

`python tests/networks/slack` starts it by hand.
"""

from networks.faults import Fault, Gate, Slow, Trouble
from networks.slack.chats import Channel, Message, User
from networks.slack.delivery import Delivery, Timing
from networks.slack.errors import ApiError, page, rate_limited
from networks.slack.network import FakeSlack
from networks.slack.record import Event
from networks.slack.rooms import Interaction, Room
from networks.slack.socket_mode import Link

__all__ = [
    "ApiError",
    "Channel",
    "Delivery",
    "Event",
    "FakeSlack",
    "Fault",
    "Gate",
    "Interaction",
    "Link",
    "Message",
    "Room",
    "Slow",
    "Timing",
    "Trouble",
    "User",
    "page",
    "rate_limited",
]
