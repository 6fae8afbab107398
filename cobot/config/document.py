"""A YAML file as plain values, each with its line, and what is wrong with them.

Numbers are decimal, and `on`, `off`, `yes`, `no`, dates, `010`, `1e3` and `1:30` are text. The
types of YAML 1.1, PyYAML's own, would turn an id like `010` into the number 8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import yaml

from cobot.config.values import Secret
from cobot.errors import ConfigError, Problem

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of mappings and positions in lists."""

_VARIABLE = re.compile(
    r"\$(\$(?=\{))|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-((?:(?!\$\{)[^}])*))?(\}))?"
)

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""How whole and other numbers are written, in the file and in variables."""

VALUES = 100_000
"""How many values a file may have; aliases of aliases multiply."""

DEPTH = 50
"""How deeply a file may nest."""

_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "null", "bool", "int", "float", "map", "seq")
)


class Expanded(str):
    """Text that came from `${...}`: it may also stand where a number is wanted."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", INTEGER.pattern, "-+0123456789"),
    # A number needs its point: an id such as 1e3 is text.
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(f"(?:{_pattern})\\Z"),
        [*_first.replace("\0", ""), *([""] if "\0" in _first else [])],
    )


@attrs.define(eq=False)
class Document:
    """The values of a configuration, where each stands, and the problems found so far."""

    source: str
    """The file's name as the user gave it."""
    value: dict[str, Any] = attrs.field(factory=dict)
    """The whole, as plain values."""
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Where `${NAME}` is looked up."""
    problems: list[Problem] = attrs.field(factory=list)
    """What is wrong, in the order found."""
    secrets: list[Secret] = attrs.field(factory=list)
    """Every secret that was read, so that logs can be kept free of them."""
    _lines: dict[KeyPath, int] = attrs.field(factory=dict, repr=False)
    _unexpanded: set[KeyPath] = attrs.field(factory=set, repr=False)  # reported already

    @classmethod
    def read(cls, path: Path, source: str, environ: Mapping[str, str]) -> Document:
        """Read a file.

        Raises:
            ConfigError: It cannot be read, is no YAML, is empty, or is no mapping.
        """
        text = _read_text(path, source)
        document = cls(source, environ=environ)
        try:
            value = _parse(text, document)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = None if mark is None else mark.line + 1
            detail = " ".join(part for part in (error.context, error.problem) if part)
            raise ConfigError(Problem("", f"broken YAML: {detail}", source, line)) from None
        except yaml.reader.ReaderError as error:
            # For text PyYAML has the character's number here, for bytes the character.
            line = text.count("\n", 0, error.position) + 1
            detail = f"the character U+{int(error.character):04X} is not allowed in YAML"
            raise ConfigError(Problem("", detail, source, line)) from None
        if value is None:
            detail = "the file is empty; start from cobot.example.yml, or remove the file"
            raise ConfigError(Problem("", detail, source, 1))
        if not isinstance(value, dict):
            detail = f"expected keys such as 'plugins:', got {kind_of(value)}"
            raise ConfigError(Problem("", detail, source, document.line(())))
        document.value = value
        return document

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a value, or of the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    def problem(self, path: KeyPath, detail: str) -> None:
        """Note that something is wrong.

        A path of the command line starts with a dash, one of the environment with a dollar.
        """
        if path in self._unexpanded:
            return  # its variable is the fault; what stands there instead is none
        in_file = not (path and str(path[0]).startswith(("-", "$")))
        source, line = (self.source, self.line(path)) if in_file else ("", None)
        self.problems.append(Problem(dotted(path), detail, source, line))

    def expand(self, value: Any, path: KeyPath) -> Any:
        """Return a value with every `${NAME}` and `${NAME:-default}` in it replaced.

        What cannot be replaced is noted as a problem and left as it is. `$${` stands for
        `${` itself.
        """
        if isinstance(value, dict):
            return {key: self.expand(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.expand(inner, (*path, index)) for index, inner in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self._expand_text(value, path)
        return value

    def _expand_text(self, text: str, path: KeyPath) -> str:
        # The text itself is in no message: it may be a secret.
        faults: list[str] = []

        def replace(match: re.Match[str]) -> str:
            escaped, name, has_default, default, closed = match.groups()
            if escaped:
                return "$"
            if not closed:
                faults.append(
                    "has a ${ that is no variable; write ${NAME}, or $${ for a plain ${"
                )
            elif has_default:
                return self.environ.get(name) or default
            elif name in self.environ:
                return self.environ[name]
            else:
                faults.append(
                    f"the environment variable {name} is not set;"
                    f" set it, or give a default: ${{{name}:-...}}"
                )
            return ""

        expanded = _VARIABLE.sub(replace, text)
        for fault in dict.fromkeys(faults):
            self.problem(path, fault)
        if faults:
            self._unexpanded.add(path)
        return Expanded(expanded)

    def place(self, path: KeyPath, line: int) -> None:
        """Note the line of a value."""
        self._lines.setdefault(path, line)


def _read_text(path: Path, source: str) -> str:
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        raise ConfigError(Problem("", "is a folder; name a file", source)) from None
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError):
            detail = "cannot be read: the name has a NUL character"
        elif isinstance(error, FileNotFoundError) and path.is_symlink():
            detail = "is a link to a file that does not exist"
        elif isinstance(error, FileNotFoundError):
            detail = "does not exist; see cobot.example.yml for how to write one"
        else:
            detail = f"cannot be read: {error.strerror}"
        raise ConfigError(Problem("", detail, source)) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(Problem("", "is not UTF-8 text", source, line)) from None


def _parse(text: str, document: Document) -> Any:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return None if root is None else _Nodes(loader, document).value(root, ())
    except RecursionError:
        raise _broken("it is nested too deeply", loader.get_mark()) from None
    except (OverflowError, ValueError) as error:
        # The scanner's own, for an escape such as "\\UFFFFFFFF".
        if isinstance(error, yaml.YAMLError):
            raise
        raise _broken(f"an impossible escape: {error}", loader.get_mark()) from None
    finally:
        loader.dispose()


def _broken(problem: str, mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


@attrs.define
class _Nodes:
    """Turns PyYAML's nodes into plain values and notes the line of each."""

    loader: _Loader
    document: Document
    _open: set[int] = attrs.field(factory=set)
    _count: int = 0
    _checked: set[int] = attrs.field(factory=set)  # mappings whose keys were looked at

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.document.place(path, node.start_mark.line + 1)
        if id(node) in self._open:
            raise _broken("an alias stands inside what it names", node.start_mark)
        self._count += 1
        if self._count > VALUES:
            raise _broken(f"it has more than {VALUES:,} values", node.start_mark)
        if len(path) > DEPTH:
            raise _broken(f"it is nested deeper than {DEPTH} levels", node.start_mark)
        if node.tag not in _TAGS:
            raise _broken(f"the tag {node.tag!r} is unknown; remove it", node.start_mark)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [
                    self.value(inner, (*path, index)) for index, inner in enumerate(node.value)
                ]
            return self._scalar(node)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self.loader.construct_object(node)
        except (AttributeError, KeyError, OverflowError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise _broken(
                f"what stands here cannot be read as {kind}", node.start_mark
            ) from None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        # Once: merging changes the node, and an alias brings it here again.
        if id(node) not in self._checked:
            self._checked.add(id(node))
            self._check_keys(node, path)
            self.loader.flatten_mapping(node)
            for key_node, _ in node.value:
                if not isinstance(key_node.value, str):
                    raise _broken("a key must be a plain word", key_node.start_mark)
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            inner = (*path, key_node.value)
            self.document.place(inner, key_node.start_mark.line + 1)
            values[key_node.value] = self.value(value_node, inner)
        return values

    def _check_keys(self, node: yaml.MappingNode, path: KeyPath) -> None:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            key = key_node.value
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise _broken("a key must be a plain word", key_node.start_mark)
            if key in seen:
                self.document.place((*path, key), line)
                self.document.problem((*path, key), f"stands twice, first on line {seen[key]}")
            seen[key] = line


def dotted(path: KeyPath) -> str:
    """Write a path as people do: `plugins.telegram.groups[0].id`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def kind_of(value: object) -> str:
    """Name what a value is in the words of a configuration file, with the value if short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Expanded):
        return "the text of a variable"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 40 else "a text"
    return f"the number {value}"
