"""Relays that want to know who asks (NIP-42), in each way in which nostr-sdk's relay does."""

from __future__ import annotations

import asyncio

import pytest

from cobot import OutgoingMessage
from cobot.testing import ManualClock
from cobot_nostr.crypto import Signer
from nostr.conftest import Bot
from nostr.meddling import Meddler, Message
from nostr.people import Person
from nostr.servers import Auth, local_relay


@pytest.mark.parametrize("auth", ["none", "read", "write", "both", "dm"])
async def test_private_messages_go_both_ways(
    auth: Auth, bot: Bot, clock: ManualClock, key: Signer
) -> None:
    """Whatever a relay wants to know before, it is told, and asked again."""
    async with local_relay(auth) as relay:
        url = str(await relay.url())
        async with Person(url, clock) as person, bot(relays=[url]) as running:
            await person.watch()
            await person.publish_until_taken(person.inbox_list(url))
            await person.publish_until_taken(
                person.wrapped(person.rumor_to(key.pubkey, "hello"), key.pubkey)
            )
            message = await running.question("hello")
            receipt = await running.send(message.reply("hello to you"))

            assert (await person.rumor(content="hello to you")).id == receipt.refs[0].id


async def test_challenge_that_comes_late_is_answered(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """A relay may refuse first and say how to be asked afterwards."""
    refused: list[Message] = []

    def refuse(message: Message) -> list[Message] | None:
        if message[0] == "REQ" and message[1] == "wraps" and not between.count("AUTH"):
            refused.append(message)
            return []
        return [] if message[0] == "AUTH" else None

    between.on_ask = refuse
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: refused, "it asks", "")
        await between.tell(["CLOSED", "wraps", "auth-required: who are you?"])
        await person.whisper(key.pubkey, "are you there?")
        await between.tell(["AUTH", "late"])
        await running.until(lambda: between.count("AUTH"), "it says who it is", "")
        await between.tell(["OK", _auth_id(between), True, ""])

        await running.question("are you there?")


async def test_relay_that_refuses_the_key_is_said_and_not_asked_again(
    bot: Bot, between: Meddler
) -> None:
    """A key that no relay takes parks the channel: waiting would not change it."""
    between.on_ask = lambda message: [] if message[0] in ("REQ", "AUTH") else None
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ"), "it asks", "")
        await between.tell(["AUTH", "now"])
        await running.until(lambda: between.count("AUTH"), "it says who it is", "")
        await between.tell(["OK", _auth_id(between), False, "restricted: members only"])

        supervisor = running.session.supervisors["nostr"]
        await running.until(lambda: supervisor.parked_by, "it is parked", "")
        assert "with this key" in supervisor.reason


async def test_strangers_relay_is_not_told_who_we_are_unless_it_insists(
    bot: Bot, clock: ManualClock, url: str, between: Meddler
) -> None:
    """A relay of somebody's list learns our key only if it takes nothing without."""
    async with Person(url, clock) as person, bot() as running:
        await person.announce(between.url)
        between.on_answer = lambda message: [["AUTH", "hello"], message]
        await running.send(OutgoingMessage("nostr", f"dm:{person.id}", "hi"))
        assert between.count("AUTH") == 0

        taken: list[str] = []

        def insist(message: Message) -> list[Message] | None:
            if message[0] != "OK" or taken:
                return None
            taken.append(message[1])
            return [["OK", message[1], False, "auth-required: please"]]

        def know(message: Message) -> list[Message] | None:
            return [] if message[0] == "AUTH" else None

        between.on_answer, between.on_ask = insist, know
        sending = asyncio.create_task(
            running.send(OutgoingMessage("nostr", f"dm:{person.id}", "ho"))
        )
        await running.until(lambda: between.count("AUTH"), "it says who it is", "")
        await between.tell(["OK", _auth_id(between), True, ""])
        await sending


def _auth_id(between: Meddler) -> str:
    return str(next(one for one in between.asked if one[0] == "AUTH")[1]["id"])
