"""One sitting: what the model is given, and what is made of what it said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.config import Config
from daemon.config import Limits as ConfigLimits
from daemon.domain.change import Change
from daemon.domain.errors import ModelsDown, Unavailable
from daemon.domain.findings import FindingState, LedgerEntry
from daemon.domain.values import Outcome, Prompt, Review, Severity, Snapshot, Usage
from daemon.review.agent import ContextWindow, Conversation, ModelInput, Toolbox
from daemon.review.models.failures import WindowTooSmall
from daemon.review.points import OwnPoint
from daemon.review.prompt import built_in_prompt, estimated_tokens, instructions
from daemon.review.summary import FOR_AUTHORS
from daemon.sweep.context import ReviewContext, Session
from daemon.sweep.reviewing import run_review
from support.review_values import NOW, OWN, block, comment, finding, heading, snapshot, thread


Script = Callable[[Toolbox], str]


class Models:
    """A chain of one model that follows a script; keeps what it was given."""

    def __init__(self, script: Script, window: int | None, outcome: Outcome) -> None:
        self._script = script
        self._window = ContextWindow(window) if window else None
        self._outcome = outcome
        self.brief = ModelInput("", "", "")

    async def converse(
        self, _names: Sequence[str], make: Callable[..., Any], offline: Any, _limits: Any
    ) -> Conversation:
        try:
            self.brief, tools = make(self._window)
        except WindowTooSmall as error:
            raise Unavailable(str(error)) from error
        text = self._script(tools)
        return Conversation(self._outcome, text, "m", Usage(), tools, self.brief.omitted)


LIMITS = ConfigLimits(seconds_per_review=60, comments_per_review=1, comments_per_block=2)
SETTINGS = SimpleNamespace(checks=False, report=Severity.MINOR)
READ = snapshot(
    [heading("h", "Rollout"), block("p", "Phase 1 goes to 10% of users.")],
    properties=(("Plan", "https://property.example/a"),),
)
SECRETS = frozenset({"ntn_planted-0123456789abcdef"})
TARGET: Any = SimpleNamespace(models=("m",), settings=SETTINGS)
SESSION = Session(TARGET, READ, Change(first=True), Prompt("RFC reviewer", "Be strict.", "p"), [])


def say(text: str) -> Script:
    return lambda _tools: text


def sit(
    session: Session,
    script: Script,
    *,
    window: int | None = None,
    outcome: Outcome = Outcome.DONE,
    settings: SimpleNamespace = SETTINGS,
) -> tuple[Review, ModelInput]:
    models = Models(script, window, outcome)
    config = Config(databases=[{"id": "1" * 32}], limits=LIMITS)
    chain: Any = models
    context = ReviewContext(chain, config, NOW.date(), SECRETS)
    target: Any = SimpleNamespace(models=("m",), settings=settings)
    review = asyncio.run(run_review(context, replace(session, target=target)))
    return review, models.brief


def remark(quote: str, text: str, severity: str = "minor") -> dict[str, str]:
    return {"block": "B2", "quote": quote, "text": text, "severity": severity}


def test_a_turn_without_finish_gives_the_summary_cleaned_and_without_handles() -> None:
    review, _ = sit(SESSION, say("Mend B2, @all: https://evil.example/x"))
    words = "Mend “Rollout › Phase 1 goes to 10% of users”, all: (…)"
    assert review.summary == f"{words}\n\n{FOR_AUTHORS}"
    assert review.outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("Be strict.", f"The key is {next(iter(SECRETS))}"),
        (
            (
                "Of every design, ask who runs it at night, what it costs in a year, which team it "
                "binds, what breaks first when traffic doubles, how an operator would see it, and "
                "who may take it back; say nothing at all of style."
            ),
            "",
        ),
        ("Be strict.", instructions()),
    ],
)
def test_a_turn_without_finish_tells_no_secret_and_no_instructions(prompt: str, said: str) -> None:
    session = replace(SESSION, prompt=Prompt("RFC reviewer", prompt, "p"))
    review, _ = sit(session, say(said or f"My orders are: {prompt}"))
    assert review.summary == ""
    assert [refusal.tool for refusal in review.refusals] == ["finish"]


def test_nothing_said_is_an_outcome_of_its_own() -> None:
    review, _ = sit(SESSION, say(""))
    assert review.outcome is Outcome.NOTHING_TO_ADD
    assert review.summary == ""


def test_f5_what_was_held_back_and_a_stop_are_said() -> None:
    def two_points(tools: Toolbox) -> str:
        assert tools.call("comment", remark("Phase 1", "Name it.")).accepted
        assert tools.call("comment", remark("10%", "Why so few?", "blocking")).accepted
        return ""

    review, _ = sit(SESSION, two_points, outcome=Outcome.TIME)
    assert [one.text for one in review.findings] == ["Why so few?"]
    assert "**Kept back:** [Name it](https://n.example/p#p) (minor)." in review.summary
    assert "This review is not complete: stopped at the time limit." in review.summary


ADDRESSES = ("document", "property", "prompt", "knowledge")


def test_only_addresses_of_the_document_and_the_prompt_page_may_be_posted() -> None:
    blocks = [block("p", "See https://document.example/a")]
    asked = thread("t", "p", comment("1", "see https://comment.example/a"))
    read = snapshot(blocks, [asked], properties=(("Plan", "https://property.example/a"),))
    guide = (("Guide", "https://knowledge.example/a"),)
    prompt = Prompt("RFC reviewer", "Read https://prompt.example/a", "p", guide)
    text = "\n".join(f"https://{name}.example/a" for name in (*ADDRESSES, "comment", "other"))
    review, _ = sit(Session(TARGET, read, Change(first=True), prompt, []), say(text))
    kept = [f"https://{name}.example/a" for name in ADDRESSES[:-1]]
    posted = "\n".join([*kept, *["(…)"] * 3])
    assert review.summary == f"{posted}\n\n{FOR_AUTHORS}"


def test_what_was_raised_is_told_unless_its_thread_shows_it_or_it_was_mended_and_is_gone() -> None:
    seen = thread("t", "p", comment("1", "*10% of users* Why so few?", OWN))
    others = thread("u", "p", comment("2", "Phase 1 is late"))
    read = replace(READ, threads=(seen, others))
    earlier = [
        finding("p", "10% of users", "Why so few?"),
        finding("p", "Phase 1", "Name it."),
        finding("p", "20% of users", "Gone."),
        finding("old", "goes to 10% of", "Pasted."),
        finding("old", "30% of users", "Lost."),
    ]
    known = [LedgerEntry(one, FindingState.DISMISSED) for one in earlier]
    known += [LedgerEntry(replace(earlier[2], text="Fixed."), FindingState.ADDRESSED)]
    session = replace(SESSION, snapshot=read, ledger=known, raised={"t": earlier[0]})
    _, brief = sit(session, say(""))
    assert brief.document.partition("\nAlready ")[2] == (
        "turned down or resolved, do not raise again, whatever became of the words:\n"
        "  B2 (dismissed: a person said no): “Pasted”, about: goes to 10% of: Pasted.\n"
        "  B2 (dismissed: a person said no): “Gone”, about: 20% of users: Gone.\n"
        "  B2 (dismissed: a person said no): “Name it”, about: Phase 1: Name it.\n"
        "  a block that is gone (dismissed: a person said no): “Lost”, about: 30% of users: Lost."
    )


def test_f3_a_resolved_point_is_told_whose_words_another_thread_quotes_or_another_block_has() -> (
    None
):
    """A comment that another point began may quote more of the same block."""
    seen = finding("p", "Phase 1 goes to 10% of users", "Why so few?")
    shows = thread("t", "p", comment("1", f"*{seen.quote}* {seen.text}", OWN))
    read = replace(READ, threads=(shows,))
    resolved = [finding("p", "10% of users", "Ten?"), finding("h", "goes to 10% of", "Split.")]
    known = [LedgerEntry(seen, FindingState.DISMISSED)]
    known += [LedgerEntry(one, FindingState.RESOLVED) for one in resolved]
    session = replace(SESSION, snapshot=read, ledger=known, raised={"t": seen})
    _, brief = sit(session, say(""))
    assert brief.document.partition("whatever became of the words:\n")[2] == (
        "  B2 (resolved: its thread was resolved or deleted): “Split”, about: goes to 10% of: "
        "Split.\n"
        "  B2 (resolved: its thread was resolved or deleted): “Ten?”, about: 10% of users: Ten?"
    )


def test_where_only_threads_are_answered_nothing_else_is_posted() -> None:
    asked = thread("t", "p", comment("1", "why?", new=True))
    read = replace(READ, threads=(asked,))

    def reply(tools: Toolbox) -> str:
        assert not tools.call("comment", remark("10%", "Why?")).accepted
        assert tools.call("reply", {"thread": "T1", "text": "Because."}).accepted
        tools.call("finish", {"summary": "All well."})
        return ""

    review, brief = sit(replace(SESSION, snapshot=read, only_threads=True), reply)
    assert [one.text for one in review.replies] == ["Because."]
    assert (review.findings, review.summary) == ((), "")
    assert "Only threads are answered now" in brief.document


def long_page(sections: int) -> Snapshot:
    blocks = []
    for number in range(sections):
        blocks += [heading(f"h{number}", f"Part @{number}"), block(str(number), "words " * 300)]
    return snapshot(blocks)


def passes(brief: ModelInput) -> list[ModelInput]:
    found = [brief]
    while (following := found[-1].following("")) is not None:
        found.append(following)
    return found


@pytest.mark.parametrize("window", [4_000, 8_000, None])
def test_f12_what_does_not_fit_is_read_in_passes_that_share_their_beginning(
    window: int | None,
) -> None:
    told = list[ModelInput]()

    def reads(tools: Toolbox) -> str:
        told.extend(passes(models.brief))
        return "Mend it."

    models = Models(reads, window, Outcome.DONE)
    config = Config(databases=[{"id": "1" * 32}], limits=LIMITS, deep="always")
    chain: Any = models
    context = ReviewContext(chain, config, NOW.date(), SECRETS)
    read = long_page(20)
    review = asyncio.run(run_review(context, replace(SESSION, snapshot=read)))
    assert len({(one.system, one.opening) for one in told}) == 1
    assert sum(one.document.count("words ") for one in told) == 20 * 300
    if window:
        assert all(estimated_tokens(one.opening + one.document) < window // 2 for one in told)
    assert review.digest == ()
    named = [f"Part @{number}" for number in range(20)]
    first = told[0].omitted
    assert [one.removeprefix("part of ") for one in first] == named[-len(first) :]
    assert told[-1].omitted == ()
    assert review.summary.startswith("Mend it.")


def test_f12_a_window_without_room_for_any_of_the_document_is_no_review() -> None:
    with pytest.raises(ModelsDown, match="its window has no room"):
        sit(SESSION, say("All well."), window=1_000)


def test_f12_a_window_of_4000_tokens_holds_reviews_and_answers_under_the_built_in_prompt() -> None:
    point = finding("3", "words", "Say which.")
    told = comment("1", "**Which** · important *words* Say which.", OWN)
    asked = comment("2", "Which do you mean?", new=True)
    read = replace(long_page(20), threads=(thread("t", "3", told, asked),))
    own = OwnPoint(1, point, "t", before=("words " * 300,))
    session = replace(SESSION, snapshot=read, prompt=built_in_prompt(), points=(own,))
    again = replace(session, change=Change(first=False, changed={"3": "old"}), digest=())

    for one in (replace(session, points=(), snapshot=long_page(20)), session, again):
        briefs = passes(sit(one, say(""), window=4_000)[1])
        size = max(len(brief.system + brief.opening + brief.document) for brief in briefs)
        assert size / 4 + 900 < 4_000 * 4 // 5  # with the tools, and beside an answer
    _, answer = sit(replace(session, only_threads=True), say(""), window=4_000)
    assert "Which do you mean?" in answer.document
    assert "words words" in answer.document
