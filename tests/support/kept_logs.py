"""Logging belongs to the process: who sets it up in a test gives it back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def kept_logs() -> Iterator[None]:
    """Leave logging after the block as it was before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()  # it would go on writing to what captured this test
