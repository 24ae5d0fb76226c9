"""Findings in the state: each with its history."""

from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.domain.findings import Event, FindingState
from daemon.domain.records import FindingRow, StateChange
from daemon.domain.values import Finding, Outcome, Review, ReviewKind, Severity, Usage
from daemon.store import findings, reviews
from support.states import NOW, page_row


PAGE = page_row(1)
FINDING = Finding("block", "the quote", "What then?", Severity.IMPORTANT)
REVIEW = Review(Outcome.DONE, (FINDING,), (), (), "Summary.", (), "offline", Usage(1, 2, 0, 3, 0.5))


@pytest.fixture
def finding_id(db):
    review = reviews.add(
        db,
        PAGE.id,
        REVIEW,
        kind=ReviewKind.REVIEW,
        prompt="p",
        content_hash="h",
        sweep_id=None,
        at=NOW,
    )
    return findings.add(db, review, PAGE.id, FINDING, NOW)


def test_a_finding_comes_out_as_it_went_in_and_begins_open(db, finding_id):
    stored = FindingRow(finding_id, FINDING, FindingState.OPEN, None, NOW, 1, "made")
    assert findings.get(db, finding_id) == stored
    assert findings.of_page(db, PAGE.id) == [stored]
    assert findings.of_page(db, "page-00002") == []
    assert findings.get(db, finding_id + 1) is None


def test_each_state_of_a_finding_stays_in_its_history_and_what_changes_nothing_does_not(
    db, finding_id
):
    later = NOW + timedelta(hours=1)
    assert findings.apply_event(db, finding_id, Event.APPROVED, later) is FindingState.OPEN
    assert findings.apply_event(db, finding_id, Event.CLOSED, later) is FindingState.RESOLVED
    assert findings.apply_event(db, finding_id, Event.SPOKEN, later) is FindingState.RESOLVED
    findings.apply_event(db, finding_id, Event.RETRACTED, later, "review 1")
    assert findings.history(db, finding_id) == [
        StateChange(NOW, FindingState.OPEN, "made"),
        StateChange(later, FindingState.RESOLVED, "its thread was resolved or deleted"),
        StateChange(later, FindingState.RETRACTED, "review 1"),
    ]
    assert [one.state for one in findings.of_page(db, PAGE.id)] == [FindingState.RETRACTED]


def test_a_finding_changes_its_state_and_its_history_or_neither(db, finding_id):
    db.execute("DROP TABLE finding_history")
    with pytest.raises(Exception, match="finding_history"):
        findings.apply_event(db, finding_id, Event.CLOSED, NOW)
    assert db.execute("SELECT state FROM findings").fetchone() == ("open",)
