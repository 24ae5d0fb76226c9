"""Praise, talk of the model and commonplaces are no comments; a point is never lost with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import Finding, Severity
from daemon.review.cleaning import links_in, visible
from daemon.review.handles import Handles
from daemon.review.leaks import NO_GUARD
from daemon.review.wording import INSTEAD, Wording, invented, unsaid, without_noise
from support.review_values import block, heading, snapshot


EMPTY = (
    "Great job!",
    "Well done.",
    "Excellent work on the introduction!",
    "This is a very well-structured RFC.",
    "The document is clear and well written.",
    "Overall, the proposal looks solid.",
    "I am an AI language model.",
    "I have carefully reviewed the document.",
    "I hope this helps!",
    "Let me know if you have any questions.",
    "Security is important.",
    "Data privacy and backups are crucial.",
    "Please consider adding more details.",
    "Add more context here.",
    "This section could be improved further.",
    "This needs more detail.",
)
POINTS = (
    "Step 4 drops the table that step 6 reads.",
    "The proposal is clear, but nobody owns the queue.",
    "This is a good document to name the owner in.",
    "Backups are important here because step 4 drops the table.",
    "Add more details on what happens to orders of that hour.",
    "The plan is well documented except for the rollback.",
    "Good start on the rollback but nobody owns it.",
    "Let me know if B4 means calendar days.",
    "I have read the plan and step 4 drops the table.",
    "Great: the retry is bounded. Say by what.",
    "This section needs a number.",
    "I have no way to check the 30 ms: say how they were measured.",
    "Das ist so nicht zu halten: B4 nennt drei Tage.",
)


@pytest.mark.parametrize("sentence", EMPTY)
def test_a_sentence_that_gives_nothing_to_do_is_left_out(sentence: str) -> None:
    assert without_noise(sentence) == ""
    assert without_noise(f"{sentence} {POINTS[0]}") == POINTS[0]
    assert without_noise(f"{POINTS[0]}\n\n{sentence}") == POINTS[0]


@pytest.mark.parametrize("text", POINTS)
def test_a_point_stays_to_the_letter(text: str) -> None:
    assert without_noise(text) == text


def test_of_a_sentence_that_begins_with_talk_of_the_model_the_rest_stays() -> None:
    assert without_noise(f"Here are my comments: {POINTS[0]}") == POINTS[0]
    said = "As an AI language model, I cannot see the dashboard. Say what it shows."
    assert without_noise(said) == "I cannot see the dashboard. Say what it shows."


def test_what_was_said_before_is_said_once() -> None:
    said = "Name the owner. It is 30 ms.\n- Name the owner!\n- No. No."
    assert without_noise(said) == "Name the owner. It is 30 ms.\n\n- No. No."
    long = f"{POINTS[0]} " * 40 + POINTS[1]
    assert without_noise(long) == long
    code = "```\nretry(one, two)\nretry(one, two)\n```"
    assert without_noise(code) == code


@given(st.lists(st.sampled_from([*EMPTY, *POINTS]), max_size=8))
def test_whatever_is_said_every_point_stays_once_and_in_order(said: list[str]) -> None:
    kept = without_noise(" ".join(one.rstrip(".:!") + "." for one in said))
    wanted = [one.rstrip(".") for one in dict.fromkeys(said) if one in POINTS]
    at = [kept.index(one) for one in wanted]
    assert at == sorted(at)
    assert not any(one.rstrip(".:!") in kept for one in EMPTY)


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("B2: nobody owns the queue", "nobody owns the queue"),
        ("[B2]: nobody owns it", "nobody owns it"),
        ("B2 denies B1", "“Ana owns it” denies “Plan”"),
        ("`SELECT a, b` of B2 locks all", "SELECT a, b of “Ana owns it” locks all"),
        ("", "Say who owns it"),
    ],
)
def test_a_title_names_the_matter_and_not_its_own_block(given: str, title: str) -> None:
    handles = Handles.of(snapshot([heading("h", "Plan"), block("a", "Ana owns it.")]))
    wording = Wording(handles, frozenset(), NO_GUARD, ["comment"])
    assert wording.title(given, "Say who owns it.") == title


def test_a_title_keeps_the_addresses_of_the_document_and_no_others() -> None:
    handles = Handles.of(snapshot([block("a", "The crate is on crates.io.")]))
    wording = Wording(handles, frozenset({"crates.io"}), NO_GUARD, ["comment"])
    assert wording.title("Nobody owns crates.io", "Say who.") == "Nobody owns crates.io"
    assert wording.title("Nobody owns evil.io here", "Say who.") == "Nobody owns here"


PAGE = (
    "Queues",
    "Ana Costa moves the orders queue to Kafka in three weeks; v2.1 keeps orders for 30 days.",
    "See https://good.example/plan, written 2026-03-02 for retry_policy.",
)
QUOTE = "moves the orders queue to Kafka in three weeks"
OFFERED = (
    "moves the orders queue to Kafka",
    "moves the orders queue to **Kafka** in three weeks, by Ana Costa",
    "Orders stay where they are for 30 days",
    "moves it in three weeks, see https://good.example/plan",
    "sets `retry_policy` as written 2026-03-02",
    "Before the queue moves, v2.1 ends; afterwards it is kept",
)
INVENTED = {
    "moves the orders queue to Kafka in four weeks": ["four"],
    "moves the orders queue to Kafka in 3 weeks": ["3"],
    "moves it on 2026-02-03": ["2026-02-03"],
    "moves the orders queue to Redis": ["Redis"],
    "Redis holds the orders": ["Redis"],
    "Ben moves the orders queue": ["Ben"],
    "AWS moves the queue to v2.2": ["2.2", "AWS"],
    "sets `retry_limit` on the queue": ["retry_limit"],
}


def offered(words: str, quote: str = QUOTE, known: tuple[str, ...] = PAGE) -> tuple[str, str]:
    wording = Wording(Handles.of(snapshot([block("p", "x")])), links_in(PAGE[-1]), NO_GUARD, ())
    return wording.offered(words, quote, next(one for one in known if quote in one), known)


def test_a_wording_that_is_offered_names_only_what_somebody_wrote() -> None:
    for words in OFFERED:
        assert offered(words) == (words.replace("*", "").replace("`", ""), "")
    for words, new in INVENTED.items():
        assert invented(words, PAGE) == new
        why = f"neither the document nor the prompt has {', '.join(new)}"
        assert offered(words) == ("", f"instead is left out: {why}")
        assert offered(words, known=(*PAGE, f"The prompt says: {words}"))[0] != ""


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("moves the queue, see https://evil.example/plan", "it holds a link"),
        ("moves the queue to @Ana Costa", "it holds the sign that calls a person"),
        ("moves the queue to &#64;Ana Costa", "it holds the sign that calls a person"),
        ("see &#104;ttps://evil.example/plan", "it holds a link"),
        ("the orders queue moves " * 5, f"it is longer than {INSTEAD} times the quote"),
        (QUOTE.upper(), "it says nothing that does not stand there"),
        ("keeps orders for 30 days", "it says nothing that does not stand there"),
        ("…", "it says nothing that does not stand there"),
    ],
)
def test_a_wording_that_is_offered_is_left_out_with_the_reason(words: str, why: str) -> None:
    offer, reason = offered(words)
    assert offer == ""
    assert reason.startswith(f"instead is left out: {why}")


def test_no_wording_is_none_and_one_may_shorten_the_quote() -> None:
    assert offered("  ") == ("", "")
    assert offered("to Kafka in three weeks") == ("to Kafka in three weeks", "")


@given(st.text(), st.lists(st.text()))
def test_what_stands_on_the_page_is_never_invented(words: str, others: list[str]) -> None:
    assert invented(visible(words), [*others, words]) == []


OWNED = Finding(
    "b1", "Nobody owns", "Name somebody.", Severity.IMPORTANT, title="Rollout without owner"
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Settle the limit. “Nobody owns the rollout…” is open.", "Settle the limit."),
        ("The rollout has no owner.", ""),
        ("Ship it in May. Then scale.", "Ship it in May. Then scale."),
        ("", ""),
    ],
)
def test_no_sentence_tells_of_a_refuted_point(text: str, left: str) -> None:
    handles = Handles.of(snapshot([block("b1", "Nobody owns the rollout of the queue.")]))
    assert unsaid(text, [OWNED], handles) == left
    assert unsaid(text, [], handles) == text
