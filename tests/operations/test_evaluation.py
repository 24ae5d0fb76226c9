"""Which reviews an evaluation makes, and of what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from daemon.domain.records import PageRow, PageState
from daemon.domain.values import Block, Snapshot
from daemon.operations.evaluation import Document, KeptResults, cases, changed_later, snapshot_of
from daemon.operations.measures import Result
from daemon.store.reviews import ReviewedText
from support.offline_markdown import snapshot
from support.places import FIXTURES


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROW = PageRow("p", "s", "RFC", "https://n/p", NOW, PageState.DONE)
TEXT = """## Plan

It waits for **30 days**, see `clients.toml` and [the log](https://n/log).

1. First.
   - Below *it*.
2. Second, then 3. third.

- [x] Done.

> Said by others.

| a | `b` |
|---|---|
| 1 | 2 |

```python
x = "`"
```
"""


@pytest.mark.parametrize(
    "text", [TEXT, *(one.read_text("utf-8") for one in (FIXTURES / "offline/clean").glob("*.md"))]
)
def test_a_kept_text_is_read_as_the_page_was(text: str) -> None:
    page = snapshot(text, "RFC", (("Status", "In review"),))
    again = snapshot_of(ReviewedText.of(page), ROW)
    assert again.blocks == page.blocks
    assert (again.page.title, again.page.properties) == (page.page.title, page.page.properties)


def test_marks_go_with_their_types_alone() -> None:
    lines = [("paragraph", "- no item", "- no item"), ("toggle", "+ More", "More")]
    lines += [("quote", "> one\n> two", "one\ntwo"), ("equation", "$$x$$", "x")]
    page = Snapshot(
        snapshot("").page,
        tuple(Block(str(n), kind, 0, line, plain) for n, (kind, line, plain) in enumerate(lines)),
        (),
        NOW,
    )
    assert snapshot_of(ReviewedText.of(page), ROW).blocks == page.blocks


def test_nothing_is_planted_into_a_draft() -> None:
    draft = snapshot("It waits 30 days.\n\nAfter 30 days it goes.\n")
    later = snapshot("It waits 30 days.\n\nAfter 40 days it goes.\n")
    assert len(list(cases([Document("d", draft)], 1, 2))) == 3
    assert [one.planted for one in cases([Document("d", draft, later)], 1, 2)] == [None, None]


def test_each_review_of_a_run_has_an_id_that_the_next_run_gives_it_again() -> None:
    document = Document("d", snapshot("It waits 30 days.\n\nAfter 30 days it goes.\n"))
    ids = [one.id for one in cases([document], 1, 2)]
    assert len(set(ids)) == len(ids)
    renamed = replace(document, name="e")
    assert [one.id for one in cases([renamed], 1, 2)] == ids


def test_a_block_that_only_moved_did_not_change_later() -> None:
    draft = snapshot("One.\n\nTwo.\n\nThree.\n\nFour.\n")
    blocks = [replace(one, id=f"new {one.id}") for one in draft.blocks]
    later = replace(draft, blocks=(blocks[2], blocks[0], replace(blocks[1], line="Two!")))
    assert changed_later(draft, later) == {"b2", "b4"}


def test_a_line_that_was_cut_off_counts_as_not_made(tmp_path) -> None:
    path = tmp_path / "kept.jsonl"
    one = Result("key", "case", "d", None, 0, ())
    KeptResults(path).add(one)
    KeptResults(path).add(replace(one, key="other"))
    path.write_text(path.read_text()[:-9])
    assert KeptResults(path).get("key") == one
    assert KeptResults(path).get("other") is None
