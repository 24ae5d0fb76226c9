"""`make bench`: measure, print the table; `--json` prints the numbers, `--small` takes a minute."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import idle, reading, recall, scale, tokens, watching, work, year
from bench.table import Line, stacked, table
from support import virtual_time


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    known_pages: int
    backlog: int
    state_pages: int
    work_pages: int


FULL = Size(known_pages=10_000, backlog=1_000, state_pages=10_000, work_pages=40)
SMALL = Size(known_pages=300, backlog=60, state_pages=500, work_pages=10)
THINK_SECONDS = 20.0
BLOCKS = 30  # of a page of the backlog


def _idle(folder: Path, size: Size) -> Iterator[Line]:
    yield from idle.lines(idle.measure(folder, size.known_pages))


def _page(folder: Path, _: Size) -> Iterator[Line]:
    yield from reading.page_lines(virtual_time.run(reading.one_page(folder)))


def _watching(_: Path, __: Size) -> Iterator[Line]:
    yield from watching.lines()


def _backlog(folder: Path, size: Size) -> Iterator[Line]:
    played = reading.backlog(folder, size.backlog, BLOCKS, THINK_SECONDS)
    yield from reading.backlog_lines(virtual_time.run(played))


def _work(folder: Path, size: Size) -> Iterator[Line]:
    counts = ((10, size.work_pages), (100, size.work_pages), (1_000, 5), (10_000, 1))
    yield from work.lines([work.measure(folder, blocks, pages) for blocks, pages in counts])


def _tokens(folder: Path, _: Size) -> Iterator[Line]:
    yield from tokens.lines(virtual_time.run(tokens.measure(folder)))


def _state(folder: Path, size: Size) -> Iterator[Line]:
    yield from year.lines(year.measure(folder, 100), year.measure(folder, size.state_pages))


def _recall(folder: Path, size: Size) -> Iterator[Line]:
    few, many = size.state_pages // 10, size.state_pages
    yield from recall.lines(recall.measure(folder, few), recall.measure(folder, many))


def _scale(folder: Path, _: Size) -> Iterator[Line]:
    found = []
    for blocks in scale.SIZES:
        place = folder / str(blocks)
        place.mkdir()
        found.append(virtual_time.run(scale.requests(place, blocks)))
    minute = virtual_time.run(scale.played(folder, 100, 60, 180))
    yield from scale.lines(found, minute, 100)


PARTS: tuple[Callable[[Path, Size], Iterator[Line]], ...] = (
    *(_idle, _page, _watching, _backlog, _work, _tokens, _state, _recall, _scale),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", metavar="PART", choices=[part.__name__[1:] for part in PARTS])
    asked = parser.parse_args()
    lines: list[Line] = []
    for part in PARTS:
        if asked.only and part.__name__[1:] != asked.only:
            continue
        began = time.monotonic()
        with TemporaryDirectory() as folder:
            lines += part(Path(folder), SMALL if asked.small else FULL)
        print(f"{part.__name__[1:]}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if asked.json:
        print(json.dumps([_json(line) for line in lines], indent=1))
    else:
        wide = list(table(lines))
        fits = not sys.stdout.isatty() or len(wide[0]) <= shutil.get_terminal_size().columns
        print("\n".join(wide if fits else stacked(lines)))


def _json(line: Line) -> dict[str, object]:
    said = {"what": line.what, "measured": line.value, "target": line.target}
    return said | {"reached": line.reached, "earlier": line.earlier} | line.data


if __name__ == "__main__":
    main()
