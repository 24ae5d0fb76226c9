"""The canonical form and its hash: what changes it and what does not."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given as with_any
from hypothesis import strategies as st

from daemon.domain.change import FORM, canonical, content_hash
from daemon.domain.values import Page
from daemon.notion import reading
from support.notion_objects import Json, Pages, equation, mention, text


THEN = datetime(2026, 11, 1, tzinfo=UTC)
PAGE = Page("p-1", "s-1", "Queues", "https://a.b", THEN, THEN, (("Status", "Ready"), ("Owner", "")))


def signed(signature: str) -> Json:
    url = f"https://files.example/a/flow.png?X-Amz-Signature={signature}"
    return {"type": "file", "file": {"url": url, "expiry_time": "2026-11-20T13:00:00.000Z"}}


def world() -> tuple[Pages, str]:
    """Build a page with a bit of everything."""
    pages = Pages()
    cells = [pages.build("table_row", cells=[[text(f"{row}{at}")] for at in "ab"]) for row in "xy"]
    return pages, pages.page(
        pages.build("heading_1", "Queues"),
        pages.build("paragraph")
        | {"paragraph": {"rich_text": [text("We ", bold=True), text("do")]}},
        pages.build("to_do", "Measure", checked=False),
        pages.build("bulleted_list_item", "One", pages.build("bulleted_list_item", "inside")),
        pages.build("table", None, *cells, table_width=2),
        pages.build("code", "x = 1", language="python", caption=[text("why")]),
        pages.build("image", caption=[text("flow")], **signed("abc")),
        pages.build("equation", expression="a^2"),
        pages.build("callout", "Mind", icon={"type": "emoji", "emoji": "💡"}),
        pages.build("numbered_list_item", "first", list_start_index=3),
        pages.build("numbered_list_item", "next"),
        pages.build("quote", "said\ntwice"),
        pages.build("bookmark", url="https://a.b/c", caption=[]),
        pages.build("unsupported", block_type="form"),
        pages.build("hologram", "unknown"),
        pages.build("paragraph") | {"paragraph": {"rich_text": every_mark()}},
        pages.build("paragraph") | {"paragraph": {"rich_text": [by("u-1")]}},
    )


def every_mark() -> list[Json]:
    """Build text whose writing needs every rule: a new rule changes what is hashed."""
    return [
        text("- 2*3*4 [a](b) &amp; <b> \\* "),
        text("both", bold=True, italic=True),
        text("(gone)", strikethrough=True),
        text("`code`", code=True),
        text("link ", "https://a.b/(c)", bold=True),
        text("more", "https://a.b/(c)"),
        text("https://a.b", "https://a.b"),
        equation("x^2"),
        text("1 "),
        mention("date", {"start": "2026-11-20", "end": "2026-11-21"}, "soon"),
    ]


def by(user: str) -> Json:
    return mention("user", {"object": "user", "id": user, "name": "Ana"}, "@Ana")


def hashed(pages: Pages, page_id: str, page: Page = PAGE) -> str:
    return content_hash(page, asyncio.run(reading.blocks(pages, page_id)))


def blocks_of(pages: Pages) -> list[Json]:
    return [block for listing in pages.listings.values() for block in listing]


def text_items(value: Any) -> Iterator[Json]:
    """Find every rich text item of type text, however deep."""
    if isinstance(value, dict):
        if value.get("type") == "text":
            yield value
        for inner in value.values():
            yield from text_items(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from text_items(inner)


GOLDEN = "608570d0a66e0e366240161dc8f2b37ca4195e7451c53e0b2599275c87d93a83"
BASE = hashed(*world())
TEXTS = len(list(text_items(world()[0].listings)))
BLOCKS = len(blocks_of(world()[0]))


def test_the_hash_of_a_known_page_stays_what_it_was():
    """Where this fails on purpose, FORM needs a new number, and then this a new hash."""
    assert (FORM, BASE) == (2, GOLDEN)


@with_any(st.integers(0, TEXTS - 1), st.text("ab é", min_size=1, max_size=5))
def test_h1_any_changed_text_changes_the_hash(at, added):
    pages, page_id = world()
    item = list(text_items(pages.listings))[at]
    item["plain_text"] += f"{added}!"
    assert hashed(pages, page_id) != BASE


def swap_first(pages: Pages, page_id: str) -> None:
    listing = pages.listings[page_id]
    listing[0], listing[1] = listing[1], listing[0]


def change(kind: str, key: str, value: Any) -> Callable[[Pages, str], None]:
    def apply(pages: Pages, page_id: str) -> None:
        found = next(block for block in blocks_of(pages) if block["type"] == kind)
        found[kind][key] = value

    return apply


def retype(old: str, new: str) -> Callable[[Pages, str], None]:
    def apply(pages: Pages, page_id: str) -> None:
        found = next(block for block in blocks_of(pages) if block["type"] == old)
        found[new] = found.pop(old)
        found["type"] = new

    return apply


def outdent(pages: Pages, page_id: str) -> None:
    item = pages.listings[page_id][3]
    item["has_children"] = False
    pages.listings[page_id][4:4] = pages.listings[item["id"]]


def unbold(pages: Pages, page_id: str) -> None:
    pages.listings[page_id][1]["paragraph"]["rich_text"][0]["annotations"] = {}


@with_any(
    st.sampled_from(
        [
            swap_first,
            outdent,
            unbold,
            change("to_do", "checked", value=True),
            change("heading_1", "rich_text", []),
            change("code", "language", "rust"),
            change("code", "caption", []),
            change("equation", "expression", "a^3"),
            change("callout", "icon", {"type": "emoji", "emoji": "🔥"}),
            change("image", "file", {"url": "https://files.example/a/other.png"}),
            change("table_row", "cells", [[text("xa")], []]),
            retype("heading_1", "heading_2"),
            retype("to_do", "bulleted_list_item"),
            retype("bulleted_list_item", "numbered_list_item"),
        ]
    )
)
def test_h1_any_change_of_form_or_state_changes_the_hash(apply):
    pages, page_id = world()
    apply(pages, page_id)
    assert hashed(pages, page_id) != BASE


@with_any(st.integers(0, BLOCKS - 1))
def test_h1_a_block_that_is_gone_changes_the_hash(at):
    pages, page_id = world()
    gone = blocks_of(pages)[at]["id"]
    pages.listings = {
        key: [block for block in listing if block["id"] != gone]
        for key, listing in pages.listings.items()
    }
    assert hashed(pages, page_id) != BASE


@with_any(st.randoms(use_true_random=False))
def test_h2_what_says_the_same_has_the_same_hash(random):
    """Ids, times, editors, signatures, colours and the order of keys mean nothing."""
    pages, page_id = world()
    pages.listings = {f"new-{key}": listing for key, listing in pages.listings.items()}
    for block in blocks_of(pages):
        value = block[block["type"]]
        block |= {"id": f"new-{block['id']}", "last_edited_time": str(random.random())}
        block |= {"last_edited_by": {"id": str(random.random())}, "request_id": "r"}
        value["color"] = random.choice(["red", "default"])
        if "file" in value:
            value |= signed(str(random.random()))
        for item in text_items(value):
            item["annotations"] |= {"color": "blue", "underline": True}
    pages.listings[f"new-{page_id}"][-1]["paragraph"]["rich_text"] = [by("u-2")]
    shuffled = copy.deepcopy(pages)
    for key, listing in shuffled.listings.items():
        shuffled.listings[key] = [
            dict(random.sample(list(block.items()), len(block))) for block in listing
        ]
    assert hashed(pages, f"new-{page_id}") == hashed(shuffled, f"new-{page_id}") == BASE


def test_h2_ids_and_times_of_the_page_mean_nothing_its_title_and_properties_do():
    pages, page_id = world()
    later = datetime(2026, 11, 20, tzinfo=UTC)
    moved = replace(PAGE, id="p-2", source_id="s-2", url="https://c.d", created=later, edited=later)
    assert hashed(pages, page_id, moved) == BASE
    for other in (
        replace(PAGE, title="Streams"),
        replace(PAGE, properties=PAGE.properties[:1]),
        replace(PAGE, properties=PAGE.properties[::-1]),
        replace(PAGE, properties=(("Status", "Done"), ("Owner", ""))),
    ):
        assert hashed(pages, page_id, other) != BASE


def test_no_text_can_pass_for_another_block():
    pages = Pages()
    one = pages.page(pages.build("paragraph", "a"), pages.build("paragraph", "b"))
    other = pages.page(pages.build("paragraph", 'a"]\n["paragraph", 0, "b'))
    assert hashed(pages, one) != hashed(pages, other)


def test_the_canonical_form_is_one_array_a_line():
    pages = Pages()
    page_id = pages.page(pages.build("toggle", "Ä", pages.build("to_do", "b", checked=True)))
    assert canonical(PAGE, asyncio.run(reading.blocks(pages, page_id))).splitlines() == [
        '["form", 2]',
        '["title", "Queues"]',
        '["property", "Status", "Ready"]',
        '["property", "Owner", ""]',
        '["toggle", 0, "+ Ä"]',
        '["to_do", 1, "[x] b"]',
    ]
