"""The fake Telegram: a server on localhost, and what a test does with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from networks.faults import Failure, Fault, Gate, Slow, Trouble, Troubles
from networks.telegram.api import Api
from networks.telegram.calls import Call
from networks.telegram.chats import Message, User, Wire
from networks.telegram.methods.media import TOO_LARGE
from networks.telegram.rates import Rates
from networks.telegram.record import Event
from networks.telegram.rooms import Room, opened
from networks.telegram.world import Clock, World
from networks.web import Server

TOKEN = "123456:fake-token_of-a-bot"
WAIT_S = 10.0


class RealClock:
    """Time as it is."""

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()


class FakeTelegram:
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
        self._api = Api(self.world, self.troubles)
        self._server = Server(
            self._api.handle, admit=self._api.admit, too_large=TOO_LARGE.response()
        )

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.close()
        if self._api.crash and error is None:
            raise RuntimeError("the fake network itself failed") from self._api.crash

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
    def sent(self) -> list[Message]:
        """What the bot sent, in order, as it is now: edited, deleted, reacted to."""
        return self.world.record.sent

    @property
    def events(self) -> list[Event]:
        """All that the bot did to chats, in order: sent, edited, deleted, typed ..."""
        return self.world.record.events

    @property
    def requests(self) -> list[Call]:
        """Every request of the bot, in order, also those that failed."""
        return self.world.record.calls

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

    def calls(self, method: str) -> list[Call]:
        """Return the requests of one method, in order."""
        return [one for one in self.requests if one.method == method]

    async def wait_for(self, condition: Callable[[], object], timeout_s: float = WAIT_S) -> Any:
        """Wait until a condition holds; return what it returned.

        It is looked at after each request and each thing that the bot does.

        Raises:
            TimeoutError: It did not come to hold in that time.
        """
        return await self.world.record.wait_for(condition, timeout_s)

    async def wait_for_sent(self, count: int = 1, timeout_s: float = WAIT_S) -> list[Message]:
        """Wait until the bot has sent so many messages; return all that it sent.

        Raises:
            TimeoutError: It has not, in that time.
        """
        await self.wait_for(lambda: len(self.sent) >= count, timeout_s)
        return self.sent

    # --- what goes wrong ---

    @property
    def rates(self) -> Rates:
        """The limits on sending; `rates.is_on = True` switches them on."""
        return self.world.rates

    def fail_next(
        self,
        method: str | tuple[str, ...] | None,
        failure: Failure,
        *,
        times: int | None = 1,
        chat: Room | None = None,
    ) -> Trouble:
        """Let the next calls fail.

        Args:
            method: Its name, or several; `download` for files; None: any.
            failure: How: an `ApiError`, an answer such as `errors.page(502)`, a `Fault`.
            times: How many calls; None: all until the trouble is ended.
            chat: Only calls to this chat.

        Raises:
            ValueError: It cannot be: a reset happens before the chat is known.
        """
        if failure is Fault.RESET and chat is not None:
            raise ValueError("a reset happens before the chat is known; use Fault.LOST")
        names = (method,) if isinstance(method, str) else method
        lower = None if names is None else frozenset(name.lower() for name in names)
        chat_id = chat.id if chat else None
        return self.troubles.add(
            Trouble(failure=failure, methods=lower, times=times, place=chat_id)
        )

    def slow_down(self, method: str | tuple[str, ...] | None, seconds: float) -> Trouble:
        """Let the answers to calls come late, until the trouble is ended."""
        return self.fail_next(method, Slow(seconds), times=None)

    def hold(
        self,
        method: str | tuple[str, ...] | None,
        *,
        is_before: bool = False,
        chat: Room | None = None,
    ) -> Gate:
        """Let calls wait until the gate that is returned is opened.

        Args:
            method: As for `fail_next`.
            is_before: Whether they are done only then. Else they are done, and their answers
                wait.
            chat: Only calls to this chat.
        """
        gate = Gate(is_before)
        gate.trouble = self.fail_next(method, gate, times=None, chat=chat)
        return gate

    def revoke_token(self) -> None:
        """Let the token be refused from now on."""
        self.world.token = None

    async def listen(self) -> None:
        """Accept connections; after `refuse` on the same port as before."""
        await self._server.listen(self._port)

    def refuse(self) -> None:
        """Accept no connections any more; those that are open stay."""
        self._server.refuse()

    def drop_all(self) -> None:
        """Reset every open connection."""
        self._server.drop_all()
