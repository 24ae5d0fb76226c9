"""What an operator does and asks: explain, pause, retract, output, exit codes, start-up time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from daemon.cli.main import cli
from daemon.domain.due import PARKED_AFTER
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import FaultKind
from support.program import (
    ANTHROPIC_KEY,
    NOW,
    Program,
    ScriptedModel,
    comment,
    finish,
    posted,
    words,
)
from support.vendor_server import Reply


HOUR = timedelta(hours=1)
TEXT = "We need queues because the poller is slow."
MAIN = "from daemon.cli.main import main; main()"


@pytest.fixture
def notion_url(box: Sandbox) -> Iterator[str]:
    """The address of the box on a socket: processes of their own ask it."""
    with box.serve() as url:
        yield url


def page(box: Sandbox, rfcs: str, *, at: object = None, text: str = TEXT) -> str:
    return str(box.world.page(rfcs, "Queues", [blocks.paragraph(text)], at=at or NOW - HOUR).id)


def why(program: Program, page_id: str) -> str:
    """The one sentence of explain."""
    done = program.run("explain", page_id)
    assert done.code == 0, done.err
    [line] = [line for line in done.out.splitlines() if line.startswith("  why: ")]
    return line.removeprefix("  why: ")


# --- explain answers for every outcome


def test_explain_of_a_page_that_was_commented_on(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    model.think = lambda _document, turn: (
        [finish("Say which queues.")]
        if turn
        else [
            comment("B1", "queues", "Which queues?"),
            comment("B1", "no such words", "Never posted."),
        ]
    )
    program.sweep()
    said = why(program, one)
    assert said.startswith("reviewed 2026-")
    assert "1 comment posted, 1 summary posted, 1 comment refused" in said
    out = program.run("explain", one).out
    assert "Which queues?" in out
    assert "refused comment: these words do not stand in B1" in out


def test_explain_of_a_review_that_found_nothing(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    program.sweep()
    assert "nothing to add" in why(program, one)


def test_explain_counts_the_threads_that_another_state_began(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "queues", "Which queues?"), finish("")]
    program.sweep()
    program.config["state"] = str(program.folder / "fresh.db")
    model.think = lambda _document, _turn: [finish("")]
    program.sweep()
    assert why(program, one).endswith(
        "it had nothing to add to 1 thread of ours from before this state"
    )


def test_explain_of_a_summary_that_was_kept_back(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    program.config["databases"][0]["page_comment"] = False
    model.think = lambda _document, _turn: [finish("Fine.")]
    program.sweep()
    assert "its summary was kept back: `page_comment` is off" in why(program, one)


def test_explain_of_a_page_that_settles(box: Sandbox, program: Program, rfcs: str) -> None:
    box.clock.set(datetime.now(UTC))
    one = page(box, rfcs, at=box.clock() - timedelta(minutes=2))
    program.sweep()
    assert ", and is read from " in why(program, one)


def test_explain_of_a_page_that_is_older_than_the_first_sweep_looks(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    one = page(box, rfcs, at=NOW - timedelta(days=30))
    program.sweep()
    assert f"notion-review review {one}" in why(program, one)


def test_explain_of_an_edit_that_changed_no_text(box: Sandbox, program: Program, rfcs: str) -> None:
    one = page(box, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.rewrite(one, [blocks.paragraph(TEXT)])
    box.clock.advance(HOUR)
    program.sweep()
    said = why(program, one)
    assert said.startswith("its last edit was read and not reviewed: ")
    assert "; reviewed 2026-11-20T12:00" in said


def test_explain_of_an_empty_page(box: Sandbox, program: Program, rfcs: str) -> None:
    one = str(box.world.page(rfcs, "Empty", [], at=NOW - HOUR).id)
    program.sweep()
    assert "the page is empty" in why(program, one)


def test_explain_of_a_page_that_failed_and_then_was_parked(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    one = page(box, rfcs)
    box.faults.plant(FaultKind.NULL_CURSOR, "GET", "/v1/blocks/*/children", times=None)
    program.run("--once")
    assert "it failed 1 time (" in why(program, one)
    for _ in range(PARKED_AFTER):
        box.clock.advance(6 * HOUR)
        program.run("--once")
    assert f"notion-review retry {one}" in why(program, one)


def test_explain_of_a_page_that_waits_for_a_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    model.think = lambda _document, _turn: Reply("down", 503)
    assert program.run("--once").code == 69
    assert "it is due, and waits: no model could review" in why(program, one)


def test_explain_of_a_page_that_waits_for_money(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page(box, rfcs)
    program.config["limits"] = {"tokens_per_day": 1}
    program.run("--once")
    box.clock.advance(HOUR)
    other = page(box, rfcs, at=box.clock() - timedelta(minutes=30), text="Another text.")
    program.run("--once")
    assert "limits.tokens_per_day" in why(program, other)


def test_explain_of_a_page_without_a_prompt(box: Sandbox, program: Program, rfcs: str) -> None:
    empty = box.world.page(None, "Prompt", [])
    program.config["databases"][0]["prompt"] = empty.id
    one = page(box, rfcs)
    program.run("--once")
    assert "RFCs is not reviewed" in why(program, one)


def test_explain_of_a_page_whose_database_was_lost(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    one = page(box, rfcs)
    program.sweep()
    box.world.unshare(rfcs)
    box.clock.advance(2 * HOUR)
    program.run("--once")
    assert "its database cannot be swept" in why(program, one)


def test_explain_of_a_page_that_left_and_one_that_is_gone(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    one = page(box, rfcs)
    other = page(box, rfcs)
    program.sweep()
    box.world.trash(one)
    box.clock.advance(timedelta(days=2))
    program.run("--once")
    assert "trashed, moved, or not shared" in why(program, one)
    program.config["databases"][0]["where"] = {"Status": ["Ready"]}
    box.clock.advance(HOUR)
    box.world.rewrite(other, [blocks.paragraph("New text.")])
    box.clock.advance(HOUR)
    program.run("--once")
    assert "`where` does not select it" in why(program, other)


def test_explain_of_a_comment_that_is_on_its_way(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "queues", "Which?"), finish()]
    box.faults.plant(FaultKind.SERVER_ERROR, "POST", "/v1/comments", times=None)
    program.run("--once")
    assert "1 on their way" in why(program, one)


def test_explain_of_a_comment_that_was_dropped(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)

    def think(_document: str, _turn: int) -> object:
        box.world.rewrite(one, [blocks.paragraph("All is different now.")])
        return [comment("B1", "queues", "Which?"), finish()]

    model.think = think  # type: ignore[assignment]
    program.run("--once")
    assert "1 dropped (" in why(program, one)


def test_explain_of_a_paused_page(box: Sandbox, program: Program, rfcs: str) -> None:
    one = page(box, rfcs)
    program.sweep()
    assert program.run("pause", one).code == 0
    assert f"it is paused (to end that: notion-review resume {one})" in why(program, one)


def test_explain_of_a_page_that_nobody_saw_names_what_to_check(program: Program, rfcs: str) -> None:
    done = program.run("explain", "11111111-1111-4111-8111-111111111111")
    assert done.code == 2
    [line] = done.err.splitlines()
    assert "config.yaml" in line


# --- pause, resume, retry


def test_a_paused_page_is_left_alone_until_it_is_resumed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    program.sweep()
    program.run("pause", one)
    asked = len(model.sent)
    box.clock.advance(HOUR)
    box.world.rewrite(one, [blocks.paragraph("Something else entirely.")])
    box.clock.advance(HOUR)
    program.sweep()
    assert len(model.sent) == asked
    program.run("resume", one)
    program.sweep()
    assert len(model.sent) > asked


def test_a_pause_with_an_end_is_listed_with_its_age_and_ends(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    program.sweep()
    done = program.run("pause", one, "--for", "7d")
    assert (done.code, " paused until " in done.out) == (0, True)
    [listed] = program.run("status", "--json").json["paused_pages"]
    lasts = datetime.fromisoformat(listed["until"]) - datetime.fromisoformat(listed["since"])
    assert (listed["id"], listed["days"], lasts) == (one, 0, timedelta(days=7))
    assert ": since 20" in program.run("status").out
    assert "it is paused until " in why(program, one)
    assert program.run("pause", one, "--for", "soon").code == 2
    program.run("resume", one)
    assert program.run("status", "--json").json["paused_pages"] == []


def test_a_pause_that_comes_while_the_page_is_reviewed_holds(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    from daemon.operations import pages as operate
    from daemon.store import database, pages

    one = page(box, rfcs)
    program.config["state"] = "state.db"

    def think(_document: str, _turn: int) -> object:
        operate.do(operate.pause, program.folder / "state.db", one)
        return [finish()]

    model.think = think  # type: ignore[assignment]
    program.sweep()
    state = database.open_state(program.folder / "state.db")
    row = pages.page(state, one)
    state.close()
    assert row is not None
    assert row.paused


def test_a_parked_page_is_tried_again_on_command(box: Sandbox, program: Program, rfcs: str) -> None:
    one = page(box, rfcs)
    box.faults.plant(FaultKind.SERVER_ERROR, "GET", "/v1/blocks/*/children", times=None)
    program.run("--once")
    box.faults.clear()
    assert program.sweep().json["pages_reviewed"] == 0
    assert "due at the next sweep" in program.run("retry", one).out
    assert program.sweep().json["pages_reviewed"] == 1


@pytest.mark.parametrize("name", ["pause", "resume", "retry"])
def test_what_is_done_to_an_unknown_page_is_refused_and_makes_no_state(
    program: Program, rfcs: str, name: str
) -> None:
    done = program.run(name, "11111111-1111-4111-8111-111111111111")
    assert done.code == 2
    assert not list(program.folder.rglob("*.db*"))


# --- retract


def reviewed(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> str:
    one = page(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B1", "queues", "Which queues?"),
        finish("Say which queues."),
    ]
    program.sweep()
    return one


def test_retract_deletes_what_a_review_posted_and_it_never_comes_back(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = reviewed(box, program, model, rfcs)
    assert len(posted(box)) == 2
    done = program.run("retract", "1")
    assert done.code == 0, done.err
    assert [line.rpartition(": ")[2] for line in done.out.splitlines()] == ["deleted"] * 2
    assert posted(box) == []
    box.clock.advance(HOUR)
    program.run("review", one)
    assert [words(one) for one in posted(box)] == ["Say which queues."]
    assert "retracted" in program.run("explain", one).out


def test_retract_edits_what_a_person_answered_and_deletes_the_rest(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    reviewed(box, program, model, rfcs)
    [finding, _] = [one for one in posted(box) if "Which queues?" in words(one)]
    ana = next(iter(box.world.state.people.values()))
    box.world.comment(finding, "The ones for carriers.", by=ana)
    done = program.run("retract", "1")
    assert "a person answered it" in done.out
    assert [words(one) for one in posted(box)] == ["Withdrawn."]
    assert len(list(box.world.comments())) == 2


def test_a_summary_that_was_retracted_is_not_taken_up_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = reviewed(box, program, model, rfcs)
    [summary] = [one for one in posted(box) if "Say which" in words(one)]
    box.world.comment(summary, "Which do you mean?")
    program.run("retract", "1")
    box.clock.advance(HOUR)
    box.world.add_block(one, blocks.paragraph("More."))
    box.clock.advance(HOUR)
    more = comment("B2", "More", "More of what?", "minor")
    model.think = lambda _document, _turn: [more, finish("Better now.")]
    program.sweep()
    said = [words(one) for one in posted(box)]
    assert (said[0], len(said)) == ("Withdrawn.", 3)
    assert said[-1].endswith("Better now.")


def test_retract_puts_a_summary_back_to_what_it_said_before(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    model.think = lambda _document, _turn: [finish("The first summary.")]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.add_block(one, blocks.paragraph("More."))
    model.think = lambda _document, _turn: [finish("The second summary.")]
    box.clock.advance(HOUR)
    program.sweep()
    assert [words(one) for one in posted(box)] == ["The second summary."]
    assert "put back" in program.run("retract", "2").out
    assert [words(one) for one in posted(box)] == ["The first summary."]
    assert program.run("retract", "1").code == 0
    assert posted(box) == []


def summarised(box: Sandbox, program: Program, model: ScriptedModel, one: str, said: str) -> None:
    """Have a page edited, and reviewed with nothing but a summary."""
    box.clock.advance(HOUR)
    box.world.add_block(one, blocks.paragraph(f"More, for {said}"))
    model.think = lambda _document, _turn: [finish(said)]
    box.clock.advance(HOUR)
    program.sweep()


def test_a_summary_that_later_reviews_replaced_is_left_until_they_are_retracted_too(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    model.think = lambda _document, _turn: [finish("The first summary.")]
    program.sweep()
    for said in ("The second summary.", "The third summary."):
        summarised(box, program, model, one, said)
    for _ in range(2):
        done = program.run("retract", "1")
        assert (done.code, done.out.count("was replaced by a later review")) == (0, 1)
        assert [words(one) for one in posted(box)] == ["The third summary."]
    assert "was replaced by a later review" in program.run("retract", "2").out
    assert [words(one) for one in posted(box)] == ["The third summary."]
    # What was retracted is not put back.
    program.run("retract", "3")
    box.clock.advance(HOUR)
    program.sweep()
    assert posted(box) == []


def test_the_comments_of_a_review_go_though_its_summary_was_replaced(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = reviewed(box, program, model, rfcs)
    summarised(box, program, model, one, "The second summary.")
    out = program.run("retract", "1").out
    assert ("was replaced by a later review" in out, "finding" in out) == (True, True)
    assert len(posted(box)) == 1
    assert "The second summary." in words(posted(box)[0])


def test_what_could_not_be_taken_back_is_taken_back_by_the_next_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = reviewed(box, program, model, rfcs)
    box.world.unshare(one)
    assert program.run("retract", "1").code == 3
    box.clock.advance(HOUR)
    program.run("--once")
    box.world.share(one)
    box.clock.advance(HOUR)
    program.sweep()
    assert posted(box) == []


def test_retract_holds_back_what_is_still_on_its_way(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "queues", "Which?"), finish()]
    box.faults.plant(FaultKind.OVERLOADED, "POST", "/v1/comments", times=None)
    program.run("--once")
    box.faults.clear()
    assert "held back" in program.run("retract", "1").out
    box.clock.advance(HOUR)
    program.run("--once")
    assert posted(box) == []


def test_retract_finds_a_comment_whose_answer_was_lost(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, state_left_unclear: None
) -> None:
    assert len(posted(box)) == 1
    assert "deleted" in program.run("retract", "1").out
    assert posted(box) == []


@pytest.fixture
def state_left_unclear(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> None:
    """A comment that was saved, whose answer was lost, and that nobody could look for since."""
    page(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "queues", "Which?"), finish()]
    box.faults.plant(FaultKind.SAVED, "POST", "/v1/comments")
    saved = [False]

    def blind(method: str, path: str) -> object:
        saved[0] |= (method, path) == ("POST", "/v1/comments")
        return None

    box.faults.policy = blind  # type: ignore[assignment]
    box.faults.plant(FaultKind.SERVER_ERROR, "GET", "/v1/comments", times=None, skip=2)
    program.run("--once")
    box.faults.clear()


def test_retract_waits_for_a_page_that_is_not_shared_now(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = reviewed(box, program, model, rfcs)
    box.world.unshare(one)
    done = program.run("retract", "1")
    assert done.code == 3
    assert "restore or share it, and the next sweep does" in done.err
    box.world.share(one)
    assert len(posted(box)) == 2
    assert program.run("retract", "1").out.count("deleted") == 2
    assert posted(box) == []


def test_retract_twice_and_of_nothing_is_said_and_harmless(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    reviewed(box, program, model, rfcs)
    program.run("retract", "1")
    assert program.run("retract", "1").code == 0
    done = program.run("retract", "99")
    assert done.code == 2
    assert "review 99" in done.err


# --- what is printed, and where


def test_once_with_json_prints_the_sweep_and_nothing_else(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    page(box, rfcs)
    done = program.run("--once", "--json")
    assert json.loads(done.out)["outcome"] == "ok"
    assert all(json.loads(line)["event"] for line in done.err.splitlines())


def test_the_lines_of_a_sweep_carry_its_number_and_those_of_a_page_its_id(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    one = page(box, rfcs)
    done = program.run("--once")
    lines = [json.loads(line) for line in done.err.splitlines()]
    by_event = {line["event"]: line for line in lines}
    assert all("sweep" in line for line in lines)
    assert by_event["page.reviewed"]["page"] == one
    assert "page" not in by_event["sweep.done"]
    assert sum(line["event"] == "sweep.done" for line in lines) == 1


def test_a_request_that_is_sent_again_is_told_only_where_asked_for(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    for given, told in (([], []), (["--verbose"], ["request.retried"])):
        box.faults.plant(FaultKind.SERVER_ERROR, "POST", "/v1/data_sources/*/query")
        done = program.run("--once", *given)
        assert done.code == 0
        events = [json.loads(line)["event"] for line in done.err.splitlines()]
        assert [event for event in events if "retr" in event] == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nonsense"], "no such command 'nonsense'"),
        (["--jsn"], "did you mean '--json'"),
        (["--json"], "--json needs --once"),
        (["--once", "status"], "before status mean nothing"),
        (["review"], "missing argument 'PAGE'"),
        (["review", "somewhere"], "somewhere: is neither an id"),
        (["retract", "one"], "'one' is not a valid integer"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_2(
    program: Program, rfcs: str, words: list[str], told: str
) -> None:
    done = program.run(*words)
    assert (done.code, done.out) == (2, "")
    [line] = done.err.splitlines()
    assert line.startswith("notion-review: ")
    assert told in line


def test_options_may_stand_before_and_after_a_command(program: Program, rfcs: str) -> None:
    path = str(program.folder / "config.yaml")
    assert program.run("--config", path, "status").code == 0
    assert program.run("status", "--config", path).code == 0
    assert program.run("status", "--config", "/nowhere.yaml").code == 78


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_help_fits_a_terminal_of_80_columns(program: Program, rfcs: str, name: str) -> None:
    for given in (["--help"], [name, "--help"]):
        out = program.run(*given).out
        assert out.startswith("Usage: notion-review ")
        assert max(map(len, out.splitlines())) <= 80
        assert "..." not in re.sub(r"\[[A-Z]+\]\.\.\.", "", out)


def test_a_bug_is_one_line_and_its_traceback_needs_to_be_asked_for(
    program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError(f"with {ANTHROPIC_KEY}")

    monkeypatch.setattr("daemon.operations.check.check", broken)
    done = program.run("check")
    assert done.code == 1
    [line] = done.err.splitlines()
    assert "internal error" in line
    verbose = program.run("check", "--verbose").err
    assert "Traceback" in verbose
    assert ANTHROPIC_KEY not in line + verbose


# --- the process as a whole


def alone(program: Program, *words: str, code: str = MAIN) -> str:
    """Run in a process of its own; return what it printed."""
    program.write()
    env = {**os.environ, **program.env, "COVERAGE_PROCESS_START": ""}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=program.folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, sep="\\n"))
from daemon.cli.main import main
sys.argv[0] = "notion-review"
main()
"""
HEAVY = {"anthropic", "openai", "pydantic_ai", "rich", "starlette", "uvicorn", "genai_prices"}


def test_an_idle_run_loads_nothing_heavy_and_check_little(program: Program, rfcs: str) -> None:
    """The time of `check` is that of its imports: 374 modules, of which click alone brings 103."""
    program.config["state"] = "state.db"
    program.sweep()
    for command in ("status", "--once"):
        assert HEAVY & {*alone(program, command, code=LOADED).splitlines()} == set()
    loaded = alone(program, "check", code=LOADED).splitlines()
    others = {"asyncio", "httpx", "notion_client", "structlog"}
    assert (HEAVY | others) & {*loaded} == set()
    assert len(loaded) < 420


def unread(program: Program, *words: str, closed: str) -> tuple[int, str]:
    """Run where nobody reads a stream; return the exit code, and what the other one got."""
    program.write()
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *words],
        cwd=program.folder,
        env={**os.environ, **program.env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        ends, reads = (running.stdout, running.stderr)[:: 1 if closed == "stdout" else -1]
        assert ends is not None
        assert reads is not None
        ends.close()
        said = reads.read()
    return running.returncode, said


def test_a_reader_that_has_had_enough_ends_the_program_in_peace(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page(box, rfcs)
    model.think = lambda _document, _turn: [finish("Say which queue.")]
    assert unread(program, "status", closed="stdout") == (0, "")
    code, said = unread(program, "--once", "--dry-run", closed="stdout")
    assert code == 0
    assert "internal error" not in said
    assert "Traceback" not in said


def test_a_sweep_whose_log_nobody_reads_posts_all_the_same(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page(box, rfcs)
    model.think = lambda _document, _turn: [finish("Say which queue.")]
    assert unread(program, "--once", closed="stderr") == (0, "")
    assert len(posted(box)) == 1
    assert program.run("status", "--json").json["pages"]["done"] == 1


def test_a_database_whose_title_breaks_its_line_is_named_in_one(
    box: Sandbox, program: Program
) -> None:
    made = box.world.database("RFCs\nof the team")
    program.config["databases"].append({"id": made.id})
    program.sweep()
    for command in ("status", "doctor"):
        assert "RFCs of the team" in program.run(command).out


def test_the_review_of_one_page_is_not_the_last_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    assert program.run("review", one).code == 0
    assert program.run("status", "--json").json["last_sweep"] is None
    program.sweep()
    swept = program.run("status", "--json").json["last_sweep"]
    assert program.run("review", one, "--json").json["pages_reviewed"] == 1
    assert program.run("status", "--json").json["last_sweep"] == swept


def test_a_review_of_a_paused_page_says_that_it_is_paused_and_why_it_goes_on(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    one = page(box, rfcs)
    program.sweep()
    program.run("pause", one)
    done = program.run("review", one, "--json")
    assert done.json["pages_reviewed"] == 1
    assert "it is reviewed once, since you asked for it, and stays paused" in done.err
    assert f"notion-review resume {one}" in done.err
    assert "it is reviewed once" in program.run("explain", one).out
    assert program.run("status", "--json").json["pages"]["paused"] == 1
    program.run("resume", one)
    assert "paused" not in program.run("review", one).err
