"""Nostr channel for cobot.

Speaks Nostr (https://github.com/nostr-protocol/nips, read 2026-11-22) with many relays:
NIP-01, 04, 09, 10, 11, 17, 19, 22, 25, 27, 28, 29, 38, 40, 42, 44, 59, 65, 92, and Blossom.
Not supported: typing (there is no standard), and editing, unless `edits` is set (kind 1010).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

import attrs

from cobot import (
    Batch,
    ChannelSpec,
    Context,
    Id,
    Limits,
    Media,
    MessageRef,
    OutgoingMessage,
    PluginError,
    Receipt,
    Secret,
    Status,
    hookimpl,
)
from cobot.kit import address
from cobot_nostr.addresses import Chat, read_chat, read_relay
from cobot_nostr.api import NostrApi, Options
from cobot_nostr.blossom import DOWNLOAD_BYTES, UPLOAD_BYTES
from cobot_nostr.crypto import BadKey, Signer
from cobot_nostr.identity import check_npub, read_key_file
from cobot_nostr.receiving import Wanted

__all__ = ["Nostr", "NostrChat", "NostrProfile", "NostrSettings"]

# Relays publish no quotas; what is slower than this none of them has been seen to refuse.
LIMITS = Limits(
    unit="bytes",
    upload_bytes=UPLOAD_BYTES,
    download_bytes=DOWNLOAD_BYTES,
    idempotency="same",
    rate_channel=5.0,
    rate_address=1.0,
)


def _is_key(_settings: object, _field: object, value: Secret | None) -> None:
    if value is not None:
        try:
            Signer.parse(value.reveal())
        except BadKey as error:
            raise ValueError(str(error)) from None


def _are_relays(_settings: object, _field: object, value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError("expected at least one relay, as wss://relay.example")
    for one in value:
        if read_relay(one) is None:
            raise ValueError(f"expected relays such as wss://relay.example, got {one!r}")


_are_servers = attrs.validators.deep_iterable(address("https://blossom.example"))


def _is_chat(_chat: object, _field: object, value: Id) -> None:
    if read_chat(value).kind not in ("group", "chan"):
        raise ValueError(f"expected group:HOST'ID or chan:ID, got {value!r}")


@attrs.frozen
class NostrChat:
    """A group of a relay (NIP-29) or a public chat (NIP-28) in which the bot answers."""

    id: Id = attrs.field(validator=_is_chat)
    """`group:HOST'ID` or `chan:ID`."""
    name: str = ""
    """What it is called, for people who read the file."""

    @property
    def chat(self) -> Chat:
        """The chat, taken apart."""
        return read_chat(self.id)


@attrs.frozen(kw_only=True)
class NostrProfile:
    """How the bot is shown. What is empty is left as it was published before."""

    name: str = ""
    display_name: str = ""
    about: str = ""
    picture: str = ""
    nip05: str = ""


@attrs.frozen(kw_only=True)
class NostrSettings:
    """The section `plugins.nostr`."""

    nsec: Secret | None = attrs.field(default=None, validator=_is_key)
    """The secret key: `nsec1...`, or 64 hexadecimal digits."""
    nsec_file: str = ""
    """In its place, a file with the key that only its owner can read."""
    npub: str = ""
    """Whose key it has to be; empty: anybody's."""
    relays: tuple[str, ...] = attrs.field(validator=_are_relays)
    """Where the bot is. The first three get its private messages."""
    blossom: tuple[str, ...] = attrs.field(default=(), validator=_are_servers)
    """Servers for files, the preferred one first."""
    groups: tuple[NostrChat, ...] = ()
    """Groups and public chats that are listed; the first is where broadcasts go."""
    profile: NostrProfile = NostrProfile()
    """How the bot is shown."""
    nip04: bool = True
    """Whether private messages in the old form are read, and answered in it."""
    edits: bool = False
    """Whether edits of public notes are published (kind 1010), which few clients show."""
    inbox_fallback: bool = False
    """Whether people who name no inbox relays are answered on ours."""
    private_relays: bool = False
    """Whether relays in private networks are dialled when somebody's list names them."""

    def __attrs_post_init__(self) -> None:
        if (self.nsec is None) == (not self.nsec_file):
            raise ValueError("expected either nsec or nsec_file")


@attrs.define(eq=False, slots=False)  # compared by identity; a hook may be added to one
class Nostr(ChannelSpec):
    """One identity."""

    Settings: ClassVar = NostrSettings

    settings: NostrSettings
    context: Context
    _api: NostrApi = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        settings = self.settings
        relays = [read_relay(one) for one in settings.relays]
        profile = attrs.asdict(settings.profile)
        self._api = NostrApi(
            self.context,
            Options(
                signer=self._signer(),
                relays=[*dict.fromkeys(one for one in relays if one is not None)],
                blossom=settings.blossom,
                profile={name: value for name, value in profile.items() if value},
                wanted=Wanted(
                    chats=[one.chat for one in settings.groups],
                    nip04=settings.nip04,
                ),
                private_relays=settings.private_relays,
                inbox_fallback=settings.inbox_fallback,
            ),
        )
        if settings.edits:
            # A hook that is there is a promise, so it is there only if it was asked for.
            setattr(self, "session_edit", _editing(self._api))  # noqa: B010

    @property
    def text_bytes(self) -> int:
        """The longest text that our relays take in one message, as far as they say."""
        return self._api.text_bytes

    @property
    def refused(self) -> Mapping[str, int]:
        """How many events were refused since the start, by reason."""
        return self._api.refused

    @hookimpl
    async def cobot_start(self) -> None:  # async: in a thread there is no loop to dial in
        self._api.start()

    @hookimpl
    async def cobot_stop(self) -> None:
        await self._api.stop()

    @hookimpl
    async def session_receive(self, cursors: Mapping[str, str]) -> AsyncIterator[Batch]:
        async with aclosing(self._api.receive(cursors)) as batches:
            async for batch in batches:
                yield batch

    @hookimpl
    async def session_prepare(self, message: OutgoingMessage) -> Any:
        return await self._api.sending.prepare(message)

    @hookimpl
    async def session_send(self, message: OutgoingMessage) -> Receipt:
        return await self._api.sending.send(message, "send")

    @hookimpl
    async def session_media(self, message: OutgoingMessage) -> Receipt:
        return await self._api.sending.send(message, "media")

    @hookimpl
    async def session_delete(self, ref: MessageRef) -> None:
        await self._api.sending.delete(ref)

    @hookimpl
    async def session_react(self, ref: MessageRef, emoji: str | None) -> None:
        await self._api.sending.react(ref, emoji)

    @hookimpl
    async def session_presence(self, channel_type: str, status: Status, text: str) -> None:
        await self._api.show(status, text)

    @hookimpl
    async def session_fetch(
        self, channel_type: str, media: Media, path: Path, limit_bytes: int
    ) -> None:
        await self._api.fetch(media, path, limit_bytes)

    @hookimpl
    async def session_check(self, channel_type: str) -> str:
        return await self._api.check()

    @hookimpl
    def session_limits(self, channel_type: str, channel_id: str | None) -> Limits:
        return attrs.evolve(LIMITS, text=self.text_bytes, caption=self.text_bytes)

    @hookimpl
    def session_default_target(self, channel_type: str) -> str | None:
        return self.settings.groups[0].chat.id if self.settings.groups else None

    def _signer(self) -> Signer:
        settings = self.settings
        try:
            if settings.nsec is not None:
                signer = Signer.parse(settings.nsec.reveal())
            else:
                signer = read_key_file(Path(settings.nsec_file).expanduser())
            if settings.npub:
                check_npub(signer, settings.npub)
        except ValueError as error:
            raise PluginError(f"plugin {self.context.name!r}: {error}") from None
        return signer


def _editing(api: NostrApi) -> Any:
    @hookimpl
    async def session_edit(ref: MessageRef, message: OutgoingMessage) -> None:
        await api.sending.edit(ref, message)

    return session_edit
