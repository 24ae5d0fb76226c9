"""Reading a page: whole, in order, or not at all."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given as with_any
from hypothesis import settings
from hypothesis import strategies as st
from notion_objects import Pages, text

from daemon.domain.errors import Forbidden, Incomplete, Invalid, Missing, TokenRefused, Unavailable
from daemon.notion.reading import blocks


def read(pages: Pages, page_id: str):
    return asyncio.run(blocks(pages, page_id))


def said(pages: Pages, page_id: str) -> list[str]:
    """Return the lines that say something, indented by depth."""
    return ["  " * block.depth + block.line for block in read(pages, page_id) if block.line]


def five_levels(pages: Pages) -> str:
    """Build a page of every block type, five levels deep."""
    b = pages.block
    row = [[text("cell a")], [text("cell b", bold=True)]]
    notes = b("meeting_notes", None, b("paragraph", "the notes"), title=[text("Sync")])
    tab = b("tab", None, b("paragraph", "tab label", b("paragraph", "tab content")))
    synced = b("synced_block", None, b("paragraph", "synced original"), synced_from=None)
    columns = b(
        "column_list",
        None,
        b("column", None, b("heading_4", "left"), b("to_do", "task", checked=True)),
        b("column", None, b("quote", "right", b("bulleted_list_item", "in the quote"))),
    )
    level_5 = b("toggle", "level 4", b("equation", expression="level_5"))
    level_3 = b("bulleted_list_item", "level 3", level_5)
    deep = b("numbered_list_item", "level 1", b("numbered_list_item", "level 2", level_3))
    url = {"type": "external", "external": {"url": "https://a.b/c"}}
    return pages.page(
        b("heading_1", "title", b("paragraph", "in a toggle heading"), is_toggleable=True),
        b("heading_2", "second"),
        b("heading_3", "third"),
        b("table_of_contents"),
        deep,
        b("numbered_list_item", "next"),
        b("divider"),
        columns,
        b("table", None, b("table_row", cells=row), table_width=2),
        b("callout", "callout", b("paragraph", "in the callout"), icon=None),
        b("code", "x = 1", language="python", caption=[text("code caption")]),
        *(
            b(kind, **url, caption=[text(f"{kind} caption")])
            for kind in ("image", "video", "audio")
        ),
        b("pdf", **url),
        b("file", **url, name="file name"),
        b("bookmark", url="https://b.c", caption=[]),
        b("embed", url="https://c.d", caption=[]),
        b("link_preview", url="https://d.e"),
        b("child_page", title="child page"),
        b("child_database", title="child database"),
        b("link_to_page", type="page_id", page_id="1"),
        synced,
        tab,
        notes,
        b("breadcrumb"),
        b("template", "template", b("paragraph", "in the template")),
        b("unsupported", block_type="form"),
        b("hologram", "unknown", b("paragraph", "in the unknown")),
    )


def test_a5_every_text_of_a_five_level_page_once_in_order():
    pages = Pages()
    assert said(pages, five_levels(pages)) == [
        "# title",
        "  in a toggle heading",
        "## second",
        "### third",
        "1. level 1",
        "  1. level 2",
        "    - level 3",
        "      + level 4",
        "        $$level_5$$",
        "2. next",
        "#### left",
        "[x] task",
        "> right",
        "  - in the quote",
        "| cell a | **cell b** |",
        "callout",
        "  in the callout",
        "```python\nx = 1\n```\ncode caption",
        "[image: image caption] <https://a.b/c>",
        "[video: video caption] <https://a.b/c>",
        "[audio: audio caption] <https://a.b/c>",
        "[pdf] <https://a.b/c>",
        "[file: file name] <https://a.b/c>",
        "[bookmark] <https://b.c>",
        "[embed] <https://c.d>",
        "[link preview] <https://d.e>",
        "[page: child page]",
        "[database: child database]",
        "[link to another page]",
        "synced original",
        "tab label",
        "  tab content",
        "[meeting notes: Sync]",
        "  the notes",
        "[template button: template]",
        "  in the template",
        "[unsupported block: form]",
        "[unsupported block: hologram] unknown",
        "  in the unknown",
    ]


def test_no_listing_is_asked_for_twice_and_none_of_a_leaf():
    pages = Pages()
    page_id = five_levels(pages)
    leaves = {key for key, listing in pages.listings.items() if not listing}
    read(pages, page_id)
    assert len(pages.asked) == len(set(pages.asked))
    assert set(pages.asked) == set(pages.listings) - leaves


trees = st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=4), max_leaves=25)


@settings(deadline=None, max_examples=60)
@with_any(trees)
def test_blocks_come_in_document_order_whatever_order_answers_come_in(tree):
    pages, expected = Pages(), []

    def build(node, depth):
        number = len(expected)
        expected.append((f"{number}", depth))
        children = [build(child, depth + 1) for child in node]
        return pages.block("toggle", f"{number}", *children)

    page_id = pages.page(*(build(child, 0) for child in tree))
    assert [(block.plain, block.depth) for block in read(pages, page_id)] == expected


def test_children_of_one_level_are_asked_for_at_once():
    pages = Pages()
    page_id = pages.page(*(pages.block("toggle", "x", pages.block("quote", "y")) for _ in range(5)))
    at_once = []
    inner = pages.children

    async def children(block_id):
        at_once.append(1)
        try:
            await asyncio.sleep(0)
            seen.append(len(at_once))
            return await inner(block_id)
        finally:
            at_once.pop()

    seen: list[int] = []
    pages.children = children
    read(pages, page_id)
    assert max(seen) == 5


def copy_of(pages, source_id, *, has_children=True):
    copied = pages.block("synced_block", synced_from={"type": "block_id", "block_id": source_id})
    pages.errors[copied["id"]] = Missing("the copy's own children are 404")
    return copied | {"has_children": has_children}


def test_a_copy_of_another_pages_block_is_read_at_its_source_and_takes_no_comment():
    pages = Pages()
    original = pages.block("synced_block", None, pages.block("quote", "shared"), synced_from=None)
    copied = copy_of(pages, original["id"], has_children=False)
    found = read(pages, pages.page(copied, pages.block("paragraph", "own")))
    assert [(block.line, block.commentable) for block in found] == [
        ("", False),
        ("> shared", False),
        ("own", True),
    ]


def test_a_copy_of_a_block_of_the_same_page_is_named_and_its_text_stands_once():
    pages = Pages()
    original = pages.block("synced_block", None, pages.block("quote", "shared"), synced_from=None)
    toggle = pages.block("toggle", "box", original)
    page_id = pages.page(copy_of(pages, original["id"]), toggle)
    assert said(pages, page_id) == [
        "[synced block: the same as elsewhere on this page]",
        "+ box",
        "  > shared",
    ]
    assert [block.commentable for block in read(pages, page_id)] == [False, True, True, True]


def test_two_copies_of_one_source_show_it_once():
    pages = Pages()
    original = pages.block("synced_block", None, pages.block("quote", "shared"), synced_from=None)
    page_id = pages.page(copy_of(pages, original["id"]), copy_of(pages, original["id"]))
    assert said(pages, page_id) == [
        "> shared",
        "[synced block: the same as elsewhere on this page]",
    ]


def test_a_source_that_is_not_shared_is_named():
    pages = Pages()
    pages.errors["gone"] = Missing("404")
    page_id = pages.page(copy_of(pages, "gone"), pages.block("paragraph", "own"))
    assert said(pages, page_id) == ["[synced block: its source is not shared]", "own"]
    assert not read(pages, page_id)[0].commentable


def test_copies_that_hold_each_other_end():
    pages = Pages()
    one = pages.block("synced_block", synced_from=None)
    two = pages.block("synced_block", synced_from=None)
    pages.listings[one["id"]] = [pages.block("paragraph", "one"), copy_of(pages, two["id"])]
    pages.listings[two["id"]] = [pages.block("paragraph", "two"), copy_of(pages, one["id"])]
    assert said(pages, pages.page(copy_of(pages, one["id"]))) == [
        "one",
        "two",
        "[synced block: the same as elsewhere on this page]",
    ]


def test_what_is_refused_within_an_unsupported_block_is_named():
    pages = Pages()
    inner = pages.block("paragraph", "x")
    blocks = [
        pages.block(kind, None, inner, block_type="button") for kind in ("unsupported", "new")
    ]
    pages.errors |= {
        blocks[0]["id"]: Invalid("Block type button is not supported via the API."),
        blocks[1]["id"]: Missing("404"),
    }
    assert said(pages, pages.page(*blocks)) == [
        "[unsupported block: button] [Notion does not give its content]",
        "[unsupported block: new] [Notion does not give its content]",
    ]


def nested(pages, levels):
    block = pages.block("quote", "innermost")
    for level in range(levels, 0, -1):
        block = pages.block("toggle", f"{level}", block)
    return pages.page(block)


def test_thirty_levels_are_read_and_what_lies_deeper_is_named():
    pages = Pages()
    assert said(pages, nested(pages, 30))[-1].strip() == "> innermost"
    cut = said(pages, nested(pages, 31))
    assert cut[-1].strip() == "+ 31 [what lies deeper than 30 levels is not read]"
    assert len(cut) == 31


@pytest.mark.parametrize(
    "error",
    [Missing("404"), Forbidden("403"), Incomplete("hole"), Unavailable("503"), TokenRefused("401")],
)
def test_a_failure_of_any_part_is_a_failure_of_the_whole(error):
    pages = Pages()
    page_id = five_levels(pages)
    read(pages, page_id)
    for asked in list(pages.asked):
        kinds = [
            block["type"]
            for listing in pages.listings.values()
            for block in listing
            if block["id"] == asked
        ]
        if kinds == ["hologram"] and isinstance(error, Missing):
            continue
        pages.errors = {asked: error}
        with pytest.raises(type(error)):
            read(pages, page_id)


def test_a25_a_listing_without_end_gives_no_page():
    pages = Pages()
    page_id = five_levels(pages)
    read(pages, page_id)
    pages.errors = {pages.asked[-1]: Incomplete("has_more without a cursor")}
    with pytest.raises(Incomplete, match="has_more without a cursor"):
        read(pages, page_id)


@pytest.mark.parametrize(
    "hole",
    [
        {"object": "block", "id": "partial"},
        {"object": "block", "id": "x", "type": "paragraph"},
        {"id": "x", "type": "synced_block", "synced_block": {"synced_from": {"type": "block_id"}}},
        None,
    ],
)
def test_a_malformed_block_anywhere_is_an_error(hole):
    pages = Pages()
    toggle = pages.block("toggle", "x", pages.block("quote", "y"))
    pages.listings[toggle["id"]].append(hole)
    with pytest.raises(Incomplete):
        read(pages, pages.page(toggle))


def test_a_block_that_stands_in_two_places_was_moved_meanwhile():
    pages = Pages()
    moved = pages.block("quote", "moved")
    page_id = pages.page(pages.block("toggle", "x", moved), pages.block("toggle", "y", moved))
    with pytest.raises(Incomplete, match="was moved"):
        read(pages, page_id)


def test_a_block_that_holds_itself_is_an_error_and_not_for_ever():
    pages = Pages()
    toggle = pages.block("toggle", "x", pages.block("quote", "y"))
    pages.listings[toggle["id"]].append(toggle)
    with pytest.raises(Incomplete):
        read(pages, pages.page(toggle))


def test_an_empty_page_has_no_blocks():
    pages = Pages()
    assert read(pages, pages.page()) == ()
