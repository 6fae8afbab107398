"""Who may talk: one gate for each channel, asked about every message before it is stored.

A gate decides by what the settings say and by stable ids, never by a name that people give
themselves, and it decides from memory, without waiting for anything.

A message that could not be stored is handed over again by its network, so a gate may be asked
about the same message twice: it gives the same code, and counts once what it counts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from random import Random
from typing import Literal

import attrs

from cobot.clock import Clock
from cobot.config import AccessSettings
from cobot.errors import CobotError, shown
from cobot.journal import Operation
from cobot.journal.keys import operation_key
from cobot.messages import IncomingMessage, Json
from cobot.session.pairing import CODE_VALID, CODES_MOST, Invitation, Pairing, SmallState
from cobot.session.windows import Recent, Window

log = logging.getLogger(__name__)

NOT_ADDRESSED = "not addressed to the bot"
"""The one reason that is no refusal: what people in a group say to each other."""

BOT_MESSAGES_MOST = 10
BOT_WINDOW_S = 600.0
"""How much of one bot is taken in one chat or thread. A bot that answers our answers is silent
once it gets none, so this ends a duel, also one with half a minute of thought on each side. A
bot that only reports seldom has more to say."""

REMEMBERED_MOST = 1000
"""Refusals that were logged, and albums that were addressed; then the oldest are forgotten."""

_TEXT_WITH_CODE = (
    "This bot is private. To be let in, pass this code on to its owner: {code}\n"
    "The owner lets you in with: cobot pair {code}\n"
    "It is valid for one hour. Once you are in, please write again."
)


@attrs.frozen
class Decision:
    """What becomes of a message. All of it is to be stored in one transaction."""

    verdict: Literal["accepted", "history", "refused"]
    """Answered; remembered and not answered; neither."""
    reason: str | None = None
    """Why it is not answered, and what would let it in; `NOT_ADDRESSED` is the normal one."""
    operations: tuple[Operation, ...] = ()
    """What the sender is told."""
    state: Mapping[str, Json] = attrs.field(factory=dict)
    """What the journal keeps. Of several decisions' the latest value of a key holds."""


_ACCEPTED = Decision("accepted")
_REMEMBERED = Decision("history", NOT_ADDRESSED)
_NOT_ADDRESSED = Decision("refused", NOT_ADDRESSED)


class Gate:
    """Decides for one channel who may talk."""

    def __init__(
        self,
        channel: str,
        settings: AccessSettings,
        journal: SmallState,
        clock: Clock,
        random: Random,
        *,
        keeps_all: bool = False,
    ) -> None:
        """Make a gate; it is opened before it is asked.

        Args:
            channel: The channel's name.
            settings: What holds on this channel.
            journal: Where paired people and codes are kept.
            clock: Time.
            random: Makes the codes.
            keeps_all: Whether what is not addressed to the bot is remembered.
        """
        self.channel = channel
        self._settings = settings
        self._allowed = frozenset[str](settings.allow)
        self._keeps_all = keeps_all
        self._pairing = Pairing(channel, journal, clock, random)
        self._is_open = False
        self._bots = Window(BOT_MESSAGES_MOST, BOT_WINDOW_S, clock)
        flood = settings.flood
        self._flood = Window(flood.messages, flood.seconds, clock) if flood else None
        self._albums = Recent(REMEMBERED_MOST)
        self._logged = Recent(REMEMBERED_MOST)

    async def open(self) -> None:
        """Load who is paired and which codes wait.

        Raises:
            JournalError: They cannot be read.
        """
        await self._pairing.open()
        self._is_open = True

    def decide(self, message: IncomingMessage) -> Decision:
        """Say what becomes of a message, whose `key` is set."""
        assert self._is_open, "a gate that is not opened knows nobody"
        assert message.key, "without a key two messages could not be told apart"
        if self._settings.policy is not None:
            return _ACCEPTED
        if message.direct:
            refusal = self._bot(message) or self._direct(message)
        else:
            refusal = self._group(message) or self._unaddressed(message) or self._bot(message)
        return refusal or self._too_much(message) or _ACCEPTED

    def _direct(self, message: IncomingMessage) -> Decision | None:
        direct = self._settings.direct
        if direct == "open":
            return None
        if direct == "closed":
            way = self._written("direct: pairing")
            return self._refused(message, f"direct chats are closed; to open them, {way}")
        person = message.sender_id
        # In a direct chat nobody else can write, so the chat's id will do.
        if person in self._allowed or message.channel_id in self._allowed:
            return None
        if direct == "pairing" and person in self._pairing:
            return None
        # Never a code for a bot: it might answer.
        if direct == "pairing" and not message.sender_is_bot:
            return self._stranger(message)
        reason = f"{_quoted(person)} is not in access.allow"
        return self._refused(message, f"{reason}; to allow it, {self._way_for(person)}")

    def _stranger(self, message: IncomingMessage) -> Decision:
        person = message.sender_id
        invitation = self._pairing.invite(message)
        if invitation is None:
            reason = f"{_quoted(person)} is not paired, and {CODES_MOST} others have codes now"
            return self._refused(message, f"{reason}; to allow it, {self._way_for(person)}")
        until = invitation.made + CODE_VALID
        refusal = self._refused(
            message,
            f"{_quoted(person)} is not paired; to let them in until {until:%Y-%m-%d %H:%M}"
            f" UTC: cobot pair {invitation.code}",
        )
        if invitation.cause != message.key:
            return refusal
        text = _TEXT_WITH_CODE.format(code=invitation.code)
        operation = Operation(
            kind="send",
            address=message.address,
            key=operation_key(message.key, 0),
            message=message.reply(text, format="plain"),
        )
        return attrs.evolve(refusal, operations=(operation,), state=self._pairing.to_json())

    def _group(self, message: IncomingMessage) -> Decision | None:
        groups = self._settings.groups
        chat = message.channel_id
        if groups == "open":
            return None
        if groups == "closed":
            way = self._written("groups: listed")
            return self._refused(message, f"groups are closed; to open those listed, {way}")
        if message.listed or chat in self._allowed:
            return None
        reason = f"the chat {_quoted(chat)} is not listed"
        return self._refused(message, f"{reason}; to allow it, {self._way_for(chat)}")

    def _unaddressed(self, message: IncomingMessage) -> Decision | None:
        if not self._settings.mention or self._is_addressed(message):
            return None
        is_ignored = message.sender_is_bot and not self._settings.bots
        return _REMEMBERED if self._keeps_all and not is_ignored else _NOT_ADDRESSED

    def _is_addressed(self, message: IncomingMessage) -> bool:
        if message.group is None:
            return message.mentioned
        # Of an album only the part with the caption names the bot, and that is the first.
        album = (message.address, message.sender_id, message.group)
        if message.mentioned:
            self._albums.add(album)
        return album in self._albums

    def _bot(self, message: IncomingMessage) -> Decision | None:
        if self._settings.bots or not message.sender_is_bot:
            return None
        reason = f"{_quoted(message.sender_id)} is a bot"
        return self._refused(
            message, f"{reason}; to let bots in, {self._written('bots: true')}"
        )

    def _too_much(self, message: IncomingMessage) -> Decision | None:
        """Refuse what exceeds a limit; what does not is counted."""
        sender = message.sender_id
        # An album is one message to the person who sends it, and one turn.
        what = message.key if message.group is None else (message.address, message.group)
        if message.sender_is_bot and not self._bots.admits((message.address, sender), what):
            much = _much(self._bots)
            reason = f"the bot {_quoted(sender)} wrote more than {much} here"
            return self._refused(message, f"{reason}; two bots could go on for ever")
        if self._flood is not None and not self._flood.admits(sender, what):
            reason = f"{_quoted(sender)} wrote more than {_much(self._flood)}"
            return self._refused(message, f"{reason}, the limit of access.flood")
        return None

    def _refused(self, message: IncomingMessage, reason: str) -> Decision:
        """Refuse a message; the first one of a chat and reason is logged."""
        if self._logged.add((message.channel_id, reason)):
            log.info(
                "channel %r: refused a message of %s, in chat %s: %s",
                self.channel,
                _who(message.sender_id, message.sender_name),
                _quoted(message.channel_id),
                reason,
            )
        return Decision("refused", reason)

    def _way_for(self, one: str) -> str:
        """Say how to let a person or a chat in by id."""
        if self._allowed:  # a list in the section would take the place of this one
            return f"add {_quoted(one)} to access.allow"
        return self._written(f"allow: [{_quoted(one)}]")

    def _written(self, key: str) -> str:
        return f"write access: {{{key}}} in the section {self.channel!r}"

    def line(self) -> str:
        """Say in one line who may talk, and how to let the first person in."""
        settings = self._settings
        if settings.policy is not None:
            return f"{self.channel}: the plugin {settings.policy!r} decides who may talk"
        groups = {
            "open": "all",
            "closed": "none",
            "listed": "those in its section or in access.allow",
        }[settings.groups]
        if settings.groups != "closed":
            groups += ", when the bot is named" if settings.mention else ", every message"
        parts = [f"direct chats: {self._line_of_direct()}", f"groups: {groups}"]
        if settings.bots:
            parts.append("bots too")
        if self._flood is not None:
            parts.append(f"at most {_much(self._flood)} of one person")
        return f"{self.channel}: {'; '.join(parts)}"

    def _line_of_direct(self) -> str:
        direct = self._settings.direct
        if direct in ("open", "closed"):
            return "everybody" if direct == "open" else "nobody"
        paired = len(self._pairing) if direct == "pairing" else 0
        counts = ((paired, "paired"), (len(self._allowed), "in access.allow"))
        who = ", ".join(f"{count} {what}" for count, what in counts if count) or "nobody yet"
        if direct == "pairing":
            way = "they write to the bot, you run `cobot pair CODE` with the code it answers"
        else:
            way = self._way_for("THEIR ID")
        return f"{who} (to let somebody in: {way})"

    def find(self, code: str) -> Invitation | None:
        """Return what a code stands for; None if it is unknown or has expired."""
        return self._pairing.find(code)

    async def let_in(self, invitation: Invitation) -> str:
        """Have the person of an invitation talk from now on; say so in one line.

        Raises:
            CobotError: By the settings it would change nothing.
            JournalError: It cannot be stored.
        """
        policy, direct = self._settings.policy, self._settings.direct
        if policy is not None or direct != "pairing":
            holds = f"direct: {direct}" if policy is None else f"policy: {policy}"
            raise CobotError(
                f"pairing lets nobody in on {self.channel!r}, where access says {holds};"
                " it takes direct: pairing"
            )
        await self._pairing.let_in(invitation)
        return f"{self.channel}: {_who(invitation.person, invitation.name)}, may now talk"


async def pair(code: str, gates: Mapping[str, Gate]) -> str:
    """Let in the person who was given a code; say in one line who may now talk, and where.

    Args:
        code: As typed: small letters, spaces and dashes do not matter.
        gates: The gates of all channels, opened.

    Raises:
        CobotError: Nobody has this code, it has expired, or it would change nothing.
        JournalError: It cannot be stored.
    """
    typed = "".join(char for char in code if char.isalnum())
    found = [(gate, one) for gate in gates.values() if (one := gate.find(typed)) is not None]
    if not found:
        raise CobotError(
            f"no code {shown(code)} waits to be used, or it has expired: a code is valid for"
            " one hour, and whoever writes to the bot after that gets a new one"
        )
    if len(found) > 1:  # better nobody than the wrong one
        channels = ", ".join(gate.channel for gate, _ in found)
        raise CobotError(
            f"the code {shown(code)} stands for somebody on each of {channels}; have the right"
            " one write again in an hour, for a new code"
        )
    gate, invitation = found[0]
    return await gate.let_in(invitation)


def _quoted(text: str) -> str:
    """Return an id as it can be written in the configuration, on one line whatever it is."""
    return json.dumps(text)


def _who(person: str, name: str) -> str:
    return f"{_quoted(person)}, who goes by {shown(name)}"


def _much(window: Window) -> str:
    return f"{window.most} messages in {window.seconds:g} s"
