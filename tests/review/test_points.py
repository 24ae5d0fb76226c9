"""What counts as said before, and which findings are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.findings import FindingState
from daemon.domain.values import Finding, Severity, Source
from daemon.review import quotes
from daemon.review.points import (
    OwnPoint,
    free_words,
    holding,
    how_closed,
    is_repeat,
    is_same_elsewhere,
    is_same_matter,
    ranked,
    standing,
)
from support.review_values import block, finding


TEXT = "We use Redis as the queue. We use Redis for the cache."


@pytest.mark.parametrize(
    ("quote", "text", "again"),
    [
        ("Redis as the queue", "Other words entirely.", True),
        ("We use Redis as the queue.", "Other words entirely.", True),
        ("the cache", "Say why not Postgres.", True),
        ("the cache", "Why not Postgres? Say why not.", True),
        ("the cache", "Please say why not just Postgres.", True),
        ("the cache", "Say why.", False),
        ("the cache", "Say why not just cron.", False),
        ("the cache", "Say what Postgres costs.", False),
        ("the cache", "Who pays for it?", False),
    ],
)
def test_the_same_point_is_an_overlapping_quote_or_the_same_words(
    quote: str,
    text: str,
    again: bool,  # noqa: FBT001 - a column of the table
) -> None:
    old = finding("b", "Redis as the queue", "Say why not Postgres.")
    assert is_repeat(finding("b", quote, text), [old], block("b", TEXT)) is again


def test_a_point_may_come_again_where_its_text_is_gone_or_on_another_block() -> None:
    old = finding("b", "Kafka as the queue", "Say why not Postgres.")
    new = finding("b", "Redis as the queue", "Say why not Postgres.")
    assert not is_repeat(new, [old], block("b", TEXT))
    assert not is_repeat(new, [finding("c", new.quote, new.text)], block("b", TEXT))


def test_a_finding_stands_while_its_very_words_do() -> None:
    old = finding("b", "at most 10 requests a second")
    assert standing([old], [block("b", "It takes at most  10 requests a second.")]) == [old]
    assert standing([old], [block("b", "It takes at most 50 requests a second.")]) == []
    assert standing([old], [block("c", "It takes at most 10 requests a second.")]) == []


@pytest.mark.parametrize(
    ("quote", "text", "holds"),
    [
        ("slice::from_raw", "It calls `slice::from_raw`, twice.", True),
        ("slice::from_raw", "It calls slice::from_raw_parts.", False),
        ("slice::from_raw", "It calls subslice::from_raw.", False),
        ("from_raw_parts", "It calls slice_from_raw_parts.", False),
        ("at most 10 requests", "It takes at most 10 requests.", True),
        ("at most 10 request", "It takes at most 10 requests.", False),
        ("10 requests", "It takes at most 10 requests.", False),
    ],
)
def test_another_block_has_the_words_of_a_finding_where_they_are_whole_and_not_few(
    quote: str,
    text: str,
    holds: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert bool(holding(finding("gone", quote), [block("other", text)])) is holds


PLACES = [block(key, "zero one two three") for key in "abc"]


MADE = st.lists(
    st.builds(
        finding,
        st.sampled_from("abc"),
        st.sampled_from(["zero", "one", "two", "three"]),
        severity=st.sampled_from(Severity),
    ),
    unique_by=lambda one: (one.block_id, one.quote),
    max_size=12,
)


@given(MADE, st.sampled_from(Severity))
def test_the_gravest_come_first_and_the_order_of_the_model_holds_among_equals(
    made: list[Finding], floor: Severity
) -> None:
    found = ranked(made, floor)
    assert sorted(found, key=made.index) == [one for one in made if one.severity.rank <= floor.rank]
    assert [one.severity.rank for one in found] == sorted(one.severity.rank for one in found)
    for severity in Severity:
        same = [one for one in found if one.severity is severity]
        assert same == sorted(same, key=made.index)


def test_of_equals_a_rules_finding_falls_behind_the_models() -> None:
    by_rule = Finding("b", "q", "t", Severity.MINOR, Source.CHECK)
    assert (
        ranked([by_rule, finding("a", "x", severity=Severity.MINOR)], Severity.MINOR)[1] is by_rule
    )


@pytest.mark.parametrize(
    ("on", "quote", "text", "expected"),
    [
        ("a", "10 requests", "How long?", True),
        ("a", "It takes", "How was this measured, and when?", True),
        ("a", "It takes", "Which queue?", False),
        ("b", "10 requests", "How was this measured, and when?", False),
    ],
)
def test_a_finding_is_about_an_open_point_by_its_quote_or_its_words(on, quote, text, expected):
    open_point = finding("a", "10 requests", "How was this measured, and when?")
    said = finding(on, quote, text)
    assert is_same_matter(said, open_point, block(on, "It takes 10 requests.")) is expected


ONE = Finding(
    "a",
    "we keep it for five days",
    "The summary promises five days, and the job in section 4 deletes after three.",
    Severity.IMPORTANT,
    title="Five days promised, three kept",
)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"title": ONE.title.upper(), "quote": "x", "text": "y"}, True),
        ({"quote": ONE.quote, "title": "x", "text": "y"}, True),
        (
            {
                "text": "The job in section 4 deletes after three, the summary promises five days.",
                "title": "x",
                "quote": "y",
            },
            True,
        ),
        ({"title": "x", "quote": "deletes after three", "text": "Say which one holds."}, False),
        ({"title": "x", "quote": "y", "text": ONE.text.replace("five", "six")}, False),
        ({"title": f"{ONE.title} there", "quote": "y", "text": "z"}, False),
        ({"source": Source.CHECK}, False),
        ({"block_id": "a"}, False),
    ],
)
def test_one_matter_on_two_blocks_is_known_by_its_title_its_quote_or_its_words(change, same):
    other = replace(ONE, **{"block_id": "b"} | change)
    assert is_same_elsewhere(other, ONE) is same
    assert is_same_elsewhere(ONE, other) is same


def test_a_short_quote_begins_many_sentences_and_makes_no_matter():
    other = Finding("b", "Only implement this for", "Say whom.", Severity.MINOR, title="Left open")
    assert not is_same_elsewhere(replace(ONE, quote=other.quote), other)
    quote = f"{other.quote} the slice of bytes"
    assert is_same_elsewhere(replace(ONE, quote=quote), replace(other, quote=quote))


@pytest.mark.parametrize("words", ["No owner", "N/A", "Say why not.", ""])
def test_few_words_name_a_kind_of_flaw_and_no_matter(words):
    other = Finding("b", words, words, Severity.MINOR, title=words)
    assert not is_same_elsewhere(replace(other, block_id="a"), other)


@pytest.mark.parametrize(
    ("state", "why", "said"),
    [
        (FindingState.DISMISSED, "Ana Costa said no", "Ana Costa said no"),
        (FindingState.DISMISSED, "Ana\\_C (you): said no", "Ana_C you said no"),
        (FindingState.DISMISSED, "a person said no", "a person said no"),
        (FindingState.DISMISSED, "", "a person said no"),
        (FindingState.ADDRESSED, "“words”", "you ruled that it is fixed"),
        (FindingState.OPEN, "made", ""),
        (FindingState.ANSWERED, "a person wrote in its thread", ""),
    ],
)
def test_the_model_is_told_who_closed_a_point(state, why, said):
    assert how_closed(state, why) == said


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"gone": True, "mute": "it went"}, "; nothing can be said in it: it went"),
        ({"mute": "it takes no more"}, "; nothing can be said in it: it takes no more"),
        ({"closed": "Ana said no", "mute": "Ana's word"}, " (closed: Ana said no; Ana's word)"),
        ({"closed": "you withdrew it"}, " (closed: you withdrew it)"),
        ({}, ""),
    ],
)
def test_the_model_is_shown_what_takes_no_ruling(how, said):
    assert OwnPoint(1, finding("b", "10"), "T", **how).stands({"b": "B33"}) == said


def test_on_a_block_that_lost_an_open_points_words_that_is_ruled_on_first():
    open_point = finding("a", "10 requests", "Measured?")
    assert is_same_matter(
        finding("a", "50", "Which queue?"), open_point, block("a", "It takes 50.")
    )


@given(st.lists(st.tuples(st.integers(0, 54), st.integers(1, 30)), max_size=4))
def test_the_free_words_of_a_block_stand_there_and_no_finding_quotes_any(spans):
    held = block("b", TEXT)
    said = [finding("b", TEXT[at : at + length].strip()) for at, length in spans]
    said = [one for one in said if one.quote]
    free = free_words(held, [*said, finding("c", TEXT)])
    assert free in TEXT
    assert not any(quotes.overlap(free, one.quote, TEXT) for one in said)
    assert free or said
