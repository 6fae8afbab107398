"""The page for channel authors shows what works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from cobot import testing
from cobot.testing import Network

DOCS = Path(__file__).parent.parent.parent / "docs"


def _block(page: str, start: str) -> str:
    (found,) = re.findall(rf"```python\n({start}.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return str(found)


def test_example_runs_as_shown(tmp_path: Path) -> None:
    """The tutorial's channel passes the suite with the adapter that the page shows."""
    (tmp_path / "cobot_tcp.py").write_text(_block("tutorial.md", '"""TCP channel'))
    (tmp_path / "test_contract.py").write_text(_block("testing.md", "import asyncio"))
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))

    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-rs", "-p", "no:cacheprovider", "-q"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "edit: what was sent was sent" in done.stdout


def test_page_names_what_there_is() -> None:
    """Every method that the page's table names is one of the network's, and none is missing."""
    page = (DOCS / "testing.md").read_text()
    table = page.split("| write | for |")[1].split("\n\n")[0]
    named = {name for cell in re.findall(r"^\| (.*?) \|", table, re.M) for name in _names(cell)}
    there = {name for name in vars(Network) if not name.startswith("_") and _is_written(name)}

    assert named == there - {"why_not"}


def test_page_names_every_public_name() -> None:
    """Whoever reads the page has heard of all that is public."""
    page = (DOCS / "testing.md").read_text()

    assert [name for name in testing.__all__ if name not in page] == []


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)", cell)


def _is_written(name: str) -> bool:
    return callable(getattr(Network, name))
