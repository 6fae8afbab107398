"""Keeping secrets out of whatever is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from cobot.config.values import Secret


class Redactor:
    """Puts `***` in place of every secret, in each form that text can bring it in."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        """Redact these secrets; what is added to the list later, too."""
        self._secrets = secrets
        self._known = 0
        self._pattern: re.Pattern[str] | None = None

    def __call__(self, text: str) -> str:
        """Return a text without secrets."""
        if len(self._secrets) != self._known:
            self._known = len(self._secrets)
            forms = {form for one in self._secrets for form in _forms(one.reveal())}
            # The longest first: one secret may be the beginning of another.
            longest_first = sorted(forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return text if self._pattern is None else self._pattern.sub("***", text)


def _forms(secret: str) -> set[str]:
    # As it is, as Python shows it, as JSON writes it, as a web address has it.
    from urllib.parse import quote, quote_plus

    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
    }
