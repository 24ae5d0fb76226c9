"""S1 and S2: each message stands on the server once, whatever fails and whenever it dies."""

from __future__ import annotations

import asyncio
import itertools
import json
import unicodedata
from dataclasses import replace
from datetime import timedelta
from functools import partial

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.cli.main import preview
from daemon.domain.due import PARKED_AFTER
from daemon.domain.errors import Forbidden, ReviewError, TokenRefused, Unavailable
from daemon.domain.findings import FindingState
from daemon.domain.records import DeliveryState
from daemon.domain.scope import NOTION_IS_DOWN, TRIES_AT_ONCE
from daemon.notion import from_markdown
from daemon.sandbox import blocks
from daemon.sandbox.faults import ApiRefusal, Fault, FaultKind
from daemon.sandbox.state import Doing
from daemon.store import findings, outbox, pages
from daemon.sweep.delivery import posting, recovery
from support.dying import Dying, Killed
from support.rows import some
from support.scene import NAME, TEXTS, play


HOUR = timedelta(hours=1)
NO_ANSWER = ApiRefusal(503, "service_unavailable", "Public API service is unavailable.")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notion-review.db"


def several(scene):
    """A reply, two findings on one block with the same words, one on another, a summary."""
    scene.reply(scene.question())
    scene.finding(0, "What then?")
    scene.finding(0, "What then?")
    scene.finding(1, "Why **ten**? See [the plan](https://example.com/plan).")
    scene.summary("First:\n\n- name an owner\n- *say* when")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """What `several` puts on the server, sorted."""

    async def story(scene):
        several(scene)
        await scene.deliver()
        return sorted(scene.texts)

    return play(tmp_path_factory.mktemp("undisturbed") / "notion-review.db", story)


def assert_once(scene, texts):
    assert sorted(scene.texts) == texts
    assert set(scene.fates.values()) == {"posted"}
    own = {comment.id for comment in scene.own}
    assert outbox.posted_comment_ids(scene.state, scene.page.id) == own


# What must pass in any case


def test_messages_are_delivered_and_recorded(path):
    async def story(scene):
        several(scene)
        await scene.deliver()
        assert_once(scene, sorted(scene.texts))
        assert len(scene.own) == 5
        assert {comment.shown for comment in scene.own} == {("custom", NAME)}
        threads = {one.discussion_id for one in findings.of_page(scene.state, scene.page.id)}
        assert threads == {comment.discussion_id for comment in scene.own[1:4]}
        assert dict(scene.context.tally.posted) == {"reply": 1, "finding": 3, "summary": 1}

    play(path, story)


def test_a_delivery_with_nothing_to_deliver_asks_nothing(path):
    async def story(scene):
        await scene.deliver()
        assert not scene.box.requests.log

    play(path, story)


def test_a7_a_reply_stands_in_the_thread_of_its_question(path):
    async def story(scene):
        question, other = scene.question(), scene.question()
        scene.reply(question)
        await scene.deliver()
        assert [comment.discussion_id for comment in scene.own] == [question.discussion_id]
        assert question.discussion_id != other.discussion_id

    play(path, story)


def test_i4_the_replies_of_all_pages_come_before_any_finding(path):
    async def story(scene):
        first, second = scene.page, scene.add_page("Caches")
        for page in (first, second):
            scene.finding(page=page)
            scene.summary(page=page)
        for page in (first, second):
            question = scene.world.comment(scene.block(0, page), "Which region?", by=scene.ana)
            scene.reply(question, page=page, created_at=scene.box.clock() + timedelta(hours=1))
        await scene.deliver()
        assert scene.texts[:2] == ["In Frankfurt."] * 2
        assert len(scene.texts) == 6

    play(path, story)


def test_messages_of_one_page_can_be_delivered_alone(path):
    async def story(scene):
        other = scene.add_page("Caches")
        scene.summary("here")
        scene.summary("there", page=other)
        await scene.deliver(other.id)
        assert scene.texts == ["there"]

    play(path, story)


# S1 and S2


FAULTS = [kind for kind in FaultKind if kind not in (FaultKind.STALE_CURSOR, FaultKind.NULL_CURSOR)]


# One of each sort: refused, failed before and after it was done, cut off, an answer without sense.
TELLING = {
    FaultKind.RATE_LIMITED,
    FaultKind.UNAVAILABLE,
    FaultKind.SLOW_SAVED,
    FaultKind.DROP_SAVED,
    FaultKind.BLANK,
}


@pytest.mark.parametrize("kind", some({kind.value: kind for kind in FAULTS}, TELLING))
def test_s2_any_fault_at_any_request_leaves_each_message_once(tmp_path, texts, kind):
    def story(skip):
        async def told(scene):
            several(scene)
            fault = scene.box.faults.plant(Fault(kind, skip=skip, wait=75))
            for _ in range(2):
                try:
                    await scene.deliver()
                except ReviewError:
                    scene.start()
            assert_once(scene, texts)
            return fault.struck

        return told

    struck = itertools.takewhile(
        bool, (play(tmp_path / f"{skip}.db", story(skip)) for skip in range(50))
    )
    assert len(list(struck)) >= 6


@pytest.mark.parametrize("when", ["before", "after"])
def test_s1_a_death_at_any_request_leaves_each_message_once(tmp_path, texts, when):
    """Before: the intent is kept, nothing was sent. After: the server has it, nobody knows."""

    def story(number):
        async def told(scene):
            several(scene)
            left = iter([False] * number)

            def die(_):
                if next(left, True):
                    raise Killed

            setattr(scene.transport, when, die)
            died = await scene.deliver_until_killed()
            await scene.deliver()
            assert_once(scene, texts)
            return died

        return told

    died = itertools.takewhile(
        bool, (play(tmp_path / f"{number}.db", story(number)) for number in range(50))
    )
    assert len(list(died)) >= 6


def test_s1_a_death_at_any_wait_leaves_each_message_once(tmp_path, texts):
    def story(number):
        async def told(scene):
            several(scene)
            # Every fault takes the delivery through more of its waits.
            scene.box.faults.plant(Fault(FaultKind.DROP_SAVED, "POST", skip=1))
            scene.box.faults.plant(Fault(FaultKind.UNAVAILABLE, "POST", skip=2))
            scene.box.faults.plant(Fault(FaultKind.SLOW, times=None, wait=1))
            died = await scene.deliver_until_killed(Dying(scene.deliver(), number))
            await scene.deliver()
            assert_once(scene, texts)
            return died

        return told

    died = itertools.takewhile(
        bool, (play(tmp_path / f"{number}.db", story(number)) for number in range(200))
    )
    assert len(list(died)) >= 10


troubles = st.lists(
    st.tuples(st.sampled_from(FAULTS), st.integers(0, 12)) | st.integers(0, 15), max_size=5
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(troubles)
def test_s1_several_faults_and_deaths_in_a_row_leave_each_message_once(
    tmp_path_factory, texts, plan
):
    path = tmp_path_factory.mktemp("disturbed") / "notion-review.db"

    async def story(scene):
        several(scene)
        for trouble in plan:
            if isinstance(trouble, tuple):
                kind, skip = trouble
                scene.box.faults.plant(Fault(kind, skip=skip, wait=75))
                continue
            left = iter([False] * trouble)
            scene.transport.after = lambda _, left=left: _die_when_over(left)
            try:
                await scene.deliver_until_killed()
            except ReviewError:
                scene.start()
        scene.box.faults.clear()
        scene.box.clock.advance(timedelta(days=1))  # what was lost often waits for a while
        scene.start()
        await scene.deliver()
        assert_once(scene, texts)

    play(path, story)


def _die_when_over(left):
    if next(left, True):
        raise Killed


def test_s2_a_comment_that_was_saved_is_found_not_posted_again(path):
    async def story(scene):
        scene.finding()
        scene.box.faults.plant(FaultKind.SAVED, "POST", "/v1/comments")
        await scene.deliver()
        assert (scene.sent("POST"), scene.sent("GET")) == (1, 1)
        assert set(scene.fates.values()) == {"posted"}
        assert [event for event, _ in scene.told] == ["comment.unclear", "comment.posted"]

    play(path, story)


def _breaks_off(scene, late, *, post=1):
    """Break the connection at a POST; the server saves the comment moments later."""
    inner, under_way, posts = scene.box.transport(), [], itertools.count(1)

    async def save(request):
        await asyncio.sleep(late)
        await inner.handle_async_request(request)

    def break_off(request):
        if request.method == "POST" and next(posts) == post:
            again = httpx.Request(
                "POST", request.url, headers=request.headers, content=request.content
            )
            under_way.append(asyncio.create_task(save(again)))
            raise httpx.ReadError("connection reset", request=request)

    scene.transport.before = break_off
    return under_way


@pytest.mark.parametrize("late", [0.5, 3, recovery.GRACE_SECONDS - 1])
def test_s2_a_post_that_is_still_under_way_is_waited_for(path, late):
    async def story(scene):
        scene.finding()
        under_way = _breaks_off(scene, late)
        await scene.deliver()
        await asyncio.gather(*under_way)
        assert (len(scene.own), set(scene.fates.values())) == (1, {"posted"})

    play(path, story)


@pytest.mark.parametrize("wait", [10, 290])
def test_s2_a_post_under_way_is_waited_for_though_it_was_claimed_long_before(path, wait):
    """Notion asked for a pause, and the connection breaks at the second sending."""

    async def story(scene):
        scene.summary()
        under_way = _breaks_off(scene, 3, post=2)
        scene.box.faults.plant(FaultKind.OVERLOADED, "POST", "/v1/comments", wait=wait)
        await scene.deliver()
        await asyncio.gather(*under_way)
        assert (len(scene.own), set(scene.fates.values())) == (1, {"posted"})

    play(path, story)


def test_s2_a_lost_post_is_sent_again_after_a_few_seconds_only(path):
    async def story(scene):
        scene.finding()
        scene.box.faults.plant(FaultKind.DROP, "POST", "/v1/comments")
        began = asyncio.get_running_loop().time()
        await scene.deliver()
        assert len(scene.own) == 1
        passed = asyncio.get_running_loop().time() - began
        assert recovery.GRACE_SECONDS - 1 <= passed <= recovery.GRACE_SECONDS + 1

    play(path, story)


def test_s2_what_was_sent_long_ago_is_not_waited_for(path):
    async def story(scene):
        scene.finding()
        scene.transport.after = lambda request: _die(request.method == "POST")
        assert await scene.deliver_until_killed()
        scene.world.delete_comment(scene.own[0])
        scene.box.clock.advance(timedelta(hours=1))
        began = asyncio.get_running_loop().time()
        await scene.deliver()
        assert len(scene.own) == 1
        assert asyncio.get_running_loop().time() == began

    play(path, story)


def _die(now):
    if now:
        raise Killed


@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(hours=-1)])
def test_s2_a_machine_with_a_wrong_clock_does_not_wait_longer(path, skew):
    async def story(scene):
        message = scene.finding()
        assert outbox.claim(scene.state, message)
        outbox.record_attempt(scene.state, message, scene.box.clock() + skew)
        began = asyncio.get_running_loop().time()
        await scene.deliver()
        assert len(scene.own) == 1
        assert asyncio.get_running_loop().time() - began <= recovery.GRACE_SECONDS

    play(path, story)


@pytest.mark.parametrize(
    "body",
    [
        "**Bold** next to *italic* and `code`.",
        "A [link](https://example.com/a?b=c#d) and https://example.com.",
        "One\n\nTwo\n\n- a list\n- of two\n\n```\ncode\n```",
        "Cafe\N{COMBINING ACUTE ACCENT} \N{NO-BREAK SPACE} \N{THUMBS UP SIGN}",
        "x" * 4500,
        "word " * 30_000,
    ],
)
def test_s2_a_comment_is_known_again_however_notion_normalises_it(path, body):
    async def story(scene):
        scene.summary(body)
        scene.box.faults.plant(FaultKind.DROP_SAVED, "POST", "/v1/comments")
        scene.transport.before = lambda _: _normalise(scene)
        await scene.deliver()
        assert (len(scene.own), set(scene.fates.values())) == (1, {"posted"})

    play(path, story)


def _normalise(scene):
    """Do to every comment what Notion may do: join, compose, tidy spaces at line ends."""
    for comment in scene.own:
        text = "".join(item["text"]["content"] for item in comment.rich_text)
        tidy = unicodedata.normalize("NFC", text).replace("\N{NO-BREAK SPACE}", " ").strip()
        scene.world.edit_comment(comment, [{"type": "text", "text": {"content": tidy}}])


@pytest.mark.parametrize("saved", [[True, True], [True, False], [False, True], [False, False]])
def test_s2_two_messages_with_the_same_words_on_one_block_are_two_comments(path, saved):
    async def story(scene):
        scene.finding(0, "What then?")
        scene.finding(0, "What then?")
        for was_saved in saved:
            kind = FaultKind.SAVED if was_saved else FaultKind.UNAVAILABLE
            scene.box.faults.plant(kind, "POST", "/v1/comments")
        await scene.deliver()
        assert len(scene.own) == 2
        assert len({comment.discussion_id for comment in scene.own}) == 2
        assert_once(scene, [scene.texts[0]] * 2)

    play(path, story)


@pytest.mark.parametrize("saved", [[True, True], [True, False], [False, True], [False, False]])
def test_s2_the_same_words_in_two_threads_of_one_block_are_two_replies(path, saved):
    async def story(scene):
        questions = [scene.question(), scene.question()]
        for question in questions:
            scene.reply(question, "Thank you, I see.")
        for was_saved in saved:
            kind = FaultKind.SAVED if was_saved else FaultKind.UNAVAILABLE
            scene.box.faults.plant(kind, "POST", "/v1/comments")
        await scene.deliver()
        assert sorted(comment.discussion_id for comment in scene.own) == sorted(
            question.discussion_id for question in questions
        )

    play(path, story)


def test_s2_the_same_words_by_a_person_are_not_taken_for_our_own(path):
    async def story(scene):
        message = scene.finding()
        words = from_markdown.plain_text(from_markdown.rich_text(message.body))
        scene.world.comment(scene.block(), words, by=scene.ana)
        scene.box.faults.plant(FaultKind.UNAVAILABLE, "POST", "/v1/comments")
        await scene.deliver()
        assert len(scene.own) == 1

    play(path, story)


def test_s2_a_comment_of_our_former_bot_is_our_own(path):
    """The token was rotated to a new connection between the POST and its settling."""

    async def story(scene):
        scene.finding()
        await scene.context.people.bot_id()
        scene.transport.after = lambda request: _die(request.method == "POST")
        assert await scene.deliver_until_killed()
        scene.token = scene.box.add_bot("RFC reviewer, again")
        scene.start()
        await scene.deliver()
        assert len(scene.own) == 1
        assert set(scene.fates.values()) == {"posted"}

    play(path, story)


def test_two_deliveries_at_once_do_not_post_twice(path):
    async def story(scene):
        several(scene)
        scene.box.faults.plant(Fault(FaultKind.SLOW, times=None, wait=1))
        await asyncio.gather(scene.deliver(), scene.deliver(), scene.deliver(scene.page.id))
        assert_once(scene, sorted(scene.texts))
        assert len(scene.own) == 5

    play(path, story)


def test_s2_a_server_that_never_saves_is_asked_a_few_times_a_delivery(path):
    async def story(scene):
        scene.finding()
        scene.box.faults.plant(Fault(FaultKind.UNAVAILABLE, "POST", "/v1/comments", times=None))
        await scene.deliver()
        assert scene.sent("POST") == posting.PASSES
        assert set(scene.fates.values()) == {"unclear"}

    play(path, story)


# What changed between the review and its delivery


def test_a_message_without_an_answer_is_sent_after_growing_waits_and_then_parked(path):
    async def story(scene):
        lost, other = scene.finding(0), scene.finding(1, "Why **ten**?")
        scene.world.refuse(scene.block(0), Doing.COMMENT, refusal=NO_ANSWER)
        rounds = []
        for minute in range(26 * 60 // 5):
            before = scene.sent()
            await scene.deliver()
            if scene.sent() > before:
                rounds.append(minute * 5)
            await asyncio.sleep(300)
        assert scene.fates == {lost.key: "unclear", other.key: "posted"}
        waits = [b - a for a, b in itertools.pairwise(rounds)]
        assert waits == sorted(waits)
        assert (waits[0], waits[-1], len(rounds)) == (5, 6 * 60, PARKED_AFTER)
        [row] = [one for one in outbox.undelivered(scene.state) if one.key == lost.key]
        assert f"not sent again before notion-review retry {scene.page.id}" in row.note
        scene.world.allow(scene.block(0))
        await scene.deliver()
        assert scene.fates[lost.key] == "unclear"
        assert outbox.try_again(scene.state, scene.page.id)
        await scene.deliver()
        assert scene.fates[lost.key] == "posted"

    play(path, story)


def test_an_edit_without_an_answer_holds_up_no_other_message_of_its_page(path):
    async def story(scene):
        scene.finding(0)
        await scene.deliver()
        scene.edit(scene.own[0].id, "✓ Mended.")
        later = scene.finding(1, "Why **ten**?", created_at=scene.box.clock() + timedelta(hours=1))
        scene.world.refuse(scene.block(0), Doing.CHANGE_COMMENT, refusal=NO_ANSWER)
        with pytest.raises(Unavailable):
            await scene.deliver()
        assert scene.fates[later.key] == "posted"

    play(path, story)


def test_an_edit_without_an_answer_is_not_made_after_a_newer_one(path):
    async def story(scene):
        scene.summary("Name an owner.")
        await scene.deliver()
        scene.edit(scene.own[0].id, "Name two owners.")
        refused = scene.world.state.pages[scene.page.id]
        scene.world.refuse(refused, Doing.CHANGE_COMMENT, refusal=NO_ANSWER)
        for _ in range(TRIES_AT_ONCE):
            with pytest.raises(Unavailable):
                await scene.deliver()
        scene.world.allow(refused)
        scene.edit(scene.own[0].id, "All is said.", created_at=scene.box.clock() + HOUR)
        await scene.deliver()
        await asyncio.sleep(3600)
        await scene.deliver()
        assert scene.texts == ["All is said."]
        assert "unclear" not in scene.fates.values()

    play(path, story)


def test_an_unchanged_page_costs_one_request_besides_the_posts(path):
    async def story(scene):
        scene.finding(0)
        scene.finding(1)
        await scene.deliver()
        assert scene.sent("POST") == 2
        assert len(scene.box.requests.log) == 3

    play(path, story)


def test_a_finding_whose_block_is_gone_is_stale_and_posted_nowhere(path):
    async def story(scene):
        scene.finding(0)
        scene.finding(1)
        scene.world.delete_block(scene.block(0))
        await scene.deliver()
        assert len(scene.own) == 1
        assert sorted(scene.fates.values()) == ["dropped", "posted"]
        states = [one.state for one in findings.of_page(scene.state, scene.page.id)]
        assert states == [FindingState.STALE, FindingState.OPEN]

    play(path, story)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("We need queues, and later.", True),
        ("**We need** queues, and soon.", True),
        ("So: we  need QUEUES", True),
        ("We need caches, and soon.", False),
        ("We needed queues, and soon.", False),
        ("", False),
    ],
)
def test_h5_a_quote_is_looked_for_again_in_an_edited_page(path, text, stands):
    async def story(scene):
        scene.finding(0, quote="We need queues")
        scene.world.edit_block(scene.block(0), text)
        await scene.deliver()
        assert len(scene.own) == stands

    play(path, story)


def test_h5_a_number_that_changed_in_a_long_quote_is_not_overlooked(path):
    async def story(scene):
        words = "Ten workers read the queue of orders, and each of them waits for 10 seconds"
        block = scene.world.add_block(scene.page.id, blocks.paragraph(words))
        scene.finding(block=block, quote=words)
        scene.world.edit_block(block, words.replace("10 seconds", "30 seconds"))
        await scene.deliver()
        assert scene.own == []

    play(path, story)


def test_h5_an_edit_in_the_minute_of_the_reading_is_not_overlooked(path):
    """The page still shows the time that it was read at."""

    async def story(scene):
        scene.world.edit_block(scene.block(1), "Ten workers, then.")
        row = scene.read(scene.page.id, timedelta(seconds=10))
        scene.finding(0)
        scene.world.edit_block(scene.block(0), "Something else.")
        assert scene.world.state.pages[row.id].edited - row.edited < timedelta(minutes=1)
        await scene.deliver()
        assert scene.own == []

    play(path, story)


def test_h5_a_finding_of_an_earlier_review_is_looked_for_though_the_page_was_read_since(path):
    async def story(scene):
        scene.finding(0)
        scene.world.edit_block(scene.block(0), "Something else.")
        scene.read(scene.page.id)
        await scene.deliver()
        assert scene.own == []

    play(path, story)


@pytest.mark.parametrize(("text", "stands"), [("Something else.", False), (TEXTS[0], True)])
def test_h5_a_finding_that_had_to_wait_is_looked_at_again(path, text, stands):
    """Notion asks for a minute's pause, and in that minute somebody edits the block."""

    async def story(scene):
        scene.finding(0)
        scene.box.faults.plant(Fault(FaultKind.RATE_LIMITED, "POST", wait=60))
        delivery = asyncio.create_task(scene.deliver())
        await asyncio.sleep(30)
        scene.world.edit_block(scene.block(0), text)
        await delivery
        assert len(scene.own) == stands
        assert scene.sent("POST") == 1 + stands

    play(path, story)


def test_h5_a_reading_that_lagged_behind_does_not_vouch_for_the_page(path):
    """It came long after an edit that it did not show."""

    async def story(scene):
        row = pages.page(scene.state, scene.page.id)
        scene.world.edit_block(scene.block(0), "Something else.")
        scene.read(scene.page.id)
        behind = {"read_at": scene.box.clock(), "edited": row.edited}
        pages.save(scene.state, [replace(row, **behind)])
        scene.finding(0)
        await scene.deliver()
        assert scene.own == []

    play(path, story)


def test_h5_a_block_that_is_shown_out_of_the_trash_is_gone(path):
    async def story(scene):
        scene.finding(0)
        scene.world.edit_block(scene.block(1), "So that blocks are looked at again.")
        inner = scene.transport.handle_async_request

        async def answer(request):
            answered = await inner(request)
            if request.url.path.startswith("/v1/blocks/"):
                return httpx.Response(200, json=json.loads(await answered.aread()) | trashed)
            return answered

        trashed = {"in_trash": True}
        scene.transport.handle_async_request = answer
        await scene.deliver()
        assert scene.own == []

    play(path, story)


@pytest.mark.parametrize("end", ["resolve", "delete_comment"])
def test_f3_a_reply_to_a_thread_that_people_closed_is_dropped(path, end):
    async def story(scene):
        question = scene.question()
        scene.reply(question)
        getattr(scene.world, end)(question)
        await scene.deliver()
        assert (scene.own, set(scene.fates.values())) == ([], {"dropped"})

    play(path, story)


@pytest.mark.parametrize("saved", [True, False])
def test_f3_an_unclear_reply_to_a_thread_that_was_resolved_is_not_sent_again(path, saved):
    async def story(scene):
        question = scene.question()
        scene.reply(question)
        kind = FaultKind.SAVED if saved else FaultKind.UNAVAILABLE
        scene.box.faults.plant(kind, "POST", "/v1/comments")
        scene.transport.after = lambda request: (
            scene.world.resolve(question) if request.method == "POST" else None
        )
        await scene.deliver()
        assert scene.sent("POST") == 1
        assert len(scene.own) == saved
        assert set(scene.fates.values()) == {"dropped"}

    play(path, story)


def all_kinds(scene):
    """A message of each kind; the summary that is edited stands already."""

    async def begin():
        scene.summary("First.")
        await scene.deliver()
        scene.reply(scene.question())
        scene.finding()
        scene.edit(scene.own[0].id, "Second.")

    return begin()


@pytest.mark.parametrize("gone", ["trash", "unshare"])
@pytest.mark.parametrize("known", [True, False])
def test_c10_messages_for_a_page_that_is_away_wait_for_its_return(path, gone, known):
    back = {"trash": "restore", "unshare": "share"}[gone]

    async def story(scene):
        await all_kinds(scene)
        if known:  # else it goes between the look at the page and the posting
            getattr(scene.world, gone)(scene.page.id)
        else:
            scene.transport.after = lambda request: (
                getattr(scene.world, gone)(scene.page.id) if "/pages/" in str(request.url) else None
            )
        await scene.deliver()
        await scene.deliver()
        waiting = [fate for fate in scene.fates.values() if fate == "intent"]
        assert len(waiting) >= 2
        assert "dropped" not in scene.fates.values()
        scene.transport.after = lambda _: None
        getattr(scene.world, back)(scene.page.id)
        await scene.deliver()
        assert set(scene.fates.values()) == {"posted"}
        assert sorted(scene.texts) == sorted(set(scene.texts))
        assert len(scene.own) == 3

    play(path, story)


@pytest.mark.parametrize("gone", ["trash", "unshare"])
def test_c10_a_page_that_is_away_for_any_one_request_loses_no_message(tmp_path, gone):
    """Whatever is asked meanwhile, and though the page is back when it is asked for itself."""
    back, asked = {"trash": "restore", "unshare": "share"}[gone], []

    async def story(scene, away):
        await all_kinds(scene)
        requests = itertools.count(1)

        def after(_):
            if (number := next(requests)) in (away, away + 1):
                getattr(scene.world, gone if number == away else back)(scene.page.id)

        scene.transport.after = after
        for _ in range(3):
            await scene.deliver()
        assert set(scene.fates.values()) == {"posted"}
        assert sorted(scene.texts) == sorted(set(scene.texts))
        assert len(scene.own) == 3
        asked.append(next(requests))

    for away in itertools.count(1):
        play(tmp_path / f"{away}.db", partial(story, away=away))
        if away > asked[-1]:
            break
    assert away > 5


LETTERS = {
    "finding": lambda scene: scene.finding(),
    "summary": lambda scene: scene.summary(),
    "reply": lambda scene: scene.reply(scene.question()),
}


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("gone", ["trash", "unshare"])
@pytest.mark.parametrize("write", LETTERS.values(), ids=LETTERS)
def test_c10_what_is_unclear_when_its_page_goes_is_settled_at_its_return(path, write, gone, saved):
    back = {"trash": "restore", "unshare": "share"}[gone]

    async def story(scene):
        write(scene)
        kind = FaultKind.SAVED if saved else FaultKind.UNAVAILABLE
        scene.box.faults.plant(kind, "POST", "/v1/comments")
        scene.transport.after = lambda request: (
            getattr(scene.world, gone)(scene.page.id) if request.method == "POST" else None
        )
        await scene.deliver()
        await scene.deliver()
        assert "dropped" not in scene.fates.values()
        scene.transport.after = lambda _: None
        getattr(scene.world, back)(scene.page.id)
        await scene.deliver()
        assert set(scene.fates.values()) == {"posted"}
        assert len(scene.own) == 1

    play(path, story)


def test_messages_for_a_page_that_never_returns_are_given_up_with_the_trash(path):
    async def story(scene):
        scene.finding()
        scene.summary()
        scene.world.trash(scene.page.id)
        scene.box.clock.advance(posting.LONGEST_ABSENCE)
        await scene.deliver()
        assert set(scene.fates.values()) == {"intent"}
        assert len(scene.box.requests.log) == 1
        scene.box.clock.advance(timedelta(hours=2))
        await scene.deliver()
        assert set(scene.fates.values()) == {"dropped"}
        asked = len(scene.box.requests.log)
        await scene.deliver()
        assert len(scene.box.requests.log) == asked

    play(path, story)


def test_what_was_posted_before_its_page_went_is_not_given_up(path):
    async def story(scene):
        long_ago = scene.box.clock() - posting.LONGEST_ABSENCE - timedelta(days=1)
        scene.finding(0, created_at=long_ago)
        scene.finding(1, created_at=long_ago)
        scene.transport.after = lambda request: (
            scene.world.trash(scene.page.id) if request.method == "POST" else None
        )
        await scene.deliver()
        assert sorted(scene.fates.values()) == ["dropped", "posted"]

    play(path, story)


# Refusals


def test_a14_without_the_right_to_comment_messages_wait(path):
    async def story(scene):
        await all_kinds(scene)
        scene.token = scene.box.add_bot("Mute", insert_comments=False)
        scene.start()
        with pytest.raises(Forbidden):
            await scene.deliver()
        assert sorted(scene.fates.values()) == ["intent", "intent", "intent", "posted"]
        assert len(scene.own) == 1

    play(path, story)


def test_i1_a_page_that_refuses_comments_does_not_stop_the_others(path):
    async def story(scene):
        other = scene.add_page("Caches")
        scene.finding(page=scene.page)
        scene.summary("there", page=other)

        inner = scene.transport.handle_async_request

        async def answer(request):
            if request.method == "POST" and scene.block(0).id in request.content.decode():
                told = {"object": "error", "code": "restricted_resource", "message": "no"}
                return httpx.Response(403, json=told)
            return await inner(request)

        scene.transport.handle_async_request = answer
        with pytest.raises(Forbidden):
            await scene.deliver()
        assert scene.texts == ["there"]
        assert sorted(scene.fates.values()) == ["intent", "posted"]

    play(path, story)


def test_a14_without_the_right_to_read_comments_each_is_still_posted_once(path):
    """Then only its id comes back, and what is unclear cannot be settled: it is not sent again."""

    async def story(scene):
        scene.token = scene.box.add_bot("Deaf", read_comments=False)
        scene.start()
        scene.finding(0)
        scene.finding(1)
        scene.box.faults.plant(FaultKind.SAVED, "POST", "/v1/comments")
        await scene.deliver()
        assert len(scene.own) == 2
        assert sorted(scene.fates.values()) == ["posted", "unclear"]
        await scene.deliver()
        assert len(scene.own) == 2
        scene.token = scene.box.token
        scene.start()
        await scene.deliver()
        assert len(scene.own) == 2
        assert set(scene.fates.values()) == {"posted"}

    play(path, story)


def test_i3_a_refused_token_stops_the_delivery_at_once(path):
    async def story(scene):
        scene.summary("here")
        scene.summary("there", page=scene.add_page("Caches"))
        scene.token = "ntn_revoked"
        scene.start()
        with pytest.raises(TokenRefused):
            await scene.deliver()
        assert len(scene.box.requests.log) == 1
        assert set(scene.fates.values()) == {"intent"}

    play(path, story)


def test_a_server_that_is_away_stops_the_delivery_and_messages_wait(path):
    async def story(scene):
        asked = [scene.finding(page=scene.add_page(f"RFC {number}")) for number in range(5)]
        scene.box.faults.plant(Fault(FaultKind.BAD_GATEWAY, "GET", times=None))
        scene.box.requests.reset()
        with pytest.raises(Unavailable):
            await scene.deliver()
        assert set(scene.fates.values()) == {"intent"}
        paths = {entry.path for entry in scene.box.requests.log}
        assert sum(f"/v1/pages/{one.page_id}" in paths for one in asked) == NOTION_IS_DOWN

    play(path, story)


def test_a_message_that_notion_never_takes_is_dropped_with_its_reason(path):
    async def story(scene):
        divider = scene.world.add_block(scene.page.id, blocks.divider())
        scene.read(scene.page.id)
        refused = scene.finding(block=divider)
        scene.summary()
        await scene.deliver()
        assert sorted(scene.fates.values()) == ["dropped", "posted"]
        ((_, facts),) = [told for told in scene.told if told[0] == "comment.dropped"]
        assert "not supported on blocks of type divider" in facts["why"]
        assert findings.get(scene.state, refused.finding_id) is not None

    play(path, story)


# Summaries


def test_a_summary_is_edited_in_place_and_twice_is_once(path):
    async def story(scene):
        scene.summary("First.")
        await scene.deliver()
        scene.edit(scene.own[0].id, "Second.")
        scene.box.faults.plant(FaultKind.DROP_SAVED, "PATCH")
        await scene.deliver()
        assert scene.texts == ["Second."]
        assert outbox.summaries(scene.state, scene.page.id)[0][1] == "Second."

    play(path, story)


def test_an_edit_whose_process_died_is_sent_again_without_a_look(path):
    async def story(scene):
        scene.summary("First.")
        await scene.deliver()
        scene.edit(scene.own[0].id, "Second.")
        scene.transport.after = lambda request: _die(request.method == "PATCH")
        assert await scene.deliver_until_killed()
        await scene.deliver()
        assert scene.texts == ["Second."]
        assert (scene.sent("PATCH", "/v1/comments/{comment_id}"), scene.sent("GET")) == (2, 0)

    play(path, story)


def test_a_summary_that_people_deleted_does_not_come_back(path):
    async def story(scene):
        scene.summary("First.")
        await scene.deliver()
        scene.edit(scene.own[0].id, "Second.")
        scene.world.delete_comment(scene.own[0])
        await scene.deliver()
        assert scene.own == []
        assert sorted(scene.fates.values()) == ["dropped", "posted"]

    play(path, story)


def test_a_summary_that_waited_gives_way_to_a_newer_one(path):
    async def story(scene):
        scene.summary("First.")
        scene.summary("Second.", created_at=scene.box.clock() + timedelta(hours=1))
        await scene.deliver()
        assert scene.texts == ["Second."]
        assert sorted(scene.fates.values()) == ["dropped", "posted"]

    play(path, story)


@pytest.mark.parametrize("fault", [FaultKind.DROP_SAVED, FaultKind.DROP])
def test_a_summary_that_may_have_been_saved_is_looked_for_before_a_newer_one_replaces_it(
    path, fault
):
    """If it were dropped without a look, a saved one would stand there as nobody's comment."""

    def die_at_the_look(request):
        if (request.method, request.url.path) == ("GET", "/v1/comments"):
            raise Killed

    async def story(scene):
        first = scene.summary("First.")
        scene.box.faults.plant(fault, "POST", "/v1/comments")
        scene.transport.before = die_at_the_look
        assert await scene.deliver_until_killed()
        assert scene.fates == {first.key: "unclear"}
        second = scene.summary("Second.", created_at=scene.box.clock() + timedelta(hours=1))
        await scene.deliver()
        assert scene.fates == {first.key: "posted", second.key: "posted"}
        assert scene.texts == ["First.", "Second."]

    play(path, story)


def test_of_two_waiting_edits_the_newer_one_stands(path):
    async def story(scene):
        scene.summary("First.")
        await scene.deliver()
        scene.edit(scene.own[0].id, "Second.")
        scene.edit(scene.own[0].id, "Third.", created_at=scene.box.clock() + timedelta(hours=1))
        await scene.deliver()
        assert scene.texts == ["Third."]

    play(path, story)


# A dry run


def test_a_preview_prints_each_message_and_sends_nothing(path, capsys):
    async def story(scene):
        several(scene)
        await preview(scene.context)
        assert not scene.box.requests.log
        assert outbox.undelivered(scene.state) == []

    play(path, story)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["kind"] for line in lines] == ["reply", "finding", "finding", "finding", "summary"]
    assert {line["reviewer"] for line in lines} == {NAME}
    assert TEXTS[0].split()[0] in lines[1]["text"]


def test_a_block_below_others_is_looked_for_up_to_its_page_and_the_way_is_walked_once(path):
    async def story(scene):
        held = scene.block(0)
        inner = [scene.world.add_block(held.id, blocks.paragraph(text)) for text in TEXTS[1:]]
        for block, quote in zip(inner, ("Ten workers", "Nobody watches"), strict=True):
            scene.finding(block=block, quote=quote)
        scene.context.readings.whole.clear()
        await scene.deliver()
        assert len(scene.own) == 2
        assert scene.sent("GET", "/v1/blocks/{block_id}") == 3

    play(path, story)


def test_a_look_that_notion_was_slow_to_answer_is_taken_again(path):
    """It shows the page as it was when it was asked for; the words have changed since."""

    async def story(scene):
        scene.finding(0, "What then?")
        scene.box.faults.plant(Fault(FaultKind.SLOW_SAVED, "GET", "/v1/pages/*", wait=20))
        edit = partial(scene.world.edit_block, scene.block(0), "Something else.")
        asyncio.get_running_loop().call_later(10, edit)
        await scene.deliver()
        assert scene.own == []
        assert set(scene.fates.values()) == {"dropped"}

    play(path, story)


def away(scene, thing):
    """Move the page, or the first two blocks, to where nobody is reviewed."""
    if thing == "the page":
        scene.world.move_page(scene.page.id, None)
        return {scene.page.id, *(scene.block(number).id for number in range(len(TEXTS)))}
    elsewhere = scene.world.page(None, "Mine")
    moved = [scene.block(0), scene.block(1)]
    for block in moved:
        scene.world.move_block(block, to=elsewhere)
    return {block.id for block in moved}


@pytest.mark.parametrize("thing", ["the page", "two blocks"])
def test_after_a_move_at_any_request_nothing_is_sent_to_where_it_went(tmp_path, thing):
    """But for what was looked at in the seconds before it."""

    def story(step):
        async def told(scene):
            several(scene)
            time, left = asyncio.get_running_loop().time, iter(range(step))
            moved, late = [], []

            def look(request):
                if next(left, None) is None and not moved:
                    moved.append((time(), away(scene, thing)))
                if moved and request.method == "POST":
                    since, places = moved[0]
                    said = json.loads(request.content)
                    on = (said.get("parent") or {}).get("block_id")
                    if time() - since > posting.FRESH_SECONDS and (
                        thing == "the page" or on in places
                    ):
                        late.append(said)

            scene.transport.before = look
            scene.box.faults.plant(Fault(FaultKind.SLOW, times=None, wait=3))
            await scene.deliver()
            scene.box.faults.clear()
            await scene.deliver()
            assert late == []
            assert set(scene.fates.values()) <= {"posted", "dropped"}
            return bool(moved)

        return told

    struck = itertools.takewhile(
        bool, (play(tmp_path / f"{step}.db", story(step)) for step in range(60))
    )
    assert len(list(struck)) >= 6


def test_on_a_paused_page_only_answers_to_words_are_sent(path):
    async def story(scene):
        several(scene)
        scene.reply(scene.question(), "Paused.", key="word:1")
        # The operator's machine may be an hour behind Notion.
        pages.pause(scene.state, scene.page.id, scene.box.clock() - HOUR)
        other = scene.add_page("Elsewhere")
        scene.finding(page=other)
        await scene.deliver()
        assert scene.texts[0] == "Paused."
        assert len(scene.texts) == 2
        pages.resume(scene.state, scene.page.id)
        await scene.deliver()
        assert len(scene.texts) == 7
        assert set(scene.fates.values()) == {"posted"}

    play(path, story)


def test_a_paused_page_that_is_asked_for_by_name_gets_its_messages(path):
    async def story(scene):
        scene.summary()
        pages.pause(scene.state, scene.page.id, scene.box.clock())
        await scene.deliver(scene.page.id)
        assert scene.texts == []
        scene.context.tally.by_name = scene.page.id
        await scene.deliver(scene.page.id)
        assert scene.texts == ["Name an owner."]

    play(path, story)


def test_a_message_that_another_process_dropped_meanwhile_keeps_its_reason(path):
    async def story(scene):
        message = scene.finding()
        outbox.set_state(scene.state, message.key, DeliveryState.DROPPED, "retracted")
        for state in (DeliveryState.DROPPED, DeliveryState.UNCLEAR, DeliveryState.INTENT):
            outbox.set_state(scene.state, message.key, state, "the text is gone")
        [row] = outbox.messages_of(scene.state, page_id=scene.page.id)
        assert (row.state, row.note) == (DeliveryState.DROPPED, "retracted")

    play(path, story)
