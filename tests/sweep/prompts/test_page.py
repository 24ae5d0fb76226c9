"""The settings on a prompt page: what is read, what is refused, and that they only narrow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import Limits
from daemon.domain.values import NO_SETTINGS, PromptSettings, Severity
from daemon.sweep.budget import narrowed
from daemon.sweep.prompts.page import ITEMS, OPERATORS, InvalidSettings, read_settings


ALLOWED = Limits()


FULL = """
limits:
  comments_per_review: 3
  cost_per_review: 0.5
report: important
sections: [Rollout, 2026]
checklist:
  - Who owns it?
"""


def test_every_setting_is_read() -> None:
    assert read_settings(FULL, ["Who owns it?", "What does it cost?"], ALLOWED) == PromptSettings(
        (("comments_per_review", 3), ("cost_per_review", 0.5)),
        Severity.IMPORTANT,
        ("Rollout", "2026"),
        ("Who owns it?", "What does it cost?"),
    )


@pytest.mark.parametrize("source", ["", "\n", "# limits: {rounds: 1}", "limits:", "limits: {}"])
def test_a_block_that_sets_nothing_is_no_mistake(source: str) -> None:
    assert read_settings(source, [], ALLOWED) == NO_SETTINGS


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("limits: {comments_per_review: 50}", "1: limits.comments_per_review: is more than config"),
        ("limits: {cost_per_day: 5}", "holds for all databases; only config.yaml sets it"),
        ("limits: {concurrent_reviews: 1}", "only config.yaml sets it"),
        ("limits: {cost_per_review: 100.0}", "is more than config.yaml allows; 2.0 is the most"),
        ("limits: {round: 1}", "limits.round: unknown key; did you mean rounds?"),
        ("limits: {rounds: none}", "limits.rounds"),
        ("limits: [", "is broken YAML"),
        ("\nstate: elsewhere.db", "YAML block:2: state: unknown key"),
        ("- one\n- two", "is not a mapping of keys"),
        ("report: loud", "write blocking, important or minor"),
        ("sections: Rollout", "is not a list"),
        ("sections: [a]\nsections: [b]", "stands here again"),
        ("checklist: [" + "x, " * ITEMS + "x]", f"{ITEMS} are the most"),
        ("checklist: [" + "x" * 201 + "]", "200 are the most"),
        ("checklist: [sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789]", "a secret has no place"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(source: str, told: str) -> None:
    with pytest.raises(InvalidSettings) as mistaken:
        read_settings(source, [], ALLOWED)
    assert told in str(mistaken.value)
    assert "sk-ant" not in str(mistaken.value)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines() -> None:
    with pytest.raises(InvalidSettings) as mistaken:
        read_settings(
            "floor: 1\nlimits: {rounds: 0, cost_per_day: 1}\nreport: x\nlimits: {}", [], ALLOWED
        )
    lines = [int(line.split(":")[1]) for line in str(mistaken.value).splitlines()]
    assert lines == [1, 2, 2, 3, 4]


def test_too_many_todo_items_are_a_mistake_too() -> None:
    with pytest.raises(InvalidSettings, match=f"{ITEMS} are the most"):
        read_settings("", [f"Point {n}?" for n in range(ITEMS + 1)], ALLOWED)


KEYS = sorted(Limits.model_fields.keys() - OPERATORS)


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 10**6)), max_size=5),
    st.integers(1, 50),
    st.floats(0.01, 50),
)
def test_what_a_page_sets_never_widens_what_the_config_allows(
    given_: list[tuple[str, int]], rounds: int, dollars: float
) -> None:
    allowed = Limits(rounds=rounds, cost_per_review=dollars)
    found = narrowed(allowed, PromptSettings(limits=tuple(given_)))
    for key in Limits.model_fields:
        assert getattr(found, key) <= getattr(allowed, key)
        wanted = [value for name, value in given_ if name == key]
        if wanted:
            assert getattr(found, key) <= wanted[-1]
