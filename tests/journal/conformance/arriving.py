"""What comes in: publish, known, duplicates, too much of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import attrs
import pytest
from fakes import START

from cobot import IncomingMessage, Media
from cobot.errors import OwnershipLost
from cobot.journal import Backlog, Journal, Ownership, Row
from journal.conformance.harness import (
    OWL,
    PATIENCE_S,
    PIGEON,
    WAITING_MOST,
    Journals,
    Suite,
    answer_all,
    claim,
    claim_one,
    deletion,
    edit,
    reaction,
    row,
    send,
    send_all,
    settle_with,
    texts,
)


class TestPublish(Suite):
    """One transaction: rows, cursors, operations and small state."""

    async def test_the_keys_that_are_new_come_back(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Who publishes learns which of the items nobody had published before."""
        first, second = row("first"), row("second")
        await journal.publish(pigeon, [first], {})

        new = await journal.publish(pigeon, [first, second], {})

        assert set(new) == {second.key}

    async def test_a_message_comes_out_as_it_went_in(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What the agent sees is what the channel handed over, key and metadata included."""
        published = row("hello", thread="7")
        await journal.publish(pigeon, [published], {})

        job = await claim_one(journal)

        assert job.messages == (published.item,)
        assert job.conversation == published.conversation
        assert (job.tries, job.crashes, dict(job.drafts), dict(job.state)) == (0, 0, {}, {})

    async def test_nothing_of_a_message_is_forgotten(self, journals: Journals) -> None:
        """Every field of a message is after a crash what the channel handed over."""
        published = row("1")
        assert isinstance(published.item, IncomingMessage)
        item = attrs.evolve(
            published.item,
            content="a\0b \U0001f426 \u2028" * 10_000,
            timestamp=START + timedelta(microseconds=1),
            reply_to="0",
            media=(
                Media.from_url("https://pigeon.test/c", name="c"),
                Media.from_remote({"id": [1, None]}, name="d", content_type="image/png"),
            ),
            metadata={"raw": {"x": [0.5, None, True, "\U0001f426"]}},
            direct=True,
            mentioned=True,
            sender_is_bot=True,
            group="album",
            listed=False,
        )
        journal = await journals.open()
        await journal.publish(
            await journal.own(PIGEON), [attrs.evolve(published, item=item)], {}
        )

        journal = await journals.crash()

        (message,) = (await claim_one(journal)).messages
        assert message == item
        assert message.metadata == item.metadata

    async def test_cursors_come_back_from_own_after_a_crash(self, journals: Journals) -> None:
        """A channel goes on where its last stored batch ended."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("one")], {"north": "1"})

        journal = await journals.crash()

        assert (await journal.own(PIGEON)).cursors == {"north": "1"}
        assert texts(await claim(journal)) == ["one"]

    async def test_cursors_are_merged_by_name_and_kept_per_channel(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A channel may move one of its cursors and finds all of them when it comes back."""
        owl = await journal.own(OWL)
        await journal.publish(pigeon, [], {"north": "1", "south": "1"})
        await journal.publish(pigeon, [], {"north": "2"})
        await journal.publish(owl, [], {"north": "9"})

        assert (await journal.own(PIGEON)).cursors == {"north": "2", "south": "1"}
        assert (await journal.own("raven")).cursors == {}

    async def test_a_cursor_may_be_long_and_of_any_script(
        self, journals: Journals, journal: Journal, pigeon: Ownership
    ) -> None:
        """Networks choose the form of their cursors."""
        cursors = {"": "0" * 5000, "мост/大": "\u2028 'quoted\" \U0001f426"}
        await journal.publish(pigeon, [], cursors)

        journal = await journals.open()

        assert (await journal.own(PIGEON)).cursors == cursors

    async def test_operations_and_state_are_stored_with_the_rows(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An answer that the session gives by itself leaves with what it answers."""
        refused = row("hello", verdict="refused", reason="not paired")
        await journal.publish(
            pigeon, [refused], {}, operations=[send("your code")], state={"pairing/1": [1]}
        )

        assert await send_all(journal, pigeon) == ["your code"]
        assert await journal.get("pairing/1") == [1]

    async def test_what_cannot_be_stored_stores_nothing_of_its_batch(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A batch is stored whole or not at all, so that the network hands it over again."""
        published = row("hello")
        with pytest.raises((TypeError, ValueError)):
            await journal.publish(
                pigeon, [published], {"": "1"}, operations=[send("x")], state={"odd": object()}
            )

        assert not await journal.known(PIGEON, [published.key])
        assert not await journal.backlog()
        assert (await journal.own(PIGEON)).cursors == {}
        assert not await journal.events(0)

    async def test_a_refused_publish_stores_nothing(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A former owner of a channel moves neither its cursors nor its queue."""
        published = row("hello")
        await journal.own(PIGEON)

        with pytest.raises(OwnershipLost, match=PIGEON):
            await journal.publish(
                pigeon, [published], {"": "1"}, operations=[send("x")], state={"odd": 1}
            )

        assert not await journal.known(PIGEON, [published.key])
        assert not await journal.backlog()
        assert await journal.get("odd") is None
        assert (await journal.own(PIGEON)).cursors == {}

    @pytest.mark.parametrize("verdict", ["history", "refused", "dropped"])
    async def test_what_is_not_accepted_is_known_and_never_claimed(
        self, journal: Journal, pigeon: Ownership, verdict: str
    ) -> None:
        """What is not to be answered is stored all the same, and not looked at twice."""
        stopped = row("spam", verdict=verdict, reason="by the filter")

        assert set(await journal.publish(pigeon, [stopped], {})) == {stopped.key}
        assert set(await journal.known(PIGEON, [stopped.key])) == {stopped.key}
        assert not await claim(journal)
        assert not await journal.backlog()

    async def test_an_empty_publish_stores_nothing_and_is_no_error(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A sign of life is no message."""
        assert not await journal.publish(pigeon, [], {})
        assert not await journal.backlog()

    async def test_publishers_at_the_same_time_do_not_mix(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Two channels that hand over together each learn of their own items alone."""
        owl = await journal.own(OWL)
        ours, theirs = row("one", "a"), row("two", "b")

        new = await asyncio.gather(
            journal.publish(pigeon, [ours], {"": "1"}),
            journal.publish(owl, [theirs], {"": "2"}),
        )

        assert [set(one) for one in new] == [{ours.key}, {theirs.key}]
        assert (await journal.own(OWL)).cursors == {"": "2"}


class TestKnown(Suite):
    """Which items are stored already."""

    async def test_only_stored_keys_of_that_channel_are_known(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Two networks may use the same ids, so keys are kept for each channel apart."""
        stored, other = row("stored"), row("other")
        await journal.publish(pigeon, [stored], {})

        assert set(await journal.known(PIGEON, [stored.key, other.key])) == {stored.key}
        assert not await journal.known(OWL, [stored.key])

    @pytest.mark.parametrize(
        "other",
        [
            row("1", "other"),
            row("1", thread="1"),
            row("1", thread="0"),
            row("2"),
            edit("1", "edited", START),
            deletion("1", START),
        ],
        ids=["chat", "thread", "thread 0", "id", "edit", "deletion"],
    )
    async def test_an_id_counts_within_its_chat_and_thread(
        self, journal: Journal, pigeon: Ownership, other: Row
    ) -> None:
        """The same id in another chat or thread is another message."""
        await journal.publish(pigeon, [row("1")], {})

        assert not await journal.known(PIGEON, [other.key])
        assert set(await journal.publish(pigeon, [other], {})) == {other.key}

    async def test_keys_may_hold_any_character(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """Two versions that differ behind a zero character are two events."""
        rows = [
            attrs.evolve(one, key=attrs.evolve(one.key, version=version))
            for one in [reaction("1", "+", START)]
            for version in ("a\0b", "a\0c", "a", "'\"%/\U0001f426")
        ]

        new = await journal.publish(pigeon, rows, {})

        assert set(new) == {one.key for one in rows}
        assert set(await journal.known(PIGEON, [one.key for one in rows])) == set(new)

    async def test_many_keys_may_be_asked_for_at_once(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A batch may be larger than what one query of the store can name."""
        rows = [row(str(number), f"chat {number}") for number in range(1_000)]
        await journal.publish(pigeon, rows, {})

        known = await journal.known(PIGEON, [one.key for one in [*rows, row("new")]])

        assert set(known) == {one.key for one in rows}

    async def test_no_keys_are_known_of_none(self, journal: Journal) -> None:
        """An empty question has an empty answer."""
        assert not await journal.known(PIGEON, [])


class TestDuplicates(Suite):
    """What a network hands over again."""

    async def test_within_one_batch_the_first_counts(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """An item that stands in a batch twice is one message."""
        new = await journal.publish(pigeon, [row("first", id="1"), row("again", id="1")], {})

        assert len(new) == 1
        assert await answer_all(journal) == ["first"]

    async def test_across_batches_it_is_passed_over_and_the_cursor_moves(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A repetition is no error: the network is to be told that all of it arrived."""
        await journal.publish(pigeon, [row("hello")], {"": "1"})

        assert not await journal.publish(pigeon, [row("hello")], {"": "2"})
        assert await answer_all(journal) == ["hello"]
        assert (await journal.own(PIGEON)).cursors == {"": "2"}

    async def test_an_answered_message_stays_known_across_a_crash(
        self, journals: Journals
    ) -> None:
        """What was answered before the process died is not answered again."""
        journal = await journals.open()
        await journal.publish(await journal.own(PIGEON), [row("hello")], {})
        await settle_with(journal, send("answer"))

        journal = await journals.crash()

        assert not await journal.publish(await journal.own(PIGEON), [row("hello")], {})
        assert not await claim(journal)
        assert await journal.backlog() == Backlog(operations=1)

    async def test_a_batch_that_was_never_acknowledged_comes_again_whole(
        self, journals: Journals
    ) -> None:
        """Killed between storing and acknowledging, only what is new counts as new."""
        journal = await journals.open()
        rows = [row(str(number), f"chat {number % 3}") for number in range(9)]
        await journal.publish(await journal.own(PIGEON), rows[:6], {"": "6"})

        journal = await journals.crash()
        new = await journal.publish(await journal.own(PIGEON), rows, {"": "9"})

        assert set(new) == {one.key for one in rows[6:]}
        assert Counter(await answer_all(journal)) == Counter(map(str, range(9)))

    async def test_a_refused_message_is_not_accepted_the_second_time(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """What was decided about a message stays decided when it comes again."""
        await journal.publish(pigeon, [row("hello", verdict="refused", reason="closed")], {})

        assert not await journal.publish(pigeon, [row("hello")], {})
        assert not await claim(journal)


class TestTooMuch(Suite):
    """A flood is held back instead of filling the store."""

    async def test_publish_waits_for_room_and_goes_on(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """When too much of a channel waits, it is held back until something is answered."""
        flood = [row(str(number), f"chat {number}") for number in range(WAITING_MOST + 1)]
        await journal.publish(pigeon, flood, {})
        publishing = asyncio.create_task(journal.publish(pigeon, [row("next")], {"": "1"}))
        for _ in range(5):  # each is a round through the store
            await journal.put({"round": 1})

        assert not publishing.done()
        assert not await journal.known(PIGEON, [row("next").key])

        while jobs := await claim(journal, 100):
            for job in jobs:
                await journal.settle(job, [])
        async with asyncio.timeout(PATIENCE_S):
            assert set(await publishing) == {row("next").key}

    async def test_who_waits_for_room_learns_that_the_channel_is_lost(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A former owner does not wait for room that it may not use."""
        flood = [row(str(number), f"chat {number}") for number in range(WAITING_MOST + 1)]
        await journal.publish(pigeon, flood, {})
        publishing = asyncio.create_task(journal.publish(pigeon, [row("next")], {}))
        await journal.put({"round": 1})

        await journal.own(PIGEON)

        with pytest.raises(OwnershipLost):
            async with asyncio.timeout(PATIENCE_S):
                await publishing

    async def test_one_channel_does_not_wait_for_another(
        self, journal: Journal, pigeon: Ownership
    ) -> None:
        """A flood on one channel delays nobody on the next."""
        flood = [row(str(number), f"chat {number}") for number in range(WAITING_MOST + 1)]
        await journal.publish(pigeon, flood, {})
        other = row("hello", "other")

        async with asyncio.timeout(PATIENCE_S):
            new = await journal.publish(await journal.own(OWL), [other], {})

        assert set(new) == {other.key}
