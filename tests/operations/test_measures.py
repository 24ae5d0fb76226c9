"""Scripted reviewers whose recall and noise are known: the measures find them again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from daemon.domain.findings import FindingState
from daemon.domain.values import Finding, Outcome, Review, Severity, Snapshot, Usage
from daemon.operations.evaluation import Case, Document, cases, result_of
from daemon.operations.measures import (
    BETTER,
    CANNOT_TELL,
    WORSE,
    Point,
    Result,
    compare,
    is_same,
    measures,
    overall,
    result_as_json,
    result_from,
    severities,
)
from daemon.operations.planted import Defect
from support.offline_markdown import snapshot
from support.places import ROOT


BUILT_IN = ROOT / "daemon/operations/documents"
HANDFUL, HUNDRED = range(20), range(100)


def in_seeds(most: int) -> list[object]:
    """A handful of seeds here, a hundred in `make test-real`."""
    return [
        pytest.param(HANDFUL, most * len(HANDFUL) // 100),
        pytest.param(HUNDRED, most, marks=pytest.mark.real),
    ]


def read(path: Path, title: str = "") -> Snapshot:
    return snapshot(path.read_text("utf-8").split("---\n", 2)[2], title)


@cache
def all_cases() -> Sequence[Case]:
    """The built-in documents, three times, with other defects each time."""
    return [
        case
        for seed in range(3)
        for path in sorted(BUILT_IN.glob("*.md"))
        for name in [f"{path.stem} {seed}"]
        for case in cases([Document(name, read(path, name))], seed, 1)
    ]


def point(block_id: str, quote: str, text: str) -> Finding:
    return Finding(block_id, quote, text, Severity.IMPORTANT)


def scripted(recall: float, noise: float, seed: int) -> list[Result]:
    """Let a reviewer see each defect with a chance, and besides say so much of any document."""
    rng = random.Random(seed)

    def review(case: Case) -> Result:
        blocks = [one for one in case.snapshot.blocks if one.plain]
        made = []
        if case.planted and rng.random() < recall:
            place = min(case.planted.places & case.snapshot.by_id.keys())
            words = case.snapshot.by_id[place].plain[:20]
            made.append(point(place, words, "This contradicts what stands elsewhere."))
        if rng.random() < noise:
            block = rng.choice(blocks)
            made.append(point(block.id, block.plain[:20], f"Who wants {rng.random()}?"))
        return result_of(case, reviewed(made))

    return [review(case) for case in all_cases()]


def reviewed(made: Sequence[Finding]) -> Review:
    return Review(Outcome.DONE, tuple(made), (), {}, "", (), "scripted", Usage())


def seeds_in_which(holds: Callable[[int], bool], seeds: range) -> int:
    return sum(map(holds, seeds))


@pytest.mark.parametrize(("seeds", "least"), in_seeds(95))
def test_the_intervals_hold_the_true_recall_and_noise(seeds: range, least: int) -> None:
    def holds(seed: int) -> bool:
        found = measures(scripted(0.6, 0.3, seed))
        recall, noise = found["recall"], found["false_points"]
        # A block that is hit by chance is a defect found; so rarely that it may count as recall.
        return recall.low <= 0.6 <= recall.high and noise.low <= 0.3 <= noise.high

    assert seeds_in_which(holds, seeds) >= least


@pytest.mark.parametrize(("seeds", "least"), in_seeds(95))
def test_a_worse_prompt_is_called_worse_and_the_other_one_better(seeds: range, least: int) -> None:
    def holds(seed: int) -> bool:
        worse, other = scripted(0.35, 0.3, seed), scripted(0.7, 0.3, seed + 1000)
        return overall(compare(worse, other)) == WORSE and overall(compare(other, worse)) == BETTER

    assert seeds_in_which(holds, seeds) >= least


@pytest.mark.parametrize(("seeds", "least"), in_seeds(95))
def test_an_equal_prompt_is_called_neither(seeds: range, least: int) -> None:
    def holds(seed: int) -> bool:
        found = compare(scripted(0.6, 0.3, seed), scripted(0.6, 0.3, seed + 1000))
        return overall(found) == CANNOT_TELL

    assert seeds_in_which(holds, seeds) >= least


def test_a_reviewer_that_finds_all_and_says_nothing_else_is_measured_so() -> None:
    found = measures(scripted(1.0, 0.0, 1))
    assert {found["recall"].value, found["right_place"].value, found["clean"].value} == {1.0}
    assert found["false_points"].value == 0.0
    assert {name for name in found if name.startswith("recall.")} == {
        f"recall.{kind}" for kind in Defect
    }
    told = severities(scripted(1.0, 0.0, 1))
    assert told["true"] == {"blocking": 0, "important": found["recall"].n, "minor": 0}
    assert told["false"] == {"blocking": 0, "important": 0, "minor": 0}


def test_a_point_that_the_untouched_document_gets_too_finds_no_defect() -> None:
    twin, *planted = list(cases([Document("d", read(BUILT_IN / "event-bus.md"))], 1, 1))
    number = next(case for case in planted if case.planted.kind is Defect.NUMBER)
    place = number.document.snapshot.by_id[min(number.planted.places)]
    same = reviewed([point(place.id, place.plain[:30], "Say how this was measured at all.")])
    other = reviewed([point(place.id, place.plain[:30], "Elsewhere stands another number.")])
    before = result_of(twin, same)
    assert measures([before, result_of(number, same)])["recall"].value == 0.0
    assert measures([before, result_of(number, other)])["recall"].value == 1.0


def result(document: str, count: int, **more: object) -> Result:
    made = tuple(Point(n, 0, 5, Severity.MINOR) for n in range(count))
    return replace(Result("k", f"c {document}", document, None, 0, made), **more)


def test_what_authors_changed_later_is_held_against_blocks_at_large() -> None:
    good, bad = (Point(1, 0, 5, Severity.MINOR, has_changed=told) for told in (True, False))
    draft = result("d", 0, points=(good, good, bad), changed=5, blocks=20)
    found = measures([draft, replace(draft, document="e", points=(good,))])
    assert (found["hindsight"].part, found["hindsight"].n) == (3, 4)
    assert found["changed_blocks"].value == 0.25
    assert found["lift"].value == pytest.approx(3 / (4 * 0.25))
    # A draft has defects of its own: what is said of it is not false.
    assert "false_points" not in found


def test_settled_points_count_by_how_they_were_settled() -> None:
    states = ((FindingState.ADDRESSED, True), (FindingState.DISMISSED, False))
    found = measures([result("d", 0, settled=states)])
    assert (found["again.addressed"].value, found["again.dismissed"].value) == (1.0, 0.0)
    assert "again.resolved" not in found


def test_repeated_runs_are_the_same_as_far_as_their_points_are() -> None:
    one, other = result("d", 4), result("d", 3, turn=1)
    found = measures([one, other])["sameness"]
    assert (found.part, found.n) == (3, 4)
    assert measures([one, other])["false_points"].value == 4.0


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Point(1, 5, 15, Severity.MINOR, frozenset({1, 2, 3, 9})), True),
        (Point(1, 5, 15, Severity.MINOR, frozenset({7, 8, 9})), False),
        (Point(1, 50, 60, Severity.MINOR, frozenset({1, 2, 3})), True),
        (Point(1, 50, 60, Severity.MINOR, frozenset({1, 7, 8, 9})), False),
        (Point(2, 5, 15, Severity.MINOR, frozenset({1, 2, 3})), False),
    ],
)
def test_two_points_are_the_same_by_place_and_words(other: Point, *, same: bool) -> None:
    assert is_same(Point(1, 0, 10, Severity.MINOR, frozenset({1, 2, 3})), other) is same


def test_only_cases_that_both_runs_have_are_compared() -> None:
    found = compare([result("a", 1), result("b", 1)], [result("a", 2), result("c", 1)])
    assert (found["false_points"].n, found["false_points"].now) == (1, 1.0)


def test_a_result_is_the_same_after_json() -> None:
    one = result("d", 2, defect=Defect.STEP, settled=((FindingState.ADDRESSED, True),))
    assert result_from(result_as_json(one)) == one
