"""What a number may truly be, and how likely a difference is by chance. Pure.

Points cluster by document, since one review makes them together. So intervals are widened by what
the documents differ more than chance would have it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product


# So many standard deviations to either side of the mean hold 95 of 100 cases.
NORMAL_95 = 1.959964
NORMAL_99 = 2.575829
# Of reviews, comments or cost a week has so many, or as much as so many reviews cost.
LEAST_GROWN = 20
# Flips of the signs, and up to how many differences all of them are tried.
_FLIPS, _FEW = 4000, 12


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, both counted."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{self.part} of {self.whole}"

    @property
    def interval(self) -> tuple[float, float] | None:
        """The least and the most that the share may truly be, in 95 of 100 cases; None of nothing.

        Wilson's score interval: it stays between 0 and 1, and holds for few cases too.
        """
        if not self.whole:
            return None
        share, doubt = self.part / self.whole, NORMAL_95**2 / self.whole
        middle = share + doubt / 2
        reach = math.sqrt(doubt * (share * (1 - share) + doubt / 4))
        low, high = ((middle + sign * reach) / (1 + doubt) for sign in (-1, 1))
        return max(low, 0.0), min(high, 1.0)


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its 95 % interval; each is None where nothing was there to measure.

    Attributes:
        value: The share, the mean or the ratio.
        low: The least that it may truly be.
        high: The most.
        n: Of how many it was taken: defects, points, documents.
        part: How many of them counted; None for what is no share.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    part: int | None = None


# So much lies beyond each end of an interval.
TAIL = 0.025


def share(by_document: Iterable[tuple[int, int]]) -> Measure:
    """Return a part of a whole, both counted document by document.

    The interval is that of Clopper and Pearson over the number of cases divided by the design
    effect, as Korn and Graubard have it. It holds at least 95 of 100 times, also for few cases,
    where Wilson's holds so often only in the mean.
    """
    counts = [(part, whole) for part, whole in by_document if whole]
    part, whole = (sum(one[at] for one in counts) for at in (0, 1))
    if not whole:
        return Measure(None, None, None, 0, 0)
    value, effect = part / whole, 1.0
    if 0 < part < whole and len(counts) > 1 and max(of for _, of in counts) > 1:
        spread = sum((one - value * of) ** 2 for one, of in counts) / whole
        spread *= len(counts) / (len(counts) - 1)
        effect = max(1.0, spread / (value * (1 - value)))
    cases, hits = whole / effect, part / effect
    low = _solved(lambda x: _beta(x, hits, cases - hits + 1), TAIL) if part else 0.0
    high = _solved(lambda x: _beta(x, hits + 1, cases - hits), 1 - TAIL) if part < whole else 1.0
    return Measure(value, low, high, whole, part)


def mean(counts: Sequence[int]) -> Measure:
    """Return how many there are in each of several documents.

    The interval is the exact one of Poisson, widened where the documents differ more than such
    counts would.
    """
    if not counts:
        return Measure(None, None, None, 0)
    total, n = sum(counts), len(counts)
    value = total / n
    spread = sum((one - value) ** 2 for one in counts) / (n - 1) if n > 1 else 0.0
    wider = math.sqrt(max(1.0, spread / value)) if value else 1.0
    most = 4 * total + 20.0
    low = _solved(lambda x: 1 - _poisson(total - 1, x * most), TAIL) * most / n if total else 0.0
    high = _solved(lambda x: 1 - _poisson(total, x * most), 1 - TAIL) * most / n
    return Measure(
        value, max(0.0, value - wider * (value - low)), value + wider * (high - value), n
    )


def ratio(by_document: Iterable[tuple[float, float]]) -> Measure:
    """Return the sum of one thing over that of another, document by document.

    The interval is that of the ratio's logarithm, from how the documents differ.
    """
    pairs = list(by_document)
    n, over, under = len(pairs), sum(one for one, _ in pairs), sum(one for _, one in pairs)
    if not under:
        return Measure(None, None, None, n)
    value = over / under
    if n < 2 or not over:  # noqa: PLR2004 - one document cannot differ
        return Measure(value, 0.0, None, n)
    spread = sum((one - value * other) ** 2 for one, other in pairs) * n / (n - 1)
    reach = math.exp(NORMAL_95 * math.sqrt(spread) / over)
    return Measure(value, value / reach, value * reach, n)


def _solved(rising: Callable[[float], float], wanted: float) -> float:
    """Return where a function that rises from 0 to 1 between 0 and 1 has a value."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def _poisson(most: int, mean_: float) -> float:
    """Return how likely at most so many come where `mean_` come on average."""
    if mean_ <= 0:
        return 1.0
    log = math.log(mean_)
    return sum(math.exp(k * log - mean_ - math.lgamma(k + 1)) for k in range(most + 1))


def _beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction.

    https://dlmf.nist.gov/8.17#v
    """
    if x <= 0:
        return 0.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x)
    front += math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) - math.log(a)
    # From the inside out; so many terms make it exact to nine digits.
    tail = 0.0
    for m in range(15 + 2 * math.isqrt(int(a + b)), 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        tail = even / (1 + odd / (1 + tail))
    first = -(a + b) * x / (a + 1)
    return math.exp(front) / (1 + first / (1 + tail))


def chance_of(differences: Sequence[float]) -> float:
    """Return how likely differences sum up to so much, were each sign a matter of chance.

    Exact where all are of one size, as they are for what is found or not (McNemar's test), or
    where there are few; else 4,000 flips tell.
    """
    sizes = [abs(one) for one in differences if one]
    seen = abs(sum(differences)) - 1e-9
    if not sizes:
        return 1.0
    if len({round(one, 9) for one in sizes}) == 1:
        n, one = len(sizes), sizes[0]
        ways = sum(math.comb(n, k) for k in range(n + 1) if abs(n - 2 * k) * one >= seen)
        return float(ways / 2**n)
    if len(sizes) <= _FEW:
        sums = [abs(sum(signed)) for signed in product(*((one, -one) for one in sizes))]
        return sum(one >= seen for one in sums) / len(sums)
    rng = random.Random(0)  # noqa: S311 - the same answer each time, no secret
    hits = sum(
        abs(sum(one if rng.random() < 0.5 else -one for one in sizes)) >= seen  # noqa: PLR2004
        for _ in range(_FLIPS)
    )
    return (hits + 1) / (_FLIPS + 1)


def chance(now: Share, before: Share) -> float:
    """Return how likely chance alone gives `now` so large a part, were nothing different.

    Fisher's exact test, one-sided.
    """
    drawn, both = now.whole, now.part + before.part
    ways = sum(
        math.comb(both, part) * math.comb(now.whole + before.whole - both, drawn - part)
        for part in range(now.part, min(drawn, both) + 1)
    )
    return ways / math.comb(now.whole + before.whole, drawn)


def growth(now: Sequence[float], before: Sequence[float], one: float) -> tuple[float, float] | None:
    """Return how many times as much a day brings as before: the ratio, and the least it may be.

    The least is the lower end of a 99 % interval of the ratio's logarithm. Things that come
    together, such as reviews of a Monday, are told from the days: the interval is widened by what
    these differ more than chance would have it.

    Args:
        now: What each day brought: numbers, or dollars.
        before: The same of the days before.
        one: What a single thing counts: 1, or the dollars of a review. With fewer than
            `LEAST_GROWN` of them now nothing can be told: None.
    """
    if one <= 0 or sum(now) < LEAST_GROWN * one:
        return None
    sums = (sum(now), max(sum(before), one))
    means = [total / len(days) for total, days in zip(sums, (now, before), strict=True)]
    spread = sum(
        (day - mean) ** 2 / mean
        for mean, days in zip(means, (now, before), strict=True)
        for day in days
    )
    together = max(one, spread / (len(now) + len(before) - 2))
    reach = NORMAL_99 * math.sqrt(together / sums[0] + together / sums[1])
    times = means[0] / means[1]
    return times, times * math.exp(-reach)
