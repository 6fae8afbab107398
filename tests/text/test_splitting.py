from __future__ import annotations

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cobot.limits import Unit, measure
from cobot.messages import OutgoingMessage
from cobot.text import Document, Part, Render, Rendered, flatten, parse, parts, plain_text
from text.forms import (
    MOST_ENTITIES,
    RENDERS,
    Watched,
    entity_faults,
    form_of,
    markdown,
    mrkdwn,
    plain,
    telegram,
    visible,
)
from text.strategies import DOCUMENTS, MARKDOWN, SOME, TEXTS, UNITS

SOURCES = DOCUMENTS | MARKDOWN.map(parse) | TEXTS.map(Document.plain)
RENDER = st.sampled_from(RENDERS)


# What holds for every text.


@SOME
@given(source=SOURCES, render=RENDER, limit=st.integers(1, 120), unit=UNITS)
@example(source=Document.plain("\u0301" * 9), render=plain, limit=1, unit="bytes")
@example(source=Document.plain("😀" * 9), render=telegram, limit=1, unit="utf16")
@example(source=Document.plain(" " * 9 + "a"), render=plain, limit=1, unit="codepoints")
@example(source=parse("> " * 9 + "a b c"), render=plain, limit=5, unit="codepoints")
def test_every_part_fits_and_has_something_to_see(
    source: Document, render: Render, limit: int, unit: Unit
) -> None:
    """No part is longer than the network takes but for a single character, none is empty."""
    split = parts(source, render, limit, unit)

    assert split
    for part in split:
        form = form_of(part)
        assert measure(form.text, unit) <= limit or len(part.text) == 1
        assert form.text.strip() or len(split) == 1
        if render is telegram:
            assert entity_faults(form.text, form.marks) == []
            assert len(form.marks) <= MOST_ENTITIES


@SOME
@given(source=SOURCES, render=RENDER, limit=st.integers(100, 300), unit=UNITS)
def test_parts_together_say_what_the_whole_says(
    source: Document, render: Render, limit: int, unit: Unit
) -> None:
    """All that can be seen is in one part, once, in order."""
    split = Watched(render).parts(source, limit, unit)

    assert "".join(map(visible, split)) == visible(source)


@SOME
@given(source=SOURCES, render=RENDER, limit=st.integers(1, 40), unit=UNITS)
def test_small_limits_lose_nothing(
    source: Document, render: Render, limit: int, unit: Unit
) -> None:
    """Addresses may be written out where there is no room for a link; the rest is the same."""
    split = Watched(render).parts(source, limit, unit)

    shown = iter("".join(map(visible, split)))
    assert all(letter in shown for letter in visible(source))


@SOME
@given(text=TEXTS, limit=st.integers(4, 40), unit=UNITS)
def test_only_white_space_is_left_out_between_the_parts_of_a_plain_text(
    text: str, limit: int, unit: Unit
) -> None:
    """Each part is found in the text as it is, behind the one before."""
    at = 0
    for part in parts(Document.plain(text), None, limit, unit):
        found = text.index(part.text, at)
        assert not text[at:found].strip()
        at = found + len(part.text)
    assert not text[at:].strip()


@SOME
@given(source=SOURCES, render=RENDER, unit=UNITS)
def test_what_fits_is_one_part(source: Document, render: Render, unit: Unit) -> None:
    """Without a limit, and where all of it fits, nothing is cut."""
    whole = render(source)
    assume(whole.load <= 1)

    for limit in (None, measure(whole.text, unit)):
        (part,) = parts(source, render, limit, unit)
        assert part.text == plain_text(source)
        assert form_of(part).text == whole.text
        assert [*form_of(part).marks] == [*whole.marks]


@SOME
@given(text=MARKDOWN, limit=st.none() | st.integers(1, 50), unit=UNITS)
def test_markdown_is_split_as_its_document(text: str, limit: int | None, unit: Unit) -> None:
    """A text may be given in place of its document."""
    assert parts(text, None, limit, unit) == parts(parse(text), None, limit, unit)


@SOME
@given(
    source=SOURCES,
    render=RENDER,
    limit=st.integers(100, 300),
    first=st.integers(0, 60),
    unit=UNITS,
)
def test_a_caption_has_a_limit_of_its_own(
    source: Document, render: Render, limit: int, first: int, unit: Unit
) -> None:
    """The first part keeps to it, empty if need be, and what follows to the other one."""
    caption, *rest = map(form_of, parts(source, render, limit, unit, first))

    assert measure(caption.text, unit) <= first
    assert all(measure(one.text, unit) <= limit for one in rest)
    assert all(one.text.strip() for one in rest)


# How it is cut.


def test_code_that_is_cut_is_closed_and_opened_again() -> None:
    """Each part is a block of code in the same language, cut between lines."""
    text = "```py\n" + "one = two\n" * 6 + "```"

    assert [form_of(part).text for part in parts(text, markdown, 44)] == [
        "```py\none = two\none = two\none = two\n```",
        "```py\none = two\none = two\none = two\n```",
    ]


def test_formatting_that_is_cut_is_closed_and_opened_again() -> None:
    """A long bold text is bold in each part, and its link leads there from each."""
    text = "**" + "word " * 6 + "[" + "label " * 6 + "](http://x.y)**"

    split = [form_of(part).text for part in parts(text, markdown, 40)]

    assert split == [
        "**word word word word word word**",
        "[**label label label**](http://x.y)",
        "[**label label label** ](http://x.y)",
    ]


def test_lists_and_quotes_go_on_in_the_next_part() -> None:
    """Numbers go on, and an item that was cut has no second number."""
    text = "8. one\n9. two and\n   more words\n\n> first line\n> second line"

    assert [part.text for part in parts(text, None, 17)] == [
        "8. one\n9. two and",
        "   more words",
        "> first line",
        "> second line",
    ]


def test_a_table_is_cut_between_rows_under_its_header() -> None:
    """Each part of a table can be read by itself."""
    text = "|name|n|\n|-|-|\n" + "".join(f"|row {n}|{n}|\n" for n in range(1, 5))

    assert [part.text for part in parts(text, None, 42)] == [
        "name  | n\n------+--\nrow 1 | 1\nrow 2 | 2",
        "name  | n\n------+--\nrow 3 | 3\nrow 4 | 4",
    ]


def test_a_row_that_is_too_long_is_cut_in_its_cells() -> None:
    """The rest of a cell stands in its column."""
    text = "|a|b|\n|-|-|\n|one two three four|five six seven|"

    shown = [part.text for part in parts(text, None, 60)]

    assert shown == [
        "a             | b\n--------------+--\none two three |",
        "a    | b\n-----+---------------\nfour | five six seven",
    ]


def test_a_heading_stays_with_what_is_below_it() -> None:
    """No part ends with a heading if it can be helped."""
    text = "some words here\n\n# Heading\n\nsome more words"

    assert [part.text for part in parts(text, None, 30)] == [
        "some words here",
        "Heading\n\nsome more words",
    ]


def test_code_that_fits_into_a_part_is_not_cut() -> None:
    """It can be copied as a whole, if the part before it is not left nearly empty."""
    code = "```\n" + "line\n" * 10 + "```"

    assert [part.text for part in parts(f"{'word ' * 5}\n\n{code}", None, 60)] == [
        "word word word word word",
        "line\n" * 9 + "line",
    ]
    assert len(parts(f"short\n\n{code}", None, 60)[0].text) > 30


def test_a_link_is_not_broken() -> None:
    """It moves to the next part as a whole."""
    text = "some words before [a label of words](http://x.y)"

    assert [part.text for part in parts(text, telegram, 30)] == [
        "some words before",
        "a label of words (http://x.y)",
    ]


def test_a_link_that_no_part_can_hold_is_written_out() -> None:
    """Its text and its address are read as text then, whole."""
    address = "http://x.y/" + "z" * 60

    split = parts(f"see [this]({address}) now", markdown, 50)

    assert "".join(part.text for part in split).replace(" ", "") == f"seethis({address})now"


def test_another_limit_of_the_network_splits_too() -> None:
    """More marks than a message may have are several messages."""
    text = "`code` " * 250

    split = parts(text, telegram, 4096)

    assert [len(form_of(part).marks) for part in split] == [100, 100, 50]
    assert len(parts(text, telegram, None)) == 3


def test_a_part_of_nothing_but_white_space_is_left_out() -> None:
    """No network takes one."""
    assert [part.text for part in parts("```\na" + "\n" * 90 + "b\n```", None, 20)] == [
        "a",
        "b",
    ]
    assert parts(Document.plain(" " * 50), None, 20) == [Part("")]


def test_a_header_that_fills_a_part_is_not_repeated() -> None:
    """There would be hardly any room for rows."""
    text = f"|{'long ' * 10}|\n|-|\n" + "|row|\n" * 30

    split = [part.text for part in parts(text, None, 100)]

    assert sum("long" in part for part in split) == 1


@pytest.mark.parametrize("limit", [0, -1, 1])
@pytest.mark.parametrize("unit", ["codepoints", "utf16", "bytes"])
def test_a_limit_that_is_too_small_for_anything_gives_single_characters(
    limit: int, unit: Unit
) -> None:
    """A limit that nothing fits in is somebody's mistake, and ends in no endless loop."""
    for text in ("a€😀", "**a€**😀", "- [a€😀](a€😀)"):
        assert [part.text for part in parts(text, None, limit, unit)][:3] == ["a", "€", "😀"]


# An answer as models write them.

SECTION = """## Step {n}: prepare 🚀

Some *words* about **what** to do with `config.yml`, see [the manual](https://example.org/{n}).
And a second line 👩🏽‍💻 of it.

1. First thing
   - with a detail that is **important**
   - and another one
2. Second thing

```python
def step_{n}(value: int) -> int:
    # A comment of some length, so that the lines differ
    return value * {n}
```

| name | value | note |
|------|------:|------|
| alpha{n} | {n} | 😀 first |
| beta{n} | {n}{n} | second |

> Quoted words {n},
> on two lines.

"""
ANSWER = "".join(SECTION.format(n=n) for n in range(1, 50))


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize(
    ("render", "limit", "unit"),
    [
        (telegram, 4096, "utf16"),
        (telegram, 1024, "codepoints"),
        (markdown, 2000, "codepoints"),
        (mrkdwn, 3900, "codepoints"),
        (plain, 4000, "bytes"),
    ],
)
def test_a_long_answer_arrives_complete_and_valid(
    render: Render, limit: int, unit: Unit, times: int
) -> None:
    """Twenty kilobytes of everything, or a hundred: all of it, and no part is nearly empty."""
    assert len(ANSWER.encode()) > 25_000
    source = parse(ANSWER * times)

    split = Watched(render).parts(source, limit, unit)

    assert "".join(map(visible, split)) == visible(source)
    forms = [render(document) for document in split]
    sizes = [max(measure(form.text, unit), int(form.load * limit)) for form in forms]
    assert max(sizes) <= limit
    assert min(sizes[:-1]) >= limit // 4
    if render is telegram:
        assert not any(entity_faults(form.text, form.marks) for form in forms)
    if render is markdown:
        assert all(form.text.count("```") % 2 == 0 for form in forms)
        assert [parse(form.text).text.count("def ") for form in forms] == [
            document.text.count("def ") for document in split
        ]


# What is stored of a part.


def test_a_form_that_is_no_more_than_the_text_is_not_stored() -> None:
    """Most messages are plain text, and need not be stored twice."""
    assert parts("a plain line", telegram, 100) == [Part("a plain line")]
    assert parts("a *b*", plain, 100) == [Part("a b")]


def test_a_channel_gets_the_form_back_from_the_message() -> None:
    """As it was rendered; what nobody rendered is the content as it is."""
    (part,) = parts("a *b*", telegram, 100)
    assert part.rendered is not None
    message = OutgoingMessage("t", "1", part.text)
    rendered = attrs.evolve(message, rendered=part.rendered.json)

    assert Rendered.of(rendered) == part.rendered
    assert Rendered.of(message) == Rendered("a b")


def test_flattening_is_all_that_a_plain_hook_needs() -> None:
    """A render may be three lines."""
    assert parts("**a** b", lambda document: Rendered(flatten(document).text), 10) == [
        Part("a b")
    ]
