"""Slack's refusals, in its own words."""

from __future__ import annotations

import json
from typing import Any

from networks.web import Response, reason


class ApiError(Exception):
    """A request that the network refuses, with HTTP 200 and `ok: false`.

    Args:
        error: The word that says why.
        messages: Details, as `response_metadata.messages`.
        fields: More of the answer: `needed`, `provided` ...
    """

    def __init__(self, error: str, *messages: str, **fields: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages
        self.fields = fields

    def response(self) -> Response:
        """Return the answer."""
        body: dict[str, Any] = {"ok": False, "error": self.error, **self.fields}
        if self.messages:
            body["response_metadata"] = {"messages": [*self.messages]}
        return Response(body=json.dumps(body).encode())


def rate_limited(retry_after: int = 30, *, is_json: bool = True) -> Response:
    """Return a 429 that asks for so many seconds of patience.

    Args:
        retry_after: The seconds.
        is_json: Whether the body is the API's. What stands before it answers in plain text.
    """
    headers = {"Retry-After": str(retry_after)}
    if is_json:
        body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
        return Response(429, body, headers=headers)
    return Response(429, b"Too Many Requests", "text/plain", headers)


class RateLimited(Exception):
    """A request that comes too soon.

    Args:
        retry_after: For how many seconds.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after}")
        self.retry_after = retry_after

    def response(self) -> Response:
        """Return the answer."""
        return rate_limited(self.retry_after)


def page(status: int = 502) -> Response:
    """Return an error page of what stands in front of the API: HTML and not JSON."""
    title = f"{status} {reason(status)}"
    html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(status, html.encode(), "text/html")


LOGIN_PAGE = Response(
    200,
    b"<!DOCTYPE html><html><head><title>Slack</title></head>"
    b"<body><form action='/signin'>Sign in to your workspace</form></body></html>\n",
    "text/html; charset=utf-8",
)
"""What a file's address answers to one who may not see the file."""
