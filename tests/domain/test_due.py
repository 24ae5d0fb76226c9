"""When a page is read: the settle rule, the second look, growing waits; no edit is ever lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain import due
from daemon.domain.due import LONGEST_RETRY_WAIT, PARKED_AFTER, SAME_MINUTE, STALE, Timing
from daemon.domain.records import PageState
from daemon.domain.values import Page
from daemon.notion.reading import LOOKBACK
from support.states import NOW, page_row


SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
TIMING = Timing(settle=10 * MINUTE, limit=4 * HOUR)
LONG_AGO = NOW - timedelta(days=1)


def listed(edited, page_id="page-00000", title="RFC 0"):
    """A page as a query shows it."""
    return Page(page_id, "source", title, "https://app.notion.com/p/0", LONG_AGO, edited)


def nominated(row, edited, timing=TIMING):
    return due.nominate(row, listed(edited), timing, since=LONG_AGO)


def floored(time):
    return time.replace(second=0, microsecond=0)


# The settle rule


def test_a_new_page_is_read_when_nobody_has_edited_it_for_a_while():
    row = nominated(None, NOW)
    assert (row.state, row.dirty_since, row.due_at) == (PageState.DUE, NOW, NOW + TIMING.settle)


def test_f6_each_edit_puts_the_reading_off():
    row = nominated(nominated(None, NOW), NOW + 7 * MINUTE)
    assert (row.dirty_since, row.due_at) == (NOW, NOW + 17 * MINUTE)


def test_f6_but_not_beyond_the_limit_after_the_first_edit():
    row = nominated(nominated(None, NOW), NOW + 4 * HOUR - MINUTE)
    assert row.due_at == NOW + TIMING.limit


def test_f6_after_a_reading_the_limit_counts_from_the_next_edit():
    row = nominated(None, NOW)
    row = due.done(row, NOW, NOW + HOUR)
    row = nominated(row, NOW + 2 * HOUR)
    assert (row.dirty_since, row.due_at) == (NOW + 2 * HOUR, NOW + 2 * HOUR + TIMING.settle)


@given(
    st.integers(1, 120).map(lambda n: n * MINUTE),
    st.integers(0, 600).map(lambda n: n * MINUTE),
    st.lists(st.integers(1, 90).map(lambda n: n * MINUTE), min_size=1, max_size=40),
)
def test_f6_a_page_is_due_after_settle_and_never_later_than_the_limit(settle, limit, gaps):
    row, edited = None, NOW
    for gap in gaps:
        row = nominated(row, edited, Timing(settle, limit))
        assert row.due_at == min(edited + settle, NOW + limit)
        edited += gap


@pytest.mark.parametrize("sweep_every", [MINUTE, 15 * MINUTE, HOUR])
def test_f6_a_page_edited_every_minute_all_day_is_read_within_the_limit(sweep_every):
    row, reads, now = None, [], NOW
    while now < NOW + timedelta(days=1):
        row = nominated(row, now)
        if row.due_at <= now:
            row = due.done(row, now, now)
            reads.append(now)
        now += sweep_every
    gaps = [late - early for early, late in zip([NOW, *reads], reads, strict=False)]
    # The first edit after a reading shows at the next sweep; the limit counts from there.
    assert gaps == [TIMING.limit, *[TIMING.limit + sweep_every] * (len(gaps) - 1)]
    assert NOW + timedelta(days=1) - reads[-1] <= TIMING.limit + sweep_every


# What the query shows


def test_the_same_edit_listed_again_changes_nothing():
    row = due.done(nominated(None, NOW), NOW, NOW + HOUR)
    assert nominated(row, NOW) == row


def test_an_older_listing_changes_nothing():
    row = nominated(None, NOW)
    assert nominated(row, NOW - HOUR) == row


def test_a_new_title_is_taken_over_without_a_reading():
    row = due.done(nominated(None, NOW), NOW, NOW + HOUR)
    after = due.nominate(row, listed(NOW, title="Queues"), TIMING, since=LONG_AGO)
    assert after == replace(row, title="Queues")


def test_c7_a_page_older_than_the_first_sweep_looks_back_is_baselined():
    row = nominated(None, LONG_AGO - HOUR)
    assert (row.state, row.due_at) == (PageState.BASELINED, None)


def test_c7_a_baselined_page_is_read_after_its_next_edit():
    row = nominated(nominated(None, LONG_AGO - HOUR), NOW)
    assert (row.state, row.dirty_since) == (PageState.DUE, NOW)


@pytest.mark.parametrize(
    ("before", "state"), [(0, "due"), (60, "due"), (119, "due"), (120, "baselined")]
)
def test_f7_a_page_edited_in_the_minute_of_the_baseline_is_not_baselined(before, state):
    """With `lookback: 0s` an edit later in this very minute would show the same time."""
    row = due.nominate(None, listed(NOW), TIMING, since=NOW + before * SECOND)
    assert row.state == state


@pytest.mark.parametrize("state", [PageState.GONE, PageState.LEFT])
def test_a_page_that_comes_back_is_read_again(state):
    row = replace(due.done(nominated(None, NOW), NOW, NOW + HOUR), state=state, due_at=None)
    row = nominated(row, NOW)
    assert (row.state, row.due_at) == (PageState.DUE, NOW + TIMING.settle)


def test_a_paused_page_stays_paused_and_its_edits_are_kept():
    row = replace(due.done(nominated(None, NOW), NOW, NOW + HOUR), paused=True)
    row = nominated(row, NOW + 2 * HOUR)
    assert (row.paused, row.state) == (True, PageState.DUE)
    assert row.due_at == NOW + 2 * HOUR + TIMING.settle


# The second look


@pytest.mark.parametrize("seconds", [0, 30, 59, 60, 119])
def test_c6_a_page_read_within_its_minute_is_read_once_more(seconds):
    row = due.done(nominated(None, NOW), NOW, NOW + seconds * SECOND)
    assert (row.state, row.due_at) == (PageState.DONE, NOW + SAME_MINUTE)


@pytest.mark.parametrize("seconds", [120, 121, 3600])
def test_c6_a_page_read_clear_of_its_minute_is_not(seconds):
    row = due.done(nominated(None, NOW), NOW, NOW + seconds * SECOND)
    assert (row.state, row.due_at) == (PageState.DONE, None)


def test_c6_the_second_look_is_the_last_one():
    row = due.done(nominated(None, NOW), NOW, NOW + 30 * SECOND)
    row = due.done(row, NOW, row.due_at)
    assert row.due_at is None


def test_c6_a_listing_does_not_take_the_second_look_away():
    row = due.done(nominated(None, NOW), NOW, NOW + 30 * SECOND)
    assert nominated(row, NOW) == row


def test_a_reading_that_shows_a_later_edit_than_was_listed_settles_that_one():
    row = due.done(nominated(None, NOW), NOW + HOUR, NOW + 2 * HOUR)
    assert (row.edited, row.state, row.due_at) == (NOW + HOUR, PageState.DONE, None)
    assert nominated(row, NOW + HOUR) == row


@pytest.mark.parametrize("earlier", [MINUTE, 2 * MINUTE, HOUR])
def test_a_reading_that_shows_an_earlier_edit_than_was_listed_does_not_settle_it(earlier):
    row = nominated(None, NOW)
    after = due.done(row, NOW - earlier, NOW + HOUR)
    assert (after.state, after.edited, after.error) == (PageState.DUE, NOW, STALE)
    assert after.due_at > NOW + HOUR


# Failures


def test_f18_the_waits_grow_up_to_six_hours_and_take_about_a_day():
    row, now, waits = nominated(None, NOW), NOW, []
    for _ in range(PARKED_AFTER - 1):
        row = due.failed(row, "503", now)
        assert row.state is PageState.DUE
        waits.append(row.due_at - now)
        now = row.due_at
    assert waits == sorted(waits)
    assert waits[0] == 5 * MINUTE
    assert waits[-1] == LONGEST_RETRY_WAIT
    assert timedelta(hours=18) < now - NOW < timedelta(hours=30)


def failed_often(row):
    for _ in range(PARKED_AFTER):
        row = due.failed(row, "404 Could not find block", NOW)
    return row


def test_f18_a_page_that_fails_too_often_is_parked_with_its_reason():
    row = failed_often(nominated(None, NOW))
    assert (row.state, row.due_at, row.attempts) == (PageState.PARKED, None, PARKED_AFTER)
    assert row.error == "404 Could not find block"
    assert nominated(row, NOW) == row


def test_f18_its_next_edit_frees_a_parked_page():
    row = nominated(failed_often(nominated(None, NOW)), NOW + 9 * HOUR)
    assert (row.state, row.attempts, row.error) == (PageState.DUE, 0, None)
    assert (row.dirty_since, row.due_at) == (NOW + 9 * HOUR, NOW + 9 * HOUR + TIMING.settle)


def test_an_edit_ends_a_long_wait():
    row = nominated(None, NOW)
    for _ in range(7):
        row = due.failed(row, "503", NOW)
    assert row.due_at > NOW + 4 * HOUR
    row = nominated(row, NOW + MINUTE)
    assert (row.due_at, row.attempts) == (NOW + 11 * MINUTE, 0)


def test_a_failed_second_look_is_not_forgotten():
    row = due.done(nominated(None, NOW), NOW, NOW + 30 * SECOND)
    row = due.failed(row, "503", NOW + SAME_MINUTE)
    assert (row.state, row.due_at) == (PageState.DUE, NOW + SAME_MINUTE + 5 * MINUTE)


def test_a_success_forgets_the_failures():
    row = due.failed(nominated(None, NOW), "503", NOW)
    row = due.done(row, NOW, NOW + HOUR)
    assert (row.attempts, row.error, row.state) == (0, None, PageState.DONE)


@pytest.mark.parametrize("state", PageState)
def test_what_an_operator_asks_for_is_due_now(state):
    row = page_row(state=state, attempts=10, error="503", due_at=None, edited=NOW - HOUR)
    row = due.asked_for(row, NOW)
    assert (row.state, row.due_at, row.attempts, row.error) == (PageState.DUE, NOW, 0, None)


# No edit is lost


sweeps = st.lists(
    st.tuples(
        st.integers(10, 900),  # seconds since the last sweep
        st.integers(0, 90),  # seconds that the query lags behind
        st.integers(0, 120),  # seconds until the page is read
        st.booleans(),  # whether that reading fails
        st.booleans(),  # whether the page is paused at the time
    ),
    max_size=12,
)


class History:
    """One page: edits at some seconds, sweeps that list and read it."""

    def __init__(self, edits, timing):
        self.edits, self.timing = sorted(edits), timing
        self.row, self.observed, self.now, self.checkpoint = None, None, NOW, None
        self.reads = 0

    def version(self, at):
        return sum(NOW + edit * SECOND <= at for edit in self.edits)

    def shown(self, at):
        made = [NOW + edit * SECOND for edit in self.edits if NOW + edit * SECOND <= at]
        return floored(made[-1]) if made else None

    def sweep(self, gap, lag=0, wait=0, *what_is_wrong):
        fails, paused = what_is_wrong or (False, False)
        self.now += gap * SECOND
        began = self.now
        edited = self.shown(began - lag * SECOND)
        since = self.checkpoint and floored(self.checkpoint) - LOOKBACK
        if edited and (since is None or edited >= since):
            page = listed(edited)
            self.row = due.nominate(self.row, page, self.timing, since=NOW - HOUR)
        self.checkpoint = began
        if self.row and self.row.due_at and self.row.due_at <= began and not paused:
            self._read(began + wait * SECOND, fails=fails)

    def _read(self, at, *, fails):
        self.now, self.reads = at, self.reads + 1
        if fails:
            self.row = due.failed(self.row, "503", at)
        else:
            # The page object may be the listed one; the blocks are read now.
            self.row = due.done(self.row, self.row.edited, at)
            self.observed = self.version(at)


timings = st.builds(
    Timing,
    settle=st.sampled_from([0 * MINUTE, MINUTE, 10 * MINUTE]),
    limit=st.sampled_from([0 * MINUTE, 5 * MINUTE, 4 * HOUR]),
)


@given(st.lists(st.integers(0, 3600), min_size=1, max_size=8), sweeps, timings)
def test_f7_no_edit_is_lost_whatever_the_order_of_queries_and_readings(edits, plan, timing):
    history = History(edits, timing)
    for step in plan:
        history.sweep(*step)
    while history.now < NOW + 2 * HOUR or (history.row.due_at and history.now < NOW + 48 * HOUR):
        history.sweep(300)
    assert history.row.state in (PageState.DONE, PageState.PARKED)
    if history.row.state is PageState.DONE:
        assert history.observed == len(edits)


@given(st.integers(0, 59), st.integers(1, 59))
def test_f7_a_second_edit_in_the_same_minute_is_found(first, later):
    history = History([first, min(first + later, 59)], Timing(0 * MINUTE, 0 * MINUTE))
    history.sweep(first)
    history.sweep(60 - first)
    while history.row.due_at:
        history.sweep(60)
    assert history.observed == 2


def test_c6_a_quiet_page_is_not_read_again():
    history = History([5], TIMING)
    for _ in range(60):
        history.sweep(300)
    assert history.reads == 1
