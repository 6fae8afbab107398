"""Private messages: rooms, the old form, files; and another library's client."""

from __future__ import annotations

from datetime import timedelta

import nostr_sdk  # type: ignore[import-untyped]
import pytest

from cobot import Forbidden, MessageRef, OutgoingMessage, Rejected
from cobot.testing import ManualClock
from cobot_nostr.addresses import room
from cobot_nostr.crypto import Signer
from cobot_nostr.events import DELETION, DIRECT, NIP04, REACTION, Draft
from nostr.conftest import Bot
from nostr.meddling import Meddler
from nostr.people import Person
from nostr.servers import local_relay

# The old form.


async def test_old_form_is_answered_in_the_old_form(
    bot: Bot, person: Person, key: Signer
) -> None:
    """Who still writes NIP-04 is answered so, also after a restart; others never are."""
    await person.watch({"kinds": [NIP04], "#p": [person.id]})
    async with bot() as running:
        encrypted = person.signer.encrypt_nip04(key.pubkey, "like in the old days")
        await person.say(Draft(kind=NIP04, tags=(("p", key.pubkey),), content=encrypted))
        message = await running.question("like in the old days")
    async with bot() as running:
        await running.send(message.reply("indeed"))
        answer = await person.event(kind=NIP04)

        assert message.metadata["encrypted"] == "nip04"
        assert person.signer.decrypt_nip04(key.pubkey, answer.content) == "indeed"
        assert not person.rumors


async def test_form_follows_the_peer(bot: Bot, person: Person, key: Signer) -> None:
    """Who comes over to NIP-17 is answered there from then on."""
    async with bot() as running:
        encrypted = person.signer.encrypt_nip04(key.pubkey, "old")
        await person.say(Draft(kind=NIP04, tags=(("p", key.pubkey),), content=encrypted))
        await running.question("old")
        await person.whisper(key.pubkey, "new")
        message = await running.question("new")
        await running.send(message.reply("welcome"))

        assert (await person.rumor(content="welcome")).kind == DIRECT


async def test_older_message_that_comes_again_does_not_change_the_form(
    bot: Bot, person: Person, key: Signer, clock: ManualClock
) -> None:
    """After a restart the window is read again, and the latest message still counts."""
    async with bot() as running:
        await person.whisper(key.pubkey, "new")
        await running.question("new")
        clock.advance(60)
        encrypted = person.signer.encrypt_nip04(key.pubkey, "back to the old")
        await person.say(Draft(kind=NIP04, tags=(("p", key.pubkey),), content=encrypted))
        await running.question("back to the old")
        clock.advance(3600)
    await person.watch({"kinds": [NIP04], "#p": [person.id]})
    async with bot() as running:
        await person.whisper(key.pubkey, "new", at=person.now - 7200)
        message = await running.question("new")
        await running.send(message.reply("as you like"))

        assert (await person.event(kind=NIP04)).pubkey == key.pubkey


async def test_old_form_can_be_left_out(bot: Bot, person: Person, key: Signer) -> None:
    """With `nip04: false` it is not even asked for."""
    async with bot(nip04=False) as running:
        encrypted = person.signer.encrypt_nip04(key.pubkey, "old")
        await person.say(Draft(kind=NIP04, tags=(("p", key.pubkey),), content=encrypted))
        await person.whisper(key.pubkey, "new")
        await running.question("new")

        assert len(running.asked) == 1


async def test_garbage_in_the_old_form_is_noise(bot: Bot, person: Person, key: Signer) -> None:
    """NIP-04 proves nothing, so what cannot be read is passed over and counted."""
    async with bot() as running:
        draft = Draft(kind=NIP04, tags=(("p", key.pubkey),), content="AAAA?iv=AAAA")
        await person.say(draft)
        await running.until(lambda: running.channel.refused["undecryptable"], "", "")

        assert not running.asked


# Rooms.


async def test_room_is_answered_to_all_in_it(
    bot: Bot, person: Person, key: Signer, url: str, clock: ManualClock
) -> None:
    """In a room of three the answer goes to both others, as one message."""
    async with Person(url, clock) as third:
        await third.watch()
        await third.announce(url)
        async with bot(access={"groups": "open"}) as running:
            await person.whisper([key.pubkey, third.id], "all here?")
            message = await running.question("all here?")
        async with bot(access={"groups": "open"}) as running:
            receipt = await running.send(message.reply("here"))
            answers = [await one.rumor(content="here") for one in (person, third)]

            members = [person.id, third.id, key.pubkey]
            assert message.channel_id == room(members)
            assert (message.direct, message.mentioned) == (False, True)
            assert answers[0].id == answers[1].id == receipt.refs[0].id
            assert answers[0].value("e") == message.id
            assert {*answers[0].values("p")} == {person.id, third.id}


async def test_room_goes_on_without_who_cannot_be_reached(
    bot: Bot, person: Person, key: Signer, url: str, clock: ManualClock
) -> None:
    """One who names no inbox relays does not keep the answer from the others."""
    access = {"groups": "open"}
    async with Person(url, clock) as third, bot(access=access) as running:
        await person.whisper([key.pubkey, third.id], "can you hear me?")
        message = await running.question("can you hear me?")
        receipt = await running.send(message.reply("yes"))

        assert (await person.rumor(content="yes")).id == receipt.refs[0].id
        assert any("the others have it" in line for _, line in running.log.lines)


async def test_unknown_room_cannot_be_written_to(bot: Bot) -> None:
    """A room's id says nothing of who is in it."""
    async with bot() as running:
        with pytest.raises(Forbidden, match="nobody has written in room:"):
            await running.send(OutgoingMessage("nostr", room(["a" * 64, "b" * 64]), "hello?"))


async def test_same_text_in_one_second_is_two_messages(bot: Bot, person: Person) -> None:
    """The same words at the same time are another event, or one would be lost."""
    async with bot() as running:
        message = OutgoingMessage("nostr", f"dm:{person.id}", "ok")
        first = await running.send(message)
        second = await running.send(message)

        assert first.refs != second.refs
        await person.until(lambda: len(person.rumors) == 2)


async def test_parts_of_a_text_are_dated_one_after_the_other(bot: Bot, person: Person) -> None:
    """Clients know no order but that of the dates, which are whole seconds."""
    text = " ".join(f"{number:05}" for number in range(9000))
    async with bot() as running:
        receipt = await running.send(OutgoingMessage("nostr", f"dm:{person.id}", text))
        await person.until(lambda: len(person.rumors) == len(receipt.refs))
        in_order = sorted(person.rumors, key=lambda rumor: rumor.created_at)

        assert len(receipt.refs) == 4
        assert len({rumor.created_at for rumor in in_order}) == 4
        assert " ".join(rumor.content for rumor in in_order) == text


async def test_secret_key_is_never_sent(bot: Bot, person: Person) -> None:
    """A text with a secret key in it does not leave, and the error does not repeat it."""
    secret = Signer.generate().nsec()
    async with bot() as running:
        with pytest.raises(Rejected, match="secret key") as caught:
            await running.send(OutgoingMessage("nostr", f"dm:{person.id}", f"it is {secret}"))

        assert secret not in str(caught.value)
        assert not person.rumors


async def test_changes_in_private_stay_private(bot: Bot, person: Person, key: Signer) -> None:
    """Reactions and deletions of private messages travel in envelopes as they do."""
    async with bot() as running:
        receipt = await running.send(OutgoingMessage("nostr", f"dm:{person.id}", "hm"))
        await person.whisper(key.pubkey, "what?")
        message = await running.question("what?")
        await running.done(running.session.react(message.ref, "🤔"), "react")
        await running.done(running.session.delete(receipt.refs[0]), "delete")
        reaction = await person.rumor(kind=REACTION)
        gone = await person.rumor(kind=DELETION)

        assert (reaction.content, reaction.last("e")) == ("🤔", message.id)
        assert gone.value("e") == receipt.refs[0].id
        assert {event.kind for event in person.events} <= {1059}


async def test_inbox_is_found_where_its_owner_publishes(
    bot: Bot, clock: ManualClock, url: str
) -> None:
    """Who keeps their lists on relays of their own is found there (NIP-65)."""
    async with local_relay() as relay:
        theirs = str(await relay.url())
        async with (
            Person(theirs, clock) as person,
            Person(url, clock) as here,
            bot() as running,
        ):
            here.signer = person.signer
            await here.say(Draft(kind=10002, tags=(("r", theirs),)))
            await person.watch()
            await person.announce(theirs)
            await running.send(OutgoingMessage("nostr", f"dm:{person.id}", "found you"))

            assert (await person.rumor(content="found you")).kind == DIRECT


async def test_who_names_no_relays_is_answered_on_ours_by_option(
    bot: Bot, clock: ManualClock, key: Signer, url: str
) -> None:
    """`inbox_fallback` answers those who wrote first, and nobody else."""
    async with Person(url, clock) as person, bot(inbox_fallback=True) as running:
        await person.watch()
        with pytest.raises(Forbidden):
            await running.send(OutgoingMessage("nostr", f"dm:{person.id}", "hi"))
        await person.whisper(key.pubkey, "where are you?")
        message = await running.question("where are you?")
        await running.send(message.reply("here"))

        assert (await person.rumor(content="here")).kind == DIRECT


async def test_relays_are_not_asked_for_what_is_private(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """The id of a private message is nobody's business, also when we have forgotten it."""
    await person.announce(between.url)
    async with bot(relays=[between.url]) as running:
        forgotten = MessageRef("nostr", f"dm:{person.id}", "a" * 64)
        await running.done(running.session.react(forgotten, "+"), "react")
        await running.done(running.session.delete(forgotten), "delete")
        await person.rumor(kind=DELETION)

        assert forgotten.id not in str(between.asked)


# Another implementation.


async def test_other_library_s_client_is_understood_and_understands(
    bot: Bot, person: Person, key: Signer
) -> None:
    """nostr-sdk's own NIP-17 opens ours, and ours opens its."""
    theirs = nostr_sdk.Keys.parse(person.signer.nsec())
    us = nostr_sdk.PublicKey.parse(key.pubkey)
    wrap = nostr_sdk.nip17_make_private_msg(theirs, us, "from the other side")
    async with bot() as running:
        client = nostr_sdk.ClientBuilder().build()
        url = nostr_sdk.RelayUrl.parse(person.url)
        await client.add_relay(url)
        await client.connect()
        await client.send_event(wrap)
        message = await running.question("from the other side")
        await running.send(message.reply("from this side"))
        await person.rumor(content="from this side")
        answer = next(event for event in person.events if event.kind == 1059)
        opened = nostr_sdk.UnwrappedGift.from_gift_wrap(
            theirs, nostr_sdk.Event.from_json(_json(answer.json))
        )
        await client.shutdown()

        assert opened.rumor().content() == "from this side"
        assert opened.sender().to_hex() == key.pubkey
        assert message.timestamp <= running.clock.now() + timedelta(seconds=1)


def _json(value: object) -> str:
    import json

    return json.dumps(value)


async def test_our_own_copy_from_another_client_is_no_message(
    bot: Bot, person: Person, key: Signer
) -> None:
    """What we wrote elsewhere comes to us in an envelope of our own, and is not answered."""
    other = Person("", person.clock, signer=key)
    async with bot() as running:
        await person.publish(other.wrapped(other.rumor_to(person.id, "mine"), key.pubkey))
        await person.whisper(key.pubkey, "yours")
        await running.question("yours")

        assert len(running.asked) == 1
