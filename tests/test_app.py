from __future__ import annotations

import logging
from importlib.metadata import EntryPoint
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fakes import ManualClock

from cobot import ConfigError, PluginError
from cobot.app import App, assemble
from cobot.config import configure
from cobot.config.document import Document
from cobot.plugins import Candidate, discover
from cobot.session import ANYTHING
from cobot.workspace import Workspace

PLUGINS = '''
from cobot import hookimpl


class Pigeon:
    """A channel."""

    def __init__(self, settings, context):
        self.settings, self.context = settings, context

    @hookimpl
    async def session_receive(self):
        return []


class Loft(Pigeon):
    """A channel that also answers."""

    @hookimpl
    async def agent_reply(self):
        return None


class Broken:
    """A plugin that cannot be built."""

    def __init__(self, settings, context):
        raise OSError("no such device")

    @hookimpl
    async def session_receive(self):
        return []
'''

OPEN = {"access": {"direct": "open"}}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Candidate]:
    """Return the installed plugins, and three of a distribution that is not ours."""
    (tmp_path / "pigeon_post.py").write_text(PLUGINS)
    monkeypatch.syspath_prepend(tmp_path)
    candidates = discover()
    for name in ("pigeon", "loft", "broken"):
        entry_point = EntryPoint(name, f"pigeon_post:{name.title()}", "cobot")
        candidates[name] = Candidate(name, (entry_point,))
    return candidates


def app_of(
    value: dict[str, Any] | None = None,
    candidates: dict[str, Candidate] | None = None,
    *,
    enable: tuple[str, ...] = (),
    block: tuple[str, ...] = (),
    agent: str | None = None,
    workspace: Workspace | None = None,
) -> App:
    """Return what is made of a configuration."""
    document = Document("", value=value or {})
    return assemble(
        configure(document, enable=enable, block=block, agent=agent),
        discover() if candidates is None else candidates,
        block=block,
        workspace=workspace or Workspace(None),
        clock=ManualClock(),
        random=Random(1),
    )


def channels(app: App) -> list[str]:
    """Return the names of the channels that are loaded."""
    return [plugin.name for plugin in app.plugins.channels]


def states(app: App) -> dict[str, str]:
    """Return what became of each plugin."""
    return {report.name: report.state for report in app.reports}


def problems(app: App) -> str:
    """Return what is wrong with the configuration, a line each."""
    with pytest.raises(ConfigError) as raised:
        app.check()
    return str(raised.value)


# What is not installed.


@pytest.mark.parametrize("name", ["telegram", "discord", "slack", "nostr"])
def test_a_channel_of_ours_that_is_missing_is_told_how_to_install(name: str) -> None:
    """Whoever copies a configuration has perhaps not installed all of its channels."""
    candidates = discover()
    candidates.pop(name, None)

    assert problems(app_of({"plugins": {name: {}}}, candidates)).endswith(
        f"no plugin called {name!r} is installed; pip install cobot-{name},"
        f" or go on without it: -p no:{name}"
    )


# The agent.


def test_without_a_configuration_echo_answers_on_the_console() -> None:
    """The shortest way to a bot that runs is no configuration at all."""
    app = app_of()
    app.check()

    assert (app.agent, app.agent_is_default) == ("echo", True)
    assert channels(app) == ["console"]
    core = {one.name for one in app.reports if one.distribution == "cobot-core"}
    assert {name: state for name, state in states(app).items() if name in core} == {
        "command": "installed",
        "console": "enabled",
        "dry-run": "installed",
        "echo": "enabled",
        "function": "installed",
        "sqlite": "enabled",
        "workspace": "enabled",
    }


def test_an_agent_that_is_asked_for_is_no_default() -> None:
    """Who asks for echo by name is not told that nobody asked."""
    app = app_of({"agent": "echo"})
    app.check()

    assert (app.agent, app.agent_is_default) == ("echo", False)


def test_the_one_plugin_that_answers_is_the_agent() -> None:
    """With one agent enabled there is nothing to choose."""
    app = app_of({"plugins": {"clever": {"plugin": "function", "target": "operator:add"}}})
    app.check()

    assert (app.agent, app.agent_is_default) == ("clever", False)
    assert states(app)["echo"] == "installed"


def test_an_agent_with_settings_is_loaded() -> None:
    """`agent: {NAME: settings}` enables the plugin too."""
    app = app_of({"agent": {"function": "operator:add"}})
    app.check()

    assert (app.agent, states(app)["function"]) == ("function", "enabled")


def test_two_agents_are_an_error_that_names_both() -> None:
    """Which of two is to answer is for the owner to say."""
    section = {"plugin": "function", "target": "operator:add"}
    app = app_of({"plugins": {"echo": {}, "clever": section}})

    assert (
        "agent: 'echo' and 'clever' can both answer; choose one with 'agent: NAME'"
        in problems(app)
    )


def test_one_of_two_agents_can_be_chosen() -> None:
    """The choice settles it, and the other plugin stays loaded."""
    section = {"plugin": "function", "target": "operator:add"}
    app = app_of({"agent": "clever", "plugins": {"echo": {}, "clever": section}})
    app.check()

    assert app.agent == "clever"
    assert states(app)["echo"] == "enabled"


@pytest.mark.parametrize("name", ["dry-run", "console"])
def test_an_agent_that_cannot_answer_is_an_error(name: str) -> None:
    """A plugin without `agent_reply` is no agent."""
    app = app_of({"agent": name})

    assert f"agent: plugin '{name}' is no agent: it has no agent_reply" in problems(app)


def test_an_agent_that_is_blocked_is_an_error() -> None:
    """What is asked for and blocked at once is a contradiction, and both are named."""
    app = app_of({"agent": "echo"}, block=("echo",))

    assert "agent: 'echo' is blocked by -p no:echo" in problems(app)
    assert app.agent is None


def test_blocking_echo_without_another_agent_is_an_error() -> None:
    """Somebody must answer."""
    app = app_of(block=("echo",))

    assert "nobody is left to answer; name an agent with --agent" in problems(app)
    assert states(app)["echo"] == "blocked"


def test_an_unknown_agent_names_the_nearest_one() -> None:
    """A misspelt agent fails and the error says what may have been meant."""
    assert "no plugin called 'ecko' is installed; did you mean 'echo'" in problems(
        app_of(agent="ecko")
    )


def test_the_command_line_chooses_the_agent() -> None:
    """`--agent` stands in for the file's `agent:`."""
    app = app_of({"agent": "nobody"}, agent="echo")
    app.check()

    assert app.agent == "echo"


# The console.


def test_the_console_stays_away_when_there_is_another_channel(
    installed: dict[str, Candidate],
) -> None:
    """A bot that runs on a network needs no terminal."""
    app = app_of({"plugins": {"pigeon": OPEN}}, installed)
    app.check()

    assert channels(app) == ["pigeon"]


@pytest.mark.parametrize("section", [{}, {"prompt": "? "}, None])
def test_the_console_runs_beside_others_when_it_is_enabled(
    installed: dict[str, Candidate], section: Any
) -> None:
    """With a section of its own the console is a channel like any."""
    app = app_of({"plugins": {"pigeon": OPEN, "console": section}}, installed)
    app.check()

    assert channels(app) == ["pigeon", "console"]


def test_the_console_runs_beside_others_with_an_option(installed: dict[str, Candidate]) -> None:
    """`-p console` enables it for one run."""
    app = app_of({"plugins": {"pigeon": OPEN}}, installed, enable=("console",))
    app.check()

    assert channels(app) == ["pigeon", "console"]


def test_the_console_stands_in_for_channels_that_are_switched_off(
    installed: dict[str, Candidate],
) -> None:
    """A configuration whose channels are all off can be tried on the terminal."""
    app = app_of({"plugins": {"pigeon": {"enabled": False, **OPEN}}}, installed)
    app.check()

    assert channels(app) == ["console"]
    assert states(app)["pigeon"] == "installed"


def test_no_console_stands_in_for_a_channel_that_is_broken(
    installed: dict[str, Candidate],
) -> None:
    """Where the channel could not be loaded, the error is all there is to say."""
    app = app_of({"plugins": {"broken": {}}}, installed)

    with pytest.raises(PluginError, match=r"no such device.*go on without it: -p no:broken"):
        app.check()
    assert channels(app) == []


def test_blocking_the_last_channel_is_an_error() -> None:
    """A bot needs a channel."""
    assert "no channel is left" in problems(app_of(block=("console",)))


def test_a_console_that_is_switched_off_stays_off() -> None:
    """`enabled: false` holds for the console too; then no channel is left."""
    app = app_of({"plugins": {"console": {"enabled": False}}})

    assert channels(app) == []
    assert "no channel is left" in problems(app)


# Who may talk.


def test_a_channel_that_says_nothing_is_for_those_who_are_let_in(
    installed: dict[str, Candidate],
) -> None:
    """A bot is open to everybody only where its owner has written so."""
    app = app_of({"plugins": {"pigeon": {}}}, installed)
    app.check()

    assert (app.access("pigeon").direct, app.access("pigeon").groups) == ("pairing", "listed")


@pytest.mark.parametrize(
    "value",
    [
        {"plugins": {"pigeon": OPEN}},
        {"plugins": {"pigeon": {}}, **OPEN},
        {"plugins": {"second": {"plugin": "pigeon", **OPEN}}},
    ],
)
def test_access_may_stand_in_the_section_or_at_the_top(
    installed: dict[str, Candidate], value: dict[str, Any]
) -> None:
    """One line opens one channel, or all of them."""
    app = app_of(value, installed)
    app.check()

    assert [app.access(name).direct for name in channels(app)] == ["open"]


def test_each_channel_has_the_access_of_its_own_section(
    installed: dict[str, Candidate],
) -> None:
    """Who may talk on one channel opens no other."""
    sections = {"pigeon": {}, "second": {**OPEN, "plugin": "pigeon"}}
    app = app_of({"plugins": sections}, installed)
    app.check()

    assert [app.access(name).direct for name in channels(app)] == ["pairing", "open"]


def test_the_console_is_always_open() -> None:
    """Whoever sits at the terminal owns it, whatever its section is called."""
    app = app_of({"plugins": {"desk": {"plugin": "console"}}})
    app.check()

    assert channels(app) == ["desk"]
    assert app.access("desk") == ANYTHING


def test_a_channel_called_console_is_not_open_for_its_name(
    installed: dict[str, Candidate],
) -> None:
    """What a section is called opens nothing."""
    app = app_of({"plugins": {"console": {"plugin": "pigeon"}}}, installed)

    assert app.access("console").direct == "pairing"


def test_a_channel_enabled_as_the_agent_is_not_open_either(
    installed: dict[str, Candidate],
) -> None:
    """The rule holds for every channel that runs, however it was enabled."""
    app = app_of({"agent": "loft"}, installed)

    assert app.access("loft").direct == "pairing"


def test_a_channel_enabled_as_the_agent_is_a_channel(installed: dict[str, Candidate]) -> None:
    """Beside it the console does not run by itself."""
    app = app_of({"agent": "loft", **OPEN}, installed)
    app.check()

    assert channels(app) == ["loft"]


# Checking.


def test_all_problems_are_reported_together() -> None:
    """One look at the errors is enough to mend the whole file."""
    said = problems(app_of({"agent": "nobody", "plugins": {"telegraf": {}}, "jurnal": "x"}))

    assert [word for word in ("nobody", "telegraf", "jurnal") if word not in said] == []


def test_a_plugin_that_is_blocked_is_not_loaded(installed: dict[str, Candidate]) -> None:
    """`-p no:NAME` is the way past a plugin that is broken."""
    app = app_of({"plugins": {"broken": {}}}, installed, block=("broken",))
    app.check()

    assert states(app)["broken"] == "blocked"
    assert channels(app) == ["console"]


def test_reports_are_sorted_and_name_the_distribution() -> None:
    """What is installed, enabled or blocked is listed by name, with where it comes from."""
    app = app_of()

    names = [one.name for one in app.reports]
    assert names == sorted(names)
    assert {"console", "echo", "function"} < {*names}
    by_name = {one.name: one for one in app.reports}
    assert (by_name["echo"].distribution, by_name["echo"].hooks) == (
        "cobot-core",
        ["agent_reply"],
    )


# What plugins are given.


def test_a_plugin_is_given_its_world(installed: dict[str, Candidate], tmp_path: Path) -> None:
    """Each section has a context of its own, over the clock and the chance of the app."""
    workspace = Workspace(tmp_path / "files")
    sections = {"pigeon": OPEN, "second": {"plugin": "pigeon", **OPEN}}
    app = app_of({"plugins": sections}, installed, workspace=workspace)

    one, two = (app.plugins[name].instance.context for name in ("pigeon", "second"))

    assert (one.name, two.name) == ("pigeon", "second")
    assert one.log is logging.getLogger("cobot.pigeon")
    assert (one.clock, one.random) == (app.clock, app.random)
    assert one.workspace("media") == tmp_path / "files" / "media"
    assert app.plugins["pigeon"].context is one


def test_a_plugin_cannot_send_before_the_session_runs(installed: dict[str, Candidate]) -> None:
    """A plugin that asks too early is told so, by name."""
    context = (
        app_of({"plugins": {"pigeon": OPEN}}, installed).plugins["pigeon"].instance.context
    )

    with pytest.raises(PluginError, match="'pigeon' asked for the session before it runs"):
        _ = context.session


async def test_a_plugin_can_call_what_blocks(installed: dict[str, Candidate]) -> None:
    """The context lends the plugin's own threads."""
    app = app_of({"plugins": {"pigeon": OPEN}}, installed)
    plugin = app.plugins["pigeon"]

    assert await plugin.instance.context.in_thread(max, 1, 2) == 2
    assert await plugin.working.close(5)


# The session of an app.


async def test_an_app_runs(installed: dict[str, Candidate]) -> None:
    """A checked app gives a session that can be run and stopped."""
    app = app_of({"plugins": {"pigeon": OPEN}}, installed)
    app.check()
    session = app.session()
    session.stop()

    outcome = await session.run()

    assert outcome.stopped
    assert not outcome.left
