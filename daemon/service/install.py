"""The service on a machine: an environment of its own, units, and a command for operators.

Needs the standard library alone, so that `make install` can run it in a bare clone.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import daemon
from daemon.domain.errors import ReviewError


if TYPE_CHECKING:
    from subprocess import CompletedProcess

OLDEST_PYTHON = (3, 11)
SYSTEMD = Path("/run/systemd/system")
STATES = Path("/var/lib/private")
_MADE = "folders-made"  # below the prefix: the folders that uninstall may take away
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
        destdir: What all of it is written below, for packagers; no file names it.
    """

    prefix: Path = Path("/opt/notion-review")
    bindir: Path = Path("/usr/local/bin")
    unitdir: Path = Path("/etc/systemd/system")
    confdir: Path = Path("/etc/notion-review")
    sharedir: Path = Path("/usr/local/share")
    python: Path = Path("/usr/bin/python3")
    destdir: Path = Path("/")

    @property
    def command(self) -> Path:
        """The command for operators."""
        return self.bindir / "notion-review"

    @property
    def staged(self) -> Places:
        """The same below `destdir`, where the files are written."""
        places = (self.prefix, self.bindir, self.unitdir, self.confdir, self.sharedir)
        return replace(
            self,
            **{
                name: self.destdir / place.relative_to("/")
                for name, place in zip(
                    ("prefix", "bindir", "unitdir", "confdir", "sharedir"), places, strict=True
                )
            },
        )


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
    source, disk = delivered(), places.staged
    files = {disk.unitdir / unit.name: unit for unit in _units(source)}
    files[disk.command] = source / "systemd/notion-review"
    try:
        made = _made(disk.prefix.parent)
        _environment(places, source)
        for folder in (disk.confdir, disk.unitdir, disk.bindir):
            made += _made(folder)
        for path, delivery in files.items():
            _put(path, _placed(delivery.read_text("utf-8"), places))
        disk.command.chmod(0o755)
        for name, words in _SHARED.items():
            made += _made((disk.sharedir / name).parent)
            _put(disk.sharedir / name, _said(disk.prefix / "bin/python", "-m", "daemon", *words))
        with (disk.prefix / _MADE).open("a", encoding="utf-8") as file:
            file.writelines(f"/{new.relative_to(places.destdir)}\n" for new in made)
        _moved(disk.prefix, places.prefix)
    except OSError as error:
        where = error.filename or places.prefix
        raise CannotInstall(f"{where}: {error.strerror}; run it as root, or name others") from error
    if disk != places:
        return f"Installed below {places.destdir}, for a package; systemd was told nothing."
    _systemctl("daemon-reload")
    return _next(places)


def _next(places: Places) -> str:
    """Return what was done, and what people do next."""
    runs = SYSTEMD.is_dir()
    done = "Installed." if runs else "Installed. No systemd runs here, so nothing starts it."
    if not (places.confdir / "config.yaml").exists():
        command = "notion-review" if places.command == Places().command else places.command
        return f"{done} Next: sudo {command} init"
    return f"{done} What runs goes on as it was: systemctl restart notion-review" if runs else done


def uninstall(places: Places) -> str:
    """Take the service away; what people wrote and what it remembers stays.

    Raises:
        CannotInstall: Something cannot be deleted.
    """
    disk = places.staged
    if disk == places:
        _systemctl(
            "disable", "--quiet", "--now", "notion-review.service", "notion-review-once.timer"
        )
        _systemctl("stop", "notion-review@*.service")
        _systemctl("reset-failed", "notion-review*")
    names = [unit.name for unit in _units(delivered())]
    links = disk.unitdir.glob("*.wants/notion-review@*.service")
    try:
        for path in (
            *(disk.unitdir / name for name in names),
            *links,
            *(disk.sharedir / name for name in _SHARED),
            disk.command,
        ):
            path.unlink(missing_ok=True)
        made: list[str] = []
        with suppress(FileNotFoundError):
            made = (disk.prefix / _MADE).read_text("utf-8").splitlines()
        with suppress(FileNotFoundError):
            shutil.rmtree(disk.prefix)
    except OSError as error:
        raise CannotInstall(f"{error.filename}: {error.strerror}; run it as root") from error
    for folder in sorted(made, key=len, reverse=True):
        with suppress(OSError):  # somebody put something into it
            (places.destdir / folder.lstrip("/")).rmdir()
    states = []
    if disk == places:
        _systemctl("daemon-reload")
        states = sorted(STATES.glob("notion-review*"))
    left = [str(path) for path in (disk.confdir, *states) if path.exists()]
    return f"Removed. Left: {', '.join(left)}" if left else "Removed. Nothing is left."


def _environment(places: Places, source: Path) -> None:
    """Make the Python environment: what the lock names, then the program itself.

    It is built from a copy, so that a build as root leaves nothing in a clone.
    """
    from tempfile import TemporaryDirectory

    version = _said(places.python, "-c", "import sys; print(*sys.version_info[:2])")
    if tuple(map(int, version.split())) < OLDEST_PYTHON:
        raise CannotInstall(f"{places.python}: is Python {version.strip()}; 3.11 is needed")
    prefix = places.staged.prefix
    _said(places.python, "-m", "venv", "--without-pip", prefix)
    program = prefix / "bin/python"
    pip = _installer(places.python, program)
    _said(*pip, "--require-hashes", "-r", source / "requirements.lock")
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "requirements.lock"):
            shutil.copy(source / name, copy)
        for tree in (source / "docs", source / "systemd", Path(daemon.__file__).parent):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(tree, copy / tree.name, ignore=ignored)
        for pattern in ("daemon/**/*.py", "docs/*.md", "systemd/*"):
            for path in copy.glob(pattern):
                path.write_text(_placed(path.read_text("utf-8"), places), "utf-8")
        _said(*pip, "--no-deps", "--force-reinstall", copy)
    compiled = ("compileall", "-q", "-s", places.destdir, "-p", "/")
    _said(program, "-m", *compiled, prefix / "lib")
    _said("chmod", "-R", "go+rX", prefix)


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


def _placed(words: str, places: Places) -> str:
    """Return delivered words with the folders of this installation in them."""
    usual = Places()
    meant = {
        str(usual.prefix): str(places.prefix),
        str(usual.confdir): str(places.confdir),
    }
    names = "|".join(re.escape(name) for name in sorted(meant, key=len, reverse=True))
    return re.sub(rf"(?<![\w.])(?:{names})(?![\w-])", lambda found: meant[found[0]], words)


def _moved(staged: Path, prefix: Path) -> None:
    """Let the scripts of an environment name the folder that it is used in."""
    for path in (*(staged / "bin").iterdir(), staged / "pyvenv.cfg"):
        if not path.is_symlink():
            words = path.read_bytes()
            path.write_bytes(words.replace(os.fsencode(staged), os.fsencode(prefix)))


def _made(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the new ones."""
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return new


def _put(path: Path, words: str) -> None:
    path.write_text(words, "utf-8")
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
