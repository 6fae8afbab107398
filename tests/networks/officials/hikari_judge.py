"""Drives hikari."""

# hikari is installed only where this runs.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import base64
from typing import Any

import hikari
from happenings import Happenings
from lines import answer_lines


def plain(message: Any) -> dict[str, Any]:
    """Return what a message holds."""
    member = message.member
    reference = message.message_reference
    return {
        "id": str(message.id),
        "channel": str(message.channel_id),
        "author": str(message.author.id),
        "name": member.display_name if member else message.author.display_name,
        "content": message.content or "",
        "nonce": message.nonce,
        "pings": sorted(str(one) for one in message.user_mentions_ids or ()),
        "reply_to": str(reference.id) if reference else None,
        "files": [[one.filename, one.size, one.description] for one in message.attachments],
        "edited": message.edited_timestamp is not None,
        "forwarded": [one.content for one in message.message_snapshots],
        "stickers": [one.name for one in message.stickers],
        "webhook": str(message.webhook_id) if message.webhook_id else None,
    }


def explain(error: Exception) -> dict[str, Any]:
    """Return what an error carries."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    return {"status": int(status) if status else None, "code": code}


class Judge:
    """A bot, once it is connected."""

    def __init__(self) -> None:
        self.happenings = Happenings()
        self.bot: Any = None
        self.is_echoing = False
        self.answers: dict[str, str] = {}

    async def connect(self, url: str, gateway: str, token: str) -> str:
        """Be a bot elsewhere; the client asks there where the gateway is."""
        await self.close()
        self.happenings.clear()
        self.is_echoing = False
        self.bot = hikari.GatewayBot(
            token,
            rest_url=url,
            intents=hikari.Intents.ALL,
            auto_chunk_members=False,
            banner=None,
            logs=None,
            suppress_optimization_warning=True,
        )
        self.listen()
        await self.bot.start(check_for_updates=False)
        await self.happenings.wait("ready")
        return str(self.bot.get_me().id)

    def listen(self) -> None:
        """Take down what is told."""
        kinds: dict[Any, Any] = {
            hikari.ShardReadyEvent: ("ready", lambda event: {}),
            hikari.ShardResumedEvent: ("resumed", lambda event: {}),
            hikari.MessageUpdateEvent: ("edit", lambda event: {"id": str(event.message_id)}),
            hikari.MessageDeleteEvent: ("delete", lambda event: {"id": str(event.message_id)}),
            hikari.GuildBulkMessageDeleteEvent: (
                "bulk_delete",
                lambda event: {"ids": sorted(map(str, event.message_ids))},
            ),
            hikari.ReactionAddEvent: ("react", reaction),
            hikari.ReactionDeleteEvent: ("unreact", reaction),
            hikari.GuildThreadCreateEvent: (
                "thread",
                lambda event: {"id": str(event.thread.id), "name": event.thread.name},
            ),
            hikari.TypingEvent: (
                "typing",
                lambda event: {"channel": str(event.channel_id), "user": str(event.user_id)},
            ),
        }
        for kind, (name, told) in kinds.items():
            self.bot.subscribe(kind, self.recorder(name, told))
        self.bot.subscribe(hikari.MessageCreateEvent, self.on_message)
        self.bot.subscribe(hikari.InteractionCreateEvent, self.on_interaction)

    def recorder(self, name: str, told: Any) -> Any:
        """Return what takes one kind down."""

        async def record(event: Any) -> None:
            self.happenings.add(name, **told(event))

        return record

    async def on_message(self, event: Any) -> None:
        """Read a message."""
        self.happenings.add("message", **plain(event.message))
        if self.is_echoing and event.author_id != self.bot.get_me().id:
            await self.bot.rest.create_message(event.channel_id, event.message.content)

    async def on_interaction(self, event: Any) -> None:
        """Answer a command."""
        interaction = event.interaction
        kind = hikari.ResponseType.DEFERRED_MESSAGE_CREATE
        await interaction.create_initial_response(kind)
        await interaction.edit_initial_response(self.answers[interaction.command_name])

    async def close(self) -> None:
        """Close the connections."""
        if self.bot and self.bot.is_alive:
            await self.bot.close()

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
        if content is not None:
            options["content"] = content
        if reply_to:
            options["reply"] = int(reply_to)
        if files:
            options["attachments"] = [
                hikari.Bytes(base64.b64decode(one["upload"]), one["name"]) for one in files
            ]
        if nonce:
            options["nonce"] = nonce
        if not quiet:
            options |= {
                "mentions_everyone": True,
                "user_mentions": True,
                "mentions_reply": True,
            }
        return plain(await self.bot.rest.create_message(int(channel), **options))

    async def edit(self, channel: str, message: str, content: str) -> dict[str, Any]:
        """Edit a message."""
        return plain(await self.bot.rest.edit_message(int(channel), int(message), content))

    async def delete(self, channel: str, message: str) -> None:
        """Delete a message."""
        await self.bot.rest.delete_message(int(channel), int(message))

    async def bulk_delete(self, channel: str, messages: list[str]) -> None:
        """Delete messages together."""
        await self.bot.rest.delete_messages(int(channel), [int(one) for one in messages])

    async def react(self, channel: str, message: str, emoji: str) -> None:
        """React to a message."""
        await self.bot.rest.add_reaction(int(channel), int(message), emoji)

    async def unreact(self, channel: str, message: str, emoji: str) -> None:
        """Take a reaction back."""
        await self.bot.rest.delete_my_reaction(int(channel), int(message), emoji)

    async def type(self, channel: str) -> None:
        """Show that the bot writes."""
        await self.bot.rest.trigger_typing(int(channel))

    async def show(self, status: str, text: str) -> None:
        """Show a presence."""
        activity = hikari.Activity(name=text, state=text, type=hikari.ActivityType.CUSTOM)
        await self.bot.update_presence(status=hikari.Status(status), activity=activity)

    async def history(self, channel: str, **bounds: Any) -> list[str]:
        """Return the texts of a channel, the oldest first."""
        limit = bounds.pop("limit", None)
        places = {name: int(one) for name, one in bounds.items()}
        pages = self.bot.rest.fetch_messages(int(channel), **places)
        found = await (pages.limit(limit) if limit else pages)
        return [one.content for one in sorted(found, key=lambda one: int(one.id))]

    async def fetch(self, channel: str, message: str) -> dict[str, Any]:
        """Get a message."""
        return plain(await self.bot.rest.fetch_message(int(channel), int(message)))

    async def download(self, channel: str, message: str) -> str:
        """Get the first file of a message."""
        found = await self.bot.rest.fetch_message(int(channel), int(message))
        return base64.b64encode(await found.attachments[0].read()).decode()

    async def dm(self, user: str) -> str:
        """Open a direct channel."""
        return str((await self.bot.rest.create_dm_channel(int(user))).id)

    async def channels(self, guild: str) -> list[str]:
        """Return the names of a guild's channels."""
        return [one.name for one in await self.bot.rest.fetch_guild_channels(int(guild))]

    async def thread(self, channel: str, name: str, message: str | None = None) -> str:
        """Open a thread."""
        rest = self.bot.rest
        if message:
            return str((await rest.create_message_thread(int(channel), int(message), name)).id)
        kind = hikari.ChannelType.GUILD_PUBLIC_THREAD
        return str((await rest.create_thread(int(channel), kind, name)).id)

    async def post(self, channel: str, name: str, content: str) -> str:
        """Open a post of a forum."""
        return str((await self.bot.rest.create_forum_post(int(channel), name, content)).id)

    async def offer(self, name: str, answer: str) -> str:
        """Offer a command that is answered; return its id."""
        self.answers[name] = answer
        command = self.bot.rest.slash_command_builder(name, "Answers.")
        me = self.bot.get_me().id
        return str((await self.bot.rest.set_application_commands(me, [command]))[0].id)

    async def echo(self) -> None:
        """Answer every message from now on."""
        self.is_echoing = True


def reaction(event: Any) -> dict[str, Any]:
    """Return what a reaction holds."""
    emoji = event.emoji_name
    if event.emoji_id:
        emoji = f"<:{event.emoji_name}:{event.emoji_id}>"
    return {"id": str(event.message_id), "emoji": str(emoji)}


async def main() -> None:
    """Answer lines."""
    judge = Judge()
    await answer_lines(judge.do, explain)
    await judge.close()


asyncio.run(main())
