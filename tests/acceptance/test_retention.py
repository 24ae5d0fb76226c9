"""What is kept of a page and of people's words, for how long, and how it is deleted at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import (
    NOW,
    Call,
    Program,
    ScriptedModel,
    comment,
    finish,
    plain,
    posted,
    reply,
)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXT = "Zanzibar queues are slow."
WORDS = "What of Madagascar, then?"
ANSWER = "Mauritius is meant."


def review_and_answer(document: str, _turn: int) -> list[Call]:
    waits = [line[1:].split()[0] for line in document.splitlines() if line.startswith("[T")]
    answers = [reply(one, ANSWER) for one in waits if ", new: " in document]
    return [*answers, comment("B1", "queues", "Which Comoros queues?"), finish("Say which Kenya.")]


@pytest.fixture
def one(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> Any:
    """A page that was reviewed, with a question that was answered."""
    model.think = review_and_answer
    made = box.world.page(rfcs, "Seychelles", [blocks.paragraph(TEXT)], at=NOW - HOUR)
    box.world.comment(box.world.blocks(made)[0], WORDS)
    program.sweep()
    assert len(posted(box)) == 3
    return made


def bytes_of(program: Program) -> bytes:
    files = [path for path in (program.folder / "state").rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files)


def dump(program: Program) -> str:
    with closing(sqlite3.connect(program.folder / "state" / "notion-review.db")) as state:
        return "\n".join(state.iterdump())


def swept_after(box: Sandbox, program: Program, days: float) -> None:
    box.clock.advance(days * DAY)
    program.run("--once")


def test_people_s_words_go_90_days_after_the_last_review_of_their_page(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    swept_after(box, program, 60)
    box.world.add_block(one, blocks.paragraph("More."))
    swept_after(box, program, 1)
    assert len(model.sent) >= 2
    swept_after(box, program, 89)
    assert WORDS in dump(program)
    swept_after(box, program, 2)
    kept = dump(program)
    assert WORDS not in kept
    assert "Seychelles" in kept
    assert "Which Comoros queues?" in kept
    before = len(posted(box))
    swept_after(box, program, 1)
    assert len(posted(box)) == before  # the question counts as answered all the same


@pytest.mark.parametrize("how", ["move", "trash", "unshare"])
def test_all_of_a_page_goes_30_days_after_it_left(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any, rfcs: str, how: str
) -> None:
    assert program.run("review", one.id).code == 0  # the sweep of one page names it
    model.think = lambda _document, _turn: [finish()]
    box.world.page(rfcs, "Other", [blocks.paragraph("Else.")], at=NOW - HOUR)
    if how == "move":
        box.world.move_page(one, None)
    else:
        getattr(box.world, how)(one)
    swept_after(box, program, 1.1)
    swept_after(box, program, 29)
    assert "Seychelles" in dump(program)
    swept_after(box, program, 2)
    kept = dump(program)
    assert one.id not in kept
    for words in ("Seychelles", "Zanzibar", WORDS, ANSWER, "Comoros", "Kenya"):
        assert words not in kept
    assert "Other" in kept
    assert program.run("report").code == program.run("status").code == 0
    assert program.run("explain", one.id).code == 2


def test_a_page_that_comes_back_within_30_days_keeps_its_history(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any, rfcs: str
) -> None:
    home = box.world.state.pages[one.id].parent.id
    box.world.move_page(one, None)
    swept_after(box, program, 1.1)
    box.world.move_page(one, home)
    swept_after(box, program, 20)
    swept_after(box, program, 20)
    assert "Which Comoros queues?" in dump(program)


def test_forget_deletes_what_is_kept_of_a_page_and_says_what_that_was(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    done = program.run("forget", one.id)
    assert done.code == 0, done.err
    assert done.out == (
        "Seychelles: forgotten (1 review, 1 point, 3 own comments, 1 comment by people, 1 text); "
        "what stands in Notion stays there; 1 recording deleted\n"
    )
    kept = bytes_of(program)
    for words in ("Seychelles", "Zanzibar", WORDS, ANSWER, "Comoros", "Kenya"):
        assert words.encode() not in kept
    assert len(posted(box)) == 3
    assert "forgotten (nothing was kept)" in program.run("forget", one.url).out


def test_a_forgotten_page_is_reviewed_at_its_next_edit_and_nobody_is_answered_twice(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    box.world.comment(one, "Who owns this?")
    swept_after(box, program, 0.1)
    assert [plain(c) for c in posted(box)].count(ANSWER) == 2
    program.run("forget", one.id)
    swept_after(box, program, 2)
    assert len(posted(box)) == 4
    box.world.add_block(one, blocks.paragraph("More."))
    swept_after(box, program, 1)
    told = [plain(c) for c in posted(box)]
    assert told.count(ANSWER) == 2
    assert len([words for words in told if "Which Comoros queues?" in words]) == 1


def test_nothing_of_a_page_that_left_stays_when_it_is_forgotten(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    box.world.move_page(one, None)
    swept_after(box, program, 1.1)
    assert program.run("forget", one.id).code == 0
    assert one.id not in dump(program)
    assert program.run("forget", one.id).code == 2


def test_every_table_that_names_a_page_is_forgotten(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    """A new table with a page's, a review's or a finding's number is looked at here."""
    with closing(sqlite3.connect(program.folder / "state" / "notion-review.db")) as state:
        tables = {
            name
            for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for column in state.execute(f"PRAGMA table_info({name})")
            if column[1] in ("page_id", "review_id", "finding_id")
        }
    from daemon.store import pages

    known = {*pages._OF_PAGE, *pages._OF_PEOPLE, "remembered_blocks"}  # with their index
    assert tables - known <= {"spending", "reservations", "notices"}
