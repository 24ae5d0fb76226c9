"""Opening the state, refusing what cannot be trusted, and telling SQLite's errors apart."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlite_utils import Database

from daemon.domain.errors import LockHeld, ReviewError, StateDamaged, StateUnwritable
from daemon.store.lock import lock, reachable, refuse_foreign
from daemon.store.schema import migrations


__all__ = [
    "copy_in_memory",
    "fact",
    "glance",
    "integrity",
    "iso",
    "lock",
    "open_state",
    "read_state",
    "remember",
    "told",
    "when",
]

BUSY_SECONDS = 30

_RESTORE = "restore a backup, or move the file away to start afresh (pages are baselined again)"
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNWRITABLE = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_PROTOCOL,
)


def iso(time: datetime) -> str:
    """Write a time so that it sorts as text."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(text: str) -> datetime:
    """Read a time that `iso` wrote."""
    return datetime.fromisoformat(text)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors on this file into ours, also out of a group of tasks."""
    try:
        yield
    except sqlite3.Error as error:
        if meaning := _meaning(error, path):
            raise meaning from error
        raise
    except BaseExceptionGroup as group:
        if meaning := _meaning(_first(group.subgroup(sqlite3.Error)), path):
            raise meaning from group
        raise


def _first(error: BaseException | None) -> BaseException | None:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _meaning(error: BaseException | None, path: Path) -> ReviewError | None:
    """Return what an error of SQLite's asks for; None for a mistake of this program.

    The low byte of a code tells the kind: https://sqlite.org/rescode.html
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if code in _LOCKED:
        return LockHeld(f"{path}: the state is locked by another program; close it")
    if code in _DAMAGED or str(error).startswith(("no such table", "no such column")):
        return StateDamaged(f"{path}: the state is damaged ({error}); {_RESTORE}")
    if code in _UNWRITABLE:
        return StateUnwritable(
            f"{path}: the state cannot be written ({error}); free space or mend the permissions"
        )
    return None


def open_state(path: Path) -> Database:
    """Open the state for writing, create or migrate it.

    Raises:
        StateDamaged: The file is no state of ours, is damaged, or comes from a newer version.
        StateForeign: The folder or the file belongs to another user.
        StateUnwritable: The folder or the disk does not take it.
    """
    refuse_foreign(path)
    with told(path), reachable(path):
        if not path.exists():
            _create(path)
        _examined(path).close()  # before the first byte of it is changed
        db = _connect(path)
        with _closed_on_failure(db):
            migrations.apply(db)
    return db


def read_state(path: Path) -> Database | None:
    """Open the state for reading only, or return None where there is none yet.

    Leaves no trace, and works beside a running service and in a folder that cannot be written.

    Raises:
        StateDamaged: As `open_state`.
        StateUnwritable: The file cannot be reached.
    """
    with told(path), reachable(path):
        return _examined(path) if path.exists() else None


@contextmanager
def glance(path: Path) -> Iterator[Database | None]:
    """Yield the state for a moment's reading, unexamined and at once; None where there is none.

    For one who read it with `read_state` before, and asks often. What is read in the block is of
    one moment.

    Raises:
        StateDamaged, StateUnwritable, LockHeld: As `read_state`.
    """
    with told(path), reachable(path):
        if not path.exists():
            yield None
            return
        with closing(Database(_reading(path))) as db:
            db.execute("BEGIN")
            yield db


def copy_in_memory(path: Path) -> Database:
    """Return a copy of the state that is forgotten at the end: what a dry run works on."""
    copy = Database(sqlite3.connect(":memory:", isolation_level=None))
    if (source := read_state(path)) is not None:
        source.conn.backup(copy.conn)
        source.close()
    copy.execute("PRAGMA foreign_keys = ON")  # what the state refuses, its copy refuses
    migrations.apply(copy)
    return copy


def integrity(db: Database) -> str:
    """Return "ok" or what SQLite's quick check found."""
    return str(db.execute("PRAGMA quick_check(1)").fetchone()[0])


def _create(path: Path) -> None:
    """Build the file aside and link it: nobody ever sees a state that is not whole.

    Where two processes begin at once, the first one's state stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{path.name}.new-", dir=path.parent) as aside:
        fresh = Path(aside) / path.name
        with closing(_connect(fresh)) as db:
            migrations.apply(db)
            # On a full disk `close` would leave the log, in which the tables still are, behind.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with suppress(FileExistsError):
            os.link(fresh, path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make a new name in a folder outlive a loss of power."""
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
    return Database(connection)


def _examined(path: Path) -> Database:
    """Open the state for reading and refuse what is not whole, not ours or not known."""
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
    if (found := integrity(db)) != "ok":
        said = " ".join(found.split())
        raise StateDamaged(f"{path}: the state is damaged ({said}); {_RESTORE}")


def _reading(path: Path) -> sqlite3.Connection:
    """Connect without writing anything.

    A plain read-only connection makes a -shm and a -wal file and leaves them behind. Without a
    write-ahead log all is in the file itself, which can be taken for immutable; with one, a
    service is running or was killed, and the files are there.
    """
    if not _size(_log(path)):
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


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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
