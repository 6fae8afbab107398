"""How updates reach a bot, and when they do not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from networks.client import BareClient, Clock, Refused, client_of
from networks.telegram import FakeTelegram
from networks.telegram.updates import MAX_QUEUED

EVERYTHING = ["message", "message_reaction", "message_reaction_count", "chat_member"]
DAY_S = 24 * 3600


def texts(updates: list[dict[str, Any]]) -> list[str]:
    """Return the texts of new messages."""
    return [update["message"]["text"] for update in updates]


async def test_updates_come_again_until_an_offset_confirms_them(
    network: FakeTelegram, bot: BareClient
) -> None:
    """An offset forgets all below it, and nothing else is ever forgotten."""
    ann = network.private_chat()
    for text in ("one", "two", "three"):
        ann.text(text)

    first = await bot.updates()
    again = await bot.updates(offset=0)
    rest = await bot.updates(offset=first[0]["update_id"] + 1)
    nothing = await bot.updates(offset=first[-1]["update_id"] + 1)

    assert texts(first) == texts(again) == ["one", "two", "three"]
    assert texts(rest) == ["two", "three"]
    assert nothing == []
    assert network.pending == 0
    assert network.poll_offsets == [None, 0, 900_000_002, 900_000_004]


async def test_update_ids_rise_by_one(network: FakeTelegram, bot: BareClient) -> None:
    """A bot may conclude the next offset from the last id."""
    ann = network.private_chat()
    ann.text("one")
    ann.edit(ann.text("two"), "three")

    ids = [update["update_id"] for update in await bot.updates()]

    assert ids == [ids[0], ids[0] + 1, ids[0] + 2]


async def test_a_limit_cuts_the_batch(network: FakeTelegram, bot: BareClient) -> None:
    """There are at most 100 updates in a batch, and at least one."""
    ann = network.private_chat()
    for number in range(120):
        ann.text(str(number))

    counts = [len(await bot.updates(limit=limit)) for limit in (2, 0, 1000)]

    assert counts == [2, 1, 100]


async def test_a_batch_ends_near_four_megabytes(network: FakeTelegram, bot: BareClient) -> None:
    """Fewer updates than the limit do not mean that there are no more."""
    for _ in range(12):
        network.push("poll", {"filler": "x" * 500_000})

    assert len(await bot.updates()) == 9


async def test_a_negative_offset_keeps_the_last_ones(
    network: FakeTelegram, bot: BareClient
) -> None:
    """The older ones are forgotten."""
    ann = network.private_chat()
    for text in ("one", "two", "three"):
        ann.text(text)

    assert texts(await bot.updates(offset=-2)) == ["two", "three"]
    assert network.pending == 2


@pytest.mark.parametrize("far", [50, 10_000_000])
async def test_an_offset_from_the_future_confirms_nothing(
    network: FakeTelegram, bot: BareClient, far: int
) -> None:
    """An offset that no update can have had is taken for none."""
    network.private_chat().text("one")

    assert texts(await bot.updates(offset=900_000_001 + far)) == ["one"]


async def test_ids_may_start_anew_below_the_old_ones(
    network: FakeTelegram, bot: BareClient
) -> None:
    """After a quiet week a bot that insists on its offset gets what is there."""
    ann = network.private_chat()
    ann.text("old")
    network.world.updates.jump(17)
    ann.text("new")

    (update,) = await bot.updates(offset=900_000_002)

    assert (update["update_id"], update["message"]["text"]) == (17, "new")


async def test_a_poll_waits_for_the_first_update(
    network: FakeTelegram, bot: BareClient
) -> None:
    """It ends as soon as there is something, with all that came at once."""
    ann = network.private_chat()
    poll = asyncio.create_task(bot.updates(timeout=50))
    await network.wait_for(lambda: network.is_polled)

    ann.text("one")
    ann.text("two")

    assert texts(await poll) == ["one", "two"]


async def test_a_poll_ends_empty(network: FakeTelegram, bot: BareClient) -> None:
    """A timeout is no error."""
    assert await bot.updates(timeout=1) == []
    assert not network.is_polled


async def test_the_newer_of_two_polls_wins(network: FakeTelegram, bot: BareClient) -> None:
    """The older one is told so, in the words that people search for."""
    older = asyncio.create_task(bot.updates(timeout=50))
    await network.wait_for(lambda: network.is_polled)
    async with client_of(network) as other:
        newer = asyncio.create_task(other.updates(timeout=50))
        with pytest.raises(Refused) as refused:
            await older
        network.private_chat().text("hello")

        assert texts(await newer) == ["hello"]

    assert refused.value.code == refused.value.status == 409
    assert refused.value.text == (
        "Conflict: terminated by other getUpdates request; make sure that only one bot "
        "instance is running"
    )


async def test_a_poll_of_a_client_that_has_gone_bothers_nobody(
    network: FakeTelegram, bot: BareClient
) -> None:
    """It takes no updates with it, and ends no other poll."""
    poll = asyncio.create_task(bot.updates(timeout=50))
    await network.wait_for(lambda: network.is_polled)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    network.drop_all()
    network.private_chat().text("hello")

    assert texts(await bot.updates()) == ["hello"]


async def test_a_webhook_excludes_polls(network: FakeTelegram, bot: BareClient) -> None:
    """It ends the poll that waits and refuses new ones until it is deleted."""
    poll = asyncio.create_task(bot.updates(timeout=50))
    await network.wait_for(lambda: network.is_polled)
    await bot.ask("setWebhook", url="https://bot.test/hook")
    with pytest.raises(Refused, match="Conflict: terminated by setWebhook request"):
        await poll
    with pytest.raises(Refused) as refused:
        await bot.updates()
    info = await bot.ask("getWebhookInfo")
    await bot.ask("deleteWebhook")

    assert refused.value.code == 409
    assert refused.value.text.endswith("use deleteWebhook to delete the webhook first")
    assert info["url"] == "https://bot.test/hook"
    assert await bot.updates() == []


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://bot.test", "An HTTPS URL must be provided for webhook"),
        ("https://bot.test:99", "Webhook can be set up only on ports 80, 88, 443 or 8443"),
    ],
)
async def test_a_webhook_has_to_be_one_that_telegram_posts_to(
    bot: BareClient, url: str, text: str
) -> None:
    """Only HTTPS, and only some ports."""
    with pytest.raises(Refused, match=f"Bad Request: bad webhook: {text}"):
        await bot.ask("setWebhook", url=url)


async def test_webhooks_are_set_once_a_second(bot: BareClient, clock: Clock) -> None:
    """More is too many requests."""
    await bot.ask("setWebhook", url="https://bot.test/a")
    with pytest.raises(Refused) as refused:
        await bot.ask("setWebhook", url="https://bot.test/b")
    clock.advance(1)

    assert refused.value.parameters == {"retry_after": 1}
    assert await bot.ask("setWebhook", url="https://bot.test/b")


async def test_deleting_a_webhook_may_drop_what_is_pending(
    network: FakeTelegram, bot: BareClient
) -> None:
    """A bot may begin anew."""
    network.private_chat().text("old")

    await bot.ask("deleteWebhook", drop_pending_updates=True)

    assert await bot.updates() == []


async def test_some_kinds_come_only_when_they_are_asked_for(
    network: FakeTelegram, bot: BareClient
) -> None:
    """Reactions and members are not among the kinds that come by themselves."""
    ann = network.private_chat()
    message = ann.text("hello")
    ann.react(message, "👍")
    await bot.updates(allowed_updates=EVERYTHING)
    ann.react(message, "👎")

    kinds = [sorted(update)[0] for update in await bot.updates()]

    assert kinds == ["message", "message_reaction"]


@pytest.mark.parametrize(
    ("given", "is_message_allowed"),
    [
        (None, False),
        ("{not json", False),
        ([], True),
        (["nonsense"], True),
        ('["message"]', True),
        (["poll", "nonsense"], False),
    ],
)
async def test_the_kinds_that_are_asked_for_stick(
    network: FakeTelegram, bot: BareClient, given: object, is_message_allowed: bool
) -> None:
    """Nothing and nonsense keep them; an empty list and unknown names alone reset them."""
    await bot.updates(allowed_updates=["callback_query"])
    await bot.updates(**({} if given is None else {"allowed_updates": given}))

    network.private_chat().text("hello")

    assert bool(await bot.updates()) == is_message_allowed


async def test_updates_die_after_a_day(
    network: FakeTelegram, bot: BareClient, clock: Clock
) -> None:
    """What nobody fetches in time is gone; the press of a button is so much sooner."""
    ann = network.private_chat()
    ann.press(ann.text("old"), "yes")
    clock.advance(151)
    ann.text("new")
    after_the_query = await bot.updates()
    clock.advance(DAY_S - 150)

    assert texts(after_the_query) == ["old", "new"]
    assert texts(await bot.updates()) == ["new"]


async def test_a_full_queue_takes_no_more(network: FakeTelegram) -> None:
    """New updates are lost then, not old ones."""
    for _ in range(MAX_QUEUED):
        network.push("poll", {})

    assert network.push("poll", {}) is None
    assert network.pending == MAX_QUEUED


async def test_an_update_that_is_too_large_never_comes(network: FakeTelegram) -> None:
    """It is dropped before it gets an id."""
    assert network.push("poll", {"filler": "x" * 600_000}) is None


async def test_a_poll_that_repeats_the_offset_can_be_slowed(
    network: FakeTelegram, bot: BareClient, clock: Clock
) -> None:
    """Switched on, a bot that polls again at once gets one update, as from the server."""
    network.world.updates.slows_repeats = True
    ann = network.private_chat()
    for text in ("one", "two"):
        ann.text(text)

    counts = [len(await bot.updates()), len(await bot.updates())]
    clock.advance(3)

    assert counts == [2, 1]
    assert len(await bot.updates()) == 2


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/bot123456:wrong/getMe", 401, "Unauthorized"),
        ("/bot0:x/getMe", 401, "Unauthorized: invalid token specified"),
        ("/botnonsense/getMe", 401, "Unauthorized: invalid token specified"),
        (f"/bot1:{'x' * 80}/getMe", 401, "Unauthorized: invalid token specified"),
        ("/bot123456:x", 404, "Not Found"),
        ("/elsewhere", 404, "Not Found"),
        ("/file/bot123456:wrong/photos/file_0.jpg", 401, "Unauthorized"),
    ],
)
async def test_a_wrong_address_is_told_apart(
    network: FakeTelegram, path: str, code: int, text: str
) -> None:
    """A token that is not valid is 401, an address that is none 404."""
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(network.url + path)

    assert response.status_code == code
    assert response.json() == {"ok": False, "error_code": code, "description": text}


async def test_a_method_may_be_written_in_any_case(
    network: FakeTelegram, bot: BareClient
) -> None:
    """It is recorded as the documentation spells it; unknown ones are 404."""
    me = await bot.ask("GETME")
    with pytest.raises(Refused, match="Not Found: method not found") as refused:
        await bot.ask("getEverything")

    assert (me["id"], me["is_bot"], me["username"]) == (123456, True, "test_bot")
    assert refused.value.code == 404
    assert [call.method for call in network.requests] == ["getMe", "getEverything"]


async def test_parameters_come_in_four_forms(network: FakeTelegram, bot: BareClient) -> None:
    """Query, form, multipart and JSON; what is nested is JSON in all of them."""
    ann = network.private_chat()
    entities = '[{"type": "bold", "offset": 0, "length": 2}]'
    params = {"chat_id": str(ann.id), "text": "hi", "entities": entities}
    url = bot.url("sendMessage")

    await bot.http.get(url, params=params)
    await bot.http.post(url, data=params)
    await bot.http.post(url, data=params, files={"unused": b""})
    await bot.http.post(url, json={**params, "chat_id": ann.id})

    bold = [{"type": "bold", "offset": 0, "length": 2}]
    assert [(one.text, one.entities) for one in network.sent] == [("hi", bold)] * 4
    assert [call.http_method for call in network.requests] == ["GET", "POST", "POST", "POST"]


async def test_a_token_can_be_revoked(network: FakeTelegram, bot: BareClient) -> None:
    """From then on every call is refused."""
    network.revoke_token()

    with pytest.raises(Refused) as refused:
        await bot.ask("getMe")

    assert (refused.value.code, refused.value.text) == (401, "Unauthorized")
    assert [call.status for call in network.requests] == [401]
