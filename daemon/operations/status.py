"""The status of the service, from the state: as an object, as text, and as files for a monitor."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from daemon.config import Config, Schedule, Settings
from daemon.config.schedule import next_run
from daemon.domain.events import Emit, split_alert
from daemon.domain.notation import counted, iso, when
from daemon.domain.scope import Capability
from daemon.store import drafts, outbox, pages, prompts, reviews, sweeps
from daemon.store.database import State
from daemon.store.views import reporting


def status(state: State | None, config: Config) -> dict[str, Any]:
    """Return the status object; without a state everything is empty."""
    if state is None:
        return _EMPTY | {"databases": [_database(None, target) for target in config.databases]}
    now = datetime.now(UTC)
    today = now.date()
    waiting = drafts.waiting(state)
    seen = sweeps.events_seen(state)
    return {
        "last_sweep": sweeps.last_sweep(state),
        "last_sweep_why": sweeps.last_sweep_why(state),
        "databases": [_database(state, target) for target in config.databases],
        "pages": pages.counts(state, now),
        "outbox": outbox.counts(state),
        "drafts": {"waiting": len(waiting), "oldest": iso(waiting[0].held_at) if waiting else None},
        "spent_today": _spent(state, today, today),
        "spent_this_month": _spent(state, today.replace(day=1), today),
        "alerts": sweeps.alerts(state),
        "events": {
            "last": seen.last or None,
            "taken": seen.taken,
            "repeated": seen.repeated,
            "refused": seen.refused,
            "waiting": sweeps.count_nominations(state),
        },
        "failed_pages": _failed_pages(state),
        "paused_pages": [
            {"id": row.id, "title": row.title, **_since(row.paused_at or now, row.paused_until)}
            for row in pages.paused(state)
        ],
        "paused_prompts": [
            {
                "id": given,
                "title": prompts.title(state, given),
                "by": pause.by or None,
                **_since(pause.at, pause.until),
            }
            for given, pause in prompts.paused(state).items()
        ],
    }


def _since(at: datetime, until: datetime | None) -> dict[str, Any]:
    days = max((datetime.now(UTC) - at).days, 0)
    return {"since": iso(at), "days": days, "until": iso(until) if until else None}


def _failed_pages(state: State) -> list[dict[str, Any]]:
    """List each page that failed or that Notion refuses something of, with the last reason."""
    failed = {row.id: (row.attempts, row.error or "") for row in pages.failed(state)}
    for capability in Capability:
        for page_id, one in pages.refusals(state, capability).items():
            failed.setdefault(page_id, (one.times, one.words))
    for message in outbox.undelivered(state):
        if message.note:
            failed.setdefault(message.page_id, (message.attempts, message.note))
    for page_id, attempts, why in outbox.refused(state):
        failed.setdefault(page_id, (attempts, why))
    titles = {row.id: row.title for row in pages.by_ids(state, sorted(failed)).values()}
    for page_id in failed.keys() - titles.keys():
        if found := prompts.prompt(state, page_id):
            titles[page_id] = found[0].name
    return [
        {
            "id": page_id,
            "title": titles.get(page_id, page_id),
            "attempts": attempts,
            "error": error,
        }
        for page_id, (attempts, error) in failed.items()
    ]


_EMPTY: dict[str, Any] = {
    "last_sweep": None,
    "last_sweep_why": [],
    "pages": {"done": 0, "due": 0, "settling": 0, "failed": 0, "paused": 0},
    "outbox": {"pending": 0, "unclear": 0},
    "drafts": {"waiting": 0, "oldest": None},
    "spent_today": {"tokens": 0, "cost_usd": 0.0},
    "spent_this_month": {"tokens": 0, "cost_usd": 0.0},
    "alerts": [],
    "events": {"last": None, "taken": 0, "repeated": 0, "refused": 0, "waiting": 0},
    "failed_pages": [],
    "paused_pages": [],
    "paused_prompts": [],
}


def _spent(state: State, first: date, last: date) -> dict[str, Any]:
    spent = reviews.spent(state, first, last)
    return {"tokens": spent.tokens, "cost_usd": round(spent.cost_usd, 6)}


def _database(state: State | None, target: Any) -> dict[str, Any]:
    sources = pages.sources_of(state, target.id) if state else []
    titles = [source.title for source in sources]
    checkpoints = [source.checkpoint for source in sources if source.checkpoint]
    oks = [source.last_ok for source in sources if source.last_ok]
    return {
        "name": target.called(*titles),
        "checkpoint": iso(min(checkpoints)) if checkpoints else None,
        "last_ok": iso(min(oks)) if oks else None,
    }


def in_words(found: dict[str, Any]) -> list[str]:
    """Return the status as lines for a person."""
    lines = ["last sweep   none yet"]
    if sweep := found["last_sweep"]:
        comments = counted(sweep["comments_posted"], "comment")
        replies = counted(sweep["replies_posted"], "reply")
        lines[0] = (
            f"last sweep   {sweep['outcome']} at {sweep['finished']}, {sweep['seconds']:.0f} s: "
            f"{sweep['pages_reviewed']} reviewed, {comments}, {replies}, "
            f"{sweep['pages_failed']} failed"
        )
        lines += [f"             {why}" for why in found["last_sweep_why"]]
    for target in found["databases"]:
        seen = f"swept up to {target['checkpoint']}" if target["checkpoint"] else "not swept yet"
        lines.append(f"database     {target['name']}: {seen}")
    pages = {_PAGES.get(name, name): number for name, number in found["pages"].items()}
    lines.append("pages        " + _counted(pages))
    on_their_way, unclear = found["outbox"]["pending"], found["outbox"]["unclear"]
    saved = f", and {unclear} that Notion may have saved already" if unclear else ""
    lines.append(f"to post      {counted(on_their_way, 'comment')}{saved}")
    if number := found["drafts"]["waiting"]:
        oldest = found["drafts"]["oldest"]
        lines.append(f"drafts       {number} held, the oldest since {oldest}; notion-review drafts")
    for name, key in (("spent today", "spent_today"), ("this month", "spent_this_month")):
        lines.append(f"{name:<11}  {found[key]['tokens']} tokens, ${found[key]['cost_usd']:.2f}")
    if (events := found["events"])["last"]:
        counts = _counted({name: events[name] for name in ("taken", "repeated", "refused")})
        lines.append(f"events       the last at {events['last']}, {counts}")
    lines += [f"failed       {page['title']}: {page['error']}" for page in found["failed_pages"]]
    for one in found["paused_prompts"]:
        until = f", until {one['until']}" if one["until"] else ""
        by = f" by {one['by']}" if one["by"] else ""
        title = f"everything under {one['title']}"
        lines.append(f"paused       {title}: since {one['since']}{by}{until}")
    for page in found["paused_pages"]:
        until = f", until {page['until']}" if page["until"] else ""
        lines.append(f"paused       {page['title']}: since {page['since']}{until}")
    lines += [f"alert        {alert['text']} (since {alert['since']})" for alert in found["alerts"]]
    return lines


_PAGES = {"done": "up to date", "due": "to be read", "settling": "still being edited"}


# A first sweep reviews all that was edited lately, which may take so long.
LONGEST_SWEEP = timedelta(hours=2)


def illness(
    found: Mapping[str, Any], planned: Schedule, holder: str | None, now: datetime
) -> str | None:
    """Return what is wrong with a running service; None where nothing is.

    Args:
        found: The status object.
        planned: When it sweeps.
        holder: Who holds the state's lock, None for nobody.
        now: The time, in UTC.
    """
    if holder is None:
        return "no service runs on this state"
    last = found["last_sweep"]
    if last is None:
        return None
    if last["outcome"] == "failed":
        return f"the last sweep failed, at {last['finished']}"
    due = next_run(planned, when(last["finished"]))
    return f"a sweep is overdue since {iso(due)}" if now > due + LONGEST_SWEEP else None


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())


STATUS = "status.json"
METRICS = "notion-review.prom"
# What holds titles, or names of people.
PRIVATE = ("last_sweep_why", "failed_pages", "paused_pages", "paused_prompts")
# For a monitor that runs as another user, whatever the umask; they hold no text of a document.
READABLE = 0o644


def write_status_files(settings: Settings, state: State, emit: Emit) -> dict[str, Any]:
    """Write both files and return the status object; a failure is a warning."""
    found = status(state, settings.config)
    # The title of a page is for those who may read the state: failures and alerts may hold one.
    alerts = [{"name": alert["name"], "since": alert["since"]} for alert in found["alerts"]]
    public = {key: value for key, value in found.items() if key not in PRIVATE}
    words = json.dumps(public | {"alerts": alerts}, ensure_ascii=False)
    folder = settings.runtime or settings.config.state.parent
    try:
        replace(folder / STATUS, words + "\n")
        replace(folder / METRICS, metrics_text(state, found))
    except OSError as error:
        emit("health.not_written", folder=str(folder), why=error.strerror)
    return found


def replace(path: Path, words: str) -> None:
    """Write a file so that no reader ever sees half of it.

    Raises:
        OSError: The folder or the disk does not take it.
    """
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        try:
            file.write(words)
            file.flush()
            os.fchmod(file.fileno(), READABLE)
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


def line(found: Mapping[str, Any], next_sweep: datetime | None, trouble: str) -> str:
    """Return the one line that `systemctl status` shows."""
    last = found["last_sweep"]
    swept = f"last sweep {last['outcome']} {last['finished'][11:19]}" if last else "no sweep yet"
    parts = [trouble, swept]
    pages, spent = found["pages"], found["spent_today"]
    parts.append(f"{pages['due']} due, {pages['settling']} settling, {pages['failed']} failed")
    parts.append(f"${spent['cost_usd']:.2f} today")
    if found["alerts"]:
        parts.append(
            "alerts: " + ", ".join(split_alert(alert["name"])[0] for alert in found["alerts"])
        )
    if next_sweep is not None:
        parts.append(f"next {next_sweep:%H:%M:%S} UTC")
    return "; ".join(part for part in parts if part)


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


def metrics_text(state: State, found: dict[str, Any]) -> str:
    """Return the file's content; `found` is the status object."""
    lines = []
    for metric in _metrics(state, found):
        name = PREFIX + metric.name
        if metric.samples:
            lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.type}"]
        for value, number in metric.samples.items():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            label = f'{{{metric.label}="{escaped}"}}' if metric.label else ""
            lines.append(f"{name}{label} {number:.15g}")
    return "".join(f"{line}\n" for line in lines)


def _metrics(state: State, found: dict[str, Any]) -> Iterator[Metric]:
    if success := reporting.last_success(state):
        yield Metric(
            "last_success_timestamp_seconds",
            "gauge",
            "When a sweep last ended with nothing amiss.",
            {"": success.timestamp()},
        )
    if last := found["last_sweep"]:
        yield from _sweep_metrics(last)
    yield Metric("pages", "gauge", "Pages by standing.", found["pages"], "standing")
    asleep = {"": len(found["paused_prompts"])}
    yield Metric("prompts_paused", "gauge", "Prompts under which nothing is reviewed.", asleep)
    yield Metric("outbox", "gauge", "Comments on their way to Notion.", found["outbox"], "state")
    yield Metric("alerts", "gauge", "Alerts that stand.", {"": len(found["alerts"])})
    yield Metric(
        "database_last_ok_timestamp_seconds",
        "gauge",
        "When a database was last swept whole.",
        {one["name"]: _seconds(one["last_ok"]) for one in found["databases"] if one["last_ok"]},
        "database",
    )
    events = {name: found["events"][name] for name in ("taken", "repeated", "refused")}
    if any(events.values()):
        yield Metric("events_total", "counter", "Events of Notion, by what became.", events, "what")
    if last := found["events"]["last"]:
        told = "When an event of Notion last came."
        yield Metric("last_event_timestamp_seconds", "gauge", told, {"": _seconds(last)})
    reviews, posted = reporting.reviews_ever(state), reporting.posted_ever(state)
    yield Metric("reviews_total", "counter", "Reviews by how they ended.", reviews, "outcome")
    yield Metric("comments_total", "counter", "Comments posted, by kind.", posted, "kind")
    yield from _model_metrics(state)
    today = found["spent_today"]
    yield Metric("spent_today_tokens", "gauge", "Tokens of this UTC day.", {"": today["tokens"]})
    yield Metric("spent_today_usd", "gauge", "US dollars of this UTC day.", {"": today["cost_usd"]})


def _sweep_metrics(last: dict[str, Any]) -> Iterator[Metric]:
    finished = {"": _seconds(last["finished"])}
    yield Metric("last_sweep_timestamp_seconds", "gauge", "When the last sweep ended.", finished)
    yield Metric("last_sweep_duration_seconds", "gauge", "How long it took.", {"": last["seconds"]})
    endings = {ending: float(last["outcome"] == ending) for ending in ("ok", "partial", "failed")}
    yield Metric("last_sweep_outcome", "gauge", "1 for how it ended.", endings, "outcome")
    yield Metric(
        "last_sweep_notion_requests", "gauge", "Its requests.", {"": last["notion_requests"]}
    )


def _model_metrics(state: State) -> Iterator[Metric]:
    spent = reporting.spent_ever(state)
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


def _seconds(time: str) -> float:
    return when(time).timestamp()
