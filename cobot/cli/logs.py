"""The log of a running bot: lines on standard error, free of secrets."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from cobot.config import Secret


class _Redacting(logging.Formatter):
    """Writes a record, and `***` for every secret, wherever it came in: also tracebacks."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        # The longest first: one secret may be the beginning of another.
        self._secrets = sorted((one.reveal() for one in secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = self.compose(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def compose(self, record: logging.LogRecord) -> str:
        return super().format(record)


class _Json(_Redacting):
    """One JSON object a line: time, level, logger, message, and exception if there is one."""

    def compose(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class _StandardError(logging.Handler):
    # Not a StreamHandler: that would keep the stream of this moment, and a prompt puts its
    # own in place so that lines go above what is being typed.
    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 -- logging must not break what is logged
            self.handleError(record)


def set_up_logging(level: str, format_: str, secrets: Iterable[Secret]) -> None:
    """Log to standard error: cobot from the level on, everybody else warnings."""
    handler = _StandardError()
    handler.setFormatter((_Json if format_ == "json" else _Redacting)(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("cobot").setLevel(level.upper())
    # An embedding program's choice, a URL with a token at INFO, is never ours.
    logging.captureWarnings(capture=True)
