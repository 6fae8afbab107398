from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

COBOT = str(Path(sys.executable).with_name("cobot"))
GUARD_S = 60.0  # a process that takes longer hangs, and is killed
SOON_S = 10.0  # what a slow machine may add to a stop

AGENTS = """
import asyncio
import threading

def wait_at_the_gate():
    with open("gate", "rb", buffering=0) as file:
        file.read(1)

def slow(message, conversation):
    print("asked", flush=True)
    wait_at_the_gate()
    return "answered"

async def slow_async(message, conversation):
    print("asked", flush=True)
    await asyncio.to_thread(wait_at_the_gate)
    return "answered"

def never(message, conversation):
    print("asked", flush=True)
    threading.Event().wait()

async def never_async(message, conversation):
    print("asked", flush=True)
    await asyncio.Event().wait()

async def never_cancelled(message, conversation):
    print("asked", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue

async def shielded(message, conversation):
    print("asked", flush=True)
    await asyncio.shield(asyncio.Event().wait())
"""

STOPPING = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which all files of a run lie in the test's folder."""
    (tmp_path / "bot.py").write_text(AGENTS)
    (tmp_path / "temporary").mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COBOT_")}
    return {
        **kept,
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONPATH": str(tmp_path / "site"),
    }


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Run `cobot` with some input to its end."""

    def run(
        *arguments: str, typed: str = "", folder: Path = tmp_path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COBOT, *arguments],
            input=typed,
            capture_output=True,
            encoding="utf-8",
            cwd=folder,
            env={**environment, **variables},
            timeout=GUARD_S,
        )

    return run


class Bot:
    """A `cobot run` that is under way, on pipes."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self._guard = threading.Timer(GUARD_S, self.process.kill)
        self._guard.start()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdin = self.process.stdin
        self.stdout = self.process.stdout
        self.stderr = self.process.stderr
        self.gate = folder / "gate"
        if not self.gate.exists():
            os.mkfifo(self.gate)
        # Both ends, so that neither side waits for the other to open it.
        self._key = os.open(self.gate, os.O_RDWR)

    def type(self, text: str) -> None:
        """Write a line to its standard input."""
        self.stdin.write(f"{text}\n")
        self.stdin.flush()

    def signal_and_wait_for(self, number: signal.Signals, text: str) -> None:
        """Send a signal and read the log until it has come to some text."""
        self.process.send_signal(number)
        while text not in (line := self.stderr.readline()):
            assert line, f"the log ended without {text!r}"

    def open_gate(self) -> None:
        """Let the slow agents go on."""
        os.write(self._key, b"\n" * 100)

    def end(self) -> tuple[str, str, int]:
        """Wait for its end; return what it printed, what it logged, and its exit code."""
        self.process.wait()
        return self.stdout.read(), self.stderr.read(), self.process.returncode

    def close(self) -> None:
        """Kill it if it still runs."""
        self._guard.cancel()
        self.process.kill()
        self.process.wait()
        os.close(self._key)
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()


Start = Callable[..., Bot]


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Start `cobot run`; it is killed when the test, or its time, is over."""
    started: list[Bot] = []

    def start(*arguments: str, shell: str = "", stop_timeout: float = 10.0) -> Bot:
        (tmp_path / "cobot.yml").write_text(f"stop_timeout: {stop_timeout}\n")
        command = [COBOT, "run", *arguments]
        if shell:
            command = ["/bin/sh", "-c", f"{shell}; exec {shlex.join(command)}"]
        started.append(Bot(command, tmp_path, environment))
        return started[-1]

    yield start
    for bot in started:
        bot.close()


# Stopping.


@pytest.mark.parametrize("number", STOPPING)
@pytest.mark.parametrize("function", ["slow", "slow_async"])
def test_a_stop_finishes_what_runs(start: Start, number: signal.Signals, function: str) -> None:
    """A signal stops receiving; the answer under way is delivered, and the exit code is 0."""
    bot = start("--agent", f"function:bot:{function}")
    bot.type("one")
    assert bot.stdout.readline() == "asked\n"
    bot.signal_and_wait_for(number, f"{number.name}: stopping")

    bot.open_gate()
    printed, logged, code = bot.end()

    assert (printed, code) == ("answered\n", 0)
    assert "Traceback" not in logged
    assert "not answered" not in logged


@pytest.mark.parametrize("number", STOPPING)
def test_a_stop_without_anything_to_do_is_immediate(
    start: Start, number: signal.Signals
) -> None:
    """Nothing waits for the end of an input that may never come."""
    bot = start(stop_timeout=50.0)
    bot.type("one")
    assert bot.stdout.readline() == "one\n"
    began = time.monotonic()
    bot.process.send_signal(number)

    printed, logged, code = bot.end()

    assert (printed, code) == ("", 0)
    assert "Traceback" not in logged
    assert time.monotonic() - began < SOON_S


@pytest.mark.parametrize("function", ["never", "never_async", "shielded", "never_cancelled"])
def test_a_stop_gives_up_after_its_time_and_says_what_is_left(
    start: Start, function: str
) -> None:
    """An agent that never returns cannot keep a stopped process alive."""
    bot = start("--agent", f"function:bot:{function}", stop_timeout=0.5)
    bot.type("one")
    assert bot.stdout.readline() == "asked\n"
    began = time.monotonic()
    bot.process.send_signal(signal.SIGTERM)

    code = bot.process.wait(0.5 + SOON_S)

    logged = bot.stderr.read()
    assert code == 0
    assert "stopped; messages not answered: 1, answers not delivered: 0" in logged
    assert "Traceback" not in logged
    assert time.monotonic() - began > 0.5


def test_a_stop_gives_up_on_replies_that_nobody_reads(start: Start) -> None:
    """A full pipe cannot keep a stopped process alive; what is left is counted."""
    bot = start(stop_timeout=0.5)
    writer = threading.Thread(target=bot.type, args=("\n".join(["x" * 1000] * 500),))
    writer.start()
    writer.join(GUARD_S)
    assert bot.stdout.readline()

    bot.process.send_signal(signal.SIGTERM)
    _, logged, code = bot.end()

    assert code == 0
    assert "not delivered" in logged
    assert "Fatal" not in logged


@pytest.mark.parametrize("second", STOPPING)
def test_a_second_signal_ends_at_once(start: Start, second: signal.Signals) -> None:
    """Who asks twice does not want to wait: exit code 1, and it says what that means."""
    bot = start("--agent", "function:bot:never_async", stop_timeout=50.0)
    bot.type("one")
    assert bot.stdout.readline() == "asked\n"
    bot.signal_and_wait_for(signal.SIGTERM, "stopping")
    began = time.monotonic()
    bot.process.send_signal(second)

    _, logged, code = bot.end()

    assert code == 1
    assert "stopped at once: asked twice; what ran was not finished" in logged
    assert time.monotonic() - began < SOON_S


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_the_parent_ignores_stays_ignored(
    start: Start, number: signal.Signals
) -> None:
    """nohup, and a shell that starts a command in the background, are respected."""
    bot = start(shell=f"trap '' {number.name.removeprefix('SIG')}")
    bot.type("one")
    assert bot.stdout.readline() == "one\n"
    bot.process.send_signal(number)
    bot.type("two")
    bot.stdin.close()

    printed, _, code = bot.end()

    assert (printed, code) == ("two\n", 0)


def test_a_killed_run_leaves_nothing_behind(start: Start, run: Run, tmp_path: Path) -> None:
    """After kill -9 no process is left over, and the next run answers what was not."""
    bot = start("--agent", "function:bot:never", "--workspace", str(tmp_path / "work"))
    bot.type("one")
    assert bot.stdout.readline() == "asked\n"
    bot.process.kill()
    bot.end()

    after = run("run", "--workspace", str(tmp_path / "work"), typed="two\n")

    with pytest.raises(ProcessLookupError):
        os.killpg(bot.process.pid, 0)
    assert (after.stdout, after.returncode) == ("one\ntwo\n", 0)


# What is run.


def bot_that_says(folder: Path, text: str) -> Path:
    """Write a configuration with a function agent beside it; return the file."""
    folder.mkdir(exist_ok=True)
    (folder / "speaker.py").write_text(f"def reply(message, conversation): return {text!r}\n")
    (folder / "cobot.yml").write_text("agent: {function: speaker:reply}\n")
    return folder / "cobot.yml"


def test_the_option_outdoes_the_variable_which_outdoes_the_folder(
    run: Run, tmp_path: Path
) -> None:
    """-c, then $COBOT_CONFIG, then ./cobot.yml; each finds the function beside itself."""
    here = bot_that_says(tmp_path / "here", "folder").parent
    variable = str(bot_that_says(tmp_path / "there", "variable"))
    option = str(bot_that_says(tmp_path / "elsewhere", "option"))

    by_folder = run("run", typed="x\n", folder=here)
    by_variable = run("run", typed="x\n", folder=here, COBOT_CONFIG=variable)
    by_option = run("run", "-c", option, typed="x\n", folder=here, COBOT_CONFIG=variable)

    said = [by_folder.stdout, by_variable.stdout, by_option.stdout]
    assert said == ["folder\n", "variable\n", "option\n"]


def test_a_relative_configuration_finds_the_function_beside_it(
    run: Run, tmp_path: Path
) -> None:
    """A path as people type it will do."""
    bot_that_says(tmp_path / "below", "found")

    done = run("run", "-c", "below/cobot.yml", typed="x\n")

    assert (done.stdout, done.returncode) == ("found\n", 0)


def test_without_a_configuration_the_function_is_in_the_working_directory(
    run: Run, tmp_path: Path
) -> None:
    """The first try of a person who has written ten lines."""
    (tmp_path / "speaker.py").write_text("def reply(message, conversation): return 'hi'\n")

    done = run("run", "--agent", "function:speaker:reply", typed="x\n")

    assert (done.stdout, done.returncode) == ("hi\n", 0)


def test_a_dry_run_sends_nothing_and_logs_what_it_would(run: Run) -> None:
    """Each send is logged and answered with a made-up receipt; that is said at start."""
    done = run("run", "--dry-run", typed="hello\n")

    assert (done.stdout, done.returncode) == ("", 0)
    assert "dry run: nothing is sent; messages are received and confirmed" in done.stderr
    assert "would send to" in done.stderr
    assert "hello" in done.stderr


@pytest.mark.parametrize("failing", [True, False])
def test_a_json_log_is_json_in_every_line(run: Run, tmp_path: Path, failing: bool) -> None:
    """A program can read the log of a run that goes well and of one that does not."""
    code = "def reply(message, conversation):\n    return {}\n"
    (tmp_path / "speaker.py").write_text(code.format("1 / 0" if failing else "'a\\nb'"))

    done = run(
        "run", "--log-format", "json", "-v", "--agent", "function:speaker:reply", typed="x\n"
    )

    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(entry) for entry in entries)
    assert done.returncode == int(failing)
    assert any("ZeroDivisionError" in one.get("exception", "") for one in entries) is failing


def test_the_log_format_of_the_file_is_outdone_by_the_option(run: Run, tmp_path: Path) -> None:
    """The command line has the last word."""
    (tmp_path / "cobot.yml").write_text("log: {format: json}\n")

    by_file = run("run").stderr.splitlines()
    by_option = run("run", "--log-format", "text").stderr.splitlines()

    assert json.loads(by_file[0])["level"] == "info"
    assert not by_option[0].startswith("{")


def test_verbose_logs_more(run: Run) -> None:
    """-v shows what the level of the file leaves out."""
    assert "DEBUG" not in run("run", typed="x\n").stderr
    assert "DEBUG" in run("run", "-v", typed="x\n").stderr


def test_the_start_says_who_answers_and_where(run: Run) -> None:
    """The first line of the log names the channels and the agent, and that none was named."""
    done = run("run")

    assert "channels: console; agent: echo (none is configured)" in done.stderr


# The workspace.

KEEPER = """
from cobot import hookimpl

class Keeper:
    def __init__(self, settings, context):
        self.context = context
        context.workspace("cache").joinpath("early").touch()
    @hookimpl
    async def cobot_start(self):
        folder = self.context.workspace("media")
        folder.joinpath("late").touch()
        self.context.log.info("workspace %s", folder.parent)
"""


def install(folder: Path, name: str, source: str) -> None:
    """Install a distribution with one plugin, whose class has the name in capitals."""
    info = folder / f"cobot_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cobot-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cobot]\n{name} = {name}:{name.capitalize()}\n")
    (folder / f"{name}.py").write_text(source)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "-p", "keeper"],
        ["run", "-p", "keeper", "-p", "not-installed"],
        ["run", "-p", "keeper", "--agent", "function:bot:nothing"],
        ["check", "-p", "keeper"],
        ["plugins", "-p", "keeper"],
        ["channels", "-p", "keeper"],
    ],
)
def test_a_temporary_workspace_is_removed_at_exit(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    """Without a configuration nothing is left on the disk, whatever the end."""
    install(tmp_path / "site", "keeper", KEEPER)

    done = run(*arguments)

    assert "Traceback" not in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_temporary_workspace_is_removed_after_a_stop(start: Start, tmp_path: Path) -> None:
    """A signal is an exit like any other."""
    install(tmp_path / "site", "keeper", KEEPER)
    bot = start("-p", "keeper")
    (tmp_path / "cobot.yml").unlink()
    bot.type("one")
    bot.stdout.readline()
    bot.process.send_signal(signal.SIGTERM)

    _, _, code = bot.end()

    assert code == 0
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_workspace_of_a_configuration_lies_beside_it_and_stays(
    run: Run, tmp_path: Path
) -> None:
    """So two bots never meet; only the owner can read it."""
    install(tmp_path / "site", "keeper", KEEPER)
    folder = bot_that_says(tmp_path / "mine", "hi").parent

    run("run", "-c", "mine/cobot.yml", "-p", "keeper")

    media = folder / ".cobot" / "media"
    assert (media / "late").exists()
    assert media.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_named_workspace_is_used_and_stays(run: Run, tmp_path: Path, by: str) -> None:
    """--workspace and $COBOT_WORKSPACE name the folder."""
    install(tmp_path / "site", "keeper", KEEPER)
    work = str(tmp_path / "work")

    if by == "option":
        run("run", "-p", "keeper", "--workspace", work, COBOT_WORKSPACE=str(tmp_path / "no"))
    else:
        run("run", "-p", "keeper", COBOT_WORKSPACE=work)

    assert (tmp_path / "work" / "media" / "late").exists()
    assert not (tmp_path / "no").exists()


# How it ends.


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["run", "--nothing"], 2, "No such option"),
        (["run", "extra"], 2, "unexpected extra argument"),
        (["run", "--log-format", "xml"], 2, "xml"),
        (["run", "-c", "missing.yml"], 78, "missing.yml: does not exist"),
        (["run", "-c", "."], 78, "is a folder; name a file"),
        (["run", "-c", "broken.yml"], 78, "broken.yml:1: broken YAML"),
        (["run", "-c", "unknown.yml"], 78, "unknown.yml:1: stop_timeot: unknown key"),
        (["run", "-c", "later.yml"], 78, "later.yml:1: identities: is not built yet"),
        (["run", "-c", "journal.yml"], 78, "no enabled plugin opens 'paper': addresses"),
        (["run", "-p", "no:sqlite"], 78, "leave out -p no:sqlite"),
        (["run", "-p", "nobody"], 78, "no plugin called 'nobody' is installed"),
        (["run", "-p", "parrot"], 78, "perhaps cobot-parrot"),
        (["run", "-p", "no:nobody"], 78, "nobody"),
        (["run", "-p", ""], 78, "-p"),
        (["run", "-c", ""], 78, "-c"),
        (["run", "--agent", "nobody"], 78, "no plugin called 'nobody' is installed"),
        (["run", "--agent", "console"], 78, "plugin 'console' is no agent"),
        (["run", "--agent", "function:bot:slo"], 78, "did you mean 'slow'?"),
        (["run", "-p", "no:console"], 78, "no channel is left"),
        (["run", "-p", "no:echo"], 78, "nobody is left to answer"),
        (["run", "-p", "halting"], 1, "cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_person_who_errs_is_told_in_lines_and_a_code(
    run: Run, tmp_path: Path, arguments: list[str], code: int, expected: str
) -> None:
    """2 for usage, 78 for the configuration, 1 for a plugin that does not load."""
    install(tmp_path / "site", "halting", "1 / 0\n")
    (tmp_path / "broken.yml").write_text("plugins: }\n")
    (tmp_path / "unknown.yml").write_text("stop_timeot: 3\n")
    (tmp_path / "later.yml").write_text("identities: {}\n")
    (tmp_path / "journal.yml").write_text("journal: 'paper:'\n")

    done = run(*arguments)

    assert (done.stdout, done.returncode) == ("", code)
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_all_problems_are_told_at_once(run: Run, tmp_path: Path) -> None:
    """One run is enough to learn everything that is to be mended, each with its line."""
    (tmp_path / "cobot.yml").write_text(
        "stop_timeout: soon\nplugins:\n  console:\n    promt: x\n  nosuch: {}\n"
    )

    lines = run("run").stderr.splitlines()

    assert [line.split(": ")[:3] for line in lines] == [
        ["cobot", "cobot.yml:1", "stop_timeout"],
        ["cobot", "cobot.yml:4", "plugins.console.promt"],
        ["cobot", "cobot.yml:5", "plugins.nosuch"],
    ]


def test_a_broken_plugin_can_be_left_out(run: Run, tmp_path: Path) -> None:
    """The error says how to go on without it, and that works."""
    install(tmp_path / "site", "halting", "1 / 0\n")
    (tmp_path / "cobot.yml").write_text("plugins: {halting: {}}\n")

    refused = run("run", typed="x\n")
    done = run("run", "-p", "no:halting", typed="x\n")

    assert refused.stderr.endswith("go on without it: -p no:halting\n")
    assert (done.stdout, done.returncode) == ("x\n", 0)


def test_a_plugin_that_cannot_start_ends_the_run_in_words(run: Run, tmp_path: Path) -> None:
    """What a plugin raises in its start is one line, not a traceback."""
    source = KEEPER.replace('self.context.log.info("workspace %s", folder.parent)', "1 / 0")
    install(tmp_path / "site", "keeper", source)

    done = run("run", "-p", "keeper", typed="x\n")

    assert done.stdout == ""
    assert "failed in cobot_start: ZeroDivisionError: division by zero" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
