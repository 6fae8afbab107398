"""From what a channel hands over to what is stored: check, de-duplicate, filter, publish."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import attrs

from cobot.clock import Clock
from cobot.config.settings import ChannelSettings
from cobot.errors import (
    ChannelError,
    HookFailed,
    OwnershipLost,
    PluginError,
    Unreachable,
    first_line,
    shown,
)
from cobot.journal import Journal, Key, Operation, Ownership, Row
from cobot.journal.keys import conversation_key, message_key, quoted
from cobot.messages import (
    Address,
    Batch,
    ChatMoved,
    IncomingMessage,
    Item,
    Json,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    find_not_json,
    stamped,
)
from cobot.plugins import Caller, Plugins
from cobot.session.access import Decision
from cobot.session.admission import Admission
from cobot.session.holding import Holding
from cobot.session.retry import after

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 500
"""Items of a batch that are looked at before others may run."""

GROUP_WAIT_S = 1.0
"""How long the parts of an album are waited for, after the last one that came. Networks send
them one by one, within some tenths of a second."""

ITEMS = (IncomingMessage, MessageEdited, MessageDeleted, ReactionChanged, ChatMoved)


class Receiver:
    """Takes what one channel hands over and stores it."""

    def __init__(
        self,
        channel: str,
        plugins: Plugins,
        journal: Journal,
        holding: Holding,
        admission: Admission,
        settings: ChannelSettings,
        clock: Clock,
        *,
        on_alive: Callable[[], None],
        on_stored: Callable[[Sequence[IncomingMessage]], None],
        on_moved: Callable[[ChatMoved], None],
    ) -> None:
        self._channel = channel
        self._plugins = plugins
        self._journal = journal
        self._holding = holding
        self._admission = admission
        self._settings = settings
        self._clock = clock
        self._on_alive = on_alive
        self._on_stored = on_stored
        self._on_moved = on_moved
        self._ownership: Ownership | None = None
        self._cursors_of: Ownership | None = None  # with which right they were read
        self._cursors: dict[str, str] = {}
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
        self._ownership = await self._holding.ownership()
        if self._ownership is not self._cursors_of:
            self._cursors_of = self._ownership
            self._cursors = {**self._ownership.cursors}
        handed = await caller(cursors={**self._cursors})
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
        known: Collection[Key] = ()
        if items and self._plugins.callers("session_incoming"):
            # Only so that no filter sees a message twice: `publish` passes over what is
            # known by itself.
            known = await self._journal.known(self._channel, items.keys())
        rows: list[Row] = []
        operations: list[Operation] = []
        state: dict[str, Json] = {}
        for key, item in items.items():
            if key in known:
                log.debug("channel %r: %s is known already", self._channel, key)
                continue
            row, decision = await self._row(key, item)
            rows.append(row)
            if decision is not None:
                operations += decision.operations
                state.update(decision.state)
        if rows or batch.cursors:
            new = await self._publish(rows, batch.cursors, operations, state)
            self._cursors.update(batch.cursors)
            self._tell(rows, new)
        self._on_alive()

    async def _publish(
        self,
        rows: Sequence[Row],
        cursors: Mapping[str, str],
        operations: Sequence[Operation],
        state: Mapping[str, Json],
    ) -> Collection[Key]:
        assert self._ownership is not None
        try:
            return await self._journal.publish(
                self._ownership, rows, cursors, operations=operations, state=state
            )
        except OwnershipLost as error:
            self._holding.lost(self._ownership)
            raise Unreachable(self._channel, "receive", str(error)) from error

    def _tell(self, rows: Sequence[Row], new: Collection[Key]) -> None:
        accepted = []
        is_observed = bool(self._plugins.callers("session_on_receive"))
        for row in rows:
            if row.verdict != "accepted" or row.key not in new:
                continue
            item = row.item
            if isinstance(item, IncomingMessage):
                accepted.append(item)
                if is_observed:
                    self._plugins.observe("session_on_receive", message=item)
                continue
            if isinstance(item, ChatMoved):
                self._on_moved(item)
            self._plugins.observe("session_on_event", event=item)
        self._on_stored(accepted)

    async def _row(self, key: Key, item: Item) -> tuple[Row, Decision | None]:
        """Decide what becomes of an item; return its row and what comes with it."""
        if isinstance(item, MessageEdited):
            return await self._edit(key, item), None
        if not isinstance(item, IncomingMessage):
            return Row(key, item, conversation_key(_address(item))), None
        message = stamped(item, key=message_key(self._channel, key))
        stopped: tuple[Literal["dropped", "refused"], str] | None = None
        if self._plugins.callers("session_incoming"):
            message, stopped = await self._filtered(message)
        conversation = self._own_conversation(message)
        if self._plugins.callers("session_conversation"):
            conversation = await self._decided_conversation(message) or conversation
        if stopped is not None:
            return Row(key, message, conversation, *stopped), None
        decision = await self._admission.decide(message)
        if decision.verdict == "accepted" and self._is_old(message):
            reason = f"older than max_age ({self._settings.max_age:g} s) when it arrived"
            return Row(key, message, conversation, "history", reason), None
        not_before = None
        if message.group is not None:
            not_before = after(self._clock.now(), GROUP_WAIT_S)
        row = Row(
            key,
            message,
            conversation,
            decision.verdict,
            decision.reason,
            message.group,
            not_before,
        )
        return row, decision

    async def _edit(self, key: Key, item: MessageEdited) -> Row:
        """Decide about the new form of a message: what a filter stops changes nothing."""
        # Under the key of the original, as which it will be answered.
        original = attrs.evolve(key, kind="message", version="")
        keyed = stamped(item.message, key=message_key(self._channel, original))
        conversation = conversation_key(keyed.address)
        message, stopped = await self._filtered(keyed)
        if stopped is not None:
            return Row(key, MessageEdited(keyed), conversation, *stopped)
        message = stamped(message, edited_at=keyed.edited_at)
        return Row(key, MessageEdited(message), conversation)

    def _is_old(self, message: IncomingMessage) -> bool:
        max_age_s = self._settings.max_age
        if max_age_s is None:
            return False
        return (self._clock.now() - message.timestamp).total_seconds() > max_age_s

    async def _filtered(
        self, keyed: IncomingMessage
    ) -> tuple[IncomingMessage, tuple[Literal["dropped", "refused"], str] | None]:
        """Return what the filters made of a message, and why it goes no further, if so."""
        verdict = await self._plugins.filter("session_incoming", keyed)
        message: IncomingMessage = verdict.message
        if message.key != keyed.key:  # a filter built it anew
            message = stamped(message, key=keyed.key)
        if verdict.dropped_by is not None:
            return message, ("dropped", f"by {verdict.dropped_by}")
        if verdict.refused_by is not None:
            return message, ("refused", f"the filter of {verdict.refused_by} failed")
        return message, None

    async def _decided_conversation(self, message: IncomingMessage) -> str | None:
        """Return the conversation that a plugin decides on; None if none does."""
        try:
            decided = await self._plugins.first("session_conversation", message=message)
            if decided is None:
                return None
            caller, key = decided
            if isinstance(key, str) and key:
                return key
            detail = f"expected text or None, got {shown(key)}"
            raise HookFailed(caller.plugin_name, caller.hook, detail)
        except (ChannelError, PluginError) as error:
            # The message must not be lost for it; its address is a conversation too.
            log.warning("%s; the message stays in the conversation of its chat", error)
            return None

    def _own_conversation(self, message: IncomingMessage) -> str:
        key = conversation_key(message.address)
        if self._settings.scope == "sender":
            return f"{key}/{quoted(message.sender_id)}"
        return key

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
        return stamped(message, channel_type=self._channel)

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


def _address(item: MessageEdited | MessageDeleted | ReactionChanged | ChatMoved) -> Address:
    if isinstance(item, MessageEdited):
        return item.message.address
    return item.new if isinstance(item, ChatMoved) else item.ref.address
