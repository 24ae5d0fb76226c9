"""The sections of a document: cut to what is read at once, and those that are read again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import zip_longest
from math import log

from daemon.domain.change import Change, differing_part, sections
from daemon.domain.notation import counted
from daemon.domain.values import Block, Finding, Ruling
from daemon.review.excerpt import section_name, sections_of
from daemon.review.handles import Handles
from daemon.review.points import OwnPoint, is_repeat, words_of
from daemon.review.prompt import (
    BYTES_PER_TOKEN,
    GONE,
    INDENT,
    Excerpt,
    ReviewInput,
    block_lines,
    document_text,
    estimated_tokens,
    indented,
    one_line,
)


# The most sections that are read again for what changed in others.
RELATED = 2
WAYS = 4  # in which the text around points is shown
# A shorter word without a digit ties no two sections.
LONG_WORD = 4
CHANGED = "What changed since the last review in sections that are not shown:"
HANDLE = re.compile(r"(?<![A-Za-z0-9])([BT])[1-9]\d{0,5}\b")


@dataclass(frozen=True, slots=True)
class Part:
    """A section, or as much of a long one as is read at once.

    Attributes:
        number: Its place in the document, from 0.
        section: The id of the block that its section begins with.
        title: The name of its section, for people.
        pieces: Where in the lines of its blocks it begins and ends, by the blocks' ids.
        tokens: About how many tokens it takes.
    """

    number: int
    section: str
    title: str
    pieces: Mapping[str, tuple[int, int]]
    tokens: int


def parts_of(task: ReviewInput, handles: Handles, room: int) -> tuple[Part, ...]:
    """Cut a document along its headings; a section above `room` tokens is cut at its blocks.

    Every text is in one part, in order. A block that is too long alone is cut between words.
    """
    found: list[Part] = []
    names = handles.of_block

    def add(blocks: Sequence[Block], pieces: Mapping[str, tuple[int, int]], taken: int) -> None:
        title = section_name(blocks[0] if blocks[0].is_heading else None)
        found.append(Part(len(found), blocks[0].id, title, pieces, taken))

    for heading, body in sections_of(handles.blocks):
        blocks = [heading, *body] if heading else [*body]
        pieces, taken = dict[str, tuple[int, int]](), 0
        for block in blocks:
            whole = estimated_tokens("\n".join(block_lines(task, handles, names[block.id])))
            all_of_it = [(0, len(block.line), whole)]
            for begin, end, cost in all_of_it if whole <= room else _pieces(block, room):
                if pieces and taken + cost > room:
                    add(blocks, pieces, taken)
                    pieces, taken = {}, 0
                pieces[block.id] = begin, end
                taken += cost
        add(blocks, pieces, taken)
    return tuple(found)


def _pieces(block: Block, room: int) -> Iterator[tuple[int, int, int]]:
    """Yield where each piece of a line begins and ends, and its tokens."""
    line, begin, margin = block.line, 0, INDENT * (block.depth + 3)

    def cost(end: int) -> int:
        return estimated_tokens(f"[B10000] … {margin}{indented(line[begin:end], margin)}")

    while begin < len(line):
        end = min(len(line), begin + int(room * BYTES_PER_TOKEN))
        while cost(end) > room and end > begin + 1:
            end = begin + (end - begin) * 4 // 5
        if end < len(line):
            last = max(line.rfind(" ", begin, end), line.rfind("\n", begin, end))
            end = last + 1 if last > begin else end
        yield begin, end, cost(end)
        begin = end


def grouped(parts: Iterable[Part], most: int) -> list[list[Part]]:
    """Put neighbouring parts together up to `most` tokens."""
    groups: list[list[Part]] = []
    for part in parts:
        last = groups[-1] if groups else []
        follows = bool(last) and last[-1].number == part.number - 1
        if follows and sum(one.tokens for one in last) + part.tokens <= most:
            last.append(part)
        else:
            groups.append([part])
    return groups


def titles_of(later: Iterable[Part], parts: Iterable[Part]) -> tuple[str, ...]:
    """Return the names of the sections of parts that are read later, of all parts of a document."""
    later = [*later]
    numbers = {part.number for part in later}
    begun = {part.section for part in parts if part.number not in numbers}
    titles = (f"part of {one.title}" if one.section in begun else one.title for one in later)
    return tuple(dict.fromkeys(titles))


def rarity(texts: Iterable[AbstractSet[str]]) -> dict[str, float]:
    """Return how much it tells that two texts share a word, by the words of all texts.

    The fewer have it the more. A word that most of them have tells nothing, and is not there.
    """
    texts = [*texts]
    holders = Counter(word for one in texts for word in one)
    most = max(len(texts) // 2, 1)
    return {word: log((len(texts) + 1) / held) for word, held in holders.items() if held <= most}


def nearest(
    wanted: Iterable[AbstractSet[str]],
    lines: Mapping[int, Iterable[str]],
    weights: Mapping[str, float],
) -> list[int]:
    """Return the numbers of the parts with a line that shares the rarest words, nearest first.

    Those nearest to each of the wanted sets come in turn; what is less than half as near as the
    first is left out. A block's handle is no word.
    """
    words = {n: [telling(HANDLE.sub("", one)) for one in said] for n, said in lines.items()}

    def shared(asked: AbstractSet[str], number: int) -> float:
        ties = (sum(weights.get(word, 0) for word in asked & one) for one in words[number])
        return max(ties, default=0)

    near = [{number: shared(asked, number) for number in words} for asked in wanted]
    least = max((far for one in near for far in one.values()), default=0) / 2
    ranked = (
        sorted((n for n, far in one.items() if far and far >= least), key=lambda n: -one[n])
        for one in near
    )
    in_turn = (number for row in zip_longest(*ranked) for number in row if number is not None)
    return [*dict.fromkeys(in_turn)]


def words_changed(change: Change, blocks: Mapping[str, Block]) -> set[str]:
    """Return the telling words that came or went with an edit: old ones and new ones."""
    from rapidfuzz.distance import Levenshtein

    texts = [*change.removed, *(blocks[key].line for key in change.new)]
    for key, old in change.changed.items():
        was, now = old.split(), blocks[key].line.split()
        for one in Levenshtein.opcodes(was, now):
            if one.tag != "equal":
                texts += was[one.src_start : one.src_end] + now[one.dest_start : one.dest_end]
    return set[str]().union(*map(telling, texts))


def sections_near(
    points: Sequence[Finding],
    also: Collection[str],
    task: ReviewInput,
    handles: Handles,
    noted: Iterable[tuple[str, str]],
    room: int,
    way: int = 0,
) -> Excerpt:
    """Show the headings, the points' sections, the blocks that they name and those `also`.

    `way` is how little of that is shown at first: 0 all of it, 1 of the headings those above the
    rest alone, 2 of the sections the points' own blocks alone, 3 these blocks alone. With more room
    come, in this order: the blocks that the points name, each with its heading; the points'
    sections, what is nearest first; the sections that they name; those that say, or of which was
    noted, what is nearest to one.
    """
    cut, heads = sections_of(handles.blocks), sections(handles.blocks.values())
    bodies = [{one.id: one for one in (head, *body) if one} for head, body in cut]
    under = {key: number for number, body in enumerate(bodies) for key in body}
    texts = {number: [one.plain for one in body.values()] for number, body in enumerate(bodies)}
    for key, words in noted:
        texts[under[key]] += [words] if key in under else []
    named, around, near = _named(points, handles), list[str](), list[Iterable[str]]()
    weights = rarity(telling("\n".join(body)) for body in texts.values())
    for one in points:
        around += _around([*bodies[under[one.block_id]]], one.block_id)
        said = handles.with_handles(f"{one.title}\n{one.text}", one.block_id)
        others = {number: body for number, body in texts.items() if number != under[one.block_id]}
        ties = nearest([telling(f"{said}\n{one.quote}")], others, weights)
        near += [bodies[number] for number in ties[:RELATED]]
    out = under.keys() - _shown_first(points, named, around, handles)[way] - {*also}
    room -= estimated_tokens(document_text(task, handles, Excerpt(frozenset(out))))
    first = [*([heads[key], key] for key in named), *([key] for key in around)]
    for keys in (*first, *(bodies[under[key]] for key in named), *near):
        more = out.intersection(keys)
        lines = [block_lines(task, handles, handles.of_block[key]) for key in more]
        cost = sum(estimated_tokens("\n".join(one)) for one in lines)
        out, room = (out - more, room - cost) if cost <= room else (out, room)
    return Excerpt(frozenset(out))


def _named(points: Iterable[Finding], handles: Handles) -> list[str]:
    """Return the ids of the blocks that points name, in document order."""
    said = ((f"{one.title}\n{one.text}", one.block_id) for one in points)
    named = set[str]().union(*(handles.named_in(*told, surely=True) for told in said))
    return [one.id for one in handles.blocks.values() if one.id in named]


def _around(body: Sequence[str], key: str) -> list[str]:
    """Return what stands in a section, the nearest to one of it first."""
    at = body.index(key)
    return [one for _, one in sorted(enumerate(body), key=lambda pair: abs(pair[0] - at))]


def _shown_first(
    points: Iterable[Finding], named: Iterable[str], around: Iterable[str], handles: Handles
) -> tuple[set[str], ...]:
    """Return the ids of what is shown at first of points, what they name and what is around them.

    That is for each way in which it is shown, most first.
    """
    own, heads = {one.block_id for one in points}, sections(handles.blocks.values())
    ways = [own | {*named, *around}, own | {*named}]
    most, least = ({*way, *(heads[key] for key in way)} for way in ways)
    return most | {one.id for one in handles.blocks.values() if one.is_heading}, most, least, own


def telling(line: str) -> set[str]:
    """Return the words of a line that can tie it to another."""
    return {one for one in words_of(line) if len(one) >= LONG_WORD or any(map(str.isdigit, one))}


def touched(change: Change, parts: Sequence[Part]) -> list[Part]:
    """Return the parts with a marked block; of a section that only lost some, the first."""
    anew = [one for one in parts if any(map(change.is_edited, one.pieces))]
    lost = change.stirred - {one.section for one in anew}
    return [*anew, *(one for one in parts if next(iter(one.pieces)) in lost)]


def names_what_changed(named: Iterable[str], change: Change, names: Container[str]) -> bool:
    """Tell whether one of the blocks that are named changed, or went where some did; all by id.

    `names` has those that are there.
    """
    return any(
        change.is_edited(key) or (key not in names and bool(change.removed)) for key in named
    )


def naming_parts(task: ReviewInput, handles: Handles, part_of: Mapping[str, Part]) -> list[int]:
    """Return the numbers of the parts with an open point that names what changed elsewhere.

    The gravest come first.
    """
    points = sorted(task.points.values(), key=lambda one: one.finding.severity.rank)
    on = [
        one.finding.block_id
        for one in points
        if not one.closed and names_what_changed(one.beside, task.change, handles.of_block)
    ]
    return [*dict.fromkeys(part_of[key].number for key in on if key in part_of)]


def why_shown(
    group: Sequence[Part], changed: Container[Part], anew: Container[Part], named: Container[int]
) -> str:
    """Say why sections are read in a later review.

    Those `anew` changed or were not read before; those `named` have a point or a note that names
    what changed.
    """
    if all(one in changed for one in group):
        return "shown since it changed"
    if any(one in anew for one in group):
        return "shown since it changed or was not read before"
    is_named = [one.number in named for one in group]
    why = ["a point or note of yours on it names what changed"] * any(is_named)
    why += ["your notes on it share words with what changed"] * (not all(is_named))
    return f"shown again since {', or '.join(why)}"


def open_threads(
    task: ReviewInput, handles: Handles, dealt: Container[str]
) -> tuple[frozenset[str], list[str]]:
    """Return the threads where somebody waits, and the other open ones, the most urgent first.

    Those of points that name what changed come first, then the gravest; `dealt` are left out.
    """
    points, threads = task.points, [one for one in handles.threads.values() if one.id not in dealt]
    asked = frozenset(one.id for one in threads if one.waiting)

    def urgency(key: str) -> tuple[bool, int]:
        names_it = names_what_changed(points[key].beside, task.change, handles.of_block)
        return not names_it, points[key].finding.severity.rank

    own = [one.id for one in threads if one.id in points and not points[one.id].closed]
    on_page = [one.id for one in threads if one.block_id is None]
    ranked = dict.fromkeys([*sorted(own, key=urgency), *on_page])
    return asked, [one for one in ranked if one not in asked]


def threads_by_title(
    task: ReviewInput, handles: Handles, thread_ids: Sequence[str], most: int
) -> list[str]:
    """Return open threads by the titles of their points, `most` at most; the others are counted."""
    lines, names = list[str](), handles.of_block
    for key in thread_ids[:most]:
        point = task.points.get(key)
        on = names.get(point.finding.block_id, GONE) if point else ""
        lines.append(f"{INDENT}[{handles.of_thread[key]} on {on or 'the page'}]")
        if point:
            title = f"“{one_line(point.finding.title)}”{point.stands(names, names)}"
            lines[-1] += f" {point.finding.severity.value}: {title}"
    left = len(thread_ids) - len(lines)
    lines += [f"{INDENT}({counted(left, 'more open thread')} left out)"] * bool(left)
    return ["Other open threads, by title, the most urgent first:", *lines] if lines else []


def not_made_again(task: ReviewInput, made: Iterable[Finding]) -> list[Finding]:
    """Return what an earlier review kept back and this one has not made again."""
    blocks, made = task.snapshot.by_id, [*made]
    return [
        one
        for one in task.kept
        if one.block_id not in blocks or not is_repeat(one, made, blocks[one.block_id])
    ]


def rulings_told(
    rulings: Iterable[Ruling], points: Iterable[OwnPoint], handles: Handles, *, is_last: bool
) -> Iterator[str]:
    """Yield the rulings so far by the titles of their points; in the last pass with their words."""
    own = {one.id: one for one in points}
    for one in rulings:
        if point := own.get(one.finding_id):  # else a rule ruled
            words = f": {one_line(one.text)}" if is_last and one.text else ""
            named = f"{handles.of_thread[point.thread_id]} “{one_line(point.finding.title)}”"
            yield f"{INDENT}{named}: {one.verdict.value}{words}"


def changes_elsewhere(
    task: ReviewInput, handles: Handles, there: Container[str], *, removed: bool
) -> Iterator[str]:
    """Yield, a line each, the blocks that changed and are not `there`, and those that went."""
    change = task.change
    for name, block in handles.blocks.items():
        if block.id in there:
            continue
        if block.id in change.new:
            yield f"{name} is new: {one_line(block.line)}"
        elif (old := change.changed.get(block.id)) is not None:
            parts = differing_part(old, block.line), differing_part(block.line, old)
            was, now = map(one_line, parts)
            yield f"{name} was: {was or '(empty)'}; it is: {now}"
        if stood := one_line(change.where_stood(block.id, handles.of_block, handles.brief)):
            yield f"{name} was moved, it {stood}: {one_line(block.line)}"
    yield from (f"removed: {one_line(line)}" for line in change.removed if removed)
