"""From a stored message to stored answers: one run of the agent at a time per conversation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import attrs

from cobot.errors import CobotError, HookFailed, PluginError, shown
from cobot.journal import Job, Journal
from cobot.messages import Address, IncomingMessage, OutgoingMessage
from cobot.plugins import Caller, Plugins
from cobot.session.crew import CANCELLED_ITSELF, Crew
from cobot.session.sending import check_outgoing

log = logging.getLogger(__name__)

TURNS_AT_ONCE = 1000
"""Conversations that are answered at the same time; the others wait in the journal."""

REPLY_DEPTH = 10
"""How deeply lists of answers may nest."""


@attrs.frozen
class ConversationView:
    """What the agent is given of a conversation."""

    key: str
    """The conversation's key."""
    address: Address
    """Where the message was written and where a reply goes."""


class Turns(Crew[Job]):
    """Claims messages, has the agent answer them, and settles what it said."""

    def __init__(
        self,
        plugins: Plugins,
        journal: Journal,
        agent: str,
        *,
        on_settled: Callable[[Iterable[str]], None],
        on_failed: Callable[[IncomingMessage, CobotError], None],
    ) -> None:
        super().__init__(TURNS_AT_ONCE, "turn")
        self._plugins = plugins
        self._journal = journal
        self._agent = agent
        self._on_settled = on_settled
        self._on_failed = on_failed

    async def _take(self, limit: int) -> Sequence[Job]:
        return await self._journal.claim(limit)

    async def _do(self, work: Job) -> None:
        try:
            answers = await self._answers(work)
            if await self._journal.settle(work, answers):
                self._on_settled({answer.channel_type for answer in answers})
        except asyncio.CancelledError:
            if self._is_cancelled:
                await self._journal.release(work)
                raise
            await self._fail(work, HookFailed(self._agent, "agent_reply", CANCELLED_ITSELF))
        except CobotError as error:
            await self._fail(work, error)

    async def _fail(self, job: Job, error: CobotError) -> None:
        await self._journal.fail(job, str(error))
        self._on_failed(job.message, error)

    async def _answers(self, job: Job) -> list[OutgoingMessage]:
        caller = self._plugins.caller(self._agent, "agent_reply")
        if caller is None:
            raise PluginError(f"the agent {self._agent!r} is not loaded any more")
        conversation = ConversationView(job.conversation, job.message.address)
        reply = await caller(message=job.message, conversation=conversation)
        if isinstance(reply, AsyncIterator):
            reply = await _joined(caller, reply)
        answers = []
        for answer in _as_messages(caller, reply, job.message):
            verdict = await self._plugins.filter("session_outgoing", answer)
            if verdict.refused_by is not None:
                raise PluginError(f"the filter of {verdict.refused_by} failed on the answer")
            if verdict.dropped_by is None:
                check_outgoing(self._plugins, verdict.message)
                answers.append(verdict.message)
        return answers


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
