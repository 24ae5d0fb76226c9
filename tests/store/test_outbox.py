"""Messages in the state: each once, its states in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain import records
from daemon.domain.records import DeliveryState, MessageKind, OutboxMessage
from daemon.domain.values import Finding, Outcome, Review, ReviewKind, Severity, Usage
from daemon.store import findings, outbox, reviews
from support.states import NOW, page_row


PAGE = page_row(1)
FINDING = Finding("block", "the quote", "What then?", Severity.IMPORTANT)
REVIEW = Review(Outcome.DONE, (FINDING,), (), (), "Summary.", (), "offline", Usage(1, 2, 0, 3, 0.5))
LETTER = OutboxMessage(
    "key", PAGE.id, MessageKind.FINDING, "block", "block", "body", "RFC reviewer", NOW
)


def only(db):
    (message,) = outbox.undelivered(db)
    return message


def test_a_message_comes_out_as_it_went_in(db):
    times = dict.fromkeys(("posted_at", "sent_at", "asked_at", "retracted_at", "lost_at"), NOW)
    told = {"note": "why", "comment_id": "c1", "last_seen": "c2", "person": "ana"}
    full = replace(LETTER, review_id=3, finding_id=4, attempts=2, **times, **told)
    outbox.add(db, [full])
    assert outbox.undelivered(db) == [full]


def test_s1_the_same_message_cannot_enter_twice_whatever_became_of_it(db):
    outbox.add(db, [LETTER])
    outbox.mark_posted(db, LETTER, "comment", "thread", NOW)
    outbox.add(db, [replace(LETTER, body="in other words")])
    assert outbox.undelivered(db) == []


@pytest.mark.parametrize("state", DeliveryState)
def test_a_message_is_open_until_it_is_posted_dropped_or_held_for_approval(db, state):
    outbox.add(db, [LETTER])
    outbox.set_state(db, LETTER.key, state)
    closed = (DeliveryState.POSTED, DeliveryState.DROPPED, DeliveryState.HELD)
    assert bool(outbox.undelivered(db)) == (state not in closed)


def test_replies_come_first_then_the_oldest(db):
    late = NOW + timedelta(minutes=1)
    outbox.add(
        db,
        [
            replace(LETTER, key="late", created_at=late),
            replace(LETTER, key="second", finding_id=2),
            replace(LETTER, key="first", finding_id=1),
            replace(LETTER, key="reply", kind=MessageKind.REPLY, created_at=late),
        ],
    )
    assert [message.key for message in outbox.undelivered(db)] == [
        "reply",
        "first",
        "second",
        "late",
    ]


def test_messages_can_be_asked_for_by_page(db):
    outbox.add(db, [LETTER, replace(LETTER, key="other", page_id="page-00002")])
    assert [message.key for message in outbox.undelivered(db, "page-00002")] == ["other"]


def test_a_message_is_claimed_by_one_delivery_only(db):
    outbox.add(db, [LETTER])
    seen = only(db)
    assert outbox.claim(db, seen)
    assert not outbox.claim(db, seen)
    claimed = only(db)
    assert (claimed.state, claimed.attempts, claimed.sent_at) == (DeliveryState.SENDING, 1, None)
    outbox.record_attempt(db, claimed, NOW)
    assert only(db) == replace(claimed, sent_at=NOW)


def test_a_message_that_came_back_meanwhile_is_not_claimed_by_who_saw_it_before(db):
    outbox.add(db, [LETTER])
    seen = only(db)
    assert outbox.claim(db, seen)
    outbox.set_state(db, LETTER.key, DeliveryState.INTENT, "429")
    assert not outbox.claim(db, seen)
    assert outbox.claim(db, only(db))
    assert only(db).attempts == 2


def test_a_note_stays_until_there_is_a_new_one(db):
    outbox.add(db, [LETTER])
    outbox.set_state(db, LETTER.key, DeliveryState.UNCLEAR, "503")
    outbox.set_state(db, LETTER.key, DeliveryState.INTENT)
    assert only(db).note == "503"


def test_a_posted_finding_knows_its_thread(db):
    named = {"prompt": "p", "content_hash": "h", "sweep_id": None, "at": NOW}
    review = reviews.add(db, PAGE.id, REVIEW, kind=ReviewKind.REVIEW, **named)
    message = replace(LETTER, finding_id=findings.add(db, review, PAGE.id, FINDING, NOW))
    outbox.add(db, [message])
    outbox.mark_posted(db, message, "comment-1", "thread-1", NOW)
    assert findings.of_page(db, PAGE.id)[0].discussion_id == "thread-1"
    assert outbox.posted_comment_ids(db, PAGE.id) == {"comment-1"}
    assert outbox.posted_comment_ids(db, "page-00002") == set()


@pytest.mark.parametrize(
    ("states", "counted"),
    [
        ([], {"pending": 0, "unclear": 0}),
        (["intent", "intent", "posted", "dropped"], {"pending": 2, "unclear": 0}),
        (["sending", "unclear", "intent"], {"pending": 1, "unclear": 2}),
    ],
)
def test_waiting_and_unclear_messages_are_counted(db, states, counted):
    for number, state in enumerate(states):
        outbox.add(db, [replace(LETTER, key=str(number), state=DeliveryState(state))])
    assert outbox.counts(db) == counted


def test_replies_are_taken_up_again_when_their_thread_is_open_again(db):
    dropped = {
        "kind": MessageKind.REPLY,
        "state": DeliveryState.DROPPED,
        "note": records.THREAD_CLOSED,
    }
    outbox.add(
        db,
        [
            replace(LETTER, key="taken up", target="thread-1", **dropped),
            replace(LETTER, key="another thread", target="thread-2", **dropped),
            replace(LETTER, key="another reason", target="thread-1", **dropped | {"note": "400"}),
            replace(
                LETTER, key="stands", target="thread-1", **dropped | {"state": DeliveryState.POSTED}
            ),
        ],
    )
    outbox.reopen_replies(db, PAGE.id, ["thread-1"])
    assert [(one.key, one.state) for one in outbox.undelivered(db)] == [
        ("taken up", DeliveryState.UNCLEAR)
    ]


@pytest.mark.parametrize(
    ("state", "note", "counted"),
    [
        (DeliveryState.INTENT, None, 1),
        (DeliveryState.POSTED, None, 1),
        (DeliveryState.DROPPED, records.THREAD_CLOSED, 1),
        (DeliveryState.DROPPED, "400", 0),
        (DeliveryState.DROPPED, None, 0),
    ],
)
def test_an_answer_counts_that_may_still_be_posted(db, state, note, counted):
    asked = replace(LETTER, kind=MessageKind.REPLY, person="ana", state=state, note=note)
    outbox.add(db, [asked])
    assert outbox.answers_to(db, "ana", NOW) == counted
    assert outbox.answers_to(db, "ana", NOW + timedelta(days=1)) == 0
    assert outbox.answers_to(db, "ben", NOW) == 0


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({}, ["a", "b", "c"]),
        ({"page_id": "page-00002"}, ["b"]),
        ({"review_id": 7}, ["b", "c"]),
        ({"page_id": PAGE.id, "review_id": 7}, ["c"]),
    ],
)
def test_all_messages_of_a_page_or_a_review_are_listed_the_oldest_first(db, asked, keys):
    minute = timedelta(minutes=1)
    outbox.add(
        db,
        [
            replace(LETTER, key="c", review_id=7, created_at=NOW + 2 * minute),
            replace(LETTER, key="a", state=DeliveryState.DROPPED),
            replace(LETTER, key="b", page_id="page-00002", review_id=7, created_at=NOW + minute),
        ],
    )
    assert [message.key for message in outbox.messages_of(db, **asked)] == keys


def summary(key, minute, **values):
    fields = {"kind": MessageKind.SUMMARY, "target": PAGE.id, "finding_id": None}
    at = NOW + timedelta(minutes=minute)
    return replace(LETTER, key=key, body=key, created_at=at, **fields | values), at


def post(db, message, at, comment_id):
    outbox.add(db, [message])
    outbox.mark_posted(db, message, comment_id, "thread", at)


def test_the_summary_that_stands_is_the_newest_with_its_last_edit(db):
    assert outbox.summaries(db, PAGE.id) == []
    post(db, *summary("first", 1), "c1")
    assert outbox.summaries(db, PAGE.id) == [("c1", "first")]
    post(db, *summary("first, edited", 2, kind=MessageKind.EDIT, target="c1"), "c1")
    assert outbox.summaries(db, PAGE.id) == [("c1", "first, edited")]
    post(db, *summary("second", 3), "c2")
    assert outbox.summaries(db, PAGE.id) == [("c2", "second"), ("c1", "first, edited")]


def test_of_two_summaries_posted_in_one_second_that_of_the_later_review_is_the_newest(db):
    for number in (9, 10):
        message, _ = summary(f"summary:{number}", 1)
        post(db, replace(message, review_id=number), NOW, f"c{number}")
    assert [comment for comment, _ in outbox.summaries(db, PAGE.id)] == ["c10", "c9"]


def test_a_summary_that_is_not_posted_does_not_stand(db):
    outbox.add(db, [summary("first", 1)[0]])
    assert outbox.summaries(db, PAGE.id) == []
