"""Which comments are answered, obeyed, left or handed over: tables, and what no sequence brings."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from daemon.config import Approve, Limits
from daemon.domain import records
from daemon.domain.change import Change
from daemon.domain.comments import CommentState, Decision
from daemon.domain.findings import FindingState
from daemon.domain.records import (
    PageRow,
    PageState,
    SeenComment,
    SourceRow,
    ThreadRow,
)
from daemon.domain.values import (
    Author,
    AuthorKind,
    Finding,
    Outcome,
    Prompt,
    Reply,
    Review,
    ReviewKind,
    Severity,
    Usage,
)
from daemon.store import findings, outbox, pages, reviews, sweeps
from daemon.store import threads as thread_store
from daemon.store.schema import migrations
from daemon.sweep.context import Session, Tally
from daemon.sweep.conversation import dialogue
from daemon.sweep.conversation.answers import record_replies, store_decisions
from daemon.sweep.conversation.commands import Command
from daemon.sweep.conversation.gate import ClaimCheck
from daemon.sweep.conversation.threads import SortedThreads, ThreadState, sort
from support.review_values import BOT, OWN, PERSON, comment, finding, thread


SEEN, LEFT = CommentState(Decision.SEEN), CommentState(Decision.LEFT, lefts=1)
ANSWERED = CommentState(Decision.ANSWERED, answers=1)
TWICE = CommentState(Decision.ANSWERED, answers=2)
START = datetime(2026, 11, 20, 10, 41, tzinfo=UTC)
LIMIT = 3
UNKNOWN = AuthorKind.UNKNOWN
KNOWN = ThreadState(
    comments={},
    threads={},
    baseline=START - timedelta(days=1),
    setting="any",
    limit=LIMIT,
    reviewer="RFC reviewer",
    own=frozenset({"bot-id"}),
)
OURS = comment("own", "Which?\nWe need queues.", OWN)


def decided(*comments: Any, known: ThreadState = KNOWN, on: str | None = "block") -> SortedThreads:
    return sort([thread("T", on, *comments)], known)


def waiting(found: SortedThreads) -> list[str]:
    return [one.id for each in found.threads for one in each.waiting]


@pytest.mark.parametrize(
    ("text", "state", "dismissed"),
    [
        ("No", SEEN, True),
        ("won't do", SEEN, True),
        ("Not needed, the guide names it.", SEEN, True),
        ("thanks", SEEN, False),
        ("done", SEEN, False),
        ("No, because of what?", None, False),
        ("I changed it, see section 3", None, False),
        ("Which queue?", None, False),
    ],
)
def test_a_no_in_a_findings_thread_settles_it_and_an_acknowledgement_does_not(
    text: str, state: str | None, *, dismissed: bool
) -> None:
    found = decided(
        OURS,
        comment("c", text),
        known=replace(KNOWN, raised={"T": finding("block", "words", "Who?")}),
    )
    assert found.states.get("c") == state
    assert ("T" in found.dismissed) is dismissed
    assert waiting(found) == ([] if state else ["c"])


def test_a_no_that_answers_a_question_of_ours_is_an_answer() -> None:
    raised, claims = {"T": finding("block", "words", "Who?")}, {"T": ClaimCheck.FOR_MODEL}
    known, no = replace(KNOWN, raised=raised, claims=claims), comment("c", "No.")
    for asked in ("Is there a way back?", "Is there one (“a way back?”)", "Why so\u061f"):
        question = comment("own", f"We need queues. {asked}", OWN)
        for said in ((question,), (OURS, comment("d", "Hm.", BOT), question)):
            assert (decided(*said, no, known=known).dismissed, waiting(decided(*said, no))) == (
                {},
                ["c"],
            )
        assert [*decided(question, OURS, no, known=known).dismissed] == ["T"]


def test_a_no_to_a_colleague_counts_for_the_point_where_a_person_turned_it_down_before() -> None:
    said = (OURS, comment("a", "Do we need it?", name="Ben"), comment("b", "No, not at all."))
    known = replace(KNOWN, raised={"T": finding("block", "words", "Who?")})
    assert decided(*said, known=known).dismissed == {}
    again = replace(known, turned_down=frozenset({"T"}))
    assert list(decided(*said, known=again).dismissed) == ["T"]


def test_a_bare_no_in_another_thread_is_left_and_one_with_a_reason_is_not() -> None:
    assert waiting(decided(comment("a", "No."), comment("b", "No, two regions are planned."))) == [
        "b"
    ]
    assert decided(comment("a", "No.")).dismissed == {}


def test_a_second_claim_in_a_findings_thread_is_left() -> None:
    claim = SeenComment("c", START, ANSWERED, "T", "I fixed it now")
    known = replace(KNOWN, raised={"T": finding("block", "words", "Who?")}, comments={"c": claim})
    assert waiting(decided(OURS, comment("d", "Now I really changed it."), known=known)) == []
    assert waiting(decided(OURS, comment("d", "Is it right now?"), known=known)) == ["d"]
    left = replace(known, comments={"c": replace(claim, state=LEFT)})
    assert waiting(decided(OURS, comment("d", "Now I really changed it."), known=left)) == ["d"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("pause", Command.PAUSE),
        ("Pause.", Command.PAUSE),
        ("  RESUME! ", Command.RESUME),
        ("Review  again", Command.REVIEW_AGAIN),
        ("why?", Command.WHY),
        ("RFC reviewer, pause", Command.PAUSE),
        ("@RFC reviewer: why?", Command.WHY),
        ("rfc  reviewer — review again", Command.REVIEW_AGAIN),
        ("pause, RFC reviewer", Command.PAUSE),
        ("why not?", None),
        ("review", None),
        ("stop", None),
    ],
)
def test_the_forms_of_a_word_to_the_reviewer(text: str, word: Command | None) -> None:
    found = decided(OURS, comment("c", text))
    assert [one.word for one in found.commands] == ([word] if word else [])
    assert waiting(found) == ([] if word else ["c"])


@pytest.mark.parametrize("text", ["please pause", "Stop commenting!", "pausiere bitte"])
def test_what_is_asked_for_in_other_words_changes_nothing_and_is_answered(text: str) -> None:
    found = decided(OURS, comment("c", text), comment("d", "Which queue?", minutes=1))
    [said] = found.commands
    assert (said.word, said.is_hint, said.paused_after) == (Command.PAUSE, True, False)
    assert waiting(found) == ["d"]
    paused = decided(OURS, comment("c", "please resume"), known=replace(KNOWN, paused=True))
    assert [(one.word, one.paused_after) for one in paused.commands] == [(Command.RESUME, True)]


@pytest.mark.parametrize(
    ("kind", "text", "mentions", "carried_out"),
    [
        (PERSON, "pause", {}, False),
        (PERSON, "RFC reviewer pause", {}, True),
        (PERSON, "@Docs bot pause", {"bot-id": "@Docs bot"}, True),
        (PERSON, "@Ana Costa pause", {"ana": "@Ana Costa"}, False),
        (BOT, "RFC reviewer pause", {}, False),
        (OWN, "RFC reviewer pause", {}, False),
        (UNKNOWN, "RFC reviewer pause", {}, False),
    ],
)
def test_in_a_thread_of_others_a_word_has_to_call_the_reviewer(
    kind: AuthorKind, text: str, mentions: dict[str, str], *, carried_out: bool
) -> None:
    said = replace(comment("c", text, kind), mentions=mentions)
    assert bool(decided(said).commands) is carried_out


def test_an_old_word_is_not_carried_out() -> None:
    assert decided(OURS, comment("c", "pause", minutes=-2000)).commands == ()


def test_while_a_page_is_paused_only_resume_is_heard_and_nothing_is_decided() -> None:
    paused = replace(KNOWN, paused=True, limit=9)
    said = [OURS, *(comment(text, text) for text in ("why?", "review again", "Which?", "thanks"))]
    found = decided(*said, known=paused)
    assert (found.commands, waiting(found), dict(found.states)) == ((), [], {"own": SEEN})
    found = decided(*said, comment("resume", "resume", minutes=1), known=paused)
    assert [one.word for one in found.commands] == [
        Command.WHY,
        Command.REVIEW_AGAIN,
        Command.RESUME,
    ]
    assert waiting(found) == ["Which?"]
    assert found.states["thanks"] == SEEN


def test_words_count_in_the_order_in_which_they_were_said_in_whatever_thread() -> None:
    early, late = comment("r", "resume", minutes=1), comment("p", "pause", minutes=2)
    for threads in (
        [thread("A", "a", OURS, early), thread("B", "b", OURS, late)],
        [thread("B", "b", OURS, late), thread("A", "a", OURS, early)],
    ):
        found = sort(threads, KNOWN)
        assert [(one.word, one.paused) for one in found.commands] == [
            (Command.RESUME, False),
            (Command.PAUSE, False),
        ]
        assert found.commands[-1].paused_after


def test_an_author_that_notion_does_not_tell_is_decided_on_when_it_does() -> None:
    found = decided(comment("c", "Which?", UNKNOWN))
    assert ("c" in found.states, waiting(found)) == (False, [])


@pytest.mark.parametrize("state", [SEEN, ANSWERED, LEFT])
def test_an_edited_comment_comes_up_again_until_it_was_answered_twice(
    state: CommentState,
) -> None:
    edited = comment("c", "Which?", edited=5)
    known = replace(KNOWN, comments={"c": SeenComment("c", START, state, "T", "Who?")})
    assert waiting(decided(edited, known=known)) == ["c"]
    twice = replace(KNOWN, comments={"c": SeenComment("c", START, TWICE, "T", "Who?")})
    assert waiting(decided(edited, known=twice)) == []


@pytest.mark.parametrize(("looked", "comes"), [(1, True), (10, False)])
def test_another_text_counts_as_an_edit_only_after_a_look_in_the_same_minute(
    looked: int, *, comes: bool
) -> None:
    """A mention changes with the name of whom it mentions, and that is no edit."""
    known = replace(
        KNOWN,
        comments={"c": SeenComment("c", START, SEEN, "T", "thanks")},
        looks={"block": START + timedelta(minutes=looked)},
    )
    assert bool(waiting(decided(comment("c", "thanks, but which?"), known=known))) is comes


def test_a_comment_that_the_model_passed_over_comes_up_again() -> None:
    tried = CommentState(Decision.TRIED, tries=2)
    known = replace(KNOWN, comments={"c": SeenComment("c", START, tried, "T", "Which?")})
    assert waiting(decided(comment("c", "Which?"), known=known)) == ["c"]


def test_a_word_at_the_limit_hands_nothing_over_and_a_question_beside_it_does() -> None:
    known = replace(
        KNOWN, threads={"T": ThreadRow("T", "block", LIMIT, handed_over=False, gone_at=None)}
    )
    found = decided(OURS, comment("w", "why?"), known=known)
    assert ([one.word for one in found.commands], found.hand_over) == ([Command.WHY], ())
    found = decided(OURS, comment("w", "why?"), comment("q", "Which?"), known=known)
    assert [one.id for one in found.hand_over] == ["T"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([BOT, OWN, UNKNOWN]), st.text() | st.sampled_from(["pause", "No"])
        )
    ),
    st.booleans(),
)
def test_f1_no_sequence_of_comments_by_bots_is_waited_for_obeyed_or_handed_over(
    said: list[tuple[AuthorKind, str]],
    paused: bool,  # noqa: FBT001 - drawn
) -> None:
    made = [comment(f"c{index}", text, kind) for index, (kind, text) in enumerate(said)]
    known = replace(KNOWN, paused=paused, raised={"T": finding("block", "words", "Who?")})
    found = sort([thread("T", "block", OURS, *made)], known)
    assert (found.commands, found.waiting, found.hand_over) == ((), (), ())
    assert found.dismissed == {}


# A thread over many sweeps, with the real state and everything that is recorded in it.

PAGE, BLOCK = "page", "block"
PROMPT = Prompt("RFC reviewer", "", "test")
TEXTS = (
    *("Which queue?", "No", "pause", "resume", "why?", "review again", "thanks", "I fixed it."),
    *("RFC reviewer, why?", "Ben will look.", "", "👍"),
)


@dataclass
class World:
    """A page's block with one thread; `ours` is how our own comments look when they are listed."""

    ours: AuthorKind
    now: datetime = START
    listed: list[dict[str, Any]] = field(default_factory=list)
    kinds: dict[str, AuthorKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = Database(memory=True)
        migrations.apply(self.state)
        pages.save_source(
            self.state, SourceRow("source", "database", "RFCs", START - timedelta(days=1))
        )
        row = PageRow(PAGE, "source", "Queues", "url", START, PageState.DONE, reviewed_at=START)
        pages.save(self.state, [row])
        thread_store.set_places(self.state, PAGE, [BLOCK], START)
        limits = Limits(replies_per_thread=LIMIT)
        self.context: Any = SimpleNamespace(
            state=self.state,
            notion=self,
            people=SimpleNamespace(on_page=self.on_page),
            config=SimpleNamespace(limits=limits, databases=(), prompts={}),
            emit=lambda *_, **__: None,
            tally=Tally(number=1),
        )
        self.target: Any = SimpleNamespace(
            settings=SimpleNamespace(
                replies=SimpleNamespace(value="any"), approve=Approve.NONE, approve_sample=0.0
            )
        )

    async def on_page(self, _: str) -> Any:
        async def author(raw: dict[str, Any]) -> Author:
            return Author("id", "Name", self.kinds[raw["id"]])

        author.own = frozenset()  # type: ignore[attr-defined]
        return author

    async def block(self, _: str) -> dict[str, Any]:
        return {"in_trash": False}

    async def comments(self, place: str) -> list[dict[str, Any]]:
        return list(self.listed) if place == BLOCK else []

    def say(self, text: str, kind: AuthorKind) -> None:
        self.now += timedelta(minutes=1)
        key = f"c{len(self.listed)}"
        self.kinds[key] = kind
        self.listed.append(self.raw(key, text))

    def raw(self, key: str, text: str) -> dict[str, Any]:
        return {
            "id": key,
            "discussion_id": "T",
            "parent": {"block_id": BLOCK},
            "created_by": {"id": "id"},
            "rich_text": [{"plain_text": text}],
            "created_time": self.now.isoformat(),
            "last_edited_time": self.now.isoformat(),
        }

    def edit(self, index: int, text: str) -> None:
        if self.listed:
            self.now += timedelta(minutes=1)
            old = self.listed[index % len(self.listed)]
            old |= {
                "rich_text": [{"plain_text": text}],
                "last_edited_time": self.now.isoformat(),
            }

    def sweep(self, answer: str) -> None:
        asyncio.run(self._sweep(answer))
        for message in outbox.undelivered(self.state):
            self.say(message.body, self.ours)
            outbox.mark_posted(self.state, message, self.listed[-1]["id"], None, self.now)

    async def _sweep(self, answer: str) -> None:
        self.now += timedelta(minutes=1)
        row = pages.page(self.state, PAGE)
        assert row is not None
        found = await dialogue.read(self.context, self.target, row, [PAGE, BLOCK], PROMPT)
        row = store_decisions(self.context, row, found)
        if not found.sorted.waiting:
            return
        ids = [each.id for each in found.sorted.waiting]
        review = Review(
            outcome=Outcome.DONE,
            findings=(),
            replies=tuple(Reply(id_, "Words.") for id_ in ids) if answer == "reply" else (),
            left=dict.fromkeys(ids, "why") if answer == "leave" else {},
            summary="",
            refusals=(),
            model="m",
            usage=Usage(),
        )
        session = Session(self.target, None, Change(first=False), PROMPT, ())  # type: ignore[arg-type]
        record_replies(self.context, row, session, review, found)

    @property
    def messages(self) -> list[records.OutboxMessage]:
        rows = self.state.execute("SELECT key FROM outbox WHERE kind = 'reply'").fetchall()
        return [row[0] for row in rows]


KINDS = st.sampled_from(list(AuthorKind))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(TEXTS) | st.text(max_size=9), KINDS),
        st.tuples(st.just("edit"), st.integers(0, 40), st.sampled_from(TEXTS)),
        st.tuples(st.just("sweep"), st.sampled_from(["reply", "leave", "pass"])),
    ),
    max_size=40,
)


@given(STEPS, KINDS)
def test_f9_no_sequence_brings_more_than_the_limit_and_one_handing_over(
    steps: list[Any], ours: AuthorKind
) -> None:
    """Whoever our own comments look like: the count is kept in the state, not read off authors.

    A word to the reviewer is acknowledged beyond the limit too, since it was carried out.
    """
    world = World(ours)
    for step in [*steps, ("sweep", "reply"), ("sweep", "reply")]:
        getattr(world, step[0])(*step[1:])
    keys = world.messages
    assert sum(not key.startswith("word:") for key in keys) <= LIMIT + 1
    assert sum(key.startswith("hand over:") for key in keys) <= 1
    answered = Counter(re.sub(r"^word:|^reply:|:\d{4}-.*", "", key) for key in keys)
    assert all(count <= 2 for count in answered.values())


@pytest.mark.parametrize("ours", AuthorKind)
def test_f9_who_goes_on_asking_gets_exactly_the_limit_and_the_handing_over(
    ours: AuthorKind,
) -> None:
    world = World(ours)
    for _ in range(LIMIT * 3):
        world.say("Which queue?", PERSON)
        world.sweep("reply")
    assert len(world.messages) == LIMIT + 1
    assert sum(key.startswith("hand over:") for key in world.messages) == 1


def test_f9_words_to_the_reviewer_are_acknowledged_and_count_for_no_limit() -> None:
    world = World(OWN)
    for _ in range(LIMIT * 2):
        world.say("RFC reviewer, why?", PERSON)
    world.sweep("reply")
    world.sweep("reply")  # now the acknowledgements are listed
    assert len(world.messages) == LIMIT * 2
    for number in range(1, LIMIT + 1):
        world.say(f"Which queue is number {number}?", PERSON)
        world.sweep("reply")
    assert len(world.messages) == LIMIT * 3
    world.say("And why?", PERSON)
    world.say("RFC reviewer, pause", PERSON)
    world.sweep("reply")
    bodies = [row[0] for row in world.state.execute("SELECT body FROM outbox").fetchall()]
    assert sum("I leave it to the people here" in body for body in bodies) == 0
    row = pages.page(world.state, PAGE)
    assert row is not None
    assert row.paused
    world.say("RFC reviewer, resume", PERSON)
    world.sweep("reply")
    bodies = [row[0] for row in world.state.execute("SELECT body FROM outbox").fetchall()]
    assert sum("I leave it to the people here" in body for body in bodies) == 1


def test_a_question_while_paused_is_answered_after_resume_and_once() -> None:
    world = World(OWN)
    world.say("RFC reviewer, pause", PERSON)
    world.say("Which queue?", PERSON)
    world.sweep("reply")
    world.sweep("reply")
    assert len(world.messages) == 1
    world.say("resume", PERSON)
    for _ in range(3):
        world.sweep("reply")
    assert len(world.messages) == 3


def test_a_place_where_somebody_waits_counts_as_looked_at_when_that_is_answered() -> None:
    world = World(OWN)
    world.say("Which queue?", PERSON)

    async def listen() -> None:
        row = pages.page(world.state, PAGE)
        found = await dialogue.read(world.context, world.target, row, [PAGE, BLOCK], PROMPT)
        store_decisions(world.context, row, found)

    asyncio.run(listen())
    looks = thread_store.last_listed(world.state, PAGE)
    assert looks == {PAGE: world.now, BLOCK: START}
    world.sweep("pass")
    assert thread_store.last_listed(world.state, PAGE)[BLOCK] == world.now


def test_a_place_costs_a_request_for_each_hundred_of_its_comments() -> None:
    world = World(OWN)
    for _ in range(150):
        world.say("thanks", PERSON)
    world.sweep("reply")
    places = thread_store.places_to_list(world.state, ["source"], START, 9, known=True)
    assert {one.place: one.requests for one in places} == {PAGE: 1, BLOCK: 2}


def test_review_again_makes_the_page_due_though_its_text_is_the_same() -> None:
    world = World(OWN)
    known = pages.page(world.state, PAGE)
    assert known is not None
    pages.save(world.state, [replace(known, hash="h", prompt="p")])
    world.say("RFC reviewer, review again", PERSON)
    world.sweep("reply")
    row = pages.page(world.state, PAGE)
    assert row is not None
    assert (row.state, row.hash, row.due_at is not None) == (PageState.DUE, None, True)
    [(_, what, who), *_] = sweeps.decisions(world.state, PAGE)
    assert (what, who) == ("review again", "Name")


def test_a_finding_whose_thread_was_never_listed_is_resolved_when_people_close_it_at_once() -> None:
    world = World(OWN)
    review = Review(Outcome.DONE, (), (), {}, "", (), "m", Usage())
    number = reviews.add(
        world.state,
        PAGE,
        review,
        kind=ReviewKind.REVIEW,
        prompt="p",
        content_hash="h",
        sweep_id=None,
        at=START,
    )
    finding = Finding(BLOCK, "queues", "Which?", Severity.MINOR)
    key = findings.add(world.state, number, PAGE, finding, START)
    world.state.execute("UPDATE findings SET discussion_id = 'T' WHERE id = ?", [key])
    world.sweep("reply")
    [stored] = findings.of_page(world.state, PAGE)
    assert stored.state is FindingState.RESOLVED
