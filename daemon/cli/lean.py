"""Imports without what they load on sight and a run without a terminal never needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def without(name: str) -> Iterator[None]:
    """Let imports in the block fail to find the module `name`, unless it is loaded already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # documented: the import then fails
    try:
        yield
    finally:
        del sys.modules[name]


def libraries() -> None:
    """Import httpx and structlog without rich, which both load for output that is not used."""
    with without("rich"):
        import_module("structlog")
        import_module("httpx")
