from __future__ import annotations

import logging

import pytest
from fakes import incoming

from cobot import Batch
from cobot.kit import Found

LOG = logging.getLogger("pigeon")


def test_what_is_found_is_handed_over_with_how_far_it_goes() -> None:
    """Items and cursors, and nothing else."""
    message = incoming()
    found = Found([message], {"": "7"}, notes=["the loft has moved"])

    assert found.batch() == Batch((message,), {"": "7"})


def test_the_owner_is_told_what_there_is_to_know(caplog: pytest.LogCaptureFixture) -> None:
    """Notes for information; what is passed over as a warning."""
    with caplog.at_level(logging.INFO, "pigeon"):
        Found(notes=["the loft has moved"], unread=["letter 5 (KeyError)"]).tell(LOG)

    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("INFO", "the loft has moved"),
        ("WARNING", "letter 5 (KeyError) cannot be read; it is passed over"),
    ]
