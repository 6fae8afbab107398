"""Letting in people whom nobody listed: a stranger gets a code, the owner lets it in.

Codes and people are in memory and in the journal. A new code gets there with the message that
it answers, in one transaction; see `Pairing.to_json`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

import attrs

from cobot.clock import Clock
from cobot.errors import CobotError
from cobot.messages import IncomingMessage, Json

CODE_CHARS = "3479CDFHJKMNPQRTVWXY"
"""No two look alike: none of 0 O, 1 I L, 2 Z, 5 S, 6 G, 8 B. No vowels, so no words."""

CODE_LENGTH = 6
"""64 million codes: a slip of the owner's pen all but never is somebody else's code."""

CODE_VALID = timedelta(hours=1)
"""How long a code may be used, and how long its person is told nothing more."""

CODES_MOST = 100
"""Codes of a channel that wait to be used. Anybody can ask for one, so there is an end."""

NAME_CHARS = 100
"""What is kept of a name. Strangers choose theirs, and the journal is not theirs to fill."""


class SmallState(Protocol):
    """What pairing wants of the journal."""

    async def get(self, key: str) -> Json:
        """Return what was put under a key; None if nothing was."""
        ...

    async def put(self, values: Mapping[str, Json]) -> None:
        """Keep small values by key."""
        ...


@attrs.frozen
class Invitation:
    """A code that waits for the owner, and whom it lets in."""

    code: str
    """As the person was told it."""
    person: str
    """The person's id."""
    name: str
    """What the person calls themself."""
    made: datetime
    """When; aware UTC."""
    cause: str
    """The key of the message that it answers."""

    def is_valid(self, now: datetime) -> bool:
        """Tell whether it may still be used."""
        # Both ways: after a clock is set back, a code from its future would last for ever.
        return abs(now - self.made) < CODE_VALID

    def to_json(self) -> Json:
        """Return it as the journal keeps it."""
        return {**attrs.asdict(self), "made": self.made.isoformat()}

    @classmethod
    def from_json(cls, value: Json) -> Invitation:
        """Return what `to_json` was called on."""
        return cls(**{**value, "made": datetime.fromisoformat(value["made"])})


class Pairing:
    """Who is paired on one channel, and who waits to be."""

    def __init__(self, channel: str, journal: SmallState, clock: Clock, random: Random) -> None:
        self._paired_key = f"access.paired/{channel}"
        self._codes_key = f"access.codes/{channel}"
        self._journal = journal
        self._clock = clock
        self._random = random
        self._paired: dict[str, str] = {}  # person → since when
        self._invited: dict[str, Invitation] = {}  # by person

    def __len__(self) -> int:
        """How many people are paired."""
        return len(self._paired)

    def __contains__(self, person: str) -> bool:
        return person in self._paired

    async def open(self) -> None:
        """Load who is paired and which codes wait.

        Raises:
            JournalError: They cannot be read.
        """
        paired = await self._journal.get(self._paired_key) or {}
        invited = await self._journal.get(self._codes_key) or {}
        self._paired = dict(paired)
        self._invited = {one: Invitation.from_json(value) for one, value in invited.items()}

    def invite(self, message: IncomingMessage) -> Invitation | None:
        """Return the code of who wrote a message, made if there is no valid one.

        Returns:
            The code, to be told if the message is its `cause`. None if too many others wait.
        """
        now = self._clock.now()
        invitation = self._invited.get(message.sender_id)
        if invitation is not None and invitation.is_valid(now):
            return invitation
        waiting = [one for one in self._invited.values() if one.is_valid(now)]
        self._invited = {one.person: one for one in waiting}
        if len(waiting) >= CODES_MOST:
            return None
        invitation = Invitation(
            self._new_code({one.code for one in waiting}),
            message.sender_id,
            message.sender_name[:NAME_CHARS],
            now,
            message.key,
        )
        self._invited[invitation.person] = invitation
        return invitation

    def _new_code(self, taken: set[str]) -> str:
        while True:
            code = "".join(self._random.choice(CODE_CHARS) for _ in range(CODE_LENGTH))
            if code not in taken:
                return code

    def to_json(self) -> Mapping[str, Json]:
        """Return the codes that wait, as the journal keeps them, by key."""
        return {self._codes_key: {one: it.to_json() for one, it in self._invited.items()}}

    def find(self, code: str) -> Invitation | None:
        """Return what a code stands for; None if it is unknown or has expired."""
        now = self._clock.now()
        wanted = code.upper().encode()
        found = None
        # All of them, each in the same time: how long it takes tells nothing.
        for invitation in self._invited.values():
            is_it = hmac.compare_digest(invitation.code.encode(), wanted)
            if is_it and invitation.is_valid(now):
                found = invitation
        return found

    async def let_in(self, invitation: Invitation) -> None:
        """Have a person be paired from now on, and use the code up.

        Raises:
            JournalError: It cannot be stored; all is as before.
        """
        person = invitation.person
        # In memory first: whoever stops waiting for the journal does not stop the storing.
        self._paired[person] = self._clock.now().isoformat()
        self._invited.pop(person, None)
        try:
            await self._journal.put({self._paired_key: dict(self._paired), **self.to_json()})
        except CobotError:
            self._paired.pop(person, None)
            self._invited.setdefault(person, invitation)
            raise
