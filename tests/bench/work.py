"""The program's own work on one page: everything but HTTP and the model.

It is compared with decoding Notion's answers about that page, in the same run: that is the least
that any program does with them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench.benchlab import MODEL, Calls, Model
from bench.table import Line
from daemon.config import Config
from daemon.domain.records import PageRow, PageState, SourceRow
from daemon.domain.values import Snapshot
from daemon.review import offline
from daemon.store import database, pages
from daemon.sweep import page
from daemon.sweep.budget import Meter
from daemon.sweep.context import Context, Target
from daemon.sweep.delivery import posting
from daemon.sweep.people import People
from support.offline_markdown import HOSTILE, hostile


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FINDINGS = 3
TIMES = 20  # that answers are decoded: it is over too soon to be measured once
HOSTILE_CHARS = 10_000
MOST = 50  # times the decoding of a page's answers
DATABASE = "11111111-1111-4111-8111-111111111111"
WORDS = "The poller reads every carrier in turn, so that one slow carrier holds up all the others"


class Answers:
    """Stands in for the gateway: answers at once with what was laid out, and keeps nothing."""

    def __init__(self, page: dict[str, Any], children: list[dict[str, Any]]) -> None:
        self._page = page
        self._children = children
        self._now = NOW
        self.requests = 0
        self.posted: dict[str, list[dict[str, Any]]] = {}

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

    async def comments(self, place: str) -> list[dict[str, Any]]:
        return self.posted.get(place, [])

    async def post_comment(
        self, target: dict[str, Any], rich_text: list[dict[str, Any]], *_: Any
    ) -> dict[str, Any]:
        self.requests += 1
        number = str(self.requests)
        made = {
            "id": f"comment-{number}",
            "discussion_id": f"thread-{number}",
            "parent": target["parent"],
            "created_by": {"object": "user", "id": "bot", "type": "bot"},
            "created_time": f"{self._now:%Y-%m-%dT%H:%M:00.000Z}",
            "rich_text": [one | {"plain_text": one["text"]["content"]} for one in rich_text],
        }
        self.posted.setdefault(target["parent"].get("block_id", ""), []).append(made)
        return made

    async def edit_comment(self, comment_id: str, _: Any) -> dict[str, Any]:
        return {"id": comment_id}

    def encoded(self) -> Iterator[str]:
        """Yield the page and its blocks as Notion sends them, a hundred in an answer."""
        yield json.dumps(self._page)
        for first in range(0, len(self._children), 100):
            yield json.dumps(self._children[first : first + 100])

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
        "parent": {"type": "data_source_id", "data_source_id": "source", "database_id": DATABASE},
        "id": page_id,
        "created_time": "2026-11-01T12:00:00.000Z",
        "last_edited_time": "2026-11-20T09:00:00.000Z",
        "in_trash": False,
        "url": f"https://app.notion.com/p/{page_id}",
        "properties": {"Name": {"id": "title", "type": "title", "title": title}},
    }


def _calls(_: str, findings: int = FINDINGS) -> Calls:
    point = {"quote": "one slow carrier", "severity": "minor"}
    calls = [
        ("comment", point | {"block": f"B{n}", "text": f"What holds up carrier {n}?"})
        for n in range(2, 2 + findings)
    ]
    return [*calls, ("finish", {"summary": "Say what a slow carrier holds up."})]


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one page: its first review, one after an edit of one block, and decoding the
    answers that were read for the latter."""

    blocks: int
    first: float
    again: float
    decoding: float


def measure(folder: Path, blocks: int, pages_: int) -> Cost:
    """Review `pages_` pages of `blocks` blocks, and each again after an edit; the medians."""
    with closing(database.open_state(folder / f"work-{blocks}.db")) as state:
        pages.save_source(state, SourceRow("source", DATABASE, "RFCs", NOW - 10 * HOUR))
        asyncio.run(_reviewed(state, -1, blocks))  # warms up
        took = [asyncio.run(_reviewed(state, number, blocks)) for number in range(pages_)]
    return Cost(blocks, *map(median, zip(*took, strict=True)))


def statements(folder: Path, blocks: int, findings: int = FINDINGS) -> list[str]:
    """Return the statements that a review after an edit of one block sends to SQLite."""
    sent: list[str] = []
    with closing(database.open_state(folder / f"count-{blocks}-{findings}.db")) as state:
        pages.save_source(state, SourceRow("source", DATABASE, "RFCs", NOW - 10 * HOUR))
        listen = partial(state.conn.set_trace_callback, sent.append)
        asyncio.run(_reviewed(state, 0, blocks, listen, partial(_calls, findings=findings)))
    # A statement for many rows shows once for each of them; a savepoint asks nothing.
    asked = [_shape(one) for one in sent if not one.startswith(("SAVEPOINT", "RELEASE"))]
    return [after for before, after in pairwise(["", *asked]) if before != after]


def _shape(statement: str) -> str:
    """Drop the values out of a statement."""
    return re.sub(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b", "?", statement)


async def _reviewed(
    state: Any,
    number: int,
    blocks: int,
    edited: Callable[[], None] = lambda: None,
    calls: Callable[[str], Calls] = _calls,
) -> tuple[float, float, float]:
    page_id = f"{number + 1:08x}-0000-4000-8000-000000000000"
    children = [
        _paragraph(f"{number + 1:08x}-0000-4000-8000-{n:012x}", f"{WORDS}, {n}.")
        for n in range(1, blocks + 1)
    ]
    answers = Answers(_page(page_id), children)
    row = PageRow(page_id, "source", "RFC", "url", NOW - 3 * HOUR, PageState.DUE, NOW)
    pages.save(state, [row])
    first = await _timed(_context(state, answers, calls), row)
    answers.edit(blocks // 2)
    edited()
    row = pages.page(state, page_id) or row
    again = await _timed(
        _context(state, answers, calls), replace(row, edited=answers.now - HOUR / 2)
    )
    return first, again, _decoding(answers)


def _context(state: Any, answers: Any, calls: Callable[[str], Calls]) -> Context:
    config = Config.model_validate({"databases": [{"id": DATABASE}]})
    model: Any = Model(calls)
    return Context(
        state=state,
        notion=answers,
        people=People(state, answers, "token"),
        models=model,
        config=config,
        chains={},
        emit=lambda *_, **__: None,
        deliver=posting.deliver,
        meter=Meter(state, config.limits, lambda: answers.now),
    )


async def _timed(context: Context, row: PageRow) -> float:
    base = Target(context.config.databases[0], "RFCs", (MODEL,))
    gc.collect()
    began = time.process_time()
    visited = await page.review_page(context, base, row)
    took = time.process_time() - began
    assert visited.reviewed, visited
    return took


def _decoding(answers: Answers) -> float:
    texts = list(answers.encoded())
    gc.collect()
    began = time.process_time()
    for _ in range(TIMES):
        for text in texts:
            json.loads(text)
    return (time.process_time() - began) / TIMES


def hostile_growth() -> dict[str, float]:
    """Return by how much the work of the rules grows with a wall of text four times as long."""
    offline.findings(hostile("a", 10), NOW.date())  # imports the rules
    return {
        name: _seconds(hostile(piece, 4 * HOSTILE_CHARS)) / _seconds(hostile(piece, HOSTILE_CHARS))
        for name, piece in HOSTILE.items()
    }


def _seconds(page_: Snapshot) -> float:
    found = []
    for _ in range(3):
        began = time.process_time()
        offline.findings(page_, NOW.date())
        found.append(time.process_time() - began)
    return min(found)


def lines(found: Sequence[Cost]) -> Iterator[Line]:
    by_blocks = {one.blocks: one for one in found}
    page = by_blocks[100]
    again, first = page.again / page.decoding, page.first / page.decoding
    yield Line(
        "6. own work on a changed page of 100 blocks, processor time against decoding its answers",
        f"{again:.0f} times (first review: {first:.0f} times)",
        f"at most {MOST} times",
        again <= MOST,
        data={"times": round(again, 1), "first": round(first, 1)},
    )
    each = {blocks: one.again / blocks for blocks, one in by_blocks.items()}
    times = {blocks: cost / each[100] for blocks, cost in each.items()}
    yield Line(
        "6. the same for each block, against one of a page of 100",
        ", ".join(f"{by:.2f} times of {blocks:,}" for blocks, by in times.items()),
        "linear: 10,000 blocks at most 1.2 times",
        times[10_000] <= 1.2,
        data={"times": {str(blocks): round(by, 2) for blocks, by in times.items()}},
    )
    growth = hostile_growth()
    name, worst = max(growth.items(), key=lambda one: one[1])
    yield Line(
        f"6. the rules on a wall of {4 * HOSTILE_CHARS:,} characters, against a quarter of it",
        f"{worst:.1f} times the processor time ({name})",
        "at most 8 times",
        worst <= 8,
        data={"times": {name: round(by, 2) for name, by in growth.items()}},
    )
