from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cobot.config import Configuration, configure, find, parse_agent
from cobot.config.document import Document

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


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(
    text: str, environ: Mapping[str, str] | None = None, **options: Any
) -> Configuration:
    """Return what the core makes of a file."""
    path = Path("cobot.yml")
    path.write_text(text)
    return configure(Document.read(path, "cobot.yml", environ or {}), **options)


def problems_of(
    text: str, environ: Mapping[str, str] | None = None, **options: Any
) -> list[str]:
    """Return what is wrong with a file, each problem as it is printed."""
    return [str(one) for one in configured(text, environ, **options).problems]


# The file as a whole


@pytest.mark.parametrize("block", [(), ("telegram", "discord")])
def test_seeds_file_is_accepted_as_it_stands(block: tuple[str, ...]) -> None:
    """The file that people have already is right, and its variables are left for later."""
    configuration = configured(SEED, block=block)

    sections = configuration.sections
    assert configuration.problems == []
    assert configuration.session.default_channel == "telegram"
    assert list(sections) == ["telegram", "discord"]
    assert [one.enabled for one in sections.values()] == [not block, not block]
    assert sections["telegram"].value["groups"] == [
        {"id": -1001234567890, "name": "Main Group"}
    ]
    assert sections["telegram"].value["bot_token"] == "${TELEGRAM_BOT_TOKEN}"


def test_example_file_is_accepted() -> None:
    """The example that people start from has no fault."""
    example = Path(__file__).parents[2] / "cobot.example.yml"

    assert problems_of(example.read_text()) == []


def test_no_file_has_defaults_and_no_problems() -> None:
    """Without a configuration everything has a default."""
    configuration = configure(Document(""))

    assert configuration.problems == []
    assert configuration.sections == {}
    assert configuration.agent is None
    assert configuration.top.stop_timeout == 10
    assert configuration.top.log.level == "info"


def test_top_level_is_read() -> None:
    """The core's own keys arrive as settings; a variable may stand for any of them."""
    configuration = configured(
        "stop_timeout: ${T}\nworkspace: data\nlog: {format: json, level: debug}\n"
        "access: {direct: open}\n",
        {"T": "2.5"},
    )

    top = configuration.top
    assert configuration.problems == []
    assert (top.stop_timeout, top.workspace) == (2.5, Path("data"))
    assert (top.log.format, top.log.level) == ("json", "debug")
    assert top.access is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#\nplguins: {}\n", "2: plguins: unknown key; did you mean 'plugins'?"),
        ("#\nagnet: x\n", "2: agnet: unknown key; did you mean 'agent'?"),
        ("#\nlog: {formt: x}\n", "2: log.formt: unknown key; did you mean 'format'?"),
        ("#\nlog:\n", "2: log: expected keys with values, got nothing"),
        ("#\nlog: json\n", "2: log: expected keys with values, got the text 'json'"),
        ("#\nlog:\n  level: loud\n", "3: log.level: expected debug or info or warning or"),
        ("#\nworkspace: 5\n", "2: workspace: expected text, got the number 5"),
        ("#\nworkspace: ''\n", "2: workspace: expected a path, got empty text"),
        ("#\nstop_timeout: soon\n", "2: stop_timeout: expected a number, got the text"),
        ("#\nstop_timeout:\n", "2: stop_timeout: expected a number, got nothing"),
        ("#\nstop_timeout: -1\n", "2: stop_timeout: "),
        ("#\nidentities: {}\n", "2: identities: is not built yet in this version"),
        ("#\njournal: 'sqlite:'\n", "2: journal: is not built yet in this version"),
        ("#\nplugins:\n", "2: plugins: expected a section for each plugin, got nothing"),
        ("#\nplugins: [x]\n", "2: plugins: expected a section for each plugin, got a list"),
        ("#\nplugins: x\n", "2: plugins: expected a section for each plugin, got the text"),
        ("#\naccess: open\n", "2: access: expected keys with values, got the text 'open'"),
        ("#\naccess: {}\n", "2: access.direct: is missing"),
        (
            "#\naccess: {direct: everybody}\n",
            "2: access.direct: expected open, got the text",
        ),
        ("#\naccess: {direct: [open]}\n", "2: access.direct: expected open, got a list"),
        ("#\naccess: {direct: pairing}\n", "2: access.direct: 'pairing' is not built yet"),
        ("#\naccess: {direct: allow}\n", "2: access.direct: 'allow' is not built yet"),
        ("#\naccess: {direct: closed}\n", "2: access.direct: 'closed' is not built yet"),
        ("#\naccess: {allow: [1]}\n", "2: access.allow: is not built yet"),
        ("#\naccess: {direct: open, groups: open}\n", "2: access.groups: is not built yet"),
        ("#\nplugins: {session: 5}\n", "2: plugins.session: expected keys with values"),
        (
            "#\nplugins:\n  session: {call_timeout: 5}\n",
            "3: plugins.session.call_timeout: is not built yet",
        ),
        (
            "#\nplugins:\n  session:\n    defalt_channel: x\n",
            "4: plugins.session.defalt_channel: unknown key; did you mean 'default_channel'?",
        ),
        (
            "#\nplugins:\n  session: {default_channel: 5}\n",
            "3: plugins.session.default_channel: expected text, got the number 5",
        ),
        (
            "#\nplugins:\n  session: {default_channel: telegrm}\n  telegram: {}\n",
            "3: plugins.session.default_channel: no section below 'plugins' is called",
        ),
        (
            "#\nplugins:\n  session: {default_channel: session}\n",
            "3: plugins.session.default_channel: no section below 'plugins' is called",
        ),
        ("#\nplugins:\n  x: {scope: chat}\n", "3: plugins.x.scope: is not built yet"),
        ("#\nplugins:\n  x: {rate: off}\n", "3: plugins.x.rate: is not built yet"),
        (
            "#\nplugins:\n  x: {access: {direct: pairing}}\n",
            "3: plugins.x.access.direct: 'pairing' is not built yet",
        ),
        ("#\nplugins:\n  x: {plugin: 5}\n", "3: plugins.x.plugin: expected text, got the"),
        (
            "#\nplugins:\n  x: {enabled: yes}\n",
            "3: plugins.x.enabled: expected true or false",
        ),
        ("#\nplugins:\n  x: {enabled: 1}\n", "3: plugins.x.enabled: expected true or false"),
        ("#\nplugins:\n  x: {enabled: }\n", "3: plugins.x.enabled: expected true or false"),
        (
            "#\nplugins:\n  x: {enabled: 'false'}\n",
            "3: plugins.x.enabled: expected true or false, got the text 'false'",
        ),
        ("#\nplugins:\n  x: {enabled: '${X}'}\n", "3: plugins.x.enabled: the environment"),
        ("#\nstop_timeout: ${X}\n", "2: stop_timeout: the environment variable X is not"),
        ("#\nlog: {level: '${X}'}\n", "2: log.level: the environment variable X is not"),
        ("#\nagent:\n", "2: agent: expected NAME or {NAME: settings}, got nothing"),
        ("#\nagent: ''\n", "2: agent: expected NAME or {NAME: settings}, got the text ''"),
        ("#\nagent: {}\n", "2: agent: expected NAME or {NAME: settings}, got 0 names"),
        ("#\nagent: {b: 1, c: 2}\n", "2: agent: expected NAME or {NAME: settings}, got 2"),
        ("#\nagent: [x]\n", "2: agent: expected NAME or {NAME: settings}, got a list"),
        ("#\nagent: 5\n", "2: agent: expected NAME or {NAME: settings}, got the number 5"),
        (
            "#\nplugins: {x: {k: 1}}\nagent: {x: {k: 2}}\n",
            "3: agent.x: has settings here and in plugins.x; keep one of the two",
        ),
    ],
)
def test_each_fault_is_one_problem_with_path_and_line(text: str, problem: str) -> None:
    """Every fault of a file is said once, where it stands, with what would be right."""
    (said,) = problems_of(text)

    assert said.startswith(f"cobot.yml:{problem}")


def test_all_faults_of_a_file_are_reported_together() -> None:
    """One run of the check is enough to mend the whole file."""
    said = problems_of(
        "plguins: {}\njournal: x\nstop_timeout: soon\nlog: {level: loud}\n"
        "plugins:\n  session: {default_channel: no}\n  x: {enabled: 5, scope: chat}\n"
        "  y: {scope: chat}\nagent: {}\n"
    )

    assert sorted({one.split(": ")[1] for one in said}) == [
        "agent",
        "journal",
        "log.level",
        "plguins",
        "plugins.session.default_channel",
        "plugins.x.enabled",
        "plugins.x.scope",
        "plugins.y.scope",
        "stop_timeout",
    ]


# Sections


@pytest.mark.parametrize(
    ("section", "options", "enabled"),
    [
        ("{}", {}, True),
        ("", {}, True),
        ("{enabled: true}", {}, True),
        ("{enabled: false}", {}, False),
        ("{enabled: '${ON}'}", {}, True),
        ("{enabled: '${OFF}'}", {}, False),
        ("{enabled: '${UNSET:-false}'}", {}, False),
        ("{}", {"block": ["x"]}, False),
        ("{enabled: false}", {"enable": ["x"]}, True),
        ("{}", {"enable": ["x"], "block": ["x"]}, False),
    ],
)
def test_section_is_enabled_unless_it_says_no(
    section: str, options: dict[str, Any], enabled: bool
) -> None:
    """A section enables its plugin; `enabled: false` and -p no: turn it off, -p NAME on."""
    configuration = configured(
        f"plugins:\n  x: {section}\n", {"ON": "true", "OFF": "false"}, **options
    )

    assert configuration.problems == []
    assert configuration.sections["x"].enabled is enabled


@pytest.mark.parametrize(
    ("section", "options"),
    [
        ("{enabled: false, a: '${NO}', b: ['${NO}']}", {}),
        ("{enabled: false, a: '${', scope: chat}", {}),
        ("{a: '${NO}'}", {"block": ["x"]}),
        ("{enabled: '${NO}'}", {"block": ["x"]}),
        ("text", {"block": ["x"]}),
        ("{scope: chat, access: {direct: pairing}}", {"block": ["x"]}),
    ],
)
def test_section_that_is_switched_off_is_not_looked_into(
    section: str, options: dict[str, Any]
) -> None:
    """What is off needs no variables and has no faults."""
    assert problems_of(f"plugins:\n  x: {section}\n", **options) == []


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_section_switched_on_by_option_is_checked_like_any_other(enabled: str) -> None:
    """-p NAME turns a section on, and then its keys that are not built yet are said."""
    (said,) = problems_of(f"plugins:\n  x: {{enabled: {enabled}, scope: chat}}\n", enable=["x"])

    assert said == "cobot.yml:2: plugins.x.scope: is not built yet in this version; remove it"


@pytest.mark.parametrize(
    ("section", "plugin"), [("{plugin: telegram}", "telegram"), ("{}", "support-bot")]
)
def test_section_names_its_plugin(section: str, plugin: str) -> None:
    """Two sections may share one plugin; a section's own name is the default."""
    configuration = configured(f"plugins:\n  support-bot: {section}\n")

    assert configuration.sections["support-bot"].plugin == plugin
    assert configuration.sections["support-bot"].value == {}


def test_variable_may_stand_for_a_plugins_name() -> None:
    """Variables are replaced in every value of the file, `plugin:` too."""
    configuration = configured("plugins:\n  x: {plugin: '${P}'}\n", {"P": "telegram"})

    assert configuration.sections["x"].plugin == "telegram"


def test_option_enables_what_has_no_section() -> None:
    """-p NAME is as good as an empty section."""
    configuration = configured("agent: echo\n", enable=["console"])

    assert configuration.problems == []
    assert configuration.sections["console"].plugin == "console"


# The agent


@pytest.mark.parametrize(
    ("text", "option", "name", "value"),
    [
        ("agent: echo\n", None, "echo", None),
        ("agent: {function: 'bot:reply'}\n", None, "function", "bot:reply"),
        ("agent: {x: {k: 1}}\n", None, "x", {"k": 1}),
        ("agent: {x: }\n", None, "x", None),
        ("agent: x\nplugins: {x: {k: 1}}\n", None, "x", {"k": 1}),
        ("agent: echo\n", "other", "other", None),
        ("agent: echo\n", {"function": "bot:reply"}, "function", "bot:reply"),
        ("agent: '${AGENT}'\n", None, "echo", None),
        ("agent: '${UNSET:-echo}'\n", None, "echo", None),
    ],
)
def test_agent_is_a_name_or_a_name_with_settings(
    text: str, option: Any, name: str, value: object
) -> None:
    """Who answers is said in the file or, going before it, on the command line."""
    configuration = configured(text, {"AGENT": "echo"}, agent=option)

    assert configuration.problems == []
    assert configuration.agent is not None
    assert (configuration.agent.name, configuration.agent.value) == (name, value)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("echo", "echo"),
        ("function:bot:reply", {"function": "bot:reply"}),
        ("function:", {"function": ""}),
        ("command:python 'a b.py'", {"command": ["python", "a b.py"]}),
    ],
)
def test_agent_option_is_parsed(text: str, parsed: object) -> None:
    """`--agent` takes NAME, function:MODULE:NAME or command:WORDS."""
    assert parse_agent(text) == parsed


def test_empty_agent_option_is_a_problem_of_the_option() -> None:
    """An empty --agent is never passed over, and the file is not blamed for it."""
    (said,) = problems_of("agent: echo\n", agent="")

    assert said == "--agent: expected NAME or {NAME: settings}, got the text ''"


# Finding the file


@pytest.mark.parametrize(
    ("option", "environ", "present", "found"),
    [
        ("a.yml", {"COBOT_CONFIG": "b.yml"}, True, Path("a.yml")),
        (None, {"COBOT_CONFIG": "b.yml"}, True, Path("b.yml")),
        (None, {"COBOT_CONFIG": ""}, True, Path("cobot.yml")),
        (None, {}, True, Path("cobot.yml")),
        (None, {}, False, None),
    ],
)
def test_file_is_found_by_option_then_variable_then_folder(
    folder: Path,
    option: str | None,
    environ: dict[str, str],
    present: bool,
    found: Path | None,
) -> None:
    """What was named is taken, there or not; cobot.yml only if it is there."""
    if present:
        (folder / "cobot.yml").touch()

    assert find(option, environ, folder) == found


def test_dangling_link_in_the_files_place_is_found(folder: Path) -> None:
    """A link to nowhere is a mistake to report, not a missing file."""
    (folder / "cobot.yml").symlink_to("nowhere")

    assert find(None, {}, folder) == Path("cobot.yml")
