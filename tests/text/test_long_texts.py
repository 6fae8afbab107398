from __future__ import annotations

import pytest

from cobot.limits import measure
from cobot.text import Document, Render, parse, parts
from text.forms import Watched, markdown, telegram, visible

LONG = 100_000  # characters of what is quick to split
MARKED = 10_000  # of what is full of mark-up, which takes as long


def times(size: int, piece: str, before: str = "", after: str = "") -> str:
    """Return a text of a size, most of which is one piece over and over."""
    return before + piece * (size // len(piece)) + after


@pytest.mark.parametrize(
    "text",
    [
        times(LONG, "a"),
        times(LONG, "\u0301", "e"),
        times(LONG, "👩\u200d"),
        times(LONG, "🇩🇪"),
        times(LONG, " ", "a", "b"),
        times(LONG, "words and "),
        times(LONG, "שלום \u202e"),
        times(LONG, "z", "http://x.y/"),
        times(LONG, "words and ", "[", "](http://x.y)"),
        times(LONG, "x", "```\n", "\n```"),
        times(LONG, "some code\n", "```py\n", "```"),
        times(LONG, "[a](http://x.y/" + "z" * 3_000 + ") "),
        times(LONG, "head ", "|", "|\n|-|\n" + "|row|\n" * 100),
        times(MARKED, "*a* **b** "),
        times(MARKED, "[a](http://x.y) "),
        times(MARKED, "# h\n"),
        times(MARKED, "- item *x*\n"),
        "".join(f"{'  ' * (n % 6)}- {n}\n" for n in range(600)),
        times(MARKED, "> y\n", "> " * 200 + "x\n"),
        times(MARKED, "|cell|*x*|\n", "|a|b|\n|-|-|\n"),
        times(MARKED, "x *y* z ", "|a|b|\n|-|-|\n|" + "x " * 10_000 + "|", "|"),
        times(MARKED, "|" + "b|" * 200 + "\n", "|" + "a|" * 200 + "\n|" + "-|" * 200 + "\n"),
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.parametrize(
    ("render", "limit"), [(telegram, 4096), (markdown, 300)], ids=["4096", "300"]
)
def test_a_long_text_is_split_in_one_walk(text: str, render: Render, limit: int) -> None:
    """Each part is rendered a few times, whatever the text, and the whole once."""
    watched = Watched(render)
    source = parse(text)

    split = watched.parts(source, limit, "utf16")

    shown = iter("".join(map(visible, split)))
    assert all(letter in shown for letter in visible(source))
    forms = [render(document).text for document in split]
    assert max(measure(form, "utf16") for form in forms) <= limit
    # The whole, once; then of each part a handful of tries.
    assert watched.letters - len(render(source).text) < 12 * (limit + 100) * (len(split) + 1)


def test_a_small_limit_is_one_walk_too() -> None:
    """Thousands of parts are made in a second and not in hours."""
    assert len(parts("word *x* " * 1_000, markdown, 4)) == 2_000
    assert len(parts(Document.plain("a" * 5_000), None, 1)) == 5_000
