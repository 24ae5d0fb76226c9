"""A trial: what a few documents get under an edited prompt, against the version before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from daemon.domain.change import Change
from daemon.domain.errors import (
    BudgetEmpty,
    NotionError,
    PageRejected,
    PageSpent,
    PageTooLarge,
    ReviewError,
    Unavailable,
)
from daemon.domain.findings import title_of
from daemon.domain.notation import counted, first_of, joined
from daemon.domain.records import PageRow, PromptStatus, Trial, TrialState, TriedPoint
from daemon.domain.values import Block, Finding, Prompt, Usage
from daemon.notion import from_markdown
from daemon.review.points import is_repeat
from daemon.store import pages, prompts, reviews
from daemon.sweep import budget
from daemon.sweep.context import Context, Extent, ReviewContext, Session, Target
from daemon.sweep.prompts import current
from daemon.sweep.reviewing import run_review
from daemon.sweep.snapshot import read_unrecorded


NEW, GONE, GRAVER, MILDER = "new", "gone", "graver", "milder"
# Points of one kind that are named; the rest are counted.
NAMED_POINTS = 5


def wanted(targets: Iterable[Target]) -> int:
    """Return how many documents an edited prompt is tried on, 0 for none."""
    return max(one.settings.trial for one in targets)


def in_words(trial: Trial) -> str:
    """Return what the status comment says of a trial."""
    if trial.state is not TrialState.DONE:
        return "I am trying it against the version before it; what differs will stand here."
    if not trial.documents:
        return f"It was not tried: {trial.why}."
    on = counted(trial.documents, "document")
    head = f"Tried on the last {on}, without posting: **{summary(trial)}.**"
    listed = "\n".join(_listed(trial))
    return joined([head, listed, f"{trial.why}." if trial.why else ""], "\n\n")


def summary(trial: Trial) -> str:
    """Return what differs, in numbers, such as `3 new points, 2 gone, 1 graver; $0.40`."""
    counts = [(len(found), kind) for kind, found in _kinds(trial).items() if found]
    if counts:
        (number, kind), *rest = counts
        points = counted(number, "new point" if kind == NEW else "point")
        first = points if kind == NEW else f"{points} {kind}"
        found = joined([first, *(f"{count} {kind}" for count, kind in rest)])
    else:
        found = f"the same {counted(trial.same, 'point')}" if trial.same else "no points, as before"
    return f"{found}; ${trial.cost_usd:.2f}"


def _kinds(trial: Trial) -> dict[str, list[TriedPoint]]:
    kinds: dict[str, list[TriedPoint]] = {NEW: [], GONE: [], GRAVER: [], MILDER: []}
    for one in trial.points:
        if one.before is None or one.after is None:
            kinds[NEW if one.before is None else GONE].append(one)
        else:
            kinds[GRAVER if one.after.rank < one.before.rank else MILDER].append(one)
    return kinds


def _listed(trial: Trial) -> Iterator[str]:
    for kind, found in _kinds(trial).items():
        shown, more = first_of(found, NAMED_POINTS)
        for one in shown:
            severity = ", now ".join(each.value for each in (one.before, one.after) if each)
            title = from_markdown.quoted(one.title)
            place = from_markdown.link(one.document, one.url)
            yield f"- {kind}: “{title}” ({severity}), in {place}"
        if more:
            yield f"- {kind}: {more} more"


async def with_trial(
    context: Context, page_id: str, status: PromptStatus, targets: Sequence[Target]
) -> PromptStatus:
    """Try a version once, and keep what it found; one that a crash interrupted is not repeated."""
    if (trial := status.trial) is None or (before := trial.before) is None:
        return status
    result: Trial | None
    if not wanted(targets):
        result = None
    elif trial.state is TrialState.BEGUN:
        result = Trial(None, TrialState.DONE, why="it was interrupted")
    else:
        begun = replace(status, trial=replace(trial, state=TrialState.BEGUN))
        prompts.save_status(context.state, page_id, begun)
        try:
            result = await _compared(context, page_id, (before, status.prompt), targets)
        except (ReviewError, asyncio.CancelledError) as error:
            prompts.save_status(context.state, page_id, status)  # the next sweep tries again
            if not isinstance(error, Unavailable):
                raise
            context.emit("prompt.not_tried", name=status.prompt.name, why=str(error))
            return status
    status = replace(status, trial=result)
    prompts.save_status(context.state, page_id, status)
    if result is not None:
        found = summary(result) if result.documents else f"not done: {result.why}"
        context.emit("prompt.tried", page=page_id, name=status.prompt.name, found=found)
    return status


@dataclass(frozen=True, slots=True)
class Comparison:
    """The points of two reviews of one text, side by side.

    Attributes:
        same: Those that both make, as pairs, the first review's first.
        new: Those of the second alone.
        lost: Those of the first alone.
    """

    same: tuple[tuple[Finding, Finding], ...]
    new: tuple[Finding, ...]
    lost: tuple[Finding, ...]

    @property
    def moved(self) -> tuple[tuple[Finding, Finding], ...]:
        """Those that both make, and grade otherwise."""
        return tuple((one, two) for one, two in self.same if one.severity is not two.severity)


def compared(
    first: Iterable[Finding], second: Iterable[Finding], blocks: Sequence[Block]
) -> Comparison:
    """Compare the points of two reviews; a point of one is the same as one of the other at most."""
    by_id = {block.id: block for block in blocks}
    lost, same, new = list(first), [], []
    for two in second:
        block = by_id[two.block_id]
        one = next((one for one in lost if is_repeat(two, [one], block)), None)
        if one is None:
            new.append(two)
        else:
            lost.remove(one)
            same.append((one, two))
    return Comparison(tuple(same), tuple(new), tuple(lost))


async def _compared(
    context: Context, page_id: str, both: tuple[Prompt, Prompt], targets: Sequence[Target]
) -> Trial:
    """Review the documents that were reviewed last under both prompts, within the limits.

    The cost counts against what a page may cost in a day, as that of the prompt page: no document
    waits for a trial of the prompt.
    """
    of_source = {
        source.id: target
        for target in targets
        if target.settings.trial
        for source in pages.sources_of(context.state, target.settings.id)
    }
    rows = pages.last_reviewed_pages(context.state, list(of_source), wanted(targets))
    why = _too_dear(context, page_id, rows) if rows else "none of its documents was reviewed yet"
    if why:
        return Trial(None, TrialState.DONE, why=why)
    trial, spent = Trial(None, TrialState.DONE), context.meter.total.cost_usd
    payer = replace(context.for_review, payer=page_id)
    # One after the other: what several reserve at worst may be more than a page may cost.
    for row in rows:
        context.emit("prompt.trying", title=row.title)
        try:
            found = await _on_document(context, payer, of_source[row.source_id], row, both)
        except (BudgetEmpty, PageSpent) as error:
            why = f"`{str(error).partition(':')[0]}` allows no more"
            break
        except (NotionError, PageTooLarge, PageRejected, _Incomplete) as error:
            why = f"“{from_markdown.quoted(row.title)}” was left out: {_in_short(error)}"
            continue
        trial = replace(
            trial,
            documents=trial.documents + 1,
            points=(*trial.points, *found.points),
            same=trial.same + found.same,
        )
    return replace(trial, cost_usd=context.meter.total.cost_usd - spent, why=why)


def _too_dear(context: Context, page_id: str, rows: Sequence[PageRow]) -> str:
    """Say which limit leaves too little for all reviews, if they cost what the last ones did."""
    once = sum((reviews.last_usage(context.state, row.id) for row in rows), Usage())
    expected = once + once
    today, limits = context.notion.now.date(), context.config.limits
    limit = budget.exceeded(context.state, limits, today, page_id, expected)
    about = f"${expected.cost_usd:.2f} and {expected.tokens:,} tokens"
    return f"`{limit}` leaves too little for it: about {about}" if limit else ""


def _in_short(error: Exception) -> str:
    """Return why a document was left out, for somebody who reads no log."""
    if isinstance(error, NotionError):
        return "Notion did not give it"
    return str(error) if isinstance(error, _Incomplete) else "no model took it"


class _Incomplete(Exception):
    """A review ended early, so that what it lacks says nothing of the prompt."""


async def _on_document(
    context: Context,
    for_review: ReviewContext,
    target: Target,
    row: PageRow,
    both: tuple[Prompt, Prompt],
) -> Trial:
    """Review a document as if for the first time, under both prompts.

    Raises:
        _Incomplete: One of the two reviews is not whole.
    """
    snapshot = await read_unrecorded(context, target, row)
    if snapshot is None:
        raise _Incomplete("it is not there any more")
    found: list[tuple[Finding, ...]] = []
    for prompt in both:
        session = Session(
            target,
            snapshot,
            Change(first=True),
            current.as_reviewed(context, prompt, target),
            (),
            extent=Extent.WHOLE,
        )
        review = await run_review(for_review, session)
        if not review.outcome.is_complete:
            raise _Incomplete(f"its review {review.outcome.value}")
        found.append((*review.findings, *review.kept))
    earlier, later = found
    differ = compared(earlier, later, snapshot.blocks)
    pairs: list[tuple[Finding | None, Finding | None]] = [
        *((None, new) for new in differ.new),
        *((old, None) for old in differ.lost),
        *differ.moved,
    ]
    points = tuple(_point(row, old, new) for old, new in pairs)
    return Trial(None, points=points, same=len(differ.same) - len(differ.moved))


def _point(row: PageRow, old: Finding | None, new: Finding | None) -> TriedPoint:
    told = new or old
    title = (told.title or title_of(told.text)) if told else ""
    before, after = (one.severity if one else None for one in (old, new))
    return TriedPoint(title, row.id, row.title, row.url, before, after)
