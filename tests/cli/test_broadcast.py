from __future__ import annotations

import pytest
from pigeons import Loft

RUNNING = pytest.mark.parametrize("runs", [True, False], ids=["asked", "alone"])
SECOND = "  raven: {{plugin: pigeon, token: x, target: {}, stays: true}}"


@pytest.fixture
def bot(loft: Loft, runs: bool) -> Loft:
    """Two channels, pigeon and raven, with a bot that runs on them or without."""
    return two_channels(loft, "tower", runs=runs)


def two_channels(loft: Loft, ravens: str, *, runs: bool) -> Loft:
    """Configure two channels, and start a bot if there is to be one."""
    loft.configure(SECOND.format(ravens), stays="true", target="square")
    if runs:
        loft.starts()
    return loft


@RUNNING
def test_a_broadcast_reaches_every_channel_that_has_a_chat(bot: Loft) -> None:
    """Each gets it in the chat that is its default; a table says so."""
    done = bot.run("broadcast", "hear")

    assert [line.split() for line in done.stdout.splitlines()] == [
        ["channel", "outcome", "ids", "or", "reason"],
        ["raven", "delivered", "tower-hear"],
        ["pigeon", "delivered", "square-hear"],
    ]
    assert sorted(one["chat"] for one in bot.sent) == ["square", "tower"]
    assert (done.stderr, done.returncode) == ("", 0)


@RUNNING
def test_a_channel_can_be_left_out(bot: Loft) -> None:
    """It gets nothing, and does not stand in the table."""
    done = bot.run("broadcast", "hear", "--exclude", "raven")

    assert "raven" not in done.stdout
    assert [one["chat"] for one in bot.sent] == ["square"]


@RUNNING
def test_the_same_key_is_one_broadcast(bot: Loft) -> None:
    """A script may repeat it until all have it."""
    for _ in range(2):
        assert bot.run("broadcast", "hear", "--key", "k").returncode == 0

    assert len(bot.sent) == 2


@RUNNING
def test_one_that_fails_hides_none_that_does_not(loft: Loft, runs: bool) -> None:
    """The table has the reason, and the exit code is 1."""
    bot = two_channels(loft, "shut", runs=runs)

    done = bot.run("broadcast", "hear")

    assert [line.split(maxsplit=2) for line in done.stdout.splitlines()[1:]] == [
        ["raven", "failed", "raven: send: the loft is shut"],
        ["pigeon", "delivered", "square-hear"],
    ]
    assert done.returncode == 1


def test_one_that_waits_is_75(loft: Loft) -> None:
    """It is stored and stays in line; the others have it already."""
    bot = two_channels(loft, "held", runs=True)

    done = bot.run("broadcast", "hear", "--timeout", "0")

    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["raven", "waiting"],
        ["pigeon", "delivered"],
    ]
    assert done.returncode == 75


@RUNNING
def test_a_misspelt_exclusion_sends_nothing(bot: Loft) -> None:
    """Else it would go where it was not to go."""
    done = bot.run("broadcast", "hear", "--exclude", "ravne")

    assert "no channel is called 'ravne'; loaded: raven, pigeon" in done.stderr
    assert done.returncode == 78
    assert bot.sent == []


def test_a_broadcast_without_any_chat_says_what_to_write(loft: Loft) -> None:
    """The key that is missing is named."""
    done = loft.run("broadcast", "hear")

    assert "no channel has a chat for broadcasts (asked: pigeon)" in done.stderr
    assert "default: CHAT" in done.stderr
    assert done.returncode == 78


def test_an_empty_broadcast_is_wrong_usage(loft: Loft) -> None:
    """An empty standard input, too."""
    assert loft.run("broadcast", "").returncode == 2
    assert loft.run("broadcast", "-", given="\n").returncode == 2
