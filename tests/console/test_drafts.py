"""Drafts in the console: seen as they will look, decided on, and then on Notion just so."""

from __future__ import annotations

import asyncio
import re
import shutil
from dataclasses import replace
from functools import partial

import pytest

from daemon.config import load
from daemon.domain.errors import Unavailable
from daemon.operations import drafts
from daemon.sandbox import Sandbox
from daemon.service import runner
from daemon.store.database import quick_read
from support.console_world import BASE, World, begin, context_of, entered, posted, raises


@pytest.fixture(scope="module")
def _made(tmp_path_factory):
    """A Notion of which every review waits for a person."""
    box = Sandbox.with_documents()
    with box.serve() as url:
        made = begin(tmp_path_factory.mktemp("decide"), box, url, "    approve: all\n")
        made.sweep()
        yield made, url


@pytest.fixture
def world(_made, tmp_path):
    """The same for each test, with a state of its own; what is posted there, all see."""
    made, url = _made
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    env = {"NOTION_TOKEN": made.box.token, "NOTION_BASE_URL": url}
    yield World(made.box, tmp_path, load(tmp_path / "config.yaml", env))
    for one in [one for one in made.box.world.comments() if one.author_id == made.box.bot.id]:
        made.box.world.delete_comment(one)


@pytest.fixture
def browser(world):
    return entered(context_of(world.settings))


def waiting(world):
    with quick_read(world.settings.config.state) as state:
        return drafts.listed(state)


def longest(world):
    """The draft with the most comments."""
    return max(waiting(world), key=lambda draft: len(draft.parts))


def decide(browser, draft, act, **given):
    text = browser.get(f"/drafts/{draft.number}").text
    token = re.search(r'name="form_token" value="([^"]+)"', text).group(1)
    return browser.post(
        f"/drafts/{draft.number}/{act}",
        data=given | {"form_token": token},
        headers={"Origin": BASE},
    )


def test_the_drafts_are_listed_with_why_they_wait(browser, world):
    text = browser.get("/drafts").text
    assert len(waiting(world)) == text.count('id="draft-') == 2
    assert "Move shipment tracking to an event queue" in text
    assert "approve: all" in text
    assert '<dt>drafts</dt><dd><a href="/drafts">2</a>' in browser.get("/").text


def test_a_draft_shows_each_comment_beside_its_block(browser, world):
    draft = longest(world)
    text = browser.get(f"/drafts/{draft.number}").text
    assert text.count('class="part item"') == len(draft.parts)
    assert "There are three reasons for the delay:" in text
    assert "<em>three reasons</em>\nThe text says three reasons" in text


def test_an_approved_draft_is_posted_as_it_was_shown(browser, world):
    draft = longest(world)
    assert posted(world) == []
    shown = browser.get(f"/drafts/{draft.number}").text
    answer = decide(browser, draft, "approve")
    assert "The next sweep posts" in answer.text
    assert "Approve what is left" not in answer.text
    world.sweep()
    said = posted(world)
    assert len(said) == len(draft.parts)
    for words in said:
        line = words.splitlines()[-1]
        assert line.replace("&", "&amp;") in shown
    world.sweep()
    assert posted(world) == said


def test_where_nobody_else_is_at_work_what_is_approved_is_posted_at_once(world):
    context = context_of(world.settings)
    deliver = partial(runner.deliver, world.settings, lambda *_, **__: None, to_end=asyncio.run)
    browser = entered(replace(context, deliver=deliver))
    draft = longest(world)
    answer = decide(browser, draft, "approve")
    assert len(posted(world)) == len(draft.parts)
    assert answer.text.count("state s-posted") == len(draft.parts)
    assert "The next sweep posts" not in answer.text


def test_where_notion_refuses_it_is_said_and_the_next_sweep_posts(world):
    context = context_of(world.settings)
    browser = entered(replace(context, deliver=lambda _: raises(Unavailable("Notion is away"))))
    draft = longest(world)
    answer = decide(browser, draft, "approve")
    assert "Notion is away" in answer.text
    assert "The next sweep posts" in answer.text
    world.sweep()
    assert len(posted(world)) == len(draft.parts)


def test_an_edited_comment_is_posted_with_the_new_words(browser, world):
    draft = longest(world)
    part = next(one for one in draft.parts if one.finding and one.finding.quote == "three reasons")
    answer = decide(browser, draft, "edit", part=part.number, text="Say **four**.\r\nPlease.")
    assert "Say <strong>four</strong>.\nPlease." in answer.text
    decide(browser, draft, "approve")
    world.sweep()
    assert [one for one in posted(world) if "three reasons\nSay four.\nPlease." in one]
    assert not [one for one in posted(world) if "three reasons\nThe text says" in one]


def test_an_edit_that_cannot_be_posted_is_refused_and_keeps_what_was_typed(browser, world):
    draft = longest(world)
    answer = decide(browser, draft, "edit", part=1, text=" ?! ")
    assert answer.status_code == 409
    assert "the text says nothing that may be posted" in answer.text
    assert '<textarea id="text-1" name="text" rows="5"> ?! </textarea>' in answer.text
    assert longest(world).parts[0].text == draft.parts[0].text


def test_a_dropped_comment_is_not_posted_and_the_rest_is(browser, world):
    draft = longest(world)
    part = next(one for one in draft.parts if one.finding and one.finding.quote == "three reasons")
    answer = decide(browser, draft, "drop", part=part.number)
    assert "dropped from its draft" in answer.text
    decide(browser, draft, "approve")
    world.sweep()
    assert len(posted(world)) == len(draft.parts) - 1
    assert not [one for one in posted(world) if "The text says three" in one]


def test_a_refused_draft_is_never_posted_and_its_reason_is_told(browser, world):
    draft = longest(world)
    answer = decide(browser, draft, "refuse", reason="<b>not</b> now")
    assert "refused: &lt;b&gt;not&lt;/b&gt; now" in answer.text
    world.sweep()
    assert posted(world) == []
    assert draft.number not in [one.number for one in waiting(world)]
    assert "refused: &lt;b&gt;not" in browser.get(f"/documents/{draft.row.page_id}").text


def test_what_is_decided_cannot_be_decided_anew(browser, world):
    draft = longest(world)
    decide(browser, draft, "refuse")
    token = next(iter(browser_tokens(browser)))
    for act in ("approve", "drop", "edit"):
        answer = browser.post(
            f"/drafts/{draft.number}/{act}",
            data={"form_token": token, "part": "1", "text": "Now."},
            headers={"Origin": BASE},
        )
        assert answer.status_code == 409, act
        assert "is decided since" in answer.text
    world.sweep()
    assert posted(world) == []


def browser_tokens(browser):
    listed = browser.get("/documents").text
    path = re.search(r'class="item" href="([^"]+)"', listed).group(1)
    return re.findall(r'name="form_token" value="([^"]+)"', browser.get(path).text)


@pytest.mark.parametrize("path", ["/drafts/999", "/drafts/x", "/drafts/" + "9" * 40])
def test_a_draft_that_is_not_there_is_not_shown(browser, path):
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(("act", "part"), [("drop", "99"), ("drop", "x"), ("nonsense", "1")])
def test_a_decision_on_what_is_not_there_is_refused(browser, world, act, part):
    assert decide(browser, longest(world), act, part=part).status_code == 404
