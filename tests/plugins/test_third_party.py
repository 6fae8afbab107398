from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

COBOT = Path(sys.executable).with_name("cobot")

BACKEND = '''
"""Builds a wheel of this project, with nothing but Python."""
import tomllib
import zipfile
from pathlib import Path


def build_wheel(directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    groups = "".join(
        f"[{group}]\\n" + "".join(f"{key} = {value}\\n" for key, value in points.items())
        for group, points in project["entry-points"].items()
    )
    files = {
        f"{info}/METADATA": "Metadata-Version: 2.1\\n"
        f"Name: {project['name']}\\nVersion: {version}\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/entry_points.txt": groups,
        f"{info}/RECORD": "",
    }
    wheel_name = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(directory, wheel_name), "w") as wheel:
        for path in sorted(Path().glob("theirs*/*.py")):
            wheel.write(path)
        for path, text in files.items():
            wheel.writestr(path, text)
    return wheel_name
'''

HEAD = "from cobot import *\nfrom cobot import IncomingMessage, OutgoingMessage, hookimpl\n"

MODULES = {
    "__init__": "",
    "good": """
import attrs

@attrs.frozen
class Settings:
    greeting: str = "hello"

class Channel(ChannelSpec):
    Settings = Settings

    def __init__(self, settings, context):
        self.settings, self.context = settings, context

    @hookimpl
    async def session_receive(self, cursors):
        context = self.context
        yield IncomingMessage(
            "1", context.name, "chat", "ann", "Ann", self.settings.greeting,
            context.clock.now(), direct=True,
        )
        context.finished()

    @hookimpl
    async def session_send(self, message):
        print(f"{message.channel_type} sends {message.content}", flush=True)
        return "1"

class Agent:
    def __init__(self, settings, context):
        pass

    @hookimpl
    def agent_reply(self, message):
        return f"{message.content} yourself"
""",
    "module": """
@hookimpl
def session_outgoing(message):
    return None
""",
    "traces": """
import os
from pathlib import Path

Path(os.environ["TRACES"], __name__).touch()

class Filter:
    def __init__(self, settings, context):
        pass

    @hookimpl
    def session_incoming(self, message):
        return None
""",
    "broken_import": "raise RuntimeError('no such library\\nand more')",
    "exits": "import sys\nsys.exit('not here')",
    "needs": "import a_library_that_nobody_has",
    "syntax": "def broken(:\n    pass",
    "various": '''
import attrs

class Hooks:
    """Takes what every plugin is built with."""
    def __init__(self, settings, context):
        pass

class FailsToBuild:
    def __init__(self, settings, context):
        raise OSError("no\\nspace")
    @hookimpl
    def cobot_start(self): pass

class ExitsWhenBuilt:
    def __init__(self, settings, context):
        raise SystemExit("no token")
    @hookimpl
    def cobot_start(self): pass

class WrongArguments:
    def __init__(self, config):
        pass
    @hookimpl
    def cobot_start(self): pass

class Misspelt(Hooks):
    @hookimpl
    def session_recieve(self): pass

class NoHooks(Hooks):
    pass

class NoMarker(Hooks):
    def agent_reply(self, message): return "x"

class UnknownArgument(Hooks):
    @hookimpl
    def agent_reply(self, text): return "x"

@attrs.define
class Unhashable:
    settings: object
    context: object
    @hookimpl
    def cobot_start(self): pass

class Wrapper(Hooks):
    @hookimpl(wrapper=True)
    def session_send(self, message):
        return (yield)

class PlainSettings(Hooks):
    class Settings:
        pass
    @hookimpl
    def cobot_start(self): pass

@attrs.frozen
class Clash:
    sync_threads: int = 1

class ClashingSettings(Hooks):
    Settings = Clash
    @hookimpl
    def cobot_start(self): pass

class Blocks(ChannelSpec):
    def __init__(self, settings, context):
        pass
    @hookimpl
    def session_receive(self, cursors):
        import threading
        print("blocked", flush=True)
        threading.Event().wait()

not_a_class = 5

def no_command():
    pass
''',
    "commands": '''
import click

@click.command()
@click.argument("name")
def greet(name):
    """Say hello."""
    click.echo(f"hello {name}")
''',
}

PLUGINS = {
    "good": "good:Channel",
    "agent": "good:Agent",
    "module": "module",
    "traces": "traces:Filter",
    "broken-import": "broken_import:Plugin",
    "exits": "exits:Plugin",
    "needs": "needs:Plugin",
    "syntax": "syntax:Plugin",
    "no-module": "nowhere:Plugin",
    "no-name": "good:Chanel",
    "fails-to-build": "various:FailsToBuild",
    "exits-when-built": "various:ExitsWhenBuilt",
    "wrong-arguments": "various:WrongArguments",
    "misspelt": "various:Misspelt",
    "no-hooks": "various:NoHooks",
    "no-marker": "various:NoMarker",
    "unknown-argument": "various:UnknownArgument",
    "unhashable": "various:Unhashable",
    "wrapper": "various:Wrapper",
    "plain-settings": "various:PlainSettings",
    "clashing-settings": "various:ClashingSettings",
    "not-a-class": "various:not_a_class",
    "blocks": "various:Blocks",
}

COMMANDS = {
    "greet": "theirs.commands:greet",
    "run": "theirs.commands:greet",
    "broken-command": "theirs.broken_import:command",
    "exiting-command": "theirs.exits:command",
    "no-command": "theirs.various:no_command",
}

REASONS = {
    "broken-import": (
        "plugin 'broken-import' (theirs) cannot be imported: RuntimeError: no such library"
    ),
    "exits": "plugin 'exits' (theirs) cannot be imported: SystemExit: not here",
    "needs": (
        "plugin 'needs' (theirs) cannot be imported:"
        " ModuleNotFoundError: No module named 'a_library_that_nobody_has'"
    ),
    "no-module": (
        "plugin 'no-module' (theirs) cannot be imported:"
        " ModuleNotFoundError: No module named 'theirs.nowhere'"
    ),
    "no-name": (
        "plugin 'no-name' (theirs) cannot be imported:"
        " AttributeError: module 'theirs.good' has no attribute 'Chanel'"
    ),
    "fails-to-build": "plugin 'fails-to-build' cannot be built: OSError: no",
    "exits-when-built": "plugin 'exits-when-built' cannot be built: SystemExit: no token",
    "wrong-arguments": (
        "plugin 'wrong-arguments': WrongArguments is built with (settings, context),"
        " but its constructor says: too many positional arguments"
    ),
    "misspelt": (
        "plugin 'misspelt':"
        " no hook is called 'session_recieve'; did you mean 'session_receive'?"
    ),
    "no-hooks": (
        "plugin 'no-hooks': it has no hooks; put @hookimpl above the methods that are hooks"
    ),
    "no-marker": (
        "plugin 'no-marker':"
        " its agent_reply has no marker and is never called; put @hookimpl above"
    ),
    "unknown-argument": (
        "plugin 'unknown-argument': its agent_reply takes an unknown argument 'text';"
        " the hook has message, conversation"
    ),
    "unhashable": (
        "plugin 'unhashable': it is not hashable; write @attrs.define(eq=False) above its class"
    ),
    "wrapper": (
        "plugin 'wrapper': its session_send is marked wrapper, which sees a coroutine instead"
        " of a result; write a filter, or an interceptor of session_send"
    ),
    "plain-settings": (
        "plugin 'plain-settings': its Settings is no attrs class; put @attrs.frozen on it"
    ),
    "clashing-settings": (
        "plugin 'clashing-settings': its Settings has sync_threads,"
        " which is a key of the core; rename it"
    ),
    "not-a-class": (
        "plugin 'not-a-class': its entry point 'theirs.various:not_a_class' names neither a"
        " class nor a module"
    ),
}


def install(
    project: Path, target: Path, name: str, package: dict[str, str], **groups: Any
) -> None:
    """Write a distribution and have pip install it into a folder."""
    folder = project / ("theirs" if name == "theirs" else name.replace("-", "_"))
    folder.mkdir(parents=True)
    for module, source in package.items():
        head = HEAD if source.strip() and module not in ("syntax",) else ""
        (folder / f"{module}.py").write_text(head + source)
    lines = [
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
        f"[project]\nname = '{name}'\nversion = '1.2'\n",
    ]
    for group, points in groups.items():
        lines.append(f"[project.entry-points.'{group.replace('_', '.')}']")
        lines += [f"'{key}' = '{value}'" for key, value in points.items()]
    (project / "pyproject.toml").write_text("\n".join(lines))
    (project / "backend.py").write_text(BACKEND)
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*pip, "--target", target, project], check=True, timeout=100)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a third party's distribution is installed in."""
    target = tmp_path_factory.mktemp("installed")
    plugins = {name: f"theirs.{value}" for name, value in PLUGINS.items()}
    project = tmp_path_factory.mktemp("project")
    install(project, target, "theirs", MODULES, cobot=plugins, cobot_commands=COMMANDS)
    return target


@pytest.fixture(scope="module")
def rival(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with another distribution, which claims names that are taken."""
    target = tmp_path_factory.mktemp("rival")
    points = {"good": "theirs_too.plugin:Rival", "echo": "theirs_too.plugin:Rival"}
    source = "raise RuntimeError('must not be imported')"
    project = tmp_path_factory.mktemp("rival-project")
    install(project, target, "theirs-too", {"__init__": "", "plugin": source}, cobot=points)
    return target


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> dict[str, str]:
    """The environment that cobot runs in: nothing of this machine's configuration."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(installed), "TRACES": str(tmp_path)}


@pytest.fixture
def cobot(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run the command in a folder of its own, with what is installed there."""

    def run(
        *words: str, config: str = "", also: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        if config:
            (tmp_path / "cobot.yml").write_text(config)
        path = environment["PYTHONPATH"] + (f"{os.pathsep}{also}" if also else "")
        return subprocess.run(
            [COBOT, *words],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def reports(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return what `cobot plugins --json` told, by plugin."""
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


GOOD = """
plugins:
  good:
    greeting: hello
    access: {direct: open}
  agent: {}
"""


# What works.


def test_good_channel_and_agent_answer_and_end(cobot: Run) -> None:
    """A channel and an agent that somebody else wrote work as soon as they are installed."""
    done = cobot("run", config=GOOD)

    assert (done.returncode, done.stdout) == (0, "good sends hello yourself\n"), done.stderr


def test_good_plugins_are_listed_with_their_origin(cobot: Run) -> None:
    """The list has for each plugin where it comes from, its state and its hooks."""
    listed = reports(cobot("plugins", "--json", config=GOOD))

    assert listed["good"] == {
        "name": "good",
        "distribution": "theirs",
        "version": "1.2",
        "state": "enabled",
        "reason": "",
        "hooks": ["session_receive", "session_send"],
    }
    assert (listed["agent"]["state"], listed["agent"]["hooks"]) == ("enabled", ["agent_reply"])


def test_module_of_hooks_can_be_enabled_on_the_command_line(cobot: Run) -> None:
    """A plugin may be a module, and -p NAME enables it without a section."""
    done = cobot("run", "-p", "module", config=GOOD)

    assert (done.returncode, done.stdout) == (0, "good sends hello yourself\n"), done.stderr


def test_two_sections_share_a_plugin(cobot: Run) -> None:
    """With `plugin:` one plugin runs twice, each with its own name and settings."""
    section = "{plugin: good, greeting: %s, access: {direct: open}}"
    config = f"plugins:\n  one: {section % 'hi'}\n  two: {section % 'hey'}\n  agent: {{}}\n"

    done = cobot("run", config=config)

    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "one sends hi yourself",
        "two sends hey yourself",
    ]


def test_two_sections_cannot_share_a_module(cobot: Run) -> None:
    """A module exists once: the second section is broken, in words, and names the first."""
    config = "plugins:\n  one: {plugin: module}\n  two: {plugin: module}\n"

    listed = reports(cobot("plugins", "--json", config=config))

    assert (listed["one"]["state"], listed["two"]["state"]) == ("enabled", "broken")
    assert "'one'" in listed["two"]["reason"]


@pytest.mark.parametrize("words", [["run"], ["plugins"], ["check"], ["--help"]], ids=" ".join)
def test_plugin_that_is_not_enabled_is_not_imported(
    cobot: Run, tmp_path: Path, words: list[str]
) -> None:
    """Installed is not enabled: no line of a plugin's code runs without a section."""
    done = cobot(*words, config=GOOD)

    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "theirs.traces").exists()


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("traces: {}", ["-p", "no:traces"]),
        ("traces: {enabled: false}", []),
        ("traces: {token: '${NOT_SET}'}", ["-p", "no:traces"]),
        ("mine: {plugin: traces}", ["-p", "no:mine"]),
    ],
    ids=[
        "-p no:",
        "enabled: false",
        "with a variable that is not set",
        "by its section's name",
    ],
)
def test_plugin_that_is_turned_off_is_not_imported(
    cobot: Run, tmp_path: Path, section: str, words: list[str]
) -> None:
    """A section that is turned off, in the file or on the command line, is as if not there."""
    done = cobot("run", *words, config=f"{GOOD}  {section}\n")

    assert (done.returncode, done.stdout) == (0, "good sends hello yourself\n"), done.stderr
    assert not (tmp_path / "theirs.traces").exists()


@pytest.mark.parametrize(
    ("config", "words"), [(f"{GOOD}  traces: {{}}\n", []), (GOOD, ["-p", "traces"])]
)
def test_plugin_that_is_enabled_is_imported(
    cobot: Run, tmp_path: Path, config: str, words: list[str]
) -> None:
    """A section, or -p NAME, has a plugin loaded."""
    listed = reports(cobot("plugins", "--json", *words, config=config))

    assert listed["traces"]["state"] == "enabled"
    assert (tmp_path / "theirs.traces").exists()


def test_blocked_plugin_is_listed_as_blocked(cobot: Run) -> None:
    """A plugin that -p no:NAME leaves out is told apart from one that nobody enabled."""
    listed = reports(cobot("plugins", "--json", "-p", "no:agent", config=GOOD))

    assert (listed["agent"]["state"], listed["traces"]["state"]) == ("blocked", "installed")


# What is broken.


@pytest.mark.parametrize("name", REASONS)
def test_broken_plugin_is_listed_with_its_reason_and_the_good_ones_are_enabled(
    cobot: Run, name: str
) -> None:
    """A broken plugin is told in one sentence, and stops no other from loading."""
    listed = reports(cobot("plugins", "--json", config=f"{GOOD}  {name}: {{}}\n"))

    assert (listed[name]["state"], listed[name]["reason"]) == ("broken", REASONS[name])
    assert (listed["good"]["state"], listed["agent"]["state"]) == ("enabled", "enabled")


def test_plugin_with_a_syntax_error_is_told_with_its_place(cobot: Run) -> None:
    """A module that Python cannot read is told with file and line."""
    listed = reports(cobot("plugins", "--json", config=f"{GOOD}  syntax: {{}}\n"))

    assert "cannot be imported: SyntaxError: invalid syntax" in listed["syntax"]["reason"]
    assert "syntax.py, line 1" in listed["syntax"]["reason"]


def told(name: str) -> str:
    """The line that says why a plugin is broken and how to go on."""
    reason = REASONS[name]
    join = " or" if reason.endswith("?") else ";"
    return f"cobot: {reason}{join} go on without it: -p no:{name}"


@pytest.mark.parametrize("name", ["broken-import", "fails-to-build", "misspelt"])
def test_run_with_a_broken_plugin_says_how_to_go_on(cobot: Run, name: str) -> None:
    """A bot does not run without what it was told to run with; the way on is in the error."""
    done = cobot("run", config=f"{GOOD}  {name}: {{}}\n")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{told(name)}\n"


def test_run_without_the_broken_plugin_goes_on(cobot: Run) -> None:
    """With -p no:NAME the others run as if the broken one were not there."""
    done = cobot("run", "-p", "no:broken-import", config=f"{GOOD}  broken-import: {{}}\n")

    assert (done.returncode, done.stdout) == (0, "good sends hello yourself\n"), done.stderr


def test_all_broken_plugins_are_told_at_once(cobot: Run) -> None:
    """Each broken plugin has its line, so that all can be mended at once."""
    names = sorted(REASONS)
    sections = "".join(f"  {name}: {{}}\n" for name in names)

    done = cobot("check", config=GOOD + sections)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [told(name) for name in names]


def test_broken_plugin_and_wrong_settings_are_told_at_once(cobot: Run) -> None:
    """A broken plugin does not wait to be told until the configuration is right."""
    config = f"{GOOD}  misspelt: {{}}\n".replace("greeting", "greting")

    done = cobot("check", config=config)

    assert done.returncode == 78
    assert "greting" in done.stderr
    assert REASONS["misspelt"] in done.stderr


def test_plugin_that_is_not_installed_is_a_fault_of_the_configuration(cobot: Run) -> None:
    """A section without a plugin is told with its line and what may have been meant."""
    done = cobot("run", config=f"{GOOD}  agnt: {{}}\n")

    assert done.returncode == 78
    assert done.stderr.startswith(
        "cobot: cobot.yml:7: plugins.agnt: no plugin called 'agnt' is installed; "
    )
    assert "did you mean 'agent'?" in done.stderr
    assert done.stderr.endswith("o on without it: -p no:agnt\n")


NOT_SET = (
    "greeting: the environment variable NOT_SET is not set;"
    " set it, or give a default: ${NOT_SET:-...}"
)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("greting: hi", "greting: unknown key; did you mean 'greeting'?"),
        ("greeting: 5", "greeting: expected text, got the number 5; put it in quotes"),
        ("greeting:", "greeting: expected text, got nothing"),
        ("greeting: ${NOT_SET}", NOT_SET),
    ],
    ids=["unknown key", "a number", "nothing", "a variable that is not set"],
)
def test_wrong_settings_are_told_with_path_and_line(
    cobot: Run, settings: str, line: str
) -> None:
    """What a section has wrong for its plugin is the configuration's fault: exit 78."""
    config = f"plugins:\n  agent: {{}}\n  good:\n    access: {{direct: open}}\n    {settings}\n"

    done = cobot("run", config=config)

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == f"cobot: cobot.yml:5: plugins.good.{line}\n"


def test_channel_that_says_not_who_may_talk_answers_nobody_unasked(cobot: Run) -> None:
    """Where the configuration lets nobody in, a stranger gets a code, and no answer."""
    done = cobot("run", config="plugins:\n  good: {}\n  agent: {}\n")

    assert done.returncode == 0
    assert "good sends This bot is private." in done.stdout
    assert "to yourself" not in done.stdout


# Two that claim one name.


def test_of_two_that_claim_one_name_neither_is_loaded(cobot: Run, rival: Path) -> None:
    """Nobody can know which one was meant: both distributions are named, none is imported."""
    listed = reports(cobot("plugins", "--json", config=GOOD, also=rival))

    assert listed["good"]["state"] == "broken"
    assert listed["good"]["reason"] == (
        "more than one distribution provides 'good': theirs, theirs-too; uninstall all but one"
    )
    assert listed["agent"]["state"] == "enabled"


def test_run_with_a_claimed_name_exits_and_without_it_goes_on(cobot: Run, rival: Path) -> None:
    """A name that two claim stops only those who want it."""
    done = cobot("run", config=GOOD, also=rival)
    without = cobot("run", "-p", "no:good", also=rival)

    assert done.returncode == 1
    assert "theirs, theirs-too" in done.stderr
    assert "go on without it: -p no:good" in done.stderr
    assert without.returncode == 0, without.stderr


def test_plugin_named_like_a_built_in_one_is_no_replacement(cobot: Run, rival: Path) -> None:
    """A stranger cannot slip in under the name of a plugin that comes with cobot."""
    done = cobot("run", also=rival)

    assert done.returncode == 1
    assert done.stderr == (
        "cobot: more than one distribution provides 'echo': cobot-core, theirs-too;"
        " uninstall all but one; go on without it: -p no:echo\n"
    )


def test_claimed_name_that_nobody_enabled_is_told_in_the_list(cobot: Run, rival: Path) -> None:
    """Also a name that is not in use is told to be claimed twice."""
    done = cobot("plugins", also=rival)

    assert done.returncode == 0
    assert "more than one distribution provides 'good': theirs, theirs-too" in done.stdout


# Commands of plugins.


def test_help_lists_commands_of_plugins_also_broken_ones(cobot: Run) -> None:
    """`cobot --help` imports nothing of a plugin, and so nothing of a plugin breaks it."""
    done = cobot("--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert "greet" in done.stdout
    assert "broken-command" in done.stdout
    assert "From theirs." in done.stdout


def test_command_of_a_plugin_runs(cobot: Run) -> None:
    """A command that a plugin brings is called like one of cobot's own."""
    done = cobot("greet", "ann")

    assert (done.returncode, done.stdout) == (0, "hello ann\n"), done.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("broken-command", "cannot be loaded: RuntimeError: no such library"),
        ("exiting-command", "cannot be loaded: SystemExit: not here"),
        ("no-command", "is no click command"),
    ],
)
def test_broken_command_is_told_in_one_line(cobot: Run, name: str, says: str) -> None:
    """A command that cannot be loaded names itself, its distribution and the reason."""
    done = cobot(name)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"the command {name!r} of theirs {says}" in line


def test_command_named_like_a_built_in_one_does_not_replace_it(cobot: Run) -> None:
    """A plugin cannot take over `cobot run`."""
    done = cobot("run", "--help")

    assert done.stdout.startswith("Usage: cobot run [OPTIONS]\n")


# A plugin that hangs.


@pytest.fixture
def hanging(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A running bot whose one channel never returns from its receiver."""
    config = "stop_timeout: 0.2\nplugins:\n  blocks: {access: {direct: open}}\n"
    (tmp_path / "cobot.yml").write_text(config)
    with subprocess.Popen(
        [COBOT, "run"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_bot_stops_while_a_plugin_hangs(hanging: subprocess.Popen[str]) -> None:
    """A call that never returns keeps no process from ending, and the log names its plugin."""
    assert hanging.stdout is not None
    assert hanging.stdout.readline() == "blocked\n"

    hanging.send_signal(signal.SIGTERM)
    _, log = hanging.communicate(timeout=30)

    assert hanging.returncode == 0
    assert "a call of plugin 'blocks' has not returned" in log
