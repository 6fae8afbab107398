"""What the checks of the contract suite stand on: a network, a channel, and time limits."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from cobot.errors import CobotError
from cobot.hookspecs import OPERATIONS
from cobot.messages import MessageRef, OutgoingMessage, Receipt
from cobot.testing.broken import ContractBroken
from cobot.testing.clock import ManualClock
from cobot.testing.network import Arrival, Network
from cobot.testing.running import TICK_S, Running, running
from cobot.testing.watch import Watch

T = TypeVar("T")

Check: TypeAlias = Callable[["Bench"], Coroutine[Any, Any, None]]

FIRST = "good day"
"""What a person writes so that their chat is known."""

WHOLE_S = 30.0
"""How long a check may take besides what it waits for; of the machine's time."""


class Bench:
    """A network that has started, and the folder of a bot on it."""

    def __init__(
        self, network: Network, settings: Mapping[str, Any], folder: Path, limit_s: float
    ) -> None:
        self.network = network
        """The network."""
        self.limit_s = limit_s
        """How long anything may take, in seconds of the machine's time."""
        self._settings = settings
        self._folder = folder

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Running]:
        """Run the channel on the network for the length of a block; options of `running`.

        The second time is a restart: with a new channel, on the same journal.
        """
        clock = self.network.clock
        assert isinstance(clock, ManualClock)
        async with running(
            self.network.channel,
            self._settings,
            workspace=self._folder,
            clock=clock,
            limit_s=self.limit_s,
            **options,
        ) as bot:
            yield bot

    async def chat(self, bot: Running) -> str:
        """Return the chat's id; where the channel makes it up, the person writes first."""
        if self.network.chat is None:
            if not any(one.content == FIRST for one in bot.asked):
                await self.network.person_writes(FIRST)
            self.network.chat = (await bot.question(FIRST)).channel_id
        return self.network.chat

    async def message(self, bot: Running, text: str, **fields: Any) -> OutgoingMessage:
        """Return a message to the chat; its text is meant as it is."""
        fields.setdefault("format", "plain")
        return OutgoingMessage(bot.name, await self.chat(bot), text, **fields)

    async def done(self, bot: Running, work: Coroutine[Any, Any, T], what: str) -> T:
        """Wait for something that must succeed in a network that is well; return its result."""
        try:
            return await bot.done(work, what)
        except CobotError as error:
            raise ContractBroken(
                f"{what} does its work while the network is well",
                f"it did not: {error}",
                "see what the network was asked, and what it answered",
                bot.log.warnings(),
            ) from error

    async def send(self, bot: Running, message: OutgoingMessage) -> Receipt:
        """Send a message through the session; return its receipt."""
        return await self.done(bot, bot.session.send(message), "session_send")

    async def post(self, bot: Running, text: str, **fields: Any) -> MessageRef:
        """Send a message; return what it is edited, deleted and reacted to by."""
        message = await self.message(bot, text, **fields)
        receipt = await self.send(bot, message)
        arrival = await self.arrival(bot, "send", text=text)
        if arrival.id:
            return MessageRef(bot.name, message.channel_id, arrival.id)
        if receipt.refs:
            return receipt.refs[0]
        raise ContractBroken(
            "What can be edited, deleted or reacted to has an id",
            f"neither the network nor the receipt of {text!r} has one",
            "return the message's id from session_send",
        )

    async def arrival(
        self, bot: Running, kind: str, rule: str = "", remedy: str = "", **fields: Any
    ) -> Arrival:
        """Wait for something of a kind to arrive at the network; return it.

        Args:
            bot: Who does it.
            kind: What it does.
            rule: What must be so, if it is more than that the operation arrives.
            remedy: What to do if it is not.
            fields: What the arrival must have.
        """
        arrived = self.network.arrived

        def meant(one: Arrival) -> bool:
            return one.kind == kind and all(
                getattr(one, name) == value for name, value in fields.items()
            )

        hook = OPERATIONS[kind]
        wanted = ", ".join(f"{name} {value!r}" for name, value in fields.items())
        return await bot.until(
            lambda: next(filter(meant, arrived()), None),
            rule or f"What {hook} does is seen at the network",
            remedy or f"let {hook} do it, or remove the hook: what is absent is degraded",
            found=lambda: f"no {kind} with {wanted} arrived; there arrived {_shown(arrived())}",
        )

    async def for_a_while(self, seconds: float) -> AsyncIterator[None]:
        """Let some of the machine's time pass in small steps, the channel's standing still."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            yield
            await asyncio.sleep(TICK_S)


def drive(check: Check, network: Network, limit_s: float) -> None:
    """Do a check on a network of its own, within a time limit whatever the channel does.

    Raises:
        ContractBroken: The channel or the adapter breaks a rule.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cobot-contract-") as folder,
        Watch(limit_s, whole_s=2 * WHOLE_S + 4 * limit_s) as watch,
        # The loop is ours alone: the author's own tests keep theirs.
        asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner,
    ):
        watch.loop = runner.get_loop()
        try:
            runner.run(_checked(check, network, Path(folder), limit_s))
        finally:
            watch.is_closing = True


async def _checked(check: Check, network: Network, folder: Path, limit_s: float) -> None:
    network.clock = ManualClock()
    try:
        async with asyncio.timeout(WHOLE_S + 3 * limit_s):
            settings = await network.start()
            try:
                await check(Bench(network, settings, folder, limit_s))
            finally:
                await network.stop()
    except TimeoutError as error:
        raise ContractBroken(
            "A check ends in time",
            "this one does not",
            "see where it waits, in the traceback",
        ) from error


def _shown(arrived: Any) -> str:
    shown = [f"{one.kind} {(one.text or one.emoji or one.status)[:40]!r}" for one in arrived]
    return ", ".join(shown) or "nothing"
