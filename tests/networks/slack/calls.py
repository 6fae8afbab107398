"""A call of a method, as it came and as the methods read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from networks.forms import Upload
from networks.slack.errors import ApiError


@attrs.define(eq=False, kw_only=True)
class Call:
    """A call of the API, and what became of it."""

    at: float
    """When it came, in seconds of the monotonic clock."""
    method: str
    """Its name; `upload`, `download` and `respond` are those that have none."""
    params: dict[str, Any]
    """As they came: text, or what JSON holds when the body was JSON."""
    files: dict[str, Upload] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Names in lower case."""
    body: bytes = b""
    path: str = ""
    token: str = ""
    status: int | None = None
    """Of its answer; None: none was given yet, or the network withheld it."""
    error: str | None = None
    """Why it was refused; None: it was not, or not by the API."""
    result: Any = None
    """What it was answered with; None also when it failed."""

    def text(self, name: str) -> str:
        """Return a parameter as text; empty: it was not given."""
        value = self.params.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int) -> int:
        """Return a parameter as a number; what is none counts as not given."""
        try:
            return int(self.params.get(name) or default)
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        """Return a parameter as a truth; anything but yes is no."""
        return self.text(name).lower() in ("true", "1")

    def structure(self, name: str, kind: type, error: str) -> Any:
        """Return a parameter that is JSON of one type; None: not given.

        Raises:
            ApiError: It is not; `error` is the word that says so.
        """
        value = self.params.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value) if value else None
            except ValueError:
                raise ApiError(error, f"[ERROR] failed to parse {name}") from None
        if value is not None and not isinstance(value, kind):
            raise ApiError(error, f"[ERROR] {name} has the wrong type")
        return value
