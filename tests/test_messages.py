from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from fakes import START, incoming
from hypothesis import given
from hypothesis import strategies as st

from cobot import (
    Address,
    Batch,
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
from cobot.messages import JSON_DEPTH, find_not_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # halves of surrogate pairs too
INCOMING_ORDER = (
    "id channel_type channel_id sender_id sender_name content timestamp reply_to media metadata"
)
REF = MessageRef("pigeon", "loft", "1")
PICTURE = Media.from_bytes(b"GIF", name="a.gif")


def received(**fields: Any) -> IncomingMessage:
    """Return a message with an id of its own, whatever the content."""
    return incoming(**{"id": "1", **fields})


def outgoing(content: str = "hello", **fields: Any) -> OutgoingMessage:
    """Return a message with ids that no test cares about, but for those it names."""
    values = {"channel_type": "pigeon", "channel_id": "loft", "content": content}
    return OutgoingMessage(**{**values, **fields})


def reaction(**fields: Any) -> ReactionChanged:
    """Return a reaction, with what a test names in place of its usual fields."""
    usual = {"ref": REF, "sender_id": "p", "emoji": "x", "added": True, "timestamp": START}
    return ReactionChanged(**{**usual, **fields})


def reference(**fields: Any) -> MessageRef:
    """Return a message's address, with what a test names in place of its usual fields."""
    return MessageRef(**{"channel_type": "pigeon", "channel_id": "loft", "id": "1", **fields})


def deletion(**fields: Any) -> MessageDeleted:
    """Return a deletion, with what a test names in place of its usual fields."""
    return MessageDeleted(**{"ref": REF, "timestamp": START, **fields})


@pytest.fixture
def five_hours_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put this process five hours east of Greenwich."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "TST-5")
        time.tzset()
        yield
    time.tzset()


# Shape


@pytest.mark.parametrize(
    ("cls", "order", "defaults"),
    [
        (
            IncomingMessage,
            INCOMING_ORDER,
            {"reply_to": None, "media": (), "metadata": {}},
        ),
        (
            OutgoingMessage,
            "channel_type channel_id content reply_to media metadata",
            {"reply_to": None, "media": (), "metadata": {}},
        ),
        (
            MessageRef,
            "channel_type channel_id id thread_id",
            {"thread_id": None},
        ),
        (MessageDeleted, "ref timestamp sender_id", {"sender_id": None}),
        (ReactionChanged, "ref sender_id emoji added timestamp id", {"id": ""}),
        (ChatMoved, "old new", {}),
        (Batch, "items cursors", {"items": (), "cursors": {}}),
    ],
)
def test_positional_arguments_keep_their_order_and_defaults(
    cls: type, order: str, defaults: dict[str, Any]
) -> None:
    """Channels pass these by position, so their order never changes; the rest is by name."""
    parameters = inspect.signature(cls).parameters.values()
    positional = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    optional = [one.name for one in positional if one.default is not one.empty]
    required = {one.name: 1 for one in positional if one.default is one.empty}
    values: dict[str, Any] = {
        **required,
        "timestamp": START,
        "content": "x",
        "channel_type": "pigeon",
        "sender_name": "n",
        "ref": REF,
        "emoji": "x",
        "added": True,
        "old": REF.address,
        "new": REF.address,
    }

    made = cls(**{name: values[name] for name in required})

    assert [one.name for one in positional] == order.split()
    assert optional == list(defaults)
    assert {name: getattr(made, name) for name in defaults} == defaults


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            incoming(),
            {
                "thread_id": None,
                "direct": False,
                "mentioned": False,
                "sender_is_bot": False,
                "edited_at": None,
                "group": None,
                "listed": None,
                "key": "",
            },
        ),
        (
            outgoing(),
            {
                "thread_id": None,
                "format": "markdown",
                "rendered": None,
                "key": "",
                "created_at": None,
                "unknown": False,
                "prepared": None,
            },
        ),
    ],
)
def test_further_fields_are_by_name_and_have_defaults(
    message: IncomingMessage | OutgoingMessage, expected: dict[str, Any]
) -> None:
    """What came after the fixed fields may be left out and cannot be passed by position."""
    parameters = inspect.signature(type(message)).parameters.values()

    by_name = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}

    assert by_name == set(expected)
    assert {name: getattr(message, name) for name in expected} == expected


@pytest.mark.parametrize("make", [incoming, outgoing])
def test_none_for_media_and_metadata_becomes_empty(make: Callable[..., Any]) -> None:
    """A channel may hand on the None that its network sent for what is absent."""
    message = make(media=None, metadata=None)

    assert message.media == ()
    assert message.metadata == {}


def test_media_become_a_tuple_in_the_order_given() -> None:
    """A list or any other iterable of media is kept as a tuple."""
    other = Media.from_bytes(b"", name="b")

    message = incoming(media=iter([PICTURE, other]))

    assert message.media == (PICTURE, other)


# Ids

IDS = [
    (received, "id"),
    (received, "channel_id"),
    (received, "sender_id"),
    (received, "reply_to"),
    (received, "thread_id"),
    (received, "group"),
    (outgoing, "channel_id"),
    (outgoing, "reply_to"),
    (outgoing, "thread_id"),
    (reference, "id"),
    (reference, "channel_id"),
    (reference, "thread_id"),
    (deletion, "sender_id"),
    (reaction, "sender_id"),
]


@pytest.mark.parametrize(("make", "field"), IDS)
@pytest.mark.parametrize(
    ("given_id", "kept"), [(-1001234567890, "-1001234567890"), (0, "0"), ("🐦", "🐦")]
)
def test_ids_are_kept_as_text(
    make: Callable[..., Any], field: str, given_id: str | int, kept: str
) -> None:
    """Some networks' ids are numbers and some are text; everything inside compares text."""
    made = make(**{field: given_id})

    assert getattr(made, field) == kept
    assert isinstance(getattr(made, field), str)


@pytest.mark.parametrize(("make", "field"), IDS)
@pytest.mark.parametrize("wrong", [True, 1.0, "", b"1", ["1"], "\ud800"])
def test_ids_that_are_no_ids_are_refused_by_name(
    make: Callable[..., Any], field: str, wrong: object
) -> None:
    """What cannot be an id is refused when the value is made, and the error names the field."""
    with pytest.raises((TypeError, ValueError), match=rf"^{field}: "):
        make(**{field: wrong})


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (received, "id"),
        (received, "channel_id"),
        (received, "sender_id"),
        (outgoing, "channel_id"),
        (reaction, "sender_id"),
    ],
)
def test_required_ids_may_not_be_none(make: Callable[..., Any], field: str) -> None:
    """A message without its id, chat or sender cannot be answered."""
    with pytest.raises(TypeError, match=rf"^{field}: .*None"):
        make(**{field: None})


def test_ids_of_a_moved_chat_are_kept_as_text() -> None:
    """A chat that moved is found by the same text as the messages that came from it."""
    moved = ChatMoved(Address("pigeon", -1), Address("pigeon", -1002, 7))

    assert moved.old == received(channel_type="pigeon", channel_id=-1).address
    assert moved.new == Address("pigeon", "-1002", "7")


# Text


@given(ANY_TEXT)
def test_every_content_is_accepted_and_can_be_stored(content: str) -> None:
    """No message is lost for odd text: what UTF-8 cannot say is replaced, the rest is kept."""
    message = received(content=content, sender_name=content)
    answer = outgoing(content)

    kept = message.content.encode().decode()
    assert kept == message.content == message.sender_name == answer.content
    if not any("\ud800" <= character <= "\udfff" for character in content):
        assert kept == content


@pytest.mark.parametrize(
    ("content", "kept"),
    [("a\ud800b", "a\ufffdb"), ("\udc00", "\ufffd"), ("\ud83d\ude00", "😀"), ("\0", "\0")],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(content: str, kept: str) -> None:
    """JSON can carry half of a pair; two halves that belong together become what they mean."""
    assert received(content=content).content == kept


@pytest.mark.parametrize(
    "made",
    [
        reaction(emoji="x\ud800").emoji,
        reaction(id="x\ud800").id,
        Media.from_bytes(b"", name="x\ud800").name,
        Media.from_path("x\ud800").name,
    ],
    ids=["emoji", "event", "file", "path"],
)
def test_other_texts_can_be_stored_too(made: str) -> None:
    """Every text of a value, not only a message's content, can be written as UTF-8."""
    assert made == "x\ufffd"


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (received, "content"),
        (received, "sender_name"),
        (received, "channel_type"),
        (received, "key"),
        (outgoing, "content"),
        (outgoing, "channel_type"),
        (outgoing, "key"),
        (outgoing, "format"),
        (reaction, "emoji"),
        (reaction, "id"),
    ],
)
@pytest.mark.parametrize("wrong", [None, 5, 0, b"", b"text", ["a"]])
def test_what_is_no_text_is_refused_by_name(
    make: Callable[..., Any], field: str, wrong: object
) -> None:
    """A field of text takes text alone, and the error names the field."""
    with pytest.raises((TypeError, ValueError), match=rf"^{field}: "):
        make(**{field: wrong})


@pytest.mark.parametrize(
    ("make", "field", "wrong"),
    [
        (received, "direct", 1),
        (received, "mentioned", None),
        (received, "sender_is_bot", "no"),
        (received, "listed", 0),
        (received, "media", "picture"),
        (received, "media", 5),
        (received, "media", PICTURE),
        (received, "media", [b"GIF"]),
        (received, "metadata", [("a", 1)]),
        (received, "metadata", "text"),
        (outgoing, "media", [None]),
        (outgoing, "metadata", 5),
        (outgoing, "unknown", "yes"),
        (outgoing, "format", "html"),
        (outgoing, "format", ""),
        (outgoing, "created_at", "2026-01-01"),
        (reaction, "added", 1),
        (reaction, "emoji", ""),
        (reaction, "timestamp", None),
        (reaction, "ref", None),
        (reaction, "ref", "1"),
    ],
)
def test_wrong_fields_are_refused_by_name(
    make: Callable[..., Any], field: str, wrong: object
) -> None:
    """What a field cannot hold is refused when the value is made, and the error names it."""
    with pytest.raises((TypeError, ValueError), match=rf"^{field}: "):
        make(**{field: wrong})


@pytest.mark.parametrize("key", ["", "a", "A-9", "x" * 25])
def test_key_takes_what_the_narrowest_network_takes(key: str) -> None:
    """An operation's key is at most 25 letters, digits and dashes, or empty."""
    assert outgoing(key=key).key == key


@pytest.mark.parametrize("key", ["x" * 26, "a_b", "a b", "ä", "a\n", "٣"])
def test_key_of_another_form_is_refused(key: str) -> None:
    """A key that some network would refuse is refused before it is stored."""
    with pytest.raises(ValueError, match=r"^key: expected at most 25 characters"):
        outgoing(key=key)


@pytest.mark.parametrize("format_", ["markdown", "plain"])
def test_format_is_markdown_or_plain(format_: str) -> None:
    """A text is Markdown, or meant as it stands."""
    assert outgoing(format=format_).format == format_


# Times


@pytest.mark.usefixtures("five_hours_east")
def test_naive_time_is_taken_as_local_time() -> None:
    """A time without a zone is what datetime.fromtimestamp makes: local time."""
    message = incoming(
        timestamp=datetime(2026, 1, 1, 17, 0),  # noqa: DTZ001
        edited_at=datetime(2026, 1, 1, 18, 0),  # noqa: DTZ001
    )

    assert message.timestamp == START
    assert message.timestamp.tzinfo is UTC
    assert message.edited_at == START + timedelta(hours=1)
    assert message.naive


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-8)), ZoneInfo("UTC")])
def test_aware_time_is_converted_to_utc(zone: tzinfo) -> None:
    """The same moment in any zone is kept as UTC, and is no naive time."""
    message = incoming(timestamp=START.astimezone(zone))

    assert message.timestamp == START
    assert message.timestamp.tzinfo is UTC
    assert not message.naive


@pytest.mark.parametrize("field", ["timestamp", "edited_at"])
@pytest.mark.parametrize(
    "wrong",
    [
        1767268800,
        "2026-01-01",
        date(2026, 1, 1),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_what_is_no_time_in_utc_is_refused_by_name(field: str, wrong: object) -> None:
    """A number, a text, a date, and a moment beyond the calendar are refused by name."""
    with pytest.raises((TypeError, ValueError), match=rf"^{field}: "):
        received(**{field: wrong})


@pytest.mark.usefixtures("five_hours_east")
def test_naive_time_before_the_calendar_is_refused_by_name() -> None:
    """The first moment of the calendar has no UTC form east of Greenwich."""
    with pytest.raises(ValueError, match=r"^timestamp: "):
        incoming(timestamp=datetime.min)  # noqa: DTZ901


# Values: frozen, equal, hashable


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (incoming(), "content"),
        (outgoing(), "content"),
        (REF, "id"),
        (REF.address, "channel_id"),
        (PICTURE, "name"),
        (MessageEdited(incoming(edited_at=START)), "message"),
        (MessageDeleted(REF, START), "ref"),
        (reaction(), "emoji"),
        (ChatMoved(REF.address, REF.address), "new"),
        (Batch(), "items"),
        (Receipt(), "refs"),
    ],
)
def test_assigning_to_a_value_raises(value: object, field: str) -> None:
    """What several parts hold at the same time never changes under them."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, field, "other")


def test_evolve_changes_one_field_and_keeps_the_rest() -> None:
    """A filter changes a message by making another one of it."""
    message = incoming(metadata={"a": 1}, media=[PICTURE], thread_id=7, listed=True)

    changed = attrs.evolve(message, content="other")

    assert changed.content == "other"
    assert attrs.evolve(changed, content="hello") == message
    assert changed.metadata == {"a": 1}


def test_evolve_checks_what_is_new() -> None:
    """A filter can no more put a wrong value into a message than a channel can."""
    with pytest.raises(TypeError, match=r"^channel_id: "):
        attrs.evolve(incoming(), channel_id=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [incoming, outgoing])
def test_metadata_is_left_out_of_equality_and_hash(make: Callable[..., Any]) -> None:
    """Two messages that differ in the channel's own data alone are the same message."""
    one = make(metadata={"raw": [1]})
    other = make(metadata={"raw": {"x": None}})

    assert one == other
    assert hash(one) == hash(other)
    assert one != make("another")


@pytest.mark.parametrize(
    "value",
    [
        incoming(metadata={"a": []}, media=[Media.from_remote({"id": [1]}, name="x")]),
        outgoing(rendered={"text": "x"}, prepared=[1], metadata={"a": {}}),
        REF,
        REF.address,
        PICTURE,
        MessageEdited(incoming(edited_at=START)),
        MessageDeleted(REF, START),
        reaction(),
        ChatMoved(REF.address, REF.address),
        Receipt([REF], metadata={"a": []}),
    ],
)
def test_values_are_hashable(value: Any) -> None:
    """Values can be members of sets, whatever JSON they carry."""
    assert len({value, attrs.evolve(value)}) == 1


# Addresses and answers


def test_message_knows_its_address_and_its_ref() -> None:
    """Where a message stands is read off it, thread included."""
    message = incoming(id=5, channel_type="pigeon", thread_id=9)

    assert message.address == Address("pigeon", "chat", "9")
    assert message.ref == MessageRef("pigeon", "chat", "5", "9")
    assert message.ref.address == message.address == message.reply("x").address


@pytest.mark.parametrize(("direct", "reply_to"), [(False, "5"), (True, None)])
def test_reply_goes_where_the_question_came_from(direct: bool, reply_to: str | None) -> None:
    """In a group the answer points at the question; between two it is plain what is meant."""
    message = incoming(id=5, channel_type="pigeon", thread_id=9, direct=direct)

    answer = message.reply("answer", media=[PICTURE], format="plain")

    assert answer == OutgoingMessage(
        "pigeon", "chat", "answer", reply_to, [PICTURE], thread_id="9", format="plain"
    )


# Media


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a.gif", "a.gif"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.gif", "a.gif"),
        ("..\\..\\a.gif", "a.gif"),
        ("folder/", "folder"),
        ("", "file"),
        (".", "file"),
        ("/", "file"),
        ("..", "file"),
        ("a/..", "file"),
        ("a\\..", "file"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda name: Media.from_bytes(b"", name=name),
        lambda name: Media.from_path("x", name=name or "."),
        lambda name: Media.from_url("http://127.0.0.1/x", name=name),
        lambda name: Media.from_remote({}, name=name),
    ],
    ids=["bytes", "path", "url", "remote"],
)
def test_file_names_never_keep_folders(
    make: Callable[[str], Media], name: str, kept: str
) -> None:
    """A stranger's file name cannot lead out of the folder that the file is put in."""
    assert make(name).name == kept


def test_a_changed_file_name_keeps_no_folders_either() -> None:
    """There is no way around the rule: neither the class itself nor evolve."""
    changed = attrs.evolve(PICTURE, name="../../etc/passwd")

    assert changed.name == "passwd"
    assert Media(name="a/../b").name == "b"


@given(ANY_TEXT)
def test_every_file_name_names_a_file_in_its_folder(name: str) -> None:
    """Whatever a network calls a file, the name can be joined to a folder and stays in it."""
    kept = Media.from_bytes(b"", name=name).name

    assert kept not in ("", ".", "..")
    assert not {"/", "\\", "\0"} & set(kept)
    assert kept.encode()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Media.from_bytes("text", name="a"),  # type: ignore[arg-type]
        lambda: Media.from_bytes(5, name="a"),  # type: ignore[arg-type]
        lambda: Media.from_bytes(b"", name=None),  # type: ignore[arg-type]
        lambda: Media.from_url(None, name="a"),  # type: ignore[arg-type]
        lambda: Media.from_remote(None, name="a"),  # type: ignore[arg-type]
        lambda: Media.from_remote("id", name="a"),  # type: ignore[arg-type]
    ],
    ids=["text", "number", "no-name", "no-url", "no-remote", "text-remote"],
)
def test_media_of_the_wrong_kind_are_refused(make: Callable[[], Media]) -> None:
    """A mistake is told where the media are made, not where they are sent."""
    with pytest.raises(TypeError):
        make()


def test_remote_media_take_json_only() -> None:
    """What finds a file again is stored, so it must be JSON; the error says what is not."""
    with pytest.raises(ValueError, match=r"remote\.file\[0\] is bytes"):
        Media.from_remote({"file": [b""]}, name="a")


def test_media_constructors_keep_what_is_known(tmp_path: Path) -> None:
    """Each way to make media fills the fields that it knows and reads nothing."""
    path = tmp_path / "missing.txt"

    assert Media.from_path(path) == Media(name="missing.txt", path=path)
    assert Media.from_path(str(path), name="b").name == "b"
    assert Media.from_bytes(b"abc", name="a").size_bytes == 3
    assert Media.from_url("http://127.0.0.1/a", name="a").url == "http://127.0.0.1/a"
    remote = Media.from_remote({"id": 1}, name="a", content_type="text/plain", size_bytes=9)
    assert (remote.remote, remote.content_type, remote.size_bytes) == (
        {"id": 1},
        "text/plain",
        9,
    )


def test_bytes_of_media_are_not_shown() -> None:
    """A picture does not fill the log."""
    assert "GIF" not in repr(PICTURE)


async def fetch_five(media: Media, limit_bytes: int) -> bytes:
    """Stand for a network that has five bytes."""
    return b"12345"


@pytest.mark.parametrize("kind", ["bytes", "path", "url", "remote"])
@pytest.mark.parametrize("limit_bytes", [5, 6])
async def test_media_are_read_up_to_the_limit(
    tmp_path: Path, kind: str, limit_bytes: int
) -> None:
    """A file exactly as large as the limit is read, wherever it lies."""
    media = five_bytes(kind, tmp_path)

    assert await media.read(limit_bytes=limit_bytes, fetch=fetch_five) == b"12345"


@pytest.mark.parametrize("kind", ["bytes", "path", "url", "remote"])
@pytest.mark.parametrize("limit_bytes", [0, 4])
async def test_media_beyond_the_limit_are_refused(
    tmp_path: Path, kind: str, limit_bytes: int
) -> None:
    """One byte too many is refused, wherever the file lies, and the error says the limit."""
    media = five_bytes(kind, tmp_path)

    with pytest.raises(ValueError, match=rf"'five' is larger than the limit of {limit_bytes}"):
        await media.read(limit_bytes=limit_bytes, fetch=fetch_five)


def five_bytes(kind: str, folder: Path) -> Media:
    """Return media of five bytes that lie somewhere."""
    (folder / "five").write_bytes(b"12345")
    return {
        "bytes": Media.from_bytes(b"12345", name="five"),
        "path": Media.from_path(folder / "five"),
        "url": Media.from_url("http://127.0.0.1/five", name="five"),
        "remote": Media.from_remote({"id": 5}, name="five"),
    }[kind]


async def test_fetch_gets_the_media_and_the_limit() -> None:
    """The channel that fetches learns what to fetch and how much is acceptable."""
    asked: list[tuple[Media, int]] = []

    async def fetch(media: Media, limit_bytes: int) -> bytes:
        asked.append((media, limit_bytes))
        return b""

    media = Media.from_remote({"id": 5}, name="five")
    await media.read(limit_bytes=7, fetch=fetch)

    assert asked == [(media, 7)]


async def test_media_elsewhere_are_not_read_without_fetch() -> None:
    """What only a channel can fetch says so."""
    with pytest.raises(ValueError, match="'a' lies elsewhere"):
        await Media.from_url("http://127.0.0.1/a", name="a").read(limit_bytes=9)


@pytest.mark.parametrize("what", [".", "missing"])
async def test_file_that_cannot_be_read_raises_oserror(tmp_path: Path, what: str) -> None:
    """A missing file and a folder are found out when they are read."""
    with pytest.raises(OSError, match=r"directory"):
        await Media.from_path(tmp_path / what, name="a").read(limit_bytes=9)


async def test_endless_file_is_read_no_further_than_the_limit() -> None:
    """A file without an end costs no more memory than the limit."""
    with pytest.raises(ValueError, match="larger than the limit of 10 bytes"):
        await Media.from_path("/dev/zero").read(limit_bytes=10)


# Events, batches, receipts


def test_edit_must_say_when_it_was_made() -> None:
    """The new form of a message carries the time of the edit."""
    with pytest.raises(ValueError, match="edited_at is not set"):
        MessageEdited(incoming())


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: MessageEdited(None), "message"),  # type: ignore[arg-type]
        (lambda: MessageEdited("text"), "message"),  # type: ignore[arg-type]
        (lambda: MessageDeleted("1", START), "ref"),  # type: ignore[arg-type]
        (lambda: MessageDeleted(REF, 5), "timestamp"),  # type: ignore[arg-type]
        (lambda: ChatMoved("loft", REF.address), "old"),  # type: ignore[arg-type]
        (lambda: ChatMoved(REF.address, None), "new"),  # type: ignore[arg-type]
        (lambda: Batch("text"), "items"),  # type: ignore[arg-type]
        (lambda: Batch(None), "items"),  # type: ignore[arg-type]
        (lambda: Batch(incoming()), "items"),  # type: ignore[arg-type]
        (lambda: Batch(cursors=None), "cursors"),  # type: ignore[arg-type]
        (lambda: Batch(cursors="5"), "cursors"),  # type: ignore[arg-type]
        (lambda: Batch(cursors={"": 5}), "cursors"),  # type: ignore[dict-item]
        (lambda: Batch(cursors={5: ""}), "cursors"),  # type: ignore[dict-item]
        (lambda: Receipt("1"), "refs"),  # type: ignore[arg-type]
        (lambda: Receipt(None), "refs"),  # type: ignore[arg-type]
        (lambda: Receipt(degraded=["edit->sing"]), "degraded"),  # type: ignore[list-item]
        (lambda: Receipt(degraded="edit->send"), "degraded"),  # type: ignore[arg-type]
        (lambda: Receipt(maybe_repeated="no"), "maybe_repeated"),  # type: ignore[arg-type]
        (lambda: Receipt(metadata=5), "metadata"),  # type: ignore[arg-type]
    ],
)
def test_events_batches_and_receipts_refuse_wrong_fields_by_name(
    make: Callable[[], object], field: str
) -> None:
    """What a channel hands over is checked when it is made, and the error names the field."""
    with pytest.raises((TypeError, ValueError), match=rf"^{field}: "):
        make()


def test_batch_keeps_items_and_cursors() -> None:
    """Any iterable of items is kept in its order, with the cursors it came with."""
    items: list[Any] = [incoming("a"), MessageDeleted(REF, START), reaction()]

    batch = Batch(iter(items), {"": "7", "relay": "8"})

    assert batch.items == tuple(items)
    assert batch.cursors == {"": "7", "relay": "8"}


def test_receipt_is_true_even_without_ids() -> None:
    """Delivered is delivered, also where the network told no id."""
    receipt = Receipt([REF], ["edit->send"])

    assert Receipt()
    assert receipt.refs == (REF,)
    assert receipt.degraded == ("edit->send",)


# JSON


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        10**30,
        1.5,
        "text",
        [],
        (1, [2]),
        {"a": {"b": [None]}},
        {"": 0},
    ],
)
def test_json_is_recognised(value: object) -> None:
    """Everything that JSON can say passes; a tuple is a list."""
    assert find_not_json(value) is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (b"", "the value is bytes"),
        (math.nan, "the value is nan"),
        ({"a": {"b": [0, math.inf]}}, "m.a.b[1] is inf"),
        ({"a": -math.inf}, "m.a is -inf"),
        ([[0, {1}]], "m[0][1] is set"),
        ({1: 2}, "m has the key 1, which is not text"),
        ({"a": [{None: 2}]}, "m.a[0] has the key None, which is not text"),
        ({True: 1}, "m has the key True, which is not text"),
        ({"when": START}, "m.when is datetime"),
        ({"a": 1, "b": object()}, "m.b is object"),
    ],
)
def test_what_is_not_json_is_named_with_its_path(value: object, fault: str) -> None:
    """A channel's author is told which part of the metadata cannot be stored."""
    assert find_not_json(value, "" if fault.startswith("the value") else "m") == fault


def test_json_may_nest_to_the_limit_and_no_deeper() -> None:
    """Nesting that would exhaust the interpreter is refused, a value inside itself included."""
    deepest: list[Any] = []
    for _ in range(JSON_DEPTH - 1):
        deepest = [deepest]
    endless: dict[str, Any] = {}
    endless["again"] = endless

    assert find_not_json(deepest, "m") is None
    assert f"nested deeper than {JSON_DEPTH} levels" in str(find_not_json([deepest], "m"))
    assert f"nested deeper than {JSON_DEPTH} levels" in str(find_not_json(endless, "m"))


def test_a_file_is_measured_without_being_read(tmp_path: Path) -> None:
    """What is known stays, what lies here is looked at, and what lies elsewhere is not."""
    (tmp_path / "five").write_bytes(b"12345")

    assert Media.from_path(tmp_path / "five").measured().size_bytes == 5
    assert Media.from_path(tmp_path / "missing").measured().size_bytes is None
    assert Media.from_bytes(b"123", name="x").measured().size_bytes == 3
    assert Media.from_url("https://x.example/", name="x").measured().size_bytes is None


def test_a_file_is_uploaded_from_where_it_is() -> None:
    """Its bytes, or its path; what lies elsewhere has to be brought first."""
    assert Media.from_bytes(b"", name="x").source == b""
    assert Media.from_path("x").source == Path("x")
    assert Media.from_url("https://x.example/", name="x").source is None
