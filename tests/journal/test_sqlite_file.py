"""What is the SQLite journal's own: its file, its memory, its disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from fakes import START

from cobot import Address, Media
from cobot.errors import JournalError
from cobot.journal import Job, Journal, Operation
from cobot.journal.ledger import CACHED_MOST
from cobot.journal.sqlite import SqliteJournal
from journal.conformance.harness import (
    PIGEON,
    ShiftedClock,
    answer_all,
    claim,
    conversation,
    deletion,
    edit,
    message,
    receipt,
    ref,
    row,
    send,
    send_all,
    take,
    take_one,
    texts,
)

PATIENCE_S = 20.0
HOUR_S = 3600.0


@attrs.define(eq=False)
class Rig:
    """A journal's file, and who opens it."""

    path: Path
    clock: ShiftedClock = attrs.field(factory=ShiftedClock)
    said: asyncio.Queue[str | None] = attrs.field(factory=asyncio.Queue)
    journals: list[SqliteJournal] = attrs.field(factory=list)

    async def open(self, **settings: Any) -> SqliteJournal:
        """Close the journal, if one is open, and open the file again."""
        await self.close()
        journal = await SqliteJournal.open(
            self.path, clock=self.clock, on_trouble=self.said.put_nowait, **settings
        )
        self.journals.append(journal)
        return journal

    async def close(self) -> None:
        """Close the journal, if one is open."""
        while self.journals:
            await self.journals.pop().close()

    def columns(self, query: str) -> list[Any]:
        """Return what a query finds in the file."""
        db = sqlite3.connect(self.path)
        found = [value for (value,) in db.execute(query)]
        db.close()
        return found


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a place for a journal."""
    rig = Rig(tmp_path / "journal.db")
    yield rig
    await rig.close()


async def test_more_than_fits_in_memory_comes_in_order(rig: Rig) -> None:
    """Of what waits only a part is kept in memory, and nobody can tell which."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    names = [str(number) for number in range(CACHED_MOST + 50)]
    await journal.publish(pigeon, [row(name, f"chat {int(name) % 60}") for name in names], {})
    await journal.enqueue([send(name, f"chat {int(name) % 60}") for name in names])

    answered: list[str] = []
    while jobs := await claim(journal, 60):
        await asyncio.gather(*(journal.settle(job, []) for job in jobs))
        answered += texts(jobs)
    sent: list[str] = []
    while deliveries := await take(journal, pigeon, 60):
        await journal.sent(pigeon, [(one, receipt(texts([one])[0])) for one in deliveries])
        sent += texts(deliveries)

    assert sorted(answered, key=int) == names
    assert sorted(sent, key=int) == names
    for chat in range(60):
        own = [name for name in names if int(name) % 60 == chat]
        assert [name for name in answered if int(name) % 60 == chat] == own
        assert [name for name in sent if int(name) % 60 == chat] == own


async def test_a_clock_that_was_set_back_while_nobody_ran_delays_nothing(rig: Rig) -> None:
    """What was to wait five seconds waits no hour because the machine's clock was mended."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    await journal.publish(pigeon, [row("1")], {})
    (job,) = await claim(journal)
    await journal.fail(job, "boom", 5.0)
    await journal.enqueue([send("one", not_before=START + timedelta(seconds=7))])
    rig.clock.set_back(HOUR_S)

    journal = await rig.open()
    pigeon = await journal.own(PIGEON)

    assert (await journal.claim(10)).wait_s == pytest.approx(5.0)
    assert (await journal.take(pigeon, 10, {})).wait_s == pytest.approx(7.0)


@pytest.mark.parametrize("reopens", [False, True])
async def test_bytes_of_media_are_kept_with_their_message(rig: Rig, reopens: bool) -> None:
    """A picture that waits is there when its turn comes, whole and in its order."""
    media = [Media.from_bytes(bytes([number]) * 9000, name=f"{number}") for number in range(3)]
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    shown = attrs.evolve(row("1"), item=attrs.evolve(message("1"), media=media))
    await journal.publish(pigeon, [shown], {})
    operation = send("2")
    assert operation.message is not None
    operation = attrs.evolve(
        operation, kind="media", message=attrs.evolve(operation.message, media=media)
    )
    await journal.enqueue([operation])

    if reopens:
        journal = await rig.open()
    (job,) = await claim(journal)
    delivery = await take_one(journal, await journal.own(PIGEON))

    assert job.messages[0].media == tuple(media)
    assert delivery.operation == operation


async def test_bytes_that_were_sent_are_not_kept(rig: Rig) -> None:
    """A file that was delivered takes no room; that it was sent is still known."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    picture = [Media.from_bytes(b"x" * 9000, name="a.png")]
    operation = send("1")
    assert operation.message is not None
    content = attrs.evolve(operation.message, media=picture)
    await journal.enqueue([attrs.evolve(operation, kind="media", message=content)])
    assert rig.columns("SELECT length(content) FROM blob") == [9000]

    await send_all(journal, pigeon)

    assert rig.columns("SELECT length(content) FROM blob") == []
    (happened,) = await journal.events(0)
    assert happened.operation is not None
    assert happened.operation.message is not None
    assert [one.name for one in happened.operation.message.media] == ["a.png"]


async def test_what_is_deleted_leaves_no_text_in_any_table(rig: Rig) -> None:
    """Neither the message nor its edits nor its files stay behind."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    picture = [Media.from_bytes(b"secret", name="secret.png")]
    shown = attrs.evolve(row("1"), item=attrs.evolve(message("1"), media=picture))
    changed = edit("1", "secret", START + timedelta(seconds=1))
    await journal.publish(pigeon, [shown, changed], {})
    await journal.publish(pigeon, [deletion("1", START + timedelta(seconds=2))], {})

    bodies = rig.columns("SELECT body FROM inbox")

    assert len(bodies) == 3
    assert not [body for body in bodies if "secret" in body]
    assert rig.columns("SELECT content FROM blob") == []


async def test_an_own_deletion_leaves_no_text_either(rig: Rig) -> None:
    """What the bot takes back, of its own or of others, is gone from the file."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    await journal.publish(pigeon, [row("theirs secret", id="theirs")], {})
    await journal.enqueue([send("ours secret", key="ours")])
    await journal.sent(pigeon, [(await take_one(journal, pigeon), receipt("made"))])
    chat = Address(PIGEON, "chat")
    await journal.enqueue(
        [
            Operation(kind="delete", address=chat, key="d1", ref=ref("theirs")),
            Operation(kind="delete", address=chat, key="d2", ref=ref("made")),
        ]
    )
    await send_all(journal, pigeon)

    kept = rig.columns("SELECT body FROM inbox UNION ALL SELECT body FROM operation")

    assert not [body for body in kept if "secret" in body]
    entries = await journal.history(conversation(), 10)
    assert [(one.content, one.deleted) for one in entries] == [("", True), ("", True)]


async def test_a_full_disk_delays_and_loses_nothing(rig: Rig) -> None:
    """Whoever stores waits; one line says why, and when there is room all of it is stored."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    await journal.enqueue([send("before")])
    await _pragma(journal, "max_page_count = 1")  # no less than there are: it is full now
    flood = [row(f"{number} {'x' * 5000}", id=f"{number}") for number in range(50)]
    publishing = asyncio.ensure_future(journal.publish(pigeon, flood, {"": "50"}))

    async with asyncio.timeout(PATIENCE_S):
        line = await rig.said.get()

    assert line is not None
    assert line == journal.trouble
    assert str(rig.path) in line
    assert "the disk is full" in line
    assert texts(await journal.history(conversation(), 10)) == ["before"]
    assert not publishing.done()

    journal._writer._db.execute("PRAGMA max_page_count = 100000")
    async with asyncio.timeout(PATIENCE_S):
        assert len(await publishing) == 50
    assert await rig.said.get() is None
    assert journal.trouble is None


async def test_a_stop_on_a_full_disk_ends_and_nothing_confirmed_is_lost(rig: Rig) -> None:
    """What was not stored was not confirmed, so the network hands it over again."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    await journal.publish(pigeon, [row("1")], {"": "1"})
    await claim(journal)
    await _pragma(journal, "max_page_count = 1")
    flood = [row("x" * 900_000, id="2")]
    publishing = asyncio.ensure_future(journal.publish(pigeon, flood, {"": "2"}))
    async with asyncio.timeout(PATIENCE_S):
        await rig.said.get()
        await rig.close()
    with pytest.raises(JournalError, match="the disk is full"):
        await publishing

    journal = await rig.open()

    assert (await journal.own(PIGEON)).cursors == {"": "1"}
    assert texts(await claim(journal)) == ["1"]


CALLS: dict[str, Callable[[Journal, Any], Awaitable[object]]] = {
    "own": lambda journal, _: journal.own(PIGEON),
    "known": lambda journal, _: journal.known(PIGEON, []),
    "publish": lambda journal, pigeon: journal.publish(pigeon, [], {}),
    "claim": lambda journal, _: journal.claim(1),
    "settle": lambda journal, _: journal.settle(Job(1, 1, (), "c"), []),
    "fail": lambda journal, _: journal.fail(Job(1, 1, (), "c"), "reason", None),
    "release": lambda journal, _: journal.release(Job(1, 1, (), "c")),
    "enqueue": lambda journal, _: journal.enqueue([]),
    "take": lambda journal, pigeon: journal.take(pigeon, 1, {}),
    "sent": lambda journal, pigeon: journal.sent(pigeon, []),
    "standing": lambda journal, _: journal.standing(PIGEON, "k"),
    "beat": lambda journal, _: journal.beat(),
    "reap": lambda journal, _: journal.reap(),
    "hold_only": lambda journal, _: journal.hold_only([]),
    "get": lambda journal, _: journal.get("key"),
    "put": lambda journal, _: journal.put({}),
    "history": lambda journal, _: journal.history("c", 1),
    "events": lambda journal, _: journal.events(0),
    "dead": lambda journal, _: journal.dead(),
    "backlog": lambda journal, _: journal.backlog(),
    "prune": lambda journal, _: journal.prune(START),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_closed_journal_says_so(rig: Rig, call: str) -> None:
    """Whoever still calls gets one clear line, and closing again does nothing."""
    journal = await rig.open()
    pigeon = await journal.own(PIGEON)
    await journal.close()

    with pytest.raises(JournalError, match=r"journal\.db' is closed"):
        await CALLS[call](journal, pigeon)
    await journal.close()


async def test_who_waits_for_room_learns_that_it_is_closed(rig: Rig) -> None:
    """A stop hangs on no flood."""
    journal = await rig.open(waiting_most=1)
    pigeon = await journal.own(PIGEON)
    await journal.publish(pigeon, [row("1")], {})
    publishing = asyncio.ensure_future(journal.publish(pigeon, [row("2")], {}))
    await journal.put({"round": 1})

    await journal.close()

    with pytest.raises(JournalError, match="is closed"):
        await publishing


async def test_without_a_limit_everything_is_kept(rig: Rig) -> None:
    """Who sets no keep_days loses no history."""
    journal = await rig.open(keep_days=None)
    await journal.publish(await journal.own(PIGEON), [row("1")], {})
    await answer_all(journal)
    rig.clock.advance(4000 * 24 * HOUR_S)

    assert await journal.prune(rig.clock.now()) == 0
    assert texts(await journal.history(conversation(), 10)) == ["1"]


async def test_much_is_pruned_in_steps(rig: Rig) -> None:
    """All of it goes, though no transaction takes more than a part."""
    journal = await rig.open(keep_days=1.0, dedupe_days=1.0)
    pigeon = await journal.own(PIGEON)
    await journal.publish(pigeon, [row(str(number), f"{number}") for number in range(1200)], {})
    await answer_all(journal)
    rig.clock.advance(2 * 24 * HOUR_S)
    await journal.publish(pigeon, [row("young")], {})

    assert await journal.prune(rig.clock.now()) == 1200
    assert rig.columns("SELECT native FROM inbox") == ["young"]


async def _pragma(journal: SqliteJournal, pragma: str) -> None:
    # Within a transaction of the journal's own, so that it is its own connection.
    await journal._writer.run(lambda db: db.execute(f"PRAGMA {pragma}").fetchall())
