"""Slash commands as the settings have them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

KINDS: Mapping[str, int] = {"string": 3, "integer": 4, "boolean": 5, "number": 10}
"""What can be said with a command, and what Discord calls it."""


def _is_command_name(_settings: object, _field: object, value: str) -> None:
    if not re.fullmatch(r"[-_\w]{1,32}", value) or value != value.lower():
        raise ValueError(f"expected 1 to 32 small letters, digits, - or _, got {value!r}")


def _is_description(_settings: object, _field: object, value: str) -> None:
    if not 1 <= len(value) <= 100:
        raise ValueError(f"expected 1 to 100 characters, got {len(value)}")


def _is_kind(_settings: object, _field: object, value: str) -> None:
    if value not in KINDS:
        raise ValueError(f"expected one of {', '.join(KINDS)}, got {value!r}")


@attrs.frozen(kw_only=True)
class DiscordOption:
    """What can be said with a slash command."""

    name: str = attrs.field(validator=_is_command_name)
    """Its name."""
    description: str = attrs.field(validator=_is_description)
    """What people are told of it."""
    type: str = attrs.field(default="string", validator=_is_kind)
    """`string`, `integer`, `number` or `boolean`."""
    required: bool = False
    """Whether it has to be said."""


@attrs.frozen(kw_only=True)
class DiscordCommand:
    """A slash command that people are offered."""

    name: str = attrs.field(validator=_is_command_name)
    """Its name, without the slash."""
    description: str = attrs.field(validator=_is_description)
    """What people are told of it."""
    options: tuple[DiscordOption, ...] = ()
    """What can be said with it."""


def offered(command: DiscordCommand) -> dict[str, Any]:
    """Return a command as the API takes it."""
    options = [
        {
            "name": option.name,
            "description": option.description,
            "type": KINDS[option.type],
            "required": option.required,
        }
        for option in command.options
    ]
    told = {"name": command.name, "description": command.description, "type": 1}
    return {**told, "options": options}
