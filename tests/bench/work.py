"""The program's own work on one page: everything but HTTP and the model, in CPU time."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchlab import MODEL, Model
from table import Line

from daemon.sweep.delivery import outbox
from daemon.sweep import page as visit
from daemon.config import Config
from daemon.sweep.context import Base, Context
from daemon.sweep.budget import Meter
from daemon.sweep.people import People
from daemon.store import database, pages
from daemon.store.pages import PageRow, SourceRow, Standing


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FINDINGS = 3
WORDS = "The poller reads every carrier in turn, so that one slow carrier holds up all the others"


class Answers:
    """Stands in for the gateway: answers at once with what was laid out, and keeps nothing."""

    def __init__(self, page: dict[str, Any], children: list[dict[str, Any]]) -> None:
        self._page = page
        self._children = children
        self._now = NOW
        self.requests = 0

    @property
    def now(self) -> datetime:
        return self._now

    async def server_time(self) -> datetime:
        return self._now

    async def me(self) -> dict[str, Any]:
        return {"id": "bot"}

    async def page(self, _: str) -> dict[str, Any]:
        return self._page

    async def children(self, _: str) -> list[dict[str, Any]]:
        return self._children

    async def comments(self, _: str) -> list[dict[str, Any]]:
        return []

    async def post_comment(self, *_: Any, **__: Any) -> dict[str, Any]:
        self.requests += 1
        number = str(self.requests)
        return {"id": f"comment-{number}", "discussion_id": f"thread-{number}"}

    async def edit_comment(self, comment_id: str, _: Any) -> dict[str, Any]:
        return {"id": comment_id}

    def edit(self, number: int) -> None:
        """Write one block anew, an hour later."""
        self._now += HOUR
        edited = f"{self._now - HOUR / 2:%Y-%m-%dT%H:%M:00.000Z}"
        self._page = self._page | {"last_edited_time": edited}
        old = self._children[number]
        self._children[number] = _paragraph(old["id"], f"{WORDS}, edited at {self._now}.")


def _paragraph(block_id: str, words: str) -> dict[str, Any]:
    said = {
        "type": "text",
        "text": {"content": words, "link": None},
        "annotations": dict.fromkeys(
            ("bold", "italic", "strikethrough", "underline", "code"), False
        )
        | {"color": "default"},
        "plain_text": words,
        "href": None,
    }
    return {
        "object": "block",
        "id": block_id,
        "type": "paragraph",
        "has_children": False,
        "in_trash": False,
        "paragraph": {"rich_text": [said], "color": "default"},
    }


def _page(page_id: str) -> dict[str, Any]:
    title = _paragraph("", f"RFC {page_id}")["paragraph"]["rich_text"]
    return {
        "object": "page",
        "id": page_id,
        "created_time": "2026-11-01T12:00:00.000Z",
        "last_edited_time": "2026-11-20T09:00:00.000Z",
        "in_trash": False,
        "url": f"https://app.notion.com/p/{page_id}",
        "properties": {"Name": {"id": "title", "type": "title", "title": title}},
    }


def _calls(_: str) -> list[tuple[str, dict[str, Any]]]:
    point = {"quote": "one slow carrier", "severity": "minor"}
    calls = [
        ("comment", point | {"block": f"B{n}", "text": f"What holds up carrier {n}?"})
        for n in range(2, 2 + FINDINGS)
    ]
    return [*calls, ("finish", {"summary": "Say what a slow carrier holds up."})]


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds of one page: its first review, and one after an edit of one block."""

    blocks: int
    first: float
    again: float


def measure(folder: Path, blocks: int, pages_: int) -> Cost:
    """Review `pages_` pages of `blocks` blocks, and each again after an edit; the medians."""
    with closing(database.open_state(folder / f"work-{blocks}.db")) as state:
        pages.save_source(state, SourceRow("source", "database", "RFCs", NOW - 10 * HOUR))
        asyncio.run(_reviewed(state, -1, blocks))  # warms up
        took = [asyncio.run(_reviewed(state, number, blocks)) for number in range(pages_)]
    first, again = zip(*took, strict=True)
    return Cost(blocks, median(first) * 1000, median(again) * 1000)


def statements(folder: Path, blocks: int) -> int:
    """Count the statements that a review after an edit of one block sends to SQLite."""
    sent: list[str] = []
    with closing(database.open_state(folder / f"count-{blocks}.db")) as state:
        pages.save_source(state, SourceRow("source", "database", "RFCs", NOW - 10 * HOUR))
        asyncio.run(_reviewed(state, 0, blocks, lambda: state.conn.set_trace_callback(sent.append)))
    # A statement for many rows shows once for each of them.
    return sum(before != after for before, after in pairwise(["", *map(_shape, sent)]))


def _shape(statement: str) -> str:
    """Drop the values out of a statement."""
    return re.sub(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b", "?", statement)


async def _reviewed(
    state: Any, number: int, blocks: int, edited: Callable[[], None] = lambda: None
) -> tuple[float, float]:
    page_id = f"{number + 1:08x}-0000-4000-8000-000000000000"
    children = [
        _paragraph(f"{number + 1:08x}-0000-4000-8000-{n:012x}", f"{WORDS}, {n}.")
        for n in range(1, blocks + 1)
    ]
    answers = Answers(_page(page_id), children)
    row = PageRow(page_id, "source", "RFC", "url", NOW - 3 * HOUR, Standing.DUE, NOW)
    pages.save(state, [row])
    first = await _timed(_context(state, answers), row)
    answers.edit(blocks // 2)
    edited()
    row = pages.page(state, page_id) or row
    again = await _timed(_context(state, answers), replace(row, edited=answers.now - HOUR / 2))
    return first, again


def _context(state: Any, answers: Any) -> Context:
    config = Config.model_validate({"databases": [{"id": "1" * 32}]})
    model: Any = Model(_calls)
    return Context(
        state=state,
        notion=answers,
        people=People(state, answers, "token"),
        models=model,
        config=config,
        chains={},
        tell=lambda *_, **__: None,
        deliver=outbox.deliver,
        meter=Meter(state, config.limits, lambda: answers.now),
        posted=Counter(),
    )


async def _timed(context: Context, row: PageRow) -> float:
    base = Base(context.config.databases[0], "RFCs", (MODEL,))
    gc.collect()
    began = time.process_time()
    visited = await visit.visit(context, base, row)
    took = time.process_time() - began
    assert visited.reviewed, visited
    return took


def lines(found: Sequence[Cost]) -> Iterator[Line]:
    by_blocks = {one.blocks: one for one in found}
    page = by_blocks[100]
    yield Line(
        "6. own work on a changed page of 100 blocks: processor time",
        f"{page.again:.1f} ms (first review: {page.first:.1f} ms)",
        "under 15 ms",
        page.again < 15,
        data={"milliseconds": page.again, "first": page.first},
    )
    each = {blocks: one.again / blocks * 1000 for blocks, one in by_blocks.items()}
    yield Line(
        "6. the same for each block",
        ", ".join(f"{cost:,.0f} µs of {blocks:,}" for blocks, cost in each.items()),
        "linear: 10,000 blocks at most 1.2 times 100's",
        each[10_000] <= 1.2 * each[100],
        data={"microseconds": {str(blocks): round(cost, 1) for blocks, cost in each.items()}},
    )
