"""The installation: from the clone by `make`, and from the wheel where there is no clone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.sandbox import Sandbox
from daemon.service.install import SYSTEMD
from support.places import ROOT


pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(SYSTEMD.is_dir(), reason="would tell this machine's own systemd"),
]
SOURCES = ("daemon", "docs", "systemd", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@dataclass(frozen=True)
class Machine:
    """The places that are written to, below a folder."""

    folder: Path

    @property
    def places(self) -> dict[str, Path]:
        names = ("prefix", "bindir", "unitdir", "confdir", "sharedir")
        return {name: self.folder / name for name in names} | {"python": Path(sys.executable)}

    def make(self, verb: str, destdir: Path | str = "") -> str:
        given = {
            "SERVICE_PYTHON" if name == "python" else name.upper(): place
            for name, place in self.places.items()
        }
        return run(
            "make",
            "-C",
            ROOT,
            verb,
            *(f"{name}={given[name]}" for name in given),
            f"DESTDIR={destdir}",
        )

    def serve(self, program: Path, verb: str) -> str:
        given = [word for name, place in self.places.items() for word in (f"--{name}", place)]
        return run(program, "service", verb, *given)

    def check_installed(self) -> None:
        """Look at all that an installation leaves, and try it."""
        command, prefix = self.folder / "bindir/notion-review", self.folder / "prefix"
        assert re.match(r"notion-review, version \d", run(command, "--version"))
        assert "Nothing to do." in run(command, "demo")
        [package] = prefix.glob("lib/python3*/site-packages/daemon")
        assert parts(package) == parts(ROOT / "daemon")
        assert run(*PIP, "--python", prefix / "bin/python", "check") == ""
        units = {path.name: path.read_text("utf-8") for path in (self.folder / "unitdir").iterdir()}
        assert len(units) == len(list((ROOT / "systemd").iterdir())) - 1
        said = "\n".join(units.values())
        programs = re.findall(rf"(?m)^ExecStart=({prefix}\S+)", said)
        assert programs == [str(prefix / "bin/notion-review")] * 3
        said += command.read_text("utf-8") + run(command, "help", "--man")
        assert str(self.folder / "confdir") in said
        assert "/etc/notion-review" not in said
        documents = re.findall(r"(?m)^Documentation=file:(.+)", said)
        assert {Path(path).is_file() for path in documents} == {True}
        shared = [path for path in (self.folder / "sharedir").rglob("*") if path.is_file()]
        words = [path.read_text("utf-8") for path in shared]
        assert sorted("_NOTION_REVIEW_COMPLETE" in one for one in words) == [
            False,
            True,
            True,
            True,
        ]


def run(*words: str | Path, **env: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env or None)
    assert done.returncode == 0, done.stderr
    return done.stdout


def parts(package: Path) -> set[Path]:
    """Every file that is not compiled from another."""
    return {
        path.relative_to(package)
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Machine(tmp_path / "machine")


def test_what_is_installed_runs_and_what_is_removed_leaves_the_configuration(
    machine: Machine,
) -> None:
    before = set(ROOT.iterdir())
    told = machine.make("install")
    assert f"Next: sudo {machine.folder}/bindir/notion-review init\n" in told
    machine.check_installed()

    config = machine.folder / "confdir/config.yaml"
    config.write_text("databases: []\n", "utf-8")
    assert "Next" not in machine.make("install")
    machine.make("uninstall")
    assert [*machine.folder.rglob("*")] == [config.parent, config]
    assert config.read_text("utf-8") == "databases: []\n"
    assert list(Path.cwd().iterdir()) == []
    assert set(ROOT.iterdir()) == before


def test_a_package_is_staged_below_a_folder_that_no_file_names(
    machine: Machine, tmp_path: Path
) -> None:
    stage = tmp_path / "stage"
    assert "for a package" in machine.make("install", stage)
    assert not machine.folder.exists()
    files = [path for path in stage.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if bytes(stage) in path.read_bytes()] == []
    (stage / machine.folder.relative_to("/")).rename(machine.folder)
    machine.check_installed()
    machine.make("uninstall")
    assert not machine.folder.exists()


def test_the_wheel_alone_reviews_and_installs_the_service(machine: Machine, tmp_path: Path) -> None:
    sources, environment = tmp_path / "sources", tmp_path / "environment"
    sources.mkdir()
    shutil.copy(ROOT / "requirements.lock", sources)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy(ROOT / name, sources)
    run(*PIP, "wheel", "--no-deps", "--wheel-dir", tmp_path, sources)
    shutil.rmtree(sources)
    [wheel] = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    pip = (*PIP, "--python", environment / "bin/python", "install")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements.lock")
    run(*pip, "--no-deps", wheel)

    program = environment / "bin/notion-review"
    assert "Nothing to do." in run(program, "demo")
    box = Sandbox(seed=7)
    with box.serve() as url:
        env = {"NOTION_TOKEN": box.token, "NOTION_BASE_URL": url, "PATH": "/usr/bin:/bin"}
        named = ("--database", str(box.world.database("RFCs").id), "--prompt", "", "--offline")
        assert "written" in run(program, "init", *named, **env)
        run(program, "check", **env)
        run(program, "--once", **env)
    schema = Path("config.yaml").read_text("utf-8").splitlines()[0].partition("$schema=")[2]
    assert Path(schema).is_relative_to(environment)
    assert Path(schema).is_file()

    assert "/bindir/notion-review init" in machine.serve(program, "install")
    machine.check_installed()
    machine.serve(machine.folder / "bindir/notion-review", "uninstall")
    assert not machine.folder.exists()
