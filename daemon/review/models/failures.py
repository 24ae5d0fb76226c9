"""What a failed model request means: try again, go to the next provider, shrink, or say it.

Down                the next provider takes over
├── Hiccup          worth another attempt first
└── Unfit           for this document only
TooLong             the same provider, with less of the document
Flagged             the provider will not read this document
ReviewError         a mistake in the configuration: told at once
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.domain.errors import ConfigError, TokenRefused


if TYPE_CHECKING:
    from pydantic_ai.exceptions import AgentRunError, ModelHTTPError


DETAIL = 200  # characters of a vendor's own words that a message repeats
_TRANSIENT = (408, 409, 429)
_UNKNOWN_KEY = 401
_REFUSED = (_UNKNOWN_KEY, 403)
_NO_SUCH_MODEL = 404
_TOO_LARGE = 413
_SERVER = 500
# By httpx2's names: the connection was never made, so nothing went through it.
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol")
# What a parser stumbles over where an answer has another shape than the vendor's.
_SHAPE_ERRORS = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
_TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|prompt is too long"
    r"|context (?:length|size|window)",
    re.IGNORECASE,
)
# llama.cpp, OpenAI and vLLM, Anthropic: each has its own way to tell how much would have fitted.
_WINDOW = re.compile(r"n_ctx\W+(\d+)|maximum context length(?: is|:)? (\d+)|> (\d+) maximum")
# https://developers.openai.com/api/docs/guides/error-codes: the prompt itself was flagged
_FLAGGED = ("content_filter", "content_policy_violation", "invalid_prompt")


class Down(Exception):
    """This provider will not do now; the message says why in a few words."""


class Hiccup(Down):
    """A failure that may be over in a moment; `after` is the wait the provider asked for, in s."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Unfit(Down):
    """The document does not fit into this model's window, however much of it is left out."""


class TooLong(Exception):
    """The prompt does not fit; `tokens` is the size of the window where the answer tells it."""

    def __init__(self, tokens: int | None = None) -> None:
        super().__init__("the prompt does not fit into the model's window")
        self.tokens = tokens


class Flagged(Exception):
    """The provider refused the prompt for what it says."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request went, in the words of a message; `secret` never appears in one."""

    name: str
    key_variable: str
    url_variable: str
    own_server: bool
    secret: str = field(default="", repr=False)


def sort_out(error: Exception, origin: Origin) -> Exception:
    """Return what `error`, raised by a model request, means for the review.

    An error that says nothing about the provider, such as a wrong use of the library, is returned
    as it is.
    """
    from pydantic_ai import exceptions as vendor

    if isinstance(error, vendor.ModelHTTPError):
        return _by_status(error, origin)
    if isinstance(error, vendor.ModelAPIError | vendor.UnexpectedModelBehavior):
        return _by_kind(error, _told(error, origin))
    if isinstance(error, _SHAPE_ERRORS):
        return Hiccup(f"malformed answer: {type(error).__name__}")
    return error


def is_unbilled(error: Exception) -> bool:
    """Tell whether a failed request certainly cost nothing: it was refused, or never arrived.

    A request whose answer was lost or cannot be read may have been billed.
    """
    from pydantic_ai import exceptions as vendor

    if isinstance(error, vendor.ModelHTTPError):
        return True
    return any(type(cause).__name__ in _NEVER_SENT for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _by_kind(error: AgentRunError, told: str) -> Exception:
    """Judge a failure that came without a status: below HTTP, or inside an answer."""
    from pydantic_ai import exceptions as vendor

    if getattr(error, "provider_error_code", None) in _FLAGGED:
        return Flagged(told)
    match error:
        case vendor.ModelContextWindowExceededError():
            return TooLong(_window(told))
        case vendor.ModelQuotaExceededError():
            return Down(told)
        case vendor.ModelTimeoutError():
            return Hiccup("timed out")
        case vendor.ModelConnectionError():
            return Hiccup(f"no connection: {told}")
    is_unreadable = type(error) in (vendor.ModelAPIError, vendor.UnexpectedModelBehavior)
    return Hiccup(f"malformed answer: {told}" if is_unreadable else told)


def _by_status(error: ModelHTTPError, origin: Origin) -> Exception:
    from pydantic_ai import exceptions as vendor

    status, told = error.status_code, _told(error, origin)
    if isinstance(error, vendor.ModelQuotaExceededError):
        return Down(f"{status} {told}")
    if isinstance(error, vendor.ModelContextWindowExceededError) or _is_too_long(error):
        return TooLong(_window(str(error.body)))
    if status in _TRANSIENT or status >= _SERVER:
        # The vendors say in `x-should-retry` where they know that another attempt is in vain.
        hopeless = error.provider_retry_hint is False
        return (
            Down(f"{status} {told}") if hopeless else Hiccup(f"{status} {told}", error.retry_after)
        )
    if error.provider_error_code in _FLAGGED:
        return Flagged(told)
    return _mistake(error, told, origin)


def _mistake(error: ModelHTTPError, told: str, origin: Origin) -> Exception:
    """Return the error that names what to mend: the key, the model or the address."""
    status = error.status_code
    if status in _REFUSED:
        # What a 401 says is left out: some servers repeat part of the key in it.
        why = f"{status}" if status == _UNKNOWN_KEY else f"{status} {told}"
        return TokenRefused(
            f"{origin.name}: the key in {origin.key_variable} was refused ({why}); put a valid one "
            f"there that may use this model"
        )
    address = f", or the address in {origin.url_variable}" if origin.own_server else ""
    if status == _NO_SUCH_MODEL:
        meant = f" (did you mean {error.suggested_model_id}?)" if error.suggested_model_id else ""
        return ConfigError(
            f"{origin.name}: the provider knows no such model{meant}; correct the name under "
            f"`models` in config.yaml{address}"
        )
    return ConfigError(
        f"{origin.name}: the provider rejects the request ({status} {told}); choose another model "
        f"under `models` in config.yaml{address}"
    )


def _is_too_long(error: ModelHTTPError) -> bool:
    if error.status_code == _TOO_LARGE:
        return True
    asked_wrongly = error.status_code not in (*_REFUSED, _NO_SUCH_MODEL, *_TRANSIENT)
    return asked_wrongly and _TOO_LONG.search(str(error.body)) is not None


def _window(said: str) -> int | None:
    found = _WINDOW.search(said)
    return int(next(filter(None, found.groups()))) if found else None


def _told(error: Exception, origin: Origin) -> str:
    """Return the vendor's own words on one line: short, and without the key."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else body
    text = inner.get("message") if isinstance(inner, dict) else inner
    words = " ".join(str(text or getattr(error, "message", "") or type(error).__name__).split())
    if origin.secret:
        words = words.replace(origin.secret, "…")
    return words if len(words) <= DETAIL else words[: DETAIL - 1] + "…"
