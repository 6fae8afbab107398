"""Files on their way out and in: how many messages it takes, and what if one fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from cobot import (
    ChannelError,
    Context,
    Media,
    MessageRef,
    OutgoingMessage,
    Receipt,
    Unsupported,
)
from cobot.kit import Files, incomplete, is_final
from cobot.net import Answer, Part
from cobot_discord import params as to_wire
from cobot_discord.api import MESSAGE, DiscordApi, place_of
from cobot_discord.errors import Refusal
from cobot_discord.files import UPLOAD_BYTES, described, fresh_url, groups_of, is_discords

EXPIRED = (403, 404, 410)
"""What the server of files answers to an address that was good once."""


@attrs.define(eq=False)
class Transfers:
    """Sends and gets files for one bot."""

    _api: DiscordApi = attrs.field(alias="api")
    _context: Context = attrs.field(alias="context")
    _files: Files = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._files = Files(self._context, "Discord", UPLOAD_BYTES)

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Send the files of a message, ten at a time.

        Raises:
            Unsupported: Discord does not take them, but a text.
            ChannelError: As for a text; it says how much has arrived, if that will be all.
        """
        media = [self._checked(one) for one in message.media]
        refs: list[MessageRef] = []
        with self._files.folder(media) as folder:
            here = [
                await self._files.here(one, folder / f"{number}", self.fetch)
                for number, one in enumerate(media)
            ]
            groups = groups_of(here)
            for number, group in enumerate(groups):
                try:
                    message_id = await self._send(message, group, number)
                except ChannelError as error:
                    if not number or not is_final(error):
                        raise  # what has arrived is known by its nonce
                    raise incomplete(error, number, len(groups)) from error
                channel_id, thread_id = message.channel_id, message.thread_id
                ref = MessageRef(message.channel_type, channel_id, message_id, thread_id)
                refs.append(ref)
        return Receipt(refs)

    async def fetch(self, media: Media, path: Path, limit_bytes: int) -> None:
        """Get a file that came with a message.

        Raises:
            Rejected: It is too large, or is not given.
        """
        if media.remote is None and media.url is not None:
            answer = await self._api.fetch("fetch", media.url, path, limit_bytes)
        else:
            answer = await self._get(media, path, limit_bytes)
        self._files.check_given(media, answer.status)

    async def _get(self, media: Media, path: Path, limit_bytes: int) -> Answer:
        remote = media.remote or {}
        url = str(remote.get("url") or "")
        if not is_discords(url, self._api.host):
            raise self._files.refused(f"{media.name!r} did not come through Discord")
        self._files.check_size(media, media.size_bytes, limit_bytes)
        answer = await self._api.download(url, path, limit_bytes)
        if answer.status not in EXPIRED or "attachment_id" not in remote:
            return answer
        # An address is good for a day or so; the message has a new one.
        ids = str(remote["channel_id"]), str(remote["message_id"])
        message = await self._api.call("fetch", "GET", MESSAGE, *ids, is_repeatable=True)
        if isinstance(message, Refusal):
            return answer
        fresh = fresh_url(message, str(remote["attachment_id"]))
        if fresh is None or not is_discords(fresh, self._api.host):
            return answer
        return await self._api.download(fresh, path, limit_bytes)

    def _checked(self, media: Media) -> Media:
        if media.remote is not None and not media.remote.get("url"):
            detail = f"{media.name!r} is of another network"
            raise Unsupported(self._context.name, "media", detail)
        return self._files.checked(media)

    async def _send(self, message: OutgoingMessage, group: Sequence[Media], number: int) -> str:
        part = attrs.evolve(message, key=to_wire.nonce_of(message.key, number))
        if number:
            part = attrs.evolve(part, content="", rendered=None, reply_to=None)
        known = self._api.known(part)
        if known is not None:
            return known
        params = to_wire.message_params(part, previews=self._api.previews)
        params["attachments"] = described(group)
        if not params["content"].strip():
            del params["content"]
        while True:
            files = [_part(index, media) for index, media in enumerate(group)]
            sent = await self._api.upload("media", place_of(message), params, files)
            if not isinstance(sent, Refusal):
                return self._api.id_of(sent, "media")
            params = self._api.repaired(params, sent, "media")


def _part(index: int, media: Media) -> Part:
    content = media.source
    assert content is not None
    kind = media.content_type or "application/octet-stream"
    return Part(f"files[{index}]", content, filename=media.name, content_type=kind)
