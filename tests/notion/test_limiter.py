"""N3: one limiter for the process.

The lesson asks for a token bucket of 2.5 requests a second. Since 2026 Notion counts in windows of
a minute that may be spent at once, so the limiter holds the count of any minute instead: an idle
sweep does not wait, and no window of Notion's, wherever it begins, sees more than the limit.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
import virtual_time
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.errors import Unavailable
from daemon.notion.gateway import Gateway
from daemon.notion.limiter import MARGIN_SECONDS, WINDOW_SECONDS, Limiter
from daemon.sandbox import Sandbox


PATIENCE = 300


async def start(limiter, number, starts):
    await limiter.turn()
    starts.append((number, asyncio.get_running_loop().time()))


# One step: seconds to wait first, requests that come, a pause or not, one that gives up or not.
step = st.tuples(
    st.floats(0, 90),
    st.integers(0, 8),
    st.none() | st.floats(0, PATIENCE),
    st.none() | st.integers(0, 30),
)


async def play(per_minute, steps):
    """Return what started as (number, time), what was given up, and the pauses as (from, until)."""
    limiter, loop = Limiter(per_minute, PATIENCE), asyncio.get_running_loop()
    tasks, starts, given_up, pauses = [], [], set(), []
    for gap, arrivals, pause, quits in steps:
        await asyncio.sleep(gap)
        for _ in range(arrivals):
            tasks.append(asyncio.create_task(start(limiter, len(tasks), starts)))
        await asyncio.sleep(0)
        if pause is not None:
            limiter.pause(pause)
            pauses.append((loop.time(), loop.time() + pause))
        if quits is not None and quits < len(tasks) and tasks[quits].cancel():
            given_up.add(quits)
    await asyncio.gather(*tasks, return_exceptions=True)
    return starts, given_up, pauses


@settings(deadline=None)
@given(st.integers(1, 6), st.lists(step, max_size=8))
def test_n3_no_minute_sees_more_than_the_limit_and_none_who_waits_is_forgotten(per_minute, steps):
    starts, given_up, pauses = virtual_time.run(play(per_minute, steps))

    times = [time for _, time in starts]
    for late, early in zip(times[per_minute:], times, strict=False):
        assert late - early >= WINDOW_SECONDS
    everybody = set(range(sum(arrivals for _, arrivals, _, _ in steps)))
    assert [number for number, _ in starts] == sorted(everybody - given_up)
    for began, ended in pauses:
        # What started in the very moment of the pause came before it.
        assert not [time for time in times if began < time < ended - 1e-6]


def test_n3_a_busy_limiter_uses_nearly_the_whole_of_every_window():
    async def rush():
        limiter, starts = Limiter(170, PATIENCE), []
        await asyncio.gather(*(start(limiter, number, starts) for number in range(1700)))
        return asyncio.get_running_loop().time()

    seconds = virtual_time.run(rush())
    possible = (1700 / 170 - 1) * WINDOW_SECONDS
    assert seconds == pytest.approx(9 * (WINDOW_SECONDS + MARGIN_SECONDS))
    assert possible / seconds >= 0.95


def test_n3_a_burst_within_the_limit_does_not_wait():
    async def burst():
        limiter, starts = Limiter(170, PATIENCE), []
        await asyncio.gather(*(start(limiter, number, starts) for number in range(170)))
        return asyncio.get_running_loop().time()

    assert virtual_time.run(burst()) == 0


def test_a_pause_holds_back_whoever_waits_already():
    async def wait():
        limiter, starts = Limiter(1, PATIENCE), []
        tasks = [asyncio.create_task(start(limiter, number, starts)) for number in range(3)]
        await asyncio.sleep(30)
        limiter.pause(100)
        await asyncio.gather(*tasks)
        return starts

    assert virtual_time.run(wait()) == [(0, 0), (1, 130), (2, 191)]


def test_a_shorter_pause_does_not_end_a_longer_one():
    async def wait():
        limiter = Limiter(5, PATIENCE)
        limiter.pause(100)
        limiter.pause(10)
        await limiter.turn()
        return asyncio.get_running_loop().time()

    assert virtual_time.run(wait()) == 100


def test_giving_up_at_the_head_of_the_queue_lets_the_next_one_through():
    async def wait():
        limiter, starts = Limiter(1, PATIENCE), []
        await limiter.turn()
        head, following = (
            asyncio.create_task(start(limiter, number, starts)) for number in range(2)
        )
        await asyncio.sleep(10)
        head.cancel()
        await following
        return starts

    assert virtual_time.run(wait()) == [(1, 61)]


def test_n2_a_pause_beyond_our_patience_fails_at_once_and_for_everybody():
    async def wait():
        limiter, loop = Limiter(1, PATIENCE), asyncio.get_running_loop()
        limiter.pause(PATIENCE + 1)
        for _ in range(3):
            with pytest.raises(Unavailable, match="301 seconds"):
                await limiter.turn()
        assert loop.time() == 0
        await asyncio.sleep(2)
        await limiter.turn()
        return loop.time()

    assert virtual_time.run(wait()) == PATIENCE + 1


@pytest.mark.parametrize("phase", [0, 1, 29.5, 59, 59.9])
def test_n3_no_fixed_window_of_the_server_overflows_wherever_it_begins(phase):
    """Seen from the server, which counts what arrives in windows of its own clock."""

    async def rush():
        box = Sandbox(virtual_time.now)
        box.window.per_minute = 20
        page = box.world.page(box.world.database("RFCs"), "Queues")
        await asyncio.sleep(phase)
        async with Gateway(
            box.token, transport=_Slow(box.transport()), requests_per_minute=20
        ) as gateway:
            await asyncio.gather(*(gateway.page(page.id) for _ in range(130)))
        return box.requests

    requests = virtual_time.run(rush())
    assert len(requests.log) == 130
    assert {entry.status for entry in requests.log} == {200}
    assert requests.busiest() <= 20
    lasted = requests.log[-1].time - requests.log[0].time
    assert lasted < timedelta(minutes=6.5)


class _Slow(httpx.AsyncBaseTransport):
    """Takes up to half a second on the way to the server."""

    def __init__(self, inner):
        self._inner = inner
        self._sent = 0

    async def handle_async_request(self, request):
        self._sent += 1
        await asyncio.sleep(self._sent % 7 / 14)
        return await self._inner.handle_async_request(request)
