"""What becomes of a finding, whatever happens to it in whatever order."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import Finding, Outcome, Review, Severity, Usage
from daemon.domain.findings import LIVE, UNHEARD, Event, FindingState, after
from daemon.store import findings, pages, reviews
from daemon.store.database import copy_in_memory
from daemon.store.pages import PageRow, SourceRow, Standing


S, E = FindingState, Event
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENTS = st.lists(st.sampled_from(Event), max_size=12)
BY_PEOPLE = {E.SPOKEN, E.TURNED_DOWN, E.CLOSED, E.REOPENED}
BY_DRAFT = {E.APPROVED, E.REFUSED, E.UNDECIDED}


@pytest.mark.parametrize(
    ("state", "happened", "expected"),
    [
        (S.OPEN, [E.SPOKEN], S.ANSWERED),
        (S.OPEN, [E.TURNED_DOWN], S.DISMISSED),
        (S.ANSWERED, [E.TURNED_DOWN], S.DISMISSED),
        (S.OPEN, [E.CLOSED], S.RESOLVED),
        (S.RESOLVED, [E.REOPENED], S.OPEN),
        (S.RESOLVED, [E.REOPENED, E.SPOKEN], S.ANSWERED),
        (S.DISMISSED, [E.REOPENED, E.SPOKEN], S.DISMISSED),
        (S.DISMISSED, [E.ADDRESSED], S.DISMISSED),
        (S.RESOLVED, [E.ADDRESSED], S.RESOLVED),
        (S.ANSWERED, [E.ADDRESSED], S.ADDRESSED),
        (S.ADDRESSED, [E.CLOSED], S.ADDRESSED),
        (S.ADDRESSED, [E.UNPOSTED], S.STALE),
        (S.OPEN, [E.UNPOSTED, E.RETRACTED], S.STALE),
        (S.HELD, [E.ADDRESSED, E.CLOSED, E.APPROVED, E.SPOKEN], S.ANSWERED),
        (S.HELD, [E.UNDECIDED, E.APPROVED], S.UNSAID),
        (S.HELD, [E.REFUSED, E.APPROVED], S.REFUSED),
        (S.DISMISSED, [E.RETRACTED, E.REOPENED], S.RETRACTED),
    ],
)
def test_what_happens_leads_to_the_state_that_people_would_name(state, happened, expected):
    for event in happened:
        state = after(state, event)
    assert state is expected


@given(st.sampled_from(FindingState), EVENTS)
def test_what_is_taken_back_refused_or_never_posted_stays_so(start, happened):
    states = [start]
    for event in happened:
        states.append(after(states[-1], event))
    final = (S.RETRACTED, S.REFUSED, S.STALE, S.UNSAID)
    assert all(now is before for before, now in pairwise(states) if before in final)


@given(EVENTS)
def test_only_a_changed_text_addresses_a_finding_and_only_people_settle_it(happened):
    """Whatever comes in whatever order: no state is reached but by the event that means it."""
    means = {
        S.ADDRESSED: {E.ADDRESSED},
        S.DISMISSED: {E.TURNED_DOWN},
        S.RESOLVED: {E.CLOSED},
        S.ANSWERED: {E.SPOKEN},
        S.OPEN: {E.REOPENED},
        S.STALE: {E.UNPOSTED},
        S.RETRACTED: {E.RETRACTED},
    }
    state = S.OPEN
    for event in happened:
        becomes = after(state, event)
        assert becomes is state or event in means[becomes]
        state = becomes


@given(st.sampled_from(FindingState), st.sampled_from(Event))
def test_the_same_event_twice_is_the_same_as_once(state, event):
    assert after(after(state, event), event) is after(state, event)


@given(st.sampled_from(sorted(set(FindingState) - {S.HELD})), st.sampled_from(sorted(BY_DRAFT)))
def test_what_becomes_of_a_draft_changes_nothing_that_was_posted(state, event):
    assert after(state, event) is state


@given(st.sampled_from(FindingState), EVENTS)
def test_what_people_heard_of_is_unheard_only_where_it_was_not_posted(start, happened):
    state = start
    for event in happened:
        becomes = after(state, event)
        if becomes in UNHEARD and state not in UNHEARD:
            assert event in (E.UNPOSTED, E.UNDECIDED)
        state = becomes


@given(EVENTS)
def test_what_people_do_to_a_thread_never_leaves_a_finding_without_an_owner(happened):
    """By people alone a finding stays live, or is settled by a no or a closed thread."""
    state = S.OPEN
    for event in happened:
        if event in BY_PEOPLE:
            state = after(state, event)
    assert state in LIVE | {S.DISMISSED, S.RESOLVED}


@pytest.fixture(scope="module")
def db():
    with closing(copy_in_memory(Path("there is none"))) as db:
        pages.save_source(db, SourceRow("s", "d", "RFCs", NOON))
        row = PageRow("p", "s", "RFC", "https://n.example/p", NOON, Standing.DONE)
        pages.save(db, [row])
        review = Review(Outcome.DONE, (), (), {}, "", (), "offline", Usage())
        told = {"prompt": "", "content_hash": "", "sweep_id": None, "at": NOON}
        reviews.add(db, "p", review, kind="review", **told)
        yield db


@given(EVENTS)
def test_the_history_holds_every_state_in_its_order_and_ends_with_the_present_one(db, happened):
    number = findings.record(db, 1, "p", Finding("b", "q", "t", Severity.MINOR), NOON)
    state, states = S.OPEN, [S.OPEN]
    for minute, event in enumerate(happened):
        if (becomes := after(state, event)) is not state:
            states.append(becomes)
        state = findings.happened(db, number, event, NOON + timedelta(minutes=minute))
        assert state is becomes
    steps = findings.history(db, number)
    assert [one.state for one in steps] == states
    assert [one.at for one in steps] == sorted(one.at for one in steps)
    assert findings.one(db, number).state is states[-1]
