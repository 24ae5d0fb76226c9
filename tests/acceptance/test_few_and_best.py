"""Few comments, the gravest, and none that a rule made already: seen through the program."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import FaultKind
from support.program import (
    NOW,
    Program,
    ScriptedModel,
    begun_by,
    comment,
    finish,
    follow_up,
    posted,
    words,
)


HOUR = timedelta(hours=1)
LINES = ("We need queues.", "They are fast.", "Rollout is next week.", "Nobody owns it.")


def rfc(box: Sandbox, rfcs: str, *lines: str) -> str:
    content = [blocks.paragraph(line) for line in lines or LINES]
    return box.world.page(rfcs, "Queues", content, at=NOW - HOUR).id


def points(*grades: str) -> list[object]:
    """One point about each line, the last line first."""
    texts = [line.rstrip(".") for line in LINES]
    made = [
        comment(f"B{number}", texts[number - 1], f"Point {number}.", grade)
        for number, grade in enumerate(grades, 1)
    ]
    return made[::-1]


def summaries(box: Sandbox, page: str) -> list[str]:
    return [words(one) for one in posted(box) if one.parent_id == page]


def said(box: Sandbox, page: str) -> list[str]:
    return [words(one).splitlines()[-1] for one in posted(box) if one.parent_id != page]


@pytest.mark.parametrize(
    ("grades", "limit", "expected", "kept"),
    [
        (
            ["minor", "important", "minor", "blocking"],
            2,
            ["Point 4.", "Point 2."],
            "Point 3 (minor); Point 1 (minor)",
        ),
        (["minor"] * 4, 3, ["Point 4.", "Point 3.", "Point 2."], "Point 1 (minor)"),
        (
            ["blocking", "minor", "blocking", "important"],
            2,
            ["Point 3.", "Point 1."],
            "Point 4 (important); Point 2 (minor)",
        ),
    ],
)
def test_the_gravest_are_posted_then_the_first_of_the_model_and_the_rest_is_named(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    grades: list[str],
    limit: int,
    expected: list[str],
    kept: str,
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"comments_per_review": limit}
    model.think = lambda _document, _turn: [*points(*grades), finish("Mend it.")]
    program.sweep()
    assert said(box, page) == expected
    [summary] = summaries(box, page)
    told = f"Mend it.\n\nKept back: {kept}. Write more here and I post the next ones."
    assert summary.endswith(told)


def test_explain_lists_what_was_posted_and_kept_in_order_of_time_with_titles(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"comments_per_review": 1}
    model.think = lambda _document, _turn: [*points("minor", "blocking"), finish("Mend it.")]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[2], "Rollout takes three steps.")
    box.clock.advance(HOUR)
    model.think = lambda document, _turn: [
        follow_up(begun_by("Point 2", document), "fixed", quote="three steps"),
        finish("Nearly there."),
    ]
    program.sweep()
    told = program.run("explain", page).out
    listed = told[told.index("comments\n") : told.index("decisions\n")].splitlines()[1:]
    heads = [line for line in listed if line.startswith("  20")]
    assert [line.split("  ")[2] for line in heads] == [
        "finding of review 1: posted",
        "kept by review 1, minor: Point 1",
        "summary of review 1: posted",
        "edit of review 2: posted",
        "edit of review 2: posted",
    ]
    assert heads == sorted(heads, key=lambda line: line.split("  ")[1])
    assert "      about: Point 2" in listed
    assert "](" not in told


def test_explain_tells_of_each_point_that_was_left_out_why(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"comments_per_review": 1}
    program.config["databases"][0]["report"] = "important"
    model.think = lambda _document, _turn: [*points("minor", "important", "blocking"), finish()]
    program.sweep()
    told = program.run("explain", page).out
    assert "refused comment: left out, minor is not posted: Point 1." in told
    assert "kept: “Point 2” (important), over the limit of a review" in told
    assert "kept by review 1, important: Point 2" in told


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("blocking", ["Point 3."]),
        ("important", ["Point 3.", "Point 2."]),
        ("minor", ["Point 3.", "Point 2.", "Point 1."]),
    ],
)
def test_what_is_below_the_floor_of_the_database_is_counted_and_not_posted(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    report: str,
    expected: list[str],
) -> None:
    page = rfc(box, rfcs)
    program.config["databases"][0]["report"] = report
    model.think = lambda _document, _turn: [
        *points("minor", "important", "blocking"),
        finish("Mend it."),
    ]
    program.sweep()
    assert said(box, page) == expected
    assert ("left out" in summaries(box, page)[0]) == (report != "minor")
    told = f"Note: what is less than {report} is not posted; leave it out"
    assert (told in model.documents[0]) == (report != "minor")


def test_the_summary_leads_with_what_must_be_settled_and_follows_what_became_of_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [
        *points("important", "minor", "blocking"),
        finish("Three points."),
    ]
    program.sweep()
    [summary] = summaries(box, page)
    assert summary == (
        "Settle first:\n• Point 3\nImportant:\n• Point 1\nWorth a look:\n• Point 2\n\nThree points."
    )
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[2], "Rollout takes three steps.")
    box.clock.advance(HOUR)
    model.think = lambda document, _turn: [
        follow_up(begun_by("Point 3", document), "fixed", quote="three steps"),
        comment("B3", "three steps", "Which?", "minor"),
        finish("Nearly there."),
    ]
    program.sweep()
    [summary] = summaries(box, page)
    assert summary == (
        "Important:\n• Point 1 (still open)\nWorth a look:\n• Which?\n• Point 2 (still open)\n\n"
        "Nearly there.\n\nSince last time:\n• Settled: “Point 3”"
    )
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[3], "Ana owns some of it.")
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [
        comment("B4", "some of it", "Who owns the rest?", "blocking"),
        finish("One more."),
    ]
    program.sweep()
    first, second = summaries(box, page)
    assert first == "A newer summary follows below."
    assert second == (
        "Settle first:\n• Who owns the rest?\nImportant:\n• Point 1 (still open)\n"
        "Worth a look:\n• Point 2 (still open)\n• Which? (still open)\n\nOne more."
    )


def test_where_there_is_nothing_new_to_say_nothing_is_posted(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.add_block(page, blocks.paragraph("Added."))
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [finish("Still a good text.")]
    program.sweep()
    assert len(model.sent) == 2
    assert posted(box) == []


PLANTED = ("The the queue is slow.", "Owner: TBD")


@pytest.mark.parametrize("checks", [False, True])
def test_what_the_rules_find_is_known_to_the_model_and_posted_where_the_database_asks_for_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, *, checks: bool
) -> None:
    page = rfc(box, rfcs, *PLANTED, "They are fast.")
    program.config["databases"][0]["checks"] = checks
    model.think = lambda _document, turn: [
        comment("B2", "Owner: TBD", "Somebody has to be named here, before it is decided."),
        comment("B3", "fast", "How fast?"),
        *([finish()] if turn else []),
    ]
    program.sweep()
    document = model.documents[0]
    assert ("Already reported by checks, do not raise again:\n  B1: " in document) is checks
    assert ("Found by checks, raise only what bears on the decision:" in document) is not checks
    by_line = [words(one).splitlines()[0] for one in posted(box)]
    assert by_line == (["fast", "TBD", "The the"] if checks else ["Owner: TBD", "fast"])
    assert ("was raised on B2 before" in model.answers[0]) is checks
    box.clock.advance(HOUR)
    box.world.add_block(page, blocks.paragraph("Added."))
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    assert len(posted(box)) == len(by_line)


def test_findings_of_rules_count_in_the_limits_and_fall_behind_graver_ones(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs, *PLANTED, "They are fast.")
    program.config["databases"][0]["checks"] = True
    program.config["limits"] = {"comments_per_review": 2}
    model.think = lambda _document, _turn: [
        comment("B3", "fast", "How fast?", "blocking"),
        finish("Mend it."),
    ]
    program.sweep()
    assert said(box, page)[0] == "How fast?"
    assert [words(one).splitlines()[0] for one in posted(box)][:2] == ["fast", "TBD"]
    assert "Kept back: Repeated word: “The the” (minor)." in summaries(box, page)[0]


def test_instructions_prompt_and_document_come_in_an_order_that_providers_can_cache(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """Two pages and two rounds of one day begin with the same bytes up to the document's mark."""
    for title in ("Queues", "Logs"):
        lines = [blocks.paragraph(f"{title}. {line}") for line in LINES]
        box.world.page(rfcs, title, lines, at=NOW - HOUR)
    model.think = lambda _document, turn: (
        [comment("B1", "no such words", "Why?")] + ([finish()] if turn else [])
    )
    program.sweep()
    box.clock.advance(25 * HOUR)
    for page in list(box.world.state.pages.values()):
        if page.parent.id in box.world.state.sources:
            box.world.add_block(page, blocks.paragraph("Added."))
    box.clock.advance(HOUR)
    program.sweep()
    assert len(model.sent) == 12
    beginnings = {
        json.dumps([sent.body["tools"], sent.body["system"]], sort_keys=False)
        for sent in model.sent
    }
    assert len(beginnings) == 1
    for sent in model.sent:
        instructions, document = sent.body["system"][0]["text"], sent.body["messages"][0]
        assert instructions.index("You review one document") < instructions.index(
            "# What this team asks of you"
        )
        assert sent.body["system"][-1]["cache_control"]["type"] == "ephemeral"
        assert document["content"][0]["cache_control"]["type"] == "ephemeral"
        assert str(NOW.date()) not in json.dumps([sent.body["tools"], sent.body["system"]])


def test_each_request_of_a_review_begins_with_all_of_the_request_before(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """A provider's cache is read only as far as the bytes are the same."""
    box.world.page(rfcs, "Queues", [blocks.paragraph(line) for line in LINES], at=NOW - HOUR)
    model.think = lambda _document, turn: [comment("B1", f"no such words {turn}", "Why?")]
    program.config["limits"] = {"rounds": 4}
    program.sweep()
    assert len(model.sent) == 4
    for before, after in pairwise(sent.body for sent in model.sent):
        said = unmarked(before["messages"])
        assert unmarked(after["messages"])[: len(said)] == said
        for part in ("tools", "system", "model", "max_tokens", "output_config"):
            assert before[part] == after[part]


def unmarked(messages: list[Any]) -> list[Any]:
    """Drop the marks up to where a provider caches: they move on."""
    return json.loads(
        json.dumps(messages),
        object_hook=lambda one: {key: one[key] for key in one if key != "cache_control"},
    )


def test_a_summary_that_may_stand_is_not_touched_before_its_message_finds_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """It was saved late, after its message had looked for it; the next review sees it first."""
    page = rfc(box, rfcs)
    program.config["settle"] = "1m"
    model.think = lambda _document, _turn: [finish("First.")]
    box.faults.plant(FaultKind.DROP, "POST", "/v1/comments", times=None)
    program.run("--once")
    box.faults.clear()
    with closing(sqlite3.connect(program.folder / "state/notion-review.db")) as state:
        [[body]] = state.execute("SELECT body FROM outbox").fetchall()
    box.world.comment(page, body.replace("*", ""), by=box.bot)
    box.world.edit_block(box.world.blocks(page)[0], "We need fast queues.")
    box.clock.advance(HOUR / 20)
    model.think = lambda _document, _turn: [
        comment("B1", "fast queues", "How fast?", "blocking"),
        finish("Second."),
    ]
    for _ in range(4):
        program.run("--once")
        box.clock.advance(HOUR)
    assert summaries(box, page) == ["First.", "Settle first:\n• How fast?\n\nSecond."]
