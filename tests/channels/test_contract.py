"""One suite over all channels: each keeps the contract, or says why it cannot."""

from __future__ import annotations

from adapters.console import Terminal
from adapters.discord import Discord
from adapters.slack import Slack
from adapters.telegram import Telegram
from nostr.contract import NostrNetwork

from cobot.testing import ChannelContract, Network


class TestConsole(ChannelContract):
    """The built-in console."""

    def make(self) -> Network:
        """Return a terminal made of pipes."""
        return Terminal()


class TestDiscord(ChannelContract):
    """Discord, on its fake network."""

    def make(self) -> Network:
        """Return a fake Discord."""
        return Discord()


class TestNostr(ChannelContract):
    """Nostr, over private messages on a real relay."""

    def make(self) -> Network:
        """Return a relay with a person on it."""
        return NostrNetwork()


class TestSlack(ChannelContract):
    """Slack, on its fake network."""

    def make(self) -> Network:
        """Return a fake Slack."""
        return Slack()


class TestTelegram(ChannelContract):
    """Telegram, on its fake network."""

    def make(self) -> Network:
        """Return a fake Telegram."""
        return Telegram()
