from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from cobot.config.document import Document, dotted
from cobot.config.structure import structure
from cobot.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str | bytes, environ: Mapping[str, str] | None = None) -> Document:
    """Write `cobot.yml` into the working directory and read it."""
    path = Path("cobot.yml")
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Document.read(path, "cobot.yml", environ or {})


def expanded(text: str, **environ: str) -> tuple[Any, list[str]]:
    """Return what a value becomes, and the problems with it."""
    document = Document("cobot.yml", environ=environ)
    return document.expand(text, ("key",)), [str(one) for one in document.problems]


# Lines and paths


NESTED = """\
# a bot
plugins:
  telegram:
    groups:
      - id: 1
        name: One

      - {id: 2,
         name: Two}
    plain: [a,
            b]
agent: echo
"""


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        (("plugins",), "plugins", 2),
        (("plugins", "telegram"), "plugins.telegram", 3),
        (("plugins", "telegram", "groups", 0, "name"), "plugins.telegram.groups[0].name", 6),
        (("plugins", "telegram", "groups", 1), "plugins.telegram.groups[1]", 8),
        (("plugins", "telegram", "groups", 1, "name"), "plugins.telegram.groups[1].name", 9),
        (("plugins", "telegram", "plain", 1), "plugins.telegram.plain[1]", 11),
        (("plugins", "telegram", "missing"), "plugins.telegram.missing", 3),
        (("agent",), "agent", 12),
    ],
)
@pytest.mark.usefixtures("folder")
def test_each_value_has_its_line(path: tuple[str | int, ...], text: str, line: int) -> None:
    """A fault is found where it stands; what is missing, where it would have stood."""
    document = read(NESTED)

    document.problem(path, "is wrong")

    assert dotted(path) == text
    assert str(document.problems[0]) == f"cobot.yml:{line}: {text}: is wrong"


def test_problem_of_the_command_line_has_no_file() -> None:
    """What was said with an option is not in the file."""
    document = Document("cobot.yml")

    document.problem(("-p nosuch",), "is wrong")

    assert str(document.problems[0]) == "-p nosuch: is wrong"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "cobot.yml:3: a: stands twice, first on line 1"),
        ("a:\n  b: {c: 1,\n   c: 2}\n", "cobot.yml:3: a.b.c: stands twice, first on line 2"),
        ("a:\n- c: 1\n  c: 1\n", "cobot.yml:3: a[0].c: stands twice, first on line 2"),
        ("a: 1\n'a': 1\n", "cobot.yml:2: a: stands twice, first on line 1"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_key_that_stands_twice_is_a_problem(text: str, problem: str) -> None:
    """Of two equal keys one would silently win; both lines are named instead."""
    assert [str(one) for one in read(text).problems] == [problem]


# Aliases and merge keys


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {k: 1}\nb: *x\n", {"a": {"k": 1}, "b": {"k": 1}}),
        ("a: &x [1]\nb: [*x, *x]\n", {"a": [1], "b": [[1], [1]]}),
        (
            "a: &x {k: 1, j: 2}\nb: {<<: *x, k: 3}\n",
            {"a": {"k": 1, "j": 2}, "b": {"k": 3, "j": 2}},
        ),
        ("a: &x {k: 1}\nb: {k: 3, <<: *x}\n", {"a": {"k": 1}, "b": {"k": 3}}),
        (
            "a: &x {k: 1}\nc: &y {k: 2, j: 2}\nb: {<<: [*x, *y]}\n",
            {"a": {"k": 1}, "c": {"k": 2, "j": 2}, "b": {"k": 1, "j": 2}},
        ),
        (
            "a: &x {k: 1}\nb: &y {<<: *x, k: 2}\nc: *y\n",
            {"a": {"k": 1}, "b": {"k": 2}, "c": {"k": 2}},
        ),
        (
            "a: &x {k: 1}\nb: &y {<<: *x, k: 2}\nc: {<<: *y, k: 3}\n",
            {"a": {"k": 1}, "b": {"k": 2}, "c": {"k": 3}},
        ),
        ("'<<': text\n", {"<<": "text"}),
    ],
)
@pytest.mark.usefixtures("folder")
def test_aliases_and_merge_keys_are_followed(text: str, value: object) -> None:
    """Two sections may share settings; a key of their own goes before a merged one."""
    document = read(text)

    assert document.value == value
    assert document.problems == []


# What is no configuration


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file is empty"),
        ("# only this\n\n", 1, "the file is empty"),
        ("---\n", 1, "the file is empty"),
        ("null\n", 1, "the file is empty"),
        ("\ufeff", 1, "the file is empty"),
        ("# a list\n- a\n", 2, "expected keys such as 'plugins:', got a list"),
        ("hello\n", 1, "got the text 'hello'"),
        ("5\n", 1, "got the number 5"),
        ("a: [1, 2\nb: 3\n", 2, "broken YAML"),
        ('a: 1\nb: "x\n', 3, "broken YAML"),
        ("a:\n\tb: 1\n", 2, "broken YAML"),
        ("a:\n  b: 1\n c: 1\n", 3, "broken YAML"),
        ("a: 1\nb: @x\n", 2, "broken YAML"),
        ("a: ${X}: y\n", 1, "broken YAML"),
        ('a: 1\nb: "\\q"\n', 2, "broken YAML"),
        ('a: 1\nb: "\\UFFFFFFFF"\n', 2, "broken YAML"),
        ("a: 1\n---\nb: 2\n", 2, "broken YAML"),
        ("a: 1\nb: *x\n", 2, "broken YAML"),
        ("a: 1\nb: &x [*x]\n", 2, "an alias stands inside what it names"),
        ("a: 1\nb: &x {c: {d: *x}}\n", 2, "an alias stands inside what it names"),
        ("a: 1\nb: {<<: 1}\n", 2, "broken YAML"),
        ("a: 1\n? [b]\n: 1\n", 2, "a key must be a plain word"),
        ("a: 1\n? {b: 1}\n: 1\n", 2, "a key must be a plain word"),
        ("a: 1\nb: {<<: {[c]: 1}}\n", 2, "a key must be a plain word"),
        ("a: 1\nb: \x07\n", 2, "U+0007 is not allowed"),
        ("a: 1\nb: x\x00\n", 2, "U+0000 is not allowed"),
        ("a: 1\n# \x1b[31m\n", 2, "U+001B is not allowed"),
        (b"a: 1\nb: caf\xe9\n", 2, "is not UTF-8 text"),
        ("a: 1\n".encode("utf-16"), 1, "is not UTF-8 text"),
        ("a: 1\nb: !secret x\n", 2, "!secret"),
        ("a: 1\nb: !secret {c: d}\n", 2, "!secret"),
        ("a: 1\nb: !secret [c]\n", 2, "!secret"),
        ("a: 1\nb: !!python/object/apply:os.getcwd []\n", 2, "python/object/apply"),
        ("a: 1\nb: !!int hello\n", 2, ""),
        ("a: 1\nb: !!float hello\n", 2, ""),
        ("a: 1\nb: !!bool hello\n", 2, ""),
        ("a: 1\nb: !!timestamp hello\n", 2, ""),
        ("a: 1\nb: !!binary aGVsbG8=\n", 2, ""),
        ("a: 1\nb: " + "9" * 5000 + "\n", 2, ""),
        ("a: 1\nb: " + "[" * 5000 + "]" * 5000 + "\n", 2, ""),
    ],
)
@pytest.mark.usefixtures("folder")
def test_file_that_is_no_configuration_is_refused_with_its_line(
    text: str | bytes, line: int, words: str
) -> None:
    """Whatever stands in the file, the answer is one line with its place and no traceback."""
    with pytest.raises(ConfigError) as caught:
        read(text)

    (said,) = str(caught.value).splitlines()
    assert said.startswith(f"cobot.yml:{line}: ")
    assert words in said


def test_path_that_is_no_readable_file_is_refused(folder: Path) -> None:
    """A folder, a dangling link and a missing file are told apart."""
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("nowhere")
    said = {}

    for name in ("folder", "link", "missing"):
        with pytest.raises(ConfigError) as caught:
            Document.read(folder / name, name, {})
        said[name] = str(caught.value)

    assert said["folder"] == "folder: is a folder; name a file"
    assert said["link"] == "link: is a link to a file that does not exist"
    assert said["missing"].startswith("missing: does not exist; ")


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfa: 1\n",
        b"---\na: 1\n...\n",
        b"a: 1",
        b"a: 1\r\n",
        b"%YAML 1.2\n---\na: 1\n",
    ],
    ids=["byte-order-mark", "markers", "no-newline", "carriage-return", "directive"],
)
@pytest.mark.usefixtures("folder")
def test_usual_forms_of_a_file_are_accepted(text: bytes) -> None:
    """What editors put around a file changes nothing."""
    assert read(text).value == {"a": 1}


# Scalars


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("010", "010"),
        ("00", "00"),
        ("-010", "-010"),
        ("1:30", "1:30"),
        ("on", "on"),
        ("Off", "Off"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("y", "y"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("=", "="),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("-1001234567890", -1001234567890),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.5e3", 1500.0),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    """An id like 010 stays as it is written, and `no` is a word, not false."""
    read_value = read(f"a: {written}\n").value["a"]

    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.usefixtures("folder")
def test_keys_are_text_whatever_they_look_like() -> None:
    """A section may be called 1 or on."""
    assert read("1: a\non: b\ntrue: c\n~: d\n").value == {
        "1": "a",
        "on": "b",
        "true": "c",
        "~": "d",
    }


# Variables


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("${A}", "one"),
        ("x${A}y${A}z", "xoneyonez"),
        ("${A:-two}", "one"),
        ("${UNSET:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${UNSET:-}", ""),
        ("${UNSET:-a: [b] c}", "a: [b] c"),
        ("${UNSET:-:-}", ":-"),
        ("${EMPTY}", ""),
        ("${_a1}", "lower"),
        ("$${A}", "${A}"),
        ("$${A}${A}", "${A}one"),
        ("$A", "$A"),
        ("$", "$"),
        ("a$$b", "a$$b"),
    ],
)
def test_variables_are_replaced(text: str, becomes: str) -> None:
    """`${NAME}` is the variable, `:-` gives a default, and `$${` is a plain `${`."""
    value, problems = expanded(text, A="one", EMPTY="", _a1="lower")

    assert value == becomes
    assert problems == []


@pytest.mark.parametrize(
    "value", ["${B}", "$${B}", "a: [b]", "null", "\n- x", "${B:-c}", "\\1 \\g<1>", "{}"]
)
@pytest.mark.usefixtures("folder")
def test_value_of_a_variable_is_taken_as_it_is(value: str) -> None:
    """What stands in the environment is neither read as YAML nor looked up again."""
    document = read("a: ${A}\n", {"A": value, "B": "wrong"})

    assert document.expand(document.value, ()) == {"a": value}
    assert document.problems == []


def test_unset_variable_is_named_with_the_way_out() -> None:
    """Whoever forgot to set a variable learns which one, and how to give a default."""
    _, problems = expanded("${TOKEN} ${OTHER}")

    assert [one.split(";")[0] for one in problems] == [
        "cobot.yml: key: the environment variable TOKEN is not set",
        "cobot.yml: key: the environment variable OTHER is not set",
    ]
    assert problems[0].endswith("${TOKEN:-...}")


@pytest.mark.parametrize(
    "text",
    [
        "${}",
        "${1}",
        "${A B}",
        "${A",
        "${A:x}",
        "${ A }",
        "${A-x}",
        "${A:-x",
        "${A:-${B}}",
        "x ${",
    ],
)
def test_malformed_variable_is_a_problem(text: str) -> None:
    """What looks like a variable and is none is said, and never becomes half a value."""
    _, problems = expanded(text, A="one", B="two")

    assert len(problems) == 1
    assert "write ${NAME}, or $${ for a plain ${" in problems[0]


@pytest.mark.parametrize("text", ["hunter2${", "hunter2${x y}", "${TOKEN:-hunter2"])
def test_malformed_variable_does_not_show_the_text_around_it(text: str) -> None:
    """The text may be a token that happens to hold `${`, and tokens are never printed."""
    _, problems = expanded(text)

    assert len(problems) == 1
    assert "hunter2" not in problems[0]


@pytest.mark.usefixtures("folder")
def test_problem_with_a_variable_has_path_and_line() -> None:
    """A variable deep in a list is found by its path and its line."""
    document = read("a:\n  - x\n  - b: ${UNSET}\n")

    document.expand(document.value, ())

    assert str(document.problems[0]).startswith("cobot.yml:3: a[1].b: the environment variable")


@attrs.frozen
class Kinds:
    """A setting of each kind that a variable may stand for."""

    number: int = 0
    share: float = 0.0
    flag: bool = False
    text: str = ""


@pytest.mark.parametrize(
    ("field", "variable", "value"),
    [
        ("number", "42", 42),
        ("number", "-1", -1),
        ("share", "1.5", 1.5),
        ("share", "2", 2.0),
        ("flag", "true", True),
        ("flag", "false", False),
        ("text", "42", "42"),
        ("text", "true", "true"),
        ("text", "null", "null"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_variable_may_stand_for_a_number_or_a_truth_value(
    field: str, variable: str, value: object
) -> None:
    """The environment has text alone, so its text counts as the kind that is wanted."""
    document = read(f"{field}: ${{X}}\n", {"X": variable})

    made = structure(document, (), document.expand(document.value, ()), Kinds)

    assert document.problems == []
    assert getattr(made, field) == value
    assert type(getattr(made, field)) is type(value)


@pytest.mark.parametrize(
    ("field", "variable"),
    [
        ("number", "1.5"),
        ("number", "x"),
        ("number", ""),
        ("number", "1_000"),
        ("share", "nan"),
        ("share", "inf"),
        ("share", "1_0.5"),
        ("share", "x"),
        ("flag", "1"),
        ("flag", "yes"),
        ("flag", ""),
    ],
)
@pytest.mark.usefixtures("folder")
def test_variable_of_another_kind_is_a_problem(field: str, variable: str) -> None:
    """A variable takes no form that would be refused in the file itself."""
    document = read(f"{field}: ${{X}}\n", {"X": variable})

    made = structure(document, (), document.expand(document.value, ()), Kinds)

    assert made is None
    assert str(document.problems[0]).startswith(f"cobot.yml:1: {field}: expected ")


@pytest.mark.parametrize("field", ["number", "share", "flag", "text"])
@pytest.mark.usefixtures("folder")
def test_unset_variable_is_one_problem_whatever_kind_is_wanted(field: str) -> None:
    """One fault is one line: a missing variable is not a wrong number besides."""
    document = read(f"{field}: ${{UNSET}}\n")

    structure(document, (), document.expand(document.value, ()), Kinds)

    assert len(document.problems) == 1
    assert "UNSET is not set" in str(document.problems[0])
