"""A report: a period, the one before it, and what stands out; as values, JSON and text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from daemon.domain.events import Alert
from daemon.domain.findings import FindingState
from daemon.domain.notation import iso
from daemon.operations.figures import (
    LEAST_SETTLED,
    Figures,
    Span,
    Surge,
    Topic,
    Work,
    figures,
    has_fallen,
    surges,
    topics,
)
from daemon.operations.intervals import Share, growth
from daemon.store import prompts, sweeps
from daemon.store.database import State, get_value, set_value
from daemon.store.views import reporting
from daemon.sweep import alerts
from daemon.sweep.context import Context


WIDTHS = (32, 24, 24)  # columns: a name, now, before
GROUP_WIDTHS = (28, 9, 10, 12, 11, 10)
SHARE_WIDTHS = (27, 8, 13, 11, 11, 10)
LENS_WIDTHS = (27, 7, 10, 13, 11, 12)
TOPICS = 5  # shown at most; --json has all
MINUTE, HOUR, DAY = 60, 3600, 86_400

Row = tuple[str, str]


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
        versions: What each version of a prompt is called.
    """

    span: Span
    began: datetime | None
    now: Figures
    before: Figures
    topics: Mapping[str, Topic]
    topics_before: Mapping[str, Topic]
    fallen: bool
    surges: tuple[Surge, ...]
    versions: Mapping[str, str]


def addressed(work: Work) -> Share:
    """Return how many of the settled findings were addressed."""
    return Share(work.addressed, work.settled_in_all)


def told(share: Share) -> bool:
    """Return whether so many are settled that their share tells something."""
    return share.whole >= LEAST_SETTLED


def in_percent(share: Share) -> tuple[str, str]:
    """Return a share and its 95 % interval as people read them."""
    if not told(share) or share.interval is None:
        return "cannot tell", ""
    low, high = share.interval
    return f"{share.part / share.whole:.0%}", f"{low * 100:.0f}-{high:.0%}"


def report(db: State | None, span: Span, until: datetime) -> Report:
    """Report on the period that ends at `until`; without a state nothing happened."""
    since = until - span.length
    now, before = figures(db, since, until), figures(db, since - span.length, since)
    topics_now, topics_before = (_topics_of(db, one.since, one.until) for one in (now, before))
    return Report(
        span=span,
        began=reporting.first_review(db) if db else None,
        now=now,
        before=before,
        topics=topics_now,
        topics_before=topics_before,
        fallen=has_fallen(addressed(now.work), addressed(before.work)),
        surges=tuple(surges(topics_now, topics_before)),
        versions=prompts.version_names(db) if db else {},
    )


def _topics_of(db: State | None, since: datetime, until: datetime) -> dict[str, Topic]:
    found = reporting.list_findings(db, since, until) if db else ()
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
        "replies": found.waits.replies,
        "replies_timed": found.waits.known,
        "seconds_to_reply_median": found.waits.median,
        "seconds_to_reply_90th": found.waits.ninetieth,
        "by_prompt": {name: _work(work) for name, work in found.by_prompt.items()},
        "by_model": {name: _work(work) for name, work in found.by_model.items()},
        "by_lens": {name: _work(work) for name, work in found.by_lens.items()},
        "topics": {name: asdict(topic) for name, topic in about.items()},
    }


def _work(work: Work) -> dict[str, Any]:
    each, share = work.cost_per_addressed, addressed(work)
    low, high = (told(share) and share.interval) or (None, None)
    return asdict(work) | {
        "cost_usd": round(work.cost_usd, 6),
        "cost_per_addressed_usd": None if each is None else round(each, 6),
        "addressed_of_settled": asdict(share) | {"low": low, "high": high},
    }


def in_words(report: Report) -> list[str]:
    """Return the report; where there is nothing to report, one line that says so."""
    now, before = report.now, report.before
    if report.began is None:
        return ["Nothing to report: no page has been reviewed yet."]
    if now.is_empty and before.is_empty:
        return [f"Nothing to report: nothing happened from {_between(before.since, now.until)}."]
    rows = zip(_column(now, report), _column(before, report), strict=True)
    by_prompt = [
        {report.versions.get(version, version): work for version, work in one.by_prompt.items()}
        for one in (now, before)
    ]
    return [
        f"The {report.span.value} from {_between(now.since, now.until)}, and the one before it",
        "",
        _line(WIDTHS, ("", "now", "before")),
        *(_line(WIDTHS, (*row, earlier)) for row, (_, earlier) in rows),
        *_groups("by prompt", _GROUP, *by_prompt),
        *_groups("by model", _GROUP, now.by_model, before.by_model),
        *_groups("settled, by prompt", _SHARE, *by_prompt),
        *_groups("settled, by model", _SHARE, now.by_model, before.by_model),
        *_groups("findings, by lens", _LENS, now.by_lens, before.by_lens),
        *_topics(report),
        "",
        *_notes(report),
    ]


def _between(since: datetime, until: datetime) -> str:
    return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"


def _line(widths: Iterable[int], cells: Iterable[str]) -> str:
    """Set a name on the left, its end kept, and numbers on the right, each in its column."""
    (width, name), *rest = zip(widths, cells, strict=True)
    name = name if len(name) < width else f"{name[: width - 18]}…{name[-16:]}"
    return (f"{name:<{width}}" + "".join(f"{cell:>{wide}}" for wide, cell in rest)).rstrip()


def _column(one: Figures, report: Report) -> Iterator[Row]:
    """Yield names and numbers of one period: the same names for both."""
    work, waits, both = one.work, one.waits, (report.now.work, report.before.work)
    yield "reviews of pages", f"{work.reviews:,}"
    for name in _counted_names(one.outcomes for one in both):
        yield f"  {name}", _of(work.outcomes.get(name, 0), work.reviews)
    yield "  nothing posted", _of(work.silent, work.reviews)
    yield "findings made", f"{work.findings:,}"
    for name, count in work.by_severity.items():
        yield f"  {name}", _of(count, work.findings)
    for name in _counted_names(one.by_state for one in both):
        yield f"  by now {name}", _of(work.by_state[name], work.findings)
    yield "findings settled, whenever made", f"{work.settled_in_all:,}"
    for name, count in work.settled.items():
        yield f"  {name}", _of(count, work.settled_in_all)
    yield "replies posted", f"{waits.replies:,}"
    yield "  of these with a known wait", _of(waits.known, waits.replies)
    yield "  median wait", _duration(waits.median)
    yield "  nine in ten within", _duration(waits.ninetieth)
    yield "answers without a review", f"{work.answers:,}"
    yield "tokens read", f"{work.input_tokens:,}"
    yield "  of these cached", f"{work.cached_tokens:,}"
    yield "tokens written", f"{work.output_tokens:,}"
    yield "cost", f"${work.cost_usd:,.2f}"
    each = work.cost_per_addressed
    yield "  for each addressed finding", "none addressed" if each is None else f"${each:,.2f}"


def _counted_names(counts: Iterable[Mapping[str, int]]) -> list[str]:
    """Return the names that have a count in any period, in the order of their first count."""
    return list({name: None for one in counts for name, count in one.items() if count})


@dataclass(frozen=True, slots=True)
class _Table:
    """The columns of a table of groups: their widths, their heads, and a group's cells."""

    widths: tuple[int, ...]
    heads: tuple[str, ...]
    cells: Callable[[Work], tuple[str, ...]]


def _group(work: Work) -> tuple[str, ...]:
    return (
        f"{work.reviews:,}",
        f"{work.findings:,}",
        str(addressed(work)),
        f"{work.tokens:,}",
        f"${work.cost_usd:,.2f}",
    )


def _shares(work: Work) -> tuple[str, ...]:
    share = addressed(work)
    dismissed, resolved = (
        f"{work.settled[state]:,}" for state in (FindingState.DISMISSED, FindingState.RESOLVED)
    )
    return (f"{share.whole:,}", *in_percent(share), dismissed, resolved)


_GROUP = _Table(GROUP_WIDTHS, ("reviews", "findings", "addressed", "tokens", "cost"), _group)
_SHARE = _Table(
    SHARE_WIDTHS, ("settled", "addressed", "95% range", "dismissed", "resolved"), _shares
)
_LENS = _Table(
    LENS_WIDTHS,
    ("made", "settled", "addressed", "95% range", "dismissed"),
    lambda work: (f"{work.findings:,}", *_shares(work)[:4]),
)


def _groups(
    name: str, table: _Table, now: Mapping[str, Work], before: Mapping[str, Work]
) -> Iterator[str]:
    if now or before:
        yield ""
        yield _line(table.widths, (name, *table.heads))
    for one in sorted({*now, *before}):
        if one in now:
            yield _line(table.widths, (one, *table.cells(now[one])))
        if one in before:
            name = "  before" if one in now else f"{one}, before"
            yield _line(table.widths, (name, *table.cells(before[one])))


def _topics(report: Report) -> Iterator[str]:
    if not report.topics:
        return
    yield ""
    yield _line(WIDTHS, ("findings about", "now", "before"))
    for name in [*report.topics][:TOPICS]:
        yield _line(
            WIDTHS,
            (
                f"  {name}",
                _about(report.topics[name], report.now.work),
                _about(report.topics_before.get(name, Topic(0, 0)), report.before.work),
            ),
        )
    if (more := len(report.topics) - TOPICS) > 0:
        yield f"  and {more} more: --json"


def _about(topic: Topic, work: Work) -> str:
    noun = "page" if topic.pages == 1 else "pages"
    return f"{_of(topic.findings, work.findings)} on {topic.pages} {noun}"


def _notes(report: Report) -> Iterator[str]:
    now, before = addressed(report.now.work), addressed(report.before.work)
    if report.fallen:
        yield f"Fewer findings are addressed: {now} settled ones, {before} before."
    elif min(now.whole, before.whole) < LEAST_SETTLED:
        yield (f"Too few findings were settled to compare: that takes {LEAST_SETTLED} in each.")
    else:
        yield "The share of addressed findings did not fall more than chance explains."
    for surge in report.surges:
        yield f"More findings about {surge.topic}: {surge.now} on {surge.pages} pages,"
        yield f"  {surge.before} before."
    if not report.surges:
        yield "No topic came up more often than chance explains."


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not known"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} d"


# What stands out is told of whole days: the last seven against the four weeks before.
WEEK, WEEKS_BEFORE = 7, 4
# How sure an alert is, and how much more there must surely be; half as much again keeps it up.
SURE = 0.01
GROWN = 1.5


_LOOKED = "looked at the week on"


def watch(context: Context) -> None:
    """Raise and take back the alerts about the last week, with the first sweep of a UTC day."""
    today = context.notion.now.date().isoformat()
    if get_value(context.state, _LOOKED) == today:
        return
    standing = {one["name"] for one in sweeps.alerts(context.state)}
    for name, words in stands_out(context.state, context.notion.now, standing).items():
        alerts.hold(context, name, words)
    set_value(context.state, _LOOKED, today)


def stands_out(db: State, now: datetime, standing: Collection[str]) -> dict[Alert, str]:
    """Return what people are told of the last week, in words by alert; "" for nothing.

    An alert begins beyond chance, and is over when the numbers themselves are: so none comes and
    goes with every finding. While the reviewer is new, nothing is told.

    Args:
        db: The state.
        now: The end of the week is the UTC midnight before.
        standing: The names of the alerts that stand.
    """
    words = dict.fromkeys((Alert.SURGE, Alert.FEWER_ADDRESSED), "")
    until = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = until - timedelta(days=WEEK)
    began = since - timedelta(weeks=WEEKS_BEFORE)
    first = reporting.first_review(db)
    if first is None or first.date() > began.date():
        return words
    periods = (since, until), (began, since)
    sure = {name: 1.0 if name in standing else SURE for name in words}
    week, ago = f"in the week before {until:%Y-%m-%d}", "in the four weeks before"
    told = list(_grown(db, began.date(), stands=Alert.SURGE in standing))
    found, earlier = (_topics_of(db, *period) for period in periods)
    told += [
        f"findings about {one.topic}: {one.now} on {one.pages} pages, {one.before} before"
        for one in surges(found, earlier, sure[Alert.SURGE])
    ]
    if told:
        words[Alert.SURGE] = (
            f"more {week} than {ago}: {'; '.join(told)}; notion-review report tells more"
        )
    share, share_before = (addressed(figures(db, *period).work) for period in periods)
    if has_fallen(share, share_before, sure[Alert.FEWER_ADDRESSED]):
        words[Alert.FEWER_ADDRESSED] = (
            f"fewer findings are addressed: {share} settled ones {week}, {share_before} {ago}; "
            "notion-review report tells more"
        )
    return words


def _grown(db: State, first: date, *, stands: bool) -> Iterator[str]:
    """Yield what grew, with its numbers a week."""
    days = reporting.count_days(db, first, WEEK * (WEEKS_BEFORE + 1))
    reviews = [float(day.reviews) for day in days]
    costs = [day.cost_usd for day in days]
    each = sum(costs) / (sum(reviews) or 1)
    for counts, one, written in (
        (reviews, 1.0, "{:,.0f} reviews"),
        ([float(day.comments) for day in days], 1.0, "{:,.0f} comments"),
        (costs, each, "${:,.2f}"),
    ):
        before, now = counts[:-WEEK], counts[-WEEK:]
        grown = growth(now, before, one)
        if grown and grown[0 if stands else 1] >= GROWN:
            yield f"{written.format(sum(now))} ({sum(before) / WEEKS_BEFORE:,.2f} a week before)"
