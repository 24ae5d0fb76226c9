"""The service under a real systemd, against an embedded Notion and a scripted model."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

import pytest

from daemon.sandbox import Sandbox
from daemon.sandbox.faults import FaultKind
from support.installed import SERVICE, Installed
from support.lab import ROOT
from support.program import ANTHROPIC_KEY, ScriptedModel, posted


# A real systemd takes its time: it runs with `make test-real`.
pytestmark = pytest.mark.real


ONCE = "notion-review-once.service"
STATE = "/var/lib/notion-review/notion-review.db"


def status(installed: Installed, unit: str = SERVICE) -> str:
    return installed.lab.show(unit, "StatusText")["StatusText"]


def main_pid(installed: Installed, unit: str = SERVICE) -> str:
    return installed.lab.show(unit, "MainPID")["MainPID"]


def test_it_starts_reviews_and_shows_how_it_is(installed: Installed, box: Sandbox) -> None:
    page = installed.page()
    installed.start()
    installed.swept()
    assert len(posted(box)) == 2
    show = installed.lab.show(SERVICE, "ActiveState", "SubState")
    assert show == {"ActiveState": "active", "SubState": "running"}
    installed.lab.wait("a status", lambda: "last sweep ok" in status(installed))
    assert "0 failed" in status(installed)
    as_nobody = ("runuser", "-u", "nobody", "--", "cat")
    found = installed.lab.run(*as_nobody, "/run/notion-review/status.json").stdout
    assert json.loads(found)["last_sweep"]["pages_reviewed"] == 1
    metrics = installed.lab.run(*as_nobody, "/run/notion-review/notion-review.prom").stdout
    assert 'notion_review_comments_total{kind="finding"} 1' in metrics
    assert "Queues" not in found + metrics
    assert installed.lab.run(*as_nobody, STATE, check=False).returncode != 0
    told = installed.lab.run("notion-review", "explain", page.id).stdout
    assert "1 comment posted, 1 summary posted" in told


def test_it_is_ready_only_when_notion_has_answered(installed: Installed, box: Sandbox) -> None:
    slow = box.faults.plant(FaultKind.SLOW, "GET", "/v1/users/me", wait=2)
    installed.lab.systemctl("start", "--no-block", SERVICE)
    installed.lab.wait("the question", lambda: slow.struck)
    show = installed.lab.show(SERVICE, "ActiveState", "SubState")
    assert show == {"ActiveState": "activating", "SubState": "start"}
    installed.lab.wait("readiness", lambda: _state(installed) == "active")


def _state(installed: Installed) -> str:
    return installed.lab.show(SERVICE, "ActiveState")["ActiveState"]


def test_a_refused_token_ends_it_for_good_and_it_never_was_ready(installed: Installed) -> None:
    installed.secret("notion-token", "ntn_wrong000000000000000000000000000000")
    installed.lab.systemctl("start", SERVICE, check=False)
    show = installed.lab.show(SERVICE, "ActiveState", "ExecMainStatus", "NRestarts")
    assert show == {"ActiveState": "failed", "ExecMainStatus": "77", "NRestarts": "0"}
    assert installed.lab.show(SERVICE, "ActiveEnterTimestamp")["ActiveEnterTimestamp"] == ""
    file, cure = "/etc/notion-review/notion-token", "then run systemctl restart notion-review"
    lines = [one for one in installed.lab.journal(SERVICE) if file in one["MESSAGE"]]
    assert all(cure in one["MESSAGE"] for one in lines)
    assert {one["PRIORITY"] for one in lines} == {"3"}


def test_a_bad_config_is_78_and_no_restart_and_the_hook_is_told(installed: Installed) -> None:
    installed.configure(settle="ten")
    hook = '#!/bin/sh\necho "$1" > /run/told\n'
    installed.lab.write("/etc/notion-review/on-failure", hook, 0o755)
    installed.lab.systemctl("start", SERVICE, check=False)
    show = installed.lab.show(SERVICE, "ActiveState", "ExecMainStatus", "NRestarts")
    assert show == {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"}
    said = [one["MESSAGE"] for one in installed.lab.journal(SERVICE)]
    assert any("config.yaml" in line and "settle" in line for line in said)
    told = installed.lab.wait(
        "the hook", lambda: installed.lab.run("cat", "/run/told", check=False).stdout
    )
    assert told.strip() == "notion-review"


def test_without_the_token_systemd_itself_says_which_credential_is_missing(
    installed: Installed,
) -> None:
    installed.lab.run("rm", "/etc/notion-review/notion-token")
    installed.lab.systemctl("start", SERVICE, check=False)
    show = installed.lab.show(SERVICE, "ActiveState", "ExecMainStatus", "NRestarts")
    assert show == {"ActiveState": "failed", "ExecMainStatus": "243", "NRestarts": "0"}


def test_without_any_models_key_it_says_so_and_stays_down(installed: Installed) -> None:
    installed.lab.run("rm", "/etc/notion-review/anthropic-api-key")
    installed.lab.systemctl("start", SERVICE, check=False)
    assert installed.lab.show(SERVICE, "ExecMainStatus") == {"ExecMainStatus": "78"}
    said = [one["MESSAGE"] for one in installed.lab.journal(SERVICE)]
    assert any("write one into /etc/notion-review/anthropic-api-key" in line for line in said)


def test_no_secret_stands_in_the_journal_the_environment_or_the_units_properties(
    installed: Installed, box: Sandbox, model: ScriptedModel
) -> None:
    installed.page()
    installed.start()
    installed.swept()
    installed.lab.systemctl("reload", SERVICE)
    pid = main_pid(installed)
    everywhere = [
        installed.lab.run("journalctl", "-o", "export", "--all").stdout,
        installed.lab.run("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline").stdout,
        installed.lab.systemctl("show", SERVICE),
        installed.lab.systemctl("status", SERVICE),
        installed.lab.run("cat", "/run/notion-review/status.json").stdout,
        installed.lab.run("strings", STATE, check=False).stdout,
    ]
    assert model.sent
    for words in everywhere:
        assert box.token not in words
        assert ANTHROPIC_KEY not in words


def test_the_journal_knows_the_priority_of_each_line_and_splits_none(
    installed: Installed, box: Sandbox
) -> None:
    installed.page()
    box.faults.plant(FaultKind.SERVER_ERROR, "GET", "/v1/blocks/*/children", times=None)
    installed.drop_in(SERVICE, "ExecStart=", f"ExecStart={_program('--verbose')}", "Type=notify")
    installed.start()
    installed.swept()
    records = installed.lab.journal(SERVICE)
    ours = [one for one in records if one["_COMM"] == "notion-review"]
    by_event = {}
    for one in ours:
        assert "_LINE_BREAK" not in one
        fact = json.loads(one["MESSAGE"])
        by_event.setdefault(fact["event"], set()).add(one["PRIORITY"])
        assert "timestamp" not in fact
    assert by_event["sweep.done"] == {"6"}
    assert by_event["page.failed"] == {"3"}
    assert by_event["page.reading"] == {"7"}
    errors = installed.lab.run("journalctl", "-p", "err", "-u", SERVICE, "-o", "cat").stdout
    assert "page.failed" in errors
    assert "sweep.done" not in errors


def _program(*words: str) -> str:
    config = "--config /etc/notion-review/config.yaml"
    return " ".join(["/opt/notion-review/bin/notion-review", config, *words])


def test_a_stop_in_the_middle_of_a_review_is_orderly_and_the_review_comes_once(
    installed: Installed, box: Sandbox, model: ScriptedModel
) -> None:
    installed.page()
    asked, go_on, think = threading.Event(), threading.Event(), model.think

    def slowly(document: str, turn: int) -> object:
        asked.set()
        go_on.wait(60)
        return think(document, turn)

    model.think = slowly  # type: ignore[assignment]
    installed.start()
    assert asked.wait(30)
    _stopped_in_order(installed)
    go_on.set()
    assert posted(box) == []
    installed.start()
    installed.swept()
    assert len(posted(box)) == 2


def _stopped_in_order(installed: Installed) -> None:
    """Stop the unit; "success" says that systemd did not have to kill it after its stop timeout."""
    installed.lab.systemctl("stop", SERVICE)
    show = installed.lab.show(SERVICE, "Result", "ExecMainStatus")
    assert show == {"Result": "success", "ExecMainStatus": "0"}


def test_a_stop_in_the_middle_of_a_delivery_posts_each_comment_once(
    installed: Installed, box: Sandbox
) -> None:
    installed.page()
    slow = box.faults.plant(FaultKind.SLOW_SAVED, "POST", "/v1/comments", wait=30)
    installed.start()
    installed.lab.wait("a post", lambda: slow.struck)
    _stopped_in_order(installed)
    box.faults.clear()
    installed.start()
    installed.swept()
    assert len(posted(box)) == 2


def test_a_kill_in_the_middle_of_a_delivery_posts_each_comment_once(
    installed: Installed, box: Sandbox
) -> None:
    installed.page()
    slow = box.faults.plant(FaultKind.SLOW_SAVED, "POST", "/v1/comments", wait=30)
    installed.start()
    installed.lab.wait("a post", lambda: slow.struck)
    installed.lab.systemctl("kill", "--signal=KILL", SERVICE)
    box.faults.clear()
    installed.lab.wait("a restart", lambda: _restarts(installed) == 1)
    installed.swept()
    assert len(posted(box)) == 2


def _restarts(installed: Installed) -> int:
    return int(installed.lab.show(SERVICE, "NRestarts")["NRestarts"])


def test_a_stop_does_not_wait_for_a_pause_of_minutes_that_notion_asks_for(
    installed: Installed, box: Sandbox
) -> None:
    pause = box.faults.plant(FaultKind.RATE_LIMITED, "GET", "/v1/databases/*", wait=290)
    installed.start()
    installed.lab.wait("the pause", lambda: pause.struck)
    _stopped_in_order(installed)


def test_the_watchdog_restarts_a_process_that_hangs_and_its_stacks_are_in_the_journal(
    installed: Installed,
) -> None:
    # The first sweep of a process calls what never returns; the mark lets only one hang.
    planted = (
        "import daemon.service.runner, pathlib, threading\n"
        "def hang(*_):\n"
        "    mark = pathlib.Path('/var/lib/notion-review/hung')\n"
        "    if not mark.exists():\n"
        "        mark.touch()\n"
        "        threading.Event().wait()\n"
        "daemon.service.runner.alerts.after_sweep = hang\n"
    )
    installed.lab.write("/opt/planted/usercustomize.py", planted)
    installed.lab.write("/opt/planted/sitecustomize.py", "")
    site = "/opt/notion-review/lib/python3.11/site-packages/planted.pth"
    installed.lab.write(site, "/opt/planted\nimport usercustomize\n")
    installed.drop_in(SERVICE, "WatchdogSec=2s", "Restart=on-failure", "TimeoutAbortSec=5s")
    installed.start()
    installed.lab.wait("a restart", lambda: _restarts(installed) == 1)
    installed.lab.wait("a good sweep", lambda: "last sweep ok" in status(installed))
    said = [one["MESSAGE"] for one in installed.lab.journal(SERVICE)]
    assert any("Watchdog timeout" in line for line in said)
    assert any("Fatal Python error: Aborted" in line for line in said)
    assert any(re.search(r'File ".*/daemon/service/runner.py"', line) for line in said)


def test_hangup_takes_a_good_config_and_keeps_the_old_one_for_a_bad_one(
    installed: Installed,
) -> None:
    installed.start()
    installed.swept()
    pid = main_pid(installed)
    installed.configure(settle="ten")
    assert installed.lab.run("systemctl", "reload", SERVICE, check=False).returncode == 1
    assert installed.lab.show(SERVICE, "ActiveState") == {"ActiveState": "active"}
    installed.lab.wait("the refusal", lambda: "config.yaml is bad" in status(installed))
    installed.configure(schedule={"every": "1m"})
    installed.lab.systemctl("reload", SERVICE)
    installed.lab.wait("the new one", lambda: installed.events("config.adopted"))
    installed.lab.wait("its words", lambda: "bad" not in status(installed))
    assert main_pid(installed) == pid
    show = installed.lab.show(SERVICE, "ActiveState", "NRestarts")
    assert show == {"ActiveState": "active", "NRestarts": "0"}


def test_a_rotated_credential_needs_a_restart(installed: Installed, box: Sandbox) -> None:
    installed.start()
    installed.swept()
    installed.secret("notion-token", box.add_bot("Second"))
    installed.lab.systemctl("reload", SERVICE)
    installed.lab.wait("the reload", lambda: installed.events("config.adopted"))
    assert _bots(box) == {1}
    installed.lab.systemctl("restart", SERVICE)
    installed.lab.wait("the restart", lambda: _bots(box) == {1, 2})


def _bots(box: Sandbox) -> set[int]:
    tokens = sorted({one.token for one in box.requests.log})
    return {tokens.index(token) + 1 for token in tokens}


def test_one_sweep_by_timer_beside_the_service_is_75_and_no_failure(installed: Installed) -> None:
    installed.start()
    installed.swept()
    installed.start(ONCE)
    assert installed.lab.run("notion-review", "--once", check=False).returncode == 75
    said = [one["MESSAGE"] for one in installed.lab.journal(ONCE)]
    assert any("held by pid" in line for line in said)
    assert installed.lab.show(ONCE, "ActiveState", "Result") == {
        "ActiveState": "inactive",
        "Result": "success",
    }
    show = installed.lab.show(SERVICE, "ActiveState")
    assert show == {"ActiveState": "active"}
    assert installed.lab.run("ls", "/run/notion-review").stdout.split() == [
        "notion-review.prom",
        "status.json",
    ]


def test_the_timer_sweeps_once_an_hour(installed: Installed, box: Sandbox) -> None:
    installed.page()
    installed.start("notion-review-once.timer")
    installed.start(ONCE)
    assert len(posted(box)) == 2
    show = installed.lab.show(ONCE, "ExecMainStatus", "Result")
    assert show == {"ExecMainStatus": "0", "Result": "success"}
    assert "last sweep   ok" in installed.lab.run("notion-review", "status").stdout
    assert "notion-review-once.timer" in installed.lab.systemctl("list-timers")


def test_two_instances_side_by_side_share_nothing(installed: Installed, box: Sandbox) -> None:
    installed.page()
    for name in ("one", "two"):
        folder = f"/etc/notion-review/{name}"
        installed.configure(folder)
        installed.secret("notion-token", box.add_bot(name), folder)
        installed.secret("anthropic-api-key", ANTHROPIC_KEY, folder)
        installed.start(f"notion-review@{name}.service")
    units = [f"notion-review@{name}.service" for name in ("one", "two")]
    for unit in units:
        installed.lab.wait("a sweep", lambda unit=unit: installed.events("sweep.done", unit))
    pids = {main_pid(installed, unit) for unit in units}
    users = {installed.lab.run("ps", "-o", "user=", "-p", pid).stdout.strip() for pid in pids}
    assert users == {"notion-review-one", "notion-review-two"}
    bots = {bot.id for bot in box.world.state.bots.values() if bot.name in ("one", "two")}
    assert {one.author_id for one in box.world.comments()} == bots
    assert "last sweep   ok" in installed.lab.run("notion-review", "@one", "status").stdout


def test_root_looks_and_acts_as_the_service_and_leaves_nothing_of_its_own(
    installed: Installed, box: Sandbox
) -> None:
    page = installed.page()
    installed.start()
    installed.swept()
    run = installed.lab.run
    assert "paused" in run("notion-review", "pause", page.id).stdout
    assert "1 paused" in run("notion-review", "status").stdout
    installed.lab.systemctl("stop", SERVICE)
    assert "1 paused" in run("notion-review", "status").stdout
    assert "resumed" in run("notion-review", "resume", page.id).stdout
    done = run("notion-review", "--once", "--json", check=False)
    assert done.returncode == 0, done.stderr
    folder = Path(STATE).parent
    owners = run("find", f"{folder}/", "-printf", "%U\n").stdout.split()
    assert len(set(owners)) == 1
    assert owners[0] != "0"
    installed.start()
    installed.swept(2)


def test_init_as_root_uses_the_addresses_and_secrets_of_the_service(
    installed: Installed, box: Sandbox
) -> None:
    database = installed.config["databases"][0]["id"]
    words = ("--database", database, "--prompt", "", "--force")
    done = installed.lab.run("notion-review", "init", *words)
    assert "model      anthropic:claude-sonnet-5-5: ok" in done.stdout
    assert done.stdout.endswith("systemctl enable --now notion-review\n")
    owner = installed.lab.run("stat", "-c", "%U %a", "/etc/notion-review/notion-token").stdout
    assert owner == "root 600\n"
    installed.page()
    installed.start()
    installed.swept()


def test_the_plain_program_as_root_is_refused_before_it_leaves_a_file(
    installed: Installed,
) -> None:
    installed.start()
    installed.lab.systemctl("stop", SERVICE)
    config = "/etc/notion-review/config.yaml"
    env = ("env", "NOTION_TOKEN=x", "ANTHROPIC_API_KEY=x")
    program = "/opt/notion-review/bin/notion-review"
    done = installed.lab.run(*env, program, "--config", config, "--once", check=False)
    assert done.returncode == 77
    assert "belongs to user" in done.stderr
    owners = installed.lab.run("find", "/var/lib/notion-review/", "-user", "root").stdout
    assert owners == ""


def test_a_disk_that_is_full_is_waited_for_and_nothing_is_lost(
    installed: Installed, box: Sandbox
) -> None:
    installed.page()
    installed.start()
    installed.swept()
    installed.lab.systemctl("stop", SERVICE)
    installed.lab.run("mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "x", "/mnt")
    run = installed.lab.run
    run("cp", "-a", "/var/lib/private/notion-review/.", "/mnt")
    run("sh", "-c", "chown --reference=/var/lib/private/notion-review /mnt")
    run("mount", "--bind", "/mnt", "/var/lib/private/notion-review")
    run("sh", "-c", "dd if=/dev/zero of=/mnt/filler bs=1k 2>/dev/null; true")
    installed.page("Logs")
    installed.lab.systemctl("start", SERVICE)
    installed.lab.wait("its words", lambda: "tried again at" in status(installed))
    assert installed.lab.show(SERVICE, "ActiveState", "NRestarts") == {
        "ActiveState": "active",
        "NRestarts": "0",
    }
    run("rm", "/mnt/filler")
    installed.lab.systemctl("reload", SERVICE)
    installed.lab.wait("a good sweep", lambda: len(posted(box)) == 4)


def test_the_labs_own_paths_stand_in_no_unit() -> None:
    for unit in (ROOT / "systemd").iterdir():
        assert "/opt/lab" not in unit.read_text()
        assert os.access(unit, os.X_OK) == (unit.name == "notion-review")
