"""The fake Slack as a person starts it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from networks.slack import FakeSlack
from networks.slack.by_hand import ByHand
from networks.slack.network import APP_TOKEN, BOT_TOKEN
from networks.slack_client import SlackClient

NETWORKS = Path(__file__).parent
PROGRAM = NETWORKS / "slack"
GUARD_S = 60.0

BUTTON = {"type": "button", "action_id": "ok", "value": "yes"}


class Typed:
    """A person at the network, and a bot that is called by hand as well."""

    def __init__(self, network: FakeSlack, bot: SlackClient, folder: Path) -> None:
        self.network = network
        self.bot = bot
        self.said: list[str] = []
        self.person = ByHand(network, folder, self.said.append)
        self.direct = next(iter(network.world.channels.values()))

    def type(self, *lines: str) -> list[str]:
        """Type lines; return what was said of them."""
        before = len(self.said)
        for line in lines:
            self.person.do(line)
        return self.said[before:]

    async def send(self, text: str = "x", **params: Any) -> str:
        """Let the bot write to Ann; return the timestamp."""
        params.setdefault("channel", self.direct.id)
        return str((await self.bot.send("chat.postMessage", text=text, **params))["ts"])

    def events(self, kind: str = "message") -> list[dict[str, Any]]:
        """Return the events of one kind that were to reach the bot."""
        told = [one.payload for one in self.network.deliveries if "event" in one.payload]
        return [one["event"] for one in told if one["event"]["type"] == kind]


@pytest.fixture
async def typed(slack: FakeSlack, app: SlackClient, tmp_path: Path) -> Typed:
    """Ann, who types, and an app that is connected."""
    await app.connect()
    return Typed(slack, app, tmp_path)


async def test_a_line_is_written_to_the_bot(typed: Typed) -> None:
    """A word with a slash is a command of the app; two slashes make it a text."""
    typed.type("hello @test_bot", "/ask what else", "//help", "  ")

    assert [event["text"] for event in typed.events()] == [
        f"hello <@{typed.network.bot.id}>",
        "/help",
    ]
    (command,) = [one for one in typed.network.deliveries if one.kind == "slash_commands"]
    assert (command.payload["command"], command.payload["text"]) == ("/ask", "what else")


async def test_what_the_bot_does_is_said(typed: Typed, tmp_path: Path) -> None:
    """Texts, threads, edits, reactions, status, deletions; files are saved."""
    typed.type("hello")
    typed.said.clear()
    ask, direct = typed.bot.send, typed.direct.id
    root = next(iter(typed.direct.messages))

    status = {"channel_id": direct, "thread_ts": root, "status": "is thinking"}
    await ask("assistant.threads.setStatus", **status)
    ts = await typed.send("*hi* <https://a.test|there>", thread_ts=root)
    await ask("chat.update", channel=direct, ts=ts, text="hi there")
    await ask("reactions.add", channel=direct, timestamp=root, name="eyes")
    await ask("reactions.remove", channel=direct, timestamp=root, name="eyes")
    await ask("chat.delete", channel=direct, ts=ts)
    await ask("users.setPresence", presence="away")
    place = await typed.bot.ask("files.getUploadURLExternal", filename="a.txt", length="2")
    await typed.bot.http.post(place["upload_url"], content=b"hi")
    files = f'[{{"id": "{place["file_id"]}"}}]'
    await typed.bot.ask("files.completeUploadExternal", files=files, channel_id=direct)
    await typed.network.wait_for_sent(2)

    saved = tmp_path / f"{place['file_id']}-a.txt"
    assert typed.said == [
        "bot in direct messages: is thinking",
        "bot in direct messages #2 (in thread #1): *hi* there",
        "bot in direct messages edits #2: hi there",
        "bot in direct messages reacts to #1: :eyes:",
        "bot in direct messages no longer reacts to #1: :eyes:",
        "bot in direct messages deletes #2",
        "bot is away",
        f"bot in direct messages #3: [file: {saved}]",
    ]
    assert saved.read_bytes() == b"hi"


async def test_what_was_written_can_be_changed(typed: Typed) -> None:
    """The last message, or the one that is named."""
    typed.type("one", "two", "/edit TWO", "/edit #1 ONE", "/delete #1")

    changed = [event for event in typed.events() if event.get("subtype") == "message_changed"]
    assert [event["message"]["text"] for event in changed] == ["TWO", "ONE"]
    assert typed.type("/list") == ["#2 Ann: TWO"]


async def test_the_bots_message_is_answered(typed: Typed) -> None:
    """In its thread, by a reaction, or by the press of a button."""
    blocks = [{"type": "actions", "elements": [BUTTON]}]
    ts = await typed.send(blocks=blocks)
    typed.type("/react 👍", "/press ok", "/thread fine", "more", "/direct outside")
    texts = [(event["text"], event.get("thread_ts")) for event in typed.events()][1:]

    assert texts == [("fine", ts), ("more", ts), ("outside", None)]
    assert typed.events("reaction_added")[0]["reaction"] == "+1"
    (press,) = [one for one in typed.network.deliveries if one.kind == "interactive"]
    assert press.payload["actions"][0]["value"] == "yes"


async def test_a_person_goes_elsewhere_and_is_somebody_else(typed: Typed) -> None:
    """Channels, and other people's direct messages; what the bot does there is named."""
    typed.type("/channel lab hi", "/as Bob", "hello", "/direct psst", "/as Eve", "/channel lab")
    lab = next(one.id for one in typed.network.world.channels.values() if one.name == "lab")
    await typed.send("to all", channel=lab)
    bob = next(one for one in typed.network.world.users.values() if one.real_name == "Bob")
    await typed.send("to one", channel=bob.id)
    names = {user.id: user.real_name for user in typed.network.world.users.values()}
    told = [(names[event["user"]], event["text"]) for event in typed.events()]

    assert told[:3] == [("Ann", "hi"), ("Bob", "hello"), ("Bob", "psst")]
    assert typed.said[-2:] == [
        "bot in #lab #4: to all",
        "bot in direct messages with Bob #5: to one",
    ]


async def test_files_are_sent(typed: Typed, tmp_path: Path) -> None:
    """With words."""
    notes = tmp_path / "b.txt"
    notes.write_text("notes")
    said = typed.type(f"/file {notes} look")

    assert said == ["Ann in direct messages #1: [file] look"]
    assert typed.events()[0]["files"][0]["name"] == "b.txt"


async def test_the_network_fails_when_it_is_told_to(typed: Typed) -> None:
    """Limits, error pages, resets, connections that are told to go."""
    params = {"channel": typed.direct.id, "text": "x"}
    statuses = []
    for line in ("hello", "/limit 5", "/fail 503"):
        typed.type(line)
        statuses.append((await typed.bot.post("chat.postMessage", json=params)).status_code)
    said = typed.type("/refresh", "/fail reset")

    assert statuses == [200, 429, 503]
    assert said[0] == "told 1 connections to go"
    with pytest.raises(httpx.ReadError):
        await typed.bot.post("chat.postMessage", json=params)


async def test_events_can_be_posted(typed: Typed) -> None:
    """If the address answers as it has to."""
    typed.type("/http http://127.0.0.1:9/hook")
    await typed.network.wait_for(lambda: "did not answer" in "".join(typed.said))

    assert typed.network.poster is None


async def test_who_is_not_connected_is_said(slack: FakeSlack, tmp_path: Path) -> None:
    """What is typed then comes late, or never."""
    said: list[str] = []
    ByHand(slack, tmp_path, said.append).do("hello")

    assert said[-1].endswith(
        "no app is connected; the network tries again after 0, 60, 300 seconds"
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/thread hello", "the bot has written nothing here"),
        ("/edit hello", "you wrote nothing here"),
        ("/delete #9", "there is no message #9"),
        ("/file /nowhere/a.png", "No such file"),
        ("/file", "it needs the file's path"),
        ("/channel", "it needs the channel's name"),
        ("/as", "it needs a name"),
        ("/limit many", "'many' is no number"),
        ("/http ftp://x", "it needs an address"),
    ],
)
async def test_a_mistake_is_explained(typed: Typed, line: str, says: str) -> None:
    """Nothing happens, and the network goes on."""
    (said,) = typed.type(line)

    assert said.startswith("cannot do that: ")
    assert says in said


async def test_reactions_and_buttons_are_to_be_named(typed: Typed) -> None:
    """And to be there."""
    await typed.send()

    assert typed.type("/react") == ["cannot do that: it needs an emoji"]
    assert "no button 'ok'" in typed.type("/press ok")[-1]


async def call(base: str, token: str, method: str, **params: str) -> dict[str, Any]:
    """Call a method of a network that runs elsewhere."""
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await http.post(f"{base}/{method}", data=params, headers=headers)
        told: dict[str, Any] = answer.json()
        return told


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
    async with asyncio.timeout(GUARD_S), aiohttp.ClientSession() as sockets:
        told = await process.stdout.readuntil(b"You are Ann")
        match = re.search(rb"base_url: (http://\S+)", told)
        assert match
        base = match[1].decode()
        opened = await call(base, APP_TOKEN, "apps.connections.open")
        async with sockets.ws_connect(opened["url"]) as socket:
            await socket.receive_json()
            process.stdin.write("héllo\nlast".encode())
            process.stdin.close()
            events = [(await socket.receive_json())["payload"]["event"] for _ in range(2)]
        await call(base, BOT_TOKEN, "chat.postMessage", channel=events[0]["channel"], text="x")
        await process.stdout.readuntil(b"bot in direct messages #3: x")
        process.terminate()

        assert await process.wait() == 0
    assert [event["text"] for event in events] == ["héllo", "last"]
