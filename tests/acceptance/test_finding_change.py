"""How change is found: checkpoint, settling, baseline, census, and what is not a change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import Fault, FaultKind
from support.program import NOW, Program, ScriptedModel, comment, finish, posted
from support.rows import pairs


MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def write(box: Sandbox, rfcs: str, title: str, age: timedelta = HOUR, text: str = "Text.") -> str:
    return box.world.page(rfcs, title, [blocks.paragraph(text)], at=box.clock() - age).id


def edit(box: Sandbox, page: str, text: str) -> None:
    box.world.edit_block(box.world.blocks(page)[0], text)


def test_c7_the_first_sweep_reviews_the_last_day_and_baselines_the_rest(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    write(box, rfcs, "Old", 3 * DAY)
    page = write(box, rfcs, "New")
    done = program.sweep()
    assert done.json["pages_reviewed"] == 1
    assert '"baselined": 1' in done.err
    assert "\nTitle: New\n" in model.documents[0]
    assert "reviewed" in program.run("explain", page).out


def test_an_old_page_is_reviewed_at_its_next_edit(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, "Old", 3 * DAY)
    program.sweep()
    assert model.sent == []
    edit(box, page, "Newer text.")
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


def test_f6_a_page_being_typed_in_is_left_alone_but_not_for_ever(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config |= {"settle": "10m", "settle_limit": "1h"}
    page = write(box, rfcs, "Typed", timedelta())
    reviewed_at = []
    for minute in range(0, 90, 5):
        edit(box, page, f"Text {minute}.")
        done = program.sweep().json
        assert done["pages_waiting"] + done["pages_reviewed"] == 1
        reviewed_at += [minute] if done["pages_reviewed"] else []
        box.clock.advance(5 * MINUTE)
    assert reviewed_at == [60]


def test_f7_a_second_edit_in_the_same_minute_is_found(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["settle"] = "0s"
    page = write(box, rfcs, "Twice", timedelta())
    assert program.sweep().json["pages_reviewed"] == 1
    box.clock.advance(timedelta(seconds=10))
    edit(box, page, "Other text.")
    box.clock.advance(5 * MINUTE)
    assert program.sweep().json["pages_reviewed"] == 1
    box.clock.advance(5 * MINUTE)
    box.requests.reset()
    assert program.sweep().json["pages_reviewed"] == 0


def test_c4_a_failing_result_page_leaves_the_checkpoint_where_it_was(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.sweep()
    before = program.run("status", "--json").json["databases"][0]["checkpoint"]
    box.clock.advance(HOUR)
    box.world.quirks.page_size = 10
    for number in range(11):
        write(box, rfcs, f"Page {number}", 30 * MINUTE)
    query = "/v1/data_sources/*/query"
    box.faults.plant(Fault(FaultKind.UNAVAILABLE, "POST", query, times=20, skip=1))
    done = program.run("--once", "--json")
    box.faults.clear()
    assert (done.code, done.json["pages_reviewed"]) == (3, 10)
    assert program.run("status", "--json").json["databases"][0]["checkpoint"] == before
    assert program.sweep().json["pages_reviewed"] == 1


def test_c8_a_week_of_absence_costs_one_request_for_each_hundred_pages(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.sweep()
    program.config["limits"] = {"concurrent_reviews": 8}
    for day in range(7):
        box.clock.advance(DAY)
        for number in range(15):
            write(box, rfcs, f"Day {day}, page {number}", timedelta())
    box.clock.advance(HOUR)
    box.requests.reset()
    assert program.sweep().json["pages_reviewed"] == 105
    # Two for the edits and two for the daily census.
    assert box.requests.count("POST", "/v1/data_sources/{data_source_id}/query") == 4


def test_c9_the_cap_of_rows_narrows_the_window_and_goes_on(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    box.world.quirks.query_cap = 8
    for number in range(26):
        write(box, rfcs, f"Page {number}", number * MINUTE + 11 * MINUTE)
    assert program.sweep().json["pages_reviewed"] == 26


def test_c10_a_trashed_page_is_marked_and_a_restored_one_comes_back(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, "Here")
    program.sweep()
    box.world.trash(page)
    box.clock.advance(DAY + HOUR)
    assert program.sweep().json["outcome"] == "ok"
    assert "gone" in program.run("explain", page).out
    box.world.restore(page)
    edit(box, page, "Back again.")
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


def test_c10_a_source_that_had_pages_and_shows_none_is_an_access_problem_told_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    pages = [write(box, rfcs, f"Page {number}") for number in range(6)]
    program.sweep()
    for page in pages:
        box.world.unshare(page)
    box.clock.advance(DAY + HOUR)
    first, second = program.run("--once"), program.run("--once")
    assert first.code == 77
    assert "it had pages and shows none now" in first.err
    assert ("alert.raised" in first.err, "alert.raised" in second.err) == (True, False)
    for page in pages:
        box.world.share(page)
    edit(box, pages[0], "Still here.")
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


def test_f20_a_second_data_source_is_swept_and_said(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    write(box, rfcs, "One")
    program.sweep()
    second = box.world.source(rfcs, "More RFCs")
    box.clock.advance(DAY + HOUR)
    write(box, second.id, "Two", 30 * MINUTE)
    done = program.sweep()
    assert done.json["pages_reviewed"] == 1
    assert done.err.count("source.new") == 1
    assert "source.new" not in program.sweep().err


@pytest.mark.parametrize(
    ("where", "selected"),
    [
        ({"Status": {"not": ["Draft", "Ready"]}}, {"RFC-2 Caches", "Notes"}),
        ({"Name": {"pattern": "rfc-*"}}, {"RFC-1 Queues", "RFC-2 Caches"}),
        ({"Name": {"pattern": "RFC-*"}, "Status": {"not": "Draft"}}, {"RFC-2 Caches"}),
        ({"Name": {"pattern": ["RFC-1*", "N?tes"], "not": "RFC-1"}}, {"RFC-1 Queues", "Notes"}),
        ({"No such property": {"not": "Draft"}}, set()),
    ],
)
def test_where_takes_values_that_must_not_be_there_and_patterns_of_the_title(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    where: dict[str, Any],
    selected: set[str],
) -> None:
    for title, status in (("RFC-1 Queues", "Draft"), ("RFC-2 Caches", "In review")):
        box.world.page(rfcs, title, [blocks.paragraph("Text.")], at=NOW - HOUR, Status=status)
    box.world.page(rfcs, "Notes", [blocks.paragraph("Text.")], at=NOW - HOUR, Status="In review")
    program.config["databases"][0]["where"] = where
    program.sweep()
    titles = ("RFC-1 Queues", "RFC-2 Caches", "Notes")
    reviewed = {one for one in titles if any(f"Title: {one}" in d for d in model.documents)}
    assert reviewed == selected


def test_where_selects_pages_and_a_page_that_comes_to_match_is_reviewed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.config["databases"][0]["where"] = {"Status": ["In review", "Ready"]}
    page = box.world.page(rfcs, "One", [blocks.paragraph("Text.")], at=NOW - HOUR, Status="Draft")
    assert program.sweep().json["pages_reviewed"] == 0
    box.world.edit_property(page, "Status", "In review")
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


def test_a_moved_block_is_a_change_and_a_touched_page_is_none(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    content = [blocks.paragraph(text) for text in ("One.", "Two.", "Three.")]
    page = box.world.page(rfcs, "Order", content, at=NOW - HOUR)
    program.sweep()
    first, *_ = box.world.blocks(page)
    box.world.move_block(first, to=page.id)
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1
    assert "[B1] Two.\n[B2] Three.\n[B3] One.\n  moved: stood at the top" in model.documents[-1]
    box.world.add_block(page, blocks.paragraph(""))
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 0
    assert "no words changed or moved" in program.run("explain", page.id).out
    box.world.edit_property(page, "Status", "Ready")
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 0
    assert "the text is the same" in program.run("explain", page.id).out
    assert len(model.sent) == 2


def test_a_review_after_an_edit_marks_new_and_changed_blocks_with_the_old_text(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, "Edited", text="We need a queue.")
    program.sweep()
    assert "new]" not in model.documents[0]
    edit(box, page, "We need two queues.")
    box.world.add_block(page, blocks.paragraph("Added."))
    box.clock.advance(HOUR)
    program.sweep()
    assert (
        "[B1 changed] We need two queues.\n  was: We need a queue.\n[B2 new] Added."
    ) in model.documents[1]


def test_a_review_after_an_edit_shows_every_block_of_a_page_that_is_not_long(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    lines = [f"Point {number} has words of its own." for number in range(40)]
    content = [blocks.paragraph(line) for line in lines]
    page = box.world.page(rfcs, "Forty", content, at=NOW - HOUR).id
    program.sweep()
    edit(box, page, "We changed our mind.")
    box.clock.advance(HOUR)
    program.sweep()
    first, second = model.documents
    assert [f"[B{n}] {line}" for n, line in enumerate(lines, 1)] == first.splitlines()[5:]
    assert [f"[B{n}] {line}" for n, line in enumerate(lines[1:], 2)] == second.splitlines()[7:]
    assert second.splitlines()[5] == "[B1 changed] We changed our mind."


def test_review_page_reviews_a_page_that_was_not_edited(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, "Same", 3 * DAY)
    program.sweep()
    assert program.run("review", f"https://app.notion.com/p/Same-{page.replace('-', '')}").code == 0
    assert len(model.sent) == 1
    assert program.run("review", page, "--json").json["pages_reviewed"] == 1
    assert len(model.sent) == 2


def test_an_edit_that_moves_no_time_is_found_within_the_days_of_the_census(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, "Quiet", text="We need a queue.")
    program.sweep()
    edited = box.world.state.pages[page].edited
    box.clock.advance(DAY + HOUR)
    program.sweep()
    edit(box, page, "We need a log.")
    box.world.state.pages[page] = replace(box.world.state.pages[page], edited=edited)
    box.clock.advance(DAY + HOUR)
    assert program.sweep().json["pages_reviewed"] == 1
    assert "We need a log." in model.documents[-1]


@pytest.mark.parametrize(("settings", "reviews"), [({}, 1), ({"review_on_prompt_change": True}, 2)])
def test_a_changed_prompt_reviews_again_only_where_the_config_asks_for_it(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    settings: dict[str, bool],
    reviews: int,
) -> None:
    prompt = box.world.page(None, "Prompt", [blocks.paragraph("Be strict.")], at=NOW - 2 * HOUR)
    program.config["databases"][0]["prompt"] = prompt.id
    program.config |= settings
    write(box, rfcs, "One")
    program.sweep()
    box.world.rewrite(prompt, [blocks.paragraph("Be gentle.")])
    for _ in range(2):
        box.clock.advance(HOUR)
        program.sweep()
    assert len(model.sent) == reviews


@pytest.mark.parametrize(
    ("wanted", "changed"),
    pairs(
        {"left alone": False, "wanted": True},
        {"limits": {"limits": {"rounds": 3}}, "effort": {"effort": {"first": "low"}}},
    ),
)
def test_changed_settings_review_again_only_where_the_config_asks_for_it_and_are_recorded(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    changed: dict[str, Any],
    *,
    wanted: bool,
) -> None:
    program.config["review_on_settings_change"] = wanted
    page, empty = write(box, rfcs, "One"), write(box, rfcs, "Two")
    box.world.rewrite(empty, [])
    program.sweep()
    first = program.run("explain", page).out
    program.config |= changed
    for _ in range(3):
        box.clock.advance(HOUR)
        program.sweep()
    assert len(model.sent) == 1 + wanted
    last = program.run("explain", page).out
    assert ("the models or settings of a review changed" in last) is wanted
    assert ("settings unknown" in first, "settings unknown" in last) == (False, False)


def test_an_emptied_page_is_not_read_again_for_a_changed_prompt_and_its_next_text_is_reviewed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    prompt = box.world.page(None, "Prompt", [blocks.paragraph("Be strict.")], at=NOW - 2 * HOUR)
    program.config["databases"][0]["prompt"] = prompt.id
    program.config["review_on_prompt_change"] = True
    page = write(box, rfcs, "One")
    program.sweep()
    box.world.rewrite(page, [])
    box.world.rewrite(prompt, [blocks.paragraph("Be gentle.")])
    box.clock.advance(HOUR)
    program.sweep()
    box.clock.advance(HOUR)
    box.requests.reset()
    program.sweep()
    assert box.requests.count("GET", "/v1/blocks/{block_id}/children") == 0
    box.world.add_block(page, blocks.paragraph("Text."))
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


@pytest.mark.parametrize("wrong", ["nonsense", "https://example.com/x"])
def test_review_of_what_is_no_page_is_a_mistake_of_the_command_line(
    program: Program, rfcs: str, wrong: str
) -> None:
    done = program.run("review", wrong)
    assert done.code == 2
    assert wrong in done.err


def test_what_changes_while_the_model_works_is_queued_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = write(box, rfcs, "Racing", text="We need a queue.")

    def think(_document: str, _turn: int) -> list[object]:
        if len(model.sent) == 1:
            edit(box, page, "We need a log.")
        return [comment("B1", "queue" if len(model.sent) == 1 else "log", "Which?"), finish()]

    model.think = think  # type: ignore[assignment]
    assert program.sweep().json["comments_posted"] == 0
    box.clock.advance(HOUR)
    assert program.sweep().json["comments_posted"] == 1
    assert len(model.sent) == 2
    assert len(posted(box)) == 1


def test_an_item_put_into_a_numbered_list_does_not_mark_those_after_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    items = [blocks.numbered(text) for text in ("One", "Two", "Three")]
    page = box.world.page(rfcs, "List", items, at=NOW - HOUR)
    program.sweep()
    first, *_ = box.world.blocks(page)
    box.world.add_block(page, blocks.numbered("Half"), after=first)
    box.clock.advance(HOUR)
    program.sweep()
    assert "[B1] 1. One\n[B2 new] 2. Half\n[B3] 3. Two\n[B4] 4. Three" in model.documents[1]
