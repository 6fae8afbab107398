"""A channel from elsewhere, installed beside cobot, and a bot that runs on it.

Its network is a folder: what arrives stands in `inbox`, a line of JSON each, and what is sent
is written to `sent`. Some chats do what networks do: see `Pigeon.session_send`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

COBOT = str(Path(sys.executable).with_name("cobot"))
GUARD_S = 60.0  # a process that takes longer hangs, and is killed

TOKEN = "t0ken/with=odd+characters"

SOURCE = """
import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import attrs

from cobot import (
    AuthFailed,
    Batch,
    ChannelSpec,
    Forbidden,
    IncomingMessage,
    MessageDeleted,
    Secret,
    Unreachable,
    hookimpl,
)


@attrs.frozen
class Settings:
    token: Secret
    stays: bool = False
    target: str | None = None


class Pigeon(ChannelSpec):
    Settings = Settings

    def __init__(self, settings, context):
        self.settings, self.context = settings, context
        self.folder = Path(__file__).parent.parent

    @hookimpl
    async def session_receive(self, cursors):
        for line in (self.folder / "inbox").read_text().splitlines():
            fields = json.loads(line)
            yield Batch([
                IncomingMessage(
                    **{
                        "channel_type": self.context.name,
                        "channel_id": "loft",
                        "sender_id": "ann",
                        "sender_name": "Ann",
                        "timestamp": datetime(2026, 1, 1, 12, tzinfo=UTC),
                        "direct": True,
                        **fields,
                    }
                )
            ])
        print("ready", flush=True)
        if self.settings.stays:
            await asyncio.Event().wait()
        self.context.finished()

    @hookimpl
    async def session_send(self, message):
        name, chat = self.context.name, message.channel_id
        if chat == "shut":
            raise Forbidden(name, "send", "the loft is shut")
        if chat == "leaks":
            token = self.settings.token.reveal()
            raise Forbidden(name, "send", f"GET /{token}/send says no")
        if chat == "far":
            raise Unreachable(name, "send", "no pigeon flies that far")
        if chat == "nobody":
            raise AuthFailed(name, "send", "the token is refused")
        if chat == "held":
            print("holding", flush=True)
            await self.context.in_thread((self.folder / "gate").read_bytes)
        with (self.folder / "sent").open("a") as file:
            file.write(json.dumps({
                "channel": name, "chat": chat, "text": message.content,
                "thread": message.thread_id, "reply_to": message.reply_to,
            }) + "\\n")
        return f"{chat}-{message.content[:8]}"

    @hookimpl
    async def session_media(self, message):
        sizes = [len(await one.read(limit_bytes=1000)) for one in message.media]
        with (self.folder / "sent").open("a") as file:
            file.write(json.dumps({"text": message.content, "media": sizes}) + "\\n")
        return ["media-1", "media-2"]

    @hookimpl
    def session_default_target(self, channel_type):
        return self.settings.target
"""


class Bot:
    """A `cobot run` that is under way, on pipes."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=folder,
            env=environment,
        )
        self._guard = threading.Timer(GUARD_S, self.process.kill)
        self._guard.start()

    def says(self, text: str) -> None:
        """Read what it prints until it comes to a line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line == f"{text}\n":
                return
        raise AssertionError(f"it ended without {text!r}: {self.end()}")

    def end(self) -> str:
        """Wait for its end; return its log."""
        self.process.wait()
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def close(self) -> None:
        """Kill it if it still runs."""
        self._guard.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Loft:
    """A folder with a configuration and the channel; what is run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / ".cobot"
        self.bots: list[Bot] = []
        kept = {key: value for key, value in os.environ.items() if key[:6] != "COBOT_"}
        self.environment = {
            **kept,
            "HOME": str(folder),
            "PIGEON_TOKEN": TOKEN,
            "PYTHONPATH": str(folder / "site"),
            "TZ": "UTC",
        }
        info = folder / "site" / "cobot_pigeon-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: cobot-pigeon\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text("[cobot]\npigeon = pigeon:Pigeon\n")
        (folder / "site" / "pigeon.py").write_text(SOURCE)
        os.mkfifo(folder / "gate")
        self.receives()
        self.configure()

    def configure(self, text: str = "", *, top: str = "", **settings: str) -> None:
        """Write the configuration: a pigeon with settings, and more sections in `text`."""
        own = {"token": "${PIGEON_TOKEN}", "access": "{direct: open}", **settings}
        lines = [f"    {key}: {value}" for key, value in own.items()]
        self.folder.joinpath("cobot.yml").write_text(
            "\n".join([top, "plugins:", text, "  pigeon:", *lines, ""])
        )

    def receives(self, *messages: dict[str, Any]) -> None:
        """Have messages arrive at the next run."""
        lines = [json.dumps(one) for one in messages]
        (self.folder / "inbox").write_text("\n".join(lines))

    def run(
        self, *words: str, given: str | bytes = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            [COBOT, *words],
            input=given if isinstance(given, bytes) else given.encode(),
            capture_output=True,
            cwd=self.folder,
            env={**self.environment, **variables},
            timeout=GUARD_S,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def starts(self, *words: str) -> Bot:
        """Start a bot; return it when it runs."""
        bot = self.begins("run", *words)
        bot.says("ready")
        return bot

    def begins(self, *words: str) -> Bot:
        """Start a command and do not wait for anything."""
        self.bots.append(Bot([COBOT, *words], self.folder, self.environment))
        return self.bots[-1]

    def opens_the_gate(self) -> None:
        """Have what is held delivered; waits until it is held."""
        (self.folder / "gate").write_bytes(b"")

    @property
    def sent(self) -> list[dict[str, Any]]:
        """What the network got."""
        file = self.folder / "sent"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Kill what still runs."""
        for bot in self.bots:
            bot.close()
