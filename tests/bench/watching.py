"""How long an answer in a known thread waits, by the budget for watching: the policy, played."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean

from sqlite_utils import Database

from bench.table import Line
from daemon.domain.records import PageRow, PageState, Place, SourceRow
from daemon.domain.values import Thread
from daemon.store import pages, threads
from daemon.store.database import copy_in_memory
from daemon.sweep.conversation.watch import OTHERS_PART, choose


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANSWERS = 40  # comments that arrive between two sweeps


@dataclass(frozen=True)
class Waited:
    """What a budget gave: mean sweeps until an answer was seen, and the most requests of a sweep.

    `computed` is the mean by the formula in docs/how-it-decides.md: a place is looked at in every
    ⌈K ÷ (B - o)⌉th sweep, and an answer comes at any time between two looks.
    """

    budget: int
    mean: float
    computed: float
    most: int


def waits(budget: int, count: int, blocks: int, known: int) -> Waited:
    """Play sweeps over `count` pages of `blocks` blocks with `known` threads each."""
    dice = random.Random(budget)
    others, places_in_all = count * (blocks - known), count * (known + 1)
    period = math.ceil(places_in_all / (budget - min(others, budget // OTHERS_PART)))
    open_: list[tuple[int, str]] = []
    waited, most = [], 0
    with closing(copy_in_memory(Path("there is none"))) as db:
        places = _filled(db, count, blocks, known)
        for sweep in range(5 * period):
            at = NOW + sweep * HOUR
            chosen = [place for page in _chosen(db, at, budget) for place in page]
            most = max(most, sum(place.requests for place in chosen))
            seen = {place.place for place in chosen}
            waited += [sweep - since for since, place in open_ if place in seen]
            open_ = [(since, place) for since, place in open_ if place not in seen]
            for place in chosen:
                threads.record_listing(db, place.page_id, [place.place], at)
            # The first round begins with every look alike; of the last not all are seen.
            if period <= sweep < 4 * period:
                open_ += [(sweep, dice.choice(places)) for _ in range(ANSWERS)]
    return Waited(budget, fmean(waited), (period + 1) / 2, most)


def _filled(db: Database, count: int, blocks: int, known: int) -> list[str]:
    """Store the pages; return the known places: the threads' blocks."""
    pages.save_source(db, SourceRow("s", "d", "RFCs", NOW))
    places = []
    for number in range(count):
        page = f"page-{number}"
        row = PageRow(page, "s", page, page, NOW, PageState.DONE, reviewed_at=NOW)
        pages.save(db, [row])
        held = [f"{page} {block}" for block in range(blocks)]
        for block in held[:known]:
            threads.save_thread(db, page, Thread(f"thread {block}", block, ()), {})
        threads.set_places(db, page, held, NOW - HOUR)
        places += [page, *held[:known]]
    return places


def _chosen(db: Database, at: datetime, budget: int) -> list[list[Place]]:
    since = at - timedelta(days=30)
    return choose(
        threads.places_to_list(db, ["s"], since, budget, known=True),
        threads.places_to_list(db, ["s"], since, budget, known=False),
        budget,
    )


def lines(count: int = 200, blocks: int = 100, known: int = 5) -> Iterator[Line]:
    for budget in (60, 120, 240, 480, 960):
        found = waits(budget, count, blocks, known)
        yield Line(
            f"4. watching {count} pages with {known} threads each, {budget} requests a sweep",
            f"an answer waits {found.mean:.1f} sweeps (formula: {found.computed:.1f})",
            f"at most {budget} requests",
            found.most <= budget,
            "never: it has no memory" if budget == 60 else "",
            {"budget": budget, "mean": round(found.mean, 2), "most": found.most},
        )
