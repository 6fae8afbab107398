"""Who waits, and whose turn it is: lines of entries, one line for each head.

A head is what allows one thing under way at a time: a conversation on the way in, an address
on the way out. All of it is in memory and says only who waits; what it is that waits lies
elsewhere. Times are seconds of the monotonic clock, so that nothing waits longer because
somebody set the clock back.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import attrs

RUNNING_MOST = (None, 16, 1)
"""How many may be under way at a time, by the number of crashes so far (0, 1, more)."""

H = TypeVar("H", bound=Hashable)


@attrs.define(eq=False)
class Entry:
    """One that waits."""

    id: int
    """Its row's number."""
    due: float = 0.0
    """When it may be taken at the earliest; 0: at once."""
    group: str | None = None
    """Those of one group in one line are taken together."""
    crashes: int = 0
    """How often the process died with it."""
    channel: str = ""
    """The channel it came from."""
    place: int = 0
    """Its place in its line; 0: its number."""


@attrs.define(eq=False)
class _Line:
    """The entries of one head; in the journal's order, none of those under way."""

    # A list, though it is taken from at the front: most lines hold one entry, there may be
    # a hundred thousand lines, and an empty deque takes 600 bytes.
    entries: list[Entry] = attrs.field(factory=list)
    under_way: int = 0  # takes; more than 1 only where lines were joined while both had one
    ticket: int = 0  # of its place among the ready or the delayed; others' are void


class Lines(Generic[H]):
    """Lines by head: each in order, one take of each under way at a time.

    The head that has been ready for longest is the first, so one with a long line is served
    no more often than one with a short line.
    """

    def __init__(self) -> None:
        self._lines: dict[H, _Line] = {}
        # By crashes; each in the order of tickets.
        self._ready: tuple[deque[tuple[int, H]], ...] = (deque(), deque(), deque())
        self._running = [0, 0, 0]
        self._delayed: list[tuple[float, int, H]] = []  # heap of (due, ticket, head)
        # Ready, but closed when the last take passed: (until, risk, ticket, head).
        self._passed: list[tuple[float, int, int, H]] = []
        self._last_ticket = 0
        self._first_ticket = 0
        self.count = 0
        """Entries that wait or are under way."""

    def add(self, head: H, entry: Entry) -> None:
        """Put an entry at the end of a line."""
        self.count += 1
        line = self._lines.get(head)
        if line is None:
            line = self._lines[head] = _Line()
        line.entries.append(entry)
        if line.under_way:
            return
        first = line.entries[0]
        # One more of a group that waits at the front may have to be waited for.
        if first is entry or (entry.group is not None and entry.group == first.group):
            self._place(head, line)

    def take(
        self, limit: int, now: float, closed: Mapping[H, float] | None = None
    ) -> list[tuple[H, list[Entry]]]:
        """Take from the front of up to `limit` lines; of a group, all.

        Args:
            limit: How many heads at most.
            now: The time.
            closed: Heads to pass over until a time; each call says it anew.
        """
        while self._passed:  # the last one first, so that the first is in front again
            _, back, ticket, head = self._passed.pop()
            self._ready[back].appendleft((ticket, head))
        self._admit_due(now)
        taken: list[tuple[H, list[Entry]]] = []
        while len(taken) < limit:
            risk = self._next_risk()
            if risk is None:
                break
            ticket, head = self._ready[risk].popleft()
            if closed and closed.get(head, now) > now:
                self._passed.append((closed[head], risk, ticket, head))
                continue
            line = self._lines[head]
            line.ticket = 0
            line.under_way += 1
            self._running[risk] += 1
            taken.append((head, _cut_front(line)))
        return taken

    def wait_s(self, now: float) -> float | None:
        """Return when time alone will make a head ready, in seconds; None: it will not."""
        times = [
            until for until, _, ticket, head in self._passed if self._has_place(head, ticket)
        ]
        while self._delayed:
            due, ticket, head = self._delayed[0]
            if self._has_place(head, ticket):
                times.append(due)
                break
            heapq.heappop(self._delayed)
        return max(0.0, min(times) - now) if times else None

    def done(self, head: H, entries: Sequence[Entry]) -> None:
        """End what was taken; its line's next may be taken."""
        self.count -= len(entries)
        self._end(head, entries)

    def give_back(self, head: H, entries: Sequence[Entry], *, due: float = 0.0) -> None:
        """Put what was taken at the front of its line again.

        Args:
            head: Whose.
            entries: What `take` returned.
            due: When it may be taken again, all that is behind it waiting too; 0: at once,
                and before all other heads.
        """
        self._running[_risk(entries)] -= 1
        for entry in entries:
            entry.due = due
        line = self._lines[head]
        line.entries[:0] = entries
        line.under_way -= 1
        if not line.under_way:
            self._place(head, line, is_first=not due)

    def remove(self, head: H, ids: Iterable[int]) -> None:
        """Take entries out of a line; those that do not wait in it are passed over."""
        line = self._lines.get(head)
        if line is None:
            return
        gone = set(ids)
        front = _front(line) if line.entries else ()
        kept = [entry for entry in line.entries if entry.id not in gone]
        self.count -= len(line.entries) - len(kept)
        line.entries = kept
        # Who only loses one further back keeps its place among the heads.
        if not gone.isdisjoint(entry.id for entry in front):
            self._place_or_forget(head, line)

    def rename(self, renamed: Callable[[H], H]) -> None:
        """Give heads other names; lines that get the same name become one, in order."""
        moves = [(old, new) for old in self._lines if (new := renamed(old)) != old]
        # All are taken out before the first is put in: a new name may be another's old one.
        for new, moved in [(new, self._lines.pop(old)) for old, new in moves]:
            line = self._lines.setdefault(new, _Line())
            line.entries = sorted(
                line.entries + moved.entries, key=lambda entry: entry.place or entry.id
            )
            line.under_way += moved.under_way
            self._place_or_forget(new, line)

    def _end(self, head: H, entries: Sequence[Entry]) -> None:
        self._running[_risk(entries)] -= 1
        line = self._lines[head]
        line.under_way -= 1
        self._place_or_forget(head, line)

    def _place_or_forget(self, head: H, line: _Line) -> None:
        line.ticket = 0
        if line.under_way:
            return
        if line.entries:
            self._place(head, line)
        else:
            del self._lines[head]

    def _place(self, head: H, line: _Line, *, now: float = 0.0, is_first: bool = False) -> None:
        first = line.entries[0]
        due, crashes = first.due, first.crashes
        if first.group is not None and len(line.entries) > 1:
            group = _front(line)
            due = max(entry.due for entry in group)
            crashes = max(entry.crashes for entry in group)
        if due > now:
            self._delay(head, line, due)
            return
        ready = self._ready[min(crashes, 2) if crashes else 0]
        if is_first:
            self._first_ticket -= 1
            line.ticket = self._first_ticket
            ready.appendleft((line.ticket, head))
        else:
            self._last_ticket = line.ticket = self._last_ticket + 1
            ready.append((line.ticket, head))

    def _delay(self, head: H, line: _Line, due: float) -> None:
        line.ticket = self._ticket()
        heapq.heappush(self._delayed, (due, line.ticket, head))

    def _admit_due(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            _, ticket, head = heapq.heappop(self._delayed)
            if self._has_place(head, ticket):
                self._place(head, self._lines[head], now=now)

    def _next_risk(self) -> int | None:
        """Return which of the ready to take from: whose first is ready for longest."""
        _, once, often = self._ready
        if not once and not often:  # as it is nearly always
            return 0 if self._first_of(0) else None
        best = None
        best_ticket = 0
        for risk, ready in enumerate(self._ready):
            if not self._first_of(risk):
                continue
            most = RUNNING_MOST[risk]
            if most is not None and self._running[risk] >= most:
                continue
            if best is None or ready[0][0] < best_ticket:
                best, best_ticket = risk, ready[0][0]
        return best

    def _first_of(self, risk: int) -> bool:
        """Bring the first that is really ready to the front; tell whether there is one."""
        ready, lines = self._ready[risk], self._lines
        while ready:
            ticket, head = ready[0]
            line = lines.get(head)
            if line is not None and line.ticket == ticket:
                return True
            ready.popleft()
        return False

    def _has_place(self, head: H, ticket: int) -> bool:
        line = self._lines.get(head)
        return line is not None and line.ticket == ticket

    def _ticket(self) -> int:
        self._last_ticket += 1
        return self._last_ticket


def _risk(entries: Sequence[Entry]) -> int:
    crashes = entries[0].crashes
    if len(entries) > 1:
        crashes = max(entry.crashes for entry in entries)
    return min(2, crashes) if crashes else 0


def _front(line: _Line) -> list[Entry]:
    first = line.entries[0]
    if first.group is None:
        return [first]
    return [entry for entry in line.entries if entry.group == first.group]


def _cut_front(line: _Line) -> list[Entry]:
    front = _front(line)
    if len(front) == 1:
        del line.entries[0]
    else:
        group = front[0].group
        line.entries = [entry for entry in line.entries if entry.group != group]
    return front
