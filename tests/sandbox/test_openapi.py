"""Every answer fits Notion's own OpenAPI file, where a copy of it is at hand.

The file writes `allOf` over members that each forbid further properties, which no object can
satisfy: that ban is moved to where they meet. Success bodies carry a `request_id` that it does
not know, and relations a `has_more` (both recorded): those are taken off before.
"""

from __future__ import annotations

import json
from datetime import date

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from daemon.sandbox import Sandbox, blocks, rich
from support.places import SPEC


pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="no copy of Notion's OpenAPI file")


def unban(schema, schemas, seen):
    """Lift the ban on further properties from a member of an allOf and its alternatives."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[-1]]
    if id(schema) in seen:
        return
    seen.add(id(schema))
    schema.pop("additionalProperties", None)
    for word in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(word, ()):
            unban(part, schemas, seen)


def walk(value):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


@pytest.fixture(scope="module")
def spec():
    found = json.loads(SPEC.read_text())
    schemas = found["components"]["schemas"]
    seen = set()
    joined = [one for one in walk(found) if isinstance(one.get("allOf"), list)]
    for schema in joined:
        for member in schema["allOf"]:
            unban(member, schemas, seen)
    for schema in joined:
        if id(schema) not in seen:
            schema["unevaluatedProperties"] = False
    return found


@pytest.fixture(scope="module")
def check(spec):
    def fits(answer, path, method="get"):
        told = spec["paths"][path][method]["responses"]["200"]
        schema = told["content"]["application/json"]["schema"]
        validate(answer, schema, spec)

    return fits


def validate(answer, schema, spec):
    """Fail with the one mismatch that says most."""
    for value in walk(answer):
        if value.get("type") == "relation" and isinstance(value.get("relation"), list):
            value.pop("has_more")
    whole = {**schema, "components": spec["components"]}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    found = best_match(validator.iter_errors(answer))
    if found:
        pytest.fail(f"{found.json_path}: {found.message[:500]}")


@pytest.fixture(scope="module")
def full(every_block):
    """A world with one of everything."""
    box = Sandbox()
    world = box.world
    ana = world.person("Ana Costa")
    kinds = {
        "Stage": ["Draft", "In review", "Ready"],
        "Kind": "select",
        "Tags": "multi_select",
        "Owner": "people",
        "Due": "date",
        "Notes": "rich_text",
        "Size": "number",
        "Urgent": "checkbox",
        "Site": "url",
        "Mail": "email",
        "Phone": "phone_number",
        "Files": "files",
        "Related": "relation",
        "No": "unique_id",
        "Made": "created_time",
        "Edited": "last_edited_time",
        "Maker": "created_by",
        "Editor": "last_edited_by",
    }
    database = world.database("Everything", kinds)
    first = world.page(database, "First")
    world.page(
        database,
        "Second",
        every_block,
        Stage="Ready",
        Kind="big",
        Tags=["a", "b"],
        Owner=[ana],
        Due=(date(2026, 11, 20), date(2026, 11, 25)),
        Notes="Some **text**",
        Size=3,
        Urgent=True,
        Site="https://example.com",
        Mail="a@example.com",
        Phone="123",
        Files=["https://example.com/a.png", "kept.pdf"],
        Related=[first],
    )
    home = world.page(None, "Home", [blocks.link_to_page(first)])
    world.page(home, "Child")
    world.database("Inside", parent=home)
    original = next(b for b in world.state.blocks.values() if b.type == "synced_block")
    world.add_block(home, blocks.synced_copy(original))
    mentions = [rich.mention("user", ana), rich.mention("page", first)]
    world.add_block(home, blocks.paragraph([*mentions, rich.mention("database", database)]))
    world.comment(home, mentions, files=[("image", "screen.png")])
    return box


@pytest.fixture
def ask(full, api_of):
    return api_of(full)


def page_named(box, name):
    return next(page for page in box.world.state.pages.values() if page.name == name)


def test_users_fit(check, ask, full):
    check(ask.get("users/me"), "/v1/users/me")
    check(ask.get("users"), "/v1/users")
    for user_id in full.world.state.people:
        check(ask.get(f"users/{user_id}"), "/v1/users/{user_id}")


def test_databases_and_data_sources_fit(check, ask, full):
    for database in full.world.state.databases.values():
        check(ask.get(f"databases/{database.id}"), "/v1/databases/{database_id}")
        source = ask.get(f"data_sources/{database.source_id}")
        check(source, "/v1/data_sources/{data_source_id}")


def test_queries_fit(check, ask, full):
    for source_id in full.world.state.sources:
        rows = ask.post(f"data_sources/{source_id}/query")
        check(rows, "/v1/data_sources/{data_source_id}/query", "post")


def test_pages_and_their_properties_fit(check, ask, full):
    for page in full.world.state.pages.values():
        shown = ask.get(f"pages/{page.id}")
        check(shown, "/v1/pages/{page_id}")
        for prop in shown["properties"].values():
            item = ask.get(f"pages/{page.id}/properties/{prop['id']}")
            check(item, "/v1/pages/{page_id}/properties/{property_id}")


def test_blocks_of_every_type_fit(check, ask, full):
    seen = set()

    def go_down(block_id):
        below = ask.get(f"blocks/{block_id}/children")
        check(below, "/v1/blocks/{block_id}/children")
        for block in below["results"]:
            seen.add(block["type"])
            check(ask.get(f"blocks/{block['id']}"), "/v1/blocks/{block_id}")
            if block["has_children"] and not (block.get("synced_block") or {}).get("synced_from"):
                go_down(block["id"])

    go_down(page_named(full, "Second").id)
    go_down(page_named(full, "Home").id)
    assert seen == blocks.TYPES


def test_comments_fit(check, ask, full):
    home = page_named(full, "Home")
    body = {
        "parent": {"page_id": home.id},
        "rich_text": [{"text": {"content": "a"}, "annotations": {"bold": True}}],
        "display_name": {"type": "custom", "custom": {"name": "Reviewer"}},
    }
    made = ask.post("comments", body)
    check(made, "/v1/comments", "post")
    check(ask.get("comments", block_id=home.id), "/v1/comments")
    check(ask.get(f"comments/{made['id']}"), "/v1/comments/{comment_id}")
    changed = ask.patch(f"comments/{made['id']}", {"markdown": "**b** $x$"})
    check(changed, "/v1/comments/{comment_id}", "patch")
    check(ask.delete(f"comments/{made['id']}"), "/v1/comments/{comment_id}", "delete")


def test_refusals_fit(spec, ask):
    schemas = spec["components"]["schemas"]
    asked = {
        400: ("GET", "pages/nonsense"),
        404: ("GET", "pages/00000000-0000-0000-0000-000000000000"),
    }
    for status, (method, path) in asked.items():
        told = ask.ask(method, path).json()
        del told["request_id"]
        validate(told, schemas[f"error_api_{status}"], spec)
