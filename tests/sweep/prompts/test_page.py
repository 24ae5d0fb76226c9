"""The settings on a prompt page: what is read, what is refused, and that they only narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import Limits
from daemon.domain.errors import Incomplete
from daemon.domain.values import NO_SETTINGS, Page, Prompt, PromptSettings, Severity
from daemon.sweep.budget import narrowed
from daemon.sweep.prompts.page import (
    ITEMS,
    OPERATORS,
    InvalidSettings,
    joined,
    read_settings,
    rows_of,
)


NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAGE = Page("page-1", "source-1", "RFC", "", NOON, NOON)


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


def row(title: str, applies: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """Return a row of a prompt database as Notion sends it."""
    made = f"2026-11-20T10:{len(title):02}:00.000Z"
    given = {"Name": {"type": "title", "title": [{"plain_text": title}]}}
    given |= {name: {"type": kind, kind: value} for name, (kind, value) in values.items()}
    given |= {"Applies to": applies} if applies else {}
    return {"id": title, "created_time": made, "last_edited_time": made, "properties": given}


def chosen(*names: str) -> dict[str, Any]:
    return {"type": "multi_select", "multi_select": [{"name": name} for name in names]}


ROWS = [
    row("Rest", order=("number", None)),
    row("Security", chosen("API"), order=("number", 2)),
    row("Off", active=("checkbox", False)),
    row("Style", chosen("Blog", "Tags: public"), order=("number", 1), ACTIVE=("checkbox", True)),
    row("Typed in", {"type": "rich_text", "rich_text": [{"plain_text": "Draft; tags: inner , "}]}),
    {**row("Gone"), "in_trash": True},
]


@pytest.mark.parametrize(
    ("choices", "titles"),
    [
        ([("Type", ("API",))], ["Security", "Rest"]),
        ([("Kind", ("api",))], ["Security", "Rest"]),
        ([("Type", ("Blog",)), ("Tags", ("public", "API"))], ["Style", "Security", "Rest"]),
        ([("Other", ("public",))], ["Rest"]),
        ([("Tags", ("inner",)), ("Status", ("draft",))], ["Rest", "Typed in"]),
        ([("Type", ("APIs",))], ["Rest"]),
        ([], ["Rest"]),
    ],
)
def test_the_rows_of_a_prompt_database_that_apply_in_their_order(
    choices: Sequence[tuple[str, tuple[str, ...]]], titles: list[str]
) -> None:
    document = replace(PAGE, choices=tuple(choices))
    assert [one.title for one in rows_of(ROWS) if one.fits(document)] == titles


def test_part_of_a_row_is_no_row() -> None:
    with pytest.raises(Incomplete):
        rows_of([{"id": "a"}])


def test_lenses_have_the_narrowest_limits_the_mildest_floor_and_all_that_each_asks() -> None:
    first = PromptSettings(
        (("comments_per_review", 4), ("rounds", 3)), Severity.BLOCKING, ("Rollout",), ("Who?",)
    )
    second = PromptSettings(
        (("comments_per_review", 2),), Severity.IMPORTANT, ("Rollout", "Cost"), ("Who?", "When?")
    )
    one = Prompt("Security", "Be strict.", "1", (("Guide", "a"),), first)
    two = Prompt("Style", "Be kind.", "2", (("Guide", "a"), ("Words", "b")), second)
    found = joined([one, two], "Lenses", "d")
    assert found.lenses == ("Security", "Style")
    assert (found.name, found.origin) == ("Lenses", "d")
    assert found.rules == PromptSettings(
        (("comments_per_review", 2), ("rounds", 3)),
        Severity.IMPORTANT,
        ("Rollout", "Cost"),
        ("Who?", "When?"),
    )
    assert found.knowledge == (("Guide", "a"), ("Words", "b"))
    assert (
        found.text.index("Be strict.") < found.text.index("Lens: Style") < found.text.index("kind")
    )
    alone = joined([one], "Lenses", "d")
    assert (alone.text, alone.rules, alone.lenses) == ("Be strict.", first, ("Security",))
