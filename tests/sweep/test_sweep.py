"""A long sweep in virtual time: who asks meanwhile does not wait for its end."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bench.benchlab import Calls, Lab, later
from daemon.store import sweeps
from daemon.store.database import open_state
from daemon.sweep.sweep import Result
from support import virtual_time
from support.program import words


# Four at a time
FEW, MANY = 20, 1_000
REVIEW = timedelta(minutes=10)
EVERY = timedelta(minutes=15)


def think(document: str) -> Calls:
    """Answer who waits; else say something of the first paragraph."""
    waiting = [line.split()[0][1:] for line in document.splitlines() if line.startswith("[T")]
    if ", new: " in document:
        return [("reply", {"thread": waiting[0], "text": "A queue of jobs."}), ("finish", {})]
    point = {"block": "B2", "quote": "A sentence", "text": "Which?", "severity": "minor"}
    return [("comment", point), ("finish", {"summary": ""})]


async def told_in_the_midst(
    folder: Path, count: int, after: timedelta, *, named: bool
) -> tuple[timedelta, Result]:
    """Ask something, and pause a page that waits, so long after a sweep over many pages began.

    It is asked in the thread where something happened last, or on a block without one that an event
    names.

    Returns:
        How long the answer takes, and what came of the sweep.
    """
    lab = Lab(folder, watch_requests=240, schedule={"every": EVERY}, lookback=timedelta(days=2))
    lab.model.think = think
    first = lab.page("First", 3)
    last = lab.page("Last", 2)
    await later()
    await lab.sweep()
    for number in range(count - 1):
        lab.page(f"RFC {number}", 2)
    await later()
    lab.box.world.edit_block(lab.box.world.blocks(last)[1].id, "A sentence that is new.")
    await later()
    lab.model.seconds = REVIEW.total_seconds()
    sweep = asyncio.create_task(lab.sweep())
    await asyncio.sleep(after.total_seconds())
    began = virtual_time.now()
    block, point = lab.box.world.blocks(first)[2].id, list(lab.box.world.comments())[-1]
    asked = lab.box.world.comment(
        block if named else point, "RFC reviewer, which queue do you mean?", by=lab.ana
    )
    if named:
        with closing(open_state(folder / "state.db")) as state:
            sweeps.nominate(state, [sweeps.Nomination(first, block, began)])
    lab.box.world.comment(last, "RFC reviewer, pause", by=lab.ana)
    result = (await sweep).result
    said = lab.box.world.comments()
    [answer] = [one for one in said if words(one) == "A queue of jobs."]
    assert answer.discussion_id == asked.discussion_id
    return answer.created - began, result


LONG_AFTER = 20 * 60


@pytest.mark.parametrize(
    ("count", "minutes", "named"),
    [
        *((FEW, 2, False), (FEW, 22, False), (FEW, 2, True), (FEW, 22, True)),
        pytest.param(MANY, LONG_AFTER, False, marks=pytest.mark.real),
    ],
)
def test_a_question_during_a_long_sweep_is_answered_within_two_intervals(
    tmp_path: Path, *, count: int, minutes: int, named: bool
) -> None:
    telling = told_in_the_midst(tmp_path, count, timedelta(minutes=minutes), named=named)
    waited, result = virtual_time.run(telling)
    # What an event names waits for the reviews under way alone, and takes as long as one of them.
    assert waited <= (2 * REVIEW if named else 2 * EVERY)
    # The page that was paused meanwhile is left alone.
    assert result.pages_reviewed == count - 1
