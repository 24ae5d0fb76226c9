"""A real systemd in namespaces of its own, with the units as `make install` puts them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


HERE = Path(__file__).parent
ROOT = HERE.parent.parent
UNITS = ROOT / "systemd"
PYTHON = "/usr/bin/python3"
SECONDS = 30.0
NAMESPACES = ("--pid", "--mount", "--uts", "--ipc", "--cgroup")


def why_not() -> str:
    """Say why there can be no lab here, or return ""."""
    if os.geteuid() != 0:
        return "a lab of its own namespaces needs root"
    for tool in ("unshare", "nsenter", "systemctl", PYTHON):
        if shutil.which(tool) is None:
            return f"{tool} is not here"
    if not Path("/lib/systemd/systemd").exists():
        return "there is no systemd to boot"
    done = subprocess.run(
        [PYTHON, "-c", "import sys; print(*sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    )
    if done.stdout.split() != [str(part) for part in sys.version_info[:2]]:
        return f"{PYTHON} is another version than this Python"
    return ""


def seed(folder: Path) -> None:
    """Lay out what `make install` leaves behind, over the packages of this environment."""
    program = folder / "opt/notion-review"
    site = program / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    site.mkdir(parents=True)
    (site / "lab.pth").write_text("/opt/lab/project\n/opt/lab/packages\n")
    (program / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (program / "bin").mkdir()
    (program / "bin/python3").symlink_to(PYTHON)
    script = program / "bin/notion-review"
    script.write_text(
        "#!/opt/notion-review/bin/python3\nfrom daemon.__main__ import main\nmain()\n"
    )
    script.chmod(0o755)
    wrapper = folder / "usr/local/bin/notion-review"
    wrapper.parent.mkdir(parents=True)
    shutil.copy(UNITS / "notion-review", wrapper)
    units = folder / "etc/systemd/system"
    units.mkdir(parents=True)
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")):
        shutil.copy(unit, units)
    (folder / "etc/notion-review").mkdir(parents=True)


@dataclass
class Lab:
    """A running lab; `pid` is its systemd as this machine numbers it."""

    pid: int

    def run(
        self, *command: str, check: bool = True, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root."""
        path = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        enter = ["nsenter", "-t", str(self.pid), "-a", "env", "-i", path, "LANG=C.UTF-8"]
        done = subprocess.run(
            [*enter, *command],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=120,
            **more,
        )
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def systemctl(self, *words: str, check: bool = True) -> str:
        return self.run("systemctl", *words, check=check).stdout

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit."""
        lines = self.systemctl("show", unit, *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in lines.splitlines())

    def journal(self, unit: str) -> list[dict[str, Any]]:
        """Return what a unit wrote, record by record."""
        lines = self.run("journalctl", "-o", "json", "--all", "-u", unit).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def write(self, path: str, words: str, mode: int = 0o644) -> None:
        """Write a file in it."""
        self.run("install", "-D", f"--mode={mode:o}", "/dev/stdin", path, input=words)

    def wait(self, what: str, until: Callable[[], object], seconds: float = SECONDS) -> Any:
        """Wait for something that another process does; fail with its name."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := until():
                return found
            time.sleep(0.05)
        raise AssertionError(f"it never came to this: {what}")


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Boot a lab, and end it with all that runs in it."""
    tree, place = folder / "seed", folder / "lab"
    place.mkdir(parents=True)
    seed(tree)
    packages = sysconfig.get_path("purelib")
    binds = f"{ROOT} /opt/lab/project\n{packages} /opt/lab/packages\n"
    log = (folder / "boot.log").open("w")
    init = subprocess.Popen(
        ["unshare", "--fork", "--kill-child", *NAMESPACES, str(HERE / "boot.sh")],
        env={**os.environ, "LAB": str(place), "SEED": str(tree), "BINDS": binds},
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    try:
        yield _booted(init, folder)
    finally:
        init.kill()
        init.wait()
        log.close()


def _booted(init: subprocess.Popen[bytes], folder: Path) -> Lab:
    children = Path(f"/proc/{init.pid}/task/{init.pid}/children")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and init.poll() is None:
        if child := children.read_text().split():
            running = Lab(int(child[0]))
            state = running.run("systemctl", "is-system-running", check=False).stdout.strip()
            if state in ("running", "degraded"):
                return running
        time.sleep(0.1)
    raise AssertionError(f"no lab: {(folder / 'boot.log').read_text()}")
