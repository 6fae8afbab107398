from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys

from cobot import PluginError
from cobot.testing import make_context

sys.modules["{missing}"] = None  # as if it were not installed
try:
    make_context("pigeon").{asked}
except PluginError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("asked", "missing"),
    [("http", "httpx"), ("sockets", "websockets"), ("webhooks", "uvicorn")],
)
def test_what_a_network_needs_is_named_where_it_is_missing(asked: str, missing: str) -> None:
    """Only who asks for it needs it, and is told how to install it."""
    command = [sys.executable, "-P", "-c", PROGRAM.format(asked=asked, missing=missing)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert "plugin 'pigeon' needs " in done.stdout
    assert "for its network; install it with: pip install 'cobot-core[net]'" in done.stdout
