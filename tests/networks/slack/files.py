"""Files on the network: what they are, where they lie, how a message names them."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import attrs

from networks.slack.chats import Wire


@attrs.define(eq=False, kw_only=True)
class StoredFile:
    """A file as the server keeps it."""

    id: str
    name: str | None
    title: str
    mimetype: str
    size: int
    """What is told of it; a test may tell more than there is."""
    user_id: str
    content: bytes | None = None
    """None: its bytes were not uploaded yet."""
    mode: str = "hosted"
    """`hosted`, or `external`, `tombstone`, `hidden_by_limit`."""
    external_url: str = ""
    is_complete: bool = True
    """Whether it is a file by now, and not only a place for one."""
    shares: dict[str, dict[str, list[Wire]]] = attrs.field(factory=dict)
    """By `public` or `private`, and channel: the messages that it stands in."""


class Files:
    """All files of the network.

    Args:
        team_id: A part of addresses.
    """

    def __init__(self, team_id: str) -> None:
        self.share_s = 0.02
        """After how many seconds of the loop an uploaded file's message appears."""
        self.due: list[Callable[[], None]] = []
        """Let messages of uploaded files appear, when it is time."""
        self.base = ""
        """The address of the server."""
        self.by_id: dict[str, StoredFile] = {}
        self._team_id = team_id

    def add(
        self, name: str | None, content: bytes | None, user_id: str, **fields: Any
    ) -> StoredFile:
        """Keep a file.

        Args:
            name: Its name.
            content: Its bytes; None: they are yet to come.
            user_id: Whose it is.
            fields: Others of `StoredFile`: `mimetype`, `size`, `title`, `mode` ...
        """
        guessed = mimetypes.guess_type(name or "")[0] or "application/octet-stream"
        mimetype = fields.pop("mimetype", None) or guessed
        size = fields.pop("size", None)
        stored = StoredFile(
            id=f"F{len(self.by_id) + 1:09d}",
            name=name,
            title=fields.pop("title", None) or name or "",
            mimetype=mimetype,
            size=len(content or b"") if size is None else size,
            user_id=user_id,
            content=content,
            **fields,
        )
        self.by_id[stored.id] = stored
        return stored

    def settle(self, share: Callable[[], None]) -> None:
        """Let a message of uploaded files appear, unless it has."""
        if share in self.due:
            self.due.remove(share)
            share()

    def wire(self, stored: StoredFile, *, is_stub: bool = False) -> Wire:
        """Return the API's File.

        Args:
            stored: Which.
            is_stub: Whether only its id is told, as of files of other organisations.
        """
        if is_stub:
            return {"id": stored.id, "mode": "file_access", "file_access": "check_file_info"}
        if stored.mode in ("tombstone", "hidden_by_limit"):
            return {"id": stored.id, "mode": stored.mode}
        is_external = stored.mode == "external"
        place = f"{self.base}/files-pri/{self._team_id}-{stored.id}"
        name = quote(stored.name or "file")
        url = stored.external_url or f"{place}/{name}"
        wire: Wire = {
            "id": stored.id,
            "name": stored.name,
            "title": stored.title,
            "mimetype": stored.mimetype,
            "filetype": (stored.name or "").rpartition(".")[2] or "binary",
            "user": stored.user_id,
            "size": stored.size,
            "mode": stored.mode,
            "is_external": is_external,
            "url_private": url,
            "permalink": f"{self.base}/files/{stored.user_id}/{stored.id}/{name}",
            "file_access": "visible",
        }
        if not is_external:
            wire["url_private_download"] = f"{place}/download/{name}"
        return wire

    def at(self, path: str) -> StoredFile | None:
        """Return the file that an address below `/files-pri/` names."""
        place = unquote(path).removeprefix("/files-pri/").partition("/")[0]
        stored = self.by_id.get(place.removeprefix(f"{self._team_id}-"))
        return stored if stored and stored.content is not None else None

    def upload_url(self, stored: StoredFile) -> str:
        """Return the address to which a file's bytes are posted; it is a secret."""
        return f"{self.base}/upload/v1/{self._secret(stored)}"

    def awaited(self, path: str) -> StoredFile | None:
        """Return the file whose bytes belong to an address."""
        for stored in self.by_id.values():
            if path == f"/upload/v1/{self._secret(stored)}":
                return stored
        return None

    def _secret(self, stored: StoredFile) -> str:
        return hashlib.sha256(stored.id.encode()).hexdigest()[:32]
