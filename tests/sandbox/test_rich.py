"""Rich text is kept, cut and merged without losing a character."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox import rich


RUNS = st.lists(
    st.builds(
        lambda content, bold, link: rich.text(content, link, bold=bold),
        st.text(min_size=1, max_size=5) | st.text("a🙂", min_size=900, max_size=1100),
        st.booleans(),
        st.sampled_from([None, "https://a.b"]),
    ),
    max_size=6,
)


def style(item):
    link = (item["text"].get("link") or {}).get("url")
    return item.get("annotations", {}).get("bold", False), link


def characters(items):
    return [(character, style(item)) for item in items for character in item["text"]["content"]]


@given(RUNS)
def test_keeping_changes_no_character_and_no_mark(items):
    assert characters(rich.kept(items)) == characters(items)


@given(RUNS)
def test_kept_items_are_short_and_equal_neighbours_are_full(items):
    found = rich.kept(items)
    sizes = [rich.units(item["text"]["content"]) for item in found]
    assert all(0 < size <= 2000 for size in sizes)
    for left, right, size in zip(found, found[1:], sizes, strict=False):
        assert style(left) != style(right) or size >= 1999


@given(RUNS)
def test_keeping_twice_is_keeping_once(items):
    assert rich.kept(rich.kept(items)) == rich.kept(items)


@given(st.text())
def test_units_are_utf_16_units(text):
    assert rich.units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(st.text("abc 12.,\n"))
def test_text_without_marks_stays_as_it_is(text):
    assert rich.plain(rich.markdown(text)) == text


def test_keeping_leaves_what_it_was_given_alone():
    items = [rich.text("a"), rich.text("b")]
    rich.kept(items)
    assert items == [rich.text("a"), rich.text("b")]
