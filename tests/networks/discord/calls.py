"""A request of the API, as it came and as the methods read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from networks.discord.errors import ApiError, invalid
from networks.forms import Upload


@attrs.define(eq=False, kw_only=True)
class Call:
    """A request, and what became of it."""

    at: float
    """When it came, in seconds of the monotonic clock."""
    route: str
    """What it does: `create_message`, `edit_message` ...; empty: it is no request known."""
    http_method: str
    path: str
    """Below the version, percent-encoded, as it came."""
    args: dict[str, str] = attrs.field(factory=dict)
    """What the path names: `channel`, `message`, `emoji` ..., decoded."""
    query: dict[str, str] = attrs.field(factory=dict)
    body: Any = None
    """What its JSON holds; None: it has none."""
    files: dict[str, Upload] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Names in lower case."""
    status: int | None = None
    """Of its answer; None: none was given yet, or the network withheld it."""
    result: Any = None
    """What it was answered with; None also when it failed, or there is nothing to say."""

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object; empty: it is none."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def channel_id(self) -> str | None:
        """The channel it is about, if the path names one."""
        return self.args.get("channel")

    def get(self, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """Return a field of the body.

        Args:
            name: Its name.
            kind: What it may be.
            default: What is returned when it is not there, or null.

        Raises:
            ApiError: It is something else.
        """
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise wrong_type(name, kind)
        return value


def wrong_type(path: str, kind: type | tuple[type, ...]) -> ApiError:
    """Return the refusal of a field that is not what it has to be."""
    first = kind[0] if isinstance(kind, tuple) else kind
    words = {
        str: ("STRING_TYPE_CONVERT", "Could not interpret as string."),
        int: ("NUMBER_TYPE_COERCE", "Could not interpret as number."),
        bool: ("BOOLEAN_TYPE_CONVERT", "Must be either true or false."),
        list: ("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType."),
        dict: ("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType."),
    }
    return invalid(path, *words[first])
