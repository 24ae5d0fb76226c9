"""What a rule reports, and how it becomes a finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from daemon.domain.findings import title_of
from daemon.domain.values import Finding, Severity
from daemon.review.offline.document import Passage


TITLE_QUOTE = 40  # characters


class Kind(StrEnum):
    """A rule. The value opens the text of its findings, so that a finding tells its rule."""

    MISSING = "Missing"
    EMPTY = "Empty section"
    LEFTOVER = "Left open"
    COUNT = "Count is off"
    REFERENCE = "Points nowhere"
    DATE = "Date has passed"
    DOUBLED = "Word doubled"

    @property
    def severity(self) -> Severity:
        """How much a finding of this rule matters."""
        if self in (Kind.MISSING, Kind.EMPTY, Kind.LEFTOVER, Kind.DATE):
            return Severity.IMPORTANT
        return Severity.MINOR


@dataclass(frozen=True, slots=True)
class Hit:
    """A defect in one passage: `start` and `end` bound the quote in the block's plain text."""

    kind: Kind
    passage: Passage
    start: int
    end: int
    detail: str

    @property
    def finding(self) -> Finding:
        """The hit as it crosses to the rest of the program."""
        block = self.passage.block
        quote = block.plain[self.start : self.end]
        text = f"{self.kind}: {self.detail}"
        line = " ".join(quote.split())
        short = line if len(line) <= TITLE_QUOTE else f"{line[: TITLE_QUOTE - 1].rstrip()}…"
        said = self.detail if self.kind is Kind.MISSING else f"“{short}”"
        title = title_of(f"{self.kind}: {said}")
        return Finding(block.id, quote, text, self.kind.severity, title=title)


def whole(kind: Kind, passage: Passage, detail: str) -> Hit:
    """Return a hit that quotes the whole block."""
    plain = passage.block.plain
    start = len(plain) - len(plain.lstrip())
    return Hit(kind, passage, start, len(plain.rstrip()), detail)


def kind_of(finding: Finding) -> Kind | None:
    """Return the rule that raised `finding`; None where none of these did."""
    opening = finding.text.partition(":")[0]
    return next((kind for kind in Kind if kind == opening), None)
