"""What a command asks of the bot that runs, over its control socket."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from cobot.errors import CobotError
from cobot.ops.orders import Request, Response
from cobot.ops.socket_path import HAS_SOCKETS, LINE_MOST_BYTES, NAME, reachable


class NobodyThere(CobotError):
    """No bot serves the workspace's control socket."""


class Unanswered(CobotError):
    """A bot was asked, and has not answered."""

    def __init__(self, detail: str, stored: str | None) -> None:
        super().__init__(detail)
        self.stored = stored
        """The key of the message, if it is known to be stored."""


class NoAnswer(Unanswered):
    """The bot kept silent for too long."""


class HungUp(Unanswered):
    """The bot ended before it answered."""


def ask(workspace: Path, request: Request, timeout_s: float) -> Response:
    """Ask the bot that owns a workspace.

    Args:
        workspace: The folder.
        request: What to do; see `cobot.ops.orders`.
        timeout_s: For how long the bot may keep silent.

    Raises:
        NobodyThere: No bot runs on that workspace.
        NoAnswer: It kept silent for too long.
        HungUp: It ended before it answered.
        CobotError: It cannot be asked.
    """
    line = json.dumps(request).encode() + b"\n"
    if len(line) > LINE_MOST_BYTES:
        raise CobotError(
            f"this makes a request of {len(line)} bytes, and a bot takes {LINE_MOST_BYTES};"
            " send long texts as --media"
        )
    if not HAS_SOCKETS:
        # Nobody there, or somebody? Two on one journal would be worse than none.
        raise CobotError(
            "this system has no Unix sockets, through which commands find the bot that runs"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        _connect(connection, workspace)
        return _converse(connection, line, workspace)


def _connect(connection: socket.socket, workspace: Path) -> None:
    try:
        with reachable(workspace) as path:
            connection.connect(path)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NobodyThere(f"no bot runs on the workspace {str(workspace)!r}") from None
    except BlockingIOError:
        detail = f"too many ask the bot on {str(workspace)!r} at once"
        raise NoAnswer(detail, None) from None
    except OSError as error:
        place = str(workspace / NAME)
        raise CobotError(f"{place!r} cannot be reached: {error.strerror or error}") from error


def _converse(connection: socket.socket, line: bytes, workspace: Path) -> Response:
    stored: str | None = None
    try:
        connection.sendall(line)
        with connection.makefile("rb") as lines:
            for one in lines:
                if not one.endswith(b"\n"):
                    break
                response: Response = json.loads(one)
                if "stored" not in response:
                    return response
                stored = response["stored"]
    except TimeoutError:
        silent_s = connection.gettimeout() or 0.0
        raise NoAnswer(
            f"the bot on {str(workspace)!r} has not answered for {silent_s:g} s; its log may"
            " say why",
            stored,
        ) from None
    except ConnectionError:
        pass
    raise HungUp(f"the bot on {str(workspace)!r} ended before it answered", stored)
