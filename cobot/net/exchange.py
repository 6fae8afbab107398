"""One request and its answer, over any transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

import httpx

from cobot.deadlines import Deadline, Deadlines
from cobot.net.answers import Answer
from cobot.net.calls import Call
from cobot.net.downloads import Memory, TooLarge, Unwritable
from cobot.net.failures import Failure, failure_of

ANSWER_BYTES = 32 * 1024 * 1024
"""The longest answer that is not a download."""

REFUSAL_BYTES = 64 * 1024
"""How much is kept of an answer that came in place of a download."""


class Exchanges:
    """Does requests, until it is closed."""

    def __init__(self) -> None:
        self.deadlines = Deadlines()
        """The time limits of all of them."""
        self.closed = False
        """Whether it does no more."""

    def close(self) -> None:
        """Do no more requests."""
        self.closed = True
        self.deadlines.close()

    async def do(self, call: Call, transport: httpx.AsyncBaseTransport) -> Answer:
        """Do a request and return its answer, whatever its status.

        Raises:
            Unreachable: Nothing happened, or it can be repeated.
            DeliveryUnknown: It may have happened.
            Rejected: What was to be sent cannot be read, or what came is too large.
        """
        if self.closed:
            raise call.error(Failure("the connections are closed", is_harmless=True))
        outcome: Answer | Failure | Exception | None = None
        total_s = call.limits.total_s
        with self.deadlines.within(total_s) as deadline:
            outcome = await self._once(call, transport, deadline)
            if (
                isinstance(outcome, Failure)
                and outcome.is_broken
                and call.is_repeatable
                and not self.closed
            ):
                # The server had closed a connection that was kept. Whoever asked need not know.
                outcome = await self._once(call, transport, deadline)
        if isinstance(outcome, Answer):
            return outcome
        if outcome is None:
            outcome = Failure(f"no answer from {call.host} within {total_s:g} s")
        # Not raised where it was caught, so that nothing of a transport's hangs on to it.
        raise call.error(outcome) if isinstance(outcome, Failure) else outcome

    async def transfer(self, call: Call, transport: httpx.AsyncBaseTransport) -> Answer:
        """Do a request with a large body, and see to it that it goes on; else as `do`."""
        stall_s = call.limits.stall_s
        try:
            with self.deadlines.within(stall_s) as stall:
                call.on_progress = stall.renew
                if call.upload is not None:
                    call.upload.on_progress = stall.renew
                return await self.do(call, transport)
        finally:
            if call.sink is not None:
                call.sink.discard()
        detail = f"nothing went to {call.host} or came from there for {stall_s:g} s"
        raise call.error(Failure(detail))

    async def _once(
        self, call: Call, transport: httpx.AsyncBaseTransport, deadline: Deadline
    ) -> Answer | Failure | Exception:
        has_answer = False
        try:
            response = await transport.handle_async_request(call.request)
            has_answer = True
            stream = response.stream
            assert isinstance(stream, httpx.AsyncByteStream)  # what an async transport gives
            try:
                body = await _body(call, response)
            finally:
                # The answer is here, or something worse is known already.
                with suppress(Exception):
                    await stream.aclose()
            return Answer(response.status_code, response.headers, body, call)
        except asyncio.CancelledError:
            if self.closed and not deadline.was_cancelled():
                # aiohttp cancels those that wait for a connection, as if they had been.
                return Failure("the connections were closed", is_harmless=True)
            raise
        except TooLarge:
            if call.sink is None:
                return Failure(f"the answer of {call.host} is longer than {ANSWER_BYTES} bytes")
            return call.rejected(f"what {call.host} sends is too large")
        except Unwritable as error:
            return Failure(f"what came cannot be written: {error}")
        except Exception as error:  # noqa: BLE001 -- a transport is a stranger
            if call.upload is not None and call.upload.failure is not None:
                return call.unreadable(call.upload.failure)
            return failure_of(error, call.host, has_answer=has_answer)


async def _body(call: Call, response: httpx.Response) -> bytes:
    # Only what is packed goes through httpx: that costs more than the rest of a small answer,
    # and so does asking its headers for a name.
    is_packed = False
    for name, _ in response.headers.raw:
        if len(name) == 16 and name.lower() == b"content-encoding":
            is_packed = True
    pieces = aiter(response.aiter_bytes() if is_packed else response.stream)  # type: ignore[arg-type]
    if call.sink is not None and response.is_success:
        return await _into(call.sink, call, response, pieces)
    body: list[bytes] = []
    left = ANSWER_BYTES if call.sink is None else REFUSAL_BYTES
    async for piece in pieces:
        body.append(piece)
        left -= len(piece)
        if left < 0:
            await _close(pieces)
            if call.sink is None:
                raise TooLarge
            break
        if call.on_progress is not None:
            call.on_progress()
    return b"".join(body)


async def _into(
    sink: Memory, call: Call, response: httpx.Response, pieces: AsyncIterator[bytes]
) -> bytes:
    try:
        with suppress(ValueError):
            sink.expect(int(response.headers.get("Content-Length", "")))
        async for piece in pieces:
            await sink.write(piece)
            if call.on_progress is not None:
                call.on_progress()
        return await sink.finish()
    except (TooLarge, Unwritable):
        await _close(pieces)
        raise


async def _close(pieces: AsyncIterator[bytes]) -> None:
    # Left to itself it would be closed later, by a task that nobody waits for.
    if isinstance(pieces, AsyncGenerator):
        await pieces.aclose()
