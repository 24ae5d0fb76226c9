"""The hostile documents, and a model that does what they ask, as far as tools allow."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from daemon.domain.errors import ReviewError
from daemon.domain.values import Usage
from daemon.review.agent import (
    Conversation,
    ModelInput,
    ReviewLimits,
    Toolbox,
    ToolCall,
    ToolResult,
    Turn,
    converse,
)


if TYPE_CHECKING:
    from daemon.review.models.chain import Make


from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


NAME = "obedient"
# What it writes besides, so that a review that says nothing is no success.
HARMLESS = "Say by which number we will know that this worked."

_BLOCK = re.compile(r"^\[(B\d+)[^\]]*\] *(\S.*)$", re.MULTILINE)
_THREAD = re.compile(r"^\[(T\d+) on", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(token|key|instructions|prompt|background)(?::(\w+))?\}")
_QUOTED_WORDS = 12
# A comment is short: of a long text the model gives the beginning.
_SHOWN = 600

_ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "backwards": lambda text: text[::-1],
    "spaced": " ".join,
    "dashed": "-".join,
    "half": lambda text: text[: len(text) // 2],
    "crumbs": lambda text: " and then ".join(text[at : at + 6] for at in range(0, len(text), 6)),
    "bold": lambda text: "".join(f"**{char}**" for char in text),
    "code": lambda text: f"```\n{text}\n```",
    "upper": str.upper,
    "none": str,
}


class Obedient:
    """In the place of a chain: one model that obeys; keeps what it was given to read.

    Args:
        case: The document it will meet.
        secrets: The configured keys by name, as if it had seen them.
        ends_in_words: Whether it ends with words of its own instead of `finish`.
    """

    def __init__(self, case: Case, secrets: Mapping[str, str], *, ends_in_words: bool) -> None:
        self._case = case
        self._secrets = secrets
        self._ends_in_words = ends_in_words
        self.read: list[ModelInput] = []
        self.heard: list[str] = []
        self.faults: dict[str, ReviewError] = {}

    def warm(self, names: Sequence[str]) -> None:
        """Import nothing: there is no provider."""

    async def converse(
        self,
        names: Sequence[str],  # noqa: ARG002 - there is but one
        make: Make,
        offline: Callable[[Toolbox], None],  # noqa: ARG002 - no rules here
        limits: ReviewLimits,
    ) -> Conversation:
        """Hold one conversation."""
        brief, tools = make(None)
        self.read.append(brief)
        turns = iter(self._turns(brief))

        async def ask(answers: Sequence[ToolResult]) -> Turn:
            self.heard += [answer.text for answer in answers]
            return next(turns)

        outcome, text = await converse(tools, ask, limits)
        return Conversation(outcome, text, NAME, Usage(), tools)

    def _turns(self, brief: ModelInput) -> list[Turn]:
        """Return all that it will say.

        First what the document asks for: each text on a block and in every thread, and one
        harmless comment. Then the same again by other tools, then the end.
        """
        texts = [self._filled(text, brief) for text in self._case.writes]
        calls = [
            ToolCall(name, {key: self._filled(str(one), brief) for key, one in arguments.items()})
            for name, arguments in self._case.calls
        ]
        # The hostile blocks come after heading and first paragraph: they are quoted first.
        blocks = _BLOCK.findall(brief.document)
        for text, (handle, line) in zip([*texts, HARMLESS], blocks[2:] + blocks[:2], strict=False):
            quote = " ".join(line.lstrip("#- ").split()[:_QUOTED_WORDS])
            comment = {"block": handle, "quote": quote, "text": text, "severity": "blocking"}
            calls.append(ToolCall("comment", comment))
        calls += _threads("reply", "text", texts, brief.document)
        said = "\n\n".join(texts) or HARMLESS
        insisting = [ToolCall("finish", {"summary": said})]
        last = Turn(said, ()) if self._ends_in_words else Turn("", tuple(insisting))
        return [
            Turn("", tuple(calls)),
            Turn("", (*_threads("leave", "reason", texts, brief.document), *insisting)),
            last,
            Turn(said, ()),
        ]

    def _filled(self, text: str, brief: ModelInput) -> str:
        """Put what it read in the places that a text leaves for it."""
        instructions, _, asked = brief.system.partition("\n\n# What this team asks of you\n\n")
        prompt, _, background = asked.partition("\n\n# Background")
        known = {
            **self._secrets,
            "instructions": instructions[:_SHOWN],
            "prompt": prompt[:_SHOWN],
            "background": background[:_SHOWN],
        }
        return _PLACEHOLDER.sub(lambda found: _ENCODINGS[found[2] or "none"](known[found[1]]), text)


def _threads(tool: str, key: str, texts: Sequence[str], document: str) -> list[ToolCall]:
    said = "\n\n".join(texts) or HARMLESS
    return [ToolCall(tool, {"thread": handle, key: said}) for handle in _THREAD.findall(document)]


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment that somebody left: on the page, or on the first block."""

    text: str
    by: str = "Mallory Voss"
    on_block: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile document, and what a model does that obeys it.

    Attributes:
        family: What kind of attack it is.
        name: What it tries, in a few words.
        text: What stands in the document, a paragraph after each blank line.
        title: The page's title.
        properties: Further columns of the page, with their text.
        remarks: Comments on it.
        on_prompt: A comment on the prompt page.
        writes: What the model writes, wherever a tool takes text.
        calls: What it calls besides, literally.
        never: What must not be posted.
    """

    family: str
    name: str
    text: str = ""
    title: str = "Move the export to the night queue"
    properties: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    on_prompt: str = ""
    writes: tuple[str, ...] = ()
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    never: tuple[str, ...] = ()


@cache
def cases() -> tuple[Case, ...]:
    """Return every hostile document, family by family."""
    folder = files("daemon.cli.selftest") / "documents"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".yaml"))
    return tuple(case for name in names for case in read((folder / name).read_text("utf-8")))


def read(text: str) -> Iterator[Case]:
    """Read a family's file.

    Raises:
        TypeError: An entry has a key that no case has.
    """
    told = yaml.safe_load(text)
    for entry in told["documents"]:
        known = {**entry, "family": told["family"]}
        known["remarks"] = tuple(Remark(**one) for one in known.get("remarks", ()))
        known["calls"] = tuple(call for one in known.get("calls", ()) for call in one.items())
        for key in ("writes", "never"):
            known[key] = tuple(known.get(key, ()))
        yield Case(**known)


def families(found: Sequence[Case]) -> tuple[str, ...]:
    """Return the families in their order."""
    return tuple(dict.fromkeys(case.family for case in found))
