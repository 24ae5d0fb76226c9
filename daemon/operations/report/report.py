"""A report: one period, the one before, and what stands out; as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.operations.report.figures import Figures, Span, Waits, Work, figures
from daemon.operations.report.trends import Share, Surge, Topic, has_fallen, surges, topics
from daemon.store.views import reporting
from daemon.store.database import iso


@dataclass(frozen=True, slots=True)
class Report:
    """A period against the one before.

    Attributes:
        span: How long each is.
        began: When the first review ever was held; None where there is none.
        now: The period.
        before: The one before it.
        topics: What the period's findings are about, the most frequent first.
        topics_before: The same of the one before.
        fallen: Whether fewer of the settled findings were addressed, beyond chance.
        surges: The topics that came up more than before, beyond chance.
    """

    span: Span
    began: datetime | None
    now: Figures
    before: Figures
    topics: Mapping[str, Topic]
    topics_before: Mapping[str, Topic]
    fallen: bool
    surges: tuple[Surge, ...]


def addressed(work: Work) -> Share:
    """Return how many of the settled findings were addressed."""
    return Share(work.addressed, work.settled_in_all)


def report(db: Database | None, span: Span, until: datetime) -> Report:
    """Report on the period that ends at `until`; without a state nothing happened."""
    since = until - span.length
    now, before = figures(db, since, until), figures(db, since - span.length, since)
    topics_now, topics_before = (_topics(db, one.since, one.until) for one in (now, before))
    return Report(
        span=span,
        began=reporting.first_review(db) if db else None,
        now=now,
        before=before,
        topics=topics_now,
        topics_before=topics_before,
        fallen=has_fallen(addressed(now.work), addressed(before.work)),
        surges=tuple(surges(topics_now, topics_before)),
    )


def _topics(db: Database | None, since: datetime, until: datetime) -> dict[str, Topic]:
    found = reporting.points(db, since, until) if db else ()
    return topics((one.page_id, one.finding, one.section) for one in found)


def as_json(report: Report) -> dict[str, Any]:
    """Return the object of `report --json`."""
    return {
        "span": report.span.value,
        "now": _figures(report.now, report.topics),
        "before": _figures(report.before, report.topics_before),
        "addressed_fell": report.fallen,
        "surges": [asdict(surge) for surge in report.surges],
    }


def _figures(found: Figures, about: Mapping[str, Topic]) -> dict[str, Any]:
    return {
        "since": iso(found.since),
        "until": iso(found.until),
        **_work(found.work),
        **_waits(found.waits),
        "by_prompt": {name: _work(work) for name, work in found.by_prompt.items()},
        "by_model": {name: _work(work) for name, work in found.by_model.items()},
        "topics": {name: asdict(topic) for name, topic in about.items()},
    }


def _work(work: Work) -> dict[str, Any]:
    each = work.cost_per_addressed
    return asdict(work) | {
        "cost_usd": round(work.cost_usd, 6),
        "cost_per_addressed_usd": None if each is None else round(each, 6),
    }


def _waits(waits: Waits) -> dict[str, Any]:
    return {
        "replies": waits.replies,
        "replies_timed": waits.known,
        "seconds_to_reply_median": waits.median,
        "seconds_to_reply_90th": waits.ninetieth,
    }
