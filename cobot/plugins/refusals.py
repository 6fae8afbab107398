"""What is wrong with a plugin's hooks, each in one sentence that says how to mend it.

pluggy accepts some of these silently (a missing marker, `optionalhook`, defaults) and says
others in words for its own developers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from cobot.errors import first_line, nearest
from cobot.hookspecs import ITERATING, PROJECT, SPECS

HOOKS: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(inspect.signature(function).parameters)[1:]
    for spec in SPECS
    for name, function in vars(spec).items()
    if hasattr(function, f"{PROJECT}_spec")
}
"""Each hook's name and its arguments, in order."""


def is_channel(plugin: object) -> bool:
    """Tell whether a plugin is a channel: it receives, or says `channel = True`."""
    return getattr(plugin, "channel", False) is True or "session_receive" in hooks_of(plugin)


def hooks_of(plugin: object) -> dict[str, Any]:
    """Return the marked functions of a plugin by the name of the hook that each provides."""
    return {
        marks.get("specname") or name: function for name, function, marks in _marked(plugin)
    }


def refusals(plugin: object) -> list[str]:
    """Say what is wrong with a plugin's hooks; nothing if they can be registered."""
    faults: list[str] = []
    try:
        hash(plugin)
    except TypeError:
        return ["it is not hashable; write @attrs.define(eq=False) above its class"]
    try:
        priority = getattr(plugin, "priority", 0)
    except Exception as error:  # noqa: BLE001 -- a property is the plugin's code
        return [f"its priority cannot be read: {first_line(error)}"]
    if not isinstance(priority, int):
        faults.append(
            f"its priority is {priority!r}; expected a whole number, lower is earlier"
        )
    marked = list(_marked(plugin))
    for name, function, marks in marked:
        faults.extend(_faults(name, function, marks))
    seen: set[str] = set()
    for name, _, marks in marked:
        hook = marks.get("specname") or name
        if hook in seen:
            faults.append(f"it has two implementations of {hook}; keep one")
        seen.add(hook)
    return faults + unmarked(plugin)


def unmarked(plugin: object) -> list[str]:
    """Say what was forgotten to be marked, of a plugin or of its class."""
    marked = {marks.get("specname") or name for name, _, marks in _marked(plugin)}
    faults = [
        f"its {name} has no marker and is never called; {_how_to_mark(plugin, name)}"
        for name in HOOKS
        if name not in marked and _is_unmarked(plugin, name)
    ]
    if not marked and not faults:
        if inspect.ismodule(plugin):
            classes = [
                f"{plugin.__name__}:{name}"
                for name, one in vars(plugin).items()
                if isinstance(one, type) and one.__module__ == plugin.__name__ and hooks_of(one)
            ]
            hint = f"; did you mean {' or '.join(classes)}?" if classes else ""
            return [f"its entry point names the module {plugin.__name__}, without hooks{hint}"]
        faults.append("it has no hooks; put @hookimpl above the methods that are hooks")
    return faults


def _marked(plugin: object) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    # Looked up statically first: reading a property would run the plugin's code.
    for name in dir(plugin):
        static = inspect.getattr_static(plugin, name, None)
        function = getattr(static, "__func__", static)
        marks = getattr(function, f"{PROJECT}_impl", None)
        if isinstance(marks, dict):
            yield name, getattr(plugin, name), marks


def _faults(name: str, function: Any, marks: dict[str, Any]) -> Iterator[str]:
    hook = marks.get("specname") or name
    for mark in ("wrapper", "hookwrapper"):
        if marks.get(mark):
            yield (
                f"its {name} is marked {mark}, which sees a coroutine instead of a result;"
                " write a filter, or an interceptor of session_send"
            )
    if marks.get("optionalhook"):
        yield f"its {name} is marked optionalhook, which hides misspelt names; remove the mark"
    if hook not in HOOKS:
        hint = nearest(hook, HOOKS) or f"; hooks: {', '.join(HOOKS)}"
        yield f"no hook is called {hook!r}{hint}"
        return
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            yield (
                f"its {hook} takes {stars}{parameter.name}, which stays empty; {_takes(hook)}"
            )
        elif parameter.name not in HOOKS[hook]:
            yield f"its {hook} takes an unknown argument {parameter.name!r}; {_takes(hook)}"
        elif parameter.default is not parameter.empty:
            yield (
                f"its {hook} gives {parameter.name!r} a default, and so is never passed it;"
                " remove the default"
            )
        elif parameter.kind is parameter.KEYWORD_ONLY:
            yield (
                f"its {hook} takes {parameter.name!r} by keyword only, and so is never"
                " passed it; remove the star"
            )
    if inspect.isasyncgenfunction(function) and hook not in ITERATING:
        yield f"its {hook} is an async generator; only {_words(ITERATING)} may be one"
    is_wrapper = marks.get("wrapper") or marks.get("hookwrapper")
    if inspect.isgeneratorfunction(function) and not is_wrapper:
        yield f"its {hook} is a plain generator; return a list, or write async def"


def _is_unmarked(plugin: object, name: str) -> bool:
    function = inspect.getattr_static(plugin, name, None)
    if function is None:
        return False
    # A channel may inherit the specs themselves, for its type checker.
    return not hasattr(getattr(function, "__func__", function), f"{PROJECT}_spec")


def _how_to_mark(plugin: object, name: str) -> str:
    static = inspect.getattr_static(plugin, name)
    if isinstance(static, staticmethod | classmethod) and hasattr(static, f"{PROJECT}_impl"):
        return f"put @hookimpl below @{type(static).__name__}"
    return "put @hookimpl above"


def _takes(hook: str) -> str:
    return f"the hook has {_words(HOOKS[hook]) or 'no arguments'}"


def _words(names: Any) -> str:
    return ", ".join(sorted(names) if isinstance(names, frozenset) else names)
