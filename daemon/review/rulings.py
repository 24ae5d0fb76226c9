"""Rulings on the reviewer's own points: what the text and people's words bear out. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from daemon.domain.change import Change, Reviewed, sections
from daemon.domain.values import Block, Finding, Snapshot, Thread, Verdict
from daemon.notion.from_markdown import quoted
from daemon.review import noes
from daemon.review.cleaning import beginning
from daemon.review.points import OwnPoint, makes_anew, standing
from daemon.review.prompt import clipped, one_line
from daemon.review.quotes import (
    contains_words,
    fold,
    locate,
    locate_surely,
    stands_in,
    unmarked_line,
)
from daemon.review.tool_specs import ToolContext, ToolRefusal, listed
from daemon.review.wording import ECHO_CHARS


CHECK_ERRS = "where the check is wrong, withdrawn drops it"
# What settled a point, where it is a move: words of the moved block, and beside what it stands.
MOVED = re.compile(
    r"moved: “(?P<words>.*?)”(?:, now (?P<how>under|above|below) “(?P<place>.*)”)?", re.DOTALL
)
# Characters of the block that a moved one is said to stand by.
NAMED_CHARS = 60


def stays_closed(point: OwnPoint, found: Verdict, context: ToolContext) -> bool:
    """Tell whether a point is closed, and a ruling is neither not yet nor good news."""
    is_good_news = found is Verdict.FIXED and may_be_mended(point, context)
    return bool(point.closed) and found is not Verdict.NOT_YET and not is_good_news


def may_be_mended(point: OwnPoint, context: ToolContext) -> bool:
    """Tell whether the text can settle a point that a person turned down.

    Its words went since, or a person wrote in its thread after the no.
    """
    blocks = [*context.handles.blocks.values()]
    return point.declined and not (point.mute and standing([point.finding], blocks))


def refuse_ruling(
    context: ToolContext,
    thread: Thread,
    found: Verdict,
    words: str,
    asked: set[str],
    *,
    waits: bool,
) -> None:
    """Do nothing with a ruling that may be made, its evidence aside.

    `asked` gets the threads of whose no it was asked whether it is one; `waits` says that the
    words answer somebody.

    Raises:
        ToolRefusal: The point takes no such ruling, or its thread no such words.
    """
    point, handle = context.points[thread.id], context.handles.of_thread[thread.id]
    is_shut = point.closed and point.mute and found is Verdict.NOT_YET
    if is_shut or stays_closed(point, found, context):
        why = point.mute or "not_yet opens it again"
        mended = may_be_mended(point, context)
        if found is Verdict.FIXED and point.declined:
            at = context.handles.of_block[point.finding.block_id]
            why = f"its words stand in {at} still"
        fixed = "; where text that came since settles it, rule fixed" * mended
        raise ToolRefusal(f"the point of {handle} is closed: {point.closed}; {why}{fixed}")
    if found is Verdict.FIXED and point.fires:
        says = clipped(one_line(point.finding.text), ECHO_CHARS)
        raise ToolRefusal(f"the check that made {handle} finds it still: {says}; {CHECK_ERRS}")
    is_said_anew = waits or (point.pasted and context.comments_on_blocks)
    is_said = found is Verdict.NOT_YET and not is_said_anew
    if is_said and (why := context.unheard(handle, point, words)):
        raise ToolRefusal(why)
    if found is Verdict.NOT_YET and noes.ends_in_no(thread) and handle not in asked:
        asked.add(handle)
        raise ToolRefusal(
            f"{noes.named(thread, handle)}: that is turned_down, also where you disagree. If it "
            "asks for a reason, sets a condition or is none, call not_yet again"
        )


def unruled(
    context: ToolContext, is_ruled: Callable[[OwnPoint], bool], made: Iterable[Finding]
) -> list[str]:
    """Ask to rule on the open points that lost their blocks, or whose blocks were edited.

    Nothing is asked of one that is made anew, or of which all was said of this text.
    """
    rest = {
        context.handles.of_thread[thread_id]: point
        for thread_id, point in context.points.items()
        if not point.closed and not is_ruled(point)
    }
    anew = {name for name, point in rest.items() for one in made if makes_anew(one, point.finding)}
    lost = [name for name, one in rest.items() if one.gone and name not in anew]
    edited = [
        name
        for name, one in rest.items()
        if one.finding.block_id in context.change.changed and not (one.mute or one.fires)
    ]
    asked = []
    if lost and context.comments_on_blocks:
        asked.append(
            f"your open points in {', '.join(lost)} lost their threads: rule on them, or comment "
            "under the same title where one still stands, then finish"
        )
    if edited:
        asked.append(f"the text of your points in {', '.join(edited)} changed: rule, then finish")
    return asked


def evidence(quote: str, point: OwnPoint, now: Sequence[str], blocks: Mapping[str, Block]) -> str:
    """Return the exact words that came, went or were moved near a point since it was made.

    Of one that is open again, since it was opened last counts too: words may be back. What went may
    also have come after the point: it stood at the last review. Words that stand elsewhere too show
    it where they came into the point's block, or went with it, or are the whole of a text that
    came: a short heading has no more. `now` is all that the page says, `blocks` its by handles.

    Raises:
        ToolRefusal: The quote shows no such thing.
    """
    if not any(char.isalnum() for char in quote):
        raise ToolRefusal("the quote is empty; quote what came, changed or went")
    thens = [point.before, *[point.since] * bool(point.since)]
    stands = any(locate_surely(quote, text) for text in now)
    past = (*point.before, *point.since, *point.last)
    stood = [words for text in past if (words := locate_surely(quote, text))]
    near = [words for text in now if (words := locate(quote, text))] if not stands else []
    moved = {name: block for name, block in blocks.items() if block.id in point.moved}
    shown = (
        came_into_block(quote, point)
        or next(filter(None, (_came(quote, now, then) for then in thens)), "")
        or _first_absent(stood, now)
        or next(filter(None, (_first_absent(near, then) for then in thens)), "")
        or next((words for one in moved.values() if (words := locate_surely(quote, one.plain))), "")
        or (locate_surely(quote, point.was[0]) if went_with_block(quote, point, now) else "")
    )
    if shown:
        return shown
    if stands:
        raise ToolRefusal(_say_old(quote, point, blocks, moved))
    raise ToolRefusal(
        "these words are not on the page, and did not come or go since you made the point; "
        "quote exactly what came, changed or went; where nothing did, it is not fixed"
    )


def went_with_block(words: str, point: OwnPoint, now: Sequence[str]) -> bool:
    """Tell whether the block of a point is gone with some words, that fewer texts have since."""
    then = sum(stands_in(words, text) for text in point.before)
    is_lost = point.own is None and any(stands_in(words, text) for text in point.was[:1])
    return is_lost and sum(stands_in(words, text) for text in now) < then


def came_into_block(quote: str, point: OwnPoint) -> str:
    """Return the words of a quote that came into a point's block, wherever else they stand.

    "" where they stand in no whole words there, or stood there whenever the point was opened.
    """
    words = locate_surely(quote, point.own or "")
    came = any(words and not stands_in(words, text) for text in point.was)
    return words if words and came and stands_in(words, point.own or "") else ""


def _say_old(quote: str, point: OwnPoint, blocks: Mapping[str, Block], moved: Iterable[str]) -> str:
    """Say where words stand that stood there when a point was made, and what to quote instead."""
    stood = any(locate_surely(quote, text) for text in point.was)
    here = point.finding.block_id if stood else ""
    texts = ((name, one.id, unmarked_line(one.line)) for name, one in blocks.items())
    said = [each for each in texts if locate_surely(quote, each[-1])]
    old = [name for name, key, text in said if key == here or text in point.before]
    also = f"; or words of what was moved: {', '.join(moved)}" if moved else ""
    return (
        f"these words stood {f'in {listed(old)}' if old else 'on the page'} when you made the "
        "point, and stand there still; quote more of what came or changed, the whole of a block "
        f"that did, or old words that are gone{also}; where what stood there then settles it, "
        "rule withdrawn"
    )


def _count(words: str, texts: Sequence[str]) -> int:
    return sum(fold(text).text == fold(words).text for text in texts)


def _came(quote: str, now: Sequence[str], then: Sequence[str]) -> str:
    """Return words of a quote that stand now and did not then, or are all of a text that came."""
    stands = [(words, text) for text in now if (words := locate_surely(quote, text))]
    whole = [words for words, text in stands if words == text.strip()]
    return _first_absent([words for words, _ in stands], then) or next(
        (one for one in whole if _count(one, now) > _count(one, then)), ""
    )


def _first_absent(found: Iterable[str], texts: Sequence[str]) -> str:
    return next((one for one in found if not any(stands_in(one, text) for text in texts)), "")


def place_name(text: str) -> str:
    """Return the words by which a moved block is said to stand under, above or below another."""
    return quoted(beginning(one_line(text), NAMED_CHARS))


def moved_near(block_id: str, since: Change, snapshot: Snapshot) -> dict[str, str]:
    """Return the blocks that were moved near a block, with words that say where each stands now.

    Near is what left its section, came into it, or moved within it; of a block above the first
    heading only where that one was moved itself, or another block stands beside it now.
    """
    by_id, places = snapshot.by_id, {one.id: at for at, one in enumerate(snapshot.blocks)}
    starts = sections(snapshot.blocks)
    under = {key: start if by_id[start].is_heading else "" for key, start in starts.items()}
    order, home = [one.id for one in snapshot.blocks if one.line], under.get(block_id)
    ahead, behind = (_nearest(keys, since.moved) for keys in (order, order[::-1]))
    found = dict[str, str]()
    for key in order if home or block_id in {*since.moved, *since.stirred} else ():
        stood, left = since.moved.get(key), since.regrouped.get(key)
        if (stood is None and left is None) or home not in (under[key], left):
            continue
        where, by = "under", under[key]
        if stood and left is None and places.get(stood.below, -1) > places[key]:
            where, by = "above", behind[key]
        elif stood and left is None:
            where, by = "below", ahead[key] if ahead[key] != stood.below else ""
        found[key] = f"{where} “{place_name(by_id[by].plain)}”" if by else ""
    return found


def _nearest(keys: Iterable[str], but: Container[str]) -> dict[str, str]:
    """Return for each key the last one before it that is not among others; "" for none."""
    last, found = "", dict[str, str]()
    for key in keys:
        found[key] = last
        last = last if key in but else key
    return found


def moved_again(move: re.Match[str], reads: Sequence[Reviewed], now: Snapshot) -> str:
    """Say that a block whose move settled a point was moved again, or went; "" where neither did.

    Args:
        move: What `MOVED` found.
        reads: What reviews read, of which the last comes last.
        now: The page as it is.
    """
    words, how, name = move["words"], move["how"], move["place"]
    there = moved_blocks(words, reads, now)
    if not there:
        return f"“{words}” is gone"
    if how is None:
        return ""
    beside = _saying(lambda text: place_name(text) == name, reads, now)
    if beside:
        places, under = {one.id: at for at, one in enumerate(now.blocks)}, sections(now.blocks)
        stands = {
            "under": not {under[one.id] for one in there}.isdisjoint(one.id for one in beside),
            "above": places[there[0].id] < places[beside[-1].id],
            "below": places[there[-1].id] > places[beside[0].id],
        }[how]
    else:  # what it stood by went, or is not known again
        since = Change.between(reads[-1] if reads else None, now)
        stands = not {one.id for one in there} <= {*since.moved, *since.regrouped}
    return "" if stands else f"“{words}” was moved again"


def block_texts(block_id: str, reads: Iterable[Reviewed], now: Snapshot) -> list[str]:
    """Return what a block says now, also where it was cut and pasted; nothing where it went."""
    ids = {block_id}
    for read in () if block_id in now.by_id else reads:
        ids |= {key for key, was in Change.between(read, now).pasted.items() if was == block_id}
    return [unmarked_line(one.line) for one in now.blocks if one.id in ids]


def block_said(block_id: str, reads: Iterable[Reviewed | None], now: Snapshot) -> tuple[str, ...]:
    """Return what a block said when it was read, also where it was cut and pasted since."""
    found = list[str]()
    for read in filter(None, reads):
        lines = dict(read.blocks)
        pasted = {} if block_id in lines else Change.between(read, now).pasted
        found += [lines[key] for key in (block_id, pasted.get(block_id)) if key in lines]
    return tuple(map(unmarked_line, found))


def moved_blocks(words: str, reads: Iterable[Reviewed], now: Snapshot) -> list[Block]:
    """Return the blocks that say the words by which a move was shown, or said them once."""
    return _saying(lambda text: contains_words(words, text), reads, now)


def _saying(
    is_said: Callable[[str], bool], reads: Iterable[Reviewed], now: Snapshot
) -> list[Block]:
    """Return the blocks of which something holds, as they read now or were read, in order."""
    found = {one.id for one in now.blocks if is_said(one.plain)}
    for read in reads:
        as_now = {was: key for key, was in Change.between(read, now).pasted.items()}
        lines = [(as_now.get(key, key), line) for key, line in read.blocks]
        found |= {key for key, line in lines if is_said(unmarked_line(line))}
    return [one for one in now.blocks if one.id in found]
