"""A person's no to a point: who said it, and what the model is asked about it. Pure."""

from __future__ import annotations

from daemon.domain.findings import SAID_NO
from daemon.domain.phrases import CLOSING, asks, has_question_mark, puts_off
from daemon.domain.values import AuthorKind, Comment, Thread
from daemon.review.points import OwnPoint
from daemon.review.prompt import one_line
from daemon.review.quotes import contains_words, locate
from daemon.review.tool_specs import ToolContext, ToolRefusal


def refuse_answer(context: ToolContext, thread: Thread, asked: set[str]) -> None:
    """Do nothing with an answer in a thread, unless what waits there reads as a no to a point.

    `asked` gets its handle: of its no nothing else is asked.

    Raises:
        ToolRefusal: All of it does, or some, and that was not asked yet: where nobody rules, the
            no holds.
    """
    handle = context.handles.of_thread[thread.id]
    is_asked = handle in asked and thread.noes != thread.waiting
    if thread.id not in context.points or not thread.noes or is_asked:
        return
    asked.add(handle)
    raise ToolRefusal(
        f"{named(thread, handle)}, and closes the point unless you rule: follow_up with "
        "turned_down where it turns the point down; with not_yet, and your answer as its text, "
        "where it asks for a reason, sets a condition or is none"
    )


def refuse_silence(context: ToolContext, thread: Thread, asked: set[str]) -> str:
    """Return what becomes of a point whose thread is left; "" where nothing does.

    `asked` gets the thread's handle where something that waits there reads as a no.

    Raises:
        ToolRefusal: It does, and it was not asked yet whether it is one.
    """
    handle = context.handles.of_thread[thread.id]
    if thread.id not in context.points or not thread.noes:
        return ""
    if handle not in asked:
        asked.add(handle)
        raise ToolRefusal(
            f"{named(thread, handle)}, and closes the point unless you rule: call leave again "
            "where it turns the point down; follow_up with not_yet where it only puts off, asks "
            "for a reason, sets a condition or is none: the point stays open then"
        )
    who = one_line(thread.noes[-1].author.name) or "a person"
    return f"; the point is dropped: {who}{SAID_NO}"


def turning_down(quote: str, thread: Thread, point: OwnPoint, asked: set[str]) -> Comment:
    """Return the last comment in which a person said these words since a point was opened.

    The times of comments are floored to the minute: of the minute in which it was opened, those
    count that nobody has dealt with. `asked` gets the comment where it may be no no.

    Raises:
        ToolRefusal: Nobody did; or the words end in a question mark: a question is no no; or the
            comment only puts off, or a person wrote after it, and that was not asked yet.
    """
    for said in reversed(thread.comments):
        if _is_said_since(said, point) and contains_words(quote, said.plain):
            rest = said.plain.partition(locate(quote, said.plain) or quote)[2]
            if has_question_mark(quote.rstrip(CLOSING)[-1:] + rest.lstrip(CLOSING)[:1]):
                raise ToolRefusal(
                    "a question turns nothing down; answer it, or quote the words of a no"
                )
            if said.id not in asked and (why := _is_doubtful(said, thread)):
                asked.add(said.id)
                raise ToolRefusal(
                    f"{why}: not_yet keeps the point open. If it is turned down all the same, call "
                    "turned_down again"
                )
            return said
    if not any(_is_said_since(said, point) for said in thread.comments):
        raise ToolRefusal("no person wrote in its thread since the point is open: nobody said no")
    raise ToolRefusal(
        "no person said these words in its thread since the point is open; quote the words of a "
        "person by which they turn it down, exactly"
    )


def ends_in_no(thread: Thread) -> bool:
    """Tell whether the last that waits is of who said no: who writes otherwise takes that back."""
    refusing = {one.author.id for one in thread.noes}
    return bool(thread.waiting) and thread.waiting[-1].author.id in refusing


def named(thread: Thread, handle: str) -> str:
    """Say whose words in a thread read as a no."""
    return f"what {one_line(thread.noes[-1].author.name)} wrote in {handle} reads as a no"


def _is_doubtful(said: Comment, thread: Thread) -> str:
    """Say why a comment may turn nothing down; "" where nothing speaks against it."""
    if puts_off(said.plain):
        return "this only puts off, and turns nothing down"
    after = thread.comments[thread.comments.index(said) + 1 :]
    names = [
        one_line(one.author.name)
        for one in after
        if one.author.kind is AuthorKind.PERSON and not one.no
        # A question of who said no takes nothing back.
        if not (one.author.id == said.author.id and asks(one.plain))
    ]
    return f"{names[-1]} wrote after that, and may see it otherwise" if names else ""


def _is_said_since(said: Comment, point: OwnPoint) -> bool:
    is_later = said.new or (point.opened is not None and said.created >= point.opened)
    return said.author.kind is AuthorKind.PERSON and is_later
