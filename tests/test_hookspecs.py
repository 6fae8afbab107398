from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pluggy
import pytest

import cobot
from cobot import hookspecs
from cobot.hookspecs import ITERATING, OBSERVING, OPERATIONS, SPECS, WORKING
from cobot.plugins import Plugins
from cobot.plugins.refusals import HOOKS, hooks_of

SPECIFIED: dict[str, Callable[..., Any]] = {
    name: function
    for spec in SPECS
    for name, function in vars(spec).items()
    if not name.startswith("_")
}
BUILT_IN = [
    one
    for one in entry_points(group="cobot")
    if one.dist is not None and one.dist.name == "cobot-core"
]
MODULES = [
    one.name
    for one in pkgutil.walk_packages(cobot.__path__, "cobot.")
    if not one.name.endswith("__main__")
]


def arguments(function: Callable[..., Any]) -> list[str]:
    """Return a hook's arguments, without `self`."""
    return [name for name in inspect.signature(function).parameters if name != "self"]


def sections(text: str) -> dict[str, str]:
    """Return a docstring's parts by their heading; the first has none."""
    parts = re.split(r"^(Args|Returns|Raises):$", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


# The specs.


@pytest.mark.parametrize("hook", SPECIFIED)
def test_every_method_of_a_spec_is_a_hook(hook: str) -> None:
    """A spec without its marker would be no hook at all."""
    assert hook in HOOKS


@pytest.mark.parametrize("hook", SPECIFIED)
def test_every_argument_of_a_hook_is_described(hook: str) -> None:
    """The docstring is the manual: each argument stands under Args, in order, and no other."""
    documented = sections(inspect.getdoc(SPECIFIED[hook]) or "").get("Args", "")

    named = re.findall(r"^    (\w+):", documented, flags=re.MULTILINE)

    assert named == arguments(SPECIFIED[hook])


@pytest.mark.parametrize("hook", SPECIFIED)
def test_every_hook_says_its_kind_and_what_it_does(hook: str) -> None:
    """The docstring begins with a sentence and then tells which kind of hook it is."""
    summary, _, rest = (inspect.getdoc(SPECIFIED[hook]) or "").partition("\n")

    kind = "Working" if hook in WORKING else "Observing" if hook in OBSERVING else "Deciding"
    assert summary.endswith(".")
    assert re.search(rf"^{kind}[;,.]", rest, flags=re.MULTILINE)


@pytest.mark.parametrize("hook", SPECIFIED)
def test_every_result_of_a_hook_is_described(hook: str) -> None:
    """A hook whose result counts says what it may be; the others say that it is None."""
    result = str(inspect.signature(SPECIFIED[hook]).return_annotation)
    described = "Returns" in sections(inspect.getdoc(SPECIFIED[hook]) or "")

    assert described is (result != "MaybeAwaitable[None]")


@pytest.mark.parametrize("hook", SPECIFIED)
def test_every_argument_and_result_of_a_hook_has_a_type(hook: str) -> None:
    """A type checker can help with each hook."""
    hints = get_type_hints(SPECIFIED[hook])

    assert set(hints) == {*arguments(SPECIFIED[hook]), "return"}


@pytest.mark.parametrize("hook", SPECIFIED)
def test_no_argument_of_a_hook_has_a_default(hook: str) -> None:
    """pluggy never passes an argument that has a default."""
    parameters = inspect.signature(SPECIFIED[hook]).parameters.values()

    assert all(one.default is one.empty for one in parameters)


@pytest.mark.parametrize("hook", SPECIFIED)
def test_spec_by_itself_does_nothing(hook: str) -> None:
    """A spec that a channel inherits and does not override is no implementation."""
    (spec,) = [one for one in SPECS if hook in vars(one)]

    with pytest.raises(NotImplementedError):
        SPECIFIED[hook](spec(), *arguments(SPECIFIED[hook]))

    assert hooks_of(spec()) == {}


@pytest.mark.parametrize(
    "hooks", [WORKING, OBSERVING, ITERATING, frozenset(OPERATIONS.values())]
)
def test_sets_of_hooks_name_hooks_that_exist(hooks: frozenset[str]) -> None:
    """A hook of which something is said is a hook."""
    assert hooks
    assert hooks <= SPECIFIED.keys()


def test_kinds_of_hooks_do_not_overlap() -> None:
    """A hook that observes does not work, and who may iterate works."""
    assert not WORKING & OBSERVING
    assert ITERATING <= WORKING


def test_observing_hooks_are_those_that_say_on() -> None:
    """A name with `_on_` is told of what happened and asked for nothing."""
    assert {name for name in SPECIFIED if "_on_" in name} == OBSERVING


def test_every_hook_is_used_somewhere_in_cobot() -> None:
    """Only hooks exist that something calls."""
    root = Path(cobot.__file__).parent
    sources = "".join(
        one.read_text("utf-8") for one in root.rglob("*.py") if one.name != "hookspecs.py"
    )

    assert [hook for hook in SPECIFIED if f'"{hook}"' not in sources] == []


# The plugins that come with cobot.


def test_built_in_plugins_are_entry_points() -> None:
    """What comes with cobot is loaded like any other plugin."""
    assert {one.name for one in BUILT_IN} == {
        "command",
        "console",
        "dry-run",
        "echo",
        "function",
        "sqlite",
        "workspace",
    }


@pytest.mark.parametrize("entry_point", BUILT_IN, ids=lambda one: one.name)
def test_built_in_hooks_take_only_what_their_specs_have(entry_point: Any) -> None:
    """Each hook of a built-in plugin has a spec, and of its arguments a part."""
    hooks = hooks_of(entry_point.load())

    assert hooks
    for hook, function in hooks.items():
        assert {*arguments(function)} <= {*arguments(SPECIFIED[hook])}


# The public names.


@pytest.mark.parametrize("name", cobot.__all__)
def test_public_name_can_be_imported(name: str) -> None:
    """Each name that cobot offers is there."""
    assert getattr(cobot, name) is not None


def test_public_names_are_those_that_can_be_loaded() -> None:
    """`__all__`, `dir`, what is loaded on demand and what type checkers see are the same."""
    on_demand = {name for names in cobot._HOMES.values() for name in names}
    (checked,) = [
        node
        for node in ast.parse(inspect.getsource(cobot)).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    seen = {
        alias.name
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert set(cobot.__all__) == on_demand | {"__version__"} == seen | {"__version__"}
    assert dir(cobot) == sorted(cobot.__all__)
    assert len(cobot.__all__) == len(set(cobot.__all__))


def test_unknown_public_name_is_said_as_python_says_it() -> None:
    """A misspelt import fails as with any module."""
    with pytest.raises(AttributeError, match="module 'cobot' has no attribute 'hookimp'"):
        cobot.hookimp  # noqa: B018


def test_importing_cobot_imports_nothing_more() -> None:
    """`import cobot` costs next to nothing: names are loaded when they are asked for."""
    code = "import sys, cobot; print([m for m in sys.modules if m.startswith('cobot.')])"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["cobot.hookspecs", "cobot.messages", "cobot.plugins"])
def test_all_of_a_module_is_there(name: str) -> None:
    """What a module says it offers can be imported from it."""
    module = importlib.import_module(name)

    assert [one for one in getattr(module, "__all__", ()) if not hasattr(module, one)] == []


@pytest.mark.parametrize("name", ["cobot", *MODULES])
def test_no_module_keeps_a_plugin_manager(name: str) -> None:
    """Plugins belong to a session; no module holds a manager that all would share."""
    module: ModuleType = importlib.import_module(name)

    kept = [
        one
        for one, value in vars(module).items()
        if isinstance(value, pluggy.PluginManager | Plugins)
    ]

    assert kept == []


def test_marker_has_the_name_of_the_project() -> None:
    """Markers, project and entry-point group bear one name."""
    assert hookspecs.hookimpl.project_name == "cobot"
    assert hookspecs.hookspec.project_name == "cobot"
    assert hookspecs.PROJECT == "cobot"
