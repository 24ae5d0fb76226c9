"""How many pages a day one connection keeps reviewed: by the requests that were counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.benchlab import HOUR, Lab, later
from bench.table import Line


WATCHING = 240  # requests of an hourly sweep, and one for its query
USED = 0.98  # of the window, see the backlog
DAY = 24 * 60
SIZES = (30, 100, 300)
RATES = (180, 600)


@dataclass(frozen=True)
class Requests:
    """What reading an edited page takes: where its text is new, and where it says the same."""

    blocks: int
    reviewed: int
    same: int


async def requests(folder: Path, blocks: int) -> Requests:
    """Count the requests of a later review of a page, and of an edit that says nothing new."""
    lab = Lab(folder)
    page = lab.page("Queues", blocks)
    await later()
    await lab.sweep()
    first = lab.box.world.blocks(page)[blocks // 2]
    lab.box.world.edit_block(first, "Something else.")
    await later()
    reviewed = (await lab.sweep()).requests - 1
    lab.box.world.edit_block(first, "Something else.")
    await later()
    return Requests(blocks, reviewed, (await lab.sweep()).requests - 1)


def pages_a_day(found: Requests, rate: int, share: float) -> int:
    """Return how many edited pages a day fit, of which `share` say something new."""
    room = rate * USED * DAY - 24 * (WATCHING + 1)
    return int(room / (share * found.reviewed + (1 - share) * found.same))


async def played(folder: Path, blocks: int, count: int, rate: int) -> float:
    """Play `count` edited pages under an enforced rate; return pages a minute."""
    lab = Lab(folder, per_minute=rate, limits={"concurrent_reviews": 8})
    pages = [lab.page(f"RFC {number}", blocks) for number in range(count)]
    await later()
    await lab.sweep()
    for page in pages:
        lab.box.world.edit_block(lab.box.world.blocks(page)[blocks // 2], "Something else.")
    await later()
    lab.box.window.per_minute = rate
    swept = await lab.sweep()
    assert swept.result.pages_reviewed == count
    return count / (swept.seconds / timedelta(minutes=1).total_seconds())


def lines(found: list[Requests], minute: float, played_blocks: int) -> Iterator[Line]:
    for one in found:
        told = [f"{pages_a_day(one, rate, share):,}" for rate in RATES for share in (1.0, 0.5, 0.1)]
        yield Line(
            f"9. edited pages of {one.blocks} blocks a day at 180 / 600 requests a minute,"
            " where all / half / a tenth say something new",
            f"{' / '.join(told[:3])}; {' / '.join(told[3:])}",
            earlier=f"{int(180 * USED * DAY / (one.blocks + 14)):,}; one at a time far fewer",
            data={"blocks": one.blocks, "reviewed": one.reviewed, "same": one.same},
        )
    [same] = [one for one in found if one.blocks == played_blocks]
    computed = RATES[0] * USED / same.reviewed
    yield Line(
        f"9. the same, played: edited pages of {played_blocks} blocks a minute at {RATES[0]}",
        f"{minute:.1f}",
        f"{computed:.1f} by the formula, within a tenth",
        abs(minute / computed - 1) < 0.1,
        data={"played": minute, "computed": computed},
    )


__all__ = ["HOUR", "Requests", "lines", "pages_a_day", "played", "requests"]
