"""The gateway: the bot's sessions, and what a test does to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

from networks.discord.entities import Channel, Message, Wire
from networks.discord.gateway.intents import GUILDS, KNOWN, intent_of
from networks.discord.gateway.line import (
    CLOSES,
    HEARTBEAT,
    INVALID_SESSION,
    RECONNECT,
    Line,
    presence_of,
)
from networks.discord.gateway.sessions import Session
from networks.discord.permissions import is_seen
from networks.discord.record import Event
from networks.discord.wires import guild_create_wire, is_hidden, without_content
from networks.discord.world import MESSAGE_CONTENT, PRIVILEGED, World

DAY_S = 24 * 3600.0
ENDING = (4003, 4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014)
"""Close codes after which a session is no more."""
GOOD_BYE = (1000, 1001)
"""With these a bot ends its session itself."""


class Gateway:
    """The gateway of one network.

    Its attributes may be changed at any time.

    Args:
        world: What the network knows.
        heartbeat_interval_s: What bots are told to keep.
    """

    def __init__(self, world: World, heartbeat_interval_s: float) -> None:
        self.world = world
        self.heartbeat_interval_s = heartbeat_interval_s
        self.patience = 1.5
        """After how many intervals without a heartbeat a connection is closed."""
        self.session_life_s = 180.0
        """How long a session waits for its bot; the real network says "a few minutes"."""
        self.buffer_events = 1000
        """How many events are kept to be told again."""
        self.most_sends = 120
        """What a bot may send in a minute."""
        self.most_presences = 5
        """How often a bot may show a presence in twenty seconds."""
        self.most_identifies = 1000
        """How many sessions may begin in a day."""
        self.identify_every_s = 0.0
        """How far apart sessions must begin: 5 on the real network."""
        self.needs_shards = False
        """Whether the bot is in too many guilds for one connection."""

        self.is_acking = True
        """Whether heartbeats are answered."""
        self.is_silent = False
        """Whether new connections are taken and nothing is said on them. See `silence`."""
        self.sends_away = 0
        """How many new connections are told to reconnect instead of a greeting."""

        self.lines: list[Line] = []
        """Open connections."""
        self.opened: list[Line] = []
        """All connections that there were, in order."""
        self.identifies: list[Wire] = []
        """What bots identified themselves with, in order; also in vain."""
        self.resumes: list[Wire] = []
        """What bots wanted to resume with, in order; also in vain."""
        self.presence: Wire = {}
        """What people see of the bot; empty: it is offline."""
        self.sessions: dict[str, Session] = {}

        self._refusals: deque[HTTPStatus] = deque()
        self._starts: deque[float] = deque()
        self._servers: list[asyncio.Server] = []
        self._ports = [0, 0]
        world.publish = self.publish
        world.gateway_url = lambda: self.url
        world.session_start_limit = self.session_start_limit

    # --- where it is ---

    @property
    def url(self) -> str:
        """Where bots come at first."""
        return f"ws://127.0.0.1:{self._ports[0]}"

    @property
    def resume_url(self) -> str:
        """Where bots are told to come back."""
        return f"ws://127.0.0.1:{self._ports[1]}"

    async def listen(self, port: int = 0) -> None:
        """Accept connections; after `refuse` on the same ports as before."""
        loop = asyncio.get_running_loop()
        self._ports[0] = self._ports[0] or port
        for number in (0, 1):
            server = await loop.create_server(
                partial(Line, self, is_for_resuming=bool(number)),
                "127.0.0.1",
                self._ports[number],
                backlog=1024,
            )
            self._ports[number] = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    def refuse(self) -> None:
        """Accept no connections any more; those that are open stay."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    def drop_all(self) -> None:
        """Reset every open connection; the sessions wait for their bots."""
        for line in [*self.lines]:
            line.reset()

    async def shut_down(self) -> None:
        """Refuse, drop, and wait until the loop has let go of the sockets."""
        self.refuse()
        while self.lines:
            self.drop_all()
            await asyncio.sleep(0)

    # --- what bots do ---

    def connected(self, line: Line) -> None:
        """Take a connection up."""
        self.lines.append(line)
        self.opened.append(line)
        self.world.record.changed()

    def disconnected(self, line: Line) -> None:
        """Forget a connection. Its session waits, unless the bot said good-bye."""
        if line in self.lines:
            self.lines.remove(line)
        session, line.session = line.session, None
        if session and session.line is line:
            session.line = None
            session.lost_at = self.world.clock.monotonic()
            if line.close_code in GOOD_BYE:
                self._end(session)
        self.world.record.changed()

    def next_refusal(self) -> HTTPStatus | None:
        """Return with what the next handshake is refused; None: it is not."""
        return self._refusals.popleft() if self._refusals else None

    def session_start_limit(self) -> Wire:
        """Return how many sessions may still begin."""
        now = self.world.clock.monotonic()
        self._forget_starts(now)
        reset_s = self._starts[0] + DAY_S - now if self._starts else 0.0
        return {
            "total": self.most_identifies,
            "remaining": max(self.most_identifies - len(self._starts), 0),
            "reset_after": round(reset_s * 1000),
            "max_concurrency": 1,
        }

    def _forget_starts(self, now: float) -> None:
        while self._starts and self._starts[0] <= now - DAY_S:
            self._starts.popleft()

    def identify(self, line: Line, data: Wire) -> None:
        """Begin a session, or refuse it."""
        self.identifies.append(data)
        if code := self._fault_of(data):
            line.shut(code)
            return
        now = self.world.clock.monotonic()
        self._forget_starts(now)
        if self._starts and now - self._starts[-1] < self.identify_every_s:
            line.send_op(INVALID_SESSION, data=False)
            return
        if len(self._starts) >= self.most_identifies:
            # The real network ends all sessions then, and resets the token.
            self.world.token = None
            self.forget_sessions()
            self.close(4004)
            return
        self._starts.append(now)
        session = Session(
            id=f"{int(self.world.next_id()):032x}",
            intents=data["intents"],
            line=line,
            buffer=deque(maxlen=self.buffer_events),
        )
        self.sessions[session.id] = session
        line.session = session
        self._welcome(session, data)

    def _fault_of(self, data: Wire) -> int:
        """Return the close code that an identification deserves; 0: none."""
        intents, shard = data.get("intents"), data.get("shard", [0, 1])
        if data.get("token") != self.world.token:
            return 4004
        if not isinstance(data.get("properties"), dict):
            return 4002
        if not isinstance(intents, int) or intents & ~KNOWN:
            return 4013
        if intents & PRIVILEGED & ~self.world.privileged:
            return 4014
        if not _is_shard(shard):
            return 4010
        return 4011 if self.needs_shards and shard == [0, 1] else 0

    def _welcome(self, session: Session, data: Wire) -> None:
        bot = self.world.bot
        guilds = [guild for guild in self.world.guilds.values() if guild.has_bot]
        ready: Wire = {
            "v": 10,
            "user": {**bot.wire(), "verified": True, "mfa_enabled": False, "flags": 0},
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.resume_url,
            "application": {"id": bot.id, "flags": self.world.application_flags},
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "user_settings": {},
        }
        if "shard" in data:
            ready["shard"] = data["shard"]
        session.tell("READY", ready)
        self.show(session, presence_of(data.get("presence")) or ONLINE)
        for guild in guilds:
            if session.intents & GUILDS and guild.is_available:
                session.tell("GUILD_CREATE", guild_create_wire(self.world, guild))

    def resume(self, line: Line, data: Wire) -> None:
        """Go on with a session, or refuse it."""
        self.resumes.append(data)
        sequence = data.get("seq")
        if data.get("token") != self.world.token:
            line.shut(4004)
            return
        session = self._living(str(data.get("session_id")))
        missed = None
        if session and isinstance(sequence, int):
            if sequence > session.sequence:
                self._end(session)
                line.shut(4007)
                return
            missed = session.missed(sequence)
        if session is None or missed is None:
            line.send_op(INVALID_SESSION, data=False)
            return
        if session.line:
            session.line.close(4000, CLOSES[4000])
            session.line.session = None
        session.line, line.session, session.lost_at = line, session, None
        self.presence = session.presence
        for text in missed:
            line.send_json(text)
        session.tell("RESUMED", {"_trace": []})

    def _living(self, session_id: str) -> Session | None:
        session = self.sessions.get(session_id)
        lost_at = session.lost_at if session else None
        if session and lost_at is not None and self._is_past(lost_at):
            self._end(session)
            return None
        return session

    def _is_past(self, lost_at: float) -> bool:
        return self.world.clock.monotonic() - lost_at > self.session_life_s

    def _end(self, session: Session) -> None:
        self.sessions.pop(session.id, None)
        if not self.sessions:
            self.presence = {}

    def show(self, session: Session, presence: Wire) -> None:
        """Show people a presence."""
        session.presence = self.presence = presence
        self.world.note(Event("presence", None, None, presence))

    # --- what bots are told ---

    def publish(
        self,
        name: str,
        payload: Wire,
        *,
        channel: Channel | None = None,
        message: Message | None = None,
    ) -> None:
        """Tell bots of something, as far as they may know."""
        if channel and not is_seen(channel):
            return
        intent = intent_of(name, in_dm=channel is not None and channel.guild is None)
        for session in [*self.sessions.values()]:
            if intent and not session.intents & intent:
                continue
            told = payload
            is_blind = not session.intents & MESSAGE_CONTENT
            if message and is_blind and is_hidden(self.world, message):
                told = without_content(self.world, payload)
            session.tell(name, told)

    # --- what tests do ---

    @property
    def is_connected(self) -> bool:
        """Whether a bot is there, with a session."""
        return any(line.session for line in self.lines)

    @property
    def beats(self) -> list[tuple[float, int | None]]:
        """The heartbeats of the last connection; see `Line.beats`."""
        return self.opened[-1].beats if self.opened else []

    @property
    def close_codes(self) -> list[int | None]:
        """With what codes bots closed connections, in order; None: without one."""
        return [line.close_code for line in self.opened if line not in self.lines]

    def close(self, code: int, reason: str | None = None) -> None:
        """Close every connection with a code; after some of them the session is no more."""
        for line in [*self.lines]:
            self.close_line(line, code, CLOSES.get(code, "") if reason is None else reason)

    def close_line(self, line: Line, code: int, reason: str) -> None:
        """Close one connection."""
        if line.session and code in ENDING:
            self._end(line.session)
            line.session = None
        line.close(code, reason)

    def reconnect(self) -> None:
        """Ask bots to come back on another connection."""
        self._send(RECONNECT, None)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Tell bots that their sessions are no longer valid.

        Args:
            resumable: Whether they may try to resume them all the same.
        """
        for line in [*self.lines]:
            session, line.session = line.session, None
            if session:
                session.line, session.lost_at = None, self.world.clock.monotonic()
                if not resumable:
                    self._end(session)
            line.send_op(INVALID_SESSION, resumable)

    def ask_for_beat(self) -> None:
        """Ask bots for a heartbeat at once."""
        self._send(HEARTBEAT, None)

    def _send(self, op: int, data: Any) -> None:
        for line in [*self.lines]:
            line.send_op(op, data)

    def forget_sessions(self) -> None:
        """Let no session be resumed any more, as after a restart of the network.

        Bots that are connected stay, and are told nothing any more.
        """
        for session in [*self.sessions.values()]:
            self._end(session)

    def silence(self) -> None:
        """Let open connections stand, and say and hear nothing on them any more."""
        for line in self.lines:
            line.is_deaf = True

    def refuse_next(self, times: int = 1, status: HTTPStatus = HTTPStatus.BAD_GATEWAY) -> None:
        """Answer the next handshakes with an error of HTTP."""
        self._refusals.extend([status] * times)


ONLINE: Wire = {"since": None, "activities": [], "status": "online", "afk": False}


def _is_shard(shard: Any) -> bool:
    if not isinstance(shard, Iterable) or isinstance(shard, str):
        return False
    numbers = [*shard]
    return (
        len(numbers) == 2
        and all(isinstance(one, int) for one in numbers)
        and 0 <= numbers[0] < numbers[1]
    )
