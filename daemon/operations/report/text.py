"""A report as lines for a person, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from daemon.operations.report.figures import Figures, Work
from daemon.operations.report.report import Report, addressed
from daemon.operations.report.trends import LEAST_SETTLED, Topic


WIDTHS = (32, 24, 24)  # columns: a name, now, before
GROUP_WIDTHS = (28, 9, 10, 12, 11, 10)
TOPICS = 5  # shown at most; --json has all
MINUTE, HOUR, DAY = 60, 3600, 86_400

Row = tuple[str, str]


def in_words(report: Report) -> list[str]:
    """Return the report; where there is nothing to report, one line that says so."""
    now, before = report.now, report.before
    if report.began is None:
        return ["Nothing to report: no page has been reviewed yet."]
    if now.is_empty and before.is_empty:
        return [f"Nothing to report: nothing happened from {_between(before.since, now.until)}."]
    return [
        f"The {report.span.value} from {_between(now.since, now.until)}, and the one before it",
        "",
        *_table(report),
        *_groups("by prompt", now.by_prompt, before.by_prompt),
        *_groups("by model", now.by_model, before.by_model),
        *_topics(report),
        "",
        *_notes(report),
    ]


def _between(since: datetime, until: datetime) -> str:
    return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"


def _line(widths: Iterable[int], cells: Iterable[str]) -> str:
    """Set a name on the left and numbers on the right, each in its column."""
    first, *rest = zip(widths, cells, strict=True)
    (width, name), room = first, first[0] - 1
    name = name if len(name) <= room else name[: room - 1] + "…"
    return (f"{name:<{width}}" + "".join(f"{cell:>{wide}}" for wide, cell in rest)).rstrip()


def _table(report: Report) -> Iterator[str]:
    now, before = (_column(one, report) for one in (report.now, report.before))
    yield _line(WIDTHS, ("", "now", "before"))
    for (name, value), (_, earlier) in zip(now, before, strict=True):
        yield _line(WIDTHS, (name, value, earlier))


def _column(one: Figures, report: Report) -> Iterator[Row]:
    """Yield names and numbers of one period: the same names for both."""
    both = (report.now.work, report.before.work)
    yield from _reviews(one.work, _shown(work.outcomes for work in both))
    yield from _findings(one.work, _shown(work.by_state for work in both))
    yield from _settled(one.work)
    yield from _replies(one)
    yield from _cost(one.work)


def _shown(counts: Iterable[Mapping[str, int]]) -> list[str]:
    """Name what was counted in any period, in the order in which it is first met."""
    return list({name: None for one in counts for name, count in one.items() if count})


def _reviews(work: Work, outcomes: Iterable[str]) -> Iterator[Row]:
    yield "reviews of pages", f"{work.reviews:,}"
    for name in outcomes:
        yield f"  {name}", _of(work.outcomes.get(name, 0), work.reviews)
    yield "  silent: nothing was posted", _of(work.silent, work.reviews)


def _findings(work: Work, states: Iterable[str]) -> Iterator[Row]:
    yield "findings made", f"{work.findings:,}"
    for name, count in work.by_severity.items():
        yield f"  {name}", _of(count, work.findings)
    for name in states:
        yield f"  by now {name}", _of(work.by_state[name], work.findings)


def _settled(work: Work) -> Iterator[Row]:
    yield "findings settled, whenever made", f"{work.settled_in_all:,}"
    for name, count in work.settled.items():
        yield f"  {name}", _of(count, work.settled_in_all)


def _replies(one: Figures) -> Iterator[Row]:
    waits = one.waits
    yield "replies posted", f"{waits.replies:,}"
    yield "  with a known wait", _of(waits.known, waits.replies)
    yield "  median wait", _duration(waits.median)
    yield "  wait of nine in ten, at most", _duration(waits.ninetieth)


def _cost(work: Work) -> Iterator[Row]:
    yield "times a model only answered", f"{work.answers:,}"
    yield "tokens read", f"{work.input_tokens:,}"
    yield "  of these cached", f"{work.cached_tokens:,}"
    yield "tokens written", f"{work.output_tokens:,}"
    yield "cost", f"${work.cost_usd:,.2f}"
    each = work.cost_per_addressed
    yield "  for each addressed finding", "none addressed" if each is None else f"${each:,.2f}"


def _groups(name: str, now: Mapping[str, Work], before: Mapping[str, Work]) -> Iterator[str]:
    heads = ("reviews", "findings", "addressed", "tokens", "cost")
    yield ""
    yield _line(GROUP_WIDTHS, (name, *heads))
    for one in sorted({*now, *before}):
        if one in now:
            yield _line(GROUP_WIDTHS, (one, *_group(now[one])))
        if one in before:
            name = "  before" if one in now else f"{one}, before"
            yield _line(GROUP_WIDTHS, (name, *_group(before[one])))


def _group(work: Work) -> tuple[str, ...]:
    return (
        f"{work.reviews:,}",
        f"{work.findings:,}",
        str(addressed(work)),
        f"{work.tokens:,}",
        f"${work.cost_usd:,.2f}",
    )


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
        yield (
            "Whether fewer are addressed cannot be told: that takes "
            f"{LEAST_SETTLED} settled in each."
        )
    else:
        yield "The share of addressed findings did not fall beyond chance."
    for surge in report.surges:
        yield f"More findings about {surge.topic}: {surge.now} on {surge.pages} pages,"
        yield f"  {surge.before} before."
    if not report.surges:
        yield "No topic came up more than before beyond chance."


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
