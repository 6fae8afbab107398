from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fakes import ManualClock, incoming

from cobot.agents.command import GRACE_S, LINE_BYTES, OUTPUT_BYTES, Command, CommandSettings
from cobot.context import Context
from cobot.errors import ConfigError, HookFailed
from cobot.journal import Entry
from cobot.messages import Address, Media

COBOT = Path(sys.executable).with_name("cobot")
PYTHON = (sys.executable, "-I", "-S", "-c")  # isolated, so that it starts faster
WHEN = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

Make = Callable[..., Command]


class Talk:
    """A conversation of which nothing is known but its history."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = entries
        self.limits: list[int] = []  # what was asked for, each time
        self.key = "the-key"
        self.address = Address("", "chat")

    async def history(self, limit: int = 20) -> Sequence[Entry]:
        """Return the newest entries."""
        self.limits.append(limit)
        return self.entries[-limit:]


class Witness:
    """A named pipe that programs hold open as long as they live."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path
        self._stream = asyncio.StreamReader()
        self._transport: asyncio.ReadTransport | None = None
        # Opened without waiting for a program, and with our own end the pipe does not end
        # before there is one, or between two.
        self._reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._own_end: int | None = os.open(path, os.O_WRONLY)

    async def open(self) -> None:
        """Begin to look."""
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._stream),
            os.fdopen(self._reading, "rb", 0),
        )

    def close(self) -> None:
        """Look no longer."""
        self._let_go()
        if self._transport is not None:
            self._transport.close()

    def program(self, source: str) -> tuple[str, ...]:
        """Return a program that can `tell` us something, and holds the pipe open."""
        begin = (
            "import os, signal, sys\n"
            f"pipe = os.open({str(self._path)!r}, os.O_WRONLY)\n"
            "def tell(text): os.write(pipe, f'{text}\\n'.encode())\n"
        )
        return (*PYTHON, begin + source)

    async def heard(self) -> str:
        """Return the next line that a program has told."""
        async with asyncio.timeout(30):
            return (await self._stream.readline()).decode().rstrip("\n")

    async def all_ended(self) -> None:
        """Make sure that nobody is alive who holds the pipe open."""
        self._let_go()
        async with asyncio.timeout(10):
            assert await self._stream.read() == b""

    def _let_go(self) -> None:
        if self._own_end is not None:
            os.close(self._own_end)
            self._own_end = None


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
async def witness(tmp_path: Path) -> AsyncIterator[Witness]:
    """Sees programs begin and end."""
    witness = Witness(tmp_path / "witness")
    await witness.open()
    yield witness
    witness.close()


@pytest.fixture
def make(clock: ManualClock) -> Make:
    """Makes the agent of a program, its arguments, and settings."""

    async def in_thread() -> None:
        raise AssertionError

    def make(*words: str, **settings: Any) -> Command:
        context = Context(
            name="command",
            log=logging.getLogger("cobot.command"),
            clock=clock,
            random=Random(1),
            workspace=Path,
            in_thread=in_thread,
        )
        return Command(CommandSettings(words=words, **settings), context)

    return make


async def reply(agent: Command, talk: Talk | None = None, **fields: Any) -> str | None:
    """Return what the agent answers to a message."""
    conversation: Any = talk or Talk()
    return await agent.agent_reply(incoming(**fields), conversation)


async def given(agent: Command, talk: Talk | None = None, **fields: Any) -> Any:
    """Return what a program that answers with its input was given."""
    return json.loads(await reply(agent, talk, **fields) or "")


def entry(content: str, **fields: Any) -> Entry:
    """Return a message of the past."""
    values: dict[str, Any] = {
        "role": "user",
        "address": Address("", "chat"),
        "content": content,
        "timestamp": WHEN,
        "state": "answered",
    }
    return Entry(**{**values, **fields})


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    """Write a program."""
    path.write_text(text)
    path.chmod(mode)
    return path


# What it is given.


async def test_a_program_is_given_the_message(make: Make) -> None:
    """Whatever is known of the message stands in the JSON object on standard input."""
    value = await given(
        make("cat", history=0),
        id="7",
        channel_type="telegram",
        channel_id="-100",
        thread_id="5",
        sender_id="42",
        sender_name="Zoë",
        content='say "hello"\nagain 🐦',
        timestamp=WHEN + timedelta(milliseconds=5),
        reply_to="6",
        direct=True,
        mentioned=True,
        key="the-message",
        media=[Media.from_bytes(b"123", name="a.png", content_type="image/png")],
        metadata={"its": "own"},
    )

    assert value == {
        "message": {
            "id": "7",
            "channel_type": "telegram",
            "channel_id": "-100",
            "thread_id": "5",
            "sender_id": "42",
            "sender_name": "Zoë",
            "content": 'say "hello"\nagain 🐦',
            "timestamp": "2026-01-01T12:00:00.005000+00:00",
            "reply_to": "6",
            "direct": True,
            "mentioned": True,
            "key": "the-message",
            "media": [{"name": "a.png", "content_type": "image/png", "size_bytes": 3}],
        },
        "conversation": {"key": "the-key"},
        "history": [],
    }


async def test_what_it_is_given_is_one_line_of_ascii(make: Make) -> None:
    """A program can read it in any locale, and whether it reads lines or all."""
    text = await reply(make(*PYTHON, "print(ascii(input()), input)"), content="é\n🐦")

    assert text is not None
    assert "\\\\u00e9\\\\n" in text
    assert text.isascii()


async def test_a_program_is_given_what_was_said_before(make: Make) -> None:
    """The history ends before the message: what waits, and what was deleted, is not in it."""
    talk = Talk(
        entry("hi", ids=("1",), sender_name="Zoë"),
        entry("hello", role="agent", ids=("2", "3"), state="sent"),
        entry("", ids=("4",), deleted=True),
        entry("on its way", role="agent", state="waiting"),
        entry("now", ids=("5",), state="waiting"),
        entry("next", ids=("6",), state="waiting"),
    )

    value = await given(make("cat"), talk)

    when = "2026-01-01T12:00:00+00:00"
    assert value["history"] == [
        {
            "role": "user",
            "content": "hi",
            "sender_name": "Zoë",
            "timestamp": when,
            "ids": ["1"],
        },
        {
            "role": "agent",
            "content": "hello",
            "sender_name": "",
            "timestamp": when,
            "ids": ["2", "3"],
        },
        {
            "role": "agent",
            "content": "on its way",
            "sender_name": "",
            "timestamp": when,
            "ids": [],
        },
    ]


async def test_no_more_of_the_history_is_given_than_was_asked_for(make: Make) -> None:
    """The newest ones are given; the message itself takes no place among them."""
    talk = Talk(*(entry(str(number)) for number in range(9)), entry("now", state="waiting"))

    value = await given(make("cat", history=2), talk)

    assert [one["content"] for one in value["history"]] == ["7", "8"]
    assert talk.limits == [3]


async def test_a_history_of_nothing_is_not_looked_up(make: Make) -> None:
    """Who wants no history does not pay for it."""
    talk = Talk(entry("hi"))

    value = await given(make("cat", history=0), talk)

    assert value["history"] == []
    assert talk.limits == []


async def test_no_shell_looks_at_the_words(make: Make) -> None:
    """A word arrives as it was written, whatever a shell would make of it."""
    words = ("$HOME", "a  b", "*", "; echo no", "")

    assert await given(
        make(*PYTHON, "import json, sys; print(json.dumps(sys.argv[1:]))", *words)
    ) == [*words]


# What it says.


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"hello", "hello"),
        (b"hello\n", "hello"),
        (b"hello\r\n", "hello"),
        (b"\n hello\n\nagain \n\n", "\n hello\n\nagain "),
        ("Zoë 🐦".encode(), "Zoë 🐦"),
        (b"", None),
        (b"\n", None),
        (b" \n\t\n", None),
    ],
)
async def test_what_a_program_prints_is_the_reply(
    make: Make, written: bytes, said: str | None
) -> None:
    """Text without its last newlines; nothing, or nothing to be seen, is silence."""
    assert await reply(make(*PYTHON, f"import os; os.write(1, {written!r})")) == said


async def test_a_long_reply_is_whole(make: Make) -> None:
    """Up to the limit nothing is cut off."""
    text = await reply(make(*PYTHON, f"print('x' * {OUTPUT_BYTES - 1})"))

    assert text == "x" * (OUTPUT_BYTES - 1)


async def test_a_program_need_not_read_what_it_is_given(make: Make) -> None:
    """Who wants no message leaves it unread, however much it is."""
    big = "x" * 1_000_000  # more than fits into a pipe

    assert (
        await reply(make(*PYTHON, "import os; os.close(0); print('hi')"), content=big) == "hi"
    )
    assert await reply(make(*PYTHON, "print('hi')"), content=big) == "hi"


async def test_standard_error_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """What a program says about itself can be seen at level debug, and is no reply."""
    caplog.set_level(logging.DEBUG, "cobot.command")
    source = "import sys; sys.stderr.write('one\\n\\ntwo\\x1b\\nthree'); print('hi')"

    text = await reply(make(*PYTHON, source))

    said = [one.getMessage().partition(": ")[2] for one in caplog.records]
    assert text == "hi"
    assert said == ["one", "two\\x1b", "three"]
    assert {one.levelname for one in caplog.records} == {"DEBUG"}


async def test_a_line_of_standard_error_has_a_bound(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that never ends its line does not fill the memory."""
    caplog.set_level(logging.DEBUG, "cobot.command")

    await reply(make(*PYTHON, f"import os; os.write(2, b'x' * {3 * LINE_BYTES + 5})"))

    said = [one.getMessage().partition(": ")[2] for one in caplog.records]
    assert [len(one) for one in said] == [LINE_BYTES, LINE_BYTES, LINE_BYTES, 5]


# How it fails.


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise SystemExit(3)", "exited with 3: it said nothing on standard error"),
        ("print('no'); raise ValueError('bad\\x07\\n')", "exited with 1: ValueError: bad\\x07"),
        ("raise SystemExit('first\\nlast')", "exited with 1: last"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL: it said nothing on"),
        (
            "import os; os.write(1, b'ab\\xff')",
            "wrote what is no UTF-8 text: the byte 0xff at 2",
        ),
        (
            "import os\nwhile True: os.write(1, b'x' * 65536)",
            "wrote more than 1,048,576 bytes, and was ended",
        ),
    ],
    ids=["code", "traceback", "message", "signal", "no-text", "too-much"],
)
async def test_a_failure_says_what_is_known(make: Make, source: str, why: str) -> None:
    """The exit code and the last line of standard error tell why there is no reply."""
    with pytest.raises(HookFailed) as caught:
        await reply(make(*PYTHON, source))

    begin = f"plugin 'command' failed in agent_reply: the program {sys.executable!r} "
    assert str(caught.value).startswith(begin + why)
    assert "\n" not in str(caught.value)


async def test_a_failure_quotes_no_more_than_a_line(make: Make) -> None:
    """A program may say a lot; what it says is cut between two words, never in one."""
    source = "raise SystemExit('word ' * 1000)"

    with pytest.raises(HookFailed) as caught:
        await reply(make(*PYTHON, source))

    assert len(str(caught.value)) < 500
    assert str(caught.value).endswith(" word word ...")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot be started: No such file or directory"),
        ("#!/no/such/thing\n", "what its first line names to run it is missing"),
        ("echo hello\n", "Exec format error; a script begins with a line such as #!/bin/sh"),
    ],
)
async def test_a_program_that_cannot_be_started_says_why(
    make: Make, tmp_path: Path, text: str | None, why: str
) -> None:
    """What was there at the start may be gone, or may be no program, when it is wanted."""
    path = script(tmp_path / "bot", text or "#!/bin/sh\n")
    agent = make(str(path))
    if text is None:
        path.unlink()

    with pytest.raises(HookFailed) as caught:
        await reply(agent)

    assert f"the program {str(path)!r} cannot be started: " in str(caught.value)
    assert str(caught.value).endswith(why)


# Which programs there are.


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "names no program; write {command: [program, argument]}"),
        (("",), "names no program"),
        (("no-such-program",), "no program called 'no-such-program' is in $PATH; install it"),
        (("text",), "no program called 'text' is in $PATH; write ./text for the file here"),
        (
            ("./text",),
            "'./text' is not executable; chmod +x it, or name what runs it: [python3",
        ),
        (("./missing",), "there is no program './missing' (looked for '/"),
        (("./text/below",), "there is no program './text/below' (looked for '/"),
        (("folder/",), "'folder/' is a folder, no program"),
        ((".",), "'.' is a folder, no program"),
        (("x" * 300,), f"'{'x' * 300}' cannot be looked for: File name too long"),
        (("cat", "a\0b"), "has a NUL character, which no program can be given"),
        (("cat", "\ud800"), "has a character that no program can be given"),
    ],
    ids=range(12),
)
def test_a_program_that_cannot_be_had_is_refused_at_once(
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    why: str,
) -> None:
    """A bot without its agent does not start; the fault is one line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").touch(0o644)
    (tmp_path / "folder").mkdir()

    with pytest.raises(ConfigError) as caught:
        make(*words)

    assert str(caught.value).startswith(why)
    assert "\n" not in str(caught.value)


async def test_a_relative_path_starts_where_the_bot_was_started(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program stays the same one when the working directory changes."""
    script(tmp_path / "bot", "#!/bin/sh\necho hi\n")
    monkeypatch.chdir(tmp_path)
    agent = make("./bot")
    monkeypatch.chdir("/")

    assert await reply(agent) == "hi"


# Its end.


async def test_a_program_is_on_its_own(make: Make) -> None:
    """A session of its own keeps the terminal's Ctrl-C, and our signals, away from it."""
    source = "import os; print(os.getsid(0) == os.getpgrp() == os.getpid())"

    assert await reply(make(*PYTHON, source)) == "True"


FAMILY = """
signal.signal(signal.SIGTERM, {})
child = os.fork()
if child:
    tell("ready")
while True:
    signal.pause()
"""
"""A program with a child, and what both do about SIGTERM."""


async def test_a_program_that_takes_too_long_is_ended(
    make: Make, clock: ManualClock, witness: Witness
) -> None:
    """After its time it is ended with all that it has started, and that is a failure."""
    agent = make(*witness.program(FAMILY.format("signal.SIG_DFL")), timeout=7)
    turn = asyncio.ensure_future(reply(agent))
    await witness.heard()

    assert await clock.next_sleep() == 7
    clock.advance(7)

    with pytest.raises(HookFailed, match="gave no answer within 7 s, and was ended"):
        await turn
    await witness.all_ended()


async def test_a_cancelled_turn_leaves_nobody_behind(make: Make, witness: Witness) -> None:
    """When the session stops, what runs is told to end, and its children are."""
    agent = make(*witness.program(FAMILY.format("signal.SIG_DFL")))
    turn = asyncio.ensure_future(reply(agent))
    await witness.heard()

    turn.cancel()

    with pytest.raises(asyncio.CancelledError):
        await turn
    await witness.all_ended()


async def test_a_program_may_tidy_up(make: Make, witness: Witness) -> None:
    """SIGTERM comes first, and time to do something about it."""
    source = """
def end(*_):
    tell("bye")
    raise SystemExit
signal.signal(signal.SIGTERM, end)
tell("ready")
signal.pause()
"""
    turn = asyncio.ensure_future(reply(make(*witness.program(source))))
    await witness.heard()

    turn.cancel()

    assert await witness.heard() == "bye"
    await witness.all_ended()
    with pytest.raises(asyncio.CancelledError):
        await turn


async def test_who_does_not_listen_is_killed(
    make: Make, clock: ManualClock, witness: Witness
) -> None:
    """A program that ignores SIGTERM has a moment, then SIGKILL comes; so for its children."""
    agent = make(*witness.program(FAMILY.format("signal.SIG_IGN")))
    turn = asyncio.ensure_future(reply(agent))
    await witness.heard()

    turn.cancel()
    assert await clock.next_sleep() == GRACE_S
    clock.advance(GRACE_S)

    with pytest.raises(asyncio.CancelledError):
        await turn
    await witness.all_ended()


async def test_who_is_in_a_hurry_cancels_twice(
    make: Make, clock: ManualClock, witness: Witness
) -> None:
    """Cancelled once more a turn waits for nobody, and kills what is left all the same."""
    agent = make(*witness.program(FAMILY.format("signal.SIG_IGN")))
    turn = asyncio.ensure_future(reply(agent))
    await witness.heard()

    turn.cancel()
    await clock.next_sleep()
    turn.cancel()

    with pytest.raises(asyncio.CancelledError):
        await turn
    await witness.all_ended()


@pytest.mark.parametrize("steps", range(8))
async def test_a_turn_that_is_cancelled_while_it_begins_leaves_nobody_behind(
    make: Make, steps: int
) -> None:
    """At whatever moment of the start it is cancelled, no process is left."""
    turn = asyncio.ensure_future(reply(make("sleep", "1000")))
    for _ in range(steps):
        await asyncio.sleep(0)

    turn.cancel()

    with pytest.raises(asyncio.CancelledError):
        await turn
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # noqa: ASYNC222 -- it does not wait: we have no child


async def test_the_end_of_a_program_is_the_end_of_its_children(
    make: Make, clock: ManualClock, witness: Witness
) -> None:
    """A child that goes on with the program's output holds no reply up, and is ended."""
    source = """
if os.fork():
    tell("ready")
    os.write(1, b"hi")
else:
    signal.pause()
"""
    turn = asyncio.ensure_future(reply(make(*witness.program(source))))
    await witness.heard()

    assert await clock.next_sleep() == GRACE_S
    clock.advance(GRACE_S)

    assert await turn == "hi"
    await witness.all_ended()


async def test_what_children_say_at_once_belongs_to_the_reply(make: Make) -> None:
    """A child may be a moment later than its program, as the last of a pipeline is."""
    source = """
import os
end, alive = os.pipe()
if os.fork():
    os.write(1, b"hello ")
else:
    os.close(alive)
    os.read(end, 1)  # until the program has ended
    os.write(1, b"again")
"""

    assert await reply(make(*PYTHON, source)) == "hello again"


async def test_a_child_that_left_the_family_holds_no_reply_up(
    make: Make, clock: ManualClock, witness: Witness
) -> None:
    """What has a session of its own is let go, though it holds the program's output."""
    source = """
if os.fork():
    os.write(1, b"hi")
else:
    os.setsid()
    tell(os.getpid())
    signal.pause()
"""
    turn = asyncio.ensure_future(reply(make(*witness.program(source))))
    daemon = int(await witness.heard())

    await clock.next_sleep()
    clock.advance(GRACE_S)

    assert await turn == "hi"
    os.kill(daemon, signal.SIGKILL)
    await witness.all_ended()


async def test_no_more_run_at_once_than_may(make: Make, witness: Witness) -> None:
    """A turn waits until a process is free, and what it needs is looked up only then."""
    agent = make(*witness.program("tell('ready'); signal.pause()"), at_once=1)
    first, second = (Talk(), Talk())
    turns = [asyncio.ensure_future(reply(agent, talk)) for talk in (first, second)]
    await witness.heard()

    assert (len(first.limits), len(second.limits)) == (1, 0)

    turns[0].cancel()
    assert await witness.heard() == "ready"
    assert len(second.limits) == 1
    turns[1].cancel()
    await asyncio.gather(*turns, return_exceptions=True)


async def test_several_run_at_once(make: Make, witness: Witness) -> None:
    """Conversations do not wait for one another."""
    agent = make(*witness.program("tell('ready'); signal.pause()"), at_once=2)
    turns = [asyncio.ensure_future(reply(agent)) for _ in range(2)]

    assert [await witness.heard(), await witness.heard()] == ["ready", "ready"]

    for turn in turns:
        turn.cancel()
    await asyncio.gather(*turns, return_exceptions=True)


# A whole bot.


def start(folder: Path, *program: str, **keys: Any) -> subprocess.Popen[str]:
    """Start a bot that answers on its console with a program."""
    agent = {"command": {"words": program}}
    (folder / "cobot.yml").write_text(json.dumps({"agent": agent, **keys}))
    return subprocess.Popen(
        [COBOT, "run"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_bot_answers_with_a_program(tmp_path: Path) -> None:
    """What people write goes to the program, and what it prints comes back to them."""
    source = "import json, sys; print(json.load(sys.stdin)['message']['content'].upper())"

    with start(tmp_path, *PYTHON, source) as bot:
        said, errors = bot.communicate("hello\nagain\n", timeout=60)

    assert (bot.returncode, said) == (0, "HELLO\nAGAIN\n"), errors


async def test_a_bot_that_stops_leaves_no_program_behind(
    tmp_path: Path, witness: Witness
) -> None:
    """SIGTERM ends the bot in its time, and with it a program that will not end."""
    program = witness.program(FAMILY.format("signal.SIG_IGN"))
    with start(tmp_path, *program, stop_timeout=0.1) as bot:
        assert bot.stdin is not None
        bot.stdin.write("hello\n")
        bot.stdin.flush()
        await witness.heard()

        bot.terminate()

        await witness.all_ended()
        assert await asyncio.to_thread(bot.wait) == 0


async def test_a_program_can_notice_that_the_bot_was_killed(
    tmp_path: Path, witness: Witness
) -> None:
    """After kill -9 of the bot nobody has the other ends of the program's pipes."""
    source = """
import select
ends = select.poll()
ends.register(1, 0)  # only that nobody reads any more
tell("ready")
ends.poll()
tell("nobody listens")
"""
    with start(tmp_path, *witness.program(source)) as bot:
        assert bot.stdin is not None
        bot.stdin.write("hello\n")
        bot.stdin.flush()
        await witness.heard()

        bot.kill()

        assert await witness.heard() == "nobody listens"
        await witness.all_ended()
