"""Edits are found and nothing is deleted, whatever the `Date` of an answer says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import FaultKind
from support.program import NOW, Program, ScriptedModel, comment, finish
from support.rows import some


HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)
TEXT = "We need queues because the poller is slow."


def write(box: Sandbox, rfcs: str, title: str, at: datetime | None = None) -> Any:
    return box.world.page(rfcs, title, [blocks.paragraph(TEXT)], at=at or box.clock())


def checkpoint(program: Program) -> datetime:
    [database] = program.run("status", "--json").json["databases"]
    return datetime.fromisoformat(database["checkpoint"])


def decisions(program: Program, page: Any) -> list[str]:
    return program.run("explain", page.id).out.partition("\ndecisions")[2].splitlines()


@pytest.mark.parametrize("status", [200, 407, 502])
def test_a_proxys_page_does_not_tell_the_time(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, status: int
) -> None:
    write(box, rfcs, "Queues", NOW - HOUR)
    off = YEAR.total_seconds()
    box.faults.plant(FaultKind.HTML, status=status, date_off=off, times=None, path="/v1/blocks/*")
    program.run("--once")
    box.faults.clear()
    assert checkpoint(program) <= box.clock()
    box.clock.advance(HOUR)
    write(box, rfcs, "Caches")
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 2


@pytest.mark.parametrize(
    "off",
    some(
        {"a year": YEAR, "-a year": -YEAR, "hours": 2 * HOUR, "-hours": -2 * HOUR},
        {"a year", "-hours"},
    ),
)
def test_one_sweep_whose_answers_have_a_wrong_date_hides_no_later_edit(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, off: timedelta
) -> None:
    write(box, rfcs, "Queues", NOW - HOUR)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.quirks.date_off = off.total_seconds()
    program.run("--once")
    box.world.quirks.date_off = 0
    assert checkpoint(program) <= box.clock() + timedelta(minutes=5)
    for number in range(3):
        write(box, rfcs, f"RFC {number}")
        box.clock.advance(HOUR)
        assert program.sweep().json["pages_reviewed"] == 1


@pytest.mark.parametrize("off", [YEAR, -YEAR, 3 * HOUR])
def test_a_first_sweep_whose_answers_have_a_wrong_date_hides_no_later_edit_and_reviews_no_old_page(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, off: timedelta
) -> None:
    write(box, rfcs, "Old", NOW - timedelta(days=30))
    write(box, rfcs, "Queues", NOW - HOUR)
    box.world.quirks.date_off = off.total_seconds()
    program.run("--once")
    box.world.quirks.date_off = 0
    for number in range(3):
        write(box, rfcs, f"RFC {number}")
        box.clock.advance(HOUR)
        program.sweep()
    lines = {line for document in model.documents for line in document.splitlines()}
    assert {f"Title: {one}" for one in ("Queues", "RFC 0", "RFC 1", "RFC 2")} <= lines
    assert "Title: Old" not in lines


def test_a_wrong_date_deletes_nothing_that_is_kept_and_ends_no_draft(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["databases"][0]["approve"] = "all"
    model.think = lambda _document, _turn: [comment("B1", "queues", "Which?"), finish("Say.")]
    page = write(box, rfcs, "Queues", NOW - HOUR)
    program.sweep()
    before = decisions(program, page)
    box.clock.advance(HOUR)
    box.world.quirks.date_off = YEAR.total_seconds()
    program.run("--once")
    assert before
    assert set(before) <= set(decisions(program, page))
    assert len(program.run("drafts", "--json").json["drafts"]) == 1


@pytest.mark.parametrize("off", [YEAR, -YEAR])
def test_c2_a_machine_whose_clock_is_a_year_off_finds_every_edit(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    monkeypatch: pytest.MonkeyPatch,
    off: timedelta,
) -> None:
    monkeypatch.setattr(Gateway, "machine_now", property(lambda _: box.clock() + off))
    write(box, rfcs, "Queues", NOW - HOUR)
    assert program.sweep().json["pages_reviewed"] == 1
    for number in range(3):
        box.clock.advance(HOUR)
        write(box, rfcs, f"RFC {number}")
        box.clock.advance(HOUR)
        assert program.sweep().json["pages_reviewed"] == 1


@pytest.mark.parametrize("what", ["title", "property"])
def test_an_edit_between_the_query_and_the_reading_of_a_page_is_found(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, what: str
) -> None:
    """In the minute of the query, so that the page's time never shows it."""
    program.config |= {"settle": "0s", "limits": {"concurrent_reviews": 1}}
    program.config["databases"][0]["properties"] = ["Status"]
    pages = [
        box.world.page(rfcs, title, [blocks.paragraph(TEXT)], at=box.clock(), Status="Draft")
        for title in ("One", "Two")
    ]

    def think(document: str, _turn: int) -> list[Any]:
        model.think = lambda _document, _turn: [finish()]
        [late] = [page for page in pages if f"Title: {page.name}" not in document]
        if what == "title":
            box.world.rename(late, "Renamed")
        else:
            box.world.edit_property(late, "Status", "Accepted")
        box.clock.advance(timedelta(minutes=3))
        return [finish("What is posted tells that time went on.")]

    model.think = think
    program.sweep()
    box.clock.advance(timedelta(minutes=10))
    program.sweep()
    assert ("Renamed" if what == "title" else "Accepted") in model.documents[-1]
