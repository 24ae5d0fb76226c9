"""What a prompt page sets besides its prose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from daemon.domain.values import Severity


@dataclass(frozen=True, slots=True)
class Rules:
    """What a prompt page sets besides its prose.

    Attributes:
        limits: Limits of the config by name; they only narrow what the config allows.
        report: The least severity that is posted; None for the config's.
        sections: The sections that a document should have.
        checklist: What every summary must answer.
    """

    limits: tuple[tuple[str, float], ...] = ()
    report: Severity | None = None
    sections: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()


NO_RULES = Rules()
