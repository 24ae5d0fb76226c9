"""D1, D2, D6 and the opening of the state: nothing is trusted, nothing is lost."""

from __future__ import annotations

import errno
import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing, contextmanager

import pytest

from daemon.domain.errors import LockHeld, ReviewError, StateDamaged, StateForeign, StateUnwritable
from daemon.store import database, pages, sweeps
from daemon.store.database import copy_in_memory, open_state, read_state, translated
from daemon.store.lock import lock
from support.dying import Killed
from support.states import (
    NOBODY,
    NOW,
    SOURCE,
    as_nobody,
    begin,
    contents,
    filled,
    only_root,
    open_folder,
    page_row,
    python,
)


OPENERS = [open_state, read_state, copy_in_memory]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "notion-review.db"


def pragma(db, name):
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_state_outlives_a_loss_of_power(path):
    with closing(open_state(path)) as db:
        assert pragma(db, "journal_mode") == "wal"
        assert pragma(db, "synchronous") == 2
        assert pragma(db, "foreign_keys") == 1
    assert sorted(contents(path.parent)) == [path.name]


def test_an_opened_state_commits_each_statement_by_itself(path):
    with closing(open_state(path)) as db:
        pages.save_source(db, SOURCE)
        assert not db.conn.in_transaction


def test_d3_what_an_interrupted_transaction_wrote_is_gone(path):
    def write(db):
        with db.atomic():
            pages.save(db, [page_row(1), page_row(2)])
            raise Killed

    with closing(open_state(path)) as db:
        pages.save_source(db, SOURCE)
        with pytest.raises(Killed):
            write(db)
        assert pages.ids_of(db, SOURCE.id) == set()


@pytest.mark.parametrize("step", ["migrations.apply", "os.link"])
def test_a_state_whose_making_was_interrupted_is_not_there(path, monkeypatch, step):
    def die(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(f"daemon.store.database.{step}", die)
        with pytest.raises(Killed):
            open_state(path)
    assert not path.exists()
    assert contents(path.parent) == {}
    open_state(path).close()


def test_a_state_whose_maker_was_killed_is_made_by_the_next_one(path):
    code = (
        "import os, sys, pathlib\n"
        "from daemon.store import database\n"
        "database.os.link = lambda *_: os.kill(os.getpid(), 9)\n"
        "database.open_state(pathlib.Path(sys.argv[1]))"
    )
    assert python(code, path).returncode == -signal.SIGKILL
    assert not path.exists()
    filled(path, 1)
    assert path.exists()


def test_of_two_makers_at_once_the_first_ones_state_stands(path, monkeypatch):
    link = os.link

    def late(*arguments):
        monkeypatch.setattr(database.os, "link", link)
        filled(path, 3)
        link(*arguments)

    monkeypatch.setattr(database.os, "link", late)
    with closing(open_state(path)) as db:
        assert len(pages.ids_of(db, SOURCE.id)) == 3


def test_a_state_is_never_made_by_reading(path):
    assert read_state(path) is None
    assert not path.parent.exists()


def test_a_path_with_signs_of_its_own_in_uris_is_read(tmp_path):
    path = filled(tmp_path / "50% #1? a" / "st?ate&mode=rw#.db", 1)
    with closing(read_state(path)) as db:
        assert pages.ids_of(db, SOURCE.id) == {"page-00000"}


# D1


def other_database(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.execute("INSERT INTO bookmarks VALUES ('https://example.com')")
        connection.commit()


def other_migrations(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE _sqlite_migrations (migration_set, name, applied_at)")
        connection.execute("INSERT INTO _sqlite_migrations VALUES ('recipes', 'v1', '')")
        connection.commit()


def newer_version(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('notion-review', 'v99', '')"
        )
        connection.execute("ALTER TABLE pages ADD COLUMN mood TEXT")
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def garbage_in_the_middle(path):
    whole = path.read_bytes()
    middle = len(whole) // 2 // 4096 * 4096
    path.write_bytes(whole[:middle] + b"\xa5" * 4096 + whole[middle + 4096 :])


def cut(share):
    def damage(path):
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

    return damage


DAMAGES = {
    "zero-length": (lambda path: path.write_bytes(b""), "is empty"),
    "garbage": (lambda path: path.write_bytes(os.urandom(9000)), "damaged"),
    "text": (lambda path: path.write_text("pages: none\n" * 90), "damaged"),
    "first bytes only": (cut(0.0003), "damaged"),
    "a tenth": (cut(0.1), "damaged"),
    "half": (cut(0.5), "damaged"),
    "all but the end": (cut(0.99), "damaged"),
    "garbage in the middle": (garbage_in_the_middle, "damaged"),
    "another program's": (other_database, "not a state of notion-review"),
    "another program's migrations": (other_migrations, "not a state of notion-review"),
    "newer": (newer_version, "newer version (v99); upgrade"),
}


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize(("damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_d1_what_cannot_be_trusted_is_refused_in_one_line_and_left_as_it_is(
    path, opener, damage, words
):
    damage(filled(path))
    before = contents(path.parent)
    with pytest.raises(StateDamaged) as caught:
        opener(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert contents(path.parent) == before


def test_d1_every_cut_is_noticed(path):
    whole = filled(path).read_bytes()
    for size in [*range(1, 600, 97), *range(4096, len(whole), 4096)]:
        path.write_bytes(whole[:size])
        with pytest.raises(StateDamaged):
            open_state(path)
    path.write_bytes(whole)
    open_state(path).close()


def test_d1_a_state_with_its_tables_gone_is_damaged_not_a_bug(path):
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE decisions")
    with closing(open_state(path)) as db, pytest.raises(StateDamaged), translated(path):
        sweeps.record_decision(db, "page", NOW, "nominated")


def kill_a_writer(path):
    code = (
        "import os, sys, pathlib\n"
        "from daemon.store import database\n"
        "db = database.open_state(pathlib.Path(sys.argv[1]))\n"
        "database.set_value(db, 'last words', 'here')\n"
        "os.kill(os.getpid(), 9)"
    )
    assert python(code, path).returncode == -signal.SIGKILL


def test_a_killed_writers_last_commit_is_there(path):
    kill_a_writer(filled(path))
    for opener in reversed(OPENERS):
        with closing(opener(path)) as db:
            assert database.get_value(db, "last words") == "here"


# Reading


@contextmanager
def service_at_work(path):
    """Another process holds the lock and has written."""
    code = (
        "import sys, pathlib\n"
        "from daemon.store import database\n"
        "from daemon.store.lock import lock\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "with lock(path):\n"
        "    db = database.open_state(path)\n"
        "    database.set_value(db, 'seen', 'committed')\n"
        "    db.execute('BEGIN')\n"
        "    database.set_value(db, 'unseen', 'not committed')\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()"
    )
    with begin(code, path):
        yield


@pytest.mark.parametrize("opener", [read_state, copy_in_memory])
def test_reading_works_beside_a_service_that_writes(path, opener):
    filled(path)
    with service_at_work(path):
        before = set(contents(path.parent))
        with closing(opener(path)) as db:
            assert database.get_value(db, "seen") == "committed"
            assert database.get_value(db, "unseen") is None
        assert set(contents(path.parent)) == before


@pytest.mark.parametrize("opener", [read_state, copy_in_memory])
def test_reading_leaves_no_trace(path, opener):
    filled(path)
    before, times = contents(path.parent), path.stat().st_mtime_ns
    with closing(opener(path)) as db:
        pages.counts(db, NOW)
    assert contents(path.parent) == before
    assert path.stat().st_mtime_ns == times


def test_what_a_dry_run_writes_stays_in_memory(path):
    filled(path, 2)
    before = contents(path.parent)
    with closing(copy_in_memory(path)) as db, db.atomic():
        pages.save(db, [page_row(7)])
        assert len(pages.ids_of(db, SOURCE.id)) == 3
    assert contents(path.parent) == before


def test_a_dry_run_before_the_first_sweep_makes_no_file(path):
    with closing(copy_in_memory(path)) as db:
        pages.save_source(db, SOURCE)
    assert not path.parent.exists()


def test_what_is_read_cannot_be_written(path):
    filled(path, 1)
    with closing(read_state(path)) as db, pytest.raises(StateUnwritable), translated(path):
        database.set_value(db, "name", "value")


@only_root
@pytest.mark.parametrize("opener", [read_state, copy_in_memory])
@pytest.mark.parametrize("left", ["closed", "killed", "killed without its memory"])
def test_reading_works_for_another_user_in_a_folder_that_cannot_be_written(opener, left):
    with open_folder() as folder:
        path = filled(folder / "notion-review.db", 2)
        if left != "closed":
            kill_a_writer(path)
        if left == "killed without its memory":
            path.with_name(path.name + "-shm").unlink()
        let_others_read(folder)
        before = contents(folder)
        with as_nobody(), closing(opener(path)) as db:
            assert pages.page(db, "page-00001") is not None
            assert (database.get_value(db, "last words") == "here") == (left != "closed")
        assert contents(folder) == before


def let_others_read(folder):
    """What an operator does who wants a monitor to read the state."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)


@only_root
def test_reading_works_for_another_user_while_the_service_runs():
    with open_folder() as folder:
        path = filled(folder / "notion-review.db", 2)
        with service_at_work(path):
            let_others_read(folder)
            with as_nobody(), closing(read_state(path)) as db:
                assert database.get_value(db, "seen") == "committed"


# Whose it is


@only_root
@pytest.mark.parametrize("thing", ["the folder", "", "-wal", "-shm", ".lock"])
def test_f17_root_does_not_touch_a_state_of_another_user(thing):
    with open_folder() as folder:
        path = filled(folder / "notion-review.db")
        target = folder if thing == "the folder" else path.with_name(path.name + thing)
        target.touch()
        os.chown(target, NOBODY, NOBODY)
        before = contents(folder)
        said = f"{re.escape(str(target))}: belongs to user {NOBODY}, this is user 0;"
        with pytest.raises(StateForeign, match=said):
            open_state(path)
        with pytest.raises(StateForeign), lock(path):
            pass
        assert contents(folder) == before


@only_root
@pytest.mark.parametrize("mode", [0o755, 0o700, 0o777])
def test_f17_a_state_of_root_is_refused_to_others(mode):
    with open_folder() as folder:
        path = filled(folder / "notion-review.db")
        folder.chmod(mode)
        before = contents(folder)
        with as_nobody():
            with pytest.raises(StateForeign, match="belongs to user 0"):
                open_state(path)
            with pytest.raises(StateForeign), lock(path):
                pass
        assert contents(folder) == before


@only_root
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_f17_a_folder_of_root_is_refused_to_others(mode):
    with open_folder() as folder:
        folder.chmod(mode)
        path = folder / "notion-review.db"
        with as_nobody():
            with pytest.raises(StateForeign, match="belongs to user 0"):
                open_state(path)
            with pytest.raises(StateForeign), lock(path):
                pass
        assert contents(folder) == {}


@only_root
def test_f17_what_a_closed_folder_hides_is_its_owners():
    with open_folder() as folder:
        path = filled(folder / "closed" / "state" / "notion-review.db")
        (folder / "closed").chmod(0o700)
        with as_nobody(), pytest.raises(StateForeign, match="belongs to user 0"):
            open_state(path)


@only_root
def test_a_shared_folder_is_no_foreign_one():
    with open_folder() as folder:
        folder.chmod(0o1777)
        path = folder / "notion-review.db"
        with as_nobody(), lock(path):
            filled(path, 1)
        assert path.stat().st_uid == NOBODY


@only_root
def test_an_own_folder_that_cannot_be_written_is_told():
    with open_folder() as folder:
        os.chown(folder, NOBODY, NOBODY)
        path = folder / "notion-review.db"
        with as_nobody():
            folder.chmod(0o555)
            with pytest.raises(StateUnwritable, match="Permission denied"):
                open_state(path)
            folder.chmod(0o755)
            filled(path, 1)
            path.chmod(0o444)
            folder.chmod(0o555)
            with pytest.raises(StateUnwritable, match="cannot be written"):
                open_state(path)


def test_a_path_through_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "notion-review.db"
    with pytest.raises(StateUnwritable, match="cannot be reached"):
        open_state(path)
    with pytest.raises(StateUnwritable, match="cannot be reached"), lock(path):
        pass


def test_a_folder_in_the_states_place_is_told(path):
    path.mkdir(parents=True)
    with pytest.raises(ReviewError):
        open_state(path)


# D2


@contextmanager
def small_disk(kilobytes):
    """A file system of a few kilobytes; skips the test where none can be mounted."""
    with open_folder() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip("no file system can be mounted here")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@only_root
def test_d2_a_full_disk_is_told_loses_nothing_and_recovers():
    with small_disk(1024) as folder:
        path = filled(folder / "notion-review.db", 5)
        ballast = folder / "ballast"
        with closing(open_state(path)) as db:
            database.set_value(db, "before", "kept")
            with pytest.raises(OSError, match="No space left"):
                ballast.write_bytes(b"x" * 2**20)
            with pytest.raises(StateUnwritable, match="free space"), translated(path):
                pages.save(db, [page_row(number) for number in range(1000, 3000)])
            assert len(pages.ids_of(db, SOURCE.id)) == 5
            ballast.unlink()
            pages.save(db, [page_row(1)])
            database.set_value(db, "after", "kept")
        with closing(open_state(path)) as db:
            assert database.get_value(db, "before") == database.get_value(db, "after") == "kept"
            assert database.check_integrity(db) == "ok"


@only_root
@pytest.mark.parametrize("kilobytes", [64, 300, 500])
def test_d2_a_disk_too_full_for_a_new_state_is_told_and_left_empty(kilobytes):
    with small_disk(kilobytes) as folder:
        path = folder / "notion-review.db"
        with pytest.raises(StateUnwritable):
            open_state(path)
        assert list(folder.iterdir()) == []


@only_root
def test_d2_a_disk_too_full_to_name_the_holder_is_told():
    with small_disk(4) as folder:
        (folder / "ballast").touch()
        with pytest.raises(OSError, match="No space left"):
            (folder / "ballast").write_bytes(b"x" * 2**20)
        held = lock(folder / "notion-review.db")
        with pytest.raises(StateUnwritable, match="free space"), held:
            pass


def test_d2_a_state_at_its_limit_rolls_back_whole(path):
    with closing(open_state(filled(path, 5))) as db:
        db.execute(f"PRAGMA max_page_count = {pragma(db, 'page_count') + 3}")
        with pytest.raises(StateUnwritable, match="full"), translated(path), db.atomic():
            pages.save(db, [page_row(number) for number in range(10, 3000)])
        assert len(pages.ids_of(db, SOURCE.id)) == 5


# What SQLite's errors mean


def sqlite_error(code, kind=sqlite3.OperationalError):
    error = kind("some words")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_BUSY, LockHeld),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LockHeld),
        (sqlite3.SQLITE_LOCKED, LockHeld),
        (sqlite3.SQLITE_FULL, StateUnwritable),
        (sqlite3.SQLITE_IOERR_WRITE, StateUnwritable),
        (sqlite3.SQLITE_IOERR_FSYNC, StateUnwritable),
        (sqlite3.SQLITE_READONLY_DIRECTORY, StateUnwritable),
        (sqlite3.SQLITE_CANTOPEN, StateUnwritable),
        (sqlite3.SQLITE_CORRUPT, StateDamaged),
        (sqlite3.SQLITE_CORRUPT_INDEX, StateDamaged),
        (sqlite3.SQLITE_NOTADB, StateDamaged),
    ],
)
def test_every_error_of_sqlite_has_its_meaning(path, code, meaning):
    with pytest.raises(meaning) as caught, translated(path):
        raise sqlite_error(code)
    assert type(caught.value) is meaning
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("depth", [1, 3])
def test_an_error_in_a_group_of_tasks_has_its_meaning_too(path, depth):
    group = sqlite_error(sqlite3.SQLITE_FULL)
    for _ in range(depth):
        group = ExceptionGroup("tasks", [ValueError("another"), group])
    with pytest.raises(StateUnwritable), translated(path):
        raise group


@pytest.mark.parametrize(
    "error",
    [
        sqlite_error(sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.IntegrityError),
        sqlite3.ProgrammingError("Cannot operate on a closed database."),
        sqlite_error(sqlite3.SQLITE_ERROR),
        ExceptionGroup("tasks", [ValueError("words")]),
        ExceptionGroup("tasks", [sqlite_error(sqlite3.SQLITE_CONSTRAINT, sqlite3.IntegrityError)]),
        OSError(errno.ENOSPC, "not the state's disk"),
    ],
)
def test_a_mistake_of_this_program_is_not_blamed_on_the_file(path, error):
    with pytest.raises(type(error)) as caught, translated(path):
        raise error
    assert caught.value is error


def test_a_second_writer_is_told_that_the_state_is_locked(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with closing(open_state(path)) as one, closing(open_state(path)) as other, one.atomic():
        database.set_value(one, "name", "one")
        with pytest.raises(LockHeld), translated(path):
            database.set_value(other, "name", "other")


# D6


def test_d6_old_sweeps_and_decisions_are_pruned_and_young_ones_stay(path):
    with closing(open_state(path)) as db:
        old, young = NOW - sweeps.RETENTION * 1.01, NOW - sweeps.RETENTION * 0.99
        for at in (old, young):
            sweeps.end_sweep(db, sweeps.begin_sweep(db, at), {"at": str(at)}, at)
            sweeps.record_decision(db, "page", at, "nominated", str(at))
        sweeps.prune(db, NOW)
        assert sweeps.last_sweep(db) == {"at": str(young)}
        assert [detail for _, _, detail in sweeps.decisions(db, "page")] == [str(young)]
        assert db.execute("SELECT count(*) FROM sweeps").fetchone()[0] == 1
