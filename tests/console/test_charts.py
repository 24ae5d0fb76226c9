"""A mark is as high as its number, on an axis with numbers; a name stays text in the drawing."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.console.charts import LABELS, LEAST, Layer, Reach, Series, ranges, stacked
from support.console_world import HOSTILE


def periods(count):
    return [(date(2026, 9, 7) + timedelta(weeks=number)).isoformat() for number in range(count)]


def drawn(chart):
    """The drawing, and where the axis has 0 and its highest number, with that number."""
    root = fromstring(str(chart.drawing))
    ticks = root.findall(".//g[@class='axis left']/g[@class='tick']")
    at = {float(one.find("text").text): float(one.find("line").get("y1")) for one in ticks}
    return root, at[0.0], at[max(at)], max(at)


numbers = st.lists(st.just(0.0) | st.floats(0.001, 1e9), min_size=3, max_size=3)


@given(st.lists(numbers, min_size=1, max_size=4))
def test_a_column_is_as_high_as_its_number_and_stands_on_those_before_it(columns):
    series = [Series(str(index), values, "") for index, values in enumerate(columns)]
    chart = stacked("", periods(3), series, repr, repr)
    if not any(map(any, columns)):
        assert chart.drawing == ""
        return
    root, floor, ceiling, top = drawn(chart)
    unit = (floor - ceiling) / top
    for number, values in enumerate(columns):
        marks = root.findall(f".//g[@class='layer c{number}']/g")
        assert len(marks) == sum(bool(value) for value in values)
        for mark in marks:
            words, box = mark.find("title").text, mark.find("rect")
            at = chart.periods.index(words.partition(":")[0])
            below = sum(one[at] for one in columns[:number])
            tall, y = float(box.get("height")), float(box.get("y"))
            assert words == f"{chart.periods[at]}: {values[at]!r} {number}"
            assert tall == pytest.approx(max(values[at] * unit, LEAST), abs=0.02)
            assert y + tall == pytest.approx(floor - below * unit, abs=0.02)


@given(st.lists(st.none() | st.tuples(*[st.floats(0, 100)] * 3), min_size=1, max_size=12))
def test_a_line_reaches_from_end_to_end_with_its_dot_between(reaches):
    sorted_ = [one and tuple(sorted(one)) for one in reaches]
    given_ = tuple(one and Reach(one[0], one[2], "words", one[1]) for one in sorted_)
    layer = Layer("share", "", given_, tuple(map(str, sorted_)))
    chart = ranges("", periods(len(reaches)), layer, 100, repr, "")
    if not any(given_):
        assert chart.drawing == ""
        return
    root, floor, ceiling, top = drawn(chart)
    assert top == 100
    marks = root.findall(".//g[@class='layer c0']/g")
    for mark, (low, value, high) in zip(marks, filter(None, sorted_), strict=True):
        bottom, y, over = (floor - one * (floor - ceiling) / top for one in (low, value, high))
        box = mark.find("rect")
        assert float(mark.find("circle").get("cy")) == pytest.approx(y, abs=0.02)
        assert float(box.get("y")) == pytest.approx(min(over, bottom - LEAST), abs=0.02)
        assert float(box.get("y")) + float(box.get("height")) == pytest.approx(bottom, abs=0.02)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 12, 30])
def test_the_axis_names_some_periods_and_always_the_last(count):
    chart = stacked("", periods(count), [Series("", [1.0] * count, "")], repr, repr)
    texts = fromstring(str(chart.drawing)).findall(".//g[@class='axis bottom']//text")
    named = [one.text for one in texts if one.text]
    assert 0 < len(named) <= LABELS
    assert named[-1] == f"{date.fromisoformat(chart.periods[-1]):%d %b}"


def test_a_name_that_holds_markup_is_text_in_the_drawing():
    chart = stacked(HOSTILE, periods(1), [Series(HOSTILE, [1.0], HOSTILE)], repr, repr)
    root = fromstring(str(chart.drawing))
    assert root.get("aria-label").startswith(HOSTILE)
    assert root.find(".//title").text.endswith(HOSTILE)
    assert {one.tag for one in root.iter()} <= {"svg", "g", "rect", "line", "text", "title"}


def test_without_periods_there_is_no_drawing():
    assert stacked("", [], [Series("made", [], "")], repr, repr).drawing == ""
