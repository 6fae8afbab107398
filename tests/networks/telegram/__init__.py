"""A fake Telegram.

    async with FakeTelegram() as network:
        ann = network.private_chat(network.user("Ann"))
        ann.text("hello")
        await network.wait_for_sent()

`python tests/networks/telegram` starts it by hand.
"""

from networks.faults import Fault, Gate, Slow, Trouble
from networks.telegram.chats import Chat, Membership, Message, Topic, User
from networks.telegram.errors import ApiError, page, server_error, too_many_requests
from networks.telegram.files import FileLimits
from networks.telegram.network import FakeTelegram
from networks.telegram.record import Event
from networks.telegram.rooms import Room

__all__ = [
    "ApiError",
    "Chat",
    "Event",
    "FakeTelegram",
    "Fault",
    "FileLimits",
    "Gate",
    "Membership",
    "Message",
    "Room",
    "Slow",
    "Topic",
    "Trouble",
    "User",
    "page",
    "server_error",
    "too_many_requests",
]
