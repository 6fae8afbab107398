"""What becomes of a text: cleaning, entities, markup."""

from __future__ import annotations

import html
from typing import Any

import pytest

from networks.telegram import ApiError
from networks.telegram.markup import parse
from networks.telegram.text import ENTITY_TYPES, cut, entities_of, find, fix, units


def bold(offset: int, length: int, **more: Any) -> dict[str, Any]:
    """Return an entity."""
    return {"type": "bold", "offset": offset, "length": length, **more}


def fixed(text: str, *entities: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Return a text as it is stored, and what each entity covers."""
    text, found = fix(text, list(entities), may_be_empty=False)
    return text, [(one["type"], cut(text, one["offset"], one["length"])) for one in found]


@pytest.mark.parametrize(("text", "count"), [("", 0), ("aé", 2), ("a🚀", 3), ("👨‍💻", 5)])
def test_lengths_are_in_utf_16(text: str, count: int) -> None:
    """A character beyond the first 65,536 counts twice."""
    assert units(text) == count


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" \n a b \n ", "a b"),
        ("a\r\nb", "a\nb"),
        ("a\tb\0c", "a b c"),
        ("a\u202eb\u2028c", "abc"),
        ("a\u0333b", "ab"),
        ("\u00a0a", "\u00a0a"),
    ],
)
def test_a_text_is_cleaned_and_trimmed(text: str, stored: str) -> None:
    """Control characters become spaces, some marks go, spaces and line feeds at the ends."""
    assert fixed(text)[0] == stored


def test_entities_keep_what_they_cover_when_a_text_is_cleaned() -> None:
    """They move with what goes before them, and shrink with what goes inside."""
    text, found = fixed("\n🚀\r\n\u202eab\u202ec ", bold(1, 2), bold(6, 4), bold(9, 2))

    assert text == "🚀\nabc"
    assert found == [("bold", "🚀"), ("bold", "abc"), ("bold", "c")]


def test_leading_spaces_that_an_entity_covers_stay() -> None:
    """The beginning is trimmed only up to the first entity."""
    assert fixed("  x = 1", {"type": "pre", "offset": 0, "length": 7})[0] == "  x = 1"


def test_entities_are_sorted_and_at_most_a_hundred() -> None:
    """What is more is dropped without a word."""
    given = [bold(number, 1) for number in reversed(range(120))]

    _, found = fix("x" * 120, given, may_be_empty=False)

    assert [one["offset"] for one in found] == list(range(100))


@pytest.mark.parametrize(
    ("entity", "says"),
    [
        (bold(9, 1), "entity begins after the end of the text at UTF-16 offset 9"),
        (
            bold(3, 2),
            (
                "entity beginning at UTF-16 offset 3 ends after the end of the text at UTF-16 "
                "offset 5"
            ),
        ),
        (bold(2, 1), "entity begins in a middle of a UTF-16 symbol at byte offset 5"),
        (
            bold(0, 2),
            (
                "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at "
                "byte offset 5"
            ),
        ),
        (bold(-1, 1), "receive an entity with incorrect offset -1"),
        (bold(0, -1), "receive an entity with incorrect length -1"),
    ],
)
def test_entities_have_to_fit(entity: dict[str, Any], says: str) -> None:
    """Not beyond the text, and not into the middle of a pair of surrogates."""
    with pytest.raises(ApiError) as refused:
        fixed("a🚀b", entity)

    assert refused.value.description == f"Bad Request: {says}"


def test_lone_surrogates_are_no_text() -> None:
    """They cannot be encoded."""
    with pytest.raises(ApiError, match="strings must be encoded in UTF-8"):
        fixed("a\ud83d")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nothing at all", []),
        ("see https://a.test/b?c#d.", [("url", "https://a.test/b?c#d")]),
        ("see example.com/x", [("url", "example.com/x")]),
        ("🚀 @ann_u, @x", [("mention", "@ann_u")]),
        ("/ask@lab_bot hi", [("bot_command", "/ask@lab_bot")]),
        ("and/or #tag #1 $USD", [("hashtag", "#tag"), ("cashtag", "$USD")]),
        ("a@b.test", [("email", "a@b.test")]),
    ],
)
def test_the_network_finds_entities_itself(text: str, found: list[tuple[str, str]]) -> None:
    """Links, mentions, commands, tags and addresses."""
    entities = [(one["type"], cut(text, one["offset"], one["length"])) for one in find(text)]

    assert entities == found


def test_nothing_is_found_in_code() -> None:
    """Nor in a link that the sender has set."""
    code = {"type": "code", "offset": 0, "length": 6}

    assert fixed("@ann_u @bob_u", code)[1] == [("code", "@ann_u"), ("mention", "@bob_u")]


def test_entities_that_the_network_sets_cannot_be_given() -> None:
    """They are ignored, as unknown ones are."""
    given = [{"type": kind, "offset": 0, "length": 1} for kind in ("url", "nonsense", "bold")]

    assert [one["type"] for one in entities_of(given)] == ["bold"]
    assert {"url", "mention"}.isdisjoint(ENTITY_TYPES)


@pytest.mark.parametrize("given", [["x"], [{"type": "bold", "offset": 0}]])
def test_an_entity_that_is_none_is_refused(given: list[Any]) -> None:
    """It has to be an object with all fields."""
    with pytest.raises(ApiError, match="can't parse MessageEntity: "):
        entities_of(given)


def marked(text: str, mode: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a text without markup, and what each entity covers."""
    plain, entities = parse(text, mode)
    return plain, [(one["type"], cut(plain, one["offset"], one["length"])) for one in entities]


@pytest.mark.parametrize(
    ("text", "plain", "found"),
    [
        ("a &lt;b&gt; &#233;&#x1F680; &nbsp;", "a <b> é🚀 &nbsp;", []),
        (
            "🚀 <b>bold <i>both</i></b>",
            "🚀 bold both",
            [("bold", "bold both"), ("italic", "both")],
        ),
        ("<STRONG>x</STRONG><b></b>", "x", [("bold", "x")]),
        ("<u>a</u><s>b</s><del>c</del>", "abc", "underline strikethrough strikethrough"),
        ('<span class="tg-spoiler">x</span>', "x", [("spoiler", "x")]),
        ("<blockquote>x</blockquote>", "x", [("blockquote", "x")]),
        ("<blockquote expandable>x</blockquote>", "x", [("expandable_blockquote", "x")]),
        ("<a href='https://a.test/?x=1&amp;y'>x</a>", "x", [("text_link", "x")]),
        ("<a>not a link</a>", "not a link", []),
        ("<pre><code class='language-py'>x</code></pre>", "x", [("pre", "x")]),
        ("<code class='language-py'>x</code>", "x", [("code", "x")]),
        ('<tg-emoji emoji-id="5">👍</tg-emoji>', "👍", [("custom_emoji", "👍")]),
    ],
)
def test_html_becomes_entities(text: str, plain: str, found: Any) -> None:
    """Tags of all kinds, nested, with references decoded."""
    if isinstance(found, str):
        found = list(zip(found.split(), plain, strict=True))

    assert marked(text, "html") == (plain, found)


def test_html_tells_links_languages_and_people() -> None:
    """What a tag's attribute says stands in the entity."""
    _, (link,) = parse('<a href="https://a.test/?x=1&amp;y">x</a>', "HTML")
    _, (code,) = parse('<pre><code class="language-py">x</code></pre>', "HTML")
    _, (person,) = parse('<a href="tg://user?id=5">x</a>', "HTML")

    assert link["url"] == "https://a.test/?x=1&y"
    assert code["language"] == "py"
    assert (person["type"], person["user"]) == ("text_mention", {"id": 5})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("é<br>", 'Unsupported start tag "br" at byte offset 2'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        (
            "<b><i>x</b></i>",
            'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
        ),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_wrong_html_is_refused_with_its_place(text: str, says: str) -> None:
    """The place is in bytes."""
    with pytest.raises(ApiError) as refused:
        parse(text, "HTML")

    assert refused.value.description == f"Bad Request: can't parse entities: {says}"


@pytest.mark.parametrize(
    ("text", "plain", "found"),
    [
        (r"1\.5 \_x\_ \\", "1.5 _x_ \\", []),
        (
            "*bold _both_*",
            "bold both",
            [("bold", "bold both"), ("italic", "both")],
        ),
        ("__u__ ~s~ ||p||", "u s p", "underline strikethrough spoiler"),
        (r"`a\`b_*`", "a`b_*", [("code", "a`b_*")]),
        ("```py\nx_y\n```", "x_y\n", [("pre", "x_y\n")]),
        ("```\nx```", "x", [("pre", "x")]),
        (r"[a\.b](https://a.test/\)x)", "a.b", [("text_link", "a.b")]),
        (">a\n>b\nc", "a\nb\nc", [("blockquote", "a\nb")]),
        (">a\n>b||", "a\nb", [("expandable_blockquote", "a\nb")]),
        ("![👍](tg://emoji?id=5)", "👍", [("custom_emoji", "👍")]),
        ("___x_**__", "x", [("underline", "x"), ("italic", "x")]),
    ],
)
def test_markdown_v2_becomes_entities(text: str, plain: str, found: Any) -> None:
    """Every kind of entity, escapes, and blocks of code that keep what is in them."""
    if isinstance(found, str):
        found = list(zip(found.split(), plain.split(), strict=True))

    read = marked(text, "MarkdownV2")

    assert (read[0], sorted(read[1])) == (plain, sorted(found))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.5", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("é *x", "Can't find end of Bold entity at byte offset 3"),
        ("`x", "Can't find end of Code entity at byte offset 0"),
        ("[x](https://a.test", "Can't find end of a URL at byte offset 4"),
        ("![x]", "The entity must contain a tg://emoji or tg://time URL"),
    ],
)
def test_wrong_markdown_v2_is_refused_with_its_place(text: str, says: str) -> None:
    """A reserved character, or an end that is missing."""
    with pytest.raises(ApiError) as refused:
        parse(text, "MarkdownV2")

    assert refused.value.description == f"Bad Request: can't parse entities: {says}"


@pytest.mark.parametrize(
    ("text", "plain", "found"),
    [
        (r"1.5 \_x *b* _i_", "1.5 _x b i", [("bold", "b"), ("italic", "i")]),
        ("`c_d` [x](https://a.test)", "c_d x", [("code", "c_d"), ("text_link", "x")]),
        ("```py\nx\n```", "\nx\n".lstrip(), [("pre", "x\n")]),
    ],
)
def test_the_old_markdown_becomes_entities(text: str, plain: str, found: Any) -> None:
    """It knows less, and wants less to be escaped."""
    assert marked(text, "Markdown") == (plain, found)


def test_wrong_old_markdown_is_refused_with_its_place() -> None:
    """It says less than the new one."""
    with pytest.raises(ApiError) as refused:
        parse("snake_case", "Markdown")

    assert refused.value.description.endswith(
        "Can't find end of the entity starting at byte offset 5"
    )


def test_an_unknown_mode_is_refused() -> None:
    """There are three."""
    with pytest.raises(ApiError, match="Bad Request: unsupported parse_mode"):
        parse("x", "rst")


@pytest.mark.parametrize("text", ["<b> & </b>", "a\n\"q\" 'q' <🚀>"])
def test_escaped_text_comes_out_as_it_went_in(text: str) -> None:
    """What is escaped by the rules is plain text."""
    assert marked(html.escape(text, quote=True).replace("&#x27;", "'"), "HTML") == (text, [])
