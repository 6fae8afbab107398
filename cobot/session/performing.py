"""Doing one operation: the hook that does it, or the next best thing, and its receipt."""

from __future__ import annotations

import logging
from typing import Any

import attrs

from cobot.errors import (
    ChannelError,
    DeliveryUnknown,
    HookFailed,
    MessageNotFound,
    Rejected,
    Unreachable,
    Unsupported,
    incomplete,
    shown,
)
from cobot.journal import Delivery, Journal, Operation
from cobot.journal.keys import conversation_key, operation_key
from cobot.messages import Degradation, MessageRef, OutgoingMessage, Receipt, find_not_json
from cobot.plugins import Caller, Plugins
from cobot.session.capabilities import Capabilities
from cobot.session.rendering import Rendering
from cobot.text import Rendered, split_off

log = logging.getLogger(__name__)

MARKUP = "markup"
"""The field of a Rejected that is about the formatting and not about the text."""

DELETED_TEXT = "(deleted)"
"""What a message says that was to be deleted where only editing is possible."""

QUOTE = "> {}\n\n"
"""How the quoted text stands before a message."""

QUOTE_CHARS = 200
"""How much of a message is quoted where a network has no replies."""

QUOTE_SEARCH = 200
"""How many messages of a history are looked through for the one to quote."""


class Performer:
    """Does the operations of one channel."""

    def __init__(
        self,
        channel: str,
        plugins: Plugins,
        journal: Journal,
        capabilities: Capabilities,
        rendering: Rendering,
    ) -> None:
        self._channel = channel
        self._plugins = plugins
        self._journal = journal
        self._capabilities = capabilities
        self._rendering = rendering

    async def perform(self, delivery: Delivery) -> Receipt:
        """Do an operation and return what came of it.

        Raises:
            ChannelError: As the channel raised it; Unsupported where there is nothing
                that could be done instead.
        """
        operation = delivery.operation
        if operation.message is None:
            if operation.kind == "delete":
                return await self._delete(delivery)
            return await self._react(delivery)
        message = operation.message
        if delivery.unknowns or delivery.prepared is not None:
            message = attrs.evolve(
                message, unknown=delivery.unknowns > 0, prepared=delivery.prepared
            )
        if operation.kind == "edit":
            return await self._edit(delivery, message)
        return await self._send(operation, message)

    async def prepare(self, message: OutgoingMessage) -> Any:
        """Return what all attempts of a send have in common; None if there is no such thing.

        Raises:
            ChannelError: As the channel raised it; Unreachable if the plugin failed, for
                nothing was sent.
        """
        try:
            done = await self._plugins.route("session_prepare", self._channel, message=message)
            prepared = None if done is None else done[1]
            fault = find_not_json(prepared)
            if done is not None and fault:
                caller = done[0]
                detail = f"expected JSON, but {fault}"
                raise HookFailed(caller.plugin_name, caller.hook, detail)
        except HookFailed as error:
            raise Unreachable(self._channel, "prepare", str(error)) from error
        return prepared

    async def _send(self, operation: Operation, message: OutgoingMessage) -> Receipt:
        try:
            if not message.media:
                receipt = await self._call("session_send", message)
                # What had media has links by now if the channel had no session_media.
                had_media = operation.kind == "media"
                return _degraded(receipt, "media->link") if had_media else receipt
            if self._capabilities.has(self._channel, "media"):
                return await self._call("session_media", message)
        except Unsupported as error:
            if error.part == "reply" and message.reply_to is not None:
                quoted = await self._quoting(operation, message)
                return _degraded(await self._send(operation, quoted), "reply->quote")
            if not message.media or error.part != "media":
                raise
        except Rejected as error:
            plain = self._without_markup(message, error)
            return await self._send(operation, plain)
        self._refuse_if_required(operation, "the channel does not take these media")
        return _degraded(await self._send_links(operation, message), "media->link")

    def _without_markup(self, message: OutgoingMessage, error: Rejected) -> OutgoingMessage:
        """Return a message as plain text if its markup was refused, or raise what was said."""
        plain = self._rendering.plainly(message) if error.field == MARKUP else message
        if plain.rendered == message.rendered:
            raise error
        log.warning("%s; once more, as plain text", error)
        return plain

    async def _send_links(self, operation: Operation, message: OutgoingMessage) -> Receipt:
        """Send links to media which only turned out now not to be taken."""
        operation = attrs.evolve(operation, kind="send")
        parts = await self._rendering.as_links(message)
        done = Receipt()
        for number, part in enumerate(parts):
            if number:
                # A key for each, or the network would take it for the first once more.
                key = operation_key(f"{message.key}/link", number)
                part = attrs.evolve(part, key=key, reply_to=None)
            try:
                receipt = await self._send(operation, part)
            except ChannelError as error:
                if number == 0 or isinstance(error, DeliveryUnknown):
                    raise
                raise incomplete(error, number, len(parts)) from error
            done = Receipt([*done.refs, *receipt.refs], done.degraded or receipt.degraded)
        return done

    async def _quoting(self, operation: Operation, message: OutgoingMessage) -> OutgoingMessage:
        """Return a message that quotes what it replies to, as far as known and as it fits."""
        conversation = operation.conversation or conversation_key(message.address)
        entries = await self._journal.history(conversation, QUOTE_SEARCH)
        meant = [one for one in entries if message.reply_to in one.ids]
        quoted = meant[0].content.strip().partition("\n")[0][:QUOTE_CHARS] if meant else ""
        limits = await self._capabilities.limits(self._channel, message.channel_id)
        most = limits.caption if message.media else limits.text
        if most is not None:
            room = most - limits.length(QUOTE.format("") + Rendered.of(message).text)
            quoted = split_off(quoted, room, limits.unit)[0]
        message = attrs.evolve(message, reply_to=None)
        if not quoted.strip():
            return message
        return self._rendering.with_line_before(QUOTE.format(quoted), message)

    async def _edit(self, delivery: Delivery, message: OutgoingMessage) -> Receipt:
        """Edit one part; parts that the old form had not are sent, and too many deleted."""
        operation, refs = delivery.operation, delivery.refs
        if refs and operation.part >= len(refs):
            return await self._send(operation, message)
        receipt = None
        if refs:
            receipt = await self._edit_one(refs[operation.part], message)
        if receipt is None:
            # The old form stays as it is, all of it.
            self._refuse_if_required(operation, "the message cannot be edited")
            return _degraded(await self._send(operation, message), "edit->send")
        if operation.part == operation.parts - 1:
            for surplus in refs[operation.parts :]:
                how = await self._delete_one(surplus)
                if how is not None:
                    receipt = _degraded(receipt, how)
        return receipt

    async def _edit_one(self, ref: MessageRef, message: OutgoingMessage) -> Receipt | None:
        try:
            done = await self._route("session_edit", ref=ref, message=message)
        except Unsupported:
            return None
        except Rejected as error:
            return await self._edit_one(ref, self._without_markup(message, error))
        return None if done is None else _changed(*done, ref, message)

    async def _delete(self, delivery: Delivery) -> Receipt:
        operation = delivery.operation
        if not delivery.refs:
            self._refuse_if_required(operation, "nobody knows which message it is")
            return Receipt(degraded=["delete->nothing"])
        receipt = Receipt(delivery.refs)
        for ref in delivery.refs:
            how = await self._delete_one(ref, is_required="delete" in operation.require)
            if how is not None:
                receipt = _degraded(receipt, how)
        return receipt

    async def _delete_one(
        self, ref: MessageRef, *, is_required: bool = False
    ) -> Degradation | None:
        """Delete one message, or the next best; return what that was, None if deleted."""
        try:
            if await self._route("session_delete", ref=ref) is not None:
                return None
            if is_required:
                raise Unsupported(self._channel, "delete", "the message cannot be deleted")
        except MessageNotFound:
            return None
        except Unsupported:
            if is_required:
                raise
        text = OutgoingMessage(
            ref.channel_type,
            ref.channel_id,
            DELETED_TEXT,
            thread_id=ref.thread_id,
            format="plain",
        )
        try:
            done = await self._route("session_edit", ref=ref, message=text)
        except (MessageNotFound, Unsupported):
            done = None
        return "delete->nothing" if done is None else "delete->edit"

    async def _react(self, delivery: Delivery) -> Receipt:
        refs, emoji = delivery.refs[:1], delivery.operation.emoji
        for ref in refs:
            try:
                if await self._route("session_react", ref=ref, emoji=emoji) is not None:
                    return Receipt([ref])
            except Unsupported:
                pass
        self._refuse_if_required(delivery.operation, "the reaction cannot be shown")
        return Receipt(refs, ["react->nothing"])

    def _refuse_if_required(self, operation: Operation, detail: str) -> None:
        """Leave an operation undone whose next best is not good enough."""
        if operation.kind in operation.require:
            raise Unsupported(self._channel, operation.kind, f"{detail}, and it is required")

    async def _call(self, hook: str, message: OutgoingMessage) -> Receipt:
        done = await self._route(hook, message=message)
        if done is None:
            operation = hook.removeprefix("session_")
            raise Unsupported(self._channel, operation, f"the channel has no {hook}")
        return as_receipt(*done, message)

    async def _route(self, hook: str, **arguments: Any) -> tuple[Caller, Any] | None:
        try:
            return await self._plugins.route(hook, self._channel, **arguments)
        except HookFailed as error:
            operation = hook.removeprefix("session_")
            raise DeliveryUnknown(self._channel, operation, str(error)) from error


def as_receipt(caller: Caller, result: Any, message: OutgoingMessage) -> Receipt:
    """Turn what `session_send` returned into a receipt.

    Raises:
        DeliveryUnknown: It returned False, None, or something that is no id.
    """
    if isinstance(result, Receipt):
        return result
    if result is True:
        return Receipt()
    assigned = result if isinstance(result, list | tuple) else [result]
    if result is not False and assigned:
        try:
            return Receipt([_ref(message, one) for one in assigned])
        except (TypeError, ValueError):
            pass
    what = f"plugin {caller.plugin_name!r} returned {shown(result)} from {caller.hook}"
    right = "the message's id, several ids, a Receipt or True"
    detail = what if result is False else f"{what} instead of {right}"
    raise DeliveryUnknown(message.channel_type, "send", detail)


def _changed(caller: Caller, result: Any, ref: MessageRef, message: OutgoingMessage) -> Receipt:
    """Turn what `session_edit` returned into a receipt: None and True keep the old id."""
    if result is None or result is True:
        return Receipt([ref])
    return as_receipt(caller, result, message)


def _degraded(receipt: Receipt, how: Degradation) -> Receipt:
    if how in receipt.degraded:
        return receipt
    return attrs.evolve(receipt, degraded=(*receipt.degraded, how))


def _ref(message: OutgoingMessage, assigned: str | int) -> MessageRef:
    return MessageRef(message.channel_type, message.channel_id, assigned, message.thread_id)
