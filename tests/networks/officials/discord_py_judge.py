"""Drives discord.py."""

# discord.py is installed only where this runs, and where types are checked another folder of
# the tests is called `discord`.
# mypy: disable-error-code="import-not-found, attr-defined, name-defined"

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from happenings import Happenings
from lines import answer_lines

READY_S = 0.05
"""How long the client waits for one more guild before it is ready; usually 2 seconds."""


def plain(message: Any) -> dict[str, Any]:
    """Return what a message holds."""
    return {
        "id": str(message.id),
        "channel": str(message.channel.id),
        "author": str(message.author.id),
        "name": message.author.display_name,
        "content": message.content,
        "nonce": message.nonce,
        "pings": sorted(str(user.id) for user in message.mentions),
        "reply_to": str(message.reference.message_id) if message.reference else None,
        "files": [[one.filename, one.size, one.description] for one in message.attachments],
        "edited": message.edited_at is not None,
        "forwarded": [one.content for one in message.message_snapshots],
        "stickers": [one.name for one in message.stickers],
        "webhook": str(message.webhook_id) if message.webhook_id else None,
    }


def explain(error: Exception) -> dict[str, Any]:
    """Return what an error carries."""
    return {
        "status": getattr(error, "status", None),
        "code": getattr(error, "code", None),
    }


def files_of(uploads: list[dict[str, str]]) -> list[Any]:
    """Return files as the client sends them."""
    return [
        discord.File(
            io.BytesIO(base64.b64decode(one["upload"])),
            one["name"],
            description=one.get("description"),
        )
        for one in uploads
    ]


class Client(discord.Client):  # type: ignore[misc]
    """Takes down what it is told."""

    def __init__(self, happenings: Happenings, **options: Any) -> None:
        super().__init__(**options)
        self.happenings = happenings
        self.is_echoing = False
        self.tree = app_commands.CommandTree(self)

    async def on_ready(self) -> None:
        """Be ready."""
        self.happenings.add("ready")

    async def on_resumed(self) -> None:
        """Go on."""
        self.happenings.add("resumed")

    async def on_message(self, message: Any) -> None:
        """Read a message."""
        self.happenings.add("message", **plain(message))
        if self.is_echoing and message.author != self.user:
            await message.channel.send(message.content)

    async def on_raw_message_edit(self, event: Any) -> None:
        """Read an edit."""
        self.happenings.add("edit", **plain(event.message))

    async def on_raw_message_delete(self, event: Any) -> None:
        """Read a deletion."""
        self.happenings.add("delete", id=str(event.message_id))

    async def on_raw_bulk_message_delete(self, event: Any) -> None:
        """Read several deletions."""
        self.happenings.add("bulk_delete", ids=sorted(map(str, event.message_ids)))

    async def on_raw_reaction_add(self, event: Any) -> None:
        """Read a reaction."""
        self.happenings.add("react", id=str(event.message_id), emoji=str(event.emoji))

    async def on_raw_reaction_remove(self, event: Any) -> None:
        """Read that a reaction was taken back."""
        self.happenings.add("unreact", id=str(event.message_id), emoji=str(event.emoji))

    async def on_thread_create(self, thread: Any) -> None:
        """Read that a thread was opened."""
        self.happenings.add("thread", id=str(thread.id), name=thread.name)

    async def on_typing(self, channel: Any, user: Any, when: Any) -> None:
        """Read that somebody writes."""
        self.happenings.add("typing", channel=str(channel.id), user=str(user.id))


class Judge:
    """A bot, once it is connected."""

    def __init__(self) -> None:
        self.happenings = Happenings()
        self.client: Any = None
        self.task: asyncio.Task[None] | None = None

    async def connect(self, url: str, gateway: str, token: str) -> str:
        """Be a bot elsewhere; return its id."""
        await self.close()
        Route.BASE = url
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
        self.happenings.clear()
        self.client = Client(
            self.happenings,
            intents=discord.Intents.all(),
            guild_ready_timeout=READY_S,
            chunk_guilds_at_startup=False,
        )
        self.task = asyncio.create_task(self.client.start(token))
        ready = asyncio.create_task(self.happenings.wait("ready"))
        await asyncio.wait([self.task, ready], return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            self.task.result()
        return str(self.client.user.id)

    async def close(self) -> None:
        """Close the connections."""
        if self.client:
            await self.client.close()
        if self.task:
            with contextlib.suppress(Exception):
                await self.task

    def channel(self, channel: str) -> Any:
        """Return a channel without asking for it."""
        return self.client.get_partial_messageable(int(channel))

    def message(self, channel: str, message: str) -> Any:
        """Return a message without asking for it."""
        return self.channel(channel).get_partial_message(int(message))

    async def do(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do one command."""
        return await getattr(self, command)(**arguments)

    async def wait(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many things of a kind happened; return them."""
        told: list[dict[str, Any]] = await self.happenings.wait(kind, count)
        return told

    async def send(
        self,
        channel: str,
        content: str | None = None,
        *,
        reply_to: str | None = None,
        files: list[dict[str, str]] | None = None,
        nonce: str | None = None,
        quiet: bool = False,
    ) -> dict[str, Any]:
        """Send a message."""
        options: dict[str, Any] = {}
        if reply_to:
            options["reference"] = self.message(channel, reply_to).to_reference()
        if files:
            options["files"] = files_of(files)
        if nonce:
            options["nonce"] = nonce
        if quiet:
            options["allowed_mentions"] = discord.AllowedMentions.none()
        return plain(await self.channel(channel).send(content, **options))

    async def edit(self, channel: str, message: str, content: str) -> dict[str, Any]:
        """Edit a message."""
        return plain(await self.message(channel, message).edit(content=content))

    async def delete(self, channel: str, message: str) -> None:
        """Delete a message."""
        await self.message(channel, message).delete()

    async def bulk_delete(self, channel: str, messages: list[str]) -> None:
        """Delete messages together."""
        found = self.client.get_channel(int(channel))
        await found.delete_messages([discord.Object(int(one)) for one in messages])

    async def react(self, channel: str, message: str, emoji: str) -> None:
        """React to a message."""
        await self.message(channel, message).add_reaction(emoji)

    async def unreact(self, channel: str, message: str, emoji: str) -> None:
        """Take a reaction back."""
        await self.message(channel, message).remove_reaction(emoji, self.client.user)

    async def type(self, channel: str) -> None:
        """Show that the bot writes."""
        await self.channel(channel).typing()

    async def show(self, status: str, text: str) -> None:
        """Show a presence."""
        activity = discord.CustomActivity(text)
        await self.client.change_presence(status=discord.Status(status), activity=activity)

    async def history(self, channel: str, **bounds: Any) -> list[str]:
        """Return the texts of a channel, the oldest first."""
        limit = bounds.pop("limit", None)
        places = {name: discord.Object(int(one)) for name, one in bounds.items()}
        pages = self.channel(channel).history(limit=limit, oldest_first=True, **places)
        return [message.content async for message in pages]

    async def fetch(self, channel: str, message: str) -> dict[str, Any]:
        """Get a message."""
        return plain(await self.channel(channel).fetch_message(int(message)))

    async def download(self, channel: str, message: str) -> str:
        """Get the first file of a message."""
        found = await self.channel(channel).fetch_message(int(message))
        return base64.b64encode(await found.attachments[0].read()).decode()

    async def dm(self, user: str) -> str:
        """Open a direct channel."""
        found = await self.client.fetch_user(int(user))
        return str((await found.create_dm()).id)

    async def channels(self, guild: str) -> list[str]:
        """Return the names of a guild's channels."""
        found = await self.client.fetch_guild(int(guild))
        return [one.name for one in await found.fetch_channels()]

    async def thread(self, channel: str, name: str, message: str | None = None) -> str:
        """Open a thread."""
        found = self.client.get_channel(int(channel))
        if message:
            at = found.get_partial_message(int(message))
            return str((await at.create_thread(name=name)).id)
        kind = discord.ChannelType.public_thread
        return str((await found.create_thread(name=name, type=kind)).id)

    async def post(self, channel: str, name: str, content: str) -> str:
        """Open a post of a forum."""
        found = self.client.get_channel(int(channel))
        return str((await found.create_thread(name=name, content=content)).thread.id)

    async def offer(self, name: str, answer: str) -> str:
        """Offer a command that is answered; return its id."""

        async def respond(interaction: Any) -> None:
            await interaction.response.defer()
            await interaction.followup.send(answer)

        command = app_commands.Command(name=name, description="Answers.", callback=respond)
        self.client.tree.add_command(command)
        return str((await self.client.tree.sync())[0].id)

    async def echo(self) -> None:
        """Answer every message from now on."""
        self.client.is_echoing = True


async def main() -> None:
    """Answer lines."""
    judge = Judge()
    await answer_lines(judge.do, explain)
    await judge.close()


asyncio.run(main())
