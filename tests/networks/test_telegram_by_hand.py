"""The fake Telegram as a person starts it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from networks.client import BareClient
from networks.telegram import FakeTelegram
from networks.telegram.by_hand import ByHand
from networks.telegram.network import TOKEN
from networks.telegram.pictures import png
from networks.telegram.world import FIRST_PERSON_ID

PROGRAM = Path(__file__).parent / "telegram"
GUARD_S = 60.0

ANN = FIRST_PERSON_ID  # who joins first; her private chat has her id
KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


class Typed:
    """A person at the network, and a bot that is called by hand as well."""

    def __init__(self, network: FakeTelegram, bot: BareClient, folder: Path) -> None:
        self.bot = bot
        self.said: list[str] = []
        self.person = ByHand(network, folder, self.said.append)

    def type(self, *lines: str) -> list[str]:
        """Type lines; return what was said of them."""
        before = len(self.said)
        for line in lines:
            self.person.do(line)
        return self.said[before:]

    async def arrived(self, kind: str = "message") -> list[dict[str, Any]]:
        """Return what of one kind reached the bot since the last time."""
        updates = await self.bot.updates()
        if updates:
            await self.bot.updates(offset=updates[-1]["update_id"] + 1)
        return [update[kind] for update in updates if kind in update]


@pytest.fixture
async def typed(network: FakeTelegram, bot: BareClient, tmp_path: Path) -> Typed:
    """Ann, who types, and whose bot wants to know everything."""
    kinds = ["message", "edited_message", "message_reaction", "callback_query"]
    await bot.updates(allowed_updates=kinds)
    return Typed(network, bot, tmp_path)


async def test_a_line_is_written_to_the_bot(typed: Typed) -> None:
    """Also one that begins with a slash and is no command; two slashes make any one text."""
    typed.type("hello", "/start", "//help", "  ")

    assert [one["text"] for one in await typed.arrived()] == ["hello", "/start", "/help"]


async def test_what_the_bot_does_is_said(typed: Typed, tmp_path: Path) -> None:
    """Texts, edits, typing, reactions, deletions, drafts; files are saved."""
    typed.type("hello")
    typed.said.clear()
    ask, thumb = typed.bot.ask, [{"type": "emoji", "emoji": "👍"}]

    await ask("sendChatAction", chat_id=ANN, action="typing")
    reply = {"reply_to_message_id": 1, "parse_mode": "Markdown"}
    await ask("sendMessage", chat_id=ANN, text="*hi*", **reply)
    await ask("editMessageText", chat_id=ANN, message_id=2, text="hi there")
    await ask("setMessageReaction", chat_id=ANN, message_id=1, reaction=thumb)
    await ask("setMessageReaction", chat_id=ANN, message_id=1)
    await ask("sendMessageDraft", chat_id=ANN, draft_id=1, text="hm")
    await ask("deleteMessage", chat_id=ANN, message_id=2)
    await typed.bot.upload("sendPhoto", {"photo": png()}, chat_id=str(ANN), caption="see")

    saved = tmp_path / "file_0.jpg"
    assert typed.said == [
        "bot in private is typing ...",
        "bot in private #2 (to #1): hi  [bold]",
        "bot in private edits #2: hi there",
        "bot in private reacts to #1: 👍",
        "bot in private reacts to #1: no more",
        "bot in private drafts: hm",
        "bot in private deletes #2",
        f"bot in private #3: [photo: {saved}] see",
    ]
    assert saved.read_bytes() == png()


async def test_what_was_written_can_be_changed(typed: Typed) -> None:
    """The last message, or the one that is named."""
    typed.type("one", "two", "/edit TWO", "/edit #1 ONE", "/delete #1")

    edited = await typed.arrived("edited_message")

    assert [(one["message_id"], one["text"]) for one in edited] == [(2, "TWO"), (1, "ONE")]
    assert typed.type("/list") == ["#2 Ann: TWO"]


async def test_the_bots_message_is_answered(typed: Typed) -> None:
    """By a reply, a reaction, or the press of a button."""
    typed.type("hello")
    await typed.arrived()
    await typed.bot.ask("sendMessage", chat_id=ANN, text="x", reply_markup=KEYBOARD)
    typed.type("/reply fine", "/react 👍", "/press y")

    reply, reaction, press = await typed.bot.updates()
    query = press["callback_query"]
    await typed.bot.ask("answerCallbackQuery", callback_query_id=query["id"], text="ok")

    assert reply["message"]["reply_to_message"]["message_id"] == 2
    assert reaction["message_reaction"]["new_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert query["data"] == "y"
    assert typed.said[-1] == "bot answers the button: ok"


async def test_a_person_goes_elsewhere_and_is_somebody_else(typed: Typed) -> None:
    """Groups, topics, and other people's private chats."""
    typed.type("/group hi", "/as Bob", "hello", "/upgrade", "there", "/topic Plans", "plan")
    typed.type("/topic Plans", "/private psst")

    messages = [one for one in await typed.arrived() if "text" in one]

    assert [(one["from"]["first_name"], one["text"]) for one in messages] == [
        ("Ann", "hi"),
        ("Bob", "hello"),
        ("Bob", "there"),
        ("Bob", "plan"),
        ("Bob", "psst"),
    ]
    assert messages[3]["is_topic_message"] is True


async def test_files_are_sent(typed: Typed, tmp_path: Path) -> None:
    """As a photo, a file, something spoken, an album."""
    picture, notes = tmp_path / "a.png", tmp_path / "b.txt"
    picture.write_bytes(png())
    notes.write_text("notes")
    typed.type(f"/photo {picture} look", f"/file {notes}", f"/voice {notes}")
    typed.type(f"/album {picture} {notes}")

    messages = await typed.arrived()

    assert messages[0]["caption"] == "look"
    assert [
        next(kind for kind in ("photo", "document", "voice") if kind in one) for one in messages
    ] == ["photo", "document", "voice", "photo", "document"]


async def test_the_network_fails_when_it_is_told_to(typed: Typed) -> None:
    """Limits, error pages, resets, a block."""
    url = typed.bot.url("sendMessage")
    send = {"chat_id": ANN, "text": "x"}
    statuses = []
    for line in ("hello", "/block", "/unblock", "/limit 5", "/fail 503"):
        typed.type(line)
        statuses.append((await typed.bot.http.post(url, json=send)).status_code)
    typed.type("/fail reset")

    assert statuses == [200, 403, 200, 429, 503]
    with pytest.raises(httpx.ReadError):
        await typed.bot.http.post(url, json=send)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/reply hello", "the bot has written nothing here"),
        ("/edit hello", "you wrote nothing here"),
        ("/delete #9", "there is no message #9 here"),
        ("/photo /nowhere/a.png", "No such file"),
        ("/photo", "it needs the file's path"),
        ("/album", "it needs the files' paths"),
        ("/topic", "it needs the topic's name"),
        ("/as", "it needs a name"),
        ("/limit many", "'many' is no number"),
        ("/upgrade", "only in a group that is none yet"),
    ],
)
async def test_a_mistake_is_explained(typed: Typed, line: str, says: str) -> None:
    """Nothing happens, and the network goes on."""
    (said,) = typed.type(line)

    assert said.startswith("cannot do that: ")
    assert says in said


async def test_blocking_is_for_private_chats(typed: Typed) -> None:
    """And a supergroup is not upgraded again."""
    assert "only in a private chat" in typed.type("/group", "/block")[-1]
    assert "already" in typed.type("/upgrade", "/upgrade")[-1]


async def test_it_starts_from_a_checkout_and_talks_over_pipes(tmp_path: Path) -> None:
    """It says where it is and what to configure, and goes on when the pipe has ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdin
    assert process.stdout
    async with asyncio.timeout(GUARD_S):
        told = await process.stdout.readuntil(b"You are Ann")
        match = re.search(rb"base_url: (http://\S+)", told)
        assert match
        process.stdin.write("héllo\nlast".encode())
        process.stdin.close()
        base = f"{match[1].decode()}/bot{TOKEN}"
        texts: list[str] = []
        async with httpx.AsyncClient(trust_env=False) as http:
            while len(texts) < 2:
                answer = await http.get(f"{base}/getUpdates", params={"timeout": "5"})
                texts = [one["message"]["text"] for one in answer.json()["result"]]
            await http.get(f"{base}/sendMessage", params={"chat_id": ANN, "text": "x"})
        await process.stdout.readuntil(b"bot in private #3: x")
        process.terminate()

        assert await process.wait() == 0
    assert texts == ["héllo", "last"]
