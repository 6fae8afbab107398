from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import attrs
import pytest
from fakes import incoming, registry

from cobot import (
    ChannelSpec,
    Conversation,
    IncomingMessage,
    OutgoingMessage,
    PluginError,
    hookimpl,
)
from cobot.plugins import Plugins
from cobot.plugins.refusals import HOOKS, refusals
from cobot.plugins.registry import Plugin

OUTGOING = OutgoingMessage("p", "chat", "hello")


# Each plugin below has one mistake, and its docstring is the sentence that it earns.


@attrs.define
class Unhashable:
    """it is not hashable; write @attrs.define(eq=False) above its class"""

    @hookimpl
    def cobot_start(self) -> None:
        pass


class PriorityInWords:
    """its priority is 'first'; expected a whole number, lower is earlier"""

    priority = "first"

    @hookimpl
    def cobot_start(self) -> None:
        pass


class PriorityIsNothing:
    """its priority is None; expected a whole number, lower is earlier"""

    priority = None

    @hookimpl
    def cobot_start(self) -> None:
        pass


class NoHooks:
    """it has no hooks; put @hookimpl above the methods that are hooks"""

    def reply(self) -> None:
        """Answer nobody."""


class NoMarker:
    """its agent_reply has no marker and is never called; put @hookimpl above"""

    def agent_reply(self, message: IncomingMessage) -> str:
        """Have no marker."""
        return message.content


class NoMarkerOnOne:
    """its session_send has no marker and is never called; put @hookimpl above"""

    @hookimpl
    def session_receive(self) -> list[IncomingMessage]:
        return []

    def session_send(self, message: OutgoingMessage) -> str:
        """Have no marker."""
        return "1"


class NoMarkerOnStatic:
    """its session_send has no marker and is never called; put @hookimpl above"""

    @staticmethod
    def session_send(message: OutgoingMessage) -> str:
        """Have no marker."""
        return "1"


class NoMarkerUnderSpec(ChannelSpec):
    """its session_send has no marker and is never called; put @hookimpl above"""

    @hookimpl
    async def session_receive(self) -> AsyncIterator[IncomingMessage]:  # type: ignore[override]
        yield incoming()

    async def session_send(self, message: OutgoingMessage) -> str:
        """Have no marker."""
        return "1"


class MarkerOverridden(NoMarkerUnderSpec):
    """its session_send has no marker and is never called; put @hookimpl above"""


def forgetful(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function and lose its marker, as one without functools.wraps does."""
    return lambda *values: function(*values)


class MarkerLost:
    """its session_send has no marker and is never called; put @hookimpl above"""

    @forgetful
    @hookimpl
    def session_send(self, message: OutgoingMessage) -> str:
        return "1"


class Misspelt:
    """no hook is called 'session_recieve'; did you mean 'session_receive'?"""

    @hookimpl
    def session_recieve(self) -> list[IncomingMessage]:
        return []


class MisspeltSpecName:
    """no hook is called 'agent_replay'; did you mean 'agent_reply'?"""

    @hookimpl(specname="agent_replay")
    def answer(self, message: IncomingMessage) -> str:
        return message.content


class NothingLikeIt:
    """A plugin with a hook that is like none of ours."""

    @hookimpl
    def frobnicate(self) -> None:
        pass


class UnknownArgument:
    """its session_send takes an unknown argument 'text'; the hook has message"""

    @hookimpl
    def session_send(self, text: str) -> str:
        return "1"


class UnknownArgumentOfTwo:
    """its agent_reply takes an unknown argument 'msg'; the hook has message, conversation"""

    @hookimpl
    def agent_reply(self, msg: IncomingMessage, conversation: Conversation) -> str:
        return "1"


class ArgumentOfNone:
    """its cobot_start takes an unknown argument 'session'; the hook has no arguments"""

    @hookimpl
    def cobot_start(self, session: object) -> None:
        pass


class Star:
    """its session_send takes *messages, which stays empty; the hook has message"""

    @hookimpl
    def session_send(self, *messages: Any) -> str:
        return "1"


class TwoStars:
    """its session_send takes **rest, which stays empty; the hook has message"""

    @hookimpl
    def session_send(self, **rest: Any) -> str:
        return "1"


class Default:
    """its session_send gives 'message' a default, and so is never passed it; remove the
    default"""

    @hookimpl
    def session_send(self, message: OutgoingMessage = OUTGOING) -> str:
        return "1"


class KeywordOnly:
    """its session_send takes 'message' by keyword only, and so is never passed it; remove
    the star"""

    @hookimpl
    def session_send(self, *, message: OutgoingMessage) -> str:
        return "1"


class Wrapper:
    """its session_send is marked wrapper, which sees a coroutine instead of a result; write a
    filter, or an interceptor of session_send"""

    @hookimpl(wrapper=True)
    def session_send(self, message: OutgoingMessage) -> Iterator[None]:
        return (yield)


class OldWrapper:
    """its session_send is marked hookwrapper, which sees a coroutine instead of a result;
    write a filter, or an interceptor of session_send"""

    @hookimpl(hookwrapper=True)
    def session_send(self, message: OutgoingMessage) -> Iterator[None]:
        yield


class Optional:
    """its session_send is marked optionalhook, which hides misspelt names; remove the mark"""

    @hookimpl(optionalhook=True)
    def session_send(self, message: OutgoingMessage) -> str:
        return "1"


class AsyncGenerator:
    """its session_send is an async generator; only agent_reply, session_receive may be one"""

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> AsyncIterator[str]:
        yield "1"


class PlainGenerator:
    """its session_receive is a plain generator; return a list, or write async def"""

    @hookimpl
    def session_receive(self) -> Iterator[IncomingMessage]:
        yield incoming()


class TwoOfOneHook:
    """it has two implementations of session_send; keep one"""

    @hookimpl
    def session_send(self, message: OutgoingMessage) -> str:
        return "1"

    @hookimpl(specname="session_send")
    def send_too(self, message: OutgoingMessage) -> str:
        return "2"


MISTAKEN: list[type] = [
    Unhashable,
    PriorityInWords,
    PriorityIsNothing,
    NoHooks,
    NoMarker,
    NoMarkerOnOne,
    NoMarkerOnStatic,
    NoMarkerUnderSpec,
    MarkerLost,
    Misspelt,
    MisspeltSpecName,
    UnknownArgument,
    UnknownArgumentOfTwo,
    ArgumentOfNone,
    Star,
    TwoStars,
    Default,
    KeywordOnly,
    Wrapper,
    OldWrapper,
    Optional,
    AsyncGenerator,
    PlainGenerator,
    TwoOfOneHook,
    MarkerOverridden,
]


@pytest.mark.parametrize("cls", MISTAKEN)
def test_mistake_is_named_with_its_cure(cls: type) -> None:
    """Each mistake earns one sentence that names it and says how to mend it."""
    plugins = Plugins()

    with pytest.raises(PluginError) as refused:
        plugins.register(Plugin("p", cls()))

    expected = f"plugin 'p': {cls.__doc__}"
    assert str(refused.value).split() == expected.split()
    assert "p" not in plugins


def test_unknown_hook_without_a_near_one_is_told_the_hooks_there_are() -> None:
    """Who is far off is told what there is instead."""
    (sentence,) = refusals(NothingLikeIt())

    assert all(hook in sentence for hook in HOOKS)


def test_several_mistakes_are_all_named() -> None:
    """A plugin with three mistakes is told all three at once."""

    class Three:
        priority = "late"

        @hookimpl
        def session_sent(self) -> None:
            pass

        def agent_reply(self) -> str:
            return ""

    assert refusals(Three()) == [
        "its priority is 'late'; expected a whole number, lower is earlier",
        "no hook is called 'session_sent'; did you mean 'session_send'?",
        "its agent_reply has no marker and is never called; put @hookimpl above",
    ]


def test_marker_above_staticmethod_is_told_to_change_places() -> None:
    """A marker that is there, but in the wrong place, is not said to be missing."""

    class Swapped:
        @hookimpl
        @staticmethod
        def session_send(message: OutgoingMessage) -> str:
            return "1"

    faults = refusals(Swapped())

    assert not faults or "staticmethod" in faults[0]


def test_module_is_refused_in_the_same_words() -> None:
    """A module of functions is looked at as an object with methods is."""
    module = ModuleType("theirs")

    def session_send(message: OutgoingMessage) -> str:
        """Have no marker."""
        return "1"

    module.session_send = session_send  # type: ignore[attr-defined]

    assert refusals(module) == [
        "its session_send has no marker and is never called; put @hookimpl above"
    ]


def test_looking_at_a_plugin_runs_none_of_its_properties() -> None:
    """A property may open a connection; it is not read to find hooks."""

    class Careful:
        @property
        def session(self) -> object:
            raise RuntimeError("was read")

        @hookimpl
        def cobot_start(self) -> None:
            pass

    assert refusals(Careful()) == []


# What is accepted.


class FromSpec(ChannelSpec):
    """A channel that inherits the specs and leaves session_send as it is."""

    @hookimpl
    async def session_receive(self) -> AsyncIterator[IncomingMessage]:  # type: ignore[override]
        yield incoming()


class FewerArguments:
    """A plugin that takes of the arguments what it needs, or none."""

    @hookimpl
    def session_on_send(self) -> str:
        return "called"

    @hookimpl
    def agent_reply(self, conversation: Conversation) -> str:
        return "called"

    @hookimpl
    def session_send(self, message: OutgoingMessage, /) -> str:
        return "called"


class Renamed:
    """A plugin whose methods have names of their own."""

    @hookimpl(specname="session_send")
    def deliver(self, message: OutgoingMessage) -> str:
        return "called"


class OnTheClass:
    """A plugin whose hooks need no instance."""

    @staticmethod
    @hookimpl
    def session_send(message: OutgoingMessage) -> str:
        return "called"

    @classmethod
    @hookimpl
    def session_on_receive(cls, message: IncomingMessage) -> str:
        return "called"


class FirstAndLast:
    """A plugin that wants to be asked first for one hook and last for another."""

    @hookimpl(tryfirst=True)
    def session_incoming(self, message: IncomingMessage) -> None:
        return None

    @hookimpl(trylast=True)
    def session_outgoing(self, message: OutgoingMessage) -> None:
        return None


class Decorated:
    """A plugin whose decorator keeps name and marker."""

    @staticmethod
    def kept(function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate as functools.wraps does."""

        @functools.wraps(function)
        def wrapper(*values: Any) -> Any:
            return function(*values)

        return wrapper

    @hookimpl
    @kept.__func__  # type: ignore[attr-defined, untyped-decorator]
    def session_send(self, message: OutgoingMessage) -> str:
        return "called"


class Inherited(Renamed):
    """A plugin that has its hooks from its base class."""


@pytest.mark.parametrize(
    ("cls", "hooks"),
    [
        (FromSpec, ["session_receive"]),
        (FewerArguments, ["agent_reply", "session_on_send", "session_send"]),
        (Renamed, ["session_send"]),
        (OnTheClass, ["session_on_receive", "session_send"]),
        (FirstAndLast, ["session_incoming", "session_outgoing"]),
        (Decorated, ["session_send"]),
        (Inherited, ["session_send"]),
    ],
)
def test_plugin_without_a_mistake_is_registered_with_its_hooks(
    cls: type, hooks: list[str]
) -> None:
    """What pluggy can call and cobot can route is accepted."""
    plugins = registry(p=cls())

    assert plugins.hooks("p") == hooks


@pytest.mark.parametrize("cls", [FewerArguments, Renamed, OnTheClass, Decorated, Inherited])
async def test_accepted_hook_is_really_called(cls: type) -> None:
    """A hook that was accepted gets its arguments, whatever its form."""
    plugins = registry(p=cls())
    values = {"message": OUTGOING, "receipt": None, "conversation": None}

    results = [
        await caller(**values)
        for hook in plugins.hooks("p")
        if (caller := plugins.caller("p", hook))
    ]

    assert set(results) == {"called"}


async def test_module_of_plain_hookimpls_is_a_plugin() -> None:
    """A plugin may be a module; its functions are the hooks."""
    module = ModuleType("theirs")
    source = (
        "from cobot import hookimpl, ChannelSpec, OutgoingMessage\n"
        "channel = True\n"
        "@hookimpl\n"
        "def session_send(message):\n"
        "    return message.content.upper()\n"
    )
    exec(source, vars(module))
    plugins = registry(net=module)

    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert plugins["net"].is_channel
    assert done is not None
    assert done[1] == "HELLO"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"session_receive": hookimpl(lambda cursors: [])}, True),
        ({"fetch": hookimpl(lambda cursors: [], specname="session_receive")}, True),
        ({"session_send": hookimpl(lambda message: "1")}, False),
        ({"session_send": hookimpl(lambda message: "1"), "channel": True}, True),
        ({"session_send": hookimpl(lambda message: "1"), "channel": False}, False),
    ],
    ids=["receives", "receives by specname", "sends", "says that it is one", "says not"],
)
def test_channel_is_who_receives_or_says_so(attributes: dict[str, Any], expected: bool) -> None:
    """A plugin is a channel by its receiver, or by `channel = True` if it only sends."""
    module = ModuleType("theirs")
    vars(module).update(attributes)

    assert registry(p=module)["p"].is_channel is expected
