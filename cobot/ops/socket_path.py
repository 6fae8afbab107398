"""Where the control socket is, and how it is named to the system.

The system takes no more than about a hundred bytes for the path of a socket (`sun_path`: 108
on Linux, 104 on macOS, the ending zero included), and a workspace may lie deeper than that.
Then the socket is made and called through a short link to the workspace. The link lies in a
temporary folder of its own and is gone again at once: the socket itself is always in the
workspace.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "control.sock"
"""The socket's file in the workspace."""

PATH_MOST_BYTES = 103
"""The longest path that every system takes for a socket."""

LINE_MOST_BYTES = 2**20
"""The longest request and the longest response."""

HAS_SOCKETS = hasattr(socket, "AF_UNIX")
"""Whether this system has what it takes to reach a running bot."""


@contextmanager
def reachable(workspace: Path) -> Iterator[str]:
    """Give the path of the control socket in a form that the system takes.

    Raises:
        OSError: The link that a long path needs cannot be made.
    """
    direct = str(workspace.absolute() / NAME)
    if len(os.fsencode(direct)) <= PATH_MOST_BYTES:
        yield direct
        return
    # A folder of our own: in a shared one somebody else could put a link in place of ours.
    shortest = min(tempfile.gettempdir(), "/tmp", key=len)  # noqa: S108 -- see above
    with tempfile.TemporaryDirectory(prefix="cobot-", dir=shortest) as folder:
        link = Path(folder, "w")
        link.symlink_to(workspace.absolute())
        yield str(link / NAME)
