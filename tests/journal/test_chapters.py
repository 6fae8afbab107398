"""The index by conversation: what was said lies in chapters, and is told as one story."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from fakes import ManualClock

from cobot import Address
from cobot.journal import Journal
from cobot.journal.rows import chapters
from cobot.journal.schema import STEPS, mark_closed, open_file
from cobot.journal.sqlite import SqliteJournal
from journal.conformance.harness import (
    PIGEON,
    claim_one,
    conversation,
    row,
    send,
    send_all,
    texts,
)

CHAPTER = 4096


@attrs.define(eq=False)
class Story:
    """A conversation of which each question and its answer are in a chapter of their own."""

    path: Path
    journal: SqliteJournal | None = None

    async def tell(self, *questions: str) -> SqliteJournal:
        """Ask, answer, and let many numbers pass, once for each question."""
        for question in questions:
            journal = await self.open()
            pigeon = await journal.own(PIGEON)
            await journal.publish(pigeon, [row(question), row(f"{question}?", "other")], {})
            while jobs := (await journal.claim(1)).jobs:
                answer = send(f"to {texts(jobs)[0]}", jobs[0].messages[0].channel_id)
                await journal.settle(jobs[0], [answer])
            await send_all(journal, pigeon)
            await self.close()
            self.skip(3 * CHAPTER)
        return await self.open()

    def skip(self, count: int) -> None:
        """Let numbers pass, as if all others had been busy."""
        db = sqlite3.connect(self.path)
        db.execute("UPDATE meta SET value = value + ? WHERE name = 'last_number'", (count,))
        db.commit()
        db.close()

    async def open(self) -> SqliteJournal:
        """Open the journal."""
        self.journal = await SqliteJournal.open(self.path, clock=ManualClock())
        return self.journal

    async def close(self) -> None:
        """Close it."""
        if self.journal is not None:
            journal, self.journal = self.journal, None
            await journal.close()


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    """Return a story that nobody has told yet."""
    story = Story(tmp_path / "journal.db")
    yield story
    await story.close()


async def said(journal: Journal, chat: str = "chat", limit: int = 10) -> list[str]:
    """Return what was said in a chat."""
    return texts(await journal.history(conversation(chat), limit))


async def test_history_goes_through_all_chapters(story: Story) -> None:
    """However long somebody was silent, what was said before is known, in order."""
    journal = await story.tell("a", "b", "c")

    assert await said(journal) == ["a", "to a", "b", "to b", "c", "to c"]
    assert await said(journal, limit=3) == ["to b", "c", "to c"]
    assert await said(journal, "other", limit=2) == ["c?", "to c?"]
    assert await said(journal, "nobody") == []


async def test_history_ends_where_it_is_asked_to(story: Story) -> None:
    """A turn sees what was said before its message, in whichever chapter that is."""
    journal = await story.tell("a", "b")
    pigeon = await journal.own(PIGEON)
    await journal.publish(pigeon, [row("now")], {})
    job = await claim_one(journal)
    await journal.publish(pigeon, [row("later")], {})

    entries = await journal.history(conversation(), 10, until=job.id)

    assert texts(entries) == ["a", "to a", "b", "to b", "now"]


async def test_a_message_in_parts_may_lie_in_two_chapters(story: Story) -> None:
    """It is one message all the same."""
    await story.open()
    await story.close()
    story.skip(CHAPTER - 3 - story_number(story))  # so two are left in the first one
    journal = await story.open()
    first = send("one", key="whole")
    parts = [
        attrs.evolve(first, whole="whole", parts=2),
        attrs.evolve(send("two", key="second"), whole="whole", part=1, parts=2),
    ]
    await journal.enqueue([send("before"), *parts])

    (_, whole) = await journal.history(conversation(), 10)

    assert whole.content == "one\ntwo"
    db = sqlite3.connect(story.path)
    numbers = [number for (number,) in db.execute("SELECT id FROM operation WHERE whole <> ''")]
    db.close()
    assert [number // CHAPTER for number in numbers] == [0, 1]


def story_number(story: Story) -> int:
    """Return the last number that was given."""
    db = sqlite3.connect(story.path)
    (number,) = db.execute("SELECT value FROM meta WHERE name = 'last_number'").fetchone()
    db.close()
    return int(number)


async def test_a_chat_that_moves_takes_all_chapters_along(story: Story) -> None:
    """Its story is told under its new name, and the other chats' under theirs."""
    journal = await story.tell("a", "b")

    await journal.rename(Address(PIGEON, "chat"), Address(PIGEON, "new"))

    assert await said(journal, "new") == ["a", "to a", "b", "to b"]
    assert await said(journal) == []
    assert await said(journal, "other") == ["a?", "to a?", "b?", "to b?"]


async def test_the_index_is_used(story: Story) -> None:
    """Who looks back at one conversation does not walk through all of them."""
    await story.tell("a")
    await story.close()
    db = sqlite3.connect(story.path)
    for table in ("inbox", "operation"):
        plan = db.execute(
            f"EXPLAIN QUERY PLAN SELECT id FROM {table} WHERE id >> 12 = ? AND conversation = ?"
            " ORDER BY id DESC",
            (0, ""),
        ).fetchall()
        assert [f"INDEX {table}_conversation" in step[3] for step in plan] == [True]
    assert [*chapters(db, "inbox")] == [0]
    db.close()


async def test_an_older_file_gets_its_chapters(story: Story) -> None:
    """What was stored before there were chapters is found through them."""
    await story.tell("a")
    await story.close()
    db = sqlite3.connect(story.path)
    db.executescript(
        "DROP INDEX inbox_conversation;"
        "CREATE INDEX inbox_conversation ON inbox (conversation);"
        "DROP INDEX operation_conversation;"
        "CREATE INDEX operation_conversation ON operation (conversation);"
        "PRAGMA user_version = 1;"
    )
    db.close()

    assert await said(await story.open()) == ["a", "to a"]

    await story.close()
    db, _ = open_file(story.path)
    assert db.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    mark_closed(db)
    db.close()
