"""What a version of a prompt says is kept as long as a review names it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain.records import PageState
from daemon.domain.values import (
    Outcome,
    Prompt,
    PromptSettings,
    Review,
    ReviewKind,
    Severity,
    Usage,
)
from daemon.store import pages, prompts, reviews, sweeps
from daemon.store.database import open_state
from support.states import NOW, SOURCE, page_row


RULES = PromptSettings((("rounds", 3),), Severity.IMPORTANT, ("Risks",), ("Is it tested?",))
PROMPT = Prompt("RFC reviewer", "Be kind; größer.", "page-9", (("Glossary", "Words."),), RULES)
REVIEW = Review(Outcome.DONE, (), (), {}, "", (), "offline", Usage())


@pytest.fixture
def state(tmp_path):
    with closing(open_state(tmp_path / "notion-review.db")) as db:
        pages.save_source(db, SOURCE)
        pages.save(db, [page_row(0), page_row(1, state=PageState.LEFT, left_at=NOW)])
        yield db


def reviewed(db, number, prompt):
    told = {"kind": ReviewKind.REVIEW, "prompt": prompt, "content_hash": "", "sweep_id": None}
    reviews.add(db, page_row(number).id, REVIEW, at=NOW, **told)


def test_a_version_says_all_that_it_said(state):
    prompts.save_version(state, "v1", PROMPT, NOW)
    prompts.save_version(state, "v1", PROMPT, NOW + timedelta(days=1))
    assert prompts.version(state, "v1") == (PROMPT, NOW)
    assert prompts.version(state, "v2") is None


def test_a_version_goes_with_the_last_review_that_names_it(state):
    for number, version in ((0, "v1"), (0, "v2"), (1, "v2"), (1, "v3")):
        prompts.save_version(state, version, PROMPT, NOW)
        reviewed(state, number, version)
    sweeps.prune(state, NOW + timedelta(days=29))
    assert all(prompts.version(state, version) for version in ("v1", "v2", "v3"))
    sweeps.prune(state, NOW + timedelta(days=31))  # the second page is away for long enough
    assert prompts.version(state, "v1")
    assert prompts.version(state, "v2")
    assert prompts.version(state, "v3") is None


def test_a_version_is_called_by_name_and_by_when_it_was_first_used(state):
    """By the minute where a day has several, by its hash where a minute has.

    Each comes after what its own page said before.
    """
    other = replace(PROMPT, origin="page-8", name="Lenses")
    first = [("v1", PROMPT, 0), ("v2", PROMPT, 26), ("o1", other, 27), ("v3", PROMPT, 28)]
    for version, prompt, hours in first:
        prompts.save_version(state, version, prompt, NOW + timedelta(hours=hours))
    day, next_day = f"{NOW:%Y-%m-%d}", NOW + timedelta(hours=26)
    assert prompts.version_names(state) == {
        "v1": f"RFC reviewer of {day}",
        "v2": f"RFC reviewer of {next_day:%Y-%m-%d %H:%M}",
        "o1": f"Lenses of {next_day:%Y-%m-%d}",
        "v3": f"RFC reviewer of {NOW + timedelta(hours=28):%Y-%m-%d %H:%M}",
    }
    prompts.save_version(state, "o2", replace(other, origin="page-7"), NOW + timedelta(hours=27))
    names = prompts.version_names(state)
    assert {names[one].partition(" (")[2] for one in ("o1", "o2")} == {"o1)", "o2)"}
    before = {one: prompts.version_before(state, one) for one in ("v1", "v2", "o1", "v3", "none")}
    assert before == {"v1": None, "v2": "v1", "o1": None, "v3": "v2", "none": None}
