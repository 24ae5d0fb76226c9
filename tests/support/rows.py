"""Rows of tests that take long: some of them for `make test`, all for `make test-real`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import cycle
from typing import Any

import pytest


def some(table: Mapping[str, object], quick: Collection[str]) -> list[Any]:
    """Return a row for each value, under its name; the names in `quick` are in `make test`."""
    assert set(quick) <= set(table)
    return [
        pytest.param(value, id=name, marks=() if name in quick else pytest.mark.real)
        for name, value in table.items()
    ]


def pairs(first: Mapping[str, object], second: Mapping[str, object]) -> list[Any]:
    """Return a row for each pair; in `make test` each value is in one pair at least."""
    longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
    quick = {frozenset(pair) for pair in zip(longer, cycle(shorter), strict=False)}
    return [
        pytest.param(
            one,
            other,
            id=f"{name}-{its}",
            marks=() if frozenset((name, its)) in quick else pytest.mark.real,
        )
        for name, one in first.items()
        for its, other in second.items()
    ]
