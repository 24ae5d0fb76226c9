"""The second meeting with an author: what becomes of the points of the first review."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from daemon.notion.from_markdown import INNER
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
    leave,
    plain,
    posted,
    reply,
)


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MORE = tuple(f"Line {n} says how carrier {n} is asked, and how long we wait." for n in range(20))
LATER = tuple(
    f"Step {n} moves the next carrier to its queue, a day after step {n - 1}." for n in range(60)
)
LINES = ("Rollback: N/A.", "We deploy on Monday.", "Nobody owns the queue.")


def rfc(box: Sandbox, rfcs: str, *lines: str) -> str:
    content = [blocks.heading(2, "Plan"), *map(blocks.paragraph, lines or LINES)]
    return box.world.page(rfcs, "Queues", content, at=NOW - HOUR).id


def edit(box: Sandbox, page: str, number: int, text: str) -> None:
    """Edit the line with this number, from 0."""
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[number + 1], text)
    box.clock.advance(HOUR)


def first_review(program: Program, model: ScriptedModel) -> None:
    model.think = lambda _document, _turn: [
        comment("B2", "N/A", "Say how it is undone.", "blocking", "No way back"),
        comment("B4", "Nobody owns", "Name an owner.", "important", "No owner"),
        finish("Two things."),
    ]
    program.sweep()


def on_page(box: Sandbox, page: str) -> list[str]:
    return [plain(one) for one in posted(box) if one.parent_id == page]


def on_blocks(box: Sandbox, page: str) -> list[str]:
    return [plain(one) for one in posted(box) if one.parent_id != page]


def tools_of(model: ScriptedModel) -> set[str]:
    """Return the names of the tools of the last request."""
    return {tool["name"] for tool in model.sent[-1].body["tools"]}


def says(model: ScriptedModel, *calls: Call) -> None:
    """Let the model make these calls in its first turn; a thread is named by its point's title."""

    def think(document: str, turn: int) -> list[Call]:
        return [_placed(one, document) for one in calls] if turn == 0 else [finish()]

    model.think = think


def _placed(call: Call, document: str) -> Call:
    name, given = call
    if "thread" not in given:
        return call
    return name, given | {"thread": begun_by(given["thread"], document)}


def test_a_point_shows_its_title_and_severity_then_the_quote_then_the_words(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    assert on_blocks(box, page) == [
        "No way back · blocking\nN/A\nSay how it is undone.",
        "No owner · important\nNobody owns\nName an owner.",
    ]
    [finding, *_] = posted(box)
    assert finding.rich_text[0]["annotations"]["bold"]


def test_j1_finish_beside_a_refused_call_is_refused_once_and_the_reason_is_heard(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, turn: (
        [
            finish("Done."),
            comment("B4", "Nobody owned it ever", "Who?"),
            comment("B2", "N/A", "How?"),
        ]
        if turn == 0
        else [comment("B4", "Nobody owns", "Who?"), finish("Two.")]
    )
    program.sweep()
    assert len(model.sent) == 2
    assert len(on_blocks(box, page)) == 2
    assert (
        "refused: 1 call of this turn failed; what was noted stands: correct what failed, "
        "or finish alone to leave it so"
    ) in model.answers
    assert any("these words do not stand in B4" in one for one in model.answers)


def test_j1_what_is_refused_in_the_second_turn_is_heard_too_and_the_same_call_only_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    wrong = [comment("B4", f"no such words {n}", "Who?") for n in range(4)]
    model.think = lambda _document, turn: [wrong[min(turn, 1)], finish("Two.")]
    program.sweep()
    assert len(model.sent) == 3
    assert on_page(box, page)[0].startswith("Two.")


def test_j1_a_refused_call_in_the_last_turn_loses_no_summary(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"rounds": 1}
    model.think = lambda _document, _turn: [
        comment("B4", "no such words", "Who?"),
        finish("Name one."),
    ]
    program.sweep()
    assert "Name one." in on_page(box, page)[0]
    assert (
        "1 call of the last turn failed; the model did not hear why"
        in program.run("explain", page).out
    )


def test_j2_a_point_that_was_mended_for_show_stays_open_where_the_model_says_nothing(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Some users may have problems. We will document this.")
    says(model, finish("No change to that."))
    program.sweep()
    assert "    open, blocking" in program.run("explain", page).out
    assert "Settle first:\n• No way back (still open)" in on_page(box, page)[0]


def test_j2_not_yet_is_said_once_for_each_change(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    thread = posted(box)[0].discussion_id
    words = "It still does not say how it is undone."
    edit(box, page, 0, "Some users may have problems. We will document this.")
    says(model, follow_up("No way back", "not_yet", words), finish("Still one."))
    program.sweep()

    def in_thread() -> list[str]:
        return [plain(one) for one in posted(box) if one.discussion_id == thread][1:]

    assert in_thread() == [words]
    assert program.run("review", page).code == 0
    assert in_thread() == [words]
    assert any("that was said of this text already" in one for one in model.answers)
    edit(box, page, 0, "Some users may have problems. We will write it down.")
    program.sweep()
    assert in_thread() == [words, words]
    assert "No way back" in on_page(box, page)[-1]
    assert "    open, blocking" in program.run("explain", page).out


def test_j3_a_point_that_was_mended_by_adding_words_is_ruled_fixed_and_named_no_more(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. We switch the flag off, which takes a minute.")
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish("One left."))
    program.sweep()
    [summary] = on_page(box, page)
    assert "Settled: “No way back”" in summary
    assert "Settle first" not in summary
    assert "Important:\n• No owner (still open)" in summary
    [mark, _] = on_blocks(box, page)
    assert mark.startswith("✓ Settled: “No way back” · “switch the flag off”")
    assert mark.endswith("No way back · blocking\nN/A\nSay how it is undone.")
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, comment("B2", "N/A", "Say how it is undone."), finish("Nothing new."))
    program.sweep()
    assert "No way back" not in on_page(box, page)[-1]
    assert len(on_blocks(box, page)) == 2


@pytest.mark.parametrize(
    ("quote", "why"),
    [
        ("", "the quote is empty"),
        ("Nobody owns the queue", "these words stood in B4 when you made the point"),
        ("Two owners are named", "these words are not on the page"),
    ],
)
def test_a_ruling_that_the_text_cannot_bear_is_refused(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, quote: str, why: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: we switch the flag off.")
    says(model, follow_up("No way back", "fixed", quote=quote))
    program.sweep()
    assert any(why in one for one in model.answers)
    assert program.run("explain", page).out.count("    open, ") == 2


ELSEWHERE = "It is said elsewhere: we switch the flag off, which takes a minute."


@pytest.mark.parametrize("pasted", [False, True])
def test_words_that_came_into_the_points_block_settle_it_while_they_stand_there(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    pasted: bool,  # noqa: FBT001 - both ways
) -> None:
    page = rfc(box, rfcs, *LINES, ELSEWHERE)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. We switch the flag off.")
    says(model, follow_up("No way back", "fixed", quote="[B2] We switch the flag off"), finish())
    program.sweep()
    assert not any("refused" in one for one in model.answers)
    settled = "✓ Settled: “No way back” · its block says “We switch the flag off”"
    assert on_blocks(box, page)[0].startswith(settled)
    says(model, finish())
    edit(box, page, 0, "Rollback: N/A. At night we switch the flag off, and say so.")
    program.sweep()
    assert on_blocks(box, page)[0].startswith(settled)
    own = box.world.blocks(page)[1]
    if pasted:
        box.world.delete_block(own)
        box.world.add_block(page, blocks.paragraph("Rollback: N/A, and nothing else."))
        box.clock.advance(HOUR)
    else:
        edit(box, page, 0, "Rollback: N/A.")
    program.sweep()
    why = "“We switch the flag off” is gone from its block"
    assert f"open again: “No way back”: {why}" in program.run("explain", page).out


def test_words_of_the_points_block_that_stood_there_show_nothing_and_the_refusal_says_where(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    was = "Rollback: N/A. We switch the flag off, or not."
    page = rfc(box, rfcs, was, *LINES[1:], ELSEWHERE)
    first_review(program, model)
    edit(box, page, 0, "We switch the flag off, or not. Rollback: N/A.")
    edit(box, page, 1, "We deploy on Monday, we switch the flag off on Tuesday.")
    says(
        model,
        follow_up("No way back", "fixed", quote="We switch the flag off"),
        follow_up("No owner", "fixed", quote="we switch the flag off"),
        follow_up("No owner", "fixed", quote="we switch the flag off on Tuesday"),
    )
    program.sweep()
    where = [one.partition(" when you made")[0] for one in model.answers if "stood in" in one]
    assert [*dict.fromkeys(where)] == [
        "refused: these words stood in B2, B5",
        "refused: these words stood in B5",
    ]
    first, second, *_ = on_blocks(box, page)
    assert first.startswith("No way back · blocking")
    assert second.startswith("✓ Settled: “No owner” · “we switch the flag off on Tuesday”")


def test_words_that_come_back_settle_a_point_that_was_opened_again_meanwhile(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    forty, many = "Support handles 40 tickets a month.", "Support handles 120 tickets a month."
    page = rfc(box, rfcs, forty, "We cut 120 tickets to 12.")
    both = comment("B3", "120 tickets", "[B2] says another number.", title="Two numbers")
    says(model, both, finish("They differ."))
    program.sweep()
    edit(box, page, 0, many)
    says(model, follow_up("Two numbers", "fixed", quote="handles 120 tickets"), finish())
    program.sweep()
    edit(box, page, 0, "Support handles tickets, 120 a month.")
    edit(box, page, 1, "We cut 40 tickets to 4.")
    again = follow_up("Two numbers", "not_yet", "Now it is the other way round.")
    says(model, again, finish("They differ still."))
    program.sweep()
    edit(box, page, 0, forty)
    says(model, follow_up("Two numbers", "fixed", quote="Support handles 40 tickets"), finish())
    program.sweep()
    assert "B2, which it names, changed since" in model.documents[-1]
    [settled] = [one for one in on_blocks(box, page) if "Two numbers" in one]
    assert settled.startswith("✓ Settled: “Two numbers” · “Support handles 40 tickets”")


def test_j4_a_point_that_the_reviewer_drops_is_withdrawn_and_its_comment_says_so(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    finding = posted(box)[0]
    box.clock.advance(HOUR)
    box.world.comment(finding, "Is the flag not enough? It undoes everything.")
    words = "You are right, the flag undoes it. I drop this point."
    says(model, follow_up("No way back", "withdrawn", words), finish())
    program.sweep()
    thread = [plain(one) for one in posted(box) if one.discussion_id == finding.discussion_id]
    assert thread[0].startswith("✓ Withdrawn: “No way back”\n\nNo way back")
    assert thread[1:] == [words]
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, comment("B2", "N/A", "Say how it is undone."), finish("One left."))
    program.sweep()
    assert "• No way back" not in on_page(box, page)[-1]
    assert "withdrawn, blocking" in program.run("explain", page).out
    assert len(on_blocks(box, page)) == 3


def test_where_nobody_waits_the_mark_says_why_a_point_is_withdrawn(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 1, "We deploy on Tuesday, behind the flag.")
    says(model, follow_up("No way back", "withdrawn", "The flag undoes it."), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith(
        "✓ Withdrawn: “No way back” · The flag undoes it.\n\nNo way back"
    )
    assert len(on_blocks(box, page)) == 2


@pytest.mark.parametrize("text", ["", " **\n", "…", "Great work!", "https://evil.example"])
@pytest.mark.parametrize("asked", ["", "Is the flag not enough?"])
def test_a_ruling_whose_text_says_nothing_stands_and_who_waits_is_told_that_the_point_is_dropped(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, text: str, asked: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 2, "Ana owns the queue.")
    if asked:
        box.world.comment(posted(box)[0], asked)
        box.clock.advance(HOUR)
    fixed = follow_up("No owner", "fixed", text, "Ana owns the queue")
    says(model, follow_up("No way back", "withdrawn", text), fixed, finish())
    program.sweep()
    withdrawn, settled, *answers = on_blocks(box, page)
    assert withdrawn.startswith("✓ Withdrawn: “No way back”\n\nNo way back")
    assert settled.startswith("✓ Settled: “No owner” · “Ana owns the queue”")
    assert answers == ["I take this point back."] * bool(asked)


def test_a_point_whose_block_is_gone_is_put_before_the_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "fixed", quote="Rollback: N/A"), finish("One left."))
    program.sweep()
    document = model.documents[-1]
    assert "on a block that is gone]\n  begun by your blocking point “No way back”" in document
    assert "addressed, blocking" in program.run("explain", page).out


def test_a_thread_whose_block_is_gone_is_shown_as_any_other_and_where_its_words_stand_now(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    twins = "It is said that nobody owns the queue.", "True: nobody owns the queue."
    page = rfc(box, rfcs, *LINES, *twins)
    model.think = lambda _document, _turn: [
        comment("B4", "Nobody owns the queue", "Name an owner.", "important", "No owner"),
        finish("One thing."),
    ]
    program.sweep()
    ana, ben = box.world.person("Ana"), box.world.person("Ben")
    box.world.comment(posted(box)[0], asked := "Which queue? " + "Say it. " * 70, by=ana)
    box.clock.advance(HOUR)
    says(model, reply("No owner", "That of the **carriers**."))
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Then it is mine.", by=ben)
    box.clock.advance(HOUR)
    says(model, leave("No owner"))
    program.sweep()
    box.world.delete_block(box.world.blocks(page)[3])
    edit(box, page, 0, "Rollback: none.")
    says(model, finish("No news."))
    program.sweep()
    thread = model.documents[-1].partition("[T2 ")[2].splitlines()
    lost = "what was written under the old block since: UTC could not be read; nothing can be said "
    lost += "in it: its thread went with its block; where the matter stands elsewhere, a review "
    lost += "comments there"
    assert [re.sub(r",? 2026-11-20 \d\d:\d\d:?", ":", one) for one in thread[:6]] == [
        "on words that stand in B4, B5 now]",
        f"  begun by your important point “No owner”, about: Nobody owns the queue; {lost}",
        "  RFC reviewer (you): Name an owner.",
        f"  Ana: {asked[:500]} …",
        "  RFC reviewer (you): That of the **carriers**.",
        "  Ben: Then it is mine.",
    ]


@pytest.mark.parametrize("removed", [False, True])
def test_what_a_removal_makes_wrong_is_said_on_a_block_that_did_not_change(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, *, removed: bool
) -> None:
    page = in_sections(box, rfcs)
    first_review(program, model)
    if removed:
        box.world.delete_block(box.world.blocks(page)[7])
    edit(box, page, 1, "We deploy on Tuesday.")
    says(
        model,
        comment("B6", "as said in the plan", "The plan says it no more."),
        comment("B5", "the queue", "Which queue is it?"),
        finish(),
    )
    program.sweep()
    told = "takes a comment where that makes it wrong:\n  - See below." in model.documents[-1]
    assert told is removed
    taken = any("The plan says it no more." in one for one in on_blocks(box, page))
    assert taken is removed
    assert any("B5 was commented on before, and it and its section" in one for one in model.answers)
    assert any("B6 and its section say what they said" in one for one in model.answers) is not (
        removed
    )


def in_sections(box: Sandbox, rfcs: str) -> str:
    """Make a page of three sections: B1 to B3, B4 to B6, B7 and B8."""
    first, second = LINES[:2], (LINES[2], "We tell the carriers as said in the plan.")
    content = [blocks.heading(2, "Plan"), *map(blocks.paragraph, first)]
    content += [blocks.heading(2, "Owners"), *map(blocks.paragraph, second)]
    content += [blocks.heading(2, "End"), blocks.paragraph("See below.")]
    return box.world.page(rfcs, "Queues", content, at=NOW - HOUR).id


@pytest.mark.parametrize("how", ["changed", "new", "removed", "elsewhere"])
def test_a_block_takes_another_comment_where_its_section_was_touched_and_no_more_than_its_limit(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, how: str
) -> None:
    page = in_sections(box, rfcs)
    first_review(program, model)
    quotes = ["Nobody owns the", "the queue", "queue."]
    for number, quote in enumerate(quotes):
        box.clock.advance(HOUR)
        owner = next(one for one in box.world.blocks(page) if "Nobody" in str(one.content))
        told = box.world.blocks(page)[5] if how == "changed" else None
        if told:
            box.world.edit_block(told, f"We tell the carriers in week {number}.")
        elif how == "removed" and number == 1:
            box.world.delete_block(box.world.blocks(page)[5])
        elif how == "new":
            box.world.add_block(page, blocks.paragraph(f"Week {number}."), after=owner)
        edit(box, page, 1, f"We deploy on day {number}.")
        says(model, comment("B5", quote, f"Matter {number}: {'abc'[number]}?"), finish())
        program.sweep()
        assert any("stands on B5 and is still open; " in one for one in model.answers)
        owned = [one for one in posted(box) if one.parent_id == owner.id]
        assert len(owned) == (1 if number == 0 or how == "elsewhere" else 2)


def test_words_beside_a_ruling_that_nobody_waits_for_are_not_posted_and_the_model_is_told(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: we switch the flag off.")
    words = "The flag undoes it, well done."
    says(model, follow_up("No way back", "fixed", words, "switch the flag off"))
    program.sweep()
    assert any("so your text is not posted" in one for one in model.answers)
    assert not any(words in one for one in on_blocks(box, page))


def test_no_second_thread_is_begun_on_the_matter_of_an_open_point(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 2, "Team Blue owns some of the queue.")
    says(model, comment("B4", "some of the queue", "Who owns the rest?"))
    program.sweep()
    assert any("rule on it with follow_up first" in one for one in model.answers)
    assert len(on_blocks(box, page)) == 2


@pytest.mark.parametrize("is_same", [True, False])
def test_what_a_person_turned_down_is_compared_with_new_comments_in_any_words(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    is_same: bool,  # noqa: FBT001 - both ways
) -> None:
    """The model is asked once, when it ends, and judges: what it takes back is not posted."""
    page = rfc(box, rfcs, *LINES, *MORE)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[1], "No, won't do.")
    edit(box, page, 10, "Line 7 says that carrier 7 has a queue of its own.")
    again = ("B12", "has a queue", "Carrier 7 is nobody's.", "important", "Adrift")
    model.think = lambda _document, turn: [
        [comment(*again), finish("Carrier 7 is new.")],
        [*[("take_back", {"point": "P1"})] * is_same, finish("Carrier 7 is new.")],
    ][turn]
    program.sweep()
    told = "T3 on B4 “No owner” (Ana Costa said no: “No, won't do.”)\nand your comments are\nP1 on"
    assert sum(told in one for one in model.answers) == 1
    assert any("Adrift" in one for one in on_blocks(box, page)) is not is_same
    assert "Carrier 7 is new." in on_page(box, page)[-1]


def test_j5_who_answers_is_shown_the_whole_document(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, *LINES, *MORE)
    first_review(program, model)
    edit(box, page, 3, "Rollback: the old poller stays installed for a week.")
    [raised, *_] = posted(box)
    box.world.comment(raised, "Done, see the new section.")
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "fixed", quote="the old poller stays installed"))
    program.sweep()
    assert on_blocks(box, page)[0].startswith(
        "✓ Settled: “No way back” · “the old poller stays installed”"
    )
    assert len(on_blocks(box, page)) == 2, "the mark is the answer"
    assert all(line in model.documents[-1] for line in (*LINES, *MORE[1:]))
    assert "addressed, blocking" in program.run("explain", page).out


def test_j6_a_later_review_is_shown_the_whole_document_with_its_marks(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, *LINES, *MORE)
    first_review(program, model)
    edit(box, page, 1, "We deploy on Friday night.")
    program.sweep()
    document = model.documents[-1]
    assert "[B3 changed] We deploy on Friday night." in document
    assert all(f"] {line}" in document for line in (*LINES[:1], *LINES[2:], *MORE))
    assert "read" not in tools_of(model)


def test_j6_of_what_is_longer_the_changes_are_shown_and_the_rest_is_read(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["whole_up_to"] = 500
    page = rfc(box, rfcs, *LINES, *MORE, *LATER)
    first_review(program, model)
    edit(box, page, 1, "We deploy on Friday night.")
    model.think = lambda _document, turn: (
        [("read", {"first": "B20", "last": "[B18]"})]
        if turn == 0
        else [
            comment("B3", "Friday", "The step in B20 needs a day more.", title="Two days"),
            finish(),
        ]
    )
    program.sweep()
    assert MORE[14] not in model.documents[-1]
    assert "read" in tools_of(model)
    [read] = {one for one in model.answers if one.startswith("[B18]")}
    assert read.splitlines()[2] == f"[B20] {MORE[15]}"
    assert any("The step in “› Line 15 says" in one for one in on_blocks(box, page))


def test_j11_how_long_a_model_thinks_and_answers_is_set_by_what_it_is_asked(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config |= {"effort": {"again": "high", "reply": "low"}, "answer_tokens": 9000}
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 1, "We deploy on Friday night.")
    says(model, finish("Nothing new."))
    program.sweep()
    says(model, reply("No way back", "So that a bad night ends."))
    [raised, *_] = posted(box)
    box.world.comment(raised, "Why should I?")
    box.clock.advance(HOUR)
    program.sweep()
    asked = [sent.body["output_config"]["effort"] for sent in model.sent]
    assert asked == ["high", "high", "low", "low"]
    assert {sent.body["max_tokens"] for sent in model.sent} == {9000}


def test_j7_points_are_titles_that_lead_to_their_blocks_and_handles_become_words(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, LINES[0], "We deploy on Monday.", "The B3 needs a queue.")
    model.think = lambda _document, _turn: [
        comment(
            "B2",
            "N/A",
            "Block B2 must be undone before B4, also the B3.",
            "blocking",
            "No way back",
        ),
        comment("B4", "on Monday", "Which one?", "minor", "Which Monday"),
        finish("See B2 before B1."),
    ]
    program.sweep()
    [summary] = [one for one in posted(box) if one.parent_id == page]
    assert on_blocks(box, page)[0].splitlines()[-1] == (
        "Block “› Rollback: N/A” must be undone before “› We deploy on Monday”, also the B3."
    )
    assert "See “Plan › Rollback: N/A” before “Plan”." in plain(summary)
    links = {
        item["text"]["content"]: item["text"]["link"]["url"]
        for item in summary.rich_text
        if item["text"].get("link")
    }
    _, first, second, _ = box.world.blocks(page)
    url = box.world.state.pages[page].url
    assert links == {
        "No way back": f"{url}#{first.id.replace('-', '')}",
        "Which Monday": f"{url}#{second.id.replace('-', '')}",
    }
    assert plain(summary).startswith("Settle first:")


MANY = tuple(f"Line {number} has a flaw." for number in range(1, 6))


def three_of_five(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> str:
    page = rfc(box, rfcs, *MANY)
    program.config["limits"] = {"comments_per_review": 3}
    model.think = lambda _document, _turn: [
        *(
            comment(f"B{number + 1}", "a flaw", f"Words {number}.", "important", f"Flaw {number}")
            for number in (5, 4, 3, 2, 1)
        ),
        finish("Five flaws."),
    ]
    program.sweep()
    return page


def test_j8_the_models_order_holds_among_equals_and_the_rest_is_named_and_to_be_had(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = three_of_five(box, program, model, rfcs)
    assert (
        "posted at most: 3, on one block 2 with your open ones; put the most" in model.documents[0]
    )
    titles = [one.split(" · ")[0] for one in on_blocks(box, page)]
    assert titles == ["Flaw 5", "Flaw 4", "Flaw 3"]
    [summary] = [one for one in posted(box) if one.parent_id == page]
    assert "Kept back: Flaw 2 (important); Flaw 1 (important)." in plain(summary)
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[2], "Line 2 is whole.")
    box.world.comment(summary, "more")
    before = len(model.sent)
    model.think = lambda _document, _turn: [finish()]
    box.clock.advance(HOUR)
    program.sweep()
    titles = [one.split(" · ")[0] for one in on_blocks(box, page)]
    assert titles == ["Flaw 5", "Flaw 4", "Flaw 3", "Flaw 1"]
    told = (
        "I post these now: “Flaw 1”. What else I kept back (1 point) no longer stands in the text."
    )
    assert told in on_page(box, page)
    program.sweep()
    assert len(on_blocks(box, page)) == 4
    assert len(model.sent) <= before + 1


def test_j8_more_needs_no_model_and_is_answered_when_nothing_is_left(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = three_of_five(box, program, model, rfcs)
    before = len(model.sent)
    for _ in range(2):
        summary = next(one for one in posted(box) if one.parent_id == page)
        box.clock.advance(HOUR)
        box.world.comment(summary, "more")
        box.clock.advance(HOUR)
        program.sweep()
    assert len(model.sent) == before
    assert len(on_blocks(box, page)) == 5
    assert any("I keep nothing back" in one for one in on_page(box, page))


@pytest.mark.parametrize("settled", [True, False])
def test_j8_where_all_that_was_kept_lost_its_text_more_says_so(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, *, settled: bool
) -> None:
    page = three_of_five(box, program, model, rfcs)
    [summary] = [one for one in posted(box) if one.parent_id == page]
    model.think = lambda _document, _turn: [finish()]
    box.clock.advance(HOUR)
    for number in (1, 2):
        box.world.edit_block(box.world.blocks(page)[number], f"Line {number} is whole.")
    box.world.comment(summary, "more")
    box.clock.advance(HOUR if settled else timedelta(minutes=2))
    program.sweep()
    assert "What I kept back no longer stands in the text." in on_page(box, page)
    assert len(on_blocks(box, page)) == 3
    program.sweep()
    assert "Kept back" not in on_page(box, page)[0]


@pytest.mark.parametrize("settle", ["10m", "9h"])
def test_j8_what_was_kept_waits_for_a_review_where_a_block_that_it_names_changed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, settle: str
) -> None:
    page = rfc(box, rfcs, *MANY)
    program.config |= {"limits": {"comments_per_review": 1}, "settle_limit": "9h"}
    model.think = lambda _document, _turn: [
        comment("B2", "a flaw", "It is first.", "blocking", "Flaw 1"),
        comment("B3", "a flaw", "B4 says the same.", "important", "Flaw 2"),
        comment("B5", "a flaw", "B6 says the same.", "minor", "Flaw 4"),
        finish("Three flaws."),
    ]
    program.sweep()
    [summary] = [one for one in posted(box) if one.parent_id == page]
    program.config["settle"] = settle
    edit(box, page, 2, "Line 3 is whole.")
    box.world.comment(summary, "more")
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    assert [one.split(" · ")[0] for one in on_blocks(box, page)] == ["Flaw 1", "Flaw 4"]
    told = "I keep 1 point back until my next review: other text that is named there changed."
    assert any("I post these now: “Flaw 4”. " + told in one for one in on_page(box, page))
    assert any("Kept back: Flaw 2 (important)." in one for one in on_page(box, page))
    box.clock.advance(HOUR)
    box.world.comment(summary, "more")
    box.clock.advance(10 * HOUR)
    program.sweep()
    assert len(on_blocks(box, page)) == 2
    assert on_page(box, page)[-1].startswith(told)
    assert any("Kept from the last review" in one for one in model.documents)


def test_j8_what_was_kept_is_put_before_the_model_and_moves_when_it_is_made_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = three_of_five(box, program, model, rfcs)
    edit(box, page, 4, "Line 5 has a flaw and a half.")
    says(model, comment("B2", "a flaw", "Words 1, again.", "blocking", "Flaw 1"), finish("Look."))
    program.sweep()
    told = "comment again on what still matters:\n  B3: your important point “Flaw 2”"
    assert told in model.documents[-1]
    assert on_blocks(box, page)[-1].startswith("Flaw 1 · blocking")
    summary = on_page(box, page)[-1]
    assert "Kept back: Flaw 2 (important)." in summary


def test_j8_what_was_kept_is_named_by_the_review_that_makes_it_again_as_it_was(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = three_of_five(box, program, model, rfcs)
    edit(box, page, 4, "Line 5 has a flaw and a half.")
    made = [comment("B3", "a flaw", "Words 2.", "important", "Flaw 2")]
    says(model, *made, finish("Look."))
    program.sweep()
    assert on_blocks(box, page)[-1].startswith("Flaw 2 · important")
    summary = on_page(box, page)[-1]
    assert "• Flaw 2\n" in summary
    assert "Kept back: Flaw 1 (important)." in summary
    program.sweep()
    assert on_page(box, page)[-1] == summary


def test_j8_what_was_kept_is_asked_about_where_an_own_comment_stands_on_its_block_now(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = three_of_five(box, program, model, rfcs)
    edit(box, page, 0, "Line 1 has a flaw that costs money.")
    says(model, comment("B2", "costs money", "Say how much.", "important", "No price"), finish())
    program.sweep()
    edit(box, page, 0, "Line 1 has a flaw that costs money, daily.")
    model.think = lambda _document, turn: [
        *([comment("B2", "a flaw", "Words 1.", "important", "Flaw 1")] if turn == 0 else []),
        *([("take_back", {"point": "P1"})] if turn == 1 else []),
        finish("Look."),
    ]
    program.sweep()
    [asked] = [one for one in model.answers if "before this ends, compare" in one]
    assert "P1 on B2 “Flaw 1”: your own point in T" in asked
    assert "on B2 (open) may be the same: “No price”" in asked
    assert not any(one.startswith("Flaw 1") for one in on_blocks(box, page))


def test_j9_the_older_summary_shrinks_to_a_line_when_a_new_one_comes(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 1, "We deploy on Friday night.")
    says(
        model,
        comment("B3", "Friday night", "Who is there?", "important", "Nobody there"),
        finish("!"),
    )
    program.sweep()
    older, newer = on_page(box, page)
    assert older == "A newer summary follows below."
    assert "Nobody there" in newer
    assert "No way back (still open)" in newer


def test_a_settled_point_opens_again_when_the_words_that_settled_it_are_gone(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. We switch the flag off, which takes a minute.")
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back” · ")
    edit(box, page, 0, "Rollback: N/A.")
    says(model, finish("The way back is gone again."))
    program.sweep()
    reads = on_blocks(box, page)[0]
    assert reads.startswith("No way back · blocking")
    assert reads.endswith("Open again: “switch the flag off” is gone.")
    assert "No way back (open again)" in on_page(box, page)[-1]
    edit(box, page, 0, "Rollback: N/A, as the flag can be switched off within a minute.")
    says(model, follow_up("No way back", "fixed", quote="can be switched off"), finish())
    program.sweep()
    [mark, _] = on_blocks(box, page)
    assert mark.startswith("✓ Settled: “No way back” · “can be switched off”")
    assert mark.count("✓") == 1
    assert "Open again" not in mark


def test_who_edits_a_comment_in_a_thread_where_the_same_was_said_is_heard_and_answered_there(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    said = box.world.comment(posted(box)[0], "We think about it.")
    says(model, leave("No way back", "nothing is asked"), finish())
    program.sweep()
    edit(box, page, 0, "Rollback: N/A, as it is easy.")
    says(model, follow_up("No way back", "not_yet", "It does not say how."), finish())
    program.sweep()
    box.world.edit_comment(said, "Why is easy not enough?")
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "not_yet", "Since nobody knows how."), finish())
    program.sweep()
    assert "begun by your blocking point “No way back”, about: N/A\n" in model.documents[-1]
    assert on_blocks(box, page)[2:] == ["It does not say how.", "Since nobody knows how."]


def test_what_an_answer_ruled_not_yet_is_not_to_be_ruled_again_by_the_review_of_the_same_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    words = "Say how it is undone, not that it is easy."
    other = comment("B2", "N/A at night", "Who is awake then?", "important", "Nobody at night")

    def think(document: str, turn: int) -> list[Call]:
        ruling = _placed(follow_up("No way back", "not_yet", words), document)
        if "Only threads are answered now" in document:
            return [ruling, finish()]
        return [*[other, ruling] * (not turn), finish("One more.")]

    box.world.comment(posted(box)[0], "Is it not easy enough now?")
    edit(box, page, 0, "Rollback: it is easy by day, and N/A at night.")
    model.think = think
    program.sweep()
    assert "about: N/A; nothing can be said in it: that was said" in model.documents[-1]
    assert any("that was said of this text already" in one for one in model.answers)
    assert on_blocks(box, page)[2:] == [
        words,
        "Nobody at night · important\nN/A at night\nWho is awake then?",
    ]


@pytest.mark.parametrize(
    ("line", "is_open"),
    [
        ("Ana Costa owns the queue from May 2 on.", False),
        ("Nobody owns the queue. Ana Costa owns the queue from May 2 on.", True),
        ("The queue is owned by a team.", True),
    ],
    ids=["reworded", "the point's words are back", "gone"],
)
def test_a_settled_point_stays_settled_where_its_evidence_is_only_reworded_and_the_model_is_told(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    line: str,
    is_open: bool,  # noqa: FBT001 - a table
) -> None:
    page = rfc(box, rfcs, *LINES, "Ana Costa owns the cache from June 1 on.")
    first_review(program, model)
    edit(box, page, 2, "Ana Costa owns the queue from May 1 on.")
    says(model, follow_up("No owner", "fixed", quote="Ana Costa owns the queue from May 1 on"))
    program.sweep()
    settled = on_blocks(box, page)[1]
    assert settled.startswith("✓ Settled: “No owner”")
    edit(box, page, 2, line)
    says(model, finish("Read."))
    program.sweep()
    told = "settled by “Ana Costa owns the queue from May 1 on”, which reads now “Ana Costa owns"
    assert (told in model.documents[-1]) is not is_open
    assert (on_blocks(box, page)[1] == settled) is not is_open
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No owner", "not_yet", "May 2 is a holiday."), finish())
    program.sweep()
    assert on_blocks(box, page)[1].startswith("No owner · important")


def test_where_the_reviewer_says_itself_why_a_point_is_open_again_its_comment_gives_no_other_reason(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. We switch the flag off, which takes a minute.")
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish())
    program.sweep()
    edit(box, page, 0, "Rollback: N/A.")
    says(model, follow_up("No way back", "not_yet", "I closed this by mistake."), finish())
    program.sweep()
    assert on_blocks(box, page)[0].endswith("\n\nOpen again.")
    assert "I closed this by mistake." in on_blocks(box, page)


def test_a_point_that_is_settled_by_what_went_says_so(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 2, "Ana runs the queue.")
    says(model, follow_up("No owner", "fixed", quote="Nobody owns the queue"), finish())
    program.sweep()
    assert on_blocks(box, page)[1].startswith(
        "✓ Settled: “No owner” · “Nobody owns the queue” is gone"
    )


def test_a_point_whose_text_was_cut_and_pasted_is_posted_anew_there_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    old = box.world.blocks(page)[1]
    box.clock.advance(HOUR)
    box.world.delete_block(old)
    new = box.world.add_block(page, blocks.paragraph(LINES[0]))
    box.world.add_block(page, blocks.paragraph("One more line."))
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "not_yet", "It still says N/A."), finish("No news."))
    program.sweep()
    for _ in range(2):
        program.sweep()
        box.clock.advance(HOUR)
    [anew] = [one for one in posted(box) if one.parent_id == new.id]
    known = f"I know the old thread up to {NOW:%Y-%m-%d %H:%M} UTC."
    known = f"Posted anew, since its block was cut and pasted; {known}"
    said = f"Say how it is undone.\n\nIt still says N/A.\n\n{known}"
    assert plain(anew) == f"No way back · blocking\nN/A\n{said}"
    assert "No way back (still open)" in on_page(box, page)[-1]
    box.world.edit_block(new, "Rollback: we switch the flag off.")
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish())
    program.sweep()
    [anew] = [one for one in posted(box) if one.parent_id == new.id]
    assert plain(anew).startswith("✓ Settled: “No way back” · “switch the flag off”")
    explained = program.run("explain", page).out
    assert explained.count("addressed, blocking: No way back") == 1
    assert explained.count("finding of review 1: posted") == 2


@pytest.mark.parametrize(
    ("other", "comes", "is_pasted"),
    [
        ("Elsewhere slice::from_raw_parts is safe.", "One more line.", False),
        ("Elsewhere slice::from_raw is safe.", "One more line.", False),
        ("Elsewhere slice::from_raw is safe.", "Now slice::from_raw is called in a loop.", True),
    ],
)
def test_a_point_follows_its_words_only_into_a_block_into_which_they_came(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    other: str,
    comes: str,
    is_pasted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    page = rfc(box, rfcs, "We call slice::from_raw here.", other, "The rest is as it was.")
    made = comment("B2", "slice::from_raw", "Say who frees it.", "important", "No owner")
    model.think = lambda _document, _turn: [made, finish("One thing.")]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    box.world.add_block(page, blocks.paragraph("Other words came."))
    box.clock.advance(HOUR)
    if not is_pasted:
        says(model, finish("No news."))
        program.sweep()
    new = box.world.add_block(page, blocks.paragraph(comes))
    box.clock.advance(HOUR)
    says(model, finish("No news."))
    program.sweep()
    anew = [one.parent_id for one in posted(box) if "Posted anew" in plain(one)]
    assert anew == [new.id] * is_pasted
    told = "your open points in T2 lost their threads"
    assert any(told in one for one in model.answers) is not is_pasted


def test_the_summary_sends_nobody_to_words_that_went_with_a_pasted_block(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    old = box.world.blocks(page)[1]
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "A week is enough, I think.")
    says(model, leave("No way back"), finish())
    program.sweep()
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, finish("No news."))
    program.sweep()
    assert "No way back (still open; see what Ana Costa wrote)" in on_page(box, page)[-1]
    box.world.delete_block(old)
    box.world.add_block(page, blocks.paragraph(LINES[0]))
    edit(box, page, 0, "We deploy on Friday.")
    program.sweep()
    assert "No way back (still open)" in on_page(box, page)[-1]


@pytest.mark.parametrize(
    ("was", "now", "quote"),
    [
        ("The target is riscv64_none_elf.", "The target is riscv64-none-elf.", "riscv64-none-elf"),
        ("It prints bench_outpu.", "It prints bench_output.", "bench_outpu"),
        ("Ask lang/compiler-team.", "Ask lang/compiler.", "lang/compiler-team"),
    ],
)
def test_a_small_mend_can_be_ruled_fixed_by_the_words_that_came_or_went(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, was: str, now: str, quote: str
) -> None:
    page = rfc(box, rfcs, was, "The lang/compiler team decides.")
    model.think = lambda _document, _turn: [
        comment("B2", was, "It is misspelt.", "minor", "Misspelt"),
        finish(),
    ]
    program.sweep()
    edit(box, page, 0, now)
    says(model, follow_up("Misspelt", "fixed", quote=quote), finish())
    program.sweep()
    [mark] = on_blocks(box, page)
    assert mark.startswith("✓ Settled: “")
    assert quote in mark.splitlines()[0]
    edit(box, page, 1, "The lang/compiler team decides alone.")
    says(model, finish())
    program.sweep()
    assert on_blocks(box, page) == [mark]


def test_a_ruling_may_quote_what_came_after_the_point_and_went_since_the_last_review(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: we believe that we need none.")
    says(model, follow_up("No way back", "not_yet", "A belief is no plan."), finish())
    program.sweep()
    edit(box, page, 0, "")
    says(model, follow_up("No way back", "fixed", quote="we believe that we need none"), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith(
        "✓ Settled: “No way back” · “we believe that we need none” is gone"
    )


def test_a_no_to_a_colleague_is_no_no_to_the_point(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    raised, other = posted(box)[:2]
    box.clock.advance(HOUR)
    box.world.comment(raised, "Is that really so bad?", by=box.world.person("Ben"))
    box.world.comment(raised, "No, not at all for small tables.", by=box.world.person("Ana"))
    box.world.comment(other, "I don't agree with Carl, we need one.")
    says(model, finish())
    program.sweep()
    assert "dismissed" not in program.run("explain", page).out
    assert model.documents[-1].count(", new: ") == 3


def test_a_no_shows_in_the_points_own_comment_without_a_new_one(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "No, that is intended.")
    before = len(posted(box))
    program.sweep()
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Dropped: “No way back” · Ana Costa said no\n")
    assert len(posted(box)) == before


def test_a_point_that_a_person_dropped_is_opened_again_where_a_person_asks_for_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    raised = posted(box)[0]
    box.clock.advance(HOUR)
    box.world.comment(raised, "No, won't do.")
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No way back", "not_yet", "It is needed."), finish())
    program.sweep()
    assert any("only a person's later word in its thread opens it" in one for one in model.answers)
    assert "• No way back" not in on_page(box, page)[-1]
    edit(box, page, 1, "We deploy on Wednesday.")
    box.world.comment(raised, "Sorry, I was wrong. Please reopen this point.")
    says(
        model,
        follow_up("No way back", "not_yet", "Then it is open again: say how it is undone."),
        finish("Open again."),
    )
    program.sweep()
    assert on_blocks(box, page)[0].startswith("No way back · blocking")
    assert "No way back (open again; see my answer)" in on_page(box, page)[-1]
    assert "Then it is open again" in " ".join(on_blocks(box, page))


@pytest.mark.parametrize("closed", ["dropped", "withdrawn"])
@pytest.mark.parametrize("says_so", ["I do not agree, please keep it.", "No, this matters."])
def test_a_no_to_what_closed_a_point_is_heard_and_is_no_no_to_the_point(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, closed: str, says_so: str
) -> None:
    """Another person's no dropped it, or the reviewer did; who dropped it says no in silence."""
    page = rfc(box, rfcs)
    first_review(program, model)
    raised, ben = posted(box)[0], box.world.person("Ben")
    box.clock.advance(HOUR)
    if closed == "dropped":
        box.world.comment(raised, "No, won't do.", by=ben)
    else:
        box.world.comment(raised, "Is the flag not enough?", by=ben)
        says(model, follow_up("No way back", "withdrawn", "It is, I drop this."), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith(f"✓ {closed.title()}: “No way back”")
    box.clock.advance(HOUR)
    if closed == "dropped":
        box.world.comment(raised, "No.", by=ben)
    box.world.comment(raised, says_so, by=box.world.person("Priya"))
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "not_yet", "Then it is open: how?"), finish())
    program.sweep()
    assert f"new: {says_so}" in model.documents[-1]
    assert on_blocks(box, page)[0].startswith("No way back · blocking")
    assert "Then it is open: how?" in " ".join(on_blocks(box, page))


def declined(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> str:
    """Let a person turn the first point down."""
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "No, won't do.")
    program.sweep()
    return page


def test_what_a_person_turned_down_is_fixed_where_its_words_went(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = declined(box, program, model, rfcs)
    edit(box, page, 0, "Rollback: we switch the flag off.")
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish("One left."))
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back” · “switch the flag off”\n")
    assert "Since last time:\n• Settled: “No way back”" in on_page(box, page)[0]
    assert "addressed, blocking" in program.run("explain", page).out


@pytest.mark.parametrize("retracted", [False, True])
def test_a_no_holds_where_the_ruling_that_its_point_is_fixed_ends(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    retracted: bool,  # noqa: FBT001 - both ways
) -> None:
    page = declined(box, program, model, rfcs)
    edit(box, page, 0, "Rollback: we switch the flag off.")
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish())
    program.sweep()
    if retracted:
        assert program.run("retract", "2").code == 0
    edit(box, page, 0, "Rollback: we do nothing.")
    says(model, follow_up("No way back", "not_yet", "It is gone again."), finish("One left."))
    program.sweep()
    program.sweep()
    assert on_blocks(box, page)[0].startswith(
        "✓ Dropped: “No way back” · Ana Costa said no\n\nNo way back"
    )
    assert "dismissed, blocking" in program.run("explain", page).out
    assert "• No way back" not in on_page(box, page)[-1]
    refused = "only a person's later word in its thread opens it again; where text that came"
    assert any(refused in one for one in model.answers)


def test_what_a_person_turned_down_is_not_fixed_while_its_words_stand(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = declined(box, program, model, rfcs)
    edit(box, page, 1, "We deploy on Tuesday, behind a flag.")
    says(model, follow_up("No way back", "fixed", quote="behind a flag"), finish())
    program.sweep()
    assert any("is closed: Ana Costa said no" in one for one in model.answers)
    assert on_blocks(box, page)[0].startswith("✓ Dropped: “No way back” · Ana Costa said no\n")


def test_the_reviewer_takes_back_a_wrong_ruling(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. Some users may have problems.")
    says(model, follow_up("No way back", "fixed", quote="Some users may have problems"), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back” · ")
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No way back", "not_yet", "I was wrong: that undoes nothing."), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("No way back · blocking")
    assert "No way back (open again; see my answer)" in on_page(box, page)[-1]
    assert "I was wrong: that undoes nothing." in on_blocks(box, page)
    said = "open again: “No way back”: I was wrong: that undoes nothing.\n"
    assert said in program.run("explain", page).out


def test_done_is_not_asked_about_again_once_the_point_was_ruled_on_below_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Done.")
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No way back", "not_yet", "It still says N/A."), finish())
    program.sweep()
    edit(box, page, 1, "We deploy on Wednesday.")
    says(model, finish())
    program.sweep()
    assert ", new: " not in model.documents[-1]


def test_the_summary_names_what_people_or_the_reviewer_dropped_since_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "No, that is intended.")
    edit(box, page, 1, "We deploy on Tuesday, and Ana is there.")
    says(model, follow_up("No owner", "withdrawn", "Ana is enough."), finish("Looks fine."))
    program.sweep()
    [summary] = on_page(box, page)
    assert summary == (
        "Looks fine.\n\nNo longer open: “No way back” (blocking) dropped by Ana Costa; "
        "“No owner” withdrawn.\n\n"
        "None of my points is open."
    )
    edit(box, page, 1, "We deploy on Wednesday.")
    says(model, finish("Looks good."))
    program.sweep()
    assert on_page(box, page) == ["Looks good."]


def test_the_summary_counts_a_no_that_the_review_itself_heard(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = a_no_in_other_words(box, program, model, rfcs)
    edit(box, page, 1, "We deploy on Tuesday.")
    heard = follow_up("No way back", "turned_down", quote="das wollen wir genau so haben")

    def think(document: str, turn: int) -> list[Call]:
        if turn or "Only threads are answered now" in document:
            return [finish("One left.")]
        return [_placed(heard, document), finish("One left.")]

    model.think = think
    program.sweep()
    assert "dropped by Ana." in on_page(box, page)[-1]


def test_words_that_went_with_the_points_own_block_settle_it_though_they_stand_elsewhere(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, "Name: N/A", "Costs", "N/A", "Owner", "N/A", *LINES[1:])
    said = [comment("B4", "N/A", "Say what it costs.", title="No cost")]
    model.think = lambda _document, _turn: [*said, finish("One thing.")]
    program.sweep()
    costs, cost, _, owner = box.world.blocks(page)[2:6]
    model.think = lambda document, turn: (
        [follow_up(begun_by("No cost", document), "fixed", quote="N/A")] if not turn else [finish()]
    )
    box.clock.advance(HOUR)
    box.world.delete_block(owner)
    edit(box, page, 0, "Name: N/A.")
    program.sweep()
    assert any("stand there still" in one for one in model.answers)
    for one in (costs, cost):
        box.world.delete_block(one)
    edit(box, page, 0, "Name: N/A!")
    program.sweep()
    assert "✓ Settled: “No cost” · its block with “N/A” is gone" in program.run("explain", page).out
    edit(box, page, 0, "Name: Queues")
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    assert "its block is back" not in program.run("explain", page).out
    box.world.state.blocks[cost.id] = cost
    edit(box, page, 0, "Name: N/A")
    program.sweep()
    assert "its block is back" in program.run("explain", page).out


def test_the_summary_says_whose_word_is_the_last_about_each_point_that_is_still_open(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, *LINES, "It costs nothing.", "It is safe.")
    model.think = lambda _document, _turn: [
        comment("B2", "N/A", "Say how it is undone.", "blocking", "No way back"),
        comment("B4", "Nobody owns", "Name an owner.", title="No owner"),
        comment("B5", "nothing", "Say what it costs.", title="No cost"),
        comment("B6", "safe", "Say why.", title="No reason"),
        finish("Four things."),
    ]
    program.sweep()
    box.clock.advance(HOUR)
    raised = posted(box)
    box.world.comment(raised[1], "Who could it be?")
    box.world.comment(raised[2], "About ten dollars, I think.")
    box.world.comment(raised[3], "why")  # a record answers it, and nobody is told to read that
    edit(box, page, 0, "Rollback: we think of something.")

    def think(document: str, turn: int) -> list[Call]:
        if turn:
            return [finish("Go on.")]
        named = {title: begun_by(title, document) for title in ("No way back", "No owner")}
        calls = [
            follow_up(named["No way back"], "not_yet", "That is no plan."),
            reply(named["No owner"], "Team Blue."),
            leave(begun_by("No cost", document)),
            finish("Go on."),
        ]
        return calls[1:] if "Only threads are answered now" in document else calls[:1]

    model.think = think
    program.sweep()
    summary = on_page(box, page)[-1]
    assert "• No way back (still open; see my answer)\n" in summary
    assert "• No owner (still open; see my answer)\n" in summary
    assert "• No cost (still open; see what Ana Costa wrote)\n" in summary
    assert "• No reason (still open)\n" in summary
    box.clock.advance(HOUR)
    box.world.comment(raised[0], "why")
    edit(box, page, 1, "We deploy on Wednesday.")
    model.think = lambda _document, _turn: [finish("Go on.")]
    program.sweep()
    told = [one for one in on_blocks(box, page) if one.startswith("It rests on")]
    rests = "It rests on “{}” in the section “Plan”, read with all of the page{}."
    assert [one.split("\n")[0] for one in told] == [
        rests.format("safe", ""),
        rests.format("N/A", "; these words are gone by now"),
    ]
    assert "• No way back (still open; see my answer)\n" in on_page(box, page)[-1]


def test_the_last_summary_says_that_nothing_is_open(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: we switch the flag off.")
    edit(box, page, 2, "Ana owns the queue.")
    says(
        model,
        follow_up("No way back", "fixed", quote="switch the flag off"),
        follow_up("No owner", "fixed", quote="Ana owns"),
        finish(),
    )
    program.sweep()
    assert "None of my points is open." in on_page(box, page)[-1]
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, finish("Fine."))
    program.sweep()
    assert "No way back" not in on_page(box, page)[-1]


def test_a_later_review_hears_what_people_said_on_blocks_that_did_not_change(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """On a page of more blocks than a review reads in turn beside those with threads."""
    program.config["watch_requests"] = 0
    page = rfc(box, rfcs, *LINES, *MORE, *LATER)
    first_review(program, model)
    for raised in posted(box)[:2]:
        box.world.comment(raised, "No, that is enough for us.")
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, finish("Nothing new."))
    program.sweep()
    summary, explained = on_page(box, page)[-1], program.run("explain", page).out
    assert "• No way back" not in summary
    assert "• No owner" not in summary
    assert "dismissed, blocking" in explained
    assert "dismissed, important" in explained


def test_a_point_whose_block_is_gone_may_be_made_again_on_another_block_and_ends_there(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    again = "Say in four steps how the change is undone."
    model.think = lambda _document, _turn: [
        comment("B2", "N/A", again, "blocking", "No way back"),
        finish("One thing."),
    ]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    new = box.world.add_block(page, blocks.paragraph("How it is undone is told later."))
    box.clock.advance(HOUR)
    says(
        model,
        follow_up("No way back", "not_yet", "It is not told."),
        comment("B4", "told later", again, "blocking", "No way back"),
        finish("One left."),
    )
    program.sweep()
    assert any(
        "where the matter stands elsewhere, a review comments there" in a for a in model.answers
    )
    [anew] = [one for one in posted(box) if one.parent_id == new.id]
    assert plain(anew).startswith("No way back · blocking\n")
    assert on_page(box, page)[-1].count("No way back") == 1
    assert "withdrawn, blocking: No way back" in program.run("explain", page).out
    assert "withdrawn" not in on_page(box, page)[-1]
    box.world.edit_block(new, "We switch the flag off.")
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish())
    program.sweep()
    assert "None of my points is open." in on_page(box, page)[-1]


def test_a_point_follows_its_words_into_the_one_new_block_though_an_old_one_has_them_too(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, "Nobody owns the queue.", "Who says that nobody owns the queue?")
    model.think = lambda _document, _turn: [
        comment("B2", "Nobody owns the queue", "Name an owner.", "important", "No owner"),
        finish("One thing."),
    ]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    new = box.world.add_block(page, blocks.paragraph("Today nobody owns the queue."))
    box.clock.advance(HOUR)
    says(model, finish("No news."))
    program.sweep()
    [anew] = [one for one in posted(box) if one.parent_id == new.id]
    assert plain(anew).startswith("No owner · important\n")


def test_what_was_settled_in_an_answer_is_named_in_the_next_summary(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. We switch the flag off, which takes a minute.")
    box.world.comment(posted(box)[0], "Is it settled now?")

    def think(document: str, turn: int) -> list[Call]:
        if "Only threads are answered now" not in document or turn:
            return [finish("One left.")]
        thread = begun_by("No way back", document)
        return [follow_up(thread, "fixed", "It is.", "switch the flag off"), finish()]

    model.think = think
    program.sweep()
    assert "Since last time:\n• Settled: “No way back”" in on_page(box, page)[-1]
    edit(box, page, 1, "We deploy on Tuesday.")
    program.sweep()
    assert "No way back" not in on_page(box, page)[-1]


def test_of_a_point_that_is_settled_and_opened_again_before_one_summary_the_last_state_counts(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. We switch the flag off, which takes a minute.")
    box.world.comment(posted(box)[0], "Is it settled now?")
    fixed = follow_up("No way back", "fixed", "It is.", "switch the flag off")
    again = follow_up("No way back", "not_yet", "I was wrong: it says N/A still.")

    def think(document: str, turn: int) -> list[Call]:
        ruling = fixed if "Only threads are answered now" in document else again
        return [finish("One left.")] if turn else [_placed(ruling, document), finish("One left.")]

    model.think = think
    program.sweep()
    summary = on_page(box, page)[-1]
    assert "No way back (open again; see my answer)" in summary
    assert "Settled" not in summary


def test_j12_what_gives_an_author_nothing_to_do_is_left_out_without_another_request(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B2", "Rollback", "Great work on this section! Security is important."),
        comment("B3", "Monday", "As an AI language model, I miss the time. Say it. Say the time."),
        finish("This is a well-written RFC. Say when it goes out."),
    ]
    program.sweep()
    assert len(model.sent) == 1
    [said] = on_blocks(box, page)
    assert said.endswith("I miss the time. Say it. Say the time.")
    assert "Say when it goes out." in on_page(box, page)[0]
    assert "well-written" not in on_page(box, page)[0]
    explained = program.run("explain", page).out
    assert "comment: left out: it gives the author nothing to do" in explained


def test_j14_the_first_summary_says_what_an_author_can_do_and_later_ones_do_not(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    assert "To drop a point, answer no with a reason" in on_page(box, page)[0]
    edit(box, page, 1, "We deploy on Friday night.")
    says(model, finish("No change."))
    program.sweep()
    assert "answer no" not in on_page(box, page)[0]


def test_j14_the_first_summary_is_the_first_that_has_something_to_say_or_the_one_after_a_deletion(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    says(model, finish())
    program.sweep()
    for number in (1, 2):
        assert on_page(box, page) == []
        edit(box, page, number, f"Step {number} is on Tuesday.")
        says(model, comment(f"B{number + 2}", "Tuesday", f"Why {number}?"), finish("Look."))
        program.sweep()
        [summary] = [one for one in posted(box) if one.parent_id == page]
        assert "To drop a point, answer no with a reason" in plain(summary)
        box.world.delete_comment(summary)


@pytest.mark.parametrize("severity", ["minor", ""])
def test_j14_what_an_author_can_do_stands_under_a_first_summary_without_grave_points_too(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, severity: str
) -> None:
    page = rfc(box, rfcs)
    made = [comment("B4", "Nobody owns", "Name an owner.", severity)] if severity else []
    says(model, *made, finish("Little to settle."))
    program.sweep()
    [summary] = on_page(box, page)
    assert all(word in summary for word in ("answer no", "“review again”", "“pause”", "“help”"))


@pytest.mark.parametrize("text", ["help", "Help?", "What can you do here?", "RFC reviewer, help"])
def test_who_asks_for_help_is_told_the_words_without_a_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, text: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.world.comment(next(one for one in posted(box) if one.parent_id == page), text)
    box.clock.advance(HOUR)
    program.sweep()
    assert len(model.sent) == 1
    answer = on_page(box, page)[-1]
    listed = [line[2:] for line in answer.splitlines() if line.startswith("• ")]
    told = str(model.sent[0].body["system"]).partition("obeys these words")[2]
    named = re.findall("`(.+?)`", told.partition(". ")[0])
    assert {"pause 7d", "help"} <= {*named}
    assert len(named) == len(listed)
    assert all(line.startswith(f"{word} ") for word, line in zip(named, listed, strict=True))


def test_who_asks_for_help_with_a_point_is_answered_by_the_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.world.comment(posted(box)[1], "Help me, please")
    box.clock.advance(HOUR)
    says(model, reply("No owner", "Say who is called at night."))
    program.sweep()
    assert on_blocks(box, page)[-1] == "Say who is called at night."


def test_the_question_is_asked_once_and_put_before_the_model_at_the_next_review(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [finish("Nearly.", "Who may switch the flag?")]
    program.sweep()
    assert "Question: Who may switch the flag?" in on_page(box, page)[0]
    edit(box, page, 1, "We deploy on Friday; Ana may switch the flag.")
    says(model, finish("Answered."))
    program.sweep()
    assert "Your question at the last review: Who may switch the flag?" in model.documents[-1]
    assert "Question" not in on_page(box, page)[0]


def test_what_people_declined_is_in_no_summary(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "No, won't do.")
    edit(box, page, 1, "We deploy on Friday night.")
    says(model, finish("One left."))
    program.sweep()
    assert "• No way back" not in on_page(box, page)[0]
    assert "No owner" in on_page(box, page)[0]


def test_the_rules_rule_on_their_own_points_and_name_no_declined_one(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    program.config["models"] = ["offline"]
    page = rfc(box, rfcs, "Owner: TODO, says Ana.", "Date: TBD, says Ben.", "All is well here.")
    program.sweep()
    raised = {plain(one).split("\n")[1]: one for one in posted(box) if one.parent_id != page}
    assert {"TODO, says Ana", "TBD, says Ben"} & {key.rstrip(".") for key in raised} or raised
    box.clock.advance(HOUR)
    todo = next(one for one in posted(box) if "TODO" in plain(one) and one.parent_id != page)
    box.world.comment(todo, "no, won't do")
    edit(box, page, 1, "Date: the first of May.")
    program.sweep()
    summary = on_page(box, page)[-1]
    assert not re.search("^• .*TODO", summary, re.MULTILINE)
    assert "Settled: “Unfinished: \u2018TBD, says Ben.\u2019”" in summary
    assert "addressed" in program.run("explain", page).out


def test_a_rules_point_that_comes_and_goes_is_open_again_and_settled_again_and_each_is_named_once(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    program.config["models"] = ["offline"]
    page = rfc(box, rfcs, "Owner: TODO, says Ana.", "It is large.", "All is well here.")
    program.sweep()

    def reads(words: str) -> list[str]:
        """Return what the point's comment and the summary begin with after an edit."""
        edit(box, page, 0, words)
        program.sweep()
        return [plain(one).split("\n\n")[0] for one in posted(box)]

    title = "Unfinished: “TODO, says Ana.”"
    settled, line = title.translate(INNER), "Since last time:\n• Settled: “{}”"
    for words in ("Owner: Ben, says Ana.", "Owner: Ben and Ana, says Ana."):
        mark, summary = reads(words)
        assert mark == f"✓ Settled: “{settled}” · it is no longer there"
        assert summary == line.format(settled)
        mark, summary = reads("Owner: TODO, says Ana.")
        assert mark.startswith(title)
        assert summary == f"Important:\n• {title} (open again)"
    assert "Open again: it is there again." in plain(posted(box)[0])
    assert len(posted(box)) == 2
    # A rule finds something else there: that is a point of its own.
    reads("Owner: Ben, says Ana.")
    assert reads("Owner: TBD, says Ben.")[0].startswith("✓ Settled")
    assert sum("TBD, says Ben" in plain(one) for one in posted(box)) == 2


@pytest.mark.parametrize("mended", [False, True])
@pytest.mark.parametrize("edited", [False, True])
def test_a_rules_point_is_not_ruled_fixed_while_its_rule_finds_it(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    edited: bool,  # noqa: FBT001 - both ways
    mended: bool,  # noqa: FBT001 - both ways
) -> None:
    """Both where the page is reviewed, and where threads alone are answered."""
    program.config["databases"][0]["checks"] = True
    program.config |= {"settle": "3h", "settle_limit": "9h"}
    page = rfc(box, rfcs, "Owner: TODO, says Ana.", "It is large.", "All is well here.")
    box.clock.advance(4 * HOUR)
    says(model, finish("Nothing."))
    program.sweep()
    [raised] = [one for one in posted(box) if one.parent_id != page]
    title = plain(raised).split(" · ")[0]
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[2], "It is large; Ben owns it.")
    if mended:
        box.world.edit_block(box.world.blocks(page)[1], "Owner: Ben, says Ana.")
    box.world.comment(raised, "Done, Ben owns it.", by=box.world.person("Ana"))
    box.clock.advance(4 * HOUR if edited else HOUR)
    says(model, follow_up(title, "fixed", "", "Ben owns it"), finish("One left."))
    program.sweep()
    assert ("Only threads are answered now" in model.documents[-1]) is not edited
    refused = any("finds it still: There is still a “TODO” here" in one for one in model.answers)
    assert refused is not mended
    assert ("addressed" in program.run("explain", page).out) is mended


def test_a_reply_and_a_ruling_in_one_thread_make_one_answer(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    rfc(box, rfcs)
    first_review(program, model)
    finding = posted(box)[0]
    box.clock.advance(HOUR)
    box.world.comment(finding, "How would you say it?")
    says(
        model,
        reply("No way back", "Name the switch and who uses it."),
        follow_up("No way back", "not_yet", "It is not there yet."),
        finish(),
    )
    program.sweep()
    thread = [plain(one) for one in posted(box) if one.discussion_id == finding.discussion_id]
    assert thread[1:] == ["Name the switch and who uses it."]


def test_a_no_closes_a_point_again_that_people_had_opened_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    raised, ben = posted(box)[0], box.world.person("Ben")
    box.clock.advance(HOUR)
    box.world.comment(raised, "No, won't do.")
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(raised, "Please reopen this point.", by=ben)
    says(model, follow_up("No way back", "not_yet", "Open again."), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("No way back · blocking")
    box.clock.advance(HOUR)
    box.world.comment(raised, "I would still write it down.", by=ben)
    box.world.comment(raised, "No, we leave it out.")
    says(model, finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Dropped: “No way back” · Ana Costa said no\n")


WITH_A_REASON = "No, the flag is the way back."
STILL = "The flag undoes nothing that was sent."
DISMISSED = ("dismissed, blocking", "✓ Dropped: “No way back” · Ana said no", [])


@pytest.mark.parametrize(
    ("turns", "became"),
    [
        ([[]], DISMISSED),
        ([[leave("No way back", "a no")], []], DISMISSED),
        ([[leave("No way back", "a no")]] * 2, DISMISSED),
        (
            [[leave("No way back", "a no")], [follow_up("No way back", "not_yet", STILL)]],
            ("answered", "No way", [STILL]),
        ),
        ([[reply("No way back", STILL)]], DISMISSED),
        ([[follow_up("No way back", "turned_down", STILL, "the way back")]], DISMISSED),
        ([[follow_up("No way back", "not_yet", STILL)], []], DISMISSED),
        ([[follow_up("No way back", "not_yet", STILL)]] * 2, ("answered", "No way", [STILL])),
        (
            [[follow_up("No way back", "withdrawn", STILL)]],
            ("withdrawn, blocking", "✓ Withdrawn", [STILL]),
        ),
        (
            [[follow_up("No way back", "fixed", "", "behind a flag")]],
            ("addressed, blocking", "✓ Settled: “No way back” · “behind a flag”", []),
        ),
    ],
    ids=[
        *("nothing", "leave", "leave twice", "leave, then not yet"),
        *("reply", "turned down", "not yet", "insists", "withdrawn", "fixed"),
    ],
)
@pytest.mark.parametrize("edited", [False, True])
def test_a_no_with_more_words_is_judged_and_counts_where_the_model_does_not_rule(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    turns: list[list[Call]],
    became: tuple[str, str, list[str]],
    edited: bool,  # noqa: FBT001 - both ways
) -> None:
    """Both where threads alone are answered, and where the page is reviewed too."""
    page = rfc(box, rfcs, *LINES, "It goes out behind the flag.")
    box.clock.advance(HOUR)
    first_review(program, model)
    thread = posted(box)[0].discussion_id
    edit(box, page, 3, "It goes out on Monday, behind a flag.")
    says(model, finish("No news."))
    if not edited:
        program.sweep()
        box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], WITH_A_REASON, by=box.world.person("Ana"))

    def think(document: str, turn: int) -> list[Call]:
        is_asked = f", new: {WITH_A_REASON}" in document and turn < len(turns)
        calls = turns[turn] if is_asked else []
        return [*(_placed(one, document) for one in calls), finish("No news.")]

    model.think = think
    program.sweep()
    state, mark, said = became
    assert state in program.run("explain", page).out
    assert on_blocks(box, page)[0].startswith(mark)
    assert [plain(one) for one in posted(box) if one.discussion_id == thread][1:] == said
    is_open = state == "answered"
    is_named = any("No way back (still open" in one for one in on_page(box, page))
    assert is_named is is_open or not edited
    told = any("that is turned_down, also where you disagree" in one for one in model.answers)
    assert told is (turns[0][:1] == [follow_up("No way back", "not_yet", STILL)])


KEEP, INSISTS = "Keep it, I think it is needed.", "No, the flag is enough."


@pytest.mark.parametrize(
    ("then", "at_once"),
    [
        ([("Ben", KEEP)], True),
        ([("Ben", "I would still write it down.")], True),
        ([("Ben", "Who says that it is?")], True),
        ([("Ben", "Agreed, will do.")], True),
        ([("Ana", "Agreed, will do.")], True),
        ([("Ana", "Agreed.")], True),
        ([("Ben", KEEP), ("Ana", "You are right, Ben, we need it.")], True),
        ([("Ben", KEEP), ("Ana", INSISTS)], False),
        ([("Ana", INSISTS)], False),
        ([("Ben", "Agreed.")], False),
        ([("Ben", "Thanks.")], False),
        ([("Ana", "Thanks.")], False),
    ],
)
def test_not_yet_is_asked_about_only_where_a_no_is_the_last_that_people_said_of_the_point(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    then: list[tuple[str, str]],
    at_once: bool,  # noqa: FBT001 - a column of the table
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    people = {name: box.world.person(name) for name in ("Ana", "Ben")}
    for name, words in [("Ana", WITH_A_REASON), *then]:
        box.world.comment(posted(box)[0], words, by=people[name])
        box.clock.advance(MINUTE)
    says(model, follow_up("No way back", "not_yet", STILL))
    program.sweep()
    asked = any("that is turned_down, also where you disagree" in one for one in model.answers)
    assert asked is not at_once
    state = "answered, blocking" if at_once else "dismissed, blocking"
    assert state in program.run("explain", page).out
    assert (STILL in on_blocks(box, page)) is at_once


TAKEN_BACK = "Sorry, I take that back: you were right. I wrote the way back above."


@pytest.mark.parametrize(
    ("calls", "state", "mark"),
    [
        (
            [follow_up("No way back", "fixed", "", "switch the flag off")],
            "addressed, blocking",
            "✓ Settled: “No way back” · “switch the flag off”",
        ),
        ([follow_up("No way back", "not_yet", STILL)], "answered, blocking", "No way back"),
        ([reply("No way back", "Thank you.")], "answered, blocking", "No way back"),
        (
            [follow_up("No way back", "turned_down", "", "No, won't do.")],
            "dismissed, blocking",
            "✓ Dropped: “No way back” · Ben said no",
        ),
    ],
    ids=["fixed", "not yet", "no ruling", "turned down"],
)
def test_a_no_that_its_author_takes_back_before_the_sweep_closes_nothing_without_a_ruling(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    calls: list[Call],
    state: str,
    mark: str,
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    raised, ben = posted(box)[0], box.world.person("Ben")
    edit(box, page, 0, "Rollback: we switch the flag off.")
    box.world.comment(raised, "No, won't do.", by=ben)
    box.world.comment(raised, TAKEN_BACK, by=ben)

    def think(document: str, _turn: int) -> list[Call]:
        ruled = [_placed(one, document) for one in calls] if TAKEN_BACK in document else []
        return [*(ruled if ", new: " in document else []), finish("Read.")]

    model.think = think
    program.sweep()
    assert not any("reads as a no" in one for one in model.answers)
    assert state in program.run("explain", page).out
    assert on_blocks(box, page)[0].startswith(mark)


def test_a_no_with_more_words_holds_without_a_model_and_whatever_becomes_of_its_review(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    program.config["models"] = ["offline"]
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], WITH_A_REASON, by=box.world.person("Ana"))
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Dropped: “No way back” · Ana said no")
    assert program.run("retract", "2").code == 0
    assert on_blocks(box, page)[0].startswith("✓ Dropped: “No way back” · Ana said no")
    assert "dismissed, blocking" in program.run("explain", page).out


@pytest.mark.parametrize("calls", [[], [leave("No way back", "She works on it.")]])
@pytest.mark.parametrize(
    "words",
    [
        *("No problem, will do.", "No, but I will change it.", "No, not yet. I'm working on it."),
        *("Nein, noch nicht, Carla schreibt es morgen hinein.", "No, I haven't got to it yet."),
    ],
)
def test_what_only_begins_with_a_no_is_ruled_on_as_any_word(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    words: str,
    calls: list[Call],
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], words)
    says(model, *calls, finish())
    program.sweep()
    assert not any("reads as a no" in one for one in model.answers)
    assert "answered, blocking" in program.run("explain", page).out


DECLINED = "Wie schon besprochen: das wollen wir genau so haben."


def a_no_in_other_words(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> str:
    """Let a person turn the first point down in words that no table knows."""
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Muss das wirklich sein?", by=box.world.person("Ben"))
    box.world.comment(posted(box)[0], DECLINED, by=box.world.person("Ana"))
    says(model, follow_up("No way back", "turned_down", quote="das wollen wir genau so haben"))
    return page


def test_a_no_that_answers_a_question_is_news_and_a_wrong_ruling_on_it_is_taken_back(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B2", "N/A", "Is there a way back?", "blocking", "No way back"),
        finish("One thing."),
    ]
    program.sweep()
    thread = posted(box)[0].discussion_id
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "No.")
    says(model, follow_up("No way back", "not_yet", "Then say so in the plan."), finish())
    program.sweep()
    assert ", new: No." in model.documents[-1]
    assert "answered, blocking" in program.run("explain", page).out
    box.clock.advance(HOUR)
    nope = box.world.comment(posted(box)[0], "Hm?")
    says(model, leave("No way back"), finish())
    program.sweep()
    assert ", new: Hm?" in model.documents[-1]
    box.clock.advance(HOUR)
    box.world.edit_comment(nope, "Nope, is none.")
    edited = f", edited {box.clock():%Y-%m-%d %H:%M}, new: Nope, is none."
    says(model, follow_up("No way back", "turned_down", quote="is none"), finish())
    program.sweep()
    assert edited in model.documents[-1]
    assert "dismissed, blocking" in program.run("explain", page).out
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "I mean: we have no way back yet.")
    says(model, leave("No way back"), finish())
    program.sweep()
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No way back", "not_yet", "Right, it is open."), finish())
    program.sweep()
    assert "open, blocking" in program.run("explain", page).out
    said = [plain(one) for one in posted(box) if one.discussion_id == thread]
    assert said[0].startswith("No way back · blocking")
    assert said[1:] == ["Then say so in the plan.", "Right, it is open."]


@pytest.mark.parametrize("no", ["No, 60 days is right.", "Nein, das liest dort niemand.", "No."])
def test_a_no_under_a_settled_point_is_heard_and_can_open_it_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, no: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 1, "Rollback: switch the flag off.")
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled")
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], no, by=box.world.person("Ben"))
    says(model, follow_up("No way back", "not_yet", "Then say who switches it."), finish())
    program.sweep()
    assert f", new: {no}" in model.documents[-1]
    assert "Open again" in on_blocks(box, page)[0]
    assert "Then say who switches it." in on_blocks(box, page)
    assert "dismissed" not in program.run("explain", page).out
    asked = len(model.sent)
    program.sweep()
    assert len(model.sent) == asked, "it is heard once"


def test_a_point_that_the_text_opened_again_sends_nobody_to_what_was_said_before(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Done, see the flag.")
    edit(box, page, 0, "Rollback: we switch the flag off.")
    says(model, follow_up("No way back", "fixed", quote="switch the flag off"), finish("One left."))
    program.sweep()
    edit(box, page, 0, "Rollback: N/A.")
    box.clock.advance(HOUR)
    says(model, finish("Look at the first again."))
    program.sweep()
    assert "No way back (open again)" in on_page(box, page)[-1]


@pytest.mark.parametrize("author", ["Ana", "Ben"])
def test_a_further_no_of_who_dropped_a_point_says_nothing_new_and_anothers_is_judged(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, author: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    ana = box.world.person("Ana")
    box.world.comment(posted(box)[0], "No.", by=ana)
    box.clock.advance(HOUR)
    program.sweep()
    asked, said = len(model.sent), len(posted(box))
    box.clock.advance(HOUR)
    by = ana if author == "Ana" else box.world.person(author)
    box.world.comment(posted(box)[0], "No, one region is enough.", by=by)
    says(model, ("leave", {"thread": "T1", "reason": "It agrees."}), finish())
    program.sweep()
    assert (len(model.sent) > asked) is (author == "Ben")
    assert len(posted(box)) == said
    assert on_blocks(box, page)[0].startswith("✓ Dropped")


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ("fixed", "Settled: “switch the flag off”"),
        ("withdrawn", "Withdrawn: Right."),
        ("turned_down", "Dropped: Ana said no"),
    ],
)
def test_why_under_a_closed_point_says_first_how_it_was_closed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, verdict: str, told: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    if verdict == "turned_down":
        box.world.comment(posted(box)[0], "No.", by=box.world.person("Ana"))
    else:
        edit(box, page, 1, "Rollback: switch the flag off.")
        says(model, follow_up("No way back", verdict, "Right.", "switch the flag off"), finish())
    box.clock.advance(HOUR)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "why")
    program.sweep()
    [why] = [one for one in on_blocks(box, page) if "It rests on “N/A”" in one]
    first, *_, last = why.split("\n")
    assert (first, len(why.split("\n"))) == (told, 4)
    assert last.startswith("From the review of")


def test_the_model_hears_a_no_in_any_words_and_it_has_the_effects_of_a_no(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = a_no_in_other_words(box, program, model, rfcs)
    before = len(posted(box))
    program.sweep()
    assert on_blocks(box, page)[0].startswith(
        "✓ Dropped: “No way back” · Ana said no\n\nNo way back"
    )
    assert len(posted(box)) == before, "a no gets no answer"
    explained = program.run("explain", page).out
    assert "dismissed, blocking" in explained
    assert "turned down by Ana: “das wollen wir genau so haben”" in explained
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, comment("B2", "N/A", "Say how it is undone."), finish("One left."))
    program.sweep()
    assert "• No way back" not in on_page(box, page)[-1]
    assert len(posted(box)) == before


def test_a_no_that_was_taken_back_closes_nothing_a_second_time(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = a_no_in_other_words(box, program, model, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Doch, bitte wieder aufmachen.")
    says(model, follow_up("No way back", "not_yet", "Wieder offen."), finish())
    program.sweep()
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No way back", "turned_down", quote=DECLINED), finish())
    program.sweep()
    assert any("no person wrote in its thread since the point is" in one for one in model.answers)
    assert on_blocks(box, page)[0].startswith("No way back · blocking")


@pytest.mark.parametrize("by_model", [False, True])
def test_a_point_is_open_again_where_the_comment_with_the_no_was_deleted(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    by_model: bool,  # noqa: FBT001 - both ways
) -> None:
    if by_model:
        page, said = a_no_in_other_words(box, program, model, rfcs), "Ana said no"
        no = box.world.comments()[-1]
    else:
        page, said = rfc(box, rfcs), "Ana Costa said no"
        first_review(program, model)
        box.clock.advance(HOUR)
        box.world.comment(posted(box)[0], "Why so?", by=box.world.person("Ben"))
        says(model, reply("No way back", "It helps."), finish())
        program.sweep()
        box.clock.advance(MINUTE)
        no = box.world.comment(posted(box)[0], "No, that is intended.")
    program.sweep()
    program.sweep()
    assert on_blocks(box, page)[0].startswith(f"✓ Dropped: “No way back” · {said}\n")
    box.world.delete_comment(no)
    box.clock.advance(HOUR)
    program.sweep()
    program.sweep()
    reads = on_blocks(box, page)[0]
    assert reads.startswith("No way back · blocking")
    assert reads.endswith("Open again: the comment with the no was deleted.")
    assert "the comment with the no was deleted" in program.run("explain", page).out
    edit(box, page, 1, "We deploy on Friday.")
    says(model, finish("Monday is gone."))
    program.sweep()
    how = "open again" if by_model else "open again; see my answer"
    assert f"No way back ({how})" in on_page(box, page)[-1]
    assert "; open again: the comment with the no was deleted\n" in model.documents[-1]
    edit(box, page, 1, "We deploy on Saturday.")
    says(model, finish("Friday is gone."))
    program.sweep()
    assert "No way back (still open; " in on_page(box, page)[-1]


def test_a_no_that_the_model_heard_goes_with_the_answer_that_was_taken_back(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = a_no_in_other_words(box, program, model, rfcs)
    program.sweep()
    assert program.run("retract", "2").code == 0
    assert on_blocks(box, page)[0].startswith("No way back · blocking")
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Nein.")
    program.sweep()
    program.sweep()
    assert program.run("retract", "2").code == 0
    assert on_blocks(box, page)[0].startswith("✓ Dropped: “No way back” · Ana Costa said no")


@pytest.mark.parametrize("checks", [True, False])
def test_rules_say_the_same_of_every_place_that_they_find(
    box: Sandbox,
    program: Program,
    rfcs: str,
    checks: bool,  # noqa: FBT001 - a column of the table
) -> None:
    program.config["models"] = ["offline"]
    program.config["databases"][0]["checks"] = checks
    page = rfc(box, rfcs, "Owner of it all: TODO", "Date of it all: TODO", "All is well here.")
    program.sweep()
    assert len(on_blocks(box, page)) == 2
    edit(box, page, 1, "Date of it all: the first of May.")
    program.sweep()
    assert on_blocks(box, page)[1].startswith(
        "✓ Settled: “Unfinished: \u2018TODO\u2019” · it is no longer there"
    )


def test_a_new_heading_shows_that_a_point_is_fixed_though_its_word_stands_elsewhere(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "fixed", quote="## Rollback"), finish())
    edit(box, page, 1, "We deploy on Tuesday, and speak of the rollback.")
    program.sweep()
    assert any("the whole of a block that did" in one for one in model.answers)
    box.clock.advance(HOUR)
    heading = box.world.add_block(page, blocks.heading(2, "Rollback"))
    box.clock.advance(HOUR)
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back” · the block “Rollback”\n")
    edit(box, page, 1, "We deploy on Wednesday, and speak of the rollback.")
    says(model, finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back” · the block “Rollback”\n")
    box.world.delete_block(heading)
    box.clock.advance(HOUR)
    program.sweep()
    assert on_blocks(box, page)[0].startswith("No way back · blocking")


@pytest.mark.parametrize("line", [0, 1])
def test_done_is_marked_new_where_the_text_changed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, line: int
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Done.", by=box.world.person("Ana"))
    edit(box, page, line, "Rollback: N/A, as before.")
    says(model, finish("Nothing new."))
    program.sweep()
    assert ", new: Done." in model.documents[-1]


def pasted(box: Sandbox, page: str, number: int, text: str) -> str:
    """Cut the line with this number and paste it at the end, with this text; return its block."""
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[number + 1])
    new = box.world.add_block(page, blocks.paragraph(text))
    return new.id


@pytest.mark.parametrize("text", [LINES[0], f"{LINES[0]} And so on."])
def test_who_only_answers_is_told_where_a_pasted_block_is(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, text: str
) -> None:
    program.config |= {"settle": "3h", "settle_limit": "9h"}
    page = rfc(box, rfcs)
    box.clock.advance(4 * HOUR)
    model.think = lambda _document, _turn: [
        comment("B2", "Rollback: N/A", "Say how it is undone.", "blocking", "No way back"),
        comment("B4", "Nobody owns", "Name an owner.", "important", "No owner"),
        finish("Two things."),
    ]
    program.sweep()
    pasted(box, page, 0, text)
    box.world.comment(posted(box)[1], "Which queue?")
    says(model, reply("No owner", "That of the carriers."))
    program.sweep()
    document = model.documents[-1]
    assert "Only threads are answered now" in document
    assert f"] {text}" in document
    assert "on a block that is gone]" not in document
    told = "its thread stands on a block that is gone, its text stands in B4 now"
    [line] = [one for one in document.splitlines() if "point “No way back”" in one]
    assert line.endswith(f"; {told}, where it is posted anew while it is open")
    [line] = [one for one in document.splitlines() if "point “No owner”" in one]
    assert told not in line


def cut_after(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str, *, listed: bool
) -> str:
    """Cut and paste the block of a point after a person wrote there; return the new block."""
    box.world.quirks.lists_trash = listed
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], words, by=box.world.person("Ana"))
    new = pasted(box, page, 0, LINES[0])
    box.world.add_block(page, blocks.paragraph("One more line."))
    box.clock.advance(HOUR)
    return new


@pytest.mark.parametrize("words", ["No.", "No, names stay free."])
@pytest.mark.parametrize("requests", [0, 240])
def test_a_no_said_right_before_its_block_was_cut_and_pasted_is_heard(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str, requests: int
) -> None:
    program.config["watch_requests"] = requests
    new = cut_after(box, program, model, rfcs, words, listed=True)
    says(model, finish("No news."))
    for _ in range(2):
        program.sweep()
        box.clock.advance(HOUR)
    assert words in model.documents[-1]
    assert [one for one in posted(box) if one.parent_id == new] == []
    page = box.world.state.blocks[new].parent_id
    assert "dismissed, blocking: No way back" in program.run("explain", page).out


def test_nothing_is_read_or_said_in_a_thread_whose_block_was_moved_to_another_page(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["watch_requests"] = 0
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Which flag?", by=box.world.person("Ana"))
    box.world.move_block(box.world.blocks(page)[1], to=box.world.page(None, "Mine"))
    box.world.add_block(page, blocks.paragraph("One more line."))
    box.clock.advance(HOUR)
    says(model, reply("No way back", "That of the launch."), finish("No news."))
    program.sweep()
    assert "Which flag?" not in model.documents[-1]
    assert not any("That of the launch." in plain(one) for one in posted(box))


@pytest.mark.parametrize("call", [follow_up, reply, None])
def test_a_done_said_right_before_its_block_was_cut_and_pasted_is_answered_on_the_new_block(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, call: Any
) -> None:
    new = cut_after(box, program, model, rfcs, "Done.", listed=True)
    told = "It still says N/A."
    calls = {
        follow_up: [follow_up("No way back", "not_yet", told)],
        reply: [reply("No way back", told)],
        None: [],
    }[call]
    says(model, *calls, finish("No news."))
    for _ in range(2):
        program.sweep()
        box.clock.advance(HOUR)
    assert any(", new: Done." in one for one in model.documents)
    assert not any("could not be read" in one for one in model.documents)
    [anew] = [plain(one) for one in posted(box) if one.parent_id == new]
    said = f"Say how it is undone.\n\n{told}" if calls else "Say how it is undone."
    assert anew == f"No way back · blocking\nN/A\n{said}"


@pytest.mark.parametrize("words", ["No.", "No, names stay free.", "Done."])
@pytest.mark.parametrize("refusal", ["missing", "empty"])
def test_words_that_cannot_be_read_any_more_are_said_to_be_lost(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str, refusal: str
) -> None:
    new = cut_after(box, program, model, rfcs, words, listed=refusal == "empty")
    if refusal == "empty":
        box.world.resolve(posted(box)[0])
    says(model, finish("No news."))
    for _ in range(2):
        program.sweep()
        box.clock.advance(HOUR)
    since = f"{NOW:%Y-%m-%d %H:%M} UTC"
    lost = f"; what was written under the old block since {since} could not be read"
    assert any(lost in one for one in model.documents)
    [anew] = [plain(one) for one in posted(box) if one.parent_id == new]
    assert anew.startswith("No way back · blocking\nN/A\nSay how it is undone.\n\nPosted anew, ")
    assert anew.endswith(f"; I know the old thread up to {since}.")


@pytest.mark.parametrize("now", ["", "It says N/A here too."])
def test_a_point_is_posted_anew_with_the_last_ruling_of_its_old_thread(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, now: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    for day in ("Tuesday", "Wednesday"):
        edit(box, page, 0, f"Rollback: N/A on {day}.")
        says(model, follow_up("No way back", "not_yet", f"{day} has none."), finish())
        program.sweep()
    new = pasted(box, page, 0, "Rollback: N/A on Wednesday.")
    box.world.add_block(page, blocks.paragraph("One more line."))
    box.clock.advance(HOUR)
    says(model, *([follow_up("No way back", "not_yet", now)] if now else []), finish("No news."))
    program.sweep()
    program.sweep()
    [anew] = [plain(one) for one in posted(box) if one.parent_id == new]
    said = f"Say how it is undone.\n\n{now or 'Wednesday has none.'}\n\nPosted anew, "
    assert anew.startswith(f"No way back · blocking\nN/A\n{said}")


@pytest.mark.parametrize("text", [LINES[0], f"{LINES[0]} And so on."])
def test_a_wrong_ruling_is_taken_back_where_the_block_was_pasted_anew(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, text: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B2", "Rollback: N/A", "Say how it is undone.", "blocking", "No way back"),
        finish("One thing."),
    ]
    program.sweep()
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No way back", "fixed", quote="on Tuesday"), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back” · ")
    new = pasted(box, page, 0, text)
    box.world.add_block(page, blocks.paragraph("One more line."))
    box.clock.advance(HOUR)
    says(model, follow_up("No way back", "not_yet", "I was wrong."), finish("Open again."))
    program.sweep()
    told = "(closed: you ruled that it is fixed); its thread stands on a block that is gone"
    assert f"{told}, its text stands in B4 now\n" in model.documents[-1]
    program.sweep()
    [anew] = [plain(one) for one in posted(box) if one.parent_id == new]
    said = "Say how it is undone.\n\nI was wrong."
    assert anew == f"No way back · blocking\nRollback: N/A\n{said}"
    assert "No way back" in on_page(box, page)[-1]
    assert "open, blocking" in program.run("explain", page).out


LIMIT = "The queue takes ten requests a second from each carrier."
TITLE = "Too few requests for the launch"


@pytest.mark.parametrize(
    ("pasted_as", "quote"),
    [
        (blocks.paragraph(LIMIT.replace("ten", "two")), "two requests a second"),
        (blocks.bullet(LIMIT), "ten requests a second"),
    ],
)
@pytest.mark.parametrize("ruled", [True, False])
def test_a_block_that_is_pasted_with_small_changes_keeps_its_point_and_what_was_said_of_it(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    pasted_as: dict[str, object],
    quote: str,
    ruled: bool,  # noqa: FBT001 - both ways
) -> None:
    page = rfc(box, rfcs, LIMIT, *LINES)
    model.think = lambda _document, _turn: [
        comment("B2", "ten requests a second", "Ask for more.", "blocking", TITLE),
        finish("One thing."),
    ]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "Which carriers?", by=box.world.person("Ana"))
    says(model, reply(TITLE, "Those of the north."), finish())
    program.sweep()
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    new = box.world.add_block(page, pasted_as).id
    box.clock.advance(HOUR)
    words = "It is fewer now, the launch needs thirty."
    again = comment("B5", "queue takes", "Ask for more, please.", "blocking", TITLE)
    ruling = [follow_up(TITLE, "not_yet", words)] * ruled
    says(model, *ruling, again, finish("One thing."))
    program.sweep()
    assert "[B5 changed]" in model.documents[-1]
    thread = model.documents[-1].partition(f"“{TITLE}”")[2]
    assert "Which carriers?" in thread
    assert "Those of the north." in thread
    assert any("is posted anew there without a call" in one for one in model.answers)
    assert any("anew on its block, with your text below" in one for one in model.answers) == ruled
    program.sweep()
    told = f"Ask for more.\n\n{words}" if ruled else "Ask for more."
    [anew] = [plain(one) for one in posted(box) if one.parent_id == new]
    anew, _, lost = anew.rpartition("\n\n")
    assert lost.startswith("Posted anew, since its block was cut and pasted; I know ")
    assert anew == f"{TITLE} · blocking\n{quote}\n{told}"
    [summary] = on_page(box, page)
    assert summary.count(TITLE) == 1
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up(TITLE, "turned_down", quote="Which carriers"), finish())
    program.sweep()
    thread = model.documents[-1].partition(f"“{TITLE}”")[2]
    assert "Which carriers?" in thread
    assert "Those of the north." in thread


def test_a_no_holds_where_its_block_is_pasted_with_small_changes(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, LIMIT, *LINES)
    model.think = lambda _document, _turn: [
        comment("B2", "ten requests a second", "Ask for more.", "blocking", TITLE),
        finish("One thing."),
    ]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "No, that is by design.", by=box.world.person("Ana"))
    says(model, finish())
    program.sweep()
    pasted(box, page, 0, LIMIT.replace("ten", "two"))
    box.clock.advance(HOUR)
    says(model, comment("B5", "two requests", "Too few.", "blocking", "Few requests"), finish())
    program.sweep()
    assert any("and is closed (Ana said no); do not repeat it" in one for one in model.answers)
    assert "dismissed, blocking" in program.run("explain", page).out
    assert len(on_blocks(box, page)) == 1


def test_a_matter_whose_block_is_deleted_is_asked_about_once_and_has_one_entry(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    edit(box, page, 0, "We deploy on Monday; what was sent stays.")
    model.think = lambda _document, turn: [
        *[comment("B2", "what was sent", "Say how.", "blocking", "No way back")] * bool(turn),
        finish("One thing."),
    ]
    program.sweep()
    assert any("lost their threads: rule on them" in one for one in model.answers)
    assert on_page(box, page)[-1].count("No way back") == 1
    assert "Settle first:\n• No way back (still open)" in on_page(box, page)[-1]
    explained = program.run("explain", page).out
    assert "withdrawn, blocking: No way back" in explained
    assert "open, blocking: No way back" in explained


@pytest.mark.parametrize("in_one_turn", [True, False])
def test_the_last_ruling_of_a_review_is_the_only_one_that_people_read(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    in_one_turn: bool,  # noqa: FBT001 - a column of the table
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A. We switch the flag off, which takes a minute.")
    first = follow_up("No way back", "not_yet", "Who switches it off at night?")
    last = follow_up("No way back", "fixed", quote="We switch the flag off")

    def think(document: str, turn: int) -> list[Call]:
        turns = [[first, last, finish()]] if in_one_turn else [[first], [last, finish()]]
        return [_placed(one, document) for one in turns[turn]]

    model.think = think
    program.sweep()
    said = on_blocks(box, page)
    assert len(said) == 2
    assert said[0].startswith("✓ Settled: “No way back” · “We switch the flag off”")
    assert "at night" not in " ".join([*said, *on_page(box, page)])
    told = program.run("explain", page).out
    assert told.count("ruling: ") == 1
    assert "“No way back”: fixed" in told


@pytest.mark.parametrize("last", ["not_yet", "withdrawn"])
def test_who_waits_in_a_thread_is_answered_by_the_last_ruling_alone(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, last: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    begun = posted(box)[0]
    box.clock.advance(HOUR)
    box.world.comment(begun, "Is that still open?")
    box.clock.advance(HOUR)
    says(
        model,
        follow_up("No way back", "not_yet" if last == "withdrawn" else "withdrawn", "First words."),
        follow_up("No way back", last, "Last words."),
        finish(),
    )
    program.sweep()
    said = " ".join(on_blocks(box, page))
    assert said.count("Last words.") == 1
    assert "First words." not in said
    assert ("✓ Withdrawn: “No way back”" in said) == (last == "withdrawn")


@pytest.mark.parametrize(
    "said",
    [
        "Won't fix unless somebody tells me what that pointer is.",
        "No, unless somebody shows me that it fails.",
        "I won't change this before I have understood why it matters.",
        "Won\u2019t fix as long as nobody shows me how that would be abused.",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_no_with_a_condition_is_answered_and_leaves_the_point_open(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    said: str,
    at_once: bool,  # noqa: FBT001 - a column of the table
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], said)
    box.clock.advance(HOUR)
    words = "It fails where the table is dropped."

    def think(document: str, turn: int) -> list[Call]:
        ruled = follow_up("No way back", "not_yet", words)
        answer = ruled if turn or at_once else reply("No way back", words)
        return [_placed(answer, document), finish()]

    model.think = think
    program.sweep()
    reads = " ".join(on_blocks(box, page))
    assert reads.count(words) == 1
    assert "✓" not in reads
    assert "dismissed" not in program.run("explain", page).out


def test_a_no_that_is_taken_back_with_a_mended_text_is_settled_and_holds_no_more(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = declined(box, program, model, rfcs)
    edit(box, page, 1, "We deploy on Friday. The flag goes off where it fails.")
    box.world.comment(posted(box)[0], "I take that back: it is mended, see the end.")
    says(model, follow_up("No way back", "fixed", quote="The flag goes off"), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back” · “The flag goes off”")
    edit(box, page, 1, "We deploy on Friday.")
    says(model, finish("It is gone."))
    program.sweep()
    assert on_blocks(box, page)[0].endswith("Open again: “The flag goes off” is gone.")


@pytest.mark.parametrize(
    ("mended", "now", "told"),
    [
        (
            "Nobody owns <typeof(x) as Trait<typeof(y)>>.",
            "Nobody owns <typeof(x) as Trait<typeof(y)>.",
            "which reads now “Nobody owns <typeof(x) as Trait<typeof(y)>.”",
        ),
        (
            "Nobody owns it: use Default::default as gimme;",
            "Nobody owns it: use Default::default as gimme",
            "which reads now “Nobody owns it: use Default::default as gimme”",
        ),
        (
            "Nobody owns it: use Default::default as gimme;",
            "Somebody said: Nobody owns it: use Default::default as gimme; so it is.",
            "",
        ),
    ],
    ids=["a bracket", "a semicolon", "it stands"],
)
def test_the_model_is_told_where_signs_alone_went_that_settled_a_point(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    mended: str,
    now: str,
    told: str,
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 2, mended)
    quote = mended.removeprefix("Nobody owns ").removesuffix(".")
    says(model, follow_up("No owner", "fixed", quote=quote), finish())
    program.sweep()
    assert on_blocks(box, page)[1].startswith("✓ Settled: “No owner”")
    edit(box, page, 2, now)
    says(model, finish("Read."))
    program.sweep()
    assert ("which reads now" in model.documents[-1]) is bool(told)
    assert told in model.documents[-1]
    assert on_blocks(box, page)[1].startswith("✓ Settled: “No owner”")


WAS = "The flag is switched off within ten minutes by the engineer on call"


@pytest.mark.parametrize(
    ("now", "part"),
    [
        ("within ten minutes by whoever is awake and has the key of the rack", "has the key"),
        ("within ten minutes, where the vendor was asked, by the engineer on call", "vendor was"),
        ("within ten minutes by an engineer on call who has asked two managers", "two managers"),
    ],
)
@pytest.mark.parametrize("more", ["", ", and the queue is drained by hand after that " * 4])
def test_what_the_model_is_told_of_reworded_evidence_has_all_that_changed(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    now: str,
    part: str,
    more: str,
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, f"{WAS}{more}. We wait.")
    says(model, follow_up("No way back", "fixed", quote=f"{WAS}{more}"), finish())
    program.sweep()
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back”")
    edit(box, page, 0, f"The flag is switched off {now}{more}. We wait.")
    says(model, finish("Read."))
    program.sweep()
    told = model.documents[-1].partition("which reads now “")[2].partition("”")[0]
    assert part in told
    assert "We wait" not in told
    assert on_blocks(box, page)[0].startswith("✓ Settled: “No way back”")


def test_the_model_is_told_what_the_block_of_a_point_said_at_last_where_that_is_gone(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    for line in ("N/A at night.", "The flag goes off."):
        edit(box, page, 0, f"Rollback: {line}")
        says(model, finish("Read."))
        program.sweep()
        assert "said at last" not in model.documents[-1]
    box.world.delete_block(box.world.blocks(page)[1])
    box.clock.advance(HOUR)
    program.sweep()
    document = model.documents[-1]
    assert "about: N/A; its block said at last: “Rollback: The flag goes off.”" in document
    assert "  - Rollback: The flag goes off." in document


def test_the_words_that_settle_a_point_keep_their_brackets(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page, words = rfc(box, rfcs), "Undo it with #[rollback], which leaves out Rc<[String]>."
    first_review(program, model)
    edit(box, page, 0, words)
    says(model, follow_up("No way back", "fixed", "", words))
    program.sweep()
    assert on_blocks(box, page)[0].startswith(f"✓ Settled: “No way back” · “{words}”")


def test_what_only_puts_a_point_off_is_not_taken_for_a_no_at_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    box.world.comment(posted(box)[0], "no, not yet")
    calls = [follow_up("No way back", "turned_down", "", "no, not yet")]
    again = [follow_up("No way back", "not_yet", STILL), finish()]
    model.think = lambda document, turn: [
        _placed(one, document) for one in (calls if turn == 0 else again)
    ]
    program.sweep()
    assert any("this only puts off, and turns nothing down" in one for one in model.answers)
    assert "answered, blocking" in program.run("explain", page).out


@pytest.mark.parametrize("how", ["rules", "does not rule"])
def test_an_open_point_whose_block_was_edited_is_asked_for_once_where_nothing_is_said_of_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, how: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    edit(box, page, 0, "Rollback: N/A, as said.")
    model.think = lambda document, turn: [
        *[_placed(follow_up("No way back", "not_yet", STILL), document)]
        * (how == "rules" and turn),
        finish("Read."),
    ]
    before = len(model.sent)
    program.sweep()
    [asked] = [one for one in model.answers if "of your points" in one]
    assert re.fullmatch(
        r"refused: the text of your points in T\d changed: rule, then finish", asked
    )
    assert len(model.sent) == before + 2
    assert (STILL in on_blocks(box, page)) is (how == "rules")
    edit(box, page, 2, "Nobody owns the queue, nor the list.")
    says(model, follow_up("No owner", "not_yet", "It names nobody."), finish("Read."))
    program.sweep()
    assert [one for one in model.answers if "of your points" in one] == [asked], "as it was"


def test_what_another_person_wrote_below_a_no_is_a_later_word_also_in_the_same_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    raised, ben = posted(box)[0], box.world.person("Ben")
    box.world.comment(raised, "No, that is on purpose, since we have one region.")
    box.world.comment(raised, "I disagree. We do need to say how we get back.", by=ben)
    down = follow_up("No way back", "turned_down", "", "that is on purpose")
    model.think = lambda document, turn: [_placed(down, document), *[finish()] * (turn > 0)]
    program.sweep()
    assert any("Ben wrote after that, and may see it otherwise" in one for one in model.answers)
    assert "dismissed, blocking" in program.run("explain", page).out
    edit(box, page, 1, "We deploy on Tuesday.")
    says(model, follow_up("No way back", "not_yet", STILL), finish())
    program.sweep()
    assert "dismissed, blocking" not in program.run("explain", page).out
    assert STILL in on_blocks(box, page)[-1]


def test_a_reply_to_who_disagrees_with_a_no_asks_for_a_ruling_before_the_no_holds(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first_review(program, model)
    box.clock.advance(HOUR)
    raised, emil = posted(box)[0], box.world.person("Emil")
    box.world.comment(raised, "Nein, das wurde so beschlossen und bleibt so stehen.")
    box.world.comment(raised, "I don't agree with Ana: nobody wrote that down.", by=emil)
    again = follow_up("No way back", "not_yet", STILL)
    model.think = lambda document, turn: (
        [_placed(reply("No way back", "Where was it decided?"), document)]
        if turn == 0
        else [_placed(again, document)] * (turn < 3) + [finish()]
    )
    program.sweep()
    assert any("reads as a no, and closes the point unless you rule" in x for x in model.answers)
    assert "answered, blocking" in program.run("explain", page).out
