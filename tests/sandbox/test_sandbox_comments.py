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
