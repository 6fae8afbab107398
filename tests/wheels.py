"""Wheels of this checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def wheel_of(source: Path, folder: Path) -> Path:
    """Build a wheel of a copy of a distribution's folder; return it.

    Args:
        source: The distribution's folder, which stays as it is.
        folder: Where the copy and the wheel are put.
    """
    copy = folder / source.name
    leave_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
    shutil.copytree(source, copy, ignore=leave_out)
    build = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation")
    subprocess.run(
        [sys.executable, *build, "--wheel-dir", folder, copy],
        check=True,
        timeout=100,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel
