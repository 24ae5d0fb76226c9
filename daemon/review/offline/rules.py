"""All rules over one document, and what is made of their findings."""

from __future__ import annotations

from datetime import date

from daemon.domain.values import Finding, Snapshot, Thread

from daemon.review.offline import (
    answering,
    counts,
    dates,
    doubled,
    leftovers,
    references,
    sections,
    summing,
)
from daemon.review.offline.document import Document, read
from daemon.review.offline.hits import Hit


__all__ = ["answer", "findings", "summary"]


def findings(snapshot: Snapshot, today: date) -> tuple[Finding, ...]:
    """Return the defects of a document, in its order; each quotes a block that takes comments."""
    return _found(read(snapshot), today)


def summary(snapshot: Snapshot, findings: tuple[Finding, ...]) -> str:
    """Return what the author has to do, the most urgent first, as Markdown; "" without findings."""
    present = snapshot.by_id
    return summing.summary(tuple(found for found in findings if found.block_id in present))


def answer(thread: Thread, snapshot: Snapshot, today: date, raised: Finding | None) -> str | None:
    """Return a reply to the waiting comments of a thread; None where there is nothing to say.

    `raised` is the finding that began the thread, if one of these rules did.
    """
    if not thread.waiting:
        return None
    document = read(snapshot)
    return answering.reply(thread, document, _found(document, today), raised)


def _found(document: Document, today: date) -> tuple[Finding, ...]:
    hits = [
        *sections.missing(document),
        *sections.empty(document),
        *leftovers.leftovers(document),
        *doubled.doubled(document),
        *counts.counts(document),
        *references.references(document),
        *dates.past_plans(document, today),
    ]
    return tuple(hit.finding for hit in sorted(hits, key=_place))


def _place(hit: Hit) -> tuple[int, int]:
    return hit.passage.index, hit.start
