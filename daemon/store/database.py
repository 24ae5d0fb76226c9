"""Open the state, refuse a file that cannot be trusted, and turn SQLite's errors into ours."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import traceback
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from sqlite_utils import Database

from daemon.domain.errors import LockHeld, ReviewError, StateDamaged, StateUnwritable
from daemon.store.lock import make_private, reachable, refuse_foreign
from daemon.store.schema import migrations


# The open state, as every other room names it.
State = Database

BUSY_SECONDS = 30
# What a flipped bit makes of a stored time, name, number, JSON or compressed text.
_UNREADABLE = (ValueError, KeyError, zlib.error)
TRIED_BYTES = 256 * 1024  # more than one transaction of a sweep writes

_RESTORE = "restore a backup, or move the file away to start afresh (pages are baselined again)"
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DAMAGE_SAID = ("no such table", "no such column", "malformed JSON", "Could not decode to UTF-8")
_UNWRITABLE = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_PROTOCOL,
)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of this file into ours, also out of a group of tasks.

    They are SQLite's, and those of a stored value that cannot be read, such as a time.
    """
    try:
        yield
    except (sqlite3.Error, *_UNREADABLE) as error:
        if meaning := _meaning(error, path):
            raise meaning from error
        raise
    except BaseExceptionGroup as group:
        for one in _leaves(group):
            if meaning := _meaning(one, path):
                raise meaning from group
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _meaning(error: BaseException, path: Path) -> ReviewError | None:
    """Return our error for one of the file; None where it is a mistake of this program.

    The low byte of a code tells the kind: https://sqlite.org/rescode.html
    """
    if isinstance(error, StateDamaged | StateUnwritable | LockHeld):
        return error  # told already, within the group
    # A text that cannot be encoded was on its way into the state.
    is_of_reading = isinstance(error, _UNREADABLE) and not isinstance(error, UnicodeEncodeError)
    if is_of_reading and _is_of_a_stored_value(error):
        return StateDamaged(f"{path}: the state is damaged ({error}); {_RESTORE}")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if code in _LOCKED:
        return LockHeld(f"{path}: the state is locked by another program; close it")
    if code in _DAMAGED or str(error).startswith(_DAMAGE_SAID):
        return StateDamaged(f"{path}: the state is damaged ({error}); {_RESTORE}")
    if code in _UNWRITABLE:
        return StateUnwritable(
            f"{path}: the state cannot be written ({error}); free space or mend the permissions"
        )
    return None


def _is_of_a_stored_value(error: BaseException) -> bool:
    """Tell whether a row of the state could not be read: the error comes out of this room."""
    rooms = [
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    # `domain` and libraries read single values for whoever asks.
    askers = [name for name in rooms if name.startswith("daemon.") and ".domain." not in name]
    return bool(askers) and askers[-1].startswith(__package__ or "")


def open_state(path: Path) -> Database:
    """Open the state for writing, create or migrate it.

    Raises:
        StateDamaged: The file is no state of ours, is damaged, or comes from a newer version.
        StateForeign: The folder or the file belongs to another user.
        StateUnwritable: The folder or the disk does not take it.
    """
    refuse_foreign(path)
    with translated(path), reachable(path):
        make_private(path)
        if not path.exists():
            _create(path)
        _examined(path).close()  # before the first byte of it is changed
        db = _connect(path)
        with _closed_on_failure(db):
            migrations.apply(db)
    return db


def read_state(path: Path) -> Database | None:
    """Open the state for reading only, or return None where there is none yet.

    Leaves no trace, and works beside a running service and in a folder that cannot be written. A
    state of an earlier version is migrated in memory.

    Raises:
        StateDamaged: As `open_state`.
        StateUnwritable: The file cannot be reached.
    """
    with translated(path), reachable(path):
        return _of_today(_examined(path)) if path.exists() else None


def _of_today(db: Database) -> Database:
    """Return a state that was opened for reading as this version knows it."""
    if not migrations.pending(db):
        return db
    with closing(db):
        return _copy(db)


def _copy(source: Database | None) -> Database:
    """Return a copy in memory, as this version knows it, of a state or of none."""
    copy = Database(sqlite3.connect(":memory:", isolation_level=None))
    if source is not None:
        source.conn.backup(copy.conn)
    copy.execute("PRAGMA foreign_keys = ON")
    migrations.apply(copy)
    return copy


@contextmanager
def quick_read(path: Path) -> Iterator[Database | None]:
    """Yield the state for one short read, without examining the file; None where there is none.

    For callers that read it with `read_state` before and ask often. All that the block reads is
    of one moment.

    Raises:
        StateDamaged, StateUnwritable, LockHeld: As `read_state`.
    """
    with translated(path), reachable(path):
        if not path.exists():
            yield None
            return
        with closing(_of_today(Database(_reading(path)))) as db:
            db.execute("BEGIN")
            yield db


def copy_in_memory(path: Path) -> Database:
    """Return a copy of the state in memory: a dry run changes it, and the file stays as it is."""
    source = read_state(path)
    with closing(source) if source else nullcontext():
        return _copy(source)


def try_writing(path: Path) -> None:
    """Write on the disk of a state, beside it or where it will be, and leave nothing behind.

    Raises:
        StateUnwritable: The disk is full, or does not take it.
    """
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    with reachable(path), TemporaryFile(dir=folder) as file:
        file.write(bytes(TRIED_BYTES))
        file.flush()
        os.fsync(file.fileno())


def empty_log(db: Database) -> None:
    """Move what stands in the write-ahead log into the file, where nobody reads it just now."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def check_integrity(db: Database) -> str:
    """Return "ok", or the first fault that SQLite's quick check found."""
    return str(db.execute("PRAGMA quick_check(1)").fetchone()[0])


def _create(path: Path) -> None:
    """Build the file in a folder of its own and link it into place: nobody sees half a state.

    Where two processes start at once, the state of the first one stays.
    """
    with TemporaryDirectory(prefix=f"{path.name}.new-", dir=path.parent) as aside:
        fresh = Path(aside) / path.name
        fresh.touch(mode=0o600)  # SQLite gives the files beside it the same mode
        with closing(_connect(fresh)) as db:
            migrations.apply(db)
            # On a full disk `close` would leave the log, in which the tables still are, behind.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with suppress(FileExistsError):
            os.link(fresh, path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Write a folder's list of names to the disk, so that a new file outlives a loss of power."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _connect(path: Path) -> Database:
    # Autocommit: a statement is its own transaction unless `db.atomic()` holds several together.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is not left in free pages
    return Database(connection)


def _examined(path: Path) -> Database:
    """Open the state for reading; refuse a file that is damaged, not ours, or too new."""
    if path.stat().st_size == 0:
        raise StateDamaged(f"{path}: the state is empty; {_RESTORE}")
    db = Database(_reading(path))
    with _closed_on_failure(db):
        _refuse_strange(db, path)
    return db


@contextmanager
def _closed_on_failure(db: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        db.close()
        raise


def _refuse_strange(db: Database, path: Path) -> None:
    applied = {migration.name for migration in migrations.applied(db)}
    known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 - no accessor
    if not applied:
        raise StateDamaged(
            f"{path}: this file is not a state of notion-review; move it away or change `state:`"
        )
    if newer := applied - known:
        names = ", ".join(sorted(newer))
        raise StateDamaged(
            f"{path}: the state was written by a newer version ({names}); upgrade notion-review"
        )
    if (found := check_integrity(db)) != "ok":
        said = " ".join(found.split())
        raise StateDamaged(f"{path}: the state is damaged ({said}); {_RESTORE}")


def _reading(path: Path) -> sqlite3.Connection:
    """Connect without writing anything.

    A plain read-only connection makes a -shm and a -wal file and leaves them behind. Without a
    write-ahead log all is in the file itself, which can be taken for immutable; with one, a
    service is running or was killed, and the files are there.
    """
    log = _log(path)
    if not (log.exists() and log.stat().st_size):
        return _read_only(path, "immutable=1")
    connection = _read_only(path)
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        connection.close()
        return _copied(path)
    return connection


def _read_only(path: Path, more: str = "") -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro&{more}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _copied(path: Path) -> sqlite3.Connection:
    """Copy a state whose write-ahead log cannot be opened where it stands into memory."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    with TemporaryDirectory() as aside:
        for part in (path, _log(path)):
            shutil.copyfile(part, Path(aside) / part.name)
        source = sqlite3.connect(Path(aside) / path.name)
        source.backup(memory)
        source.close()
    return memory


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def get_value(db: Database, name: str) -> str | None:
    """Return the value that is stored under a name, such as the bot's own id; None for none."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
    return row[0] if row else None


def get_json(db: Database, name: str) -> Any:
    """Return what is stored under a name as JSON; None for nothing."""
    value = get_value(db, name)
    return None if value is None else json.loads(value)


def set_value(db: Database, name: str, value: str) -> None:
    """Store a value under a name, in the place of the one before."""
    db.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value],
    )
