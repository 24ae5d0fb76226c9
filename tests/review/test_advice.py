"""Each refusal says what to do instead, and whoever does that is not refused again."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.change import Change
from daemon.domain.findings import FindingState, LedgerEntry
from daemon.domain.order import Stood
from daemon.domain.passages import Passage, RememberedPage
from daemon.domain.values import Comment, Thread
from daemon.review import deep, excerpt, points, repeats, tool_specs, tools, wording
from daemon.review.deep import SectionTools
from daemon.review.excerpt import LOOK_UPS, Reader, Recall
from daemon.review.handles import Handles
from daemon.review.leaks import leak_guard
from daemon.review.points import OwnPoint
from daemon.review.prompt import Excerpt, instructions
from daemon.review.tool_specs import ToolRefusal
from daemon.review.tools import ReviewTools
from support.review_values import (
    NOW,
    OWN,
    block,
    comment,
    finding,
    heading,
    review_tools,
    snapshot,
    task,
    thread,
)


Call = tuple[str, dict[str, Any]]
NOTES = {"digest": ""}
SECRET = "ntn_planted-4711-0815-aabbccdd"
PLAN = "We keep every order for thirty days, and then it is deleted by a job that nobody owns."
BLOCKS = (
    heading("h", "Rollout"),
    block("p", "Phase 1 goes to 10% of users, and phase 2 to all of them."),
    block("q", "Nobody owns the queue."),
    heading("i", "Costs"),
    block("r", "The queue costs 200 euros a month."),
    block("s", "[page: Notes]", kind="child_page", plain="page: Notes", commentable=False),
    block("t", f"The key is {SECRET} until March."),
    block("u", PLAN),
)
POINT = OwnPoint(
    7,
    finding("p", "10% of users", "Say why it is ten.", title="No reason for ten percent"),
    "own",
    before=("Phase 1 goes to 10% of users.",),
    opened=NOW,
)
SAID = comment("1", "Say why it is ten.", OWN)
DECIDED = RememberedPage("p1", "s", "RFC 12", "https://n.example/p1", "Accepted", NOW)
KEYS = Passage(DECIDED, "b1", "Every event carries a key.")
OTHER = Passage(replace(DECIDED, id="p2", standing=""), "b3", "Keys are random.")
NO = replace(POINT, closed="Ana said no", declined=True, no="No, it is a guess.", mute="Ana's word")
LOST = replace(POINT, gone=True, mute="it went", finding=replace(POINT.finding, block_id="gone"))
# The block r came, in the second section.
CAME = Change(first=False, new=frozenset({"r"}), stirred=frozenset({"i"}))
STILL = replace(CAME, new=frozenset(), stirred=frozenset())
WENT = replace(STILL, removed=("All are some.",))


def remark(on: str = "B2", quote: str = "phase 2", title: str = "What is all", **more: Any) -> Call:
    said = {"block": on, "quote": quote, "title": title, "text": f"{title}, in words?"}
    return "comment", {**said, "severity": "important", **more}


def rule(verdict: str, text: str = "", quote: str = "", on: str = "T1") -> Call:
    return "follow_up", {"thread": on, "verdict": verdict, "text": text, "quote": quote}


FINISH: Call = ("finish", {"summary": ""})
ON_TEN = remark(quote="10% of users")
ELSEWHERE = remark("B5", "200 euros", POINT.finding.title)


def with_point(*own: OwnPoint, said: Sequence[Comment] = (), **options: Any) -> ReviewTools:
    options.setdefault("earlier", [one.finding for one in own])
    threads = [thread(one.thread_id, "p", SAID, *said) for one in own]
    return review_tools(BLOCKS, threads, points=own, **options)


def with_threads(*threads: Thread, **options: Any) -> ReviewTools:
    return review_tools(BLOCKS, threads, **options)


def waits(key: str = "asked", on: str | None = "q") -> Thread:
    return thread(key, on, comment(key, "why?", new=True))


def under_lenses() -> ReviewTools:
    made = with_threads()
    made._context = replace(made._context, lenses=("Cost", "Risk"))
    return made


def reading(room: int) -> ReviewTools:
    made, seen = with_threads(), task(snapshot(BLOCKS))
    made.reader = Reader(seen, Handles.of(seen.snapshot), Excerpt(frozenset({"u"})), room)
    return made


def in_sections() -> ReviewTools:
    made = SectionTools(with_threads()._context)
    made.begin(task(snapshot(BLOCKS)), 4_000, None)
    return made


def recalling() -> ReviewTools:
    made = with_threads()
    return ReviewTools(made._context, Recall([KEYS, OTHER], lambda _: [KEYS]))


@dataclass(frozen=True)
class Row:
    """A call that is refused, the words of that, and the calls that do what these advise."""

    make: Callable[[], ReviewTools]
    call: Call
    says: str
    then: Sequence[Call] = (FINISH,)
    before: Sequence[Call] = ()
    refused: int = 0


WAITING = comment("2", "Why ten?", new=True)
A_NO = replace(comment("2", "No, it is a guess. We keep it.", new=True), no=True)
QUIET = {"unchanged": ["h", "p", "q"]}
GUARDED = {"guard": leak_guard([SECRET], instructions(), "", "")}
RULES = [f"Rule {n * 111 + 10} is that team number {n} waits." for n in range(40)]

ROWS = {
    # The arguments.
    "no such tool": Row(with_threads, ("delete", {}), "the tools: comment, "),
    "no such handle": Row(
        with_threads,
        remark(text="B99 is a server."),
        "write it as code where it is a name",
        [remark(text="`B99` is a server.")],
    ),
    "an argument is missing": Row(
        with_threads, remark(text=None), "text is missing", [remark(text="Say it.")]
    ),
    "no such severity": Row(
        with_threads, remark(severity="urgent"), "severity is blocking, important or", [remark()]
    ),
    "a wording with a name that nobody wrote": Row(
        with_threads,
        remark(instead="at Oslo"),
        "stands without it: noted as P1; to say it otherwise, make the call again with the same",
        [remark(instead="that phase"), FINISH],
    ),
    "no such verdict": Row(
        lambda: with_point(POINT),
        rule("maybe"),
        "verdict is fixed, not_yet, withdrawn or",
        [rule("withdrawn", "It is right.")],
    ),
    "no such block": Row(with_threads, remark("B40"), "the handles are B1 to B8", [remark("B1")]),
    "several blocks": Row(with_threads, remark("B2, B3"), "a comment is about one", [remark()]),
    "a thread for a block": Row(
        lambda: with_threads(waits()),
        remark("T1"),
        "T1 is a thread, no block; name a block",
        [remark()],
    ),
    "no such lens": Row(
        under_lenses, remark(lens="Time"), "they are Cost, Risk", [remark(lens="Cost")]
    ),
    "no such thread": Row(
        lambda: with_threads(waits()),
        ("reply", {"thread": "T9", "text": "So."}),
        "the handles are T1 to T1",
        [("reply", {"thread": "T1", "text": "So."})],
    ),
    "several threads wait on a block": Row(
        lambda: with_threads(waits(), waits("more"), thread("third", "q", comment("3", "Hm."))),
        ("reply", {"thread": "B3", "text": "So."}),
        "its threads are T1, T2",
        [("reply", {"thread": "T1", "text": "So."}), ("reply", {"thread": "T2", "text": "So."})],
    ),
    "nobody waits": Row(
        lambda: with_threads(thread("t", "q", comment("3", "Hm."))),
        ("reply", {"thread": "B3", "text": "So."}),
        "nobody waits in T1, so it takes no answer",
    ),
    "answered already": Row(
        lambda: with_threads(waits()),
        ("leave", {"thread": "T1"}),
        "T1 is answered; one reply is enough",
        before=[("reply", {"thread": "T1", "text": "So."})],
    ),
    # The quote and the block.
    "no quote": Row(with_threads, remark(quote=" "), "quote the words that the", [remark()]),
    "a quote of two others": Row(
        with_threads,
        remark("B1", "the queue"),
        "do not stand in B1 but in B3, B5; name the one you mean",
        [remark("B5", "the queue")],
    ),
    "a quote nearly of another": Row(
        with_threads,
        remark("B2", "keep each order for thirty days, and then it is deleted"),
        "do not stand in B2 but nearly in B8; quote from there: “keep every order for thirty",
        [remark("B8", "keep every order for thirty days")],
    ),
    "a quote across others": Row(
        with_threads,
        remark("B8", "all of them.\nNobody owns"),
        "do not stand in B8 but nearly in B2; quote from there: “all of them.”",
        [remark("B2", "all of them.")],
    ),
    "a quote of nothing": Row(
        with_threads,
        remark(quote="a canary on one host"),
        "quote from it exactly. It says: Phase 1 goes",
        [remark()],
    ),
    "a block without comments": Row(
        with_threads, remark("B6", "Notes"), "quote a block beside it", [remark("B5", "200 euros")]
    ),
    "a block with enough": Row(
        lambda: with_point(POINT, per_block=1), remark(), "B2 has 1 comment, the limit; leave it"
    ),
    "more than a review takes": Row(
        lambda: with_threads(per_review=1, per_block=9),
        remark("B5", "200 euros", "Why two hundred"),
        "finish now",
        before=[
            remark(quote=quote, title=title)
            for quote, title in (("Phase 1", "One"), ("goes to", "Way"), ("10%", "Ten"))
        ],
    ),
    # The words.
    "a secret": Row(
        lambda: with_threads(**GUARDED),
        remark(text=f"It is {SECRET}."),
        "say it without",
        [remark(text="It is there.")],
    ),
    "the instructions": Row(
        lambda: with_threads(**GUARDED),
        remark(text=instructions()[:300]),
        "say it in words of your own",
        [remark()],
    ),
    "a background page": Row(
        lambda: with_threads(guard=leak_guard([], "", "", "", background=["\n".join(RULES)])),
        ("finish", {"summary": " ".join(RULES[::-2])}),
        "name the page instead",
        [("finish", {"summary": "See the plan."})],
    ),
    "a quote with a secret": Row(
        lambda: with_threads(**GUARDED),
        remark("B7", SECRET),
        "quote others beside it",
        [remark("B7", "until March")],
    ),
    "no words": Row(with_threads, remark(text=" "), "say what is the matter in words", [remark()]),
    "noise": Row(with_threads, remark(text="Great work!"), "it gives the author nothing to do"),
    # Sections, other documents, and what was left out.
    "take back without a point": Row(
        in_sections,
        ("take_back", {"point": "P1"}),
        "no point of this review is left to take back",
        [("note", {"digest": ""})],
    ),
    "take back of all": Row(
        in_sections,
        ("take_back", {"point": "all"}),
        "name one point of this review; they are P1",
        [("take_back", {"point": "P1"})],
        before=[remark()],
    ),
    "note beside a refusal": Row(
        in_sections,
        ("note", {"digest": ""}),
        "or call note alone to drop it",
        [("note", {"digest": ""})],
        refused=1,
    ),
    "read of several": Row(
        lambda: reading(999),
        ("read", {"first": "B7, B8", "last": "B8"}),
        "one handle each, from B1 to B8",
        [("read", {"first": "B7", "last": "B8"})],
    ),
    "no room to read": Row(
        lambda: reading(3), ("read", {"first": "B8", "last": "B8"}), "judge by what you have read"
    ),
    "a look-up of nothing": Row(
        recalling,
        ("look_up", {"words": " "}),
        "name the words to look for",
        [("look_up", {"words": "keys"})],
    ),
    "too many look-ups": Row(
        recalling,
        ("look_up", {"words": "more"}),
        "judge by what you have read",
        before=[("look_up", {"words": f"keys {number}"}) for number in range(LOOK_UPS)],
    ),
    "against no document": Row(
        recalling,
        remark(against="D9", against_quote="a key"),
        "there is no document 'D9': D1, D2",
        [remark(against="D1", against_quote="Every event carries a key.")],
    ),
    "against an undecided one": Row(
        recalling,
        remark(against="D2", against_quote="Keys are random."),
        "say what it says without `against`",
        [remark(text="D2 says that keys are random.")],
    ),
    "against other words": Row(
        recalling,
        remark(against="D1", against_quote="No event has one."),
        "do not stand in what is shown of D1; quote them",
        [remark(against="D1", against_quote="Every event carries a key.")],
    ),
    # What was said before.
    "closed on its block": Row(
        lambda: with_point(replace(POINT, closed="you withdrew it")),
        ON_TEN,
        "is closed (you withdrew it); do not repeat it; to open it again, use follow_up with not",
        [rule("not_yet", "It holds.")],
    ),
    "turned down on its block, and a block moved": Row(
        lambda: with_point(
            NO,
            earlier=(),
            ledger=[LedgerEntry(POINT.finding, FindingState.DISMISSED, "Ana said no")],
            change=replace(STILL, moved={"q": Stood("r", None, leads=True)}),
        ),
        ON_TEN,
        "do not repeat it; where a move makes these words wrong, say that, and name the other",
        [remark(quote="10% of users", title="Too far apart", text="B3 fits before it.")],
    ),
    "turned down on its block": Row(
        lambda: with_point(NO), ON_TEN, "is closed (Ana said no); do not repeat it"
    ),
    "opened again, and on its block": Row(
        lambda: with_point(replace(POINT, closed="you withdrew it")),
        ON_TEN,
        "in T1, and is open again; do not repeat it",
        before=[rule("not_yet", "It holds.")],
    ),
    "open on its block, that changed": Row(
        lambda: with_point(POINT, change=replace(STILL, changed={"p": "Old."})),
        ON_TEN,
        "is still open; rule on it with follow_up first",
        [rule("not_yet", "It was touched."), remark(quote="10% of users", title="Which users")],
    ),
    "open on its block, that did not change": Row(
        lambda: with_point(replace(POINT, mute="no"), change=CAME),
        ON_TEN,
        "drop this; if this is another matter, quote other words of B2, such as “and phase 2 to",
        [remark(quote="and phase 2 to all")],
    ),
    "open on its block, without its words": Row(
        lambda: with_point(
            replace(POINT, mute="no", finding=replace(POINT.finding, quote="5% of users"))
        ),
        remark(title=POINT.finding.title),
        "drop this, unless you can rule first that it is fixed or withdrawn",
        [rule("fixed", quote="and phase 2 to all of them"), remark()],
    ),
    "open on its block, without its words, and another matter": Row(
        lambda: with_point(
            replace(POINT, mute="no", finding=replace(POINT.finding, quote="5% of users"))
        ),
        rule("not_yet", "It is open."),
        "nothing can be said in T1: no; it stays open",
        [remark()],
    ),
    "open on its block, without its words, and answered": Row(
        lambda: with_point(
            replace(POINT, mute="no", finding=replace(POINT.finding, quote="5% of users")),
            said=[WAITING],
        ),
        rule("not_yet", "It is open."),
        "nothing can be said in T1: no; it stays open",
        [remark()],
        before=[("reply", {"thread": "T1", "text": "The plan says none."})],
    ),
    "pasted": Row(
        lambda: with_point(replace(POINT, pasted=True, mute="pasted")),
        ON_TEN,
        "is posted anew there without a call; comment only on another matter",
        [remark()],
    ),
    "open elsewhere, and this came": Row(
        lambda: with_point(POINT, change=CAME, **QUIET),
        ELSEWHERE,
        "say it there with follow_up, and name this place",
        [rule("not_yet", "B5 has no reason either.")],
    ),
    "open elsewhere, and its thread is shut": Row(
        lambda: with_point(replace(POINT, mute="no"), change=CAME, **QUIET),
        ELSEWHERE,
        "one matter, one comment: it stays open, drop this",
    ),
    "open elsewhere, and another matter": Row(
        lambda: with_point(POINT),
        ELSEWHERE,
        "If this is another one, give it another title, quote and text",
        [remark("B5", "a month", "Price of what", text="Who is billed?")],
    ),
    "turned down elsewhere": Row(
        lambda: with_point(NO),
        remark("B5", "200 euros", text=POINT.finding.text),
        "it was turned down (Ana said no): drop it",
    ),
    "the title of what is turned down": Row(
        lambda: with_point(NO),
        ELSEWHERE,
        "only a person can open it; give another matter another title",
        [remark("B5", "200 euros", "Price of what", text="Who is billed?")],
    ),
    "the title of what is turned down, and a person writes": Row(
        lambda: with_point(replace(NO, mute="")),
        ELSEWHERE,
        "where a person asks for it, use follow_up with not_yet in T1; give another matter another",
        [rule("not_yet", "It is open again.")],
    ),
    "closed elsewhere": Row(
        lambda: with_point(replace(POINT, closed="you withdrew it")),
        ELSEWHERE,
        "where it holds again, say so with follow_up and not_yet",
        [rule("not_yet", "It holds again in B5.")],
    ),
    "closed elsewhere, and shut": Row(
        lambda: with_point(replace(POINT, closed="you ruled that it is fixed", mute="no")),
        ELSEWHERE,
        "it is closed (you ruled that it is fixed); drop it",
    ),
    "made before": Row(
        with_threads,
        remark("B5", "200 euros"),
        "this is your comment on B2, “What is all of it now”; one matter, one comment",
        before=[remark(title="What is all of it now", text="What is all, in words?")],
    ),
    "other words on a block": Row(
        with_threads,
        remark("B8", "every order for thirty", "Who counts the days"),
        "with its quote it is P1 again; if this is another matter, quote other words of B8, such "
        "as “and then it is deleted by a job”",
        [remark("B8", "deleted by a job", "Who counts the days")],
        before=[remark("B8", "We keep every order for thirty days", "Which orders")],
    ),
    "a block without other words": Row(
        lambda: with_threads(earlier=[finding("q", "Nobody owns the queue.")]),
        remark("B3", "the queue", "Which of the queues"),
        "if this is another matter, quote words of B2 beside it, such as “Phase 1 goes to",
        [remark("B2", "Phase 1 goes to", "Which of the queues")],
    ),
    "the same words on a full block": Row(
        lambda: with_threads(per_block=1),
        remark(quote="phase 2 to", title="When is it"),
        "before and still stands; do not repeat it",
        before=[remark()],
    ),
    "other words beside what is closed": Row(
        lambda: with_point(replace(POINT, closed="you withdrew it")),
        remark(quote="10% of users", title="Which of them"),
        "use follow_up with not_yet; if this is another matter, quote other words of B2, such as",
        [remark(quote="and phase 2 to all", title="Which of them")],
    ),
    "more in a point": Row(
        in_sections,
        remark(text="Not all, says B5."),
        "do not repeat it; to add to it, take_back P1 and make it anew",
        [("take_back", {"point": "P1"}), remark(text="Not all, says B5."), ("note", NOTES)],
        before=[remark()],
    ),
    "more in a point elsewhere": Row(
        in_sections,
        remark("B5", "200 euros", "What is all of it now"),
        "one matter, one comment; to add to it, take_back P1 and make it anew",
        [("take_back", {"point": "P1"}), remark(title="What is all of it now", text="See B5.")],
        before=[remark(title="What is all of it now", text="What is all, in words?")],
    ),
    "resolved": Row(
        lambda: with_threads(ledger=[LedgerEntry(POINT.finding, FindingState.RESOLVED)]),
        ON_TEN,
        "is closed (its thread was resolved or deleted); do not repeat it",
    ),
    "beside what changed": Row(
        lambda: with_threads(earlier=[POINT.finding], change=CAME, **QUIET),
        remark(),
        "name in the text the one of these that makes it wrong: B5",
        [remark(text="B5 knows no phase.")],
    ),
    "where nothing changed": Row(
        lambda: with_threads(earlier=[POINT.finding], change=STILL, **QUIET),
        remark(),
        "it takes another comment once one of them changes",
    ),
    "where something was removed": Row(
        lambda: with_threads(earlier=[POINT.finding], change=WENT, **QUIET),
        FINISH,
        "it stays only where what was removed or changed beside the blocks makes it wrong",
        [("take_back", {"point": "P1"}), FINISH],
        before=[remark()],
    ),
    "what was turned down": Row(
        lambda: with_point(NO),
        FINISH,
        "Take back, with take_back, each comment that says again what was turned down",
        [("take_back", {"point": "P2"}), FINISH],
        before=[remark(), remark("B5", "200 euros", "Who pays")],
    ),
    "what was turned down, and none of it comes again": Row(
        lambda: with_point(NO), FINISH, "Then call finish again", before=[remark()]
    ),
    "what was turned down beside what is closed": Row(
        lambda: with_point(NO, replace(POINT, id=8, thread_id="8", closed="you withdrew it")),
        ON_TEN,
        "is closed (Ana said no); do not repeat it",
    ),
    # The rulings.
    "no point": Row(
        lambda: with_threads(waits(on="p"), waits("own", "q"), points=[POINT]),
        rule("withdrawn", "It is right."),
        "T1 was not begun by a point of yours; yours that are open are T2",
        [rule("withdrawn", "It is right.", on="T2")],
    ),
    "closed": Row(
        lambda: with_point(replace(POINT, closed="you withdrew it")),
        rule("withdrawn", "It is right."),
        "closed: you withdrew it; not_yet opens it again",
        [rule("not_yet", "It is not.")],
    ),
    "closed by a no": Row(
        lambda: with_point(NO), rule("not_yet", "It holds."), "closed: Ana said no; Ana's word"
    ),
    "closed by a no, and its words went": Row(
        lambda: with_point(replace(NO, finding=replace(POINT.finding, quote="5% of users"))),
        rule("withdrawn", "It is right."),
        "where text that came since settles it, rule fixed",
        [rule("fixed", quote="and phase 2 to all of them")],
    ),
    "closed by a no, and a later word": Row(
        lambda: with_point(replace(NO, mute="")),
        rule("withdrawn", "It is right."),
        "not_yet opens it again; where text that came since settles it, rule fixed",
        [rule("fixed", quote="and phase 2 to all of them")],
    ),
    "closed by a no, and fixed by nothing new": Row(
        lambda: with_point(NO), rule("fixed", quote="phase 2 to all"), "closed: Ana said no"
    ),
    "a rule that fires": Row(
        lambda: with_point(replace(POINT, fires=True)),
        rule("fixed", quote="and phase 2 to all of them"),
        "where the check is wrong, withdrawn drops it",
        [rule("withdrawn", "It is no such thing.")],
    ),
    "a thread that takes nothing": Row(
        lambda: with_point(replace(POINT, mute="it takes no more replies")),
        rule("not_yet", "It is open."),
        "nothing can be said in T1: it takes no more replies; it stays open",
    ),
    "no news": Row(
        lambda: with_point(POINT, change=STILL, **QUIET),
        rule("not_yet", "It is open."),
        "it stays open without a word",
    ),
    "news elsewhere": Row(
        lambda: with_point(POINT, change=CAME, **QUIET),
        rule("not_yet", "It is open."),
        "Where one of these was to mend it, name it: B5",
        [rule("not_yet", "B5 does not say it either.")],
    ),
    "news beside it": Row(
        lambda: with_point(POINT, change=CAME),
        rule("not_yet", "Say why it is ten!"),
        "say in other words what is still missing",
        [rule("not_yet", "The reason is still missing.")],
    ),
    "a no": Row(
        lambda: with_point(POINT, said=[A_NO]),
        rule("not_yet", "It is open."),
        "that is turned_down, also where you disagree",
        [rule("turned_down", quote="We keep it")],
    ),
    "a reply to a no": Row(
        lambda: with_point(POINT, said=[A_NO]),
        ("reply", {"thread": "T1", "text": "It is measured nowhere."}),
        "with not_yet, and your answer as its text, where it asks for a reason, sets a condition",
        [rule("not_yet", "It is measured nowhere."), FINISH],
    ),
    "a reply to what turns a point down": Row(
        lambda: with_point(POINT, said=[A_NO]),
        ("reply", {"thread": "T1", "text": "As you like."}),
        "closes the point unless you rule: follow_up with turned_down where it turns the point",
        [rule("turned_down", quote="We keep it"), FINISH],
    ),
    "a no that is none": Row(
        lambda: with_point(POINT, said=[A_NO]),
        rule("not_yet", "It is open."),
        "sets a condition or is none, call not_yet again",
        [rule("not_yet", "It is open.")],
    ),
    "fixed by nothing": Row(
        lambda: with_point(POINT),
        rule("fixed"),
        "quote what came, changed or went",
        [rule("fixed", quote="and phase 2 to all of them")],
    ),
    "fixed by old words": Row(
        lambda: with_point(replace(POINT, before=(BLOCKS[1].plain,))),
        rule("fixed", quote="phase 2 to all of them"),
        "where what stood there then settles it, rule withdrawn",
        [rule("withdrawn", "It is said there.")],
    ),
    "fixed by words of nobody": Row(
        lambda: with_point(POINT),
        rule("fixed", quote="a canary on one host"),
        "quote exactly what came, changed or went",
        [rule("fixed", quote="and phase 2 to all of them")],
    ),
    "fixed where nothing came": Row(
        lambda: with_point(replace(POINT, before=(BLOCKS[1].plain,))),
        rule("fixed", quote="a canary on one host"),
        "where nothing did, it is not fixed",
    ),
    "turned down by a question": Row(
        lambda: with_point(POINT, said=[WAITING]),
        rule("turned_down", quote="Why ten?"),
        "answer it, or quote the words of a no",
        [("reply", {"thread": "T1", "text": "It says none."})],
    ),
    "turned down by nobody": Row(
        lambda: with_point(POINT),
        rule("turned_down", quote="We keep it"),
        "no person wrote in its thread since the point is open",
    ),
    "turned down in other words": Row(
        lambda: with_point(POINT, said=[A_NO]),
        rule("turned_down", quote="They keep it all"),
        "quote the words of a person by which they turn it down, exactly",
        [rule("turned_down", quote="We keep it")],
    ),
    # The end.
    "finish beside a refusal": Row(
        with_threads, FINISH, "correct what failed, or finish alone to leave it so", refused=1
    ),
    "finish where somebody waits": Row(
        lambda: with_threads(waits()),
        FINISH,
        "someone waits in T1: reply, rule or leave, then finish",
        [("leave", {"thread": "T1"}), FINISH],
    ),
    "finish where a point lost its block": Row(
        lambda: with_point(LOST, change=CAME, closed=["q"]),
        FINISH,
        "rule on them, or comment under the same title where one still stands, then finish",
        [remark("B3", "Nobody", POINT.finding.title), FINISH],
    ),
    "finish where a point lost its block beside a no": Row(
        lambda: with_point(LOST, replace(NO, id=8, thread_id="no", finding=finding("q", "owns"))),
        FINISH,
        "rule on them, or comment under the same title where one still stands, then finish",
        [remark("B3", "Nobody", POINT.finding.title), FINISH],
    ),
}


def raised(module: Any) -> set[tuple[str, int, int]]:
    """Return where a module refuses: its file, and the first and last line of each."""
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    calls = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise))
    return {
        (module.__file__, one.lineno, one.end_lineno or one.lineno)
        for one in calls
        if isinstance(one, ast.Call)
        and isinstance(one.func, ast.Name)
        and one.func.id in ("ToolRefusal", "SaysNothing")
    }


def test_who_does_what_a_refusal_says_is_not_refused_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every refusal of the tools is played, each with what it advises."""
    seen = set[tuple[str, int]]()

    def heard(_: Exception, *__: object) -> None:
        frame = sys._getframe(1)
        seen.add((frame.f_code.co_filename, frame.f_lineno))

    monkeypatch.setattr(ToolRefusal, "__init__", heard)
    wrong = []
    for name, row in ROWS.items():
        made = row.make()
        before = [made.call(*one) for one in row.before]
        refused = made.call(*row.call, refused=row.refused)
        then = [made.call(*one) for one in row.then]
        is_heard = row.says in refused.text and refused.accepted is (name == "noise")
        if not is_heard or not all(one.accepted for one in (*before, *then)):
            wrong.append((name, [one.text for one in (*before, refused, *then)]))
    assert wrong == []
    modules = (tools, tool_specs, repeats, points, wording, excerpt, deep)
    unplayed = [
        (file, first)
        for module in modules
        for file, first, last in sorted(raised(module))
        if not any(file == at and first <= line <= last for at, line in seen)
    ]
    assert unplayed == []


def test_an_offer_that_is_left_out_again_says_its_reason_again() -> None:
    made = with_threads()
    told = [made.call(*remark(instead=f"at {city}")) for city in ("Zagreb", "Oslo")]
    assert [one.accepted for one in told] == [False, False]
    for one, city in zip(told, ("Zagreb", "Oslo"), strict=True):
        assert one.text.startswith("refused: instead is left out: neither the document nor")
        assert city in one.text
    assert len(made.accepted) == 1
