"""What must hold of answers to people, each as a function that says what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from daemon.domain.notation import iso
from daemon.sweep.conversation.gate import ENOUGH
from daemon.sweep.delivery.retract import NOTE as RETRACTED
from simulation.final import Final
from simulation.record import Own
from simulation.talkers import QUESTION


REVIEWED = "word:reviewed:"  # begins the key of what closes a request for a review


def only_people_are_answered(final: Final) -> Iterator[str]:
    """Between two replies in a thread a person said something."""
    replies = {
        row[0]: row[1]
        for row in final.rows("SELECT comment_id, key FROM outbox WHERE kind = 'reply'")
        # One is said of a text, and to nobody; one once a day, and the answer follows; and one when
        # the review is made that somebody asked for.
        if not row[1].startswith(("not yet:", "enough:", REVIEWED))
    }
    by_thread: dict[str, list[Own]] = defaultdict(list)
    for own in final.record.own:
        if own.id in replies:
            by_thread[own.discussion_id].append(own)
    for thread, several in by_thread.items():
        said = [w for w in final.record.words.values() if w.discussion_id == thread and w.by_person]
        edits = sum(final.record.edited_words[word.id] for word in said)
        if len(several) > len(said) + edits:
            yield f"thread {thread[:8]}: {len(several)} replies to {len(said)} people's comments"
        if several and min(own.at for own in several) < min(
            (w.at for w in said), default=several[0].at
        ) - timedelta(days=1):
            yield f"thread {thread[:8]} was answered before anyone spoke"


def a_question_is_answered_once(final: Final) -> Iterator[str]:
    """No comment has more answers than versions."""
    answers = Counter(
        row[0].removeprefix("word:").split(":")[2]
        for row in final.rows("SELECT key FROM outbox WHERE kind = 'reply' AND state = 'posted'")
        if row[0].startswith(("reply:", "word:")) and not row[0].startswith(REVIEWED)
    )
    for comment, count in answers.items():
        if count > 1 + min(final.record.edited_words[comment], 1):
            yield f"comment {comment[:8]} was answered {count} times"
        if comment not in final.record.words or not final.record.words[comment].by_person:
            yield f"comment {comment[:8]} is no person's and was answered"


def nobody_gets_more_than_a_day_s_answers(final: Final) -> Iterator[str]:
    """A person gets so many answers a day, all pages together, then one line that says so."""
    most = final.ended.settings.config.limits.replies_per_person
    for (person, day), count in _answers_of_days(final).items():
        if count > most:
            yield f"{person[:8]} got {count} answers on {day}"
    said = [
        own
        for own in final.record.own
        if own.text.startswith(ENOUGH.partition("{")[0])
        and own.id not in final.record.hidden_by_people  # when its message looked for it
    ]
    messages = dict(final.rows("SELECT comment_id, key FROM outbox WHERE key LIKE 'enough:%'"))
    for key, count in Counter(messages.get(own.id) for own in said).items():
        if key is None or count > 1:
            yield f"it was said {count} times that there are no more answers: {key}"


def _answers_of_days(final: Final) -> Counter[tuple[str, str]]:
    """Count the answers to each person on each day, by the server's clock.

    That a review was made which somebody asked for is told besides.
    """
    rows = final.rows(
        "SELECT key, created_at FROM outbox WHERE kind = 'reply' AND state != 'dropped'"
    )
    return Counter(
        (final.record.words[key.removeprefix("word:").split(":")[2]].author_id, day[:10])
        for key, day in rows
        if key.startswith(("reply:", "word:")) and not key.startswith(REVIEWED)
    )


def every_question_is_decided(final: Final) -> Iterator[str]:
    """Whoever asked in an open thread of a reviewed page was answered, or left for a reason."""
    world = final.ended.box.world
    decided = {row[0]: row[1] for row in final.rows("SELECT id, state FROM comments")}
    answered = Counter(
        row[0]
        for row in final.rows(
            "SELECT target FROM outbox WHERE kind = 'reply' AND (state = 'posted' OR note = ?)",
            RETRACTED,
        )
    )
    watched = final.rows(
        "SELECT id FROM pages WHERE reviewed_at IS NOT NULL AND NOT paused AND state = 'done'"
    )
    reviewed = {row[0] for row in watched}
    wanted = final.ended.settings.config.databases[0].replies == "any"
    today, answers = iso(final.ended.box.clock())[:10], _answers_of_days(final)
    most = final.ended.settings.config.limits.replies_per_person
    for comment in world.comments():
        words = final.record.words.get(comment.id)
        thread = world.state.discussions[comment.discussion_id]
        page = comment.parent_id
        if block := world.state.blocks.get(page):
            page = block.page_id
        if words is None or thread.resolved or page not in final.hashes or page not in reviewed:
            continue
        if world.state.in_trash(comment.parent_id):
            continue
        state = decided.get(comment.id)
        if state is None and answers[words.author_id, today] >= most:
            continue  # until tomorrow
        if state is None or state.startswith("tried"):
            yield f"comment {comment.id[:8]} ({words.kind}) was never decided: {state}"
        elif words.kind == QUESTION and wanted:
            yield from _has_its_answer(final, comment.id, thread.id, state, answered[thread.id])


def _has_its_answer(
    final: Final, comment: str, thread: str, state: str, answers: int
) -> Iterator[str]:
    if state.startswith("answered") and not answers:
        yield f"comment {comment[:8]} counts as answered, and no reply was posted"
    if state == "seen" and not final.record.edited_words[comment]:
        over = final.rows("SELECT handed_over, replies FROM threads WHERE id = ?", thread)
        if not over or not (over[0][0] or over[0][1]):
            yield f"the question {comment[:8]} was passed over"
