"""A bot's connection to the gateway: what it sends, and how it is answered."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from networks.discord.gateway.sessions import Session
from networks.discord.gateway.socket import Socket

if TYPE_CHECKING:
    from networks.discord.gateway.gateway import Gateway

HEARTBEAT, IDENTIFY, PRESENCE, RESUME = 1, 2, 3, 6
RECONNECT, INVALID_SESSION, HELLO, ACK = 7, 9, 10, 11
IGNORED = (4, 8, 31, 43)
"""Voice, members, sounds: taken and not answered."""

PAYLOAD_BYTES = 4096
VERSIONS = ("9", "10")
STATUSES = ("online", "dnd", "idle", "invisible", "offline")

CLOSES = {
    4000: "Unknown error.",
    4001: "Unknown opcode.",
    4002: "Error while decoding payload.",
    4003: "Not authenticated.",
    4004: "Authentication failed.",
    4005: "Already authenticated.",
    4007: "Invalid seq.",
    4008: "Rate limited.",
    4009: "Session timed out.",
    4010: "Invalid shard.",
    4011: "Sharding required.",
    4012: "Invalid API version.",
    4013: "Invalid intent(s).",
    4014: "Disallowed intent(s).",
}
"""Why the gateway closes a connection."""


class Line(Socket):
    """One connection of a bot.

    Args:
        gateway: Whose.
        is_for_resuming: Whether it came to the address that is meant for coming back.
    """

    def __init__(self, gateway: Gateway, *, is_for_resuming: bool) -> None:
        super().__init__()
        self.gateway = gateway
        self.is_for_resuming = is_for_resuming
        self.query: dict[str, str] = {}
        self.session: Session | None = None
        self.beats: list[tuple[float, int | None]] = []
        """When the bot sent heartbeats, in seconds of the loop since it was greeted, and the
        sequence numbers in them."""
        self.received_ops: list[int] = []
        self._greeted_at = 0.0
        self._sent: deque[float] = deque()
        self._presences: deque[float] = deque()
        self._deflate: zlib._Compress | None = None
        self._watch: asyncio.TimerHandle | None = None

    # --- the connection ---

    def refusal(self) -> HTTPStatus | None:
        """Refuse a handshake when a test wants that."""
        return self.gateway.next_refusal()

    def opened(self, path: str) -> None:
        """Greet the bot."""
        found = parse_qs(urlsplit(path).query)
        self.query = {name: values[0] for name, values in found.items()}
        if self.query.get("compress") == "zlib-stream":
            self._deflate = zlib.compressobj()
        self.gateway.connected(self)
        if self.gateway.is_silent:
            self.is_deaf = True
        elif self.query.get("v") not in VERSIONS or self.query.get("encoding") != "json":
            self.shut(4012)
        elif self.gateway.sends_away > 0:
            self.gateway.sends_away -= 1
            self.send_op(RECONNECT, None)
        else:
            self._greet()

    def _greet(self) -> None:
        interval_s = self.gateway.heartbeat_interval_s
        self._greeted_at = asyncio.get_running_loop().time()
        self.send_op(HELLO, {"heartbeat_interval": round(interval_s * 1000), "_trace": []})
        self._expect_beat()

    def gone(self) -> None:
        """Forget the connection, and the session if the bot wanted that."""
        if self._watch:
            self._watch.cancel()
        self.gateway.disconnected(self)

    def shut(self, code: int) -> None:
        """Close the connection for one of Discord's reasons."""
        self.gateway.close_line(self, code, CLOSES[code])

    def send_op(self, op: int, data: Any) -> None:
        """Send what is no dispatch: it has no sequence number."""
        self.send_json(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def send_json(self, text: str) -> None:
        """Send a payload, compressed if the bot asked for that."""
        if self._deflate is None:
            self.send(text)
        elif self.is_open and not self.is_deaf:  # else the stream would lack a piece
            data = self._deflate.compress(text.encode())
            self.send(data + self._deflate.flush(zlib.Z_SYNC_FLUSH))

    # --- what the bot sends ---

    def received(self, message: bytes) -> None:
        """Do what a payload asks for."""
        if self._is_closing:  # what came together with the bot's own goodbye counts
            return
        try:
            payload = json.loads(message) if len(message) <= PAYLOAD_BYTES else None
        except ValueError:
            payload = None
        if not isinstance(payload, dict) or not isinstance(payload.get("op"), int):
            self.shut(4002)
            return
        if self._is_too_much():
            self.shut(4008)
            return
        op: int = payload["op"]
        self.received_ops.append(op)
        self._do(op, payload.get("d"))
        self.gateway.world.record.changed()

    def _do(self, op: int, data: Any) -> None:
        if op == HEARTBEAT:
            self._beat(data)
        elif op in (IDENTIFY, RESUME) and self.session:
            self.shut(4005)
        elif op in (IDENTIFY, RESUME) and not isinstance(data, dict):
            self.shut(4002)
        elif op == IDENTIFY:
            self.gateway.identify(self, data)
        elif op == RESUME:
            self.gateway.resume(self, data)
        elif op not in (PRESENCE, *IGNORED):
            self.shut(4001)
        elif self.session is None:
            self.shut(4003)
        elif op == PRESENCE:
            self._show(data)

    def _is_too_much(self) -> bool:
        now = self.gateway.world.clock.monotonic()
        _forget(self._sent, now - 60.0)
        self._sent.append(now)
        return len(self._sent) > self.gateway.most_sends

    # --- heartbeats ---

    def _beat(self, sequence: int | None) -> None:
        now = asyncio.get_running_loop().time()
        self.beats.append((now - self._greeted_at, sequence))
        self._expect_beat()
        if self.gateway.is_acking:
            self.send_op(ACK, None)

    def _expect_beat(self) -> None:
        """Wait for the next heartbeat; the documentation does not say how long."""
        if self._watch:
            self._watch.cancel()
        late_s = self.gateway.heartbeat_interval_s * self.gateway.patience
        self._watch = asyncio.get_running_loop().call_later(late_s, self.shut, 4009)

    # --- presence ---

    def _show(self, data: Any) -> None:
        now = self.gateway.world.clock.monotonic()
        _forget(self._presences, now - 20.0)
        if len(self._presences) >= self.gateway.most_presences:
            return  # what comes too often is not shown
        presence = presence_of(data)
        if presence is None:
            self.shut(4002)
            return
        self._presences.append(now)
        if self.session:
            self.gateway.show(self.session, presence)


def presence_of(data: Any) -> dict[str, Any] | None:
    """Return a presence as bots can have it; None: it is none.

    Also the form before `activities`, which has only a `game`: it is taken still.
    """
    if not isinstance(data, dict) or data.get("status") not in STATUSES:
        return None
    game = data.get("game")
    activities = data.get("activities", [game] if game else [])
    if not isinstance(activities, list):
        return None
    if not all(isinstance(one, dict) and one.get("name") for one in activities):
        return None
    return {
        "since": data.get("since"),
        "activities": activities,
        "status": data["status"],
        "afk": bool(data.get("afk")),
    }


def _forget(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()
