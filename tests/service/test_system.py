"""Signals reach a real process, whatever it is stuck in."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from daemon.service.system import StallDetector, Systemd, raised, stacks
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
from daemon.service import system as signals
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
    words = "interrupted"
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
    with pytest.raises(KeyboardInterrupt), raised():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


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


def test_a_watch_counts_from_the_last_thing_that_showed():
    async def go():
        loop = asyncio.get_running_loop()
        times = iter([0.0, 10.0, 20.0, 35.0])
        loop.time = lambda: next(times)
        try:
            watch = StallDetector(1)
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
    assert hanging.count("test_system.py") == 2


def test_a_run_that_ends_as_it_stands_shows_the_cursor_again():
    hiding = "import os; os.write(1, b'\\x1b[?25l'); "
    for ending, words in (
        ("from daemon.service import system; system.end_now(130)", b""),
        (
            "from daemon import __main__; __main__._end(2, None)",
            b"\r\nnotion-review: interrupted\r\n",
        ),
    ):
        child, terminal = pty.fork()
        if child == 0:
            os.execv(sys.executable, [sys.executable, "-c", hiding + ending])
        shown = b""
        with suppress(OSError):  # so it ends
            while piece := os.read(terminal, 1000):
                shown += piece
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
        assert shown == b"\x1b[?25l" + b"\x1b[?25h" * 2 + words
