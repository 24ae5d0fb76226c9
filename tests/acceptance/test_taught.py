"""A line is proposed on the prompt page where people's noes show one, and nothing is left out."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.dying import MOMENTS, Killed, die
from support.owner import DAY, HOUR, Owner, by_prompt
from support.program import Program, ScriptedModel, comment, finish, plain, posted


POINT = comment("B2", "We switch at once.", "Say how to go back.", title="No rollback plan")


@pytest.fixture
def owner(box: Sandbox, program: Program, rfcs: str, model: ScriptedModel) -> Owner:
    by_prompt(model, {"Be ": [POINT, finish()]})
    found = Owner(box, program, rfcs)
    found.sweeps()
    return found


@pytest.fixture
def ana(box: Sandbox) -> Any:
    return box.world.person("Ana Costa")


def writes(owner: Owner, number: int) -> Any:
    content = [blocks.heading(2, "Rollout"), blocks.paragraph("We switch at once.")]
    page = owner.box.world.page(owner.rfcs, f"RFC {number}", content, at=owner.box.clock())
    owner.sweeps()
    return page


def declined(owner: Owner, ana: Any, numbers: range, words: str = "no, not for libraries") -> None:
    for number in numbers:
        page = writes(owner, number)
        (made,) = [
            one for one in posted(owner.box) if one.parent_id == owner.box.world.blocks(page)[1].id
        ]
        owner.box.world.comment(made, words, by=ana)
        owner.sweeps()


def proposals(owner: Owner) -> list[str]:
    return [one for one in owner.said if "A line for this page?" in one]


def test_three_noes_propose_a_line_once_with_its_evidence_and_adopt_only_reminds(
    owner: Owner, ana: Any, model: ScriptedModel
) -> None:
    declined(owner, ana, range(2))
    owner.sweeps(DAY)
    assert proposals(owner) == []
    declined(owner, ana, range(2, 3))
    owner.sweeps(DAY)
    (said,) = proposals(owner)
    assert said.startswith("A line for this page? “Leave out points on ")
    assert "rollback" in said.splitlines()[0]
    assert "All 3 such points that people settled were turned down" in said
    assert "• “No rollback plan” in RFC 2; Ana Costa: “no, not for libraries”" in said

    # Nothing is left out by habit, and nothing is said twice.
    before = len(posted(owner.box))
    declined(owner, ana, range(3, 6))
    assert len(posted(owner.box)) > before
    owner.sweeps(35 * DAY)
    owner.sweeps(DAY)
    assert len(proposals(owner)) == 1
    thread = next(one for one in owner.comments if plain(one) == said)
    owner.box.world.comment(thread, "adopt", by=ana)
    owner.sweeps()
    assert owner.said[-1].startswith("I never edit this page: add the line to it")
    assert "proposed: Leave out points on" in owner.program.run("explain", owner.page).out

    # One is acted on after all: the proposal says that it is over.
    page = writes(owner, 9)
    model.think = lambda document, turn: (
        [finish()]
        if turn
        else [
            (
                "follow_up",
                {"thread": "T1", "verdict": "fixed", "text": "", "quote": "We can go back."},
            ),
            finish(),
        ]
    )
    owner.box.world.edit_block(owner.box.world.blocks(page)[1], "We can go back.")
    owner.sweeps(2 * HOUR)
    owner.sweeps(DAY)
    (over,) = proposals(owner)
    assert over.startswith("This is over: since then “No rollback plan” was acted on in RFC 9.")


def test_what_was_once_acted_on_is_not_proposed_nor_where_the_page_has_no_status_comment(
    owner: Owner, ana: Any
) -> None:
    owner.settings["status_comment"] = False
    declined(owner, ana, range(4))
    owner.sweeps(DAY)
    assert proposals(owner) == []


@pytest.mark.parametrize("at", MOMENTS)
def test_a_death_at_any_moment_neither_loses_nor_doubles_a_proposal(
    owner: Owner, ana: Any, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declined(owner, ana, range(3))
    owner.box.clock.advance(DAY)
    with monkeypatch.context() as patched:
        die(patched, at, "daemon.operations.taught.outbox.add")
        with pytest.raises((Killed, BaseExceptionGroup)):
            owner.program.run("--once")
    for _ in range(3):
        owner.sweeps(DAY)
    assert len(proposals(owner)) == 1
