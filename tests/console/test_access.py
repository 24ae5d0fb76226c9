"""Who gets in, and that nothing foreign does."""

from __future__ import annotations

import re

import pytest

from daemon.config import load
from daemon.console import app
from daemon.console.access import FORM_BYTES
from daemon.loopback import port_of
from support.console_world import BASE, PORT, client_of, context_of, entered


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OWN = {"Origin": BASE}


@pytest.fixture
def context(tmp_path):
    """A console without any state: who comes in is no question of what there is."""
    path = tmp_path / "config.yaml"
    path.write_text("databases: [{id: 0123456789abcdef0123456789abcdef}]\nmodels: [offline]\n")
    return context_of(load(path, {"NOTION_TOKEN": "ntn_planted"}))


def test_the_printed_address_opens_every_page(context):
    browser = entered(context)
    assert browser.get("/").status_code == 200
    assert browser.get("/documents").status_code == 200


def test_the_cookie_is_strict_and_out_of_reach_of_scripts(context):
    answer = client_of(context).get(context.door.address(), follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize("path", ["/", "/documents", "/documents/x", "/live", "/nowhere"])
def test_without_a_session_nothing_is_shown(context, path):
    answer = client_of(context).get(path)
    assert answer.status_code == 401
    assert "Open the address that notion-review console printed" in answer.text


def test_a_wrong_token_opens_nothing_and_the_right_one_stays_good(context):
    client = client_of(context)
    for wrong in ("", "wrong", context.door.token[:-1], "é"):
        assert client.get("/enter", params={"token": wrong}).status_code == 403
        assert client.get("/").status_code == 401
    assert client.get(context.door.address()).status_code == 200


def test_a_token_works_once(context):
    address = context.door.address()
    assert entered(context).get("/").status_code == 200
    second = client_of(context)
    answer = second.get(address)
    assert answer.status_code == 403
    assert "used already" in answer.text
    assert second.get("/").status_code == 401


@pytest.mark.parametrize("ahead", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
def test_what_only_looks_ahead_does_not_use_the_token_up(context, ahead):
    address = context.door.address()
    assert client_of(context).get(address, headers=ahead).status_code == 405
    assert client_of(context).head(address).status_code == 405
    assert client_of(context).get(address).status_code == 200


def test_a_session_of_another_port_or_an_invented_one_is_none(context):
    client = client_of(context)
    entered(context)
    for cookie in (f"{context.door.cookie}=invented", "notion-review-1=x", "=;;=", "\x7f"):
        assert client.get("/", headers={"Cookie": cookie}).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"[::1]:{PORT}"]
)
def test_a_foreign_host_is_refused_even_with_the_session(context, host):
    """A name that an attacker points at 127.0.0.1 gets nothing."""
    browser = entered(context)
    assert browser.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", f"https://127.0.0.1:{PORT}"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused_even_with_the_session(context, origin, method):
    browser = entered(context)
    answer = browser.request(method, "/", headers={"Origin": origin})
    assert answer.status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_of_this_machine_cannot_ask(context, site):
    """A cookie does not tell ports apart: what listens beside us is of the same site."""
    browser = entered(context)
    assert browser.get("/", headers={"Sec-Fetch-Site": site}).status_code == 403


def test_no_answer_lets_another_site_read_it(context):
    browser = entered(context)
    for answer in (browser.get("/"), browser.options("/"), client_of(context).get("/")):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_form_needs_its_origin_its_type_its_size_and_its_sessions_token(context):
    browser = entered(context)
    [token] = context.door.sessions.values()
    path, good = "/documents/x/pause", f"form_token={token}"
    other = {"Content-Type": "text/plain"}
    assert browser.post(path, content=good, headers=FORM).status_code == 403
    assert browser.post(path, content=good, headers=OWN | other).status_code == 415
    assert browser.post(path, content="", headers=OWN | FORM).status_code == 403
    assert browser.post(path, content="form_token=x", headers=OWN | FORM).status_code == 403
    long = good + "&more=" + "x" * FORM_BYTES
    assert browser.post(path, content=long, headers=OWN | FORM).status_code == 413
    # With all of it the form arrives; there is no such page here.
    assert "no sweep has seen it" in browser.post(path, content=good, headers=OWN | FORM).text


@pytest.mark.parametrize("path", ["/", "/enter?token=x", "/assets/console.js", "/nowhere"])
def test_every_answer_carries_the_headers(context, path):
    answer = entered(context).get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


def test_no_page_needs_what_the_policy_forbids(context):
    """Neither a style nor a script within a page, nor anything from elsewhere."""
    browser = entered(context)
    for path in ("/", "/documents", "/nowhere"):
        text = browser.get(path).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?! src=\"/assets/)", text)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_a_taken_port_is_said_with_what_to_do():
    with app.listen(0) as listening:
        port = port_of(listening)
        with pytest.raises(app.PortTaken, match=f"port {port}: .*; choose another with --port"):
            app.listen(port)
