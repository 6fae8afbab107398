"""Telegram's refusals, in its own words."""

from __future__ import annotations

import json
from typing import Any

from networks.web import Response, reason

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the "
    "same as a current content and reply markup of the message"
)
OTHER_POLLER = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is "
    "running"
)
WEBHOOK_SET = "Conflict: terminated by setWebhook request"
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to "
    "delete the webhook first"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


class ApiError(Exception):
    """A request that the network refuses.

    Args:
        code: Also the HTTP status.
        description: As it is answered.
        parameters: `retry_after` or `migrate_to_chat_id`.
    """

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def response(self) -> Response:
        """Return the answer."""
        body: dict[str, Any] = {
            "ok": False,
            "error_code": self.code,
            "description": self.description,
        }
        headers = {}
        if self.parameters:
            body["parameters"] = self.parameters
        if "retry_after" in self.parameters:
            headers["Retry-After"] = str(self.parameters["retry_after"])
        return Response(self.code, json.dumps(body).encode(), headers=headers)


def bad_request(text: str) -> ApiError:
    """Return a 400; the text follows `Bad Request: `."""
    return ApiError(400, f"Bad Request: {text}")


def forbidden(text: str) -> ApiError:
    """Return a 403; the text follows `Forbidden: `."""
    return ApiError(403, f"Forbidden: {text}")


def conflict(text: str) -> ApiError:
    """Return a 409."""
    return ApiError(409, text)


def too_many_requests(retry_after: int = 1) -> ApiError:
    """Return a 429 that asks for so many seconds of patience."""
    description = f"Too Many Requests: retry after {retry_after}"
    return ApiError(429, description, retry_after=retry_after)


def migrated(new_chat_id: int) -> ApiError:
    """Return the refusal of a group that lives on under another id."""
    text = "Bad Request: group chat was upgraded to a supergroup chat"
    return ApiError(400, text, migrate_to_chat_id=new_chat_id)


def unauthorized() -> ApiError:
    """Return the refusal of a token that is not valid, or no longer."""
    return ApiError(401, "Unauthorized")


def server_error() -> ApiError:
    """Return a 500 as the API itself gives it."""
    return ApiError(500, "Internal Server Error: restart")


def page(status: int = 502) -> Response:
    """Return an error page of what stands in front of the API: HTML and not JSON."""
    title = f"{status} {reason(status)}"
    html = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>{title}</body>\r\n</html>\r\n"
    )
    return Response(status, html.encode(), "text/html")
