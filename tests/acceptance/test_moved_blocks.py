"""A block that was only moved: what it settles, what it makes wrong, what the model is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
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
PLAN = (
    "# Plan",
    "TODO: who runs the queue?",
    "We deploy on Monday, as shown above.",
    "The table has two columns.",
    "# Unresolved questions",
    "Which region do we begin in?",
    "# Costs",
    "Two hundred euros a month.",
    "Storage is free.",
)


@pytest.fixture
def page(box: Sandbox, rfcs: str) -> str:
    content = [
        blocks.heading(2, line[2:]) if line.startswith("# ") else blocks.paragraph(line)
        for line in PLAN
    ]
    return box.world.page(rfcs, "Queues", content, at=NOW - HOUR).id


def move(box: Sandbox, page: str, words: str, after: str) -> None:
    """Drag the block with these words to below another one."""
    box.clock.advance(HOUR)
    found = box.world.blocks(page)
    at = {name: next(one for one in found if name in str(one.content)) for name in (words, after)}
    box.world.move_block(at[words], after=at[after])
    box.clock.advance(HOUR)


def first(program: Program, model: ScriptedModel, *calls: Call) -> None:
    model.think = lambda _document, _turn: [*calls, finish("One thing.")]
    program.sweep()


def says(model: ScriptedModel, *calls: Call) -> None:
    """Let the model make these calls in its first turn; a thread is named by its point's title."""

    def placed(call: Call, document: str) -> Call:
        name, given = call
        thread = begun_by(given.get("thread", ""), document)
        return name, given | ({"thread": thread} if "thread" in given else {})

    model.think = lambda document, turn: (
        [placed(one, document) for one in calls] if turn == 0 else [finish()]
    )


def on_blocks(box: Sandbox, page: str) -> list[str]:
    return [plain(one) for one in posted(box) if one.parent_id != page]


TODO = comment("B2", "who runs", "It belongs to the open ones.", "important", "A TODO in the plan")


def test_a_point_is_settled_by_moving_its_block_and_open_again_when_that_moves_back(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    first(program, model, TODO)
    move(box, page, "TODO", "Which region")
    says(model, follow_up("A TODO in the plan", "fixed", quote="who runs the queue"), finish())
    program.sweep()
    told = "[B6] TODO: who runs the queue?\n  moved: stood under B1 “Plan”\n"
    assert told in model.documents[-1]
    [mark] = on_blocks(box, page)
    settled = "moved: “who runs the queue”, now under “Unresolved questions”\n"
    assert mark.startswith(f"✓ Settled: “A TODO in the plan” · {settled}")
    box.world.add_block(page, blocks.paragraph("A last line."))
    box.clock.advance(HOUR)
    says(model, finish())
    program.sweep()
    assert on_blocks(box, page) == [mark]
    move(box, page, "TODO", "Plan")
    program.sweep()
    [mark] = on_blocks(box, page)
    assert mark.endswith("Open again: “who runs the queue” was moved again.")


@pytest.mark.parametrize(
    ("words", "after", "quote", "settled"),
    [
        (
            "TODO",
            "The table",
            "who runs the queue",
            "“who runs the queue”, now below “The table has",
        ),
        ("The table", "Plan", "two columns", "“two columns”, now above “TODO: who runs"),
        ("We deploy", "Storage", "on Monday", "“on Monday”, now under “Costs”"),
        ("Which region", "The table", "Which region", "“Which region”, now under “Plan”"),
    ],
)
def test_what_moves_within_the_section_of_a_point_or_into_it_or_out_of_it_can_settle_it(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    page: str,
    words: str,
    after: str,
    quote: str,
    settled: str,
) -> None:
    first(program, model, TODO)
    move(box, page, words, after)
    says(model, follow_up("A TODO in the plan", "fixed", quote=quote), finish())
    program.sweep()
    [mark] = on_blocks(box, page)
    assert f"✓ Settled: “A TODO in the plan” · moved: {settled}" in mark


def test_what_moved_two_reviews_ago_shows_that_a_point_is_fixed_and_is_marked_no_more(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    first(program, model, TODO)
    move(box, page, "TODO", "Which region")
    says(model, finish())
    program.sweep()
    box.world.add_block(page, blocks.paragraph("A last line."))
    box.clock.advance(HOUR)
    says(model, follow_up("A TODO in the plan", "fixed", quote="who runs the queue"), finish())
    program.sweep()
    assert "\n  moved:" not in model.documents[-1]
    assert on_blocks(box, page)[0].startswith("✓ Settled: “A TODO in the plan” · moved: ")


LEFT = "“who runs the queue” was moved again."


@pytest.mark.parametrize(
    ("words", "after", "quote", "beside", "back", "why"),
    [
        ("TODO", "Which region", "who runs the queue", "Unresolved", "Plan", LEFT),
        ("TODO", "The table", "who runs the queue", "The table", "Plan", LEFT),
        ("The table", "Plan", "two columns", "TODO", "We deploy", "“two columns” was moved again."),
        ("TODO", "Which region", "who runs the queue", "Which region", "", "is gone."),
        ("TODO", "Which region", "who runs the queue", "", "Plan", LEFT),
    ],
    ids=["under", "below", "above", "its end", "what it stands by ends"],
)
def test_what_a_move_settled_stays_settled_through_edits_of_it_and_around_it_until_it_moves_again(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    page: str,
    words: str,
    after: str,
    quote: str,
    beside: str,
    back: str,
    why: str,
) -> None:
    def block(name: str) -> Any:
        return next(one for one in box.world.blocks(page) if name in str(one.content))

    def read() -> str:
        box.clock.advance(HOUR)
        program.sweep()
        return model.documents[-1]

    first(program, model, TODO)
    move(box, page, words, after)
    says(model, follow_up("A TODO in the plan", "fixed", quote=quote), finish())
    program.sweep()
    [mark] = on_blocks(box, page)
    says(model, finish())
    moved, stands_by = block(words), block(beside or "Unresolved")
    for text in ("Who runs all the queues, with due care?", "A line in other words."):
        box.world.edit_block(moved, text)
        assert f"settled by moving “{quote}”, which reads now “" in read()
        assert on_blocks(box, page) == [mark]
    if beside:
        box.world.edit_block(stands_by, "Nothing is as it was.")
    else:
        box.world.delete_block(stands_by)
    read()
    assert on_blocks(box, page) == [mark]
    box.clock.advance(HOUR)
    if back:
        box.world.move_block(moved, after=block(back))
    else:
        box.world.delete_block(moved)
    read()
    [mark] = on_blocks(box, page)
    assert mark.endswith(why)
    assert "Open again" in mark


def test_who_asks_about_a_move_is_answered_before_the_page_is_reviewed(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    program.config |= {"settle": "3h", "settle_limit": "9h"}
    box.clock.advance(4 * HOUR)
    first(program, model, TODO)
    move(box, page, "TODO", "Which region")
    box.world.comment(posted(box)[0], "I moved it. Is that all?")
    fixed = follow_up("A TODO in the plan", "fixed", "Yes, that is all.", "who runs the queue")
    says(model, fixed, finish())
    program.sweep()
    assert "Only threads are answered now" in model.documents[-1]
    assert "[B6] TODO: who runs the queue?\n  moved: " in model.documents[-1]
    assert on_blocks(box, page)[0].startswith("✓ Settled: “A TODO in the plan” · moved: ")
    box.clock.advance(9 * HOUR)
    says(model, finish())
    assert program.sweep().json["pages_reviewed"] == 1
    assert on_blocks(box, page)[0].startswith("✓ Settled: “A TODO in the plan” · moved: ")


def test_a_move_elsewhere_settles_nothing_and_one_nearby_is_named_by_the_refusal(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    first(program, model, TODO)
    move(box, page, "Storage", "Costs")
    says(
        model,
        follow_up("A TODO in the plan", "fixed", quote="Storage is free"),
        follow_up("A TODO in the plan", "fixed", quote="who runs the queue"),
        finish(),
    )
    program.sweep()
    stay = "when you made the point, and stand there still; quote more of what came or changed"
    refused = [one for one in model.answers if stay in one]
    assert len(refused) == 2
    assert not any("what was moved" in one for one in refused)
    move(box, page, "We deploy", "Which region")
    says(model, follow_up("A TODO in the plan", "fixed", quote="who runs the queue"), finish())
    program.sweep()
    assert any("or words of what was moved: B6; where" in one for one in model.answers)
    assert not on_blocks(box, page)[0].startswith("✓")


def test_not_yet_is_said_of_a_block_that_was_moved(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    first(program, model, TODO)
    move(box, page, "TODO", "Storage")
    words = "Under the costs nobody looks for it."
    says(model, follow_up("A TODO in the plan", "not_yet", words), finish())
    program.sweep()
    assert words in on_blocks(box, page)


SHOWN = comment("B3", "as shown above", "Say where.", "important", "Nothing shown above")
BEFORE = "Now B6 comes before it: name what you mean."


def test_what_a_move_makes_wrong_is_said_though_it_was_turned_down_before_and_not_in_its_words(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    first(program, model, SHOWN)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "No, the drawing is on the wall.")
    program.sweep()
    move(box, page, "We deploy", "Storage")
    again = comment("B8", "as shown above", BEFORE, "important", "Shown where")
    model.think = lambda _document, turn: [
        [comment("B8", "shown above", "Say where.", "important", "Which place"), finish()],
        [again, finish()],
        [finish()],
    ][turn]
    program.sweep()
    told = "is closed (Ana Costa said no); do not repeat it; where a move makes these words wrong"
    assert any(told in one for one in model.answers)
    assert [one.splitlines()[0] for one in on_blocks(box, page)] == [
        "✓ Dropped: “Nothing shown above” · Ana Costa said no",
        "Shown where · important",
    ]
    box.world.add_block(page, blocks.paragraph("A last line."))
    box.clock.advance(HOUR)
    says(model, comment("B8", "as shown", "Say it otherwise.", "important", "Unclear"), finish())
    program.sweep()
    assert len(on_blocks(box, page)) == 2


def test_a_block_that_was_commented_on_takes_another_where_one_was_moved_to_its_side(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    table = comment("B4", "two columns", "Name them.", "important", "Columns without names")
    first(program, model, table)
    move(box, page, "Storage", "We deploy")
    says(
        model,
        comment("B5", "The table", "B4 stands between it and its table.", "minor", "Table apart"),
        comment("B7", "Which region", "Ask who decides.", "minor", "Nobody decides"),
        comment("B7", "Which region", "B4 needs it now.", "minor", "Needed sooner"),
        finish(),
    )
    program.sweep()
    assert [one.splitlines()[0] for one in on_blocks(box, page)] == [
        "Columns without names · important",
        "Table apart · minor",
        "Needed sooner · minor",
    ]
    told = "comment on what is new, changed or moved, or name in the text the one of these that"
    assert any(f"{told} makes it wrong: B4" in one for one in model.answers)


def test_an_item_of_a_list_that_was_dragged_up_is_moved_and_the_numbers_of_the_others_are_not(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    steps = [blocks.numbered(text) for text in ("Ask.", "Tell.", "Wait.", "Go.")]
    page = box.world.page(rfcs, "Steps", steps, at=NOW - HOUR).id
    program.sweep()
    box.clock.advance(HOUR)
    box.world.move_block(box.world.blocks(page)[3], after="")
    box.clock.advance(HOUR)
    program.sweep()
    assert model.documents[-1].partition("Document:\n")[2] == (
        "[B1] 1. Go.\n  moved: stood below B4\n[B2] 2. Ask.\n[B3] 3. Tell.\n[B4] 4. Wait."
    )
