"""Which channels and threads are asked for what was missed."""

from __future__ import annotations

from cobot_slack.gaps import (
    FLOOR,
    Missed,
    Place,
    missed_in,
    new_in,
    threads_cursor,
    threads_to_ask,
    threads_value,
)
from cobot_slack.timestamps import order_of, time_of, ts_at


def test_channels_are_asked_from_their_last_message() -> None:
    """Those of the settings too, of which nothing is stored; other cursors are none."""
    cursors = {
        FLOOR: "1000000.000000",
        "C1": "999000.000100/channel",
        "D1": "999999.000000/im",
        "C1/threads": '{"998000.000000": "998500.000000"}',
        "/commands": "[]",
    }
    found = missed_in(cursors, ["C1", "C2", "D2"])

    assert [(one.place, one.after) for one in found] == [
        (Place("D1", "im"), "999999.000000"),
        (Place("C2", "channel"), "999940.000000"),
        (Place("D2", "im"), "999940.000000"),
        (Place("C1", "channel"), "999000.000100"),
    ]


def test_threads_are_asked_that_went_on_or_may_have() -> None:
    """Not those that are at rest, nor old ones."""
    missed = Missed(Place("C1", "channel"), "9000000.000000", "9000000.000000")
    page = [
        {"ts": "8999000.000000", "latest_reply": "9000500.000000"},
        {"ts": "8999100.000000", "latest_reply": "8999200.000000"},
        {"ts": "8999300.000000"},
    ]
    threads = {
        "8999000.000000": "9000100.000000",
        "8800000.000000": "8990000.000000",
        "1000000.000000": "1000001.000000",
    }
    cursors = {
        threads_cursor("C1"): threads_value(threads),
        threads_cursor("C2"): threads_value({"8700000.000000": "8990000.000000"}),
    }

    assert threads_to_ask(missed, page, cursors) == {
        "8999000.000000": "9000100.000000",
        "8800000.000000": "8990000.000000",
    }


def test_where_messages_overtake_each_other_a_little_more_is_asked_for() -> None:
    """What is stored of a channel or a thread is no proof of what is a few minutes older."""
    cursors = {
        "C1": "9000000.000000/channel",
        threads_cursor("C1"): threads_value({"8999000.000000": "9000100.000000"}),
    }
    (ordered,) = missed_in(cursors, [])
    (unordered,) = missed_in(cursors, [], is_ordered=False)

    assert ordered.since(ordered.after) == "9000000.000000"
    assert unordered.since(unordered.after) == "8999640.000000"
    assert threads_to_ask(ordered, [], cursors) == {"8999000.000000": "9000100.000000"}
    assert threads_to_ask(unordered, [], cursors) == {"8999000.000000": "8999740.000000"}


def test_timestamps_are_compared_by_all_their_digits() -> None:
    """As numbers with a point they would be rounded."""
    messages = [{"ts": "10.000002"}, {"ts": "9.999999"}, {"ts": "10.000001"}, {"ts": "x"}]

    assert [one["ts"] for one in new_in(messages, "9.999999")] == ["10.000001", "10.000002"]
    assert order_of("1790000000.000100") < order_of("1790000000.000101")
    assert ts_at(time_of("1790000000.000100")) == "1790000000.000100"
