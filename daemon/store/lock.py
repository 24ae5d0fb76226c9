"""One instance for a state: the lock beside it, and whose files they are."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from daemon.domain.errors import LockHeld, StateForeign, StateUnwritable


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
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = FileIO(path, "a+")
    with handle:
        with reachable(path):
            _hold(handle, path)
        yield


def _hold(handle: FileIO, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.seek(0)
        holder = handle.read(100).decode(errors="replace").strip() or "another process"
        raise LockHeld(f"{path}: held by {holder}; wait for it or stop it") from error
    handle.truncate(0)
    handle.write(f"pid {os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode())


def holder(state: Path) -> str | None:
    """Return who holds the lock, as `pid 123 since …`, or None where nobody is known to.

    Looks at the system's list of locks and takes none: a service that starts is not disturbed.
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


@contextmanager
def reachable(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals on a file into ours."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free space" if full else "choose another `state:` or mend the permissions"
        raise StateUnwritable(
            f"{path}: cannot be reached or written ({error.strerror}); {remedy}"
        ) from error


def refuse_foreign(state: Path) -> None:
    """Refuse a state of another user before anything beside it is made.

    What root writes there, its owner could not use any more.

    Raises:
        StateForeign: The folder, the state or a file beside it belongs to another user.
    """
    folder, me = state.parent, os.geteuid()
    files = [state.with_name(state.name + end) for end in ("", "-wal", "-shm", ".lock")]
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
    """Return the user whose thing it is; what a closed folder hides is the folder's owner's."""
    try:
        return thing.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return _owner(thing.parent)
