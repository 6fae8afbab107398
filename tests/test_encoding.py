from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobot.encoding import (
    HAS_ORJSON,
    dumps,
    dumps_plainly,
    from_text,
    from_text_plainly,
    loads,
    loads_plainly,
    to_text,
    to_text_plainly,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    """Any JSON value comes back as it was, whoever wrote and whoever read it."""
    for write in (dumps, dumps_plainly):
        assert loads_plainly(write(value)) == value


@given(VALUES)
def test_both_ways_write_what_the_other_reads(value: Any) -> None:
    """It makes no difference to a network whether orjson is installed."""
    assert json.loads(dumps(value)) == json.loads(dumps_plainly(value))


@pytest.mark.parametrize("write", [dumps, dumps_plainly])
@pytest.mark.parametrize(
    "value", [object(), {"when": datetime(2026, 1, 1, tzinfo=UTC)}, {1, 2}, "\ud83d", b"x"]
)
def test_what_json_cannot_say_is_an_error(write: Any, value: object) -> None:
    """The same values are refused with orjson and without."""
    with pytest.raises(ValueError, match=r"."):
        write(value)


@pytest.mark.parametrize("read", [loads, loads_plainly])
@pytest.mark.parametrize("body", [b"", b"{", b"nothing", b"[" * 200_000, b'"\xff"'])
def test_what_is_no_json_is_an_error(read: Any, body: bytes) -> None:
    """Nonsense is one kind of error, however deep it is nested."""
    with pytest.raises(ValueError, match=r"."):
        read(body)


@pytest.mark.parametrize("read", [loads, loads_plainly])
def test_half_a_letter_holds_nothing_up(read: Any) -> None:
    """Half of a surrogate pair in one message is no reason to refuse all that came with it."""
    assert read(rb'["\ud83d", "whole \ud83d\ude00"]') == ["\ud83d", "whole 😀"]


def test_without_orjson_all_is_the_same() -> None:
    """Nothing needs orjson: it is an extra."""
    code = (
        "import sys; sys.modules['orjson'] = None\n"
        "from cobot import encoding\n"
        "assert not encoding.HAS_ORJSON\n"
        "assert encoding.loads(encoding.dumps({'a': [1, 'é']})) == {'a': [1, 'é']}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_orjson_is_used_where_it_is() -> None:
    """Whoever installs `cobot-core[speed]` gets what he paid for."""
    assert HAS_ORJSON
    assert dumps(2**53) == b"9007199254740992"
    assert dumps({2**70: 2**70}) == b'{"1180591620717411303424":1180591620717411303424}'


# Text that is kept.


@given(VALUES)
def test_kept_text_is_read_as_it_was_with_orjson_or_without(value: Any) -> None:
    """A journal of one machine is read on any other, its numbers to the last digit."""
    for write in (to_text, to_text_plainly):
        for read in (from_text, from_text_plainly):
            assert read(write(value)) == value


@pytest.mark.parametrize("write", [to_text, to_text_plainly])
@pytest.mark.parametrize(
    "text", ["half a letter \ud83d", "\ud83d at the front", "whole \U0001f600"]
)
def test_kept_text_can_be_kept(write: Any, text: str) -> None:
    """Half of a surrogate pair becomes an escape, which any file takes."""
    kept = write({"text": text, text: 1})

    kept.encode()
    assert from_text(kept) == from_text_plainly(kept) == {"text": text, text: 1}


@pytest.mark.parametrize("write", [to_text, to_text_plainly])
def test_any_mapping_is_kept_as_an_object(write: Any) -> None:
    """Who hands in a read-only mapping gets a mapping back."""
    assert write({"a": MappingProxyType({"b": (1, 2)})}) == '{"a":{"b":[1,2]}}'


@pytest.mark.parametrize("write", [to_text, to_text_plainly])
def test_what_is_no_json_is_not_kept(write: Any) -> None:
    """An object that no text stands for is named by its type."""
    with pytest.raises(TypeError, match="object is not JSON"):
        write([object()])
