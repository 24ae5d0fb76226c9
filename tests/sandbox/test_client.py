"""notion-client, the program's own client, works against the sandbox as against Notion."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from notion_client import APIErrorCode, APIResponseError, AsyncClient
from notion_client.errors import RequestTimeoutError
from notion_client.helpers import async_collect_paginated_api

from daemon.sandbox import blocks
from daemon.sandbox.faults import Fault, FaultKind


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues", [blocks.paragraph("x") for _ in range(120)])


@pytest.fixture
def run(box):
    def go(use, version="2026-03-11", **options):
        async def inside():
            async with httpx.AsyncClient(transport=box.transport()) as http:
                given = {"retry": False} | options
                logger = logging.getLogger("test")
                client = AsyncClient(
                    auth=box.token, client=http, notion_version=version, logger=logger, **given
                )
                return await use(client)

        return asyncio.run(inside())

    return go


def test_the_way_of_a_page_works(run, world, rfcs, page):
    async def use(notion):
        database = await notion.databases.retrieve(rfcs.id)
        source = database["data_sources"][0]["id"]
        rows = await async_collect_paginated_api(notion.data_sources.query, data_source_id=source)
        below = await async_collect_paginated_api(notion.blocks.children.list, block_id=page.id)
        made = await notion.comments.create(
            parent={"block_id": below[0]["id"]}, rich_text=[{"text": {"content": "Why?"}}]
        )
        await notion.comments.create(
            discussion_id=made["discussion_id"], rich_text=[{"text": {"content": "Because."}}]
        )
        listed = await notion.comments.list(block_id=below[0]["id"])
        await notion.comments.update(made["id"], rich_text=[{"text": {"content": "Why not?"}}])
        await notion.comments.delete(made["id"])
        return [row["id"] for row in rows], len(below), len(listed["results"])

    assert run(use) == ([page.id], 120, 2)
    assert [one.rich_text[0]["text"]["content"] for one in world.comments()] == ["Because."]


def test_refusals_are_the_clients_own_errors(run, page):
    async def use(notion):
        with pytest.raises(APIResponseError) as caught:
            await notion.pages.retrieve("00000000-0000-0000-0000-000000000000")
        return caught.value

    refused = run(use)
    assert (refused.code, refused.status) == (APIErrorCode.ObjectNotFound, 404)
    assert refused.request_id
    assert "integration_id" in refused.additional_data


def test_a_drop_is_httpx_own_error_and_a_long_wait_the_clients_timeout(box, run):
    async def use(notion):
        box.faults.plant(FaultKind.DROP)
        with pytest.raises(httpx.RemoteProtocolError):
            await notion.users.me()
        box.faults.plant(Fault(FaultKind.SLOW, wait=30))
        with pytest.raises(RequestTimeoutError):
            await notion.users.me()

    run(use, timeout_ms=100)


def test_has_more_without_a_cursor_ends_the_clients_walk_unfinished(box, run, page):
    """The trap that the program has to see for itself."""
    box.faults.plant(FaultKind.NULL_CURSOR, "GET", "/v1/blocks/*")

    async def use(notion):
        return await async_collect_paginated_api(notion.blocks.children.list, block_id=page.id)

    assert len(run(use)) == 100
