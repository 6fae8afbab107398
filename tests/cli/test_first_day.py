"""What goes wrong on somebody's first day with cobot, and what is said about it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COBOT = Path(sys.executable).with_name("cobot")


def cobot(folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, to its end."""
    return subprocess.run(
        [COBOT, *words],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(folder / "installed")},
    )


def install(folder: Path, source: str, entry_points: str = "[cobot]\nnet = net:Net\n") -> None:
    """Put a distribution `cobot-net` where the command finds it, as pip would."""
    installed = folder / "installed"
    metadata = installed / "cobot_net-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cobot-net\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(entry_points)
    (installed / "net.py").write_text(source)
    section = "plugins: {net: {port: 5, access: {direct: open}}}\n"
    (folder / "cobot.yml").write_text(section)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_bot_whose_loop_is_blocked(tmp_path: Path, number: int) -> None:
    """An agent that blocks the event loop cannot make the bot deaf."""
    (tmp_path / "bot.py").write_text(
        "import sys, threading\n"
        "async def reply(message, conversation):\n"
        "    print('blocked', file=sys.stderr, flush=True)\n"
        # In pieces: a signal that comes just before a wait is heard after it.
        "    while True: threading.Event().wait(0.1)\n"
    )
    with subprocess.Popen(
        [COBOT, "run", "--agent", "function:bot:reply"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert any(line == "blocked\n" for line in process.stderr)
        process.send_signal(number)
        process.send_signal(signal.SIGHUP)
        said = process.stderr.read()

    assert process.returncode == 1
    assert "cobot: stopped at once: asked twice; what ran was not finished\n" in said


def test_a_file_in_the_working_directory_shadows_nothing(tmp_path: Path) -> None:
    """A file that bears a module's name is not run just because it lies there."""
    (tmp_path / "getpass.py").write_text("raise SystemExit('shadowed')\n")
    (tmp_path / "bot.py").write_text("def reply(message, conversation): return 'yes'\n")

    plain = cobot(tmp_path, "run", given="hello\n")
    with_agent = cobot(tmp_path, "run", "--agent", "function:bot:reply", given="hello\n")

    assert (plain.returncode, plain.stdout) == (0, "hello\n")
    assert (with_agent.returncode, with_agent.stdout) == (0, "yes\n")


NO_MARKER = """
class Net:
    def __init__(self, settings, context): ...
    async def session_receive(self): ...
"""
INSTANCE = """
import attrs
from cobot import hookimpl
@attrs.frozen
class NetSettings:
    port: int = 1
class Net:
    Settings = NetSettings()
    def __init__(self, settings, context): ...
    @hookimpl
    async def session_receive(self): ...
"""
MODULE = INSTANCE.replace("NetSettings()", "NetSettings")


@pytest.mark.parametrize(
    ("source", "entry_points", "said"),
    [
        (NO_MARKER, "[cobot]\nnet = net:Net\n", "session_receive has no marker and is never"),
        (INSTANCE, "[cobot]\nnet = net:Net\n", "its Settings is no attrs class"),
        (
            MODULE,
            "[cobot]\nnet = net\n",
            "the module net, without hooks; did you mean net:Net?",
        ),
        (MODULE, "[cobots]\nnet = net:Net\n", "cobot-net is, but it has no entry point 'net'"),
    ],
    ids=["no marker", "instance", "module", "wrong group"],
)
def test_a_beginner_s_mistake_is_named_and_not_its_consequence(
    tmp_path: Path, source: str, entry_points: str, said: str
) -> None:
    """What was forgotten is said, not what follows from it for the settings."""
    install(tmp_path, source, entry_points)

    done = cobot(tmp_path, "check")

    (line,) = done.stderr.splitlines()
    assert said in line
    assert done.returncode in (1, 78)


def test_aliases_that_multiply_are_refused_in_time(tmp_path: Path) -> None:
    """Ten lists of ten aliases each would be ten thousand million values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    (tmp_path / "cobot.yml").write_text("\n".join(lines))

    done = cobot(tmp_path, "check")

    (line,) = done.stderr.splitlines()
    assert "it has more than 100,000 values" in line
    assert done.returncode == 78
