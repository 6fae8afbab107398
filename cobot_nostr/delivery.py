"""Getting signed events to the relays where they are looked for.

A post is an event and where it goes: `inbox:PUBKEY`, one of the receiver's inbox relays;
`old:PUBKEY`, one of theirs or ours, for NIP-04; `public`, most of ours; `any`, one of ours;
`relay:URL`, that one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cobot import ChannelError, Forbidden, Unreachable
from cobot.kit import Tasks, is_final
from cobot_nostr.crypto import npub_of
from cobot_nostr.directory import Directory
from cobot_nostr.events import Event, read_event
from cobot_nostr.memory import Memory
from cobot_nostr.publishing import Quorum, settle
from cobot_nostr.relays import Relays
from cobot_nostr.tags import people

Post: TypeAlias = Mapping[str, Any]

TOLD = 3
"""How many of the people that a public event names are told on relays of their own."""

RELAYS_EACH = 2
"""On how many of them."""


def post(event: Event, where: str) -> dict[str, Any]:
    """Return an event and where it goes, as it is stored."""
    return {"event": event.json, "where": where}


class Delivery:
    """Publishes posts, and says what became of them."""

    def __init__(
        self,
        name: str,
        relays: Relays,
        directory: Directory,
        memory: Memory,
        tasks: Tasks,
        log: logging.Logger,
        *,
        inbox_fallback: bool,
    ) -> None:
        self._name = name
        self._relays = relays
        self._directory = directory
        self._memory = memory
        self._tasks = tasks
        self._log = log
        self._inbox_fallback = inbox_fallback

    async def publish(self, operation: str, posts: Sequence[Post]) -> dict[str, list[str]]:
        """Publish posts; return which relays took them, by event.

        To several receivers at once. Who can never be reached is left out, if others can.

        Raises:
            ChannelError: Too few relays took one; the same posts may be tried again.
        """
        by_place: dict[str, list[Post]] = {}
        for one in posts:
            by_place.setdefault(one["where"], []).append(one)
        done = await asyncio.gather(
            *(self._publish_at(operation, where, at) for where, at in by_place.items()),
            return_exceptions=True,
        )
        took: dict[str, list[str]] = {}
        failures: list[BaseException] = []
        for result in done:
            if isinstance(result, BaseException):
                failures.append(result)
            else:
                took |= result
        for failure in failures:
            is_hopeless = isinstance(failure, ChannelError) and is_final(failure)
            if not is_hopeless or not took:
                raise failure
            self._log.warning("%s; the others have it", failure)
        return took

    async def _publish_at(
        self, operation: str, where: str, posts: Sequence[Post]
    ) -> dict[str, list[str]]:
        quorum = await self._quorum(operation, where)
        took: dict[str, list[str]] = {}
        for one in posts:
            event = read_event(one["event"])
            verdicts = await self._relays.publish(event, quorum.urls, quorum.need)
            kind, _, value = where.partition(":")
            if kind == "inbox" and not any(verdict.is_done for verdict in verdicts.values()):
                self._directory.forget(value)  # perhaps they have moved
            settle(self._name, operation, quorum, verdicts)
            took[event.id] = [url for url, said in verdicts.items() if said.is_done]
            if where == "public":
                self._tasks.add(self._tell(event))
        return took

    async def _tell(self, event: Event) -> None:
        """Send a public event also where those that it names look for such (NIP-65)."""
        for pubkey in people(event)[:TOLD]:
            try:
                lists = await self._directory.lists(pubkey)
            except ChannelError:
                return
            for url in lists.reads[:RELAYS_EACH]:
                if url not in self._relays.ours:
                    await self._relays.get(url).publish(event)

    async def _quorum(self, operation: str, where: str) -> Quorum:
        kind, _, value = where.partition(":")
        ours = self._relays.ours
        if kind == "relay":
            return Quorum.one_of((value,))
        if kind == "public":
            return Quorum.most_of(ours)
        if kind == "any":
            return Quorum.one_of(ours)
        lists = await self._directory.lists(value)
        if kind == "old":
            return Quorum.one_of(tuple(dict.fromkeys([*lists.reads, *ours])))
        if lists.inbox:
            return Quorum.one_of(lists.inbox)
        if self._inbox_fallback and self._memory.has_met(value):
            return Quorum.one_of(ours)  # where they wrote to us
        if not lists.is_sure:
            detail = f"not all relays have said yet where {npub_of(value)} is to be reached"
            raise Unreachable(self._name, operation, detail)
        detail = (
            f"{npub_of(value)} has published no relays for private messages"
            " (kind 10050), and so nothing can be sent there"
        )
        raise Forbidden(self._name, operation, detail)
