"""What a service says to systemd."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest

from daemon.service.systemd import StallDetector, Systemd, stacks


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
    assert hanging.count("test_systemd.py") == 2
