"""Defects planted into documents without any: each is found, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from daemon.review import offline
from daemon.review.offline.document import Kind, kind_of
from support.offline_markdown import snapshot
from support.places import FIXTURES, RFCS


TODAY = date(2026, 8, 1)
CLEAN = sorted((FIXTURES / "offline" / "clean").glob("*.md"))
# What the rules find in the real ones as they are; each was read and is a defect.
IN_RFCS = {
    "0016-more-attributes": [(Kind.DOUBLED, "degree degree")],
    "0235-collections-conventions": [(Kind.REFERENCE, "alternatives section")],
    "1951-expand-impl-trait": [(Kind.LEFTOVER, "TBD")],
    "3502-cargo-script": [(Kind.LEFTOVER, "TBD")],
    "3892-complex-numbers": [(Kind.EMPTY, "Unresolved questions")],
}

# Each is a whole section, so that it can stand at the end of any document.
PLANTED = {
    "a todo of the author": (
        "## Capacity\n\nThe depot takes 4,000 parcels an hour. TODO: ask Ines what Porto takes.",
        (Kind.LEFTOVER, "TODO: ask Ines what Porto takes."),
    ),
    "a number to be decided": (
        "## Limits\n\n| Limit | Value |\n|---|---|\n| Retries | TBD |\n| Timeout | 30 s |",
        (Kind.LEFTOVER, "TBD"),
    ),
    "a section to be written": (
        "## Operations\n\nTo be written.",
        (Kind.LEFTOVER, "To be written."),
    ),
    "a place for a name": (
        "## Owner\n\n[Insert the name of the owner here]",
        (Kind.LEFTOVER, "[Insert the name of the owner here]"),
    ),
    "text of the typesetters": (
        "## Glossary\n\nLorem ipsum dolor sit amet, consectetur adipiscing elit.",
        (Kind.LEFTOVER, "Lorem ipsum dolor sit amet, consectetur adipiscing elit."),
    ),
    "an article twice": (
        "## Retries\n\nA job is handed to the the next worker when its lease ends.",
        (Kind.DOUBLED, "the the"),
    ),
    "a preposition twice": (
        "## Retries\n\nThe lease of of a job ends after a minute.",
        (Kind.DOUBLED, "of of"),
    ),
    "a phrase twice over a list": (
        "## Retries\n\n- The worker asks for for a job each second.\n- It waits for a minute.",
        (Kind.DOUBLED, "for for"),
    ),
    "three reasons, two of them given": (
        "## Why now\n\nThere are three reasons:\n\n- The contract ends.\n- The disk is full.",
        (Kind.COUNT, "three reasons"),
    ),
    "two steps, of which there are four": (
        "## Steps\n\nIt takes two steps:\n\n1. Stop.\n2. Copy.\n3. Compare.\n4. Start.",
        (Kind.COUNT, "two steps"),
    ),
    "five options in words": (
        "## Choices\n\nWe considered five options:\n\n- Wait.\n- Buy.\n- Build.\n- Rent.",
        (Kind.COUNT, "five options"),
    ),
    "a section that is not there": (
        "## Format\n\nThe fields of an event are listed in section 14.3.",
        (Kind.REFERENCE, "section 14.3"),
    ),
    "an appendix that is not there": (
        "## Format\n\nThe fields of an event are listed in Appendix Q.",
        (Kind.REFERENCE, "Appendix Q"),
    ),
    "a link within the page to nowhere": (
        "## Format\n\nThe fields are listed [in the table of fields](#table-of-all-fields).",
        (Kind.REFERENCE, "in the table of fields"),
    ),
    "a month that has passed": (
        "## Schedule\n\nWe will launch in March 2024.",
        (Kind.DATE, "We will launch in March 2024."),
    ),
    "a day that has passed": (
        "## Schedule\n\nThe old worker will be switched off on 2026-07-14.",
        (Kind.DATE, "The old worker will be switched off on 2026-07-14."),
    ),
    "a quarter that has passed": (
        "## Schedule\n\nGA is planned for Q2 2025.",
        (Kind.DATE, "GA is planned for Q2 2025."),
    ),
    "a heading with nothing under it": (
        "## Cost\n\n## Team\n\nTwo people, for one month.",
        (Kind.EMPTY, "Cost"),
    ),
    "a last heading with nothing under it": (
        "## Team\n\nTwo people, for one month.\n\n## Metrics",
        (Kind.EMPTY, "Metrics"),
    ),
    "an empty section of the next level": (
        "## Operations\n\nThe team on duty owns it.\n\n### Dashboards\n\n## Team\n\nTwo people.",
        (Kind.EMPTY, "Dashboards"),
    ),
}
# The rules that know English words say nothing in a text in another language.
OF_EVERY_LANGUAGE = (Kind.EMPTY,)
GERMAN = "german-proposal"


def found(markdown: str, title: str) -> list[tuple[Kind | None, str]]:
    page = snapshot(markdown, title)
    return [(kind_of(one), one.quote) for one in offline.findings(page, TODAY)]


def pairs() -> Iterator[tuple[Path, str]]:
    for path in CLEAN:
        for defect, (_, (kind, _)) in PLANTED.items():
            if path.stem != GERMAN or kind in OF_EVERY_LANGUAGE:
                yield path, defect


@pytest.mark.parametrize(
    ("path", "defect"), list(pairs()), ids=lambda one: one.stem if isinstance(one, Path) else one
)
def test_a_planted_defect_is_the_only_one_found(path: Path, defect: str) -> None:
    section, expected = PLANTED[defect]
    text = path.read_text("utf-8")
    assert found(f"{text}\n\n{section}\n", path.stem.replace("-", " ")) == [expected]


def test_every_rule_but_that_on_missing_parts_is_planted_several_times() -> None:
    kinds = [kind for _, (kind, _) in PLANTED.values()]
    assert {kind for kind in Kind if kinds.count(kind) >= 3} == set(Kind) - {Kind.MISSING}


def rfcs() -> list[Path]:
    return sorted(RFCS.glob("*.md"))


@pytest.mark.parametrize("path", rfcs(), ids=lambda path: path.stem)
def test_in_a_real_rfc_a_planted_defect_is_found_beside_what_is_known(path: Path) -> None:
    text = path.read_text("utf-8")
    number = rfcs().index(path)
    defects = list(PLANTED.values())
    section, expected = defects[number % len(defects)]
    known = IN_RFCS.get(path.stem, [])
    assert found(text, path.stem) == known
    planted = found(f"{text}\n\n{section}\n", path.stem)
    assert sorted(map(repr, planted)) == sorted(map(repr, [*known, expected]))
