"""C1, C2, C3 and C5: no edit is lost to floored times, a wrong clock or a late index."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from simulation.polls import polled


FEW_SEEDS = range(2)
MANY_SEEDS = range(200)
LAG = timedelta(seconds=90)
SKEWS = [timedelta(seconds=120), timedelta(seconds=-120), timedelta(hours=1), timedelta(hours=-1)]


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_c1_after_bursts_of_edits_every_page_was_read_as_it_is(seed, tmp_path):
    assert polled(seed, tmp_path).stale == []


@pytest.mark.parametrize("skew", SKEWS, ids=str)
def test_c2_a_machine_whose_clock_is_wrong_finds_the_same(skew, tmp_path):
    assert polled(2, tmp_path, skew=skew).stale == []


@pytest.mark.parametrize("seed", FEW_SEEDS)
def test_c3_edits_that_a_query_shows_late_are_found(seed, tmp_path):
    assert polled(seed, tmp_path, lag=LAG).stale == []


@pytest.mark.parametrize("lag", [timedelta(0), LAG], ids=str)
def test_c5_the_checkpoint_moves_forward_only_and_passes_nothing_that_is_not_queued(lag, tmp_path):
    """A page that settles is queued, durably: the checkpoint may pass it."""
    seen = polled(3, tmp_path, lag=lag, skew=timedelta(hours=1))
    assert len(seen.checkpoints) > 20
    for (_, before), (_, after) in pairwise(seen.checkpoints):
        assert before <= after
    assert all(checkpoint <= now for now, checkpoint in seen.checkpoints)
    assert seen.ahead == []


@pytest.mark.real
def test_c1_c2_c3_hold_for_two_hundred_seeds():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        stale = [words for words in pool.map(judged, MANY_SEEDS, chunksize=10) if words]
    assert not stale, "\n".join(stale)


def judged(seed):
    """Return what is stale under the seed's own clock and index, in words; "" where nothing is."""
    skew = [timedelta(0), *SKEWS][seed % 5]
    lag = [timedelta(0), LAG][seed % 2]
    with TemporaryDirectory() as folder:
        stale = polled(seed, Path(folder), skew=skew, lag=lag).stale
    return f"seed {seed}, clock off by {skew}, index {lag} late: {stale}" if stale else ""
