"""What a failed model request leads to; `answers` decides by a table what it means.

Down                  the next model takes over
└── Hiccup            worth another attempt first
Unfit                 this model cannot take this document; the next one may
├── WindowTooSmall    however much of it is left out
├── Hollow            its answer holds nothing that can be used
│   └── CutShort      for it was cut off before that
└── Flagged           its provider does not let it read the document
Rejected              the document's fault or the configuration's: a tiny request shows which
TooLong               the same model, with less of the document
ReviewError           a mistake in the configuration
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.domain.errors import ConfigError, ReviewError, TokenRefused, why_not_connected
from daemon.domain.providers import Provider
from daemon.domain.secrets import Place
from daemon.review.models.answers import (
    Meaning,
    cure,
    is_about_the_key,
    meaning,
    own_words,
    window_told,
)


if TYPE_CHECKING:
    from pydantic_ai.exceptions import AgentRunError, ModelHTTPError


DETAIL = 200  # characters of a provider's own words that a message repeats
_UNKNOWN_KEY = 401
_BUSY = (429, 529)  # for everybody who asks now
# By httpx2's names: the connection was never made, so nothing went through it.
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol")
# What the SDKs' parsers raise where an answer has another shape than the provider's.
_SHAPE_ERRORS = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
# https://developers.openai.com/api/docs/guides/error-codes: the prompt itself was flagged
_FLAGGED = ("content_filter", "content_policy_violation", "invalid_prompt")


class Down(Exception):
    """This provider cannot answer now; the message says why in a few words.

    Attributes:
        for_all: Whether every other request would meet it too; else it may be this document's.
        since: When the attempts that failed began, by the chain's clock.
    """

    def __init__(self, reason: str, *, for_all: bool = False) -> None:
        super().__init__(reason)
        self.for_all = for_all
        self.since = 0.0


class Hiccup(Down):
    """A failure that may be over in a moment; `after` is the wait the provider asked for, in s."""

    def __init__(self, reason: str, after: float | None = None, *, for_all: bool = False) -> None:
        super().__init__(reason, for_all=for_all)
        self.after = after


class Unfit(Exception):
    """This model cannot take this document; the message says why in a few words."""


class WindowTooSmall(Unfit):
    """The document does not fit into this model's window, however much of it is left out."""


class Flagged(Unfit):
    """The provider refused the document for what it says."""


class Rejected(Exception):
    """The provider refused a request; `mistake` is what that means if it refuses every one."""

    def __init__(self, reason: str, mistake: ReviewError) -> None:
        super().__init__(reason)
        self.mistake = mistake


class Hollow(Unfit):
    """The model answered, and nothing in its answer can be used; names what may help."""


class CutShort(Hollow):
    """Its answer was cut off before a word or a call of use."""


class TooLong(Exception):
    """The prompt does not fit; `tokens` is the size of the window where the answer tells it."""

    def __init__(self, tokens: int | None = None) -> None:
        super().__init__("the prompt does not fit into the model's window")
        self.tokens = tokens


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a request goes, for messages about it.

    Attributes:
        name: The model, as the config names it.
        provider: Whose API is spoken.
        own_server: Whether another server than the provider's own speaks it.
        secret: The key; never part of a message.
        proxy: The proxy on the way there, in words; "" for none.
        key_place: Where the key is set; None: in its variable.
        url_place: Where the server's address is set; None: in its variable.
    """

    name: str
    provider: Provider
    own_server: bool
    secret: str = field(default="", repr=False)
    proxy: str = ""
    key_place: Place | None = None
    url_place: Place | None = None


def sort_out(error: Exception, destination: Destination) -> Exception:
    """Return what `error`, raised by a model request, means for the review.

    An error that says nothing about the provider, such as a wrong use of the library, is returned
    as it is.
    """
    from pydantic_ai import exceptions

    if isinstance(error, exceptions.ModelHTTPError):
        return _by_status(error, destination)
    if isinstance(error, exceptions.ModelAPIError | exceptions.UnexpectedModelBehavior):
        told = why_not_connected(error, destination.proxy) or _told(error, destination)
        return _by_kind(error, told)
    if isinstance(error, _SHAPE_ERRORS):
        return Hiccup(f"malformed answer: {type(error).__name__}")
    return error


def is_unbilled(error: Exception) -> bool:
    """Tell whether a failed request certainly cost nothing: it was refused, or never arrived.

    A request whose answer was lost or cannot be read may have been billed.
    """
    from pydantic_ai import exceptions

    if isinstance(error, exceptions.ModelHTTPError):
        return True
    cause: BaseException | None = error
    while cause is not None and type(cause).__name__ not in _NEVER_SENT:
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _by_kind(error: AgentRunError, told: str) -> Exception:
    """Judge a failure that came without a status: below HTTP, or inside an answer."""
    from pydantic_ai import exceptions

    if getattr(error, "provider_error_code", None) in _FLAGGED:
        return Flagged(f"its provider flagged the document ({told})")
    match error:
        case exceptions.ModelContextWindowExceededError():
            return TooLong(window_told(told))
        case exceptions.ModelQuotaExceededError():
            return Down(told, for_all=True)
        case exceptions.ModelTimeoutError():
            return Hiccup("timed out")
        case exceptions.ModelConnectionError():
            return Hiccup(f"no connection: {told}", for_all=is_unbilled(error))
    if type(error) is exceptions.UnexpectedModelBehavior:
        told = told.partition(": ")[0]  # what follows is the library's report for programmers
    is_unreadable = type(error) in (exceptions.ModelAPIError, exceptions.UnexpectedModelBehavior)
    return Hiccup(_with_cure(f"malformed answer: {told}", told) if is_unreadable else told)


def _by_status(error: ModelHTTPError, destination: Destination) -> Exception:
    from pydantic_ai import exceptions

    words = f"{error.body} {error.provider_error_code or ''}"
    said = f"{error.status_code} {_told(error, destination)}"
    found = meaning(error.status_code, words)
    if isinstance(error, exceptions.ModelQuotaExceededError):
        found = Meaning.ACCOUNT
    elif isinstance(error, exceptions.ModelContextWindowExceededError):
        found = Meaning.TOO_LONG
    match found:
        case Meaning.TOO_LONG:
            return TooLong(window_told(words))
        case Meaning.FLAGGED:
            return Flagged(f"its provider flagged the document ({said})")
        case Meaning.ACCOUNT:
            return Down(_with_cure(said, words), for_all=True)
        case Meaning.PASSING:
            # Providers say in `x-should-retry` where they know that another attempt is in vain.
            busy, said = error.status_code in _BUSY, _with_cure(said, words)
            hopeless = error.provider_retry_hint is False
            passing = Hiccup(said, error.retry_after, for_all=busy)
            return Down(said, for_all=busy) if hopeless else passing
        case Meaning.REJECTED:
            return Rejected(said, _mistake(error, said, words, destination))
        case Meaning.KEY | Meaning.MODEL:
            return _mistake(error, said, words, destination)


def _mistake(error: ModelHTTPError, said: str, words: str, destination: Destination) -> ReviewError:
    """Return the error that names what to mend: the key, the model or the address."""
    status, provider = error.status_code, destination.provider
    key = destination.key_place or Place(provider.key_variable)
    url = destination.url_place or Place(provider.url_variable)
    if is_about_the_key(status, words):
        # What a 401 says is left out: some servers repeat part of the key in it.
        why = f"{status}" if status == _UNKNOWN_KEY else said
        return TokenRefused(
            f"{destination.name}: the key in {key.name} was refused ({why}); put a "
            f"valid one there that may use this model{key.then}"
        )
    address = f", or the address in {url.name}{url.then}" if destination.own_server else ""
    if remedy := cure(words):
        return ConfigError(
            f"{destination.name}: the provider rejects the request ({said}); {remedy}"
        )
    if meaning(status, words) is Meaning.MODEL:
        meant = f" (did you mean {error.suggested_model_id}?)" if error.suggested_model_id else ""
        return ConfigError(
            f"{destination.name}: the provider knows no such model{meant} ({said}); correct the "
            f"name under `models` in config.yaml{address}"
        )
    return ConfigError(
        f"{destination.name}: the provider rejects the request ({said}); choose another "
        f"model under `models` in config.yaml{address}"
    )


def _with_cure(said: str, words: str) -> str:
    remedy = cure(words)
    return f"{said}; {remedy}" if remedy else said


def _told(error: Exception, destination: Destination) -> str:
    """Return the provider's own words on one line: short, and without the key."""
    words = own_words(getattr(error, "body", None))
    words = words or " ".join(str(getattr(error, "message", "") or type(error).__name__).split())
    if destination.secret:
        words = words.replace(destination.secret, "…")
    return words if len(words) <= DETAIL else words[: DETAIL - 1] + "…"
