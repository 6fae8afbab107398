from __future__ import annotations

import json
import signal

from pigeons import Loft


def test_a_bot_that_runs_tells_how_it_is(loft: Loft) -> None:
    """Process, place, journal, and a line for each channel."""
    loft.configure(stays="true")
    bot = loft.starts()

    done = loft.run("status")

    lines = done.stdout.splitlines()
    assert f"running as process {bot.process.pid}" in lines[0]
    assert str(loft.workspace) in done.stdout
    assert "journal.db" in done.stdout
    assert lines[-2].split()[:3] == ["channel", "state", "alive"]
    assert lines[-1].split()[:2] == ["pigeon", "running"]
    assert (done.stderr, done.returncode) == ("", 0)


def test_json_has_all_of_it(loft: Loft) -> None:
    """Programs rely on the names."""
    loft.configure(stays="true")
    bot = loft.starts()

    status = json.loads(loft.run("status", "--json").stdout)

    assert status["running"] is True
    assert status["pid"] == bot.process.pid
    assert status["workspace"] == str(loft.workspace)
    assert status["journal"]["file"] == str(loft.workspace / "journal" / "journal.db")
    assert status["journal"]["bytes"] > 0
    assert status["uptime_s"] > 0
    assert status["agent"] == "echo"
    assert status["waiting"] == {"messages": 0, "operations": 0}
    assert status["trouble"] is None
    assert status["tasks"] > 1
    assert status["channels"]["pigeon"]["state"] == "running"


def test_what_waits_and_why_is_told(loft: Loft) -> None:
    """A message that cannot be delivered shows at its channel and in the sum."""
    loft.configure(stays="true")
    loft.starts()
    loft.run("send", "pigeon", "far", "coo", "--timeout", "0")

    status = json.loads(loft.run("status", "--json").stdout)

    assert status["waiting"]["operations"] == 1
    assert status["channels"]["pigeon"]["waiting"] == 1


def test_a_channel_that_is_parked_says_why(loft: Loft) -> None:
    """The reason stands in its line; the other channels go on."""
    loft.configure("  raven: {plugin: pigeon, token: x, stays: true}", stays="true")
    loft.starts()
    loft.run("send", "pigeon", "nobody", "coo")

    *_, other, row = loft.run("status").stdout.splitlines()

    assert row.split()[:2] == ["pigeon", "parked"]
    assert row.endswith("pigeon: send: the token is refused")
    assert other.split()[:2] == ["raven", "running"]


def test_without_a_bot_it_says_what_waits_and_1(loft: Loft) -> None:
    """A monitor sees that nobody runs; a person, what will be done at the next start."""
    loft.run("send", "pigeon", "far", "coo", "--timeout", "0")

    done = loft.run("status")
    listed = loft.run("status", "--json")

    assert done.stdout.splitlines()[0] == f"no bot runs on {loft.workspace}"
    assert "waiting: 0 messages to answer, 1 to send" in done.stdout
    assert json.loads(listed.stdout)["running"] is False
    assert json.loads(listed.stdout)["waiting"] == {"messages": 0, "operations": 1}
    assert done.returncode == listed.returncode == 1


def test_where_none_has_ever_run_there_is_nothing_to_tell(loft: Loft) -> None:
    """It says so, and makes nothing."""
    done = loft.run("status")
    listed = loft.run("status", "--json")

    assert done.stdout.splitlines() == [
        f"no bot runs on {loft.workspace}",
        "journal: none yet",
    ]
    assert json.loads(listed.stdout) == {
        "running": False,
        "workspace": str(loft.workspace),
        "journal": None,
        "waiting": None,
    }
    assert done.returncode == 1
    assert not loft.workspace.exists()


def test_a_bot_that_was_killed_does_not_run(loft: Loft) -> None:
    """What it left behind deceives nobody."""
    loft.configure(stays="true")
    bot = loft.starts()
    bot.process.kill()
    bot.end()

    done = loft.run("status")

    assert done.stdout.startswith("no bot runs on")
    assert done.returncode == 1
    assert (loft.workspace / "control.sock").exists()


def test_a_bot_that_was_stopped_leaves_no_socket(loft: Loft) -> None:
    """The next one finds a clean place."""
    loft.configure(stays="true")
    bot = loft.starts()
    bot.process.send_signal(signal.SIGTERM)
    bot.end()

    assert not (loft.workspace / "control.sock").exists()


def test_the_status_needs_no_tokens(loft: Loft) -> None:
    """The shell in which one looks is seldom the one in which the bot was started."""
    loft.configure(stays="true")
    loft.starts()
    del loft.environment["PIGEON_TOKEN"]

    done = loft.run("status")

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].split()[:2] == ["pigeon", "running"]


def test_a_workspace_may_lie_deep(loft: Loft) -> None:
    """A path too long for a socket is no problem of the user's."""
    deep = loft.folder.joinpath(*["a-folder-with-a-rather-long-name"] * 8)
    loft.configure(stays="true")
    loft.starts("--workspace", str(deep))

    done = loft.run("status", "--workspace", str(deep))

    assert done.returncode == 0
    assert (deep / "control.sock").is_socket()
