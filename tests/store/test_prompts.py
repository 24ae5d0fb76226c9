"""What a version of a prompt says is kept as long as a review names it."""

from __future__ import annotations

from contextlib import closing
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
