"""With Notion's events, lost, doubled, late, reordered and forged, all holds that holds without."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest

from simulation.simulate import simulate
from simulation.test_simulation import SEEDS, judged


MANY_SEEDS = 200


@pytest.mark.parametrize("seed", SEEDS[:1])
def test_every_invariant_holds_with_events_in_the_history_of_seed(seed):
    verdict = simulate(seed, events=True)
    assert not verdict.wrong, str(verdict)
    told = "\n".join(verdict.record.trace)
    assert "event comes" in told
    assert "events.named" in told


@pytest.mark.real
def test_every_invariant_holds_with_events_in_two_hundred_histories():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        verdicts = pool.map(partial(judged, events=True), range(MANY_SEEDS), chunksize=10)
        wrong = [words for words in verdicts if words]
    assert not wrong, "\n".join(wrong)
