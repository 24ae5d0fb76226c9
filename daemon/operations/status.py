"""What the state says about the service: the object of `status --json`, and words for people."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlite_utils import Database

from daemon.config import Config
from daemon.domain.english import counted
from daemon.store import drafts, sweeps as ledger, pages, reviews, spending
from daemon.store.database import iso


def status(state: Database | None, config: Config) -> dict[str, Any]:
    """Return the status object; without a state everything is empty."""
    if state is None:
        return _EMPTY | {"databases": [_database(None, base) for base in config.databases]}
    now = datetime.now(UTC)
    today = now.date()
    return {
        "last_sweep": ledger.last_sweep(state),
        "databases": [_database(state, base) for base in config.databases],
        "pages": pages.counts(state, now),
        "outbox": reviews.outbox_counts(state),
        "drafts": _drafts(state),
        "spent_today": _spent(state, today, today),
        "spent_this_month": _spent(state, today.replace(day=1), today),
        "alerts": ledger.alerts(state),
        "failed_pages": [
            {"id": row.id, "title": row.title, "attempts": row.attempts, "error": row.error}
            for row in pages.failed(state)
        ],
    }


_EMPTY: dict[str, Any] = {
    "last_sweep": None,
    "pages": {"done": 0, "due": 0, "settling": 0, "failed": 0, "paused": 0},
    "outbox": {"pending": 0, "unclear": 0},
    "drafts": {"waiting": 0, "oldest": None},
    "spent_today": {"tokens": 0, "cost_usd": 0.0},
    "spent_this_month": {"tokens": 0, "cost_usd": 0.0},
    "alerts": [],
    "failed_pages": [],
}


def _drafts(state: Database) -> dict[str, Any]:
    waiting = drafts.waiting(state)
    return {"waiting": len(waiting), "oldest": iso(waiting[0].held_at) if waiting else None}


def _spent(state: Database, first: date, last: date) -> dict[str, Any]:
    spent = spending.spent(state, first, last)
    return {"tokens": spent.tokens, "cost_usd": round(spent.cost_usd, 6)}


def _database(state: Database | None, base: Any) -> dict[str, Any]:
    sources = pages.sources_of(state, base.id) if state else []
    titles = [source.title for source in sources if source.title]
    checkpoints = [source.checkpoint for source in sources if source.checkpoint]
    oks = [source.last_ok for source in sources if source.last_ok]
    return {
        "name": base.name or (titles[0] if titles else base.id),
        "checkpoint": iso(min(checkpoints)) if checkpoints else None,
        "last_ok": iso(min(oks)) if oks else None,
    }


def in_words(found: dict[str, Any]) -> list[str]:
    """Return the status as lines for a person."""
    lines = [_sweep_line(found["last_sweep"])]
    for base in found["databases"]:
        seen = f"swept up to {base['checkpoint']}" if base["checkpoint"] else "not swept yet"
        lines.append(f"database     {base['name']}: {seen}")
    lines.append("pages        " + _counted(found["pages"]))
    lines.append("outbox       " + _counted(found["outbox"]))
    if number := found["drafts"]["waiting"]:
        oldest = found["drafts"]["oldest"]
        lines.append(f"drafts       {number} held, the oldest since {oldest}; notion-review drafts")
    for name, key in (("spent today", "spent_today"), ("this month", "spent_this_month")):
        lines.append(f"{name:<11}  {found[key]['tokens']} tokens, ${found[key]['cost_usd']:.2f}")
    lines += [f"failed       {page['title']}: {page['error']}" for page in found["failed_pages"]]
    lines += [f"alert        {alert['text']} (since {alert['since']})" for alert in found["alerts"]]
    return lines


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())


def _sweep_line(sweep: dict[str, Any] | None) -> str:
    if sweep is None:
        return "last sweep   none yet"
    return (
        f"last sweep   {sweep['outcome']} at {sweep['finished']}, {sweep['seconds']:.0f} s: "
        f"{sweep['pages_reviewed']} reviewed, {counted(sweep['comments_posted'], 'comment')}, "
        f"{counted(sweep['replies_posted'], 'reply')}, {sweep['pages_failed']} failed"
    )
