"""A sweep that finds nothing, and `check`, each as a process of its own: the sweep's requests, and
what both take against a Python that imports the same modules and ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.table import Line
from daemon.sandbox import Sandbox


RUNS = 7
# What a sweep without work, or `check`, may take, as a multiple of its imports.
MOST = {"processor time": 1.5, "memory": 1.2}
CONFIG = """\
databases: [{{id: {database}}}]
models: [offline]
lookback: 1h
watch_requests: 0
"""
# Prints what a command has imported, in the order of its first import.
_IMPORTED = """\
import json, sys
sys.argv[0] = "notion-review"
from daemon.__main__ import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps([name for name in sys.modules if name != "__main__"]))
"""
_IMPORTS = """\
import importlib, json, sys
for absent in json.loads(sys.argv[2]):
    sys.modules[absent] = None
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
"""


@dataclass(frozen=True)
class Ran:
    """A process from start to exit: processor seconds, peak memory in kilobytes."""

    cpu: float
    kilobytes: int


@dataclass(frozen=True)
class Against:
    """A command, and a Python that imports the same modules and ends."""

    command: Ran
    imports: Ran


@dataclass(frozen=True)
class Idle:
    """An idle sweep over so many pages, and `check`."""

    pages: int
    requests: int
    sweep: Against
    check: Against


def measure(folder: Path, pages: int) -> Idle:
    """Sweep a database of `pages` known pages in which nothing was edited."""
    box = Sandbox()
    rfcs = box.world.database("RFCs")
    old = datetime.now(UTC) - timedelta(days=30)
    for number in range(pages):
        box.world.page(rfcs, f"RFC {number}", [], at=old)
    with box.serve() as url:
        (folder / "config.yaml").write_text(CONFIG.format(database=rfcs.id), "utf-8")
        # As it is installed: compiled once, and without the bench's own modules in its path.
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        own["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        env = {**own, "NOTION_TOKEN": box.token, "NOTION_BASE_URL": url}
        arguments = ["--config", str(folder / "config.yaml")]
        _run(["-m", "daemon", "--once", *arguments], env)  # knows the pages from now on
        box.requests.reset()
        _run(["-m", "daemon", "--once", *arguments], env)
        requests = box.requests.count()
        sweep, check = (_against([word, *arguments], env) for word in ("--once", "check"))
        return Idle(pages, requests, sweep, check)


def _against(arguments: list[str], env: dict[str, str]) -> Against:
    names = _imported(arguments, env)
    absent = ["rich"] if "rich" not in names else []
    imports = ["-c", _IMPORTS, json.dumps(names), json.dumps(absent)]
    return Against(_best(["-m", "daemon", *arguments], env), _best(imports, env))


def _imported(arguments: Sequence[str], env: dict[str, str]) -> list[str]:
    command = [sys.executable, "-c", _IMPORTED, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def _best(arguments: Sequence[str], env: dict[str, str]) -> Ran:
    """Return the least of several runs: others use the machine too."""
    runs = [_run(arguments, env) for _ in range(RUNS)]
    return Ran(min(run.cpu for run in runs), min(run.kilobytes for run in runs))


def _run(arguments: Sequence[str], env: dict[str, str]) -> Ran:
    child = subprocess.Popen(
        [sys.executable, *arguments],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak, ended = 0, (0, 0, None)
    while not ended[0]:
        # What `wait4` tells counts the memory of this process, from before the child's own began.
        peak = max(peak, _peak(child.pid))
        time.sleep(0.005)
        ended = os.wait4(child.pid, os.WNOHANG)
    _, status, used = ended
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, child.returncode
    return Ran(used.ru_utime + used.ru_stime, peak)


def _peak(pid: int) -> int:
    """Return the most memory that a process had so far, in kilobytes; 0 where it has ended."""
    try:
        said = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", said)
    return int(found[1]) if found else 0


def lines(found: Idle) -> Iterator[Line]:
    name = f"1. idle sweep over {found.pages:,} known pages, watching aside"
    yield Line(
        f"{name}: requests",
        str(found.requests),
        "1 for each data source",
        found.requests == 1,
        data={"requests": found.requests},
    )
    yield from _ratios(name, found.sweep)
    yield from _ratios("1. check", found.check)


def _ratios(name: str, found: Against) -> Iterator[Line]:
    against = {
        "processor time": found.command.cpu / found.imports.cpu,
        "memory": found.command.kilobytes / found.imports.kilobytes,
    }
    for what, times in against.items():
        yield Line(
            f"{name}: {what} against its imports alone",
            f"{times:.2f} times",
            f"at most {MOST[what]} times",
            times <= MOST[what],
            data={"times": round(times, 3)},
        )
