"""Drives aiogram."""

# aiogram is installed only where this runs.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import base64
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import BufferedInputFile
from lines import answer_lines


def plain(value: Any) -> Any:
    """Return what a model holds, as the API has it."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return value


def with_files(value: Any) -> Any:
    """Return arguments in which files to upload are the client's."""
    if isinstance(value, dict):
        if "upload" in value:
            content = base64.b64decode(value["upload"])
            return BufferedInputFile(content, value.get("name", "file"))
        return {name: with_files(one) for name, one in value.items()}
    if isinstance(value, list):
        return [with_files(one) for one in value]
    return value


def explain(error: Exception) -> dict[str, Any]:
    """Return what an error carries."""
    names = {"retry_after": "retry_after", "migrate_to_chat_id": "migrate_to"}
    return {key: getattr(error, name) for name, key in names.items() if hasattr(error, name)}


class Judge:
    """A bot, once it is connected."""

    def __init__(self) -> None:
        self.bot: Any = None

    async def connect(self, url: str, token: str) -> None:
        """Be a bot elsewhere."""
        await self.close()
        session = AiohttpSession(api=TelegramAPIServer.from_base(url))
        self.bot = Bot(token, session=session)

    async def close(self) -> None:
        """Close the connections."""
        if self.bot:
            await self.bot.session.close()

    async def do(self, command: str, arguments: dict[str, Any]) -> Any:
        """Do one command: a method of the bot, or one of those here."""
        if command == "connect":
            return await self.connect(**arguments)
        if command == "download":
            file = await self.bot.download(arguments["file_id"])
            return base64.b64encode(file.read()).decode()
        if command == "echo":
            return await self.echo(arguments["count"])
        return plain(await getattr(self.bot, command)(**with_files(arguments)))

    async def echo(self, count: int) -> list[str]:
        """Run the client's own loop until so many messages were answered."""
        dispatcher = Dispatcher()
        seen: list[str] = []

        async def answer(message: Any) -> None:
            await message.answer(message.text)
            seen.append(message.text)
            if len(seen) == count:
                await dispatcher.stop_polling()

        dispatcher.message.register(answer)
        await dispatcher.start_polling(self.bot, handle_signals=False, close_bot_session=False)
        return seen


async def main() -> None:
    """Answer lines."""
    judge = Judge()
    await answer_lines(judge.do, explain)
    await judge.close()


asyncio.run(main())
