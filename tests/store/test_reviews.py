"""Findings and letters in the state: each letter once, its states in order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from states import NOW, SOURCE, page_row

from daemon.domain.values import Finding, Outcome, Review, Severity, Usage
from daemon.domain.findings import Event, FindingState
from daemon.store import findings, pages, reviews
from daemon.store.database import copy_in_memory
from daemon.store.findings import Step, StoredFinding
from daemon.store.reviews import Kind, Letter, Sending


PAGE = page_row(1)
FINDING = Finding("block", "the quote", "What then?", Severity.IMPORTANT)
REVIEW = Review(Outcome.DONE, (FINDING,), (), (), "Summary.", (), "offline", Usage(1, 2, 0, 3, 0.5))
LETTER = Letter("key", PAGE.id, Kind.FINDING, "block", "block", "body", "RFC reviewer", NOW)


@pytest.fixture
def db():
    with closing(copy_in_memory(Path("there is none"))) as db:
        pages.save_source(db, SOURCE)
        pages.save(db, [PAGE, page_row(2)])
        yield db


@pytest.fixture
def finding_id(db):
    review = reviews.add(
        db, PAGE.id, REVIEW, kind="review", prompt="p", content_hash="h", sweep_id=None, at=NOW
    )
    return findings.record(db, review, PAGE.id, FINDING, NOW)


def only(db):
    (letter,) = reviews.undelivered(db)
    return letter


def test_a_finding_comes_out_as_it_went_in_and_begins_open(db, finding_id):
    stored = StoredFinding(finding_id, FINDING, FindingState.OPEN, None, NOW)
    assert findings.one(db, finding_id) == stored
    assert findings.of_page(db, PAGE.id) == [stored]
    assert findings.of_page(db, "page-00002") == []
    assert findings.one(db, finding_id + 1) is None


def test_each_state_of_a_finding_stays_in_its_history_and_what_changes_nothing_does_not(
    db, finding_id
):
    later = NOW + timedelta(hours=1)
    assert findings.happened(db, finding_id, Event.APPROVED, later) is FindingState.OPEN
    assert findings.happened(db, finding_id, Event.CLOSED, later) is FindingState.RESOLVED
    assert findings.happened(db, finding_id, Event.SPOKEN, later) is FindingState.RESOLVED
    findings.happened(db, finding_id, Event.RETRACTED, later, "review 1")
    assert findings.history(db, finding_id) == [
        Step(NOW, FindingState.OPEN, "made"),
        Step(later, FindingState.RESOLVED, "its thread was resolved or deleted"),
        Step(later, FindingState.RETRACTED, "review 1"),
    ]
    assert [one.state for one in findings.of_page(db, PAGE.id)] == [FindingState.RETRACTED]


def test_a_finding_changes_its_state_and_its_history_or_neither(db, finding_id):
    db.execute("DROP TABLE finding_history")
    with pytest.raises(Exception, match="finding_history"):
        findings.happened(db, finding_id, Event.CLOSED, NOW)
    assert findings.one(db, finding_id).state is FindingState.OPEN


def test_a_letter_comes_out_as_it_went_in(db):
    full = replace(LETTER, review_id=3, finding_id=4, note="why", attempts=2, sent_at=NOW)
    reviews.intend(db, [full])
    assert reviews.undelivered(db) == [full]


def test_s1_the_same_letter_cannot_enter_twice_whatever_became_of_it(db):
    reviews.intend(db, [LETTER])
    reviews.posted(db, LETTER, "comment", "thread", NOW)
    reviews.intend(db, [replace(LETTER, body="in other words")])
    assert reviews.undelivered(db) == []


@pytest.mark.parametrize("state", Sending)
def test_a_letter_is_open_until_it_is_posted_dropped_or_held_for_approval(db, state):
    reviews.intend(db, [LETTER])
    reviews.mark(db, LETTER.key, state)
    closed = (Sending.POSTED, Sending.DROPPED, Sending.HELD)
    assert bool(reviews.undelivered(db)) == (state not in closed)


def test_replies_come_first_then_the_oldest(db):
    late = NOW + timedelta(minutes=1)
    reviews.intend(
        db,
        [
            replace(LETTER, key="late", created_at=late),
            replace(LETTER, key="second", finding_id=2),
            replace(LETTER, key="first", finding_id=1),
            replace(LETTER, key="reply", kind=Kind.REPLY, created_at=late),
        ],
    )
    assert [letter.key for letter in reviews.undelivered(db)] == [
        "reply",
        "first",
        "second",
        "late",
    ]


def test_letters_can_be_asked_for_by_page(db):
    reviews.intend(db, [LETTER, replace(LETTER, key="other", page_id="page-00002")])
    assert [letter.key for letter in reviews.undelivered(db, "page-00002")] == ["other"]


def test_a_letter_is_claimed_by_one_delivery_only(db):
    reviews.intend(db, [LETTER])
    seen = only(db)
    assert reviews.sending(db, seen)
    assert not reviews.sending(db, seen)
    claimed = only(db)
    assert (claimed.state, claimed.attempts, claimed.sent_at) == (Sending.SENDING, 1, None)
    reviews.begins(db, claimed, NOW)
    assert only(db) == replace(claimed, sent_at=NOW)


def test_a_letter_that_came_back_meanwhile_is_not_claimed_by_who_saw_it_before(db):
    reviews.intend(db, [LETTER])
    seen = only(db)
    assert reviews.sending(db, seen)
    reviews.mark(db, LETTER.key, Sending.INTENT, "429")
    assert not reviews.sending(db, seen)
    assert reviews.sending(db, only(db))
    assert only(db).attempts == 2


def test_a_note_stays_until_there_is_a_new_one(db):
    reviews.intend(db, [LETTER])
    reviews.mark(db, LETTER.key, Sending.UNCLEAR, "503")
    reviews.mark(db, LETTER.key, Sending.INTENT)
    assert only(db).note == "503"


def test_a_posted_finding_knows_its_thread(db, finding_id):
    letter = replace(LETTER, finding_id=finding_id)
    reviews.intend(db, [letter])
    reviews.posted(db, letter, "comment-1", "thread-1", NOW)
    assert findings.of_page(db, PAGE.id)[0].discussion_id == "thread-1"
    assert reviews.own_comments(db, PAGE.id) == {"comment-1"}
    assert reviews.own_comments(db, "page-00002") == set()


@pytest.mark.parametrize(
    ("states", "counted"),
    [
        ([], {"pending": 0, "unclear": 0}),
        (["intent", "intent", "posted", "dropped"], {"pending": 2, "unclear": 0}),
        (["sending", "unclear", "intent"], {"pending": 1, "unclear": 2}),
    ],
)
def test_waiting_and_unclear_letters_are_counted(db, states, counted):
    for number, state in enumerate(states):
        reviews.intend(db, [replace(LETTER, key=str(number), state=Sending(state))])
    assert reviews.outbox_counts(db) == counted


def test_replies_are_taken_up_again_when_their_thread_is_open_again(db):
    dropped = {"kind": Kind.REPLY, "state": Sending.DROPPED, "note": reviews.THREAD_CLOSED}
    reviews.intend(
        db,
        [
            replace(LETTER, key="taken up", target="thread-1", **dropped),
            replace(LETTER, key="another thread", target="thread-2", **dropped),
            replace(LETTER, key="another reason", target="thread-1", **dropped | {"note": "400"}),
            replace(LETTER, key="stands", target="thread-1", **dropped | {"state": Sending.POSTED}),
        ],
    )
    reviews.take_up(db, PAGE.id, ["thread-1"])
    assert [(one.key, one.state) for one in reviews.undelivered(db)] == [
        ("taken up", Sending.UNCLEAR)
    ]


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({}, ["a", "b", "c"]),
        ({"page_id": "page-00002"}, ["b"]),
        ({"review_id": 7}, ["b", "c"]),
        ({"page_id": PAGE.id, "review_id": 7}, ["c"]),
    ],
)
def test_all_letters_of_a_page_or_a_review_are_listed_the_oldest_first(db, asked, keys):
    minute = timedelta(minutes=1)
    reviews.intend(
        db,
        [
            replace(LETTER, key="c", review_id=7, created_at=NOW + 2 * minute),
            replace(LETTER, key="a", state=Sending.DROPPED),
            replace(LETTER, key="b", page_id="page-00002", review_id=7, created_at=NOW + minute),
        ],
    )
    assert [letter.key for letter in reviews.letters_of(db, **asked)] == keys


def summary(key, minute, **values):
    fields = {"kind": Kind.SUMMARY, "target": PAGE.id, "finding_id": None}
    at = NOW + timedelta(minutes=minute)
    return replace(LETTER, key=key, body=key, created_at=at, **fields | values), at


def post(db, letter, at, comment_id):
    reviews.intend(db, [letter])
    reviews.posted(db, letter, comment_id, "thread", at)


def test_the_summary_that_stands_is_the_newest_with_its_last_edit(db):
    assert reviews.summary_comment(db, PAGE.id) is None
    post(db, *summary("first", 1), "c1")
    assert reviews.summary_comment(db, PAGE.id) == ("c1", "first")
    post(db, *summary("first, edited", 2, kind=Kind.EDIT, target="c1"), "c1")
    assert reviews.summary_comment(db, PAGE.id) == ("c1", "first, edited")
    post(db, *summary("second", 3), "c2")
    assert reviews.summary_comment(db, PAGE.id) == ("c2", "second")


def test_a_summary_that_is_not_posted_does_not_stand(db):
    reviews.intend(db, [summary("first", 1)[0]])
    assert reviews.summary_comment(db, PAGE.id) is None
