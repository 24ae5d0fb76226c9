"""What the team's other documents say, by block, and which of it is near to a text.

The index is SQLite's FTS5 (https://www.sqlite.org/fts5.html), made when the first text is kept.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from sqlite_utils import Database

from daemon.domain.notation import iso, when
from daemon.domain.passages import Passage, RememberedPage


_TOKENIZER = "porter unicode61 remove_diacritics 2"
_WORD = re.compile(r"\w{2,}")
# So many of a text's rarest words look for passages, and so many passages are compared.
RARE_WORDS, CANDIDATES = 14, 24
# They may stand in so many blocks together, which bounds what a search costs; so many words look
# in any case that stand in no more than MOST_BLOCKS, and the rarest does always.
BLOCKS, LEAST_WORDS, MOST_BLOCKS = 2_000, 3, 10_000
# A word that stands in more than one of so many blocks tells nothing, but in a few it does.
TELLING, FEW = 5, 50
# Added to how near the nearest is, so that a text of two common words does not come first.
SHORT = 10.0


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


def save_blocks(
    db: Database, page_id: str, edited: datetime, blocks: Iterable[tuple[str, str]]
) -> None:
    """Store (block id, text) of a page, as of an edit, in the place of what was known."""
    with db.atomic():
        _make_index(db)
        _drop_blocks(db, page_id)
        for block_id, text in blocks:
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
            _drop_blocks(db, page_id)
            db.execute("DELETE FROM remembered_pages WHERE id = ?", [page_id])


def erase(db: Database, page_id: str) -> int:
    """Forget a page so that the index keeps none of its words; return its number of blocks."""
    with db.atomic():
        count = _drop_blocks(db, page_id)
        db.execute("DELETE FROM remembered_pages WHERE id = ?", [page_id])
        if count:
            # Deleted words stay in the index until its parts are merged.
            db.execute("INSERT INTO remembered (remembered) VALUES ('optimize')")
    return count


def _drop_blocks(db: Database, page_id: str) -> int:
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


def _make_index(db: Database) -> None:
    db.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS remembered USING fts5 (text,"
        f" content = 'remembered_blocks', content_rowid = 'id', tokenize = '{_TOKENIZER}')"
    )


def nearest(
    db: Database, texts: Sequence[str], sources: Sequence[str], but: str, limit: int
) -> list[Passage]:
    """Return the passages that are nearest to any of some texts, the nearest first.

    What counts is how much nearer a passage is to a text than many others are: else long texts of
    common words would come first.

    Args:
        db: The state.
        texts: What the passages should be about, each by itself.
        sources: The data sources whose pages may be told of.
        but: The page that is left out.
        limit: How many passages.
    """
    if not sources or "remembered" not in db.table_names():
        return []
    words = _Words(db, texts)
    best: dict[int, tuple[float, Passage]] = {}
    for text in texts:
        found = _candidates(db, words.telling(text), sources, but)
        if not found:
            continue
        first, last = found[0][0], found[-1][0] if len(found) == CANDIDATES else 0.0
        for rank, number, passage in found[:limit]:
            near = (rank - last) / (first + SHORT)
            if near > best.get(number, (0.0, None))[0]:
                best[number] = (near, passage)
    ranked = sorted(best.items(), key=lambda one: (-one[1][0], one[0]))
    return [passage for _, (_, passage) in ranked[:limit]]


def _candidates(
    db: Database, words: Sequence[str], sources: Sequence[str], but: str
) -> list[tuple[float, int, Passage]]:
    """Return (nearness, number, passage) of the blocks with most of some words, best first."""
    if not words:
        return []
    rows = db.execute(
        "SELECT page.id, source_id, title, url, standing, edited, block_id, block.text, rank,"
        " block.id FROM remembered JOIN remembered_blocks AS block ON block.id = remembered.rowid"
        " JOIN remembered_pages AS page ON page.id = page_id"
        " WHERE remembered MATCH ? AND page.id != ?"
        " AND source_id IN (SELECT value FROM json_each(?)) ORDER BY rank LIMIT ?",
        [" OR ".join(f'"{word}"' for word in words), but, json.dumps(sources), CANDIDATES],
    )
    return [(-row[8], row[9], Passage(_page(row), row[6], row[7])) for row in rows.fetchall()]


class _Words:
    """Which words of some texts tell most: those that stand in the fewest blocks.

    SQLite alone knows how it stems words; they go through a table of the same tokenizer, which
    ends with the connection.
    """

    def __init__(self, db: Database, texts: Iterable[str]) -> None:
        numbered = dict(enumerate(sorted({word for text in texts for word in _split(text)}), 1))
        with db.atomic():
            for table, module in (
                ("words", f"fts5 (word, tokenize = '{_TOKENIZER}')"),
                ("word_stems", "fts5vocab (temp, words, instance)"),
                ("stems", "fts5vocab (main, remembered, row)"),
            ):
                db.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{table} USING {module}")
            db.execute("DELETE FROM temp.words")
            db.conn.executemany(
                "INSERT INTO temp.words (rowid, word) VALUES (?, ?)", numbered.items()
            )
        stems = db.execute("SELECT term, doc FROM temp.word_stems").fetchall()
        counts = dict[str, int]()
        for stem in {stem for stem, _ in stems}:  # one by one: else SQLite reads all its words
            query = db.execute("SELECT doc FROM temp.stems WHERE term = ?", [stem])
            counts[stem] = sum(row[0] for row in query.fetchall())
        blocks = db.execute("SELECT max(id) FROM remembered_blocks").fetchone()[0] or 0
        most = max(blocks // TELLING, FEW)
        self._stem = {numbered[at]: stem for stem, at in stems if 0 < counts[stem] <= most}
        self._counts = counts

    def telling(self, text: str) -> list[str]:
        """Return the words of a text that tell most, one of each stem."""
        of_stem = {self._stem[word]: word for word in _split(text) if word in self._stem}
        rarest = sorted(of_stem, key=lambda stem: (self._counts[stem], stem))[:RARE_WORDS]
        blocks = list(accumulate(self._counts[stem] for stem in rarest))
        few = min(bisect_right(blocks, MOST_BLOCKS), LEAST_WORDS)
        enough = max(bisect_right(blocks, BLOCKS), few, 1)
        return [of_stem[stem] for stem in rarest[:enough]]


def _split(text: str) -> list[str]:
    return sorted({word.casefold() for word in _WORD.findall(text)})
