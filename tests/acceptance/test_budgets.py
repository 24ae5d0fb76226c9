"""What happens when the money is spent: who waits, what is said, and when it goes on."""

from __future__ import annotations

import json
from datetime import timedelta

from daemon.sandbox import Sandbox, blocks
from support.program import Program, ScriptedModel, comment, finish, plain, posted, reply
from support.vendor_server import Reply, anthropic_message, tool_use


HOUR = timedelta(hours=1)


def write(box: Sandbox, rfcs: str, title: str, *, ago: timedelta = HOUR) -> str:
    line = blocks.paragraph("Rollout happens in one step next week.")
    return box.world.page(rfcs, title, [line], at=box.clock() - ago).id


def reword(box: Sandbox, page: str, words: str) -> None:
    box.world.edit_block(box.world.blocks(page)[0], words)


def rolls_out(_document: str, turn: int) -> list[tuple[str, dict[str, str]]]:
    return [finish("Done.")] if turn else [comment("B1", "in one step", "How is it undone?")]


def test_a_day_that_is_spent_lets_the_oldest_wait_first_in_line_and_says_so(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = rolls_out
    first = write(box, rfcs, "First", ago=3 * HOUR)
    program.config["answer_tokens"] = 6_000
    program.config["limits"] = {"tokens_per_day": 30_000, "concurrent_reviews": 1}
    program.sweep()
    box.clock.advance(HOUR)
    second = write(box, rfcs, "Second", ago=HOUR)
    program.config["limits"]["tokens_per_day"] = 5_000
    box.clock.advance(HOUR)
    third = write(box, rfcs, "Third")
    sent = len(model.sent)
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"], done.json["pages_waiting"]) == (3, "failed", 2)
    assert len(model.sent) == sent, "the first request already would have been too much"
    assert "limits.tokens_per_day" in done.err
    assert "pages wait first in line until 2026-11-21 (UTC)" in done.err
    again = program.run("--once", "--json")
    assert "alert.raised" not in again.err, "people are told once"

    status = json.loads(program.run("status", "--json").out)
    assert [alert["name"] for alert in status["alerts"]] == ["budget"]
    assert "waits: limits.tokens_per_day" in program.run("explain", second).out

    box.clock.advance(24 * HOUR)
    program.config["limits"]["tokens_per_day"] = 30_000
    done = program.sweep()
    assert "alert.over" in done.err
    found = [one.parent_id for one in posted(box) if "undone" in plain(one)]
    found = [place for place in found if place not in (first, second, third)]
    assert found == [box.world.blocks(page)[0].id for page in (first, second, third)]
    status = json.loads(program.run("status", "--json").out)
    assert status["alerts"] == []
    assert set(status["spent_this_month"]) == {"tokens", "cost_usd"}


def test_a_page_that_has_spent_its_share_waits_for_tomorrow_and_the_others_do_not(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = rolls_out
    page = write(box, rfcs, "Edited all day")
    program.config["answer_tokens"] = 6_000
    program.config["limits"] = {"tokens_per_page": 40_000}
    program.sweep()
    box.clock.advance(HOUR)
    reword(box, page, "Rollout happens in one step in May.")
    other = write(box, rfcs, "Another")
    box.clock.advance(HOUR)
    model.think = lambda _document, turn: usage_of((9_000, 24_000)[turn])
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"], done.json["pages_reviewed"]) == (0, "ok", 2), other
    box.clock.advance(HOUR)
    reword(box, page, "Rollout happens in one step in June.")
    box.clock.advance(HOUR)
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"]) == (3, "partial")
    said = program.run("explain", page).out
    assert "waits: limits.tokens_per_page" in said
    assert "until 2026-11-21 (UTC)" in said
    box.clock.advance(12 * HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


def usage_of(tokens: int) -> Reply:
    call = tool_use("finish", summary="Fine.")
    return Reply(anthropic_message(call, stop="tool_use", input_tokens=tokens))


def test_f5_a_review_that_its_budget_stops_posts_what_it_found_and_says_so(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = rolls_out
    page = write(box, rfcs, "Long", ago=HOUR)
    program.config["answer_tokens"] = 6_000
    program.config["limits"] = {"tokens_per_review": 20_000}
    done = program.sweep()
    assert done.json["pages_reviewed"] == 1
    first, summary = posted(box)
    assert "How is it undone?" in plain(first)
    assert "This review is not complete: stopped by the budget." in plain(summary)
    assert "stopped by the budget" in program.run("explain", page).out


def test_a_model_elsewhere_without_a_price_is_refused_by_check(program: Program, rfcs: str) -> None:
    program.config["models"] = ["openai:my-model"]
    program.env |= {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": "https://resold.example.com/v1"}
    done = program.run("check")
    assert done.code == 78
    assert "openai:my-model: the price of this model is not known" in done.err
    assert "{input: 1.0, output: 2.0}" in done.err
    program.env["OPENAI_BASE_URL"] = "http://gpu-box:8080/v1"
    assert program.run("check").code == 0


def test_an_answer_on_a_page_that_has_spent_its_share_waits_for_tomorrow_and_is_said_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    model.think = rolls_out
    page = write(box, rfcs, "Asked about all day")
    program.sweep()
    [finding, *_] = [one for one in posted(box) if one.parent_id != page]
    box.world.comment(finding, "Which step do you mean?")
    model.think = lambda document, _turn: [
        *([reply("T2", "The first.")] if ", new: " in document else []),
        finish(),
    ]
    program.config["limits"] = {"tokens_per_page": 100}
    box.clock.advance(HOUR)
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"], done.json["pages_failed"]) == (3, "partial", 0)
    assert "waits: limits.tokens_per_page" in program.run("explain", page).out
    box.clock.advance(HOUR)
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"], done.json["replies_posted"]) == (0, "ok", 0)
    program.config["limits"] = {"tokens_per_page": 100_000}
    box.clock.advance(24 * HOUR)
    assert program.sweep().json["replies_posted"] == 1
