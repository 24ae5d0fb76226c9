"""`eval`, seen through the program: what it sends, keeps, spends, and says."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import evaluation
from daemon.operations import status
from daemon.sandbox import Sandbox
from support.program import NOW, Program, ScriptedModel, comment, finish, posted
from support.vendor_server import Reply, anthropic_message, tool_use


HOUR = timedelta(hours=1)
DOCUMENT = """---
title: Limit what one client may ask for
status: In review
owner: Ana Costa
---
## Proposal

A gate counts the requests of each client for 60 seconds; nothing over the limit may pass.

If the gate is slow, the proxy waits 50 milliseconds, see Failure modes below.

## Failure modes

The gate stops: the proxy waits 50 milliseconds and then sends requests on.
"""


class Clock(datetime):
    """A clock that stands: the day must not end between a sweep and an evaluation."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return NOW.astimezone(tz)


@pytest.fixture(autouse=True)
def _day(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (evaluation, status):
        monkeypatch.setattr(module, "datetime", Clock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "documents"
    made.mkdir()
    (made / "limit.md").write_text(DOCUMENT)
    return made


@pytest.fixture
def box(folder: Path) -> Sandbox:
    return Sandbox.importing(folder, clock=lambda: NOW)


@pytest.fixture
def database(box: Sandbox, program: Program) -> str:
    """The folder's documents, as a configured database with a prompt page."""
    [id_] = box.world.state.databases
    entry = {"id": id_, "prompt": box.prompt.id, "properties": ["Status", "Owner"]}
    program.config["databases"].append(entry)
    return id_


def evaluated(program: Program, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = program.run("eval", "--json", *arguments)
    assert done.code == code, done.err
    return done.json


def page_of(box: Sandbox) -> str:
    [page] = [one for one in box.world.state.pages.values() if one.parent.kind == "data_source_id"]
    return page.id


def about_number(document: str, _turn: int) -> list[Any]:
    """Find a number that differs from the 50 milliseconds of the other place; say nothing else."""
    lines = [one for one in document.splitlines() if "milliseconds" in one]
    wrong = [one for one in lines if "50 milliseconds" not in one]
    made = [
        comment(one[1:].split("]")[0], "milliseconds", "Elsewhere stands 50 milliseconds.")
        for one in wrong
    ]
    return [*made, finish()]


def test_eval_sends_what_a_sweep_sends_for_the_same_page_byte_for_byte(
    program: Program, box: Sandbox, database: str, folder: Path, model: ScriptedModel
) -> None:
    box.clock.set(NOW)
    program.sweep()
    [swept] = model.sent
    model.sent.clear()
    evaluated(program, "--folder", str(folder))
    untouched = [one for one in model.sent if one.raw == swept.raw]
    assert len(untouched) == 1
    assert swept.raw
    planted = [one for one in model.sent if one.body != swept.body]
    assert {json.dumps(one.body["system"]) for one in planted} == {json.dumps(swept.body["system"])}
    assert planted


def test_eval_writes_nothing_to_notion_and_reads_the_prompt_page_alone(
    program: Program, box: Sandbox, database: str, folder: Path
) -> None:
    evaluated(program, "--folder", str(folder))
    asked = {f"{one.method} {one.path}" for one in box.requests.log}
    assert all(one.startswith("GET ") for one in asked)
    assert not [one for one in asked if page_of(box) in one]
    assert posted(box) == []


def test_a_reviewer_is_measured_by_what_it_finds(
    program: Program, database: str, folder: Path, model: ScriptedModel
) -> None:
    model.think = about_number
    found = evaluated(program, "--folder", str(folder))
    assert found["measures"]["recall.number"]["value"] == 1.0
    assert found["measures"]["recall.reference"]["value"] == 0.0
    assert found["measures"]["clean"]["value"] == 1.0
    assert found["severity"]["true"] == {"blocking": 0, "important": 1, "minor": 0}
    assert found["cost_per_true_point_usd"] > found["cost_per_review_usd"] > 0
    assert found["reviews"] == found["planned"] == len(model.sent)


def test_what_is_kept_is_not_reviewed_again_and_holds_no_words(
    program: Program, database: str, folder: Path, model: ScriptedModel
) -> None:
    model.think = about_number
    first = evaluated(program, "--folder", str(folder))
    model.sent.clear()
    again = evaluated(program, "--folder", str(folder))
    assert model.sent == []
    assert (again["made"], again["results"]) == (0, first["results"])
    kept = program.folder / "state/evaluations.jsonl"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "milliseconds" not in kept.read_text()
    # Another document, prompt, model or setting is another review.
    program.config["answer_tokens"] = 5000
    assert evaluated(program, "--folder", str(folder))["made"] == first["reviews"]


def test_a_budget_ends_it_cleanly_and_the_next_run_goes_on(
    program: Program, database: str, folder: Path, model: ScriptedModel
) -> None:
    program.config["limits"] = {"concurrent_reviews": 1}
    used = {"input_tokens": 100_000, "output_tokens": 20_000}  # 0.40 USD
    model.think = lambda _document, _turn: Reply(
        anthropic_message(tool_use("finish", summary="", question=""), stop="tool_use", **used)
    )
    done = program.run("eval", "--json", "--folder", str(folder), "--budget", "1")
    part = done.json
    assert done.code == 3
    assert (part["reviews"], part["cost_usd"]) == (2, 0.8)
    assert "--budget: 0.80 of 1.00 USD are spent, and the next request may cost 0." in done.err
    assert "2 of 3 reviews are made" in done.err
    rest = evaluated(program, "--folder", str(folder))
    assert (rest["made"], rest["reviews"], len(model.sent)) == (1, 3, 3)


def test_a_budget_without_a_price_is_refused(program: Program, database: str, folder: Path) -> None:
    program.env["OPENAI_API_KEY"] = "sk-planted-fedcba9876543210fedc"
    done = program.run("eval", "--model", "openai:own-model", "--budget", "1")
    assert done.code == 78
    assert "the price of this model is not known" in done.err


def test_what_it_spends_counts_for_the_day_and_for_no_page(
    program: Program, box: Sandbox, database: str, folder: Path
) -> None:
    program.config["limits"] = {"tokens_per_page": 100_000}
    made = evaluated(program, "--folder", str(folder))
    spent = program.run("status", "--json").json["spent_this_month"]
    assert spent["cost_usd"] == pytest.approx(made["cost_usd"], abs=1e-6)
    assert program.sweep().json["pages_reviewed"] == 1


def test_the_rules_are_measured_without_config_key_or_network(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(program, "write", lambda: None)
    program.env.clear()
    found = evaluated(program)
    assert found["models"] == ["offline"]
    assert found["documents"] == 6
    assert {found["measures"][f"recall.{kind}"]["n"] for kind in ("number", "step")} == {6}
    assert found["measures"]["clean"]["value"] == 1.0
    assert found["measures"]["recall.step"]["part"] >= 3
    assert list(tmp_path.glob("**/*.db")) == []


def test_two_runs_are_compared_case_by_case(
    program: Program, database: str, folder: Path, model: ScriptedModel, tmp_path: Path
) -> None:
    model.think = about_number
    before = program.run("eval", "--json", "--folder", str(folder))
    (tmp_path / "before.json").write_text(before.out)
    model.think = lambda _document, _turn: [finish()]
    against = ("--folder", str(folder), "--against", "before.json", "--out", "now.jsonl")
    found = evaluated(program, *against)["against"]
    assert found["verdict"] == "cannot tell"  # one defect more or less is chance
    assert (found["measures"]["recall"]["now"], found["measures"]["recall"]["before"]) == (0, 1)
    said = program.run("eval", *against)
    assert "Against the other run: cannot tell" in said.out
    assert "\npoints on planted defects: 0 blocking, 0 important, 0 minor\n" in said.out


@pytest.mark.parametrize(
    ("floor", "code", "said"),
    [
        ("recall=0.1", 0, ""),
        ("recall=0.9", 3, "--fail-below recall=0.9: it is 0.500"),
        ("lift=1", 3, "there was nothing to measure it by"),
        ("false_points=1", 2, "give one of recall"),
        ("recall=much", 2, "write it as recall=0.4"),
    ],
)
def test_a_floor_ends_it_with_3(
    program: Program, database: str, folder: Path, model: ScriptedModel, floor, code, said
) -> None:
    model.think = about_number
    done = program.run("eval", "--folder", str(folder), "--fail-below", floor)
    assert done.code == code, done.err
    assert said in done.err


def test_kept_texts_tell_what_was_changed_later_and_which_points_hold(
    program: Program, box: Sandbox, database: str, model: ScriptedModel
) -> None:
    place = box.world.blocks(page_of(box))[1]

    def about_gate(document: str, _turn: int) -> list[Any]:
        line = next((one for one in document.splitlines() if "A gate counts" in one), "")
        words = comment(line[1:].split("]")[0], "A gate counts", "Say which gate this is.")
        return [words, finish()] if line else [finish()]

    model.think = about_gate
    program.sweep()
    box.clock.set(NOW + HOUR)
    box.world.edit_block(place, "The proxy counts, in `limit-gate`.")
    box.clock.set(NOW + 2 * HOUR)
    program.sweep()
    model.sent.clear()
    found = evaluated(program, "--last", "5")
    assert found["documents"] == 2
    measures = found["measures"]
    assert (measures["hindsight"]["part"], measures["hindsight"]["n"]) == (1, 1)
    assert measures["changed_blocks"]["part"] == 1
    first = next(one for one in model.documents if "A gate counts" in one)
    assert "Document:\n[B1] ## Proposal\n[B2] A gate counts" in first


def test_a_state_without_texts_and_half_of_a_pair_are_mistakes_told_in_one_line(
    program: Program, database: str, folder: Path
) -> None:
    done = program.run("eval", "--last", "3")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "keeps no text" in done.err
    (folder / "alone.draft.md").write_text(DOCUMENT)
    done = program.run("eval", "--folder", str(folder))
    assert done.code == 2
    assert "alone.draft.md has no other half of its pair" in done.err


def test_pairs_of_draft_and_final_are_held_against_each_other(
    program: Program, folder: Path, tmp_path: Path, model: ScriptedModel, database: str
) -> None:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    (pairs / "limit.draft.md").write_text(DOCUMENT)
    later = DOCUMENT.replace("The gate stops:", "The gate stops for a while:")
    (pairs / "limit.final.md").write_text(later)

    def about_stop(document: str, _turn: int) -> list[Any]:
        line = next(one for one in document.splitlines() if "The gate stops" in one)
        return [comment(line[1:].split("]")[0], "The gate stops", "For how long?"), finish()]

    model.think = about_stop
    found = evaluated(program, "--folder", str(pairs))
    assert found["reviews"] == 1
    assert found["measures"]["hindsight"]["value"] == 1.0
    assert found["measures"]["changed_blocks"]["part"] == 1
    assert found["measures"]["lift"]["value"] == 5.0
