"""Nothing is missed: windows that overlap, pages, cursors, restarts."""

from __future__ import annotations

from pathlib import Path
from random import Random

from cobot.testing import ManualClock, Running
from cobot_nostr.crypto import Signer
from cobot_nostr.receiving import WRAP_OVERLAP_S
from cobot_nostr.wraps import BACKDATED_S
from nostr.conftest import Bot
from nostr.meddling import Meddler
from nostr.people import Person
from nostr.servers import local_relay

DAY_S = 86_400


async def test_day_away_loses_no_message(
    bot: Bot, person: Person, key: Signer, clock: ManualClock
) -> None:
    """Of a day's messages, each in an envelope dated back up to two days, none is lost."""
    chance = Random(6)
    async with bot() as running:
        await person.whisper(key.pubkey, "before")
        await running.question("before")
        await _let_pass(running, 130)
    expected = ["before"]
    for number in range(48):
        clock.advance(DAY_S / 48)
        text = f"message {number}"
        expected.append(text)
        dated_back = chance.randrange(BACKDATED_S)
        await person.whisper(key.pubkey, text, wrapped_at=person.now - dated_back)
    async with bot() as running:
        await running.question(expected[-1])

        assert [message.content for message in running.asked] == expected[1:]


async def test_relay_that_gives_little_at_once_is_asked_for_all(
    bot: Bot, clock: ManualClock, key: Signer
) -> None:
    """A relay that caps its answers silently is asked page by page, and order is kept."""
    async with local_relay(most=7) as relay:
        url = str(await relay.url())
        async with Person(url, clock) as person:
            for number in range(40):
                await person.whisper(
                    key.pubkey, f"{number}", at=person.now - 400 + number, wrapped_at=None
                )
            async with bot(relays=[url]) as running:
                await running.until(lambda: len(running.asked) == 40, "all of them come", "")

                written = [int(message.content) for message in running.asked]
                assert sorted(written) == [*range(40)]


async def test_more_in_one_second_than_in_a_page_does_not_hide_what_is_older(
    bot: Bot, clock: ManualClock, key: Signer
) -> None:
    """Paging goes on behind a second that has more events than a relay gives at once."""
    async with local_relay(most=5) as relay:
        url = str(await relay.url())
        async with Person(url, clock) as person:
            second = person.now - 100
            await person.whisper(key.pubkey, "the oldest", wrapped_at=second - 50)
            for number in range(9):
                await person.whisper(key.pubkey, f"{number}", wrapped_at=second)
            async with bot(relays=[url]) as running:
                await running.question("the oldest")


async def test_cursor_moves_when_nothing_comes(
    bot: Bot, between: Meddler, clock: ManualClock
) -> None:
    """A relay that has nothing for us says so, and the next start asks from then on."""
    async with bot(relays=[between.url]) as running:
        first = await _since(running, between)
        await _let_pass(running, 400)
    async with bot(relays=[between.url]) as running:
        assert await _since(running, between) >= first + 300


async def test_cursor_stands_still_while_the_relay_is_away(
    bot: Bot, between: Meddler, clock: ManualClock
) -> None:
    """What was not heard is not known: it is asked for from when the relay was last there."""
    async with bot(relays=[between.url]) as running:
        await _let_pass(running, 100)
        await between.cut()
        cut_at = clock.now().timestamp()
        await _let_pass(running, 2000, pace=5000)
        await between.mend()

        assert await _since(running, between) <= cut_at - WRAP_OVERLAP_S


async def test_same_message_on_several_relays_is_one(
    bot: Bot, person: Person, key: Signer, clock: ManualClock, url: str
) -> None:
    """What two relays have, in one envelope or in two, is answered once."""
    async with local_relay() as second:
        other = str(await second.url())
        async with Person(other, clock, signer=person.signer) as there:
            rumor = person.rumor_to(key.pubkey, "only once")
            same = person.wrapped(rumor, key.pubkey)
            for here in (person, there):
                await here.publish(same)
                await here.publish(here.wrapped(rumor, key.pubkey))
            async with bot(relays=[url, other]) as running:
                await running.question("only once")
                await there.whisper(key.pubkey, "and this")
                await running.question("and this")

                assert [one.content for one in running.asked] == ["only once", "and this"]


async def test_restart_answers_nothing_twice(
    bot: Bot, person: Person, key: Signer, tmp_path: Path
) -> None:
    """The window that is read again has only what is known already."""
    async with bot() as running:
        for number in range(5):
            await person.whisper(key.pubkey, f"{number}")
        await running.until(lambda: len(running.asked) == 5, "they come", "")
    async with bot() as running:
        await person.whisper(key.pubkey, "new")
        await running.question("new")

        assert [message.content for message in running.asked] == ["new"]


async def test_what_was_not_stored_comes_again(bot: Bot, person: Person, key: Signer) -> None:
    """A crash before the journal has it loses nothing: relays are asked again."""
    async with bot() as running:
        running.journal.hold()
        await person.whisper(key.pubkey, "on the brink")
        await running.until(lambda: running.journal.holding, "it is handed over", "")
    async with bot() as running:
        await running.question("on the brink")


async def _since(running: Running, between: Meddler) -> int:
    """Return from when on wraps are asked for, the next time."""
    before = len(between.asked)

    def asked() -> int | None:
        for message in between.asked[before:]:
            if message[:2] == ["REQ", "wraps"]:
                since: int = message[2]["since"]
                return since
        return None

    return await running.until(asked, "it asks for wraps", "")


async def _let_pass(running: Running, seconds: float, pace: float = 500) -> None:
    end = running.clock.monotonic() + seconds
    await running.until(lambda: running.clock.monotonic() > end, "time passes", "", pace=pace)
