"""From a message that somebody wants sent to the operations that are stored for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import attrs

from cobot.clock import Clock
from cobot.errors import PluginError, Rejected, shown
from cobot.journal import Operation, OperationKind
from cobot.journal.keys import operation_key
from cobot.messages import (
    KEY_PATTERN,
    Address,
    MessageRef,
    OutgoingMessage,
    find_not_json,
    stamped,
)
from cobot.plugins import Plugins
from cobot.session.capabilities import Capabilities
from cobot.session.rendering import Rendering


@attrs.frozen(kw_only=True)
class Wish:
    """What somebody wants done; what `Outgoing` makes operations of."""

    kind: OperationKind
    """`send`, `media`, `edit`, `delete` or `react`."""
    address: Address
    """Where."""
    message: OutgoingMessage | None = None
    """What to send, or the new form."""
    ref: MessageRef | None = None
    """The message to edit, delete or react to."""
    target: str = ""
    """In place of `ref`, the key of an earlier operation."""
    emoji: str | None = None
    """For `react`."""

    @classmethod
    def of_message(cls, message: OutgoingMessage) -> Wish:
        """Return the wish to send a message, with media or without."""
        kind: OperationKind = "media" if message.media else "send"
        return cls(kind=kind, address=message.address, message=message)

    @classmethod
    def of_change(
        cls,
        kind: OperationKind,
        ref: MessageRef | str,
        address: Address,
        *,
        content: str | None = None,
        emoji: str | None = None,
    ) -> Wish:
        """Return the wish to change a message that is there.

        Args:
            kind: `edit`, `delete` or `react`.
            ref: The message, or the key of the operation that makes it.
            address: Where it is, if `ref` does not say.
            content: The new text of an edit.
            emoji: The reaction.
        """
        if isinstance(ref, MessageRef):
            address = ref.address
        elif not isinstance(ref, str):
            raise TypeError(f"expected a MessageRef or the id of a Handle, got {shown(ref)}")
        elif not ref:
            raise ValueError("the id of a Handle is empty")
        message = None
        if content is not None:
            message = OutgoingMessage(
                address.channel_type, address.channel_id, content, thread_id=address.thread_id
            )
        return cls(
            kind=kind,
            address=address,
            message=message,
            ref=ref if isinstance(ref, MessageRef) else None,
            target=ref if isinstance(ref, str) else "",
            emoji=emoji,
        )


class Dropped(Rejected):
    """A filter said that a message is not to be sent."""


class Outgoing:
    """Filters, checks, renders and splits what is to be sent."""

    def __init__(
        self, plugins: Plugins, capabilities: Capabilities, rendering: Rendering, clock: Clock
    ) -> None:
        self._plugins = plugins
        self._capabilities = capabilities
        self._rendering = rendering
        self._clock = clock

    async def operations(
        self,
        wish: Wish,
        key: str,
        *,
        conversation: str = "",
        require: Collection[str] = (),
        not_before: datetime | None = None,
    ) -> list[Operation]:
        """Return the operations that fulfil a wish, one for each part.

        Args:
            wish: What is wanted.
            key: The key of the first part; those of the others follow from it.
            conversation: Whose history it belongs to; empty: its address's own.
            require: Operations that must be native.
            not_before: When it may leave.

        Raises:
            ValueError: The key has not the form of one.
            UnknownChannel: It is addressed to a channel that is not loaded.
            PluginError: Its metadata is not JSON.
            Dropped: A filter dropped it.
            Rejected: A filter failed and fails closed.
            Unsupported: Something that is required is not native.
        """
        if not KEY_PATTERN.fullmatch(key):
            raise ValueError(f"key: expected 1 to 25 of A-Z a-z 0-9 -, got {shown(key)}")
        message = wish.message
        if message is not None:
            message = await self._filtered(message)
        address = wish.address if message is None else message.address
        self._plugins.require_channel(address.channel_type)
        self._capabilities.require(address.channel_type, require)
        kind = wish.kind
        if message is None:
            parts: Sequence[OutgoingMessage | None] = (None,)
        else:
            parts = await self._rendering.parts(message)
            if kind in ("send", "media"):  # a filter may have changed which
                kind = "media" if message.media else "send"
        now = self._clock.now()
        whole = key if len(parts) > 1 else ""
        operations = []
        for number, part in enumerate(parts):
            own_key = operation_key(key, number) if number else key
            operation = Operation(
                # Only the first part of a message with media has any.
                kind="send" if kind == "media" and number else kind,
                address=address,
                key=own_key,
                message=part and stamped(part, key=own_key, created_at=now),
                ref=wish.ref,
                target=wish.target,
                emoji=wish.emoji,
                whole=whole,
                part=number,
                parts=len(parts),
                require=frozenset(require),
                conversation=conversation,
                not_before=not_before,
            )
            operations.append(operation)
        return operations

    async def _filtered(self, message: OutgoingMessage) -> OutgoingMessage:
        name = message.channel_type
        self._plugins.require_channel(name)
        filtered = message
        if self._plugins.callers("session_outgoing"):
            verdict = await self._plugins.filter("session_outgoing", message)
            if verdict.dropped_by is not None:
                raise Dropped(name, "send", f"dropped by the filter of {verdict.dropped_by}")
            if verdict.refused_by is not None:
                raise Rejected(name, "send", f"the filter of {verdict.refused_by} failed")
            filtered = verdict.message
        fault = find_not_json(filtered.metadata, "metadata") if filtered.metadata else None
        if fault:
            raise PluginError(
                f"a message to {filtered.address} cannot be sent: its {fault}; only JSON"
            )
        return filtered
