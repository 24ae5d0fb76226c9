"""The memory of a large company: its size, and what a look-up and a review's first passages take.

A look-up is compared with reading one of the passages by its number, in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from sqlite_utils import Database

from bench.table import Line
from daemon.domain.passages import RememberedPage
from daemon.store import memory
from daemon.store.database import open_state
from daemon.sweep.memory import FOUND, READ_REQUESTS, SHOWN, passages
from support.review_values import block
from support.states import NOW, SOURCE


BLOCKS, WORDS = 30, 30  # of a document, and of a block
VOCABULARY = 30_000
ASKED, ASKS = 6, 60  # words of a look-up, and look-ups
MOST_GROWN = 10
MEGABYTE = 1_000_000
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


@dataclass(frozen=True)
class Remembered:
    """A memory of so many documents: bytes, and the processor seconds of what is asked of it."""

    documents: int
    size: int
    look_up: float
    slowest: float
    told: float
    by_number: float


class _Writer:
    """Writes text in which some words are frequent and most are rare, as in any language."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        words = dict.fromkeys(
            "".join(self._random.choices(_LETTERS, range(26, 0, -1), k=self._random.randint(3, 9)))
            for _ in range(VOCABULARY)
        )
        self._words = list(words)
        self._weights = list(accumulate(1 / rank for rank in range(2, len(words) + 2)))

    def block(self) -> str:
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=WORDS))


def measure(folder: Path, count: int) -> Remembered:
    """Remember `count` documents, and ask for what is near to words of new ones."""
    path, writer = folder / f"memory-{count}.db", _Writer(count)
    with closing(open_state(path)) as db:
        for number in range(count):
            page = RememberedPage(f"page-{number}", SOURCE.id, f"RFC {number}", "", "Accepted", NOW)
            memory.note(db, [page])
            blocks = [block(f"block-{number}-{at}", writer.block()) for at in range(BLOCKS)]
            memory.save_passages(db, page.id, NOW, passages(blocks))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        asked = [" ".join(writer.block().split()[:ASKED]) for _ in range(ASKS)]
        took = [_seconds(lambda words=words: _near(db, [words], FOUND)) for words in asked]  # type: ignore[misc]
        document = [writer.block() for _ in range(BLOCKS)]
        told = _seconds(lambda: _near(db, document, SHOWN))
        return Remembered(count, path.stat().st_size, median(took), max(took), told, _by_number(db))


def _near(db: Database, texts: list[str], limit: int) -> Any:
    return memory.nearest(db, texts, [SOURCE.id], "", limit)


def _by_number(db: Database) -> float:
    """Return what reading one passage takes: of a thousand, since one is over too soon."""
    (last,) = db.execute("SELECT max(id) FROM remembered_blocks").fetchone()
    numbers = [Random(last).randint(1, last) for _ in range(1_000)]

    def read() -> None:
        for number in numbers:
            db.execute("SELECT text FROM remembered_blocks WHERE id = ?", [number]).fetchone()

    return _seconds(read) / len(numbers)


def _seconds(ask: Callable[[], Any]) -> float:
    began = time.process_time()
    ask()
    return time.process_time() - began


def lines(small: Remembered, large: Remembered) -> Iterator[Line]:
    a_page = large.size / large.documents
    yield Line(
        f"8. memory of {large.documents:,} documents of {BLOCKS} blocks",
        f"{large.size / MEGABYTE:,.0f} MB, {a_page / 1000:.0f} kB a document",
        data={"documents": large.documents, "bytes": large.size},
    )
    grown = large.look_up / small.look_up
    yield Line(
        f"8. a look-up in them, against one in {small.documents:,}; against reading one passage",
        f"{grown:.1f} times; {large.look_up / large.by_number:,.0f} times",
        target=f"{MOST_GROWN} times",
        reached=grown <= MOST_GROWN,
        data={
            "milliseconds": round(large.look_up * 1000, 2),
            "slowest_milliseconds": round(large.slowest * 1000, 2),
        },
    )
    yield Line(
        f"8. the passages of a review of {BLOCKS} blocks, against a look-up",
        f"{large.told / large.look_up:.0f} times",
        data={"milliseconds": round(large.told * 1000, 2)},
    )
    sweeps = large.documents * 2 / READ_REQUESTS
    yield Line(
        f"8. sweeps without reviews until {large.documents:,} documents are read",
        f"{sweeps:,.0f}, of {READ_REQUESTS} requests each",
        data={"sweeps": round(sweeps)},
    )
