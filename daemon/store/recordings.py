"""Recordings of reviews: files in a folder beside the state, for its owner alone.

A body is named by its SHA-256, a manifest by its review and page. Both are compressed. The files of
one recording have one time, that of the review, so that they grow old together; a body that a later
recording shares takes the later time.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlite_utils import Database

from daemon.store.reviews import pages_of


MOST_BYTES = 10**9
_FOLDER, _FILE = 0o700, 0o600
_MANIFEST = re.compile(r"review-(\d{1,18})\.([\w-]+)")
_DIGEST = re.compile(rb"\b[0-9a-f]{64}\b")


class Unreadable(Exception):
    """A file of a recording is gone or damaged; the text names it."""


def folder_of(state: Path) -> Path:
    """Return the folder of the recordings that belong to a state."""
    return state.with_name(f"{state.stem}.recordings")


def digest(body: bytes) -> str:
    """Return the name under which a body is kept."""
    return hashlib.sha256(body).hexdigest()


def save(
    folder: Path,
    review: int,
    page_id: str,
    manifest: bytes,
    bodies: Mapping[str, bytes],
    at: datetime,
) -> None:
    """Keep a recording; the manifest comes last, so that what has one is whole.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    folder.mkdir(mode=_FOLDER, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "is a link, or belongs to another user", str(folder))
    if found.st_mode & 0o777 != _FOLDER:
        folder.chmod(_FOLDER)
    for name, body in bodies.items():
        if not (folder / name).exists():
            _write(folder / name, body)
        os.utime(folder / name, (at.timestamp(), at.timestamp()))
    path = folder / f"review-{review}.{page_id}"
    _write(path, manifest)
    os.utime(path, (at.timestamp(), at.timestamp()))


def _write(path: Path, body: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
        try:
            os.fchmod(file.fileno(), _FILE)
            file.write(zlib.compress(body))
            file.flush()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def manifest(folder: Path, review: int) -> tuple[str, bytes] | None:
    """Return (page id, manifest) of a review; None where nothing is recorded of it.

    Raises:
        Unreadable: It is damaged.
    """
    for path in folder.glob(f"review-{review}.*"):
        if found := _MANIFEST.fullmatch(path.name):
            return found[2], _read(path)
    return None


def body(folder: Path, name: str) -> bytes:
    """Return a body.

    Raises:
        Unreadable: It is gone, damaged, or another than it was.
    """
    found = _read(folder / name)
    if digest(found) != name:
        raise Unreadable(f"{folder / name} is another than it was")
    return found


def _read(path: Path) -> bytes:
    try:
        return zlib.decompress(path.read_bytes())
    except (OSError, zlib.error) as error:
        raise Unreadable(f"{path} is gone or damaged") from error


def forget(folder: Path, page_id: str) -> int:
    """Delete the recordings of a page and those that name it; return how many there were.

    A review that was told of it, or of a page that links to it, names it by its id.

    Raises:
        OSError: The folder cannot be written.
    """
    kept = [path for path in folder.glob("*") if _DIGEST.fullmatch(path.name.encode())]
    naming = {path.name for path in kept if page_id.encode() in _read_or_nothing(path)}
    going = [
        path
        for path in _manifests(folder)
        if _names(path)[1] == page_id or not naming.isdisjoint(_bodies(path))
    ]
    return _delete(folder, going)


def _manifests(folder: Path) -> list[Path]:
    return [path for path in folder.glob("review-*") if _MANIFEST.fullmatch(path.name)]


def _names(manifest: Path) -> tuple[int, str]:
    """Return the review and the page that a manifest is about."""
    _, _, name = manifest.name.partition("-")
    review, _, page_id = name.partition(".")
    return int(review), page_id


def _delete(folder: Path, manifests: Iterable[Path]) -> int:
    """Delete recordings, with the bodies that no other one shares."""
    going = list(manifests)
    if not going:
        return 0
    shared = {name for path in _manifests(folder) if path not in going for name in _bodies(path)}
    for path in going:
        for name in _bodies(path) - shared:
            (folder / name).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return len(going)


def _bodies(manifest: Path) -> set[str]:
    return {name.decode() for name in _DIGEST.findall(_read_or_nothing(manifest))}


def _read_or_nothing(path: Path) -> bytes:
    with suppress(Unreadable):
        return _read(path)
    return b""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    at: float
    size: int


def prune(db: Database, folder: Path, now: datetime, keep: timedelta) -> None:
    """Delete what is older than `keep`, what no review names, and the oldest beyond `MOST_BYTES`.

    Where nothing is to be kept the folder goes, too.

    Raises:
        OSError: The folder cannot be written.
    """
    if not folder.is_dir():
        return
    end = (now - keep).timestamp() if keep else float("inf")
    files = sorted(_files(folder), key=lambda one: one.at)
    for one in files:
        if one.at < end:
            one.path.unlink(missing_ok=True)
    if not keep:
        with suppress(OSError):
            folder.rmdir()
        return
    _shrink([one for one in files if one.at >= end])
    known = pages_of(db, [_names(path)[0] for path in _manifests(folder)])
    strange = [path for path in _manifests(folder) if known.get(_names(path)[0]) != _names(path)[1]]
    _delete(folder, strange)


def _files(folder: Path) -> Iterator[_File]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process deleted it
            found = path.lstat()
            yield _File(path, found.st_mtime, found.st_size)


def _shrink(files: list[_File]) -> None:
    """Delete the oldest recordings until the rest fits, each with all its files."""
    size, gone = sum(one.size for one in files), 0.0
    for one in files:
        if size <= MOST_BYTES and one.at > gone:
            break
        one.path.unlink(missing_ok=True)
        size, gone = size - one.size, one.at
