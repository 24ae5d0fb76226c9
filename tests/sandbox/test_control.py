"""What people do, and the sandbox's own levers, over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from daemon.sandbox import blocks
from daemon.sandbox.control import ACTIONS


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues", [blocks.paragraph("We need queues.")])


@pytest.fixture
def block(world, page):
    return world.blocks(page)[0]


@pytest.fixture
def control(api):
    """Act: `control("comment", target=…)` posts, `control.get("clock")` reads."""

    class Control:
        def __call__(self, action, /, **told):
            return self._good(self.ask("POST", action, json=told))

        def get(self, name):
            return self._good(self.ask("GET", name))

        def ask(self, method, name, **given):
            async def go():
                async with api.client() as client:
                    return await client.request(method, f"/_sandbox/{name}", **given)

            return asyncio.run(go())

        @staticmethod
        def _good(answer):
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

    return Control()


def texts(api, holder):
    rows = api.get(f"blocks/{holder.id}/children")["results"]
    return ["".join(i["plain_text"] for i in row[row["type"]]["rich_text"]) for row in rows]


def test_a_person_comments_edits_resolves_reopens_and_deletes(api, control, block):
    asked = control("comment", target=block.id, text="Why *now*?", by="Ben Okafor")
    assert api.texts(block.id) == ["Why now?"]
    control("comment", target=asked, text="Because.")
    (first, second) = api.get("comments", block_id=block.id)["results"]
    assert first["discussion_id"] == second["discussion_id"]
    assert first["display_name"]["resolved_name"] == "Ben Okafor"
    control("edit-comment", comment=asked, text="Why?")
    assert api.texts(block.id) == ["Why?", "Because."]
    control("resolve", thread=asked)
    assert api.texts(block.id) == []
    control("reopen", thread=first["discussion_id"])
    control("delete-comment", comment=asked)
    assert api.texts(block.id) == ["Because."]


def test_a_person_writes_moves_edits_and_deletes_blocks(api, control, page, block):
    made = control("add-block", parent=page.id, markdown="One.\n\n- two", by="Ben Okafor")
    assert texts(api, page) == ["We need queues.", "One.", "two"]
    control("move-block", block=made[1], after="")
    control("edit-block", block=block.id, text="We need **trees**.")
    assert texts(api, page) == ["two", "We need trees.", "One."]
    control("add-block", parent=page.id, block=blocks.to_do("call"), after=block.id)
    control("delete-block", block=made[0])
    assert texts(api, page) == ["two", "We need trees.", "call"]
    control("rewrite", page=page.id, markdown="# All new")
    assert texts(api, page) == ["All new"]


def test_several_blocks_after_another_keep_their_order(api, control, page, block):
    control("add-block", parent=page.id, markdown="last")
    control("add-block", parent=page.id, markdown="a\n\nb\n\nc", after=block.id)
    assert texts(api, page) == ["We need queues.", "a", "b", "c", "last"]


def test_a_box_is_ticked_by_its_content(api, control, page):
    (made,) = control("add-block", parent=page.id, markdown="- [ ] call")
    control("edit-block", block=made, content={"checked": True})
    assert api.get(f"blocks/{made}")["to_do"]["checked"] is True


def test_a_person_writes_renames_and_classifies_a_page(api, control, rfcs):
    values = {"Status": "Ready"}
    made = control("page", place=rfcs.id, title="New", markdown="Text", properties=values)
    assert api.get(f"pages/{made}")["properties"]["Status"]["status"]["name"] == "Ready"
    control("rename", page=made, title="Newer")
    control("edit-property", page=made, name="Status", value="Draft")
    shown = api.get(f"pages/{made}")["properties"]
    assert shown["Name"]["title"][0]["plain_text"] == "Newer"
    assert shown["Status"]["status"]["name"] == "Draft"


def test_a_page_is_trashed_restored_hidden_and_shared(box, api, control, page):
    control("trash", object=page.id)
    assert api.get(f"pages/{page.id}")["in_trash"] is True
    control("restore", object=page.id)
    assert api.get(f"pages/{page.id}")["in_trash"] is False
    control("unshare", object=page.id, bot=box.bot.id)
    assert api.refused("GET", f"pages/{page.id}")[0] == 404
    control("share", object=page.id, bot=box.bot.id)
    assert api.get(f"pages/{page.id}")["id"] == page.id


def test_a_page_and_a_data_source_are_moved_and_a_page_is_archived(
    api, control, world, rfcs, page, block
):
    other = world.database("ADRs")

    def listed(source_id):
        return [row["id"] for row in api.post(f"data_sources/{source_id}/query")["results"]]

    control("move-page", page=page.id, to=other.id)
    assert api.get(f"pages/{page.id}")["parent"]["database_id"] == other.id
    assert (listed(rfcs.source_id), listed(other.source_id)) == ([], [page.id])
    control("archive", page=page.id)
    assert api.get(f"pages/{page.id}")["is_archived"] is True
    assert listed(other.source_id) == []
    control("archive", page=page.id, archived=False)
    control("move-source", source=other.source_id, to=rfcs.id)
    assert api.get(f"pages/{page.id}")["parent"]["database_id"] == rfcs.id
    assert len(api.get(f"databases/{rfcs.id}")["data_sources"]) == 2
    control("move-page", page=page.id)
    assert api.get(f"pages/{page.id}")["parent"] == {"type": "workspace", "workspace": True}
    outside = world.page(None, "Mine")
    control("move-block", block=block.id, to=outside.id)
    assert api.get(f"blocks/{block.id}")["parent"]["page_id"] == outside.id
    assert world.state.blocks[block.id].page_id == outside.id


def test_the_clock_is_read_set_advanced_and_run(box, control):
    assert control.get("clock") == "2026-11-20T12:00:42.250000+00:00"
    assert control("clock", advance=60) == "2026-11-20T12:01:42.250000+00:00"
    assert control("clock", set="2027-01-01T00:00:00Z") == "2027-01-01T00:00:00+00:00"
    control("clock", run=True)
    assert box.clock() > box.clock().replace(year=2026)


def test_faults_are_planted_listed_and_cleared(api, control):
    told = control("faults", kind="unavailable", method="GET", path="/v1/users/*", times=2, skip=1)
    assert told == control.get("faults")
    assert (told[0]["kind"], told[0]["times"], told[0]["struck"]) == ("unavailable", 2, 0)
    assert [api.ask("GET", "users/me").status_code for _ in range(2)] == [200, 503]
    assert control.get("faults")[0]["struck"] == 1
    assert control.ask("DELETE", "faults").status_code == 200
    assert control.get("faults") == []


def test_requests_are_shown_and_forgotten_and_the_sandboxs_own_are_not_among_them(
    box, api, control
):
    api.get("users/me")
    told = control.get("requests")
    assert told["counts"] == {"GET /v1/users/me": 1}
    (entry,) = told["log"]
    assert (entry["path"], entry["status"], entry["token"]) == ("/v1/users/me", 200, box.token)
    control("reset-counts")
    assert control.get("requests")["log"] == []


def test_a_limit_is_set_and_lifted(api, control):
    control("limit", per_minute=1)
    assert [api.ask("GET", "users/me").status_code for _ in range(2)] == [200, 429]
    control("limit")
    assert api.ask("GET", "users/me").status_code == 200


def test_all_comments_of_all_pages_are_shown_resolved_ones_too(world, control, page, block):
    first = world.comment(block, "On the block.")
    world.comment(page, "On the page.", by=world.bot("Other"))
    world.resolve(first)
    told = control.get("comments")
    shown = [
        (one["rich_text"][0]["plain_text"], one["resolved"], one["page_id"], one["author"]["type"])
        for one in told
    ]
    assert shown == [
        ("On the block.", True, page.id, "person"),
        ("On the page.", False, page.id, "bot"),
    ]


def test_another_bot_is_made(api_of, box, control, page):
    token = control("bot", name="Poor", read_comments=False)
    assert api_of(box, token).refused("GET", "comments", block_id=page.id)[0] == 403


def test_the_world_is_told_with_its_prompt_page(api_of):
    from daemon.sandbox import Sandbox

    box = Sandbox.with_documents()

    async def go(method, name, **given):
        async with api_of(box).client() as client:
            return (await client.request(method, f"/_sandbox/{name}", **given)).json()["result"]

    told = asyncio.run(go("GET", "world"))
    assert told["prompt"] == box.prompt.url
    assert [one["title"] for one in told["databases"]] == ["RFCs"]
    assert len(told["pages"]) == 6
    assert told["bots"][0]["token"] == box.token
    asyncio.run(go("POST", "prompt", json={"markdown": "Be kind."}))
    assert texts(api_of(box), box.prompt) == ["Be kind."]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("comment", {"target": "00000000-0000-0000-0000-000000000000", "text": "x"}),
        ("comment", {}),
        ("faults", {"kind": "nonsense"}),
        ("clock", {"set": "soon"}),
        ("prompt", {"markdown": "x"}),
        ("edit-block", {"block": "nope", "text": "x"}),
        ("bot", {"name": "x", "flies": True}),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(control, name, told):
    answer = control.ask("POST", name, json=told)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_body_that_is_no_json_is_refused(control):
    given = {"content": b"{no", "headers": {"content-type": "application/json"}}
    assert control.ask("POST", "comment", **given).status_code == 400


def test_a_body_that_another_site_could_send_is_refused(control, world, page):
    body = b'{"target": "' + page.id.encode() + b'", "text": "x"}'
    answer = control.ask("POST", "comment", content=body, headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert world.comments() == []


def test_a_webhook_is_verified_by_the_token_of_its_handshake(box, control):
    assert control("webhook", url="http://127.0.0.1:1/") == 0  # nobody listens there
    [made] = box.webhooks.subscriptions
    assert control.ask("POST", "webhook", json={"token": "secret_x"}).status_code == 400
    assert not made.is_verified
    assert control("webhook", token=made.token) == 200
    assert made.is_verified


def test_every_action_is_tested_here():
    from pathlib import Path

    written = Path(__file__).read_text()
    unseen = [name for _, name in ACTIONS if f'"{name}"' not in written]
    assert unseen == []


def test_something_is_refused_of_one_object_alone_until_it_is_allowed(
    api, control, world, rfcs, page, block
):
    other = world.page(rfcs, "Other")
    control("refuse", object=page.id, doing="list comments")
    words = (403, "restricted_resource", "Refused.")
    for place in (page.id, block.id):
        assert api.refused("GET", "comments", block_id=place) == words
    assert api.texts(other.id) == []
    control("allow", object=page.id)
    assert api.texts(page.id) == []


def test_a_data_source_is_deleted_and_its_rows_with_it(api, control, world, rfcs, page):
    more = world.source(rfcs, "More")
    control("delete-source", source=rfcs.source_id)
    assert [one["id"] for one in api.get(f"databases/{rfcs.id}")["data_sources"]] == [more.id]
    assert api.refused("POST", f"data_sources/{rfcs.source_id}/query", {})[0] == 404
    assert api.get(f"pages/{page.id}")["in_trash"]


def test_what_notion_leaves_open_is_set(control, world):
    control("quirks", page_size=2)
    assert world.quirks.page_size == 2
    assert control.ask("POST", "quirks", json={"colour": 1}).status_code == 400


def test_an_action_by_another_method_or_of_no_name_says_what_there_is(control):
    answer = control.ask("POST", "comments", json={})
    assert (answer.status_code, answer.json()["error"]) == (405, "comments: ask for it by GET")
    answer = control.ask("GET", "coments")
    assert answer.status_code == 404
    assert "comments, " in answer.json()["error"]
