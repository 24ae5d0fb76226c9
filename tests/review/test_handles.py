"""Handles: how blocks and threads are numbered, named by the model, and spelled out for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import AuthorKind
from daemon.review.handles import OPENING, Handles
from support.review_values import block, comment, heading, snapshot, thread


SEEN = snapshot(
    [block("a", "First words."), block("empty", ""), block("b", "Second words.")],
    [
        thread("t", "b", comment("1", "why?")),
        thread("u", None, comment("2", "who?")),
        thread("v", "empty", comment("3", "where?")),
    ],
)
HANDLES = Handles.of(SEEN)


def test_blocks_with_text_and_threads_are_numbered_in_order() -> None:
    assert {handle: one.id for handle, one in HANDLES.blocks.items()} == {"B1": "a", "B2": "b"}
    assert {handle: one.id for handle, one in HANDLES.threads.items()} == {
        "T1": "t",
        "T2": "u",
        "T3": "v",
    }


def test_a_block_that_is_listed_twice_has_its_first_handle() -> None:
    twice = Handles.of(snapshot([block("a", "One."), block("b", "Two."), block("a", "One.")]))
    assert twice.of_block == {"a": "B1", "b": "B2"}


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("B3", "B", ["B3"]),
        ("b 3", "B", ["B3"]),
        ("[B3 new]", "B", ["B3"]),
        ("B-03", "B", ["B3"]),
        ("3", "B", ["B3"]),
        ("#3.", "T", ["T3"]),
        ("B1, B2 and B1", "B", ["B1", "B2"]),
        ("T1 on B2", "T", ["T1"]),
        ("T1 on B2", "B", ["B2"]),
        ("T1", "B", []),
        ("B0", "B", []),
        ("AB3", "B", []),
        ("the third", "B", []),
    ],
)
def test_an_argument_names_handles_in_any_plain_way(
    text: str, kind: str, expected: list[str]
) -> None:
    assert HANDLES.parse(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See B1.", "See “› First words”."),
        ("See [b2 changed].", "See “› Second words”."),
        ("B2 moved below B1.", "“› Second words” moved below “› First words”."),
        ("T1 on B2 moved with it.", "“Ana Costa: why?” on “› Second words” moved with it."),
        ("See T1.", "See “Ana Costa: why?”."),
        ("See T1 on B2.", "See “Ana Costa: why?” on “› Second words”."),
        ("See [T2 on the page].", "See “Ana Costa: who?”."),
        ("See T3.", "See “Ana Costa: where?”."),
        ("See [T1 on words that stand in B1, B2 now].", "See “Ana Costa: why?”."),
        ("B1/B2", "“› First words” / “› Second words”"),
        ("`B1` and `[B2]`, not `B9`", "“› First words” and “› Second words”, not `B9`"),
        ("See B9 and x.B1.", "See B9 and x.B1."),
        ("That “B1” and 'B2' differ", "That “› First words” and “› Second words” differ"),
        ("See B1-B2.", "See “› First words” \u2013 “› Second words”."),
        (
            "The “first words” (B1), not “others” (B1)",
            "The “› first words”, not “others” (“› First words”)",
        ),
    ],
)
def test_people_read_words_instead_of_handles(text: str, expected: str) -> None:
    assert HANDLES.spelled_out(text) == expected


SECTIONS = Handles.of(
    snapshot(
        [
            heading("h", "Rollout"),
            block("a", "Phase 1."),
            block("b", "Phase 2."),
            heading("i", "Costs"),
            block("c", "Nothing."),
        ]
    )
)


def test_a_section_is_named_once_and_the_own_block_is_not_named_in_brackets() -> None:
    spelled = SECTIONS.spelled_out("B2 contradicts B3. B3 and B5 agree with B2.", "a")
    assert spelled == (
        "“› Phase 1” contradicts “› Phase 2”. “› Phase 2” and “Costs › Nothing” agree with "
        "“› Phase 1”."
    )
    assert SECTIONS.spelled_out("Diese Phase (B2) geht “Phase 2.” (B3) voraus.", "a") == (
        "Diese Phase geht “› Phase 2.” voraus."
    )
    assert SECTIONS.spelled_out("It is said twice (see block B3 and B5).") == (
        "It is said twice (see block “Rollout › Phase 2” and “Costs › Nothing”)."
    )


def test_words_that_name_a_block_are_not_followed_by_its_name() -> None:
    code = block("u", "use Default::default as gimme", kind="code")
    read = [heading("h", "Names"), code, block("p", "The queue is read in order, or not at all.")]
    read += [heading("i", "Costs"), block("n", "Nothing."), heading("r", "Risks")]
    handles = Handles.of(snapshot([*read, block("m", "Nothing.")]))
    for said, shown, named in (
        ("`use Default::default as gimme` in B2 lacks it.", "“Names › `{}`” lacks it.", "u"),
        (
            "Hier fehlt „x“; “use Default::default as gimme” in [B2].",
            "Hier fehlt „x“; “Names › {}”.",
            "u",
        ),
        ('"use Default::default as gimme" of B2.', "“Names › {}”.", "u"),
        ("So in B2 (“use Default::default as gimme”).", "So in “Names › {}”.", "u"),
        ("B2: `use Default::default as gimme`.", "“Names › `{}`”.", "u"),
        ("So in B2 (“use Default::default”).", "So in “Names › `{}`”.", "u"),
    ):
        spelled = handles.spelled_out(said)
        assert spelled == shown.format("use Default::default as gimme")
        assert handles.named_in(spelled, "h") == {named}
    longer = handles.spelled_out("“The queue is read in order, or not at all” in B3 is unclear.")
    assert longer == "“Names › The queue is read in order, or not at all” is unclear."
    assert handles.named_in(longer, "h") == {"p"}
    for said in ("“in order” in {}.", "“The queue is read” and {}.", "It is in {}."):
        assert handles.spelled_out(said.format("B3")) == said.format(
            "“Names › The queue is read in order…”"
        )
    assert handles.spelled_out("“Nothing” in B7.") == "“Risks › Nothing”."


def test_a_thread_is_named_by_the_title_of_its_point_or_by_who_began_it() -> None:
    said = (
        "No way back · blocking\nN/A\nSay how.",
        "✓ Settled: “No “good” owner” · “Ana owns it”\n\nNo “good” owner · minor\nx\ny",
        "Settle first:\n• No way back",
    )
    begun = [comment(str(at), words, AuthorKind.OWN) for at, words in enumerate(said)]
    threads = [thread("t", "a", begun[0]), thread("u", "a", begun[1]), thread("v", None, begun[2])]
    handles = Handles.of(snapshot([block("a", "Rollback: N/A")], threads, title="Queues"))
    assert handles.spelled_out("T1, T2, T3") == (
        "“No way back”, “No \u2018good\u2019 owner”, “Queues”"
    )
    assert handles.named_in("As in “No way back”.", "b") == {"a"}


def test_in_a_title_a_block_is_named_by_few_words_or_its_heading() -> None:
    assert SECTIONS.spelled_out("B2 denies B5", briefly=True) == "“Phase 1” denies “Nothing”"
    assert SECTIONS.spelled_out("[B4] is empty", briefly=True) == "“Costs” is empty"
    long, code = "We put a queue between the shop and the worker.", "#!/usr/bin/env cargo"
    read = [
        block("a", long),
        heading("h", "Plan"),
        block("b", long + " Now."),
        heading("i", "Code"),
    ]
    handles = Handles.of(snapshot([*read, block("c", code, kind="code")]))
    assert handles.spelled_out("B3 denies B5, not B1", briefly=True) == (
        "“Plan” denies “Code”, not “We put a queue…”"
    )


@given(st.lists(st.sampled_from(["inactive", "for", "6", "months", "and", "rollback", "the"])))
def test_in_a_title_a_block_is_named_by_whole_words_however_long_its_heading_is(
    more: list[str],
) -> None:
    words = ["Automatic", "alumni", "status", *more]
    text = " ".join(words)
    under = block("b", "Whoever asks is asked again and again, whatever was said.")
    handles = Handles.of(snapshot([block("a", text), heading("h", text), under]))
    for said in ("B1", "B2", "B3"):
        told = handles.spelled_out(said, briefly=True)
        name = told.removeprefix("“").removesuffix("”")
        assert len(name) <= OPENING[0]
        assert words[: len(name.split())] == name.rstrip("…").split()
        assert name.endswith("…") is (name != text)


def test_code_is_named_by_its_first_line_and_what_has_no_words_by_its_signs() -> None:
    code = "{\n  fn drain(queue) {\n    queue.pop()\n}}"
    handles = Handles.of(
        snapshot(
            [
                block("-", "---", plain="", kind="divider"),
                heading("h", "Plan"),
                block("c", f"```\n{code}\n```", plain=code, kind="code"),
                block("i", "[image]", plain="", kind="image"),
                block("n", "—"),
                block("t", "[ ]", plain="", kind="to_do"),
                block("u", "[ ]", plain="", kind="to_do"),
                block("r", "| Ana | 3 |", plain="Ana | 3", kind="table_row"),
            ]
        )
    )
    assert handles.spelled_out("See B1, B3, B4, B5, B7") == (
        "See “› …”, “Plan › `fn drain(queue) {`”, “Plan › 🖼”, “Plan › —”, “Plan › …” (2)"
    )
    assert handles.spelled_out("In B8 it is 3, in B3 not.", "c") == (
        "In “› Ana” it is 3, in “› `fn drain(queue) {`” not."
    )
    assert handles.named_in("“Plan › …” (2) says “…”", "c") == set()


ADDRESS = "Asked at https://tracker.example/rust/issues/30449?all=1 and answered."


@pytest.mark.parametrize(
    ("plain", "label", "brief"),
    [
        (
            "We move on Monday, but not on Friday.",
            "We move on Monday, but not on Friday",
            "We move on Monday…",
        ),
        (
            "It is said, that is: by Ana.",
            "It is said, that is: by Ana",
            "It is said, that is: by Ana",
        ),
        (
            ADDRESS,
            "Asked at tracker.example/…/30449…",
            "Asked at tracker.example/…/30449…",
        ),
        (
            "https://www.rfc-editor.org/rfc2136/",
            "www.rfc-editor.org/rfc2136",
            "www.rfc-editor.org/rfc2136",
        ),
        (
            "the_very_long_name_of_a_function()",
            "the_very_long_name_of_a_function()",
            "the_very_long_name_of_a_function…",
        ),
        ("Ana\n  | Ben |  |  |", "Ana | Ben", "Ana | Ben"),
        (
            "Labels wait in the queue. On Monday 1,200 parcels stood still.",
            "Labels wait in the queue",
            "Labels wait in the queue",
        ),
        (
            "We put a queue between the shop and the worker of each printer.",
            "We put a queue between the shop…",
            "We put a queue…",
        ),
    ],
)
def test_a_label_is_whole_words_without_their_stop(plain: str, label: str, brief: str) -> None:
    handles = Handles.of(snapshot([block("a", plain)]))
    assert handles.spelled_out("B1").replace("\\", "") == f"“› {label}”"
    assert handles.spelled_out("B1, B1").replace("\\", "").endswith(f", “› {brief}”")


def test_a_label_shows_the_signs_of_the_document_also_where_markdown_would_take_them() -> None:
    handles = Handles.of(snapshot([block("a", "Call __init__ of *args")]))
    assert handles.spelled_out("See B1.") == r"See “› Call \_\_init\_\_ of \*args”."
    assert handles.spelled_out("B1 fails", briefly=True) == "“Call __init__ of *args” fails"


def test_quotation_marks_within_a_name_are_inner_ones() -> None:
    handles = Handles.of(snapshot([block("a", "Ana said “no” to it")]))
    assert handles.spelled_out("See B1.") == "See “› Ana said \u2018no\u2019 to it”."


def test_blocks_that_begin_alike_are_told_apart_by_their_number() -> None:
    tbd = [heading("h", "Costs"), *(block(f"c{n}", "To be done.") for n in range(2))]
    more = [heading("i", "Risks"), block("r", "To be done."), block("s", "To be done in May.")]
    handles = Handles.of(snapshot([*tbd, *more]))
    assert handles.spelled_out("B2, B3, B5 and B3 again") == (
        "“Costs › To be done” (1), “Costs › To be done” (2), “Risks › To be done”"
        " and “Costs › To be done” (2) again"
    )
    assert handles.spelled_out("B3 is not B5, nor B6", briefly=True) == (
        "“Costs” is not “Risks”, nor “To be done in May”"
    )


def test_blocks_that_begin_alike_are_named_by_their_sections_and_by_more_of_their_words() -> None:
    one, two = "struct S {\n  a: u8\n}", "struct S {\n  b: u8\n}"
    read = [heading("h", "Before"), block("c", one, kind="code"), heading("i", "After")]
    read += [block("d", two, kind="code"), block("e", one, kind="code"), block("f", "It is so.")]
    handles = Handles.of(snapshot(read))
    assert handles.spelled_out("B2 became B4, not B5.", "f") == (
        "“Before › `struct S {`” became “After › `struct S {`” (1), not “After › `struct S {`” (2)."
    )
    said = [block("a", "It is done. We wait."), block("b", "It is done. We go on.")]
    assert Handles.of(snapshot(said)).spelled_out("B1, B2") == (
        "“› It is done. We wait”, “› It is done. We go on”"
    )


def test_headings_that_are_alike_are_told_apart_by_the_heading_above() -> None:
    handles = Handles.of(
        snapshot(
            [
                heading("a", "Plan A"),
                block("b", "Costs", kind="heading_3"),
                block("c", "Nothing."),
                heading("d", "Plan B"),
                block("e", "Costs", kind="heading_3"),
                block("f", "Nothing."),
            ]
        )
    )
    assert handles.spelled_out("B2, B3, B5, B6") == (
        "“Plan A › Costs”, “Plan A › Costs › Nothing”, “Plan B › Costs”, “Plan B › Costs › Nothing”"
    )


TEXTS = st.sampled_from(["", "—", "To be done", "To be done.", "2", "Plan", "so many words " * 4])
BLOCKS = st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=12)


@given(BLOCKS)
def test_no_two_blocks_with_words_have_the_same_label(made: list[tuple[str, bool]]) -> None:
    read = [
        heading(str(at), text) if is_heading else block(str(at), text or " ", plain=text)
        for at, (text, is_heading) in enumerate(made)
    ]
    handles = Handles.of(snapshot(read))
    labels = {
        handle: handles.spelled_out(f"[{handle}]")
        for handle, one in handles.blocks.items()
        if any(map(str.isalnum, one.plain))
    }
    assert len({*labels.values()}) == len(labels)
    chars, _ = OPENING
    assert all(len(one) <= 3 * chars + len("“… › … › …” (12)") for one in labels.values())


@given(BLOCKS, st.lists(st.integers(0, 11), min_size=1, max_size=4), st.integers(0, 11))
def test_no_name_of_a_block_but_a_heading_reads_as_words_to_be_written(
    made: list[tuple[str, bool]], named: list[int], own: int
) -> None:
    read = [
        heading(str(at), f"Part {at}") if is_heading else block(str(at), text or " ", plain=text)
        for at, (text, is_heading) in enumerate(made)
    ]
    handles = Handles.of(snapshot(read))
    for beside in ("{}", "{} (“To be done”)", "“To be done” ({})", "“To be done” in {}"):
        for handle in [f"B{at + 1}" for at in named if at < len(made)]:
            if handles.blocks[handle].is_heading or handles.blocks[handle].id == str(own):
                continue
            told = handles.spelled_out(f"List it in {beside.format(handle)}.", str(own))
            assert "›" in told
            assert told.count("To be done") <= 1 or "To be done" not in handles.blocks[handle].plain


@pytest.mark.parametrize("where", ["block", "title", "property", "prompt", "comment"])
def test_a_word_of_the_page_or_the_prompt_that_reads_as_a_handle_is_none(where: str) -> None:
    text = "Tier T1 pays for the B1, as B2B does."
    said = comment("1", text if where == "comment" else "Do they?")
    read = snapshot(
        [block("a", text if where == "block" else "Tiers pay.")],
        [thread("t", "a", said)],
        title=text if where == "title" else "Tiers",
        properties=(("Tier", text),) if where == "property" else (),
    )
    tiers = Handles.of(read, text if where == "prompt" else "")
    assert ([*tiers.blocks], [*tiers.threads]) == (["B2"], ["T2"])
    assert tiers.spelled_out("Is T1 right for B1 and B2B, as B2 says?", "a") == (
        f"Is T1 right for B1 and B2B, as “› {tiers.labels['B2'].words}” says?"
    )
    assert tiers.unknown("T1 and B2B, B1 and T3") == ["T3"]


LANGUAGES = snapshot(
    [
        heading("h", "Предыстория"),
        block("c", "очередь()", kind="code"),
        block("i", "[image]", plain="", kind="image"),
        block("l", "- ссылка", plain="ссылка", kind="bulleted_list_item"),
        block("r", "| да | нет |", plain="да | нет", kind="table_row"),
        block("e", "[ ]", plain="", kind="to_do"),
        block("e2", "[ ]", plain="", kind="to_do"),
    ],
    [
        thread("t", "c", comment("1", "почему?", name="Аня")),
        thread("u", None, comment("2", "Settle first:", AuthorKind.OWN)),
        thread("v", "gone", comment("3", "Нет пути · minor", AuthorKind.OWN)),
    ],
    title="Очереди",
)


@given(
    st.lists(st.sampled_from(["B1", "B2", "B3", "B5", "B7", "T1", "T2", "T3", "B9"]), max_size=9),
    st.sampled_from(["", *(one.id for one in LANGUAGES.blocks)]),
    st.booleans(),
)
def test_no_word_of_the_program_stands_within_a_sentence_of_the_model(
    named: list[str],
    own: str,
    briefly: bool,  # noqa: FBT001 - what hypothesis draws
) -> None:
    handles = Handles.of(LANGUAGES)
    said = handles.without_unknown(f"Это ({' '.join(named)}) и {', '.join(named)}.")
    told = handles.spelled_out(said, own, briefly=briefly)
    assert not [sign for sign in told if sign.isascii() and sign.isalpha()]


LIKE = [heading("h1", "Roles"), block("r1", "The list names every person by role *and* team.")]
LIKE += [heading("h2", "Terms"), block("r2", "The list names every person by role and rank.")]
LIKE += [block("r3", "retry_all()\nstop()", kind="code"), block("r4", "It ends.")]


@given(
    st.sampled_from(["B2", "B4", "B5", "B1"]),
    st.sampled_from(["h1", "r1", "r3", "r4"]),
    st.sampled_from(["{}", "“{}” in {}", "“{}” ({})", "{} (“{}”)", "{}: “{}”"]),
)
def test_what_is_spelled_out_has_its_handle_again_behind_the_words(
    name: str, own: str, named: str
) -> None:
    handles = Handles.of(snapshot(LIKE))
    if handles.blocks[name].id == own:
        return
    words = handles.blocks[name].plain.split("\n")[0].rstrip(".")
    both = (words, name) if named.startswith("“") else (name, words)
    told = handles.spelled_out(f"So says {named.format(*both)}, and more (see {name}).", own)
    again = handles.with_handles(told, own)
    assert again.count(f"({name})") == 2
    assert "\\" not in again
    assert handles.parse(again, "B") == [name]


def test_words_that_name_no_block_or_more_than_one_stay_without_a_handle() -> None:
    handles = Handles.of(snapshot(LIKE))
    same = "“The list names every person…” and “nothing of it” and `stop()`"
    assert handles.with_handles(same) == same
    assert handles.with_handles("as `a\\[0]` in \\[it\\]") == "as `a\\[0]` in [it]"


def test_a_name_is_known_again_under_a_renamed_heading_where_its_words_name_one_block() -> None:
    lines = [
        "We ask the carriers first.",
        "All is told a week before.",
        "All is told a week after.",
    ]
    read = [block(f"p{number}", line) for number, line in enumerate(lines)]
    then = Handles.of(snapshot([heading("h", "Rollout"), *read]))
    now = Handles.of(snapshot([heading("h", "Launch"), *read]))
    told = then.spelled_out("So says B2, and B3.")
    assert told == (
        "So says “Rollout › We ask the carriers first”, and “› All is told a week before”."
    )
    assert now.named_in(told, "") == {"p0", "p1"}
    assert now.with_handles(told).startswith("So says “Rollout › We ask the carriers first” (B2),")
    twice = [heading("h", "Launch"), *read, heading("i", "Plan"), block("p9", lines[0])]
    assert Handles.of(snapshot(twice)).named_in(told, "") == {"p1"}
    for surely, named in ((False, {"p0", "p9"}), (True, set())):
        found = Handles.of(snapshot(twice)).named_in(f"So says “{lines[0]}”.", "", surely=surely)
        assert found == named


def test_a_word_as_code_names_no_block_and_a_label_in_quotation_marks_does() -> None:
    read = [
        heading("e", "`edition`"),
        block("w", "Warn where it is missing."),
        heading("o", "cargo"),
    ]
    handles = Handles.of(snapshot([*read, block("p", "The key is needed.")]))
    for said in ("Set `edition`, then `cargo`.", "“`cargo` frontmatter” has `edition`", "edition"):
        assert handles.named_in(said, "p") == set()
        assert handles.with_handles(said, "p") == said
    assert handles.named_in(handles.spelled_out("B1 says so, as “cargo” does.", "p"), "p") == {
        "e",
        "o",
    }


@given(st.sampled_from(["B2", "B4", "B5", "B1"]), st.sampled_from(["h1", "r1", "r3", "r4"]))
def test_the_blocks_that_a_text_names_are_known_from_its_posted_words(name: str, own: str) -> None:
    handles = Handles.of(snapshot(LIKE))
    named = {handles.blocks[name].id} - {own}
    for said in (f"Change both: this block and {name}.", f"It is [{name}], as {name} says."):
        assert handles.named_in(handles.spelled_out(said, own), own) == named
    assert handles.named_in("Unlike “person by role and rank”.", own) == {"r2"}
    assert handles.named_in("“person by role and rank” it says.", "r2") == set()
