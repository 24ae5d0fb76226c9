"""`make install` and `make uninstall`, in a folder instead of the machine's own places."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.places import ROOT


SYSTEMD = Path("/run/systemd/system")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(SYSTEMD.is_dir(), reason="would tell this machine's own systemd"),
]


@dataclass(frozen=True)
class Machine:
    """The places that are written to, below a folder."""

    folder: Path

    def make(self, target: str) -> str:
        places = {"PREFIX": "opt", "BINDIR": "bin", "UNITDIR": "units", "CONFDIR": "etc"}
        given = [f"{name}={self.folder / place}" for name, place in places.items()]
        return run("make", "-C", ROOT, target, *given, f"SERVICE_PYTHON={sys.executable}")

    def started(self) -> list[str]:
        """The program of every unit that starts one."""
        units = (self.folder / "units").glob("*.service")
        return [
            re.findall(r"^ExecStart=(\S+)", unit.read_text("utf-8"), re.MULTILINE)[0]
            for unit in units
        ]


def run(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def parts(package: Path) -> set[Path]:
    """Every file that is not compiled from another."""
    return {
        path.relative_to(package)
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_what_is_installed_runs_and_what_is_removed_leaves_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, here = set(ROOT.iterdir()), tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    machine = Machine(tmp_path / "machine")
    assert "Next: sudo notion-review init" in machine.make("install")

    command = machine.folder / "bin" / "notion-review"
    assert re.match(r"notion-review, version \d", run(command, "--version"))
    assert "Nothing to do." in run(command, "demo")
    [package] = (machine.folder / "opt").glob("lib/python3*/site-packages/daemon")
    assert parts(package) == parts(ROOT / "daemon")
    program = str(machine.folder / "opt" / "bin" / "notion-review")
    assert [name for name in machine.started() if "opt" in name] == [program] * 3

    config = machine.folder / "etc" / "config.yaml"
    config.write_text("databases: []\n", "utf-8")
    assert "What runs goes on as it was" in machine.make("install")
    machine.make("uninstall")
    assert [path for path in machine.folder.rglob("*") if path.is_file()] == [config]
    assert config.read_text("utf-8") == "databases: []\n"
    assert list(here.iterdir()) == []
    assert set(ROOT.iterdir()) == before
