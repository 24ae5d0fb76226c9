"""The rule-based reviewer: finds plain defects in a proposal, with no model.

Pure: no clock, no I/O. Precise before complete: when in doubt, silent. The rules are loaded when
a page is reviewed: a sweep without work has no use for their patterns.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from daemon.domain.values import Finding, Snapshot, Thread


__all__ = ["answer", "findings", "still_finds"]


def findings(snapshot: Snapshot, today: date) -> tuple[Finding, ...]:
    """Return the defects of a document, in its order; each quotes a block that takes comments."""
    from daemon.review.offline import rules

    return rules.findings(snapshot, today)


def still_finds(raised: Finding, found: Iterable[Finding]) -> bool | None:
    """Return whether the rule that raised a finding still finds it; None where none of these did.

    Args:
        raised: A finding of an earlier review.
        found: All that the rules find in the document as it is.
    """
    from daemon.review.offline import rules

    return rules.still_finds(raised, found)


def answer(thread: Thread, snapshot: Snapshot, today: date, raised: Finding | None) -> str | None:
    """Return a reply to the waiting comments of a thread; None where there is nothing to say.

    `raised` is the finding that began the thread, if one of these rules did.
    """
    from daemon.review.offline import rules

    return rules.answer(thread, snapshot, today, raised)
