"""Socket Mode: envelopes over WebSockets, each to one of those that are open."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

import attrs

from networks.slack.chats import Wire
from networks.slack.delivery import Delivery, Outbox
from networks.slack.world import APP_ID, World
from networks.sockets import Socket, SocketServer
from networks.web import Head, Response

MOST_SOCKETS = 10
LIFE_S = 18_060
DEBUG_LIFE_S = 360

Goodbye: TypeAlias = Literal[
    "warning", "refresh_requested", "link_disabled", "too_many_websockets"
]


@attrs.define(eq=False)
class Link:
    """A connection of the app."""

    socket: Socket
    number: int
    """It is the network's so-manieth."""
    is_leaving: bool = False
    """Whether it was told to go: new envelopes go elsewhere if they can."""
    envelopes: list[Wire] = attrs.field(factory=list)
    """What it was sent, in order."""
    acks: list[str] = attrs.field(factory=list)
    """The envelope ids that it acknowledged, in order."""
    strays: list[str] = attrs.field(factory=list)
    """What it sent that was no acknowledgement."""
    pongs: int = 0
    waiting: dict[str, Delivery] = attrs.field(factory=dict)
    """By envelope id: what it has not acknowledged."""

    @property
    def is_open(self) -> bool:
        """Whether it can be written to."""
        return self.socket.is_open

    def freeze(self) -> None:
        """Say and hear nothing any more, as when a cable is pulled; it is not closed."""
        self.socket.freeze()

    def drop(self) -> None:
        """Reset it."""
        self.socket.reset()


class SocketMode:
    """All connections of the app.

    Args:
        world: What the network knows.
    """

    def __init__(self, world: World) -> None:
        self.outbox: Outbox | None = None
        self.links: list[Link] = []
        """Every connection that there ever was, in order."""
        self.choose: Callable[[Sequence[Link]], Link] = self._take_turns
        """Picks the connection that an envelope goes to."""
        self.server = SocketServer(self._opened, admit=self._admit)
        self._world = world
        self._tickets: set[str] = set()
        self._turn = 0
        self._is_closing = False

    @property
    def open_links(self) -> list[Link]:
        """The connections that are open, in order."""
        return [link for link in self.links if link.is_open]

    def url(self) -> str:
        """Return an address that is good for one connection."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self.server.port}/link/?ticket={ticket}&app_id={APP_ID}"

    def offer(self, delivery: Delivery) -> None:
        """Send an envelope over one of the connections."""
        assert self.outbox
        links = self.open_links
        links = [link for link in links if not link.is_leaving] or links
        if not links:
            self.outbox.failed(delivery, "no_connection")
            return
        link = self.choose(links)
        envelope_id = secrets.token_hex(16)
        envelope: Wire = {
            "envelope_id": envelope_id,
            "payload": delivery.payload,
            "type": delivery.kind,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            envelope["retry_attempt"] = delivery.attempts
            envelope["retry_reason"] = "timeout" if delivery.attempts else ""
        delivery.envelope_ids.append(envelope_id)
        link.waiting[envelope_id] = delivery
        link.envelopes.append(envelope)
        link.socket.send(json.dumps(envelope))
        delivery.later(
            self.outbox.timing.ack_s, partial(self.outbox.failed, delivery, "timeout")
        )

    def disconnect(self, link: Link, reason: Goodbye) -> None:
        """Tell a connection to go.

        A warning is followed by the end in `Timing.warning_s`; so is a refresh. What is
        disabled, or one too many, is closed at once.
        """
        assert self.outbox
        link.is_leaving = True
        goodbye = {"type": "disconnect", "reason": reason, "debug_info": {"host": "fake"}}
        link.socket.send(json.dumps(goodbye))
        if reason in ("warning", "refresh_requested"):
            loop = asyncio.get_running_loop()
            loop.call_later(self.outbox.timing.warning_s, link.socket.close, 1000, reason)
        else:
            link.socket.close(1000, reason)

    async def close(self) -> None:
        """End all connections; nothing is offered again."""
        self._is_closing = True
        await self.server.close()

    # --- what happens to a connection ---

    def _admit(self, head: Head) -> Response | None:
        ticket = dict(parse_qsl(head.query)).get("ticket", "")
        if head.path != "/link/" or ticket not in self._tickets:
            return Response(403, b"the ticket is not good, or no longer", "text/plain")
        self._tickets.discard(ticket)
        return None

    def _opened(self, socket: Socket, head: Head) -> None:
        link = Link(socket, len(self.links) + 1)
        self.links.append(link)
        socket.on_text = lambda text: self._heard(link, text)
        socket.on_gone = lambda: self._gone(link)
        socket.on_pong = lambda: self._pong(link)
        if len(self.open_links) > MOST_SOCKETS:
            self.disconnect(link, "too_many_websockets")
            return
        is_short = dict(parse_qsl(head.query)).get("debug_reconnects") == "true"
        hello = {
            "type": "hello",
            "num_connections": len(self.open_links),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {
                "host": "fake",
                "build_number": 1,
                "approximate_connection_time": DEBUG_LIFE_S if is_short else LIFE_S,
            },
        }
        socket.send(json.dumps(hello))
        self._ping(link)
        self._world.record.changed()

    def _ping(self, link: Link) -> None:
        if link.is_open and self.outbox and not self._is_closing:
            link.socket.ping(b"Ping from the network")
            loop = asyncio.get_running_loop()
            loop.call_later(self.outbox.timing.ping_s, self._ping, link)

    def _pong(self, link: Link) -> None:
        link.pongs += 1
        self._world.record.changed()

    def _heard(self, link: Link, text: str) -> None:
        assert self.outbox
        try:
            said = json.loads(text)
            envelope_id = said["envelope_id"]
        except (ValueError, TypeError, KeyError):
            link.strays.append(text)
            return
        link.acks.append(envelope_id)
        # Of an attempt that was given up the acknowledgement counts too; it has to come over
        # the connection that got the envelope.
        delivery = link.waiting.pop(envelope_id, None)
        if delivery:
            self.outbox.acked(delivery, said.get("payload"))
        self._world.record.changed()

    def _gone(self, link: Link) -> None:
        waiting, link.waiting = link.waiting, {}
        if self.outbox and not self._is_closing:
            for envelope_id, delivery in waiting.items():
                if delivery.envelope_ids[-1] == envelope_id:
                    self.outbox.failed(delivery, "connection_closed")
        self._world.record.changed()

    def _take_turns(self, links: Sequence[Link]) -> Link:
        self._turn += 1
        return links[self._turn % len(links)]
