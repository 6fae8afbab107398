"""Validators for settings: what a person wrote is wrong in words that help."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cobot.config.values import Secret

Validator = Callable[[Any, Any, Any], None]
"""As attrs calls it: with the settings, the field and its value."""


def matching(pattern: str, expected: str, *, is_shown: bool = False) -> Validator:
    """Return a validator for text of a form; None is as good.

    Args:
        pattern: A regular expression for the whole of it.
        expected: What it says of anything else, behind "expected".
        is_shown: Whether it says what was there instead. Never of a `Secret`.
    """
    form = re.compile(pattern, re.DOTALL)

    def validate(_settings: object, _field: object, value: str | Secret | None) -> None:
        if value is None:
            return
        text = value.reveal() if isinstance(value, Secret) else value
        if form.fullmatch(text):
            return
        is_told = is_shown and not isinstance(value, Secret)
        raise ValueError(f"expected {expected}{f', got {text!r}' if is_told else ''}")

    return validate


def address(example: str) -> Validator:
    """Return a validator for where something is, by http or https; or by ws and wss.

    Args:
        example: What it shows of a good one; what was there is not shown, as there is often a
            secret in it.
    """
    scheme = "wss?" if example.startswith("ws") else "https?"
    return matching(rf"{scheme}://[^/].*", f"an address such as {example}")


def between(least: int, most: int, what: str = "a number") -> Validator:
    """Return a validator for a number.

    Args:
        least: The least that is good.
        most: The most that is good.
        what: What it is, as "a port".
    """
    expected = f"{what} from {least} to {most}"

    def validate(_settings: object, _field: object, value: int) -> None:
        if not least <= value <= most:
            raise ValueError(f"expected {expected}, got {value}")

    return validate
