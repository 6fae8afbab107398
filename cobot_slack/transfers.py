"""Files on their way out and in.

A file goes out in three steps: a place for it, its bytes, and the message. The first two are
done once and stored; only the last makes something that people see, and whether it did can be
asked for by the file's id.
"""

from __future__ import annotations

import tempfile
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


@attrs.define(eq=False)
class Transfers:
    """Sends and gets files for one bot."""

    _api: SlackApi = attrs.field(alias="api")
    _context: Context = attrs.field(alias="context")

    # Out.

    async def prepare(self, message: OutgoingMessage) -> list[list[dict[str, str]]]:
        """Send the bytes of a message's files; return what is shown of them, by message.

        Raises:
            Unsupported: Slack does not take them, but a text.
        """
        cache = self._context.workspace("cache")
        uploaded = []
        for media in message.media:
            with tempfile.TemporaryDirectory(prefix="slack-", dir=cache) as folder:
                here = await self._here(media, Path(folder) / "file")
                uploaded.append({"id": await self._upload(here), "title": here.name})
        return [
            uploaded[start : start + MOST_FILES]
            for start in range(0, len(uploaded), MOST_FILES)
        ]

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Let the messages with files appear.

        Raises:
            Unsupported: Slack does not take them, but a text.
            DeliveryUnknown: Some of them arrived.
        """
        groups = message.prepared or await self.prepare(message)
        channel = await self._api.channel_of(message.channel_id, "media")
        shown: list[str] = []
        for number, group in enumerate(groups):
            try:
                ts = await self._show(message, channel, group, number)
            except ChannelError as error:
                if not number or message.prepared:
                    raise
                detail = f"{number} of {len(groups)} messages arrived; {error}"
                raise DeliveryUnknown(self._context.name, "media", detail) from error
            shown += [] if ts is None else [ts]
        return self._api.receipt(message, channel, *shown)

    async def _show(
        self,
        message: OutgoingMessage,
        channel: str,
        group: Sequence[Mapping[str, str]],
        number: int,
    ) -> str | None:
        """Let one message appear, unless it has; return its timestamp, None: it is not told."""
        file_id = group[0]["id"]
        if message.unknown:
            told = await self._api.read("media", "files.info", {"file": file_id})
            if not isinstance(told, Refusal):
                found = await self._share(file_id, channel)
                if found is not None:
                    return found
        params: dict[str, Any] = {"files": [*group], "channel_id": channel}
        thread = thread_of(message)
        if thread is not None:
            params["thread_ts"] = thread
        if not number and message.content.strip():
            params["initial_comment"] = text_of(message)
        done = await self._api.call("media", COMPLETE, params, is_form=True)
        if isinstance(done, Refusal):
            # What was shown before cannot be shown again.
            was_shown = message.unknown and done.word == "file_not_found"
            if not was_shown:
                raise done.error(self._context.name, "media")
        return await self._share(file_id, channel)

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
        content = media.path if media.content is None else media.content
        assert content is not None
        length = media.size_bytes or 0
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

    async def _here(self, media: Media, path: Path) -> Media:
        """Return a file from here: Slack takes none from an address."""
        name = self._context.name
        if media.url is not None or media.remote is not None:
            try:
                await self.fetch(media, path, UPLOAD_BYTES)
            except (Rejected, Unreachable) as error:
                # People can still follow the link.
                raise Unsupported(name, "media", error.detail) from error
            media = Media.from_path(path, name=media.name, content_type=media.content_type)
        if media.path is not None:
            with suppress(OSError):  # the upload says what is wrong with it
                media = attrs.evolve(media, size_bytes=media.path.stat().st_size)
        elif media.content is not None:
            media = attrs.evolve(media, size_bytes=len(media.content))
        if not media.size_bytes:
            raise Unsupported(
                name, "media", f"{media.name!r} is empty, which Slack does not take"
            )
        if media.size_bytes > UPLOAD_BYTES:
            detail = f"{media.name!r} has {media.size_bytes} bytes, Slack takes {UPLOAD_BYTES}"
            raise Unsupported(name, "media", detail)
        return media

    # In.

    async def fetch(self, media: Media, path: Path, limit_bytes: int) -> None:
        """Get a file that came with a message.

        Raises:
            Rejected: It is too large, or is not given.
        """
        if media.size_bytes is not None and media.size_bytes > limit_bytes:
            detail = f"{media.name!r} has {media.size_bytes} bytes; at most {limit_bytes}"
            raise self._refused(detail)
        if media.remote is None and media.url is not None:
            answer = await self._api.fetch(media.url, path, limit_bytes)
        else:
            answer = await self._get(media, path, limit_bytes)
        if 200 <= answer.status < 300:
            return
        kind = Unreachable if answer.status == 429 or answer.status >= 500 else Rejected
        detail = f"{media.name!r} cannot be had: the server says {answer.status}"
        raise kind(self._context.name, "fetch", detail, field="media")

    async def _get(self, media: Media, path: Path, limit_bytes: int) -> Answer:
        url = await self._address(media)
        for _ in range(REDIRECTS_MOST + 1):
            # Our token goes with it, and so it goes nowhere else.
            if not is_slacks(url, self._api.host):
                raise self._refused(f"{media.name!r} is not on a server of Slack's")
            answer = await self._api.download(url, path, limit_bytes)
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                break
            url = urljoin(url, location)
        else:
            raise self._refused(f"{media.name!r} is sent from one address to the next")
        kind = str(answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        is_page = kind == "text/html" and media.content_type != "text/html"
        if 200 <= answer.status < 300 and is_page:
            await self._context.in_thread(path.unlink, True)
            raise self._refused(
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
            if told.is_limit:
                raise told.error(self._context.name, "fetch", is_repeatable=True)
            raise self._refused(f"{media.name!r} cannot be had: {told.detail}")
        file = told["file"]
        return str(file.get("url_private_download") or file.get("url_private") or "")

    def _refused(self, detail: str) -> Rejected:
        return Rejected(self._context.name, "fetch", detail, field="media")
