"""Alerts through the program: raised once, over once, and never for what is not configured."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from daemon.domain.values import Outcome, Review, ReviewKind, Usage
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.state import Doing
from daemon.store import reviews
from daemon.store.database import open_state
from support.program import NOW, Done, Program, ScriptedModel, comment, posted
from support.vendor_server import Reply, anthropic_message, text


HOUR = timedelta(hours=1)


def said(done: Done, event: str) -> list[str]:
    """The alerts of one kind of event, by name."""
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    return [line["alert"].split()[0] for line in lines if line["event"] == event]


def sweep(box: Sandbox, program: Program) -> Done:
    box.clock.advance(HOUR)
    return program.run("--once")


def standing(program: Program) -> list[str]:
    found = program.run("status", "--json").json["alerts"]
    return [alert["name"].split()[0] for alert in found]


def page(box: Sandbox, source: str, title: str = "Queues") -> Any:
    text = blocks.paragraph("We need queues.")
    return box.world.page(source, title, [text], at=box.clock() - HOUR / 2)


@pytest.fixture
def prompt(box: Sandbox, program: Program, rfcs: str) -> Any:
    """A prompt page that broke after a first review; people were told."""
    made = box.world.page(None, "Prompt", [blocks.paragraph("Be strict.")], at=NOW - HOUR)
    program.config["databases"][0]["prompt"] = made.id
    page(box, rfcs)
    program.sweep()
    box.world.rewrite(made, [])
    box.clock.advance(HOUR)
    page(box, rfcs, "Logs")
    assert said(program.sweep(), "alert.raised") == ["prompt"]
    return made


def test_a_prompt_that_is_mended_is_over_though_nothing_is_to_be_reviewed(
    box: Sandbox, program: Program, prompt: Any
) -> None:
    program.config["watch_requests"] = 0
    quiet = sweep(box, program)
    assert said(quiet, "alert.raised") == said(quiet, "alert.over") == []
    box.world.rewrite(prompt, [blocks.paragraph("Be kind.")])
    assert said(sweep(box, program), "alert.over") == ["prompt"]
    assert standing(program) == []


def test_a_broken_prompt_that_the_config_names_no_more_is_over(
    box: Sandbox, program: Program, prompt: Any
) -> None:
    del program.config["databases"][0]["prompt"]
    assert said(sweep(box, program), "alert.over") == ["prompt"]


def test_two_databases_with_one_broken_prompt_are_both_over_when_it_is_mended(
    box: Sandbox, program: Program, prompt: Any
) -> None:
    other = box.world.database("Decisions")
    program.config["databases"].append({"id": other.id, "prompt": prompt.id})
    box.clock.advance(HOUR)
    page(box, other.id)
    program.run("--once")
    assert standing(program) == ["prompt", "prompt"]
    box.world.rewrite(prompt, [blocks.paragraph("Be kind.")])
    assert said(sweep(box, program), "alert.over") == ["prompt", "prompt"]


def test_a_page_is_not_held_up_by_the_prompt_of_another_database(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    empty = box.world.page(None, "Prompt", [])
    program.config["databases"][0]["prompt"] = empty.id
    other = box.world.database("Decisions")
    program.config["databases"].append({"id": other.id})
    held, free = page(box, rfcs), page(box, other.id)
    model.think = lambda _document, _turn: Reply("down", 503)
    sweep(box, program)
    assert sorted(standing(program)) == ["models", "prompt"]
    assert "RFCs is not reviewed" in program.run("explain", held.id).out
    [why] = [line for line in program.run("explain", free.id).out.splitlines() if "why:" in line]
    assert "no model could review" in why
    assert "prompt" not in why


def test_a_database_that_was_lost_and_then_left_out_of_the_config_is_over(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    other = box.world.database("Decisions")
    program.config["databases"].append({"id": other.id})
    program.sweep()
    box.world.unshare(other.id)
    lost = sweep(box, program)
    assert (lost.code, said(lost, "alert.raised")) == (3, ["access"])
    assert said(sweep(box, program), "alert.raised") == []
    program.config["databases"].pop()
    assert said(sweep(box, program), "alert.over") == ["access"]


@pytest.mark.parametrize("reviewed_before", [True, False])
def test_a_short_outage_is_no_alert_about_the_prompt_and_one_that_lasts_is(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, *, reviewed_before: bool
) -> None:
    prompt = box.world.page(None, "How we review", [blocks.paragraph("Be strict.")], at=NOW - HOUR)
    program.config["databases"][0] |= {"prompt": prompt.id, "name": "RFCs"}
    if reviewed_before:
        page(box, rfcs, "First")
        program.sweep()
    # The sweep that reads it ends the row, so two outages of two sweeps are none of three.
    for number, outage in enumerate([True, True, False, True, True, True]):
        box.world.page(rfcs, f"Page {number}", [blocks.paragraph("We need queues.")])
        box.clock.advance(6 * HOUR)
        if outage:
            box.faults.plant("unavailable", "GET", f"/v1/pages/{prompt.id}", times=None)
        done = program.run("--once", "--json")
        assert ("prompt.not_read" in done.err) == outage
        # From the sweep that reads it on, there is a good version.
        expected = (0, 1) if reviewed_before or number > 2 else (0, 3) if number == 2 else (3, 0)
        assert (done.code, done.json["pages_reviewed"]) == expected
        assert standing(program) == (["prompt"] if number == 5 else [])
        box.faults.clear()
    [told] = program.run("status", "--json").json["alerts"]
    assert "of RFCs" in told["text"]
    assert prompt.id not in told["text"]
    page(box, rfcs, "Last")
    assert said(sweep(box, program), "alert.over") == ["prompt"]


def test_an_alert_names_a_page_by_its_title(
    box: Sandbox, program: Program, model: ScriptedModel, prompt: Any, rfcs: str
) -> None:
    [told] = program.run("status", "--json").json["alerts"]
    assert "the prompt page “Prompt” of " in told["text"]
    assert prompt.id not in told["text"]


def test_an_outage_of_one_prompt_page_that_lasts_is_told_for_each_of_its_databases(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    prompt = box.world.page(None, "Prompt", [blocks.paragraph("Be strict.")], at=NOW - HOUR)
    other = box.world.database("Decisions")
    program.config["databases"] = [{"id": one, "prompt": prompt.id} for one in (rfcs, other.id)]
    box.faults.plant("unavailable", "GET", f"/v1/pages/{prompt.id}", times=None)
    for number in range(3):
        assert standing(program) == []
        for place in (rfcs, other):
            box.world.page(place, f"Page {number}", [blocks.paragraph("We need queues.")])
        sweep(box, program)
    assert standing(program) == ["prompt", "prompt"]


def test_status_names_a_prompt_page_whose_comment_is_refused_by_its_title(
    box: Sandbox, program: Program, model: ScriptedModel, prompt: Any, rfcs: str
) -> None:
    box.world.refuse(prompt, Doing.CHANGE_COMMENT)
    box.world.rewrite(prompt, [blocks.code("limits: 3", language="yaml"), blocks.paragraph("x")])
    sweep(box, program)
    [failed] = program.run("status", "--json").json["failed_pages"]
    assert failed["title"] == "Prompt"


def test_a_week_with_surely_more_reviews_than_before_is_told_with_the_next_days_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    made = page(box, rfcs)
    program.sweep()
    held = Review(Outcome.DONE, (), (), (), "", (), "m", Usage())
    with closing(open_state(program.folder / "state/notion-review.db")) as db, db.atomic():
        for hours in (24 * 50, *range(36, 76)):
            at = box.clock() - hours * HOUR
            values = {"kind": ReviewKind.REVIEW, "prompt": "", "content_hash": "", "at": at}
            reviews.add(db, made.id, held, sweep_id=None, **values)
    assert said(sweep(box, program), "alert.raised") == []  # this day was looked at
    box.clock.advance(14 * HOUR)
    assert said(sweep(box, program), "alert.raised") == ["surge"]
    [told] = program.run("status", "--json").json["alerts"]
    assert "41 reviews (0.00 a week before)" in told["text"]
    assert said(sweep(box, program), "alert.raised") == []


def test_reviews_that_were_cut_off_after_a_comment_brought_something(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    cut = Reply(anthropic_message(text("It is"), stop="max_tokens"))
    says = [comment("B1", "We need queues", "Which load shows it?")]
    model.think = lambda _, turn: cut if turn else says
    for number in range(6):
        page(box, rfcs, f"Queues {number}")
    sweep(box, program)
    assert any("Which load" in str(one.rich_text) for one in posted(box))
    assert standing(program) == []
    model.think = lambda _, __: cut
    box.clock.advance(HOUR)
    for number in range(6):
        page(box, rfcs, f"Logs {number}")
    sweep(box, program)
    assert standing(program) == ["empty"]
