"""Messages, operations and receipts as JSON text, the way they lie in a journal's tables.

What a table has as columns (channel, chat, thread, the network's id, the key) is not repeated
in the text: a chat that moves changes a column. A field that has its default is left out.
Bytes are no JSON; they are handed out and in beside the text, in the order of the media.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, cast

import attrs

from cobot.encoding import from_text, to_text
from cobot.journal import Key, Operation, OperationKind
from cobot.messages import (
    Address,
    ChatMoved,
    IncomingMessage,
    Item,
    Json,
    Media,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    OutgoingMessage,
    ReactionChanged,
    Receipt,
)

Body: TypeAlias = dict[str, Json]
Blobs: TypeAlias = Sequence[bytes]


# Messages that came in, and events.


def encode_item(key: Key, item: Item) -> tuple[str, Blobs]:
    """Return an item's text, and the bytes of its media."""
    blobs: list[bytes] = []
    if isinstance(item, IncomingMessage):
        return to_text(_incoming_body(item, blobs)), blobs
    body: Body
    if isinstance(item, MessageEdited):
        body = _incoming_body(item.message, blobs)
        _note_other(body, key, item.message.ref)
    elif isinstance(item, MessageDeleted):
        body = {"at": item.timestamp.isoformat()}
        if item.sender_id is not None:
            body["by"] = item.sender_id
        _note_other(body, key, item.ref)
    elif isinstance(item, ReactionChanged):
        body = {
            "at": item.timestamp.isoformat(),
            "by": item.sender_id,
            "emoji": item.emoji,
            "added": item.added,
        }
        if item.id:
            body["id"] = item.id
        _note_other(body, key, item.ref)
    else:
        body = {"old": attrs.astuple(item.old), "new": attrs.astuple(item.new)}
    return to_text(body), blobs


def decode_item(kind: str, address: Address, native: str, text: str, blobs: Blobs = ()) -> Item:
    """Return the item of a row.

    Args:
        kind: The kind in its key.
        address: Where it came from.
        native: The network's id in its key.
        text: What `encode_item` made.
        blobs: The bytes of its media; without them the media have none.
    """
    body = from_text(text)
    if kind == "message":
        return _incoming(address, native, body, blobs)
    if kind == "moved":
        return ChatMoved(Address(*body["old"]), Address(*body["new"]))
    chat, thread, native = body.get("of") or (address.channel_id, address.thread_id, native)
    if kind == "edit":
        address = Address(address.channel_type, chat, thread)
        return MessageEdited(_incoming(address, native, body, blobs))
    ref = MessageRef(address.channel_type, chat, native, thread)
    at = datetime.fromisoformat(body["at"])
    if kind == "delete":
        return MessageDeleted(ref, at, body.get("by"))
    return ReactionChanged(
        ref, body["by"], body["emoji"], body["added"], at, body.get("id", "")
    )


def without_text(item: Item) -> Item:
    """Return an item with nothing in it of what somebody wrote."""
    if isinstance(item, MessageEdited):
        return MessageEdited(_silent(item.message))
    return _silent(item) if isinstance(item, IncomingMessage) else item


def _silent(message: IncomingMessage) -> IncomingMessage:
    return attrs.evolve(message, content="", media=(), metadata={})


def _note_other(body: Body, key: Key, ref: MessageRef) -> None:
    # An event may have an id of its own, and its key need not name the message it is about.
    if (ref.channel_id, ref.thread_id, ref.id) != (key.channel_id, key.thread_id, key.id):
        body["of"] = (ref.channel_id, ref.thread_id, ref.id)


def _incoming_body(message: IncomingMessage, blobs: list[bytes]) -> Body:
    body: Body = {
        "by": message.sender_id,
        "name": message.sender_name,
        "text": message.content,
        "at": message.timestamp.isoformat(),
    }
    if message.key:
        body["key"] = message.key
    if message.direct:
        body["direct"] = True
    if message.mentioned:
        body["mentioned"] = True
    if message.reply_to is not None:
        body["reply"] = message.reply_to
    if message.media:
        body["media"] = _media_bodies(message.media, blobs)
    if message.metadata:
        body["meta"] = message.metadata
    if message.sender_is_bot:
        body["bot"] = True
    if message.edited_at is not None:
        body["edited"] = message.edited_at.isoformat()
    if message.group is not None:
        body["group"] = message.group
    if message.listed is not None:
        body["listed"] = message.listed
    return body


def _incoming(address: Address, native: str, body: Body, blobs: Blobs) -> IncomingMessage:
    return IncomingMessage(
        native,
        address.channel_type,
        address.channel_id,
        body["by"],
        body["name"],
        body["text"],
        datetime.fromisoformat(body["at"]),
        body.get("reply"),
        _media(body.get("media", ()), blobs),
        body.get("meta", {}),
        thread_id=address.thread_id,
        direct=body.get("direct", False),
        mentioned=body.get("mentioned", False),
        sender_is_bot=body.get("bot", False),
        edited_at=_time(body.get("edited")),
        group=body.get("group"),
        listed=body.get("listed"),
        key=body.get("key", ""),
    )


# Media.


def _media_bodies(media: Sequence[Media], blobs: list[bytes]) -> list[Body]:
    return [_media_body(one, blobs) for one in media]


def _media_body(media: Media, blobs: list[bytes]) -> Body:
    body: Body = {"name": media.name}
    if media.content_type is not None:
        body["type"] = media.content_type
    if media.size_bytes is not None:
        body["bytes"] = media.size_bytes
    if media.content is not None:
        body["blob"] = len(blobs)
        blobs.append(media.content)
    if media.path is not None:
        body["path"] = str(media.path)
    if media.url is not None:
        body["url"] = media.url
    if media.remote is not None:
        body["remote"] = media.remote
    return body


def _media(bodies: Sequence[Body], blobs: Blobs) -> tuple[Media, ...]:
    return tuple(_one_media(body, blobs) for body in bodies)


def _one_media(body: Body, blobs: Blobs) -> Media:
    blob = body.get("blob")
    path = body.get("path")
    return Media(
        name=body["name"],
        content_type=body.get("type"),
        size_bytes=body.get("bytes"),
        content=None if blob is None or blob >= len(blobs) else blobs[blob],
        path=None if path is None else Path(path),
        url=body.get("url"),
        remote=body.get("remote"),
    )


# Operations.


def encode_operation(operation: Operation) -> tuple[str, Blobs]:
    """Return an operation's text, and the bytes of its media."""
    blobs: list[bytes] = []
    body: Body = {}
    if operation.message is not None:
        _add_outgoing(body, operation.message, operation.key, blobs)
    if operation.ref is not None:
        body["ref"] = _ref_body(operation.ref, operation.address)
    if operation.target:
        body["target"] = operation.target
    if operation.emoji is not None:
        body["emoji"] = operation.emoji
    if operation.require:
        body["require"] = sorted(operation.require)
    if (operation.part, operation.parts) != (0, 1):
        body["part"] = (operation.part, operation.parts)
    if not operation.conversation:
        body["implied"] = True
    return to_text(body), blobs


def decode_operation(
    kind: str,
    address: Address,
    key: str,
    text: str,
    *,
    whole: str = "",
    conversation: str = "",
    not_before: datetime | None = None,
    blobs: Blobs = (),
) -> Operation:
    """Return the operation of a row; for the arguments see `Operation`."""
    body = from_text(text)
    ref = body.get("ref")
    part, parts = body.get("part", (0, 1))
    return Operation(
        kind=cast(OperationKind, kind),
        address=address,
        key=key,
        message=_outgoing(address, key, body, blobs) if "text" in body else None,
        ref=None if ref is None else _ref(ref, address),
        target=body.get("target", ""),
        emoji=body.get("emoji"),
        whole=whole,
        part=part,
        parts=parts,
        require=frozenset(body.get("require", ())),
        conversation="" if "implied" in body else conversation,
        not_before=not_before,
    )


def operation_text(text: str) -> str:
    """Return what an operation says, from its text."""
    return cast(str, from_text(text).get("text", ""))


def _add_outgoing(body: Body, message: OutgoingMessage, key: str, blobs: list[bytes]) -> None:
    body["text"] = message.content
    if message.reply_to is not None:
        body["reply"] = message.reply_to
    if message.media:
        body["media"] = _media_bodies(message.media, blobs)
    if message.metadata:
        body["meta"] = message.metadata
    if message.format != "markdown":
        body["format"] = message.format
    if message.rendered is not None:
        body["rendered"] = message.rendered
    if message.key:
        body["key"] = True if message.key == key else message.key
    if message.created_at is not None:
        body["created"] = message.created_at.isoformat()
    if message.unknown:
        body["unknown"] = True
    if message.prepared is not None:
        body["prepared"] = message.prepared


def _outgoing(address: Address, key: str, body: Body, blobs: Blobs) -> OutgoingMessage:
    own_key = body.get("key", "")
    return OutgoingMessage(
        address.channel_type,
        address.channel_id,
        body["text"],
        body.get("reply"),
        _media(body.get("media", ()), blobs),
        body.get("meta", {}),
        thread_id=address.thread_id,
        format=body.get("format", "markdown"),
        rendered=body.get("rendered"),
        key=key if own_key is True else own_key,
        created_at=_time(body.get("created")),
        unknown=body.get("unknown", False),
        prepared=body.get("prepared"),
    )


# References and receipts.


def encode_receipt(receipt: Receipt, address: Address) -> str:
    """Return a receipt's text; `address` is where its operation went."""
    body: Body = {"refs": [_ref_body(ref, address) for ref in receipt.refs]}
    if receipt.degraded:
        body["degraded"] = receipt.degraded
    if receipt.maybe_repeated:
        body["repeated"] = True
    if receipt.metadata:
        body["meta"] = receipt.metadata
    return to_text(body)


def decode_receipt(text: str, address: Address) -> Receipt:
    """Return the receipt that a text stands for."""
    body = from_text(text)
    return Receipt(
        [_ref(ref, address) for ref in body["refs"]],
        body.get("degraded", ()),
        body.get("repeated", False),
        body.get("meta", {}),
    )


def encode_ref(ref: MessageRef) -> str:
    """Return a reference's text."""
    return to_text(attrs.astuple(ref))


def decode_ref(text: str) -> MessageRef:
    """Return the reference that a text stands for."""
    return MessageRef(*from_text(text))


def _ref_body(ref: MessageRef, address: Address) -> Json:
    if (ref.channel_type, ref.channel_id, ref.thread_id) == (
        address.channel_type,
        address.channel_id,
        address.thread_id,
    ):
        return ref.id
    return attrs.astuple(ref)


def _ref(body: Json, address: Address) -> MessageRef:
    if isinstance(body, str):
        return MessageRef(address.channel_type, address.channel_id, body, address.thread_id)
    return MessageRef(*body)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
