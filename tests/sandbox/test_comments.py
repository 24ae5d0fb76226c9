"""Comments behave as the recorded ones do (facts, sections 0 and 4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.sandbox import blocks


def said(text):
    return [{"text": {"content": text}}]


def on_block(block, text="A point."):
    return {"parent": {"block_id": block.id}, "rich_text": said(text)}


def on_page(page, text="A point."):
    return {"parent": {"page_id": page.id}, "rich_text": said(text)}


def reply(discussion_id, text="An answer."):
    return {"discussion_id": discussion_id, "rich_text": said(text)}


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues", [blocks.paragraph("We need queues.")])


@pytest.fixture
def block(world, page):
    return world.blocks(page)[0]


def test_a_page_id_lists_the_comments_of_the_page_and_none_of_its_blocks(api, page, block):
    api.post("comments", on_block(block, "on the block"))
    api.post("comments", on_page(page, "on the page"))
    assert api.texts(page.id) == ["on the page"]
    assert api.texts(block.id) == ["on the block"]


def test_the_comments_of_a_page_share_one_discussion(api, world, page):
    first = api.post("comments", on_page(page))
    second = api.post("comments", on_page(page))
    by_person = world.comment(page, "Me too.")
    assert {second["discussion_id"], by_person.discussion_id} == {first["discussion_id"]}


def test_each_post_on_a_block_opens_a_discussion(api, block):
    first = api.post("comments", on_block(block))
    second = api.post("comments", on_block(block))
    assert first["discussion_id"] != second["discussion_id"]


def test_a_comment_moves_no_time_of_last_edit(box, api, world, page, block):
    before = api.get(f"pages/{page.id}"), api.get(f"blocks/{block.id}")
    box.clock.advance(timedelta(hours=1))
    api.post("comments", on_block(block))
    api.post("comments", on_page(page))
    world.comment(block, "Said a person.")
    assert (api.get(f"pages/{page.id}"), api.get(f"blocks/{block.id}")) == before


def test_comments_list_in_the_order_of_posting_with_all_discussions_mixed(box, api, world, block):
    first = world.comment(block, "one")
    world.comment(block, "two")
    box.clock.advance(timedelta(seconds=5))
    world.comment(first, "three, in the first thread")
    assert api.texts(block.id) == ["one", "two", "three, in the first thread"]


def test_comments_are_listed_by_the_hundred(api, world, block):
    for number in range(101):
        world.comment(block, str(number))
    first = api.get("comments", block_id=block.id)
    assert (len(first["results"]), first["has_more"]) == (100, True)
    second = api.get("comments", block_id=block.id, start_cursor=first["next_cursor"])
    assert [len(second["results"]), second["has_more"], second["next_cursor"]] == [1, False, None]


def test_a_reply_stands_in_its_discussion_and_on_the_same_block(api, world, block):
    asked = world.comment(block, "Why?")
    made = api.post("comments", reply(asked.discussion_id))
    assert made["discussion_id"] == asked.discussion_id
    assert made["parent"] == {"type": "block_id", "block_id": block.id}


def test_resolved_threads_leave_every_list_and_come_back_when_reopened(api, world, block):
    asked = world.comment(block, "Why?")
    world.comment(block, "Another thread.")
    world.resolve(asked)
    assert api.texts(block.id) == ["Another thread."]
    assert api.refused("GET", f"comments/{asked.id}")[:2] == (404, "object_not_found")
    world.reopen(asked.discussion_id)
    assert api.texts(block.id) == ["Why?", "Another thread."]


def test_a_reply_to_a_resolved_or_vanished_discussion_is_not_found(api, world, block):
    asked = world.comment(block, "Why?")
    world.resolve(asked)
    status, code, message = api.refused("POST", "comments", reply(asked.discussion_id))
    assert (status, code) == (404, "object_not_found")
    assert message.startswith(f"Could not find discussion with ID: {asked.discussion_id}.")
    world.reopen(asked)
    world.delete_comment(asked)
    assert api.refused("POST", "comments", reply(asked.discussion_id))[0] == 404


def test_the_discussion_of_a_block_in_the_trash_is_not_found(api, world, block):
    asked = world.comment(block, "Why?")
    world.delete_block(block)
    assert api.refused("POST", "comments", reply(asked.discussion_id))[0] == 404
    assert api.refused("POST", "comments", on_block(block))[0] == 404
    assert api.refused("GET", "comments", block_id=block.id)[0] == 404


def test_a_new_page_comment_opens_a_discussion_once_the_old_one_is_resolved(api, world, page):
    old = world.comment(page, "Old.")
    world.resolve(old)
    assert api.post("comments", on_page(page))["discussion_id"] != old.discussion_id
    assert api.texts(page.id) == ["A point."]


def test_deleting_the_last_comment_removes_the_discussion(api, world, block):
    asked = world.comment(block, "Why?")
    made = api.post("comments", reply(asked.discussion_id))
    world.delete_comment(asked)
    assert api.texts(block.id) == ["An answer."]
    assert api.delete(f"comments/{made['id']}")["id"] == made["id"]
    assert world.state.discussions == {}
    assert api.texts(block.id) == []


def test_another_authors_comment_is_not_found_for_change_and_deletion(box, api, world, block):
    by_person = world.comment(block, "Mine.")
    by_bot = world.comment(block, "Also mine.", by=world.bot("Other"))
    for theirs in (by_person, by_bot):
        for method, body in (("PATCH", {"rich_text": said("Changed.")}), ("DELETE", None)):
            assert api.refused(method, f"comments/{theirs.id}", body)[0] == 404
    assert api.texts(block.id) == ["Mine.", "Also mine."]


def test_an_own_comment_can_be_changed_and_says_when(box, api, block):
    made = api.post("comments", on_block(block))
    box.clock.advance(timedelta(minutes=3))
    changed = api.patch(f"comments/{made['id']}", {"rich_text": said("Better.")})
    assert changed["rich_text"][0]["plain_text"] == "Better."
    assert (changed["created_time"], changed["last_edited_time"]) == (
        "2026-11-20T12:00:00.000Z",
        "2026-11-20T12:03:00.000Z",
    )


def test_a_comment_is_shown_by_its_display_name_and_known_by_its_author(box, api, world, block):
    named = {"display_name": {"type": "custom", "custom": {"name": "Strict reviewer"}}}
    custom = api.post("comments", on_block(block) | named)
    plain = api.post("comments", on_block(block))
    as_user = api.post("comments", on_block(block) | {"display_name": {"type": "user"}})
    person = world.comment(block, "Hello.")
    shown = api.get(f"comments/{person.id}")
    assert [one["display_name"] for one in (custom, plain, as_user, shown)] == [
        {"type": "custom", "resolved_name": "Strict reviewer"},
        {"type": "integration", "resolved_name": "RFC reviewer"},
        {"type": "user", "resolved_name": "RFC reviewer"},
        {"type": "user", "resolved_name": "Ana Costa"},
    ]
    own = api.get("users/me")["id"]
    assert {one["created_by"]["id"] for one in (custom, plain, as_user)} == {own}
    assert shown["created_by"] == {"object": "user", "id": person.author_id}


@pytest.mark.parametrize(
    ("text", "size"),
    [("x" * 2001, 2001), ("🙂" * 1001, 2002), ("é" * 2001, 2001)],
    ids=["letters", "pairs", "accents"],
)
def test_text_over_2000_utf_16_units_is_refused(api, block, text, size):
    status, code, message = api.refused("POST", "comments", on_block(block, text))
    assert (status, code) == (400, "validation_error")
    assert message == (
        "body failed validation: body.rich_text[0].text.content.length should be ≤ `2000`,"
        f" instead was `{size}`."
    )


@pytest.mark.parametrize("text", ["x" * 2000, "🙂" * 1000])
def test_text_of_2000_utf_16_units_is_taken(api, block, text):
    assert api.post("comments", on_block(block, text))["rich_text"][0]["plain_text"] == text


def test_101_items_are_refused_and_100_taken(api, block):
    body = {"parent": {"block_id": block.id}, "rich_text": said("a") * 101}
    assert "body.rich_text.length should be ≤ `100`" in api.refused("POST", "comments", body)[2]
    body["rich_text"] = said("a") * 100
    assert api.post("comments", body)["rich_text"][0]["plain_text"] == "a" * 100


def test_equal_neighbours_are_merged_on_reading_back_and_cut_at_2000_units(api, block):
    bold = {"text": {"content": "bold"}, "annotations": {"bold": True, "italic": False}}
    items = [*said("one "), *said("two "), bold, bold, *said("x" * 1500), *said("y" * 1500)]
    made = api.post("comments", {"parent": {"block_id": block.id}, "rich_text": items})
    shown = [(one["plain_text"][:9], len(one["plain_text"])) for one in made["rich_text"]]
    assert shown == [("one two ", 8), ("boldbold", 8), ("xxxxxxxxx", 2000), ("yyyyyyyyy", 1000)]


@pytest.mark.parametrize(
    "body",
    [
        {"rich_text": said("no target")},
        {"parent": {"page_id": "PAGE"}, "discussion_id": "PAGE", "rich_text": said("two targets")},
        {"parent": {"page_id": "PAGE"}},
        {"parent": {"page_id": "PAGE"}, "rich_text": said("two"), "markdown": "bodies"},
        {"parent": {"page_id": "PAGE"}, "rich_text": []},
        {"parent": {"page_id": "PAGE"}, "rich_text": said("")},
        {"parent": {"page_id": "PAGE"}, "markdown": ""},
        {"parent": {"page_id": "PAGE"}, "rich_text": "text"},
        {"parent": {"page_id": "nonsense"}, "rich_text": said("x")},
        {"parent": {}, "rich_text": said("x")},
        {"parent": {"page_id": "PAGE"}, "rich_text": said("x"), "display_name": {"type": "me"}},
        {"parent": {"page_id": "PAGE"}, "rich_text": said("x"), "colour": "red"},
        {"parent": {"page_id": "PAGE"}, "rich_text": [{"text": {"content": 3}}]},
    ],
)
def test_a_body_that_is_not_one_target_and_one_text_is_refused(api, world, page, body):
    whole = {
        name: {"page_id": page.id} if value == {"page_id": "PAGE"} else value
        for name, value in body.items()
    }
    if whole.get("discussion_id"):
        whole["discussion_id"] = page.id
    assert api.refused("POST", "comments", whole)[:2] == (400, "validation_error")
    assert world.comments() == []


@pytest.mark.parametrize("url", ["./other.md", "#anchor", "javascript:alert(1)", "example.com"])
def test_a_link_that_is_no_address_is_refused(api, block, url):
    linked = [{"text": {"content": "x", "link": {"url": url}}}]
    body = {"parent": {"block_id": block.id}, "rich_text": linked}
    assert api.refused("POST", "comments", body)[2] == "Invalid URL for link."


def test_markdown_is_read_inline_only(api, block):
    text = "**Bold** *it* ~~no~~ `code` [link](https://a.b/c) $x^2$\n# no heading\n- no list"
    made = api.post("comments", {"parent": {"block_id": block.id}, "markdown": text})
    shown = {one["plain_text"]: one for one in made["rich_text"]}
    assert shown["Bold"]["annotations"]["bold"]
    assert shown["it"]["annotations"]["italic"]
    assert shown["no"]["annotations"]["strikethrough"]
    assert shown["code"]["annotations"]["code"]
    assert shown["link"]["href"] == "https://a.b/c"
    assert shown["x^2"]["type"] == "equation"
    assert shown["\n# no heading\n- no list"]["annotations"]["bold"] is False


def test_markdown_mentions_a_user_by_an_address_with_the_id(api, world, block):
    ben = world.person("Ben Okafor")
    text = f'Ask <mention-user url="user://{ben.id}"/> about it'
    made = api.post("comments", {"parent": {"block_id": block.id}, "markdown": text})
    assert [one["plain_text"] for one in made["rich_text"]] == ["Ask ", "@Ben Okafor", " about it"]


@pytest.mark.parametrize(
    ("built", "kind"),
    [
        (blocks.columns([blocks.paragraph("a")], []), "column_list"),
        (blocks.divider(), "divider"),
        (blocks.breadcrumb(), "breadcrumb"),
        (blocks.table_of_contents(), "table_of_contents"),
        (blocks.tabs(One=[]), "tab"),
        (blocks.unsupported(), "unsupported"),
        (blocks.block("child_database"), "child_database"),
    ],
)
def test_blocks_without_text_of_their_own_take_no_comment(api, world, page, built, kind):
    block = world.add_block(page, built)
    status, code, message = api.refused("POST", "comments", on_block(block))
    assert (status, code) == (400, "validation_error")
    assert kind in message


def test_a_column_takes_no_comment_but_what_stands_in_it_does(api, world, page):
    columns = world.add_block(page, blocks.columns([blocks.paragraph("a")]))
    column = world.blocks(columns)[0]
    assert api.refused("POST", "comments", on_block(column))[0] == 400
    assert api.post("comments", on_block(world.blocks(column)[0]))["object"] == "comment"


def test_a_comment_on_a_page_given_as_a_block_is_a_page_comment(api, page):
    made = api.post("comments", {"parent": {"block_id": page.id}, "rich_text": said("x")})
    assert made["parent"] == {"type": "page_id", "page_id": page.id}


def test_without_the_right_to_read_comments_a_post_answers_with_the_id_alone(as_bot, world, page):

    blind = as_bot(read_comments=False)
    assert set(blind.post("comments", on_page(page))) == {"object", "id"}
    assert blind.refused("GET", "comments", block_id=page.id)[:2] == (403, "restricted_resource")
    assert len(world.comments(page)) == 1


def test_without_the_right_to_comment_a_post_is_refused(as_bot, world, page):

    mute = as_bot(insert_comments=False)
    status, code, message = mute.refused("POST", "comments", on_page(page))
    assert (status, code) == (403, "restricted_resource")
    assert message == "Insufficient permissions for this endpoint."
    assert world.comments() == []


def test_attachments_of_people_are_shown_with_addresses_that_change(api, world, page):
    world.comment(page, "See here.", files=[("image", "screen shot.png")])
    first, second = (
        api.get("comments", block_id=page.id)["results"][0]["attachments"][0] for _ in range(2)
    )
    assert first["category"] == second["category"] == "image"
    assert "screen%20shot.png" in first["file"]["url"]
    assert first["file"]["url"] != second["file"]["url"]


def test_a_person_can_change_what_they_said(box, api, world, page):
    asked = world.comment(page, "Why?")
    box.clock.advance(timedelta(minutes=1))
    world.edit_comment(asked, "Why **not**?")
    shown = api.get(f"comments/{asked.id}")
    assert [one["plain_text"] for one in shown["rich_text"]] == ["Why ", "not", "?"]
    assert shown["last_edited_time"] == "2026-11-20T12:01:00.000Z"
