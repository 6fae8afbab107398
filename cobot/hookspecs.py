"""Every extension point of cobot: the manual of the contract.

A plugin marks its methods (or a module its functions) with `@hookimpl` and takes of each
hook's arguments those that it needs. Three kinds of hook are told apart:

*Working* hooks may take their time. They may be `async def`, or plain `def`, which then runs
in threads that belong to the plugin; what a plain `def` returns may be awaitable. The two
that say so may be async generators.

*Deciding* and *observing* hooks run on the event loop and must not block. They may be plain
`def` or `async def`.

None always means "not mine" or "as it is", and the next plugin is asked.

Routed hooks are offered to plugins that are no channels first, then to the addressed channel
alone. No channel sees what is addressed to another. For typing, presence, edit, delete and
react, None from the addressed channel is success; an interceptor that takes the operation
over returns True, an id or a Receipt.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from enum import Enum
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

import attrs
import pluggy

from cobot.journal import Entry, Journal
from cobot.limits import Limits
from cobot.messages import (
    Address,
    Batch,
    Event,
    IncomingMessage,
    Item,
    Json,
    Media,
    MessageRef,
    OutgoingMessage,
    Receipt,
)
from cobot.text import Document, Rendered

PROJECT: Final = "cobot"
"""Name of the pluggy project, of the markers and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Drop(Enum):
    """Type of `DROP`."""

    DROP = "drop"


DROP: Final = Drop.DROP
"""What a filter returns to stop a message. That it was dropped, and by whom, is kept."""


@attrs.frozen
class Refuse:
    """What `session_admit` returns to keep a message from being answered."""

    reason: str
    """Why, for the owner of the bot; nobody else sees it."""


T = TypeVar("T")
MaybeAwaitable: TypeAlias = Awaitable[T] | T

Handed: TypeAlias = Batch | Item
Received: TypeAlias = AsyncIterator[Handed] | Awaitable[Sequence[Item]] | Sequence[Item]
Sent: TypeAlias = Receipt | str | int | Sequence[str | int]
Done: TypeAlias = Sent | Literal[True] | None
Status: TypeAlias = Literal["online", "away", "offline"]
Filtered: TypeAlias = T | Literal[Drop.DROP] | None
Reply: TypeAlias = str | OutgoingMessage | Iterable[str | OutgoingMessage]
Replied: TypeAlias = AsyncIterator[str] | Awaitable[Reply | None] | Reply | None


class Handle(Protocol):
    """An operation that will leave when the turn is settled."""

    @property
    def id(self) -> str:
        """Its key: may be kept in `state`, and be edited, deleted or reacted to later."""
        ...


class Conversation(Protocol):
    """What an agent knows of the conversation that a message belongs to, and can do in it.

    `send`, `edit`, `delete`, `react` and `media` are plain calls: they collect what leaves
    when the turn is settled, in order, before the answer that the agent returns. A turn that
    fails sends nothing.
    """

    @property
    def key(self) -> str:
        """The conversation's key, the same for all its messages, for ever."""
        ...

    @property
    def address(self) -> Address:
        """Where the message was written and where a reply goes."""
        ...

    @property
    def state(self) -> MutableMapping[str, Json]:
        """The agent's own notes, small and JSON; stored when the turn is settled."""
        ...

    async def history(self, limit: int = 20) -> Sequence[Entry]:
        """Return the newest messages of the conversation, oldest first.

        The last of what people wrote is the message that is being answered; what waits
        behind it is left out.
        """
        ...

    async def fetch(self, media: Media, *, limit_bytes: int | None = None) -> Path:
        """Get a file that came with the message; return where it is.

        Args:
            media: One of the message's media.
            limit_bytes: How large it may be; None: as the network allows.

        Raises:
            Rejected: It is larger, or it cannot be had.
            ChannelError: The network said no.
        """
        ...

    def send(self, content: str | OutgoingMessage) -> Handle:
        """Send text to where the message was written, or a message to where it says."""
        ...

    def edit(self, ref: MessageRef | str, content: str) -> Handle:
        """Give an own message a new text. `ref` may be the `id` of a Handle."""
        ...

    def delete(self, ref: MessageRef | str) -> Handle:
        """Delete a message."""
        ...

    def react(self, ref: MessageRef | str, emoji: str | None) -> Handle:
        """Put a reaction on a message; None takes ours off."""
        ...

    def media(self, message: OutgoingMessage) -> Handle:
        """Send a message with media, its content as caption."""
        ...

    async def receipt(self, id: str) -> Receipt | None:  # noqa: A002
        """Return what came of an operation, by its Handle's id; None if it is not done."""
        ...

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Wait for something of the event loop's, in an agent that is a plain `def`."""
        ...


class ChannelSpec:
    """What a channel implements. It may subclass this, so that a type checker helps."""

    @hookspec(firstresult=True)
    def session_receive(self, cursors: Mapping[str, str]) -> Received:
        """Hand over what arrives on this channel.

        Working; each channel is called for itself. An async generator yields Batches,
        messages or events for as long as it is connected; when it returns, it is called
        again after `poll_interval`. A coroutine or a plain function returns a list, and is
        called again at once after a full list and after `poll_interval` (1 s) after an
        empty one.

        The ack rule: when control comes back after `yield`, or when the hook is called
        again, everything handed over before is stored, cursors included. Only then may it
        be confirmed to the network. What came in one answer of the network should be handed
        over as one Batch: that is one transaction.

        Cancelled when the session stops: `finally` runs, nothing more is stored.

        Args:
            cursors: How far this channel had come, by name (a relay, a chat, or `""`), as
                it last handed over in a Batch. Empty at first.

        Returns:
            An async iterator, or a list of messages and events (or an awaitable of one).

        Raises:
            AuthFailed: The channel is parked.
            ChannelError: Called again later, waiting longer each time, or exactly as long
                as RateLimited says. So does any other exception, which counts as the
                plugin's own fault.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_send(self, message: OutgoingMessage) -> MaybeAwaitable[Sent | None]:
        """Deliver one message.

        Working, routed. Messages to one address arrive one after the other, each when the
        one before has been answered; several addresses at the same time.

        Args:
            message: What to send, within the channel's limits; its `channel_type` says to
                which channel. `content` is plain text; `Rendered.of(message)` is the form
                that `session_render` gave it.

        Returns:
            The id that the network gave the message, several ids if it made several, or a
            Receipt. True: delivered, but no id is known. False: failed, and nobody knows
            how far it came. From a plugin that is no channel, None passes the message on
            and anything else takes it over; None from the channel is an error.

        Raises:
            ChannelError: What the network said. Rejected for its markup: the message comes
                once more as plain text.
            ChatMoved: The chat has a new id; the message comes once more, addressed to it.
                Anything else counts as the plugin's own fault and as DeliveryUnknown.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_media(self, message: OutgoingMessage) -> MaybeAwaitable[Sent | None]:
        """Deliver one message with media, its content as caption.

        Working, routed; as `session_send`, which never sees media.

        Args:
            message: What to send; `message.media` is not empty.

        Returns:
            As `session_send`.

        Raises:
            ChannelError: As `session_send`.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_edit(self, ref: MessageRef, message: OutgoingMessage) -> MaybeAwaitable[Done]:
        """Give one of our messages a new content.

        Working, routed. An edit that has happened already is a success.

        Args:
            ref: Which message.
            message: The new form, as for `session_send`.

        Returns:
            None or True when it is done, or the id that it has from now on.

        Raises:
            MessageNotFound: There is no such message any more.
            ChannelError: As `session_send`.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_delete(self, ref: MessageRef) -> MaybeAwaitable[Done]:
        """Delete a message.

        Working, routed. A message that is gone already is a success.

        Args:
            ref: Which message.

        Returns:
            None or True when it is done.

        Raises:
            ChannelError: As `session_send`.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_react(self, ref: MessageRef, emoji: str | None) -> MaybeAwaitable[Done]:
        """Put our reaction on a message.

        Working, routed.

        Args:
            ref: Which message.
            emoji: The emoji, or the network's name of a custom one; None takes ours off.

        Returns:
            None or True when it is done.

        Raises:
            ChannelError: As `session_send`.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_typing(
        self, channel_type: str, channel_id: str, thread_id: str | None
    ) -> MaybeAwaitable[Literal[True] | None]:
        """Show once that an answer is being written.

        Working, routed. The session calls it again before `Limits.typing_s` have passed, for
        as long as the turn lasts; it is left out when requests are short.

        Args:
            channel_type: The section's name.
            channel_id: The chat.
            thread_id: The thread in the chat, if any.

        Returns:
            None or True when it is shown.

        Raises:
            ChannelError: It is logged at debug and stops nothing. What is refused for good is
                left out at that address for five minutes: networks count refusals.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_presence(
        self, channel_type: str, status: Status, text: str
    ) -> MaybeAwaitable[Literal[True] | None]:
        """Show whether the bot is there.

        Working; each channel that has it is called for itself, and again after it has
        reported a new connection.

        Args:
            channel_type: The section's name.
            status: `online`, `away` or `offline`.
            text: What is shown beside it; may be empty.

        Returns:
            None or True when it is shown.

        Raises:
            ChannelError: It is logged and stops nothing.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_prepare(self, message: OutgoingMessage) -> MaybeAwaitable[Json]:
        """Make what every attempt of a send must have in common, such as a signed event.

        Working, routed; once, before the first attempt. What it returns is stored and comes
        with each attempt as `message.prepared`.

        Args:
            message: What is going to be sent.

        Returns:
            JSON, or None.

        Raises:
            ChannelError: As `session_send`; nothing was sent.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_fetch(
        self, channel_type: str, media: Media, path: Path, limit_bytes: int
    ) -> MaybeAwaitable[Literal[True] | None]:
        """Get a file that came with a message.

        Working, routed. A channel that hands over media from elsewhere (`from_remote`,
        `from_url`) has it; what it does not get, the agent cannot read.

        Args:
            channel_type: The section's name.
            media: Which file.
            path: Where to put it; the folder is there, the file is not.
            limit_bytes: How large it may be.

        Returns:
            None or True when all of it is there.

        Raises:
            Rejected: It is larger, or the network does not give it.
            ChannelError: As `session_send`.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_render(self, channel_type: str, document: Document) -> Rendered | None:
        """Give a document the form that the network takes.

        Deciding, routed; plain `def`, pure, and called in any thread: of a text that has to
        be split, parts are tried until they fit. Without it, messages are plain text. A channel
        whose class says `renders_plain = False` is not asked about a text in which nothing is
        marked up and nothing could be taken for mark-up: it sends such a text as it is.

        Args:
            channel_type: The section's name.
            document: What a message says, or a part of it.

        Returns:
            The text, which is what `session_limits` measures, and what goes with it.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_check(self, channel_type: str) -> MaybeAwaitable[str | None]:
        """Ask the network whether the settings are right: `cobot check --online`.

        Working; each channel that has it is called for itself, before any start. It changes
        nothing at the network, and must work while another process runs the bot.

        Args:
            channel_type: The section's name.

        Returns:
            Who the bot is there, in one line, with what is missing if something is.

        Raises:
            ChannelError: What the network said.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_limits(
        self, channel_type: str, channel_id: str | None
    ) -> MaybeAwaitable[Limits | None]:
        """Say what the network allows and offers.

        Deciding, routed. A channel without it has no limits and no idempotency.

        Args:
            channel_type: The section's name.
            channel_id: The chat; None asks for the channel in general.

        Returns:
            The limits.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_default_target(self, channel_type: str) -> MaybeAwaitable[str | None]:
        """Say which chat a broadcast goes to when the section's `default` does not.

        Deciding, routed.

        Args:
            channel_type: The section's name.

        Returns:
            The chat's id, or None: broadcasts leave the channel out.
        """
        raise NotImplementedError


class SessionSpec:
    """What the session asks of any plugin."""

    @hookspec
    def session_admit(self, message: IncomingMessage) -> MaybeAwaitable[Refuse | None]:
        """Say whether a message may be answered.

        Deciding; every plugin may refuse, and the built-in policy (`access`) must admit too,
        unless `access.policy` names the plugin that decides alone. A plugin that fails here
        refuses.

        Args:
            message: The message as the filters left it.

        Returns:
            `Refuse(reason)`, or None.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_incoming(
        self, message: IncomingMessage
    ) -> MaybeAwaitable[Filtered[IncomingMessage]]:
        """Look at a new message before it is stored; change it or stop it.

        Deciding; a chain in start order, in which each sees what the one before made of the
        message. A filter that fails is passed over, unless its plugin has
        `fail_closed = True`: then the message is stored as refused, with the plugin's name.

        Args:
            message: A message that was not seen before.

        Returns:
            A changed message (same id and address), `DROP`, or None for "as it is".
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_outgoing(
        self, message: OutgoingMessage
    ) -> MaybeAwaitable[Filtered[OutgoingMessage]]:
        """Look at a message before it is stored for sending; change it or stop it.

        Deciding; a chain as for `session_incoming`. Where a filter of a plugin with
        `fail_closed = True` fails, the message is not sent.

        Args:
            message: A reply, or a message that somebody sends.

        Returns:
            A changed message, `DROP`, or None for "as it is".
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def session_conversation(self, message: IncomingMessage) -> MaybeAwaitable[str | None]:
        """Say which conversation a message belongs to.

        Deciding; the first result counts. Asked once for each message, before it is stored.
        Messages of one conversation are answered one after the other, conversations at the
        same time. If no plugin knows, each address is a conversation.

        Args:
            message: The message as the filters left it.

        Returns:
            A key that is the same for all messages of the conversation, or None.
        """
        raise NotImplementedError

    @hookspec
    def session_on_receive(self, message: IncomingMessage) -> MaybeAwaitable[None]:
        """Observe a message that was stored and will be answered.

        Observing; at most once for each message, from a bounded queue of the plugin's own
        and with a time limit: a slow observer delays nobody and misses what overflows.

        Args:
            message: The message as it was stored.
        """
        raise NotImplementedError

    @hookspec
    def session_on_send(
        self, message: OutgoingMessage, receipt: Receipt
    ) -> MaybeAwaitable[None]:
        """Observe a message that was delivered.

        Observing, as `session_on_receive`.

        Args:
            message: What was sent.
            receipt: What the network answered.
        """
        raise NotImplementedError

    @hookspec
    def session_on_failure(
        self, message: IncomingMessage | OutgoingMessage, error: Exception
    ) -> MaybeAwaitable[None]:
        """Observe a message that could not be answered, or could not be delivered.

        Observing, as `session_on_receive`.

        Args:
            message: The one that the agent failed on, or the one that was not delivered.
            error: Why: a ChannelError, or a PluginError that names the plugin at fault.
        """
        raise NotImplementedError

    @hookspec
    def session_on_event(self, event: Event) -> MaybeAwaitable[None]:
        """Observe an edit, a deletion, a reaction or a chat that moved.

        Observing, as `session_on_receive`.

        Args:
            event: What happened.
        """
        raise NotImplementedError


class AgentSpec:
    """What an agent implements."""

    @hookspec(firstresult=True)
    def agent_reply(self, message: IncomingMessage, conversation: Conversation) -> Replied:
        """Answer a message.

        Working; only the configured agent is called. Called for one message of a
        conversation at a time. May be an async generator of chunks, which become one
        message.

        Args:
            message: The message to answer.
            conversation: The conversation it belongs to.

        Returns:
            Text (Markdown), a message, several of them, an async iterator of chunks, or
            None for silence. Text goes to where the message came from.

        Raises:
            Exception: The message counts as not answered. No error text is ever shown to
                the chat.
        """
        raise NotImplementedError


class AppSpec:
    """What happens around a plugin's life."""

    @hookspec
    def cobot_start(self) -> MaybeAwaitable[None]:
        """Get ready: open what the plugin needs.

        Working; before any other hook. Plugins of lower `priority` first, channels at the
        same time as one another. A channel that fails is stopped and started again later,
        waiting longer each time (AuthFailed parks it); a failing plugin that is no channel
        ends the run.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def workspace_path(self, purpose: str) -> Path | None:
        """Say in which folder files for a purpose belong.

        Deciding; the first result counts; plain `def` only. The built-in plugin `workspace`
        answers from `--workspace`, `$COBOT_WORKSPACE` or `workspace:`.

        Args:
            purpose: `journal`, `media`, `cache`.

        Returns:
            The folder, which exists, or None.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def open_journal(
        self, url: str, settings: Mapping[str, Json]
    ) -> MaybeAwaitable[Journal | None]:
        """Open the journal that a URL names.

        Deciding; the first result counts. The built-in plugin `sqlite` answers for
        `sqlite:`, and last.

        Args:
            url: As `journal:` has it.
            settings: The other keys of `journal:`: `synchronous`, `dedupe_days`,
                `keep_days`.

        Returns:
            The journal, or None: not mine.

        Raises:
            JournalError: It cannot be opened; one line that says what to do.
        """
        raise NotImplementedError

    @hookspec
    def cobot_stop(self) -> MaybeAwaitable[None]:
        """Let go of everything: close what `cobot_start` opened.

        Working; the last hook, in reverse order of starting, and also when `cobot_start`
        failed half-way. It has what is left of `stop_timeout`.
        """
        raise NotImplementedError


SPECS: Final = (ChannelSpec, SessionSpec, AgentSpec, AppSpec)

WORKING: Final = frozenset(
    {
        "session_receive",
        "session_send",
        "session_media",
        "session_edit",
        "session_delete",
        "session_react",
        "session_typing",
        "session_presence",
        "session_prepare",
        "session_fetch",
        "session_check",
        "agent_reply",
        "cobot_start",
        "cobot_stop",
    }
)
"""Hooks that may block: a plain `def` of theirs runs in the plugin's threads."""

OBSERVING: Final = frozenset(
    {"session_on_receive", "session_on_send", "session_on_failure", "session_on_event"}
)
"""Hooks that are called from the plugin's own queue."""

ITERATING: Final = frozenset({"session_receive", "agent_reply"})
"""Hooks that may be async generators."""

OPERATIONS: Final[Mapping[str, str]] = {
    "receive": "session_receive",
    "send": "session_send",
    "typing": "session_typing",
    "presence": "session_presence",
    "edit": "session_edit",
    "delete": "session_delete",
    "react": "session_react",
    "media": "session_media",
}
"""The eight operations of a channel and the hooks that provide them."""

DEGRADABLE: Final = frozenset({"edit", "delete", "media"})
"""Operations that the session does in another way where a channel has no hook for them."""

__all__ = [
    "DEGRADABLE",
    "DROP",
    "ITERATING",
    "OBSERVING",
    "OPERATIONS",
    "PROJECT",
    "SPECS",
    "WORKING",
    "AgentSpec",
    "AppSpec",
    "ChannelSpec",
    "Conversation",
    "Drop",
    "Handle",
    "Refuse",
    "SessionSpec",
    "Status",
    "hookimpl",
    "hookspec",
]
