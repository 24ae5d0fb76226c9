"""What must hold of the reviewer's points, each as a function that says what is wrong."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from daemon.domain import notation
from daemon.domain.findings import Event
from daemon.domain.records import ARCHIVED, COMMENT_GONE, LEFT, NOT_SELECTED
from daemon.notion.from_markdown import INNER, quoted
from daemon.review.quotes import fold
from daemon.review.summary import NOTHING_OPEN
from daemon.store import outbox, reviews
from daemon.sweep.conversation.answers import NO_GONE
from daemon.sweep.conversation.points import OWN_BLOCK
from daemon.sweep.conversation.rulings import MADE_ELSEWHERE
from simulation.final import Final
from simulation.record import Words
from simulation.writers import plain


# How long a model thinks at most: its page was read before that.
THINKS = timedelta(minutes=5)
_CLOSED = ("addressed", "withdrawn", "dismissed", "resolved", "retracted", "refused")


def a_point_is_closed_by_a_ruling_or_a_person(final: Final) -> Iterator[str]:
    """As many points of a page were ruled fixed, or withdrawn, as the model ruled so."""
    closed = Counter(
        final.rows(
            "SELECT findings.page_id, finding_history.state FROM finding_history"
            " JOIN findings ON findings.id = finding_id"
            " WHERE finding_history.state IN ('addressed', 'withdrawn') AND why != ?",
            MADE_ELSEWHERE,
        )
    )
    for (page, state), count in closed.items():
        verdict = {"addressed": "fixed", "withdrawn": "withdrawn"}[state]
        if count > (ruled := final.record.rulings[page, verdict]):
            yield f"page {page[:8]}: {count} points are {state}, and {ruled} were ruled so"


def a_point_is_turned_down_by_a_person(final: Final) -> Iterator[str]:
    """Where a point was dismissed, a person had written in its thread, as often at least.

    A no that holds again, since what settled the point is gone, was written before.
    """
    written = Counter(one.discussion_id for one in final.record.words.values() if one.by_person)
    for thread, title, count in final.rows(
        "SELECT discussion_id, title, count(*) FROM findings JOIN finding_history"
        " ON finding_id = findings.id WHERE finding_history.state = 'dismissed'"
        " AND 'addressed' IS NOT (SELECT state FROM finding_history AS before"
        " WHERE before.finding_id = findings.id AND before.id < finding_history.id"
        " ORDER BY id DESC LIMIT 1)"
        " AND discussion_id IS NOT NULL GROUP BY findings.id"
    ):
        if count > written[thread]:
            yield f"“{title}” was turned down {count} times, by {written[thread]} comments"


def a_no_holds_until_people_take_it_back(final: Final) -> Iterator[str]:
    """What a person turned down is open again only where people said more, or took the no back.

    No ruling, and no end of one, opens it, nor what becomes of the words that settled it since.
    A no that was edited may be none any more.
    """
    written = Counter(one.discussion_id for one in final.record.words.values() if one.by_person)
    written += Counter(
        one.discussion_id
        for one in final.record.words.values()
        if final.record.edited_words[one.id]
    )
    declined = set[int]()
    for finding, thread, state, why in final.rows(
        "SELECT findings.id, discussion_id, finding_history.state, why FROM finding_history"
        " JOIN findings ON findings.id = finding_id ORDER BY finding_history.id"
    ):
        if state == "dismissed":
            declined.add(finding)
        elif state == "open" and finding in declined:
            declined.remove(finding)
            is_asked = why == Event.TAKEN_UP and (thread is None or written[thread] > 1)
            if not (is_asked or why in (NO_GONE, Event.UNRULED)):
                yield f"finding {finding} was turned down, and is open again: {why}"


def a_no_is_heard(final: Final) -> Iterator[str]:
    """A no that is the first word to a point closes it; one with a reason the model may judge.

    So it may one that answers a question of ours, and one after which its author wrote more.
    """
    decided = dict(final.rows("SELECT id, state FROM comments"))
    first = dict[str, Words]()
    for one in final.record.words.values():
        first.setdefault(one.discussion_id, one)
    for finding, page, thread in final.rows(
        "SELECT id, page_id, discussion_id FROM findings WHERE discussion_id IS NOT NULL"
        " AND text NOT LIKE '%?'"
    ):
        word = first.get(thread)
        if word is None or word.kind not in ("no", "reason") or final.record.edited_words[word.id]:
            continue
        is_heard = not decided.get(word.id, "tried").startswith("tried")
        closed = final.rows(
            "SELECT 1 FROM finding_history WHERE finding_id = ? AND state NOT IN ('open',"
            " 'answered', 'held')",
            finding,
        )
        wrote_more = any(
            one.discussion_id == thread
            and one.author_id == word.author_id
            and one.kind not in ("no", "reason")
            for one in final.record.words.values()
        )
        is_refused = word.kind == "reason" and final.record.rulings[page, "not_yet"]
        judged = wrote_more or is_refused
        if is_heard and not closed and not judged:
            yield f"finding {finding}: the no {word.id[:8]} closed nothing"


def a_ruling_has_words_that_came_or_went(final: Final) -> Iterator[str]:
    """What shows that a point is fixed was not said on its page since the point was made.

    Where it was moved, somebody moved a block of the page since. Words that the point's block says
    may stand elsewhere.

    A block counts from the review on that read it: one that somebody adds while a page is read, or
    while the model thinks, has come since.
    """
    blocks = final.ended.box.world.state.blocks
    for page, own, made_by, at, why in final.rows(
        "SELECT findings.page_id, block_id, review_id, finding_history.at, why FROM finding_history"
        " JOIN findings ON findings.id = finding_id WHERE finding_history.state = 'addressed'"
    ):
        if why.startswith("moved: "):
            made = notation.when(dict(final.rows("SELECT id, at FROM reviews"))[made_by])
            moved = final.record.moved.get(page)
            if moved is None or moved < made - THINKS:
                yield f"page {page[:8]}: {why}, but since {made} nobody moved anything"
            continue
        words, is_own = why.removeprefix(OWN_BLOCK), why.startswith(OWN_BLOCK)
        quote = fold(re.sub(r"\\(.)", r"\1", words).strip("“”")).text
        read = reviews.text(final.state, made_by)
        untouched = [
            line.id
            for line in (read.lines if read else ())
            if blocks[line.id].page_id == page
            and len(history := final.record.texts[line.id]) == 1
            and quote in fold(history[0][1]).text
            and (line.id == own or not is_own)
            and not final.ended.box.world.state.in_trash(line.id)
        ]
        if untouched and quote:
            yield f"page {page[:8]}: “{quote}” shows at {at} that a point of {made_by} is fixed"


def no_summary_names_a_closed_point(final: Final) -> Iterator[str]:
    """A summary names no point as open that was closed before the review that wrote it."""
    closed = defaultdict(list)
    for page, title, at in final.rows(
        "SELECT page_id, title, at FROM (SELECT page_id, title, max(finding_history.at) AS at, why"
        " FROM findings JOIN finding_history ON finding_id = findings.id"
        f" WHERE findings.state IN {_CLOSED} AND finding_history.state = findings.state"
        " GROUP BY findings.id) WHERE why != ?",
        MADE_ELSEWHERE,
    ):
        closed[page].append((title, at))
    for page, at, summary in final.rows(
        "SELECT page_id, at, summary FROM reviews WHERE summary != '' AND kind = 'review'"
    ):
        for title, since in closed[page]:
            if since < at and re.search(rf"(?<!Settled: “)\[{re.escape(title)}\]", summary):
                yield f"page {page[:8]}: the summary of {at} names “{title}”, closed {since}"


def each_settling_is_named_once(final: Final) -> Iterator[str]:
    """No more summaries of reviews name a point as settled than times that it was settled."""
    settled = Counter(
        (page, quoted(title.translate(INNER)))
        for page, title in final.rows(
            "SELECT findings.page_id, title FROM finding_history"
            " JOIN findings ON findings.id = finding_id"
            " WHERE finding_history.state IN ('addressed', 'adopted')"
        )
    )
    named = Counter(
        (page, title)
        for page, summary in final.rows(
            "SELECT page_id, summary FROM reviews WHERE summary != '' AND kind = 'review'"
        )
        for title in re.findall(r"• Settled: “\[?((?:\\.|[^\]\\”])+)", summary)
    )
    for (page, title), count in named.items():
        if count > settled[page, title]:
            yield f"page {page[:8]}: “{title}”, settled {settled[page, title]}, named {count} times"


def no_standing_summary_names_a_closed_point(final: Final) -> Iterator[str]:
    """At the end each summary lists as open what is open, whoever closed the rest and when."""
    titles = defaultdict(set)
    for page, title, state in final.rows("SELECT page_id, title, state FROM findings"):
        titles[page, state in _CLOSED].add(title)
    for page, text in _standing_summaries(final):
        for title in titles[page, True] - titles[page, False]:
            if _lists(text, title):
                yield f"page {page[:8]}: its summary lists “{title}”, which is closed"


def each_standing_summary_lists_the_open_points(final: Final) -> Iterator[str]:
    """At the end each summary lists the points that are open, whatever the model said of them."""
    posted = defaultdict(set)
    for page, title in final.rows(
        "SELECT findings.page_id, title FROM findings JOIN outbox ON finding_id = findings.id"
        " WHERE outbox.kind = 'finding' AND outbox.state = 'posted' AND retracted_at IS NULL"
        " AND findings.state IN ('open', 'answered')"
    ):
        posted[page].add(title)
    for page, text in _standing_summaries(final):
        unlisted = [title for title in posted[page] if not _lists(text, title)]
        if posted[page] and NOTHING_OPEN in text:
            yield f"page {page[:8]}: its summary says that none is open: {posted[page]}"
        elif text and unlisted and not re.search(r"^• and \d+ more$", text, re.MULTILINE):
            yield f"page {page[:8]}: its summary does not list {unlisted}"


def _lists(summary: str, title: str) -> bool:
    return bool(re.search(rf"^• {re.escape(title)}(?: \(|$)", summary, re.MULTILINE))


def _standing_summaries(final: Final) -> Iterator[tuple[str, str]]:
    """Yield the newest summary of each page as it reads at the end."""
    world = final.ended.box.world
    standing = {
        one.id: plain(one.rich_text)
        for one in world.comments()
        if not world.state.discussions[one.discussion_id].resolved  # else Notion takes no edit
    }
    # What an operator took back may wait for its page. An edit that was dropped when its page was
    # ours no more, or while the comment was hidden with its thread, is made by the next review, and
    # one of a paused page waits.
    left = {
        row[0]
        for row in final.rows(
            "SELECT iif(kind = 'edit', target, comment_id) FROM outbox"
            " WHERE kind IN ('edit', 'summary') AND (note IN (?, ?, ?, ?)"
            " OR state IN ('intent', 'sending', 'unclear')"
            " OR retracted_at IS NOT NULL AND state != 'dropped')",
            *(LEFT, ARCHIVED, NOT_SELECTED, COMMENT_GONE),
        )
    }
    for (page,) in final.rows(
        "SELECT DISTINCT page_id FROM outbox WHERE kind = 'summary' AND retracted_at IS NULL"
    ):
        for comment, _ in outbox.summaries(final.state, page)[:1]:
            yield page, "" if comment in left else standing.get(comment, "")


def no_closed_point_is_raised_again(final: Final) -> Iterator[str]:
    """While a closed point's words stand, no later review quotes the very same words there."""
    rows = final.rows(
        "SELECT findings.id, block_id, quote, findings.state, findings.at, min(finding_history.at)"
        " FROM findings LEFT JOIN finding_history ON finding_id = findings.id"
        " AND finding_history.state = findings.state GROUP BY findings.id"
    )
    for _, block, quote, state, _, since in rows:
        if state not in ("addressed", "withdrawn", "dismissed"):
            continue
        history = final.record.texts.get(block, [])
        always = all(fold(quote).text in fold(said).text for _, said in history)
        again = [row for row in rows if row[1] == block and row[2] == quote and row[4] > since]
        if history and always and again:
            yield f"“{quote}” on the block {block[:8]} was {state} and was raised again"


def what_is_said_of_a_point_is_said_once(final: Final) -> Iterator[str]:
    """One edit of a comment for each time it was settled or opened, one “not yet” for each text."""
    keys = [row[0] for row in final.rows("SELECT key FROM outbox WHERE state = 'posted'")]
    for key, count in Counter(keys).items():
        if count > 1:
            yield f"the message {key} was posted {count} times"
    marked = Counter(
        row[0]
        for row in final.rows(
            "SELECT finding_id FROM outbox WHERE kind = 'edit' AND finding_id IS NOT NULL"
            " AND state = 'posted'"
        )
    )
    ruled = Counter(
        row[0]
        for row in final.rows(
            "SELECT finding_id FROM finding_history"
            " WHERE state IN ('addressed', 'withdrawn', 'dismissed', 'open')"
        )
    )
    for finding, count in marked.items():
        if count > ruled[finding]:
            yield f"the comment of finding {finding} was marked {count} times"
