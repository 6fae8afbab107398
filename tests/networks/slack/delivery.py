"""What the app is told, and what becomes of it when nobody listens."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

import attrs

from networks.slack.chats import Wire
from networks.slack.world import APP_ID, TEAM_ID, World

SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}
"""By subscription: what the bot's token has to have, or the event is not told."""

DeliveryKind: TypeAlias = Literal["events_api", "interactive", "slash_commands"]


@attrs.define(eq=False)
class Timing:
    """How long the network waits, in seconds of the loop; tests may shorten it."""

    ack_s: float = 3.0
    """Until what was not acknowledged counts as failed."""
    retry_s: tuple[float, ...] = (0.0, 60.0, 300.0)
    """Before each retry of an event. Commands and buttons are not retried."""
    warning_s: float = 10.0
    """Between a warning and the end of a connection."""
    ping_s: float = 10.0
    """Between the network's pings."""


@attrs.define(eq=False)
class Delivery:
    """Something that the app is to be told, until it has said that it knows."""

    kind: DeliveryKind
    payload: Wire
    id: int
    state: Literal["pending", "acked", "lost"] = "pending"
    reasons: list[str] = attrs.field(factory=list)
    """Why each attempt failed, in order."""
    envelope_ids: list[str] = attrs.field(factory=list)
    """Of each attempt over a socket."""
    answer: Any = None
    """What came with the acknowledgement; None: nothing."""
    on_answer: Callable[[Any], None] | None = None
    is_resting: bool = False
    """Whether it waits for its next attempt."""
    _timer: asyncio.TimerHandle | None = None

    @property
    def event_id(self) -> str:
        """The event's; the same in every attempt."""
        return str(self.payload.get("event_id", ""))

    @property
    def attempts(self) -> int:
        """How often it was tried and failed."""
        return len(self.reasons)

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something in so many seconds, instead of what was to be done."""
        self.still()
        self._timer = asyncio.get_running_loop().call_later(seconds, do)

    def still(self) -> None:
        """Do nothing later any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None


class Way(Protocol):
    """How deliveries reach the app."""

    def offer(self, delivery: Delivery) -> None:
        """Try once. What becomes of it is told to `Outbox.acked` or `Outbox.failed`."""


class Outbox:
    """All deliveries, in order.

    Args:
        world: What the network knows.
        way: Over which they go.
    """

    def __init__(self, world: World, way: Way) -> None:
        self.timing = Timing()
        self.subscriptions: set[str] | None = None
        """Names such as `message.im` or `reaction_added`; None: all."""
        self.deliveries: list[Delivery] = []
        self.way = way
        self._world = world
        self._numbers = itertools.count(1)

    def event(self, event: Wire, *, is_ext_shared: bool = False) -> Delivery | None:
        """Let an event reach the app; None: it has not subscribed to its kind, or may not."""
        name = _subscription(event)
        if self.subscriptions is not None and name not in self.subscriptions:
            return None
        if name in SCOPES and SCOPES[name] not in self._world.scopes:
            return None
        number = next(self._numbers)
        payload = {
            "token": "legacy-token",
            "team_id": TEAM_ID,
            "context_team_id": TEAM_ID,
            "context_enterprise_id": None,
            "api_app_id": APP_ID,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{number:09d}",
            "event_time": int(self._world.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": TEAM_ID,
                    "user_id": self._world.bot.id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": is_ext_shared,
            "event_context": f"4-event-{number}",
        }
        return self.add("events_api", payload, number=number)

    def add(
        self,
        kind: DeliveryKind,
        payload: Wire,
        on_answer: Callable[[Any], None] | None = None,
        *,
        number: int | None = None,
    ) -> Delivery:
        """Let something reach the app.

        Args:
            kind: Of its envelope.
            payload: What the app gets.
            on_answer: Gets what the app answers at once.
            number: Its own; None: the next.
        """
        delivery = Delivery(kind, payload, number or next(self._numbers), on_answer=on_answer)
        self.deliveries.append(delivery)
        self._offer(delivery)
        self._world.record.changed()
        return delivery

    def acked(self, delivery: Delivery, answer: Any = None) -> None:
        """Take note that the app knows."""
        if delivery.state == "acked":
            return
        delivery.state = "acked"
        delivery.is_resting = False
        delivery.still()
        delivery.answer = answer
        if delivery.on_answer:
            delivery.on_answer(answer)
        self._world.record.changed()

    def failed(self, delivery: Delivery, reason: str, *, is_final: bool = False) -> None:
        """Try again later, or give up."""
        if delivery.state != "pending":
            return
        delivery.reasons.append(reason)
        delivery.still()
        retries = self.timing.retry_s if delivery.kind == "events_api" else ()
        if is_final or delivery.attempts > len(retries):
            delivery.state = "lost"
        else:
            delivery.is_resting = True
            delivery.later(retries[delivery.attempts - 1], lambda: self._offer(delivery))
        self._world.record.changed()

    def retry_now(self) -> None:
        """Try at once what waits for its next attempt."""
        for delivery in self.deliveries:
            if delivery.is_resting:
                self._offer(delivery)

    def _offer(self, delivery: Delivery) -> None:
        delivery.is_resting = False
        delivery.still()
        self.way.offer(delivery)

    def close(self) -> None:
        """Try nothing any more."""
        for delivery in self.deliveries:
            delivery.still()


def _subscription(event: Wire) -> str:
    kind = str(event["type"])
    if kind != "message":
        return kind
    channel_type = str(event.get("channel_type", "channel"))
    return f"message.{channel_type}" + ("s" if channel_type in ("channel", "group") else "")
