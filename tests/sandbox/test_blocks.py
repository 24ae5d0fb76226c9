"""Blocks: every type, nesting, order, and what is special about some (facts, section 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from daemon.sandbox import blocks, rich


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues")


def kids(api, holder_id, **params):
    return api.get(f"blocks/{holder_id}/children", **params)["results"]


def text(block):
    return "".join(one["plain_text"] for one in block[block["type"]]["rich_text"])


def test_children_come_in_document_order_and_only_the_first_level(api, world, page):
    outer = world.add_block(page, blocks.bullet("a", blocks.bullet("b", blocks.bullet("c"))))
    world.add_block(page, blocks.paragraph("d"))
    first, second = kids(api, page.id)
    assert [text(first), text(second)] == ["a", "d"]
    assert (first["has_children"], second["has_children"]) == (True, False)
    (inner,) = kids(api, outer.id)
    assert (text(inner), inner["parent"]) == ("b", {"type": "block_id", "block_id": outer.id})


def test_151_blocks_are_a_hundred_and_51(api, world, rfcs):
    page = world.page(rfcs, "Long", [blocks.paragraph(str(number)) for number in range(151)])
    first = api.get(f"blocks/{page.id}/children")
    second = api.get(f"blocks/{page.id}/children", start_cursor=first["next_cursor"])
    assert [len(first["results"]), first["has_more"]] == [100, True]
    assert [len(second["results"]), second["has_more"], second["next_cursor"]] == [51, False, None]
    assert [text(one) for one in first["results"] + second["results"]] == [*map(str, range(151))]


def test_a_page_may_hold_fewer_results_than_asked_for(api, world, rfcs):
    world.quirks.page_size = 2
    page = world.page(rfcs, "Short", [blocks.paragraph(str(number)) for number in range(5)])
    assert [text(one) for one in kids(api, page.id, page_size=100)] == ["0", "1"]


def test_an_id_is_taken_with_and_without_dashes(api, world, page):
    block = world.add_block(page, blocks.paragraph("x"))
    assert api.get(f"blocks/{block.id}") == api.get(f"blocks/{block.id.replace('-', '')}")
    assert api.get(f"blocks/{block.id.replace('-', '').upper()}")["id"] == block.id


@pytest.mark.parametrize("wrong", ["nonsense", "12345678-1234-1234-1234-123456789abc", "1" * 31])
def test_an_id_that_is_none_is_refused_in_notions_words(api, wrong):
    assert api.refused("GET", f"blocks/{wrong}/children") == (
        400,
        "validation_error",
        f'path failed validation: path.block_id should be a valid uuid, instead was `"{wrong}"`.',
    )


def test_the_children_of_a_synced_copy_are_not_found_but_its_originals_are(api, world, page):
    original = world.add_block(page, blocks.synced(blocks.paragraph("shared text")))
    copy = world.add_block(page, blocks.synced_copy(original))
    shown = api.get(f"blocks/{copy.id}")
    assert shown["has_children"]
    assert shown["synced_block"]["synced_from"] == {"type": "block_id", "block_id": original.id}
    status, code, message = api.refused("GET", f"blocks/{copy.id}/children")
    assert (status, code) == (404, "object_not_found")
    assert message.startswith(f"Could not find block with ID: {copy.id}.")
    assert [text(one) for one in kids(api, original.id)] == ["shared text"]
    assert api.get(f"blocks/{original.id}")["synced_block"] == {"synced_from": None}


def test_a_copy_may_list_the_blocks_of_its_source_also_where_that_is_not_shared(
    api, world, rfcs, page
):
    secret = world.page(rfcs, "Secret")
    original = world.add_block(secret, blocks.synced(blocks.paragraph("hidden")))
    copy = world.add_block(page, blocks.synced_copy(original))
    world.unshare(secret)
    world.quirks.copies_list_children = True
    [shown] = kids(api, copy.id)
    assert (text(shown), shown["parent"]["block_id"]) == ("hidden", original.id)


def test_the_original_of_a_copy_may_be_on_a_page_that_is_not_shared(api, world, rfcs, page):
    secret = world.page(rfcs, "Secret")
    original = world.add_block(secret, blocks.synced(blocks.paragraph("hidden")))
    world.add_block(page, blocks.synced_copy(original))
    world.unshare(secret)
    assert api.refused("GET", f"blocks/{original.id}/children")[0] == 404


def test_a_hosted_file_has_another_address_at_each_read_and_says_when_it_ends(
    box, api, world, page
):
    block = world.add_block(page, blocks.hosted("image", "plan.png", "The plan"))
    first, second = (api.get(f"blocks/{block.id}")["image"] for _ in range(2))
    assert first["file"]["url"] != second["file"]["url"]
    assert "/plan.png?X-Amz-Algorithm=" in first["file"]["url"]
    assert first["file"]["expiry_time"] == "2026-11-20T13:00:42.250Z"
    assert first["caption"] == second["caption"]


def test_a_file_elsewhere_keeps_its_address(api, world, page):
    block = world.add_block(page, blocks.image("https://example.com/a.png"))
    shown = api.get(f"blocks/{block.id}")["image"]
    assert shown["external"] == {"url": "https://example.com/a.png"}


def test_meeting_notes_name_their_parts(api, world, page):
    notes = blocks.meeting_notes(
        "Weekly", summary=[blocks.paragraph("short")], notes=[blocks.bullet("point")]
    )
    block = world.add_block(page, notes)
    parts = api.get(f"blocks/{block.id}")["meeting_notes"]["children"]
    assert text(kids(api, parts["summary_block_id"])[0]) == "short"
    assert text(kids(api, parts["notes_block_id"])[0]) == "point"


def test_meeting_notes_may_hide_that_they_have_children(api, world, page):
    block = world.add_block(page, blocks.meeting_notes("Weekly", notes=[blocks.bullet("point")]))
    world.quirks.notes_list_children = False
    shown = api.get(f"blocks/{block.id}")
    assert not shown["has_children"]
    assert text(kids(api, shown["meeting_notes"]["children"]["notes_block_id"])[0]) == "point"


def test_a_tab_holds_paragraphs_as_labels_that_hold_the_content(api, world, page):
    tab = world.add_block(page, blocks.tabs(First=[blocks.paragraph("inside")], Second=[]))
    first, second = kids(api, tab.id)
    assert [text(first), text(second)] == ["First", "Second"]
    assert [text(one) for one in kids(api, first["id"])] == ["inside"]


def test_a_table_is_a_width_and_rows_of_cells(api, world, page):
    table = world.add_block(page, blocks.table([["a", "**b**"], ["c"]]))
    shown = api.get(f"blocks/{table.id}")
    assert (shown["table"]["table_width"], shown["table"]["has_column_header"]) == (2, True)
    rows = [row["table_row"]["cells"] for row in kids(api, table.id)]
    texts = [["".join(one["plain_text"] for one in cell) for cell in row] for row in rows]
    assert texts == [["a", "b"], ["c", ""]]


def test_columns_hold_columns_that_hold_blocks(api, world, page):
    both = world.add_block(page, blocks.columns([blocks.paragraph("l")], [blocks.paragraph("r")]))
    columns = kids(api, both.id)
    assert [one["type"] for one in columns] == ["column", "column"]
    assert [text(kids(api, one["id"])[0]) for one in columns] == ["l", "r"]


def test_unsupported_blocks_are_named(api, world, page):
    block = world.add_block(page, blocks.unsupported("form"))
    assert api.get(f"blocks/{block.id}")["unsupported"] == {"block_type": "form"}


def test_a_block_may_be_shown_by_its_id_alone(api, world, page):
    block = world.add_block(page, blocks.paragraph("x"))
    world.quirks.partial.add(block.id)
    assert kids(api, page.id) == [{"object": "block", "id": block.id}]


def test_a_child_page_is_a_block_with_the_id_of_the_page(api, world, page):
    child = world.page(page, "Deeper", [blocks.paragraph("in the child")])
    (block,) = kids(api, page.id)
    assert (block["id"], block["type"]) == (child.id, "child_page")
    assert block["child_page"] == {"title": "Deeper"}
    assert block["has_children"]
    world.rename(child, "Renamed")
    assert api.get(f"blocks/{child.id}")["child_page"] == {"title": "Renamed"}
    assert [text(one) for one in kids(api, child.id)] == ["in the child"]


def test_a_child_page_that_is_not_shared_or_in_the_trash_is_left_out(api, world, page):
    secret, gone = world.page(page, "Secret"), world.page(page, "Gone")
    world.database("Inside", parent=page)
    world.unshare(secret)
    world.trash(gone)
    assert [one["type"] for one in kids(api, page.id)] == ["child_database"]
    world.share(secret)
    world.restore(gone)
    assert len(kids(api, page.id)) == 3


def test_a_page_of_a_database_is_a_block_too(api, rfcs, page):
    shown = api.get(f"blocks/{page.id}")
    assert (shown["type"], shown["child_page"]) == ("child_page", {"title": "Queues"})
    assert shown["parent"]["data_source_id"] == rfcs.source_id


def test_rich_text_is_shown_whole(api, world, rfcs, page):
    ana = world.person("Ana Costa")
    items = [
        rich.text("plain "),
        rich.text("linked", "https://example.com", bold=True, color="red"),
        rich.equation("x^2"),
        rich.mention("user", ana),
        rich.mention("page", page),
        rich.mention("database", rfcs),
        rich.mention_date("2026-11-20", "2026-11-25"),
    ]
    block = world.add_block(page, blocks.paragraph(items))
    shown = api.get(f"blocks/{block.id}")["paragraph"]["rich_text"]
    told = [(one["type"], one["plain_text"], one["href"]) for one in shown]
    assert told == [
        ("text", "plain ", None),
        ("text", "linked", "https://example.com"),
        ("equation", "x^2", None),
        ("mention", "@Ana Costa", None),
        ("mention", "Queues", page.url),
        ("mention", "RFCs", rfcs.url),
        ("mention", "2026-11-20 → 2026-11-25", None),
    ]
    assert (shown[1]["annotations"]["bold"], shown[1]["annotations"]["color"]) == (True, "red")
    assert shown[3]["mention"]["user"]["person"] == {"email": "ana.costa@example.com"}


def test_a_mentioned_page_that_is_not_shared_keeps_its_title_to_itself(api, world, rfcs, page):
    secret = world.page(rfcs, "Secret plan")
    block = world.add_block(page, blocks.paragraph([rich.mention("page", secret)]))
    world.unshare(secret)
    assert text(api.get(f"blocks/{block.id}")) == "Untitled"


def test_long_text_arrives_in_several_items(api, world, page):
    block = world.add_block(page, blocks.paragraph("🙂" * 2500))
    items = api.get(f"blocks/{block.id}")["paragraph"]["rich_text"]
    assert [rich.units(one["plain_text"]) for one in items] == [2000, 2000, 1000]
    assert text(api.get(f"blocks/{block.id}")) == "🙂" * 2500


def test_people_move_blocks_within_a_page_and_under_others(api, world, page):
    one, two, three = (world.add_block(page, blocks.toggle(name)) for name in ("1", "2", "3"))
    world.move_block(three, after="")
    assert [text(block) for block in kids(api, page.id)] == ["3", "1", "2"]
    world.move_block(three, after=one)
    assert [text(block) for block in kids(api, page.id)] == ["1", "3", "2"]
    world.move_block(two, to=one)
    assert [text(block) for block in kids(api, page.id)] == ["1", "3"]
    assert kids(api, one.id)[0]["parent"] == {"type": "block_id", "block_id": one.id}
    world.move_block(two, after=one)
    assert [text(block) for block in kids(api, page.id)] == ["1", "2", "3"]
    assert kids(api, one.id) == []


def test_a_block_that_cannot_be_put_there_stays_where_it_is(api, world, page):
    one, two = (world.add_block(page, blocks.toggle(name)) for name in "12")
    with pytest.raises(ValueError, match="is not in list"):
        world.move_block(one, after=two, to=two)
    assert [text(block) for block in kids(api, page.id)] == ["1", "2"]


def test_people_write_between_and_delete(api, world, page):
    one = world.add_block(page, blocks.paragraph("1"))
    world.add_block(page, blocks.paragraph("3"))
    world.add_block(page, blocks.paragraph("2"), after=one)
    world.add_block(page, blocks.paragraph("0"), after="")
    assert [text(block) for block in kids(api, page.id)] == ["0", "1", "2", "3"]
    world.delete_block(one)
    assert [text(block) for block in kids(api, page.id)] == ["0", "2", "3"]
    assert api.get(f"blocks/{one.id}")["in_trash"] is True


def test_people_tick_and_rewrite(api, world, page):
    block = world.add_block(page, blocks.to_do("call"))
    world.edit_block(block, checked=True)
    world.edit_block(block, "call *them*")
    shown = api.get(f"blocks/{block.id}")
    assert (text(shown), shown["to_do"]["checked"]) == ("call them", True)
    world.rewrite(page, [blocks.paragraph("all new")])
    assert [text(block) for block in kids(api, page.id)] == ["all new"]


def said(content):
    return {"rich_text": [{"text": {"content": content}}]}


def test_a_bot_appends_where_it_says(api, page):
    path = f"blocks/{page.id}/children"
    first = api.patch(path, {"children": [{"paragraph": said("1")}]})["results"][0]
    after = {"type": "after_block", "after_block": {"id": first["id"]}}
    api.patch(path, {"children": [{"paragraph": said("3")}]})
    api.patch(path, {"children": [{"paragraph": said("2")}], "position": after})
    api.patch(path, {"children": [{"paragraph": said("0")}], "position": {"type": "start"}})
    assert [text(block) for block in kids(api, page.id)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("start", [True, False])
def test_several_blocks_appended_at_once_keep_their_order(api, world, page, start):
    first = world.add_block(page, blocks.paragraph("1"))
    world.add_block(page, blocks.paragraph("4"))
    position = {"type": "after_block", "after_block": {"id": first.id}}
    several = [{"paragraph": said("2")}, {"paragraph": said("3")}]
    body = {"children": several, "position": {"type": "start"} if start else position}
    made = api.patch(f"blocks/{page.id}/children", body)["results"]
    assert [text(one) for one in made] == ["2", "3"]
    wanted = ["2", "3", "1", "4"] if start else ["1", "2", "3", "4"]
    assert [text(block) for block in kids(api, page.id)] == wanted


def test_the_older_word_for_the_place_is_refused(api, page):
    path, children = f"blocks/{page.id}/children", [{"divider": {}}]
    assert "body.after" in api.refused("PATCH", path, {"children": children, "after": page.id})[2]


def test_appending_is_bound_to_a_hundred_blocks_and_two_levels(api, page):
    path = f"blocks/{page.id}/children"
    many = {"children": [{"divider": {}}] * 101}
    assert "body.children.length should be ≤ `100`" in api.refused("PATCH", path, many)[2]
    inner = said("c") | {"children": [{"paragraph": said("d")}]}
    deep = {"paragraph": said("a") | {"children": [{"paragraph": inner}]}}
    assert "children should be not present" in api.refused("PATCH", path, {"children": [deep]})[2]
    assert kids(api, page.id) == []


def test_a_bot_changes_deletes_and_restores_a_block(box, api, world, page):
    block = world.add_block(page, blocks.to_do("call"))
    path = f"blocks/{block.id}"
    changed = api.patch(path, {"to_do": said("phone") | {"checked": True}})
    assert (text(changed), changed["to_do"]["checked"]) == ("phone", True)
    assert api.delete(path)["in_trash"] is True
    assert kids(api, page.id) == []
    refused = api.refused("PATCH", path, {"to_do": said("again")})
    assert refused[2].startswith("Can't edit block that is archived.")
    assert api.patch(path, {"in_trash": False})["in_trash"] is False
    assert len(kids(api, page.id)) == 1


def test_nothing_can_be_appended_below_the_trash(api, world, page):
    world.trash(page)
    body = {"children": [{"divider": {}}]}
    refused = api.refused("PATCH", f"blocks/{page.id}/children", body)
    assert refused[2].startswith("Can't edit block that is archived.")


def test_every_type_can_be_made_and_is_served_with_its_children(api, world, rfcs, every_block):
    page = world.page(rfcs, "Everything", every_block)
    seen = set()

    def go_down(holder_id):
        for block in kids(api, holder_id):
            seen.add(block["type"])
            assert block == api.get(f"blocks/{block['id']}") or block["type"] in blocks.FILE_TYPES
            if block["has_children"]:
                go_down(block["id"])

    go_down(page.id)
    assert seen == blocks.TYPES - {"child_page", "child_database"}


def test_edits_of_a_child_page_leave_its_parent_alone(box, api, world, page):
    child = world.page(page, "Deeper")
    before = api.get(f"pages/{page.id}")["last_edited_time"]
    box.clock.advance(timedelta(minutes=5))
    world.add_block(child, blocks.paragraph("new"))
    assert api.get(f"pages/{page.id}")["last_edited_time"] == before
    assert api.get(f"pages/{child.id}")["last_edited_time"] != before
