from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Optional

import attrs
import pytest
from attrs import validators

from cobot import Id, PluginError, Secret
from cobot.config.document import Document
from cobot.config.structure import structure
from cobot.errors import nearest

TOKEN = "12345:hunter2"


def settings_of(kind: Any) -> type[Any]:
    """Return a settings class with one key `x` of a kind."""
    return attrs.make_class("Settings", {"x": attrs.field(type=kind)}, frozen=True)


def made(cls: type[Any], value: Any) -> tuple[Any, list[str]]:
    """Return what a section becomes, and the problems with it."""
    document = Document("cobot.yml")
    result = structure(document, ("plugins", "pigeon"), value, cls)
    return result, [str(one) for one in document.problems]


@attrs.frozen
class Group:
    """A group as the seed's file has it."""

    id: Id
    name: str = ""


@attrs.frozen(kw_only=True)
class Loft:
    """Settings with something of everything."""

    bot_token: Secret
    groups: list[Group] = attrs.field(factory=list)
    seconds: float = attrs.field(default=1.0, validator=validators.ge(0))
    tries: int = attrs.field(default=1, validator=validators.ge(1))
    home: Group | None = None


# Each kind


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (str, "text", "text"),
        (str, "", ""),
        (int, 5, 5),
        (float, 1.5, 1.5),
        (float, 2, 2.0),
        (bool, True, True),
        (Id, "010", "010"),
        (Id, -1001234567890, "-1001234567890"),
        (Secret, TOKEN, Secret(TOKEN)),
        (Path, "a/b", Path("a/b")),
        (list[str], ["a", "b"], ["a", "b"]),
        (list[str], [], []),
        (Sequence[str], ["a"], ["a"]),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[str], ["a", "a"], {"a"}),
        (frozenset[Id], [5], frozenset({"5"})),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Mapping[str, list[int]], {"a": [1]}, {"a": [1]}),
        (dict[str, Secret], {"a": TOKEN}, {"a": Secret(TOKEN)}),
        (Literal["a", "b"], "a", "a"),
        (Literal[1, 2], 1, 1),
        (Optional[int], 5, 5),  # noqa: UP045
        (Secret | None, TOKEN, Secret(TOKEN)),
        (list[str] | None, ["a"], ["a"]),
        (Group | None, {"id": 1}, Group(Id("1"))),
        (
            list[Group],
            [{"id": 1}, {"id": "2", "name": "n"}],
            [Group(Id("1")), Group(Id("2"), "n")],
        ),
        (dict[str, Group], {"a": {"id": 1}}, {"a": Group(Id("1"))}),
        (Group | Literal["off"], "off", "off"),
        (Literal["off"] | Group, {"id": 1}, Group(Id("1"))),
        (Group | Literal["off"] | None, {"id": 1}, Group(Id("1"))),
        (Literal["a", "b"] | Group | None, "b", "b"),
        (Any, {"a": [1]}, {"a": [1]}),
    ],
    ids=str,
)
def test_value_of_the_right_kind_is_taken(kind: Any, written: object, value: object) -> None:
    """Each kind of setting takes what it is meant for."""
    result, problems = made(settings_of(kind), {"x": written})

    assert problems == []
    assert result.x == value
    assert type(result.x) is type(value)


@pytest.mark.parametrize(
    ("kind", "wrong", "detail"),
    [
        (str, 5, "expected text, got the number 5; put it in quotes"),
        (str, True, "expected text, got true; put it in quotes"),
        (str, None, "expected text, got nothing"),
        (str, ["a"], "expected text, got a list"),
        (str, {"a": 1}, "expected text, got keys with values"),
        (int, "5", "expected a whole number, got the text '5'"),
        (int, 1.0, "expected a whole number, got the number 1.0"),
        (int, True, "expected a whole number, got true"),
        (int, None, "expected a whole number, got nothing"),
        (float, "1.5", "expected a number, got the text '1.5'"),
        (float, False, "expected a number, got false"),
        (float, None, "expected a number, got nothing"),
        (bool, 1, "expected true or false, got the number 1"),
        (bool, "true", "expected true or false, got the text 'true'"),
        (bool, None, "expected true or false, got nothing"),
        (Id, True, "expected an id (text or a whole number), got true"),
        (Id, 1.5, "expected an id (text or a whole number), got the number 1.5"),
        (Id, None, "expected an id (text or a whole number), got nothing"),
        (Id, " ", "expected an id, got empty text"),
        (Id, ["a"], "expected an id (text or a whole number), got a list"),
        (Secret, None, "expected text in quotes or ${VARIABLE}, got nothing"),
        (Secret, 12345, "expected text in quotes or ${VARIABLE}, got int"),
        (Secret, " ", "is empty"),
        (Path, 5, "expected text, got the number 5; put it in quotes"),
        (Path, "", "expected a path, got empty text"),
        (list[str], "text", "expected a list, got the text 'text'"),
        (list[str], None, "expected a list, got nothing"),
        (list[str], {"a": 1}, "expected a list, got keys with values"),
        (Sequence[str], "text", "expected a list, got the text 'text'"),
        (tuple[str, ...], "text", "expected a list, got the text 'text'"),
        (set[str], "text", "expected a list, got the text 'text'"),
        (frozenset[str], 5, "expected a list, got the number 5"),
        (dict[str, int], ["a"], "expected keys with values, got a list"),
        (dict[str, int], None, "expected keys with values, got nothing"),
        (Mapping[str, int], "a", "expected keys with values, got the text 'a'"),
        (Literal["a", "b"], "c", "expected a or b, got the text 'c'"),
        (Literal["a", "b"], None, "expected a or b, got nothing"),
        (Literal["a", "b"], ["a"], "expected a or b, got a list"),
        (Literal["1", "2"], 1, "expected 1 or 2, got the number 1"),
        (Literal[1, 2], True, "expected 1 or 2, got true"),
        (int | None, "5", "expected a whole number, got the text '5'"),
        (int | None, None, "expected a value, got nothing; remove the key"),
        (list[str] | None, "text", "expected a list, got the text 'text'"),
        (Group, "text", "expected keys with values, got the text 'text'"),
        (Group, None, "expected keys with values, got nothing"),
        (Group | None, ["a"], "expected keys with values, got a list"),
        (Group | Literal["off"], "on", "expected off, or {id, name}, got the text 'on'"),
        (Group | Literal["off"], False, "expected off, or {id, name}, got false"),
        (
            Literal["a", "b"] | Group | None,
            ["a"],
            "expected a or b, or {id, name}, got a list",
        ),
        (
            Group | Literal["off"] | None,
            None,
            "expected a value, got nothing; remove the key",
        ),
    ],
    ids=str,
)
def test_value_of_another_kind_is_a_problem(kind: Any, wrong: object, detail: str) -> None:
    """Nothing is bent to fit: what was wanted and what stands there are both said."""
    result, problems = made(settings_of(kind), {"x": wrong})

    assert result is None
    assert problems == [f"cobot.yml: plugins.pigeon.x: {detail}"]


@pytest.mark.parametrize(
    ("kind", "wrong", "path"),
    [
        (list[str], ["a", 5], "x[1]"),
        (tuple[int, ...], [1, "b"], "x[1]"),
        (set[str], ["a", ["b"]], "x[1]"),
        (list[list[int]], [[1], [2, None]], "x[1][1]"),
        (dict[str, int], {"a": 1, "b": "c"}, "x.b"),
        (dict[str, list[int]], {"a": [1, "c"]}, "x.a[1]"),
        (list[Group], [{"id": 1}, {"id": None}], "x[1].id"),
        (list[Group], [{"id": 1}, "text"], "x[1]"),
        (list[Group], [{"name": "n"}], "x[0].id"),
        (list[Group], [{"id": 1, "nam": "n"}], "x[0].nam"),
        (list[Group] | None, [{"id": 1}, {"id": None}], "x[1].id"),
        (Group | None, {"id": None}, "x.id"),
        (dict[str, Group], {"a": {"id": None}}, "x.a.id"),
        (Group | Literal["off"] | None, {"id": None}, "x.id"),
    ],
    ids=str,
)
def test_problem_inside_a_value_has_its_path(kind: Any, wrong: object, path: str) -> None:
    """In a list of forty groups the one that is wrong is named."""
    _, problems = made(settings_of(kind), {"x": wrong})

    assert len(problems) == 1
    assert problems[0].startswith(f"cobot.yml: plugins.pigeon.{path}: ")


@pytest.mark.parametrize(
    "kind",
    [
        tuple[int, str],
        int | str,
        int | str | None,
        Group | int | None,
        Literal["a"] | int,
        datetime,
        object,
        list[datetime],
        dict[str, object],
        complex,
    ],
    ids=str,
)
def test_class_with_a_kind_no_file_has_is_the_plugins_fault(kind: Any) -> None:
    """The plugin's author is told, not the owner, whose file is right."""
    with pytest.raises(PluginError, match="Settings cannot be read from a file"):
        made(settings_of(kind), {"x": "text"})


# Keys


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("bot_tokn", "; did you mean 'bot_token'?"),
        ("group", "; did you mean 'groups'?"),
        ("zzz", "; known: bot_token, groups, home, seconds, tries"),
        ("", "; known: bot_token, groups, home, seconds, tries"),
    ],
)
def test_unknown_key_names_the_nearest_known_one(key: str, hint: str) -> None:
    """A misspelt key is never passed over; the error has the right spelling if one is near."""
    _, problems = made(Loft, {"bot_token": TOKEN, key: 1})

    assert problems == [f"cobot.yml: plugins.pigeon.{key}: unknown key{hint}"]


def test_key_of_a_class_without_settings_is_unknown() -> None:
    """A plugin without settings takes none, and says so."""
    _, problems = made(attrs.make_class("Empty", {}), {"a": 1})

    assert problems == ["cobot.yml: plugins.pigeon.a: unknown key; known: none"]


def test_missing_key_is_named() -> None:
    """A key without a default must be there."""
    _, problems = made(Loft, {})

    assert problems == ["cobot.yml: plugins.pigeon.bot_token: is missing"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "plugins.pigeon.token: is missing"),
        ({"token": "x"}, "plugins.pigeon.token: expected a whole number, got the text 'x'"),
    ],
)
def test_private_field_is_known_by_the_key_it_has_in_the_file(
    value: dict[str, Any], problem: str
) -> None:
    """The owner of the file never sees how the plugin calls its field inside."""
    cls = attrs.make_class("Settings", {"_token": attrs.field(type=int)})

    assert made(cls, value)[1] == [f"cobot.yml: {problem}"]
    assert made(cls, {"token": 5})[0] == cls(5)


def test_renamed_field_is_known_by_the_key_it_has_in_the_file() -> None:
    """A field with an alias is said by its alias: that is the key to write."""
    cls = attrs.make_class("Settings", {"inner": attrs.field(type=int, alias="outer")})

    assert made(cls, {})[1] == ["cobot.yml: plugins.pigeon.outer: is missing"]


def test_validator_of_a_key_names_the_key() -> None:
    """A number out of range is found by its path and line, like one of the wrong kind."""
    _, problems = made(Loft, {"bot_token": TOKEN, "seconds": -1})

    assert len(problems) == 1
    assert problems[0].startswith("cobot.yml: plugins.pigeon.seconds: ")
    assert ">= 0" in problems[0]


def test_all_validators_are_asked_at_once() -> None:
    """A number out of range hides no other, nor does a value of the wrong kind hide one."""
    _, problems = made(Loft, {"bot_token": None, "seconds": -1, "tries": 0})

    assert len(problems) == 3


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    """Whoever mends a file wants the whole list, each with its line, not one after another."""
    path = tmp_path / "cobot.yml"
    path.write_text(
        "bot_token: 5\ngroups:\n  - id: 1\n    nam: x\n  - {}\n  - a\nseconds: [1]\nnope: 1\n"
    )
    document = Document.read(path, "cobot.yml", {})

    structure(document, (), document.value, Loft)

    assert sorted(str(one).rsplit(": ", 1)[0] for one in document.problems) == [
        "cobot.yml:1: bot_token",
        "cobot.yml:4: groups[0].nam",
        "cobot.yml:5: groups[1].id",
        "cobot.yml:6: groups[2]",
        "cobot.yml:7: seconds",
        "cobot.yml:8: nope: unknown key; known",
    ]


@pytest.mark.parametrize(
    ("word", "hint"), [("telegrm", "; did you mean 'telegram'?"), ("xyz", ""), ("", "")]
)
def test_nearest_is_a_hint_or_nothing(word: str, hint: str) -> None:
    """A hint that is far off would mislead."""
    assert nearest(word, ["telegram", "discord"]) == hint


# Secrets


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!s:>20}",
        lambda secret: f"{secret:20}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: f"{Loft(bot_token=secret)}",
        lambda secret: f"{[secret]} { {'a': secret} }",
        lambda secret: str(attrs.asdict(Loft(bot_token=secret))),
        lambda secret: str(dir(secret)),
        lambda secret: json.dumps({"a": secret}, default=str),
        lambda secret: logging.makeLogRecord({"msg": "%s", "args": (secret,)}).getMessage(),
        lambda secret: repr(copy.deepcopy(Loft(bot_token=secret))),
    ],
)
def test_secret_is_never_shown(show: Any) -> None:
    """However a secret is printed, stars come out."""
    shown = show(Secret(TOKEN))

    assert "hunter2" not in shown


@pytest.mark.parametrize(
    "fail",
    [
        lambda secret: json.dumps(secret),
        lambda secret: pickle.dumps(secret),
        lambda secret: secret + "x",
        lambda secret: int(secret),
        lambda secret: secret.upper(),
        lambda secret: {}[secret],
        lambda secret: "".join([secret]),
        lambda secret: vars(secret),
    ],
)
def test_secret_is_in_no_traceback(fail: Any) -> None:
    """A mistake with a secret fails, and not even a traceback with its variables has it."""
    secret = Secret(TOKEN)

    with pytest.raises(Exception) as caught:  # noqa: PT011 -- whatever Python raises there
        fail(secret)

    lines = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "hunter2" not in "".join(lines.format())


def test_secret_is_revealed_to_who_asks() -> None:
    """The one place that needs the value gets it; equality goes by the value."""
    secret = Secret(TOKEN)

    assert secret.reveal() == TOKEN
    assert secret == Secret(TOKEN)
    assert secret != Secret("other")
    assert secret != TOKEN
    assert len({secret, Secret(TOKEN)}) == 1


@pytest.mark.parametrize(
    "value",
    [
        {"bot_token": [TOKEN]},
        {"bot_token": {"value": TOKEN}},
        {"bot_tokn": TOKEN},
        {"bot_token": TOKEN, "home": {"id": None}},
        {"bot_token": TOKEN, "seconds": -1},
    ],
)
def test_secret_is_in_no_problem(value: dict[str, Any]) -> None:
    """An error about a section never shows its token, be it right, wrong or misplaced."""
    result, problems = made(Loft, value)

    assert result is None
    assert problems
    assert "hunter2" not in str(problems)


def test_validator_that_quotes_a_secret_shows_stars() -> None:
    """A plugin's own check may put the value into its words, and stars come out."""
    pattern = validators.in_([Secret("other")])
    cls = attrs.make_class("S", {"x": attrs.field(type=Secret, validator=pattern)})

    _, problems = made(cls, {"x": TOKEN})

    assert len(problems) == 1
    assert "hunter2" not in problems[0]


def test_every_secret_is_kept_for_the_log_to_hide() -> None:
    """The log hides each secret that was read, wherever it stood."""
    document = Document("cobot.yml")
    cls = settings_of(dict[str, Secret])

    structure(document, (), {"x": {"a": "one", "b": "two"}}, cls)

    assert document.secrets == [Secret("one"), Secret("two")]
