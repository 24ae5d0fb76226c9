"""What the team's other documents say, by passage, and which of it is near to a text.

The index is SQLite's FTS5 (https://www.sqlite.org/fts5.html), made when the first text is kept.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from math import log
from operator import itemgetter
from typing import Any

from sqlite_utils import Database

from daemon.domain.notation import iso, when
from daemon.domain.passages import Passage, RememberedPage


_TOKENIZER = "porter unicode61 remove_diacritics 2"
_WORD = re.compile(r"[^\W_]{2,}")
# So many of a text's rarest words look for passages, and so many passages are compared.
RARE_WORDS, CANDIDATES = 14, 40
# They may stand in so many passages together, which bounds what a search costs; so many words look
# in any case that stand in no more than MOST_PASSAGES, and the rarest does always.
PASSAGES, LEAST_WORDS, MOST_PASSAGES = 2_000, 3, 5_000
# A word that stands in more than one of so many passages finds none, but in a few it does.
TELLING, FEW = 5, 50
# Added to what a text could have in common, so that one of two common words does not come first.
SHORT = 30.0
# So many texts look at once, which bounds what is held of passages meanwhile.
TOGETHER = 32
# Of Okapi BM25: how soon a word's repetitions tell no more, and how far length counts.
_REPEATS, _LENGTH = 1.2, 0.75


def note(db: Database, listed: Iterable[RememberedPage]) -> None:
    """Store pages that are to be remembered; one that was edited is read again."""
    for page in listed:
        db.execute(
            "INSERT INTO remembered_pages (id, source_id, title, url, standing, edited)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " source_id = excluded.source_id, title = excluded.title, url = excluded.url,"
            " standing = excluded.standing, edited = excluded.edited"
            " WHERE (source_id, title, url, standing, edited) IS NOT (excluded.source_id,"
            " excluded.title, excluded.url, excluded.standing, excluded.edited)",
            [page.id, page.source_id, page.title, page.url, page.standing, iso(page.edited)],
        )


def known(db: Database, ids: Sequence[str]) -> set[str]:
    """Return those of some pages that are remembered."""
    rows = db.execute(
        "SELECT id FROM remembered_pages WHERE id IN (SELECT value FROM json_each(?))",
        [json.dumps(ids)],
    )
    return {row[0] for row in rows.fetchall()}


def ids_of(db: Database, source_id: str) -> set[str]:
    """Return the remembered pages of a data source."""
    rows = db.execute("SELECT id FROM remembered_pages WHERE source_id = ?", [source_id])
    return {row[0] for row in rows.fetchall()}


def ids_elsewhere(db: Database, sources: Sequence[str]) -> list[str]:
    """Return the remembered pages of all other data sources."""
    rows = db.execute(
        "SELECT id FROM remembered_pages WHERE source_id NOT IN (SELECT value FROM json_each(?))",
        [json.dumps(sources)],
    )
    return [row[0] for row in rows.fetchall()]


def unread(db: Database, sources: Sequence[str], limit: int) -> list[RememberedPage]:
    """Return pages whose text is not known as it is now, the newest first."""
    rows = db.execute(
        "SELECT id, source_id, title, url, standing, edited FROM remembered_pages"
        " WHERE read_edited IS NOT edited AND source_id IN (SELECT value FROM json_each(?))"
        " ORDER BY edited DESC, id LIMIT ?",
        [json.dumps(sources), limit],
    )
    return [_page(row) for row in rows.fetchall()]


def _page(row: Sequence[Any]) -> RememberedPage:
    id_, source_id, title, url, standing, edited = row[:6]
    return RememberedPage(id_, source_id, title, url, standing, when(edited))


def save_passages(
    db: Database, page_id: str, edited: datetime, passages: Iterable[tuple[str, str]]
) -> None:
    """Store a page's passages as of an edit, in the place of what was known.

    Each is the id of its first block, and its text, a line for each block or more.
    """
    with db.atomic():
        db.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS remembered USING fts5 (text,"
            f" content = 'remembered_blocks', content_rowid = 'id', tokenize = '{_TOKENIZER}')"
        )
        _drop_passages(db, page_id)
        for block_id, text in passages:
            row = db.execute(
                "INSERT INTO remembered_blocks (page_id, block_id, text) VALUES (?, ?, ?)"
                " RETURNING id",
                [page_id, block_id, text],
            ).fetchone()
            db.execute("INSERT INTO remembered (rowid, text) VALUES (?, ?)", [row[0], text])
        db.execute(
            "UPDATE remembered_pages SET read_edited = ? WHERE id = ?", [iso(edited), page_id]
        )


def drop(db: Database, ids: Iterable[str]) -> None:
    """Forget pages with their texts."""
    with db.atomic():
        for page_id in ids:
            _drop_passages(db, page_id)
            db.execute("DELETE FROM remembered_pages WHERE id = ?", [page_id])


def erase(db: Database, page_id: str) -> int:
    """Forget a page so that the index keeps none of its words; return its number of passages."""
    with db.atomic():
        count = _drop_passages(db, page_id)
        db.execute("DELETE FROM remembered_pages WHERE id = ?", [page_id])
        if count:
            # Deleted words stay in the index until its parts are merged.
            db.execute("INSERT INTO remembered (remembered) VALUES ('optimize')")
    return count


def _drop_passages(db: Database, page_id: str) -> int:
    rows = db.execute(
        "SELECT id, text FROM remembered_blocks WHERE page_id = ?", [page_id]
    ).fetchall()
    with db.atomic():
        for row in rows:
            db.execute(
                "INSERT INTO remembered (remembered, rowid, text) VALUES ('delete', ?, ?)", row
            )
        db.execute("DELETE FROM remembered_blocks WHERE page_id = ?", [page_id])
    return len(rows)


def nearest(
    db: Database, texts: Sequence[str], sources: Sequence[str], but: str, limit: int
) -> list[Passage]:
    """Return the passages that are nearest to any of some texts, the nearest first.

    Near is a passage that has many of a text's words, the rare ones before all, and of which one
    line has many. That counts as a share of what any passage could have: else long texts would
    come first.

    Args:
        db: The state.
        texts: What the passages should be about, each by itself.
        sources: The data sources whose pages may be told of.
        but: The page that is left out.
        limit: How many passages.
    """
    if not sources or "remembered" not in db.table_names():
        return []
    best = dict[int, tuple[float, Passage]]()
    for at in range(0, len(texts), TOGETHER):
        for number, found in _near(db, texts[at : at + TOGETHER], sources, but).items():
            best[number] = max(found, best.get(number, found), key=itemgetter(0))
        ranked = sorted(best.items(), key=lambda one: (-one[1][0], one[0]))
        best = dict(ranked[:limit])
    return [passage for _, passage in best.values()]


def _near(
    db: Database, texts: Sequence[str], sources: Sequence[str], but: str
) -> dict[int, tuple[float, Passage]]:
    """Return by number what is near to any of some texts, and how near."""
    words = [sorted({word.casefold() for word in _WORD.findall(text)}) for text in texts]
    every = sorted({word for each in words for word in each})
    stem = {every[at]: found for at, found in _stems(db, every)}
    asked = [{stem[word]: word for word in each if word in stem} for each in words]
    counts, total = _counts(db, set(stem.values()))
    found = [_candidates(db, _telling(each, counts, total), sources, but) for each in asked]
    passages = {number: passage for each in found for number, passage in each.items()}
    parts = _parts(db, passages, counts)
    best = dict.fromkeys(passages, 0.0)
    for each, near in zip(asked, found, strict=True):
        weights = {one: log(1 + (total + 0.5) / (counts[one] + 0.5)) for one in each if counts[one]}
        most = sum(weights.values()) + SHORT
        for number in near:
            whole, *lines = (_shared(weights, *part) for part in parts[number])
            best[number] = max((whole + max(lines)) / most, best[number])
    return {number: (best[number], passage) for number, passage in passages.items()}


def _stems(
    db: Database, texts: Iterable[str], only: Iterable[str] | None = None
) -> list[tuple[int, str]]:
    """Return each place of a stem as (number of the text, stem); `only` those, if given.

    SQLite alone knows how it stems words; they go through a table of the same tokenizer, which
    ends with the connection.
    """
    with db.atomic():
        for table, module in (
            ("words", f"fts5 (word, content = '', tokenize = '{_TOKENIZER}')"),
            ("word_stems", "fts5vocab (temp, words, instance)"),
        ):
            db.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{table} USING {module}")
        db.execute("INSERT INTO temp.words (words) VALUES ('delete-all')")
        db.conn.executemany("INSERT INTO temp.words (rowid, word) VALUES (?, ?)", enumerate(texts))
    if only is None:
        return db.execute("SELECT doc, term FROM temp.word_stems").fetchall()
    return db.execute(
        "SELECT doc, term FROM temp.word_stems WHERE term IN (SELECT value FROM json_each(?))",
        [json.dumps([*only])],
    ).fetchall()


def _counts(db: Database, stems: Iterable[str]) -> tuple[dict[str, int], int]:
    """Return in how many passages each stem stands, and how many passages there are."""
    db.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.stems USING fts5vocab (main, remembered, row)"
    )
    counts = dict[str, int]()
    for stem in stems:  # one by one: else SQLite reads all its words
        rows = db.execute("SELECT doc FROM temp.stems WHERE term = ?", [stem]).fetchall()
        counts[stem] = sum(row[0] for row in rows)
    return counts, db.execute("SELECT count(*) FROM remembered_blocks").fetchone()[0]


def _telling(words: Mapping[str, str], counts: Mapping[str, int], total: int) -> list[str]:
    """Return those of some words, given by stem, that look for passages: the rarest."""
    most = max(total // TELLING, FEW)
    known = [stem for stem in words if 0 < counts[stem] <= most]
    rarest = sorted(known, key=lambda stem: (counts[stem], stem))[:RARE_WORDS]
    passages = list(accumulate(counts[stem] for stem in rarest))
    few = min(bisect_right(passages, MOST_PASSAGES), LEAST_WORDS)
    enough = max(bisect_right(passages, PASSAGES), few, 1)
    return [words[stem] for stem in rarest[:enough]]


def _candidates(
    db: Database, words: Sequence[str], sources: Sequence[str], but: str
) -> dict[int, Passage]:
    """Return the passages with most of some words, by number."""
    if not words:
        return {}
    rows = db.execute(
        "SELECT page.id, source_id, title, url, standing, edited, block_id, block.text, block.id"
        " FROM remembered JOIN remembered_blocks AS block ON block.id = remembered.rowid"
        " JOIN remembered_pages AS page ON page.id = page_id"
        " WHERE remembered MATCH ? AND page.id != ?"
        " AND source_id IN (SELECT value FROM json_each(?)) ORDER BY rank LIMIT ?",
        [" OR ".join(f'"{word}"' for word in words), but, json.dumps(sources), CANDIDATES],
    )
    return {row[8]: Passage(_page(row), row[6], row[7]) for row in rows.fetchall()}


_Part = tuple[Counter[str], float]  # how often stems stand in it, and its length against the usual


def _parts(
    db: Database, passages: Mapping[int, Passage], stems: Iterable[str]
) -> dict[int, list[_Part]]:
    """Return the parts of each passage by number: first the whole, then its lines."""
    lines = [(number, line) for number, one in passages.items() for line in one.text.split("\n")]
    usual = sum(len(line) for _, line in lines) / max(len(lines), 1)
    whole = usual * len(lines) / max(len(passages), 1)
    parts = {
        number: [(Counter[str](), len(passage.text) / whole)]
        for number, passage in passages.items()
    }
    for number, line in lines:
        parts[number].append((Counter(), len(line) / usual))
    holding = [(parts[number][0], part) for number in parts for part in parts[number][1:]]
    for at, stem in _stems(db, (line for _, line in lines), stems):
        for count, _ in holding[at]:
            count[stem] += 1
    return parts


def _shared(weights: Mapping[str, float], count: Counter[str], length: float) -> float:
    """Return the weight of the words that a part has, by Okapi BM25."""
    less = _REPEATS * (1 - _LENGTH + _LENGTH * length)
    shared = ((weights[one], times) for one, times in count.items() if one in weights)
    return sum(weight * times * (1 + _REPEATS) / (times + less) for weight, times in shared)
