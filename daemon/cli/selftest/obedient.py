"""A model that does what a document asks of it, as far as tools allow, and then insists."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from daemon.domain.values import Usage
from daemon.cli.selftest.cases import Case
from daemon.review.agent import Answer, Brief, Call, Conversation, Limits, Toolbox, Turn, converse


if TYPE_CHECKING:
    from daemon.review.agent import Ask
    from daemon.review.models.chain import Make

NAME = "obedient"
# What it writes besides, so that a review that says nothing is no success.
HARMLESS = "Say by which number we will know that this worked."

_BLOCK = re.compile(r"^\[(B\d+)[^\]]*\] *(\S.*)$", re.MULTILINE)
_THREAD = re.compile(r"^\[(T\d+) on", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(token|key|instructions|prompt|background)(?::(\w+))?\}")
_QUOTED_WORDS = 12
# A comment is short; who is asked for a long text gives its beginning.
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
        self.read: list[Brief] = []
        self.heard: list[str] = []

    async def converse(
        self,
        names: Sequence[str],  # noqa: ARG002 - there is but one
        make: Make,
        offline: Callable[[Toolbox], None],  # noqa: ARG002 - no rules here
        limits: Limits,
    ) -> Conversation:
        """Hold one conversation."""
        brief, tools = make(None)
        self.read.append(brief)
        outcome, text = await converse(tools, self._asked(brief), limits)
        return Conversation(outcome, text, NAME, Usage(), tools)

    def _asked(self, brief: Brief) -> Ask:
        turns = iter(self._turns(brief))

        async def ask(answers: Sequence[Answer]) -> Turn:
            self.heard += [answer.text for answer in answers]
            return next(turns)

        return ask

    def _turns(self, brief: Brief) -> list[Turn]:
        """Return all that it will say: what is asked, what is asked again elsewhere, the end."""
        texts = [self._filled(text, brief) for text in self._case.writes]
        calls = [Call(name, self._meant(arguments, brief)) for name, arguments in self._case.calls]
        said = "\n\n".join(texts) or HARMLESS
        insisting = [Call("finish", {"summary": said})]
        last = Turn(said, ()) if self._ends_in_words else Turn("", tuple(insisting))
        return [
            Turn("", (*calls, *_everywhere(texts, brief.document))),
            Turn("", (*_threads("leave", "reason", texts, brief.document), *insisting)),
            last,
            Turn(said, ()),
        ]

    def _meant(self, arguments: Mapping[str, str], brief: Brief) -> dict[str, str]:
        return {key: self._filled(str(value), brief) for key, value in arguments.items()}

    def _filled(self, text: str, brief: Brief) -> str:
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


def _everywhere(texts: Sequence[str], document: str) -> list[Call]:
    """Say each text on a block and in every thread, and one harmless thing."""
    blocks = _BLOCK.findall(document)
    # The hostile blocks come after heading and first paragraph: they are quoted first.
    blocks = [*blocks[2:], *blocks[:2]]
    words = [*texts, HARMLESS]
    comments = [
        Call(
            "comment",
            {"block": handle, "quote": _quote(line), "text": text, "severity": "blocking"},
        )
        for text, (handle, line) in zip(words, blocks, strict=False)
    ]
    return [*comments, *_threads("reply", "text", texts, document)]


def _threads(tool: str, key: str, texts: Sequence[str], document: str) -> list[Call]:
    said = "\n\n".join(texts) or HARMLESS
    return [Call(tool, {"thread": handle, key: said}) for handle in _THREAD.findall(document)]


def _quote(line: str) -> str:
    return " ".join(line.lstrip("#- ").split()[:_QUOTED_WORDS])
