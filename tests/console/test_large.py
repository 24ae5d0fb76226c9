"""A large state: what a page costs does not follow from how much there is."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from daemon.config import load
from daemon.console import app
from daemon.store.database import open_state, quick_read
from support.big_state import fill, page_id
from support.console_world import context_of, entered


STEP = 100  # of SQLite's machine, between two counts


def large(folder, pages, findings, days):
    path = folder / "config.yaml"
    path.write_text(
        "databases: [{id: 0123456789abcdef0123456789abcdef}]\nmodels: [offline]\nstate: s.db\n"
    )
    with closing(open_state(folder / "s.db")) as db:
        db.execute("PRAGMA synchronous = OFF")
        fill(db, datetime.now(UTC), pages_=pages, findings_=findings, days=days, blocks=5)
    return entered(context_of(load(path, {"NOTION_TOKEN": "ntn_planted"})))


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
# The small one has more pages of each kind than a list shows.
SMALL, LARGE = 250, 1_000


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """The same console over a state and over one four times as large."""
    return [large(tmp_path_factory.mktemp("large"), count, 1, 30) for count in (SMALL, LARGE)]


@pytest.fixture
def work(monkeypatch):
    """What each look at the state took: statements, and hundreds of SQLite's steps."""
    taken = SimpleNamespace(statements=0, steps=0)

    def step():
        taken.steps += STEP

    def statement(_):
        taken.statements += 1

    @contextmanager
    def counting(path):
        with quick_read(path) as db:
            db.conn.set_progress_handler(step, STEP)
            db.conn.set_trace_callback(statement)
            yield db

    monkeypatch.setattr(app, "quick_read", counting)
    return taken


def cost(client, path, work):
    work.statements = work.steps = 0
    assert client.get(path).status_code == 200
    assert work.statements
    return work.statements, work.steps


def test_every_page_makes_as_many_statements_in_a_state_four_times_as_large(sizes, work):
    """A list fills up to its length; no page asks once for each row of the state."""
    little, much = (
        {name: cost(client, path, work)[0] for name, path in PATHS.items()} for client in sizes
    )
    assert {name: much[name] - little[name] for name in PATHS} == dict.fromkeys(PATHS, 0)


@pytest.mark.parametrize("path", [PATHS["document"], PATHS["drafts"]])
def test_what_shows_one_thing_takes_the_same_in_a_larger_state(sizes, work, path):
    (_, little), (_, much) = (cost(client, path, work) for client in sizes)
    assert much <= little * 1.1 + 2 * STEP


@pytest.mark.parametrize("path", [PATHS["documents"], PATHS["search"], PATHS["open"], PATHS["now"]])
def test_a_list_reads_an_index_of_the_rest_and_no_row(sizes, work, path):
    """Some steps for each further page: an entry of an index, never a page's findings."""
    (_, little), (_, much) = (cost(client, path, work) for client in sizes)
    assert much - little < (LARGE - SMALL) * 45


def test_a_list_shows_a_part(sizes):
    assert sizes[1].get("/documents").text.count('id="p-') == 50


@pytest.mark.parametrize("name", ["now", "documents", "open"])
def test_a_list_is_no_longer_in_a_state_four_times_as_large(sizes, name):
    """Both states have more rows than a list shows; numbers alone gain a digit."""
    little, much = (len(client.get(PATHS[name]).content) for client in sizes)
    assert much <= little * 1.5
