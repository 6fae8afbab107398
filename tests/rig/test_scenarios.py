"""What must not lose a message either: deadly messages, many that wait, bad disks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from rig import disks, scenarios
from rig.agent import DEADLY


def complaints(lines: list[str]) -> list[str]:
    """Return the lines that say that something is wrong."""
    return [line for line in lines if " INFO " not in line]


async def test_message_that_kills_becomes_a_dead_letter_by_itself() -> None:
    """What kills the process each time is given up in the end; all others are answered."""
    result = await scenarios.deadly(deadly_chats=2)

    assert result.dead == {("chat0", f"{DEADLY} 2"), ("chat1", f"{DEADLY} 2")}
    assert result.counts.faults(may_die=True) == []


async def test_backlog_is_answered_in_order_through_a_kill() -> None:
    """Messages that wait in the journal are answered in order, also by a successor."""
    result = await scenarios.backlog(messages=1000, chats=20)

    assert result.counts.faults() == []


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
async def test_second_process_on_a_workspace_is_refused(is_stopped: bool) -> None:
    """It says in one line who has the workspace and ends; the first one is not disturbed."""
    refused, pid, counts = await scenarios.two_processes(is_stopped=is_stopped)

    assert refused.code == 1
    (line,) = complaints(refused.lines)
    assert f"process {pid}" in line
    assert counts.faults() == []


@pytest.mark.parametrize("is_killed", [False, True], ids=["waiting", "killed"])
@pytest.mark.parametrize("trouble", [disks.full_disk, disks.no_more_bytes])
async def test_disk_that_takes_nothing_loses_nothing(
    trouble: Callable[..., Awaitable[disks.Troubled]], is_killed: bool
) -> None:
    """One line says what is wrong, nothing is confirmed unstored, and all goes on after it."""
    try:
        result = await trouble(is_killed=is_killed)
    except disks.NotPossible as reason:
        pytest.skip(str(reason))

    assert result.counts.faults() == []
    (line,) = complaints(result.lines)
    assert "cannot be written" in line


async def test_read_only_disk_is_named_at_the_start() -> None:
    """Where the journal cannot be written, one line says so; later everything is answered."""
    try:
        refused, counts = await disks.read_only_disk()
    except disks.NotPossible as reason:
        pytest.skip(str(reason))

    assert refused.code == 1
    (line,) = complaints(refused.lines)
    assert "Read-only" in line
    assert counts.faults() == []


CUTS: dict[str, Callable[[int], int]] = {
    "half": lambda size: size // 2,
    "all": lambda _size: 0,
    "100 bytes": lambda size: size - 100,
}


@pytest.mark.parametrize("cut", CUTS)
async def test_truncated_journal_is_refused_and_left_alone(cut: str) -> None:
    """A journal that lost its end is not used, nor written; put back, all is answered."""
    result = await disks.truncated(CUTS[cut])

    assert result.refused is not None
    assert result.refused.code == 1
    (line,) = complaints(result.refused.lines)
    assert "journal.db" in line
    assert (result.is_untouched, result.confirmed) == (True, 0)
    assert result.counts.faults() == []


@pytest.mark.parametrize("cut", CUTS)
async def test_truncated_journal_of_a_killed_process_loses_nothing(cut: str) -> None:
    """What stands in the write-ahead log makes up for the lost end, or the file is refused."""
    result = await disks.truncated(CUTS[cut], is_killed=True)

    assert result.counts.faults() == []
    if result.refused is not None:
        assert len(complaints(result.refused.lines)) == 1
        assert (result.is_untouched, result.confirmed) == (True, 0)
