"""What was missed while no connection was there: which channels to ask, and since when. Pure.

Slack keeps nothing for an app that is away for long. What was written meanwhile is asked for,
channel by channel, from the newest message that is stored of each.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import attrs

from cobot_slack.contents import Wire
from cobot_slack.timestamps import is_ts, order_of, time_of, ts_at

FLOOR = ""
"""The name of the cursor that says which is the newest message of all."""

CHANNELS_MOST = 1000
"""Channels that are asked at once: those that spoke last. Others are when they speak."""

STRANGERS_MOST = 100
"""Direct messages that are asked at once in which nothing is stored."""

THREADS_MOST = 20
"""Threads of a channel that are asked though nothing shows that they went on."""

THREADS_AGE = timedelta(days=7)
"""How long ago the last reply may be in these."""

THREADS_KEPT = 50
"""Threads of a channel that are remembered: those that went on last."""

LOOK_BACK = timedelta(days=1)
"""How much older a message may be for new replies to it to be found."""

OVERTAKEN = timedelta(minutes=6)
"""How much older a message may be that comes later, where they come by several ways: Slack
tells what was not acknowledged for the last time after five minutes."""

SKEW = timedelta(seconds=60)
"""Events of several channels may come in another order than they happened."""


@attrs.frozen
class Place:
    """A channel."""

    id: str
    kind: str
    """`im`, `mpim`, `group` or `channel`."""

    def cursor(self, ts: str) -> str:
        """Return the value of its cursor: the newest message, and what kind it is."""
        return f"{ts}/{self.kind}"

    @classmethod
    def of_id(cls, channel_id: str) -> Place:
        """Return the place that an id is most likely of; private ones may look like others."""
        return cls(channel_id, "im" if channel_id.startswith("D") else "channel")

    @classmethod
    def of_cursor(cls, name: str, value: str | None) -> Place | None:
        """Return the place that a cursor is of; None: it is none of a channel."""
        ts, _, kind = (value or "").partition("/")
        return cls(name, kind) if name and "/" not in name and kind and is_ts(ts) else None


@attrs.frozen
class Missed:
    """A channel to ask."""

    place: Place
    after: str
    """The last message that is stored."""
    floor: str
    """What was written before it is stored, whichever thread it is in."""
    is_ordered: bool = True
    """Whether what is older than a stored message is stored, too."""

    @property
    def oldest(self) -> str:
        """From where on to read: older messages may have new replies."""
        return ts_at(time_of(self.after) - LOOK_BACK)

    def since(self, ts: str) -> str:
        """Return from where on to ask, if a message is stored; what comes twice is known."""
        return ts if self.is_ordered else ts_at(time_of(ts) - OVERTAKEN)


def threads_cursor(channel_id: str) -> str:
    """Return the name of the cursor that has the threads of a channel."""
    return f"{channel_id}/threads"


def threads_in(cursors: Mapping[str, str], channel_id: str) -> Mapping[str, str]:
    """Return the threads of a channel that are remembered, with the last message of each."""
    threads: Mapping[str, str] = json.loads(cursors.get(threads_cursor(channel_id)) or "{}")
    return threads


def threads_value(threads: Mapping[str, str]) -> str:
    """Return the value of a cursor that has threads: of those that went on last."""
    latest = sorted(threads.items(), key=lambda one: order_of(one[1]))[-THREADS_KEPT:]
    return json.dumps(dict(latest), separators=(",", ":"))


def missed_in(
    cursors: Mapping[str, str], listed: Collection[str], *, is_ordered: bool = True
) -> list[Missed]:
    """Return channels to ask, those that spoke last first.

    Args:
        cursors: The newest message that is stored, by channel and thread.
        listed: Channels in the settings.
        is_ordered: Whether no message of a channel overtakes another on its way to us.
    """
    newest = cursors.get(FLOOR)
    floor = None if newest is None or not is_ts(newest) else ts_at(time_of(newest) - SKEW)
    found = []
    for name, value in cursors.items():
        place = Place.of_cursor(name, value)
        if place is not None:
            after = value.partition("/")[0]
            found.append(Missed(place, after, floor or after, is_ordered))
    known = {one.place.id for one in found}
    if floor is not None:
        strangers = sorted({*listed} - known)
        found += [Missed(Place.of_id(one), floor, floor) for one in strangers]
    found.sort(key=lambda one: order_of(one.after), reverse=True)
    return found


def strangers_of(channel_ids: Sequence[str], floor: str) -> list[Missed]:
    """Return direct messages to ask of which nothing is stored.

    Args:
        channel_ids: Theirs.
        floor: The newest message that is stored of all.
    """
    since = ts_at(time_of(floor) - SKEW)
    return [Missed(Place(one, "im"), since, since) for one in channel_ids]


def threads_to_ask(
    missed: Missed, page: Sequence[Wire], cursors: Mapping[str, str]
) -> dict[str, str]:
    """Return the threads of a channel to ask, with the last message that is stored of each.

    Args:
        missed: The channel.
        page: What stands in it by now, as far back as it was read.
        cursors: As they were stored.
    """
    found: dict[str, str] = {}
    stored = threads_in(cursors, missed.place.id)
    for message in page:
        ts, latest = str(message.get("ts")), str(message.get("latest_reply") or "")
        after = missed.since(stored[ts]) if ts in stored else missed.floor
        if is_ts(ts) and is_ts(latest) and order_of(latest) > order_of(after):
            found[ts] = after
    seen = {str(message.get("ts")) for message in page}
    since = order_of(ts_at(time_of(missed.floor) - THREADS_AGE))
    others = [
        (missed.since(after), thread)
        for thread, after in stored.items()
        if order_of(after) > since
    ]
    others.sort(key=lambda one: order_of(one[0]), reverse=True)
    unseen = [one for one in others if one[1] not in seen][:THREADS_MOST]
    return {**found, **{thread: after for after, thread in unseen}}


def new_in(messages: Sequence[Wire], after: str) -> list[Wire]:
    """Return the messages that are newer than one, the oldest first, each once."""
    found = {
        str(one["ts"]): one
        for one in messages
        if is_ts(str(one.get("ts"))) and order_of(str(one["ts"])) > order_of(after)
    }
    return [found[ts] for ts in sorted(found, key=order_of)]
