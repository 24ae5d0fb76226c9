"""What others see of the service: systemd's socket, files, alerts, signs of life."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.sweep import alerts
from daemon.operations import health, metrics, notify, status
from daemon.config import schedule as timetable
from daemon.config import Alerts, parse
from daemon.config.schema import Schedule
from daemon.domain.values import Usage
from daemon.domain.errors import ConfigError, Forbidden, TokenRefused, Unavailable
from daemon.service.stall import Watch, stacks
from daemon.service.systemd import Systemd
from daemon.store import database, sweeps as ledger, pages, spending
from daemon.store.pages import PageRow, SourceRow, Standing


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ID = "01234567-89ab-cdef-0123-456789abcdef"
DAY = timedelta(days=1)


# --- systemd


@pytest.fixture
def socket_at(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(0)
        yield str(tmp_path / "notify"), line


def heard(line):
    words = []
    while True:
        try:
            words.append(line.recv(4096).decode())
        except BlockingIOError:
            return words


def test_systemd_hears_each_word_as_it_wants_it(socket_at):
    path, line = socket_at
    systemd = Systemd.of({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"}, pid=1)
    systemd.ready()
    systemd.status("two\nlines " + "x" * 500)
    systemd.alive()
    systemd.reloading()
    systemd.stopping()
    ready, status_, alive, reloading, stopping = heard(line)
    assert (ready, alive, stopping) == ("READY=1", "WATCHDOG=1", "STOPPING=1")
    assert status_.startswith("STATUS=two lines xxx")
    assert "\n" not in status_
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", reloading)


def test_without_systemd_every_word_is_dropped():
    Systemd.of({}, pid=1).ready()
    Systemd.of({"NOTIFY_SOCKET": "/nowhere/notify"}, pid=1).ready()


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({"WATCHDOG_USEC": "300000000"}, 300),
        ({"WATCHDOG_USEC": "300000000", "WATCHDOG_PID": "7"}, 300),
        ({"WATCHDOG_USEC": "300000000", "WATCHDOG_PID": "8"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({}, 0),
    ],
)
def test_the_watchdog_counts_where_it_is_meant_for_this_process(env, seconds):
    assert Systemd.of(env, pid=7).watchdog_seconds == seconds


def test_no_sign_of_life_is_given_where_none_is_waited_for(socket_at):
    path, line = socket_at
    Systemd(path).alive()
    assert heard(line) == []


# --- a hanging sweep


def test_a_watch_counts_from_the_last_thing_that_showed():
    async def go():
        loop = asyncio.get_running_loop()
        times = iter([0.0, 10.0, 20.0, 35.0])
        loop.time = lambda: next(times)
        try:
            watch = Watch(1)
            return [watch.still(1), watch.still(2), watch.still(2)]
        finally:
            del loop.time

    assert asyncio.run(go()) == [10.0, 0.0, 15.0]


def test_the_place_is_named_where_a_task_waits_deep_down():
    async def deep():
        await asyncio.get_running_loop().create_future()

    async def outer():
        await deep()

    async def go():
        task = asyncio.create_task(outer(), name="hanging")
        await asyncio.sleep(0)
        found = stacks()
        task.cancel()
        return found

    [hanging] = [one for one in asyncio.run(go()) if one.startswith("hanging")]
    assert hanging.count("test_service_health.py") == 2


# --- rest after failures


@pytest.mark.parametrize(
    ("failures", "minutes", "rests"),
    [(1, 60, 0), (2, 60, 0), (3, 60, 120), (9, 60, 120), (3, 5, 10), (4, 5, 20), (7, 5, 60)],
)
def test_rest_doubles_up_to_its_limit(failures, minutes, rests):
    every = timedelta(minutes=minutes)
    assert timetable.rest(failures, every) == timedelta(minutes=rests)


def test_rest_has_a_limit_however_long_the_outage():
    assert timetable.rest(10**6, timedelta(days=1)) == timedelta(days=2)


def test_the_interval_of_a_schedule_is_the_time_between_two_runs():
    for schedule in (Schedule(every=timedelta(hours=6)), Schedule(cron="0 */6 * * *")):
        assert timetable.interval(timetable.trigger(schedule), NOW) == timedelta(hours=6)


# --- a state to look at


@pytest.fixture
def state(tmp_path):
    db = database.open_state(tmp_path / "state.db")
    pages.save_source(db, SourceRow("s", ID, "RFCs", NOW, checkpoint=NOW, last_ok=NOW))
    yield db
    db.close()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"databases:\n  - id: {ID}\n    name: RFCs\nstate: state.db\n")
    return parse(path)


@pytest.fixture
def context(state, config):
    said = []
    return SimpleNamespace(
        state=state,
        config=config,
        notion=SimpleNamespace(now=NOW),
        posted={},
        tell=lambda event, **facts: said.append((event, facts)),
        said=said,
    )


def row(name="p", *, edited=NOW, since=None, state=Standing.DONE, **more):
    return PageRow(name, "s", f"Page {name}", "https://x", edited, state, dirty_since=since, **more)


def sweep(state, outcome="ok", at=NOW):
    number = ledger.begin_sweep(state, at)
    result = {
        "outcome": outcome,
        "finished": database.iso(at),
        "seconds": 1.5,
        "notion_requests": 7,
        "pages_reviewed": 1,
        "comments_posted": 2,
        "replies_posted": 0,
        "pages_failed": 0,
    }
    ledger.end_sweep(state, number, result, at)


# --- alerts


def standing(context):
    return {alert["name"] for alert in ledger.alerts(context.state)}


@pytest.mark.parametrize(
    ("error", "name"), [(TokenRefused("NOTION_TOKEN: x"), "token"), (ConfigError("m: x"), "config")]
)
def test_what_stops_the_service_is_an_alert_until_a_sweep_goes_through(context, error, name):
    alerts.after_sweep(context, [error])
    assert standing(context) == {name}
    alerts.after_sweep(context, [])
    assert standing(context) == set()
    assert [event for event, _ in context.said] == ["alert.raised", "alert.over"]


def test_three_failed_sweeps_in_a_row_are_an_alert_and_two_are_not(context):
    outage = [Unavailable("Notion cannot be reached")]
    for number in (1, 2, 3):
        sweep(context.state, "failed")
        alerts.after_sweep(context, outage)
        assert standing(context) == ({"sweeps"} if number == 3 else set())
    sweep(context.state, "partial")
    alerts.after_sweep(context, [])
    assert standing(context) == set()


@pytest.mark.parametrize(
    ("page", "alert"),
    [
        (row(since=NOW - DAY, state=Standing.DUE), True),
        (row(since=NOW - DAY, state=Standing.PARKED), True),
        (row(since=NOW - DAY + timedelta(minutes=1), state=Standing.DUE), False),
        (row(since=NOW - DAY, state=Standing.DUE, paused=True), False),
        (row(since=NOW - DAY, state=Standing.GONE), False),
    ],
)
def test_a_page_that_waits_for_a_day_is_an_alert(context, page, alert):
    pages.save(context.state, [page])
    alerts.after_sweep(context, [])
    assert standing(context) == ({"waiting"} if alert else set())


def test_a_page_of_a_database_that_is_not_configured_any_more_wakes_nobody(context):
    pages.save_source(context.state, SourceRow("old", "other", "Old", NOW))
    pages.save(
        context.state, [replace(row(since=NOW - 9 * DAY, state=Standing.DUE), source_id="old")]
    )
    alerts.after_sweep(context, [])
    assert standing(context) == set()


@pytest.mark.parametrize(("days", "alert"), [(13, False), (14, True)])
def test_a_fortnight_without_an_edit_is_an_alert(context, days, alert):
    pages.save(context.state, [row(edited=NOW - days * DAY), row("q", edited=NOW - 90 * DAY)])
    alerts.after_sweep(context, [])
    assert standing(context) == ({"quiet"} if alert else set())


def test_a_capability_is_back_when_something_was_posted_without_a_refusal(context):
    alerts.tell_once(context, "capability", "off")
    alerts.after_sweep(context, [])
    assert standing(context) == {"capability"}
    context.posted["finding"] = 1
    alerts.after_sweep(context, [Forbidden("off")])
    assert standing(context) == {"capability"}
    alerts.after_sweep(context, [])
    assert standing(context) == set()


# --- telling people


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
    asyncio.run(notify.tell_people(context.state, settings, context.tell))


def raise_one(context, name="models", words="no model could review"):
    ledger.raise_alert(context.state, name, words, NOW)


def test_people_are_told_once_when_it_begins_and_once_when_it_is_over(context, server):
    settings = Alerts(url=f"{server.url}/hook")
    raise_one(context)
    for _ in range(3):
        tell_people(context, settings)
    ledger.clear_alert(context.state, "models")
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
    ledger.clear_alert(context.state, "models")
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


# --- signs of life


def test_signs_of_life_go_where_they_are_waited_for(context, server):
    async def go():
        url = f"{server.url}/uuid?rid=1"
        await notify.ping(url, context.tell, "start")
        await notify.ping(url, context.tell, "", "ok: 3 reviewed")
        await notify.ping(url, context.tell, "fail")
        await notify.ping(None, context.tell)

    asyncio.run(go())
    assert server.taken == [
        ("/uuid/start?rid=1", ""),
        ("/uuid?rid=1", "ok: 3 reviewed"),
        ("/uuid/fail?rid=1", ""),
    ]


def test_a_sign_that_does_not_get_through_is_a_warning_without_the_address(context, server):
    server.code = 404
    asyncio.run(notify.ping(f"{server.url}/uuid", context.tell))
    assert context.said == [("ping.failed", {"sign": "success", "why": "the URL answers 404"})]


# --- files


def shown(context, settings):
    health.show(settings, context.state, context.tell)


def settings_for(config, runtime):
    return SimpleNamespace(config=config, runtime=runtime)


def test_both_files_are_readable_for_a_monitor_and_hold_no_title(context, config, tmp_path):
    sweep(context.state)
    pages.save(context.state, [row("Secret plan", state=Standing.DUE, attempts=2)])
    raise_one(context, "waiting", "the page Secret plan waits")
    before = os.umask(0o077)
    try:
        shown(context, settings_for(config, tmp_path))
    finally:
        os.umask(before)
    for name in (health.STATUS, health.METRICS):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644
        assert "Secret plan" not in (tmp_path / name).read_text()
    found = json.loads((tmp_path / health.STATUS).read_text())
    assert found["last_sweep"]["outcome"] == "ok"
    assert found["alerts"] == [{"name": "waiting", "since": "2026-11-20T12:00:00Z"}]
    assert sorted(path.name for path in tmp_path.glob("tmp*")) == []


def test_without_a_runtime_folder_the_files_stand_beside_the_state(context, config, tmp_path):
    shown(context, settings_for(config, None))
    assert (config.state.parent / health.STATUS).exists()


def test_a_folder_that_takes_no_file_is_a_warning(context, config, tmp_path):
    shown(context, settings_for(config, tmp_path / "nowhere"))
    assert context.said[0][0] == "health.not_written"


def test_metrics_are_numbers_out_of_the_state(context, config):
    sweep(context.state)
    sweep(context.state, "failed", NOW + timedelta(hours=1))
    usage = Usage(requests=2, input_tokens=100, output_tokens=10, cost_usd=0.25)
    spending.spend(context.state, NOW.date(), 'openai:my "model"', usage)
    pages.save(context.state, [row("a"), row("b", state=Standing.DUE, due_at=NOW)])
    lines = metrics.text(context.state, status.status(context.state, config)).splitlines()
    wanted = {
        f"notion_review_last_success_timestamp_seconds {NOW.timestamp():.15g}",
        f"notion_review_last_sweep_timestamp_seconds {NOW.timestamp() + 3600:.15g}",
        'notion_review_last_sweep_outcome{outcome="ok"} 0',
        'notion_review_last_sweep_outcome{outcome="failed"} 1',
        'notion_review_pages{standing="done"} 1',
        'notion_review_model_requests_total{model="openai:my \\"model\\""} 2',
        'notion_review_cost_usd_total{model="openai:my \\"model\\""} 0.25',
        'notion_review_database_last_ok_timestamp_seconds{database="RFCs"} 1795176000',
        "notion_review_alerts 0",
    }
    assert wanted - set(lines) == set()


def test_every_metric_is_declared_once_and_every_sample_can_be_read(context, config):
    sweep(context.state)
    words = metrics.text(context.state, status.status(context.state, config))
    assert words.endswith("\n")
    sample = re.compile(r'notion_review_[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"\})? -?[\d.e+]+')
    types = [line.split()[2] for line in words.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    for line in words.splitlines():
        assert line.startswith("# ") or sample.fullmatch(line), line


def test_the_readme_names_every_metric_with_its_label(context, config):
    sweep(context.state)
    usage = Usage(requests=2, input_tokens=100, output_tokens=10, cost_usd=0.25)
    spending.spend(context.state, NOW.date(), "offline", usage)
    words = metrics.text(context.state, status.status(context.state, config))
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| `")]
    cells = [[re.findall(r"`([a-z_]+)`", cell) for cell in row.split("|")] for row in rows]
    told = {name: cell[2] for cell in cells for name in cell[1]}
    samples = dict(re.findall(r"(?m)^notion_review_([a-z_]+)(?:\{([a-z]+)=)?", words))
    assert len(samples) >= 15
    assert {name: told.get(name) for name in samples} == {
        name: [label] if label else [] for name, label in samples.items()
    }


def test_the_line_of_the_service_names_what_counts(context, config):
    sweep(context.state)
    raise_one(context)
    found = status.status(context.state, config)
    assert health.line(found, NOW + timedelta(hours=1), "config.yaml is bad") == (
        "config.yaml is bad; last sweep ok 12:00:00; 0 due, 0 settling, 0 failed; $0.00 today; "
        "alerts: models; next 13:00:00 UTC"
    )
