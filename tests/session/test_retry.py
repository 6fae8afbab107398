from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from fakes import START
from hypothesis import given
from hypothesis import strategies as st

from cobot import (
    Address,
    AuthFailed,
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    Limits,
    MessageNotFound,
    MessageRef,
    OutgoingMessage,
    RateLimited,
    Receipt,
    Rejected,
    TokenInUse,
    Unreachable,
    Unsupported,
)
from cobot.journal import Delivery, Operation
from cobot.session.retry import (
    UNTOLD_WAIT_S,
    Policy,
    Verdict,
    after,
)
from cobot.waits import FIRST_S, MOST_S, backoff_s

POLICY = Policy(tries=8, age_s=3600, resend="resend")
NO_LIMITS = Limits()
KEYED = Limits(idempotency="key")
SEND = OutgoingMessage("post", "chat", "hello")
OLD_FORM = MessageRef("post", "chat", "1")
NETWORK_ERRORS = (
    TokenInUse,
    RateLimited,
    ChatGone,
    Forbidden,
    MessageNotFound,
    Rejected,
    Unreachable,
    DeliveryUnknown,
    Unsupported,
    AuthFailed,
    ChannelError,
)


def delivery(kind: Any = "send", *, part: int = 0, parts: int = 1, **fields: Any) -> Delivery:
    """Return an operation that was taken, stored at the start of time."""
    operation = Operation(
        kind=kind,
        address=Address("post", "chat"),
        key="key",
        message=None if kind in ("delete", "react") else SEND,
        part=part,
        parts=parts,
    )
    return Delivery(1, operation, START, **fields)


def judged(
    error: ChannelError,
    work: Delivery,
    limits: Limits = NO_LIMITS,
    *,
    policy: Policy = POLICY,
    age_s: float = 0,
) -> Verdict:
    """Return what is done about an operation that failed at an age."""
    now = START + timedelta(seconds=age_s)
    return policy.judge(error, work, limits, now, Random(1))


def raised(cls: type[ChannelError], **fields: Any) -> ChannelError:
    """Return an error of a send."""
    return cls("post", "send", "no", **fields)


# How often and for how long.


@given(
    attempts=st.integers(0, 20),
    age_s=st.floats(0, 10_000),
    tries=st.integers(1, 10),
    most_s=st.floats(0, 8_000),
)
def test_it_is_given_up_only_when_attempts_and_age_are_exceeded(
    attempts: int, age_s: float, tries: int, most_s: float
) -> None:
    """Eight tries in a minute of outage lose nothing, and neither does one try in a day."""
    policy = Policy(tries, most_s, "resend")
    now = START + timedelta(seconds=age_s)
    verdict = policy.judge(
        raised(Unreachable), delivery(attempts=attempts), NO_LIMITS, now, Random(1)
    )
    is_old = (now - START).total_seconds() >= most_s

    assert (verdict.wait_s is None) is (attempts + 1 >= tries and is_old)


def test_what_was_given_up_says_why_how_often_and_for_how_long() -> None:
    """The dead letter's reason has the network's words and the numbers."""
    verdict = judged(raised(Unreachable), delivery(attempts=7), age_s=3600)

    assert verdict.reason == "post: send: no; tried 8 times in 3600 s"


@pytest.mark.parametrize("attempts", [0, 1, 5, 30, 10**6])
def test_waits_grow_up_to_a_limit(attempts: int) -> None:
    """Each wait is twice the one before, up to a minute, and chance takes off half at most."""
    longest = min(FIRST_S * 2 ** min(attempts, 30), MOST_S)
    waits = [backoff_s(attempts, Random(seed)) for seed in range(50)]

    assert all(longest / 2 <= wait_s <= longest for wait_s in waits)
    assert len(set(waits)) > 1


def test_a_clock_that_was_set_back_gives_nothing_up() -> None:
    """What seems to have been stored in the future is too young to be given up."""
    assert judged(raised(Unreachable), delivery(attempts=99), age_s=-3600).wait_s is not None


# What the network asked for.


@pytest.mark.parametrize("seconds", [0.0, 0.25, 300.0, 86_400.0])
def test_the_networks_wait_is_kept_exactly_and_is_no_attempt(seconds: float) -> None:
    """`Retry-After` is neither shortened nor stretched, and costs no try."""
    verdict = judged(raised(RateLimited, retry_after_s=seconds), delivery(attempts=3))

    assert verdict.wait_s == seconds
    assert not verdict.is_attempt
    assert not verdict.is_unknown


def test_waiting_for_the_network_never_ends_in_a_dead_letter() -> None:
    """Whoever is told to wait waits, however often and however old the message is."""
    error = raised(RateLimited, retry_after_s=5)

    assert judged(error, delivery(attempts=99), age_s=10**8).wait_s == 5


def test_a_wait_of_unknown_length_is_some_seconds() -> None:
    """A network that says "too many" and not for how long is left alone for a while."""
    assert judged(raised(RateLimited), delivery()).wait_s == UNTOLD_WAIT_S


@pytest.mark.parametrize(
    ("scope", "closes"), [(None, "address"), ("address", "address"), ("channel", "channel")]
)
def test_a_wait_closes_the_address_or_what_the_network_names(
    scope: str | None, closes: str
) -> None:
    """After a 429 that address is closed, or the whole channel if the network says so."""
    assert (
        judged(raised(RateLimited, retry_after_s=1, scope=scope), delivery()).closes == closes
    )


def test_a_wait_that_comes_with_another_error_is_kept_too() -> None:
    """A 503 with a time is tried again at that time."""
    verdict = judged(raised(Unreachable, retry_after_s=42), delivery())

    assert verdict.wait_s == 42
    assert verdict.is_attempt


@pytest.mark.parametrize("cls", sorted(set(NETWORK_ERRORS) - {RateLimited}, key=str))
def test_no_other_error_closes_anything(cls: type[ChannelError]) -> None:
    """Only a network that asks for a wait makes others wait."""
    assert judged(raised(cls), delivery()).closes == ""


# By class.


@pytest.mark.parametrize("cls", [ChatGone, Forbidden, Rejected, MessageNotFound, Unsupported])
def test_what_can_never_succeed_is_given_up_at_once(cls: type[ChannelError]) -> None:
    """The network's final no is a dead letter after one try, with the reason."""
    verdict = judged(raised(cls), delivery(), KEYED)

    assert verdict.wait_s is None
    assert verdict.reason == "post: send: no"
    assert not verdict.is_unknown


@pytest.mark.parametrize("cls", NETWORK_ERRORS)
def test_only_a_chat_that_is_gone_or_forbidden_is_gone(cls: type[ChannelError]) -> None:
    """A message that is refused says nothing about the next one to its chat."""
    assert judged(raised(cls), delivery()).chat_is_gone is (cls in (ChatGone, Forbidden))


@pytest.mark.parametrize("cls", NETWORK_ERRORS)
def test_only_refused_credentials_park_the_channel(cls: type[ChannelError]) -> None:
    """A bad token is the channel's trouble and no attempt of the message."""
    verdict = judged(raised(cls), delivery(attempts=99), age_s=10**6)

    assert verdict.parks is (cls is AuthFailed)
    if verdict.parks:
        assert verdict.wait_s is not None
        assert not verdict.is_attempt


def test_a_token_in_use_is_tried_again_later() -> None:
    """Somebody else using the token is no reason to give a message up at once."""
    assert judged(raised(TokenInUse), delivery()).wait_s is not None


@pytest.mark.parametrize("cls", NETWORK_ERRORS)
def test_only_an_unknown_fate_is_unknown(cls: type[ChannelError]) -> None:
    """What provably did not happen is not counted as perhaps arrived."""
    is_unknown = cls in (DeliveryUnknown, ChannelError)

    assert judged(raised(cls), delivery()).is_unknown is is_unknown


# Unknown fates.


def test_a_send_of_unknown_fate_is_repeated_once() -> None:
    """Where the network offers nothing, a second unknown fate is a dead letter."""
    first = judged(raised(DeliveryUnknown), delivery())
    second = judged(raised(DeliveryUnknown), delivery(attempts=1, unknowns=1))

    assert first.wait_s is not None
    assert first.is_unknown
    assert second.wait_s is None
    assert second.is_unknown
    assert "may have arrived twice" in second.reason


def test_resend_dead_letter_repeats_nothing() -> None:
    """Who asks for it gets a dead letter in place of a message that may appear twice."""
    policy = Policy(8, 3600, "dead-letter")
    verdict = judged(raised(DeliveryUnknown), delivery(), policy=policy)

    assert verdict.wait_s is None
    assert "'resend: dead-letter' forbids to repeat it" in verdict.reason
    assert policy.may_repeat(delivery(unknowns=1), NO_LIMITS, START) is not None


@pytest.mark.parametrize("idempotency", ["key", "same", "lookup"])
@pytest.mark.parametrize("resend", ["resend", "dead-letter"])
def test_a_network_that_can_tell_is_asked_again_as_often_as_it_takes(
    idempotency: Any, resend: Any
) -> None:
    """With a key, the same event or a look-up, a repeated send appears once."""
    limits = Limits(idempotency=idempotency)
    policy = Policy(8, 3600, resend)
    work = delivery(attempts=5, unknowns=5)

    assert judged(raised(DeliveryUnknown), work, limits, policy=policy).wait_s is not None
    assert policy.may_repeat(work, limits, START) is None
    assert not policy.may_be_doubled(work, Receipt(), limits, START)


@pytest.mark.parametrize(("age_s", "is_repeated"), [(60, True), (61, False)])
def test_after_its_window_a_key_is_worth_nothing(age_s: float, is_repeated: bool) -> None:
    """An unknown send that is older than the window counts as one without a key."""
    limits = Limits(idempotency="key", idempotency_window_s=60)
    work = delivery(attempts=2, unknowns=2)
    now = START + timedelta(seconds=age_s)

    assert (POLICY.may_repeat(work, limits, now) is None) is is_repeated
    verdict = judged(raised(DeliveryUnknown), work, limits, age_s=age_s)
    assert (verdict.wait_s is not None) is is_repeated
    assert POLICY.may_be_doubled(work, Receipt(), limits, now) is not is_repeated


@pytest.mark.parametrize(("unknowns", "is_repeated"), [(0, True), (1, True), (2, False)])
def test_what_was_in_flight_at_a_kill_is_repeated_once(
    unknowns: int, is_repeated: bool
) -> None:
    """A process that dies each time between request and answer sends twice and no more."""
    refusal = POLICY.may_repeat(delivery(unknowns=unknowns), NO_LIMITS, START)

    assert (refusal is None) is is_repeated


@pytest.mark.parametrize("unknowns", [0, 1])
def test_what_was_repeated_is_marked(unknowns: int) -> None:
    """What may be seen twice is said to be so, and nothing else is."""
    work = delivery(unknowns=unknowns)

    assert POLICY.may_be_doubled(work, Receipt(), NO_LIMITS, START) is (unknowns > 0)


def test_a_refusal_before_the_repetition_does_not_count_as_one() -> None:
    """An unknown send that then finds no connection has still not been repeated."""
    work = delivery(attempts=1, unknowns=1)
    verdict = judged(raised(Unreachable), work)

    assert verdict.wait_s is not None
    assert not verdict.is_unknown


# What makes no new message may be done again.


@pytest.mark.parametrize("kind", ["delete", "react", "edit"])
def test_deleting_reacting_and_editing_twice_is_seen_once(kind: str) -> None:
    """They need no key of the network's to be repeated."""
    policy = Policy(8, 3600, "dead-letter")
    work = delivery(kind, refs=(OLD_FORM,), attempts=3, unknowns=3)

    assert judged(raised(DeliveryUnknown), work, policy=policy).wait_s is not None
    assert policy.may_repeat(work, NO_LIMITS, START) is None
    assert not policy.may_be_doubled(work, Receipt(), NO_LIMITS, START)


@pytest.mark.parametrize(
    ("work", "policy"),
    [
        (delivery("edit", part=1, parts=2, refs=(OLD_FORM,), unknowns=2), POLICY),
        (delivery("edit", target_is_gone=True, unknowns=2), POLICY),
        (
            delivery("edit", refs=(OLD_FORM,), unknowns=2),
            Policy(8, 3600, "resend", edits=False),
        ),
    ],
    ids=["a part that the old form had not", "nobody knows what to edit", "no edits at all"],
)
def test_an_edit_that_sends_is_as_unknown_as_a_send(work: Delivery, policy: Policy) -> None:
    """What becomes a new message could be seen twice, so it is repeated once and marked."""
    assert policy.may_repeat(work, NO_LIMITS, START) is not None
    assert judged(raised(DeliveryUnknown), work, policy=policy).wait_s is None
    assert policy.may_be_doubled(work, Receipt(), NO_LIMITS, START)


def test_an_edit_that_turned_out_to_send_is_marked() -> None:
    """A message that was too old to be edited may have been sent anew twice."""
    work = delivery("edit", refs=(OLD_FORM,), unknowns=1)
    receipt = Receipt(degraded=["edit->send"])

    assert POLICY.may_be_doubled(work, receipt, NO_LIMITS, START)


# Times.


def test_a_wait_beyond_the_calendar_ends_with_it() -> None:
    """A network that asks for ten thousand years gets what there is."""
    assert after(START, 1e300) == datetime.max.replace(tzinfo=UTC)
    assert after(START, 1.5) == START + timedelta(seconds=1.5)
