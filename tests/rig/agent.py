"""Rig agent: answers `TEXT` with `re: TEXT`, late or not at all if the text says so."""

from __future__ import annotations

import asyncio
import os

import attrs

from cobot import Context, Conversation, IncomingMessage, Secret, hookimpl
from rig.control import Boundary, ControlSettings, Reporter

DEADLY = "deadly"
"""A text that begins with it ends the process, each time."""
SLOW = "slow"
"""A text that begins with it takes a second."""
FAILING = "failing"
"""A text that begins with it has the agent raise, each time."""


def answer_to(text: str) -> str:
    """Return what the agent answers."""
    return f"re: {text}"


def answers_to(text: str, count: int) -> list[str]:
    """Return what an agent answers that says several things, in order."""
    return [answer_to(text), *(f"{number} {answer_to(text)}" for number in range(2, count + 1))]


def asked(answer: str) -> str:
    """Return the text that an answer is to; any other text as it is."""
    _, found, text = answer.partition(answer_to(""))
    return text if found else answer


@attrs.frozen(kw_only=True)
class AgentSettings(ControlSettings):
    """How it answers."""

    delay_s: float = 0.0
    """Seconds that each answer takes."""
    answers: int = 1
    """How many messages each answer has."""
    secret: Secret | None = None
    """What its errors quote."""


class RigAgent:
    """The agent."""

    Settings = AgentSettings

    def __init__(self, settings: AgentSettings, context: Context) -> None:
        self._settings = settings
        self._reporter = Reporter(settings)

    @hookimpl
    async def agent_reply(
        self, message: IncomingMessage, conversation: Conversation
    ) -> list[str]:
        await self._reporter.reached(Boundary.IN_AGENT)
        text = message.content
        if text.startswith(DEADLY):
            os._exit(9)
        if text.startswith(FAILING):
            secret = self._settings.secret
            raise RuntimeError(f"no answer with {secret.reveal() if secret else 'nothing'}")
        delay_s = 1.0 if text.startswith(SLOW) else self._settings.delay_s
        if delay_s:
            await asyncio.sleep(delay_s)
        return answers_to(text, self._settings.answers)
