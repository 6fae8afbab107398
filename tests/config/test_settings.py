from __future__ import annotations

from typing import Any

import attrs
import pytest

from cobot.config import (
    AccessKeys,
    AccessSettings,
    ChannelSettings,
    FloodSettings,
    Id,
    RateSettings,
    effective_access,
)
from cobot.config.document import Document
from cobot.config.structure import structure

FLOOD = FloodSettings(messages=5, seconds=60)


def read(**written: Any) -> tuple[ChannelSettings | None, list[str]]:
    """Return what a channel's section becomes, and the problems with it."""
    document = Document("cobot.yml")
    settings = structure(document, ("plugins", "pigeon"), written, ChannelSettings)
    return settings, [str(one) for one in document.problems]


# Who may talk.


def test_access_without_a_word_lets_nobody_in_unasked() -> None:
    """The defaults are safe: strangers need a code, groups must be listed, bots are ignored."""
    assert effective_access(None, None) == AccessSettings(
        direct="pairing",
        allow=(),
        groups="listed",
        mention=True,
        bots=False,
        flood=None,
        policy=None,
    )


@pytest.mark.parametrize(
    ("top", "own", "effective"),
    [
        (AccessKeys(direct="open"), None, AccessSettings(direct="open")),
        (None, AccessKeys(direct="open"), AccessSettings(direct="open")),
        (AccessKeys(direct="open"), AccessKeys(), AccessSettings(direct="open")),
        (
            AccessKeys(direct="open", mention=False, bots=True),
            AccessKeys(direct="pairing", mention=True, bots=False),
            AccessSettings(),
        ),
        (
            AccessKeys(direct="allow", allow=(Id("1"),)),
            AccessKeys(groups="open"),
            AccessSettings(direct="allow", allow=(Id("1"),), groups="open"),
        ),
        (AccessKeys(allow=(Id("1"),)), AccessKeys(allow=()), AccessSettings()),
        (
            AccessKeys(flood=FLOOD),
            AccessKeys(bots=True),
            AccessSettings(flood=FLOOD, bots=True),
        ),
        (AccessKeys(flood=FLOOD), AccessKeys(flood="off"), AccessSettings()),
        (AccessKeys(flood="off"), AccessKeys(flood=FLOOD), AccessSettings(flood=FLOOD)),
        (AccessKeys(policy="a"), AccessKeys(policy="b"), AccessSettings(policy="b")),
    ],
)
def test_a_channels_own_keys_win_one_by_one(
    top: AccessKeys | None, own: AccessKeys | None, effective: AccessSettings
) -> None:
    """What a channel does not say itself holds as the top level says, key by key."""
    assert effective_access(top, own) == effective


def test_what_can_be_written_about_access_is_what_holds() -> None:
    """The keys as written and the settings that hold have the same names."""
    assert set(attrs.fields_dict(AccessKeys)) == set(attrs.fields_dict(AccessSettings))


# A channel's section.


@pytest.mark.parametrize(
    ("written", "settings"),
    [
        ({}, ChannelSettings()),
        ({"scope": "sender", "busy": "queue"}, ChannelSettings(scope="sender")),
        ({"history": "all", "max_age": 5}, ChannelSettings(history="all", max_age=5.0)),
        ({"default": -100}, ChannelSettings(default=Id("-100"))),
        ({"resend": "dead-letter"}, ChannelSettings(resend="dead-letter")),
        ({"rate": "off"}, ChannelSettings(rate="off")),
        ({"rate": {}}, ChannelSettings(rate=RateSettings())),
        ({"rate": {"channel": 30}}, ChannelSettings(rate=RateSettings(channel=30.0))),
        (
            {"access": {"allow": [1, "a"], "flood": "off"}},
            ChannelSettings(access=AccessKeys(allow=(Id("1"), Id("a")), flood="off")),
        ),
        (
            {"access": {"flood": {"messages": 5, "seconds": 60}}},
            ChannelSettings(access=AccessKeys(flood=FLOOD)),
        ),
    ],
)
def test_channels_section_is_read(written: dict[str, Any], settings: ChannelSettings) -> None:
    """Each of the core's keys arrives; a rate that is not written is told from none."""
    assert read(**written) == (settings, [])


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"scope": "person"}, "scope: expected chat or sender, got the text 'person'"),
        ({"busy": "drop"}, "busy: expected queue or merge or interrupt, got the text 'drop'"),
        (
            {"busy": "merge"},
            "busy: 'merge' is not built yet in this version; only 'queue' is",
        ),
        (
            {"busy": "interrupt"},
            "busy: 'interrupt' is not built yet in this version; only 'queue' is",
        ),
        ({"history": True}, "history: expected addressed or all, got true"),
        ({"max_age": 0}, "max_age: expected more than 0, got 0"),
        ({"max_age": "1 day"}, "max_age: expected a number, got the text '1 day'"),
        ({"max_age": None}, "max_age: expected a value, got nothing; remove the key"),
        (
            {"default": ["1"]},
            "default: expected an id (text or a whole number), got a list",
        ),
        ({"rate": 5}, "rate: expected off, or {channel, address}, got the number 5"),
        ({"rate": {"channel": 0}}, "rate.channel: expected more than 0, got 0"),
        ({"rate": {"address": -1}}, "rate.address: expected more than 0, got -1"),
        ({"rate": {"adress": 1}}, "rate.adress: unknown key; did you mean 'address'?"),
        ({"resend": "once"}, "resend: expected resend or dead-letter, got the text 'once'"),
        ({"access": {"flood": "on"}}, "access.flood: expected off, or {messages, seconds}, "),
    ],
)
def test_wrong_value_in_a_channels_section_is_one_problem(
    written: dict[str, Any], problem: str
) -> None:
    """What was wanted and what stands there are said, with the key."""
    settings, problems = read(**written)

    assert settings is None
    assert len(problems) == 1
    assert problems[0].startswith(f"cobot.yml: plugins.pigeon.{problem}")
