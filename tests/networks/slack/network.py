"""The fake Slack: a server on localhost, and what a test does with it."""

from __future__ import annotations

from typing import Any

from networks.clocks import Clock, RealClock
from networks.faults import Troubles
from networks.network import WAIT_S, MethodNetwork
from networks.slack.api import Api, Tokens
from networks.slack.calls import Call
from networks.slack.chats import Channel, ChannelKind, Message, User, Wire
from networks.slack.delivery import Delivery, Outbox, Timing
from networks.slack.posting import Poster
from networks.slack.rates import Rates
from networks.slack.record import Event, Record
from networks.slack.rooms import Room
from networks.slack.socket_mode import Goodbye, Link, SocketMode
from networks.slack.world import Limits, World
from networks.web import Server

# They end in what no token has: whoever looks for leaked ones finds none here.
BOT_TOKEN = "xoxb-0-0-fake"
APP_TOKEN = "xapp-1-A0APP00001-0-fake"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"


class FakeSlack(MethodNetwork[Call, Event, Message]):
    """Slack on localhost: a workspace with one app and its bot.

    Everything that is not a request is done on the loop that the network runs on, and at once:
    tests write, read and break things by plain calls between their awaits.

    Args:
        bot_token: Of the Web API.
        app_token: Of Socket Mode.
        signing_secret: Of the Events API.
        name: The bot's handle.
        clock: Timestamps, ages, and limits are by it. Deliveries are by the loop's own time:
            see `timing`.
        port: Where it listens; 0: somewhere free.
    """

    def __init__(
        self,
        bot_token: str = BOT_TOKEN,
        app_token: str = APP_TOKEN,
        signing_secret: str = SIGNING_SECRET,
        *,
        name: str = "test_bot",
        clock: Clock | None = None,
        port: int = 0,
    ) -> None:
        self.bot_token = bot_token
        self.app_token = app_token
        self.signing_secret = signing_secret
        self.world = World(clock or RealClock(), name=name)
        self.troubles = Troubles()
        self.socket_mode = SocketMode(self.world)
        self.poster: Poster | None = None
        """What posts events; None: they go over Socket Mode."""
        self.outbox = Outbox(self.world, self.socket_mode)
        self.socket_mode.outbox = self.outbox
        self.world.deliveries = self.outbox
        self._port = port
        self._tokens = Tokens(bot_token, app_token)
        api = Api(self.world, self.troubles, self._tokens, self.socket_mode)
        self._server = Server(api.handle, admit=api.admit)

    @property
    def record(self) -> Record:
        """What the bot asked for and did."""
        return self.world.record

    # --- where it is, and what its app has asked for ---

    @property
    def url(self) -> str:
        """The base URL: `{url}/{method}`."""
        return f"http://127.0.0.1:{self._server.port}/api"

    @property
    def bot(self) -> User:
        """The bot, as the network knows it."""
        return self.world.bot

    @property
    def scopes(self) -> set[str]:
        """What the bot's token has; a test may take some away."""
        return self.world.scopes

    @property
    def limits(self) -> Limits:
        """Sizes; a test may change them."""
        return self.world.limits

    @property
    def rates(self) -> Rates:
        """The limits on calls; `rates.is_on = True` switches them on."""
        return self.world.rates

    @property
    def timing(self) -> Timing:
        """How long acknowledgements and retries take; a test may shorten it."""
        return self.outbox.timing

    def subscribe(self, *events: str) -> None:
        """Let only these events reach the app: `message.im`, `reaction_added` ..."""
        self.outbox.subscriptions = {*events}

    async def post_events_to(self, url: str) -> bool:
        """Switch Socket Mode off and the Events API on, commands and buttons included.

        Returns:
            Whether the address answered the challenge as it has to; if not, nothing changes.
        """
        poster = Poster(self.world, self.signing_secret, url)
        poster.outbox = self.outbox
        is_verified = await poster.verify()
        if is_verified:
            self.poster = self.outbox.way = poster
        return is_verified

    # --- who is there ---

    def user(self, name: str = "Ann", **fields: Any) -> User:
        """Let somebody join: `display_name`, `team_id`, `is_bot`, `is_restricted`, `id` ..."""
        return self.world.add_user(name, **fields)

    def private_chat(self, user: User | None = None, **fields: Any) -> Room:
        """Open somebody's direct messages with the bot; None: a new person's."""
        user = user or self.user()
        found = self.world.find_direct(user)
        channel = found or self.world.add_channel("im", members=[user], **fields)
        return self.room(channel, user)

    def group_chat(self, *users: User, **fields: Any) -> Room:
        """Open direct messages of several people and the bot; the first one writes."""
        people = list(users) or [self.user("Ann"), self.user("Bob")]
        names = "--".join(one.name for one in people)
        fields.setdefault("name", f"mpdm-{names}-1")
        return self.room(self.world.add_channel("mpim", members=people, **fields), people[0])

    def channel(
        self,
        name: str = "lab",
        *,
        is_private: bool = False,
        person: User | None = None,
        **fields: Any,
    ) -> Room:
        """Open a channel.

        Args:
            name: Without `#`.
            is_private: Whether only its members see it.
            person: Who writes there unless somebody else is named; None: a new person.
            fields: Others of `Channel`: `has_bot`, `is_ext_shared`, `is_read_only`, `id` ...
        """
        person = person or self.user()
        kind: ChannelKind = "group" if is_private else "channel"
        channel = self.world.add_channel(kind, name=name, members=[person], **fields)
        return self.room(channel, person)

    def room(self, channel: Channel, person: User) -> Room:
        """Return a conversation as one of its people uses it."""
        return Room(self.world, self.outbox, channel, person)

    def push(self, event: Wire) -> Delivery | None:
        """Let any event reach the app; None: it has not subscribed to its kind, or may not."""
        return self.outbox.event(event)

    def push_body(self, body: Wire) -> Delivery:
        """Let any body reach the app, such as an `app_rate_limited`, which is no event."""
        return self.outbox.add("events_api", body)

    def repeat(self, delivery: Delivery) -> Delivery:
        """Deliver something once more that the app has acknowledged; the real one does, too."""
        return self.outbox.add(delivery.kind, delivery.payload)

    def retry_now(self) -> None:
        """Try at once what waits for its next attempt, instead of after `timing.retry_s`."""
        self.outbox.retry_now()

    def share_now(self) -> None:
        """Let messages of uploaded files appear at once, instead of a little later."""
        for share in [*self.world.files.due]:
            self.world.files.settle(share)

    # --- what the bot did ---

    @property
    def presence(self) -> str:
        """`auto` or `away`."""
        return self.world.presence

    @property
    def deliveries(self) -> list[Delivery]:
        """All that the app was to be told, in order."""
        return self.outbox.deliveries

    @property
    def pending(self) -> int:
        """How much of it the app has not acknowledged, and will be told again."""
        return sum(one.state == "pending" for one in self.deliveries)

    @property
    def lost(self) -> list[Delivery]:
        """What the app was not told in spite of all retries."""
        return [one for one in self.deliveries if one.state == "lost"]

    @property
    def links(self) -> list[Link]:
        """The connections of Socket Mode that are open."""
        return self.socket_mode.open_links

    async def wait_for_links(self, count: int = 1, timeout_s: float = WAIT_S) -> list[Link]:
        """Wait until so many connections of Socket Mode are open; return them.

        Raises:
            TimeoutError: They are not, in that time.
        """
        await self.wait_for(lambda: len(self.links) >= count, timeout_s)
        return self.links

    # --- what goes wrong ---

    def revoke_token(self, error: str = "token_revoked") -> None:
        """Let both tokens be refused from now on, also with `account_inactive` ..."""
        self._tokens.refused = {self.bot_token: error, self.app_token: error}

    def disconnect(
        self, reason: Goodbye = "refresh_requested", link: Link | None = None
    ) -> None:
        """Tell a connection of Socket Mode, or all that are open, to go."""
        for one in [link] if link else self.links:
            self.socket_mode.disconnect(one, reason)

    async def listen(self) -> None:
        """Accept connections; after `refuse` on the same ports as before."""
        await self._server.listen(self._port)
        await self.socket_mode.server.listen()
        self.world.files.base = f"http://127.0.0.1:{self._server.port}"

    def refuse(self) -> None:
        """Accept no connections any more; those that are open stay."""
        super().refuse()
        self.socket_mode.server.refuse()

    def drop_all(self) -> None:
        """Reset every open connection."""
        super().drop_all()
        self.socket_mode.server.drop_all()

    async def close(self) -> None:
        """End all connections; nothing is told any more."""
        self.outbox.close()
        if self.poster:
            await self.poster.close()
        await self.socket_mode.close()
        await super().close()
