"""The errors, one class for each reaction.

ReviewError                     shown as one line; carries the exit code
├── ConfigError          78     config.yaml or a secret: every problem at once
├── StateDamaged         65     damaged, or from a newer version
├── StateUnwritable      74     disk full, folder not writable
├── StateForeign         77     the state belongs to another user
├── LockHeld             75     another instance is at work
├── TokenRefused         77     Notion or a model provider refused the key
├── AccessLost           77     a database is not shared, or has vanished
├── Unavailable          69     Notion is out of reach
│   └── ModelsDown       69     every model is out of reach; the pages stay due
├── BudgetEmpty           3     the tokens or money of a day or month are spent; pages stay due
├── PageSpent             3     what one page may take in a day is spent; the others go on
├── PageTooLarge          3     no model can take the page; the others go on
└── NotionError           3     one request failed; its page waits, the sweep goes on
    ├── Missing                 404: gone or not shared, Notion does not tell which
    ├── Forbidden               403: a capability is off
    ├── Invalid                 400: the request can never succeed
    ├── Incomplete              an answer with a hole: never hashed, never reviewed
    └── Unclear                 a write that may have been saved
"""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from datetime import datetime


class ReviewError(Exception):
    """A failure that is told in one line: what, why, what to do."""

    exit_code = 1


class ConfigError(ReviewError):
    """config.yaml or a secret is wrong; `problems` holds one line each."""

    exit_code = 78

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StateDamaged(ReviewError):
    """The state cannot be read, or was written by a newer version."""

    exit_code = 65


class StateUnwritable(ReviewError):
    """The state cannot be written."""

    exit_code = 74


class StateForeign(ReviewError):
    """The state belongs to another user of this machine."""

    exit_code = 77


class LockHeld(ReviewError):
    """Another instance works on the same state."""

    exit_code = 75


class TokenRefused(ReviewError):
    """A key was refused: nothing is tried again before someone mends it."""

    exit_code = 77


class AccessLost(ReviewError):
    """A database is not shared with the connection, or is gone."""

    exit_code = 77


class Unavailable(ReviewError):
    """A service cannot be reached, after every attempt."""

    exit_code = 69


class BudgetEmpty(ReviewError):
    """What may be spent on models in a day or a month is spent; pages stay due until `until`."""

    exit_code = 3

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class PageSpent(ReviewError):
    """What may be spent on one page in a day is spent; this page waits until `until`."""

    exit_code = 3

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class PageTooLarge(ReviewError):
    """No model of the chain can take this page, however much of it is left out."""

    exit_code = 3


class ModelsDown(Unavailable):
    """No provider of the chain answers."""


class NotionError(ReviewError):
    """One request to Notion failed for good."""

    exit_code = 3


class Missing(NotionError):
    """404: gone or not shared; Notion does not tell which."""


class Forbidden(NotionError):
    """403: a capability of the connection is off."""


class Invalid(NotionError):
    """400: the same request can never succeed."""


class Incomplete(NotionError):
    """An answer with a hole, such as `has_more` without a cursor."""


class Unclear(NotionError):
    """A write whose answer was lost: it may have been saved."""
