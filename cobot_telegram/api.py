"""The Bot API: the only file that talks to Telegram.

core.telegram.org/bots/api, Bot API 10.3, read 2026-11-22. Its addresses have the token in
them, so none is ever shown; `context.http` takes it out of whatever it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from cobot import (
    Address,
    ChannelError,
    ChatMoved,
    Context,
    DeliveryUnknown,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Unsupported,
)
from cobot.kit import Recent
from cobot.net import Answer, Part, dumps, multipart
from cobot.text import Rendered
from cobot_telegram import params as to_wire
from cobot_telegram.errors import NO_CAPTION, NO_TEXT, NOT_MODIFIED, NOT_THERE, Refusal
from cobot_telegram.wire import UPDATES, Bot

POLL_S = 50
"""How long a poll waits for updates, in seconds; the server takes no more."""

CAPTIONED_MOST = 1000
"""Messages that are remembered to have a caption in place of a text."""

_METHODS = (
    "answerCallbackQuery",
    "deleteMessage",
    "editMessageCaption",
    "editMessageText",
    "getFile",
    "getMe",
    "getUpdates",
    "getWebhookInfo",
    "sendAnimation",
    "sendAudio",
    "sendChatAction",
    "sendDocument",
    "sendMediaGroup",
    "sendMessage",
    "sendPhoto",
    "sendSticker",
    "sendVideo",
    "sendVideoNote",
    "sendVoice",
    "setMessageReaction",
)


class TelegramApi:
    """One bot's methods. What Telegram refuses is raised as one of our errors."""

    def __init__(self, context: Context, *, base_url: str, file_url: str, token: str) -> None:
        """Talk to nobody yet.

        Args:
            context: The channel's.
            base_url: Where the methods are, without a slash at the end.
            file_url: Where the files are, without a slash at the end.
            token: The bot's.
        """
        self._context = context
        self._name = context.name
        self._urls = {method: f"{base_url}/bot{token}/{method}" for method in _METHODS}
        self._files = f"{file_url}/bot{token}/"
        self._poll: dict[str, Any] = {"timeout": POLL_S, "allowed_updates": UPDATES}
        self._captioned: Recent[tuple[str, str], None] = Recent(CAPTIONED_MOST)

    async def get_me(self, operation: str = "receive") -> Bot:
        """Return who we are."""
        return Bot.of(await self._ask(operation, "getMe", None))

    async def get_updates(self, offset: int | None) -> Sequence[Any]:
        """Wait for updates and return them; none if none came in that time.

        Args:
            offset: The first that is wanted; what is below is confirmed, and forgotten.
        """
        params = self._poll if offset is None else {**self._poll, "offset": offset}
        answer = await self._context.http.poll(
            "receive", self._urls["getUpdates"], params, wait_s=POLL_S
        )
        updates = self._result(answer)
        if isinstance(updates, Refusal):
            raise self._error(updates, "receive", is_repeatable=True)
        if not isinstance(updates, list):
            raise answer.not_understood("no list of updates")
        return updates

    async def answer_query(self, query_id: str) -> None:
        """Let a pressed button look so no longer. Too late is no error."""
        params = {"callback_query_id": query_id}
        try:
            await self.call("receive", "answerCallbackQuery", params, is_repeatable=True)
        except ChannelError as error:
            self._context.log.debug("a pressed button is not answered: %s", error)

    async def send(self, message: OutgoingMessage) -> str | Receipt:
        """Send a text; return its id, or what is known besides."""
        params = to_wire.message_params(message)
        sent = await self.call("send", "sendMessage", params)
        is_whole = True
        while isinstance(sent, Refusal):
            params = self.repaired(params, sent, "send", message.address)
            is_whole = False
            sent = await self.call("send", "sendMessage", params)
        if is_whole and type(sent) is dict and sent.get("message_id"):
            return str(sent["message_id"])
        return Receipt(self.refs_of([sent], message))

    async def type(self, channel_id: str, thread_id: str | None) -> None:
        """Show that a text is being written."""
        params = {"chat_id": channel_id, "action": "typing"}
        if thread_id is not None and thread_id != to_wire.GENERAL_TOPIC:
            params["message_thread_id"] = thread_id
        # Without an address: a chat that has moved is followed by what is sent there.
        await self._ask("typing", "sendChatAction", params)

    async def edit(self, ref: MessageRef, message: OutgoingMessage) -> None:
        """Give a message a new text, or caption where it has one."""
        named = self._named(ref, "edit")
        form = Rendered.of(message)
        key = (ref.channel_id, ref.id)
        if key not in self._captioned:
            params = named | {"text": form.text}
            if form.marks:
                params["entities"] = form.marks
            done = await self.call("edit", "editMessageText", params, is_repeatable=True)
            if not isinstance(done, Refusal) or done.says(*NOT_MODIFIED):
                return
            if not done.says(*NO_TEXT):
                raise self._error(done, "edit", ref.address, is_repeatable=True)
            self._captioned.put(key, None)
        params = named | {"caption": form.text}
        if form.marks:
            params["caption_entities"] = form.marks
        done = await self.call("edit", "editMessageCaption", params, is_repeatable=True)
        if isinstance(done, Refusal) and not done.says(*NOT_MODIFIED):
            if done.says(*NO_CAPTION):
                raise Unsupported(self._name, "edit", done.description)
            raise self._error(done, "edit", ref.address, is_repeatable=True)

    async def delete(self, ref: MessageRef) -> None:
        """Delete a message. One that is gone is no error."""
        params = self._named(ref, "delete")
        done = await self.call("delete", "deleteMessage", params, is_repeatable=True)
        if isinstance(done, Refusal) and not done.says(*NOT_THERE):
            raise self._error(done, "delete", ref.address, is_repeatable=True)

    async def react(self, ref: MessageRef, emoji: str | None) -> None:
        """Put the bot's one reaction on a message; None: take it off."""
        params = self._named(ref, "react")
        reaction = to_wire.reaction_of(emoji)
        if reaction is None:
            detail = f"Telegram has no reaction {emoji!r} for bots"
            raise Unsupported(self._name, "react", detail)
        params["reaction"] = reaction
        await self._ask("react", "setMessageReaction", params, ref.address)

    async def check(self, *, is_in_groups: bool) -> str:
        """Return who we are, in one line, and what stands in the way of receiving."""
        bot = await self.get_me("check")
        webhook = await self._ask("check", "getWebhookInfo", None)
        line = f"@{bot.username} (id {bot.id}), privacy mode {'off' if bot.reads_all else 'on'}"
        if is_in_groups and not bot.reads_all:
            line += ": in groups it gets only commands and replies (@BotFather: /setprivacy)"
        if webhook.get("url"):
            # The host and no more: there is often a secret behind it.
            host = urlsplit(webhook["url"]).hostname
            line += f"; a webhook at {host} is set: nothing is received before deleteWebhook"
        return line

    async def call(
        self,
        operation: str,
        method: str,
        params: Mapping[str, Any] | None,
        *,
        is_repeatable: bool = False,
    ) -> Any:
        """Call a method; return its result, or the Refusal.

        Args:
            operation: What it is for.
            method: Which.
            params: Its parameters.
            is_repeatable: Whether doing it twice is as good as once.

        Raises:
            Unreachable: Nothing happened, or it is repeatable.
            DeliveryUnknown: It may have happened.
        """
        answer = await self._context.http.call(
            operation, self._urls[method], params, repeatable=is_repeatable
        )
        return self._result(answer)

    async def upload(
        self, operation: str, method: str, params: Mapping[str, Any], files: Sequence[Part]
    ) -> Any:
        """Call a method with files; as `call`."""
        fields = [Part(name, _field(value)) for name, value in params.items()]
        answer = await self._context.http.upload(
            operation, self._urls[method], multipart([*fields, *files])
        )
        return self._result(answer)

    async def download(self, file_path: str, path: Path, limit_bytes: int) -> Answer:
        """Get a file to which `getFile` gave the way."""
        url = self._files + quote(file_path)
        return await self._context.http.download(
            "fetch", url, path=path, most_bytes=limit_bytes
        )

    async def fetch(self, operation: str, url: str, path: Path, limit_bytes: int) -> Answer:
        """Get a file from anywhere on the internet."""
        return await self._context.http.fetch(operation, url, path=path, most_bytes=limit_bytes)

    def repaired(
        self, params: dict[str, Any], refusal: Refusal, operation: str, address: Address
    ) -> dict[str, Any]:
        """Return the parameters of a send without the topic or reply that is not there.

        Raises:
            ChannelError: That is not what was refused.
            ChatMoved: The chat has another id now.
        """
        smaller = to_wire.without_lost(params, refusal)
        if smaller is None:
            raise self._error(refusal, operation, address)
        self._context.log.warning(
            "%s: %s; sent without it", address, refusal.description.partition(": ")[2]
        )
        return smaller

    def refs_of(self, sent: Sequence[Any], message: OutgoingMessage) -> list[MessageRef]:
        """Return where the messages are that were sent.

        A video that is still being converted has no id yet: there is no handle for it.

        Raises:
            DeliveryUnknown: Telegram says that it sent them, and not how.
        """
        try:
            return [
                MessageRef(
                    self._name, message.channel_id, one["message_id"], to_wire.thread_of(one)
                )
                for one in sent
                if one["message_id"]
            ]
        except (LookupError, TypeError, ValueError) as error:
            detail = f"the answer to a send has no message in it: {type(error).__name__}"
            raise DeliveryUnknown(self._name, "send", detail) from error

    async def _ask(
        self,
        operation: str,
        method: str,
        params: Mapping[str, Any] | None,
        address: Address | None = None,
    ) -> Any:
        """Call a method that can be repeated; return its result or raise."""
        result = await self.call(operation, method, params, is_repeatable=True)
        if isinstance(result, Refusal):
            raise self._error(result, operation, address, is_repeatable=True)
        return result

    def _result(self, answer: Answer) -> Any:
        if answer.status in (413, 429) and not answer.body.startswith(b"{"):
            # Said by a server in front of the API, in whatever form, and clear all the same.
            return Refusal(answer.status, f"status {answer.status}", answer.retry_after_s)
        told = answer.json()
        if type(told) is dict:
            if told.get("ok") is True and "result" in told:
                return told["result"]
            if told.get("ok") is False:
                return Refusal.of(told, answer.status, answer.retry_after_s)
        raise answer.not_understood("nothing that the Bot API says")

    def _error(
        self,
        refusal: Refusal,
        operation: str,
        address: Address | None = None,
        *,
        is_repeatable: bool = False,
    ) -> ChannelError | ChatMoved:
        return refusal.error(
            self._name, operation, address=address, is_repeatable=is_repeatable
        )

    def _named(self, ref: MessageRef, operation: str) -> dict[str, Any]:
        params = to_wire.ref_params(ref)
        if params is None:
            detail = f"{ref.id!r} is no message of Telegram's"
            raise Unsupported(self._name, operation, detail)
        return params


def _field(value: Any) -> str:
    """Return a parameter as the field of a form."""
    if isinstance(value, str):
        return value
    return dumps(value).decode()
