"""From what a channel hands over to what is stored: check, de-duplicate, filter, publish."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import attrs

from cobot.errors import ChannelError, HookFailed, PluginError, first_line, shown
from cobot.journal import Journal, Key, Row
from cobot.journal.keys import message_key
from cobot.messages import (
    Address,
    Batch,
    ChatMoved,
    IncomingMessage,
    Item,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    find_not_json,
)
from cobot.plugins import Caller, Plugins

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 500
"""Items of a batch that are looked at before others may run."""

ITEMS = (IncomingMessage, MessageEdited, MessageDeleted, ReactionChanged, ChatMoved)


class Receiver:
    """Takes what one channel hands over and stores it."""

    def __init__(
        self,
        channel: str,
        plugins: Plugins,
        journal: Journal,
        *,
        on_alive: Callable[[], None],
        on_stored: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._plugins = plugins
        self._journal = journal
        self._on_alive = on_alive
        self._on_stored = on_stored
        self._cursors: Mapping[str, str] = {}
        self._warned_of_naive_times = False

    async def run(self, caller: Caller) -> bool:
        """Call `session_receive` once and store what it hands over, until it returns.

        Returns:
            Whether it returned a list with something in it, and is to be called again at
            once.

        Raises:
            ChannelError: As the channel raised it.
            PluginError: The channel failed, or handed over something else.
        """
        self._cursors = await self._journal.own(self._channel)
        handed = await caller(cursors=self._cursors)
        if isinstance(handed, AsyncIterator):
            await self._iterate(caller, handed)
            return False
        if not isinstance(handed, Batch | list | tuple):
            raise self._broken(f"returned {shown(handed)}, no list, Batch or async iterator")
        await self._store(handed)
        return bool(handed.items if isinstance(handed, Batch) else handed)

    async def _iterate(self, caller: Caller, iterator: AsyncIterator[Any]) -> None:
        try:
            while True:
                try:
                    handed = await anext(iterator)
                except StopAsyncIteration:
                    return
                except BaseException as error:
                    failure = caller.blame(error)
                    if failure is None:
                        raise
                    raise failure from error
                # Control goes back to the channel when this is stored, and not before.
                await self._store(handed)
        finally:
            await self._close(iterator)

    async def _close(self, iterator: AsyncIterator[Any]) -> None:
        close = getattr(iterator, "aclose", None)
        if close is None:
            return
        try:
            await close()
        except Exception as error:  # noqa: BLE001 -- the plugin's `finally`, whatever it does
            log.warning("channel %r: closing its receiver failed: %s", self._channel, error)

    async def _store(self, handed: object) -> None:
        # A receiver that never waits for its network would keep the loop for itself.
        await asyncio.sleep(0)
        batch = self._as_batch(handed)
        items: dict[Key, Item] = {}
        for number, one in enumerate(batch.items, 1):
            item = self._stamped(one)
            # The same item may stand in a batch twice; the first counts.
            items.setdefault(item_key(item), item)
            if number % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
        known = await self._journal.known(self._channel, items.keys()) if items else ()
        for key in known:
            log.debug("channel %r: %s is known already", self._channel, key)
        rows = [await self._row(key, items[key]) for key in items if key not in known]
        if not rows and not batch.cursors:
            self._on_alive()
            return
        new = await self._journal.publish(self._channel, rows, batch.cursors)
        for row in rows:
            if row.key in new and row.verdict == "accepted":
                if isinstance(row.item, IncomingMessage):
                    self._plugins.observe("session_on_receive", message=row.item)
                else:
                    self._plugins.observe("session_on_event", event=row.item)
        self._on_alive()
        self._on_stored()

    async def _row(self, key: Key, item: Item) -> Row:
        if not isinstance(item, IncomingMessage):
            return Row(key, item, conversation_key(_address(item)))
        stamped = attrs.evolve(item, key=message_key(self._channel, key))
        verdict = await self._plugins.filter("session_incoming", stamped)
        message: IncomingMessage = verdict.message
        if message.key != stamped.key:  # a filter built it anew
            message = attrs.evolve(message, key=stamped.key)
        conversation = await self._conversation(message)
        if verdict.dropped_by is not None:
            return Row(key, message, conversation, "dropped", f"by {verdict.dropped_by}")
        if verdict.refused_by is not None:
            reason = f"the filter of {verdict.refused_by} failed"
            return Row(key, message, conversation, "refused", reason)
        return Row(key, message, conversation)

    async def _conversation(self, message: IncomingMessage) -> str:
        try:
            decided = await self._plugins.first("session_conversation", message=message)
            if decided is not None:
                caller, key = decided
                if not isinstance(key, str) or not key:
                    detail = f"expected text or None, got {shown(key)}"
                    raise HookFailed(caller.plugin_name, caller.hook, detail)
                return key
        except (ChannelError, PluginError) as error:
            # The message must not be lost for it; its address is a conversation too.
            log.warning("%s; the message stays in the conversation of its chat", error)
        return conversation_key(message.address)

    def _as_batch(self, handed: object) -> Batch:
        if isinstance(handed, Batch):
            batch = handed
        elif isinstance(handed, list | tuple):
            batch = Batch(handed)
        elif isinstance(handed, ITEMS):
            batch = Batch((handed,))
        else:
            raise self._broken(
                f"handed over {type(handed).__name__}, no Batch, message or event"
            )
        for item in batch.items:
            if not isinstance(item, ITEMS):
                kind = type(item).__name__
                raise self._broken(f"handed over {kind} in a batch, no message or event")
        return batch

    def _stamped(self, item: Item) -> Item:
        """Return an item with the channel's name on it."""
        try:
            return self._checked(item)
        except PluginError:
            raise
        except Exception as error:  # a stranger's subclass, or mapping
            raise self._broken(f"handed over something odd: {first_line(error)}") from error

    def _checked(self, item: Item) -> Item:
        name = self._channel
        if isinstance(item, IncomingMessage):
            return self._checked_message(item)
        if isinstance(item, MessageEdited):
            return attrs.evolve(item, message=self._checked_message(item.message))
        if isinstance(item, ChatMoved):
            return ChatMoved(
                attrs.evolve(item.old, channel_type=name),
                attrs.evolve(item.new, channel_type=name),
            )
        return attrs.evolve(item, ref=attrs.evolve(item.ref, channel_type=name))

    def _checked_message(self, message: IncomingMessage) -> IncomingMessage:
        if message.naive and not self._warned_of_naive_times:
            self._warned_of_naive_times = True
            log.warning(
                "channel %r hands over times without a time zone, taken as local time;"
                " pass timezone.utc, as in datetime.fromtimestamp(seconds, timezone.utc)",
                self._channel,
            )
        fault = find_not_json(message.metadata, "metadata") if message.metadata else None
        if fault:
            raise self._broken(f"handed over message {message.id!r}, whose {fault}; only JSON")
        if message.channel_type == self._channel:
            return message
        return attrs.evolve(message, channel_type=self._channel)

    def _broken(self, detail: str) -> PluginError:
        return PluginError(f"channel {self._channel!r}: session_receive {detail}")


def item_key(item: Item) -> Key:
    """Return what an item is known by on its channel."""
    if isinstance(item, IncomingMessage):
        return Key(item.channel_id, item.thread_id, "message", item.id)
    if isinstance(item, MessageEdited):
        message = item.message
        edited_at = message.edited_at.isoformat() if message.edited_at else ""
        return Key(message.channel_id, message.thread_id, "edit", message.id, edited_at)
    if isinstance(item, ChatMoved):
        return Key(item.old.channel_id, item.old.thread_id, "moved", item.new.channel_id)
    ref = item.ref
    if isinstance(item, MessageDeleted):
        return Key(ref.channel_id, ref.thread_id, "delete", ref.id)
    what = (item.sender_id, item.emoji, str(item.added), item.timestamp.isoformat())
    return Key(ref.channel_id, ref.thread_id, "reaction", ref.id, item.id or "\0".join(what))


def conversation_key(address: Address) -> str:
    """Return the key of the conversation that an address is by itself."""
    parts = (address.channel_type, address.channel_id, address.thread_id)
    return "/".join(
        part.replace("%", "%25").replace("/", "%2F") for part in parts if part is not None
    )


def _address(item: MessageEdited | MessageDeleted | ReactionChanged | ChatMoved) -> Address:
    if isinstance(item, MessageEdited):
        return item.message.address
    return item.new if isinstance(item, ChatMoved) else item.ref.address
