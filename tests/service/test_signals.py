"""Signals reach a real process, whatever it is stuck in."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from daemon.service import signals
from support.places import ROOT
from support.rows import pairs, some


STUCK = "threading.Event().wait()"  # the main thread never runs an instruction again
WAITING = "await asyncio.get_running_loop().create_future()"
STUBBORN = """
    while True:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            print('held on', flush=True)
"""
ONCE = """
import asyncio, sys, threading
from daemon.service import signals
signals.GRACE_SECONDS = {seconds}
async def work():
    print('ready', flush=True)
    {body}
try:
    signals.until_signal(work())
except signals.Interrupted as end:
    print(end, flush=True)
    sys.exit(end.exit_code)
"""
SERVICE = """
import asyncio, sys, threading
from daemon.service import service
service.STOP_SECONDS = {seconds}
class Service:
    async def run(self):
        print('ready', flush=True)
        {body}
    def reload(self):
        print('reloaded', flush=True)
service.until_stopped(Service())
print('orderly', flush=True)
"""


class Process:
    def __init__(self, script, body, seconds=600.0):
        code = script.format(body=body.strip(), seconds=seconds)
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert self.line() == "ready"

    def line(self):
        return self._process.stdout.readline().strip()

    def send(self, number):
        self._process.send_signal(number)

    def ended(self):
        out, _ = self._process.communicate(timeout=60)
        return self._process.returncode, out.strip()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_sweep_ends_at_a_signal_with_one_line(number, code):
    process = Process(ONCE, WAITING)
    process.send(number)
    words = "interrupted; what is not posted yet waits for the next sweep"
    assert process.ended() == (code, words)


@pytest.mark.parametrize("number", some({"TERM": signal.SIGTERM, "INT": signal.SIGINT}, {"TERM"}))
def test_the_service_stops_in_order_at_the_first_signal(number):
    process = Process(SERVICE, WAITING)
    process.send(number)
    assert process.ended() == (0, "orderly")


def test_a_process_that_is_stuck_in_a_call_ends_all_the_same():
    process = Process(SERVICE, STUCK, seconds=0.05)
    process.send(signal.SIGTERM)
    assert process.ended() == (0, "")
    process = Process(ONCE, STUCK, seconds=0.05)
    process.send(signal.SIGINT)
    assert process.ended() == (130, "")


def test_a_second_signal_ends_a_service_at_once_that_takes_its_time():
    process = Process(SERVICE, STUBBORN.replace("\n", "\n    "))
    process.send(signal.SIGTERM)
    assert process.line() == "held on"
    process.send(signal.SIGTERM)
    assert process.ended()[0] == 143


def test_hangup_reloads_and_the_service_goes_on():
    process = Process(SERVICE, WAITING)
    for _ in range(3):
        process.send(signal.SIGHUP)
        assert process.line() == "reloaded"
    process.send(signal.SIGTERM)
    assert process.ended() == (0, "orderly")


# A signal that comes while the program is being loaded: sent by itself, at a certain import.
LOADING = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Finder())
from daemon.__main__ import main
sys.argv = ["notion-review", "--once"]
main()
"""


MODULES = ["daemon.cli.main", "click", "yaml", "pydantic", "structlog", "httpx", "sqlite3"]


@pytest.mark.parametrize(
    ("module", "number"),
    pairs({name: name for name in MODULES}, {"INT": signal.SIGINT, "TERM": signal.SIGTERM}),
)
def test_a_signal_during_the_imports_ends_it_with_one_line(tmp_path, module, number):
    (tmp_path / "config.yaml").write_text(f"databases: [{{id: {'a' * 32}}}]\nmodels: [offline]\n")
    done = subprocess.run(
        [sys.executable, "-c", LOADING.format(module=module, number=int(number))],
        cwd=tmp_path,
        env={"NOTION_TOKEN": "ntn_planted", "NOTION_BASE_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (128 + number, "notion-review: interrupted\n")


def test_nothing_is_imported_before_a_signal_is_heard():
    code = (
        "import os, signal, sys  # as `site` does, but for signal\n"
        "before = set(sys.modules)\n"
        "import daemon.__main__\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["__future__", "daemon", "daemon.__main__"]


def test_a_signal_that_the_parent_had_ignored_stays_ignored(tmp_path):
    script = LOADING.format(module="click", number=int(signal.SIGINT))
    script = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN){script}"
    done = subprocess.run(
        [sys.executable, "-c", script.replace("--once", "--version")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_prompt_hears_control_c_as_an_exception_and_gives_it_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), signals.raised():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
