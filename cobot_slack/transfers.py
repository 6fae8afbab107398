"""Files on their way out and in.

A file goes out in three steps: a place for it, its bytes, and the message. The first two are
done once and stored; only the last makes something that people see, and whether it did can be
asked for by the file's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import attrs

from cobot import (
    ChannelError,
    Context,
    DeliveryUnknown,
    Media,
    OutgoingMessage,
    Receipt,
    Rejected,
    Unreachable,
    Unsupported,
)
from cobot.kit import Files, incomplete
from cobot.net import Answer
from cobot_slack.api import SlackApi
from cobot_slack.errors import Refusal
from cobot_slack.files import MOST_FILES, UPLOAD_BYTES, is_slacks, ts_of_share
from cobot_slack.markup import text_of
from cobot_slack.params import thread_of

REDIRECTS_MOST = 3

SHARE_S = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 3.0)
"""Waits for the message of a file, which appears a little later; in seconds."""

COMPLETE = "files.completeUploadExternal"


@attrs.frozen
class Shown:
    """A message with files that has appeared."""

    ts: str | None
    """Its timestamp; None: Slack does not tell it."""
    is_doubtful: bool = False
    """Whether it may have appeared before, too."""


@attrs.define(eq=False)
class Transfers:
    """Sends and gets files for one bot."""

    _api: SlackApi = attrs.field(alias="api")
    _context: Context = attrs.field(alias="context")
    _files: Files = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._files = Files(self._context, "Slack", UPLOAD_BYTES)

    # Out.

    async def prepare(self, message: OutgoingMessage) -> list[list[dict[str, str]]]:
        """Send the bytes of a message's files; return what is shown of them, by message.

        Raises:
            Unsupported: Slack does not take them, but a text.
        """
        uploaded = []
        for media in message.media:
            with self._files.folder([media]) as folder:
                here = await self._files.here(media, folder / "file", self.fetch)
                uploaded.append({"id": await self._upload(here), "title": here.name})
        return [
            uploaded[start : start + MOST_FILES]
            for start in range(0, len(uploaded), MOST_FILES)
        ]

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Let the messages with files appear.

        Raises:
            Unsupported: Slack does not take them, but a text.
            ChannelError: As for a text; it says how many messages have arrived.
        """
        groups = message.prepared or await self.prepare(message)
        channel = await self._api.channel_of(message.channel_id, "media")
        shown: list[Shown] = []
        for number, group in enumerate(groups):
            try:
                shown.append(await self._show(message, channel, group, number))
            except ChannelError as error:
                if not number:
                    raise
                # The next attempt has to look which of them are there.
                raise incomplete(error, number, len(groups)) from error
        receipt = self._api.receipt(message, channel, *(one.ts for one in shown if one.ts))
        is_doubtful = any(one.is_doubtful for one in shown)
        return attrs.evolve(receipt, maybe_repeated=True) if is_doubtful else receipt

    async def _show(
        self,
        message: OutgoingMessage,
        channel: str,
        group: Sequence[Mapping[str, str]],
        number: int,
    ) -> Shown:
        """Let one message appear, unless it has."""
        file_id = group[0]["id"]
        # Files that were shown once are known; None: we may not ask.
        is_known = await self._is_known(file_id) if message.unknown else False
        if is_known:
            found = await self._share(file_id, channel)
            if found is not None:
                return Shown(found)
        done = await self._complete(message, channel, group, number)
        if isinstance(done, Refusal) and done.word == "file_not_found":
            # It was shown, and cannot be shown again; or it waited for so long that it is gone.
            if is_known is not False:
                return Shown(await self._share(file_id, channel))
            media = message.media[number * MOST_FILES : (number + 1) * MOST_FILES]
            (group,) = await self.prepare(attrs.evolve(message, media=media))
            file_id = group[0]["id"]
            done = await self._complete(message, channel, group, number)
            # An attempt before this one may have done the same.
            is_known = None if message.unknown else False
        if isinstance(done, Refusal):
            raise done.error(self._context.name, "media")
        return Shown(await self._share(file_id, channel), is_doubtful=is_known is None)

    async def _is_known(self, file_id: str) -> bool | None:
        """Tell whether a file is one that was shown, or is being; None: we may not ask."""
        told = await self._api.read("media", "files.info", {"file": file_id})
        if not isinstance(told, Refusal):
            return True
        if told.word == "file_not_found":
            return False
        error = told.error(self._context.name, "media", is_repeatable=True)
        if told.passes:
            raise error
        self._context.log.warning("it cannot be looked up whether it arrived: %s", error)
        return None

    async def _complete(
        self,
        message: OutgoingMessage,
        channel: str,
        group: Sequence[Mapping[str, str]],
        number: int,
    ) -> object:
        """Make a message of files; return the answer, or the Refusal."""
        params: dict[str, Any] = {"files": [*group], "channel_id": channel}
        thread = thread_of(message)
        if thread is not None:
            params["thread_ts"] = thread
        if not number and message.content.strip():
            params["initial_comment"] = text_of(message)
        return await self._api.call("media", COMPLETE, params, is_form=True)

    async def _share(self, file_id: str, channel: str) -> str | None:
        """Return the message in which a file is shown; None: it does not appear."""
        for wait_s in (0.0, *SHARE_S):
            if wait_s:
                await self._context.clock.sleep(wait_s)
            with suppress(ChannelError):  # the file is shown, whatever we get to know of it
                told = await self._api.read("media", "files.info", {"file": file_id})
                if not isinstance(told, Refusal):
                    found = ts_of_share(told["file"], channel)
                    if found is not None:
                        return found
        self._context.log.warning(
            "Slack does not tell which message shows the file %s: it cannot be changed", file_id
        )
        return None

    async def _upload(self, media: Media) -> str:
        """Send the bytes of a file; return its id."""
        content, length = media.source, media.size_bytes
        assert content is not None
        if length is None:
            detail = f"{media.name!r} cannot be read"
            raise Rejected(self._context.name, "media", detail, field="media")
        if not length:
            detail = f"{media.name!r} is empty, which Slack does not take"
            raise Unsupported(self._context.name, "media", detail)
        params = {"filename": media.name, "length": str(length)}
        told = await self._api.read("media", "files.getUploadURLExternal", params)
        if isinstance(told, Refusal):
            raise told.error(self._context.name, "media", is_repeatable=True)
        url = str(told["upload_url"])
        if not is_slacks(url, self._api.host):
            detail = "Slack wants the file somewhere that is not Slack's"
            raise Unsupported(self._context.name, "media", detail)
        kind = media.content_type or "application/octet-stream"
        try:
            answer = await self._api.upload(url, content, kind, length)
        except DeliveryUnknown as error:
            # Nobody sees it before the last step.
            raise Unreachable(self._context.name, "media", error.detail) from error
        if answer.status != 200:
            detail = f"{media.name!r} was not taken: the server says {answer.status}"
            raise Unreachable(self._context.name, "media", detail)
        return str(told["file_id"])

    # In.

    async def fetch(self, media: Media, path: Path, limit_bytes: int) -> None:
        """Get a file that came with a message.

        Raises:
            Rejected: It is too large, or is not given.
        """
        self._files.check_size(media, media.size_bytes, limit_bytes)
        if media.remote is None and media.url is not None:
            answer = await self._api.fetch(media.url, path, limit_bytes)
        else:
            answer = await self._get(media, path, limit_bytes)
        self._files.check_given(media, answer.status)

    async def _get(self, media: Media, path: Path, limit_bytes: int) -> Answer:
        url = await self._address(media)
        for _ in range(REDIRECTS_MOST + 1):
            # Our token goes with it, and so it goes nowhere else.
            if not is_slacks(url, self._api.host):
                raise self._files.refused(f"{media.name!r} is not on a server of Slack's")
            answer = await self._api.download(url, path, limit_bytes)
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                break
            url = urljoin(url, location)
        else:
            raise self._files.refused(f"{media.name!r} is sent from one address to the next")
        kind = str(answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        is_page = kind == "text/html" and media.content_type != "text/html"
        if 200 <= answer.status < 300 and is_page:
            await self._context.in_thread(path.unlink, True)
            raise self._files.refused(
                f"Slack gave a page to sign in on in place of {media.name!r}: the app needs the"
                " scope files:read; add it and install the app again"
            )
        return answer

    async def _address(self, media: Media) -> str:
        remote = media.remote or {}
        url = str(remote.get("url") or "")
        if url or "file_id" not in remote:
            return url
        # Of other organisations' files events tell nothing but the id.
        told = await self._api.read("fetch", "files.info", {"file": str(remote["file_id"])})
        if isinstance(told, Refusal):
            if told.passes:
                raise told.error(self._context.name, "fetch", is_repeatable=True)
            raise self._files.refused(f"{media.name!r} cannot be had: {told.detail}")
        file = told["file"]
        return str(file.get("url_private_download") or file.get("url_private") or "")
