"""What goes into the tables as text comes out as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, get_args

import attrs
import pytest
from fakes import START, incoming
from hypothesis import given
from hypothesis import strategies as st

from cobot import (
    Address,
    ChatMoved,
    IncomingMessage,
    Media,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    OutgoingMessage,
    ReactionChanged,
    Receipt,
)
from cobot.encoding import from_text, to_text
from cobot.journal import Key, Operation
from cobot.journal.codec import (
    decode_item,
    decode_operation,
    decode_receipt,
    decode_ref,
    encode_item,
    encode_operation,
    encode_receipt,
    encode_ref,
    operation_text,
    without_text,
)
from cobot.messages import Degradation, Item

CHAT = Address("pigeon", "chat", "7")

# Values, as the session may hand them over.

texts = st.text(st.characters(exclude_categories=["Cs"]))
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
times = st.datetimes(timezones=st.just(UTC))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
json_mappings = st.dictionaries(st.text(), json_values, max_size=3)
media = st.lists(
    st.builds(
        Media,
        name=texts,
        content_type=st.none() | texts,
        size_bytes=st.none() | st.integers(min_value=0),
        content=st.none() | st.binary(max_size=20),
        path=st.none() | st.just("/somewhere/file"),
        url=st.none() | texts,
        remote=st.none() | json_mappings,
    ),
    max_size=3,
)
addresses = st.builds(Address, ids, ids, st.none() | ids)
refs = st.builds(MessageRef, ids, ids, ids, st.none() | ids)


def messages(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[IncomingMessage]:
    """Return any messages, with these fields in place of any."""
    values = {
        "id": ids,
        "channel_type": ids,
        "channel_id": ids,
        "sender_id": ids,
        "sender_name": texts,
        "content": texts,
        "timestamp": times,
        "reply_to": st.none() | ids,
        "media": media,
        "metadata": json_mappings,
        "thread_id": st.none() | ids,
        "direct": st.booleans(),
        "mentioned": st.booleans(),
        "sender_is_bot": st.booleans(),
        "edited_at": st.none() | times,
        "group": st.none() | ids,
        "listed": st.none() | st.booleans(),
        "key": texts,
    }
    return st.builds(IncomingMessage, **{**values, **fields})


keys = st.text("abcXYZ019-", max_size=25)
outgoing = st.builds(
    OutgoingMessage,
    ids,
    ids,
    texts,
    reply_to=st.none() | ids,
    media=media,
    metadata=json_mappings,
    thread_id=st.none() | ids,
    format=st.sampled_from(["markdown", "plain"]),
    rendered=json_values,
    key=keys,
    created_at=st.none() | times,
    unknown=st.booleans(),
    prepared=json_values,
)


def round_trip(key: Key, item: Item) -> Item:
    """Return what comes out of a row."""
    text, blobs = encode_item(key, item)
    text.encode()  # a file must take it
    return decode_item(
        key.kind, Address(_channel(item), key.channel_id, key.thread_id), key.id, text, blobs
    )


def _channel(item: Item) -> str:
    if isinstance(item, IncomingMessage):
        return item.channel_type
    if isinstance(item, MessageEdited):
        return item.message.channel_type
    return item.old.channel_type if isinstance(item, ChatMoved) else item.ref.channel_type


def same(one: Any, other: Any) -> bool:
    """Compare with metadata, which equality of messages leaves out."""
    return bool(attrs.asdict(one) == attrs.asdict(other))


@given(messages())
def test_a_message_comes_back_as_it_was(message: IncomingMessage) -> None:
    """Every field of a message survives, and what is not a field of it is not needed."""
    key = Key(message.channel_id, message.thread_id, "message", message.id)

    assert same(round_trip(key, message), message)


@given(messages(edited_at=times), ids)
def test_an_edit_comes_back_as_it_was(message: IncomingMessage, own_id: str) -> None:
    """An edit is found by an id of its own or by its message's, and is the same either way."""
    for name in (message.id, own_id):
        key = Key(message.channel_id, message.thread_id, "edit", name, "1")

        edited = round_trip(key, MessageEdited(message))

        assert same(edited, MessageEdited(message))


@given(refs, times, st.none() | ids, ids)
def test_a_deletion_comes_back_as_it_was(
    ref: MessageRef, at: datetime, sender: str | None, own_chat: str
) -> None:
    """A deletion names its message, also where its key names another place."""
    for chat in (ref.channel_id, own_chat):
        key = Key(chat, ref.thread_id, "delete", ref.id)

        assert round_trip(key, MessageDeleted(ref, at, sender)) == MessageDeleted(
            ref, at, sender
        )


@given(st.builds(ReactionChanged, refs, ids, ids, st.booleans(), times, texts), ids)
def test_a_reaction_comes_back_as_it_was(reaction: ReactionChanged, own_id: str) -> None:
    """A reaction has an id of its own, and names the message it is on."""
    key = Key(reaction.ref.channel_id, reaction.ref.thread_id, "reaction", own_id)

    assert round_trip(key, reaction) == reaction


@given(addresses, addresses)
def test_a_moved_chat_comes_back_as_it_was(old: Address, new: Address) -> None:
    """Both addresses are kept whole."""
    key = Key(old.channel_id, None, "moved", new.channel_id)

    assert round_trip(key, ChatMoved(old, new)) == ChatMoved(old, new)


@given(
    address=addresses,
    message=st.none() | outgoing,
    ref=st.none() | refs,
    fields=st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["send", "edit", "delete", "react", "media"]),
            "key": keys,
            "target": texts,
            "emoji": st.none() | texts,
            "whole": texts,
            "part": st.integers(0, 9),
            "parts": st.integers(1, 9),
            "require": st.frozensets(texts),
            "conversation": texts,
            "not_before": st.none() | times,
        }
    ),
)
def test_an_operation_comes_back_as_it_was(
    address: Address,
    message: OutgoingMessage | None,
    ref: MessageRef | None,
    fields: dict[str, Any],
) -> None:
    """Every field of an operation and of its message survives."""
    if message is not None:
        message = attrs.evolve(
            message,
            channel_type=address.channel_type,
            channel_id=address.channel_id,
            thread_id=address.thread_id,
        )
    operation = Operation(address=address, message=message, ref=ref, **fields)
    text, blobs = encode_operation(operation)
    text.encode()

    decoded = decode_operation(
        operation.kind,
        address,
        operation.key,
        text,
        whole=operation.whole,
        conversation=operation.conversation or "what its address is by itself",
        not_before=operation.not_before,
        blobs=blobs,
    )

    assert same(decoded, operation)
    assert operation_text(text) == (message.content if message else "")


@given(
    addresses,
    st.lists(refs | st.none(), max_size=3),
    st.lists(st.sampled_from(get_args(Degradation))),
    st.booleans(),
    json_mappings,
)
def test_a_receipt_comes_back_as_it_was(
    address: Address,
    made: list[MessageRef | None],
    degraded: list[Degradation],
    repeated: bool,
    metadata: dict[str, Any],
) -> None:
    """Messages that were made where they were sent, and elsewhere, keep their addresses."""
    here = MessageRef(address.channel_type, address.channel_id, "1", address.thread_id)
    receipt = Receipt([ref or here for ref in made], degraded, repeated, metadata)

    assert same(decode_receipt(encode_receipt(receipt, address), address), receipt)


@given(refs)
def test_a_ref_comes_back_as_it_was(ref: MessageRef) -> None:
    """A draft is found where it was shown."""
    assert decode_ref(encode_ref(ref)) == ref


@given(json_values)
def test_text_is_json_that_a_file_takes(value: Any) -> None:
    """Whatever the JSON holds, also half of a surrogate pair, is text that can be stored."""
    text = to_text(value)

    text.encode()
    assert from_text(text) == value
    assert json.loads(text) == value


def test_any_mapping_is_an_object() -> None:
    """Who hands in a read-only mapping gets a mapping back."""
    assert to_text({"a": MappingProxyType({"b": (1, 2)})}) == '{"a":{"b":[1,2]}}'


def test_what_is_no_json_is_refused() -> None:
    """An object that no text stands for is named by its type."""
    with pytest.raises(TypeError, match="object is not JSON"):
        to_text({"a": [object()]})


def test_a_message_that_moved_is_where_its_row_says() -> None:
    """The address is the row's: a chat that moves need not be written anew."""
    key = Key("chat", None, "message", "1")
    text, _ = encode_item(key, incoming(id="1", channel_type="pigeon"))

    item = decode_item("message", CHAT, "1", text)

    assert isinstance(item, IncomingMessage)
    assert item.address == CHAT


def test_an_operation_that_moved_takes_message_and_ref_along() -> None:
    """What is said of its own address is said of the new one."""
    old = Address("pigeon", "old")
    operation = Operation(
        kind="edit",
        address=old,
        key="k",
        message=OutgoingMessage("pigeon", "old", "new text"),
        ref=MessageRef("pigeon", "old", "1"),
    )

    moved = decode_operation("edit", CHAT, "k", encode_operation(operation)[0])

    assert moved.message is not None
    assert moved.message.address == CHAT
    assert moved.ref == MessageRef("pigeon", "chat", "1", "7")


def test_media_without_their_bytes_are_told_by_name_and_size() -> None:
    """Looking back needs no bytes, and does not fail without them."""
    message = incoming(id="1", media=[Media.from_bytes(b"abc", name="a.txt")])
    text, blobs = encode_item(Key("chat", None, "message", "1"), message)

    item = decode_item("message", message.address, "1", text)

    assert blobs == [b"abc"]
    assert isinstance(item, IncomingMessage)
    assert [(one.name, one.size_bytes, one.content) for one in item.media] == [
        ("a.txt", 3, None)
    ]


def test_times_are_kept_to_the_microsecond_in_utc() -> None:
    """A time of another zone is the same moment, and UTC."""
    eastern = datetime(9999, 12, 31, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=5)))
    message = incoming(id="1", timestamp=eastern)
    text, _ = encode_item(Key("chat", None, "message", "1"), message)

    item = decode_item("message", message.address, "1", text)

    assert isinstance(item, IncomingMessage)
    assert item.timestamp == eastern
    assert item.timestamp.tzinfo is UTC


@pytest.mark.parametrize("kind", ["message", "edit"])
def test_without_text_nothing_is_left_of_what_was_said(kind: str) -> None:
    """Of what was dropped or deleted only that it was, by whom and when, is kept."""
    message = incoming(
        "secret",
        id="1",
        media=[Media.from_bytes(b"secret", name="secret")],
        metadata={"raw": "secret"},
        edited_at=START,
    )
    item = message if kind == "message" else MessageEdited(message)

    silent = without_text(item)

    text, blobs = encode_item(Key("chat", None, kind, "1"), silent)
    assert "secret" not in text
    assert not blobs
    assert message.sender_id in text
