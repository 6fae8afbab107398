"""The README's table of what each channel can do, made from what the channels declare.

`python tests/operations.py` writes it into the README.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- operations: begin -->\n", "<!-- operations: end -->\n"

SECRET = "0" * 63 + "1"  # a key of Nostr's that everybody knows
CONFIGURATION = f"""\
plugins:
  console: {{}}
  telegram: {{bot_token: "1:fake"}}
  discord: {{bot_token: "MTEwMDAwMDAwMDAwMDAwMDAwMQ.GfakeX.of-a-fake-bot"}}
  slack: {{bot_token: "xoxb-fake"}}
  nostr: {{nsec: "{SECRET}", relays: ["ws://127.0.0.1:9"]}}
"""

REPEATED = {
    "none": "repeated, and marked",
    "key": "repeated under its key",
    "same": "the same event again",
    "lookup": "looked up, then repeated",
}
"""What becomes of a send that nobody confirmed, by `Limits.idempotency`."""

Shown = Callable[[dict[str, Any]], str]

LIMITS: dict[str, Shown] = {
    "longest text": lambda limits: _number(limits["text"]),
    "largest file sent": lambda limits: _size(limits["upload_bytes"]),
    "a send that nobody confirmed": lambda limits: REPEATED[limits["idempotency"]],
}
"""Rows besides the operations: how each is read from a channel's limits."""


def _number(value: int | None) -> str:
    return "no limit" if value is None else f"{value:,}"


def _size(value: int | None) -> str:
    return "no limit" if value is None else f"{value / 1024**2:,.0f} MiB"


def described() -> list[dict[str, Any]]:
    """Return what `cobot channels` tells of all five channels."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cobot.yml").write_text(CONFIGURATION)
        command = [str(Path(sys.executable).with_name("cobot")), "channels", "--json"]
        told = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    channels: list[dict[str, Any]] = json.loads(told.stdout)
    return channels


def table(channels: Sequence[dict[str, Any]]) -> str:
    """Return the table in Markdown: a column for each channel."""
    rows = [
        ["", *(one["channel"] for one in channels)],
        ["---"] * (len(channels) + 1),
        *(
            [operation, *(one["operations"][operation] for one in channels)]
            for operation in channels[0]["operations"]
        ),
        *(
            [name, *(shown(one["limits"]) for one in channels)]
            for name, shown in LIMITS.items()
        ),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def written(readme: str, made: str) -> str:
    """Return a README with the table in its place."""
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    return re.sub(pattern, lambda _: f"{BEGIN}\n{made}\n{END}", readme, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(written(README.read_text(), table(described())))
