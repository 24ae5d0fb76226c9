"""kill -9 of the real process, at any moment of a run that posts 20 comments (S1, S2)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import Fault, FaultKind
from simulation.writers import plain
from support.places import ROOT


MOMENTS = 50
COMMENTS = 20
PAGES = (7, 7, 6)
LOST_ANSWERS = (FaultKind.SAVED, FaultKind.DROP_SAVED)
PATIENCE_SECONDS = 120
# Each mostly waits: for what was lost, and to see whether it arrives late.
THREADS = 5


class Place:
    """A Notion with three pages that the rules have twenty things to say about, and a folder."""

    def __init__(self, folder: Path, *, chance: random.Random | None = None) -> None:
        self.folder = folder
        self._chance = chance
        self._requests = 0
        self._kill_at = 0
        self._running: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.box = Sandbox(seed=1)
        self.database = self.box.world.database("RFCs")
        written = datetime.now(UTC) - timedelta(hours=1)
        for page, size in enumerate(PAGES):
            said = [blocks.paragraph(f"The owner of part {page}-{n} is TBD.") for n in range(size)]
            self.box.world.page(self.database, f"RFC {page}", said, at=written)
        self.box.faults.policy = self._strike

    def _strike(self, method: str, path: str) -> Fault | None:
        """Kill the process at the chosen request, before or after it was handled; lose answers."""
        with self._lock:
            self._requests += 1
            if self._requests == self._kill_at and self._running and self._chance:
                delay = self._chance.choice((0.0, 0.002, 0.01, 0.05))
                threading.Timer(delay, self._running.kill).start()
            if self._chance and (method, path) == ("POST", "/v1/comments"):
                kind = self._chance.choice((None, None, *LOST_ANSWERS))
                return Fault(kind) if kind else None
        return None

    def sweep(self, url: str, *, kill_at: int = 0) -> tuple[int, int]:
        """Run the program once, to its end or its death; return its code and the requests."""
        target = {"id": self.database.id, "page_comment": False}
        config = {"databases": [target], "models": ["offline"]}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
        env = {"NOTION_TOKEN": self.box.token, "NOTION_BASE_URL": url, "PATH": os.environ["PATH"]}
        self._requests, self._kill_at = 0, kill_at
        command = [sys.executable, "-m", "daemon", "--once"]
        self._running = subprocess.Popen(
            command, cwd=self.folder, env=env | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
        )
        _, self.said = self._running.communicate(timeout=PATIENCE_SECONDS)
        return self._running.returncode, self._requests

    @property
    def comments(self) -> Counter[tuple[str, str]]:
        """Every comment of the bot, by block and text."""
        own = [one for one in self.box.world.comments() if one.author_id == self.box.bot.id]
        return Counter((one.parent_id, plain(one.rich_text)) for one in own)


@pytest.mark.real
def test_f15_f16_after_a_kill_or_two_at_any_of_fifty_moments_the_next_sweep_leaves_twenty(tmp_path):
    clean = Place(folder(tmp_path, "clean"))
    with clean.box.serve() as url:
        code, requests = clean.sweep(url)
    assert code == 0, clean.said
    assert sum(clean.comments.values()) == COMMENTS

    def survives(moment: int) -> tuple[int, str]:
        return survived(folder(tmp_path, str(moment)), moment, requests, clean.comments)

    with ThreadPoolExecutor(THREADS) as pool:
        endings = list(pool.map(survives, range(MOMENTS)))
    wrong = [words for _, words in endings if words]
    assert not wrong, "\n".join(wrong)
    # A kill may come when the run has just ended, but seldom.
    assert sum(killed > 0 for killed, _ in endings) >= MOMENTS * 0.8
    assert sum(killed > 1 for killed, _ in endings) >= MOMENTS * 0.2


def survived(
    place: Path, moment: int, requests: int, expected: Counter[tuple[str, str]]
) -> tuple[int, str]:
    """Kill one run or two and let the next one finish; tell how many died, and what is wrong."""
    chance = random.Random(moment)
    here, killed = Place(place, chance=chance), 0
    with here.box.serve() as url:
        for _ in range(chance.choice((1, 2))):
            ended, asked = here.sweep(url, kill_at=chance.randrange(1, requests + 1))
            killed += ended == -signal.SIGKILL
            # The second process has less to do.
            requests -= asked // 2
        before = sum(here.comments.values())
        code, _ = here.sweep(url)
    if code != 0:
        return killed, f"moment {moment}: the next sweep ended with {code}: {here.said!r}"
    if here.comments != expected:
        lost, more = expected - here.comments, here.comments - expected
        return killed, f"moment {moment}, {killed} kills, {before} before: {lost=} {more=}"
    return killed, ""


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made
