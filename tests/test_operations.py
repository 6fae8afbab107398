from __future__ import annotations

from operations import BEGIN, END, README, described, table, written

from cobot.hookspecs import OPERATIONS


def test_the_readme_tells_what_the_channels_declare() -> None:
    """The table is made from the code: `python tests/operations.py` writes it."""
    readme = README.read_text()
    channels = described()

    assert [one["channel"] for one in channels] == [
        "console",
        "telegram",
        "discord",
        "slack",
        "nostr",
    ]
    assert all(list(one["operations"]) == list(OPERATIONS) for one in channels)
    assert readme.count(BEGIN) == readme.count(END) == 1
    assert written(readme, table(channels)) == readme
