"""Markdown as Discord shows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from text.strategies import DOCUMENTS, MARKDOWN, SOME

from cobot.text import Document, flatten, parse, parts
from cobot_discord import LIMITS
from cobot_discord.markup import render


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("plain", "plain"),
        ("*a* **b** ~~c~~ `d`", "*a* **b** ~~c~~ `d`"),
        ("# Title\n\ntext", "# Title\n\ntext"),
        ("##### Deep", "**Deep**"),
        ("# A **bold** title", "# A bold title"),
        ("[here](https://x.y/z_z)", "[here](https://x.y/z_z)"),
        ("[mail](mailto:a@x.y)", "mail (a@x.y)"),
        ("<https://x.y/a_b_c>", "https://x.y/a_b_c"),
        ("> said\n> > before", "> said\n> \n> before"),
        ("```py\nx = 1\n```", "```py\nx = 1\n```"),
        ("```c++\nx\n```", "```c++\nx\n```"),
        ("````\n```\nx\n```\n````", "```\n`\u200b``\nx\n`\u200b``\u200b\n```"),
        ("- one\n- two\n  - three", "- one\n- two\n  - three"),
        ("3. one\n4. two", "3. one\n4. two"),
        ("a | b\n--|--\n1 | 2", "```\na | b\n--+--\n1 | 2\n```"),
        ("snake_case and 2 \\* 3", "snake\\_case and 2 \\* 3"),
    ],
)
def test_each_kind_of_markup_has_its_form(markdown: str, text: str) -> None:
    """And what Discord has not is shown in another way."""
    assert render(parse(markdown)).text == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("||no|| _no_ ~~no~~ `no`", "\\|\\|no\\|\\| \\_no\\_ \\~\\~no\\~\\~ \\`no\\`"),
        ("# no", "\\# no"),
        ("-# no", "\\-# no"),
        ("#channel", "#channel"),
        ("- no\n> no\n1. no", "\\- no\n\\> no\n1\\. no"),
        ("[no](https://x.y)", "\\[no](https://x.y)"),
        ("https://x.y/a_b", "https://x.y/a_b"),
        ("<@5> <#9> <t:1:R> @everyone", "<@5> <#9> <t:1:R> @everyone"),
        ("_ <:a_b:1> _ </a_b:2> <_>", "\\_ <:a_b:1> \\_ </a_b:2> <\\_>"),
    ],
)
def test_what_is_no_markup_does_not_become_any(text: str, written: str) -> None:
    """But mentions stay: they ping only those that the message names."""
    assert render(Document.plain(text)).text == written


@SOME
@given(DOCUMENTS)
def test_nothing_is_lost(document: Document) -> None:
    """Every letter is there, in order."""
    letters = iter(render(document).text)
    for letter in flatten(document, bullets=("-",)).text:
        assert letter.isspace() or letter in letters


@SOME
@given(MARKDOWN)
def test_parts_fit(markdown: str) -> None:
    """However long the signs make them."""
    assert LIMITS.text is not None
    for part in parts(markdown * 20, render, LIMITS.text, LIMITS.unit):
        rendered = part.rendered.text if part.rendered else part.text
        assert len(rendered) <= 2000
