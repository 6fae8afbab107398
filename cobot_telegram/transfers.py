"""Files on their way out and in: which calls of the API it takes, and what if one fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from cobot import (
    ChannelError,
    ChatMoved,
    Context,
    Media,
    MessageRef,
    OutgoingMessage,
    RateLimited,
    Receipt,
    Unreachable,
    Unsupported,
)
from cobot.kit import Fetch, Files, incomplete
from cobot.net import Part
from cobot_telegram import params as to_wire
from cobot_telegram.api import TelegramApi
from cobot_telegram.errors import NOT_A_PHOTO, NOT_FETCHED, Refusal
from cobot_telegram.files import (
    WITHOUT_CAPTION,
    Piece,
    as_document,
    piece_of,
    runs_of,
    upload_name,
    upload_type,
)

UPLOAD_BYTES = 50 * 1024 * 1024
"""The largest file that a bot can send. core.telegram.org/bots/api#sending-files"""

DOWNLOAD_BYTES = 20 * 1024 * 1024
"""The largest file that a bot can get. core.telegram.org/bots/api#getfile"""

CAPTION_CHARS = 1024

PATIENCE_S = 20.0
"""How long the rest of a message waits for its turn, in seconds: what is sent is sent."""

Params = dict[str, Any]


@attrs.define(eq=False)
class Transfers:
    """Sends and gets files for one bot."""

    _api: TelegramApi = attrs.field(alias="api")
    _context: Context = attrs.field(alias="context")
    _files: Files = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._files = Files(self._context, "Telegram", UPLOAD_BYTES)

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Send the files of a message, those together that can be one album.

        Raises:
            Unsupported: Telegram does not take them, but a text.
            DeliveryUnknown: Some of them arrived.
        """
        runs = runs_of([self._piece(media) for media in message.media])
        with self._files.folder(message.media) as folder:
            return await self._send(message, runs, folder)

    async def fetch(self, media: Media, path: Path, limit_bytes: int) -> None:
        """Get a file that came with a message.

        Raises:
            Rejected: It is too large, or is not given.
        """
        if media.url is not None:
            answer = await self._api.fetch("fetch", media.url, path, limit_bytes)
        else:
            way = await self._way_to(media, limit_bytes)
            answer = await self._api.download(way, path, limit_bytes)
        self._files.check_given(media, answer.status)

    async def _way_to(self, media: Media, limit_bytes: int) -> str:
        most = min(limit_bytes, DOWNLOAD_BYTES)
        file_id = (media.remote or {}).get("file_id")
        if not file_id:
            raise self._files.refused(f"{media.name!r} did not come through Telegram")
        self._files.check_size(media, media.size_bytes, most)
        file = await self._api.call(
            "fetch", "getFile", {"file_id": file_id}, is_repeatable=True
        )
        if isinstance(file, Refusal):
            raise file.error(self._context.name, "fetch", is_repeatable=True)
        self._files.check_size(media, file.get("file_size"), most)
        way = str(file.get("file_path") or "")
        if not way or way.startswith("/"):
            detail = f"{media.name!r} has no address (a server with --local is not supported)"
            raise self._files.refused(detail)
        return way

    def _piece(self, media: Media) -> Piece:
        # What is at Telegram already may be larger than what can be brought there.
        piece = piece_of(self._files.checked(media) if media.remote is None else media)
        if piece is None:
            detail = f"{media.name!r} is of another network"
            raise Unsupported(self._context.name, "media", detail)
        return piece

    async def _send(
        self, message: OutgoingMessage, runs: Sequence[list[Piece]], folder: Path
    ) -> Receipt:
        caption = to_wire.caption_params(message)
        params = to_wire.place({"chat_id": message.channel_id}, message)
        refs: list[MessageRef] = []
        sent = 0
        for number, run in enumerate(runs):
            words = {} if run[0].kind in WITHOUT_CAPTION else caption
            delivery = _Delivery(self._api, self._files, self.fetch, message, folder)
            try:
                results = await self._patiently(delivery, run, params | words, number)
            except (ChannelError, ChatMoved) as error:
                if not sent:
                    raise
                raise self._incomplete(error, sent, len(message.media)) from error
            sent += len(results)
            refs += self._api.refs_of(results, message)
            if words:
                caption = {}
            params.pop("reply_parameters", None)
        if caption:
            try:
                refs += await self._words(message)
            except (ChannelError, ChatMoved) as error:
                raise self._incomplete(error, sent, sent + 1) from error
        return Receipt(refs)

    async def _patiently(
        self, delivery: _Delivery, run: list[Piece], params: Params, number: int
    ) -> list[Any]:
        """Send a run; after the first one wait for it, for to send all again would double."""
        try:
            return await delivery.send(run, params)
        except RateLimited as error:
            wait_s = error.retry_after_s
            if not number or wait_s is None or wait_s > PATIENCE_S:
                raise
        await self._context.clock.sleep(wait_s)
        return await delivery.send(run, params)

    async def _words(self, message: OutgoingMessage) -> list[MessageRef]:
        """Send what is said beside files that have no caption."""
        text = attrs.evolve(message, media=(), reply_to=None)
        sent = await self._api.send(text)
        if isinstance(sent, Receipt):
            return [*sent.refs]
        return [MessageRef(self._context.name, message.channel_id, sent, message.thread_id)]

    def _incomplete(
        self, error: ChannelError | ChatMoved, arrived: int, total: int
    ) -> ChannelError:
        if isinstance(error, ChatMoved):
            error = Unreachable(self._context.name, "media", "the chat has another id now")
        return incomplete(error, arrived, total)


@attrs.define(eq=False)
class _Delivery:
    """Sends one run: in the simplest way, and when that is refused in the next."""

    api: TelegramApi
    files: Files
    fetch: Fetch
    message: OutgoingMessage
    folder: Path

    async def send(self, run: list[Piece], params: Params) -> list[Any]:
        """Return the messages that Telegram made of a run."""
        # What Telegram would not take from an address.
        run = [
            await self._fetched(piece) if piece.is_elsewhere and not piece.known_as else piece
            for piece in run
        ]
        outcome = await self._post(run, params)
        if not isinstance(outcome, Refusal):
            return outcome if isinstance(outcome, list) else [outcome]
        if outcome.says(*NOT_FETCHED) and any(piece.is_elsewhere for piece in run):
            here = [await self._fetched(one) if one.is_elsewhere else one for one in run]
            return await self.send(here, params)
        documents = [as_document(piece) for piece in run]
        if outcome.says(*NOT_A_PHOTO) and documents != run:
            return await self._as_documents(documents, params)
        repaired = self.api.repaired(params, outcome, "media", self.message.address)
        return await self.send(run, repaired)

    async def _as_documents(self, pieces: Sequence[Piece], params: Params) -> list[Any]:
        results = []
        for run in runs_of(pieces):
            results += await self.send(run, params)
            # The reply and the caption are with the first.
            once = ("caption", "caption_entities", "reply_parameters")
            params = {name: value for name, value in params.items() if name not in once}
        return results

    async def _post(self, run: Sequence[Piece], params: Params) -> Any:
        if len(run) > 1:
            return await self._post_album(run, params)
        piece = run[0]
        method = "send" + piece.kind.title().replace("_", "")
        if piece.known_as:
            return await self.api.call("media", method, params | {piece.kind: piece.known_as})
        return await self.api.upload("media", method, params, [_part(piece.kind, piece)])

    async def _post_album(self, run: Sequence[Piece], params: Params) -> Any:
        items: list[Params] = []
        parts: list[Part] = []
        for number, piece in enumerate(run):
            name = f"file{number}"
            if not piece.known_as:
                parts.append(_part(name, piece))
            items.append({"type": piece.kind, "media": piece.known_as or f"attach://{name}"})
        words = ("caption", "caption_entities")
        items[0] |= {name: params[name] for name in words if name in params}
        params = {name: value for name, value in params.items() if name not in words}
        params["media"] = items
        if parts:
            return await self.api.upload("media", "sendMediaGroup", params, parts)
        return await self.api.call("media", "sendMediaGroup", params)

    async def _fetched(self, piece: Piece) -> Piece:
        """Return a file that was somewhere else, from here."""
        path = self.folder / f"{len([*self.folder.iterdir()])}"
        return Piece(await self.files.here(piece.media, path, self.fetch), piece.kind)


def _part(name: str, piece: Piece) -> Part:
    content = piece.media.source
    assert content is not None
    return Part(name, content, filename=upload_name(piece), content_type=upload_type(piece))
