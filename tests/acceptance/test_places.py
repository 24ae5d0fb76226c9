"""What is posted depends on where a page, a block or a data source is at that moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
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
from support.rows import some


HOUR = timedelta(hours=1)
TEXT = "We need queues because the poller is slow."


def to_another_database(box: Sandbox, page: Any) -> None:
    box.world.move_page(page, box.world.database("Private notes"))


def to_a_private_page(box: Sandbox, page: Any) -> None:
    box.world.move_page(page, box.world.page(None, "Mine"))


def to_the_workspace(box: Sandbox, page: Any) -> None:
    box.world.move_page(page, None)


def to_the_archive(box: Sandbox, page: Any) -> None:
    box.world.archive(page)


def out_of_where(box: Sandbox, page: Any) -> None:
    box.world.edit_property(page, "Status", "Rejected")


def with_its_data_source(box: Sandbox, page: Any) -> None:
    source = box.world.state.pages[page.id].parent.id
    box.world.move_source(source, box.world.database("Another team's"))


AWAY = [
    to_another_database,
    to_a_private_page,
    to_the_workspace,
    to_the_archive,
    out_of_where,
    with_its_data_source,
]
away = pytest.mark.parametrize(
    "move",
    some(
        {move.__name__: move for move in AWAY},
        {"to_another_database", "out_of_where", "with_its_data_source"},
    ),
)
Move = Callable[[Sandbox, Any], None]


def write(box: Sandbox, rfcs: str, program: Program, at: Any = NOW - HOUR) -> Any:
    program.config["databases"][0]["where"] = {"Status": ["Draft"]}
    if box.clock() == NOW:
        # A source that is left alone keeps the database's list from being empty.
        box.world.source(rfcs, "Stays")
    return box.world.page(rfcs, "Queues", [blocks.paragraph(TEXT)], at=at, Status="Draft")


def review_and_answer(document: str, _turn: int) -> list[Call]:
    waits = [line[1:].split()[0] for line in document.splitlines() if line.startswith("[T")]
    answers = [reply(one, "The slow ones.") for one in waits if ", new: " in document]
    return [*answers, comment("B1", "queues", "Which ones?"), finish("Say which.")]


def stored(program: Program, what: str) -> bool:
    """Tell whether the state holds some words."""
    with closing(sqlite3.connect(program.folder / "state" / "notion-review.db")) as state:
        return what in "\n".join(state.iterdump())


@away
def test_a_page_that_moves_away_while_it_settles_is_not_read(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, move: Move
) -> None:
    model.think = review_and_answer
    page = write(box, rfcs, program, at=NOW)
    program.sweep()
    move(box, page)
    box.clock.advance(HOUR)
    box.requests.reset()
    done = program.sweep().json
    assert (done["outcome"], done["pages_reviewed"], model.sent, posted(box)) == ("ok", 0, [], [])
    assert not box.requests.count("GET", "/v1/blocks/{block_id}/children")
    assert "left" in program.run("explain", page.id).out


@away
def test_nobody_is_answered_on_a_page_that_moved_away_and_nothing_of_it_is_kept(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, move: Move
) -> None:
    model.think = review_and_answer
    page = write(box, rfcs, program)
    program.sweep()
    before = len(posted(box))
    move(box, page)
    block = box.world.blocks(page)[0]
    asked = [box.world.comment(block, words) for words in ("Which secret?", "pause", "Thanks!")]
    asked.append(box.world.comment(page, "RFC reviewer, review again"))
    for _ in range(3):
        box.clock.advance(HOUR)
        program.run("--once")
    assert (len(model.sent), len(posted(box)), len(asked)) == (1, before, 4)
    assert not stored(program, "Which secret?")
    assert program.run("status", "--json").json["outbox"] == {"pending": 0, "unclear": 0}


@away
def test_nothing_is_posted_on_a_page_that_moves_away_while_the_model_works(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, move: Move
) -> None:
    page = write(box, rfcs, program)
    box.world.comment(box.world.blocks(page)[0], "Which?")

    def think(document: str, turn: int) -> list[Call]:
        move(box, page)
        return review_and_answer(document, turn)

    model.think = think
    program.run("--once")
    assert (len(model.sent), posted(box)) == (1, [])
    assert program.run("status", "--json").json["outbox"] == {"pending": 0, "unclear": 0}


def test_a_page_that_comes_back_gets_the_comments_and_the_answer_that_it_missed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, program)
    home = box.world.state.pages[page.id].parent.id
    box.world.comment(box.world.blocks(page)[0], "Which?")

    def think(document: str, turn: int) -> list[Call]:
        to_a_private_page(box, page)
        model.think = review_and_answer
        return review_and_answer(document, turn)

    model.think = think
    program.run("--once")
    assert posted(box) == []
    box.clock.advance(HOUR)
    box.world.move_page(page, home)
    box.world.edit_block(box.world.blocks(page)[0], TEXT + " Now.")
    for _ in range(2):
        box.clock.advance(HOUR)
        program.sweep()
    assert sorted(plain(one).split("\n")[0] for one in posted(box)) == sorted(
        ["Which ones? · important", "The slow ones.", plain(posted(box)[-1]).split("\n")[0]]
    )


def test_a_page_that_moved_to_another_configured_database_is_reviewed_under_that_one(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = review_and_answer
    other = box.world.database("ADRs")
    program.config["databases"].append({"id": other.id, "reviewer": "ADR reviewer"})
    page = write(box, rfcs, program, at=NOW)
    program.sweep()
    box.world.move_page(page, other)
    box.clock.advance(HOUR)
    for _ in range(2):
        program.sweep()
    assert {one.shown[1] for one in posted(box)} == {"ADR reviewer"}
    assert len(posted(box)) == 2


def test_an_asked_for_review_of_a_page_that_moved_away_is_refused_in_a_line(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, program)
    program.sweep()
    out_of_where(box, page)
    refused = program.run("review", page.id)
    told = "`where` does not select it; it gets no review in RFCs"
    assert (refused.code, told in refused.err) == (77, True)
    with_its_data_source(box, page)
    refused = program.run("review", page.id)
    assert (refused.code, "none of the configured databases" in refused.err) == (77, True)


def test_a_data_source_that_left_is_said_once_and_swept_again_when_it_comes_back(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = review_and_answer
    page = write(box, rfcs, program)
    program.sweep()
    source = box.world.state.pages[page.id].parent.id
    with_its_data_source(box, page)
    said = []
    for _ in range(3):
        box.clock.advance(HOUR)
        box.world.edit_block(box.world.blocks(page)[0], f"{TEXT} At {box.clock()}.")
        said.append(program.run("--once", "--verbose").err.count("source.gone"))
    assert (sum(said), len(model.sent)) == (1, 1)
    box.world.move_source(source, rfcs)
    box.world.edit_block(box.world.blocks(page)[0], f"{TEXT} And back.")
    box.clock.advance(25 * HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_an_approved_comment_does_not_follow_its_block_to_another_page(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, depth: int
) -> None:
    program.config["databases"][0]["approve"] = "all"
    content = blocks.toggle(TEXT)
    for number in range(depth):
        content = blocks.toggle(f"Level {number}", content)
    page = box.world.page(rfcs, "Queues", [content, blocks.paragraph("Else.")], at=NOW - HOUR)
    handle = f"B{depth + 1}"
    model.think = lambda _document, _turn: [
        comment(handle, "queues", "Which ones?"),
        comment(f"B{depth + 2}", "Else.", "What else?"),
        finish(),
    ]
    program.sweep()
    moved = box.world.blocks(page)[0]
    other = box.world.page(rfcs, "Other", [blocks.paragraph("Else.")], at=NOW - 20 * HOUR)
    box.world.move_block(moved, to=other)
    box.clock.advance(HOUR)
    assert program.run("drafts", "approve", "1").code == 0
    program.run("--once")
    assert [plain(one).split(" ·")[0] for one in posted(box)] == ["What else?"]
    assert "the block is not on its page any more" in program.run("explain", page.id).out


def test_an_answer_does_not_follow_its_block_to_another_page(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = box.world.page(
        rfcs, "Queues", [blocks.paragraph(TEXT), blocks.paragraph("Else.")], at=NOW - HOUR
    )
    block = box.world.blocks(page)[0]
    box.world.comment(block, "Which?")
    mine = box.world.page(None, "Mine")

    def think(document: str, turn: int) -> list[Call]:
        box.world.move_block(block, to=mine)
        return review_and_answer(document, turn)

    model.think = think
    program.run("--once")
    assert {one.parent_id for one in posted(box)} <= {page.id}
