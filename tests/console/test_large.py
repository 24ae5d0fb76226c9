"""A large state: what a page costs does not follow from how much there is."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from big_state import fill, page_id
from console_world import desk_of, entered

from daemon.config import load
from daemon.console import app
from daemon.store.database import glance, open_state


STEP = 100  # of SQLite's machine, between two counts
SERVER_SECONDS = 0.2


def large(folder, pages, findings, days):
    path = folder / "config.yaml"
    path.write_text(
        "databases: [{id: 0123456789abcdef0123456789abcdef}]\nmodels: [offline]\nstate: s.db\n"
    )
    with closing(open_state(folder / "s.db")) as db:
        db.execute("PRAGMA synchronous = OFF")
        fill(db, datetime.now(UTC), pages_=pages, findings_=findings, days=days)
    return entered(desk_of(load(path, {"NOTION_TOKEN": "ntn_planted"})))


PATHS = {
    "now": "/",
    "documents": "/documents",
    "search": "/documents?q=service+9",
    "no hit": "/documents?q=nothing+of+it",
    "open": "/documents?show=open",
    "failed": "/documents?show=failed",
    "document": f"/documents/{page_id(7)}",
    "drafts": "/drafts",
    "worth": "/worth",
    "week": "/worth/week",
    "csv": "/worth.csv",
}


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """The same console over 60 and over 360 pages."""
    return [large(tmp_path_factory.mktemp("large"), count, 2, 30) for count in (60, 360)]


@pytest.fixture
def steps(monkeypatch):
    """How many steps SQLite took, in hundreds, for each look at the state."""
    taken = []

    @contextmanager
    def counting(path):
        with glance(path) as db:
            db.conn.set_progress_handler(lambda: taken.append(1), STEP)
            yield db

    monkeypatch.setattr(app, "glance", counting)
    return taken


def cost(client, path, steps):
    steps.clear()
    assert client.get(path).status_code == 200
    return len(steps) * STEP


@pytest.mark.parametrize("path", [PATHS["document"], PATHS["drafts"]])
def test_what_shows_one_thing_takes_the_same_in_a_larger_state(sizes, steps, path):
    little, much = (cost(client, path, steps) for client in sizes)
    assert much <= little * 1.1 + 2 * STEP


@pytest.mark.parametrize("path", [PATHS["documents"], PATHS["search"], PATHS["open"], PATHS["now"]])
def test_a_list_reads_an_index_of_the_rest_and_no_row(sizes, steps, path):
    """Some steps for each of 300 more pages: an entry of an index, never a page's findings."""
    little, much = (cost(client, path, steps) for client in sizes)
    assert much - little < 300 * 45


def test_a_list_shows_a_part(sizes):
    assert sizes[1].get("/documents").text.count('id="p-') == 50


@pytest.mark.real
def test_ten_thousand_pages_and_fifty_thousand_findings_take_under_200_ms_each(tmp_path, capsys):
    client = large(tmp_path, 10_000, 5, 730)
    took = {}
    for name, path in PATHS.items():
        tries = []
        for _ in range(5):
            began = time.process_time()
            assert client.get(path).status_code == 200
            tries.append(time.process_time() - began)
        took[name] = min(tries)
    with capsys.disabled():
        told = ", ".join(f"{name} {seconds * 1000:.0f}" for name, seconds in took.items())
        print(f"\nmilliseconds of server time: {told}")  # noqa: T201 - a measurement
    assert {name: one for name, one in took.items() if one > SERVER_SECONDS} == {}
