"""A sweep that finds nothing, as a process of its own: requests, processor time, memory."""

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

from table import Line

from daemon.sandbox import Sandbox


RUNS = 7
KILOBYTES = 1024  # of a megabyte
CONFIG = """\
databases: [{{id: {database}}}]
models: [offline]
lookback: 1h
"""
# Prints what an idle sweep has imported, in the order of its first import.
_IMPORTED = """\
import json, sys
sys.argv = ["notion-review", "--once", "--config", sys.argv[1]]
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
    """A process from start to exit: processor and wall seconds, peak memory in megabytes."""

    cpu: float
    wall: float
    megabytes: float


@dataclass(frozen=True)
class Idle:
    """An idle sweep against a Python that imports the same modules and ends."""

    pages: int
    requests: int
    sweep: Ran
    imports: Ran


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
        arguments = ["-m", "daemon", "--once", "--config", str(folder / "config.yaml")]
        _run(arguments, env)  # knows the pages from now on
        box.requests.reset()
        _run(arguments, env)
        requests = box.requests.count()
        names = _imported(folder, env)
        absent = ["rich"] if "rich" not in names else []
        imports = ["-c", _IMPORTS, json.dumps(names), json.dumps(absent)]
        return Idle(pages, requests, _best(arguments, env), _best(imports, env))


def _imported(folder: Path, env: dict[str, str]) -> list[str]:
    command = [sys.executable, "-c", _IMPORTED, str(folder / "config.yaml")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def _best(arguments: Sequence[str], env: dict[str, str]) -> Ran:
    """Return the least of several runs: others use the machine too."""
    runs = [_run(arguments, env) for _ in range(RUNS)]
    return Ran(
        min(run.cpu for run in runs),
        min(run.wall for run in runs),
        min(run.megabytes for run in runs),
    )


def _run(arguments: Sequence[str], env: dict[str, str]) -> Ran:
    began = time.monotonic()
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
    return Ran(used.ru_utime + used.ru_stime, time.monotonic() - began, peak / KILOBYTES)


def _peak(pid: int) -> int:
    """Return the most memory that a process had so far, in kilobytes; 0 where it has ended."""
    try:
        said = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", said)
    return int(found[1]) if found else 0


def lines(found: Idle) -> Iterator[Line]:
    name = f"1. idle sweep over {found.pages:,} known pages"
    ratio = found.sweep.cpu / found.imports.cpu
    yield Line(
        f"{name}: requests",
        str(found.requests),
        "1 for each data source",
        found.requests == 1,
        data={"requests": found.requests},
    )
    yield Line(
        f"{name}: processor time against its imports alone",
        f"{ratio:.2f} times ({found.sweep.cpu * 1000:.0f} ms)",
        "at most 1.5 times",
        ratio <= 1.5,
        data={"cpu": found.sweep.cpu, "imports": found.imports.cpu},
    )
    yield Line(
        f"{name}: memory",
        f"{found.sweep.megabytes:.0f} MB",
        "under 60 MB",
        found.sweep.megabytes < 60,
        data={"megabytes": round(found.sweep.megabytes, 1)},
    )
    yield Line(
        f"{name}: start to exit",
        f"{found.sweep.wall:.2f} s",
        "under 0.6 s on a quiet machine",
        found.sweep.wall < 0.6,
        data={"seconds": round(found.sweep.wall, 3)},
    )
