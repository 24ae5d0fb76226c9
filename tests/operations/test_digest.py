"""A quarter of a team, played day by day beside a ledger that knows what is open and who acted."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.config import Alerts
from daemon.config.network import Proxies
from daemon.config.schedule import last_digest
from daemon.domain.comments import CommentState, Decision
from daemon.domain.findings import Event
from daemon.domain.records import (
    MessageKind,
    OutboxMessage,
    PageRow,
    PageState,
    SourceRow,
    Standing,
)
from daemon.domain.values import (
    Author,
    AuthorKind,
    Comment,
    Finding,
    Outcome,
    Review,
    ReviewKind,
    Severity,
    Thread,
    Usage,
)
from daemon.operations import digest, notify
from daemon.store import findings, outbox, pages, reviews, threads
from daemon.store.database import copy_in_memory
from support.small_state import ID


FIRST = datetime(2026, 9, 28, 6, 0, tzinfo=UTC)  # a Monday; Europe's clocks change in this quarter
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
PEOPLE = [f"Person {letter}" for letter in "ABCDEFGHIJKL"]
DONE = CommentState(Decision.SEEN)


@dataclass
class Doc:
    """A document, and what the ledger knows of it."""

    id: str
    owners: list[str]
    edited: datetime
    standing: Standing = Standing.DRAFT
    standing_since: datetime = FIRST
    spoken: datetime | None = None
    points: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    question: tuple[str, datetime] | None = None
    acts: dict[str, datetime] = field(default_factory=dict)
    is_ours: bool = True

    def open_items(self, now: datetime) -> dict[str, tuple[tuple[str, ...], set[str]]]:
        """Why it is open, with the words, and who of its people has done nothing since."""
        found = {}
        if not self.is_ours:
            return found
        if self.points:
            first = min(at for _, at in self.points.values())
            words = tuple(title for title, _ in sorted(self.points.values(), key=lambda p: p[1]))
            found["blocking"] = words, self.idle(first)
        if self.question:
            found["question"] = (self.question[0],), self.idle(self.question[1])
        last = max(self.edited, self.spoken or self.edited)
        if self.standing is Standing.DRAFT and last <= now - 2 * WEEK:
            found["draft"] = (), set(self.owners)
        if self.standing is Standing.ACCEPTED and self.edited > self.standing_since:
            after = self.standing_since + timedelta(minutes=1)
            found["accepted"] = (), self.idle(after)
        return found

    def idle(self, since: datetime) -> set[str]:
        floor = since.replace(second=0)
        return {one for one in self.owners if self.acts.get(one, FIRST - WEEK) < floor}


class Quarter:
    """Forty documents, twelve people, and whatever the dice say."""

    def __init__(self, context, seed):
        self.context, self.state, self.dice = context, context.state, random.Random(seed)
        self.docs = [
            Doc(f"doc-{n:02}", self.dice.sample(PEOPLE, self.dice.choice([1, 1, 2])), FIRST)
            for n in range(40)
        ]
        self.numbers = iter(range(10**6))
        for doc in self.docs:
            self.edit(doc, doc.owners[0], FIRST)
            self.review(doc, FIRST + timedelta(minutes=30, seconds=5))

    def save(self, doc, **more):
        row = PageRow(
            doc.id, "s", doc.id.upper(), f"https://x/{doc.id}", doc.edited, PageState.DONE
        )
        known = pages.page(self.state, doc.id)
        kept = {"reviewed_at": known.reviewed_at} if known else {}
        pages.save(self.state, [replace(row, **kept | more)])

    def edit(self, doc, by, at, standing=None):
        doc.edited, doc.acts[by] = at, at
        if standing is not None and standing is not doc.standing:
            doc.standing, doc.standing_since = standing, at
        self.save(doc)
        people = [(one, one) for one in doc.owners]
        pages.save_standing(self.state, (doc.id, at), doc.standing, people, by)

    def review(self, doc, at):
        """The reviewer reads it: a new question or none, and some new points."""
        asks = f"Question {next(self.numbers)}?" if self.dice.random() < 0.3 else ""
        made = Review(Outcome.DONE, (), (), (), "", (), "m", Usage(), question=asks)
        values = {"kind": ReviewKind.REVIEW, "prompt": "p", "content_hash": "", "sweep_id": None}
        number = reviews.add(self.state, doc.id, made, at=at, **values)
        self.save(doc, reviewed_at=at)
        doc.question = (asks, at) if asks else None
        self.message(doc, MessageKind.SUMMARY, at, number, None)
        for _ in range(self.dice.choice([0, 0, 1, 2])):
            title, severity = f"Point {next(self.numbers)}", self.dice.choice(list(Severity))
            point = Finding("b", "q", "t", severity, title=title)
            one = findings.add(self.state, number, doc.id, point, at)
            self.message(doc, MessageKind.FINDING, at, number, one)
            if severity is Severity.BLOCKING:
                doc.points[one] = title, at

    def message(self, doc, kind, at, review, finding):
        key = f"{kind}:{review}:{finding}"
        message = OutboxMessage(key, doc.id, kind, "b", "b", "", "", at, review, finding)
        outbox.add(self.state, [message])
        outbox.mark_posted(self.state, message, f"c{key}", f"t{key}", at)

    def comment(self, doc, by, at, *, on_page):
        place = None if on_page else "b"
        author = Author(by, by, AuthorKind.PERSON)
        said = Comment(f"said {next(self.numbers)}", author, at, "x", "x", at)
        thread = Thread(f"talk on {place} of {doc.id}", place, (said,))
        threads.save_thread(self.state, doc.id, thread, {said.id: DONE})
        doc.acts[by], doc.spoken = at, at
        if on_page:
            doc.question = None

    def settle(self, doc):
        if doc.points:
            one = self.dice.choice(list(doc.points))
            how = self.dice.choice([Event.FIXED, Event.TURNED_DOWN, Event.CLOSED, Event.WITHDRAWN])
            findings.apply_event(self.state, one, how, doc.edited)
            del doc.points[one]

    def day(self, day):
        """What people do on a working day, a minute of its own for each act."""
        minutes = sorted(self.dice.sample(range(4 * 60, 11 * 60, 3), self.dice.randint(0, 9)))
        for minute in minutes:
            doc, by = self.dice.choice(self.docs), self.dice.choice(PEOPLE)
            at = day + timedelta(minutes=minute)
            match self.dice.choice(
                ["edit", "edit", "comment", "answer", "settle", "status", "away"]
            ):
                case "edit":
                    self.edit(doc, by, at)
                    self.review(doc, at + timedelta(minutes=1, seconds=7))
                case "comment":
                    self.comment(doc, by, at, on_page=False)
                case "answer":
                    self.comment(doc, by, at, on_page=True)
                case "settle":
                    self.settle(doc)
                case "status":
                    self.edit(doc, by, at, self.dice.choice(list(Standing)))
                case "away":
                    doc.is_ours = not doc.is_ours
                    if doc.is_ours:
                        pages.resume(self.state, doc.id)
                    else:
                        pages.pause(self.state, doc.id, at)


@pytest.fixture
def context(monkeypatch):
    """A sweep's context whose digest goes into a list."""
    state, sent = copy_in_memory(Path("there is none")), []
    pages.save_source(state, SourceRow("s", ID, "RFCs", FIRST, checkpoint=FIRST, last_ok=FIRST))

    async def way(message):
        sent.append(message)

    monkeypatch.setattr(notify, "ways", lambda *_: {"alerts.command": way})
    monkeypatch.setattr(digest, "ROOM", 10**6)
    yield SimpleNamespace(
        state=state,
        config=SimpleNamespace(
            databases=[SimpleNamespace(id=ID)],
            prompts={},
            digest=SimpleNamespace(every="week", on="Mon 09:00", to=["alerts"]),
            schedule=SimpleNamespace(timezone="Europe/Berlin"),
            alerts=Alerts(),
        ),
        notion=SimpleNamespace(now=FIRST),
        emit=lambda *_, **__: None,
        sent=sent,
    )
    state.close()


def sweep(context, now):
    context.notion.now = now
    before = len(context.sent)
    asyncio.run(digest.send(context, Proxies()))
    return context.sent[before:]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_digest_of_a_quarter_names_what_is_open_and_nobody_who_has_acted(context, seed):
    quarter, last, sent = Quarter(context, seed), None, 0
    reasons, spared = set(), 0
    assert sweep(context, FIRST + timedelta(hours=2)) == []  # the first waits for its Monday
    for number in range(1, 92):
        day = FIRST + number * DAY
        if day.weekday() == 0:
            # On Monday at nine in Berlin; hours later a sweep has nothing to add.
            now = last_digest(context.config.digest, "Europe/Berlin", day + timedelta(hours=3))
            assert now.date() == day.date()
            truth = {one.id: why for one in quarter.docs if (why := one.open_items(now))}
            assert sweep(context, now - timedelta(minutes=1)) == []
            messages = sweep(context, now)
            assert len(messages) == (1 if truth and truth != last else 0)
            assert sweep(context, now + timedelta(hours=2)) == []
            sent, last = sent + len(messages), truth
            reasons |= {why for one in truth.values() for why in one}
            spared += sum(not idle for one in truth.values() for _, idle in one.values())
            found = digest.digest(context.state, context.config, now)
            assert {
                one.id: {why.why: (why.words, set(why.people)) for why in one.reasons}
                for one in found
            } == truth
            if messages:
                assert messages[0].words == digest.in_words(found)
        if day.weekday() < 5:
            quarter.day(day)
    assert sent >= 12
    assert reasons == set(digest.Why)
    assert spared > 0  # reasons for which all of the document's people have acted


def test_a_team_that_does_nothing_is_told_once(context):
    quarter = Quarter(context, 4)
    sweep(context, FIRST + timedelta(hours=2))
    mondays = [FIRST + number * WEEK + timedelta(hours=3) for number in range(1, 14)]
    told = [len(sweep(context, now)) for now in mondays]
    # With the second Monday all forty are silent; from then on nothing changes.
    assert told == [1, 1, *[0] * 11]
    first, later = (
        digest.in_words(digest.digest(context.state, context.config, now)) for now in mondays[2:4]
    )
    assert first == later
    assert first.splitlines()[0] == "40 documents are open:"
    assert len(quarter.docs) == 40
