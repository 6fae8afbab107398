"""A conversation as the agent is given it, for one turn."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Awaitable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TypeVar

import attrs

from cobot.errors import PluginError, shown
from cobot.journal import Entry, Job, Journal
from cobot.journal.keys import turn_key
from cobot.messages import (
    Address,
    IncomingMessage,
    Json,
    Media,
    MessageRef,
    OutgoingMessage,
    Receipt,
    find_not_json,
)
from cobot.session.fetching import Fetcher
from cobot.session.outgoing import Wish

T = TypeVar("T")


@attrs.frozen
class Collected:
    """An operation that leaves when the turn is settled."""

    id: str
    """Its key."""
    wish: Wish
    """What is wanted."""


class Turn:
    """What an agent may know and do in a conversation while it answers one message.

    Its methods that collect may be called from any thread; what they collect leaves when the
    turn is settled, and not at all if it fails.
    """

    def __init__(
        self, job: Job, message: IncomingMessage, journal: Journal, fetcher: Fetcher
    ) -> None:
        self._job = job
        self._message = message
        self._journal = journal
        self._fetcher = fetcher
        self._loop = asyncio.get_running_loop()
        self._state: dict[str, Json] | None = None  # None: never asked for
        self._collecting = threading.Lock()
        self.collected: list[Collected] = []
        """What is to be done, in order."""

    @property
    def key(self) -> str:
        """The conversation's key."""
        return self._job.conversation

    @property
    def address(self) -> Address:
        """Where the message was written and where a reply goes."""
        return self._message.address

    @property
    def state(self) -> MutableMapping[str, Json]:
        """The agent's own notes, small and JSON; stored when the turn is settled."""
        if self._state is None:
            # A copy: what a failed turn has written must not be seen by the next run.
            self._state = copy.deepcopy(dict(self._job.state))
        return self._state

    async def history(self, limit: int = 20) -> Sequence[Entry]:
        """Return the newest messages of the conversation, oldest first."""
        return await self._journal.history(self.key, limit, until=self._job.id)

    async def fetch(self, media: Media, *, limit_bytes: int | None = None) -> Path:
        """Get a file that came with the message; return where it is."""
        if media not in self._message.media:
            raise ValueError(f"{shown(media)} is none of the message's media")
        return await self._fetcher.fetch(self._message, media, limit_bytes)

    def send(self, content: str | OutgoingMessage) -> Collected:
        """Send text to where the message was written, or a message to where it says."""
        message = content
        if isinstance(content, str):
            here = self.address
            message = OutgoingMessage(
                here.channel_type, here.channel_id, content, thread_id=here.thread_id
            )
        if not isinstance(message, OutgoingMessage):
            raise TypeError(f"expected text or an OutgoingMessage, got {shown(content)}")
        return self.collect(Wish.of_message(message))

    def edit(self, ref: MessageRef | str, content: str) -> Collected:
        """Give an own message a new text. `ref` may be the `id` of a Handle."""
        return self.collect(Wish.of_change("edit", ref, self._where(ref), content=content))

    def delete(self, ref: MessageRef | str) -> Collected:
        """Delete a message."""
        return self.collect(Wish.of_change("delete", ref, self._where(ref)))

    def react(self, ref: MessageRef | str, emoji: str | None) -> Collected:
        """Put a reaction on a message; None takes ours off."""
        return self.collect(Wish.of_change("react", ref, self._where(ref), emoji=emoji))

    def media(self, message: OutgoingMessage) -> Collected:
        """Send a message with media, its content as caption."""
        if not message.media:
            raise ValueError("the message has no media; conversation.send sends text")
        return self.collect(Wish.of_message(message))

    async def receipt(self, id: str) -> Receipt | None:  # noqa: A002
        """Return what came of an operation, by its Handle's id; None if it is not done."""
        standing = await self._journal.standing(self.address.channel_type, id)
        return None if standing is None else standing.receipt

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Wait for something of the event loop's, in an agent that is a plain `def`.

        Raises:
            RuntimeError: It was called on the event loop, which it would block for ever.
        """

        async def waiting() -> T:
            return await awaitable

        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            raise RuntimeError("conversation.wait is for plain def agents; write await instead")
        return asyncio.run_coroutine_threadsafe(waiting(), self._loop).result()

    def collect(self, wish: Wish) -> Collected:
        """Note an operation that leaves when the turn is settled."""
        with self._collecting:
            # The same key if the turn runs again, so that what was sent is not sent twice.
            id_ = turn_key(self._job.id, self._message.key, len(self.collected))
            collected = Collected(id_, wish)
            self.collected.append(collected)
        return collected

    def changed_state(self) -> dict[str, Json] | None:
        """Return the agent's notes if they have changed; None: as they were.

        Raises:
            PluginError: They are not JSON.
        """
        if self._state is None:
            return None
        fault = find_not_json(self._state, "conversation.state")
        if fault:
            raise PluginError(f"the agent's notes cannot be stored: {fault}; only JSON")
        try:
            is_same = _as_text(self._state) == _as_text(self._job.state)
        except ValueError as error:  # an int of thousands of digits
            raise PluginError(f"the agent's notes cannot be stored: {error}") from error
        return None if is_same else self._state

    def _where(self, ref: MessageRef | str) -> Address:
        """Return the address of what this turn sends; of anything else, the conversation's."""
        for one in self.collected:
            if one.id == ref:
                return one.wish.address
        return self.address


def _as_text(state: Mapping[str, Json]) -> str:
    # Not compared as they are: to Python True, 1 and 1.0 are the same.
    return json.dumps(state, sort_keys=True, default=dict)
