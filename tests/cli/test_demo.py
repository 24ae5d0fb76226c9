"""The demo in a browser: what a person writes on the left is answered after a sweep."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from daemon.cli import demo
from daemon.cli.demo import AT_ONCE, DemoPages
from daemon.console.access import Door
from daemon.console.app import application
from daemon.console.views import ConsoleContext
from daemon.sandbox import Sandbox
from support.console_world import BASE, PORT, raises


@pytest.fixture
def box():
    return Sandbox.with_documents()


@pytest.fixture
def browser(box, tmp_path):
    with box.serve() as url:
        settings = demo.settings_for(tmp_path, box, url, {}, AT_ONCE)
        context = ConsoleContext(
            settings.config, Door(PORT, framed=True, home="/demo"), raises, raises
        )
        demo_pages = DemoPages(box, settings)
        app = application(context, lambda: True, demo_pages.pages, demo_pages.acts)
        client = TestClient(app, base_url=BASE)
        assert client.get(context.door.address()).url.path == "/demo"
        yield client


def send(browser, path, **fields):
    text = browser.get("/demo/notion").text
    token = re.search(r'name="form_token" value="([^"]+)"', text).group(1)
    return browser.post(path, data=fields | {"form_token": token}, headers={"Origin": BASE})


def document(browser, title="Move shipment"):
    listed = browser.get("/demo/notion").text
    path = re.search(rf'href="(/demo/notion/[^"]+)">{title}', listed).group(1)
    return browser.get(path).text


def test_the_documents_and_the_console_stand_side_by_side(browser):
    answer = browser.get("/demo")
    assert re.findall(r'<iframe src="([^"]+)"', answer.text) == ["/demo/notion", "/"]
    policy = answer.headers["content-security-policy"]
    assert "frame-src 'self'; frame-ancestors 'self'" in policy


def test_a_comment_of_a_person_is_answered_after_a_sweep(browser, box):
    assert "RFC reviewer" not in document(browser)
    send(browser, "/demo/sweep")
    text = document(browser)
    assert "The text says three reasons, but the list" in text
    note = re.search(r"The text says three.*?</article>", text, re.DOTALL).group()
    thread = re.search(r'name="target" value="([^"]+)"', note).group(1)
    ana = next(iter(box.world.state.people))
    asked = {"target": thread, "by": ana, "text": "What did we say about the <b>rollout</b>?"}
    send(browser, "/demo/comment", **asked)
    assert "What did we say about the &lt;b&gt;rollout&lt;/b&gt;?" in document(browser)
    send(browser, "/demo/sweep")
    said = re.search(r"The text says three.*?</article>", document(browser), re.DOTALL).group()
    assert said.count("RFC reviewer") == 1
    assert said.index("What did we say") < said.index("RFC reviewer")


def test_a_first_comment_on_a_block_is_answered_by_the_next_sweep(browser, box):
    """However soon it is pressed."""
    send(browser, "/demo/sweep")
    page = next(one for one in box.world.state.pages.values() if one.name.startswith("Move"))
    blocks = [one for one in box.world.blocks(page) if "Carriers limit us" in str(one.content)]
    ana = next(iter(box.world.state.people))
    asked = "What becomes of carriers that cannot post events?"
    send(browser, "/demo/comment", target=blocks[0].id, by=ana, text=asked)
    send(browser, "/demo/sweep")
    thread = document(browser).partition(asked)[2].partition("</article>")[0]
    assert "RFC reviewer" in thread


def test_an_edit_is_reviewed_with_the_next_sweep_and_the_console_shows_it(browser, box):
    send(browser, "/demo/sweep")
    page = next(one for one in box.world.state.pages.values() if one.name.startswith("Move"))
    block = next(one for one in box.world.blocks(page) if one.type == "paragraph")
    ana = next(iter(box.world.state.people))
    edited = {"target": block.id, "by": ana, "text": "TODO: say who owns this."}
    where = {"page": page.id, "anchor": f"n-{block.id}"}
    answer = send(browser, "/demo/edit", **edited, **where)
    assert str(answer.url).endswith(f"/demo/notion/{page.id}?by={ana}#n-{block.id}")
    send(browser, "/demo/sweep", page=page.id, by=ana)
    shown = browser.get(f"/documents/{page.id}").text
    assert "changed in this review" in shown
    assert "There is still a “TODO” here." in shown


@pytest.mark.parametrize("path", ["/demo/comment", "/demo/edit"])
def test_writing_on_what_is_not_there_is_refused(browser, path):
    assert send(browser, path, target="nothing", by="nobody", text="Hm.").status_code == 404
    assert browser.get("/demo/notion/nothing").status_code == 404


def test_without_the_demo_there_are_no_such_pages(browser, tmp_path):
    settings = demo.settings_for(tmp_path, Sandbox.with_documents(), BASE, {})
    context = ConsoleContext(settings.config, Door(PORT), raises, raises)
    client = TestClient(application(context, lambda: True), base_url=BASE)
    client.get(context.door.address())
    assert client.get("/demo").status_code == 404
