"""What an author reads on the page: the summary as points come and go, and the words of code."""

from __future__ import annotations

import re
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
    reply,
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
        "Important:\n• No owner (open again; see my answer)\nWorth a look:\n• No costs\n\n"
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


@pytest.mark.parametrize("is_twin", [False, True])
def test_the_summary_follows_a_point_whose_block_was_cut_and_pasted_since(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, *, is_twin: bool
) -> None:
    page = first_review(box, program, model, rfcs)
    if is_twin:  # of two points with one title each is known by its block
        with closing(sqlite3.connect(program.folder / "state/notion-review.db")) as db, db:
            db.execute("UPDATE findings SET title = 'No way back'")
            db.execute("UPDATE outbox SET body = replace(body, 'No owner', 'No way back')")
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    box.world.add_block(page, blocks.paragraph(LINES[0]))
    box.clock.advance(HOUR)
    model.think = lambda *_: [finish()]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(next(one for one in posted(box)[::-1] if "No way back ·" in plain(one)), "no")
    box.clock.advance(HOUR)
    program.sweep()
    [reads] = summaries(box, page)
    assert "No longer open: “No way back” (blocking) dropped by Ana Costa." in reads
    assert "Settle first" not in reads
    assert reads.startswith("Important:\n• No")


LINE = "A newer summary follows below."


def on_page(box: Sandbox, page: str) -> list[str]:
    return [plain(one) for one in box.world.comments() if one.parent_id == page]


def reviewed_again(
    box: Sandbox, program: Program, model: ScriptedModel, page: str, question: str
) -> list[str]:
    """Review the page once more, with nothing but this question; return what stands on it."""
    box.clock.advance(HOUR)
    box.world.add_block(page, blocks.paragraph(f"We met at {box.clock():%H:%M}."))
    box.clock.advance(HOUR)
    model.think = lambda *_: [finish("Nearly there.", question)]
    program.sweep()
    return on_page(box, page)


@pytest.mark.parametrize("severity", ["minor", "blocking"])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_review_that_ends_without_a_word_lists_its_new_points_in_the_summary_that_stands(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    severity: str,
    *,
    is_open: bool,
) -> None:
    page = first_review(box, program, model, rfcs)
    for title in () if is_open else ("No way back ·", "No owner ·"):
        write(box, title, "no")
    program.sweep()
    assert ("None of my points is open." in on_page(box, page)[-1]) != is_open
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[3], "We deploy twice.")
    box.clock.advance(HOUR)
    model.think = lambda *_: [
        comment("B4", "twice", "Once is enough.", severity, "Two deployments"),
        finish(),
    ]
    program.sweep()
    *older, reads = on_page(box, page)
    assert older == [LINE] * (severity == "blocking")
    open_points = {line for line in reads.split("\n") if line.startswith("•")}
    earlier = {"• No way back (still open)", "• No owner (still open)"}
    assert open_points == {"• Two deployments", *(earlier if is_open else ())}
    assert "None of my points is open." not in reads
    assert "Look at the rollback first." not in reads


def test_a_review_that_ends_without_a_word_writes_no_first_summary(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = box.world.page(rfcs, "Queues", [blocks.paragraph(LINES[0])], at=NOW - HOUR).id
    for _ in range(2):
        model.think = lambda *_: [comment("B1", "N/A", "How is it undone?"), finish()]
        program.sweep()
        box.clock.advance(HOUR)
        box.world.edit_block(box.world.blocks(page)[0], "Rollback: still N/A.")
        box.clock.advance(HOUR)
    assert len(posted(box)) > 0
    assert on_page(box, page) == []


@pytest.mark.parametrize(
    ("written", "question", "is_new"),
    [
        ("The platform team.", "When is the flag switched?", True),
        ("The platform team.", "", True),
        ("The platform team.", "Who runs it?", False),
        ("more", "When is the flag switched?", False),
        ("RFC reviewer, pause 1m", "When is the flag switched?", False),
        ("", "When is the flag switched?", False),
    ],
)
def test_another_question_is_asked_below_what_a_person_answered_to_the_last_one(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    written: str,
    question: str,
    *,
    is_new: bool,
) -> None:
    page = first_review(box, program, model, rfcs)
    if written:
        write(box, "Look at the rollback", written)
        model.think = lambda *_: [finish()]
        program.sweep()
    reads = reviewed_again(box, program, model, page, question)
    assert (reads[0] == f"{LINE} It asked: Who runs it?") == is_new
    summary = reads[-1 if is_new else 0]
    assert "Nearly there." in summary
    assert (f"Question: {question}" in summary) is (question != "")
    if is_new:  # nobody wrote below that: the next one takes its place
        reads = reviewed_again(box, program, model, page, "What does it cost?")
        assert [one.count("Question: What does it cost?") for one in reads] == [0, 0, 1]
        box.world.comment(page, "About ten dollars.")
        reads = reviewed_again(box, program, model, page, "Who pays?")
        asked = ("Who runs it?", "What does it cost?")
        assert [reads[0], reads[2]] == [f"{LINE} It asked: {one}" for one in asked]
        assert reads[1::2] == [written, "About ten dollars."]
        assert "Question: Who pays?" in reads[4]


def test_a_question_that_somebody_answers_while_the_next_is_written_has_no_other_in_its_place(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[3], "We deploy on Tuesday.")
    box.clock.advance(HOUR)

    def think(_document: str, _turn: int) -> list[Call]:
        write(box, "Look at the rollback", "The platform team.")
        return [finish("Nearly there.", "When is the flag switched?")]

    model.think = think
    program.sweep()
    summary, answer = on_page(box, page)
    assert answer == "The platform team."
    assert "Nearly there." in summary
    assert "Question" not in summary
    reads = reviewed_again(box, program, model, page, "When is the flag switched?")
    assert reads[:2] == [LINE, "The platform team."]
    assert "Question: When is the flag switched?" in reads[-1]


def test_a_summary_that_stands_again_asks_nothing_above_an_answer_to_another_question(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    reviewed_again(box, program, model, page, "When is the flag switched?")
    write(box, "Nearly there.", "On Tuesday.")
    program.run("retract", "2")
    summary, answer = on_page(box, page)
    assert "Look at the rollback first." in summary
    assert "Question" not in summary
    assert answer == "On Tuesday."


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


def graver(box: Sandbox, page: str, model: ScriptedModel) -> None:
    """Let a person edit a block, and the model raise an important point on it."""
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[3], "We deploy on Tuesday.")
    box.clock.advance(HOUR)
    model.think = lambda *_: [
        comment("B4", "Tuesday", "Say at what time.", "important", "No time"),
        finish("Say when."),
    ]


def test_an_older_summary_stays_whole_until_the_newer_one_stands(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)

    def said() -> list[str]:
        return [plain(one) for one in box.world.comments() if one.parent_id == page]

    before = said()
    graver(box, page, model)
    box.faults.plant(FaultKind.UNAVAILABLE, "POST", "/v1/comments", times=None, skip=1)
    program.sweep()
    assert any("No time" in plain(one) for one in posted(box))
    assert said() == before
    box.faults.clear()
    box.clock.advance(HOUR)
    program.sweep()
    older, newer = said()
    assert older == "A newer summary follows below."
    assert "Say when." in newer


def test_an_older_summary_stays_where_an_operator_drops_the_newer_one(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = first_review(box, program, model, rfcs)
    graver(box, page, model)
    program.config["databases"][0]["approve"] = "all"
    program.sweep()
    [draft] = program.run("drafts", "--json").json["drafts"]
    [number] = [one["number"] for one in draft["parts"] if one["kind"] == "summary"]
    assert program.run("drafts", "drop", str(draft["id"]), str(number)).code == 0
    assert program.run("drafts", "approve", str(draft["id"])).code == 0
    assert any("No time" in plain(one) for one in posted(box))
    program.sweep()
    [reads] = summaries(box, page)
    assert "Look at the rollback first." in reads
    assert "• No time" in reads


def test_a_summary_follows_though_what_was_taken_back_stands_yet(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """Notion refuses to put back what the summary said, while the summaries follow."""
    page = first_review(box, program, model, rfcs)
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[3], "We deploy on Tuesday.")
    box.world.resolve(next(one for one in posted(box) if "No owner" in plain(one)))
    box.clock.advance(HOUR)
    model.think = lambda *_: [finish("Nearly there.")]
    program.sweep()
    box.faults.plant(FaultKind.UNAVAILABLE, "PATCH", "/v1/comments/*", times=None)
    assert program.run("retract", "2").code != 0
    assert program.run("--once").code != 0
    box.faults.clear()
    program.sweep()
    [reads] = summaries(box, page)
    assert "Look at the rollback first." in reads
    assert "• No owner" not in reads


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


ENGLISH = (
    blocks.heading(2, "Background"),
    blocks.paragraph("Labels are printed while the customer waits in the shop."),
    blocks.bullet("The numbers: https://tracker.example/shop/issues/30449"),
    blocks.heading(2, "Plan"),
    blocks.paragraph("The worker retries for ever, so an order waits."),
    blocks.code("def drain(queue):\n    queue.pop()"),
    blocks.paragraph("Rollback: N/A."),
    blocks.heading(2, "Rollout"),
    blocks.paragraph("We deploy on Monday, and on Tuesday the old printer is off."),
    blocks.paragraph("Nobody owns the queue."),
    blocks.paragraph("The alarm goes to the channel of the shop."),
    blocks.paragraph("It costs nothing."),
)
SAID = {
    "No way back": ("B7", "N/A", "B9 cannot be undone; see B6 and B3.", "blocking"),
    "Endless retries": ("B5", "The worker retries for ever", "An order is lost.", "blocking"),
    "No owner": ("B10", "Nobody owns", "Name an owner, as B11 has one.", "important"),
    "Deaf alarm": ("B11", "the channel of the shop", "Nobody reads it.", "important"),
    "No date": ("B9", "Monday", "Which one (B9)?", "minor"),
    "No costs": ("B12", "nothing", "Say what the disks cost.", "minor"),
}
WORDING = "The worker retries for a day"


def threads_of(box: Sandbox) -> dict[str, list[str]]:
    """Return what stands in each thread, by the title of its point; "" is the page's own."""
    found, begun = dict[str, list[str]](), dict[str, str]()
    for one in box.world.comments():
        title = next((title for title in SAID if title in plain(one).split("\n")[0]), "")
        is_of_page = one.parent_id in box.world.state.pages
        title = begun.setdefault(one.discussion_id, "" if is_of_page else title)
        found.setdefault(title, []).append(plain(one))
    return found


def three_rounds(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> None:
    ana, ben = box.world.person("Ana Costa"), box.world.person("Ben Ode")
    page = box.world.page(rfcs, "Queues", ENGLISH, at=NOW - HOUR).id
    program.config["limits"] = {"comments_per_review": 5}
    raised = [
        comment(block, quote, words, severity, title)
        for title, (block, quote, words, severity) in SAID.items()
    ]
    raised[1][1]["instead"] = WORDING
    model.think = lambda *_: [*raised, finish("B7 first: B9 is one-way. Then B5.", "Who runs B9?")]
    program.sweep()

    begun = {plain(one).partition(" · ")[0]: one for one in posted(box)}
    box.clock.advance(HOUR)
    box.world.comment(begun["No owner"], "No, the platform team owns it.", by=ana)
    box.world.comment(begun["No way back"], "Done", by=ben)
    box.world.comment(begun["No date"], "The calendar has it, is that not enough?", by=ben)
    box.world.comment(next(one for one in posted(box) if one.parent_id == page), "more", by=ana)
    box.world.edit_block(box.world.blocks(page)[4], f"{WORDING}, so an order waits.")
    box.world.edit_block(box.world.blocks(page)[10], "The alarm calls the person on duty.")
    box.clock.advance(HOUR)
    rules = {
        "No way back": ("not_yet", "B7 reads as before."),
        "Deaf alarm": ("fixed", "", "calls the person on duty"),
        "No date": ("withdrawn", "You are right."),
    }

    def think(document: str, turn: int) -> list[Call]:
        ruled = [follow_up(begun_by(title, document), *call) for title, call in rules.items()]
        return [*(ruled if not turn else []), finish("B7 is what is left.", "Who runs B9?")]

    model.think = think
    program.sweep()

    box.clock.advance(HOUR)
    box.world.add_block(page, blocks.paragraph("Wir drucken nur noch nachts."))
    box.world.comment(begun["No way back"], "Warum reicht das nicht?", by=ben)
    box.clock.advance(HOUR)
    model.think = lambda document, turn: [
        *[
            reply(
                begun_by("No way back", document), "B7 schweigt, siehe B9 und https://e.example/x."
            )
        ]
        * (not turn),
        comment("B13", "nachts", "Das widerspricht B2; B13 prüfen.", "important", "Nachts"),
        finish("Offen ist B7, und B13 widerspricht B2.", "Wer druckt?"),
    ]
    program.sweep()
    box.clock.advance(HOUR)
    costs = next(one for one in posted(box) if plain(one).startswith("No costs"))
    box.world.comment(costs, "nein", by=ana)
    box.clock.advance(HOUR)
    program.sweep()


def test_a_page_reads_well_to_its_author_after_three_rounds(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    three_rounds(box, program, model, rfcs)
    said = threads_of(box)
    print("\n\n".join("\n".join(one) for one in said.values()))  # noqa: T201 - to be read: -rP
    ours = [plain(one) for one in posted(box)]
    # Names in place of handles, whole, and no word of the program between those of the model.
    assert not [one for one in ours if re.search(r"\b[BT]\d+\b|`|link removed|\bblock\b", one)]
    assert all(one.count("“") == one.count("”") for one in ours)
    assert said["No way back"][-1] == (
        "“› Rollback: N/A” schweigt, siehe “Rollout › We deploy on Monday, and on Tuesday…” "
        "und (…)."
    )
    assert (
        "see “› def drain(queue)” and “Background › The numbers: tracker.example/…/30449”"
        in (said["No way back"][0])
    )
    # What is closed says how, and offers nothing.
    taken = f"the offered wording was taken: “{WORDING}”"
    ended = {title: words[0].split("\n")[0] for title, words in said.items() if "✓" in words[0]}
    assert ended == {
        "Endless retries": f"✓ Settled: “Endless retries” · {taken}",
        "No owner": "✓ Dropped: “No owner” · Ana Costa said no",
        "Deaf alarm": "✓ Settled: “Deaf alarm” · “calls the person on duty”",
        "No date": "✓ Withdrawn: “No date”",
        "No costs": "✓ Dropped: “No costs” · Ana Costa said no",
    }
    assert not [one for one in ours if "Instead:" in one]
    # One summary names what is open and what became of the rest, and says of when its words are.
    older, *_, newest = said[""]
    assert older == "A newer summary follows below."
    assert newest.startswith(
        "Settle first:\n• No way back (still open; see my answer)\nImportant:\n• Nachts\n\n"
        f"As of {NOW + 4 * HOUR:%Y-%m-%d %H:%M} UTC:\nOffen ist “Plan › Rollback: N/A”, und "
        "“Rollout › Wir drucken nur noch nachts” widerspricht “Background › Labels are printed"
    )
    assert "No longer open: “No costs” dropped by Ana Costa." in newest
    assert newest.endswith(f"Question of {NOW + 4 * HOUR:%Y-%m-%d %H:%M} UTC: Wer druckt?")
