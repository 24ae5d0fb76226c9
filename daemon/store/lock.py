"""The files beside a state: one running instance holds the lock; their owner; a token."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import FileIO
from pathlib import Path
from stat import S_ISLNK, S_ISREG

from daemon.domain.errors import LockHeld, StateForeign, StateUnwritable


_ENDS = ("", "-wal", "-shm", ".lock", ".webhook")
_OF_OWNER = 0o700
_LINE, _LONGEST_LINE = b"pid ", 100  # what a lock file begins with, and its length in bytes


@contextmanager
def lock(state: Path) -> Iterator[None]:
    """Hold the lock beside the state; it ends with the process and is never unlinked.

    Raises:
        LockHeld: Another process holds it; the message names it.
        StateForeign: The folder or the state belongs to another user.
        StateUnwritable: The lock file cannot be opened or written.
    """
    refuse_foreign(state)
    path = state.with_name(state.name + ".lock")
    with reachable(path):
        make_private(state)
        # A link or a pipe that somebody put there is not followed and not written to.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    with FileIO(handle, "r+") as file:
        with reachable(path):
            _hold(file, path)
        yield


def _hold(file: FileIO, path: Path) -> None:
    said = file.read(_LONGEST_LINE) if S_ISREG(os.fstat(file.fileno()).st_mode) else None
    if said is None or not said.startswith(_LINE[: len(said)]):
        raise StateUnwritable(f"{path}: is no lock file of notion-review; move it away")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = said.decode(errors="replace").strip() or "another process"
        raise LockHeld(f"{path}: held by {holder}; wait for it or stop it") from error
    line = f"pid {os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode()
    os.pwrite(file.fileno(), line, 0)
    file.truncate(len(line))


def make_private(state: Path) -> None:
    """Make the state's folder, and its files, for this user alone, whatever the umask.

    A folder that holds other things too is left as it is.
    """
    folder = state.parent
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(_OF_OWNER)
    elif all(one.name.startswith((".", state.stem, "status.json")) for one in folder.iterdir()):
        _close_to_others(folder)
    for end in _ENDS:
        _close_to_others(state.with_name(state.name + end))


def _close_to_others(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if found.st_uid == os.geteuid() and found.st_mode & 0o077 and not S_ISLNK(found.st_mode):
        path.chmod(found.st_mode & _OF_OWNER)


def holder(state: Path) -> str | None:
    """Return the holder of the lock, as `pid 123 since …`; None where no holder is known.

    Reads the system's list of locks and takes none, so a service that starts is not disturbed.
    """
    path = state.with_name(state.name + ".lock")
    try:
        said, number = path.read_text("utf-8").strip(), path.stat().st_ino
        locks = Path("/proc/locks").read_text("utf-8").splitlines()
    except OSError:
        return None
    # 1: FLOCK ADVISORY WRITE 4711 fd:01:131077 0 EOF; a waiting one has "->" after its number.
    fields = [line.split() for line in locks if "->" not in line]
    held = {(one[4], one[5].rpartition(":")[2]) for one in fields if one[1] == "FLOCK"}
    pid = said.removeprefix("pid ").partition(" ")[0]
    return said if (pid, str(number)) in held else None


def token_file(state: Path) -> Path:
    """Return where the token stands with which Notion signs its webhooks."""
    return state.with_name(state.name + ".webhook")


def kept_token(state: Path) -> str:
    """Return that token; "" where there is none."""
    try:
        return token_file(state).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def keep_token(state: Path, token: str) -> None:
    """Keep that token for this user alone; it is whole or not there.

    Raises:
        StateUnwritable: The folder or the disk does not take it.
    """
    path = token_file(state)
    aside = path.with_name(f".{path.name}.new")
    with reachable(path):
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with FileIO(handle, "w") as file:
            file.write(f"{token}\n".encode("ascii"))
        aside.replace(path)


def mark_of(token: str) -> str:
    """Return what a token is told from another one by; it cannot be had from it."""
    return sha256(token.encode()).hexdigest()[:16] if token else ""


@contextmanager
def reachable(path: Path) -> Iterator[None]:
    """Turn the operating system's errors on a file into `StateUnwritable`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free space" if full else "choose another `state:` or mend the permissions"
        raise StateUnwritable(
            f"{path}: cannot be reached or written ({error.strerror}); {remedy}"
        ) from error


def refuse_foreign(state: Path) -> None:
    """Refuse a state of another user before anything is written beside it.

    Its owner could no longer use files that root writes there.

    Raises:
        StateForeign: The folder, the state or a file beside it belongs to another user.
    """
    folder, me = state.parent, os.geteuid()
    files = [state.with_name(state.name + end) for end in _ENDS]
    for thing in (folder, *files):
        owner = _owner(thing)
        if owner is None or owner == me:
            continue
        if (
            me == 0
            or thing != folder
            or not os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
        ):
            raise StateForeign(
                f"{thing}: belongs to user {owner}, this is user {me}; "
                "run as that user, or chown it"
            )


def _owner(thing: Path) -> int | None:
    """Return the owner's user id, of the folder where it hides the file; None without a file."""
    try:
        return thing.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return _owner(thing.parent)
