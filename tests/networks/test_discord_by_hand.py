"""The fake Discord as a person starts it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import httpx
import pytest

from networks.discord import FakeDiscord
from networks.discord.by_hand import ByHand
from networks.discord.network import TOKEN
from networks.discord_client import AGENT, BareGateway, BareRest

PROGRAM = Path(__file__).parent / "discord"
GUARD_S = 60.0


class Typed:
    """A person at the network, and a bot that is called by hand as well."""

    def __init__(self, network: FakeDiscord, rest: BareRest, folder: Path) -> None:
        self.rest = rest
        self.folder = folder
        self.said: list[str] = []
        self.person = ByHand(network, folder, self.said.append)
        self.general = next(iter(self.person.hall.guild.channels))

    def type(self, *lines: str) -> list[str]:
        """Type lines; return what was said of them."""
        before = len(self.said)
        for line in lines:
            self.person.do(line)
        return self.said[before:]

    def files(self) -> list[Path]:
        """Return the files that were saved."""
        return [*self.folder.iterdir()]

    async def say(self, content: str, channel: str = "") -> str:
        """Let the bot write; return the message's id."""
        sent = await self.rest.say(channel or self.general, content)
        return str(sent["id"])


@pytest.fixture
def typed(discord: FakeDiscord, rest: BareRest, tmp_path: Path) -> Typed:
    """Ann, who types."""
    return Typed(discord, rest, tmp_path)


async def test_a_line_is_written_to_the_bot(
    typed: Typed, gateway: BareGateway, discord: FakeDiscord
) -> None:
    """Also one that begins with a slash and is no command; two slashes make any one text."""
    await gateway.start()
    typed.type("hello @bot", "/start", "//help", "  ")

    told = [(await gateway.event("MESSAGE_CREATE"))["content"] for _ in range(3)]
    assert told == [f"hello {discord.bot.mention}", "/start", "/help"]


async def test_what_the_bot_does_is_said(
    typed: Typed, discord: FakeDiscord, gateway: BareGateway, tmp_path: Path
) -> None:
    """Texts, edits, typing, reactions, threads, deletions, presence; files are saved."""
    await gateway.start()
    typed.type("hello")
    ask, path = typed.rest.ask, f"/channels/{typed.general}"
    asked = discord.world.channels[typed.general].history[0].id
    typed.said.clear()

    await ask("POST", f"{path}/typing")
    reply = {"message_reference": {"message_id": asked}, "embeds": [{"title": "t"}]}
    sent = await typed.rest.say(typed.general, "hi", **reply)
    await ask("PATCH", f"{path}/messages/{sent['id']}", {"content": "hi there"})
    for method in ("PUT", "DELETE"):
        await ask(method, f"{path}/messages/{asked}/reactions/%F0%9F%91%8D/@me")
    await ask("POST", f"{path}/messages/{asked}/threads", {"name": "Plans"})
    await ask("DELETE", f"{path}/messages/{sent['id']}")
    await typed.rest.upload(typed.general, {"content": "see"}, ("../a.txt", b"a"))
    activity = {"name": "x", "type": 4, "state": "thinking"}
    await gateway.send(3, {"status": "dnd", "activities": [activity]})
    await discord.wait_for(lambda: "bot is dnd thinking" in typed.said)

    (saved,) = typed.files()
    assert typed.said == [
        "bot in #general is typing ...",
        "bot in #general #2 (to #1): [embed: t] hi",
        "bot in #general edits #2 (to #1): [embed: t] hi there",
        "bot in #general reacts with 👍 at #1",
        "bot in #general takes back 👍 at #1",
        "bot opens the thread #Plans",
        "bot in #general deletes #2 (to #1): [embed: t] hi there".partition(" (")[0],
        f"bot in #general #3: [file: {saved}] see",
        "bot is dnd thinking",
    ]
    assert (saved.read_bytes(), saved.name.endswith("-a.txt")) == (b"a", True)


async def test_what_was_written_can_be_changed(typed: Typed) -> None:
    """The last message, or the one that is named."""
    typed.type("one", "two", "/edit TWO", "/edit #1 ONE", "/delete #1")

    assert typed.type("/list") == ["Ann: #2: TWO"]


async def test_the_bots_message_is_answered(typed: Typed, discord: FakeDiscord) -> None:
    """By a reply or a reaction, which is taken back."""
    await typed.say("x")
    said = typed.type("/reply fine", "/react 👍", "/unreact 👍", "/typing")

    assert said == ["Ann in #general #2 (to #1): fine", "reacted to #1", "took it back from #1"]


async def test_there_are_other_places_and_people(typed: Typed, discord: FakeDiscord) -> None:
    """Channels, threads, direct channels; whoever is somebody else is it there."""
    said = typed.type(
        "/channel news hi",
        "/thread Plans",
        "in it",
        "/as Bob",
        "me",
        "/private psst",
        "/as Ann",
    )
    where = [line.partition(", id")[0] for line in said]

    assert where == [
        "you are Ann in #news",
        "Ann in #news #1: hi",
        "you are Ann in #Plans",
        "Ann in #Plans #1: in it",
        "you are Bob in #Plans",
        "Bob in #Plans #2: me",
        "you are Bob in private",
        "Bob in private #1: psst",
        "you are Ann in private",
    ]


async def test_files_and_commands_are_used(typed: Typed, tmp_path: Path) -> None:
    """A file with a text; a command, which the bot answers."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"a")
    said = typed.type(f"/file {path} see")
    typed.type("/use ping hi")
    used = next(iter(typed.rest.network.world.interactions.values()))
    await typed.rest.ask("POST", f"/interactions/{used.id}/{used.token}/callback", {"type": 5})

    assert said[0].endswith("-a.txt] see")
    assert typed.said[-1] == "bot in #general answers the command"


async def test_things_go_wrong(
    typed: Typed, gateway: BareGateway, discord: FakeDiscord
) -> None:
    """A limit, a page, a reset; op 7, op 9, a close, a cut."""
    await gateway.start()
    typed.type("/limit 2", "/fail 503", "/reconnect", "/invalidate", "/close 4008")
    path = f"/channels/{typed.general}/messages"
    codes = []
    for _ in range(2):
        response = await typed.rest.request("POST", path, json={"content": "x"})
        codes.append(response.status_code)
    typed.type("/fail reset", "/drop")
    with pytest.raises(httpx.TransportError):
        await typed.rest.ask("GET", "/users/@me")

    assert codes == [429, 503]
    assert await gateway.closing() == 4008
    assert [line.received_ops for line in discord.gateway.opened] == [[2]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/edit x", "you wrote nothing here"),
        ("/reply x", "the bot has written nothing here"),
        ("/reply #9 x", "there is no message #9 here"),
        ("/as", "it needs a name"),
        ("/thread", "it needs the thread's name"),
        ("/use", "it needs the command's name"),
        ("/file", "it needs the file's path"),
        ("/file /nowhere/at/all", "No such file"),
        ("/limit x", "'x' is no number"),
    ],
)
async def test_a_mistake_is_told(typed: Typed, line: str, reason: str) -> None:
    """And nothing is done."""
    said = typed.type(line)

    assert len(said) == 1
    assert said[0].startswith("cannot do that: ")
    assert reason in said[0]


async def test_no_emoji_is_a_mistake_too(typed: Typed) -> None:
    """In the network's words; and there are no threads in private."""
    await typed.say("x")

    assert typed.type("/react x") == ["cannot do that: Unknown Emoji"]
    assert "only in a channel" in typed.type("/private", "/thread x")[-1]


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
        match = re.search(
            rb"base_url: (\S+)\s+gateway_url: (\S+)\s+guilds: .*id: \"(\d+)\"", told
        )
        assert match
        url, guild = match[1].decode(), match[3].decode()
        headers = {"Authorization": f"Bot {TOKEN}", "User-Agent": AGENT}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
            channel = (await http.get(f"{url}/guilds/{guild}/channels")).json()[0]["id"]
            process.stdin.write("héllo\nlast".encode())
            process.stdin.close()
            await process.stdout.readuntil(b"#2: last")
            messages = f"{url}/channels/{channel}/messages"
            texts = [one["content"] for one in (await http.get(messages)).json()]
            await http.post(messages, json={"content": "x"})
        await process.stdout.readuntil(b"bot in #general #3: x")
        process.terminate()

        assert await process.wait() == 0
    assert texts == ["last", "héllo"]
