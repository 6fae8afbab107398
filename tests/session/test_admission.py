from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fakes import incoming, registry

from cobot import ChannelError, IncomingMessage, Refuse, hookimpl
from cobot.plugins import Plugins
from cobot.session.access import Decision
from cobot.session.admission import Admission

ACCEPTED = Decision("accepted")
BY_GATE = Decision("refused", "the gate is shut")


class Guard:
    """A plugin that has a function say who is refused."""

    def __init__(self, decide: Callable[[IncomingMessage], Any]) -> None:
        self.decide = decide
        self.asked: list[str] = []

    @hookimpl
    async def session_admit(self, message: IncomingMessage) -> Any:
        self.asked.append(message.content)
        return self.decide(message)


class Quick:
    """One that is a plain `def`."""

    @hookimpl
    def session_admit(self, message: IncomingMessage) -> Refuse | None:
        return Refuse("too loud") if message.content.isupper() else None


class Shut:
    """A gate that admits one text, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def decide(self, message: IncomingMessage) -> Decision:
        """Decide."""
        self.asked.append(message.content)
        return ACCEPTED if message.content == "hello" else BY_GATE


def admission(gate: Shut, alone: str | None = None, **guards: Any) -> Admission:
    """Return what decides."""
    door: Any = gate
    return Admission(registry(**guards), door, alone)


def nobody(_message: object) -> Refuse:
    """Refuse."""
    return Refuse("nobody comes in")


def everybody(_message: object) -> None:
    """Refuse nobody."""


def failing(_message: object) -> Any:
    """Fail, as a plugin with a mistake in it."""
    raise ZeroDivisionError("division by zero")


def limited(_message: object) -> Any:
    """Say what belongs to another kind of hook."""
    raise ChannelError("guard", "admit", "no")


async def test_without_plugins_the_gate_decides() -> None:
    """The built-in policy has the word where nobody else has one."""
    decides = admission(Shut())

    assert await decides.decide(incoming("hello")) == ACCEPTED
    assert await decides.decide(incoming("hey")) == BY_GATE


async def test_plugins_and_the_gate_must_all_admit() -> None:
    """Every plugin may refuse, of whatever colour, and is named; so may the gate."""
    decides = admission(Shut(), quick=Quick(), guard=Guard(everybody))

    assert await decides.decide(incoming("hello")) == ACCEPTED
    assert await decides.decide(incoming("hey")) == BY_GATE
    assert await decides.decide(incoming("HELLO")) == Decision("refused", "too loud (quick)")


async def test_a_refusal_ends_the_asking() -> None:
    """Who is refused by one is not shown to the others, and gets no code from the gate."""
    gate, second = Shut(), Guard(everybody)
    decides = admission(gate, first=Guard(nobody), second=second)
    decision = await decides.decide(incoming("hello"))

    assert decision == Decision("refused", "nobody comes in (first)")
    assert gate.asked == second.asked == []


@pytest.mark.parametrize(
    "decide",
    [failing, limited, lambda _: True, lambda _: False, lambda _: "refused", lambda _: Refuse],
)
async def test_a_guard_that_fails_refuses(decide: Callable[[object], Any]) -> None:
    """Who keeps a door and falls over has not opened it, and his mistake is not shown."""
    gate = Shut()
    decision = await admission(gate, guard=Guard(decide)).decide(incoming("hello"))

    assert decision == Decision("refused", "its session_admit failed (guard)")
    assert gate.asked == []


@pytest.mark.parametrize("alone", [None, "guard"])
async def test_a_mistake_of_a_guard_is_logged_with_its_name(
    alone: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The owner learns which plugin it is and what it did."""
    await admission(Shut(), alone, guard=Guard(failing)).decide(incoming("hello"))

    (record,) = caplog.records
    assert record.getMessage() == (
        "plugin 'guard' failed in session_admit: ZeroDivisionError: division by zero;"
        " the message is refused"
    )


async def test_a_policy_decides_alone() -> None:
    """The plugin that `access.policy` names is asked, and neither the others nor the gate."""
    gate, other, policy = Shut(), Guard(nobody), Guard(everybody)
    decides = admission(gate, "policy", other=other, policy=policy)

    assert await decides.decide(incoming("hey")) == ACCEPTED
    assert policy.asked == ["hey"]
    assert gate.asked == other.asked == []


async def test_a_policy_may_refuse() -> None:
    """Its reason is kept, with its name."""
    decides = admission(Shut(), "policy", policy=Guard(nobody))

    assert await decides.decide(incoming("hello")) == Decision(
        "refused", "nobody comes in (policy)"
    )


class Idle:
    """A plugin that keeps no door."""

    @hookimpl
    def session_on_receive(self, message: IncomingMessage) -> None:
        raise AssertionError(message)


@pytest.mark.parametrize("guards", [{}, {"policy": Idle()}], ids=["gone", "no such hook"])
async def test_a_policy_that_cannot_decide_admits_nobody(guards: dict[str, Any]) -> None:
    """A door whose keeper has gone stays shut."""
    decision = await admission(Shut(), "policy", **guards).decide(incoming("hello"))

    assert decision == Decision("refused", "nobody decides: 'policy' has no session_admit")


async def test_a_plugin_that_comes_later_is_asked_too() -> None:
    """Who is asked is looked up for each message."""
    plugins: Plugins = registry()
    gate: Any = Shut()
    decides = Admission(plugins, gate, None)
    assert await decides.decide(incoming("hello")) == ACCEPTED
    late = registry(late=Guard(nobody)).unregister("late")
    plugins.register(late)

    assert (await decides.decide(incoming("hello"))).verdict == "refused"
