"""Alerts to people and signs of life to a monitor."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemon.config import Alerts
from daemon.operations import notify
from daemon.store import sweeps
from support.small_state import raise_one


class Server:
    """Takes what is posted; answers with `code`."""

    def __init__(self):
        self.code, self.taken = 200, []
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                box.taken.append((self.path, body))
                self.send_response(box.code)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


def tell_people(context, settings):
    asyncio.run(notify.tell_people(context.state, settings, context.emit))


def test_people_are_told_once_when_it_begins_and_once_when_it_is_over(context, server):
    settings = Alerts(url=f"{server.url}/hook")
    raise_one(context)
    for _ in range(3):
        tell_people(context, settings)
    sweeps.clear_alert(context.state, "models")
    for _ in range(3):
        tell_people(context, settings)
    [begun, over] = [json.loads(body) for _, body in server.taken]
    since = "2026-11-20T12:00:00Z"
    assert begun == {
        "text": "notion-review: no model could review",
        "alert": "models",
        "state": "raised",
        "since": since,
    }
    assert (over["state"], over["text"]) == ("over", "notion-review: over: no model could review")


def test_what_begins_and_ends_between_two_messages_is_told_to_nobody(context, server):
    raise_one(context)
    sweeps.clear_alert(context.state, "models")
    tell_people(context, Alerts(url=server.url))
    assert server.taken == []


def test_a_message_that_does_not_get_through_is_a_warning_and_is_sent_again(context, server):
    settings = Alerts(url=f"{server.url}/secret-path")
    raise_one(context)
    server.code = 500
    tell_people(context, settings)
    server.code = 200
    tell_people(context, settings)
    tell_people(context, settings)
    assert len(server.taken) == 2
    assert context.said == [("alert.not_told", {"alert": "models", "why": "the URL answers 500"})]


def test_an_address_where_nobody_answers_is_a_warning_that_does_not_repeat_it(context):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = Alerts(url=f"http://127.0.0.1:{taken.getsockname()[1]}/secret-path")
        raise_one(context)
        tell_people(context, settings)
    [(event, facts)] = context.said
    assert event == "alert.not_told"
    assert "secret-path" not in facts["why"]


def test_a_command_reads_the_message_and_sees_no_secret(context, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTION_TOKEN", "planted-token")
    monkeypatch.setenv("ANTHROPIC_API_KEY_FILE", "/planted")
    monkeypatch.setenv("NOTIFY_SOCKET", "/planted")
    command = ("/bin/sh", "-c", f"cat > {tmp_path}/message; env > {tmp_path}/env")
    raise_one(context)
    tell_people(context, Alerts(command=command))
    assert json.loads((tmp_path / "message").read_text())["alert"] == "models"
    assert "lanted" not in (tmp_path / "env").read_text()
    assert "PATH=" in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/bin/sh", "-c", "echo no pager >&2; exit 3"), "exit code 3 (no pager)"),
        (("/nowhere/page-someone",), "No such file or directory"),
    ],
)
def test_a_command_that_fails_is_a_warning_with_its_reason(context, command, why):
    raise_one(context)
    tell_people(context, Alerts(command=command))
    assert why in context.said[0][1]["why"]


def test_a_command_that_does_not_end_is_ended(context, monkeypatch, tmp_path):
    monkeypatch.setattr(notify, "SECONDS", 0.2)
    raise_one(context)
    tell_people(
        context, Alerts(command=("/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 600"))
    )
    assert "did not end" in context.said[0][1]["why"]


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("<!channel> and <@U12345>", "(!channel) and (@\u200bU12345)"),
        ("<https://evil.example|Approve>", "(https://evil.example|Approve)"),
        ("[Approve](https://evil.example)", "[Approve] (https://evil.example)"),
        ("@everyone, @here", "@\u200beveryone, @\u200bhere"),
        ("ana@corp.example: 2 < 3", "ana@corp.example: 2 ( 3"),
    ],
)
def test_no_word_of_a_document_is_markup_for_a_chat(words, plain):
    text = notify.Message("models", words, "2026-11-20T12:00:00Z").as_json()["text"]
    assert text == f"notion-review: {plain}"


def test_one_way_that_works_is_enough_and_the_other_is_said(context, server):
    settings = Alerts(url=server.url, command=("/nowhere/page-someone",))
    raise_one(context)
    tell_people(context, settings)
    tell_people(context, settings)
    assert len(server.taken) == 1
    assert [event for event, _ in context.said] == ["alert.not_told"]


def test_an_alert_raised_before_anybody_could_be_told_is_told_when_they_can(context, server):
    raise_one(context)
    tell_people(context, Alerts())
    tell_people(context, Alerts(url=server.url))
    assert len(server.taken) == 1


def test_signs_of_life_go_where_they_are_waited_for(context, server):
    async def go():
        url = f"{server.url}/uuid?rid=1"
        await notify.ping(url, context.emit, "start")
        await notify.ping(url, context.emit, "", "ok: 3 reviewed")
        await notify.ping(url, context.emit, "fail")
        await notify.ping(None, context.emit)

    asyncio.run(go())
    assert server.taken == [
        ("/uuid/start?rid=1", ""),
        ("/uuid?rid=1", "ok: 3 reviewed"),
        ("/uuid/fail?rid=1", ""),
    ]


def test_a_sign_that_does_not_get_through_is_a_warning_without_the_address(context, server):
    server.code = 404
    asyncio.run(notify.ping(f"{server.url}/uuid", context.emit))
    assert context.said == [("ping.failed", {"sign": "success", "why": "the URL answers 404"})]
