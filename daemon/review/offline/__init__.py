"""The rule-based reviewer: finds plain defects in a proposal, with no model.

Pure: no clock, no I/O. Precise before complete: when in doubt, silent. The rules are loaded when
a page is reviewed: a sweep without work has no use for their patterns.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from daemon.domain.values import Finding, Snapshot, Thread


if TYPE_CHECKING:
    from daemon.review.offline.document import Document

__all__ = ["answer", "findings", "still_finds"]


def findings(snapshot: Snapshot, today: date) -> tuple[Finding, ...]:
    """Return the defects of a document, in its order; each quotes a block that takes comments."""
    from daemon.review.offline.document import read

    return _found(read(snapshot), today)


def still_finds(raised: Finding, found: Iterable[Finding]) -> bool | None:
    """Return whether the rule that raised a finding still finds it; None where none of these did.

    Args:
        raised: A finding of an earlier review.
        found: All that the rules find in the document as it is.
    """
    from daemon.review.offline.answering import is_same
    from daemon.review.offline.document import kind_of

    kind = kind_of(raised)
    return None if kind is None else any(is_same(kind, raised, one) for one in found)


def answer(thread: Thread, snapshot: Snapshot, today: date, raised: Finding | None) -> str | None:
    """Return a reply to the waiting comments of a thread; None where there is nothing to say.

    `raised` is the finding that began the thread, if one of these rules did.
    """
    from daemon.review.offline.answering import reply
    from daemon.review.offline.document import read

    if not thread.waiting:
        return None
    document = read(snapshot)
    return reply(thread, document, _found(document, today), raised)


def _found(document: Document, today: date) -> tuple[Finding, ...]:
    """Return what all rules find."""
    from daemon.review.offline import counts, dates, leftovers, references, sections

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
