"""A person at a fake network: lines typed become what people do there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from networks.faults import Failure, Fault, Trouble
from networks.web import Response

MessageT = TypeVar("MessageT")

Commands: TypeAlias = Mapping[str, tuple[str, Callable[[Any, str], None]]]
"""By word: what follows it, and what it does."""


class Mistake(Exception):
    """A line that cannot be done; its words are for the one who typed it."""


class Room(Protocol[MessageT]):
    """Where a person writes."""

    @property
    def messages(self) -> Sequence[MessageT]:
        """What stands there."""

    def edit(self, message: MessageT, text: str, /) -> object:
        """Give a message another text."""

    def delete(self, message: MessageT, /) -> object:
        """Delete a message."""


class Network(Protocol):
    """What a person breaks."""

    def fail_next(self, names: None, failure: Failure, /) -> Trouble:
        """Let the next call fail."""


class Person(ABC, Generic[MessageT]):
    """Does what lines say.

    Args:
        folder: Where files that the bot sends are saved.
        say: Shows a line.
    """

    opening = "what you type is written to the bot; and"
    """What help says before the commands."""
    closing: str
    """What it says after them."""
    mistakes: tuple[type[Exception], ...] = (Mistake, OSError)
    """What lines that cannot be done raise."""
    _network: Network
    _room: Room[MessageT]

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.is_over = False
        """Whether the person has had enough."""
        self._folder = folder
        self._say = say

    @property
    @abstractmethod
    def commands(self) -> Commands:
        """What can be typed besides texts."""

    @abstractmethod
    def _write(self, text: str) -> None:
        """Write to the bot."""

    @abstractmethod
    def _number(self, message: MessageT) -> str:
        """Return how a message is called: `#1`."""

    @abstractmethod
    def _find(self, number: int) -> MessageT | None:
        """Return the message that is called so; None: there is none."""

    @abstractmethod
    def _is_by_bot(self, message: MessageT) -> bool:
        """Tell whether the bot wrote a message."""

    @abstractmethod
    def _page(self, status: int) -> Response:
        """Return the network's error page."""

    def do(self, line: str) -> None:
        """Do what a line says, or say why it cannot be done."""
        line = line.strip()
        if not line:
            return
        word, _, rest = line.partition(" ")
        try:
            if word in self.commands:
                self.commands[word][1](self, rest.strip())
            else:
                self._other(line)
        except self.mistakes as error:
            self._say(f"cannot do that: {error}")

    def _other(self, line: str) -> None:
        """Do what is no command here: it is a text. Two slashes make any line one."""
        self._write(line.removeprefix("/") if line.startswith("//") else line)

    def _pick(self, rest: str, *, by_bot: bool) -> tuple[MessageT, str]:
        """Return the message that `#N` names, or the last of one side, and what follows."""
        word, _, after = rest.partition(" ")
        if word.startswith("#") and word[1:].isdecimal():
            found = self._find(int(word[1:]))
            if found is None:
                raise Mistake(f"there is no message {word} here")
            return found, after.strip()
        for message in reversed(self._room.messages):
            if self._is_by_bot(message) == by_bot:
                return message, rest
        raise Mistake(
            "the bot has written nothing here" if by_bot else "you wrote nothing here"
        )

    def edit(self, rest: str) -> None:
        """Edit your last message, or #N."""
        message, text = self._pick(rest, by_bot=False)
        self._room.edit(message, text)
        self._say(f"edited {self._number(message)}")

    def delete(self, rest: str) -> None:
        """Delete your last message, or #N."""
        message, _ = self._pick(rest, by_bot=False)
        number = self._number(message)
        self._room.delete(message)
        self._say(f"deleted {number}")

    def fail(self, rest: str) -> None:
        """Let the bot's next request fail with a status such as 502, or `reset`."""
        failure = Fault.RESET if rest == "reset" else self._page(whole(rest or "502"))
        self._network.fail_next(None, failure)
        self._say("the next request fails")

    def help(self, rest: str) -> None:
        """Show this."""
        self._say(self.opening)
        for word, (usage, command) in self.commands.items():
            about = (command.__doc__ or "").strip()
            self._say(f"  {f'{word} {usage}'.strip():24} {about}")
        self._say(f"  {self.closing}")

    def quit(self, rest: str) -> None:
        """Stop the network."""
        self.is_over = True


def needed(word: str, what: str) -> str:
    """Return what was typed.

    Raises:
        Mistake: It was not.
    """
    if not word:
        raise Mistake(f"it needs {what}")
    return word


def path_in(rest: str) -> tuple[Path, str]:
    """Return the path that a line begins with, and what follows it.

    Raises:
        Mistake: There is none.
    """
    name, _, after = rest.partition(" ")
    return Path(needed(name, "the file's path")).expanduser(), after.strip()


def whole(word: str) -> int:
    """Read a number.

    Raises:
        Mistake: It is none.
    """
    if not word.isdecimal():
        raise Mistake(f"{word!r} is no number")
    return int(word)
