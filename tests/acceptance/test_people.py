"""People in the document, seen through the program: answered in the right place, once, or left."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.domain.errors import Missing
from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox, blocks, rich
from daemon.sandbox.faults import FaultKind
from daemon.sandbox.model import SandboxComment
from daemon.sweep.conversation import answers
from support.dying import MOMENTS, Killed, die
from support.program import (
    NOW,
    Call,
    Program,
    ScriptedModel,
    comment,
    finish,
    leave,
    plain,
    posted,
    reply,
    words,
)
from support.rows import pairs, some
from support.vendor_server import Reply


HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WORDS = ("We need queues.", "They are fast.", "Rollout is next week.")


def rfc(box: Sandbox, rfcs: str, *lines: str, title: str = "Queues") -> str:
    content = [blocks.paragraph(line) for line in lines or WORDS]
    return box.world.page(rfcs, title, content, at=NOW - HOUR).id


def rfc_of_now(box: Sandbox, rfcs: str) -> None:
    """Write another document, and let it settle."""
    box.world.page(rfcs, "Caches", [blocks.paragraph("We need caches.")])
    box.clock.advance(HOUR)


def block_ids(box: Sandbox, page: str) -> list[str]:
    return [block.id for block in box.world.blocks(page)]


def silent(model: ScriptedModel) -> None:
    """Let the model find nothing, and fail the test where somebody is left to it."""

    def think(document: str, _turn: int) -> list[Call]:
        assert ", new: " not in document
        return [finish()]

    model.think = think


def answering(model: ScriptedModel, words: str = "The text says so.") -> None:
    """Let the model answer every thread that waits, by its handle."""

    def think(document: str, turn: int) -> list[Call]:
        waiting, handle = list[str](), ""
        for line in document.splitlines():
            if line.startswith("[T"):
                handle = line[1:].split()[0]
            elif ", new: " in line and handle not in waiting:
                waiting.append(handle)
        return [*(reply(one, f"{words} {turn}") for one in waiting), finish()]

    model.think = think


def reviewed(box: Sandbox, program: Program, model: ScriptedModel, page: str) -> SandboxComment:
    """Let a first sweep raise a finding on the first block; returns its comment."""
    model.think = lambda _document, _turn: [
        comment("B1", "We need queues.", "Say which queue, and why."),
        finish(),
    ]
    program.sweep()
    [finding] = posted(box)
    assert finding.parent_id == block_ids(box, page)[0]
    model.sent.clear()
    box.clock.advance(HOUR)
    return finding


def may_read(box: Sandbox, *, allowed: bool) -> None:
    bots = box.world.state.bots
    bots[box.bot.id] = replace(bots[box.bot.id], read_comments=allowed)


def said(box: Sandbox) -> list[str]:
    return [words(one) for one in posted(box)]


def in_thread(box: Sandbox, thread: SandboxComment) -> list[str]:
    """What we said in a thread, without the comment that began it."""
    return [
        words(one)
        for one in posted(box)
        if one.discussion_id == thread.discussion_id and one.id != thread.id
    ]


@pytest.mark.parametrize("where", ["block", "page"])
def test_a7_an_answer_on_an_unedited_page_is_answered_in_its_thread_in_the_next_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, where: str
) -> None:
    page = rfc(box, rfcs, *WORDS, *(f"Paragraph {number}." for number in range(30)))
    program.config["watch_requests"] = 4
    finding = reviewed(box, program, model, page)
    asked = box.world.comment(finding if where == "block" else page, "Which queue do you mean?")
    thread = finding if where == "block" else asked
    answering(model)
    done = program.sweep().json
    assert in_thread(box, thread) == ["The text says so. 0"]
    assert (done["replies_posted"], done["pages_reviewed"]) == (1, 0)
    assert len(model.sent) == 1
    box.clock.advance(HOUR)
    program.sweep()
    assert len(model.sent) == 1


def test_a_comment_on_a_block_that_nobody_commented_on_is_answered_within_the_rotation(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """docs/how-it-decides.md: with what the known places leave of the budget."""
    page = rfc(box, rfcs, *(f"Paragraph {number}." for number in range(40)))
    program.config["watch_requests"] = 8
    program.sweep()
    asked = box.world.comment(block_ids(box, page)[17], "Why seventeen?")
    answering(model)
    sweeps = 0
    while not in_thread(box, asked):
        box.clock.advance(HOUR)
        program.sweep()
        sweeps += 1
        assert sweeps <= 6  # 40 blocks, 8 requests of which the page's own place takes one


NOES = ["No", "Won't do.", "I disagree.", "Not needed", "wontfix", "Nein, Absicht"]


@pytest.mark.parametrize("words", some({one: one for one in NOES}, {"I disagree.", "wontfix"}))
def test_f3_a_no_settles_the_finding_without_a_word_and_it_is_not_raised_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, words)
    silent(model)
    program.sweep()
    assert model.sent == []
    assert "dismissed, important" in program.run("explain", page).out
    box.clock.advance(HOUR)
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we measured.")
    model.think = lambda _document, turn: [
        [comment("B1", "We need queues.", "Which one exactly, in other words?")],
        [finish()],
    ][turn]
    box.clock.advance(HOUR)
    program.sweep()
    assert len(posted(box)) == 1
    assert "is closed (Ana Costa said no); do not repeat it" in model.answers[0]


@pytest.mark.parametrize(
    "words",
    [
        "No, because of the carriers? What do you mean",
        "Won't fix unless you can tell me why",
        "Intentional, but tell me if you see a risk.",
        "Absicht, es sei denn, ihr seht ein Risiko",
    ],
)
def test_a_no_that_asks_is_a_question(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, words)
    answering(model)
    program.sweep()
    assert in_thread(box, finding) == ["The text says so. 0"]
    assert "answered, important" in program.run("explain", page).out


@pytest.mark.parametrize("gone", ["resolved", "deleted"])
def test_f3_a_thread_that_people_close_resolves_its_finding_for_good(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, gone: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    if gone == "resolved":
        box.world.resolve(finding)
    else:
        box.world.delete_comment(finding)
    silent(model)
    program.sweep()
    assert "resolved, important" in program.run("explain", page).out
    box.clock.advance(HOUR)
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we measured.")
    model.think = lambda _document, turn: [
        [comment("B1", "We need queues.", "Which one exactly?")],
        [finish()],
    ][turn]
    box.clock.advance(HOUR)
    before = len(posted(box))
    program.sweep()
    assert len(posted(box)) == before
    if gone == "resolved":
        box.world.reopen(finding)
        box.clock.advance(HOUR)
        program.sweep()
        assert "open, important" in program.run("explain", page).out


def test_a_claim_is_checked_against_the_text_as_it_is_now_and_corrected_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.edit_block(finding.parent_id, "We need queues, really.")
    box.world.comment(finding, "I changed it, see above.")
    answering(model, "It still names no queue.")
    program.sweep()
    document = model.documents[0]
    assert "[B1 changed] We need queues, really." in document
    assert "point “Say which queue, and why”, about: We need queues." in document
    assert in_thread(box, finding) == ["It still names no queue. 0"]
    box.clock.advance(timedelta(minutes=1))
    box.world.comment(finding, "Now I fixed it, done as you asked.")
    silent(model)
    program.sweep()
    assert len(in_thread(box, finding)) == 1
    assert "a claim was corrected before" in program.run("explain", page).out
    box.world.comment(finding, "Is it right now?")
    answering(model, "Yes.")
    box.clock.advance(timedelta(minutes=1))
    program.sweep()
    assert len(in_thread(box, finding)) == 2


THANKS = ["thanks", "ok", "will fix", "👍", "Danke, mache ich!", "ありがとう"]


@pytest.mark.parametrize(
    "words", some({one: one for one in THANKS}, {"will fix", "👍", "ありがとう"})
)
def test_f8_an_acknowledgement_costs_no_model_call_and_gets_no_reply(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, words)
    silent(model)
    program.sweep()
    assert (model.sent, in_thread(box, finding)) == ([], [])
    assert "answered, important" in program.run("explain", page).out


def test_one_person_gets_so_many_answers_a_day_then_a_line_and_the_rest_tomorrow(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page, other = rfc(box, rfcs), rfc(box, rfcs, title="Other")
    program.config["limits"] = {"replies_per_person": 3}
    program.sweep()
    box.clock.advance(HOUR)
    ana, ben = box.world.state.people
    places = [*block_ids(box, page), *block_ids(box, other)[:2]]
    asked = [box.world.comment(one, "Why so?", by=ana) for one in places]
    bens = box.world.comment(page, "And who decides?", by=ben)
    answering(model)
    for _ in range(3):
        program.sweep()
        box.clock.advance(timedelta(minutes=5))
    answers = [one for thread in asked for one in in_thread(box, thread)]
    assert sorted(one[:13] for one in answers) == ["I have answer", *["The text says"] * 3]
    assert in_thread(box, bens) == ["The text says so. 0"]
    box.world.comment(asked[0], "RFC reviewer, pause", by=ana)
    program.sweep()
    assert program.run("status", "--json").json["pages"]["paused"] == 1
    program.run("resume", page)
    assert sum(len(in_thread(box, one)) for one in asked) == 4
    explained = [program.run("explain", one).out for one in (page, other)]
    assert "had 3 answers today" in "".join(explained)
    box.clock.advance(24 * HOUR)
    program.sweep()
    answers = [one for thread in asked for one in in_thread(box, thread)]
    assert sum(one.startswith("The text says so.") for one in answers) == 5


def test_the_answer_to_a_word_is_one_of_the_answers_of_a_day_whatever_was_asked_before_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"replies_per_person": 1}
    program.sweep()
    box.clock.advance(HOUR)
    ana, _ = box.world.state.people
    asked = box.world.comment(page, "Why so?", by=ana)
    box.clock.advance(timedelta(minutes=5))
    word = box.world.comment(block_ids(box, page)[0], "RFC reviewer, why", by=ana)
    answering(model)
    for _ in range(2):
        program.sweep()
        box.clock.advance(timedelta(minutes=5))
    assert len(in_thread(box, word)) == 1
    assert [one[:13] for one in in_thread(box, asked)] == ["I have answer"]


@pytest.mark.parametrize("words", ["Done.", "fixed", "Fixed, thanks!", "Danke, erledigt!"])
def test_done_under_a_text_that_did_not_change_is_answered_once_and_without_a_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    silent(model)
    for _ in range(3):
        box.world.comment(finding, words)
        program.sweep()
        box.clock.advance(HOUR)
    as_before = "The text reads as before: “We need queues.” still stands there."
    assert (model.sent, in_thread(box, finding)) == ([], [as_before])
    assert "answered, important" in program.run("explain", page).out


def test_done_under_a_text_that_changed_is_left_to_the_review(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.edit_block(finding.parent_id, "We need a durable queue.")
    box.world.comment(finding, "Done.")
    silent(model)
    program.sweep()  # the page settles
    assert (model.sent, in_thread(box, finding)) == ([], [])
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [
        ("follow_up", {"thread": "T1", "verdict": "fixed", "quote": "a durable queue"}),
        finish(),
    ]
    assert program.sweep().json["pages_reviewed"] == 1
    assert ", new: Done." in model.documents[-1]
    silent(model)
    box.clock.advance(HOUR)
    program.sweep()
    assert in_thread(box, finding) == []


def test_done_where_the_page_changed_elsewhere_is_put_before_the_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.edit_block(block_ids(box, page)[2], "Rollout is in May.")
    box.world.comment(finding, "Done.")
    answering(model, "It still names none.")
    box.clock.advance(HOUR)
    program.sweep()
    assert in_thread(box, finding) == ["It still names none. 0"]


def test_done_on_a_point_that_is_settled_wants_no_answer(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "No, not needed.")
    silent(model)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(finding, "Done.")
    program.sweep()
    assert in_thread(box, finding) == []


def test_f9_after_the_limit_the_thread_is_handed_over_once_and_says_so(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"replies_per_thread": 2}
    asked = box.world.comment(block_ids(box, page)[0], "Which queue?", at=NOW - HOUR)
    answering(model)
    for _ in range(5):
        program.sweep()
        box.clock.advance(HOUR)
        box.world.comment(asked, "And why that one?")
    program.sweep()
    first, second, last = in_thread(box, asked)
    assert first == second == "The text says so. 0"
    assert last.startswith("I have answered 2 times in this thread, so I leave it to the people")
    assert len(model.sent) == 2


def test_f9_what_stands_below_the_question_of_the_summary_is_heard_after_the_limit_too(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"replies_per_thread": 1}
    model.think = lambda _document, _turn: [finish("Nearly.", "Is there one region?")]
    program.sweep()
    summary = posted(box)[0]
    for word in ("pause", "resume", "No."):
        box.clock.advance(HOUR)
        box.world.comment(summary, word)
        answering(model)
        program.sweep()
    assert in_thread(box, summary)[2:] == ["The text says so. 0"]
    for _ in range(2):
        box.clock.advance(HOUR)
        box.world.comment(summary, "And why?")
        program.sweep()
    [left] = in_thread(box, summary)[3:]
    assert left.startswith("I have answered 1 time in this thread, so I leave it to the people")
    box.world.edit_block(block_ids(box, page)[0], "We need one queue.")
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [finish("Better.", "Who runs it?")]
    program.sweep()
    asked = posted(box)[-1]
    assert words(asked).endswith("Question: Who runs it?")
    box.clock.advance(HOUR)
    box.world.comment(asked, "Ana runs it.")
    answering(model)
    program.sweep()
    assert words(posted(box)[-1]) == "The text says so. 0"


def test_a14_unreadable_comments_are_said_and_not_taken_for_none_until_they_are_back(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    rfc_of_now(box, rfcs)
    silent(model)
    program.sweep()
    box.clock.advance(HOUR)
    may_read(box, allowed=False)
    done = program.run("--once", "--json")
    assert done.err.count("alert.raised") == 1
    assert "Read comments" in program.run("status").out
    box.clock.advance(HOUR)
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we measured.")
    box.clock.advance(HOUR)
    done = program.run("--once", "--json")
    assert "alert.raised" not in done.err
    assert "Notion does not let this reviewer read them" in model.documents[-1]
    assert "not readable" in program.run("explain", page).out
    assert "open, important" in program.run("explain", page).out
    asked = box.world.comment(finding, "Which queue do you mean?")
    may_read(box, allowed=True)
    answering(model)
    box.clock.advance(HOUR)
    done = program.sweep()
    assert done.err.count("alert.over") == 1
    assert "Read comments" not in program.run("status").out
    assert in_thread(box, asked)[-1] == "The text says so. 0"


def test_a14_a_finding_posted_while_comments_were_unreadable_finds_its_thread_later(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    may_read(box, allowed=False)
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "queues", "Say which."), finish()]
    program.run("--once")
    [finding] = posted(box)
    may_read(box, allowed=True)
    box.clock.advance(HOUR)
    box.world.comment(finding, "No")
    silent(model)
    program.sweep()
    assert "dismissed, important" in program.run("explain", page).out


def test_a20_a_reply_names_people_and_holds_no_address_and_no_id(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    ana, ben = box.world.state.people
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(
        finding, [rich.text("Ask "), rich.mention("user", ana), rich.text(" which?")], by=ben
    )
    answering(model)
    program.sweep()
    [sent] = model.sent
    assert "Ben Ode" in str(sent.body)
    assert "@Ana Costa" in str(sent.body)
    for secret in ("corp.example", ana, ben, page, finding.id, finding.discussion_id):
        assert secret not in str(sent.body)


def mention(box: Sandbox, words: str) -> list[dict[str, object]]:
    return [rich.mention("user", box.bot), rich.text(f" {words}")]


def test_pause_holds_for_the_page_until_resume_and_what_was_asked_meanwhile_is_answered_then(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "Pause.")
    silent(model)
    program.sweep()
    assert in_thread(box, finding)[0].startswith("Paused: I leave this page alone until somebody")
    assert program.run("status", "--json").json["pages"]["paused"] == 1
    asked = box.world.comment(block_ids(box, page)[0], "Which queue do you mean?")
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we measured.")
    for _ in range(3):
        box.clock.advance(HOUR)
        program.sweep()
    assert model.sent == []
    assert len(posted(box)) == 2
    box.clock.advance(MINUTE)
    box.world.comment(page, mention(box, "resume"))
    answering(model)
    done = program.sweep().json
    assert in_thread(box, asked) == ["The text says so. 0"]
    assert done["pages_reviewed"] == 1
    assert [words for words in said(box) if words.startswith("Resumed: ")]
    box.clock.advance(HOUR)
    before = len(posted(box))
    program.sweep()
    assert len(posted(box)) == before


@pytest.mark.parametrize("words", ["pause 7d", "Pause for 7 days.", "pause 1 week"])
def test_a_pause_ends_where_it_was_given_an_end(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    at = box.clock()
    box.world.comment(finding, words)
    silent(model)
    program.sweep()
    end = at + 7 * 24 * HOUR
    assert in_thread(box, finding)[0].startswith(
        f"Paused: I leave this page alone until {end:%Y-%m-%d %H:%M} UTC, or until somebody"
    )
    [listed] = program.run("status", "--json").json["paused_pages"]
    assert listed["until"].startswith(f"{end:%Y-%m-%dT%H:%M}")
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we measured.")
    asked = box.world.comment(finding, "Which queue?")
    box.clock.advance(6 * 24 * HOUR)
    program.sweep()
    assert model.sent == []
    box.clock.advance(25 * HOUR)
    answering(model)
    assert program.sweep().json["pages_reviewed"] == 1
    assert in_thread(box, asked)[-1] == "The text says so. 0"
    assert "resumed: its pause ended" in program.run("explain", page).out


def test_who_asks_why_a_page_waits_hears_what_holds_when_it_is_posted(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)

    def asks(*said: str) -> str:
        for words_ in said:
            box.world.comment(page, mention(box, words_))
            box.clock.advance(MINUTE)
        program.sweep()
        told = [plain(one) for one in posted(box)[-len(said) :]]
        return next(one for one in told if "This page waits" in one).partition("This page waits")[2]

    silent(model)
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we say.")
    end = box.clock() + 2 * MINUTE + 7 * 24 * HOUR
    assert asks("when will you read this page?", "pause 7d") == (
        f": it is paused until {end:%Y-%m-%d %H:%M} UTC, or until somebody writes resume here."
    )
    assert asks("why", "resume").startswith(": it was edited ")
    box.clock.advance(HOUR)
    program.sweep()
    box.world.comment(page, mention(box, "pause"))
    box.clock.advance(MINUTE)
    program.sweep()
    assert asks("why", "resume") == " for nothing: I know of no edit since I read it."
    box.world.comment(page, mention(box, "pause"))
    box.clock.advance(MINUTE)
    program.sweep()
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we measured.")
    box.clock.advance(HOUR)
    assert asks("why", "resume") == ": it is read shortly."
    box.world.edit_block(block_ids(box, page)[1], "They are slow.")
    box.clock.advance(HOUR)
    program.config["limits"] = {"tokens_per_page": 100}
    program.run("--once")
    box.clock.advance(MINUTE)
    assert asks("why") == (
        ": what may be spent on it in a day is spent; it is read from 2026-11-21 00:00 UTC on."
    )
    del program.config["limits"]
    box.clock.advance(12 * HOUR)
    path = f"/v1/blocks/{page}/children"
    box.faults.plant(FaultKind.HTML, status=400, times=None, path=path)
    program.run("--once")
    box.clock.advance(MINUTE)
    assert asks("why").startswith(": its review failed; it is read from 2026-11-21 0")


def test_a_pause_without_an_end_takes_the_place_of_one_with_an_end(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "pause 30m")
    silent(model)
    program.sweep()
    box.clock.advance(MINUTE)
    box.world.comment(finding, "pause")
    program.sweep()
    assert in_thread(box, finding)[-1].startswith("Paused: I leave this page alone until somebody")
    box.clock.advance(HOUR)
    box.world.comment(finding, "pause")
    program.sweep()
    assert program.run("status", "--json").json["pages"]["paused"] == 1
    assert len(in_thread(box, finding)) == 2


def test_a_page_is_taken_up_again_however_long_it_was_paused(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    program.run("pause", page)
    box.clock.advance(HOUR * 24 * 60)
    box.world.comment(finding, "resume")
    silent(model)
    program.sweep()
    assert [words[:8] for words in in_thread(box, finding)] == ["Resumed:"]
    assert program.run("status", "--json").json["pages"]["paused"] == 0


def test_review_again_reviews_an_unchanged_page_in_the_same_sweep_and_says_so_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    asked = box.world.comment(block_ids(box, page)[1], "RFC reviewer, review again!")
    program.config["watch_requests"] = 100
    model.think = lambda _document, _turn: [comment("B2", "fast", "How fast?"), finish()]
    done = program.sweep().json
    assert done["pages_reviewed"] == 1
    assert "fast\nHow fast?" in said(box)
    words, closing = in_thread(box, asked)
    assert words.startswith("I will review this page again")
    assert closing == "I reviewed the page again: 1 new point."
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 0
    assert len(in_thread(box, asked)) == 2


@pytest.mark.parametrize(
    "words", ["RFC reviewer, please review this page again", "Bitte nochmal prüfen, RFC reviewer"]
)
def test_a_review_is_asked_for_in_peoples_own_words(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    asked = box.world.comment(page, words)
    model.think = lambda _document, _turn: [comment("B2", "fast", "How fast?"), finish()]
    assert program.sweep().json["pages_reviewed"] == 1
    assert "fast\nHow fast?" in said(box)
    assert [one for one in in_thread(box, asked) if one.startswith("I will review this page again")]


def old(box: Sandbox, rfcs: str, *lines: str) -> str:
    """Write a page long before the first sweep: it is never reviewed."""
    content = [blocks.paragraph(line) for line in lines or WORDS]
    return box.world.page(rfcs, "Old", content, at=NOW - 30 * 24 * HOUR).id


@pytest.mark.parametrize(
    ("where", "words"),
    pairs(
        {"page": "page", "block": "block"},
        {"again": "review again", "please": "please review this page"},
    ),
)
def test_a_first_review_of_an_old_page_is_asked_for_within_the_rotation(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, where: str, words: str
) -> None:
    """docs/how-it-decides.md: so many sweeps as pages, or blocks, come on what is kept for them."""
    wanted, *_ = [old(box, rfcs) for _ in range(3)]
    program.config["watch_requests"] = 8
    program.sweep()
    asked = box.world.comment(
        wanted if where == "page" else block_ids(box, wanted)[2], mention(box, words)
    )
    model.think = lambda _document, _turn: [comment("B2", "fast", "How fast?"), finish()]
    reviewed_pages, sweeps = 0, 0
    while not reviewed_pages:
        box.clock.advance(HOUR)
        reviewed_pages = program.sweep().json["pages_reviewed"]
        sweeps += 1
        assert sweeps <= 3 + 3 * len(WORDS)  # one of each a sweep; blocks are known after a round
    assert "fast\nHow fast?" in said(box)
    [answer, *_] = in_thread(box, asked)
    assert answer == "I will review this page shortly."
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 0


def test_on_a_page_that_was_never_reviewed_only_who_calls_the_reviewer_is_heard(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = old(box, rfcs)
    program.sweep()
    others = box.world.comment(block_ids(box, page)[0], "Which queue?")
    asked = box.world.comment(block_ids(box, page)[1], "RFC reviewer, how fast are they?")
    answering(model)
    for _ in range(3):
        box.clock.advance(HOUR)
        program.sweep()
    assert in_thread(box, asked) == ["The text says so. 0"]
    assert in_thread(box, others) == []
    box.clock.advance(MINUTE)
    box.world.comment(asked, "And in numbers?")
    program.sweep()
    assert in_thread(box, asked) == ["The text says so. 0"] * 2
    box.world.edit_block(block_ids(box, page)[2], "Rollout is in May.")
    box.clock.advance(HOUR)
    program.sweep()
    assert in_thread(box, others) == ["The text says so. 0"]


def test_who_asks_for_a_review_reads_a_summary_also_where_people_deleted_the_old_one(
    box: Sandbox, program: Program, rfcs: str, model: ScriptedModel
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [finish("Say first who needs it.")]
    program.sweep()
    (summary,) = posted(box)
    box.world.delete_comment(summary)
    box.clock.advance(HOUR)
    box.world.comment(block_ids(box, page)[0], "RFC reviewer, review again")
    program.sweep()
    program.sweep()
    said = [words(one) for one in posted(box)]
    assert len([one for one in said if "Say first who needs it." in one]) == 1


def test_review_again_on_a_page_that_is_being_reviewed_anyway_brings_one_review(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    program.config["watch_requests"] = 0
    box.world.edit_block(block_ids(box, page)[0], "We need queues, really.")
    box.world.comment(finding, "review again")
    box.clock.advance(HOUR)
    silent(model)
    assert [program.sweep().json["pages_reviewed"] for _ in range(2)] == [1, 0]
    assert len([one for one in in_thread(box, finding) if one.startswith("I will")]) == 1
    assert in_thread(box, finding)[1:] == ["I reviewed the page again: nothing new."]


def test_where_no_replies_are_wanted_words_are_carried_out_without_one(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["databases"][0]["replies"] = "none"
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "pause")
    silent(model)
    program.sweep()
    assert program.run("status", "--json").json["pages"]["paused"] == 1
    assert in_thread(box, finding) == []


def test_a_dry_run_prints_what_it_would_say_and_carries_nothing_out(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    other = box.world.page(rfcs, "Other", [blocks.paragraph("Text.")], at=box.clock() - HOUR / 2)
    box.world.comment(other, "Which queue do you mean?")
    box.world.comment(finding, "pause")
    answering(model)
    done = program.run("--once", "--dry-run")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert sorted(one["text"][:12] for one in told) == ["Paused: I le", "The text say"]
    assert len(posted(box)) == 1
    assert program.run("status", "--json").json["pages"]["paused"] == 0


def test_why_with_a_question_mark_asks_the_model_of_its_point(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "Why?")
    model.think = lambda *_: [reply("T1", "Two queues could be meant."), finish()]
    program.sweep()
    assert in_thread(box, finding) == ["Two queues could be meant."]


@pytest.mark.parametrize("words", ["why", "Why did you comment on this?", "who wrote this?"])
def test_why_is_answered_from_the_state_without_a_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, words)
    box.world.comment(page, "@RFC reviewer: Why?")
    silent(model)
    program.sweep()
    assert model.sent == []
    [why] = in_thread(box, finding)
    assert why == (
        "It rests on “We need queues”, read with all of the page.\n"
        "Raised as important: settling it would change the decision or the work.\n"
        "Words that answer it settle it, here or elsewhere on the page; a no in this thread drops "
        "it.\n"
        "From the review of 2026-11-20 12:00 UTC, by anthropic:claude-sonnet-5-5 under the prompt "
        "“RFC reviewer”, in the version first used on 2026-11-20."
    )
    assert [one for one in said(box) if one.startswith("I last reviewed this page on 2026-11-20")]


def test_why_tells_the_section_what_was_not_read_and_what_of_the_prompt_is_near(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    prompt = box.world.page(
        None,
        "Careful reader",
        [
            blocks.heading(2, "Style"),
            blocks.paragraph("One point for each comment, no praise of queues."),
            blocks.heading(2, "Way back"),
            blocks.bullet("Rollback: how is it undone, and who tried it?"),
        ],
    )
    program.config["databases"][0]["prompt"] = prompt.id
    content = [blocks.heading(2, "Plan"), blocks.paragraph("Rollback: N/A.")]
    box.world.page(rfcs, "Queues", content, at=NOW - HOUR)
    model.think = lambda *_: [
        comment("B2", "N/A", "Say how it is undone.", "blocking", "Rollback has no way back"),
        finish(),
    ]
    program.sweep()
    finding = posted(box)[0]
    box.clock.advance(MINUTE)
    box.world.comment(finding, "why")
    program.sweep()
    [why] = in_thread(box, finding)
    rests, severity, settles, origin = why.split("\n")
    assert rests == "It rests on “N/A” in the section “Plan”, read with all of the page."
    assert severity.startswith("Raised as blocking: done as written, it fails")
    assert settles.startswith("Words that answer it settle it")
    assert origin.endswith(
        "in the version first used on 2026-11-20; its part “Way back” is nearest."
    )
    with closing(sqlite3.connect(program.folder / "state/notion-review.db")) as db, db:
        db.execute(
            "INSERT INTO decisions (page_id, at, what, detail)"
            " SELECT page_id, at, 'not read', 'Costs' FROM reviews WHERE kind = 'review'"
        )
        db.execute("UPDATE findings SET instead = 'Rollback: the flag', title = 'Why?'")
    box.world.comment(finding, "why")
    box.clock.advance(MINUTE)
    program.sweep()
    rests, _, settles, origin = in_thread(box, finding)[-1].split("\n")
    assert rests.endswith(", read with all of the page but Costs.")
    assert settles.startswith("The offered wording settles it, or other words that answer it;")
    assert "nearest" not in origin


def test_why_under_a_point_of_a_rule_names_the_rule_and_what_settles_it(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    program.config["models"] = ["offline"]
    content = [blocks.heading(2, "TODO: the plan"), blocks.paragraph("Owner: TODO, says Ana.")]
    box.world.page(rfcs, "Queues", content, at=NOW - HOUR)
    program.sweep()
    box.clock.advance(MINUTE)
    of_heading, raised = posted(box)[:2]
    box.world.comment(of_heading, "why")
    box.world.comment(raised, "why")
    program.sweep()
    [why] = in_thread(box, of_heading)
    assert why.split("\n")[0] == "My rule “Unfinished” found “TODO: the plan”."
    [why] = in_thread(box, raised)
    rests, _, settles, origin = why.split("\n")
    assert rests == "My rule “Unfinished” found “TODO, says Ana” in the section “TODO: the plan”."
    assert settles == (
        "It is settled once the rule finds nothing there; a no in this thread drops it."
    )
    assert origin == "From the review of 2026-11-20 12:00 UTC, by my own checks, without a model."


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("please pause this page", "Write only `pause` here,"),
        ("Pause please", "Write only `pause` here,"),
        ("RFC reviewer, could you show me the other points?", "Write only `more` in"),
        ("please resume", "I was not paused on this page"),
    ],
)
def test_what_no_code_does_in_these_words_is_answered_with_the_word_that_does_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str, told: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, words)
    silent(model)
    program.sweep()
    [answer] = in_thread(box, finding)
    assert answer.replace("`", "").startswith(told.replace("`", ""))
    assert model.sent == []
    assert program.run("status", "--json").json["pages"]["paused"] == 0
    assert "asked for" in program.run("explain", page).out


def test_a_paused_page_tells_the_word_that_takes_it_up_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    program.run("pause", page)
    box.world.comment(finding, "Could you please resume?")
    silent(model)
    program.sweep()
    [answer] = in_thread(box, finding)
    assert answer.startswith("Write only resume here,")
    assert program.run("status", "--json").json["pages"]["paused"] == 1


def test_a_word_after_the_hand_over_is_carried_out_and_acknowledged(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"replies_per_thread": 1}
    finding = reviewed(box, program, model, page)
    answering(model)
    for text in ("Which queue?", "And why?", "And when?", "pause"):
        box.world.comment(finding, text)
        program.sweep()
        box.clock.advance(HOUR)
    assert [one[:6] for one in in_thread(box, finding)] == ["The te", "I have", "Paused"]
    assert program.run("status", "--json").json["pages"]["paused"] == 1


@pytest.mark.parametrize("words", ["stop", "retry", "forget this"])
def test_no_other_word_is_a_command(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, words)
    answering(model)
    program.sweep()
    assert program.run("status", "--json").json["pages"]["paused"] == 0
    assert in_thread(box, finding) == ["The text says so. 0"]


def test_a_word_in_a_thread_of_people_that_does_not_call_the_reviewer_is_no_command(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    box.world.comment(page, "pause")
    answering(model)
    program.sweep()
    assert program.run("status", "--json").json["pages"]["paused"] == 0


def test_a_word_by_a_bot_is_no_command(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    other = box.world.bot("Other")
    box.world.comment(finding, "pause", by=other)
    silent(model)
    program.sweep()
    assert program.run("status", "--json").json["pages"]["paused"] == 0
    assert len(posted(box)) == 1


def test_a_page_that_is_paused_before_its_first_review_is_not_reviewed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    box.world.comment(page, "RFC reviewer pause", at=NOW - HOUR)
    silent(model)
    program.sweep()
    assert model.sent == []
    [words] = said(box)
    assert words.startswith("Paused: ")
    box.clock.advance(HOUR)
    program.sweep()
    assert len(posted(box)) == 1


@pytest.fixture
def second(box: Sandbox, program: Program, tmp_path: Path, model: ScriptedModel) -> Program:
    """Another instance with its own state and another bot."""
    folder = tmp_path / "second"
    folder.mkdir()
    env = program.env | {"NOTION_TOKEN": box.add_bot("Second reviewer")}
    other = Program(folder, env, program.capsys, program.monkeypatch)
    other.config = program.config
    return other


def test_f1_two_instances_with_two_bots_are_silent_after_the_first_exchange(
    box: Sandbox, program: Program, second: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    turns = iter(range(1000))

    def think(document: str, turn: int) -> object:
        assert ", new: " not in document
        words = f"Say which, {next(turns)}?"
        return [[comment("B1", "We need queues.", words)], [finish("Which queue is meant?")]][turn]

    model.think = think  # type: ignore[assignment]
    program.sweep()
    second.sweep()
    first = len(box.world.comments())
    assert first == 4
    for _ in range(5):
        box.clock.advance(HOUR)
        program.sweep()
        second.sweep()
    assert len(box.world.comments()) == first
    assert len(model.sent) == 4
    assert page


def test_f1_a_bot_that_always_answers_never_gets_a_reply(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    other = box.world.bot("Chatty")
    silent(model)
    for hour in range(6):
        box.world.comment(finding, f"Which queue do you mean, {hour}?", by=other)
        program.sweep()
        box.clock.advance(HOUR)
    assert len(posted(box)) == 1


def test_an_edited_comment_is_answered_once_more_and_then_never(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    asked = box.world.comment(block_ids(box, page)[0], "Which queue?", at=NOW - HOUR)
    answering(model)
    for number in range(4):
        program.sweep()
        box.clock.advance(HOUR)
        box.world.edit_comment(asked, f"Which queue, and why? {number}")
    assert len(in_thread(box, asked)) == 2
    assert len(model.sent) == 2


@pytest.mark.parametrize(("first", "answers"), [("thanks", 1), ("Which one?", 2)])
def test_an_edit_in_the_minute_of_the_first_look_is_found(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, first: str, answers: int
) -> None:
    page = rfc(box, rfcs)
    asked = box.world.comment(block_ids(box, page)[0], first)
    answering(model)
    program.sweep()
    box.world.edit_comment(asked, "thanks, but which queue?")
    for _ in range(2):
        box.clock.advance(HOUR)
        program.sweep()
    assert len(in_thread(box, asked)) == answers


def test_a_bug_while_answering_is_that_pages_failure_and_is_logged_with_its_traceback(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stumble(*_: object) -> None:
        raise RuntimeError("not thought of")

    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "Which queue do you mean?")
    answering(model)
    with monkeypatch.context() as patched:
        patched.setattr("daemon.sweep.conversation.watch.record_replies", stumble)
        done = program.run("--once", "--json")
    assert (done.code, done.json["pages_failed"]) == (3, 1)
    events = [json.loads(line) for line in done.err.splitlines()]
    [failed] = [one for one in events if one["event"] == "watch.failed"]
    assert failed["exception"][0]["frames"][-1]["name"] == "stumble"


@pytest.mark.parametrize("at", MOMENTS)
def test_a_comment_is_answered_once_wherever_the_process_is_killed(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    at: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "Which queue do you mean?")
    answering(model)
    with monkeypatch.context() as patched:
        die(patched, at, "daemon.sweep.conversation.watch.record_replies")
        with pytest.raises((Killed, BaseExceptionGroup)):
            program.run("--once")
    for _ in range(2):
        box.clock.advance(HOUR)
        program.sweep()
    assert in_thread(box, finding) == ["The text says so. 0"]


def test_a_word_is_carried_out_and_acknowledged_once_wherever_the_process_is_killed(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "pause")
    silent(model)
    with monkeypatch.context() as patched:
        patched.setattr(answers.sweeps, "record_decision", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            program.run("--once")
    assert program.run("status", "--json").json["pages"]["paused"] == 0
    for _ in range(2):
        program.sweep()
        box.clock.advance(HOUR)
    assert len(in_thread(box, finding)) == 1


def test_several_waiting_threads_of_a_page_take_one_model_call(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    asked = [box.world.comment(one, "Why so?") for one in (*block_ids(box, page), page)]
    answering(model)
    done = program.sweep().json
    assert done["replies_posted"] == 4
    assert len(model.sent) == 1
    assert all(len(in_thread(box, one)) == 1 for one in asked)


def test_of_a_long_document_a_reply_sees_its_block_with_heading_neighbours_and_the_outline(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["whole_up_to"] = 100
    content = []
    for section in ("Problem", "Proposal", "Rollout"):
        content.append(blocks.heading(2, section))
        content += [blocks.paragraph(f"{section} sentence {number}.") for number in range(12)]
    page = box.world.page(rfcs, "Long", content, at=NOW - HOUR)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.comment(block_ids(box, page.id)[19], "Why so?")
    answering(model)
    program.sweep()
    document = model.documents[-1]
    for heading in ("## Problem", "## Proposal", "## Rollout"):
        assert heading in document
    for shown in (5, 6, 7):
        assert f"Proposal sentence {shown}." in document
    assert "Problem sentence 3." not in document
    assert "Rollout sentence 9." not in document


def test_a_model_that_neither_replies_nor_leaves_is_offered_the_comment_three_times(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "Which queue do you mean?")
    model.think = lambda _document, _turn: ""
    for _ in range(6):
        program.sweep()
        box.clock.advance(HOUR)
    assert len(model.sent) == 3
    assert len(posted(box)) == 1


def test_leave_is_silence_and_its_reason_is_told(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "Ben will look at it on Monday.")
    model.think = lambda _document, _turn: [leave("T1", "Ben was named"), finish()]
    for _ in range(2):
        program.sweep()
        box.clock.advance(HOUR)
    assert len(model.sent) == 1
    assert len(posted(box)) == 1
    assert "Ben was named" in program.run("explain", page).out


def test_a_comment_that_the_model_left_is_offered_again_three_times_at_most_however_it_is_edited(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    remark = box.world.comment(finding, "Ben will look at it on Monday.")
    model.think = lambda _document, _turn: [leave("T1", "Ben was named"), finish()]
    for number in range(8):
        program.sweep()
        box.clock.advance(HOUR)
        box.world.edit_comment(remark, f"Ben will look at it on day {number}.")
    assert len(model.sent) == 3


def test_150_comments_on_a_block_are_all_read_and_the_last_is_answered(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    first, _, _ = block_ids(box, page)
    asked = box.world.comment(first, "thanks", at=NOW - HOUR)
    for _ in range(148):
        box.world.comment(asked, "ok", at=NOW - HOUR)
    box.world.comment(asked, "And which queue is it?", at=NOW - HOUR)
    answering(model)
    program.sweep()
    assert in_thread(box, asked) == ["The text says so. 0"]


def test_a_thread_of_60_comments_is_shown_with_its_beginning_and_its_newest(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    asked = box.world.comment(block_ids(box, page)[0], "Number 0", at=NOW - 48 * HOUR)
    for number in range(1, 59):
        box.world.comment(asked, f"Number {number}", at=NOW - 48 * HOUR)
    box.world.comment(asked, "Number 59: which one?", at=NOW - HOUR)
    answering(model)
    program.sweep()
    [document] = model.documents
    shown = [
        int(line.partition("Number ")[2].split(":")[0])
        for line in document.splitlines()
        if "Number " in line
    ]
    assert shown[0] == 0
    assert shown[-1] == 59
    assert len(shown) < 30


def test_two_threads_on_one_block_are_settled_apart(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    other = box.world.comment(finding.parent_id, "Which queue do you mean?")
    box.world.comment(finding, "No, thanks")
    answering(model)
    program.sweep()
    assert in_thread(box, other) == ["The text says so. 0"]
    assert in_thread(box, finding) == []
    assert "dismissed, important" in program.run("explain", page).out


def test_twenty_pages_with_five_threads_each_stay_within_the_budget_and_all_are_looked_at(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    lines = [f"Paragraph {number}." for number in range(12)]
    pages = [rfc(box, rfcs, *lines, title=f"Page {number}") for number in range(20)]
    threads = [
        box.world.comment(block, "thanks", at=NOW - HOUR)
        for page in pages
        for block in block_ids(box, page)[:5]
    ]
    program.sweep()
    box.clock.advance(HOUR)
    program.sweep()
    box.clock.advance(HOUR)
    asked = threads[::7]
    for one in asked:
        box.world.comment(one, "But which queue?")
    answering(model)
    box.requests.reset()
    program.sweep()
    assert [len(in_thread(box, one)) for one in asked] == [1] * len(asked)
    assert box.requests.count("GET", "/v1/comments") <= 240


def test_a_deleted_block_with_a_thread_is_no_failure(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    asked = box.world.comment(block_ids(box, page)[1], "Why so?")
    box.world.delete_block(finding.parent_id)
    answering(model)
    done = program.sweep().json
    assert done["outcome"] == "ok"
    assert in_thread(box, asked) == ["The text says so. 0"]


@pytest.mark.parametrize("written", ["Why so?", "why", "no", "Done."])
def test_a_thread_whose_block_is_in_the_trash_is_not_answered_though_notion_lists_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, written: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.quirks.lists_trash = True
    box.clock.advance(HOUR)
    box.world.comment(finding, written)
    box.world.delete_block(finding.parent_id)
    answering(model)
    for _ in range(2):  # the page has not settled yet
        before = len(box.requests.log)
        program.sweep()
    assert model.sent == []
    assert in_thread(box, finding) == []
    # Nobody looks at that block again.
    asked = [one.path for one in [*box.requests.log][before:]]
    assert not [one for one in asked if finding.parent_id in one]
    state = program.run("explain", page).out
    assert "dismissed" not in state
    # Once it is back, and the page is read, it is heard.
    block = box.world.state.blocks[finding.parent_id]
    box.world.state.blocks[block.id] = replace(block, in_trash=False)
    box.world.edit_block(block.id, "We need queues, soon.")
    box.clock.advance(HOUR)
    program.sweep()
    heard = {"no": [], "why": ["It rests on “We need queues”, read with all of the page."]}
    answer = [one.split("\n")[0] for one in in_thread(box, finding)]
    assert answer == heard.get(written, ["The text says so. 0"])
    assert ("dismissed" in program.run("explain", page).out) == (written == "no")


def test_one_page_whose_comments_fail_does_not_keep_the_others_waiting(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    rfc(box, rfcs, title="One")
    rfc(box, rfcs, title="Two")
    program.sweep()
    box.clock.advance(HOUR)
    asked = [box.world.comment(page, "Which queue?") for page in box.world.state.pages]
    answering(model)
    box.faults.plant(FaultKind.NULL_CURSOR, "GET", "/v1/comments", times=3)
    done = program.run("--once", "--json")
    assert (done.code, done.json["pages_failed"], done.json["replies_posted"]) == (3, 1, 1)
    box.clock.advance(HOUR)
    program.sweep()
    assert [len(in_thread(box, one)) for one in asked] == [1, 1]


def test_a_page_that_is_not_shared_any_more_takes_nobody_elses_turn(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    lost, page = rfc(box, rfcs, title="Lost"), rfc(box, rfcs)
    program.sweep()
    program.config["watch_requests"] = 2
    box.world.unshare(lost)
    asked = box.world.comment(page, "Which queue?")
    answering(model)
    for _ in range(3):
        box.clock.advance(HOUR)
        assert program.sweep().json["outcome"] == "ok"
    assert len(in_thread(box, asked)) == 1


def test_users_that_cannot_be_looked_up_hold_nothing_up_and_are_answered_later(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    newcomer = box.world.person("Cy Noor")
    asked = box.world.comment(page, "Which queue do you mean?", by=newcomer)
    box.world.edit_block(block_ids(box, page)[1], "They are fast, we measured.")
    box.clock.advance(HOUR)
    box.faults.plant(FaultKind.SERVER_ERROR, "GET", f"/v1/users/{newcomer.id}", times=None)
    silent(model)
    done = program.sweep().json
    assert (done["pages_reviewed"], in_thread(box, asked)) == (1, [])
    box.faults.clear()
    box.clock.advance(HOUR)
    answering(model)
    program.sweep()
    assert in_thread(box, asked) == ["The text says so. 0"]


def test_a_question_by_somebody_whom_notion_does_not_name_is_answered_and_explained(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    guest = box.world.person("Cy Noor")
    asked = box.world.comment(page, "Which queue do you mean?", by=guest)
    read = Gateway.comments

    async def refused(*_: object) -> None:
        raise Missing("no such user")

    async def nameless(self: Gateway, place: str) -> list[dict[str, object]]:
        found = await read(self, place)
        return [one | {"display_name": None} if one["id"] == asked.id else one for one in found]

    monkeypatch.setattr(Gateway, "comments", nameless)
    monkeypatch.setattr(Gateway, "user", refused)
    answering(model)
    program.sweep()
    assert in_thread(box, asked) == ["The text says so. 0"]
    assert "Notion does not say who; no mark of a bot" in program.run("explain", page).out


def test_in_the_demos_documents_a_question_is_answered_and_the_rest_is_left_alone(
    program: Program,
) -> None:
    """Priya's question; Jonas's thanks, and what Ben answered Mei, need no word."""
    box = Sandbox.with_documents()
    reopened = [one for one in box.world.comments() if "One row per shipment, or" in words(one)]
    box.world.reopen(reopened[0])
    with box.serve() as url:
        program.env |= {"NOTION_BASE_URL": url, "NOTION_TOKEN": box.token}
        program.config = {
            "databases": [{"id": next(iter(box.world.state.databases)), "prompt": box.prompt.id}],
            "models": ["offline"],
        }
        done = program.sweep().json
    begun = {one.discussion_id: words(one) for one in reversed(box.world.comments())}
    [answered] = [one for one in posted(box) if begun[one.discussion_id] != words(one)]
    assert done["replies_posted"] == 1
    assert begun[answered.discussion_id].startswith("What happens to a report that has started")


def test_a_page_in_the_trash_is_no_failure_of_watching(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    box.world.trash(page)
    assert program.sweep().json["outcome"] == "ok"


def test_people_are_answered_before_the_reviews_of_a_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    reviewed(box, program, model, page)
    box.world.page(rfcs, "Logs", [blocks.paragraph("Text.")], at=box.clock() - HOUR / 2)
    box.world.comment(page, "Which queue do you mean?")
    answering(model)
    program.sweep()
    assert ["Title: Queues" in one for one in model.documents] == [True, False]


def test_while_every_model_is_down_words_are_carried_out_and_questions_keep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    finding = reviewed(box, program, model, page)
    box.world.comment(finding, "why")
    asked = box.world.comment(page, "Which queue do you mean?")
    model.think = lambda _document, _turn: Reply({"type": "error"}, status=529)
    assert program.run("--once").code == 69
    assert [words[:19] for words in in_thread(box, finding)] == ["It rests on “We nee"]
    assert in_thread(box, asked) == []
    answering(model)
    box.clock.advance(HOUR)
    program.sweep()
    assert len(in_thread(box, finding)) == 1
    assert in_thread(box, asked) == ["The text says so. 0"]


def test_a_lost_state_answers_nobody_twice(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    asked = box.world.comment(block_ids(box, page)[0], "Which queue?", at=NOW - HOUR)
    answering(model)
    program.sweep()
    shutil.rmtree(program.folder / "state")
    program.sweep()
    assert in_thread(box, asked) == ["The text says so. 0"]
