"""Two reviews of a document side by side, and two versions of a prompt."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from daemon.console.documents import Row, aligned
from daemon.store import prompts, reviews
from daemon.store.database import open_state, quick_read


def rows(ids, text=""):
    return [Row(str(one), "paragraph", "div", "", 0, Markup(text)) for one in ids]


readings = st.lists(st.integers(0, 8), max_size=8, unique=True)


@given(readings, readings)
def test_every_block_of_both_readings_stands_in_one_pair_in_its_order(earlier, later):
    pairs = list(aligned(rows(earlier), rows(later)))
    assert [int(one.earlier.id) for one in pairs if one.earlier] == earlier
    assert [int(one.later.id) for one in pairs if one.later] == later
    for one in pairs:
        assert one.earlier or one.later
        assert one.is_same is bool(one.earlier and one.later)
        assert not (one.earlier and one.later) or one.earlier.id == one.later.id


@given(readings)
def test_a_reading_beside_itself_is_quiet_and_a_changed_one_is_not(ids):
    assert all(one.is_quiet for one in aligned(rows(ids), rows(ids)))
    assert not any(one.is_same for one in aligned(rows(ids, "was"), rows(ids, "is")))


def plain(html):
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", html).split()))


def compared(browser, world, query=""):
    answer = browser.get(f"/documents/{world.page('Move shipment').id}/compare{query}")
    assert answer.status_code == 200
    return answer.text


def sides(text, block_id):
    """What the earlier and the later review have of a block that differs."""
    block = text[text.index(f'id="c-{block_id}"') :]
    cells = block.split('<div class="side">')[1:3]
    return [plain(one.partition('<div class="block')[0]) for one in cells]


def test_what_changed_stands_side_by_side_with_what_each_review_said(browser, world):
    """A changed, a removed and a new block, and findings beside the review that made them."""
    page, text = world.page("Move shipment"), compared(browser, world)
    here = world.box.world
    changed, *_, added = [one for one in here.blocks(page) if one.type == "paragraph"]
    before, now = sides(text, changed.id)
    assert before.startswith("earlier Today a job asks every carrier")
    assert now.startswith("later It says who owns the rollout")
    assert sides(text, added.id)[0] == "Not there yet."
    assert "Retries. TODO: fill this in." in sides(text, added.id)[1]
    assert "raised in this review" in sides(text, added.id)[1]
    assert "Gone." in plain(text)
    assert re.search(r"\d+ blocks, the same in both", plain(text))
    with quick_read(world.settings.config.state) as state:
        later, earlier = reviews.recent(state, page.id, 2)
    assert len(re.findall(r'id="f\d+"', text)) == earlier.findings + later.findings
    assert "Review 1 of 2" in text
    assert "Review 2 of 2" in text


def test_the_reviews_are_those_asked_for_the_earlier_one_first(browser, world):
    with quick_read(world.settings.config.state) as state:
        later, earlier = reviews.recent(state, world.page("Move shipment").id, 2)
    both = compared(browser, world)
    asked = f"?earlier={later.review_id}&later={earlier.review_id}"
    assert compared(browser, world, asked) == both
    alike = compared(browser, world, f"?earlier={later.review_id}&later={later.review_id}")
    assert 'class="pair differs"' not in alike
    page = browser.get(f"/documents/{world.page('Move shipment').id}").text
    link = re.search(r'href="(/documents/[^"]*compare[^"]*)"', page).group(1)
    assert browser.get(link.replace("&amp;", "&")).text == both


@pytest.mark.parametrize("query", ["?earlier=999", "?later=x", "?earlier=1&later=%00"])
def test_reviews_that_are_not_of_this_page_are_not_compared(browser, world, query):
    page = world.page("Read replicas")
    assert browser.get(f"/documents/{page.id}/compare").status_code == 404
    page = world.page("Move shipment")
    assert browser.get(f"/documents/{page.id}/compare{query}").status_code == 404


def test_a_text_that_is_kept_no_longer_leaves_what_was_said(browser, world):
    page = world.page("Move shipment")
    with closing(open_state(world.settings.config.state)) as state:
        later, earlier = reviews.recent(state, page.id, 2)
        state.execute("DELETE FROM texts WHERE review_id = ?", [earlier.review_id])
    text = compared(browser, world)
    assert "What this review read is kept no longer." in text
    assert len(re.findall(r'id="f\d+"', text)) == earlier.findings + later.findings


def test_a_document_marks_what_was_only_moved(browser, world):
    page = world.page("Move shipment")
    with closing(open_state(world.settings.config.state)) as state:
        later, earlier = reviews.recent(state, page.id, 2)
        read = reviews.text(state, later.review_id)
        *lines, last = read.lines
        state.execute("DELETE FROM texts WHERE review_id = ?", [earlier.review_id])
        was = replace(read, lines=(last, *lines))
        reviews.save_text(state, earlier.review_id, page.id, was, earlier.at)
    text = browser.get(f"/documents/{page.id}").text
    [mark] = re.findall(r'class="mark" title="([^"]*)"', text)
    assert mark == "moved in this review"
    shown = text[text.index(f'id="b-{last.id}"') :]
    assert mark in shown.partition('<div class="block')[0]
    assert "<del>" not in text


def test_a_prompt_shows_what_came_and_went_since_the_version_before(browser, world):
    with closing(open_state(world.settings.config.state)) as state:
        [version] = prompts.version_names(state)
        said, since = prompts.version(state, version)
        first, *rest = said.text.splitlines()
        later = replace(said, text="\n".join(["A new beginning.", *rest]))
        prompts.save_version(state, "later", later, since + timedelta(days=1))
        names = prompts.version_names(state)
    shown = browser.get("/prompts/later").text
    assert f'Before it: <a href="/prompts/{version}">{names[version]}</a>' in shown
    text = shown[shown.index('id="text"') :]
    assert [plain(one) for one in re.findall(r"<del>.*?</del>", text)] == [first.strip()]
    assert len(re.findall('class="block new ', text)) == 1
    assert "came: A new beginning." in plain(text)


PROMPT = """Look for *gaps*.

## What to look for
- a plan to go back
  1. **who** does it
[x] an owner
> Ask once.

| part | who |

```sh
## no heading
```
It is \\# seven."""


def test_a_prompt_and_its_background_pages_read_as_a_document_does(browser, world):
    with closing(open_state(world.settings.config.state)) as state:
        [version] = prompts.version_names(state)
        said, since = prompts.version(state, version)
        told = replace(said, text=PROMPT, knowledge=(("Terms", "### Words\nA *poller* polls."),))
        prompts.save_version(state, "told", told, since - timedelta(days=1))
    shown = browser.get("/prompts/told").text
    text, _, background = shown[shown.index('id="text"') :].partition("<details>")
    assert re.findall(r'class="block (?:d0 )?([^"]*)">(.*)</div>', text) == [
        ("k-paragraph", '<div class="line">Look for <em>gaps</em>.</div>'),
        ("k-heading_2", '<h3 class="line">What to look for</h3>'),
        ("k-bulleted_list_item", f'<div class="line">{sign("•")}a plan to go back</div>'),
        (
            "d1 k-numbered_list_item",
            f'<div class="line">{sign("1.")}<strong>who</strong> does it</div>',
        ),
        ("k-to_do", f'<div class="line">{sign("☑")}an owner</div>'),
        ("k-quote", '<div class="line">Ask once.</div>'),
        (
            "k-table_row",
            '<div class="line"><span class="cell">part</span><span class="cell">who</span></div>',
        ),
        ("k-paragraph", '<div class="line"><code>```sh</code></div>'),
        ("k-paragraph", '<div class="line"><code>## no heading</code></div>'),
        ("k-paragraph", '<div class="line"><code>```</code></div>'),
        ("k-paragraph", '<div class="line">It is # seven.</div>'),
    ]
    assert '<h4 class="line">Words</h4>' in background
    assert "A <em>poller</em> polls." in background


def sign(text: str) -> str:
    return f'<span class="sign">{text}</span>'
