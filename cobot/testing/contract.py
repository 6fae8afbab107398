"""The contract suite: what every channel does, ours or a stranger's, in one pytest class."""

from __future__ import annotations

from typing import ClassVar

from cobot.errors import (
    AuthFailed,
    ChannelError,
    ChatGone,
    DeliveryUnknown,
    Forbidden,
    MessageNotFound,
    RateLimited,
    Rejected,
    TokenInUse,
    Unreachable,
    Unsupported,
)
from cobot.testing import failing, receiving, sending, stopping
from cobot.testing.bench import Check, drive
from cobot.testing.network import Network

try:
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "cobot.testing needs pytest; install it with: pip install 'cobot-core[testing]'"
    ) from error

ERRORS = (
    AuthFailed,
    TokenInUse,
    ChatGone,
    Forbidden,
    MessageNotFound,
    Rejected,
    Unreachable,
    DeliveryUnknown,
    Unsupported,
)
"""What is told apart; other rules are about the rest."""


class ChannelContract:
    """The rules that a channel keeps; a subclass in a test file names the network.

    Each test has a network and a session of its own, on a real journal. What the network
    cannot do is skipped, with the reason that the adapter gives.
    """

    limit_s: ClassVar[float] = 5.0
    """How long anything may take, in seconds of the machine's time."""

    def make(self) -> Network:
        """Return a network that has not started yet."""
        raise NotImplementedError

    # What comes in.

    def test_message_arrives_with_the_network_s_ids(self) -> None:
        """A message has the ids that its network gave it, and the channel's name."""
        self._check(receiving.as_written, "person_writes")

    def test_times_are_aware(self) -> None:
        """Times have a zone: what is naive is taken for local time, which is a guess."""
        self._check(receiving.times, "person_writes")

    def test_metadata_is_json(self) -> None:
        """Metadata can be stored: text, numbers, lists and mappings."""
        self._check(receiving.metadata, "person_writes")

    def test_any_text_comes_in_unchanged(self) -> None:
        """All of Unicode arrives as people wrote it."""
        self._check(receiving.unicode, "person_writes")

    def test_own_messages_are_left_out(self) -> None:
        """The bot is never asked to answer itself."""
        self._check(receiving.own_messages, "bot_writes")

    def test_message_that_comes_twice_is_answered_once(self) -> None:
        """What a network hands over again has the same id as before."""
        self._check(receiving.once, "redeliver")

    def test_nothing_is_confirmed_before_it_is_stored(self) -> None:
        """The ack rule: what a crash can still lose, the network still has."""
        self._check(receiving.durable, "confirmed")

    def test_edits_of_people_are_handed_over(self) -> None:
        """A new form of a message says which message it is, and what it says now."""
        self._check(receiving.edits, "person_edits")

    def test_deletions_of_people_are_handed_over(self) -> None:
        """A deletion says which message is gone."""
        self._check(receiving.deletions, "person_deletes")

    def test_reactions_of_people_are_handed_over(self) -> None:
        """A reaction says to which message, whose, and which."""
        self._check(receiving.reactions, "person_reacts")

    def test_files_of_people_can_be_read(self) -> None:
        """An agent gets a file byte by byte."""
        self._check(receiving.files, "person_sends")

    # What goes out.

    def test_operations_are_native_or_absent(self) -> None:
        """No hook pretends: what a network cannot do, the channel has no hook for."""
        self._check(sending.honest)

    def test_answer_goes_where_the_question_came_from(self) -> None:
        """A person who writes is answered in the same chat."""
        self._check(sending.answered, "send", "person_writes")

    def test_any_text_goes_out_unchanged(self) -> None:
        """All of Unicode arrives as it was sent."""
        self._check(sending.unicode, "send")

    def test_receipt_names_the_message(self) -> None:
        """A receipt's ids are the network's, good for edits, deletions and reactions."""
        self._check(sending.receipts, "send")

    def test_long_text_arrives_complete(self) -> None:
        """Of a text of several messages' length nothing is lost, and all is in order."""
        self._check(sending.long_text, "send")

    def test_reply_points_at_its_message(self) -> None:
        """An answer to one message names it."""
        self._check(sending.replies, "send", "person_writes", "reply")

    def test_edit_is_seen(self) -> None:
        """An edit changes the message that is there."""
        self._check(sending.edits, "send", "edit")

    def test_deletion_is_seen(self) -> None:
        """A deletion takes the message away."""
        self._check(sending.deletions, "send", "delete")

    def test_reaction_is_seen(self) -> None:
        """A reaction is put on, and taken off again."""
        self._check(sending.reactions, "send", "react")

    def test_media_are_seen(self) -> None:
        """A file arrives whole, with its caption."""
        self._check(sending.media, "send", "media")

    def test_typing_is_seen(self) -> None:
        """Who waits for an answer sees that one is being written."""
        self._check(sending.typing, "send", "typing")

    def test_presence_is_seen(self) -> None:
        """People see whether the bot is there."""
        self._check(sending.presence, "send", "presence")

    # What goes wrong.

    def test_errors_are_told_apart(self) -> None:
        """Each refusal arrives as the class that says what is to be done about it."""
        self._skip_unless_caused(*ERRORS)
        self._check(failing.classes)

    def test_unknown_failure_is_no_success(self) -> None:
        """What a channel does not understand, it raises."""
        self._skip_unless_caused(ChannelError)
        self._check(failing.unknown)

    def test_rate_limit_is_kept(self) -> None:
        """A network that asks for patience gets it, by the clock that is passed in."""
        self._skip_unless_caused(RateLimited, operation="send")
        self._check(failing.rate_limit, "send")

    def test_lost_connection_loses_nothing(self) -> None:
        """After a break all goes on, both ways, and nothing is answered twice."""
        self._check(failing.reconnect, "send", "goes_down")

    def test_secrets_are_kept(self) -> None:
        """No secret of the configuration stands in a log or an error."""
        self._check(failing.secrets, "send")

    def test_stop_leaves_nothing_behind(self) -> None:
        """After a stop there is no task, thread or socket that was not there before."""
        self._check(stopping.nothing_left, "send")

    def _check(self, check: Check, *abilities: str) -> None:
        __tracebackhide__ = True
        network = self.make()
        for ability in abilities:
            reason = network.why_not(ability)
            if reason is not None:
                pytest.skip(f"{ability}: {reason}")
        drive(check, network, self.limit_s)

    def _skip_unless_caused(self, *wanted: type[ChannelError], operation: str = "") -> None:
        named = {
            kind
            for where, kinds in self.make().errors.items()
            for kind in kinds
            if operation in ("", where)
        }
        if named.isdisjoint(wanted):
            names = wanted[0].__name__ if len(wanted) == 1 else "anything that is told apart"
            pytest.skip(f"the adapter's errors do not name {names}")
