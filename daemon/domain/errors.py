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
├── UnknownItem           2     no such page, review, draft or comment in the state
├── BudgetEmpty           3     the tokens or money of a day or month are spent; pages stay due
├── BudgetSpent           3     the budget of an evaluation is spent; what was done is kept
├── PageSpent             3     what one page may take in a day is spent; the others go on
├── PageTooLarge          3     no model can take the page; the others go on
├── PageRejected          3     the models answer, but not about this page; the others go on
├── PromptUnusable        3     a prompt page was never good: its database is not reviewed
├── ModelRefused          3     a provider refuses its key or model; the next one goes on
└── NotionError           3     one request failed; its page waits, the sweep goes on
    ├── Missing                 404: gone or not shared, Notion does not tell which
    ├── Forbidden               403: of one page, unless several show more
    │   └── CapabilityOff       several pages are refused: the connection may not do it
    ├── Invalid                 400: the request can never succeed
    ├── Incomplete              an answer with a hole: never hashed, never reviewed
    └── Unclear                 a write that may have been saved
"""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class ReviewError(Exception):
    """A failure that is shown as one line: what failed, why, and what to do."""

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


class UnknownItem(ReviewError):
    """The state has no page, review, draft or comment of the given name."""

    exit_code = 2


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


class BudgetSpent(ReviewError):
    """What an evaluation may spend is spent, or what all may spend in a day or a month."""

    exit_code = 3


class PageSpent(ReviewError):
    """What may be spent on one page in a day is spent; this page waits until `until`."""

    exit_code = 3

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class PageTooLarge(ReviewError):
    """No model of the chain can take this page, however much of it is left out."""

    exit_code = 3


class PageRejected(ReviewError):
    """The models answer, and none of them gave a review of this page."""

    exit_code = 3


class PromptUnusable(ReviewError):
    """The prompt page of a database was never in order, so none of its pages is reviewed."""

    exit_code = 3


class ModelRefused(ReviewError):
    """A provider refuses its key, or the model; another one of the chain goes on."""

    exit_code = 3

    def __init__(self, fault: ReviewError) -> None:
        super().__init__(f"{fault}; the next model goes on")
        self.fault = fault


class ModelsDown(Unavailable):
    """No provider of the chain answers."""


class NotionError(ReviewError):
    """One request to Notion failed for good."""

    exit_code = 3


class Missing(NotionError):
    """404: gone or not shared; Notion does not tell which."""


class Forbidden(NotionError):
    """403, or a refusal that speaks of permission: of one page, unless several show more."""


class CapabilityOff(Forbidden):
    """What the connection may not do on any page, as far as is seen."""


class Invalid(NotionError):
    """400: the same request can never succeed."""


class Incomplete(NotionError):
    """An answer with a hole, such as `has_more` without a cursor."""


class Unclear(NotionError):
    """A write whose answer was lost: it may have been saved."""


# By httpx's names, which httpx2 has too.
_NOT_CONNECTED = ("ConnectError", "ConnectTimeout", "ProxyError")


def why_not_connected(error: BaseException, proxy: str = "") -> str:
    """Return why no connection was made, and what to do where that is known.

    Args:
        error: What an HTTP client raised, with its causes.
        proxy: The proxy on the way, in words; "" for none.

    Returns:
        "" where something else failed.
    """
    causes = list(_causes(error))
    if not any(type(one).__name__ in _NOT_CONNECTED for one in causes):
        return ""
    for one in causes:
        # The certificate's own trouble, such as "self-signed certificate".
        if untrusted := getattr(one, "verify_message", ""):
            way = f" through the proxy {proxy}" if proxy else ""
            return (
                f"its certificate{way} is not trusted ({untrusted}); put the certificate of its "
                "authority into a file, and name that in SSL_CERT_FILE"
            )
        if getattr(one, "reason", "") == "WRONG_VERSION_NUMBER":  # of ssl.SSLError
            return "it speaks no TLS there; write http:// in its address"
    # The system's words; asyncio puts its own in the place of these two, with the address.
    words = {ConnectionRefusedError: "connection refused", TimeoutError: "timed out"}
    said = [
        words.get(type(one), str(one.strerror).lower())
        for one in causes
        if isinstance(one, OSError) and one.strerror
    ]
    why = said[-1] if said else " ".join(str(causes[0]).split()) or type(causes[0]).__name__
    if proxy:
        remedy = "see that it runs, or name the host in NO_PROXY"
        return f"the proxy {proxy} gives no connection ({why}); {remedy}"
    return why


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it; of several attempts at once, the first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__
