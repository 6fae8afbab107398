from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from fakes import START, ManualClock, registry
from hypothesis import given
from hypothesis import strategies as st

from cobot import (
    DROP,
    Address,
    CobotError,
    Limits,
    Media,
    MessageRef,
    OutgoingMessage,
    PluginError,
    Rejected,
    UnknownChannel,
    Unsupported,
    hookimpl,
)
from cobot.journal import Operation
from cobot.messages import KEY_PATTERN
from cobot.session.capabilities import Capabilities
from cobot.session.outgoing import Dropped, Outgoing, Wish
from cobot.session.rendering import Rendering

PICTURE = Media.from_url("https://pictures.test/1", name="1.png")
LETTER = Media.from_bytes(b"Dear ...", name="letter.txt")
THERE = Address("post", "chat", "thread")
REF = MessageRef("post", "chat", "1", "thread")


class Post:
    """A channel that only sends text, with limits."""

    channel = True

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        raise AssertionError("nothing is sent before it is stored")

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits | None:
        return self.limits


class Gallery(Post):
    """One that takes media too."""

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> str:
        raise AssertionError("nothing is sent before it is stored")


class Filter:
    """A plugin that has a function look at what goes out."""

    def __init__(self, look: Callable[[OutgoingMessage], Any], **attributes: Any) -> None:
        self.look = look
        vars(self).update(attributes)

    @hookimpl
    def session_outgoing(self, message: OutgoingMessage) -> Any:
        return self.look(message)


def outgoing(**plugins: Any) -> Outgoing:
    """Return what makes operations, over a channel `post` and others."""
    loaded = registry(**{"post": Post(), **plugins})
    capabilities = Capabilities(loaded)
    return Outgoing(loaded, capabilities, Rendering(loaded, capabilities), ManualClock())


def message(content: str = "hello", **fields: Any) -> OutgoingMessage:
    """Return a message to a thread."""
    return OutgoingMessage("post", "chat", content, thread_id="thread", **fields)


def texts(operations: list[Operation]) -> list[str]:
    """Return the texts of the messages of operations."""
    return [one.message.content for one in operations if one.message is not None]


async def made(asked: OutgoingMessage, key: str = "key", **plugins: Any) -> list[Operation]:
    """Return the operations that send a message."""
    return await outgoing(**plugins).operations(Wish.of_message(asked), key)


# One message.


async def test_a_message_is_one_operation_with_all_that_was_asked_for() -> None:
    """Nothing of a message or of the circumstances is lost on the way to the journal."""
    asked = message(reply_to="7", metadata={"silent": True}, format="plain")
    later = START + timedelta(hours=1)
    (operation,) = await outgoing().operations(
        Wish.of_message(asked),
        "key",
        conversation="talk",
        require=["send"],
        not_before=later,
    )

    assert operation == Operation(
        kind="send",
        address=THERE,
        key="key",
        message=attrs.evolve(asked, key="key", created_at=START),
        require=frozenset({"send"}),
        conversation="talk",
        not_before=later,
    )
    assert operation.message is not None
    assert operation.message.metadata == {"silent": True}


@pytest.mark.parametrize("key", ["", "a b", "ü", "k" * 26, "key\n"])
@pytest.mark.parametrize(
    "wish", [Wish.of_message(message()), Wish.of_change("delete", REF, THERE)]
)
async def test_a_key_that_no_network_takes_is_an_error(key: str, wish: Wish) -> None:
    """A key has 1 to 25 of A-Z a-z 0-9 and -; what is none is refused, not sent."""
    with pytest.raises(ValueError, match="key: expected 1 to 25 of A-Z a-z 0-9 -, got"):
        await outgoing().operations(wish, key)


async def test_metadata_that_is_not_json_is_an_error_that_names_key_and_address() -> None:
    """What could not be stored is said to whoever sends it."""
    with pytest.raises(PluginError, match=r"post/chat/thread .* metadata\.when is datetime"):
        await made(message(metadata={"when": START}))


async def test_a_message_to_a_channel_that_is_not_loaded_names_those_that_are() -> None:
    """A misspelt channel fails before anything is stored."""
    with pytest.raises(UnknownChannel, match="'pots'; loaded: post"):
        await made(OutgoingMessage("pots", "chat", "hello"))
    wish = Wish.of_change("delete", MessageRef("pots", "chat", "1"), THERE)
    with pytest.raises(UnknownChannel, match="'pots'; loaded: post"):
        await outgoing().operations(wish, "key")


# Changes.


@pytest.mark.parametrize(
    ("ref", "fields"), [(REF, {"ref": REF}), ("earlier", {"target": "earlier"})]
)
async def test_a_change_names_its_message_by_id_or_by_the_operation_that_makes_it(
    ref: MessageRef | str, fields: dict[str, Any]
) -> None:
    """An edit, a deletion and a reaction go to the place of the message that they change."""
    makes = outgoing()
    edit = Wish.of_change("edit", ref, THERE, content="new")
    delete = Wish.of_change("delete", ref, THERE)
    react = Wish.of_change("react", ref, THERE, emoji="👍")
    new_form = attrs.evolve(message("new"), key="a", created_at=START)

    assert [
        *await makes.operations(edit, "a"),
        *await makes.operations(delete, "b"),
        *await makes.operations(react, "c"),
    ] == [
        Operation(kind="edit", address=THERE, key="a", message=new_form, **fields),
        Operation(kind="delete", address=THERE, key="b", **fields),
        Operation(kind="react", address=THERE, key="c", emoji="👍", **fields),
    ]


def test_a_message_is_changed_where_it_is() -> None:
    """The address of a ref counts, not where somebody happens to be."""
    wish = Wish.of_change(
        "edit", MessageRef("post", "far", "1"), Address("post", "near"), content="n"
    )

    assert wish.address == Address("post", "far")
    assert wish.message is not None
    assert wish.message.address == Address("post", "far")


@pytest.mark.parametrize(
    "ref", [None, 7, message(), Operation(kind="send", address=THERE, key="k")]
)
def test_a_change_of_something_that_is_no_reference_is_an_error(ref: Any) -> None:
    """A Handle in place of its id is a slip that must not end in silence."""
    with pytest.raises(TypeError, match="expected a MessageRef or the id of a Handle, got"):
        Wish.of_change("delete", ref, THERE)
    with pytest.raises(ValueError, match="the id of a Handle is empty"):
        Wish.of_change("delete", "", THERE)


async def test_a_long_edit_has_as_many_parts_as_a_long_message() -> None:
    """Each part edits the part of its number, so all of them name the message."""
    wish = Wish.of_change("edit", REF, THERE, content="one two three")
    operations = await outgoing(post=Post(Limits(text=5))).operations(wish, "key")

    assert texts(operations) == ["one", "two", "three"]
    assert {one.kind for one in operations} == {"edit"}
    assert {one.ref for one in operations} == {REF}
    assert [(one.part, one.parts, one.whole) for one in operations] == [
        (0, 3, "key"),
        (1, 3, "key"),
        (2, 3, "key"),
    ]


# Filters.


async def test_filters_change_what_is_sent() -> None:
    """What is stored is what the last filter made of it, and is split after that."""
    loud = Filter(lambda one: attrs.evolve(one, content=one.content.upper()))
    twice = Filter(lambda one: attrs.evolve(one, content=one.content * 2))
    operations = await made(message("abc"), post=Post(Limits(text=4)), loud=loud, twice=twice)

    assert texts(operations) == ["ABCA", "BC"]


async def test_a_filter_that_drops_a_message_is_named() -> None:
    """Nothing is stored, and whoever sent it hears by whom it was stopped."""
    with pytest.raises(Dropped, match="dropped by the filter of censor"):
        await made(message(), censor=Filter(lambda _: DROP))


def failing(_message: object) -> Any:
    """Fail, as a plugin with a mistake in it."""
    raise ZeroDivisionError("division by zero")


async def test_a_filter_that_fails_is_passed_over_unless_it_fails_closed() -> None:
    """A filter's mistake lets the message pass, or stops it where its plugin says so."""
    assert texts(await made(message(), bad=Filter(failing))) == ["hello"]
    with pytest.raises(Rejected, match="the filter of bad failed"):
        await made(message(), bad=Filter(failing, fail_closed=True))


async def test_a_filter_may_put_media_on_a_message_and_take_them_off() -> None:
    """What is sent as media is what has media when the filters are done."""
    adds = Filter(lambda one: attrs.evolve(one, media=[PICTURE]))
    takes = Filter(lambda one: attrs.evolve(one, media=()))
    added = await made(message(), post=Gallery(), adds=adds)
    taken = await made(message(media=[PICTURE]), post=Gallery(), takes=takes)

    assert [one.kind for one in added] == ["media"]
    assert [one.kind for one in taken] == ["send"]


# Parts.


async def test_a_long_message_is_several_operations_that_belong_together() -> None:
    """Each part has its own key, and all name the first one's as that of the whole."""
    operations = await made(message("one two three", reply_to="7"), post=Post(Limits(text=5)))
    messages = [one.message for one in operations if one.message is not None]

    assert texts(operations) == ["one", "two", "three"]
    assert [(one.part, one.parts, one.whole) for one in operations] == [
        (0, 3, "key"),
        (1, 3, "key"),
        (2, 3, "key"),
    ]
    assert operations[0].key == "key"
    assert len({one.key for one in operations}) == 3
    assert all(KEY_PATTERN.fullmatch(one.key) for one in operations)
    assert [one.key for one in messages] == [one.key for one in operations]
    assert [one.reply_to for one in messages] == ["7", None, None]  # answered once
    assert {one.address for one in operations} == {THERE}


async def test_the_keys_of_parts_are_the_same_each_time() -> None:
    """A turn that runs again, or a send that is asked for again, sends nothing twice."""
    first, second, other = [
        [one.key for one in await made(message("a b c"), key, post=Post(Limits(text=2)))]
        for key in ("key", "key", "other")
    ]

    assert first == second
    assert not {*first} & {*other}


async def test_a_message_that_fits_is_one_operation_of_its_own() -> None:
    """Only what was split names a whole."""
    (operation,) = await made(message("12345"), post=Post(Limits(text=5)))

    assert (operation.part, operation.parts, operation.whole) == (0, 1, "")


@pytest.mark.parametrize(
    ("unit", "limit", "parts"),
    [("codepoints", 2, ["😀😀", "😀"]), ("utf16", 4, ["😀😀", "😀"]), ("bytes", 4, ["😀"] * 3)],
)
async def test_parts_are_measured_in_the_networks_unit(
    unit: Any, limit: int, parts: list[str]
) -> None:
    """What is counted as one character here is two or four elsewhere."""
    limits = Limits(text=limit, unit=unit)

    assert texts(await made(message("😀😀😀"), post=Post(limits))) == parts


# Media.


async def test_media_and_the_reply_stay_with_the_first_part() -> None:
    """What is longer than a caption follows as messages of their own, in the text's limit."""
    limits = Limits(text=10, caption=4)
    asked = message("one two three four", media=[PICTURE, LETTER], reply_to="7")
    operations = await made(asked, post=Gallery(limits))
    messages = [one.message for one in operations if one.message is not None]

    assert texts(operations) == ["one", "two three", "four"]
    assert [one.kind for one in operations] == ["media", "send", "send"]
    assert [one.media for one in messages] == [(PICTURE, LETTER), (), ()]
    assert [one.reply_to for one in messages] == ["7", None, None]


@given(
    content=st.text("ab \n😀"),
    caption=st.integers(0, 12) | st.none(),
    text=st.integers(2, 12) | st.none(),
)
async def test_no_text_beside_media_is_lost_or_too_long(
    content: str, caption: int | None, text: int | None
) -> None:
    """Caption and parts together are the text, up to parts of nothing but white space."""
    limits = Limits(text=text, caption=caption, unit="utf16")
    operations = await made(message(content, media=[PICTURE]), post=Gallery(limits))
    first, *others = texts(operations)

    assert "".join(content.split()) == "".join("".join([first, *others]).split())
    assert caption is None or limits.length(first) <= caption
    assert all(text is None or limits.length(other) <= text for other in others)
    assert all(other.strip() for other in others)


async def test_where_there_are_no_media_there_are_links() -> None:
    """A channel without media gets a line for each, split like any text."""
    asked = message("look", media=[PICTURE, LETTER], reply_to="7")
    whole = await made(asked)
    split = await made(asked, post=Post(Limits(text=30)))

    assert texts(whole) == ["look\nhttps://pictures.test/1\n[letter.txt]"]
    assert texts(split) == ["look\nhttps://pictures.test/1", "[letter.txt]"]
    assert [one.kind for one in whole] == ["media"]
    assert [one.kind for one in split] == ["media", "send"]
    assert all(one.message and not one.message.media for one in whole + split)


async def test_an_interceptor_may_take_media_for_a_channel() -> None:
    """What a plugin that is no channel does for it counts as native."""

    class Uploader:
        @hookimpl
        async def session_media(self, message: OutgoingMessage) -> None:
            return None

    (operation,) = await made(message(media=[PICTURE]), uploader=Uploader())

    assert operation.message is not None
    assert operation.message.media == (PICTURE,)


# What is required.


@pytest.mark.parametrize("missing", ["edit", "delete", "react", "typing", "presence", "media"])
async def test_what_is_required_and_missing_is_an_error_before_any_request(
    missing: str,
) -> None:
    """`require` gives Unsupported where the channel lacks one of the operations."""
    with pytest.raises(Unsupported, match=rf"no session_{missing}, and it is required"):
        await outgoing().operations(
            Wish.of_message(message()), "key", require=["send", missing]
        )


async def test_an_operation_of_no_such_name_cannot_be_required() -> None:
    """A misspelt requirement is not silently met; those that there are get named."""
    with pytest.raises(ValueError, match=r"no operation is called 'edt'; there are .*edit"):
        await outgoing().operations(Wish.of_message(message()), "key", require=["edt"])


async def test_a_channel_that_fails_to_tell_its_limits_has_none() -> None:
    """A mistake in `session_limits` costs the splitting and not the message."""

    class Broken(Post):
        @hookimpl
        def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
            raise ZeroDivisionError("division by zero")

    class Wrong(Post):
        @hookimpl
        def session_limits(self, channel_type: str, channel_id: str | None) -> Any:
            return 4096

    for channel in (Broken(), Wrong()):
        try:
            operations = await made(message("hello"), post=channel)
        except CobotError as error:
            pytest.fail(str(error))
        assert texts(operations) == ["hello"]
