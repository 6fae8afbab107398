"""Pigeon channels that each break one rule of the contract, and the test that finds it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from cobot import (
    Batch,
    ChannelError,
    Context,
    IncomingMessage,
    MessageRef,
    OutgoingMessage,
    RateLimited,
    Unreachable,
    hookimpl,
)
from cobot.hookspecs import Status
from cobot.messages import Item
from testing.pigeon import LETTER_CHARS, Pigeon, PigeonSettings
from testing.plain import PlainPigeon

DEAF_S = 3.0
"""Longer than the suite waits in these tests; then the thread ends."""

CONFIRMED = "test_nothing_is_confirmed_before_it_is_stored"
LONG_TEXT = "test_long_text_arrives_complete"
EDIT = "test_edit_is_seen"
OWN = "test_own_messages_are_left_out"
RATE = "test_rate_limit_is_kept"
STOP = "test_stop_leaves_nothing_behind"
TIMES = "test_times_are_aware"
UNKNOWN = "test_unknown_failure_is_no_success"


class ConfirmsEarly(Pigeon):
    """Confirms what it got before it hands it over."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        async for batch in super().session_receive(cursors):
            await self.call("confirm", offset=int(batch.cursors[""]))
            yield batch


class ConfirmsMeanwhile(Pigeon):
    """Confirms what it got while it is being stored, from a task of its own."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        async for batch in super().session_receive(cursors):
            offset = int(batch.cursors[""])
            confirming = asyncio.create_task(self.call("confirm", offset=offset))
            yield batch
            await confirming


class Swallows(Pigeon):
    """Takes whatever it does not understand for success."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        try:
            return await super().session_send(message)
        except ChannelError as error:
            if isinstance(error.__cause__, ValueError):
                return True
            raise


class EditsNothing(Pigeon):
    """Has an edit that does nothing."""

    @hookimpl
    async def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        return None


class Leaks(Pigeon):
    """Begins something that it never ends."""

    beating: asyncio.Task[Any]

    @hookimpl
    async def cobot_start(self) -> None:
        self.beating = asyncio.create_task(asyncio.Event().wait())


class TalksToItself(Pigeon):
    """Hands over the bot's own letters."""

    def is_wanted(self, letter: Mapping[str, Any]) -> bool:
        """Tell that all are wanted."""
        return True


class Naive(Pigeon):
    """Reads times without their zone."""

    def time(self, seconds: float) -> datetime:
        """Return a time of nobody knows where."""
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


class CutsOff(Pigeon):
    """Sends less than it says that it can."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        short = attrs.evolve(message, content=message.content[: LETTER_CHARS - 20])
        return await super().session_send(short)


class Impatient(Pigeon):
    """Tries again when it likes, whatever the network asks for."""

    def error(
        self, kind: type[ChannelError], call: str, detail: str, **fields: Any
    ) -> ChannelError:
        """Return an error without its wait."""
        fields.pop("retry_after_s", None)
        return super().error(kind, call, detail, **fields)


PLANTED: Mapping[type[Pigeon], str] = {
    ConfirmsEarly: CONFIRMED,
    ConfirmsMeanwhile: CONFIRMED,
    Swallows: UNKNOWN,
    EditsNothing: EDIT,
    Leaks: STOP,
    TalksToItself: OWN,
    Naive: TIMES,
    CutsOff: LONG_TEXT,
    Impatient: RATE,
}
"""By channel, the one test that fails."""


class DoesAllOfIt(
    ConfirmsEarly,
    ConfirmsMeanwhile,
    Swallows,
    EditsNothing,
    Leaks,
    TalksToItself,
    Naive,
    CutsOff,
    Impatient,
):
    """Breaks all of these rules at once."""


class ConfirmsAtTheStop(Pigeon):
    """Confirms what it got when it is stopped, stored or not."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        offset = 0
        try:
            async for batch in super().session_receive(cursors):
                offset = int(batch.cursors[""])
                yield batch
        finally:
            await self.call("confirm", offset=offset)


class CountsItself(Pigeon):
    """Makes up ids, anew each time."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        async for batch in super().session_receive(cursors):
            items = [
                attrs.evolve(one, id=f"{self.context.random.getrandbits(64)}")
                for one in batch.items
                if isinstance(one, IncomingMessage)
            ]
            yield Batch(items, batch.cursors)


class Misnames(Pigeon):
    """Tells ids that are not the network's."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        return f"mine-{await super().session_send(message)}"


class Confuses(Pigeon):
    """Takes every refusal for a lost connection."""

    def error(
        self, kind: type[ChannelError], call: str, detail: str, **fields: Any
    ) -> ChannelError:
        """Return always the same."""
        return super().error(Unreachable, call, detail, **fields)


class Babbles(Pigeon):
    """Says who it is when something goes wrong."""

    def error(
        self, kind: type[ChannelError], call: str, detail: str, **fields: Any
    ) -> ChannelError:
        """Return an error with everything in it."""
        detail = f"{detail}; asked as {self.settings.token.reveal()}"
        return super().error(kind, call, detail, **fields)


class Blocks(Pigeon):
    """Sleeps where it should wait."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        time.sleep(60)  # noqa: ASYNC251 -- it is the fault
        return await super().session_send(message)


class Hangs(Pigeon):
    """Waits for ever."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        await asyncio.Event().wait()


class GivesUp(Pigeon):
    """Receives no more once a connection has broken."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        try:
            async for batch in super().session_receive(cursors):
                yield batch
        except Unreachable:
            await asyncio.Event().wait()


class Immortal(Pigeon):
    """Has a task that does not even end when it is cancelled."""

    beating: asyncio.Task[None]

    @hookimpl
    async def cobot_start(self) -> None:
        self.beating = asyncio.create_task(_for_ever())


async def _for_ever() -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


class SaysTooMuch(Pigeon):
    """Puts into metadata what cannot be stored."""

    def item(self, letter: Mapping[str, Any]) -> Item:
        """Return a message with a time in its metadata."""
        item = super().item(letter)
        if isinstance(item, IncomingMessage):
            return attrs.evolve(item, metadata={"at": datetime.now(UTC)})
        return item


class LosesBytes(Pigeon):
    """Fetches files without their end."""

    @hookimpl
    async def session_fetch(
        self, channel_type: str, media: Any, path: Path, limit_bytes: int
    ) -> None:
        await super().session_fetch(channel_type, media, path, limit_bytes)
        path.write_bytes(path.read_bytes()[:-1])  # noqa: ASYNC240 -- it is small


class SaysAlways(Pigeon):
    """Has one mood."""

    @hookimpl
    async def session_presence(self, channel_type: str, status: Status, text: str) -> None:
        await super().session_presence(channel_type, "online", text)


class Deaf(PlainPigeon):
    """Receives in a thread that does not hear of the stop."""

    @hookimpl
    def session_receive(self, cursors: Mapping[str, str]) -> Batch:  # type: ignore[override]
        batch = super().session_receive(cursors)
        if not batch.items:
            time.sleep(DEAF_S)
        return batch


class AnswersLate(Pigeon):
    """Takes its own time for what the network asks for, and not the one that is passed in."""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Any:
        try:
            return await super().session_send(message)
        except RateLimited as error:
            await asyncio.sleep(error.retry_after_s or 0)
            return await super().session_send(message)


OTHERS: Mapping[type[Pigeon], str] = {
    ConfirmsAtTheStop: CONFIRMED,
    CountsItself: "test_message_that_comes_twice_is_answered_once",
    Misnames: "test_receipt_names_the_message",
    Confuses: "test_errors_are_told_apart",
    Babbles: "test_secrets_are_kept",
    Blocks: "test_any_text_goes_out_unchanged",
    Hangs: "test_receipt_names_the_message",
    GivesUp: "test_lost_connection_loses_nothing",
    Immortal: STOP,
    SaysTooMuch: "test_metadata_is_json",
    LosesBytes: "test_files_of_people_can_be_read",
    SaysAlways: "test_presence_is_seen",
    Deaf: STOP,
    AnswersLate: RATE,
}
"""By channel, a test that fails; others may."""


class CannotReceive(Pigeon):
    """Receives nothing, and says so."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        raise self.error(Unreachable, "poll", "no pigeon today")
        yield


class NeverStarts(Pigeon):
    """Starts for ever."""

    @hookimpl
    async def cobot_start(self) -> None:
        await asyncio.Event().wait()


class NeverStops(Pigeon):
    """Cannot be stopped: what it is told to end goes on."""

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        async for batch in super().session_receive(cursors):
            yield batch

    @hookimpl
    async def cobot_stop(self) -> None:
        await _for_ever()


class NotBuilt(Pigeon):
    """Cannot be built."""

    def __init__(self, settings: PigeonSettings, context: Context) -> None:
        raise OSError("no post today")


class Unmarked(Pigeon):
    """Has a hook whose marker was forgotten."""

    async def session_edit(  # noqa: D102 -- it is meant as a hook
        self, ref: MessageRef, message: OutgoingMessage
    ) -> None:
        await super().session_edit(ref, message)
