"""The status files and the line of `systemctl status`."""

from __future__ import annotations

import json
import os
import re
import stat
from datetime import timedelta
from types import SimpleNamespace

from daemon.domain.records import PageState
from daemon.domain.values import Usage
from daemon.operations import status
from daemon.store import pages, reviews
from support.places import ROOT
from support.small_state import NOW, raise_one, row, sweep


def shown(context, settings):
    status.write_status_files(settings, context.state, context.emit)


def settings_for(config, runtime):
    return SimpleNamespace(config=config, runtime=runtime)


def test_both_files_are_readable_for_a_monitor_and_hold_no_title(context, config, tmp_path):
    sweep(context.state)
    pages.save(context.state, [row("Secret plan", state=PageState.DUE, attempts=2)])
    raise_one(context, "waiting", "the page Secret plan waits")
    before = os.umask(0o077)
    try:
        shown(context, settings_for(config, tmp_path))
    finally:
        os.umask(before)
    for name in (status.STATUS, status.METRICS):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644
        assert "Secret plan" not in (tmp_path / name).read_text()
    found = json.loads((tmp_path / status.STATUS).read_text())
    assert found["last_sweep"]["outcome"] == "ok"
    assert found["alerts"] == [{"name": "waiting", "since": "2026-11-20T12:00:00Z"}]
    assert sorted(path.name for path in tmp_path.glob("tmp*")) == []


def test_why_a_sweep_did_not_end_well_is_told_to_those_who_may_read_titles(
    context, config, tmp_path
):
    sweep(context.state, "failed", why=["Secret plan: no answer"])
    found = status.status(context.state, config)
    assert "why" not in found["last_sweep"]
    assert status.in_words(found)[1].strip() == "Secret plan: no answer"
    shown(context, settings_for(config, tmp_path))
    assert "Secret plan" not in (tmp_path / status.STATUS).read_text()
    sweep(context.state)
    assert status.status(context.state, config)["last_sweep_why"] == []


def test_without_a_runtime_folder_the_files_stand_beside_the_state(context, config, tmp_path):
    shown(context, settings_for(config, None))
    assert (config.state.parent / status.STATUS).exists()


def test_a_folder_that_takes_no_file_is_a_warning(context, config, tmp_path):
    shown(context, settings_for(config, tmp_path / "nowhere"))
    assert context.said[0][0] == "health.not_written"


def test_a_service_is_ill_that_does_not_run_failed_or_sweeps_no_more(context, config):
    found = status.status(context.state, config)

    def ill(hours=0, holder="pid 1", outcome="ok"):
        last = found["last_sweep"] and {**found["last_sweep"], "outcome": outcome}
        now = NOW + timedelta(hours=hours, minutes=1)
        return status.illness({**found, "last_sweep": last}, config.schedule, holder, now)

    # A first sweep may take its time.
    assert [ill(), ill(hours=100), ill(holder=None)] == [
        None,
        None,
        "no service runs on this state",
    ]
    sweep(context.state)
    found = status.status(context.state, config)
    assert [ill(hours) for hours in (0, 1, 2)] == [None] * 3
    assert ill(3) == "a sweep is overdue since 2026-11-20T13:00:00Z"
    assert ill(outcome="partial") is None
    assert ill(outcome="failed") == "the last sweep failed, at 2026-11-20T12:00:00Z"
    assert ill(holder=None) == "no service runs on this state"


def test_the_line_of_the_service_names_what_counts(context, config):
    sweep(context.state)
    raise_one(context)
    found = status.status(context.state, config)
    assert status.line(found, NOW + timedelta(hours=1), "config.yaml is bad") == (
        "config.yaml is bad; last sweep ok 12:00:00; 0 due, 0 settling, 0 failed; $0.00 today; "
        "alerts: models; next 13:00:00 UTC"
    )


def test_metrics_are_numbers_out_of_the_state(context, config):
    sweep(context.state)
    sweep(context.state, "failed", NOW + timedelta(hours=1))
    usage = Usage(requests=2, input_tokens=100, output_tokens=10, cost_usd=0.25)
    number = reviews.reserve_spending(context.state, NOW.date(), "", 'openai:my "model"', usage)
    reviews.record_spending(context.state, number, usage)
    pages.save(context.state, [row("a"), row("b", state=PageState.DUE, due_at=NOW)])
    lines = status.metrics_text(context.state, status.status(context.state, config)).splitlines()
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
    words = status.metrics_text(context.state, status.status(context.state, config))
    assert words.endswith("\n")
    sample = re.compile(r'notion_review_[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"\})? -?[\d.e+]+')
    types = [line.split()[2] for line in words.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    for line in words.splitlines():
        assert line.startswith("# ") or sample.fullmatch(line), line


def test_the_handbook_names_every_metric_with_its_label(context, config):
    sweep(context.state)
    usage = Usage(requests=2, input_tokens=100, output_tokens=10, cost_usd=0.25)
    number = reviews.reserve_spending(context.state, NOW.date(), "", "offline", usage)
    reviews.record_spending(context.state, number, usage)
    words = status.metrics_text(context.state, status.status(context.state, config))
    handbook = (ROOT / "docs/handbook.md").read_text("utf-8")
    rows = [line for line in handbook.splitlines() if line.startswith("| `")]
    cells = [[re.findall(r"`([a-z_]+)`", cell) for cell in row.split("|")] for row in rows]
    told = {name: cell[2] for cell in cells for name in cell[1]}
    samples = dict(re.findall(r"(?m)^notion_review_([a-z_]+)(?:\{([a-z]+)=)?", words))
    assert len(samples) >= 15
    assert {name: told.get(name) for name in samples} == {
        name: [label] if label else [] for name, label in samples.items()
    }
