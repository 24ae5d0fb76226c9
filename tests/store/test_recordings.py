"""Recordings on the disk: private, whole or not there, and gone in time."""

from __future__ import annotations

import os
import zlib
from contextlib import closing
from datetime import timedelta

import pytest

from daemon.domain.values import Outcome, Review, ReviewKind, Usage
from daemon.store import pages, recordings, reviews
from daemon.store.database import open_state
from support.states import NOW, SOURCE, page_row


DAY = timedelta(days=1)
PAGES = [page_row(number) for number in range(3)]
REVIEW = Review(Outcome.DONE, (), (), {}, "", (), "offline", Usage())


@pytest.fixture
def state(tmp_path):
    with closing(open_state(tmp_path / "notion-review.db")) as db:
        pages.save_source(db, SOURCE)
        pages.save(db, PAGES)
        for row in PAGES:
            told = {"kind": ReviewKind.REVIEW, "prompt": "", "content_hash": "", "sweep_id": None}
            reviews.add(db, row.id, REVIEW, at=NOW, **told)
        yield db


@pytest.fixture
def folder(tmp_path):
    return recordings.folder_of(tmp_path / "notion-review.db")


def recorded(folder, review, *bodies, at=NOW):
    """Record a review of the page with its number less one; return the names of its bodies."""
    named = {recordings.digest(body): body for body in bodies}
    manifest = f'{{"bodies": "{" ".join(named)}"}}'.encode()
    recordings.save(folder, review, PAGES[review - 1].id, manifest, named, at)
    return list(named)


def kept(folder):
    return {number for number in (1, 2, 3) if recordings.manifest(folder, number)}


def test_what_is_kept_comes_back(folder):
    [name] = recorded(folder, 1, b"what was sent")
    page_id, manifest = recordings.manifest(folder, 1)
    assert page_id == PAGES[0].id
    assert name.encode() in manifest
    assert recordings.body(folder, name) == b"what was sent"
    assert recordings.manifest(folder, 2) is None


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_folder_and_its_files_are_for_their_owner_alone(folder, umask):
    before = os.umask(umask)
    try:
        recorded(folder, 1, b"body")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_link_in_the_place_of_the_folder_is_not_followed(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="is a link"):
        recorded(folder, 1, b"body")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_body_that_is_another_than_it_was_is_not_taken_for_it(folder):
    [name] = recorded(folder, 1, b"body")
    for written in (zlib.compress(b"other"), b"no longer compressed"):
        (folder / name).write_bytes(written)
        with pytest.raises(recordings.Unreadable, match=name):
            recordings.body(folder, name)


def test_what_is_older_than_it_is_kept_goes_and_what_is_shared_stays(state, folder):
    _, old = recorded(folder, 1, b"shared", b"old", at=NOW - 15 * DAY)
    shared, _ = recorded(folder, 2, b"shared", b"new", at=NOW - 13 * DAY)
    recordings.prune(state, folder, NOW, 14 * DAY)
    assert kept(folder) == {2}
    assert recordings.body(folder, shared) == b"shared"
    assert not (folder / old).exists()


def test_nothing_is_left_where_nothing_is_to_be_kept(state, folder):
    recorded(folder, 1, b"body")
    recordings.prune(state, folder, NOW, timedelta(0))
    assert not folder.exists()
    recordings.prune(state, folder, NOW, timedelta(0))


def test_the_oldest_go_first_where_there_is_too_much(state, folder, monkeypatch):
    for review in (1, 2, 3):
        recorded(folder, review, os.urandom(4_000), at=NOW - (4 - review) * DAY)
    monkeypatch.setattr(recordings, "MOST_BYTES", 9_000)
    recordings.prune(state, folder, NOW, 14 * DAY)
    assert kept(folder) == {2, 3}
    assert len(list(folder.iterdir())) == 4
    monkeypatch.setattr(recordings, "MOST_BYTES", 5_000)
    recordings.prune(state, folder, NOW, 14 * DAY)
    assert kept(folder) == {3}


def test_what_no_review_names_goes(state, folder):
    recorded(folder, 1, b"body")
    recorded(folder, 2, b"other")
    pages.forget(state, PAGES[1].id)
    recordings.prune(state, folder, NOW, 14 * DAY)
    assert kept(folder) == {1}
    assert len(list(folder.iterdir())) == 2


def test_a_page_is_forgotten_with_all_that_it_does_not_share(folder):
    shared, own = recorded(folder, 1, b"shared", b"own")
    recorded(folder, 2, b"shared", b"other")
    assert recordings.forget(folder, PAGES[0].id) == 1
    assert kept(folder) == {2}
    assert (folder / shared).exists()
    assert not (folder / own).exists()
    assert recordings.forget(folder, PAGES[0].id) == 0


def test_with_a_page_what_other_reviews_were_told_of_it_is_forgotten(folder):
    recorded(folder, 1, b"own")
    recorded(folder, 2, f'{{"page": "{PAGES[0].id}"}}'.encode(), b"shared")
    recorded(folder, 3, b"shared")
    assert recordings.forget(folder, PAGES[0].id) == 2
    assert kept(folder) == {3}
    assert len(list(folder.iterdir())) == 2


def test_a_full_disk_leaves_no_half_a_file(folder, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recordings.zlib, "compress", full)
    with pytest.raises(OSError, match="No space"):
        recorded(folder, 1, b"body")
    assert list(folder.iterdir()) == []
