"""A request that came to a webhook, and what is said to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import attrs
import httpx

from cobot.encoding import dumps, loads

FIRST_STATUS = 200
LAST_STATUS = 599
"""Of what can be said to a request; https://www.rfc-editor.org/rfc/rfc9110#section-15"""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[^\x00\r\n]*")


def _as_bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body


@attrs.frozen
class Reply:
    """What is said to a request."""

    status: int = 200
    """The status, from 200 to 599."""
    body: bytes = attrs.field(default=b"", converter=_as_bytes, repr=False)
    """What is said; text becomes UTF-8."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Besides the usual ones. A body is plain text unless `Content-Type` says otherwise."""

    def __attrs_post_init__(self) -> None:
        if not FIRST_STATUS <= self.status <= LAST_STATUS:
            expected = f"from {FIRST_STATUS} to {LAST_STATUS}"
            raise ValueError(f"status: expected one {expected}, got {self.status!r}")
        for name, value in self.headers.items():
            if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
                raise ValueError(f"headers: {name!r} has what no header may have")

    @classmethod
    def json(cls, value: object, status: int = 200) -> Reply:
        """Return a reply of JSON.

        Raises:
            ValueError: There is no JSON for the value.
        """
        return cls(status, dumps(value), {"Content-Type": "application/json"})


DONE = Reply()
"""It arrived, and will not be lost."""
LATER = Reply(503, b"", {"Retry-After": "1"})
"""It may not have arrived: send it again."""


@attrs.define(eq=False)
class Request:
    """A request that came to a webhook. Nothing secret of it is shown."""

    method: str
    """As `POST`."""
    path: str = attrs.field(repr=False)
    """Where it came to, without the query."""
    query: Mapping[str, str] = attrs.field(repr=False)
    """What stood behind the `?`; of a name that came twice the last."""
    headers: httpx.Headers = attrs.field(repr=False)
    """Names in upper or lower case, it is the same."""
    body: bytes = attrs.field(repr=lambda body: f"<{len(body)} bytes>")
    """Byte for byte, as signatures need it."""
    sender: str = attrs.field(repr=False)
    """The address it came from: that of the proxy, unless the proxy is trusted."""
    arrived_at: datetime
    """When all of it was here; aware UTC."""
    reply: asyncio.Future[Reply] = attrs.field(repr=False)
    """What is said to it, once that is known. Use `answer`."""

    @property
    def json(self) -> Any:
        """Its body, taken apart.

        Raises:
            ValueError: It is no JSON.
        """
        return loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The fields of its body; of a name that came twice the last. No form: no fields."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def is_answered(self) -> bool:
        """Whether an answer is on its way, ours or 503 because the time ran out."""
        return self.reply.done()

    def answer(
        self,
        status: int = 200,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        """Answer it now, before its batch is.

        What has to be durable first must not be answered with 2xx before.

        Args:
            status: The status.
            body: What is said; text becomes UTF-8.
            headers: Besides the usual ones.

        Raises:
            ValueError: No such answer can be sent.

        Returns:
            Whether it was still waiting. If not, it was answered before, or the time ran out
            and the network sends it again.
        """
        return self.answer_with(Reply(status, body, headers or {}))

    def answer_with(self, reply: Reply) -> bool:
        """Answer it now; otherwise as `answer`."""
        if self.reply.done():
            return False
        self.reply.set_result(reply)
        return True
