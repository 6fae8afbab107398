"""Checks of what comes in."""

from __future__ import annotations

import asyncio

from cobot.errors import CobotError
from cobot.hookspecs import Conversation
from cobot.journal import Row
from cobot.messages import (
    IncomingMessage,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    find_not_json,
)
from cobot.testing.bench import Bench
from cobot.testing.broken import ContractBroken
from cobot.testing.running import Running

TEXT = "what time is it?"
AFTER = "and now?"
"""Written after something that must not come, or not come again, to know when to look."""

UNICODE = (
    "Zu\u0308rich Z\u00fcrich \u05e9\u05dc\u05d5\u05dd \u65e5\u672c\u8a9e \U0001d518"
    " \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e8\U0001f1ed <b> &amp; \\ \" '"
)
"""Combining marks, right to left, beyond the first plane, joined emoji, mark-up of others."""

CONFIRM_S = 0.1
"""How long a confirmation that comes too early is waited for; of the machine's time."""

FILE = "notes.txt"
CONTENT = bytes(range(256)) * 40


async def as_written(bench: Bench) -> None:
    """Compare a message with what the network knows of it."""
    network = bench.network
    async with bench.running() as bot:
        id_ = await network.person_writes(TEXT)
        message = await bot.question(TEXT)
        for field, expected in (
            ("id", id_),
            ("channel_type", bot.name),
            ("channel_id", network.chat),
            ("sender_id", network.person),
        ):
            found = getattr(message, field)
            if expected is not None and found != expected:
                raise ContractBroken(
                    f"A message has the {field} that the network gave it",
                    f"{field} is {found!r} and not {expected!r}",
                    "copy the network's own id",
                )


async def times(bench: Bench) -> None:
    """Look for times without a zone in all that is handed over."""
    async with bench.running() as bot:
        await bench.network.person_writes(TEXT)
        await bot.question(TEXT)
        for message in _messages(bot):
            if message.naive:
                raise ContractBroken(
                    "Times are aware UTC",
                    f"message {message.id!r} has a timestamp without a time zone",
                    "write datetime.fromtimestamp(seconds, timezone.utc)",
                )


async def metadata(bench: Bench) -> None:
    """Look for metadata that is no JSON; the session refuses such a message."""
    async with bench.running() as bot:
        await bench.network.person_writes(TEXT)
        supervisor = bot.session.supervisors[bot.name]
        await bot.until(
            lambda: bot.asked or "only JSON" in supervisor.reason,
            "What a person writes reaches the agent",
            "hand it over in session_receive",
        )
        faults = [find_not_json(one.metadata, "metadata") for one in _messages(bot)]
        found = next(filter(None, faults), None)
        if "only JSON" in supervisor.reason:
            found = supervisor.reason
        if found:
            raise ContractBroken(
                "Metadata is JSON: it is stored", found, "put in text, numbers, lists, mappings"
            )


async def unicode(bench: Bench) -> None:
    """Compare a text of many scripts with what arrives of it."""
    async with bench.running() as bot:
        await bench.network.person_writes(UNICODE)
        await bot.until(lambda: bot.asked, "What a person writes arrives", "hand it over")
        found = bot.asked[0].content
        if found != UNICODE:
            raise ContractBroken(
                "Any text arrives as it was written",
                f"{UNICODE!a} became {found!a}",
                "decode as UTF-8, and normalize and escape nothing",
            )


async def own_messages(bench: Bench) -> None:
    """Let the bot's own message come back, and a person's after it."""
    own = "this is what the bot said itself"
    async with bench.running() as bot:
        await bench.network.bot_writes(own)
        await bench.network.person_writes(AFTER)
        await bot.question(AFTER)
        if any(message.content == own for message in _messages(bot)):
            raise ContractBroken(
                "A channel hands over no message of the bot's own",
                f"it handed over {own!r}, which the bot wrote",
                "compare the sender with who the bot is, and leave it out",
            )


async def once(bench: Bench) -> None:
    """Have everything handed over twice by the network."""
    network = bench.network
    async with bench.running() as bot:
        await network.person_writes(TEXT)
        await bot.question(TEXT)
        await network.redeliver()
        await network.person_writes(AFTER)
        await bot.question(AFTER)
        ids = [message.id for message in bot.asked if message.content == TEXT]
        if len(ids) != 1:
            raise ContractBroken(
                "A message that comes twice is answered once",
                f"it was answered {len(ids)} times, as {', '.join(map(repr, ids))}",
                "give it the network's own id, the same each time",
            )


async def durable(bench: Bench) -> None:
    """Look whether the network is told of a message before it is stored; crash; start anew."""
    network = bench.network
    async with bench.running() as bot:
        bot.journal.hold()
        id_ = await network.person_writes(TEXT)
        await bot.until(
            lambda: bot.journal.holding,
            "What a person writes is handed over",
            "yield it in session_receive",
        )
        async for _ in bench.for_a_while(CONFIRM_S):
            _unconfirmed(bench, id_, "while it was being stored")
    _unconfirmed(bench, id_, "at the stop, and it had not been stored")
    async with bench.running() as bot:
        await bot.question(TEXT, "confirm to the network only what was stored")
        await bot.until(
            lambda: id_ in network.confirmed(),
            "What is stored is confirmed to the network",
            "confirm it when control comes back after the yield, or at the next call",
            found=f"message {id_!r} is not, so that it would come for ever",
        )


def _unconfirmed(bench: Bench, id_: str | None, when: str) -> None:
    if id_ in bench.network.confirmed():
        raise ContractBroken(
            "A message is confirmed to the network only when it is stored",
            f"message {id_!r} was confirmed {when}: a crash loses it",
            "confirm after the yield has returned, or at the next call of session_receive",
        )


async def edits(bench: Bench) -> None:
    """Let a person give a message a new text."""
    new = "what day is it?"
    async with bench.running() as bot:
        id_ = await _written(bench, bot)
        await bench.network.person_edits(id_, new)
        row = await _event(bot, MessageEdited, "person_edits")
        assert isinstance(row.item, MessageEdited)
        _same("message", row.item.message.id, id_, MessageEdited)
        _same("new text", row.item.message.content, new, MessageEdited)


async def deletions(bench: Bench) -> None:
    """Let a person delete a message."""
    async with bench.running() as bot:
        id_ = await _written(bench, bot)
        await bench.network.person_deletes(id_)
        row = await _event(bot, MessageDeleted, "person_deletes")
        assert isinstance(row.item, MessageDeleted)
        _same("message", row.item.ref.id, id_, MessageDeleted)


async def reactions(bench: Bench) -> None:
    """Let a person react to their message."""
    network = bench.network
    async with bench.running() as bot:
        id_ = await _written(bench, bot)
        await network.person_reacts(id_, network.emoji)
        row = await _event(bot, ReactionChanged, "person_reacts")
        assert isinstance(row.item, ReactionChanged)
        _same("message", row.item.ref.id, id_, ReactionChanged)
        _same("emoji", row.item.emoji, network.emoji, ReactionChanged)
        if network.person is not None:
            _same("sender", row.item.sender_id, network.person, ReactionChanged)


async def files(bench: Bench) -> None:
    """Let a person send a file, and have the agent read it."""
    read: list[bytes | CobotError] = []

    async def answer(message: IncomingMessage, conversation: Conversation) -> None:
        try:
            path = await conversation.fetch(message.media[0])
        except CobotError as error:
            read.append(error)
        else:
            read.append(await asyncio.to_thread(path.read_bytes))

    async with bench.running() as bot:
        bot.agent.answer = answer
        await bench.network.person_sends(FILE, CONTENT, TEXT)
        message = await bot.question(TEXT)
        if not message.media:
            raise ContractBroken(
                "A file comes with its message",
                "message.media is empty",
                "hand over Media.from_remote or Media.from_url",
            )
        await bot.until(lambda: read, "An agent can read a file", "write session_fetch")
        if read != [CONTENT]:
            found = read[0] if isinstance(read[0], CobotError) else f"{len(read[0])} bytes came"
            raise ContractBroken(
                "A file arrives byte by byte",
                f"of {len(CONTENT)} bytes, {found}",
                "write session_fetch, and let it write what the network holds",
            )


def _messages(bot: Running) -> list[IncomingMessage]:
    """Return all messages that were handed over, in whatever event."""
    items = [row.item for row in bot.journal.handed]
    edited = [item.message for item in items if isinstance(item, MessageEdited)]
    return [item for item in items if isinstance(item, IncomingMessage)] + edited


async def _written(bench: Bench, bot: Running) -> str:
    """Have a message written; return its id."""
    id_ = await bench.network.person_writes(TEXT)
    message = await bot.question(TEXT)
    return message.id if id_ is None else id_


async def _event(bot: Running, kind: type, ability: str) -> Row:
    return await bot.until(
        lambda: next((row for row in bot.journal.stored if isinstance(row.item, kind)), None),
        f"What people change is handed over as {kind.__name__}",
        f"hand it over, or say in the adapter's cannot why not: {ability!r}",
        found="nothing of the kind came",
    )


def _same(what: str, found: str, expected: str, kind: type) -> None:
    if found != expected:
        raise ContractBroken(
            f"{kind.__name__} says what was changed, and how",
            f"its {what} is {found!r} and not {expected!r}",
            "copy what the network says",
        )
