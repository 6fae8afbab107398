"""A call of a method, as it came and as the methods read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from networks.forms import Upload
from networks.telegram.errors import bad_request


@attrs.define(eq=False, kw_only=True)
class Call:
    """A call of the API, and what became of it."""

    at: float
    """When it came, in seconds of the monotonic clock."""
    method: str
    """As the documentation spells it."""
    params: dict[str, Any]
    """As they came: text, or what JSON holds when the body was JSON."""
    files: dict[str, Upload] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Names in lower case."""
    http_method: str = "POST"
    status: int | None = None
    """Of its answer; None: none was given yet, or the network withheld it."""
    result: Any = None
    """What it was answered with; None also when it failed."""

    def text(self, name: str) -> str:
        """Return a parameter as text; empty: it was not given."""
        value = self.params.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        return json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        """Return a parameter as a number; what is none counts as not given."""
        try:
            return int(self.params.get(name, default))
        except (TypeError, ValueError):
            return default

    def flag(self, name: str) -> bool:
        """Return a parameter as a truth; anything but yes is no."""
        return self.text(name).lower() in ("true", "1", "yes")

    def structure(self, name: str) -> Any:
        """Return a parameter that is JSON in whatever form it came; None: not given.

        Raises:
            ValueError: It is not JSON.
        """
        value = self.params.get(name)
        if not isinstance(value, str):
            return value
        return json.loads(value) if value else None

    def parsed(self, name: str, kind: type, what: str) -> Any:
        """Return a parameter that is JSON of one type; None: not given.

        Raises:
            ApiError: It is not; `what` is how the error calls it.
        """
        try:
            value = self.structure(name)
        except ValueError:
            raise bad_request(f"can't parse {what} JSON object") from None
        if value is not None and not isinstance(value, kind):
            wanted = "an Array" if kind is list else "Object"
            raise bad_request(f"{wanted} expected as {what}")
        return value

    def chat_id(self) -> int | None:
        """Return the chat it is about, if it says so by number."""
        return self.integer("chat_id") or None
