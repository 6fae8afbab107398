"""Discord's refusals, in its own words."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

from networks.web import Response, reason

Scope: TypeAlias = Literal["user", "global", "shared"]

UNKNOWN = {
    "Channel": 10003,
    "Guild": 10004,
    "Message": 10008,
    "User": 10013,
    "Emoji": 10014,
    "Member": 10007,
    "Interaction": 10062,
    "application command": 10063,
}
"""The codes of what is not there, by its name in the error."""

VIA = {"Via": "1.1 google"}
"""What comes from the API says so; pages of what stands before it do not."""


class ApiError(Exception):
    """A request that the network refuses.

    Args:
        status: Of HTTP.
        code: Discord's own.
        message: As it is answered.
        errors: Of an invalid form: what is wrong, nested as the form is.
        headers: More headers of the answer.
        fields: More fields of the body.
    """

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        errors: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        self.headers = headers or {}
        self.fields = fields or {}

    @property
    def is_shared(self) -> bool:
        """Whether it is a limit that others used up: no fault of the bot."""
        return self.headers.get("X-RateLimit-Scope") == "shared"

    def response(self) -> Response:
        """Return the answer."""
        body: dict[str, Any] = {"message": self.message, "code": self.code, **self.fields}
        if self.status == 429 and not self.code:
            del body["code"]
        if self.errors:
            body["errors"] = self.errors
        return Response(self.status, json.dumps(body).encode(), headers={**VIA, **self.headers})


@attrs.define
class Problems:
    """What is wrong with a form: all of it is told at once."""

    found: dict[str, Any] = attrs.field(factory=dict)

    def add(self, path: str, code: str, message: str) -> None:
        """Take note of a problem.

        Args:
            path: Where, its steps joined by dots: `embeds.0.title`; empty: the form as such.
            code: Discord's name of the problem.
            message: Its words.
        """
        place = self.found
        for step in path.split(".") if path else ():
            place = place.setdefault(step, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def check(self) -> None:
        """Refuse the form if anything is wrong with it.

        Raises:
            ApiError: Something is.
        """
        if self.found:
            raise ApiError(400, 50035, "Invalid Form Body", errors=self.found)


def invalid(path: str, code: str, message: str) -> ApiError:
    """Return the refusal of a form with one problem."""
    problems = Problems()
    problems.add(path, code, message)
    return ApiError(400, 50035, "Invalid Form Body", errors=problems.found)


def unknown(what: str) -> ApiError:
    """Return the refusal of something that is not there: one of `UNKNOWN`."""
    return ApiError(404, UNKNOWN[what], f"Unknown {what}")


def unknown_emoji() -> ApiError:
    """Return the refusal of what is no emoji."""
    return ApiError(400, UNKNOWN["Emoji"], "Unknown Emoji")


def unauthorized() -> ApiError:
    """Return the refusal of a token that is not valid, or no longer."""
    return ApiError(401, 0, "401: Unauthorized")


def missing_access() -> ApiError:
    """Return the refusal of what the bot cannot see."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """Return the refusal of what the bot may not do."""
    return ApiError(403, 50013, "Missing Permissions")


def empty_message() -> ApiError:
    """Return the refusal of a message without anything in it."""
    return ApiError(400, 50006, "Cannot send an empty message")


def too_large() -> ApiError:
    """Return the refusal of files that are too large."""
    return ApiError(413, 40005, "Request entity too large")


def too_many_requests(
    retry_after: float = 1.0,
    *,
    scope: Scope = "user",
    code: int = 0,
    headers: Mapping[str, str] | None = None,
) -> ApiError:
    """Return a 429.

    Args:
        retry_after: Seconds of patience that it asks for.
        scope: Whose limit it is.
        code: That of a limit with a name of its own; 0: it has none.
        headers: More headers.
    """
    told = {
        "Retry-After": str(math.ceil(retry_after)),
        "X-RateLimit-Scope": scope,
        **({"X-RateLimit-Global": "true"} if scope == "global" else {}),
        **(headers or {}),
    }
    return ApiError(
        429,
        code,
        "You are being rate limited.",
        headers=told,
        fields={"retry_after": round(retry_after, 3), "global": scope == "global"},
    )


def old_edits() -> ApiError:
    """Return the refusal of one more edit of a message that is older than an hour."""
    text = "Maximum number of edits to messages older than 1 hour reached. Try again later."
    return ApiError(429, 30046, text)


def server_error(status: int = 500) -> ApiError:
    """Return a failure as the API itself tells it."""
    return ApiError(status, 0, f"{status}: {reason(status)}")


def page(status: int = 502, **headers: str) -> Response:
    """Return an error page of what stands before the API: HTML and not JSON.

    Args:
        status: Of HTTP.
        headers: More headers, with underscores for hyphens.
    """
    title = f"{status} {reason(status)}"
    html = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>"
    )
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, html.encode(), "text/html; charset=UTF-8", told)
