"""The test of the tests: the simulation catches faults."""

from __future__ import annotations

import pytest

from simulation import planted
from simulation.simulate import simulate
from support.rows import some


# One history in twenty-five shows the rarest fault; which ones changes with the program, and of so
# many none missing it is one case in three thousand.
SEEDS = 200


# Seeds that caught each fault lately: asked first, since they mostly still do.
CAUGHT = {
    "checkpoint_early": (56, 70, 75),
    "intent_after_post": (8, 13),
    "equal_timestamp_skipped": (2, 7),
    "hash_of_a_partial_read": (8, 11),
    "reply_cursor_by_time": (0, 3),
}


@pytest.mark.parametrize(
    "plant",
    some(
        {plant.__name__: plant for plant in planted.ALL},
        {"equal_timestamp_skipped"},
    ),
)
def test_the_simulation_catches_the_planted_fault(plant):
    with plant():
        assert any(simulate(seed).wrong for seed in most_telling(plant.__name__))


def most_telling(plant):
    """Give the seeds, those first that are known to catch the fault."""
    return sorted(range(SEEDS), key=lambda seed: seed not in CAUGHT[plant])
