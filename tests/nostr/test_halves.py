"""Relays that give half of what they have, or give it late; and clocks that were wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cobot import MessageDeleted, MessageRef, OutgoingMessage, Rejected, Unreachable
from cobot.kit import Tasks
from cobot.testing import ManualClock, Running, running
from cobot_nostr import Nostr
from cobot_nostr.crypto import Signer
from cobot_nostr.events import CHAT, DELETION, INBOX_LIST, NOTE, PROFILE, REACTION, Draft, Event
from cobot_nostr.feed import STORED_BYTES, Feed, Subscription
from cobot_nostr.outbox import Outbox
from cobot_nostr.receiving import MOST_LOOKED_UP, WAITING
from cobot_nostr.verdicts import Remedy, Verdict
from nostr.conftest import Bot
from nostr.meddling import Change, Meddler, Message
from nostr.people import Person
from nostr.servers import local_relay

DAY_S = 86_400


def _without(verb: str, *, of: str | None = None) -> Change:
    def change(message: Message) -> list[Message] | None:
        return [] if message[0] == verb and of in (None, message[1]) else None

    return change


async def _let_pass(running: Running, seconds: float, pace: float = 500) -> None:
    end = running.clock.monotonic() + seconds
    await running.until(lambda: running.clock.monotonic() > end, "time passes", "", pace=pace)


def _asked_for(between: Meddler, name: str) -> int:
    return sum(message[:2] == ["REQ", name] for message in between.asked)


# Receiving.


async def test_relay_that_never_comes_to_an_end_holds_nothing_back(
    bot: Bot, between: Meddler, person: Person, key: Signer, url: str
) -> None:
    """What one relay has begun to give, another one gives whole, and at once."""
    between.on_answer = _without("EOSE")
    async with bot(relays=[between.url, url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        wrapped = person.wrapped(person.rumor_to(key.pubkey, "not held back"), key.pubkey)
        await between.tell(["EVENT", "wraps", wrapped.json])
        await between.tell(["EVENT", "wraps", {}])  # the first has been read when this is
        await running.until(lambda: running.channel.refused["shape"], "it is read", "")
        await person.publish(wrapped)

        # Long before anybody gives up to wait for the end.
        await running.until(lambda: running.asked, "it comes from the other", "", pace=3)


async def test_relay_that_drips_is_heard_in_the_end(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """A relay that always has one more, and never an end, keeps nothing for itself."""
    between.on_answer = _without("EOSE")
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        for number in range(30):
            await person.whisper(key.pubkey, f"{number}")
            await _let_pass(running, 20, pace=1000)
            if running.asked:
                break

        assert running.asked


async def test_relay_that_says_that_we_closed_a_page_is_not_asked_anew(
    bot: Bot, between: Meddler, person: Person, key: Signer
) -> None:
    """Some relays confirm the end that we have made ourselves."""
    telling: list[asyncio.Future[None]] = []

    def confirm(message: Message) -> None:
        if message[0] == "CLOSE":
            telling.append(asyncio.ensure_future(between.tell(["CLOSED", message[1], ""])))

    between.on_ask = confirm
    await person.whisper(key.pubkey, "stored")
    async with bot(relays=[between.url]) as running:
        await running.question("stored")
        await running.until(lambda: telling, "a page is closed", "")
        await _let_pass(running, 100)

        assert _asked_for(between, "wraps") == 1


async def test_relay_that_wants_to_know_and_does_not_ask_is_asked_again(
    bot: Bot, between: Meddler
) -> None:
    """After `auth-required:` without a challenge the bot does not stay deaf."""
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        await between.tell(["CLOSED", "wraps", "auth-required: who are you?"])
        await running.until(lambda: _asked_for(between, "wraps") == 2, "it asks again", "")


async def test_relay_that_cannot_take_us_now_is_told_again(bot: Bot, between: Meddler) -> None:
    """An `error:` about who we are is no refusal, and parks nothing."""
    between.on_ask = _without("AUTH")
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        await between.tell(["AUTH", "now"])
        await running.until(lambda: between.count("AUTH"), "it says who it is", "")
        first = next(one[1] for one in between.asked if one[0] == "AUTH")
        await between.tell(["OK", first["id"], False, "error: try again"])
        await running.until(lambda: between.count("AUTH") == 2, "it says so again", "", pace=99)

        assert not running.session.supervisors["nostr"].parked_by


async def test_what_is_left_out_until_we_have_said_who_we_are_is_not_missed(
    bot: Bot, between: Meddler, person: Person, key: Signer, clock: ManualClock
) -> None:
    """A relay that knows us late has given us all only then, however long we were away."""
    async with bot(relays=[between.url]) as running:
        await person.whisper(key.pubkey, "before")
        await running.question("before")
        await _let_pass(running, 100)
    await person.whisper(key.pubkey, "long ago", wrapped_at=person.now)
    clock.advance(10 * DAY_S)
    between.on_ask = _without("AUTH")

    def leave_out(message: Message) -> list[Message] | None:
        if message[0] == "EOSE" and message[1] == "wraps":
            return [["AUTH", "late"], message]
        return [] if message[:2] == ["EVENT", "wraps"] else None

    between.on_answer = leave_out
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("AUTH"), "it says who it is", "")
        note = Draft(kind=NOTE, tags=(("p", key.pubkey),), content=f"nostr:{key.npub} hi")
        await person.say(note)
        await running.until(lambda: running.asked, "that comes", "")
        between.on_answer = lambda message: None
        auth = next(one[1] for one in between.asked if one[0] == "AUTH")
        await between.tell(["OK", auth["id"], True, ""])

        await running.question("long ago")


async def test_clock_that_was_ahead_does_not_leave_us_deaf(
    bot: Bot, person: Person, key: Signer, tmp_path: Path
) -> None:
    """A cursor that lies ahead says nothing, and is not asked from."""
    ahead = ManualClock(person.clock.now() + timedelta(days=300))
    settings = {"nsec": key.nsec(), "relays": [person.url], "access": {"direct": "open"}}
    async with running(Nostr, settings, workspace=tmp_path, clock=ahead, name="nostr") as wrong:
        await _let_pass(wrong, 130)
    await person.whisper(key.pubkey, "in the meantime")
    async with bot() as right:
        await right.question("in the meantime")


async def test_relay_that_was_never_there_owes_us_all_since_the_beginning(
    bot: Bot, between: Meddler, person: Person, key: Signer, clock: ManualClock, url: str
) -> None:
    """Also over restarts: it is asked from when we first wanted something of it."""
    await between.cut()
    async with local_relay() as other:
        elsewhere = str(await other.url())
        async with bot(relays=[between.url, elsewhere]) as running:
            await _let_pass(running, 130)
        await person.whisper(key.pubkey, "only here")
        clock.advance(10 * DAY_S)
        await between.mend()
        async with bot(relays=[between.url, elsewhere]) as running:
            await running.question("only here")


async def test_what_nobody_remembers_is_deleted_by_nobody_in_a_group(
    bot: Bot, person: Person, key: Signer, url: str
) -> None:
    """After a restart it is not known any more who wrote what in a group."""
    group = f"group:{url}'pizza"
    async with bot(groups=[{"id": group}]) as running:
        tags = (("h", "pizza"), ("e", "a" * 64))
        await person.say(Draft(kind=DELETION, tags=tags))
        said = Draft(kind=CHAT, tags=(("h", "pizza"),), content=f"nostr:{key.npub} hi")
        await person.say(said)
        await running.until(lambda: running.asked, "it comes", "")

        stored = [row.item for row in running.journal.stored]
        assert not any(isinstance(item, MessageDeleted) for item in stored)


async def test_each_of_many_answers_to_us_is_known_as_one(
    bot: Bot, person: Person, key: Signer, clock: ManualClock
) -> None:
    """However many come at once, what each of them answers is looked up."""
    async with Person(person.url, clock, signer=key) as us:
        for number in range(MOST_LOOKED_UP + 20):
            ours = await us.say(Draft(kind=NOTE, content=f"{number}"))
            tags = (("e", ours.id, "", "root"), ("p", key.pubkey))
            await person.say(Draft(kind=NOTE, tags=tags, content=f"re {number}"))
    async with bot() as running:
        await running.until(
            lambda: len(running.asked) == MOST_LOOKED_UP + 20, "all are answered", "", pace=1
        )


async def test_more_answers_to_us_than_may_wait_are_known_as_such(
    bot: Bot, person: Person, key: Signer, clock: ManualClock
) -> None:
    """A relay is asked what answers are about while it still hands over the answers."""
    count = 2 * WAITING + 100
    async with Person(person.url, clock, signer=key) as us:
        ours = await us.say(Draft(kind=NOTE, content="what do you say?"))
    tags = (("e", ours.id, "", "root"), ("p", key.pubkey))
    for number in range(count):
        # Few in a second, or pages would end in the middle of it.
        draft = Draft(kind=NOTE, tags=tags, content=f"{number}")
        await person.say(draft, at=person.now - 800 + number // 3)
    async with bot() as running:
        await running.until(lambda: len(running.asked) == count, "all come", "", pace=1)


async def test_file_with_an_impossible_address_does_no_harm(
    bot: Bot, person: Person, key: Signer
) -> None:
    """A stranger's event is read, whatever it says of its files."""
    async with bot() as running:
        tags = (("p", key.pubkey), ("imeta", "url https://[", "m image/png"))
        await person.say(Draft(kind=NOTE, tags=tags, content=f"nostr:{key.npub} look"))
        await running.until(lambda: running.asked, "it comes", "")

        assert not running.asked[0].media


async def test_relay_without_end_fills_no_memory() -> None:
    """What would be too much to be put in order is handed over before the rest is here."""
    handed: list[int] = []
    large = Signer.generate().sign(Draft(kind=NOTE, content="x" * 200_000), 1)

    async def send(message: list[Any]) -> None:
        """Have no relay."""

    async def authenticate() -> bool:
        return False

    async def take(events: Sequence[Event]) -> None:
        handed.append(len(events))

    tasks = Tasks()
    feed = Feed(
        "wss://relay.example",
        ManualClock(),
        logging.getLogger(__name__),
        tasks,
        send=send,
        authenticate=authenticate,
        on_change=lambda: None,
    )
    await feed.add(Subscription("wraps", lambda: [{}], lambda value: large, take))
    for _ in range(STORED_BYTES // 200_000 + 1):
        await feed.take("wraps", large.json)
    await tasks.stop()

    assert sum(handed) > 0


# Sending.


async def test_relay_that_does_not_answer_does_not_say_that_somebody_has_no_relays(
    bot: Bot, between: Meddler, person: Person, clock: ManualClock
) -> None:
    """A message is not given up because a relay was slow to say where it goes."""
    await person.announce(between.url)
    async with bot(relays=[between.url]) as running:
        await running.until(lambda: between.count("REQ") >= 4, "it asks", "")
        between.on_answer = _without_kind(INBOX_LIST)
        message = OutgoingMessage("nostr", f"dm:{person.id}", "hello", format="plain")
        with pytest.raises(Unreachable, match="not all relays have said yet where npub1"):
            await running.call("session_send", message=message)
        between.on_answer = lambda message: None

        await running.send(message)


def _without_kind(kind: int) -> Change:
    def change(message: Message) -> list[Message] | None:
        is_of_query = message[0] in ("EVENT", "EOSE") and str(message[1]).startswith("q")
        is_of_kind = message[0] != "EVENT" or message[2]["kind"] == kind
        return [] if is_of_query and is_of_kind else None

    return change


async def test_profile_that_a_relay_is_slow_to_show_is_not_lost(
    bot: Bot, between: Meddler, clock: ManualClock, key: Signer, person: Person
) -> None:
    """What is not in the settings stays, though it was not there at the first look."""
    async with Person(person.url, clock, signer=key) as before:
        old = json.dumps({"name": "old", "picture": "https://a.example/p.png"})
        await before.say(Draft(kind=PROFILE, content=old), at=before.now - 100)
    await person.watch({"kinds": [PROFILE], "authors": [key.pubkey]})
    between.on_answer = _without_kind(PROFILE)
    async with bot(relays=[between.url], profile={"name": "new"}) as running:
        await running.until(
            lambda: any(one[0] == "EVENT" for one in between.asked), "it publishes lists", ""
        )
        between.on_answer = lambda message: None
        await running.until(
            lambda: _published(between, PROFILE), "and its profile", "", pace=99
        )

        shown = json.loads(_published(between, PROFILE)[0]["content"])
        assert shown == {"name": "new", "picture": "https://a.example/p.png", "bot": True}


def _published(between: Meddler, kind: int) -> list[dict[str, Any]]:
    sent = [message[1] for message in between.asked if message[0] == "EVENT"]
    return [event for event in sent if event["kind"] == kind]


async def test_reaction_whose_answer_is_lost_is_repeated_as_it_is(
    bot: Bot, between: Meddler, person: Person
) -> None:
    """Each attempt sends the same reaction, so that there is one."""
    note = await person.say(Draft(kind=NOTE, content="look"))
    lost: list[Message] = []

    def lose(message: Message) -> list[Message] | None:
        ids = [event["id"] for event in _published(between, REACTION)]
        if lost or message[0] != "OK" or message[1] not in ids:
            return None
        lost.append(message)
        return []

    async with bot(relays=[between.url]) as running:
        between.on_answer = lose
        ref = MessageRef("nostr", f"note:{note.id}", note.id)
        await running.done(running.session.react(ref, "🤙"), "react")

        sent = _published(between, REACTION)
        assert len(sent) > 1
        assert len({event["id"] for event in sent}) == 1


async def test_secret_key_is_not_published_by_an_edit_or_a_status(
    bot: Bot, key: Signer, between: Meddler
) -> None:
    """Not only new messages are looked through."""
    async with bot(relays=[between.url], edits=True) as running:
        ref = MessageRef("nostr", "notes", "a" * 64)
        message = OutgoingMessage("nostr", "notes", f"my key: {key.nsec()}")
        with pytest.raises(Rejected, match="has a secret key"):
            await running.call("session_edit", ref=ref, message=message)
        with pytest.raises(Rejected, match="has a secret key"):
            await running.call(
                "session_presence", channel_type="nostr", status="online", text=key.nsec()
            )


async def test_what_a_relay_has_not_taken_is_sent_again_by_one_task() -> None:
    """However often it goes to and fro, each event is sent once in a round."""
    clock, tasks, sent = ManualClock(), Tasks(), []

    async def send(message: list[Any]) -> None:
        sent.append(message[1]["id"])

    async def authenticate() -> bool:
        return False

    outbox = Outbox(clock, tasks, send=send, authenticate=authenticate)
    signer = Signer.generate()
    events = [signer.sign(Draft(kind=NOTE, content=f"{number}"), 1) for number in range(5)]
    for event in events[:-1]:
        outbox.publish_later(event)
        await asyncio.sleep(0)
        await outbox.answered(event.id, Verdict(Remedy.DONE))
    outbox.publish_later(events[-1])
    await clock.next_sleep()
    clock.advance(30)
    await clock.next_sleep()
    await tasks.stop()

    assert sent == [events[-1].id]
