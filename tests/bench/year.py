"""The state of a large company after a year: how its size and its queries grow with its pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlite_utils import Database

from bench.table import Line
from daemon.domain.values import ReviewKind
from daemon.store import findings, outbox, pages, reviews
from daemon.store.database import open_state
from store.test_plans import FINDING, MESSAGE, NAMED, ON_THE_PATH, PAGE, REVIEW, fill, uuid
from support.states import NOW, SOURCE


# Of each page in the year; decisions and texts are kept for ninety days, so those of one review.
REVIEWS = 4
FINDINGS = 5  # of each
FULL = 10_000  # pages
BATCH = 100
TIMES = 5
SHOWN = 4
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Grown:
    """A state of `pages` pages: bytes, and the seconds of each query by name."""

    pages: int
    size: int
    queries: Mapping[str, float]


class _Undo(Exception):
    """Take a query's effect back."""


def measure(folder: Path, count: int) -> Grown:
    """Fill a state with `count` pages and a year of reviews, and ask all of it."""
    path = folder / f"state-{count}.db"
    with closing(open_state(path)) as db:
        pages.save_source(db, SOURCE)
        for first in range(0, count, BATCH):
            with db.atomic():
                for number in range(first, min(first + BATCH, count)):
                    fill(db, number)
                    _year(db, number)
        _settle(db)
        _name_one(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        queries = {name: _seconds(db, ask) for name, ask in ON_THE_PATH.items()}
    return Grown(count, path.stat().st_size, queries)


def _year(db: Database, number: int) -> None:
    """Add a page's earlier reviews."""
    page = uuid(number, 0)
    for quarter in range(1, REVIEWS):
        at = NOW - quarter * timedelta(days=90)
        review = reviews.add(db, page, REVIEW, kind=ReviewKind.REVIEW, **NAMED | {"at": at})
        for n in range(FINDINGS):
            finding = replace(FINDING, block_id=uuid(number, n + 1), text="What then? " * 9)
            finding_id = findings.add(db, review, page, finding, at)
            key = f"{page} {quarter} {n}"
            message = replace(MESSAGE, key=key, page_id=page, body=finding.text, review_id=review)
            message = replace(message, finding_id=finding_id, created_at=at)
            outbox.add(db, [message])
            outbox.mark_posted(db, message, f"comment {key}", f"thread {key}", at)


def _settle(db: Database) -> None:
    """Let every message be posted and no page be due: what waits is a handful on any day."""
    db.execute("UPDATE outbox SET state = 'posted', comment_id = key, posted_at = created_at")
    db.execute("UPDATE pages SET due_at = NULL")


def _name_one(db: Database) -> None:
    """Let the page that the queries ask for be one that has all of this."""
    held = {"pages": "id"} | dict.fromkeys(
        ("reviews", "texts", "findings", "outbox", "looks", "decisions"), "page_id"
    )
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("DELETE FROM texts WHERE review_id = 1")  # it is stored anew
    for table, column in held.items():
        db.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} = ?",
            [PAGE.id, uuid(0, 0)],
        )


def _seconds(db: Database, ask: Callable[[Database], Any]) -> float:
    took = []
    for _ in range(TIMES):
        with suppress(_Undo), db.atomic():
            began = time.process_time()
            ask(db)
            took.append(time.process_time() - began)
            raise _Undo
    return median(took)


def lines(small: Grown, large: Grown) -> Iterator[Line]:
    a_page = large.size / large.pages
    yield Line(
        f"8. state of {large.pages:,} pages of 100 blocks after a year of reviews",
        f"{large.size / MEGABYTE:,.0f} MB, {a_page / 1000:.0f} kB a page",
        earlier="none: it forgets",
        data={"pages": large.pages, "bytes": large.size},
    )
    times = f"{large.pages:,} pages against {small.pages:,}"
    grown = {name: took / small.queries[name] for name, took in large.queries.items()}
    most = sorted(grown, key=grown.__getitem__, reverse=True)[:SHOWN]
    yield Line(
        f"8. the queries that grow most, {times}",
        ", ".join(f"{name} {grown[name]:.1f} times" for name in most),
        data={"times": {name: round(by, 2) for name, by in grown.items()}},
    )
    both = sum(large.queries.values()) / sum(small.queries.values())
    yield Line(
        f"8. all {len(grown)} queries together, {times}",
        f"{both:.1f} times the time, {large.size / small.size:.1f} times the size",
        data={"times": round(both, 2)},
    )
