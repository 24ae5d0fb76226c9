"""What the pages show, of a state that the program made."""

from __future__ import annotations

import os
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest

from daemon.config import load
from daemon.domain import records
from daemon.operations import explain
from daemon.operations.pages import do, pause
from daemon.sandbox import blocks
from daemon.store import pages, sweeps
from daemon.store.database import open_state, quick_read
from daemon.store.lock import lock
from daemon.store.views import browse
from support.console_world import BASE, HOSTILE, entered
from support.rows import some


class Elements(HTMLParser):
    """Every element of a page, and what it says."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.words = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def block(text, block_id):
    """The element of one block of a document."""
    begin = text.index(f'id="b-{block_id}"')
    ends = [place for place in (text.find('<div class="block', begin), len(text)) if place > 0]
    return text[begin : min(ends)]


def read(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return Elements(answer.text)


def test_now_tells_the_last_sweeps_with_what_they_took(browser, world):
    with quick_read(world.settings.config.state) as state:
        last = browse.sweeps(state, 1)[0]
    shown = browser.get("/").text
    row = Elements(shown[shown.index(f'id="sweep-{last.id}"') :].partition("</tr>")[0]).text
    assert f"● ok {last.result['seconds']:.1f}" in row
    assert f" {last.result['notion_requests']} " in row
    assert shown.count('id="tick-') == 4


def test_now_says_what_waits_and_why(browser, world):
    page = world.page("Retire the nightly")
    state = open_state(world.settings.config.state)
    row = pages.page(state, page.id)
    parked = {"state": records.PageState.PARKED, "attempts": 3, "error": "Notion did not answer"}
    pages.save(state, [replace(row, due_at=None, **parked)])
    sweeps.raise_alert(state, "models", f"every model is down {HOSTILE}", row.edited)
    said = read(browser, "/").text
    assert "it failed 3 times (Notion did not answer) and waits for its next edit" in said
    assert "✕ given up" in said
    assert "People must act ▲ every model is down <script src=" in said


def test_what_a_button_here_does_is_not_told_as_a_command(browser, world):
    """A page that is paused and one that failed; `explain` in a terminal names the commands."""
    paused, failed = world.page("Move shipment"), world.page("Retire the nightly")
    do(pause, world.settings.config.state, paused.id)
    with closing(open_state(world.settings.config.state)) as state:
        parked = {"state": records.PageState.PARKED, "attempts": 3, "error": "no answer"}
        row = pages.page(state, failed.id)
        pages.save(state, [replace(row, due_at=None, **parked)])
        told = str([explain.explain(state, one.id) for one in (paused, failed)])
    for act, page in (("resume", paused), ("retry", failed)):
        shown = browser.get(f"/documents/{page.id}").text
        assert f"the button {act.capitalize()}" in shown
        assert f">{act.capitalize()}</button>" in shown
        assert f"notion-review {act} {page.id}" in told


def test_now_says_who_is_at_work_and_what_runs_or_was_cut_short(browser, world):
    path = world.settings.config.state
    with closing(open_state(path)) as state:
        sweeps.begin_sweep(state, datetime.now(UTC))
    said = read(browser, "/").text
    assert "cut short" in said
    assert "No service or sweep is running" in said
    with lock(path):
        said = read(browser, "/").text
    assert f"At work: pid {os.getpid()} since" in said
    assert "A sweep is running since" in said
    assert "cut short" not in said


def test_now_says_when_the_next_sweep_is_due(browser, world):
    with lock(world.settings.config.state):
        said = read(browser, "/").text
    with quick_read(world.settings.config.state) as state:
        last = browse.sweeps(state, 1)[0].started
    assert f"The next one is due at {last + timedelta(hours=1):%Y-%m-%d %H:%M}" in said
    assert "The next one" not in read(browser, "/").text


def test_without_a_state_the_pages_say_that_no_sweep_was_made(context):
    context.state.unlink()
    browser = entered(context)
    assert "No sweep has ended yet." in read(browser, "/").text
    assert "None." in read(browser, "/documents").text
    assert browser.get("/documents/x").status_code == 404


def test_the_list_is_chosen_by_state_and_by_words_of_the_title(browser, world):
    def titles(query):
        return re.findall(r'class="item" href="[^"]*">([^<]*)<', browser.get(query).text)

    everything = titles("/documents")
    assert len(everything) == 5
    assert titles("/documents?q=SHIPMENT") == ["Move shipment tracking to an event queue"]
    assert titles("/documents?q=nothing+of+it") == []
    assert 0 < len(titles("/documents?show=open")) < 5
    assert titles("/documents?show=paused") == []
    browser.post(
        f"/documents/{world.page('Move shipment').id}/pause",
        data={"form_token": form_token(browser)},
        headers={"Origin": BASE},
    )
    assert titles("/documents?show=paused") == ["Move shipment tracking to an event queue"]
    assert browser.get("/documents?show=nonsense").status_code == 404
    assert browser.get("/documents?after=nonsense~x").status_code == 404


ODD = [
    "",
    "x",
    "-1",
    "1e9",
    "٣",
    "²",
    "9" * 19,
    "9" * 5000,
    "~",
    "~x",
    "x~",
    "9999-12-31T23:59:59-12:00~x",
    "0001-01-01T00:00:00+12:00~x",
    "0001-01-01T00:00:00~x",
    "9999-12-31T23:59:59~x",
    "2026-11-20T10:41:00Z~~x",
    "2026-W01-1~x",
    "\x00",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe",
    "%",
    "' OR 1=1 --",
    "💡" * 500,
]
DOCUMENT = "/documents/{}"
# What each address reads; the one that nothing reads stands for all others.
NAMES = {
    "/": ["token", "nothing"],
    "/documents": ["show", "q", "source", "after", "nothing"],
    DOCUMENT: ["review", "nothing"],
    DOCUMENT + "/compare": ["earlier", "later"],
    "/drafts": ["nothing"],
    "/worth": ["nothing"],
    "/worth.csv": ["nothing"],
}


# One of each kind: no words, numbers, times at the ends of time, what is no text, what is code.
QUICK = {"", "٣", "9" * 5000, "x~", "9999-12-31T23:59:59-12:00~x", "2026-W01-1~x", b"\xff\xfe", "%"}


@pytest.mark.parametrize(
    "odd",
    some(
        {str(at): odd for at, odd in enumerate(ODD)},
        {str(at) for at, odd in enumerate(ODD) if odd in QUICK},
    ),
)
def test_whatever_an_address_asks_for_is_shown_or_refused(browser, world, odd):
    page = world.page("Move shipment").id
    for path, names in NAMES.items():
        for name in names:
            asked = browser.get(f"{path.format(page)}?{urlencode({name: odd})}")
            assert asked.status_code in (200, 303, 404), (path, name)
    for path in ("/documents/{}", "/drafts/{}", "/worth/{}", "/assets/{}"):
        assert browser.get(path.format(quote(odd, safe=""))).status_code in (200, 404, 405), path


def form_token(browser):
    return re.search(r'name="form_token" value="([^"]+)"', document(browser)).group(1)


def document(browser, title="Move shipment", query=""):
    listed = browser.get("/documents", params={"q": title}).text
    path = re.search(r'class="item" href="([^"]+)"', listed).group(1)
    return browser.get(path + query).text


def test_the_list_goes_on_by_key_and_misses_nothing(browser, world, monkeypatch):
    monkeypatch.setattr("daemon.console.overview.SHOWN", 2)
    path, seen = "/documents", []
    while path:
        text = browser.get(path).text
        seen += re.findall(r'id="p-([^"]+)"', text)
        older = re.search(r'href="([^"]+)" rel="next"', text)
        path = older and older.group(1).replace("&amp;", "&")
    with quick_read(world.settings.config.state) as state:
        everything = pages.ids_of(state, state.execute("SELECT id FROM sources").fetchone()[0])
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == everything


def test_a_document_marks_what_its_review_found_new_and_changed(browser, world):
    text = document(browser)
    here = world.box.world
    changed, *_, added = [
        one for one in here.blocks(world.page("Move shipment")) if one.type == "paragraph"
    ]
    assert 'class="mark" title="changed in this review"' in block(text, changed.id)
    assert "It says who owns the <strong>rollout</strong>, and when." in block(text, changed.id)
    assert "<del>Today a job asks every carrier" in block(text, changed.id)
    assert 'class="mark" title="new in this review"' in block(text, added.id)
    assert "Gone since the review before" in text
    assert len(re.findall('class="mark"', text)) == 2


def test_a_document_has_its_findings_and_threads_beside_their_blocks(browser, world):
    with quick_read(world.settings.config.state) as state:
        found = browse.findings_of(state, world.page("Move shipment").id)
    text = document(browser)
    answered = next(one for one in found if one.state == "answered")
    margin = Elements(block(text, answered.block_id)).text
    assert f"{answered.severity} ◐ answered" in margin
    assert "Ana Costa" in margin
    assert "Good catch, I will add it." in margin
    assert re.search(r"\d answered: a person wrote in its thread", margin)
    assert len(re.findall(r'id="f\d+"', text)) == len(found)


def test_a_document_can_be_stepped_through(browser, world):
    now = document(browser)
    first = re.search(r'href="(\?review=\d+)" rel="prev"', now).group(1)
    then = document(browser, query=first)
    assert "Today a job asks every carrier" in then
    assert "It says who owns" not in then
    assert 'class="mark"' not in then
    assert "raised in this review" in then
    back = re.search(r'href="(\?review=\d+)" rel="next"', then).group(1)
    assert document(browser, query=back) == now
    assert len(re.findall(r'id="f\d+"', then)) < len(re.findall(r'id="f\d+"', now))


@pytest.mark.parametrize("asked", ["999", "x", "-1", "9" * 30, "1"])
def test_a_review_that_is_not_of_this_page_is_not_shown(browser, world, asked):
    path = f"/documents/{world.page('Move shipment').id}?review={asked}"
    expected = 200 if asked == "1" and "Review 1<" in browser.get(path).text else 404
    assert browser.get(path).status_code == expected


def test_a_document_tells_its_decisions_as_explain_does(browser, world):
    with quick_read(world.settings.config.state) as state:
        lines = explain.explain(state, world.page("Move shipment").id)
    said = read(browser, f"/documents/{world.page('Move shipment').id}").text
    for line in lines[1:]:
        assert " ".join(line.split()) in said
    [why] = [line.removeprefix("  why: ") for line in lines if line.startswith("  why: ")]
    shown = re.sub("T(..:..):..Z", r" \1", why)
    assert f"Why: {shown}." in said
    assert shown != why


def test_a_page_is_paused_resumed_and_retried_as_by_command(browser, world):
    page = world.page("Move shipment").id
    for act, paused in (("pause", True), ("resume", False), ("retry", False)):
        answer = browser.post(
            f"/documents/{page}/{act}",
            data={"form_token": form_token(browser)},
            headers={"Origin": BASE},
        )
        assert answer.url.path == f"/documents/{page}"
        with quick_read(world.settings.config.state) as state:
            assert pages.page(state, page).paused is paused
    with quick_read(world.settings.config.state) as state:
        assert "by command" in str(sweeps.decisions(state, page))


def test_script_in_a_title_a_text_a_property_a_name_and_a_comment_is_inert(browser, world):
    """Everything shows it, nothing carries it out."""
    page = world.page("Hostile")
    for path in ("/", "/documents", f"/documents/{page.id}"):
        found = read(browser, path).found
        assert [one for one in found if one[0] == "script"] == [
            ("script", {"src": "/assets/console.js", "defer": None})
        ]
        assert not [one for one in found if one[0] in ("img", "iframe", "object", "style")]
        assert not [name for _, given in found for name in given if name.startswith("on")]
    said = read(browser, f"/documents/{page.id}").text
    assert f"Hostile {HOSTILE}" in said
    assert f"TBD {HOSTILE}" in said
    assert f"Eve {HOSTILE}" in said
    assert f"Mine {HOSTILE}" in said
    assert f"Status: Ready {HOSTILE}" in said


def test_an_address_that_is_no_web_address_becomes_no_link(browser, world):
    here = world.box.world
    page = world.page("Hostile")
    links = [
        {"type": "text", "text": {"content": kind, "link": {"url": url}}}
        for kind, url in (("bad", "javascript:alert(1)"), ("good", "https://corp.example/a"))
    ]
    made = here.add_block(page, blocks.paragraph(links))
    with world.box.serve() as url:
        env = {"NOTION_TOKEN": world.box.token, "NOTION_BASE_URL": url}
        world.settings = load(world.folder / "config.yaml", env)
        world.sweep(only=page.id)
    here.delete_block(made)
    found = read(browser, f"/documents/{page.id}").found
    away = [given for tag, given in found if tag == "a" and given.get("target")]
    assert {one["href"] for one in away} <= {"https://corp.example/a", page.url}
    assert all("noopener" in one["rel"] for one in away)


def test_a_review_leads_to_the_text_of_its_prompt(browser, world):
    page = world.page("Move shipment")
    shown = read(browser, f"/documents/{page.id}")
    [address] = {a["href"] for tag, a in shown.found if a.get("href", "").startswith("/prompts/")}
    said = read(browser, address).text
    version = address.rpartition("/")[2]
    assert f"Version {version} in logs" in said
    assert "It is the first one that is kept." in said
    assert version not in shown.text.partition("Every decision")[0]
    assert "answers comments within two working days." in said
    assert address in browser.get("/worth").text
    assert browser.get("/prompts/there-is-none").status_code == 404
