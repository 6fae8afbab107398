"""The fake Discord: servers on localhost, and what a test does with them."""

from __future__ import annotations

import base64
from typing import Any

from networks.clocks import Clock, RealClock
from networks.discord.api import DOWNLOAD, Api
from networks.discord.calls import Call
from networks.discord.entities import Message, User, Wire
from networks.discord.errors import too_large
from networks.discord.gateway import Gateway
from networks.discord.halls import Hall
from networks.discord.methods import NAMES
from networks.discord.permissions import USUAL
from networks.discord.rates import Rates
from networks.discord.record import Event, Record
from networks.discord.rooms import Room
from networks.discord.world import PRIVILEGED, World
from networks.faults import Failure, Gate, Trouble, Troubles
from networks.network import WAIT_S, Names, Network
from networks.web import Server

BOT_ID = "1100000000000000001"
TOKEN = f"{base64.urlsafe_b64encode(BOT_ID.encode()).decode().rstrip('=')}.GfakeX.of-a-fake-bot"
HEARTBEAT_S = 41.25


class FakeDiscord(Network[Call, Event, Message]):
    """Discord's REST API and gateway on localhost, for one bot.

    Everything that is not a request is done on the loop that the network runs on, and at once:
    tests write, read and break things by plain calls between their awaits.

    Args:
        token: The bot's; its first part is the bot's id in base64.
        username: The bot's.
        clock: Dates, ages, and limits are by it. Heartbeats are by the loop's own time.
        privileged: The privileged intents that are switched on in the portal.
        heartbeat_interval_s: What the gateway asks for.
        port: Where requests are answered; 0: somewhere free.
        gateway_port: Where the gateway is; 0: somewhere free.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        username: str = "test_bot",
        clock: Clock | None = None,
        privileged: int = PRIVILEGED,
        heartbeat_interval_s: float = HEARTBEAT_S,
        port: int = 0,
        gateway_port: int = 0,
    ) -> None:
        self.token = token
        self.world = World(
            token,
            clock or RealClock(),
            username=username,
            privileged=privileged,
            base_url=lambda: self.origin,
        )
        self.troubles = Troubles()
        self.gateway = Gateway(self.world, heartbeat_interval_s)
        """Sessions, heartbeats, closes: what a test does to connections of the gateway."""
        self._ports = (port, gateway_port)
        api = Api(self.world, self.troubles)
        self._server = Server(
            api.handle,
            admit=api.admit,
            body_bytes=self.world.files.limits.request_bytes,
            too_large=too_large().response(),
        )

    @property
    def record(self) -> Record:
        """What the bot asked for and did."""
        return self.world.record

    # --- where it is ---

    @property
    def origin(self) -> str:
        """The server of requests, without a path."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def url(self) -> str:
        """The base URL of requests, with the API's version."""
        return f"{self.origin}/api/v10"

    @property
    def gateway_url(self) -> str:
        """Where the gateway is; requests are told the same."""
        return self.gateway.url

    @property
    def bot(self) -> User:
        """The bot, as the network knows it."""
        return self.world.bot

    # --- who is there ---

    def user(self, name: str = "Ann", **fields: Any) -> User:
        """Let somebody join: `username`, `is_bot`, `id`, `takes_dms`, `has_blocked_bot` ..."""
        return self.world.add_user(name, **fields)

    def guild(self, name: str = "Lab", *, person: User | None = None, **fields: Any) -> Hall:
        """Found a guild with the bot in it, and no channel.

        Args:
            name: Its name.
            person: Its owner, who writes there unless somebody else is named; None: somebody
                new.
            fields: More of `Guild`: `id`, `permissions`, `upload_bytes` ...
        """
        person = person or self.user()
        permissions = fields.pop("permissions", USUAL)
        guild = self.world.add_guild(name, person, permissions, **fields)
        hall = Hall(self.world, guild, person)
        hall.recover()
        return hall

    def dm(self, user: User | None = None) -> Room:
        """Open somebody's direct channel with the bot; the bot is not told, as always."""
        user = user or self.user()
        return Room(self.world, self.world.dm_of(user), user)

    def push(self, name: str, payload: Wire) -> None:
        """Tell bots of anything, if their intents allow an event of that name."""
        self.world.publish(name, payload)

    # --- what the bot did ---

    @property
    def presence(self) -> Wire:
        """What people see of the bot: `status`, `activities`; empty: it is offline."""
        return self.gateway.presence

    @property
    def commands(self) -> list[Wire]:
        """The commands that the bot offers, in all guilds or in one."""
        return [one for place in self.world.commands.values() for one in place.values()]

    def happened(self, kind: str) -> list[Event]:
        """Return what the bot did of one kind, in order."""
        return [event for event in self.events if event.kind == kind]

    def calls(self, route: str) -> list[Call]:
        """Return the requests of one route, in order."""
        return [one for one in self.requests if one.route == route]

    async def wait_for_bot(self, timeout_s: float = WAIT_S) -> None:
        """Wait until the bot has a session on the gateway.

        Raises:
            TimeoutError: It has none, in that time.
        """
        await self.wait_for(lambda: self.gateway.is_connected, timeout_s)

    # --- what goes wrong ---

    @property
    def rates(self) -> Rates:
        """The limits on requests; `rates.is_on = True` switches them on."""
        return self.world.rates

    def fail_next(
        self,
        route: Names,
        failure: Failure,
        *,
        times: int | None = 1,
        room: Room | None = None,
    ) -> Trouble:
        """Let the next requests fail.

        Args:
            route: Its name (see `methods.ROUTES`), or several; `download` for files; None: any.
            failure: How: an `ApiError`, an answer such as `errors.page(502)`, a `Fault`.
            times: How many requests; None: all until the trouble is ended.
            room: Only requests to this channel.

        Raises:
            ValueError: There is no such route.
        """
        names = (route,) if isinstance(route, str) else route
        for name in names or ():
            if name not in NAMES and name != DOWNLOAD:
                raise ValueError(f"there is no route {name!r}: {', '.join(sorted(NAMES))}")
        return self._fail(route, failure, times, room)

    def hold(
        self,
        route: Names,
        *,
        is_before: bool = False,
        room: Room | None = None,
    ) -> Gate:
        """Let requests wait until the gate that is returned is opened.

        Args:
            route: As for `fail_next`.
            is_before: Whether they are done only then. Else they are done, and their answers
                wait.
            room: Only requests to this channel.
        """
        return self._hold(route, is_before, room)

    def revoke_token(self) -> None:
        """Let the token be refused from now on, and end all sessions."""
        self.world.token = None
        self.gateway.close(4004)

    async def listen(self) -> None:
        """Accept connections; after `refuse` on the same ports as before."""
        await self._server.listen(self._ports[0])
        await self.gateway.listen(self._ports[1])

    def refuse(self) -> None:
        """Accept no connections any more, of requests or the gateway; open ones stay."""
        super().refuse()
        self.gateway.refuse()

    def drop_all(self) -> None:
        """Reset every open connection, of requests and of the gateway."""
        super().drop_all()
        self.gateway.drop_all()

    async def close(self) -> None:
        """End all connections, also of the gateway."""
        await self.gateway.shut_down()
        await super().close()
