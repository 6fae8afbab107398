import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from cobot.clock import SystemClock
from cobot.context import Context
from cobot.errors import CobotError, WorkspaceInUse
from cobot.ops.workspace import WorkspacePaths
from cobot.workspace import LOCK, Workspace

HOLD = """
import signal, subprocess, sys
from pathlib import Path
from cobot.workspace import Workspace

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
workspace = Workspace(Path(sys.argv[1]))
workspace.lock()
child = subprocess.Popen([sys.executable, "-c", "input()"], close_fds=False)
print(child.pid, flush=True)
signal.sigwait({signal.SIGUSR1})
workspace.unlock()
print("unlocked", flush=True)
signal.pause()
"""
"""A process that locks a workspace, starts a program, and unlocks when it is told to."""

NOBODY = 65534
"""The user without rights, where this process is root, whom no permission stops."""


def mode(path: Path) -> int:
    """Return who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


class Holder:
    """Another process that has locked a workspace."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.child = int(self._line())

    @property
    def pid(self) -> int:
        """The process's number, as the lock file should have it."""
        return self.process.pid

    def unlock(self) -> None:
        """Have it let go of the workspace, and live on."""
        self.process.send_signal(signal.SIGUSR1)
        assert self._line() == "unlocked\n"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@pytest.fixture
def hold() -> Iterator[Callable[[Path], Holder]]:
    """Starts processes that lock a workspace."""
    holders: list[Holder] = []

    def start(root: Path) -> Holder:
        holders.append(Holder(root))
        return holders[-1]

    yield start
    for one in holders:
        one.process.kill()
        one.process.communicate()  # its child's standard input ends with it


@contextmanager
def without_rights() -> Iterator[None]:
    """Be somebody whom permissions stop."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# Folders.


def test_a_workspace_is_made_when_it_is_needed(tmp_path: Path) -> None:
    """A bot that keeps no files leaves none."""
    root = tmp_path / "bot" / ".cobot"
    workspace = Workspace(root)
    before = workspace.root.exists()

    folder = workspace.folder("media")

    assert not before
    assert folder == workspace.root / "media" == root / "media"
    assert folder.is_dir()
    assert workspace.folder("media") == folder


@pytest.mark.parametrize("part", [".cobot", ".cobot/media", f".cobot/{LOCK}"])
def test_a_workspace_is_its_owners_alone(tmp_path: Path, part: str) -> None:
    """Messages of other people lie there, so nobody else may look in."""
    workspace = Workspace(tmp_path / ".cobot")
    workspace.folder("media")
    workspace.lock()
    workspace.unlock()

    assert mode(tmp_path / part) & 0o077 == 0


@pytest.mark.parametrize("purpose", ["", ".", "..", "../other", "/etc", "a/b", "a\\b", "a\0b"])
def test_a_purpose_leads_nowhere_else(tmp_path: Path, purpose: str) -> None:
    """Whatever a plugin asks for lies in the workspace."""
    with pytest.raises(ValueError, match="purpose: expected a plain name"):
        Workspace(tmp_path / "files").folder(purpose)


def test_a_temporary_workspace_is_removed() -> None:
    """Without a configuration file nothing is left behind."""
    workspace = Workspace(None)
    folder = workspace.folder("media")
    (folder / "file").write_text("content")
    root_mode = mode(folder.parent)
    workspace.lock()

    workspace.remove()

    assert root_mode == 0o700
    assert not folder.parent.exists()


def test_the_root_of_a_temporary_workspace_is_made_when_asked_for() -> None:
    """A temporary folder is the same for all who ask, and there at once."""
    workspace = Workspace(None)

    root = workspace.root

    assert root.is_dir()
    assert workspace.root == root == workspace.folder("media").parent
    workspace.remove()


def test_a_named_workspace_is_kept(tmp_path: Path) -> None:
    """What the owner named is the owner's to remove."""
    workspace = Workspace(tmp_path / "files")
    folder = workspace.folder("media")

    workspace.remove()

    assert folder.is_dir()


def test_a_workspace_that_was_never_used_can_be_removed() -> None:
    """There is nothing to remove, and nothing to complain about."""
    workspace = Workspace(None)

    workspace.remove()

    assert workspace.folder("media").is_dir()
    workspace.remove()


# What stands in the way.


@pytest.mark.parametrize("at", ["file", "file/below", "folder"])
def test_a_file_in_a_folders_place_is_one_clear_line(tmp_path: Path, at: str) -> None:
    """A workspace that cannot be a folder is named with what is in its way."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "media").touch()
    workspace = Workspace(tmp_path / at)

    with pytest.raises(CobotError) as caught:
        workspace.folder("media")

    said = str(caught.value)
    assert said.startswith(f"the workspace {str(tmp_path / at)!r} cannot be used: ")
    assert "there is a file where a folder is wanted" in said
    assert "\n" not in said


def test_a_folder_in_the_locks_place_is_one_clear_line(tmp_path: Path) -> None:
    """The lock must be a file, and whatever else is there is named."""
    (tmp_path / LOCK).mkdir()

    with pytest.raises(CobotError, match="lock': Is a directory; mend that, or name another"):
        Workspace(tmp_path).lock()


@pytest.mark.parametrize("act", [Workspace.lock, lambda one: one.folder("media")])
def test_a_folder_that_cannot_be_written_to_is_one_clear_line(
    act: Callable[[Workspace], object],
) -> None:
    """Without the right to write there is no workspace, and the folder is named."""
    # Not below tmp_path, which only its owner can enter.
    with TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        workspace = Workspace(Path(name))

        with without_rights(), pytest.raises(CobotError) as caught:
            act(workspace)

        Path(name).chmod(0o700)
    assert str(caught.value).startswith(f"the workspace {name!r} cannot be used: ")
    assert "Permission denied; mend that" in str(caught.value)


# The lock.


def test_a_second_process_is_kept_out_and_told_by_whom(
    tmp_path: Path, hold: Callable[[Path], Holder]
) -> None:
    """One process owns a workspace; the other learns its number, and changes nothing."""
    holder = hold(tmp_path)

    for _ in range(2):  # the first one's look has not taken the owner's number away
        with pytest.raises(WorkspaceInUse, match=f"is in use by process {holder.pid};"):
            Workspace(tmp_path).lock()

    assert (tmp_path / LOCK).read_text() == f"{holder.pid}\n"


def test_a_killed_owner_leaves_nothing_behind(
    tmp_path: Path, hold: Callable[[Path], Holder]
) -> None:
    """After kill -9 the workspace is free, though a program that it started still runs."""
    holder = hold(tmp_path)
    holder.process.kill()
    holder.process.wait()
    workspace = Workspace(tmp_path)

    workspace.lock()

    os.kill(holder.child, 0)  # it is alive: its standard input has not ended
    assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    workspace.unlock()


def test_an_owner_that_stands_still_is_an_owner(
    tmp_path: Path, hold: Callable[[Path], Holder]
) -> None:
    """A process that was stopped may go on at any time, so its workspace is its own."""
    holder = hold(tmp_path)
    os.kill(holder.pid, signal.SIGSTOP)

    with pytest.raises(WorkspaceInUse):
        Workspace(tmp_path).lock()


def test_an_unlocked_workspace_is_free(tmp_path: Path, hold: Callable[[Path], Holder]) -> None:
    """Who unlocks lets the next one in, also while it lives on."""
    holder = hold(tmp_path)

    holder.unlock()

    Workspace(tmp_path).lock()


def test_locking_twice_is_locking_once(tmp_path: Path) -> None:
    """The owner may ask again; unlocking what is not locked is no fault."""
    workspace = Workspace(tmp_path)
    workspace.lock()
    workspace.lock()

    workspace.unlock()
    workspace.unlock()

    other = Workspace(tmp_path)
    other.lock()
    other.unlock()


def test_two_bots_in_one_process_are_kept_apart(tmp_path: Path) -> None:
    """Who embeds two sessions gives each a workspace of its own."""
    workspace = Workspace(tmp_path)
    workspace.lock()

    with pytest.raises(WorkspaceInUse):
        Workspace(tmp_path).lock()

    workspace.unlock()


@pytest.mark.parametrize("content", ["", "no number", "-1", "0", "9" * 30, "4194305"])
def test_an_owner_that_cannot_be_named_keeps_others_out_all_the_same(
    tmp_path: Path, content: str
) -> None:
    """What stands in the file is a courtesy: the lock is the system's."""
    workspace = Workspace(tmp_path)
    workspace.lock()
    (tmp_path / LOCK).write_text(content)  # no process has the last one on Linux

    with pytest.raises(WorkspaceInUse, match="in use by another process") as caught:
        Workspace(tmp_path).lock()

    assert caught.value.pid is None
    workspace.unlock()


# The plugin.


def test_the_plugin_answers_from_the_workspace(tmp_path: Path) -> None:
    """Whoever asks where to put files is sent into the workspace, by the built-in plugin."""

    async def in_thread() -> None:
        raise AssertionError

    context = Context(
        name="workspace",
        log=logging.getLogger("cobot.workspace"),
        clock=SystemClock(),
        random=Random(1),
        workspace=Workspace(tmp_path).folder,
        in_thread=in_thread,
    )
    paths = WorkspacePaths(WorkspacePaths.Settings(), context)

    assert paths.workspace_path("media") == tmp_path / "media"
    assert paths.priority == 20
