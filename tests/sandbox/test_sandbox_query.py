"""Queries of a data source (facts, section 2)."""

from __future__ import annotations

from datetime import date, timedelta

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
        ("on_or_after", "2026-11-20", "ABC"),
        ("after", "2026-11-20", ""),
        ("on_or_after", "yesterday", "ABC"),
        ("past_week", {}, "ABC"),
        ("is_empty", True, ""),
        ("is_not_empty", True, "ABC"),
    ],
)
def test_a_time_filter_compares_the_floored_time(query, three, condition, time, found):
    rows = query(filter=edited(condition, time), sorts=ASCENDING)
    assert "".join(names(rows)) == found


def test_a_time_filter_can_compare_the_exact_time(world, query, three):
    world.quirks.floored_filters = False
    rows = query(filter=edited("on_or_after", "2026-11-20T12:01:42Z"), sorts=ASCENDING)
    assert names(rows) == ["B", "C"]


def test_filters_combine_by_and_or(query, three):
    early, late = edited("before", "2026-11-20T12:01:00Z"), edited("after", "2026-11-20T12:01:00Z")
    assert names(query(filter={"or": [late, early]}, sorts=ASCENDING)) == ["A", "C"]
    assert names(query(filter={"and": [late, early]}, sorts=ASCENDING)) == []
    nested = {"or": [{"and": [late]}, {"and": [early]}]}
    assert names(query(filter=nested, sorts=ASCENDING)) == ["A", "C"]


def test_filters_nest_two_levels_and_no_more(api, rfcs, three):
    deep = {"or": [{"and": [{"or": [edited("after", "2026-11-20")]}]}]}
    path = f"data_sources/{rfcs.source_id}/query"
    assert api.refused("POST", path, {"filter": deep})[:2] == (400, "validation_error")


@pytest.mark.parametrize(
    ("name", "told", "found"),
    [
        ("Status", {"status": {"equals": "Ready"}}, ["Full"]),
        ("Status", {"status": {"equals": ["Ready", "Draft"]}}, ["Full"]),
        ("Status", {"status": {"does_not_equal": "Ready"}}, ["Empty"]),
        ("Kind", {"select": {"is_empty": True}}, ["Empty"]),
        ("Tags", {"multi_select": {"contains": "b"}}, ["Full"]),
        ("Tags", {"multi_select": {"does_not_contain": "b"}}, ["Empty"]),
        ("Name", {"title": {"contains": "ULL"}}, ["Full"]),
        ("Name", {"rich_text": {"starts_with": "e"}}, ["Empty"]),
        ("Notes", {"rich_text": {"ends_with": "text"}}, ["Full"]),
        ("Site", {"rich_text": {"equals": "https://example.com"}}, ["Full"]),
        ("Site", {"url": {"is_not_empty": True}}, ["Full"]),
        ("Size", {"number": {"greater_than": 2}}, ["Full"]),
        ("Size", {"number": {"less_than_or_equal_to": 2}}, []),
        ("Size", {"number": {"does_not_equal": 3}}, ["Empty"]),
        ("Urgent", {"checkbox": {"equals": True}}, ["Full"]),
        ("Urgent", {"checkbox": {"does_not_equal": True}}, ["Empty"]),
        ("Due", {"date": {"on_or_after": "2026-11-20"}}, ["Full"]),
        ("Due", {"date": {"before": "2026-11-20"}}, []),
        ("Due", {"date": {"next_month": {}}}, ["Full"]),
        ("Files", {"files": {"is_not_empty": True}}, ["Full"]),
        ("No", {"unique_id": {"equals": 2}}, ["Full"]),
        ("Made", {"created_time": {"on_or_after": "2026-11-20"}}, ["Empty", "Full"]),
        ("Made", {"date": {"before": "2026-11-20"}}, []),
    ],
)
def test_property_filters(api, world, name, told, found):
    kinds = {"Kind": "select", "Tags": "multi_select", "Notes": "rich_text", "Site": "url"}
    kinds |= {"Size": "number", "Urgent": "checkbox", "Due": "date", "Files": "files"}
    kinds |= {"No": "unique_id", "Made": "created_time", "Status": ["Draft", "Ready"]}
    table = world.database("Table", kinds)
    world.page(table, "Empty")
    full = {"Status": "Ready", "Kind": "x", "Tags": ["a", "b"], "Notes": "Some **text**"}
    full |= {"Size": 3, "Urgent": True, "Due": date(2026, 11, 30), "Files": ["a.pdf"]}
    world.page(table, "Full", Site="https://example.com", **full)
    body = {"filter": {"property": name} | told, "sorts": [{"property": "Name"} | UP]}
    assert names(api.post(f"data_sources/{table.source_id}/query", body)) == found


UP = {"direction": "ascending"}


def test_people_and_relations_are_filtered_by_id(api, world):
    table = world.database("Table", {"Owner": "people", "Next": "relation", "Maker": "created_by"})
    ben = world.person("Ben Okafor")
    first = world.page(table, "First", Owner=[ben], by=ben)
    world.page(table, "Second", Next=[first])
    path = f"data_sources/{table.source_id}/query"
    for told, found in [
        ({"property": "Owner", "people": {"contains": ben.id}}, ["First"]),
        ({"property": "Owner", "people": {"is_empty": True}}, ["Second"]),
        ({"property": "Next", "relation": {"contains": first.id}}, ["Second"]),
        ({"property": "Maker", "created_by": {"contains": ben.id}}, ["First"]),
    ]:
        assert names(api.post(path, {"filter": told})) == found


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"filter": {"property": "Nope", "status": {"equals": "x"}}},
            "Could not find property with name or id: Nope",
        ),
        (
            {"filter": {"property": "Status", "select": {"equals": "x"}}},
            "database property status does not match filter select",
        ),
        ({"filter": edited("on_or_after", "soon")}, "ISO 8601"),
        ({"filter": edited("near", "2026-11-20")}, "should be not present"),
        ({"filter": {"timestamp": "seen_time", "seen_time": {}}}, "seen_time"),
        ({"filter": []}, "should be an object"),
        ({"sorts": [{"timestamp": "last_edited_time"}]}, "direction"),
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
        {"property": "Nope", "status": {"equals": "x"}},
        {"property": "Due", "date": {"after": "soon"}},
        {"property": "Due", "date": {"near": "2026-11-20"}},
        {"timestamp": "last_edited_time", "last_edited_time": {"after": 3}},
    ],
)
def test_a_wrong_filter_is_refused_though_there_is_no_row(api, world, told):
    table = world.database("Empty", {"Due": "date"})
    path = f"data_sources/{table.source_id}/query"
    assert api.refused("POST", path, {"filter": told})[:2] == (400, "validation_error")


def test_sorts_by_a_property_of_time(box, api, world):
    table = world.database("Table", {"Made": "created_time"})
    for name in "BAC":
        world.page(table, name)
        box.clock.advance(timedelta(minutes=1))
    body = {"sorts": [{"property": "Made", "direction": "descending"}]}
    assert names(api.post(f"data_sources/{table.source_id}/query", body)) == ["C", "A", "B"]


def test_sorts_by_property_with_the_empty_last_either_way(api, world):
    table = world.database("Table", {"Size": "number", "Status": ["Low", "High"]})
    world.page(table, "Three", Size=3, Status="High")
    world.page(table, "None")
    world.page(table, "One", Size=1, Status="Low")
    path = f"data_sources/{table.source_id}/query"
    for by, direction, found in [
        ("Size", "ascending", ["One", "Three", "None"]),
        ("Size", "descending", ["Three", "One", "None"]),
        ("Status", "ascending", ["One", "Three", "None"]),
        ("Name", "descending", ["Three", "One", "None"]),
    ]:
        body = {"sorts": [{"property": by, "direction": direction}]}
        assert names(api.post(path, body)) == found


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


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


def test_no_page_is_archived(query, three):
    assert query(is_archived=True)["results"] == []
    assert len(query(is_archived=False)["results"]) == 3


def test_result_type_page_gives_pages_and_data_source_gives_none(query, three):
    assert len(query(result_type="page")["results"]) == 3
    assert query(result_type="data_source")["results"] == []


def test_filter_properties_take_names_and_ids_but_no_id_encoded_twice(api, world, rfcs):
    table = world.database("Table", dict.fromkeys("ABCDEFGHIJKL", "number"))
    world.page(table, "Row")
    columns = api.get(f"data_sources/{table.source_id}")["properties"]
    path = f"data_sources/{table.source_id}/query"
    by_name = api.ask("POST", path, {}, filter_properties=["A", "Name"]).json()
    assert set(by_name["results"][0]["properties"]) == {"A", "Name"}
    encoded = next(name for name, column in columns.items() if "%" in column["id"])
    twice = api.refused("POST", path, {}, filter_properties=columns[encoded]["id"])
    assert twice[:2] == (400, "validation_error")


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


def test_search_finds_titles_of_pages_and_data_sources(api, world, rfcs):
    page = world.page(rfcs, "About queues")
    world.page(rfcs, "About trees")
    found = api.post("search", {"query": "QUEUES"})["results"]
    assert [one["id"] for one in found] == [page.id]
    only = {"filter": {"property": "object", "value": "data_source"}}
    assert [one["id"] for one in api.post("search", only)["results"]] == [rfcs.source_id]
