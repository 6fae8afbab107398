"""What the page on networking says of webhooks is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import attrs

from cobot.net.ports import USUAL

PAGE = (Path(__file__).parents[2] / "docs" / "networking.md").read_text()
SECTION = PAGE[PAGE.index("## Webhooks") :].split("\n## ")[0]


def test_the_example_prints_what_is_shown() -> None:
    """To the letter."""
    (program,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    (shown,) = re.findall(r"```\n(401.*?)```", SECTION, re.DOTALL)

    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (told.stderr, told.stdout) == ("", shown)


def test_all_options_are_told() -> None:
    """Each in the table, under its name."""
    names = set(attrs.asdict(USUAL)) - {"trusted_proxies"}

    assert set(re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE)) == names
