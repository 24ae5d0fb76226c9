"""The second look at a review's points: whom to ask, what goes along, what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from daemon.config import Config
from daemon.domain.errors import BudgetEmpty, BudgetSpent, PageSpent, ReviewError
from daemon.domain.findings import MENDED, FindingState
from daemon.domain.providers import OFFLINE, split
from daemon.domain.records import PageRow
from daemon.domain.second_look import WATCH, Look, Watch
from daemon.domain.times import counted
from daemon.domain.values import Finding, Review, Severity, Source, Usage
from daemon.review.agent import ContextWindow, Conversation, ModelInput, ReviewLimits
from daemon.review.deep import SectionTools
from daemon.review.models.cost import ConversationCost
from daemon.review.second_look import (
    Heard,
    Opinion,
    Opinions,
    Point,
    SecondLook,
    SettledPoint,
    brief,
    shuffled,
    weighed,
)
from daemon.review.sections import Noted
from daemon.review.tools import ReviewTools
from daemon.store import findings, pages, reviews
from daemon.store.database import get_value, set_value
from daemon.store.reviews import ReviewedLine
from daemon.sweep.context import Context, Prepared, ReviewContext, Session, Target


OFF, SAME, AUTO = "off", "same", "auto"
ROUNDS = 3  # the rulings, and what is read or mended for them
SECONDS = 300.0  # a look that takes longer is left
CANDIDATES = 20  # settled points to choose from
PASSAGE_CHARS = 6_000  # of the text around one
OUT_OF_BUDGET = "the budget does not cover it"
_TRUE = tuple(sorted(MENDED))
_FALSE = (FindingState.DISMISSED, FindingState.WITHDRAWN)


def unwatched(config: Config) -> SecondLook | None:
    """Return the second look that a config asks for, without settled points; None for none."""
    return None if config.second_look == OFF else SecondLook(config.second_look)


def planned(context: Context, target: Target, row: PageRow) -> SecondLook | None:
    """Return the second look that the review of a page is to get; None for none."""
    plan = unwatched(context.config)
    if plan is None:
        return None
    watch = _watch(context)
    chance = random.Random(f"{row.id} {watch.number}")  # noqa: S311 - a share, no secret
    goes_along = watch.takes_along(chance.random())
    settled = tuple(_settled(context, target, row, chance)) if goes_along else ()
    return replace(plan, settled=settled, left_out=watch.left_out(context.notion.now))


def _watch(context: Context) -> Watch:
    return Watch.read(get_value(context.state, WATCH), context.config.second_look)


def _settled(
    context: Context, target: Target, row: PageRow, chance: random.Random
) -> Sequence[SettledPoint]:
    """Choose a point of each kind, of another page where there is one."""
    sources = [one.id for one in pages.sources_of(context.state, target.settings.id)]
    found = []
    for states in (_TRUE, _FALSE):
        known = findings.settled(context.state, sources, states, row.id, CANDIDATES)
        if not known:
            continue
        one = chance.choice(known)
        text = reviews.text(context.state, one.review_id)
        passage = _passage(text.lines if text else (), one.finding)
        found += [SettledPoint(one.finding, states is _TRUE, passage)] if passage else []
    return found


def _passage(lines: Sequence[ReviewedLine], point: Finding) -> tuple[str, ...]:
    """Return the text around a point, as much of it as there is room for."""
    at = next((at for at, one in enumerate(lines) if one.id == point.block_id), None)
    if at is None:
        return ()
    kept, room = {at}, PASSAGE_CHARS
    for near in sorted(range(len(lines)), key=lambda one: abs(one - at)):
        room -= len(lines[near].text)
        if room < 0:
            break
        kept.add(near)
    return tuple(lines[one].text for one in sorted(kept) if lines[one].text)


async def look(
    context: ReviewContext,
    prepared: Prepared,
    conversation: Conversation,
    limits: ReviewLimits,
    floor: Severity,
) -> tuple[Heard | None, Usage]:
    """Let somebody look at the points of a review; return what was heard, and what all cost.

    The points are amended in its tools. Whatever goes wrong is a note.

    Raises:
        BudgetSpent: What an evaluation may spend is spent.
    """
    session, tools, plan = prepared.session, conversation.tools, prepared.session.second_look
    if plan is None or not isinstance(tools, ReviewTools):
        return None, conversation.usage
    points = [one for one in (*tools.findings, *tools.kept) if one.source is Source.MODEL]
    name = _who(plan.wanted, session.target.models, conversation.model)
    if not points or not name:
        return None, conversation.usage
    if why := plan.left_out.get(name):
        return Heard(Look(name, f"left out: {why}")), conversation.usage
    page = session.snapshot.page
    asked = shuffled(points, plan, f"{page.id} {page.edited}")
    bill = context.models.bill(limits.spender, conversation.usage)
    noted = tools.noted if isinstance(tools, SectionTools) else ()
    given = await _opinions(context, session, name, asked, noted, limits, bill)
    if isinstance(given, Look):
        return Heard(given), bill.total
    heard = weighed(name, asked, given, session.snapshot.blocks, floor)
    lowered = {one: replace(one, severity=Severity.IMPORTANT) for one in heard.lowered}
    tools.amend({**dict.fromkeys(heard.refuted), **lowered})
    return heard, bill.total


async def _opinions(
    context: ReviewContext,
    session: Session,
    name: str,
    asked: Sequence[Point],
    noted: Noted,
    limits: ReviewLimits,
    bill: ConversationCost,
) -> Mapping[int, Opinion] | Look:
    """Return what a model says of the points, by their number; a look that says why it does not.

    Raises:
        BudgetSpent: What an evaluation may spend is spent.
    """
    whole_up_to, effort = context.config.whole_up_to, context.config.effort.again

    def make(window: ContextWindow | None) -> tuple[ModelInput, Opinions]:
        told = (session.snapshot, session.prompt, whole_up_to, window, noted)
        return brief(asked, *told)

    within = replace(limits, rounds=ROUNDS, seconds=min(limits.seconds, SECONDS), effort=effort)
    try:
        talk = await context.models.ask_one(name, make, within, bill)
    except BudgetSpent:
        raise
    except (BudgetEmpty, PageSpent):
        return Look(name, OUT_OF_BUDGET)
    except ReviewError as error:
        return Look(name, str(error))
    return talk.tools.given if isinstance(talk.tools, Opinions) else {}


def _who(wanted: str, models: Sequence[str], author: str) -> str:
    """Return who looks at what `author` found; "" for nobody.

    `auto` is the next provider of the chain: what the author's own did not see it may not see now.
    """
    if author == OFFLINE:
        return ""
    if wanted == AUTO:
        after = models[models.index(author) + 1 :] if author in models else ()
        others = (one for one in after if one != OFFLINE)
        return next((one for one in others if split(one)[0] != split(author)[0]), "")
    return author if wanted == SAME else wanted


def record(context: Context, session: Session, review: Review) -> None:
    """Keep what a look shows of who took it."""
    found, plan = review.look, session.second_look
    if found is None or plan is None or found.model in plan.left_out:
        return
    if found.note != OUT_OF_BUDGET:
        after = _watch(context).after(found, context.notion.now)
        set_value(context.state, WATCH, after.written())


def told(review: Review) -> Iterator[tuple[str, str]]:
    """Yield what a second look decided, for `explain`."""
    found = review.look
    if found is None:
        return
    seen = found.seen
    said = f"{counted(seen.rulings, 'ruling')}, {counted(seen.refused, 'refusal')}" if seen else ""
    counts = f"{len(review.refuted)} dropped, {len(found.lowered)} lowered"
    yield (
        "second look",
        f"by {found.model}: {'; '.join(filter(None, (said, found.note or counts)))}",
    )
    for one, why in zip(review.refuted, found.reasons, strict=True):
        yield "refuted", f"“{one.title}” ({one.severity.value}): {why}"
    for title, why in found.lowered:
        yield "lowered", f"“{title}” from blocking to important: {why}"
    for title, why in found.overruled:
        yield "overruled", f"“{title}” was refused and stands: {why}"
