"""Drives python-telegram-bot."""

# python-telegram-bot is installed only where this runs, and where types are checked another
# folder of the tests is called `telegram`.
# mypy: disable-error-code="import-not-found, attr-defined"

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import telegram
from lines import answer_lines
from telegram.ext import ApplicationBuilder, MessageHandler, filters

MEDIA = {"photo": telegram.InputMediaPhoto, "document": telegram.InputMediaDocument}

OBJECTS = {
    "reply_parameters": telegram.ReplyParameters,
    "link_preview_options": telegram.LinkPreviewOptions,
    "reply_markup": telegram.InlineKeyboardMarkup,
}
LISTS = {
    "entities": telegram.MessageEntity,
    "caption_entities": telegram.MessageEntity,
    "reaction": telegram.ReactionType,
}


def plain(value: Any) -> Any:
    """Return what an object holds, as the API has it."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, telegram.TelegramObject):
        return json.loads(value.to_json())
    return value


def media_of(item: dict[str, Any]) -> Any:
    """Return an item of an album."""
    rest = {name: one for name, one in item.items() if name not in ("type", "media")}
    return MEDIA[item["type"]](with_files(item["media"], attach=True), **rest)


def with_files(value: Any, *, attach: bool = False) -> Any:
    """Return a file to upload as the client wants it; all else as it is."""
    if isinstance(value, dict) and "upload" in value:
        content = base64.b64decode(value["upload"])
        return telegram.InputFile(content, value.get("name"), attach=attach)
    return value


def arguments_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return arguments with the client's objects in them."""
    made: dict[str, Any] = {}
    for name, value in given.items():
        if name in OBJECTS and isinstance(value, dict):
            made[name] = OBJECTS[name].de_json(value, None)
        elif name in LISTS:
            made[name] = [LISTS[name].de_json(one, None) for one in value]
        elif name == "media":
            made[name] = [media_of(item) for item in value]
        else:
            made[name] = with_files(value)
    return made


def explain(error: Exception) -> dict[str, Any]:
    """Return what an error carries."""
    if isinstance(error, telegram.error.RetryAfter):
        wait = error.retry_after
        return {"retry_after": wait if isinstance(wait, int) else int(wait.total_seconds())}
    if isinstance(error, telegram.error.ChatMigrated):
        return {"migrate_to": error.new_chat_id}
    return {}


class Judge:
    """A bot, once it is connected."""

    def __init__(self) -> None:
        self.bot: Any = None

    async def connect(self, url: str, token: str) -> None:
        """Be a bot elsewhere."""
        await self.close()
        self.bot = telegram.Bot(token, f"{url}/bot", f"{url}/file/bot")
        await self.bot.initialize()

    async def close(self) -> None:
        """Close the connections."""
        if self.bot:
            await self.bot.shutdown()

    async def do(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do one command: a method of the bot, or one of those here."""
        if command == "connect":
            return await self.connect(**arguments)
        if command == "download":
            file = await self.bot.get_file(arguments["file_id"])
            return base64.b64encode(await file.download_as_bytearray()).decode()
        if command == "echo":
            return await self.echo(arguments["count"])
        return plain(await getattr(self.bot, command)(**arguments_of(arguments)))

    async def echo(self, count: int) -> list[str]:
        """Run the client's own loop until so many messages were answered."""
        application = ApplicationBuilder().bot(self.bot).build()
        seen: list[str] = []
        is_done = asyncio.Event()

        async def answer(update: Any, context: Any) -> None:
            await update.message.reply_text(update.message.text)
            seen.append(update.message.text)
            if len(seen) == count:
                is_done.set()

        application.add_handler(MessageHandler(filters.TEXT, answer))
        async with application:
            await application.updater.start_polling()
            await application.start()
            await is_done.wait()
            await application.updater.stop()
            await application.stop()
        return seen


async def main() -> None:
    """Answer lines."""
    judge = Judge()
    await answer_lines(judge.do, explain)
    await judge.close()


asyncio.run(main())
