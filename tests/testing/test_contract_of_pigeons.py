"""The contract suite passes on channels of every kind that keep the contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from cobot import ChannelError
from cobot.testing import ChannelContract, Network
from testing.loft import Loft
from testing.plain import Herald, PlainPigeon


class TestPigeon(ChannelContract):
    """A channel of coroutines and an async generator."""

    def make(self) -> Network:
        """Return a loft."""
        return Loft()


class PlainLoft(Loft):
    """For the channel that blocks."""

    channel: ClassVar[type | str] = PlainPigeon


class TestPlainPigeon(ChannelContract):
    """A channel of plain functions, which run in threads."""

    def make(self) -> Network:
        """Return a loft."""
        return PlainLoft()


class HeraldLoft(Loft):
    """For the channel that only sends."""

    channel: ClassVar[type | str] = Herald
    cannot: ClassVar[Mapping[str, str]] = {
        "a herald does not listen": "receive",
        "a herald speaks once": "edit delete react media typing presence",
    }
    errors: ClassVar[Mapping[str, Collection[type[ChannelError]]]] = {
        "send": Loft.errors["send"]
    }


class TestHerald(ChannelContract):
    """A channel that only sends, and knows no ids."""

    def make(self) -> Network:
        """Return a loft."""
        return HeraldLoft()
