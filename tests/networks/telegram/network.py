"""The fake Telegram: a server on localhost, and what a test does with it."""

from __future__ import annotations

from typing import Any

from networks.clocks import Clock, RealClock
from networks.faults import Troubles
from networks.network import MethodNetwork
from networks.telegram.api import Api
from networks.telegram.calls import Call
from networks.telegram.chats import Message, User, Wire
from networks.telegram.methods.media import TOO_LARGE
from networks.telegram.rates import Rates
from networks.telegram.record import Event, Record
from networks.telegram.rooms import Room, opened
from networks.telegram.world import World
from networks.web import Server

TOKEN = "123456:fake-token_of-a-bot"


class FakeTelegram(MethodNetwork[Call, Event, Message]):
    """Telegram's Bot API on localhost, for one bot.

    Everything that is not a request is done on the loop that the network runs on, and at once:
    tests write, read and break things by plain calls between their awaits.

    Args:
        token: The bot's.
        username: The bot's.
        clock: Dates, ages, and limits are by it. Polls time out by the loop's own time.
        privacy: Whether the bot gets only what is meant for it in groups.
        port: Where it listens; 0: somewhere free.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        username: str = "test_bot",
        clock: Clock | None = None,
        privacy: bool = False,
        port: int = 0,
    ) -> None:
        self.token = token
        self.world = World(token, clock or RealClock(), username=username, privacy=privacy)
        self.troubles = Troubles()
        self._port = port
        api = Api(self.world, self.troubles)
        self._server = Server(api.handle, admit=api.admit, too_large=TOO_LARGE.response())

    @property
    def record(self) -> Record:
        """What the bot asked for and did."""
        return self.world.record

    # --- where it is ---

    @property
    def url(self) -> str:
        """The base URL: `{url}/bot{token}/{method}`."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def file_url(self) -> str:
        """The base URL of files: `{file_url}/bot{token}/{file_path}`."""
        return f"{self.url}/file"

    @property
    def bot(self) -> User:
        """The bot, as the network knows it."""
        return self.world.bot

    # --- who is there ---

    def user(self, first_name: str = "Ann", **fields: Any) -> User:
        """Let somebody join: `last_name`, `username`, `language_code`, `is_bot`, `id` ..."""
        return self.world.add_user(first_name, **fields)

    def private_chat(self, user: User | None = None, *, is_started: bool = True) -> Room:
        """Open somebody's private chat with the bot.

        Args:
            user: Whose; None: a new person's.
            is_started: Whether the bot was started. Else it may not write there.
        """
        user = user or self.user()
        chat = self.world.chats.get(user.id) or self.world.add_chat(
            "private", user.id, user=user, is_known=False
        )
        room = opened(self.world, chat, user)
        if is_started:
            room.start()
        return room

    def group(
        self, title: str = "Friends", *, person: User | None = None, **fields: Any
    ) -> Room:
        """Open a basic group.

        Args:
            title: Its title.
            person: Who writes there unless somebody else is named; None: a new person.
            fields: Others of `Chat`: `id`, `bot` ...
        """
        return self._room("group", title, person, fields)

    def supergroup(
        self,
        title: str = "Lab",
        *,
        forum: bool = False,
        person: User | None = None,
        **fields: Any,
    ) -> Room:
        """Open a supergroup, with topics if it is a forum; the rest as for `group`."""
        return self._room("supergroup", title, person, {"is_forum": forum, **fields})

    def channel(self, title: str = "News", **fields: Any) -> Room:
        """Open a channel, whose administrator the bot is; the rest as for `group`."""
        return self._room("channel", title, None, fields)

    def _room(self, kind: Any, title: str, person: User | None, fields: dict[str, Any]) -> Room:
        chat_id = fields.pop("id", None)
        chat = self.world.add_chat(kind, chat_id, title=title, **fields)
        return opened(self.world, chat, person or self.user())

    def push(self, kind: str, payload: Wire) -> int | None:
        """Queue any update; return its id. None: the bot has not asked for its kind."""
        return self.world.updates.add(kind, payload)

    # --- what the bot did ---

    @property
    def poll_offsets(self) -> list[int | None]:
        """The offset of every poll, in order; None: it had none."""
        return self.world.updates.offsets

    @property
    def pending(self) -> int:
        """How many updates the bot has not confirmed."""
        return len(self.world.updates)

    @property
    def is_polled(self) -> bool:
        """Whether a poll waits for updates at this moment."""
        return self.world.updates.is_polled

    # --- what goes wrong ---

    @property
    def rates(self) -> Rates:
        """The limits on sending; `rates.is_on = True` switches them on."""
        return self.world.rates

    def revoke_token(self) -> None:
        """Let the token be refused from now on."""
        self.world.token = None

    async def listen(self) -> None:
        """Accept connections; after `refuse` on the same port as before."""
        await self._server.listen(self._port)
