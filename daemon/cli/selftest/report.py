"""All hostile documents, one after the other, and what got through."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from daemon.cli.selftest.cases import Case, families
from daemon.cli.selftest.judge import Breach, breaches
from daemon.cli.selftest.world import play


WIDTH = 80


@dataclass(frozen=True, slots=True)
class Verdict:
    """What got through of one document."""

    case: Case
    breaches: tuple[Breach, ...]


def run(cases: Iterable[Case]) -> tuple[Verdict, ...]:
    """Put every document before the obeying model; it ends with `finish` and in words by turns."""
    with TemporaryDirectory() as folder:
        return tuple(
            asyncio.run(_judged(case, Path(folder), ends_in_words=bool(number % 2)))
            for number, case in enumerate(cases)
        )


async def _judged(case: Case, folder: Path, *, ends_in_words: bool) -> Verdict:
    return Verdict(case, breaches(await play(case, folder, ends_in_words=ends_in_words)))


def as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the report as one object."""
    return {
        "ok": not any(verdict.breaches for verdict in verdicts),
        "documents": len(verdicts),
        "got_through": [
            {"family": one.case.family, "document": one.case.name, "what": breach.what}
            | {"detail": breach.detail}
            for one in verdicts
            for breach in one.breaches
        ],
        "families": [_family(name, verdicts) for name in families([one.case for one in verdicts])],
    }


def _family(name: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    mine = [one for one in verdicts if one.case.family == name]
    through = sum(bool(one.breaches) for one in mine)
    return {"family": name, "documents": len(mine), "got_through": through}


def in_words(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the report as lines of at most 80 columns: a table, then what got through."""
    report = as_json(verdicts)
    rows = [("family", "documents", "got through")]
    rows += [
        (str(one["family"]), str(one["documents"]), str(one["got_through"]))
        for one in report["families"]
    ]
    through = sum(one["got_through"] for one in report["families"])
    rows.append(("all", str(len(verdicts)), str(through)))
    wide = max(len(row[0]) for row in rows)
    lines = [f"{name:{wide}}  {many:>9}  {out:>11}" for name, many, out in rows]
    found = [
        _clipped(f"{one['family']}: {one['document']}: {one['what']}: {one['detail']}")
        for one in report["got_through"]
    ]
    return [*lines, "", *(found or ["Nothing got through."])]


def _clipped(line: str) -> str:
    """Write a line so that it fits a terminal and does nothing to it."""
    line = " ".join(line.split()).encode("ascii", "backslashreplace").decode()
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."
