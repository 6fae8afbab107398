"""JSON in and out, in one place: with orjson where it is installed, else with Python's own.

Both ways take and give the same; what orjson refuses is left to Python to judge, which also
takes half of a surrogate pair, so that one odd letter cannot hold up what arrived with it.
"""

from __future__ import annotations

import json
from typing import Any

try:
    import orjson
except ImportError:
    HAS_ORJSON = False
else:
    HAS_ORJSON = True
    # What Python's own refuses: a channel has to work the same without orjson.
    _OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def dumps(value: object) -> bytes:
    """Return a value as JSON.

    Raises:
        ValueError: There is no JSON for it, or it has text that is no Unicode.
    """
    if HAS_ORJSON:
        try:
            return orjson.dumps(value, option=_OPTIONS)
        except orjson.JSONEncodeError:
            pass  # numbers of more than 64 bits, numbers as keys
    return dumps_plainly(value)


def loads(body: bytes) -> Any:
    """Return what JSON says.

    Raises:
        ValueError: It is no JSON.
    """
    if HAS_ORJSON:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    return loads_plainly(body)


def dumps_plainly(value: object) -> bytes:
    """Return a value as JSON, without orjson. Raises as `dumps`."""
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def loads_plainly(body: bytes) -> Any:
    """Return what JSON says, without orjson. Raises as `loads`."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
