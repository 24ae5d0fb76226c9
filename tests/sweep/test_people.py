"""S3 and F1: who is who, by ids and never by a shown name; users are looked up once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from daemon.domain.values import AuthorKind
from daemon.sandbox.faults import Fault, FaultKind
from daemon.sweep.people import LOOK_UP_SECONDS, REST, People
from support.scene import play


USER = "/v1/users/{user_id}"
ME = "/v1/users/me"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notion-review.db"


def comment(by, shown="user", name="Ana Costa", comment_id="comment-1"):
    """A comment as Notion lists it."""
    return {
        "id": comment_id,
        "created_by": {"object": "user", "id": by},
        "display_name": {"type": shown, "resolved_name": name},
    }


async def judged(scene, *comments):
    """Judge comments of the scene's page, as one sweep does."""
    authors = await scene.context.people.on_page(scene.page.id)
    return [await authors(one) for one in comments]


async def kinds(scene, *comments):
    return [author.kind for author in await judged(scene, *comments)]


def looked_up(scene):
    return scene.sent("GET", USER)


# Ourselves


def test_f1_what_our_bot_wrote_is_our_own_whatever_name_it_shows(path):
    async def story(scene):
        bot = scene.box.bot.id
        shown = [comment(bot, kind, "Ana Costa") for kind in ("user", "custom", "integration")]
        assert await kinds(scene, *shown) == [AuthorKind.OWN] * 3
        assert looked_up(scene) == 0

    play(path, story)


def test_f1_a_comment_that_we_stored_is_our_own_whoever_made_it(path):
    """A personal access token comments as its person."""

    async def story(scene):
        scene.summary()
        await scene.deliver()
        posted = scene.own[0].id
        mine, hers = comment(scene.ana.id, comment_id=posted), comment(scene.ana.id)
        assert await kinds(scene, mine, hers) == [AuthorKind.OWN, AuthorKind.PERSON]

    play(path, story)


def test_f1_after_a_new_token_the_former_bot_is_still_ourselves(path):
    async def story(scene):
        former = scene.box.bot.id
        await scene.context.people.bot_id()
        scene.token = scene.box.add_bot("RFC reviewer, again")
        scene.start()
        assert await kinds(scene, comment(former, "integration")) == [AuthorKind.OWN]
        current = await scene.context.people.bot_id()
        assert await scene.context.people.own_ids() == {former, current}

    play(path, story)


def test_our_own_id_is_asked_for_once_for_each_token(path):
    async def story(scene):
        people = scene.context.people
        scene.box.faults.plant(Fault(FaultKind.SLOW, "GET", wait=1))
        await asyncio.gather(*(people.on_page(scene.page.id) for _ in range(5)))
        assert scene.sent("GET", ME) == 1
        scene.start()
        await scene.context.people.bot_id()
        assert scene.sent("GET", ME) == 1

    play(path, story)


def test_s3_the_token_is_not_in_the_state(path):
    async def story(scene):
        await judged(scene, comment(scene.ana.id))
        scene.state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert scene.token.encode() not in path.read_bytes()

    play(path, story)


# Others


@pytest.mark.parametrize("shown", ["integration", "custom"])
def test_f1_another_connection_is_a_bot_whatever_name_it_shows(path, shown):
    async def story(scene):
        author = comment(scene.ana.id, shown, "Ana Costa")
        assert await kinds(scene, author) == [AuthorKind.BOT]
        assert looked_up(scene) == 0

    play(path, story)


def test_f1_a_bot_that_shows_the_name_of_a_user_is_still_a_bot(path):
    async def story(scene):
        scene.box.add_bot("Helper")
        helper = next(bot for bot in scene.world.state.bots.values() if bot.name == "Helper")
        assert await kinds(scene, comment(helper.id, "user", "Ana Costa")) == [AuthorKind.BOT]

    play(path, story)


def test_a_person_is_a_person_and_called_as_the_comment_shows(path):
    async def story(scene):
        (author,) = await judged(scene, comment(scene.ana.id, name="Ana C."))
        assert (author.id, author.name, author.kind) == (scene.ana.id, "Ana C.", AuthorKind.PERSON)

    play(path, story)


@pytest.mark.parametrize("shown", [None, "", "ana.costa@example.com"])
def test_a20_a_person_is_never_called_by_an_address(path, shown):
    async def story(scene):
        (author,) = await judged(scene, comment(scene.ana.id, name=shown))
        assert author.name == "Ana Costa"

    play(path, story)


def test_a_comment_without_an_author_is_nobodys(path):
    async def story(scene):
        assert await kinds(scene, {"id": "comment-1"}) == [AuthorKind.UNKNOWN]
        assert [entry.template for entry in scene.box.requests.log] == [ME]

    play(path, story)


# Looking up


def test_a_user_is_looked_up_once_and_kept(path):
    async def story(scene):
        ben = scene.world.person("Ben Ode")
        for _ in range(3):
            await kinds(scene, comment(scene.ana.id), comment(ben.id, comment_id="comment-2"))
        assert looked_up(scene) == 2
        scene.start()
        await kinds(scene, comment(scene.ana.id), comment(ben.id, comment_id="comment-2"))
        assert looked_up(scene) == 2

    play(path, story)


def test_a_user_that_many_pages_ask_for_at_once_is_looked_up_once(path):
    async def story(scene):
        scene.box.faults.plant(Fault(FaultKind.SLOW, "GET", times=None, wait=1))
        found = await asyncio.gather(*(kinds(scene, comment(scene.ana.id)) for _ in range(6)))
        assert found == [[AuthorKind.PERSON]] * 6
        assert looked_up(scene) == 1

    play(path, story)


def test_i1_a_page_that_gives_up_does_not_take_along_who_waits_for_the_same_user(path):
    async def story(scene):
        await scene.context.people.bot_id()
        scene.box.faults.plant(Fault(FaultKind.SLOW, "GET", times=None, wait=2))
        first = asyncio.create_task(kinds(scene, comment(scene.ana.id)))
        second = asyncio.create_task(kinds(scene, comment(scene.ana.id)))
        await asyncio.sleep(1)
        first.cancel()
        assert await second == [AuthorKind.PERSON]

    play(path, story)


def test_the_author_of_a_comment_that_was_decided_on_is_not_looked_up(path):
    async def story(scene):
        scene.state.execute(
            "INSERT INTO comments VALUES ('comment-1', ?, 'thread', 'person',"
            " '2026-11-20T12:00:00Z', 'seen', '', '')",
            [scene.page.id],
        )
        assert await kinds(scene, comment(scene.ana.id)) == [AuthorKind.PERSON]
        assert looked_up(scene) == 0

    play(path, story)


@pytest.mark.parametrize("why", ["no capability", "not in the workspace"])
def test_a_user_that_notion_does_not_tell_is_what_the_comment_says(path, why):
    async def story(scene):
        user = scene.ana.id
        if why == "no capability":
            scene.token = scene.box.add_bot("Blind", users=False)
            scene.start()
        else:
            user = "00000000-0000-4000-8000-000000000000"
        for _ in range(3):
            (author,) = await judged(scene, comment(user, name="A Guest"))
            assert (author.name, author.kind) == ("A Guest", AuthorKind.PERSON)
        assert looked_up(scene) == 1
        (nameless,) = await judged(scene, comment(user, shown="", name="A Guest"))
        assert (author.is_guess, nameless.is_guess, nameless.kind) == (
            False,
            True,
            AuthorKind.PERSON,
        )

    play(path, story)


def test_what_notion_did_not_tell_is_asked_again_in_the_next_sweep(path):
    """The capability may have been turned on."""

    async def story(scene):
        token = scene.token
        scene.token = scene.box.add_bot("Blind", users=False)
        scene.start()
        await kinds(scene, comment(scene.ana.id))
        scene.token = token
        scene.start()
        assert await kinds(scene, comment(scene.ana.id)) == [AuthorKind.PERSON]
        assert looked_up(scene) == 2

    play(path, story)


def test_f1_while_notion_fails_nobody_is_taken_for_a_person(path):
    """A bot may show the name of a user; who it is stays open until Notion tells."""

    async def story(scene):
        await scene.context.people.bot_id()
        scene.box.faults.plant(Fault(FaultKind.BAD_GATEWAY, "GET", "/v1/users/*", times=None))
        assert await kinds(scene, comment(scene.ana.id)) == [AuthorKind.UNKNOWN]
        scene.box.faults.clear()
        assert await kinds(scene, comment(scene.ana.id)) == [AuthorKind.UNKNOWN]
        await asyncio.sleep(REST.total_seconds() + 1)
        assert await kinds(scene, comment(scene.ana.id)) == [AuthorKind.PERSON]

    play(path, story)


def test_n2_a_look_up_does_not_hold_a_review_up(path):
    async def story(scene):
        await scene.context.people.bot_id()
        scene.box.faults.plant(Fault(FaultKind.SLOW, "GET", "/v1/users/*", times=None, wait=60))
        people = [scene.world.person(f"Person {number}") for number in range(20)]
        began = asyncio.get_running_loop().time()
        found = await kinds(scene, *(comment(one.id, comment_id=one.id) for one in people))
        assert found == [AuthorKind.UNKNOWN] * 20
        assert asyncio.get_running_loop().time() - began <= LOOK_UP_SECONDS

    play(path, story)


def test_who_a_person_is_may_be_asked_late_among_the_requests_of_many_pages(path):
    """Only once it was sent does a look-up take too long."""

    async def story(scene):
        await scene.context.people.bot_id()
        others = [asyncio.create_task(scene.context.notion.me()) for _ in range(200)]
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        assert await kinds(scene, comment(scene.ana.id)) == [AuthorKind.PERSON]
        assert asyncio.get_running_loop().time() - began > LOOK_UP_SECONDS
        await asyncio.gather(*others)

    play(path, story)


def test_a_person_once_known_stays_known_while_notion_fails(path):
    async def story(scene):
        await kinds(scene, comment(scene.ana.id))
        scene.box.faults.plant(Fault(FaultKind.BAD_GATEWAY, "GET", "/v1/users/*", times=None))
        scene.box.clock.advance(timedelta(days=30))
        people = People(scene.state, scene.context.notion, scene.token)
        assert people.remembered(scene.ana.id) == ("Ana Costa", AuthorKind.PERSON)
        assert await people.user(scene.ana.id) == ("Ana Costa", AuthorKind.PERSON)

    play(path, story)
