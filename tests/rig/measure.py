"""Figures: of a process from outside, and of series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def memory_mb(pid: int, *, peak: bool = False) -> float:
    """Return a process's resident memory, now or at its highest, in MB; Linux only."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} has no {wanted}")


def open_files(pid: int) -> int:
    """Return how many files a process has open; Linux only."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share (0 to 1) of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return how fast a series rises, as the line of least squares has it."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
