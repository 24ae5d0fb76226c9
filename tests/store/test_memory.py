"""Which passages of other documents are near to a text."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from sqlite_utils import Database

from daemon.domain.passages import RememberedPage
from daemon.store import memory
from daemon.store.database import open_state
from support.review_values import NOW


SOURCE = "source-1"


@pytest.fixture
def db(tmp_path):
    return open_state(tmp_path / "notion-review.db")


def remember(db: Database, title: str, passages: Iterable[str]) -> None:
    memory.note(db, [RememberedPage(title, SOURCE, title, "", "Accepted", NOW)])
    memory.save_passages(db, title, NOW, [(f"{title}-1", text) for text in passages])


def found(db: Database, *texts: str, limit: int = 8) -> list[str]:
    return [one.page.title for one in memory.nearest(db, texts, [SOURCE], "", limit)]


def test_one_near_passage_is_not_drowned_by_forty_that_share_more_with_longer_texts(
    db: Database,
) -> None:
    for number in range(40):
        remember(
            db, f"Weak {number}", [f"The key{number}, hop{number}, map{number} and tap{number}."]
        )
    remember(db, "Strong", ["A backup is encrypted before it leaves the region."])
    weak = [
        f"Of key{number}, hop{number}, map{number} and tap{number} it says at length: "
        + ", ".join(f"key{other}" for other in range(40))
        for number in range(40)
    ]
    texts = [*weak[:20], "Backups leave the region unencrypted.", *weak[20:]]
    assert found(db, *texts)[0] == "Strong"


def test_words_in_one_line_are_nearer_than_the_same_words_scattered(db: Database) -> None:
    filler = [f"Something else about matter{number} stands here." for number in range(4)]
    scattered = ["A lease is short.", filler[0], "The worker is new.", filler[1], "It has expired."]
    together = [filler[0], "A worker stops when its lease has expired.", *filler[1:]]
    remember(db, "Scattered", ["\n".join(scattered)])
    remember(db, "Together", ["\n".join(together)])
    assert found(db, "An expired lease never ends a worker.") == ["Together", "Scattered"]


def test_words_that_no_passage_has_make_no_text_less_near(db: Database) -> None:
    remember(db, "Leases", ["A worker stops when its lease has expired."])
    remember(db, "Events", ["Every event carries the tenant of its worker."])
    unknown = " ".join(f"unheard{number}" for number in range(30))
    texts = ["A lease expired.", f"The event of a tenant {unknown}."]
    assert (
        found(db, *texts, limit=1)
        == found(db, "A lease expired.", "The event of a tenant.", limit=1)
        == ["Events"]
    )


def test_what_has_no_word_in_common_is_not_told(db: Database) -> None:
    remember(db, "Leases", ["A worker stops when its lease has expired."])
    assert found(db, "Colours differ.") == []
    assert found(db, "") == []
    assert found(db) == []


def test_identifiers_are_found_by_their_parts(db: Database) -> None:
    remember(db, "Names", ["What LLVM has as asm goes away."])
    assert found(db, "llvm_asm stays") == ["Names"]
