from __future__ import annotations

from cobot import Address
from cobot.journal import Key
from cobot.journal.keys import conversation_key, message_key, operation_key, turn_key
from cobot.messages import KEY_PATTERN


def test_the_keys_of_messages_never_change() -> None:
    """What was stored by an older cobot is known to this one, under the same key."""
    edit = Key("-100", "7", "edit", "12", "2026")

    assert message_key("telegram", edit) == "0ee794a3f6e93c3db05ed652"
    assert message_key("telegram", Key("5", None, "message", "é")) == "92487894334785c5dc052bf6"
    assert operation_key("abc", 3) == "e77d664649d40404813f18e5"


def test_conversations_have_no_slash_but_between_their_parts() -> None:
    """So one conversation lies below another only if it belongs to it."""
    assert conversation_key(Address("a/b", "c%d", "e")) == "a%2Fb/c%25d/e"
    assert conversation_key(Address("telegram", "-100")) == "telegram/-100"


def test_the_keys_of_turns_rise_with_their_jobs() -> None:
    """What is stored together lies together in the index of keys."""
    jobs = (1, 2, 15, 16, 4096, 16**8)

    keys = [turn_key(job, "the message's own", 0) for job in jobs]

    assert sorted(keys) == keys
    assert all(KEY_PATTERN.fullmatch(key) for key in keys)


def test_a_turn_that_runs_again_has_the_same_keys() -> None:
    """Of each operation one, of each message others."""
    whose = ((7, "cause", 0), (7, "cause", 1), (7, "other", 0), (8, "cause", 0))

    keys = [turn_key(*one) for one in whose]

    assert len({*keys}) == 4
    assert [turn_key(*one) for one in whose] == keys
    assert KEY_PATTERN.fullmatch(turn_key(16**9 + 7, "cause", 0))
