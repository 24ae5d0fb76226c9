"""The report, seen through the program."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from program import NOW, Program, ScriptedModel, comment, finish, posted, reply

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import Kind


HOUR = timedelta(hours=1)
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
    assert (now["now"]["findings"], now["now"]["settled"]["addressed"]) == (0, 1)
    assert now["now"]["cost_per_addressed_usd"] == now["now"]["cost_usd"]
    assert (now["now"]["reviews"], now["now"]["silent"]) == (1, 1)
    [(by_model, of_model)] = now["now"]["by_model"].items()
    assert by_model == "anthropic:claude-sonnet-5-5"
    assert of_model["settled"]["addressed"] == 1
    both = reported(program, box, "--daily")["now"]
    assert (both["reviews"], both["silent"], both["findings"]) == (2, 1, 2)
    assert (both["by_state"]["addressed"], both["by_state"]["open"]) == (1, 1)


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
    box.faults.plant(Kind.SERVER_ERROR, "POST", "/v1/comments", times=None)
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
    assert any(
        line.startswith("  silent: nothing was posted") and "0 of 1" in line for line in lines
    )
    assert any(line.split()[0] == "anthropic:claude-sonnet-5-5" for line in lines if line)


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
