"""The second look at a review's points: whom to ask, what goes along, what came of it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from daemon.config import Config
from daemon.domain.errors import BudgetEmpty, BudgetSpent, PageSpent, ReviewError
from daemon.domain.findings import MENDED, FindingState
from daemon.domain.notation import counted
from daemon.domain.providers import OFFLINE, split
from daemon.domain.records import FindingRow, OutboxMessage, PageRow
from daemon.domain.second_look import WATCH, Heard, Look, Watch
from daemon.domain.values import Block, Finding, Review, Severity, Source, Usage
from daemon.review.agent import ContextWindow, Conversation, ModelInput, ReviewLimits
from daemon.review.deep import SectionTools
from daemon.review.digest import Noted
from daemon.review.handles import Handles
from daemon.review.models.cost import ConversationCost
from daemon.review.points import SettledPoint
from daemon.review.quotes import unmarked_line
from daemon.review.second_look import (
    Opinions,
    Point,
    brief,
    evidence,
    weighed,
)
from daemon.review.tool_specs import ToolRefusal
from daemon.review.tools import ReviewTools
from daemon.store import findings, outbox, pages, reviews
from daemon.store.database import get_value, set_value
from daemon.sweep.context import Context, Prepared, ReviewContext, SecondLook, Session, Target


OFF, SAME, AUTO = "off", "same", "auto"
ROUNDS = 3  # the rulings, and what is read or mended for them
SECONDS = 300.0  # a look that takes longer is left
CANDIDATES = 20  # settled points to choose from
# How many that authors acted on go along, and the characters of the text around each, and around
# one that was withdrawn.
TRUE_POINTS, TRUE_CHARS, FALSE_CHARS = 4, 1_500, 6_000
OUT_OF_BUDGET = "the budget does not cover it"
_TRUE = tuple(sorted(MENDED))
# What people turn down may be true: they have reasons that no text shows.
_FALSE = (FindingState.WITHDRAWN,)
_NAMED = re.compile(r"[“\"](.+?)…?[”\"]")


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
) -> Iterator[SettledPoint]:
    """Choose points of both kinds, of other pages, each with the text that shows what it is."""
    sources = pages.source_ids(context.state, [target.settings.id])
    used = dict[str, int]()  # two states of one page would contradict each other
    for states in (_TRUE, _FALSE):
        known = findings.settled(context.state, sources, states, row.id, CANDIDATES)
        page_of = reviews.pages_of(context.state, [one.review_id for one in known])
        left = TRUE_POINTS if states is _TRUE else 1
        for one in chance.sample(known, len(known)):
            if not left:
                break
            page_id = page_of[one.review_id]
            if used.setdefault(page_id, one.review_id) != one.review_id:
                continue
            if found := _with_passage(context, one, page_id, is_true=states is _TRUE):
                yield found
                left -= 1


def _with_passage(
    context: Context, row: FindingRow, page_id: str, *, is_true: bool
) -> SettledPoint | None:
    """Return a point with the text around it; None where that shows not what it is."""
    text, made = reviews.text(context.state, row.review_id), row.finding
    if text is None:
        return None
    lines = [one for one in text.lines if one.text]
    blocks = [
        Block(f"{row.review_id} {at:05}", one.type, one.depth, one.text, unmarked_line(one.text))
        for at, one in enumerate(lines)
    ]
    on = {at for at, one in enumerate(lines) if one.id == made.block_id}
    if not on:
        return None
    made = replace(made, block_id=blocks[min(on)].id)
    messages = () if is_true else outbox.messages_of(context.state, page_id=page_id)
    answers = {*_answers(replace(row, finding=made), messages, blocks)} - on
    if not (is_true or answers):
        return None
    told, kept = on if is_true else on | answers, set[int]()
    room = TRUE_CHARS if is_true else FALSE_CHARS
    for near in sorted(range(len(blocks)), key=lambda one: min(abs(one - at) for at in told)):
        room -= len(blocks[near].line)
        if room < 0 and near not in told:
            break
        kept.add(near)
    title = Block(f"{row.review_id} ", "heading_1", 0, f"# {text.title}", text.title)
    return SettledPoint(made, is_true, (title, *(blocks[at] for at in sorted(kept))))


def _answers(
    row: FindingRow, messages: Iterable[OutboxMessage], blocks: Sequence[Block]
) -> Iterator[int]:
    """Yield where the words stand that were quoted when a point was settled.

    Not those of a block that the point names: it may be one half of a contradiction.
    """
    handles = Handles.over(blocks, "\n".join(one.plain for one in blocks))
    named = handles.named_in(row.finding.text, row.finding.block_id, surely=True)
    replies = (one.body for one in messages if one.target == row.discussion_id)
    for quote in _NAMED.findall("\n".join([row.why, *replies])):
        for at, block in enumerate(blocks):
            with suppress(ToolRefusal):
                evidence(quote, row.finding, (block,), named=named)
                yield at


def shuffled(points: Iterable[Finding], plan: SecondLook, seed: str) -> list[Point]:
    """Return what is looked at, in an order that tells nothing."""
    found: list[Point] = [*points, *plan.settled]
    random.Random(seed).shuffle(found)  # noqa: S311 - an order, no secret
    return found


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
        return Heard(Look(name, f"left out: {why}", unjudged=len(points))), conversation.usage
    page = session.snapshot.page
    asked = shuffled(points, plan, f"{page.id} {page.edited}")
    bill = context.models.bill(limits.spender, conversation.usage)
    noted = tools.noted if isinstance(tools, SectionTools) else ()
    given = await _opinions(context, session, name, asked, noted, limits, bill)
    if isinstance(given, Look):
        return Heard(replace(given, unjudged=len(points))), bill.total
    heard = weighed(name, given.points, given.given, session.snapshot.blocks, floor)
    ruled = {given.points[number - 1] for number in given.given}
    unjudged = sum(one not in ruled for one in points)
    heard = replace(heard, look=replace(heard.look, unjudged=unjudged))
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
) -> Opinions | Look:
    """Return what a model says of the points; a look that says why it does not.

    Raises:
        BudgetSpent: What an evaluation may spend is spent.
    """
    whole_up_to, effort = context.config.whole_up_to, context.config.effort.again

    def make(window: ContextWindow | None) -> tuple[ModelInput, Opinions]:
        told = (session.snapshot, session.prompt, whole_up_to, window, noted, context.today)
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
    return talk.tools if isinstance(talk.tools, Opinions) else Opinions(asked, (), "", None)


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
    left = f"{counted(found.unjudged, 'point')} not judged" if found.unjudged else ""
    parts = filter(None, (said, found.note or counts, left))
    yield "second look", f"by {found.model}: {'; '.join(parts)}"
    for one, why in zip(review.refuted, found.reasons, strict=True):
        yield "refuted", f"“{one.title}” ({one.severity.value}): {why}"
    for title, why in found.lowered:
        yield "lowered", f"“{title}” from blocking to important: {why}"
    for title, why in found.overruled:
        yield "overruled", f"“{title}” was refused and stands: {why}"
