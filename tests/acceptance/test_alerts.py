"""Alerts through the program: raised once, over once, and never for what is not configured."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from program import NOW, Done, Program, ScriptedModel
from vendor_server import Reply

from daemon.sandbox import Sandbox, blocks


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
