from __future__ import annotations

import pytest

from cobot.limits import measure
from cobot.text import Document, Render, parse, parts
from text.forms import Watched, markdown, telegram, visible


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "e" + "\u0301" * 100_000,
        "👩\u200d" * 50_000,
        "🇩🇪" * 50_000,
        "a" + " " * 100_000 + "b",
        "words and " * 10_000,
        "*a* **b** " * 10_000,
        "[a](http://x.y) " * 6_000,
        ("[a](http://x.y/" + "z" * 3_000 + ") ") * 30,
        f"[{'words and ' * 10_000}](http://x.y)",
        "http://x.y/" + "z" * 100_000,
        "- item *x*\n" * 9_000,
        "".join(f"{'  ' * (n % 6)}- {n}\n" for n in range(8_000)),
        "> " * 10_000 + "x\n" + "> y\n" * 10_000,
        "```\n" + "x" * 100_000 + "\n```",
        "```py\n" + "some code\n" * 10_000 + "```",
        "|a|b|\n|-|-|\n" + "|cell|*x*|\n" * 9_000,
        "|a|b|\n|-|-|\n|" + "x " * 50_000 + "|" + "*y* z " * 8_000 + "|",
        f"|{'head ' * 20_000}|\n|-|\n" + "|row|\n" * 100,
        "|" + "a|" * 2_000 + "\n|" + "-|" * 2_000 + "\n" + ("|" + "b|" * 2_000 + "\n") * 20,
        "# h\n" * 25_000,
        "שלום \u202e" * 15_000,
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
    """Tens of thousands of parts are made in seconds and not in hours."""
    assert len(parts("word *x* " * 11_000, markdown, 4)) == 22_000
    assert len(parts(Document.plain("a" * 100_000), None, 1)) == 100_000
