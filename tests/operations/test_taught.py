"""What a team's noes teach, over hundreds of documents; and what they do not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import Finding, Severity, Source
from daemon.operations.taught import EVERY, LEAST, Unwanted, features, unwanted
from daemon.store.views.reporting import SettledPoint


BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
# What the points of each matter are titled, and the heading that they stand under.
MATTERS = {
    "rollback": (
        ["No rollback plan", "Rollback is not planned", "Say how to roll it back by a plan"],
        "Rollout",
    ),
    "owner": (["Nobody owns the queue", "The owner of the queue is missing"], "Rollout plan"),
    "cost": (["The cost per month is unknown", "Monthly cost is not estimated"], "Costs"),
    "tests": (["Load tests are not described", "No load test of the worker"], "Testing"),
    "naming": (["Two names for one queue", "Queue has two names"], "Unwanted"),
}


def point(
    matter: str, page: int, *, declined: bool = False, mended: datetime | None = None, n: int = 0
) -> SettledPoint:
    titles, section = MATTERS[matter]
    title = titles[n % len(titles)]
    made = Finding("b", "q", f"{title}: say more.", Severity.IMPORTANT, title=title)
    url = f"https://app.notion.com/p/{page}"
    return SettledPoint(made, section, f"page {page}", f"RFC {page}", url, "", declined, mended)


class Team:
    """Two hundred documents, a day each; who settles a point does it as the team's taste is."""

    def __init__(self, seed: int) -> None:
        self.rng, self.settled = Random(seed), list[SettledPoint]()
        self.made: list[tuple[int, Unwanted]] = []

    def lives(self, wanted: dict[str, range]) -> None:
        """Act on the points of a matter on the days when it is wanted, else turn them down."""
        last = -EVERY.days
        for day in range(200):  # virtual time: a document each
            for matter in self.rng.sample(sorted(MATTERS), 2):
                acts = day in wanted.get(matter, range(0))
                at = BEGIN + day * DAY if acts else None
                chosen = self.rng.randrange(3)
                self.settled.append(point(matter, day, declined=not acts, mended=at, n=chosen))
            former = [one.kind for _, one in self.made]
            found = (
                unwanted(self.settled, former)
                if day >= last + EVERY.days and day % 5 == 0
                else None
            )
            if found:
                last = day
                self.made.append((day, found))

    def proposed(self) -> list[str]:
        return [matter_of(one) for _, one in self.made]


def matter_of(found: Unwanted) -> str:
    (matter,) = {
        name
        for one in found.declined
        for name, (titles, _) in MATTERS.items()
        if one.finding.title in titles
    }
    return matter


@pytest.mark.parametrize("seed", range(5))
def test_a_team_is_told_of_what_it_never_wants_once_each_and_at_most_monthly(seed: int) -> None:
    team, always = Team(seed), range(200)
    team.lives({"owner": always, "cost": always, "tests": always})
    assert set(team.proposed()) == {"rollback", "naming"}
    # A matter that is titled in other words can be a kind of its own; none comes twice.
    kinds = [one.kind for _, one in team.made]
    assert len(set(kinds)) == len(kinds)
    days = [day for day, _ in team.made]
    assert all(later - day >= EVERY.days for day, later in pairwise(days))
    for at, (_, found) in enumerate(team.made):
        assert len(found.declined) >= LEAST
        assert not any(
            one.kind <= features(it) for _, one in team.made[:at] for it in found.declined
        )


@pytest.mark.parametrize("seed", range(5))
def test_what_was_once_acted_on_is_never_proposed_and_a_new_taste_is(seed: int) -> None:
    team = Team(seed)
    # Wanted at first, and then no more; never wanted; not at first, and then always.
    team.lives(
        {"owner": range(30), "cost": range(60), "tests": range(60), "naming": range(60, 200)}
    )
    assert "rollback" in team.proposed()
    assert not {"owner", "cost", "tests"} & set(team.proposed())
    assert all(day < 60 for day, found in team.made if matter_of(found) == "naming")


def test_a_team_that_wants_everything_or_settles_little_hears_nothing() -> None:
    team, always = Team(1), range(200)
    team.lives(dict.fromkeys(MATTERS, always))
    assert team.made == []
    few = [point("rollback", page, declined=True) for page in range(LEAST - 1)]
    assert unwanted(few, ()) is None
    assert unwanted([*few, point("owner", 9, declined=True)], ()) is None
    on_one = [point("rollback", 1, declined=True, n=n) for n in range(5)]
    assert unwanted(on_one, ()) is None  # one document is no habit


def test_the_line_names_what_the_points_share() -> None:
    found = unwanted([point("cost", page, declined=True, n=page) for page in range(4)], ())
    assert found is not None
    assert found.line == (
        "Leave out points on “cost” under “risks”, such as “Monthly cost is not estimated”."
    )
    text = "Left open: say what stands here."
    rule = Finding("b", "TBD", text, Severity.MINOR, Source.CHECK, "TBD is left")
    by_rule = [
        SettledPoint(rule, "", f"page {page}", "RFC", "", declined=True) for page in range(3)
    ]
    assert unwanted(by_rule, ()) is not None


MATTER = st.tuples(
    st.sampled_from(sorted(MATTERS)), st.integers(0, 9), st.sampled_from(["no", "done", "closed"])
)


@given(st.lists(MATTER, max_size=30))
def test_whatever_happens_an_unwanted_kind_has_three_noes_and_nothing_that_was_acted_on(
    happened: Sequence[tuple[str, int, str]],
) -> None:
    settled = [
        point(one, page, declined=how == "no", mended=BEGIN if how == "done" else None)
        for one, page, how in happened
    ]
    found, former = unwanted(settled, ()), list[frozenset[str]]()
    while found:
        assert len(found.declined) >= LEAST
        assert not any(one.mended_at and found.kind <= features(one) for one in settled)
        assert found.kind not in former
        former.append(found.kind)
        found = unwanted(settled, former)
