from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shlex
import signal
import stat
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

COBOT = str(Path(sys.executable).with_name("cobot"))
GUARD_S = 60.0  # a process that takes longer hangs, and is killed
UP = "\x1b[A"

AGENTS = """
import threading

def plain(message, conversation):
    return message.content.upper()

async def coroutine(message, conversation):
    return message.content.upper()

async def generator(message, conversation):
    for letter in message.content:
        yield letter.upper()

def picky(message, conversation):
    if message.content == "bad":
        raise ValueError("cannot do that")
    return message.content

def person(message, conversation):
    return f"{message.direct} {message.listed} {message.channel_id} {bool(message.sender_name)}"

def patient(message, conversation):
    with open("asked", "a") as file:
        file.write(message.content + "\\n")
    if message.content != "0":
        with open("gate", "rb", buffering=0) as file:
            file.read(1)
    return message.content
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which a person's files lie in the test's folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COBOT_")}
    return {
        **kept,
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TERM": "xterm",
        "PROMPT_TOOLKIT_NO_CPR": "1",  # the test's terminal says not where its cursor is
    }


Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run `cobot run` with some input to its end."""
    (tmp_path / "bot.py").write_text(AGENTS)

    def run(
        raw: bytes, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [COBOT, "run", *arguments],
            input=raw,
            capture_output=True,
            cwd=tmp_path,
            env={**environment, **variables},
            timeout=GUARD_S,
        )

    return run


Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path, environment: dict[str, str]) -> Shell:
    """Run a line of shell, in which `cobot` is the command."""
    (tmp_path / "bot.py").write_text(AGENTS)

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", f'cobot() {{ {shlex.quote(COBOT)} "$@"; }}; {line}'],
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=GUARD_S,
        )

    return shell


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start `cobot run` on pipes; it is killed when the test, or its time, is over."""
    (tmp_path / "bot.py").write_text(AGENTS)
    started: list[tuple[subprocess.Popen[bytes], threading.Timer]] = []

    def start(*arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [COBOT, "run", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=tmp_path,
            env=environment,
        )
        timer = threading.Timer(GUARD_S, process.kill)
        timer.start()
        started.append((process, timer))
        return process

    yield start
    for process, timer in started:
        timer.cancel()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # what a test left unwritten
                    stream.close()


# As a filter.


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"one\ntwo\n", b"one\ntwo\n"),
        (b"one\ntwo", b"one\ntwo\n"),
        (b"", b""),
        (b"\n\n  \n\t\n", b""),
        (b"one\r\n\r\ntwo\r\n", b"one\ntwo\n"),
        (b"\none\n\n\ntwo\n\n", b"one\ntwo\n"),
        (b"  kept  \n", b"  kept  \n"),
        (b"a\xff\xfeb\n", "a\ufffd\ufffdb\n".encode()),
        ("grüße 😀\n".encode(), "grüße 😀\n".encode()),
        (b"*not* <b>mark-up</b> &amp; %s {}\n", b"*not* <b>mark-up</b> &amp; %s {}\n"),
        (b"same\nsame\n", b"same\nsame\n"),
    ],
)
def test_each_line_of_a_pipe_is_answered_in_order(
    run: Run, raw: bytes, expected: bytes
) -> None:
    """A line in, a reply out, in order; the end of input ends it with 0."""
    done = run(raw)

    assert done.stdout == expected
    assert done.returncode == 0


def test_standard_output_holds_replies_and_nothing_else(run: Run) -> None:
    """The log goes to standard error, so that the output can be piped on."""
    done = run(b"one\n", "-v")

    assert done.stdout == b"one\n"
    assert b"channels: console" in done.stderr


def test_a_file_is_read_to_its_end(shell: Shell, tmp_path: Path) -> None:
    """Standard input may be a file, which no event loop can wait for."""
    (tmp_path / "questions.txt").write_text("one\ntwo\n")

    done = shell("cobot run < questions.txt")

    assert (done.stdout, done.returncode) == ("one\ntwo\n", 0)


@pytest.mark.parametrize("redirection", ["< /dev/null", "<&-"])
def test_no_input_ends_at_once(shell: Shell, redirection: str) -> None:
    """Without anything to read, and without any standard input, there is nothing to do."""
    done = shell(f"cobot run {redirection}")

    assert (done.stdout, done.returncode) == ("", 0)
    assert "Traceback" not in done.stderr


def test_a_line_of_five_megabytes_is_answered_whole(run: Run) -> None:
    """No length is too long for a line."""
    line = b"x" * 5_000_000

    done = run(line)

    assert done.stdout == line + b"\n"
    assert done.returncode == 0


def test_a_long_file_is_answered_in_order_in_little_memory(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Memory does not grow with the input: what is far ahead waits on the disk."""
    questions, answers = tmp_path / "questions", tmp_path / "answers"
    questions.write_text("".join(f"{number:<10000}|\n" for number in range(5_000)))
    # Through a small process: a child's peak starts at what its parent has.
    measure = (
        "import resource, subprocess, sys\n"
        "code = subprocess.call([sys.argv[1], 'run'])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    with questions.open() as stdin, answers.open("w") as stdout:
        done = subprocess.run(
            [sys.executable, "-c", measure, COBOT],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
    peak_mib = int(done.stderr.split()[-1]) / (2**20 if sys.platform == "darwin" else 2**10)

    assert done.returncode == 0
    assert answers.read_bytes() == questions.read_bytes()
    assert peak_mib < 150  # most of it caches of a fixed size; the file alone has 48


def test_a_line_is_answered_before_the_next_is_written(start: Start) -> None:
    """A program may hold a conversation through two pipes: nothing waits in a buffer."""
    process = start()
    assert process.stdin is not None
    assert process.stdout is not None

    for text in (b"one\n", b"two\n"):
        process.stdin.write(text)
        process.stdin.flush()

        assert process.stdout.readline() == text


def test_a_slow_reader_costs_no_memory(start: Start) -> None:
    """While nobody reads the replies, what was read and answered waits on the disk."""
    process = start(stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    taken = []
    for _ in range(2):
        process.stdin.write((b"x" * 19_999 + b"\n") * 4_000)
        process.stdin.flush()  # done when the last of it is read, or as good as
        taken.append(memory_mib(process.pid))

    assert taken[1] - taken[0] < 40  # what was written meanwhile has 76


def memory_mib(pid: int) -> float:
    """Return how much memory a process has just now."""
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout) / 2**10


def test_a_slow_reader_gets_everything_in_the_end(start: Start, tmp_path: Path) -> None:
    """A full pipe is waited for; no reply is lost and none is out of order."""
    process = start(stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    raw = b"".join(b"%0100d\n" % number for number in range(2_000))
    writer = threading.Thread(target=write_and_close, args=(process.stdin, raw))
    writer.start()
    pieces = [process.stdout.read(1)]
    writer.join(GUARD_S)  # all is read before the first reply is taken

    pieces.append(process.stdout.read())

    assert b"".join(pieces) == raw
    assert process.wait(GUARD_S) == 0


def write_and_close(stream: object, raw: bytes) -> None:
    """Write all of it, however long it takes to be read."""
    with stream as file:  # type: ignore[attr-defined]
        file.write(raw)


def test_a_reader_that_leaves_ends_the_run_with_one_clear_line(shell: Shell) -> None:
    """`| head -1` gets its line; the process says why it ends, and ends with 1."""
    done = shell("{ seq 50000; } | { cobot run; echo $? > code; } | head -1; cat code")

    (line,) = [one for one in done.stderr.splitlines() if " ERROR " in one]
    assert done.stdout.split() == ["1", "1"]
    assert "standard output takes no more: Broken pipe" in line


def test_a_reader_that_leaves_is_not_answered_any_more(start: Start, tmp_path: Path) -> None:
    """When nobody reads the replies, the agent is not asked for those that still wait."""
    os.mkfifo(tmp_path / "gate")
    process = start("--agent", "function:bot:patient")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"".join(b"%d\n" % number for number in range(100)))
    process.stdin.close()
    first = process.stdout.readline()
    process.stdout.close()

    with open_gate(tmp_path):
        code = process.wait(GUARD_S)

    assert (first, code) == (b"0\n", 1)
    assert len((tmp_path / "asked").read_text().split()) < 50


class open_gate:  # noqa: N801 -- it reads as a statement
    """Let everybody pass who waits for a byte of the fifo `gate`, now and later."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / "gate", os.O_RDWR)

    def __enter__(self) -> None:
        os.write(self._descriptor, b"\n" * 4096)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_one_clear_line(shell: Shell) -> None:
    """Output that cannot be written ends the run with 1, and the reason is the system's."""
    done = shell("seq 3 | cobot run > /dev/full")

    (line,) = [one for one in done.stderr.splitlines() if " ERROR " in one]
    assert "standard output takes no more: No space left on device" in line
    assert done.returncode == 1


def test_a_closed_standard_output_is_one_clear_line(shell: Shell) -> None:
    """Without any standard output there is nowhere to reply, and that is said in words."""
    done = shell("seq 3 | cobot run >&-")

    (line,) = [one for one in done.stderr.splitlines() if " ERROR " in one]
    assert "standard output" in line
    assert "AttributeError" not in line
    assert done.returncode == 1


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/null"])
def test_a_log_that_goes_nowhere_changes_nothing(shell: Shell, redirection: str) -> None:
    """Replies do not depend on whether the log can be written."""
    done = shell(f"echo one | cobot run -v {redirection}")

    assert (done.stdout, done.returncode) == ("one\n", 0)


def test_what_the_output_cannot_show_is_replaced(run: Run) -> None:
    """A character that the output's encoding lacks becomes a question mark, and no fault."""
    done = run("smile 😀!\n".encode(), PYTHONIOENCODING="ascii")

    assert done.stdout == b"smile ?!\n"
    assert done.returncode == 0


@pytest.mark.parametrize("function", ["plain", "coroutine", "generator"])
def test_a_function_of_any_colour_answers(run: Run, function: str) -> None:
    """A function in a file of the working directory answers the lines."""
    done = run(b"one\ntwo\n", "--agent", f"function:bot:{function}")

    assert done.stdout == b"ONE\nTWO\n"
    assert done.returncode == 0


def test_a_line_that_fails_is_reported_and_the_others_are_answered(run: Run) -> None:
    """What fails at every try is reported, and the exit code is 1; the rest goes on."""
    done = run(b"one\nbad\nlast\n", "--agent", "function:bot:picky")

    assert done.stdout == b"one\nSorry, I could not answer that.\nlast\n"
    assert b"ValueError: cannot do that" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1


def test_the_console_is_a_direct_and_listed_chat_with_a_person(run: Run) -> None:
    """Who sits at the console may talk, and has a name."""
    done = run(b"one\n", "--agent", "function:bot:person")

    assert done.stdout == b"True True console True\n"


# On a terminal.

Terminal = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def terminal(tmp_path: Path, environment: dict[str, str]) -> Iterator[Terminal]:
    """Start `cobot run` on a terminal of its own, with `you> ` as the prompt."""
    (tmp_path / "bot.py").write_text(AGENTS)
    (tmp_path / "cobot.yml").write_text('plugins: {console: {prompt: "you>"}}\n')
    started: list[pexpect.spawn[str]] = []

    def terminal(*arguments: str) -> pexpect.spawn[str]:
        child: pexpect.spawn[str] = pexpect.spawn(
            COBOT,
            ["run", *arguments],
            cwd=str(tmp_path),
            env=environment,
            encoding="utf-8",
            timeout=20,
            echo=False,
        )
        started.append(child)
        child.expect_exact("you>")
        return child

    yield terminal
    for child in started:
        child.close(force=True)


def rest_of(child: pexpect.spawn[str]) -> str:
    """Wait for the end of a process and return what it printed until then."""
    child.expect_exact(pexpect.EOF)
    child.wait()
    return child.before or ""


def test_a_typed_line_is_answered_above_the_next_prompt(terminal: Terminal) -> None:
    """The reply appears, and then a prompt for the next line."""
    child = terminal("--agent", "function:bot:plain")

    child.sendline("hello")

    child.expect_exact("HELLO")
    child.expect_exact("you>")


def test_the_default_prompt_is_short(tmp_path: Path, environment: dict[str, str]) -> None:
    """Without a configuration the console asks with `>`."""
    child: pexpect.spawn[str] = pexpect.spawn(
        COBOT,
        ["run"],
        cwd=str(tmp_path),
        env=environment,
        encoding="utf-8",
        timeout=20,
    )

    child.expect(r"\r\n[^\r\n]*>")

    assert child.isalive()
    child.close(force=True)


def test_end_of_input_at_the_prompt_ends_with_0(terminal: Terminal) -> None:
    """Ctrl-D ends the run, after the reply to what was typed before."""
    child = terminal("--agent", "function:bot:plain")
    child.sendline("hello")
    child.expect_exact("HELLO")
    child.expect_exact("you>")
    child.sendeof()

    printed = rest_of(child)

    assert "Traceback" not in printed
    assert child.exitstatus == 0


def test_ctrl_c_at_the_prompt_ends_with_0(terminal: Terminal) -> None:
    """Ctrl-C is a stop like any other: no traceback, no failure."""
    child = terminal()
    child.sendintr()

    printed = rest_of(child)

    assert child.exitstatus == 0
    assert "Traceback" not in printed
    assert "Aborted" not in printed


def test_a_closed_terminal_ends_the_process(terminal: Terminal) -> None:
    """Who closes the window has stopped the bot; it ends by itself, with 0."""
    child = terminal()

    child.ptyproc.fileobj.close()  # type: ignore[attr-defined]  # the terminal hangs up
    status = child.wait()

    assert status == 0
    assert child.signalstatus is None


@pytest.mark.parametrize("leave", ["sendeof", "sendintr"])
def test_the_terminal_is_left_as_it_was(
    tmp_path: Path, environment: dict[str, str], leave: str
) -> None:
    """After the end the shell finds its terminal with the modes it had."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [COBOT, "run"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
    )
    timer = threading.Timer(GUARD_S, process.kill)
    timer.start()
    read_until(ours, rb"\r\n[^\r\n]*>")

    os.write(ours, b"\x04" if leave == "sendeof" else b"\x03")
    code = process.wait()
    timer.cancel()
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)

    assert code == 0
    assert after == before


def read_until(descriptor: int, pattern: bytes) -> bytes:
    """Read from a terminal until a pattern has come."""
    read = b""
    while not re.search(pattern, read):
        assert select.select([descriptor], [], [], GUARD_S)[0], read
        read += os.read(descriptor, 65536)
    return read


def test_the_history_is_there_in_the_next_run(terminal: Terminal, tmp_path: Path) -> None:
    """The up key brings back what was typed before, also in an earlier run."""
    first = terminal("--agent", "function:bot:plain")
    first.sendline("remember me")
    first.expect_exact("REMEMBER ME")
    first.expect_exact("you>")
    first.sendeof()
    rest_of(first)

    second = terminal("--agent", "function:bot:plain")
    second.send(UP)
    second.expect_exact("remember me")
    second.send("\r")

    second.expect_exact("REMEMBER ME")


def test_the_history_is_for_its_owner_alone(terminal: Terminal, tmp_path: Path) -> None:
    """What a person typed is nobody else's to read."""
    child = terminal("--agent", "function:bot:plain")
    child.sendline("secret plans")
    child.expect_exact("SECRET PLANS")
    child.expect_exact("you>")
    child.sendeof()
    rest_of(child)

    history = tmp_path / "state" / "cobot" / "console_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "+secret plans" in history.read_text()


def test_a_history_that_cannot_be_kept_does_not_matter(
    terminal: Terminal, tmp_path: Path
) -> None:
    """A home that cannot be written to costs the history and nothing else."""
    (tmp_path / "state").write_text("a file where a folder is wanted")
    child = terminal("--agent", "function:bot:plain")
    child.sendline("hello")
    child.expect_exact("HELLO")
    child.expect_exact("you>")
    child.sendeof()

    assert "Traceback" not in rest_of(child)
    assert child.exitstatus == 0


@pytest.mark.parametrize("kind", ["folder", "binary", "unreadable folder"])
def test_a_broken_history_file_does_not_matter(
    terminal: Terminal, tmp_path: Path, kind: str
) -> None:
    """Whatever lies where the history should be, the conversation goes on."""
    history = tmp_path / "state" / "cobot" / "console_history"
    history.parent.mkdir(parents=True)
    if kind == "folder":
        history.mkdir()
    elif kind == "binary":
        history.write_bytes(b"\xff\xfe\0+\x80\n")
    else:
        history.touch()
        history.chmod(0)
        history.parent.chmod(0o500)
    child = terminal("--agent", "function:bot:plain")
    child.sendline("hello")
    child.expect_exact("HELLO")
    child.expect_exact("you>")
    child.sendeof()

    printed = rest_of(child)
    history.parent.chmod(0o700)

    assert "Traceback" not in printed
    assert child.exitstatus == 0


def test_a_log_line_goes_above_the_prompt(terminal: Terminal) -> None:
    """What is logged while a person types does not end up in the line being typed."""
    child = terminal("--agent", "function:bot:picky")
    child.sendline("bad")

    child.expect_exact("cannot do that")
    child.expect_exact("you>")


def test_a_stop_from_outside_ends_the_prompt(terminal: Terminal) -> None:
    """SIGTERM ends a run that waits at its prompt, with 0."""
    child = terminal()
    child.kill(signal.SIGTERM)

    printed = rest_of(child)

    assert child.exitstatus == 0
    assert "Traceback" not in printed


def test_a_terminal_whose_output_is_piped_away_has_no_prompt(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """`cobot run | tee log` reads the terminal as a file, so that the log has replies only."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COBOT, "run"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment,
    )
    os.write(ours, b"hello\n\x04")

    printed, _ = process.communicate(timeout=GUARD_S)
    os.close(ours)
    os.close(theirs)

    assert printed == b"hello\n"
    assert process.returncode == 0
