"""The report drawn: every number can be hovered over, read in a table and taken away."""

from __future__ import annotations

import csv
import io
import re
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import load
from daemon.console.report import DRAWN, HEIGHT, Series, apart, together
from daemon.operations.figures import LEAST_SETTLED
from daemon.store.database import open_state
from support.big_state import fill
from support.console_world import context_of, entered


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worth")
    path = folder / "config.yaml"
    path.write_text(
        "databases: [{id: 0123456789abcdef0123456789abcdef}]\nmodels: [offline]\nstate: s.db\n"
    )
    with closing(open_state(folder / "s.db")) as db:
        db.execute("PRAGMA synchronous = OFF")
        fill(db, datetime.now(UTC), pages_=30, findings_=4, days=40)
    return entered(context_of(load(path, {"NOTION_TOKEN": "ntn_planted"})))


def test_every_bar_says_its_number_and_the_table_has_it(client):
    text = client.get("/worth").text
    for figure in re.findall(r"<figure.*?</figure>", text, re.DOTALL):
        bars = re.findall(r"<title>([^<]*)</title>", figure)
        rows = re.findall(r'<th scope="row">([^<]*)</th>(.*?)</tr>', figure)
        cells = {period: re.findall(r'<td class="n">([^<]*)</td>', row) for period, row in rows}
        assert bars
        for words in bars:
            period, _, said = words.partition(": ")
            assert any(said.startswith(f"{cell} ") for cell in cells[period]), words


def test_the_findings_drawn_are_all_there_are(client):
    rows = list(csv.DictReader(io.StringIO(client.get("/worth.csv").text)))
    weeks = [row for row in rows if row["span"] == "week" and not row["prompt"]]
    assert len(weeks) == 12
    assert sum(int(row["findings"]) for row in weeks) == 120
    text = client.get("/worth").text
    drawn = re.findall(r'<span class="quiet">([\d,]+) of 120</span>', text)
    assert len(drawn) == len(DRAWN)
    assert sum(map(int, drawn)) == 120


def test_each_version_and_model_has_its_share_of_addressed_findings_with_an_interval(client):
    text = client.get("/worth").text
    rows = list(csv.DictReader(io.StringIO(client.get("/worth.csv").text)))
    weeks = [row for row in rows if row["span"] == "week"]
    for table in ("prompts", "models"):
        (body,) = re.findall(rf'<table id="{table}">.*?<tbody>(.*?)</tbody>', text, re.DOTALL)
        cells = [re.findall(r'<td class="n">([^<]*)</td>', row) for row in body.split("</tr>")[:-1]]
        assert cells
        settled = sum(int(row[3].replace(",", "")) for row in cells)
        told = ("settled_addressed", "settled_dismissed", "settled_resolved")
        assert settled == sum(int(row[name]) for row in weeks if not row["prompt"] for name in told)
        for row in cells:
            few = int(row[3]) < LEAST_SETTLED
            words = "cannot tell" if few else r"\d+%"
            assert re.fullmatch(rf"\d+: {words}", row[4])
            assert bool(re.fullmatch(r"\d+-\d+%", row[5])) is not few


def test_the_exports_say_the_same_as_each_other(client):
    table = list(csv.DictReader(io.StringIO(client.get("/worth.csv").text)))
    translated = client.get("/worth.json").json()
    assert [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in translated["periods"]
    ] == table
    assert translated["last_week"]["span"] == "week"


def test_the_exports_are_files_to_keep_and_need_the_session(client):
    for path, kind in (("/worth.csv", "text/csv"), ("/worth.json", "application/json")):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-disposition"].startswith("attachment")
        client_without = client.get(path, headers={"Cookie": "x=y"})
        assert client_without.status_code == 401


def test_the_week_in_words_is_what_the_command_prints(client):
    assert "reviews of pages" in client.get("/worth/week").text


def test_without_a_state_worth_says_so(client, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("databases: [{id: 0123456789abcdef0123456789abcdef}]\nmodels: [offline]\n")
    empty = entered(context_of(load(path, {"NOTION_TOKEN": "ntn_planted"})))
    for page in ("/worth", "/worth/week", "/worth.csv", "/worth.json"):
        assert empty.get(page).status_code == 200
    assert "No sweep has made a state yet." in empty.get("/worth").text


numbers = st.lists(st.none() | st.floats(0, 1e9), min_size=3, max_size=3)


@given(st.lists(numbers, max_size=4))
def test_a_bar_is_as_high_as_its_number_on_the_scale_of_all(columns):
    series = [Series(str(index), values, "") for index, values in enumerate(columns)]
    drawn = together("", ["a", "b", "c"], series, str)
    top = max((value or 0 for values in columns for value in values), default=0)
    for strip, values in zip(drawn.strips, columns, strict=True):
        for bar, value in zip(strip.bars, values, strict=True):
            assert 0 <= bar.height <= HEIGHT
            assert bar.y + bar.height == pytest.approx(HEIGHT, abs=0.02)
            assert (bar.height > 0) == bool(value)
            if value and HEIGHT * value / top > 2:
                assert bar.height == pytest.approx(HEIGHT * value / top, abs=0.01)


def test_series_apart_each_reach_the_top():
    drawn = apart("", ["a"], [Series("much", [1e6], ""), Series("little", [1], "")], str)
    assert [strip.bars[0].height for strip in drawn.strips] == [HEIGHT, HEIGHT]
