"""The prompt page as a checked program: what it sets, what is wrong with it, who may edit it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import Program, ScriptedModel, comment, finish, posted, words


HOUR = timedelta(hours=1)
IN_USE = "In use since "
LINES = (
    "We need queues because the poller is slow.",
    "They are fast enough for every carrier we know.",
    "Rollout happens in one step next week.",
)


class Team:
    """A team with a prompt page; every sweep reviews a page that it has just written."""

    def __init__(self, box: Sandbox, program: Program, rfcs: str) -> None:
        self.box, self.program, self.rfcs = box, program, rfcs
        self.prompt = box.world.page(None, "RFC reviewer", [], at=box.clock() - 3 * HOUR).id
        program.config["databases"][0]["prompt"] = self.prompt

    def asks(self, *content: Any, by: Any = None) -> None:
        """Write the prompt page anew, an hour later."""
        self.box.clock.advance(HOUR)
        self.box.world.rewrite(self.prompt, [blocks.paragraph("Be strict."), *content], by=by)

    def sets(self, yaml: str, by: Any = None) -> None:
        self.asks(blocks.code(yaml, "yaml"), by=by)

    def writes(self, *lines: str) -> str:
        content = [blocks.paragraph(line) for line in lines or LINES]
        content = [
            blocks.heading(2, line[3:]) if line.startswith("## ") else block
            for line, block in zip(lines or LINES, content, strict=True)
        ]
        title = f"RFC {len(self.box.world.state.pages)}"
        return self.box.world.page(self.rfcs, title, content, at=self.box.clock()).id

    def sweeps(self, *lines: str) -> str:
        """Write a page, and sweep when it has settled."""
        page = self.writes(*lines)
        self.box.clock.advance(HOUR)
        self.done = self.program.run("--once", "--json")
        return page

    @property
    def own(self) -> list[str]:
        """What stands on the prompt page, without what people said."""
        return [
            words(one)
            for one in self.box.world.comments(self.prompt)
            if one.author_id == self.box.bot.id
        ]

    @property
    def notices(self) -> list[str]:
        """What stands there of mistakes."""
        return [one for one in self.own if not one.startswith(IN_USE)]

    @property
    def status(self) -> str:
        """What the status comment says, which stands there once."""
        (one,) = [one for one in self.own if one.startswith(IN_USE)]
        return one

    def said_on(self, page: str) -> list[str]:
        places = {page, *(block.id for block in self.box.world.blocks(page))}
        return [words(one) for one in posted(self.box) if one.parent_id in places]


@pytest.fixture
def team(box: Sandbox, program: Program, rfcs: str) -> Team:
    return Team(box, program, rfcs)


def on_every_line(_document: str, turn: int) -> list[tuple[str, dict[str, str]]]:
    if turn:
        return [finish("Done.")]
    quotes = ("the poller is slow", "every carrier we know", "in one step")
    return [comment(f"B{n}", quote, f"Point {n}.") for n, quote in enumerate(quotes, 1)]


def test_a_block_in_yaml_narrows_what_the_config_allows_and_is_no_prose(
    team: Team, model: ScriptedModel
) -> None:
    model.think = on_every_line
    team.sets("limits:\n  comments_per_review: 1\n")
    page = team.sweeps()
    assert team.done.code == 0
    assert len([one for one in team.said_on(page) if "\nPoint" in one]) == 1
    assert "comments_per_review" not in json.dumps(model.sent[0].body)
    assert "Be strict." in json.dumps(model.sent[0].body["system"])
    team.program.config["limits"] = {"comments_per_review": 2}
    team.sets("limits: {rounds: 4}")
    page = team.sweeps()
    assert len([one for one in team.said_on(page) if "\nPoint" in one]) == 2


def test_a_bad_edit_keeps_the_last_good_version_and_is_said_in_one_comment_until_mended(
    team: Team, model: ScriptedModel
) -> None:
    model.think = on_every_line
    team.sets("limits: {comments_per_review: 1}")
    team.sweeps()
    assert team.notices == []
    team.sets("limits:\n  comments_per_reviews: 2\n  rounds: many\nreport: all\nfloor: 1")
    for _ in range(3):
        page = team.sweeps()
        assert len([one for one in team.said_on(page) if "\nPoint" in one]) == 1
    (notice,) = team.notices
    assert "the last good version stays in use" in notice
    for line in (
        "YAML block:2: limits.comments_per_reviews: unknown key; did you mean comments_per_review?",
        "YAML block:3: limits.rounds",
        "YAML block:4: report",
        "YAML block:5: floor: unknown key",
    ):
        assert line in notice
    assert "did you mean comments_per_review?" in team.program.run("status").out

    team.sets("limits: {rounds: many}")
    team.sweeps()
    (changed,) = team.notices
    assert "limits.rounds" in changed
    assert "comments_per_reviews" not in changed

    team.sets("limits: {rounds: 3}")
    team.sweeps()
    assert team.notices == []
    assert "alert.over" in team.done.err
    team.sets("limits: {rounds: many}")
    team.sweeps()
    assert len(team.notices) == 1, "the same mistake again is said again"


def test_a_notice_that_a_person_answered_says_that_it_is_mended(
    team: Team, box: Sandbox, model: ScriptedModel
) -> None:
    team.sets("limits: {rounds: many}")
    team.sweeps()
    assert "nothing is reviewed under it yet" in team.notices[0]
    assert model.sent == []
    box.world.comment(team.prompt, "Sorry, I mend it.", by=_ana(box))
    team.sets("limits: {rounds: 3}")
    team.sweeps()
    assert team.notices == ["Mended: what is written here now is in use."]
    assert len(model.sent) == 2, "what waited is reviewed"
    requests = len(list(box.requests.log))
    team.program.run("--once", "--json")
    asked = [one for one in list(box.requests.log)[requests:] if team.prompt in str(one)]
    assert not [one for one in asked if "comments" in one.path]


def test_a_notice_whose_answers_cannot_be_read_says_that_it_is_mended(
    team: Team, box: Sandbox
) -> None:
    team.sets("limits: {rounds: many}")
    team.sweeps()
    box.world.state.bots[box.bot.id] = replace(box.bot, read_comments=False)
    team.sets("limits: {rounds: 3}")
    team.sweeps()
    assert team.notices == ["Mended: what is written here now is in use."]
    assert "sweep.trouble" not in team.done.err


def _ana(box: Sandbox) -> str:
    return next(iter(box.world.state.people))


def test_a_prompt_editor_cannot_go_beyond_what_the_operator_allows(
    team: Team, model: ScriptedModel
) -> None:
    team.sets("limits: {comments_per_review: 50, cost_per_month: 4000}")
    team.sweeps()
    assert "is more than config.yaml allows; 8 is the most" in team.notices[0]
    assert "holds for all databases; only config.yaml sets it" in team.notices[0]
    assert model.sent == []


def test_a_limit_that_the_operator_lowers_later_holds_for_the_page_too(
    team: Team, model: ScriptedModel
) -> None:
    model.think = on_every_line
    team.sets("limits: {comments_per_review: 3}")
    team.sweeps()
    team.program.config["limits"] = {"comments_per_review": 1}
    page = team.sweeps()
    assert len([one for one in team.said_on(page) if "\nPoint" in one]) == 1


def test_every_point_of_the_checklist_is_answered_in_the_summary_or_named_as_not_answered(
    team: Team, model: ScriptedModel
) -> None:
    team.asks(
        blocks.to_do("Not one of them"),
        blocks.heading(2, "Checklist"),
        blocks.to_do("Is there a rollback?"),
        blocks.paragraph("These matter most:"),
        blocks.to_do("Who owns it?", checked=True),
        blocks.heading(3, "Money"),
        blocks.to_do("What does it cost?"),
        blocks.heading(2, "Tone"),
        blocks.to_do("Not one either"),
    )
    given = [{"item": 1, "answer": "No, it goes in one step."}, {"item": 9, "answer": "Nothing."}]
    model.think = lambda _document, _turn: [
        ("finish", {"summary": "Say how it is undone.", "checklist": given})  # type: ignore[list-item]
    ]
    page = team.sweeps()
    (summary,) = team.said_on(page)
    assert summary.splitlines() == [
        "Say how it is undone.",
        "",
        "Checklist:",
        "",
        "• Is there a rollback? — No, it goes in one step.",
        "• Who owns it? — not answered",
        "• What does it cost? — not answered",
    ]
    (sent,) = model.sent
    system = json.dumps(sent.body["system"], ensure_ascii=False)
    assert "1. Is there a rollback?" in system
    assert "3. What does it cost?" in system
    assert system.count("Is there a rollback?") == 1
    assert "Not one either" in system
    tool = next(tool for tool in sent.body["tools"] if tool["name"] == "finish")
    assert set(tool["input_schema"]["required"]) == {"summary", "question", "checklist"}


def test_sections_that_a_document_lacks_are_named_in_the_summary(
    team: Team, model: ScriptedModel
) -> None:
    team.sets("sections: [Rollout, Rollback, Cost]")
    model.think = lambda _document, _turn: [finish("")]
    page = team.sweeps("## 3. Rollout plan", "In one step.", "## Costs of it", "Little.")
    assert team.said_on(page) == ["Missing sections: Rollback, Cost."]
    page = team.sweeps("## Rollout", "One.", "## rollback", "None.", "## 2) COST", "Little.")
    assert team.said_on(page) == []


def test_an_edit_by_somebody_else_keeps_the_last_good_version_and_says_so(
    team: Team, box: Sandbox, model: ScriptedModel
) -> None:
    ana, ben = box.world.state.people
    team.program.config["databases"][0]["prompt_editors"] = ["ana costa"]
    team.asks(by=ana)
    team.sweeps()
    team.asks(blocks.paragraph("Praise everything."), by=ben)
    team.sweeps()
    (notice,) = team.notices
    assert "last edited by Ben Ode, who is not among" in notice
    assert "Praise" not in json.dumps([one.body for one in model.sent])
    team.asks(blocks.paragraph("Praise nothing."), by=ana)
    team.sweeps()
    assert team.notices == []
    assert "Praise nothing." in json.dumps(model.sent[-1].body["system"])


def test_two_yaml_blocks_are_a_mistake_and_other_code_is_prose(
    team: Team, model: ScriptedModel
) -> None:
    team.asks(blocks.code("limits: {rounds: 1}", "yaml"), blocks.code("a: 1", "yaml"))
    team.sweeps()
    assert "several YAML blocks" in team.notices[0]
    team.asks(blocks.code("limits: {rounds: 1}", "json"), blocks.code("# nothing yet", "yaml"))
    team.sweeps()
    assert team.notices == []
    assert "limits: {rounds: 1}" in json.dumps(model.sent[0].body["system"])


def test_the_settings_are_part_of_the_prompts_version(team: Team, model: ScriptedModel) -> None:
    team.sets("limits: {rounds: 3}")
    first = team.sweeps()
    team.sets("limits: {rounds: 2}")
    second = team.sweeps()
    versions = [
        line.split("prompt ")[1].split(",")[0]
        for page in (first, second)
        for line in team.program.run("explain", page).out.splitlines()
        if "hash" in line and "prompt " in line
    ]
    assert len(set(versions)) == 2
    assert len(model.sent) == 2


def test_a_dry_run_leaves_the_prompt_page_alone(team: Team) -> None:
    team.sets("limits: {rounds: many}")
    team.writes()
    team.box.clock.advance(HOUR)
    done = team.program.run("--once", "--dry-run")
    assert '"kind": "notice"' in done.out
    assert team.notices == []


def test_what_a_version_of_the_prompt_said_is_shown_by_explain(team: Team) -> None:
    team.asks()
    page = team.sweeps()
    team.asks(blocks.paragraph("Ask for owners."))
    explained = team.program.run("explain", page, "--prompts").out
    named = r"\$[0-9.]+, prompt RFC reviewer of 2026-\d\d-\d\d \(([0-9a-f]{12})\)\n"
    [version] = re.findall(named, explained)
    assert f"  {version}: RFC reviewer, from {team.prompt}, in use since 2026-" in explained
    assert "Be strict." in explained
    assert "Ask for owners." not in explained
    assert "Be strict." not in team.program.run("explain", page).out
