"""Who answered on pages that were not edited: which places to look at next, and the replies."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TypeVar

from daemon.config import schedule
from daemon.domain import due
from daemon.domain.change import content_hash
from daemon.domain.errors import Missing
from daemon.domain.records import PageRow, PageState, Place
from daemon.domain.scope import Capability
from daemon.domain.values import AuthorKind, Prompt, Verdict
from daemon.notion import properties, reading
from daemon.store import pages, sweeps
from daemon.store import threads as thread_store
from daemon.sweep import alerts, failures, memory, recording
from daemon.sweep.context import Context, Target
from daemon.sweep.conversation import dialogue, points
from daemon.sweep.conversation.answers import record_replies, store_decisions
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.sweep.conversation.rulings import reopen
from daemon.sweep.prompts import current
from daemon.sweep.reviewing import run_review
from daemon.sweep.snapshot import leave, not_ours, read_page


T = TypeVar("T")
Targets = Mapping[str, Target]

# After this part of the silence a place is looked at again, where somebody wrote and elsewhere: the
# interval doubles with the silence, and falls back when something happens on the page.
TALKED_PART, BARE_PART = 3, 2
# It is never longer, and in the days after a word not so long either. Where nobody wrote some hours
# are left for the turn, so that a first word is found within a day. It is never shorter either, for
# a sweep right after another; nobody reads, answers and sweeps by hand within the least.
LONGEST, LONGEST_BARE = timedelta(days=1), timedelta(hours=22)
SHORTEST, SHORTEST_BARE = timedelta(seconds=10), timedelta(minutes=1)
LATELY, LONGEST_LATELY = timedelta(days=4), timedelta(hours=6)
# One part in so many of the budget is kept for the places where nobody wrote; one for the known
# ones that waited longest, where not all fit: none starves. One is for the pages that were never
# reviewed, and one for their blocks: who asks there for a review. A smaller budget keeps nothing.
KEPT_PART, LEAST_BUDGET = 16, 3
# The budget is that of an hour too: of what is not due, more frequent sweeps have their share.
HOUR = timedelta(hours=1)
# Where Notion's events tell who wrote, watching only makes sure: half the budget is that of a day,
# and where the known places fit into it, the others are looked at after so long.
LONGEST_TOLD = timedelta(days=14)
# Notion delivers nearly every event within five minutes; after so long without one it was missed.
LATE_EVENT = timedelta(minutes=10)
# So many times the budget are considered of the places where something happened lately.
CONSIDERED = 10


def interval(place: Place, now: datetime) -> timedelta:
    """Return how long after a look a place is looked at again: at once where somebody waits."""
    if place.waits:
        return timedelta(seconds=1)
    silence = max(now - place.stirred_at, timedelta(seconds=1))
    if place.talked:
        longest = LONGEST_LATELY if silence < LATELY else LONGEST
        return max(SHORTEST, min(silence / TALKED_PART, longest))
    return max(SHORTEST_BARE, min(silence / BARE_PART, LONGEST_BARE))


def choose(
    known: Sequence[Place],
    others: Sequence[Place],
    budget: int,
    now: datetime,
    every: timedelta = HOUR,
) -> list[list[Place]]:
    """Choose the places to look at, page by page, the oldest look first.

    Known places (the page's own and those with open threads) are all chosen where they fit into
    the budget, but those looked at just now; in sweeps `every` few minutes all in an hour, and
    what is due at once. Where they do not fit, those that are due are chosen, and in turn a few
    that are not. Others only when they are due: with what is left of the budget, or of half of it.
    """
    known = [place for place in known if place.waits or now - place.looked_at >= SHORTEST]
    others = [place for place in others if _lateness(place, now) >= 1]
    share = min(every / HOUR, 1.0)
    even = max(int(budget * share), 1)
    kept = min(_cost(others), max(even // KEPT_PART, 1))
    if budget <= 1:
        # A single request goes to whoever has waited longest.
        chosen = sorted((*known, *others), key=lambda place: place.looked_at)[:budget]
    else:
        turn, spare = ceil(_cost(known) * share), even
        if _cost(known) > budget - kept:
            turn, spare = max(even // KEPT_PART, 1), even // 2
        chosen = _likely_and_in_turn(known, budget - kept - turn, turn, now)
        # What is kept for the others is theirs, even where a known place took more than its share.
        room = max(spare - _cost(chosen), kept)
        chosen += _likely_and_in_turn(others, room // 2, room - room // 2, now)
    return sorted(_by_page(chosen), key=lambda places: min(place.looked_at for place in places))


def make_sure(
    known: Sequence[Place], others: Sequence[Place], budget: int, now: datetime, every: timedelta
) -> list[list[Place]]:
    """Choose the places to look at where events tell who wrote: that none was lost.

    Those looked at longest ago have their turn, for half the budget in a day; who waits, at once.
    """
    half = ceil(budget / 2)
    rest = LONGEST_TOLD if _cost(known) <= half else LONGEST
    waiting = [place for place in known if place.waits]
    rested = [p for p in known if not p.waits and now - p.looked_at >= LONGEST]
    rested += [p for p in others if now - p.looked_at >= rest]
    rested.sort(key=lambda place: (place.looked_at, place.page_id, place.place))
    return _by_page([*waiting, *_within(rested, schedule.turns(half, every, now))])


def _lateness(place: Place, now: datetime) -> float:
    """Tell how many of its intervals a place has waited; from 1 on it is due."""
    return (now - place.looked_at) / interval(place, now)


def _likely_and_in_turn(
    places: Sequence[Place], likely: int, turn: int, now: datetime
) -> list[Place]:
    """Take of the places that are due the likelier ones, and of the others those that waited most.

    So who waits on a page where nothing happens has a turn, however much happens elsewhere.
    """
    due = [place for place in places if _lateness(place, now) >= 1]
    due.sort(key=lambda place: (-_lateness(place, now), place.looked_at))
    first = _within(due, likely)
    taken = {(place.page_id, place.place) for place in first}
    left = [place for place in places if (place.page_id, place.place) not in taken]
    left.sort(key=lambda place: (place.looked_at, place.page_id, place.place))
    return [*first, *_within(left, turn)]


def _by_page(places: Iterable[Place]) -> list[list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(place.page_id, []).append(place)
    return list(found.values())


def _cost(places: Iterable[Place]) -> int:
    return sum(place.requests for place in places)


def _within(places: Sequence[Place], budget: int) -> list[Place]:
    """Take places in order while their requests fit; the first always, lest it blocks the rest."""
    taken: list[Place] = []
    for place in places:
        budget -= place.requests
        if budget < 0 and (taken or budget + place.requests <= 0):
            break
        taken.append(place)
    return taken


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that is looked at, and where; and the prompt that it is answered under.

    `told` where events should have told of what is found there.
    """

    target: Target
    prompt: Prompt
    row: PageRow
    places: Sequence[str]
    told: bool


async def watch(
    context: Context, targets: Targets, named: Sequence[Place] | None = None, spent: int = 0
) -> None:
    """Look for new comments and answer them.

    What goes wrong with a page stays with it; what every further page would meet halts the tally,
    and the threads that wait are answered by a later sweep.

    Args:
        context: The sweep.
        targets: The database of each data source, by the source's id.
        named: Where to look; None: where it is time to.
        spent: Requests of the sweep's budget that were made already.
    """

    async def answer(waiting: tuple[_Page, Dialogue]) -> None:
        context.models.warm(waiting[0].target.models)
        await _guarded(context, waiting[0], _answer(context, *waiting))

    told = named is None and sweeps.events_tell(context.state, context.notion.now)
    if named is None:
        is_time = told or bool(_turns(context, targets, spent, told=told))
        prompts = await _prompts(context, targets if is_time else {})
        places = _turns(context, prompts, spent, told=told)
    else:
        rows = pages.by_ids(context.state, [place.page_id for place in named])
        sources = {row.source_id for row in rows.values()}
        prompts = await _prompts(context, {id_: targets[id_] for id_ in sorted(sources)})
        places = _by_page(place for place in named if rows[place.page_id].source_id in prompts)
    found = await _look_around(context, targets, prompts, places, told=told)
    await failures.each(context, found, answer)


def _turns(
    context: Context, sources: Collection[str], spent: int, *, told: bool
) -> list[list[Place]]:
    """Return the places of data sources whose turn it is, page by page."""
    first_asked = _unreviewed_places(context, sources, told=told)
    budget, now = context.config.watch_requests - len(first_asked) - spent, context.notion.now
    every = schedule.interval(context.config.schedule, now)
    chosen = (make_sure if told else choose)(*_places(context, sources), budget, now, every)
    return [*chosen, *_by_page(first_asked)]


async def _prompts(context: Context, targets: Targets) -> dict[str, Prompt]:
    """Return the prompt of each data source that has one."""
    found = {id_: await current.current(context, target) for id_, target in targets.items()}
    return {source_id: prompt for source_id, prompt in found.items() if prompt}


async def _look_around(
    context: Context,
    targets: Targets,
    prompts: Mapping[str, Prompt],
    chosen: Iterable[list[Place]],
    *,
    told: bool,
) -> list[tuple[_Page, Dialogue]]:
    """List the comments of places, page by page; return the pages with waiting threads."""
    waiting, spent = [], 0
    for places in chosen:
        row = pages.page(context.state, places[0].page_id)
        if row is None or (spent and spent + _cost(places) > context.config.watch_requests):
            continue
        target, prompt = targets[row.source_id], prompts[row.source_id]
        page = _Page(target, prompt, row, [place.place for place in places], told)
        if failures.waits(context, Capability.READ_COMMENTS, row.id):
            _looked(context, page)
            continue
        before = context.notion.requests
        dialogue = await _guarded(context, page, _listen(context, page))
        spent += context.notion.requests - before
        if context.tally.halted:
            break
        if dialogue and not dialogue.readable:
            _looked(context, page)  # another page is the first of the next sweep
            break
        if dialogue and dialogue.sorted.waiting:
            if due.is_put_off(row, context.notion.now):
                _looked(context, page)
            else:
                waiting.append((page, dialogue))
    return waiting


def _places(context: Context, sources: Iterable[str]) -> tuple[list[Place], list[Place]]:
    """Return the known places and the others, as many as the budget could reach.

    That is: where something happened lately, and those listed longest ago.
    """
    now, ids, budget = context.notion.now, list(sources), context.config.watch_requests
    since = now - timedelta(days=context.config.watch_days)
    both = []
    for known, lately in ((True, LATELY), (False, BARE_PART * LONGEST_BARE)):
        # Where nothing happened for longer, the interval is the longest: the oldest look is first.
        state, stirred = context.state, now - lately
        found = [
            *thread_store.places_to_list(state, ids, since, budget, known=known),
            *thread_store.places_to_list(
                state, ids, since, CONSIDERED * budget, known=known, stirred=stirred
            ),
        ]
        both.append(list({(place.page_id, place.place): place for place in found}.values()))
    return both[0], both[1]


def _unreviewed_places(context: Context, sources: Iterable[str], *, told: bool) -> list[Place]:
    """Return the places whose turn it is of the pages that were never reviewed."""
    budget = context.config.watch_requests
    if budget < LEAST_BUDGET:
        return []
    now, ids = context.notion.now, list(sources)
    every = schedule.interval(context.config.schedule, now)
    kept = max(int(budget * min(every / HOUR, 1)) // KEPT_PART, 1)
    if told:
        kept = schedule.turns(ceil(budget / KEPT_PART), every, now)
    asked = thread_store.unreviewed_pages(context.state, ids, kept)
    bare = thread_store.unreviewed_blocks(context.state, ids, kept)
    found = [one for one in asked if now - one.looked_at >= SHORTEST]
    found += [one for one in bare if now - one.looked_at >= SHORTEST_BARE]
    return [place for place in found if not told or now - place.looked_at >= LONGEST]


async def _guarded(context: Context, page: _Page, doing: Awaitable[T]) -> T | None:
    """Do something with one page; return None where it failed, which stays with this page."""
    row = page.row

    def record_failure(why: str, bug: Exception | None) -> None:
        sweeps.record_decision(context.state, row.id, context.notion.now, "not answered", why)
        context.emit("watch.failed", title=row.title, error=why, exc_info=bug)

    async with failures.border(context, row, record_failure):
        try:
            return await doing
        except Missing as error:
            # The page went away; the next census finds out where to.
            context.emit("watch.gone", title=row.title, why=str(error))
    if not context.tally.halted:
        _looked(context, page)
    return None


def _looked(context: Context, page: _Page) -> None:
    """Count a look that did not end in answers, so that other places have their turn."""
    thread_store.record_listing(context.state, page.row.id, page.places, context.notion.now)


async def _listen(context: Context, page: _Page) -> Dialogue | None:
    """List and sort the comments of a page's places, and store what needs no model.

    None where somebody wrote on a page that is not ours any more.
    """
    row = page.row
    found = await dialogue.read(context, page.target, row, page.places, page.prompt)
    if found.refusal is not None:
        if failures.is_off(context, Capability.READ_COMMENTS):
            return found
        raise found.refusal
    if page.told and any(
        found.known.looks.get(thread.block_id, found.at) < one.edited < found.at - LATE_EVENT
        for thread in found.sorted.threads
        for one in thread.comments
        if one.author.kind is AuthorKind.PERSON and one.id not in found.known.comments
    ):
        sweeps.miss_event(context.state, context.notion.now)
        context.emit("events.missed", title=row.title)
    if found.sorted.reasons:
        raw = await context.notion.page(row.id)
        edited = properties.moment(raw["last_edited_time"])
        if why := not_ours(context.state, page.target.settings, raw):
            leave(context, row, raw, why)
            return None
        if found.sorted.corrected and edited > row.edited:
            return None  # it is read first: a "done" may be about the edit
    after = store_decisions(context, row, found)
    if (
        after.state is PageState.BASELINED
        and row.id in page.places
        and len(thread_store.last_listed(context.state, row.id)) <= 1
    ):  # which blocks it has is read once: an edit brings its review
        blocks = await reading.blocks(context.notion, row.id)
        places = [block.id for block in blocks if block.may_hold_comments]
        thread_store.set_places(context.state, row.id, places, context.notion.now)
    if found.sorted.has_answers:
        await context.deliver(context, row.id)
    return found


async def _answer(context: Context, page: _Page, dialogue: Dialogue) -> None:
    """Answer who waits on a page: all its threads in one sitting."""
    row, target, prompt = page.row, page.target, page.prompt
    snapshot = await read_page(context, target, row)
    if snapshot is None:
        return
    if not prompt.text:  # which rows of a prompt database it is answered under, the page tells
        with suppress(current.NoneFits):
            prompt = await current.current(context, target, snapshot.page) or prompt
    reopen(context, row, snapshot)
    session = points.session(context, target, row, snapshot, prompt, dialogue, only_threads=True)
    context.emit("page.answering", title=row.title, threads=len(dialogue.sorted.waiting))
    made_with = memory.with_look_ups(context, recording.listening(context), session)
    review = await run_review(made_with, session)
    number = record_replies(context, row, session, review, dialogue)
    text = content_hash(snapshot.page, snapshot.blocks)
    open_ones = (one.finding_id for one in review.rulings if one.verdict is Verdict.NOT_YET)
    context.tally.ruled |= {(one, text) for one in open_ones}
    recording.keep(context, made_with, number, session, review)
    alerts.count_answer(context, review.nothing_said)
    context.emit("page.answered", title=row.title, replies=len(review.replies), model=review.model)
    context.tally.model_answered = True
    await context.deliver(context, row.id)
