"""Numbers over periods -> a drawing with axes, as SVG that needs no script and no style of its own.

leather makes the axes; colours and letters are the style sheet's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup


WIDTH, HEIGHT = 460, 190  # units of a drawing
GAP = 0.12  # of a period's width, on each side of its column
LABELS = 6  # of periods, at most; a phone has no room for more
LEAST = 1.5  # units: whatever is more than nothing can be seen
Write = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Reach:
    """What is drawn in one period: from `low` to `high`, with a dot at `value` where it has one.

    `words` is what one reads over it.
    """

    low: float
    high: float
    words: str
    value: float | None = None
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class Layer:
    """One series of a chart: its name, its sum in words, and the numbers as a table shows them."""

    name: str
    total: str
    reaches: tuple[Reach | None, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Layers over the same periods, and their drawing."""

    title: str
    periods: tuple[str, ...]
    layers: tuple[Layer, ...]
    drawing: Markup
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One number for each period; `total` in words."""

    name: str
    values: Sequence[float]
    total: str


def stacked(
    title: str, periods: Sequence[str], series: Sequence[Series], write: Write, mark: Write
) -> Chart:
    """Draw series as columns, each upon those before it.

    Args:
        title: What is drawn.
        periods: The days on which the periods begin, as `2026-11-30`.
        series: The numbers.
        write: Writes one of them.
        mark: Writes a number of the axis.
    """
    bases = [0.0] * len(periods)
    layers = []
    for one in series:
        shown = tuple(write(value) for value in one.values)
        reaches = tuple(
            Reach(base, base + value, f"{period}: {words} {one.name}") if value else None
            for base, value, period, words in zip(bases, one.values, periods, shown, strict=True)
        )
        layers.append(Layer(one.name, one.total, reaches, shown))
        bases = [base + value for base, value in zip(bases, one.values, strict=True)]
    drawing = _drawn(title, periods, layers, max(bases, default=0.0), mark)
    return Chart(title, tuple(periods), tuple(layers), drawing)


def ranges(
    title: str, periods: Sequence[str], layer: Layer, top: float, mark: Write, note: str
) -> Chart:
    """Draw from where to where a number reaches in each period, on a scale up to `top`."""
    drawing = _drawn(title, periods, [layer], top, mark)
    return Chart(title, tuple(periods), (layer,), drawing, note)


def _drawn(
    title: str, periods: Sequence[str], layers: Sequence[Layer], top: float, mark: Write
) -> Markup:
    if not any(reach for layer in layers for reach in layer.reaches):
        return Markup()
    from leather import Chart as Axes
    from leather import Series as Drawn
    from leather import theme
    from leather.scales import Linear, Ordinal

    # How wide letters are, to leave room for them; the style sheet sets them.
    theme.margin, theme.tick_font_char_width, theme.tick_font_char_height = 0.02, 6.5, 11
    theme.legend_font_char_height = theme.legend_gap = 0
    axes = Axes()
    axes.set_x_scale(Ordinal(list(periods)))
    axes.set_y_scale(Linear(0, top or 1))
    every = -(-len(periods) // LABELS)
    # The last period is the one that people look for: count from there.
    axes.add_x_axis(
        tick_formatter=lambda period, at, count: (
            "" if (count - 1 - at) % every else f"{date.fromisoformat(period):%d %b}"
        )
    )
    axes.add_y_axis(tick_formatter=lambda value, _, __: mark(float(value)))
    for number, layer in enumerate(layers):
        rows = [
            (one, reach.high if reach else 0, reach)
            for one, reach in zip(periods, layer.reaches, strict=True)
        ]
        axes.add_series(Drawn(rows), _Marks(f"layer c{number}"))
    about = f"{title}, {periods[0]} to {periods[-1]}; the numbers are in the table below"
    given = {
        "viewBox": f"0 0 {WIDTH} {HEIGHT}",
        "class": "chart",
        "role": "img",
        "aria-label": about,
    }
    svg = Element("svg", given)
    svg.append(axes.to_svg_group(WIDTH, HEIGHT))
    return Markup(tostring(svg, encoding="unicode"))  # noqa: S704 - ElementTree escapes


class _Marks:
    """The marks of a layer, as leather asks a shape for them."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def validate_series(self, _: Any) -> None:
        """Take every series."""

    def legend_to_svg(self, *_: Any) -> list[Any]:
        """Draw no legend: the page has one, in letters that wrap."""
        return []

    def to_svg(self, width: int, height: int, x: Any, y: Any, series: Any, _: Any) -> Element:
        """Draw the marks."""
        group = Element("g", {"class": self._kind})
        for row in series.data():
            _, _, reach = row.row
            if reach is None:
                continue
            left, right = map(float, x.project_interval(row.x, 0, width))
            gap = (right - left) * GAP
            places = [float(y.project(at, height, 0)) for at in (reach.low, reach.high)]
            mark = SubElement(group, "g")
            SubElement(mark, "title").text = reach.words
            if reach.value is None:
                _rectangle(mark, left + gap, right - gap, *places)
            else:
                middle = (left + right) / 2
                _rectangle(mark, middle - LEAST, middle + LEAST, *places)
                at = float(y.project(reach.value, height, 0))
                sure = "dot" if reach.is_sure else "dot few"
                SubElement(
                    mark,
                    "circle",
                    {"class": sure, "cx": f"{middle:.2f}", "cy": f"{at:.2f}", "r": "4"},
                )
        return group


def _rectangle(mark: Element, left: float, right: float, low: float, high: float) -> None:
    tall = max(low - high, LEAST)
    at = {"x": left, "y": low - tall, "width": right - left, "height": tall}
    SubElement(mark, "rect", {name: f"{value:.2f}" for name, value in at.items()})
