"""Reading comments: grouped, in list order, each once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from notion_objects import Pages, text

from daemon.domain.values import Author, AuthorKind
from daemon.domain.errors import Forbidden, Incomplete, Missing, Unavailable
from daemon.notion.reading import threads


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


def read(pages, *block_ids):
    return asyncio.run(threads(pages, "p-1", block_ids, author))


def grouped(pages, *block_ids):
    found, readable = read(pages, *block_ids)
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
    ((thread,), _) = read(pages)
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
    ((thread,), _) = read(pages)
    assert thread.comments[0].text == thread.comments[0].plain == expected


def test_an_attachment_alone_is_a_comment():
    pages = Pages()
    raw = comment("c1", "d1", attachments=[{"category": "pdf", "file": {"url": SIGNED}}])
    pages.discussions["p-1"] = [raw | {"rich_text": []}]
    ((thread,), _) = read(pages)
    assert thread.comments[0].text == "[attached pdf: plan b.pdf]"


def test_where_comments_are_refused_nothing_more_is_asked():
    pages = Pages()
    pages.errors["p-1"] = Forbidden("403")
    assert read(pages, "b-1", "b-2") == ((), False)
    assert pages.asked == ["p-1"]


@pytest.mark.parametrize("error", [Missing("404"), Unavailable("503"), Incomplete("hole")])
@pytest.mark.parametrize("place", ["p-1", "b-1"])
def test_a_listing_that_fails_fails_the_reading(error, place):
    pages = Pages()
    pages.errors[place] = error
    with pytest.raises(type(error)):
        read(pages, "b-2", "b-1")


def test_a_refusal_of_one_block_alone_is_no_refusal_of_comments():
    pages = Pages()
    pages.errors["b-1"] = Forbidden("403")
    with pytest.raises(Forbidden):
        read(pages, "b-1")


@pytest.mark.parametrize(
    "hole", ["discussion_id", "parent", "created_by", "rich_text", "id", "created_time"]
)
def test_a_partial_comment_is_a_hole(hole):
    pages = Pages()
    pages.discussions["p-1"] = [comment("c1", "d1") | {hole: None}]
    with pytest.raises(Incomplete):
        read(pages)


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
    read(pages, "b-1", "b-2", "b-3")
    assert max(most) == 3
