"""What the prompt page wants to be said of every document."""

from __future__ import annotations

import pytest

from daemon.sweep.conclusion import checklist_text, missing_sections
from support.review_values import block, heading


def test_what_is_not_answered_is_named() -> None:
    said = checklist_text(["Owner?", "Cost?"], {2: "Ten\nthousand."}, lambda text, _: text)
    assert said == "Checklist:\n- Owner? — **not answered**\n- Cost? — Ten thousand."
    assert checklist_text([], {}, lambda text, _: text) == ""


@pytest.mark.parametrize(
    ("head", "there"),
    [
        ("Rollout", True),
        ("3. Rollout plan", True),
        ("IV. rollout", True),
        ("2) ROLLOUT:", True),
        ("Rollouts", False),
        ("Our rollout", False),
        ("", False),
    ],
)
def test_a_heading_names_a_section_that_it_begins_with(head: str, there: bool) -> None:  # noqa: FBT001 - a table
    found = missing_sections(
        ["Rollout"], [heading("h", head), block("p", "Rollout happens in May.")]
    )
    assert found == (() if there else ("Rollout",))
