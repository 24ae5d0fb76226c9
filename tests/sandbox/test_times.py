"""Times are floored to the minute, and only edits move them (facts, section 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.model import Clock


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues", [blocks.toggle("outer", blocks.paragraph("inner"))])


def edited(api, page):
    return api.get(f"pages/{page.id}")["last_edited_time"]


def test_pages_blocks_comments_and_data_sources_floor_to_the_minute(api, world, rfcs, page):
    block = world.blocks(page)[0]
    comment = world.comment(page, "Hm.")
    paths = (f"pages/{page.id}", f"blocks/{block.id}", f"comments/{comment.id}")
    for path in (*paths, f"data_sources/{rfcs.source_id}"):
        shown = api.get(path)
        assert shown["created_time"] == shown["last_edited_time"] == "2026-11-20T12:00:00.000Z"


def test_a_database_has_milliseconds_and_an_offset(api, rfcs):
    shown = api.get(f"databases/{rfcs.id}")
    assert shown["created_time"] == shown["last_edited_time"] == "2026-11-20T12:00:42.250+00:00"


def test_a_second_edit_in_the_same_minute_shows_the_same_time(box, api, world, page):
    block = world.blocks(page)[0]
    before = edited(api, page)
    box.clock.advance(timedelta(seconds=10))
    world.edit_block(block, "changed")
    assert edited(api, page) == before
    box.clock.advance(timedelta(seconds=10))
    world.edit_block(block, "changed again")
    assert edited(api, page) != before


@pytest.mark.parametrize(
    "act",
    [
        lambda world, page: world.edit_block(world.blocks(page)[0], "new"),
        lambda world, page: world.edit_block(world.blocks(world.blocks(page)[0])[0], "new"),
        lambda world, page: world.add_block(page, blocks.paragraph("more")),
        lambda world, page: world.delete_block(world.blocks(page)[0]),
        lambda world, page: world.move_block(world.blocks(page)[0], after=""),
        lambda world, page: world.edit_property(page, "Status", "Ready"),
        lambda world, page: world.rename(page, "Other"),
        lambda world, page: world.rewrite(page, [blocks.paragraph("all new")]),
    ],
)
def test_an_edit_by_a_person_moves_the_page(box, api, world, page, act):
    box.clock.advance(timedelta(minutes=5))
    act(world, page)
    assert edited(api, page) == "2026-11-20T12:05:00.000Z"


@pytest.mark.parametrize(
    "act",
    [
        lambda world, page: world.comment(page, "Hm."),
        lambda world, page: world.resolve(world.comment(page, "Hm.")),
        lambda world, page: world.edit_comment(world.comment(page, "Hm."), "Ah."),
        lambda world, page: world.trash(page),
        lambda world, page: world.share(page),
    ],
)
def test_what_is_no_edit_moves_nothing(box, api, world, page, act):
    box.clock.advance(timedelta(minutes=5))
    act(world, page)
    assert edited(api, page) == "2026-11-20T12:00:00.000Z"


def test_an_edit_tells_who_made_it(api, world, page):
    ben = world.person("Ben Okafor")
    world.edit_block(world.blocks(page)[0], "new", by=ben)
    assert api.get(f"pages/{page.id}")["last_edited_by"] == {"object": "user", "id": ben.id}


def test_an_edit_of_a_bot_moves_the_page_and_names_the_bot(box, api, world, page):
    box.clock.advance(timedelta(minutes=5))
    api.patch(f"blocks/{world.blocks(page)[0].id}", {"toggle": {"rich_text": []}})
    shown = api.get(f"pages/{page.id}")
    assert shown["last_edited_time"] == "2026-11-20T12:05:00.000Z"
    assert shown["last_edited_by"]["id"] == box.bot.id


def test_the_date_header_is_the_clock_of_the_sandbox(box, api):
    assert api.ask("GET", "users/me").headers["date"] == "Fri, 20 Nov 2026 12:00:42 GMT"
    box.clock.advance(timedelta(hours=1))
    assert api.ask("GET", "nonsense").headers["date"] == "Fri, 20 Nov 2026 13:00:42 GMT"


def test_a_clock_runs_with_its_source_stands_when_set_and_runs_on():
    source = [datetime(2026, 1, 1, tzinfo=UTC)]
    clock = Clock(lambda: source[0])
    clock.advance(timedelta(hours=1))
    source[0] += timedelta(minutes=1)
    assert clock() == datetime(2026, 1, 1, 1, 1, tzinfo=UTC)
    clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    source[0] += timedelta(minutes=1)
    clock.advance(timedelta(seconds=1))
    assert clock() == datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)
    clock.run()
    source[0] += timedelta(minutes=1)
    assert clock() == datetime(2027, 1, 1, 0, 1, 1, tzinfo=UTC)


def test_without_a_clock_the_machines_time_holds():
    before = datetime.now(UTC)
    assert before <= Sandbox().clock() <= datetime.now(UTC)
