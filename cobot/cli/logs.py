"""The log of a running bot: lines on standard error, free of secrets."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from cobot.config.redaction import Redactor


class _Text(logging.Formatter):
    """One line of text for a record, and its traceback."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


class _Json(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and exception if there is one."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        # Each value by itself: in the finished line a secret could be part of the form.
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": self._redact(record.name),
            "message": self._redact(record.getMessage()),
        }
        if record.exc_info:
            entry["exception"] = self._redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


class _StandardError(logging.Handler):
    # Not a StreamHandler: that would keep the stream of this moment, and a prompt puts its
    # own in place so that lines go above what is being typed.
    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 -- logging must not break what is logged
            # Not handleError: it prints the arguments, and one may be a secret.
            record.msg = "a log call at %s:%d cannot be formatted: %s"
            record.args = (record.pathname, record.lineno, type(error).__name__)
            record.exc_info = None
            line = self.format(record)
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):
            pass  # there is no standard error, or nobody reads it any more


def set_up_logging(level: str, format_: str, redact: Redactor) -> None:
    """Log to standard error: cobot from the level on, everybody else warnings."""
    handler = _StandardError()
    handler.setFormatter((_Json if format_ == "json" else _Text)(redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("cobot").setLevel(level.upper())
    logging.captureWarnings(capture=True)
