"""The examples do what the README says they do, on the fake Telegram."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from networks.telegram.network import FakeTelegram
from networks.telegram.rooms import Room

EXAMPLES = Path(__file__).parent.parent / "examples"
COBOT = str(Path(sys.executable).with_name("cobot"))
GUARD_S = 60.0


@asynccontextmanager
async def tour(folder: Path) -> AsyncIterator[tuple[FakeTelegram, Room]]:
    """Run the tour, with somebody in a private chat."""
    given = yaml.safe_load((EXAMPLES / "telegram.yml").read_text())
    async with FakeTelegram(given["plugins"]["telegram"]["bot_token"]) as network:
        given["plugins"]["telegram"]["base_url"] = network.url
        (folder / "telegram.yml").write_text(yaml.safe_dump(given))
        (folder / "tour.py").write_text((EXAMPLES / "tour.py").read_text())
        process = await asyncio.create_subprocess_exec(
            COBOT, "run", "-c", "telegram.yml", cwd=folder, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            yield network, network.private_chat()
        finally:
            process.terminate()
            code = await process.wait()
    assert code == 0


async def cobot(folder: Path, *words: str) -> str:
    """Run a command to its end; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        COBOT, *words, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_every_operation_is_seen(tmp_path: Path) -> None:
    """Each word of the tour does at the network what it says."""
    async with asyncio.timeout(GUARD_S), tour(tmp_path) as (network, ann):
        # Of somebody else: typing is left out in a chat that has just got many messages.
        network.private_chat().text("slow")
        for word in ("hello", "edit", "delete", "react", "reply", "photo", "file"):
            ann.text(word)
        ends = {"The report", "That took three seconds."}
        await network.wait_for(lambda: ends <= {one.text for one in network.sent}, GUARD_S)

    kinds = [one.kind for one in network.events]
    _hello, edited, deleted, *_ = (one for one in network.sent if one.chat_id == ann.id)
    assert {"sent", "edited", "deleted", "reacted", "action"} <= {*kinds}
    assert (edited.text, [one["type"] for one in edited.entities]) == (
        "There it is: 42",
        ["bold"],
    )
    assert deleted.is_deleted
    by_text = {one.text: one for one in network.sent}
    reply = by_text["I mean this one."].reply_to
    assert reply is not None
    assert reply.text == "reply"
    assert by_text["A gradient"].kind == "photo"
    assert by_text["The report"].kind == "document"


async def test_a_long_answer_arrives_complete(tmp_path: Path) -> None:
    """20 kB with fences, tables and emoji: every part is within the limit and formatted."""
    async with asyncio.timeout(GUARD_S), tour(tmp_path) as (network, ann):
        ann.text("long")
        await network.wait_for(
            lambda: sum(one.text.count("One of forty") for one in network.sent) == 40, GUARD_S
        )
        await network.wait_for(
            lambda: sum(one.text.count("print('hello')") for one in network.sent) == 40, GUARD_S
        )

    texts = [one.text for one in network.sent]
    assert len(texts) > 2
    assert all(len(text) <= 4096 for text in texts)
    assert sum(text.count("👩‍💻") for text in texts) == 40
    assert all({"bold", "pre"} <= {one["type"] for one in m.entities} for m in network.sent)


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "alone"])
async def test_send_and_media_from_the_command_line(tmp_path: Path, is_running: bool) -> None:
    """The README's command delivers text and a file, with the bot or without it."""
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear ...")
    async with asyncio.timeout(GUARD_S), tour(tmp_path) as (network, ann):
        if is_running:
            ann.text("hello")
            await network.wait_for_sent()
        where = ["-c", "telegram.yml"]
        if not is_running:
            # A workspace of its own: the other one is taken.
            where += ["--workspace", str(tmp_path / "other")]
        chat = str(ann.id)
        words = ("telegram", chat, "Good *morning*", "--media", str(letter))
        await cobot(tmp_path, "send", *where, *words)

    sent = network.sent[-1]
    assert (sent.kind, sent.text) == ("document", "Good morning")
    assert [one["type"] for one in sent.entities] == ["italic"]


async def test_the_token_is_known(tmp_path: Path) -> None:
    """`check --online` says who the bot is, while it runs."""
    async with asyncio.timeout(GUARD_S), tour(tmp_path) as (network, ann):
        ann.text("hello")
        await network.wait_for_sent()
        said = await cobot(tmp_path, "check", "--online", "-c", "telegram.yml")

    assert f"telegram: @{network.bot.username} (id {network.bot.id})" in said
