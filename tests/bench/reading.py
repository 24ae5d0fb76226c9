"""Requests and time of reviews: a first one, one after an edit, a backlog under the rate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.benchlab import LATENCY, Calls, Lab, finish, later
from bench.table import Line


BLOCKS, THREADS = 100, 10
# Seen by running it: one page, its blocks by 100, users one by one, and comments block by block.
EARLIER_REQUESTS = 114
RATE = 180


@dataclass(frozen=True)
class Page:
    """One page's first review, its review after an edit of one block, and a sweep after that."""

    first: int
    first_posts: int
    first_seconds: float
    again: int
    again_posts: int
    nothing: int


def answering(document: str) -> Calls:
    """Make one comment, and answer every thread."""
    point = {"block": "B3", "quote": "A sentence", "text": "Which?", "severity": "minor"}
    threads = re.findall(r"^\[(T\d+) on", document, re.MULTILINE)
    replies = [("reply", {"thread": thread, "text": "Yes."}) for thread in threads]
    return [("comment", point), *replies, ("finish", {"summary": "Say which."})]


async def one_page(folder: Path) -> Page:
    """Review a page three times; what Notion is asked only once in a lifetime was asked before."""
    lab = Lab(folder)
    await _acquainted(lab)
    page = lab.page("Queues", BLOCKS)
    lab.ask(page, range(5, 5 + 5 * THREADS, 5))
    await later()
    lab.model.think = answering
    first = await lab.sweep()
    lab.model.think = finish
    await later()
    lab.box.world.edit_block(lab.box.world.blocks(page)[50], "Now it says something else.")
    await later()
    again = await lab.sweep()
    await later()
    nothing = await lab.sweep()
    return Page(
        first=first.requests,
        first_posts=first.result.comments_posted
        + first.result.replies_posted
        + first.result.summaries_posted,
        first_seconds=first.seconds,
        again=again.requests,
        again_posts=again.result.summaries_posted,
        nothing=nothing.requests,
    )


async def _acquainted(lab: Lab) -> None:
    """Learn who is who on another page, and wait until it is settled."""
    lab.ask(lab.page("Hello", 2), [1])
    await later()
    lab.model.think = answering
    await lab.sweep()


def page_lines(page: Page) -> Iterator[Line]:
    most = BLOCKS + 4 + page.first_posts
    yield Line(
        f"2. first review, {BLOCKS} blocks, {THREADS} threads: requests",
        f"{page.first} ({page.first_posts} of them posts)",
        f"at most {most}",
        page.first <= most,
        f"{EARLIER_REQUESTS} without posts",
        {"requests": page.first, "posts": page.first_posts},
    )
    one_by_one = page.first * LATENCY
    yield Line(
        "2. its time at 50 ms a request, model and rate aside",
        f"{page.first_seconds:.2f} s",
        f"a third of {one_by_one:.2f} s",
        page.first_seconds <= one_by_one / 3,
        f"{(EARLIER_REQUESTS + page.first_posts) * LATENCY:.2f} s, one by one",
        {"seconds": round(page.first_seconds, 3), "one_by_one": round(one_by_one, 3)},
    )
    yield Line(
        "3. review after an edit of one block: requests",
        f"{page.again}",
        f"a quarter of {page.first}",
        page.again * 4 <= page.first,
        f"{EARLIER_REQUESTS} again",
        {"requests": page.again},
    )
    yield Line(
        "1. sweep with nothing to do: requests",
        f"{page.nothing} for each data source",
        "1",
        page.nothing == 1,
        "none: it has a webhook, and no memory",
        {"requests": page.nothing},
    )


@dataclass(frozen=True)
class Backlog:
    """Many changed pages under Notion's window."""

    pages: int
    requests: int
    refused: int
    used: float
    overlapped: float
    minutes: float


async def backlog(folder: Path, pages: int, blocks: int, think_seconds: float) -> Backlog:
    """Review `pages` changed pages where Notion enforces its limit."""
    lab = Lab(folder, per_minute=RATE, lookback=timedelta(days=2))
    lab.box.window.per_minute = RATE
    for number in range(pages):
        lab.page(f"RFC {number}", blocks)
    await later()
    lab.model.seconds = think_seconds
    sent = Counter[Any]()

    def watch(_: httpx.Request) -> None:
        sent["all"] += 1
        sent["overlapped"] += lab.model.at_work > 0

    lab.line.watch = watch
    swept = await lab.sweep()
    assert swept.result.pages_reviewed == pages
    return Backlog(
        pages=pages,
        requests=swept.requests,
        refused=sum(
            entry.status == httpx.codes.TOO_MANY_REQUESTS for entry in lab.box.requests.log
        ),
        used=swept.requests / swept.seconds * 60 / RATE,
        overlapped=sent["overlapped"] / sent["all"],
        minutes=swept.seconds / 60,
    )


def backlog_lines(found: Backlog) -> Iterator[Line]:
    name = f"5. backlog of {found.pages:,} changed pages at {RATE} a minute"
    yield Line(
        f"{name}: window used",
        f"{found.used:.1%} for {found.minutes:,.0f} minutes",
        "at least 95 %",
        found.used >= 0.95,
        "no limiter: 429 ends its run",
        {"requests": found.requests, "used": round(found.used, 4)},
    )
    yield Line(
        f"{name}: refused with 429",
        f"{found.refused} of {found.requests:,}",
        "0",
        not found.refused,
        data={"refused": found.refused},
    )
    yield Line(
        f"{name}: sent while a model was at work",
        f"{found.overlapped:.0%}",
        "overlapped",
        found.overlapped > 0.5,
        "none: one after the other",
        {"overlapped": round(found.overlapped, 4)},
    )
