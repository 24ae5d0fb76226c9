"""Which blocks were moved: the fewest that explain the order, with what they hold."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.order import Order
from support.review_values import block, heading, snapshot


Row = tuple[str, int]


def order(was: list[Row], now: list[Row], *, flat: bool = False) -> Order:
    """Compare two pages whose blocks are named and indented so; headings begin with h."""
    blocks = [
        heading(key, key)
        if key[0] == "h"
        else block(key, "" if key[0] == "_" else key, depth=depth)
        for key, depth in now
    ]
    depths = None if flat else [depth for _, depth in was]
    return Order.of([key for key, _ in was], depths, snapshot(blocks))


def row(words: str) -> list[Row]:
    """Read blocks as “a >b >>c d”: a mark for each level."""
    return [(one.lstrip(">"), one.count(">")) for one in words.split()]


def grown(dice: Random, count: int) -> list[Row]:
    rows, deepest = list[Row](), 0
    for number in range(count):
        depth = dice.randint(0, deepest)
        rows.append((f"b{number}", depth))
        deepest = depth + 1
    return rows


def dragged(dice: Random, rows: list[Row]) -> list[Row]:
    """Put one block with all that it holds to another place."""
    at = dice.randrange(len(rows))
    own = rows[at][1]
    end = next((n for n in range(at + 1, len(rows)) if rows[n][1] <= own), len(rows))
    group, rest = rows[at:end], rows[:at] + rows[end:]
    to = dice.randint(0, len(rest))
    most = rest[to - 1][1] + 1 if to else 0
    least = rest[to][1] if to < len(rest) else 0
    depth = dice.randint(min(least, most), most)
    return rest[:to] + [(key, deep - own + depth) for key, deep in group] + rest[to:]


def holders(rows: list[Row]) -> dict[str, str]:
    above, found = list[Row](), dict[str, str]()
    for key, depth in rows:
        above = [one for one in above if one[1] < depth]
        found[key] = above[-1][0] if above else ""
        above.append((key, depth))
    return found


@given(st.randoms(use_true_random=False), st.integers(1, 30), st.integers(0, 4))
def test_of_what_was_dragged_so_often_no_more_are_moved_and_the_rest_stands_as_it_did(
    dice: Random, count: int, drags: int
) -> None:
    was = grown(dice, count)
    now = was
    for _ in range(drags):
        now = dragged(dice, now)
    moved = order(was, now).moved
    then, here = holders(was), holders(now)
    roots = [key for key in moved if here[key] not in moved or here[key] != then[key]]
    assert len(roots) <= drags
    stayed = [key for key, _ in was if key not in moved]
    assert stayed == [key for key, _ in now if key not in moved]
    assert all(then[key] == here[key] for key in stayed)
    assert bool(moved) == (was != now)


@given(st.permutations([f"b{n}" for n in range(8)]))
def test_whatever_the_order_each_moved_block_stood_below_the_last_that_stayed(now) -> None:
    was = sorted(now)
    found = order([(key, 0) for key in was], [(key, 0) for key in now])
    for key, stood in found.moved.items():
        above = [one for one in was[: was.index(key)] if one not in found.moved]
        assert stood.below == (above[-1] if above else "")


@pytest.mark.parametrize(
    ("was", "now", "moved", "leading"),
    [
        ("a b c d", "b c d a", "a", "a"),
        ("a b c d", "a d b c", "d", "d"),
        ("t >p >q a", "a t >p >q", "a", "a"),
        ("t >p >q a b", "a b t >p >q", "t p q", "t"),
        ("a b c d", "a >b >c d", "b c", "b"),
        ("a >b c", "a b c", "b", "b"),
        ("h1 a h2 b c", "h1 h2 a b c", "a", "a"),
        ("h1 a h2 b h3 c", "h1 a h3 c h2 b", "h3 c", "h3"),
        ("_ >a >b c d e", "c d e _ >a >b", "a b", "a"),
        ("a _ b _", "_ _ a b", "", ""),
        ("a b", "a x b y", "", ""),
        ("x a y b", "a b", "", ""),
        ("x >a >b", "y >a >b", "", ""),
    ],
)
def test_the_fewest_blocks_are_moved_and_the_first_of_those_together_leads(
    was: str, now: str, moved: str, leading: str
) -> None:
    found = order(row(was), row(now)).moved
    assert sorted(found) == sorted(moved.split())
    assert [key for key, stood in found.items() if stood.leads] == leading.split()


def test_where_the_depths_before_are_not_known_only_the_order_counts() -> None:
    assert not order(row("a b c"), row("a >b c"), flat=True).moved
    assert {*order(row("a b c"), row("b >c a"), flat=True).moved} == {"a"}


def test_what_stands_under_another_heading_is_told_though_the_heading_was_moved() -> None:
    found = order(row("h1 a b c h2 d"), row("h1 a h2 b c d"))
    assert {*found.moved} == {"h2"}
    assert found.regrouped == {"b": "h1", "c": "h1"}
    assert not order(row("h1 a h2 b"), row("h1 a h3 b")).regrouped
