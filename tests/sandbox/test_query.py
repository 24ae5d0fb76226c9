"""Queries of a data source (facts, section 2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.sandbox import Sandbox


ASCENDING = [{"timestamp": "last_edited_time", "direction": "ascending"}]


def names(rows):
    return [row["properties"]["Name"]["title"][0]["plain_text"] for row in rows["results"]]


def edited(condition, time):
    return {"timestamp": "last_edited_time", "last_edited_time": {condition: time}}


@pytest.fixture
def query(api, rfcs):
    def run(**body):
        return api.post(f"data_sources/{rfcs.source_id}/query", body)

    return run


@pytest.fixture
def three(box, world, rfcs):
    """Pages A, B and C, last edited at 12:00:42, 12:01:42 and 12:02:42."""
    for name in "ABC":
        world.page(rfcs, name)
        box.clock.advance(timedelta(minutes=1))


@pytest.mark.parametrize(
    ("condition", "time", "found"),
    [
        ("on_or_after", "2026-11-20T12:01:00Z", "BC"),
        ("on_or_after", "2026-11-20T12:01:00.000+00:00", "BC"),
        ("on_or_after", "2026-11-20T13:01:00+01:00", "BC"),
        ("on_or_after", "2026-11-20T12:01:00", "BC"),
        ("on_or_after", "2026-11-20T12:01:01Z", "C"),
        ("after", "2026-11-20T12:01:00Z", "C"),
        ("on_or_before", "2026-11-20T12:01:00Z", "AB"),
        ("before", "2026-11-20T12:01:00Z", "A"),
        ("equals", "2026-11-20T12:01:00Z", "B"),
    ],
)
def test_a_time_filter_compares_the_floored_time(query, three, condition, time, found):
    rows = query(filter=edited(condition, time), sorts=ASCENDING)
    assert "".join(names(rows)) == found


def test_a_time_filter_can_compare_the_exact_time(world, query, three):
    world.quirks.floored_filters = False
    rows = query(filter=edited("on_or_after", "2026-11-20T12:01:42Z"), sorts=ASCENDING)
    assert names(rows) == ["B", "C"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"filter": {"property": "Status", "status": {"equals": "x"}}}, "body.filter.timestamp"),
        ({"filter": {"or": []}}, "body.filter.timestamp"),
        ({"filter": edited("on_or_after", "soon")}, "ISO 8601"),
        ({"filter": edited("near", "2026-11-20")}, "should be not present"),
        ({"filter": {"timestamp": "seen_time", "seen_time": {}}}, "seen_time"),
        ({"filter": []}, "body.filter.timestamp"),
        ({"sorts": [{"timestamp": "last_edited_time"}]}, "direction"),
        ({"sorts": [{"property": "Name", "direction": "ascending"}]}, "sorts[0].timestamp"),
        ({"page_size": 101}, "body.page_size should be ≤ `100`"),
        ({"page_size": 0}, "body.page_size should be ≥ `1`"),
        ({"page_size": "many"}, "should be a number"),
        ({"start_cursor": "nonsense"}, "The start_cursor provided is invalid: nonsense"),
        ({"archived": True}, "body.archived should be not present"),
        ({"colour": "red"}, "body.colour should be not present"),
    ],
)
def test_what_is_no_query_is_refused(api, rfcs, three, body, message):
    status, code, told = api.refused("POST", f"data_sources/{rfcs.source_id}/query", body)
    assert (status, code) == (400, "validation_error")
    assert message in told


@pytest.mark.parametrize(
    "told",
    [
        {"timestamp": "last_edited_time", "last_edited_time": {"after": "soon"}},
        {"timestamp": "last_edited_time", "last_edited_time": {"near": "2026-11-20"}},
        {"timestamp": "last_edited_time", "last_edited_time": {"after": 3}},
    ],
)
def test_a_wrong_filter_is_refused_though_there_is_no_row(api, world, told):
    table = world.database("Empty", {"Due": "date"})
    path = f"data_sources/{table.source_id}/query"
    assert api.refused("POST", path, {"filter": told})[:2] == (400, "validation_error")


def test_a_descending_sort_turns_the_order_round(query, three):
    down = [{"timestamp": "created_time", "direction": "descending"}]
    assert names(query(sorts=down)) == ["C", "B", "A"]


def test_without_sorts_the_order_is_not_that_of_making(api, world, rfcs):
    made = [world.page(rfcs, str(number)).id for number in range(20)]
    rows = api.post(f"data_sources/{rfcs.source_id}/query")
    found = [row["id"] for row in rows["results"]]
    assert sorted(found) == sorted(made)
    assert found != made


def walk(api, source_id, **body):
    found, cursor = [], None
    while True:
        more = {"start_cursor": cursor} if cursor else {}
        rows = api.post(f"data_sources/{source_id}/query", body | more)
        found.append(names(rows))
        cursor = rows["next_cursor"]
        assert rows["has_more"] == (cursor is not None)
        if cursor is None:
            return found


def test_a_walk_gives_every_row_once_by_pages(api, world, rfcs):
    for number in range(205):
        world.page(rfcs, str(number))
    pages = walk(api, rfcs.source_id, sorts=ASCENDING)
    assert [len(page) for page in pages] == [100, 100, 5]
    assert sorted((name for page in pages for name in page), key=int) == [
        str(number) for number in range(205)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.integers(0, 11), max_size=4), size=st.integers(1, 5))
def test_a_row_that_is_edited_during_a_walk_comes_again_and_pushes_none_out(api_of, edits, size):
    box = Sandbox()
    box.clock.set(box.clock())
    table = box.world.database("Table")
    pages = [box.world.page(table, str(number)) for number in range(12)]
    path, cursor, found = f"data_sources/{table.source_id}/query", {}, []
    api = api_of(box)
    for _ in range(100):
        rows = api.post(path, {"sorts": ASCENDING, "page_size": size} | cursor)
        found += names(rows)
        if edits:
            box.clock.advance(timedelta(minutes=1))
            box.world.rename(pages[edits[0]], str(edits.pop(0)))
        if not rows["has_more"]:
            break
        cursor = {"start_cursor": rows["next_cursor"]}
    assert set(found) == {str(number) for number in range(12)}


def test_moving_cursors_lose_a_row_when_another_moves(box, api, world, rfcs):
    world.quirks.moving_cursors = True
    pages = []
    for number in range(4):
        pages.append(world.page(rfcs, str(number)))
        box.clock.advance(timedelta(minutes=1))
    path = f"data_sources/{rfcs.source_id}/query"
    first = api.post(path, {"sorts": ASCENDING, "page_size": 2})
    world.rename(pages[0], "0")
    more = {"sorts": ASCENDING, "page_size": 2, "start_cursor": first["next_cursor"]}
    assert (names(first), names(api.post(path, more))) == (["0", "1"], ["3", "0"])


def test_a_cursor_of_another_query_is_refused(api, world, rfcs):
    for number in range(3):
        world.page(rfcs, str(number))
    path = f"data_sources/{rfcs.source_id}/query"
    cursor = api.post(path, {"page_size": 1})["next_cursor"]
    body = {"start_cursor": cursor, "sorts": ASCENDING}
    assert "start_cursor" in api.refused("POST", path, body)[2]


@pytest.mark.parametrize("moving", [False, True])
def test_the_cap_ends_a_walk_and_every_page_of_it_says_so(api, world, rfcs, moving):
    world.quirks.query_cap, world.quirks.moving_cursors = 5, moving
    for number in range(6):
        world.page(rfcs, str(number))
    path, cursor, found = f"data_sources/{rfcs.source_id}/query", {}, []
    for size in (2, 2, 1):
        rows = api.post(path, {"sorts": ASCENDING, "page_size": 2} | cursor)
        assert rows["request_status"] == {
            "type": "incomplete",
            "incomplete_reason": "query_result_limit_reached",
        }
        assert len(rows["results"]) == size
        found += names(rows)
        cursor = {"start_cursor": rows["next_cursor"]}
    assert (rows["has_more"], rows["next_cursor"]) == (False, None)
    assert len(set(found)) == 5


def test_at_the_cap_exactly_nothing_is_incomplete(api, world, rfcs):
    world.quirks.query_cap = 3
    for number in range(3):
        world.page(rfcs, str(number))
    rows = api.post(f"data_sources/{rfcs.source_id}/query")
    assert "request_status" not in rows
    assert len(rows["results"]) == 3


def test_a_row_that_moves_on_and_is_shown_twice_counts_twice(api, world, rfcs, box):
    world.quirks.query_cap = 3
    pages = []
    for number in range(3):
        pages.append(world.page(rfcs, str(number)))
        box.clock.advance(timedelta(minutes=1))
    path, cursor, found = f"data_sources/{rfcs.source_id}/query", {}, []
    for _ in range(3):
        rows = api.post(path, {"sorts": ASCENDING, "page_size": 1} | cursor)
        found += names(rows)
        world.rename(pages[0], "0")
        cursor = {"start_cursor": rows["next_cursor"]}
    assert found == ["0", "1", "2"]
    assert not rows["has_more"]
    assert rows["request_status"]["type"] == "incomplete"


def test_the_cap_is_10000_by_default():
    assert Sandbox().world.quirks.query_cap == 10_000


def test_trashed_pages_come_only_when_asked_for(api, world, rfcs):
    world.page(rfcs, "Kept")
    gone = world.page(rfcs, "Gone")
    world.trash(gone)
    path = f"data_sources/{rfcs.source_id}/query"
    assert names(api.post(path)) == ["Kept"]
    assert names(api.post(path, {"in_trash": True})) == ["Gone"]
    world.restore(gone)
    assert sorted(names(api.post(path))) == ["Gone", "Kept"]


def test_result_type_page_gives_pages_and_data_source_gives_none(query, three):
    assert len(query(result_type="page")["results"]) == 3
    assert query(result_type="data_source")["results"] == []


def test_a_second_data_source_has_rows_of_its_own(api, world, rfcs):
    other = world.source(rfcs, "Archive")
    world.page(rfcs, "New")
    world.page(other, "Old")
    assert names(api.post(f"data_sources/{rfcs.source_id}/query")) == ["New"]
    assert names(api.post(f"data_sources/{other.id}/query")) == ["Old"]
    listed = api.get(f"databases/{rfcs.id}")["data_sources"]
    assert [one["name"] for one in listed] == ["RFCs", "Archive"]


def test_a_database_id_is_no_data_source_id(api, rfcs):
    status, code, message = api.refused("POST", f"data_sources/{rfcs.id}/query", {})
    assert (status, code) == (404, "object_not_found")
    assert message.startswith(f"Could not find data_source with ID: {rfcs.id}. Make sure")
    assert api.refused("GET", f"databases/{rfcs.source_id}")[0] == 404
