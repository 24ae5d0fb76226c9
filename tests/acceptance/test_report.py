"""The report, seen through the program."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from typing import Any

from daemon.domain.findings import Event
from daemon.domain.values import Finding, Outcome, Prompt, Review, ReviewKind, Severity, Usage
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import FaultKind
from daemon.store import findings, prompts, reviews
from daemon.store.database import open_state
from support.program import NOW, Program, ScriptedModel, comment, finish, posted, reply


HOUR = timedelta(hours=1)
STATE = "state/notion-review.db"
WIDTH = 80
WORDS = ("We need queues.", "They are fast.", "Rollout is next week.")


def rfc(box: Sandbox, rfcs: str, *lines: str) -> str:
    content = [blocks.heading(2, "4. Rollout plan")]
    content += [blocks.paragraph(line) for line in lines or WORDS]
    return box.world.page(rfcs, "Queues", content, at=NOW - HOUR).id


def reported(program: Program, box: Sandbox, *arguments: str) -> dict[str, Any]:
    until = (box.clock() + timedelta(minutes=1)).isoformat()
    done = program.run("report", "--json", "--until", until, *arguments)
    assert (done.code, done.err) == (0, "")
    return done.json


def settle(program: Program, version: str, *, addressed: int, dismissed: int) -> None:
    """Store a review of the only page under a version, with findings that people settled."""
    made = Review(Outcome.DONE, (), (), (), "", (), "m", Usage())
    with closing(open_state(program.folder / STATE)) as db:
        page = db.execute("SELECT id FROM pages").fetchone()[0]
        values = {
            "kind": ReviewKind.REVIEW,
            "prompt": version,
            "content_hash": "",
            "sweep_id": None,
        }
        number = reviews.add(db, page, made, at=NOW, **values)
        for event in [Event.FIXED] * addressed + [Event.TURNED_DOWN] * dismissed:
            one = findings.add(db, number, page, Finding("b", "q", "t", Severity.MINOR), NOW)
            findings.apply_event(db, one, event, NOW)


def test_a_report_before_the_first_sweep_says_in_one_line_that_there_is_nothing(
    program: Program, rfcs: str
) -> None:
    done = program.run("report")
    assert done.code == 0
    assert done.out == "Nothing to report: no page has been reviewed yet.\n"
    assert program.run("report", "--json").json["now"]["reviews"] == 0


def test_a_report_on_a_time_in_which_nothing_happened_says_so_in_one_line(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    rfc(box, rfcs)
    program.sweep()
    done = program.run("report", "--hourly", "--until", "2026-10-01T12:00")
    assert done.out == (
        "Nothing to report: nothing happened from 2026-10-01 10:00 to 2026-10-01 12:00 UTC.\n"
    )


def test_the_report_follows_a_finding_from_its_review_to_its_end(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B2", "need queues", "Which ones?", "blocking"),
        comment("B3", "fast", "How fast?", "minor"),
        finish("Name the queues."),
    ]
    program.sweep()
    first = reported(program, box, "--daily")["now"]
    assert (first["reviews"], first["silent"], first["outcomes"]) == (1, 0, {"done": 1})
    assert first["by_severity"] == {"blocking": 1, "important": 0, "minor": 1}
    assert (first["by_state"]["open"], first["settled"]["addressed"]) == (2, 0)
    assert first["topics"] == {"rollout": {"findings": 2, "pages": 1}}
    assert first["cost_per_addressed_usd"] is None

    box.clock.advance(2 * HOUR)
    [queues, *_] = [b for b in box.world.blocks(page) if b.type == "paragraph"]
    box.world.edit_block(queues, "Two Redis streams carry the jobs.")
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    now = reported(program, box, "--hourly")
    # Silence on a changed text closes nothing.
    assert (now["now"]["findings"], now["now"]["settled"]["addressed"]) == (0, 0)
    assert now["now"]["cost_per_addressed_usd"] is None
    assert (now["now"]["reviews"], now["now"]["silent"]) == (1, 1)
    [(by_model, of_model)] = now["now"]["by_model"].items()
    assert by_model == "anthropic:claude-sonnet-5-5"
    assert of_model["settled"]["addressed"] == 0
    both = reported(program, box, "--daily")["now"]
    assert (both["reviews"], both["silent"], both["findings"]) == (2, 1, 2)
    assert (both["by_state"]["addressed"], both["by_state"]["open"]) == (0, 2)


def test_the_wait_for_a_reply_runs_from_the_persons_comment_to_its_posting(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    rfc(box, rfcs)
    model.think = lambda _document, _turn: [comment("B2", "need queues", "Which?"), finish()]
    program.sweep()
    [finding, *_] = posted(box)
    box.clock.advance(HOUR)
    box.world.comment(finding, "What do you mean by which?")
    box.clock.advance(timedelta(minutes=40))
    model.think = lambda _document, _turn: [reply("T1", "By name."), finish()]
    assert program.sweep().json["replies_posted"] == 1
    now = reported(program, box, "--hourly")["now"]
    assert (now["replies"], now["replies_timed"], now["answers"]) == (1, 1, 1)
    # Notion floors the comment's time to the minute.
    assert 40 * 60 <= now["seconds_to_reply_median"] < 42 * 60
    assert now["seconds_to_reply_90th"] == now["seconds_to_reply_median"]
    assert reported(program, box, "--daily")["now"]["replies"] == 1


def test_a_question_that_was_edited_before_its_answer_waits_from_its_first_words_on(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    asked = box.world.comment(box.world.blocks(page)[1], "Wich?")
    box.clock.advance(3 * HOUR)
    box.world.edit_comment(asked, "Which?")
    model.think = lambda _document, _turn: [reply("T1", "Redis."), finish()]
    program.sweep()
    now = reported(program, box, "--hourly")["now"]
    assert now["seconds_to_reply_median"] >= 3 * HOUR.total_seconds()


def test_a_review_whose_comments_were_all_dropped_is_silent(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [comment("B2", "need queues", "Which?"), finish()]
    box.faults.plant(FaultKind.SERVER_ERROR, "POST", "/v1/comments", times=None)
    program.run("--once")
    assert reported(program, box)["now"]["silent"] == 0  # its comment is on its way
    box.faults.clear()
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[1])
    program.run("--once")
    assert posted(box) == []
    found = reported(program, box, "--daily")["now"]
    assert (found["silent"], found["reviews"]) == (1, 1)
    assert found["by_state"]["stale"] == 1


def test_an_edited_question_that_was_answered_before_waits_from_its_edit_on(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    asked = box.world.comment(box.world.blocks(page)[1], "Which?")
    model.think = lambda _document, _turn: [reply("T1", "Redis."), finish()]
    program.sweep()
    box.clock.advance(10 * HOUR)
    box.world.edit_comment(asked, "Which version?")
    box.clock.advance(HOUR)
    assert program.sweep().json["replies_posted"] == 1
    now = reported(program, box, "--hourly")["now"]
    assert (now["replies"], now["replies_timed"]) == (1, 1)
    assert now["seconds_to_reply_median"] < 2 * HOUR.total_seconds()


def test_the_report_fits_a_terminal_of_80_columns_and_a_pipe(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    rfc(box, rfcs)
    model.think = lambda _document, _turn: [comment("B2", "need queues", "Which?"), finish("Name.")]
    program.sweep()
    until = (box.clock() + HOUR).isoformat()
    lines = program.run("report", "--weekly", "--until", until).out.splitlines()
    assert max(len(line) for line in lines) <= WIDTH
    assert not any("\x1b" in line for line in lines)
    assert any(line.startswith("  nothing posted") and "0 of 1" in line for line in lines)
    assert any(line.split()[0] == "anthropic:claude-sonnet-5-5" for line in lines if line)


def test_the_share_of_addressed_findings_has_an_interval_and_is_not_told_of_few(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    rfc(box, rfcs)
    program.sweep()
    settle(program, "v1", dismissed=4, addressed=8)
    settle(program, "v2", dismissed=1, addressed=8)
    found = reported(program, box)["now"]
    share = found["by_prompt"]["v1"]["addressed_of_settled"]
    assert (share["part"], share["whole"]) == (8, 12)
    assert [round(share[end], 2) for end in ("low", "high")] == [0.39, 0.86]
    few = found["by_prompt"]["v2"]["addressed_of_settled"]
    assert few == {"part": 8, "whole": 9, "low": None, "high": None}
    assert found["by_model"]["m"]["addressed_of_settled"]["whole"] == 21
    until = (box.clock() + HOUR).isoformat()
    with closing(open_state(program.folder / STATE)) as db:
        said = Prompt("How our engineers review RFCs", "Be kind.", "page")
        prompts.save_version(db, "v1", said, NOW)
    lines = program.run("report", "--until", until).out.splitlines()
    table = lines[lines.index(next(one for one in lines if one.startswith("settled, by prompt"))) :]
    assert any(one.startswith(f"How our e…Cs of {NOW:%Y-%m-%d}  ") for one in table)
    assert ["12", "67%", "39-86%", "4", "0"] in [line.split()[-5:] for line in table]
    assert ["v2", "9", "cannot", "tell", "1", "0"] in [line.split() for line in table]


def test_a_time_that_is_none_is_a_mistake_on_the_command_line(program: Program, rfcs: str) -> None:
    done = program.run("report", "--until", "noon")
    assert done.code == 2
    assert "'noon' is no time such as 2026-11-20T12:00" in done.err


def test_the_json_of_a_report_can_be_read_back(program: Program, box: Sandbox, rfcs: str) -> None:
    rfc(box, rfcs)
    program.sweep()
    found = reported(program, box)
    assert found["span"] == "week"
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {"span", "now", "before", "addressed_fell", "surges"}
