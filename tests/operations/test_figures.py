"""The report over states in any condition."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.findings import Event, FindingState
from daemon.domain.records import PageRow, PageState, SourceRow
from daemon.domain.values import Finding, Outcome, Review, ReviewKind, Severity, Source, Usage
from daemon.operations.figures import (
    Span,
    Surge,
    Topic,
    Waits,
    figures,
    has_fallen,
    series,
    surges,
    topic_of,
    topics,
)
from daemon.operations.intervals import Share
from daemon.operations.report import report
from daemon.store import findings, pages, reviews
from daemon.store.database import copy_in_memory


NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = PageRow("page-1", "s", "RFC", "https://n/1", NOW, PageState.DONE)
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
    values = {"kind": ReviewKind.REVIEW, "prompt": prompt, "content_hash": "", "sweep_id": None}
    number = reviews.add(db, PAGE.id, made, at=at, **values)
    finding = Finding("b", "q", "t", severity, Source.MODEL)
    finding_id = findings.add(db, number, PAGE.id, finding, at)
    for step, event in enumerate(events):
        findings.apply_event(db, finding_id, event, at + step * HOUR)


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
    closed = [Event.CLOSED, Event.REOPENED, Event.FIXED]
    with undone(db):
        store(db, Severity.MINOR, "p", "m", 0, closed)
        first = figures(db, NOW, NOW + HOUR).work
        assert first.settled == {"addressed": 0, "adopted": 0, "dismissed": 0, "resolved": 1}
        assert figures(db, NOW + HOUR, NOW + 2 * HOUR).is_empty  # it was open again
        whole = figures(db, NOW, NOW + 3 * HOUR).work
        assert whole.settled == {"addressed": 1, "adopted": 0, "dismissed": 0, "resolved": 0}


def test_held_findings_are_counted_under_their_own_name(db) -> None:
    with undone(db):
        store(db, Severity.MINOR, "p", "m", 0, [])
        finding = Finding("b", "q", "t", Severity.MINOR)
        findings.add(db, 1, PAGE.id, finding, NOW, state=FindingState.HELD)
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
            event = Event.TURNED_DOWN if late else Event.FIXED
            store(db, Severity.MINOR, "p", "m", hours, [event])
        found = report(db, Span.WEEK, NOW + 2 * week)
        assert (found.now.work.addressed, found.before.work.addressed) == (0, 12)
        assert found.fallen
        assert not report(db, Span.WEEK, NOW + week).fallen


@pytest.mark.parametrize(
    ("now", "before", "falls"),
    [
        ((2, 20), (12, 20), True),
        ((0, 10), (6, 10), True),
        ((0, 9), (9, 9), False),  # too few settled
        ((0, 10), (9, 9), False),
        ((12, 20), (2, 20), False),  # rises
        ((10, 20), (10, 20), False),
        ((8, 20), (11, 20), False),  # 15 points, but chance alone often does that
        ((450, 1000), (550, 1000), False),  # beyond chance, but only ten points
        ((400, 1000), (550, 1000), True),
        ((401, 1000), (550, 1000), False),  # 14.9 points
        ((0, 20), (0, 20), False),
        ((0, 0), (0, 0), False),
    ],
)
def test_a_share_that_falls_is_named(now, before, falls):
    assert has_fallen(Share(*now), Share(*before)) is falls


OTHERS = {"other": Topic(20, 9)}


@pytest.mark.parametrize(
    ("now", "before", "surged"),
    [
        (Topic(12, 4), 2, True),
        (Topic(12, 4), 0, True),
        (Topic(12, 2), 0, False),  # on too few pages: one document, not a trend
        (Topic(4, 4), 0, False),  # too few findings
        (Topic(12, 4), 6, False),  # less than doubled
        (Topic(5, 5), 1, False),  # chance
        (Topic(2, 4), 12, False),  # falls
    ],
)
def test_a_topic_that_surges_is_named(now, before, surged):
    earlier = {"rollout": Topic(before, before)} if before else {}
    found = surges({**OTHERS, "rollout": now}, {"other": Topic(40, 9), **earlier})
    share, share_before = Share(now.findings, 20 + now.findings), Share(before, 40 + before)
    assert found == ([Surge("rollout", now.pages, share, share_before)] if surged else [])


def test_nothing_surges_against_a_period_with_hardly_a_finding():
    assert surges({"rollout": Topic(50, 9)}, {"other": Topic(9, 9)}) == []
    assert surges({"rollout": Topic(50, 9)}, {}) == []
    assert surges({}, {"other": Topic(90, 9)}) == []


@pytest.mark.parametrize(
    ("text", "section", "topic"),
    [
        ("Left open: a TODO", "Rollout", "Unfinished"),  # the rule, wherever it stands
        ("Which region?", "4.2 Rollout plan", "rollout"),
        ("Which region?", "Motivation", "the problem"),
        ("Which region?", "DRAWBACKS", "risks"),
        ("Which region?", "3.1  Naming of  Buckets", "naming of buckets"),
        ("Which region?", "", "before the first heading"),
        ("Which region?", "42", "before the first heading"),
    ],
)
def test_a_topic_is_the_rule_or_what_the_heading_speaks_of(text, section, topic):
    assert topic_of(Finding("b", "q", text, Severity.MINOR), section) == topic


def test_topics_count_findings_and_pages_the_most_frequent_first():
    point = Finding("b", "q", "Which?", Severity.MINOR)
    raised = [("p1", point, "Risks"), ("p1", point, "Costs"), ("p2", point, "Names")]
    assert list(topics(raised).items()) == [("risks", Topic(2, 1)), ("names", Topic(1, 1))]
