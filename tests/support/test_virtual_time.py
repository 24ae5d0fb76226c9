"""The virtual clock and the chosen death that other tests rely on."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from support import virtual_time
from support.dying import Dying, Killed
from support.virtual_time import START, Stuck


def test_a_day_of_waiting_is_a_day_on_the_clock():
    async def wait():
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time(), virtual_time.now()

    assert virtual_time.run(wait()) == (86_400, START + timedelta(days=1))


def test_timers_of_several_tasks_go_off_in_their_order():
    order = []

    async def wait(seconds):
        await asyncio.sleep(seconds)
        order.append((seconds, asyncio.get_running_loop().time()))

    async def all_of_them():
        await asyncio.gather(*(wait(seconds) for seconds in (30, 10, 20)))

    virtual_time.run(all_of_them())
    assert order == [(10, 10), (20, 20), (30, 30)]


def test_a_timeout_strikes_at_its_moment():
    async def wait():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await asyncio.sleep(60)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(wait()) == 7


def test_a_thread_may_still_answer():
    async def ask():
        return await asyncio.to_thread(threading.get_ident)

    assert virtual_time.run(ask()) != threading.get_ident()


def test_a_task_that_waits_for_nothing_is_told(monkeypatch):
    monkeypatch.setattr(virtual_time, "THREAD_SECONDS", 0.01)

    async def wait():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck):
        virtual_time.run(wait())


def test_now_refuses_to_pass_real_time_for_virtual():
    async def ask():
        return virtual_time.now()

    with pytest.raises(TypeError):
        asyncio.run(ask())


@pytest.mark.parametrize(("at", "done"), [(0, []), (1, [1]), (2, [1, 2])])
def test_a_dying_coroutine_gets_as_far_as_its_wait(at, done):
    steps = []

    async def work():
        for step in (1, 2, 3):
            await asyncio.sleep(1)
            steps.append(step)

    async def live():
        await Dying(work(), at)

    with pytest.raises(Killed):
        virtual_time.run(live())
    assert steps == done


def test_a_dying_coroutine_that_ends_before_its_death_gives_its_result():
    async def work():
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(2)
        except TimeoutError:
            return "late"

    async def live():
        return await Dying(work(), 99)

    assert virtual_time.run(live()) == "late"
