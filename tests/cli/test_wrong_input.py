from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

COBOT = Path(sys.executable).with_name("cobot")
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h

SEED = """\
plugins:
  session:
    default_channel: telegram  # for broadcasts
  telegram:
    bot_token: ${TELEGRAM_BOT_TOKEN}
    groups:
      - id: -1001234567890
        name: "Main Group"
  discord:
    bot_token: ${DISCORD_BOT_TOKEN}
    guilds:
      - id: "123456789"
        channel: "general"
"""

NO_TOKENS = [
    "cobot.yml:5: plugins.telegram.bot_token: the environment variable TELEGRAM_BOT_TOKEN is",
    "cobot.yml:10: plugins.discord.bot_token: the environment variable DISCORD_BOT_TOKEN is",
]
NO_PARROT = (
    "plugins.parrot: no plugin called 'parrot' is installed; install the distribution that has"
    " it, perhaps cobot-parrot, or go on without it: -p no:parrot"
)


@attrs.frozen
class Ended:
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def faults(self) -> list[str]:
        """The lines on standard error without the program's name."""
        return [line.removeprefix("cobot: ") for line in self.errors.splitlines()]


def cobot(folder: Path, *words: str, **environ: str) -> Ended:
    """Run the real command in a folder, with no input."""
    inherited = {name: at for name, at in os.environ.items() if not name.startswith("COBOT_")}
    done = subprocess.run(
        [COBOT, *words],
        cwd=folder,
        env={**inherited, "HOME": str(folder), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def write(folder: Path, text: str | bytes) -> None:
    """Write the folder's configuration."""
    raw = text.encode() if isinstance(text, str) else text
    (folder / "cobot.yml").write_bytes(raw)


def assert_refused(ended: Ended, *faults: str) -> None:
    """Check that a command said exactly these faults, as they begin, and nothing else."""
    assert "Traceback" not in ended.errors
    assert len(ended.faults) == len(faults), ended.errors
    for said, expected in zip(sorted(ended.faults), sorted(faults), strict=True):
        assert said.startswith(expected)
    assert all(line.startswith("cobot: ") for line in ended.errors.splitlines())
    assert ended.output == ""
    assert ended.code == EXIT_CONFIG


MANY_FAULTS = """\
plugins:
  session: {default_channel: consol}
  console: {promt: x, prompt: 5}
  parrot:
  x: {access: open, plugin: echo}
log: {level: loud}
agnet: x
agent: nosuch
stop_timeout: soon
stop_timeout: 5
"""

WRONG_FILES = [
    (
        "plugins:\n  console:\n    prompt: ${NOT_SET_ANYWHERE}\n",
        ["cobot.yml:3: plugins.console.prompt: the environment variable NOT_SET_ANYWHERE"],
    ),
    (
        "plugins:\n  console:\n    sync_threads: ${NOT_SET_ANYWHERE}\n",
        ["cobot.yml:3: plugins.console.sync_threads: the environment variable NOT_SET"],
    ),
    (
        "plugins:\n  console:\n    prompt: ${\n",
        ["cobot.yml:3: plugins.console.prompt: "],
    ),
    (
        "plugins:\n  console:\n    promt: x\n",
        ["cobot.yml:3: plugins.console.promt: unknown key; did you mean 'prompt'?"],
    ),
    (
        "plugins:\n  console: {poll_intervall: 1}\n",
        ["cobot.yml:2: plugins.console.poll_intervall: unknown key; did you mean"],
    ),
    ("plguins: {}\n", ["cobot.yml:1: plguins: unknown key; did you mean 'plugins'?"]),
    (
        "plugins:\n  console: {prompt: 5}\n",
        ["cobot.yml:2: plugins.console.prompt: expected text, got the number 5"],
    ),
    (
        "plugins:\n  console: {prompt: }\n",
        ["cobot.yml:2: plugins.console.prompt: expected text, got nothing"],
    ),
    (
        "plugins:\n  console: {prompt: [a]}\n",
        ["cobot.yml:2: plugins.console.prompt: expected text, got a list"],
    ),
    (
        "plugins:\n  console:\n    sync_threads: 0\n",
        ["cobot.yml:3: plugins.console.sync_threads: "],
    ),
    (
        "plugins:\n  console: text\n",
        ["cobot.yml:2: plugins.console: expected keys with values, got"],
    ),
    (
        "plugins:\n  console: [text]\n",
        ["cobot.yml:2: plugins.console: expected keys with values, got a list"],
    ),
    ("plugins: console\n", ["cobot.yml:1: plugins: expected a section for each plugin, got"]),
    ("log: json\n", ["cobot.yml:1: log: expected keys with values, got the text 'json'"]),
    ("log:\n", ["cobot.yml:1: log: expected keys with values, got nothing"]),
    (
        "log: {level: 5}\n",
        ["cobot.yml:1: log.level: expected debug or info or warning or error"],
    ),
    ("stop_timeout: -1\n", ["cobot.yml:1: stop_timeout: "]),
    ("identities: {}\n", ["cobot.yml:1: identities: is not built yet in this version"]),
    ("journal: here\n", ["cobot.yml:1: journal.url: expected a URL such as 'sqlite:'"]),
    ("access: open\n", ["cobot.yml:1: access: expected keys with values, got the text 'op"]),
    (
        "plugins:\n  console: {busy: merge, rate: on}\n",
        [
            "cobot.yml:2: plugins.console.busy: 'merge' is not built yet in this version",
            "cobot.yml:2: plugins.console.rate: expected off, or {channel, address}, got the",
        ],
    ),
    (
        "plugins:\n  session: {failure_text: }\n",
        ["cobot.yml:2: plugins.session.failure_text: expected text, got nothing"],
    ),
    ("agent: []\n", ["cobot.yml:1: agent: expected NAME or {NAME: settings}, got a list"]),
    (
        "agent: {function: }\n",
        ["cobot.yml:1: agent.function: says not enough; write {function: "],
    ),
    ("agent: {function: 5}\n", ["cobot.yml:1: agent.function.target: expected text, got the"]),
    ("agent: {function: nowhere:f}\n", ["cobot.yml:1: agent.function: no module is called"]),
    (
        "agent: {command: [nosuchprogram]}\n",
        ["cobot.yml:1: agent.command: no program called 'nosuchprogram' is in $PATH"],
    ),
    (
        "agent: {command: cat}\n",
        ["cobot.yml:1: agent.command.words: expected a list, got the text 'cat'"],
    ),
    (
        "agent: {command: }\n",
        ["cobot.yml:1: agent.command: says not enough; write {command: [program, argument]}"],
    ),
    ("agent: {command: []}\n", ["cobot.yml:1: agent.command: names no program; write {com"]),
    (
        "agent: {command: [sleep, 5]}\n",
        ["cobot.yml:1: agent.command.words[1]: expected text, got the number 5; put it in"],
    ),
    (
        "agent:\n  command:\n    words: [cat]\n    timeout: 0\n    histroy: 5\n",
        [
            "cobot.yml:4: agent.command.timeout: 'timeout' must be > 0: 0",
            "cobot.yml:5: agent.command.histroy: unknown key; did you mean 'history'?",
        ],
    ),
    ("agent: console\n", ["cobot.yml:1: agent: plugin 'console' is no agent"]),
    ("agent: nosuch\n", ["cobot.yml:1: agent: no plugin called 'nosuch' is installed"]),
    (
        "agent: ecko\n",
        ["cobot.yml:1: agent: no plugin called 'ecko' is installed; did"],
    ),
    ("plugins:\n  nosuch: {}\n", ["cobot.yml:2: plugins.nosuch: no plugin called 'nosuch' is"]),
    (
        "plugins:\n  consol: {}\n",
        ["cobot.yml:2: plugins.consol: no plugin called 'consol' is installed; did"],
    ),
    (
        "plugins:\n  x:\n    plugin: nosuch\n",
        ["cobot.yml:2: plugins.x: no plugin called 'nosuch'"],
    ),
    ('"a\\nb": 1\n', ["cobot.yml:1: a"]),
    ('plugins:\n  console:\n    "a\\nb": 1\n', ["cobot.yml:3: plugins.console.a"]),
    ('plugins:\n  "a\\nb": {}\n', ["cobot.yml:2: plugins.a"]),
    ("a: [1, 2\nb: 3\n", ["cobot.yml:2: broken YAML: "]),
    ("plugins:\n\tconsole: {}\n", ["cobot.yml:2: broken YAML: "]),
    ("a: 1\n---\nb: 1\n", ["cobot.yml:2: broken YAML: "]),
    ("agent: echo\nb: \x07\n", ["cobot.yml:2: the character U+0007 is not allowed in YAML"]),
    ("agent: !!int hello\n", ["cobot.yml:1: "]),
    (b"agent: echo\nb: caf\xe9\n", ["cobot.yml:2: is not UTF-8 text"]),
    ("", ["cobot.yml:1: the file is empty"]),
    ("# nothing yet\n", ["cobot.yml:1: the file is empty"]),
    ("- a\n", ["cobot.yml:1: expected keys such as 'plugins:', got a list"]),
    (
        SEED,
        NO_TOKENS,
    ),
    (
        MANY_FAULTS,
        [
            "cobot.yml:2: plugins.session.default_channel: no section below 'plugins' is",
            "cobot.yml:3: plugins.console.promt: unknown key; did you mean 'prompt'?",
            "cobot.yml:3: plugins.console.prompt: expected text, got the number 5",
            f"cobot.yml:4: {NO_PARROT}",
            "cobot.yml:5: plugins.x.access: expected keys with values, got the text 'open'",
            "cobot.yml:6: log.level: expected debug or info or warning or error, got the text",
            "cobot.yml:7: agnet: unknown key; did you mean 'agent'?",
            "cobot.yml:8: agent: no plugin called 'nosuch' is installed",
            "cobot.yml:10: stop_timeout: stands twice, first on line 9",
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), WRONG_FILES)
def test_wrong_file_is_refused_with_a_line_for_each_fault(
    tmp_path: Path, text: str | bytes, faults: list[str]
) -> None:
    """Whatever is wrong with the file: exit 78, and one line for each fault with its place."""
    write(tmp_path, text)

    assert_refused(cobot(tmp_path, "check"), *faults)


@pytest.mark.parametrize(
    ("text", "faults"),
    [WRONG_FILES[0], WRONG_FILES[3], *WRONG_FILES[-2:]],
    ids=["variable", "key", "seed", "several"],
)
def test_run_refuses_what_check_refuses(
    tmp_path: Path, text: str | bytes, faults: list[str]
) -> None:
    """A bot with a wrong configuration does not start, and says the same as the check."""
    write(tmp_path, text)

    assert_refused(cobot(tmp_path, "run"), *faults)


@pytest.mark.parametrize("command", ["check", "run"])
def test_seeds_file_goes_on_without_the_channels_that_are_not_installed(
    tmp_path: Path, command: str
) -> None:
    """What the error advises works: both channels blocked, their variables are not needed."""
    write(tmp_path, SEED)

    ended = cobot(tmp_path, command, "-p", "no:telegram", "-p", "no:discord")

    assert "Traceback" not in ended.errors
    assert ended.code == 0, ended.errors


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["-c", "missing.yml"], "missing.yml: does not exist"),
        (["-c", "folder"], "folder: is a folder; name a file"),
        (["-c", "link"], "link: is a link to a file that does not exist"),
        (["-c", "file/cobot.yml"], "file/cobot.yml: cannot be read: Not a directory"),
        (["-c", "loop"], "loop: "),
        (["-c", "x" * 300], "x"),
    ],
    ids=["missing", "folder", "link", "below-a-file", "loop", "too-long"],
)
def test_file_that_cannot_be_read_is_refused(
    tmp_path: Path, command: str, words: list[str], fault: str
) -> None:
    """A named file must be there and be a file; there is no line to name."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()

    assert_refused(cobot(tmp_path, command, *words), fault)


@pytest.mark.parametrize("make", ["folder", "link", "loop"])
def test_wrong_thing_in_the_files_place_is_refused(tmp_path: Path, make: str) -> None:
    """A folder or a link to nowhere called cobot.yml is no missing configuration."""
    path = tmp_path / "cobot.yml"
    if make == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere" if make == "link" else "cobot.yml")

    assert_refused(cobot(tmp_path, "check"), "cobot.yml: ")


def test_file_named_by_the_environment_must_be_there(tmp_path: Path) -> None:
    """$COBOT_CONFIG is as binding as -c."""
    ended = cobot(tmp_path, "check", COBOT_CONFIG="missing.yml")

    assert_refused(ended, "missing.yml: does not exist")


# Options


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--agent", "nosuch"], "--agent: no plugin called 'nosuch' is installed"),
        (["--agent", "ecko"], "--agent: no plugin called 'ecko' is installed; did you mean"),
        (["--agent", ""], "--agent: expected "),
        (["--agent", "session"], "--agent: no plugin called 'session' is installed"),
        (["--agent", "command:nosuch -x"], "--agent: no program called 'nosuch' is in $PATH"),
        (["--agent", "command:./no/such"], "--agent: there is no program './no/such'"),
        (["--agent", "command:"], "--agent: names no program; write {command: [program"),
        (["--agent", "command:'cat"], "--agent: "),
        (["--agent", "console"], "--agent: plugin 'console' is no agent"),
        (["--agent", "echo", "-p", "no:echo"], "--agent: 'echo' is blocked by -p no:echo"),
        (["-p", "nosuch"], "-p nosuch: no plugin called 'nosuch' is installed"),
        (
            ["-p", "parrot"],
            "-p parrot: no plugin called 'parrot' is installed; install the distribution that",
        ),
        (["-p", "session"], "-p session: the session is no plugin"),
        (["-p", "no:session"], "-p no:session: the session is no plugin"),
        (["-p", "no:nosuch"], "-p no:nosuch: no plugin and no section is called 'nosuch'"),
        (["-p", "no:consol"], "-p no:consol: no plugin and no section is called 'consol'; did"),
        (["-p", "no:echo"], "-p no:echo: nobody is left to answer"),
        (["-p", "no:console"], "-p no:console: no channel is left"),
    ],
)
def test_wrong_option_is_refused_by_its_name(
    tmp_path: Path, command: str, words: list[str], fault: str
) -> None:
    """A fault on the command line is one line that names the option."""
    assert_refused(cobot(tmp_path, command, *words), fault)


@pytest.mark.parametrize("word", ["", "no:"])
def test_plugin_option_without_a_name_is_refused(tmp_path: Path, word: str) -> None:
    """An empty -p, as from a variable of a script that is not set, is never passed over."""
    ended = cobot(tmp_path, "check", "-p", word)

    assert "Traceback" not in ended.errors
    assert ended.code in (2, EXIT_CONFIG)
    assert "-p" in ended.errors
    assert "install" not in ended.errors


def test_advice_about_a_missing_agent_leads_somewhere(tmp_path: Path) -> None:
    """An agent that was asked for cannot be blocked as well, so nobody is told to do so."""
    ended = cobot(tmp_path, "check", "--agent", "nosuch")

    assert ended.code == EXIT_CONFIG
    assert "-p no:nosuch" not in ended.errors


@pytest.mark.parametrize(
    ("words", "environ", "text", "fault"),
    [
        (["--workspace", "file"], {}, "agent: echo\n", "--workspace: "),
        (["--workspace", "file/below"], {}, "agent: echo\n", "--workspace: "),
        (["--workspace", "x" * 300], {}, "agent: echo\n", "--workspace: "),
        ([], {"COBOT_WORKSPACE": "file"}, "agent: echo\n", "$COBOT_WORKSPACE: "),
        ([], {}, "agent: echo\nworkspace: file\n", "cobot.yml:2: workspace: "),
    ],
    ids=["option", "below", "too-long", "environment", "key"],
)
def test_workspace_that_can_be_no_folder_is_refused(
    tmp_path: Path, words: list[str], environ: dict[str, str], text: str, fault: str
) -> None:
    """A workspace is a folder; that is found out at start, and who named it is named."""
    (tmp_path / "file").touch()
    write(tmp_path, text)

    assert_refused(cobot(tmp_path, "check", *words, **environ), fault)


# Functions as agents


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere:reply", "no module is called 'nowhere'; put it beside cobot.yml"),
        ("nowhere.inside:reply", "no module is called 'nowhere'; put it beside cobot.yml"),
        ("bot.inside:reply", "no module is called 'bot.inside'; put it beside cobot.yml"),
        ("bot:replay", "module 'bot' ("),
        ("bot:reply.inside", "module 'bot' ("),
        ("bot:text", "'bot:text' is str, no function"),
        ("bot", "expected module:name, got 'bot'"),
        ("bot:", "expected module:name, got 'bot:'"),
        (":reply", "expected module:name, got ':reply'"),
        ("", "expected module:name, got ''"),
        (".bot:reply", "expected module:name, got '.bot:reply'"),
        ("imports:reply", "no module is called 'nowhere', which 'imports' imports"),
        ("syntax:reply", "importing 'syntax' failed: SyntaxError: "),
        ("indent:reply", "importing 'indent' failed: IndentationError: "),
        ("raises:reply", "importing 'raises' failed: ValueError: two"),
        ("exits:reply", "importing 'exits' failed: SystemExit: 3"),
        ("silent:reply", "importing 'silent' failed: AssertionError"),
        ("binary:reply", "importing 'binary' failed: "),
        ("shown:reply", "'shown:reply' is "),
    ],
)
def test_agent_function_that_cannot_be_had_is_refused(
    tmp_path: Path, target: str, words: str
) -> None:
    """What is wrong with the function or its module is one line that names both."""
    modules = {
        "bot": b"text = 'hello'\ndef reply(message, conversation): ...\n",
        "imports": b"import nowhere\n",
        "syntax": b"def reply(:\n",
        "indent": b"def reply():\nreturn 1\n",
        "raises": b"raise ValueError('two\\nlines')\n",
        "exits": b"raise SystemExit(3)\n",
        "silent": b"assert False\n",
        "binary": b"\x00\xff\n",
        "shown": b"class Shown:\n  __repr__ = lambda self: 'a\\nb'\nreply = Shown()\n",
    }
    for name, source in modules.items():
        (tmp_path / f"{name}.py").write_bytes(source)

    assert_refused(
        cobot(tmp_path, "check", "--agent", f"function:{target}"), f"--agent: {words}"
    )


def test_agent_function_is_found_beside_the_file(tmp_path: Path) -> None:
    """The right form of all of the above works, from any working directory."""
    bot = tmp_path / "bot"
    bot.mkdir()
    (bot / "mine.py").write_text("def reply(message, conversation): ...\n")
    write(bot, "agent: {function: 'mine:reply'}\n")

    ended = cobot(tmp_path, "check", "-c", "bot/cobot.yml")

    assert ended.code == 0, ended.errors
    assert "all is right" in ended.output


# Secrets


@pytest.mark.parametrize(
    "section", ["${TOKEN}", "[${TOKEN}]", "{promt: '${TOKEN}'}", "{prompt: ['${TOKEN}']}"]
)
@pytest.mark.parametrize("name", ["console", "parrot"])
def test_no_error_shows_the_value_of_a_variable(
    tmp_path: Path, name: str, section: str
) -> None:
    """A token in the wrong place is a fault like any other, and is not printed."""
    write(tmp_path, f"plugins:\n  {name}: {section}\n")

    ended = cobot(tmp_path, "check", TOKEN="12345:hunter2")

    assert ended.code == EXIT_CONFIG
    assert len(ended.faults) == 1
    assert "hunter2" not in ended.errors
