"""The service on a machine: an environment of its own, units, and a command for operators.

Needs the standard library alone, so that `make install` can run it in a bare clone.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import daemon
from daemon.domain.errors import ReviewError


if TYPE_CHECKING:
    from subprocess import CompletedProcess

OLDEST_PYTHON = (3, 11)
SYSTEMD = Path("/run/systemd/system")
_NAMED = "/opt/notion-review"  # in the units and in the command, as they are delivered
# What shells and man read below a folder such as /usr/local/share, and what prints it.
_SHARED = {
    "man/man1/notion-review.1": ("help", "--man"),
    "bash-completion/completions/notion-review": ("completion", "bash"),
    "zsh/site-functions/_notion-review": ("completion", "zsh"),
    "fish/vendor_completions.d/notion-review.fish": ("completion", "fish"),
}


class CannotInstall(ReviewError):
    """The machine lacks something, or a folder cannot be written."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Places:
    """Where the service is put.

    Attributes:
        prefix: Its Python environment and its documents.
        bindir: The command for operators.
        unitdir: The units.
        confdir: Its configuration, which is left alone.
        sharedir: The manual page, and what shells complete.
        python: The Python that it runs on. Not one in a home folder: units do not see those.
    """

    prefix: Path = Path(_NAMED)
    bindir: Path = Path("/usr/local/bin")
    unitdir: Path = Path("/etc/systemd/system")
    confdir: Path = Path("/etc/notion-review")
    sharedir: Path = Path("/usr/local/share")
    python: Path = Path("/usr/bin/python3")

    @property
    def command(self) -> Path:
        """What operators type."""
        return self.bindir / "notion-review"


def delivered() -> Path:
    """Return the folder with units, documents and lock: a clone, or what a wheel brought.

    Raises:
        CannotInstall: There is none.
    """
    clone = Path(daemon.__file__).parents[1]
    brought = Path(sysconfig.get_path("data"), "share/notion-review")
    for folder in (clone, brought):
        if (folder / "systemd/notion-review.service").is_file():
            return folder
    raise CannotInstall(f"neither {clone} nor {brought} has the units; install the wheel again")


def install(places: Places) -> str:
    """Put the service where it belongs, or the new version in place of an older one.

    Raises:
        CannotInstall: Says what the machine lacks.
    """
    source = delivered()
    try:
        _environment(places, source)
        places.confdir.mkdir(mode=0o755, parents=True, exist_ok=True)
        places.unitdir.mkdir(mode=0o755, parents=True, exist_ok=True)
        for unit in _units(source):
            _put(places.unitdir / unit.name, unit.read_text("utf-8"), places)
        _put(places.command, (source / "systemd/notion-review").read_text("utf-8"), places)
        places.command.chmod(0o755)
        for name, words in _SHARED.items():
            _put(places.sharedir / name, _said(places.prefix / "bin/notion-review", *words), places)
    except OSError as error:
        where = error.filename or places.prefix
        raise CannotInstall(f"{where}: {error.strerror}; run it as root, or name others") from error
    _systemctl("daemon-reload")
    if (places.confdir / "config.yaml").exists():
        return "Installed. What runs goes on as it was: systemctl restart notion-review"
    return "Installed. Next: sudo notion-review init"


def uninstall(places: Places) -> str:
    """Take the service away; what people wrote and what it remembers stays.

    Raises:
        CannotInstall: Something cannot be deleted.
    """
    _systemctl("disable", "--quiet", "--now", "notion-review.service", "notion-review-once.timer")
    _systemctl("stop", "notion-review@*.service")
    _systemctl("reset-failed", "notion-review*")
    names = [unit.name for unit in _units(delivered())]
    links = places.unitdir.glob("*.wants/notion-review@*.service")
    try:
        for path in (
            *(places.unitdir / name for name in names),
            *links,
            *(places.sharedir / name for name in _SHARED),
            places.command,
        ):
            path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.rmtree(places.prefix)
    except OSError as error:
        raise CannotInstall(f"{error.filename}: {error.strerror}; run it as root") from error
    _systemctl("daemon-reload")
    return f"Removed. Left: {places.confdir} and /var/lib/private/notion-review*"


def _environment(places: Places, source: Path) -> None:
    """Make the Python environment: what the lock names, then the program itself.

    It is built from a copy, so that a build as root leaves nothing in a clone.
    """
    from tempfile import TemporaryDirectory

    version = _said(places.python, "-c", "import sys; print(*sys.version_info[:2])")
    if tuple(map(int, version.split())) < OLDEST_PYTHON:
        raise CannotInstall(f"{places.python}: is Python {version.strip()}; 3.11 is needed")
    _said(places.python, "-m", "venv", "--without-pip", places.prefix)
    program = places.prefix / "bin/python"
    pip = _installer(places.python, program)
    _said(*pip, "--require-hashes", "-r", source / "requirements.lock")
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "requirements.lock"):
            shutil.copy(source / name, copy)
        for tree in (source / "docs", source / "systemd", Path(daemon.__file__).parent):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(tree, copy / tree.name, ignore=ignored)
        _said(*pip, "--no-deps", "--force-reinstall", copy)
    _said(program, "-m", "compileall", "-q", places.prefix / "lib")
    _said("chmod", "-R", "go+rX", places.prefix)


def _installer(python: Path, program: Path) -> list[str | Path]:
    """Return what installs packages into the environment of `program`.

    That is made without pip of its own: Debian's python3 has no ensurepip without python3-venv.
    """
    for one in (Path(sys.executable), python):
        if _ran(one, "-m", "pip").returncode == 0:
            quiet = ("--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
            return [one, "-m", "pip", "--python", program, "install", "--no-compile", *quiet]
    raise CannotInstall(f"{sys.executable} and {python} have no pip; apt install python3-pip")


def _units(source: Path) -> list[Path]:
    folder = source / "systemd"
    return sorted([*folder.glob("*.service"), *folder.glob("*.timer")])


def _put(path: Path, words: str, places: Places) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_text(words.replace(_NAMED, str(places.prefix)), "utf-8")
    path.chmod(0o644)


def _said(*words: str | Path) -> str:
    """Run a program and return what it printed.

    Raises:
        CannotInstall: It failed; its last line says why.
    """
    done = _ran(*words)
    if done.returncode:
        last = (
            done.stderr.strip() or done.stdout.strip() or f"code {done.returncode}"
        ).splitlines()
        raise CannotInstall(f"{Path(words[0]).name} failed: {last[-1]}")
    return done.stdout


def _systemctl(*words: str) -> None:
    """Tell systemd, where it runs; what it does not know of is as good as done."""
    if SYSTEMD.is_dir():
        _ran("systemctl", *words)


def _ran(*words: str | Path) -> CompletedProcess[str]:
    import subprocess

    return subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def main(verb: str, *places: str) -> None:
    """Install or uninstall, as `make` asks for it: the verb, then all places in their order."""
    try:
        done = {"install": install, "uninstall": uninstall}[verb]
        sys.stdout.write(done(Places(*(Path(place).absolute() for place in places))) + "\n")
    except CannotInstall as error:
        sys.exit(f"notion-review: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
