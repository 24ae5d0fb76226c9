"""Whether the reviewer is worth its money: the report drawn, and its numbers to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.operations import report
from daemon.console import views
from daemon.console.charts import Chart, Series, apart, together
from daemon.console.context import Desk
from daemon.domain.findings import FindingState
from daemon.operations.report import Figures, Span, Work
from daemon.store.views import reporting
from daemon.store.database import iso
from daemon.store.views.reporting import Held


Row = dict[str, Any]
Days = Sequence[tuple[datetime, Sequence[Held]]]

WEEKS, DAYS = 12, 30
PROMPTS = 4  # versions that are drawn; the table has all
DAY = timedelta(days=1)
# The states that tell how a finding fared; the rest are in the table of the report.
DRAWN = (
    FindingState.ADDRESSED,
    FindingState.ANSWERED,
    FindingState.DISMISSED,
    FindingState.RESOLVED,
    FindingState.OPEN,
)


def worth(_: Desk, state: Database | None, request: Request) -> Response:
    """Show the report as plots, each number to hover over and in a table."""
    at = datetime.now(UTC)
    weeks = _weeks(state, at)
    days = [(one, reporting.held(state, one, one + DAY)) for one in _days(at)] if state else []
    return views.page(
        request,
        "worth.html",
        charts=[_findings(weeks), _replies(weeks), _cost(days), _tokens(days)],
        prompts=_prompts(weeks),
        weeks=WEEKS,
    )


def reported(_: Desk, state: Database | None, request: Request) -> Response:
    """Show the report of the last seven days, as the command prints it."""
    week = report.report(state, Span.WEEK, datetime.now(UTC))
    return views.page(request, "report.html", report=week, lines=report.in_words(week))


def _midnight(at: datetime) -> datetime:
    """Return the end of the day."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _weeks(state: Database | None, at: datetime) -> list[Figures]:
    """Return the weeks, from Monday on, up to now, the oldest first."""
    if state is None:
        return []
    midnight = _midnight(at)
    monday = midnight + timedelta(days=-midnight.weekday() % 7)
    return report.series(state, Span.WEEK, WEEKS, monday)


def _days(at: datetime) -> list[datetime]:
    return [_midnight(at) - DAY * number for number in range(DAYS, 0, -1)]


def _named(periods: Iterable[datetime]) -> list[str]:
    return [f"{since:%Y-%m-%d}" for since in periods]


def _findings(weeks: Sequence[Figures]) -> Chart:
    made = sum(one.work.findings for one in weeks)
    series = []
    for state in DRAWN:
        values = [one.work.by_state[state] for one in weeks]
        series.append(Series(state.value, values, f"{sum(values):,} of {made:,}"))
    title = "Findings by the week they were made in, and what became of them"
    return together(title, _named(one.since for one in weeks), series, views.number)


def _replies(weeks: Sequence[Figures]) -> Chart:
    known = sum(one.waits.known for one in weeks)
    replies = sum(one.waits.replies for one in weeks)
    series = [
        Series("median wait", [one.waits.median for one in weeks], f"{known:,} of {replies:,}"),
        Series("nine in ten within", [one.waits.ninetieth for one in weeks], "timed replies"),
    ]
    return together(
        "Time to reply, by week", _named(one.since for one in weeks), series, views.seconds
    )


def _cost(days: Days) -> Chart:
    """Draw what was spent, in all and under each of the versions that cost the most."""
    costs: dict[str, float] = {}
    for one in (one for _, held in days for one in held):
        costs[one.prompt] = costs.get(one.prompt, 0.0) + one.cost_usd
    prompts = sorted(costs, key=lambda name: -costs[name])[:PROMPTS]
    series = [_spent(days, "in all", None), *(_spent(days, name, name) for name in prompts)]
    title = "Cost by day, in all and by version of the prompt"
    return together(title, _named(since for since, _ in days), series, views.money)


def _spent(days: Days, name: str, prompt: str | None) -> Series:
    values = [sum(one.cost_usd for one in held if prompt in (None, one.prompt)) for _, held in days]
    return Series(name, values, views.money(sum(values)))


def _tokens(days: Days) -> Chart:
    read = [sum(one.input_tokens for one in held) for _, held in days]
    written = [sum(one.output_tokens for one in held) for _, held in days]
    series = [
        Series("tokens read", read, views.number(sum(read))),
        Series("tokens written", written, views.number(sum(written))),
    ]
    title = "Tokens by day, each row to a scale of its own"
    return apart(title, _named(since for since, _ in days), series, views.number)


def _prompts(weeks: Sequence[Figures]) -> list[Row]:
    """Return a row for each version of the prompt, the most used first."""
    names = {name for one in weeks for name in one.by_prompt}
    rows = [
        _prompt(name, [one.by_prompt[name] for one in weeks if name in one.by_prompt], weeks)
        for name in names
    ]
    return sorted(rows, key=lambda row: (-row["reviews"], row["name"]))


def _prompt(name: str, works: Sequence[Work], weeks: Sequence[Figures]) -> Row:
    used = [one.since for one in weeks if name in one.by_prompt]
    return {
        "name": name,
        "since": used[0],
        "reviews": sum(work.reviews for work in works),
        "silent": sum(work.silent for work in works),
        "findings": sum(work.findings for work in works),
        "addressed": sum(work.addressed for work in works),
        "settled": sum(work.settled_in_all for work in works),
        "tokens": sum(work.tokens for work in works),
        "cost": sum(work.cost_usd for work in works),
    }


def as_csv(_: Desk, state: Database | None, __: Request) -> Response:
    """Give every number as a table: a row for each period, in all and by prompt."""
    rows = list(_rows(state, datetime.now(UTC)))
    out = io.StringIO()
    if rows:
        table = csv.DictWriter(out, rows[0])
        table.writeheader()
        table.writerows(rows)
    named = {"Content-Disposition": 'attachment; filename="notion-review.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=named)


def as_json(_: Desk, state: Database | None, __: Request) -> Response:
    """Give every number as JSON, and the report of the last week with it."""
    at = datetime.now(UTC)
    rows = list(_rows(state, at))
    week = report.as_json(report.report(state, Span.WEEK, at))
    named = {"Content-Disposition": 'attachment; filename="notion-review.json"'}
    return JSONResponse({"periods": rows, "last_week": week}, headers=named)


def _rows(state: Database | None, at: datetime) -> Iterator[Row]:
    days = report.series(state, Span.DAY, DAYS, _midnight(at)) if state else []
    for span, periods in ((Span.WEEK, _weeks(state, at)), (Span.DAY, days)):
        for one in periods:
            about: dict[str, Any] = {
                "span": span.value,
                "since": iso(one.since),
                "until": iso(one.until),
            }
            waits: dict[str, Any] = {
                "replies": one.waits.replies,
                "replies_timed": one.waits.known,
                "seconds_to_reply_median": one.waits.median,
                "seconds_to_reply_90th": one.waits.ninetieth,
            }
            yield about | {"prompt": ""} | _numbers(one.work) | waits
            for name, work in one.by_prompt.items():
                yield about | {"prompt": name} | _numbers(work) | dict.fromkeys(waits)


def _numbers(work: Work) -> Row:
    return {
        "reviews": work.reviews,
        "silent": work.silent,
        "answers": work.answers,
        "findings": work.findings,
        **{f"now_{name}": count for name, count in work.by_state.items()},
        **work.by_severity,
        **{f"settled_{name}": count for name, count in work.settled.items()},
        "input_tokens": work.input_tokens,
        "cached_tokens": work.cached_tokens,
        "output_tokens": work.output_tokens,
        "cost_usd": round(work.cost_usd, 6),
    }
