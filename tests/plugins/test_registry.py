from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from fakes import EchoAgent, FakeChannel, incoming, plugin, registry

import cobot
from cobot import DROP, IncomingMessage, OutgoingMessage, PluginError, Unreachable, hookimpl
from cobot.hookspecs import WORKING
from cobot.plugins import Plugin, Plugins

OUTGOING = OutgoingMessage("net", "chat", "hello")


class Hooks:
    """A plugin made of the functions that a test gives it."""

    fail_closed = False

    def __init__(self, priority: int | None = None, **functions: Callable[..., Any]) -> None:
        if priority is not None:
            self.priority = priority
        for hook, function in functions.items():
            setattr(self, hook, hookimpl(function))


def sender(result: object = None) -> Hooks:
    """Return a plugin with a `session_send` that gives a fixed result."""
    return Hooks(session_send=lambda message: result)


def content_filter(change: Callable[[str], str]) -> Hooks:
    """Return a filter of incoming messages that changes the text."""
    return Hooks(
        session_incoming=lambda message: attrs.evolve(message, content=change(message.content))
    )


def names(plugins: Plugins, hook: str) -> list[str]:
    """Return who is asked for a hook, in order."""
    return [caller.plugin_name for caller in plugins.callers(hook)]


# Order.


def test_lower_priority_starts_first_then_who_came_first() -> None:
    """Plugins start by priority, and among equals in the order of the configuration."""
    plugins = registry(
        late=Hooks(40, cobot_start=lambda: None),
        default=Hooks(cobot_start=lambda: None),
        channel=FakeChannel(),
        early=Hooks(-1, cobot_start=lambda: None),
        default_too=Hooks(cobot_start=lambda: None),
    )

    order = [one.name for one in plugins.in_start_order]

    assert order == ["early", "default", "default_too", "channel", "late"]
    assert names(plugins, "cobot_start") == ["early", "default", "default_too", "late"]


def test_channels_are_listed_in_start_order() -> None:
    """Only channels are channels, also those that only send."""
    only_sends = sender()
    only_sends.channel = True  # type: ignore[attr-defined]
    plugins = registry(b=FakeChannel(), agent=EchoAgent(), a=only_sends, p=sender())

    assert [one.name for one in plugins.channels] == ["b", "a"]


def test_order_is_kept_when_a_plugin_comes_later() -> None:
    """A plugin that is registered later stands where its priority puts it."""
    plugins = registry(b=Hooks(30, cobot_start=lambda: None))

    plugins.register(plugin("a", Hooks(20, cobot_start=lambda: None)))

    assert names(plugins, "cobot_start") == ["a", "b"]


def test_tryfirst_and_trylast_come_before_and_after_everybody() -> None:
    """The marks of a hook weigh more than the priority of its plugin."""

    class First:
        priority = 90

        @hookimpl(tryfirst=True)
        def session_incoming(self) -> None:
            pass

    class Last:
        priority = 1

        @hookimpl(trylast=True)
        def session_incoming(self) -> None:
            pass

    class Middle:
        @hookimpl
        def session_incoming(self) -> None:
            pass

    plugins = registry(last=Last(), middle=Middle(), first=First())

    assert names(plugins, "session_incoming") == ["first", "middle", "last"]


def test_several_tryfirst_are_in_start_order_among_themselves() -> None:
    """Among those who want to be first, priority decides, and then who came first."""

    class First:
        def __init__(self, priority: int) -> None:
            self.priority = priority

        @hookimpl(tryfirst=True)
        def session_incoming(self) -> None:
            pass

    plugins = registry(b=First(20), c=First(20), a=First(10))

    assert names(plugins, "session_incoming") == ["a", "b", "c"]


async def test_first_result_ends_the_asking() -> None:
    """Plugins are asked in order until one knows, and the others are not asked."""
    asked: list[str] = []

    async def declines(message: IncomingMessage) -> None:
        asked.append("declines")

    async def knows(message: IncomingMessage) -> str:
        asked.append("knows")
        return "here"

    def too_late(message: IncomingMessage) -> str:
        asked.append("too late")
        return "there"

    hooks = {"a": declines, "b": knows, "c": too_late}
    plugins = registry(**{name: Hooks(session_conversation=f) for name, f in hooks.items()})
    decided = await plugins.first("session_conversation", message=incoming())

    assert decided is not None
    assert (decided[0].plugin_name, decided[1]) == ("b", "here")
    assert asked == ["declines", "knows"]


async def test_nobody_knows_is_no_result() -> None:
    """If all decline, and if there is nobody to ask, there is no result."""
    plugins = registry(p=Hooks(session_conversation=lambda message: None))

    assert await plugins.first("session_conversation", message=incoming()) is None
    assert await Plugins().first("session_conversation", message=incoming()) is None


@pytest.mark.parametrize("falsy", ["", 0, False, ()])
async def test_falsy_result_is_a_result(falsy: object) -> None:
    """Only None means "not mine"."""
    plugins = registry(p=Hooks(session_conversation=lambda message: falsy))

    decided = await plugins.first("session_conversation", message=incoming())

    assert decided is not None
    assert decided[1] == falsy


# Routing.


async def test_interceptor_is_asked_before_the_channel() -> None:
    """A plugin that is no channel may take a message over, whenever it starts."""
    channel = FakeChannel()
    interceptor = Hooks(99, session_send=lambda message: "taken")
    plugins = registry(net=channel, p=interceptor)

    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert done is not None
    assert (done[0].plugin_name, done[1], channel.sent) == ("p", "taken", [])


async def test_interceptors_are_asked_in_order_until_one_takes_it() -> None:
    """Interceptors are asked as all plugins are: in start order."""
    plugins = registry(
        net=FakeChannel(),
        c=Hooks(30, session_send=lambda message: "c"),
        b=Hooks(20, session_send=lambda message: "b"),
        a=Hooks(10, session_send=lambda message: None),
    )

    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert done is not None
    assert done[1] == "b"


async def test_no_channel_sees_the_messages_of_another() -> None:
    """What is addressed to one channel reaches that one alone, in any order of registration."""
    channels = {name: FakeChannel() for name in "abc"}
    plugins = registry(**channels)

    for name in "abc":
        message = OutgoingMessage(name, "chat", f"for {name}")
        await plugins.route("session_send", name, message=message)

    assert {name: one.texts for name, one in channels.items()} == {
        name: [f"for {name}"] for name in "abc"
    }


async def test_channel_that_comes_later_never_sees_an_earlier_ones_messages() -> None:
    """A channel registered after others have been used leaks nothing, nor do callers kept."""
    first, second, third = FakeChannel(), FakeChannel(), FakeChannel()
    plugins = registry(first=first, second=second)
    message = OutgoingMessage("first", "chat", "hello")
    await plugins.route("session_send", "first", message=message)
    kept = plugins.caller("first", "session_send")
    assert kept is not None

    plugins.register(plugin("third", third))
    await plugins.route("session_send", "first", message=message)
    await kept(message=message)

    assert (first.texts, second.texts, third.texts) == (["hello"] * 3, [], [])


async def test_declining_channel_hands_its_message_to_nobody() -> None:
    """None from the addressed channel is its answer; no other channel is asked."""
    declining = sender(None)
    declining.channel = True  # type: ignore[attr-defined]
    other = FakeChannel()
    plugins = registry(net=declining, other=other)

    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert done is not None
    assert (done[0].plugin_name, done[1], other.sent) == ("net", None, [])


@pytest.mark.parametrize("name", ["nobody", "agent"])
async def test_operation_that_nobody_has_is_done_by_nobody(name: str) -> None:
    """A channel that is not there, or has no such hook, is told apart from any result."""
    plugins = registry(net=FakeChannel(), agent=EchoAgent())

    assert await plugins.route("session_send", name, message=OUTGOING) is None


async def test_failing_interceptor_is_named_and_the_channel_is_not() -> None:
    """An interceptor's failure is its own: the error names it."""

    def fail(message: OutgoingMessage) -> str:
        raise ValueError("no")

    plugins = registry(net=FakeChannel(), dry=Hooks(session_send=fail))

    with pytest.raises(PluginError, match="plugin 'dry' failed in session_send: ValueError"):
        await plugins.route("session_send", "net", message=OUTGOING)


# Coming and going.


async def test_plugin_that_is_taken_out_is_asked_no_more() -> None:
    """After `unregister` none of a plugin's hooks is called, and its name is free."""
    plugins = registry(net=FakeChannel(), p=sender("taken"))

    gone = plugins.unregister("p")
    done = await plugins.route("session_send", "net", message=OUTGOING)

    assert gone.name == "p"
    assert "p" not in plugins
    assert (plugins.hooks("p"), plugins.caller("p", "session_send")) == ([], None)
    assert done is not None
    assert done[0].plugin_name == "net"


async def test_plugin_can_come_again_under_its_name() -> None:
    """A name that was freed is the new plugin's alone."""
    old, new = FakeChannel(), FakeChannel()
    plugins = registry(net=old)
    plugins.unregister("net")

    plugins.register(plugin("net", new))
    await plugins.route("session_send", "net", message=OUTGOING)

    assert (old.texts, new.texts) == ([], ["hello"])


def test_nothing_is_registered_if_one_is_refused() -> None:
    """Of several plugins all come in, or none; the error names the one at fault."""
    plugins = Plugins()

    with pytest.raises(PluginError, match="plugin 'bad': it has no hooks"):
        plugins.register(plugin("good", FakeChannel()), plugin("bad", object()))

    assert ("good" in plugins, plugins.callers("session_send")) == (False, ())


def test_second_plugin_of_a_name_is_refused() -> None:
    """Two plugins of one name cannot be told apart; the first one stays."""
    first = FakeChannel()
    plugins = registry(net=first)

    with pytest.raises(PluginError, match="plugin 'net': another plugin has this name"):
        plugins.register(plugin("net", FakeChannel()))

    assert plugins["net"].instance is first


def one_module() -> ModuleType:
    """Return a module of plain hookimpls."""
    module = ModuleType("theirs")
    module.session_send = hookimpl(lambda message: "1")  # type: ignore[attr-defined]
    return module


@attrs.frozen
class Equal:
    """A plugin of which two with the same settings are equal."""

    settings: str = ""

    @hookimpl
    def session_send(self) -> str:
        return "1"


def two_of_a_name() -> tuple[Plugin, Plugin]:
    """Return two plugins of one name."""
    return plugin("net", FakeChannel()), plugin("net", FakeChannel())


def one_instance_twice() -> tuple[Plugin, Plugin]:
    """Return one module under two names, as two sections that share it would."""
    module = one_module()
    return plugin("a", module), plugin("b", module)


@pytest.mark.parametrize("make", [two_of_a_name, one_instance_twice])
def test_plugins_that_clash_with_one_another_are_all_refused(
    make: Callable[[], tuple[Plugin, Plugin]],
) -> None:
    """A clash among those that come together is refused as any other: in words, and whole."""
    plugins = Plugins()
    first, second = make()

    with pytest.raises(PluginError):
        plugins.register(first, second)

    assert (first.name in plugins, second.name in plugins) == (False, False)
    plugins.register(plugin("later", FakeChannel()))
    assert names(plugins, "session_send") == ["later"]


def equal_instances() -> tuple[Plugin, Plugin]:
    """Return two plugins that are equal, as those of a class with `__eq__` may be."""
    return plugin("a", Equal()), plugin("b", Equal())


@pytest.mark.parametrize("make", [one_instance_twice, equal_instances])
def test_plugin_that_is_another_one_too_is_refused_in_words(
    make: Callable[[], tuple[Plugin, Plugin]],
) -> None:
    """A plugin that cannot be told from another is refused, and the other one is named."""
    first, second = make()
    plugins = Plugins()
    plugins.register(first)

    with pytest.raises(PluginError, match=r"plugin 'b': .*'a'"):
        plugins.register(second)

    assert names(plugins, "session_send") == ["a"]


async def test_timings_survive_when_others_come_and_go() -> None:
    """What the calls of a plugin have cost is not forgotten when callers are made anew."""
    plugins = registry(p=sender("1"), q=FakeChannel())
    await plugins.route("session_send", "q", message=OUTGOING)

    plugins.register(plugin("net", FakeChannel()))
    await plugins.route("session_send", "q", message=OUTGOING)
    plugins.unregister("net")

    caller = plugins.caller("p", "session_send")
    assert caller is not None
    assert caller.timing.calls == 2


async def test_new_plugin_of_an_old_name_starts_with_no_timings() -> None:
    """The costs of a plugin that left are not put on the one that has its name now."""
    plugins = registry(p=sender("1"))
    await plugins.route("session_send", "net", message=OUTGOING)
    plugins.unregister("p")

    plugins.register(plugin("p", sender("1")))

    assert plugins.timings() == []


def test_hooks_of_a_plugin_are_known() -> None:
    """What a plugin implements is read from its marked functions."""
    plugins = registry(net=FakeChannel(), agent=EchoAgent())

    assert plugins.hooks("net") == ["session_receive", "session_send"]
    assert plugins.hooks("agent") == ["agent_reply"]


@pytest.mark.parametrize("hook", sorted(WORKING))
def test_plugin_without_a_hook_has_no_caller_for_it(hook: str) -> None:
    """Whether a plugin has a hook is known without calling it."""
    assert registry(p=Hooks(session_incoming=lambda: None)).caller("p", hook) is None


# Filters.


async def test_each_filter_sees_what_the_one_before_made_of_it() -> None:
    """Filters are a chain in start order."""
    plugins = registry(
        b=content_filter(lambda text: f"{text} b"), c=content_filter(lambda text: f"{text} c")
    )
    first = content_filter(lambda text: f"{text} a")
    first.priority = 1
    plugins.register(plugin("a", first))

    verdict = await plugins.filter("session_incoming", incoming("text"))

    assert verdict.message.content == "text a b c"
    assert (verdict.dropped_by, verdict.refused_by) == (None, None)


async def test_filter_that_returns_nothing_leaves_the_message() -> None:
    """None from a filter means "as it is": the very same message goes on."""
    message = incoming()
    plugins = registry(p=Hooks(session_incoming=lambda message: None))

    verdict = await plugins.filter("session_incoming", message)

    assert verdict.message is message


async def test_dropped_message_is_seen_by_no_further_filter() -> None:
    """DROP stops the message, and who dropped it is kept."""
    seen: list[str] = []
    plugins = registry(
        a=content_filter(str.upper),
        b=Hooks(session_incoming=lambda message: DROP),
        c=Hooks(session_incoming=lambda message: seen.append("c")),
    )

    verdict = await plugins.filter("session_incoming", incoming("text"))

    assert (verdict.dropped_by, verdict.refused_by, seen) == ("b", None, [])


def broken_filters() -> dict[str, Callable[..., Any]]:
    """Return filters that break the contract, each in its own way."""

    def raises(message: IncomingMessage) -> None:
        raise ValueError("no")

    def channel_error(message: IncomingMessage) -> None:
        raise Unreachable("p", "filter", "no")

    return {
        "raises": raises,
        "raises a ChannelError": channel_error,
        "returns text": lambda message: "text",
        "returns True": lambda message: True,
        "returns another kind of message": lambda message: OUTGOING,
        "changes the id": lambda message: attrs.evolve(message, id="other"),
        "changes the chat": lambda message: attrs.evolve(message, channel_id="other"),
        "changes the channel": lambda message: attrs.evolve(message, channel_type="other"),
        "changes the thread": lambda message: attrs.evolve(message, thread_id="other"),
    }


@pytest.mark.parametrize("fault", broken_filters())
async def test_broken_filter_is_passed_over_and_named(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A filter that fails changes nothing, the next one is asked, and the log names it."""
    plugins = registry(
        bad=Hooks(session_incoming=broken_filters()[fault]), good=content_filter(str.upper)
    )

    message = incoming("text")
    verdict = await plugins.filter("session_incoming", message)

    assert verdict.message == attrs.evolve(message, content="TEXT")
    assert (verdict.dropped_by, verdict.refused_by) == (None, None)
    (said,) = caplog.messages
    assert said.endswith("; its filter is passed over")
    assert "ChannelError" in fault or "plugin 'bad' failed in session_incoming" in said


@pytest.mark.parametrize("fault", broken_filters())
async def test_broken_filter_that_fails_closed_refuses_the_message(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a plugin says `fail_closed = True`, its failure refuses the message."""
    seen: list[str] = []
    bad = Hooks(session_incoming=broken_filters()[fault])
    bad.fail_closed = True
    plugins = registry(
        bad=bad, after=Hooks(session_incoming=lambda message: seen.append("after"))
    )

    verdict = await plugins.filter("session_incoming", incoming("text"))

    assert (verdict.refused_by, verdict.dropped_by, seen) == ("bad", None, [])
    assert "its filter is closed" in caplog.text


async def test_channel_error_of_a_filter_is_logged_with_the_filters_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also where a filter fails with a ChannelError, the log says which plugin it was."""

    def fail(message: IncomingMessage) -> None:
        raise Unreachable("net", "look-up", "no route")

    plugins = registry(spam=Hooks(session_incoming=fail))
    await plugins.filter("session_incoming", incoming())

    assert "'spam'" in caplog.text


async def test_outgoing_filter_changes_what_is_sent() -> None:
    """A filter on the way out may change text and address."""
    plugins = registry(
        p=Hooks(
            session_outgoing=lambda message: attrs.evolve(
                message, content="other", channel_id="elsewhere"
            )
        )
    )

    verdict = await plugins.filter("session_outgoing", OUTGOING)

    assert (verdict.message.content, verdict.message.channel_id) == ("other", "elsewhere")


async def test_no_filters_leave_the_message() -> None:
    """Without filters the message goes on as it is."""
    message = incoming()

    assert (await Plugins().filter("session_incoming", message)).message is message


# What cobot uses of pluggy.


def private_uses(source: str) -> list[str]:
    """Return names with a leading underscore that a source takes from elsewhere."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=module, names=imported) if (module or "").startswith(
                "pluggy"
            ):
                path = f"{module}." + ",".join(one.name for one in imported)
                found += [path] if "._" in path or ",_" in path else []
            case ast.Import(names=imported):
                found += [one.name for one in imported if one.name.startswith("pluggy._")]
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name) if name.startswith("_") and not name.endswith("__"):
                found.append(name)
            case ast.Call(
                func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]
            ):
                found += [name] if name.startswith("_") and not name.endswith("__") else []
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pluggy._hooks", ["pluggy._hooks"]),
        ("from pluggy._manager import DistFacade", ["pluggy._manager.DistFacade"]),
        ("from pluggy import HookCaller, _x", ["pluggy.HookCaller,_x"]),
        ("self._manager._inner_hookexec = None", ["_inner_hookexec"]),
        ("getattr(manager, '_name2plugin')", ["_name2plugin"]),
        ("import pluggy\nself._manager = pluggy.PluginManager('x')", []),
    ],
)
def test_private_uses_are_found(source: str, expected: list[str]) -> None:
    """The guard below sees what it is to guard against."""
    assert private_uses(source) == expected


SOURCES = sorted(Path(cobot.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize(
    "source",
    [one for one in SOURCES if "pluggy" in one.read_text("utf-8")],
    ids=lambda path: path.name,
)
def test_nothing_private_of_pluggy_is_used(source: Path) -> None:
    """Names of pluggy with a leading underscore may change with any release."""
    assert private_uses(source.read_text("utf-8")) == []
