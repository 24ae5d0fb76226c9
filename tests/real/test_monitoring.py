"""The alert rules and the dashboard of docs/monitoring, as Prometheus and Grafana read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.places import ROOT


FOLDER = ROOT / "docs/monitoring"
ALERTS = FOLDER / "alerts.yaml"
RULES = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
EXPRESSIONS = [target["expr"] for panel in PANELS.values() for target in panel["targets"]]
HANDBOOK = (ROOT / "docs/handbook.md").read_text("utf-8")
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")

# By the minute, for two days: what each rule is silent about, and what it must tell.
SUCCESS, DAYS = "notion_review_last_success_timestamp_seconds", "x2880"
OK = "notion_review_database_last_ok_timestamp_seconds"
FAILED, UNCLEAR = 'pages{standing="failed"}', 'outbox{state="unclear"}'
WELL = {
    "notion_review_last_sweep_timestamp_seconds": f"0+60{DAYS}",
    SUCCESS: f"0+60{DAYS}",
    f'{OK}{{database="RFCs"}}': f"0+60{DAYS}",
    "notion_review_alerts": f"0{DAYS}",
    f"notion_review_{FAILED}": f"0{DAYS}",
    f"notion_review_{UNCLEAR}": f"0{DAYS}",
    "notion_review_spent_today_usd": f"2{DAYS}",
}
ILL = {
    "NotionReviewGone": {"notion_review_last_sweep_timestamp_seconds": f"_{DAYS}"},
    "NotionReviewStale": {SUCCESS: f"0{DAYS}"},
    "NotionReviewDatabaseStale": {f'{OK}{{database="RFCs"}}': f"0{DAYS}"},
    "NotionReviewMustAct": {"notion_review_alerts": f"1{DAYS}"},
    "NotionReviewPagesFailed": {f"notion_review_{FAILED}": f"3{DAYS}"},
    "NotionReviewUnclear": {f"notion_review_{UNCLEAR}": f"1{DAYS}"},
    "NotionReviewDear": {"notion_review_spent_today_usd": f"15.5{DAYS}"},
}


def run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_that_is_asked_for_is_one_with_such_a_label() -> None:
    rows = re.findall(r"(?m)^\| (`[a-z_`, ]+) \| ((?:`[a-z]+`)?) ?\|", HANDBOOK)
    told = {
        name: label.strip("`") for names, label in rows for name in re.findall(r"[a-z_]+", names)
    }
    assert len(told) >= 15
    for expression in (*EXPRESSIONS, *(rule["expr"] for rule in RULES)):
        for name, labels in re.findall(r"notion_review_([a-z_]+)(?:\{(.*?)\})?", expression):
            assert name in told, expression
            assert set(re.findall(r"(\w+)!?=", labels)) <= {"instance", told[name]}, expression
        by = set(re.findall(r"by \((\w+)\)", expression))
        assert by <= set(told.values()), expression


def test_no_panel_of_the_dashboard_lies_on_another_one() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS.values():
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in PANELS.values()}) == len(DASHBOARD["panels"])


@promtool
@pytest.mark.real
def test_prometheus_takes_every_rule_and_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    run("promtool", "check", "rules", ALERTS)
    asked = [
        {"record": f"panel:{number}", "expr": expression.replace("$instance", ".*")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    rules = {"groups": [{"name": "dashboard", "rules": asked}]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules), "utf-8")
    run("promtool", "check", "rules", tmp_path / "rules.yaml")


@promtool
@pytest.mark.real
def test_each_alert_is_raised_by_what_it_is_about_and_by_nothing_else(tmp_path: Path) -> None:
    assert ILL.keys() == {rule["alert"] for rule in RULES}
    tests = []
    for ill in (None, *ILL):
        series = WELL | (ILL[ill] if ill else {})
        told = [
            {
                "eval_time": "47h",
                "alertname": rule["alert"],
                # What it says is not compared: an empty expectation means silence.
                "exp_alerts": [],
            }
            for rule in RULES
            if rule["alert"] != ill
        ]
        raised = [
            {
                "expr": f'count(ALERTS{{alertname="{ill}", alertstate="firing"}})',
                "eval_time": "47h",
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
        ]
        tests.append(
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": value} for name, value in series.items()
                ],
                "alert_rule_test": told,
                "promql_expr_test": raised if ill else [],
            }
        )
    file = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(file), "utf-8")
    run("promtool", "test", "rules", tmp_path / "tests.yaml")
