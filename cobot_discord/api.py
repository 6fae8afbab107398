"""Discord's REST API: the only file that asks it. The socket is in `gateway.py`.

docs.discord.com/developers, API v10, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from cobot import (
    AuthFailed,
    ChannelError,
    Context,
    DeliveryUnknown,
    MessageRef,
    OutgoingMessage,
    RateLimited,
    Unreachable,
    Unsupported,
    __version__,
)
from cobot.kit import Recent
from cobot.net import Answer, Part, dumps, multipart
from cobot_discord import params as to_wire
from cobot_discord.errors import BLOCKED, UNKNOWN_EMOJI, UNKNOWN_MESSAGE, Refusal
from cobot_discord.rates import Rates, Scope
from cobot_discord.wire import Bot

PAGE = 100
"""Messages of one page of a history, or threads; there are no larger ones."""

SENT_MOST = 1000
"""Messages of ours that are remembered by their nonces."""

USER_AGENT = f"DiscordBot (https://cobot.example, {__version__})"
"""In the form that Discord asks for; others may be blocked."""

CHANNEL = "/channels/{}"
MESSAGES = "/channels/{}/messages"
MESSAGE = "/channels/{}/messages/{}"
CLOSED_THREADS = "/channels/{}/threads/archived/public"
REACTION = "/channels/{}/messages/{}/reactions/{}/@me"
COMMANDS = "/applications/{}/commands"
CALLBACK = "/interactions/{}/{}/callback"
ANSWER = "/webhooks/{}/{}/messages/@original"
EXEMPT = (CALLBACK, ANSWER)
"""What the limit on all requests together does not count."""


class DiscordApi:
    """One bot's requests. What Discord refuses is raised as one of our errors."""

    def __init__(
        self, context: Context, *, base_url: str, token: str, previews: bool = True
    ) -> None:
        """Talk to nobody yet.

        Args:
            context: The channel's.
            base_url: Where the API is, without a slash at the end.
            token: The bot's.
            previews: Whether pages that messages link to are shown below them.
        """
        self._context = context
        self._name = context.name
        self._base_url = base_url
        self._token = token
        self.host = urlsplit(base_url).netloc
        """Where the API is, without anything secret."""
        self.previews = previews
        """Whether pages that messages link to are shown below them."""
        self._headers: Any = None
        self._rates = Rates()
        self._sent: Recent[str, str] = Recent(SENT_MOST)  # ids of our messages by nonce

    async def get_me(self, operation: str = "receive") -> Bot:
        """Return who we are."""
        return Bot.of(await self.ask(operation, "GET", "/users/@me"))

    async def gateway(self) -> Mapping[str, Any]:
        """Return where the gateway is, and how many sessions may still begin."""
        return dict(await self.ask("receive", "GET", "/gateway/bot"))

    async def channel(self, channel_id: str) -> Mapping[str, Any] | Refusal:
        """Return a channel or thread."""
        found = await self._settled("receive", "GET", CHANNEL, channel_id)
        return found if isinstance(found, Refusal) else dict(found)

    async def guild(self, guild_id: str) -> Mapping[str, Any] | Refusal:
        """Return a guild, with its roles."""
        found = await self._settled("receive", "GET", "/guilds/{}", guild_id)
        return found if isinstance(found, Refusal) else dict(found)

    async def messages_after(self, channel_id: str, message_id: str) -> list[Any] | Refusal:
        """Return the next messages after one, the oldest first."""
        path = f"{MESSAGES}?after={message_id}&limit={PAGE}"
        found = await self._settled("receive", "GET", path, channel_id)
        if isinstance(found, Refusal):
            return found
        # They come with the newest first. What has no id could not be asked on from.
        told = [one for one in found if str(one.get("id", "")).isdecimal()]
        return sorted(told, key=lambda one: int(one["id"]))

    async def closed_threads(
        self, channel_id: str, before: str | None
    ) -> Mapping[str, Any] | Refusal:
        """Return a page of a channel's public threads that are closed, the last closed first.

        Args:
            channel_id: The channel.
            before: Only those that were closed before this time, as Discord writes it.
        """
        path = f"{CLOSED_THREADS}?limit={PAGE}"
        if before is not None:
            path += f"&before={quote(before, safe='')}"
        found = await self._settled("receive", "GET", path, channel_id)
        return found if isinstance(found, Refusal) else dict(found)

    async def offer(self, application_id: str, commands: Sequence[Any]) -> None:
        """Offer these commands in all servers and direct chats, and no others."""
        await self.ask("receive", "PUT", COMMANDS, application_id, body=commands)

    async def defer(self, interaction_id: str, token: str) -> Refusal | None:
        """Say that the answer to a command is to come."""
        ids, body = (interaction_id, token), {"type": 5}
        refusal = await self.call(
            "receive", "POST", CALLBACK, *ids, body=body, is_repeatable=True
        )
        return refusal if isinstance(refusal, Refusal) else None

    async def send(self, message: OutgoingMessage) -> str:
        """Send a text; return its id."""
        known = self.known(message)
        if known is not None:
            return known
        where = place_of(message)
        params = to_wire.message_params(message, previews=self.previews)
        sent = await self.call("send", "POST", MESSAGES, where, body=params)
        while isinstance(sent, Refusal):
            params = self.repaired(params, sent, "send")
            sent = await self.call("send", "POST", MESSAGES, where, body=params)
        return self.id_of(sent, "send")

    async def type(self, channel_id: str, thread_id: str | None) -> None:
        """Show that a text is being written."""
        await self.ask("typing", "POST", "/channels/{}/typing", thread_id or channel_id)

    async def edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        """Give a message a new text; its files stay."""
        await self._change(ref, "edit", "PATCH", body=to_wire.content_params(message))

    async def delete(self, ref: MessageRef) -> None:
        """Delete a message. One that is gone is no error."""
        where, message_id = self._named(ref, "delete")
        done = await self.call(
            "delete", "DELETE", MESSAGE, where, message_id, is_repeatable=True
        )
        if isinstance(done, Refusal) and done.code != UNKNOWN_MESSAGE:
            raise self._error(done, "delete", is_repeatable=True)

    async def react(self, ref: MessageRef, emoji: str | None) -> None:
        """Put a reaction on a message; None: take off all that are ours."""
        where, message_id = self._named(ref, "react")
        if emoji is not None:
            await self._put_reaction(where, message_id, emoji)
            return
        message = await self.ask("react", "GET", MESSAGE, where, message_id)
        for reaction in message.get("reactions") or ():
            if reaction.get("me"):
                one = reaction["emoji"]
                name = f"{one['name']}:{one['id']}" if one.get("id") else str(one["name"])
                path = (where, message_id, to_wire.emoji_path(name))
                await self.ask("react", "DELETE", REACTION, *path)

    async def _put_reaction(self, where: str, message_id: str, emoji: str) -> None:
        bare = emoji.replace(to_wire.IN_COLOUR, "")
        # Some are known with the sign for colour only, some without.
        forms = dict.fromkeys((emoji, bare if bare != emoji else emoji + to_wire.IN_COLOUR))
        refusal = None
        for form in forms:
            path = (where, message_id, to_wire.emoji_path(form))
            done = await self.call("react", "PUT", REACTION, *path, is_repeatable=True)
            if not isinstance(done, Refusal):
                return
            refusal = refusal or done
            if done.code != UNKNOWN_EMOJI:
                break
        assert refusal is not None
        raise self._error(refusal, "react", is_repeatable=True)

    async def upload(
        self, operation: str, where: str, params: Mapping[str, Any], files: Sequence[Part]
    ) -> Any:
        """Send a message with files; return it, or the Refusal."""
        body = [Part("payload_json", dumps(params), content_type="application/json"), *files]
        route = self._begin(operation, f"POST {MESSAGES}", where)
        answer = await self._context.http.upload(
            operation, self._url(MESSAGES, where), multipart(body), headers=self._ready
        )
        return self._result(answer, route, where)

    async def download(self, url: str, path: Path, limit_bytes: int) -> Answer:
        """Get a file of a message's, by its signed address: without our token."""
        return await self._context.http.download(
            "fetch", url, path=path, most_bytes=limit_bytes
        )

    async def fetch(self, operation: str, url: str, path: Path, limit_bytes: int) -> Answer:
        """Get a file from anywhere on the internet."""
        return await self._context.http.fetch(operation, url, path=path, most_bytes=limit_bytes)

    async def ask(
        self, operation: str, method: str, template: str, *ids: str, body: Any = None
    ) -> Any:
        """Make a request that can be repeated; return its result or raise."""
        result = await self.call(
            operation, method, template, *ids, body=body, is_repeatable=True
        )
        if isinstance(result, Refusal):
            raise self._error(result, operation, is_repeatable=True)
        return result

    async def call(
        self,
        operation: str,
        method: str,
        template: str,
        *ids: str,
        body: Any = None,
        is_repeatable: bool = False,
    ) -> Any:
        """Make a request; return its result, or the Refusal.

        Args:
            operation: What it is for.
            method: That of HTTP.
            template: The path, with `{}` for what differs.
            ids: What differs; the first is what limits are kept apart by, of webhooks the
                first two.
            body: What is sent as JSON; None: nothing.
            is_repeatable: Whether doing it twice is as good as once.

        Raises:
            RateLimited: It is not even tried.
            Unreachable: Nothing happened, or it is repeatable.
            DeliveryUnknown: It may have happened.
        """
        # A webhook is known by its id and its token; all others by their ids.
        place = "/".join(ids[: 2 if template == ANSWER else 1])
        route = self._begin(operation, f"{method} {template.partition('?')[0]}", place)
        answer = await self._context.http.call(
            operation,
            self._url(template, *ids),
            body,
            method=method,
            headers=self._ready,
            repeatable=is_repeatable,
        )
        return self._result(answer, route, place)

    def repaired(
        self, params: dict[str, Any], refusal: Refusal, operation: str
    ) -> dict[str, Any]:
        """Return the parameters of a send without the reply that cannot be.

        Raises:
            ChannelError: That is not what was refused.
        """
        # What was deleted and is replied to is sometimes an unknown message as well.
        is_lost = refusal.is_of_reply or refusal.code == UNKNOWN_MESSAGE
        if not is_lost or "message_reference" not in params:
            raise self._error(refusal, operation)
        self._context.log.warning("%s; sent without the reply", refusal.message)
        return {name: one for name, one in params.items() if name != "message_reference"}

    def id_of(self, sent: Any, operation: str) -> str:
        """Return the id of a message that was made.

        Raises:
            DeliveryUnknown: Discord says that it made one, and not which.
        """
        try:
            return str(sent["id"])
        except (LookupError, TypeError) as error:
            detail = f"the answer has no message in it: {type(error).__name__}"
            raise DeliveryUnknown(self._name, operation, detail) from error

    def note_sent(self, echoes: Mapping[str, str]) -> None:
        """Note our own messages as the gateway told of them: ids by nonce."""
        for nonce, message_id in echoes.items():
            self._sent.put(nonce, message_id)

    def known(self, message: OutgoingMessage) -> str | None:
        """Return the id of a message whose sending was left open, if it has arrived."""
        return self._sent.get(message.key) if message.unknown and message.key else None

    async def _settled(self, operation: str, method: str, template: str, *ids: str) -> Any:
        """Make a request; return its result, or a Refusal that no waiting will change."""
        result = await self.call(operation, method, template, *ids, is_repeatable=True)
        if isinstance(result, Refusal):
            error = self._error(result, operation, is_repeatable=True)
            if isinstance(error, AuthFailed | RateLimited | Unreachable):
                raise error
        return result

    async def _change(self, ref: MessageRef, operation: str, method: str, body: Any) -> None:
        where, message_id = self._named(ref, operation)
        await self.ask(operation, method, MESSAGE, where, message_id, body=body)

    def _named(self, ref: MessageRef, operation: str) -> tuple[str, str]:
        if not ref.id.isdecimal():
            detail = f"{ref.id!r} is no message of Discord's"
            raise Unsupported(self._name, operation, detail)
        return ref.thread_id or ref.channel_id, ref.id

    def _begin(self, operation: str, route: str, place: str) -> str:
        now = self._context.clock.monotonic()
        wait = self._rates.begin(route, place, now, is_exempt=route.partition(" ")[2] in EXEMPT)
        if wait is not None:
            seconds, scope = wait
            raise self._too_many(operation, seconds, scope)
        return route

    def _too_many(self, operation: str, seconds: float, scope: Scope) -> RateLimited:
        detail = "Discord takes no more for the moment"
        return RateLimited(self._name, operation, detail, retry_after_s=seconds, scope=scope)

    def _result(self, answer: Answer, route: str, place: str) -> Any:
        now = self._context.clock.monotonic()
        empty_s = self._rates.end(route, place, answer.status, answer.headers, now)
        if empty_s and route == f"POST {MESSAGES}":
            # What waits for this chat need not be taken out of the journal in vain.
            until = self._context.clock.now() + timedelta(seconds=empty_s)
            self._context.closed_until(until, place)
        if answer.status == 204:
            return None
        if answer.status in (403, 413, 429) and not answer.body.lstrip().startswith(b"{"):
            return self._of_page(answer, now)
        told = answer.json()
        if 200 <= answer.status < 300:
            return told
        if not isinstance(told, dict):
            raise answer.not_understood("nothing that Discord says")
        if told.get("code") == BLOCKED:
            return self._of_page(answer, now)
        scope = answer.headers.get("X-RateLimit-Scope", "")
        refusal = Refusal.of(told, answer.status, answer.retry_after_s, scope)
        if refusal.scope == "global":
            self._close(refusal.retry_after_s or 1.0, now)
        return refusal

    def _of_page(self, answer: Answer, now: float) -> Refusal:
        if answer.status == 413:
            return Refusal(413, 0, "the request is too large")
        refusal = Refusal.of_page(answer.status, answer.retry_after_s)
        self._close(refusal.retry_after_s or 1.0, now, is_ban=True)
        return refusal

    def _close(self, seconds: float, now: float, *, is_ban: bool = False) -> None:
        """Let nothing be asked for so long, by us or by the session."""
        self._rates.close(seconds, now, is_ban=is_ban)
        self._context.closed_until(self._context.clock.now() + timedelta(seconds=seconds))

    def _error(
        self, refusal: Refusal, operation: str, *, is_repeatable: bool = False
    ) -> ChannelError:
        return refusal.error(self._name, operation, is_repeatable=is_repeatable)

    def _url(self, template: str, *ids: str) -> str:
        # An emoji comes quoted, and "%" stays as it is.
        return self._base_url + template.format(*(quote(one, safe="%") for one in ids))

    @property
    def _ready(self) -> Any:
        """The headers of each request, made once."""
        if self._headers is None:
            self._headers = self._context.http.headers(
                {"Authorization": f"Bot {self._token}", "User-Agent": USER_AGENT}
            )
        return self._headers


def place_of(message: OutgoingMessage) -> str:
    """Return the channel or thread that a message is for."""
    return message.thread_id or message.channel_id
