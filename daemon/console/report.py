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
from daemon.console.charts import Chart, Layer, Reach, Series, ranges, stacked
from daemon.console.views import ConsoleContext
from daemon.domain.findings import FindingState
from daemon.domain.notation import iso
from daemon.operations import report
from daemon.operations.figures import (
    LEAST_SETTLED,
    Figures,
    Span,
    Work,
    has_fallen,
    series,
)
from daemon.operations.intervals import Share
from daemon.store import prompts
from daemon.store.database import State
from daemon.store.views import reporting
from daemon.store.views.reporting import ReviewCount


Row = dict[str, Any]
Days = Sequence[tuple[datetime, Sequence[ReviewCount]]]

WEEKS, DAYS = 12, 30
PROMPTS = 4  # versions that are drawn; the table has all
LATELY = 4  # weeks that are held against those before them
DAY = timedelta(days=1)
# What became of a finding, the best first; the rest are in the table of the report.
DRAWN: Mapping[str, Sequence[FindingState]] = {
    "addressed": (FindingState.ADDRESSED, FindingState.ADOPTED),
    "resolved": (FindingState.RESOLVED,),
    "dismissed": (FindingState.DISMISSED,),
    "open": (FindingState.OPEN, FindingState.ANSWERED),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One way to settle a finding: its share of all that were settled, and its 95 % interval."""

    name: str
    share: Share
    percent: str
    interval: str


@dataclass(frozen=True, slots=True)
class Worth:
    """Whether it is worth it, in a few numbers.

    Attributes:
        reviews: Reviews of pages.
        made: Findings that they made.
        parts: How people settled findings, whenever made.
        settled: How many of them.
        cost_usd: What reviews and answers cost, in US dollars.
        trend: Whether the last weeks were worse than those before, in a sentence.
    """

    reviews: int
    made: int
    parts: tuple[Part, ...]
    settled: int
    cost_usd: float
    trend: str

    @property
    def each(self) -> float | None:
        """What one addressed finding cost; None where there is none."""
        return self.cost_usd / number if (number := self.parts[0].share.part) else None


def worth(weeks: Sequence[Figures]) -> Worth:
    """Sum up the weeks."""
    works = [one.work for one in weeks]
    settled = sum(one.settled_in_all for one in works)
    shares = {"addressed": Share(sum(one.addressed for one in works), settled)} | {
        state.value: Share(sum(one.settled[state] for one in works), settled)
        for state in (FindingState.DISMISSED, FindingState.RESOLVED)
    }
    lately, earlier = (
        Share(sum(one.addressed for one in some), sum(one.settled_in_all for one in some))
        for some in (works[-LATELY:], works[:-LATELY])
    )
    if min(lately.whole, earlier.whole) < LEAST_SETTLED:
        trend = f"Too few are settled to tell whether it gets worse: that takes {LEAST_SETTLED}."
    else:
        fell = "fell" if has_fallen(lately, earlier) else "did not fall beyond chance"
        trend = (
            f"The share of addressed findings {fell}: {lately} settled ones in the last {LATELY} "
            f"weeks, {earlier} before."
        )
    return Worth(
        reviews=sum(one.reviews for one in works),
        made=sum(one.findings for one in works),
        parts=tuple(Part(name, share, *report.in_percent(share)) for name, share in shares.items()),
        settled=settled,
        cost_usd=sum(one.cost_usd for one in works),
        trend=trend,
    )


def plots(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show whether it is worth it, then the report as charts with their numbers in tables."""
    at = datetime.now(UTC)
    weeks = _weeks(state, at)
    begins = [_midnight(at) - DAY * number for number in range(DAYS, 0, -1)]
    days = (
        [(one, reporting.count_reviews(state, one, one + DAY)) for one in begins] if state else []
    )
    names = prompts.version_names(state) if state else {}
    return views.page(
        request,
        "report.html",
        has_state=state is not None,
        worth=worth(weeks),
        charts=[
            _findings(weeks),
            _addressed(weeks),
            _spent(days, names),
            _replies(weeks),
            _tokens(days),
        ],
        groups=[
            ("prompts", "By version of the prompt", "Version", _groups(weeks, _BY_PROMPT)),
            ("models", "By model", "Model", _groups(weeks, _BY_MODEL)),
        ],
        names=names,
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


def _whole(value: float) -> str:
    """Write a number of things on an axis, which may fall between two of them."""
    return views.number(value) if value == int(value) else ""


def _findings(weeks: Sequence[Figures]) -> Chart:
    made = sum(one.work.findings for one in weeks)
    counts = {
        name: [sum(one.work.by_state[state] for state in states) for one in weeks]
        for name, states in DRAWN.items()
    }
    drawn = [sum(column) for column in zip(*counts.values(), strict=True)]
    counts["else"] = [one.work.findings - all_ for one, all_ in zip(weeks, drawn, strict=True)]
    series = [
        Series(name, values, f"{sum(values):,} of {made:,}")
        for name, values in counts.items()
        if name in DRAWN or any(values)
    ]
    title = "Findings by the week they were made in, and what became of them"
    return stacked(title, _named(one.since for one in weeks), series, views.number, _whole)


def _addressed(weeks: Sequence[Figures]) -> Chart:
    periods = _named(one.since for one in weeks)
    shares = [report.addressed(one.work) for one in weeks]
    reaches: list[Reach | None] = []
    shown = []
    for period, share in zip(periods, shares, strict=True):
        if share.interval is None:
            reaches.append(None)
            shown.append("-")
            continue
        low, high = (end * 100 for end in share.interval)
        value = share.part / share.whole * 100
        shown.append(f"{value:.0f}%, {low:.0f}-{high:.0f}% ({share})")
        words = f"{period}: {shown[-1]} addressed"
        reaches.append(Reach(low, high, words, value, is_sure=report.told(share)))
    total = Share(sum(one.part for one in shares), sum(one.whole for one in shares))
    note = (
        "The line reaches over the shares that are likely, 95 of 100 times. A hollow dot: fewer "
        f"than {LEAST_SETTLED} were settled in that week, which tells little."
    )
    layer = Layer("addressed", str(total), tuple(reaches), tuple(shown))
    title = "Of the findings settled in a week, how many were addressed"
    return ranges(title, periods, layer, 100, lambda value: f"{value:.0f}%", note)


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def _replies(weeks: Sequence[Figures]) -> Chart:
    periods = _named(one.since for one in weeks)
    longest = max((one.waits.ninetieth or 0 for one in weeks), default=0)
    size, unit = next((one for one in _UNITS if longest >= 2 * one[0]), (1, "s"))
    reaches: list[Reach | None] = []
    shown = []
    for period, waits in zip(periods, (one.waits for one in weeks), strict=True):
        if waits.median is None or waits.ninetieth is None:
            reaches.append(None)
            shown.append("-")
            continue
        shown.append(f"{views.seconds(waits.median)}, {views.seconds(waits.ninetieth)} at most")
        middle, most = waits.median / size, waits.ninetieth / size
        reaches.append(Reach(middle, most, f"{period}: {shown[-1]} wait", middle))
    known, replies = (
        sum(getattr(one.waits, name) for one in weeks) for name in ("known", "replies")
    )
    layer = Layer("wait", f"{known:,} of {replies:,} timed", tuple(reaches), tuple(shown))
    note = "The dot is the median; the line reaches to the wait that nine in ten did not exceed."
    write = f"{{:g}} {unit}".format
    return ranges("Time to reply, by week", periods, layer, longest / size, write, note)


def _spent(days: Days, names: Mapping[str, str]) -> Chart:
    """Draw what each day cost, by the versions of the prompt that cost the most."""
    costs: dict[str, float] = {}
    for one in (one for _, held in days for one in held):
        costs[one.prompt] = costs.get(one.prompt, 0.0) + one.cost_usd
    most = sorted(costs, key=lambda version: -costs[version])[:PROMPTS]
    series = []
    for version in [*most, None]:
        values = [
            sum(
                one.cost_usd
                for one in held
                if (one.prompt == version if version is not None else one.prompt not in most)
            )
            for _, held in days
        ]
        name = "others" if version is None else views.prompt_name(version, names)
        if version is not None or len(costs) > len(most):
            series.append(Series(name, values, views.money(sum(values))))
    title = f"Cost by day, {views.money(sum(costs.values()))} in all, by version of the prompt"
    periods = _named(since for since, _ in days)
    return stacked(title, periods, series, views.money, _dollars)


def _dollars(value: float) -> str:
    """Write US dollars on an axis, to the cent where that is enough."""
    cents, finer = f"{value:,.2f}", f"{value:,.4f}".rstrip("0")
    return f"${max(cents, finer, key=len)}"


def _tokens(days: Days) -> Chart:
    cached = [sum(one.cached_tokens for one in held) for _, held in days]
    read = [sum(one.input_tokens for one in held) for _, held in days]
    anew = [all_ - known for all_, known in zip(read, cached, strict=True)]
    written = [sum(one.output_tokens for one in held) for _, held in days]
    counted = {"read": anew, "read from a cache": cached, "written": written}
    series = [Series(name, one, views.number(sum(one))) for name, one in counted.items()]
    return stacked(
        "Tokens by day", _named(since for since, _ in days), series, views.number, _whole
    )


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
    """Give every number as a table: a row for each period, in all and by version of the prompt."""
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
    names = prompts.version_names(state) if state else {}
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
            yield about | {"prompt": "", "prompt_name": ""} | _numbers(one.work) | waits
            for name, work in one.by_prompt.items():
                named = {"prompt": name, "prompt_name": names.get(name, "")}
                yield about | named | _numbers(work) | dict.fromkeys(waits)


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
