from __future__ import annotations

import logging
from random import Random
from typing import Any

import pytest
from fakes import ManualClock, incoming

from cobot import IncomingMessage
from cobot.config import AccessSettings, FloodSettings, Id
from cobot.messages import Json
from cobot.session.access import (
    BOT_MESSAGES_MOST,
    BOT_WINDOW_S,
    NOT_ADDRESSED,
    REMEMBERED_MOST,
    Decision,
    Gate,
)

ACCEPTED = Decision("accepted")
SECTION = "in the section 'pigeon'"
BY_CODE = (
    "(to let somebody in: they write to the bot, you run `cobot pair CODE` with the code it"
    " answers)"
)
LISTED = "those in its section or in access.allow"


class Notes:
    """A journal in which one person is paired on `pigeon`."""

    async def get(self, key: str) -> Json:
        """Return who is paired."""
        return {"paired": "2026-01-01"} if key == "access.paired/pigeon" else None

    async def put(self, values: Any) -> None:
        """Refuse: to decide is not to store."""
        raise AssertionError(values)


async def opened(
    *, clock: ManualClock | None = None, keeps_all: bool = False, **keys: Any
) -> Gate:
    """Return an open gate with these keys of `access`."""
    clock = clock or ManualClock()
    settings = AccessSettings(**keys)
    gate = Gate("pigeon", settings, Notes(), clock, Random(1), keeps_all=keeps_all)
    await gate.open()
    return gate


def asked(content: str = "hello", **fields: Any) -> IncomingMessage:
    """Return a message with a key of its own, from a group if nothing else is said."""
    ids = [fields.get(name, "") for name in ("channel_id", "thread_id", "sender_id")]
    return incoming(content, **{"key": f"{ids} {content}", "channel_type": "pigeon", **fields})


def direct(sender_id: str, content: str = "hello", **fields: Any) -> IncomingMessage:
    """Return a message from a direct chat."""
    chat = f"chat of {sender_id}"
    return asked(
        content, **{"sender_id": sender_id, "channel_id": chat, "direct": True, **fields}
    )


def flood(messages: int, seconds: float) -> FloodSettings:
    """Return a limit."""
    return FloodSettings(messages=messages, seconds=seconds)


# Who may talk in a direct chat.


@pytest.mark.parametrize(
    ("keys", "let_in"),
    [
        ({}, ["paired", "listed", "in a listed chat"]),
        ({"direct": "pairing"}, ["paired", "listed", "in a listed chat"]),
        ({"direct": "allow"}, ["listed", "in a listed chat"]),
        ({"direct": "open"}, ["paired", "listed", "in a listed chat", "stranger"]),
        ({"direct": "closed"}, []),
    ],
    ids=str,
)
async def test_who_may_talk_directly(keys: dict[str, Any], let_in: list[str]) -> None:
    """In direct chats the key `direct` says who gets through, and groups' keys nothing."""
    allow = (Id("listed"), Id("chat of in a listed chat"))
    gate = await opened(allow=allow, groups="closed", **keys)
    people = ("paired", "listed", "in a listed chat", "stranger")

    assert [one for one in people if gate.decide(direct(one)) == ACCEPTED] == let_in


@pytest.mark.parametrize(
    ("keys", "reason", "way"),
    [
        (
            {"direct": "closed"},
            "direct chats are closed; to open them, ",
            f"write access: {{direct: pairing}} {SECTION}",
        ),
        (
            {"direct": "allow"},
            '"stranger" is not in access.allow; to allow it, ',
            f'write access: {{allow: ["stranger"]}} {SECTION}',
        ),
        (
            {"direct": "allow", "allow": (Id("listed"),)},
            '"stranger" is not in access.allow; to allow it, ',
            'add "stranger" to access.allow',
        ),
    ],
    ids=str,
)
async def test_a_refusal_says_how_to_let_somebody_in(
    keys: dict[str, Any], reason: str, way: str
) -> None:
    """Who is not let in gets no answer; the owner reads why, and what to write."""
    gate = await opened(**keys)

    assert gate.decide(direct("stranger")) == Decision("refused", reason + way)


async def test_names_let_nobody_in() -> None:
    """A name that equals a listed id, or a paired person's, is only a name."""
    gate = await opened(direct="allow", allow=(Id("listed"),))

    assert gate.decide(direct("stranger", sender_name="listed")).verdict == "refused"


async def test_a_list_in_the_channels_settings_opens_no_direct_chat() -> None:
    """`listed` is about groups: a direct chat is let in by `direct` alone."""
    gate = await opened(direct="allow")

    assert gate.decide(direct("stranger", listed=True)).verdict == "refused"


# Who may talk in a group.


@pytest.mark.parametrize(
    ("keys", "let_in"),
    [
        ({}, ["listed by the channel", "allowed"]),
        ({"groups": "listed"}, ["listed by the channel", "allowed"]),
        ({"groups": "open"}, ["listed by the channel", "allowed", "not listed", "unknown"]),
        ({"groups": "closed"}, []),
    ],
    ids=str,
)
async def test_which_groups_are_let_in(keys: dict[str, Any], let_in: list[str]) -> None:
    """In groups the key `groups` says which get through, and `direct` nothing."""
    gate = await opened(direct="closed", allow=(Id("allowed"),), **keys)
    groups = {"listed by the channel": True, "allowed": None, "not listed": False}
    through = [
        group
        for group, listed in {**groups, "unknown": None}.items()
        if gate.decide(asked(channel_id=group, listed=listed, mentioned=True)) == ACCEPTED
    ]

    assert through == let_in


@pytest.mark.parametrize("sender_id", ["paired", "listed"])
async def test_a_person_opens_no_group(sender_id: str) -> None:
    """Who may talk directly brings no group that is not listed with them."""
    gate = await opened(allow=(Id("listed"),))
    decision = gate.decide(asked(sender_id=sender_id, channel_id="group", mentioned=True))

    assert decision == Decision(
        "refused", 'the chat "group" is not listed; to allow it, add "group" to access.allow'
    )


async def test_in_a_listed_group_strangers_may_talk() -> None:
    """A listed group stands for the people in it; none of them is given a code."""
    gate = await opened()

    assert gate.decide(asked(sender_id="stranger", listed=True, mentioned=True)) == ACCEPTED


async def test_a_closed_group_says_what_would_open_it() -> None:
    """The reason names the key."""
    gate = await opened(groups="closed")
    reason = gate.decide(asked(listed=True, mentioned=True)).reason

    assert reason == (
        f"groups are closed; to open those listed, write access: {{groups: listed}} {SECTION}"
    )


# What is addressed to the bot.


@pytest.mark.parametrize(
    ("mention", "keeps_all", "decision"),
    [
        (True, False, Decision("refused", NOT_ADDRESSED)),
        (True, True, Decision("history", NOT_ADDRESSED)),
        (False, False, ACCEPTED),
        (False, True, ACCEPTED),
    ],
)
async def test_what_people_say_to_each_other(
    mention: bool, keeps_all: bool, decision: Decision
) -> None:
    """In a group the bot answers what names it; the rest it may remember, or answer too."""
    gate = await opened(mention=mention, keeps_all=keeps_all)

    assert gate.decide(asked("so what", listed=True)) == decision
    assert gate.decide(asked("bot, so what", listed=True, mentioned=True)) == ACCEPTED


@pytest.mark.parametrize("keys", [{"groups": "listed"}, {"groups": "closed"}])
async def test_what_is_said_where_the_bot_may_not_talk_is_not_remembered(
    keys: dict[str, Any],
) -> None:
    """History is kept of the groups that are let in."""
    gate = await opened(keeps_all=True, **keys)

    assert gate.decide(asked()).verdict == "refused"


async def test_what_is_not_addressed_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """That people talk to each other is normal, and not logged."""
    caplog.set_level(logging.DEBUG, "cobot")
    gate = await opened()
    gate.decide(asked(listed=True))
    gate.decide(asked(listed=True, sender_is_bot=True))

    assert caplog.messages == []


async def test_a_direct_chat_needs_no_mention() -> None:
    """Whoever writes to the bot alone means the bot."""
    gate = await opened(direct="open")

    assert gate.decide(direct("ann", mentioned=False)) == ACCEPTED


async def test_an_album_is_addressed_as_a_whole() -> None:
    """The parts that follow the one whose caption names the bot are meant for it too."""
    gate = await opened(groups="open")
    parts = [asked(str(part), group="album", mentioned=part == 0) for part in range(3)]
    others = asked("3", group="another album")
    somebody_else = asked("4", group="album", sender_id="eve")

    assert [gate.decide(part) for part in parts] == [ACCEPTED] * 3
    assert gate.decide(others).reason == gate.decide(somebody_else).reason == NOT_ADDRESSED


# Bots.


@pytest.mark.parametrize("is_direct", [True, False])
async def test_bots_are_ignored_unless_let_in(is_direct: bool) -> None:
    """A bot is not answered where a person would be, unless `bots: true` is written."""
    message = asked(
        sender_id="robot", sender_is_bot=True, direct=is_direct, mentioned=True, listed=True
    )
    shut, open_ = await opened(direct="open"), await opened(direct="open", bots=True)

    assert shut.decide(message) == Decision(
        "refused",
        f'"robot" is a bot; to let bots in, write access: {{bots: true}} {SECTION}',
    )
    assert open_.decide(message) == ACCEPTED


@pytest.mark.parametrize(("bots", "verdict"), [(False, "refused"), (True, "history")])
async def test_what_ignored_bots_say_is_not_remembered(bots: bool, verdict: str) -> None:
    """With `history: all`, other bots' talk is remembered where bots are let in."""
    gate = await opened(bots=bots, keeps_all=True)

    assert gate.decide(asked(listed=True, sender_is_bot=True)).verdict == verdict


@pytest.mark.parametrize("pause_s", [0.0, 1.0, 30.0])
async def test_a_duel_of_two_bots_ends(pause_s: float) -> None:
    """A bot that answers every answer is soon not answered, however long both think."""
    clock = ManualClock()
    gate = await opened(clock=clock, direct="open", bots=True)
    said = 0
    while gate.decide(direct("robot", str(said), sender_is_bot=True)) == ACCEPTED:
        said += 1
        clock.advance(pause_s)
        assert said <= BOT_MESSAGES_MOST

    assert gate.decide(direct("robot", str(said), sender_is_bot=True)).reason == (
        'the bot "robot" wrote more than 10 messages in 600 s here; two bots could go on for'
        " ever"
    )
    clock.advance(BOT_WINDOW_S)
    assert gate.decide(direct("robot", "later", sender_is_bot=True)) == ACCEPTED


async def test_a_duel_stops_nobody_else() -> None:
    """Other bots, the same bot elsewhere, and people are answered all the same."""
    gate = await opened(groups="open", mention=False, bots=True)
    robot: dict[str, Any] = {"sender_id": "robot", "sender_is_bot": True}
    said = [gate.decide(asked(str(one), **robot)) for one in range(BOT_MESSAGES_MOST + 1)]

    assert said[-1].verdict == "refused"
    assert gate.decide(asked(**{**robot, "sender_id": "another"})) == ACCEPTED
    assert gate.decide(asked(**robot, channel_id="elsewhere")) == ACCEPTED
    assert gate.decide(asked(**robot, thread_id="topic")) == ACCEPTED
    assert gate.decide(asked(sender_id="ann")) == ACCEPTED


# Floods.


async def test_who_writes_too_much_is_refused_what_exceeds_it() -> None:
    """Beyond the limit a person's messages are refused, in all chats together."""
    clock = ManualClock()
    gate = await opened(clock=clock, direct="open", groups="open", flood=flood(2, 60.0))
    first, second = direct("ann", "1"), asked("2", sender_id="ann", mentioned=True)

    assert [gate.decide(first), gate.decide(second)] == [ACCEPTED, ACCEPTED]
    assert gate.decide(direct("ann", "3")) == Decision(
        "refused", '"ann" wrote more than 2 messages in 60 s, the limit of access.flood'
    )
    assert gate.decide(direct("bob")) == ACCEPTED
    clock.advance(60.0)
    assert gate.decide(direct("ann", "4")) == ACCEPTED


async def test_nobody_floods_by_default() -> None:
    """Without the key there is no limit."""
    gate = await opened(direct="open")

    assert all(gate.decide(direct("ann", str(one))) == ACCEPTED for one in range(1000))


async def test_what_is_not_answered_is_no_flood() -> None:
    """What people in a group say to each other leaves them their messages to the bot."""
    gate = await opened(groups="open", flood=flood(1, 60.0))
    for number in range(5):
        gate.decide(asked(str(number)))

    assert gate.decide(asked("bot!", mentioned=True)) == ACCEPTED


async def test_a_message_that_comes_again_counts_once() -> None:
    """What could not be stored and is handed over again is not refused for it."""
    gate = await opened(direct="open", flood=flood(2, 60.0))
    batch = [direct("ann", "1"), direct("ann", "2")]

    for _ in range(5):
        assert [gate.decide(message) for message in batch] == [ACCEPTED] * 2


async def test_an_album_counts_as_one_message() -> None:
    """Who sends ten photos at once has written once."""
    gate = await opened(direct="open", flood=flood(1, 60.0))
    parts = [direct("ann", str(part), group="album") for part in range(10)]

    assert [gate.decide(part) for part in parts] == [ACCEPTED] * 10
    assert gate.decide(direct("ann", "text")).verdict == "refused"


async def test_bots_keep_to_the_limit_too() -> None:
    """A bot that is let in may write no more than a person."""
    gate = await opened(direct="open", bots=True, flood=flood(1, 60.0))
    decisions = [gate.decide(direct("robot", one, sender_is_bot=True)) for one in "12"]

    assert [one.verdict for one in decisions] == ["accepted", "refused"]


# A plugin that decides alone.


async def test_a_policy_takes_the_place_of_all_rules() -> None:
    """Where a plugin decides alone, the gate keeps nobody out."""
    keys: dict[str, Any] = {"direct": "closed", "groups": "closed", "flood": flood(1, 60.0)}
    gate = await opened(policy="bouncer", **keys)

    assert gate.line() == "pigeon: the plugin 'bouncer' decides who may talk"
    assert gate.decide(direct("ann", "1")) == gate.decide(direct("ann", "2")) == ACCEPTED
    assert gate.decide(asked(sender_is_bot=True)) == ACCEPTED


# What the owner reads.


async def test_the_first_refusal_of_a_chat_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The owner learns once of each chat that is kept out, and how to let it in."""
    caplog.set_level(logging.INFO, "cobot")
    gate = await opened()
    for chat in ("-1001", "-1002", "-1001"):
        gate.decide(asked(channel_id=chat, sender_id="7", sender_name="Ann"))

    assert caplog.messages == [
        f"channel 'pigeon': refused a message of \"7\", who goes by 'Ann', in chat \"{chat}\":"
        f' the chat "{chat}" is not listed; to allow it, write access: {{allow: ["{chat}"]}} in'
        " the section 'pigeon'"
        for chat in ("-1001", "-1002")
    ]


async def test_what_is_logged_already_is_forgotten_in_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However many chats there are, the memory of them is bounded."""
    caplog.set_level(logging.INFO, "cobot")
    gate = await opened()
    for number in [*range(REMEMBERED_MOST + 1), REMEMBERED_MOST, 0]:
        gate.decide(asked(channel_id=str(number)))

    assert len(caplog.messages) == REMEMBERED_MOST + 2  # the first one twice


@pytest.mark.parametrize(
    ("keys", "direct_chats", "rest"),
    [
        ({}, f"1 paired {BY_CODE}", f"{LISTED}, when the bot is named"),
        (
            {"direct": "pairing", "allow": (Id("1"), Id("2")), "groups": "closed"},
            f"1 paired, 2 in access.allow {BY_CODE}",
            "none",
        ),
        (
            {"direct": "allow", "groups": "open", "mention": False},
            f'nobody yet (to let somebody in: write access: {{allow: ["THEIR ID"]}} {SECTION})',
            "all, every message",
        ),
        (
            {"direct": "allow", "allow": (Id("1"),), "mention": False},
            '1 in access.allow (to let somebody in: add "THEIR ID" to access.allow)',
            f"{LISTED}, every message",
        ),
        (
            {"direct": "open", "groups": "open", "bots": True, "flood": flood(20, 60.0)},
            "everybody",
            "all, when the bot is named; bots too; at most 20 messages in 60 s of one person",
        ),
        ({"direct": "closed", "groups": "closed"}, "nobody", "none"),
    ],
    ids=str,
)
async def test_the_line_at_start(keys: dict[str, Any], direct_chats: str, rest: str) -> None:
    """One line says who may talk, and how to let the first person in."""
    gate = await opened(**keys)

    assert gate.line() == f"pigeon: direct chats: {direct_chats}; groups: {rest}"


async def test_a_gate_that_nobody_passed_says_so() -> None:
    """At the first start nobody may talk, and the line says what to do."""
    gate = Gate("owl", AccessSettings(), Notes(), ManualClock(), Random(1))
    await gate.open()

    assert gate.line().startswith(
        "owl: direct chats: nobody yet (to let somebody in: they write to the bot"
    )
