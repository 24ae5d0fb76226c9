"""Numbers -> the geometry of small bar charts, one row for each series. Pure.

Rows of bars over one another, each with its name and total, are read without any colour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


BAR = 18.0  # units of the drawing, with the gap
GAP = 3.0
HEIGHT = 34.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `words` is what one reads over it."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One series: its name, its sum in words, its bars, and the numbers as a table shows them."""

    name: str
    total: str
    bars: tuple[Bar, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Series over the same periods; `width` and `height` are each drawing's."""

    title: str
    periods: tuple[str, ...]
    strips: tuple[Strip, ...]
    width: float
    height: float = HEIGHT
    slot: float = BAR


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn: one number for each period, None where there is none; `total` in words."""

    name: str
    values: Sequence[float | None]
    total: str


Write = Callable[[float], str]


def together(title: str, periods: Sequence[str], series: Sequence[Series], write: Write) -> Chart:
    """Draw series on one scale, from zero to the highest number of them all."""
    top = max((_top(one) for one in series), default=0)
    strips = tuple(_strip(one, periods, top, write) for one in series)
    return Chart(title, tuple(periods), strips, BAR * len(periods))


def apart(title: str, periods: Sequence[str], series: Sequence[Series], write: Write) -> Chart:
    """Draw each series on a scale of its own, from zero to its highest number."""
    strips = tuple(_strip(one, periods, _top(one), write) for one in series)
    return Chart(title, tuple(periods), strips, BAR * len(periods))


def _top(one: Series) -> float:
    return max((value or 0 for value in one.values), default=0)


def _strip(one: Series, periods: Sequence[str], top: float, write: Write) -> Strip:
    shown = tuple("-" if value is None else write(value) for value in one.values)
    bars = (
        _bar(place, value or 0, top, f"{period}: {words} {one.name}")
        for place, (value, period, words) in enumerate(zip(one.values, periods, shown, strict=True))
    )
    return Strip(one.name, one.total, tuple(bars), shown)


def _bar(place: int, value: float, top: float, words: str) -> Bar:
    """Return a bar; whatever is more than nothing can be seen."""
    height = max(HEIGHT * value / top, 1.5) if value and top else 0.0
    return Bar(round(place * BAR, 2), round(HEIGHT - height, 2), BAR - GAP, round(height, 2), words)
