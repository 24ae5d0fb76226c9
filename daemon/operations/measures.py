"""What reviews of known documents tell of a reviewer, and which of two runs is better. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from daemon.domain.findings import FindingState
from daemon.domain.notation import counted
from daemon.domain.values import Severity
from daemon.operations.intervals import Measure, chance_of, mean, ratio, share
from daemon.operations.planted import Defect


@dataclass(frozen=True, slots=True)
class Point:
    """A posted finding, without the words of the document.

    Attributes:
        block: The number of its block in the untouched document.
        start: Where its quote begins in the block's plain text.
        end: Where it ends.
        severity: Its severity.
        words: What its title and text say, as numbers that stand for words.
        is_about_defect: Whether it stands on the place of the planted defect, or names it.
        has_changed: Whether the author changed its block later; None where that is not known.
    """

    block: int
    start: int
    end: int
    severity: Severity
    words: frozenset[int] = frozenset()
    is_about_defect: bool = False
    has_changed: bool | None = None


# Words that two points have in common, of all that they say: enough alone, and where they quote
# the same words of the document.
_ALIKE, _ALIKE_ON_ONE_QUOTE = 0.5, 0.2


def is_same(one: Point, other: Point) -> bool:
    """Return whether two reviews of a document make the same point."""
    if one.block != other.block:
        return False
    said = one.words | other.words
    alike = len(one.words & other.words) / len(said) if said else 1.0
    shares_quote = one.start < other.end and other.start < one.end
    return alike >= (_ALIKE_ON_ONE_QUOTE if shares_quote else _ALIKE)


@dataclass(frozen=True, slots=True)
class Result:
    """One review of an evaluation.

    Attributes:
        key: Tells the review from all others: document, defect, turn, prompt, models, settings.
        case: Tells the document with its defect and its turn; the same under another prompt.
        document: The document's name.
        defect: What was planted; None for the untouched document.
        turn: How often the same was reviewed before.
        points: What was posted.
        outcome: How the review ended.
        model: The model that answered.
        cost_usd: What it cost, in US dollars.
        seconds: How long it took.
        tokens: Tokens in and out.
        changed: Blocks that the author changed later.
        blocks: Blocks that say something; 0 where no later text is known.
        settled: Earlier points that were settled: how, and whether this review makes them again.
    """

    key: str
    case: str
    document: str
    defect: Defect | None
    turn: int
    points: tuple[Point, ...]
    outcome: str = ""
    model: str = ""
    cost_usd: float = 0.0
    seconds: float = 0.0
    tokens: int = 0
    changed: int = 0
    blocks: int = 0
    settled: tuple[tuple[FindingState, bool], ...] = ()


def result_as_json(result: Result) -> dict[str, Any]:
    """Return a result as JSON holds it."""
    points = [asdict(one) | {"words": sorted(one.words)} for one in result.points]
    return asdict(result) | {"points": points}


def result_from(told: Mapping[str, Any]) -> Result:
    """Read what `result_as_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: It is something else.
    """
    points = tuple(
        Point(**one | {"severity": Severity(one["severity"]), "words": frozenset(one["words"])})
        for one in told["points"]
    )
    settled = tuple((FindingState(state), bool(again)) for state, again in told["settled"])
    defect = told["defect"] and Defect(told["defect"])
    return Result(**{**told, "points": points, "settled": settled, "defect": defect})


def measures(results: Sequence[Result]) -> dict[str, Measure]:
    """Return what a run measured, by name; docs/measured.md explains each."""
    twins = _twins(results)
    tried = [one for one in results if one.defect and one.document in twins]
    untouched = list(twins.values())
    drafts = [one for one in untouched if one.blocks]
    sound = [one for one in untouched if not one.blocks]
    found = {
        "recall": share(_by_document((one, is_found(one, twins)) for one in tried)),
        **{
            f"recall.{kind}": share(
                (is_found(one, twins), 1) for one in tried if one.defect is kind
            )
            for kind in Defect
        },
        "right_place": share(
            _by_document((one, p.is_about_defect) for one in tried for p in new_points(one, twins))
        ),
        "clean": share((not one.points, 1) for one in sound),
        "false_points": mean([len(one.points) for one in sound]),
        "sameness": share(_sameness(results)),
        "hindsight": share(
            (sum(p.has_changed is True for p in one.points), len(one.points)) for one in drafts
        ),
        "changed_blocks": share((one.changed, one.blocks) for one in drafts),
        "lift": ratio(
            (sum(p.has_changed is True for p in one.points), _by_chance(one)) for one in drafts
        ),
        **{f"again.{state}": share(_again(untouched, state)) for state in SETTLED_AS},
    }
    return {name: one for name, one in found.items() if one.n}


# How a point of an earlier review may have ended.
SETTLED_AS = (
    FindingState.ADDRESSED,
    FindingState.ADOPTED,
    FindingState.DISMISSED,
    FindingState.RESOLVED,
    FindingState.WITHDRAWN,
)


def _twins(results: Iterable[Result]) -> dict[str, Result]:
    """Return the first review of each untouched document, by the document's name."""
    return {one.document: one for one in results if one.defect is None and one.turn == 0}


def new_points(result: Result, twins: Mapping[str, Result]) -> list[Point]:
    """Return the points of a document with a defect that its untouched twin does not get."""
    old = twins[result.document].points
    return [one for one in result.points if not any(is_same(one, other) for other in old)]


def is_found(result: Result, twins: Mapping[str, Result]) -> bool:
    """Return whether a review found the planted defect."""
    return any(one.is_about_defect for one in new_points(result, twins))


def _by_document(marked: Iterable[tuple[Result, bool]]) -> list[tuple[int, int]]:
    hits: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    for one, counts in marked:
        hits[one.document] += counts
        cases[one.document] += 1
    return [(hits[name], cases[name]) for name in cases]


def _by_chance(draft: Result) -> float:
    """Return how many points would stand on blocks that changed, were they put down blindly."""
    return len(draft.points) * draft.changed / draft.blocks


def _sameness(results: Iterable[Result]) -> Iterator[tuple[int, int]]:
    """Yield for each document how many points one review shares with the next, and of how many."""
    turns: dict[str, list[Result]] = {}
    for one in results:
        if one.defect is None:
            turns.setdefault(one.document, []).append(one)
    for held in turns.values():
        shared = whole = 0
        for one, after in pairwise(sorted(held, key=lambda result: result.turn)):
            shared += sum(any(is_same(p, q) for q in after.points) for p in one.points)
            whole += len(one.points)
        yield shared, whole


def _again(untouched: Iterable[Result], state: FindingState) -> Iterator[tuple[int, int]]:
    for one in untouched:
        made = [is_again for ended, is_again in one.settled if ended is state]
        yield sum(made), len(made)


def severities(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Count the points that are about a planted defect, and those on untouched documents."""
    twins = _twins(results)
    true = Counter(
        point.severity
        for one in results
        if one.defect and one.document in twins
        for point in new_points(one, twins)
        if point.is_about_defect
    )
    sound = (one for one in twins.values() if not one.blocks)
    false = Counter(point.severity for one in sound for point in one.points)
    return {
        name: {severity.value: counts[severity] for severity in Severity}
        for name, counts in (("true", true), ("false", false))
    }


CALLED = 0.05
BETTER, WORSE, CANNOT_TELL = "better", "worse", "cannot tell"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of two runs over the cases that both have.

    Attributes:
        verdict: What this run is against the other one.
        now: How much was counted in this run.
        before: How much in the other one.
        n: The cases: defects, documents, settled points.
        p: How likely so large a difference is between equals, with all measures together.
    """

    verdict: str
    now: float
    before: float
    n: int
    p: float


def compare(now: Sequence[Result], before: Sequence[Result]) -> dict[str, Comparison]:
    """Compare two runs, measure by measure.

    What is found or not is compared case by case, by McNemar's exact test; what is counted by
    document, by flipping signs. Holm's correction holds for all measures together: equal runs
    are called better or worse in any of them at most 5 of 100 times.
    """
    differences = {
        name: pairs
        for name, pairs in _differences(now, before).items()
        if any(one or other for one, other in pairs)
    }
    ranked = sorted(
        (chance_of([one - other for one, other in pairs]), name)
        for name, pairs in differences.items()
    )
    found, least = {}, 0.0
    for rank, (chance, name) in enumerate(ranked):
        pairs = differences[name]
        least = max(least, min(1.0, chance * (len(ranked) - rank)))
        one, other = (float(sum(pair[at] for pair in pairs)) for at in (0, 1))
        more = BETTER if (one > other) is (name not in FEWER_IS_BETTER) else WORSE
        found[name] = Comparison(
            more if least < CALLED else CANNOT_TELL, one, other, len(pairs), least
        )
    return found


_COMPARED = ("recall", "false_points", "hindsight", "again.addressed", "again.dismissed")
FEWER_IS_BETTER = frozenset({"false_points", "again.dismissed"})


def overall(found: Mapping[str, Comparison]) -> str:
    """Return what a run is against another one: better or worse only where no measure objects."""
    said = {one.verdict for one in found.values()} - {CANNOT_TELL}
    return said.pop() if len(said) == 1 else CANNOT_TELL


def _differences(
    now: Sequence[Result], before: Sequence[Result]
) -> dict[str, list[tuple[float, float]]]:
    """Return what each measure counts in both runs, case by case."""
    mine, theirs = _twins(now), _twins(before)
    others = {one.case: one for one in before if one.document in theirs}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _COMPARED}
    for one in now:
        other = others.get(one.case)
        if other is None or one.document not in mine:
            continue
        if one.defect:
            found["recall"].append((is_found(one, mine), is_found(other, theirs)))
        elif one.turn == 0 and one.blocks:
            found["hindsight"].append((_gain(one), _gain(other)))
        elif one.turn == 0:
            found["false_points"].append((len(one.points), len(other.points)))
        for (state, again), (_, again_before) in zip(one.settled, other.settled, strict=False):
            if one.turn == 0 and f"again.{state}" in found:
                found[f"again.{state}"].append((again, again_before))
    return found


def _gain(draft: Result) -> float:
    """Return how many points more than by chance stand on blocks that changed later."""
    return sum(one.has_changed is True for one in draft.points) - _by_chance(draft)


_NAMES = {
    "recall": "planted defects found",
    "right_place": "new points on the right place",
    "clean": "untouched documents without one",
    "false_points": "points on an untouched document",
    "sameness": "points that the next run makes too",
    "hindsight": "points on what changed later",
    "changed_blocks": "all blocks that changed later",
    "lift": "times as often as by chance",
    "again.addressed": "made again that were addressed",
    "again.dismissed": "made again that were dismissed",
    "again.resolved": "made again that were resolved",
    "again.withdrawn": "made again that were withdrawn",
}


def as_json(results: Sequence[Result], compared: Mapping[str, Comparison] | None) -> dict[str, Any]:
    """Return what a run measured, as JSON holds it."""
    each = {name: asdict(one) for name, one in (compared or {}).items()}
    against = (
        {"against": {"verdict": overall(compared), "measures": each}}
        if compared is not None
        else {}
    )
    spent, seconds, found = totals(results)
    return {
        "measures": {name: asdict(one) for name, one in measures(results).items()},
        "severity": severities(results),
        "cost_usd": round(spent, 6),
        "cost_per_review_usd": round(spent / len(results), 6),
        "cost_per_true_point_usd": round(spent / found, 6) if found else None,
        "seconds_per_review": round(seconds / len(results), 3),
        "seconds_per_true_point": round(seconds / found, 3) if found else None,
        **(against if compared is not None else {}),
    }


def totals(results: Sequence[Result]) -> tuple[float, float, int]:
    """Return US dollars, seconds, and the planted defects found, of all reviews together."""
    twins = _twins(results)
    found = sum(is_found(one, twins) for one in results if one.defect and one.document in twins)
    return sum(one.cost_usd for one in results), sum(one.seconds for one in results), found


def in_words(results: Sequence[Result], compared: Mapping[str, Comparison] | None) -> list[str]:
    """Return what a run measured, line by line."""
    spent, seconds, found = totals(results)
    each = f"${spent / len(results):.4f} and {seconds / len(results):.1f} s a review"
    true = f"; ${spent / found:.4f} and {seconds / found:.1f} s a defect found" if found else ""
    lines = [f"{each}{true}", "", _row("", "", "95 %", "of")]
    for name, one in measures(results).items():
        known = _NAMES.get(name, f"  {name.partition('.')[2]}")
        lines.append(_row(known, *_numbers(one)))
    for kind, counts in severities(results).items():
        what = "planted defects" if kind == "true" else "untouched documents"
        told = ", ".join(f"{count} {severity}" for severity, count in counts.items())
        lines.append(f"points on {what}: {told}")
    if compared is not None:
        lines += ["", f"Against the other run: {overall(compared)}"]
    for name, pair in (compared or {}).items():
        told = f"{pair.now:g} now, {pair.before:g} before, n = {pair.n}, p = {pair.p:.3f}"
        lines.append(f"  {_NAMES[name]}: {pair.verdict} ({told})")
    return lines


def _numbers(one: Measure) -> tuple[str, str, str]:
    value, low, high = (0.0 if at is None else at for at in (one.value, one.low, one.high))
    if one.part is not None:
        return f"{value:.0%}", f"{low * 100:.0f}-{high:.0%}", f"{one.part} of {one.n}"
    most = "?" if one.high is None else f"{high:.1f}"
    return f"{value:.1f}", f"{low:.1f}-{most}", counted(one.n, "document")


def _row(name: str, *cells: str) -> str:
    return f"{name:36}{cells[0]:>6}{cells[1]:>12}   {cells[2]}".rstrip()
