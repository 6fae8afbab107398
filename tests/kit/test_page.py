"""What docs/kit.md says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from cobot import kit

PAGE = (Path(__file__).parents[2] / "docs" / "kit.md").read_text()


def test_the_example_prints_what_is_shown() -> None:
    """It is a program of its own."""
    program, output = re.search(
        r"```python\n(.*?)```.*?```\n(.*?)```", PAGE, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    command = [sys.executable, "-P", "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, output), done.stderr


def test_every_piece_is_in_the_table() -> None:
    """And nothing else is."""
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert told == {*kit.__all__} - {"Fetch"}
