"""The one thread that writes to the file, and what it does when the disk gives trouble.

What has gathered on the loop while the last group was being committed is the next group: one
transaction, one sync, however many asked. It is handed over once those who were told of the
last group have had their turn to ask for more. There is no timer: a lone request goes at once.

A disk that is full or read-only is no error of whoever asked: the group is kept and tried
again until it works or the writer is closed. So callers simply wait, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from asyncio import AbstractEventLoop, CancelledError, Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from cobot.errors import JournalError

RETRY_S = 1.0
"""Seconds between two attempts while the disk gives trouble."""

ROUNDS = 4
"""Rounds of the loop before what has gathered is handed over.

In the first run those who waited for a result, in the next the tasks that they wake or start.
A round with nothing to do costs 3 us, a commit 60 to 200.
"""

T = TypeVar("T")

Work: TypeAlias = Callable[[sqlite3.Connection], T]
"""Reads and writes within a transaction. It may run several times: it changes nothing else."""

Together: TypeAlias = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
"""Does several works of one kind at once; returns their results."""

_TROUBLE = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "it is read-only; make the file, its folder and its disk writable",
    sqlite3.SQLITE_IOERR: "the disk reports an input/output error ({name}); check the disk",
    sqlite3.SQLITE_CANTOPEN: "a file beside it cannot be opened; make its folder writable",
    sqlite3.SQLITE_PERM: "access is refused; make the file and its folder writable",
    sqlite3.SQLITE_BUSY: "another program is writing to it; end that program",
    sqlite3.SQLITE_LOCKED: "another program is writing to it; end that program",
    sqlite3.SQLITE_PROTOCOL: "another program is locking it; end that program",
    sqlite3.SQLITE_NOMEM: "there is no memory left; free some",
}
_RUINED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def trouble_of(error: sqlite3.Error) -> str | None:
    """Return what is wrong with the disk and what to do; None if it is not the disk."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    # The low byte is the kind of error, what is above it says more exactly which.
    known = _TROUBLE.get(code & 0xFF)
    return known and known.format(name=error.sqlite_errorname)


def is_ruined(error: sqlite3.Error) -> bool:
    """Return whether the file itself is damaged: no waiting will mend it."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _RUINED


def ruined(path: Path, detail: object) -> JournalError:
    """Return the error for a damaged file."""
    return JournalError(
        f"the journal {str(path)!r} is damaged ({detail}); put a copy in its place, mend it"
        f" with `sqlite3 {path} .recover`, or move it away to start with an empty one"
    )


@attrs.define(eq=False)
class _Request(Generic[T]):
    work: Work[T]
    future: Future[T]
    then: Callable[[T], None] | None
    unwanted: Callable[[T], None] | None
    failed: Callable[[], None] | None
    together: Together | None
    is_loose: bool
    result: Any = None
    error: Exception | None = None


class Writer:
    """Runs what it is given in transactions, in the order in which it was given."""

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path,
        *,
        on_trouble: Callable[[str | None], None],
        synchronous: str = "FULL",
        retry_s: float = RETRY_S,
    ) -> None:
        """Take over an open database; call it on the loop that it is to serve.

        Args:
            db: With `isolation_level=None`, usable in another thread.
            path: The file, for messages.
            on_trouble: Told on the loop what is wrong with the disk or the file, once for
                each thing, and None when it works again.
            synchronous: How commits are synced, as SQLite calls it.
            retry_s: Seconds between two attempts while there is trouble.
        """
        self._db = db
        self._path = path
        self._on_trouble = on_trouble
        self._synchronous = self._synchronous_now = synchronous
        self._retry_s = retry_s
        self._loop: AbstractEventLoop = asyncio.get_running_loop()
        self._gathered: list[_Request[Any]] = []
        self._is_busy = False  # the thread has a group, or is about to get one
        self._groups: SimpleQueue[list[_Request[Any]] | None] = SimpleQueue()
        self._is_closed = False
        self._giving_up = threading.Event()
        self._ended: Future[None] = self._loop.create_future()
        self._error: JournalError | None = None  # why nothing more can be written
        self._trouble: str | None = None  # what was told of last
        # A daemon: a process whose loop died must not hang on a writer that nobody closed.
        self._thread = threading.Thread(target=self._run, name="cobot-journal", daemon=True)
        self._thread.start()

    def submit(
        self,
        work: Work[T],
        then: Callable[[T], None] | None = None,
        *,
        unwanted: Callable[[T], None] | None = None,
        failed: Callable[[], None] | None = None,
        together: Together | None = None,
        is_loose: bool = False,
    ) -> Future[T]:
        """Have work done in a transaction.

        Args:
            work: What to do; runs in the writer's thread.
            then: Told the result on the loop, right after the commit and in the order of the
                requests, whether or not somebody still waits for it.
            unwanted: Told the result after that, if the future was cancelled.
            failed: Told on the loop if nothing was stored.
            together: Does this work and its neighbours with the same function at once.
            is_loose: Whether a commit of nothing but such requests may survive a killed
                process only, and not a power cut: it is then not synced.

        Raises:
            JournalError: The writer is closed, or the file is damaged.
        """
        if self._error is not None:
            raise self._error
        if self._is_closed:
            raise self._closed_error()
        request: _Request[T] = _Request(
            work, self._loop.create_future(), then, unwanted, failed, together, is_loose
        )
        self._gathered.append(request)
        if not self._is_busy:
            self._is_busy = True
            self._hand_over_soon()
        return request.future

    async def run(
        self,
        work: Work[T],
        then: Callable[[T], None] | None = None,
        *,
        unwanted: Callable[[T], None] | None = None,
        failed: Callable[[], None] | None = None,
        together: Together | None = None,
        is_loose: bool = False,
    ) -> T:
        """Have work done in a transaction and wait for the result; arguments as `submit`."""
        future = self.submit(
            work,
            then,
            unwanted=unwanted,
            failed=failed,
            together=together,
            is_loose=is_loose,
        )
        try:
            return await future
        except CancelledError:
            # Cancelled between the result and its reader: the future does not know of it.
            if unwanted and not future.cancelled() and future.exception() is None:
                unwanted(future.result())
            raise

    async def close(self) -> None:
        """Commit what was submitted, then close the file; in trouble, fail it instead."""
        if not self._is_closed:
            self._is_closed = True
            self._giving_up.set()
            if not self._is_busy:
                self._groups.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    # In the thread.

    def _run(self) -> None:
        while (group := self._groups.get()) is not None:
            self._attempt(group)
            self._tell(self._resolve, group)
        with suppress(sqlite3.Error):
            self._db.close()
        self._tell(self._end)

    def _attempt(self, group: Sequence[_Request[Any]]) -> None:
        """Run a group in one transaction; if one spoils it, each in one of its own."""
        while True:
            if self._error is not None:
                _spoil(group, self._error)
                return
            try:
                self._commit(group)
            except Exception as error:  # noqa: BLE001 -- whatever a request raises is its own
                self._roll_back()
                trouble = trouble_of(error) if isinstance(error, sqlite3.Error) else None
                if trouble is not None:
                    self._report(trouble)
                    if self._giving_up.wait(self._retry_s):
                        self._error = JournalError(self._sentence(trouble))
                elif isinstance(error, sqlite3.Error) and is_ruined(error):
                    self._error = ruined(self._path, error)
                    self._tell(self._on_trouble, str(self._error))
                elif len(group) == 1:
                    _spoil(group, error)
                    return
                else:
                    for request in group:
                        self._attempt([request])
                    return
            else:
                self._report(None)
                return

    def _commit(self, group: Sequence[_Request[Any]]) -> None:
        db = self._db
        self._set_synchronous("NORMAL" if all(one.is_loose for one in group) else None)
        db.execute("BEGIN IMMEDIATE")
        for together, neighbours in itertools.groupby(group, _together):
            if together is None:
                for request in neighbours:
                    request.result = request.work(db)
            else:
                several = list(neighbours)
                results = together(db, [request.work for request in several])
                for request, result in zip(several, results, strict=True):
                    request.result = result
        db.execute("COMMIT")

    def _set_synchronous(self, value: str | None) -> None:
        value = value or self._synchronous
        if value != self._synchronous_now:
            self._db.execute(f"PRAGMA synchronous = {value}")
            self._synchronous_now = value

    def _roll_back(self) -> None:
        if self._db.in_transaction:  # some errors have rolled back already
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    def _report(self, trouble: str | None) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._tell(self._on_trouble, trouble and self._sentence(trouble))

    def _sentence(self, trouble: str) -> str:
        return (
            f"the journal {str(self._path)!r} cannot be written: {trouble};"
            " until then nothing more is confirmed"
        )

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(callback, *arguments)

    # On the loop.

    def _hand_over_soon(self, rounds: int = ROUNDS) -> None:
        if rounds:
            self._loop.call_soon(self._hand_over_soon, rounds - 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        group, self._gathered = self._gathered, []
        if group:
            self._groups.put(group)
            return
        self._is_busy = False
        if self._is_closed:
            self._groups.put(None)

    def _resolve(self, group: Sequence[_Request[Any]]) -> None:
        for request in group:
            try:
                _finish(request)
            except Exception as error:  # noqa: BLE001 -- one that is told wrongly stops no other
                if not request.future.done():
                    request.future.set_exception(error)
        self._hand_over_soon()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _closed_error(self) -> JournalError:
        return JournalError(f"the journal {str(self._path)!r} is closed")


def _finish(request: _Request[Any]) -> None:
    future = request.future
    if request.error is not None:
        if request.failed is not None:
            request.failed()
        if not future.cancelled():
            future.set_exception(request.error)
        return
    if request.then is not None:
        request.then(request.result)
    if not future.cancelled():
        future.set_result(request.result)
    elif request.unwanted is not None:
        request.unwanted(request.result)


def _together(request: _Request[Any]) -> Together | None:
    return request.together


def _spoil(group: Sequence[_Request[Any]], error: Exception) -> None:
    for request in group:
        request.error = error
