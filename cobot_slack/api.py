"""Slack's Web API: the only file that asks it. The socket is in `socket_mode.py`.

https://docs.slack.dev/reference/methods, read 2026-11-22.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from cobot import (
    ChannelError,
    Context,
    DeliveryUnknown,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Unsupported,
)
from cobot.net import Answer, raw
from cobot_slack import emoji as emojis
from cobot_slack import params as to_wire
from cobot_slack.bot import Bot
from cobot_slack.errors import NO_MESSAGE, Refusal
from cobot_slack.history import read_history
from cobot_slack.rates import Rates
from cobot_slack.timestamps import is_ts, ts_at

POST = "chat.postMessage"
OPEN = "apps.connections.open"
STATUS = "assistant.threads.setStatus"

SKEW = timedelta(minutes=5)
"""By how much Slack's time may differ from ours."""

STOP_S = 1.0
"""How long the end of typing may take, in seconds of the loop."""

Told: TypeAlias = dict[str, Any]
"""An answer that is ok."""


class SlackApi:
    """One app's requests. What Slack refuses is raised as one of our errors."""

    def __init__(
        self, context: Context, *, base_url: str, bot_token: str, app_token: str | None
    ) -> None:
        """Talk to nobody yet.

        Args:
            context: The channel's.
            base_url: Where the API is, without a slash at the end.
            bot_token: For all but the socket.
            app_token: For the socket; None: there is none.
        """
        self._context = context
        self._name = context.name
        self._base_url = base_url
        self._tokens = {False: bot_token, True: app_token or ""}
        self.host = urlsplit(base_url).netloc
        """Where the API is, without anything secret."""
        self._headers: dict[tuple[bool, bool], Any] = {}
        self._rates = Rates()
        self._direct: dict[str, str] = {}  # by person: their direct messages
        self._shown: dict[str, str] = {}  # by channel: below which message it is shown

    # Who we are.

    async def who(self, operation: str = "receive") -> Bot:
        """Return who we are."""
        answer = await self._post(operation, "auth.test", {}, is_repeatable=True)
        told = self._raised(self._result(answer, "auth.test", ""), operation)
        scopes = str(answer.headers.get("x-oauth-scopes") or "")
        return Bot(
            str(told["user_id"]),
            str(told.get("bot_id") or ""),
            str(told.get("user") or ""),
            str(told.get("team_id") or ""),
            str(told.get("team") or ""),
            frozenset(filter(None, map(str.strip, scopes.split(",")))),
        )

    async def socket_url(self, operation: str = "receive") -> str:
        """Return an address that is good for one connection. It is a secret."""
        answer = await self._post(operation, OPEN, {}, is_of_app=True, is_repeatable=True)
        told = self._raised(self._result(answer, OPEN, ""), operation)
        return str(told["url"])

    # Messages.

    async def send(self, message: OutgoingMessage) -> Receipt | Refusal:
        """Send a text. What is not known to have arrived is looked for before."""
        channel = await self.channel_of(message.channel_id, "send")
        is_doubtful = False
        if message.unknown and message.key:
            found, is_sure = await self.look_up(message, channel)
            if found is not None:
                return self.receipt(message, channel, found)
            is_doubtful = not is_sure
        params = to_wire.message_params(message, channel)
        told = await self.call("send", POST, params, chat=channel)
        if isinstance(told, Refusal):
            return told
        try:
            channel, ts = str(told["channel"]), str(told["ts"])
        except LookupError as error:
            detail = f"the answer has no message in it: {type(error).__name__}"
            raise DeliveryUnknown(self._name, "send", detail) from error
        receipt = self.receipt(message, channel, ts)
        return attrs.evolve(receipt, maybe_repeated=True) if is_doubtful else receipt

    async def look_up(self, message: OutgoingMessage, channel: str) -> tuple[str | None, bool]:
        """Look for a message that may have arrived.

        Returns:
            Its timestamp, None where it is not found; and whether that is sure.

        Raises:
            RateLimited: It cannot be looked for yet.
            Unreachable: It cannot be looked for yet.
        """
        thread = to_wire.thread_of(message)
        params = {"channel": channel, "include_all_metadata": "true"}
        if message.created_at is not None:
            params["oldest"] = ts_at(message.created_at - SKEW)
        if thread is not None:
            params["ts"] = thread
        method = "conversations.history" if thread is None else "conversations.replies"
        history = await read_history(partial(self.read, "send"), method, params)
        if isinstance(history, Refusal):
            if history.word in NO_MESSAGE:
                return None, True
            error = history.error(self._name, "send", is_repeatable=True)
            if history.passes:
                raise error  # to send it now could double what can be found a little later
            self._context.log.warning("it cannot be looked up whether it arrived: %s", error)
            return None, False
        for one in history.messages:
            if to_wire.key_of(one) == message.key:
                return str(one["ts"]), True
        if not history.is_whole:
            self._context.log.warning(
                "it cannot be looked up whether it arrived: too much was written since"
            )
        return None, history.is_whole

    async def edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        """Give a message a new text."""
        where = self._named(ref, "edit", "ts")
        await self.ask("edit", "chat.update", {**where, **to_wire.content_params(message)})

    async def delete(self, ref: MessageRef) -> None:
        """Delete a message. One that is gone is no error."""
        done = await self.call(
            "delete", "chat.delete", self._named(ref, "delete", "ts"), is_repeatable=True
        )
        if isinstance(done, Refusal) and done.word not in NO_MESSAGE:
            raise done.error(self._name, "delete", is_repeatable=True)

    async def react(self, ref: MessageRef, emoji: str | None, bot: Bot | None) -> None:
        """Put a reaction on a message; None: take off all that are ours."""
        where = self._named(ref, "react", "timestamp")
        if emoji is not None:
            name = emojis.name_of(emoji)
            if name is None:
                detail = f"{emoji!r} has no name that is known here; use its name on Slack"
                raise Unsupported(self._name, "react", detail)
            await self._reaction("reactions.add", where, name, "already_reacted")
            return
        told = await self.read("react", "reactions.get", {**where, "full": "true"})
        message = self._raised(told, "react").get("message") or {}
        ours = None if bot is None else bot.id
        for one in message.get("reactions") or ():
            if ours in (one.get("users") or ()):
                await self._reaction("reactions.remove", where, str(one["name"]), "no_reaction")

    async def _reaction(
        self, method: str, where: Mapping[str, str], name: str, fine: str
    ) -> None:
        done = await self.call("react", method, {**where, "name": name}, is_repeatable=True)
        if isinstance(done, Refusal) and done.word != fine:
            raise done.error(self._name, "react", is_repeatable=True)

    async def type(self, channel_id: str, thread: str | None, newest: str | None) -> None:
        """Show below a thread, or below the newest message, that a text is being written."""
        below = thread or newest or await self._last(channel_id)
        if below is None:
            return
        params = {"channel_id": channel_id, "thread_ts": below, "status": to_wire.STATUS}
        await self.ask("typing", STATUS, params)
        if thread is None:
            self._shown[channel_id] = below

    async def _last(self, channel_id: str) -> str | None:
        """Return the newest message in a channel; None: there is none to be had."""
        params = {"channel": channel_id, "limit": "1"}
        told = await self.read("typing", "conversations.history", params)
        messages = [] if isinstance(told, Refusal) else told.get("messages") or []
        return str(messages[0]["ts"]) if messages else None

    async def stop_typing(self, channel_id: str) -> None:
        """Take a status away that no reply takes away: the answer stands elsewhere."""
        below = self._shown.pop(channel_id, None)
        if below is None:
            return
        # It goes by itself after two minutes, and who sent the answer waits for its receipt.
        with suppress(ChannelError, TimeoutError):
            async with asyncio.timeout(STOP_S):
                params = {"channel_id": channel_id, "thread_ts": below, "status": ""}
                await self.call("typing", STATUS, params, is_repeatable=True)

    async def be(self, status: str) -> None:
        """Show whether we are there."""
        params = {"presence": to_wire.STATUSES[status]}
        await self.ask("presence", "users.setPresence", params)

    async def respond(
        self, operation: str, url: str, message: OutgoingMessage
    ) -> Refusal | None:
        """Answer a command or a button where the bot is no member; None: it is done."""
        body = {"response_type": "in_channel", **to_wire.content_params(message)}
        answer = await self._context.http.call(operation, url, body)
        if 200 <= answer.status < 300:
            return None
        told = answer.json()
        return Refusal.of(told if isinstance(told, dict) else {}, answer.status, None)

    # Files.

    async def upload(self, url: str, content: bytes | Path, kind: str, length: int) -> Answer:
        """Send the bytes of a file to the place that was made for them."""
        body = raw(content, kind, length=length)
        return await self._context.http.upload("media", url, body)

    async def download(self, url: str, path: Path, limit_bytes: int) -> Answer:
        """Get a file with our token: the address has to be Slack's."""
        return await self._context.http.download(
            "fetch", url, path=path, most_bytes=limit_bytes, headers=self._ready(False, False)
        )

    async def fetch(self, url: str, path: Path, limit_bytes: int) -> Answer:
        """Get a file from anywhere on the internet."""
        return await self._context.http.fetch("fetch", url, path=path, most_bytes=limit_bytes)

    # Asking.

    async def channel_of(self, channel_id: str, operation: str) -> str:
        """Return the channel that an id means: of a person, their direct messages."""
        if channel_id[:1] not in ("U", "W"):
            return channel_id
        if channel_id not in self._direct:
            told = await self.read(operation, "conversations.open", {"users": channel_id})
            self._direct[channel_id] = str(self._raised(told, operation)["channel"]["id"])
        return self._direct[channel_id]

    async def read(
        self, operation: str, method: str, params: Mapping[str, str]
    ) -> Told | Refusal:
        """Call a method that changes nothing, with a form."""
        self._begin(operation, method, "")
        answer = await self._post(operation, method, params, is_form=True, is_repeatable=True)
        return self._result(answer, method, "")

    async def ask(self, operation: str, method: str, params: Mapping[str, Any]) -> Told:
        """Call a method that can be repeated; return its answer or raise."""
        told = await self.call(operation, method, params, is_repeatable=True)
        return self._raised(told, operation)

    async def call(
        self,
        operation: str,
        method: str,
        params: Mapping[str, Any],
        *,
        chat: str = "",
        is_form: bool = False,
        is_repeatable: bool = False,
    ) -> Told | Refusal:
        """Call a method; return its answer, or the Refusal.

        Args:
            operation: What it is for.
            method: Its name.
            params: Its parameters.
            chat: Where, if Slack counts by that.
            is_form: Whether it takes a form and no JSON.
            is_repeatable: Whether doing it twice is as good as once.

        Raises:
            RateLimited: It is not even tried.
            Unreachable: Nothing happened, or it is repeatable.
            DeliveryUnknown: It may have happened.
        """
        self._begin(operation, method, chat)
        answer = await self._post(
            operation, method, params, is_form=is_form, is_repeatable=is_repeatable
        )
        return self._result(answer, method, chat)

    async def _post(
        self,
        operation: str,
        method: str,
        params: Mapping[str, Any],
        *,
        is_of_app: bool = False,
        is_form: bool = False,
        is_repeatable: bool = False,
    ) -> Answer:
        form = None
        if is_form:
            form = {
                name: one if isinstance(one, str) else json.dumps(one)
                for name, one in params.items()
            }
        return await self._context.http.call(
            operation,
            f"{self._base_url}/{method}",
            None if is_form else {**params},
            form=form,
            headers=self._ready(is_of_app, not is_form),
            repeatable=is_repeatable,
        )

    def _begin(self, operation: str, method: str, chat: str) -> None:
        wait_s = self._rates.take(method, chat, self._context.clock.monotonic())
        if wait_s:
            raise Refusal("ratelimited", retry_after_s=wait_s).error(self._name, operation)

    def _result(self, answer: Answer, method: str, chat: str) -> Told | Refusal:
        if answer.status == 429:
            # What stands before the API says it in words of its own.
            refusal = Refusal("ratelimited", 429, retry_after_s=answer.retry_after_s)
            self._close(refusal, method, chat)
            return refusal
        told = answer.json()
        if not isinstance(told, dict):
            raise answer.not_understood("nothing that Slack says")
        if told.get("ok") is True:
            return told
        refusal = Refusal.of(told, answer.status, answer.retry_after_s)
        if refusal.is_limit:
            self._close(refusal, method, chat)
        return refusal

    def _close(self, refusal: Refusal, method: str, chat: str) -> None:
        """Let a method be called no more for so long, by us or by the session."""
        clock = self._context.clock
        self._rates.close(method, chat, refusal.wait_s, clock.monotonic())
        if chat:
            self._context.closed_until(clock.now() + timedelta(seconds=refusal.wait_s), chat)

    def _raised(self, told: Told | Refusal, operation: str) -> Told:
        if isinstance(told, Refusal):
            raise told.error(self._name, operation, is_repeatable=True)
        return told

    def _named(self, ref: MessageRef, operation: str, field: str) -> dict[str, str]:
        if not is_ts(ref.id):
            raise Unsupported(self._name, operation, f"{ref.id!r} is no message of Slack's")
        return {"channel": ref.channel_id, field: ref.id}

    def receipt(self, message: OutgoingMessage, channel: str, *ts: str) -> Receipt:
        """Return the receipt of a message that has arrived."""
        thread = to_wire.thread_of(message)
        refs: Sequence[MessageRef] = [
            MessageRef(message.channel_type, channel, one, thread) for one in ts
        ]
        return Receipt(refs)

    def _ready(self, is_of_app: bool, is_json: bool) -> Any:
        """The headers of each request, made once."""
        if (is_of_app, is_json) not in self._headers:
            headers = {"Authorization": f"Bearer {self._tokens[is_of_app]}"}
            if is_json:
                # Slack complains in each answer about JSON without it.
                headers["Content-Type"] = "application/json; charset=utf-8"
            self._headers[is_of_app, is_json] = self._context.http.headers(headers)
        return self._headers[is_of_app, is_json]
