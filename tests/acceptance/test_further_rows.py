"""Further rows: what people ask of such a system, and what goes wrong around it."""

from __future__ import annotations

import json
from datetime import timedelta

from daemon.sandbox import Sandbox, blocks
from support.program import (
    NOW,
    OPENAI_KEY,
    Program,
    ScriptedModel,
    comment,
    plain,
    posted,
)
from support.vendor_server import Reply, VendorServer, chat_completion, serving


HOUR = timedelta(hours=1)
PARAGRAPHS = (
    "We need queues because the poller is slow.",
    "They are fast enough for every carrier we know.",
    "Rollout happens in one step next week.",
)


def rfc(box: Sandbox, rfcs: str, *lines: str, title: str = "Queues") -> str:
    content = [blocks.paragraph(line) for line in lines or PARAGRAPHS]
    return box.world.page(rfcs, title, content, at=NOW - HOUR).id


def test_a13_three_attempts_then_the_next_provider_and_an_alert_when_all_are_down(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    rfc(box, rfcs)
    model.think = lambda _document, _turn: Reply({"type": "error"}, status=529)
    with serving(VendorServer()) as second:
        second.script = [Reply(chat_completion("Say how fast."))]
        with_openai(program, second)
        done = program.sweep()
        assert done.json["summaries_posted"] == 1
        assert (len(model.sent), len(second.sent)) == (3, 1)
        box.clock.advance(HOUR)
        box.world.page(rfcs, "Logs", [blocks.paragraph("Text.")], at=box.clock() - HOUR / 2)
        second.script = [Reply("down", status=503)]
        done = program.run("--once", "--json")
    assert done.code == 69
    assert done.json["pages_waiting"] == 1
    assert "alert.raised" in done.err
    assert "anthropic:claude-sonnet-5-5" in done.err
    assert "openai:gpt-6.1-sol" in done.err


def with_openai(program: Program, server: VendorServer) -> None:
    program.env |= {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{server.url}/v1"}
    program.config["models"] = ["anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol"]


REFUSED_KEY = Reply(
    {"type": "error", "error": {"type": "authentication_error", "message": "bad key"}}, 401
)


def test_a13_a_refused_key_is_told_and_the_next_provider_reviews(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    rfc(box, rfcs)
    model.think = lambda _document, _turn: REFUSED_KEY
    with serving(VendorServer()) as second:
        second.script = [Reply(chat_completion("Asked instead."))]
        with_openai(program, second)
        done = program.run("--once", "--json")
        assert len(second.sent) == 1
    assert done.code == 3
    assert "ANTHROPIC_API_KEY" in done.err
    assert len(model.sent) == 1
    assert done.json["pages_waiting"] == 0


def test_a13_a_refused_key_without_a_next_provider_is_said_at_once(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    rfc(box, rfcs)
    model.think = lambda _document, _turn: REFUSED_KEY
    done = program.run("--once", "--json")
    assert done.code == 77
    assert "ANTHROPIC_API_KEY" in done.err
    assert len(model.sent) == 1
    assert done.json["pages_waiting"] == 1


def test_f10_an_edited_prompt_page_holds_from_the_next_review_on(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    prompt = box.world.page(None, "Prompt", [blocks.paragraph("Be strict.")], at=NOW - 2 * HOUR)
    program.config["databases"][0]["prompt"] = prompt.id
    rfc(box, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.rewrite(prompt, [blocks.paragraph("Be gentle.")])
    box.world.page(rfcs, "Logs", [blocks.paragraph("Text.")], at=box.clock() - HOUR / 2)
    program.sweep()
    first, second = (json.dumps(one.body["system"]) for one in model.sent)
    assert "Be strict." in first
    assert "Be gentle." in second
    assert "Be strict." not in second


def test_f10_an_edit_of_the_prompt_page_holds_though_it_was_read_a_moment_ago(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    prompt = box.world.page(None, "Prompt", [blocks.paragraph("Be strict.")], at=NOW - 2 * HOUR)
    program.config["databases"][0]["prompt"] = prompt.id
    page = rfc(box, rfcs)
    program.sweep()
    box.world.rewrite(prompt, [blocks.paragraph("Be gentle.")])
    program.run("review", page)
    box.world.rewrite(prompt, [blocks.paragraph("Be brief.")])
    program.run("review", page)
    said = [json.dumps(one.body["system"]) for one in model.sent]
    assert [
        next(word for word in ("strict", "gentle", "brief") if f"Be {word}." in one) for one in said
    ] == ["strict", "gentle", "brief"]


def test_f11_pages_that_the_prompt_mentions_are_read_once_and_those_beyond_are_not(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    world = box.world
    deep = world.page(None, "Deep", [blocks.paragraph("Depth knowledge.")])
    guide = world.page(None, "Guide", [blocks.paragraph("Guide knowledge.")])
    prompt = world.page(None, "Prompt", [blocks.paragraph("Be strict.")])
    for holder, mentioned in ((prompt, guide), (guide, deep), (deep, prompt), (deep, guide)):
        mention = {"type": "mention", "mention": {"type": "page", "page": {"id": mentioned.id}}}
        world.add_block(holder, blocks.block("paragraph", {"rich_text": [mention]}))
    program.config["databases"][0]["prompt"] = prompt.id
    rfc(box, rfcs)
    program.sweep()
    system = json.dumps(model.sent[0].body["system"])
    for words, times in (("Be strict.", 1), ("Guide knowledge.", 1), ("Depth knowledge.", 0)):
        assert system.count(words) == times


def test_f12_what_does_not_fit_a_small_window_is_read_in_sections(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    content = []
    for section in ("Problem", "Proposal", "Rollout"):
        content += [blocks.heading(2, section), blocks.paragraph(f"{section} text. " * 400)]
    box.world.page(rfcs, "Long", content, at=NOW - HOUR)
    program.config["windows"] = {"anthropic:claude-sonnet-5-5": 8000}
    model.think = lambda _document, _turn: "Shorten it."
    program.sweep()
    *sections, last = model.documents
    for name in ("Problem", "Proposal", "Rollout"):
        assert [one.count(f"{name} text.") for one in sections].count(0) < len(sections)
        assert sum(one.count(f"{name} text.") for one in sections) == 400
        assert f"## {name}" in last
    [summary] = posted(box)
    assert "Shorten it." in plain(summary)
    assert "Not read" not in plain(summary)


def test_f13_a_model_that_repeats_itself_is_stopped_and_a_wall_of_text_is_clamped(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.config["limits"] = {"rounds": 20}
    model.think = lambda _document, _turn: [comment("B1", "queues", "wall " * 4000)]
    program.run("--once")
    assert len(model.sent) == 2
    assert "repeats itself" in program.run("explain", page).out
    assert all(len(plain(one)) < 1_500 for one in posted(box))
