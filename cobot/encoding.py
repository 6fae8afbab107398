"""JSON in and out, in one place: with orjson where it is installed, else with Python's own.

Both ways take and give the same JSON; what orjson refuses is left to Python to judge, which
also takes half of a surrogate pair, so that one odd letter cannot hold up what arrived with
it. (Of what is no JSON orjson takes some that Python refuses: NaN, UUIDs.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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


def loads(body: bytes | str) -> Any:
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


def loads_plainly(body: bytes | str) -> Any:
    """Return what JSON says, without orjson. Raises as `loads`."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


# Text that is kept. It may hold what no network takes.


_LONG_NUMBER = re.compile(r"\d{19}")
"""What may be an integer of more than 64 bits, of which orjson makes a float."""


def to_text(value: object) -> str:
    """Return a value as compact JSON text that any file takes.

    Mappings of all kinds are objects, and half of a surrogate pair is an escape. Whether it
    is JSON at all is for the caller to know.
    """
    if HAS_ORJSON:
        try:
            return orjson.dumps(value, _plain, _OPTIONS).decode()
        except orjson.JSONEncodeError:
            pass
    return to_text_plainly(value)


def from_text(text: str) -> Any:
    """Return the value that a text of `to_text` stands for."""
    if HAS_ORJSON and _LONG_NUMBER.search(text) is None:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
    return from_text_plainly(text)


def to_text_plainly(value: object) -> str:
    """Return the same text as `to_text`, without orjson."""
    text = _to_text(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return _to_ascii(value)
    return text


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _encoder(*, ensure_ascii: bool) -> json.JSONEncoder:
    # That nothing contains itself is known: what is kept was walked through when it was made.
    return json.JSONEncoder(
        ensure_ascii=ensure_ascii, check_circular=False, separators=(",", ":"), default=_plain
    )


_to_text = _encoder(ensure_ascii=False).encode
_to_ascii = _encoder(ensure_ascii=True).encode
from_text_plainly = json.JSONDecoder().decode
