from __future__ import annotations

import pytest
from pigeons import TOKEN, Loft

RUNNING = pytest.mark.parametrize("runs", [True, False], ids=["asked", "alone"])


def given_up(loft: Loft) -> str:
    """Return the number of the one message that was given up."""
    _, row = loft.run("dead", "list").stdout.splitlines()
    return row.split()[0]


@pytest.fixture
def bot(loft: Loft, runs: bool) -> Loft:
    """A message was given up. A bot runs, or not."""
    loft.configure(stays="true")
    loft.run("send", "pigeon", "shut", "coo")
    if runs:
        loft.starts()
    return loft


@RUNNING
def test_what_was_given_up_is_listed(bot: Loft) -> None:
    """A line each: its number, when, what, where, why, the text."""
    done = bot.run("dead", "list")

    head, row = done.stdout.splitlines()
    assert head.split("  ")[0] == "id"
    assert row.split()[0].isdigit()
    assert row.endswith("not delivered  pigeon/shut  pigeon: send: the loft is shut  coo")
    assert (done.stderr, done.returncode) == ("", 0)


@RUNNING
def test_all_of_one_is_shown(bot: Loft) -> None:
    """A line for each thing that is known, and the whole text."""
    done = bot.run("dead", "show", given_up(bot))

    shown = dict(line.split(":", 1) for line in done.stdout.splitlines())
    assert shown["chat"].strip() == "pigeon/shut"
    assert shown["reason"].strip() == "pigeon: send: the loft is shut"
    assert shown["text"].strip() == "coo"


@RUNNING
def test_one_is_forgotten(bot: Loft) -> None:
    """It is gone from the list; a second time there is none."""
    number = given_up(bot)

    done = bot.run("dead", "drop", number)
    again = bot.run("dead", "drop", number)

    assert done.stdout == f"{number} is forgotten\n"
    assert again.stderr.startswith(f"cobot: nothing given up has the number {number}; see:")
    assert (done.returncode, again.returncode) == (0, 1)
    assert bot.run("dead", "list").stdout == "nothing was given up\n"


def test_one_is_tried_again_at_the_next_start(loft: Loft) -> None:
    """When what was wrong has been put right, it is delivered."""
    loft.run("send", "pigeon", "shut", "coo")
    source = loft.folder / "site" / "pigeon.py"
    source.write_text(source.read_text().replace('chat == "shut"', "False"))

    number = given_up(loft)
    done = loft.run("dead", "retry", number)
    loft.run("run")

    assert (done.stdout, done.returncode) == (f"{number} is tried again\n", 0)
    assert [one["text"] for one in loft.sent] == ["coo"]


def test_one_is_tried_again_at_once_by_a_bot_that_runs(loft: Loft) -> None:
    """The bot hears of it, and its network is asked again."""
    loft.configure(stays="true")
    loft.run("send", "pigeon", "shut", "coo")
    source = loft.folder / "site" / "pigeon.py"
    source.write_text(source.read_text().replace('chat == "shut"', "False"))
    loft.starts()

    loft.run("dead", "retry", given_up(loft))

    # The same address: what is sent now is behind it.
    loft.run("send", "pigeon", "shut", "after")
    assert [one["text"] for one in loft.sent] == ["coo", "after"]


@RUNNING
def test_a_number_that_nothing_has_is_1(bot: Loft) -> None:
    """The line says where the numbers are."""
    for what in ("show", "retry", "drop"):
        done = bot.run("dead", what, "77")

        assert done.stderr == (
            "cobot: nothing given up has the number 77; see: cobot dead list\n"
        )
        assert (done.stdout, done.returncode) == ("", 1)


def test_what_the_agent_could_not_answer_is_there_too(loft: Loft) -> None:
    """The reason names the agent, and the text is the question."""
    (loft.folder / "bot.py").write_text("def reply(message, conversation): return 1 / 0\n")
    loft.configure("  session: {agent_tries: 1}", top="agent: {function: 'bot:reply'}")
    loft.receives({"id": "1", "content": "what is 1 / 0?"})

    loft.run("run")
    done = loft.run("dead", "list")

    assert "not answered  pigeon/loft" in done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert done.stdout.endswith("what is 1 / 0?\n")


def test_neither_secrets_nor_commands_to_the_terminal_are_printed(loft: Loft) -> None:
    """Reasons come from networks, texts from strangers."""
    loft.run("send", "pigeon", "leaks", "\x1b]0;owned\x07 two\nlines")

    for words in (["dead", "list"], ["dead", "show", given_up(loft)]):
        done = loft.run(*words)

        assert "/***/send" in done.stdout
        assert TOKEN not in done.stdout
        assert "\\x1b]0;owned\\x07 two" in done.stdout
        assert "\x1b" not in done.stdout


def test_a_workspace_without_a_journal_has_nothing(loft: Loft) -> None:
    """It says that no bot has run there, and makes nothing."""
    done = loft.run("dead", "list")

    assert "no journal" in done.stderr
    assert (done.stdout, done.returncode) == ("", 1)
    assert not loft.workspace.exists()


def test_ids_are_numbers(loft: Loft) -> None:
    """What is no number is wrong usage."""
    assert loft.run("dead", "show", "x").returncode == 2
    assert loft.run("dead", "drop", "0").returncode == 2
