"""Whatever the document, the rules hold to their promises, and come to an end."""

import sys
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import Author, AuthorKind, Block, Comment, Page, Snapshot, Thread
from daemon.notion.to_markdown import both
from daemon.review import offline
from daemon.review.offline.document import Kind, kind_of, read, sentences
from support.offline_markdown import HOSTILE, PAGE_ID, WHEN, blocks, hostile, snapshot
from support.places import FIXTURES


TODAY = date(2026, 8, 1)
OFFLINE_DOCUMENTS = FIXTURES / "offline"
PAGE = Page(PAGE_ID, "source", "RFC: a page", "https://example.com", WHEN, WHEN)
TYPES = [
    *("paragraph", "heading_1", "heading_2", "heading_3", "heading_4", "bulleted_list_item"),
    *("numbered_list_item", "to_do", "toggle", "quote", "callout", "code", "table", "table_row"),
    *("image", "divider", "equation", "column", "unsupported"),
]
PIECES = [
    *("the", "the the", "of the of the", "a", "TODO", "TODO: ask", "TBD", "(TBD)", "???", "QXR"),
    *("lorem ipsum", "to be decided", "[your name]", "<insert the", "(QXR)", "QXRs", "API", "é"),
    *("three options", "two reasons:", "4 steps:", "there are", "see section 4.2", "§ 7", "日本"),
    *("Appendix B", "see Rollback below", "[x](#gone)", "[x](https://a.example)", "](", "[", "]"),
    *("`code`", "``", "`", "**bold**", "~~old~~", "*", "_", "“quoted”", "“", "”", "'", '"', "\\"),
    *("we will launch in March 2024", "2024-13-99", "Q9 2024", "2024", "in", "by", "1.", "1.2"),
    *("Problem", "Alternatives", "Risks", "Rollout", "production", "customers", "#", "🙂"),
    *(".", ":", ",", ";", "\n", "  ", "\u00a0"),
]

texts = st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join) | st.text(max_size=40)


@st.composite
def documents(draw):
    count = draw(st.integers(0, 25))
    found = []
    for number in range(count):
        plain = draw(texts)
        line = draw(st.sampled_from([plain, f"- {plain}", f"**{plain}**", f"`{plain}`", ""]))
        kind, depth = draw(st.sampled_from(TYPES)), draw(st.integers(0, 3))
        commentable = draw(st.integers(0, 5)) > 0
        found.append(Block(f"id-{number}", kind, depth, line, plain, commentable))
    return Snapshot(PAGE, tuple(found), (), WHEN)


@given(documents())
def test_every_finding_quotes_a_block_that_takes_comments_in_the_documents_order(page):
    findings = offline.findings(page, TODAY)
    by_id = page.by_id
    for finding in findings:
        assert by_id[finding.block_id].commentable
        assert finding.quote.strip()
        assert finding.quote in by_id[finding.block_id].plain
        assert kind_of(finding) in Kind
    order = list(by_id)
    places = [order.index(finding.block_id) for finding in findings]
    assert places == sorted(places)


@given(documents(), texts)
def test_what_a_rule_finds_is_not_mended_and_every_comment_has_an_answer_or_none(page, text):
    findings = offline.findings(page, TODAY)
    assert all(offline.still_finds(one, findings) for one in findings)
    ana = Author("ana", "Ana", AuthorKind.PERSON)
    thread = Thread("t", "id-0", (Comment("c", ana, WHEN, text, text, WHEN, new=True),))
    for raised in (None, *findings[:1]):
        answer = offline.answer(thread, page, TODAY, raised)
        assert answer is None or answer.strip()


def test_a_question_on_a_page_without_any_text_gets_an_answer_or_none():
    ana = Author("ana", "Ana", AuthorKind.PERSON)
    asked = Comment("c", ana, WHEN, "TODO ???", "TODO ???", WHEN, new=True)
    answer = offline.answer(Thread("t", "id-0", (asked,)), snapshot(""), TODAY, None)
    assert answer is None or answer.strip()


@given(documents())
def test_what_the_rules_read_has_the_length_of_the_text(page):
    for passage in read(page).passages:
        size = len(passage.block.plain)
        assert (len(passage.text), len(passage.prose), len(passage.own)) == (size, size, size)


@given(texts)
def test_sentences_follow_each_other_and_leave_out_only_white_space(text):
    spans = list(sentences(text))
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())


@pytest.mark.parametrize(
    ("markdown", "prose"),
    [
        ("in the `in` operator", "in the  operator"),
        ("a ``b `c` d`` e", "a  e"),
        ("**bold `code`** and ~~old~~ new", "bold  and  new"),
        ("[`code`](https://a.example) text", " text"),
        ("snake_case and *more* _text_", "snake_case and more text"),
    ],
)
def test_code_and_struck_text_are_blanked_where_they_stand(markdown, prose):
    [passage] = read(snapshot(markdown)).passages
    assert passage.prose.replace("\ufffc", "") == prose


MARKS = ("code", "bold", "italic", "strikethrough")
PARTS = ["TODO", "a", "the", " the ", "`", "*x*", "in", "[b]", "(c)", "\\", "&#97;", "snake_x", "~"]


@st.composite
def rich_texts(draw):
    """Rich text as Notion gives it: parts, each with its marks and perhaps a link."""
    items = []
    for text in draw(st.lists(st.sampled_from(PARTS), max_size=6)):
        marks = draw(st.sets(st.sampled_from(MARKS), max_size=2))
        link = draw(st.sampled_from([None, None, "https://a.example/(b)_c"]))
        notes = {mark: mark in marks for mark in MARKS}
        items.append({"plain_text": text, "href": link, "annotations": notes})
    return items


@given(rich_texts())
def test_what_notion_marks_as_code_or_struck_is_blanked_and_nothing_else(rich):
    line, plain = both(rich)
    hidden = [
        bool(item["annotations"]["code"] or item["annotations"]["strikethrough"])
        for item in rich
        for _ in item["plain_text"]
    ]
    page = Snapshot(PAGE, (Block("a", "paragraph", 0, line, plain),), (), WHEN)
    [passage] = read(page).passages
    letters = [at for at, char in enumerate(plain) if not char.isspace()]
    assert [passage.prose[at] == "\ufffc" for at in letters] == [hidden[at] for at in letters]


def test_a_line_that_cannot_be_followed_still_hides_its_code():
    block = Block("a", "paragraph", 0, "mark: `TODO` then `x`", "TODO then x, differently")
    assert offline.findings(Snapshot(PAGE, (block,), (), WHEN), TODAY) == ()


def large(count):
    files = sorted(OFFLINE_DOCUMENTS.glob("*/*.md"))
    some = [block for path in files for block in blocks(path.read_text("utf-8"))]
    many = (replace(some[n % len(some)], id=f"x{n}") for n in range(count))
    return Snapshot(PAGE, tuple(many), (), WHEN)


def lines_run(page):
    """Count the lines of Python that the rules run through, each turn of a loop anew."""
    run = 0

    def count(_frame, event, _arg):
        nonlocal run
        run += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        offline.findings(page, TODAY)
    finally:
        sys.settrace(before)
    return run


def test_twice_the_blocks_are_at_most_twice_the_work():
    offline.findings(large(10), TODAY)  # imports the rules
    once, twice = lines_run(large(1_000)), lines_run(large(2_000))
    assert once > 1_000
    assert twice < 2.5 * once


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_single_block_holds_the_rules_up(piece):
    """A regular expression that tries every way would take for ever; the benchmark has the rest."""
    page = hostile(piece, 20_000)
    assert all(one.quote in page.by_id[one.block_id].plain for one in offline.findings(page, TODAY))
