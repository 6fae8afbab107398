"""The folder in which a bot keeps its files, and the lock that keeps a second process out."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from cobot.errors import CobotError, WorkspaceInUse

if sys.platform != "win32":
    import fcntl

LOCK = "lock"
"""The file in the workspace that its owner holds locked, with the owner's pid in it."""

PID_BYTES = 20
"""What of the lock file is read; a pid of 64 bits has 19 digits."""


class Workspace:
    """The folder for a bot's files. It is made when the first file needs it."""

    def __init__(self, root: Path | None) -> None:
        """Name the folder; None: a temporary one, which `remove` removes."""
        self._named = root
        self._temporary: Path | None = None
        self._lock: int | None = None  # the descriptor that holds the lock

    @property
    def root(self) -> Path:
        """The folder; a named one need not exist yet.

        Raises:
            CobotError: No temporary one can be made.
        """
        if self._named is not None:
            return self._named
        if self._temporary is None:
            try:
                self._temporary = Path(tempfile.mkdtemp(prefix="cobot-"))
            except OSError as error:
                raise CobotError(
                    f"no temporary workspace can be made: {error.strerror or error};"
                    " name a folder with --workspace"
                ) from error
        return self._temporary

    @property
    def is_temporary(self) -> bool:
        """Whether it goes with the process."""
        return self._named is None

    def folder(self, purpose: str) -> Path:
        """Return the folder for a purpose; only its owner can read it.

        Args:
            purpose: `journal`, `media`, `cache`, or a word of a plugin's own.

        Raises:
            ValueError: The purpose is no plain name, and would lead somewhere else.
            CobotError: The folder cannot be made.
        """
        if purpose in ("", ".", "..", LOCK) or {"/", "\\", "\0"} & set(purpose):
            raise ValueError(f"purpose: expected a plain name, got {purpose!r}")
        return self._made(self._made(self.root) / purpose)

    def lock(self) -> None:
        """Keep every other process out, until `unlock` or the end of this process.

        However a process ends, the system lets go of its lock. A program that it has
        started does not hold it, a child that it has forked without starting a program does.
        Where the system has no such locks (Windows) nothing is kept out.

        Raises:
            WorkspaceInUse: Somebody else has locked it.
            CobotError: The workspace cannot be used.
        """
        if sys.platform == "win32" or self._lock is not None:
            return
        path = self._made(self.root) / LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(descriptor)
            os.close(descriptor)
            raise WorkspaceInUse(str(self.root), owner) from None
        except OSError as error:
            os.close(descriptor)
            raise self._unusable(path, error) from error
        self._lock = descriptor
        # A courtesy to whoever is kept out; on a full disk the lock holds without it.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def unlock(self) -> None:
        """Let others in. The file stays: who removes it may remove the next owner's."""
        if self._lock is None:
            return
        with suppress(OSError):
            os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None

    def remove(self) -> None:
        """Let others in, and remove the folder if it was temporary."""
        self.unlock()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _made(self, folder: Path) -> Path:
        try:
            # `parents=True` gives the mode to the last folder alone, so each call of this
            # makes one that holds files.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(folder, error) from error
        return folder

    def _unusable(self, path: Path, error: OSError) -> CobotError:
        said = error.strerror or str(error)
        if isinstance(error, FileExistsError | NotADirectoryError):
            said = "there is a file where a folder is wanted"
        return CobotError(
            f"the workspace {str(self.root)!r} cannot be used: {str(path)!r}: {said};"
            " mend that, or name another folder with --workspace"
        )


def _owner(descriptor: int) -> int | None:
    """Return the pid in a lock file; None if none is there, or not of a living process.

    A new owner locks first and writes afterwards, so for a moment the last one's is there.
    """
    try:
        pid = int(os.pread(descriptor, PID_BYTES, 0))
    except (OSError, ValueError):
        return None
    if pid < 1:
        return None
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass  # it lives, and is somebody else's
    except (OSError, OverflowError):
        return None
    return pid
