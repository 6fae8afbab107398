from __future__ import annotations

import json

import pytest
from pigeons import TOKEN, Loft

RUNNING = pytest.mark.parametrize("runs", [True, False], ids=["running", "ended"])


@pytest.fixture
def bot(loft: Loft, runs: bool) -> Loft:
    """Two messages have been answered by the echo agent."""
    loft.receives({"id": "1", "content": "one"}, {"id": "2", "content": "two"})
    loft.run("run")
    if runs:
        loft.configure(stays="true")
        loft.starts()
    return loft


@RUNNING
def test_both_sides_are_shown_with_what_became_of_them(bot: Loft) -> None:
    """When, what became of it, its id, who, what."""
    done = bot.run("history", "pigeon", "loft")

    head, *rows = done.stdout.splitlines()
    told = [tuple(cell.strip() for cell in row.split("  ") if cell)[1:] for row in rows]
    assert head.split() == ["when", "state", "id", "who", "text"]
    assert ("answered", "1", "Ann (ann)", "one") in told
    assert ("sent", "loft-one", "bot", "one") in told
    assert len(rows) == 4
    assert (done.stderr, done.returncode) == ("", 0)


@RUNNING
def test_json_has_all_of_it(bot: Loft) -> None:
    """Programs rely on the names."""
    listed = json.loads(bot.run("history", "pigeon", "loft", "--json").stdout)

    (asked,) = [one for one in listed if one["content"] == "one" and one["role"] == "user"]
    assert asked == {
        "role": "user",
        "channel": "pigeon",
        "chat": "loft",
        "thread": None,
        "ids": ["1"],
        "sender_id": "ann",
        "sender_name": "Ann",
        "content": "one",
        "timestamp": "2026-01-01T12:00:00+00:00",
        "edited": False,
        "deleted": False,
        "state": "answered",
    }


def test_the_limit_is_of_the_newest(loft: Loft) -> None:
    """Few of a long talk, and the last of it."""
    messages = [{"id": str(number), "content": f"m{number}"} for number in range(10)]
    loft.receives(*messages)
    loft.run("run")

    listed = json.loads(loft.run("history", "pigeon", "loft", "--json", "--limit", "3").stdout)

    assert len(listed) == 3
    assert listed[-1]["content"] == "m9"


def test_a_thread_has_a_history_of_its_own(loft: Loft) -> None:
    """Chats and threads whose ids look like options are found too."""
    loft.receives(
        {"id": "1", "channel_id": "-100", "content": "here"},
        {"id": "2", "channel_id": "-100", "thread_id": "-7", "content": "there"},
    )
    loft.run("run")

    chat = loft.run("history", "pigeon", "-100")
    thread = loft.run("history", "pigeon", "-100", "--thread", "-7")

    assert "here" in chat.stdout
    assert "there" not in chat.stdout
    assert "there" in thread.stdout


def test_a_chat_without_messages_is_said_to_have_none(loft: Loft) -> None:
    """Nothing for a program, one line for a person."""
    loft.run("run")

    done = loft.run("history", "pigeon", "elsewhere")
    listed = loft.run("history", "pigeon", "elsewhere", "--json")

    assert done.stdout == ""
    assert done.stderr == "cobot: no message of pigeon/elsewhere is stored\n"
    assert json.loads(listed.stdout) == []
    assert done.returncode == listed.returncode == 0


def test_what_strangers_write_cannot_command_the_terminal(loft: Loft) -> None:
    """Escape sequences, line ends and reversed lines are shown, and words are as they were."""
    loft.receives(
        {"id": "1\n2", "sender_name": "\x1b[31mAnn\r", "content": "a\x1b[2Jb\nc\u202ed\x9b1m"},
        {"id": "3", "content": "naïve 日本語 👩\u200d🚀"},
    )
    loft.run("run")

    done = loft.run("history", "pigeon", "loft")
    listed = loft.run("history", "pigeon", "loft", "--json")

    assert "a\\x1b[2Jb\\nc\\u202ed\\x9b1m" in done.stdout
    assert "\\x1b[31mAnn\\r (ann)" in done.stdout
    assert "naïve 日本語 👩\u200d🚀" in done.stdout
    assert set(done.stdout) & set("\x1b\r\x9b\u202e") == set()
    assert listed.stdout.isascii()
    assert "\x1b" not in listed.stdout


def test_a_secret_is_not_shown(loft: Loft) -> None:
    """Not even when somebody wrote it."""
    loft.receives({"id": "1", "content": f"is {TOKEN} yours?"})
    loft.run("run")

    for words in ([], ["--json"]):
        done = loft.run("history", "pigeon", "loft", *words)

        assert "is *** yours?" in done.stdout
        assert TOKEN not in done.stdout


def test_looking_writes_nothing(loft: Loft) -> None:
    """Another process never writes into a journal that has an owner."""
    loft.receives({"id": "1", "content": "one"})
    loft.run("run")
    journal = loft.workspace / "journal" / "journal.db"
    before = journal.read_bytes()

    loft.run("history", "pigeon", "loft")

    assert journal.read_bytes() == before


def test_without_a_journal_one_line_says_so(loft: Loft) -> None:
    """It names the file, and makes nothing."""
    done = loft.run("history", "pigeon", "loft")

    (line,) = done.stderr.splitlines()
    assert "no journal" in line
    assert str(loft.workspace) in line
    assert done.returncode == 1
    assert not loft.workspace.exists()


def test_what_is_no_journal_is_named(loft: Loft) -> None:
    """One line, and no traceback."""
    folder = loft.workspace / "journal"
    folder.mkdir(parents=True)
    (folder / "journal.db").write_text(
        "hello, I am not a database, but a rather long text" * 99
    )

    done = loft.run("history", "pigeon", "loft")

    (line,) = done.stderr.splitlines()
    assert "journal.db" in line
    assert done.returncode == 1
