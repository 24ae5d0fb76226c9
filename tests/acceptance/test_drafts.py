"""Reviews that wait for a person: held, looked at, changed, approved, refused, replaced."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import FaultKind
from support.program import NOW, Call, Program, ScriptedModel, comment, finish, posted, reply, words


HOUR = timedelta(hours=1)
TEXTS = ("We need queues, and soon.", "Ten workers read them.", "Nobody watches the length.")
POINTS = (
    comment("B1", "queues", "Which queues?", "minor"),
    comment("B2", "Ten workers", "Why ten?", "important"),
)


@pytest.fixture
def one(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> str:
    """A page whose every review waits."""
    program.config["databases"][0]["approve"] = "all"
    model.think = lambda _document, _turn: [*POINTS, finish("Say more of the queues.")]
    made = box.world.page(rfcs, "Queues", [blocks.paragraph(text) for text in TEXTS], at=NOW - HOUR)
    return str(made.id)


def drafts(program: Program) -> list[Any]:
    done = program.run("drafts", "--json")
    assert done.code == 0, done.err
    return list(done.json["drafts"])


def texts(box: Sandbox) -> list[str]:
    return sorted(words(one) for one in posted(box))


def edited(box: Sandbox, block: Any, words: str) -> None:
    box.world.edit_block(block, words)


def ran(program: Program, *arguments: str) -> str:
    done = program.run(*arguments)
    assert done.code == 0, done.err
    return done.out


# --- held


def test_a_held_review_posts_nothing_and_is_not_held_again(
    box: Sandbox, program: Program, model: ScriptedModel, one: str
) -> None:
    assert program.sweep().json["pages_reviewed"] == 1
    asked = len(model.sent)
    box.clock.advance(HOUR)
    program.sweep()
    assert len(model.sent) == asked
    assert posted(box) == []
    [draft] = drafts(program)
    assert (draft["id"], draft["page"], draft["reason"]) == (1, one, "approve: all")
    assert [part["text"] for part in draft["parts"]] == [
        "Why ten?",
        "Which queues?",
        draft["parts"][2]["text"],
    ]
    assert "Say more of the queues." in draft["parts"][2]["text"]
    assert [part["title"] for part in draft["parts"]] == ["Why ten?", "Which queues?", None]


def test_a_held_review_is_listed_shown_counted_and_explained(program: Program, one: str) -> None:
    program.sweep()
    listed = ran(program, "drafts")
    assert "Queues" in listed
    assert "2 comments, 1 summary" in listed
    shown = ran(program, "drafts", "show", "1")
    assert "1  comment, important: waits" in shown
    assert "“Ten workers”" in shown
    assert max(map(len, shown.splitlines())) <= 80
    status = program.run("status", "--json").json
    assert status["drafts"]["waiting"] == 1
    assert status["outbox"] == {"pending": 0, "unclear": 0}
    assert "1 held" in ran(program, "status")
    assert "3 held for approval (approve: all): notion-review drafts show 1" in ran(
        program, "explain", one
    )


def test_without_approval_wanted_nothing_is_held(box: Sandbox, program: Program, one: str) -> None:
    program.config["databases"][0]["approve"] = "none"
    program.sweep()
    assert len(posted(box)) == 3
    assert drafts(program) == []
    assert "no review waits" in program.run("drafts").err


@pytest.mark.parametrize(("severity", "waits"), [("blocking", True), ("important", False)])
def test_a_review_with_a_blocking_finding_waits_where_that_is_wanted(
    box: Sandbox, program: Program, model: ScriptedModel, one: str, severity: str, *, waits: bool
) -> None:
    program.config["databases"][0]["approve"] = "blocking"
    page = box.world.state.pages[one]
    asked = box.world.comment(page, "Which queue is meant?", at=NOW - HOUR)
    points = [comment("B1", "queues", "Which queues?", severity), POINTS[1]]
    model.think = lambda _document, _turn: [*points, reply("T1", "The first one."), finish("So.")]
    program.sweep()
    reasons = [draft["reason"] for draft in drafts(program)]
    assert reasons == (["blocking: Which queues?"] if waits else [])
    assert len(posted(box)) == (1 if waits else 4)
    [answer] = [words(one) for one in posted(box) if one.discussion_id == asked.discussion_id][:1]
    assert answer == "The first one."
    if waits:
        ran(program, "drafts", "approve", "1")
        program.sweep()
        assert len(posted(box)) == 4


def test_before_the_first_sweep_there_is_no_draft_and_no_state_is_made(
    program: Program, rfcs: str
) -> None:
    assert drafts(program) == []
    done = program.run("drafts", "approve", "1")
    assert done.code == 2
    assert "there is no draft" in done.err
    assert not list(program.folder.rglob("*.db*"))


def test_a_review_without_anything_to_post_makes_no_draft(
    program: Program, model: ScriptedModel, one: str
) -> None:
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    assert drafts(program) == []


def test_a_dry_run_prints_what_would_wait_and_says_so(program: Program, one: str) -> None:
    done = program.run("--once", "--dry-run")
    printed = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    assert [line["held"] for line in printed] == ["approve: all"] * 3
    assert drafts(program) == []


# --- approved


def test_an_approved_review_stands_once_however_often_it_is_approved(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    said = ran(program, "drafts", "approve", "1")
    assert said.splitlines()[0] == "draft 1: approved"
    assert said.count(": posted") == 3
    before = texts(box)
    assert len(before) == 3
    assert any("Why ten?" in text for text in before)
    ran(program, "drafts", "approve", "1")
    box.clock.advance(HOUR)
    program.sweep()
    assert texts(box) == before
    assert drafts(program) == []
    assert "approved, 2 comments" in ran(program, "explain", one)


def test_an_approval_that_was_killed_before_it_posted_is_posted_once_by_the_next_sweep(
    box: Sandbox, program: Program, one: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    program.sweep()
    with monkeypatch.context() as patched:
        patched.setattr("daemon.service.runner.deliver", die)
        assert program.run("drafts", "approve", "1").code == 130
    assert posted(box) == []
    box.clock.advance(HOUR)
    program.sweep()
    assert len(texts(box)) == len(set(texts(box))) == 3


def test_an_answer_that_was_lost_does_not_make_an_approved_comment_stand_twice(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    box.faults.plant(FaultKind.DROP_SAVED, "POST", "/v1/comments", times=2)
    program.run("drafts", "approve", "1")
    box.clock.advance(HOUR)
    program.sweep()
    assert len(texts(box)) == len(set(texts(box))) == 3


def test_while_the_service_holds_the_lock_its_next_sweep_posts_what_was_approved(
    box: Sandbox, program: Program, one: str
) -> None:
    from daemon.store.lock import lock

    program.config["state"] = "state.db"
    program.sweep()
    with lock(program.folder / "state.db"):
        said = ran(program, "drafts", "approve", "1")
    assert "the running service posts it" in said
    assert posted(box) == []
    program.sweep()
    assert len(posted(box)) == 3


def test_without_a_token_a_draft_is_approved_and_the_next_sweep_posts_it(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    token = program.env.pop("NOTION_TOKEN")
    assert "the next sweep posts it" in ran(program, "drafts", "approve", "1")
    program.env["NOTION_TOKEN"] = token
    program.sweep()
    assert len(posted(box)) == 3


def test_what_lost_its_place_while_it_waited_is_dropped_with_the_reason(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    box.clock.advance(HOUR)
    first, *_ = box.world.blocks(one)
    edited(box, first, "All is different now.")
    said = ran(program, "drafts", "approve", "1")
    assert "2  comment: dropped (the text it was made on is gone)" in said
    assert "1  comment: posted" in said
    assert [text for text in texts(box) if "Which queues?" in text] == []


# --- edited, dropped, refused


def test_an_edited_comment_is_posted_in_its_new_words_under_the_same_quote(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    said = ran(program, "drafts", "edit", "1", "1", "Ask @Ana at https://evil.example why ten.")
    assert "https://evil.example" not in said
    ran(program, "drafts", "approve", "1")
    [text] = [text for text in texts(box) if "why ten" in text]
    assert text.startswith("Ten workers\n")
    assert "@" not in text
    assert not any("Ten workers\nWhy ten?" in text for text in texts(box))


def test_a_text_that_says_nothing_and_a_comment_that_is_not_there_are_refused(
    program: Program, one: str
) -> None:
    program.sweep()
    assert program.run("drafts", "edit", "1", "1", "https://evil.example").code == 2
    assert program.run("drafts", "edit", "1", "4", "Words.").code == 2
    assert program.run("drafts", "edit", "7", "1", "Words.").code == 2
    [line] = program.run("drafts", "drop", "1", "4").err.splitlines()
    assert "has no comment 4; it has 3" in line


def test_a_long_text_is_cut_as_a_models_would_be(program: Program, one: str) -> None:
    from daemon.review.points import FINDING_CHARS

    program.sweep()
    ran(program, "drafts", "edit", "1", "1", "Why? " * 1000)
    [draft] = drafts(program)
    assert len(draft["parts"][0]["text"]) <= FINDING_CHARS


def test_a_dropped_comment_is_not_posted_and_its_point_is_not_made_again(
    box: Sandbox, program: Program, model: ScriptedModel, one: str
) -> None:
    program.sweep()
    assert "2 left" in ran(program, "drafts", "drop", "1", "1")
    ran(program, "drafts", "approve", "1")
    assert not any("Why ten?" in text for text in texts(box))
    box.clock.advance(HOUR)
    ran(program, "review", one)
    # Both points were made, or dropped, before; the summary says that one is still open.
    [draft] = drafts(program)
    assert [part["kind"] for part in draft["parts"]] == ["edit"]
    assert "Why ten?" not in draft["parts"][0]["text"]
    assert len(posted(box)) == 2


def test_a_draft_whose_every_comment_is_dropped_is_refused(program: Program, one: str) -> None:
    program.sweep()
    for number in ("1", "2", "3"):
        said = ran(program, "drafts", "drop", "1", number)
    assert "0 left, so refused" in said
    assert drafts(program) == []
    assert program.run("drafts", "approve", "1").code == 2


def test_a_refused_draft_is_posted_nowhere_and_its_points_are_not_made_again(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    ran(program, "drafts", "refuse", "1", "--reason", "too picky")
    box.clock.advance(HOUR)
    ran(program, "review", one)
    assert posted(box) == []
    waiting = [part["kind"] for draft in drafts(program) for part in draft["parts"]]
    assert "finding" not in waiting
    assert "refused: too picky" in ran(program, "explain", one)
    done = program.run("drafts", "approve", "1")
    assert done.code == 2
    assert "refused: too picky" in done.err


def test_an_approved_draft_cannot_be_refused_but_retracted(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    ran(program, "drafts", "approve", "1")
    done = program.run("drafts", "refuse", "1")
    assert done.code == 2
    assert "notion-review retract 1" in done.err
    ran(program, "retract", "1")
    assert posted(box) == []


def test_a_held_review_that_is_retracted_waits_no_more(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    assert ran(program, "retract", "1").count("held back") == 3
    assert drafts(program) == []
    assert program.run("drafts", "approve", "1").code == 2
    assert posted(box) == []


# --- expired, superseded


def test_a_draft_expires_and_explain_says_so(box: Sandbox, program: Program, one: str) -> None:
    program.sweep()
    box.clock.advance(timedelta(days=6, hours=23))
    program.sweep()
    assert len(drafts(program)) == 1
    box.clock.advance(2 * HOUR)
    program.sweep()
    assert drafts(program) == []
    assert "expired: nobody approved it within 7 days" in ran(program, "explain", one)
    assert program.run("drafts", "approve", "1").code == 2
    assert posted(box) == []


def test_a_draft_that_waits_for_a_day_is_an_alert_until_it_is_decided(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    assert program.run("status", "--json").json["alerts"] == []
    box.clock.advance(timedelta(days=1, hours=1))
    program.sweep()
    [alert] = program.run("status", "--json").json["alerts"]
    assert alert["name"] == "drafts"
    assert "notion-review drafts" in alert["text"]
    ran(program, "drafts", "refuse", "1")
    program.sweep()
    assert program.run("status", "--json").json["alerts"] == []


def test_a_later_review_replaces_the_draft_and_may_say_what_was_not_said(
    box: Sandbox, program: Program, one: str
) -> None:
    program.sweep()
    box.clock.advance(HOUR)
    *_, last = box.world.blocks(one)
    edited(box, last, "Everybody watches the length.")
    box.clock.advance(HOUR)
    program.sweep()
    [draft] = drafts(program)
    assert draft["id"] == 2
    assert {part["text"] for part in draft["parts"]} >= {"Which queues?", "Why ten?"}
    ran(program, "drafts", "approve", "2")
    assert len(texts(box)) == len(set(texts(box))) == 3
    done = program.run("drafts", "approve", "1")
    assert done.code == 2
    assert "a newer review takes its place" in done.err


def test_what_the_held_review_read_is_new_to_the_one_that_replaces_it(
    box: Sandbox, program: Program, model: ScriptedModel, one: str
) -> None:
    program.config["databases"][0]["approve"] = "none"
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    program.config["databases"][0]["approve"] = "all"
    model.think = lambda _document, _turn: [POINTS[0], finish()]
    first, second, _ = box.world.blocks(one)
    box.clock.advance(HOUR)
    edited(box, first, "We need queues, and now.")
    box.clock.advance(HOUR)
    program.sweep()
    edited(box, second, "Twelve workers read them.")
    box.clock.advance(HOUR)
    program.sweep()
    assert "[B1 changed] We need queues, and now." in model.documents[-1]
    assert "[B2 changed]" in model.documents[-1]


def test_a_point_that_is_taken_back_while_its_page_is_reviewed_again_is_named_no_more(
    box: Sandbox, program: Program, model: ScriptedModel, one: str
) -> None:
    from daemon.domain.findings import Event
    from daemon.store import database, findings

    program.config["state"] = "state.db"
    program.config["databases"][0]["approve"] = "none"
    program.sweep()

    def think(_document: str, _turn: int) -> list[Call]:
        state = database.open_state(program.folder / "state.db")
        [first, _] = findings.of_page(state, one)
        findings.apply_event(state, first.id, Event.RETRACTED, NOW)
        state.close()
        return [finish("So.")]

    model.think = think
    box.clock.advance(HOUR)
    edited(box, box.world.blocks(one)[2], "Somebody watches the length.")
    box.clock.advance(HOUR)
    program.sweep()
    [summary] = [words(one) for one in posted(box) if "So." in words(one)]
    assert "Which queues? (still open)" in summary
    assert "Why ten?" not in summary


def test_a_draft_that_is_approved_while_its_page_is_reviewed_again_is_not_said_twice(
    box: Sandbox, program: Program, model: ScriptedModel, one: str
) -> None:
    from daemon.operations import drafts as by_hand
    from daemon.store import database

    program.config["state"] = "state.db"
    program.sweep()

    def think(_document: str, _turn: int) -> list[Call]:
        state = database.open_state(program.folder / "state.db")
        by_hand.approve(state, 1)
        state.close()
        return [*POINTS, finish()]

    model.think = think
    box.clock.advance(HOUR)
    ran(program, "review", one)
    assert drafts(program) == []
    assert len(texts(box)) == len(set(texts(box))) == 3


# --- replies


@pytest.fixture
def asked(box: Sandbox, program: Program, model: ScriptedModel, one: str) -> Any:
    """Ana's question on a reviewed page, whose answer waits."""
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    box.clock.advance(HOUR)
    ana = next(iter(box.world.state.people.values()))
    question = box.world.comment(box.world.blocks(one)[1], "Which region?", by=ana)
    model.think = lambda _document, _turn: [reply("T1", "In Frankfurt."), finish()]
    box.clock.advance(HOUR)
    program.sweep()
    assert posted(box) == []
    [draft] = drafts(program)
    assert [(part["kind"], part["text"]) for part in draft["parts"]] == [("reply", "In Frankfurt.")]
    return question


def test_a_reply_that_waited_is_posted_into_its_thread(
    box: Sandbox, program: Program, asked: Any
) -> None:
    ran(program, "drafts", "approve", "2")
    [answer] = posted(box)
    assert answer.discussion_id == asked.discussion_id
    box.clock.advance(HOUR)
    program.sweep()
    assert len(posted(box)) == 1


def test_a_reply_is_dropped_when_a_person_answered_while_it_waited(
    box: Sandbox, program: Program, asked: Any
) -> None:
    _, ben = box.world.state.people.values()
    box.world.comment(asked, "In Dublin.", by=ben)
    assert "the thread went on while it waited" in ran(program, "drafts", "approve", "2")
    assert posted(box) == []


def test_a_reply_is_dropped_when_its_thread_was_resolved_while_it_waited(
    box: Sandbox, program: Program, asked: Any
) -> None:
    box.world.resolve(asked.discussion_id)
    assert "the thread was resolved or deleted" in ran(program, "drafts", "approve", "2")
    assert posted(box) == []


def test_a_newer_answer_in_the_same_thread_takes_the_place_of_one_that_waits(
    box: Sandbox, program: Program, model: ScriptedModel, asked: Any
) -> None:
    ana = next(iter(box.world.state.people.values()))
    box.world.comment(asked, "And which zone?", by=ana)
    model.think = lambda _document, _turn: [reply("T1", "Frankfurt, zone b."), finish()]
    box.clock.advance(HOUR)
    program.sweep()
    [draft] = drafts(program)
    assert [part["text"] for part in draft["parts"]] == ["Frankfurt, zone b."]
    ran(program, "drafts", "approve", str(draft["id"]))
    assert texts(box) == ["Frankfurt, zone b."]


def test_a_review_that_replaces_a_draft_leaves_the_answer_in_it_waiting(
    box: Sandbox, program: Program, model: ScriptedModel, asked: Any, one: str
) -> None:
    model.think = lambda _document, _turn: [POINTS[0], finish()]
    ran(program, "review", one)
    kinds = [part["kind"] for draft in drafts(program) for part in draft["parts"]]
    assert kinds == ["reply", "finding"]


# --- unusual


TITLES = ("No owner", "Two dates", "Old costs", "A dead link", "One slow job")


def test_a_review_that_is_more_than_usual_waits_and_the_answer_in_it_does_not(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["databases"][0]["approve"] = "unusual"
    words = [f"Point number {number} is made here." for number in range(6)]
    made = box.world.page(rfcs, "Queues", [blocks.paragraph(word) for word in words], at=NOW - HOUR)
    ana = next(iter(box.world.state.people.values()))
    box.clock.set(NOW - HOUR / 2)
    box.world.comment(box.world.blocks(made.id)[0], "Which region?", by=ana)
    box.clock.set(NOW)
    model.think = lambda _document, _turn: [
        *(
            comment(f"B{n + 1}", f"number {n}", f"Why point {n}, and for whom?", title=TITLES[n])
            for n in range(5)
        ),
        reply("T1", "In Frankfurt."),
        finish("Much to say."),
    ]
    program.config["lookback"] = "2d"
    program.sweep()
    assert texts(box) == ["In Frankfurt."]
    [draft] = drafts(program)
    assert draft["reason"] == "5 comments where at most 4 are usual"
    ran(program, "drafts", "approve", "1")
    assert len(texts(box)) == len(set(texts(box))) == 7


def test_four_comments_are_usual_at_first(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["databases"][0]["approve"] = "unusual"
    words = [f"Point number {number} is made here." for number in range(4)]
    box.world.page(rfcs, "Queues", [blocks.paragraph(word) for word in words], at=NOW - HOUR)
    model.think = lambda _document, _turn: [
        *(
            comment(f"B{n + 1}", f"number {n}", f"Why point {n}, and for whom?", title=TITLES[n])
            for n in range(4)
        ),
        finish(),
    ]
    program.sweep()
    assert len(posted(box)) == 4


def test_the_share_that_is_drawn_is_the_same_for_the_same_text(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["databases"][0]["approve_sample"] = 0.5
    model.think = lambda _document, _turn: [finish("Say more.")]
    for number in range(16):
        text = [blocks.paragraph(f"This is document {number}.")]
        box.world.page(rfcs, f"RFC {number}", text, at=NOW - HOUR)
    program.sweep()
    waiting = drafts(program)
    assert 0 < len(waiting) < 16
    assert len(waiting) + len(posted(box)) == 16
    assert {draft["reason"] for draft in waiting} == {"drawn for a look, approve_sample: 0.5"}
    first = waiting[0]
    ran(program, "review", first["page"])
    [again] = [draft for draft in drafts(program) if draft["page"] == first["page"]]
    assert again["id"] != first["id"]


def test_times_are_the_servers(box: Sandbox, program: Program, one: str) -> None:
    box.clock.set(datetime(2031, 1, 1, 12, tzinfo=UTC))
    edited(box, box.world.blocks(one)[0], "We need queues at once.")
    box.clock.advance(HOUR)
    program.sweep()
    [draft] = drafts(program)
    assert draft["held_at"].startswith("2031-01-01")
    assert draft["expires_at"].startswith("2031-01-08")
