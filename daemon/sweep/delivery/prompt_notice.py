"""The comment on a prompt page that says what is wrong with it, as long as it is."""

from __future__ import annotations

import hashlib

from daemon.sweep.delivery import retract
from daemon.sweep.context import Context
from daemon.domain.errors import Forbidden
from daemon.notion import from_markdown as writing
from daemon.review.cleaning import cleaned
from daemon.store import sweeps as ledger, prompts as notices, reviews
from daemon.store.reviews import Kind, Letter, Sending


NAME = "notion-review"
LONGEST = 1_500
MENDED = "_Mended: what is written here now is in use._"


def words(mistakes: str, *, kept: bool) -> str:
    """Return the comment about the mistakes, one a line."""
    use = "the last good version stays in use" if kept else "nothing is reviewed under it yet"
    listed = "\n".join(f"- {line}" for line in mistakes.splitlines())
    said = f"This prompt page cannot be used as it stands; {use}.\n\n{listed}"
    return cleaned(said, frozenset(), LONGEST)


async def post(context: Context) -> None:
    """Bring the comments in line with what is wrong: say it, say it anew, or take it back.

    Makes no request where nothing changed.

    Raises:
        ReviewError: Notion refused; it is tried again at the next sweep.
    """
    for page_id, mistakes in notices.every(context.state):
        letters = reviews.letters_of(context.state, page_id=page_id)
        standing = _standing(letters)
        if mistakes:
            _say(context, page_id, mistakes, letters, standing)
        elif standing is None:
            notices.forget(context.state, page_id)
        elif standing.comment_id and context.notion.writes:
            await _take_back(context, standing)
        if any(one.state is Sending.INTENT for one in reviews.undelivered(context.state, page_id)):
            await context.deliver(context, page_id)


def _standing(letters: list[Letter]) -> Letter | None:
    """Return the notice that stands, or is on its way."""
    notes = (one for one in letters if one.kind is Kind.NOTICE)
    return next((one for one in notes if one.state is not Sending.DROPPED), None)


def _say(
    context: Context, page_id: str, mistakes: str, letters: list[Letter], standing: Letter | None
) -> None:
    said = words(mistakes, kept=ledger.prompt(context.state, page_id) is not None)
    number = sum(one.kind is Kind.NOTICE for one in letters)
    kind, target, key = Kind.NOTICE, page_id, f"notice:{page_id}:{number}"
    if standing is not None:
        edits = [one for one in letters if one.target == standing.comment_id]
        if not standing.comment_id or said == (edits[-1] if edits else standing).body:
            return
        digest = hashlib.sha256(said.encode()).hexdigest()[:12]
        kind, target = Kind.EDIT, standing.comment_id
        key = f"edit:{target}:{len(edits)}:{digest}"
    letter = Letter(key, page_id, kind, target, page_id, said, NAME, context.notion.now)
    reviews.intend(context.state, [letter])


async def _take_back(context: Context, standing: Letter) -> None:
    """Delete the comment; where a person answered it, say that it is mended."""
    authors = await context.people.on_page(standing.page_id)
    comment_id = standing.comment_id or ""
    try:
        done = await retract.remove(context, standing, comment_id, authors, MENDED)
    except Forbidden:
        await context.notion.edit_comment(comment_id, writing.rich_text(MENDED))
        done = "edited, since nobody knows who answered it"
    reviews.mark(context.state, standing.key, Sending.DROPPED, f"mended: {done}")
    notices.forget(context.state, standing.page_id)
