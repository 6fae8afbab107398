"""What the page on networking says of WebSockets is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "networking.md").read_text()
SECTION = PAGE[PAGE.index("## WebSockets") :].split("\n## ")[0]


def test_the_example_prints_what_is_shown() -> None:
    """But for the port and the wait, which are its own each time."""
    (program,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    (shown,) = re.findall(r"```\n(welcome.*?)```", SECTION, re.DOTALL)

    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert told.stderr == ""
    assert _without_figures(told.stdout) == _without_figures(shown)


def _without_figures(text: str) -> str:
    return re.sub(r":\d+ |\b0\.0\d+", " ", text)
