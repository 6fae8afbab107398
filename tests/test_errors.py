from __future__ import annotations

import inspect
import re

import pytest

from cobot import errors
from cobot.errors import (
    AuthFailed,
    ChannelError,
    ChatGone,
    CobotError,
    ConfigError,
    DeliveryUnknown,
    Forbidden,
    HookFailed,
    MessageNotFound,
    PluginError,
    Problem,
    RateLimited,
    Rejected,
    Remedy,
    TokenInUse,
    UnknownChannel,
    Unreachable,
    Unsupported,
    incomplete,
)

REMEDIES = {
    AuthFailed: Remedy.PARK,
    TokenInUse: Remedy.BACK_OFF,
    RateLimited: Remedy.WAIT,
    ChatGone: Remedy.DEAD_LETTER,
    Forbidden: Remedy.DEAD_LETTER,
    MessageNotFound: Remedy.DEAD_LETTER,
    Rejected: Remedy.DEAD_LETTER,
    Unreachable: Remedy.RETRY,
    DeliveryUnknown: Remedy.SETTLE,
    Unsupported: Remedy.DEGRADE,
}


def drawn() -> dict[str, str]:
    """Return the classes in the tree at the top of the module, each with its parent."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)(?: {2}|$)", line):
            depth, name = len(match[1]), match[2]
            while above and above[-1][0] >= depth:
                above.pop()
            parents[name] = above[-1][1] if above else "Exception"
            above.append((depth, name))
    return parents


def test_tree_in_the_docstring_is_the_tree_there_is() -> None:
    """Whoever reads the drawing knows every class of errors and its parent."""
    there_are = {
        name: cls.__bases__[0].__name__
        for name, cls in vars(errors).items()
        if inspect.isclass(cls)
        and issubclass(cls, Exception)
        and cls.__module__ == errors.__name__
    }

    assert drawn() == there_are


@pytest.mark.parametrize(("cls", "remedy"), REMEDIES.items())
def test_each_refusal_of_a_network_carries_its_remedy(
    cls: type[ChannelError], remedy: Remedy
) -> None:
    """The class alone tells the session what to do."""
    assert issubclass(cls, ChannelError)
    assert cls("pigeon", "send", "no").remedy is remedy


def test_every_channel_error_has_a_remedy_of_its_own() -> None:
    """No class of refusals is left to what its parent does."""
    ours = {one for one in ChannelError.__subclasses__() if one.__module__ == "cobot.errors"}

    assert ours == set(REMEDIES)
    assert all("remedy" in vars(cls) for cls in REMEDIES)
    assert ChannelError.remedy is Remedy.SETTLE


@pytest.mark.parametrize("cls", [ChannelError, *REMEDIES])
def test_own_fields_of_a_channel_error_are_by_name(cls: type[ChannelError]) -> None:
    """Wait, scope and field are attributes, never prose, and never passed by position."""
    error = cls("pigeon", "send", "no", retry_after_s=1.5, scope="channel", field="text")

    assert (error.channel_type, error.operation, error.detail) == ("pigeon", "send", "no")
    assert (error.retry_after_s, error.scope, error.field) == (1.5, "channel", "text")
    with pytest.raises(TypeError, match="positional"):
        cls("pigeon", "send", "no", 1.5)  # type: ignore[call-arg]


def test_own_fields_of_a_channel_error_may_be_left_out() -> None:
    """What the network did not tell is None."""
    error = RateLimited("pigeon", "send", "slow down")

    assert (error.retry_after_s, error.scope, error.field) == (None, None, None)


@pytest.mark.parametrize(
    ("error", "text", "parent"),
    [
        (
            AuthFailed("pigeon", "receive", "bad token"),
            "pigeon: receive: bad token",
            CobotError,
        ),
        (ChannelError("p", "send", "50 % of {x}"), "p: send: 50 % of {x}", CobotError),
        (PluginError("it is broken"), "it is broken", CobotError),
        (
            HookFailed("filter", "session_incoming", "ValueError: x"),
            "plugin 'filter' failed in session_incoming: ValueError: x",
            PluginError,
        ),
        (
            UnknownChannel("pigoen", ["pigeon", "console"]),
            "no channel is called 'pigoen'; loaded: pigeon, console",
            LookupError,
        ),
        (UnknownChannel("x", []), "no channel is called 'x'; loaded: none", CobotError),
        (ConfigError(Problem("", "is wrong")), "is wrong", ValueError),
        (ConfigError(Problem("", "is wrong")), "is wrong", CobotError),
    ],
)
def test_errors_read_as_one_sentence(
    error: Exception, text: str, parent: type[Exception]
) -> None:
    """What was asked and what is true instead, in one line; caught by its parent, too."""
    assert str(error) == text
    assert isinstance(error, parent)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.b", "is missing", "cobot.yml", 7), "cobot.yml:7: a.b: is missing"),
        (Problem("", "is empty", "cobot.yml", 1), "cobot.yml:1: is empty"),
        (Problem("", "does not exist", "cobot.yml"), "cobot.yml: does not exist"),
        (Problem("-p x", "is not installed"), "-p x: is not installed"),
        (Problem("", "is wrong"), "is wrong"),
    ],
)
def test_problem_says_file_line_path_and_fault(problem: Problem, text: str) -> None:
    """A problem is one line that an editor can jump to; what is not known is left out."""
    assert str(problem) == text


def test_config_error_prints_one_line_for_each_problem() -> None:
    """All that is wrong is said at once, in the order found."""
    first = Problem("a", "is missing", "cobot.yml", 2)
    second = Problem("b", "is unknown", "cobot.yml", 5)

    error = ConfigError(first, second)

    assert error.problems == (first, second)
    assert str(error).splitlines() == [
        "cobot.yml:2: a: is missing",
        "cobot.yml:5: b: is unknown",
    ]


@pytest.mark.parametrize(
    ("scope", "seconds", "is_wide"),
    [
        ("address", 3600, False),
        ("channel", 1, True),
        (None, 60, False),
        (None, 61, True),
        (None, None, False),
    ],
)
def test_a_wait_is_for_one_chat_unless_it_is_long(
    scope: str | None, seconds: float | None, is_wide: bool
) -> None:
    """What the network says counts; where it says nothing, what one chat takes is less."""
    limited = RateLimited("pigeon", "send", "slow", retry_after_s=seconds, scope=scope)

    assert limited.is_wide == is_wide


def test_what_cannot_be_done_is_a_part_or_all() -> None:
    """A reply that cannot be one is quoted, an edit that cannot be one is sent anew."""
    assert Unsupported("pigeon", "edit", "no").part == "edit"
    assert Unsupported("pigeon", "reply", "no").part == "reply"
    assert Unsupported("pigeon", "send", "no", field="reply").part == "reply"


def test_what_is_refused_half_way_is_given_up_and_says_how_far_it_came() -> None:
    """To send it all again would double what has arrived, and so would a link in its place."""
    gone = incomplete(ChatGone("pigeon", "media", "no loft"), 1, 3)
    refused = incomplete(Unsupported("pigeon", "media", "too large"), 1, 3)
    markup = incomplete(Rejected("pigeon", "send", "odd", field="markup"), 1, 3)

    assert (type(gone), type(refused)) == (ChatGone, Rejected)
    assert str(gone) == "pigeon: media: 1 of 3 messages arrived; no loft"
    assert markup.field is None  # or it would all be sent once more, as plain text


def test_what_fails_half_way_may_have_arrived() -> None:
    """It is tried again when the network says, and marked."""
    error = incomplete(RateLimited("pigeon", "media", "slow", retry_after_s=7), 2, 3)

    assert (type(error), error.retry_after_s) == (DeliveryUnknown, 7)
