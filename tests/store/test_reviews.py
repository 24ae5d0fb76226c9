"""What reviews read and cost is kept for as long as it may be looked back at."""

from __future__ import annotations

from datetime import date, timedelta

from daemon.domain.values import Outcome, Review, ReviewKind, Usage
from daemon.store import reviews, sweeps
from daemon.store.reviews import ReviewedLine, ReviewedText
from support.states import NOW, page_row


USAGE = Usage(1, 100, 0, 10, 0.001)
REVIEW = Review(Outcome.DONE, (), (), {}, "", (), "offline", Usage())


def text(words):
    return ReviewedText("RFC", (("Status", "Ready"),), (ReviewedLine("b1", "to_do", 2, words),))


def review(db, page, days, words):
    named = {"prompt": "p1", "content_hash": words, "sweep_id": None, "at": NOW - timedelta(days)}
    number = reviews.add(db, page_row(page).id, REVIEW, kind=ReviewKind.REVIEW, **named)
    reviews.save_text(db, number, page_row(page).id, text(words), NOW - timedelta(days))
    return number


def test_a_text_comes_back_as_it_was_kept(db):
    number = review(db, 1, 0, "Größe; “so”\n| it |")
    assert reviews.text(db, number) == text("Größe; “so”\n| it |")
    assert reviews.text(db, number + 1) is None


def test_the_text_before_is_of_the_same_page(db):
    first, other, second = (
        review(db, 1, 3, "a"),
        review(db, 2, 2, "of another"),
        review(db, 1, 1, "b"),
    )
    assert reviews.text_before(db, page_row(1).id, second) == text("a")
    assert reviews.text_before(db, page_row(1).id, first) is None
    assert reviews.text_before(db, page_row(2).id, other) is None


def test_old_texts_go_and_the_last_of_each_page_stays(db):
    old, last = review(db, 1, 200, "old"), review(db, 1, 150, "last")
    lone, fresh, newest = (
        review(db, 2, 300, "gone"),
        review(db, 2, 89, "fresh"),
        review(db, 2, 1, "newest"),
    )
    sweeps.prune(db, NOW)
    kept = [number for number in (old, last, lone, fresh, newest) if reviews.text(db, number)]
    assert kept == [last, fresh, newest]
    assert [step.review_id for step in reviews.recent(db, page_row(1).id, 10)] == [last, old]


def test_pages_are_forgotten_after_a_while_and_what_they_cost_is_not(db):
    day, later = date(2026, 8, 1), date(2026, 8, 2)
    for page in ("a", "b"):
        for on in (day, later):
            reviews.record_spending(
                db, reviews.reserve_spending(db, on, page, "offline", USAGE), USAGE
            )
    reviews.reserve_spending(db, day, "a", "offline", USAGE)
    reviews.merge_spending(db, later)
    assert reviews.spent(db, day) == USAGE + USAGE
    assert reviews.spent(db, day, page_id="a") == Usage()
    assert reviews.spent(db, later, page_id="a") == USAGE
    assert reviews.spent(db, day - timedelta(days=9), later).requests == 4
