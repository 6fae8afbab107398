"""What people write, from a seed, and the count of what became of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from random import Random

import attrs

from rig.agent import answers_to
from rig.network import Arrived, Network, Posted

CHATS = 6
MESSAGES = 6
WAVES = 3


@attrs.frozen
class Counts:
    """What became of the messages of one run, or of several."""

    runs: int = 1
    messages: int = 0
    lost: int = 0
    """Neither answered nor a dead letter."""
    dead: int = 0
    """Dead letters."""
    doubled: int = 0
    """Answers that appeared again."""
    unmarked: int = 0
    """Those among them whose request did not say that it might be a repetition."""
    reordered: int = 0
    """Answers that appeared before one to an earlier message of their chat."""
    failed: int = 0
    """Runs that did not come to their end."""

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = attrs.astuple(self), attrs.astuple(other)
        return Counts(*(one + two for one, two in zip(mine, theirs, strict=True)))

    def faults(self, *, may_double: bool = False, may_die: bool = False) -> list[str]:
        """Return the names of the counts that may not be what they are.

        Args:
            may_double: Whether the network offers nothing against doubles.
            may_die: Whether there may be dead letters.
        """
        forbidden = {
            "lost": self.lost,
            "dead letters": 0 if may_die else self.dead,
            "doubled": 0 if may_double else self.doubled,
            "doubled without mark": self.unmarked,
            "reordered": self.reordered,
            "failed": self.failed,
        }
        return [name for name, count in forbidden.items() if count]


def judge(
    posted: Sequence[Posted],
    arrived: Iterable[Arrived],
    dead: Collection[tuple[str, str]] = (),
    *,
    answers: int = 1,
) -> Counts:
    """Count what became of messages.

    Args:
        posted: What people wrote; each text once in its chat.
        arrived: What the bot sent, in order.
        dead: Chat and text of the messages that were given up.
        answers: How many messages each answer has.
    """
    appeared: defaultdict[tuple[str, str], list[Arrived]] = defaultdict(list)
    for one in arrived:
        if not one.is_absorbed:
            appeared[one.chat, one.text].append(one)
    places: defaultdict[str, list[int]] = defaultdict(list)
    order = {name: place for place, name in enumerate(appeared)}
    lost = 0
    for message in posted:
        names = [(message.chat, text) for text in answers_to(message.text, answers)]
        there = [name for name in names if name in appeared]
        places[message.chat] += [order[name] for name in there]
        lost += len(there) < answers and (message.chat, message.text) not in dead
    again = [one for several in appeared.values() for one in several[1:]]
    return Counts(
        messages=len(posted),
        lost=lost,
        dead=len(set(dead)),
        doubled=len(again),
        unmarked=sum(not one.is_marked for one in again),
        reordered=sum(map(_reordered, places.values())),
    )


def _reordered(places: Sequence[int]) -> int:
    """Return how many of the answers to a chat's messages came before an earlier one's."""
    latest, count = -1, 0
    for place in places:
        count += place < latest
        latest = max(latest, place)
    return count


class Workload:
    """People who write on a network, in waves, each when half of the last is answered."""

    def __init__(
        self,
        network: Network,
        random: Random,
        *,
        chats: int = CHATS,
        messages: int = MESSAGES,
        answers: int = 1,
    ) -> None:
        """Make up what will be written.

        Args:
            network: Where.
            random: Chance.
            chats: How many people there are, each in a chat with the bot.
            messages: How many each of them writes.
            answers: How many messages each answer has.
        """
        self._network = network
        self._answers = answers
        bursts: list[list[str]] = []
        for chat in range(chats):
            left = messages
            while left:
                burst = random.randint(1, left)
                bursts.append([f"chat{chat}"] * burst)
                left -= burst
        random.shuffle(bursts)
        names = [name for burst in bursts for name in burst]
        written: Counter[str] = Counter()
        self._messages: list[tuple[str, str]] = []
        for name in names:
            written[name] += 1
            self._messages.append((name, f"{name} says {written[name]:03}"))

    async def run(self) -> None:
        """Write everything, one wave after the other."""
        size = -(-len(self._messages) // WAVES)
        for start in range(0, len(self._messages), size):
            enough = max(start - size // 2, 0)
            await self._network.until(partial(self._has_answered, enough))
            for chat, text in self._messages[start : start + size]:
                self._network.post(chat, text)

    def _has_answered(self, enough: int) -> bool:
        return self.answered >= enough

    @property
    def size(self) -> int:
        """How many messages there are."""
        return len(self._messages)

    @property
    def answered(self) -> int:
        """How many of them are answered."""
        return self.size - len(self.unanswered())

    def unanswered(self) -> set[tuple[str, str]]:
        """Return chat and text of those that are not answered."""
        first = self._network.first
        return {
            (chat, text)
            for chat, text in self._messages
            if not all((chat, one) in first for one in answers_to(text, self._answers))
        }

    def is_answered(self) -> bool:
        """Tell whether all of them are."""
        return not self.unanswered()
