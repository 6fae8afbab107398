"""Gift wraps: what we make others open, and what others make we open."""

from __future__ import annotations

from random import Random

import nostr_sdk  # type: ignore[import-untyped]
import pytest

from cobot_nostr.crypto import FileKey, Signer, Undecryptable, verify
from cobot_nostr.events import DIRECT, GIFT_WRAP, Draft, Refused, dumps, read_event, read_json
from cobot_nostr.wraps import BACKDATED_S, unwrap, wrap

NOW = 1_790_000_000
ALICE, BOB = Signer.generate(), Signer.generate()


def _rumor(text: str = "hello") -> Draft:
    return Draft(kind=DIRECT, tags=(("p", BOB.pubkey),), content=text)


def test_wrap_is_opened_by_its_receiver_alone() -> None:
    """The rumor comes out as it was, and nobody else can open it."""
    rumor = ALICE.rumor(_rumor(), NOW)
    wrapped = wrap(ALICE, rumor, BOB.pubkey, NOW, Random(1))

    assert unwrap(BOB, wrapped) == rumor
    with pytest.raises(Refused, match="receiver"):
        unwrap(Signer.generate(), wrapped)


def test_wrap_tells_nothing_of_sender_and_time() -> None:
    """It is signed by a key used once, and dated back by chance, never ahead."""
    rumor = ALICE.rumor(_rumor(), NOW)
    wraps = [wrap(ALICE, rumor, BOB.pubkey, NOW, Random(seed)) for seed in range(20)]

    assert len({one.pubkey for one in wraps} | {ALICE.pubkey, BOB.pubkey}) == 22
    assert len({one.created_at for one in wraps}) > 10
    assert all(NOW - BACKDATED_S <= one.created_at <= NOW for one in wraps)
    assert all(one.kind == GIFT_WRAP and verify(one) is None for one in wraps)


def test_nostr_sdk_opens_ours() -> None:
    """Another implementation reads what we wrap."""
    rumor = ALICE.rumor(_rumor("ahoi"), NOW)
    wrapped = wrap(ALICE, rumor, BOB.pubkey, NOW, Random(1))
    opened = nostr_sdk.UnwrappedGift.from_gift_wrap(
        nostr_sdk.Keys.parse(BOB.nsec()), nostr_sdk.Event.from_json(dumps(wrapped.json))
    )

    assert opened.rumor().id().to_hex() == rumor.id
    assert opened.sender().to_hex() == ALICE.pubkey


def test_nostr_sdk_s_is_opened() -> None:
    """What another implementation wraps we read."""
    wrapped = nostr_sdk.nip17_make_private_msg(
        nostr_sdk.Keys.parse(ALICE.nsec()), nostr_sdk.PublicKey.parse(BOB.pubkey), "ahoi"
    )
    rumor = unwrap(BOB, read_event(read_json(wrapped.as_json())))

    assert (rumor.pubkey, rumor.content) == (ALICE.pubkey, "ahoi")


def test_too_long_text_is_refused_before_it_is_sent() -> None:
    """What few clients can read is not made."""
    rumor = ALICE.rumor(_rumor("x" * 70_000), NOW)

    with pytest.raises(ValueError, match="65535 bytes"):
        wrap(ALICE, rumor, BOB.pubkey, NOW, Random(1))


def test_file_is_opened_with_its_key_alone() -> None:
    """A file that was changed on the way, or another's key, gives nothing."""
    key = FileKey.generate()
    encrypted = key.encrypt(b"picture")

    assert key.decrypt(encrypted) == b"picture"
    assert FileKey(key.key, "00" * 12).encrypt(b"x")
    for other in (FileKey.generate(), FileKey("00", "00"), FileKey(key.key, "zz")):
        with pytest.raises(Undecryptable):
            other.decrypt(encrypted)
    with pytest.raises(Undecryptable):
        key.decrypt(encrypted[:-1] + b"\0")
