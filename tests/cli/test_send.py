from __future__ import annotations

import signal
from pathlib import Path

import pytest
from pigeons import Loft

RUNNING = pytest.mark.parametrize("runs", [True, False], ids=["asked", "alone"])


@pytest.fixture
def bot(loft: Loft, runs: bool) -> Loft:
    """The folder, with a bot that runs in it or without."""
    if runs:
        loft.configure(stays="true")
        loft.starts()
    return loft


# With a bot that runs, and without.


@RUNNING
def test_a_message_is_delivered_and_its_ids_are_printed(bot: Loft) -> None:
    """A script gets the id, and nothing else."""
    done = bot.run("send", "pigeon", "loft", "coo")

    assert (done.stdout, done.stderr, done.returncode) == ("loft-coo\n", "", 0)
    assert [(one["chat"], one["text"]) for one in bot.sent] == [("loft", "coo")]


@RUNNING
def test_a_message_goes_where_it_is_sent(bot: Loft) -> None:
    """A chat whose id looks like an option, a thread, a message to answer."""
    done = bot.run("send", "pigeon", "-100123", "hi", "--thread", "-5", "--reply-to", "7")

    (sent,) = bot.sent
    assert done.returncode == 0
    assert (sent["chat"], sent["thread"], sent["reply_to"]) == ("-100123", "-5", "7")


@RUNNING
def test_the_text_may_come_from_standard_input(bot: Loft) -> None:
    """All of it, but for the end of the last line."""
    bot.run("send", "pigeon", "loft", "-", given="one\n\ntwo ü\n")

    assert [one["text"] for one in bot.sent] == ["one\n\ntwo ü"]


@RUNNING
def test_media_are_read_by_whoever_sends(bot: Loft) -> None:
    """A path counts from where the command is run, and all ids are printed."""
    (bot.folder / "picture.png").write_bytes(b"12345")

    done = bot.run("send", "pigeon", "loft", "look", "--media", "picture.png")

    assert bot.sent == [{"text": "look", "media": [5]}]
    assert done.stdout == "media-1\nmedia-2\n"


@RUNNING
def test_the_same_key_is_one_message(bot: Loft) -> None:
    """A script may repeat it; it gets the same answer, and the network nothing new."""
    first = bot.run("send", "pigeon", "loft", "coo", "--key", "order-66")
    second = bot.run("send", "pigeon", "loft", "coo", "--key", "order-66")

    assert first.stdout == second.stdout == "loft-coo\n"
    assert len(bot.sent) == 1


@RUNNING
def test_a_message_that_fails_brings_the_reason_and_1(bot: Loft) -> None:
    """What the network said is the last line."""
    done = bot.run("send", "pigeon", "shut", "coo")

    assert done.stderr.splitlines()[-1] == "cobot: pigeon: send: the loft is shut"
    assert (done.stdout, done.returncode) == ("", 1)


@RUNNING
def test_a_message_that_takes_too_long_is_stored_and_75(bot: Loft) -> None:
    """The key is told: with it, the same message can be asked for again."""
    done = bot.run("send", "pigeon", "far", "coo", "--key", "k1", "--timeout", "0.2")

    last = done.stderr.splitlines()[-1]
    assert "stored, and not delivered yet; it stays in line" in last
    assert "--key k1" in last
    assert (done.stdout, done.returncode) == ("", 75)


@RUNNING
def test_an_unknown_channel_is_refused_with_78(bot: Loft) -> None:
    """The line names those that there are, and nothing is stored."""
    done = bot.run("send", "pigoen", "loft", "coo")

    assert done.stderr == "cobot: no channel is called 'pigoen'; loaded: pigeon\n"
    assert (done.stdout, done.returncode) == ("", 78)
    assert bot.run("history", "pigoen", "loft").stdout == ""


@RUNNING
def test_a_secret_in_a_reason_is_not_shown(bot: Loft) -> None:
    """What a network, or a plugin, says of us may hold our token."""
    done = bot.run("send", "pigeon", "leaks", "coo")

    assert done.stderr.splitlines()[-1] == "cobot: pigeon: send: GET /***/send says no"
    assert bot.environment["PIGEON_TOKEN"] not in done.stderr


# Only where a bot runs.


def test_the_bot_that_runs_is_asked_and_not_disturbed(loft: Loft) -> None:
    """Its process sends, whatever the configuration has become since; it goes on."""
    loft.configure(stays="true")
    bot = loft.starts()
    loft.configure(token="", nonsense="1")

    done = loft.run("send", "pigeon", "loft", "coo")

    assert (done.stdout, done.returncode) == ("loft-coo\n", 0)
    assert bot.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_bot_that_ends_leaves_who_waits_with_75(loft: Loft, number: signal.Signals) -> None:
    """The message is stored, and what becomes of it is the next bot's affair."""
    loft.configure(stays="true", top="stop_timeout: 0")
    bot = loft.starts()
    sending = loft.begins("send", "pigeon", "held", "coo", "--key", "k")
    bot.says("holding")

    bot.process.send_signal(number)

    assert "stored, and not delivered yet" in sending.end()
    assert sending.process.returncode == 75


def test_what_a_killed_bot_had_not_sent_is_sent_as_the_same_message(loft: Loft) -> None:
    """Who asks again with the key sends it by itself when nobody else is there."""
    loft.configure(stays="true")
    bot = loft.starts()
    sending = loft.begins("send", "pigeon", "held", "coo", "--key", "k")
    bot.says("holding")
    bot.process.kill()
    sending.end()
    again = loft.begins("send", "pigeon", "held", "coo", "--key", "k")

    again.says("holding")
    loft.opens_the_gate()

    again.says("held-coo")
    again.end()
    assert again.process.returncode == 0
    assert len(loft.sent) == 1


# Only where none runs.


def test_sending_alone_receives_nothing(loft: Loft) -> None:
    """What has arrived meanwhile is for the next run."""
    loft.receives({"id": "1", "content": "anybody there?"})

    done = loft.run("send", "pigeon", "loft", "coo")

    assert "ready" not in done.stdout
    assert [one["text"] for one in loft.sent] == ["coo"]


def test_sending_alone_leaves_nothing_running(loft: Loft) -> None:
    """The next bot finds the workspace free."""
    loft.run("send", "pigeon", "loft", "coo")

    done = loft.run("run")

    assert done.returncode == 0
    assert not (loft.workspace / "control.sock").exists()


def test_what_was_waiting_is_sent_by_the_next_bot(loft: Loft) -> None:
    """75 is a promise."""
    waiting = loft.run("send", "pigeon", "nobody", "coo")
    source = loft.folder / "site" / "pigeon.py"
    source.write_text(source.read_text().replace('chat == "nobody"', "False"))

    loft.run("run")

    assert waiting.returncode == 75
    assert "the token is refused; stored, and not" in waiting.stderr
    assert [one["text"] for one in loft.sent] == ["coo"]


def test_two_at_once_take_turns(loft: Loft) -> None:
    """A second command waits for the first, which has the workspace, and then sends."""
    first = loft.begins("send", "pigeon", "held", "one")
    first.says("holding")
    second = loft.begins("send", "pigeon", "loft", "two")

    loft.opens_the_gate()

    second.says("loft-two")
    first.says("held-one")
    assert {one["text"] for one in loft.sent} == {"one", "two"}


def test_a_wrong_configuration_sends_nothing(loft: Loft) -> None:
    """All that is wrong is told, as by `cobot check`."""
    loft.configure(nonsense="1")

    done = loft.run("send", "pigeon", "loft", "coo")

    assert "cobot.yml:7: plugins.pigeon.nonsense: unknown key" in done.stderr
    assert done.returncode == 78
    assert loft.sent == []


def test_verbose_shows_the_log(loft: Loft) -> None:
    """Who wonders why it takes so long can look."""
    quiet = loft.run("send", "pigeon", "loft", "coo")
    loud = loft.run("send", "pigeon", "loft", "coo", "-v")

    assert quiet.stderr == ""
    assert "DEBUG" in loud.stderr


# Wrong usage.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pigeon", "loft"], "Missing argument 'TEXT'"),
        (["pigeon", "loft", ""], "there is nothing to send: TEXT is empty and --media"),
        (["pigeon", "loft", "x", "--media", "missing.png"], "'missing.png' does not exist"),
        (["pigeon", "loft", "x", "--timeout", "-1"], "-1"),
        (["pigeon", "loft", "x", "--key", "a b"], "key: expected at most 25 characters"),
        (["pigeon", "", "x"], "channel_id: is empty"),
        (["pigeon", "loft", "x", "--thred", "1"], "No such option"),
        (["pigeon", "loft", "--thred"], "No such option"),
    ],
)
def test_wrong_usage_is_2_and_sends_nothing(loft: Loft, words: list[str], said: str) -> None:
    """The line says which word is wrong."""
    done = loft.run("send", *words)

    assert said in done.stderr
    assert (done.stdout, done.returncode) == ("", 2)
    assert loft.sent == []


def test_standard_input_that_is_no_text_is_refused(loft: Loft) -> None:
    """A picture is sent with --media."""
    done = loft.run("send", "pigeon", "loft", "-", given=b"\x89PNG\xff")

    assert "standard input is not UTF-8 at byte 0" in done.stderr
    assert done.returncode == 2


def test_without_a_configuration_there_is_nobody_to_ask(tmp_path: Path, loft: Loft) -> None:
    """One line says what to name."""
    (tmp_path / "cobot.yml").unlink()

    done = loft.run("send", "console", "console", "hi")

    (line,) = done.stderr.splitlines()
    assert line.startswith("cobot: there is no workspace to ask")
    assert "-c FILE or --workspace DIR" in line
    assert done.returncode == 78
