from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cobot.config import (
    AccessKeys,
    Configuration,
    Id,
    JournalSettings,
    SessionSettings,
    configure,
    find,
    parse_agent,
)
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
    assert configuration.top.access is None
    assert configuration.top.journal == JournalSettings(url="sqlite:", synchronous="FULL")
    assert configuration.top.stop_timeout == 10
    assert configuration.top.log.level == "info"


def test_top_level_is_read() -> None:
    """The core's own keys arrive as settings; a variable may stand for any of them."""
    configuration = configured(
        "stop_timeout: ${T}\nworkspace: data\nlog: {format: json, level: debug}\n"
        "access: {direct: open, allow: [1, '${T}']}\n",
        {"T": "2.5"},
    )

    top = configuration.top
    assert configuration.problems == []
    assert (top.stop_timeout, top.workspace) == (2.5, Path("data"))
    assert (top.log.format, top.log.level) == ("json", "debug")
    assert top.access == AccessKeys(direct="open", allow=(Id("1"), Id("2.5")))


@pytest.mark.parametrize(
    ("written", "journal"),
    [
        ("'sqlite:'", JournalSettings()),
        ("{}", JournalSettings()),
        ("{synchronous: NORMAL}", JournalSettings(synchronous="NORMAL")),
        ("'${URL}'", JournalSettings(url="other://there/x")),
        (
            "{url: 'other:x', dedupe_days: 7, keep_days: 0.5}",
            JournalSettings(url="other:x", dedupe_days=7, keep_days=0.5),
        ),
    ],
)
def test_journal_is_a_url_or_keys(written: str, journal: JournalSettings) -> None:
    """`journal: URL` is short for `journal: {url: URL}`."""
    configuration = configured(f"journal: {written}\n", {"URL": "other://there/x"})

    assert configuration.problems == []
    assert configuration.top.journal == journal


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("other://me:hunter2@there/x", ["hunter2"]),
        ("other://me:a@b:c@there/x", ["a@b:c"]),
        ("other://me@there/x", []),
        ("other://there/a:b@c", []),
        ("sqlite:", []),
    ],
)
def test_password_of_the_journal_is_a_secret(url: str, secrets: list[str]) -> None:
    """What stands between name and host in a URL is kept out of the log."""
    configuration = configured(f"journal: '{url}'\n")

    assert [one.reveal() for one in configuration.document.secrets] == secrets


def test_session_section_is_read() -> None:
    """What the session does when things go wrong is configured in one place."""
    configuration = configured(
        "plugins:\n  session: {typing_after: 0, agent_timeout: 5, agent_tries: 1,"
        " call_timeout: 2.5, send_tries: 2, send_age: 0, failure_text: ''}\n"
    )

    assert configuration.problems == []
    assert configuration.session == SessionSettings(
        typing_after=0,
        agent_timeout=5,
        agent_tries=1,
        call_timeout=2.5,
        send_tries=2,
        send_age=0,
        failure_text="",
    )


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
        ("#\njournal: 5\n", "2: journal: expected keys with values, got the number 5"),
        ("#\njournal:\n", "2: journal: expected keys with values, got nothing"),
        ("#\njournal: here\n", "2: journal.url: expected a URL such as 'sqlite:'"),
        ("#\njournal: '${X}'\n", "2: journal.url: the environment variable X is not set"),
        ("#\njournal: {urle: x}\n", "2: journal.urle: unknown key; did you mean 'url'?"),
        (
            "#\njournal: {synchronous: OFF}\n",
            "2: journal.synchronous: expected FULL or NORMAL, got the text 'OFF'",
        ),
        ("#\njournal: {dedupe_days: 0}\n", "2: journal.dedupe_days: expected 1 to 36500"),
        ("#\njournal: {keep_days: 0}\n", "2: journal.keep_days: expected more than 0, got 0"),
        ("#\njournal: {keep_days: }\n", "2: journal.keep_days: expected a value, got nothing"),
        ("#\nplugins:\n", "2: plugins: expected a section for each plugin, got nothing"),
        ("#\nplugins: [x]\n", "2: plugins: expected a section for each plugin, got a list"),
        ("#\nplugins: x\n", "2: plugins: expected a section for each plugin, got the text"),
        (
            "#\naccess: open\n",
            "2: access: expected keys with values, got the text 'open'; write {direct: open}",
        ),
        ("#\naccess:\n", "2: access: expected a value, got nothing; remove the key"),
        (
            "#\naccess: {direct: everybody}\n",
            "2: access.direct: expected pairing or allow or open or closed, got the text",
        ),
        (
            "#\naccess: {direct: [open]}\n",
            "2: access.direct: expected pairing or allow or open or closed, got a list",
        ),
        ("#\naccess: {drect: open}\n", "2: access.drect: unknown key; did you mean 'direct'?"),
        ("#\naccess: {allow: 17}\n", "2: access.allow: expected a list, got the number 17"),
        ("#\naccess: {allow: [1, true]}\n", "2: access.allow[1]: expected an id (text or a"),
        (
            "#\naccess: {groups: allow}\n",
            "2: access.groups: expected listed or open or closed, got the text 'allow'",
        ),
        ("#\naccess: {mention: off}\n", "2: access.mention: expected true or false, got the"),
        ("#\naccess: {bots: 1}\n", "2: access.bots: expected true or false, got the number"),
        (
            "#\naccess: {flood: on}\n",
            "2: access.flood: expected off, or {messages, seconds}, got the text 'on'",
        ),
        ("#\naccess: {flood: }\n", "2: access.flood: expected a value, got nothing; remove"),
        ("#\naccess: {flood: {messages: 5}}\n", "2: access.flood.seconds: is missing"),
        (
            "#\naccess: {flood: {messages: 0, seconds: 60}}\n",
            "2: access.flood.messages: expected 1 or more, got 0",
        ),
        (
            "#\naccess: {flood: {messages: 5, seconds: 0}}\n",
            "2: access.flood.seconds: expected more than 0, got 0",
        ),
        ("#\naccess: {policy: 5}\n", "2: access.policy: expected text, got the number 5"),
        ("#\nplugins: {session: 5}\n", "2: plugins.session: expected keys with values"),
        (
            "#\nplugins:\n  session: {call_timeout: 0}\n",
            "3: plugins.session.call_timeout: expected more than 0, got 0",
        ),
        (
            "#\nplugins:\n  session: {call_timeout: 99999999}\n",
            "3: plugins.session.call_timeout: expected at most 31536000, got 1e+08",
        ),
        (
            "#\nplugins:\n  session: {agent_tries: 0}\n",
            "3: plugins.session.agent_tries: expected 1 to 1000, got 0",
        ),
        (
            "#\nplugins:\n  session: {send_tries: 1.5}\n",
            "3: plugins.session.send_tries: expected a whole number, got the number 1.5",
        ),
        (
            "#\nplugins:\n  session: {failure_text: }\n",
            "3: plugins.session.failure_text: expected text, got nothing",
        ),
        (
            "#\nplugins:\n  session: {failure_text: ' '}\n",
            "3: plugins.session.failure_text: expected text, or '' for no message at all",
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
        (
            "#\nplugins:\n  x: {access: open}\n",
            "3: plugins.x.access: expected keys with values, got the text 'open'; write {dir",
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
        ("#\nagent: command:'cat\n", "2: agent: cannot be split into words: No closing"),
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
        "plguins: {}\nidentities: x\nstop_timeout: soon\nlog: {level: loud}\n"
        "plugins:\n  session: {default_channel: no}\n  x: {enabled: 5, access: open}\n"
        "  y: {access: open}\nagent: {}\n"
    )

    assert sorted({one.split(": ")[1] for one in said}) == [
        "agent",
        "identities",
        "log.level",
        "plguins",
        "plugins.session.default_channel",
        "plugins.x.access",
        "plugins.x.enabled",
        "plugins.y.access",
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
        ("{enabled: false, a: '${', access: open}", {}),
        ("{a: '${NO}'}", {"block": ["x"]}),
        ("{enabled: '${NO}'}", {"block": ["x"]}),
        ("text", {"block": ["x"]}),
        ("{access: open}", {"block": ["x"]}),
    ],
)
def test_section_that_is_switched_off_is_not_looked_into(
    section: str, options: dict[str, Any]
) -> None:
    """What is off needs no variables and has no faults."""
    assert problems_of(f"plugins:\n  x: {section}\n", **options) == []


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_section_switched_on_by_option_is_checked_like_any_other(enabled: str) -> None:
    """-p NAME turns a section on, and then its faults are said."""
    (said,) = problems_of(
        f"plugins:\n  x: {{enabled: {enabled}, access: open}}\n", enable=["x"]
    )

    assert said.startswith("cobot.yml:2: plugins.x.access: expected keys with values")


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
        ("agent: command:cat -u\n", None, "command", ["cat", "-u"]),
        ("agent: {command: [cat, -u]}\n", None, "command", ["cat", "-u"]),
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
