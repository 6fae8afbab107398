"""What the networks that are fakes on localhost have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from networks.network import Network as Fake

from cobot import (
    AuthFailed,
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    MessageNotFound,
    RateLimited,
    Rejected,
)
from cobot.testing import Arrival, Network

MessageT = TypeVar("MessageT")
MessageT_contra = TypeVar("MessageT_contra", contravariant=True)


class Place(Protocol[MessageT_contra]):
    """Where Ann writes."""

    def edit(self, message: MessageT_contra, text: str, /) -> object:
        """Give a message another text."""

    def react(self, message: MessageT_contra, emoji: str, /) -> object:
        """React to a message."""


class Faked(Network, Generic[MessageT]):
    """A bot and Ann."""

    errors: ClassVar[Mapping[str, Collection[type[ChannelError]]]] = {
        "receive": (AuthFailed, RateLimited, ChannelError),
        "send": (
            AuthFailed,
            ChatGone,
            Forbidden,
            Rejected,
            RateLimited,
            DeliveryUnknown,
            ChannelError,
        ),
        "edit": (MessageNotFound, RateLimited, ChannelError),
        "delete": (RateLimited, ChannelError),
        "react": (MessageNotFound, RateLimited, ChannelError),
        "media": (DeliveryUnknown, RateLimited, ChannelError),
    }
    _network: Fake[Any, Any, Any]
    _room: Place[MessageT]

    def __init__(self) -> None:
        self._written: dict[str, MessageT] = {}
        self._arrived: list[Arrival] = []

    async def stop(self) -> None:
        """Listen no more."""
        await self._network.__aexit__(None, None, None)

    async def person_edits(self, id: str, text: str) -> None:  # noqa: A002
        """Edit as Ann."""
        self._room.edit(self._written[id], text)

    async def person_reacts(self, id: str, emoji: str) -> None:  # noqa: A002
        """React as Ann."""
        self._room.react(self._written[id], emoji)

    def arrived(self) -> Sequence[Arrival]:
        """Return what the bot did."""
        return self._arrived

    async def goes_down(self) -> None:
        """Refuse connections and reset those that are there."""
        self._network.refuse()
        self._network.drop_all()

    async def comes_back(self) -> None:
        """Accept connections."""
        await self._network.listen()
