"""A page object and its properties as text."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from daemon.domain.errors import Incomplete, Unavailable
from daemon.notion.properties import elements, moment, people_of, property_text, read_page
from daemon.notion.reading import page_properties
from support.notion_objects import Pages, mention, text


ANA = {"object": "user", "id": "u-1", "name": "Ana Costa", "person": {"email": "ana@a.b"}}
STRANGER = {"object": "user", "id": "u-2"}
NAMELESS = {"object": "user", "id": "u-3", "name": "ben@a.b", "person": {"email": "ben@a.b"}}
GROUP = {"object": "group", "id": "g-1", "name": "Platform"}


def value(kind, held):
    return {"id": "x", "type": kind, kind: held}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (value("title", [text("RFC "), text("7", bold=True)]), "RFC 7"),
        (value("rich_text", [text("By "), mention("user", ANA, "@Ana Costa")]), "By @Ana Costa"),
        (value("rich_text", []), ""),
        (value("status", {"id": "1", "name": "In review", "color": "blue"}), "In review"),
        (value("select", {"id": "1", "name": "High"}), "High"),
        (value("select", None), ""),
        (value("multi_select", [{"name": "api"}, {"name": "db"}]), "api, db"),
        (
            value("people", [ANA, STRANGER, NAMELESS, GROUP]),
            "Ana Costa, someone, someone, Platform",
        ),
        (value("date", {"start": "2026-11-20", "end": "2026-11-22"}), "2026-11-20 → 2026-11-22"),
        (value("date", None), ""),
        (value("checkbox", held=True), "yes"),
        (value("checkbox", held=False), "no"),
        (value("number", 7), "7"),
        (value("number", 7.0), "7"),
        (value("number", 0), "0"),
        (value("number", 0.25), "0.25"),
        (value("number", None), ""),
        (value("url", "https://a.b"), "https://a.b"),
        (value("email", "ana@a.b"), "[e-mail address]"),
        (value("email", None), ""),
        (value("phone_number", "+49 30 1"), "+49 30 1"),
        (value("relation", [{"id": "1"}]), "1 linked page"),
        (value("relation", [{"id": "1"}, {"id": "2"}]), "2 linked pages"),
        (value("relation", []), ""),
        (value("rollup", {"type": "number", "number": 3, "function": "sum"}), "3"),
        (value("rollup", {"type": "date", "date": None, "function": "min"}), ""),
        (
            value(
                "rollup",
                {"type": "array", "array": [value("people", [ANA]), value("number", 2)]},
            ),
            "Ana Costa, 2",
        ),
        (value("rollup", {"type": "unsupported", "unsupported": {}}), "[unsupported value]"),
        (value("rollup", {"type": "incomplete", "incomplete": {}}), "[incomplete value]"),
        (value("formula", {"type": "string", "string": "late"}), "late"),
        (value("formula", {"type": "string", "string": None}), ""),
        (value("formula", {"type": "number", "number": 1.5}), "1.5"),
        (value("formula", {"type": "boolean", "boolean": True}), "yes"),
        (value("formula", {"type": "date", "date": {"start": "2026-11-20"}}), "2026-11-20"),
        (value("unique_id", {"prefix": "RFC", "number": 12}), "RFC-12"),
        (value("unique_id", {"prefix": None, "number": 12}), "12"),
        (value("created_time", "2026-11-20T10:41:00.000Z"), "2026-11-20 10:41 UTC"),
        (value("last_edited_time", "2026-11-20T10:41:00.000Z"), "2026-11-20 10:41 UTC"),
        (value("created_by", ANA), "Ana Costa"),
        (value("last_edited_by", STRANGER), "someone"),
        (
            value(
                "files",
                [
                    {"name": "a.pdf", "type": "file", "file": {"url": "https://s/a.pdf?X-Amz=1"}},
                    {"name": "", "type": "file", "file": {"url": "https://s/b.pdf?X-Amz=1"}},
                ],
            ),
            "a.pdf, b.pdf",
        ),
        (
            value(
                "verification",
                {"state": "verified", "verified_by": ANA, "date": {"start": "2026-11-20"}},
            ),
            "verified, by Ana Costa, 2026-11-20",
        ),
        (value("verification", {"state": "unverified", "verified_by": None}), "unverified"),
        (value("verification", None), ""),
        (value("button", {}), ""),
        (value("place", {"lat": 1.5, "lon": 2.0, "name": "Office"}), "Office"),
        (value("place", {"lat": 1.5, "lon": 2.0, "name": None}), "1.5, 2.0"),
        (value("hologram", {"any": 1}), "[unsupported property: hologram]"),
    ],
)
def test_a17_every_type_of_property_is_written_as_a_reader_sees_it(given, expected):
    assert expected == property_text(given)


@pytest.mark.parametrize("given", [None, {}, {"id": "x", "type": None}])
def test_a_property_without_a_type_is_a_hole(given):
    with pytest.raises(Incomplete):
        property_text(given)


def raw_page(**properties):
    return {
        "object": "page",
        "id": "p-1",
        "url": "https://app.notion.com/p/RFC-7-1f2e",
        "created_time": "2026-11-01T09:00:00.000Z",
        "last_edited_time": "2026-11-20T10:41:00.000Z",
        "in_trash": False,
        "properties": properties,
    }


def test_a17_a_page_has_its_title_and_the_named_properties_in_the_given_order():
    raw = raw_page(
        Owner=value("people", [ANA]),
        Name=value("title", [text("RFC\n7")]),
        Status=value("status", {"name": "Ready"}),
        Cost=value("number", None),
        Secret=value("rich_text", [text("not asked for")]),
    )
    found = read_page(raw, "s-1", ["Status", "Cost", "Gone", "Name", "Owner"])
    assert found.title == "RFC 7"
    assert found.properties == (("Status", "Ready"), ("Cost", ""), ("Owner", "Ana Costa"))
    assert found.source_id == "s-1"
    assert found.url == raw["url"]
    assert found.created == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert found.edited == datetime(2026, 11, 20, 10, 41, tzinfo=UTC)
    assert not found.in_trash


def test_a_property_of_the_last_edit_is_left_out_since_it_changes_with_every_touch():
    raw = raw_page(
        Edited=value("last_edited_time", "2026-11-20T10:41:00.000Z"),
        By=value("last_edited_by", ANA),
    )
    assert read_page(raw, "s-1", ["Edited", "By"]).properties == ()


@pytest.mark.parametrize("properties", [{}, {"Name": value("title", [])}])
def test_a_page_without_a_title_is_untitled(properties):
    assert read_page(raw_page(**properties), "s-1", []).title == "Untitled"


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {"object": "page", "id": "p-1"},
        raw_page() | {"id": None},
        raw_page() | {"created_time": None},
        raw_page() | {"last_edited_time": "soon"},
    ],
)
def test_a_partial_page_is_a_hole(raw):
    with pytest.raises(Incomplete):
        read_page(raw, "s-1", [])


@pytest.mark.parametrize(
    "written",
    [
        "2026-07-04T09:08:57.778Z",
        "2026-07-04T09:08:57.778+00:00",
        "2026-07-04T11:08:57.778+02:00",
        "2026-07-04T09:08:57.778",
    ],
)
def test_times_are_read_in_each_of_notions_forms(written):
    assert moment(written) == datetime(2026, 7, 4, 9, 8, 57, 778000, tzinfo=UTC)
    assert moment(written).tzinfo is UTC


def cut_value(kind, count, **more):
    item = {
        "title": text,
        "rich_text": text,
        "people": lambda name: {"object": "user", "id": name, "name": name},
        "relation": lambda name: {"id": name},
    }[kind]
    return {"id": f"id-{kind}", "type": kind, kind: [item(f"{at}") for at in range(count)], **more}


def complete(pages, raw, names):
    return asyncio.run(page_properties(pages, raw, names))["properties"]


@pytest.mark.parametrize("kind", ["title", "rich_text", "people", "relation"])
def test_a17_a_value_that_the_page_object_cuts_is_read_whole(kind):
    pages = Pages()
    whole = cut_value(kind, 30)[kind]
    pages.values[f"id-{kind}"] = [
        {"object": "property_item", "type": kind, kind: item} for item in whole
    ]
    raw = {
        "id": "p-1",
        "properties": {"Field": cut_value(kind, 25), "Other": cut_value("people", 3)},
    }
    found = complete(pages, raw, ["Field"])
    assert found["Field"][kind] == whole
    assert found["Other"] == raw["properties"]["Other"]
    assert len(raw["properties"]["Field"][kind]) == 25


def test_only_the_title_and_named_values_that_are_cut_cost_a_request():
    pages = Pages()
    raw = {
        "id": "p-1",
        "properties": {
            "Name": cut_value("title", 25),
            "Short": cut_value("people", 24),
            "Unnamed": cut_value("relation", 25),
            "More": cut_value("rich_text", 3, has_more=True),
            "Number": {"id": "n", "type": "number", "number": 25},
        },
    }
    complete(pages, raw, ["Short", "More", "Number"])
    assert sorted(pages.asked) == ["id-rich_text", "id-title"]


def test_a_property_that_cannot_be_read_whole_fails_the_page():
    pages = Pages()
    raw = {"id": "p-1", "properties": {"Name": cut_value("title", 25)}}
    pages.values["id-title"] = [{"object": "property_item", "type": "title"}]
    with pytest.raises(Incomplete):
        complete(pages, raw, [])
    pages.errors["id-title"] = Unavailable("503")
    with pytest.raises(Unavailable):
        complete(pages, raw, [])


def hosted(file: str, signature: str = "1", host: str = "https://s3.example/space"):
    url = f"{host}/{file}/a.pdf?X-Amz-Signature={signature}"
    return {"name": "a.pdf", "type": "file", "file": {"url": url}}


def outside(url: str):
    return {"name": "a.pdf", "type": "external", "external": {"url": url}}


def rollup(kind, held):
    return value("rollup", {"type": "array", "array": [value(kind, held)], "function": "show"})


TWINS = {
    "relation": ([{"id": "1"}], [{"id": "2"}]),
    "people": ([{"id": "1", "name": "Ana"}], [{"id": "2", "name": "Ana"}]),
    "files": ([hosted("1")], [hosted("2")]),
}


@pytest.mark.parametrize("wrap", [value, rollup])
@pytest.mark.parametrize("kind", TWINS)
def test_what_a_property_refers_to_is_told_apart_where_its_text_is_not(kind, wrap):
    one, other = (read_page(raw_page(P=wrap(kind, held)), "s", ["P"]) for held in TWINS[kind])
    assert one.properties == other.properties
    assert one.references != other.references


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("relation", [{"id": "1"}, {"id": "2"}], [{"id": "2"}, {"id": "1"}]),
        ("files", [hosted("1")], [hosted("1", "2")]),
        ("files", [hosted("1")], [hosted("1", "1", "https://files.example/new/space")]),
        (
            "files",
            [outside("https://www.notion.so/" + "a" * 32)],
            [outside("https://app.notion.com/p/" + "a" * 32)],
        ),
        ("people", [{"id": "1", "name": "Ana"}], [{"id": "1", "name": "Ana", "avatar_url": "x"}]),
    ],
)
def test_what_notion_writes_anew_is_the_same_reference(kind, one, other):
    pages = [read_page(raw_page(P=value(kind, held)), "s", ["P"]) for held in (one, other)]
    assert pages[0].references == pages[1].references != ()


def test_an_empty_value_and_one_without_ids_refer_to_nothing():
    raw = raw_page(A=value("relation", []), B=value("select", {"name": "x"}), C=rollup("number", 1))
    assert read_page(raw, "s", ["A", "B", "C"]).references == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (value("people", [ANA, GROUP]), {"Ana Costa, Platform", "Ana Costa", "Platform"}),
        (value("multi_select", [{"name": "a, b"}, {"name": "c"}]), {"a, b, c", "a, b", "c"}),
        (value("relation", [{"id": "1"}, {"id": "2"}]), {"2 linked pages", "1", "2"}),
        (rollup("people", [ANA, GROUP]), {"Ana Costa, Platform", "Ana Costa", "Platform"}),
        (rollup("status", {"name": "Ready"}), {"Ready"}),
        (value("rollup", {"type": "number", "number": 3}), {"3"}),
        (value("status", {"name": "Ready"}), {"Ready"}),
        (value("select", None), {""}),
    ],
)
def test_a_value_may_be_called_by_any_of_its_elements(given, expected):
    assert elements(given) - {"u-1", "g-1"} == expected


def test_a_page_belongs_to_the_people_of_the_named_properties_else_to_its_maker():
    properties = {
        "Owner": value("people", [ANA, NAMELESS, GROUP]),
        "Reader": value("people", [STRANGER]),
        "Status": value("status", {"name": "Draft"}),
        "Nobody": value("people", []),
    }
    raw = {"id": "p-1", "properties": properties, "created_by": STRANGER}
    owners = (("u-1", "Ana Costa"), ("u-3", ""), ("g-1", "Platform"))
    assert people_of(raw, ["Status", "Owner"]) == owners
    assert people_of(raw, ["Owner", "Reader"]) == (*owners, ("u-2", ""))
    assert people_of(raw, ["Status", "Nobody", "Absent"]) == (("u-2", ""),)
    assert people_of(raw | {"created_by": None}, []) == ()
