"""Which reviews wait for a person before they are posted, and what ends that without one."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlite_utils import Database as State

from daemon.config import Approve, Database
from daemon.sweep.context import Context
from daemon.domain.values import Load, Review
from daemon.domain.findings import Event
from daemon.review import outliers as brake
from daemon.review.repeats import repeats
from daemon.sweep.reviewing import Session
from daemon.store import database, drafts, findings, sweeps as ledger, pages, reviews
from daemon.store.drafts import Draft, DraftState, Weighed
from daemon.store.pages import PageRow
from daemon.store.reviews import Kind, Letter, Sending


# Nobody reads a week-old remark on a text that went on.
EXPIRE_AFTER = timedelta(days=7)
EXPIRED = f"expired: nobody approved it within {EXPIRE_AFTER.days} days"
SUPERSEDED = "a newer review takes its place"
OVERTAKEN = "a newer answer takes its place"
# Reviews that the brake looks back on.
LOOKS_BACK = 1_000
_SEED = "sample seed"


@dataclass(frozen=True, slots=True)
class Waits:
    """Why comments, the summary among them, and replies of a review wait; "" where they do not."""

    comments: str = ""
    replies: str = ""

    @property
    def why(self) -> str:
        """Both reasons in words, each once."""
        return "; ".join(dict.fromkeys(filter(None, (self.comments, self.replies))))

    def letter(self, letter: Letter) -> Letter:
        """Return a letter as it goes into the outbox."""
        why = self.replies if letter.kind is Kind.REPLY else self.comments
        return replace(letter, state=Sending.HELD, note=why) if why else letter


@dataclass(frozen=True, slots=True)
class Case:
    """A review that is stored under a number: of which kind, under which prompt, of what text."""

    number: int
    kind: str
    prompt: str
    content: str
    review: Review


def judge(context: Context, row: PageRow, case: Case) -> Waits:
    """Decide what of a review waits."""
    base = _settings(context, row)
    if base is None or base.approve is Approve.NONE:
        waits = Waits()
    elif base.approve is Approve.ALL:
        waits = Waits("approve: all", "approve: all")
    else:
        waits = _unusual(context.state, row, case)
    share = base.approve_sample if base else 0.0
    if waits.comments or case.kind != "review" or not share:
        return waits
    if brake.is_drawn(_seed(context.state), row.id, case.content, share):
        return replace(waits, comments=f"drawn for a look, approve_sample: {share:g}")
    return waits


def _settings(context: Context, row: PageRow) -> Database | None:
    source = pages.source(context.state, row.source_id)
    ids = {source.id, source.database_id} if source else set()
    return next((base for base in context.config.databases if base.id in ids), None)


def _unusual(state: State, row: PageRow, case: Case) -> Waits:
    """Measure a review by its database; people get their answers unless those are the flood."""
    base = _database_of(state, row)
    history = drafts.passed(state, base, case.kind, LOOKS_BACK)
    limit = brake.usual(history, drafts.passed_under(state, base, case.prompt))
    found = brake.excess(Load.of(case.review), limit)
    if case.kind == "reply":
        return Waits(replies="; ".join(found.values()))
    replies = found.pop("replies", "")
    return Waits("; ".join(found.values()), replies)


def _database_of(state: State, row: PageRow) -> str:
    source = pages.source(state, row.source_id)
    return source.database_id if source else row.source_id


def _seed(state: State) -> str:
    """Return what the draws of this state depend on, made when it is first asked for."""
    seed = database.fact(state, _SEED)
    if seed is None:
        seed = secrets.token_hex(16)
        database.remember(state, _SEED, seed)
    return seed


def file(
    context: Context, row: PageRow, case: Case, waits: Waits, letters: Iterable[Letter]
) -> None:
    """Begin the draft of a review that waits, end those that it replaces, and weigh it.

    Part of the transaction that stores the review, before what it read takes the place of what
    was said something about before.
    """
    now, something = context.notion.now, bool(list(letters))
    waiting = (waits.comments and something) or (waits.replies and case.review.replies)
    if waiting:
        drafts.begin(context.state, case.number, row.id, waits.why, now)
        ledger.decide(
            context.state,
            row.id,
            now,
            "held",
            f"{waits.why}; notion-review drafts show {case.number}",
        )
        context.tell("review.held", page=row.id, review=case.number, why=waits.why)
    if case.kind == "review":
        _supersede(context, row, case.number)
    weighed = Weighed(
        case.number, _database_of(context.state, row), case.kind, case.prompt, Load.of(case.review)
    )
    drafts.weigh(context.state, weighed, passed=not waiting)


def _supersede(context: Context, row: PageRow, number: int) -> None:
    """End the page's earlier drafts; replies stay, whoever asked still waits for them."""
    ended = Ended(DraftState.SUPERSEDED, SUPERSEDED, context.notion.now)
    for draft in drafts.waiting(context.state, row.id):
        if draft.id < number:
            letters = held(context.state, draft.id)
            comments = [letter for letter in letters if letter.kind is not Kind.REPLY]
            end(context.state, draft, comments, ended)


def overtake(context: Context, row: PageRow, thread_id: str) -> None:
    """Drop the reply that waits in a thread for which there is a newer one."""
    ended = Ended(DraftState.SUPERSEDED, OVERTAKEN, context.notion.now)
    for draft in drafts.waiting(context.state, row.id):
        letters = held(context.state, draft.id)
        end(context.state, draft, [one for one in letters if one.target == thread_id], ended)


def expire(context: Context) -> None:
    """End the drafts that nobody decided on in time."""
    now = context.notion.now
    for draft in drafts.waiting(context.state):
        if now - draft.held_at < EXPIRE_AFTER:
            break  # the oldest come first
        letters = held(context.state, draft.id)
        end(context.state, draft, letters, Ended(DraftState.EXPIRED, EXPIRED, now))
        context.tell("draft.expired", page=draft.page_id, review=draft.id)


def held(state: State, review_id: int) -> list[Letter]:
    """Return what of a review waits."""
    letters = reviews.letters_of(state, review_id=review_id)
    return [letter for letter in letters if letter.state is Sending.HELD]


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


def end(state: State, draft: Draft, letters: Iterable[Letter], ended: Ended) -> None:
    """Drop letters of a draft; when nothing of it waits any more, that was its end."""
    with state.atomic():
        dropped = [letter for letter in letters if drafts.drop(state, letter.key, ended.why)]
        for letter in dropped:
            if letter.finding_id is not None:
                findings.happened(state, letter.finding_id, ended.event, ended.at, ended.why)
        if dropped and not held(state, draft.id):
            drafts.settle(state, draft.id, ended.became, ended.at, ended.why)
            ledger.decide(state, draft.page_id, ended.at, "draft", f"{draft.id}: {ended.why}")


def not_said_meanwhile(context: Context, session: Session, review: Review) -> Review:
    """Leave out what a person approved, or refused, while the model was at work on the page."""
    known = set(session.earlier)
    now = findings.ledger(context.state, session.snapshot.page.id)
    decided = [entry.finding for entry in now if entry.finding not in known]
    if not decided:
        return review
    blocks = session.snapshot.by_id
    kept = [one for one in review.findings if not repeats(one, decided, blocks[one.block_id])]
    return replace(review, findings=tuple(kept))
