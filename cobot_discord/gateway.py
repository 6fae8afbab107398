"""The gateway: the only file that talks over Discord's socket.

docs.discord.com/developers/events/gateway, v10, read 2026-11-22. One task keeps the connection
and reads it, another one beats; neither waits for what becomes of the events. What is read
waits in a queue, from which the channel takes it and says what is stored: a session is
resumed after that, so nothing is ever confirmed that a crash could lose.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import attrs

from cobot import ChannelError, Context, DeliveryUnknown, Unreachable
from cobot.kit import Inlet, Keeper
from cobot.net import (
    Attempt,
    Heartbeat,
    Pace,
    Socket,
    SocketClosed,
    SocketOptions,
    Sockets,
    dumps,
    loads,
)
from cobot_discord.api import DiscordApi
from cobot_discord.closes import Ending, ending_of
from cobot_discord.contents import Wire
from cobot_discord.params import presence_params
from cobot_discord.wire import Dispatch

INTENTS = 1 << 0 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 15
"""Guilds; messages and reactions in them and in direct chats; and what messages say."""

QUERY = "/?v=10&encoding=json"

BEAT, IDENTIFY, PRESENCE, RESUME, HELLO = 1, 2, 3, 6, 10
"""Those of the opcodes that are sent, and the first that comes."""

OPTIONS = SocketOptions(
    silence_s=90.0,  # two heartbeats and their answers
    received_bytes=64 * 1024 * 1024,  # a large guild comes in one piece
    sent_bytes=4096,
)
COMING_BACK = 4000
"""The code with which we close what we are going to resume: 1000 would end the session."""

SENDS_MOST, SENDS_S, BEATS = 120, 60.0, 10
"""What may be sent in how many seconds on one connection, and how much of it is for beats."""

PRESENCES_MOST, PRESENCES_S = 5, 20.0

RESUMES_MOST = 3
"""How often in a row a session is resumed in vain before a new one is begun."""

IDENTIFY_S = 5.0
"""How far apart sessions begin, in seconds."""


@attrs.define
class Session:
    """A session of the gateway's: what happened since can be told again."""

    id: str
    url: str
    """Where it is resumed."""
    stored: int
    """The number of the last event that is stored."""
    read: int
    """The number of the last event that was read."""
    is_old: bool = False
    """Whether it was begun by a process that is no more."""


class _OldSessionOver(Exception):
    """The session of a process that is no more cannot be resumed."""


class Gateway(Inlet[Dispatch]):
    """One bot's connection, and its session."""

    def __init__(self, context: Context, api: DiscordApi, *, url: str | None, token: str):
        """Connect to nothing yet.

        Args:
            context: The channel's.
            api: Says where the gateway is.
            url: Where it is; None: where the API says.
            token: The bot's.
        """
        super().__init__()
        self._context = context
        self._api = api
        self._keeper = Keeper(context)
        self._own_url = url
        self._token = token
        self.session: Session | None = None
        """The session that is to be resumed; None: a new one begins."""
        self.commands: deque[Dispatch] = deque()
        """Uses of commands among what waits: they have to be answered within seconds."""
        self._socket: Socket | None = None  # None: there is none that knows us
        self._presence: Wire | None = None
        self._shown: Wire | None = None
        self._presences = Pace(context.clock, most=PRESENCES_MOST, per_s=PRESENCES_S)
        self._resumes = 0  # in a row, in vain
        self._unreached = 0  # attempts in a row that opened no socket
        self._garbled = 0
        self._identified_at: float | None = None

    @asynccontextmanager
    async def connected(self, session: Session | None) -> AsyncIterator[None]:
        """Stay connected for the length of a block.

        Args:
            session: The one to resume; None: begin a new one.
        """
        self.session = session
        self.clear()
        self.commands.clear()
        self._keeper.begin()
        keeping = asyncio.create_task(self._keep(), name=f"gateway-{self._context.name}")
        self.watch(keeping)
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    def stored(self, session_id: str, sequence: int) -> None:
        """Note that all up to an event is stored."""
        if self.session is not None and self.session.id == session_id:
            self.session.stored = max(self.session.stored, sequence)

    async def show(self, presence: Wire) -> None:
        """Show a presence, now and in each new session.

        Raises:
            ChannelError: The connection broke.
        """
        self._presence = presence
        socket = self._socket
        if socket is None or self._shown == presence:
            return
        await self._presences.turn()
        # Only the newest, if there were several meanwhile; and not on another connection.
        newest = self._presence
        if socket is not self._socket or self._shown == newest:
            return
        self._shown = newest
        try:
            await self._send(socket, PRESENCE, newest, operation="presence")
        except ChannelError:
            self._shown = None
            raise

    # Connecting.

    async def _keep(self) -> None:
        context = self._context
        sockets = Sockets(context.name, clock=context.clock, redact=self._redacted)

        async def connect(attempt: Attempt) -> None:
            try:
                await self._connect(sockets, attempt)
            except _OldSessionOver:
                # At once: who was restarted does not come back together with all others.
                await self._connect(sockets, attempt)

        await self._keeper.keep(connect)

    async def _connect(self, sockets: Sockets, attempt: Attempt) -> None:
        url = await self._where()
        self._unreached += 1
        pace = Pace(self._context.clock, most=SENDS_MOST, per_s=SENDS_S, reserve=BEATS)
        async with sockets.connect(
            url + QUERY, options=OPTIONS, pace=pace, goodbye=COMING_BACK
        ) as socket:
            self._unreached = 0
            if self.session is not None:
                self._resumes += 1
            await self._converse(socket, attempt)

    async def _where(self) -> str:
        """Return where to connect, once a session may begin if one has to."""
        if self.session is not None and self._resumes >= RESUMES_MOST:
            self._context.log.info("the session cannot be resumed; a new one begins")
            self.session = None
        if self.session is not None:
            # By turns, should there be nobody any more where we are to come back.
            if self._unreached % 2 == 0:
                return self._trusted(self.session.url)
            return self._own_url or str((await self._api.gateway())["url"]).rstrip("/")
        told = await self._api.gateway()
        limit = told.get("session_start_limit") or {}
        if limit.get("remaining", 1) <= 0:
            # One more, and Discord takes the token away.
            wait_s = max(float(limit.get("reset_after") or 0) / 1000, IDENTIFY_S)
            detail = "no session may begin any more today; was it restarted very often?"
            raise Unreachable(self._context.name, "receive", detail, retry_after_s=wait_s)
        if self._identified_at is not None:
            since_s = self._context.clock.monotonic() - self._identified_at
            if since_s < IDENTIFY_S:
                await self._context.clock.sleep(IDENTIFY_S - since_s)
        return self._own_url or str(told["url"]).rstrip("/")

    def _trusted(self, url: str) -> str:
        """Return where a session is resumed, if our token may be told there."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self._own_url is not None:
            own = urlsplit(self._own_url)
            is_good = (parts.scheme, host) == (own.scheme, own.hostname)
        else:
            is_discords = host == "discord.gg" or host.endswith(".discord.gg")
            is_good = parts.scheme == "wss" and is_discords
        return url.rstrip("/") if is_good else self._own_url or "wss://gateway.discord.gg"

    # One connection.

    async def _converse(self, socket: Socket, attempt: Attempt) -> None:
        try:
            await self._talk(socket, attempt)
        except asyncio.CancelledError:
            await self._leave(socket)
            raise
        except (SocketClosed, DeliveryUnknown):
            pass  # how it ended says more than that nothing can be sent any more
        finally:
            self._socket = None
        closed = socket.closed
        assert closed is not None
        code = closed.code if closed.by == "peer" else None
        raise self._after(ending_of(code), closed.detail)

    async def _leave(self, socket: Socket) -> None:
        """Look as if we were gone, and let the session wait for us.

        To end it would lose what is not stored, and what happens until the next start: edits,
        deletions, the first message of somebody whom we do not know.
        """
        if self._socket is not None:
            with suppress(ChannelError):
                await self._send(socket, PRESENCE, presence_params("offline", ""))
        await socket.close(COMING_BACK)

    async def _talk(self, socket: Socket, attempt: Attempt) -> None:
        try:
            hello = loads(await socket.receive())
            if hello["op"] != HELLO:
                raise self._broken("the gateway sent us on before it greeted")
            heart = Heartbeat(
                socket,
                self._beat,
                every_s=float(hello["d"]["heartbeat_interval"]) / 1000,
                clock=self._context.clock,
                random=self._context.random,
            )
            async with heart:
                await self._introduce(socket)
                async for text in socket:
                    await self._read(loads(text), socket, heart, attempt)
        except (LookupError, TypeError, ValueError) as error:
            detail = f"the gateway said what nobody understands: {type(error).__name__}"
            raise self._broken(detail) from error

    def _beat(self) -> bytes:
        # Of what is stored, as in a resume: nobody says that it is no confirmation.
        sequence = self.session.stored if self.session is not None else 0
        return dumps({"op": BEAT, "d": sequence or None})

    async def _introduce(self, socket: Socket) -> None:
        session = self.session
        if session is not None:
            known = {"session_id": session.id, "seq": session.stored}
            await self._send(socket, RESUME, {"token": self._token, **known})
            return
        self._identified_at = self._context.clock.monotonic()
        properties = {"os": "linux", "browser": "cobot", "device": "cobot"}
        identity: dict[str, Any] = {
            "token": self._token,
            "intents": INTENTS,
            "properties": properties,
        }
        if self._presence is not None:
            identity["presence"] = self._presence
        self._shown = self._presence
        await self._send(socket, IDENTIFY, identity)

    async def _read(
        self, payload: Wire, socket: Socket, heart: Heartbeat, attempt: Attempt
    ) -> None:
        match payload["op"]:
            case 0:
                await self._dispatched(payload, socket, attempt)
            case 1:
                await heart.beat()
            case 7:
                raise self._broken("the gateway asks us to come back")
            case 9:
                raise self._invalid(bool(payload["d"]))
            case 11:
                heart.acknowledged()
                self._context.alive()

    async def _dispatched(self, payload: Wire, socket: Socket, attempt: Attempt) -> None:
        name, data, sequence = payload["t"], payload["d"], payload["s"]
        if name == "READY":
            url = str(data.get("resume_gateway_url") or "")
            self.session = Session(str(data["session_id"]), url, sequence, read=0)
        session = self.session
        if session is None:
            return
        if name in ("READY", "RESUMED"):
            await self._accepted(session, socket, attempt)
        if sequence is None or sequence <= session.read:
            return  # told again, and still in the queue
        session.read = sequence
        dispatch = Dispatch(name, data, sequence, session.id)
        self.put(dispatch)
        if name == "INTERACTION_CREATE":
            self.commands.append(dispatch)
        await self.room()

    async def _accepted(self, session: Session, socket: Socket, attempt: Attempt) -> None:
        self._resumes = 0
        self._socket = socket
        self._keeper.accepted(attempt)
        if session.is_old:
            # Who left it looked as if it was gone.
            session.is_old = False
            self._shown = self._presence or presence_params("online", "")
            await self._send(socket, PRESENCE, self._shown)

    # How connections end.

    def _broken(self, detail: str) -> Unreachable:
        self._garbled = 0
        return Unreachable(self._context.name, "receive", detail)

    def _invalid(self, is_resumable: bool) -> Exception:
        if is_resumable and self.session is not None:
            return self._broken("the session was interrupted")
        detail = "the session is over; a new one begins, and what was missed is asked for"
        wait_s = 1 + 4 * self._context.random.random()
        told = Unreachable(self._context.name, "receive", detail, retry_after_s=wait_s)
        return self._over(told)

    def _after(self, ending: Ending, detail: str) -> Exception:
        """Return what follows from a closed connection."""
        self._garbled = self._garbled + 1 if ending.is_our_fault else 0
        error = ending.error(self._context.name, detail, self._garbled)
        return self._over(error) if ending.is_new else error

    def _over(self, error: ChannelError) -> Exception:
        """Give the session up; return what that is: the error, but for an old session."""
        session, self.session = self.session, None
        return _OldSessionOver() if session is not None and session.is_old else error

    async def _send(
        self, socket: Socket, op: int, data: Any, *, operation: str = "receive"
    ) -> None:
        await socket.send(dumps({"op": op, "d": data}), operation=operation)

    def _redacted(self, text: str) -> str:
        return text.replace(self._token, "***")
