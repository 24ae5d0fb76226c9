"""A small state with one database, and what reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from daemon.config import parse
from daemon.domain import notation
from daemon.domain.records import PageRow, PageState, SourceRow
from daemon.store import database, pages, sweeps


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ID = "01234567-89ab-cdef-0123-456789abcdef"
DAY = timedelta(days=1)


@pytest.fixture
def state(tmp_path):
    db = database.open_state(tmp_path / "state.db")
    pages.save_source(db, SourceRow("s", ID, "RFCs", NOW, checkpoint=NOW, last_ok=NOW))
    yield db
    db.close()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"databases:\n  - id: {ID}\n    name: RFCs\nstate: state.db\n")
    return parse(path)


@pytest.fixture
def context(state, config):
    said = []
    return SimpleNamespace(
        state=state,
        config=config,
        notion=SimpleNamespace(now=NOW),
        tally=SimpleNamespace(posted={}),
        emit=lambda event, **facts: said.append((event, facts)),
        said=said,
    )


def row(name="p", *, edited=NOW, since=None, state=PageState.DONE, **more):
    return PageRow(name, "s", f"Page {name}", "https://x", edited, state, dirty_since=since, **more)


def sweep(state, outcome="ok", at=NOW, why=()):
    number = sweeps.begin_sweep(state, at)
    result = {
        "outcome": outcome,
        "finished": notation.iso(at),
        "seconds": 1.5,
        "notion_requests": 7,
        "pages_reviewed": 1,
        "comments_posted": 2,
        "replies_posted": 0,
        "pages_failed": 0,
    }
    sweeps.end_sweep(state, number, result, at, why)


def raise_one(context, name="models", words="no model could review"):
    sweeps.raise_alert(context.state, name, words, NOW)
