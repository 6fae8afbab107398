from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import attrs
import pytest
from fakes import incoming, plugin, session_of

from cobot import Batch, ChannelSpec, ConfigError, Context, OutgoingMessage, hookimpl
from cobot.agents.function import Function, FunctionSettings
from cobot.plugins import Plugin, Plugins
from cobot.session import Outcome

SOURCE = """
import asyncio
import functools
import threading

asked = []
threads = []

def plain(message, conversation):
    threads.append(threading.current_thread())
    return message.content.upper()

async def coroutine(message, conversation):
    threads.append(threading.current_thread())
    await asyncio.sleep(0)
    return message.content.upper()

async def generator(message, conversation):
    threads.append(threading.current_thread())
    for letter in message.content:
        yield letter.upper()

def returns_a_coroutine(message, conversation):
    return coroutine(message, conversation)

def returns_a_generator(message, conversation):
    return generator(message, conversation)

def several(message, conversation):
    return [message.content, message.reply("second")]

def short(message):
    return message.content


def iterates(message, conversation):
    yield message.content
    yield "second"

def as_message(message, conversation):
    return message.reply(message.content.upper())

def silent(message, conversation):
    return None

def empty(message, conversation):
    return ""

def remembers(message, conversation):
    asked.append((message, conversation.key, conversation.address))

def greeting(greeting, message, conversation):
    return f"{greeting} {message.content}"

partial = functools.partial(greeting, "hi")

class Callable:
    def __call__(self, message, conversation):
        return "called"
    async def method(self, message, conversation):
        return "method"

class AsyncCallable:
    async def __call__(self, message, conversation):
        return "awaited"

an_object = Callable()
an_async_object = AsyncCallable()

def raises(message, conversation):
    if message.content == "bad":
        raise ValueError("cannot do that")
    return message.content

async def raises_async(message, conversation):
    if message.content == "bad":
        raise ValueError("cannot do that")
    return message.content

async def raises_late(message, conversation):
    yield "begun"
    if message.content == "bad":
        raise ValueError("cannot do that")

def stops_iteration(message, conversation):
    if message.content == "bad":
        raise StopIteration
    return message.content

def exits(message, conversation):
    if message.content == "bad":
        raise SystemExit(3)
    return message.content

async def exits_async(message, conversation):
    if message.content == "bad":
        raise SystemExit(3)
    return message.content

async def cancelled(message, conversation):
    if message.content == "bad":
        raise asyncio.CancelledError
    return message.content

def number(message, conversation):
    return 5 if message.content == "bad" else message.content

def no_arguments():
    return "x"

constant = "no function"
_private = plain
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module with agents, freshly imported."""
    (tmp_path / "agents_of_mine.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "agents_of_mine"
    sys.modules.pop("agents_of_mine", None)


def agent_of(target: str) -> Plugin:
    """Return a function agent as a plugin named `agent`."""
    made = plugin("agent", object())
    assert isinstance(made.context, Context)
    made.instance = Function(FunctionSettings(target), made.context)
    return made


@attrs.define(eq=False)
class Chat(ChannelSpec):
    """A channel on which some messages arrive, and then no more."""

    contents: tuple[str, ...]
    texts: list[str] = attrs.field(factory=list)
    context: Context | None = None

    @hookimpl
    async def session_receive(self) -> AsyncIterator[Batch]:  # type: ignore[override]
        yield Batch([incoming(content) for content in self.contents])
        assert self.context is not None
        self.context.finished()

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> bool:
        self.texts.append(message.content)
        return True


async def talk(target: str, *contents: str) -> tuple[list[str], Outcome]:
    """Have a function agent answer; return the answers, and how the run ended."""
    chat = Chat(contents)
    plugins = Plugins()
    plugins.register(plugin("chat", chat), agent_of(target))
    async with asyncio.timeout(10):
        outcome = await session_of(plugins).run()
    return chat.texts, outcome


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("plain", ["HELLO"]),
        ("coroutine", ["HELLO"]),
        ("generator", ["HELLO"]),
        ("returns_a_coroutine", ["HELLO"]),
        ("returns_a_generator", ["HELLO"]),
        ("several", ["hello", "second"]),
        ("as_message", ["HELLO"]),
        ("silent", []),
        ("empty", []),
        ("partial", ["hi hello"]),
        ("an_object", ["called"]),
        ("an_object.method", ["method"]),
        ("an_async_object", ["awaited"]),
        ("_private", ["HELLO"]),
    ],
)
async def test_any_kind_of_function_answers(
    module: str, function: str, expected: list[str]
) -> None:
    """A function may be of any colour and return all that `agent_reply` may return."""
    texts, outcome = await talk(f"{module}:{function}", "hello")

    assert texts == expected
    assert outcome.failures == 0


async def test_a_function_is_given_the_message_and_its_conversation(module: str) -> None:
    """The arguments are the message as it arrived, and the conversation it belongs to."""
    await talk(f"{module}:remembers", "hello")

    ((message, key, address),) = sys.modules[module].asked
    assert (message.content, message.channel_type) == ("hello", "chat")
    assert key == "chat/chat"
    assert address == message.address


async def test_a_plain_function_runs_in_a_thread_of_its_own(module: str) -> None:
    """A plain `def` may block: the event loop does not wait for it."""
    await talk(f"{module}:plain", "hello")

    (thread,) = sys.modules[module].threads
    assert thread is not threading.current_thread()


@pytest.mark.parametrize("function", ["coroutine", "generator"])
async def test_an_asynchronous_function_runs_on_the_loop(module: str, function: str) -> None:
    """An `async def` is cheap: no thread is started for it."""
    await talk(f"{module}:{function}", "hello")

    assert sys.modules[module].threads == [threading.current_thread()]


@pytest.mark.parametrize(
    "function",
    [
        "raises",
        "raises_async",
        "stops_iteration",
        "exits",
        "exits_async",
        "cancelled",
        "number",
    ],
)
async def test_a_failure_costs_one_answer_and_no_more(module: str, function: str) -> None:
    """Whatever a function raises belongs to the message it was asked about."""
    texts, outcome = await talk(f"{module}:{function}", "first", "bad", "last")

    assert texts == ["first", "last"]
    assert outcome.failures == 1


async def test_half_an_answer_is_not_sent(module: str) -> None:
    """What a generator yields is one message, and without its end there is none."""
    texts, outcome = await talk(f"{module}:raises_late", "bad", "good")

    assert texts == ["begun"]
    assert outcome.failures == 1


async def test_a_failure_is_logged_with_what_was_raised(
    module: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The owner of the bot reads what the function said."""
    await talk(f"{module}:raises", "bad")

    (line,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert line.endswith("failed in agent_reply: ValueError: cannot do that")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", "expected module:name, got ''"),
        ("agents_of_mine", "expected module:name, got 'agents_of_mine'"),
        ("agents_of_mine:", "expected module:name, got 'agents_of_mine:'"),
        (":plain", "expected module:name, got ':plain'"),
        ("agents_of_mine:plan", "has no 'plan'; did you mean 'plain'?"),
        ("agents_of_mine:xyz", "has no 'xyz'"),
        ("agents_of_mine:an_object.nothing", "has no 'an_object.nothing'"),
        ("agents_of_mine:iterates", "is a plain generator; return a list, or write async def"),
        ("agents_of_mine:short", "is called with (message, conversation): "),
        ("agents_of_mine:constant", "'agents_of_mine:constant' is str, no function"),
        ("agents_of_mine:plain:x", "has no 'plain:x'"),
        ("nowhere_at_all:f", "no module is called 'nowhere_at_all'; put it beside cobot.yml"),
        ("nowhere_at_all.inside:f", "no module is called 'nowhere_at_all'"),
    ],
)
def test_a_wrong_target_is_refused_with_what_would_be_right(
    module: str, target: str, expected: str
) -> None:
    """The person who wrote the configuration learns what is wrong with it, and where."""
    assert module == "agents_of_mine"

    with pytest.raises(ConfigError) as raised:
        agent_of(target)

    assert expected in str(raised.value)


@pytest.mark.parametrize("target", [".agents_of_mine:plain", "..:plain"])
def test_a_relative_module_is_refused_in_words(module: str, target: str) -> None:
    """There is no package that a name could be relative to, and the error says so."""
    with pytest.raises(ConfigError) as raised:
        agent_of(target)

    assert "TypeError" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def broken(:\n", "importing 'faulty' failed: SyntaxError"),
        ("1 / 0\n", "importing 'faulty' failed: ZeroDivisionError: division by zero"),
        ("raise SystemExit('no token')\n", "importing 'faulty' failed: SystemExit: no token"),
        ("import not_here\n", "no module is called 'not_here', which 'faulty' imports"),
        (
            "from sys import not_there\n",
            "importing 'faulty' failed: ImportError: cannot import",
        ),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: str
) -> None:
    """The import's own error is in the message, whatever kind it is."""
    (tmp_path / "faulty.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError) as raised:
        agent_of("faulty:reply")

    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)
