"""What an author reads on the page: the summary as points come and go, and the words of code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import Fault, FaultKind
from support.program import (
    NOW,
    Call,
    Program,
    ScriptedModel,
    begun_by,
    comment,
    finish,
    follow_up,
    plain,
    posted,
)


HOUR = timedelta(hours=1)
LINES = ("Rollback: N/A.", "Nobody owns the queue.", "We deploy on Monday.", "It costs nothing.")


def first_review(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> str:
    """Make a page with two points that are posted and one that is kept back."""
    content = [blocks.heading(2, "Plan"), *map(blocks.paragraph, LINES)]
    page = box.world.page(rfcs, "Queues", content, at=NOW - HOUR).id
    program.config["limits"] = {"comments_per_review": 2}
    model.think = lambda *_: [
        comment("B2", "N/A", "Say how it is undone.", "blocking", "No way back"),
        comment("B3", "Nobody owns", "Name an owner.", "important", "No owner"),
        comment("B5", "nothing", "Say what the disks cost.", "minor", "No costs"),
        finish("Look at the *rollback* first.", "Who runs it?"),
    ]
    program.sweep()
    return page


def summaries(box: Sandbox, page: str) -> list[str]:
    begun = dict[str, str]()
    for one in posted(box):
        if one.parent_id == page:
            begun.setdefault(one.discussion_id, plain(one))
    return [*begun.values()]


def says(model: ScriptedModel, title: str, *call: str) -> None:
    """Let the model rule on the point with this title."""

    def think(document: str, turn: int) -> list[Call]:
        return [*[follow_up(begun_by(title, document), *call)] * (not turn), finish()]

    model.think = think


def write(box: Sandbox, on: str, words: str) -> None:
    """Let a person write in the thread of the comment that holds these words."""
    box.clock.advance(HOUR)
    box.world.comment(next(one for one in posted(box) if on in plain(one)), words)
    box.clock.advance(HOUR)


ASKS = "\n\nQuestion: Who runs it?"
OFFERS = (
    ASKS + "\n\nKept back: No costs (minor). Write more here and I post the next ones.\n\nTo drop"
)


def test_the_summary_follows_what_answers_and_people_make_of_its_points(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    [first] = summaries(box, page)
    lists = "Settle first:\n• No way back\nImportant:\n• No owner\n\nLook at the rollback first."
    assert first.startswith(lists + OFFERS)
    write(box, "No way back", "Is that so?")
    says(model, "No way back", "withdrawn", "You are right, I drop it.")
    program.sweep()
    [reads] = summaries(box, page)
    said = "\n\nNo longer open: “No way back” (blocking) withdrawn."
    at = f"{NOW:%Y-%m-%d %H:%M} UTC"
    words = f"As of {at}:\nLook at the rollback first."
    asks, offers = (one.replace("Question", f"Question of {at}") for one in (ASKS, OFFERS))
    assert reads.startswith(f"Important:\n• No owner\n\n{words}{said}{offers}")
    asked = len(model.sent)
    write(box, "No owner", "no")
    program.sweep()
    [reads] = summaries(box, page)
    dropped = words + (
        "\n\nNo longer open: “No owner” dropped by Ana Costa; “No way back” (blocking) withdrawn."
    )
    assert reads.startswith(dropped + "\n\nNone of my points is open." + offers)
    write(box, "Look at the rollback", "more")
    program.sweep()
    [reads] = summaries(box, page)
    assert reads.startswith("Worth a look:\n• No costs\n\n" + dropped + asks + "\n\nTo drop")
    assert len(model.sent) == asked
    write(box, "No owner", "I was wrong: who owns it?")
    says(model, "No owner", "not_yet", "Nobody does yet.")
    program.sweep()
    [reads] = summaries(box, page)
    assert reads.startswith(
        "Important:\n• No owner (open again)\nWorth a look:\n• No costs\n\n"
        f"{words}{said}{asks}\n\nTo drop"
    )
    assert program.sweep().json["summaries_posted"] == 0


def test_a_review_leaves_nothing_to_follow_and_what_people_resolve_is_followed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[1], "Rollback: the flag is switched off.")
    box.clock.advance(HOUR)
    says(model, "No way back", "fixed", "", "the flag is switched off")
    # The mark in the point's own comment, and the summary.
    assert program.sweep().json["summaries_posted"] == 2
    [reads] = summaries(box, page)
    since = "Since last time:\n• Settled: “No way back”"
    assert reads.startswith("Important:\n• No owner (still open)\n\n" + since)
    assert program.sweep().json["summaries_posted"] == 0
    box.clock.advance(HOUR)
    box.world.resolve(next(one for one in posted(box) if "No owner ·" in plain(one)))
    box.clock.advance(HOUR)
    assert program.sweep().json["summaries_posted"] == 1
    [reads] = summaries(box, page)
    assert reads.startswith(since + "\n\nNo longer open: “No owner” resolved.\n\nNone")


def test_a_point_that_was_kept_back_and_made_again_is_named_once_it_is_settled(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    model.think = lambda *_: [
        comment("B5", "nothing", "Say what the disks cost.", "minor", "No costs"),
        finish("Look at the costs."),
    ]
    for number, words in enumerate(("We deploy on Friday.", "It costs 12 EUR a month."), 3):
        box.clock.advance(HOUR)
        box.world.edit_block(box.world.blocks(page)[number], words)
        box.clock.advance(HOUR)
        program.sweep()
        says(model, "No costs", "fixed", "", "12 EUR a month")
    [reads] = summaries(box, page)
    assert reads.endswith("• No owner (still open)\n\nSince last time:\n• Settled: “No costs”")


def test_who_asks_for_a_review_is_told_once_what_it_brought_where_no_new_summary_tells_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)

    def told() -> list[str]:
        reads = [plain(one) for one in box.world.comments()]
        return [one for one in reads if one.startswith("I reviewed the page")]

    write(box, "No way back ·", "review again")
    write(box, "Look at the rollback", "review again")
    says(model, "No way back", "withdrawn", "It is undone by hand.")
    program.sweep()
    program.sweep()
    of = f"is of {box.clock():%Y-%m-%d %H:%M} UTC."
    again = "I reviewed the page again: 1 dropped; the summary"
    assert sorted(told()) == sorted([f"{again} {of}", f"{again} above {of}"])
    box.world.edit_block(box.world.blocks(page)[3], "We deploy on Tuesday.")
    box.clock.advance(HOUR)
    says(model, "No owner", "not_yet", "Nobody does.")
    program.sweep()
    assert len(told()) == 2
    write(box, "Important:", "review again")
    model.think = lambda *_: [
        comment("B4", "Tuesday", "Say at what time.", "important", "No time"),
        finish("Say when."),
    ]
    program.sweep()
    assert any("Say when." in plain(one) for one in box.world.comments())
    assert len(told()) == 2


def test_of_older_summaries_one_line_is_left_and_those_that_people_answered(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    line = "A newer summary follows below."

    def again(number: int) -> list[str]:
        box.clock.advance(HOUR)
        box.world.add_block(page, blocks.paragraph(f"See page {number}."))
        box.clock.advance(HOUR)
        model.think = lambda *_: [
            comment(
                f"B{number + 4}",
                f"page {number}",
                f"Say what stands on {number}.",
                title=f"Page {number}",
            ),
            finish(f"Summary {number}."),
        ]
        program.sweep()
        return [plain(one) for one in box.world.comments() if one.parent_id == page]

    assert [one == line for one in again(2)] == [True, False]
    reads = again(3)
    assert [one == line for one in reads] == [True, False]
    assert "Summary 3." in reads[-1]
    box.faults.plant(Fault(FaultKind.DROP_SAVED, "DELETE", "/v1/comments/*"))
    assert [one == line for one in again(4)] == [True, False]
    program.sweep()
    asked = len(box.requests.log)
    program.sweep()
    assert not any(one.method == "DELETE" for one in [*box.requests.log][asked:])
    write(box, "Summary 4.", "And the cost?")
    model.think = lambda document, turn: [finish("")]
    program.sweep()
    again(5)
    reads = again(6)
    assert [one for one in reads if one in (line, "And the cost?")] == [
        line,
        "And the cost?",
        line,
    ]
    assert "Summary 6." in reads[-1]
    assert again(7).count(line) == 2


@pytest.mark.parametrize("state", ["kept", "retracted"])
def test_a_kept_point_that_is_taken_back_while_the_model_is_at_work_is_not_offered(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, state: str
) -> None:
    page = first_review(box, program, model, rfcs)
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[3], "We deploy on Tuesday.")
    box.clock.advance(HOUR)

    def think(_document: str, _turn: int) -> list[Call]:
        with closing(sqlite3.connect(program.folder / "state/notion-review.db")) as db, db:
            db.execute("UPDATE findings SET state = ? WHERE title = 'No costs'", [state])
        return [finish("Nearly there.")]

    model.think = think
    program.sweep()
    [reads] = summaries(box, page)
    assert "Nearly there." in reads
    assert ("Kept back: No costs" in reads) == (state == "kept")


def test_a_summary_that_stands_again_names_no_point_that_was_closed_meanwhile(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """The review that is taken back saw that its thread was resolved, and changed no point."""
    page = first_review(box, program, model, rfcs)
    box.clock.advance(HOUR)
    box.world.resolve(next(one for one in posted(box) if "No owner" in plain(one)))
    box.world.edit_block(box.world.blocks(page)[3], "We deploy on Tuesday.")
    box.clock.advance(HOUR)
    model.think = lambda *_: [finish("Nearly there.")]
    program.sweep()
    [reads] = summaries(box, page)
    assert "Nearly there." in reads
    program.run("retract", "2")
    program.sweep()
    [reads] = summaries(box, page)
    assert "Look at the rollback first." in reads
    assert reads.startswith("Settle first:\n• No way back\n")
    assert "• No owner" not in reads


def test_the_summary_follows_an_answer_that_an_operator_takes_back_and_goes_with_its_review(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    write(box, "No way back", "Is that so?")
    says(model, "No way back", "withdrawn", "You are right, I drop it.")
    program.sweep()
    program.run("retract", "2")
    program.sweep()
    [reads] = summaries(box, page)
    assert reads.startswith("Settle first:\n• No way back (open again)\nImportant:\n• No owner\n")
    assert "No longer open" not in reads
    program.run("retract", "1")
    program.sweep()
    assert summaries(box, page) == []
