from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from fakes import START, JournalAround, ManualClock, incoming, journal_file, registry
from hypothesis import given
from hypothesis import strategies as st

from cobot import (
    DROP,
    Address,
    Batch,
    ChatMoved,
    IncomingMessage,
    JournalError,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    PluginError,
    ReactionChanged,
    Unreachable,
    hookimpl,
)
from cobot.config import AccessSettings, ChannelSettings
from cobot.journal import Journal, Key, Ownership, Row
from cobot.journal.keys import conversation_key
from cobot.plugins import Plugins
from cobot.session import ANYTHING
from cobot.session.access import Gate
from cobot.session.admission import Admission
from cobot.session.holding import Holding
from cobot.session.receiving import Receiver, item_key

PIGEON = "pigeon"
REF = MessageRef("", "chat", "1")


class RecordingJournal(JournalAround):
    """A journal that remembers what was new of what it was given."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self.published: list[tuple[list[Row], dict[str, str]]] = []

    async def publish(
        self, right: Ownership, rows: Sequence[Row], cursors: Mapping[str, str], **more: Any
    ) -> Collection[Key]:
        """Store it, and remember it."""
        new = await self.journal.publish(right, rows, cursors, **more)
        self.published.append(([row for row in rows if row.key in new], dict(cursors)))
        return new

    @property
    def rows(self) -> list[Row]:
        """What was published, in one list."""
        return [row for rows, _ in self.published for row in rows]

    @property
    def texts(self) -> list[str]:
        """What the messages say that were published."""
        return [row.item.content for row in self.rows if isinstance(row.item, IncomingMessage)]


class SlowJournal(JournalAround):
    """A journal on a disk that writes when the test says so."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self.asked = asyncio.Event()
        self.written = asyncio.Event()

    async def publish(self, right: Ownership, *what: Any, **more: Any) -> Collection[Key]:
        """Store it once the disk has written it."""
        self.asked.set()
        await self.written.wait()
        return await self.journal.publish(right, *what, **more)


class BrokenJournal(JournalAround):
    """A journal in a file that is damaged."""

    async def publish(self, right: Ownership, *what: Any, **more: Any) -> Collection[Key]:
        """Fail."""
        raise JournalError("the file is damaged")


class Pigeons:
    """A channel that hands over what it was made with, and then returns."""

    def __init__(self, *handed: Any) -> None:
        self.handed = handed
        self.cursors: list[dict[str, str]] = []
        self.acked: list[Any] = []
        self.closed = 0

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Any]:
        self.cursors.append(dict(cursors))
        try:
            for one in self.handed:
                if isinstance(one, BaseException) and not isinstance(one, ChatMoved):
                    raise one
                yield one
                self.acked.append(one)
        finally:
            self.closed += 1


class Filter:
    """A plugin that has a function look at what arrives."""

    def __init__(
        self, look: Callable[[IncomingMessage], Any], *, fail_closed: bool = False
    ) -> None:
        self.look = look
        self.fail_closed = fail_closed
        self.seen: list[IncomingMessage] = []

    @hookimpl
    def session_incoming(self, message: IncomingMessage) -> Any:
        self.seen.append(message)
        return self.look(message)


class Observer:
    """A plugin that notes what it observes, and tells when it has seen enough."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @hookimpl
    def session_on_receive(self, message: IncomingMessage) -> None:
        self.seen.append(message.content)

    @hookimpl
    def session_on_event(self, event: Any) -> None:
        self.seen.append(type(event).__name__)


def failing(_message: IncomingMessage) -> None:
    """Fail, as a plugin with a mistake in it."""
    raise ZeroDivisionError("division by zero")


class Receiving:
    """A receiver on one channel, with what it told the session."""

    def __init__(
        self,
        channel: Any,
        journal: Any,
        *,
        settings: ChannelSettings | None = None,
        access: AccessSettings = ANYTHING,
        clock: ManualClock | None = None,
        **others: Any,
    ) -> None:
        self.clock = clock or ManualClock()
        self.plugins: Plugins = registry(**others, pigeon=channel)
        self.alive = 0
        self.stored: list[Sequence[IncomingMessage]] = []
        self.moved: list[ChatMoved] = []
        self.gate = Gate(PIGEON, access, journal, self.clock, Random(1))
        self._receiver = Receiver(
            PIGEON,
            self.plugins,
            journal,
            Holding(PIGEON, journal),
            Admission(self.plugins, self.gate, access.policy),
            settings or ChannelSettings(),
            self.clock,
            on_alive=self._alive,
            on_stored=self.stored.append,
            on_moved=self.moved.append,
        )

    async def run(self) -> bool:
        """Call `session_receive` once, to its end."""
        caller = self.plugins.caller(PIGEON, "session_receive")
        assert caller is not None
        async with asyncio.timeout(5):
            await self.gate.open()
            return await self._receiver.run(caller)

    def _alive(self) -> None:
        self.alive += 1


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Journal]:
    """Return an empty journal."""
    async with journal_file(ManualClock(), path=tmp_path / "journal.db")() as journal:
        yield journal


@pytest.fixture
def journal(file: Journal) -> RecordingJournal:
    """Return an empty journal that remembers what it was given."""
    return RecordingJournal(file)


# The three forms of a receiver.


class AsyncPoll:
    """A channel that is polled by a coroutine."""

    handed: Any = (incoming("one"), incoming("two"))

    @hookimpl
    async def session_receive(self) -> Any:
        return self.handed


class PlainPoll:
    """A channel that is polled by a function that blocks."""

    handed: Any = (incoming("one"), incoming("two"))

    @hookimpl
    def session_receive(self) -> Any:
        return self.handed


async def test_an_async_generator_is_received_from(journal: RecordingJournal) -> None:
    """A channel that stays connected yields what arrives, until it is disconnected."""
    one, two = incoming("one"), incoming("two")

    again_at_once = await Receiving(Pigeons(Batch((one,)), two, [incoming("3")]), journal).run()

    assert journal.texts == ["one", "two", "3"]
    assert not again_at_once


@pytest.mark.parametrize("channel", [AsyncPoll, PlainPoll])
async def test_a_list_is_received_at_once(
    journal: RecordingJournal, channel: type[AsyncPoll] | type[PlainPoll]
) -> None:
    """A channel that is polled returns a list, which is one transaction."""
    again_at_once = await Receiving(channel(), journal).run()

    assert journal.texts == ["one", "two"]
    assert len(journal.published) == 1
    assert again_at_once


@pytest.mark.parametrize("channel", [AsyncPoll, PlainPoll])
async def test_an_empty_list_is_a_sign_of_life_and_no_more(
    journal: RecordingJournal, channel: type[AsyncPoll] | type[PlainPoll]
) -> None:
    """A poll without messages shows that the network answers."""
    polled = channel()
    polled.handed = []
    receiving = Receiving(polled, journal)

    assert not await receiving.run()
    assert receiving.alive == 1
    assert not journal.published


async def test_a_plain_function_may_return_a_coroutine(journal: RecordingJournal) -> None:
    """What a plain `def` returns may itself be awaited."""

    class Poll:
        @hookimpl
        def session_receive(self) -> Any:
            return AsyncPoll().session_receive()

    await Receiving(Poll(), journal).run()

    assert journal.texts == ["one", "two"]


# The ack rule.


async def test_control_returns_only_when_everything_is_stored(file: Journal) -> None:
    """A channel may confirm a message to its network once it runs again after `yield`."""
    batch = Batch((incoming("hello"),), {"": "7"})
    journal, channel = SlowJournal(file), Pigeons(batch)
    running = asyncio.create_task(Receiving(channel, journal).run())
    await journal.asked.wait()

    assert not channel.acked

    journal.written.set()
    await running
    assert channel.acked == [batch]
    assert (await file.own(PIGEON)).cursors == {"": "7"}
    assert len((await file.claim(9)).jobs) == 1


async def test_nothing_is_acked_when_storing_is_cancelled(file: Journal) -> None:
    """A stop in the middle of storing leaves the message with the network."""
    journal, channel = SlowJournal(file), Pigeons(Batch((incoming("hello"),)))
    running = asyncio.create_task(Receiving(channel, journal).run())
    await journal.asked.wait()

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert (channel.acked, channel.closed) == ([], 1)
    assert not await file.backlog()


async def test_nothing_is_acked_when_storing_fails(file: Journal) -> None:
    """A message that cannot be stored stays with the network; the error comes through."""
    channel = Pigeons(Batch((incoming("hello"),)))

    with pytest.raises(JournalError, match="damaged"):
        await Receiving(channel, BrokenJournal(file)).run()

    assert (channel.acked, channel.closed) == ([], 1)


async def test_a_batch_is_one_transaction(journal: RecordingJournal) -> None:
    """What arrived in one answer of the network is stored together, with its cursors."""
    batch = Batch([incoming(str(number)) for number in range(100)], {"": "100"})

    await Receiving(Pigeons(batch), journal).run()

    assert [(len(rows), cursors) for rows, cursors in journal.published] == [(100, {"": "100"})]


async def test_a_batch_with_cursors_alone_is_stored(journal: RecordingJournal) -> None:
    """A channel may move on without a message, past what was not meant for it."""
    await Receiving(Pigeons(Batch((), {"": "9"})), journal).run()

    assert (await journal.own(PIGEON)).cursors == {"": "9"}


async def test_an_empty_batch_is_a_sign_of_life(journal: RecordingJournal) -> None:
    """A channel whose network is quiet can show that it lives."""
    receiving = Receiving(Pigeons(Batch()), journal)

    await receiving.run()

    assert receiving.alive == 1
    assert not journal.published


async def test_cursors_are_handed_to_the_next_call(journal: RecordingJournal) -> None:
    """A channel goes on where what is stored ends."""
    channel = Pigeons(Batch((), {"north": "1"}), Batch((), {"south": "2"}))
    receiving = Receiving(channel, journal)

    await receiving.run()
    await receiving.run()

    assert channel.cursors == [{}, {"north": "1", "south": "2"}]


async def test_the_turns_are_told_of_what_is_stored(journal: RecordingJournal) -> None:
    """What was stored wakes whoever answers, and says where somebody has written."""
    receiving = Receiving(Pigeons(incoming("hello")), journal)

    await receiving.run()

    assert [[one.address for one in batch] for batch in receiving.stored] == [
        [Address(PIGEON, "chat")]
    ]


# Repetitions.


async def test_a_repetition_within_a_batch_is_passed_over(journal: RecordingJournal) -> None:
    """When an id stands in a batch twice, the first one counts."""
    first, second = incoming("first", id="1"), incoming("second", id="1")

    await Receiving(Pigeons(Batch((first, second))), journal).run()

    assert journal.texts == ["first"]


async def test_a_repetition_is_acked_and_no_filter_sees_it(journal: RecordingJournal) -> None:
    """A message that the network delivers again is confirmed again, and that is all."""
    again = Batch((incoming("hello"),))
    channel, looking = Pigeons(again, again), Filter(lambda message: None)

    await Receiving(channel, journal, looking=looking).run()

    assert journal.texts == ["hello"]
    assert len(looking.seen) == 1
    assert channel.acked == [again, again]


async def test_a_repetition_keeps_what_is_new_beside_it(journal: RecordingJournal) -> None:
    """A batch that overlaps with the one before brings what it adds."""
    one, two, three = (incoming(text) for text in ("1", "2", "3"))

    await Receiving(Pigeons(Batch((one, two)), Batch((one, three, two))), journal).run()

    assert journal.texts == ["1", "2", "3"]


async def test_one_id_in_two_chats_is_two_messages(journal: RecordingJournal) -> None:
    """Networks number messages within a chat, and some within a thread."""
    several = [
        incoming("a", id="1", channel_id="a"),
        incoming("b", id="1", channel_id="b"),
        incoming("c", id="1", channel_id="b", thread_id="t"),
    ]

    await Receiving(Pigeons(Batch(several)), journal).run()

    assert journal.texts == ["a", "b", "c"]


async def test_a_repetition_is_not_observed(journal: RecordingJournal) -> None:
    """Observers see a message once, and events as well."""
    observer = Observer()
    deleted = MessageDeleted(REF, START)
    channel = Pigeons(incoming("hello"), incoming("hello"), deleted, deleted)
    receiving = Receiving(channel, journal, watcher=observer)

    await receiving.run()
    await receiving.plugins["watcher"].observer.close(5)

    assert observer.seen == ["hello", "MessageDeleted"]


# What is stamped and checked.


def renamed(channel: str) -> list[Any]:
    """Return one item of each kind, all of a channel."""
    ref = MessageRef(channel, "chat", "1")
    message = incoming("hello", channel_type=channel)
    return [
        message,
        MessageEdited(incoming("edited", channel_type=channel, edited_at=START)),
        MessageDeleted(ref, START),
        ReactionChanged(ref, "person", "👍", True, START),
        ChatMoved(Address(channel, "old"), Address(channel, "new")),
    ]


@pytest.mark.parametrize("kind", range(5))
async def test_the_name_of_the_section_is_stamped_on_every_item(
    journal: RecordingJournal, kind: int
) -> None:
    """A channel need not know what it is called in the configuration."""
    await Receiving(Pigeons(renamed("something else")[kind]), journal).run()

    stored = journal.rows[0].item
    expected = renamed(PIGEON)[kind]
    if isinstance(stored, IncomingMessage):
        expected = attrs.evolve(expected, key=stored.key)
    if isinstance(stored, MessageEdited):
        # Under the key of the message that it changes.
        expected = MessageEdited(attrs.evolve(expected.message, key=stored.message.key))
    assert stored == expected


async def test_a_message_has_a_key_that_is_always_the_same(tmp_path: Path) -> None:
    """An agent with effects of its own can tell that it sees a message again."""
    keys = []
    for name in ("one.db", "other.db"):
        async with journal_file(ManualClock(), path=tmp_path / name)() as journal:
            await Receiving(Pigeons(incoming("1"), incoming("2")), journal).run()
            keys.append([job.messages[0].key for job in (await journal.claim(1)).jobs])

    assert keys[0] == keys[1] != [""]


async def test_a_naive_time_is_warned_about_once_per_channel(
    journal: RecordingJournal, caplog: pytest.LogCaptureFixture
) -> None:
    """A time without zone is taken as local time, and the plugin's author is told once."""
    naive = datetime(2026, 1, 1, 12)  # noqa: DTZ001 -- that is the case
    several = [incoming(text, timestamp=naive) for text in ("1", "2", "3")]

    await Receiving(Pigeons(several[0], Batch(several[1:])), journal).run()

    (warning,) = [one for one in caplog.messages if "time zone" in one]
    assert repr(PIGEON) in warning
    stored = [row.item.timestamp for row in journal.rows if hasattr(row.item, "timestamp")]
    assert stored == [naive.astimezone(UTC)] * 3


@pytest.mark.parametrize(
    ("metadata", "place"),
    [
        ({"raw": b"bytes"}, "metadata.raw is bytes"),
        ({"a": {"b": [1, {2, 3}]}}, r"metadata.a.b\[1\] is set"),
        ({"when": START}, "metadata.when is datetime"),
        ({"ratio": float("nan")}, "metadata.ratio is nan"),
        ({"by": {1: "int key"}}, "metadata.by has the key 1"),
    ],
)
async def test_metadata_that_is_not_json_is_refused(
    journal: RecordingJournal, metadata: Any, place: str
) -> None:
    """What cannot be stored is refused by name, with all of its batch, and not acked."""
    channel = Pigeons(Batch((incoming("good"), incoming("bad", metadata=metadata)), {"": "9"}))

    with pytest.raises(PluginError, match=f"'{PIGEON}'.*'bad'.*{place}"):
        await Receiving(channel, journal).run()

    assert not journal.published
    assert (channel.acked, channel.closed) == ([], 1)


async def test_metadata_of_an_edit_is_checked_as_well(journal: RecordingJournal) -> None:
    """The new form of a message is stored, so the same rule holds for it."""
    edited = MessageEdited(incoming("bad", edited_at=START, metadata={"raw": b""}))

    with pytest.raises(PluginError, match=r"metadata\.raw is bytes"):
        await Receiving(Pigeons(edited), journal).run()

    assert not journal.published


@pytest.mark.parametrize(
    ("handed", "said"),
    [
        ("hello", "handed over str"),
        (None, "handed over None"),
        ({"text": "hello"}, "handed over dict"),
        (["hello"], "handed over str in a batch"),
        (Batch(["hello"]), "handed over str in a batch"),  # type: ignore[list-item]
        (Batch([incoming("good"), None]), "handed over NoneType in a batch"),  # type: ignore[list-item]
    ],
)
async def test_a_wrong_item_is_refused(
    journal: RecordingJournal, handed: Any, said: str
) -> None:
    """The channel and what it handed over are named; nothing of it is stored or acked."""
    channel = Pigeons(handed)

    with pytest.raises(PluginError, match="session_receive") as raised:
        await Receiving(channel, journal).run()

    assert repr(PIGEON) in str(raised.value)
    assert said in str(raised.value)
    assert (journal.published, channel.acked, channel.closed) == ([], [], 1)


@pytest.mark.parametrize("returned", [None, "text", {"a": 1}, 7, incoming("alone")])
async def test_a_wrong_result_is_refused(journal: RecordingJournal, returned: Any) -> None:
    """A receiver that is no generator returns a list, even for one message."""
    channel = PlainPoll()
    channel.handed = returned

    with pytest.raises(PluginError, match=r"'pigeon'.* no list, Batch or async iterator"):
        await Receiving(channel, journal).run()

    assert not journal.published


# Filters.


async def test_filters_see_a_message_one_after_the_other(journal: RecordingJournal) -> None:
    """Each filter sees what the one before made of the message."""
    first = Filter(lambda message: with_text(message, "first"))
    second = Filter(lambda message: with_text(message, f"{message.content} second"))
    third = Filter(lambda message: None)
    others: dict[str, Any] = {"first": first, "second": second, "third": third}

    await Receiving(Pigeons(incoming("hello")), journal, **others).run()

    assert [one.seen[0].content for one in (first, second, third)] == [
        "hello",
        "first",
        "first second",
    ]
    assert journal.texts == ["first second"]


def with_text(message: IncomingMessage, content: str) -> IncomingMessage:
    """Return the message with another text."""
    return attrs.evolve(message, content=content)


async def test_a_filter_sees_messages_in_the_order_of_the_batch(
    journal: RecordingJournal,
) -> None:
    """A filter that counts or remembers can rely on the network's order."""
    looking = Filter(lambda message: None)
    several = [incoming(str(number)) for number in range(20)]

    await Receiving(Pigeons(Batch(several)), journal, looking=looking).run()

    assert [message.content for message in looking.seen] == [one.content for one in several]


async def test_a_dropped_message_is_stored_as_dropped(journal: RecordingJournal) -> None:
    """What a filter drops is not answered, and who dropped it is kept."""
    channel, observer = Pigeons(incoming("spam")), Observer()
    others: dict[str, Any] = {"guard": Filter(lambda message: DROP), "watcher": observer}
    receiving = Receiving(channel, journal, **others)

    await receiving.run()
    await receiving.plugins["watcher"].observer.close(5)

    assert [(row.verdict, row.reason) for row in journal.rows] == [("dropped", "by guard")]
    assert len(channel.acked) == 1
    assert not (await journal.claim(9)).jobs
    assert not observer.seen


async def test_a_filter_that_fails_is_passed_over(
    journal: RecordingJournal, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in a filter costs its opinion, and no message."""
    after = Filter(lambda message: None)

    await Receiving(
        Pigeons(incoming("hello")), journal, broken=Filter(failing), after=after
    ).run()

    assert [row.verdict for row in journal.rows] == ["accepted"]
    assert len(after.seen) == 1
    assert "'broken' failed in session_incoming: ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("look", [failing, lambda message: "text", lambda message: False])
async def test_a_filter_that_fails_closed_refuses(journal: RecordingJournal, look: Any) -> None:
    """Where a filter guards something, its failure stops the message, and is named."""
    channel = Pigeons(incoming("hello"))

    await Receiving(channel, journal, guard=Filter(look, fail_closed=True)).run()

    (row,) = journal.rows
    assert (row.verdict, row.reason) == ("refused", "the filter of guard failed")
    assert len(channel.acked) == 1
    assert not (await journal.claim(9)).jobs


async def test_a_filter_cannot_give_a_message_another_id(journal: RecordingJournal) -> None:
    """A changed id or address would be another message; such a change is passed over."""
    moving = Filter(lambda message: incoming("moved", channel_id="elsewhere"))

    await Receiving(Pigeons(incoming("hello")), journal, moving=moving).run()

    assert journal.texts == ["hello"]


async def test_a_filter_that_builds_a_new_message_leaves_it_its_key(
    journal: RecordingJournal,
) -> None:
    """The key is the session's own, whatever message a filter returns."""
    building = Filter(lambda one: incoming("new", id=one.id, channel_type=one.channel_type))
    await Receiving(Pigeons(incoming("one"), incoming("two")), journal, b=building).run()

    keys = [row.item.key for row in journal.rows if isinstance(row.item, IncomingMessage)]

    assert all(keys)
    assert len(set(keys)) == 2


# Conversations.


class Namer:
    """A plugin that decides on conversations."""

    def __init__(self, decide: Callable[[IncomingMessage], Any]) -> None:
        self.decide = decide

    @hookimpl
    async def session_conversation(self, message: IncomingMessage) -> Any:
        return self.decide(message)


async def test_a_plugin_may_say_which_conversation(journal: RecordingJournal) -> None:
    """The first plugin that knows decides; None leaves it to the next."""
    others: dict[str, Any] = {
        "shy": Namer(lambda message: None),
        "sure": Namer(lambda message: f"person {message.sender_id}"),
        "late": Namer(lambda message: "never asked"),
    }

    await Receiving(Pigeons(incoming("hello")), journal, **others).run()

    assert [row.conversation for row in journal.rows] == ["person person"]


@pytest.mark.parametrize("decide", [failing, lambda message: 7, lambda message: ""])
async def test_a_wrong_conversation_leaves_the_message_in_its_chat(
    journal: RecordingJournal, caplog: pytest.LogCaptureFixture, decide: Any
) -> None:
    """A mistake in a plugin costs its opinion, and no message."""
    await Receiving(Pigeons(incoming("hello")), journal, wrong=Namer(decide)).run()

    assert [row.conversation for row in journal.rows] == ["pigeon/chat"]
    assert "'wrong' failed in session_conversation" in caplog.text


IDS = st.text(st.sampled_from("a/%2F\0"), min_size=1, max_size=4)
ADDRESSES = st.builds(Address, IDS, IDS, st.none() | IDS)


@given(ADDRESSES, ADDRESSES)
def test_two_addresses_have_two_conversations(one: Address, other: Address) -> None:
    """No choice of ids makes one chat pass for another."""
    assert (conversation_key(one) == conversation_key(other)) == (one == other)


# What tells items apart.


def reaction(**fields: Any) -> ReactionChanged:
    """Return a reaction, but for the fields that a test names."""
    values: dict[str, Any] = {
        "ref": REF,
        "sender_id": "person",
        "emoji": "👍",
        "added": True,
        "timestamp": START,
    }
    return ReactionChanged(**{**values, **fields})


@pytest.mark.parametrize(
    ("item", "key"),
    [
        (incoming("1"), Key("chat", None, "message", "1")),
        (incoming("1", thread_id="t"), Key("chat", "t", "message", "1")),
        (
            MessageEdited(incoming("1", edited_at=START)),
            Key("chat", None, "edit", "1", START.isoformat()),
        ),
        (MessageDeleted(REF, START), Key("chat", None, "delete", "1")),
        (reaction(id="r7"), Key("chat", None, "reaction", "1", "r7")),
        (ChatMoved(Address("", "a"), Address("", "b")), Key("a", None, "moved", "b")),
    ],
)
def test_an_item_is_known_by_its_chat_kind_and_id(item: Any, key: Key) -> None:
    """The key holds what the network repeats when it delivers the item again."""
    assert item_key(item) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (incoming("1"), MessageDeleted(REF, START)),
        (incoming("1", edited_at=START), MessageEdited(incoming("1", edited_at=START))),
        (
            MessageEdited(incoming("1", edited_at=START)),
            MessageEdited(incoming("1", edited_at=START + timedelta(seconds=1))),
        ),
        (reaction(), reaction(added=False)),
        (reaction(), reaction(emoji="👎")),
        (reaction(), reaction(sender_id="another")),
        (reaction(), reaction(timestamp=START + timedelta(seconds=1))),
        (reaction(id="r1"), reaction(id="r2")),
    ],
)
def test_different_events_have_different_keys(one: Any, other: Any) -> None:
    """A second edit, or a reaction that is taken off, is no repetition of the first."""
    assert item_key(one) != item_key(other)


def test_the_same_reaction_has_the_same_key() -> None:
    """A reaction without an id of its own is known by who, what and when."""
    assert item_key(reaction()) == item_key(reaction())


# Channels that fail.


async def test_a_channel_error_comes_through_as_it_is(journal: RecordingJournal) -> None:
    """What the network said is for the supervisor to act on; what came before is kept."""
    error = Unreachable(PIGEON, "receive", "connection refused")
    channel = Pigeons(incoming("hello"), error)

    with pytest.raises(Unreachable) as raised:
        await Receiving(channel, journal).run()

    assert raised.value is error
    assert journal.texts == ["hello"]
    assert channel.closed == 1


async def test_any_other_error_is_the_plugins_own_fault(journal: RecordingJournal) -> None:
    """An exception that is no ChannelError is a mistake in the plugin, which is named."""
    channel = Pigeons(ValueError("no such field"))

    with pytest.raises(PluginError) as raised:
        await Receiving(channel, journal).run()

    assert str(raised.value) == (
        "plugin 'pigeon' failed in session_receive: ValueError: no such field"
    )
    assert isinstance(raised.value.__cause__, ValueError)


async def test_an_error_in_the_journal_is_not_blamed_on_the_channel(file: Journal) -> None:
    """What goes wrong while storing comes through as it is."""
    with pytest.raises(JournalError, match="damaged") as raised:
        await Receiving(AsyncPoll(), BrokenJournal(file)).run()

    assert not isinstance(raised.value, PluginError)


async def test_a_channel_that_fails_while_closing_is_named(journal: RecordingJournal) -> None:
    """Closing is the plugin's code too: its failure is a PluginError, nothing unknown."""

    class Clumsy:
        @hookimpl
        async def session_receive(self) -> AsyncIterator[Any]:
            try:
                yield "no item"
            finally:
                raise OSError("cannot close")

    with pytest.raises(PluginError, match="pigeon"):
        await Receiving(Clumsy(), journal).run()


async def test_a_channel_that_is_stopped_is_closed(journal: RecordingJournal) -> None:
    """When the session stops, the channel's `finally` runs."""
    connected, closed = asyncio.Event(), asyncio.Event()

    class Connected:
        @hookimpl
        async def session_receive(self) -> AsyncIterator[Any]:
            try:
                yield incoming("hello")
                connected.set()
                await asyncio.Event().wait()
            finally:
                closed.set()

    running = asyncio.create_task(Receiving(Connected(), journal).run())
    await connected.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert closed.is_set()
    assert journal.texts == ["hello"]


async def test_a_channel_that_cancels_something_of_its_own_has_failed(
    journal: RecordingJournal,
) -> None:
    """A CancelledError that nobody asked for is the plugin's fault, and no end of it."""

    class Tangled:
        @hookimpl
        async def session_receive(self) -> list[Any]:
            raise asyncio.CancelledError

    with pytest.raises(PluginError, match="pigeon"):
        await Receiving(Tangled(), journal).run()


async def test_log_of_a_good_run_is_empty(
    journal: RecordingJournal, caplog: pytest.LogCaptureFixture
) -> None:
    """Receiving says nothing while nothing is wrong."""
    with caplog.at_level(logging.INFO):
        await Receiving(Pigeons(incoming("hello")), journal).run()

    assert not caplog.messages
