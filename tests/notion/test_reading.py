"""Reading a page: whole, in order, or not at all."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given as with_any
from hypothesis import strategies as st

from daemon.domain.errors import Forbidden, Incomplete, Invalid, Missing, TokenRefused, Unavailable
from daemon.domain.values import Author, AuthorKind
from daemon.notion.gateway import Gateway
from daemon.notion.reading import blocks, image, threads
from support.notion_objects import Pages, text


def read(pages: Pages, page_id: str):
    return asyncio.run(blocks(pages, page_id))


def said(pages: Pages, page_id: str) -> list[str]:
    """Return the lines that say something, indented by depth."""
    return ["  " * block.depth + block.line for block in read(pages, page_id) if block.line]


def five_levels(pages: Pages) -> str:
    """Build a page of every block type, five levels deep."""
    b = pages.build
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


@with_any(trees)
def test_blocks_come_in_document_order_whatever_order_answers_come_in(tree):
    pages, expected = Pages(), []

    def build(node, depth):
        number = len(expected)
        expected.append((f"{number}", depth))
        children = [build(child, depth + 1) for child in node]
        return pages.build("toggle", f"{number}", *children)

    page_id = pages.page(*(build(child, 0) for child in tree))
    assert [(block.plain, block.depth) for block in read(pages, page_id)] == expected


def test_children_of_one_level_are_asked_for_at_once():
    pages = Pages()
    page_id = pages.page(*(pages.build("toggle", "x", pages.build("quote", "y")) for _ in range(5)))
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
    copied = pages.build("synced_block", synced_from={"type": "block_id", "block_id": source_id})
    pages.errors[copied["id"]] = Missing("the copy's own children are 404")
    return copied | {"has_children": has_children}


def test_a_copy_of_another_pages_block_is_read_at_its_source_and_takes_no_comment():
    pages = Pages()
    original = pages.build("synced_block", None, pages.build("quote", "shared"), synced_from=None)
    copied = copy_of(pages, original["id"], has_children=False)
    found = read(pages, pages.page(copied, pages.build("paragraph", "own")))
    assert [(block.line, block.commentable) for block in found] == [
        ("", False),
        ("> shared", False),
        ("own", True),
    ]


def test_a_copy_of_a_block_of_the_same_page_is_named_and_its_text_stands_once():
    pages = Pages()
    original = pages.build("synced_block", None, pages.build("quote", "shared"), synced_from=None)
    toggle = pages.build("toggle", "box", original)
    page_id = pages.page(copy_of(pages, original["id"]), toggle)
    assert said(pages, page_id) == [
        "[synced block: the same as elsewhere on this page]",
        "+ box",
        "  > shared",
    ]
    assert [block.commentable for block in read(pages, page_id)] == [False, True, True, True]


def test_two_copies_of_one_source_show_it_once():
    pages = Pages()
    original = pages.build("synced_block", None, pages.build("quote", "shared"), synced_from=None)
    page_id = pages.page(copy_of(pages, original["id"]), copy_of(pages, original["id"]))
    assert said(pages, page_id) == [
        "> shared",
        "[synced block: the same as elsewhere on this page]",
    ]


def test_a_source_that_is_not_shared_is_named():
    pages = Pages()
    pages.errors["gone"] = Missing("404")
    page_id = pages.page(copy_of(pages, "gone"), pages.build("paragraph", "own"))
    assert said(pages, page_id) == ["[synced block: its source is not shared]", "own"]
    assert not read(pages, page_id)[0].commentable


def copy_with_children(pages, source_id, *words):
    """A copy whose own children can be listed; Notion gives them the source's ids."""
    copied = copy_of(pages, source_id)
    del pages.errors[copied["id"]]
    shown = [pages.build("quote", said) | {"id": f"{source_id} {said}"} for said in words]
    pages.listings[copied["id"]] = shown
    return copied


def test_a_copy_whose_source_is_not_shared_is_read_at_its_own_children():
    pages = Pages()
    pages.errors["gone"] = Missing("404")
    copied = copy_with_children(pages, "gone", "shared", "words")
    found = read(pages, pages.page(copied, pages.build("paragraph", "own")))
    assert [(block.line, block.commentable) for block in found] == [
        ("", False),
        ("> shared", False),
        ("> words", False),
        ("own", True),
    ]


def test_two_copies_of_a_source_that_is_not_shared_show_its_text_once():
    pages = Pages()
    pages.errors["gone"] = Missing("404")
    page_id = pages.page(*(copy_with_children(pages, "gone", "shared") for _ in range(2)))
    assert said(pages, page_id) == [
        "> shared",
        "[synced block: the same as elsewhere on this page]",
    ]


def meeting_notes(pages, *, has_children=False, **parts):
    """Meeting notes whose parts are listed by their ids alone."""
    made = {
        part: pages.build("paragraph", None, *below, rich_text=[]) for part, below in parts.items()
    }
    told = {f"{part}_block_id": one["id"] for part, one in made.items()}
    notes = pages.build("meeting_notes", title=[text("Sync")], children=told)
    if has_children:
        pages.listings[notes["id"]] = list(made.values())
    return notes | {"has_children": has_children}


@pytest.mark.parametrize("has_children", [True, False])
def test_a5_every_part_of_meeting_notes_is_read_once(has_children):
    pages = Pages()
    parts = {name: [pages.build("quote", name)] for name in ("summary", "notes", "transcript")}
    notes = meeting_notes(pages, has_children=has_children, **parts)
    found = [line.strip() for line in said(pages, pages.page(notes))]
    assert found == ["[meeting notes: Sync]", "> summary", "> notes", "> transcript"]


def test_a5_a_part_that_is_not_among_the_listed_children_is_read_too():
    pages = Pages()
    notes = meeting_notes(
        pages, summary=[pages.build("quote", "short")], notes=[pages.build("quote", "long")]
    )
    listed = pages.build("paragraph", "listed")
    pages.listings[notes["id"]] = [
        listed | {"id": notes["meeting_notes"]["children"]["summary_block_id"]}
    ]
    found = said(pages, pages.page(notes | {"has_children": True}))
    assert [line.strip() for line in found] == ["[meeting notes: Sync]", "listed", "> long"]


def test_a5_a_part_without_children_is_read_itself():
    pages = Pages()
    told = {"summary_block_id": "short", "notes_block_id": "none"}
    pages.blocks["short"] = pages.build("paragraph", "In short.") | {"id": "short"}
    notes = pages.build("meeting_notes", title=[text("Sync")], children=told)
    found = [line.strip() for line in said(pages, pages.page(notes))]
    assert found == ["[meeting notes: Sync]", "In short.", "[unsupported block]"]


@pytest.mark.parametrize("error", [Missing("404"), Forbidden("403"), Invalid("400")])
def test_a_part_of_meeting_notes_that_cannot_be_read_is_named(error):
    pages = Pages()
    notes = meeting_notes(pages, summary=[pages.build("quote", "short")], transcript=[])
    pages.errors[notes["meeting_notes"]["children"]["transcript_block_id"]] = error
    found = [line.strip() for line in said(pages, pages.page(notes))]
    assert found == ["[meeting notes: Sync] [Notion does not give its transcript]", "> short"]


def test_a_block_of_which_notion_gives_the_id_alone_is_named_and_the_rest_is_read():
    pages = Pages()
    toggle = pages.build("toggle", "x", pages.build("quote", "y"))
    pages.listings[toggle["id"]].insert(0, {"object": "block", "id": "partial"})
    found = read(pages, pages.page(toggle))
    assert [block.line for block in found] == ["+ x", "[unsupported block]", "> y"]
    assert [block.commentable for block in found] == [True, False, True]


@pytest.mark.parametrize("own", [[], ["shared"]])
def test_a_copy_that_does_not_name_its_source_is_read_at_its_own_children(own):
    pages = Pages()
    copied = copy_with_children(pages, "unknown", *own)
    copied["synced_block"]["synced_from"] = {"type": "block_id"}
    if not own:
        pages.errors[copied["id"]] = Missing("404")
    expected = ["> shared"] if own else ["[synced block: its source is not shared]"]
    assert said(pages, pages.page(copied)) == expected


def test_copies_that_hold_each_other_end():
    pages = Pages()
    one = pages.build("synced_block", synced_from=None)
    two = pages.build("synced_block", synced_from=None)
    pages.listings[one["id"]] = [pages.build("paragraph", "one"), copy_of(pages, two["id"])]
    pages.listings[two["id"]] = [pages.build("paragraph", "two"), copy_of(pages, one["id"])]
    assert said(pages, pages.page(copy_of(pages, one["id"]))) == [
        "one",
        "two",
        "[synced block: the same as elsewhere on this page]",
    ]


def test_what_is_refused_within_an_unsupported_block_is_named():
    pages = Pages()
    inner = pages.build("paragraph", "x")
    blocks = [
        pages.build(kind, None, inner, block_type="button") for kind in ("unsupported", "new")
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
    block = pages.build("quote", "innermost")
    for level in range(levels, 0, -1):
        block = pages.build("toggle", f"{level}", block)
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
        {"object": "block", "id": "x", "type": "paragraph"},
        None,
    ],
)
def test_a_malformed_block_anywhere_is_an_error(hole):
    pages = Pages()
    toggle = pages.build("toggle", "x", pages.build("quote", "y"))
    pages.listings[toggle["id"]].append(hole)
    with pytest.raises(Incomplete):
        read(pages, pages.page(toggle))


def test_a_block_that_stands_in_two_places_was_moved_meanwhile():
    pages = Pages()
    moved = pages.build("quote", "moved")
    page_id = pages.page(pages.build("toggle", "x", moved), pages.build("toggle", "y", moved))
    with pytest.raises(Incomplete, match="was moved"):
        read(pages, page_id)


def test_a_block_that_holds_itself_is_an_error_and_not_for_ever():
    pages = Pages()
    toggle = pages.build("toggle", "x", pages.build("quote", "y"))
    pages.listings[toggle["id"]].append(toggle)
    with pytest.raises(Incomplete):
        read(pages, pages.page(toggle))


def test_an_empty_page_has_no_blocks():
    pages = Pages()
    assert read(pages, pages.page()) == ()


SIGNED = "https://files.example/x/plan%20b.pdf?X-Amz-Signature=abc"


def comment(ident, discussion, *rich, block=None, page="p-1", **more):
    parent = (
        {"type": "block_id", "block_id": block} if block else {"type": "page_id", "page_id": page}
    )
    return {
        "object": "comment",
        "id": ident,
        "parent": parent,
        "discussion_id": discussion,
        "created_time": "2026-11-20T10:41:00.000Z",
        "last_edited_time": "2026-11-20T10:42:00.000Z",
        "created_by": {"object": "user", "id": "u-1"},
        "rich_text": list(rich) or [text(ident)],
        "display_name": {"type": "user", "resolved_name": "Ana Costa"},
        **more,
    }


async def author(raw):
    return Author(raw["created_by"]["id"], raw["display_name"]["resolved_name"], AuthorKind.PERSON)


def read_threads(pages, *block_ids):
    return asyncio.run(threads(pages, "p-1", block_ids, author))


def grouped(pages, *block_ids):
    found, readable = read_threads(pages, *block_ids)
    assert readable
    return [(one.id, one.block_id, [it.id for it in one.comments]) for one in found]


def test_comments_are_grouped_by_discussion_and_keep_their_order():
    pages = Pages()
    pages.discussions = {
        "p-1": [comment("c9", "d1"), comment("c1", "d1")],
        "b-1": [
            comment("c2", "d2", block="b-1"),
            comment("c3", "d3", block="b-1"),
            comment("c4", "d2", block="b-1"),
        ],
        "b-2": [comment("c5", "d4", block="b-2")],
    }
    assert grouped(pages, "b-2", "b-1", "b-3") == [
        ("d1", None, ["c9", "c1"]),
        ("d4", "b-2", ["c5"]),
        ("d2", "b-1", ["c2", "c4"]),
        ("d3", "b-1", ["c3"]),
    ]
    assert pages.asked[0] == "p-1"
    assert sorted(pages.asked) == ["b-1", "b-2", "b-3", "p-1"]


def test_a_comment_that_is_listed_twice_counts_once_and_stands_on_its_block():
    """The page's list may hold comments of blocks, then the block's list holds them again."""
    pages = Pages()
    inline = [comment("c1", "d1", block="b-1"), comment("c2", "d1", block="b-1")]
    pages.discussions = {"p-1": [comment("c0", "d0"), dict(inline[0])], "b-1": inline}
    assert grouped(pages, "b-1") == [("d0", None, ["c0"]), ("d1", "b-1", ["c1", "c2"])]


def test_a_comment_has_its_author_its_times_and_its_text_with_and_without_marks():
    pages = Pages()
    pages.discussions["p-1"] = [comment("c1", "d1", text("Why "), text("this", bold=True))]
    ((thread,), _) = read_threads(pages)
    (found,) = thread.comments
    assert (found.text, found.plain) == ("Why **this**", "Why this")
    assert found.author == Author("u-1", "Ana Costa", AuthorKind.PERSON)
    assert found.created == datetime(2026, 11, 20, 10, 41, tzinfo=UTC)
    assert found.edited == datetime(2026, 11, 20, 10, 42, tzinfo=UTC)
    assert not found.new


@pytest.mark.parametrize(
    ("attachments", "expected"),
    [
        ([{"category": "pdf", "file": {"url": SIGNED}}], "See\n[attached pdf: plan b.pdf]"),
        ([{"category": "image"}, {}], "See\n[attached image]\n[attached file]"),
        ([], "See"),
        (None, "See"),
    ],
)
def test_attachments_are_named_and_their_signed_address_is_not_shown(attachments, expected):
    pages = Pages()
    pages.discussions["p-1"] = [comment("c1", "d1", text("See"), attachments=attachments)]
    ((thread,), _) = read_threads(pages)
    assert thread.comments[0].text == thread.comments[0].plain == expected


def test_an_attachment_alone_is_a_comment():
    pages = Pages()
    raw = comment("c1", "d1", attachments=[{"category": "pdf", "file": {"url": SIGNED}}])
    pages.discussions["p-1"] = [raw | {"rich_text": []}]
    ((thread,), _) = read_threads(pages)
    assert thread.comments[0].text == "[attached pdf: plan b.pdf]"


def test_where_comments_are_refused_nothing_more_is_asked():
    pages = Pages()
    pages.errors["p-1"] = Forbidden("403")
    assert read_threads(pages, "b-1", "b-2") == ((), False)
    assert pages.asked == ["p-1"]


@pytest.mark.parametrize("error", [Missing("404"), Unavailable("503"), Incomplete("hole")])
@pytest.mark.parametrize("place", ["p-1", "b-1"])
def test_a_listing_that_fails_fails_the_reading(error, place):
    pages = Pages()
    pages.errors[place] = error
    with pytest.raises(type(error)):
        read_threads(pages, "b-2", "b-1")


def test_a_refusal_of_one_block_alone_is_no_refusal_of_comments():
    pages = Pages()
    pages.errors["b-1"] = Forbidden("403")
    with pytest.raises(Forbidden):
        read_threads(pages, "b-1")


@pytest.mark.parametrize(
    "hole", ["discussion_id", "parent", "created_by", "rich_text", "id", "created_time"]
)
def test_a_partial_comment_is_a_hole(hole):
    pages = Pages()
    pages.discussions["p-1"] = [comment("c1", "d1") | {hole: None}]
    with pytest.raises(Incomplete):
        read_threads(pages)


def test_blocks_are_asked_at_once():
    pages = Pages()
    running, most = set(), []
    inner = pages.comments

    async def comments(block_id):
        running.add(block_id)
        await asyncio.sleep(0)
        most.append(len(running))
        running.discard(block_id)
        return await inner(block_id)

    pages.comments = comments
    read_threads(pages, "b-1", "b-2", "b-3")
    assert max(most) == 3


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
OWN = "https://prod-files-secure.s3.us-west-2.amazonaws.com/a/b.png?X-Amz-Signature=c"
KEPT = {"type": "file", "file": {"url": OWN}}


def fetched(value: dict[str, object], answer: httpx.Response, most: int = 1_000):
    """Fetch an image; return it with the requests that were made for its bytes."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host != "api.notion.com":
            asked.append(request)
            return answer
        body = {"object": "block", "id": "b", "type": "image", "image": value}
        return httpx.Response(200, content=json.dumps(body))

    async def fetch():
        async with Gateway("secret", transport=httpx.MockTransport(handle)) as gateway:
            return await image(gateway, "b", most)

    return asyncio.run(fetch()), asked


def test_an_image_of_notions_own_is_fetched_without_the_token():
    found, (asked,) = fetched(
        {"type": "file", "file": {"url": OWN}}, httpx.Response(200, content=PNG)
    )
    assert found == ("image/png", PNG)
    assert str(asked.url) == OWN
    assert "authorization" not in asked.headers
    assert "secret" not in str(asked.headers)


@pytest.mark.parametrize(
    ("value", "answer", "most", "asks"),
    [
        (KEPT, httpx.Response(200, content=PNG), 50, 1),
        (KEPT, httpx.Response(403, content=PNG), 1_000, 1),
        (
            {"type": "file", "file": {"url": OWN}},
            httpx.Response(302, headers={"location": OWN}),
            1_000,
            1,
        ),
        (KEPT, httpx.Response(200, content=b"<svg/>"), 1_000, 1),
        ({"type": "file", "file": {"url": "https://amazonaws.com.evil.example/a"}}, None, 1_000, 0),
        ({"type": "file", "file": {"url": "http://127.0.0.1/a"}}, None, 1_000, 0),
        ({"type": "external", "external": {"url": OWN}}, None, 1_000, 0),
        ({}, None, 1_000, 0),
    ],
)
def test_any_other_image_is_none_and_nobody_else_is_asked(value, answer, most, asks):
    found, asked = fetched(value, answer, most)
    assert found is None
    assert len(asked) == asks
