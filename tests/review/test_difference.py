"""What a change means: which blocks invite comments, and when a point counts as mended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_values import block, finding, snapshot

from daemon.domain.change import Change, Reviewed
from daemon.domain.values import Finding as DomainFinding
from daemon.domain.values import Severity, Source
from daemon.review.difference import closed, is_addressed, unchanged


WORDS = st.sampled_from(["", "one", "two", "three", "four"])
KEYS = st.sampled_from(["a", "b", "c", "d", "e", "f"])
PAGES = st.dictionaries(KEYS, WORDS, max_size=6)


def page(lines: dict[str, str]):
    return snapshot([block(key, line) for key, line in lines.items()])


def change(before: dict[str, str], now: dict[str, str]) -> Change:
    return Change.between(Reviewed.of(page(before)), page(now))


@given(PAGES, PAGES, st.randoms())
def test_every_block_is_new_changed_moved_or_the_same_whatever_the_order(before, now, rng):
    found = change(before, now)
    same = {key for key in now if before.get(key) == now[key]}
    empty = {key for key in now if key not in before and not now[key]}
    parts = [found.new, found.changed.keys(), found.moved.keys(), same, empty]
    assert sorted(key for part in parts for key in part) == sorted(now)
    shuffled = list(now.items())
    rng.shuffle(shuffled)
    again = change(before, dict(shuffled))
    assert again.changed == found.changed
    assert again.says_something == found.says_something
    assert {now[key] for key in again.new} == {now[key] for key in found.new}


@given(PAGES, PAGES)
def test_a_moved_block_came_with_the_words_of_one_that_is_gone_and_each_moves_once(before, now):
    found = change(before, now)
    assert len(set(found.moved.values())) == len(found.moved)
    for key, old in found.moved.items():
        assert now[key] == before[old]
        assert old not in now
        assert key not in before


def test_a_page_whose_blocks_were_cut_and_pasted_says_nothing_anew():
    found = change({"a": "one", "b": "two", "c": "two"}, {"x": "two", "y": "one", "z": "two"})
    assert found.moved == {"x": "b", "y": "a", "z": "c"}
    assert not found.says_something


@given(PAGES, PAGES)
def test_only_what_is_new_or_changed_invites_comments_unless_no_block_is(before, now):
    found, blocks = change(before, now), page(now).blocks
    shut = closed(found, blocks)
    assert shut in (frozenset(), unchanged(found, blocks))
    assert not shut & {*found.new, *found.changed}
    assert bool(shut) <= bool(found.new or found.changed)


def test_on_the_first_review_every_block_invites_comments():
    assert closed(Change(first=True), page({"a": "one"}).blocks) == frozenset()


RAISED = finding("a", "10 requests", "Measured how?")
NOW = {"a": "It takes 50 requests.", "b": "Later."}
OTHER_POINT = finding("b", "Later", "When?")
SAME_BLOCK = finding("a", "50 requests", "Who says so?")


@pytest.mark.parametrize(
    ("before", "now", "made", "expected"),
    [
        ({"a": "It takes 10 requests."}, NOW, [], True),
        ({"a": "It takes 10 requests."}, NOW, [OTHER_POINT], True),
        ({"a": "It takes 10 requests."}, NOW, [SAME_BLOCK], False),
        (NOW, NOW, [], False),
        ({"a": "It takes 10 requests."}, {"a": "It takes  10 requests!"}, [], False),
        ({"a": "It takes 10 requests."}, {"b": "Later."}, [], True),
        ({"a": "It takes 10 requests."}, {"z": "Now it takes 10 requests."}, [], False),
    ],
    ids=[
        "changed and silent",
        "changed, and another block was commented on",
        "changed, and there is still something to say",
        "untouched: an earlier review saw the change",
        "the words still stand",
        "gone",
        "gone, and its words stand elsewhere",
    ],
)
def test_f4_addressed_is_what_changed_and_did_not_come_again(before, now, made, expected):
    assert is_addressed(RAISED, change(before, now), page(now).blocks, made) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Left open: “TODO”.", False), ("Word doubled: “the the”.", True)],
)
def test_f4_a_rule_that_finds_nothing_any_more_is_not_doubted_for_what_another_finds(
    text, expected
):
    raised = DomainFinding("a", "TBD", "Left open: “TBD”.", Severity.MINOR, Source.CHECK)
    made = [
        DomainFinding("a", "one", text, Severity.MINOR, Source.CHECK),
        finding("a", "one", "Left open: says the model"),
    ]
    now = {"a": "one two"}
    assert is_addressed(raised, change({"a": "TBD"}, now), page(now).blocks, made) is expected
