"""What Notion refuses of one object for ever is that object's alone, and an operator reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import ApiRefusal, FaultKind, invalid, missing, restricted
from daemon.sandbox.state import Doing
from support.program import (
    NOW,
    Call,
    Program,
    ScriptedModel,
    comment,
    finish,
    plain,
    posted,
    reply,
)
from support.rows import pairs


HOUR = timedelta(hours=1)
TEXT = "We need queues because the poller is slow."
DOINGS = {
    "read": Doing.READ,
    "list blocks": Doing.LIST_BLOCKS,
    "list comments": Doing.LIST_COMMENTS,
    "comment": Doing.COMMENT,
    "change comment": Doing.CHANGE_COMMENT,
}
REFUSALS = {
    "403": restricted(),
    "404": missing("page", "that", "bot", "RFC reviewer"),
    "400": invalid("Something is wrong with this."),
    "400 permission": invalid("You don't have permission to comment on this page."),
    "503": ApiRefusal(503, "service_unavailable", "Public API service is unavailable."),
}


def write(box: Sandbox, target: str, title: str) -> Any:
    """Write a page: an hour ago where nothing was swept yet, so that it has settled, else now."""
    at = box.clock() - HOUR if box.clock() == NOW else box.clock()
    return box.world.page(target, title, [blocks.paragraph(TEXT)], at=at)


def review_and_answer(document: str, _turn: int) -> list[Call]:
    handles = [line[1:].split()[0] for line in document.splitlines() if line.startswith("[T")]
    answers = [reply(one, "The slow ones.") for one in handles if ", new: " in document]
    return [*answers, comment("B1", "queues", "Which ones?"), finish("Say which.")]


def on(box: Sandbox, page: Any) -> list[str]:
    """The bot's comments on a page and its blocks."""
    places = {page.id, *(block.id for block in box.world.blocks(page))}
    return [plain(one) for one in posted(box) if one.parent_id in places]


def failed(program: Program) -> dict[str, str]:
    """What `status` says of each page that failed or is refused."""
    found = program.run("status", "--json").json
    words = program.run("status").out
    assert all(f"failed       {one['title']}: " in words for one in found["failed_pages"])
    return {one["title"]: one["error"] for one in found["failed_pages"]}


def alerts(program: Program) -> set[str]:
    return {one["name"].split()[0] for one in program.run("status", "--json").json["alerts"]}


@pytest.mark.parametrize(("doing", "refusal"), pairs(DOINGS, REFUSALS))
def test_what_is_refused_of_one_page_keeps_no_other_from_its_review_and_nobody_from_an_answer(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    doing: Doing,
    refusal: ApiRefusal,
) -> None:
    program.config["limits"] = {"concurrent_reviews": 1}
    model.think = review_and_answer
    first, other = (write(box, rfcs, title) for title in ("Refused", "Other"))
    box.world.refuse(first, doing, refusal=refusal)
    program.run("--once")
    assert len(on(box, other)) == 2
    asked = [box.world.comment(box.world.blocks(page)[0], "Which?") for page in (first, other)]
    box.clock.advance(HOUR)
    late = write(box, rfcs, "Late")
    for page in (first, other):
        box.world.edit_block(box.world.blocks(page)[0], f"{TEXT} Really.")
    box.clock.advance(2 * HOUR)
    for _ in range(2):
        done = program.run("--once", "--json")
        assert done.code in (0, 3)
        box.clock.advance(HOUR)
    assert [one.discussion_id for one in posted(box)].count(asked[1].discussion_id) == 1
    assert len(on(box, late)) == 2
    assert not alerts(program) & {"capability", "reading comments", "sweeps"}
    # A comment that is gone when it is to be edited was deleted by somebody: that is no failure.
    is_gone = (doing, refusal) == (Doing.CHANGE_COMMENT, REFUSALS["404"])
    assert set(failed(program)) == (set() if is_gone else {"Refused"})


@pytest.mark.parametrize("doing", [Doing.LIST_BLOCKS, Doing.COMMENT, Doing.LIST_COMMENTS])
def test_an_operator_reads_what_is_refused_and_asks_for_it_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, doing: Doing
) -> None:
    model.think = review_and_answer
    first = write(box, rfcs, "Refused")
    write(box, rfcs, "Other")
    if doing is Doing.LIST_COMMENTS:
        program.sweep()
        box.clock.advance(HOUR)
    box.world.refuse(first, doing)
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"]) == (3, "partial")
    assert "Insufficient permissions" in failed(program)["Refused"]
    box.world.allow(first)
    assert program.run("retry", first.id).code == 0
    box.clock.advance(HOUR)
    program.sweep()
    assert failed(program) == {}
    assert len(on(box, first)) == 2


def test_a_refused_page_is_asked_for_after_growing_waits_and_not_in_every_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = review_and_answer
    first = write(box, rfcs, "Refused")
    box.world.refuse(first, Doing.COMMENT)
    program.run("--once")
    box.requests.reset()
    for _ in range(48):
        box.clock.advance(timedelta(minutes=30))
        program.run("--once")
    asked = box.requests.count("POST", "/v1/comments")
    assert 5 <= asked <= 9


def test_the_comments_of_a_refused_page_are_asked_for_after_growing_waits_too(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = review_and_answer
    first = write(box, rfcs, "Refused")
    program.sweep()
    box.clock.advance(HOUR)
    box.world.refuse(first, Doing.LIST_COMMENTS)
    box.requests.reset()
    for _ in range(8):
        box.clock.advance(timedelta(minutes=10))
        program.run("--once")
    assert 3 <= box.requests.count("GET", "/v1/comments") <= 5


def test_a_capability_that_is_off_is_told_and_the_alert_ends_with_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["limits"] = {"concurrent_reviews": 1}
    model.think = review_and_answer
    written = [write(box, rfcs, f"RFC {number}") for number in range(4)]
    bots = box.world.state.bots
    bots[box.bot.id] = replace(box.bot, insert_comments=False)
    done = program.run("--once", "--json")
    assert done.code == 3
    assert (done.json["pages_reviewed"], alerts(program)) == (0, {"capability"})
    assert len(model.sent) == 2  # what every page would meet is not tried with every page
    bots[box.bot.id] = box.bot
    box.clock.advance(HOUR)
    program.sweep()
    assert alerts(program) == set()
    assert [len(on(box, page)) for page in written] == [2, 2, 2, 2]


def test_two_pages_that_are_refused_in_a_row_keep_the_third_waiting_for_one_sweep_at_most(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["limits"] = {"concurrent_reviews": 1}
    model.think = review_and_answer
    written = [write(box, rfcs, f"RFC {number}") for number in range(3)]
    for page in sorted(written, key=lambda page: page.id)[:2]:
        box.world.refuse(page, Doing.COMMENT)
    program.run("--once")
    box.clock.advance(HOUR)
    program.run("--once")
    assert len(posted(box)) == 2
    assert alerts(program) == set()


# Data sources


def test_a_deleted_data_source_is_dropped_once_and_the_others_are_swept(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    more = [box.world.source(rfcs, f"Part {number}") for number in range(3)]
    for source in more:
        write(box, source.id, f"In {source.title}")
    program.sweep()
    box.world.delete_source(more[1])
    box.clock.advance(HOUR)
    for source in (more[0], more[2]):
        write(box, source.id, f"New in {source.title}")
    box.clock.advance(HOUR)
    done = program.run("--once", "--json", "--verbose")
    assert (done.code, done.json["pages_reviewed"]) == (0, 2)
    assert "source.gone" in done.err
    box.clock.advance(HOUR)
    assert "source.gone" not in program.run("--once", "--json", "--verbose").err
    assert alerts(program) == set()


def test_one_refused_data_source_keeps_no_other_from_being_swept_whatever_their_order(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    more = [box.world.source(rfcs, f"Part {number}") for number in range(3)]
    program.sweep()
    for refused_one in more:
        box.clock.advance(HOUR)
        box.world.refuse(refused_one, Doing.QUERY)
        for source in more:
            write(box, source.id, f"In {source.title}")
        box.clock.advance(HOUR)
        done = program.run("--once", "--json")
        assert (done.code, done.json["outcome"]) == (3, "partial")
        assert done.json["pages_reviewed"] >= 2
        assert alerts(program) == {"access"}
        box.world.allow(refused_one)


def test_the_view_of_another_database_is_named_with_what_to_do(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    words = (
        f"Database with ID {rfcs} is a linked database. "
        "Database retrievals do not support linked databases."
    )
    box.world.refuse(rfcs, Doing.READ, refusal=invalid(words))
    done = program.run("--once", "--json")
    assert done.code == 77
    [alert] = program.run("status", "--json").json["alerts"]
    assert alert["name"] == f"access {rfcs}"
    assert "open the original database in Notion, copy its link" in alert["text"]


def test_a_minute_with_more_pages_than_a_query_returns_is_said_and_the_sweep_goes_on_after_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.sweep()
    box.world.quirks.query_cap = 4
    for number in range(12):
        at = NOW - timedelta(days=20 - number)
        box.world.page(rfcs, f"RFC {number}", [blocks.paragraph(TEXT)], at=at, edited=NOW)
    box.clock.advance(2 * HOUR)
    late = write(box, rfcs, "Late")
    box.clock.advance(HOUR)
    program.run("--once")
    reviewed = set(titles(model))
    assert {"RFC 0", "RFC 3", "RFC 8", "RFC 11", late.name} <= reviewed
    assert not {"RFC 4", "RFC 7"} & reviewed
    assert alerts(program) == {"unlisted"}
    box.world.quirks.query_cap = 10_000
    box.clock.advance(25 * HOUR)
    program.sweep()
    assert alerts(program) == set()


def titles(model: ScriptedModel) -> list[str]:
    lines = [line for document in model.documents for line in document.splitlines()]
    return [line.removeprefix("Title: ") for line in lines if line.startswith("Title: ")]


# Content


@pytest.mark.parametrize(
    ("refused", "stands"),
    [
        ("", {"links", "marks", "text"}),
        ("links", {"marks", "text"}),
        ("marks", {"text"}),
        ("text", set[str]()),
    ],
)
def test_a_comment_that_is_refused_for_its_content_gets_plainer_and_is_dropped_last(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    refused: str,
    stands: set[str],
) -> None:
    text = "As in [the plan](https://plan.example/a), **not** queues."
    page = box.world.page(rfcs, "Queues", [blocks.paragraph(text)], at=NOW - HOUR)
    model.think = lambda _document, _turn: [comment("B1", "queues", text), finish()]
    box.world.quirks.refused_content = frozenset({refused})
    program.run("--once")
    told = [item for one in posted(box) for item in one.rich_text]
    words = "".join(item["text"]["content"] for item in told)
    held = {
        "links": any(item["text"].get("link") for item in told),
        "marks": any((item.get("annotations") or {}).get("bold") for item in told),
        "text": "As in the plan, not queues." in words,
    }
    assert {name for name, there in held.items() if there} == stands
    reason = "Content creation Failed. Fix the following: Invalid URL for link."
    assert (reason in program.run("explain", page.id).out) == bool(refused)
    assert set(failed(program)) == (set() if stands else {"Queues"})
    box.world.quirks.refused_content = frozenset()
    box.world.edit_block(box.world.blocks(page)[0], f"{text} Really.")
    box.clock.advance(2 * HOUR)
    program.sweep()
    assert failed(program) == {}


# Another try


@pytest.mark.parametrize("kind", [FaultKind.OVER_BUDGET, FaultKind.OVER_BUDGET_SAVED])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/blocks/*/children"), ("POST", "/v1/comments"), ("POST", "/v1/data_sources/*")],
)
def test_what_asks_for_another_try_is_tried_again_and_no_comment_is_lost_or_doubled(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    kind: FaultKind,
    method: str,
    path: str,
) -> None:
    model.think = review_and_answer
    page = write(box, rfcs, "Queues")
    box.faults.plant(kind, method, path, times=2)
    for _ in range(3):
        program.run("--once")
        box.clock.advance(HOUR)
    assert sorted(on(box, page)) == sorted(set(on(box, page)))
    assert len(on(box, page)) == 2
