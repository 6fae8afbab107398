"""What the suite is made of, and authors may use by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from cobot import AuthFailed, Secret, hookimpl
from cobot.hookspecs import Conversation
from cobot.messages import IncomingMessage
from cobot.testing import (
    ChannelContract,
    ContractBroken,
    ManualClock,
    Network,
    Proxy,
    make_context,
    running,
)
from testing.loft import TOKEN, Loft
from testing.pigeon import Pigeon, PigeonSettings
from testing.plain import Herald


async def test_restart_goes_on_with_the_same_journal(tmp_path: Path) -> None:
    """What was answered before a restart is known after it."""
    loft = Loft()
    settings = await loft.start()
    async with running(Pigeon, settings, workspace=tmp_path) as bot:
        await loft.person_writes("one")
        await bot.question("one")
    await loft.redeliver()
    async with running(Pigeon, settings, workspace=tmp_path) as bot:
        await loft.person_writes("two")
        await bot.question("two")
        asked = [message.content for message in bot.asked]
    await loft.stop()

    assert asked == ["two"]


async def test_agent_says_what_a_test_wants(tmp_path: Path) -> None:
    """The agent beside the channel is silent until it is given an answer."""

    async def answer(message: IncomingMessage, conversation: Conversation) -> str:
        return message.content.upper()

    loft = Loft()
    async with running(Pigeon, await loft.start(), workspace=tmp_path) as bot:
        bot.agent.answer = answer
        await loft.person_writes("one")
        arrived = await bot.until(loft.arrived, "An answer arrives", "look where it went")
    await loft.stop()

    assert [one.text for one in arrived] == ["ONE"]


async def test_channel_that_is_parked_does_not_run(tmp_path: Path) -> None:
    """A channel whose start is refused for good is told as such."""

    class Refused(Pigeon):
        @hookimpl
        async def cobot_start(self) -> None:
            raise AuthFailed(self.context.name, "start", "nobody knows this bird")

    settings = {"port": 1, "token": TOKEN}
    with pytest.raises(ContractBroken, match="nobody knows this bird"):
        async with running(Refused, settings, workspace=tmp_path):
            pass


async def test_channel_needs_no_session_for_its_small_tests() -> None:
    """A channel is built with a context made by hand, and its time is a test's."""
    clock = ManualClock()
    context = make_context("dove", clock=clock)
    channel = Pigeon(PigeonSettings(port=1, token=Secret("x")), context)

    assert channel.context.name == "dove"
    assert context.clock is clock
    assert context.workspace("media") == Path()


class Echo:
    """A server that says what it hears."""

    def __init__(self) -> None:
        self.server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Echo:
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def _said(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    return reader, writer


async def test_proxy_passes_on_until_it_is_cut() -> None:
    """What is cut breaks, and nobody connects before it is mended."""
    async with asyncio.timeout(10), Echo() as echo, Proxy(echo.port) as proxy:
        reader, writer = await _said(proxy.port)
        await proxy.cut()
        try:
            end = await reader.read()
        except ConnectionError:
            end = b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.mend()
        _, again = await _said(proxy.port)
        again.close()

    assert end == b""


async def test_proxy_drops_what_is_there_and_takes_new_ones() -> None:
    """A dropped connection ends; the next one is as good as the first."""
    async with asyncio.timeout(10), Echo() as echo, Proxy(echo.port) as proxy:
        reader, writer = await _said(proxy.port)
        proxy.drop()
        try:
            end = await reader.read()
        except ConnectionError:
            end = b""
        writer.close()
        _, again = await _said(proxy.port)
        again.close()

    assert end == b""


async def test_proxy_closes_when_its_server_is_not_there() -> None:
    """Who connects while the server is away finds the connection closed."""
    async with asyncio.timeout(10), Proxy(1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            end = await reader.read()
        except ConnectionError:
            end = b""
        writer.close()

    assert end == b""


class Silent(Network):
    """An adapter that says nothing of what it can do."""

    channel: ClassVar[type | str] = Pigeon


class Misspelt(Silent):
    """An adapter that says it of something that there is not."""

    cannot: ClassVar[Mapping[str, str]] = {"it has none": "edits"}


def _contract(network: type[Network]) -> ChannelContract:
    class Contract(ChannelContract):
        def make(self) -> Network:
            return network()

    return Contract()


def test_adapter_that_says_nothing_of_an_ability_is_told_so() -> None:
    """Nothing is skipped by oversight: what is not written needs a reason."""
    with pytest.raises(
        ContractBroken, match=r"Silent has no redeliver\(\) and gives no reason"
    ):
        _contract(Silent).test_message_that_comes_twice_is_answered_once()


def test_adapter_that_misspells_an_ability_is_told_so() -> None:
    """What `cannot` names is an ability that there is."""
    with pytest.raises(
        ContractBroken, match=r"'edits', which is no ability.*did you mean 'edit'"
    ):
        _contract(Misspelt).test_edit_is_seen()


def test_reason_is_told_where_a_check_does_not_apply() -> None:
    """A check of what a network cannot do is skipped with the adapter's words."""

    class Loftless(Loft):
        cannot: ClassVar[Mapping[str, str]] = {"there is no post": "receive"}

    with pytest.raises(pytest.skip.Exception, match="redeliver: there is no post"):
        _contract(Loftless).test_message_that_comes_twice_is_answered_once()


def test_hook_for_what_the_network_cannot_do_is_a_pretence() -> None:
    """A channel has no hook for what its network cannot do."""

    class Mute(Loft):
        cannot: ClassVar[Mapping[str, str]] = {"pigeons do not type": "typing"}

    with pytest.raises(ContractBroken, match="has session_typing, and pigeons do not type"):
        _contract(Mute).test_operations_are_native_or_absent()


def test_hook_that_is_missing_is_named() -> None:
    """What the adapter does not rule out, the channel does."""

    class ForHerald(Loft):
        channel: ClassVar[type | str] = Herald
        cannot: ClassVar[Mapping[str, str]] = {"a herald does not listen": "receive"}

    with pytest.raises(ContractBroken, match="it has no session_typing; write it, or add to"):
        _contract(ForHerald).test_operations_are_native_or_absent()
