"""Asking for what was missed, channel by channel, so that none holds up the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import attrs

from cobot import AuthFailed, Context, RateLimited
from cobot.kit import insist
from cobot_slack.api import SlackApi
from cobot_slack.contents import Wire
from cobot_slack.entries import Entries
from cobot_slack.errors import Refusal
from cobot_slack.gaps import STRANGERS_MOST, Missed, Place, new_in, strangers_of, threads_to_ask
from cobot_slack.history import History, read_history

T = TypeVar("T")

AT_ONCE = 100
"""Messages that are handed over together."""


@attrs.frozen(eq=False)
class Page:
    """Messages of a channel that were missed."""

    asking: Asking
    place: Place
    messages: Sequence[Wire]
    is_last: bool
    note: str = ""
    """What the owner should know."""


@attrs.frozen(eq=False)
class Strangers:
    """Direct messages in which nothing is stored: somebody may have written there first."""

    asking: Asking
    missed: Sequence[Missed]


class Asking:
    """Asks, after one gap; after the next there is another one."""

    def __init__(
        self,
        context: Context,
        api: SlackApi,
        entries: Entries,
        cursors: Mapping[str, str],
        floor: str,
        is_awaited: Collection[str],
    ) -> None:
        """Ask for nothing yet.

        Args:
            context: The channel's.
            api: Whom to ask.
            entries: Get what was missed, as `Page` and `Strangers`.
            cursors: As they are by now.
            floor: The newest message of all, as it was when the gap began to be asked for.
            is_awaited: Channels in which something waits for what was missed, as it is now.
        """
        self._context = context
        self._api = api
        self._entries = entries
        self._cursors = cursors
        self._floor = floor
        self._is_awaited = is_awaited
        self._others: asyncio.Queue[Missed] = asyncio.Queue()

    async def run(self, missed: Sequence[Missed]) -> None:
        """Ask channels, and direct messages of people of whom nothing is stored.

        Then those that `also` names, for ever.

        Raises:
            AuthFailed: We may not ask any more; what was missed stays so until we may.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask_strangers(group))
                group.create_task(self._ask_each(missed, group))
                while True:
                    group.create_task(self._ask_again(await self._others.get()))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None  # one is enough to end it

    def also(self, missed: Missed) -> None:
        """Have another channel asked, as somebody waits there."""
        self._others.put_nowait(missed)

    async def _ask_strangers(self, group: asyncio.TaskGroup) -> None:
        told = await self._surely(self._direct_messages)
        if isinstance(told, Refusal):
            self._context.log.debug("direct messages are not listed: %s", told.detail)
            told = []
        self._entries.put(Strangers(self, told))
        await self._ask_each(told[:STRANGERS_MOST], group)

    async def _ask_each(self, missed: Sequence[Missed], group: asyncio.TaskGroup) -> None:
        left = {one.place.id: one for one in missed}
        while left:
            # First where somebody waits already.
            channel_id = next(
                (one for one in left if one in self._is_awaited), next(iter(left))
            )
            one = left.pop(channel_id)
            told = await self._messages(one)
            if isinstance(told, Refusal) and told.passes:
                group.create_task(self._ask_again(one))
            else:
                self._put(one.place, told)

    async def _ask_again(self, missed: Missed) -> None:
        self._put(missed.place, await self._surely(partial(self._messages, missed)))

    def _put(self, place: Place, told: History | Refusal) -> None:
        messages: Sequence[Wire] = ()
        note = ""
        if isinstance(told, Refusal):
            note = (
                f"the channel {place.id} does not tell what was written while we were"
                f" away: {told.detail}"
            )
        else:
            messages = told.messages
            if not told.is_whole:
                note = (
                    f"more was written in the channel {place.id} while we were away than is"
                    " read: the oldest is left out"
                )
        for start in range(0, max(len(messages), 1), AT_ONCE):
            is_last = start + AT_ONCE >= len(messages)
            part = messages[start : start + AT_ONCE]
            self._entries.put(Page(self, place, part, is_last, note if is_last else ""))

    # Questions.

    async def _direct_messages(self) -> list[Missed] | Refusal:
        """Return direct messages of people of whom nothing is stored."""
        params = {"types": "im", "exclude_archived": "true", "limit": "1000"}
        told = await self._read("conversations.list", params)
        if isinstance(told, Refusal):
            return told
        ids = [str(one["id"]) for one in told.get("channels") or ()]
        new = [one for one in ids if one not in self._cursors]
        return strangers_of(new, self._floor)

    async def _messages(self, missed: Missed) -> History | Refusal:
        """Return what was written in a channel and its threads, the oldest first."""
        channel = missed.place.id
        params = {"channel": channel, "oldest": missed.oldest}
        page = await read_history(self._read, "conversations.history", params)
        if isinstance(page, Refusal):
            return page
        found = new_in(page.messages, missed.since(missed.after))
        is_whole = page.is_whole
        for thread, after in threads_to_ask(missed, page.messages, self._cursors).items():
            params = {"channel": channel, "ts": thread, "oldest": after}
            replies = await read_history(self._read, "conversations.replies", params)
            if isinstance(replies, Refusal):
                if replies.passes:
                    return replies
                continue  # the thread is gone
            # The message that they reply to comes with them, and is in the page.
            found += [one for one in new_in(replies.messages, after) if one["ts"] != thread]
            is_whole = is_whole and replies.is_whole
        return History(new_in(found, "0"), is_whole)

    async def _read(self, method: str, params: Mapping[str, str]) -> dict[str, Any] | Refusal:
        """Call a method, until there is an answer and no limit.

        A limit counts for the method and not for a channel, so all have to wait for it; and
        what was read before it is not asked for again.
        """

        async def ask() -> dict[str, Any] | Refusal:
            told = await self._api.read("receive", method, params)
            if isinstance(told, Refusal):
                error = told.error(self._context.name, "receive", is_repeatable=True)
                if isinstance(error, RateLimited | AuthFailed):
                    raise error
            return told

        return await insist(self._context, ask)

    async def _surely(self, ask: Callable[[], Awaitable[T | Refusal]]) -> T | Refusal:
        """Ask until the answer is one that stays as it is."""

        async def asked() -> T | Refusal:
            told = await ask()
            if isinstance(told, Refusal) and told.passes:
                raise told.error(self._context.name, "receive", is_repeatable=True)
            return told

        return await insist(self._context, asked)
