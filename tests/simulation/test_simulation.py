"""Never lost, never twice: whatever fails, whoever writes, whenever the process is killed."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from simulate import simulate


SEEDS = 50
MANY_SEEDS = 1_000


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_invariant_holds_in_the_history_of_seed(seed):
    verdict = simulate(seed)
    assert not verdict.wrong, str(verdict)


def test_the_histories_are_not_idle():
    records = [simulate(seed).record for seed in range(5)]
    assert sum(record.kills for record in records) >= 5
    assert sum(len(record.own) for record in records) >= 20
    assert sum(len(record.words) for record in records) >= 20
    assert sum(count for record in records for count in record.counts.values()) >= 20


@pytest.mark.real
def test_every_invariant_holds_in_a_thousand_histories():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        verdicts = pool.map(judged, range(MANY_SEEDS), chunksize=10)
        wrong = [words for words in verdicts if words]
    assert not wrong, "\n".join(wrong)


def judged(seed):
    """Return what is wrong with a seed, in words; "" where all holds."""
    try:
        verdict = simulate(seed)
    except Exception as error:  # noqa: BLE001 - a seed that ends badly is told with its number
        return f"seed {seed}: {error!r}"
    return str(verdict) if verdict.wrong else ""
