"""All rules over one document, and what is made of their findings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from daemon.domain.values import Finding, Snapshot, Thread
from daemon.review.offline import answering, counts, dates, leftovers, references, sections
from daemon.review.offline.document import Document, kind_of, read


__all__ = ["answer", "findings", "still_finds"]


def findings(snapshot: Snapshot, today: date) -> tuple[Finding, ...]:
    """Return the defects of a document, in its order; each quotes a block that takes comments."""
    return _found(read(snapshot), today)


def still_finds(raised: Finding, found: Iterable[Finding]) -> bool | None:
    """Return whether the rule that raised a finding still finds it; None where none of these did.

    Args:
        raised: A finding of an earlier review.
        found: All that the rules find in the document as it is.
    """
    kind = kind_of(raised)
    return None if kind is None else any(answering.is_same(kind, raised, one) for one in found)


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
        *leftovers.doubled(document),
        *counts.counts(document),
        *references.references(document),
        *dates.past_plans(document, today),
    ]
    return tuple(
        hit.finding for hit in sorted(hits, key=lambda hit: (hit.passage.index, hit.start))
    )
