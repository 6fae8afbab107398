from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pigeons import Loft


@pytest.fixture
def loft(tmp_path: Path) -> Iterator[Loft]:
    """A folder with a bot on a channel from elsewhere; nothing runs yet."""
    loft = Loft(tmp_path)
    yield loft
    loft.close()
