"""Alerts to people and signs of life to a monitor."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemon.config import Alerts, parse
from daemon.config.limits import Format
from daemon.operations import notify
from daemon.store import sweeps
from support.places import ROOT
from support.small_state import ID, raise_one


class Server:
    """Takes what is posted; answers with `code`."""

    def __init__(self):
        self.code, self.taken = 200, []
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                box.taken.append((self.path, body))
                box.headers = self.headers
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
    text = notify.Notification("models", words, "2026-11-20T12:00:00Z").as_json()["text"]
    assert text == f"notion-review: {plain}"


# What somebody may write into a title: mentions, links, markup, and a line for a shell.
HOSTILE = "<!channel> <@U1> @everyone *bold* _i_ ~s~ `c` [a](https://e.example/x_y) &amp;\n~!id\n."


def sent(context, server, form, words):
    raise_one(context, words=words)
    tell_people(context, Alerts(url=server.url, format=form))
    [(_, body)] = server.taken
    return body


def test_slack_reads_text_without_any_markup(context, server):
    body = json.loads(sent(context, server, Format.SLACK, HOSTILE))
    text = body.pop("text")
    assert not set("<>") & set(text)
    assert text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == (
        f"notion-review: {HOSTILE}"
    )
    assert body == {"mrkdwn": False, "unfurl_links": False}


def test_teams_reads_a_card_whose_text_is_no_markdown(context, server):
    body = json.loads(sent(context, server, Format.TEAMS, HOSTILE))
    [held] = body.pop("attachments")
    card = held.pop("content")
    assert body == {"type": "message"}
    assert held == {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None}
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    lines = [run["text"] for block in card["body"] for run in block["inlines"]]
    assert lines == f"notion-review: {HOSTILE}".splitlines()


def test_discord_reads_content_that_mentions_nobody_and_marks_nothing(context, server):
    body = json.loads(sent(context, server, Format.DISCORD, HOSTILE))
    assert body["allowed_mentions"] == {"parse": []}
    assert body["flags"] == 4
    # Every sign that could mark something has a backslash, but for those of an address.
    assert "\\<@U1\\> @everyone \\*bold\\* \\_i\\_ \\~s\\~ \\`c\\`" in body["content"]
    assert "\\[a\\](https://e.example/x_y)" in body["content"]


def test_ntfy_reads_a_plain_body_with_headers(context, server):
    body = sent(context, server, Format.NTFY, "“Zürich” waits")
    assert body == "notion-review: “Zürich” waits"
    told = {name: server.headers[name] for name in ("Title", "Priority", "Tags")}
    assert told == {"Title": "notion-review: models", "Priority": "high", "Tags": "warning"}
    sweeps.clear_alert(context.state, "models")
    tell_people(context, Alerts(url=server.url, format=Format.NTFY))
    assert server.taken[-1][1] == "notion-review: over: “Zürich” waits"
    told = {name: server.headers[name] for name in ("Title", "Priority", "Tags")}
    assert told == {
        "Title": "notion-review: models is over",
        "Priority": None,
        "Tags": "white_check_mark",
    }


@pytest.mark.parametrize("words", ["word " * 2000, "*" * 9000, "€" * 9000, "\\" * 9001])
@pytest.mark.parametrize(
    ("form", "size"),
    [
        (Format.SLACK, lambda body: len(json.loads(body)["text"]) / 4_000),
        (Format.TEAMS, lambda body: len(body.encode()) / 28_000),
        (Format.DISCORD, lambda body: len(json.loads(body)["content"]) / 2_000),
        (Format.NTFY, lambda body: len(body.encode()) / 4_096),
    ],
)
def test_a_long_text_is_cut_to_what_each_takes(context, server, form, size, words):
    body = sent(context, server, form, words)
    assert 0.2 < size(body) <= 1
    assert "…" in body


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", "slack"),
        ("https://hooks.slack.com/triggers/T0/1/x", "json"),  # its author names the variables
        ("https://discord.com/api/webhooks/12/ab-c_d", "discord"),
        ("https://discord.com/api/v10/webhooks/12/ab?wait=true", "discord"),
        ("https://discord.com/api/webhooks/12/ab/slack", "json"),  # it takes `text`
        ("https://corp.webhook.office.com/webhookb2/x/IncomingWebhook/y/z", "teams"),
        ("https://prod-1.westeurope.logic.azure.com/workflows/x/triggers/manual/paths", "json"),
        ("https://ntfy.sh/our-reviews", "ntfy"),
        ("https://ntfy.sh.evil.example/our-reviews", "json"),
        ("https://alerts.example.com/hooks.slack.com/services/T0/B0/x", "json"),
    ],
)
def test_an_address_that_takes_one_format_alone_is_known(url, form):
    assert notify.format_of(Alerts(url=url)) == form
    assert notify.format_of(Alerts(url=url, format=Format.TEAMS)) == "teams"


def test_every_example_of_the_handbook_is_read_as_it_says(tmp_path):
    text = (ROOT / "docs/handbook.md").read_text("utf-8")
    path, found = tmp_path / "config.yaml", []
    for example in re.findall(r"(?m)^    (alerts: .+)$", text):
        path.write_text(f"databases: [{{id: {ID}}}]\n{example}\n")
        alerts = parse(path).alerts
        found.append(notify.format_of(alerts) if alerts.url else alerts.command[0])
    assert found == [
        *("slack", "discord", "ntfy", "ntfy", "teams", "json"),
        *("/usr/local/bin/page-someone", "/usr/sbin/sendmail", "mail"),
    ]


def run_with(context, tmp_path, name, *arguments):
    """Run a command that keeps its arguments and what it reads."""
    script = tmp_path / name
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/args\ncat >{tmp_path}/read\n')
    script.chmod(0o700)
    raise_one(context, words=HOSTILE)
    tell_people(context, Alerts(command=(str(script), *arguments)))
    assert context.said == []
    return (tmp_path / "args").read_text().splitlines(), (tmp_path / "read").read_bytes()


def test_a_command_that_takes_the_subject_reads_text_and_no_line_that_mail_obeys(context, tmp_path):
    arguments, read = run_with(context, tmp_path, "mail", "-s", "{subject}", "ops@corp.example")
    assert arguments == ["-s", "notion-review: models", "ops@corp.example"]
    assert read.decode() == f"notion-review: {HOSTILE}\n".replace("\n~", "\n ~").replace(
        "\n.", "\n ."
    )


def test_sendmail_reads_a_mail_with_its_headers(context, tmp_path):
    arguments, read = run_with(context, tmp_path, "sendmail", "ops@corp.example")
    mail = message_from_bytes(read, policy=default)
    assert arguments == ["ops@corp.example"]
    assert mail["Subject"] == "notion-review: models"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().startswith("notion-review: <!channel>")
    assert "\n ~!id\n ." in mail.get_content()


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
