"""What becomes of a finding, whatever happens to it in whatever order."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.findings import (
    LIVE,
    UNPUBLISHED,
    Event,
    FindingState,
    next_state,
    title_of,
)
from daemon.domain.records import PageRow, PageState, SourceRow
from daemon.domain.values import Finding, Outcome, Review, ReviewKind, Severity, Usage
from daemon.store import findings, pages, reviews
from daemon.store.database import copy_in_memory


S, E = FindingState, Event
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENTS = st.lists(st.sampled_from(Event), max_size=12)
BY_PEOPLE = {E.SPOKEN, E.TURNED_DOWN, E.CLOSED, E.REOPENED}
BY_DRAFT = {E.APPROVED, E.REFUSED, E.UNDECIDED}


@pytest.mark.parametrize(
    ("state", "happened", "expected"),
    [
        (S.OPEN, [E.SPOKEN], S.ANSWERED),
        (S.OPEN, [E.TURNED_DOWN], S.DISMISSED),
        (S.ANSWERED, [E.TURNED_DOWN], S.DISMISSED),
        (S.OPEN, [E.CLOSED], S.RESOLVED),
        (S.RESOLVED, [E.REOPENED], S.OPEN),
        (S.RESOLVED, [E.REOPENED, E.SPOKEN], S.ANSWERED),
        (S.DISMISSED, [E.REOPENED, E.SPOKEN], S.DISMISSED),
        (S.DISMISSED, [E.FIXED], S.ADDRESSED),
        (S.DISMISSED, [E.FIXED, E.NO_HOLDS], S.DISMISSED),
        (S.RESOLVED, [E.FIXED], S.RESOLVED),
        (S.ANSWERED, [E.FIXED], S.ADDRESSED),
        (S.ADDRESSED, [E.CLOSED], S.ADDRESSED),
        (S.ADDRESSED, [E.UNPOSTED], S.STALE),
        (S.ADDRESSED, [E.UNRULED], S.OPEN),
        (S.DISMISSED, [E.UNRULED], S.OPEN),
        (S.ADDRESSED, [E.UNSETTLED], S.OPEN),
        (S.ANSWERED, [E.WITHDRAWN], S.WITHDRAWN),
        (S.WITHDRAWN, [E.SPOKEN, E.TURNED_DOWN, E.FIXED], S.WITHDRAWN),
        (S.DISMISSED, [E.WITHDRAWN], S.DISMISSED),
        (S.KEPT, [E.ASKED_FOR, E.SPOKEN], S.ANSWERED),
        (S.KEPT, [E.MADE_AGAIN, E.ASKED_FOR], S.UNSAID),
        (S.KEPT, [E.UNPOSTED, E.ASKED_FOR], S.STALE),
        (S.KEPT, [E.SPOKEN, E.TURNED_DOWN, E.CLOSED, E.FIXED, E.WITHDRAWN], S.KEPT),
        (S.KEPT, [E.RETRACTED], S.RETRACTED),
        (S.OPEN, [E.UNPOSTED, E.RETRACTED], S.STALE),
        (S.HELD, [E.FIXED, E.CLOSED, E.APPROVED, E.SPOKEN], S.ANSWERED),
        (S.HELD, [E.UNDECIDED, E.APPROVED], S.UNSAID),
        (S.HELD, [E.REFUSED, E.APPROVED], S.REFUSED),
        (S.DISMISSED, [E.RETRACTED, E.REOPENED], S.RETRACTED),
    ],
)
def test_what_happens_leads_to_the_state_that_people_would_name(state, happened, expected):
    for event in happened:
        state = next_state(state, event)
    assert state is expected


@given(st.sampled_from(FindingState), EVENTS)
def test_what_is_taken_back_refused_or_never_posted_stays_so(start, happened):
    states = [start]
    for event in happened:
        states.append(next_state(states[-1], event))
    final = (S.RETRACTED, S.REFUSED, S.STALE, S.UNSAID)
    assert all(now is before for before, now in pairwise(states) if before in final)


@given(EVENTS)
def test_only_a_ruling_addresses_a_finding_and_only_people_settle_it(happened):
    """Whatever comes in whatever order: no state is reached but by the event that means it."""
    means = {
        S.ADDRESSED: {E.FIXED},
        S.ADOPTED: {E.ADOPTED},
        S.DISMISSED: {E.TURNED_DOWN, E.NO_HOLDS},
        S.RESOLVED: {E.CLOSED},
        S.ANSWERED: {E.SPOKEN},
        S.WITHDRAWN: {E.WITHDRAWN},
        S.OPEN: {E.REOPENED, E.UNRULED, E.UNSETTLED, E.TAKEN_UP},
        S.STALE: {E.UNPOSTED},
        S.RETRACTED: {E.RETRACTED},
    }
    state = S.OPEN
    for event in happened:
        becomes = next_state(state, event)
        assert becomes is state or event in means[becomes]
        state = becomes


@given(st.sampled_from(FindingState), st.sampled_from(Event))
def test_the_same_event_twice_is_the_same_as_once(state, event):
    assert next_state(next_state(state, event), event) is next_state(state, event)


@given(
    st.sampled_from(sorted(set(FindingState) - {S.HELD, S.KEPT})), st.sampled_from(sorted(BY_DRAFT))
)
def test_what_becomes_of_a_draft_changes_nothing_that_was_posted(state, event):
    assert next_state(state, event) is state


@given(st.sampled_from(FindingState), EVENTS)
def test_what_people_heard_of_is_unheard_only_where_it_was_not_posted(start, happened):
    state = start
    for event in happened:
        becomes = next_state(state, event)
        if becomes in UNPUBLISHED and state not in UNPUBLISHED:
            assert event in (E.UNPOSTED, E.UNDECIDED)
        state = becomes


@given(EVENTS)
def test_what_people_do_to_a_thread_never_leaves_a_finding_without_an_owner(happened):
    """By people alone a finding stays live, or is settled by a no or a closed thread."""
    state = S.OPEN
    for event in happened:
        if event in BY_PEOPLE:
            state = next_state(state, event)
    assert state in LIVE | {S.DISMISSED, S.RESOLVED}


@pytest.fixture(scope="module")
def db():
    with closing(copy_in_memory(Path("there is none"))) as db:
        pages.save_source(db, SourceRow("s", "d", "RFCs", NOON))
        row = PageRow("p", "s", "RFC", "https://n.example/p", NOON, PageState.DONE)
        pages.save(db, [row])
        review = Review(Outcome.DONE, (), (), {}, "", (), "offline", Usage())
        told = {"prompt": "", "content_hash": "", "sweep_id": None, "at": NOON}
        reviews.add(db, "p", review, kind=ReviewKind.REVIEW, **told)
        yield db


@given(EVENTS)
def test_the_history_holds_every_state_in_its_order_and_ends_with_the_present_one(db, happened):
    number = findings.add(db, 1, "p", Finding("b", "q", "t", Severity.MINOR), NOON)
    state, states = S.OPEN, [S.OPEN]
    for minute, event in enumerate(happened):
        if (becomes := next_state(state, event)) is not state:
            states.append(becomes)
        state = findings.apply_event(db, number, event, NOON + timedelta(minutes=minute))
        assert state is becomes
    steps = findings.history(db, number)
    assert [one.state for one in steps] == states
    assert [one.at for one in steps] == sorted(one.at for one in steps)
    assert findings.get(db, number).state is states[-1]


@given(st.lists(st.sampled_from([E.FIXED, E.UNSETTLED, E.UNRULED]), max_size=8))
def test_what_a_person_turned_down_is_never_open_because_a_ruling_ends(db, happened):
    number, row_of = findings.add(db, 1, "p", Finding("b", "q", "t", Severity.MINOR), NOON), []
    findings.apply_event(db, number, E.TURNED_DOWN, NOON, "Ana said no")
    for event in happened:
        if event is E.FIXED:
            findings.apply_event(db, number, event, NOON)
        elif findings.get(db, number).state is S.ADDRESSED:
            findings.open_again(db, number, event, NOON)
        row_of.append(findings.get(db, number))
    assert findings.standing_no(db, number) == "Ana said no"
    assert {one.state for one in row_of} <= {S.ADDRESSED, S.DISMISSED}
    assert {one.why for one in row_of if one.state is S.DISMISSED} <= {"Ana said no"}
    findings.apply_event(db, number, E.TAKEN_UP, NOON)
    findings.apply_event(db, number, E.FIXED, NOON)
    assert findings.standing_no(db, number) == ""
    assert findings.open_again(db, number, E.UNSETTLED, NOON) is S.OPEN


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("How slow?", "How slow?"),
        ("**Name an owner** of the *queue*. Else nobody acts.", "Name an owner of the queue"),
        ("See [the plan](https://example.com/a): it has no date.", "See the plan: it has no date"),
        (
            "one two three four five six seven, eight nine",
            "one two three four five six seven, eight…",
        ),
        (
            "one two three four five six seven eight, nine",
            "one two three four five six seven eight…",
        ),
        (
            "Nobody says who watches the queue at night or at weekends",
            "Nobody says who watches the queue at night…",
        ),
        (
            "The two services agree on the order of the, well, writes",
            "The two services agree on the order…",
        ),
        (
            "Die Frist endet vor der Freigabe durch die Rechtsabteilung",
            "Die Frist endet vor der Freigabe…",
        ),
        (
            'The plan says that writes stop "until the queue is empty"',
            "The plan says that writes stop…",
        ),
        (
            "The plan says that writes stop until “the queue is empty”",
            "The plan says that writes stop…",
        ),
        (
            "The limit of carrier 7 (see the annex on limits) is missing",
            "The limit of carrier 7 (see the annex…)",
        ),
        (
            "Der Plan sagt „wir warten, bis die Warteschlange leer ist“",
            "Der Plan sagt „wir warten, bis die Warteschlange…“",
        ),
        (
            "Die Aufbewahrungsfrist von 30 Tagen widerspricht den 90 Tagen im Abschnitt Audit",
            "Die Aufbewahrungsfrist von 30 Tagen widerspricht…",
        ),
        (
            "Das Dokument nennt drei verschiedene Zahlen für die Größe einer Nachricht",
            "Das Dokument nennt drei verschiedene Zahlen…",
        ),
        (
            'Wer entscheidet, dass die Testphase „erfolgreich abgeschlossen" ist, steht nirgends',
            'Wer entscheidet, dass die Testphase „erfolgreich abgeschlossen"…',
        ),
        (
            "Die Kosten von ca. 12.000 € pro Monat fehlen in den Angaben der Tabelle",
            "Die Kosten von ca. 12.000 € pro Monat fehlen…",
        ),
        ("Die Kosten, z. B. für Strom, fehlen", "Die Kosten, z. B. für Strom, fehlen"),
        ("Use TLS 1.3 vs. TLS 1.2, e.g. at the edge", "Use TLS 1.3 vs. TLS 1.2…"),
        ("No step 4. The job of step 5 fails", "No step 4"),
        # A mark ends a sentence behind a word, not where it is a sign of code.
        (
            "The #! check contradicts “no required way”",
            "The #! check contradicts “no required way”",
        ),
        ("The #! Check is named twice", "The #! Check is named twice"),
        ("Files of .rs Type are found by #! alone", "Files of .rs Type are found by #! alone"),
        ("T is ?Sized here and !Send There", "T is ?Sized here and !Send There"),
        ("The ! Type and the .. Range differ", "The ! Type and the .. Range differ"),
        ("Both ..= and ... Bind alike", "Both ..= and ... Bind alike"),
        ("It gives -> ! Where `()` is told", "It gives -> ! Where () is told"),
        ("The macro println! is named twice", "The macro println! is named twice"),
        ("A folder, e.g. Downloads, is trusted", "A folder, e.g. Downloads, is trusted"),
        ("Step 2 needs v1.2 And step 3 not", "Step 2 needs v1.2 And step 3 not"),
        ("It is written in C++. The plan says Rust", "It is written in C++"),
        ("It costs 5 %. The table says 6 %", "It costs 5 %"),
        ("Nobody owns it! The plan names Ben", "Nobody owns it!"),
        ("Who owns `it`? The plan names Ben", "Who owns it?"),
        ("Who (of us)? The plan names Ben", "Who (of us)?"),
        ("Really?! The plan names Ben", "Really?!"),
        ("So they wait... The plan names Ben", "So they wait"),
        ("Qui paie\xa0? Le texte ne dit rien", "Qui paie ?"),
        (
            "Three retries with a fixed delay of one second overload a service that recovers",
            "Three retries with a fixed delay…",
        ),
        (
            "Le plan de retour en arrière ne dit pas qui peut le déclencher la nuit",
            "Le plan de retour en arrière ne dit…",
        ),
        ("El plan de reversión no dice quién puede activarlo", "El plan de reversión no dice…"),
        ("She said “No. Not now.”", "She said “No”"),
        ("Labels are lost after a day and nobody is told", "Labels are lost after a day…"),
        ("Use [ as a sign", "Use [ as a sign"),
        ("Who is it for", "Who is it for"),
        ("snake_case stays", "snake_case stays"),
        (
            "The `SELECT a, b FROM c` of step 4 locks the table twice",
            "SELECT a, b FROM c of step 4 locks the table twice",
        ),
        ("`a b`, `c d`, `e` and `f g h` do not agree", "a b, c d, e and f g h do not agree"),
        (
            "14 teams are put on the least tested channel",
            "14 teams are put on the least tested…",
        ),
        (
            "Ship date of 5.1 is unknown to package maintainers",
            "Ship date of 5.1 is unknown to package…",
        ),
        (
            "The rollback never tells who is called at night",
            "Rollback never tells who is called at night",
        ),
        (
            "The rollback never says which of us is called",
            "Rollback never says which of us is called",
        ),
        (
            "A rollback never tells who is called at night",
            "Rollback never tells who is called at night",
        ),
        (
            "An `or` beside them does not match all names",
            "or beside them does not match all names",
        ),
        ("A and B do not name the same owner now", "A and B do not name the same…"),
        ("A beats B under load of each kind measured", "A beats B under load of each kind…"),
        (
            "The rollback never tells who is called late at night",
            "The rollback never tells who is called late…",
        ),
        (
            "Nobody says who is called when the queue stops",
            "Nobody says who is called when the queue…",
        ),
        (
            "4:10 against 3:00 is 39 %, not 19 %",
            "4:10 against 3:00 is 39 %, not 19 %",
        ),
        ("19 % more cost, but 39 % more time", "19 % more cost, but 39 % more time"),
        ("Cost & time = both are 39 % off the plan", "Cost & time = both are 39 % off the plan"),
        (
            "Tickets fell from 40 a month to 39 % & nobody knows",
            "Tickets fell from 40 a month to 39 %…",
        ),
        (
            "Nobody says why the queue of orders costs > 30 €",
            "Nobody says why the queue of orders costs…",
        ),
        (
            "One two three four five six seven costs > 30 €",
            "One two three four five six seven costs…",
        ),
        ("Nobody says which of them it is for now", "Nobody says which of them…"),
        (
            "“The queue is read” contradicts the plan of Ben",
            "“The queue is read” contradicts the plan…",
        ),
        (
            'Nobody owns the „alle ihre Daten“ "never on Friday" rule of the store',
            'Nobody owns the „alle ihre Daten“ "never…"',
        ),
        ("They differ only in - and `_`", "They differ only in - and _"),
        ("They differ only in - and _", "They differ only in - and _"),
        ("2 * 3 * 4 is 24", "2 * 3 * 4 is 24"),
        (
            r"\#\[test\] and import\_trait\_functions differ",
            "#[test] and import_trait_functions differ",
        ),
        (r"`a\[0]` is \*not\* set", r"a\[0] is *not* set"),
        ("_private and _other differ", "_private and _other differ"),
        ("Use `**kwargs` and **only `here`**", "Use **kwargs and only here"),
        ("Each line ends with `;`", "Each line ends with ;"),
        ("\0 of `a b`\1", "of a b"),
        ("\n\n", ""),
        ("あ" * 200, "あ" * 79 + "…"),
        ("負責人是誰。沒有人知道", "負責人是誰。"),
    ],
)
def test_a_title_is_the_beginning_of_the_first_sentence(words, title):
    assert title_of(words) == title


@given(st.text(max_size=300))
def test_a_title_has_one_line_of_at_most_eight_words(words):
    title = title_of(words)
    assert "\n" not in title
    parts = [part for part in title.split() if any(char.isalnum() for char in part)]
    assert len(parts) <= 8 or "`" in words
    assert len(title) <= 86


LEADING_ON = (
    "the",
    "of",
    "and",
    "not",
    "für",
    "die",
    "dass",
    "keine",
    "que",
    "pour",
    "30",
    "until",
)
MARKED = (
    "“exactly once”",
    "„alle ihre Daten“",
    '"never on Friday"',
    "(see below)",
    "orders",
    "1.3.",
)
WORDS = st.sampled_from([*LEADING_ON, *MARKED])


@given(st.lists(WORDS, min_size=9, max_size=30))
def test_a_title_that_was_cut_ends_neither_in_a_word_that_leads_on_nor_in_an_open_mark(words):
    title = title_of(" ".join(["Nobody", "owns", "queues", *words]))
    marks = {sign: title.count(sign) for sign in "“”„()"}
    assert marks["("] <= marks[")"]
    assert marks["“"] - marks["„"] <= marks["”"]
    assert title.count('"') % 2 == 0
    if title.endswith("…"):
        *_, last = title.removesuffix("…").split()
        assert last.strip("“„”()") not in {*LEADING_ON} - {"30"}


def test_a_title_that_was_cut_says_so_however_often_it_is_made():
    title = title_of("Left open: “TODO: ask finance what the cold storage costs”")
    assert title == "Left open: “TODO: ask finance what the cold…”"
    assert title_of(title) == title
