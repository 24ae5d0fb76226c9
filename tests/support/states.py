"""States for tests: in any condition, and seen by any user."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from daemon.domain.records import PageRow, PageState, SourceRow
from daemon.store import pages
from daemon.store.database import open_state
from support.places import ROOT


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SOURCE = SourceRow("source", "database", "RFCs", NOW - timedelta(days=1))
NOBODY = 65534

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as another user")


def page_row(number: int = 0, **values):
    fields = {
        "id": f"page-{number:05}",
        "source_id": SOURCE.id,
        "title": f"RFC {number}",
        "url": f"https://app.notion.com/p/{number}",
        "edited": NOW,
        "state": PageState.DUE,
        "due_at": NOW,
    }
    return PageRow(**fields | values)


def filled(path, count=200):
    """Make a state with pages in it, closed cleanly."""
    db = open_state(path)
    with db.atomic():
        pages.save_source(db, SOURCE)
        pages.save(db, [page_row(number) for number in range(count)])
    db.close()
    return path


def contents(folder):
    """Everything in a folder, by name, as bytes."""
    return {found.name: found.read_bytes() for found in folder.iterdir() if found.is_file()}


def python(code, *arguments, **options):
    """Run Python code in a process of its own, with this project's modules."""
    return subprocess.run(  # noqa: PLW1510 - its code is looked at
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def begin(code, *arguments):
    """Start Python code in a process of its own and wait for its first line."""
    started = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout.readline() == "ready\n"
    return started


@contextmanager
def as_nobody():
    """Act as a user without rights."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextmanager
def open_folder():
    """A folder that every user can reach, unlike pytest's own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
