from __future__ import annotations

import re

import pytest
from pigeons import Loft

HELLO = {"id": "1", "content": "hello", "channel_id": "ann-alone", "sender_id": "ann"}


def code_in(loft: Loft) -> str:
    """Return the code that a stranger was sent."""
    (answer,) = [one["text"] for one in loft.sent]
    found = re.search(r"cobot pair (\w+)", answer)
    assert found is not None
    return found[1]


@pytest.fixture
def invited(loft: Loft) -> Loft:
    """A bot that has given a stranger a code, and has ended."""
    loft.configure(access="{direct: pairing}")
    loft.receives(HELLO)
    loft.run("run")
    return loft


def test_a_stranger_is_let_in_while_no_bot_runs(invited: Loft) -> None:
    """The owner passes the code on, and the next message is answered."""
    done = invited.run("pair", code_in(invited))
    invited.receives({**HELLO, "id": "2", "content": "again"})
    invited.run("run")

    assert (done.stderr, done.returncode) == ("", 0)
    assert '"ann"' in done.stdout
    assert "may now talk" in done.stdout
    assert invited.sent[-1]["text"] == "again"


def test_a_stranger_is_let_in_while_the_bot_runs(invited: Loft) -> None:
    """The bot is told, and keeps running."""
    code = code_in(invited)
    invited.configure(access="{direct: pairing}", stays="true")
    bot = invited.starts()

    done = invited.run("pair", code)

    assert "may now talk" in done.stdout
    assert done.returncode == 0
    assert bot.process.poll() is None


@pytest.mark.parametrize("runs", [True, False])
def test_a_code_that_nobody_was_given_lets_nobody_in(loft: Loft, runs: bool) -> None:
    """One line says so, and why it may be."""
    loft.configure(access="{direct: pairing}", stays="true")
    if runs:
        loft.starts()

    done = loft.run("pair", "WRONG1")

    assert done.stderr.startswith("cobot: no code 'WRONG1' waits to be used, or it has expired")
    assert (done.stdout, done.returncode) == ("", 1)


def test_a_name_cannot_command_the_terminal(loft: Loft) -> None:
    """Strangers choose their names."""
    loft.configure(access="{direct: pairing}")
    loft.receives({**HELLO, "sender_name": "\x1b[2JAnn\u202e"})
    loft.run("run")

    done = loft.run("pair", code_in(loft))

    assert "\\x1b[2JAnn\\u202e" in done.stdout
    assert "\x1b" not in done.stdout
