"""The network of a channel, as the contract suite uses it: what an author writes.

`Network` has four sides: what people do there, what the bot did there, what the network was
told of having arrived, and what breaks. A method that is not written is an ability that the
network has not, and `cannot` says why: nothing is left out by oversight.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from cobot.clock import Clock
from cobot.errors import ChannelError, nearest
from cobot.hookspecs import OPERATIONS
from cobot.testing.broken import ContractBroken

Kind: TypeAlias = Literal["send", "media", "edit", "delete", "react", "typing", "presence"]

ADAPTER = "The adapter says of everything whether its network can do it"


@attrs.frozen(kw_only=True)
class Arrival:
    """One thing that the bot did, as it arrived at the network."""

    kind: Kind
    """What it did."""
    id: str = ""
    """The network's id of the message that was made, changed or reacted to; empty: it has
    none."""
    text: str = ""
    """The text or caption as people read it."""
    files: Sequence[bytes] = ()
    """For `media`: what the files hold."""
    emoji: str | None = None
    """For `react`; None: the reaction was taken off."""
    reply_to: str | None = None
    """The id of the message that it answers."""
    status: str = ""
    """For `presence`: `online`, `away` or `offline`."""
    chat: str | None = None
    """The chat, in the network's own id; None: it is not looked at."""


class Network:
    """One network with one chat, in which one person and the bot are.

    The suite makes a new one for each check, and talks to it in one event loop.
    """

    channel: ClassVar[type | str]
    """The channel's class as its entry point names it, or the entry point's name if the
    distribution is installed."""
    cannot: ClassVar[Mapping[str, str]] = {}
    """What the network or the channel cannot do: by reason, the names of operations
    (`receive`, `send`, `edit`, `delete`, `react`, `media`, `typing`, `presence`), `reply`,
    and of methods below, with spaces between: `{"it has no edits": "edit person_edits"}`."""
    errors: ClassVar[Mapping[str, Collection[type[ChannelError]]]] = {}
    """By operation, which errors `cause` can cause. `ChannelError` itself stands for what no
    channel has heard of, such as a page of a proxy's instead of an answer."""
    leaves: ClassVar[Mapping[str, str]] = {}
    """Threads that a stop cannot end: by reason, their names with spaces between."""
    emoji: ClassVar[str] = "\N{THUMBS UP SIGN}"
    """A reaction that the network takes."""

    chat: str | None = None
    """The chat's id, known after `start`; None: known when the person has written."""
    person: str | None = None
    """The person's id, known after `start`; None: the channel makes it up."""
    clock: Clock
    """The channel's time; the suite sets it before `start`."""

    async def start(self) -> Mapping[str, Any]:
        """Start it, on this machine; return the channel's section of the configuration."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stop it."""
        raise NotImplementedError

    # What people do.

    async def person_writes(self, text: str) -> str | None:
        """Let the person write; return the message's id, None where the network has none.

        Where the network keeps nothing for a bot that is away, wait until it is there.
        """
        raise NotImplementedError

    async def person_sends(self, name: str, content: bytes, caption: str) -> str | None:
        """Let the person send a file with a caption; return the message's id."""
        raise NotImplementedError

    async def person_edits(self, id: str, text: str) -> None:  # noqa: A002
        """Let the person give their message a new text."""
        raise NotImplementedError

    async def person_deletes(self, id: str) -> None:  # noqa: A002
        """Let the person delete their message."""
        raise NotImplementedError

    async def person_reacts(self, id: str, emoji: str) -> None:  # noqa: A002
        """Let the person put a reaction on a message."""
        raise NotImplementedError

    async def bot_writes(self, text: str) -> None:
        """Let a message of the bot's own come, as such a network hands it to the bot."""
        raise NotImplementedError

    # What the bot did.

    def arrived(self) -> Sequence[Arrival]:
        """Return all that the bot did in the chat so far, in order."""
        raise NotImplementedError

    # What the network was told.

    def confirmed(self) -> Collection[str]:
        """Return the ids of messages that the bot has confirmed: they will not come again.

        A network that has it offers what is not confirmed to whoever connects next.
        """
        raise NotImplementedError

    async def redeliver(self) -> None:
        """Hand everything over once more, as after a confirmation that was lost."""
        raise NotImplementedError

    # What breaks.

    async def goes_down(self) -> None:
        """Break every connection and take no new ones."""
        raise NotImplementedError

    async def comes_back(self) -> None:
        """Take connections again."""
        raise NotImplementedError

    async def cause(
        self, error: type[ChannelError], operation: str, retry_after_s: float
    ) -> None:
        """Let the next call of an operation fail, once.

        Args:
            error: So that a right channel raises this one.
            operation: `send`, `receive`, `edit` ...
            retry_after_s: For `RateLimited`: which wait the network asks for, a whole
                number; no matter for the others.
        """
        raise NotImplementedError

    # What the suite asks.

    def why_not(self, ability: str) -> str | None:
        """Return why the network has not an ability; None: it has.

        Raises:
            ContractBroken: The adapter does not say.
        """
        reasons = self._reasons()
        if ability in reasons:
            return reasons[ability]
        needs = _RESTS_ON.get(ability)
        if needs is not None and needs in reasons:
            return reasons[needs]
        own, empty = getattr(type(self), ability, None), getattr(Network, ability, None)
        if empty is not None and own is empty:
            raise ContractBroken(
                ADAPTER,
                f"{type(self).__name__} has no {ability}() and gives no reason",
                f"write it, or add to cannot: {{'the reason': {ability!r}}}",
            )
        return None

    def _reasons(self) -> dict[str, str]:
        reasons = {name: why for why, names in self.cannot.items() for name in names.split()}
        for name in reasons:
            if name not in ABILITIES:
                hint = nearest(name, ABILITIES)
                raise ContractBroken(
                    ADAPTER,
                    f"{type(self).__name__}.cannot names {name!r}, which is no ability",
                    f"use one of {', '.join(sorted(ABILITIES))}{hint}",
                )
        return reasons


_RESTS_ON: Mapping[str, str] = {
    "person_writes": "receive",
    "person_sends": "receive",
    "person_edits": "receive",
    "person_deletes": "receive",
    "person_reacts": "receive",
    "bot_writes": "receive",
    "confirmed": "receive",
    "redeliver": "receive",
    "arrived": "send",
    "comes_back": "goes_down",
}
"""Without what a method need not be there."""

ABILITIES = frozenset({*OPERATIONS, "reply", "goes_down", *_RESTS_ON})
"""What `cannot` may name."""
