"""The report over states in any condition."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import Finding, Outcome, Review, Severity, Source, Usage
from daemon.domain.findings import Event, FindingState
from daemon.operations.report import Span, figures, report, series
from daemon.operations.report.figures import Waits
from daemon.store import findings, pages, reviews
from daemon.store.database import copy_in_memory
from daemon.store.pages import PageRow, SourceRow, Standing


NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = PageRow("page-1", "s", "RFC", "https://n/1", NOW, Standing.DONE)
EVENTS = st.lists(st.sampled_from(Event), max_size=4)
MADE = st.tuples(
    st.sampled_from(Severity),
    st.sampled_from(["p1", "p2"]),
    st.sampled_from(["offline", "anthropic:a"]),
    st.integers(0, 50),  # hours after the beginning when it was made
    EVENTS,
)


@pytest.fixture(scope="module")
def db():
    with closing(copy_in_memory(Path("there is none"))) as db:
        pages.save_source(db, SourceRow("s", "d", "RFCs", NOW))
        pages.save(db, [PAGE])
        yield db


@given(st.lists(MADE, max_size=12))
def test_counts_by_state_severity_prompt_and_model_each_sum_to_the_findings(db, made) -> None:
    with undone(db):
        for one in made:
            store(db, *one)
        _check_sums(db, len(made))


class Undo(Exception):
    """Roll the example back."""


@contextmanager
def undone(db):
    with suppress(Undo), db.atomic():
        yield
        raise Undo


def store(db, severity, prompt, model, hours, events) -> None:
    at = NOW + hours * HOUR
    made = Review(Outcome.DONE, (), (), (), "", (), model, Usage(1, 9, 3, 2, 0.25))
    values = {"kind": "review", "prompt": prompt, "content_hash": "", "sweep_id": None}
    number = reviews.add(db, PAGE.id, made, at=at, **values)
    finding = Finding("b", "q", "t", severity, Source.MODEL)
    finding_id = findings.record(db, number, PAGE.id, finding, at)
    for step, event in enumerate(events):
        findings.happened(db, finding_id, event, at + step * HOUR)


def _check_sums(db, count: int) -> None:
    whole = figures(db, NOW, NOW + 60 * HOUR)
    assert whole.work.findings == count
    for work in (whole.work, *whole.by_prompt.values(), *whole.by_model.values()):
        assert sum(work.by_state.values()) == work.findings
        assert sum(work.by_severity.values()) == work.findings
        assert sum(work.outcomes.values()) == work.reviews
    for split in (whole.by_prompt, whole.by_model):
        assert sum(work.findings for work in split.values()) == count
        assert sum(work.reviews for work in split.values()) == whole.work.reviews
        assert sum(work.settled_in_all for work in split.values()) == whole.work.settled_in_all
    hours = series(db, Span.HOUR, 60, NOW + 60 * HOUR)
    assert sum(one.work.findings for one in hours) == count
    assert sum(one.work.tokens for one in hours) == whole.work.tokens == 11 * count
    # Of the whole time each finding's last state counts, which is the one that it is in now.
    assert whole.work.settled["addressed"] == whole.work.by_state["addressed"]


def test_a_finding_that_was_settled_twice_in_a_period_counts_by_the_last_time(db) -> None:
    closed = [Event.CLOSED, Event.REOPENED, Event.ADDRESSED]
    with undone(db):
        store(db, Severity.MINOR, "p", "m", 0, closed)
        first = figures(db, NOW, NOW + HOUR).work
        assert first.settled == {"addressed": 0, "dismissed": 0, "resolved": 1}
        assert figures(db, NOW + HOUR, NOW + 2 * HOUR).is_empty  # it was open again
        whole = figures(db, NOW, NOW + 3 * HOUR).work
        assert whole.settled == {"addressed": 1, "dismissed": 0, "resolved": 0}


def test_held_findings_are_counted_under_their_own_name(db) -> None:
    with undone(db):
        store(db, Severity.MINOR, "p", "m", 0, [])
        finding = Finding("b", "q", "t", Severity.MINOR)
        findings.record(db, 1, PAGE.id, finding, NOW, state=FindingState.HELD)
        work = figures(db, NOW, NOW + HOUR).work
        assert (work.by_state["open"], work.by_state["held"], work.findings) == (1, 1, 2)


def test_the_ninetieth_percentile_is_the_shortest_wait_that_nine_of_ten_keep() -> None:
    waits = Waits.of([None, *(float(n) for n in range(1, 11))])
    assert waits == Waits(11, 10, 5.5, 9.0)
    assert Waits.of([7.0]) == Waits(1, 1, 7.0, 7.0)
    assert Waits.of([None]) == Waits(1, 0, None, None)
    assert Waits.of([]) == Waits(0, 0, None, None)


def test_a_fall_between_two_weeks_is_named(db) -> None:
    week = timedelta(weeks=1)
    with undone(db):
        for number in range(24):
            hours, late = (number, 0) if number % 2 else (number + 24 * 7, 1)
            event = Event.TURNED_DOWN if late else Event.ADDRESSED
            store(db, Severity.MINOR, "p", "m", hours, [event])
        found = report(db, Span.WEEK, NOW + 2 * week)
        assert (found.now.work.addressed, found.before.work.addressed) == (0, 12)
        assert found.fallen
        assert not report(db, Span.WEEK, NOW + week).fallen
