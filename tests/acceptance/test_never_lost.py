"""Never lost, never twice, through the program: what `tests/test_lessons.py` lists, F16, F17."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.domain.notation import counted
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import Fault, FaultKind
from daemon.sandbox.model import SandboxComment
from support.program import NOW, Call, Program, ScriptedModel, comment, finish, posted, reply, words
from support.vendor_server import Reply, anthropic_message, tool_use


HOUR = timedelta(hours=1)
DAY = 24 * HOUR
TEXT = "We need queues because the poller is slow."
CHILDREN = "/v1/blocks/*/children"


@pytest.fixture
def notion_url(box: Sandbox) -> Iterator[str]:
    """The address of the box on a socket: connections really break here."""
    with box.serve() as url:
        yield url


def page(box: Sandbox, target: str, text: str = TEXT, title: str = "Queues") -> str:
    content = [blocks.paragraph(text)]
    return box.world.page(target, title, content, at=box.clock() - HOUR).id


def edit(box: Sandbox, page_id: str, text: str) -> None:
    box.world.edit_block(box.world.blocks(page_id)[0], text)


def finding(_document: str, _turn: int) -> list[Call]:
    return [comment("B1", "queues", "Which ones?"), finish("Say which.")]


def answering(document: str, turn: int) -> list[Call]:
    waiting, handle = list[str](), ""
    for line in document.splitlines():
        handle = line[1:].split()[0] if line.startswith("[T") else handle
        if ", new: " in line and handle not in waiting:
            waiting.append(handle)
    return [*(reply(one, f"Those of part {turn}.") for one in waiting), finish()]


def answers(box: Sandbox, thread: SandboxComment) -> int:
    return sum(one.discussion_id == thread.discussion_id for one in posted(box))


# Hash and content


@pytest.mark.parametrize(
    "kind", [FaultKind.UNAVAILABLE, FaultKind.NULL_CURSOR, FaultKind.TRUNCATED, FaultKind.BLANK]
)
def test_h3_a_page_of_which_any_part_cannot_be_read_is_neither_hashed_nor_reviewed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, kind: FaultKind
) -> None:
    inner = [blocks.toggle(f"Part {n}.", blocks.paragraph(f"Detail {n}.")) for n in range(3)]
    box.world.page(rfcs, "Queues", inner, at=NOW - HOUR)
    for part in range(4):
        box.faults.plant(Fault(kind, "GET", CHILDREN, times=99, skip=part))
        done = program.run("--once", "--json")
        box.faults.clear()
        assert (done.code, done.json["pages_failed"], model.sent) == (3, 1, [])
        assert f"it failed {counted(part + 1, 'time')} " in program.run("explain", whole(box)).out
        box.clock.advance(2 * HOUR)
    assert hashes(program) == [None]
    assert program.sweep().json["pages_reviewed"] == 1
    assert all(f"Detail {number}." in model.documents[0] for number in range(3))


def whole(box: Sandbox) -> str:
    """The id of the only page."""
    [only] = box.world.state.pages
    return only


def hashes(program: Program) -> list[str | None]:
    with sqlite3.connect(program.folder / "state" / "notion-review.db") as state:
        return [row[0] for row in state.execute("SELECT hash FROM pages")]


def test_h4_what_is_recorded_is_the_text_that_was_reviewed_not_a_second_reading(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)

    def think(_document: str, _turn: int) -> list[Call]:
        edit(box, one, "Something else.")
        return [finish()]

    model.think = think
    program.sweep()
    assert TEXT in model.documents[0]
    assert box.requests.count("GET", "/v1/blocks/{block_id}/children") == 1
    edit(box, one, TEXT)
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 0
    assert "the text is the same" in program.run("explain", one).out


# Side effects


def test_s3_own_comments_bring_neither_a_reply_nor_a_review_also_where_they_move_the_page(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    model.think = finding
    program.sweep()
    assert len(posted(box)) == 2
    for _ in range(5):
        box.world.state.touch_page(one, box.bot.id)
        box.clock.advance(HOUR)
        program.sweep()
    assert (len(model.sent), len(posted(box))) == (1, 2)


def test_s4_a_comment_listed_in_many_sweeps_is_answered_once_and_once_more_when_edited(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    asked = box.world.comment(box.world.blocks(one)[0], "Which queues?", at=NOW - HOUR)
    model.think = answering
    for _ in range(4):
        program.sweep()
        box.clock.advance(HOUR)
    assert answers(box, asked) == 1
    box.world.edit_comment(asked, "Which queues, and why?")
    for _ in range(4):
        program.sweep()
        box.clock.advance(HOUR)
    assert answers(box, asked) == 2


@pytest.mark.parametrize("end", ["deleted", "resolved"])
def test_s4_a_comment_that_is_gone_before_it_was_seen_gets_no_answer(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, end: str
) -> None:
    one = page(box, rfcs)
    program.sweep()
    asked = box.world.comment(box.world.blocks(one)[0], "Which queues?")
    if end == "deleted":
        box.world.delete_comment(asked)
    else:
        box.world.resolve(asked)
    model.think = answering
    for _ in range(3):
        box.clock.advance(HOUR)
        program.sweep()
    assert (len(model.sent), posted(box)) == (1, [])


def test_s4_what_was_said_in_the_same_minute_as_an_answered_comment_is_answered_too(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """New is what was not seen: two comments of one minute look equally old."""
    one = page(box, rfcs)
    asked = box.world.comment(box.world.blocks(one)[0], "Which queues?")
    model.think = answering
    program.sweep()
    box.world.comment(asked, "And why those?")
    box.clock.advance(HOUR)
    program.sweep()
    assert answers(box, asked) == 2


def test_s5_a_page_that_no_model_could_review_stays_due_and_is_reviewed_later(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page(box, rfcs)
    model.think = lambda _document, _turn: Reply({"type": "error"}, status=529)
    for _ in range(3):
        done = program.run("--once", "--json")
        assert (done.code, done.json["pages_waiting"], done.json["pages_reviewed"]) == (69, 1, 0)
        box.clock.advance(HOUR)
    assert hashes(program) == [None]
    model.think = finding
    done = program.sweep()
    assert (done.json["pages_reviewed"], len(posted(box))) == (1, 2)


def test_s6_when_the_budget_is_spent_pages_wait_and_go_on_the_next_day_without_loss(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["limits"] = {"tokens_per_day": 30_000, "concurrent_reviews": 1}
    program.config["answer_tokens"] = 6_000
    for number in range(3):
        page(box, rfcs, title=f"RFC {number}")
    model.think = costly
    reviewed = []
    for _ in range(3):
        done = program.run("--once", "--json")
        reviewed.append((done.code, done.json["pages_reviewed"], done.json["pages_waiting"]))
        assert program.run("--once", "--json").json["pages_reviewed"] == 0
        status = program.run("status", "--json").json
        assert ("limits.tokens_per_day" in str(status["alerts"])) == (reviewed[-1][2] > 0)
        box.clock.advance(DAY)
    assert [(number, waiting) for _, number, waiting in reviewed] == [(1, 2), (1, 1), (1, 0)]
    assert [code for code, _, _ in reviewed] == [3, 3, 0]
    assert len(posted(box)) == 6


def costly(document: str, turn: int) -> Reply:
    """Find something for nearly all that a day allows."""
    calls = [
        tool_use(name, id=f"toolu_{number}", **arguments)
        for number, (name, arguments) in enumerate(finding(document, turn))
    ]
    return Reply(anthropic_message(*calls, stop="tool_use", input_tokens=25_000))


@pytest.mark.parametrize("kind", [FaultKind.SAVED, FaultKind.DROP_SAVED])
def test_f16_a_comment_whose_answer_is_lost_each_time_stands_exactly_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, kind: FaultKind
) -> None:
    page(box, rfcs)
    model.think = finding
    box.faults.plant(Fault(kind, "POST", "/v1/comments", times=None))
    program.sweep()
    box.clock.advance(HOUR)
    program.sweep()
    assert len(posted(box)) == 2
    assert said(box)[0] == "queues\nWhich ones?"
    assert said(box)[1].endswith("Say which.")
    assert program.run("status", "--json").json["outbox"] == {"pending": 0, "unclear": 0}


# Isolation


def test_i2_a_database_that_cannot_be_queried_fails_alone_and_the_sweep_says_so(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    other = box.world.database("Other")
    program.config["databases"].append({"id": other.id})
    program.sweep()
    box.clock.advance(HOUR)
    page(box, rfcs)
    page(box, other.id)
    source = next(one.id for one in box.world.state.sources.values() if one.database_id == rfcs)
    query = f"/v1/data_sources/{source}/query"
    box.faults.plant(Fault(FaultKind.SERVER_ERROR, "POST", query, times=None))
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"], done.json["pages_reviewed"]) == (3, "partial", 1)
    box.faults.clear()
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


# The state


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1024k", "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_f17_on_a_full_disk_nothing_is_posted_that_is_not_kept_and_it_goes_on_when_there_is_room(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    with small_disk(program.folder / "disk") as disk:
        program.config["state"] = "disk/state.db"
        program.sweep()
        box.clock.advance(HOUR)
        page(box, rfcs)
        model.think = finding
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(b"x" * 2**20)
        done = program.run("--once")
        assert done.code == 74
        [line] = [line for line in done.err.splitlines() if line.startswith("notion-review: ")]
        assert "free space" in line
        assert posted(box) == []
        ballast.unlink()
        box.clock.advance(HOUR)
        program.sweep()
        box.clock.advance(HOUR)
        program.sweep()
        assert len(posted(box)) == 2


def damaged(state: Path) -> str:
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    return "restore a backup"


def of_a_newer_version(state: Path) -> str:
    with sqlite3.connect(state) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('notion-review', 'v99', '2027-01-01')"
        )
    db.close()
    return "upgrade notion-review"


@pytest.mark.parametrize("spoil", [damaged, of_a_newer_version])
def test_f17_a_state_that_cannot_be_trusted_is_65_and_with_the_backup_nothing_comes_twice(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    spoil: object,
) -> None:
    """The backup is made and put back as the handbook says."""
    page(box, rfcs)
    model.think = finding
    program.sweep()
    state = program.folder / "state" / "notion-review.db"
    backup = program.folder / "backup.db"
    back_up(state, backup)
    remedy = spoil(state)  # type: ignore[operator]
    spoilt = state.read_bytes()
    done = program.run("--once")
    assert done.code == 65
    [line] = [line for line in done.err.splitlines() if line.startswith("notion-review: ")]
    assert remedy in line
    assert state.read_bytes() == spoilt
    for part in state.parent.glob("notion-review.db*"):
        part.unlink()
    shutil.copyfile(backup, state)
    box.clock.advance(HOUR)
    program.sweep()
    assert (len(model.sent), len(posted(box))) == (1, 2)


@pytest.mark.parametrize("kept", [True, False], ids=["an old backup", "no state"])
def test_f17_what_was_posted_since_the_backup_counts_as_said_and_the_summary_is_edited(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, *, kept: bool
) -> None:
    program.sweep()
    state, backup = program.folder / "state" / "notion-review.db", program.folder / "backup.db"
    back_up(state, backup)
    box.clock.advance(HOUR)
    one = page(box, rfcs)
    model.think = finding
    program.sweep()
    state.unlink()
    if kept:
        shutil.copyfile(backup, state)
    model.think = lambda document, turn: (
        [finish("Say which, still.")] if turn else finding(document, turn)[:1]
    )
    for _ in range(3):
        program.sweep()
        box.clock.advance(HOUR)
        box.world.add_block(one, blocks.paragraph("And more."))
        box.clock.advance(HOUR)
    assert said(box) == ["queues\nWhich ones?", "Say which, still."]


def said(box: Sandbox) -> list[str]:
    return [words(one) for one in posted(box)]


def back_up(state: Path, to: Path) -> None:
    """What `sqlite3 STATE ".backup TO"` does."""
    source, copy = sqlite3.connect(state), sqlite3.connect(to)
    source.backup(copy)
    source.close()
    copy.close()


def test_f17_a_second_instance_is_75_and_names_the_first(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    program.sweep()
    state = program.folder / "state" / "notion-review.db"
    code = (
        "import pathlib, sys\n"
        "from daemon.store.lock import lock\n"
        "with lock(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(state)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as holder:  # type: ignore[call-overload]
        assert holder.stdout.readline() == "held\n"
        box.requests.reset()
        done = program.run("--once")
        assert done.code == 75
        assert f"held by pid {holder.pid} since " in done.err
        assert box.requests.count() == 0
        holder.kill()
    program.sweep()


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give a file to root and act as another"
)
def test_f17_a_state_of_another_user_is_77_and_left_as_it_is(program: Program, rfcs: str) -> None:
    program.sweep()
    state = program.folder / "state" / "notion-review.db"
    before = state.read_bytes()
    os.chown(state, 65534, 65534)
    done = program.run("--once")
    assert done.code == 77
    assert "run as that user, or chown it" in done.err
    assert state.read_bytes() == before
    os.chown(state, 0, 0)
    program.sweep()
