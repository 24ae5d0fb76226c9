"""Whatever people and models write, a page shows it as text and as nothing else."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.console import views
from daemon.store.reviews import ReviewedLine


KINDS = ["paragraph", "heading_2", "bulleted_list_item", "to_do", "quote", "code", "table_row"]
# What may stand in a block's line or a comment, with the attributes that it may have.
ALLOWED = {
    **{tag: {"class"} for tag in ("strong", "em", "s", "code", "pre", "br", "p", "hr")},
    **{tag: {"start"} for tag in ("blockquote", "ul", "ol", "li")},
    **{f"h{level}": set() for level in range(1, 7)},
    "a": {"href", "rel", "target", "title"},
    "span": {"class"},
}
PIECES = [
    "<script>",
    "</p>",
    "<img src=x onerror=alert(1)>",
    "javascript:",
    "[a](",
    "[a]()",
    ")",
    "](",
    "![",
    "data:text/html,x",
    "`",
    "```",
    "**",
    "~~",
    "|",
    "\\",
    "&lt;",
    "&#60;",
    '"',
    "'",
    "<",
    ">",
    "https://corp.example/",
    "<https://a.example>",
    "<javascript:alert(1)>",
    "\n",
    "# ",
    "- ",
    "x",
    "[b]: javascript:alert(1)",
    "[b]",
    "vbscript:x",
    "JaVaScRiPt:x",
    "\u202e",
    "\x00",
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def check(html):
    for tag, given_ in Elements(html).found:
        assert tag in ALLOWED, html
        assert given_.keys() <= ALLOWED[tag], html
        if tag == "a":
            assert given_.get("href", "http://").lower().startswith(("http://", "https://")), html
            assert "noopener" in given_["rel"]


@given(texts, st.sampled_from(KINDS))
def test_no_line_of_a_document_becomes_more_than_text_and_web_links(text, kind):
    check(str(views.line(ReviewedLine("id", kind, 0, text))))


@given(texts)
def test_no_comment_becomes_more_than_text_and_web_links(text):
    check(str(views.comment(text)))


@given(texts)
def test_no_title_becomes_an_element(text):
    shown = views.environment().from_string("{{ title | plain }}").render(title=text)
    assert Elements(shown).found == []


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "", "ftp://a", "https:x"]
)
def test_only_a_web_address_is_linked(url):
    assert views.web(url) == ""
    assert "href" not in views.line(ReviewedLine("id", "paragraph", 0, f"[text]({url})"))


def test_a_line_is_shown_without_its_mark_and_a_table_in_cells():
    def shown(kind, text):
        line = ReviewedLine("id", kind, 0, text)
        return views.lead(line), str(views.line(line))

    assert shown("to_do", "[x] **done**") == ("☑", "<strong>done</strong>")
    assert shown("to_do", "[ ] open") == ("☐", "open")
    assert shown("bulleted_list_item", "- item") == ("•", "item")
    assert shown("numbered_list_item", "iv. item") == ("iv.", "item")
    assert shown("heading_3", "### Title") == ("", "Title")
    assert shown("quote", "> a\n> b") == ("", "a<br />\nb")
    assert shown("table_row", r"| a | b \| c |") == (
        "",
        '<span class="cell">a</span><span class="cell">b | c</span>',
    )
