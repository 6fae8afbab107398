"""What the programs of all clients share: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any


async def answer_lines(
    do: Callable[[str, dict[str, Any]], Awaitable[Any]],
    explain: Callable[[Exception], dict[str, Any]],
) -> None:
    """Do what lines ask until they end.

    Args:
        do: Does one command with its arguments.
        explain: Returns what is to be known of an error.
    """
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        try:
            answer = {"result": await do(asked["command"], asked["arguments"])}
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to see it
            kind = type(error).__name__
            answer = {"error": {"kind": kind, "text": str(error), **explain(error)}}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
