"""The gateway: what the bot is told of over a WebSocket."""

from networks.discord.gateway.gateway import Gateway
from networks.discord.gateway.line import CLOSES, Line
from networks.discord.gateway.sessions import Session

__all__ = ["CLOSES", "Gateway", "Line", "Session"]
