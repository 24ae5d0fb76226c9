"""The Prometheus text file: numbers out of the state, so that a restart resets none.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.store.views import overview
from daemon.store.database import when


PREFIX = "notion_review_"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name without the prefix, its type, what it means, and its samples.

    `label` names the one label, "" for none; then the samples have one entry under "".
    """

    name: str
    type: str
    help: str
    samples: Mapping[str, float]
    label: str = field(default="")


def text(state: Database, found: dict[str, Any]) -> str:
    """Return the file's content; `found` is the status object."""
    return "".join(f"{line}\n" for metric in _metrics(state, found) for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    name = PREFIX + metric.name
    if not metric.samples:
        return
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} {metric.type}"
    for value, number in metric.samples.items():
        label = f'{{{metric.label}="{_escaped(value)}"}}' if metric.label else ""
        yield f"{name}{label} {number:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _metrics(state: Database, found: dict[str, Any]) -> Iterator[Metric]:
    yield from _sweeps(state, found["last_sweep"])
    yield Metric("pages", "gauge", "Pages by standing.", found["pages"], "standing")
    yield Metric("outbox", "gauge", "Comments on their way to Notion.", found["outbox"], "state")
    yield Metric("alerts", "gauge", "Alerts that stand.", {"": len(found["alerts"])})
    yield Metric(
        "database_last_ok_timestamp_seconds",
        "gauge",
        "When a database was last swept whole.",
        {base["name"]: _seconds(when(base["last_ok"])) for base in _swept(found)},
        "database",
    )
    yield from _work(state)
    yield from _cost(state, found["spent_today"])


def _sweeps(state: Database, last: dict[str, Any] | None) -> Iterator[Metric]:
    if success := overview.last_success(state):
        yield Metric(
            "last_success_timestamp_seconds",
            "gauge",
            "When a sweep last ended with nothing amiss.",
            {"": _seconds(success)},
        )
    if last is None:
        return
    finished = {"": _seconds(when(last["finished"]))}
    yield Metric("last_sweep_timestamp_seconds", "gauge", "When the last sweep ended.", finished)
    yield Metric("last_sweep_duration_seconds", "gauge", "How long it took.", {"": last["seconds"]})
    endings = {ending: float(last["outcome"] == ending) for ending in ("ok", "partial", "failed")}
    yield Metric("last_sweep_outcome", "gauge", "1 for how it ended.", endings, "outcome")
    yield Metric(
        "last_sweep_notion_requests", "gauge", "Its requests.", {"": last["notion_requests"]}
    )


def _work(state: Database) -> Iterator[Metric]:
    reviews, posted = overview.reviews_ever(state), overview.posted_ever(state)
    yield Metric("reviews_total", "counter", "Reviews by how they ended.", reviews, "outcome")
    yield Metric("comments_total", "counter", "Comments posted, by kind.", posted, "kind")


def _cost(state: Database, today: dict[str, Any]) -> Iterator[Metric]:
    spent = overview.spent_ever(state)
    kinds = (
        ("model_requests_total", "Requests to models.", {s.model: s.requests for s in spent}),
        (
            "input_tokens_total",
            "Tokens that models read.",
            {s.model: s.input_tokens for s in spent},
        ),
        ("output_tokens_total", "Tokens they wrote.", {s.model: s.output_tokens for s in spent}),
        ("cost_usd_total", "What they cost, in US dollars.", {s.model: s.cost_usd for s in spent}),
    )
    for name, help_, samples in kinds:
        yield Metric(name, "counter", help_, samples, "model")
    yield Metric("spent_today_tokens", "gauge", "Tokens of this UTC day.", {"": today["tokens"]})
    yield Metric("spent_today_usd", "gauge", "US dollars of this UTC day.", {"": today["cost_usd"]})


def _swept(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [base for base in found["databases"] if base["last_ok"]]


def _seconds(time: datetime) -> float:
    return time.timestamp()
