"""Chromium, and the program as its user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.places import ROOT


CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def program(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the program as its user does; gives the address that it prints."""
    started = subprocess.Popen(
        [sys.executable, "-u", "-m", "daemon", *arguments, "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )
    assert started.stdout is not None
    try:
        yield next(line.split()[1] for line in started.stdout if line.startswith("Open "))
    finally:
        started.terminate()
        ended = started.wait(30)
        started.stdout.close()
    assert ended == 0
