"""Checks of what goes out."""

from __future__ import annotations

from cobot.hookspecs import OPERATIONS, Conversation, Status
from cobot.limits import Limits
from cobot.messages import IncomingMessage, Media, MessageRef
from cobot.testing.bench import Bench
from cobot.testing.broken import ContractBroken
from cobot.testing.network import Arrival
from cobot.testing.receiving import CONTENT, FILE, TEXT, UNICODE
from cobot.testing.running import Running

ANSWER = "it is noon"
NEW = "no, it is one"

UNLIMITED_CHARS = 20_000
"""How long a text is sent where a channel has no limit."""

PARTS = 3
"""How many messages a long text takes at least where there is one."""


async def answered(bench: Bench) -> None:
    """Have a message answered."""

    async def answer(message: IncomingMessage, conversation: Conversation) -> str:
        return ANSWER

    async with bench.running() as bot:
        bot.agent.answer = answer
        await bench.network.person_writes(TEXT)
        await bot.question(TEXT)
        arrival = await bench.arrival(bot, "send", text=ANSWER)
        if arrival.chat is not None and arrival.chat != bench.network.chat:
            raise ContractBroken(
                "An answer goes to where the question was written",
                f"it went to {arrival.chat!r} and not to {bench.network.chat!r}",
                "send to message.channel_id",
            )


async def unicode(bench: Bench) -> None:
    """Compare a text of many scripts with what arrives of it."""
    async with bench.running() as bot:
        await bench.send(bot, await bench.message(bot, UNICODE))
        arrival = await bench.arrival(bot, "send")
        if arrival.text != UNICODE:
            raise ContractBroken(
                "Any text arrives as it was sent",
                f"{UNICODE!a} became {arrival.text!a}",
                "encode as UTF-8, and escape what the network takes for mark-up",
            )


async def receipts(bench: Bench) -> None:
    """Compare a receipt with the message that it stands for."""
    async with bench.running() as bot:
        message = await bench.message(bot, ANSWER)
        receipt = await bench.send(bot, message)
        arrival = await bench.arrival(bot, "send", text=ANSWER)
        changes = [name for name in ("edit", "delete", "react") if bot.has(OPERATIONS[name])]
        if not receipt.refs and changes:
            raise ContractBroken(
                "A receipt names the message, so that it can be changed",
                f"session_send told no id, and the channel can {' and '.join(changes)}",
                "return the message's id from session_send",
            )
        ids = [ref.id for ref in receipt.refs]
        if arrival.id and ids not in ([], [arrival.id]):
            raise ContractBroken(
                "A receipt names the message that was made",
                f"it names {', '.join(ids)} and not {arrival.id}",
                "return the id that the network gave",
            )
        for ref in receipt.refs:
            if ref.address != message.address:
                raise ContractBroken(
                    "A receipt says where the message is",
                    f"it says {ref.address} and not {message.address}",
                    "return ids, and the session makes the references",
                )


async def long_text(bench: Bench) -> None:
    """Send a text of several messages' length, and look for each of its words."""
    async with bench.running() as bot:
        message = await bench.message(bot, ANSWER)
        limits = await _limits(bot, message.channel_id)
        text = _words(PARTS * limits.text if limits.text else UNLIMITED_CHARS, limits)
        before = len(bench.network.arrived())
        await bench.send(bot, await bench.message(bot, text))

        def parts() -> list[Arrival]:
            return [one for one in bench.network.arrived()[before:] if one.kind == "send"]

        def words() -> list[str]:
            return " ".join(part.text for part in parts()).split()

        expected = text.split()
        await bot.until(
            lambda: len(words()) >= len(expected) or words() != expected[: len(words())],
            "A long text arrives complete",
            "send all of message.content: the session has split it to session_limits",
            found=lambda: f"of {len(expected)} words {len(words())} arrived",
        )
        found = words()
        if found != expected:
            at = next(i for i, one in enumerate(expected) if found[i : i + 1] != [one])
            raise ContractBroken(
                "A long text arrives complete and in order",
                f"word {at} is {' '.join(found[at : at + 1])!r} and not {expected[at]!r}",
                "cut nothing off, and lower session_limits if the network takes less",
            )
        for part in parts():
            if limits.text is not None and limits.length(part.text) > limits.text:
                raise ContractBroken(
                    "No message is longer than session_limits says",
                    f"one of {limits.length(part.text)} {limits.unit} arrived",
                    "send message.content as it is",
                )


async def replies(bench: Bench) -> None:
    """Send an answer that points at its question."""
    async with bench.running() as bot:
        id_ = await bench.network.person_writes(TEXT)
        message = await bot.question(TEXT)
        await bench.send(bot, await bench.message(bot, ANSWER, reply_to=message.id))
        await bench.arrival(
            bot,
            "send",
            "A reply points at its message",
            "send message.reply_to, or raise Unsupported(name, 'reply', ...): it is quoted",
            text=ANSWER,
            reply_to=id_ or message.id,
        )


async def honest(bench: Bench) -> None:
    """Compare the hooks with what the adapter says of the network."""
    async with bench.running() as bot:
        for operation, hook in OPERATIONS.items():
            reason = bench.network.why_not(operation)
            if bot.has(hook) and reason is not None:
                raise ContractBroken(
                    "What a network cannot do is an absent hook",
                    f"the channel has {hook}, and {reason}",
                    "remove the hook: the session then does the next best thing, and says so",
                )
            if not bot.has(hook) and reason is None:
                raise ContractBroken(
                    "A channel does what its adapter says",
                    f"it has no {hook}",
                    f"write it, or add to cannot: {{'the reason': {operation!r}}}",
                )


async def edits(bench: Bench) -> None:
    """Give a message a new text."""
    async with bench.running() as bot:
        ref = await bench.post(bot, ANSWER)
        await bench.done(bot, bot.session.edit(ref, NEW, require={"edit"}), "session_edit")
        await bench.arrival(bot, "edit", text=NEW, **_id(ref, bench))


async def deletions(bench: Bench) -> None:
    """Delete a message."""
    async with bench.running() as bot:
        ref = await bench.post(bot, ANSWER)
        await bench.done(bot, bot.session.delete(ref, require={"delete"}), "session_delete")
        await bench.arrival(bot, "delete", **_id(ref, bench))


async def reactions(bench: Bench) -> None:
    """Put a reaction on a message, and take it off."""
    emoji = bench.network.emoji
    async with bench.running() as bot:
        if bench.network.why_not("receive") is None:
            id_ = await bench.network.person_writes(TEXT)
            message = await bot.question(TEXT)
            ref = message.ref
            assert id_ in (None, ref.id)
        else:
            ref = await bench.post(bot, ANSWER)
        for wanted in (emoji, None):
            react = bot.session.react(ref, wanted, require={"react"})
            await bench.done(bot, react, "session_react")
            await bench.arrival(bot, "react", emoji=wanted, **_id(ref, bench))


async def media(bench: Bench) -> None:
    """Send a file with a caption."""
    file = Media.from_bytes(CONTENT, name=FILE, content_type="text/plain")
    async with bench.running() as bot:
        message = await bench.message(bot, ANSWER, media=[file])
        await bench.done(bot, bot.session.media(message, require={"media"}), "session_media")
        await bench.arrival(
            bot,
            "media",
            "A file arrives byte by byte, with its caption",
            "send each of message.media, and message.content with it",
            text=ANSWER,
            files=(CONTENT,),
        )


async def typing(bench: Bench) -> None:
    """Show that an answer is being written."""
    async with bench.running() as bot:
        chat = await bench.chat(bot)
        async with bot.session.typing(bot.name, chat):
            await bench.arrival(bot, "typing")


async def presence(bench: Bench) -> None:
    """Show whether the bot is there."""
    async with bench.running() as bot:
        statuses: tuple[Status, ...] = ("away", "online")
        for status in statuses:
            show = bot.session.presence(status, "", bot.name)
            await bench.done(bot, show, "session_presence")
            await bench.arrival(bot, "presence", status=status)


async def _limits(bot: Running, chat: str) -> Limits:
    if not bot.has("session_limits"):
        return Limits()
    limits = await bot.call("session_limits", channel_type=bot.name, channel_id=chat)
    if not isinstance(limits, Limits):
        raise ContractBroken(
            "session_limits returns Limits",
            f"it returned {limits!r}",
            "return cobot.Limits(...)",
        )
    return limits


def _words(least: int, limits: Limits) -> str:
    """Return a text of numbered words, some of them beyond the first plane."""
    words: list[str] = []
    length = 0
    while length < least:
        words.append(f"{len(words)}" if len(words) % 3 else f"{len(words)}\U0001f99c\u00fc")
        length += limits.length(words[-1]) + 1
    return " ".join(words)


def _id(ref: MessageRef, bench: Bench) -> dict[str, str]:
    """Return what an arrival must have of a message, where the network has ids."""
    has_ids = any(one.id for one in bench.network.arrived())
    return {"id": ref.id} if has_ids else {}
