"""The report drawn: every number can be hovered over, read in a table and taken away."""

from __future__ import annotations

import csv
import io
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from daemon.config import load
from daemon.console.report import worth
from daemon.operations.figures import LEAST_SETTLED, figures
from daemon.operations.intervals import Share
from daemon.operations.report import in_percent
from daemon.store.database import open_state
from support.big_state import fill
from support.console_world import context_of, entered


NOW = datetime(2026, 11, 20, tzinfo=UTC)


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


def test_every_mark_says_its_number_and_the_table_has_it(client):
    text = client.get("/worth").text
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    assert len(figures) == 5
    for figure in figures:
        marks = re.findall(r"<title>([^<]*)</title>", figure)
        rows = re.findall(r'<th scope="row">([^<]*)</th>(.*?)</tr>', figure)
        cells = {period: re.findall(r'<td class="n">([^<]*)</td>', row) for period, row in rows}
        assert marks
        for words in marks:
            period, _, said = words.partition(": ")
            assert any(said.startswith(f"{cell} ") for cell in cells[period]), words


def test_nothing_in_a_drawing_needs_a_style_or_a_script_of_its_own(client):
    """The policy of the pages lets none of either through."""
    for drawing in re.findall(r"<svg.*?</svg>", client.get("/worth").text, re.DOTALL):
        assert not re.search(r"<style|<script|\bstyle=|\bon\w+=|href", drawing)


def test_the_findings_drawn_are_all_there_are(client):
    rows = list(csv.DictReader(io.StringIO(client.get("/worth.csv").text)))
    weeks = [row for row in rows if row["span"] == "week" and not row["prompt"]]
    assert len(weeks) == 12
    assert sum(int(row["findings"]) for row in weeks) == 120
    drawn = re.findall(r'<span class="quiet">([\d,]+) of 120</span>', client.get("/worth").text)
    assert len(drawn) == 4
    assert sum(map(int, drawn)) == 120


def test_at_a_glance_stand_the_sums_of_the_weeks_with_their_intervals(client):
    rows = list(csv.DictReader(io.StringIO(client.get("/worth.csv").text)))
    weeks = [row for row in rows if row["span"] == "week" and not row["prompt"]]
    text = client.get("/worth").text
    said = " ".join(re.sub(r"<[^>]*>", " ", text[text.index('id="lead"') :]).split())
    settled = {
        name: sum(int(week[f"settled_{name}"]) for week in weeks)
        for name in ("addressed", "dismissed", "resolved")
    }
    cost, whole = sum(float(week["cost_usd"]) for week in weeks), sum(settled.values())
    for name, part in settled.items():
        percent, interval = in_percent(Share(part, whole))
        assert f"{name} {percent} {part} of {whole} settled; likely {interval}" in said
    assert f"cost ${cost:.2f} ${cost / settled['addressed']:.2f} for each addressed" in said


def week_of(addressed, dismissed):
    """A week in which so many findings were settled."""
    adopted = addressed // 3  # a wording that was taken counts as addressed
    settled = {"addressed": addressed - adopted, "adopted": adopted}
    settled |= {"dismissed": dismissed, "resolved": 0}
    none = figures(None, NOW, NOW)
    return replace(none, work=replace(none.work, settled=settled))


@pytest.mark.parametrize(
    ("before", "lately", "told"),
    [
        ((5, 5), (5, 5), "did not fall beyond chance: 20 of 40 settled ones in the last 4 weeks"),
        ((9, 1), (1, 9), "fell: 4 of 40 settled ones in the last 4 weeks, 72 of 80 before"),
        ((1, 9), (9, 1), "did not fall"),
        ((9, 1), (0, 2), "Too few are settled"),
        ((0, 0), (5, 5), "Too few are settled"),
    ],
)
def test_whether_it_got_worse_is_told_when_it_can_be(before, lately, told):
    weeks = [week_of(*before)] * 8 + [week_of(*lately)] * 4
    assert told in worth(weeks).trend


def test_what_nothing_came_of_has_no_price():
    assert worth([week_of(0, 12)]).each is None
    assert worth([]).each is None


def test_versions_are_named_and_the_exports_have_both(client):
    text = client.get("/worth").text
    rows = list(csv.DictReader(io.StringIO(client.get("/worth.csv").text)))
    names = {row["prompt"]: row["prompt_name"] for row in rows}
    assert set(names) == {"", "p1", "p2"}
    for version in ("p1", "p2"):
        assert names[version].startswith("How we review RFCs of 20")
        assert f'<a href="/prompts/{version}">{names[version]}</a>' in text
        assert f"{names[version]}</title>" in text


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
