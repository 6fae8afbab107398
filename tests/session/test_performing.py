from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
from fakes import START, registry

from cobot import (
    Address,
    DeliveryUnknown,
    Forbidden,
    Limits,
    Media,
    MessageNotFound,
    MessageRef,
    OutgoingMessage,
    RateLimited,
    Receipt,
    Rejected,
    Unreachable,
    Unsupported,
    hookimpl,
)
from cobot.journal import Delivery, Entry, Operation
from cobot.messages import Degradation, Json
from cobot.session.capabilities import Capabilities
from cobot.session.performing import DELETED_TEXT, QUOTE_CHARS, Performer
from cobot.session.rendering import Rendering
from cobot.text import Document, Rendered, plain_text

HERE = Address("post", "chat")
PICTURE = Media.from_url("https://pictures.test/1", name="1.png")
LETTER = Media.from_bytes(b"Dear ...", name="letter.txt")


def ref(id_: str) -> MessageRef:
    """Return a message of the chat."""
    return MessageRef("post", "chat", id_)


class Post:
    """A channel that notes what it is asked for, and has a function answer."""

    channel = True

    def __init__(self, answer: Callable[[str], Any] | None = None, **limits: Any) -> None:
        self.answer = answer
        self.limits = Limits(**limits)
        self.asked: list[tuple[Any, ...]] = []
        self.messages: list[OutgoingMessage] = []

    def told(self, operation: str, *words: Any) -> Any:
        """Note a call; return what it is to return."""
        self.asked.append((operation, *words))
        if self.answer is not None:
            return self.answer(operation)
        return f"new-{len(self.messages)}" if operation in ("send", "media") else None

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        self.messages.append(message)
        return self.told("send", message.content)

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return self.limits


class Edits(Post):
    """One that edits."""

    @hookimpl
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> Any:
        return self.told("edit", ref.id, message.content)


class Deletes(Post):
    """One that deletes."""

    @hookimpl
    async def session_delete(self, ref: MessageRef) -> Any:
        return self.told("delete", ref.id)


class Able(Edits, Deletes):
    """One that does everything."""

    @hookimpl
    async def session_react(self, ref: MessageRef, emoji: str | None) -> Any:
        return self.told("react", ref.id, emoji)

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> Any:
        self.messages.append(message)
        return self.told("media", message.content, len(message.media))


class History:
    """A journal with some messages in one conversation."""

    def __init__(self, conversation: str = "", *entries: Entry) -> None:
        self.conversation = conversation
        self.entries = entries

    async def history(self, conversation: str, limit: int) -> Sequence[Entry]:
        """Return them."""
        return self.entries if conversation == self.conversation else ()


def performer(post: Any, history: History | None = None, **plugins: Any) -> Performer:
    """Return what does the operations of a channel."""
    loaded = registry(post=post, **plugins)
    journal: Any = history or History()
    capabilities = Capabilities(loaded)
    rendering = Rendering(loaded, capabilities)
    return Performer("post", loaded, journal, capabilities, rendering)


def text(content: str = "hello", **fields: Any) -> OutgoingMessage:
    """Return a message to the chat."""
    return OutgoingMessage("post", "chat", content, key="key", **fields)


def delivery(
    kind: Any,
    message: OutgoingMessage | None = None,
    refs: str = "",
    *,
    unknowns: int = 0,
    prepared: Json = None,
    **fields: Any,
) -> Delivery:
    """Return an operation that was taken; `refs` are the ids of the messages it is about."""
    operation = Operation(kind=kind, address=HERE, key="key", message=message, **fields)
    return Delivery(
        1,
        operation,
        START,
        refs=tuple(map(ref, refs)),
        unknowns=unknowns,
        prepared=prepared,
        target_is_gone=not refs and kind in ("edit", "delete", "react"),
    )


def raising(operation: str, error: Exception) -> Callable[[str], Any]:
    """Return what raises when a channel is asked for an operation, and else does it."""

    def answer(asked: str) -> Any:
        if asked == operation:
            raise error
        return "new" if asked in ("send", "media") else None

    return answer


def unsupported(operation: str) -> Callable[[str], Any]:
    """Return what says that an operation cannot be done this time."""
    return raising(operation, Unsupported("post", operation, "not this time"))


# Sending.


async def test_a_message_is_sent_as_it_was_stored() -> None:
    """The channel gets the very message, without a mark that it may have arrived."""
    post = Post()
    receipt = await performer(post).perform(delivery("send", text()))

    assert receipt == Receipt([ref("new-1")])
    assert post.messages == [text()]
    assert not post.messages[0].unknown


async def test_a_repeated_send_says_so_and_brings_what_was_prepared() -> None:
    """With `unknown` the channel settles the earlier attempt first, by the same means."""
    post = Post()
    work = delivery("send", text(), unknowns=1, prepared={"event": 7})
    await performer(post).perform(work)

    assert post.messages == [attrs.evolve(text(), unknown=True, prepared={"event": 7})]


@pytest.mark.parametrize(
    ("result", "refs"),
    [
        ("7", ["7"]),
        (7, ["7"]),
        (["7", 8], ["7", "8"]),
        (Receipt([ref("7")], metadata={"x": 1}), ["7"]),
        (True, []),
    ],
)
async def test_what_a_channel_returns_becomes_a_receipt(result: Any, refs: list[str]) -> None:
    """An id, several, a Receipt, or True for "delivered, and no id is known"."""
    receipt = await performer(Post(lambda _: result)).perform(delivery("send", text()))

    assert [one.id for one in receipt.refs] == refs
    assert not receipt.degraded


@pytest.mark.parametrize("result", [None, "", [], [True], 1.5, [None], {"id": 7}, object()])
async def test_what_is_no_id_is_an_unknown_fate_that_names_the_hook(result: Any) -> None:
    """A channel that returns nothing of use may have sent the message all the same."""
    with pytest.raises(
        DeliveryUnknown, match=r"plugin 'post' returned .* from session_send instead of"
    ):
        await performer(Post(lambda _: result)).perform(delivery("send", text()))


async def test_false_is_an_unknown_fate() -> None:
    """False is a failure of which nobody knows how far it came."""
    with pytest.raises(DeliveryUnknown, match=r"returned False from session_send$"):
        await performer(Post(lambda _: False)).perform(delivery("send", text()))


async def test_a_plugins_mistake_is_an_unknown_fate_that_names_it() -> None:
    """What is no ChannelError says nothing about the message, and is the plugin's own."""
    with pytest.raises(DeliveryUnknown, match="plugin 'post' failed in session_send: KeyError"):
        await performer(Post(raising("send", KeyError("x")))).perform(delivery("send", text()))


async def test_an_interceptors_mistake_is_not_blamed_on_the_channel() -> None:
    """The error names the plugin that failed, and the channel was never asked."""

    class Faulty:
        @hookimpl
        async def session_send(self, message: OutgoingMessage) -> None:
            raise ZeroDivisionError("division by zero")

    post = Post()
    with pytest.raises(DeliveryUnknown, match="plugin 'faulty' failed in session_send"):
        await performer(post, faulty=Faulty()).perform(delivery("send", text()))
    assert post.asked == []


# Markup that a network refuses.

BOLD = Rendered("*hello*").json


class Picky(Post):
    """A channel whose network refuses messages for a part of them."""

    def __init__(self, field: str, *, also_plain: bool = False) -> None:
        super().__init__()
        self.field = field
        self.also_plain = also_plain

    def refuse(self, message: OutgoingMessage) -> None:
        """Refuse what is formatted."""
        self.messages.append(message)
        if self.also_plain or message.rendered == BOLD:
            raise Rejected("post", "send", "cannot be parsed", field=self.field)

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> str:
        self.refuse(message)
        return "7"

    @hookimpl
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        self.refuse(message)

    @hookimpl
    def session_render(self, channel_type: str, document: Document) -> Rendered:
        return Rendered(plain_text(document), ["escaped"])


@pytest.mark.parametrize(("kind", "refs"), [("send", ""), ("edit", "7")])
async def test_what_is_refused_for_its_markup_goes_out_once_more_as_plain_text(
    kind: Any, refs: str
) -> None:
    """A model's odd formatting costs the formatting and not the answer."""
    picky = Picky("markup")
    receipt = await performer(picky).perform(delivery(kind, text(rendered=BOLD), refs))

    assert receipt.refs == (ref("7"),)
    assert [one.content for one in picky.messages] == ["hello", "hello"]
    assert picky.messages[1].rendered == Rendered("hello", ["escaped"]).json


@pytest.mark.parametrize(
    ("picky", "tries"), [(Picky("text"), 1), (Picky("markup", also_plain=True), 2)]
)
@pytest.mark.parametrize(("kind", "refs"), [("send", ""), ("edit", "7")])
async def test_what_is_refused_for_something_else_is_refused(
    picky: Picky, tries: int, kind: Any, refs: str
) -> None:
    """It is tried without its markup only where that is at fault, and only once."""
    picky.messages.clear()
    with pytest.raises(Rejected, match="cannot be parsed"):
        await performer(picky).perform(delivery(kind, text(rendered=BOLD), refs))

    assert len(picky.messages) == tries


# Preparing.


class Signs(Post):
    """A channel that makes something before the first attempt."""

    @hookimpl
    async def session_prepare(self, message: OutgoingMessage) -> Any:
        return self.told("prepare")


async def test_what_is_prepared_is_what_the_channel_made() -> None:
    """The result of `session_prepare`, or None where a channel has no such thing."""
    assert await performer(Signs(lambda _: {"event": [1]})).prepare(text()) == {"event": [1]}
    assert await performer(Post()).prepare(text()) is None


@pytest.mark.parametrize("answer", [lambda _: object(), raising("prepare", KeyError("x"))])
async def test_a_mistake_in_preparing_means_that_nothing_was_sent(
    answer: Callable[[str], Any],
) -> None:
    """What cannot be stored, or was not made, is tried again: provably nothing happened."""
    with pytest.raises(Unreachable, match="plugin 'post' failed in session_prepare"):
        await performer(Signs(answer)).prepare(text())


# Editing.


@pytest.mark.parametrize("result", [None, True])
async def test_an_edited_message_keeps_its_id(result: Any) -> None:
    """None and True from the channel mean that it is done."""
    post = Edits(lambda _: result)
    receipt = await performer(post).perform(delivery("edit", text("new"), "1"))

    assert receipt == Receipt([ref("1")])
    assert post.asked == [("edit", "1", "new")]


async def test_an_edited_message_may_get_a_new_id() -> None:
    """A network whose edits are new messages tells the id that counts from now on."""
    receipt = await performer(Edits(lambda _: "2")).perform(delivery("edit", text("new"), "1"))

    assert receipt == Receipt([ref("2")])


@pytest.mark.parametrize(
    ("old", "new", "asked"),
    [
        ("1", "a", ["edit 1 a"]),
        ("12", "ab", ["edit 1 a", "edit 2 b"]),
        ("1", "ab", ["edit 1 a", "send b"]),
        ("123", "a", ["edit 1 a", "delete 2", "delete 3"]),
        ("123", "ab", ["edit 1 a", "edit 2 b", "delete 3"]),
        ("12", "abcd", ["edit 1 a", "edit 2 b", "send c", "send d"]),
    ],
)
async def test_parts_are_edited_one_to_one_sent_or_deleted(
    old: str, new: str, asked: list[str]
) -> None:
    """Part by part: what there is is edited, what is missing sent, what is left deleted."""
    post = Able()
    does = performer(post)
    degraded: list[str] = []
    for part, content in enumerate(new):
        work = delivery("edit", text(content), old, part=part, parts=len(new))
        degraded += (await does.perform(work)).degraded

    assert [" ".join(one) for one in post.asked] == asked
    assert degraded == []


@pytest.mark.parametrize(
    ("post", "how"), [(Edits(), "delete->edit"), (Able(unsupported("delete")), "delete->edit")]
)
async def test_a_part_that_cannot_be_deleted_is_degraded_and_said_to_be(
    post: Post, how: Degradation
) -> None:
    """What is left over of a longer old form says that it is deleted."""
    receipt = await performer(post).perform(delivery("edit", text("a"), "12"))

    assert receipt == Receipt([ref("1")], [how])
    assert post.asked[-1] == ("edit", "2", DELETED_TEXT)


@pytest.mark.parametrize("post", [Deletes(), Able(unsupported("edit"))])
async def test_where_nothing_can_be_edited_the_new_form_is_sent(post: Post) -> None:
    """Edit becomes a new message, named in the receipt, and the old one stays whole."""
    receipt = await performer(post).perform(delivery("edit", text("new"), "12"))

    assert receipt.degraded == ("edit->send",)
    assert [one for one in post.asked if one[0] != "edit"] == [("send", "new")]
    assert {one.id for one in receipt.refs}.isdisjoint("12")


async def test_all_parts_of_an_edit_are_sent_where_nothing_can_be_edited() -> None:
    """The new form appears in full, in order, and as new messages only."""
    post = Deletes()
    does = performer(post)
    for part, content in enumerate("abc"):
        await does.perform(delivery("edit", text(content), "12", part=part, parts=3))

    assert post.asked == [("send", "a"), ("send", "b"), ("send", "c")]


async def test_an_edit_of_nobody_knows_which_message_is_sent() -> None:
    """After a send whose id the network did not tell, an edit is a new message."""
    post = Able()
    receipt = await performer(post).perform(delivery("edit", text("new")))

    assert receipt == Receipt([ref("new-1")], ["edit->send"])
    assert post.asked == [("send", "new")]


async def test_an_edit_of_a_message_that_is_gone_is_an_error() -> None:
    """What somebody deleted is not sent anew behind his back."""
    post = Able(raising("edit", MessageNotFound("post", "edit", "gone")))
    with pytest.raises(MessageNotFound):
        await performer(post).perform(delivery("edit", text("new"), "1"))
    assert post.asked == [("edit", "1", "new")]


# Deleting.


async def test_deleting_deletes_all_parts() -> None:
    """A message that was split is gone as a whole."""
    post = Able()
    receipt = await performer(post).perform(delivery("delete", refs="123"))

    assert receipt == Receipt([ref("1"), ref("2"), ref("3")])
    assert post.asked == [("delete", "1"), ("delete", "2"), ("delete", "3")]


async def test_deleting_what_is_gone_is_a_success() -> None:
    """Somebody else was quicker, and that is what was wanted."""
    post = Able(raising("delete", MessageNotFound("post", "delete", "gone")))

    assert await performer(post).perform(delivery("delete", refs="1")) == Receipt([ref("1")])


@pytest.mark.parametrize("post", [Edits(), Able(unsupported("delete"))])
async def test_where_nothing_can_be_deleted_it_is_edited_to_say_so(post: Post) -> None:
    """Delete becomes an edit, named in the receipt once."""
    receipt = await performer(post).perform(delivery("delete", refs="12"))

    assert receipt == Receipt([ref("1"), ref("2")], ["delete->edit"])
    edits = [one for one in post.asked if one[0] == "edit"]
    assert edits == [("edit", "1", "(deleted)"), ("edit", "2", "(deleted)")]


@pytest.mark.parametrize(
    ("post", "refs"),
    [
        (Post(), "1"),
        (Edits(unsupported("edit")), "1"),
        (Edits(raising("edit", MessageNotFound("post", "edit", "gone"))), "1"),
        (Able(), ""),
    ],
    ids=["can neither", "not this time", "nothing to edit", "nobody knows which"],
)
async def test_where_it_cannot_be_edited_either_nothing_is_done(post: Post, refs: str) -> None:
    """Delete becomes nothing, named in the receipt, and no message is made of it."""
    receipt = await performer(post).perform(delivery("delete", refs=refs))

    assert receipt.degraded == ("delete->nothing",)
    assert post.messages == []


# Reacting.


@pytest.mark.parametrize("emoji", ["👍", None])
async def test_a_reaction_is_put_on_the_first_part(emoji: str | None) -> None:
    """None takes ours off."""
    post = Able()
    receipt = await performer(post).perform(delivery("react", refs="12", emoji=emoji))

    assert receipt == Receipt([ref("1")])
    assert post.asked == [("react", "1", emoji)]


@pytest.mark.parametrize(
    ("post", "refs"), [(Post(), "1"), (Able(unsupported("react")), "1"), (Able(), "")]
)
async def test_where_there_are_no_reactions_nothing_is_done(post: Post, refs: str) -> None:
    """React becomes nothing, named in the receipt."""
    receipt = await performer(post).perform(delivery("react", refs=refs, emoji="👍"))

    assert receipt.degraded == ("react->nothing",)
    assert post.messages == []


# Media.


async def test_media_go_to_their_own_hook_with_the_text_as_caption() -> None:
    """`session_send` never sees media."""
    post = Able()
    message = text("look", media=[PICTURE, LETTER])
    receipt = await performer(post).perform(delivery("media", message))

    assert receipt == Receipt([ref("new-1")])
    assert post.asked == [("media", "look", 2)]


async def test_media_that_became_links_when_stored_are_named_in_the_receipt() -> None:
    """The text has its links already; that it is no picture is said."""
    post = Post()
    receipt = await performer(post).perform(delivery("media", text("https://pictures.test/1")))

    assert receipt == Receipt([ref("new-1")], ["media->link"])
    assert post.asked == [("send", "https://pictures.test/1")]


async def test_media_that_turn_out_not_to_be_taken_become_links() -> None:
    """A file that this network will not have is a line of text, and its text is there."""
    post = Able(unsupported("media"))
    message = text("look", media=[PICTURE, LETTER])
    receipt = await performer(post).perform(delivery("media", message))

    assert receipt.degraded == ("media->link",)
    assert post.asked[1:] == [("send", "look\nhttps://pictures.test/1\n[letter.txt]")]
    assert not post.messages[-1].media


async def test_links_that_are_too_long_are_parts_with_keys_of_their_own() -> None:
    """A network that knows a key takes a second part under it for the first once more."""
    post = Able(unsupported("media"), text=30)
    message = text("look", media=[PICTURE, LETTER])
    await performer(post).perform(delivery("media", message))
    first, second = post.messages[1:]

    assert [first.content, second.content] == ["look\nhttps://pictures.test/1", "[letter.txt]"]
    assert first.key == "key"
    assert second.key not in ("key", "")


async def test_only_the_first_of_several_links_is_the_reply() -> None:
    """What became several messages answers once, by a quote where there are no replies."""

    class PlainText(NoReplies):
        @hookimpl
        async def session_media(self, message: OutgoingMessage) -> Any:
            raise Unsupported("post", "media", "only text")

    post, plain = Able(unsupported("media"), text=30), PlainText(text=30)
    work = delivery("media", text("look", media=[PICTURE, LETTER], reply_to="7"))
    await performer(post).perform(work)
    receipt = await performer(plain).perform(work)

    assert [one.reply_to for one in post.messages[1:]] == ["7", None]
    assert [one.reply_to for one in plain.messages] == [None, None]
    assert receipt.degraded == ("reply->quote", "media->link")


async def test_media_of_a_channel_that_lost_its_hook_become_links() -> None:
    """What was stored for a channel that took media is sent by one that does not."""
    post = Post()
    receipt = await performer(post).perform(delivery("media", text(media=[PICTURE])))

    assert receipt.degraded == ("media->link",)
    assert post.asked == [("send", "hello\nhttps://pictures.test/1")]


async def test_links_of_which_a_part_has_arrived_are_of_unknown_fate() -> None:
    """What failed after its first part must not look as if nothing had happened."""
    answers: list[Any] = ["1", RateLimited("post", "send", "slower", retry_after_s=7)]

    def answer(operation: str) -> Any:
        if operation == "media":
            raise Unsupported("post", "media", "too large")
        result = answers.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    message = text("look", media=[PICTURE, LETTER])
    with pytest.raises(DeliveryUnknown, match=r"1 of 2 messages arrived; slower") as raised:
        await performer(Able(answer, text=30)).perform(delivery("media", message))
    assert raised.value.retry_after_s == 7


# Replies.


def said(content: str, *ids: str) -> Entry:
    """Return what somebody said."""
    return Entry(role="user", address=HERE, content=content, timestamp=START, ids=ids)


class NoReplies(Able):
    """A channel whose network has no replies."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        self._refuse(message)
        return await super().session_send(message)

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> Any:
        self._refuse(message)
        return await super().session_media(message)

    def _refuse(self, message: OutgoingMessage) -> None:
        if message.reply_to is not None:
            raise Unsupported("post", "reply", "there are no replies here")


@pytest.mark.parametrize(
    ("conversation", "key"), [("", "post/chat"), ("people/ann", "people/ann")]
)
async def test_a_reply_becomes_a_quote(conversation: str, key: str) -> None:
    """The first line of what is answered stands before the answer, named in the receipt."""
    post = NoReplies()
    history = History(key, said("How are you?", "6"), said("\nAnd you?\nWell?", "7"))
    work = delivery("send", text(reply_to="7"), conversation=conversation)
    receipt = await performer(post, history).perform(work)

    assert receipt.degraded == ("reply->quote",)
    assert [one.content for one in post.messages] == ["> And you?\n\nhello"]


async def test_a_reply_to_what_nobody_knows_is_sent_without_a_quote() -> None:
    """The answer arrives all the same."""
    post = NoReplies()
    receipt = await performer(post).perform(delivery("send", text(reply_to="7")))

    assert receipt.degraded == ("reply->quote",)
    assert [one.content for one in post.messages] == ["hello"]


@pytest.mark.parametrize(
    ("limits", "quoted"),
    [
        ({}, "> " + "w" * QUOTE_CHARS + "\n\nhello"),
        ({"text": 14}, "> wwwww\n\nhello"),
        ({"text": 9}, "hello"),
        ({"text": 5}, "hello"),
        ({"text": 14, "unit": "bytes"}, "> wwwww\n\nhello"),
    ],
)
async def test_a_quote_is_as_short_as_the_message_needs(
    limits: dict[str, Any], quoted: str
) -> None:
    """The answer is never too long for its quote's sake: the quote gives way."""
    post = NoReplies(**limits)
    history = History("post/chat", said("w" * 1000, "7"))
    await performer(post, history).perform(delivery("send", text(reply_to="7")))

    assert [one.content for one in post.messages] == [quoted]


async def test_a_caption_is_quoted_within_its_own_limit() -> None:
    """Beside media it is the caption's limit that counts."""
    post = NoReplies(text=1000, caption=14)
    history = History("post/chat", said("w" * 1000, "7"))
    message = text(reply_to="7", media=[PICTURE])
    receipt = await performer(post, history).perform(delivery("media", message))

    assert receipt.degraded == ("reply->quote",)
    assert post.asked == [("media", "> wwwww\n\nhello", 1)]


# What is not degraded.


@pytest.mark.parametrize(
    ("kind", "message", "refs"),
    [
        ("edit", text("new"), "1"),
        ("edit", text("new"), ""),
        ("delete", None, "1"),
        ("delete", None, ""),
        ("react", None, "1"),
        ("react", None, ""),
        ("media", text(media=[PICTURE]), ""),
    ],
)
async def test_what_is_required_is_not_degraded(
    kind: Any, message: OutgoingMessage | None, refs: str
) -> None:
    """The next best is not good enough, also where that only turns out when it is tried."""
    post = Able(unsupported(kind))
    work = delivery(kind, message, refs, require=frozenset({kind}))
    with pytest.raises(Unsupported):
        await performer(post).perform(work)
    assert [one[0] for one in post.asked if one[0] != kind] == []


@pytest.mark.parametrize("kind", ["edit", "delete", "react", "media"])
async def test_what_is_required_and_an_interceptor_declines_is_not_degraded(kind: Any) -> None:
    """That some plugin has the hook is not enough: somebody must do it."""

    class Declining:
        @hookimpl
        async def session_edit(self) -> None:
            return None

        @hookimpl
        async def session_delete(self) -> None:
            return None

        @hookimpl
        async def session_react(self) -> None:
            return None

        @hookimpl
        async def session_media(self) -> None:
            return None

    post = Post()
    messages = {"edit": text("new"), "media": text(media=[PICTURE])}
    work = delivery(kind, messages.get(kind), "1", require=frozenset({kind}))
    with pytest.raises(Unsupported):
        await performer(post, declining=Declining()).perform(work)
    assert post.asked == []


@pytest.mark.parametrize("kind", ["send", "edit", "delete", "react", "media"])
@pytest.mark.parametrize("cls", [Forbidden, Rejected, Unreachable, DeliveryUnknown])
async def test_what_the_network_says_reaches_whoever_decides(kind: Any, cls: Any) -> None:
    """Only Unsupported is degraded: every other refusal is passed on as it is."""
    error = cls("post", kind, "no")
    messages = {"send": text(), "edit": text("new"), "media": text(media=[PICTURE])}
    work = delivery(kind, messages.get(kind), "1")
    with pytest.raises(cls) as raised:
        await performer(Able(raising(kind, error))).perform(work)
    assert raised.value is error


async def test_a_channel_that_cannot_send_at_all_says_so() -> None:
    """There is nothing that could be done in place of sending."""

    class Mute:
        channel = True

        @hookimpl
        async def session_typing(self) -> None:
            return None

    with pytest.raises(Unsupported, match="the channel has no session_send"):
        await performer(Mute()).perform(delivery("send", text()))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("send", text()),
        ("edit", text("new")),
        ("delete", None),
        ("react", None),
        ("media", text(media=[PICTURE])),
    ],
)
async def test_what_an_interceptor_takes_over_never_reaches_the_channel(
    kind: Any, message: OutgoingMessage | None
) -> None:
    """It counts as native: nothing is degraded, whatever the channel can do."""

    class Interceptor:
        @hookimpl
        async def session_send(self) -> str:
            return "taken"

        @hookimpl
        async def session_media(self) -> str:
            return "taken"

        @hookimpl
        async def session_edit(self) -> bool:
            return True

        @hookimpl
        async def session_delete(self) -> bool:
            return True

        @hookimpl
        async def session_react(self) -> bool:
            return True

    post = Post()
    work = delivery(kind, message, "1", require=frozenset({kind}))
    receipt = await performer(post, dry=Interceptor()).perform(work)

    assert receipt.degraded == ()
    assert post.asked == []
