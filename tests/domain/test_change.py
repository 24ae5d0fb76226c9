"""What differs between two snapshots of a page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.change import (
    WAS_WHOLE,
    Change,
    Reviewed,
    closed_blocks,
    differing_part,
    unchanged_blocks,
)
from daemon.domain.values import Block, Page, Snapshot
from support.review_values import block, snapshot
from support.states import NOW


WORDS = st.sampled_from(["", "one", "two", "three", "four"])


KEYS = st.sampled_from(["a", "b", "c", "d", "e", "f"])


PAGES = st.dictionaries(KEYS, WORDS, max_size=6)


def page(lines: dict[str, str]):
    return snapshot([block(key, line) for key, line in lines.items()])


def change(before: dict[str, str], now: dict[str, str]) -> Change:
    return Change.between(Reviewed.of(page(before)), page(now))


def test_a_note_names_the_blocks_as_they_are_after_they_were_cut_and_pasted() -> None:
    digest = (("a", "see {B:b} and {T:a}"), ("b", ""))
    before = Reviewed.of(page({"a": "The first of all", "b": "The last of all"}), digest)
    now = page({"c": "The first of all", "d": "The last of all"})
    assert before.digest_now(now) == (("c", "see {B:d} and {T:a}"), ("d", ""))


@given(PAGES, PAGES, st.randoms())
def test_every_block_is_new_changed_pasted_or_the_same_whatever_the_order(before, now, rng):
    found = change(before, now)
    same = {key for key in now if before.get(key) == now[key]}
    empty = {key for key in now if key not in before and not now[key]}
    parts = [found.new, found.changed.keys(), found.pasted.keys(), same, empty]
    assert sorted(key for part in parts for key in part) == sorted(now)
    shuffled = list(now.items())
    rng.shuffle(shuffled)
    again = change(before, dict(shuffled))
    assert again.changed == found.changed
    unmoved = [replace(one, moved={}).says_something for one in (found, again)]
    assert unmoved[0] == unmoved[1]
    assert again.says_something == (unmoved[1] or bool(again.moved))
    assert {now[key] for key in again.new} == {now[key] for key in found.new}


@given(PAGES, PAGES)
def test_a_pasted_block_came_with_the_words_of_one_that_is_gone_and_each_is_pasted_once(
    before, now
):
    found = change(before, now)
    assert len(set(found.pasted.values())) == len(found.pasted)
    for key, old in found.pasted.items():
        assert now[key] == before[old]
        assert old not in now
        assert key not in before


OLD = "The poller asks each carrier every ten minutes."


@pytest.mark.parametrize(
    ("now", "others", "is_pasted"),
    [
        ("The poller asks each carrier every two minutes.", {}, True),
        (f"- {OLD}", {}, True),
        (f"{OLD} So it does.", {}, True),
        ("Nobody owns the queue of the carriers.", {}, False),
        (
            "The poller asks each carrier every two minutes.",
            {"c": "The poller asks each carrier every six minutes."},
            False,
        ),
        (
            "The poller asks each carrier every two minutes.",
            {"kept": "The poller asks each carrier every six minutes."},
            False,
        ),
        ("The poller asks each carrier every two minutes.", {"kept": "Nobody owns it."}, True),
    ],
)
def test_a_block_that_is_pasted_with_small_changes_is_the_same_block(now, others, is_pasted):
    kept = {key: line for key, line in others.items() if key == "kept"}
    found = change({"h": "Plan", "old": OLD, **kept}, {"h": "Plan", "new": now, **others})
    assert (found.pasted == {"new": "old"}) is is_pasted
    assert (found.changed == {"new": OLD}) is is_pasted
    assert (found.removed == (OLD,)) is not is_pasted
    assert ("new" in found.new) is not is_pasted
    assert found.says_something


def test_a_document_that_is_another_one_is_not_compared_text_by_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = {"a": "- The poller asks each carrier.", "b": "- Nobody owns the queue of it."}
    before = {f"was {key}": line.removeprefix("- ") for key, line in now.items()}
    assert change(before, now).pasted == {"a": "was a", "b": "was b"}
    monkeypatch.setattr("daemon.domain.change.MOST_PAIRS", 3)
    assert change(before, now).pasted == {}


def test_a_short_text_is_the_same_block_only_as_another_type():
    assert change({"old": "TBD"}, {"new": "- TBD"}).pasted == {"new": "old"}
    assert change({"old": "It is on."}, {"new": "It is no."}).pasted == {}


HEADED = st.dictionaries(st.sampled_from(["h1", "a", "b", "h2", "c", "d", "h3"]), WORDS)


def headed(lines: dict[str, str]):
    """A page of which those blocks are headings whose names say so."""
    return snapshot(
        [
            block(key, line, kind="heading_2" if key[0] == "h" else "paragraph")
            for key, line in lines.items()
        ]
    )


def sections(lines: dict[str, str]) -> dict[str, list[str]]:
    """The blocks of each section, by its heading."""
    found, under = {"": []}, ""
    for key in lines:
        under = key if key[0] == "h" else under
        found.setdefault(under, []).append(key)
    return found


@given(HEADED, HEADED)
def test_a_heading_is_stirred_where_a_block_of_its_section_came_changed_or_went(before, now):
    found = Change.between(Reviewed.of(headed(before)), headed(now))
    here, was, stayed = sections(now), sections(before), {*now, *found.pasted.values()}
    gone = {key for key, line in before.items() if key not in stayed and line}
    anew = {*found.new, *found.changed}
    for heading in here:
        came = bool(heading) and not anew.isdisjoint(here[heading])
        went = bool(heading) and not gone.isdisjoint(was.get(heading, []))
        if came or went:
            assert heading in found.stirred
        elif not gone and not found.pasted and not found.moved:
            assert heading not in found.stirred
    others = {key for key in found.stirred if key[0] != "h"}
    assert bool(others) <= bool(found.moved)
    assert others.isdisjoint({*found.new, *found.moved})


def test_what_goes_from_under_a_heading_without_words_stirs_it():
    assert Change.between(Reviewed.of(headed({"h1": "", "a": "one"})), headed({"h1": ""})).stirred


def test_what_goes_with_its_heading_stirs_the_section_before():
    before = {"h1": "one", "a": "two", "h2": "three", "b": "four", "h3": "one", "c": "four"}
    now = {key: line for key, line in before.items() if key not in ("h2", "b")}
    assert Change.between(Reviewed.of(headed(before)), headed(now)).stirred == {"h1"}


def test_a_page_whose_blocks_were_cut_and_pasted_says_nothing_anew_but_in_another_order():
    before = {"a": "one", "b": "two", "c": "two"}
    found = change(before, {"x": "one", "y": "two", "z": "two"})
    assert found.pasted == {"x": "a", "y": "b", "z": "c"}
    assert not found.says_something
    other = change(before, {"x": "two", "y": "one", "z": "two"})
    assert other.pasted == {"x": "b", "y": "a", "z": "c"}
    assert len(other.moved) == 1
    assert other.says_something


def test_what_a_block_was_moved_from_and_to_takes_comments():
    keys = ("lead", "other", "h1", "a", "b", "h2", "c", "d", "h3", "e")
    lines = {key: f"{key} says so" for key in keys}
    to = {key: lines[key] for key in ("other", "h1", "a", "h2", "c", "b", "d", "h3", "e", "lead")}
    before, now = headed(lines), headed(to)
    found = Change.between(Reviewed.of(before), now)
    assert {*found.moved} == {"lead", "b"}
    assert found.regrouped == {"lead": "", "b": "h1"}
    assert closed_blocks(found, now.blocks) == frozenset()
    one = {key: lines[key] for key in ("lead", "other", "h1", "a", "h2", "c", "b", "d", "h3", "e")}
    found = Change.between(Reviewed.of(before), headed(one))
    assert closed_blocks(found, headed(one).blocks) == {"lead", "other", "h3", "e"}
    flat = {key: lines[key] for key in ("other", "a", "b", "c", "d", "lead")}
    found = Change.between(Reviewed.of(headed({"lead": lines["lead"], **flat})), headed(flat))
    assert {*found.moved} == {"lead"}
    assert closed_blocks(found, headed(flat).blocks) == {"a", "b", "c"}


PAGE = Page(
    "page", "source", "Queues", "https://app.notion.com/p/0", NOW, NOW, (("Status", "New"),)
)


def item(id_, line, type_="numbered_list_item"):
    return Block(id_, type_, 0, line, line.partition(". ")[2])


def read(*blocks, page=PAGE):
    return Snapshot(page, blocks, (), NOW)


def difference(before, now):
    return Change.between(Reviewed.of(before), now)


ONE = item("a", "1. Ask the owners")


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        (replace(PAGE, title="Queues and retries"), ("title (was “Queues”)",)),
        (replace(PAGE, properties=(("Status", "Ready"),)), ("Status (was “New”)",)),
        (replace(PAGE, properties=()), ("Status (was “New”)",)),
        (replace(PAGE, properties=(*PAGE.properties, ("Owner", "Ana"))), ("Owner",)),
    ],
)
def test_a_title_or_a_property_that_alone_changed_says_something(page, fields):
    found = difference(read(ONE), read(ONE, page=page))
    assert found.fields == fields
    assert found.says_something


def test_the_same_page_says_nothing():
    assert not difference(read(ONE), read(ONE)).says_something


def test_an_item_put_in_before_others_changes_none_of_them():
    before = read(ONE, item("b", "2. Tell the users"))
    new = item("new", "1. Write it down")
    found = difference(
        before, read(new, item("a", "2. Ask the owners"), item("b", "3. Tell the users"))
    )
    assert (found.new, found.changed, found.removed) == (frozenset({"new"}), {}, ())


def test_an_item_taken_out_changes_none_of_those_after_it():
    before = read(ONE, item("b", "2. Tell the users"))
    found = difference(before, read(item("b", "1. Tell the users")))
    assert (found.changed, found.removed) == ({}, ("1. Ask the owners",))


def test_an_item_with_other_words_is_changed_whatever_its_number():
    found = difference(read(ONE), read(item("a", "2. Ask the users")))
    assert found.changed == {"a": "1. Ask the owners"}


def test_a_number_that_is_text_is_compared():
    """Only Notion's own count is left out: in a paragraph the number was typed."""
    before = read(item("a", "1. Ask the owners", "paragraph"))
    assert difference(before, read(item("a", "2. Ask the owners", "paragraph"))).changed


@given(st.text(max_size=WAS_WHOLE), st.text(max_size=300))
def test_a_short_old_text_is_shown_whole(old: str, now: str) -> None:
    assert differing_part(old, now) == old


def test_of_a_long_old_text_the_differing_words_and_their_neighbours_are_shown() -> None:
    start, end = "The first sentence stays. " * 8, " The last sentence stays." * 8
    part = differing_part(f"{start}It holds 20 jobs.{end}", f"{start}It holds 500 jobs.{end}")
    assert part.startswith("… ")
    assert part.endswith(" …")
    assert "It holds 20 jobs." in part
    assert len(part) < WAS_WHOLE


@given(st.text("ab ", min_size=WAS_WHOLE + 1, max_size=200), st.text("ab ", max_size=200))
def test_what_is_shown_of_an_old_text_is_a_part_of_it(old: str, now: str) -> None:
    assert differing_part(old, now).removeprefix("… ").removesuffix(" …") in old


@given(PAGES, PAGES)
def test_only_what_is_new_changed_or_moved_invites_comments_unless_something_else_may_be_wrong(
    before, now
):
    found, blocks = change(before, now), page(now).blocks
    shut = closed_blocks(found, blocks)
    assert shut in (frozenset(), unchanged_blocks(found, blocks))
    assert not shut & {*found.new, *found.changed, *found.moved}
    assert bool(shut) <= bool(found.new or found.changed or found.moved)
    assert not (shut and found.removed)


def test_a_block_that_did_not_change_takes_a_comment_where_its_section_was_touched():
    lines = ("above", "h1", "a", "b", "h2", "c", "h3", "d")
    blocks = [block(key, key, kind="heading_2" if key[0] == "h" else "paragraph") for key in lines]
    touched = Change(first=False, new=frozenset(["b"]), stirred=frozenset(["h1", "h3"]))
    assert unchanged_blocks(touched, blocks) == {"above", "h2", "c"}
    assert closed_blocks(touched, blocks) == {"above", "h2", "c"}


def test_on_the_first_review_every_block_invites_comments():
    assert closed_blocks(Change(first=True), page({"a": "one"}).blocks) == frozenset()
