"""What the page on text says is what the code does."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any, get_args

import cobot.text
from cobot.text import Block, Kind

PAGE = (Path(__file__).parents[2] / "docs" / "text.md").read_text()


def blocks(language: str) -> list[str]:
    """Return what stands between the page's fences."""
    found = re.findall(rf"^(`{{3,}}){language}\n(.*?)^\1\n", PAGE, re.DOTALL | re.MULTILINE)
    return [text for _, text in found]


def test_the_examples_print_what_the_page_shows() -> None:
    """Each example works as shown, one after another."""
    shown = blocks("text")
    printed = []
    namespace: dict[str, Any] = {}
    for block in blocks("python"):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, "text.md", "exec"), namespace)
        printed.append(out.getvalue())

    assert printed == shown
    assert len(printed) == 3


def test_the_page_names_all_blocks_and_marks() -> None:
    """Nothing that a channel has to show is left out."""
    for name in (*(block.__name__ for block in get_args(Block)), *get_args(Kind)):
        assert f"`{name}`" in PAGE


def test_what_the_page_names_is_there() -> None:
    """Functions and classes in the page's text can be imported."""
    for name in re.findall(r"`(\w+)\(\w+\)`", PAGE):
        assert hasattr(cobot.text, name)
