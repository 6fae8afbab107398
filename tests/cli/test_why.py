from __future__ import annotations

import pytest
from pigeons import Loft

RUNNING = pytest.mark.parametrize("runs", [True, False], ids=["running", "ended"])


@RUNNING
def test_every_decision_about_a_message_is_told(loft: Loft, runs: bool) -> None:
    """From its arrival to its answer, in order, each with its time."""
    loft.receives({"id": "1", "content": "one"})
    loft.run("run")
    if runs:
        loft.configure(stays="true")
        loft.starts()

    done = loft.run("why", "pigeon", "loft", "1")

    steps = done.stdout.splitlines()
    assert len(steps) > 1
    assert all(step[:2] == "20" or step[:1] == " " for step in steps)
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_refusal_says_who_refused_and_what_would_let_it_in(loft: Loft) -> None:
    """The owner learns the command, or the line to write."""
    loft.configure(access="{direct: pairing}")
    loft.receives({"id": "1", "content": "let me in"})
    loft.run("run")

    done = loft.run("why", "pigeon", "loft", "1")

    assert '"ann" is not paired' in done.stdout
    assert "cobot pair" in done.stdout


def test_what_the_bot_sent_is_told_too(loft: Loft) -> None:
    """The id of an answer, or of what a script has sent."""
    loft.run("send", "pigeon", "loft", "coo")

    done = loft.run("why", "pigeon", "loft", "loft-coo")

    assert done.stdout
    assert done.returncode == 0


def test_a_message_in_a_thread_is_found_with_it(loft: Loft) -> None:
    """Ids are unique in a thread; those that look like options are taken as ids."""
    loft.receives({"id": "-1", "channel_id": "-100", "thread_id": "-7", "content": "x"})
    loft.run("run")

    assert loft.run("why", "pigeon", "-100", "-1", "--thread", "-7").returncode == 0


def test_a_message_that_is_not_known_is_1(loft: Loft) -> None:
    """The line says that it was never handed over, or is no longer kept."""
    loft.run("run")

    done = loft.run("why", "pigeon", "loft", "77")

    assert done.stderr == (
        "cobot: nothing is known of message '77' in pigeon/loft: it never arrived, or is no"
        " longer kept\n"
    )
    assert (done.stdout, done.returncode) == ("", 1)


def test_what_strangers_chose_cannot_command_the_terminal(loft: Loft) -> None:
    """An id may hold anything."""
    loft.configure(access="{direct: pairing}")
    loft.receives({"id": "1", "sender_id": "\x1b[2Jann", "content": "x"})
    loft.run("run")

    done = loft.run("why", "pigeon", "loft", "1")

    assert "[2Jann" in done.stdout
    assert "\x1b" not in done.stdout
