"""Who the bot is: its secret key, from the settings or from a file that nobody else reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cobot_nostr.crypto import BadKey, Signer, is_pubkey, read_bech32


def read_key_file(path: Path) -> Signer:
    """Return the key in a file.

    Raises:
        ValueError: There is none, or others can read it.
    """
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(1024)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"the key file {str(path)!r} cannot be read: {reason}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise ValueError(
            f"the key file {str(path)!r} can be read by others (mode"
            f" {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
        )
    try:
        return Signer.parse(text)
    except BadKey as error:
        raise ValueError(f"the key file {str(path)!r}: {error}") from None


def write_key_file(path: Path, signer: Signer) -> None:
    """Put a key into a new file that nobody else can read.

    Raises:
        FileExistsError: There is a file already; it is left as it is.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{signer.nsec()}\n")


def check_npub(signer: Signer, npub: str) -> None:
    """Make sure that a key is the one that is meant.

    Raises:
        ValueError: It is another's.
    """
    named = read_bech32(npub)
    meant = named.hex if named is not None else npub
    if not is_pubkey(meant):
        # Not shown: it may be a secret key, in the wrong place.
        raise ValueError("npub is no public key; expected npub1..., or 64 hexadecimal digits")
    if meant != signer.pubkey:
        raise ValueError(f"npub is {npub!r}, but the secret key is that of {signer.npub}")
