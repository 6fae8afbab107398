"""Where messages go on Nostr, as a chat's id; and the addresses of relays. Pure.

dm:PUBKEY                   private, with one person (NIP-17, NIP-04)
room:HASH                   private, with several (NIP-17); the hash of who is in it
note:ID                     the thread under a public note (NIP-10)
comment:KIND:E:ID           the comments on something public (NIP-22); E, A or I
chan:ID                     a public chat (NIP-28)
group:HOST'ID               a relay's group (NIP-29)
notes                       our own public notes: what is sent there is a new one
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import attrs

from cobot.net import is_public
from cobot_nostr.crypto import is_pubkey, read_bech32, sha256
from cobot_nostr.events import is_hex

Kind: TypeAlias = Literal["dm", "room", "note", "comment", "chan", "group", "notes"]
_KINDS: tuple[Kind, ...] = ("dm", "room", "note", "comment", "chan", "group")

URL_CHARS = 512
"""The longest address of a relay that is looked at."""

FORMS = "dm:PUBKEY, room:HASH, note:ID, comment:KIND:E:ID, chan:ID, group:HOST'ID or notes"


@attrs.frozen
class Chat:
    """A chat's id, taken apart."""

    kind: Kind
    value: str
    """The public key, hash or event id; for `comment` `KIND:E:ID`; for `group` its id."""
    relay: str = ""
    """For `group`: the relay that it is on."""

    @property
    def id(self) -> str:
        """The chat's id."""
        if self.kind == "notes":
            return self.kind
        if self.kind == "group":
            return f"group:{self.relay.removeprefix('wss://')}'{self.value}"
        return f"{self.kind}:{self.value}"

    @property
    def is_private(self) -> bool:
        """Whether only those who are in it can read it."""
        return self.kind in ("dm", "room")


def read_chat(channel_id: str) -> Chat:
    """Take a chat's id apart; public keys and ids may be written as bech32.

    Raises:
        ValueError: It is none.
    """
    if channel_id == "notes":
        return Chat("notes", "")
    kind, _, value = channel_id.partition(":")
    wrong = ValueError(f"expected a chat as {FORMS}, got {channel_id!r}")
    if kind not in _KINDS:
        named = read_bech32(channel_id)  # a person's npub stands for their private chat
        if named is None or named.kind != "pubkey":
            raise wrong
        return Chat("dm", named.hex)
    known: Kind = next(one for one in _KINDS if one == kind)
    if known == "group":
        host, _, group = value.partition("'")
        relay = read_relay(host if "://" in host else f"wss://{host}")
        if not relay or not group:
            raise wrong
        return Chat("group", group, relay)
    if known == "comment":
        if value.count(":") < 2:
            raise wrong
        return Chat("comment", value)
    named = read_bech32(value)
    value = named.hex if named else value
    if not is_hex(value) or (known == "dm" and not is_pubkey(value)):
        raise wrong
    return Chat(known, value)


def room(members: Iterable[str]) -> str:
    """Return the id of the private room of several people, us among them."""
    return f"room:{sha256(','.join(sorted(set(members))).encode())}"


def read_relay(url: str) -> str | None:
    """Return a relay's address in the one form in which it is compared; None: it is none."""
    if len(url) > URL_CHARS or not url.isprintable() or not url.isascii():
        return None
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower().rstrip(".")
    if parts.scheme not in ("ws", "wss") or not host or "@" in parts.netloc:
        return None
    host = f"[{host}]" if ":" in host else host
    usual = {"ws": 80, "wss": 443}[parts.scheme]
    place = host if port in (None, usual) else f"{host}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def may_be_dialled(url: str, ours: Collection[str], *, private: bool) -> bool:
    """Tell whether we go to a relay that a stranger's list names.

    Only over TLS and to no address that is somebody's own network, unless it is one of ours or
    the owner allows it. What a name stands for is looked at when it is dialled.
    """
    if url in ours or private:
        return True
    host = urlsplit(url).hostname or ""
    if not url.startswith("wss://") or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return is_public(host)
    except ValueError:
        return "." in host
