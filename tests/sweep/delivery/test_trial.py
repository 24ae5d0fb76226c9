"""A trial: what differs between the points of two reviews of one text, in pairs and in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.domain.records import Trial, TrialState, TriedPoint
from daemon.domain.values import Severity
from daemon.sweep.delivery.trial import compared, summary
from support.review_values import block, finding


BLOCKING, IMPORTANT, MINOR = Severity
DONE = Trial(None, TrialState.DONE, documents=3, cost_usd=0.404)


def point(before: Severity | None, after: Severity | None) -> TriedPoint:
    return TriedPoint("No owner", "1", "Queues", "https://www.notion.so/1", before, after)


@pytest.mark.parametrize(
    ("points", "same", "said"),
    [
        (
            [*[(None, MINOR)] * 3, *[(MINOR, None)] * 2, (MINOR, BLOCKING)],
            4,
            "3 new points, 2 gone, 1 graver",
        ),
        ([(None, MINOR)], 0, "1 new point"),
        ([(MINOR, None)] * 2, 0, "2 points gone"),
        ([(BLOCKING, MINOR), (IMPORTANT, BLOCKING)], 0, "1 point graver, 1 milder"),
        ([], 2, "the same 2 points"),
        ([], 0, "no points, as before"),
    ],
)
def test_what_differs_is_said_in_numbers(
    points: list[tuple[Severity | None, Severity | None]], same: int, said: str
) -> None:
    trial = replace(DONE, points=tuple(point(*one) for one in points), same=same)
    assert summary(trial) == f"{said}; $0.40"


TEXT = "We use Redis as the queue. We use Redis for the cache."


def test_the_points_of_two_reviews_stand_side_by_side():
    blocks = [block("b", TEXT), block("c", "Rollback is not planned.")]
    queue = finding("b", "Redis as the queue", "Say why not Postgres.", Severity.MINOR)
    cache = finding("b", "for the cache", "Who pays for the memory?")
    graver = finding("b", "the queue", "Whose queue is it?", Severity.BLOCKING)
    rollback = finding("c", "Rollback is not planned", "Plan it.")
    found = compared([queue, cache], [rollback, graver], blocks)
    assert found.same == found.moved == ((queue, graver),)
    assert found.new == (rollback,)
    assert found.lost == (cache,)


def test_a_point_is_the_same_as_one_other_point_at_most():
    one = finding("b", "Redis as the queue", "Say why not Postgres.")
    found = compared([one], [one, one], [block("b", TEXT)])
    assert (len(found.same), len(found.new), found.lost) == (1, 1, ())
