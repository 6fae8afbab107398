"""All cryptography of the channel, and the only file that knows nostr-sdk.

nostr-sdk signs, verifies and encrypts (NIP-01, NIP-04, NIP-44) and reads bech32 (NIP-19). What
a gift wrap has to be made of is in `wraps`, because nostr-sdk itself takes a wrong kind of seal
and a rumor with a lying id. Files of NIP-17 are encrypted with AES-GCM, which nostr-sdk has
not: that is `cryptography`'s.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from typing import Any, Literal

import attrs
import nostr_sdk  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cobot_nostr.events import Draft, Event, dumps, read_event, read_json

BECH32_CHARS = 5000
"""The longest bech32 text that is read (NIP-19)."""

SEALED_BYTES = 65_535
"""The longest text that NIP-44 encrypts in the form which every client reads."""

_Failure = nostr_sdk.NostrSdkError

_ANY = nostr_sdk.SecretKey.parse("1" * 64)
"""Nobody's key, for asking whether another one is of the right kind."""


class BadKey(ValueError):
    """Something is no key. The text never has it in it."""


class Undecryptable(ValueError):
    """Something was not encrypted for us, or not as it says."""


class Signer:
    """Our secret key: signs, encrypts, decrypts. Shows nobody the key."""

    def __init__(self, keys: Any) -> None:
        self._keys = keys
        self.pubkey: str = keys.public_key().to_hex()
        """Who we are, in hex."""
        self.npub: str = keys.public_key().to_bech32()
        """Who we are, as people write it."""

    def __repr__(self) -> str:
        return f"Signer({self.npub})"

    @classmethod
    def parse(cls, secret: str) -> Signer:
        """Return the signer of a secret key.

        Raises:
            BadKey: It is none.
        """
        try:
            return cls(nostr_sdk.Keys.parse(secret.strip()))
        except _Failure:
            pass
        raise BadKey("expected a secret key: nsec1..., or 64 hexadecimal digits")

    @classmethod
    def generate(cls) -> Signer:
        """Return the signer of a new key."""
        return cls(nostr_sdk.Keys.generate())

    def nsec(self) -> str:
        """Return the secret key itself, for the one command that makes a key."""
        return str(self._keys.secret_key().to_bech32())

    def sign(self, draft: Draft, created_at: int) -> Event:
        """Make an event of a draft."""
        signed = self._keys.sign_event(_unsigned(self.pubkey, draft, created_at))
        return read_event(read_json(signed.as_json()))

    def rumor(self, draft: Draft, created_at: int) -> Event:
        """Make an event that nobody signs."""
        return attrs.evolve(
            _as_event(self.pubkey, draft, created_at),
            id=_unsigned(self.pubkey, draft, created_at).id().to_hex(),
        )

    def encrypt(self, peer: str, text: str) -> str:
        """Encrypt for somebody (NIP-44).

        Raises:
            ValueError: It is empty, or too long.
        """
        if not 0 < len(text.encode()) <= SEALED_BYTES:
            raise ValueError(f"expected 1 to {SEALED_BYTES} bytes, got {len(text.encode())}")
        return str(self._keys.nip44_encrypt(_public(peer), text))

    def decrypt(self, peer: str, text: str) -> str:
        """Decrypt what somebody encrypted for us (NIP-44).

        Raises:
            Undecryptable: It was not.
        """
        try:
            return str(self._keys.nip44_decrypt(_public(peer), text))
        except (_Failure, BadKey):
            raise Undecryptable("not for us") from None

    def encrypt_nip04(self, peer: str, text: str) -> str:
        """Encrypt as old clients do (NIP-04)."""
        return str(self._keys.nip04_encrypt(_public(peer), text))

    def decrypt_nip04(self, peer: str, text: str) -> str:
        """Decrypt what an old client wrote.

        Raises:
            Undecryptable: It was not for us.
        """
        try:
            return str(self._keys.nip04_decrypt(_public(peer), text))
        except (_Failure, BadKey):
            raise Undecryptable("not for us") from None


def _public(pubkey: str) -> Any:
    try:
        return nostr_sdk.PublicKey.parse(pubkey)
    except _Failure:
        pass
    raise BadKey(f"{pubkey!r} is no public key")


def _as_event(pubkey: str, draft: Draft, created_at: int) -> Event:
    return Event(
        id="",
        pubkey=pubkey,
        created_at=created_at,
        kind=draft.kind,
        tags=draft.tags,
        content=draft.content,
    )


def _unsigned(pubkey: str, draft: Draft, created_at: int) -> Any:
    fields = _as_event(pubkey, draft, created_at).json
    del fields["id"]
    return nostr_sdk.UnsignedEvent.from_json(dumps(fields)).ensure_id()


def verify(event: Event) -> str | None:
    """Say what is wrong with an event that has the right shape: `id` or `signature`."""
    try:
        read = nostr_sdk.Event.from_json(dumps(event.json))
        if not read.verify_id():
            return "id"
        return None if read.verify_signature() else "signature"
    except _Failure:
        return "signature"  # a key that is no point of the curve, say


def rumor_id(rumor: Event) -> str:
    """Return the id that a rumor has, whatever it says itself."""
    draft = Draft(kind=rumor.kind, tags=rumor.tags, content=rumor.content)
    return str(_unsigned(rumor.pubkey, draft, rumor.created_at).id().to_hex())


@attrs.frozen
class Named:
    """What a bech32 text names."""

    kind: Literal["pubkey", "event"]
    hex: str


def read_bech32(text: str) -> Named | None:
    """Return what `npub1...`, `nprofile1...`, `note1...`, `nevent1...` name; None: nothing."""
    if len(text) > BECH32_CHARS:
        return None
    try:
        value: Any = nostr_sdk.Nip19.from_bech32(text).as_enum()
        if value.is_pubkey():
            return Named("pubkey", value.npub.to_hex())
        if value.is_profile():
            return Named("pubkey", value.nprofile.public_key().to_hex())
        if value.is_note():
            return Named("event", value.event_id.to_hex())
        if value.is_event():
            return Named("event", value.event.event_id().to_hex())
    except _Failure:
        pass
    return None


@lru_cache(10_000)
def is_pubkey(hex_: str) -> bool:
    """Tell whether 32 bytes in hex are a key that somebody can have.

    One in two is not: no point of the curve. nostr-sdk finds out only in using it.
    """
    try:
        nostr_sdk.nip44_encrypt(_ANY, _public(hex_), "x", nostr_sdk.Nip44Version.V2)
    except (_Failure, BadKey):
        return False
    return True


def npub_of(pubkey: str) -> str:
    """Return a public key as people write it."""
    return str(_public(pubkey).to_bech32())


def sha256(content: bytes) -> str:
    """Return a hash in hex."""
    return hashlib.sha256(content).hexdigest()


@attrs.frozen(repr=False)
class FileKey:
    """What a file of NIP-17 is encrypted with: AES-GCM, 32 and 12 or 16 bytes, in hex."""

    key: str
    nonce: str

    @classmethod
    def generate(cls) -> FileKey:
        """Return a new key, for one file alone."""
        return cls(secrets.token_hex(32), secrets.token_hex(16))

    def encrypt(self, content: bytes) -> bytes:
        """Encrypt a file."""
        return AESGCM(bytes.fromhex(self.key)).encrypt(bytes.fromhex(self.nonce), content, None)

    def decrypt(self, content: bytes) -> bytes:
        """Decrypt a file.

        Raises:
            Undecryptable: It is not this file's key.
        """
        try:
            cipher = AESGCM(bytes.fromhex(self.key))
            return cipher.decrypt(bytes.fromhex(self.nonce), content, None)
        except (InvalidTag, ValueError):
            raise Undecryptable("it was not encrypted with this key") from None
