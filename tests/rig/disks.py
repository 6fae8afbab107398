"""Runs on bad disks: full, read-only, not growing, and with a journal that was truncated."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from rig.scenarios import Refused
from rig.workload import Counts, judge
from rig.world import World

DISK_MB = 64
LONG = "x" * 4000
"""Makes a message fill a page of the journal."""


class NotPossible(Exception):
    """A scenario cannot be played here; the text says why."""


@contextlib.contextmanager
def small_disk(size_mb: int = DISK_MB) -> Iterator[Path]:
    """Mount a disk of a few MB, and take it away again.

    Raises:
        NotPossible: We may not mount.
    """
    folder = Path(tempfile.mkdtemp(prefix="cobot-disk-"))
    try:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
        if os.geteuid() != 0 or shutil.which("mount") is None:
            raise NotPossible("only root can mount a small disk")
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotPossible(f"no small disk can be mounted: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=False)
    finally:
        folder.rmdir()


def remount(folder: Path, options: str) -> None:
    """Change how a small disk is mounted."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@attrs.frozen
class Troubled:
    """What came of trouble with the disk."""

    counts: Counts
    lines: list[str]
    """What the process said meanwhile."""
    confirmed: int
    """How many messages the network was told are safe while there was trouble."""


@contextlib.contextmanager
def _full(folder: Path) -> Iterator[None]:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))
    try:
        yield
    finally:
        ballast.unlink()


async def full_disk(*, is_killed: bool = False) -> Troubled:
    """Fill the disk in the middle, and make room again.

    Args:
        is_killed: Whether the process is killed while the disk is full.

    Raises:
        NotPossible: We may not mount.
    """
    with small_disk() as disk:
        async with World(mode="key", has_reports=False, root=disk / "workspace") as world:
            await _warm(world)
            with _full(disk):
                troubled = await _in_trouble(world, "full")
                if is_killed:
                    await world.process.kill()
            return await _after_trouble(world, troubled)


async def no_more_bytes(*, is_killed: bool = False) -> Troubled:
    """Have the system refuse to let the journal grow, and allow it again.

    Args:
        is_killed: Whether the process is killed meanwhile.
    """
    async with World(mode="key", has_reports=False) as world:
        await _warm(world)
        pid, hard = world.process.pid, resource.RLIM_INFINITY
        largest = max(path.stat().st_size for path in world.journal.parent.iterdir())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
        troubled = await _in_trouble(world, "journal")
        if is_killed:
            await world.process.kill()
        else:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        return await _after_trouble(world, troubled)


async def _warm(world: World) -> None:
    await world.start()
    for number in range(20):
        world.network.post(f"chat{number % 5}", f"warm {number}")
    await world.until(lambda: len(world.network.first) == 20)


async def _in_trouble(world: World, words: str) -> Troubled:
    network, before = world.network, len(world.process.lines)
    for number in range(1000):
        network.post(f"chat{number % 5}", f"{LONG} {number}")
    await world.guarded(world.process.said(words))
    return Troubled(Counts(), world.process.lines[before:], network.confirmed)


async def _after_trouble(world: World, troubled: Troubled) -> Troubled:
    network = world.network
    if not world.process.is_running:
        await world.start()
    await world.until(lambda: len(network.first) == len(network.posted))
    dead = await world.finish()
    counts = judge(network.posted, network.arrived, dead)
    return attrs.evolve(troubled, counts=counts)


async def read_only_disk() -> tuple[Refused, Counts]:
    """Start on a disk that cannot be written, then on the same when it can.

    Raises:
        NotPossible: We may not mount.
    """
    with small_disk() as disk:
        async with World(mode="key", has_reports=False, root=disk / "workspace") as world:
            await _warm(world)
            await world.process.kill()
            world.network.post("chat0", "message")
            remount(disk, "ro")
            try:
                refused = await _refused(world)
            finally:
                remount(disk, "rw")
            await world.start()
            await world.until(lambda: len(world.network.first) == 21)
            dead = await world.finish()
            return refused, judge(world.network.posted, world.network.arrived, dead)


async def _refused(world: World) -> Refused:
    process = await world.start()
    async with asyncio.timeout(30):
        return Refused(await process.ended(), process.lines)


@attrs.frozen
class Truncated:
    """What came of a start on a journal that lost its end."""

    refused: Refused | None
    """None if it was used all the same, and all was answered."""
    is_untouched: bool
    """Whether the journal's files were left as they were."""
    confirmed: int
    """How many more messages the network was told are safe by then."""
    counts: Counts
    """In the end, when the file had been put back as it was."""


async def truncated(keep: Callable[[int], int], *, is_killed: bool = False) -> Truncated:
    """Stop the process, cut the journal's file, start; put the file back, and start again.

    Args:
        keep: How many bytes are left, of how many.
        is_killed: Whether the process is killed, so that the newest part of the journal is
            in the file beside it, and not asked to stop.
    """
    async with World(mode="key", has_reports=False, stop_timeout_s=1.0) as world:
        network = world.network
        await _warm(world)
        await world.terminate()
        world.agent["delay_s"] = 3600
        await world.start()
        for number in range(200):
            network.post(f"chat{number % 5}", f"{LONG} {number}")
        await world.until(lambda: network.confirmed == 220)
        await (world.process.kill() if is_killed else world.terminate())
        del world.agent["delay_s"]
        network.post("chat0", "after")
        with _kept(world.journal.parent):
            whole = world.journal.read_bytes()
            world.journal.write_bytes(whole[: keep(len(whole))])
            before = _contents(world.journal.parent)
            refused = await _refused_or_done(world, lambda: len(network.first) == 221)
            is_untouched = _contents(world.journal.parent) == before
            confirmed = network.confirmed - 220
        if refused is not None:
            await world.start()
            await world.until(lambda: len(network.first) == 221)
        dead = await world.finish() if refused is not None else ()
        counts = judge(network.posted, network.arrived, dead)
        return Truncated(refused, is_untouched, confirmed, counts)


async def _refused_or_done(world: World, is_done: Callable[[], bool]) -> Refused | None:
    process = await world.start()
    done = asyncio.create_task(world.network.until(is_done))
    ended = asyncio.create_task(process.ended())
    try:
        await asyncio.wait({done, ended}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return Refused(ended.result(), process.lines)
        await process.kill()
        assert done.done(), process.lines
        return None
    finally:
        done.cancel()
        ended.cancel()


def _contents(folder: Path) -> dict[str, bytes]:
    # The index of the write-ahead log is made anew by whoever looks.
    files = [path for path in folder.iterdir() if not path.name.endswith("-shm")]
    return {path.name: path.read_bytes() for path in files}


@contextlib.contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """Put a folder's files back as they were."""
    files = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    try:
        yield
    finally:
        for path in folder.iterdir():
            path.unlink()
        for path, content in files.items():
            path.write_bytes(content)
