"""The report as plots, as text, and as CSV and JSON to download."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from daemon.console import views
from daemon.console.views import ConsoleContext
from daemon.domain.findings import FindingState
from daemon.domain.times import iso
from daemon.operations import report
from daemon.operations.figures import Figures, Share, Span, Work, series
from daemon.store.database import State
from daemon.store.views import reporting
from daemon.store.views.reporting import ReviewCount


BAR = 18.0  # units of the drawing, with the gap
GAP = 3.0
HEIGHT = 34.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `words` is what one reads over it."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One series: its name, its sum in words, its bars, and the numbers as a table shows them."""

    name: str
    total: str
    bars: tuple[Bar, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Series over the same periods; `width` and `height` are each drawing's."""

    title: str
    periods: tuple[str, ...]
    strips: tuple[Strip, ...]
    width: float
    height: float = HEIGHT
    slot: float = BAR


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn: one number for each period, None where there is none; `total` in words."""

    name: str
    values: Sequence[float | None]
    total: str


Write = Callable[[float], str]


def together(title: str, periods: Sequence[str], series: Sequence[Series], write: Write) -> Chart:
    """Draw series on one scale, from zero to the highest number of them all."""
    top = max((_top(one) for one in series), default=0)
    strips = tuple(_strip(one, periods, top, write) for one in series)
    return Chart(title, tuple(periods), strips, BAR * len(periods))


def apart(title: str, periods: Sequence[str], series: Sequence[Series], write: Write) -> Chart:
    """Draw each series on a scale of its own, from zero to its highest number."""
    strips = tuple(_strip(one, periods, _top(one), write) for one in series)
    return Chart(title, tuple(periods), strips, BAR * len(periods))


def _top(one: Series) -> float:
    return max((value or 0 for value in one.values), default=0)


def _strip(one: Series, periods: Sequence[str], top: float, write: Write) -> Strip:
    shown = tuple("-" if value is None else write(value) for value in one.values)
    bars = []
    for place, (value, period, words) in enumerate(zip(one.values, periods, shown, strict=True)):
        # Whatever is more than nothing can be seen.
        height = max(HEIGHT * value / top, 1.5) if value and top else 0.0
        x, y = round(place * BAR, 2), round(HEIGHT - height, 2)
        over = f"{period}: {words} {one.name}"
        bars.append(Bar(x, y, BAR - GAP, round(height, 2), over))
    return Strip(one.name, one.total, tuple(bars), shown)


Row = dict[str, Any]
Days = Sequence[tuple[datetime, Sequence[ReviewCount]]]

WEEKS, DAYS = 12, 30
PROMPTS = 4  # versions that are drawn; the table has all
DAY = timedelta(days=1)
# The states that tell how a finding fared; the rest are in the table of the report.
DRAWN = (
    FindingState.ADDRESSED,
    FindingState.ADOPTED,
    FindingState.ANSWERED,
    FindingState.DISMISSED,
    FindingState.RESOLVED,
    FindingState.OPEN,
)


def plots(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show the report as plots, each number to hover over and in a table."""
    at = datetime.now(UTC)
    weeks = _weeks(state, at)
    days = (
        [
            (one, reporting.count_reviews(state, one, one + DAY))
            for one in [_midnight(at) - DAY * number for number in range(DAYS, 0, -1)]
        ]
        if state
        else []
    )
    # Draw what was spent, in all and under each of the versions that cost the most
    costs: dict[str, float] = {}
    for one in (one for _, held in days for one in held):
        costs[one.prompt] = costs.get(one.prompt, 0.0) + one.cost_usd
    prompts = sorted(costs, key=lambda name: -costs[name])[:PROMPTS]
    series = [_spent(days, "in all", None), *(_spent(days, name, name) for name in prompts)]
    title = "Cost by day, in all and by version of the prompt"
    cost = together(title, _named(since for since, _ in days), series, views.money)
    return views.page(
        request,
        "report.html",
        charts=[_findings(weeks), _replies(weeks), cost, _tokens(days)],
        groups=[
            ("prompts", "By version of the prompt", "Version", _groups(weeks, _BY_PROMPT)),
            ("models", "By model", "Model", _groups(weeks, _BY_MODEL)),
        ],
        weeks=WEEKS,
    )


def week(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show the report of the last seven days, as the command prints it."""
    found = report.report(state, Span.WEEK, datetime.now(UTC))
    return views.page(request, "week.html", report=found, lines=report.in_words(found))


def _midnight(at: datetime) -> datetime:
    """Return the end of the day."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _weeks(state: State | None, at: datetime) -> list[Figures]:
    """Return the weeks, from Monday on, up to now, the oldest first."""
    if state is None:
        return []
    midnight = _midnight(at)
    monday = midnight + timedelta(days=-midnight.weekday() % 7)
    return series(state, Span.WEEK, WEEKS, monday)


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


_BY_PROMPT, _BY_MODEL = attrgetter("by_prompt"), attrgetter("by_model")


def _groups(weeks: Sequence[Figures], split: Callable[[Figures], Mapping[str, Work]]) -> list[Row]:
    """Return a row for each version of the prompt, or model, the most used first."""
    rows: dict[str, Row] = {}
    for week in weeks:
        for name, work in split(week).items():
            row = rows.setdefault(name, {"name": name, "since": week.since})
            for column, count in (
                ("reviews", work.reviews),
                ("silent", work.silent),
                ("findings", work.findings),
                ("addressed", work.addressed),
                ("settled", work.settled_in_all),
                ("dismissed", work.settled[FindingState.DISMISSED]),
                ("resolved", work.settled[FindingState.RESOLVED]),
                ("tokens", work.tokens),
                ("cost", work.cost_usd),
            ):
                row[column] = row.get(column, 0) + count
    for row in rows.values():
        row["share"] = report.in_percent(Share(row["addressed"], row["settled"]))
    return sorted(rows.values(), key=lambda row: (-row["reviews"], row["name"]))


def as_csv(_: ConsoleContext, state: State | None, __: Request) -> Response:
    """Give every number as a table: a row for each period, in all and by prompt."""
    rows = list(_rows(state, datetime.now(UTC)))
    out = io.StringIO()
    if rows:
        table = csv.DictWriter(out, rows[0])
        table.writeheader()
        table.writerows(rows)
    named = {"Content-Disposition": 'attachment; filename="notion-review.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=named)


def as_json(_: ConsoleContext, state: State | None, __: Request) -> Response:
    """Give every number as JSON, and the report of the last week with it."""
    at = datetime.now(UTC)
    rows = list(_rows(state, at))
    week = report.as_json(report.report(state, Span.WEEK, at))
    named = {"Content-Disposition": 'attachment; filename="notion-review.json"'}
    return JSONResponse({"periods": rows, "last_week": week}, headers=named)


def _rows(state: State | None, at: datetime) -> Iterator[Row]:
    days = series(state, Span.DAY, DAYS, _midnight(at)) if state else []
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
