"""Users, pages, properties, versions, access and errors (facts, sections 1, 4.6, 7.2, 8, 10)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from daemon.sandbox import Sandbox, blocks


READY = {"status": {"name": "Ready"}}


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues", [blocks.paragraph("x")], Status="In review")


def test_a_bot_knows_itself_without_any_capability(box, as_bot):
    poor = as_bot(read_content=False, read_comments=False, insert_comments=False, users=False)
    me = poor.get("users/me")
    assert (me["type"], me["name"]) == ("bot", "Other")
    assert me["bot"]["owner"] == {"type": "workspace", "workspace": True}


def test_each_token_is_a_bot_of_its_own(box, api, api_of):
    other = api_of(box, box.add_bot("Second"))
    assert api.get("users/me")["id"] == box.bot.id
    assert other.get("users/me")["id"] != box.bot.id


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "TOKEN"}],
)
def test_an_unknown_token_is_refused(box, api, headers):
    named = {name: value.replace("TOKEN", box.token) for name, value in headers.items()}
    given = {"Notion-Version": "2026-03-11"} | named
    answer = api.ask("GET", "users/me", headers=given)
    told = answer.json()
    assert answer.status_code == 401
    assert (told["code"], told["message"]) == ("unauthorized", "API token is invalid.")


def test_users_are_people_and_bots_and_deleted_ones_are_not_found(api, world):
    ana = world.person("Ana Costa", "ana@example.com")
    listed = api.get("users")["results"]
    assert [(one["type"], one["name"]) for one in listed] == [
        ("person", "Ana Costa"),
        ("bot", "RFC reviewer"),
    ]
    assert api.get(f"users/{ana.id}")["person"] == {"email": "ana@example.com"}
    nobody = "745e79dd-3e43-40de-9d51-39357c1c428f"
    status, code, message = api.refused("GET", f"users/{nobody}")
    assert (status, code) == (404, "object_not_found")
    assert message.startswith(f"Could not find user with ID: {nobody}. Make sure your integration")


def test_users_are_listed_by_pages(api, world):
    for number in range(101):
        world.person(f"Person {number}")
    first = api.get("users")
    second = api.get("users", start_cursor=first["next_cursor"])
    assert [len(first["results"]), len(second["results"])] == [100, 2]


def test_only_itself_sees_a_bots_workspace(box, api):
    other = box.world.bot("Other")
    assert api.get(f"users/{other.id}")["bot"] == {}


def test_who_left_is_not_found_and_leaves_an_id_behind(api, world, rfcs):
    ben = world.person("Ben Okafor")
    page = world.page(rfcs, "Queues", by=ben, Owner=[ben])
    comment = world.comment(page, "Hm.", by=ben)
    world.leave(ben)
    assert api.refused("GET", f"users/{ben.id}")[0] == 404
    owner = api.get(f"pages/{page.id}")["properties"]["Owner"]["people"]
    assert owner == [{"object": "user", "id": ben.id}]
    shown = api.get(f"comments/{comment.id}")
    assert shown["display_name"] == {"type": "user", "resolved_name": None}
    assert shown["created_by"]["id"] == ben.id


def test_a_group_may_own_a_page(api, world, rfcs):
    team = world.group("Platform")
    page = world.page(rfcs, "Queues", Owner=[team])
    owner = api.get(f"pages/{page.id}")["properties"]["Owner"]["people"]
    assert owner == [{"object": "group", "id": team.id, "name": "Platform"}]


def test_without_user_information_users_are_ids_alone(as_bot, world, rfcs):
    ana = world.person("Ana Costa")
    page = world.page(rfcs, "Queues", Owner=[ana])
    blind = as_bot(users=False)
    for path in ("users", f"users/{ana.id}"):
        assert blind.refused("GET", path)[:2] == (403, "restricted_resource")
    owner = blind.get(f"pages/{page.id}")["properties"]["Owner"]["people"]
    assert owner == [{"object": "user", "id": ana.id}]


def test_without_the_right_to_addresses_people_have_none(as_bot, world):
    ana = world.person("Ana Costa")
    assert as_bot(emails=False).get(f"users/{ana.id}")["person"] == {}


def test_without_the_right_to_read_content_everything_of_it_is_refused(as_bot, rfcs, page):
    blind = as_bot(read_content=False)
    paths = [
        f"databases/{rfcs.id}",
        f"data_sources/{rfcs.source_id}",
        f"pages/{page.id}",
        f"pages/{page.id}/properties/title",
        f"blocks/{page.id}",
        f"blocks/{page.id}/children",
    ]
    for path in paths:
        assert blind.refused("GET", path) == (
            403,
            "restricted_resource",
            "Insufficient permissions for this endpoint.",
        )
    assert blind.refused("POST", f"data_sources/{rfcs.source_id}/query", {})[0] == 403


def test_without_the_right_to_update_content_writes_are_refused(as_bot, world, page):
    reader = as_bot(update_content=False)
    block = world.blocks(page)[0]
    assert reader.refused("PATCH", f"pages/{page.id}", {"in_trash": True})[0] == 403
    assert reader.refused("PATCH", f"blocks/{block.id}", {"paragraph": {}})[0] == 403
    assert reader.refused("DELETE", f"blocks/{block.id}")[0] == 403
    assert reader.refused("PATCH", f"blocks/{page.id}/children", {"children": []})[0] == 403


def test_what_is_not_shared_is_not_found_in_notions_words(box, api, world, page):
    world.unshare(page)
    answer = api.ask("GET", f"pages/{page.id}")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (404, "object_not_found")
    assert told["message"] == (
        f"Could not find page with ID: {page.id}. Make sure the relevant pages and databases are"
        ' shared with your integration "RFC reviewer".'
    )
    assert told["additional_data"] == {"integration_id": box.bot.id}


def test_an_icon_and_a_cover_are_kept(api, page):
    shown = {
        "icon": {"type": "emoji", "emoji": "🚀"},
        "cover": {"type": "external", "external": {"url": "https://example.com/a.png"}},
    }
    changed = api.patch(f"pages/{page.id}", shown)
    assert {name: changed[name] for name in shown} == shown
    assert api.get(f"pages/{page.id}")["icon"] == shown["icon"]
    assert api.patch(f"pages/{page.id}", {"icon": None})["icon"] is None


def test_a_database_that_is_not_shared_takes_its_rows_and_their_blocks_along(
    api, world, rfcs, page
):
    block = world.blocks(page)[0]
    comment = world.comment(block, "Hm.")
    world.unshare(rfcs)
    for path in (
        f"databases/{rfcs.id}",
        f"data_sources/{rfcs.source_id}",
        f"pages/{page.id}",
        f"blocks/{block.id}",
        f"comments/{comment.id}",
    ):
        assert api.refused("GET", path)[0] == 404
    assert api.refused("GET", "comments", block_id=block.id)[0] == 404
    assert api.refused("POST", f"data_sources/{rfcs.source_id}/query", {})[0] == 404
    world.share(page)
    assert api.get(f"blocks/{block.id}")["id"] == block.id


def test_a_page_may_be_hidden_from_one_bot_alone(box, api, api_of, world, rfcs, page):
    other = world.bot("Other")
    world.unshare(page, bot=box.bot)
    assert api.post(f"data_sources/{rfcs.source_id}/query")["results"] == []
    assert api_of(box, other.token).get(f"pages/{page.id}")["id"] == page.id


def test_a_missing_or_unknown_version_is_refused(api, box):
    token = {"Authorization": f"Bearer {box.token}"}
    none = api.ask("GET", "users/me", headers=token).json()
    assert (none["status"], none["code"]) == (400, "missing_version")
    assert none["message"].endswith("should be defined, instead was `undefined`.")
    wrong = api.ask("GET", "users/me", headers=token | {"Notion-Version": "2099-01-01"}).json()
    assert (wrong["status"], wrong["code"]) == (400, "validation_error")
    assert '`"2099-01-01"`' in wrong["message"]


def test_an_unknown_path_or_method_is_an_invalid_request_url(api):
    wanted = (400, "invalid_request_url", "Invalid request URL.")
    assert api.refused("GET", "nonsense") == wanted
    assert api.refused("PUT", "comments") == wanted
    assert api.refused("POST", "users/me", {}) == wanted


def test_a_body_that_is_no_json_is_refused(box, api):
    import asyncio

    async def go():
        async with api.client() as client:
            return await client.post("/v1/comments", content=b"{no", headers=api.headers)

    told = asyncio.run(go()).json()
    assert (told["status"], told["code"]) == (400, "invalid_json")


def test_a_body_over_500_kb_is_refused(api):
    status, code, message = api.refused("POST", "comments", {"markdown": "x" * 512 * 1024})
    assert (status, code) == (400, "validation_error")
    assert "body.length" in message


def test_a_page_names_its_data_source_and_database(api, rfcs, page):
    shown = api.get(f"pages/{page.id}")
    assert shown["parent"] == {
        "type": "data_source_id",
        "data_source_id": rfcs.source_id,
        "database_id": rfcs.id,
    }
    assert shown["url"] == f"https://app.notion.com/p/Queues-{page.id.replace('-', '')}"


def test_a_page_outside_every_database_has_a_title_alone(api, world):
    home = world.page(None, "Home")
    shown = api.get(f"pages/{home.id}")
    assert shown["parent"] == {"type": "workspace", "workspace": True}
    assert list(shown["properties"]) == ["title"]
    child = world.page(home, "Child")
    assert api.get(f"pages/{child.id}")["parent"] == {"type": "page_id", "page_id": home.id}


def test_a_renamed_title_is_the_title_still(api, world):
    table = world.database("Table", {"Document": "title", "Name": "rich_text"})
    page = world.page(table, "Row", Name="not the title")
    columns = api.get(f"data_sources/{table.source_id}")["properties"]
    assert (columns["Document"]["id"], columns["Document"]["type"]) == ("title", "title")
    shown = api.get(f"pages/{page.id}")["properties"]
    assert shown["Document"]["title"][0]["plain_text"] == "Row"
    assert shown["Name"]["rich_text"][0]["plain_text"] == "not the title"


def test_values_of_every_kind_are_shown(api, world):
    ana = world.person("Ana Costa")
    kinds = {"Stage": ["Draft", "Ready"], "Kind": "select", "Tags": "multi_select"}
    kinds |= {"Owner": "people", "Due": "date", "Notes": "rich_text", "Size": "number"}
    kinds |= {"Urgent": "checkbox", "Site": "url", "Files": "files", "No": "unique_id"}
    kinds |= {"Next": "relation", "Made": "created_time", "Maker": "created_by"}
    table = world.database("Table", kinds)
    values = {"Stage": "Ready", "Kind": "x", "Tags": ["a", "b"], "Owner": [ana]}
    values |= {"Due": date(2026, 11, 20), "Notes": "Some **text**", "Size": 3, "Urgent": True}
    values |= {"Site": "https://example.com", "Files": ["kept.pdf"]}
    page = world.page(table, "Row", **values)
    world.edit_property(page, "Next", [page])
    shown = {n: v[v["type"]] for n, v in api.get(f"pages/{page.id}")["properties"].items()}
    assert (shown["Stage"]["name"], shown["Kind"]["name"]) == ("Ready", "x")
    assert [one["name"] for one in shown["Tags"]] == ["a", "b"]
    assert [one["name"] for one in shown["Owner"]] == ["Ana Costa"]
    assert shown["Due"] == {"start": "2026-11-20", "end": None, "time_zone": None}
    assert [one["plain_text"] for one in shown["Notes"]] == ["Some ", "text"]
    assert (shown["Size"], shown["Urgent"], shown["Site"]) == (3, True, "https://example.com")
    assert shown["Files"][0]["name"] == "kept.pdf"
    assert shown["No"] == {"prefix": None, "number": 1}
    assert shown["Next"] == [{"id": page.id}]
    assert shown["Made"] == "2026-11-20T12:00:00.000Z"
    assert shown["Maker"]["id"] == ana.id


def test_empty_values_are_null_or_empty(api, world):
    kinds = {"Stage": ["Draft"], "Due": "date", "Notes": "rich_text", "Size": "number"}
    kinds |= {"Urgent": "checkbox", "Site": "url", "Owner": "people", "Tags": "multi_select"}
    page = world.page(world.database("Table", kinds), "Row")
    shown = {n: v[v["type"]] for n, v in api.get(f"pages/{page.id}")["properties"].items()}
    shown.pop("Name")
    assert shown == {
        "Stage": None,
        "Due": None,
        "Notes": [],
        "Size": None,
        "Urgent": False,
        "Site": None,
        "Owner": [],
        "Tags": [],
    }


@pytest.mark.parametrize("kind", ["people", "relation", "rich_text", "title"])
def test_more_than_25_references_are_cut_on_the_page_and_whole_by_property(api, world, kind):
    table = world.database("Table", {} if kind == "title" else {"Many": kind})
    if kind in ("people", "relation"):
        make = world.person if kind == "people" else lambda name: world.page(table, name)
        many = [make(f"No {number}") for number in range(130)]
    else:
        many = [
            {"type": "text", "text": {"content": f"{n} "}, "annotations": {"bold": n % 2 == 0}}
            for n in range(130)
        ]
    if kind == "title":
        page = world.page(table, many)
    else:
        page = world.page(table, "Row")
        world.edit_property(page, "Many", many)
    found = api.get(f"pages/{page.id}")["properties"]["Name" if kind == "title" else "Many"]
    assert len(found[kind]) == 25
    if kind == "relation":
        assert found["has_more"] is True
    path = f"pages/{page.id}/properties/{found['id']}"
    first = api.get(path)
    assert (first["type"], first["property_item"]["type"]) == ("property_item", kind)
    assert first["property_item"]["next_url"].endswith(first["next_cursor"])
    second = api.get(path, start_cursor=first["next_cursor"])
    assert [len(first["results"]), len(second["results"])] == [100, 30]
    assert second["property_item"]["next_url"] is None


def test_a_relation_leaves_out_what_is_not_shared(api, world):
    table = world.database("Table", {"Next": "relation"})
    seen, secret = world.page(table, "Seen"), world.page(table, "Secret")
    page = world.page(table, "Row", Next=[secret, seen])
    world.unshare(secret)
    shown = api.get(f"pages/{page.id}")["properties"]["Next"]["relation"]
    assert shown == [{"id": seen.id}]


def test_other_properties_are_one_item(api, page):
    prop = api.get(f"pages/{page.id}")["properties"]["Status"]
    item = api.get(f"pages/{page.id}/properties/{prop['id']}")
    assert (item["object"], item["status"]["name"]) == ("property_item", "In review")
    assert api.refused("GET", f"pages/{page.id}/properties/nope")[0] == 404


def test_a_bot_sets_properties(api, world, rfcs, page):
    ben = world.person("Ben Okafor")
    body = {
        "properties": {
            "Status": {"status": {"name": "Ready"}},
            "Owner": {"people": [{"id": ben.id}]},
            "Name": {"title": [{"text": {"content": "Other"}}]},
        }
    }
    shown = api.patch(f"pages/{page.id}", body)["properties"]
    assert shown["Status"]["status"]["name"] == "Ready"
    assert shown["Owner"]["people"][0]["name"] == "Ben Okafor"
    assert shown["Name"]["title"][0]["plain_text"] == "Other"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Status": READY, "Nope": {"checkbox": True}}, "Nope is not a property that exists."),
        ({"Status": {"select": {"name": "x"}}}, "body.properties.Status.status should be defined"),
        ({"Status": {"status": {}}}, "name should be a string"),
        ({"Status": READY, "Owner": {"people": [{"id": "x"}]}}, "should be a valid uuid"),
    ],
)
def test_a_property_that_does_not_fit_is_refused_and_nothing_is_changed(
    api, page, properties, message
):
    before = api.get(f"pages/{page.id}")
    told = api.refused("PATCH", f"pages/{page.id}", {"properties": properties})
    assert told[:2] == (400, "validation_error")
    assert message in told[2]
    assert api.get(f"pages/{page.id}") == before


def test_a_bot_moves_a_page_to_the_trash_and_back(api, page):
    assert api.patch(f"pages/{page.id}", {"in_trash": True})["in_trash"] is True
    assert api.patch(f"pages/{page.id}", {"in_trash": False})["in_trash"] is False
    refused = api.refused("PATCH", f"pages/{page.id}", {"archived": True})
    assert "body.archived should be not present" in refused[2]


def test_a_database_in_the_trash_takes_its_pages_along(api, world, rfcs, page):
    world.trash(rfcs)
    assert api.get(f"databases/{rfcs.id}")["in_trash"] is True
    assert api.get(f"pages/{page.id}")["in_trash"] is True


def test_the_same_seed_and_steps_make_the_same_world():
    def build(seed):
        box = Sandbox(lambda: datetime(2026, 1, 1, tzinfo=UTC), seed)
        table = box.world.database("Table")
        page = box.world.page(table, "Row", [blocks.paragraph("x")])
        box.world.comment(page, "Hm.")
        state = box.world.state
        return box.token, state.databases, state.pages, state.blocks, state.comments

    assert build(1) == build(1)
    assert build(1)[0] != build(2)[0]


def test_what_is_asked_changes_no_id_of_what_is_made(box, api, world, rfcs):
    other = Sandbox()
    other.world.database("RFCs")
    api.get("users/me")
    api.post(f"data_sources/{rfcs.source_id}/query")
    assert world.page(rfcs, "x").id == other.world.page(rfcs.id, "x").id
