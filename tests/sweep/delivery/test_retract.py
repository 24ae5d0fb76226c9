"""What an operator takes back is gone, also while a sweep sends it; a late double is deleted."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from daemon.domain.errors import Unavailable
from daemon.domain.records import MessageKind
from daemon.domain.values import ReviewKind
from daemon.notion.gateway import Gateway
from daemon.sandbox.faults import Fault, FaultKind
from daemon.store import outbox, reviews
from daemon.store.database import open_state
from daemon.sweep.delivery import recovery
from daemon.sweep.delivery.retract import LATEST, NOTE, complete, retract
from daemon.sweep.people import People
from support.dying import Killed
from support.scene import REVIEW, play


HOUR = timedelta(hours=1)
DONE = ("was taken back before", "held back", "was not posted")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notion-review.db"


def one_review(scene):
    """A review with a reply, two findings and a summary; returns its number."""
    number = reviews.add(
        scene.state,
        scene.page.id,
        REVIEW,
        kind=ReviewKind.REVIEW,
        prompt="",
        content_hash="",
        sweep_id=None,
        at=scene.box.clock(),
    )
    scene.reply(scene.question(), review_id=number)
    scene.finding(0, "What then?", review_id=number)
    scene.finding(1, "Why ten?", review_id=number)
    scene.summary("Name an owner.", review_id=number)
    return number


async def by_another_process(scene, number):
    """Retract a review beside the process that sends it."""
    with closing(open_state(scene.path)) as state:
        notion = Gateway(scene.token, transport=scene.box.transport())
        people = People(state, notion, scene.token)
        operator = replace(scene.context, state=state, notion=notion, people=people)
        return await retract(operator, number)


async def the_next_sweep(scene):
    scene.box.faults.clear()
    scene.box.clock.advance(HOUR)
    scene.start()
    await scene.deliver()


@pytest.mark.parametrize("sender", ["goes on", "dies"])
@pytest.mark.parametrize("answers", ["come", "one is lost"])
def test_of_what_is_retracted_while_it_is_sent_nothing_stands_after_the_next_sweep(
    tmp_path, sender, answers
):
    def story(step):
        async def told(scene):
            number, reached, left = one_review(scene), asyncio.Event(), iter(range(step))

            def look(_):
                if next(left, None) is None:
                    if reached.is_set() and sender == "dies":
                        raise Killed
                    reached.set()

            scene.transport.before = look
            scene.box.faults.plant(Fault(FaultKind.SLOW, times=None, wait=1))
            if answers != "come":
                scene.box.faults.plant(Fault(FaultKind.DROP_SAVED, "POST", skip=1, times=1))
            delivery = asyncio.create_task(scene.deliver_until_killed())
            waiting = asyncio.create_task(reached.wait())
            await asyncio.wait({delivery, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            lines = await by_another_process(scene, number)
            await delivery
            assert len(lines) == 4
            for _ in range(2):
                await the_next_sweep(scene)
            assert scene.texts == []
            again = await retract(scene.context, number)
            assert all(line.endswith(DONE) for line in again), again
            return reached.is_set()

        return told

    struck = itertools.takewhile(
        bool, (play(tmp_path / f"{step}.db", story(step)) for step in range(40))
    )
    assert len(list(struck)) >= 5


def test_what_a_process_claimed_and_died_before_sending_is_taken_back(path):
    async def story(scene):
        number = one_review(scene)
        standing = scene.world.comment(scene.page.id, "Before.", by=scene.box.bot)
        scene.edit(standing.id, "After.", review_id=number)
        for message in outbox.undelivered(scene.state):
            assert outbox.claim(scene.state, message)
        await by_another_process(scene, number)
        await the_next_sweep(scene)
        assert scene.texts == ["Withdrawn."]
        assert set(scene.fates.values()) == {"dropped"}

    play(path, story)


def test_of_a_page_that_comes_back_between_two_requests_all_is_taken_back(path):
    async def story(scene):
        number = one_review(scene)
        await scene.deliver()
        scene.world.unshare(scene.page.id)

        def share(request):
            if request.method == "GET" and request.url.path == "/v1/comments":
                scene.world.share(scene.page.id)

        scene.transport.after = share
        lines = await retract(scene.context, number)
        assert scene.texts == []
        assert all(line.endswith(": deleted") for line in lines), lines

    play(path, story)


def test_what_another_process_finds_meanwhile_is_taken_back(path, monkeypatch):
    """And Notion lets that process delete nothing, so that it is left to this one."""

    async def story(scene):
        number = one_review(scene)
        scene.box.faults.plant(Fault(FaultKind.DROP_SAVED, "POST", times=1))
        scene.box.faults.plant(Fault(FaultKind.SERVER_ERROR, "GET", skip=2, times=None))
        with suppress(Unavailable):
            await scene.deliver()
        scene.box.faults.clear()
        [unclear] = [one for one in outbox.undelivered(scene.state) if one.sent_at]
        resolve = recovery.resolve_unclear

        async def overtaken(context, message):
            seen = await resolve(scene.context, message)
            outbox.mark_posted(
                scene.state, message, seen.comment["id"], None, scene.context.notion.now
            )
            return await resolve(context, message)

        monkeypatch.setattr(recovery, "resolve_unclear", overtaken)
        assert unclear.kind is MessageKind.REPLY
        lines = await by_another_process(scene, number)
        assert next(line for line in lines if line.startswith("reply")).endswith(": deleted")
        assert scene.texts == []

    play(path, story)


def test_two_operators_who_take_back_the_same_review_at_once_are_both_told_so(path):
    async def story(scene):
        number = one_review(scene)
        standing = scene.world.comment(scene.page.id, "Before.", by=scene.box.bot)
        scene.edit(standing.id, "After.", review_id=number)
        await scene.deliver()
        scene.box.faults.plant(Fault(FaultKind.SLOW_SAVED, times=None, wait=1))
        first = asyncio.create_task(retract(scene.context, number))
        await asyncio.sleep(2)
        told = [*await by_another_process(scene, number), *await first]
        assert len(told) == 10
        assert scene.texts == ["Withdrawn."]

    play(path, story)


def test_a_message_in_another_processs_hands_is_told_as_such(path):
    async def story(scene):
        number = one_review(scene)
        scene.box.faults.plant(Fault(FaultKind.SLOW, "POST", times=None, wait=3))
        delivery = asyncio.create_task(scene.deliver())
        await asyncio.sleep(1)
        lines = await by_another_process(scene, number)
        assert [line.partition(": ")[2] for line in lines].count(
            "is being sent; it is taken back as soon as it stands"
        ) == 1
        await delivery
        assert scene.texts == []
        notes = scene.state.execute("SELECT DISTINCT state, note FROM outbox").fetchall()
        assert notes == [("dropped", NOTE)]

    play(path, story)


def test_what_another_process_edits_just_now_is_taken_back_after_that(path):
    async def story(scene):
        number = one_review(scene)
        await scene.deliver()
        [own] = [one for one, text in zip(scene.own, scene.texts, strict=True) if "What" in text]
        scene.world.comment(own, "No.", by=scene.ana)
        scene.edit(own.id, "Settled.")
        scene.box.faults.plant(Fault(FaultKind.SLOW, "PATCH", wait=3))
        delivery = asyncio.create_task(scene.deliver())
        await asyncio.sleep(1)
        lines = await by_another_process(scene, number)
        assert any(line.endswith("it is taken back as soon as that is done") for line in lines)
        await delivery
        await the_next_sweep(scene)
        assert scene.texts == ["Withdrawn."]

    play(path, story)


def saved_late(scene, seconds):
    """Hold the first POST back; the server saves it so many seconds later all the same."""
    inner, under_way = scene.box.transport(), []

    async def save(request):
        await asyncio.sleep(seconds)
        await inner.handle_async_request(request)

    def hold(request):
        if request.method == "POST" and not under_way:
            again = httpx.Request(
                "POST", request.url, headers=request.headers, content=request.content
            )
            under_way.append(asyncio.create_task(save(again)))
            raise httpx.ReadTimeout("no answer", request=request)

    scene.transport.before = hold
    return under_way


def a_finding(scene):
    scene.finding()


def a_reply(scene):
    scene.reply(scene.question())


def a_summary(scene):
    scene.summary()


messages = pytest.mark.parametrize("write", [a_finding, a_reply, a_summary])


@messages
def test_what_is_saved_long_after_it_was_given_up_is_deleted_by_the_next_sweep(path, write):
    async def story(scene):
        write(scene)
        under_way = saved_late(scene, 120)
        await scene.deliver()
        await asyncio.gather(*under_way)
        assert len(scene.own) == 2
        await the_next_sweep(scene)
        [left] = scene.own
        assert outbox.posted_comment_ids(scene.state, scene.page.id) == {left.id}
        asked = len(scene.box.requests.log)
        await scene.deliver()
        assert len(scene.box.requests.log) == asked

    play(path, story)


def test_what_was_retracted_and_is_saved_late_is_deleted_too(path):
    async def story(scene):
        number = one_review(scene)
        under_way = saved_late(scene, 60)
        delivery = asyncio.create_task(scene.deliver())
        await asyncio.sleep(2)
        await by_another_process(scene, number)
        await delivery
        await asyncio.gather(*under_way)
        await the_next_sweep(scene)
        assert scene.own == []

    play(path, story)


def test_a_withdrawn_comment_stays_so_whatever_edit_of_it_is_taken_back_after_it(path):
    async def story(scene):
        messages = [scene.finding()]
        await scene.deliver()
        [standing] = scene.own
        scene.world.comment(standing, "Why?", by=scene.ana)
        for text in ("✓ Settled.", "Open again."):
            await asyncio.sleep(60)
            messages.append(scene.edit(standing.id, text))
            await scene.deliver()
        for message in (messages[0], messages[2]):
            outbox.retract(scene.state, message.key, NOTE, scene.context.notion.now)
        await complete(scene.context)
        assert scene.texts == ["Withdrawn."]

    play(path, story)


def test_a_late_double_that_a_person_answered_is_edited(path):
    async def story(scene):
        scene.finding()
        under_way = saved_late(scene, 60)
        await scene.deliver()
        await asyncio.gather(*under_way)
        scene.world.comment(scene.own[-1], "Why twice?", by=scene.ana)
        await the_next_sweep(scene)
        assert scene.texts[-1] == "Withdrawn."
        assert len(scene.own) == 2

    play(path, story)


def test_the_same_words_that_another_message_posts_are_no_double(path):
    async def story(scene):
        scene.finding(0, "What then?")
        scene.finding(0, "What then?")
        scene.box.faults.plant(FaultKind.UNAVAILABLE, "POST", "/v1/comments")
        await scene.deliver()
        scene.box.clock.advance(LATEST)
        await the_next_sweep(scene)
        assert len(scene.own) == 2

    play(path, story)
