"""The agent that says what it hears. For a first try and for tests."""

from __future__ import annotations

from cobot.config.settings import NoSettings
from cobot.context import Context
from cobot.hookspecs import Conversation, hookimpl
from cobot.messages import IncomingMessage, OutgoingMessage


class Echo:
    """Answers each text with the same text."""

    Settings = NoSettings

    def __init__(self, settings: NoSettings, context: Context) -> None:
        """Nothing is needed."""

    @hookimpl
    async def agent_reply(
        self,
        message: IncomingMessage,
        conversation: Conversation,
    ) -> OutgoingMessage | None:
        # Plain, so that what looks like Markdown comes back as it was written.
        return message.reply(message.content, format="plain") if message.content else None
