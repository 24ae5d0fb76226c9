"""Opening the state, refusing what cannot be trusted, and the lock beside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from daemon.errors import LockHeld, StateDamaged, StateForeign, StateUnwritable
from daemon.store.schema import migrations


BUSY_SECONDS = 30


def iso(time: datetime) -> str:
    """Write a time so that it sorts as text."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(text: str) -> datetime:
    """Read a time that `iso` wrote."""
    return datetime.fromisoformat(text)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors on this file into ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise LockHeld(f"{path}: the state is locked by another program; close it") from error
        raise StateUnwritable(
            f"{path}: the state cannot be written ({error}); free space or mend the permissions"
        ) from error
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # a mistake of this program, not of the file
    except sqlite3.DatabaseError as error:
        raise StateDamaged(
            f"{path}: the state is damaged ({error}); restore a backup, or move the file away "
            "to start afresh (pages are baselined again)"
        ) from error


def open_state(path: Path) -> Database:
    """Open the state for writing, create or migrate it.

    Raises:
        StateDamaged: The file is no state of ours, is damaged, or comes from a newer version.
        StateForeign: The folder or the file belongs to another user.
        StateUnwritable: The folder or the disk does not take it.
    """
    _refuse_foreign(path)
    with told(path):
        if not path.exists():
            _create(path)
        db = _connect(path)
        _refuse_strange(db, path)
        if migrations.pending(db):
            migrations.apply(db)
    return db


def read_state(path: Path) -> Database | None:
    """Open the state for reading only, or return None where there is none yet."""
    if not path.exists():
        return None
    with told(path):
        db = Database(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_SECONDS))
        _refuse_strange(db, path)
        return db


def copy_in_memory(path: Path) -> Database:
    """Return a copy of the state that is forgotten at the end: what a dry run works on."""
    copy = Database(memory=True)
    if (source := read_state(path)) is not None:
        source.conn.backup(copy.conn)
        source.close()
    migrations.apply(copy)
    return copy


def integrity(db: Database) -> str:
    """Return "ok" or what SQLite's quick check found."""
    return str(db.execute("PRAGMA quick_check(1)").fetchone()[0])


def _create(path: Path) -> None:
    """Build the file aside and rename it: a crash leaves no empty state behind."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        db = _connect(fresh)
        migrations.apply(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        fresh.rename(path)
        for left in ("-wal", "-shm"):
            fresh.with_name(fresh.name + left).unlink(missing_ok=True)
    except OSError as error:
        raise StateUnwritable(
            f"{path}: the state cannot be created ({error.strerror}); "
            "choose another `state:` or mend the folder's permissions"
        ) from error


def _connect(path: Path) -> Database:
    # Autocommit: a statement is its own transaction unless `db.atomic()` holds several together.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return Database(connection)


def _refuse_strange(db: Database, path: Path) -> None:
    applied = {migration.name for migration in migrations.applied(db)}
    known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 - no accessor
    if not applied:
        raise StateDamaged(
            f"{path}: this file is not a state of notion-review; move it away or change `state:`"
        )
    if newer := applied - known:
        raise StateDamaged(
            f"{path}: the state was written by a newer version ({', '.join(sorted(newer))}); "
            "upgrade notion-review"
        )


def _refuse_foreign(path: Path) -> None:
    for thing in (path.parent, path):
        with suppress(FileNotFoundError):
            owner = thing.stat().st_uid
            if owner != os.geteuid() and (os.geteuid() == 0 or thing == path):
                raise StateForeign(
                    f"{thing}: belongs to user {owner}, this is user {os.geteuid()}; "
                    "run as that user, or chown it"
                )


@contextmanager
def lock(state: Path) -> Iterator[None]:
    """Hold the lock beside the state; it ends with the process and is never unlinked.

    Raises:
        LockHeld: Another process holds it.
        StateUnwritable: The lock file cannot be opened.
    """
    path = state.with_name(state.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+")
    except OSError as error:
        raise StateUnwritable(
            f"{path}: cannot be opened ({error.strerror}); choose another `state:` or mend "
            "the folder's permissions"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            raise LockHeld(f"{path}: held by {holder}; wait for it or stop it") from error
        handle.truncate(0)
        handle.write(f"pid {os.getpid()} since {iso(datetime.now(UTC))}\n")
        handle.flush()
        yield


def fact(db: Database, name: str) -> str | None:
    """Return a stored fact, such as the bot's own id."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
    return row[0] if row else None


def remember(db: Database, name: str, value: str) -> None:
    """Store a fact."""
    db.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value],
    )
