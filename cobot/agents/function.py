"""The agent that is a function of yours: `agent: {function: module:name}`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import attrs

from cobot.context import Context
from cobot.errors import ConfigError, Problem, first_line, nearest
from cobot.hookspecs import Conversation, hookimpl
from cobot.messages import IncomingMessage
from cobot.plugins.calling import is_async


@attrs.frozen
class FunctionSettings:
    """Which function."""

    target: str
    """`module:name`; the module is imported."""


class Function:
    """Calls `f(message, conversation)`; what it returns is as for `agent_reply`."""

    Settings = FunctionSettings
    shorthand: ClassVar[str] = "target"
    usage: ClassVar[str] = '{function: "module:name"}, or --agent function:MODULE:NAME'

    def __init__(self, settings: FunctionSettings, context: Context) -> None:
        """Import the function.

        Raises:
            ConfigError: There is no such function. The text says what there is instead.
        """
        self._function = _find(settings.target)
        self._context = context
        self.runs_in_threads = not is_async(self._function)
        """Whether it takes no more turns at a time than the plugin has threads."""

    @hookimpl
    async def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> Any:
        if self.runs_in_threads:
            result = await self._context.in_thread(self._function, message, conversation)
        else:
            result = self._function(message, conversation)
        return await result if hasattr(result, "__await__") else result


def _find(target: str) -> Callable[..., Any]:
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name) or module_name.startswith("."):
        raise _wrong(f"expected module:name, got {target!r}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = f"no module is called {error.name!r}"
        asked = f"{module_name}.".startswith(f"{error.name}.")
        detail = "" if asked else f", which {module_name!r} imports"
        hint = "put it beside cobot.yml (else in the working directory), or install it"
        if module_name.endswith(".py"):
            hint = f"write it without .py: {module_name.removesuffix('.py')}:{name}"
        raise _wrong(f"{missing}{detail}; {hint}") from error
    except (Exception, SystemExit) as error:
        said = first_line(error)
        raise _wrong(f"importing {module_name!r} failed: {said}") from error
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [one for one in vars(module) if not one.startswith("_")]
            where = getattr(module, "__file__", None) or "built in"
            detail = f"module {module_name!r} ({where}) has no {name!r}"
            raise _wrong(f"{detail}{nearest(name, known)}")
        found = getattr(found, part)
    if not callable(found):
        raise _wrong(f"{target!r} is {type(found).__name__}, no function")
    if inspect.isgeneratorfunction(found):
        raise _wrong(f"{target!r} is a plain generator; return a list, or write async def")
    try:
        inspect.signature(found).bind(None, None)
    except TypeError as error:
        raise _wrong(f"{target!r} is called with (message, conversation): {error}") from None
    except ValueError:
        pass  # it is not written in Python and does not tell
    function: Callable[..., Any] = found
    return function


def _wrong(detail: str) -> ConfigError:
    return ConfigError(Problem("", detail))
