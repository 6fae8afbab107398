"""Getting everything that a relay has stored, page by page. Pure.

Relays give no more than so many events for one question, and few say how many that is: so it
is asked for older ones until none come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cobot_nostr.events import LATEST, Filter

PAGE = 500
"""How many events are asked for at once."""

MOST_IDS = 10 * PAGE
"""Of how many events of one page the ids are remembered."""

MOST_PAGES = 10_000
"""After so many pages a relay is not believed any more."""


class Pages:
    """Where we are in what a relay has stored for one question."""

    def __init__(self, filters: Sequence[Filter], limit: int) -> None:
        self._filters = filters
        self._limit = limit
        self.number = 0
        """Which page is being read; the first is the question itself."""
        self._ids: set[str] = set()
        self._last_ids: set[str] = set()  # a page begins where the last one ended, and no later
        self._count = 0
        self._news = 0
        self._until = LATEST
        self._oldest = LATEST
        self._is_in_vain = False

    @property
    def remembered(self) -> int:
        """Of how many events of the present page the ids are remembered."""
        return len(self._ids)

    def count(self, value: Any) -> None:
        """Note an event of the present page, whatever it is worth."""
        if not isinstance(value, dict):
            return
        created_at, id_ = value.get("created_at"), value.get("id")
        if type(created_at) is not int or not isinstance(id_, str):
            return
        self._count += 1
        self._oldest = min(self._oldest, created_at)
        if id_ not in self._ids and len(self._ids) < MOST_IDS:
            self._ids.add(id_)
            self._news += id_ not in self._last_ids

    def following(self) -> Sequence[Filter] | None:
        """Turn to the next page and return its filters; None: there is none."""
        if self._count == 0 or self.number == MOST_PAGES:
            return None
        until = min(self._oldest, self._until)
        if self._news == 0:
            if self._is_in_vain:
                return None  # it repeats itself, whatever it is asked
            # One second may hold more than a page: what is older is worth more than the rest.
            until -= 1
        self._is_in_vain = self._news == 0
        filters = [
            {**one, "until": until, "limit": self._limit}
            for one in self._filters
            if one.get("since", 0) <= until
        ]
        if not filters:
            return None
        self.number += 1
        self._last_ids, self._ids = self._ids, set()
        self._count, self._news, self._until, self._oldest = 0, 0, until, LATEST
        return filters
