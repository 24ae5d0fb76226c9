"""The rule-based reviewer: finds plain defects in a proposal, with no model.

Pure: no clock, no I/O. Precise before complete: when in doubt, silent. The rules are loaded when
a page is reviewed: a sweep without work has no use for their patterns.
"""

from __future__ import annotations

from datetime import date

from daemon.domain.values import Finding, Snapshot, Thread


__all__ = ["answer", "findings", "summary"]


def findings(snapshot: Snapshot, today: date) -> tuple[Finding, ...]:
    """Return the defects of a document, in its order; each quotes a block that takes comments."""
    from daemon.review.offline import rules as reviewing

    return reviewing.findings(snapshot, today)


def summary(snapshot: Snapshot, findings: tuple[Finding, ...]) -> str:
    """Return what the author has to do, the most urgent first, as Markdown; "" without findings."""
    from daemon.review.offline import rules as reviewing

    return reviewing.summary(snapshot, findings)


def answer(thread: Thread, snapshot: Snapshot, today: date, raised: Finding | None) -> str | None:
    """Return a reply to the waiting comments of a thread; None where there is nothing to say.

    `raised` is the finding that began the thread, if one of these rules did.
    """
    from daemon.review.offline import rules as reviewing

    return reviewing.answer(thread, snapshot, today, raised)
