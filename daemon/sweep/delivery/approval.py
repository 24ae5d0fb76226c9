"""Which reviews wait for a person before they are posted, and what ends that without one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta

from daemon.config import Approve
from daemon.domain.findings import CLOSED, LIVE, Event, FindingState
from daemon.domain.records import (
    DeliveryState,
    DraftRow,
    DraftState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
)
from daemon.domain.values import Finding, Review, ReviewKind, Severity
from daemon.review.points import is_repeat
from daemon.review.summary import without_point
from daemon.store import database, drafts, findings, outbox, pages, sweeps
from daemon.store.database import State
from daemon.store.drafts import RecordedSize, ReviewSize
from daemon.sweep.context import Context, Session, Target
from daemon.sweep.delivery.messages import forget_point


# Nobody reads a week-old remark on a text that went on.
EXPIRE_AFTER = timedelta(days=7)
EXPIRED = f"expired: nobody approved it within {EXPIRE_AFTER.days} days"
SUPERSEDED = "a newer review takes its place"
OVERTAKEN = "a newer answer takes its place"
# Reviews that the brake looks back on.
LOOKS_BACK = 1_000
_SEED = "sample seed"
# A review that says or costs more than this percentage of the earlier ones is unusual.
PERCENTILE = 99
# With fewer reviews there is no history to compare with, and a prompt version is new.
ENOUGH_REVIEWS = 20
# The limit while the history is short; its comments also hold while the prompt version is new.
FIXED_LIMIT = ReviewSize(comments=4, replies=4, tokens=100_000)
# No limit is below this: where most reviews find nothing, two comments are not too many.
ALWAYS_ALLOWED = ReviewSize(comments=2, replies=2, tokens=20_000)


@dataclass(frozen=True, slots=True)
class Waits:
    """Why comments, the summary among them, and replies of a review wait; "" where they do not."""

    comments: str = ""
    replies: str = ""

    @property
    def why(self) -> str:
        """Both reasons in words, each once."""
        return "; ".join(dict.fromkeys(filter(None, (self.comments, self.replies))))

    def message(self, message: OutboxMessage) -> OutboxMessage:
        """Return a message as it goes into the outbox."""
        why = self.replies if message.kind is MessageKind.REPLY else self.comments
        return replace(message, state=DeliveryState.HELD, note=why) if why else message


@dataclass(frozen=True, slots=True)
class Case:
    """A review that is stored under a number: of which kind, under which prompt, of what text."""

    number: int
    kind: ReviewKind
    prompt: str
    content: str
    review: Review


def judge(context: Context, target: Target, row: PageRow, case: Case) -> Waits:
    """Decide what of a review waits."""
    settings = target.settings
    if settings.approve is Approve.NONE:
        waits = Waits()
    elif settings.approve is Approve.ALL:
        waits = Waits("approve: all", "approve: all")
    elif settings.approve is Approve.BLOCKING:
        # Name the blocking findings of a review; whoever asked gets an answer all the same
        titles = [one.title for one in case.review.findings if one.severity is Severity.BLOCKING]
        blocking = f"blocking: {'; '.join(titles)}" if titles else ""
        waits = Waits(blocking)
    else:
        waits = _unusual(context.state, row, case)
    share = settings.approve_sample
    if waits.comments or case.kind is not ReviewKind.REVIEW or not share:
        return waits
    # What the draws of this state depend on is made when it is first asked for.
    seed = database.get_value(context.state, _SEED)
    if seed is None:
        seed = secrets.token_hex(16)
        database.set_value(context.state, _SEED, seed)
    if is_drawn(seed, row.id, case.content, share):
        return replace(waits, comments=f"drawn for a look, approve_sample: {share:g}")
    return waits


def _unusual(state: State, row: PageRow, case: Case) -> Waits:
    """Measure a review by its database; people get their answers unless those are the flood."""
    base = _database_of(state, row)
    history = drafts.published_sizes(state, base, case.kind, LOOKS_BACK)
    limit = usual_limit(history, drafts.count_published(state, base, case.prompt))
    found = exceeded(ReviewSize.of(case.review), limit)
    if case.kind is ReviewKind.REPLY:
        return Waits(replies="; ".join(found.values()))
    replies = found.pop("replies", "")
    return Waits("; ".join(found.values()), replies)


def usual_limit(history: Sequence[ReviewSize], under_prompt: int) -> ReviewSize:
    """Return the largest size that is not unusual.

    Args:
        history: The sizes of the database's earlier reviews that were posted.
        under_prompt: How many of them were posted under this prompt version.
    """
    if len(history) < ENOUGH_REVIEWS:
        return FIXED_LIMIT
    measures = zip(*map(astuple, history), strict=True)
    # The smallest value that 99 of 100 do not exceed; the minus signs round up.
    at = -(-len(history) * PERCENTILE // 100) - 1
    percentiles = (sorted(values)[at] for values in measures)
    comments, replies, tokens = map(max, percentiles, astuple(ALWAYS_ALLOWED))
    if under_prompt < ENOUGH_REVIEWS:
        comments = min(comments, FIXED_LIMIT.comments)
    return ReviewSize(comments, replies, tokens)


def exceeded(size: ReviewSize, limit: ReviewSize) -> dict[str, str]:
    """Return the measures in which a size is over the limit, each with both numbers in words."""
    measures = zip(("comments", "replies", "tokens"), astuple(size), astuple(limit), strict=True)
    return {
        name: f"{value} {name} where at most {most} are usual"
        for name, value, most in measures
        if value > most
    }


def is_drawn(seed: str, page_id: str, content_hash: str, share: float) -> bool:
    """Return whether a review is in the share (0 to 1) that a person looks at.

    The answer for the same page with the same text is always the same, also after a crash.
    """
    digest = hashlib.sha256(f"{seed}\0{page_id}\0{content_hash}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def _database_of(state: State, row: PageRow) -> str:
    source = pages.source(state, row.source_id)
    return source.database_id if source else row.source_id


def file(
    context: Context, row: PageRow, case: Case, waits: Waits, messages: Iterable[OutboxMessage]
) -> None:
    """Begin the draft of a review that waits, end those that it replaces, and weigh it.

    Part of the transaction that stores the review, before what it read takes the place of what
    was said something about before.
    """
    now = context.notion.now
    held_back = any(waits.message(one).state is DeliveryState.HELD for one in messages)
    waiting = held_back or (waits.replies and case.review.replies)
    if waiting:
        drafts.add(context.state, case.number, row.id, waits.why, now)
        sweeps.record_decision(
            context.state,
            row.id,
            now,
            "held",
            f"{waits.why}; notion-review drafts show {case.number}",
        )
        context.emit("review.held", page=row.id, review=case.number, why=waits.why)
    if case.kind is ReviewKind.REVIEW:
        # Whoever asked still waits for a reply, and what was settled stays so.
        _replace(
            context,
            row,
            SUPERSEDED,
            lambda draft, one: (
                draft.id < case.number and one.kind is not MessageKind.REPLY and one.marks is None
            ),
        )
    weighed = RecordedSize(
        case.number,
        _database_of(context.state, row),
        case.kind,
        case.prompt,
        ReviewSize.of(case.review),
    )
    drafts.record_size(context.state, weighed, passed=not waiting)


def overtake(context: Context, row: PageRow, thread_id: str) -> None:
    """Drop the reply that waits in a thread for which there is a newer one."""
    _replace(context, row, OVERTAKEN, lambda _, message: message.target == thread_id)


def _replace(
    context: Context, row: PageRow, why: str, is_old: Callable[[DraftRow, OutboxMessage], bool]
) -> None:
    """Drop what is old of the page's waiting drafts."""
    ended = Ended(DraftState.SUPERSEDED, why, context.notion.now)
    for draft in drafts.waiting(context.state, row.id):
        messages = held(context.state, draft.id)
        end(context.state, draft, [one for one in messages if is_old(draft, one)], ended)


def expire(context: Context) -> None:
    """End the drafts that nobody decided on in time."""
    now = context.notion.surely_now
    for draft in drafts.waiting(context.state):
        if now - draft.held_at < EXPIRE_AFTER:
            break  # the oldest come first
        messages = held(context.state, draft.id)
        end(context.state, draft, messages, Ended(DraftState.EXPIRED, EXPIRED, now))
        context.emit("draft.expired", page=draft.page_id, review=draft.id)


def held(state: State, review_id: int) -> list[OutboxMessage]:
    """Return what of a review waits."""
    messages = outbox.messages_of(state, review_id=review_id)
    return [message for message in messages if message.state is DeliveryState.HELD]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a draft, or a part of it, ended: what that is called, why, and when."""

    became: DraftState
    why: str
    at: datetime

    @property
    def event(self) -> Event:
        """What that is to a finding."""
        return Event.REFUSED if self.became is DraftState.REFUSED else Event.UNDECIDED


def end(state: State, draft: DraftRow, messages: Iterable[OutboxMessage], ended: Ended) -> None:
    """Drop messages of a draft; when nothing of it waits any more, that was its end."""
    with state.atomic():
        dropped = [
            message for message in messages if outbox.drop_held(state, message.key, ended.why)
        ]
        for message in dropped:
            if message.raises is not None:
                findings.apply_event(state, message.raises, ended.event, ended.at, ended.why)
                forget_point(state, message.raises)
        if dropped and not held(state, draft.id):
            drafts.close(state, draft.id, ended.became, ended.at, ended.why)
            for kept in findings.kept_of_review(state, draft.id):
                findings.apply_event(state, kept, ended.event, ended.at, ended.why)
            sweeps.record_decision(
                state, draft.page_id, ended.at, "draft", f"{draft.id}: {ended.why}"
            )


def not_said_meanwhile(known: Iterable[FindingRow], session: Session, review: Review) -> Review:
    """Leave out what a person approved, refused or took back while the model was at work.

    `known` are the page's findings as they are now.
    """
    before, known = set(session.earlier), list(known)
    states = {one.id: one.state for one in known}
    gone = [
        one.finding
        for one in session.points
        if states[one.id] not in (CLOSED if one.closed else LIVE)
    ]
    kept = {one.finding.title for one in known if one.state is FindingState.KEPT}
    gone += [one for one in session.kept if one.title not in kept]
    decided = [one.finding for one in findings.ledger(known) if one.finding not in before]
    if not (decided or gone):
        return review
    blocks, summary = session.snapshot.by_id, review.summary

    def is_decided(finding: Finding) -> bool:
        return is_repeat(finding, decided, blocks[finding.block_id])

    for one in [*gone, *filter(is_decided, review.findings)]:
        summary = without_point(summary, one)
    return replace(
        review,
        findings=tuple(one for one in review.findings if not is_decided(one)),
        kept=tuple(one for one in review.kept if not is_decided(one)),
        summary=summary,
    )
