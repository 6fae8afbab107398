"""From a stored message to stored answers: one run of the agent at a time per conversation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random

import attrs

from cobot.clock import Clock
from cobot.config.settings import SessionSettings
from cobot.deadlines import Deadlines
from cobot.errors import CobotError, HookFailed, JournalError, PluginError, shown
from cobot.journal import End, Job, Journal, Operation
from cobot.journal.keys import operation_key
from cobot.messages import IncomingMessage, OutgoingMessage
from cobot.plugins import Caller, Plugins
from cobot.session.conversation import Turn
from cobot.session.crew import CANCELLED_ITSELF, Crew
from cobot.session.fetching import Fetcher
from cobot.session.outgoing import Dropped, Outgoing, Wish
from cobot.session.typing_lease import TypingLeases
from cobot.waits import backoff_s

log = logging.getLogger(__name__)

TURNS_AT_ONCE = 1000
"""Conversations that are answered at the same time; the others wait in the journal."""

REPLY_DEPTH = 10
"""How deeply lists of answers may nest."""

APOLOGY = 1_000_000
"""Number of the operation that says that there is no answer; no turn has so many."""

NOT_OURS = "its message has been taken over, edited or withdrawn meanwhile"


class Turns(Crew[Job, End]):
    """Claims messages, has the agent answer them, and settles what it said."""

    def __init__(
        self,
        plugins: Plugins,
        journal: Journal,
        agent: str,
        outgoing: Outgoing,
        fetcher: Fetcher,
        typing: TypingLeases,
        settings: SessionSettings,
        *,
        clock: Clock,
        random: Random,
        redact: Callable[[str], str],
        on_settled: Callable[[Iterable[str]], None],
        on_looked: Callable[[], None],
        on_failed: Callable[[IncomingMessage, CobotError, float | None], None],
    ) -> None:
        super().__init__(_turns_at_once(plugins, agent), "turn", clock)
        self._plugins = plugins
        self._journal = journal
        self._agent = agent
        self._outgoing = outgoing
        self._fetcher = fetcher
        self._typing = typing
        self._settings = settings
        self._random = random
        self._redact = redact
        self._on_settled = on_settled
        self._on_looked = on_looked
        self._on_failed = on_failed
        self._deadlines = Deadlines()

    async def cancel(self, timeout_s: float) -> int:
        """Stop what runs; return how many turns would not be stopped in that time."""
        late = await super().cancel(timeout_s)
        self._deadlines.close()
        return late

    async def _take(self, limit: int) -> tuple[Sequence[Job], float | None]:
        claimed = await self._journal.claim(limit)
        self._on_looked()  # what waited may have turned out to be withdrawn
        return claimed.jobs, claimed.wait_s

    async def _give_back(self, work: Job) -> None:
        await self._journal.release(work)

    async def _do(self, work: Job) -> End | None:
        message = as_one(work.messages)
        try:
            turn = Turn(work, message, self._journal, self._fetcher)
            with self._typing.during(message.address):
                await self._answer(turn, message)
                operations = await self._operations(turn)
            return End(work, operations, turn.changed_state())
        except asyncio.CancelledError:
            if self._is_cancelled:
                await self._journal.release(work)
                raise
            error = HookFailed(self._agent, "agent_reply", CANCELLED_ITSELF)
            await self._fail(work, message, error)
        except JournalError:
            raise
        except CobotError as error:
            await self._fail(work, message, error)
        return None

    async def _record(self, results: Sequence[End]) -> None:
        ours = await self._journal.settle_all(results)
        for end, is_ours in zip(results, ours, strict=True):
            if not is_ours:
                message = end.job.messages[0]
                log.info("the answer to %r is not sent: %s", message.id, NOT_OURS)
        self._on_settled(
            {one.address.channel_type for end in results for one in end.operations}
        )

    async def _fail(self, job: Job, message: IncomingMessage, error: CobotError) -> None:
        delay_s: float | None = None
        apology: list[Operation] = []
        if job.tries + 1 < self._settings.agent_tries:
            delay_s = backoff_s(job.tries, self._random)
        elif self._settings.failure_text:
            apology = await self._apology(message)
        reason = self._redact(str(error))
        if await self._journal.fail(job, reason, delay_s, operations=apology):
            self._on_failed(message, error, delay_s)
            self._on_settled({one.address.channel_type for one in apology})

    async def _apology(self, message: IncomingMessage) -> list[Operation]:
        """Return what tells the chat that there is no answer, without a word of why."""
        reply = message.reply(self._settings.failure_text, format="plain")
        try:
            key = operation_key(message.key, APOLOGY)
            return await self._outgoing.operations(Wish.of_message(reply), key)
        except CobotError as error:
            log.warning("the chat is not told that there is no answer: %s", error)
            return []

    async def _answer(self, turn: Turn, message: IncomingMessage) -> None:
        """Have the agent answer; what it says is collected in the turn."""
        caller = self._plugins.caller(self._agent, "agent_reply")
        if caller is None:
            raise PluginError(f"the agent {self._agent!r} is not loaded any more")
        reply = await self._ask(caller, turn, message)
        for answer in _as_messages(caller, reply, message):
            turn.collect(Wish.of_message(answer))

    async def _ask(self, caller: Caller, turn: Turn, message: IncomingMessage) -> object:
        with self._deadlines.within(self._settings.agent_timeout):
            reply: object = await caller(message=message, conversation=turn)
            return await _joined(caller, reply) if isinstance(reply, AsyncIterator) else reply
        # Only a time limit leaves the block without a result.
        detail = f"no answer within {self._settings.agent_timeout:g} s"
        raise HookFailed(self._agent, "agent_reply", detail)

    async def _operations(self, turn: Turn) -> list[Operation]:
        operations: list[Operation] = []
        for collected in turn.collected:
            try:
                operations += await self._outgoing.operations(
                    collected.wish, collected.id, conversation=turn.key
                )
            except Dropped as error:
                log.debug("%s", error)
        return operations


def _turns_at_once(plugins: Plugins, agent: str) -> int:
    """Return how many conversations the agent can answer at the same time.

    What it cannot begin yet waits in the journal, where no time limit runs: an agent may say
    its number as `at_once`, and a plain `def` has that of its threads.
    """
    if agent not in plugins:
        return TURNS_AT_ONCE  # each turn fails, and says why
    instance = plugins[agent].instance
    said = getattr(instance, "at_once", None)
    caller = plugins.caller(agent, "agent_reply")
    runs_in_threads = getattr(instance, "runs_in_threads", False) or (
        caller is not None and caller.threads is not None
    )
    if said is None and runs_in_threads:
        said = plugins[agent].settings.sync_threads
    return TURNS_AT_ONCE if said is None else max(1, min(int(said), TURNS_AT_ONCE))


def as_one(messages: Sequence[IncomingMessage]) -> IncomingMessage:
    """Return the messages of a group as one: the first, with all texts and all media."""
    first = messages[0]
    if len(messages) == 1:
        return first
    return attrs.evolve(
        first,
        content="\n".join(one.content for one in messages if one.content),
        media=[media for one in messages for media in one.media],
        mentioned=any(one.mentioned for one in messages),
    )


@asynccontextmanager
async def _closing(chunks: AsyncIterator[object]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _joined(caller: Caller, chunks: AsyncIterator[object]) -> str:
    joined: list[str] = []
    try:
        async with _closing(chunks):
            async for chunk in chunks:
                if not isinstance(chunk, str):
                    raise TypeError(f"a chunk is {shown(chunk)}, not text")
                joined.append(chunk)
    except BaseException as error:
        failure = caller.blame(error)
        if failure is None:
            raise
        raise failure from error
    return "".join(joined)


def _as_messages(
    caller: Caller, reply: object, message: IncomingMessage, depth: int = 0
) -> list[OutgoingMessage]:
    if reply is None:
        return []
    if isinstance(reply, str):
        return [message.reply(reply)] if reply else []
    if isinstance(reply, OutgoingMessage):
        return [reply]
    if not isinstance(reply, Iterable) or isinstance(reply, bytes | dict):
        detail = f"returned {shown(reply)}, neither text nor a message"
        raise HookFailed(caller.plugin_name, caller.hook, detail)
    if depth == REPLY_DEPTH:
        detail = f"returned a list nested deeper than {REPLY_DEPTH} levels"
        raise HookFailed(caller.plugin_name, caller.hook, detail)
    try:
        parts = list(reply)
    except Exception as error:  # it may be a generator of the plugin's
        raise caller.blame(error) or error from error
    return [one for part in parts for one in _as_messages(caller, part, message, depth + 1)]
