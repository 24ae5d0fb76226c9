"""Which comments are answered, obeyed, left or handed over: tables, and what no sequence brings."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from review_values import BOT, OWN, PERSON, comment, thread
from sqlite_utils import Database

from daemon.sweep.conversation import dialogue
from daemon.sweep.conversation.answers import record_replies, settle
from daemon.domain.change import Change
from daemon.config import Limits
from daemon.domain.values import (
    Author,
    AuthorKind,
    Finding,
    Outcome,
    Prompt,
    Reply,
    Review,
    Severity,
    Usage,
)
from daemon.domain.findings import FindingState
from daemon.sweep.reviewing import Session
from daemon.store import findings, sweeps as ledger, pages, reviews
from daemon.store import threads as thread_store
from daemon.store.pages import PageRow, SourceRow, Standing
from daemon.store.schema import migrations
from daemon.store.threads import ANSWERED, LEFT, SEEN, SeenComment, ThreadRow
from daemon.sweep.conversation.threads import Known, Sorted, passed_over, sort
from daemon.sweep.conversation.commands import Word


START = datetime(2026, 11, 20, 10, 41, tzinfo=UTC)
LIMIT = 3
UNKNOWN = AuthorKind.UNKNOWN
KNOWN = Known(
    comments={},
    threads={},
    baseline=START - timedelta(days=1),
    setting="any",
    limit=LIMIT,
    reviewer="RFC reviewer",
    own=frozenset({"bot-id"}),
)
OURS = comment("own", "We need queues.\nWhich?", OWN)


def decided(*comments: Any, known: Known = KNOWN, on: str | None = "block") -> Sorted:
    return sort([thread("T", on, *comments)], known)


def waiting(found: Sorted) -> list[str]:
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
    found = decided(OURS, comment("c", text), known=replace(KNOWN, raised=frozenset({"T"})))
    assert found.states.get("c") == state
    assert ("T" in found.dismissed) is dismissed
    assert waiting(found) == ([] if state else ["c"])


def test_a_bare_no_in_another_thread_is_left_and_one_with_a_reason_is_not() -> None:
    assert waiting(decided(comment("a", "No."), comment("b", "No, two regions are planned."))) == [
        "b"
    ]
    assert decided(comment("a", "No.")).dismissed == frozenset()


def test_a_second_claim_in_a_findings_thread_is_left() -> None:
    claim = SeenComment("c", START, ANSWERED, "T", "I fixed it now")
    known = replace(KNOWN, raised=frozenset({"T"}), comments={"c": claim})
    assert waiting(decided(OURS, comment("d", "Now I really changed it."), known=known)) == []
    assert waiting(decided(OURS, comment("d", "Is it right now?"), known=known)) == ["d"]
    left = replace(known, comments={"c": replace(claim, state=LEFT)})
    assert waiting(decided(OURS, comment("d", "Now I really changed it."), known=left)) == ["d"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("pause", Word.PAUSE),
        ("Pause.", Word.PAUSE),
        ("  RESUME! ", Word.RESUME),
        ("Review  again", Word.REVIEW_AGAIN),
        ("why?", Word.WHY),
        ("RFC reviewer, pause", Word.PAUSE),
        ("@RFC reviewer: why?", Word.WHY),
        ("rfc  reviewer — review again", Word.REVIEW_AGAIN),
        ("pause, RFC reviewer", Word.PAUSE),
        ("please pause", None),
        ("pause for a day", None),
        ("why not?", None),
        ("review", None),
        ("stop", None),
        ("unpause", None),
    ],
)
def test_the_forms_of_a_word_to_the_reviewer(text: str, word: Word | None) -> None:
    found = decided(OURS, comment("c", text))
    assert [one.word for one in found.told] == ([word] if word else [])
    assert waiting(found) == ([] if word else ["c"])


@pytest.mark.parametrize(
    ("kind", "text", "mentions", "heard"),
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
    kind: AuthorKind, text: str, mentions: dict[str, str], *, heard: bool
) -> None:
    said = replace(comment("c", text, kind), mentions=mentions)
    assert bool(decided(said).told) is heard


def test_an_old_word_is_not_carried_out() -> None:
    assert decided(OURS, comment("c", "pause", minutes=-2000)).told == ()


def test_while_a_page_is_paused_only_resume_is_heard_and_nothing_is_decided() -> None:
    paused = replace(KNOWN, paused=True, limit=9)
    said = [OURS, *(comment(text, text) for text in ("why?", "review again", "Which?", "thanks"))]
    found = decided(*said, known=paused)
    assert (found.told, waiting(found), dict(found.states)) == ((), [], {"own": SEEN})
    found = decided(*said, comment("resume", "resume", minutes=1), known=paused)
    assert [one.word for one in found.told] == [Word.WHY, Word.REVIEW_AGAIN, Word.RESUME]
    assert waiting(found) == ["Which?"]
    assert found.states["thanks"] == SEEN


def test_words_count_in_the_order_in_which_they_were_said_in_whatever_thread() -> None:
    early, late = comment("r", "resume", minutes=1), comment("p", "pause", minutes=2)
    for threads in (
        [thread("A", "a", OURS, early), thread("B", "b", OURS, late)],
        [thread("B", "b", OURS, late), thread("A", "a", OURS, early)],
    ):
        found = sort(threads, KNOWN)
        assert [(one.word, one.paused) for one in found.told] == [
            (Word.RESUME, False),
            (Word.PAUSE, False),
        ]
        assert found.told[-1].paused_after


def test_an_author_that_notion_does_not_tell_is_decided_on_when_it_does() -> None:
    found = decided(comment("c", "Which?", UNKNOWN))
    assert ("c" in found.states, waiting(found)) == (False, [])


@pytest.mark.parametrize("state", [SEEN, ANSWERED, LEFT])
def test_an_edited_comment_comes_up_again_until_it_was_answered_twice(state: str) -> None:
    edited = comment("c", "Which?", edited=5)
    known = replace(KNOWN, comments={"c": SeenComment("c", START, state, "T", "Who?")})
    assert waiting(decided(edited, known=known)) == ["c"]
    twice = replace(KNOWN, comments={"c": SeenComment("c", START, "answered twice", "T", "Who?")})
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


def test_a_comment_that_the_model_passes_over_comes_up_three_times() -> None:
    assert passed_over(None) == "tried 1"
    assert passed_over(SeenComment("c", START, "tried 1")) == "tried 2"
    assert passed_over(SeenComment("c", START, "tried 2")) == LEFT
    known = replace(KNOWN, comments={"c": SeenComment("c", START, "tried 2", "T", "Which?")})
    assert waiting(decided(comment("c", "Which?"), known=known)) == ["c"]


def test_a_word_and_a_question_at_the_limit_bring_one_more_comment_and_no_other() -> None:
    known = replace(
        KNOWN, threads={"T": ThreadRow("T", "block", LIMIT - 1, handed_over=False, gone_at=None)}
    )
    found = decided(OURS, comment("w", "why?"), comment("q", "Which?"), known=known)
    assert [one.word for one in found.told] == [Word.WHY]
    assert waiting(found) == []
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
    known = replace(KNOWN, paused=paused, raised=frozenset({"T"}))
    found = sort([thread("T", "block", OURS, *made)], known)
    assert (found.told, found.waiting, found.hand_over) == ((), (), ())
    assert found.dismissed == frozenset()


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
        row = PageRow(PAGE, "source", "Queues", "url", START, Standing.DONE, reviewed_at=START)
        pages.save(self.state, [row])
        thread_store.keep_places(self.state, PAGE, [BLOCK], START)
        limits = Limits(replies_per_thread=LIMIT)
        self.context: Any = SimpleNamespace(
            state=self.state,
            notion=self,
            people=SimpleNamespace(on_page=self.on_page),
            config=SimpleNamespace(limits=limits, databases=()),
            tell=lambda *_, **__: None,
            sweep_id=1,
        )
        self.base: Any = SimpleNamespace(
            settings=SimpleNamespace(replies=SimpleNamespace(value="any"))
        )

    async def on_page(self, _: str) -> Any:
        async def author(raw: dict[str, Any]) -> Author:
            return Author("id", "Name", self.kinds[raw["id"]])

        author.own = frozenset()  # type: ignore[attr-defined]
        return author

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
        for letter in reviews.undelivered(self.state):
            self.say(letter.body, self.ours)
            reviews.mark(self.state, letter.key, reviews.Sending.POSTED)

    async def _sweep(self, answer: str) -> None:
        self.now += timedelta(minutes=1)
        row = pages.page(self.state, PAGE)
        assert row is not None
        found = await dialogue.read(self.context, self.base, row, [PAGE, BLOCK], PROMPT)
        row = settle(self.context, row, found)
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
        session = Session(None, Change(first=False), PROMPT, ())  # type: ignore[arg-type]
        record_replies(self.context, row, session, review, found)

    @property
    def letters(self) -> list[reviews.Letter]:
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


@settings(max_examples=60, deadline=None)
@given(STEPS, KINDS)
def test_f9_no_sequence_brings_more_than_the_limit_and_one_handing_over(
    steps: list[Any], ours: AuthorKind
) -> None:
    """Whoever our own comments look like: the count is kept in the state, not read off authors."""
    world = World(ours)
    for step in [*steps, ("sweep", "reply"), ("sweep", "reply")]:
        getattr(world, step[0])(*step[1:])
    keys = world.letters
    assert len(keys) <= LIMIT + 1
    answered = Counter(key.split(":")[2] for key in keys if key.startswith("reply:"))
    assert all(count <= 2 for count in answered.values())


@pytest.mark.parametrize("ours", AuthorKind)
def test_f9_who_goes_on_asking_gets_exactly_the_limit_and_the_handing_over(
    ours: AuthorKind,
) -> None:
    world = World(ours)
    for _ in range(LIMIT * 3):
        world.say("Which queue?", PERSON)
        world.sweep("reply")
    assert len(world.letters) == LIMIT + 1
    assert sum(key.startswith("hand over:") for key in world.letters) == 1


def test_f9_words_to_the_reviewer_count_and_the_last_one_hands_over() -> None:
    world = World(OWN)
    for _ in range(LIMIT * 2):
        world.say("RFC reviewer, why?", PERSON)
    world.sweep("reply")
    assert len(world.letters) == LIMIT + 1
    world.say("RFC reviewer, pause", PERSON)
    world.say("Which queue?", PERSON)
    world.sweep("reply")
    assert len(world.letters) == LIMIT + 1
    row = pages.page(world.state, PAGE)
    assert row is not None
    assert row.paused


def test_a_question_while_paused_is_answered_after_resume_and_once() -> None:
    world = World(OWN)
    world.say("RFC reviewer, pause", PERSON)
    world.say("Which queue?", PERSON)
    world.sweep("reply")
    world.sweep("reply")
    assert len(world.letters) == 1
    world.say("resume", PERSON)
    for _ in range(3):
        world.sweep("reply")
    assert len(world.letters) == 3


def test_a_place_where_somebody_waits_counts_as_looked_at_when_that_is_answered() -> None:
    world = World(OWN)
    world.say("Which queue?", PERSON)

    async def listen() -> None:
        row = pages.page(world.state, PAGE)
        found = await dialogue.read(world.context, world.base, row, [PAGE, BLOCK], PROMPT)
        settle(world.context, row, found)

    asyncio.run(listen())
    looks = thread_store.looks(world.state, PAGE)
    assert looks == {PAGE: world.now, BLOCK: START}
    world.sweep("pass")
    assert thread_store.looks(world.state, PAGE)[BLOCK] == world.now


def test_a_place_costs_a_request_for_each_hundred_of_its_comments() -> None:
    world = World(OWN)
    for _ in range(150):
        world.say("thanks", PERSON)
    world.sweep("reply")
    places = thread_store.oldest_looks(world.state, ["source"], START, 9, known=True)
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
    assert (row.state, row.hash, row.due_at is not None) == (Standing.DUE, None, True)
    [(_, what, who), *_] = ledger.decisions(world.state, PAGE)
    assert (what, who) == ("review again", "Name")


def test_a_finding_whose_thread_was_never_listed_is_resolved_when_people_close_it_at_once() -> None:
    world = World(OWN)
    review = Review(Outcome.DONE, (), (), {}, "", (), "m", Usage())
    number = reviews.add(
        world.state,
        PAGE,
        review,
        kind="review",
        prompt="p",
        content_hash="h",
        sweep_id=None,
        at=START,
    )
    finding = Finding(BLOCK, "queues", "Which?", Severity.MINOR)
    key = findings.record(world.state, number, PAGE, finding, START)
    world.state.execute("UPDATE findings SET discussion_id = 'T' WHERE id = ?", [key])
    world.sweep("reply")
    [stored] = findings.of_page(world.state, PAGE)
    assert stored.state is FindingState.RESOLVED
