from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cobot import Secret
from cobot.cli.logs import set_up_logging
from cobot.config.redaction import Redactor

COBOT = str(Path(sys.executable).with_name("cobot"))
GUARD_S = 60.0  # a process that takes longer hangs, and is killed

log = logging.getLogger("cobot.tested")

SecretsIn = Callable[..., None]

FORMATS = pytest.mark.parametrize("format_", ["text", "json"])
AWKWARD = pytest.mark.parametrize(
    "secret",
    [
        "s3cr3t-t0ken",
        'with"quotes',
        "with'apostrophe",
        "with\\backslash",
        "with\nnewline",
        "with\ttab",
        "grüße-😀-secret",
        "percent%s{}",
        "/slash+plus=",
        "a\\\"b'c\nd",
    ],
)


@pytest.fixture
def logged() -> Iterator[SecretsIn]:
    """Set up the log as the command line does; all is as it was when the test is over."""
    root, ours = logging.getLogger(), logging.getLogger("cobot")
    before = (root.handlers[:], root.level, ours.level)

    def logged(format_: str, *secrets: str, level: str = "debug") -> None:
        set_up_logging(level, format_, Redactor([Secret(one) for one in secrets]))

    yield logged
    logging.captureWarnings(capture=False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def shown(printed: str) -> list[str]:
    """Return all forms in which a text may be read by a person or a program."""
    forms = [printed]
    for line in printed.splitlines():
        if line.startswith("{"):
            forms += map(str, json.loads(line).values())
    return forms


def traces(secret: str) -> set[str]:
    """Return the forms that a secret has by itself, in `repr` and in JSON."""
    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


def assert_hidden(printed: str, secret: str) -> None:
    """Make sure that no form of a secret stands in a log."""
    assert "***" in printed
    for form in shown(printed):
        for trace in traces(secret):
            assert trace not in form


@AWKWARD
@FORMATS
def test_a_secret_in_a_message_is_hidden(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str], format_: str, secret: str
) -> None:
    """A secret is three stars, wherever in the text it stands, whatever it is made of."""
    logged(format_, secret)

    log.info("the token " + secret + " is refused")

    assert_hidden(capsys.readouterr().err, secret)


@AWKWARD
@FORMATS
def test_a_secret_in_an_argument_is_hidden(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str], format_: str, secret: str
) -> None:
    """Arguments are put into the text first, and then the text is searched."""
    logged(format_, secret)

    log.info("the token %s is refused by %s", secret, "them")

    assert_hidden(capsys.readouterr().err, secret)


@AWKWARD
@FORMATS
def test_a_secret_shown_with_its_quotes_is_hidden(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str], format_: str, secret: str
) -> None:
    """`repr` writes some characters in another way; the secret can be read all the same."""
    logged(format_, secret)

    log.info("settings are %r", {"token": secret})

    assert_hidden(capsys.readouterr().err, secret)


@AWKWARD
@FORMATS
def test_a_secret_in_a_traceback_is_hidden(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str], format_: str, secret: str
) -> None:
    """Errors of libraries quote what they were given, and so do their causes."""
    logged(format_, secret)

    try:
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise ValueError("no token " + secret) from error
    except ValueError:
        log.exception("it failed")

    assert_hidden(capsys.readouterr().err, secret)


@FORMATS
def test_a_secret_that_begins_like_another_gives_nothing_away(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    """The longer one is hidden whole: no end of it is left over."""
    logged(format_, "token", "token-and-more")

    log.info("use token-and-more, then token")

    assert "use ***, then ***" in capsys.readouterr().err


@pytest.mark.parametrize("secret", ["message", "info", "cobot.tested", '": "', ",", "time"])
def test_a_secret_does_not_break_the_form_of_json(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    """Values are searched, and not the braces and names around them."""
    logged("json", secret)

    log.info("all is well")

    entry = json.loads(capsys.readouterr().err)
    assert set(entry) == {"time", "level", "logger", "message"}


def test_json_is_one_object_on_one_line(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program reads line by line, also messages and tracebacks of many lines."""
    logged("json")

    try:
        raise ValueError("first\nsecond")
    except ValueError:
        log.exception('one\ntwo \u2028 "three" %s', "four\nfive")

    (line,) = capsys.readouterr().err.rstrip("\n").split("\n")
    entry = json.loads(line)
    assert (entry["level"], entry["logger"]) == ("error", "cobot.tested")
    assert entry["message"] == 'one\ntwo \u2028 "three" four\nfive'
    assert entry["exception"].endswith("ValueError: first\nsecond")


def test_text_has_time_level_logger_and_message(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person reads one line for each record."""
    logged("text")

    log.warning("one\ntwo")

    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("WARNING cobot.tested: one")
    assert second == "two"


class Unprintable:
    """Something that fails when it is to be shown."""

    def __str__(self) -> str:
        raise ValueError("s3cr3t")


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%d items", ("s3cr3t",)),
        ("%s and %s", ("s3cr3t",)),
        ("none", ("s3cr3t",)),
        ("%s", (Unprintable(),)),
        (Unprintable(), ()),
        ("%(name)s", ({"other": "s3cr3t"},)),
    ],
)
@FORMATS
def test_a_record_that_cannot_be_formatted_breaks_nothing_and_hides_secrets(
    logged: SecretsIn,
    capsys: pytest.CaptureFixture[str],
    format_: str,
    message: object,
    arguments: tuple[object, ...],
) -> None:
    """A plugin's faulty log call costs its text at most; it never shows a secret."""
    logged(format_, "s3cr3t")

    log.info(message, *arguments)
    log.info("and on it goes")

    printed = capsys.readouterr().err
    assert "and on it goes" in printed
    assert "s3cr3t" not in printed


def test_a_record_that_cannot_be_formatted_leaves_json_readable(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line of a JSON log is JSON, whatever a plugin does."""
    logged("json")

    log.info("%d items", "many")

    for line in capsys.readouterr().err.splitlines():
        assert isinstance(json.loads(line), dict)


HALF_A_CHARACTER = """
import logging
from cobot.cli.logs import set_up_logging
from cobot.config.redaction import Redactor
set_up_logging("debug", "json", Redactor([]))
logging.getLogger("cobot.tested").info("file %s", "a\\udc80b")
"""


def test_text_that_is_no_unicode_can_be_logged(tmp_path: Path) -> None:
    """Half a character, as file names have them, does not stop the log."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", HALF_A_CHARACTER],
        capture_output=True,
        cwd=tmp_path,
        timeout=GUARD_S,
    )

    assert json.loads(done.stderr)["message"] == "file a\udc80b"


def test_others_are_logged_from_warnings_on(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library's chatter, which may have a URL with a token, is not ours to log."""
    logged("text", "s3cr3t")

    logging.getLogger("library").info("GET https://network.test/s3cr3t")
    logging.getLogger("library").warning("slow: https://network.test/s3cr3t")

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("slow: https://network.test/***")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_says_what_is_logged_at_least(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str], level: str, expected: list[str]
) -> None:
    """What is less important than the level is left out."""
    logged("json", level=level)

    for method in (log.debug, log.info, log.warning, log.error):
        method("something")

    printed = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["level"] for line in printed] == expected


def test_a_warning_of_python_is_a_record(
    logged: SecretsIn, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings go where the log goes, and secrets in them are hidden too."""
    logged("json", "s3cr3t")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("s3cr3t is old", UserWarning, stacklevel=1)
        logging.captureWarnings(capture=False)

    entry = json.loads(capsys.readouterr().err)
    assert "UserWarning: *** is old" in entry["message"]


# Secrets of a plugin, in a real run.

LEAKY = """
import attrs
from cobot import ChannelError, Secret, hookimpl

@attrs.frozen
class Settings:
    token: Secret
    fails: str = ""

class Leaky:
    Settings = Settings
    def __init__(self, settings, context):
        self.settings, self.context = settings, context
        if settings.fails == "constructor":
            raise ValueError("bad token " + settings.token.reveal())
    @hookimpl
    async def cobot_start(self):
        token = self.settings.token.reveal()
        self.context.log.warning("settings %s, token %s", self.settings, token)
        if self.settings.fails == "start":
            raise ValueError("bad token " + token)
    @hookimpl
    def session_incoming(self, message):
        if self.settings.fails == "filter":
            raise ValueError("bad token " + self.settings.token.reveal())
    @hookimpl
    async def cobot_stop(self):
        if self.settings.fails == "stop":
            raise ValueError("bad token " + self.settings.token.reveal())
"""


def installed(folder: Path, name: str, target: str, source: str) -> None:
    """Install a distribution with one plugin into a folder."""
    info = folder / f"cobot_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cobot-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cobot]\n{name} = {target}\n")
    (folder / f"{target.partition(':')[0]}.py").write_text(source)


def run_leaky(folder: Path, fails: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a plugin that tells its token at some moment."""
    installed(folder / "site", "leaky", "leaky:Leaky", LEAKY)
    (folder / "cobot.yml").write_text(
        f'plugins: {{leaky: {{token: "${{TOKEN}}", fails: "{fails}"}}, console: {{}}}}\n'
    )
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COBOT_")}
    return subprocess.run(
        [COBOT, *arguments],
        input="hello\n",
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env={
            **kept,
            "HOME": str(folder),
            "PYTHONPATH": str(folder / "site"),
            "TOKEN": "s3cr3t-t0ken",
        },
        timeout=GUARD_S,
    )


@pytest.mark.parametrize("fails", ["", "constructor", "start", "filter", "stop"])
@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_run_shows_no_secret_whatever_fails(tmp_path: Path, fails: str, format_: str) -> None:
    """No token reaches a log, a traceback or an error message, in whatever moment."""
    done = run_leaky(tmp_path, fails, "run", "-v", "--log-format", format_)

    assert "s3cr3t" not in done.stdout + done.stderr
    assert "***" in done.stderr


@pytest.mark.parametrize("arguments", [["plugins"], ["plugins", "--json"], ["check"]])
def test_a_listing_shows_no_secret_of_a_plugin_that_fails(
    tmp_path: Path, arguments: list[str]
) -> None:
    """The reason why a plugin is broken is shown without what it was given in confidence."""
    done = run_leaky(tmp_path, "constructor", *arguments)

    assert "ValueError: bad token" in done.stdout + done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr


def test_a_verbose_run_shows_where_a_plugin_broke(tmp_path: Path) -> None:
    """With -v the author of a plugin sees the traceback of what cannot be imported."""
    installed(tmp_path / "site", "halting", "halting:Halting", "def f():\n    1 / 0\nf()\n")
    done = subprocess.run(
        [COBOT, "run", "-v", "-p", "halting"],
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "site")},
        timeout=GUARD_S,
    )

    assert "ZeroDivisionError" in done.stderr
    assert "in f" in done.stderr
    assert done.returncode == 1
