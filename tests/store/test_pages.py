"""Pages and data sources in the state: what goes in comes out, and what is due is due."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.change import Reviewed
from daemon.domain.records import PageRow, PageState, SourceRow
from daemon.store import pages
from daemon.store.database import copy_in_memory
from support.states import NOW, SOURCE, page_row


MINUTE = timedelta(minutes=1)


def empty():
    return closing(copy_in_memory(Path("there is none")))


@pytest.fixture
def db():
    with empty() as db:
        pages.save_source(db, SOURCE)
        yield db


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
times = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds have no zone
    lambda time: time.replace(microsecond=0)
)
rows = st.builds(
    PageRow,
    id=words,
    source_id=st.just(SOURCE.id),
    title=words,
    url=words,
    edited=times,
    state=st.sampled_from(PageState),
    due_at=st.none() | times,
    dirty_since=st.none() | times,
    paused=st.booleans(),
    attempts=st.integers(0, 9),
    error=st.none() | words,
    hash=st.none() | words,
    form=st.none() | st.integers(0, 9),
    prompt=st.none() | words,
    read_at=st.none() | times,
    reviewed_at=st.none() | times,
    paused_at=st.none() | times,
    paused_until=st.none() | times,
    settings=st.none() | words,
    left_at=st.none() | times,
)


@given(st.lists(rows, max_size=5, unique_by=lambda row: row.id))
def test_pages_come_out_as_they_went_in(saved):
    with empty() as db:
        pages.save_source(db, SOURCE)
        pages.save(db, saved)
        assert pages.by_ids(db, [row.id for row in saved]) == {row.id: row for row in saved}
        for row in saved:
            assert pages.page(db, row.id) == row


@given(rows, rows)
def test_saving_again_changes_everything_but_the_snapshot_and_a_pause(before, after):
    snapshot = Reviewed("title", (), (("block", "line"),))
    with empty() as db:
        pages.save_source(db, SOURCE)
        pages.save(db, [before])
        pages.save_reviewed(db, before.id, snapshot)
        pages.save(db, [replace(after, id=before.id)])
        pause = {name: getattr(before, name) for name in ("paused", "paused_at", "paused_until")}
        assert pages.page(db, before.id) == replace(after, id=before.id, **pause)
        assert pages.last_reviewed(db, before.id) == snapshot


@given(
    st.builds(
        Reviewed,
        title=words,
        properties=st.lists(st.tuples(words, words), max_size=3).map(tuple),
        blocks=st.lists(st.tuples(words, words), max_size=5).map(tuple),
    )
)
def test_what_was_reviewed_comes_out_as_it_went_in(reviewed):
    with empty() as db:
        pages.save_source(db, SOURCE)
        pages.save(db, [page_row()])
        pages.save_reviewed(db, page_row().id, reviewed)
        assert pages.last_reviewed(db, page_row().id) == reviewed


def test_a_page_that_was_never_reviewed_has_no_snapshot(db):
    pages.save(db, [page_row()])
    assert pages.last_reviewed(db, page_row().id) is None
    assert pages.last_reviewed(db, "unknown") is None


def test_a_source_comes_out_as_it_went_in(db):
    full = SourceRow("s2", "database", "Notes", NOW, NOW, 7, NOW, NOW, "not shared")
    pages.save_source(db, full)
    assert pages.source(db, "s2") == full
    assert pages.source(db, SOURCE.id) == SOURCE
    assert pages.source(db, "unknown") is None


def test_the_sources_of_a_database_are_found_by_its_id_or_their_own(db):
    pages.save_source(db, replace(SOURCE, id="another", database_id="database"))
    pages.save_source(db, replace(SOURCE, id="foreign", database_id="elsewhere"))
    assert [row.id for row in pages.sources_of(db, "database")] == ["another", SOURCE.id]
    assert [row.id for row in pages.sources_of(db, "foreign")] == ["foreign"]


def test_i4_the_longest_due_comes_first(db):
    due_at = {1: NOW, 2: NOW - 9 * MINUTE, 3: NOW - 5 * MINUTE, 4: NOW + MINUTE, 5: None}
    pages.save(db, [page_row(number, due_at=due) for number, due in due_at.items()])
    assert [row.title for row in pages.due(db, NOW, [SOURCE.id])] == ["RFC 2", "RFC 3", "RFC 1"]


@pytest.mark.parametrize("state", PageState)
def test_a_page_is_due_by_its_time_whatever_its_state(db, state):
    """A page that is done is due for its second look."""
    pages.save(db, [page_row(state=state)])
    assert len(pages.due(db, NOW, [SOURCE.id])) == 1


def test_a_page_is_paused_and_taken_up_by_a_statement_of_its_own(db):
    one, other = page_row(1), page_row(2)
    pages.save(db, [one, other])
    later = NOW + timedelta(days=1)
    pages.pause(db, one.id, NOW)
    assert pages.page(db, one.id) == replace(one, paused=True, paused_at=NOW)
    pages.pause(db, one.id, later, later)
    paused = replace(one, paused=True, paused_at=NOW, paused_until=later)
    assert pages.page(db, one.id) == paused
    pages.save(db, [one])
    assert pages.paused(db) == [paused]
    pages.resume(db, one.id)
    assert (pages.page(db, one.id), pages.page(db, other.id)) == (one, other)


def test_a_paused_page_is_not_due(db):
    pages.save(db, [page_row(1, paused=True), page_row(2)])
    assert [row.title for row in pages.due(db, NOW, [SOURCE.id])] == ["RFC 2"]


def test_a_page_of_a_source_that_is_not_swept_is_not_due(db):
    pages.save_source(db, replace(SOURCE, id="other"))
    pages.save(db, [page_row(1), page_row(2, source_id="other")])
    assert [row.title for row in pages.due(db, NOW, ["other"])] == ["RFC 2"]
    assert pages.due(db, NOW, []) == []


def test_any_number_of_pages_can_be_looked_up_at_once(db):
    ids = [page_row(number).id for number in range(40_000)]
    pages.save(db, [page_row(7), page_row(39_999)])
    assert sorted(pages.by_ids(db, ids)) == ["page-00007", "page-39999"]


def test_pages_that_are_gone_are_not_among_a_sources(db):
    pages.save(db, [page_row(n, state=state) for n, state in enumerate(PageState)])
    gone = page_row(list(PageState).index(PageState.GONE)).id
    assert pages.ids_of(db, SOURCE.id) == {page_row(n).id for n in range(len(PageState))} - {gone}


@pytest.mark.parametrize(
    ("values", "counted"),
    [
        ({"state": PageState.DONE, "due_at": None}, "done"),
        ({"state": PageState.DONE, "due_at": NOW + MINUTE}, "done"),
        ({"state": PageState.DUE, "due_at": NOW}, "due"),
        ({"state": PageState.DUE, "due_at": NOW + MINUTE}, "settling"),
        ({"state": PageState.DUE, "attempts": 1, "due_at": NOW + MINUTE}, "failed"),
        ({"state": PageState.DUE, "attempts": 1, "due_at": NOW}, "failed"),
        ({"state": PageState.PARKED, "attempts": 8, "due_at": None}, "failed"),
        ({"state": PageState.DUE, "paused": True}, "paused"),
        ({"state": PageState.PARKED, "attempts": 8, "paused": True}, "paused"),
        ({"state": PageState.DONE, "paused": True}, "paused"),
        ({"state": PageState.BASELINED, "due_at": None}, None),
        ({"state": PageState.LEFT, "due_at": None}, None),
        ({"state": PageState.GONE, "due_at": None}, None),
    ],
)
def test_each_page_is_counted_once_by_how_it_stands(db, values, counted):
    pages.save(db, [page_row(**values)])
    found = {name for name, number in pages.counts(db, NOW).items() if number}
    assert found == ({counted} if counted else set())


def test_failed_pages_are_those_that_wait_or_are_parked_after_a_failure(db):
    pages.save(
        db,
        [
            page_row(1, attempts=1, error="503"),
            page_row(2, state=PageState.PARKED, attempts=8, error="404"),
            page_row(3),
            page_row(4, state=PageState.DONE),
        ],
    )
    assert [(row.title, row.error) for row in pages.failed(db)] == [
        ("RFC 1", "503"),
        ("RFC 2", "404"),
    ]


def test_of_pages_that_are_saved_together_all_are_or_none(db):
    orphan = page_row(2, source_id="unknown")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        pages.save(db, [page_row(1), orphan])
    assert pages.ids_of(db, SOURCE.id) == set()
