"""Cobot inside another program: a session from a configuration."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from cobot import ConfigError, PluginError, Session, UnknownChannel
from cobot.errors import CobotError, JournalError, WorkspaceInUse
from cobot.journal.keys import conversation_key
from cobot.messages import Address, OutgoingMessage

LOFT = '''
from cobot import Batch, IncomingMessage, hookimpl

sent = []


class Loft:
    """A channel on which somebody has written once."""

    def __init__(self, settings, context):
        self.context = context
        self.media = context.workspace("media")

    @hookimpl
    async def session_receive(self, cursors):
        now = self.context.clock.now()
        yield IncomingMessage(
            "1", "", "chat", "ann", "Ann", "coo", now, direct=True
        )
        self.context.finished()

    @hookimpl
    async def session_send(self, message):
        sent.append(message)
        return str(len(sent))
'''

AGENT = "def reply(message, conversation): return message.content.upper()\n"

OPEN = {"plugins": {"loft": {"access": {"direct": "open"}}}}


@pytest.fixture(autouse=True)
def loft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a channel, and keep the test's files in its folder."""
    site = tmp_path / "site"
    info = site / "cobot_loft-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cobot-loft\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cobot]\nloft = cobot_test_loft:Loft\n")
    (site / "cobot_test_loft.py").write_text(LOFT)
    (tmp_path / "temporary").mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "path", sys.path.copy())  # `function` adds to it
    monkeypatch.delitem(sys.modules, "cobot_test_loft", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.delenv("COBOT_WORKSPACE", raising=False)


def texts() -> list[str]:
    """Return what the channel has sent."""
    return [message.content for message in sys.modules["cobot_test_loft"].sent]


async def run_to_the_end(session: Session) -> None:
    """Run a session until its input has ended."""
    async with asyncio.timeout(10):
        outcome = await session.run()
    assert (outcome.failures, bool(outcome.left)) == (0, False)


async def test_a_session_is_made_of_values_and_runs(tmp_path: Path) -> None:
    """A program hands over what would stand in the file, and where files may be kept."""
    work = tmp_path / "work"
    async with Session.from_config(OPEN, workspace=work) as session:
        await run_to_the_end(session)
        conversation = conversation_key(Address("loft", "chat"))
        history = await session.journal.history(conversation, 10)

    assert texts() == ["coo"]
    assert [(one.role, one.content) for one in history] == [("user", "coo"), ("agent", "coo")]
    assert (work / "journal" / "journal.db").is_file()


async def test_a_session_is_made_of_a_file(tmp_path: Path) -> None:
    """The workspace and the function that answers lie beside it, as for `cobot run`."""
    (tmp_path / "test_speaker.py").write_text(AGENT)
    config = tmp_path / "cobot.yml"
    config.write_text(
        "agent: {function: test_speaker:reply}\nplugins: {loft: {access: {direct: open}}}\n"
    )
    async with Session.from_config(str(config)) as session:
        await run_to_the_end(session)

    assert texts() == ["COO"]
    assert (tmp_path / ".cobot" / "journal" / "journal.db").is_file()


async def test_what_was_answered_is_known_to_the_next_session(tmp_path: Path) -> None:
    """Two sessions after each other on one workspace are one bot."""
    for _ in range(2):
        async with Session.from_config(OPEN, workspace=tmp_path / "work") as session:
            await run_to_the_end(session)

    assert texts() == ["coo"]


async def test_without_a_workspace_nothing_is_left_behind(tmp_path: Path) -> None:
    """Values alone get a temporary one, which goes when the session is left."""
    async with Session.from_config(OPEN) as session:
        during = list((tmp_path / "temporary").iterdir())
        await run_to_the_end(session)

    assert (len(during), list((tmp_path / "temporary").iterdir())) == (1, [])


async def test_a_workspace_has_one_session_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first is open, and let in afterwards."""
    work = tmp_path / "work"
    async with Session.from_config(OPEN, workspace=work):
        with pytest.raises(WorkspaceInUse, match="is in use by"):
            async with Session.from_config(OPEN, workspace=work):
                pass

    async with Session.from_config(OPEN, workspace=work) as session:
        assert not await session.journal.backlog()


async def test_a_journal_that_cannot_be_opened_leaves_the_workspace_free(
    tmp_path: Path,
) -> None:
    """The error names the file; the next try is not told that the workspace is in use."""
    work = tmp_path / "work"
    (work / "journal").mkdir(parents=True)
    (work / "journal" / "journal.db").write_text("this is no database " * 100)
    for _ in range(2):
        with pytest.raises(JournalError, match=r"journal\.db") as raised:
            async with Session.from_config(OPEN, workspace=work):
                pass
        assert not isinstance(raised.value, WorkspaceInUse)


async def test_a_journal_may_lie_elsewhere(tmp_path: Path) -> None:
    """`journal: sqlite:PATH` names the file."""
    config = {**OPEN, "journal": f"sqlite:{tmp_path / 'elsewhere.db'}"}
    async with Session.from_config(config, workspace=tmp_path / "work") as session:
        await run_to_the_end(session)

    assert (tmp_path / "elsewhere.db").is_file()


def test_a_journal_of_a_kind_that_nobody_opens_is_an_error(tmp_path: Path) -> None:
    """The error says which kind is asked for and which one is there."""
    config = {**OPEN, "journal": "paper:"}

    with pytest.raises(ConfigError, match="no enabled plugin opens 'paper': addresses"):
        Session.from_config(config, workspace=tmp_path / "work")


def test_all_that_is_wrong_is_raised_at_once() -> None:
    """A program sees every problem of its configuration, as the command line does."""
    wrong: dict[str, Any] = {"stop_timeot": 3, "plugins": {"loft": {"max_age": "old"}}}

    with pytest.raises(ConfigError) as raised:
        Session.from_config(wrong)

    assert {one.path for one in raised.value.problems} == {
        "stop_timeot",
        "plugins.loft.max_age",
    }


def test_a_plugin_that_is_broken_is_raised(tmp_path: Path) -> None:
    """It can be left out by name."""
    (tmp_path / "site" / "cobot_test_loft.py").write_text("1 / 0\n")

    with pytest.raises(PluginError, match="ZeroDivisionError"):
        Session.from_config(OPEN)
    Session.from_config(OPEN, block=["loft"])


async def test_what_the_command_line_can_choose_a_program_can_choose(tmp_path: Path) -> None:
    """Plugins that have no section, and who answers."""
    (tmp_path / "test_speaker2.py").write_text(AGENT)
    sys.path.append(str(tmp_path))
    open_for_all = {"access": {"direct": "open"}}
    made = Session.from_config(
        open_for_all,
        workspace=tmp_path / "work",
        agent={"function": "test_speaker2:reply"},
        enable=["loft", "dry-run"],
    )
    async with made as session:
        await run_to_the_end(session)
        entries = await session.journal.history(conversation_key(Address("loft", "chat")), 10)

    assert texts() == []  # the dry run took it over
    assert [one.content for one in entries] == ["coo", "COO"]


@pytest.mark.parametrize(
    ("agent", "said"),
    [("nobody", "no plugin called 'nobody'"), ("function:", "--agent: expected module:name")],
)
def test_an_agent_that_cannot_be_is_a_configuration_error(agent: str, said: str) -> None:
    """A misspelt agent is named like anything else that is wrong."""
    with pytest.raises(ConfigError, match=said):
        Session.from_config(OPEN, agent=agent)


async def test_a_session_of_values_can_send(tmp_path: Path) -> None:
    """The typed facade is there inside the block, while it runs."""
    async with asyncio.timeout(10), Session.from_config(OPEN, workspace=tmp_path) as session:
        run = asyncio.create_task(session.run(receive=False))
        while not session.supervisors:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0)
        receipt = await session.send(OutgoingMessage("loft", "chat", "hello"))
        with pytest.raises(UnknownChannel):
            await session.send(OutgoingMessage("lfot", "chat", "hello"))
        session.stop()
        await run

    assert ([ref.id for ref in receipt.refs], texts()) == (["1"], ["hello"])


async def test_a_session_cannot_be_sent_through_after_its_block(tmp_path: Path) -> None:
    """What is asked too late is told so, in words."""
    async with Session.from_config(OPEN, workspace=tmp_path) as session:
        pass

    with pytest.raises(CobotError, match="not open"):
        await session.status()
