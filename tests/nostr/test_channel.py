"""The channel as the session and the command line see it."""

from __future__ import annotations

from typing import Any

import pytest

from cobot import Id, Secret, Unreachable
from cobot.testing import ManualClock, make_context
from cobot_nostr import Nostr, NostrChat, NostrSettings
from cobot_nostr.api import TEXT_BYTES
from cobot_nostr.crypto import Signer
from nostr.conftest import Bot
from nostr.meddling import Meddler
from nostr.people import Person


async def _limits(running: Any) -> Any:
    return await running.call("session_limits", channel_type="nostr", channel_id=None)


async def test_relay_s_limits_are_kept_to(bot: Bot, between: Meddler) -> None:
    """What a relay says of itself (NIP-11) makes texts shorter and pages smaller."""
    between.information = {
        "limitation": {"max_message_length": 32_768, "max_limit": 50},
        "supported_nips": [1, 11],
    }
    async with bot(relays=[between.url]) as running:
        limits = await _limits(running)
        await running.until(lambda: running.channel.text_bytes < TEXT_BYTES, "it is asked", "")
        shorter = await _limits(running)

        assert (limits.text, limits.unit, limits.idempotency) == (TEXT_BYTES, "bytes", "same")
        assert shorter.text == 6068


@pytest.mark.parametrize(
    "information",
    [
        None,
        {},
        {"limitation": None},
        {"limitation": {"max_message_length": "much", "max_limit": -1}},
        {"limitation": {"max_message_length": 10}},
    ],
)
async def test_relay_that_says_nonsense_of_itself_is_used_all_the_same(
    bot: Bot, between: Meddler, person: Person, key: Signer, information: Any
) -> None:
    """What a relay says of itself is a hint and never the truth."""
    between.information = information
    async with bot(relays=[between.url]) as running:
        await person.whisper(key.pubkey, "hello")
        await running.question("hello")

        assert (await _limits(running)).text == TEXT_BYTES


async def test_check_says_who_we_are_and_what_is_there(url: str, between: Meddler) -> None:
    """`cobot check --online` dials every relay and publishes nothing."""
    key = Signer.generate()
    nobody = "ws://127.0.0.1:1"
    settings = NostrSettings(nsec=_secret(key), relays=(between.url, nobody))
    context = make_context(clock=ManualClock())
    said = await Nostr(settings, context).session_check("nostr")
    await context.close()

    assert said == f"{key.npub} on {between.url}; not there: {nobody}"
    assert between.count("EVENT") == between.count("REQ") == 0


async def test_check_fails_where_no_relay_is(clock: ManualClock) -> None:
    """A relay that cannot be reached is named."""
    settings = NostrSettings(nsec=_secret(Signer.generate()), relays=("ws://127.0.0.1:1",))
    channel = Nostr(settings, make_context(clock=clock))
    with pytest.raises(Unreachable, match=r"no relay is there: ws://127\.0\.0\.1:1"):
        await channel.session_check("nostr")


def test_broadcasts_go_to_the_first_chat_of_the_settings() -> None:
    """Without one, broadcasts leave the channel out."""
    secret = _secret(Signer.generate())
    chats = (NostrChat(Id("group:groups.example'pizza")), NostrChat(Id(f"chan:{'a' * 64}")))
    with_chats = NostrSettings(nsec=secret, relays=("wss://a.example",), groups=chats)
    without = NostrSettings(nsec=secret, relays=("wss://a.example",))

    target = Nostr(with_chats, make_context()).session_default_target("nostr")
    assert target == "group:groups.example'pizza"
    assert Nostr(without, make_context()).session_default_target("nostr") is None


def _secret(signer: Signer) -> Any:
    return Secret(signer.nsec())
