"""Which part of cobot may import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cobot

PACKAGE = Path(cobot.__file__).parent

# From the ground up; a part may import its own floor's name and what lies below.
FLOORS = (
    ("errors", "clock", "deadlines", "encoding", "recent", "waits"),
    ("messages", "net", "tasks"),
    ("limits",),
    ("journal", "text"),
    ("hookspecs", "context"),
    ("config", "workspace"),
    ("plugins", "kit"),
    ("session", "channels", "ops", "agents"),
    ("app",),
    ("opening",),
    ("cli",),
    ("__main__",),
    ("testing",),
)
FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported_parts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cobot."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "cobot":
            yield from (name.name for name in node.names if name.name != "__version__")


SOURCES = [path for path in sorted(PACKAGE.rglob("*.py")) if _part(path) != "__init__"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    """A part imports itself and what lies below it, never what lies above or beside it."""
    own = _part(path)

    assert own in FLOOR_OF
    for part in set(_imported_parts(path)) - {own}:
        assert FLOOR_OF[part] < FLOOR_OF[own], f"{own} imports {part}"


@pytest.mark.parametrize("part", ["session", "plugins", "app"])
def test_built_in_plugins_are_known_to_the_loader_alone(part: str) -> None:
    """Built-in channels and agents are entry points: no other part imports them."""
    built_in = {"agents", "channels", "ops"}
    sources = [path for path in SOURCES if _part(path) == part]

    assert sources
    for path in sources:
        assert built_in.isdisjoint(_imported_parts(path))
