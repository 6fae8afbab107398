"""What the journal costs a message, against the least that SQLite could do in its place.

Run `python benchmarks/journal.py`; README.md beside it says what the rows mean.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import queue
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from cobot import IncomingMessage, MessageRef, OutgoingMessage, Receipt
from cobot.clock import SystemClock
from cobot.journal import Delivery, End, Job, Key, Operation, Row
from cobot.journal.keys import conversation_key, message_key, operation_key
from cobot.journal.sqlite import SqliteJournal

CHANNEL = "bench"
CHATS = 1_000
TEXT = "good morning, is there any news about the parcel I asked for last week"
AHEAD = 1
"""Groups that each step may be ahead of the next one."""


class Cost(NamedTuple):
    """Microseconds for one message."""

    wall: float
    cpu: float


Ask = Callable[[Sequence[int]], Awaitable[None]]


def groups(messages: int, size: int) -> Iterator[range]:
    """Return the messages' numbers, some at a time."""
    return (range(at, min(at + size, messages)) for at in range(0, messages, size))


@contextlib.contextmanager
def measuring(messages: int) -> Iterator[list[Cost]]:
    """Measure what is done inside; the cost is in the list afterwards."""
    costs: list[Cost] = []
    # What was made beforehand is not to be walked through by the collector meanwhile.
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    yield costs
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    gc.unfreeze()
    costs.append(Cost(wall / messages * 1e6, cpu / messages * 1e6))


# The reference.

TABLES = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE received (id INTEGER PRIMARY KEY, chat INTEGER, body TEXT, done INTEGER);
CREATE TABLE outgoing (id INTEGER PRIMARY KEY, chat INTEGER, body TEXT, done INTEGER);
CREATE INDEX received_open ON received (id) WHERE done = 0;
CREATE INDEX outgoing_open ON outgoing (id) WHERE done = 0;
"""


@contextlib.asynccontextmanager
async def reference_writer(path: Path) -> AsyncIterator[Ask]:
    """Run the thread that writes; give what has a group written and waits for it."""
    loop = asyncio.get_running_loop()
    asked: queue.SimpleQueue[tuple[asyncio.Future[None], Sequence[int]] | None]
    asked = queue.SimpleQueue()
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.executescript(TABLES)

    def write() -> None:
        execute = database.execute
        while (one := asked.get()) is not None:
            stored, numbers = one
            execute("BEGIN IMMEDIATE")
            for number in numbers:
                chat = number % CHATS
                execute("INSERT OR IGNORE INTO received VALUES (?,?,?,0)", (number, chat, TEXT))
                execute("INSERT OR IGNORE INTO outgoing VALUES (?,?,?,0)", (number, chat, TEXT))
                execute("UPDATE received SET done = 1 WHERE id = ?", (number,))
                execute("UPDATE outgoing SET done = 1 WHERE id = ?", (number,))
            execute("COMMIT")
            loop.call_soon_threadsafe(stored.set_result, None)

    async def ask(numbers: Sequence[int]) -> None:
        stored: asyncio.Future[None] = loop.create_future()
        asked.put((stored, numbers))
        await stored

    thread = threading.Thread(target=write, name="reference")
    thread.start()
    try:
        yield ask
    finally:
        asked.put(None)
        thread.join()
        database.close()


async def reference(path: Path, messages: int, size: int) -> Cost:
    """Do the least: two rows a message, each written twice, in groups."""
    async with reference_writer(path) as write:
        with measuring(messages) as costs:
            for numbers in groups(messages, size):
                await write(numbers)
    return costs[0]


# The journal.


def row(number: int) -> Row:
    """Return a message as the session hands it to the journal."""
    key = Key(f"chat-{number % CHATS}", None, "message", str(number))
    item = IncomingMessage(
        key.id,
        CHANNEL,
        key.channel_id,
        "person",
        "A Person",
        TEXT,
        datetime.now(UTC),
        key=message_key(CHANNEL, key),
    )
    return Row(key, item, conversation_key(item.address))


def answer(one: Row) -> Operation:
    """Return what answers a message."""
    assert isinstance(one.item, IncomingMessage)
    key = operation_key(one.item.key, 0)
    message = OutgoingMessage(CHANNEL, one.item.channel_id, TEXT, key=key)
    return Operation(kind="send", address=message.address, key=key, message=message)


def made(one: Operation) -> Receipt:
    """Return what a network says to an answer."""
    return Receipt((MessageRef(CHANNEL, one.address.channel_id, f"made-{one.key}"),))


async def publish(path: Path, messages: int, size: int) -> Cost:
    """Publish in batches, one after the other."""
    batches = [[row(number) for number in numbers] for numbers in groups(messages, size)]
    journal = await SqliteJournal.open(path, clock=SystemClock(), synchronous="FULL")
    ownership = await journal.own(CHANNEL)
    with measuring(messages) as costs:
        for batch in batches:
            await journal.publish(ownership, batch, {"": batch[-1].key.id})
    backlog = await journal.backlog()
    assert backlog.jobs == messages
    await journal.close()
    return costs[0]


async def publish_to_sent(path: Path, messages: int, size: int) -> Cost:
    """Publish, claim, settle, take and record in groups, each step on a group of its own."""
    batches = [[row(number) for number in numbers] for numbers in groups(messages, size)]
    answers = {one.key.id: answer(one) for batch in batches for one in batch}
    receipts = {one.key: made(one) for one in answers.values()}
    journal = await SqliteJournal.open(path, clock=SystemClock(), synchronous="FULL")
    ownership = await journal.own(CHANNEL)
    published: asyncio.Queue[int] = asyncio.Queue(AHEAD)
    claimed: asyncio.Queue[Sequence[Job]] = asyncio.Queue(AHEAD)
    settled: asyncio.Queue[int] = asyncio.Queue(AHEAD)
    taken: asyncio.Queue[Sequence[Delivery]] = asyncio.Queue(AHEAD)

    async def receive() -> None:
        for batch in batches:
            await journal.publish(ownership, batch, {"": batch[-1].key.id})
            await published.put(len(batch))

    async def claim() -> None:
        for _ in batches:
            count = await published.get()
            jobs = (await journal.claim(count)).jobs
            assert len(jobs) == count
            await claimed.put(jobs)

    async def settle() -> None:
        for _ in batches:
            jobs = await claimed.get()
            await journal.settle_all([End(job, [answers[job.messages[0].id]]) for job in jobs])
            await settled.put(len(jobs))

    async def take() -> None:
        for _ in batches:
            count = await settled.get()
            deliveries = (await journal.take(ownership, count, {})).deliveries
            assert len(deliveries) == count
            await taken.put(deliveries)

    async def record() -> None:
        for _ in batches:
            results = [(one, receipts[one.operation.key]) for one in await taken.get()]
            await journal.sent(ownership, results)

    with measuring(messages) as costs:
        await asyncio.gather(receive(), claim(), settle(), take(), record())
    backlog = await journal.backlog()
    assert not backlog
    await journal.close()
    return costs[0]


# The rounds.


class Case(NamedTuple):
    """One row of the table."""

    name: str
    run: Callable[[Path, int, int], Awaitable[Cost]]
    size: int
    against: str = ""
    """The row that it is measured against, empty for a reference."""
    by: str = ""
    """What is compared: `wall` or `cpu`."""


CASES = (
    Case("reference, groups of 100", reference, 100),
    Case("publish, batches of 100", publish, 100, "reference, groups of 100", "wall"),
    Case("reference, groups of 10", reference, 10),
    Case(
        "publish to sent, groups of 10", publish_to_sent, 10, "reference, groups of 10", "cpu"
    ),
)


def measure(rounds: int, messages: int, folder: Path | None) -> list[dict[str, Cost]]:
    """Run every case once a round, forwards and backwards in turn."""
    measured: list[dict[str, Cost]] = []
    for number in range(rounds):
        costs: dict[str, Cost] = {}
        for case in CASES if number % 2 == 0 else CASES[::-1]:
            with tempfile.TemporaryDirectory(prefix="cobot-bench-", dir=folder) as there:
                path = Path(there) / "journal.db"
                costs[case.name] = asyncio.run(_run(case, path, messages))
        measured.append(costs)
    return measured


async def _run(case: Case, path: Path, messages: int) -> Cost:
    return await case.run(path, messages, case.size)


def table(measured: Sequence[dict[str, Cost]]) -> str:
    """Return the medians, and the medians of the ratios within each round."""
    lines = [f"{'microseconds a message':<32}{'wall':>8}{'CPU':>8}   ratio (quartiles)"]
    for case in CASES:
        wall = median(costs[case.name].wall for costs in measured)
        cpu = median(costs[case.name].cpu for costs in measured)
        line = f"{case.name:<32}{wall:>8.1f}{cpu:>8.1f}"
        if case.against:
            ratios = sorted(
                getattr(costs[case.name], case.by) / getattr(costs[case.against], case.by)
                for costs in measured
            )
            low, high = ratios[len(ratios) // 4], ratios[len(ratios) * 3 // 4]
            what = "wall" if case.by == "wall" else "CPU"
            line += f"   {median(ratios):.2f} of its {what} ({low:.2f} to {high:.2f})"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-r", type=int, default=9, metavar="ROUNDS", help="default 9")
    parser.add_argument("-n", type=int, default=2_000, metavar="MESSAGES", help="default 2000")
    parser.add_argument("--dir", type=Path, help="folder for the files")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        # Two cores would make each hand-over between threads dearer, and by luck.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sys.stdout.write(table(measure(arguments.r, arguments.n, arguments.dir)) + "\n")


if __name__ == "__main__":
    main()
