"""D5: one instance for a state; the lock names its holder and dies with it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import closing

import pytest

from daemon.domain.errors import LockHeld, StateUnwritable
from daemon.store.database import open_state
from daemon.store.lock import lock
from support.states import begin, python


HOLD = (
    "import sys, pathlib\n"
    "from daemon.store.lock import lock\n"
    "with lock(pathlib.Path(sys.argv[1])):\n"
    "    print('ready', flush=True)\n"
    "    sys.stdin.read()"
)


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state" / "notion-review.db"


@pytest.fixture
def lock_file(state):
    return state.with_name(state.name + ".lock")


def test_d5_a_second_process_is_told_at_once_who_holds_the_lock(state, lock_file):
    # The holder lets go only after the block: a lock that waited would never return.
    with begin(HOLD, state) as holder, pytest.raises(LockHeld) as caught, lock(state):
        pass
    said = str(caught.value)
    assert said.startswith(f"{lock_file}: held by pid {holder.pid} since 20")
    assert "\n" not in said


def test_d5_a_killed_holder_frees_the_lock_and_leaves_the_file(state, lock_file):
    with begin(HOLD, state) as holder:
        inode = lock_file.stat().st_ino
        holder.kill()
        assert holder.wait() == -signal.SIGKILL
    with lock(state):
        assert lock_file.read_text().startswith(f"pid {os.getpid()} since ")
    assert lock_file.stat().st_ino == inode


def test_the_file_outlives_the_lock_so_that_all_lock_the_same_one(state, lock_file):
    with lock(state):
        inode = lock_file.stat().st_ino
    assert lock_file.stat().st_ino == inode
    with lock(state):
        assert lock_file.stat().st_ino == inode
        assert len(lock_file.read_text().splitlines()) == 1


def test_the_lock_is_let_go_when_its_block_fails(state):
    with pytest.raises(ValueError, match="words"), lock(state):
        raise ValueError("words")
    with lock(state):
        pass


def test_what_an_alert_starts_does_not_keep_the_lock(state):
    code = (
        "import subprocess, sys, pathlib\n"
        "from daemon.store.lock import lock\n"
        "with lock(pathlib.Path(sys.argv[1])):\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'],"
        " stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
        "child.communicate()"
    )
    with begin(code, state) as holder:
        holder.kill()
        holder.wait()
        with lock(state):
            pass


def test_an_unnamed_holder_is_still_a_holder(state, lock_file):
    with begin(HOLD, state):
        lock_file.write_text("")
        with pytest.raises(LockHeld, match="held by another process"), lock(state):
            pass


def test_two_states_do_not_lock_each_other_out(tmp_path):
    with lock(tmp_path / "one.db"), lock(tmp_path / "other.db"):
        pass


def test_the_lock_is_made_before_there_is_a_state(state):
    with lock(state):
        assert not state.exists()
    assert python(HOLD, state, stdin=subprocess.DEVNULL).stdout == "ready\n"


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "file", "folder"])
def test_what_is_no_lock_file_is_neither_followed_nor_written_to(state, lock_file, tmp_path, kind):
    state.parent.mkdir()
    other = tmp_path / "precious"
    if kind == "pipe":
        os.mkfifo(lock_file)
    elif kind == "file":
        lock_file.write_text("all that matters")
    elif kind == "folder":
        lock_file.mkdir()
    else:
        lock_file.symlink_to(other)
    if kind == "link":
        other.write_text("pid 1: all that matters")
    with pytest.raises(StateUnwritable) as caught, lock(state):
        pass
    assert str(caught.value).startswith(f"{lock_file}: ")
    if kind == "file":
        assert lock_file.read_text() == "all that matters"
    assert other.exists() == (kind == "link")
    if kind == "link":
        assert other.read_text() == "pid 1: all that matters"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("made", ["by us", "before", "with .gitkeep"])
def test_folder_and_files_are_for_their_owner_alone_whatever_the_umask(state, umask, made):
    before = os.umask(umask)
    try:
        if made != "by us":
            state.parent.mkdir()
        if made == "with .gitkeep":
            (state.parent / ".gitkeep").touch()
        with lock(state), closing(open_state(state)) as db:
            db.execute("INSERT INTO facts VALUES ('a', 'b')")
            files = {path.name: path for path in state.parent.iterdir() if path.name != ".gitkeep"}
            assert len(files) == 4
            modes = {path.stat().st_mode & 0o777 for path in files.values()}
        assert (modes, state.parent.stat().st_mode & 0o777) == ({0o600}, 0o700)
    finally:
        os.umask(before)


def test_an_earlier_state_is_closed_to_others_and_a_shared_folder_left_as_it_is(state):
    with closing(open_state(state)):
        pass
    state.chmod(0o644)
    state.parent.chmod(0o755)
    (state.parent / "notes.txt").touch()
    with closing(open_state(state)):
        pass
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.parent.stat().st_mode & 0o777 == 0o755
