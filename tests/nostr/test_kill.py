"""The real process, killed where it hurts: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cobot.clock import SystemClock
from cobot_nostr.crypto import Signer
from nostr.meddling import Meddler, Message
from nostr.people import Person
from nostr.servers import Auth, local_relay

WAIT_S = 20.0


class Process:
    """A bot that can be killed."""

    def __init__(self, settings: dict[str, object], folder: Path) -> None:
        self._command = [str(Path(__file__).with_name("rig.py")), json.dumps(settings)]
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, again or for the first time."""
        paths = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self._command, str(self._folder)),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def kill(self) -> None:
        """Kill it; it gets no chance to say goodbye."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until it is dead."""
        assert self._process is not None
        async with asyncio.timeout(WAIT_S):
            await self._process.wait()


def _is_wrap(message: Message) -> bool:
    return message[0] == "EVENT" and bool(message[1].get("kind") == 1059)


def _is_answered(message: Message) -> bool:
    return message[0] == "OK" and message[2] is True


def _is_question(message: Message) -> bool:
    return message[0] == "EVENT" and bool(message[2].get("kind") == 1059)


@pytest.mark.parametrize(
    ("side", "boundary", "is_passed_on"),
    [
        ("answer", _is_question, True),
        ("ask", _is_wrap, False),
        ("ask", _is_wrap, True),
        ("answer", _is_answered, False),
        ("answer", _is_answered, True),
    ],
    ids=["question", "lost send", "send", "lost answer", "answer"],
)
async def test_killed_bot_answers_each_message_once(
    tmp_path: Path, side: str, boundary: Callable[[Message], bool], is_passed_on: bool
) -> None:
    """Whether the kill comes before or after a frame has left, all is answered once."""
    key, clock = Signer.generate(), SystemClock()
    async with (
        local_relay() as relay,
        Meddler(str(await relay.url())).running() as between,
        Person(str(await relay.url()), clock) as person,
    ):
        await person.watch()
        await person.announce(between.url)
        bot = Process({"nsec": key.nsec(), "relays": [between.url]}, tmp_path)
        killed = asyncio.Event()

        def strike(message: Message) -> list[Message] | None:
            if killed.is_set() or not boundary(message):
                return None
            # Only what is about an answer: lists of relays are published, too.
            if _is_answered(message) and message[1] not in _sent(between):
                return None
            bot.kill()
            killed.set()
            return None if is_passed_on else []

        if side == "ask":
            between.on_ask = strike
        else:
            between.on_answer = strike
        texts = [f"message {number}" for number in range(4)]
        for text in texts:
            await person.whisper(key.pubkey, text)
        await bot.start()
        try:
            async with asyncio.timeout(WAIT_S):
                await killed.wait()
            await bot.gone()
            await bot.start()
            answers = {f"re: {text}" for text in texts}
            await _answered(person, answers)
        finally:
            bot.kill()
            await bot.gone()

        by_id = {rumor.id: rumor.content for rumor in person.rumors}
        assert Counter(by_id.values()) == Counter(answers)


async def test_storm_of_kills_and_bad_relays_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """One relay dies again and again, one lies and hides, one wants to know who asks, late:
    with two kills in the middle all is answered, and once."""
    key, clock = Signer.generate(), SystemClock()
    texts = [f"message {number}" for number in range(12)]
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        between: list[Meddler] = []
        people: list[Person] = []
        modes: tuple[Auth, ...] = ("none", "none", "read")
        for auth in modes:
            url = str(await (await enter(local_relay(auth))).url())
            between.append(await enter(Meddler(url).running()))
            signer = people[0].signer if people else None
            people.append(await enter(Person(url, clock, signer=signer)))
        person = people[0]
        await person.watch()
        for one in people:
            await one.publish_until_taken(one.inbox_list(between[0].url, between[1].url))
        dying, lying, late = between
        dying.on_answer = _dying(dying, every=40)
        lying.on_answer = _lying()
        late.on_answer = _late()
        urls = [one.url for one in between]
        bot = Process({"nsec": key.nsec(), "relays": urls}, tmp_path)
        await bot.start()
        try:
            for number, text in enumerate(texts):
                rumor = person.rumor_to(key.pubkey, text)
                wrapped = person.wrapped(rumor, key.pubkey)
                for one in people:
                    await one.publish_until_taken(wrapped)
                if number in (4, 8):
                    await _answered(person, {f"re: {texts[number - 3]}"})
                    bot.kill()
                    await bot.gone()
                    await bot.start()
            answers = {f"re: {text}" for text in texts}
            await _answered(person, answers)
        finally:
            bot.kill()
            await bot.gone()

        by_id = {rumor.id: rumor.content for rumor in person.rumors}
        assert Counter(by_id.values()) == Counter(answers)


def _dying(between: Meddler, *, every: int) -> Callable[[Message], list[Message] | None]:
    count = itertools.count(1)

    def change(message: Message) -> list[Message] | None:
        if next(count) % every == 0:
            between.drop()
        return None

    return change


def _lying() -> Callable[[Message], list[Message] | None]:
    count = itertools.count()

    def change(message: Message) -> list[Message] | None:
        if not _is_question(message):
            return None
        forged = {**message[2], "sig": "0" * 128}
        is_hidden = next(count) % 2 == 0
        return [["EVENT", message[1], forged], *([] if is_hidden else [message])]

    return change


def _late() -> Callable[[Message], list[Message] | None]:
    held: list[Message] = []

    def change(message: Message) -> list[Message] | None:
        if message[0] == "AUTH":
            held.append(message)
            return []
        if message[0] == "CLOSED" and held:
            return [message, held.pop()]
        return None

    return change


def _sent(between: Meddler) -> set[str]:
    return {message[1]["id"] for message in between.asked if _is_wrap(message)}


async def _answered(person: Person, answers: set[str]) -> None:
    for text in sorted(answers):
        for _ in range(4):  # a person's patience is 5 s at a time
            try:
                await person.rumor(content=text)
                break
            except TimeoutError:
                continue
        else:
            raise AssertionError(f"{text!r} did not come")
