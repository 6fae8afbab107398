"""The rig's own parts do what the counts rely on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from rig.control import Boundary, Control, ControlSettings, Reporter
from rig.network import Arrived, Fault, Network, Posted, Trouble
from rig.workload import Counts, judge


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    """A network on which two people have written."""
    async with Network("key") as network:
        network.post("a", "one")
        network.post("b", "two")
        yield network


async def ask(network: Network, call: str, **fields: Any) -> dict[str, Any]:
    """Make one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", network.port)
    writer.write(json.dumps({"call": call, "token": "token", **fields}).encode() + b"\n")
    try:
        answer: dict[str, Any] = json.loads(await reader.readline())
    finally:
        writer.close()
    return answer


async def poll(network: Network, offset: int) -> list[int]:
    """Poll once; return the places of what arrived."""
    answer = await ask(network, "poll", offset=offset, limit=10, wait_s=0)
    return [seq for seq, _chat, _text in answer["messages"]]


async def send(network: Network, text: str, key: str, *, unknown: bool = False) -> None:
    """Send once."""
    await ask(network, "send", chat="a", text=text, key=key, unknown=unknown)


async def test_messages_come_again_until_they_are_confirmed(network: Network) -> None:
    """A poll confirms what lies before its offset, and only that never comes again."""
    seen = [await poll(network, offset) for offset in (1, 1, 2, 1, 3)]

    assert seen == [[1, 2], [1, 2], [2], [2], []]


@pytest.mark.parametrize(("mode", "appeared"), [("key", 1), ("none", 2), ("lookup", 2)])
async def test_only_a_key_keeps_a_repetition_from_appearing(mode: Any, appeared: int) -> None:
    """The same key twice is one message on a network of mode `key`, and two on others."""
    async with Network(mode) as network:
        await send(network, "re: one", "k1")
        await send(network, "re: one", "k1", unknown=True)

        assert [one.is_absorbed for one in network.arrived].count(False) == appeared


async def test_lost_answer_leaves_the_message_taken(network: Network) -> None:
    """A network that fails after taking a request has the message, and the client no answer."""
    network.fail(Trouble(Fault.LOST, times=1))

    with pytest.raises((ConnectionError, json.JSONDecodeError)):
        await send(network, "re: one", "k1")

    assert [one.text for one in network.arrived] == ["re: one"]


async def test_reset_connection_leaves_nothing(network: Network) -> None:
    """A network that closes before it reads has not taken the message."""
    trouble = network.fail(Trouble(Fault.RESET, times=1))

    with pytest.raises((ConnectionError, json.JSONDecodeError)):
        await send(network, "re: one", "k1")
    await send(network, "re: two", "k2")

    assert ([one.text for one in network.arrived], trouble.hits) == (["re: two"], 1)


async def test_refusing_network_comes_back_at_its_port(network: Network) -> None:
    """No connection is taken while the network is away, and all are afterwards."""
    network.refuse()

    with pytest.raises(ConnectionRefusedError):
        await poll(network, 1)
    await network.listen()

    assert await poll(network, 1) == [1, 2]


async def test_process_is_held_at_the_nth_passing() -> None:
    """A trap lets all passings go on but the n-th, which waits for the rig's word."""
    async with Control() as control:
        settings = ControlSettings(control=control.port, armed=(Boundary.SETTLED.value,))
        reporter = Reporter(settings)
        trap = control.trap(Boundary.SETTLED, 2)
        await reporter.reached(Boundary.SETTLED)
        second = asyncio.create_task(reporter.reached(Boundary.SETTLED))

        held = await trap
        assert not second.done()
        held.let_go()
        await second

    assert control.passed == {Boundary.SETTLED: 2}


async def test_boundary_that_is_not_armed_is_not_reported() -> None:
    """A process tells only of the boundaries that it was started with."""
    async with Control() as control:
        settings = ControlSettings(control=control.port, armed=(Boundary.SETTLED.value,))

        await Reporter(settings).reached(Boundary.RECEIVED)

        assert not control.passed


POSTED = [
    Posted(seq=1, chat="a", text="1", at=0),
    Posted(seq=2, chat="b", text="1", at=0),
    Posted(seq=3, chat="a", text="2", at=0),
]


def arrived(*names: str) -> list[Arrived]:
    """Return answers, each named by chat and text, marked with `!`, absorbed with `-`."""
    return [
        Arrived(
            chat=name[0],
            text=f"re: {name[1]}",
            key="",
            is_marked="!" in name,
            is_absorbed="-" in name,
            at=0,
        )
        for name in names
    ]


RIGHT = Counts(messages=3)


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["a1", "b1", "a2"], RIGHT),
        (["a1", "a2", "b1"], RIGHT),
        (["a1", "b1"], attrs.evolve(RIGHT, lost=1)),
        (["a2", "a1", "b1"], attrs.evolve(RIGHT, reordered=1)),
        (["a1", "b1", "a2", "a1"], attrs.evolve(RIGHT, doubled=1, unmarked=1)),
        (["a1", "b1", "a2", "a1!"], attrs.evolve(RIGHT, doubled=1)),
        (["a1", "b1", "a2", "a1-"], RIGHT),
        (["b1", "a1!", "a2"], RIGHT),
    ],
)
def test_judge_counts(names: list[str], counts: Counts) -> None:
    """Lost, doubled, unmarked and reordered answers are counted, absorbed ones are not."""
    assert judge(POSTED, arrived(*names)) == counts


def test_dead_letter_is_not_lost() -> None:
    """A message that was given up with its reason has a column of its own."""
    counts = judge(POSTED, arrived("a1", "b1"), {("a", "2")})

    assert counts == attrs.evolve(RIGHT, dead=1)


def test_doubles_are_allowed_where_the_network_has_no_key() -> None:
    """A marked double is no fault on a network without keys, and one everywhere else."""
    counts = attrs.evolve(RIGHT, doubled=1)

    assert (counts.faults(may_double=True), counts.faults()) == (
        [],
        ["doubled"],
    )
