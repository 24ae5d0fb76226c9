"""Run a seed and judge it. To see one again, with all that happened:

PYTHONPATH=tests .venv/bin/python -m simulation.simulate 17
PYTHONPATH=tests .venv/bin/python -m simulation.simulate 17 events
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from simulation.final import Final, with_final_reading
from simulation.history import Ended, live
from simulation.invariants import AFTER_EACH_SWEEP, AT_END
from simulation.record import Record


@dataclass(frozen=True)
class Verdict:
    """What came of one seed."""

    record: Record
    wrong: list[str]

    def __str__(self) -> str:
        """Say what is wrong, and how to see it again."""
        seed = self.record.seed
        command = f"PYTHONPATH=tests .venv/bin/python -m simulation.simulate {seed}"
        return "\n  ".join([f"seed {seed} (replay: {command})", *self.wrong[:10]])


class Judge:
    """The invariants, where `history` asks for them."""

    def after_sweep(self, so_far: Ended) -> list[str]:
        return _told(AFTER_EACH_SWEEP, so_far)

    async def at_end(self, ended: Ended) -> list[str]:
        final = await with_final_reading(ended)
        return _told(AT_END, final)


def _told(checks: Iterable[Callable[[Any], Iterable[str]]], seen: Ended | Final) -> list[str]:
    return [f"{check.__name__}: {wrong}" for check in checks for wrong in check(seen)]


def simulate(seed: int, *, events: bool = False) -> Verdict:
    """Run one history; an error out of the program itself is wrong too."""
    return Verdict(*live(seed, Judge(), events=events))


if __name__ == "__main__":
    verdict = simulate(int(sys.argv[1]), events="events" in sys.argv[2:])
    seen = verdict.record
    told = f"digest {seen.digest}: {seen.kills} kills, {len(seen.own)} own comments"
    ending = str(verdict) if verdict.wrong else "all invariants hold"
    lines = [*seen.trace, told, ending]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(bool(verdict.wrong))
