"""Certificates for servers on this machine."""

from __future__ import annotations

import ssl
from pathlib import Path

import attrs
import trustme


@attrs.frozen
class Authority:
    """Somebody who signs, and whom a client believes that has `file`."""

    authority: trustme.CA
    file: Path

    def server(self, name: str = "localhost") -> ssl.SSLContext:
        """Return what a server of that name needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        return context


def make_authority(folder: Path) -> Authority:
    """Return a new authority."""
    made = Authority(trustme.CA(), folder / "authority.pem")
    made.authority.cert_pem.write_to_path(str(made.file))
    return made
