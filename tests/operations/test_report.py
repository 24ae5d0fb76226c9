"""What the last week is told of: alerts that begin beyond chance and are over with the numbers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.domain.findings import Event
from daemon.domain.records import MessageKind, OutboxMessage, SourceRow
from daemon.domain.values import Finding, Outcome, Review, ReviewKind, Severity, Usage
from daemon.operations import report
from daemon.store import findings, outbox, pages, reviews, sweeps
from daemon.store.database import copy_in_memory
from support.small_state import DAY, ID, NOW, row


BEGAN = NOW - 60 * DAY


@pytest.fixture
def state():
    """The small state in memory: sixty days are written into it."""
    db = copy_in_memory(Path("there is none"))
    pages.save_source(db, SourceRow("s", ID, "RFCs", NOW, checkpoint=NOW, last_ok=NOW))
    yield db
    db.close()


@pytest.fixture
def history(context):
    """Days that can be filled, with an old first review; sweeps that look at them."""
    pages.save(context.state, [row(str(number)) for number in range(9)])
    return History(context)


class History:
    def __init__(self, context):
        self.context, self.state, self.settled = context, context.state, 0
        self.review(BEGAN - 9 * DAY)

    def review(self, at, *, page="0", cost=0.0, words="t", comments=0):
        made = Review(Outcome.DONE, (), (), (), "", (), "m", Usage(1, 9, 3, 2, cost))
        values = {"kind": ReviewKind.REVIEW, "prompt": "p", "content_hash": "", "sweep_id": None}
        number = reviews.add(self.state, page, made, at=at, **values)
        if cost:
            key = reviews.reserve_spending(self.state, at.date(), page, "m", made.usage)
            reviews.record_spending(self.state, key, made.usage)
        for at_most in range(comments):
            point = Finding("b", "q", words, Severity.MINOR)
            one = findings.add(self.state, number, page, point, at, section="Rollout")
            message = OutboxMessage(
                f"{number}:{at_most}", page, MessageKind.FINDING, "b", "b", "", "", at, number, one
            )
            outbox.add(self.state, [message])
            outbox.mark_posted(self.state, message, "c" + message.key, None, at)
        return number

    def settle(self, at, event):
        number = self.review(at, page=str(self.settled % 9))
        point = Finding("b", "q", "t", Severity.MINOR)
        findings.apply_event(
            self.state, findings.add(self.state, number, "0", point, at), event, at
        )
        self.settled += 1

    def watch(self, now):
        """Sweep on a day; return the alerts that stand."""
        before = len(self.context.said)
        self.context.notion = SimpleNamespace(now=now)
        report.watch(self.context)
        self.said = self.context.said[before:]
        return {one["name"]: one["text"] for one in sweeps.alerts(self.state)}


def days(first, count):
    return [first + number * DAY for number in range(count)]


def test_a_surge_of_reviews_is_raised_once_and_is_over_when_it_is_over(history):
    for day in days(BEGAN, 60):
        for number in range(12 if timedelta(days=20) <= NOW - day < timedelta(days=27) else 2):
            history.review(day, page=str(number % 9))
    stood = [bool(history.watch(day)) for day in days(BEGAN + 30 * DAY, 35)]
    begun, ended = stood.index(True), len(stood) - stood[::-1].index(True)
    assert stood[begun:ended] == [True] * (ended - begun)  # it does not come and go
    assert 1 <= begun - 3 <= 6  # the days on which there is surely more
    assert ended < 17  # and a week later there is not
    assert [event for event, _ in history.context.said] == ["alert.raised", "alert.over"]
    assert "reviews (14.00 a week before)" in history.context.said[0][1]["text"]
    assert "comments" not in history.context.said[0][1]["text"]


def test_comments_and_cost_surge_by_themselves(history):
    for day in days(BEGAN, 60):
        late = NOW - day < timedelta(days=8)
        for number in range(4):
            history.review(
                day, page=str(number), cost=0.5 if late else 0.1, comments=3 if late else 1
            )
    text = history.watch(NOW)["surge"]
    assert "84 comments (28.00 a week before)" in text
    assert "$14.00 (2.80 a week before)" in text
    assert "reviews" not in text


def test_a_topic_that_surges_is_in_the_alert(history):
    for day in days(BEGAN, 60):
        late = NOW - day < timedelta(days=8)
        words = "Left open: a TODO" if late and day.day % 2 else "Which region?"
        history.review(day, page=str(day.day % 9), comments=2, words=words)
    assert (
        "findings about Unfinished: 8 of 14 on 4 pages, 0 of 56 before"
        in (history.watch(NOW)["surge"])
    )


def test_small_numbers_and_a_new_reviewer_raise_nothing(context, history):
    for number in range(15):
        history.review(NOW - timedelta(hours=30 + number), page=str(number % 9), comments=1)
    assert history.watch(NOW) == {}  # fifteen in a week after none are no surge
    context.state.execute("DELETE FROM reviews WHERE at < ?", ["2026-11-01"])
    for number in range(40):
        history.review(NOW - timedelta(hours=30 + number), page=str(number % 9), comments=1)
    assert history.watch(NOW + DAY) == {}


def test_the_week_is_looked_at_once_a_day(history):
    assert history.watch(NOW) == {}
    for number in range(99):
        history.review(NOW - timedelta(hours=30 + number), page=str(number % 9))
    assert history.watch(NOW + timedelta(hours=3)) == {}
    assert "surge" in history.watch(NOW + timedelta(hours=13))


def test_a_falling_share_of_addressed_findings_is_raised_once_and_over_when_it_is_back(history):
    for day in days(BEGAN, 75):
        bad = timedelta(days=24) <= day - BEGAN < timedelta(days=40)
        for number in range(4):
            history.settle(day, Event.TURNED_DOWN if bad or number == 3 else Event.FIXED)
    stood = [history.watch(day) for day in days(BEGAN + 30 * DAY, 45)]
    names = ["fewer addressed" in one for one in stood]
    begun, ended = names.index(True), len(names) - names[::-1].index(True)
    assert names[begun:ended] == [True] * (ended - begun)
    assert begun == 0
    assert ended < 18
    told = [facts["alert"] for _, facts in history.context.said]
    assert told == ["fewer addressed", "fewer addressed"]
    assert "of 28 settled ones in the week before 2026-10-21" in stood[0]["fewer addressed"]
    assert set().union(*stood) == {"fewer addressed"}


def test_few_settled_findings_raise_nothing(history):
    for day in days(BEGAN, 60):
        history.settle(day, Event.FIXED if NOW - day > 8 * DAY else Event.TURNED_DOWN)
    assert history.watch(NOW) == {}  # seven in the week
