"""Builders of the API's objects, no fuller than a test needs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any


Json = dict[str, Any]


def text(content: str, href: str | None = None, **annotations: bool) -> Json:
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": href} if href else None},
        "annotations": annotations,
        "plain_text": content,
        "href": href,
    }


def equation(expression: str, **annotations: bool) -> Json:
    return {
        "type": "equation",
        "equation": {"expression": expression},
        "annotations": annotations,
        "plain_text": expression,
        "href": None,
    }


def mention(kind: str, value: Any, shown: str = "", href: str | None = None) -> Json:
    return {
        "type": "mention",
        "mention": {"type": kind, kind: value},
        "annotations": {},
        "plain_text": shown,
        "href": href,
    }


class Pages:
    """A source of blocks, comments and properties in memory.

    Attributes:
        errors: What is raised instead of a listing, by the id that is asked for.
        asked: Every request in order.
    """

    def __init__(self) -> None:
        self.listings: dict[str, list[Json]] = {}
        self.blocks: dict[str, Json] = {}
        self.discussions: dict[str, list[Json]] = {}
        self.values: dict[str, list[Json]] = {}
        self.errors: dict[str, Exception] = {}
        self.asked: list[str] = []
        self._count = 0

    @property
    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    async def children(self, block_id: str) -> list[Json]:
        return await self._answer(self.listings, block_id)

    async def block(self, block_id: str) -> Json:
        return (await self._answer(self.blocks, block_id)) or {"object": "block", "id": block_id}

    async def comments(self, block_id: str) -> list[Json]:
        return await self._answer(self.discussions, block_id)

    async def property_items(self, page_id: str, property_id: str) -> list[Json]:
        return await self._answer(self.values, property_id)

    async def _answer(self, answers: dict[str, Any], ident: str) -> Any:
        self.asked.append(ident)
        # Answers come in no order that anybody may rely on.
        for _ in range(len(ident) * 7 % 5):
            await asyncio.sleep(0)
        if ident in self.errors:
            raise self.errors[ident]
        return answers.get(ident, [])

    def page(self, *blocks: Json) -> str:
        """Keep blocks as a page's; return its id."""
        ident = self._ident("page")
        self.listings[ident] = list(blocks)
        return ident

    def build(self, kind: str, words: str | None = None, *children: Json, **more: Any) -> Json:
        """Build a block, keep its children, and return it as a listing holds it."""
        ident = self._ident("block")
        self.listings[ident] = list(children)
        value = ({} if words is None else {"rich_text": [text(words)]}) | more
        return {
            "object": "block",
            "id": ident,
            "type": kind,
            kind: value,
            "has_children": bool(children),
        }

    def _ident(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count:04}"
